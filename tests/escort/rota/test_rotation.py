"""Joining or leaving the rotation on a date: nothing outside it, and what was promised there is free at once."""

from datetime import date, time, timedelta

import pytest
from sqlmodel import Session, select

from escort.db import Store
from escort.errors import Refused
from escort.roster.gates import Gate, gates_on
from escort.roster.models import Volunteer
from escort.rota import asks, rotation, standins
from escort.rota.models import Ask, AskState, Offer, OfferState, ShiftState, StandingYes
from tests.builders import NOW, TODAY, ZONE, a_child, a_volunteer
from tests.cast import LIN
from tests.escort.journeys.rides import a_ride
from tests.escort.rota.weeks import (
    TOMORROW,
    id_of,
    leg_of,
    letters_to,
    links,
    offers_to,
    plan,
    run_of,
    say_yes,
    shifts_of,
    states_of,
    told,
)

THURSDAY = TOMORROW + timedelta(days=1)


def set_dates(
    session: Session,
    who: Volunteer,
    *,
    joins_on: date | None = None,
    leaves_on: date | None = None,
    by: str = LIN,
) -> rotation.Outside:
    session.flush()
    return rotation.set_rotation(
        session,
        volunteer_id=id_of(who),
        joins_on=joins_on,
        leaves_on=leaves_on,
        by=by,
        now=NOW,
        zone=ZONE,
        duty_phone="19900000001",
    )


def test_nothing_is_planned_outside_the_dates(store: Store) -> None:
    with store.write() as session:
        wang = a_volunteer(session)
        child = a_child(session, escorted="Wed-Fri to school")
        set_dates(session, wang, joins_on=THURSDAY, leaves_on=THURSDAY + timedelta(days=1))

    plan(store)

    with store.read() as session:
        days = [TOMORROW, THURSDAY, THURSDAY + timedelta(days=1)]
        held = [len(shifts_of(session, run_of(session, leg_of(session, child, on)))) for on in days]
        assert held == [0, 1, 0]


def test_leaving_frees_promises_from_that_day_on_and_others_are_looked_for(session: Session) -> None:
    wang = a_volunteer(session)
    before = a_ride(session, a_child(session), driver=wang)
    after = a_ride(session, a_child(session, "小禾"), driver=wang, on=THURSDAY)

    outside = set_dates(session, wang, leaves_on=THURSDAY)

    assert (outside.promised, outside.asked) == (1, 0)
    assert states_of(session, before.run) == {wang.id: ShiftState.CONFIRMED}
    assert states_of(session, after.run) == {wang.id: ShiftState.FREED}
    session.refresh(after.run)
    assert after.run.search_at == NOW
    assert letters_to(session, f"volunteer:{wang.id}")[-1].text == (
        "【杜鹃鸟】值班老师记下了：4月8日起退出轮值，不再来问您。答应过的1趟不用您去了。"
        "不是您的意思，请打19900000001。"
    )


def test_leaving_withdraws_what_is_still_asked(session: Session) -> None:
    wang = a_volunteer(session)
    a_ride(session, a_child(session), driver=wang, on=THURSDAY, shift_state=ShiftState.OPEN)
    asks.send_asks(session, now=NOW, zone=ZONE, links=links)
    stand_in = a_ride(session, a_child(session, "小禾"), on=THURSDAY, direction="home")
    standins.ask_people(
        session, run_id=stand_in.run_id, volunteer_ids=[id_of(wang)], now=NOW, zone=ZONE, links=links
    )

    outside = set_dates(session, wang, leaves_on=TODAY)

    assert outside.asked == 2
    assert {offer.state for offer in offers_to(session, wang)} == {OfferState.WITHDRAWN}
    assert set(session.exec(select(Ask.state))) == {AskState.WITHDRAWN}


def test_leaving_ends_what_was_said_for_every_week(session: Session) -> None:
    wang = a_volunteer(session)
    session.add(
        StandingYes(
            volunteer_id=id_of(wang),
            weekday=2,
            direction="to_school",
            usual_at=time(7, 45),
            given_at=NOW,
            given_how="page",
        )
    )

    set_dates(session, wang, leaves_on=THURSDAY, by=f"volunteer:{wang.id}")

    assert session.exec(select(StandingYes.ended_at)).one() is not None


def test_who_says_it_himself_needs_no_message(session: Session) -> None:
    wang = a_volunteer(session)
    a_ride(session, a_child(session), driver=wang)

    set_dates(session, wang, leaves_on=TODAY, by=f"volunteer:{wang.id}")

    assert told(session, f"volunteer:{wang.id}") == []


def test_a_yes_to_a_day_outside_is_not_taken(session: Session) -> None:
    wang = a_volunteer(session)
    a_ride(session, a_child(session), driver=wang, shift_state=ShiftState.OPEN)
    asks.send_asks(session, now=NOW, zone=ZONE, links=links)
    wang.leaves_on = TOMORROW
    session.flush()

    assert say_yes(session, wang).accepted == []

    assert offers_to(session, wang)[0].end_reason == "not_in_rota"


def test_nobody_outside_is_asked_to_stand_in(session: Session) -> None:
    a_volunteer(session).joins_on = THURSDAY
    ride = a_ride(session, a_child(session))
    ride.run.search_at = NOW
    session.flush()

    assert standins.search(session, on=TOMORROW, now=NOW, zone=ZONE, links=links) == 0
    assert session.exec(select(Offer)).all() == []


def test_coming_back_is_as_easy_as_leaving(session: Session) -> None:
    wang = a_volunteer(session)
    set_dates(session, wang, leaves_on=TODAY, by=f"volunteer:{wang.id}")
    session.refresh(wang)
    assert gates_on(wang, TOMORROW) == [Gate.LEFT]

    set_dates(session, wang, by=f"volunteer:{wang.id}")

    session.refresh(wang)
    assert gates_on(wang, TOMORROW) == []


@pytest.mark.parametrize(
    ("joins_on", "leaves_on"),
    [
        (TOMORROW, TOMORROW),  # in and out at once
        (None, TODAY - timedelta(days=1)),  # over
        (TODAY + timedelta(days=999), None),  # a slip of the year
    ],
)
def test_dates_that_cannot_be_meant_are_refused(
    session: Session, joins_on: date | None, leaves_on: date | None
) -> None:
    wang = a_volunteer(session)

    with pytest.raises(Refused):
        set_dates(session, wang, joins_on=joins_on, leaves_on=leaves_on)
