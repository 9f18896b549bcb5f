"""The sketch of distances beside a new child: no map, no tiles, no borders.

The door in the middle, rings at 2, 5 and 10 km, the school and the candidates at their true bearing; beyond
10 km the scale is logarithmic. Candidates come rounded to about 500 m.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, hypot, log2, pi, radians, sin

from scheduling.travel import Point

WIDTH, HEIGHT = 600, 400
CENTRE = (270.0, 200.0)
PIXELS_PER_KM = 15.0
LINEAR_KM = 10.0  # up to here the scale is linear
PIXELS_PER_DOUBLING = 42.0  # beyond it
FARTHEST = 186.0
RINGS_KM = (2, 5, 10)
KM_PER_DEGREE = 111.2
APART = 27.0  # two spots nearer than this would cover each other


@dataclass(frozen=True)
class Spot:
    x: float
    y: float
    label: str  # the sign inside
    name: str
    is_right: bool  # the name stands on the right side of the spot


@dataclass(frozen=True)
class Ring:
    km: int
    radius: float


@dataclass(frozen=True)
class Sketch:
    door: Spot
    school: Spot
    drivers: tuple[Spot, ...]
    rings: tuple[Ring, ...]
    width: int = WIDTH
    height: int = HEIGHT


def sketch_of(
    *, door: Point, school: Point, school_name: str, drivers: Sequence[tuple[str, Point]]
) -> Sketch:
    """Return where everything stands; the first drivers keep their place, later ones give way a little."""
    middle = Spot(*CENTRE, "家", "", is_right=True)
    there = _spot(door, school, "校", school_name)
    taken = [(middle.x, middle.y), (there.x, there.y)]
    spots = []
    for number, (name, point) in enumerate(drivers, start=1):
        x, y = _free(*_place(door, point), taken)
        taken.append((x, y))
        spots.append(Spot(round(x, 1), round(y, 1), str(number), name, is_right=x >= CENTRE[0]))
    rings = tuple(Ring(km, km * PIXELS_PER_KM) for km in RINGS_KM)
    return Sketch(door=middle, school=there, drivers=tuple(spots), rings=rings)


def _spot(door: Point, point: Point, label: str, name: str) -> Spot:
    x, y = _free(*_place(door, point), [CENTRE])
    return Spot(round(x, 1), round(y, 1), label, name, is_right=x < WIDTH * 0.6)


def _place(door: Point, point: Point) -> tuple[float, float]:
    """Return x and y in the drawing: true bearing, scaled distance."""
    east = (point.lon - door.lon) * KM_PER_DEGREE * cos(radians(door.lat))
    north = (point.lat - door.lat) * KM_PER_DEGREE
    km = hypot(east, north)
    if km == 0:
        return CENTRE
    far = _pixels(km)
    return CENTRE[0] + far * east / km, CENTRE[1] - far * north / km


def _pixels(km: float) -> float:
    if km <= LINEAR_KM:
        return km * PIXELS_PER_KM
    return min(FARTHEST, LINEAR_KM * PIXELS_PER_KM + PIXELS_PER_DOUBLING * log2(km / LINEAR_KM))


def _free(x: float, y: float, taken: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the nearest place on a small spiral that covers nobody."""
    for step in range(48):
        far, turn = step * 2.5, step * pi / 4
        here = (x + far * cos(turn), y + far * sin(turn))
        if all(hypot(here[0] - at[0], here[1] - at[1]) >= APART for at in taken):
            return here
    return x, y
