"""Standbys, found after the drivers among those who are still free: they never cost a driver.

One per team and half-day, of the team's own volunteers; and one of its circle for each ride of a child whom
only familiar faces may drive, whatever the team (H11).
"""

from __future__ import annotations

import numpy as np

from scheduling.feasibility import Bookings, eligible, in_rotation
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
    wanted = wanted_standbys(problem, runs)
    slots = [slot for slot, _ in wanted if slot not in problem.promised_standby]
    rows = dict(wanted)
    masks = [may_stand_by(problem, runs, slot, rows[slot]) for slot in slots]
    at = np.array([2 * slot.day + slot.direction for slot in slots], dtype=np.int64)
    masks = [mask & bookings.open(int(place)) for mask, place in zip(masks, at, strict=True)]
    found = _cover_standbys(problem, slots, masks, at, bookings, count)
    standby, missing = promised, []
    for slot, place, volunteer in zip(slots, at.tolist(), found.tolist(), strict=True):
        if volunteer < 0 or not bookings.open(place)[volunteer]:
            missing.append(slot)
            continue
        bookings.book(np.array([volunteer]), np.array([place]))
        standby.append(Standby(slot, volunteer))
    return standby, missing


def wanted_standbys(problem: Problem, runs: RunTable) -> list[tuple[StandbySlot, int]]:
    """Return the standbys that the runs call for, ordered by slot, each with one of the runs."""
    wanted: dict[StandbySlot, int] = {}
    for row, run in enumerate(runs.runs):
        direction = Direction(run.direction)
        for child in problem.run_children(run):
            rider = problem.children[child]
            if rider.only_familiar:
                wanted.setdefault(StandbySlot(run.day, direction, None, child), row)
            elif rider.team is not None:
                wanted.setdefault(StandbySlot(run.day, direction, rider.team), row)
    return sorted(wanted.items(), key=lambda item: (2 * item[0].day + item[0].direction, str(item[0])))


def may_stand_by(problem: Problem, runs: RunTable, slot: StandbySlot, row: int) -> Bools:
    """Return who may be the standby as far as standing rules say, shape (V,)."""
    tables, rows = problem.tables, np.array([row])
    alone = tables.together < 0  # a standby is called by himself
    if slot.child is not None:
        return np.asarray(eligible(tables, runs, rows)[0] & alone, dtype=bool)
    on = tables.ordinal[slot.day]
    valid = (tables.vetted_until >= on) & (tables.licence_until >= on) & (tables.insured_until >= on)
    here = tables.avail[:, 2 * tables.weekday[slot.day] + slot.direction] & ~tables.blocked[:, slot.day]
    here &= in_rotation(tables, runs, rows)[0]
    return np.asarray((tables.team == slot.team) & valid & here & alone, dtype=bool)


def _cover_standbys(
    problem: Problem, slots: list[StandbySlot], masks: list[Bools], at: Ints, bookings: Bookings, count: Ints
) -> Ints:
    """Return a volunteer or -1 per standby, most of them filled, loads kept even."""
    nobody = np.full((len(masks), 1), -1, dtype=np.int64)
    price = np.full(len(masks), problem.weights.uncovered_standby, dtype=np.int64)
    duties = Duties(np.arange(len(masks)), np.zeros(len(masks), dtype=bool), at, price, nobody)
    people = [np.flatnonzero(mask) for mask in masks]
    sizes = np.array([len(found) for found in people], dtype=np.int64)
    volunteer = np.concatenate([np.zeros(0, dtype=np.int64), *people])
    start = np.concatenate([[0], np.cumsum(sizes)])
    standby = np.repeat(np.arange(len(masks)), sizes)
    for_team = np.array([slot.team is not None for slot in slots], dtype=bool)
    kept_back = for_team[standby] & problem.tables.in_strict_circle[volunteer]
    arcs = Arcs(start, standby, volunteer, np.where(kept_back, problem.weights.reserve, 0))
    return cover(problem, duties, arcs, bookings, count).volunteer
