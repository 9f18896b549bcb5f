"""The sketch of distances: true bearing, scaled distance, nobody covered."""

from itertools import combinations
from math import hypot

from escort.web.coordinator.sketch import APART, CENTRE, HEIGHT, PIXELS_PER_KM, WIDTH, sketch_of
from scheduling.travel import Point

DOOR = Point(30.9, 103.84)
FIVE_KM_NORTH = Point(30.9 + 5 / 111.2, 103.84)


def test_the_school_stands_at_its_bearing_and_distance() -> None:
    drawn = sketch_of(door=DOOR, school=FIVE_KM_NORTH, school_name="银杏", drivers=[])

    assert (drawn.school.x, drawn.school.y) == (CENTRE[0], CENTRE[1] - 5 * PIXELS_PER_KM)


def test_what_is_far_away_still_stands_on_the_paper() -> None:
    drawn = sketch_of(
        door=DOOR, school=Point(31.9, 103.84), school_name="远", drivers=[("王", Point(30.9, 105.0))]
    )

    for spot in (drawn.school, *drawn.drivers):
        assert 0 < spot.x < WIDTH
        assert 0 < spot.y < HEIGHT


def test_people_who_live_in_one_place_do_not_cover_each_other() -> None:
    drawn = sketch_of(
        door=DOOR, school=FIVE_KM_NORTH, school_name="银杏", drivers=[(str(n), DOOR) for n in range(8)]
    )

    spots = [(spot.x, spot.y) for spot in (drawn.door, drawn.school, *drawn.drivers)]
    assert min(hypot(a[0] - b[0], a[1] - b[1]) for a, b in combinations(spots, 2)) >= APART - 0.2
