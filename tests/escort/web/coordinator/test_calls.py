"""The page of the evening's calls, a word read aloud, and the sheet for the door."""

import re
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from escort.access.models import AuditEvent
from escort.families.models import Family
from escort.journeys.models import Tap
from escort.journeys.words import spoken_pair, word_pair
from escort.rota.models import Direction, Leg, Shift
from notifications.addresses import live_addresses, set_phone
from notifications.models import HandKind, HandTask, Message, MessageState
from tests.builders import NOW, TODAY
from tests.cast import the_cast
from tests.escort.web.coordinator.conftest import Desk
from tests.escort.web.coordinator.days import a_leg, a_run, a_shift
from tests.queries import count_queries

TOMORROW = TODAY + timedelta(days=1)
MASKED = "199 **** **88"
NUMBER = "199 0000 7788"


def a_family_to_ring(session: Session) -> tuple[int, Leg, Shift]:
    """小雨's grandmother is to be told by phone that 王师傅 comes; the task, the leg and his shift."""
    cast = the_cast(session)
    set_phone(session, party=cast.xiaoyu.guardian_subject, phone=NUMBER, now=NOW)
    leg = a_leg(session, cast.xiaoyu, on=TOMORROW)
    shift = a_shift(session, a_run(session, leg), cast.wang.id)
    return a_call(session, cast.xiaoyu.guardian_subject, leg), leg, shift


def a_call(
    session: Session, party: str, leg: Leg, key: str = "one", template: str = "family.tomorrow"
) -> int:
    message = Message(
        party=party,
        template=template,
        parameters={},
        text="这条里有暗号",
        language="zh-Hans",
        about=f"leg:{leg.id}",
        dedup_key=key,
        send_key=key,
        urgency="routine",
        created_at=NOW,
        not_before=NOW,
        state=MessageState.BY_HAND,
        next_attempt_at=None,
    )
    session.add(message)
    session.flush()
    task = HandTask(message_id=message.id or 0, kind=HandKind.FORWARD, created_at=NOW)
    session.add(task)
    session.flush()
    assert task.id is not None
    return task.id


def reads(desk: Desk) -> list[tuple[str, list[str]]]:
    with desk.house.store.read() as session:
        lines = session.exec(select(AuditEvent).where(AuditEvent.action == "read").order_by(AuditEvent.seq))  # type: ignore[arg-type]
        return [(line.subject, line.fields) for line in lines]


@pytest.fixture
def call(desk: Desk) -> tuple[int, Leg, Shift]:
    with desk.house.store.write() as session:
        return a_family_to_ring(session)


def test_a_line_says_whom_to_ring_and_what_with_the_number_masked(
    desk: Desk, call: tuple[int, Leg, Shift]
) -> None:
    shown = desk.get("/calls")

    assert "通知单：还有 1 家要打电话" in shown
    assert "小雨的外婆" in shown
    assert "明天早上7点40，姓王的志愿者来接小雨，白色长安欧尚，车牌尾号345。" in shown
    assert MASKED in shown
    assert NUMBER not in shown
    assert "这条里有暗号" not in shown + desk.get("/today")
    assert reads(desk) == []


def test_today_points_to_the_calls(desk: Desk, call: tuple[int, Leg, Shift]) -> None:
    shown = desk.get("/today")

    assert "通知单：还有 1 家要打电话" in shown
    assert 'href="/calls"' in shown


def test_a_number_is_shown_once_and_logged(desk: Desk, call: tuple[int, Leg, Shift]) -> None:
    shown = desk.post("/calls/phone", {"task": str(call[0])}, expect=200)

    assert NUMBER in shown
    assert "看号码已记一笔" in shown
    assert reads(desk) == [("guardian:1", ["phone"])]
    assert NUMBER not in desk.get("/calls")


def test_words_are_read_aloud_once_and_logged(desk: Desk, call: tuple[int, Leg, Shift]) -> None:
    task, leg, shift = call
    word = spoken_pair(desk.house.store.keyring, shift.id or 0, leg.id or 0)
    assert word not in desk.get("/calls")

    shown = desk.post("/calls/word", {"task": str(task)}, expect=200)

    assert f"暗号是“{word}”，请司机先说，对不上不上车。" in shown
    assert reads(desk) == [(f"leg:{leg.id}", ["word"])]
    assert word not in desk.get("/calls")


def test_a_word_is_read_to_a_family_that_rings_and_logged(desk: Desk, call: tuple[int, Leg, Shift]) -> None:
    _, leg, shift = call
    child = desk.get(f"/children/{leg.child_id}")
    assert f"/legs/{leg.id}/word" in child

    shown = desk.post(f"/legs/{leg.id}/word", expect=200)

    assert " ".join(word_pair(desk.house.store.keyring, shift.id or 0, leg.id or 0)) in shown
    assert "再打回登记的号码" in shown
    assert reads(desk)[-1] == (f"leg:{leg.id}", ["word"])


def test_no_word_is_read_before_the_evening_before(desk: Desk, call: tuple[int, Leg, Shift]) -> None:
    desk.clock.at = NOW - timedelta(hours=4)
    leg = call[1]

    assert "现在没有暗号可念" in desk.post(f"/legs/{leg.id}/word", expect=400)

    assert f"/legs/{leg.id}/word" not in desk.get(f"/children/{leg.child_id}")
    assert [fields for _, fields in reads(desk)] == [["child:1.timetable"]]


def test_ticking_moves_the_line_down_with_who_and_when_and_a_second_tick_is_told(
    desk: Desk, call: tuple[int, Leg, Shift]
) -> None:
    assert desk.post("/calls/told", {"task": str(call[0])}) == "/calls"

    shown = " ".join(desk.get("/calls").split())
    assert "通知单：都打完了" in shown
    assert "林老师 18:00" in shown
    assert "已经有人告知了" in desk.post("/calls/told", {"task": str(call[0])}, expect=409)

    assert desk.post("/calls/not-told", {"task": str(call[0])}) == "/calls"
    assert "还有 1 家要打电话" in desk.get("/calls")


def test_an_unanswered_call_says_when_to_try_again(desk: Desk, call: tuple[int, Leg, Shift]) -> None:
    assert desk.post("/calls/unanswered", {"task": str(call[0])}) == "/calls"

    assert "18:20 再打" in desk.get("/calls")


def test_an_empty_list_says_that_it_is_good_news(desk: Desk) -> None:
    assert "现在没有要打的电话" in desk.get("/calls")


def test_the_list_costs_the_same_however_many_are_rung(desk: Desk, call: tuple[int, Leg, Shift]) -> None:
    with desk.house.store.write() as session:
        leg = session.get_one(Leg, call[1].id)
        for number in range(5):
            a_call(session, "guardian:1", leg, key=f"more{number}")

    with count_queries(desk.house.store.engine) as spent:
        desk.get("/calls")

    assert len(spent) <= 10, "\n".join(spent.statements)


def test_the_sheet_for_the_door_prints_known_drivers_and_no_word(desk: Desk) -> None:
    with desk.house.store.write() as session:
        cast = the_cast(session)
        leg = a_leg(session, cast.xiaoyu, on=TOMORROW)
        shift = a_shift(session, a_run(session, leg), cast.wang.id)
        a_leg(session, cast.xiaoyu, on=TOMORROW, direction=Direction.HOME)

    shown = desk.get(f"/children/{leg.child_id}/sheet?week={TOMORROW.isoformat()}")

    assert "待定" in shown
    assert "前一天发短信告诉您" in shown
    assert "王师傅" not in shown  # nobody has published that she knows him
    assert not re.search("|".join(word_pair(desk.house.store.keyring, shift.id or 0, leg.id or 0)), shown)
    assert reads(desk) == [(f"child:{leg.child_id}", [f"child:{leg.child_id}.timetable"])]
    assert "这一周没有接送" in desk.get(f"/children/{leg.child_id}/sheet?week=2021-07-28")


def a_reported_arrival(desk: Desk) -> tuple[int, int]:
    """小雨's driver says delivered; her grandmother is to be asked. The task and the leg."""
    with desk.house.store.write() as session:
        cast = the_cast(session)
        session.get_one(Family, cast.xiaoyu.child.family_id).confirms_arrival = True
        leg = a_leg(session, cast.xiaoyu, on=TODAY, direction=Direction.HOME)
        a_shift(session, a_run(session, leg), cast.wang.id)
        session.add(
            Tap(
                uuid="one",
                leg_id=leg.id or 0,
                step="delivered",
                by=f"volunteer:{cast.wang.id}",
                tapped_at=leg.due_at,
                arrived_at=leg.due_at,
            )
        )
        return a_call(session, cast.xiaoyu.guardian_subject, leg, template="family.arrived_ask"), leg.id or 0


def test_a_family_is_asked_on_the_phone_whether_its_child_is_at_home(desk: Desk) -> None:
    task, leg = a_reported_arrival(desk)
    assert "司机说下午4点30已经把小雨送到家了。小雨到家了吗？" in desk.get("/calls")
    assert "司机报已送到" in desk.get("/today")

    assert desk.post("/calls/arrived", {"task": str(task)}) == "/calls"

    assert "小雨到家了吗" not in desk.get("/calls")
    with desk.house.store.read() as session:
        assert session.exec(select(Tap.by).where(Tap.leg_id == leg, Tap.step == "handed_over")).all() == [
            "account:1"
        ]


def test_a_no_on_the_phone_goes_to_the_queue_where_a_later_yes_is_recorded(desk: Desk) -> None:
    task, leg = a_reported_arrival(desk)

    assert desk.post("/calls/not-home", {"task": str(task)}) == "/today"

    shown = desk.get("/today")
    assert "小雨：司机报已送到，家里说没到家。马上核实孩子在哪里" in shown
    assert f"/legs/{leg}/arrived" in shown
    assert desk.post(f"/legs/{leg}/arrived") == "/today"


def test_how_a_family_is_told_is_changed_with_the_child(desk: Desk) -> None:
    with desk.house.store.write() as session:
        cast = the_cast(session)
    edit = f"/children/{cast.xiaoyu.id}/edit"
    form = {
        "version": "1", "escort_version": "1", "weekdays": ["0", "1", "2", "3", "4"], "to_school": "on",
        "home_again": "on", "from_on": "2021-03-01", "guardian_ids": "1", "gets": "1", "phones": "",
    }  # fmt: skip

    desk.post(edit, {**form, "tell_by": "call", "confirms_arrival": "on"})

    with desk.house.store.read() as session:
        family = session.get_one(Family, cast.xiaoyu.child.family_id)
        assert (family.tell_by, family.confirms_arrival) == ("call", True)
        [by_hand, *_] = live_addresses(session, ["guardian:1"])["guardian:1"]
        assert (by_hand.channel, by_hand.is_preferred) == ("by_hand", True)
    shown = desk.get(edit)
    assert re.search(r'name="tell_by" value="call" checked', shown)

    desk.post(edit, {**form, "tell_by": "sms"})

    with desk.house.store.read() as session:
        assert [one.channel for one in live_addresses(session, ["guardian:1"])["guardian:1"]] == ["sms"]
    assert "请从短信、打电话、请人转告、纸条里选一种" in desk.post(
        edit, {**form, "tell_by": "pigeon"}, expect=400
    )
