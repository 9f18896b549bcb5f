from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.bench_repairs import measure_repairs
from scheduling.cost import value_of
from scheduling.explain import settle
from scheduling.plan import Limits, Plan
from scheduling.planner import plan
from scheduling.problem import Direction, Leg, Problem, Run, StandbySlot, Volunteer
from scheduling.repair import (
    Away,
    CarBroken,
    ChildAbsent,
    Desk,
    Move,
    Repair,
    SaysNo,
    Wanted,
)
from scheduling.tables import RunTable
from tests.scheduling.small import AM, PM, a_child, a_problem, a_volunteer, on, place
from tests.scheduling.verifier import broken_rules


def a_plan(
    volunteers: Sequence[Volunteer],
    rides: Sequence[tuple[int, Direction]],
    drivers: Sequence[int | None],
    **facts: Any,
) -> Problem:
    """Return as many children as rides, each of whom rides alone on one half-day, and who drives them."""
    legs = [Leg(child, day, way) for child, (day, way) in enumerate(rides)]
    problem = a_problem([a_child(5)] * len(rides), volunteers, days=5, legs=legs, **facts)
    runs = tuple(
        Run(day, way, (leg,), *((place(5), place(0)) if way is AM else (place(0), place(5))), 5.0, 11.0, leg)
        for leg, (day, way) in enumerate(rides)
    )
    held = {run: who for run, who in enumerate(drivers) if who is not None}
    return replace(problem, runs=runs, promised=held)


def banning(problem: Problem, *people: int) -> Problem:
    """Return the problem with these people closed to the first child."""
    first, *others = problem.children
    return replace(problem, children=(replace(first, banned=people), *others))


def test_who_said_no_before_is_not_asked_for_another_ride_at_that_time() -> None:
    problem = a_plan([a_volunteer(5)] * 3, [(0, AM), (0, AM)], [0, 1])

    found = Desk(replace(problem, declined=frozenset({(0, 2)}))).what_if(SaysNo(0, 0))

    assert found.repairs[0].left_open == (0,)


def test_somebody_free_takes_over_and_nobody_else_notices() -> None:
    near, far = a_volunteer(5), a_volunteer(9)
    problem = a_plan([a_volunteer(5), far, near], [(0, AM)], [0])

    found = Desk(problem).what_if(SaysNo(0, 0))

    assert [repair.moves for repair in found.repairs] == [
        (Move(0, False, 0, 2),),  # the nearer one first
        (Move(0, False, 0, 1),),
    ]
    assert (found.least, found.is_proven, found.repairs[0].changed) == (0, True, 0)


def test_where_nobody_is_free_one_promise_changes_hands() -> None:
    """1 drives another child at that time; only 2 may take that over."""
    second_ride_only = a_volunteer(5, avail=on((0, AM)), max_approach_km=10.0)
    problem = a_plan([a_volunteer(5), a_volunteer(5), second_ride_only], [(0, AM), (0, AM)], [0, 1])
    problem = banning(problem, 2)

    found = Desk(problem).what_if(SaysNo(0, 0))

    assert found.repairs[0].moves == (Move(0, False, 0, 1), Move(1, False, 1, 2))
    assert (found.least, found.is_proven, found.repairs[0].changed) == (1, True, 1)


def test_who_has_a_full_week_gives_another_day_up() -> None:
    full = a_volunteer(5, cap_week=1)
    tuesday = a_volunteer(5, avail=on((1, AM)))
    problem = a_plan([a_volunteer(5), full, tuesday], [(0, AM), (1, AM)], [0, 1])
    problem = replace(problem, declined=frozenset({(1, 0)}))

    found = Desk(problem).what_if(SaysNo(0, 0))

    assert found.repairs[0].moves == (Move(0, False, 0, 1), Move(1, False, 1, 2))
    assert [(share.volunteer, share.duties_week) for share in found.repairs[0].shares] == [(1, 1), (2, 1)]


def test_no_driver_is_taken_from_one_child_for_another() -> None:
    """1 could drive the first child, but then the second has nobody."""
    problem = a_plan([a_volunteer(5), a_volunteer(5)], [(0, AM), (0, AM)], [0, 1])

    found = Desk(problem).what_if(SaysNo(0, 0))

    [repair] = found.repairs
    assert (repair.moves, repair.left_open) == ((Move(0, False, 0, None),), (0,))
    assert (found.least_open, found.is_proven) == (1, True)


def test_runs_that_are_fixed_stay_as_they_are() -> None:
    problem = a_plan([a_volunteer(5)] * 3, [(0, AM), (0, AM)], [0, 1])
    problem = banning(problem, 2)

    found = Desk(problem, fixed=[1]).what_if(SaysNo(0, 0))

    assert found.repairs[0].left_open == (0,)


def test_of_equally_few_changes_the_cheapest_is_first() -> None:
    """2 and 3 may both take over what 1 gives up; 3 lives nearer."""
    problem = a_plan(
        [a_volunteer(5), a_volunteer(5), a_volunteer(9), a_volunteer(6)], [(0, AM), (0, AM)], [0, 1]
    )
    problem = banning(problem, 2, 3)

    found = Desk(problem).what_if(SaysNo(0, 0))

    assert found.repairs[0].moves == (Move(0, False, 0, 1), Move(1, False, 1, 3))


def test_a_household_is_never_out_at_once_and_the_proof_says_less() -> None:
    """The network alone would send 2, whose wife drives at that time."""
    problem = a_plan(
        [a_volunteer(5), a_volunteer(5), a_volunteer(5, household=(1,))], [(0, AM), (0, AM)], [0, 1]
    )

    found = Desk(problem).what_if(SaysNo(0, 0))

    assert found.repairs[0].left_open == (0,)
    assert not found.is_proven


def test_a_full_month_holds_too() -> None:
    problem = a_plan([a_volunteer(5), a_volunteer(5, cap_month=0), a_volunteer(9)], [(0, AM)], [0])

    found = Desk(problem).what_if(SaysNo(0, 0))

    assert [repair.moves[0].after for repair in found.repairs] == [2]


def test_a_day_off_is_repaired_ride_by_ride() -> None:
    problem = a_plan([a_volunteer(5), a_volunteer(6), a_volunteer(7)], [(0, AM), (0, PM), (1, AM)], [0, 0, 0])

    found = Desk(problem).what_if(Away(0, frozenset({0})))

    assert found.freed == (0, 1)
    assert {(move.run, move.after) for move in found.repairs[0].moves} == {(0, 1), (1, 1)}
    assert {move.after for move in found.repairs[1].moves if move.run == 0} == {2}
    assert found.is_proven


def test_who_has_no_car_still_sits_beside_another_driver() -> None:
    problem = a_plan([a_volunteer(5), a_volunteer(6), a_volunteer(7)], [(0, AM)], [0])
    problem = replace(
        problem, children=(replace(problem.children[0], second_adult=True),), promised_second={0: 1}
    )

    without = Desk(problem).what_if(CarBroken(1, frozenset({0})))
    away = Desk(problem).what_if(Away(1, frozenset({0})))

    assert without.freed == ()
    assert away.repairs[0].moves == (Move(0, True, 1, 2),)


def test_a_sick_childs_driver_is_free_for_a_child_who_has_nobody() -> None:
    only_one = [a_volunteer(5)]
    problem = a_plan(only_one, [(0, AM), (0, AM)], [0, None])

    found = Desk(problem).what_if(ChildAbsent(0, frozenset({0})))

    assert found.repairs[0].moves == (Move(0, False, 0, None), Move(1, False, None, 0))
    assert found.repairs[0].covers_too == (1,)


def test_a_standby_is_called_before_anybody_moves() -> None:
    problem = a_plan([a_volunteer(5)] * 3, [(0, AM), (0, AM)], [0, 1])
    problem = replace(problem, promised_standby={StandbySlot(0, AM, 0): 2}, declined=frozenset({(0, 1)}))

    found = Desk(problem).what_if(SaysNo(0, 0))

    assert found.repairs[0].moves == (Move(0, False, 0, 2),)
    assert found.repairs[0].shares[0].duties_week == 1  # the stand-by has become the ride


def test_a_run_that_has_long_been_open_is_filled_in_the_same_way() -> None:
    problem = a_plan([a_volunteer(5)], [(0, AM)], [None])

    found = Desk(problem).what_if(Wanted(0))

    assert found.repairs[0].moves == (Move(0, False, None, 0),)


def test_what_is_asked_of_whom_is_told() -> None:
    problem = a_plan([a_volunteer(5), a_volunteer(7)], [(0, AM)], [0])

    [share] = Desk(problem).what_if(SaysNo(0, 0)).repairs[0].shares

    assert (share.volunteer, share.takes, share.gives, share.new_faces) == (1, (0,), (), 1)
    assert round(share.km, 1) == 9.0  # 2 km to the child, 7 km home from school


# --- properties, over small districts -----------------------------------------------------------------------------


@st.composite
def small_districts(draw: st.DrawFn) -> Problem:
    """Children with needs on a few half-days, and too few volunteers of many kinds."""
    kms = st.integers(1, 9).map(float)
    children = [
        a_child(
            draw(kms), wheelchair=draw(st.integers(0, 4)) == 0, alone=draw(st.booleans()), circle_target=2
        )
        for _ in range(draw(st.integers(2, 5)))
    ]
    people = draw(st.integers(2, 7))
    volunteers = []
    for who in range(people):
        half_days = draw(st.lists(st.tuples(st.integers(0, 2), st.sampled_from([AM, PM])), min_size=1))
        cap = draw(st.integers(1, 3))
        kin = (who - 1,) if who and draw(st.integers(0, 4)) == 0 else ()
        facts: dict[str, Any] = {
            "wheelchair": draw(st.booleans()),
            "cap_month": draw(st.sampled_from([None, None, 2])),
        }
        limits = {"max_approach_km": draw(st.sampled_from([3.0, 9.0])), "cap_week": cap, "pledge_week": cap}
        volunteers.append(a_volunteer(draw(kms), avail=on(*half_days), household=kin, **limits, **facts))
    return a_problem(children, volunteers, days=3, directions=(AM, PM))


@settings(max_examples=30, deadline=None)
@given(small_districts())
def test_every_repair_after_a_no_is_proved_least_keeps_the_rules_and_costs_what_it_says(
    problem: Problem,
) -> None:
    made = plan(problem, limits=Limits(sweeps=1))
    settled = settle(problem, made)
    desk = Desk(settled)
    board = _state(desk)

    for run, driver in enumerate(made.driver):
        if driver is None:
            continue
        found = desk.what_if(SaysNo(run, driver))

        assert _state(desk) == board
        assert (found.least_open, found.least) == desk.least_by_flow(found.event)
        for repair in found.repairs:
            _check(settled, made, repair, SaysNo(run, driver))


def _state(desk: Desk) -> list[bytes]:
    """Return what changes with every move."""
    return [np.asarray(array).tobytes() for array in desk.board[:9]]


def _check(problem: Problem, made: Plan, repair: Repair, event: SaysNo) -> None:
    """Put the repair into the plan, and ask the verifier and the cost function what they think of it."""
    drivers, seconds = list(made.driver), list(made.second)
    for move in repair.moves:
        (seconds if move.is_second else drivers)[move.run] = move.after
    after = replace(made, driver=tuple(drivers), second=tuple(seconds))
    legs = made.runs[event.run].legs
    asked = replace(
        problem,
        promised={},
        promised_second={},
        declined=frozenset((leg, event.volunteer) for leg in legs),
    )
    assert broken_rules(asked, after) == []
    assert _soft(problem, after) - _soft(problem, made) == repair.price
    kept = {run for run, who in enumerate(made.driver) if who is not None} - {event.run}
    assert all(drivers[run] is not None for run in kept)


def _soft(problem: Problem, made: Plan) -> int:
    runs = RunTable(problem, made.runs)
    return value_of(problem, runs, made.driver, made.second, made.standby, 0)[0].soft


def test_the_figures_of_repairs_count_what_was_proved() -> None:
    problem = a_problem([a_child(5), a_child(-5)], [a_volunteer(5)] * 4, days=2)

    figures = measure_repairs(problem, plan(problem), cases=4)

    assert (figures.cases, figures.proved, figures.changed) == (4, 4, {0: 4})
    assert "equal to the flow's minimum on 4 of 4" in figures.lines()[1]
