"""At most so many a month, beside the weekly cap: duties served and promised count, in the plan and at the yes."""

from datetime import date, timedelta

from sqlmodel import Session, select

from escort.db import Store
from escort.roster.models import Volunteer
from escort.rota import asks, standins
from escort.rota.models import Offer, ShiftState
from tests.builders import NOW, TODAY, ZONE, a_child, a_volunteer
from tests.escort.journeys.rides import a_ride
from tests.escort.rota.weeks import TOMORROW, leg_of, links, offers_to, plan, run_of, say_yes, shifts_of

FIRST_OF_APRIL = date(2021, 4, 1)


def served_on(session: Session, who: Volunteer, *dates: date) -> None:
    for n, on in enumerate(dates):
        a_ride(session, a_child(session, f"孩{n}"), driver=who, on=on, shift_state=ShiftState.SERVED)


def test_the_plan_counts_what_was_served_in_the_month_and_not_before(store: Store) -> None:
    with store.write() as session:
        wang = a_volunteer(session)
        wang.cap_month = 2
        served_on(session, wang, FIRST_OF_APRIL, FIRST_OF_APRIL - timedelta(days=1))
        child = a_child(session, escorted="Wed-Fri to school")

    plan(store)

    with store.read() as session:
        days = [TOMORROW + timedelta(days=n) for n in range(3)]
        held = [len(shifts_of(session, run_of(session, leg_of(session, child, on)))) for on in days]
        assert sum(held) == 1


def test_a_yes_above_the_cap_is_not_taken_and_says_why(session: Session) -> None:
    wang = a_volunteer(session)
    wang.cap_month = 1
    served_on(session, wang, FIRST_OF_APRIL)
    a_ride(session, a_child(session), driver=wang, shift_state=ShiftState.OPEN)
    asks.send_asks(session, now=NOW, zone=ZONE, links=links)

    assert say_yes(session, wang).accepted == []

    assert offers_to(session, wang)[0].end_reason == "month_cap"


def test_the_month_after_begins_with_nothing(session: Session) -> None:
    wang = a_volunteer(session)
    wang.cap_month = 1
    served_on(session, wang, TODAY)
    may = a_ride(session, a_child(session), driver=wang, on=date(2021, 5, 6), shift_state=ShiftState.OPEN)
    asks.send_asks(session, now=may.starts_at - timedelta(days=2), zone=ZONE, links=links)

    assert len(say_yes(session, wang, may.starts_at - timedelta(days=1)).accepted) == 1


def test_whom_the_office_asks_all_the_same_may_say_yes(session: Session) -> None:
    wang = a_volunteer(session)
    wang.cap_month = 1
    served_on(session, wang, FIRST_OF_APRIL)
    ride = a_ride(session, a_child(session))
    standins.ask_people(
        session, run_id=ride.run_id, volunteer_ids=[wang.id or 0], now=NOW, zone=ZONE, links=links
    )

    assert len(say_yes(session, wang).accepted) == 1


def test_no_stand_in_is_asked_above_the_cap(session: Session) -> None:
    wang = a_volunteer(session)
    wang.cap_month = 1
    served_on(session, wang, FIRST_OF_APRIL)
    ride = a_ride(session, a_child(session))
    ride.run.search_at = NOW
    session.flush()

    assert standins.search(session, on=TOMORROW, now=NOW, zone=ZONE, links=links) == 0
    assert session.exec(select(Offer)).all() == []
