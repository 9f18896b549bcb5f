"""A volunteer's text after the deadline, about a promise, or across another text on its way."""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from escort.roster.models import Volunteer
from escort.rota import asks
from escort.rota.models import AskState, Shift, ShiftState
from notifications.models import InboundOutcome, MessageState
from notifications.outbox import enqueue
from notifications.wording import Wording
from tests.builders import NOW, a_child, a_volunteer
from tests.escort.journeys.rides import a_ride, a_shift
from tests.escort.rota.weeks import HOUR, MINUTE, asks_to, letters_to, offers_to, told
from tests.escort.texts import asked, party_of, reply, state, unclear


def lapse(session: Session, wang: Volunteer) -> datetime:
    deadline = asks_to(session, wang)[-1].deadline_at
    asks.lapse_asks(session, now=deadline)
    return deadline


def test_a_late_yes_counts_while_nobody_else_drives(session: Session) -> None:
    wang, [ride] = asked(session)
    late = lapse(session, wang) + HOUR

    reply(session, party_of(wang), "1", now=late)

    shifts = session.exec(select(Shift).where(Shift.run_id == ride.run_id).order_by(col(Shift.id))).all()
    assert [shift.state for shift in shifts] == [ShiftState.LAPSED, ShiftState.CONFIRMED]
    assert told(session, party_of(wang))[-1] == "ask.yes"


def test_a_late_yes_is_told_the_truth_if_somebody_else_drives(session: Session) -> None:
    wang, [ride] = asked(session)
    late = lapse(session, wang) + HOUR
    a_shift(session, ride.run, a_volunteer(session, "陈姐"), confirmed_at=late)
    session.flush()

    reply(session, party_of(wang), "1", now=late)

    assert told(session, party_of(wang))[-1] == "offer.late"


def test_a_late_no_is_a_no(session: Session) -> None:
    wang, _ = asked(session)
    late = lapse(session, wang) + HOUR

    reply(session, party_of(wang), "2", now=late)

    assert offers_to(session, wang)[0].state == "declined"
    assert told(session, party_of(wang))[-1] == "ask.no"


def test_a_late_yes_to_a_run_that_is_over_is_thanked(session: Session) -> None:
    wang, [ride] = asked(session)
    lapse(session, wang)

    reply(session, party_of(wang), "1", now=ride.run.ends_at + MINUTE)

    assert told(session, party_of(wang))[-1] == "reply.late_thanks"


def test_a_one_right_after_a_two_takes_the_no_back(session: Session) -> None:
    wang, [ride] = asked(session)
    reply(session, party_of(wang), "2")

    reply(session, party_of(wang), "1", now=NOW + 2 * MINUTE)

    live = session.exec(select(Shift).where(Shift.run_id == ride.run_id, Shift.state == "confirmed")).all()
    assert [shift.volunteer_id for shift in live] == [wang.id]
    assert told(session, party_of(wang))[-2:] == ["ask.no", "ask.yes"]


def test_a_two_after_the_yes_needs_a_human_at_once(session: Session) -> None:
    wang, [ride] = asked(session)
    reply(session, party_of(wang), "1")

    assert reply(session, party_of(wang), "2", now=NOW + 2 * MINUTE) is InboundOutcome.FORWARDED

    assert state(session, ride) == ShiftState.CONFIRMED  # never freed by guessing
    assert unclear(session)[0].is_urgent  # he drives tomorrow morning


def remind(session: Session, wang: Volunteer, at: datetime) -> None:
    enqueue(
        session,
        to=party_of(wang),
        wording=Wording("driver.evening", {}, "明天请您接送"),
        about="shift:1",
        dedup_key=f"evening:{at}",
        now=at,
    )


def test_an_ok_to_a_reminder_is_no_answer_to_an_old_ask(session: Session) -> None:
    wang, [ride] = asked(session)
    late = lapse(session, wang) + HOUR
    remind(session, wang, late)

    assert reply(session, party_of(wang), "好的", now=late + MINUTE) is InboundOutcome.NOTED

    assert state(session, ride) == ShiftState.LAPSED
    assert letters_to(session, party_of(wang))[-1].acknowledged_at == late + MINUTE


def test_a_no_to_a_reminder_is_urgent(session: Session) -> None:
    wang = a_volunteer(session)
    ride = a_ride(session, a_child(session), driver=wang)
    remind(session, wang, NOW)

    reply(session, party_of(wang), "不行")

    assert unclear(session)[0].is_urgent
    assert state(session, ride) == ShiftState.CONFIRMED


def test_a_yes_out_of_the_blue_opens_no_old_ask(session: Session) -> None:
    wang, _ = asked(session)
    late = lapse(session, wang) + timedelta(days=8)

    assert reply(session, party_of(wang), "1", now=late) is InboundOutcome.NOTED
    assert asks_to(session, wang)[0].state == AskState.LAPSED


def test_a_yes_that_crossed_an_ask_on_its_way_goes_to_a_human(session: Session) -> None:
    wang, [ride] = asked(session)
    for message in letters_to(session, party_of(wang)):
        message.state, message.next_attempt_at = MessageState.ACCEPTED, None
        message.accepted_at = NOW + 2 * MINUTE
    session.flush()

    crossed = reply(session, party_of(wang), "1", now=NOW + 3 * MINUTE, sent_at=NOW + MINUTE)
    assert (crossed, state(session, ride)) == (InboundOutcome.FORWARDED, ShiftState.OPEN)
    after = reply(session, party_of(wang), "1", now=NOW + 9 * MINUTE, sent_at=NOW + 4 * MINUTE)

    assert (after, state(session, ride)) == (InboundOutcome.APPLIED, ShiftState.CONFIRMED)
