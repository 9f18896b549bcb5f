"""First circles: the few volunteers whom a child will get to know.

Children who ride in one line share a circle, so that one driver is familiar to all of them. Members are
added greedily, by what they add to the week's cover, until the week can be driven in turn with any one
member missing; then whoever is not needed for that goes. Each circle books its members' duties in a
reference week, so that circles taken together do not promise the same half-day twice. Children whom only
familiar faces may drive come first, those with fewest candidates before all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scheduling.feasibility import STANDING
from scheduling.plan import Rule
from scheduling.pooling import pool
from scheduling.problem import Problem, Turning
from scheduling.tables import Bools, Ints, RunTable
from scheduling.travel import Floats


def propose_circles(problem: Problem, *, children: Iterable[int] | None = None) -> dict[int, tuple[int, ...]]:
    """Return a circle for each child named (default: all who have none yet and ride), best members first.

    Usually 6-8 people, each of whom may drive the child by every hard rule on some half-day of its week. A
    circle is smaller, or empty, where no more people are eligible. Existing circles are kept and counted.
    """
    riding = {leg.child for leg in problem.legs}
    wanted = {
        child for child in (riding if children is None else children) if children or not _has(problem, child)
    }
    parties = _parties(problem, wanted & riding)
    diary = _Diary(problem)
    proposal: dict[int, tuple[int, ...]] = dict.fromkeys(wanted, ())
    settled = [party for party in parties if not party.children & wanted]
    for party in settled:
        circle = problem.children[min(party.children)].circle
        diary.book(party, circle, in_turn(party, circle, diary) or {})
    for party in sorted(parties, key=lambda party: party.urgency):
        if party.children & wanted:
            circle = _choose(problem, party, diary)
            proposal.update(dict.fromkeys(party.children & wanted, circle))
    return proposal


@dataclass(frozen=True, eq=False)
class Party:
    """Children with one circle, and the rides of their fullest week (a make-up day gives it a sixth day).

    `rides`: (nth day of that week, weekday x 2 + direction), in order. `may`: (rides, V), who may drive then.
    """

    children: frozenset[int]
    rides: tuple[tuple[int, int], ...]
    may: Bools
    detour_km: Floats
    takes_turns: bool
    strict: bool  # nobody outside the circle may ever drive

    @property
    def urgency(self) -> tuple[bool, int, int]:
        """Return what orders parties: strict ones first, then fewest candidates."""
        return not self.strict, int(self.may.any(axis=0).sum()), min(self.children)


class _Diary:
    """What the circles chosen so far ask of each volunteer in a reference week."""

    def __init__(self, problem: Problem) -> None:
        tables = problem.tables
        self.room: Ints = tables.cap_week.copy()
        self.taken: Bools = np.zeros((len(tables.home), 14), dtype=bool)
        self.circles: Ints = np.zeros(len(tables.home), dtype=np.int64)

    def book(self, party: Party, circle: Sequence[int], week: dict[int, int]) -> None:
        for ride, volunteer in week.items():
            self.taken[volunteer, party.rides[ride][1]] = True
            self.room[volunteer] -= 1
        self.circles[list(circle)] += 1

    def may(self, party: Party) -> Bools:
        """Return who may still drive the party's rides, shape (rides, V)."""
        halves = [half for _, half in party.rides]
        return np.asarray(party.may & ~self.taken[:, halves].T & (self.room > 0), dtype=bool)


def in_turn(party: Party, circle: Sequence[int], diary: _Diary) -> dict[int, int] | None:
    """Return who of the circle drives each ride of a week that can be repeated for ever, or None.

    Within each one's room; where the party takes turns, nobody on two days running, the last day's
    drivers not on the first either. The search gives up after SEARCH_NODES, which counts as None.
    """
    may = diary.may(party)
    free = [[volunteer for volunteer in circle if may[ride, volunteer]] for ride in range(len(party.rides))]
    room = {volunteer: int(diary.room[volunteer]) for volunteer in circle}
    if not all(free) or sum(max(left, 0) for left in room.values()) < len(party.rides):
        return None
    return _Search(party, free, room).week()


class _Search:
    """Depth first over the rides in order, trying first who has most room left."""

    def __init__(self, party: Party, free: list[list[int]], room: dict[int, int]) -> None:
        self.free, self.room = free, room
        self.day = [day for day, _ in party.rides]
        self.days = self.day[-1] + 1
        self.takes_turns = party.takes_turns and self.days > 1
        self.on_day: list[list[int]] = [[] for _ in range(self.days)]
        self.chosen: dict[int, int] = {}
        self.nodes = 0

    def week(self) -> dict[int, int] | None:
        """Return ride -> volunteer, or None."""
        return dict(self.chosen) if self._fill(0) else None

    def _fill(self, ride: int) -> bool:
        if ride == len(self.day):
            return True
        self.nodes += 1
        if self.nodes > SEARCH_NODES:
            return False
        day = self.day[ride]
        for volunteer in sorted(self.free[ride], key=lambda v: (-self.room[v], v)):
            if self.room[volunteer] > 0 and not self._drives_next_to(volunteer, day):
                self.chosen[ride] = volunteer
                self.room[volunteer] -= 1
                self.on_day[day].append(volunteer)
                if self._fill(ride + 1):
                    return True
                self.on_day[day].pop()
                self.room[volunteer] += 1
                del self.chosen[ride]
        return False

    def _drives_next_to(self, volunteer: int, day: int) -> bool:
        """Return whether the volunteer already drives on the day before or after, the week being a ring."""
        if not self.takes_turns:
            return False
        near = {day - 1 if day else self.days - 1, (day + 1) % self.days} - {day}
        return any(volunteer in self.on_day[other] for other in near)


def _choose(problem: Problem, party: Party, diary: _Diary) -> tuple[int, ...]:
    """Return the party's circle and book its week."""
    circle: list[int] = []
    week: dict[int, int] | None = None
    target = min(problem.children[child].circle_target for child in party.children)
    most = MOST_STRICT if party.strict else target
    while len(circle) < most:
        best = _best_next(problem, party, diary, circle)
        if best is None:
            break
        circle.append(best)
        if party.strict and _is_enough(party, circle, diary):
            break
    if party.strict:
        circle = _prune(party, circle, diary)
    week = in_turn(party, circle, diary)
    diary.book(party, circle, _share_out(party, circle, diary) if week is None else week)
    return tuple(circle)


def _best_next(problem: Problem, party: Party, diary: _Diary, circle: list[int]) -> int | None:
    """Return who adds most to the cover of the week: open half-days, room, nearness, faces known already."""
    may = diary.may(party)
    covered = may[:, circle].sum(axis=1) if circle else np.zeros(len(party.rides))
    thin = np.maximum(0.0, 1.0 - covered / REDUNDANCY) + 0.05
    days = np.maximum(may.sum(axis=0), 1)
    room = np.minimum(np.minimum(diary.room, days), MOST_DUTIES)
    gain = (may * thin[:, None]).sum(axis=0) * (0.5 + 0.5 * room / days) + 0.4 * room
    known = problem.tables.known[sorted(party.children)].mean(axis=0)
    score = gain + 2.0 * known - 0.06 * party.detour_km - 0.5 * diary.circles
    score[~may.any(axis=0)] = -np.inf
    score[circle] = -np.inf
    best = int(np.argmax(np.round(score, 9)))
    return best if np.isfinite(score[best]) else None


def _is_enough(party: Party, circle: Sequence[int], diary: _Diary) -> bool:
    """Return whether the circle leaves a reserve: in people for every ride, and in duties for the week."""
    if len(circle) < LEAST:
        return False
    spare = int(np.maximum(diary.room[list(circle)], 0).sum()) >= SPARE * len(party.rides)
    return (spare or len(circle) >= USUAL) and _can_lose_one(party, circle, diary)


def _can_lose_one(party: Party, circle: Sequence[int], diary: _Diary) -> bool:
    """Return whether the week can be driven in turn, whoever of the circle is missing."""
    return in_turn(party, circle, diary) is not None and all(
        in_turn(party, [other for other in circle if other != missing], diary) is not None
        for missing in circle
    )


def _prune(party: Party, circle: list[int], diary: _Diary) -> list[int]:
    """Return the circle without those whom the week can spare, the last to come first to go."""
    if len(circle) <= USUAL or not _can_lose_one(party, circle, diary):
        return circle
    for member in reversed(circle):
        rest = [other for other in circle if other != member]
        if len(rest) >= USUAL and _can_lose_one(party, rest, diary):
            circle = rest
    return circle


def _share_out(party: Party, circle: Sequence[int], diary: _Diary) -> dict[int, int]:
    """Return a part of the week where the whole cannot be driven: each ride to who has most room."""
    may, week = diary.may(party), dict[int, int]()
    room = {volunteer: int(diary.room[volunteer]) for volunteer in circle}
    for ride in range(len(party.rides)):
        able = [v for v in circle if may[ride, v] and room[v] > 0]
        if able:
            week[ride] = max(able, key=lambda v: (room[v], -v))
            room[week[ride]] -= 1
    return week


def _has(problem: Problem, child: int) -> bool:
    return bool(problem.children[child].circle)


def _parties(problem: Problem, wanted: set[int]) -> list[Party]:
    """Return who shares a circle: children wanted by the line they ride in, others with a circle alone."""
    if not wanted:
        return []
    # lines as they will be once circles are there: nobody is kept from a car for having none yet
    runs = RunTable(problem, pool(replace(problem, runs=None, promised={}, promised_second={})))
    may, half, detour = _who_may(problem, runs)
    rows_of: dict[int, list[int]] = {}
    mates: dict[int, frozenset[int]] = {}
    for row, run in enumerate(runs.runs):
        riders = frozenset(problem.run_children(run))
        for child in riders:
            rows_of.setdefault(child, []).append(row)
            if len(riders) > len(mates.get(child, ())):
                mates[child] = riders
    groups: list[frozenset[int]] = []
    left = set(wanted)
    for child in sorted(wanted):
        if child in left:
            groups.append(frozenset(mates[child] & left))
            left -= mates[child]
    strict = {index for index, child in enumerate(problem.children) if child.only_familiar and child.circle}
    groups.extend(frozenset({child}) for child in sorted(strict & rows_of.keys() - wanted))
    return [_party(problem, runs, group, rows_of, may, half, detour) for group in groups]


def _who_may(problem: Problem, runs: RunTable) -> tuple[Bools, Ints, Floats]:
    """Return per run who may drive by every standing rule but the circle's own, its half-day, and detours."""
    tables = problem.tables
    rows = np.arange(len(runs.runs))
    may = np.ones((len(rows), len(tables.home)), dtype=bool)
    for rule, keeps in STANDING.items():
        if rule not in (Rule.ONLY_FAMILIAR, Rule.DECLINED):
            may &= keeps(tables, runs, rows)
    detour = runs.near_km[runs.near_row] + runs.far_km[runs.far_row]
    return may, 2 * tables.weekday[runs.day] + runs.direction, detour


def _party(
    problem: Problem,
    runs: RunTable,
    group: frozenset[int],
    rows_of: dict[int, list[int]],
    may: Bools,
    half: Ints,
    detour: Floats,
) -> Party:
    rows = np.array(sorted({row for child in group for row in rows_of[child]}), dtype=np.int64)
    rides = _fullest_week(problem, runs, rows, half)
    usually = {at: may[rows[half[rows] == at]].mean(axis=0) >= USUALLY for at in {at for _, at in rides}}
    riders = [problem.children[child] for child in group]
    return Party(
        children=group,
        rides=rides,
        may=np.array([usually[at] for _, at in rides], dtype=bool),
        detour_km=detour[rows].mean(axis=0),
        takes_turns=any(rider.turning is not Turning.ANY for rider in riders),
        strict=any(rider.only_familiar for rider in riders),
    )


def _fullest_week(problem: Problem, runs: RunTable, rows: Ints, half: Ints) -> tuple[tuple[int, int], ...]:
    """Return the rides of the week with most of them: (nth day, weekday x 2 + direction), in order."""
    weeks: dict[int, set[tuple[int, int]]] = {}
    for row in rows.tolist():
        day = int(runs.day[row])
        weeks.setdefault(problem.days[day].week, set()).add((day, int(half[row])))
    most = max(len(rides) for rides in weeks.values())
    fullest = sorted(next(rides for rides in weeks.values() if len(rides) == most))
    days = sorted({day for day, _ in fullest})
    return tuple((days.index(day), at) for day, at in fullest)


LEAST = 6
USUAL = 8
SPARE = 1.6  # duties that a circle could take in a week, for each that it must
MOST_STRICT = 12  # a child whose week cannot be turned with fewer gets more: coverage before closeness
REDUNDANCY = 3.0  # people wanted per half-day: a driver, one who has a turn off, one in reserve
MOST_DUTIES = 2  # of one person for one child in a week
USUALLY = 0.5  # of the half-day's dates in the horizon on which somebody must be able to drive
SEARCH_NODES = 3000
