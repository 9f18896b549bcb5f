from dataclasses import replace

from scheduling.pooling import halve, pool
from scheduling.problem import Child, Leg, Problem, Run, School
from tests.scheduling.small import AM, PM, a_child, a_problem, a_volunteer, place


def cars(problem: Problem, *, day: int = 0) -> list[tuple[int, ...]]:
    return [problem.run_children(run) for run in pool(problem) if run.day == day]


def together(*children: Child) -> list[set[int]]:
    return sorted((set(car) for car in cars(a_problem(children, []))), key=min)


def test_three_neighbours_share_a_car_and_are_fetched_on_the_way() -> None:
    problem = a_problem([a_child(5), a_child(7), a_child(6)], [])

    (run,) = pool(problem)

    assert problem.run_children(run) == (1, 2, 0)
    assert (run.start, run.end) == (place(7), place(0))
    assert (round(run.km, 1), round(run.minutes)) == (7.0, 17)  # 14 minutes of driving, 3 of boarding


def test_the_way_home_brings_the_nearest_first() -> None:
    problem = a_problem([a_child(7), a_child(5)], [], directions=(PM,))

    (run,) = pool(problem)

    assert problem.run_children(run) == (1, 0)
    assert (run.start, run.end, run.approach) == (place(0), place(7), place(7))


def test_a_fourth_neighbour_gets_another_car() -> None:
    assert sorted(map(len, together(*[a_child(5 + n / 10) for n in range(4)]))) == [1, 3]


def test_siblings_ride_together_before_nearer_neighbours() -> None:
    sister, neighbours, brother = a_child(5, family=7), [a_child(5.1), a_child(5.2)], a_child(6, family=7)

    first = together(sister, *neighbours, brother)[0]

    assert {0, 3} <= first


def test_two_child_seats_are_two_cars() -> None:
    assert together(a_child(5, child_seat=True), a_child(5, child_seat=True)) == [{0}, {1}]


def test_wheelchair_alone_and_second_adult_ride_alone() -> None:
    for need in ("wheelchair", "alone", "second_adult"):
        assert together(a_child(5, **{need: True}), a_child(5)) == [{0}, {1}]


def test_a_child_with_only_familiar_faces_shares_with_its_own_circle_alone() -> None:
    shy = a_child(5, only_familiar=True, circle=(0, 1))
    volunteers = [a_volunteer() for _ in range(3)]

    same = a_problem([shy, shy], volunteers)
    other = a_problem([shy, replace(shy, circle=(0, 2))], volunteers)

    assert list(map(len, cars(same))) == [2]
    assert list(map(len, cars(other))) == [1, 1]
    assert together(replace(shy, circle=()), a_child(5)) == [{0}, {1}]


def test_nobody_is_driven_far_beyond_the_direct_way() -> None:
    # 8 km west and 8 km east of the school: the first would ride 24 km instead of 8
    assert together(a_child(0, -8), a_child(0, 8)) == [{0}, {1}]


def test_other_schools_and_other_bells_are_other_cars() -> None:
    schools = (School(place(0)), School(place(0.1)))
    apart = a_problem([a_child(), a_child(school=1)], [], schools=schools)
    early = a_problem([a_child(), a_child()], [], legs=[Leg(0, 0, PM, minute=960), Leg(1, 0, PM, minute=720)])

    assert cars(apart) == [(0,), (1,)]
    assert cars(early) == [(0,), (1,)]


def test_an_absent_child_drops_out_and_the_line_stays() -> None:
    children = [a_child(5), a_child(5.5), a_child(6)]
    legs = [Leg(child, day, AM) for day in range(3) for child in range(3) if (child, day) != (1, 1)]
    problem = a_problem(children, [], days=3, legs=legs)

    runs = pool(problem)

    assert [problem.run_children(run) for run in runs] == [(2, 1, 0), (2, 0), (2, 1, 0)]
    assert len({run.line for run in runs}) == 1


def test_existing_runs_stay_and_show_the_line_for_later_days() -> None:
    # by distance alone, 0 would ride with 1; the line that exists already has it with 2
    children = [a_child(5), a_child(5.1), a_child(6), a_child(6.1)]
    lines = [(2, 0), (3, 1)]
    given = tuple(
        Run(0, AM, legs, place(6), place(0), 6.0, 14.0, line) for line, legs in enumerate(lines, start=4)
    )
    problem = a_problem(children, [], days=2, runs=given)

    runs = pool(problem)

    assert runs[:2] == given
    assert [(problem.run_children(run), run.line) for run in runs[2:]] == [((2, 0), 4), ((3, 1), 5)]


def test_on_a_day_with_another_place_far_off_the_line_is_parted() -> None:
    legs = [Leg(0, 0, AM, point=place(-8)), Leg(1, 0, AM)]
    problem = a_problem([a_child(8), a_child(8)], [], legs=legs)

    assert cars(problem) == [(0,), (1,)]


def test_a_halved_run_is_cut_at_its_longest_gap() -> None:
    problem = a_problem([a_child(9), a_child(6), a_child(5.5)], [])
    (run,) = pool(problem)

    first, second = halve(problem, run)

    assert (problem.run_children(first), problem.run_children(second)) == ((0,), (1, 2))
    assert first.halved
    assert first.line == second.line == run.line
