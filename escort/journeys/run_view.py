"""The volunteer's run: in W-duty and on a bound phone everything that the drive needs; else date and area.

DESIGN section 8, the column "assigned volunteer": no family's number, never a diagnosis.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from escort.errors import NotFound
from escort.families.models import Child, PlaceKind
from escort.journeys import windows
from escort.journeys.leg_facts import Car, LegFacts, facts_of
from escort.journeys.models import Step
from escort.journeys.turns import KnownRun, Need, Turn, known_runs, needs_of, turn_of
from escort.rota.models import Direction, Leg, LegState, Role, RunLeg, Shift, ShiftState
from escort.sentences import Sentence

WordsOf = Callable[[int, int], str]
"""(shift id, leg id) -> the word pair of this shift and leg."""


@dataclass(frozen=True)
class ChildOnRun:
    leg_id: int
    child_id: int
    full_name: str
    short_name: str
    photo: str | None
    pickup_at: datetime
    due_at: datetime
    place: str
    is_at_home: bool  # the place is the child's own address
    note: str
    needs: tuple[Need, ...]
    words: str  # what the driver says when they meet
    done: tuple[Step, ...]
    next_step: Step | None  # of this child alone: when another child does not come, the others go on
    next_uuid: str


@dataclass(frozen=True)
class NextTap:
    """One press of the button in the dock: a step, and the legs that it covers."""

    step: Step
    leg_ids: tuple[int, ...]
    uuids: tuple[str, ...]  # one a leg
    names: tuple[str, ...]
    place: str  # of the first child


@dataclass(frozen=True)
class LastTap:
    step: str
    uuids: tuple[str, ...]
    at: datetime


@dataclass(frozen=True)
class RunView:
    run_id: int
    shift_id: int
    turn: Turn
    is_open: bool  # False: masked; nothing below is filled
    opens_at: datetime
    school_name: str
    children: tuple[ChildOnRun, ...]
    called_off: tuple[str, ...]  # children of this run who need no ride after all
    taps_left: tuple[NextTap, ...]  # the first is the dock's; the others are for a phone without signal
    last_tap: LastTap | None
    started_at: datetime | None
    partner: str  # the other adult in the car
    car: str
    plate: str
    is_changed_car: bool = False
    may_change_car: bool = False  # until departure, by whoever drives

    @property
    def child_seats(self) -> int:
        return sum(Need.CHILD_SEAT in child.needs for child in self.children)

    @property
    def has_wheelchair(self) -> bool:
        return any(Need.WHEELCHAIR in child.needs for child in self.children)

    @property
    def next_tap(self) -> NextTap | None:
        return self.taps_left[0] if self.taps_left else None


def run_view(
    session: Session,
    *,
    volunteer_id: int,
    run_id: int,
    is_bound: bool,
    words_of: WordsOf,
    now: datetime,
    zone: ZoneInfo,
) -> RunView:
    """Return one run of this volunteer. Raises NotFound unless they have promised it."""
    shift = session.exec(
        select(Shift).where(
            Shift.run_id == run_id,
            Shift.volunteer_id == volunteer_id,
            col(Shift.state).in_((ShiftState.CONFIRMED, ShiftState.SERVED)),
        )
    ).first()
    runs = known_runs(session, {run_id})
    if shift is None or shift.confirmed_at is None or run_id not in runs:
        raise NotFound("这趟已经不是您的了，或者链接不对。有疑问请打值班电话。")
    known = runs[run_id]
    facts = facts_of(session, [one.leg for one in known.legs])
    ended = [at for fact in facts if (at := fact.finished_at) is not None]
    finished = max(ended) if len(ended) == len(facts) else None
    is_open = is_bound and windows.is_in_duty(
        on=shift.on, confirmed_at=shift.confirmed_at, finished_at=finished, now=now, zone=zone
    )
    if not is_open:
        return _masked_run(shift, known, zone)
    return _open_run(session, shift, known, facts, words_of, zone)


def _open_run(
    session: Session,
    shift: Shift,
    known: KnownRun,
    facts: Sequence[LegFacts],
    words_of: WordsOf,
    zone: ZoneInfo,
) -> RunView:
    people = _children(session, [fact.leg.child_id for fact in facts])
    children = tuple(_child_on_run(fact, people[fact.leg.child_id], shift, words_of) for fact in facts)
    pairs = list(zip(facts, children, strict=True))
    mine = next((fact.driver for fact in facts if fact.driver), None)
    partner = next((fact.second for fact in facts if fact.second), None)
    if shift.role == Role.SECOND:
        partner = mine
    started = [at for fact in facts if (at := fact.when(Step.STARTED))]
    return RunView(
        run_id=known.run.id or 0,
        shift_id=shift.id or 0,
        turn=turn_of(shift, {known.run.id or 0: known}),
        is_open=True,
        opens_at=windows.duty_opens_at(shift.on, shift.confirmed_at or known.run.starts_at, zone),
        school_name=known.school.name,
        children=children,
        called_off=_called_off(session, known.run.id or 0),
        taps_left=tuple(taps_left(known.run.direction, pairs, f"volunteer:{shift.volunteer_id}")),
        last_tap=_last_tap(facts, f"volunteer:{shift.volunteer_id}"),
        started_at=min(started, default=None),
        partner=partner.car.name if partner else "",
        car=_car(mine.car) if mine and mine.car.colour else "",
        plate=mine.car.plate if mine else "",
        is_changed_car=mine.car.is_changed if mine else False,
        may_change_car=shift.role == Role.DRIVER and not any(_is_past(fact, Step.STARTED) for fact in facts),
    )


def taps_left(direction: str, legs: Sequence[tuple[LegFacts, ChildOnRun]], by: str) -> Iterable[NextTap]:
    """Yield what is still to be tapped, in the order of the drive; nothing once every child is delivered.

    One tap counts for the whole car where the car does it: leaving, and being at the school. Each child who
    gets in has a tap of its own: nobody is counted aboard along with others.
    """
    for step, group in _drive(direction, legs):
        left = [(fact, child) for fact, child in group if not _is_past(fact, step)]
        if left:
            yield NextTap(
                step=step,
                leg_ids=tuple(fact.leg.id or 0 for fact, _ in left),
                uuids=tuple(fact.next_uuid(step, by) for fact, _ in left),
                names=tuple(child.short_name for _, child in left),
                place=left[0][1].place,
            )


def _car(car: Car) -> str:
    colour = Sentence(f"{car.colour.removesuffix('色')}色")
    return Sentence("%(colour)s %(model)s", colour=colour, model=car.model) if car.model else colour


def _drive(
    direction: str, legs: Sequence[tuple[LegFacts, ChildOnRun]]
) -> Iterable[tuple[Step, Sequence[tuple[LegFacts, ChildOnRun]]]]:
    """Yield the steps in the order of the drive: fetched door by door, or brought home door by door."""
    yield Step.STARTED, legs
    if direction == Direction.TO_SCHOOL:
        for one in legs:
            yield Step.AT_PICKUP, [one]
            yield Step.ON_BOARD, [one]
        yield Step.DELIVERED, legs
        return
    yield Step.AT_PICKUP, legs
    for one in legs:
        yield Step.ON_BOARD, [one]
    for one in legs:
        yield Step.DELIVERED, [one]


def _is_past(fact: LegFacts, step: Step) -> bool:
    """Say whether this step, or a later one, was tapped: a driver who forgot one is not asked back."""
    later = DRIVE[DRIVE.index(step) :]
    return fact.finished_at is not None or any(tap.step in later for tap in fact.taps)


def _child_on_run(fact: LegFacts, child: Child, shift: Shift, words_of: WordsOf) -> ChildOnRun:
    leg = fact.leg
    next_step = next((step for step in DRIVE if not _is_past(fact, step)), None)
    is_at_home = leg.place_kind == PlaceKind.HOME and bool(child.address)
    return ChildOnRun(
        leg_id=leg.id or 0,
        child_id=leg.child_id,
        full_name=child.full_name or child.short_name,
        short_name=child.short_name,
        photo=child.photo,
        pickup_at=leg.pickup_at,
        due_at=leg.due_at,
        place=(child.address if is_at_home else leg.place_name) or leg.area,
        is_at_home=is_at_home,
        note=child.handling_note or "",
        needs=needs_of(child),
        words=words_of(shift.id or 0, leg.id or 0),
        done=tuple(step for step in DRIVE if _is_past(fact, step)),
        next_step=next_step,
        next_uuid=fact.next_uuid(next_step, f"volunteer:{shift.volunteer_id}") if next_step else "",
    )


def _last_tap(facts: Sequence[LegFacts], by: str) -> LastTap | None:
    own = [tap for fact in facts for tap in fact.taps if tap.by == by]
    if not own:
        return None
    last = max(own, key=lambda tap: tap.arrived_at)
    same = tuple(tap.uuid for tap in own if tap.arrived_at == last.arrived_at and tap.step == last.step)
    return LastTap(last.step, same, last.arrived_at)


def _masked_run(shift: Shift, known: KnownRun, zone: ZoneInfo) -> RunView:
    return RunView(
        run_id=known.run.id or 0,
        shift_id=shift.id or 0,
        turn=turn_of(shift, {known.run.id or 0: known}),
        is_open=False,
        opens_at=windows.duty_opens_at(shift.on, shift.confirmed_at or known.run.starts_at, zone),
        school_name="",
        children=(),
        called_off=(),
        taps_left=(),
        last_tap=None,
        started_at=None,
        partner="",
        car="",
        plate="",
    )


def _called_off(session: Session, run_id: int) -> tuple[str, ...]:
    rows = (
        select(Child.short_name)
        .join(Leg, col(Leg.child_id) == col(Child.id))
        .join(RunLeg, col(RunLeg.leg_id) == col(Leg.id))
        .where(RunLeg.run_id == run_id, Leg.state == LegState.CANCELLED)
    )
    return tuple(session.exec(rows.order_by(col(RunLeg.position))))


def _children(session: Session, ids: Collection[int]) -> dict[int, Child]:
    rows = select(Child).where(col(Child.id).in_(ids)).options(defer(_DIAGNOSIS, raiseload=True))
    return {child.id or 0: child for child in session.exec(rows)}


DRIVE = (Step.STARTED, Step.AT_PICKUP, Step.ON_BOARD, Step.DELIVERED)
_DIAGNOSIS: Any = Child.diagnosis  # SQLModel types its columns as values
