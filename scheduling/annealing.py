"""Simulated annealing over the whole horizon, compiled: what re-planning one half-day at a time cannot reach.

A proposal hands one duty to somebody else and puts right what that disturbs: two people swap their duties of a
half-day, or who takes the duty gives up another one of the same week or half-day to a third. Nine proposals of ten
name somebody whom the child has on another day already: that is where circles shrink. A proposal that costs more is
taken with probability exp(-cost / temperature), and the temperature falls (Kirkpatrick, Gelatt, Vecchi 1983).

Moves are counted, not timed: the same duties, arcs and seed give the same drivers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scheduling.compiled import compiled
from scheduling.cost import PLEDGE_STEP, load_price
from scheduling.flow import Arcs
from scheduling.slots import Ledger
from scheduling.tables import Ints

Small = NDArray[np.int32]


class _State(NamedTuple):
    """Who does what at this moment, in all the ways that prices need."""

    driver: Small  # (N,) volunteer or -1
    arc: Ints  # (N,) the arc that the duty uses, or -1
    duty: Small  # (V, S) the duty, FREE or TAKEN
    week: Small  # (V, W) duties
    month: Small  # (V, M)
    done: Small  # (V,) duties of this search
    rides: NDArray[np.int16]  # (C, V)
    faces: Small  # (C,)
    at: Small  # (C, D + 1, 2) volunteer or -1; day 0 is the past


class _Prices(NamedTuple):
    slot: Small  # (N,)
    children: Small  # (N, K), -1 for nobody
    undone: Ints  # (N,)
    arc: Small  # (A,)
    load: Small  # (V, most duties): what the next duty costs
    pledged: Small  # (V,): so many duties of this search are within the pledge
    pair: NDArray[np.int16]  # (C, V)
    before: Small  # (C, D + 1)
    after: Small  # (C, D + 1)
    repeat: Small  # (C,)
    target: Small  # (C,)
    over: int


class _Choices(NamedTuple):
    """Who may do what, and where to look for somebody."""

    start: Ints  # (N + 1,)
    volunteer: Small  # (A,)
    week_of: Small  # (S,)
    month_of: Small  # (S,)
    week_cap: Small  # (V,)
    month_cap: Small  # (V,)
    slots_of_week: Small  # (W, most slots in a week), -1 for none
    same_half_day: Small  # (S, most slots of one weekday and leg), -1 for none
    duty_of: Small  # (C, S) or -1
    known_start: Small  # (C + 1,)
    known: Small
    movable: Small  # duties with somebody who may do them


def anneal(
    ledger: Ledger, arcs: Arcs, *, seed: int, moves: int = 0, progress: Callable[[], float] | None = None
) -> int:
    """Make so many proposals; return by how much the total fell. The ledger is left as it was if it did not.

    `progress`: asked now and then; which part of the time is over, from 0 to 1. It decides the temperature and the
    end in place of `moves`.
    """
    choices = _choices(ledger, arcs)
    if not len(choices.movable):
        return 0
    state, prices = _state(ledger, arcs), _prices(ledger, arcs)
    dice = np.array([(2 * seed + 1) * 0x9E3779B97F4A7C15 % 2**64], dtype=np.uint64)
    total, made, done, step = 0, 0, 0.0, PLEDGE_STEP
    while done < 1.0:
        temperature = HOT * (COLD / HOT) ** done
        total += (round(SOFTEST * temperature) - step) * _beyond_pledges(state, prices)
        step = round(SOFTEST * temperature)
        chunk = CHUNK if progress is not None else min(CHUNK, moves - made)
        total += _propose(chunk, dice, temperature, step, state, prices, choices)
        made += chunk
        done = progress() if progress is not None else made / moves
    total += (PLEDGE_STEP - step) * _beyond_pledges(state, prices)
    if total >= 0:
        return 0
    changed = np.flatnonzero(ledger.volunteer != state.driver)
    ledger.release(changed)
    taken = changed[state.driver[changed] >= 0]
    ledger.take(taken, state.driver[taken].astype(np.int64))
    return -total


def _beyond_pledges(state: _State, prices: _Prices) -> int:
    return int(np.maximum(state.done - prices.pledged, 0).sum())


def _state(ledger: Ledger, arcs: Arcs) -> _State:
    duties, done = ledger.duties, np.flatnonzero(ledger.volunteer >= 0)
    people = ledger.volunteer[done]
    duty = np.where(ledger.bookings.taken, TAKEN, FREE).astype(np.int32)
    duty[people, duties.slot[done]] = done
    used = np.full(len(duties), -1, dtype=np.int64)
    mine = ledger.volunteer[arcs.duty] == arcs.volunteer
    used[arcs.duty[mine]] = np.flatnonzero(mine)
    return _State(
        driver=ledger.volunteer.astype(np.int32),
        arc=used,
        duty=duty,
        week=ledger.bookings.week.astype(np.int32),
        month=ledger.bookings.month.astype(np.int32),
        done=np.bincount(people, minlength=len(ledger.count)).astype(np.int32),
        rides=ledger.rides.copy(),
        faces=ledger.faces.astype(np.int32),
        at=ledger.at.astype(np.int32),
    )


def _prices(ledger: Ledger, arcs: Arcs) -> _Prices:
    tables, weights, duties = ledger.tables, ledger.problem.weights, ledger.duties
    mine = np.bincount(ledger.volunteer[ledger.volunteer >= 0], minlength=len(ledger.count))
    most = int((tables.cap_week * tables.weeks).max(initial=0)) + 1
    before = ledger.count - mine
    nth = before[:, None] + np.arange(1, most + 1)
    people = np.repeat(np.arange(len(nth)), most)
    in_these_weeks = before - tables.served + tables.week_used.sum(axis=1)
    return _Prices(
        slot=duties.slot.astype(np.int32),
        children=_to_the_left(duties.children).astype(np.int32),
        undone=duties.price,
        arc=arcs.price.astype(np.int32),
        load=load_price(tables, people, nth.ravel()).reshape(nth.shape).astype(np.int32),
        pledged=(tables.pledged - in_these_weeks).astype(np.int32),
        pair=np.where(tables.known, weights.pair_known, weights.pair_new).astype(np.int16),
        before=tables.day_before.astype(np.int32),
        after=tables.day_after.astype(np.int32),
        repeat=tables.repeat_cost.astype(np.int32),
        target=tables.circle_target.astype(np.int32),
        over=weights.circle_over,
    )


def _choices(ledger: Ledger, arcs: Arcs) -> _Choices:
    tables, duties = ledger.tables, ledger.duties
    slots = np.arange(ledger.problem.slots)
    week_of = tables.week_of_day[slots // 2]
    half_day = 2 * tables.weekday[slots // 2] + slots % 2
    duty_of = np.full((len(tables.known), len(slots)), -1, dtype=np.int32)
    for seat in range(duties.children.shape[1]):
        here = np.flatnonzero(duties.children[:, seat] >= 0)
        duty_of[duties.children[here, seat], duties.slot[here]] = here
    child, known = np.nonzero(tables.known)
    return _Choices(
        start=arcs.start,
        volunteer=arcs.volunteer.astype(np.int32),
        week_of=week_of.astype(np.int32),
        month_of=tables.month_of_day[slots // 2].astype(np.int32),
        week_cap=tables.cap_week.astype(np.int32),
        month_cap=tables.cap_month.astype(np.int32),
        slots_of_week=_rows([slots[week_of == week] for week in range(tables.weeks)]),
        same_half_day=_rows([slots[half_day == half_day[slot]] for slot in slots]),
        duty_of=duty_of,
        known_start=np.searchsorted(child, np.arange(len(tables.known) + 1)).astype(np.int32),
        known=known.astype(np.int32),
        movable=np.flatnonzero(np.diff(arcs.start) > 0).astype(np.int32),
    )


def _rows(lists: list[Ints]) -> Small:
    """Return lists of different lengths as one array, filled up with -1."""
    rows = np.full((len(lists), max(map(len, lists), default=0)), -1, dtype=np.int32)
    for row, found in zip(rows, lists, strict=True):
        row[: len(found)] = found
    return rows


def _to_the_left(children: Ints) -> Ints:
    """Return each row with its children first and nobodies last."""
    return np.take_along_axis(children, np.argsort(children < 0, axis=1, kind="stable"), axis=1)


@compiled
def _draw(dice: NDArray[np.uint64], sides: int) -> np.int64:
    """Return a number from 0 to sides - 1 (xorshift, Marsaglia 2003)."""
    x = dice[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    dice[0] = x
    return np.int64((x >> np.uint64(11)) % np.uint64(sides))


@compiled
def _find(start: Ints, volunteers: Small, duty: int, volunteer: int) -> int:
    """Return the arc of a duty to a volunteer, or -1."""
    low, high = start[duty], start[duty + 1]
    while low < high:
        middle = (low + high) >> 1
        if volunteers[middle] < volunteer:
            low = middle + 1
        else:
            high = middle
    return low if low < start[duty + 1] and volunteers[low] == volunteer else -1


@compiled
def _give(
    duty: int, arc: int, who: int, sign: int, step: int, state: _State, prices: _Prices, choices: _Choices
) -> int:
    """Give a duty to somebody (sign 1) or take it back (sign -1); return by how much the total grows."""
    slot = prices.slot[duty]
    day, leg = slot // 2 + 1, slot % 2
    if sign < 0:
        state.done[who] -= 1
    price = prices.arc[arc] + prices.load[who, state.done[who]]
    if state.done[who] >= prices.pledged[who]:
        price += step
    if sign > 0:
        state.done[who] += 1
    for seat in range(prices.children.shape[1]):
        child = prices.children[duty, seat]
        if child < 0:
            break
        if sign < 0:
            state.rides[child, who] -= 1
            state.at[child, day, leg] = -1
        if state.rides[child, who] == 0:
            price += prices.pair[child, who]
            if sign < 0:
                state.faces[child] -= 1
            if state.faces[child] >= prices.target[child]:
                price += prices.over
            if sign > 0:
                state.faces[child] += 1
        if state.at[child, day, 1 - leg] != who:  # else the day's other half pays already
            earlier, later = prices.before[child, day], prices.after[child, day]
            if state.at[child, earlier, 0] == who or state.at[child, earlier, 1] == who:
                price += prices.repeat[child]
            if later > 0 and (state.at[child, later, 0] == who or state.at[child, later, 1] == who):
                price += prices.repeat[child]
        if sign > 0:
            state.rides[child, who] += 1
            state.at[child, day, leg] = who
    state.driver[duty] = who if sign > 0 else -1
    state.arc[duty] = arc if sign > 0 else -1
    state.duty[who, slot] = duty if sign > 0 else FREE
    state.week[who, choices.week_of[slot]] += sign
    state.month[who, choices.month_of[slot]] += sign
    total: int = sign * price
    return total


@compiled
def _somebody(duty: int, dice: NDArray[np.uint64], state: _State, prices: _Prices, choices: _Choices) -> int:
    """Return an arc of the duty, most often to somebody whom one of its children has on another day, or -1."""
    start = choices.start[duty]
    options = choices.start[duty + 1] - start
    if options == 0:
        return -1
    riders = 0
    for seat in range(prices.children.shape[1]):
        riders += prices.children[duty, seat] >= 0
    kind = _draw(dice, 100)
    if riders == 0 or kind < ANYBODY:
        anybody: int = start + _draw(dice, options)
        return anybody
    child = prices.children[duty, _draw(dice, riders)]
    if kind < ANYBODY + KNOWN_BEFORE:
        many = choices.known_start[child + 1] - choices.known_start[child]
        if many == 0:
            return -1
        who = choices.known[choices.known_start[child] + _draw(dice, many)]
    else:
        slot = _draw(dice, choices.duty_of.shape[1])
        if kind < ANYBODY + KNOWN_BEFORE + SAME_HALF_DAY:
            row = prices.slot[duty]
            slot = choices.same_half_day[row, _draw(dice, choices.same_half_day.shape[1])]
            if slot < 0:
                return -1
        other = choices.duty_of[child, slot]
        if other < 0:
            return -1
        who = state.driver[other]
        if who < 0:
            return -1
    return _find(choices.start, choices.volunteer, duty, who)


@compiled
def _has_room(who: int, slot: int, state: _State, choices: _Choices) -> bool:
    week, month = choices.week_of[slot], choices.month_of[slot]
    below_week = state.week[who, week] < choices.week_cap[who]
    return bool(below_week and state.month[who, month] < choices.month_cap[who])


@compiled
def _another(who: int, slot: int, dice: NDArray[np.uint64], state: _State, choices: _Choices) -> int:
    """Return a duty that somebody would have to give up for one more in the slot's week, or -1."""
    week = choices.week_of[slot]
    found, many = -1, 0
    for index in range(choices.slots_of_week.shape[1]):
        other = choices.slots_of_week[week, index]
        if other >= 0 and state.duty[who, other] >= 0:
            many += 1
            if _draw(dice, many) == 0:
                found = state.duty[who, other]
    return found


@compiled
def _propose(
    moves: int,
    dice: NDArray[np.uint64],
    temperature: float,
    step: int,
    state: _State,
    prices: _Prices,
    choices: _Choices,
) -> int:
    """Make so many proposals at one temperature; return by how much the total grew."""
    total = 0
    for _ in range(moves):
        duty = choices.movable[_draw(dice, len(choices.movable))]
        arc = _somebody(duty, dice, state, prices, choices)
        if arc < 0:
            continue
        had, who, slot = state.driver[duty], choices.volunteer[arc], prices.slot[duty]
        if who == had or state.duty[who, slot] == TAKEN:
            continue
        given_up = state.duty[who, slot]  # this half-day's, else one of the week's
        if given_up == FREE and not _has_room(who, slot, state, choices):
            given_up = _another(who, slot, dice, state, choices)
            if given_up < 0:
                continue
        chance = 1.0 - _draw(dice, 1 << 40) / (1 << 40)
        most = -temperature * np.log(chance)
        had_arc = state.arc[duty]
        if given_up < 0:  # a plain change of hands
            change = (
                -prices.undone[duty]
                if had < 0
                else _give(duty, had_arc, had, -1, step, state, prices, choices)
            )
            change += _give(duty, arc, who, 1, step, state, prices, choices)
            if change <= most:
                total += change
            else:
                _give(duty, arc, who, -1, step, state, prices, choices)
                if had >= 0:
                    _give(duty, had_arc, had, 1, step, state, prices, choices)
            continue
        other_slot, up_arc = prices.slot[given_up], state.arc[given_up]
        change = _give(given_up, up_arc, who, -1, step, state, prices, choices)
        change += (
            -prices.undone[duty] if had < 0 else _give(duty, had_arc, had, -1, step, state, prices, choices)
        )
        fits = state.duty[who, slot] == FREE and _has_room(who, slot, state, choices)
        taker, taker_arc = -1, -1
        if fits:
            change += _give(duty, arc, who, 1, step, state, prices, choices)
            if had >= 0 and _draw(dice, 10) < BACK_TO_HIM:
                taker_arc = _find(choices.start, choices.volunteer, given_up, had)
            if taker_arc < 0:
                taker_arc = _somebody(given_up, dice, state, prices, choices)
            if taker_arc >= 0:
                taker = choices.volunteer[taker_arc]
                if state.duty[taker, other_slot] != FREE or not _has_room(taker, other_slot, state, choices):
                    taker = -1
            if taker >= 0:
                change += _give(given_up, taker_arc, taker, 1, step, state, prices, choices)
            else:
                change += prices.undone[given_up]
                # nobody's for nobody's: the same number of legs stays open, elsewhere
                fits = had < 0 and prices.undone[given_up] == prices.undone[duty]
            if fits and change <= most:
                total += change
                continue
            if taker >= 0:
                _give(given_up, taker_arc, taker, -1, step, state, prices, choices)
            _give(duty, arc, who, -1, step, state, prices, choices)
        if had >= 0:
            _give(duty, had_arc, had, 1, step, state, prices, choices)
        _give(given_up, up_arc, who, 1, step, state, prices, choices)
    return total


FREE, TAKEN = -1, -2  # in _State.duty: nothing, or something that this search may not touch
HOT, COLD = 100.0, 8.0  # prices are whole numbers of which a new face costs 120
SOFTEST = 20  # a duty beyond somebody's pledge costs as many times the temperature, in the end PLEDGE_STEP
CHUNK = 50_000  # moves at one temperature
ANYBODY, KNOWN_BEFORE, SAME_HALF_DAY = (
    10,
    8,
    40,
)  # of a hundred proposals; the others look at any day of the child
BACK_TO_HIM = 7  # of ten: who gives his duty away is offered the one that is given up for it
