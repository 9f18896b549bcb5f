"""Drivers and families are told what they should know, once, and again when it is no longer true."""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from sqlalchemy import event
from sqlmodel import Session, select

from escort.db import Store
from escort.families.models import Guardian
from escort.journeys.reminders import next_due_at, sweep_reminders
from escort.journeys.words import spoken_pair
from escort.rota.legs import change_leg
from escort.rota.models import LegState, ShiftState
from escort.schools.service import Scope
from notifications.models import HandKind, HandTask, Message, MessageState, Urgency
from notifications.sealed import Keyring
from tests.builders import NOW, ZONE, a_child, a_volunteer
from tests.cast import LIN, the_cast
from tests.escort.journeys.rides import MINUTE, TOMORROW, Ride, a_leg, a_ride, a_shift, local, tap
from tests.escort.rota.changes import ELEVEN, a_way_home, ask_all_again, call_early
from tests.escort.rota.weeks import say_yes

DUTY = "199 0000 0001"
T = local(TOMORROW, 7, 45)
HALF_PAST_SIX = local(TOMORROW, 6, 30)


def links(session: Session, subjects: Sequence[str]) -> Mapping[str, str]:
    return {subject: f"https://dj/{subject}" for subject in subjects}


def sweep(session: Session, now: datetime) -> int:
    return sweep_reminders(session, now=now, zone=ZONE, links=links, duty_phone=DUTY)


def run_until(session: Session, until: datetime, *, since: datetime = NOW) -> None:
    sweep(session, since)
    last = since
    while (due := next_due_at(session, now=last, zone=ZONE)) is not None and due <= until:
        assert due > last, "the clock would not move on"
        last = due
        sweep(session, last)


def messages(session: Session, party: str) -> list[Message]:
    return list(session.exec(select(Message).where(Message.party == party).order_by(Message.id)))  # type: ignore[arg-type]


def texts(session: Session, party: str) -> list[str]:
    return [re.sub(r"https://\S+", "", message.text) for message in messages(session, party)]


def free(session: Session, ride: Ride, at: datetime) -> None:
    assert ride.shift is not None
    ride.shift.state, ride.shift.ended_at = ShiftState.FREED, at
    session.flush()


def test_a_driver_gets_all_turns_of_tomorrow_in_one_message_at_six(session: Session) -> None:
    cast = the_cast(session)
    a_ride(session, cast.xiaoyu, driver=cast.wang)
    a_ride(session, cast.xiaoyu, driver=cast.wang, direction="home")
    wang = f"volunteer:{cast.wang.id}"

    sweep(session, NOW - MINUTE)
    assert texts(session, wang) == []
    run_until(session, NOW + timedelta(hours=4))

    assert texts(session, wang) == [
        f"【杜鹃鸟】明天请您接送：07:45上学、16:00放学，唐昌街道、郫筒街道一带。名字和地点看链接。临时去不了请马上打{DUTY}。"
    ]


def test_who_says_yes_after_six_is_reminded_in_the_morning_only(session: Session) -> None:
    cast = the_cast(session)
    a_ride(session, cast.xiaoyu, driver=cast.wang, confirmed_at=NOW + MINUTE)

    run_until(session, T)

    [message] = messages(session, f"volunteer:{cast.wang.id}")
    assert message.text.startswith("【杜鹃鸟】今天07:45上学，唐昌街道一带。出发前点一下")
    assert message.created_at == T - 60 * MINUTE
    assert message.do_not_send_after == T


def test_the_morning_reminder_waits_for_the_end_of_the_night(session: Session) -> None:
    cast = the_cast(session)
    a_ride(session, cast.xiaoyu, driver=cast.wang, at=local(TOMORROW, 7), confirmed_at=NOW + MINUTE)

    run_until(session, T)

    [message] = messages(session, f"volunteer:{cast.wang.id}")
    assert (message.created_at, message.not_before) == (local(TOMORROW, 6), HALF_PAST_SIX)


def test_a_driver_on_the_road_and_one_who_just_said_yes_are_left_alone(session: Session) -> None:
    cast = the_cast(session)
    started = a_ride(session, cast.xiaoyu, driver=cast.wang, confirmed_at=NOW + MINUTE)
    tap(session, started, "started", at=T - 65 * MINUTE)
    late = a_child(session, "石头")
    a_ride(session, late, driver=cast.chen, confirmed_at=T - 70 * MINUTE)

    run_until(session, T, since=T - 65 * MINUTE)

    assert texts(session, f"volunteer:{cast.wang.id}") == texts(session, f"volunteer:{cast.chen.id}") == []


def test_a_family_is_told_both_halves_in_one_message(session: Session, keyring: Keyring) -> None:
    cast = the_cast(session)
    there = a_ride(session, cast.xiaoyu, driver=cast.wang)
    back = a_ride(session, cast.xiaoyu, driver=cast.chen, direction="home")

    run_until(session, NOW + timedelta(hours=4))

    words = [spoken_pair(keyring, ride.shift_id, ride.leg_id) for ride in (there, back)]
    assert texts(session, cast.xiaoyu.guardian_subject) == [
        f"【杜鹃鸟】杨同学明天：早上7点45，姓王的志愿者来接，车牌尾号345，暗号{words[0]}；"
        f"下午4点放学，姓陈的志愿者送回家，车牌尾号890，暗号{words[1]}。暗号对不上不上车。都不用接请回2。"
    ]


def test_everybody_who_gets_messages_is_told_and_nobody_else(session: Session) -> None:
    cast = the_cast(session)
    a_ride(session, cast.xiaoyu, driver=cast.wang)
    family_id = cast.xiaoyu.child.family_id
    proxy = Guardian(family_id=family_id, name="邻居", is_proxy=True, created_at=NOW)
    silent = Guardian(family_id=family_id, name="爸爸", gets_messages=False, created_at=NOW)
    session.add_all([proxy, silent])
    session.flush()

    run_until(session, NOW)

    told = messages(session, f"guardian:{proxy.id}")
    assert [message.channel for message in told] == [None, "by_hand"]  # the text, and a call to pass it on
    assert texts(session, f"guardian:{silent.id}") == []


def test_while_nobody_is_found_the_family_hears_the_truth_and_when_we_say_more(session: Session) -> None:
    cast = the_cast(session)
    a_ride(session, cast.xiaoyu)
    family = cast.xiaoyu.guardian_subject

    run_until(session, NOW + 59 * MINUTE)
    assert texts(session, family) == []
    run_until(session, T - 21 * MINUTE, since=NOW + 59 * MINUTE)

    assert texts(session, family) == [
        "【杜鹃鸟】杨同学明天早上7点45还没找到人，正在找。最晚晚上8点再告诉您。"
        "没收到消息前，请不要把孩子交给任何人。不用接请回2。",
        "【杜鹃鸟】杨同学明天早上7点45还没找到人，正在找。最晚明天早上7点25再告诉您。"
        "没收到消息前，请不要把孩子交给任何人。不用接请回2。",
    ]
    assert [message.created_at for message in messages(session, family)] == [
        local(NOW.date(), 19),
        local(NOW.date(), 20),
    ]


def test_twenty_minutes_before_t_even_a_leg_that_nobody_planned_is_told(session: Session) -> None:
    cast = the_cast(session)
    a_leg(session, cast.xiaoyu)

    run_until(session, T)

    last = messages(session, cast.xiaoyu.guardian_subject)[-1]
    assert last.text.startswith("【杜鹃鸟】很抱歉，杨同学今天早上7点45没有找到人来接。")
    assert last.created_at == T - 20 * MINUTE


def test_one_sure_half_does_not_hide_the_other(session: Session) -> None:
    cast = the_cast(session)
    a_ride(session, cast.xiaoyu, driver=cast.wang)
    a_ride(session, cast.xiaoyu, direction="home")

    run_until(session, NOW + 60 * MINUTE)

    [text] = texts(session, cast.xiaoyu.guardian_subject)
    assert "姓王的志愿者来接" in text
    assert "下午4点放学谁来还没定，晚上8点前告诉您" in text


def test_when_somebody_is_found_the_family_is_told_at_once(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu)
    run_until(session, NOW + 60 * MINUTE)
    at = NOW + 70 * MINUTE
    a_shift(session, ride.run, cast.chen, confirmed_at=at)

    run_until(session, NOW + timedelta(hours=4), since=at)

    family = cast.xiaoyu.guardian_subject
    assert [text[5:8] for text in texts(session, family)] == ["杨同学", "找到人"]
    assert messages(session, family)[1].created_at == at


def test_a_replaced_driver_is_named_as_no_longer_valid(session: Session, keyring: Keyring) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    run_until(session, NOW)
    free(session, ride, T - 50 * MINUTE)
    new = a_shift(session, ride.run, cast.chen, confirmed_at=T - 50 * MINUTE)

    run_until(session, T, since=T - 50 * MINUTE)

    message = messages(session, cast.xiaoyu.guardian_subject)[1]
    assert message.urgency == Urgency.URGENT
    assert texts(session, cast.xiaoyu.guardian_subject)[1] == (
        f"【杜鹃鸟】换人了。杨同学今天早上7点45，姓陈的志愿者来接，车牌尾号890，"
        f"暗号{spoken_pair(keyring, new.id or 0, ride.leg_id)}。原来姓王的不算数了，请不要再把孩子交给他。"
    )


def test_a_lost_driver_far_from_t_is_told_after_the_search_had_ten_minutes(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang, direction="home")
    run_until(session, NOW)
    lost_at = local(TOMORROW, 9)
    free(session, ride, lost_at)
    family = cast.xiaoyu.guardian_subject

    run_until(session, lost_at + 9 * MINUTE, since=lost_at)
    assert len(texts(session, family)) == 1
    run_until(session, lost_at + 30 * MINUTE, since=lost_at + 9 * MINUTE)

    assert texts(session, family)[1:] == [
        "【杜鹃鸟】杨同学今天：姓王的志愿者来不了，请不要再把孩子交给他。"
        "下午4点放学还没找到人，正在找。最晚下午3点40再告诉您。"
    ]


def test_a_driver_replaced_within_ten_minutes_is_one_message(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang, direction="home")
    run_until(session, NOW)
    free(session, ride, local(TOMORROW, 9))
    run_until(session, local(TOMORROW, 9, 3), since=local(TOMORROW, 9))
    a_shift(session, ride.run, cast.chen, confirmed_at=local(TOMORROW, 9, 3))

    run_until(session, local(TOMORROW, 12), since=local(TOMORROW, 9, 3))

    assert [text[5:8] for text in texts(session, cast.xiaoyu.guardian_subject)] == ["杨同学", "换人了"]


def test_a_driver_lost_close_to_t_is_told_at_once(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    run_until(session, NOW)
    free(session, ride, T - 30 * MINUTE)

    sweep(session, T - 30 * MINUTE)

    assert "姓王的志愿者来不了" in texts(session, cast.xiaoyu.guardian_subject)[1]


def test_lost_twice_is_told_twice(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    run_until(session, NOW)
    free(session, ride, T - 50 * MINUTE)
    sweep(session, T - 50 * MINUTE)
    second = a_shift(session, ride.run, cast.chen, confirmed_at=T - 45 * MINUTE)
    sweep(session, T - 45 * MINUTE)
    second.state, second.ended_at = ShiftState.FREED, T - 40 * MINUTE
    session.flush()

    sweep(session, T - 40 * MINUTE)

    told = texts(session, cast.xiaoyu.guardian_subject)
    assert ["姓王" in told[1], "找到人了" in told[2], "姓陈的志愿者来不了" in told[3]] == [True] * 3


def test_a_change_in_the_night_waits_for_the_morning_where_it_can(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    run_until(session, NOW)
    night = local(NOW.date(), 23)
    free(session, ride, night)
    a_shift(session, ride.run, cast.chen, confirmed_at=night)

    sweep(session, night)

    assert messages(session, cast.xiaoyu.guardian_subject)[1].not_before == HALF_PAST_SIX


def test_an_older_text_that_names_the_replaced_driver_is_not_sent_after_the_correction(
    session: Session,
) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    home = a_ride(session, cast.xiaoyu, driver=cast.wang, direction="home")
    night = local(NOW.date(), 23)
    sweep(session, night)
    early = local(TOMORROW, 6, 6)
    free(session, ride, early)
    a_shift(session, ride.run, cast.chen, confirmed_at=early)

    sweep(session, early)
    sweep(session, early + MINUTE)

    both, changed, other = messages(session, cast.xiaoyu.guardian_subject)
    assert both.state == MessageState.WITHDRAWN
    assert changed.text.startswith("【杜鹃鸟】换人了。杨同学今天早上7点45")
    assert (other.state, other.about) == (MessageState.QUEUED, f"leg:{home.leg_id}")
    assert "早上7点45" not in other.text


def test_an_older_text_on_the_offices_list_is_taken_off_it_by_the_correction(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    run_until(session, local(NOW.date(), 18))
    (old,) = messages(session, cast.xiaoyu.guardian_subject)
    old.state = MessageState.BY_HAND
    session.add(HandTask(message_id=old.id or 0, kind=HandKind.FORWARD, created_at=NOW))
    replaced_at = local(NOW.date(), 19)
    free(session, ride, replaced_at)
    a_shift(session, ride.run, cast.chen, confirmed_at=replaced_at)

    sweep(session, replaced_at)
    session.expire_all()

    old, new = messages(session, cast.xiaoyu.guardian_subject)
    assert (old.state, new.template) == (MessageState.WITHDRAWN, "family.changed")
    assert list(session.exec(select(HandTask.outcome))) == ["withdrawn"]


def test_a_ride_that_the_calendar_takes_away_is_told_once(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    run_until(session, NOW)
    ride.legs[0].state = LegState.WITHDRAWN
    session.flush()

    run_until(session, T, since=NOW + 10 * MINUTE)

    assert texts(session, cast.xiaoyu.guardian_subject)[1:] == [
        f"【杜鹃鸟】杨同学明天早上7点45不用接，不会有车来。有疑问请打{DUTY}。"
    ]


def test_whoever_cancelled_the_ride_is_not_told_so_again_but_the_others_are(session: Session) -> None:
    cast = the_cast(session)
    father = Guardian(family_id=cast.xiaoyu.child.family_id, name="爸爸", created_at=NOW)
    session.add(father)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    run_until(session, NOW)
    ride.legs[0].state, ride.legs[0].cancelled_by = LegState.CANCELLED, cast.xiaoyu.guardian_subject
    session.flush()

    sweep(session, NOW + 10 * MINUTE)

    assert len(texts(session, cast.xiaoyu.guardian_subject)) == 1
    assert "不会有车来" in texts(session, f"guardian:{father.id}")[1]


def test_the_same_driver_at_another_time_is_told_as_such(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    run_until(session, NOW)
    ride.legs[0].pickup_at = T + 5 * MINUTE
    session.flush()

    sweep(session, NOW + 10 * MINUTE)

    assert texts(session, cast.xiaoyu.guardian_subject)[1].startswith(
        "【杜鹃鸟】接送有变。杨同学明天早上7点50，姓王的志愿者来接"
    )


def test_a_leg_added_on_the_day_is_told_at_once(session: Session) -> None:
    cast = the_cast(session)
    morning = local(TOMORROW, 9)
    a_ride(session, cast.xiaoyu, driver=cast.wang, direction="home")

    sweep(session, morning)

    assert texts(session, cast.xiaoyu.guardian_subject)[0].startswith(
        "【杜鹃鸟】杨同学今天：下午4点放学，姓王"
    )


def test_a_cancelled_leg_is_told_to_nobody(session: Session) -> None:
    cast = the_cast(session)
    a_leg(session, cast.xiaoyu, state=LegState.CANCELLED)

    run_until(session, T)

    assert texts(session, cast.xiaoyu.guardian_subject) == []
    assert next_due_at(session, now=NOW, zone=ZONE) is None


def test_sweeping_again_tells_nobody_twice(session: Session) -> None:
    cast = the_cast(session)
    a_ride(session, cast.xiaoyu, driver=cast.wang)
    assert sweep(session, NOW) == 2

    assert sweep(session, NOW) == 0
    assert sweep(session, NOW + MINUTE) == 0


def test_two_clocks_tell_everybody_once(store: Store) -> None:
    with store.write() as session:
        cast = the_cast(session)
        a_ride(session, cast.xiaoyu, driver=cast.wang)

    def tick(_: int) -> int:
        with store.write() as session:
            return sweep(session, NOW)

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(tick, range(2))) == 2


def test_a_whole_districts_evening_costs_few_queries(session: Session) -> None:
    cast = the_cast(session)
    for n in range(15):
        child = a_child(session, f"孩子{n}", school=cast.school)
        driver = a_volunteer(session, f"司机{n}")
        a_ride(session, child, driver=driver)
        a_ride(session, child, driver=driver, direction="home")
    statements: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *args: statements.append(args[2]))

    assert sweep(session, NOW) == 30

    assert len(statements) <= 16


def test_an_early_dismissal_is_told_to_the_family_at_once_and_truly(session: Session) -> None:
    child, wang = a_child(session, escorted="Mon-Fri home"), a_volunteer(session)
    a_way_home(session, child, driver=wang)
    run_until(session, ELEVEN - MINUTE)
    call_early(session, Scope(child.school.id))
    ask_all_again(session)

    sweep(session, ELEVEN)

    assert texts(session, child.guardian_subject)[-1] == (
        "【杜鹃鸟】杨同学今天放学改到下午2点30（原来下午4点），原来的人和暗号不算数，正在重新问司机，"
        "最晚下午2点10告诉您谁来。没收到消息前，不要把孩子交给任何人。不用接请回2。"
    )
    assert sweep(session, ELEVEN + MINUTE) == 0

    say_yes(session, wang, ELEVEN + 5 * MINUTE)
    sweep(session, ELEVEN + 5 * MINUTE)

    assert texts(session, child.guardian_subject)[-1].startswith(
        "【杜鹃鸟】找到人了。杨同学今天下午2点30放学，姓王的志愿者送回家"
    )


def test_another_place_is_told_after_the_driver_had_ten_minutes_to_answer(session: Session) -> None:
    child, wang = a_child(session, escorted="Mon-Fri home"), a_volunteer(session)
    ride = a_way_home(session, child, driver=wang)
    run_until(session, ELEVEN - MINUTE)
    change_leg(session, leg_id=ride.leg_id, by=LIN, now=ELEVEN, zone=ZONE, point=(30.90, 103.85))
    ask_all_again(session)

    assert sweep(session, ELEVEN) == 0
    sweep(session, ELEVEN + 10 * MINUTE)

    assert texts(session, child.guardian_subject)[-1].startswith(
        "【杜鹃鸟】杨同学今天下午4点放学的安排有变，原来的人和暗号不算数"
    )
