from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from scheduling.problem import Booking, Child, Day, Leg, Point, Problem, Run, Weights
from tests.scheduling.small import AM, PM, a_child, a_problem, a_volunteer, place


def a_run(*legs: int, day: int = 0) -> Run:
    return Run(day, AM, legs, place(5), place(0), 5.0, 10.0, 0)


GOOD = a_problem([a_child(), a_child()], [a_volunteer()], days=2)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"days": GOOD.days[::-1]}, "days"),  # not in order of date
        ({"days": (GOOD.days[0], GOOD.days[0])}, "days"),  # one date twice
        ({"children": (a_child(school=1), a_child())}, "children\\[0\\].school"),
        ({"children": (a_child(), a_child(team=4))}, "children\\[1\\].team"),
        ({"children": (a_child(circle=(1,)), a_child())}, "children\\[0\\].circle"),
        ({"volunteers": (a_volunteer(household=(0,)),)}, "volunteers\\[0\\].household"),  # kin of itself
        (
            {"volunteers": (a_volunteer(together=1), a_volunteer())},
            "volunteers\\[0\\].together",
        ),  # of one side only
        ({"volunteers": (a_volunteer(cap_month=0),), "month_used": {(3, 0): 1}}, "month_used"),  # nobody
        ({"legs": (Leg(0, 0, AM), Leg(0, 0, AM))}, "legs"),  # the same half-day twice
        ({"legs": (Leg(0, 2, AM),)}, "legs\\[0\\].day"),
        ({"legs": (Leg(2, 0, AM),)}, "legs\\[0\\].child"),
        ({"runs": (a_run(0), a_run(0, 1))}, "runs\\[1\\].legs"),  # a leg in two cars
        ({"runs": (a_run(0, day=1),)}, "runs\\[0\\].legs"),  # a leg of another day
        ({"promised": {0: 0}}, "promised"),  # no such run
        ({"runs": (a_run(0), a_run(1)), "promised": {0: 0, 1: 0}}, "promised"),  # two cars at once
        ({"runs": (a_run(0),), "promised": {0: 0}, "busy": frozenset({Booking(0, 0, AM)})}, "promised"),
        ({"declined": frozenset({(9, 0)})}, "declined"),
        ({"past_weeks": -1}, "past_weeks"),
    ],
)
def test_what_cannot_be_is_refused_by_the_name_of_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field} .*\\.$"):
        replace(GOOD, **change)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Day(date(2021, 4, 12), 7, 1),
        lambda: Child(Point(103.9, 30.8), 0),  # latitude and longitude swapped
        lambda: a_volunteer(avail=(True,) * 10),
        lambda: a_volunteer(seats=-1),
        lambda: a_volunteer(cap_week=-1),
        lambda: Leg(0, 0, PM, minute=1440),
        lambda: Run(0, AM, (), place(0), place(0), 0, 0, 0),
        lambda: Weights(km=-1),
    ],
)
def test_a_part_is_refused_when_it_is_made(make: Any) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        make()


def test_a_child_is_brought_home_where_the_family_says() -> None:
    problem = a_problem([a_child(drop_off=place(9))], [], directions=(AM, PM))

    assert [problem.leg_point(leg) for leg in range(2)] == [place(5), place(9)]


def test_a_leg_may_start_elsewhere_on_one_day() -> None:
    problem = a_problem([a_child()], [], legs=[Leg(0, 0, AM, point=place(7))])

    assert problem.leg_point(0) == place(7)
    assert isinstance(problem, Problem)
