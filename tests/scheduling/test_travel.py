import numpy as np
import pytest

from scheduling.travel import EstimatedTravel, Point, as_array, km_between, minutes_between

SCHOOL, HOME = Point(30.8062, 103.8935), Point(30.9071, 103.8402)


def test_the_road_is_the_great_circle_times_the_winding_factor() -> None:
    assert km_between(SCHOOL, HOME) == pytest.approx(16.02, abs=0.01)
    assert minutes_between(SCHOOL, HOME) == pytest.approx(2 * km_between(SCHOOL, HOME))


def test_a_matrix_agrees_with_single_pairs() -> None:
    points = [SCHOOL, HOME, Point(30.75, 103.98)]

    matrix = EstimatedTravel().km(as_array(points), as_array(points[:2]))

    singly = [[km_between(a, b) for b in points[:2]] for a in points]
    assert matrix == pytest.approx(np.array(singly), abs=1e-6)


def test_no_points_give_an_empty_matrix() -> None:
    assert EstimatedTravel().km(as_array([]), as_array([SCHOOL])).shape == (0, 1)
