"""What one row of the store is to the planner: the same for a whole district's plan and for one person's yes."""

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from escort.families.models import Child
from escort.roster.gates import VETTING_VALID
from escort.roster.models import Volunteer
from escort.rota import models as rota
from escort.rota.bookings import direction_of
from escort.rota.models import Run
from scheduling import problem as planner
from scheduling.problem import Point, Problem

FALLBACK = Point(30.8, 103.9)  # a team without volunteers needs some point; nobody is measured against it


def planner_volunteer(
    row: Any,
    *,
    first_on: date,
    team: int | None = None,
    blockouts: frozenset[date] = frozenset(),
    served: int = 0,
    household: tuple[int, ...] = (),
    together: int | None = None,
) -> planner.Volunteer:
    """Return a volunteer whose row has `VOLUNTEER_COLUMNS`; positions and counts are the caller's."""
    return planner.Volunteer(
        point=point_of(row.lat, row.lon),
        team=team,
        is_female=row.gender == "F",
        seats=row.seats,
        child_seats=row.child_seats,
        wheelchair=row.wheelchair,
        cap_week=row.cap_week,
        pledge_week=max(1, row.cap_week),
        avail=_pattern(row.pattern),
        blockouts=blockouts,
        vetted_until=_vetted_until(row.vetted_on, first_on),
        licence_until=row.licence_until,
        insured_until=row.insured_until,
        max_approach_km=row.max_approach_km,
        girls_only=row.girls_only,
        served=served,
        household=household,
        together=together,
        cap_month=row.cap_month,
        from_on=row.joins_on,
        until_on=row.leaves_on - timedelta(days=1) if row.leaves_on is not None else None,
    )


def planner_child(
    row: Any,
    *,
    school: int,
    team: int | None = None,
    is_placed: bool = True,
    circle: tuple[int, ...] = (),
    known: tuple[int, ...] = (),
    banned: tuple[int, ...] = (),
) -> planner.Child:
    """Return a child whose row has `CHILD_COLUMNS`. Who lives where nobody can measure shares no car."""
    return planner.Child(
        point=point_of(row.home_lat, row.home_lon),
        school=school,
        team=team,
        is_girl=row.gender == "F",
        wheelchair=row.wheelchair,
        child_seat=row.child_seat,
        female_driver=row.female_driver,
        alone=row.alone or not is_placed,
        second_adult=row.second_adult,
        only_familiar=row.only_familiar,
        turning=planner.Turning.RULE if row.rotate and row.only_familiar else planner.Turning.WISH,
        circle=circle,
        familiar=known,
        banned=banned,
        family=row.family_id,
    )


def planner_run(problem: Problem, run: Run, legs: Collection[int], day_at: Mapping[date, int]) -> planner.Run:
    """Return a run with these legs, which are positions in the problem and in visiting order."""
    ordered = tuple(legs)
    school = problem.schools[problem.children[problem.legs[ordered[0]].child].school].point
    to_school = run.direction == rota.Direction.TO_SCHOOL
    assert run.id is not None
    return planner.Run(
        day=day_at[run.on],
        direction=direction_of(run.direction),
        legs=ordered,
        start=problem.leg_point(ordered[0]) if to_school else school,
        end=school if to_school else problem.leg_point(ordered[-1]),
        km=run.km,
        minutes=run.minutes,
        line=-1 - run.id,
    )


def point_of(lat: float | None, lon: float | None) -> Point:
    return FALLBACK if lat is None or lon is None else Point(lat, lon)


@lru_cache(maxsize=4096)
def _pattern(pattern: str) -> tuple[bool, ...]:
    """A weekly pattern as the planner has it; hundreds of people share a few."""
    return tuple(mark == "1" for mark in pattern)


def _vetted_until(vetted_on: date | None, first_on: date) -> date | None:
    """A query dated in the future cannot have happened: as if there were none."""
    return vetted_on + VETTING_VALID if vetted_on is not None and vetted_on <= first_on else None


VOLUNTEER_COLUMNS: tuple[Any, ...] = (  # nothing sealed
    Volunteer.id,
    Volunteer.lat,
    Volunteer.lon,
    Volunteer.team_id,
    Volunteer.gender,
    Volunteer.seats,
    Volunteer.child_seats,
    Volunteer.wheelchair,
    Volunteer.cap_week,
    Volunteer.cap_month,
    Volunteer.joins_on,
    Volunteer.leaves_on,
    Volunteer.pattern,
    Volunteer.vetted_on,
    Volunteer.licence_until,
    Volunteer.insured_until,
    Volunteer.max_approach_km,
    Volunteer.girls_only,
)
CHILD_COLUMNS: tuple[Any, ...] = (  # nothing sealed
    Child.id,
    Child.family_id,
    Child.gender,
    Child.home_lat,
    Child.home_lon,
    Child.wheelchair,
    Child.child_seat,
    Child.female_driver,
    Child.alone,
    Child.second_adult,
    Child.only_familiar,
    Child.rotate,
)
