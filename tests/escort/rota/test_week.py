"""The week matrix: one cell a leg, and what opens by itself."""

from datetime import date, timedelta

from sqlmodel import Session

from escort.db import Store
from escort.families.models import Child
from escort.roster.models import Team
from escort.rota import handing_on
from escort.rota.models import Direction, LegState, ShiftState
from escort.rota.week import CellCode, GroupBy, Show, week_matrix
from tests.builders import NOW, ZONE, a_child, a_school, a_volunteer
from tests.cast import the_cast
from tests.escort.journeys.rides import a_ride
from tests.escort.web.coordinator.days import a_full_day, a_leg, a_run, a_shift, an_open_offer
from tests.queries import count_queries

MONDAY = date(2021, 4, 12)


def test_each_leg_is_one_cell_with_its_driver(session: Session) -> None:
    cast = the_cast(session)
    states = (ShiftState.DRAFT, ShiftState.OPEN, ShiftState.CONFIRMED, ShiftState.SERVED)
    for offset, state in enumerate(states):
        leg = a_leg(session, cast.xiaoyu, on=MONDAY + timedelta(days=offset))
        a_shift(session, a_run(session, leg), cast.wang.id, state)
    cancelled = a_leg(session, cast.xiaoyu, on=MONDAY, direction=Direction.HOME)
    cancelled.state = LegState.CANCELLED
    session.flush()

    row = week_matrix(session, week_on=MONDAY, show=Show.ALL).groups[0].rows[0]

    to_school = [row.cells[MONDAY + timedelta(days=offset), Direction.TO_SCHOOL] for offset in range(4)]
    assert [(cell.code, cell.name) for cell in to_school] == [
        (CellCode.DRAFT, "王师傅"),
        (CellCode.ASKED, "王师傅"),
        (CellCode.CONFIRMED, "王师傅"),
        (CellCode.DELIVERED, "王师傅"),
    ]
    assert row.cells[MONDAY, Direction.HOME].code is CellCode.NO_RIDE
    assert (MONDAY + timedelta(days=4), Direction.HOME) not in row.cells


def test_a_hole_whose_run_somebody_is_asked_for_waits(session: Session) -> None:
    cast = the_cast(session)
    there = a_run(session, a_leg(session, cast.xiaoyu, on=MONDAY))
    a_run(session, a_leg(session, cast.xiaoyu, on=MONDAY, direction=Direction.HOME))
    an_open_offer(session, there, cast.chen.id)

    matrix = week_matrix(session, week_on=MONDAY)

    assert (matrix.count(CellCode.ASKED), matrix.count(CellCode.UNASSIGNED)) == (1, 1)


def test_only_schools_with_holes_are_open_and_come_first(session: Session) -> None:
    whole, holed = a_school(session, "青禾小学"), a_school(session, "锦水小学")
    driver = a_volunteer(session)
    safe = a_child(session, "小满", school=whole)
    a_shift(session, a_run(session, a_leg(session, safe, on=MONDAY)), driver.id)
    a_run(session, a_leg(session, a_child(session, "小麦", school=holed), on=MONDAY))

    by_itself = week_matrix(session, week_on=MONDAY)
    asked_for = week_matrix(session, week_on=MONDAY, opened=[whole.id or 0])

    assert [(group.name, group.is_open) for group in by_itself.groups] == [
        ("锦水小学", True),
        ("青禾小学", False),
    ]
    assert [group.is_open for group in asked_for.groups] == [True, True]


def test_a_make_up_saturday_is_a_column_of_its_week(session: Session) -> None:
    cast = the_cast(session)
    a_leg(session, cast.xiaoyu, on=MONDAY + timedelta(days=5))

    assert len(week_matrix(session, week_on=MONDAY + timedelta(days=3)).days) == 6


def test_a_districts_week_costs_two_queries(store: Store) -> None:
    with store.write() as session:
        a_full_day(session, MONDAY, children=40, days=5)

    with store.read() as session, count_queries(store.engine) as counted:
        matrix = week_matrix(session, week_on=MONDAY, show=Show.ALL)

    assert (matrix.children, matrix.count(CellCode.CONFIRMED)) == (40, 400)
    assert len(counted) == 2


def test_a_driver_who_would_hand_his_turn_on_is_one_of_the_changes_of_the_week(session: Session) -> None:
    quiet = a_ride(session, a_child(session, "小满"), driver=a_volunteer(session), on=MONDAY)
    wang = a_volunteer(session, "王师傅")
    ride = a_ride(session, a_child(session, "小麦"), driver=wang, on=MONDAY)
    handing_on.look_for_stand_in(
        session,
        shift_id=ride.shift_id,
        volunteer_id=wang.id or 0,
        by="account:1",
        how="phone",
        now=NOW,
        zone=ZONE,
    )

    matrix = week_matrix(session, week_on=MONDAY, show=Show.SWAP)

    assert quiet.run_id
    assert matrix.count(CellCode.SWAP) == 1
    assert [row.name for group in matrix.groups for row in group.rows] == ["小麦"]


def test_children_stand_by_the_team_of_their_street_too(session: Session) -> None:
    cast = the_cast(session)
    alone = a_child(session, "小麦", school=cast.school)
    team = Team(name="唐昌车队")
    session.add(team)
    session.flush()
    session.get_one(Child, cast.xiaoyu.id).team_id = team.id
    session.get_one(Child, alone.id).team_id = None
    a_run(session, a_leg(session, cast.xiaoyu, on=MONDAY))
    a_run(session, a_leg(session, alone, on=MONDAY))

    matrix = week_matrix(session, week_on=MONDAY, show=Show.SCHOOLS, by=GroupBy.TEAM, opened=[0])

    assert [(group.name, [row.name for row in group.rows]) for group in matrix.groups] == [
        ("", ["小麦"]),
        ("唐昌车队", []),
    ]
