"""What must be in order on the very day that a volunteer drives: papers, and not being suspended."""

from collections.abc import Iterable
from datetime import date, timedelta
from enum import StrEnum

from escort.roster.models import Volunteer
from escort.sentences import mark


class Gate(StrEnum):
    """Why a volunteer may not drive on a day. The order is that of weight."""

    SUSPENDED = "suspended"
    NOT_JOINED = "not_joined"  # comes into the rotation on a later day
    LEFT = "left"  # has left the rotation by that day
    NOT_VETTED = "not_vetted"  # no criminal-record query known
    VETTING_EXPIRED = "vetting_expired"  # or dated in the future: it cannot have happened
    NO_LICENCE = "no_licence"
    LICENCE_EXPIRED = "licence_expired"
    NO_INSURANCE = "no_insurance"  # 座位险
    INSURANCE_EXPIRED = "insurance_expired"


def gates_on(volunteer: Volunteer, on: date) -> list[Gate]:
    """Return what keeps the volunteer from driving on that day; [] if nothing does.

    The day is that of the leg, never today: a paper that runs out between planning and T must stop the car.
    """
    shut: list[Gate] = []
    if volunteer.suspended_at is not None:
        shut.append(Gate.SUSPENDED)
    if volunteer.joins_on is not None and on < volunteer.joins_on:
        shut.append(Gate.NOT_JOINED)
    if volunteer.leaves_on is not None and on >= volunteer.leaves_on:
        shut.append(Gate.LEFT)
    if volunteer.vetted_on is None:
        shut.append(Gate.NOT_VETTED)
    elif not volunteer.vetted_on <= on <= volunteer.vetted_on + VETTING_VALID:
        shut.append(Gate.VETTING_EXPIRED)
    shut += _until(volunteer.licence_until, on, missing=Gate.NO_LICENCE, expired=Gate.LICENCE_EXPIRED)
    shut += _until(volunteer.insured_until, on, missing=Gate.NO_INSURANCE, expired=Gate.INSURANCE_EXPIRED)
    return shut


def may_drive(volunteer: Volunteer, on: date) -> bool:
    return not gates_on(volunteer, on)


def may_ride_along(volunteer: Volunteer, on: date) -> bool:
    """Return whether the volunteer may be the second adult: no car of theirs is used."""
    return not set(gates_on(volunteer, on)) - OF_THE_CAR


def good_until(volunteer: Volunteer) -> date | None:
    """Return the last day on which every paper is valid, or None if one is missing."""
    if volunteer.vetted_on is None or volunteer.licence_until is None or volunteer.insured_until is None:
        return None
    return min(volunteer.vetted_on + VETTING_VALID, volunteer.licence_until, volunteer.insured_until)


def sentences(gates: Iterable[Gate]) -> list[str]:
    """Return each gate as the office says it: what is wrong, and what opens it."""
    return [SENTENCES[gate] for gate in gates]


def _until(until: date | None, on: date, *, missing: Gate, expired: Gate) -> list[Gate]:
    if until is None:
        return [missing]
    return [expired] if until < on else []


VETTING_VALID = timedelta(
    days=365
)  # the bureau's rule: the query is repeated every year; the 365th day counts
OF_THE_CAR = {Gate.NO_LICENCE, Gate.LICENCE_EXPIRED, Gate.NO_INSURANCE, Gate.INSURANCE_EXPIRED}
SENTENCES = {
    Gate.SUSPENDED: mark("已停用，恢复后才能排班。"),
    Gate.NOT_JOINED: mark("还没到加入轮值的日子，那天起才排班。"),
    Gate.LEFT: mark("已经退出轮值，重新加入后才能排班。"),
    Gate.NOT_VETTED: mark("没有无犯罪记录查询日期，查询并登记后才能开。"),
    Gate.VETTING_EXPIRED: mark("无犯罪记录查询已超过 365 天或日期不对，请重新查询。"),
    Gate.NO_LICENCE: mark("没有驾驶证有效期，请登记。"),
    Gate.LICENCE_EXPIRED: mark("驾驶证当天已过期，请登记新证。"),
    Gate.NO_INSURANCE: mark("没有座位险有效期，请登记。"),
    Gate.INSURANCE_EXPIRED: mark("座位险当天已过期，请登记新保单。"),
}
