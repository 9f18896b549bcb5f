"""Properties of every plan, over invented districts: rules are checked by a second, plain implementation."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduling.cost import value_of
from scheduling.plan import Limits, Plan
from scheduling.planner import plan
from scheduling.problem import Booking, Child, Direction, Leg, Problem, Turning, Volunteer
from scheduling.tables import RunTable
from tests.scheduling.small import AM, MONDAY, PM, a_child, a_problem, a_volunteer
from tests.scheduling.verifier import broken_rules, may_drive

KM = st.integers(0, 9)
RARELY = st.sampled_from([False, False, False, True])
MOSTLY = st.sampled_from([True, True, True, False])


@st.composite
def children(draw: st.DrawFn, people: int) -> Child:
    someone = st.lists(st.integers(0, people - 1), max_size=3, unique=True).map(tuple)
    return a_child(
        draw(KM),
        draw(KM),
        is_girl=draw(st.booleans()),
        wheelchair=draw(RARELY),
        child_seat=draw(RARELY),
        female_driver=draw(RARELY),
        alone=draw(RARELY),
        second_adult=draw(RARELY),
        only_familiar=draw(RARELY),
        turning=draw(st.sampled_from(list(Turning))),
        circle_target=draw(st.integers(1, 3)),
        circle=draw(someone),
        banned=draw(someone),
        family=draw(st.sampled_from([None, 1])),
    )


@st.composite
def volunteers(draw: st.DrawFn, index: int, people: int) -> Volunteer:
    date_valid = st.sampled_from([None, MONDAY, *[MONDAY + timedelta(days=900)] * 5])
    others = [other for other in range(people) if other != index]
    return a_volunteer(
        draw(KM),
        draw(KM),
        is_female=draw(st.booleans()),
        seats=draw(st.integers(1, 4)),
        child_seats=draw(st.integers(0, 1)),
        wheelchair=draw(st.booleans()),
        cap_week=draw(st.integers(0, 3)),
        pledge_week=draw(st.integers(1, 3)),
        avail=tuple(draw(MOSTLY) for _ in range(14)),
        blockouts=frozenset({MONDAY}) if draw(RARELY) else frozenset(),
        vetted_until=draw(date_valid),
        licence_until=draw(date_valid),
        insured_until=draw(date_valid),
        max_approach_km=float(draw(st.integers(4, 20))),
        girls_only=draw(RARELY),
        served=draw(st.integers(0, 5)),
        household=(draw(st.sampled_from(others)),) if others and draw(RARELY) else (),
        cap_month=draw(st.integers(0, 4)) if draw(RARELY) else None,
        from_on=MONDAY + timedelta(days=1) if draw(RARELY) else None,
        until_on=MONDAY + timedelta(days=1) if draw(RARELY) else None,
    )


@st.composite
def problems(draw: st.DrawFn, *, most_children: int = 6, most_people: int = 8, days: int = 3) -> Problem:
    people = draw(st.integers(1, most_people))
    kids = [draw(children(people)) for _ in range(draw(st.integers(1, most_children)))]
    legs = [
        Leg(child, day, way)
        for day, way, child in product(range(days), (AM, PM), range(len(kids)))
        if draw(MOSTLY)
    ]
    booking = st.builds(
        Booking, st.integers(0, people - 1), st.integers(0, days - 1), st.sampled_from(list(Direction))
    )
    problem = a_problem(
        kids,
        with_couple([draw(volunteers(index, people)) for index in range(people)], draw(RARELY)),
        days=days,
        legs=legs,
        busy=draw(st.frozensets(booking, max_size=2)),
        standby=draw(st.booleans()),
    )
    if legs:
        declined = st.tuples(st.integers(0, len(legs) - 1), st.integers(0, people - 1))
        problem = replace(problem, declined=draw(st.frozensets(declined, max_size=3)))
    # what is booked elsewhere may exceed a cap; plans must not
    booked = [sum(b.volunteer == i for b in problem.busy) for i in range(people)]
    return replace(
        problem,
        volunteers=tuple(
            replace(
                v,
                cap_week=max(v.cap_week, n),
                cap_month=None if v.cap_month is None else max(v.cap_month, n),
            )
            for v, n in zip(problem.volunteers, booked, strict=True)
        ),
    )


def with_couple(people: list[Volunteer], is_couple: bool) -> list[Volunteer]:
    """The first two drive only together, if they are to."""
    if not is_couple or len(people) < 2:
        return people
    one, other = (replace(people[at], together=1 - at, household=()) for at in (0, 1))
    rest = [replace(who, household=()) for who in people[2:]]
    return [one, other, *rest]


quietly = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@quietly
@given(problems())
def test_no_plan_breaks_a_hard_rule(problem: Problem) -> None:
    assert broken_rules(problem, plan(problem)) == []


@quietly
@given(problems())
def test_what_is_reported_is_what_is(problem: Problem) -> None:
    found = plan(problem)

    open_runs = [
        row
        for row, run in enumerate(found.runs)
        if found.driver[row] is None
        or (
            found.second[row] is None
            and any(problem.children[c].second_adult for c in problem.run_children(run))
        )
    ]
    assert [item.run for item in found.unfilled] == open_runs
    assert sorted(run for group in found.shortages for run in group.runs) == open_runs
    assert found.uncovered_legs == sum(len(found.runs[row].legs) for row in open_runs)
    assert found.least_uncovered <= found.uncovered_legs
    assert found.floor_uncovered <= found.uncovered_legs
    assert found.bound <= found.parts.total


@quietly
@given(problems(most_children=3, most_people=3, days=1))
def test_the_flow_s_least_is_the_least(problem: Problem) -> None:
    problem = replace(
        problem,
        children=tuple(replace(child, second_adult=False) for child in problem.children),
        volunteers=tuple(
            replace(volunteer, household=(), together=None, cap_month=None)
            for volunteer in problem.volunteers
        ),
    )

    found = plan(problem)

    assert found.uncovered_legs == found.least_uncovered == least_by_trying_all(problem, found)


@quietly
@given(problems())
def test_sweeps_never_make_a_plan_dearer(problem: Problem) -> None:
    problem = replace(problem, standby=False)

    before, after = plan(problem, limits=Limits(sweeps=0)), plan(problem, limits=Limits(sweeps=4))

    assert after.parts.total <= before.parts.total


@quietly
@given(problems())
def test_planning_again_with_everything_promised_changes_nothing(problem: Problem) -> None:
    from scheduling.explain import settle

    first = plan(problem)
    again = plan(settle(problem, first))

    assert (again.runs, again.driver, again.second) == (first.runs, first.driver, first.second)
    assert again.parts.total <= first.parts.total
    table = RunTable(problem, first.runs)
    missing = len(first.standby_missing)
    assert value_of(problem, table, first.driver, first.second, first.standby, missing)[0] == first.parts


def least_by_trying_all(problem: Problem, found: Plan) -> int:
    """Return the fewest open legs over every choice of drivers for the plan's runs."""
    options = [
        [None, *(v for v in range(len(problem.volunteers)) if may_drive(problem, run, v))]
        for run in found.runs
    ]
    best = len(problem.legs)
    for choice in product(*options):
        slots = [(v, r.day, r.direction) for v, r in zip(choice, found.runs, strict=True) if v is not None]
        taken = {(b.volunteer, b.day, b.direction) for b in problem.busy}
        used = [v for v, *_ in slots] + [b.volunteer for b in problem.busy]
        within = all(used.count(v) <= problem.volunteers[v].cap_week for v in set(used))
        if within and len(set(slots)) == len(slots) and taken.isdisjoint(slots):
            open_legs = sum(len(r.legs) for v, r in zip(choice, found.runs, strict=True) if v is None)
            best = min(best, open_legs)
    return best
