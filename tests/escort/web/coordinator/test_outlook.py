"""The coming four weeks as a whole, and the accompanied first ride that the planner proposes."""

from datetime import date, timedelta

from sqlmodel import Session, select

from escort.families.models import Child
from escort.roster.leaders import make_leader_of_volunteer
from escort.roster.models import Team, Volunteer
from escort.rota.models import CircleMember, CircleState, Introduction, Run, ShiftState
from tests.builders import NOW, a_child, a_team, a_volunteer
from tests.escort.web.coordinator.conftest import Desk, no_links
from tests.escort.web.coordinator.days import a_leg, a_run, a_shift

THURSDAY = date(2021, 4, 8)
OUTLOOK = "/rota/outlook"


def a_narrow_circle(session: Session) -> tuple[Team, Volunteer, Volunteer, Run]:
    """小雨 knows 王师傅 alone, who drives on Thursday; 陈姐 of his team knows nobody yet."""
    team = a_team(session)
    child = a_child(session, team=team)
    run = a_run(session, a_leg(session, child, on=THURSDAY))
    run.published_at = NOW
    wang, chen = a_volunteer(session, team=team), a_volunteer(session, "陈姐", team=team)
    a_shift(session, run, wang.id)
    session.add(
        CircleMember(
            child_id=child.id,
            volunteer_id=wang.id or 0,
            state=CircleState.KNOWN,
            proposed_at=NOW,
            known_at=NOW,
        )
    )
    make_leader_of_volunteer(
        session, team_id=team.id or 0, volunteer_id=wang.id or 0, links=no_links, by="account:1", now=NOW
    )
    session.flush()
    return team, wang, chen, run


def test_a_first_ride_is_proposed_for_a_narrow_circle_and_planned_by_one_press(desk: Desk) -> None:
    with desk.house.store.write() as session:
        _, wang, chen, run = a_narrow_circle(session)
        ids = (wang.id, chen.id, run.id)

    shown = desk.get(OUTLOOK)
    assert "请陈姐跟王师傅的车认认人" in shown
    assert "一周里 1 个半天，认识又能开的人不到 3 位" in shown

    desk.post("/introductions", {"newcomer_id": str(ids[1]), "run_id": str(ids[2])})

    with desk.house.store.read() as session:
        row = session.exec(select(Introduction)).one()
        assert (row.driver_id, row.newcomer_id, row.run_id, row.planned_by) == (*ids, "account:1")
        states = session.exec(select(CircleMember.volunteer_id)).all()
    assert states == [ids[0]]  # a circle grows by the coordinator's word alone, after the ride
    assert "请陈姐跟王师傅的车认认人" not in desk.get(OUTLOOK)
    assert "陈姐" in desk.get("/teams")


def test_without_a_leader_nobody_would_note_the_answers(desk: Desk) -> None:
    with desk.house.store.write() as session:
        _, _, chen, run = a_narrow_circle(session)
        chen.team_id = a_team(session, "没有队长的队").id
        session.flush()
        ids = (chen.id, run.id)

    assert "跟王师傅的车认认人" not in desk.get(OUTLOOK)
    told = desk.post("/introductions", {"newcomer_id": str(ids[0]), "run_id": str(ids[1])}, expect=400)
    assert "还没有队长" in told


def test_a_wide_circle_and_the_fullest_people_are_told(desk: Desk) -> None:
    with desk.house.store.write() as session:
        child = a_child(session)
        for number in range(8):
            run = a_run(session, a_leg(session, child, on=THURSDAY + timedelta(days=number)))
            a_shift(session, run, a_volunteer(session, f"司机{number}").id)
        a_shift(
            session,
            a_run(session, a_leg(session, a_child(session, "小杰"), on=THURSDAY + timedelta(days=20))),
            a_volunteer(session, "独一位", wheelchair=True).id,
            ShiftState.DRAFT,
        )
        jie = session.exec(select(Child).where(Child.short_name == "小杰")).one()
        jie.wheelchair = True

    shown = desk.get(OUTLOOK)

    assert "四周里 8 位司机，想在 7 位以内" in shown
    assert "8 位原来不认识" in shown
    assert "1 趟没有别人能替；别人多半是：车放不下轮椅" in shown


def test_what_ten_more_people_of_a_team_would_change(desk: Desk) -> None:
    with desk.house.store.write() as session:
        team, empty = a_team(session), a_team(session, "空队")
        for name in ("小雨", "小杰"):
            a_run(session, a_leg(session, a_child(session, name), on=THURSDAY))
        a_volunteer(session, team=team, cap_week=1)
        ids = (team.id, empty.id)
        name = team.name

    assert f"{name}再来 10 位像现在队员那样的人，没人开的从 1 段变成 0 段。" in desk.get(
        f"{OUTLOOK}?team={ids[0]}"
    )
    assert "这支车队还没有人" in desk.get(f"{OUTLOOK}?team={ids[1]}")


def test_four_weeks_without_a_plan_say_so(desk: Desk) -> None:
    assert "这四周还没有排班" in desk.get(OUTLOOK)
