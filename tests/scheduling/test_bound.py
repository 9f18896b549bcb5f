from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling import assign
from scheduling.cost import value_of
from scheduling.plan import Limits
from scheduling.planner import plan
from scheduling.problem import Problem, Run
from scheduling.problem_file import read_problem
from scheduling.synthetic import SIZES, Size, make_problem
from scheduling.tables import RunTable
from tests.scheduling.small import AM, a_child, a_problem, a_volunteer, place

TINY = SIZES[Size.STREET]._replace(children=8, volunteers=20, days=10)


def best_by_trying_all(problem: Problem) -> int:
    """Return the least total of all plans of one child's week, every one of them added up."""
    legs = problem.legs
    runs = RunTable(
        problem,
        [Run(leg.day, leg.direction, (n,), place(5), place(0), 5, 10, 0) for n, leg in enumerate(legs)],
    )
    totals = []
    for people in product([None, *range(len(problem.volunteers))], repeat=len(legs)):
        if all(people.count(who) <= person.cap_week for who, person in enumerate(problem.volunteers)):
            parts, _ = value_of(problem, runs, people, [None] * len(people), (), 0)
            totals.append(parts.total)
    return min(totals)


@pytest.fixture
def proofs_for_the_smallest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assign, "FEW_DUTIES", 0)


@pytest.mark.usefixtures("proofs_for_the_smallest")
@pytest.mark.parametrize(
    "people",
    [
        [a_volunteer(5), a_volunteer(6)],  # two who may take turns
        [a_volunteer(5, cap_week=2), a_volunteer(9, cap_week=1, pledge_week=1)],
        [a_volunteer(5)],  # a repeat that cannot be helped
    ],
)
def test_no_plan_of_all_is_below_the_bound_and_one_is_near(people: list[object]) -> None:
    problem = a_problem([a_child(5, familiar=(0,), circle_target=1)], people, days=4, directions=(AM,))  # type: ignore[arg-type]

    found = plan(problem, limits=Limits(bound_rounds=60))

    least = best_by_trying_all(problem)
    assert found.bound <= least <= found.parts.total
    assert found.bound >= 0.5 * least


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 500))
def test_the_bound_holds_and_is_no_worse_than_the_flow_s(seed: int) -> None:
    problem = read_problem(make_problem(TINY, seed=seed))

    proved = plan(problem, seed=seed, limits=Limits(moves_per_duty=400, bound_rounds=30))
    of_the_flow = plan(problem, limits=Limits(moves_per_duty=0, bound_rounds=0))

    assert of_the_flow.bound <= proved.bound <= proved.parts.total


def test_a_plan_says_by_how_much_it_could_be_better_at_most() -> None:
    found = plan(read_problem(make_problem(Size.STREET, seed=1)), limits=Limits(moves_per_duty=300))

    assert 0 < found.could_be_better_by < 1
    assert found.could_be_better_by == (found.parts.total - found.bound) / found.parts.soft
