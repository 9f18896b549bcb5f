"""Families that do not read: each evening somebody is told to ring them, with what is true, until it is ticked."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlmodel import select

from escort.cases.models import Case, CaseKind, CaseState
from escort.db import Store
from escort.errors import Conflict, Refused
from escort.families.models import TellBy
from escort.journeys import calls
from escort.journeys.board import board
from escort.journeys.cancelled import cancel_for_family
from escort.journeys.words import spoken_pair
from notifications.models import HandTask, Message
from notifications.sealed import Keyring
from tests.builders import NOW, ZONE, a_child
from tests.cast import LIN, Cast, the_cast
from tests.escort.journeys.evenings import CALLS, DUTY, Evening, is_rung, lose_driver
from tests.escort.journeys.rides import MINUTE, TOMORROW, Ride, a_ride, a_shift, local

SEVEN = NOW + timedelta(hours=1)  # 19:00


@dataclass
class Rung(Evening):
    """小雨's family is rung; 王师傅 drives her tomorrow, there and back."""

    def __post_init__(self) -> None:
        super().__post_init__()
        with self.store.write() as session:
            self.cast: Cast = the_cast(session)
            is_rung(session, self.cast.xiaoyu)
            self.morning: Ride = a_ride(session, self.cast.xiaoyu, driver=self.cast.wang)
            self.home: Ride = a_ride(session, self.cast.xiaoyu, driver=self.cast.wang, direction="home")

    def tick_off(self) -> None:
        """林老师 rings everybody who waits."""
        for call in self.calls().waiting:
            with self.store.write() as session:
                calls.tell(session, task_ids=call.task_ids, by=LIN, now=self.at, zone=ZONE)

    def cases(self) -> list[tuple[str, str]]:
        with self.store.read() as session:
            found = session.exec(select(Case).where(Case.kind == CaseKind.NOT_TOLD)).all()
            return [(case.sentence, case.state) for case in found]


@pytest.fixture
def evening(store: Store) -> Rung:
    return Rung(store)


def test_at_half_past_five_the_list_says_the_whole_of_tomorrow_in_words_for_a_phone(evening: Rung) -> None:
    evening.tick(CALLS - MINUTE)
    assert evening.calls().waiting == ()

    evening.tick(CALLS)

    [call] = evening.calls().waiting
    assert (call.who, call.first_at, call.tries) == ("小雨的外婆", local(TOMORROW, 7, 45), 0)
    assert call.sentence == (
        "明天早上7点45，姓王的志愿者来接小雨，白色长安欧尚，车牌尾号345。"
        "下午4点放学，姓王的志愿者送小雨回家，白色长安欧尚，车牌尾号345。"
    )
    assert evening.texts.sent == []


def test_the_earliest_departure_comes_first_and_a_text_family_waits_until_six(evening: Rung) -> None:
    with evening.store.write() as session:
        early = a_child(session, "石头", school=evening.cast.school)
        reads = a_child(session, "豆豆", school=evening.cast.school)
        is_rung(session, early)
        a_ride(session, early, driver=evening.cast.chen, at=local(TOMORROW, 7, 10))
        a_ride(session, reads)

    evening.tick()

    assert [call.who for call in evening.calls().waiting] == ["石头的外婆", "小雨的外婆"]
    assert evening.texts.sent == []


def test_who_is_not_found_yet_is_told_so_and_called_again_when_somebody_is(evening: Rung) -> None:
    with evening.store.write() as session:
        lose_driver(session, evening.morning, CALLS - timedelta(hours=2))
    evening.tick()
    assert evening.sentences()[0].startswith(
        "明天早上7点45，接小雨的人还没找到，最晚晚上8点再打给您。没接到电话，不要把孩子交给任何人。下午4点放学"
    )
    evening.tick_off()
    assert evening.calls().waiting == ()

    with evening.store.write() as session:
        a_shift(session, evening.morning.run, evening.cast.chen, confirmed_at=CALLS + MINUTE)
    evening.tick(CALLS + 2 * MINUTE)

    [call] = evening.calls().waiting
    assert (call.is_changed, call.sentence) == (
        True,
        "明天早上7点45，姓陈的志愿者来接小雨，白色长安欧尚，车牌尾号890。",
    )


def test_a_change_before_the_tick_takes_the_old_sentence_off_and_refuses_its_tick(evening: Rung) -> None:
    evening.tick()
    [seen] = evening.calls().waiting
    with evening.store.write() as session:
        lose_driver(session, evening.morning, CALLS + MINUTE)
        a_shift(session, evening.morning.run, evening.cast.chen, confirmed_at=CALLS + MINUTE)
    evening.tick(CALLS + 2 * MINUTE)

    with pytest.raises(Conflict), evening.store.write() as session:
        calls.tell(session, task_ids=seen.task_ids, by=LIN, now=evening.at, zone=ZONE)

    [call] = evening.calls().waiting
    assert call.sentence == (
        "明天早上7点45换人了：姓王的不来了，不要再把孩子交给他。改由姓陈的志愿者来接小雨，白色长安欧尚，车牌尾号890。"
        "下午4点放学，姓王的志愿者送小雨回家，白色长安欧尚，车牌尾号345。"
    )


def test_what_was_ticked_and_then_changed_comes_back_unticked(evening: Rung) -> None:
    evening.tick()
    evening.tick_off()
    [told] = evening.calls().told
    assert (told.told_at, told.told_by) == (CALLS, "林老师")

    with evening.store.write() as session:
        cancel_for_family(
            session,
            leg_id=evening.morning.leg_id,
            by=LIN,
            reason="孩子病了",
            duty_phone=DUTY,
            now=CALLS,
            zone=ZONE,
        )
    evening.tick(CALLS + MINUTE)

    [call] = evening.calls().waiting
    assert (call.is_changed, call.sentence) == (True, "明天早上7点45，小雨不用接，不会有车来。")


def test_unticked_at_seven_is_one_case_for_everybody_and_ticking_closes_it(evening: Rung) -> None:
    with evening.store.write() as session:
        other = a_child(session, "石头", school=evening.cast.school)
        is_rung(session, other, TellBy.PAPER)
        a_ride(session, other, driver=evening.cast.chen, at=local(TOMORROW, 7, 10))
    evening.tick()
    evening.tick(SEVEN - MINUTE)
    assert evening.cases() == []

    evening.tick(SEVEN)
    assert evening.cases() == [("4月7日有2家还没打通知电话：石头、小雨", CaseState.OPEN)]

    first = evening.calls().waiting[0]
    with evening.store.write() as session:
        calls.tell(session, task_ids=first.task_ids, by=LIN, now=evening.at, zone=ZONE)
    assert evening.cases() == [("4月7日有1家还没打通知电话：小雨", CaseState.OPEN)]
    evening.tick_off()
    with evening.store.read() as session:
        [case] = session.exec(select(Case).where(Case.kind == CaseKind.NOT_TOLD)).all()
        assert (case.state, case.closed_by) == (CaseState.CLOSED, LIN)


def test_the_clock_sees_seven_coming_and_then_rests(evening: Rung) -> None:
    evening.tick()
    with evening.store.read() as session:
        assert calls.next_due_at(session, now=CALLS, zone=ZONE) == SEVEN

    evening.tick(SEVEN)

    with evening.store.read() as session:
        assert calls.next_due_at(session, now=SEVEN, zone=ZONE) is None


def test_a_case_that_the_office_closed_is_not_opened_again_for_the_same_calls(evening: Rung) -> None:
    evening.tick()
    evening.tick(SEVEN)
    with evening.store.write() as session:
        case = session.exec(select(Case)).one()
        case.state, case.closed_by, case.closed_at = CaseState.CLOSED, LIN, SEVEN
        case.next_step_at, case.close_reason = None, "队长上门说"

    evening.tick(SEVEN + 5 * MINUTE)

    assert len(evening.cases()) == 1


def test_a_call_that_nobody_answers_says_when_to_try_again_and_the_third_is_a_case(evening: Rung) -> None:
    evening.tick()
    [call] = evening.calls().waiting
    for minute in (0, 20, 40):
        evening.at = CALLS + minute * MINUTE
        with evening.store.write() as session:
            calls.note_unanswered(session, task_ids=call.task_ids, now=evening.at)
        [again] = evening.calls().waiting
        assert (again.tries, again.try_again_at) == (minute // 20 + 1, evening.at + 20 * MINUTE)
        evening.tick()
        assert len(evening.cases()) == (minute == 40)


def test_a_wrong_tick_can_be_taken_back(evening: Rung) -> None:
    evening.tick()
    evening.tick_off()
    [told] = evening.calls().told

    with evening.store.write() as session:
        calls.take_back(session, task_ids=told.task_ids, now=evening.at)

    assert len(evening.calls().waiting) == 1
    with pytest.raises(Conflict), evening.store.write() as session:
        calls.take_back(session, task_ids=told.task_ids, now=evening.at)


def test_two_who_ring_the_same_family_are_told_of_each_other(evening: Rung) -> None:
    evening.tick()
    [call] = evening.calls().waiting
    evening.tick_off()

    with pytest.raises(Conflict), evening.store.write() as session:
        calls.tell(session, task_ids=call.task_ids, by="account:2", now=evening.at, zone=ZONE)
    with pytest.raises(Conflict), evening.store.write() as session:
        calls.note_unanswered(session, task_ids=call.task_ids, now=evening.at)
    assert [one.told_by for one in evening.calls().told] == ["林老师"]


def test_a_proxy_has_the_text_and_is_rung_to_pass_it_on(store: Store) -> None:
    evening = Evening(store)
    with store.write() as session:
        cast = the_cast(session)
        is_rung(session, cast.xiaoyu, TellBy.PROXY)
        a_ride(session, cast.xiaoyu, driver=cast.wang)

    evening.tick()

    assert len(evening.texts.sent) == 1
    [sentence] = evening.sentences()
    assert sentence.endswith("车牌尾号345。请您转告小雨家里。")


def test_the_board_counts_the_calls_and_shows_no_text_with_a_word(evening: Rung, keyring: Keyring) -> None:
    evening.tick()

    with evening.store.read() as session:
        shown = board(session, now=evening.at, zone=ZONE)
        [message] = session.exec(select(Message).join(HandTask)).all()

    assert spoken_pair(keyring, evening.morning.shift_id, evening.morning.leg_id) in message.text
    assert (shown.by_hand, shown.calls) == ((), 1)


def test_a_word_may_be_read_in_the_duty_window_alone(evening: Rung) -> None:
    leg = [evening.morning.leg_id]
    with evening.store.write() as session:
        with pytest.raises(Refused):
            calls.open_words(session, leg_ids=leg, by=LIN, now=CALLS - timedelta(hours=2), zone=ZONE)
        found = calls.open_words(session, leg_ids=leg, by=LIN, now=CALLS, zone=ZONE)
        lose_driver(session, evening.morning, CALLS)
        with pytest.raises(Refused):
            calls.open_words(session, leg_ids=leg, by=LIN, now=CALLS, zone=ZONE)

    assert found == {evening.morning.leg_id: evening.morning.shift_id}
