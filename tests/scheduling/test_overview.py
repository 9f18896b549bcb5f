from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.explain import settle
from scheduling.overview import busiest, more_volunteers, wide_circles
from scheduling.plan import Rule
from scheduling.planner import plan
from scheduling.problem import Problem, Team
from tests.scheduling.small import AM, PM, a_child, a_problem, a_volunteer, on, place


def test_who_drives_more_than_pledged_is_named_with_what_only_they_can_do() -> None:
    wheelchair = a_volunteer(wheelchair=True, pledge_week=1)
    problem = a_problem(
        [a_child(wheelchair=True), a_child()], [wheelchair, a_volunteer(), a_volunteer()], days=3
    )
    settled = settle(problem, plan(problem))

    first, *others = busiest(settled)

    assert (first.volunteer, first.duties, first.pledged) == (0, 3, 1)
    assert (first.only_his, first.need) == (3, Rule.WHEELCHAIR)
    assert all(one.duties <= one.pledged for one in others)


def test_who_could_be_relieved_by_somebody_with_room_has_nothing_that_only_they_can_do() -> None:
    problem = a_problem([a_child()], [a_volunteer(pledge_week=1), a_volunteer()], days=2)
    busy = replace(settle(problem, plan(problem)), promised={0: 0, 1: 0})

    assert [(one.duties, one.only_his, one.need) for one in busiest(busy)] == [(2, 0, None)]


def test_a_child_with_more_drivers_than_its_circle_should_have_is_named() -> None:
    problem = a_problem([a_child(circle_target=2, familiar=(0,)), a_child()], [a_volunteer()] * 4, days=3)
    settled = settle(problem, plan(problem))
    mine = [at for at, run in enumerate(settled.runs or ()) if 0 in settled.run_children(run)]
    turned = replace(settled, promised=dict(zip(mine, (0, 1, 2), strict=True)))

    [wide] = [one for one in wide_circles(turned) if one.child == 0]

    assert (wide.faces, wide.target, wide.strangers, wide.rides) == (3, 2, 2, 3)


def test_more_people_of_a_team_are_counted_by_what_they_cover() -> None:
    """Monday morning has one driver for two children of different schools' ways; the team's others come on Tuesdays."""
    team = [a_volunteer(5, avail=on((0, AM)), cap_week=1, team=0), a_volunteer(5, avail=on((1, AM)), team=1)]
    problem = a_problem([a_child(5, alone=True)] * 2, team, teams=(Team(place(5)), Team(place(5))))
    settled = settle(problem, plan(problem))

    helped = more_volunteers(settled, 0, people=1)
    not_helped = more_volunteers(settled, 1, people=10)

    assert helped is not None
    assert not_helped is not None
    assert (helped.like, helped.before, helped.after, len(helped.runs)) == ((0,), 1, 0, 1)
    assert (not_helped.before, not_helped.after, not_helped.runs) == (1, 1, ())
    assert more_volunteers(replace(settled, teams=(*settled.teams, Team(place(1)))), 2) is None


def test_newcomers_help_where_they_let_somebody_rarer_go() -> None:
    """The only wheelchair driver drives the other child; a newcomer without a ramp sets him free."""
    ramp, plain = a_volunteer(wheelchair=True, team=1), a_volunteer(team=0, avail=on())
    children = [a_child(wheelchair=True), a_child(alone=True)]
    problem = a_problem(children, [ramp, plain], teams=(Team(place(5)),) * 2)
    settled = settle(problem, plan(problem))
    willing = replace(
        settled,
        volunteers=(ramp, replace(plain, avail=on((0, AM)), blockouts=frozenset({settled.days[0].on}))),
    )

    found = more_volunteers(willing, 0, people=1)

    assert found is not None
    assert (found.before, found.after) == (1, 0)


@st.composite
def short_districts(draw: st.DrawFn) -> Problem:
    children = [
        a_child(draw(st.integers(1, 8)), alone=True, wheelchair=draw(st.booleans()))
        for _ in range(draw(st.integers(1, 5)))
    ]
    people = [
        a_volunteer(
            draw(st.integers(1, 8)),
            wheelchair=draw(st.booleans()),
            cap_week=draw(st.integers(1, 2)),
            avail=on(*draw(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([AM, PM])), max_size=3))),
        )
        for _ in range(draw(st.integers(1, 4)))
    ]
    return a_problem(children, people, days=2, directions=(AM, PM))


@settings(max_examples=25, deadline=None)
@given(short_districts())
def test_more_people_never_cover_less_and_the_planner_with_them_reaches_the_number(problem: Problem) -> None:
    made = plan(problem)
    found = more_volunteers(settle(problem, made), 0, people=2)

    assert found is not None
    assert found.after <= found.before == made.uncovered_legs
    more = replace(
        problem, volunteers=(*problem.volunteers, *(problem.volunteers[one] for one in found.like))
    )
    assert plan(more).uncovered_legs == found.after
