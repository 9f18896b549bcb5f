"""Silence about a leg becomes a case while there is still time to do something."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import event
from sqlmodel import Session, select

from escort.cases.models import Case, CaseState
from escort.cases.service import close
from escort.journeys.taps import undo_tap
from escort.journeys.watch import next_due_at, sweep_watch
from escort.rota import release
from escort.rota.models import Ask, AskKind, AskState, LegState, Offer, Run, RunState, ShiftState
from notifications.models import Message
from tests.builders import NOW, ZONE, a_child, a_volunteer
from tests.cast import LIN, Cast, the_cast
from tests.escort.journeys.rides import MINUTE, TOMORROW, Ride, a_leg, a_ride, a_shift, local, tap

T = local(TOMORROW, 7, 45)
DUTY = "199 0000 0001"


def links(session: Session, subjects: Sequence[str]) -> Mapping[str, str]:
    return {subject: f"https://dj/{subject}" for subject in subjects}


def sweep(session: Session, now: datetime) -> None:
    sweep_watch(session, now=now, zone=ZONE, duty_phone=DUTY, links=links)


def run_until(session: Session, until: datetime, *, since: datetime = NOW) -> None:
    """Step through every due instant, as the demonstration's clock does."""
    sweep(session, since)
    last = since
    while (due := next_due_at(session, last, ZONE)) is not None and due <= until:
        last = max(due, last)
        sweep(session, last)


def live(session: Session) -> list[tuple[str, str, bool]]:
    rows = session.exec(select(Case).where(Case.state != CaseState.CLOSED).order_by(Case.id))  # type: ignore[arg-type]
    return [(case.kind, case.about, case.is_urgent) for case in rows]


def texts(session: Session, party: str) -> list[str]:
    return [row.text for row in session.exec(select(Message).where(Message.party == party))]


def an_ask(session: Session, cast: Cast, ride: Ride, *, deadline_at: datetime) -> Offer:
    assert cast.chen.id is not None
    ask = Ask(
        volunteer_id=cast.chen.id,
        kind=AskKind.STAND_IN,
        week_on=date(2021, 4, 5),
        asked_at=NOW,
        deadline_at=deadline_at,
    )
    session.add(ask)
    session.flush()
    offer = Offer(
        ask_id=ask.id or 0,
        volunteer_id=cast.chen.id,
        run_id=ride.run_id,
        on=ride.run.on,
        direction=ride.run.direction,
    )
    session.add(offer)
    session.flush()
    return offer


def test_a_driver_who_taps_in_time_makes_no_case(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    run_until(session, T - 20 * MINUTE)
    for minutes, step in [(-15, "started"), (0, "on_board"), (25, "delivered")]:
        tap(session, ride, step, at=T + minutes * MINUTE)
        run_until(session, T + (minutes + 1) * MINUTE, since=T + minutes * MINUTE)

    run_until(session, T + timedelta(hours=3), since=T + 30 * MINUTE)

    assert session.exec(select(Case)).all() == []
    assert texts(session, f"volunteer:{cast.wang.id}") == []


def test_first_the_driver_himself_is_asked_five_minutes_later_it_is_a_case(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    wang = f"volunteer:{cast.wang.id}"

    run_until(session, T - 13 * MINUTE)
    assert texts(session, wang) == []
    run_until(session, T - 11 * MINUTE, since=T - 13 * MINUTE)
    assert texts(session, wang) == [
        f"【杜鹃鸟】07:45上学这趟该出发了。已出发请停稳后点“出发”，去不了请马上打{DUTY}。"
        f"https://dj/{wang}/run/{ride.run_id}"
    ]
    assert live(session) == []
    run_until(session, T - 6 * MINUTE, since=T - 11 * MINUTE)

    assert live(session) == [("not_departed", f"shift:{ride.shift_id}", True)]
    assert len(texts(session, wang)) == 1


def test_the_approach_of_the_driver_is_counted(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.stranger)  # lives some 20 km away: 53 minutes

    run_until(session, T - 60 * MINUTE)
    assert len(texts(session, f"volunteer:{cast.stranger.id}")) == 1
    run_until(session, T - 50 * MINUTE, since=T - 60 * MINUTE)

    assert live(session) == [("not_departed", f"shift:{ride.shift_id}", True)]


def test_a_late_start_closes_the_case_in_the_drivers_name(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    run_until(session, T - 5 * MINUTE)
    assert len(live(session)) == 1

    tap(session, ride, "started", at=T - 4 * MINUTE)

    [case] = session.exec(select(Case)).all()
    session.refresh(case)
    assert (case.state, case.closed_by) == (CaseState.CLOSED, f"volunteer:{cast.wang.id}")


def test_a_child_not_aboard_five_minutes_after_t_is_a_case_instead_of_the_departure(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)

    run_until(session, T + 4 * MINUTE)
    assert [kind for kind, _, _ in live(session)] == ["not_departed"]
    run_until(session, T + 5 * MINUTE, since=T + 4 * MINUTE)

    assert live(session) == [("not_aboard", f"leg:{ride.leg_id}", True)]


def test_a_child_not_delivered_ten_minutes_late_is_a_case(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    tap(session, ride, "on_board", at=T)

    run_until(session, T + 39 * MINUTE)
    assert live(session) == []
    run_until(session, T + 40 * MINUTE, since=T + 39 * MINUTE)

    assert live(session) == [("not_delivered", f"leg:{ride.leg_id}", True)]


def test_each_child_of_a_car_is_watched_by_itself(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, a_child(session, "石头"), driver=cast.wang, at=T)
    tap(session, ride, "on_board", at=T, leg=0)

    run_until(session, T + 7 * MINUTE)

    assert live(session) == [("not_aboard", f"leg:{ride.legs[1].id}", True)]


def test_a_case_closed_by_a_human_is_not_opened_again_for_the_same_cause(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    run_until(session, T + 5 * MINUTE)
    [case_id] = [case.id for case in session.exec(select(Case)) if case.kind == "not_aboard"]
    close(session, case_id=case_id or 0, by=LIN, reason="家里自己送了", now=T + 8 * MINUTE)

    tap(session, ride, "started", at=T + 9 * MINUTE)
    ride.run.starts_at += MINUTE  # whatever lets the watch look again
    session.flush()
    run_until(session, T + 20 * MINUTE, since=T + 9 * MINUTE)

    assert live(session) == []


def test_at_its_time_a_child_without_a_driver_is_a_case_again_whatever_was_closed_before(
    session: Session,
) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, direction="home")
    t = local(TOMORROW, 16)
    run_until(session, t - timedelta(minutes=30))
    [case_id] = [case.id for case in session.exec(select(Case))]
    close(session, case_id=case_id or 0, by=LIN, reason="知道了", now=t - timedelta(minutes=20))

    run_until(session, t - timedelta(minutes=1), since=t - timedelta(minutes=20))
    assert live(session) == []
    run_until(session, t, since=t - timedelta(minutes=1))

    assert live(session) == [("no_driver", f"run:{ride.run_id}", True)]


def test_without_a_driver_a_day_ahead_is_on_the_board_and_from_the_evening_urgent(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, direction="home")
    about = f"run:{ride.run_id}"
    t = local(TOMORROW, 16)

    run_until(session, t - timedelta(hours=24, minutes=1), since=NOW - timedelta(hours=3))
    assert live(session) == []
    run_until(session, NOW)
    assert live(session) == [("no_driver", about, False)]
    run_until(session, local(NOW.date(), 20))

    assert live(session) == [("no_driver", about, True)]


def test_while_somebody_may_still_answer_it_is_not_urgent(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, direction="home")
    an_ask(session, cast, ride, deadline_at=local(TOMORROW, 10))

    run_until(session, local(TOMORROW, 9, 59))
    assert live(session) == []
    run_until(session, local(TOMORROW, 10), since=local(TOMORROW, 9, 59))

    assert live(session) == [("no_answer", f"run:{ride.run_id}", True)]


def test_a_morning_without_a_yes_at_nine_in_the_evening_is_urgent_even_so(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu)
    an_ask(session, cast, ride, deadline_at=local(TOMORROW, 7))

    run_until(session, local(NOW.date(), 20, 59))
    assert live(session) == []
    run_until(session, local(NOW.date(), 21), since=local(NOW.date(), 20, 59))

    assert live(session) == [("no_answer", f"run:{ride.run_id}", True)]


def test_a_yes_closes_the_case_in_the_volunteers_name(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu)
    run_until(session, local(NOW.date(), 20))
    a_shift(session, ride.run, cast.chen, confirmed_at=local(NOW.date(), 20, 10))

    run_until(session, local(NOW.date(), 20, 10), since=local(NOW.date(), 20, 10))

    [case] = session.exec(select(Case)).all()
    session.refresh(case)
    assert (case.state, case.closed_by, case.close_reason) == (
        CaseState.CLOSED,
        f"volunteer:{cast.chen.id}",
        "答应去了",
    )


def test_a_lost_driver_is_a_case_at_once_on_the_day(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    run_until(session, T - 40 * MINUTE)
    assert ride.shift is not None
    ride.shift.state = ShiftState.FREED
    session.flush()

    sweep(session, T - 39 * MINUTE)

    assert live(session) == [("no_driver", f"run:{ride.run_id}", True)]


def test_a_new_yes_gets_five_minutes_before_he_is_asked_where_he_is(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu)
    run_until(session, T - 8 * MINUTE)
    a_shift(session, ride.run, cast.chen, confirmed_at=T - 8 * MINUTE)

    run_until(session, T - 4 * MINUTE, since=T - 8 * MINUTE)
    assert texts(session, f"volunteer:{cast.chen.id}") == []
    run_until(session, T - 3 * MINUTE, since=T - 4 * MINUTE)

    assert len(texts(session, f"volunteer:{cast.chen.id}")) == 1


def test_twenty_minutes_before_t_the_family_is_told_the_truth(session: Session) -> None:
    cast = the_cast(session)
    a_ride(session, cast.xiaoyu)
    family = cast.xiaoyu.guardian_subject

    run_until(session, T - 21 * MINUTE)
    assert texts(session, family) == []
    run_until(session, T - 20 * MINUTE, since=T - 21 * MINUTE)
    run_until(session, T + 30 * MINUTE, since=T - 20 * MINUTE)

    assert texts(session, family) == [
        f"【杜鹃鸟】很抱歉，杨同学今天早上7点45没有找到人来接。先别让孩子在外面等，值班老师会联系您，也可以打{DUTY}。"
    ]


def test_a_cancelled_leg_closes_its_case(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    run_until(session, T + 5 * MINUTE)
    ride.legs[0].state = LegState.CANCELLED
    ride.legs[0].cancelled_by = cast.xiaoyu.guardian_subject
    session.flush()

    sweep(session, T + 6 * MINUTE)

    cases = session.exec(select(Case).where(Case.kind == "not_aboard")).all()
    assert [(case.state, case.closed_by) for case in cases] == [
        (CaseState.CLOSED, cast.xiaoyu.guardian_subject)
    ]


def test_a_dissolved_run_is_watched_no_more(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu)
    run_until(session, local(NOW.date(), 20))
    assert len(live(session)) == 1
    ride.run.state = RunState.DISSOLVED
    ride.legs[0].state = LegState.CANCELLED
    session.flush()

    run_until(session, T + timedelta(hours=1), since=local(NOW.date(), 20))

    assert live(session) == []


def test_when_the_last_child_is_cancelled_underway_the_rest_is_served(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, a_child(session, "石头"), driver=cast.wang, at=T)
    tap(session, ride, "delivered", at=T + 20 * MINUTE, leg=0)
    ride.legs[1].state = LegState.CANCELLED
    session.flush()

    run_until(session, T + timedelta(hours=2), since=T + 20 * MINUTE)

    assert ride.shift is not None
    session.refresh(ride.shift)
    assert ride.shift.state == ShiftState.SERVED


def test_what_is_proved_unfillable_is_one_case_a_day_until_the_day_before(session: Session) -> None:
    cast = the_cast(session)
    on = TOMORROW + timedelta(days=2)
    rides = [
        a_ride(session, a_child(session, f"孩子{n}", school=cast.school), on=on, direction=direction)
        for n in range(3)
        for direction in ("to_school", "home")
    ]
    for ride in rides:
        ride.run.is_proved_unfillable = True
    session.flush()
    about = f"date:{on}"

    sweep(session, NOW)
    assert live(session) == [("unfillable", about, False)]
    assert session.exec(select(Case.sentence)).all() == ["4月9日有6段，按现在的条件没有人开得了"]
    run_until(session, local(on, 7, 45) - timedelta(hours=23))

    mornings = [
        ("no_driver", f"run:{ride.run_id}", False) for ride in rides if ride.run.direction == "to_school"
    ]
    assert sorted(live(session)) == sorted([("unfillable", about, False), *mornings])
    run_until(session, local(on, 16) - timedelta(hours=16), since=local(on, 7, 45) - timedelta(hours=23))

    assert {kind for kind, _, _ in live(session)} == {"no_driver"}


def test_legs_that_nobody_planned_or_published_are_one_case_for_tomorrow(session: Session) -> None:
    cast = the_cast(session)
    a_leg(session, cast.xiaoyu)
    draft = a_ride(
        session, a_child(session, "石头"), driver=cast.wang, shift_state="draft", is_published=False
    )
    about = f"date:{TOMORROW}"

    sweep(session, NOW)
    assert live(session) == [("no_driver", about, False)]
    run_until(session, local(NOW.date(), 20))
    assert live(session) == [("no_driver", about, True)]

    now = local(NOW.date(), 20, 2)
    draft.run.published_at = now
    leg = session.exec(select(Run)).one()
    assert leg.id == draft.run_id
    run_until(session, now + 30 * MINUTE, since=now)

    assert session.exec(select(Case.sentence).where(Case.about == about)).all() == [
        "4月7日有1段还没排，或排了还没公布"
    ]


def test_looking_twice_at_the_same_moment_changes_nothing(session: Session) -> None:
    cast = the_cast(session)
    a_ride(session, cast.xiaoyu)
    sweep(session, T - 15 * MINUTE)
    before = (live(session), len(session.exec(select(Message)).all()))

    sweep(session, T - 15 * MINUTE)

    assert (live(session), len(session.exec(select(Message)).all())) == before


def test_a_look_at_many_runs_costs_few_queries(session: Session) -> None:
    cast = the_cast(session)
    for n in range(12):
        child = a_child(session, f"孩子{n}", school=cast.school)
        a_ride(session, child, driver=a_volunteer(session, f"司机{n}"))
    sweep(session, NOW)
    statements: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *args: statements.append(args[2]))

    sweep(session, NOW + MINUTE)

    assert len(statements) <= 10


def test_next_due_is_a_look_in_the_future(session: Session) -> None:
    cast = the_cast(session)
    a_ride(session, cast.xiaoyu, driver=cast.wang)

    sweep(session, NOW)

    due = next_due_at(session, NOW, ZONE)
    assert due is not None
    assert NOW < due <= T


def test_an_answered_ask_counts_among_those_asked(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu)
    offer = an_ask(session, cast, ride, deadline_at=NOW + 5 * MINUTE)
    offer.state = "declined"
    ask = session.get_one(Ask, offer.ask_id)
    ask.state = AskState.ANSWERED
    session.flush()

    sweep(session, NOW)

    assert session.exec(select(Case.sentence)).all() == ["小雨4月7日07:45上学问了1人，还没有人答应"]


def test_a_leg_that_loses_its_car_at_the_last_moment_is_seen_at_once(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    lost_at = T - 40 * MINUTE
    run_until(session, lost_at)
    release.take_legs_out(session, leg_ids=[ride.leg_id], reason="changed", by=LIN, now=lost_at, zone=ZONE)

    sweep(session, lost_at + timedelta(seconds=1))

    assert live(session) == [("no_driver", f"date:{TOMORROW}", True)]


def test_a_leg_that_was_moved_into_the_past_without_a_car_is_seen(session: Session) -> None:
    cast = the_cast(session)
    a_ride(session, cast.xiaoyu, driver=cast.wang)
    run_until(session, T - 3 * 60 * MINUTE)

    a_leg(session, cast.xiaoyu, direction="home", at=T - 4 * 60 * MINUTE)
    sweep(session, T - 3 * 60 * MINUTE)

    assert ("no_driver", f"date:{TOMORROW}", True) in live(session)


def test_a_child_in_the_car_of_somebody_who_is_not_the_driver_any_more_is_a_case_at_once(
    session: Session,
) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    tap(session, ride, "on_board", at=T)
    sweep(session, T)
    assert ride.shift is not None
    ride.shift.state = ShiftState.FREED
    session.flush()

    sweep(session, T + MINUTE)
    trouble = ("trouble_on_road", f"leg:{ride.leg_id}", True)
    assert live(session) == [trouble]
    run_until(session, T + 41 * MINUTE, since=T + MINUTE)

    assert live(session) == [trouble, ("not_delivered", f"leg:{ride.leg_id}", True)]


def test_a_tap_that_is_taken_back_opens_its_case_again(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    tap(session, ride, "on_board", at=T)
    run_until(session, T + 41 * MINUTE)
    late = [("not_delivered", f"leg:{ride.leg_id}", True)]
    assert live(session) == late
    tapped_at = T + 42 * MINUTE
    tap(session, ride, "delivered", at=tapped_at, uuid="a slip of the thumb")
    sweep(session, tapped_at)
    assert live(session) == []

    assert undo_tap(session, uuid="a slip of the thumb", by=f"volunteer:{cast.wang.id}", now=tapped_at)
    assert next_due_at(session, tapped_at, ZONE) == tapped_at
    sweep(session, tapped_at)

    assert live(session) == late
