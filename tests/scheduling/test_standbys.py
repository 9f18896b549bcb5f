"""Who stands by: near the rides, with the car for them, and never instead of a driver."""

from dataclasses import replace

from scheduling.plan import Plan
from scheduling.planner import plan
from scheduling.problem import StandbySlot, Team
from tests.scheduling.small import AM, PM, a_child, a_problem, a_volunteer, on, place

FAR_AWAY = Team(place(0, 9))


def standby_of(found: Plan) -> dict[StandbySlot, int]:
    return {entry.slot: entry.volunteer for entry in found.standby}


def test_of_two_who_could_drive_everybody_the_nearer_one_stands_by() -> None:
    problem = a_problem([a_child(5)], [a_volunteer(5), a_volunteer(12), a_volunteer(6)], standby=True)

    assert standby_of(plan(problem)) == {StandbySlot(0, AM, 0): 2}


def test_the_car_that_suits_more_of_the_children_comes_before_the_nearer_one() -> None:
    children = [a_child(5, wheelchair=True), a_child(5), a_child(5)]
    drivers = [a_volunteer(5, wheelchair=True), a_volunteer(5)]
    near, equipped = a_volunteer(5.1), a_volunteer(9, wheelchair=True)

    problem = a_problem(children, [*drivers, near, equipped], standby=True)

    assert standby_of(plan(problem)) == {StandbySlot(0, AM, 0): 3}


def test_whoever_could_drive_none_of_the_rides_does_not_stand_by() -> None:
    too_far = a_volunteer(5, 9, max_approach_km=3)
    problem = a_problem([a_child(5)], [a_volunteer(5), too_far], standby=True)

    found = plan(problem)

    assert (found.standby, found.standby_missing) == ((), (StandbySlot(0, AM, 0),))


def test_the_circle_stands_by_where_only_familiar_faces_will_do_whatever_the_team() -> None:
    shy = a_child(5, only_familiar=True, circle=(0, 2))
    people = [a_volunteer(5), a_volunteer(5), a_volunteer(5, team=1)]

    found = plan(a_problem([shy], people, standby=True, teams=(Team(place(5)), FAR_AWAY)))

    (who,) = standby_of(found).values()
    assert {who, found.driver[0]} == {0, 2}


def test_the_last_one_left_for_a_ride_is_kept_for_it() -> None:
    # on Monday 0 drives, and 1 and 2 could stand by; on Tuesday morning only 1 and 3 can drive at all
    monday, tuesday = on((0, AM)), on((1, AM))
    people = [
        a_volunteer(5, avail=monday, cap_week=1),
        a_volunteer(5, avail=on((0, AM), (1, AM)), cap_week=1),
        a_volunteer(9, avail=monday, cap_week=1),
        a_volunteer(5, avail=tuesday, cap_week=1),
    ]
    problem = a_problem([a_child(5)], people, days=2, standby=True)
    promised = replace(problem, runs=None)

    found = plan(promised)

    assert found.uncovered_legs == 0
    drives, stands_by = found.driver, standby_of(found)
    assert drives == (0, 3)
    assert stands_by == {StandbySlot(0, AM, 0): 2, StandbySlot(1, AM, 0): 1}


def test_each_half_day_has_its_own_standby_and_nobody_two_at_once() -> None:
    people = [a_volunteer(5 + n / 10) for n in range(4)]

    found = plan(a_problem([a_child(5)], people, directions=(AM, PM), standby=True))

    assert {slot.direction for slot in standby_of(found)} == {AM, PM}
    assert all(found.driver[way] != standby_of(found)[StandbySlot(0, way, 0)] for way in (AM, PM))
