"""Plans from files: `dujuan-problem/1` in, a plan out, for any district and anyone's benchmark."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from scheduling.plan import Limits, Plan, Unfilled
from scheduling.planner import plan
from scheduling.pooling import SERVICE_MINUTES, WHEELCHAIR_SERVICE_MINUTES
from scheduling.problem import Direction, Problem, Run
from scheduling.problem_file import read_problem
from scheduling.travel import minutes_between

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
