"""Who drives: a flow for the best coverage, then the wishes; then who stands by, of the people who were left for it.

cover with a flow -> halve what stays open and cover again -> anneal -> re-plan half-days in sweeps -> standbys -> reasons
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from scheduling.annealing import anneal
from scheduling.bound import Proof, prove
from scheduling.cost import load_price, pair_price, standing_price, value_of
from scheduling.explain import explain_unfilled
from scheduling.feasibility import promised_bookings, promised_counts
from scheduling.flow import (
    Arcs,
    Cover,
    Duties,
    StandbyDuty,
    bar_full_months,
    bar_kin,
    cover,
    keep,
    list_arcs,
    list_duties,
    seat_couples,
    tie_couples,
    undone_legs,
)
from scheduling.plan import Limits, Plan
from scheduling.pooling import halve
from scheduling.problem import Problem, Run
from scheduling.slots import Ledger, improve
from scheduling.standbys import find_standbys, usefulness, wanted_standbys
from scheduling.tables import Ints, RunTable
from scheduling.turns import untie


def assign(problem: Problem, *, seed: int = 0, limits: Limits | None = None) -> Plan:
    """Return the plan for a problem whose every leg is in a run. Raises ValueError if one is not.

    Promised people stay where they are. A pooled run that nobody can drive is halved for that day.
    """
    return assign_runs(problem, problem.runs or (), seed=seed, limits=limits)


def assign_runs(
    problem: Problem, cars: tuple[Run, ...], *, seed: int = 0, limits: Limits | None = None
) -> Plan:
    """As `assign`, for cars of which the problem's own runs are the first."""
    limits = limits or Limits()
    started = limits.clock()
    if sum(len(run.legs) for run in cars) != len(problem.legs):
        raise ValueError("runs do not hold every leg once.")
    draft = _cover_best(problem, cars, limits)
    counts = problem.tables.served + promised_counts(problem)
    ledger = Ledger(problem, draft.duties, promised_bookings(problem), counts)
    ledger.remember(draft.runs, problem.promised)
    done = np.flatnonzero(draft.cover.volunteer >= 0)
    ledger.take(done, draft.cover.volunteer[done])
    _search(ledger, draft.arcs, seed, limits, started)
    driver, second = _people(problem, draft, ledger)
    ledger.release(np.flatnonzero(ledger.duties.run < 0))
    standby, missing = find_standbys(problem, draft.runs, ledger.bookings, ledger.count)
    parts, repeats = value_of(problem, draft.runs, driver, second, standby, len(missing))
    unfilled, shortages = explain_unfilled(
        problem, draft.runs, driver, second, ledger.bookings, proven=draft.least
    )
    price = problem.weights.uncovered_child_leg
    return Plan(
        runs=draft.runs.runs,
        driver=tuple(driver),
        second=tuple(second),
        standby=tuple(standby),
        standby_missing=tuple(missing),
        unfilled=unfilled,
        shortages=shortages,
        repeats=repeats,
        parts=parts,
        uncovered_legs=parts.uncovered_child_leg // price if price else 0,
        least_uncovered=draft.least,
        floor_uncovered=_floor(problem, draft.runs),
        bound=_bound(problem, draft, parts.total, limits, started),
        seed=seed,
        seconds=limits.clock() - started,
    )


@dataclass(frozen=True)
class _Draft:
    """Runs after halving and the flow's cover of them."""

    runs: RunTable
    duties: Duties
    arcs: Arcs
    cover: Cover
    least: int
    # what is proven about, before any rule that binds two people: no second adults among the duties
    alone: Duties
    alone_arcs: Arcs


def _cover_best(problem: Problem, cars: tuple[Run, ...], limits: Limits) -> _Draft:
    """Cover with a flow; halve open runs and cover again, as long as that helps and rounds are left."""
    draft = _cover(problem, cars)
    for _ in range(limits.halvings):
        halved = _halve_open(problem, draft)
        if halved is None:
            break
        draft = _cover(problem, halved)
    return draft


def _cover(problem: Problem, cars: tuple[Run, ...]) -> _Draft:
    runs = RunTable(problem, cars)
    bookings = promised_bookings(problem)
    duties = list_duties(problem, runs, _standbys_wanted(problem, runs))
    arcs = list_arcs(problem, runs, duties, bookings)
    served = problem.tables.served + promised_counts(problem)
    found = cover(problem, duties, arcs, bookings, served)
    least = undone_legs(duties, runs, found.volunteer)
    alone, alone_arcs = duties, arcs
    if duties.second.any():  # two duties on one leg would count it twice: prove with drivers alone
        alone, alone_arcs = _drivers_only(duties), keep(arcs, ~duties.second[arcs.duty], len(duties))
        proof = cover(problem, alone, alone_arcs, bookings, served)
        least = int(runs.size[alone.run[(proof.volunteer < 0) & ~alone.second & (alone.run >= 0)]].sum())
    arcs, broken = bar_kin(problem.tables, duties, arcs, found.volunteer)
    if broken:
        found = cover(problem, duties, arcs, bookings, served)
    if problem.tables.couples:
        arcs = seat_couples(problem.tables, duties, arcs, found.volunteer)
        found = cover(problem, duties, arcs, bookings, served)
        held = tie_couples(problem.tables, duties, arcs, found.volunteer, met=1)
        found = cover(problem, duties, held, bookings, served)
        arcs = tie_couples(problem.tables, duties, arcs, found.volunteer, met=2)
        found = cover(problem, duties, arcs, bookings, served)
    while True:  # what one may not do in a month may fall to another who may not either: look again
        arcs, broken = bar_full_months(problem.tables, duties, arcs, bookings, found.volunteer)
        if broken:
            found = cover(problem, duties, arcs, bookings, served)
            continue
        # a driver without the second adult helps nobody: give up one such run at a time
        half_done = _half_done(duties, found.volunteer)
        if not half_done:
            break
        arcs = keep(arcs, ~np.isin(duties.run[arcs.duty], half_done[-1:]), len(duties))
        found = cover(problem, duties, arcs, bookings, served)
    open_pairs = np.intersect1d(duties.run[duties.second], duties.run[found.volunteer < 0])
    arcs = keep(arcs, ~np.isin(duties.run[arcs.duty], open_pairs), len(duties))
    return _Draft(runs, _tied(duties), arcs, found, least, alone, alone_arcs)


def _half_done(duties: Duties, volunteer: Ints) -> list[int]:
    """Return the runs of which one of driver and second adult is there, and the other is not."""
    missing = volunteer < 0
    pairs = set(duties.run[duties.second].tolist())
    return sorted(pairs & set(duties.run[missing].tolist()) & set(duties.run[~missing].tolist()))


def _tied(duties: Duties) -> Duties:
    """Return the duties priced so that no re-planning parts a driver from his second adult."""
    pairs = np.isin(duties.run, duties.run[duties.second])
    return replace(duties, price=np.where(pairs, TIE * duties.price, duties.price))


def _drivers_only(duties: Duties) -> Duties:
    """Return the duties with leaving out a second adult for free."""
    return replace(duties, price=np.where(duties.second, 0, duties.price))


def _halve_open(problem: Problem, draft: _Draft) -> tuple[Run, ...] | None:
    """Return the cars with open pooled runs of several children split, or None if there are none."""
    given = len(problem.runs or ())
    open_runs = {
        row
        for row in draft.duties.run[draft.cover.volunteer < 0].tolist()
        if row >= given and draft.runs.size[row] > 1
    }
    if not open_runs:
        return None
    kept: list[Run] = []
    for row, run in enumerate(draft.runs.runs):
        kept.extend(halve(problem, run) if row in open_runs else (run,))
    return tuple(kept)


def _search(ledger: Ledger, arcs: Arcs, seed: int, limits: Limits, started: float) -> None:
    """Anneal where there is enough to plan, then re-plan half-days one by one."""
    if limits.seconds is not None:
        left = limits.seconds - (limits.clock() - started)
        begun, budget = limits.clock(), FOR_ANNEALING * left
        if left > 0 and len(ledger.duties) >= FEW_DUTIES:
            anneal(ledger, arcs, seed=seed, progress=lambda: (limits.clock() - begun) / budget)
    elif len(ledger.duties) >= FEW_DUTIES and limits.moves_per_duty:
        moves = min(limits.moves_per_duty * len(ledger.duties), limits.most_moves)
        anneal(ledger, arcs, seed=seed, moves=moves)
    _sweep(ledger, arcs, seed, limits, started)


def _sweep(ledger: Ledger, arcs: Arcs, seed: int, limits: Limits, started: float) -> None:
    """Re-plan all slots in date order, again while it helps (in an order drawn from a seed other than 0), and
    untie what single slots cannot."""
    slots: Ints = np.unique(ledger.duties.slot)
    shuffler = np.random.default_rng(seed)
    for sweep in range(limits.sweeps):
        gain = improve(ledger, arcs, slots)
        if gain < SMALL_GAIN * ledger.problem.weights.repeat or sweep == limits.sweeps - 1:
            gain += untie(ledger, arcs)
        late = limits.seconds is not None and limits.clock() - started > limits.seconds
        if gain == 0 or late:
            return
        if seed:
            slots = shuffler.permutation(slots)


def _bound(problem: Problem, draft: _Draft, best: int, limits: Limits, started: float) -> int:
    """Return a proven lower bound of the total: the flow's, made better where there is enough to plan and time."""
    bookings, served = promised_bookings(problem), problem.tables.served + promised_counts(problem)
    flow = cover(problem, draft.alone, draft.alone_arcs, bookings, served, within_pledges=False)
    met = np.zeros_like(problem.tables.known)
    for row, who in problem.promised.items():
        met[draft.runs.children[row][draft.runs.children[row] >= 0], who] = True
    sure = _promised_price(problem, draft.runs) + int(pair_price(problem, *np.nonzero(met)).sum())
    bound = flow.value + _promised_price(problem, draft.runs)
    if len(draft.alone) < FEW_DUTIES or not limits.bound_rounds:
        return bound
    proof = Proof(problem, draft.alone, draft.alone_arcs, bookings, served, flow.volunteer, met, sure)
    if limits.seconds is None:
        return max(bound, prove(proof, best=best, rounds=limits.bound_rounds))
    begun, left = limits.clock(), max(limits.seconds - (limits.clock() - started), 0.01)
    return max(bound, prove(proof, best=best, progress=lambda: (limits.clock() - begun) / left))


def _people(problem: Problem, draft: _Draft, ledger: Ledger) -> tuple[list[int | None], list[int | None]]:
    """Return driver and second adult per run, promised ones included."""
    driver: list[int | None] = [problem.promised.get(row) for row in range(len(draft.runs.runs))]
    second: list[int | None] = [problem.promised_second.get(row) for row in range(len(draft.runs.runs))]
    rows = zip(draft.duties.run.tolist(), draft.duties.second, ledger.volunteer.tolist(), strict=True)
    for run, is_second, volunteer in rows:
        if volunteer >= 0 and run >= 0:
            (second if is_second else driver)[run] = volunteer
    return driver, second


def _standbys_wanted(problem: Problem, runs: RunTable) -> tuple[StandbyDuty, ...]:
    """Return the standbys that drivers should leave people for: who stands by is chosen in the end."""
    if not problem.standby:
        return ()
    return tuple(
        StandbyDuty(2 * slot.day + slot.direction, usefulness(problem, runs, slot, rows)[0])
        for slot, rows in wanted_standbys(problem, runs)
        if slot not in problem.promised_standby
    )


def _promised_price(problem: Problem, runs: RunTable) -> int:
    """Return what promised duties cost for certain: standing prices and load."""
    tables = problem.tables
    pairs = [*problem.promised.items(), *problem.promised_second.items()]
    rows = np.array([run for run, _ in pairs], dtype=np.int64)
    people = np.array([volunteer for _, volunteer in pairs], dtype=np.int64)
    standing = standing_price(problem, runs, rows, people).sum() if pairs else 0
    counts = promised_counts(problem)
    volunteer = np.repeat(np.arange(len(counts)), counts)
    nth = np.arange(len(volunteer)) - np.repeat(np.cumsum(counts) - counts, counts)
    return int(standing + load_price(tables, volunteer, tables.served[volunteer] + nth + 1).sum())


def _floor(problem: Problem, runs: RunTable) -> int:
    """Return how many legs stay open under any pooling: the children who must ride alone, by themselves."""
    alone = np.array(
        [
            len(run.legs) == 1
            and row not in problem.promised
            and _rides_alone(problem, problem.legs[run.legs[0]].child)
            for row, run in enumerate(runs.runs)
        ],
        dtype=bool,
    )
    bookings = promised_bookings(problem)
    duties = list_duties(problem, runs)
    lone = duties.where((duties.run >= 0) & ~duties.second & alone[np.maximum(duties.run, 0)])
    arcs = list_arcs(problem, runs, lone, bookings)
    return undone_legs(lone, runs, cover(problem, lone, arcs, bookings, problem.tables.served).volunteer)


def _rides_alone(problem: Problem, child: int) -> bool:
    rider = problem.children[child]
    return rider.wheelchair or rider.alone or rider.second_adult


TIE = 8  # more than the children in a car: no other run is worth parting a pair
SMALL_GAIN = 10  # repeats' worth: below it a sweep has nearly settled, and knots show
FEW_DUTIES = 100  # fewer are settled by re-planning half-days, and need no compiled code
FOR_ANNEALING = 0.6  # of the time that a deadline leaves; the rest is for sweeps and the bound
