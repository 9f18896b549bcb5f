"""Taking back what was planned or promised: shifts are freed, runs dissolved, and the people told."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select, update

from escort import wording
from escort.errors import Conflict
from escort.families.models import BarredPerson
from escort.roster.gates import may_drive, may_ride_along
from escort.roster.models import Volunteer
from escort.rota.aboard import boarded, follow_by_phone, legs_in_cars
from escort.rota.models import (
    CAN_SAY_NO,
    LIVE_SHIFT,
    Ask,
    AskState,
    Leg,
    Offer,
    OfferState,
    Role,
    Run,
    RunLeg,
    RunState,
    Shift,
    ShiftState,
)
from escort.rota.seats import lock_runs, search_now, wanted_seats
from escort.rota.shown import RunShown, shown_runs
from notifications.models import Urgency
from notifications.outbox import Letter, enqueue_many, withdraw
from notifications.wording import Wording


class Reason(StrEnum):
    """Why a promise was taken back; kept with the shift."""

    CANCELLED = "cancelled"  # the family or the office cancelled the leg
    CALENDAR = "calendar"  # not a school day any more, or the escort ended
    CHANGED = "changed"  # time or place is not what was promised
    BLOCKOUT = "blockout"  # the volunteer cannot that day
    GIVEN_BACK = "given_back"  # the volunteer told the office that he cannot after all
    SUSPENDED = "suspended"
    STOOD_IN = "stood_in"  # somebody else drives
    SWAPPED = "swapped"  # for another turn, with a colleague who agreed
    NOT_IN_ROTA = "not_in_rota"  # the volunteer joins later, or has left by then
    APART = "apart"  # somebody of the household has that half-day, and they must not be out at once
    PARTED = "parted"  # the one with whom the volunteer drives cannot
    MOVED = "moved"  # asked about another run instead, before there was an answer
    UNFIT = "unfit"  # a paper runs out before that day, or a family does not want this driver


IN_WORDS = {
    Reason.CANCELLED: "这趟不用接送了",
    Reason.CALENDAR: "这天不用接送了",
    Reason.CHANGED: "时间或地点改了，要重新问",
    Reason.BLOCKOUT: "记下了您这天不方便",
    Reason.GIVEN_BACK: "您说去不了，我们另外找人",
    Reason.SUSPENDED: "您的接送先暂停",
    Reason.STOOD_IN: "已由他人接送",
    Reason.SWAPPED: "已和别人换了",
    Reason.NOT_IN_ROTA: "那天您不在轮值里",
    Reason.APART: "您家里另一位这半天已有一趟",
    Reason.PARTED: "和您一起的那位这趟去不了",
    Reason.MOVED: "改请您开另一趟",
    Reason.UNFIT: "这趟另外安排人了，原因请问值班老师",
}


def free_shifts(
    session: Session,
    *,
    shift_ids: Collection[int],
    reason: str,
    by: str,
    now: datetime,
    zone: ZoneInfo,
    tell: bool = True,
) -> list[int]:
    """End live shifts with a reason and let the search look for somebody else; return the runs set free.

    Whoever had said yes is told to stand down; who was only being asked is asked no more. Drafts end without a word.
    A run with a child in the car stays as it is, with an urgent case.
    """
    live = (col(Shift.id).in_(list(shift_ids)), col(Shift.state).in_(LIVE_SHIFT))
    lock_runs(session, session.exec(select(Shift.run_id).where(*live)).all())
    found = session.exec(select(Shift).where(*live).execution_options(populate_existing=True)).all()
    in_cars = legs_in_cars(session, [shift.run_id for shift in found if shift.run_id is not None])
    follow_by_phone(session, [leg_id for riding in in_cars.values() for leg_id in riding], by=by, now=now)
    shifts = [shift for shift in found if shift.run_id not in in_cars]
    if not shifts:
        return []
    _end(session, shifts, reason=reason, by=by, now=now, zone=zone, tell=tell)
    runs = [shift.run_id for shift in shifts if shift.run_id is not None]
    search_now(session, runs, now=now)
    session.expire_all()
    return runs


def free_unfit(session: Session, *, from_on: date, now: datetime, zone: ZoneInfo) -> int:
    """Free the coming shifts of people whose papers will not be valid on that day; return how many."""
    columns: Any = (Shift.id, Shift.on, Shift.role, Volunteer)
    rows = session.exec(
        select(*columns)
        .select_from(Shift)
        .join(Volunteer, col(Volunteer.id) == col(Shift.volunteer_id))
        .join(Run, col(Run.id) == col(Shift.run_id))
        .where(Shift.on >= from_on, col(Shift.state).in_(LIVE_SHIFT), col(Run.starts_at) > now)
    ).all()
    unfit = [
        shift_id
        for shift_id, on, role, volunteer in rows
        if shift_id and not (may_ride_along if role == Role.SECOND else may_drive)(volunteer, on)
    ]
    free_shifts(session, shift_ids=unfit, reason=Reason.UNFIT, by="system", now=now, zone=zone)
    return len(unfit)


def free_barred(session: Session, *, now: datetime, zone: ZoneInfo) -> int:
    """Free the coming shifts of people who must not get one of the children; return how many."""
    barred = session.exec(
        select(BarredPerson.child_id, BarredPerson.volunteer_id).where(
            col(BarredPerson.removed_at).is_(None), col(BarredPerson.volunteer_id).is_not(None)
        )
    ).all()
    if not barred:
        return 0
    rows = session.exec(
        select(Shift.id, Shift.volunteer_id, Leg.child_id)
        .join(Run, col(Run.id) == col(Shift.run_id))
        .join(RunLeg, (col(RunLeg.run_id) == col(Run.id)) & col(RunLeg.is_live))
        .join(Leg, col(Leg.id) == col(RunLeg.leg_id))
        .where(
            col(Shift.volunteer_id).in_({volunteer_id for _, volunteer_id in barred}),
            col(Shift.state).in_(LIVE_SHIFT),
            col(Run.starts_at) > now,
        )
    )
    pairs = set(barred)
    ended = {shift_id for shift_id, who, child_id in rows if shift_id and (child_id, who) in pairs}
    free_shifts(session, shift_ids=ended, reason=Reason.UNFIT, by="system", now=now, zone=zone)
    return len(ended)


def dissolve_runs(
    session: Session, *, run_ids: Collection[int], reason: str, by: str, now: datetime, zone: ZoneInfo
) -> None:
    """End runs whose legs were cancelled or must be planned anew. Their drivers are told; the legs are free."""
    if not run_ids:
        return
    ids = list(run_ids)
    lock_runs(session, ids)
    shifts = session.exec(
        select(Shift)
        .where(col(Shift.run_id).in_(ids), col(Shift.state).in_(LIVE_SHIFT))
        .execution_options(populate_existing=True)
    ).all()
    _end(session, shifts, reason=reason, by=by, now=now, zone=zone, tell=True)
    offers = session.exec(
        select(Offer).where(col(Offer.run_id).in_(ids), col(Offer.state).in_(CAN_SAY_NO))
    ).all()
    withdraw_offers(session, offers, now=now, reason=reason)
    session.exec(
        update(Run)
        .where(col(Run.id).in_(ids), col(Run.state) == RunState.LIVE)
        .values(state=str(RunState.DISSOLVED), search_at=None, version=Run.version + 1)
    )
    session.exec(update(RunLeg).where(col(RunLeg.run_id).in_(ids)).values(is_live=False))
    session.expire_all()


def take_legs_out(
    session: Session, *, leg_ids: Collection[int], reason: str, by: str, now: datetime, zone: ZoneInfo
) -> None:
    """Take legs out of their runs: an empty run is dissolved, otherwise its driver is told: one child fewer.

    A leg whose child is in the car stays where it is.
    """
    leg_ids = set(leg_ids) - boarded(session, leg_ids).keys()
    riding = (col(RunLeg.leg_id).in_(list(leg_ids)), col(RunLeg.is_live))
    run_ids = set(session.exec(select(RunLeg.run_id).where(*riding)))
    if not run_ids:
        return
    lock_runs(session, run_ids)
    remaining = set(
        session.exec(
            select(RunLeg.run_id).where(
                col(RunLeg.run_id).in_(run_ids), col(RunLeg.is_live), ~col(RunLeg.leg_id).in_(list(leg_ids))
            )
        )
    )
    dissolve_runs(session, run_ids=run_ids - remaining, reason=reason, by=by, now=now, zone=zone)
    session.exec(update(RunLeg).where(*riding).values(is_live=False))
    retime_runs(session, remaining)
    free_needless(session, remaining, by=by, now=now, zone=zone)
    _tell_of_fewer(session, remaining, leg_ids, now=now, zone=zone)


def retime_runs(session: Session, run_ids: Collection[int]) -> None:
    """Let each run begin with its first pick-up and end with its last delivery, as its legs are now."""
    moments: dict[int, list[tuple[datetime, datetime]]] = {}
    for run_id, pickup_at, due_at in session.exec(
        select(RunLeg.run_id, Leg.pickup_at, Leg.due_at)
        .join(Leg, col(Leg.id) == col(RunLeg.leg_id))
        .where(col(RunLeg.run_id).in_(list(run_ids)), col(RunLeg.is_live))
    ):
        moments.setdefault(run_id, []).append((pickup_at, due_at))
    for run_id, times in moments.items():
        session.exec(
            update(Run)
            .where(col(Run.id) == run_id)
            .values(
                starts_at=min(start for start, _ in times),
                ends_at=max(end for _, end in times),
                version=Run.version + 1,
            )
        )
    session.expire_all()


def stop_asking(session: Session, *, run_id: int, volunteer_ids: Collection[int], now: datetime) -> int:
    """Take questions back that the office has just put; return how many. Raises Conflict if all are answered.

    Whoever has the message already reads on the page that nobody needs to come any more.
    """
    lock_runs(session, [run_id])
    offers = session.exec(
        select(Offer).where(
            Offer.run_id == run_id,
            col(Offer.volunteer_id).in_(volunteer_ids),
            Offer.state == OfferState.OPEN,
            col(Offer.shift_id).is_(None),
        )
    ).all()
    if not offers:
        raise Conflict("已经回过话了，或者已经不问了。")
    withdraw_offers(session, offers, now=now, reason="office")
    return len(offers)


def withdraw_offers(session: Session, offers: Sequence[Offer], *, now: datetime, reason: str) -> None:
    """Withdraw offers; an ask with nothing left to answer is withdrawn too, and its unsent message with it."""
    if not offers:
        return
    session.exec(
        update(Offer)
        .where(col(Offer.id).in_([offer.id for offer in offers]), col(Offer.state).in_(CAN_SAY_NO))
        .values(state=str(OfferState.WITHDRAWN), answered_at=now)
    )
    asks = {offer.ask_id for offer in offers}
    alive = set(
        session.exec(
            select(Offer.ask_id).where(col(Offer.ask_id).in_(asks), col(Offer.state).in_(CAN_SAY_NO))
        )
    )
    for ask_id in sorted(asks - alive):
        session.exec(
            update(Ask)
            .where(col(Ask.id) == ask_id, col(Ask.state) == AskState.OPEN)
            .values(state=str(AskState.WITHDRAWN), answered_at=now, answer=reason[:80])
        )
        withdraw(session, about=f"ask:{ask_id}", reason=reason, now=now)


def tell_to_stand_down(
    session: Session, shifts: Sequence[Shift], *, reason: str, now: datetime, zone: ZoneInfo
) -> None:
    """Tell people whose shifts have ended that they need not go, and in a few words why."""
    shown = shown_runs(session, [shift.run_id for shift in shifts if shift.run_id is not None])
    letters = [
        _stand_down(shift, shown[shift.run_id], reason, "system", now, zone)
        for shift in shifts
        if shift.run_id in shown
    ]
    enqueue_many(session, letters, now=now)


def drivers_of(session: Session, run_ids: Collection[int]) -> dict[int, Shift]:
    """Return the live driver's shift of each run that has one."""
    shifts = session.exec(
        select(Shift).where(
            col(Shift.run_id).in_(list(run_ids)), col(Shift.state).in_(LIVE_SHIFT), Shift.role == Role.DRIVER
        )
    )
    return {shift.run_id: shift for shift in shifts if shift.run_id is not None}


def _end(
    session: Session,
    shifts: Sequence[Shift],
    *,
    reason: str,
    by: str,
    now: datetime,
    zone: ZoneInfo,
    tell: bool,
) -> None:
    ids = [shift.id for shift in shifts]
    shown = shown_runs(session, [shift.run_id for shift in shifts if shift.run_id is not None])
    letters = [
        _stand_down(shift, shown[shift.run_id], reason, by, now, zone)
        for shift in shifts
        if tell
        and shift.state == ShiftState.CONFIRMED
        and shift.run_id in shown
        and f"volunteer:{shift.volunteer_id}" != by  # he knows
    ]
    session.exec(
        update(Shift)
        .where(col(Shift.id).in_(ids), col(Shift.state).in_(LIVE_SHIFT))
        .values(state=str(ShiftState.FREED), ended_at=now, end_reason=f"{reason}:{by}"[:80])
    )
    offers = session.exec(
        select(Offer).where(col(Offer.shift_id).in_(ids), col(Offer.state).in_(CAN_SAY_NO))
    ).all()
    withdraw_offers(session, offers, now=now, reason=reason)
    enqueue_many(session, letters, now=now)


def _stand_down(shift: Shift, shown: RunShown, reason: str, by: str, now: datetime, zone: ZoneInfo) -> Letter:
    return Letter(
        to=f"volunteer:{shift.volunteer_id}",
        wording=_stand_down_words(shown.turn, reason, by, now, zone),
        about=f"shift:{shift.id}",
        dedup_key=f"stand-down:{shift.id}",
        urgency=Urgency.URGENT,
        do_not_send_after=shown.starts_at,
    )


def _stand_down_words(turn: wording.Turn, reason: str, by: str, now: datetime, zone: ZoneInfo) -> Wording:
    if reason == Reason.CANCELLED and by.startswith("guardian:"):
        return wording.shift_cancelled_by_family(turn, now=now, zone=zone)
    return wording.stand_down(turn, reason=IN_WORDS[Reason(reason)], now=now, zone=zone)


def free_needless(
    session: Session, run_ids: Collection[int], *, by: str, now: datetime, zone: ZoneInfo
) -> None:
    """Free second adults whom no child that is left needs."""
    needless = [
        run_id for run_id, roles in wanted_seats(session, run_ids).items() if Role.SECOND not in roles
    ]
    seconds = session.exec(
        select(Shift.id).where(
            col(Shift.run_id).in_(needless), Shift.role == Role.SECOND, col(Shift.state).in_(LIVE_SHIFT)
        )
    )
    ids = [shift_id for shift_id in seconds if shift_id is not None]
    free_shifts(session, shift_ids=ids, reason=Reason.CANCELLED, by=by, now=now, zone=zone)


def _tell_of_fewer(
    session: Session, run_ids: Collection[int], leg_ids: Collection[int], *, now: datetime, zone: ZoneInfo
) -> None:
    shown = shown_runs(session, list(run_ids))
    drivers = session.exec(
        select(Shift).where(col(Shift.run_id).in_(list(run_ids)), Shift.state == ShiftState.CONFIRMED)
    )
    gone = ",".join(str(leg) for leg in sorted(leg_ids))
    letters = [
        Letter(
            to=f"volunteer:{shift.volunteer_id}",
            wording=wording.fewer_children(
                shown[shift.run_id].turn, left=shown[shift.run_id].children, now=now, zone=zone
            ),
            about=f"shift:{shift.id}",
            dedup_key=f"run-changed:{shift.id}:{shown[shift.run_id].children}:{gone}"[:120],
            urgency=Urgency.URGENT,
            do_not_send_after=shown[shift.run_id].ends_at,
        )
        for shift in drivers
        if shift.run_id is not None and shift.run_id in shown
    ]
    enqueue_many(session, letters, now=now)
