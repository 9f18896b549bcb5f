"""Lines, wishes and shared cars in problem and plan files."""

from typing import Any

import pytest

from scheduling import synthetic
from scheduling.check_plan import check
from scheduling.plan import Limits
from scheduling.plan_file import write_plan
from scheduling.planner import plan
from scheduling.problem_file import read_pool_rules, read_problem


def street(schools: int = 2, **facts: Any) -> dict[str, Any]:
    size = synthetic.SIZES["street"]._replace(days=5, schools=schools)
    return {**synthetic.make_problem(size, seed=3, with_runs=False), **facts}


def planned(document: dict[str, Any]) -> dict[str, Any]:
    problem = read_problem(document)
    limits = Limits(sweeps=1, pooling=read_pool_rules(document))
    return write_plan(problem, plan(problem, limits=limits), document)


def cars(answer: dict[str, Any], leg: int) -> list[set[int]]:
    return [
        {stop["child"] for stop in route["stops"]}
        for part in answer["pooling"]
        if (part["day"], part["leg"]) == (0, leg)
        for route in part["routes"]
    ]


@pytest.mark.parametrize("most", [3, 4])
def test_pooled_plans_pass_the_check_that_imports_nothing(most: int) -> None:
    document = street(schools=8, pooling={"max_children": most, "across_schools_km": 30})
    everywhere = [{**school, "am": [450, 480], "pm": [960, 990]} for school in document["schools"]]
    document["schools"] = everywhere

    answer = planned(document)

    assert check(document, answer).broken == []
    schools = [
        {document["children"][child]["school"] for child in car}
        for leg in (0, 1)
        for car in cars(answer, leg)
    ]
    assert max(len(of_car) for of_car in schools) > 1
    assert max(len(car) for car in cars(answer, 0)) == most


def test_pins_and_who_may_not_ride_together_come_from_the_file() -> None:
    document = street(absences=[])
    first = max(cars(planned(document), 0), key=len)
    a, b, *_ = sorted(first)
    document["children"][a]["not_with"] = [b]
    document["lines"] = [
        {"leg": 1, "children": [a], "pinned": True},
        {"leg": 1, "children": [b, a], "pinned": True},
    ]

    answer = planned(document)

    assert not any({a, b} <= car for car in cars(answer, 0))
    assert {a} in cars(answer, 1)
    assert answer["broken_pins"] == [[1, "taken", [a], 0]]
    assert check(document, answer).broken == []


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"lines": [{"leg": 2, "children": [0]}]}, r"lines\[0\].leg: 2 is not a position in legs."),
        ({"lines": [{"leg": 0, "children": [0, 0]}]}, r"lines\[0\].children must name children, each once."),
        (
            {"lines": [{"leg": 0, "children": [99]}]},
            r"lines\[0\].children\[0\]: 99 is not a position in children.",
        ),
    ],
)
def test_a_line_that_cannot_be_is_told_by_its_field(facts: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_problem(street(**facts))


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ({"max_children": 9}, "pooling.max_children must be at most 4."),
        ({"max_children": 0}, "pooling.max_children must be at least 1."),
        ({"across_schools_km": -1}, "pooling.across_schools_km must not be negative."),
    ],
)
def test_rules_that_cannot_be_are_told_by_their_field(rules: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_pool_rules(street(pooling=rules))
