"""A small invented district for the planner's tests: places on a line, one degree grid, sensible defaults."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from scheduling.problem import Child, Day, Direction, Leg, Point, Problem, School, Team, Volunteer

MONDAY = date(2021, 4, 12)
KM_NORTH = 1 / 144.56  # degrees of latitude to one road km (winding factor 1.3)
AM, PM = Direction.TO_SCHOOL, Direction.HOME


def place(north_km: float, east_km: float = 0.0) -> Point:
    """Return a point so many road km north and east of the school."""
    return Point(30.8 + north_km * KM_NORTH, 103.9 + east_km * KM_NORTH / 0.859)


def school_days(count: int) -> tuple[Day, ...]:
    """Return Mondays to Fridays from the first Monday on."""
    days = [MONDAY + timedelta(weeks=n // 5, days=n % 5) for n in range(count)]
    return tuple(Day(on, on.weekday(), on.isocalendar().week) for on in days)


def a_child(north_km: float = 5.0, east_km: float = 0.0, **facts: Any) -> Child:
    return Child(**{"point": place(north_km, east_km), "school": 0, "team": 0, **facts})


def a_volunteer(north_km: float = 5.0, east_km: float = 0.0, **facts: Any) -> Volunteer:
    valid = dict.fromkeys(("vetted_until", "licence_until", "insured_until"), date(2030, 1, 1))
    generous = {"cap_week": 10, "pledge_week": 10, "max_approach_km": 10.0, "team": 0}
    return Volunteer(point=place(north_km, east_km), **{**valid, **generous, **facts})


def on(*half_days: tuple[int, Direction]) -> tuple[bool, ...]:
    """Return an availability of just these (weekday, direction)."""
    return tuple((at // 2, Direction(at % 2)) in half_days for at in range(14))


def a_problem(
    children: Sequence[Child],
    volunteers: Sequence[Volunteer],
    *,
    days: int = 1,
    directions: Sequence[Direction] = (AM,),
    legs: Sequence[Leg] | None = None,
    **facts: Any,
) -> Problem:
    """Return a problem in which every child rides on every day in the given directions."""
    riding = [
        Leg(child, day, way) for day in range(days) for way in directions for child in range(len(children))
    ]
    given = {"schools": (School(place(0)),), "teams": (Team(place(5)),), **facts}
    return Problem(
        days=school_days(days),
        children=tuple(children),
        volunteers=tuple(volunteers),
        legs=tuple(riding if legs is None else legs),
        **given,
    )
