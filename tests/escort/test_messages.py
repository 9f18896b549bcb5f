"""Links, and whether a message is still true at the moment of sending."""

import pytest
from sqlmodel import Session

from escort.access import links as capability_links
from escort.access.models import Purpose
from escort.journeys.models import ToldFamily
from escort.journeys.taken_back import WHO_COMES
from escort.messages import last_sent, link_maker, sent_to, still_wanted
from escort.rota import asks
from escort.rota.models import LegState, ShiftState
from notifications.models import Message, MessageState
from notifications.outbox import enqueue
from notifications.wording import Wording
from tests.builders import NOW, ZONE, a_child, a_volunteer
from tests.escort.journeys.rides import Ride, a_ride
from tests.escort.rota.weeks import HOUR, MINUTE, letters_to, links, say_yes


def a_message(session: Session, about: str, template: str = "driver.evening") -> Message:
    message = enqueue(
        session,
        to="volunteer:1",
        wording=Wording(template, {}, "…"),
        about=about,
        dedup_key=f"{template}:{about}",
        now=NOW,
    )
    assert message is not None
    return message


def a_drive(session: Session) -> Ride:
    return a_ride(session, a_child(session), driver=a_volunteer(session))


def test_each_reader_gets_the_address_of_their_own_pages(session: Session) -> None:
    make = link_maker("https://dujuan.test", lambda: NOW)

    made = make(session, ["volunteer:12", "guardian:3", "account:1"])

    assert made["volunteer:12"].startswith("https://dujuan.test/v/")
    assert made["guardian:3"].startswith("https://dujuan.test/f/")
    assert made["account:1"] == "https://dujuan.test/today"
    token = made["volunteer:12"].rsplit("/", 1)[1]
    link = capability_links.resolve(session, token=token, purpose=Purpose.VOLUNTEER, now=NOW)
    assert link.subject == "volunteer:12"


def test_an_ask_is_wanted_while_it_is_open(session: Session) -> None:
    wang = a_volunteer(session)
    a_ride(session, a_child(session), driver=wang, shift_state=ShiftState.OPEN)
    asks.send_asks(session, now=NOW, zone=ZONE, links=links)
    [letter] = letters_to(session, f"volunteer:{wang.id}")
    assert still_wanted(session, letter) is None

    say_yes(session, wang)

    assert still_wanted(session, letter) == "ask_closed"


@pytest.mark.parametrize("about", ["shift:{}", "shifts:{},99999"])
def test_a_reminder_is_wanted_while_a_shift_of_it_is_confirmed(session: Session, about: str) -> None:
    ride = a_drive(session)
    message = a_message(session, about.format(ride.shift_id))
    assert still_wanted(session, message) is None

    assert ride.shift is not None
    ride.shift.state = ShiftState.FREED
    session.flush()

    assert still_wanted(session, message) == "shift_ended"


def test_that_somebody_need_not_come_is_told_although_the_shift_is_over(session: Session) -> None:
    ride = a_drive(session)
    assert ride.shift is not None
    ride.shift.state = ShiftState.FREED
    session.flush()

    message = a_message(session, f"shift:{ride.shift_id}", "driver.stand_down")

    assert still_wanted(session, message) is None


def test_who_comes_tomorrow_is_not_told_about_a_cancelled_day(session: Session) -> None:
    ride = a_drive(session)
    message = a_message(session, f"leg:{ride.leg_id}", "family.tomorrow")
    assert still_wanted(session, message) is None

    ride.legs[0].state = LegState.CANCELLED
    session.flush()

    assert still_wanted(session, message) == "leg_cancelled"


@pytest.mark.parametrize("template", sorted(WHO_COMES))
def test_an_older_text_about_who_comes_is_not_sent_after_a_newer_one(session: Session, template: str) -> None:
    ride = a_drive(session)
    message = a_message(session, f"legs:99999,{ride.leg_id}", template)
    told = ToldFamily(leg_id=ride.leg_id, on=ride.run.on, pickup_at=ride.starts_at, told_at=NOW)
    session.add(told)
    session.flush()
    assert still_wanted(session, message) is None

    told.told_at = NOW + MINUTE
    session.flush()

    assert still_wanted(session, message) == "told_anew"


@pytest.mark.parametrize("about", ["cases:account:1", "volunteer:x", "", "inbound:7", "run:3"])
def test_what_is_about_something_else_is_wanted_unless_there_is_nothing_to_tell(
    session: Session, about: str
) -> None:
    expected = "nothing_open" if about.startswith("cases") else None

    assert still_wanted(session, a_message(session, about, "other")) == expected


def test_the_last_text_is_the_newest_that_really_went_out(session: Session) -> None:
    first, second, third = (a_message(session, f"run:{n}", "other") for n in range(3))
    for minutes, message in enumerate((first, second)):
        message.state, message.accepted_at = MessageState.ACCEPTED, NOW + minutes * MINUTE
    session.flush()

    assert last_sent(session, ["volunteer:1"], before=NOW + HOUR) == second
    assert last_sent(session, ["volunteer:1"], before=NOW) == first
    assert third not in sent_to(session, ["volunteer:1"], before=NOW + HOUR)
    assert last_sent(session, ["volunteer:2"], before=NOW + HOUR) is None
