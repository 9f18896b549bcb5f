"""What one planning costs and gives, as figures for `make bench`."""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass

from scheduling.plan import Limits, Parts
from scheduling.planner import plan
from scheduling.problem import Problem


@dataclass(frozen=True, slots=True)
class Figures:
    """A plan in numbers. `memory_mb` is the process's highest so far."""

    children: int
    volunteers: int
    legs: int
    runs: int
    uncovered: int
    least_uncovered: int
    floor_uncovered: int
    parts: Parts
    above_bound: float  # soft part above its proven bound, 0.1 = 10 %
    repeats: int
    seconds: float
    memory_mb: int

    def lines(self) -> list[str]:
        """Return the figures as lines to print."""
        parts = ", ".join(f"{name} {getattr(self.parts, name):,}" for name in self.parts.__dataclass_fields__)
        return [
            f"{self.children} children, {self.volunteers} volunteers, {self.legs} legs in {self.runs} runs",
            f"uncovered legs {self.uncovered}, proven least {self.least_uncovered},"
            f" least for any pooling {self.floor_uncovered}",
            f"soft {self.parts.soft:,} ({self.above_bound:.0%} above the bound): {parts}",
            f"repeats on two service days running {self.repeats}",
            f"{self.seconds:.1f} s, {self.memory_mb} MB",
        ]


def measure(problem: Problem, *, limits: Limits | None = None, seed: int = 0) -> Figures:
    """Plan the problem once and return what it cost and gave."""
    found = plan(problem, limits=limits, seed=seed)
    least_soft = found.bound - problem.weights.uncovered_child_leg * found.least_uncovered
    unit = 1 if sys.platform == "darwin" else 1024
    return Figures(
        children=len({leg.child for leg in problem.legs}),
        volunteers=len(problem.volunteers),
        legs=len(problem.legs),
        runs=len(found.runs),
        uncovered=found.uncovered_legs,
        least_uncovered=found.least_uncovered,
        floor_uncovered=found.floor_uncovered,
        parts=found.parts,
        above_bound=found.parts.soft / least_soft - 1 if least_soft > 0 else 0.0,
        repeats=len(found.repeats),
        seconds=found.seconds,
        memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit // 1024 // 1024,
    )
