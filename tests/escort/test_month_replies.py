"""没有 and dates by text message: only what the last text asked about, and only days of the month that it named."""

from datetime import date, timedelta

import pytest
from sqlmodel import Session, select

from escort.roster.models import Blockout, MonthQuestion, Volunteer
from escort.rota import asks, month_question
from escort.rota.models import ShiftState
from notifications.models import InboundOutcome
from tests.builders import ZONE, a_child, a_volunteer
from tests.escort.journeys.rides import Ride, a_ride
from tests.escort.rota.weeks import MINUTE, at, letters_to, links, states_of, told
from tests.escort.texts import last_text, party_of, reply, unclear

THE_20TH = at(date(2021, 4, 20), 18)
SOON = THE_20TH + 5 * MINUTE
MAY_6TH = date(2021, 5, 6)


def asked_about_may(session: Session, *people: Volunteer) -> None:
    session.flush()
    assert month_question.send_month_questions(session, now=THE_20TH, zone=ZONE, day=20, links=links) == len(
        people
    )


def days_off(session: Session) -> list[tuple[date, date]]:
    return [(row.from_on, row.until_on) for row in session.exec(select(Blockout))]


def an_open_turn(session: Session, who: Volunteer) -> Ride:
    """Asked after the question about the month."""
    ride = a_ride(session, a_child(session), driver=who, on=date(2021, 4, 22), shift_state=ShiftState.OPEN)
    asks.send_asks(session, now=THE_20TH + MINUTE, zone=ZONE, links=links)
    return ride


@pytest.mark.parametrize("text", ["没有", "没有。", " 没有不方便的 "])
def test_nothing_is_recorded_and_repeated(session: Session, text: str) -> None:
    wang = a_volunteer(session)
    asked_about_may(session, wang)

    assert reply(session, party_of(wang), text, now=SOON) is InboundOutcome.APPLIED

    question = session.exec(select(MonthQuestion).execution_options(populate_existing=True)).one()
    assert (question.answer, question.how) == ("none", f"sms:{party_of(wang)}")
    assert last_text(session, party_of(wang)).startswith("【杜鹃鸟】记下了：5月没有不方便的日子")
    assert letters_to(session, party_of(wang))[0].acknowledged_at == SOON


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("5月3日 5月6日", [(3, 3), (6, 6)]),
        ("５月３号、5月6号不行", [(3, 3), (6, 6)]),
        ("5月3日到5月6日", [(3, 6)]),
        ("5月3日，5月10日至5月12日。", [(3, 3), (10, 12)]),
    ],
)
def test_dates_are_blocked_out_and_repeated(session: Session, text: str, days: list[tuple[int, int]]) -> None:
    wang = a_volunteer(session)
    asked_about_may(session, wang)

    assert reply(session, party_of(wang), text, now=SOON) is InboundOutcome.APPLIED

    assert days_off(session) == [(date(2021, 5, a), date(2021, 5, b)) for a, b in days]
    assert last_text(session, party_of(wang)).startswith("【杜鹃鸟】记下了：5月3日")


def test_a_promise_under_the_dates_is_free_and_counted_in_the_answer(session: Session) -> None:
    wang = a_volunteer(session)
    ride = a_ride(session, a_child(session), driver=wang, on=MAY_6TH)
    asked_about_may(session, wang)

    reply(session, party_of(wang), "5月6日", now=SOON)

    assert states_of(session, ride.run) == {wang.id: ShiftState.FREED}
    assert last_text(session, party_of(wang)) == (
        "【杜鹃鸟】记下了：5月6日不请您接送。其中答应过的1趟，我们另外找人。记错了请打19900000001。"
    )


@pytest.mark.parametrize(
    "text", ["5月32日", "6月3日", "4月19日", "5月6日到5月3日", "3日", "5月3日上午", "下周三"]
)
def test_a_day_that_is_not_of_that_month_goes_to_a_human(session: Session, text: str) -> None:
    wang = a_volunteer(session)
    asked_about_may(session, wang)

    assert reply(session, party_of(wang), text, now=SOON) is InboundOutcome.FORWARDED

    assert days_off(session) == []
    assert len(unclear(session)) == 1


def test_a_one_answers_the_ask_and_never_the_month(session: Session) -> None:
    wang = a_volunteer(session)
    asked_about_may(session, wang)
    ride = an_open_turn(session, wang)

    reply(session, party_of(wang), "1", now=SOON)

    assert states_of(session, ride.run) == {wang.id: ShiftState.CONFIRMED}
    assert month_question.unanswered_of(session, [wang.id or 0], today=THE_20TH.date()) != []


@pytest.mark.parametrize("text", ["没有", "5月6日"])
def test_after_a_later_ask_a_word_about_the_month_goes_to_a_human(session: Session, text: str) -> None:
    wang = a_volunteer(session)
    asked_about_may(session, wang)
    ride = an_open_turn(session, wang)

    assert reply(session, party_of(wang), text, now=SOON) is InboundOutcome.FORWARDED

    assert states_of(session, ride.run) == {wang.id: ShiftState.OPEN}
    assert days_off(session) == []


@pytest.mark.parametrize("text", ["1", "好的", "2", "不行"])
def test_a_bare_yes_or_no_to_the_month_s_question_means_nothing_in_the_grammar(
    session: Session, text: str
) -> None:
    wang = a_volunteer(session)
    asked_about_may(session, wang)

    reply(session, party_of(wang), text, now=SOON)

    assert month_question.unanswered_of(session, [wang.id or 0], today=THE_20TH.date()) != []
    assert days_off(session) == []


def test_dates_may_follow_nothing_and_nothing_after_dates_goes_to_a_human(session: Session) -> None:
    wang = a_volunteer(session)
    asked_about_may(session, wang)

    said = [
        reply(session, party_of(wang), text, now=SOON + n * MINUTE)
        for n, text in enumerate(("没有", "5月6日", "没有"))
    ]

    assert said == [InboundOutcome.APPLIED, InboundOutcome.APPLIED, InboundOutcome.FORWARDED]
    assert days_off(session) == [(MAY_6TH, MAY_6TH)]


def test_on_a_phone_that_two_share_each_answers_behind_the_own_link(session: Session) -> None:
    wang = a_volunteer(session, phone="19900010001")
    chen = a_volunteer(session, "陈姐", phone="19900010001")
    asked_about_may(session, wang, chen)

    assert reply(session, party_of(wang), "没有", now=SOON) is InboundOutcome.APPLIED

    assert told(session, party_of(wang))[-1] == told(session, party_of(chen))[-1] == "reply.which"
    assert len(month_question.not_answered(session, month_on=date(2021, 5, 1))) == 2


def test_without_a_question_a_date_goes_to_a_human(session: Session) -> None:
    wang = a_volunteer(session)

    assert reply(session, party_of(wang), "5月6日", now=SOON + timedelta(days=1)) is (
        InboundOutcome.FORWARDED
    )
