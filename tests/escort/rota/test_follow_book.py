"""A book that changes a child's needs or a car does what the same change by hand does: promises are judged again."""

from typing import Any

import pytest
from sqlmodel import Session, select

from escort.families.models import Child
from escort.roster.models import Volunteer
from escort.roster_book.apply import apply_book
from escort.rota import standins
from escort.rota.asks import answer_offer
from escort.rota.follow import follow_book
from escort.rota.legs import extend_calendar
from escort.rota.models import Leg, Offer, Role, Run, RunLeg, Shift, ShiftState
from escort.rota.needs import fit_everything
from escort.rota.release import free_unfit
from tests.builders import NOW, ZONE, a_child, a_volunteer
from tests.escort.journeys.rides import Ride, a_ride, a_shift
from tests.escort.roster_book.books import Sheets, a_book, read
from tests.escort.rota.weeks import TOMORROW, id_of, links, shifts_of, states_of


def take_over(session: Session, sheets: Sheets) -> None:
    apply_book(session, read(sheets), now=NOW, by="account:1")
    follow_book(session, now=NOW, zone=ZONE)


def a_promise_of_the_book(session: Session) -> Shift:
    """The book's volunteer has promised the book's child its way to school of tomorrow."""
    extend_calendar(session, now=NOW, zone=ZONE)
    leg = session.exec(select(Leg).where(Leg.on == TOMORROW, Leg.direction == "to_school")).one()
    run = Run(
        school_id=leg.school_id,
        on=leg.on,
        direction=leg.direction,
        starts_at=leg.pickup_at,
        ends_at=leg.due_at,
        published_at=NOW,
    )
    session.add(run)
    session.flush()
    session.add(RunLeg(run_id=id_of(run), leg_id=id_of(leg), position=1))
    session.flush()
    return a_shift(session, run, session.exec(select(Volunteer)).one(), confirmed_at=NOW)


NO_RAMP = {"可载轮椅": "否"}
BEFORE_AND_AFTER: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a child who needs a wheelchair now": (
        {"志愿者": NO_RAMP},
        {"志愿者": NO_RAMP, "儿童": {"特殊需求": "轮椅"}},
    ),
    "a volunteer whose seats fell": (
        {"儿童": {"特殊需求": "随车陪护"}},
        {"儿童": {"特殊需求": "随车陪护"}, "志愿者": {"座位数(含司机)": 2}},
    ),
    "a volunteer whose child seats fell": (
        {"儿童": {"特殊需求": "需儿童座椅"}},
        {"儿童": {"特殊需求": "需儿童座椅"}, "志愿者": {"儿童座椅数": 0}},
    ),
}


@pytest.mark.parametrize("change", BEFORE_AND_AFTER)
def test_a_book_frees_who_cannot_meet_what_it_says_now(session: Session, change: str) -> None:
    before, after = BEFORE_AND_AFTER[change]
    take_over(session, a_book(**before))
    shift = a_promise_of_the_book(session)
    take_over(session, a_book(**before))
    session.refresh(shift)
    assert shift.state == ShiftState.CONFIRMED  # the same book again

    take_over(session, a_book(**after))

    session.refresh(shift)
    assert shift.state == ShiftState.FREED
    assert session.get_one(Run, shift.run_id).search_at == NOW


def follow(session: Session) -> None:
    """The calendar stays out of it: rides of tests are not what it would make."""
    session.flush()
    fit_everything(session, by="system", now=NOW, zone=ZONE)
    free_unfit(session, from_on=TOMORROW, now=NOW, zone=ZONE)


def a_promise(session: Session, driver: Volunteer, *, children: int = 1) -> Ride:
    return a_ride(session, *(a_child(session, f"孩子{n}") for n in range(children)), driver=driver)


def test_a_child_that_must_ride_alone_leaves_the_car(session: Session) -> None:
    ride = a_promise(session, a_volunteer(session), children=2)
    session.get_one(Child, ride.legs[1].child_id).alone = True

    follow(session)

    riding = select(RunLeg.leg_id).where(RunLeg.run_id == ride.run_id, RunLeg.is_live)
    assert session.exec(riding).all() == [ride.leg_id]


def test_a_second_adult_is_looked_for_where_one_is_wanted_now(session: Session) -> None:
    ride = a_promise(session, a_volunteer(session))
    session.get_one(Child, ride.legs[0].child_id).second_adult = True

    follow(session)

    assert session.get_one(Run, ride.run_id).search_at == NOW
    assert [shift.state for shift in shifts_of(session, ride.run)] == [ShiftState.CONFIRMED]


def test_a_second_adult_needs_no_car_of_their_own(session: Session) -> None:
    driver, second = a_volunteer(session), a_volunteer(session, "陈姐", seats=0)
    second.licence_until = None
    ride = a_ride(session, a_child(session, needs=("second_adult",)), driver=driver)
    a_shift(session, ride.run, second, confirmed_at=NOW, role=Role.SECOND)

    follow(session)

    assert set(states_of(session, ride.run).values()) == {ShiftState.CONFIRMED}


def test_whom_the_coordinator_asked_from_outside_the_circle_keeps_the_promise(session: Session) -> None:
    ride = a_ride(session, a_child(session, needs=("only_familiar",)))
    wang = a_volunteer(session)
    standins.ask_people(
        session, run_id=ride.run_id, volunteer_ids=[id_of(wang)], now=NOW, zone=ZONE, links=links
    )
    offer = session.exec(select(Offer)).one()
    answer_offer(session, offer_id=id_of(offer), yes=True, by="volunteer:1", how="sms", now=NOW, zone=ZONE)

    follow(session)

    assert states_of(session, ride.run) == {wang.id: ShiftState.CONFIRMED}
