"""Plans from files: `dujuan-problem/1` in, a plan out, for any district and anyone's benchmark.

The format numbers days without dates. Only this file knows that day d is weekday d % 5 of week d // 5 where
no calendar is given; the Problem that it makes carries dates.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from scheduling.plan import Limits, Plan, Unfilled
from scheduling.planner import plan
from scheduling.pooling import SERVICE_MINUTES, WHEELCHAIR_SERVICE_MINUTES
from scheduling.problem import (
    Child,
    Day,
    Direction,
    Leg,
    Point,
    Problem,
    Run,
    School,
    Team,
    Volunteer,
    Weights,
)
from scheduling.travel import minutes_between

FORMAT = "dujuan-problem/1"
Entry = Mapping[str, Any]  # an object of the file, as json reads it


def run(problem_path: Path, plan_path: Path, seconds: float | None = None, seed: int = 0) -> Plan:
    """Plan from a problem file into a plan file; return the plan. Raises ValueError for what cannot be."""
    document = json.loads(problem_path.read_text(encoding="utf-8"))
    problem = read_problem(document)
    found = plan(problem, limits=Limits(seconds=seconds), seed=seed)
    plan_path.write_text(
        json.dumps(write_plan(problem, found, document), ensure_ascii=False, indent=1) + "\n",
        encoding="utf-8",
    )
    return found


def read_problem(document: Entry) -> Problem:
    """Return the problem of a file. Raises ValueError, naming the field, for a missing or wrong one."""
    if not isinstance(document, dict):
        raise ValueError("The file must hold one object.")
    if document.get("format", FORMAT) != FORMAT:
        raise ValueError(f"format must be {FORMAT}.")
    try:
        return _read(document)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"The file is not {FORMAT}: {error!r}.") from error


def write_plan(problem: Problem, found: Plan, document: Entry) -> dict[str, Any]:
    """Return the plan as the file format has it; `pooling` only where the problem gave no runs."""
    parts = {name: getattr(found.parts, name) for name in found.parts.__dataclass_fields__}
    answer: dict[str, Any] = {
        "driver": list(found.driver),
        "second": list(found.second),
        "standby": [
            [entry.slot.team, entry.slot.day, int(entry.slot.direction), entry.volunteer]
            for entry in found.standby
            if entry.slot.team is not None
        ],
        "standby_of_child": [
            [entry.slot.child, entry.slot.day, int(entry.slot.direction), entry.volunteer]
            for entry in found.standby
            if entry.slot.child is not None
        ],
        "bound": found.bound,
        "least_uncovered": found.least_uncovered,
        "parts": {**parts, "soft": found.parts.soft, "total": found.parts.total},
        "reasons": [[item.run, str(item.code), _detail(item)] for item in found.unfilled],
        "seed": found.seed,
        "seconds": round(found.seconds, 3),
    }
    if document.get("runs") is None:
        answer["pooling"] = _pooling(problem, found, document)
    return answer


def _read(document: Entry) -> Problem:
    days = _read_days(document)
    legs, position = _read_legs(document, len(days))
    runs = _read_runs(document, position)
    declined = {(run, volunteer) for run, volunteer in document.get("declined", ())}
    previous = document.get("previous") or []
    familiar_only = [child.get("only_familiar", False) for child in document["children"]]
    return Problem(
        days=days,
        schools=tuple(School(_point(s), bool(s.get("special", False))) for s in document["schools"]),
        children=tuple(
            _read_child(child, strict)
            for child, strict in zip(document["children"], familiar_only, strict=True)
        ),
        volunteers=tuple(_read_volunteer(volunteer, days) for volunteer in document["volunteers"]),
        legs=legs,
        teams=tuple(Team(_point(team)) for team in document.get("teams", ())),
        runs=runs,
        promised={
            run: volunteer
            for run, volunteer in enumerate(previous)
            if volunteer is not None and (run, volunteer) not in declined
        },
        declined=frozenset((leg, volunteer) for run, volunteer in declined for leg in (runs or ())[run].legs),
        standby=bool(document.get("standby", False)),
        turns_by_school_day=True,
        weights=_read_weights(document.get("weights", {})),
    )


def _read_days(document: Entry) -> tuple[Day, ...]:
    if "calendar" in document:
        return tuple(
            Day(date.fromisoformat(day["date"]), day["weekday"], day["week"]) for day in document["calendar"]
        )
    return tuple(
        Day(FIRST_MONDAY + timedelta(weeks=day // 5, days=day % 5), day % 5, day // 5)
        for day in range(document["days"])
    )


def _read_legs(document: Entry, days: int) -> tuple[tuple[Leg, ...], dict[tuple[int, int, int], int]]:
    """Return every child's legs but the absent ones, and their positions by (child, day, direction)."""
    absent = {tuple(absence) for absence in document.get("absences", ())}
    legs = tuple(
        Leg(child, day, direction)
        for day in range(days)
        for direction in Direction
        for child in range(len(document["children"]))
        if (child, day, int(direction)) not in absent
    )
    return legs, {(leg.child, leg.day, int(leg.direction)): index for index, leg in enumerate(legs)}


def _read_runs(document: Entry, position: dict[tuple[int, int, int], int]) -> tuple[Run, ...] | None:
    if document.get("runs") is None:
        return None
    return tuple(
        Run(
            day=run["day"],
            direction=Direction(run["leg"]),
            legs=tuple(position[child, run["day"], run["leg"]] for child in run["children"]),
            start=Point(*run["start"]),
            end=Point(*run["end"]),
            km=run["km"],
            minutes=2 * run["km"],
            line=run["line"],
        )
        for run in document["runs"]
    )


def _read_child(child: Entry, only_familiar: bool) -> Child:
    known = tuple(child.get("familiar", ()))
    return Child(
        point=_point(child),
        school=child["school"],
        team=child.get("team"),
        wheelchair=bool(child.get("wheelchair", False)),
        child_seat=bool(child.get("child_seat", False)),
        female_driver=child.get("gender_pref") == "F",
        is_girl=child.get("gender") == "F",
        alone=bool(child.get("alone", False)),
        second_adult=bool(child.get("second_adult", False)),
        only_familiar=bool(only_familiar),
        circle_target=child.get("circle_target", 7),
        circle=known if only_familiar else (),
        familiar=known,
        banned=tuple(child.get("banned", ())),
    )


def _read_volunteer(volunteer: Entry, days: tuple[Day, ...]) -> Volunteer:
    avail = str(volunteer["avail"]).ljust(14, "0")
    if set(avail) - {"0", "1"}:
        raise ValueError("avail must be characters 0 and 1.")
    return Volunteer(
        point=_point(volunteer),
        team=volunteer.get("team"),
        is_female=volunteer.get("gender") == "F",
        seats=volunteer["seats"],
        child_seats=volunteer.get("child_seats", 0),
        wheelchair=bool(volunteer.get("wheelchair", False)),
        cap_week=volunteer["cap_week"],
        pledge_week=volunteer["pledge_week"],
        avail=tuple(mark == "1" for mark in avail),
        blockouts=frozenset(days[day].on for day in volunteer.get("blockouts", ()) if day < len(days)),
        vetted_until=_last_valid(volunteer.get("vetted_until"), days, missing=None),
        licence_until=_last_valid(volunteer.get("licence_until"), days, missing=date.max),
        insured_until=_last_valid(volunteer.get("insured_until"), days, missing=date.max),
        max_approach_km=volunteer["max_approach_km"],
        girls_only=bool(volunteer.get("girls_only", False)),
        served=volunteer.get("served", 0),
        household=tuple(volunteer.get("household", ())),
    )


def _last_valid(day: int | None, days: tuple[Day, ...], *, missing: date | None) -> date | None:
    """Return the date of a last valid day, which may lie before or after the file's days."""
    if day is None:
        return missing
    if day < 0:
        return None
    return days[day].on if day < len(days) else date.max


def _read_weights(weights: Mapping[str, int]) -> Weights:
    known = {name: value for name, value in weights.items() if name in Weights.__dataclass_fields__}
    return Weights(**{"reserve": 0, **known})


def _point(entry: Entry) -> Point:
    return Point(float(entry["lat"]), float(entry["lon"]))


def _detail(item: Unfilled) -> dict[str, Any]:
    return {
        "proven": item.proven,
        "blocked": {str(rule): people for rule, people in item.blocked},
        "relaxations": [[str(found.rule), found.amount, found.people] for found in item.relaxations],
    }


def _pooling(problem: Problem, found: Plan, document: Entry) -> list[dict[str, Any]]:
    routes: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for car, volunteer in zip(found.runs, found.driver, strict=True):
        stops = list(_stops(problem, car, document))
        routes.setdefault((car.day, int(car.direction)), []).append({"volunteer": volunteer, "stops": stops})
    return [{"day": day, "leg": leg, "routes": cars} for (day, leg), cars in sorted(routes.items())]


def _stops(problem: Problem, car: Run, document: Entry) -> Iterable[dict[str, Any]]:
    """Yield the run's stops with minutes of the day: mornings end, afternoons begin with the school's window."""
    riders = problem.run_children(car)
    school = document["schools"][problem.children[riders[0]].school]
    homes = [problem.leg_point(leg) for leg in car.legs]
    service = [
        WHEELCHAIR_SERVICE_MINUTES if problem.children[child].wheelchair else SERVICE_MINUTES
        for child in riders
    ]
    gate = problem.schools[problem.children[riders[0]].school].point
    if car.direction is Direction.TO_SCHOOL:
        at, next_stop, times = float(school["am"][1]), gate, list[float]()
        for home, stay in zip(reversed(homes), reversed(service), strict=True):
            at -= minutes_between(home, next_stop) + stay
            times.insert(0, at)
            next_stop = home
        for child, minute in zip(riders, times, strict=True):
            yield {"child": child, "kind": "pickup", "t": round(minute, 1)}
        for child in riders:
            yield {"child": child, "kind": "dropoff", "t": school["am"][1]}
        return
    at, here = float(school["pm"][0]), gate
    for child in riders:
        yield {"child": child, "kind": "pickup", "t": school["pm"][0]}
    for child, home, stay in zip(riders, homes, service, strict=True):
        at += minutes_between(here, home)
        yield {"child": child, "kind": "dropoff", "t": round(at, 1)}
        at, here = at + stay, home


FIRST_MONDAY = date(2001, 1, 1)  # for files without calendar: any Monday will do
