"""The rows behind today's board, one query each. Only the columns that the board shows: nothing sealed but texts."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import literal, union_all
from sqlalchemy import select as any_select
from sqlalchemy.orm import load_only
from sqlmodel import Session, col, or_, select

from escort.access.models import Account, Role
from escort.cases.models import Case, CaseState, Duty
from escort.families.models import Child, Family, Guardian
from escort.journeys.calls import is_a_call
from escort.journeys.models import Tap
from escort.roster.models import Volunteer
from escort.rota import models as rota
from escort.rota.models import (
    LIVE_SHIFT,
    AskKind,
    ChangedCar,
    Leg,
    LegState,
    Offer,
    OfferState,
    Run,
    RunLeg,
    RunState,
    Shift,
    ShiftState,
)
from escort.schools.models import School
from escort.sentences import Sentence
from notifications.models import HandTask, Message, Urgency


@dataclass(frozen=True)
class LegRow:
    leg_id: int
    on: date
    direction: str
    state: str
    pickup_at: datetime
    due_at: datetime
    place_name: str
    area: str
    child_id: int
    child: str
    school: str
    run_id: int | None
    position: int
    confirms_arrival: bool  # at home the family says so too
    is_asked: bool  # somebody has an open offer for its run


@dataclass(frozen=True)
class ShiftRow:
    shift_id: int
    run_id: int
    state: str
    volunteer_id: int
    name: str
    changed_plate: str = ""  # of another car than the known one, today


@dataclass(frozen=True)
class TapRow:
    step: str
    by: str
    tapped_at: datetime


@dataclass(frozen=True)
class Hours:
    """Hours on duty, half-open, in minutes of the local day; on every day unless a weekday is named."""

    weekday: int | None
    from_minute: int
    until_minute: int


@dataclass(frozen=True)
class OfficeRow:
    """A person of the office, once for each row of the duty list that names it."""

    account_id: int
    name: str
    hours: Hours | None


@dataclass(frozen=True)
class HandRow:
    task_id: int
    kind: str
    who: str
    text: str
    created_at: datetime
    tries: int


@dataclass(frozen=True)
class StandInRow:
    at: datetime
    run_id: int
    school: str
    name: str


def cases(session: Session, *, closed_since: datetime) -> list[Case]:
    """Return every live case and those closed since then."""
    rows = select(Case).where(or_(Case.state != CaseState.CLOSED, col(Case.closed_at) >= closed_since))
    return list(session.exec(rows.order_by(col(Case.id))))


def legs(
    session: Session, *, days: Collection[date], run_ids: Collection[int], abouts: Iterable[str]
) -> list[LegRow]:
    """Return the legs of these days and runs, and those that a case names by `leg:<id>`, in order of time."""
    leg_ids = ids_in(abouts, "leg:")
    of_runs = select(RunLeg.leg_id).where(col(RunLeg.run_id).in_(run_ids), col(RunLeg.is_live).is_(True))
    asked = (
        select(Offer.id)
        .where(col(Offer.run_id) == col(Run.id), Offer.state == OfferState.OPEN)
        .correlate(Run)
        .exists()
    )
    columns: tuple[Any, ...] = (
        Leg.id,
        Leg.on,
        Leg.direction,
        Leg.state,
        Leg.pickup_at,
        Leg.due_at,
        Leg.place_name,
        Leg.area,
        Leg.child_id,
        Child.short_name,
        School.name,
        Run.id,
        RunLeg.position,
        Family.confirms_arrival,
        asked,
    )
    rows: Any = (
        select(*columns)
        .select_from(Leg)
        .join(Child, col(Child.id) == col(Leg.child_id))
        .join(Family, col(Family.id) == col(Child.family_id))
        .join(School, col(School.id) == col(Leg.school_id))
        .outerjoin(RunLeg, (col(RunLeg.leg_id) == col(Leg.id)) & col(RunLeg.is_live).is_(True))
        .outerjoin(Run, (col(Run.id) == col(RunLeg.run_id)) & (col(Run.state) == RunState.LIVE))
        .where(
            or_(col(Leg.on).in_(days), col(Leg.id).in_(leg_ids), col(Leg.id).in_(of_runs)),
            Leg.state != LegState.WITHDRAWN,
        )
        .order_by(col(Leg.pickup_at), col(Leg.id))
    )
    return [_leg_row(*row) for row in session.exec(rows)]


def drivers(
    session: Session, *, days: Collection[date], abouts: Collection[str]
) -> tuple[dict[int, ShiftRow], dict[int, int]]:
    """Return who drives each run, and the run of each shift that a case names by `shift:<id>`.

    The runs are those of these days and those that a case names. Who drives is the one live or served driver's
    shift; a named shift may have ended.
    """
    named = ids_in(abouts, "shift:")
    of_legs = select(RunLeg.run_id).where(
        col(RunLeg.leg_id).in_(ids_in(abouts, "leg:")), col(RunLeg.is_live).is_(True)
    )
    of_shifts = select(Shift.run_id).where(col(Shift.id).in_(named))
    columns: Any = (Shift.id, Shift.run_id, Shift.state, Volunteer, ChangedCar.plate)
    rows = (
        select(*columns)
        .select_from(Shift)
        .join(Volunteer, col(Volunteer.id) == col(Shift.volunteer_id))
        .outerjoin(
            ChangedCar,
            (col(ChangedCar.shift_id) == col(Shift.id)) & col(ChangedCar.ended_at).is_(None),
        )
        .where(
            or_(
                col(Shift.on).in_(days),
                col(Shift.run_id).in_(ids_in(abouts, "run:")),
                col(Shift.run_id).in_(of_legs),
                col(Shift.run_id).in_(of_shifts),
            ),
            or_(col(Shift.state).in_(SEATED), col(Shift.id).in_(named)),
            Shift.role == rota.Role.DRIVER,
        )
        .options(load_only(*NAME_ONLY))
        .order_by(col(Shift.id))
    )
    driving: dict[int, ShiftRow] = {}
    run_of: dict[int, int] = {}
    for shift_id, run_id, state, who, plate in session.exec(rows):
        if shift_id is None or run_id is None or who.id is None:
            continue
        if shift_id in named:
            run_of[shift_id] = run_id
        is_taken = run_id in driving and driving[run_id].state != ShiftState.SERVED
        if state in SEATED and not is_taken:
            driving[run_id] = ShiftRow(shift_id, run_id, state, who.id, who.name, plate or "")
    return driving, run_of


def taps(session: Session, *, on: date) -> dict[int, list[TapRow]]:
    """Return each leg's taps of the day, without the undone."""
    rows = (
        select(Tap.leg_id, Tap.step, Tap.by, Tap.tapped_at)
        .join(Leg, col(Leg.id) == col(Tap.leg_id))
        .where(Leg.on == on, col(Tap.undone_at).is_(None))
    )
    found: dict[int, list[TapRow]] = defaultdict(list)
    for leg_id, step, by, tapped_at in session.exec(rows):
        found[leg_id].append(TapRow(step, by, tapped_at))
    return found


def office(session: Session) -> list[OfficeRow]:
    """Return the coordinators, with their hours on duty."""
    rows = (
        select(Account.id, Account.name, Duty)
        .select_from(Account)
        .outerjoin(Duty, col(Duty.account_id) == col(Account.id))
        .where(Account.role == Role.COORDINATOR)
        .order_by(col(Account.id), col(Duty.id))
    )
    return [
        OfficeRow(who, name, Hours(duty.weekday, duty.from_minute, duty.until_minute) if duty else None)
        for who, name, duty in session.exec(rows)
        if who is not None
    ]


def by_hand(session: Session, *, limit: int = 50) -> tuple[list[HandRow], int]:
    """Return what a human must still tell, the urgent first, then the oldest; and how many families must be rung.

    With whom: 王师傅, or 小雨的外婆. Who comes to which child is told from the list of calls: those texts hold a
    word pair, which the office may not read by the way.
    """
    rows = session.exec(
        select(HandTask, Message.text, Message.party, Message.template)
        .join(Message, col(Message.id) == col(HandTask.message_id))
        .where(col(HandTask.done_at).is_(None))
        .order_by((col(Message.urgency) == Urgency.URGENT).desc(), col(HandTask.created_at), col(HandTask.id))
    ).all()
    calls = {party for _, _, party, template in rows if is_a_call(party, template)}
    others = [row for row in rows if not is_a_call(row[2], row[3])][:limit]
    names = _names(session, {party for _, _, party, _ in others}) if others else {}
    return [
        HandRow(task.id or 0, task.kind, names.get(party, party), text, task.created_at, task.tries)
        for task, text, party, _ in others
    ], len(calls)


def stand_ins(session: Session, *, since: datetime) -> list[StandInRow]:
    """Return the stand-ins who said yes since then."""
    rows: Any = (
        select(Offer.answered_at, Offer.run_id, School.name, Volunteer.name)
        .join(rota.Ask, col(rota.Ask.id) == col(Offer.ask_id))
        .join(Volunteer, col(Volunteer.id) == col(Offer.volunteer_id))
        .join(Run, col(Run.id) == col(Offer.run_id))
        .join(School, col(School.id) == col(Run.school_id))
        .where(
            rota.Ask.kind == AskKind.STAND_IN,
            Offer.state == OfferState.ACCEPTED,
            col(Offer.answered_at) >= since,
        )
    )
    return [StandInRow(*row) for row in session.exec(rows)]


def _leg_row(*values: Any) -> LegRow:
    row: tuple[Any, ...] = (*values[:-3], values[-3] or 0, bool(values[-2]), bool(values[-1]))
    return LegRow(*row)


def _names(session: Session, parties: Collection[str]) -> dict[str, str]:
    """Return what to call these parties on the board: 王师傅, 小雨的外婆, 林老师."""
    volunteers = any_select(literal("volunteer:"), col(Volunteer.id), col(Volunteer.name), literal("")).where(
        col(Volunteer.id).in_(ids_in(parties, "volunteer:"))
    )
    guardians = (
        any_select(literal("guardian:"), col(Guardian.id), col(Child.short_name), col(Guardian.relation))
        .join(Child, col(Child.family_id) == col(Guardian.family_id))
        .where(col(Guardian.id).in_(ids_in(parties, "guardian:")))
    )
    accounts = any_select(literal("account:"), col(Account.id), col(Account.name), literal("")).where(
        col(Account.id).in_(ids_in(parties, "account:"))
    )
    found: dict[str, str] = {}
    for kind, who, name, relation in session.execute(union_all(volunteers, guardians, accounts)):
        found.setdefault(
            f"{kind}{who}",
            Sentence("%(child)s的%(who)s", child=name, who=Sentence(relation or "家里"))
            if kind == "guardian:"
            else name,
        )
    return found


def ids_in(abouts: Iterable[str], prefix: str) -> list[int]:
    return [int(about.removeprefix(prefix)) for about in abouts if about.startswith(prefix)]


NAME_ONLY: Any = (Volunteer.id, Volunteer.name)  # SQLModel types its columns as values
SEATED = (*LIVE_SHIFT, ShiftState.SERVED)
