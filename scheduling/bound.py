"""A proven lower bound of a plan's total: Lagrangian relaxation by volunteer.

Every duty gets a reward for being done, every child a price for one more driver in its circle. Given these, each
volunteer by himself picks what pays him best under all of his own rules: one duty a half-day, his weeks' caps, loads
that cost more and more, a new child's price once, the same child on two days running. Rewards minus what all
volunteers earn is a lower bound, whatever the rewards are (Geoffrion 1974); a subgradient ascent with averaged
directions makes them good (the volume algorithm, Barahona and Anbil 2000). It starts from the flow's dual prices.

A pick is found by branch and bound over which children he meets and which repeats he avoids. Where that is cut short
its upper bound counts, so the result is a bound in any case.

Duties left undone are priced low here, so that the rewards stay comparable. What can be done together is a matroid
(a gammoid), so one choice leaves least undone under all prices that rank duties alike: the difference between the
true and the low prices of what it leaves undone may be added to the bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scheduling.compiled import compiled
from scheduling.cost import load_price, pair_floor, pair_price
from scheduling.feasibility import Bookings
from scheduling.flow import Arcs, Duties, cover
from scheduling.problem import Problem, Weights
from scheduling.tables import Ints
from scheduling.travel import Floats

Small = NDArray[np.int32]


@dataclass(frozen=True)
class Proof:
    """What the bound is proven for: duties and arcs without any rule that binds two people, and the flow of them.

    `met`: (C, V) whom a child meets by promise already, at no further price; `sure`: what promises cost in any case.
    """

    problem: Problem
    duties: Duties
    arcs: Arcs
    bookings: Bookings
    count: Ints
    flow: Ints  # a volunteer or -1 per duty
    met: NDArray[np.bool_]
    sure: int


def prove(proof: Proof, *, best: int, rounds: int = 0, progress: Callable[[], float] | None = None) -> int:
    """Return a lower bound of every plan's total, made better in so many rounds.

    `best`: the total of the best plan known; it decides the length of the steps. `progress`: asked every round; which
    part of the time is over, from 0 to 1, in place of `rounds`.
    """
    if not len(proof.duties):
        return proof.sure
    undone = np.minimum(
        proof.duties.price, LOW_UNDONE * np.maximum((proof.duties.children >= 0).sum(axis=1), 1)
    )
    market = _market(proof)
    rewards = np.minimum(_dual_prices(proof, market), undone)
    left = _least_undone(proof)
    beside = float((proof.duties.price[left] - undone[left]).sum() + proof.sure)
    return int(
        np.floor(beside + _ascend(proof, market, rewards, undone, best - beside, rounds, progress) + 1e-6)
    )


def _ascend(
    proof: Proof,
    market: _Market,
    rewards: Floats,
    undone: Floats,
    goal: float,
    rounds: int,
    progress: Callable[[], float] | None,
) -> float:
    """Return the best bound found on the way up, without what stands beside it."""
    weights, tables = proof.problem.weights, proof.problem.tables
    growth = np.zeros(len(tables.known))
    riding = np.isin(np.arange(len(growth)), proof.duties.children)
    room = np.where(riding, tables.circle_target - proof.met.sum(axis=1), 0).astype(np.float64)
    best, length, weak = -np.inf, LONG_STEPS if rounds >= MANY_ROUNDS else SHORT_STEPS, 0
    way_rewards, way_growth = np.zeros_like(rewards), np.zeros_like(growth)
    quick = market._replace(repeat=np.zeros_like(market.repeat))
    turn, over = 0, 0.0
    while over < 1.0:
        done, faces = np.zeros(len(rewards)), np.zeros(len(growth))
        is_quick = over < QUICK
        earned = _earnings(
            rewards, growth, quick if is_quick else market, QUICK_NODES if is_quick else NODES, done, faces
        )
        value = float(rewards.sum() - growth @ room - earned)
        if value > best:
            best, weak = value, 0
        else:
            weak += 1
        if weak >= PATIENCE:
            length, weak = 0.7 * length, 0
        lack, excess = 1.0 - done, np.where(riding, faces - room, 0.0)
        share = 1.0 if turn == 0 else AVERAGED
        way_rewards = share * lack + (1 - share) * way_rewards
        way_growth = share * excess + (1 - share) * way_growth
        # what cannot move further does not count for the length of the step
        free = ~((rewards >= undone) & (way_rewards > 0) | (rewards <= 0) & (way_rewards < 0))
        open_circle = ~((growth <= 0) & (way_growth < 0) | (growth >= weights.circle_over) & (way_growth > 0))
        norm = float((way_rewards[free] ** 2).sum() + (way_growth[open_circle] ** 2).sum())
        step = length * max(goal - value, 1.0) / max(norm, 1e-9)
        rewards = np.clip(rewards + step * way_rewards, 0, undone)
        growth = np.clip(growth + step * way_growth, 0, weights.circle_over)
        turn += 1
        over = progress() if progress is not None else turn / rounds
    return best


class _Market(NamedTuple):
    """Arcs by volunteer and half-day, and everything that a volunteer's pick is priced by."""

    first: Ints  # (V + 1,) of his arcs
    duty: Ints  # (A,)
    price: Floats  # (A,)
    slot: Small  # (A,)
    riders: Small  # (A, K) positions among his own children, -1 for nobody
    first_child: Ints  # (V + 1,) of his children
    child: Ints  # (B,)
    meeting: Floats  # (B,) what it costs to meet the child at all
    is_new: Floats  # (B,) 1 where meeting makes the circle grow
    load: Floats  # (V, most duties)
    room: Ints  # (V, W)
    week: Ints  # (S,)
    before: Ints  # (C, D + 1) the service day before, days counted from 1
    repeat: Floats  # (C,)


def _market(proof: Proof) -> _Market:
    problem, duties, arcs = proof.problem, proof.duties, proof.arcs
    tables, people = problem.tables, len(problem.volunteers)
    order = np.lexsort((arcs.duty, duties.slot[arcs.duty], arcs.volunteer))
    duty, volunteer = arcs.duty[order], arcs.volunteer[order]
    children = duties.children[duty]
    children = np.take_along_axis(children, np.argsort(children < 0, axis=1, kind="stable"), axis=1)
    many = len(tables.known)
    keys = np.where(children >= 0, volunteer[:, None] * many + children, -1)
    own = np.unique(keys[keys >= 0])
    first_child = np.searchsorted(own, np.arange(people + 1) * many)
    riders = np.where(keys >= 0, np.searchsorted(own, keys) - first_child[volunteer][:, None], -1)
    who, child = own // many, own % many
    is_new = ~proof.met[child, who]
    most = int((tables.cap_week * tables.weeks).max(initial=0)) + 1
    nth = proof.count[:, None] + np.arange(1, most + 1)
    return _Market(
        first=np.searchsorted(volunteer, np.arange(people + 1)),
        duty=duty,
        price=arcs.price[order].astype(np.float64),
        slot=duties.slot[duty].astype(np.int32),
        riders=riders.astype(np.int32),
        first_child=first_child,
        child=child,
        meeting=np.where(is_new, pair_price(problem, child, who), 0).astype(np.float64),
        is_new=is_new.astype(np.float64),
        load=load_price(tables, np.repeat(np.arange(people), most), nth.ravel())
        .reshape(nth.shape)
        .astype(np.float64),
        room=np.maximum(tables.cap_week[:, None] - proof.bookings.week, 0),
        week=tables.week_of_day[np.arange(problem.slots) // 2],
        before=tables.day_before,
        repeat=tables.repeat_cost.astype(np.float64),
    )


def _least_undone(proof: Proof) -> NDArray[np.bool_]:
    """Return what a choice leaves undone that covers the most, every wish forgotten."""
    weights = proof.problem.weights
    nothing = dict.fromkeys(Weights.__dataclass_fields__, 0)
    coverage = {
        "uncovered_child_leg": weights.uncovered_child_leg,
        "uncovered_standby": weights.uncovered_standby,
    }
    problem = replace(proof.problem, weights=Weights(**{**nothing, **coverage}))
    arcs = replace(proof.arcs, price=np.zeros_like(proof.arcs.price))
    found = cover(problem, proof.duties, arcs, proof.bookings, proof.count, within_pledges=False)
    return np.asarray(found.volunteer < 0, dtype=bool)


def _dual_prices(proof: Proof, market: _Market) -> Floats:
    """Return what one more of each duty would cost the flow: shortest ways in its residual network (Bellman, Ford)."""
    arcs, duties = proof.arcs, proof.duties
    price = arcs.price + pair_floor(proof.problem, duties.children[arcs.duty], arcs.volunteer)
    return _residual_prices(
        arcs.start,
        arcs.volunteer,
        price.astype(np.float64),
        duties.slot,
        duties.price.astype(np.float64),
        proof.flow,
        market,
    )


@compiled
def _residual_prices(
    start: Ints, volunteer: Ints, price: Floats, slot: Ints, undone: Floats, flow: Ints, market: _Market
) -> Floats:
    people, weeks, slots = len(market.first) - 1, market.room.shape[1], len(market.week)
    by_duty, used_price = undone.copy(), np.zeros(len(slot))
    by_slot, by_week = np.full((people, slots), np.inf), np.full((people, weeks), np.inf)
    by_person, duties = np.full(people, np.inf), np.zeros(people, dtype=np.int64)
    used, at = np.zeros((people, weeks), dtype=np.int64), np.full((people, slots), -1, dtype=np.int64)
    for duty in range(len(slot)):
        who = flow[duty]
        if who >= 0:
            duties[who] += 1
            used[who, market.week[slot[duty]]] += 1
            at[who, slot[duty]] = duty
            for arc in range(start[duty], start[duty + 1]):
                if volunteer[arc] == who:
                    used_price[duty] = price[arc]
    for who in range(people):
        if duties[who] < market.load.shape[1]:
            by_person[who] = market.load[who, duties[who]]
    for _ in range(MOST_PASSES):
        has_changed = False
        for who in range(people):
            for week in range(weeks):
                if used[who, week] > 0 and by_week[who, week] < by_person[who] - 1e-7:
                    by_person[who] = by_week[who, week]
                    has_changed = True
                if used[who, week] < market.room[who, week] and by_person[who] < by_week[who, week] - 1e-7:
                    by_week[who, week] = by_person[who]
                    has_changed = True
            for half_day in range(slots):
                week, duty = market.week[half_day], at[who, half_day]
                if duty >= 0:
                    if by_duty[duty] - used_price[duty] < by_slot[who, half_day] - 1e-7:
                        by_slot[who, half_day] = by_duty[duty] - used_price[duty]
                        has_changed = True
                    if by_slot[who, half_day] < by_week[who, week] - 1e-7:
                        by_week[who, week] = by_slot[who, half_day]
                        has_changed = True
                elif by_week[who, week] < by_slot[who, half_day] - 1e-7:
                    by_slot[who, half_day] = by_week[who, week]
                    has_changed = True
        for duty in range(len(slot)):
            for arc in range(start[duty], start[duty + 1]):
                who = volunteer[arc]
                if who != flow[duty] and price[arc] + by_slot[who, slot[duty]] < by_duty[duty] - 1e-7:
                    by_duty[duty] = price[arc] + by_slot[who, slot[duty]]
                    has_changed = True
        if not has_changed:
            break
    return by_duty


@compiled
def _earnings(
    rewards: Floats, growth: Floats, market: _Market, nodes: int, done: Floats, faces: Floats
) -> float:
    """Return the most that all volunteers together can earn, or a little more; count their picks and new faces."""
    total = 0.0
    most = 0
    for who in range(len(market.first) - 1):
        most = max(most, market.first_child[who + 1] - market.first_child[who])
    cost, is_met = np.empty(most), np.zeros(most, dtype=np.bool_)
    picked = np.empty(market.load.shape[1] + len(market.week), dtype=np.int64)
    for who in range(len(market.first) - 1):
        first = market.first_child[who]
        many = market.first_child[who + 1] - first
        for own in range(many):
            cost[own] = (
                market.meeting[first + own] + market.is_new[first + own] * growth[market.child[first + own]]
            )
        earned, picks = _best_pick(who, rewards, cost, many, market, nodes, picked)
        total += earned
        is_met[:many] = False
        for index in range(picks):
            arc = picked[index]
            done[market.duty[arc]] += 1
            for seat in range(market.riders.shape[1]):
                own = market.riders[arc, seat]
                if own >= 0 and not is_met[own]:
                    is_met[own] = True
                    faces[market.child[first + own]] += market.is_new[first + own]
    return total


@compiled
def _best_pick(
    who: int, rewards: Floats, cost: Floats, many: int, market: _Market, nodes: int, picked: Ints
) -> tuple[float, int]:
    """Return the most that a volunteer can earn (or an upper bound), and how many duties his best known pick has."""
    seats, first = market.riders.shape[1], market.first_child[who]
    room, load = market.room[who], market.load[who]
    arcs = np.empty(market.first[who + 1] - market.first[who], dtype=np.int64)
    gain = np.empty(len(arcs))
    worth = np.zeros(many)
    count = 0
    for arc in range(market.first[who], market.first[who + 1]):
        pays = rewards[market.duty[arc]] - market.price[arc]
        if pays > load[0] and room[market.week[market.slot[arc]]] > 0:
            arcs[count], gain[count] = arc, pays
            count += 1
            for seat in range(seats):
                if market.riders[arc, seat] >= 0:
                    worth[market.riders[arc, seat]] += pays - load[0]
    # what a child's meeting costs each of its rides at least: it is spread over as many as there can be
    often = _rides_at_most(who, arcs, count, many, cost, market)
    status, share = np.full(many, UNDECIDED), np.zeros(many)
    for own in range(many):
        if often[own] == 0 or worth[own] <= cost[own]:
            status[own] = CLOSED
        else:
            share[own] = cost[own] / often[own]
    barred, used = np.zeros(count + 1, dtype=np.int64), np.zeros(many, dtype=np.int64)
    size = len(market.week) + 1
    value, chosen, pick = np.empty(size), np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int64)
    of_child = np.empty(many + count + 1, dtype=np.bool_)
    one, other = np.empty(many + count + 1, dtype=np.int64), np.empty(many + count + 1, dtype=np.int64)
    is_second = np.empty(many + count + 1, dtype=np.bool_)
    depth, visited, picks, fixed, known, most = 0, 0, 0, 0.0, 0.0, 0.0
    while True:
        visited += 1
        upper, size = _greedy(
            arcs, count, gain, share, status, barred, room, load, market, value, chosen, pick
        )
        upper -= fixed
        branch = -1
        if upper > known + 0.01:
            true = 0.0
            for index in range(size):
                true += gain[pick[index]] - load[index]
                for seat in range(seats):
                    own = market.riders[arcs[pick[index]], seat]
                    if own >= 0:
                        used[own] += 1
            widest = 1e-9
            for index in range(size):
                for seat in range(seats):
                    own = market.riders[arcs[pick[index]], seat]
                    if own >= 0 and used[own] > 0:
                        true -= cost[own]
                        if status[own] == UNDECIDED and cost[own] - share[own] * used[own] > widest:
                            widest, branch = cost[own] - share[own] * used[own], own
                        used[own] = 0
            by_child, heaviest, late, early, whose = branch >= 0, 0.0, -1, -1, -1
            for index in range(size):
                for before in range(size):
                    own = _same_child_day_before(arcs[pick[index]], arcs[pick[before]], first, market)
                    if own >= 0:
                        weight = market.repeat[market.child[first + own]]
                        true -= weight
                        if weight > heaviest:
                            heaviest, late, early, whose = weight, pick[index], pick[before], own
            if true > known:
                known, picks = true, size
                for index in range(size):
                    picked[index] = arcs[pick[index]]
            if branch < 0 and late >= 0:
                by_child = status[whose] == UNDECIDED  # first his meeting must be paid, then repeats
                branch = whose if by_child else late
                if not by_child:
                    most = max(most, upper - heaviest)  # both rides, and the repeat paid
            if branch < 0 or visited >= nodes or upper <= known + 0.01:
                branch = -1
                most = max(most, upper)
        if branch >= 0:
            of_child[depth], one[depth], other[depth], is_second[depth] = by_child, branch, early, False
            if by_child:
                status[branch] = OPEN
                fixed += cost[branch]
            else:
                barred[branch] += 1
            depth += 1
            continue
        while depth > 0:
            last = depth - 1
            if not is_second[last]:
                is_second[last] = True
                if of_child[last]:
                    status[one[last]] = CLOSED
                    fixed -= cost[one[last]]
                else:
                    barred[one[last]] -= 1
                    barred[other[last]] += 1
                break
            if of_child[last]:
                status[one[last]] = UNDECIDED
            else:
                barred[other[last]] -= 1
            depth -= 1
        if depth == 0:
            return max(known, most), picks


@compiled
def _rides_at_most(who: int, arcs: Ints, count: int, many: int, cost: Floats, market: _Market) -> Ints:
    """Return how often each child may ride with him: within his weeks' room, and not on two days running where a
    repeat costs more than the shares of the two rides that it allows."""
    weeks, first = market.room.shape[1], market.first_child[who]
    rides, apart = np.zeros((many, weeks), dtype=np.int64), np.zeros((many, weeks), dtype=np.int64)
    # per child, most rides apart on the days before today: all of them, and without yesterday
    best, best_apart = np.zeros(many, dtype=np.int64), np.zeros(many, dtype=np.int64)
    day, today = np.full(many, -9, dtype=np.int64), np.zeros(many, dtype=np.int64)
    for index in range(count):
        on, week = market.slot[arcs[index]] // 2, market.week[market.slot[arcs[index]]]
        for seat in range(market.riders.shape[1]):
            own = market.riders[arcs[index], seat]
            if own < 0:
                continue
            if day[own] != on:
                with_last = max(best[own], best_apart[own] + today[own])
                if day[own] < 0 or market.week[2 * day[own]] != week:
                    best[own], best_apart[own] = 0, 0
                elif on == day[own] + 1:
                    best_apart[own], best[own] = best[own], with_last
                else:
                    best_apart[own], best[own] = with_last, with_last
                day[own], today[own] = on, 0
            today[own] += 1
            rides[own, week] += 1
            apart[own, week] = max(best[own], best_apart[own] + today[own])
    often = np.zeros(many, dtype=np.int64)
    for own in range(many):
        all_rides, all_apart = 0, 0
        for week in range(weeks):
            all_rides += min(market.room[who, week], rides[own, week])
            all_apart += min(market.room[who, week], apart[own, week])
        weight = market.repeat[market.child[first + own]]
        often[own] = all_apart if all_apart > 0 and 2 * cost[own] <= weight * all_apart else all_rides
    return often


@compiled
def _same_child_day_before(late: int, early: int, first: int, market: _Market) -> int:
    """Return a child of both arcs for whom the early one is on the service day before the late one's, or -1."""
    on, before = market.slot[late] // 2 + 1, market.slot[early] // 2 + 1
    if before >= on:
        return -1
    for seat in range(market.riders.shape[1]):
        own = market.riders[late, seat]
        if own >= 0:
            child = market.child[first + own]
            if market.before[child, on] == before and market.repeat[child] > 0:
                for other in range(market.riders.shape[1]):
                    if market.riders[early, other] == own:
                        return int(own)
    return -1


@compiled
def _greedy(
    arcs: Ints,
    count: int,
    gain: Floats,
    share: Floats,
    status: Ints,
    barred: Ints,
    room: Ints,
    load: Floats,
    market: _Market,
    value: Floats,
    chosen: Ints,
    pick: Ints,
) -> tuple[float, int]:
    """Return the most that can be earned where undecided children cost their share a ride, and how many duties it
    takes: the best of each half-day, of these each week's best within its room, of these while they pay more than
    the load."""
    found, begun, week, index = 0, 0, -1, 0
    while index < count:
        slot, best, arc = market.slot[arcs[index]], 0.0, -1
        while index < count and market.slot[arcs[index]] == slot:
            worth = gain[index]
            if worth > best and barred[index] == 0:
                for seat in range(market.riders.shape[1]):
                    own = market.riders[arcs[index], seat]
                    if own < 0:
                        break
                    if status[own] == CLOSED:
                        worth = -1.0
                        break
                    if status[own] == UNDECIDED:
                        worth -= share[own]
                if worth > best:
                    best, arc = worth, index
            index += 1
        if market.week[slot] != week:
            week, begun = market.week[slot], found
        if arc < 0:
            continue
        if found - begun < room[week]:
            at = found
            found += 1
        elif value[found - 1] < best:
            at = found - 1
        else:
            continue
        while at > begun and value[at - 1] < best:
            value[at], chosen[at] = value[at - 1], chosen[at - 1]
            at -= 1
        value[at], chosen[at] = best, arc
    for index in range(1, found):
        best, arc, at = value[index], chosen[index], index
        while at > 0 and value[at - 1] < best:
            value[at], chosen[at] = value[at - 1], chosen[at - 1]
            at -= 1
        value[at], chosen[at] = best, arc
    total, size = 0.0, 0
    while size < found and value[size] > load[size]:
        total += value[size] - load[size]
        pick[size] = chosen[size]
        size += 1
    return total, size


UNDECIDED, OPEN, CLOSED = -1, 1, 0  # whether a volunteer meets a child
LOW_UNDONE = 3_000  # more than a child's ride is worth in wishes; see the top
# Of a step, in Polyak's measure. Long steps lose ground for a hundred rounds and come out higher than short ones.
SHORT_STEPS, LONG_STEPS, MANY_ROUNDS = 0.03, 0.5, 250
AVERAGED = 0.1  # what the newest direction counts for
PATIENCE = 12  # rounds without gain before steps grow shorter
QUICK, QUICK_NODES = 0.7, 80  # so long repeats are left out, and picks cut short sooner
NODES = 400  # of one pick's branch and bound
MOST_PASSES = 1_000
