import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from scheduling.plan_file import run
from scheduling.problem import Direction
from scheduling.problem_file import read_problem


def a_file(**changes: Any) -> dict[str, Any]:
    child = {
        "lat": 30.84,
        "lon": 103.9,
        "school": 0,
        "team": 0,
        "circle_target": 2,
        "familiar": [1],
        "banned": [],
    }
    volunteer = {
        "lat": 30.84,
        "lon": 103.9,
        "team": 0,
        "gender": "F",
        "seats": 4,
        "child_seats": 1,
        "wheelchair": False,
        "cap_week": 5,
        "pledge_week": 2,
        "avail": "1111111111",
        "blockouts": [],
        "vetted_until": 99,
        "max_approach_km": 5,
    }
    return {
        "format": "dujuan-problem/1",
        "days": 6,
        "teams": [{"lat": 30.84, "lon": 103.9}],
        "schools": [{"lat": 30.8, "lon": 103.9, "special": False, "am": [470, 500], "pm": [960, 990]}],
        "children": [child, {**child, "lat": 30.85, "child_seat": True, "gender_pref": "F"}],
        "volunteers": [volunteer, {**volunteer, "blockouts": [0], "vetted_until": 3}],
        "absences": [[1, 0, 1]],
        "standby": True,
        "weights": {"uncovered_child_leg": 1000000, "uncovered_standby": 20000, "km": 10, "load": 100},
        **changes,
    }


def test_days_without_calendar_are_weekdays_in_fives() -> None:
    problem = read_problem(a_file())

    assert [(day.weekday, day.week) for day in problem.days] == [
        (0, 0),
        (1, 0),
        (2, 0),
        (3, 0),
        (4, 0),
        (0, 1),
    ]
    assert problem.days[5].on.weekday() == 0
    assert problem.volunteers[1].blockouts == {problem.days[0].on}
    assert problem.volunteers[1].vetted_until == problem.days[3].on
    assert problem.volunteers[0].vetted_until == problem.volunteers[0].insured_until == date.max
    assert problem.volunteers[0].avail[9:] == (True, False, False, False, False)


def test_a_calendar_gives_dates_and_substituted_weekdays() -> None:
    calendar = [{"date": "2021-04-25", "weekday": 0, "week": 16}]

    document = a_file(calendar=calendar, absences=[])
    document["volunteers"][1]["blockouts"] = []

    (day,) = read_problem(document).days

    assert (day.on, day.weekday, day.week) == (date(2021, 4, 25), 0, 16)


def test_everybody_rides_but_the_absent() -> None:
    problem = read_problem(a_file())

    assert len(problem.legs) == 2 * 2 * 6 - 1
    assert (1, 0, Direction.HOME) not in {(leg.child, leg.day, leg.direction) for leg in problem.legs}


def test_a_plan_is_written_with_its_pooling_times(tmp_path: Path) -> None:
    (tmp_path / "problem.json").write_text(json.dumps(a_file()), encoding="utf-8")

    run(tmp_path / "problem.json", tmp_path / "plan.json", seed=4)

    answer = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    morning, afternoon = answer["pooling"][:2]
    assert [(stop["child"], stop["kind"]) for stop in morning["routes"][0]["stops"]] == [
        (1, "pickup"),
        (0, "pickup"),
        (1, "dropoff"),
        (0, "dropoff"),
    ]
    times = [stop["t"] for stop in morning["routes"][0]["stops"]]
    assert times == sorted(times)
    assert times[-1] == 500
    assert next((stop["kind"], stop["t"]) for stop in afternoon["routes"][0]["stops"]) == ("pickup", 960)
    assert answer["driver"].count(None) == len(answer["reasons"]) == 0
    assert answer["seed"] == 4
    assert answer["bound"] <= answer["parts"]["total"]
    assert answer["parts"]["soft"] < answer["parts"]["total"]  # standbys lack a second volunteer


def test_a_given_plan_is_repaired_around_what_was_declined(tmp_path: Path) -> None:
    cars = [
        {
            "day": 1,
            "leg": 0,
            "line": 0,
            "children": [1, 0],
            "start": [30.85, 103.9],
            "end": [30.8, 103.9],
            "km": 7,
        },
        {
            "day": 2,
            "leg": 0,
            "line": 0,
            "children": [1, 0],
            "start": [30.85, 103.9],
            "end": [30.8, 103.9],
            "km": 7,
        },
    ]
    absences = [[c, d, w] for c in (0, 1) for d in range(6) for w in (0, 1) if (d, w) not in ((1, 0), (2, 0))]
    document = a_file(runs=cars, absences=absences, previous=[0, 1], declined=[[0, 0]])
    (tmp_path / "problem.json").write_text(json.dumps(document), encoding="utf-8")

    found = run(tmp_path / "problem.json", tmp_path / "plan.json")

    assert found.driver == (1, 1)
    assert "pooling" not in json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "document",
    [
        [],  # not an object
        a_file(format="other/2"),
        {key: value for key, value in a_file().items() if key != "schools"},
        a_file(children=[{"lat": 30.8}]),  # a child without school
        a_file(volunteers=[{**a_file()["volunteers"][0], "avail": "yes"}], children=[]),
        a_file(children=[{**a_file()["children"][0], "school": 3}]),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_a_sentence(document: Any) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        read_problem(document)
