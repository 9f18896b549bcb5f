import json
from copy import deepcopy
from functools import cache
from typing import Any

import pytest

from scheduling.check_plan import check
from scheduling.plan_file import write_plan
from scheduling.planner import plan
from scheduling.problem_file import read_problem
from scheduling.synthetic import Size, make_problem

Document = dict[str, Any]


@cache
def _street(with_runs: bool) -> tuple[Document, Document]:
    document = make_problem(Size.STREET, seed=1, with_runs=with_runs)
    problem = read_problem(document)
    return document, json.loads(json.dumps(write_plan(problem, plan(problem), document)))


def a_street(*, with_runs: bool = True) -> tuple[Document, Document]:
    """Return a problem and a plan that may be spoiled."""
    return deepcopy(_street(with_runs))


def somebody_of(found: Document) -> tuple[int, int]:
    """Return the first run with a driver, and the driver."""
    return next((run, who) for run, who in enumerate(found["driver"]) if who is not None)


@pytest.mark.parametrize("with_runs", [True, False])
def test_what_the_planner_makes_keeps_every_rule_and_adds_up(with_runs: bool) -> None:
    problem, found = a_street(with_runs=with_runs)

    report = check(problem, found)

    assert report.broken == []
    assert sum(report.parts.values()) == found["parts"]["total"]


@pytest.mark.parametrize(
    ("rule", "person", "child"),
    [
        ("H2", {"avail": "0" * 10}, {}),
        ("H3", {"blockouts": list(range(20))}, {}),
        ("H4", {"vetted_until": -1}, {}),
        ("H5 seats", {"seats": 0}, {}),
        ("H5 child seats", {"child_seats": 0}, {"child_seat": True}),
        ("H5 wheelchair", {"wheelchair": False}, {"wheelchair": True}),
        ("H6", {"gender": "M"}, {"gender_pref": "F"}),
        ("H7", {"max_approach_km": 0.0}, {}),
        ("H9", {"cap_week": 0}, {}),
        ("H10", {}, {"banned": list(range(100))}),
        ("H12", {}, {"second_adult": True}),
        ("H13", {"girls_only": True}, {"gender": "M"}),
        ("H14", {"insured_until": -1}, {}),
        ("H15", {}, {"only_familiar": True, "familiar": []}),
        ("H16", {"household": list(range(100))}, {}),
        ("not in the rotation", {"from_day": 99}, {}),
    ],
)
def test_every_rule_that_is_broken_is_told(rule: str, person: Document, child: Document) -> None:
    problem, found = a_street()
    run, driver = somebody_of(found)
    problem["volunteers"][driver].update(person)
    for rider in problem["runs"][run]["children"]:
        problem["children"][rider].update(child)

    assert any(sentence.startswith(rule) for sentence in check(problem, found).broken)


def test_two_cars_at_once_and_somebody_unknown_are_told() -> None:
    problem, found = a_street()
    first, driver = somebody_of(found)
    found["driver"][first + 1] = driver

    assert any(sentence.startswith(f"H8: volunteer {driver}") for sentence in check(problem, found).broken)

    found["driver"][first] = 500
    assert check(problem, found).broken == ["H1: 500 is no volunteer."]


def test_standbys_of_other_teams_and_twice_in_a_slot_are_told() -> None:
    problem, found = a_street()
    who = found["standby"][0][3]
    problem["volunteers"][who]["team"] = None
    found["standby"].append(found["standby"][0])

    broken = check(problem, found).broken

    assert any(sentence.startswith("H11 other team") for sentence in broken)
    assert any(sentence.startswith("H11 one per slot") for sentence in broken)


def test_a_wrong_sum_and_a_bound_above_it_are_told() -> None:
    problem, found = a_street()
    found["parts"]["km"] += 1
    found["bound"] = 10**12

    assert [sentence.split(":")[0] for sentence in check(problem, found).broken] == ["parts.km", "bound"]


@pytest.mark.parametrize(
    ("rule", "spoil"),
    [
        ("P1", lambda stops: stops.clear() if len(stops) == 2 else None),
        ("P2", lambda stops: stops.pop()),
        ("P3", lambda stops: [stop.update(t=stop["t"] - 60) for stop in stops]),
        ("P4", lambda stops: [stop.update(t=480) for stop in stops]),
        ("P5", lambda stops: stops[0].update(t=stops[0]["t"] - 90)),
    ],
)
def test_routes_that_cannot_be_driven_are_told(rule: str, spoil: Any) -> None:
    problem, found = a_street(with_runs=False)
    at = next(n for n, route in enumerate(found["pooling"][0]["routes"]) if len(route["stops"]) == 2)
    spoil(found["pooling"][0]["routes"][at]["stops"])
    if rule == "P1":
        del found["pooling"][0]["routes"][at], found["driver"][at], found["second"][at]

    assert any(sentence.startswith(rule) for sentence in check(problem, found).broken)
