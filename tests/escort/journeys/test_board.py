"""What today's board says."""

from datetime import date, timedelta

from sqlmodel import Session

from escort.access.models import Account
from escort.cases.models import Case, CaseKind, CaseState, Duty
from escort.db import Store
from escort.journeys.board import Action, Board, board
from escort.journeys.models import Step, Tap
from escort.rota.models import Direction, Leg, LegState, ShiftState
from notifications.models import HandKind, HandTask
from notifications.outbox import enqueue
from notifications.wording import Wording
from tests.builders import NOW, ZONE, a_volunteer
from tests.cast import the_cast
from tests.escort.web.coordinator.days import a_full_day, a_leg, a_run, a_shift, an_open_offer, at
from tests.queries import count_queries

TODAY = date(2021, 4, 7)  # a Wednesday in term


def the_board(session: Session, clock: str) -> Board:
    return board(session, now=at(TODAY, clock), zone=ZONE)


def tap(session: Session, leg: Leg, step: Step, clock: str, by: str = "volunteer:1") -> None:
    moment = at(TODAY, clock)
    session.add(
        Tap(
            uuid=f"{leg.id}-{step}", leg_id=leg.id or 0, step=step, by=by, tapped_at=moment, arrived_at=moment
        )
    )
    session.flush()


def a_case(session: Session, kind: CaseKind, about: str, *, needed: str, urgent: bool = True) -> Case:
    case = Case(
        kind=kind,
        about=about,
        is_urgent=urgent,
        needed_by=at(TODAY, needed),
        sentence="王师傅还没有出发。",
        opened_at=at(TODAY, "06:00"),
        next_step_at=at(TODAY, "08:00"),
    )
    session.add(case)
    session.flush()
    return case


def test_every_leg_of_the_day_is_counted_once(session: Session) -> None:
    cast = the_cast(session)
    morning = a_leg(session, cast.xiaoyu, on=TODAY)
    a_leg(session, cast.xiaoyu, on=TODAY, direction=Direction.HOME)
    a_shift(session, a_run(session, morning), cast.wang.id)

    shown = the_board(session, "06:00")

    assert shown.today.by_code == {"confirmed": 1, "unassigned": 1}
    assert (shown.today.legs, shown.today.children, shown.today.cars) == (2, 1, 1)


def test_a_leg_without_a_driver_is_asked_while_somebody_has_an_open_offer(session: Session) -> None:
    cast = the_cast(session)
    run = a_run(session, a_leg(session, cast.xiaoyu, on=TODAY))
    an_open_offer(session, run, cast.chen.id)

    assert the_board(session, "06:00").today.by_code == {"asked": 1}


def test_a_proposal_that_nobody_has_seen_is_not_a_driver(session: Session) -> None:
    cast = the_cast(session)
    run = a_run(session, a_leg(session, cast.xiaoyu, on=TODAY))
    a_shift(session, run, cast.wang.id, ShiftState.DRAFT)

    shown = the_board(session, "06:00").today

    assert shown.by_code == {"draft": 1}
    assert shown.not_safe == 1


def test_a_cancelled_leg_rides_with_nobody(session: Session) -> None:
    cast = the_cast(session)
    leg = a_leg(session, cast.xiaoyu, on=TODAY)
    leg.state = LegState.CANCELLED
    session.flush()

    assert the_board(session, "06:00").today.by_code == {"no_ride": 1}


def test_silence_after_the_time_and_its_grace_is_late(session: Session) -> None:
    cast = the_cast(session)
    a_shift(session, a_run(session, a_leg(session, cast.xiaoyu, on=TODAY, pickup="07:40")), cast.wang.id)

    assert the_board(session, "07:44").today.by_code == {"confirmed": 1}
    shown = the_board(session, "07:49")

    assert shown.today.by_code == {"late": 1}
    assert [(line.driver, line.minutes_late) for line in shown.on_the_road] == [("王师傅", 9)]


def test_a_silent_leg_whose_case_a_human_closed_is_settled_and_never_delivered(session: Session) -> None:
    cast = the_cast(session)
    leg = a_leg(session, cast.xiaoyu, on=TODAY)
    a_shift(session, a_run(session, leg), cast.wang.id)
    case = a_case(session, CaseKind.NOT_ABOARD, f"leg:{leg.id}", needed="07:40")
    case.state, case.closed_at, case.closed_by = CaseState.CLOSED, at(TODAY, "08:00"), "account:1"
    session.flush()

    assert the_board(session, "08:30").today.by_code == {"settled": 1}


def test_the_gate_ends_the_way_to_school_and_begins_the_way_home(session: Session) -> None:
    cast = the_cast(session)
    there = a_leg(session, cast.xiaoyu, on=TODAY)
    back = a_leg(session, cast.xiaoyu, on=TODAY, direction=Direction.HOME)
    a_shift(session, a_run(session, there), cast.wang.id)
    a_shift(session, a_run(session, back), cast.chen.id)
    tap(session, there, Step.HANDED_OVER, "08:15", by="gate:1")
    tap(session, back, Step.HANDED_OVER, "16:01", by="gate:1")

    assert the_board(session, "16:05").today.by_code == {"delivered": 1, "on_board": 1}


def test_the_queue_is_sorted_by_minutes_left_and_the_verdict_counts_it(session: Session) -> None:
    cast = the_cast(session)
    leg = a_leg(session, cast.xiaoyu, on=TODAY)
    a_shift(session, a_run(session, leg), cast.wang.id)
    a_case(session, CaseKind.TO_CONFIRM, "day:2021-04-25", needed="18:00", urgent=False)
    a_case(session, CaseKind.NOT_DEPARTED, f"leg:{leg.id}", needed="07:40")

    shown = the_board(session, "07:30")

    assert [(line.kind, line.children, line.driver) for line in shown.queue] == [
        ("not_departed", ("小雨",), "王师傅"),
        ("to_confirm", (), ""),
    ]
    assert (shown.urgent, shown.due_today, shown.later) == (1, 1, 0)


def test_once_the_time_is_over_the_row_says_to_ring_the_family(session: Session) -> None:
    cast = the_cast(session)
    leg = a_leg(session, cast.xiaoyu, on=TODAY)
    run = a_run(session, leg)
    a_case(session, CaseKind.NO_DRIVER, f"run:{run.id}", needed="07:40")

    late = the_board(session, "09:30").queue[0]

    assert (late.action, late.second, late.child_id) == (Action.CALL_FAMILY, None, cast.xiaoyu.id)


def test_a_row_recommends_one_action_and_a_second_choice(session: Session) -> None:
    cast = the_cast(session)
    leg = a_leg(session, cast.xiaoyu, on=TODAY)
    run = a_run(session, leg)
    a_case(session, CaseKind.NO_DRIVER, f"run:{run.id}", needed="07:40")
    without = the_board(session, "07:00").queue[0]

    a_shift(session, run, cast.wang.id)
    a_case(session, CaseKind.NOT_DEPARTED, f"leg:{leg.id}", needed="07:40")
    with_driver = the_board(session, "07:00").queue[0]

    assert (without.action, without.second, without.run_id) == (Action.FIND_DRIVER, None, run.id)
    assert (with_driver.action, with_driver.second) == (Action.CALL_DRIVER, Action.FIND_DRIVER)


def test_a_case_about_a_shift_that_has_ended_still_names_its_children(session: Session) -> None:
    cast = the_cast(session)
    run = a_run(session, a_leg(session, cast.xiaoyu, on=TODAY + timedelta(days=9)))
    freed = a_shift(session, run, cast.wang.id, ShiftState.FREED)
    a_shift(session, run, cast.chen.id)
    a_case(session, CaseKind.TROUBLE_ON_ROAD, f"shift:{freed.id}", needed="07:40")

    line = the_board(session, "07:00").queue[0]

    assert (line.children, line.driver, line.run_id) == (("小雨",), "陈姐", run.id)


def test_a_row_says_who_took_it(session: Session) -> None:
    session.add(
        Account(
            id=1,
            login="lin",
            name="林老师",
            role="coordinator",
            password_hash="x",
            created_at=at(TODAY, "00:00"),
        )
    )
    session.flush()
    case = a_case(session, CaseKind.STUCK_WORK, "message:1", needed="09:00")
    case.state, case.acknowledged_by, case.acknowledged_at = "acknowledged", "account:1", at(TODAY, "06:05")
    session.flush()

    line = the_board(session, "06:30").queue[0]

    assert (line.taken_by, line.taken_at) == ("林老师", at(TODAY, "06:05"))
    case.state = "open"  # the taking lapses
    session.flush()
    line = the_board(session, "07:30").queue[0]
    assert (line.taken_by, line.lapsed_from) == (None, "林老师")


def test_a_ride_that_nobody_was_found_for_is_set_apart_once_it_is_long_past(session: Session) -> None:
    a_case(session, CaseKind.NO_DRIVER, "run:1", needed="07:40")
    a_case(session, CaseKind.NOT_DELIVERED, "leg:2", needed="07:40")

    before, after = the_board(session, "09:39").queue, the_board(session, "09:40").queue

    assert [line.is_long_past for line in before] == [False, False]
    assert {line.kind: line.is_long_past for line in after} == {"no_driver": True, "not_delivered": False}


def test_the_evening_board_also_shows_tomorrow(session: Session) -> None:
    cast = the_cast(session)
    a_leg(session, cast.xiaoyu, on=TODAY + timedelta(days=1))

    before, after = the_board(session, "17:59"), the_board(session, "18:00")

    assert before.tomorrow is None
    assert after.tomorrow is not None
    assert after.tomorrow.by_code == {"unassigned": 1}
    assert after.next_look_at == at(TODAY + timedelta(days=1), "07:40")


def test_what_a_human_must_tell_names_whom(session: Session) -> None:
    cast = the_cast(session)
    session.add(
        Account(id=1, login="lin", name="林老师", role="coordinator", password_hash="x", created_at=NOW)
    )
    names = {
        cast.xiaoyu.guardian_subject: "小雨的外婆",
        f"volunteer:{cast.wang.id}": "王师傅",
        "account:1": "林老师",
    }
    for party in names:
        message = enqueue(
            session,
            to=party,
            wording=Wording("who_comes", {}, f"给{party}"),
            about="leg:1",
            dedup_key=party,
            now=NOW,
        )
        assert message is not None
        session.add(HandTask(message_id=message.id or 0, kind=HandKind.CALL, created_at=NOW))
    session.flush()

    lines = the_board(session, "17:30").by_hand

    assert {line.who: (line.kind, line.text) for line in lines} == {
        name: ("call", f"给{party}") for party, name in names.items()
    }


def test_the_board_names_who_is_on_duty_and_who_follows(session: Session) -> None:
    for number, name in ((1, "林老师"), (2, "吴岚")):
        session.add(
            Account(
                id=number,
                login=name,
                name=name,
                role="coordinator",
                password_hash="x",
                created_at=at(TODAY, "00:00"),
            )
        )
    session.flush()
    session.add_all([Duty(account_id=1), Duty(account_id=2, weekday=TODAY.weekday(), from_minute=18 * 60)])
    session.flush()

    noon, night = the_board(session, "12:00"), the_board(session, "19:00")

    assert (noon.on_duty, noon.next_on_duty, f"{noon.next_duty_at:%H:%M}") == ("林老师", "吴岚", "18:00")
    assert (night.on_duty, night.next_on_duty) == ("吴岚", None)


def test_a_full_day_costs_at_most_ten_queries(store: Store) -> None:
    with store.write() as session:
        a_full_day(session, TODAY, children=60)
        a_case(session, CaseKind.NO_DRIVER, "run:1", needed="07:40")
        a_volunteer(session)

    with store.read() as session, count_queries(store.engine) as counted:
        shown = board(session, now=at(TODAY, "18:30"), zone=ZONE)

    assert shown.today.legs == 120
    assert len(counted) <= 8
