"""A child that does not ride for some days: today by name, later by the calendar, and back as soon as it is well."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from escort.errors import Conflict, NotFound
from escort.families.models import EscortPause, Why
from escort.rota.models import LegState, ShiftState
from escort.rota.pauses import lift_pause, pause_child
from tests.builders import ZONE, EscortedChild, a_child, a_volunteer
from tests.escort.journeys.rides import tap
from tests.escort.rota.changes import ELEVEN, ON, a_way_home
from tests.escort.rota.weeks import at, leg_of, shifts_of, told


def sick(session: Session, child: EscortedChild, *, days: int = 2) -> int:
    return pause_child(
        session,
        child_id=child.id,
        why=Why.SICK,
        from_on=ON,
        until_on=ON + timedelta(days=days),
        by=child.guardian_subject,
        now=ELEVEN,
        zone=ZONE,
    )


def lift(session: Session, child: EscortedChild, pause_id: int) -> None:
    lift_pause(
        session, child_id=child.id, pause_id=pause_id, by=child.guardian_subject, now=ELEVEN, zone=ZONE
    )


def test_today_is_cancelled_by_name_and_later_days_are_withdrawn(session: Session) -> None:
    child, wang = a_child(session), a_volunteer(session)
    ride = a_way_home(session, child, driver=wang)

    sick(session, child)

    today, tomorrow = (
        leg_of(session, child, ON, "home"),
        leg_of(session, child, ON + timedelta(days=1), "home"),
    )
    assert (today.state, today.cancelled_by, today.cancel_reason) == (
        LegState.CANCELLED,
        child.guardian_subject,
        "孩子病了",
    )
    assert tomorrow.state == LegState.WITHDRAWN
    assert [shift.state for shift in shifts_of(session, ride.run)] == [ShiftState.FREED]
    assert told(session, f"volunteer:{wang.id}") == ["driver.family_cancelled"]
    pause = session.exec(select(EscortPause)).one()
    assert (pause.why, pause.said_by, pause.said_at) == (Why.SICK, child.guardian_subject, ELEVEN)


def test_the_same_said_twice_is_one_pause(session: Session) -> None:
    child = a_child(session)
    a_way_home(session, child)

    assert sick(session, child) == sick(session, child)


def test_well_again_brings_the_coming_days_back(session: Session) -> None:
    child = a_child(session)
    a_way_home(session, child)
    pause_id = sick(session, child)

    lift(session, child, pause_id)

    assert leg_of(session, child, ON + timedelta(days=1), "home").state == LegState.WANTED
    assert leg_of(session, child, ON, "home").state == LegState.CANCELLED  # today was said by name
    with pytest.raises(Conflict):
        lift(session, child, pause_id)


def test_another_child_s_pause_is_nobody_s_to_end(session: Session) -> None:
    child, other = a_child(session), a_child(session, "小禾")
    pause_id = sick(session, child)

    with pytest.raises(NotFound):
        lift(session, other, pause_id)


def test_a_late_car_is_called_off_too(session: Session) -> None:
    child, wang = a_child(session), a_volunteer(session)
    ride = a_way_home(session, child, driver=wang)

    pause_child(
        session,
        child_id=child.id,
        why=Why.SICK,
        from_on=ON,
        until_on=ON,
        by=child.guardian_subject,
        now=at(ON, 16, 5),  # five minutes after school is out, and nobody has tapped yet
        zone=ZONE,
    )

    assert [shift.state for shift in shifts_of(session, ride.run)] == [ShiftState.FREED]


def test_a_child_in_the_car_is_brought_home(session: Session) -> None:
    child, wang = a_child(session), a_volunteer(session)
    ride = a_way_home(session, child, driver=wang)
    tap(session, ride, "on_board", at=at(ON, 15, 40))

    pause_child(
        session,
        child_id=child.id,
        why=Why.AWAY,
        from_on=ON,
        until_on=ON,
        by=child.guardian_subject,
        now=at(ON, 15, 45),
        zone=ZONE,
    )

    assert leg_of(session, child, ON, "home").state == LegState.WANTED
