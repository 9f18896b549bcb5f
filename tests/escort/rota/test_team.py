"""What a team's leader may do: see his team's holes, ask his own people, write down what they say."""

from datetime import date, timedelta

import pytest
from sqlmodel import Session, select

from escort.access import audit
from escort.db import Store
from escort.errors import Conflict, NotFound, Refused
from escort.families.models import BarredPerson
from escort.rota import standins, team
from escort.rota.models import (
    Ask,
    AskState,
    CircleMember,
    HowSaid,
    Offer,
    OfferState,
    Refusal,
    Shift,
    ShiftState,
)
from notifications.models import Message
from tests.builders import NOW, ZONE, a_child, a_team, a_volunteer
from tests.escort.journeys.rides import Ride, a_ride, a_shift
from tests.escort.rota.test_races import at_once
from tests.escort.rota.weeks import HOUR, TOMORROW, links, offers_to, search, told
from tests.escort.teams import LedTeam, a_led_team

UNTIL = date(2021, 4, 18)
DUTY = "199 0000 0001"


def holes(session: Session, led: LedTeam) -> list[int]:
    found = team.holes_of(session, teams=[led.team_id], now=NOW, until_on=UNTIL)
    return [hole.run_id for hole in found]


def ask(session: Session, led: LedTeam, ride: Ride, *people: int | None) -> int:
    return team.ask_own_people(
        session,
        leader=led.leader,
        run_id=ride.run_id,
        volunteer_ids=[one or 0 for one in people],
        now=NOW,
        zone=ZONE,
        links=links,
    )


def record(
    session: Session, led: LedTeam, ride: Ride, who: int | None, yes: bool, how: HowSaid = HowSaid.PHONE
) -> str:
    return team.record_for_own(
        session,
        leader=led.leader,
        run_id=ride.run_id,
        volunteer_id=who or 0,
        yes=yes,
        how=how,
        now=NOW,
        zone=ZONE,
        duty_phone=DUTY,
    )


def test_holes_are_published_runs_of_the_team_with_a_seat_that_nobody_holds(session: Session) -> None:
    led = a_led_team(session)
    hole = a_ride(session, led.child)
    a_ride(session, led.child, direction="home", driver=led.su)  # driven
    a_ride(session, led.child, on=date(2021, 4, 8), is_published=False)  # a draft is the office's own
    a_ride(session, led.child, on=date(2021, 4, 20))  # beyond next week
    a_ride(session, a_child(session, "别队的孩子", team=a_team(session, "望溪车队")))

    assert holes(session, led) == [hole.run_id]


def test_a_second_adult_who_is_missing_is_a_hole(session: Session) -> None:
    led = a_led_team(session, needs=("second_adult",))
    ride = a_ride(session, led.child, driver=led.su)
    assert holes(session, led) == [ride.run_id]

    a_shift(session, ride.run, led.he, confirmed_at=NOW, role="second")

    assert holes(session, led) == []


def test_the_leaders_ask_is_the_offices_ask(session: Session) -> None:
    led = a_led_team(session)
    ride = a_ride(session, led.child)

    assert ask(session, led, ride, led.su.id, led.he.id) == 2

    assert told(session, f"volunteer:{led.su.id}") == ["ask.stand_in"]
    assert [offer.state for offer in offers_to(session, led.su)] == [OfferState.OPEN]
    line = audit.trail(session, actor=led.leader.subject)[0]
    assert (line.action, line.subject) == ("rota.asked", f"run:{ride.run_id}")
    assert f"volunteer:{led.su.id}" in line.fields


def test_only_his_own_people_and_runs_can_be_asked_for(session: Session) -> None:
    led = a_led_team(session)
    own = a_ride(session, led.child)
    foreign = a_ride(session, a_child(session, "别队的孩子", team=a_team(session, "望溪车队")))
    draft = a_ride(session, led.child, on=date(2021, 4, 8), is_published=False)

    for ride, who in ((own, led.stranger.id), (foreign, led.su.id), (draft, led.su.id)):
        with pytest.raises(NotFound):
            ask(session, led, ride, who)
    with pytest.raises(Refused, match="还没有选人"):
        ask(session, led, own)
    assert session.exec(select(Ask)).all() == []


def test_a_no_is_never_asked_again_by_the_leader_either(session: Session) -> None:
    led = a_led_team(session)
    ride = a_ride(session, led.child)
    record(session, led, ride, led.su.id, yes=False)

    with pytest.raises(Conflict, match="都问过了"):
        ask(session, led, ride, led.su.id)
    search(session)

    assert [offer.state for offer in offers_to(session, led.su)] == [OfferState.DECLINED]


def test_a_leader_does_not_widen_a_childs_circle(session: Session) -> None:
    led = a_led_team(session, needs=("only_familiar",))
    session.add(CircleMember(child_id=led.child.id, volunteer_id=led.he.id or 0, proposed_at=NOW))
    ride = a_ride(session, led.child)

    with pytest.raises(Refused) as refused:
        ask(session, led, ride, led.su.id)

    assert "协调员定人" in refused.value.sentence
    assert "熟悉" not in refused.value.sentence  # why is the family's own affair
    standins.ask_people(
        session, run_id=ride.run_id, volunteer_ids=[led.su.id or 0], now=NOW, zone=ZONE, links=links
    )  # the office may


def test_a_leader_is_not_told_that_a_family_bars_somebody(session: Session) -> None:
    led = a_led_team(session)
    session.add(BarredPerson(child_id=led.child.id, name="苏明远", volunteer_id=led.su.id, created_at=NOW))
    ride = a_ride(session, led.child)

    with pytest.raises(Refused) as refused:
        ask(session, led, ride, led.su.id)

    assert refused.value.sentence == "苏明远：这趟由协调员定人，请另外选人。"


def test_papers_that_are_over_stand_whoever_asks(session: Session) -> None:
    led = a_led_team(session)
    ride = a_ride(session, led.child)
    expired = a_volunteer(session, "过期的", team=led.team, papers="licence expired")

    with pytest.raises(Refused, match="驾驶证"):
        ask(session, led, ride, expired.id)
    with pytest.raises(Refused, match="驾驶证"):
        record(session, led, ride, expired.id, yes=True)
    assert session.exec(select(Offer)).all() == []


def test_a_yes_by_phone_is_a_promise_with_who_wrote_it_down_and_its_giver_is_told(session: Session) -> None:
    led = a_led_team(session)
    ride = a_ride(session, led.child)

    assert record(session, led, ride, led.su.id, yes=True, how=HowSaid.WECHAT) == ""

    shift = session.exec(select(Shift).where(Shift.run_id == ride.run_id)).one()
    assert (shift.state, shift.volunteer_id) == (ShiftState.CONFIRMED, led.su.id)
    assert shift.confirmed_how == f"wechat:volunteer:{led.he.id}"
    [letter] = session.exec(select(Message).where(Message.party == f"volunteer:{led.su.id}")).all()
    assert letter.text == (
        "【杜鹃鸟】何青松队长记下：您在微信里说明天07:45上学能去。谢谢您。不是您说的请马上打199 0000 0001。"
    )
    line = audit.trail(session, subject=f"volunteer:{led.su.id}")[0]
    assert (line.actor, line.action) == (led.leader.subject, "rota.recorded")
    assert line.fields == [f"run:{ride.run_id}", "yes", "wechat"]


def test_a_yes_by_phone_ends_the_question_to_others(session: Session) -> None:
    led = a_led_team(session)
    ride = a_ride(session, led.child)
    ask(session, led, ride, led.he.id)

    record(session, led, ride, led.su.id, yes=True)

    assert [offer.state for offer in offers_to(session, led.he)] == [OfferState.TAKEN]
    assert {ask.state for ask in session.exec(select(Ask))} == {AskState.ANSWERED, AskState.WITHDRAWN}


def test_a_no_by_phone_is_remembered_and_told(session: Session) -> None:
    led = a_led_team(session)
    ride = a_ride(session, led.child)
    ask(session, led, ride, led.su.id)

    record(session, led, ride, led.su.id, yes=False)

    assert session.exec(select(Refusal.volunteer_id)).one() == led.su.id
    assert told(session, f"volunteer:{led.su.id}") == ["ask.stand_in", "answer.recorded_no"]


def test_what_was_written_down_twice_is_told_once(session: Session) -> None:
    led = a_led_team(session)
    ride = a_ride(session, led.child)

    for _ in range(2):
        assert record(session, led, ride, led.su.id, yes=True) == ""

    assert told(session, f"volunteer:{led.su.id}") == ["answer.recorded_yes"]


def test_a_promise_is_not_given_back_by_a_leaders_note(session: Session) -> None:
    led = a_led_team(session)
    ride = a_ride(session, led.child)
    record(session, led, ride, led.su.id, yes=True)

    with pytest.raises(Refused, match="值班电话"):
        record(session, led, ride, led.su.id, yes=False)


def test_a_yes_that_comes_after_anothers_is_told_so(session: Session) -> None:
    led = a_led_team(session)
    ride = a_ride(session, led.child)
    ask(session, led, ride, led.su.id, led.he.id)
    record(session, led, ride, led.he.id, yes=True)

    with pytest.raises(Conflict, match="来晚了"):
        record(session, led, ride, led.su.id, yes=True)
    assert "answer.recorded_yes" not in told(session, f"volunteer:{led.su.id}")


def test_a_yes_is_judged_by_the_rules_as_they_are_now(session: Session) -> None:
    led = a_led_team(session)
    ride = a_ride(session, led.child)
    ask(session, led, ride, led.su.id)
    led.su.insured_until = NOW.date() - timedelta(days=1)
    session.flush()

    assert record(session, led, ride, led.su.id, yes=True) == "insurance"

    assert told(session, f"volunteer:{led.su.id}") == ["ask.stand_in"]
    assert session.exec(select(Shift)).all() == []


def test_an_answer_about_another_teams_run_can_be_written_down_once_his_own_man_was_asked(
    session: Session,
) -> None:
    led = a_led_team(session)
    foreign = a_ride(session, a_child(session, "别队的孩子", team=a_team(session, "望溪车队")))
    with pytest.raises(NotFound):
        record(session, led, foreign, led.su.id, yes=True)
    standins.ask_people(
        session, run_id=foreign.run_id, volunteer_ids=[led.su.id or 0], now=NOW, zone=ZONE, links=links
    )

    assert record(session, led, foreign, led.su.id, yes=True) == ""


def test_nobody_of_another_team_is_written_down(session: Session) -> None:
    led = a_led_team(session)
    ride = a_ride(session, led.child)

    with pytest.raises(NotFound):
        record(session, led, ride, led.stranger.id, yes=True)


def test_of_two_answers_written_down_at_once_the_first_drives(store: Store) -> None:
    with store.write() as session:
        led = a_led_team(session)
        ride = a_ride(session, led.child)

    def note(who: int | None):  # type: ignore[no-untyped-def]
        def deed(session: Session) -> str:
            try:
                return record(session, led, ride, who, yes=True) or "drives"
            except Conflict:
                return "late"

        return deed

    assert sorted(at_once(store, note(led.su.id), note(led.he.id))) == ["drives", "late"]

    with store.read() as session:
        assert len(session.exec(select(Shift).where(Shift.state == ShiftState.CONFIRMED)).all()) == 1


def test_after_the_start_nobody_is_asked_or_written_down_anew(session: Session) -> None:
    led = a_led_team(session)
    ride = a_ride(session, led.child, at=NOW - HOUR, on=NOW.date())

    with pytest.raises(Conflict, match="时间已经到了"):
        ask(session, led, ride, led.su.id)
    with pytest.raises(Conflict, match="时间已经到了"):
        record(session, led, ride, led.su.id, yes=True)


def test_until_next_sunday_is_the_whole_of_next_week() -> None:
    assert team.until_next_sunday(TOMORROW) == UNTIL
    assert team.until_next_sunday(date(2021, 4, 11)) == UNTIL
