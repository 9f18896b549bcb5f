"""What the guard of one school may see: from T - 30 to T + 60 minutes who takes which child; else only numbers.

DESIGN section 8, the column "guard". A word pair is filled for one leg at a time, where the guard asked for it.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import load_only
from sqlmodel import Session, col, select

from escort.cases.duty import name_on_duty
from escort.cases.models import Case, CaseKind, CaseState
from escort.errors import NotFound
from escort.families.models import Child
from escort.journeys import windows
from escort.journeys.dismissal_reports import reports_of
from escort.journeys.leg_codes import GRACE_ABOARD
from escort.journeys.leg_facts import Car, LegFacts, facts_of, was_announced
from escort.journeys.models import Step, Tap
from escort.journeys.printed_sheets import last_number
from escort.rota.models import Direction, Leg, LegState, Service
from escort.schools.models import School

WordsOf = Callable[[int, int], str]
"""(shift id, leg id) -> the word pair of this shift and leg."""


class WordReason(StrEnum):
    """Why the guard should compare words before letting the child go."""

    NEW = "new"  # this driver has never brought this child
    REPLACED = "replaced"  # somebody else had been announced
    CAR = "car"  # another car than the one that we know


@dataclass(frozen=True)
class GateRow:
    leg_id: int
    child_id: int
    to_school: bool
    at: datetime  # when they stand at the gate: dismissal, or the arrival in the morning
    full_name: str
    class_name: str
    note: str  # the handling note, where it is marked for the gate
    car: Car | None  # None: nobody has said yes
    second: str
    is_at_gate: bool
    is_on_road: bool
    minutes_late: int  # nobody is at the gate yet, beyond the grace; else 0
    word_reason: WordReason | None
    words: str  # only on the row that the guard opened
    is_held: bool
    is_cancelled: bool  # the family takes the child itself
    done_at: datetime | None  # handed over, or fetched by the family
    done_uuid: str | None  # what an undo takes back
    next_uuid: str  # of the tap that this row still waits for


@dataclass(frozen=True)
class MaskedGroup:
    """Legs of today outside W-gate: time and number."""

    to_school: bool
    at: datetime
    opens_at: datetime
    children: int
    is_past: bool


@dataclass(frozen=True)
class ReportLine:
    """今天提前放学, as this school reported it, and what the office says to it."""

    report_id: int
    at: time
    class_name: str  # "": the whole school
    state: str
    answer: str


@dataclass(frozen=True)
class GateView:
    school: str
    today: date
    rows: tuple[GateRow, ...]
    masked: tuple[MaskedGroup, ...]
    reports: tuple[ReportLine, ...] = ()
    next_sheet: int = 1  # the number of the list that would be printed now
    on_duty: str = ""  # who answers at the duty number

    @property
    def handed_over(self) -> int:
        return sum(1 for row in self.rows if row.done_at and not row.is_cancelled)

    @property
    def by_family(self) -> int:
        return sum(1 for row in self.rows if row.is_cancelled)

    @property
    def left(self) -> int:
        return len(self.rows) - self.handed_over - self.by_family


def gate_view(
    session: Session,
    *,
    school_id: int,
    words_of: WordsOf,
    opened_leg: int | None = None,
    now: datetime,
    zone: ZoneInfo,
) -> GateView:
    """Return the list of one gate. `opened_leg` is the one leg whose words the guard asked to see."""
    today = now.astimezone(zone).date()
    school, legs, printed = school_and_legs(session, school_id, today)
    shown = [leg for leg in legs if windows.is_in_gate(leg.pickup_at, now)]
    facts = facts_of(session, shown) if shown else []
    children = children_of(session, {leg.child_id for leg in shown}) if shown else {}
    known = known_pairs(session, facts) if shown else set()
    held = held_legs(session, [leg.id or 0 for leg in shown]) if shown else set()
    rows = [
        _row(fact, children[fact.leg.child_id], known, held, opened_leg, words_of, now, zone)
        for fact in facts
    ]
    return GateView(
        school=school.name,
        today=today,
        rows=tuple(sorted(rows, key=_order)),
        masked=_masked([leg for leg in legs if leg not in shown], now),
        reports=tuple(
            ReportLine(report.id or 0, report.at, report.class_name, report.state, report.answer)
            for report in reports_of(session, school_id=school_id, on=today)
        ),
        next_sheet=printed + 1,
        on_duty=name_on_duty(session, now=now, zone=zone),
    )


def _row(
    fact: LegFacts,
    child: Child,
    known: Collection[tuple[int, int]],
    held: Collection[int],
    opened_leg: int | None,
    words_of: WordsOf,
    now: datetime,
    zone: ZoneInfo,
) -> GateRow:
    leg = fact.leg
    is_cancelled = leg.state == LegState.CANCELLED
    driver = None if is_cancelled else fact.confirmed
    done = _done(fact, is_cancelled)
    waits_for = Step.SELF_COLLECTED if is_cancelled else Step.HANDED_OVER
    reason = word_reason(fact, known, zone) if driver else None
    opened = opened_leg == leg.id and reason is not None and leg.direction == Direction.HOME
    return GateRow(
        leg_id=leg.id or 0,
        child_id=leg.child_id,
        to_school=leg.direction == Direction.TO_SCHOOL,
        at=_at_gate(leg),
        full_name=child.full_name or child.short_name,
        class_name=f"{child.grade}{child.class_name}",
        note=(child.handling_note or "") if child.note_for_gate else "",
        car=driver.car if driver else None,
        second=fact.second.car.name if driver and fact.second else "",
        is_at_gate=_is_at_gate(fact),
        is_on_road=fact.when(Step.STARTED) is not None,
        minutes_late=_minutes_late(fact, now) if driver and done is None else 0,
        word_reason=reason,
        words=words_of(driver.shift.id or 0, leg.id or 0) if driver and opened else "",
        is_held=(leg.id or 0) in held,
        is_cancelled=is_cancelled,
        done_at=done.tapped_at if done else None,
        done_uuid=done.uuid if done else None,
        next_uuid=fact.next_uuid(waits_for, f"gate:{leg.school_id}"),
    )


def _at_gate(leg: Leg) -> datetime:
    return leg.due_at if leg.direction == Direction.TO_SCHOOL else leg.pickup_at


def _is_at_gate(fact: LegFacts) -> bool:
    if fact.leg.direction == Direction.TO_SCHOOL:
        return fact.when(Step.DELIVERED) is not None
    return fact.when(Step.AT_PICKUP) is not None and fact.when(Step.DELIVERED) is None


def _minutes_late(fact: LegFacts, now: datetime) -> int:
    """Only the way home: in the morning the gate waits for nobody."""
    late = now - fact.leg.pickup_at
    if fact.leg.direction == Direction.TO_SCHOOL or _is_at_gate(fact) or late < GRACE_ABOARD:
        return 0
    return int(late.total_seconds() // 60)


def _done(fact: LegFacts, is_cancelled: bool) -> Tap | None:
    step = Step.SELF_COLLECTED if is_cancelled else Step.HANDED_OVER
    return next((tap for tap in fact.taps if tap.step == step and tap.by.startswith("gate:")), None)


def word_reason(fact: LegFacts, known: Collection[tuple[int, int]], zone: ZoneInfo) -> WordReason | None:
    if was_announced(fact, zone):
        return WordReason.REPLACED
    driver = fact.confirmed
    if driver is not None and (fact.leg.child_id, driver.car.volunteer_id) not in known:
        return WordReason.NEW
    return WordReason.CAR if driver is not None and driver.car.is_changed else None


def _order(row: GateRow) -> tuple[bool, bool, bool, datetime, str]:
    """Who stands at the gate comes first, then time; what is done or not ours sinks."""
    return (row.done_at is not None, row.is_cancelled, not row.is_at_gate, row.at, row.full_name)


def _masked(legs: Sequence[Leg], now: datetime) -> tuple[MaskedGroup, ...]:
    wanted = [leg for leg in legs if leg.state == LegState.WANTED]
    counts = Counter((_at_gate(leg), leg.direction, now >= leg.pickup_at) for leg in wanted)
    opens = {_at_gate(leg): leg.pickup_at - windows.GATE_BEFORE for leg in reversed(wanted)}
    return tuple(
        MaskedGroup(direction == Direction.TO_SCHOOL, at, opens[at], number, is_past)
        for (at, direction, is_past), number in sorted(counts.items())
    )


def school_and_legs(session: Session, school_id: int, today: date) -> tuple[School, list[Leg], int]:
    """Return a school, its legs of the day, and how many lists were printed that day."""
    todays = (
        (col(Leg.school_id) == col(School.id))
        & (col(Leg.on) == today)
        & col(Leg.state).in_((LegState.WANTED, LegState.CANCELLED))
    )
    rows = (
        select(School, Leg, last_number(school_id=school_id, on=today))
        .outerjoin(Leg, todays)
        .where(School.id == school_id)
    )
    found = list(session.exec(rows.order_by(col(Leg.pickup_at), col(Leg.id))))
    if not found:
        raise NotFound("没有找到这所学校，请打值班电话。")
    legs: list[Leg | None] = [leg for _, leg, _ in found]
    return found[0][0], [leg for leg in legs if leg is not None], found[0][2] or 0


def children_of(session: Session, ids: Collection[int]) -> dict[int, Child]:
    rows = select(Child).where(col(Child.id).in_(ids)).options(load_only(*_SHOWN, raiseload=True))
    return {child.id or 0: child for child in session.exec(rows)}


def known_pairs(session: Session, facts: Sequence[LegFacts]) -> set[tuple[int, int]]:
    """Return the pairs (child, driver) that have gone together before."""
    drivers = {held.car.volunteer_id for fact in facts if (held := fact.confirmed)}
    rows = select(Service.child_id, Service.volunteer_id).where(
        col(Service.child_id).in_({fact.leg.child_id for fact in facts}),
        col(Service.volunteer_id).in_(drivers),
    )
    return set(session.exec(rows.distinct()))


def held_legs(session: Session, leg_ids: Sequence[int]) -> set[int]:
    about = {f"leg:{leg_id}": leg_id for leg_id in leg_ids}
    rows = select(Case.about).where(
        col(Case.about).in_(list(about)),
        col(Case.kind).in_((CaseKind.HELD_AT_GATE, CaseKind.WRONG_PERSON)),
        Case.state != CaseState.CLOSED,
    )
    return {about[found] for found in session.exec(rows)}


_SHOWN: tuple[Any, ...] = (  # SQLModel types its columns as values
    Child.id,
    Child.short_name,
    Child.full_name,
    Child.grade,
    Child.class_name,
    Child.handling_note,
    Child.note_for_gate,
)
