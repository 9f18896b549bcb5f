from dataclasses import replace
from datetime import date
from itertools import pairwise

from scheduling.plan import Cause, Limits, Rule
from scheduling.planner import plan
from scheduling.problem import Booking, Leg, Run, Served, StandbySlot, Turning
from tests.scheduling.small import AM, MONDAY, PM, a_child, a_problem, a_volunteer, on, place
from tests.scheduling.verifier import broken_rules


def a_run(*legs: int, day: int = 0, line: int = 0) -> Run:
    return Run(day, AM, legs, place(5), place(0), 5.0, 11.0, line)


def test_the_nearer_of_two_drives() -> None:
    found = plan(a_problem([a_child(5)], [a_volunteer(9), a_volunteer(6)]))

    assert found.driver == (1,)
    assert (found.uncovered_legs, found.least_uncovered, found.unfilled) == (0, 0, ())


def test_known_faces_come_before_a_shorter_way() -> None:
    found = plan(a_problem([a_child(5, familiar=(0,))], [a_volunteer(7), a_volunteer(5)]))

    assert found.driver == (0,)  # 4 km more on approach and return (40) against a new face (80 more)


def test_most_legs_are_covered_even_if_somebody_far_must_drive() -> None:
    near_both, far_first = a_volunteer(5), a_volunteer(12)
    children = [a_child(5, alone=True), a_child(4, alone=True, banned=(1,))]

    found = plan(a_problem(children, [near_both, far_first]))

    assert dict(zip((run.legs[0] for run in found.runs), found.driver, strict=True)) == {0: 1, 1: 0}


def test_drivers_take_turns_day_by_day() -> None:
    problem = a_problem([a_child(5)], [a_volunteer(5), a_volunteer(6)], days=6, directions=(AM, PM))

    found = plan(problem)

    by_day = [{v for run, v in zip(found.runs, found.driver, strict=True) if run.day == d} for d in range(6)]
    assert all(a.isdisjoint(b) for a, b in pairwise(by_day))
    assert found.repeats == ()


def test_the_turn_holds_over_the_edge_of_the_horizon() -> None:
    friday = date(2021, 4, 9)
    problem = a_problem([a_child(5)], [a_volunteer(5), a_volunteer(8)], last_served={0: (Served(0, friday),)})

    assert plan(problem).driver == (1,)


def test_turns_follow_the_child_s_own_service_days() -> None:
    legs = [Leg(0, 0, AM), Leg(0, 2, AM)]  # Monday and Wednesday: one after the other for this child
    problem = a_problem([a_child(5)], [a_volunteer(5), a_volunteer(8)], days=3, legs=legs)

    assert set(plan(problem).driver) == {0, 1}
    assert plan(replace(problem, turns_by_school_day=True)).driver == (0, 0)


def test_a_repeat_that_cannot_be_helped_is_recorded() -> None:
    found = plan(a_problem([a_child(5, turning=Turning.RULE)], [a_volunteer(5)], days=2))

    assert [(repeat.run, repeat.child, repeat.volunteer) for repeat in found.repeats] == [(1, 0, 0)]
    assert found.parts.repeat == 20_000


def test_load_is_even_against_what_each_pledged_and_has_done() -> None:
    people = [a_volunteer(5, pledge_week=4, cap_week=4), a_volunteer(5, pledge_week=2, cap_week=4)]
    problem = a_problem([a_child(5, turning=Turning.ANY)], people, days=5, directions=(AM,))
    tired = replace(
        problem, volunteers=(replace(people[0], served=16), people[1]), past_weeks=4
    )  # four duties a week so far against none

    assert sorted(plan(problem).driver) == [0, 0, 0, 1, 1] or plan(problem).driver.count(0) >= 3
    assert plan(tired).driver.count(1) > plan(problem).driver.count(1)


def test_a_promised_driver_never_moves_and_counts_everywhere() -> None:
    people = [a_volunteer(9, cap_week=1), a_volunteer(5)]
    problem = a_problem([a_child(5)], people, days=2, runs=(a_run(0),), promised={0: 0})

    found = plan(problem)

    assert found.driver == (0, 1)  # 0 is used up for the week by what he promised
    assert found.runs[0] == a_run(0)
    assert broken_rules(problem, found) == []


def test_a_promise_stands_even_where_a_rule_has_changed_since() -> None:
    problem = a_problem([a_child(5)], [a_volunteer(avail=on())], runs=(a_run(0),), promised={0: 0})

    assert plan(problem).driver == (0,)


def test_nobody_is_asked_again_for_a_leg_he_declined() -> None:
    problem = a_problem([a_child(5)], [a_volunteer(5), a_volunteer(9)], days=2, declined=frozenset({(0, 0)}))

    assert plan(problem).driver == (1, 0)


def test_what_is_booked_elsewhere_is_taken_and_counts_against_the_cap() -> None:
    people = [a_volunteer(5, cap_week=1), a_volunteer(8)]
    problem = a_problem([a_child(5)], people, days=2, busy=frozenset({Booking(0, 1, AM)}))
    week = problem.days[0].week

    assert plan(problem).driver == (1, 1)
    assert plan(replace(problem, busy=frozenset(), week_used={(0, week): 1})).driver == (1, 1)


def test_a_line_that_no_car_can_take_is_halved_for_that_day() -> None:
    small_cars = [a_volunteer(5, seats=2), a_volunteer(6, seats=2)]
    vans = replace(small_cars[0], seats=4, blockouts=frozenset({MONDAY}))
    problem = a_problem([a_child(5), a_child(5.5), a_child(6)], [*small_cars, vans], days=2)

    found = plan(problem)

    assert [(run.day, run.halved, len(run.legs)) for run in found.runs] == [
        (0, True, 2),
        (0, True, 1),
        (1, False, 3),
    ]
    assert found.uncovered_legs == 0
    assert plan(problem, limits=Limits(halvings=0)).uncovered_legs == 3


def test_a_child_who_needs_it_gets_a_second_adult_or_is_told_to_have_none() -> None:
    problem = a_problem([a_child(5, second_adult=True)], [a_volunteer(5), a_volunteer(6, seats=1)])

    both, alone = plan(problem), plan(replace(problem, volunteers=problem.volunteers[:1]))

    assert (both.driver, both.second) == ((0,), (1,))  # the small car has no seat for both
    assert (alone.driver, alone.second, alone.uncovered_legs) == ((None,), (None,), 1)
    assert alone.unfilled[0].code is Cause.NO_SECOND


def test_two_of_a_household_are_not_booked_in_one_half_day() -> None:
    couple = [a_volunteer(5, household=(1,)), a_volunteer(5)]
    problem = a_problem([a_child(5, alone=True), a_child(4, alone=True)], couple, days=2)

    found = plan(problem)

    assert found.uncovered_legs == 2
    assert broken_rules(problem, found) == []


def test_standbys_never_cost_a_driver() -> None:
    problem = a_problem([a_child(5)], [a_volunteer(5)], standby=True)
    spare = replace(problem, volunteers=(*problem.volunteers, a_volunteer(9)))

    alone, two = plan(problem), plan(spare)

    assert (alone.driver, alone.standby, alone.standby_missing) == ((0,), (), (StandbySlot(0, AM, 0),))
    assert [entry.volunteer for entry in two.standby] == [1]
    assert (alone.parts.uncovered_standby, two.parts.uncovered_standby) == (20_000, 0)


def test_the_standby_of_a_child_with_only_familiar_faces_is_of_its_circle() -> None:
    shy = a_child(5, only_familiar=True, circle=(0, 2))
    people = [a_volunteer(5), a_volunteer(5), a_volunteer(9, team=None)]

    found = plan(a_problem([shy], people, standby=True))

    assert found.driver == (0,)
    assert [(entry.slot.child, entry.volunteer) for entry in found.standby] == [(0, 2)]


def test_legs_nobody_can_drive_are_one_group_with_its_cause() -> None:
    children = [a_child(5, wheelchair=True), a_child(6, wheelchair=True), a_child(4)]
    people = [a_volunteer(5), a_volunteer(5, wheelchair=True, avail=on((1, AM)))]

    found = plan(a_problem(children, people))

    (group,) = found.shortages
    assert (group.code, group.need, group.weekday, group.direction) == (Cause.NOBODY, Rule.UNAVAILABLE, 0, AM)
    assert len(group.runs) == 2
    assert group.proven
    assert (found.uncovered_legs, found.least_uncovered, found.floor_uncovered) == (2, 2, 2)


def test_those_who_are_needed_elsewhere_are_a_shortage() -> None:
    children = [a_child(5, alone=True), a_child(5, alone=True)]

    found = plan(a_problem(children, [a_volunteer(5)]))

    (unfilled,) = found.unfilled
    assert unfilled.code is Cause.SHORTAGE
    assert unfilled.blocked == ((Rule.SAME_HALF_DAY, 1),)


def test_a_make_up_sunday_has_its_substituted_weekday_s_availability() -> None:
    mondays_only = a_volunteer(5, avail=on((0, AM)))
    problem = a_problem([a_child(5)], [mondays_only])
    sunday = replace(problem.days[0], on=date(2021, 4, 25))

    assert plan(replace(problem, days=(sunday,))).driver == (0,)
    assert plan(replace(problem, days=(replace(sunday, weekday=6),))).driver == (None,)


def test_the_same_seed_gives_the_same_plan() -> None:
    children = [a_child(3 + n % 4, n) for n in range(9)]
    problem = a_problem(
        children, [a_volunteer(n % 7, n % 5, cap_week=2) for n in range(14)], days=5, directions=(AM, PM)
    )

    plans = [replace(plan(problem, seed=seed), seconds=0) for seed in (0, 0, 3, 3)]

    assert plans[0] == plans[1]
    assert plans[2] == plans[3]
    assert len({found.uncovered_legs for found in plans}) == 1


def test_an_empty_problem_has_an_empty_plan() -> None:
    found = plan(a_problem([], []))

    assert (found.runs, found.parts.total, found.bound) == ((), 0, 0)


def test_nobody_at_all_leaves_every_leg_open_and_says_so() -> None:
    found = plan(a_problem([a_child()], []))

    assert (found.driver, found.uncovered_legs, found.least_uncovered) == ((None,), 1, 1)
