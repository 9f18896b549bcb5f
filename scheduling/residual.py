"""Who does what, and who could: the network in which a repair looks for the least change.

    duty -> (volunteer, slot) -> (volunteer, week) -> volunteer
A duty that wants somebody takes a cell that is free, or the cell of another duty, which then wants somebody itself;
where the person's week is full, another duty of the same week is given up for it. Breadth first, the first free cell
ends a shortest augmenting path (Ford and Fulkerson 1956; Edmonds and Karp 1972): no repair changes fewer duties, and
no duty that was done is left undone by one. Household, calendar month and couples do not fit into this network: paths
that break them are passed over, and the length that the network alone allows is kept as what is proved.

Everything is arrays, read by compiled loops.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scheduling.compiled import compiled
from scheduling.cost import standing_price
from scheduling.feasibility import Bookings
from scheduling.flow import Duties, list_arcs
from scheduling.problem import Problem
from scheduling.slots import Ledger
from scheduling.tables import Bools, Ints, RunTable

FREE = -1
CLOSED = -2  # away, asked elsewhere, or standing by


class Board(NamedTuple):
    """The network's arrays. N duties, V volunteers, C children, S slots, W weeks, M months, A arcs.

    The first block changes with every move; `holder` is -1 for nobody, `cell` a duty, FREE or CLOSED.
    """

    holder: Ints  # (N,)
    cell: NDArray[np.int32]  # (V, S)
    week_room: Ints  # (V, W)
    month_room: Ints  # (V, M)
    duties: Ints  # (V,) duties so far, past ones included
    rides: NDArray[np.int16]  # (C, V)
    faces: Ints  # (C,)
    at: Ints  # (C, D + 1, 2)
    held_price: Ints  # (N,) the standing price of a duty's holder

    start: Ints  # (N + 1,) into the arcs
    person: Ints  # (A,)
    price: Ints  # (A,)
    slot: Ints  # (N,)
    children: Ints  # (N, K), -1 for nobody
    partner_seat: Ints  # (N,) the other duty of the same run, or -1
    movable: Bools  # (N,) may change hands at all
    week_of: Ints  # (S,)
    month_of: Ints  # (S,)
    week_first: Ints  # (W + 1,) a week's first slot; the next one's ends it
    load_unit: NDArray[np.float64]  # (V,)
    known: Bools  # (C, V)
    target: Ints  # (C,)
    repeat_cost: Ints  # (C,)
    day_before: Ints  # (C, D + 1)
    day_after: Ints  # (C, D + 1)
    together: Ints  # (V,)
    kin_start: Ints  # (V + 1,)
    kin: Ints
    weights: Ints  # pair_new, pair_known, circle_over

    layer: NDArray[np.int32]  # (N,) scratch: steps from the duty that wants somebody, -1 outside
    leads_on: Bools  # (N,) scratch: lies on a shortest way to a free cell


def lay_out(problem: Problem) -> tuple[Board, Duties, RunTable]:
    """Return the board of a problem in which every run that has a driver names him as promised."""
    runs = RunTable(problem, problem.runs or ())
    duties = _all_duties(problem, runs)
    tables, bookings = problem.tables, Bookings(problem.tables)
    arcs = list_arcs(problem, runs, duties, bookings)
    holder = np.array(
        [
            (problem.promised_second if second else problem.promised).get(run, -1)
            for run, second in zip(duties.run.tolist(), duties.second.tolist(), strict=True)
        ],
        dtype=np.int64,
    )
    held = np.flatnonzero(holder >= 0)
    cell = np.where(tables.busy, CLOSED, FREE).astype(np.int32)
    standing_by = [(v, 2 * slot.day + slot.direction) for slot, v in problem.promised_standby.items()]
    people, slots = np.array(standing_by, dtype=np.int64).reshape(-1, 2).T
    bookings.book(people, slots)
    cell[people, slots] = CLOSED
    count = tables.served + np.bincount(people, minlength=len(problem.volunteers))
    ledger = Ledger(problem, duties, bookings, count)
    ledger.take(held, holder[held])
    cell[holder[held], duties.slot[held]] = held
    held_price = np.zeros(len(duties), dtype=np.int64)
    held_price[held] = standing_price(problem, runs, duties.run[held], holder[held])
    kin: list[list[int]] = [[] for _ in problem.volunteers]
    for one, other in tables.household:
        kin[one].append(other)
        kin[other].append(one)
    weights = problem.weights
    days = np.arange(problem.slots) // 2
    return (
        _contiguous(
            Board(
                holder=holder,
                cell=cell,
                week_room=tables.cap_week[:, None] - bookings.week,
                month_room=tables.cap_month[:, None] - bookings.month,
                duties=ledger.count,
                rides=ledger.rides,
                faces=ledger.faces,
                at=ledger.at,
                held_price=held_price,
                start=arcs.start,
                person=arcs.volunteer,
                price=arcs.price,
                slot=duties.slot,
                children=duties.children,
                partner_seat=_other_seats(duties),
                movable=np.ones(len(duties), dtype=bool),
                week_of=tables.week_of_day[days],
                month_of=tables.month_of_day[days],
                week_first=np.searchsorted(tables.week_of_day[days], np.arange(tables.weeks + 1)),
                load_unit=tables.load_unit,
                known=tables.known,
                target=tables.circle_target,
                repeat_cost=tables.repeat_cost,
                day_before=tables.day_before,
                day_after=tables.day_after,
                together=tables.together,
                kin_start=np.cumsum([0, *map(len, kin)]),
                kin=np.array([other for others in kin for other in others], dtype=np.int64),
                weights=np.array([weights.pair_new, weights.pair_known, weights.circle_over], dtype=np.int64),
                layer=np.full(len(duties), -1, dtype=np.int32),
                leads_on=np.zeros(len(duties), dtype=bool),
            )
        ),
        duties,
        runs,
    )


def _contiguous(board: Board) -> Board:
    """Return the board with every array in one piece, so that the loops are compiled for one layout only."""
    return Board._make(map(np.ascontiguousarray, board))


def _all_duties(problem: Problem, runs: RunTable) -> Duties:
    """Return every seat of every run, promised or not, in order of slot."""
    drivers, seconds = np.arange(len(runs.runs)), np.flatnonzero(runs.second_adult)
    run = np.concatenate([drivers, seconds])
    second = np.arange(len(run)) >= len(drivers)
    order = np.lexsort((run, second, runs.slot[run])) if len(run) else run
    run, second = run[order], second[order]
    price = problem.weights.uncovered_child_leg * runs.size[run]
    return Duties(run, second, runs.slot[run], price, np.where(second[:, None], -1, runs.children[run]))


def _other_seats(duties: Duties) -> Ints:
    others = np.full(len(duties), -1, dtype=np.int64)
    driver = {int(duties.run[at]): at for at in np.flatnonzero(~duties.second).tolist()}
    for at in np.flatnonzero(duties.second).tolist():
        mate = driver[int(duties.run[at])]
        others[at], others[mate] = mate, at
    return others


@compiled
def lift(board: Board, duty: int) -> int:
    """Take a duty from its holder; return by how much the wishes become cheaper (a negative price)."""
    person, slot = board.holder[duty], board.slot[duty]
    board.holder[duty] = -1
    board.cell[person, slot] = FREE
    board.week_room[person, board.week_of[slot]] += 1
    board.month_room[person, board.month_of[slot]] += 1
    board.duties[person] -= 1
    for seat in range(board.children.shape[1]):
        child = board.children[duty, seat]
        if child >= 0:
            board.at[child, slot // 2 + 1, slot % 2] = -1
            board.rides[child, person] -= 1
            if board.rides[child, person] == 0:
                board.faces[child] -= 1
    return int(-(board.held_price[duty] + wishes(board, duty, person)))


@compiled
def place(board: Board, duty: int, person: int, standing: int) -> int:
    """Give a duty that nobody has to somebody; return its price, `standing` included."""
    price = standing + wishes(board, duty, person)
    slot = board.slot[duty]
    board.holder[duty] = person
    board.held_price[duty] = standing
    board.cell[person, slot] = duty
    board.week_room[person, board.week_of[slot]] -= 1
    board.month_room[person, board.month_of[slot]] -= 1
    board.duties[person] += 1
    for seat in range(board.children.shape[1]):
        child = board.children[duty, seat]
        if child >= 0:
            board.at[child, slot // 2 + 1, slot % 2] = person
            if board.rides[child, person] == 0:
                board.faces[child] += 1
            board.rides[child, person] += 1
    return price


@compiled
def wishes(board: Board, duty: int, person: int) -> int:
    """Return what a duty, nobody's now, would cost with this person beside its standing price (`Ledger.wishes`)."""
    price = int(np.rint(board.load_unit[person] * (2 * (board.duties[person] + 1) - 1)))
    day, half = board.slot[duty] // 2 + 1, board.slot[duty] % 2
    for seat in range(board.children.shape[1]):
        child = board.children[duty, seat]
        if child < 0:
            continue
        if board.rides[child, person] == 0:
            price += board.weights[1] if board.known[child, person] else board.weights[0]
            if board.faces[child] >= board.target[child]:
                price += board.weights[2]
        if board.at[child, day, 1 - half] == person:
            continue  # the day's other half pays already
        before, after = board.day_before[child, day], board.day_after[child, day]
        if board.at[child, before, 0] == person or board.at[child, before, 1] == person:
            price += board.repeat_cost[child]
        if after > 0 and (board.at[child, after, 0] == person or board.at[child, after, 1] == person):
            price += board.repeat_cost[child]
    return price


@compiled
def least_changes(board: Board, duty: int, is_strict: bool) -> int:
    """Return how many duties change hands, this one included, so that it has somebody; 0: none do.

    Marks `layer` and `leads_on` for `list_repairs`. `is_strict` keeps household, months and couples on each step.
    """
    board.layer[:] = -1
    board.leads_on[:] = False
    people, weeks = board.week_room.shape
    seen = np.zeros((people, weeks), dtype=np.bool_)
    queue = np.empty(len(board.slot), dtype=np.int64)
    queue[0], head, tail, found = duty, 0, 1, 0
    board.layer[duty] = 0
    while head < tail:
        here = queue[head]
        head += 1
        depth = board.layer[here]
        if found and depth >= found:
            break
        slot = board.slot[here]
        week = board.week_of[slot]
        for arc in range(board.start[here], board.start[here + 1]):
            person = board.person[arc]
            taken = board.cell[person, slot]
            if taken == CLOSED or (is_strict and not _is_partnered(board, here, person)):
                continue
            if taken >= 0:
                if (
                    board.layer[taken] < 0
                    and board.movable[taken]
                    and not (is_strict and _is_tied(board, taken))
                ):
                    board.layer[taken] = depth + 1
                    queue[tail] = taken
                    tail += 1
                continue
            if is_strict and _has_kin_out(board, person, slot):
                continue
            is_full = board.week_room[person, week] <= 0
            month_full = is_strict and board.month_room[person, board.month_of[slot]] <= 0
            if not is_full and not month_full:
                found = depth + 1
                board.leads_on[here] = True
                break
            if not is_strict and seen[person, week]:
                continue
            seen[person, week] = True
            first, last = _slots_to_give(board, week, is_full)
            for other in range(first, last):
                given = board.cell[person, other]
                if given < 0 or board.layer[given] >= 0 or not board.movable[given]:
                    continue
                if not _makes_room(board, slot, other, is_full, month_full):
                    continue
                if is_strict and _is_tied(board, given):
                    continue
                board.layer[given] = depth + 1
                queue[tail] = given
                tail += 1
    if found:
        _mark_ways(board, queue, tail, found, is_strict)
    return found


@compiled
def _mark_ways(board: Board, queue: Ints, tail: int, found: int, is_strict: bool) -> None:
    """Mark, from the free cells back, which duties lie on a shortest way."""
    for at in range(tail - 1, -1, -1):
        here = queue[at]
        depth = board.layer[here]
        if depth > found - 1 or board.leads_on[here]:
            continue
        slot = board.slot[here]
        week = board.week_of[slot]
        for arc in range(board.start[here], board.start[here + 1]):
            person = board.person[arc]
            taken = board.cell[person, slot]
            if taken == CLOSED:
                continue
            if taken >= 0:
                if board.layer[taken] == depth + 1 and board.leads_on[taken]:
                    board.leads_on[here] = True
                    break
                continue
            is_full = board.week_room[person, week] <= 0
            month_full = is_strict and board.month_room[person, board.month_of[slot]] <= 0
            if not is_full and not month_full:
                if depth == found - 1:
                    board.leads_on[here] = True
                    break
                continue
            first, last = _slots_to_give(board, week, is_full)
            for other in range(first, last):
                given = board.cell[person, other]
                leads_on = given >= 0 and board.layer[given] == depth + 1 and board.leads_on[given]
                if leads_on and _makes_room(board, slot, other, is_full, month_full):
                    board.leads_on[here] = True
                    break
            if board.leads_on[here]:
                break


@compiled
def _slots_to_give(board: Board, week: int, is_full: bool) -> tuple[int, int]:
    """Return the slots, from and until, in one of which a duty must be given up."""
    if is_full:
        return board.week_first[week], board.week_first[week + 1]
    return 0, board.cell.shape[1]


@compiled
def _makes_room(board: Board, slot: int, other: int, is_full: bool, month_full: bool) -> bool:
    """Whether giving up a duty in slot `other` makes room for one in `slot`."""
    if is_full and board.week_of[other] != board.week_of[slot]:
        return False
    return not (month_full and board.month_of[other] != board.month_of[slot])


@compiled
def _has_kin_out(board: Board, person: int, slot: int) -> bool:
    for at in range(board.kin_start[person], board.kin_start[person + 1]):
        if board.cell[board.kin[at], slot] != FREE:
            return True
    return False


@compiled
def _is_partnered(board: Board, duty: int, person: int) -> bool:
    """Whether the person drives alone, or the partner has the other seat."""
    if board.together[person] < 0:
        return True
    mate = board.partner_seat[duty]
    return bool(mate >= 0 and board.holder[mate] == board.together[person])


@compiled
def _is_tied(board: Board, duty: int) -> bool:
    """Whether the duty's holder drives with somebody who would be left alone."""
    return bool(board.holder[duty] >= 0 and board.together[board.holder[duty]] >= 0)


@compiled
def list_repairs(
    board: Board, duty: int, steps: int, is_pruned: bool, most: int, prices: Ints, ways: Ints, used: Ints
) -> int:
    """Note, for each of the duty's arcs, the cheapest repair of exactly `steps` changes that begins with it.

    `prices` (arcs of the duty,): its price, left alone where there is none cheaper. `ways` (arcs, 2 x steps): duty and
    person, step by step. `used`: one number, how many ways were tried; the search ends after `most`. The board is left
    as it was. Returns how many arcs have got a repair.
    """
    current = np.full(steps, -1, dtype=np.int64)  # the duty that wants somebody at each step
    arc_at = np.zeros(steps, dtype=np.int64)
    give_at = np.full(steps, -1, dtype=np.int64)  # the slot whose duty is given up; -1: not begun
    given = np.full(steps, -1, dtype=np.int64)  # the duty given up at each step, to be put back
    back = np.zeros(steps, dtype=np.int64)  # whose it was
    back_price = np.zeros(steps, dtype=np.int64)
    spent = np.zeros(steps + 1, dtype=np.int64)
    slots = board.cell.shape[1]
    found, depth = 0, 0
    current[0], arc_at[0] = duty, board.start[duty]
    while depth >= 0:
        if given[depth] >= 0:  # come back from a deeper step: put things back
            lift(board, current[depth])
            place(board, given[depth], back[depth], back_price[depth])
            given[depth] = -1
        here = current[depth]
        if arc_at[depth] >= board.start[here + 1] or used[0] >= most:
            depth -= 1
            continue
        arc = arc_at[depth]
        person, slot = board.person[arc], board.slot[here]
        taken = board.cell[person, slot]
        is_back = depth > 0 and back[depth - 1] == person  # it would return to who has just given it up
        if taken == CLOSED or is_back or not _is_partnered(board, here, person):
            arc_at[depth] += 1
            give_at[depth] = -1
            continue
        if taken < 0 and give_at[depth] < 0 and _has_kin_out(board, person, slot):
            arc_at[depth] += 1
            continue
        is_full = taken < 0 and board.week_room[person, board.week_of[slot]] <= 0
        month_full = taken < 0 and board.month_room[person, board.month_of[slot]] <= 0
        if taken < 0 and not is_full and not month_full:
            if depth == steps - 1:
                used[0] += 1
                total = spent[depth] + board.price[arc] + wishes(board, here, person)
                nth = arc_at[0] - board.start[duty]
                if total < prices[nth]:
                    found += 1
                    prices[nth] = total
                    for step in range(steps):
                        ways[nth, 2 * step] = current[step]
                        ways[nth, 2 * step + 1] = board.person[arc_at[step]]
            arc_at[depth] += 1
            give_at[depth] = -1
            continue
        if depth == steps - 1:
            arc_at[depth] += 1
            give_at[depth] = -1
            continue
        chosen = -1
        if taken >= 0:
            if give_at[depth] < 0:
                give_at[depth] = slots
                chosen = taken
        else:
            first, last = _slots_to_give(board, board.week_of[slot], is_full)
            for other in range(max(give_at[depth] + 1, first), last):
                give_at[depth] = other
                if board.cell[person, other] >= 0 and _makes_room(board, slot, other, is_full, month_full):
                    chosen = board.cell[person, other]
                    break
        if chosen < 0:
            arc_at[depth] += 1
            give_at[depth] = -1
            continue
        if not board.movable[chosen] or _is_tied(board, chosen) or np.any(current[: depth + 1] == chosen):
            continue
        if is_pruned and not (board.layer[chosen] == depth + 1 and board.leads_on[chosen]):
            continue
        used[0] += 1
        given[depth], back[depth], back_price[depth] = chosen, person, board.held_price[chosen]
        price = lift(board, chosen)
        price += place(board, here, person, board.price[arc])
        spent[depth + 1] = spent[depth] + price
        depth += 1
        current[depth], arc_at[depth], give_at[depth] = chosen, board.start[chosen], -1
    return found
