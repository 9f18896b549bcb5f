"""Which legs share a car: lines, made once for the horizon, that hold on every day.

A line is the children who share a car; an absent child drops out, and the line stays. Per group of schools that may
share, and direction: pinned lines, siblings, what a `LineMaker` proposes for each school, then mergers, best first
(Clarke and Wright 1964). Every line is checked against P1-P6 on its own road before it is taken. Today's lines are
kept where the gain of others is not worth the change (PoolRules.change_km).
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from scheduling.line_makers import LineMaker, Task, by_vroom, each_alone
from scheduling.plan import BrokenPin, PinFault
from scheduling.problem import Child, Direction, Leg, Point, Problem, Run
from scheduling.routes import Atlas, PoolRules, Rider, Route, Window, any_route, best_route, way_points


@dataclass(frozen=True, slots=True)
class Pooled:
    """The problem's runs, unchanged and first, then pooled ones for every leg that is in none."""

    runs: tuple[Run, ...]
    broken_pins: tuple[BrokenPin, ...] = ()


def pool(problem: Problem, rules: PoolRules | None = None) -> tuple[Run, ...]:
    """Return the runs of `pool_lines`."""
    return pool_lines(problem, rules).runs


def pool_lines(problem: Problem, rules: PoolRules | None = None) -> Pooled:
    """Put every leg that is in no run into one; the same problem always gives the same runs.

    New runs are ordered by day, direction and line. A pin that cannot hold is reported, and its children are
    pooled like others.
    """
    rules = rules or PoolRules()
    given = problem.runs or ()
    riding = {leg for run in given for leg in run.legs}
    left = [index for index in range(len(problem.legs)) if index not in riding]
    if not left:
        return Pooled(given)
    atlas = Atlas(problem)
    area = _areas(problem, atlas, rules.across_schools_km)
    by_group: dict[tuple[int, Direction], list[int]] = defaultdict(list)
    for index in left:
        leg = problem.legs[index]
        by_group[area[problem.children[leg.child].school], leg.direction].append(index)
    numbers = _Numbers(problem)
    new: list[Run] = []
    broken: list[BrokenPin] = []
    for key in sorted(by_group):
        group = _Group(problem, atlas, rules, key[1], by_group[key])
        pins, faults = _pins(problem, group, area)
        broken += faults
        line_of: dict[int, int] = {}
        for children in group.lines(pins):
            line_of.update(dict.fromkeys(children, numbers.of(key[1], children)))
        new.extend(_runs_of_group(problem, group, by_group[key], line_of))
    new.sort(key=lambda run: (run.day, run.direction, run.line, run.legs))
    return Pooled(given + tuple(new), tuple(sorted(broken, key=lambda pin: pin.line)))


def halve(problem: Problem, run: Run) -> tuple[Run, Run]:
    """Return the run as two cars for its day, splitting where the longest gap between homes lies."""
    atlas = Atlas(problem)
    homes = [problem.leg_point(leg) for leg in run.legs]
    gaps = [atlas.way(a, b, None)[0] for a, b in pairwise(homes)]
    cut = 1 + max(range(len(gaps)), key=lambda gap: (gaps[gap], -gap))
    parts = (run.legs[:cut], run.legs[cut:])
    first, second = (_make_run(problem, atlas, part, run.line, PoolRules(), halved=True) for part in parts)
    return first, second


def school_window(problem: Problem, leg: Leg) -> Window:
    """Return between which minutes of the day a leg may be at its school."""
    to_school = leg.direction is Direction.TO_SCHOOL
    if leg.minute is not None:
        return (
            (leg.minute - WAIT_MINUTES, leg.minute) if to_school else (leg.minute, leg.minute + WAIT_MINUTES)
        )
    school = problem.schools[problem.children[leg.child].school]
    return (school.am if to_school else school.pm) or ANY_TIME


class _Group:
    """Children, going one way, of schools that may share cars: who fits with whom, and what a line is worth."""

    def __init__(
        self, problem: Problem, atlas: Atlas, rules: PoolRules, direction: Direction, legs: Sequence[int]
    ) -> None:
        self.problem, self.atlas, self.rules, self.direction = problem, atlas, rules, direction
        self.children = sorted({problem.legs[leg].child for leg in legs})
        self.home = _usual_points(problem, legs)
        self.windows = _timetables(problem, legs, self.children)
        self.hour = {child: _hour(self.windows[child].values(), direction) for child in self.children}
        self.mates_today = _mates_today(problem, direction, self.children)
        self.not_with = {frozenset((a, b)) for a in self.children for b in problem.children[a].not_with}
        self.routes: dict[frozenset[int], Route | None] = {}
        self.day_routes: dict[tuple[Rider, ...], Route | None] = {}
        self._survey()

    def fault(self, children: tuple[int, ...]) -> PinFault | None:
        """Return why one car may not carry these children day by day, or None if it may."""
        if len(children) == 1:
            return None
        riders = [self.problem.children[child] for child in children]
        fault = _needs_apart(riders, self.rules)
        if fault is not None:
            return fault
        if any(frozenset(pair) in self.not_with for pair in combinations(children, 2)):
            return PinFault.NOT_WITH
        if not self._near_schools({rider.school for rider in riders}):
            return PinFault.SCHOOLS_APART
        if not self._times_agree(children):
            return PinFault.OTHER_TIMES
        return None if self.route(children) is not None else PinFault.TOO_LONG

    def route(self, children: tuple[int, ...]) -> Route | None:
        """Return the usual way of a line; where schools' times differ between weekdays, the last one's."""
        key = frozenset(children)
        if key not in self.routes:
            ordered = sorted(children)
            self.routes[key] = None
            for weekday in sorted({day for child in ordered for day in self.windows[child]}):
                riders = [self.rider(child, self.windows[child][weekday]) for child in ordered]
                self.routes[key] = self.way(riders, self.hour[ordered[0]])
                if self.routes[key] is None:
                    break
        return self.routes[key]

    def way(self, riders: Sequence[Rider], hour: int | None) -> Route | None:
        """Return the best route, reckoned once for the same riders."""
        key = tuple(riders)
        if key not in self.day_routes:
            self.day_routes[key] = best_route(self.atlas, riders, self.direction, self.rules, hour)
        return self.day_routes[key]

    def rider(self, child: int, window: Window) -> Rider:
        facts = self.problem.children[child]
        return Rider(self.home[child], facts.school, stay_minutes(facts), window)

    def lines(self, pins: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
        """Return lines that hold every child once: today's with what joins them, or new ones if they are worth it."""
        pinned = {child for pin in pins for child in pin}
        free = [child for child in self.children if child not in pinned]
        fresh = self._make(free, [])
        today = self._todays_lines(free)
        if today:
            kept = self._make(free, today)
            if self._worth(kept) <= self._worth(fresh):
                fresh = kept
        return [*pins, *fresh]

    def price(self, line: tuple[int, ...]) -> float:
        """Return what a line costs in km: its car, its way, and the children who lose today's mates."""
        route = self.route(line)
        assert route is not None or len(line) == 1
        mates = frozenset(line)
        changed = sum(
            child in self.mates_today and self.mates_today[child] != mates - {child} for child in line
        )
        return self.rules.car_km + (route.km if route else 0.0) + self.rules.change_km * changed

    def _worth(self, lines: Iterable[tuple[int, ...]]) -> float:
        return sum(self.price(line) for line in lines)

    def _make(self, free: Sequence[int], kept: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
        """Group free children, of whom some are in kept lines already."""
        lines = [*kept, *self._siblings(set(free) - {child for line in kept for child in line})]
        done = {child for line in lines for child in line}
        maker: LineMaker = by_vroom if self.rules.compact else each_alone
        for school, alike in sorted(self._alike(child for child in free if child not in done).items()):
            for line in self._ask(maker, school[0], alike):
                lines.extend(self._mend(line))
        return self._merge(lines)

    def _siblings(self, free: set[int]) -> list[tuple[int, ...]]:
        """Return siblings who can share a car, as lines."""
        lines: list[tuple[int, ...]] = []
        families: dict[int, list[int]] = defaultdict(list)
        for child in sorted(free):
            family = self.problem.children[child].family
            if family is not None:
                families[family].append(child)
        for siblings in families.values():
            parts = [(child,) for child in siblings]
            merged = self._merge(parts, free=True)
            lines += [line for line in merged if len(line) > 1]
        return lines

    def _alike(self, children: Iterable[int]) -> dict[tuple[int, int], list[int]]:
        """Return the children by school, and within it by their times and whether their drivers agree."""
        alike: dict[tuple[object, ...], list[int]] = defaultdict(list)
        for child in children:
            facts = self.problem.children[child]
            if _rides_alone(facts):
                key: tuple[object, ...] = (facts.school, child)
            else:
                circle = facts.circle if facts.only_familiar else None
                key = (facts.school, -1, tuple(sorted(self.windows[child].items())), circle)
            alike[key].append(child)
        return {(self.problem.children[group[0]].school, group[0]): group for group in alike.values()}

    def _ask(self, maker: LineMaker, school: int, children: list[int]) -> Iterator[tuple[int, ...]]:
        """Yield the maker's lines for children of one school who ride at the same times."""
        hour = self.hour[children[0]]
        _, minutes = self.atlas.survey(
            [self.atlas.gate(school), *(self.home[child] for child in children)], hour
        )
        facts = [self.problem.children[child] for child in children]
        to_school = self.direction is Direction.TO_SCHOOL
        direct = minutes[1:, 0] if to_school else minutes[0, 1:]
        task = Task(
            minutes=minutes,
            to_school=to_school,
            size=np.ones(len(children), dtype=np.int64),
            child_seats=np.array([int(child.child_seat) for child in facts], dtype=np.int64),
            stay=np.array([stay_minutes(child) for child in facts]),
            longest=self.rules.ride_factor * direct + self.rules.ride_slack,
            max_children=self.rules.max_children,
            max_child_seats=self.rules.max_child_seats,
            max_minutes=self.rules.max_minutes,
            car_minutes=2 * self.rules.car_km,
        )
        for line in maker(task):
            yield tuple(children[party] for party in line)

    def _mend(self, line: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Return a proposed line as lines that fit: the fewest children are put out of it."""
        for size in range(len(line), 1, -1):
            parts = [part for part in combinations(line, size) if self.fault(part) is None]
            if parts:
                best = min(parts, key=lambda part: (round(self.price(part), 6), part))
                return [best, *((child,) for child in line if child not in best)]
        return [(child,) for child in line]

    def _merge(self, lines: Sequence[tuple[int, ...]], *, free: bool = False) -> list[tuple[int, ...]]:
        """Join two lines as long as that is worth it, the best pair first; `free`: whatever the way."""
        alive: dict[int, tuple[int, ...]] = dict(enumerate(lines))
        heap: list[tuple[float, int, int]] = []

        def weigh(a: int, b: int) -> None:
            gain = self._gain(alive[a], alive[b])
            if gain is not None and (free or gain > TINY):
                heapq.heappush(heap, (-round(gain, 6), a, b))

        for a, b in combinations(alive, 2):
            weigh(a, b)
        next_key = len(alive)
        while heap:
            _, a, b = heapq.heappop(heap)
            if a in alive and b in alive:
                alive[next_key] = alive.pop(a) + alive.pop(b)
                for other in [key for key in alive if key != next_key]:
                    weigh(other, next_key)
                next_key += 1
        return list(alive.values())

    def _gain(self, one: tuple[int, ...], other: tuple[int, ...]) -> float | None:
        """Return how many km joining two lines is worth, or None if one car cannot carry both."""
        both = one + other
        if len(both) > self.rules.max_children or self.fault(both) is not None:
            return None
        return self.price(one) + self.price(other) - self.price(both)

    def _todays_lines(self, free: Iterable[int]) -> list[tuple[int, ...]]:
        """Return what is left of today's lines of several children, where they still fit."""
        left, lines = set(free), list[tuple[int, ...]]()
        for child in sorted(left):
            line = tuple(sorted((self.mates_today.get(child, frozenset()) | {child}) & left))
            if child in left and len(line) > 1 and self.fault(line) is None:
                lines.append(line)
                left -= set(line)
        return lines

    def _near_schools(self, schools: set[int]) -> bool:
        gates = [self.atlas.gate(school) for school in sorted(schools)]
        most = self.rules.across_schools_km
        return all(self.atlas.way(a, b, None)[0] <= most for a, b in combinations(gates, 2))

    def _times_agree(self, children: tuple[int, ...]) -> bool:
        """Children of one school ride at the same times; of several, at times that are known at all."""
        by_school: dict[int, object] = {}
        for child in children:
            school = self.problem.children[child].school
            if by_school.setdefault(school, self.windows[child]) != self.windows[child]:
                return False
        return len(by_school) == 1 or all(
            ANY_TIME not in self.windows[child].values()
            and self.windows[child].keys() == self.windows[children[0]].keys()
            for child in children
        )

    def _survey(self) -> None:
        """Measure each school's children and all schools; what lies between schools is measured when asked for."""
        by_school: dict[tuple[int, int | None], list[int]] = defaultdict(list)
        for child in self.children:
            by_school[self.problem.children[child].school, self.hour[child]].append(child)
        for (school, hour), children in by_school.items():
            self.atlas.survey([self.atlas.gate(school), *(self.home[child] for child in children)], hour)


class _Numbers:
    """Line numbers: a line that exists already keeps its own, whoever joins or leaves it."""

    def __init__(self, problem: Problem) -> None:
        self.riders: dict[tuple[Direction, int], set[int]] = defaultdict(set)
        for run in problem.runs or ():
            if not run.halved:
                self.riders[run.direction, run.line].update(problem.run_children(run))
        self.next = 1 + max((run.line for run in problem.runs or ()), default=-1)

    def of(self, direction: Direction, children: tuple[int, ...]) -> int:
        """Return the number of the line with most of these children, each number once, or the next new one."""
        shared = {
            key: len(riders & set(children)) for key, riders in self.riders.items() if key[0] is direction
        }
        best = max(shared, key=lambda key: (shared[key], -key[1]), default=None)
        if best is not None and shared[best]:
            del self.riders[best]
            return best[1]
        self.next += 1
        return self.next - 1


def _areas(problem: Problem, atlas: Atlas, across_km: float) -> list[int]:
    """Return, per school, the first school that it is linked with by hops of at most so many km."""
    area = list(range(len(problem.schools)))
    if across_km <= 0:
        return area
    km, _ = atlas.survey([school.point for school in problem.schools], None)
    for a, b in combinations(range(len(area)), 2):
        if min(km[a, b], km[b, a]) <= across_km:
            low, high = sorted((area[a], area[b]))
            area = [low if one == high else one for one in area]
    return area


def _pins(
    problem: Problem, group: _Group, area: Sequence[int]
) -> tuple[list[tuple[int, ...]], list[BrokenPin]]:
    """Return the pinned lines of a group that can hold, and those that cannot; of two that fight the first holds."""
    here = set(group.children)
    held: dict[int, int] = {}  # child -> its pin
    pins: list[tuple[int, ...]] = []
    broken: list[BrokenPin] = []
    for index, line in enumerate(problem.lines):
        riding = tuple(child for child in line.children if child in here)
        if not line.pinned or line.direction is not group.direction or not riding:
            continue
        if len({area[problem.children[child].school] for child in line.children}) > 1:
            if riding[0] == line.children[0]:  # told once, by the group of its first child
                broken.append(BrokenPin(index, PinFault.SCHOOLS_APART, line.children))
            continue
        taken = [child for child in riding if child in held]
        fault = PinFault.TAKEN if taken else group.fault(riding)
        if fault is not None:
            fighting = held[taken[0]] if taken else None
            broken.append(BrokenPin(index, fault, tuple(taken) or riding, fighting))
            continue
        pins.append(riding)
        held.update(dict.fromkeys(riding, index))
    return pins, broken


def _mates_today(
    problem: Problem, direction: Direction, children: Sequence[int]
) -> dict[int, frozenset[int]]:
    """Return with whom each child shares a car now: by `Problem.lines`, else by the runs that exist."""
    here = set(children)
    lines: dict[object, set[int]] = defaultdict(set)
    for run in problem.runs or ():
        if run.direction is direction and not run.halved:
            lines[run.line].update(problem.run_children(run))
    known = [line.children for line in problem.lines if line.direction is direction and not line.pinned]
    mates: dict[int, frozenset[int]] = {}
    for line in [*known, *(lines[key] for key in sorted(lines, key=str))]:
        for child in line:
            if child in here:
                mates.setdefault(child, frozenset(line) & here - {child})
    return mates


def _needs_apart(riders: Sequence[Child], rules: PoolRules) -> PinFault | None:
    if len(riders) > rules.max_children:
        return PinFault.TOO_MANY
    if sum(child.child_seat for child in riders) > rules.max_child_seats:
        return PinFault.CHILD_SEATS
    if any(_rides_alone(child) for child in riders):
        return PinFault.RIDES_ALONE
    if any(child.only_familiar for child in riders):
        circles = {frozenset(child.circle) for child in riders}
        if len(circles) > 1 or not all(child.only_familiar and child.circle for child in riders):
            return PinFault.FAMILIAR_ONLY
    return None


def _rides_alone(child: Child) -> bool:
    return child.wheelchair or child.alone or child.second_adult


def stay_minutes(child: Child) -> float:
    """Return how long the car stands at the child's home."""
    return WHEELCHAIR_SERVICE_MINUTES if child.wheelchair else SERVICE_MINUTES


def _usual_points(problem: Problem, legs: Iterable[int]) -> dict[int, Point]:
    """Return each child's most frequent place; of equally frequent ones the first."""
    places: dict[int, Counter[Point]] = defaultdict(Counter)
    for leg in legs:
        places[problem.legs[leg].child][problem.leg_point(leg)] += 1
    return {child: seen.most_common(1)[0][0] for child, seen in places.items()}


def _timetables(
    problem: Problem, legs: Sequence[int], children: Sequence[int]
) -> dict[int, dict[int, Window]]:
    """Return each child's usual window at school by weekday; where it does not ride, its school's usual one."""
    own: dict[tuple[int, int], Counter[Window]] = defaultdict(Counter)
    of_school: dict[tuple[int, int], Counter[Window]] = defaultdict(Counter)
    for index in legs:
        leg = problem.legs[index]
        weekday, window = problem.days[leg.day].weekday, school_window(problem, leg)
        own[leg.child, weekday][window] += 1
        of_school[problem.children[leg.child].school, weekday][window] += 1
    weekdays = sorted({weekday for _, weekday in own})
    found: dict[int, dict[int, Window]] = {}
    for child in children:
        school = problem.children[child].school
        seen = ((day, own[child, day] or of_school[school, day]) for day in weekdays)
        found[child] = {day: windows.most_common(1)[0][0] for day, windows in seen if windows}
    return found


def _hour(windows: Iterable[Window], direction: Direction) -> int | None:
    """Return the hour in which the car is on the road, by the first of the usual windows that is known."""
    for low, high in windows:
        if (low, high) != ANY_TIME:
            return int((high if direction is Direction.TO_SCHOOL else low) // 60)
    return None


def _runs_of_group(
    problem: Problem, group: _Group, legs: Sequence[int], line_of: dict[int, int]
) -> Iterator[Run]:
    """Yield each day's runs: the line's children who can ride at once."""
    cars: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index in legs:
        leg = problem.legs[index]
        cars[leg.day, line_of[leg.child]].append(index)
    for (_, line), together in sorted(cars.items()):
        for car in _cars_of_day(problem, group, tuple(together)):
            yield _make_run(problem, group.atlas, car, line, group.rules, group=group)


def _cars_of_day(problem: Problem, group: _Group, legs: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield a line's legs of one day in as few cars as its times and places of that day allow."""
    times: dict[tuple[int, int | None], list[int]] = defaultdict(list)
    for index in legs:
        leg = problem.legs[index]
        times[problem.children[leg.child].school, leg.minute].append(index)
    one_time_each = len({school for school, _ in times}) == len(times)
    if len(legs) == 1 or (one_time_each and _day_route(problem, group, legs) is not None):
        yield legs
        return
    for part in [tuple(part) for part in times.values()]:
        yield from _parted(problem, group, part)


def _parted(problem: Problem, group: _Group, legs: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield legs of one school and time as cars: on a day with another place the line may not hold."""
    for size in range(len(legs), 1, -1):
        routes = {part: _day_route(problem, group, part) for part in combinations(legs, size)}
        fits = {part: route for part, route in routes.items() if route is not None}
        if fits:
            best = min(fits, key=lambda part: (round(fits[part].km, 6), part))
            yield best
            yield from _parted(problem, group, tuple(leg for leg in legs if leg not in best))
            return
    for leg in legs:
        yield (leg,)


def _day_route(problem: Problem, group: _Group, legs: tuple[int, ...]) -> Route | None:
    return group.way(riders_of(problem, legs), _leg_hour(problem, legs[0]))


def riders_of(problem: Problem, legs: Iterable[int]) -> list[Rider]:
    """Return the children of a car's legs as its road sees them, in the order of the legs."""
    return [
        Rider(
            problem.leg_point(leg),
            problem.children[problem.legs[leg].child].school,
            stay_minutes(problem.children[problem.legs[leg].child]),
            school_window(problem, problem.legs[leg]),
        )
        for leg in legs
    ]


def _leg_hour(problem: Problem, leg: int) -> int | None:
    return _hour([school_window(problem, problem.legs[leg])], problem.legs[leg].direction)


def _make_run(
    problem: Problem,
    atlas: Atlas,
    legs: tuple[int, ...],
    line: int,
    rules: PoolRules,
    *,
    group: _Group | None = None,
    halved: bool = False,
) -> Run:
    riders, first = riders_of(problem, legs), problem.legs[legs[0]]
    hour = _leg_hour(problem, legs[0])
    route = group.way(riders, hour) if group else best_route(atlas, riders, first.direction, rules, hour)
    route = route or any_route(atlas, riders, first.direction, hour)
    points = way_points(atlas, riders, route, first.direction)
    return Run(
        day=first.day,
        direction=first.direction,
        legs=tuple(legs[position] for position in route.order),
        start=points[0],
        end=points[-1],
        km=round(route.km, 3),
        minutes=round(route.minutes, 1),
        line=line,
        halved=halved,
        schools=route.schools if len(route.schools) > 1 else (),
    )


SERVICE_MINUTES = 1.0
WHEELCHAIR_SERVICE_MINUTES = 4.0
WAIT_MINUTES = 10  # where a leg names its minute: so long before a bell, or after dismissal, a child may wait
ANY_TIME: Window = (float("-inf"), float("inf"))
TINY = 1e-6
