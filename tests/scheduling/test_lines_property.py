"""Whatever the district: every pooled car keeps P1-P6, by the check that knows nothing of the pooling."""

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.pooling import pool, pool_lines
from scheduling.problem import Child, Leg, Line, Problem, School
from scheduling.routes import PoolRules
from tests.scheduling.small import AM, PM, a_child, a_problem, a_volunteer, place
from tests.scheduling.verifier import car_faults

KM = st.integers(-40, 40).map(lambda quarter: quarter / 4)


@st.composite
def districts(draw: st.DrawFn) -> Problem:
    schools = tuple(
        School(place(draw(KM) / 3, draw(KM) / 3), am=(low, low + 20), pm=(960 + low, 985 + low))
        for low in draw(st.lists(st.sampled_from([440, 450, 470]), min_size=1, max_size=3))
    )
    count = draw(st.integers(1, 14))
    needs = ("wheelchair", "child_seat", "alone", "only_familiar")

    def child(index: int) -> Child:
        facts = {need: draw(st.integers(0, 9)) == 0 for need in needs}
        enemy = draw(st.integers(0, count - 1))
        return a_child(
            draw(KM),
            draw(KM),
            school=draw(st.integers(0, len(schools) - 1)),
            family=draw(st.sampled_from([None, None, 1])),
            circle=(0,) if facts["only_familiar"] else (),
            not_with=(enemy,) if draw(st.integers(0, 5)) == 0 and enemy != index else (),
            **facts,
        )

    children = [child(index) for index in range(count)]
    legs = []
    for day in range(3):
        for way in (AM, PM):
            for who in range(count):
                if draw(st.integers(0, 5)) == 0:
                    continue
                away = place(draw(KM), draw(KM)) if draw(st.integers(0, 9)) == 0 else None
                early = 700 if draw(st.integers(0, 9)) == 0 else None
                legs.append(Leg(who, day, way, minute=early, point=away))
    lines = tuple(
        Line(draw(st.sampled_from([AM, PM])), tuple(sorted(members)), draw(st.booleans()))
        for members in draw(st.lists(st.sets(st.integers(0, count - 1), min_size=1, max_size=4), max_size=4))
    )
    return replace(a_problem(children, [a_volunteer()], days=3, legs=legs, schools=schools), lines=lines)


@given(districts(), st.sampled_from([0.0, 4.0]), st.integers(1, 4), st.booleans())
@settings(max_examples=150, deadline=None)
def test_every_pooled_car_keeps_the_rules(problem: Problem, across: float, most: int, compact: bool) -> None:
    rules = PoolRules(max_children=most, across_schools_km=across, compact=compact)

    runs = pool(problem, rules)

    assert Counter(leg for run in runs for leg in run.legs) == Counter(range(len(problem.legs)))
    for run in runs:
        assert car_faults(problem, run, most=most, across_km=across) == [], run


@given(districts())
@settings(max_examples=60, deadline=None)
def test_a_pin_is_kept_or_reported(problem: Problem) -> None:
    pooled = pool_lines(problem, PoolRules(across_schools_km=4))

    broken = {pin.line for pin in pooled.broken_pins}
    line_of = {(problem.legs[leg].child, run.direction): run.line for run in pooled.runs for leg in run.legs}
    for index, line in enumerate(problem.lines):
        riding = [child for child in line.children if (child, line.direction) in line_of]
        if line.pinned and riding and index not in broken:
            (number,) = {line_of[child, line.direction] for child in riding}
            assert {c for (c, way), n in line_of.items() if (way, n) == (line.direction, number)} == set(
                riding
            )


@given(districts(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_planning_again_with_the_lines_of_before_changes_nothing(problem: Problem, compact: bool) -> None:
    rules = PoolRules(compact=compact)
    runs = pool(replace(problem, lines=()), rules)
    members: dict[tuple[int, int], set[int]] = {}
    for run in runs:
        members.setdefault((run.direction, run.line), set()).update(problem.run_children(run))
    again = replace(
        problem,
        lines=tuple(Line(AM if way == AM else PM, tuple(sorted(who))) for (way, _), who in members.items()),
    )

    def together(of: Problem) -> set[tuple[int, int, frozenset[int]]]:
        return {(run.day, int(run.direction), frozenset(run.legs)) for run in pool(of, rules)}

    assert together(again) == {(run.day, int(run.direction), frozenset(run.legs)) for run in runs}
