"""A yes holds for what was shown: else it is not taken, and the person is asked again with what is now."""

import pytest
from sqlmodel import Session, col, select

from escort.roster.models import Volunteer
from escort.rota import asks, standins
from escort.rota.models import Offer, OfferState, RunLeg, Shift, ShiftState
from tests.builders import NOW, ZONE, a_child, a_volunteer
from tests.escort.journeys.rides import Ride, a_leg, a_ride
from tests.escort.rota.weeks import MINUTE, id_of, letters_to, links, offers_to, say_yes, search, shifts_of


def a_hole(session: Session, *, children: int = 1, needs: tuple[str, ...] = ()) -> Ride:
    """A published run of tomorrow morning, 07:45, that nobody drives."""
    ride = a_ride(session, *(a_child(session, f"孩子{n}", needs=needs) for n in range(children)))
    ride.run.search_at = NOW
    session.flush()
    return ride


def moved(session: Session, ride: Ride, minutes: int) -> None:
    ride.run.starts_at += minutes * MINUTE
    session.flush()


def with_another_child(session: Session, ride: Ride) -> None:
    leg = a_leg(session, a_child(session, "小禾"))
    session.add(RunLeg(run_id=ride.run_id, leg_id=id_of(leg), position=2))
    session.flush()


def with_a_child_fewer(session: Session, ride: Ride) -> None:
    rides = select(RunLeg).where(RunLeg.run_id == ride.run_id).order_by(col(RunLeg.position).desc())
    session.exec(rides).all()[0].is_live = False
    session.flush()


def ask_by_hand(session: Session, ride: Ride, who: Volunteer) -> None:
    standins.ask_people(
        session, run_id=ride.run_id, volunteer_ids=[id_of(who)], now=NOW, zone=ZONE, links=links
    )


def test_every_offer_keeps_what_it_showed(session: Session) -> None:
    wang, chen = a_volunteer(session), a_volunteer(session, "陈姐")
    routine = a_ride(session, a_child(session), driver=wang, shift_state=ShiftState.OPEN)
    asks.send_asks(session, now=NOW, zone=ZONE, links=links)
    hole = a_hole(session)
    search(session)
    by_hand = a_ride(session, a_child(session), direction="home")
    ask_by_hand(session, by_hand, chen)

    shown = {
        run_id: (at, legs)
        for run_id, at, legs in session.exec(select(Offer.run_id, Offer.shown_starts_at, Offer.shown_legs))
    }

    for ride in (routine, hole, by_hand):
        assert shown[ride.run_id] == (ride.starts_at, f"{ride.leg_id}.1")


@pytest.mark.parametrize("minutes", [-10, 10])
def test_up_to_ten_minutes_the_yes_holds_and_remembers_what_was_shown(session: Session, minutes: int) -> None:
    ride = a_hole(session)
    wang = a_volunteer(session)
    search(session)
    shown_at = ride.run.starts_at
    moved(session, ride, minutes)

    assert len(say_yes(session, wang).accepted) == 1
    assert shifts_of(session, ride.run)[0].shown_starts_at == shown_at


@pytest.mark.parametrize("minutes", [-11, 11])
def test_beyond_that_the_yes_is_not_taken_and_asked_again_with_what_is_now(
    session: Session, minutes: int
) -> None:
    ride = a_hole(session)
    wang = a_volunteer(session)
    search(session)
    moved(session, ride, minutes)

    answered = say_yes(session, wang)

    assert (answered.accepted, [offer.end_reason for offer in answered.gone]) == ([], ["changed"])
    assert shifts_of(session, ride.run) == []
    assert search(session) == 1
    assert letters_to(session, f"volunteer:{wang.id}")[-1].template == "ask.changed"
    first, again = offers_to(session, wang)
    assert (first.state, again.shown_starts_at) == (OfferState.WITHDRAWN, ride.run.starts_at)
    assert len(say_yes(session, wang).accepted) == 1


def test_whoever_said_yes_is_asked_again_once_and_before_all_others(session: Session) -> None:
    ride = a_hole(session)
    people = [a_volunteer(session, f"第{n}位", home=(30.9010 - n * 0.002, 103.8430)) for n in range(5)]
    search(session)
    moved(session, ride, 20)
    say_yes(session, people[1])

    search(session)
    search(session)

    asked = [offer.volunteer_id for offer in session.exec(select(Offer).order_by(col(Offer.id)))]
    assert asked[:3] == [people[0].id, people[1].id, people[1].id]
    assert asked.count(people[1].id) == 2


def test_another_child_in_the_car_is_another_question(session: Session) -> None:
    ride = a_hole(session)
    wang = a_volunteer(session)
    search(session)
    with_another_child(session, ride)

    assert [offer.end_reason for offer in say_yes(session, wang).gone] == ["changed"]


def test_a_child_fewer_is_no_other_question(session: Session) -> None:
    ride = a_hole(session, children=2)
    wang = a_volunteer(session)
    search(session)
    with_a_child_fewer(session, ride)

    assert len(say_yes(session, wang).accepted) == 1


def test_the_week_s_own_turn_is_asked_again_too(session: Session) -> None:
    wang = a_volunteer(session)
    ride = a_ride(session, a_child(session), driver=wang, shift_state=ShiftState.OPEN)
    asks.send_asks(session, now=NOW, zone=ZONE, links=links)
    moved(session, ride, 15)

    say_yes(session, wang)

    assert [shift.state for shift in session.exec(select(Shift))] == [ShiftState.FREED]
    assert search(session) == 1
    assert len(say_yes(session, wang).accepted) == 1


def test_what_the_coordinator_gave_way_in_stands_when_the_run_is_asked_about_again(session: Session) -> None:
    ride = a_hole(session, needs=("only_familiar",))
    wang = a_volunteer(session)
    ask_by_hand(session, ride, wang)
    moved(session, ride, 15)
    say_yes(session, wang)
    search(session)

    assert len(say_yes(session, wang).accepted) == 1


def test_an_answer_by_phone_to_what_was_is_kept_as_such(session: Session) -> None:
    ride = a_hole(session)
    wang = a_volunteer(session)
    search(session)
    moved(session, ride, 15)

    turned_away = asks.record_answer(
        session,
        run_id=ride.run_id,
        volunteer_id=id_of(wang),
        yes=True,
        by="account:1",
        how="phone",
        now=NOW,
        zone=ZONE,
    )

    assert turned_away == "changed"
    assert offers_to(session, wang)[0].state == OfferState.WITHDRAWN
