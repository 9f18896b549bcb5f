"""After a no: whom to ask next for one run, everything else left as it is."""

from __future__ import annotations

from collections.abc import Collection

from scheduling.explain import Candidate, candidates
from scheduling.problem import Problem


def stand_ins(
    problem: Problem, run: int, *, asked: Collection[int] = (), limit: int | None = None
) -> tuple[Candidate, ...]:
    """Return the people to ask for a run, in the order in which to ask them.

    Eligible by every hard rule; nobody in `asked`, nobody who declined one of its legs, nor who is promised
    to it now. The run's standby comes first, then
    people whom every child of it knows, then the plan's own prices decide.
    """
    passed = {*asked, problem.promised.get(run), problem.promised_second.get(run)}
    left = [found for found in candidates(problem, run) if found.volunteer not in passed]
    left.sort(key=lambda found: (not found.is_standby, not found.is_known, found.price, found.volunteer))
    return tuple(left[:limit])
