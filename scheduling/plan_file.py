"""Plans from files: `dujuan-problem/1` in, a plan out, for any district and anyone's benchmark."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from scheduling.plan import Limits, Plan, Unfilled
from scheduling.planner import plan
from scheduling.pooling import riders_of
from scheduling.problem import Direction, Problem, Run
from scheduling.problem_file import read_pool_rules, read_problem
from scheduling.routes import Atlas, Route, stop_times
from scheduling.school_bus import may_be_school_buses

Entry = Mapping[str, Any]  # an object of the file, as json reads it


def run(problem_path: Path, plan_path: Path, seconds: float | None = None, seed: int = 0) -> Plan:
    """Plan from a problem file into a plan file; return the plan. Raises ValueError for what cannot be."""
    document = json.loads(problem_path.read_text(encoding="utf-8"))
    problem = read_problem(document)
    limits = Limits(seconds=seconds, pooling=read_pool_rules(document), bound_rounds=BOUND_ROUNDS)
    found = plan(problem, limits=limits, seed=seed)
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
        answer["pooling"] = _pooling(problem, found)
        answer["broken_pins"] = [
            [pin.line, str(pin.fault), list(pin.children), pin.other] for pin in found.broken_pins
        ]
    answer["may_be_school_bus"] = [
        [int(bus.direction), bus.line, list(bus.children), list(bus.volunteers)]
        for bus in may_be_school_buses(problem, found)
    ]
    return answer


def _detail(item: Unfilled) -> dict[str, Any]:
    return {
        "proven": item.proven,
        "blocked": {str(rule): people for rule, people in item.blocked},
        "relaxations": [[str(found.rule), found.amount, found.people] for found in item.relaxations],
    }


def _pooling(problem: Problem, found: Plan) -> list[dict[str, Any]]:
    routes: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for car, volunteer in zip(found.runs, found.driver, strict=True):
        stops = list(_stops(problem, car))
        routes.setdefault((car.day, int(car.direction)), []).append({"volunteer": volunteer, "stops": stops})
    return [{"day": day, "leg": leg, "routes": cars} for (day, leg), cars in sorted(routes.items())]


def _stops(problem: Problem, car: Run) -> Iterable[dict[str, Any]]:
    """Yield the run's stops with minutes of the day: mornings as late, afternoons as early as schools allow."""
    riders = riders_of(problem, car.legs)
    children = problem.run_children(car)
    route = Route(tuple(range(len(riders))), car.schools or (riders[0].school,), car.km, car.minutes)
    at_home, at_school = stop_times(Atlas(problem), riders, route, car.direction, None)
    to_school = car.direction is Direction.TO_SCHOOL
    slack = [window - at_school[rider.school] for rider in riders for window in [rider.window[to_school]]]
    start = min(slack) if to_school else max(slack)
    homes = [
        {"child": child, "kind": "pickup" if to_school else "dropoff", "t": round(start + at, 1)}
        for child, at in zip(children, at_home, strict=True)
    ]
    gates = [
        {"child": child, "kind": "dropoff" if to_school else "pickup", "t": round(start + at, 1)}
        for school, at in at_school.items()
        for child, rider in zip(children, riders, strict=True)
        if rider.school == school
    ]
    yield from homes + gates if to_school else gates + homes


BOUND_ROUNDS = 330  # without a deadline; a hundred gain nothing, see bound.py
