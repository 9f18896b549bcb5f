"""Whether a child that is being set up could be driven, by whom, and what stands in the way. Nothing is written.

Judged on the first whole week from its beginning: each of the child's rides in a car of its own, everything that
volunteers have promised or are planned for in that week counted. The people are the circle that the plan would propose.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import StrEnum

from sqlmodel import Session, col, select

from escort.errors import Refused
from escort.families.forms import ChildSetUp
from escort.families.places import ChosenPlace, read_place
from escort.roster.models import Volunteer
from escort.rota.problems import KeyedProblem, Ride, problem_of_newcomer, week_of
from escort.schools.models import School
from scheduling import problem as planner
from scheduling.circles import propose_circles
from scheduling.explain import candidates, why_nobody
from scheduling.plan import Rule
from scheduling.problem import Direction, Point
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
    circle = propose_circles(keyed.problem, children=[0]).get(0, ())
    in_circle = [[who for who in people if who in circle] for people in able]
    km = pickup.km if pickup.km is not None else km_between(point, Point(school.lat, school.lon))
    minutes = pickup.minutes if pickup.minutes is not None else _minutes(point, school)
    return NewChildVerdict(
        verdict=_verdict(able, in_circle),
        considered=len(keyed.volunteer_ids),
        able=len({who for people in able for who in people}),
        circle=_judged(session, keyed, rides, able, circle),
        rides_a_week=len(rides),
        without_reserve=sum(len(people) == 1 for people in in_circle),
        holes=tuple(_hole(keyed, rides, run) for run, people in enumerate(able) if not people),
        km=km,
        minutes=minutes,
        is_estimate=pickup.point is None,
        leaves_at=_leaves_at(school, minutes) if form.to_school else None,
        bell=school.bell,
        dismissal=school.dismissal,
        door=pickup.point,
        school=Point(school.lat, school.lon),
        school_name=school.name,
    )


def _ends(session: Session, form: ChildSetUp) -> tuple[ChosenPlace, ChosenPlace]:
    pickup = read_place(session, form.pickup, place_id=form.pickup_id)
    if not form.dropoff and form.dropoff_id is None:
        return pickup, pickup
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


def _verdict(able: Sequence[Sequence[int]], in_circle: Sequence[Sequence[int]]) -> Verdict:
    if not any(able):
        return Verdict.NOBODY
    if not all(able):
        return Verdict.HOLES
    return Verdict.GOOD if all(len(people) > 1 for people in in_circle) else Verdict.THIN


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
        begins = [_begins(keyed, run) for run, people in enumerate(able) if who in people]
        judged.append(
            Judged(
                volunteer_id=keyed.volunteer_ids[who],
                name=name,
                surname=name[:1],
                plate=plate,
                point=_rounded(volunteer.point),
                approach_km=min((km_between(volunteer.point, point) for point in begins), default=0.0),
                has_child_seat=volunteer.child_seats > 0,
                rides=tuple(
                    (ride.weekday, ride.direction)
                    for ride, people in zip(rides, able, strict=True)
                    if who in people
                ),
            )
        )
    return tuple(judged)


def _begins(keyed: KeyedProblem, run: int) -> Point:
    """Where a driver's way to the child counts from: the door in the morning, the way back from it after school."""
    return keyed.problem.leg_point(run)


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


BEFORE_BELL_MINUTES = 10
STEP_MINUTES = 5
CAUSES = 3
FRIDAY = 4
