"""Teams at the desk: who leads them, their newcomers, and the coordinator's word on a circle."""

from sqlmodel import Session, select

from escort.journeys import introductions
from escort.journeys.introductions import Side
from escort.roster.models import TeamLeader, Volunteer
from escort.rota.models import CircleMember, CircleState, HowSaid
from escort.rota.team import record_for_own
from notifications.addresses import set_phone
from tests.builders import NOW, ZONE, a_team, a_volunteer
from tests.escort.journeys.rides import a_ride
from tests.escort.rota.weeks import HOUR, told
from tests.escort.teams import a_led_team, knows
from tests.escort.web.coordinator.conftest import Desk


def a_team_without_leader(desk: Desk) -> tuple[int, int]:
    with desk.house.store.write() as session:
        team = a_team(session, "石桥车队")
        volunteer = a_volunteer(session, "何青松", team=team)
        return team.id or 0, volunteer.id or 0


def ridden(desk: Desk) -> int:
    """An accompanied first ride of 高思齐 that waits for the coordinator; return its id."""
    with desk.house.store.write() as session:
        led = a_led_team(session)
        knows(session, led.su, led.child)
        newcomer = a_volunteer(session, "高思齐", team=led.team)
        ride = a_ride(session, led.child, driver=led.su)
        planned = introductions.plan_introduction(
            session,
            leader=led.leader,
            newcomer_id=newcomer.id or 0,
            run_id=ride.run_id,
            now=NOW,
            until_on=ride.run.on,
        )
        for side in Side:
            introductions.record_yes(
                session,
                leader=led.leader,
                introduction_id=planned,
                side=side,
                how=HowSaid.PHONE,
                now=NOW,
                zone=ZONE,
                duty_phone="1",
            )
        introductions.tick_introduction(
            session, leader=led.leader, introduction_id=planned, now=ride.starts_at + HOUR
        )
        return planned


def test_a_volunteer_is_made_leader_and_ended_again(desk: Desk) -> None:
    team, volunteer = a_team_without_leader(desk)
    assert "还没有页面" in desk.get("/teams")

    desk.post(f"/teams/{team}/leader", {"volunteer_id": str(volunteer)})

    shown = desk.get(f"/teams/{team}")
    assert "何青松" in shown
    assert "199 **** **01" in shown
    assert "有页面" in desk.get("/teams")
    desk.clock.forward(HOUR)
    assert "链接又发了一次" in desk.get(desk.post(f"/teams/{team}/leader/link"))
    desk.post(f"/teams/{team}/leader/end")
    assert "以前的队长" in desk.get(f"/teams/{team}")
    with desk.house.store.read() as session:
        assert told(session, f"volunteer:{volunteer}") == ["leader.made", "leader.made", "leader.ended"]


def test_whom_the_book_names_and_who_has_but_a_number_can_lead(desk: Desk) -> None:
    team, _ = a_team_without_leader(desk)
    with desk.house.store.write() as session:
        set_phone(session, party=f"team:{team}", phone="19900000444", now=NOW)
    assert "名册里写的是石建国" in desk.get(f"/teams/{team}")

    desk.post(f"/teams/{team}/leader", {"from_book": "true"})
    assert "石建国" in desk.get(f"/teams/{team}")
    desk.post(f"/teams/{team}/leader", {"name": "李队", "phone": "199 0000 0333"})

    shown = desk.get(f"/teams/{team}")
    assert "李队" in shown
    assert "不是志愿者" in shown
    with desk.house.store.read() as session:
        assert [one.name for one in session.exec(select(TeamLeader).order_by(TeamLeader.id))] == [  # type: ignore[arg-type]
            "石建国",
            "李队",
        ]
    leader = "leader:2"
    assert "认得的手机" in desk.get(f"/people/{leader}/phones")


def test_a_number_that_cannot_be_read_keeps_the_form(desk: Desk) -> None:
    team, _ = a_team_without_leader(desk)

    shown = desk.post(f"/teams/{team}/leader", {"name": "李队", "phone": "12"}, expect=400)

    assert 'value="李队"' in shown
    assert 'value="12"' in shown


def test_newcomers_wait_for_their_papers(desk: Desk) -> None:
    with desk.house.store.write() as session:
        a_volunteer(session, "田野", papers="none").brought_by = "volunteer:9"
        a_volunteer(session, "办公室加的", papers="none")

    shown = desk.get("/teams")

    assert "等您登记审核和证件" in shown
    assert "田野" in shown
    assert "办公室加的" not in shown


def test_the_coordinator_lets_a_newcomer_into_the_circle(desk: Desk) -> None:
    planned = ridden(desk)
    assert "有 1 位新人陪过第一趟，等您定。" in desk.get("/today")
    assert "小禾" in desk.get("/teams")

    desk.post(f"/introductions/{planned}/decide", {"takes_in": "true"})

    with desk.house.store.read() as session:
        newcomer = session.exec(select(Volunteer.id).where(Volunteer.name == "高思齐")).one()
        member = session.exec(select(CircleMember).where(CircleMember.volunteer_id == newcomer)).one()
        assert member.state == CircleState.PUBLISHED
    assert "等您定" not in desk.get("/today")


def test_the_coordinator_calls_a_planned_ride_off(desk: Desk) -> None:
    def a_plan(session: Session) -> int:
        led = a_led_team(session)
        knows(session, led.su, led.child)
        newcomer = a_volunteer(session, "高思齐", team=led.team)
        ride = a_ride(session, led.child, driver=led.su)
        return introductions.plan_introduction(
            session,
            leader=led.leader,
            newcomer_id=newcomer.id or 0,
            run_id=ride.run_id,
            now=NOW,
            until_on=ride.run.on,
        )

    with desk.house.store.write() as session:
        planned = a_plan(session)
    assert "约好的跟车" in desk.get("/teams")

    desk.post(f"/introductions/{planned}/call-off")

    assert "约好的跟车" not in desk.get("/teams")


def test_the_rota_says_who_wrote_a_yes_down(desk: Desk) -> None:
    with desk.house.store.write() as session:
        led = a_led_team(session)
        ride = a_ride(session, led.child)
        record_for_own(
            session,
            leader=led.leader,
            run_id=ride.run_id,
            volunteer_id=led.su.id or 0,
            yes=True,
            how=HowSaid.IN_PERSON,
            now=NOW,
            zone=ZONE,
            duty_phone="1",
        )

    assert "说能去，队长记的" in desk.get(f"/rota/runs/{ride.run_id}")
