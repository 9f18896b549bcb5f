"""What was understood is done and repeated; the rest goes to a human, never guessed."""

import pytest
from sqlmodel import Session, select

from escort import replies
from escort.families.models import Child
from escort.rota import asks, standins
from escort.rota.models import ShiftState
from notifications.addresses import live_addresses, phone_of
from notifications.inbound import record_inbound
from notifications.models import Inbound, InboundOutcome
from tests.builders import NOW, ZONE, a_child, a_volunteer
from tests.escort.journeys.rides import a_ride
from tests.escort.rota.weeks import MINUTE, letters_to, links, told
from tests.escort.texts import DUTY, asked, last_text, party_of, reply, state, unclear


@pytest.mark.parametrize("text", ["1", "１", "1。", "好", "可以"])
def test_a_yes_confirms_and_repeats_what_was_understood(session: Session, text: str) -> None:
    wang, [ride] = asked(session)

    assert reply(session, party_of(wang), text) is InboundOutcome.APPLIED

    assert state(session, ride) == ShiftState.CONFIRMED
    assert last_text(session, party_of(wang)).startswith("【杜鹃鸟】记下了，您能去：明天07:45上学")
    assert letters_to(session, party_of(wang))[0].acknowledged_at == NOW + MINUTE


def test_a_yes_that_cannot_be_taken_is_answered_with_why(session: Session) -> None:
    wang, [morning, _home] = asked(session, (0, "to_school"), (0, "home"))
    session.get_one(Child, morning.legs[0].child_id).wheelchair = True
    session.flush()

    assert reply(session, party_of(wang), "1") is InboundOutcome.APPLIED

    yes, no = letters_to(session, party_of(wang))[-2:]
    assert yes.text.startswith("【杜鹃鸟】记下了，您能去：明天16:00放学。")
    assert (
        no.text == "【杜鹃鸟】谢谢您回话。明天07:45上学这次不用您去：这趟要能载轮椅的车。有疑问请问值班老师。"
    )
    assert unclear(session) == []


@pytest.mark.parametrize("text", ["2", "２", "不行", "去不了"])
def test_a_no_declines_and_repeats_it(session: Session, text: str) -> None:
    wang, [ride] = asked(session)

    reply(session, party_of(wang), text)

    assert state(session, ride) == ShiftState.DECLINED
    assert "您去不了：明天07:45上学" in last_text(session, party_of(wang))


def test_two_with_a_weekday_is_yes_to_the_others(session: Session) -> None:
    wang, [wednesday, thursday] = asked(session, (0, "to_school"), (1, "to_school"))

    reply(session, party_of(wang), "2 周三")

    assert (state(session, wednesday), state(session, thursday)) == ("declined", "confirmed")
    assert "能去：周四07:45上学；去不了：明天07:45上学" in last_text(session, party_of(wang))


@pytest.mark.parametrize("text", ["病了到周三", "请假到4月9日"])
def test_what_only_families_say_answers_no_ask(session: Session, text: str) -> None:
    wang, [wednesday, thursday] = asked(session, (0, "to_school"), (1, "to_school"))

    reply(session, party_of(wang), text)

    assert (state(session, wednesday), state(session, thursday)) == ("open", "open")
    assert len(unclear(session)) == 1


@pytest.mark.parametrize("text", ["收到", "2 周六"])
def test_neither_yes_nor_no_asks_back(session: Session, text: str) -> None:
    wang, [ride] = asked(session)

    reply(session, party_of(wang), text)

    assert state(session, ride) == ShiftState.OPEN
    assert told(session, party_of(wang)) == ["ask.routine_one_day", "reply.ask_back"]
    assert unclear(session) == []


def test_thanks_to_an_open_ask_is_stored_and_opens_nothing(session: Session) -> None:
    wang, [ride] = asked(session)

    assert reply(session, party_of(wang), "谢谢") is InboundOutcome.NOTED

    assert state(session, ride) == ShiftState.OPEN
    assert told(session, party_of(wang)) == ["ask.routine_one_day"]


@pytest.mark.parametrize("text", ["是", "不", "", "👍", "我" * 300, "周三要晚十分钟可以吗"])
def test_what_is_not_understood_goes_to_the_coordinator_and_is_answered(session: Session, text: str) -> None:
    wang, [ride] = asked(session)

    assert reply(session, party_of(wang), text) is InboundOutcome.FORWARDED

    assert state(session, ride) == ShiftState.OPEN
    [case] = unclear(session)
    assert case.sentence == "王师傅回了一句话，系统没看懂，请您看一下"
    assert DUTY in last_text(session, party_of(wang))


def test_handling_a_reply_twice_changes_nothing_more(session: Session) -> None:
    wang, _ = asked(session)
    reply(session, party_of(wang), "1")
    before = told(session, party_of(wang))
    row = session.exec(select(Inbound)).one()

    replies.handle(session, inbound_id=row.id or 0, desk=replies.Desk(NOW, ZONE, DUTY, links))

    assert told(session, party_of(wang)) == before
    assert unclear(session) == []


def test_with_two_open_asks_a_bare_one_is_not_guessed(session: Session) -> None:
    wang, [ride] = asked(session)
    other = a_ride(session, a_child(session), direction="home")
    standins.ask_people(
        session, run_id=other.run_id, volunteer_ids=[wang.id or 0], now=NOW, zone=ZONE, links=links
    )

    reply(session, party_of(wang), "1")

    assert state(session, ride) == ShiftState.OPEN
    assert told(session, party_of(wang))[-1] == "reply.which"


def test_two_people_on_one_phone_answer_for_the_one_who_was_asked(session: Session) -> None:
    wang, [ride] = asked(session)
    wife = a_volunteer(session, "王师母", phone=phone_of(session, party_of(wang)))

    reply(session, party_of(wife), "1")

    assert state(session, ride) == ShiftState.CONFIRMED
    assert told(session, party_of(wife)) == []


def test_two_people_on_one_phone_who_were_both_asked_are_asked_which(session: Session) -> None:
    wang = a_volunteer(session)
    wife = a_volunteer(session, "王师母", phone=phone_of(session, party_of(wang)))
    rides = [
        a_ride(session, a_child(session), driver=who, shift_state=ShiftState.OPEN) for who in (wang, wife)
    ]
    asks.send_asks(session, now=NOW, zone=ZONE, links=links)

    reply(session, party_of(wang), "1")

    assert [state(session, ride) for ride in rides] == [ShiftState.OPEN] * 2
    assert told(session, party_of(wang))[-1] == told(session, party_of(wife))[-1] == "reply.which"
    assert f"https://dujuan.test/{party_of(wife)}" in last_text(session, party_of(wife))


def test_an_unknown_number_is_put_before_a_human(session: Session) -> None:
    assert reply(session, "", "1", number="19900009999") is InboundOutcome.FORWARDED

    assert unclear(session)[0].sentence.startswith("陌生号码")
    assert reply(session, "", "谢谢", number="19900009998") is InboundOutcome.NOTED


def test_who_says_that_he_is_a_stranger_gets_nothing_more(session: Session) -> None:
    wang, _ = asked(session)

    reply(session, party_of(wang), "打错了")

    [case] = unclear(session)
    assert case.is_urgent
    assert live_addresses(session, [party_of(wang)]) == {}


def test_a_reply_that_breaks_is_set_aside_for_a_human(session: Session) -> None:
    row = record_inbound(
        session, provider="t", provider_message_id="1", sender="19900000007", text="1", raw="{}", now=NOW
    )
    assert row is not None

    replies.set_aside(session, inbound_id=row.id or 0, now=NOW)

    assert unclear(session)[0].is_urgent
