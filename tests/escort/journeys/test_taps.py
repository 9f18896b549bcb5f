"""Taps of drivers, guards and families: once each, by whoever may, in an order that can have happened."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlmodel import Session, select

from escort.cases.models import Case, CaseKind, CaseState
from escort.cases.service import open_case
from escort.db import Store
from escort.errors import NotFound
from escort.journeys.models import Tap
from escort.journeys.progress import Rank, leg_progress
from escort.journeys.taps import TapIn, TapOutcome, record_taps, undo_tap
from escort.rota.models import LegState, Service, Shift, ShiftState
from tests.builders import a_child, a_school, a_volunteer
from tests.cast import the_cast
from tests.escort.journeys.rides import MINUTE, TOMORROW, a_ride, a_shift, local, tap

T = local(TOMORROW, 7, 45)
WANG_GOES = ("started", "at_pickup", "on_board", "delivered")


def test_four_taps_bring_a_child_to_school(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)

    results = [tap(session, ride, step, at=T + n * MINUTE) for n, step in enumerate(WANG_GOES)]

    assert [result.outcome for result in results] == [TapOutcome.RECORDED] * 4
    progress = leg_progress(session, [ride.leg_id])[ride.leg_id]
    assert progress.started_at == T
    assert progress.delivered_at == progress.finished_at == T + 3 * MINUTE
    assert progress.status == "delivered"


def test_when_all_are_delivered_the_shift_is_served_and_the_turns_are_counted(session: Session) -> None:
    cast = the_cast(session)
    other = a_child(session, "石头")
    ride = a_ride(session, cast.xiaoyu, other, driver=cast.wang)

    tap(session, ride, "delivered", at=T, leg=0)
    session.refresh(ride.shift)
    assert ride.shift is not None
    assert ride.shift.state == ShiftState.CONFIRMED
    tap(session, ride, "delivered", at=T, leg=1)

    session.refresh(ride.shift)
    assert ride.shift.state == ShiftState.SERVED
    assert ride.shift.ended_at == T
    served = session.exec(select(Service)).all()
    assert {(row.child_id, row.volunteer_id) for row in served} == {
        (cast.xiaoyu.id, cast.wang.id),
        (other.id, cast.wang.id),
    }


def test_the_same_tap_sent_twice_is_one_tap(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)

    first = tap(session, ride, "started", at=T, uuid="a1")
    again = tap(session, ride, "started", at=T, uuid="a1", arrived_at=T + MINUTE)

    assert (first.outcome, again.outcome) == (TapOutcome.RECORDED, TapOutcome.KNOWN)
    assert [row.arrived_at for row in session.exec(select(Tap))] == [T]


def test_the_same_step_from_a_second_phone_is_known(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    tap(session, ride, "started", at=T, uuid="a1")

    assert tap(session, ride, "started", at=T + MINUTE, uuid="b1").outcome is TapOutcome.KNOWN


def test_a_later_step_implies_the_earlier_ones(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)

    assert tap(session, ride, "delivered", at=T).outcome is TapOutcome.RECORDED

    assert leg_progress(session, [ride.leg_id])[ride.leg_id].rank is Rank.DELIVERED


def test_an_earlier_step_may_arrive_late(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    tap(session, ride, "on_board", at=T + 5 * MINUTE)

    late = tap(session, ride, "started", at=T - 10 * MINUTE, arrived_at=T + 20 * MINUTE)

    assert late.outcome is TapOutcome.RECORDED
    assert session.get_one(Tap, late.uuid).arrived_at == T + 20 * MINUTE


def test_an_earlier_step_cannot_be_tapped_after_a_later_one(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    tap(session, ride, "on_board", at=T)

    assert tap(session, ride, "started", at=T + MINUTE).outcome is TapOutcome.REFUSED


def test_a_batch_keeps_what_is_right_in_it(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    batch = [
        TapIn("a", ride.leg_id, "on_board", T + MINUTE),
        TapIn("b", ride.leg_id, "flown", T),
        TapIn("c", 4711, "started", T),
        TapIn("d", ride.leg_id, "started", T - 5 * MINUTE),
        TapIn("a", ride.leg_id, "on_board", T + MINUTE),
        TapIn("x" * 37, ride.leg_id, "delivered", T + MINUTE),
    ]

    results = record_taps(session, by=f"volunteer:{cast.wang.id}", taps=batch, now=T + 5 * MINUTE)

    assert [result.outcome for result in results] == [
        TapOutcome.RECORDED,
        TapOutcome.REFUSED,
        TapOutcome.REFUSED,
        TapOutcome.RECORDED,
        TapOutcome.RECORDED,  # the same uuid twice in one batch: one answer
        TapOutcome.REFUSED,
    ]
    assert len(session.exec(select(Tap)).all()) == 2


@pytest.mark.parametrize(
    ("tapped", "arrives", "words"),
    [
        (T + 3 * MINUTE, T, "时间快了"),  # the phone's clock is ahead
        (T, T + timedelta(hours=12, minutes=1), "12小时以前"),
        (T - timedelta(hours=5), T - timedelta(hours=5), "还没到这趟的时间"),
    ],
)
def test_a_tap_of_an_impossible_time_is_refused(session, tapped, arrives, words) -> None:  # type: ignore[no-untyped-def]
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)

    result = tap(session, ride, "started", at=tapped, arrived_at=arrives)

    assert result.outcome is TapOutcome.REFUSED
    assert words in result.sentence


def test_a_stranger_cannot_tap(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)

    result = tap(session, ride, "on_board", at=T, by=f"volunteer:{cast.stranger.id}")

    assert result.outcome is TapOutcome.REFUSED
    assert session.exec(select(Case)).all() == []


def test_a_replaced_driver_who_has_the_child_raises_an_alarm(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    assert ride.shift is not None
    ride.shift.state = ShiftState.FREED
    session.flush()
    a_shift(session, ride.run, cast.chen, confirmed_at=T)

    result = tap(session, ride, "on_board", at=T)

    assert result.outcome is TapOutcome.REFUSED
    assert "不是您的" in result.sentence
    [case] = session.exec(select(Case)).all()
    assert (case.kind, case.about, case.is_urgent) == (CaseKind.WRONG_PERSON, f"leg:{ride.leg_id}", True)


def test_a_replaced_drivers_start_is_not_the_new_drivers(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    tap(session, ride, "started", at=T - 20 * MINUTE)
    assert ride.shift is not None
    ride.shift.state = ShiftState.FREED
    session.flush()
    a_shift(session, ride.run, cast.chen, confirmed_at=T)

    assert leg_progress(session, [ride.leg_id])[ride.leg_id].rank is Rank.WAITING


def test_a_cancelled_leg_takes_no_taps_of_its_driver(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    ride.legs[0].state = LegState.CANCELLED
    session.flush()

    assert "不用接了" in tap(session, ride, "started", at=T).sentence
    assert tap(session, ride, "on_board", at=T).outcome is TapOutcome.REFUSED
    assert [case.kind for case in session.exec(select(Case))] == [CaseKind.WRONG_PERSON]


def test_one_start_counts_for_the_whole_car(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, a_child(session, "石头"), driver=cast.wang)

    tap(session, ride, "started", at=T, leg=0)

    progress = leg_progress(session, [leg.id or 0 for leg in ride.legs])
    assert [one.rank for one in progress.values()] == [Rank.STARTED, Rank.STARTED]


def test_in_the_morning_the_guards_word_delivers(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)

    tap(session, ride, "handed_over", at=T, by=f"gate:{cast.school.id}")

    assert leg_progress(session, [ride.leg_id])[ride.leg_id].finished_at == T
    assert session.get_one(Shift, ride.shift_id, populate_existing=True).state == ShiftState.SERVED


def test_in_the_afternoon_the_guards_word_puts_the_child_aboard(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang, direction="home")

    tap(session, ride, "handed_over", at=local(TOMORROW, 16), by=f"gate:{cast.school.id}")

    progress = leg_progress(session, [ride.leg_id])[ride.leg_id]
    assert (progress.rank, progress.finished_at) == (Rank.ON_BOARD, None)


def test_a_guard_hands_no_child_over_while_nobody_drives_it(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, direction="home")

    result = tap(session, ride, "handed_over", at=local(TOMORROW, 16), by=f"gate:{cast.school.id}")

    assert result.outcome is TapOutcome.REFUSED


def test_another_schools_guard_is_refused(session: Session) -> None:
    cast = the_cast(session)
    other = a_school(session, "青禾小学")
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)

    assert tap(session, ride, "handed_over", at=T, by=f"gate:{other.id}").outcome is TapOutcome.REFUSED


def test_only_a_cancelled_child_is_collected_by_its_family(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang, direction="home")
    guard, at = f"gate:{cast.school.id}", local(TOMORROW, 16)
    assert tap(session, ride, "self_collected", at=at, by=guard).outcome is TapOutcome.REFUSED
    ride.legs[0].state = LegState.CANCELLED
    session.flush()

    assert tap(session, ride, "self_collected", at=at, by=guard).outcome is TapOutcome.RECORDED
    assert session.exec(select(Service)).all() == []


def test_the_familys_word_brings_the_child_home(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang, direction="home")
    at = local(TOMORROW, 16, 30)

    result = tap(session, ride, "delivered", at=at, by=cast.xiaoyu.guardian_subject)

    assert result.outcome is TapOutcome.RECORDED
    progress = leg_progress(session, [ride.leg_id])[ride.leg_id]
    assert (progress.delivered_at, progress.handed_over_at, progress.finished_at) == (None, at, at)


def test_another_family_is_refused(session: Session) -> None:
    cast = the_cast(session)
    other = a_child(session, "石头")
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang, direction="home")

    result = tap(session, ride, "delivered", at=local(TOMORROW, 16, 30), by=other.guardian_subject)

    assert result.outcome is TapOutcome.REFUSED


def test_a_tap_closes_the_case_that_asked_for_it(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    cases = [
        open_case(session, kind=kind, about=about, sentence="?", now=T)
        for kind, about in [
            (CaseKind.NOT_DEPARTED, f"shift:{ride.shift_id}"),
            (CaseKind.NOT_ABOARD, f"leg:{ride.leg_id}"),
            (CaseKind.NOT_DELIVERED, f"leg:{ride.leg_id}"),
        ]
    ]

    tap(session, ride, "on_board", at=T + 6 * MINUTE)

    for case in cases:
        session.refresh(case)
    assert [case.state for case in cases] == [CaseState.CLOSED, CaseState.CLOSED, CaseState.OPEN]
    assert cases[0].closed_by == f"volunteer:{cast.wang.id}"


def test_a_tap_is_taken_back_within_ten_seconds_with_what_it_proved(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    result = tap(session, ride, "delivered", at=T)
    wang = f"volunteer:{cast.wang.id}"

    assert undo_tap(session, uuid=result.uuid, by=wang, now=T + timedelta(seconds=10))

    assert leg_progress(session, [ride.leg_id])[ride.leg_id].rank is Rank.WAITING
    assert session.get_one(Shift, ride.shift_id, populate_existing=True).state == ShiftState.CONFIRMED
    assert session.exec(select(Service)).all() == []
    assert not undo_tap(session, uuid=result.uuid, by=wang, now=T + timedelta(seconds=10))


def test_after_ten_seconds_or_by_others_a_tap_stays(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    result = tap(session, ride, "delivered", at=T)

    assert not undo_tap(
        session, uuid=result.uuid, by=f"volunteer:{cast.wang.id}", now=T + timedelta(seconds=11)
    )
    with pytest.raises(NotFound):
        undo_tap(session, uuid=result.uuid, by=f"volunteer:{cast.chen.id}", now=T)


def test_the_same_tap_at_once_from_two_workers_is_one_tap(store: Store) -> None:
    with store.write() as session:
        cast = the_cast(session)
        ride = a_ride(session, cast.xiaoyu, driver=cast.wang)

    def send(_: int) -> TapOutcome:
        with store.write() as session:
            return tap(session, ride, "delivered", at=T, uuid="one").outcome

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(send, range(2)))

    assert outcomes == [TapOutcome.KNOWN, TapOutcome.RECORDED]
    with store.read() as session:
        assert len(session.exec(select(Service)).all()) == 1


def test_a_batch_costs_few_queries_however_long_it_is(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, a_child(session, "石头"), a_child(session, "豆豆"), driver=cast.wang)
    statements: list[str] = []
    event.listen(
        session.get_bind(), "before_cursor_execute", lambda *args: statements.append(args[2]), named=False
    )

    batch = [TapIn(f"u{leg.id}", leg.id or 0, "on_board", T) for leg in ride.legs]
    record_taps(session, by=f"volunteer:{cast.wang.id}", taps=batch, now=T)

    assert len(statements) <= 7


def test_progress_of_a_whole_day_is_one_query(session: Session) -> None:
    cast = the_cast(session)
    legs = []
    for n in range(5):
        ride = a_ride(
            session, a_child(session, f"孩子{n}", school=cast.school), driver=a_volunteer(session, f"司机{n}")
        )
        tap(session, ride, "started", at=T)
        legs.append(ride.leg_id)
    statements: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *args: statements.append(args[2]))

    assert {one.rank for one in leg_progress(session, legs).values()} == {Rank.STARTED}
    assert len(statements) == 1
