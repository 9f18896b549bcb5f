"""Nobody is assigned: one message a person and week, and silence is never a yes."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from escort.db import Store
from escort.families.models import BarredPerson
from escort.roster.models import Blockout, Volunteer
from escort.rota import asks
from escort.rota.models import Ask, AskKind, AskState, Offer, OfferState, Refusal, ShiftState
from notifications.models import Message, MessageState
from tests.builders import NOW, TODAY, ZONE, a_child, a_volunteer
from tests.cast import the_cast
from tests.escort.journeys.rides import Ride, a_ride, a_shift
from tests.escort.rota.weeks import (
    HOUR,
    MINUTE,
    TOMORROW,
    answer,
    asks_to,
    at,
    letters_to,
    links,
    offers_to,
    say_no,
    say_yes,
    shifts_of,
    told,
)
from tests.queries import count_queries

NEXT_MONDAY = date(2021, 4, 12)
THURSDAY_SIX = at(date(2021, 4, 8), 18)


def send(session: Session, now: datetime = NOW) -> int:
    return asks.send_asks(session, now=now, zone=ZONE, links=links)


def an_open_ride(
    session: Session, driver: Volunteer, on: date = TOMORROW, direction: str = "to_school"
) -> Ride:
    """A published run that this volunteer is meant to drive and has not been asked about."""
    child = a_child(session, f"孩子{on:%d}{direction[0]}")
    return a_ride(session, child, driver=driver, on=on, direction=direction, shift_state=ShiftState.OPEN)


def state_of(session: Session, ride: Ride) -> str:
    session.refresh(ride.shift)
    assert ride.shift is not None
    return ride.shift.state


def test_one_message_covers_all_turns_of_the_week(session: Session) -> None:
    wang = a_volunteer(session)
    for on in (TOMORROW, TOMORROW + timedelta(days=1)):
        an_open_ride(session, wang, on)
        an_open_ride(session, wang, on, "home")

    assert send(session) == 1

    [letter] = letters_to(session, f"volunteer:{wang.id}")
    assert letter.template == "ask.routine"
    assert "本周4趟" in letter.text
    assert len(offers_to(session, wang)) == 4
    assert {offer.state for offer in offers_to(session, wang)} == {OfferState.OPEN}


def test_sending_again_asks_nobody_twice(session: Session) -> None:
    wang = a_volunteer(session)
    an_open_ride(session, wang)
    send(session)

    assert send(session) == 0
    an_open_ride(session, wang, TOMORROW + timedelta(days=1))
    assert send(session) == 0  # one routine ask is open: the new turn waits
    say_yes(session, wang)
    assert send(session) == 1


def test_next_week_is_asked_about_from_thursday_six_o_clock(session: Session) -> None:
    wang = a_volunteer(session)
    an_open_ride(session, wang, NEXT_MONDAY)

    assert asks.next_due_at(session, now=NOW, zone=ZONE) == THURSDAY_SIX
    assert send(session, THURSDAY_SIX - MINUTE) == 0
    assert asks.next_due_at(session, now=THURSDAY_SIX, zone=ZONE) == THURSDAY_SIX
    assert send(session, THURSDAY_SIX) == 1
    [ask] = asks_to(session, wang)
    assert ask.deadline_at == THURSDAY_SIX + 26 * HOUR
    assert asks.next_due_at(session, now=THURSDAY_SIX, zone=ZONE) == ask.deadline_at


def test_two_weeks_are_two_asks_one_after_the_other(session: Session) -> None:
    wang = a_volunteer(session)
    an_open_ride(session, wang, date(2021, 4, 9))
    an_open_ride(session, wang, NEXT_MONDAY)

    send(session, THURSDAY_SIX)
    assert [offer.on for offer in offers_to(session, wang)] == [date(2021, 4, 9)]
    say_yes(session, wang, THURSDAY_SIX + HOUR)
    send(session, THURSDAY_SIX + HOUR)

    assert [offer.on for offer in offers_to(session, wang)] == [date(2021, 4, 9), NEXT_MONDAY]


def test_yes_confirms_every_turn(session: Session) -> None:
    wang = a_volunteer(session)
    rides = [an_open_ride(session, wang), an_open_ride(session, wang, direction="home")]
    send(session)

    answered = say_yes(session, wang)

    assert len(answered.accepted) == 2
    assert [state_of(session, ride) for ride in rides] == [ShiftState.CONFIRMED] * 2
    assert rides[0].shift is not None
    assert rides[0].shift.confirmed_how == f"sms:volunteer:{wang.id}"
    assert rides[0].shift.shown_starts_at == rides[0].run.starts_at
    assert asks_to(session, wang)[0].state == AskState.ANSWERED


def test_a_partly_yes_leaves_the_named_turn_to_others(session: Session) -> None:
    wang = a_volunteer(session)
    morning, home = an_open_ride(session, wang), an_open_ride(session, wang, direction="home")
    send(session)
    no = next(offer for offer in offers_to(session, wang) if offer.direction == "home")

    answered = answer(session, wang, {no.id or 0})

    assert [offer.id for offer in answered.declined] == [no.id]
    assert (state_of(session, morning), state_of(session, home)) == (
        ShiftState.CONFIRMED,
        ShiftState.DECLINED,
    )
    session.refresh(home.run)
    assert home.run.search_at == NOW  # others are asked at once
    refusals = session.exec(select(Refusal)).all()
    assert [(row.leg_id, row.volunteer_id) for row in refusals] == [(home.leg_id, wang.id)]


def test_no_declines_everything(session: Session) -> None:
    wang = a_volunteer(session)
    rides = [an_open_ride(session, wang), an_open_ride(session, wang, direction="home")]
    send(session)

    say_no(session, wang)

    assert [state_of(session, ride) for ride in rides] == [ShiftState.DECLINED] * 2


def test_the_same_answer_twice_changes_nothing_and_is_repeated(session: Session) -> None:
    wang = a_volunteer(session)
    ride = an_open_ride(session, wang)
    send(session)
    ask_id = asks_to(session, wang)[0].id or 0
    say_yes(session, wang)

    again = asks.answer_ask(
        session, ask_id=ask_id, declined=set(), by="volunteer:1", how="page", now=NOW + HOUR, zone=ZONE
    )

    assert len(again.accepted) == 1
    assert ride.shift is not None
    session.refresh(ride.shift)
    assert ride.shift.confirmed_at == NOW


def test_a_no_after_the_yes_does_not_end_the_promise_silently(session: Session) -> None:
    wang = a_volunteer(session)
    ride = an_open_ride(session, wang)
    send(session)
    ask_id = asks_to(session, wang)[0].id or 0
    say_yes(session, wang)

    answered = asks.answer_ask(
        session, ask_id=ask_id, declined=None, by="volunteer:1", how="page", now=NOW, zone=ZONE
    )

    assert answered.declined == []
    assert state_of(session, ride) == ShiftState.CONFIRMED


def test_silence_frees_the_shift_and_starts_the_search(session: Session) -> None:
    wang = a_volunteer(session)
    ride = an_open_ride(session, wang)
    send(session)
    deadline = asks_to(session, wang)[0].deadline_at

    assert asks.lapse_asks(session, now=deadline - MINUTE) == 0
    assert asks.lapse_asks(session, now=deadline) == 1

    assert asks_to(session, wang)[0].state == AskState.LAPSED
    assert state_of(session, ride) == ShiftState.LAPSED
    session.refresh(ride.run)
    assert ride.run.search_at == deadline


def test_a_late_yes_counts_while_nobody_else_drives(session: Session) -> None:
    wang = a_volunteer(session)
    ride = an_open_ride(session, wang)
    send(session)
    ask_id = asks_to(session, wang)[0].id or 0
    deadline = asks_to(session, wang)[0].deadline_at
    asks.lapse_asks(session, now=deadline)

    answered = asks.answer_ask(
        session,
        ask_id=ask_id,
        declined=set(),
        by="volunteer:1",
        how="sms late",
        now=deadline + HOUR,
        zone=ZONE,
    )

    assert len(answered.accepted) == 1
    assert [shift.state for shift in shifts_of(session, ride.run)] == [
        ShiftState.LAPSED,
        ShiftState.CONFIRMED,
    ]


def test_a_late_yes_displaces_nobody(session: Session) -> None:
    cast = the_cast(session)
    ride = an_open_ride(session, cast.wang)
    send(session)
    ask_id = asks_to(session, cast.wang)[0].id or 0
    deadline = asks_to(session, cast.wang)[0].deadline_at
    asks.lapse_asks(session, now=deadline)
    a_shift(session, ride.run, cast.chen, confirmed_at=deadline)
    session.flush()

    answered = asks.answer_ask(
        session,
        ask_id=ask_id,
        declined=set(),
        by="volunteer:1",
        how="sms late",
        now=deadline + HOUR,
        zone=ZONE,
    )

    assert (answered.accepted, len(answered.gone)) == ([], 1)
    assert offers_to(session, cast.wang)[0].state == OfferState.TAKEN
    assert [shift.volunteer_id for shift in shifts_of(session, ride.run) if shift.state == "confirmed"] == [
        cast.chen.id
    ]


def test_a_no_can_be_taken_back_by_the_person_alone_while_nobody_else_drives(session: Session) -> None:
    wang = a_volunteer(session)
    ride = an_open_ride(session, wang)
    send(session)
    offer = offers_to(session, wang)[0]
    say_no(session, wang)

    turned_away = asks.record_answer(
        session,
        run_id=ride.run_id,
        volunteer_id=wang.id or 0,
        yes=True,
        by="account:1",
        how="phone",
        now=NOW,
        zone=ZONE,
    )

    assert turned_away == ""
    session.refresh(offer)
    assert offer.state == OfferState.ACCEPTED
    assert session.exec(select(Refusal)).one().taken_back_at == NOW
    assert shifts_of(session, ride.run)[-1].confirmed_how == "phone:account:1"


def test_a_yes_to_the_rest_does_not_take_an_earlier_no_back(session: Session) -> None:
    wang = a_volunteer(session)
    morning, home = an_open_ride(session, wang), an_open_ride(session, wang, direction="home")
    send(session)
    asks.record_answer(
        session,
        run_id=home.run_id,
        volunteer_id=wang.id or 0,
        yes=False,
        by="account:1",
        how="phone",
        now=NOW,
        zone=ZONE,
    )

    answered = say_yes(session, wang)

    assert (len(answered.accepted), len(answered.declined)) == (1, 1)
    assert (state_of(session, morning), state_of(session, home)) == (
        ShiftState.CONFIRMED,
        ShiftState.DECLINED,
    )


@pytest.mark.parametrize("flaw", ["suspended", "insurance", "barred", "blockout"])
def test_a_yes_of_somebody_who_may_not_drive_any_more_is_no_promise(session: Session, flaw: str) -> None:
    wang = a_volunteer(session)
    ride = an_open_ride(session, wang)
    send(session)
    if flaw == "suspended":
        wang.suspended_at = NOW
    elif flaw == "insurance":
        wang.insured_until = TODAY
    elif flaw == "barred":
        session.add(
            BarredPerson(child_id=ride.legs[0].child_id, name="王师傅", volunteer_id=wang.id, created_at=NOW)
        )
    else:
        session.add(Blockout(volunteer_id=wang.id or 0, from_on=TOMORROW, until_on=TOMORROW, created_at=NOW))
    session.flush()

    answered = say_yes(session, wang)

    assert (answered.accepted, len(answered.gone)) == ([], 1)
    assert state_of(session, ride) == ShiftState.FREED
    session.refresh(ride.run)
    assert ride.run.search_at == NOW


def test_a_shift_too_near_to_ask_about_goes_to_the_search(session: Session) -> None:
    wang = a_volunteer(session)
    ride = an_open_ride(session, wang)
    near = ride.starts_at - 44 * MINUTE

    assert send(session, near) == 0
    assert asks.lapse_asks(session, now=near) == 1

    assert state_of(session, ride) == ShiftState.LAPSED
    session.refresh(ride.run)
    assert ride.run.search_at == near


def test_a_new_shift_of_tomorrow_does_not_wait_behind_another_open_ask(session: Session) -> None:
    wang = a_volunteer(session)
    an_open_ride(session, wang, date(2021, 4, 9))
    send(session)
    ride = an_open_ride(session, wang)
    late = ride.starts_at - 12 * HOUR

    assert asks.next_due_at(session, now=NOW, zone=ZONE) == late
    asks.lapse_asks(session, now=late)

    assert state_of(session, ride) == ShiftState.LAPSED


def test_an_ask_that_cannot_be_sent_in_time_is_not_sent(session: Session) -> None:
    wang = a_volunteer(session)
    an_open_ride(session, wang)
    send(session)

    [letter] = letters_to(session, f"volunteer:{wang.id}")
    assert letter.do_not_send_after == asks_to(session, wang)[0].deadline_at


def test_an_answer_withdraws_the_unsent_message(session: Session) -> None:
    wang = a_volunteer(session)
    an_open_ride(session, wang)
    send(session)

    say_yes(session, wang)

    [letter] = session.exec(
        select(Message)
        .where(Message.party == f"volunteer:{wang.id}")
        .execution_options(populate_existing=True)
    ).all()
    assert letter.state == MessageState.WITHDRAWN


def test_two_routine_asks_of_one_person_cannot_be_open(session: Session) -> None:
    wang = a_volunteer(session)
    open_ask: dict[str, Any] = {
        "kind": AskKind.ROUTINE,
        "week_on": TODAY,
        "asked_at": NOW,
        "deadline_at": NOW,
    }
    session.add(Ask(volunteer_id=wang.id or 0, **open_ask))
    session.flush()
    session.add(Ask(volunteer_id=wang.id or 0, **open_ask))

    with pytest.raises(IntegrityError):
        session.flush()


def test_several_hundred_people_are_asked_in_a_few_statements(session: Session, store: Store) -> None:
    for n in range(40):
        an_open_ride(session, a_volunteer(session, f"司机{n}", phone=f"199000{20000 + n}"))

    with count_queries(store.engine) as queries:
        assert send(session) == 40

    one_by_one = [sql for sql in queries.statements if sql.startswith("INSERT INTO ask")]  # SQLite's ids
    assert len(queries) - len(one_by_one) <= 12
    assert len(session.exec(select(Offer).where(col(Offer.state) == OfferState.OPEN)).all()) == 40


def test_who_is_asked_is_told_no_name(session: Session) -> None:
    wang = a_volunteer(session)
    an_open_ride(session, wang)

    send(session)

    [letter] = letters_to(session, f"volunteer:{wang.id}")
    assert "孩子" not in letter.text
    assert told(session, f"volunteer:{wang.id}") == ["ask.routine_one_day"]
