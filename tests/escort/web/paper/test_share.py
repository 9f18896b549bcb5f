"""What a group may see: nothing of the picture's values names anybody."""

from datetime import timedelta

from sqlmodel import Session

from escort.rota.open_runs import open_runs
from escort.web.paper import share
from escort.web.paper.words import Words
from tests.builders import NOW, TODAY, ZONE
from tests.cast import the_cast
from tests.escort.journeys.rides import a_ride
from tests.queries import count_queries


def test_the_picture_says_time_areas_and_how_many_are_missing(session: Session) -> None:
    cast = the_cast(session)
    a_ride(session, cast.xiaoyu, on=TODAY + timedelta(days=1), driver=None)
    a_ride(session, cast.xiaoyu, on=TODAY + timedelta(days=2), driver=cast.wang)

    runs = open_runs(session, from_on=TODAY, until_on=TODAY + timedelta(days=6), now=NOW)
    made = share.values(
        runs,
        Words("zh-Hans", ZONE),
        district="郫都区",
        duty_phone="199 0000 0001",
        first=TODAY,
        last=TODAY + timedelta(days=6),
    )

    said = str(made)
    (line,) = made["runs"]
    assert line["at"] == "07:45"
    assert line["missing"] == "缺 1 位"
    assert made["heading"] == "还缺 1 位志愿者"
    for private in ("小雨", "杨", cast.wang.name, cast.wang.plate, cast.school.name):
        assert private not in said


def test_a_turn_whose_driver_was_asked_or_is_not_published_is_not_on_it(session: Session) -> None:
    cast = the_cast(session)
    a_ride(session, cast.xiaoyu, on=TODAY + timedelta(days=1), driver=cast.wang, shift_state="open")

    assert open_runs(session, from_on=TODAY, until_on=TODAY + timedelta(days=6), now=NOW) == []


def test_a_week_of_open_turns_costs_six_queries_at_most(session: Session) -> None:
    cast = the_cast(session)
    for days in range(1, 5):
        a_ride(session, cast.xiaoyu, on=TODAY + timedelta(days=days), driver=None)
    session.flush()

    with count_queries(session.get_bind()) as counted:  # type: ignore[arg-type]
        runs = open_runs(session, from_on=TODAY, until_on=TODAY + timedelta(days=6), now=NOW)

    assert len(runs) == 4
    assert len(counted) <= 6
