"""The part of the planning that one network proves: the most duties that can be done at all.

    duty -> (volunteer, slot), 1 -> (volunteer, week), what is left of the cap -> volunteer -> sink
The arcs to the sink carry one duty each at growing prices, which spreads the load; a duty may go to the
sink directly at the price of leaving it undone. OR-Tools' SimpleMinCostFlow, fed with arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from ortools.graph.python import min_cost_flow

from scheduling.cost import load_price, pair_floor, search_load_price, standing_price
from scheduling.feasibility import Bookings, eligible
from scheduling.problem import Problem
from scheduling.tables import Bools, Ints, RunTable, Tables


class StandbyDuty(NamedTuple):
    """A half-day on which somebody should stand by, and who may: shape (V,)."""

    slot: int
    may: Bools


@dataclass(frozen=True)
class Duties:
    """What needs a person, ordered by slot: drivers of runs, second adults, standbys.

    Arrays of length N; `children` is (N, most in a run), -1 for nobody and for all of a second adult's or standby's.
    """

    run: Ints  # below 0 for a standby: -1 - its position in `standbys`
    second: Bools
    slot: Ints
    price: Ints  # of leaving the duty undone
    children: Ints
    standbys: tuple[StandbyDuty, ...] = ()

    def __len__(self) -> int:
        return len(self.run)

    def where(self, mask: Bools) -> Duties:
        """Return those duties for which the mask is true."""
        return Duties(
            self.run[mask],
            self.second[mask],
            self.slot[mask],
            self.price[mask],
            self.children[mask],
            self.standbys,
        )


@dataclass(frozen=True)
class Arcs:
    """Who may do which duty: candidates of duty i are `volunteer[start[i] : start[i + 1]]`, ascending."""

    start: Ints
    duty: Ints
    volunteer: Ints
    price: Ints  # of what needs no other duty to be known: approach, return, reserve


@dataclass(frozen=True)
class Cover:
    """The flow's answer: a volunteer or -1 per duty, and the network's least total."""

    volunteer: Ints
    value: int


def list_duties(problem: Problem, runs: RunTable, standbys: tuple[StandbyDuty, ...] = ()) -> Duties:
    """Return all duties of the runs that nobody has promised yet, and these standbys."""
    drivers = [row for row in range(len(runs.runs)) if row not in problem.promised]
    seconds = [
        row for row in np.flatnonzero(runs.second_adult).tolist() if row not in problem.promised_second
    ]
    run = np.array([*drivers, *seconds, *(-1 - at for at in range(len(standbys)))], dtype=np.int64)
    second = np.isin(np.arange(len(run)), len(drivers) + np.arange(len(seconds)))
    slot = np.array([*runs.slot[drivers + seconds], *(one.slot for one in standbys)], dtype=np.int64)
    order = np.lexsort((np.abs(run), run < 0, second, slot))
    run, second, slot = run[order], second[order], slot[order]
    weights = problem.weights
    size = np.append(runs.size, 0)[np.maximum(run, -1)]
    price = np.where(run < 0, weights.uncovered_standby, weights.uncovered_child_leg * size)
    nobody = np.full((1, runs.children.shape[1]), -1, dtype=np.int64)
    children = np.vstack([runs.children, nobody])[np.where(second, -1, np.maximum(run, -1))]
    return Duties(run, second, slot, price, children, standbys)


def list_arcs(problem: Problem, runs: RunTable, duties: Duties, bookings: Bookings) -> Arcs:
    """Return everybody who may do each duty, with nothing but promises and bookings in the way.

    Raises ValueError where there are more such pairs than a plan of one piece can hold in memory.
    """
    counts, people, pairs = [np.zeros(1, dtype=np.int64)], [np.zeros(0, dtype=np.int64)], 0
    for slot in np.unique(duties.slot).tolist():
        first, last = np.searchsorted(duties.slot, [slot, slot + 1])
        mask = _may_do(problem, runs, duties, np.arange(first, last)) & bookings.open(slot)
        counts.append(mask.sum(axis=1))
        pairs += int(counts[-1].sum())
        if pairs > MOST_ARCS:
            raise ValueError(
                f"volunteers: more than {MOST_ARCS:,} pairs of a run and somebody who may drive it; plan fewer days"
                " at a time, or lower max_approach_km."
            )
        people.append(np.nonzero(mask)[1])
    start, volunteer = np.cumsum(np.concatenate(counts)), np.concatenate(people)
    duty = np.repeat(np.arange(len(duties)), np.diff(start))
    rides = duties.run[duty] >= 0
    price = np.zeros(len(duty), dtype=np.int64)
    price[rides] = standing_price(problem, runs, duties.run[duty[rides]], volunteer[rides])
    return Arcs(start, duty, volunteer, price)


def _may_do(problem: Problem, runs: RunTable, duties: Duties, which: Ints) -> Bools:
    """Return who may do each of the duties as far as standing rules say, shape (duties, V)."""
    run, second = duties.run[which], duties.second[which]
    mask = np.zeros((len(which), len(problem.volunteers)), dtype=bool)
    drives = (run >= 0) & ~second
    mask[drives] = eligible(problem.tables, runs, run[drives])
    if second.any():
        mask[second] = eligible(problem.tables, runs, run[second], second=True)
    for row in np.flatnonzero(run < 0).tolist():
        mask[row] = duties.standbys[-1 - run[row]].may
    return mask


def keep(arcs: Arcs, mask: Bools, duties: int) -> Arcs:
    """Return the arcs where the mask is true."""
    duty = arcs.duty[mask]
    start = np.concatenate([[0], np.cumsum(np.bincount(duty, minlength=duties))])
    return Arcs(start, duty, arcs.volunteer[mask], arcs.price[mask])


def cover(
    problem: Problem,
    duties: Duties,
    arcs: Arcs,
    bookings: Bookings,
    served: Ints,
    *,
    within_pledges: bool = True,
) -> Cover:
    """Return the cheapest way to leave as little undone as can be; where that is equal, everybody within his pledge.

    Without `within_pledges` prices are true or too low (a new face costs at least its share of `pair_new`), so
    `value` is a bound. `served`: duties per volunteer counted before, shape (V,).
    """
    if not len(duties):
        return Cover(np.zeros(0, dtype=np.int64), 0)
    tables, slots = problem.tables, problem.slots
    network = _Network()
    duty_nodes = network.nodes(len(duties))
    slot_key, slot_of_arc = np.unique(arcs.volunteer * slots + duties.slot[arcs.duty], return_inverse=True)
    slot_nodes = network.nodes(len(slot_key))
    week_of_key = tables.week_of_day[slot_key % slots // 2]
    week_key, week_of_slot = np.unique(slot_key // slots * tables.weeks + week_of_key, return_inverse=True)
    week_nodes = network.nodes(len(week_key))
    person_key, person_of_week = np.unique(week_key // tables.weeks, return_inverse=True)
    person_nodes = network.nodes(len(person_key))
    sink = network.nodes(1)
    price = arcs.price + pair_floor(problem, duties.children[arcs.duty], arcs.volunteer)
    network.add(duty_nodes[arcs.duty], slot_nodes[slot_of_arc], 1, price)
    network.add(slot_nodes, week_nodes[week_of_slot], 1, 0)
    room = (tables.cap_week[:, None] - bookings.week)[week_key // tables.weeks, week_key % tables.weeks]
    network.add(week_nodes, person_nodes[person_of_week], np.maximum(room, 0), 0)
    steps = np.minimum(
        np.bincount(person_of_week, weights=np.maximum(room, 0), minlength=len(person_key)).astype(np.int64),
        np.bincount(person_of_week[week_of_slot], minlength=len(person_key)),
    )
    unit = np.repeat(np.arange(len(person_key)), steps)
    nth = np.arange(len(unit)) - np.repeat(np.cumsum(steps) - steps, steps)
    load = search_load_price if within_pledges else load_price
    network.add(
        person_nodes[unit], sink, 1, load(tables, person_key[unit], served[person_key[unit]] + nth + 1)
    )
    network.add(duty_nodes, sink, 1, duties.price)
    flows, value = network.solve(duty_nodes, int(sink[0]))
    volunteer = np.full(len(duties), -1, dtype=np.int64)
    used = flows[: len(arcs.duty)] > 0
    volunteer[arcs.duty[used]] = arcs.volunteer[used]
    return Cover(volunteer, value)


def bar_kin(tables: Tables, duties: Duties, arcs: Arcs, volunteer: Ints) -> tuple[Arcs, bool]:
    """Return arcs under which no two of a household can meet in a slot, and whether the cover broke that.

    Of each pair the one who has the duty keeps the slot; where neither has one, they take turns by slot.
    """
    if not tables.household:
        return arcs, False
    on_duty = {(int(v), int(s)) for v, s in zip(volunteer, duties.slot, strict=True) if v >= 0}
    barred: set[tuple[int, int]] = set()
    for a, b in tables.household:
        for slot in np.unique(duties.slot).tolist():
            a_has = (a, slot) in on_duty and (a, slot) not in barred
            b_has = (b, slot) in on_duty and (b, slot) not in barred
            keeps_a = a_has or (not b_has and (slot + a) % 2 == 0)
            barred.add((b if keeps_a else a, slot))
    pairs = np.array(sorted(v * KEY + s for v, s in barred), dtype=np.int64)
    mask = ~np.isin(arcs.volunteer * KEY + duties.slot[arcs.duty], pairs)
    return keep(arcs, mask, len(duties)), bool(on_duty & barred)


def bar_full_months(
    tables: Tables, duties: Duties, arcs: Arcs, bookings: Bookings, volunteer: Ints
) -> tuple[Arcs, bool]:
    """Return arcs under which nobody gets more duties in a month than his cap, and whether the cover broke that.

    Weeks run across the ends of months, so one network cannot hold both. Who has too many keeps the first ones.
    """
    room = tables.cap_month[:, None] - bookings.month
    month = tables.month_of_day[duties.slot // 2]
    had: dict[tuple[int, int], list[int]] = {}
    for who, at, slot in zip(volunteer.tolist(), month.tolist(), duties.slot.tolist(), strict=True):
        if who >= 0:
            had.setdefault((who, at), []).append(slot)
    over = {key: slots for key, slots in had.items() if len(slots) > room[key]}
    mask = np.ones(len(arcs.duty), dtype=bool)
    for (who, at), slots in over.items():
        kept = slots[: max(0, int(room[who, at]))]
        his = (arcs.volunteer == who) & (month[arcs.duty] == at)
        mask &= ~his | np.isin(duties.slot[arcs.duty], kept)
    return keep(arcs, mask, len(duties)), bool(over)


def seat_couples(tables: Tables, duties: Duties, arcs: Arcs, volunteer: Ints) -> Arcs:
    """Return arcs that leave each couple one run a slot, one of them driving and the other as second adult.

    Of the runs whose two seats may be theirs: one in which the cover has them, else one that it left open, else the
    cheapest.
    """
    price = {
        (duty, who): cost
        for duty, who, cost in zip(
            arcs.duty.tolist(), arcs.volunteer.tolist(), arcs.price.tolist(), strict=True
        )
    }
    second_of = {int(duties.run[duty]): int(duty) for duty in np.flatnonzero(duties.second)}
    pairs = [
        (int(d), second_of[int(duties.run[d])])
        for d in np.flatnonzero(~duties.second)
        if int(duties.run[d]) in second_of
    ]
    kept: set[tuple[int, int]] = set()
    for a, b in tables.couples:
        best: dict[int, tuple[tuple[int, int], tuple[tuple[int, int], ...]]] = {}
        for driver, second in pairs:
            for first, other in ((a, b), (b, a)):
                seats = ((driver, first), (second, other))
                if not all(seat in price for seat in seats):
                    continue
                met = sum(int(volunteer[duty]) == who for duty, who in seats)
                is_open = bool(volunteer[driver] < 0 or volunteer[second] < 0)
                worth = (-2 * met - is_open, sum(price[seat] for seat in seats))
                slot = int(duties.slot[driver])
                best[slot] = min(best.get(slot, (worth, seats)), (worth, seats))
        kept.update(seat for _, seats in best.values() for seat in seats)
    return _keep_of_couples(tables, duties, arcs, kept)


def tie_couples(tables: Tables, duties: Duties, arcs: Arcs, volunteer: Ints, *, met: int) -> Arcs:
    """Return arcs that keep others from a run in which the cover has `met` or more of a couple, and bar the couple
    from all other runs. The arcs are those of `seat_couples`.
    """
    seats: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for duty, who in zip(arcs.duty.tolist(), arcs.volunteer.tolist(), strict=True):
        if tables.together[who] >= 0:
            couple = min(who, int(tables.together[who]))
            seats.setdefault((couple, int(duties.run[duty])), []).append((duty, who))
    kept = {
        seat
        for both in seats.values()
        if sum(int(volunteer[duty]) == who for duty, who in both) >= met
        for seat in both
    }
    others = np.isin(arcs.duty, [duty for duty, _ in kept]) & (tables.together[arcs.volunteer] < 0)
    return _keep_of_couples(tables, duties, keep(arcs, ~others, len(duties)), kept)


def _keep_of_couples(tables: Tables, duties: Duties, arcs: Arcs, kept: set[tuple[int, int]]) -> Arcs:
    seats = np.array(sorted(duty * KEY + who for duty, who in kept), dtype=np.int64)
    alone = tables.together[arcs.volunteer] < 0
    return keep(arcs, alone | np.isin(arcs.duty * KEY + arcs.volunteer, seats), len(duties))


class _Network:
    """Collects nodes and arcs as arrays and hands them to the solver in a few calls."""

    def __init__(self) -> None:
        self.size = 0
        self.solver = min_cost_flow.SimpleMinCostFlow()

    def nodes(self, count: int) -> Ints:
        self.size += count
        return np.arange(self.size - count, self.size)

    def add(self, tails: Ints, heads: Ints, capacity: Ints | int, price: Ints | int) -> None:
        tails, heads = np.broadcast_arrays(tails, heads)
        self.solver.add_arcs_with_capacity_and_unit_cost(
            tails.astype(np.int32),
            heads.astype(np.int32),
            np.broadcast_to(np.asarray(capacity, dtype=np.int64), tails.shape).copy(),
            np.broadcast_to(np.asarray(price, dtype=np.int64), tails.shape).copy(),
        )

    def solve(self, sources: Ints, sink: int) -> tuple[Ints, int]:
        """Return the flow on every arc, in the order of adding, and the total price."""
        supplies = np.zeros(self.size, dtype=np.int64)
        supplies[sources] = 1
        supplies[sink] = -len(sources)
        self.solver.set_nodes_supplies(np.arange(self.size, dtype=np.int32), supplies)
        status = self.solver.solve()
        if status != self.solver.OPTIMAL:
            raise RuntimeError(f"The flow ended with {status}, which its direct arcs to the sink rule out.")
        arcs = np.arange(self.solver.num_arcs(), dtype=np.int32)
        return np.asarray(self.solver.flows(arcs), dtype=np.int64), int(self.solver.optimal_cost())


def undone_legs(duties: Duties, runs: RunTable, volunteer: Ints) -> int:
    """Return how many child legs a cover leaves without driver or second adult."""
    open_runs: Sequence[int] = np.unique(duties.run[(volunteer < 0) & (duties.run >= 0)]).tolist()
    return int(runs.size[open_runs].sum())


MOST_ARCS = 6_000_000  # twice ten districts of a month
KEY = 1 << 20  # more than any number of slots, or of volunteers
