"""What volunteers say of themselves beyond the week: a cap a month, dates of the rotation, and whom they drive with."""

from dataclasses import replace
from datetime import date, timedelta

from scheduling.explain import Claim, broken_by_claims, candidates, settle, why_not
from scheduling.plan import Rule
from scheduling.planner import plan
from scheduling.problem import Booking, Day, Problem, month_number
from tests.scheduling.small import AM, MONDAY, PM, a_child, a_problem, a_volunteer, on
from tests.scheduling.verifier import broken_rules

COUPLE = ({"together": 1}, {"together": 0})


def two_adults(*people: dict[str, object], days: int = 1, **facts: object) -> Problem:
    """One child that needs a second adult, and these volunteers."""
    return a_problem([a_child(second_adult=True)], [a_volunteer(**one) for one in people], days=days, **facts)


def test_a_cap_a_month_holds_over_its_weeks_and_begins_anew_with_the_month() -> None:
    problem = a_problem([a_child()], [a_volunteer(cap_month=2)], days=5)
    dates = [date(2021, 4, 28), date(2021, 4, 29), date(2021, 4, 30), date(2021, 5, 3), date(2021, 5, 4)]
    days = tuple(Day(day, day.weekday(), day.isocalendar().week) for day in dates)

    found = plan(replace(problem, days=days))

    driven = [run.day for run, driver in zip(found.runs, found.driver, strict=True) if driver is not None]
    assert len([day for day in driven if day < 3]) == 2
    assert [day for day in driven if day >= 3] == [3, 4]


def test_what_one_may_not_do_in_a_month_does_not_fall_to_another_who_may_not_either() -> None:
    early = a_volunteer(5, cap_month=2, avail=on((0, AM), (1, AM), (2, AM)))
    late = a_volunteer(7, cap_month=2, avail=on((2, AM), (3, AM), (4, AM)))
    problem = a_problem([a_child()], [early, late], days=5)

    found = plan(problem)

    assert broken_rules(problem, found) == []
    assert found.uncovered_legs == 1


def test_what_is_promised_and_served_in_the_month_counts_against_its_cap() -> None:
    month = month_number(MONDAY)
    problem = a_problem([a_child()], [a_volunteer(cap_month=2), a_volunteer(9)], month_used={(0, month): 1})

    assert plan(problem).driver == (0,)
    assert plan(replace(problem, busy=frozenset({Booking(0, 0, PM)}))).driver == (1,)
    refusal = why_not(settle(replace(problem, month_used={(0, month): 2}), plan(problem)), 0, 0)
    assert refusal is not None
    assert (refusal.rule, refusal.has, refusal.needs) == (Rule.MONTH_CAP, 2.0, 2)


def test_nobody_is_planned_outside_their_dates_of_the_rotation() -> None:
    joins = {"from_on": MONDAY + timedelta(days=2)}
    leaves = {"until_on": MONDAY + timedelta(days=1)}

    found = plan(a_problem([a_child()], [a_volunteer(**joins), a_volunteer(**leaves)], days=4))

    assert found.driver == (1, 1, 0, 0)


def test_who_drives_only_together_is_planned_as_a_couple_or_not_at_all() -> None:
    problem = two_adults(*COUPLE)

    found = plan(problem)

    assert {found.driver[0], found.second[0]} == {0, 1}
    assert broken_rules(problem, found) == []
    alone = a_problem([a_child()], [a_volunteer(**one) for one in COUPLE])
    assert plan(alone).driver == (None,)


def test_a_couple_is_never_parted_where_one_of_them_would_be_cheaper_with_somebody_else() -> None:
    problem = two_adults(*COUPLE, {}, {"avail": (False,) * 14}, days=3, directions=(AM, PM))

    found = plan(problem)

    assert broken_rules(problem, found) == []
    assert found.uncovered_legs == 0


def test_where_one_of_a_couple_cannot_the_other_is_not_planned_either() -> None:
    problem = two_adults({"together": 1}, {"together": 0, "blockouts": frozenset({MONDAY})}, {}, days=2)

    found = plan(problem)

    assert found.driver[0] is None
    assert {found.driver[1], found.second[1]} == {0, 1}


def test_one_of_a_couple_may_take_a_seat_only_beside_the_other() -> None:
    problem = settle(two_adults(*COUPLE, {}), plan(two_adults(*COUPLE, {})))
    with_stranger = replace(problem, promised={}, promised_second={0: 2})
    with_partner = replace(problem, promised={}, promised_second={0: 1})

    assert broken_by_claims(with_stranger, [Claim(0, 0)]) == [(Rule.TOGETHER,)]
    assert broken_by_claims(with_partner, [Claim(0, 0)]) == [()]
    refusal = why_not(with_stranger, 0, 0)
    assert refusal is not None
    assert refusal.rule is Rule.TOGETHER
    assert 0 in [one.volunteer for one in candidates(with_partner, 0)]
