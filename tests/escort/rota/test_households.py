"""Two of one household: never at once, or only together; held by the plan, at the yes, and by a sweep."""

import pytest
from sqlmodel import Session, col, select

from escort.db import Store
from escort.errors import Conflict, Refused
from escort.roster import households as links_of
from escort.roster.models import LinkKind, Volunteer
from escort.rota import asks, households, standins
from escort.rota.models import Offer, OfferState, Role, Shift, ShiftState
from tests.builders import NOW, ZONE, a_child, a_volunteer
from tests.cast import LIN
from tests.escort.journeys.rides import a_ride, a_shift
from tests.escort.rota.test_races import at_once
from tests.escort.rota.weeks import (
    TOMORROW,
    id_of,
    leg_of,
    letters_to,
    links,
    offers_to,
    plan,
    run_of,
    say_no,
    say_yes,
    shifts_of,
    states_of,
)


def link(session: Session, one: Volunteer, other: Volunteer, kind: LinkKind = LinkKind.APART) -> None:
    links_of.link(session, volunteer_id=id_of(one), other_id=id_of(other), kind=kind, now=NOW, by=LIN)


def keep(session: Session) -> int:
    session.flush()
    return households.keep_links(session, now=NOW, zone=ZONE)


def test_the_plan_never_books_both_at_once(store: Store) -> None:
    with store.write() as session:
        wang, chen = a_volunteer(session, "王师傅", seats=1), a_volunteer(session, "陈姐", seats=1)
        kids = [a_child(session, name, escorted="Wed to school") for name in ("小雨", "小禾")]
        link(session, wang, chen)

    plan(store)

    with store.read() as session:
        drivers = [states_of(session, run_of(session, leg_of(session, kid))) for kid in kids]
        assert sorted(len(one) for one in drivers) == [0, 1]


def test_the_plan_books_a_couple_for_one_car_with_two_seats_and_for_no_other(store: Store) -> None:
    with store.write() as session:
        wang, chen = a_volunteer(session, "王师傅"), a_volunteer(session, "陈姐")
        pair = a_child(session, "小雨", escorted="Wed to school", needs=("second_adult",))
        alone = a_child(session, "小禾", escorted="Wed home")
        link(session, wang, chen, LinkKind.TOGETHER)

    plan(store)

    with store.read() as session:
        run = run_of(session, leg_of(session, pair))
        assert set(states_of(session, run)) == {wang.id, chen.id}
        assert shifts_of(session, run_of(session, leg_of(session, alone, direction="home"))) == []


def test_a_yes_while_the_other_has_that_half_day_is_not_taken_and_says_why(session: Session) -> None:
    wang, chen = a_volunteer(session, "王师傅"), a_volunteer(session, "陈姐")
    a_ride(session, a_child(session, "小禾"), driver=chen)
    ride = a_ride(session, a_child(session), driver=wang, shift_state=ShiftState.OPEN)
    asks.send_asks(session, now=NOW, zone=ZONE, links=links)
    link(session, wang, chen)

    answered = say_yes(session, wang)

    assert answered.accepted == []
    assert offers_to(session, wang)[0].end_reason == "household"
    assert states_of(session, ride.run) == {wang.id: ShiftState.FREED}


def test_the_other_half_day_is_free_for_both(session: Session) -> None:
    wang, chen = a_volunteer(session, "王师傅"), a_volunteer(session, "陈姐")
    a_ride(session, a_child(session, "小禾"), driver=chen, direction="home")
    a_ride(session, a_child(session), driver=wang, shift_state=ShiftState.OPEN)
    asks.send_asks(session, now=NOW, zone=ZONE, links=links)
    link(session, wang, chen)

    assert len(say_yes(session, wang).accepted) == 1


def test_no_stand_in_is_asked_whose_household_is_out_already(session: Session) -> None:
    wang, chen = a_volunteer(session, "王师傅"), a_volunteer(session, "陈姐", drives="Thu home")
    third = a_volunteer(session, "老石")
    a_ride(session, a_child(session, "小禾"), driver=chen)  # by her own word, against her pattern
    ride = a_ride(session, a_child(session))
    ride.run.search_at = NOW
    link(session, wang, chen)
    session.flush()

    standins.search(session, on=TOMORROW, now=NOW, zone=ZONE, links=links)

    assert [offer.volunteer_id for offer in session.exec(select(Offer))] == [third.id]


def test_the_office_is_told_why_it_cannot_ask(session: Session) -> None:
    wang, chen = a_volunteer(session, "王师傅"), a_volunteer(session, "陈姐")
    a_ride(session, a_child(session, "小禾"), driver=chen)
    ride = a_ride(session, a_child(session))
    link(session, wang, chen)

    with pytest.raises(Refused, match="王师傅：这半天他家里已经有人出车"):
        standins.ask_people(
            session, run_id=ride.run_id, volunteer_ids=[id_of(wang)], now=NOW, zone=ZONE, links=links
        )


def test_one_of_a_couple_is_not_asked_for_a_car_with_one_seat(session: Session) -> None:
    wang, chen = a_volunteer(session, "王师傅"), a_volunteer(session, "陈姐")
    ride = a_ride(session, a_child(session))
    link(session, wang, chen, LinkKind.TOGETHER)

    with pytest.raises(Refused, match="只和家人一起出车"):
        standins.ask_people(
            session, run_id=ride.run_id, volunteer_ids=[id_of(wang)], now=NOW, zone=ZONE, links=links
        )


def test_a_link_made_late_frees_the_shift_that_is_worth_less_and_tells_its_owner(session: Session) -> None:
    wang, chen = a_volunteer(session, "王师傅"), a_volunteer(session, "陈姐")
    kept = a_ride(session, a_child(session, "小禾"), driver=chen)
    freed = a_ride(session, a_child(session), driver=wang)
    session.flush()
    effect = households.effect_of_link(
        session, volunteer_id=id_of(wang), other_id=id_of(chen), kind=LinkKind.APART, now=NOW
    )

    households.link_people(
        session,
        volunteer_id=id_of(wang),
        other_id=id_of(chen),
        kind=LinkKind.APART,
        by=LIN,
        now=NOW,
        zone=ZONE,
    )

    assert (effect.promised, effect.asked) == (1, 0)
    assert states_of(session, kept.run) == {chen.id: ShiftState.CONFIRMED}
    assert states_of(session, freed.run) == {wang.id: ShiftState.FREED}
    session.refresh(freed.run)
    assert freed.run.search_at == NOW
    assert "您家里另一位这半天已有一趟" in letters_to(session, f"volunteer:{wang.id}")[-1].text


def test_when_one_of_a_couple_says_no_the_other_is_free_too(session: Session) -> None:
    wang, chen = a_volunteer(session, "王师傅"), a_volunteer(session, "陈姐")
    ride = a_ride(
        session, a_child(session, needs=("second_adult",)), driver=wang, shift_state=ShiftState.OPEN
    )
    a_shift(session, ride.run, chen, state=ShiftState.OPEN, confirmed_at=NOW, role=Role.SECOND)
    link(session, wang, chen, LinkKind.TOGETHER)
    session.flush()
    asks.send_asks(session, now=NOW, zone=ZONE, links=links)
    assert len(say_yes(session, wang).accepted) == 1
    assert keep(session) == 0

    say_no(session, chen)

    assert keep(session) == 1
    assert states_of(session, ride.run)[id_of(wang)] == ShiftState.FREED
    assert keep(session) == 0


def test_two_links_of_one_person_do_not_contradict_each_other(session: Session) -> None:
    wang, chen, third = (a_volunteer(session, name) for name in ("王师傅", "陈姐", "老石"))
    link(session, wang, chen, LinkKind.TOGETHER)

    with pytest.raises(Conflict, match="王师傅已经和陈姐关联了"):
        link(session, wang, third)
    with pytest.raises(Conflict, match="已经和"):
        link(session, chen, wang)
    with pytest.raises(Refused):
        link(session, third, third)


def test_a_link_ends_for_both_and_only_once(session: Session) -> None:
    wang, chen = a_volunteer(session, "王师傅"), a_volunteer(session, "陈姐")
    link(session, wang, chen)
    [kin] = links_of.kin_of(session, id_of(chen))

    links_of.unlink(session, link_id=kin.link_id, volunteer_id=id_of(chen), now=NOW, by=LIN)

    assert kin.name == "王师傅"
    assert links_of.kin_of(session, id_of(wang)) == []
    with pytest.raises(Exception, match="已经解除"):
        links_of.unlink(session, link_id=kin.link_id, volunteer_id=id_of(chen), now=NOW, by=LIN)


def test_of_two_yeses_of_one_household_at_once_one_is_taken(store: Store) -> None:
    with store.write() as session:
        people = [a_volunteer(session, "王师傅"), a_volunteer(session, "陈姐")]
        for who, child in zip(people, ("小雨", "小禾"), strict=True):
            a_ride(session, a_child(session, child), driver=who, shift_state=ShiftState.OPEN)
        asks.send_asks(session, now=NOW, zone=ZONE, links=links)
        link(session, *people)
        offers = list(session.exec(select(Offer.id).order_by(col(Offer.id))))

    def accept(offer_id: int | None, who: Volunteer) -> object:
        return lambda session: asks.answer_offer(
            session,
            offer_id=offer_id or 0,
            yes=True,
            by=f"volunteer:{who.id}",
            how="sms",
            now=NOW,
            zone=ZONE,
        )

    won = at_once(store, *(accept(offer, who) for offer, who in zip(offers, people, strict=True)))  # type: ignore[arg-type]

    assert sorted(won) == [False, True]
    with store.read() as session:
        states = sorted(session.exec(select(Shift.state)))
        assert states == [ShiftState.CONFIRMED, ShiftState.FREED]
        assert sorted(session.exec(select(Offer.state))) == [OfferState.ACCEPTED, OfferState.WITHDRAWN]
