"""Legs, runs and shifts laid down by hand, so that a test of a page does not need the planner."""

from datetime import date, datetime, time, timedelta

from sqlmodel import Session

from escort.families.models import Child
from escort.rota.models import (
    Ask,
    AskKind,
    Direction,
    Leg,
    Offer,
    Role,
    Run,
    RunLeg,
    Shift,
    ShiftState,
)
from escort.schools.models import School
from tests.builders import NOW, ZONE, EscortedChild, a_child, a_school, a_team, a_volunteer


def at(on: date, clock: str) -> datetime:
    """The instant of a wall time on that day."""
    return datetime.combine(on, time.fromisoformat(clock), ZONE)


def a_leg(
    session: Session,
    child: EscortedChild,
    *,
    on: date,
    direction: Direction = Direction.TO_SCHOOL,
    pickup: str | None = None,
    minutes: int = 30,
) -> Leg:
    """One leg of that child, at 07:40 to school or 16:00 home unless said otherwise."""
    clock = pickup or ("07:40" if direction is Direction.TO_SCHOOL else "16:00")
    leg = Leg(
        escort_id=child.escort.id or 0,
        child_id=child.id,
        school_id=child.school.id or 0,
        on=on,
        direction=direction,
        timetable_weekday=on.weekday(),
        pickup_at=at(on, clock),
        due_at=at(on, clock) + timedelta(minutes=minutes),
        place_kind="home",
        place_name="家门口",
        area="唐昌街道",
        lat=30.9071,
        lon=103.8402,
        km=15.0,
        minutes=minutes,
    )
    session.add(leg)
    session.flush()
    return leg


def a_run(session: Session, *legs: Leg) -> Run:
    """One car's run over these legs, in this order."""
    first = legs[0]
    run = Run(
        school_id=first.school_id,
        on=first.on,
        direction=first.direction,
        line="唐昌-1",
        starts_at=min(leg.pickup_at for leg in legs),
        ends_at=max(leg.due_at for leg in legs),
        km=15.0,
        minutes=30,
    )
    session.add(run)
    session.flush()
    session.add_all(
        [RunLeg(run_id=run.id or 0, leg_id=leg.id or 0, position=place) for place, leg in enumerate(legs)]
    )
    session.flush()
    return run


def a_shift(
    session: Session, run: Run, volunteer_id: int | None, state: ShiftState = ShiftState.CONFIRMED
) -> Shift:
    assert volunteer_id is not None
    shift = Shift(
        run_id=run.id,
        volunteer_id=volunteer_id,
        on=run.on,
        direction=run.direction,
        role=Role.DRIVER,
        state=state,
        created_at=NOW,
        confirmed_at=NOW if state is ShiftState.CONFIRMED else None,
    )
    session.add(shift)
    session.flush()
    return shift


def an_open_offer(session: Session, run: Run, volunteer_id: int | None) -> Offer:
    """Somebody has been asked to stand in and has not answered."""
    assert volunteer_id is not None
    ask = Ask(
        volunteer_id=volunteer_id,
        kind=AskKind.STAND_IN,
        week_on=run.on - timedelta(days=run.on.weekday()),
        asked_at=NOW,
        deadline_at=NOW + timedelta(hours=1),
    )
    session.add(ask)
    session.flush()
    offer = Offer(
        ask_id=ask.id or 0, volunteer_id=volunteer_id, run_id=run.id, on=run.on, direction=run.direction
    )
    session.add(offer)
    session.flush()
    return offer


def a_full_day(session: Session, on: date, *, children: int = 344, days: int = 1) -> list[School]:
    """A district's day: so many children, two legs each, two children a car, a driver for each car."""
    schools = [a_school(session, f"第{number}小学", term=None) for number in range(12)]
    team = a_team(session)
    pupils: list[EscortedChild] = []
    for number in range(children):
        pupils.append(a_child(session, f"娃{number}", school=schools[number % 12], team=team))
    drivers = [a_volunteer(session, f"司机{number}", team=team) for number in range(children // 2)]
    for offset in range(days):
        day = on + timedelta(days=offset)
        for direction in Direction:
            for number, driver in enumerate(drivers):
                pair = [pupils[number], pupils[number + len(drivers)]]
                run = a_run(session, *(a_leg(session, child, on=day, direction=direction) for child in pair))
                a_shift(session, run, driver.id)
    return schools


def child_of(session: Session, child_id: int) -> Child:
    child = session.get(Child, child_id)
    assert child is not None
    return child
