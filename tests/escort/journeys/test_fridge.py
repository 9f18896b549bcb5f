"""The sheet for a family's door: known drivers by surname and plate's tail, everything else is open."""

from datetime import date, timedelta

import pytest
from sqlmodel import Session

from escort.errors import NotFound
from escort.families.models import Family, TellBy
from escort.journeys.fridge import FridgeHalf, FridgeSheet, fridge_sheet, week_to_print
from escort.rota.models import CircleMember, CircleState, LegState
from tests.builders import NOW, TODAY, ZONE
from tests.cast import Cast, the_cast
from tests.escort.journeys.rides import a_leg, a_ride, local

MONDAY = TODAY - timedelta(days=TODAY.weekday())


def sheet(session: Session, cast: Cast, on: date = TODAY) -> FridgeSheet:
    return fridge_sheet(session, child_id=cast.xiaoyu.id, week_on=on, now=NOW, zone=ZONE)


def knows(session: Session, cast: Cast, state: CircleState = CircleState.KNOWN) -> None:
    """小雨 has 王师傅 in her circle."""
    session.add(
        CircleMember(child_id=cast.xiaoyu.id, volunteer_id=cast.wang.id or 0, state=state, proposed_at=NOW)
    )
    session.flush()


def test_a_known_driver_who_said_yes_stands_with_surname_and_plates_tail(session: Session) -> None:
    cast = the_cast(session)
    knows(session, cast)
    a_ride(session, cast.xiaoyu, driver=cast.wang)
    a_ride(session, cast.xiaoyu, driver=cast.wang, direction="home")

    shown = sheet(session, cast)

    [day] = shown.days
    assert (shown.child, shown.monday, shown.is_rung) == ("小雨", MONDAY, False)
    assert day.to_school == FridgeHalf(local(TODAY, 7, 45).time(), "王", "345", False)
    assert day.home == FridgeHalf(local(TODAY, 16, 30).time(), "王", "345", False)  # when she is home


@pytest.mark.parametrize("state", [CircleState.PROPOSED, CircleState.PUBLISHED, CircleState.LEFT])
def test_a_driver_whom_the_child_does_not_know_is_not_named(session: Session, state: CircleState) -> None:
    cast = the_cast(session)
    knows(session, cast, state)
    a_ride(session, cast.xiaoyu, driver=cast.wang)

    [day] = sheet(session, cast).days

    assert day.to_school == FridgeHalf(local(TODAY, 7, 45).time(), "", "", False)


def test_who_was_only_asked_is_not_named(session: Session) -> None:
    cast = the_cast(session)
    knows(session, cast)
    a_ride(session, cast.xiaoyu, driver=cast.wang, shift_state="open")

    [day] = sheet(session, cast).days

    assert day.to_school is not None
    assert day.to_school.surname == ""


def test_a_cancelled_way_says_so_and_the_usual_time_is_that_of_the_others(session: Session) -> None:
    cast = the_cast(session)
    knows(session, cast)
    a_leg(session, cast.xiaoyu, on=MONDAY, at=local(MONDAY, 6, 30), state=LegState.CANCELLED)
    a_ride(session, cast.xiaoyu, driver=cast.wang)
    a_leg(session, cast.xiaoyu, on=MONDAY + timedelta(days=3), state=LegState.WITHDRAWN)

    shown = sheet(session, cast)

    assert [day.on for day in shown.days] == [MONDAY, TODAY + timedelta(days=1)]
    assert shown.days[0].to_school is not None
    assert shown.days[0].to_school.is_off
    assert shown.usual_to_school == local(TODAY, 7, 45).time()
    assert shown.usual_home is None


def test_days_with_different_times_have_no_usual_one(session: Session) -> None:
    cast = the_cast(session)
    for day, hour in ((0, 16), (4, 15)):
        on = MONDAY + timedelta(days=day)
        a_leg(session, cast.xiaoyu, on=on, direction="home", at=local(on, hour))

    assert sheet(session, cast).usual_home is None


def test_a_family_that_is_rung_reads_that_changes_come_by_phone(session: Session) -> None:
    cast = the_cast(session)
    session.get_one(Family, cast.xiaoyu.child.family_id).tell_by = TellBy.PAPER

    assert sheet(session, cast).is_rung
    assert sheet(session, cast).days == ()


def test_nobody_s_sheet_is_not_found(session: Session) -> None:
    with pytest.raises(NotFound):
        fridge_sheet(session, child_id=404, week_on=TODAY, now=NOW, zone=ZONE)


@pytest.mark.parametrize(("day", "weeks"), [(0, 0), (2, 0), (3, 1), (6, 1)])
def test_from_thursday_on_the_next_week_is_printed(day: int, weeks: int) -> None:
    assert week_to_print(MONDAY + timedelta(days=day)) == MONDAY + timedelta(weeks=weeks)
