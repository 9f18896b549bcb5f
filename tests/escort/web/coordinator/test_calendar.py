"""The school calendar at the desk: what is guessed, and what is entered by hand; the legs follow at once."""

from datetime import date

import pytest
from sqlmodel import select

from escort.rota.models import Leg
from escort.schools.models import CalendarEntry, CalendarKind
from tests.builders import a_child, a_school
from tests.cast import the_cast
from tests.escort.web.coordinator.conftest import Desk

ON = date(2021, 4, 8)


def the_people(desk: Desk) -> None:
    with desk.house.store.write() as session:
        the_cast(session)


def test_a_guessed_school_day_is_confirmed_with_its_timetable(desk: Desk) -> None:
    the_people(desk)
    assert "4月25日（星期日）调休上课" in desk.get("/calendar")

    desk.post("/calendar/make-up", {"on": "2021-04-25", "as_weekday": "4", "is_school": "yes"})

    shown = desk.get("/calendar")
    assert "4月25日（星期日）调休上课" not in shown
    assert "按周五" in shown
    with desk.house.store.read() as session:
        legs = session.exec(select(Leg.timetable_weekday).where(Leg.on == date(2021, 4, 25))).all()
    assert set(legs) == {4}


def test_a_closure_takes_its_legs_away_and_can_be_taken_back(desk: Desk) -> None:
    the_people(desk)
    desk.post(
        "/calendar/days",
        {"kind": "closure", "from_on": "2021-04-08", "until_on": "2021-04-08", "note": "停电"},
    )
    with desk.house.store.read() as session:
        assert session.exec(select(Leg).where(Leg.on == ON, Leg.state == "wanted")).all() == []
        entry = session.exec(select(CalendarEntry).where(CalendarEntry.kind == CalendarKind.CLOSURE)).one()

    desk.post(f"/calendar/entries/{entry.id}/remove")

    with desk.house.store.read() as session:
        assert len(session.exec(select(Leg).where(Leg.on == ON, Leg.state == "wanted")).all()) == 2


def test_an_early_day_without_a_time_is_refused_in_one_sentence(desk: Desk) -> None:
    the_people(desk)

    said = desk.post(
        "/calendar/days", {"kind": "early_day", "from_on": "2021-04-08", "until_on": "2021-04-08"}, expect=400
    )

    assert "要写几点" in said


def a_child_whose_term_ends(desk: Desk, until_on: date) -> None:
    with desk.house.store.write() as session:
        a_child(session, school=a_school(session, term=(date(2021, 3, 1), until_on)))


def school_days(desk: Desk) -> set[date]:
    with desk.house.store.read() as session:
        return set(session.exec(select(Leg.on).where(Leg.state == "wanted")))


def test_a_term_added_by_hand_makes_its_legs(desk: Desk) -> None:
    a_child_whose_term_ends(desk, date(2021, 4, 16))
    assert "4月17日起没有学期安排" in desk.get("/calendar")

    desk.post(
        "/calendar/days",
        {"kind": "term", "from_on": "2021-04-17", "until_on": "2021-07-09", "school_id": "1"},
    )

    assert {date(2021, 4, 16), date(2021, 4, 19)} <= school_days(desk)
    shown = desk.get("/calendar")
    assert "没有学期安排" not in shown
    assert "4月17日 – 7月9日" in shown


@pytest.mark.parametrize(
    ("from_on", "until_on", "sentence"),
    [
        ("2021-07-09", "2021-04-20", "结束日期早于开始日期"),
        ("2021-04-16", "2021-07-09", "和已有的学期（2021年3月1日至2021年4月16日）重叠"),
    ],
)
def test_a_term_that_cannot_be_is_refused_in_a_plain_sentence(
    desk: Desk, from_on: str, until_on: str, sentence: str
) -> None:
    a_child_whose_term_ends(desk, date(2021, 4, 16))

    said = desk.post(
        "/calendar/days",
        {"kind": "term", "from_on": from_on, "until_on": until_on, "school_id": "1"},
        expect=400,
    )

    assert sentence in said
