from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.explain import (
    Claim,
    Two,
    Weighed,
    broken_by_claims,
    candidates,
    settle,
    weigh,
    why_nobody,
    why_not,
)
from scheduling.plan import Relaxation, Rule
from scheduling.planner import plan
from scheduling.problem import Booking, Problem, Run, Served, StandbySlot, Turning
from scheduling.repair import stand_ins
from tests.scheduling.small import AM, MONDAY, a_child, a_problem, a_volunteer, on, place

RUN = Run(0, AM, (0,), place(5), place(0), 5.0, 11.0, 0)


def a_case(child: dict[str, Any], *volunteers: dict[str, Any], **facts: Any) -> Problem:
    """One run of one child, and volunteers who differ from a good one in these facts."""
    people = [a_volunteer(5, **facts_of_one) for facts_of_one in volunteers]
    return a_problem([a_child(5, **child)], people, runs=(RUN,), **facts)


@pytest.mark.parametrize(
    ("child", "volunteer", "rule"),
    [
        ({"banned": (0,)}, {}, Rule.BANNED),
        ({"only_familiar": True}, {}, Rule.ONLY_FAMILIAR),
        ({}, {"vetted_until": MONDAY - timedelta(days=1)}, Rule.VETTING),
        ({}, {"vetted_until": None}, Rule.VETTING),  # never vetted
        ({}, {"licence_until": None}, Rule.LICENCE),
        ({}, {"insured_until": None}, Rule.INSURANCE),
        ({"wheelchair": True}, {}, Rule.WHEELCHAIR),
        ({"child_seat": True}, {}, Rule.CHILD_SEATS),
        ({"second_adult": True}, {"seats": 1}, Rule.SEATS),
        ({"female_driver": True}, {}, Rule.FEMALE_DRIVER),
        ({}, {"girls_only": True}, Rule.GIRLS_ONLY),
        ({}, {"avail": on((1, AM))}, Rule.UNAVAILABLE),
        ({}, {"blockouts": frozenset({MONDAY})}, Rule.BLOCKOUT),
        ({}, {"point": place(9), "max_approach_km": 3.0}, Rule.TOO_FAR),
        ({}, {"cap_week": 0}, Rule.WEEK_CAP),
    ],
)
def test_why_not_names_the_first_broken_rule(child: Any, volunteer: Any, rule: Rule) -> None:
    problem = a_case(child, {})
    person = replace(problem.volunteers[0], **volunteer)

    refusal = why_not(replace(problem, volunteers=(person,)), 0, 0)

    assert refusal is not None
    assert refusal.rule is rule


def test_who_keeps_every_rule_is_not_refused() -> None:
    last_day = dict.fromkeys(("vetted_until", "licence_until", "insured_until"), MONDAY)

    assert why_not(a_case({}, last_day), 0, 0) is None  # valid up to and with that day


def test_a_refusal_carries_the_figures_it_compares() -> None:
    problem = a_case({}, {"max_approach_km": 3.0})
    far = replace(problem.volunteers[0], point=place(9))

    refusal = why_not(replace(problem, volunteers=(far,)), 0, 0)

    assert refusal is not None
    assert (round(refusal.has or 0, 2), refusal.needs) == (4.0, 3.0)


def test_bookings_and_declines_are_told() -> None:
    booked = a_case({}, {}, busy=frozenset({Booking(0, 0, AM)}))
    declined = a_case({}, {}, declined=frozenset({(0, 0)}))
    kin = a_case({}, {}, {"household": (0,)}, busy=frozenset({Booking(0, 0, AM)}))

    told = [why_not(problem, 0, who) for problem, who in ((booked, 0), (declined, 0), (kin, 1))]

    assert [refusal and refusal.rule for refusal in told] == [
        Rule.SAME_HALF_DAY,
        Rule.DECLINED,
        Rule.HOUSEHOLD,
    ]


def test_candidates_come_cheapest_first_with_what_they_cost() -> None:
    problem = a_case({"familiar": (1,)}, {}, {"pledge_week": 2}, {"avail": on()})

    found = candidates(problem, 0)

    assert [(c.volunteer, c.km, c.load, c.pair) for c in found] == [(1, 50, 50, 40), (0, 50, 10, 120)]
    assert [c.price for c in found] == [140, 180]
    assert (found[0].is_known, found[1].is_known) == (True, False)
    assert (found[0].detour_km, found[0].approach_km) == (5.0, 0.0)
    assert candidates(problem, 0, limit=1) == found[:1]


def test_a_candidate_who_drove_the_service_day_before_costs_a_repeat() -> None:
    problem = a_case({"turning": Turning.RULE}, {}, {}, last_served={0: (Served(1, date(2021, 4, 9)),)})

    by_volunteer = {c.volunteer: c for c in candidates(problem, 0)}

    assert (by_volunteer[0].repeat, by_volunteer[1].repeat) == (0, 20_000)
    assert (by_volunteer[0].rides_before, by_volunteer[1].rides_before) == (0, 1)


def test_why_nobody_counts_rules_and_says_what_giving_way_brings() -> None:
    problem = a_case({}, {"max_approach_km": 1.0}, {"cap_week": 0}, {"avail": on()}, {"avail": on()})
    two_km_off = replace(problem.volunteers[0], point=place(8))

    why = why_nobody(replace(problem, volunteers=(two_km_off, *problem.volunteers[1:])), 0)

    assert why.free == 0
    assert why.blocked == ((Rule.UNAVAILABLE, 2), (Rule.TOO_FAR, 1), (Rule.WEEK_CAP, 1))
    assert why.relaxations == (
        Relaxation(Rule.TOO_FAR, 2.0, 1),
        Relaxation(Rule.WEEK_CAP, 1.0, 1),
        Relaxation(Rule.UNAVAILABLE, None, 2),
    )


def test_stand_ins_are_the_standby_then_known_faces_then_the_cheapest() -> None:
    problem = a_case(
        {"familiar": (2,)},
        {},  # 0: promised, says no
        {},  # 1: near and new
        {"pledge_week": 1},  # 2: known, little pledged
        {},  # 3: stands by
        {},  # 4: asked already
        promised={0: 0},
        promised_standby={StandbySlot(0, AM, 0): 3},
    )

    assert [found.volunteer for found in stand_ins(problem, 0, asked={4})] == [3, 2, 1]


def test_a_standby_s_duty_is_not_counted_twice_when_he_is_called() -> None:
    problem = a_case({}, {"cap_week": 1}, promised_standby={StandbySlot(0, AM, 0): 0})

    assert [found.volunteer for found in stand_ins(problem, 0)] == [0]


def test_a_settled_plan_leaves_only_the_open_runs_to_stand_ins() -> None:
    problem = a_problem([a_child(5), a_child(-5)], [a_volunteer(5), a_volunteer(-5), a_volunteer(0, 4)])
    found = plan(problem)
    run = found.driver.index(0)

    settled = settle(problem, found, open_runs={run})

    assert {c.volunteer for c in candidates(settled, run)} == {0, 2}


def test_the_fewest_rules_that_leave_nobody_are_named_with_whom_each_lets_through() -> None:
    """Two could take a wheelchair and three are there then, but nobody both; too far says nothing new."""
    problem = a_case(
        {"wheelchair": True},
        {"wheelchair": True, "avail": on()},
        {"wheelchair": True, "avail": on(), "cap_week": 0},
        {},
        {"max_approach_km": 0.0},
        {},
    )

    why = why_nobody(problem, 0)

    assert why.barrier == ((Rule.WHEELCHAIR, 2), (Rule.UNAVAILABLE, 3))


def test_one_rule_alone_can_be_the_barrier() -> None:
    why = why_nobody(a_case({"female_driver": True}, {}, {"avail": on()}), 0)

    assert why.barrier == ((Rule.FEMALE_DRIVER, 0),)


def test_where_one_rule_is_not_enough_two_are_named() -> None:
    problem = a_case({"wheelchair": True}, {"avail": on()}, {"cap_week": 0}, {"cap_week": 0})

    why = why_nobody(problem, 0)

    assert why.relaxations == ()
    assert why.pairs == (
        Two((Rule.WEEK_CAP, Rule.WHEELCHAIR), 2),
        Two((Rule.UNAVAILABLE, Rule.WHEELCHAIR), 1),
    )


def test_two_people_are_told_apart_by_what_weighs_most() -> None:
    problem = a_case({"familiar": (1,)}, {}, {"pledge_week": 2})
    known, new = candidates(problem, 0)

    assert weigh(known, new) == (Weighed("pair", 40, 120), Weighed("load", 50, 10))


@st.composite
def rule_tables(draw: st.DrawFn) -> Problem:
    needs = {name: draw(st.booleans()) for name in ("wheelchair", "child_seat", "female_driver")}
    people = [
        {
            "wheelchair": draw(st.booleans()),
            "child_seats": draw(st.integers(0, 1)),
            "is_female": draw(st.booleans()),
            "cap_week": draw(st.integers(0, 1)),
            "avail": on((0, AM)) if draw(st.booleans()) else on(),
        }
        for _ in range(draw(st.integers(1, 6)))
    ]
    return a_case(needs, *people)


@settings(max_examples=60, deadline=None)
@given(rule_tables())
def test_a_barrier_blocks_everybody_and_without_any_of_its_rules_somebody_is_let_through(
    problem: Problem,
) -> None:
    why = why_nobody(problem, 0)
    if why.free:
        assert why.barrier == ()
        return
    broken = [_broken(problem, who) for who in range(len(problem.volunteers))]
    barrier = {rule for rule, _ in why.barrier}

    assert all(barrier & rules for rules in broken)
    assert all(any(not (barrier - {rule}) & rules for rules in broken) for rule in barrier)
    for rule, people in why.barrier:
        assert people == sum(1 for rules in broken if rule not in rules)


def _broken(problem: Problem, who: int) -> set[Rule]:
    return set(broken_by_claims(problem, [Claim(0, who)])[0])
