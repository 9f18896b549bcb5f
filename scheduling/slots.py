"""Half-days re-planned one by one: with all others fixed, each is an exact linear assignment.

A volunteer has at most one duty and a child at most one ride in a slot, so every wish is a sum over the
slot's own arcs. Repeating this over all slots is an exact block descent: the total never grows.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from scheduling.cost import load_price, pair_price, pledge_step
from scheduling.feasibility import Bookings
from scheduling.flow import Arcs, Duties
from scheduling.problem import Problem
from scheduling.tables import Ints, RunTable


class Ledger:
    """Who does what at this moment of the search, counted in all the ways the wishes need."""

    def __init__(self, problem: Problem, duties: Duties, bookings: Bookings, count: Ints) -> None:
        """`bookings` and `count` (duties per volunteer, past and promised ones) are taken over and kept true."""
        self.problem, self.tables, self.duties = problem, problem.tables, duties
        self.bookings = bookings
        self.volunteer: Ints = np.full(len(duties), -1, dtype=np.int64)
        self.count = count
        children, people = self.tables.known.shape
        self.rides: NDArray[np.int16] = np.zeros((children, people), dtype=np.int16)
        self.faces: Ints = np.zeros(children, dtype=np.int64)
        # who drives a child on a day; day 0 is the last service day before the horizon
        self.at: Ints = np.full((children, len(problem.days) + 1, 2), -1, dtype=np.int64)
        self.at[:, 0] = self.tables.past_drivers

    def remember(self, runs: RunTable, promised: Mapping[int, int]) -> None:
        """Note whom the children meet by promises (row of `runs` -> driver), which are booked already."""
        rows = np.array(list(promised), dtype=np.int64)
        volunteers = np.array(list(promised.values()), dtype=np.int64)
        self._meet(volunteers, runs.slot[rows], runs.children[rows], +1)

    def take(self, which: Ints, volunteers: Ints) -> None:
        """Give duties (positions, nobody's until now) to volunteers."""
        self.volunteer[which] = volunteers
        slots = self.duties.slot[which]
        self.bookings.book(volunteers, slots)
        np.add.at(self.count, volunteers, 1)
        self._meet(volunteers, slots, self.duties.children[which], +1)

    def release(self, which: Ints) -> None:
        """Take duties back from whoever has them."""
        which = which[self.volunteer[which] >= 0]
        volunteers, slots = self.volunteer[which], self.duties.slot[which]
        self.bookings.free(volunteers, slots)
        np.subtract.at(self.count, volunteers, 1)
        self._meet(volunteers, slots, self.duties.children[which], -1)
        self.volunteer[which] = -1

    def _meet(self, volunteers: Ints, slots: Ints, children: Ints, sign: int) -> None:
        for seat in range(children.shape[1]):
            here = children[:, seat] >= 0
            child, driver = children[here, seat], volunteers[here]
            before = self.rides[child, driver] > 0
            np.add.at(self.rides, (child, driver), sign)
            after = self.rides[child, driver] > 0
            # one slot holds a child once, but several slots may be given at a time
            changed = np.unique(np.column_stack([child, driver])[before != after], axis=0)
            np.add.at(self.faces, changed[:, 0], sign)
            self.at[child, slots[here] // 2 + 1, slots[here] % 2] = driver if sign > 0 else -1

    def prices(self, slot: int, duty: Ints, volunteer: Ints, standing: Ints) -> Ints:
        """Return what each arc of a slot costs when the slot's own duties are released, shape (arcs,)."""
        wishes = self.wishes(slot, duty, volunteer)
        step = pledge_step(self.tables, volunteer, self.count[volunteer] + 1)
        return standing + step + wishes["load"] + wishes["pair"] + wishes["circle_over"] + wishes["repeat"]

    def wishes(self, slot: int, duty: Ints, volunteer: Ints) -> dict[str, Ints]:
        """Return the parts of the prices that depend on other duties: load, pair, circle_over and repeat."""
        children = self.duties.children[duty]
        load = load_price(self.tables, volunteer, self.count[volunteer] + 1)
        pair, over, repeat = np.zeros_like(load), np.zeros_like(load), np.zeros_like(load)
        for seat in range(children.shape[1]):
            child = children[:, seat]
            new_face = (self.rides[child, volunteer] == 0) & (child >= 0)
            full = self.faces[child] >= self.tables.circle_target[child]
            pair += np.where(new_face, pair_price(self.problem, child, volunteer), 0)
            over += np.where(new_face & full, self.problem.weights.circle_over, 0)
            repeat += np.where(child >= 0, self._repeat_price(slot, child, volunteer), 0)
        return {"load": load, "pair": pair, "circle_over": over, "repeat": repeat}

    def _repeat_price(self, slot: int, child: Ints, volunteer: Ints) -> Ints:
        """Return the price of meeting on two service days running; the day's other half pays already."""
        day = slot // 2 + 1
        before, after = self.tables.day_before[child, day], self.tables.day_after[child, day]
        met_before = (self.at[child, before] == volunteer[:, None]).any(axis=1)
        met_after = (self.at[child, after] == volunteer[:, None]).any(axis=1) & (after > 0)
        other_half = self.at[child, day, 1 - slot % 2] == volunteer
        times = np.where(other_half, 0, met_before.astype(np.int64) + met_after)
        return np.asarray(times * self.tables.repeat_cost[child], dtype=np.int64)


def improve(ledger: Ledger, arcs: Arcs, slots: Ints) -> int:
    """Re-plan the slots in the given order; return by how much the total fell."""
    return sum(_replan(ledger, arcs, slot) for slot in slots.tolist())


def _replan(ledger: Ledger, arcs: Arcs, slot: int) -> int:
    """Give one slot's duties out anew, at least total; return by how much the total fell."""
    duties = ledger.duties
    first, last = np.searchsorted(duties.slot, [slot, slot + 1]).tolist()
    begin, end = arcs.start[first], arcs.start[last]
    duty, volunteer = arcs.duty[begin:end], arcs.volunteer[begin:end]
    which = np.arange(first, last)
    had = ledger.volunteer[which].copy()
    ledger.release(which)
    open_now = ledger.bookings.has_room(slot)[volunteer]
    duty, volunteer, standing = duty[open_now], volunteer[open_now], arcs.price[begin:end][open_now]
    price = ledger.prices(slot, duty, volunteer, standing)
    people, column = np.unique(volunteer, return_inverse=True)
    matrix = np.full((len(which), len(people) + len(which)), FORBIDDEN)
    matrix[duty - first, column] = price
    undone = len(people) + np.arange(len(which))
    matrix[np.arange(len(which)), undone] = duties.price[which]
    rows, chosen = linear_sum_assignment(matrix)
    had_column = np.where(had >= 0, np.searchsorted(people, had), undone)
    before = matrix[np.arange(len(which)), had_column].sum()
    after = matrix[rows, chosen].sum()
    if after < before:
        done = chosen < len(people)
        ledger.take(which[rows[done]], people[chosen[done]])
        return int(before - after)
    ledger.take(which[had >= 0], had[had >= 0])
    return 0


FORBIDDEN = 1e12
