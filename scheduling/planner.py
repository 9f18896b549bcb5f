"""`plan`: from a problem to a plan, pure and repeatable."""

from __future__ import annotations

from dataclasses import replace

from scheduling.assign import assign_runs
from scheduling.plan import Limits, Plan
from scheduling.pooling import pool_lines
from scheduling.problem import Problem


def plan(problem: Problem, *, limits: Limits | None = None, seed: int = 0) -> Plan:
    """Return runs for all legs and who drives them. The same problem, limits without `seconds`, and seed
    give the same plan."""
    limits = limits or Limits()
    started = limits.clock()
    pooled = pool_lines(problem, limits.pooling)
    found = assign_runs(problem, pooled.runs, seed=seed, limits=limits)
    return replace(found, broken_pins=pooled.broken_pins, seconds=limits.clock() - started)
