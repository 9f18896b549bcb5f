"""Accompanied first rides: who should get to know a child whose circle is too narrow, and on which ride.

A half-day of a child's week is thin while fewer than ENOUGH people who know it can drive then: a driver, one who has a
turn off, one in reserve. The newcomer who helps on most thin half-days is proposed, of equals the one with the smallest
detour; he rides along once beside a driver whom the child knows. Nobody joins a circle by this: that is the
coordinator's word, and the family's to hear.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from scheduling.feasibility import SECOND_RULES, STANDING, Bookings, promised_bookings
from scheduling.plan import Rule
from scheduling.problem import Problem
from scheduling.tables import Bools, Ints, RunTable


@dataclass(frozen=True, slots=True)
class Narrow:
    """A child and its thin half-days (weekday x 2 + direction), each with how many who know it can drive then."""

    child: int
    thin: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class FirstRide:
    """A ride on which a newcomer gets to know a child. `detour_km`: his way there and home."""

    child: int
    newcomer: int
    run: int
    driver: int
    helps: int  # thin half-days on which he could drive afterwards
    detour_km: float


def narrow_circles(problem: Problem) -> tuple[Narrow, ...]:
    """Return the children of the problem's runs who have a thin half-day, those with fewest people first."""
    return _Circles(problem).narrow()


def propose_first_rides(
    problem: Problem, *, joinable: Collection[int], newcomers: Collection[int] | None = None, limit: int = 10
) -> tuple[FirstRide, ...]:
    """Return at most one first ride a child, a newcomer and a run, most urgent first.

    `joinable`: promised runs that somebody may join. `newcomers`: who may be proposed (default: everybody).
    """
    circles = _Circles(problem)
    allowed = np.ones(len(problem.volunteers), dtype=bool)
    if newcomers is not None:
        allowed[:] = False
        allowed[list(newcomers)] = True
    found: list[FirstRide] = []
    left = set(joinable) & problem.promised.keys()
    for narrow in circles.narrow():
        ride = circles.first_ride(narrow, allowed, left)
        if ride is None:
            continue
        found.append(ride)
        allowed[ride.newcomer] = False
        left.remove(ride.run)
        if len(found) == limit:
            break
    return tuple(found)


class _Circles:
    """The runs of a problem before its volunteers, whatever the circles say now."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.tables = problem, problem.tables
        self.runs = RunTable(problem, problem.runs or ())
        self.bookings: Bookings = promised_bookings(problem)
        self.half = 2 * self.tables.weekday[self.runs.day] + self.runs.direction
        self.familiar: Bools = np.zeros_like(self.tables.known)
        for index, child in enumerate(problem.children):
            self.familiar[index, list(child.familiar)] = True

    def narrow(self) -> tuple[Narrow, ...]:
        found = []
        for child in sorted({int(child) for child in self.runs.children.ravel() if child >= 0}):
            may = self._may(child)
            counts = {half: int((who & self.tables.known[child]).sum()) for half, who in may.items()}
            thin = tuple((half, people) for half, people in sorted(counts.items()) if people < ENOUGH)
            if thin:
                found.append(Narrow(child, thin))
        return tuple(sorted(found, key=lambda one: (min(people for _, people in one.thin), one.child)))

    def first_ride(self, narrow: Narrow, allowed: Bools, joinable: Collection[int]) -> FirstRide | None:
        """Return the best newcomer for a child who has a ride to join, with the ride of his smallest detour."""
        child, may = narrow.child, self._may(narrow.child)
        helps = np.sum([may[half] for half, _ in narrow.thin], axis=0)
        has_room = (self.bookings.week < self.tables.cap_week[:, None]).any(axis=1)
        good = allowed & has_room & ~self.tables.known[child] & (helps > 0)
        rides = [row for row in self._rows(child).tolist() if row in joinable and self._is_known(row)]
        best: FirstRide | None = None
        for row in rides:
            seat = np.flatnonzero(good & self._may_sit(row))
            km = self.runs.detour_km(np.full(len(seat), row), seat)
            for place in np.lexsort((seat, np.round(km, 3), -helps[seat]))[:1].tolist():
                who = int(seat[place])
                driver = self.problem.promised[row]
                ride = FirstRide(child, who, row, driver, int(helps[who]), round(float(km[place]), 3))
                if best is None or (-ride.helps, ride.detour_km, row) < (
                    -best.helps,
                    best.detour_km,
                    best.run,
                ):
                    best = ride
        return best

    def _rows(self, child: int) -> Ints:
        return np.flatnonzero((self.runs.children == child).any(axis=1))

    def _may(self, child: int) -> dict[int, Bools]:
        """Return, by half-day of the child's week, who can usually drive then as far as standing rules say."""
        rows = self._rows(child)
        keeps = np.ones((len(rows), len(self.problem.volunteers)), dtype=bool)
        for rule, holds in STANDING.items():
            if rule not in (Rule.ONLY_FAMILIAR, Rule.DECLINED):
                keeps &= holds(self.tables, self.runs, rows)
        halves = self.half[rows]
        return {half: keeps[halves == half].mean(axis=0) >= USUALLY for half in np.unique(halves).tolist()}

    def _is_known(self, row: int) -> bool:
        """Whether every child of the run knows its driver, and the car has a seat to spare."""
        driver = self.problem.promised[row]
        children = list(self.problem.run_children(self.runs.runs[row]))
        has_seat = self.problem.volunteers[driver].seats > int(self.runs.seats[row])
        return has_seat and bool(self.familiar[children, driver].all())

    def _may_sit(self, row: int) -> Bools:
        """Return who may sit in the car that half-day: all that protects the children holds, but the circle."""
        keeps = self.bookings.free_slot(int(self.runs.slot[row])) & self.bookings.no_kin(
            int(self.runs.slot[row])
        )
        keeps &= self.tables.together < 0
        for rule in SECOND_RULES:
            if rule not in (Rule.ONLY_FAMILIAR, Rule.DECLINED, Rule.TOGETHER):
                keeps &= STANDING[rule](self.tables, self.runs, np.array([row]))[0]
        return np.asarray(keeps, dtype=bool)


ENOUGH = 3  # as `circles.REDUNDANCY`: a driver, one who has a turn off, one in reserve
USUALLY = 0.5  # of the half-day's dates in the horizon
