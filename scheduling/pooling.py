"""Which legs share a car: simple lines of at most three children of one school.

Lines are made once for the horizon, per school and direction, and hold on every day: an absent child drops
out. Order of making: lines that exist already, siblings, then the pairs that save most driving (Clarke and
Wright 1964). A merged line must keep every child's ride within RIDE_FACTOR x direct + RIDE_SLACK minutes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise, permutations

import numpy as np

from scheduling.problem import Direction, Leg, Point, Problem, Run
from scheduling.travel import Floats, as_array


def pool(problem: Problem) -> tuple[Run, ...]:
    """Return the problem's runs, unchanged and first, then pooled runs for every leg that is in none.

    New runs are ordered by day, direction and line. The same problem always gives the same runs.
    """
    given = problem.runs or ()
    riding = {leg for run in given for leg in run.legs}
    left = [index for index in range(len(problem.legs)) if index not in riding]
    if not left:
        return given
    atlas = _Atlas(problem)
    by_group: dict[tuple[int, Direction], list[int]] = defaultdict(list)
    for index in left:
        leg = problem.legs[index]
        by_group[problem.children[leg.child].school, leg.direction].append(index)
    seeds, next_line = _given_lines(problem), 1 + max((run.line for run in given), default=-1)
    new: list[Run] = []
    for group in sorted(by_group):
        riders = sorted({problem.legs[index].child for index in by_group[group]})
        line_of: dict[int, int] = {}
        for line in _make_lines(problem, atlas, riders, group, seeds):
            number = line.number if line.number is not None else next_line
            next_line += line.number is None
            line_of.update(dict.fromkeys(line.children, number))
        new.extend(_runs_of_group(problem, atlas, by_group[group], line_of))
    new.sort(key=lambda run: (run.day, run.direction, run.line, run.legs))
    return given + tuple(new)


def halve(problem: Problem, run: Run) -> tuple[Run, Run]:
    """Return the run as two cars for its day, splitting where the longest gap between homes lies."""
    atlas = _Atlas(problem)
    homes = [problem.leg_point(leg) for leg in run.legs]
    gaps = [atlas.km(a, b) for a, b in pairwise(homes)]
    cut = 1 + max(range(len(gaps)), key=lambda gap: (gaps[gap], -gap))
    first = _make_run(problem, atlas, run.legs[:cut], run.line, halved=True)
    return first, _make_run(problem, atlas, run.legs[cut:], run.line, halved=True)


@dataclass(frozen=True)
class _Line:
    children: tuple[int, ...]
    number: int | None = None  # None: not in use yet


class _Atlas:
    """Road km and minutes between the problem's points, measured once for each school's points."""

    def __init__(self, problem: Problem) -> None:
        self.travel = problem.travel
        self.known: dict[tuple[Point, Point], float] = {}

    def km(self, a: Point, b: Point) -> float:
        if (a, b) not in self.known:
            distance = float(self.travel.km(as_array([a]), as_array([b]))[0, 0])
            self.known[a, b] = self.known[b, a] = distance
        return self.known[a, b]

    def minutes(self, km: float) -> float:
        return float(self.travel.minutes(np.array([km]))[0])

    def survey(self, points: Iterable[Point]) -> Floats:
        """Measure all pairs of some points at once; return the matrix in the points' order."""
        listed = list(points)
        matrix = self.travel.km(as_array(listed), as_array(listed))
        for i, a in enumerate(listed):
            for j, b in enumerate(listed):
                self.known[a, b] = float(matrix[i, j])
        return matrix


def _given_lines(problem: Problem) -> dict[tuple[int, Direction], list[_Line]]:
    """Return the lines that existing runs show, by school and direction; halved runs show none."""
    children: dict[tuple[int, Direction, int], dict[int, None]] = defaultdict(dict)
    for run in problem.runs or ():
        if not run.halved:
            riders = problem.run_children(run)
            school = problem.children[riders[0]].school
            children[school, run.direction, run.line].update(dict.fromkeys(riders))
    lines: dict[tuple[int, Direction], list[_Line]] = defaultdict(list)
    for (school, direction, number), riders_of_line in sorted(children.items()):
        lines[school, direction].append(_Line(tuple(riders_of_line), number))
    return lines


def _make_lines(
    problem: Problem,
    atlas: _Atlas,
    riders: list[int],
    group: tuple[int, Direction],
    seeds: dict[tuple[int, Direction], list[_Line]],
) -> list[_Line]:
    """Return lines that hold every rider once."""
    school, direction = group
    gate = problem.schools[school].point
    homes = {child: problem.children[child].place(direction) for child in riders}
    matrix = atlas.survey([gate, *homes.values()])
    lines: list[_Line] = []
    free = set(riders)
    for seed in seeds.get(group, []):
        staying = tuple(child for child in seed.children if child in free)
        if staying and _fits(problem, atlas, staying, direction, gate):
            lines.append(_Line(staying, seed.number))
            free -= set(staying)
    lines.extend(_Line((child,)) for child in riders if child in free)
    for a, b in _sibling_pairs(problem, riders):
        lines = _merge(problem, atlas, lines, a, b, direction, gate)
    for a, b in _pairs_by_saving(riders, matrix):
        lines = _merge(problem, atlas, lines, a, b, direction, gate)
    return lines


def _sibling_pairs(problem: Problem, riders: list[int]) -> Iterator[tuple[int, int]]:
    families: dict[int, list[int]] = defaultdict(list)
    for child in riders:
        family = problem.children[child].family
        if family is not None:
            families[family].append(child)
    for siblings in families.values():
        yield from combinations(siblings, 2)


def _pairs_by_saving(riders: list[int], matrix: Floats) -> Iterator[tuple[int, int]]:
    """Yield pairs of riders, largest saving of one car for two first; row 0 of the matrix is the school."""
    saving = matrix[0, 1:, None] + matrix[0, None, 1:] - matrix[1:, 1:]
    rows, columns = np.triu_indices(len(riders), k=1)
    order = np.lexsort((columns, rows, -np.round(saving[rows, columns], 6)))
    for pair in order:
        yield riders[rows[pair]], riders[columns[pair]]


def _merge(
    problem: Problem, atlas: _Atlas, lines: list[_Line], a: int, b: int, direction: Direction, gate: Point
) -> list[_Line]:
    """Return the lines with those of children a and b made one, if one car can do it."""
    one = next(line for line in lines if a in line.children)
    other = next(line for line in lines if b in line.children)
    if one is other or (one.number is not None and other.number is not None):
        return lines
    children = one.children + other.children
    if len(children) > MAX_CHILDREN or not _fits(problem, atlas, children, direction, gate):
        return lines
    number = one.number if one.number is not None else other.number
    return [line for line in lines if line is not one and line is not other] + [_Line(children, number)]


def _fits(
    problem: Problem, atlas: _Atlas, children: tuple[int, ...], direction: Direction, gate: Point
) -> bool:
    """Return whether one car may carry these children of one school."""
    if len(children) == 1:
        return True
    riders = [problem.children[child] for child in children]
    if len(children) > MAX_CHILDREN or sum(child.child_seat for child in riders) > MAX_CHILD_SEATS:
        return False
    if any(child.wheelchair or child.alone or child.second_adult for child in riders):
        return False
    if any(child.only_familiar for child in riders):
        circles = {frozenset(child.circle) for child in riders}
        if len(circles) > 1 or not all(child.only_familiar and child.circle for child in riders):
            return False
    homes = {child: problem.children[child].place(direction) for child in children}
    return _best_order(problem, atlas, homes, direction, gate) is not None


def _best_order(
    problem: Problem, atlas: _Atlas, homes: dict[int, Point], direction: Direction, gate: Point
) -> tuple[int, ...] | None:
    """Return the shortest order of visits in which every ride keeps its limit, or None."""
    best: tuple[float, tuple[int, ...]] | None = None
    for order in permutations(homes):
        stops = [homes[child] for child in order]
        km = _line_km(atlas, stops, direction, gate)
        if (best is None or km < best[0] - 1e-9) and _rides_in_time(
            problem, atlas, order, stops, direction, gate
        ):
            best = km, order
    return None if best is None else best[1]


def _line_km(atlas: _Atlas, stops: list[Point], direction: Direction, gate: Point) -> float:
    path = [*stops, gate] if direction is Direction.TO_SCHOOL else [gate, *stops]
    return sum(atlas.km(a, b) for a, b in pairwise(path))


def _rides_in_time(
    problem: Problem,
    atlas: _Atlas,
    order: tuple[int, ...],
    stops: list[Point],
    direction: Direction,
    gate: Point,
) -> bool:
    """Return whether no child rides too long; stops of others on the way count as service minutes."""
    outward = direction is Direction.HOME
    path = stops if outward else stops[::-1]  # seen from the school, both ways are alike
    visited = order if outward else order[::-1]
    km, waited, at = 0.0, 0.0, gate
    for child, stop in zip(visited, path, strict=True):
        km += atlas.km(at, stop)
        direct = atlas.minutes(atlas.km(gate, stop))
        if atlas.minutes(km) + waited > RIDE_FACTOR * direct + RIDE_SLACK_MINUTES:
            return False
        waited += _service_minutes(problem, child)
        at = stop
    return True


def _runs_of_group(
    problem: Problem, atlas: _Atlas, legs: list[int], line_of: dict[int, int]
) -> Iterator[Run]:
    """Yield each day's runs of one school and direction: the line's children who ride at the same time."""
    cars: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for index in legs:
        leg = problem.legs[index]
        minute = -1 if leg.minute is None else leg.minute
        cars[leg.day, line_of[leg.child], minute].append(index)
    for (_, line, _), together in sorted(cars.items()):
        if _usual_places(problem.legs[index] for index in together) or _still_fits(problem, atlas, together):
            yield _make_run(problem, atlas, tuple(together), line)
        else:
            for index in together:
                yield _make_run(problem, atlas, (index,), line)


def _usual_places(legs: Iterable[Leg]) -> bool:
    return all(leg.point is None for leg in legs)


def _still_fits(problem: Problem, atlas: _Atlas, legs: list[int]) -> bool:
    """Return whether a line holds on a day on which somebody rides from or to another place."""
    homes, direction, gate = _visits(problem, tuple(legs))
    return _best_order(problem, atlas, homes, direction, gate) is not None


def _make_run(
    problem: Problem, atlas: _Atlas, legs: tuple[int, ...], line: int, *, halved: bool = False
) -> Run:
    homes, direction, gate = _visits(problem, legs)
    order = _best_order(problem, atlas, homes, direction, gate) or tuple(homes)
    leg_of = {problem.legs[leg].child: leg for leg in legs}
    stops = [homes[child] for child in order]
    km = _line_km(atlas, stops, direction, gate)
    to_school = direction is Direction.TO_SCHOOL
    return Run(
        day=problem.legs[legs[0]].day,
        direction=direction,
        legs=tuple(leg_of[child] for child in order),
        start=stops[0] if to_school else gate,
        end=gate if to_school else stops[-1],
        km=round(km, 3),
        minutes=round(atlas.minutes(km) + sum(_service_minutes(problem, child) for child in order), 1),
        line=line,
        halved=halved,
    )


def _visits(problem: Problem, legs: tuple[int, ...]) -> tuple[dict[int, Point], Direction, Point]:
    homes = {problem.legs[leg].child: problem.leg_point(leg) for leg in legs}
    first = problem.legs[legs[0]]
    return homes, first.direction, problem.schools[problem.children[first.child].school].point


def _service_minutes(problem: Problem, child: int) -> float:
    return WHEELCHAIR_SERVICE_MINUTES if problem.children[child].wheelchair else SERVICE_MINUTES


MAX_CHILDREN = 3
MAX_CHILD_SEATS = 1  # two in one car leave too few volunteers (PLANNER section 5)
RIDE_FACTOR = 1.5
RIDE_SLACK_MINUTES = 10.0
SERVICE_MINUTES = 1.0
WHEELCHAIR_SERVICE_MINUTES = 4.0
