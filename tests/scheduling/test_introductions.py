from dataclasses import replace
from typing import Any

from scheduling.introductions import FirstRide, Narrow, narrow_circles, propose_first_rides
from scheduling.problem import Problem, Run
from tests.scheduling.small import AM, a_child, a_problem, a_volunteer, on, place

MONDAY_AM = 0


def a_week(*volunteers: dict[str, Any], **child: Any) -> Problem:
    """One child, Monday morning; 0 drives it."""
    run = Run(0, AM, (0,), place(5), place(0), 5.0, 11.0, 0)
    people = [a_volunteer(**{"north_km": 5.0, **facts}) for facts in volunteers]
    return a_problem([a_child(5, **child)], people, runs=(run,), promised={0: 0})


def test_a_half_day_with_fewer_than_three_known_people_is_thin() -> None:
    assert narrow_circles(a_week({}, {}, {}, familiar=(0, 1))) == (Narrow(0, ((MONDAY_AM, 2),)),)
    assert narrow_circles(a_week({}, {}, {}, familiar=(0, 1, 2))) == ()


def test_known_people_who_cannot_drive_then_do_not_count() -> None:
    problem = a_week({}, {"avail": on()}, {}, familiar=(0, 1, 2))

    assert narrow_circles(problem) == (Narrow(0, ((MONDAY_AM, 2),)),)


def test_the_newcomer_with_the_smallest_detour_rides_along_with_a_known_driver() -> None:
    problem = a_week({}, {"north_km": 9.0}, {"north_km": 6.0}, familiar=(0,))

    assert propose_first_rides(problem, joinable=[0]) == (FirstRide(0, 2, 0, 0, 1, 7.0),)
    assert propose_first_rides(problem, joinable=[0], newcomers=[1])[0].newcomer == 1
    assert propose_first_rides(problem, joinable=[]) == ()


def test_nobody_is_proposed_who_must_not_sit_in_the_car() -> None:
    driver = {"seats": 1}
    banned, busy = a_week({}, {}, familiar=(0,), banned=(1,)), a_week(driver, {}, familiar=(0,))
    unvetted = a_week({}, {"vetted_until": None}, familiar=(0,))
    unknown_driver = a_week({}, {}, familiar=())

    assert propose_first_rides(banned, joinable=[0]) == ()
    assert propose_first_rides(busy, joinable=[0]) == ()  # no seat is left
    assert propose_first_rides(unvetted, joinable=[0]) == ()
    assert propose_first_rides(unknown_driver, joinable=[0]) == ()


def test_each_newcomer_and_each_ride_is_proposed_once() -> None:
    run = Run(0, AM, (0,), place(5), place(0), 5.0, 11.0, 0)
    children = [a_child(5, familiar=(0,)), a_child(5, familiar=(1,))]
    problem = a_problem(children, [a_volunteer() for _ in range(3)])
    problem = replace(problem, runs=(run, replace(run, legs=(1,))), promised={0: 0, 1: 1})

    found = propose_first_rides(problem, joinable=[0, 1])

    assert [(one.child, one.newcomer, one.run) for one in found] == [(0, 2, 0)]
