"""One car's way: in which order its children's homes and schools are visited, and whether it may go so at all.

In the morning all homes come before the first school, in the afternoon all schools before the first home, so that
nobody is left in the car (P2). Times: driving, plus a stay at every home (P4). Every school lies in its window
without waiting on the way (P3), every ride keeps its limit (P5), and the whole duty its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations

from scheduling.problem import Direction, Point, Problem
from scheduling.travel import Floats, as_array

Window = tuple[float, float]


@dataclass(frozen=True, slots=True)
class PoolRules:
    """Who may share a car. Distances and minutes are those of the problem's travel times."""

    max_children: int = 3
    max_child_seats: int = 1  # two in one car leave too few volunteers (PLANNER section 5)
    max_minutes: float = 60.0  # of one duty, from the first stop to the last
    ride_factor: float = 1.5  # a ride takes at most so many times the direct one, and ride_slack more
    ride_slack: float = 10.0
    across_schools_km: float = 0.0  # children of schools so near each other may share; 0: one school a car
    compact: bool = True  # lines by VROOM; else by savings alone
    car_km: float = 30.0  # one car less is worth so much driving
    change_km: float = 10.0  # and so much is other car-mates for one child

    def __post_init__(self) -> None:
        if not 1 <= self.max_children <= MOST_IN_A_CAR:
            raise ValueError(f"max_children must be 1 to {MOST_IN_A_CAR}.")
        for name in (
            "max_child_seats",
            "max_minutes",
            "ride_slack",
            "across_schools_km",
            "car_km",
            "change_km",
        ):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative.")


@dataclass(frozen=True, slots=True)
class Rider:
    """A child on one way, as far as the road is concerned. `window`: when the school takes it or lets it go."""

    home: Point
    school: int
    stay: float
    window: Window


@dataclass(frozen=True, slots=True)
class Route:
    """The way itself: positions of the riders in the order of their homes, and the schools in theirs."""

    order: tuple[int, ...]
    schools: tuple[int, ...]
    km: float
    minutes: float  # driving, and the stays at the homes


class Atlas:
    """Road km and minutes between the problem's points, measured once for each hour."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.travel = problem, problem.travel
        self.known: dict[tuple[Point, Point, int | None], tuple[float, float]] = {}

    def survey(self, points: Iterable[Point], hour: int | None) -> tuple[Floats, Floats]:
        """Measure all pairs of some points at once; return km and minutes in the points' order."""
        listed = list(points)
        places = as_array(listed)
        km, minutes = self.travel.km(places, places), self.travel.driving_minutes(places, places, hour=hour)
        for i, a in enumerate(listed):
            row = zip(km[i].tolist(), minutes[i].tolist(), strict=True)
            self.known.update(((a, b, hour), pair) for b, pair in zip(listed, row, strict=True))
        return km, minutes

    def way(self, a: Point, b: Point, hour: int | None) -> tuple[float, float]:
        """Return km and minutes from one point to another."""
        if (a, b, hour) not in self.known:
            self.survey([a, b], hour)
        return self.known[a, b, hour]

    def gate(self, school: int) -> Point:
        return self.problem.schools[school].point


def best_route(
    atlas: Atlas, riders: Sequence[Rider], direction: Direction, rules: PoolRules, hour: int | None = None
) -> Route | None:
    """Return the shortest way that keeps every limit, or None if there is none."""
    direct = [_direct(atlas, rider, direction, hour) for rider in riders]
    longest = [rules.ride_factor * minutes + rules.ride_slack for minutes in direct]
    best: Route | None = None
    for schools in permutations(sorted({rider.school for rider in riders})):
        for order in permutations(range(len(riders))):
            route = _walk(atlas, riders, order, schools, direction, hour)
            if best is not None and route.km >= best.km - TINY_KM:
                continue
            if route.minutes <= rules.max_minutes + TINY_MINUTES and _keeps_limits(
                atlas, riders, route, direction, hour, longest
            ):
                best = route
    return best


def any_route(atlas: Atlas, riders: Sequence[Rider], direction: Direction, hour: int | None) -> Route:
    """Return the shortest way whatever the limits: for a car that is driven anyway."""
    ways = [
        _walk(atlas, riders, order, schools, direction, hour)
        for schools in permutations(sorted({rider.school for rider in riders}))
        for order in permutations(range(len(riders)))
    ]
    return min(ways, key=lambda route: (round(route.km, 6), route.order, route.schools))


def way_points(atlas: Atlas, riders: Sequence[Rider], route: Route, direction: Direction) -> list[Point]:
    """Return all stops of a way in driving order."""
    homes = [riders[position].home for position in route.order]
    gates = [atlas.gate(school) for school in route.schools]
    return homes + gates if direction is Direction.TO_SCHOOL else gates + homes


def stop_times(
    atlas: Atlas, riders: Sequence[Rider], route: Route, direction: Direction, hour: int | None
) -> tuple[list[float], dict[int, float]]:
    """Return when the car comes to each home, in visiting order, and to each school: minutes after its start."""
    to_school = direction is Direction.TO_SCHOOL
    stays = [riders[position].stay for position in route.order]
    waits = [0.0] * len(route.schools)
    stops = stays + waits if to_school else waits + stays
    arrivals = [0.0]
    for stop, (a, b) in enumerate(pairwise(way_points(atlas, riders, route, direction))):
        arrivals.append(arrivals[-1] + stops[stop] + atlas.way(a, b, hour)[1])
    first, second = (len(stays), len(waits)) if to_school else (len(waits), len(stays))
    parts = arrivals[:first], arrivals[first : first + second]
    at_home, at_gate = parts if to_school else parts[::-1]
    return at_home, dict(zip(route.schools, at_gate, strict=True))


def _direct(atlas: Atlas, rider: Rider, direction: Direction, hour: int | None) -> float:
    ends = rider.home, atlas.gate(rider.school)
    return atlas.way(*(ends if direction is Direction.TO_SCHOOL else ends[::-1]), hour)[1]


def _walk(
    atlas: Atlas,
    riders: Sequence[Rider],
    order: tuple[int, ...],
    schools: tuple[int, ...],
    direction: Direction,
    hour: int | None,
) -> Route:
    way = Route(order, schools, 0.0, 0.0)
    parts = [atlas.way(a, b, hour) for a, b in pairwise(way_points(atlas, riders, way, direction))]
    stays = sum(rider.stay for rider in riders)
    return Route(order, schools, sum(km for km, _ in parts), sum(minutes for _, minutes in parts) + stays)


def _keeps_limits(
    atlas: Atlas,
    riders: Sequence[Rider],
    route: Route,
    direction: Direction,
    hour: int | None,
    longest: Sequence[float],
) -> bool:
    """Return whether nobody rides too long, and one time of starting suits every school."""
    to_school = direction is Direction.TO_SCHOOL
    at_home, at_school = stop_times(atlas, riders, route, direction, hour)
    earliest, latest = float("-inf"), float("inf")
    for who, home in zip(route.order, at_home, strict=True):
        rider = riders[who]
        gate = at_school[rider.school]
        ride = gate - home - rider.stay if to_school else home - gate
        if ride > longest[who] + TINY_MINUTES:
            return False
        earliest = max(earliest, rider.window[0] - gate)
        latest = min(latest, rider.window[1] - gate)
    return earliest <= latest + TINY_MINUTES


MOST_IN_A_CAR = 4
TINY_KM = 1e-9
TINY_MINUTES = 1e-6
