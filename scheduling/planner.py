"""`plan`: from a problem to a plan, pure and repeatable."""

from __future__ import annotations

from dataclasses import replace

from scheduling.assign import assign_runs
from scheduling.plan import Limits, Plan
from scheduling.pooling import pool
from scheduling.problem import Problem


def plan(problem: Problem, *, limits: Limits | None = None, seed: int = 0) -> Plan:
    """Return runs for all legs and who drives them. The same problem, limits without `seconds`, and seed
    give the same plan."""
    limits = limits or Limits()
    started = limits.clock()
    found = assign_runs(problem, pool(problem), seed=seed, limits=limits)
    return replace(found, seconds=limits.clock() - started)
