from dataclasses import replace
from itertools import pairwise

from scheduling.circles import propose_circles
from scheduling.planner import plan
from scheduling.problem import Problem, Turning
from tests.scheduling.small import AM, PM, a_child, a_problem, a_volunteer, on

SHY = a_child(5, only_familiar=True, turning=Turning.RULE)
WEEK = {"days": 5, "directions": (AM, PM)}


def with_circles(problem: Problem) -> Problem:
    circles = propose_circles(problem)
    return replace(
        problem,
        children=tuple(
            replace(child, circle=circles.get(index, child.circle))
            for index, child in enumerate(problem.children)
        ),
    )


def test_a_circle_covers_the_week_in_turn_with_anyone_missing() -> None:
    people = [a_volunteer(4 + n % 3, cap_week=2 + n % 2) for n in range(20)]
    problem = with_circles(a_problem([SHY], people, **WEEK))
    circle = problem.children[0].circle

    assert 6 <= len(circle) <= 8
    for missing in circle:
        gone = tuple(replace(v, avail=on()) if i == missing else v for i, v in enumerate(problem.volunteers))
        found = plan(replace(problem, volunteers=gone))
        by_day = [{v for r, v in zip(found.runs, found.driver, strict=True) if r.day == d} for d in range(5)]
        assert found.uncovered_legs == 0
        assert all(a.isdisjoint(b) for a, b in pairwise(by_day))


def test_only_people_who_may_drive_the_child_are_proposed() -> None:
    people = [
        a_volunteer(5),
        a_volunteer(5, wheelchair=True, avail=on((6, AM))),  # never when the child rides
        a_volunteer(40, wheelchair=True),  # too far
        a_volunteer(5, wheelchair=True, vetted_until=None),
        a_volunteer(5, wheelchair=True, cap_week=0),
        a_volunteer(5, wheelchair=True),
    ]

    assert propose_circles(a_problem([a_child(5, wheelchair=True)], people, **WEEK)) == {0: (5,)}


def test_half_days_that_few_offer_are_looked_after_first() -> None:
    mornings = [a_volunteer(5, avail=on(*[(day, AM) for day in range(5)]), cap_week=5) for _ in range(12)]
    afternoons = [a_volunteer(9, avail=on(*[(day, PM) for day in range(5)]), cap_week=5) for _ in range(3)]

    (circle,) = propose_circles(a_problem([SHY], [*mornings, *afternoons], **WEEK)).values()

    assert {12, 13, 14} <= set(circle)


def test_children_of_one_line_share_their_circle() -> None:
    problem = a_problem([a_child(5), a_child(5.5)], [a_volunteer(5, cap_week=3) for _ in range(12)], **WEEK)

    circles = propose_circles(problem)

    assert circles[0] == circles[1]
    assert len(circles[0]) == 7


def test_circles_together_promise_nobody_twice() -> None:
    people = [a_volunteer(3 + n % 5, cap_week=2) for n in range(30)]
    problem = with_circles(a_problem([SHY, SHY, SHY], people, **WEEK))

    found = plan(problem)

    assert (found.uncovered_legs, found.repeats) == (0, ())
    assert len({v for child in problem.children for v in child.circle}) > 15


def test_an_existing_circle_is_kept_and_known_faces_come_first() -> None:
    people = [a_volunteer(5, cap_week=4) for _ in range(12)]
    problem = a_problem([replace(SHY, circle=(0, 1, 2)), replace(SHY, familiar=(11,))], people, **WEEK)

    circles = propose_circles(problem)

    assert list(circles) == [1]
    assert 11 in circles[1]
    assert list(propose_circles(problem, children=[0])) == [0]


def test_a_make_up_day_is_part_of_the_week_to_cover() -> None:
    people = [a_volunteer(5, cap_week=2) for _ in range(20)]
    problem = a_problem([SHY], people, **WEEK)
    six = a_problem([SHY], people, days=6, directions=(AM, PM))
    sunday = replace(six.days[0], on=six.days[4].on.replace(day=18))
    six = replace(six, days=(*six.days[:5], sunday))

    found = plan(with_circles(six))

    assert found.uncovered_legs == 0
    assert len(propose_circles(six)[0]) >= len(propose_circles(problem)[0])


def test_who_does_not_ride_is_proposed_nobody() -> None:
    problem = a_problem([SHY], [a_volunteer()], legs=[])

    assert propose_circles(problem) == {}
    assert propose_circles(problem, children=[0]) == {0: ()}
