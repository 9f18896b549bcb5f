"""每周固定来 by text: the very turn is named, or what could be named is said; never guessed."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from escort.rota import standing
from escort.rota.models import OfferState, ShiftState, StandingYes
from notifications.addresses import phone_of
from notifications.models import InboundOutcome
from tests.builders import NOW, a_child, a_volunteer
from tests.escort.journeys.rides import a_ride
from tests.escort.rota.test_standing import LAST_WEDNESDAY, THURSDAY_SIX, Usual, a_usual_week, known_to
from tests.escort.rota.weeks import HOUR, MINUTE, offers_to, told
from tests.escort.texts import last_text, party_of, reply, unclear


@pytest.fixture
def usual(session: Session) -> Usual:
    return a_usual_week(session)


def standing_yeses(session: Session) -> list[StandingYes]:
    return list(session.exec(select(StandingYes).execution_options(populate_existing=True)))


def test_naming_the_turn_says_it_and_it_is_repeated_with_its_time(usual: Usual) -> None:
    assert reply(usual.session, party_of(usual.wang), "固定 周三上学") is InboundOutcome.APPLIED

    [row] = standing_yeses(usual.session)
    assert (row.weekday, row.direction, row.usual_at.strftime("%H:%M")) == (2, "to_school", "07:45")
    assert (row.given_how, row.given_at) == (f"sms:{party_of(usual.wang)}", NOW + MINUTE)
    assert last_text(usual.session, party_of(usual.wang)).startswith(
        "【杜鹃鸟】记下了：每周三07:45上学您固定来"
    )


def test_it_covers_the_next_week_like_one_from_the_page(usual: Usual) -> None:
    reply(usual.session, party_of(usual.wang), "周三早上固定来")

    usual.send()

    assert usual.shift.state == ShiftState.CONFIRMED
    assert [one.state for one in offers_to(usual.session, usual.wang)] == [OfferState.STANDING]


def test_said_twice_it_is_one(usual: Usual) -> None:
    reply(usual.session, party_of(usual.wang), "固定 周三上学")
    reply(usual.session, party_of(usual.wang), "固定 周三上学", now=NOW + HOUR)

    assert len(standing_yeses(usual.session)) == 1
    assert told(usual.session, party_of(usual.wang)) == ["standing.said", "standing.said"]


@pytest.mark.parametrize("text", ["固定", "固定 周五上学", "固定 周三放学"])
def test_what_names_no_turn_of_his_is_answered_with_those_that_are(usual: Usual, text: str) -> None:
    reply(usual.session, party_of(usual.wang), text)

    assert standing_yeses(usual.session) == []
    assert "可以每周固定来的：每周三07:45上学。" in last_text(usual.session, party_of(usual.wang))
    assert "像“固定 周三上学”" in last_text(usual.session, party_of(usual.wang))
    assert unclear(usual.session) == []


def test_a_child_who_does_not_know_him_is_no_choice(session: Session) -> None:
    wang = a_volunteer(session)
    a_ride(session, a_child(session), driver=wang, on=LAST_WEDNESDAY, shift_state=ShiftState.SERVED)

    reply(session, party_of(wang), "固定 周三上学")

    assert standing_yeses(session) == []
    assert told(session, party_of(wang)) == ["standing.none_yet"]


def test_another_time_than_the_list_showed_is_shown_first(usual: Usual) -> None:
    reply(usual.session, party_of(usual.wang), "固定")
    assert usual.ride.run is not None
    usual.ride.run.starts_at += timedelta(minutes=30)
    usual.shift.state = ShiftState.CONFIRMED
    usual.session.flush()

    reply(usual.session, party_of(usual.wang), "固定 周三上学", now=NOW + HOUR)

    assert standing_yeses(usual.session) == []
    assert "每周三08:15上学" in last_text(usual.session, party_of(usual.wang))


def test_it_answers_no_question_that_is_open(usual: Usual) -> None:
    usual.send()

    reply(usual.session, party_of(usual.wang), "固定 周三上学", now=THURSDAY_SIX + HOUR)

    assert len(standing_yeses(usual.session)) == 1
    assert usual.shift.state == ShiftState.OPEN


def test_ending_it_gives_back_what_rests_on_it_alone_and_says_which_days(usual: Usual) -> None:
    row = usual.give()
    usual.send()
    assert usual.shift.state == ShiftState.CONFIRMED

    reply(usual.session, party_of(usual.wang), "不固定 周三上学", now=THURSDAY_SIX + HOUR)

    usual.session.refresh(row)
    assert (row.ended_at, row.ended_how) == (THURSDAY_SIX + HOUR, f"sms:{party_of(usual.wang)}")
    assert usual.shift.state == ShiftState.DECLINED
    assert "按固定算的4月14日不用您去了" in last_text(usual.session, party_of(usual.wang))


def test_ending_it_leaves_a_yes_of_its_own(usual: Usual) -> None:
    usual.give()
    usual.send()
    reply(usual.session, party_of(usual.wang), "1", now=THURSDAY_SIX + MINUTE)

    reply(usual.session, party_of(usual.wang), "周三上学不固定了", now=THURSDAY_SIX + HOUR)

    assert usual.shift.state == ShiftState.CONFIRMED
    assert "按固定算的" not in last_text(usual.session, party_of(usual.wang))


@pytest.mark.parametrize("text", ["不固定了", "不固定 周五放学"])
def test_ending_what_he_has_not_said_shows_what_he_has(usual: Usual, text: str) -> None:
    row = usual.give()

    reply(usual.session, party_of(usual.wang), text)

    usual.session.refresh(row)
    assert row.ended_at is None
    assert "像“不固定 周三上学”" in last_text(usual.session, party_of(usual.wang))


def test_ending_where_there_is_none_says_so(usual: Usual) -> None:
    reply(usual.session, party_of(usual.wang), "不固定 周三上学")

    assert told(usual.session, party_of(usual.wang)) == ["standing.not_held"]


def test_on_a_phone_that_two_share_a_human_asks_whose_word_it_is(usual: Usual) -> None:
    a_volunteer(usual.session, "王师母", phone=phone_of(usual.session, party_of(usual.wang)) or "")

    reply(usual.session, party_of(usual.wang), "固定 周三上学")

    assert standing_yeses(usual.session) == []
    assert len(unclear(usual.session)) == 1


def test_from_a_family_it_is_a_word_for_a_human(usual: Usual) -> None:
    reply(usual.session, usual.child.guardian_subject, "固定 周三上学")

    assert len(unclear(usual.session)) == 1


def test_who_is_suspended_hears_from_a_human(usual: Usual) -> None:
    usual.wang.suspended_at = NOW
    usual.session.flush()

    reply(usual.session, party_of(usual.wang), "固定 周三上学")

    assert standing_yeses(usual.session) == []
    assert len(unclear(usual.session)) == 1


def test_the_list_holds_every_turn_that_he_knows(usual: Usual) -> None:
    other = a_child(usual.session, "小禾")
    known_to(usual.session, other, usual.wang)
    a_ride(
        usual.session,
        other,
        driver=usual.wang,
        on=LAST_WEDNESDAY,
        direction="home",
        shift_state=ShiftState.SERVED,
    )

    reply(usual.session, party_of(usual.wang), "每周固定来")

    assert "每周三07:45上学、每周三16:00放学" in last_text(usual.session, party_of(usual.wang))
    assert standing.standing_of(usual.session, usual.wang.id or 0) == []
