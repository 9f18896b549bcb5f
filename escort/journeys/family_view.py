"""What a family may see: who comes, in which car, when; and until then what we know and when we say more.

DESIGN section 8, the column "family": the driver's name, photo, plate and the word pair in W-duty only. A phone
that is not bound sees time and area only.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func
from sqlalchemy.orm import load_only
from sqlmodel import Session, col, select

from escort.errors import NotFound
from escort.families.coming_days import ComingDays, coming_days_of
from escort.families.models import Child, EscortPause, Family, Guardian
from escort.journeys import windows
from escort.journeys.leg_facts import DriverShift, LegFacts, facts_of, was_announced
from escort.journeys.models import Step
from escort.journeys.told_families import LAST_WORD, PROMISED
from escort.rota.models import Direction, Leg, LegState, Service

WordsOf = Callable[[int, int], str]
"""(shift id, leg id) -> the word pair of this shift and leg."""


class RideState(StrEnum):
    FINDING = "finding"  # nobody has said yes yet
    LATER = "later"  # somebody has said yes; who, we say from 17:00 the day before
    CONFIRMED = "confirmed"
    CHANGED = "changed"  # another driver than the family was told
    STARTED = "started"
    AT_PICKUP = "at_pickup"
    ON_BOARD = "on_board"
    REPORTED = "reported"  # the driver says delivered, and this family says so too before it counts
    DELIVERED = "delivered"
    NO_RIDE = "no_ride"  # cancelled


@dataclass(frozen=True)
class DriverView:
    name: str
    photo: str | None
    plate: str
    colour: str
    model: str
    times: int  # how often this driver has brought this child
    is_changed_car: bool = False  # another car than the one that we know, today


@dataclass(frozen=True)
class RideView:
    """One leg as its family sees it. On a phone that is not bound the child, the place and the driver are blank."""

    leg_id: int
    child: str
    on: date
    to_school: bool
    state: RideState
    pickup_at: datetime
    due_at: datetime
    area: str
    place: str
    driver: DriverView | None  # in W-duty
    second: str  # the second adult in the car, in W-duty
    former: str  # who was named before and no longer comes, in W-duty
    words: str  # to compare, in W-duty
    tell_by: datetime | None  # finding: by when we say who comes or that nobody does
    finished_at: datetime | None
    may_cancel: bool
    arrived_uuid: str  # of the family's own tap "the child is here"


@dataclass(frozen=True)
class ChildView:
    short_name: str
    ride: RideView | None  # the one that matters now
    later: tuple[RideView, ...]  # the rest of today and tomorrow
    child_id: int
    unsaid: RideView | None  # a way home of which nobody has said whether it is wanted: its morning is off
    pauses: tuple[EscortPause, ...]  # on a bound phone
    next_term: str  # "open", "yes", "no": whether it goes on, where that was asked; "" elsewhere


@dataclass(frozen=True)
class FamilyView:
    is_bound: bool
    today: date
    children: tuple[ChildView, ...]

    @property
    def rides(self) -> tuple[RideView, ...]:
        return tuple(
            ride for child in self.children for ride in (child.ride, *child.later) if ride is not None
        )

    def ride(self, leg_id: int) -> RideView | None:
        return next((ride for ride in self.rides if ride.leg_id == leg_id), None)


def family_view(
    session: Session,
    *,
    guardian_id: int,
    is_bound: bool,
    words_of: WordsOf,
    now: datetime,
    zone: ZoneInfo,
) -> FamilyView:
    """Return the page of one family: for each child the ride that matters now, and what follows it."""
    today = now.astimezone(zone).date()
    children = _children(session, guardian_id)
    legs = _legs(session, [child.id or 0 for child in children], today)
    facts = facts_of(session, legs)
    times = _times_brought(session, facts)
    coming = coming_days_of(session, guardian_id, on=today) if is_bound else {}
    seen = Sight(
        guardian=f"guardian:{guardian_id}",
        is_bound=is_bound,
        words_of=words_of,
        times=times,
        now=now,
        zone=zone,
        confirms_arrival=_confirms_arrival(session, guardian_id),
    )
    return FamilyView(
        is_bound=is_bound,
        today=today,
        children=tuple(
            _child_view(
                child,
                [fact for fact in facts if fact.leg.child_id == child.id],
                seen,
                coming.get(child.id or 0, ComingDays()),
            )
            for child in children
        ),
    )


def own_legs(session: Session, *, guardian_id: int, leg_ids: Collection[int]) -> list[Leg]:
    """Return these legs, the earliest first. Raises NotFound unless all are of this guardian's children."""
    rows = (
        select(Leg)
        .join(Child, col(Child.id) == col(Leg.child_id))
        .join(Guardian, col(Guardian.family_id) == col(Child.family_id))
        .where(Guardian.id == guardian_id, col(Leg.id).in_(leg_ids))
        .order_by(col(Leg.pickup_at))
    )
    legs = list(session.exec(rows))
    if not legs or len(legs) != len(set(leg_ids)):
        raise NotFound("没有找到这趟接送。请打开最近的一条消息，或打值班电话。")
    return legs


def tell_by(pickup_at: datetime, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Return by when a family without a driver hears more; None once only the duty teacher can say.

    The very moments that the messages promise: 20:00 the evening before, then twenty minutes before T.
    """
    day = pickup_at.astimezone(zone).date()
    evening = datetime.combine(day - timedelta(days=1), PROMISED, zone)
    return next((moment for moment in (evening, pickup_at - LAST_WORD) if moment > now), None)


@dataclass(frozen=True)
class Sight:
    """Who looks, and when: what every mask of this page depends on."""

    guardian: str
    is_bound: bool
    words_of: WordsOf
    times: dict[tuple[int, int], int]
    now: datetime
    zone: ZoneInfo
    confirms_arrival: bool


def _child_view(child: Child, facts: Sequence[LegFacts], seen: Sight, coming: ComingDays) -> ChildView:
    open_facts = [fact for fact in facts if not _is_over(fact, seen)]
    rides = [_ride(fact, child, seen) for fact in open_facts]
    first = rides[0] if rides else None
    near = seen.now.astimezone(seen.zone).date() + timedelta(days=1)
    unsaid = _unsaid(facts, seen.now) if seen.is_bound else set()
    return ChildView(
        short_name=child.short_name if seen.is_bound else "",
        ride=first,
        later=tuple(ride for ride in rides[1:] if first and ride.on <= max(near, first.on)),
        child_id=child.id or 0,
        unsaid=next((ride for ride in rides if ride.leg_id in unsaid and ride.may_cancel), None),
        pauses=tuple(coming.pauses.values()),
        next_term=coming.next_term,
    )


def _unsaid(facts: Sequence[LegFacts], now: datetime) -> set[int | None]:
    """Return the ways home that are wanted as before, though the morning is off and nobody has spoken for them."""
    off = {
        fact.leg.on
        for fact in facts
        if fact.leg.direction == Direction.TO_SCHOOL and fact.leg.state == LegState.CANCELLED
    }
    return {
        fact.leg.id
        for fact in facts
        if fact.leg.direction == Direction.HOME
        and fact.leg.on in off
        and fact.leg.kept_at is None
        and fact.leg.pickup_at > now
    }


def _is_over(fact: LegFacts, seen: Sight) -> bool:
    """Say whether the page has moved on: it shows a ride 30 minutes longer than it lasted, or until the family says."""
    now = seen.now
    if _is_only_reported(fact, seen):
        return now >= fact.leg.due_at + UNHEARD_OF
    if fact.leg.state == LegState.CANCELLED:
        return now >= fact.leg.pickup_at + windows.GATE_AFTER
    if fact.finished_at is not None:
        return now >= fact.finished_at + windows.AFTER_HANDOVER
    return now >= fact.leg.due_at + UNHEARD_OF


def _ride(fact: LegFacts, child: Child, seen: Sight) -> RideView:
    leg = fact.leg
    confirmed = fact.confirmed
    in_duty = confirmed is not None and windows.is_in_duty(
        on=leg.on,
        confirmed_at=confirmed.shift.confirmed_at,
        finished_at=fact.finished_at,
        now=seen.now,
        zone=seen.zone,
    )
    shown = confirmed if in_duty and seen.is_bound and leg.state == LegState.WANTED else None
    state = _state(fact, seen, is_in_duty=in_duty)
    return RideView(
        leg_id=leg.id or 0,
        child=child.short_name if seen.is_bound else "",
        on=leg.on,
        to_school=leg.direction == Direction.TO_SCHOOL,
        state=state,
        pickup_at=leg.pickup_at,
        due_at=leg.due_at,
        area=leg.area,
        place=leg.place_name if seen.is_bound else "",
        driver=_driver(shown, leg.child_id, seen.times) if shown else None,
        second=fact.second.car.name if shown and fact.second else "",
        former=_former(fact, seen) if seen.is_bound else "",
        words=seen.words_of(shown.shift.id or 0, leg.id or 0) if shown else "",
        tell_by=tell_by(leg.pickup_at, seen.now, seen.zone) if state == RideState.FINDING else None,
        finished_at=fact.finished_at,
        may_cancel=_may_cancel(fact),
        arrived_uuid=fact.next_uuid(Step.HANDED_OVER, seen.guardian),
    )


def _is_only_reported(fact: LegFacts, seen: Sight) -> bool:
    return seen.confirms_arrival and windows.is_only_reported(fact.leg.direction, fact.taps)


def _state(fact: LegFacts, seen: Sight, *, is_in_duty: bool) -> RideState:
    if fact.leg.state == LegState.CANCELLED:
        return RideState.NO_RIDE
    if _is_only_reported(fact, seen):
        return RideState.REPORTED
    if fact.finished_at is not None:
        return RideState.DELIVERED
    if fact.confirmed is None:
        return RideState.FINDING
    if not is_in_duty:
        return RideState.LATER
    for step, state in _ON_THE_WAY:
        if fact.when(step) is not None:
            return state
    if fact.leg.direction == Direction.HOME and fact.when(Step.HANDED_OVER) is not None:
        return RideState.ON_BOARD
    return RideState.CHANGED if was_announced(fact, seen.zone) else RideState.CONFIRMED


def _former(fact: LegFacts, seen: Sight) -> str:
    """Return the name that no longer counts, as long as the family may still act on it."""
    if fact.former is None or fact.finished_at is not None or not was_announced(fact, seen.zone):
        return ""
    return fact.former.car.name


def _driver(held: DriverShift, child_id: int, times: dict[tuple[int, int], int]) -> DriverView:
    car = held.car
    return DriverView(
        name=car.name,
        photo=car.photo,
        plate=car.plate,
        colour=car.colour,
        model=car.model,
        times=times.get((child_id, car.volunteer_id), 0),
        is_changed_car=car.is_changed,
    )


def _may_cancel(fact: LegFacts) -> bool:
    """A child in the car is no longer cancelled by a page: that is a call to the office."""
    aboard = fact.when(Step.ON_BOARD) or fact.when(Step.HANDED_OVER) or fact.finished_at
    return fact.leg.state == LegState.WANTED and aboard is None


def _children(session: Session, guardian_id: int) -> list[Child]:
    rows = (
        select(Child)
        .join(Guardian, col(Guardian.family_id) == col(Child.family_id))
        .where(Guardian.id == guardian_id)
        .options(load_only(*_NAME, raiseload=True))
    )
    return list(session.exec(rows.order_by(col(Child.id))))


def _confirms_arrival(session: Session, guardian_id: int) -> bool:
    rows = select(Family.confirms_arrival).join(Guardian, col(Guardian.family_id) == col(Family.id))
    return bool(session.exec(rows.where(Guardian.id == guardian_id)).first())


def _legs(session: Session, child_ids: Collection[int], today: date) -> list[Leg]:
    rows = select(Leg).where(
        col(Leg.child_id).in_(child_ids),
        col(Leg.on) >= today,
        col(Leg.on) <= today + LOOK_AHEAD,
        col(Leg.state).in_((LegState.WANTED, LegState.CANCELLED)),
    )
    return list(session.exec(rows.order_by(col(Leg.pickup_at), col(Leg.id))))


def _times_brought(session: Session, facts: Sequence[LegFacts]) -> dict[tuple[int, int], int]:
    drivers = {held.car.volunteer_id for fact in facts if (held := fact.confirmed)}
    rows = (
        select(Service.child_id, Service.volunteer_id, func.count())
        .where(
            col(Service.child_id).in_({fact.leg.child_id for fact in facts}),
            col(Service.volunteer_id).in_(drivers),
        )
        .group_by(col(Service.child_id), col(Service.volunteer_id))
    )
    return {(child, volunteer): times for child, volunteer, times in session.exec(rows)}


UNHEARD_OF = timedelta(minutes=90)  # a ride without any end is shown so much longer than planned
LOOK_AHEAD = timedelta(days=10)  # far enough to name the first day after a long holiday
_ON_THE_WAY = (
    (Step.ON_BOARD, RideState.ON_BOARD),
    (Step.AT_PICKUP, RideState.AT_PICKUP),
    (Step.STARTED, RideState.STARTED),
)
_NAME: tuple[Any, ...] = (Child.id, Child.short_name)  # SQLModel types its columns as values
