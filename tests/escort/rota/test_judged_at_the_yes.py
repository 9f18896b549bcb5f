"""At the yes every hard rule is judged again for the run as it is now; who fails is told why, and the search goes on."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from escort.db import Store
from escort.errors import Refused
from escort.families.models import Child
from escort.roster.models import Blockout, Volunteer
from escort.rota import asks, standins
from escort.rota.models import CircleMember, CircleState, OfferState, Role, ShiftState
from tests.builders import NOW, TODAY, ZONE, a_child, a_volunteer
from tests.escort.journeys.rides import Ride, a_ride, a_shift
from tests.escort.rota.weeks import TOMORROW, id_of, links, offers_to, say_yes, shifts_of
from tests.queries import count_queries


def asked_for(session: Session, driver: Volunteer, *, gender: str = "F", role: str = "driver") -> Ride:
    """A run of tomorrow morning that this volunteer has been asked to drive, or to ride along in."""
    ride = a_ride(session, a_child(session, gender=gender))
    shift = a_shift(session, ride.run, driver, state=ShiftState.OPEN, confirmed_at=NOW, role=role)
    session.flush()
    asks.send_asks(session, now=NOW, zone=ZONE, links=links)
    return Ride(ride.run, ride.legs, shift)


def child_of(session: Session, ride: Ride) -> Child:
    return session.get_one(Child, ride.legs[0].child_id)


def needs(need: str) -> Callable[[Session, Ride, Volunteer], None]:
    return lambda session, ride, _who: setattr(child_of(session, ride), need, True)


def turned(column: str, value: object) -> Callable[[Session, Ride, Volunteer], None]:
    return lambda _session, _ride, who: setattr(who, column, value)


def both(
    *changes: Callable[[Session, Ride, Volunteer], None],
) -> Callable[[Session, Ride, Volunteer], None]:
    def change(session: Session, ride: Ride, who: Volunteer) -> None:
        for one in changes:
            one(session, ride, who)

    return change


def drives_elsewhere(session: Session, _ride: Ride, who: Volunteer) -> None:
    """A yes to another run of the same week."""
    a_ride(session, a_child(session, "小禾"), driver=who, on=TOMORROW, direction="home")
    who.cap_week = 1


def cannot_that_morning(session: Session, _ride: Ride, who: Volunteer) -> None:
    session.add(
        Blockout(
            volunteer_id=id_of(who),
            from_on=TOMORROW,
            until_on=TOMORROW,
            half_day="to_school",
            created_at=NOW,
        )
    )


CHANGED: dict[str, Callable[[Session, Ride, Volunteer], None]] = {
    "wheelchair": needs("wheelchair"),
    "seats": turned("seats", 0),
    "child_seats": both(needs("child_seat"), turned("child_seats", 0)),
    "female_driver": needs("female_driver"),
    "girls_only": turned("girls_only", True),  # the child is a boy
    "only_familiar": needs("only_familiar"),
    "too_far": turned("max_approach_km", 0.1),
    "week_cap": drives_elsewhere,
    "same_half_day": cannot_that_morning,
    "licence": turned("licence_until", TODAY),
    "suspended": turned("suspended_at", NOW),
}


@pytest.mark.parametrize("rule", CHANGED)
def test_a_yes_that_breaks_a_rule_by_now_is_not_taken(session: Session, rule: str) -> None:
    wang = a_volunteer(session)
    ride = asked_for(session, wang, gender="M")
    CHANGED[rule](session, ride, wang)
    session.flush()

    answered = say_yes(session, wang)

    assert (answered.accepted, len(answered.gone)) == ([], 1)
    [offer] = offers_to(session, wang)
    assert (offer.state, offer.end_reason) == (OfferState.WITHDRAWN, rule)
    assert [shift.state for shift in shifts_of(session, ride.run)] == [ShiftState.FREED]
    session.refresh(ride.run)
    assert ride.run.search_at == NOW


def test_what_the_planner_does_not_forbid_is_no_hurdle(session: Session) -> None:
    """The yes says more than the weekly pattern, and a member of the circle is no stranger."""
    wang = a_volunteer(session)
    ride = asked_for(session, wang)
    wang.pattern = "0" * 14
    child_of(session, ride).only_familiar = True
    session.add(
        CircleMember(
            child_id=ride.legs[0].child_id,
            volunteer_id=id_of(wang),
            state=CircleState.PUBLISHED,
            proposed_at=NOW,
        )
    )
    session.flush()

    assert len(say_yes(session, wang).accepted) == 1
    assert session.exec(select(CircleMember.state)).one() == CircleState.KNOWN


def test_a_second_adult_needs_no_car_and_no_licence(session: Session) -> None:
    chen = a_volunteer(session, "陈姐")
    ride = asked_for(session, chen, role=Role.SECOND)
    chen.licence_until, chen.insured_until, chen.seats = None, None, 0
    child_of(session, ride).wheelchair = True
    session.flush()

    assert len(say_yes(session, chen).accepted) == 1


def test_a_second_adult_must_be_vetted_all_the_same(session: Session) -> None:
    chen = a_volunteer(session, "陈姐")
    asked_for(session, chen, role=Role.SECOND)
    chen.vetted_on = None
    session.flush()

    assert say_yes(session, chen).accepted == []


def test_the_cap_holds_from_turn_to_turn_of_one_answer(session: Session) -> None:
    wang = a_volunteer(session)
    for day in range(3):
        a_ride(
            session,
            a_child(session, f"孩子{day}"),
            driver=wang,
            on=TOMORROW + timedelta(days=day),
            shift_state=ShiftState.OPEN,
        )
    asks.send_asks(session, now=NOW, zone=ZONE, links=links)
    wang.cap_week = 2
    session.flush()

    answered = say_yes(session, wang)

    assert [offer.on for offer in answered.accepted] == [TOMORROW, TOMORROW + timedelta(days=1)]
    assert [offer.end_reason for offer in answered.gone] == ["week_cap"]


BY_HAND: dict[str, Callable[[Session, Ride, Volunteer], None]] = {
    rule: CHANGED[rule] for rule in ("only_familiar", "too_far", "week_cap")
}


@pytest.mark.parametrize("rule", BY_HAND)
def test_what_the_coordinator_gave_way_in_does_not_stop_the_yes(session: Session, rule: str) -> None:
    wang = a_volunteer(session)
    ride = a_ride(session, a_child(session))
    BY_HAND[rule](session, ride, wang)
    session.flush()
    ask_by_hand(session, ride, wang)

    assert len(say_yes(session, wang).accepted) == 1


def test_who_is_asked_by_hand_may_say_yes_to_more_than_the_cap_whenever_it_filled(session: Session) -> None:
    wang = a_volunteer(session)
    ride = a_ride(session, a_child(session))
    ask_by_hand(session, ride, wang)
    drives_elsewhere(session, ride, wang)
    session.flush()

    assert len(say_yes(session, wang).accepted) == 1


def test_who_leaves_the_circle_after_being_asked_by_hand_is_a_stranger(session: Session) -> None:
    wang = a_volunteer(session)
    ride = a_ride(session, a_child(session, needs=("only_familiar",)))
    member = CircleMember(
        child_id=ride.legs[0].child_id, volunteer_id=id_of(wang), state=CircleState.KNOWN, proposed_at=NOW
    )
    session.add(member)
    session.flush()
    ask_by_hand(session, ride, wang)
    member.state = CircleState.LEFT
    session.flush()

    assert [offer.end_reason for offer in say_yes(session, wang).gone] == ["only_familiar"]


@pytest.mark.parametrize("rule", ["wheelchair", "seats", "child_seats", "female_driver", "girls_only"])
def test_nobody_gives_way_in_what_the_child_needs(session: Session, rule: str) -> None:
    wang = a_volunteer(session)
    ride = a_ride(session, a_child(session, gender="M"))
    CHANGED[rule](session, ride, wang)
    session.flush()

    with pytest.raises(Refused):
        ask_by_hand(session, ride, wang)


def ask_by_hand(session: Session, ride: Ride, who: Volunteer) -> None:
    standins.ask_people(
        session, run_id=ride.run_id, volunteer_ids=[id_of(who)], now=NOW, zone=ZONE, links=links
    )


@pytest.mark.parametrize("turns", [1, 6])
def test_an_answer_costs_the_same_statements_however_many_turns(
    session: Session, store: Store, turns: int
) -> None:
    wang = a_volunteer(session, cap_week=14)
    for turn in range(turns):
        on = TOMORROW + timedelta(days=turn // 2)
        direction = ("to_school", "home")[turn % 2]
        a_ride(
            session,
            a_child(session, f"孩子{turn}"),
            driver=wang,
            on=on,
            direction=direction,
            shift_state=ShiftState.OPEN,
        )
    asks.send_asks(session, now=NOW, zone=ZONE, links=links)
    session.flush()

    with count_queries(store.engine) as queries:
        answered = say_yes(session, wang)

    assert len(answered.accepted) == turns
    assert len(queries) <= AN_ANSWER + 1  # the test looks for the ask itself


AN_ANSWER = 15
