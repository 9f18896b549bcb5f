"""The short form by which the office calls an early dismissal, from today's board or the calendar."""

from datetime import timedelta

from sqlmodel import Session, select

from escort.rota.models import Leg, Shift, ShiftState
from escort.schools.models import CalendarEntry, CalendarKind
from tests.builders import ZONE, a_child, a_volunteer
from tests.escort.rota.changes import ELEVEN, ON, a_way_home
from tests.escort.web.coordinator.conftest import Desk
from tests.queries import count_queries


def at_eleven(desk: Desk, *, class_name: str = "二班") -> None:
    """It is eleven on Wednesday; 小雨 and 小禾 go home at four, and 王师傅 has said yes to 小雨."""
    with desk.house.store.write() as session:
        first, second = a_child(session, "小雨"), a_child(session, "小禾")
        second.child.class_name = class_name
        session.flush()
        a_way_home(session, first, driver=a_volunteer(session))
    desk.clock.at = ELEVEN


def home_times(session: Session) -> list[str]:
    legs = session.exec(select(Leg).where(Leg.on == ON, Leg.direction == "home").order_by(Leg.child_id))  # type: ignore[arg-type]
    return [f"{leg.pickup_at.astimezone(ZONE):%H:%M}" for leg in legs]


def test_from_todays_board_in_a_few_taps(desk: Desk) -> None:
    at_eleven(desk)

    assert 'href="/calendar/early"' in desk.get("/today")
    assert 'href="/calendar/early"' in desk.get("/calendar")
    assert "全校，2 个孩子，原来 16:00" in desk.get("/calendar/early")
    assert desk.post("/calendar/early", {"who": "school:1", "at": "14:30", "note": "暴雨"}) == "/today"

    with desk.house.store.read() as session:
        assert home_times(session) == ["14:30", "14:30"]
        assert session.exec(select(Shift.state)).one() == ShiftState.FREED
        entry = session.exec(select(CalendarEntry).where(CalendarEntry.kind == CalendarKind.EARLY_DAY)).one()
        assert (entry.note, entry.school_id) == ("暴雨", 1)


def test_for_one_class_or_one_child(desk: Desk) -> None:
    at_eleven(desk)

    desk.post("/calendar/early", {"who": "class:1:二班", "at": "14:30"})
    with desk.house.store.read() as session:
        assert home_times(session) == ["16:00", "14:30"]

    assert 'value="child:1" selected' in desk.get("/calendar/early?child=1")
    desk.post("/calendar/early", {"who": "child:1", "at": "13:00"})
    with desk.house.store.read() as session:
        assert home_times(session) == ["13:00", "14:30"]


def test_what_is_wrong_is_said_at_its_field_and_the_form_keeps_the_rest(desk: Desk) -> None:
    at_eleven(desk)

    for typed, sentence in (
        ({"who": "", "at": "14:30"}, "请选是哪所学校"),
        ({"who": "school:99", "at": "14:30"}, "请选是哪所学校"),
        ({"who": "school:1", "at": ""}, "几点放学没填"),
        ({"who": "school:1", "at": "10:00"}, "10:00 已经过了"),
        ({"who": "school:1", "at": "16:30"}, "平常 16:00 放学"),
    ):
        page = desk.post("/calendar/early", {**typed, "note": "暴雨"}, expect=400)
        assert sentence in page
        assert 'value="暴雨"' in page
    assert "几点放学没填" in desk.post("/calendar/early", {}, expect=400)  # nothing sent at all
    with desk.house.store.read() as session:
        assert home_times(session) == ["16:00", "16:00"]


def test_in_the_evening_there_is_nobody_left_to_choose(desk: Desk) -> None:
    at_eleven(desk)
    desk.clock.forward(timedelta(hours=8))

    assert "今天没有还没放学的接送" in desk.get("/calendar/early")


def test_the_page_costs_few_queries(desk: Desk) -> None:
    at_eleven(desk)

    with count_queries(desk.house.store.engine) as counted:
        desk.get("/calendar/early")

    assert len([one for one in counted.statements if "audit" not in one]) <= 10


def test_a_day_ahead_may_hold_for_one_class(desk: Desk) -> None:
    at_eleven(desk)

    desk.post(
        "/calendar/days",
        {
            "kind": "early_day",
            "from_on": ON.isoformat(),
            "until_on": (ON + timedelta(days=1)).isoformat(),
            "at": "15:00",
            "school_id": "1",
            "class_name": "二班",
        },
    )

    with desk.house.store.read() as session:
        assert home_times(session) == ["16:00", "15:00"]
