"""Why this driver, why not that one, why nobody. Codes and numbers; the sentences are escort's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scheduling.feasibility import STANDING, Bookings
from scheduling.plan import Cause, Relaxation, Rule, Shortage, Unfilled
from scheduling.problem import Direction, Problem
from scheduling.tables import Bools, Ints, RunTable


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may drive a run, and what speaks for and against, in the plan's prices."""

    volunteer: int
    total: int
    km: int
    load: int
    repeat: int
    pair: int
    circle_over: int
    detour_km: float  # approach + return
    approach_km: float
    driven_before: int  # rides with children of this run in the plan and just before it
    is_known: bool  # to every child of the run
    duties_week: int
    pledge_week: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """The first hard rule that a volunteer breaks. `value` and `limit` are dates' ordinals, km, seats or duties."""

    rule: Rule
    value: float | None = None
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class WhyNobody:
    """How many volunteers fall to which rule first, and what giving way in one rule alone would bring."""

    blocked: tuple[tuple[Rule, int], ...]
    relaxations: tuple[Relaxation, ...]
    free: int  # who may drive after all


def explain_unfilled(
    problem: Problem,
    runs: RunTable,
    driver: Sequence[int | None],
    second: Sequence[int | None],
    bookings: Bookings,
    *,
    proven: int,
) -> tuple[tuple[Unfilled, ...], tuple[Shortage, ...]]:
    """Return every run without driver with its reason, and the groups that have one cause between them.

    `proven`: legs of which the flow has shown that they, or as many others, must stay open.
    """
    rows = [
        row
        for row in range(len(runs.runs))
        if driver[row] is None or (runs.second_adult[row] and second[row] is None)
    ]
    is_proven = int(runs.size[rows].sum()) == proven
    groups: dict[tuple[Cause, Rule, int, Direction], list[int]] = {}
    reasons: list[tuple[int, tuple[Cause, Rule, int, Direction], WhyNobody]] = []
    for row in rows:
        hurdles = _Hurdles(problem, runs, row, bookings)
        run = runs.runs[row]
        cause = _cause(hurdles, runs, row)
        key = (cause, hurdles.need(), problem.days[run.day].weekday, Direction(run.direction))
        groups.setdefault(key, []).append(row)
        reasons.append((row, key, hurdles.answer()))
    order = {key: place for place, key in enumerate(sorted(groups))}
    unfilled = tuple(
        Unfilled(row, key[0], why.blocked, why.relaxations, is_proven, order[key])
        for row, key, why in reasons
    )
    shortages = tuple(Shortage(*key, tuple(groups[key]), is_proven) for key in sorted(groups))
    return unfilled, shortages


def _cause(hurdles: _Hurdles, runs: RunTable, row: int) -> Cause:
    if not hurdles.standing_pass().any():
        return Cause.NOBODY
    return Cause.NO_SECOND if runs.second_adult[row] else Cause.SHORTAGE


class _Hurdles:
    """One run against every volunteer: which rules each one breaks."""

    def __init__(self, problem: Problem, runs: RunTable, row: int, bookings: Bookings) -> None:
        self.problem, self.runs, self.row, self.bookings = problem, runs, row, bookings
        self.slot = int(runs.slot[row])
        rows = np.array([row])
        keeps = {rule: STANDING[rule](problem.tables, runs, rows) for rule in STANDING}
        keeps[Rule.SAME_HALF_DAY] = bookings.free_slot(self.slot)[None]
        keeps[Rule.HOUSEHOLD] = bookings.no_kin(self.slot)[None]
        keeps[Rule.WEEK_CAP] = bookings.below_cap(self.slot)[None]
        people = len(problem.volunteers)
        self.rules = tuple(keeps)
        self.keeps: Bools = np.vstack([np.broadcast_to(kept, (1, people)) for kept in keeps.values()])
        self.breaks: Ints = (~self.keeps).sum(axis=0)

    def standing_pass(self) -> Bools:
        return np.asarray(self.keeps[: len(STANDING)].all(axis=0), dtype=bool)

    def only_breaks(self, rule: Rule) -> Bools:
        """Return who would be free if this one rule did not stand."""
        return np.asarray(~self.keeps[self.rules.index(rule)] & (self.breaks == 1), dtype=bool)

    def need(self) -> Rule:
        """Return the rule that, if it did not stand, would free most people."""
        return max(self.rules, key=lambda rule: int(self.only_breaks(rule).sum()))

    def answer(self) -> WhyNobody:
        first = np.argmax(~self.keeps, axis=0)
        counts = np.bincount(first[self.breaks > 0], minlength=len(self.rules))
        blocked = tuple((rule, int(n)) for rule, n in zip(self.rules, counts, strict=True) if n)
        relaxations = tuple(found for rule in RELAXABLE for found in self._relax(rule))
        return WhyNobody(blocked, relaxations, int((self.breaks == 0).sum()))

    def _relax(self, rule: Rule) -> list[Relaxation]:
        people = self.only_breaks(rule)
        if not people.any():
            return []
        if rule is not Rule.TOO_FAR:
            return [Relaxation(rule, 1.0 if rule is Rule.WEEK_CAP else None, int(people.sum()))]
        tables = self.problem.tables
        excess = (self.runs.approach_km(np.array([self.row]))[0] - tables.max_approach_km)[people]
        steps = [km for km in KM_STEPS if (excess <= km).any()]
        return [Relaxation(rule, km, int((excess <= km).sum())) for km in steps[:1]]


RELAXABLE = (
    Rule.TOO_FAR,
    Rule.WEEK_CAP,
    Rule.ONLY_FAMILIAR,
    Rule.UNAVAILABLE,
    Rule.CHILD_SEATS,
    Rule.WHEELCHAIR,
    Rule.FEMALE_DRIVER,
    Rule.VETTING,
    Rule.INSURANCE,
)
KM_STEPS = (1.0, 2.0, 3.0, 5.0, 8.0, 12.0)
