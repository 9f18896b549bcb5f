"""The wishes, one small function each, in whole numbers (PLANNER section 3). Smaller is better.

Prices are for arrays of pairs; `value_of` adds a whole plan up anew, apart from the search that made it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scheduling.plan import Parts, Repeat, Standby
from scheduling.problem import Problem
from scheduling.tables import Bools, Ints, RunTable, Tables


def load_price(tables: Tables, volunteers: Ints, nth: Ints) -> Ints:
    """Return what the n-th duty of each volunteer costs: it grows, faster for who pledged less."""
    return np.rint(tables.load_unit[volunteers] * (2 * nth - 1)).astype(np.int64)


def pledge_step(tables: Tables, volunteers: Ints, nth: Ints) -> Ints:
    """Return what the search adds to the n-th duty of volunteers (past ones counted) beyond their pledge.

    It is no part of the objective: it keeps everybody within what was pledged for these weeks, wherever the same
    legs can be covered otherwise.
    """
    in_these_weeks = nth - tables.served[volunteers] + tables.week_used[volunteers].sum(axis=1)
    return np.asarray(np.where(in_these_weeks > tables.pledged[volunteers], PLEDGE_STEP, 0), dtype=np.int64)


def search_load_price(tables: Tables, volunteers: Ints, nth: Ints) -> Ints:
    """Return what the search pays for the n-th duty of each volunteer: its price, and the step of the pledge."""
    return load_price(tables, volunteers, nth) + pledge_step(tables, volunteers, nth)


def km_price(problem: Problem, runs: RunTable, rows: Ints, volunteers: Ints) -> Ints:
    """Return what approach and return cost, for pairs of run and volunteer."""
    return np.rint(problem.weights.km * runs.detour_km(rows, volunteers)).astype(np.int64)


def reserve_price(problem: Problem, runs: RunTable, rows: Ints, volunteers: Ints) -> Ints:
    """Return what it costs to use up, elsewhere, somebody whom a child with only familiar faces may need."""
    elsewhere = problem.tables.in_strict_circle[volunteers] & ~runs.only_familiar[rows]
    return np.where(elsewhere, problem.weights.reserve, 0)


def standing_price(problem: Problem, runs: RunTable, rows: Ints, volunteers: Ints) -> Ints:
    """Return the part of a duty's price that depends on no other duty."""
    return km_price(problem, runs, rows, volunteers) + reserve_price(problem, runs, rows, volunteers)


def pair_price(problem: Problem, children: Ints, volunteers: Ints) -> Ints:
    """Return what it costs that a child gets this driver for the first time; children of -1 cost nothing."""
    weights = problem.weights
    known = problem.tables.known[children, volunteers]
    return np.where(children < 0, 0, np.where(known, weights.pair_known, weights.pair_new))


def pair_floor(problem: Problem, children: Ints, volunteers: Ints) -> Ints:
    """Return, per duty's children (N, K) and volunteer (N,), a share of the pair price that is never too high.

    A pair is paid once; it serves at most as often as the volunteer's caps and the child's slots allow.
    """
    tables = problem.tables
    most = np.clip(tables.cap_week * tables.weeks, 1, max(problem.slots, 1))
    total = np.zeros(len(volunteers), dtype=np.int64)
    for seat in range(children.shape[1]):
        total += pair_price(problem, children[:, seat], volunteers) // most[volunteers]
    return total


def value_of(
    problem: Problem,
    runs: RunTable,
    driver: Sequence[int | None],
    second: Sequence[int | None],
    standby: Sequence[Standby],
    standby_missing: int,
) -> tuple[Parts, tuple[Repeat, ...]]:
    """Return the value of each wish in a plan, and every repeat of a driver on two service days running.

    A run that needs a second adult and has none counts as uncovered.
    """
    tables, weights = problem.tables, problem.weights
    drives = np.array([-1 if v is None else v for v in driver], dtype=np.int64)
    seconds = np.array([-1 if v is None else v for v in second], dtype=np.int64)
    open_run = (drives < 0) | (runs.second_adult & (seconds < 0))
    rows = np.flatnonzero(drives >= 0)
    second_rows = np.flatnonzero(seconds >= 0)
    all_rows = np.concatenate([rows, second_rows])
    people = np.concatenate([drives[rows], seconds[second_rows]])
    standing_by = np.array([entry.volunteer for entry in standby], dtype=np.int64)
    pair, over = _faces(problem, runs, rows, drives[rows])
    repeats = find_repeats(tables, runs, drives)
    repeated = {(r.child, r.volunteer, int(runs.day[r.run])) for r in repeats}
    parts = Parts(
        uncovered_child_leg=int(weights.uncovered_child_leg * runs.size[open_run].sum()),
        uncovered_standby=weights.uncovered_standby * standby_missing,
        km=int(km_price(problem, runs, all_rows, people).sum()),
        load=_load(tables, np.concatenate([people, standing_by])),
        repeat=int(sum(tables.repeat_cost[child] for child, _, _ in repeated)),
        pair=pair,
        circle_over=over,
        reserve=int(reserve_price(problem, runs, all_rows, people).sum()),
    )
    return parts, tuple(repeats)


def find_repeats(tables: Tables, runs: RunTable, drives: Ints) -> list[Repeat]:
    """Return each (run, child, driver) where the driver also drove the child on its service day before."""
    by_child_day: dict[tuple[int, int], set[int]] = {}
    for child, pair in enumerate(tables.past_drivers.tolist()):
        by_child_day[child, 0] = {volunteer for volunteer in pair if volunteer >= 0}
    rides = [
        (row, child, int(drives[row]))
        for row in np.flatnonzero(drives >= 0).tolist()
        for child in runs.children[row].tolist()
        if child >= 0
    ]
    for row, child, volunteer in rides:
        by_child_day.setdefault((child, int(runs.day[row]) + 1), set()).add(volunteer)
    return [
        Repeat(row, child, volunteer)
        for row, child, volunteer in rides
        if volunteer
        in by_child_day.get((child, int(tables.day_before[child, int(runs.day[row]) + 1])), set())
    ]


def _faces(problem: Problem, runs: RunTable, rows: Ints, drivers: Ints) -> tuple[int, int]:
    """Return the price of all different (child, driver) pairs, and of drivers beyond the circles' targets."""
    tables = problem.tables
    met: Bools = np.zeros_like(tables.known)
    for seat in range(runs.children.shape[1]):
        child = runs.children[rows, seat]
        met[child[child >= 0], drivers[child >= 0]] = True
    children, volunteers = np.nonzero(met)
    over = np.maximum(met.sum(axis=1) - tables.circle_target, 0).sum()
    return int(pair_price(problem, children, volunteers).sum()), int(problem.weights.circle_over * over)


def _load(tables: Tables, people: Ints) -> int:
    """Return the price of all duties, counting each volunteer's past ones as the first."""
    done = np.bincount(people, minlength=len(tables.served))
    volunteer = np.repeat(np.arange(len(done)), done)
    nth = np.arange(len(volunteer)) - np.repeat(np.cumsum(done) - done, done)
    return int(load_price(tables, volunteer, tables.served[volunteer] + nth + 1).sum())


PLEDGE_STEP = 2_000  # far above any wish, far below a leg without a driver
