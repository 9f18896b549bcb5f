import pytest

from scheduling.problem_file import read_problem
from scheduling.synthetic import SIZES, Size, make_problem
from tests.scheduling.small import AM


def test_the_same_size_and_seed_give_the_same_file() -> None:
    assert make_problem(Size.STREET, seed=4) == make_problem(Size.STREET, seed=4)
    assert make_problem(Size.STREET, seed=4) != make_problem(Size.STREET, seed=5)


def test_a_district_is_as_large_as_the_one_that_was_measured() -> None:
    problem = read_problem(make_problem(Size.DISTRICT, seed=3))

    assert (len(problem.children), len(problem.volunteers), len(problem.days)) == (344, 1118, 20)
    assert len(problem.runs or ()) == pytest.approx(7135, rel=0.05)
    assert len(problem.legs) == pytest.approx(13463, rel=0.01)
    assert 4 * sum(volunteer.cap_week for volunteer in problem.volunteers) == pytest.approx(9448, rel=0.05)


def test_cars_carry_at_most_three_and_leave_wheelchairs_alone() -> None:
    problem = read_problem(make_problem(Size.STREET))

    cars = [[problem.children[child] for child in problem.run_children(run)] for run in problem.runs or ()]
    assert max(map(len, cars)) == 3
    assert all(len(car) == 1 for car in cars if any(child.wheelchair for child in car))


def test_without_runs_everybody_waits_for_a_car() -> None:
    assert read_problem(make_problem(Size.STREET, with_runs=False)).runs is None


def test_neighbouring_districts_share_a_border_and_number_their_people_on() -> None:
    shape = SIZES[Size.DISTRICT]._replace(districts=2, children=20, volunteers=60, days=2)

    problem = read_problem(make_problem(shape))

    assert {volunteer.team for volunteer in problem.volunteers} <= set(range(24))
    assert {child.school for child in problem.children[20:]} <= set(range(12, 24))
    fetched = [run for run in problem.runs or () if run.direction is AM]
    assert fetched
