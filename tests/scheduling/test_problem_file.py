import json
from copy import deepcopy
from datetime import date, timedelta
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from scheduling.flow import MOST_ARCS
from scheduling.plan_file import run
from scheduling.problem_file import read_problem
from tests.scheduling.test_plan_file import a_file

CAR = {"day": 1, "leg": 0, "line": 0, "children": [0], "start": [30.84, 103.9], "end": [30.8, 103.9], "km": 7}


def changed(path: tuple[str | int, ...], value: Any, **facts: Any) -> dict[str, Any]:
    """Return a file with one value set, or left out where it is `...`."""
    document = deepcopy(a_file(**facts))
    holder = reduce(lambda found, key: found[key], path[:-1], document)
    if value is ...:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return document


def only(*cars: dict[str, Any]) -> dict[str, Any]:
    """Return a file in which only the children of these cars ride."""
    riding = {(child, car["day"], car["leg"]) for car in cars for child in car["children"]}
    absent = [[c, d, leg] for c in (0, 1) for d in range(6) for leg in (0, 1) if (c, d, leg) not in riding]
    return a_file(runs=list(cars), absences=absent)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (changed(("children", 0, "familiar"), [7]), r"children\[0\]\.familiar\[0\]: 7"),  # an unknown id
        (changed(("children", 1, "school"), 3), r"children\[1\]\.school: 3"),
        (
            changed(("children", 0, "banned"), [-1]),
            r"children\[0\]\.banned\[0\]: -1",
        ),  # from the end: refused
        (changed(("children", 0, "team"), 5), r"children\[0\]\.team"),
        (changed(("volunteers", 1, "household"), [1]), r"volunteers\[1\]\.household"),  # kin of himself
        (changed(("volunteers", 0, "lat"), float("nan")), r"volunteers\[0\]\.lat must be a number, not nan"),
        (changed(("volunteers", 0, "max_approach_km"), float("inf")), r"volunteers\[0\]\.max_approach_km"),
        (changed(("weights", "km"), float("nan")), r"weights\.km must be a whole number"),
        (changed(("children", 0, "lat"), "north"), r"children\[0\]\.lat must be a number"),
        (
            {**a_file(), "children": [{**a_file()["children"][0], "lat": 103.9, "lon": 30.8}]},
            r"children\[0\]",
        ),
        (changed(("schools", 0), {"lat": 48.1, "lon": 11.6, "am": [1, 2], "pm": [3, 4]}), r"teams\[0\]\.lat"),
        (changed(("volunteers", 0, "cap_week"), -1), r"volunteers\[0\]\.cap_week must not be negative"),
        (changed(("volunteers", 1, "seats"), 2.5), r"volunteers\[1\]\.seats must be a whole number"),
        (changed(("volunteers", 1, "seats"), ...), r"volunteers\[1\]\.seats is missing"),
        (changed(("volunteers", 1, "avail"), "11"), r"volunteers\[1\]\.avail"),
        (
            changed(("volunteers", 1, "wheelchair"), "no"),
            r"volunteers\[1\]\.wheelchair must be true or false",
        ),
        (changed(("volunteers", 0, "together"), 1), r"volunteers\[0\]\.together is not said by both"),
        (changed(("schools", 0, "am"), [500, 470]), r"schools\[0\]\.am ends before it begins"),
        (changed(("schools", 0, "am"), [470, 970]), r"schools\[0\]\.am and schools\[0\]\.pm overlap"),
        (changed(("absences",), [[0, 9, 0]]), r"absences\[0\]: 9 is not a position in days"),
        (changed(("absences",), [[0, 1]]), r"absences\[0\] must be a list of 3 numbers"),
        (changed(("days",), 10**9), "days must be at most 400"),
        (
            changed(("calendar",), [{"date": "someday", "weekday": 0, "week": 1}]),
            r"calendar\[0\]\.date must be a date",
        ),
        (changed(("children",), {}), "children must be a list"),
        (changed(("children", 0), 7), r"children\[0\] must be an object"),
        (changed(("children", 0, "gender_pref"), "X"), r"children\[0\]\.gender_pref must be one of: null, F"),
        (changed(("children", 0, "turning"), "often"), r"children\[0\]\.turning must be one of"),
        (changed(("declined",), [[0, 0]]), r"declined\[0\]: 0 is not a position in runs"),
        (only({**CAR, "children": [0, 0]}), r"runs\[0\]\.children: 0 rides in runs\[0\] already"),
        (only({**CAR, "children": []}), r"runs\[0\]\.children must not be empty"),
        (only({**CAR, "km": -1}), r"runs\[0\]\.km must not be negative"),
        ({**only(CAR), "absences": []}, "runs: child 0 rides in none on day 0, leg 0"),
        ({**only(CAR), "previous": [0, 0]}, "previous must have one entry per run: 1, not 2"),
        ({**only(CAR), "previous": [4]}, r"previous\[0\]: 4 is not a position in volunteers"),
    ],
)
def test_what_cannot_be_is_told_by_its_field(document: Any, field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}") as refused:
        read_problem(document)

    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith((".", "?"))


def test_a_pin_is_told_with_the_pin_that_it_fights() -> None:
    other = {**CAR, "children": [1], "line": 1}
    next_day = {**CAR, "day": 2}

    with pytest.raises(
        ValueError, match=r"^previous\[1\] fights previous\[0\]: both book volunteer 1 on day 1\.$"
    ):
        read_problem({**only(CAR, other), "previous": [1, 1]})

    kin = {**only(CAR, other), "previous": [0, 1]}
    kin["volunteers"][0]["household"] = [1]
    with pytest.raises(
        ValueError, match=r"^previous\[1\] fights previous\[0\]: both book 1 and 0 of one household"
    ):
        read_problem(
            {**kin, "volunteers": [{**kin["volunteers"][0]}, {**kin["volunteers"][1], "household": [0]}]}
        )

    tired = {**only(CAR, next_day), "previous": [0, 0]}
    tired["volunteers"][0]["cap_week"] = 1
    with pytest.raises(
        ValueError, match=r"^previous\[1\] fights previous\[0\]: volunteers\[0\]\.cap_week allows 1"
    ):
        read_problem(tired)


def test_a_declined_pin_fights_nobody() -> None:
    document = {**only(CAR, {**CAR, "children": [1], "line": 1}), "previous": [1, 1], "declined": [[0, 1]]}

    assert read_problem(document).promised == {1: 1}


def test_more_pairs_than_memory_holds_are_refused_before_they_are_made(tmp_path: Path) -> None:
    one = a_file()
    children = [{**one["children"][0], "familiar": [], "lat": 30.84 + n / 1e5} for n in range(200)]
    crowd = [one["volunteers"][0]] * (MOST_ARCS // (200 * 2 * 6) * 4)
    document = {**one, "children": children, "volunteers": crowd, "absences": []}
    (tmp_path / "problem.json").write_text(json.dumps(document), encoding="utf-8")

    with pytest.raises(ValueError, match=r"^volunteers: more than 6,000,000 pairs"):
        run(tmp_path / "problem.json", tmp_path / "plan.json")


def test_what_the_app_knows_of_people_can_be_written_too() -> None:
    people = [
        {**a_file()["volunteers"][0], "cap_month": 3, "together": 1, "from_day": 1, "until_day": 4},
        {**a_file()["volunteers"][1], "together": 0, "served": 9, "girls_only": True, "insured_until": 2},
    ]

    problem = read_problem(a_file(volunteers=people, past_weeks=4))

    first, second = problem.volunteers
    assert (first.cap_month, first.together, second.together) == (3, 1, 0)
    assert (first.from_on, first.until_on) == (problem.days[1].on, problem.days[4].on)
    assert (second.served, second.girls_only, problem.past_weeks) == (9, True, 4)
    assert second.insured_until == problem.days[2].on


def test_papers_that_ran_out_before_the_first_day_are_not_valid_on_any() -> None:
    document = changed(("volunteers", 0, "vetted_until"), -1)

    problem = read_problem(document)

    assert (problem.volunteers[0].vetted_until or date.max) == problem.days[0].on - timedelta(days=1)
