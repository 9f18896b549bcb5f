"""Whether a child that is being set up could be driven, by whom, and what stands in the way. Nothing is written.

Judged on the first whole week from its beginning, everything counted that volunteers have promised or are planned
for. A ride can be driven by somebody who has that half-day free, or by a car that goes to the same school close by
and has a seat. The people are the circle that the plan would propose from those who have time.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from enum import StrEnum
from typing import Any

from sqlmodel import Session, col, select

from escort.errors import Refused
from escort.families.forms import ChildSetUp
from escort.families.models import Child
from escort.families.places import ChosenPlace, read_place
from escort.families.streets import guess_street
from escort.roster.models import Volunteer
from escort.rota.models import LIVE_SHIFT, Leg, Role, Run, RunLeg, RunState, Shift
from escort.rota.problems import KeyedProblem, Ride, direction_of, problem_of_newcomer, week_of
from escort.schools.models import School
from scheduling import problem as planner
from scheduling.circles import propose_circles
from scheduling.explain import candidates, why_nobody
from scheduling.plan import Rule
from scheduling.problem import Direction, Point, Problem
from scheduling.travel import km_between, minutes_between

WEEKS_A_MONTH = 4.3
ROUNDED_TO_DEGREES = 0.005  # about 500 m: where a volunteer lives is nobody's business to the door


class Verdict(StrEnum):
    GOOD = "good"  # every ride has somebody, and somebody in reserve
    THIN = "thin"  # every ride has somebody, some have nobody in reserve
    HOLES = "holes"  # some rides have nobody
    NOBODY = "nobody"  # no ride has anybody


@dataclass(frozen=True)
class Judged:
    """One member of the proposed circle."""

    volunteer_id: int
    name: str
    surname: str
    plate: str
    point: Point  # rounded to about 500 m
    approach_km: float  # to where the ride begins, at the nearest
    has_child_seat: bool
    rides: tuple[tuple[int, Direction], ...]  # weekday and half-day of the rides that he could drive


@dataclass(frozen=True)
class Hole:
    """A ride that nobody could drive, and the commonest causes."""

    weekday: int
    direction: Direction
    causes: tuple[tuple[Rule, int], ...]


@dataclass(frozen=True)
class NewChildVerdict:
    verdict: Verdict
    considered: int  # volunteers looked at
    able: int  # who could drive at least one of the rides
    circle: tuple[Judged, ...]
    rides_a_week: int
    shared: int  # rides that fit into a neighbour's car
    without_reserve: int
    holes: tuple[Hole, ...]
    km: float
    minutes: int
    is_estimate: bool  # km and minutes typed by hand: nobody's way is known
    leaves_at: time | None  # the morning's pick-up
    bell: time
    dismissal: time
    door: Point | None
    school: Point
    school_name: str
    street: str  # what those who are asked are told; "" if it must be filled in
    is_street_guessed: bool
    notes: tuple[str, ...]  # what was understood otherwise than it was written

    @property
    def rides_a_month_each(self) -> float:
        """How many rides a month each of the circle would have, shared evenly."""
        return self.rides_a_week * WEEKS_A_MONTH / len(self.circle) if self.circle else 0.0


def judge_new_child(session: Session, *, form: ChildSetUp, today: date) -> NewChildVerdict:
    """Return whether the child could be driven. Raises FormMistakes at a place that cannot be read, or Refused."""
    school = session.get(School, form.school_id)
    if school is None:
        raise Refused("没有这所学校，请重新选择。")
    pickup, dropoff = _ends(session, form)
    rides = _rides(form, school, pickup, dropoff, today)
    point = pickup.point or Point(school.lat, school.lon)
    child = planner.Child(
        point=point,
        school=0,
        is_girl=form.gender == "F",
        wheelchair=form.wheelchair,
        child_seat=form.child_seat,
        female_driver=form.female_driver,
        alone=form.alone,
        second_adult=form.second_adult,
    )
    keyed = problem_of_newcomer(
        session, child=child, school=planner.School(Point(school.lat, school.lon)), rides=rides
    )
    able = [_able(keyed, run) for run in range(len(rides))]
    shared = (
        _neighbours(session, form, rides) if pickup.point and not (form.wheelchair or form.alone) else set()
    )
    circle = _circle(keyed.problem, able)
    in_circle = [[who for who in people if who in circle] for people in able]
    km = pickup.km if pickup.km is not None else km_between(point, Point(school.lat, school.lon))
    minutes = pickup.minutes if pickup.minutes is not None else _minutes(point, school)
    return NewChildVerdict(
        verdict=_verdict(able, in_circle, shared),
        considered=len(keyed.volunteer_ids),
        able=len({who for people in able for who in people}),
        circle=_judged(session, keyed, rides, able, circle),
        rides_a_week=len(rides),
        shared=len(shared),
        without_reserve=sum(len(in_circle[run]) + (run in shared) == 1 for run in range(len(rides))),
        holes=tuple(
            _hole(keyed, rides, run) for run, people in enumerate(able) if not people and run not in shared
        ),
        km=km,
        minutes=minutes,
        is_estimate=pickup.point is None,
        leaves_at=_leaves_at(school, minutes) if form.to_school else None,
        bell=school.bell,
        dismissal=school.dismissal,
        door=pickup.point,
        school=Point(school.lat, school.lon),
        school_name=school.name,
        street=form.street or guess_street(session, pickup.point or dropoff.point),
        is_street_guessed=not form.street,
        notes=tuple(place.note for place in (pickup, dropoff) if place.note),
    )


def _ends(session: Session, form: ChildSetUp) -> tuple[ChosenPlace, ChosenPlace]:
    pickup = read_place(session, form.pickup, place_id=form.pickup_id)
    if not form.dropoff and form.dropoff_id is None:
        return pickup, replace(pickup, note="")  # said once
    return pickup, read_place(
        session, form.dropoff, place_id=form.dropoff_id, home=pickup.point, field="dropoff"
    )


def _rides(
    form: ChildSetUp, school: School, pickup: ChosenPlace, dropoff: ChosenPlace, today: date
) -> list[Ride]:
    monday = week_of(max(today, form.from_on or today)) + timedelta(days=7)
    here = Point(school.lat, school.lon)
    rides = []
    for weekday in (day for day, mark in enumerate(form.weekdays) if mark == "1"):
        on = monday + timedelta(days=weekday)
        ends = school.friday_dismissal if weekday == FRIDAY and school.friday_dismissal else school.dismissal
        if form.to_school:
            rides.append(Ride(on, weekday, Direction.TO_SCHOOL, _minute(school.bell), pickup.point or here))
        if form.home_again:
            rides.append(Ride(on, weekday, Direction.HOME, _minute(ends), dropoff.point or here))
    return rides


def _able(keyed: KeyedProblem, run: int) -> list[int]:
    return [candidate.volunteer for candidate in candidates(keyed.problem, run)]


def _circle(problem: Problem, able: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The circle that the plan would propose, of people who have time in this week."""
    have_time = {who for people in able for who in people}
    others = tuple(who for who in range(len(problem.volunteers)) if who not in have_time)
    child = replace(problem.children[0], banned=others)
    return propose_circles(replace(problem, children=(child,)), children=[0]).get(0, ())


def _neighbours(session: Session, form: ChildSetUp, rides: Sequence[Ride]) -> set[int]:
    """Which rides fit into a car that goes to the same school that half-day, close by, with a seat left."""
    week = (min(ride.on for ride in rides), max(ride.on for ride in rides))
    columns: tuple[Any, ...] = (
        Run.id,
        Run.on,
        Run.direction,
        Leg.lat,
        Leg.lon,
        Child.child_seat,
        Volunteer.seats,
    )
    rows: Any = session.exec(
        select(*columns)
        .select_from(Run)
        .join(RunLeg, (col(RunLeg.run_id) == Run.id) & col(RunLeg.is_live).is_(True))
        .join(Leg, col(Leg.id) == RunLeg.leg_id)
        .join(Child, col(Child.id) == Leg.child_id)
        .join(
            Shift,
            (col(Shift.run_id) == Run.id)
            & (col(Shift.role) == Role.DRIVER)
            & col(Shift.state).in_(LIVE_SHIFT),
        )
        .join(Volunteer, col(Volunteer.id) == Shift.volunteer_id)
        .where(
            Run.school_id == form.school_id,
            Run.on >= week[0],
            Run.on <= week[1],
            Run.state == RunState.LIVE,
            *([Volunteer.gender == "F"] if form.female_driver else []),
            *([col(Volunteer.child_seats) > 0] if form.child_seat else []),
        )
    )
    cars: dict[tuple[int, date, str, int], list[tuple[Point | None, bool]]] = defaultdict(list)
    for run_id, on, direction, lat, lon, child_seat, seats in rows:
        point = Point(lat, lon) if lat is not None and lon is not None else None
        cars[run_id, on, direction, seats].append((point, child_seat))
    return {
        place
        for place, ride in enumerate(rides)
        if any(_takes(car, riders, ride, form) for car, riders in cars.items())
    }


def _takes(
    car: tuple[int, date, str, int], riders: Sequence[tuple[Point | None, bool]], ride: Ride, form: ChildSetUp
) -> bool:
    _, on, direction, seats = car
    if (
        on != ride.on
        or direction_of(direction) is not ride.direction
        or len(riders) >= min(seats, MOST_IN_A_CAR)
    ):
        return False
    if form.child_seat and any(needs_seat for _, needs_seat in riders):
        return False
    return any(point is not None and km_between(point, ride.point) <= CLOSE_BY_KM for point, _ in riders)


def _verdict(
    able: Sequence[Sequence[int]], in_circle: Sequence[Sequence[int]], shared: Collection[int]
) -> Verdict:
    covered = [bool(people) or run in shared for run, people in enumerate(able)]
    if not any(covered):
        return Verdict.NOBODY
    if not all(covered):
        return Verdict.HOLES
    in_reserve = all(len(people) + (run in shared) > 1 for run, people in enumerate(in_circle))
    return Verdict.GOOD if in_reserve else Verdict.THIN


def _judged(
    session: Session,
    keyed: KeyedProblem,
    rides: Sequence[Ride],
    able: Sequence[Sequence[int]],
    circle: Sequence[int],
) -> tuple[Judged, ...]:
    ids = [keyed.volunteer_ids[who] for who in circle]
    names = {
        row[0]: row
        for row in session.exec(
            select(Volunteer.id, Volunteer.name, Volunteer.plate).where(col(Volunteer.id).in_(ids))
        )
    }
    judged = []
    for who in circle:
        volunteer = keyed.problem.volunteers[who]
        _, name, plate = names[keyed.volunteer_ids[who]]
        doors = [keyed.problem.leg_point(run) for run, people in enumerate(able) if who in people]
        judged.append(
            Judged(
                volunteer_id=keyed.volunteer_ids[who],
                name=name,
                surname=name[:1],
                plate=plate,
                point=_rounded(volunteer.point),
                approach_km=min((km_between(volunteer.point, point) for point in doors), default=0.0),
                has_child_seat=volunteer.child_seats > 0,
                rides=tuple(
                    (ride.weekday, ride.direction)
                    for ride, people in zip(rides, able, strict=True)
                    if who in people
                ),
            )
        )
    return tuple(judged)


def _hole(keyed: KeyedProblem, rides: Sequence[Ride], run: int) -> Hole:
    blocked = Counter(dict(why_nobody(keyed.problem, run).blocked))
    return Hole(rides[run].weekday, rides[run].direction, tuple(blocked.most_common(CAUSES)))


def _leaves_at(school: School, minutes: int) -> time:
    """T in the morning: the bell less ten minutes less the way, floored to five minutes."""
    leaves = _minute(school.bell) - BEFORE_BELL_MINUTES - minutes
    leaves -= leaves % STEP_MINUTES
    return time(max(0, leaves) // 60, max(0, leaves) % 60)


def _minutes(point: Point, school: School) -> int:
    return round(minutes_between(point, Point(school.lat, school.lon)))


def _minute(clock: time) -> int:
    return clock.hour * 60 + clock.minute


def _rounded(point: Point) -> Point:
    step = ROUNDED_TO_DEGREES
    return Point(round(round(point.lat / step) * step, 4), round(round(point.lon / step) * step, 4))


MOST_IN_A_CAR = 3  # children
CLOSE_BY_KM = 3.0  # by road, from one door to the other
BEFORE_BELL_MINUTES = 10
STEP_MINUTES = 5
CAUSES = 3
FRIDAY = 4
