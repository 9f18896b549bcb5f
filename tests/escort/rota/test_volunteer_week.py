"""The week from the volunteers' side: whom each drives, when they cannot, how full their month is."""

from datetime import date, timedelta

from sqlmodel import Session

from escort.db import Store
from escort.roster.models import Blockout
from escort.rota.models import Direction, ShiftState
from escort.rota.volunteer_week import volunteer_week
from escort.rota.week import CellCode
from tests.builders import NOW, a_child, a_school, a_team, a_volunteer
from tests.escort.web.coordinator.days import a_full_day, a_leg, a_run, a_shift
from tests.queries import count_queries

WEDNESDAY = date(2021, 4, 7)


def test_a_half_day_says_who_rides_and_whether_it_is_promised(session: Session) -> None:
    wang = a_volunteer(session, team=a_team(session))
    school = a_school(session)
    pair = [a_leg(session, a_child(session, name, school=school), on=WEDNESDAY) for name in ("小雨", "小杰")]
    run = a_run(session, *pair)
    a_shift(session, run, wang.id, ShiftState.OPEN)

    (group,) = volunteer_week(session, week_on=WEDNESDAY).groups

    (row,) = group.rows
    turn = row.turns[WEDNESDAY, Direction.TO_SCHOOL]
    assert (turn.code, turn.children, turn.run_id) == (CellCode.ASKED, ("小雨", "小杰"), run.id)
    assert (group.asked, row.trips_of_month) == (1, 0)  # a question is no trip yet


def test_a_day_on_which_somebody_cannot_stands_there_unless_they_drive_all_the_same(session: Session) -> None:
    wang = a_volunteer(session)
    run = a_run(session, a_leg(session, a_child(session), on=WEDNESDAY))
    a_shift(session, run, wang.id)
    session.add(
        Blockout(
            volunteer_id=wang.id or 0,
            from_on=WEDNESDAY,
            until_on=WEDNESDAY + timedelta(days=1),
            created_at=NOW,
        )
    )
    session.flush()

    (group,) = volunteer_week(session, week_on=WEDNESDAY, teams=[wang.team_id or 0]).groups

    turns = group.rows[0].turns
    assert turns[WEDNESDAY, Direction.TO_SCHOOL].code is CellCode.CONFIRMED
    assert turns[WEDNESDAY, Direction.HOME].code is None
    assert turns[WEDNESDAY + timedelta(days=1), Direction.HOME].code is None


def test_the_month_counts_what_was_said_yes_to_against_what_each_can(session: Session) -> None:
    wang = a_volunteer(session)
    wang.cap_month = 2
    for day in (6, 7, 30):
        leg = a_leg(session, a_child(session, f"娃{day}"), on=date(2021, 4, day))
        a_shift(session, a_run(session, leg), wang.id)

    (group,) = volunteer_week(session, week_on=WEDNESDAY, teams=[wang.team_id or 0]).groups

    assert (group.rows[0].trips_of_month, group.rows[0].trips_at_most) == (3, 2)


def test_people_are_found_by_pinyin_and_closed_teams_have_numbers_only(session: Session) -> None:
    team = a_team(session)
    for name in ("王师傅", "陈姐"):
        volunteer = a_volunteer(session, name, team=team)
        leg = a_leg(session, a_child(session, f"{name}的孩子"), on=WEDNESDAY)
        a_shift(session, a_run(session, leg), volunteer.id)

    (closed,) = volunteer_week(session, week_on=WEDNESDAY).groups
    (found,) = volunteer_week(session, week_on=WEDNESDAY, find="wsf").groups

    assert (closed.people, closed.rows) == (2, ())
    assert [row.name for row in found.rows] == ["王师傅"]


def test_a_districts_week_costs_five_queries(store: Store) -> None:
    with store.write() as session:
        a_full_day(session, WEDNESDAY, children=40)

    with store.read() as session, count_queries(store.engine) as counted:
        volunteer_week(session, week_on=WEDNESDAY, teams=[1])

    assert len(counted) == 5
