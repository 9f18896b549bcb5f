"""Claims that two could make at once, on two connections: one is first, and the other is told."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from sqlmodel import Session, col, select

from escort.db import Store
from escort.rota import asks, legs, standins
from escort.rota.models import Ask, AskState, Leg, Offer, OfferState, Run, Shift, ShiftState
from tests.builders import NOW, ZONE, a_child, a_volunteer
from tests.escort.journeys.rides import a_ride
from tests.escort.rota.weeks import HOUR, TOMORROW, links

Found = TypeVar("Found")


def at_once(store: Store, *deeds: Callable[[Session], Found]) -> list[Found]:
    """Do each deed in a transaction and thread of its own, all begun at the same moment."""
    barrier = Barrier(len(deeds))

    def do(deed: Callable[[Session], Found]) -> Found:
        barrier.wait()
        with store.write() as session:
            return deed(session)

    with ThreadPoolExecutor(len(deeds)) as pool:
        return [future.result() for future in [pool.submit(do, deed) for deed in deeds]]


def accept(offer_id: int) -> Callable[[Session], bool]:
    return lambda session: asks.answer_offer(
        session, offer_id=offer_id, yes=True, by="volunteer:1", how="sms", now=NOW, zone=ZONE
    )


def asked_about_one_run(store: Store, people: int) -> tuple[int, list[int]]:
    """A run that several people were asked about at once; its id and their offers."""
    with store.write() as session:
        ride = a_ride(session, a_child(session))
        volunteers = [a_volunteer(session, f"第{n}位").id or 0 for n in range(people)]
        standins.ask_people(
            session, run_id=ride.run_id, volunteer_ids=volunteers, now=NOW, zone=ZONE, links=links
        )
        offers = session.exec(select(Offer.id).order_by(col(Offer.id))).all()
        return ride.run_id, [offer or 0 for offer in offers]


def test_of_four_who_accept_at_once_one_drives(store: Store) -> None:
    run_id, offers = asked_about_one_run(store, 4)

    won = at_once(store, *(accept(offer) for offer in offers))

    assert sorted(won) == [False, False, False, True]
    with store.read() as session:
        shifts = session.exec(select(Shift).where(Shift.run_id == run_id)).all()
        assert [shift.state for shift in shifts] == [ShiftState.CONFIRMED]
        states = sorted(session.exec(select(Offer.state)))
        assert states == [OfferState.ACCEPTED, *[OfferState.TAKEN] * 3]


def test_one_yes_sent_twice_at_once_is_one_promise(store: Store) -> None:
    run_id, [offer] = asked_about_one_run(store, 1)

    assert at_once(store, accept(offer), accept(offer)) == [True, True]

    with store.read() as session:
        assert len(session.exec(select(Shift).where(Shift.run_id == run_id)).all()) == 1


def test_a_yes_at_the_very_deadline_is_a_yes_or_a_lapse_and_never_both(store: Store) -> None:
    with store.write() as session:
        wang = a_volunteer(session)
        ride = a_ride(session, a_child(session), driver=wang, shift_state=ShiftState.OPEN)
        asks.send_asks(session, now=NOW, zone=ZONE, links=links)
        ask = session.exec(select(Ask)).one()
        ask_id, deadline, run_id = ask.id or 0, ask.deadline_at, ride.run_id

    def answer(session: Session) -> int:
        answered = asks.answer_ask(
            session, ask_id=ask_id, declined=set(), by="volunteer:1", how="sms", now=deadline, zone=ZONE
        )
        return len(answered.accepted)

    at_once(store, answer, lambda session: asks.lapse_asks(session, now=deadline))

    with store.read() as session:
        live = session.exec(
            select(Shift).where(Shift.run_id == run_id, Shift.state == ShiftState.CONFIRMED)
        ).all()
        assert len(live) == 1  # a late yes counts while nobody else drives
        assert session.exec(select(Offer.state)).one() == OfferState.ACCEPTED
        assert session.exec(select(Ask.state)).one() == AskState.ANSWERED


def test_a_cancellation_and_a_yes_at_once_leave_no_promise_for_nothing(store: Store) -> None:
    run_id, [offer] = asked_about_one_run(store, 1)
    with store.read() as session:
        leg_id = session.exec(select(Leg.id)).one() or 0

    def cancel(session: Session) -> bool:
        legs.cancel_leg(session, leg_id=leg_id, by="guardian:1", reason="", now=NOW, zone=ZONE)
        return True

    at_once(store, accept(offer), cancel)

    with store.read() as session:
        live = session.exec(
            select(Shift).where(Shift.run_id == run_id, Shift.state == ShiftState.CONFIRMED)
        ).all()
        assert live == []


def test_two_nodes_search_and_each_person_is_asked_once(store: Store) -> None:
    with store.write() as session:
        ride = a_ride(session, a_child(session))
        ride.run.search_at = NOW
        for n in range(6):
            a_volunteer(session, f"第{n}位")

    def look(session: Session) -> int:
        return standins.search(session, on=TOMORROW, now=NOW, zone=ZONE, links=links)

    assert sorted(at_once(store, look, look)) == [0, 2]

    with store.read() as session:
        assert len(session.exec(select(Offer)).all()) == 2
        assert session.exec(select(Run.search_round)).one() == 1


def test_two_nodes_extend_the_calendar_and_each_leg_exists_once(store: Store) -> None:
    with store.write() as session:
        a_child(session)

    at_once(
        store,
        lambda session: legs.extend_calendar(session, now=NOW, zone=ZONE),
        lambda session: legs.extend_calendar(session, now=NOW, zone=ZONE),
    )

    with store.read() as session:
        keys = session.exec(select(Leg.escort_id, Leg.on, Leg.direction)).all()
        assert len(keys) == len(set(keys)) > 30


def test_no_and_no_at_once_bring_one_refusal_each(store: Store) -> None:
    _, offers = asked_about_one_run(store, 2)

    def refuse(offer_id: int) -> Callable[[Session], bool]:
        return lambda session: asks.answer_offer(
            session, offer_id=offer_id, yes=False, by="volunteer:1", how="sms", now=NOW + HOUR, zone=ZONE
        )

    assert at_once(store, *(refuse(offer) for offer in offers)) == [True, True]
