"""What repairs cost and prove at a district's size, as figures for `make bench`."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

import numpy as np

from scheduling.explain import settle
from scheduling.plan import Plan
from scheduling.problem import Problem
from scheduling.repair import Desk, SaysNo


@dataclass(frozen=True, slots=True)
class RepairFigures:
    """So many noes, each answered on the same plan in memory. Times in milliseconds of the processor.

    `proved`: answers equal to the minimum of a min-cost flow. `changed`: how many other turns had to change hands, by
    how often; -1 where nobody can be found. `first_seconds`: compiling, or reading what was compiled, and one answer.
    """

    cases: int
    proved: int
    changed: dict[int, int]
    lay_out_seconds: float
    first_seconds: float
    median_ms: float
    p99_ms: float
    three_best_p99_ms: float

    def lines(self) -> list[str]:
        """Return the figures as lines to print."""
        changes = ", ".join(
            f"{'nobody' if changed < 0 else changed}: {times}"
            for changed, times in sorted(self.changed.items())
        )
        return [
            f"repair after a no: median {self.median_ms:.2f} ms, p99 {self.p99_ms:.2f} ms,"
            f" three best p99 {self.three_best_p99_ms:.2f} ms",
            f"equal to the flow's minimum on {self.proved} of {self.cases}; other turns that change: {changes}",
            f"to lay out the plan {self.lay_out_seconds:.2f} s, the process's first answer {self.first_seconds:.2f} s",
        ]


def measure_repairs(problem: Problem, plan: Plan, *, cases: int = 200, seed: int = 0) -> RepairFigures:
    """Let so many drivers of a plan, drawn by the seed, say no, one after the other, each to the plan as it is."""
    begun = time.perf_counter()
    desk = Desk(settle(problem, plan))
    laid_out = time.perf_counter() - begun
    driven = [run for run, driver in enumerate(plan.driver) if driver is not None]
    chosen = np.random.default_rng(seed).choice(driven, size=min(cases, len(driven)), replace=False).tolist()
    noes = [SaysNo(run, plan.driver[run] or 0) for run in chosen]
    begun = time.perf_counter()
    desk.what_if(noes[0])
    first = time.perf_counter() - begun
    times, best_of_three, changed, proved = [], [], Counter[int](), 0
    for no in noes:
        begun = time.thread_time()
        found = desk.what_if(no, best=1)
        times.append(time.thread_time() - begun)
        begun = time.thread_time()
        desk.what_if(no)
        best_of_three.append(time.thread_time() - begun)
        repair = found.repairs[0]
        proved += (len(repair.left_open), repair.changed) == desk.least_by_flow(no)
        changed[-1 if repair.left_open else repair.changed] += 1
    return RepairFigures(
        cases=len(noes),
        proved=proved,
        changed=dict(changed),
        lay_out_seconds=laid_out,
        first_seconds=first,
        median_ms=1000 * float(np.median(times)),
        p99_ms=1000 * float(np.percentile(times, 99)),
        three_best_p99_ms=1000 * float(np.percentile(best_of_three, 99)),
    )
