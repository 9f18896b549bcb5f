"""“下个月哪天不行”: one question a month to each who is in the rotation, and what counts as its answer."""

from datetime import date, timedelta

import pytest
from sqlmodel import Session, col, select

from escort.errors import Refused
from escort.messages import still_wanted
from escort.roster.models import MonthQuestion, Volunteer
from escort.rota import asks, availability, month_question
from escort.rota.models import ShiftState
from notifications.models import Message
from tests.builders import ZONE, a_child, a_volunteer
from tests.cast import LIN
from tests.escort.journeys.rides import a_ride
from tests.escort.rota.weeks import at, id_of, letters_to, links, told

MAY = date(2021, 5, 1)
THE_20TH = at(date(2021, 4, 20), 18)
LATER = THE_20TH + timedelta(hours=1)


def send(session: Session, now=THE_20TH, day: int = 20) -> int:  # type: ignore[no-untyped-def]
    session.flush()
    return month_question.send_month_questions(session, now=now, zone=ZONE, day=day, links=links)


def question_of(session: Session, who: Volunteer) -> MonthQuestion:
    return session.exec(
        select(MonthQuestion)
        .where(MonthQuestion.volunteer_id == who.id)
        .order_by(col(MonthQuestion.month_on).desc())
        .execution_options(populate_existing=True)
    ).first()  # type: ignore[return-value]


def block(session: Session, who: Volunteer, first: date, last: date, by: str = "") -> None:
    availability.block_out(
        session,
        volunteer_id=id_of(who),
        from_on=first,
        until_on=last,
        half_day=None,
        by=by or f"volunteer:{who.id}",
        now=LATER,
        zone=ZONE,
    )


def test_from_the_20th_at_six_everybody_is_asked_once(session: Session) -> None:
    wang = a_volunteer(session)

    assert send(session, THE_20TH - timedelta(seconds=1)) == 0
    assert send(session) == 1
    assert send(session, LATER) == 0

    [letter] = letters_to(session, f"volunteer:{wang.id}")
    assert letter.text.startswith("【杜鹃鸟】5月您哪天不方便接送？")
    assert question_of(session, wang).month_on == MAY


def test_the_day_is_a_setting(session: Session) -> None:
    a_volunteer(session)

    assert send(session, at(date(2021, 4, 24), 18), day=25) == 0
    assert send(session, at(date(2021, 4, 25), 18), day=25) == 1


def test_a_clock_that_was_off_on_the_20th_makes_it_up_and_wakes_nobody(session: Session) -> None:
    wang = a_volunteer(session)

    assert send(session, at(date(2021, 4, 22), 23)) == 1

    [letter] = letters_to(session, f"volunteer:{wang.id}")
    assert letter.next_attempt_at == at(date(2021, 4, 23), 6, 30)


def test_who_is_not_in_the_rotation_that_month_is_not_asked(session: Session) -> None:
    a_volunteer(session, "停用的", suspended=True)
    a_volunteer(session, "哪天都不行的").pattern = "0" * 14
    a_volunteer(session, "走了的").leaves_on = MAY
    a_volunteer(session, "六月才来的").joins_on = date(2021, 6, 1)
    asked = a_volunteer(session, "五月中来的")
    asked.joins_on = date(2021, 5, 17)

    assert send(session) == 1

    assert question_of(session, asked) is not None


def test_who_has_an_ask_open_is_asked_when_it_is_answered(session: Session) -> None:
    wang = a_volunteer(session)
    a_ride(session, a_child(session), driver=wang, on=date(2021, 4, 22), shift_state=ShiftState.OPEN)
    asks.send_asks(session, now=THE_20TH, zone=ZONE, links=links)
    due = month_question.next_due_at(session, now=THE_20TH, zone=ZONE, day=20)
    assert (send(session), due) == (0, at(date(2021, 5, 20), 18))

    [ask] = asks.open_asks_of(session, id_of(wang))
    asks.answer_ask(
        session, ask_id=id_of(ask), declined=set(), by="volunteer:1", how="sms", now=LATER, zone=ZONE
    )

    assert month_question.next_due_at(session, now=LATER, zone=ZONE, day=20) == LATER
    assert send(session, LATER) == 1


def test_nothing_to_say_is_an_answer_too(session: Session) -> None:
    wang = a_volunteer(session)
    send(session)

    month_question.answer_none(
        session, volunteer_id=id_of(wang), how=f"phone:{LIN}", now=LATER, today=date(2021, 4, 20)
    )

    question = question_of(session, wang)
    assert (question.answer, question.how, question.answered_at) == ("none", f"phone:{LIN}", LATER)
    assert month_question.month_state(session, today=date(2021, 4, 20)) == month_question.MonthState(
        MAY, 1, 1
    )


def test_dates_entered_anywhere_answer_the_question_about_their_month(session: Session) -> None:
    wang, chen = a_volunteer(session), a_volunteer(session, "陈姐")
    send(session)

    block(session, wang, date(2021, 5, 3), date(2021, 5, 4))
    block(session, chen, date(2021, 4, 28), date(2021, 4, 29))  # another month

    assert question_of(session, wang).answer == "dates"
    assert month_question.not_answered(session, month_on=MAY) == {chen.id}


def test_nothing_after_dates_is_not_guessed(session: Session) -> None:
    wang = a_volunteer(session)
    send(session)
    block(session, wang, date(2021, 5, 3), date(2021, 5, 3))

    with pytest.raises(Refused, match="一条条撤掉"):
        month_question.answer_none(
            session, volunteer_id=id_of(wang), how="page", now=LATER, today=date(2021, 4, 20)
        )


def test_an_answered_question_is_not_sent_any_more(session: Session) -> None:
    wang = a_volunteer(session)
    send(session)
    [letter] = letters_to(session, f"volunteer:{wang.id}")
    assert still_wanted(session, letter) is None

    block(session, wang, date(2021, 5, 3), date(2021, 5, 3))

    assert still_wanted(session, session.get_one(Message, letter.id)) == "answered"


def test_without_a_question_nothing_is_recorded(session: Session) -> None:
    wang = a_volunteer(session)

    with pytest.raises(Refused):
        month_question.answer_none(
            session, volunteer_id=id_of(wang), how="page", now=LATER, today=date(2021, 4, 20)
        )
    assert told(session, f"volunteer:{wang.id}") == []
