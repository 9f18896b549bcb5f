"""The morning is off: the afternoon is asked for, never assumed, and seen until somebody speaks for it."""

from datetime import datetime

from sqlmodel import Session, select

from escort.cases.models import Case, CaseState
from escort.journeys.afternoons import sweep_afternoons
from escort.journeys.cancelled import Afternoon, cancel_morning
from escort.rota.afternoons import cancel_rides, keep_afternoon
from escort.rota.legs import restore_leg
from escort.rota.models import LegState
from notifications.models import MessageState
from tests.builders import NOW, ZONE, EscortedChild, a_child
from tests.cast import LIN
from tests.escort.rota.weeks import HOUR, TOMORROW, at, extend, leg_of, letters_to, links

DUTY = "199 0000 0001"


def rang(session: Session, child: EscortedChild, said: Afternoon, now: datetime = NOW) -> None:
    cancel_morning(
        session,
        leg_id=leg_of(session, child).id or 0,
        afternoon=said,
        by=LIN,
        reason="外婆打电话",
        duty_phone=DUTY,
        links=links,
        now=now,
        zone=ZONE,
    )


def live(session: Session, now: datetime = NOW) -> list[tuple[str, str]]:
    sweep_afternoons(session, now=now, zone=ZONE)
    rows = session.exec(select(Case).where(Case.state != CaseState.CLOSED))
    return [(case.kind, case.sentence) for case in rows]


def a_day(session: Session) -> EscortedChild:
    child = a_child(session)
    extend(session)
    return child


def test_nothing_said_leaves_it_wanted_asks_the_family_and_shows_it(session: Session) -> None:
    child = a_day(session)

    rang(session, child, Afternoon.NOT_SAID)

    assert leg_of(session, child, direction="home").state == LegState.WANTED
    assert [letter.template for letter in letters_to(session, child.guardian_subject)] == [
        "family.office_cancelled",
        "family.afternoon",
    ]
    assert live(session) == [("afternoon", "小雨早上没去，4月7日16:00放学还照常；要不要，家里还没说")]


def test_what_was_said_is_done_and_asked_no_more(session: Session) -> None:
    kept, cancelled = a_day(session), a_child(session, "小禾")
    extend(session)

    rang(session, kept, Afternoon.KEEP)
    rang(session, cancelled, Afternoon.CANCEL)

    assert leg_of(session, kept, direction="home").kept_by == LIN
    assert leg_of(session, cancelled, direction="home").state == LegState.CANCELLED
    assert live(session) == []


def test_the_family_s_own_form_is_an_answer_for_both_halves(session: Session) -> None:
    child = a_day(session)

    cancel_rides(
        session,
        legs=[leg_of(session, child)],
        by=child.guardian_subject,
        reason="孩子病了",
        now=NOW,
        zone=ZONE,
    )

    home = leg_of(session, child, direction="home")
    assert (home.state, home.kept_by) == (LegState.WANTED, child.guardian_subject)
    assert live(session) == []


def test_a_question_that_waits_is_taken_off_once_it_is_said(session: Session) -> None:
    child = a_day(session)
    rang(session, child, Afternoon.NOT_SAID, at(TOMORROW, 2))  # the text waits until people are up
    live(session, at(TOMORROW, 2))

    keep_afternoon(
        session, leg_id=leg_of(session, child, direction="home").id or 0, by=LIN, now=at(TOMORROW, 3)
    )
    live(session, at(TOMORROW, 3))

    asked = next(
        one for one in letters_to(session, child.guardian_subject) if one.template == "family.afternoon"
    )
    assert asked.state == MessageState.WITHDRAWN


def test_a_way_home_that_was_given_back_is_wanted_by_that_word(session: Session) -> None:
    child = a_day(session)
    rang(session, child, Afternoon.CANCEL)

    restore_leg(session, leg_id=leg_of(session, child, direction="home").id or 0, by=LIN, now=NOW)

    assert live(session) == []


def test_a_word_closes_it_and_time_does_not(session: Session) -> None:
    child = a_day(session)
    rang(session, child, Afternoon.NOT_SAID)
    live(session)

    assert len(live(session, at(TOMORROW, 20))) == 1
    keep_afternoon(session, leg_id=leg_of(session, child, direction="home").id or 0, by=LIN, now=NOW + HOUR)
    assert live(session, NOW + HOUR) == []
