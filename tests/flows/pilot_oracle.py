"""What must be true of a pilot, read from its store, apart from the product's own watch and boards."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from escort.cases.models import Case, CaseEvent
from escort.journeys.models import Step, Tap
from escort.roster.models import Volunteer
from escort.rota.models import Direction, Leg, LegState, RunLeg, Shift, ShiftState
from tests.builders import ZONE

ENTITLED = ("guardian:", "account:")
HELD = (ShiftState.CONFIRMED, ShiftState.SERVED)
HOW_AND_WHO = re.compile(r"\w+:(volunteer|account):\d+|standing:\d+")
COMES = re.compile(r"姓(\w)的志愿者(来接|送).*?车牌尾号(\w+)")
TURN = re.compile(r"(\d\d:\d\d)(上学|放学)")


@dataclass(frozen=True)
class Promise:
    """Who drives a half-day, in which car, from when."""

    name: str
    plate: str
    starts_at: datetime


def silent_legs(session: Session, *, now: datetime) -> list[str]:
    """Return the due legs that were neither promised and delivered, nor cancelled by somebody entitled, nor taken."""
    promised = set(
        session.exec(
            select(RunLeg.leg_id)
            .join(Shift, col(Shift.run_id) == col(RunLeg.run_id))
            .where(col(RunLeg.is_live), col(Shift.state).in_(HELD), col(Shift.confirmed_at).is_not(None))
        )
    )
    delivered = set(session.exec(select(Tap.leg_id).where(Tap.step == Step.DELIVERED, _counts())))
    taken = set(
        session.exec(
            select(Case.about)
            .join(CaseEvent, col(CaseEvent.case_id) == col(Case.id))
            .where(CaseEvent.what == "taken", col(CaseEvent.by).startswith("account:"))
        )
    )
    runs = dict(session.exec(select(RunLeg.leg_id, RunLeg.run_id).where(col(RunLeg.is_live))).all())
    due = session.exec(
        select(Leg)
        .where(col(Leg.due_at) <= now, col(Leg.state).in_((LegState.WANTED, LegState.CANCELLED)))
        .order_by(col(Leg.pickup_at))
    )
    return [
        f"{leg.on} {leg.direction}"
        for leg in due
        if not (leg.state == LegState.CANCELLED and (leg.cancelled_by or "").startswith(ENTITLED))
        and not (leg.state == LegState.WANTED and leg.id in promised & delivered)
        and not {f"leg:{leg.id}", f"run:{runs.get(leg.id or 0)}"} & taken
    ]


def assumed_yeses(session: Session) -> list[str]:
    """Return the promises of which nobody can say how they were given, and by whom written down."""
    rows = session.exec(select(Shift).where(col(Shift.state).in_(HELD)))
    return [
        f"{shift.on} {shift.direction}: {shift.confirmed_how!r}"
        for shift in rows
        if shift.confirmed_at is None or HOW_AND_WHO.fullmatch(shift.confirmed_how) is None
    ]


def untrue_words(session: Session, text: str, *, who: str, now: datetime) -> list[str]:
    """Return what a message says of who comes, and when, that is not so at the moment in which it is read out."""
    today = now.astimezone(ZONE).date()
    on = today + timedelta(days=1) if "明天" in text else today
    wrong = []
    for surname, way, tail in COMES.findall(text):
        held = promise_of(session, on, Direction.TO_SCHOOL if way == "来接" else Direction.HOME)
        if held is None or held.name[0] != surname or not held.plate.endswith(tail):
            wrong.append(f"{now:%m-%d %H:%M} {who}: {text} (in truth {held})")
    if "请您接送" in text or "出发前点" in text:
        for clock, way in TURN.findall(text):
            held = promise_of(session, on, Direction.TO_SCHOOL if way == "上学" else Direction.HOME)
            if held is None or held.name != who or f"{held.starts_at.astimezone(ZONE):%H:%M}" != clock:
                wrong.append(f"{now:%m-%d %H:%M} {who}: {text} (in truth {held})")
    return wrong


def promise_of(session: Session, on: date, direction: Direction) -> Promise | None:
    """Return who has promised a half-day of the one child; None if nobody has."""
    row = session.exec(
        select(Volunteer.name, Volunteer.plate, Leg.pickup_at)
        .join(Shift, col(Shift.volunteer_id) == col(Volunteer.id))
        .join(RunLeg, (col(RunLeg.run_id) == col(Shift.run_id)) & col(RunLeg.is_live))
        .join(Leg, col(Leg.id) == col(RunLeg.leg_id))
        .where(Shift.on == on, Shift.direction == direction, col(Shift.state).in_(HELD))
    ).first()
    return Promise(*row) if row else None


def _counts() -> bool:
    return col(Tap.undone_at).is_(None)  # type: ignore[return-value]
