"""Two weeks before the term ends: who goes on, said once by each family, by whatever way it has."""

from datetime import date, datetime, timedelta

import pytest
from sqlmodel import Session

from escort.errors import Conflict
from escort.families import escorts
from escort.families.consent import withdraw_consent
from escort.families.next_term import ask_next_term, asked_families, open_question, record_answer
from tests.builders import TERM, ZONE, EscortedChild, a_child
from tests.cast import LIN
from tests.escort.rota.weeks import at, letters_to, links

LAST_DAY = TERM[1]  # 9 July 2021
TWO_WEEKS_BEFORE = at(LAST_DAY - timedelta(days=14), 18)


def ask(session: Session, now: datetime = TWO_WEEKS_BEFORE) -> int:
    return ask_next_term(session, now=now, zone=ZONE, links=links, duty_phone="199 0000 0001")


def ending(session: Session, name: str = "小雨", *, on: date | None = LAST_DAY) -> EscortedChild:
    return a_child(session, name, until_on=on)


def said(session: Session, now: datetime = TWO_WEEKS_BEFORE) -> list[tuple[str, str]]:
    return [(line.child, line.answer) for line in asked_families(session, now=now)]


def test_each_family_is_asked_once_from_two_weeks_before(session: Session) -> None:
    child = ending(session)

    assert ask(session, TWO_WEEKS_BEFORE - timedelta(days=1)) == 0
    assert (ask(session), ask(session)) == (1, 0)
    assert [letter.template for letter in letters_to(session, child.guardian_subject)] == ["family.next_term"]
    assert said(session) == [("小雨", "open")]


def test_who_goes_on_anyway_or_ends_for_another_reason_is_not_asked(session: Session) -> None:
    ending(session, "一直", on=None)
    ending(session, "搬走", on=LAST_DAY - timedelta(days=10))

    assert ask(session, at(LAST_DAY - timedelta(days=12), 18)) == 0


def test_an_answer_keeps_who_when_and_how_and_a_later_word_counts(session: Session) -> None:
    child = ending(session)
    ask(session)

    record_answer(
        session, child_id=child.id, wants=False, by=child.guardian_subject, how="page", now=TWO_WEEKS_BEFORE
    )
    later = TWO_WEEKS_BEFORE + timedelta(days=1)
    record_answer(session, child_id=child.id, wants=True, by=LIN, how="phone", now=later)

    (line,) = asked_families(session, now=later)
    assert (line.answer, line.answered_by, line.how, line.answered_at) == ("yes", LIN, "phone", later)


def test_once_it_is_said_nobody_is_rung_about_it(session: Session) -> None:
    child = ending(session)
    ask(session)

    record_answer(session, child_id=child.id, wants=True, by=LIN, how="phone", now=TWO_WEEKS_BEFORE)

    assert [letter.state for letter in letters_to(session, child.guardian_subject)] == ["withdrawn"]


def test_a_late_evening_waits_for_the_morning(session: Session) -> None:
    child = ending(session)
    ask(session, at(LAST_DAY - timedelta(days=14), 23))

    [letter] = letters_to(session, child.guardian_subject)
    assert letter.not_before is not None
    assert letter.not_before > at(LAST_DAY - timedelta(days=13), 6)


def test_nobody_who_was_not_asked_can_answer(session: Session) -> None:
    child = ending(session)

    with pytest.raises(Conflict):
        record_answer(session, child_id=child.id, wants=True, by=LIN, how="phone", now=TWO_WEEKS_BEFORE)


def test_renewing_settles_the_question(session: Session) -> None:
    child = ending(session)
    ask(session)

    escorts.renew_escort(
        session,
        child_id=child.id,
        from_on=date(2021, 9, 1),
        until_on=None,
        now=TWO_WEEKS_BEFORE,
        by=LIN,
    )

    assert open_question(session, child.id, now=TWO_WEEKS_BEFORE) is None
    assert said(session) == []


def test_another_last_day_is_another_question(session: Session) -> None:
    child = ending(session)
    ask(session)
    record_answer(
        session, child_id=child.id, wants=True, by=child.guardian_subject, how="sms", now=TWO_WEEKS_BEFORE
    )

    child.escort.until_on = date(2022, 1, 14)
    session.flush()

    assert said(session) == []
    assert ask(session, at(date(2022, 1, 3), 18)) == 1
    assert said(session, at(date(2022, 1, 3), 19)) == [("小雨", "open")]


def test_a_question_of_last_year_is_history(session: Session) -> None:
    ending(session)
    ask(session)

    assert said(session, at(LAST_DAY + timedelta(days=60), 18)) == [("小雨", "open")]
    assert said(session, at(LAST_DAY + timedelta(days=80), 18)) == []


def test_who_has_withdrawn_the_consent_is_not_asked(session: Session) -> None:
    child = ending(session)
    withdraw_consent(session, child_id=child.id, by=LIN, now=TWO_WEEKS_BEFORE - timedelta(days=2))

    assert ask(session) == 0
