"""One child's drivers over the whole horizon, chosen together.

Half-days taken one by one can end in a knot: each of two neighbouring days waits for the other to change.
For a child who rides alone, a beam search over its rides in date order unties it, everybody else's duties
left as they are. A new row of drivers is taken only if the total falls.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from scheduling.cost import PLEDGE_STEP, pair_price
from scheduling.flow import Arcs
from scheduling.problem import Problem, Turning
from scheduling.slots import Ledger


def untie(ledger: Ledger, arcs: Arcs) -> int:
    """Choose the drivers anew of each child whose rule to rotate is broken; return by how much the total fell."""
    return sum(_replan_child(ledger, arcs, child) for child in _in_knots(ledger))


def _in_knots(ledger: Ledger) -> list[int]:
    """Return the children with a rule to rotate, riding alone, who have somebody two service days running."""
    problem, knots = ledger.problem, []
    for child, rider in enumerate(problem.children):
        if rider.turning is Turning.RULE and _repeats(ledger, child):
            knots.append(child)
    return knots


def _repeats(ledger: Ledger, child: int) -> bool:
    at, before = ledger.at[child], ledger.tables.day_before[child]
    today, earlier = at[1:], at[before[1:]]
    same = (today[:, :, None] == earlier[:, None, :]) & (today >= 0)[:, :, None]
    return bool(same.any())


def _replan_child(ledger: Ledger, arcs: Arcs, child: int) -> int:
    duties = ledger.duties
    mine = (duties.children == child).any(axis=1)
    which = np.flatnonzero(mine & ((duties.children >= 0).sum(axis=1) == 1))
    had = ledger.volunteer[which].copy()
    ledger.release(which)
    search = _Beam(ledger, arcs, child, which.tolist())
    before = search.price([None if volunteer < 0 else volunteer for volunteer in had.tolist()])
    after, row = search.best()
    if after >= before:
        after, row = before, tuple(had.tolist())
    chosen = np.array([-1 if volunteer is None else volunteer for volunteer in row], dtype=np.int64)
    ledger.take(which[chosen >= 0], chosen[chosen >= 0])
    return before - after


@dataclass(frozen=True)
class _State:
    """Drivers of the rides so far, and what they cost."""

    price: int
    drivers: tuple[int | None, ...]
    used: Counter[int]
    used_week: Counter[tuple[int, int]]


class _Beam:
    """The rides of one child (positions of duties in date order), all released in the ledger."""

    cap: dict[int, int]

    def __init__(self, ledger: Ledger, arcs: Arcs, child: int, which: list[int]) -> None:
        self.ledger, self.child, self.which = ledger, child, which
        problem: Problem = ledger.problem
        self.target = problem.children[child].circle_target
        self.over = problem.weights.circle_over
        self.repeat = int(ledger.tables.repeat_cost[child])
        self.slot = [int(ledger.duties.slot[duty]) for duty in which]
        self.week = [int(ledger.tables.week_of_day[slot // 2]) for slot in self.slot]
        self.month = [int(ledger.tables.month_of_day[slot // 2]) for slot in self.slot]
        self.undone = [int(ledger.duties.price[duty]) for duty in which]
        self.options: list[dict[int, int]] = []  # volunteer -> standing price
        for duty, slot in zip(which, self.slot, strict=True):
            begin, end = arcs.start[duty], arcs.start[duty + 1]
            people, price = arcs.volunteer[begin:end], arcs.price[begin:end]
            free = ~ledger.bookings.taken[people, slot]
            self.options.append(dict(zip(people[free].tolist(), price[free].tolist(), strict=True)))
        self._note_prices()

    def _note_prices(self) -> None:
        """Copy out of the arrays what is asked for thousands of times."""
        ledger, tables, child = self.ledger, self.ledger.tables, self.child
        people = np.array(
            sorted({volunteer for option in self.options for volunteer in option}), dtype=np.int64
        )
        alike = np.full(len(people), child)
        self.load_unit = dict(zip(people.tolist(), tables.load_unit[people].tolist(), strict=True))
        pledged = tables.pledged[people] + tables.served[people] - tables.week_used[people].sum(axis=1)
        self.pledged = dict(zip(people.tolist(), pledged.tolist(), strict=True))
        self.count = dict(zip(people.tolist(), ledger.count[people].tolist(), strict=True))
        self.is_new = dict(zip(people.tolist(), (ledger.rides[child, people] == 0).tolist(), strict=True))
        self.pair: dict[int, int] = dict(
            zip(people.tolist(), pair_price(ledger.problem, alike, people).tolist(), strict=True)
        )
        self.faces = int(ledger.faces[child])
        self.cap = dict(zip(people.tolist(), tables.cap_week[people].tolist(), strict=True))
        self.cap_month = dict(zip(people.tolist(), tables.cap_month[people].tolist(), strict=True))
        self.used_before = {
            (volunteer, week): int(ledger.bookings.week[volunteer, week])
            for volunteer in people.tolist()
            for week in set(self.week)
        }
        self.at: list[list[int]] = ledger.at[child].tolist()
        self.days: list[tuple[int, int, int]] = [
            (day, int(tables.day_before[child, day]), int(tables.day_after[child, day]))
            for day in (slot // 2 + 1 for slot in self.slot)
        ]

    def best(self) -> tuple[int, tuple[int | None, ...]]:
        """Return the least price found and its drivers."""
        states = [_State(0, (), Counter(), Counter())]
        for ride in range(len(self.which)):
            grown = [
                self._extend(state, ride, volunteer)
                for state in states
                for volunteer in [*self.options[ride], None]
                if volunteer is None or self._has_room(state, ride, volunteer)
            ]
            states = _thin(grown)
        return states[0].price, states[0].drivers

    def price(self, drivers: list[int | None]) -> int:
        """Return what a given row of drivers costs."""
        state = _State(0, (), Counter(), Counter())
        for ride, volunteer in enumerate(drivers):
            state = self._extend(state, ride, volunteer)
        return state.price

    def _has_room(self, state: _State, ride: int, volunteer: int) -> bool:
        week, month = self.week[ride], self.month[ride]
        if self.used_before[volunteer, week] + state.used_week[volunteer, week] >= self.cap[volunteer]:
            return False
        before = int(self.ledger.bookings.month[volunteer, month])
        used = sum(
            driver == volunteer and self.month[earlier] == month
            for earlier, driver in enumerate(state.drivers)
        )
        return bool(before + used < self.cap_month[volunteer])

    def _extend(self, state: _State, ride: int, volunteer: int | None) -> _State:
        if volunteer is None:
            undone = self.undone[ride]
            return _State(state.price + undone, (*state.drivers, None), state.used, state.used_week)
        used, used_week = state.used.copy(), state.used_week.copy()
        used[volunteer] += 1
        used_week[volunteer, self.week[ride]] += 1
        price = state.price + self.options[ride][volunteer] + self._price(state, ride, volunteer)
        return _State(price, (*state.drivers, volunteer), used, used_week)

    def _price(self, state: _State, ride: int, volunteer: int) -> int:
        nth = self.count[volunteer] + state.used[volunteer] + 1
        price: int = round(self.load_unit[volunteer] * (2 * nth - 1))
        price += PLEDGE_STEP if nth > self.pledged[volunteer] else 0
        if self.is_new[volunteer] and not state.used[volunteer]:
            new = sum(1 for other in state.used if self.is_new[other])
            price += self.pair[volunteer] + (self.over if self.faces + new >= self.target else 0)
        return price + self.repeat * self._times_running(state, ride, volunteer)

    def _times_running(self, state: _State, ride: int, volunteer: int) -> int:
        """Return how many neighbouring service days get this driver too, this day's other half not yet his."""
        today, before, after = self.days[ride]
        met: dict[int, bool] = {today: volunteer in self.at[today], before: volunteer in self.at[before]}
        for earlier in range(max(0, ride - 3), ride):  # the day before and this one have no more rides
            if state.drivers[earlier] == volunteer:
                met[self.days[earlier][0]] = True
        if met[today]:
            return 0
        met_after = after > 0 and volunteer in self.at[after]
        return int(met[before]) + int(met_after)


def _thin(states: list[_State]) -> list[_State]:
    """Return the cheapest states, of those with the same last days' drivers and duties only one."""
    kept: dict[object, _State] = {}
    for state in sorted(
        states, key=lambda state: (state.price, tuple(-1 if d is None else d for d in state.drivers))
    ):
        kept.setdefault((state.drivers[-4:], frozenset(state.used_week.items())), state)
        if len(kept) == BEAM:
            break
    return list(kept.values())


BEAM = 60
