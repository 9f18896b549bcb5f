"""A leader with open turns within two days gets one short message a day, not one a turn."""

from datetime import date, datetime, timedelta

import pytest
from sqlmodel import Session

from escort.db import Store
from escort.journeys.team_reminders import next_due_at, remind_leaders
from escort.messages import still_wanted
from escort.rota.models import ShiftState
from tests.builders import NOW, ZONE, a_child, a_team
from tests.escort.journeys.rides import a_ride, a_shift, local
from tests.escort.rota.test_races import at_once
from tests.escort.rota.weeks import letters_to, links
from tests.escort.teams import a_led_team, lead

DAY = timedelta(days=1)


def remind(session: Session, now: datetime = NOW) -> int:
    return remind_leaders(session, now=now, zone=ZONE, links=links)


def test_several_open_turns_are_one_message(session: Session) -> None:
    led = a_led_team(session)
    a_ride(session, led.child)
    a_ride(session, led.child, direction="home")

    assert remind(session) == 1
    assert remind(session, NOW + timedelta(hours=1)) == 0

    letter = letters_to(session, led.leader.subject)[-1]
    assert letter.text == (
        "【杜鹃鸟】石桥车队两天内还有2趟没人开，最近是明天07:45上学。问队员、记一个答应："
        f"https://dujuan.test/lead:volunteer:{led.he.id}"
    )


def test_the_next_day_it_is_said_again_while_it_is_true(session: Session) -> None:
    led = a_led_team(session)
    a_ride(session, led.child, on=date(2021, 4, 8))

    assert [remind(session), remind(session, NOW + DAY), remind(session, NOW + 2 * DAY)] == [1, 1, 0]


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (local(date(2021, 4, 6), 8, 29), 0),  # too early in the day
        (local(date(2021, 4, 6), 8, 30), 1),
        (local(date(2021, 4, 6), 20, 59), 1),
        (local(date(2021, 4, 6), 21), 0),  # by night the search and the person on duty go on
        (local(date(2021, 4, 5), 12), 1),  # 07:45 on the 7th is within two days
        (local(date(2021, 4, 4), 12), 0),
    ],
)
def test_it_is_told_by_day_and_within_two_days(session: Session, now: datetime, told: int) -> None:
    led = a_led_team(session)
    a_ride(session, led.child)

    assert (next_due_at(session, now=now, zone=ZONE) == now) is bool(told)
    assert remind(session, now) == told


def test_other_teams_holes_filled_turns_and_drafts_are_not_his(session: Session) -> None:
    led = a_led_team(session)
    a_ride(session, led.child, driver=led.su)
    a_ride(session, led.child, direction="home", driver=led.he, shift_state=ShiftState.OPEN)
    a_ride(session, led.child, on=date(2021, 4, 8), is_published=False)
    a_ride(session, a_child(session, "别队的孩子", team=a_team(session, "望溪车队")))

    assert remind(session) == 0
    assert next_due_at(session, now=NOW, zone=ZONE) is None


def test_each_leader_hears_of_his_own_team(session: Session) -> None:
    led = a_led_team(session)
    other_team = a_team(session, "望溪车队")
    other = lead(session, other_team, led.stranger)
    a_ride(session, led.child)
    a_ride(session, a_child(session, "别队的孩子", team=other_team))

    assert remind(session) == 2

    assert "望溪车队" in letters_to(session, other.subject)[-1].text


def test_what_was_filled_meanwhile_is_not_sent(session: Session) -> None:
    led = a_led_team(session)
    ride = a_ride(session, led.child)
    remind(session)
    letter = letters_to(session, led.leader.subject)[-1]
    assert still_wanted(session, letter) is None

    a_shift(session, ride.run, led.su, confirmed_at=NOW)

    assert still_wanted(session, letter) == "nothing_open"


def test_next_due_is_now_and_after_telling_the_next_morning(session: Session) -> None:
    led = a_led_team(session)
    a_ride(session, led.child, on=date(2021, 4, 8))
    assert next_due_at(session, now=NOW, zone=ZONE) == NOW

    remind(session)

    assert next_due_at(session, now=NOW, zone=ZONE) == local(date(2021, 4, 7), 8, 30)


def test_two_nodes_tell_once(store: Store) -> None:
    with store.write() as session:
        a_ride(session, a_led_team(session).child)

    assert sorted(at_once(store, remind, remind)) == [0, 1]
