"""From the store's rows to the planner's `Problem`, and the list of keys that leads back."""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, or_
from sqlalchemy import select as select_columns
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from escort.families.models import BarredPerson, Child
from escort.roster.gates import VETTING_VALID
from escort.roster.households import live_links
from escort.roster.models import LinkKind, Team, Volunteer
from escort.rota import models as rota
from escort.rota.bookings import (
    LOAD_WEEKS,
    blockouts,
    bookings,
    month_used,
    served_counts,
    shifts_around,
    week_number,
)
from escort.rota.bookings import direction_of as direction_of
from escort.rota.bookings import week_of as week_of
from escort.rota.models import CircleMember, CircleState, Leg, Refusal, Run, RunLeg, Service, Shift
from escort.rota.planner_rows import (
    FALLBACK,
    VOLUNTEER_COLUMNS,
    planner_child,
    planner_run,
    planner_volunteer,
    point_of,
)
from escort.schools.models import School
from scheduling import problem as planner
from scheduling.problem import Booking, Direction, Point, Problem, Served
from scheduling.travel import MINUTES_PER_KM, km_between

TURNS_REMEMBERED = timedelta(days=14)  # how far back a child's last drivers are looked for
PROMISED = (rota.ShiftState.OPEN, rota.ShiftState.CONFIRMED)
FEW_LEGS = 500  # so many are named in a query; for more all refusals are read


@dataclass(frozen=True)
class KeyedProblem:
    """A problem, and for each of its positions the key of the row that it stands for."""

    problem: Problem
    leg_ids: list[int]
    volunteer_ids: list[int]
    child_ids: list[int]
    run_ids: list[int]  # of `problem.runs`
    volunteer_at: dict[int, int] = field(repr=False)
    child_at: dict[int, int] = field(repr=False)
    generations: dict[int, int] = field(default_factory=dict, repr=False)  # of the legs, as they were read


def problem_of(
    session: Session,
    *,
    legs: Sequence[Leg],
    kept_runs: Mapping[int, list[Leg]],
    zone: ZoneInfo,
    counted: Collection[str] = (),
    only_likely: bool = False,
) -> KeyedProblem:
    """Return the problem of finding cars and drivers for `legs` beside the runs that are kept as they are.

    `kept_runs`: run id -> its legs in order; their live drivers are promises. `counted`: the states of shifts
    that hold their volunteer (default: asked or promised). At least one leg is needed. `only_likely` leaves out
    volunteers whose pattern has none of the legs' half-days, whose papers are over or who live too far from every
    child's end: quicker, but it cannot tell why nobody can.
    """
    everything = [*legs, *(leg for ordered in kept_runs.values() for leg in ordered)]
    dates = sorted({leg.on for leg in everything})
    day_at = {on: index for index, on in enumerate(dates)}
    shifts = shifts_around(session, dates, counted or PROMISED)
    volunteers = _Volunteers(
        session,
        dates=dates,
        served=served_counts(session, dates[0]),
        likely=_likely(everything) if only_likely else None,
    )
    children = _Children(session, {leg.child_id for leg in everything}, volunteers.at, first_on=dates[0])
    leg_ids = [_id(leg.id) for leg in everything]
    leg_at = {leg_id: index for index, leg_id in enumerate(leg_ids)}
    promised, seconds, busy, used = bookings(
        shifts, kept_runs, volunteers.at, day_at, volunteers.half_days_off(day_at)
    )
    planned = [(booking.volunteer, dates[booking.day]) for booking in busy]
    planned += [
        (volunteer, kept_runs[run_id][0].on)
        for held in (promised, seconds)
        for run_id, volunteer in held.items()
    ]
    months = month_used(session, dates, counted or PROMISED, volunteers.capped, planned)
    schools = list(session.exec(select(School).order_by(col(School.id))))
    school_at = {_id(school.id): index for index, school in enumerate(schools)}
    run_ids = list(kept_runs)
    run_rows = {_id(run.id): run for run in session.exec(select(Run).where(col(Run.id).in_(run_ids)))}
    plain = Problem(
        days=tuple(_days(everything, dates)),
        schools=tuple(planner.School(Point(s.lat, s.lon)) for s in schools),
        teams=volunteers.teams,
        children=tuple(
            children.rows(
                school_at,
                volunteers.team_at,
                unplaced={leg.child_id for leg in everything if not has_point(leg)},
            )
        ),
        volunteers=volunteers.rows,
        legs=tuple(
            _leg(leg, children.at, day_at, zone, schools[school_at[leg.school_id]]) for leg in everything
        ),
        declined=_declined(session, leg_at, volunteers.at),
        busy=busy,
        week_used=used,
        month_used=months,
        last_served=children.last_served,
        past_weeks=LOAD_WEEKS,
    )
    problem = replace(
        plain,
        runs=tuple(
            planner_run(plain, run_rows[run_id], [leg_at[_id(leg.id)] for leg in kept_runs[run_id]], day_at)
            for run_id in run_ids
        ),
        promised=_at(run_ids, promised),
        promised_second=_at(run_ids, seconds),
    )
    return KeyedProblem(
        problem,
        leg_ids,
        volunteers.ids,
        children.ids,
        run_ids,
        volunteers.at,
        children.at,
        {_id(leg.id): leg.generation for leg in everything},
    )


@dataclass(frozen=True)
class Ride:
    """One ride that a child would need: the school's minute of the day (bell or dismissal), and the child's end."""

    on: date
    weekday: int  # whose timetable and availability hold
    direction: Direction
    minute: int
    point: Point


def problem_of_newcomer(
    session: Session, *, child: planner.Child, school: planner.School, rides: Sequence[Ride]
) -> KeyedProblem:
    """Return the problem of a child that the store does not know yet: each ride in a car of its own.

    `child.school` must be 0. Whatever volunteers have promised on the rides' dates is counted.
    """
    dates = sorted({ride.on for ride in rides})
    day_at = {on: index for index, on in enumerate(dates)}
    weekday_of = {ride.on: ride.weekday for ride in rides}
    volunteers = _Volunteers(session, dates=dates, served=served_counts(session, dates[0]))
    held = (rota.ShiftState.DRAFT, *PROMISED)
    _, _, busy, used = bookings(
        shifts_around(session, dates, held), {}, volunteers.at, day_at, volunteers.half_days_off(day_at)
    )
    plain = Problem(
        days=tuple(planner.Day(on, weekday_of[on], week_number(on)) for on in dates),
        schools=(school,),
        teams=volunteers.teams,
        children=(child,),
        volunteers=volunteers.rows,
        legs=tuple(
            planner.Leg(0, day_at[ride.on], ride.direction, ride.minute, ride.point) for ride in rides
        ),
        busy=busy,
        week_used=used,
        month_used=month_used(
            session, dates, held, volunteers.capped, [(one.volunteer, dates[one.day]) for one in busy]
        ),
        past_weeks=LOAD_WEEKS,
    )
    problem = replace(plain, runs=tuple(_alone(plain, leg) for leg in range(len(rides))))
    return KeyedProblem(problem, [], volunteers.ids, [], [], volunteers.at, {})


def ordered_legs(session: Session, run_ids: Collection[int]) -> dict[int, list[Leg]]:
    """Return the live legs of each run in visiting order."""
    legs: dict[int, list[Leg]] = defaultdict(list)
    for run_id, leg in session.exec(
        select(col(RunLeg.run_id), Leg)
        .join(Leg, col(Leg.id) == RunLeg.leg_id)
        .where(col(RunLeg.run_id).in_(list(run_ids)), col(RunLeg.is_live))
        .order_by(col(RunLeg.run_id), col(RunLeg.position))
    ):
        legs[run_id].append(leg)
    return dict(legs)


def has_point(leg: Leg) -> bool:
    """Return whether the child's end of a leg is known by coordinates, not only by kilometres typed in."""
    return leg.lat is not None and leg.lon is not None


class _Volunteers:
    """All volunteers who may drive at all, as the planner sees them."""

    def __init__(
        self,
        session: Session,
        *,
        dates: list[date],
        served: Mapping[int, int],
        likely: "_Likely | None" = None,
    ) -> None:
        blocked, self._half_days = blockouts(session, dates)
        teams = list(session.exec(select(Team).order_by(col(Team.id))))
        self.team_at = {_id(team.id): index for index, team in enumerate(teams)}
        links = live_links(session)
        kin = {who for one, other, _ in links for who in (one, other)}
        rows = session.execute(
            select_columns(*VOLUNTEER_COLUMNS)
            .where(
                col(Volunteer.suspended_at).is_(None),
                col(Volunteer.lat).is_not(None),
                *([or_(col(Volunteer.id).in_(kin), and_(*likely.conditions(dates[0])))] if likely else []),
            )
            .order_by(col(Volunteer.id))
        ).all()
        if likely:
            rows = [row for row in rows if row.id in kin or likely.reaches(row)]
        partner = {
            who: whom
            for one, other, kind in links
            if kind == LinkKind.TOGETHER
            for who, whom in ((one, other), (other, one))
        }
        here = {row.id for row in rows}
        rows = [row for row in rows if partner.get(row.id, row.id) in here]  # alone, they drive nowhere
        self.ids = [row.id for row in rows]
        self.at = {volunteer_id: index for index, volunteer_id in enumerate(self.ids)}
        apart: dict[int, list[int]] = defaultdict(list)
        for one, other, kind in links:
            if kind == LinkKind.APART and one in self.at and other in self.at:
                apart[one].append(self.at[other])
        self.rows = tuple(
            planner_volunteer(
                row,
                household=tuple(apart.get(row.id, ())),
                together=self.at[partner[row.id]] if row.id in partner else None,
                first_on=dates[0],
                team=self.team_at.get(row.team_id or 0),
                blockouts=blocked.get(row.id, frozenset()),
                served=served.get(row.id, 0),
            )
            for row in rows
        )
        self.capped = {row.id: self.at[row.id] for row in rows if row.cap_month is not None}
        self.teams = tuple(self._team(team, rows) for team in teams)

    def half_days_off(self, day_at: Mapping[date, int]) -> Iterable[tuple[Booking, date]]:
        """Return blockouts of one half-day, which the planner knows as bookings elsewhere."""
        for volunteer_id, on, half_day in self._half_days:
            if volunteer_id in self.at:
                yield Booking(self.at[volunteer_id], day_at[on], direction_of(half_day)), on

    @staticmethod
    def _team(team: Team, volunteers: Iterable[Any]) -> planner.Team:
        if team.lat is not None and team.lon is not None:
            return planner.Team(Point(team.lat, team.lon))
        own = [
            (v.lat, v.lon)
            for v in volunteers
            if v.team_id == team.id and v.lat is not None and v.lon is not None
        ]
        if not own:
            return planner.Team(FALLBACK)
        return planner.Team(
            Point(sum(lat for lat, _ in own) / len(own), sum(lon for _, lon in own) / len(own))
        )


@dataclass(frozen=True)
class _Likely:
    """Who may do for some legs at all, seen roughly: nobody is left out whom the hard rules would let drive."""

    half_days: frozenset[tuple[int, str]]  # of the timetable
    doors: tuple[tuple[float, float], ...]  # the children's ends; none: not all are known

    def conditions(self, first_on: date) -> list[Any]:
        """The pattern has one of the half-days, and no paper is over before the first of the dates."""
        places = sorted(2 * weekday + int(direction_of(direction)) for weekday, direction in self.half_days)
        return [
            or_(*(func.substr(col(Volunteer.pattern), place + 1, 1) == "1" for place in places)),
            col(Volunteer.vetted_on) >= first_on - VETTING_VALID,
            col(Volunteer.licence_until).is_(None) | (col(Volunteer.licence_until) >= first_on),
            col(Volunteer.insured_until).is_(None) | (col(Volunteer.insured_until) >= first_on),
        ]

    def reaches(self, row: Any) -> bool:
        """Whether one of the doors is within the person's limit, as the crow flies north and flies east."""
        if not self.doors:
            return True
        north = row.max_approach_km / KM_PER_DEGREE
        east = north / math.cos(math.radians(row.lat))
        return any(abs(lat - row.lat) <= north and abs(lon - row.lon) <= east for lat, lon in self.doors)


def _likely(legs: Collection[Leg]) -> _Likely:
    """Return what a driver of any of these legs needs; the way is measured to the child's end."""
    known = [(leg.lat, leg.lon) for leg in legs if leg.lat is not None and leg.lon is not None]
    return _Likely(
        frozenset((leg.timetable_weekday, leg.direction) for leg in legs),
        tuple(known) if len(known) == len(legs) else (),
    )


class _Children:
    """The children of the legs, with their circles, barred drivers and last turns."""

    def __init__(
        self, session: Session, ids: set[int], volunteer_at: Mapping[int, int], *, first_on: date
    ) -> None:
        self.children = session.exec(
            select(Child)
            .where(col(Child.id).in_(list(ids)))
            .options(*map(defer, _SEALED_OF_CHILDREN))
            .order_by(col(Child.id))
        ).all()
        self.ids = [_id(row.id) for row in self.children]
        self.at = {child_id: index for index, child_id in enumerate(self.ids)}
        self.banned = _grouped(
            session.exec(
                select(col(BarredPerson.child_id), col(BarredPerson.volunteer_id)).where(
                    col(BarredPerson.child_id).in_(list(ids)),
                    col(BarredPerson.volunteer_id).is_not(None),
                    col(BarredPerson.removed_at).is_(None),
                )
            ).all(),
            volunteer_at,
        )
        members = session.exec(
            select(col(CircleMember.child_id), col(CircleMember.volunteer_id), col(CircleMember.state)).where(
                col(CircleMember.child_id).in_(list(ids)), col(CircleMember.state) != CircleState.LEFT
            )
        ).all()
        self.circle = _grouped(((child, volunteer) for child, volunteer, _ in members), volunteer_at)
        self.known = _grouped(
            ((child, volunteer) for child, volunteer, state in members if state == CircleState.KNOWN),
            volunteer_at,
        )
        self.last_served = self._last_served(session, volunteer_at, first_on)

    def rows(
        self, school_at: Mapping[int, int], team_at: Mapping[int, int], *, unplaced: Collection[int]
    ) -> Iterable[planner.Child]:
        """Yield the children; `unplaced` are those whose way is not known."""
        for row in self.children:
            yield planner_child(
                row,
                school=school_at[row.school_id],
                team=team_at.get(row.team_id or 0),
                is_placed=row.id not in unplaced,
                circle=self.circle.get(_id(row.id), ()),
                known=self.known.get(_id(row.id), ()),
                banned=self.banned.get(_id(row.id), ()),
            )

    def _last_served(
        self, session: Session, volunteer_at: Mapping[int, int], first_on: date
    ) -> dict[int, tuple[Served, ...]]:
        since = first_on - TURNS_REMEMBERED
        served = session.exec(
            select(col(Service.child_id), col(Service.volunteer_id), col(Service.on)).where(
                col(Service.child_id).in_(self.ids), Service.on >= since, Service.on < first_on
            )
        ).all()
        promised = session.exec(
            select(col(Leg.child_id), col(Shift.volunteer_id), col(Leg.on))
            .join(RunLeg, col(RunLeg.leg_id) == Leg.id)
            .join(Shift, col(Shift.run_id) == RunLeg.run_id)
            .where(
                col(Leg.child_id).in_(self.ids),
                Leg.on >= since,
                Leg.on < first_on,
                col(RunLeg.is_live),
                col(Shift.state).in_(PROMISED),
            )
        ).all()
        turns: dict[int, set[Served]] = defaultdict(set)
        for child_id, volunteer_id, on in (*served, *promised):
            if volunteer_id in volunteer_at:
                turns[self.at[child_id]].add(Served(volunteer_at[volunteer_id], on))
        return {child: tuple(sorted(rows, key=lambda turn: turn.on)) for child, rows in turns.items()}


def _days(legs: Iterable[Leg], dates: Sequence[date]) -> Iterable[planner.Day]:
    weekdays: dict[date, Counter[int]] = defaultdict(Counter)
    for leg in legs:
        weekdays[leg.on][leg.timetable_weekday] += 1
    for on in dates:
        yield planner.Day(on, weekdays[on].most_common(1)[0][0], week_number(on))


def _leg(
    leg: Leg, child_at: Mapping[int, int], day_at: Mapping[date, int], zone: ZoneInfo, school: School
) -> planner.Leg:
    to_school = leg.direction == rota.Direction.TO_SCHOOL
    moment = (leg.due_at if to_school else leg.pickup_at).astimezone(zone)
    known = leg.lat is not None and leg.lon is not None
    point = point_of(leg.lat, leg.lon) if known else Point(school.lat, school.lon)
    return planner.Leg(
        child=child_at[leg.child_id],
        day=day_at[leg.on],
        direction=direction_of(leg.direction),
        minute=moment.hour * 60 + moment.minute,
        point=point,
    )


def _alone(problem: Problem, leg: int) -> planner.Run:
    """One child's leg as a car's only one."""
    row = problem.legs[leg]
    school, door = problem.schools[problem.children[row.child].school].point, problem.leg_point(leg)
    to_school = row.direction is Direction.TO_SCHOOL
    km = km_between(door, school)
    return planner.Run(
        day=row.day,
        direction=row.direction,
        legs=(leg,),
        start=door if to_school else school,
        end=school if to_school else door,
        km=km,
        minutes=MINUTES_PER_KM * km,
        line=-1 - leg,
    )


def _declined(
    session: Session, leg_at: Mapping[int, int], volunteer_at: Mapping[int, int]
) -> frozenset[tuple[int, int]]:
    rows = session.exec(
        select(Refusal.leg_id, Refusal.volunteer_id).where(
            col(Refusal.taken_back_at).is_(None),
            *([col(Refusal.leg_id).in_(list(leg_at))] if len(leg_at) <= FEW_LEGS else []),
        )
    ).all()
    return frozenset(
        (leg_at[leg], volunteer_at[volunteer])
        for leg, volunteer in rows
        if leg in leg_at and volunteer in volunteer_at
    )


def _grouped(
    pairs: Iterable[tuple[int, int | None]], volunteer_at: Mapping[int, int]
) -> dict[int, tuple[int, ...]]:
    grouped: dict[int, list[int]] = defaultdict(list)
    for child_id, volunteer_id in pairs:
        if volunteer_id is not None and volunteer_id in volunteer_at:
            grouped[child_id].append(volunteer_at[volunteer_id])
    return {child: tuple(sorted(set(volunteers))) for child, volunteers in grouped.items()}


def _at(run_ids: Sequence[int], people: Mapping[int, int]) -> dict[int, int]:
    position = {run_id: index for index, run_id in enumerate(run_ids)}
    return {position[run_id]: volunteer for run_id, volunteer in people.items()}


def _id(value: int | None) -> int:
    assert value is not None
    return value


KM_PER_DEGREE = 110.0  # of latitude, a little less than anywhere on earth: rather too far than too near
_SEALED_OF_CHILDREN: tuple[Any, ...] = (
    Child.full_name,
    Child.born_on,
    Child.address,
    Child.diagnosis,
    Child.handling_note,
    Child.photo,
)
