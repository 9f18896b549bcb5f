"""Lines: who shares a car day by day, and what changes that."""

from dataclasses import replace

import pytest

from scheduling import synthetic
from scheduling.plan import BrokenPin, Limits, PinFault
from scheduling.planner import plan
from scheduling.pooling import halve, pool, pool_lines
from scheduling.problem import Child, Leg, Line, Problem, Run, School
from scheduling.problem_file import read_problem
from scheduling.routes import PoolRules
from scheduling.school_bus import may_be_school_buses
from tests.scheduling.small import AM, PM, a_child, a_problem, a_volunteer, place
from tests.scheduling.verifier import broken_rules, car_faults

ACROSS = PoolRules(across_schools_km=4)
FOUR = PoolRules(max_children=4)
SAVINGS = PoolRules(compact=False)


def cars(problem: Problem, rules: PoolRules | None = None, *, day: int = 0) -> list[set[int]]:
    return sorted((set(problem.run_children(run)) for run in pool(problem, rules) if run.day == day), key=min)


def two_schools(
    *children: Child,
    am: tuple[int, int] = (460, 480),
    other_am: tuple[int, int] = (460, 480),
    apart: float = 2.0,
) -> Problem:
    schools = (School(place(0), am=am, pm=(960, 980)), School(place(-apart), am=other_am, pm=(960, 980)))
    return a_problem(children, [], schools=schools)


def test_today_s_mates_stay_where_others_would_only_save_some_driving() -> None:
    children = [a_child(5), a_child(5.1), a_child(8), a_child(8.1), a_child(5), a_child(8)]
    crossed = (Line(AM, (0, 2, 4)), Line(AM, (1, 3, 5)))

    assert cars(a_problem(children, [])) == [{0, 1, 4}, {2, 3, 5}]
    assert cars(a_problem(children, [], lines=crossed)) == [{0, 2, 4}, {1, 3, 5}]


def test_a_whole_car_less_is_worth_other_mates() -> None:
    children = [a_child(5), a_child(5), a_child(5)]
    alone = tuple(Line(AM, (child,)) for child in range(2))

    assert cars(a_problem(children[:2], [], lines=alone)) == [{0, 1}]


def test_a_newcomer_joins_a_line_with_room_and_nobody_else_moves() -> None:
    children = [a_child(5), a_child(5), a_child(6), a_child(6), a_child(6), a_child(5.5)]
    lines = (Line(AM, (0, 1)), Line(AM, (2, 3, 4)))

    assert cars(a_problem(children, [], lines=lines)) == [{0, 1, 5}, {2, 3, 4}]


def test_two_who_may_not_ride_together_ride_apart_whoever_of_them_said_so() -> None:
    children = [a_child(5, not_with=(1,)), a_child(5), a_child(5)]

    for rules in (PoolRules(), SAVINGS):
        found = cars(a_problem(children, []), rules)
        assert not any({0, 1} <= car for car in found)
        assert len(found) == 2


def test_a_pinned_line_is_kept_as_it_is_and_nobody_joins_it() -> None:
    children = [a_child(5), a_child(5), a_child(7), a_child(5)]

    problem = a_problem(children, [], lines=(Line(AM, (0, 2), pinned=True),))

    assert cars(problem) == [{0, 2}, {1, 3}]
    assert pool_lines(problem).broken_pins == ()


def test_a_child_pinned_by_itself_rides_alone_in_that_direction_only() -> None:
    children = [a_child(5), a_child(5)]
    lines = (Line(PM, (0,), pinned=True),)

    assert cars(a_problem(children, [], lines=lines, directions=(AM,))) == [{0, 1}]
    assert cars(a_problem(children, [], lines=lines, directions=(PM,))) == [{0}, {1}]


def test_a_pin_that_fights_another_is_reported_with_it_and_the_first_holds() -> None:
    children = [a_child(5) for _ in range(4)]
    lines = (
        Line(AM, (0, 1), pinned=True),
        Line(AM, (1, 2), pinned=True),
        Line(AM, (2, 0), pinned=True),
    )

    pooled = pool_lines(a_problem(children, [], lines=lines))

    assert pooled.broken_pins == (
        BrokenPin(1, PinFault.TAKEN, (1,), other=0),
        BrokenPin(2, PinFault.TAKEN, (0,), other=0),
    )


@pytest.mark.parametrize(
    ("fault", "children"),
    [
        (PinFault.TOO_MANY, [a_child(5)] * 4),
        (PinFault.CHILD_SEATS, [a_child(5, child_seat=True)] * 2),
        (PinFault.RIDES_ALONE, [a_child(5, wheelchair=True), a_child(5)]),
        (PinFault.FAMILIAR_ONLY, [a_child(5, only_familiar=True, circle=(0,)), a_child(5)]),
        (PinFault.NOT_WITH, [a_child(5, not_with=(1,)), a_child(5)]),
        (PinFault.TOO_LONG, [a_child(0, -8), a_child(0, 8)]),
    ],
)
def test_a_pin_against_a_rule_is_reported_with_the_rule(fault: PinFault, children: list[Child]) -> None:
    everybody = tuple(range(len(children)))
    problem = a_problem(children, [a_volunteer()], lines=(Line(AM, everybody, pinned=True),))

    assert pool_lines(problem).broken_pins == (BrokenPin(0, fault, everybody),)
    assert plan(problem).broken_pins == (BrokenPin(0, fault, everybody),)
    assert broken_rules(problem, plan(problem)) == []


def test_a_pin_over_two_schools_or_two_bells_is_reported() -> None:
    pin = (Line(AM, (0, 1), pinned=True),)
    two = replace(two_schools(a_child(5), a_child(5, school=1)), lines=pin)
    bells = a_problem([a_child(), a_child()], [], legs=[Leg(0, 0, AM, 480), Leg(1, 0, AM, 510)], lines=pin)

    assert pool_lines(two).broken_pins == (BrokenPin(0, PinFault.SCHOOLS_APART, (0, 1)),)
    assert pool_lines(bells).broken_pins == (BrokenPin(0, PinFault.OTHER_TIMES, (0, 1)),)


def test_children_of_near_schools_share_where_the_rules_allow_it() -> None:
    problem = two_schools(a_child(5), a_child(6, school=1))

    (run,) = pool(problem, ACROSS)

    assert cars(problem) == [{0}, {1}]
    assert (problem.run_children(run), run.schools) == ((1, 0), (0, 1))  # 6, 5, school at 0, school at -2
    assert (run.start, run.end, round(run.km)) == (place(6), place(-2), 8)
    assert car_faults(problem, run, across_km=4) == []


def test_schools_too_far_apart_or_with_times_that_do_not_meet_do_not_share() -> None:
    children = (a_child(5), a_child(6, school=1))

    assert cars(two_schools(*children, apart=5), ACROSS) == [{0}, {1}]
    assert cars(two_schools(*children, other_am=(500, 520)), ACROSS) == [{0}, {1}]


def test_a_halved_run_of_two_schools_is_two_cars_with_a_school_each() -> None:
    problem = two_schools(a_child(5), a_child(9, school=1))
    (run,) = pool(problem, ACROSS)

    first, second = halve(problem, run)

    assert [(problem.run_children(car), car.schools, car.end) for car in (first, second)] == [
        ((1,), (), place(-2)),
        ((0,), (), place(0)),
    ]


def test_four_may_share_where_the_rules_say_so() -> None:
    assert cars(a_problem([a_child(5)] * 4, []), FOUR) == [{0, 1, 2, 3}]
    with pytest.raises(ValueError, match="max_children"):
        PoolRules(max_children=5)


def test_a_duty_takes_no_longer_than_it_may() -> None:
    children = [a_child(20), a_child(21), a_child(22)]

    for rules in (PoolRules(max_minutes=40), PoolRules(max_minutes=40, compact=False)):
        problem = a_problem(children, [])
        assert all(run.minutes <= 45 for run in pool(problem, rules))  # 22 km alone take 44 and a minute
        assert len(pool(problem, rules)) == 3


def test_on_a_day_with_another_place_only_that_child_rides_by_itself() -> None:
    legs = [Leg(child, day, AM) for day in range(3) for child in range(3)]
    legs[1] = replace(legs[1], point=place(-8))

    problem = a_problem([a_child(5), a_child(5), a_child(5)], [], days=3, legs=legs)

    assert cars(problem) == [{0, 2}, {1}]
    assert cars(problem, day=1) == [{0, 1, 2}]


def test_the_usual_place_makes_the_line_not_the_address() -> None:
    # both live far apart, but are brought to the same grandmother every day
    legs = [Leg(child, 0, PM, point=place(6)) for child in range(2)]

    assert cars(a_problem([a_child(9, -9), a_child(9, 9)], [], directions=(PM,), legs=legs)) == [{0, 1}]


def test_children_who_ride_on_other_weekdays_may_have_the_same_line() -> None:
    legs = [Leg(0, 0, AM, 480), Leg(0, 1, AM, 480), Leg(1, 1, AM, 480)]

    problem = a_problem([a_child(5), a_child(5)], [], days=2, legs=legs)

    assert (cars(problem), cars(problem, day=1)) == ([{0}], [{0, 1}])


def test_the_same_problem_gives_the_same_lines_twenty_times() -> None:
    children = [a_child(4 + (7 * n % 11) / 2, (5 * n % 13) - 6, child_seat=n % 5 == 0) for n in range(24)]
    found = {pool(a_problem(children, [], days=2, directions=(AM, PM))) for _ in range(20)}

    assert len(found) == 1


def test_a_town_of_twelve_schools_gets_the_same_lines_twenty_times() -> None:
    size = synthetic.SIZES["district"]._replace(days=1, children=150, volunteers=20)
    problem = read_problem(synthetic.make_problem(size, seed=0, with_runs=False))

    assert len({pool(problem) for _ in range(20)}) == 1


def test_vroom_needs_no_more_cars_than_savings_alone() -> None:
    children = [a_child(4 + (7 * n % 11) / 2, (5 * n % 13) - 6, child_seat=n % 5 == 0) for n in range(24)]
    problem = a_problem(children, [])

    assert len(pool(problem)) <= len(pool(problem, SAVINGS))


def test_a_big_car_on_a_fixed_line_of_several_families_is_warned_of() -> None:
    big, small = a_volunteer(seats=6), a_volunteer(seats=4)

    def warned(driver_seats: int, days: int, **facts: int) -> tuple[object, ...]:
        children = [a_child(5, **facts), a_child(5, **facts)]
        drivers = [big if driver_seats > 4 else small]
        problem = a_problem(children, drivers, days=days)
        return may_be_school_buses(problem, plan(problem, limits=Limits(sweeps=1)))

    (found,) = may_be_school_buses(
        problem := a_problem([a_child(5), a_child(5)], [big], days=3), plan(problem)
    )
    assert (found.children, found.volunteers, found.days) == ((0, 1), (0,), (0, 1, 2))
    assert warned(4, 3) == ()
    assert warned(6, 1) == ()
    assert warned(6, 3, family=1) == ()


def test_a_given_run_may_visit_several_schools_only_if_it_says_which() -> None:
    problem = two_schools(a_child(5), a_child(5, school=1))
    run = Run(0, AM, (0, 1), place(5), place(-2), 7.0, 16.0, 0, schools=(0, 1))

    assert replace(problem, runs=(run,)).runs == (run,)
    with pytest.raises(ValueError, match="several schools"):
        replace(problem, runs=(replace(run, schools=()),))


@pytest.mark.parametrize(
    ("field", "facts"),
    [
        ("lines", {"lines": (Line(AM, (0, 7)),)}),
        ("not_with", {"children": (a_child(not_with=(9,)),)}),
    ],
)
def test_a_line_or_wish_about_a_child_that_is_not_there_is_refused(field: str, facts: dict) -> None:
    with pytest.raises(ValueError, match=field):
        replace(a_problem([a_child()], []), **facts)
