"""A morning's or an afternoon's drive in one line: legs, their run, and who said yes."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session

from escort.journeys.taps import TapIn, TapResult, record_taps
from escort.roster.models import Volunteer
from escort.rota.models import Leg, Run, RunLeg, Shift, ShiftState
from tests.builders import TODAY, ZONE, EscortedChild

TOMORROW = TODAY + timedelta(days=1)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Ride:
    run: Run
    legs: list[Leg]
    shift: Shift | None

    @property
    def run_id(self) -> int:
        assert self.run.id is not None
        return self.run.id

    @property
    def leg_id(self) -> int:
        assert self.legs[0].id is not None
        return self.legs[0].id

    @property
    def shift_id(self) -> int:
        assert self.shift is not None
        assert self.shift.id is not None
        return self.shift.id

    @property
    def starts_at(self) -> datetime:
        return self.run.starts_at


def local(on: date, hour: int, minute: int = 0) -> datetime:
    return datetime(on.year, on.month, on.day, hour, minute, tzinfo=ZONE)


def a_leg(
    session: Session,
    child: EscortedChild,
    *,
    on: date = TOMORROW,
    direction: str = "to_school",
    at: datetime | None = None,
    minutes: int = 30,
    state: str = "wanted",
) -> Leg:
    pickup_at = at or (local(on, 7, 45) if direction == "to_school" else local(on, 16))
    leg = Leg(
        escort_id=child.escort.id or 0,
        child_id=child.id,
        school_id=child.school.id or 0,
        on=on,
        direction=direction,
        timetable_weekday=on.weekday(),
        state=state,
        pickup_at=pickup_at,
        due_at=pickup_at + minutes * MINUTE,
        place_kind="home",
        place_name="家门口",
        area="唐昌街道",
        lat=child.child.home_lat,
        lon=child.child.home_lon,
        km=15.0,
        minutes=minutes,
    )
    session.add(leg)
    session.flush()
    return leg


def a_ride(
    session: Session,
    *children: EscortedChild,
    driver: Volunteer | None = None,
    on: date = TOMORROW,
    direction: str = "to_school",
    at: datetime | None = None,
    shift_state: str = ShiftState.CONFIRMED,
    confirmed_at: datetime | None = None,
    is_published: bool = True,
) -> Ride:
    """A published run of these children, two minutes apart, with this driver's yes."""
    legs = [
        a_leg(session, child, on=on, direction=direction, at=at + 2 * n * MINUTE if at else None)
        for n, child in enumerate(children)
    ]
    asked_at = confirmed_at or local(on - timedelta(days=2), 12)
    run = Run(
        school_id=children[0].school.id or 0,
        on=on,
        direction=direction,
        starts_at=min(leg.pickup_at for leg in legs),
        ends_at=max(leg.due_at for leg in legs),
        km=15.0,
        minutes=30,
        published_at=asked_at if is_published else None,
    )
    session.add(run)
    session.flush()
    assert run.id is not None
    session.add_all(
        [RunLeg(run_id=run.id, leg_id=leg.id or 0, position=n) for n, leg in enumerate(legs, start=1)]
    )
    shift = a_shift(session, run, driver, state=shift_state, confirmed_at=asked_at) if driver else None
    session.flush()
    return Ride(run, legs, shift)


def a_shift(
    session: Session,
    run: Run,
    driver: Volunteer,
    *,
    state: str = ShiftState.CONFIRMED,
    confirmed_at: datetime,
    role: str = "driver",
) -> Shift:
    shift = Shift(
        run_id=run.id,
        volunteer_id=driver.id or 0,
        on=run.on,
        direction=run.direction,
        role=role,
        state=state,
        created_at=confirmed_at,
        published_at=confirmed_at,
        confirmed_at=confirmed_at if state == ShiftState.CONFIRMED else None,
    )
    session.add(shift)
    session.flush()
    return shift


def tap(
    session: Session,
    ride: Ride,
    step: str,
    *,
    at: datetime,
    by: str | None = None,
    leg: int = 0,
    uuid: str = "",
    arrived_at: datetime | None = None,
) -> TapResult:
    """One tap, by the ride's driver unless somebody else is named."""
    leg_id = ride.legs[leg].id or 0
    who = by or f"volunteer:{ride.shift.volunteer_id if ride.shift else 0}"
    one = TapIn(uuid or f"{who}-{leg_id}-{step}-{at:%H%M%S}"[:36], leg_id, step, at)
    return record_taps(session, by=who, taps=[one], now=arrived_at or at)[0]
