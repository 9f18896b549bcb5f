"""What is true of a few legs right now: who drives, who drove before, what was tapped. Three queries, however many."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from escort.journeys import windows
from escort.journeys.models import Step, Tap
from escort.roster.models import Volunteer
from escort.rota.models import ChangedCar, Leg, Role, Run, RunLeg, RunState, Shift, ShiftState


@dataclass(frozen=True)
class Car:
    """A volunteer as those must recognise them who meet them: face and car, never a phone or an address."""

    volunteer_id: int
    name: str
    plate: str
    model: str
    colour: str
    photo: str | None
    is_changed: bool = False  # not the car that we know of this volunteer: for this turn alone


@dataclass(frozen=True)
class DriverShift:
    """A shift with its volunteer."""

    shift: Shift
    car: Car


@dataclass(frozen=True)
class LegFacts:
    leg: Leg
    run: Run | None  # None: no car carries this leg yet
    position: int  # order in the car
    driver: DriverShift | None  # published: asked or confirmed; a draft is the office's own
    second: DriverShift | None  # the second adult in the car
    former: DriverShift | None  # the last driver who had said yes and no longer comes
    taps: tuple[Tap, ...]  # oldest first, without the undone
    undone: tuple[Tap, ...] = ()

    @property
    def confirmed(self) -> DriverShift | None:
        """The driver if there is one whose yes holds."""
        if self.driver is None or self.driver.shift.state not in _YES:
            return None
        return self.driver

    @property
    def finished_at(self) -> datetime | None:
        return windows.finished_at(self.leg.direction, self.taps)

    def next_uuid(self, step: Step, by: str) -> str:
        """Return the name of this reader's next tap of this step: the same until it is undone.

        A button pressed twice, or on two phones, is one tap; after an undo it is a new one.
        """
        before = sum(1 for tap in self.undone if tap.step == step)
        return str(uuid5(TAPS, f"{self.leg.id}:{step}:{by}:{before}"))

    def when(self, step: Step) -> datetime | None:
        """Return when a step was first tapped; None while it has not been."""
        return next((tap.tapped_at for tap in self.taps if tap.step == step), None)


def facts_of(session: Session, legs: Sequence[Leg]) -> list[LegFacts]:
    """Return the facts of these legs, in their order."""
    ids = [leg.id for leg in legs if leg.id is not None]
    places = _places(session, ids)
    shifts = _shifts(session, {run.id for rows in places.values() for _, run in rows if run.id is not None})
    taps = _taps(session, ids)
    return [_facts(leg, places.get(leg.id or 0, []), shifts, taps.get(leg.id or 0, [])) for leg in legs]


def _facts(
    leg: Leg, places: list[tuple[RunLeg, Run]], shifts: dict[int, list[DriverShift]], taps: list[Tap]
) -> LegFacts:
    live = next(((place, run) for place, run in places if place.is_live and run.state == RunState.LIVE), None)
    of_live = shifts.get(live[1].id or 0, []) if live is not None else []
    ever = [held for _, run in places for held in shifts.get(run.id or 0, [])]
    driver = _last(of_live, Role.DRIVER, _SEEN)
    former = [
        held
        for held in ever
        if held.shift.role == Role.DRIVER
        and held.shift.confirmed_at is not None
        and held.shift.ended_at is not None
        and held.shift.state not in (*_SEEN, ShiftState.DRAFT)
        and (driver is None or held.car.volunteer_id != driver.car.volunteer_id)
    ]
    return LegFacts(
        leg=leg,
        run=live[1] if live is not None else None,
        position=live[0].position if live is not None else 0,
        driver=driver,
        second=_last(of_live, Role.SECOND, _YES),
        former=max(former, key=lambda held: (held.shift.ended_at, held.shift.id), default=None),
        taps=tuple(tap for tap in taps if tap.undone_at is None),
        undone=tuple(tap for tap in taps if tap.undone_at is not None),
    )


def was_announced(fact: LegFacts, zone: ZoneInfo) -> bool:
    """Say whether the driver before this one was already known at the door: ended after W-duty had begun."""
    former = fact.former
    if former is None or former.shift.ended_at is None or former.shift.confirmed_at is None:
        return False
    return former.shift.ended_at >= windows.duty_opens_at(fact.leg.on, former.shift.confirmed_at, zone)


def _last(held: list[DriverShift], role: Role, states: Collection[str]) -> DriverShift | None:
    fitting = [one for one in held if one.shift.role == role and one.shift.state in states]
    return fitting[-1] if fitting else None


def _places(session: Session, leg_ids: list[int]) -> dict[int, list[tuple[RunLeg, Run]]]:
    found: dict[int, list[tuple[RunLeg, Run]]] = defaultdict(list)
    for place, run in session.execute(_places_of(), {"leg_ids": leg_ids}):
        found[place.leg_id].append((place, run))
    return found


def _shifts(session: Session, run_ids: Collection[int]) -> dict[int, list[DriverShift]]:
    found: dict[int, list[DriverShift]] = defaultdict(list)
    for shift, who, other in session.execute(_shifts_of(), {"run_ids": list(run_ids)}):
        car = Car(shift.volunteer_id, who.name, who.plate, who.car_model, who.car_colour, who.photo)
        if other is not None:
            car = replace(car, plate=other.plate, model="", colour=other.colour, is_changed=True)
        found[shift.run_id or 0].append(DriverShift(shift, car))
    return found


def _taps(session: Session, leg_ids: list[int]) -> dict[int, list[Tap]]:
    found: dict[int, list[Tap]] = defaultdict(list)
    for tap in session.scalars(_taps_of(), {"leg_ids": leg_ids}):
        found[tap.leg_id].append(tap)
    return found


@cache
def _places_of() -> Any:
    rows = select(RunLeg, Run).join(Run, col(Run.id) == col(RunLeg.run_id))
    return rows.where(col(RunLeg.leg_id).in_(bindparam("leg_ids", expanding=True))).order_by(col(RunLeg.id))


@cache
def _shifts_of() -> Any:
    return (
        select(Shift, Volunteer, ChangedCar)
        .join(Volunteer, col(Volunteer.id) == col(Shift.volunteer_id))
        .outerjoin(
            ChangedCar,
            (col(ChangedCar.shift_id) == col(Shift.id)) & col(ChangedCar.ended_at).is_(None),
        )
        .where(col(Shift.run_id).in_(bindparam("run_ids", expanding=True)))
        .options(defer(_NO_ADDRESS, raiseload=True))
        .order_by(col(Shift.id))
    )


@cache
def _taps_of() -> Any:
    rows = select(Tap).where(col(Tap.leg_id).in_(bindparam("leg_ids", expanding=True)))
    return rows.order_by(col(Tap.tapped_at), col(Tap.arrived_at))


TAPS = UUID("5d0c5e7e-6f43-5d0a-9a51-3b1f5cf3a2d7")  # our own namespace
_NO_ADDRESS: Any = Volunteer.address  # SQLModel types its columns as values
_YES = (ShiftState.CONFIRMED, ShiftState.SERVED)
_SEEN = (ShiftState.OPEN, *_YES)
