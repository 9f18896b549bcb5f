"""What the planner is asked: frozen, and checked when it is made.

Everything refers to everything else by its position in the problem's own tuples. A *slot* is one
half-day: day index x 2 + direction. Whoever makes a problem keeps the list of its own keys beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from scheduling.travel import EstimatedTravel, TravelTimes
from scheduling.travel import Point as Point

if TYPE_CHECKING:
    from scheduling.tables import Tables


class Direction(IntEnum):
    TO_SCHOOL = 0
    HOME = 1


class Turning(StrEnum):
    """How much it matters that the child's drivers take turns."""

    ANY = "any"  # the same driver every day is welcome
    WISH = "wish"  # not two service days running, if it can be had (weights.repeat)
    RULE = "rule"  # the child's rule: broken only where nobody else can drive (weights.repeat_rule)


class Booking(NamedTuple):
    """A volunteer's half-day that is already spoken for elsewhere."""

    volunteer: int
    day: int
    direction: Direction


class Served(NamedTuple):
    """Who drove a child on a service day before this horizon."""

    volunteer: int
    on: date


class StandbySlot(NamedTuple):
    """A standby wanted: for a team's children, or for one child whom only familiar faces may drive."""

    day: int
    direction: Direction
    team: int | None
    child: int | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """A school day. `weekday` (0 = Monday) is the one whose timetable holds, after 调休 substitution."""

    on: date
    weekday: int
    week: int  # duties are capped per week; any numbering that grows with the date

    def __post_init__(self) -> None:
        _require(0 <= self.weekday <= 6, "Day.weekday", "must be 0 (Monday) to 6 (Sunday)")


@dataclass(frozen=True, slots=True)
class Team:
    point: Point

    def __post_init__(self) -> None:
        _check_point(self.point, "Team.point")


@dataclass(frozen=True, slots=True)
class School:
    """`am`, `pm`: minutes of the day between which children may arrive, and be fetched; None: not known."""

    point: Point
    special: bool = False
    am: tuple[int, int] | None = None
    pm: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        _check_point(self.point, "School.point")
        for name, window in (("School.am", self.am), ("School.pm", self.pm)):
            _require(window is None or window[0] <= window[1], name, "ends before it begins")


@dataclass(frozen=True, slots=True)
class Child:
    """A child with its places, needs and rules. Volunteers are positions in `Problem.volunteers`."""

    point: Point  # fetched here in the morning
    school: int
    team: int | None = None
    drop_off: Point | None = None  # brought here in the afternoon; None: to `point`
    is_girl: bool = False
    wheelchair: bool = False
    child_seat: bool = False
    female_driver: bool = False
    alone: bool = False
    second_adult: bool = False
    only_familiar: bool = False
    turning: Turning = Turning.WISH
    circle_target: int = 7
    circle: tuple[int, ...] = ()  # the published circle
    familiar: tuple[int, ...] = ()  # whom the child already knows, of the circle or not
    banned: tuple[int, ...] = ()
    family: int | None = None  # children with the same number are siblings
    not_with: tuple[int, ...] = ()  # children with whom it shares no car, whichever of the two said so

    def __post_init__(self) -> None:
        _check_point(self.point, "Child.point")
        if self.drop_off is not None:
            _check_point(self.drop_off, "Child.drop_off")
        _require(self.circle_target >= 1, "Child.circle_target", "must be at least 1")

    def place(self, direction: Direction) -> Point:
        """Return where the child's own end of the ride is."""
        return self.drop_off if direction is Direction.HOME and self.drop_off is not None else self.point


@dataclass(frozen=True, slots=True)
class Volunteer:
    """A volunteer with car and promises. A date of None means: not valid on any day."""

    point: Point
    team: int | None = None
    is_female: bool = False
    seats: int = 4  # for children, the driver's not counted
    child_seats: int = 0
    wheelchair: bool = False
    cap_week: int = 1
    pledge_week: int = 1
    avail: tuple[bool, ...] = (True,) * 14  # index weekday x 2 + direction
    blockouts: frozenset[date] = frozenset()
    vetted_until: date | None = None
    licence_until: date | None = None
    insured_until: date | None = None
    max_approach_km: float = 8.0
    girls_only: bool = False
    served: int = 0  # duties done in `Problem.past_weeks`
    household: tuple[int, ...] = ()  # volunteers not to be booked in the same slot
    together: int | None = None  # takes a seat only if this volunteer takes the other one of the same run
    cap_month: int | None = None  # duties a calendar month; None: only the week's cap
    from_on: date | None = None  # in the rotation from this day; None: already
    until_on: date | None = None  # and to this day, included; None: for good

    def __post_init__(self) -> None:
        _check_point(self.point, "Volunteer.point")
        _require(len(self.avail) == 14, "Volunteer.avail", "must have 14 entries: weekday x 2 + direction")
        _require(0 <= self.seats <= 60, "Volunteer.seats", "must be 0 to 60")
        _require(0 <= self.child_seats <= 60, "Volunteer.child_seats", "must be 0 to 60")
        _require(self.cap_week >= 0, "Volunteer.cap_week", "must not be negative")
        _require(self.cap_month is None or self.cap_month >= 0, "Volunteer.cap_month", "must not be negative")
        _require(self.pledge_week >= 0, "Volunteer.pledge_week", "must not be negative")
        _require(self.served >= 0, "Volunteer.served", "must not be negative")
        _require(self.max_approach_km >= 0, "Volunteer.max_approach_km", "must not be negative")


@dataclass(frozen=True, slots=True)
class Leg:
    """One child, one way, one school day. Legs share a car only if `minute` is the same for all."""

    child: int
    day: int
    direction: Direction
    minute: int | None = None  # bell or dismissal, minute of the local day; None: the school's usual
    point: Point | None = None  # only this day's place; None: the child's

    def __post_init__(self) -> None:
        if self.point is not None:
            _check_point(self.point, "Leg.point")
        _require(self.minute is None or 0 <= self.minute < 1440, "Leg.minute", "must be 0 to 1439")


@dataclass(frozen=True, slots=True)
class Line:
    """Children who share a car day by day. `pinned`: by the coordinator's word, whatever it costs."""

    direction: Direction
    children: tuple[int, ...]
    pinned: bool = False

    def __post_init__(self) -> None:
        _require(len(self.children) >= 1, "Line.children", "must not be empty")
        _require(len(set(self.children)) == len(self.children), "Line.children", "names a child twice")


@dataclass(frozen=True, slots=True)
class Run:
    """One car's legs (positions in `Problem.legs`) in the order in which the homes are visited."""

    day: int
    direction: Direction
    legs: tuple[int, ...]
    start: Point
    end: Point
    km: float
    minutes: float
    line: int  # runs of the same line on other days carry the same children, absent ones dropped
    halved: bool = False  # split from its line for this day because no one car could be found
    schools: tuple[int, ...] = ()  # in visiting order, where there are several

    def __post_init__(self) -> None:
        _require(len(self.legs) >= 1, "Run.legs", "must not be empty")
        _check_point(self.start, "Run.start")
        _check_point(self.end, "Run.end")
        _require(self.km >= 0, "Run.km", "must not be negative")

    @property
    def approach(self) -> Point:
        """The end of the run that a volunteer's `max_approach_km` is measured to: the child's."""
        return self.start if self.direction is Direction.TO_SCHOOL else self.end


@dataclass(frozen=True, slots=True)
class Weights:
    """What a broken wish costs. Whole numbers; coverage outweighs all the rest together."""

    uncovered_child_leg: int = 1_000_000
    uncovered_standby: int = 20_000
    km: int = 10  # per km of approach and return
    load: int = 100  # the k-th duty of a volunteer: load x (2k - 1) / pledged duties
    repeat: int = 300  # a child's driver on two service days running
    repeat_rule: int = 20_000  # the same, for a child whose rule it is to rotate
    pair_new: int = 120
    pair_known: int = 40
    circle_over: int = 300  # each driver of a child beyond its circle_target
    reserve: int = 60  # a duty elsewhere of somebody who is in the circle of a child with only familiar faces

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            _require(getattr(self, name) >= 0, f"Weights.{name}", "must not be negative")


@dataclass(frozen=True)
class Problem:
    """Everything the planner may know. Raises ValueError, naming the field, for what cannot be.

    `runs`: existing cars; `promised` and its brothers refer to their positions. Legs in no run are pooled, with
    the mates of `lines` where the gain of others is not worth the change.
    `declined` is by leg, so that it outlives any re-pooling. `last_served` lists, per child, who drove it
    on its last service days before the first of `days`.
    """

    days: tuple[Day, ...]
    schools: tuple[School, ...]
    children: tuple[Child, ...]
    volunteers: tuple[Volunteer, ...]
    legs: tuple[Leg, ...]
    teams: tuple[Team, ...] = ()
    runs: tuple[Run, ...] | None = None
    lines: tuple[Line, ...] = ()
    promised: Mapping[int, int] = field(default_factory=dict)  # run -> driver
    promised_second: Mapping[int, int] = field(default_factory=dict)  # run -> second adult
    promised_standby: Mapping[StandbySlot, int] = field(default_factory=dict)
    declined: frozenset[tuple[int, int]] = frozenset()  # (leg, volunteer)
    busy: frozenset[Booking] = frozenset()
    week_used: Mapping[tuple[int, int], int] = field(
        default_factory=dict
    )  # (volunteer, week) -> duties besides
    month_used: Mapping[tuple[int, int], int] = field(
        default_factory=dict
    )  # (volunteer, month_number) -> duties besides
    last_served: Mapping[int, tuple[Served, ...]] = field(default_factory=dict)
    past_weeks: int = 0  # over which Volunteer.served was counted
    standby: bool = False
    turns_by_school_day: bool = (
        False  # "two days running": school days in a row, not the child's own service days
    )
    weights: Weights = field(default_factory=Weights)
    travel: TravelTimes = field(default_factory=EstimatedTravel)

    def __post_init__(self) -> None:
        _check_people(self)
        _check_legs(self)
        _check_runs(self)
        _check_lines(self)
        _check_promises(self)

    @property
    def slots(self) -> int:
        """Return the number of half-days."""
        return 2 * len(self.days)

    def leg_point(self, leg: int) -> Point:
        """Return the child's end of a leg."""
        ride = self.legs[leg]
        return ride.point if ride.point is not None else self.children[ride.child].place(ride.direction)

    def run_children(self, run: Run) -> tuple[int, ...]:
        """Return the children of a run in visiting order."""
        return tuple(self.legs[leg].child for leg in run.legs)

    @cached_property
    def tables(self) -> Tables:
        """Return the problem's volunteers, children and days as arrays; built once."""
        from scheduling.tables import Tables  # tables reads Problem: importing it at the top would be a ring

        return Tables(self)


def month_number(on: date) -> int:
    """Return a number for the calendar month of a date that grows with it."""
    return 12 * on.year + on.month - 1


def _check_people(problem: Problem) -> None:
    volunteers, schools, teams = len(problem.volunteers), len(problem.schools), len(problem.teams)
    for index, child in enumerate(problem.children):
        name = f"children[{index}]"
        _require(0 <= child.school < schools, f"{name}.school", "is not a position in schools")
        _check_team(child.team, teams, f"{name}.team")
        for word in ("circle", "familiar", "banned"):
            _check_positions(getattr(child, word), volunteers, f"{name}.{word}", "volunteers")
        _check_positions(child.not_with, len(problem.children), f"{name}.not_with", "children")
        _require(index not in child.not_with, f"{name}.not_with", "names the child itself")
    for index, volunteer in enumerate(problem.volunteers):
        _check_team(volunteer.team, teams, f"volunteers[{index}].team")
        _check_positions(volunteer.household, volunteers, f"volunteers[{index}].household", "volunteers")
        _require(
            index not in volunteer.household, f"volunteers[{index}].household", "names the volunteer itself"
        )
        if volunteer.together is not None:
            _check_positions((volunteer.together,), volunteers, f"volunteers[{index}].together", "volunteers")
            _require(
                problem.volunteers[volunteer.together].together == index,
                f"volunteers[{index}].together",
                "is not said by both",
            )
    _require(problem.past_weeks >= 0, "past_weeks", "must not be negative")


def _check_legs(problem: Problem) -> None:
    _require(
        all(a.on < b.on and a.week <= b.week for a, b in zip(problem.days, problem.days[1:], strict=False)),
        "days",
        "must be in order of date and week, each date once",
    )
    seen = set()
    for index, leg in enumerate(problem.legs):
        _require(
            0 <= leg.child < len(problem.children), f"legs[{index}].child", "is not a position in children"
        )
        _require(0 <= leg.day < len(problem.days), f"legs[{index}].day", "is not a position in days")
        seen.add((leg.child, leg.day, leg.direction))
    _require(len(seen) == len(problem.legs), "legs", "lists a child twice on the same half-day")


def _check_runs(problem: Problem) -> None:
    taken: set[int] = set()
    for index, run in enumerate(problem.runs or ()):
        name = f"runs[{index}]"
        _check_positions(run.legs, len(problem.legs), f"{name}.legs", "legs")
        legs = [problem.legs[leg] for leg in run.legs]
        _require(
            all((leg.day, leg.direction) == (run.day, run.direction) for leg in legs),
            f"{name}.legs",
            "are not all of the run's half-day",
        )
        schools = {problem.children[leg.child].school for leg in legs}
        _require(len(schools) == 1 or schools == set(run.schools), f"{name}.legs", "lead to several schools")
        _require(
            taken.isdisjoint(run.legs) and len(set(run.legs)) == len(run.legs), f"{name}.legs", "ride twice"
        )
        taken.update(run.legs)


def _check_lines(problem: Problem) -> None:
    for index, line in enumerate(problem.lines):
        _check_positions(line.children, len(problem.children), f"lines[{index}].children", "children")


def _check_promises(problem: Problem) -> None:
    runs, volunteers = len(problem.runs or ()), len(problem.volunteers)
    _check_positions(problem.promised, runs, "promised", "runs")
    _check_positions(problem.promised.values(), volunteers, "promised", "volunteers")
    _check_positions(problem.promised_second, runs, "promised_second", "runs")
    _check_positions(problem.promised_second.values(), volunteers, "promised_second", "volunteers")
    _check_positions(problem.promised_standby.values(), volunteers, "promised_standby", "volunteers")
    for slot in problem.promised_standby:
        _require(0 <= slot.day < len(problem.days), "promised_standby", "names a day that is not in days")
    _check_positions((leg for leg, _ in problem.declined), len(problem.legs), "declined", "legs")
    _check_positions((volunteer for _, volunteer in problem.declined), volunteers, "declined", "volunteers")
    _check_positions((booking.volunteer for booking in problem.busy), volunteers, "busy", "volunteers")
    _check_positions((booking.day for booking in problem.busy), len(problem.days), "busy", "days")
    _check_positions((volunteer for volunteer, _ in problem.week_used), volunteers, "week_used", "volunteers")
    _check_positions(
        (volunteer for volunteer, _ in problem.month_used), volunteers, "month_used", "volunteers"
    )
    _check_positions(problem.last_served, len(problem.children), "last_served", "children")
    for turns in problem.last_served.values():
        _check_positions((turn.volunteer for turn in turns), volunteers, "last_served", "volunteers")
    booked = set(problem.busy)
    cars = problem.runs or ()
    promised = [
        Booking(volunteer, cars[index].day, cars[index].direction)
        for promises in (problem.promised, problem.promised_second)
        for index, volunteer in promises.items()
    ]
    promised += [Booking(v, slot.day, slot.direction) for slot, v in problem.promised_standby.items()]
    _require(
        len(set(promised)) == len(promised) and booked.isdisjoint(promised),
        "promised",
        "books a volunteer twice on the same half-day",
    )


def _check_point(point: Point, name: str) -> None:
    _require(
        -90 <= point[0] <= 90 and -180 <= point[1] <= 180, name, "must be latitude and longitude in degrees"
    )


def _check_team(team: int | None, teams: int, name: str) -> None:
    _require(team is None or 0 <= team < teams, name, "is not a position in teams")


def _check_positions(positions: Iterable[int], size: int, name: str, of: str) -> None:
    _require(
        all(0 <= position < size for position in positions), name, f"holds a position that is not in {of}"
    )


def _require(condition: bool, name: str, rule: str) -> None:
    if not condition:
        raise ValueError(f"{name} {rule}.")
