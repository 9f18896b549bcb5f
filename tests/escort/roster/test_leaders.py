"""Who leads a team: made by the office, told with an address, ended at once; derived from what is true now."""

import pytest
from sqlmodel import Session, col, select

from escort.access import audit, devices, links
from escort.access.models import Link, Purpose
from escort.db import Store
from escort.errors import Conflict, NotFound, Refused
from escort.roster import leaders, service
from escort.roster.models import TeamLeader
from notifications.addresses import phone_of, set_phone
from tests.builders import NOW, a_team, a_volunteer
from tests.cast import LIN
from tests.escort.rota import weeks
from tests.escort.rota.test_races import at_once
from tests.escort.rota.weeks import HOUR, letters_to, told
from tests.escort.teams import a_led_team, lead


def by_phone(
    session: Session, team_id: int, name: str = "何青松", phone: str = "199 0000 0777"
) -> leaders.Leader:
    return leaders.make_leader_by_phone(
        session, team_id=team_id, name=name, phone=phone, links=weeks.links, by=LIN, now=NOW
    )


def test_a_volunteer_of_the_team_leads_it_and_gets_the_address(session: Session) -> None:
    led = a_led_team(session)

    [letter] = letters_to(session, f"volunteer:{led.he.id}")
    assert letter.template == "leader.made"
    assert letter.text.endswith(f"https://dujuan.test/lead:volunteer:{led.he.id}")
    assert leaders.leader_of(session, f"volunteer:{led.he.id}") == led.leader


def test_somebody_of_another_team_or_suspended_does_not_lead(session: Session) -> None:
    led = a_led_team(session)
    away = a_volunteer(session, "停用的", team=led.team, suspended=True)

    for nobody in (led.stranger, away):
        with pytest.raises(Refused):
            lead(session, led.team, nobody)


def test_who_is_no_volunteer_leads_by_his_number(session: Session) -> None:
    team = a_team(session)

    leader = by_phone(session, team.id or 0)

    assert leader.subject == f"leader:{leader.leader_id}"
    assert phone_of(session, leader.subject) == "+8619900000777"
    assert told(session, leader.subject) == ["leader.made"]
    assert leaders.leader_of(session, leader.subject) == leader


def test_a_number_of_a_volunteer_of_the_team_makes_that_volunteer_the_leader(session: Session) -> None:
    team = a_team(session)
    he = a_volunteer(session, "何青松", team=team, phone="19900000777")

    assert by_phone(session, team.id or 0).subject == f"volunteer:{he.id}"


@pytest.mark.parametrize(("name", "phone"), [("", "19900000777"), ("何青松", ""), ("何青松", "12")])
def test_a_name_or_number_that_cannot_be_read_is_told(session: Session, name: str, phone: str) -> None:
    team = a_team(session)

    with pytest.raises(Refused):
        by_phone(session, team.id or 0, name, phone)


def test_whom_the_book_names_leads_with_one_press(session: Session) -> None:
    team = a_team(session)  # the book names 石建国
    set_phone(session, party=f"team:{team.id}", phone="19900000778", now=NOW)

    leader = leaders.make_leader_of_book(session, team_id=team.id or 0, links=weeks.links, by=LIN, now=NOW)

    assert leader.name == "石建国"
    assert phone_of(session, leader.subject) == "+8619900000778"


def test_the_book_without_a_number_makes_nobody(session: Session) -> None:
    team = a_team(session)

    with pytest.raises(Refused, match="名册里没有"):
        leaders.make_leader_of_book(session, team_id=team.id or 0, links=weeks.links, by=LIN, now=NOW)


def test_the_next_leader_ends_the_one_before_and_his_links_but_not_his_own_phone(session: Session) -> None:
    led = a_led_team(session)
    subject = f"volunteer:{led.he.id}"
    token = links.issue_link(session, subject=subject, purpose=Purpose.LEADER, now=NOW)
    own = links.issue_link(session, subject=subject, purpose=Purpose.VOLUNTEER, now=NOW)
    link = links.resolve(session, token=token, purpose=Purpose.LEADER, now=NOW)
    devices.bind_first(session, link=link, now=NOW)

    lead(session, led.team, led.su)

    with pytest.raises(NotFound):
        links.resolve(session, token=token, purpose=Purpose.LEADER, now=NOW)
    assert links.resolve(session, token=own, purpose=Purpose.VOLUNTEER, now=NOW)
    assert len(devices.live_devices(session, subject=subject, now=NOW)) == 1
    assert leaders.leader_of(session, subject) is None
    assert [one.name for one in leaders.live_leaders(session)] == ["苏明远"]
    assert [one.name for one in leaders.former_leaders(session, team_id=led.team_id)] == ["何青松"]


def test_the_same_again_is_told_and_the_link_can_be_sent_again(session: Session) -> None:
    led = a_led_team(session)
    with pytest.raises(Conflict, match="已经是队长"):
        lead(session, led.team, led.he)

    leaders.send_leader_link(session, team_id=led.team_id, links=weeks.links, by=LIN, now=NOW + HOUR)

    assert told(session, f"volunteer:{led.he.id}") == ["leader.made", "leader.made"]


def test_who_is_ended_is_told_and_leads_nobody(session: Session) -> None:
    leader = by_phone(session, a_team(session).id or 0)
    token = links.issue_link(session, subject=leader.subject, purpose=Purpose.LEADER, now=NOW)

    leaders.end_leader(session, team_id=leader.team_id, duty_phone="1", by=LIN, now=NOW)

    assert told(session, leader.subject) == ["leader.made", "leader.ended"]
    assert leaders.leader_of(session, leader.subject) is None
    with pytest.raises(NotFound):
        links.resolve(session, token=token, purpose=Purpose.LEADER, now=NOW)
    with pytest.raises(Conflict):
        leaders.end_leader(session, team_id=leader.team_id, duty_phone="1", by=LIN, now=NOW)


def test_a_leader_who_is_suspended_or_moved_to_another_team_leads_nobody(session: Session) -> None:
    led = a_led_team(session)

    service.suspend(session, volunteer_id=led.he.id or 0, reason="", now=NOW, by=LIN)
    assert leaders.leader_of(session, led.leader.subject) is None

    service.lift(session, volunteer_id=led.he.id or 0, now=NOW, by=LIN)
    assert leaders.leader_of(session, led.leader.subject) is not None

    session.refresh(led.he)
    led.he.team_id = led.stranger.team_id
    session.flush()
    assert leaders.leader_of(session, led.leader.subject) is None


def test_changes_stand_in_the_trail(session: Session) -> None:
    led = a_led_team(session)
    leaders.end_leader(session, team_id=led.team_id, duty_phone="1", by=LIN, now=NOW)

    lines = [
        (line.actor, line.action, line.fields) for line in audit.trail(session, subject=f"team:{led.team_id}")
    ]

    assert lines == [
        (LIN, "leader.ended", [f"volunteer:{led.he.id}"]),
        (LIN, "leader.made", [f"nobody -> volunteer:{led.he.id}"]),
    ]


def test_of_two_leaders_made_at_once_one_leads(store: Store) -> None:
    with store.write() as session:
        team = a_team(session)
        first, second = (a_volunteer(session, name, team=team) for name in ("甲", "乙"))

    def make(volunteer_id: int | None) -> object:
        def deed(session: Session) -> str:
            try:
                leader = leaders.make_leader_of_volunteer(
                    session,
                    team_id=team.id or 0,
                    volunteer_id=volunteer_id or 0,
                    links=weeks.links,
                    by=LIN,
                    now=NOW,
                )
            except Conflict:
                return "late"
            return leader.name

        return deed

    at_once(store, make(first.id), make(second.id))  # type: ignore[arg-type]

    with store.read() as session:
        live = session.exec(select(TeamLeader).where(col(TeamLeader.ended_at).is_(None))).all()
        assert len(live) == 1
        assert session.exec(select(Link)).all() == []  # the tests' link maker issues none
