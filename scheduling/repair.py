"""After a no, a day off, a sick child, a broken car: the least that must change so that every ride has somebody again.

`stand_ins` ranks whom to ask for one run, everything else left as it is. A `Desk` looks further: where nobody is free
it lets somebody who is take over another duty first, and proves how few promises that takes (`scheduling.residual`).
Of repairs that change equally few, the plan's own prices decide. The duty that wants somebody comes first: no repair
takes the driver from one child to give him to another.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from ortools.graph.python import min_cost_flow

from scheduling.explain import Candidate, candidates, settle
from scheduling.feasibility import standbys_of
from scheduling.plan import Plan
from scheduling.problem import Problem
from scheduling.residual import CLOSED, FREE, Board, lay_out, least_changes, lift, list_repairs, place


@dataclass(frozen=True, slots=True)
class SaysNo:
    """A volunteer cannot do this run, as driver or second adult, nor another one on that half-day."""

    run: int
    volunteer: int


@dataclass(frozen=True, slots=True)
class Away:
    """A volunteer is away on these days (positions in `Problem.days`)."""

    volunteer: int
    days: frozenset[int]


@dataclass(frozen=True, slots=True)
class CarBroken:
    """A volunteer's car is not to be had on these days: he still sits beside another driver where that was planned."""

    volunteer: int
    days: frozenset[int]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run has nobody, whatever happened before. Who has said no to it is not asked for another one then either."""

    run: int
    is_second: bool = False


@dataclass(frozen=True, slots=True)
class ChildAbsent:
    """A child does not ride on these days. Who drove that child alone is free for others."""

    child: int
    days: frozenset[int]


Event = Wanted | SaysNo | Away | CarBroken | ChildAbsent


@dataclass(frozen=True, slots=True)
class Move:
    """A seat of a run that changes hands."""

    run: int
    is_second: bool
    before: int | None
    after: int | None  # None: nobody, the ride is not wanted any more or stays open


@dataclass(frozen=True, slots=True)
class Share:
    """What a repair asks of one person. `km`: approach and return, more (or less) than before."""

    volunteer: int
    takes: tuple[int, ...]  # runs
    gives: tuple[int, ...]
    km: float
    new_faces: int  # children who have not met this person
    duties_week: int  # in the week of the first run taken, this repair included
    cap_week: int


@dataclass(frozen=True, slots=True)
class Repair:
    """One way to put things right.

    `changed`: duties, besides those that the event itself took away, that change hands: promises to be asked about.
    `price`: how much dearer the plan's wishes become by event and repair together, what stays open not counted.
    """

    moves: tuple[Move, ...]
    shares: tuple[Share, ...]
    changed: int
    price: int
    left_open: tuple[int, ...]  # runs for which nobody was found
    covers_too: tuple[int, ...]  # runs that were open before and get somebody


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Up to three repairs, best first, and what is proved about them.

    No repair leaves fewer duties open than `least_open`, and none that leaves so few open changes fewer others than
    `least`; household, month and couples can only make it more. `is_proven`: the first repair is as good as that.
    """

    event: Event
    freed: tuple[int, ...]  # runs that lost somebody
    repairs: tuple[Repair, ...]
    least_open: int
    least: int
    is_proven: bool
    tried: int  # ways priced; where it reaches MOST_WAYS, ties may hide a cheaper one


def stand_ins(
    problem: Problem, run: int, *, asked: Collection[int] = (), limit: int | None = None
) -> tuple[Candidate, ...]:
    """Return the people to ask for a run, in the order in which to ask them.

    Eligible by every hard rule; nobody in `asked`, nobody who declined one of its legs, nor who is promised
    to it now. The run's standby comes first, then
    people whom every child of it knows, then the plan's own prices decide.
    """
    passed = {*asked, problem.promised.get(run), problem.promised_second.get(run)}
    left = [found for found in candidates(problem, run) if found.volunteer not in passed]
    left.sort(key=lambda found: (not found.is_standby, not found.is_known, found.price, found.volunteer))
    return tuple(left[:limit])


def what_if(problem: Problem, plan: Plan, event: Event) -> WhatIf:
    """Return the three best repairs of a plan after an event. For several events of one plan keep a `Desk`."""
    return Desk(settle(problem, plan)).what_if(event)


class Desk:
    """A plan in memory, before which what-ifs are answered one after the other; each leaves it as it was.

    `problem`: every run in it, with its people as promised (`explain.settle`). `fixed`: runs whose people no repair
    may move. The first answer of a process waits until the loops are compiled, or read from disk.
    """

    def __init__(self, problem: Problem, *, fixed: Collection[int] = ()) -> None:
        self.problem = problem
        self.board, self.duties, self.runs = lay_out(problem)
        self.board.movable[np.isin(self.duties.run, list(fixed))] = False
        seats = zip(self.duties.run.tolist(), self.duties.second.tolist(), strict=True)
        self.duty_of = {seat: duty for duty, seat in enumerate(seats)}
        self.standbys = {
            (who, 2 * slot.day + slot.direction) for slot, who in problem.promised_standby.items()
        }
        self.away: set[tuple[int, int]] = set()  # (volunteer, slot) that the event takes out
        self.steps: dict[int, int] = {}  # of a duty of the event: the least that the network allows
        self.tried = 0

    def what_if(self, event: Event, *, best: int = 3) -> WhatIf:
        """Return up to `best` repairs after the event: they differ in who takes the first run that lost somebody."""
        self.tried, self.away, self.steps = 0, set(), {}
        happened = _Undo(self.board)
        freed, gone = self._happen(event, happened)
        wanted = [duty for duty in freed if duty not in gone]
        waiting = self._waiting(gone)
        drafts = []
        for rank in range(best):
            undo = _Undo(self.board)
            found = self._repair(wanted, waiting, rank, undo)
            if found is not None:
                touched = sorted(happened.first_holder.keys() | undo.first_holder.keys())
                was = undo.first_holder | happened.first_holder
                moves = [(d, was[d], int(self.board.holder[d])) for d in touched]
                moves = [move for move in moves if move[1] != move[2]]
                drafts.append((moves, happened.price + undo.price, found))
            undo.all()
            if found is None or not wanted:
                break
        least_open, least = self._prove(wanted, drafts[0] if drafts else None)
        happened.all()
        repairs = [self._told(moves, price, set(freed), left, too) for moves, price, (left, too) in drafts]
        repairs.sort(key=lambda repair: (len(repair.left_open), repair.changed, repair.price))
        return WhatIf(
            event=event,
            freed=tuple(dict.fromkeys(self.duties.run[freed].tolist())),
            repairs=tuple(repairs),
            least_open=least_open,
            least=least,
            is_proven=(len(repairs[0].left_open), repairs[0].changed) == (least_open, least),
            tried=self.tried,
        )

    def fill(self, run: int, *, is_second: bool = False, best: int = 3) -> WhatIf:
        """Return up to `best` ways to find somebody for a run that has nobody: as after a no that lies back."""
        return self.what_if(Wanted(run, is_second), best=best)

    def least_by_flow(self, event: Event) -> tuple[int, int]:
        """Return how many duties stay open after an event, and how many others change hands, by the flow alone."""
        self.away = set()
        happened = _Undo(self.board)
        freed, gone = self._happen(event, happened)
        wanted = [duty for duty in freed if duty not in gone]
        called = [self._call_standbys(duty) for duty in wanted[:1]]
        found = least_by_flow(self.board, wanted) if wanted else (0, 0)
        for undo in (*called, happened):
            undo.all()
        return found

    def _happen(self, event: Event, undo: _Undo) -> tuple[list[int], list[int]]:
        """Let it happen; return the duties that lost somebody, in order of time, and those of them no longer wanted."""
        slots = self.duties.slot
        match event:
            case Wanted(run, is_second):
                self.away = {(who, int(self.runs.slot[run])) for who in self._refusing(run)}
                self._close(undo)
                return [self.duty_of[run, is_second]], []
            case SaysNo(run, volunteer):
                freed = [d for d in self._seats(run) if self.board.holder[d] == volunteer]
                closed = {int(slots[self._seats(run)[0]])}
                self.away = {(who, slot) for who in self._refusing(run) for slot in closed}
            case Away(volunteer, days) | CarBroken(volunteer, days):
                closed = {2 * day + half for day in days for half in (0, 1)}
                held = [int(self.board.cell[volunteer, slot]) for slot in sorted(closed)]
                freed = [d for d in held if d >= 0]
                if isinstance(event, CarBroken):
                    freed = [d for d in freed if not self.duties.second[d]]
            case ChildAbsent(child, days):
                mine = (self.runs.children == child).any(axis=1) & np.isin(self.runs.day, list(days))
                alone = np.flatnonzero(mine & (self.runs.size == 1)).tolist()
                freed = [d for run in alone for d in self._seats(run) if self.board.holder[d] >= 0]
                for duty in freed:
                    undo.lift(duty)
                return freed, freed
        for duty in freed:
            undo.lift(duty)
        self.away |= {(volunteer, slot) for slot in closed}
        self._close(undo)
        return freed, []

    def _refusing(self, run: int) -> set[int]:
        """Return who has said no to a ride of the run: they are not asked for another one at that time either."""
        legs = set(self.runs.runs[run].legs)
        return {volunteer for leg, volunteer in self.problem.declined if leg in legs}

    def _close(self, undo: _Undo) -> None:
        for volunteer, slot in self.away:
            if self.board.cell[volunteer, slot] == FREE:
                undo.set_cell(volunteer, slot, CLOSED)

    def _seats(self, run: int) -> list[int]:
        return [self.duty_of[run, second] for second in (False, True) if (run, second) in self.duty_of]

    def _waiting(self, gone: Sequence[int]) -> list[int]:
        """Return the open duties of the weeks in which somebody has become free."""
        if not gone:
            return []
        weeks = self.board.week_of[self.board.slot[list(gone)]]
        is_open = (self.board.holder < 0) & np.isin(self.board.week_of[self.board.slot], weeks)
        return [d for d in np.flatnonzero(is_open).tolist() if d not in gone]

    def _repair(
        self, wanted: Sequence[int], waiting: Sequence[int], rank: int, undo: _Undo
    ) -> tuple[list[int], list[int]] | None:
        """Give each duty somebody, the first one its `rank`-th best way; return what stays open and what is won.

        None if the first has no so many ways.
        """
        left, won = [], []
        for at, duty in enumerate(wanted):
            nth = rank if at == 0 else 0
            ways = self._ways(duty, nth + 1)
            if len(ways) > nth:
                self._go(ways[nth], undo)
            elif nth:
                return None
            else:
                left.append(duty)
        for duty in waiting:
            for way in self._ways(duty, 1)[:1]:
                self._go(way, undo)
                won.append(duty)
        return left, won

    def _ways(self, duty: int, enough: int) -> list[_Way]:
        """Return the cheapest way for each person who may take the duty, fewest changes first.

        Those of the least number of changes; one more is tried where they are not `enough`.
        """
        called = self._call_standbys(duty)
        steps = least_changes(self.board, duty, False)
        self.steps.setdefault(duty, steps)
        ways = self._list(duty, steps, enough) if 0 < steps <= MOST_STEPS else []
        if steps and not ways:  # a household, a month or a couple stands in every shortest way
            steps = least_changes(self.board, duty, True)
            ways = self._list(duty, steps, enough) if 0 < steps <= MOST_STEPS else []
        if 0 < steps < MOST_STEPS and len(ways) < enough:
            have = {way.steps[0][1] for way in ways}
            more = self._list(duty, steps + 1, len(have) + enough, is_pruned=False)
            ways += [way for way in more if way.steps[0][1] not in have]
        called.all()
        return ways

    def _call_standbys(self, duty: int) -> _Undo:
        """Count those who stand by for the duty's run as free: called, they do what they have promised."""
        called, promised = _Undo(self.board), self.problem.promised_standby
        if promised and not self.duties.second[duty]:
            at = int(self.board.slot[duty])
            for slot in standbys_of(self.problem, self.runs.runs[int(self.duties.run[duty])]):
                if slot in promised and (promised[slot], at) not in self.away:
                    called.call(promised[slot], at)
        return called

    def _list(self, duty: int, steps: int, enough: int, *, is_pruned: bool = True) -> list[_Way]:
        arcs = int(self.board.start[duty + 1] - self.board.start[duty])
        prices = np.full(arcs, NO_WAY, dtype=np.int64)
        ways = np.full((arcs, 2 * steps), -1, dtype=np.int64)
        used = np.zeros(1, dtype=np.int64)
        list_repairs(self.board, duty, steps, is_pruned, MOST_WAYS, prices, ways, used)
        self.tried += int(used[0])
        order = np.argsort(prices, kind="stable")
        return [
            _Way(_pairs(ways[arc].tolist()), int(prices[arc]))
            for arc in order[:enough].tolist()
            if prices[arc] < NO_WAY
        ]

    def _go(self, way: _Way, undo: _Undo) -> None:
        """Let everybody of a way take the duty that he takes in it."""
        for at, (duty, person) in enumerate(way.steps):
            if at + 1 < len(way.steps):
                undo.lift(way.steps[at + 1][0])
            slot = int(self.board.slot[duty])
            if self.board.cell[person, slot] == CLOSED:
                undo.call(person, slot)
            arcs = slice(int(self.board.start[duty]), int(self.board.start[duty + 1]))
            arc = arcs.start + int(np.searchsorted(self.board.person[arcs], person))
            undo.place(duty, person, int(self.board.price[arc]))

    def _prove(self, wanted: Sequence[int], draft: _Draft | None) -> tuple[int, int]:
        """Return how many of the duties must stay open, and how many others change hands at least."""
        if not wanted or draft is None:
            return 0, 0
        if len(wanted) == 1:
            steps = self.steps[wanted[0]]
            return int(steps == 0), max(steps - 1, 0)
        moves, _, (left, _) = draft
        if not left and len(moves) == len(wanted):
            return 0, 0
        return least_by_flow(self.board, wanted)

    def _told(
        self,
        moves: Sequence[tuple[int, int, int]],
        price: int,
        freed: set[int],
        left: list[int],
        won: list[int],
    ) -> Repair:
        """Return a repair in runs and people; the board stands as before the event."""
        run, second = self.duties.run, self.duties.second
        takes: dict[int, list[int]] = {}
        gives: dict[int, list[int]] = {}
        for duty, was, now in moves:
            if now >= 0:
                takes.setdefault(now, []).append(duty)
            if was >= 0 and duty not in freed:
                gives.setdefault(was, []).append(duty)
        return Repair(
            moves=tuple(
                Move(int(run[d]), bool(second[d]), None if was < 0 else was, None if now < 0 else now)
                for d, was, now in moves
            ),
            shares=tuple(self._share(who, takes[who], gives.get(who, [])) for who in takes),
            changed=sum(1 for d, was, _ in moves if d not in freed and was >= 0),
            price=price,
            left_open=tuple(run[left].tolist()),
            covers_too=tuple(run[won].tolist()),
        )

    def _share(self, person: int, takes: Sequence[int], gives: Sequence[int]) -> Share:
        board, runs = self.board, self.duties.run
        week = board.week_of[board.slot[takes[0]]]
        children = {int(child) for duty in takes for child in board.children[duty] if child >= 0}
        new = [c for c in children if not board.rides[c, person] and not board.known[c, person]]

        def km(duties: Sequence[int]) -> float:
            people = np.full(len(duties), person)
            return float(self.runs.detour_km(runs[list(duties)], people).sum()) if duties else 0.0

        def in_week(duties: Sequence[int]) -> int:
            return sum(1 for duty in duties if board.week_of[board.slot[duty]] == week)

        cap = self.problem.volunteers[person].cap_week
        slots = {int(board.slot[duty]) for duty in takes}
        called = sum(1 for slot in slots if (person, slot) in self.standbys)
        return Share(
            volunteer=person,
            takes=tuple(runs[list(takes)].tolist()),
            gives=tuple(runs[list(gives)].tolist()),
            km=round(km(takes) - km(gives), 3),
            new_faces=len(new),
            duties_week=int(cap - board.week_room[person, week] + in_week(takes) - in_week(gives) - called),
            cap_week=cap,
        )


def least_by_flow(board: Board, wanted: Sequence[int]) -> tuple[int, int]:
    """Return how many of the wanted duties must stay open, and the least number of others that change hands.

    The same question as `least_changes`, for several duties at once and by another method: a min-cost flow over the
    weeks in question, in which every duty that is done stays done and a change costs one. Slots and weeks only.
    """
    slots = board.cell.shape[1]
    weeks = np.unique(board.week_of[board.slot[list(wanted)]])
    is_wanted = np.zeros(len(board.slot), dtype=bool)
    is_wanted[list(wanted)] = True
    here = np.isin(board.week_of[board.slot], weeks) & (is_wanted | (board.holder >= 0))
    duty_of_arc = np.repeat(np.arange(len(board.slot)), np.diff(board.start))
    use = here[duty_of_arc] & (board.movable | is_wanted)[duty_of_arc]
    use &= board.cell[board.person, board.slot[duty_of_arc]] != CLOSED
    use &= board.holder[duty_of_arc] != board.person
    held = np.flatnonzero(here & (board.holder >= 0))
    duty = np.concatenate([duty_of_arc[use], held])
    person = np.concatenate([board.person[use], board.holder[held]])
    price = np.concatenate([(~is_wanted[duty_of_arc[use]]).astype(np.int64), np.zeros(len(held), np.int64)])
    duties, duty_node = np.unique(duty, return_inverse=True)
    cells, cell_node = np.unique(person * slots + board.slot[duty], return_inverse=True)
    week_key = cells // slots * len(board.week_of) + board.week_of[cells % slots]
    keys, week_node = np.unique(week_key, return_inverse=True)
    people, at_week = keys // len(board.week_of), keys % len(board.week_of)
    room = board.week_room[people, at_week].copy()
    held_key = board.holder[held] * len(board.week_of) + board.week_of[board.slot[held]]
    np.add.at(room, np.searchsorted(keys, held_key), 1)
    first_cell, first_week = len(duties), len(duties) + len(cells)
    sink = first_week + len(keys)
    every = np.arange(len(duties))
    tails = np.concatenate(
        [duty_node, first_cell + np.arange(len(cells)), first_week + np.arange(len(keys)), every]
    )
    heads = np.concatenate(
        [first_cell + cell_node, first_week + week_node, np.full(len(keys), sink), np.full(len(duties), sink)]
    )
    ones = np.ones(len(duty) + len(cells), dtype=np.int64)
    capacity = np.concatenate([ones, np.maximum(room, 0), np.ones(len(duties), dtype=np.int64)])
    costs = np.concatenate([price, np.zeros(len(cells) + len(keys), np.int64), np.full(len(duties), UNDONE)])
    solver = min_cost_flow.SimpleMinCostFlow()
    solver.add_arcs_with_capacity_and_unit_cost(
        tails.astype(np.int32), heads.astype(np.int32), capacity, costs
    )
    supplies = np.zeros(sink + 1, dtype=np.int64)
    supplies[every], supplies[sink] = 1, -len(duties)
    solver.set_nodes_supplies(np.arange(sink + 1, dtype=np.int32), supplies)
    if solver.solve() != solver.OPTIMAL:
        raise RuntimeError(
            "The flow of a repair found no answer, which its direct arcs to the sink rule out."
        )
    shut_out = int(is_wanted.sum()) - int(is_wanted[duties].sum())
    undone, changed = divmod(int(solver.optimal_cost()), UNDONE)
    return undone + shut_out, changed


@dataclass(frozen=True, slots=True)
class _Way:
    """The steps of one repair of one duty, (duty, who takes it), and its price."""

    steps: tuple[tuple[int, int], ...]
    price: int


def _pairs(row: list[int]) -> tuple[tuple[int, int], ...]:
    return tuple(zip(row[::2], row[1::2], strict=True))


_Draft = tuple[list[tuple[int, int, int]], int, tuple[list[int], list[int]]]


class _Undo:
    """What was done to a board, and what it cost, so that it can be taken back."""

    def __init__(self, board: Board) -> None:
        self.board, self.price = board, 0
        self.first_holder: dict[int, int] = {}
        self.deeds: list[tuple[int, ...]] = []

    def lift(self, duty: int) -> None:
        person, standing = int(self.board.holder[duty]), int(self.board.held_price[duty])
        self.first_holder.setdefault(duty, person)
        self.price += lift(self.board, duty)
        self.deeds.append((LIFTED, duty, person, standing))

    def place(self, duty: int, person: int, standing: int) -> None:
        self.first_holder.setdefault(duty, -1)
        self.price += place(self.board, duty, person, standing)
        self.deeds.append((PLACED, duty))

    def set_cell(self, person: int, slot: int, value: int) -> None:
        self.deeds.append((SET, person, slot, int(self.board.cell[person, slot])))
        self.board.cell[person, slot] = value

    def call(self, person: int, slot: int) -> None:
        """Count a standby as free on his half-day."""
        self.deeds.append((CALLED, person, slot))
        self._count_standby(person, slot, -1)
        self.board.cell[person, slot] = FREE

    def _count_standby(self, person: int, slot: int, duties: int) -> None:
        self.board.week_room[person, self.board.week_of[slot]] -= duties
        self.board.month_room[person, self.board.month_of[slot]] -= duties
        self.board.duties[person] += duties

    def all(self) -> None:
        """Take everything back, the last first."""
        for kind, *deed in reversed(self.deeds):
            if kind == LIFTED:
                duty, person, standing = deed
                place(self.board, duty, person, standing)
            elif kind == PLACED:
                lift(self.board, deed[0])
            elif kind == CALLED:
                person, slot = deed
                self._count_standby(person, slot, 1)
                self.board.cell[person, slot] = CLOSED
            else:
                person, slot, value = deed
                self.board.cell[person, slot] = value
        self.deeds.clear()


LIFTED, PLACED, SET, CALLED = range(4)
MOST_STEPS = 6  # duties that change hands in one way
MOST_WAYS = 2_000  # tried for one duty; more would change only which of equally short ways is named
NO_WAY = np.iinfo(np.int64).max
UNDONE = 100_000  # more than duties that could change hands in a week
