"""Whether a child that is being set up could be driven."""

from datetime import date

from sqlmodel import Session, select

from escort.families.forms import ChildSetUp
from escort.families.models import Child
from escort.rota.models import Direction, Leg
from escort.rota.new_child import Verdict, judge_new_child
from tests.builders import TODAY, a_school, a_volunteer
from tests.cast import the_cast
from tests.escort.web.coordinator.days import a_leg, a_run, a_shift

NEXT_MONDAY = date(2021, 4, 12)  # the week that is judged


def the_form(**changed: object) -> ChildSetUp:
    return ChildSetUp.read(
        {
            "short_name": "小禾",
            "school_id": "1",
            "pickup": "家门口 30.9071,103.8402",
            "tell_name": "杨桂芳",
            "phone": "199 0000 0177",
            "street": "唐昌街道",
            **changed,
        }
    )


def test_two_people_for_every_ride_are_good(session: Session) -> None:
    the_cast(session)

    seen = judge_new_child(session, form=the_form(), today=TODAY)

    assert (seen.verdict, seen.rides_a_week, seen.without_reserve) == (Verdict.GOOD, 10, 0)
    assert [one.name for one in seen.circle] == ["王师傅", "陈姐"]
    assert seen.circle[0].approach_km < 2


def test_one_person_alone_is_thin(session: Session) -> None:
    a_school(session)
    a_volunteer(session, "王师傅")

    seen = judge_new_child(session, form=the_form(), today=TODAY)

    assert (seen.verdict, seen.without_reserve) == (Verdict.THIN, 10)


def test_a_ride_that_nobody_has_time_for_is_a_hole_with_its_cause(session: Session) -> None:
    a_school(session)
    a_volunteer(session, "王师傅", drives="Mon-Thu both ways")

    seen = judge_new_child(session, form=the_form(), today=TODAY)

    assert seen.verdict is Verdict.HOLES
    assert [(hole.weekday, hole.direction.name) for hole in seen.holes] == [(4, "TO_SCHOOL"), (4, "HOME")]
    assert [rule.value for rule, _ in seen.holes[0].causes] == ["unavailable"]


def test_a_neighbours_car_with_a_seat_fills_a_ride(session: Session) -> None:
    cast = the_cast(session)
    driver = a_volunteer(session, "罗晓云", drives="Mon to school", cap_week=1)
    leg = a_leg(session, cast.xiaoyu, on=NEXT_MONDAY, direction=Direction.TO_SCHOOL)
    a_shift(session, a_run(session, leg), driver.id)

    seen = judge_new_child(session, form=the_form(), today=TODAY)
    alone = judge_new_child(session, form=the_form(alone="on"), today=TODAY)

    assert (seen.shared, alone.shared) == (1, 0)


def test_where_a_volunteer_lives_is_rounded(session: Session) -> None:
    the_cast(session)

    point = judge_new_child(session, form=the_form(), today=TODAY).circle[0].point

    assert (point.lat, point.lon) == (30.9, 103.845)


def test_judging_keeps_nothing(session: Session) -> None:
    the_cast(session)

    judge_new_child(session, form=the_form(), today=TODAY)

    assert len(session.exec(select(Child.id)).all()) == 1
    assert session.exec(select(Leg.id)).all() == []
