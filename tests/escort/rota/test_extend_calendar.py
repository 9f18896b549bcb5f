"""Legs for four weeks: derived again and again, and never over what a human has said."""

from datetime import date, time, timedelta

import pytest
from sqlmodel import Session, col, select

from escort.cases.models import CaseKind
from escort.cases.service import live_cases_about
from escort.errors import Conflict, NotFound, Refused
from escort.families.models import Consent, EscortPause
from escort.rota import legs
from escort.rota.models import Leg, LegState, Run, RunLeg, RunState, ShiftState
from escort.schools import service as schools
from escort.schools.models import CalendarKind
from tests.builders import NOW, ZONE, EscortedChild, a_child
from tests.cast import LIN, Cast, the_cast
from tests.escort.journeys.rides import a_ride, a_shift, tap
from tests.escort.rota.weeks import HOUR, MINUTE, TOMORROW, at, extend, leg_of, run_of, shifts_of, told

MAKE_UP_SUNDAY = date(2021, 4, 25)  # stands in for Tuesday 4 May
MAKE_UP_SATURDAY = date(2021, 5, 8)


def wanted(session: Session, child: EscortedChild) -> list[Leg]:
    return list(
        session.exec(
            select(Leg)
            .where(Leg.child_id == child.id, Leg.state == LegState.WANTED)
            .order_by(col(Leg.on), col(Leg.pickup_at))
            .execution_options(populate_existing=True)
        )
    )


def cancel(session: Session, leg: Leg, by: str = LIN) -> None:
    assert leg.id is not None
    legs.cancel_leg(session, leg_id=leg.id, by=by, reason="病了", now=NOW, zone=ZONE)


def test_legs_reach_four_weeks_ahead(session: Session) -> None:
    child = a_child(session)

    extend(session)

    days = sorted({leg.on for leg in wanted(session, child)})
    assert days[0] == TOMORROW  # today's are over
    assert days[-1] == date(2021, 4, 30)  # 5 weeks' Monday would be the 4th of May
    assert TOMORROW + legs.HORIZON - timedelta(days=2) >= days[-1]


def test_the_same_again_changes_nothing(session: Session) -> None:
    a_child(session)
    extend(session)

    assert extend(session) == legs.Extended()


def test_a_leg_is_met_before_the_bell_and_at_dismissal(session: Session) -> None:
    child = a_child(session)

    extend(session)

    morning, afternoon = leg_of(session, child), leg_of(session, child, direction="home")
    assert morning.due_at == at(TOMORROW, 8, 20)
    assert morning.pickup_at == morning.due_at - timedelta(minutes=morning.minutes) - timedelta(
        minutes=(morning.due_at - timedelta(minutes=morning.minutes)).minute % 5
    )
    assert afternoon.pickup_at == at(TOMORROW, 16)


def test_legs_of_a_make_up_sunday_follow_the_substituted_tuesday(session: Session) -> None:
    child = a_child(session, escorted="Tue both ways")

    extend(session)

    sunday = [leg for leg in wanted(session, child) if leg.on == MAKE_UP_SUNDAY]
    assert [leg.direction for leg in sunday] == ["to_school", "home"]
    assert {leg.timetable_weekday for leg in sunday} == {1}


def test_a_child_that_rides_on_other_weekdays_stays_at_home_on_the_make_up_sunday(session: Session) -> None:
    child = a_child(session, escorted="Mon both ways")

    extend(session)

    assert MAKE_UP_SUNDAY not in {leg.on for leg in wanted(session, child)}


def test_there_are_legs_on_the_make_up_saturday(session: Session) -> None:
    child = a_child(session)

    extend(session, at(date(2021, 4, 20), 18))

    assert MAKE_UP_SATURDAY in {leg.on for leg in wanted(session, child)}
    assert date(2021, 5, 4) not in {leg.on for leg in wanted(session, child)}  # the holiday


def test_an_early_day_moves_the_way_home(session: Session) -> None:
    child, on = a_child(session), date(2021, 6, 25)
    schools.add_days(
        session,
        kind=CalendarKind.EARLY_DAY,
        from_on=on,
        until_on=on,
        at=time(11, 30),
        scope=schools.Scope(),
        by=LIN,
        now=NOW,
    )

    extend(session, at(date(2021, 6, 10), 18))

    assert leg_of(session, child, on, "home").pickup_at == at(on, 11, 30)


def test_a_cancelled_leg_never_comes_back(session: Session) -> None:
    child = a_child(session)
    extend(session)
    cancel(session, leg_of(session, child))

    assert extend(session) == legs.Extended()
    assert leg_of(session, child).state == LegState.CANCELLED


def test_cancelling_twice_is_refused(session: Session) -> None:
    child = a_child(session)
    extend(session)
    cancel(session, leg_of(session, child))

    with pytest.raises(Conflict):
        cancel(session, leg_of(session, child))


def test_a_leg_that_is_over_cannot_be_cancelled(session: Session) -> None:
    child = a_child(session)
    extend(session)
    leg = leg_of(session, child)

    with pytest.raises(Refused):
        legs.cancel_leg(session, leg_id=leg.id or 0, by=LIN, reason="", now=leg.due_at, zone=ZONE)
    with pytest.raises(NotFound):
        legs.cancel_leg(session, leg_id=99999, by=LIN, reason="", now=NOW, zone=ZONE)


def test_a_cancellation_tells_the_driver_and_ends_the_run(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)

    cancel(session, ride.legs[0], by=cast.xiaoyu.guardian_subject)

    session.refresh(ride.run)
    assert ride.run.state == RunState.DISSOLVED
    assert [shift.state for shift in shifts_of(session, ride.run)] == [ShiftState.FREED]
    assert told(session, f"volunteer:{cast.wang.id}") == ["driver.family_cancelled"]


def test_a_cancellation_by_the_office_does_not_say_that_the_family_did_it(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)

    cancel(session, ride.legs[0], by=LIN)

    assert told(session, f"volunteer:{cast.wang.id}") == ["driver.stand_down"]


def test_a_child_fewer_leaves_the_driver_the_others_and_the_run_begins_later(session: Session) -> None:
    cast = the_cast(session)
    other = a_child(session, "小禾", school=cast.school)
    ride = a_ride(session, cast.xiaoyu, other, driver=cast.wang)
    second = ride.legs[1].pickup_at

    cancel(session, ride.legs[0])

    session.refresh(ride.run)
    assert (ride.run.state, ride.run.starts_at) == (RunState.LIVE, second)
    assert [shift.state for shift in shifts_of(session, ride.run)] == [ShiftState.CONFIRMED]
    assert told(session, f"volunteer:{cast.wang.id}") == ["driver.fewer_children"]


def test_a_restored_leg_is_wanted_again_and_belongs_to_the_series(session: Session) -> None:
    child = a_child(session)
    extend(session)
    cancel(session, leg_of(session, child))

    legs.restore_leg(session, leg_id=leg_of(session, child).id or 0, by=LIN, now=NOW)

    assert leg_of(session, child).state == LegState.WANTED
    assert not leg_of(session, child).by_hand
    with pytest.raises(Conflict):
        legs.restore_leg(session, leg_id=leg_of(session, child).id or 0, by=LIN, now=NOW)


def test_a_changed_day_is_left_alone_by_the_series(session: Session) -> None:
    child = a_child(session)
    extend(session)
    leg = leg_of(session, child)
    legs.change_leg(session, leg_id=leg.id or 0, by=LIN, now=NOW, zone=ZONE, pickup_at=leg.pickup_at + HOUR)
    changed = leg_of(session, child).pickup_at

    assert extend(session) == legs.Extended()
    assert leg_of(session, child).pickup_at == changed


def test_a_changed_place_is_measured_anew_and_ends_the_yes(session: Session) -> None:
    cast = the_cast(session)
    extend(session)
    ride = a_ride(session, a_child(session, "小禾", school=cast.school), driver=cast.wang)
    near = (cast.school.lat + 0.01, cast.school.lon)

    legs.change_leg(session, leg_id=ride.leg_id, by=LIN, now=NOW, zone=ZONE, place_name="外婆家", point=near)

    session.expire_all()
    leg = session.get_one(Leg, ride.leg_id)
    assert (leg.place_name, leg.lat) == ("外婆家", near[0])
    assert leg.km < 3
    assert leg.due_at - leg.pickup_at < 10 * MINUTE
    assert [shift.state for shift in shifts_of(session, ride.run)] == [ShiftState.FREED]
    assert (ride.run.km, ride.run.starts_at) == (leg.km, leg.pickup_at)


def test_a_yes_holds_for_ten_minutes_and_not_for_twenty_in_two_steps(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    assert ride.shift is not None
    ride.shift.shown_starts_at = ride.run.starts_at
    session.flush()

    def later_by(minutes: int) -> list[str]:
        leg = session.get_one(Leg, ride.leg_id)
        legs.change_leg(
            session,
            leg_id=ride.leg_id,
            by=LIN,
            now=NOW,
            zone=ZONE,
            pickup_at=leg.pickup_at + minutes * MINUTE,
        )
        session.expire_all()
        return [shift.state for shift in shifts_of(session, ride.run)]

    assert later_by(10) == [ShiftState.CONFIRMED]
    assert ride.run.starts_at == ride.legs[0].pickup_at
    assert later_by(10) == [ShiftState.FREED]
    assert ride.run.search_at is None  # he himself is asked first


@pytest.mark.parametrize("moved", [-24 * HOUR, 24 * HOUR, -12 * HOUR])
def test_a_day_is_not_changed_into_another_day_or_into_the_past(session: Session, moved: timedelta) -> None:
    child = a_child(session)
    extend(session)
    leg = leg_of(session, child)

    with pytest.raises(Refused):
        legs.change_leg(
            session,
            leg_id=leg.id or 0,
            by=LIN,
            now=at(TOMORROW, 0),
            zone=ZONE,
            pickup_at=leg.pickup_at + moved,
        )


def test_a_bell_five_minutes_later_keeps_every_yes(session: Session) -> None:
    cast = the_cast(session)
    extend(session)
    leg = leg_of(session, cast.xiaoyu)
    ride = _carried(session, cast, leg)
    cast.school.bell = time(8, 35)
    session.flush()

    changed = extend(session)

    assert changed.retimed > 0
    assert leg_of(session, cast.xiaoyu).due_at == at(TOMORROW, 8, 25)
    assert run_of(session, leg).starts_at == leg_of(session, cast.xiaoyu).pickup_at
    assert [shift.state for shift in shifts_of(session, ride)] == [ShiftState.CONFIRMED]
    assert extend(session) == legs.Extended()


def test_a_bell_an_hour_later_asks_afresh(session: Session) -> None:
    cast = the_cast(session)
    extend(session)
    leg = leg_of(session, cast.xiaoyu)
    ride = _carried(session, cast, leg)
    cast.school.bell = time(9, 30)
    session.flush()

    extend(session)

    assert [shift.state for shift in shifts_of(session, ride)] == [ShiftState.FREED]
    assert told(session, f"volunteer:{cast.wang.id}") == []  # one message, with both times, follows


def test_a_pause_withdraws_legs_and_its_end_brings_them_back(session: Session) -> None:
    cast = the_cast(session)
    extend(session)
    leg = leg_of(session, cast.xiaoyu)
    _carried(session, cast, leg)
    pause = EscortPause(
        escort_id=cast.xiaoyu.escort.id or 0,
        from_on=TOMORROW,
        until_on=TOMORROW,
        created_at=NOW,
        created_by=LIN,
    )
    session.add(pause)
    session.flush()

    extend(session)

    assert leg_of(session, cast.xiaoyu).state == LegState.WITHDRAWN
    assert told(session, f"volunteer:{cast.wang.id}") == ["driver.stand_down"]
    session.delete(pause)
    session.flush()
    assert extend(session).revived == 2
    assert leg_of(session, cast.xiaoyu).state == LegState.WANTED


def test_withdrawn_consent_ends_even_a_day_that_was_changed_by_hand(session: Session) -> None:
    child = a_child(session)
    extend(session)
    leg = leg_of(session, child)
    legs.change_leg(session, leg_id=leg.id or 0, by=LIN, now=NOW, zone=ZONE, pickup_at=leg.pickup_at + HOUR)
    consent = session.exec(select(Consent).where(Consent.child_id == child.id)).one()
    consent.withdrawn_at = NOW
    session.flush()

    extend(session)

    assert wanted(session, child) == []


def test_a_closure_withdraws_the_day_and_tells_its_driver(session: Session) -> None:
    cast = the_cast(session)
    extend(session)
    _carried(session, cast, leg_of(session, cast.xiaoyu))
    schools.add_days(
        session,
        kind=CalendarKind.CLOSURE,
        from_on=TOMORROW,
        until_on=TOMORROW,
        scope=schools.Scope(cast.school.id),
        by=LIN,
        now=NOW,
    )

    extend(session)

    assert leg_of(session, cast.xiaoyu).state == LegState.WITHDRAWN
    assert told(session, f"volunteer:{cast.wang.id}") == ["driver.stand_down"]


def test_what_has_begun_is_left_alone(session: Session) -> None:
    child = a_child(session)
    extend(session)
    leg = leg_of(session, child)
    schools.add_days(
        session,
        kind=CalendarKind.CLOSURE,
        from_on=TOMORROW,
        until_on=TOMORROW,
        scope=schools.Scope(child.school.id),
        by=LIN,
        now=NOW,
    )

    extend(session, leg.pickup_at + MINUTE)

    assert leg_of(session, child).state == LegState.WANTED  # the child is in the car
    assert leg_of(session, child, direction="home").state == LegState.WITHDRAWN


def test_a_day_without_its_legs_is_missed(session: Session) -> None:
    a_child(session)

    assert legs.missing_on(session, on=TOMORROW, zone=ZONE, now=NOW) == 2
    extend(session)
    assert legs.missing_on(session, on=TOMORROW, zone=ZONE, now=NOW) == 0


def _carried(session: Session, cast: Cast, leg: Leg) -> Run:
    """The leg's own run, which 王师傅 has promised."""
    run = Run(
        school_id=leg.school_id,
        on=leg.on,
        direction=leg.direction,
        starts_at=leg.pickup_at,
        ends_at=leg.due_at,
        published_at=NOW,
    )
    session.add(run)
    session.flush()
    session.add(RunLeg(run_id=run.id or 0, leg_id=leg.id or 0, position=0))
    a_shift(session, run, cast.wang, confirmed_at=NOW).shown_starts_at = run.starts_at
    session.flush()
    return run


def test_once_the_child_is_aboard_no_click_takes_the_ride_away(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    tap(session, ride, "on_board", at=ride.starts_at - 5 * MINUTE)
    now = ride.starts_at - 4 * MINUTE
    schools.add_days(
        session,
        kind=CalendarKind.CLOSURE,
        from_on=TOMORROW,
        until_on=TOMORROW,
        scope=schools.Scope(cast.xiaoyu.school.id),
        by=LIN,
        now=NOW,
    )

    extend(session, now)
    with pytest.raises(Refused, match="已经在车上"):
        legs.cancel_leg(session, leg_id=ride.leg_id, by=LIN, reason="", now=now, zone=ZONE)

    session.refresh(ride.legs[0])
    assert ride.legs[0].state == LegState.WANTED
    assert [shift.state for shift in shifts_of(session, ride.run)] == [ShiftState.CONFIRMED]
    (case,) = live_cases_about(session, [f"leg:{ride.leg_id}"])
    assert case.kind == CaseKind.TROUBLE_ON_ROAD
