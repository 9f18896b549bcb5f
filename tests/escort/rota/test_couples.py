"""Two who drive only together are asked for both seats at once; neither yes counts before the other."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlmodel import Session, select

from escort.db import Store
from escort.journeys.volunteer_view import home_view
from escort.roster import households as links_of
from escort.roster.models import LinkKind, Volunteer
from escort.rota import asks, couples
from escort.rota.models import AskState, CircleMember, CircleState, OfferState, Role, Shift, ShiftState
from tests.builders import NOW, ZONE, a_child, a_volunteer
from tests.cast import LIN
from tests.escort.journeys.rides import Ride, a_ride, a_shift
from tests.escort.rota.test_races import at_once
from tests.escort.rota.test_stand_ins import asked, say
from tests.escort.rota.weeks import (
    MINUTE,
    asks_to,
    id_of,
    letters_to,
    offers_to,
    search,
    shifts_of,
    states_of,
    told,
)
from tests.escort.texts import last_text, party_of, reply

WAITING, TAKEN, WITHDRAWN = OfferState.WAITING, OfferState.TAKEN, OfferState.WITHDRAWN


def a_couple(session: Session) -> tuple[Volunteer, Volunteer]:
    pair = a_volunteer(session, "王师傅"), a_volunteer(session, "陈姐")
    links_of.link(
        session,
        volunteer_id=id_of(pair[0]),
        other_id=id_of(pair[1]),
        kind=LinkKind.TOGETHER,
        now=NOW,
        by=LIN,
    )
    return pair


def a_hole_for_two(session: Session) -> Ride:
    ride = a_ride(session, a_child(session, needs=("second_adult",)))
    ride.run.search_at = NOW
    session.flush()
    return ride


def offer_state(session: Session, who: Volunteer) -> str:
    return offers_to(session, who)[-1].state


def end_halves(session: Session, now: datetime = NOW) -> int:
    session.flush()
    return couples.end_lone_halves(session, now=now, zone=ZONE)


def test_both_are_asked_each_for_one_seat_with_the_other_s_name(session: Session) -> None:
    a_hole_for_two(session)
    wang, chen = a_couple(session)

    assert search(session) == 2

    [his], [hers] = offers_to(session, wang), offers_to(session, chen)
    assert {his.role, hers.role} == {Role.DRIVER, Role.SECOND}
    assert asks_to(session, wang)[0].deadline_at == asks_to(session, chen)[0].deadline_at
    assert "您家里姓陈的一起去" in letters_to(session, party_of(wang))[-1].text
    assert "您家里姓王的一起去" in letters_to(session, party_of(chen))[-1].text
    assert end_halves(session) == 0


def test_the_first_yes_holds_no_seat_and_says_what_it_waits_for(session: Session) -> None:
    ride = a_hole_for_two(session)
    wang, chen = a_couple(session)
    search(session)

    reply(session, party_of(wang), "1")

    assert shifts_of(session, ride.run) == []
    assert (offer_state(session, wang), offer_state(session, chen)) == (WAITING, OfferState.OPEN)
    assert told(session, party_of(wang)) == ["ask.couple", "couple.waits"]
    assert asks_to(session, wang)[0].state == AskState.OPEN


def test_with_the_second_yes_both_go_and_the_first_is_told(session: Session) -> None:
    ride = a_hole_for_two(session)
    wang, chen = a_couple(session)
    search(session)
    reply(session, party_of(wang), "1")

    reply(session, party_of(chen), "1", now=NOW + 2 * MINUTE)

    assert states_of(session, ride.run) == {
        wang.id: ShiftState.CONFIRMED,
        chen.id: ShiftState.CONFIRMED,
    }
    assert {shift.role for shift in shifts_of(session, ride.run)} == {Role.DRIVER, Role.SECOND}
    assert {shift.confirmed_how for shift in shifts_of(session, ride.run)} == {
        f"sms:{party_of(wang)}",
        f"sms:{party_of(chen)}",
    }
    assert (offer_state(session, wang), offer_state(session, chen)) == ("accepted", "accepted")
    assert [ask.state for who in (wang, chen) for ask in asks_to(session, who)] == ["answered", "answered"]
    assert told(session, party_of(wang)) == ["ask.couple", "couple.waits", "couple.goes"]
    assert told(session, party_of(chen)) == ["ask.couple", "ask.yes"]


def test_both_join_the_circle_with_it(session: Session) -> None:
    ride = a_hole_for_two(session)
    wang, chen = a_couple(session)
    for who in (wang, chen):
        session.add(
            CircleMember(
                child_id=ride.legs[0].child_id,
                volunteer_id=id_of(who),
                state=CircleState.PUBLISHED,
                proposed_at=NOW,
            )
        )
    search(session)
    say(session, wang, yes=True)
    say(session, chen, yes=True)

    states = session.exec(select(CircleMember.state).execution_options(populate_existing=True))
    assert [*states] == [CircleState.KNOWN, CircleState.KNOWN]


@pytest.mark.parametrize("text", ["2", "不行"])
def test_a_no_of_the_other_ends_the_yes_that_waits(session: Session, text: str) -> None:
    ride = a_hole_for_two(session)
    wang, chen = a_couple(session)
    search(session)
    reply(session, party_of(wang), "1")
    reply(session, party_of(chen), text, now=NOW + MINUTE)

    assert end_halves(session, NOW + MINUTE) == 1

    assert offer_state(session, wang) == WITHDRAWN
    assert shifts_of(session, ride.run) == []
    assert told(session, party_of(wang))[-1] == "couple.stays"
    session.refresh(ride.run)
    assert ride.run.search_at == NOW + MINUTE
    assert end_halves(session, NOW + MINUTE) == 0


def test_silence_of_the_other_ends_it_too(session: Session) -> None:
    a_hole_for_two(session)
    wang, _chen = a_couple(session)
    search(session)
    say(session, wang, yes=True)
    deadline = asks_to(session, wang)[0].deadline_at

    asks.lapse_asks(session, now=deadline)

    assert end_halves(session, deadline) == 1
    assert [ask.state for ask in asks_to(session, wang)] == [AskState.LAPSED]
    assert told(session, party_of(wang))[-1] == "couple.stays"


def test_a_no_of_the_first_takes_the_question_from_the_other(session: Session) -> None:
    a_hole_for_two(session)
    wang, chen = a_couple(session)
    search(session)

    say(session, wang, yes=False)

    assert end_halves(session) == 1
    assert (offer_state(session, chen), offers_to(session, chen)[-1].end_reason) == (WITHDRAWN, "partner")
    assert letters_to(session, party_of(chen))[-1].state == "withdrawn"


def test_who_waits_may_still_say_no(session: Session) -> None:
    a_hole_for_two(session)
    wang, chen = a_couple(session)
    search(session)
    reply(session, party_of(wang), "1")

    reply(session, party_of(wang), "2", now=NOW + 2 * MINUTE)

    assert offer_state(session, wang) == OfferState.DECLINED
    assert say(session, chen, yes=True) is False
    assert offers_to(session, chen)[-1].end_reason == "together"


def test_a_stranger_who_is_quicker_takes_the_seat_and_both_hear_of_it(session: Session) -> None:
    ride = a_hole_for_two(session)
    wang, chen = a_couple(session)
    third = a_volunteer(session, "老石")
    search(session)
    assert third.id in asked(session)
    say(session, wang, yes=True)

    say(session, third, yes=True)
    end_halves(session)

    assert list(states_of(session, ride.run)) == [third.id]
    assert {offer_state(session, wang), offer_state(session, chen)} == {TAKEN, WITHDRAWN}
    assert say(session, chen, yes=True) is False
    assert asks_to(session, wang)[0].state == AskState.WITHDRAWN


def test_whoever_cannot_any_more_is_found_at_the_second_yes(session: Session) -> None:
    ride = a_hole_for_two(session)
    wang, chen = a_couple(session)
    search(session)
    say(session, wang, yes=True)
    elsewhere = a_ride(session, a_child(session, "小禾"))
    a_shift(session, elsewhere.run, wang, state=ShiftState.CONFIRMED, confirmed_at=NOW)

    reply(session, party_of(chen), "1")

    assert shifts_of(session, ride.run) == []
    assert offers_to(session, wang)[-1].end_reason == "same_half_day"
    assert "您两位要一起才去" in last_text(session, party_of(chen))
    assert {ask.state for who in (wang, chen) for ask in asks_to(session, who)} == {AskState.ANSWERED}
    assert told(session, party_of(wang))[-1] == "couple.stays"


def test_a_couple_is_not_asked_where_one_seat_is_taken(session: Session) -> None:
    ride = a_hole_for_two(session)
    a_couple(session)
    third = a_volunteer(session, "老石", drives="Thu home")
    a_shift(session, ride.run, third, state=ShiftState.CONFIRMED, confirmed_at=NOW)

    assert search(session) == 0


def test_a_couple_is_asked_beside_the_others(session: Session) -> None:
    a_hole_for_two(session)
    wang, chen = a_couple(session)
    others = [a_volunteer(session, f"第{n}位") for n in range(4)]

    search(session)

    assert {id_of(wang), id_of(chen)} < {*asked(session)}
    assert len({id_of(one) for one in others} & {*asked(session)}) == 4


def test_a_link_that_is_made_late_ends_a_question_to_one_of_them(session: Session) -> None:
    ride = a_ride(session, a_child(session))
    ride.run.search_at = NOW
    wang, chen = a_volunteer(session, "王师傅"), a_volunteer(session, "陈姐", drives="Thu home")
    session.flush()
    search(session)
    links_of.link(
        session, volunteer_id=id_of(wang), other_id=id_of(chen), kind=LinkKind.TOGETHER, now=NOW, by=LIN
    )

    assert end_halves(session) == 1
    assert offer_state(session, wang) == WITHDRAWN


def test_the_page_says_that_it_takes_both_and_then_what_it_waits_for(session: Session) -> None:
    a_hole_for_two(session)
    wang, _chen = a_couple(session)
    search(session)

    def page() -> tuple[bool, bool]:
        [ask] = home_view(session, volunteer_id=id_of(wang), is_bound=True, now=NOW, zone=ZONE).asks
        return ask.is_for_both, ask.is_waiting

    assert page() == (True, False)
    say(session, wang, yes=True)
    assert page() == (True, True)


def test_two_yeses_at_once_are_both_counted(store: Store) -> None:
    with store.write() as session:
        a_hole_for_two(session)
        wang, chen = a_couple(session)
        search(session)
        questions = [(offers_to(session, who)[-1].id or 0, party_of(who)) for who in (wang, chen)]

    def accept(offer_id: int, party: str) -> Callable[[Session], bool]:
        return lambda session: asks.answer_offer(
            session, offer_id=offer_id, yes=True, by=party, how="sms", now=NOW, zone=ZONE
        )

    won = at_once(store, *(accept(*question) for question in questions))

    assert won == [True, True]
    with store.read() as session:
        assert [*session.exec(select(Shift.state))] == [ShiftState.CONFIRMED, ShiftState.CONFIRMED]
