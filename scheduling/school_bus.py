"""Where the law of school buses (校车安全管理条例) may apply: a car of seven seats or more on a fixed line.

The planner does not forbid it: whether a volunteer's car on such a line is a school bus is for the office to ask.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from scheduling.plan import Plan
from scheduling.problem import Direction, Problem


@dataclass(frozen=True, slots=True)
class MayBeSchoolBus:
    """A line of several families that big cars drive on several days: who drives, on which days (positions)."""

    line: int
    direction: Direction
    children: tuple[int, ...]
    volunteers: tuple[int, ...]
    days: tuple[int, ...]


def may_be_school_buses(problem: Problem, plan: Plan) -> tuple[MayBeSchoolBus, ...]:
    """Return the lines to warn of, by direction and number."""
    days: dict[tuple[Direction, int], set[int]] = defaultdict(set)
    people: dict[tuple[Direction, int], set[int]] = defaultdict(set)
    riders: dict[tuple[Direction, int], set[int]] = defaultdict(set)
    for run, driver in zip(plan.runs, plan.driver, strict=True):
        children = problem.run_children(run)
        if driver is not None and _families(problem, children) > 1 and _is_big(problem, driver):
            key = (run.direction, run.line)
            days[key].add(run.day)
            people[key].add(driver)
            riders[key].update(children)
    return tuple(
        MayBeSchoolBus(
            line,
            direction,
            tuple(sorted(riders[direction, line])),
            tuple(sorted(people[direction, line])),
            tuple(sorted(days[direction, line])),
        )
        for direction, line in sorted(days)
        if len(days[direction, line]) >= FIXED_DAYS
    )


def _families(problem: Problem, children: tuple[int, ...]) -> int:
    families = [problem.children[child].family for child in children]
    return len({family for family in families if family is not None}) + families.count(None)


def _is_big(problem: Problem, volunteer: int) -> bool:
    return problem.volunteers[volunteer].seats + 1 >= BUS_SEATS


BUS_SEATS = 7  # the driver's counted
FIXED_DAYS = 2  # a line that is driven once is no fixed line
