"""Standbys, found after the drivers among those who are still free: they never cost a child its driver.

One per team and half-day, of the team's own volunteers; and one of its circle for each ride of a child whom
only familiar faces may drive, whatever the team (H11). Who stands by could drive at least one of the rides himself;
of those who could, the one with the right car for most of them, who lives near them. There are fewer where people are
short: whoever is the last one left for some ride of a week, with one duty left in it, is kept for that ride.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from scheduling.feasibility import Bookings, eligible
from scheduling.flow import Arcs, Duties, cover
from scheduling.plan import Standby
from scheduling.problem import Direction, Problem, StandbySlot
from scheduling.tables import Bools, Ints, RunTable


def find_standbys(
    problem: Problem, runs: RunTable, bookings: Bookings, count: Ints
) -> tuple[list[Standby], list[StandbySlot]]:
    """Return the standbys, promised ones first, and the slots for which nobody is free.

    `count`: duties per volunteer so far, shape (V,). The bookings are added to.
    """
    promised = [
        Standby(slot, volunteer) for slot, volunteer in sorted(problem.promised_standby.items(), key=str)
    ]
    if not problem.standby:
        return promised, []
    wanted = [entry for entry in wanted_standbys(problem, runs) if entry[0] not in problem.promised_standby]
    slots = [slot for slot, _ in wanted]
    at = np.array([2 * slot.day + slot.direction for slot in slots], dtype=np.int64)
    kept = _kept_for_a_ride(problem, runs, bookings)
    masks, prices = [], []
    for (slot, rows), place in zip(wanted, at.tolist(), strict=True):
        mask, price = usefulness(problem, runs, slot, rows)
        others = kept[:, problem.tables.week_of_day[slot.day]]
        masks.append(mask & bookings.open(place) & ((others < 0) | (others == place)))
        prices.append(price)
    found = _cover_standbys(problem, masks, prices, at, bookings, count)
    standby, missing = promised, []
    for slot, place, volunteer in zip(slots, at.tolist(), found.tolist(), strict=True):
        if volunteer < 0 or not bookings.open(place)[volunteer]:
            missing.append(slot)
            continue
        bookings.book(np.array([volunteer]), np.array([place]))
        standby.append(Standby(slot, volunteer))
    return standby, missing


def wanted_standbys(problem: Problem, runs: RunTable) -> list[tuple[StandbySlot, list[int]]]:
    """Return the standbys that the runs call for, ordered by slot, each with the runs that it stands by for."""
    wanted: dict[StandbySlot, dict[int, None]] = defaultdict(dict)
    for row, run in enumerate(runs.runs):
        direction = Direction(run.direction)
        for child in problem.run_children(run):
            rider = problem.children[child]
            if rider.only_familiar:
                wanted[StandbySlot(run.day, direction, None, child)][row] = None
            elif rider.team is not None:
                wanted[StandbySlot(run.day, direction, rider.team)][row] = None
    ordered = sorted(wanted.items(), key=lambda item: (2 * item[0].day + item[0].direction, str(item[0])))
    return [(slot, list(rows)) for slot, rows in ordered]


def usefulness(problem: Problem, runs: RunTable, slot: StandbySlot, rows: list[int]) -> tuple[Bools, Ints]:
    """Return who could drive one of the runs as far as standing rules say, and what is against each as standby.

    Both have shape (V,). Against somebody speak the km to the rides that he could drive, and the share of the
    children whom he could not.
    """
    tables, weights, which = problem.tables, problem.weights, np.array(rows)
    could = eligible(tables, runs, which) & (tables.together < 0)  # a standby is called by himself
    riders = np.array([_riders(problem, runs, slot, row) for row in rows], dtype=np.float64)
    missed = 1 - riders @ could / riders.sum()
    km = np.where(could, runs.approach_km(which), 0.0).sum(axis=0) / np.maximum(could.sum(axis=0), 1)
    against = weights.km * km + NO_CAR_FOR_ANY * weights.uncovered_standby * missed
    if slot.team is not None:
        against += np.where(tables.in_strict_circle, weights.reserve, 0)
    mask = could.any(axis=0) & (tables.team == slot.team if slot.team is not None else True)
    return np.asarray(mask, dtype=bool), np.rint(against).astype(np.int64)


def _riders(problem: Problem, runs: RunTable, slot: StandbySlot, row: int) -> int:
    """Return how many children of a run the standby is for."""
    children = problem.run_children(runs.runs[row])
    return sum(slot.child == child or problem.children[child].team == slot.team for child in children)


def _kept_for_a_ride(problem: Problem, runs: RunTable, bookings: Bookings) -> Ints:
    """Return, per volunteer and week, the only half-day on which he may stand by; -1: any. Shape (V, W).

    He is the last one left who could take over some ride then, and has a single duty left in that week.
    """
    tables = problem.tables
    kept: Ints = np.full((len(tables.home), tables.weeks), -1, dtype=np.int64)
    for slot in np.unique(runs.slot).tolist():
        week = int(tables.week_of_day[slot // 2])
        spare = eligible(tables, runs, np.flatnonzero(runs.slot == slot)) & bookings.open(slot)
        last = np.flatnonzero(spare[spare.sum(axis=1) == 1].any(axis=0))
        scarce = last[tables.cap_week[last] - bookings.week[last, week] == 1]
        kept[scarce, week] = np.where(kept[scarce, week] == -1, slot, NOWHERE)
    return kept


def _cover_standbys(
    problem: Problem, masks: list[Bools], prices: list[Ints], at: Ints, bookings: Bookings, count: Ints
) -> Ints:
    """Return a volunteer or -1 per standby, most of them filled, loads kept even."""
    nobody = np.full((len(masks), 1), -1, dtype=np.int64)
    price = np.full(len(masks), problem.weights.uncovered_standby, dtype=np.int64)
    duties = Duties(np.arange(len(masks)), np.zeros(len(masks), dtype=bool), at, price, nobody)
    people = [np.flatnonzero(mask) for mask in masks]
    sizes = np.array([len(found) for found in people], dtype=np.int64)
    start = np.concatenate([[0], np.cumsum(sizes)])
    none = np.zeros(0, dtype=np.int64)
    volunteer = np.concatenate([none, *people])
    against = np.concatenate([none, *(price[who] for price, who in zip(prices, people, strict=True))])
    arcs = Arcs(start, np.repeat(np.arange(len(masks)), sizes), volunteer, against)
    return cover(problem, duties, arcs, bookings, count).volunteer


NO_CAR_FOR_ANY = 0.5  # of a standby's worth is lost with the children whom he could not drive
NOWHERE = 1 << 30  # kept for rides on two half-days of one week: he stands by on neither
