"""The person on duty is told at once, and again until somebody takes the case."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from escort.cases.models import Case, CaseKind, CaseState
from escort.cases.service import (
    acknowledge,
    anything_to_tell,
    close,
    next_due_at,
    on_duty,
    open_case,
    set_duty,
    stalled,
    sweep_cases,
)
from escort.db import Store
from notifications.models import Message
from tests.builders import NOW, ZONE
from tests.cast import LIN

MINUTE = timedelta(minutes=1)
LINK = "https://dj.pidu.gov.cn/today"


def a_case(
    session: Session, about: str = "run:1", *, needed_by: datetime = NOW + 30 * MINUTE, is_urgent: bool = True
) -> Case:
    return open_case(
        session,
        kind=CaseKind.NO_DRIVER,
        about=about,
        sentence="小雨4月6日18:30放学还没有人",
        now=NOW,
        is_urgent=is_urgent,
        needed_by=needed_by,
    )


def sweep(session: Session, now: datetime) -> int:
    return sweep_cases(session, now=now, zone=ZONE, board_link=LINK)


def told(session: Session) -> list[tuple[datetime, str]]:
    messages = session.exec(select(Message).where(Message.party == LIN).order_by(Message.id))  # type: ignore[arg-type]
    return [(message.created_at, message.text) for message in messages]


def run_until(session: Session, until: datetime) -> list[float]:
    """Step from due instant to due instant as the demonstration's clock does; return the minutes of messages."""
    while (due := next_due_at(session)) is not None and due <= until:
        sweep(session, due)
    return [(at - NOW) / MINUTE for at, _ in told(session)]


def test_an_urgent_case_is_told_at_once(session: Session) -> None:
    set_duty(session, account_id=1)
    a_case(session)

    assert sweep(session, NOW) == 1

    assert told(session) == [
        (
            NOW,
            "【杜鹃鸟】急事：小雨4月6日18:30放学还没有人，还有30分钟。没人接手会再发。接手：" + LINK,
        )
    ]


def test_it_is_told_again_until_it_is_taken(session: Session) -> None:
    set_duty(session, account_id=1)
    case = a_case(session)

    assert run_until(session, NOW + 40 * MINUTE) == [0, 3, 18, 33]
    acknowledge(session, case_id=case.id or 0, by=LIN, now=NOW + 41 * MINUTE)

    assert run_until(session, NOW + 50 * MINUTE) == [0, 3, 18, 33]
    assert not anything_to_tell(session)


def test_a_taking_lapses_and_the_case_is_told_again(session: Session) -> None:
    set_duty(session, account_id=1)
    case = a_case(session)
    run_until(session, NOW)
    acknowledge(session, case_id=case.id or 0, by=LIN, now=NOW + MINUTE)

    assert run_until(session, NOW + 11 * MINUTE) == [0, 11]
    session.refresh(case)
    assert case.state == CaseState.OPEN


def test_an_open_urgent_case_always_has_a_step_within_three_minutes(session: Session) -> None:
    set_duty(session, account_id=1)
    case = a_case(session)
    now = NOW
    while now < NOW + 60 * MINUTE:
        sweep(session, now)
        session.refresh(case)
        assert case.next_step_at is not None
        assert now < case.next_step_at <= now + 3 * MINUTE
        now = case.next_step_at


def test_several_cases_are_one_message_a_minute(session: Session) -> None:
    set_duty(session, account_id=1)
    a_case(session)
    assert sweep(session, NOW) == 1
    a_case(session, "run:2", needed_by=NOW + 10 * MINUTE)
    a_case(session, "run:3")

    assert sweep(session, NOW + timedelta(seconds=20)) == 0
    assert sweep(session, NOW + MINUTE) == 1

    assert told(session)[1][1].startswith("【杜鹃鸟】3件急事，最急：小雨4月6日18:30放学还没有人，还有9分钟")


def test_a_ride_that_is_long_past_does_not_hide_the_one_to_come(session: Session) -> None:
    set_duty(session, account_id=1)
    a_case(session, needed_by=NOW - timedelta(days=20))
    a_case(session, "run:2", needed_by=NOW + timedelta(hours=2))

    assert sweep(session, NOW) == 1

    assert told(session)[0][1].startswith("【杜鹃鸟】2件急事，最急：小雨4月6日18:30放学还没有人，还有2小时")


def test_a_case_that_is_not_urgent_is_only_on_the_board(session: Session) -> None:
    set_duty(session, account_id=1)
    case = a_case(session, needed_by=NOW + timedelta(days=30), is_urgent=False)

    assert run_until(session, NOW + timedelta(days=2)) == []
    session.refresh(case)
    assert case.next_step_at is not None
    assert case.next_step_at.astimezone(ZONE).hour == 18


def test_it_turns_urgent_an_hour_before_its_moment(session: Session) -> None:
    set_duty(session, account_id=1)
    case = a_case(session, needed_by=NOW + timedelta(hours=13), is_urgent=False)

    messages = run_until(session, NOW + timedelta(hours=12))

    assert messages == [12 * 60]
    session.refresh(case)
    assert case.is_urgent


def test_a_closed_case_is_never_told(session: Session) -> None:
    set_duty(session, account_id=1)
    case = a_case(session)
    close(session, case_id=case.id or 0, by=LIN, reason="王师傅去了", now=NOW)

    assert sweep(session, NOW) == 0


def test_without_a_person_on_duty_the_case_stays_due(session: Session) -> None:
    a_case(session)

    assert sweep(session, NOW) == 0
    set_duty(session, account_id=1)

    assert sweep(session, NOW + MINUTE) == 1


def test_the_narrowest_entry_says_who_is_on_duty(session: Session) -> None:
    assert on_duty(session, NOW, ZONE) is None
    set_duty(session, account_id=1)
    set_duty(session, account_id=2, weekday=1, from_minute=18 * 60, until_minute=20 * 60)

    assert on_duty(session, NOW, ZONE) == 2
    assert on_duty(session, NOW - MINUTE, ZONE) == 1
    assert on_duty(session, NOW + timedelta(hours=2), ZONE) == 1


def test_a_new_telling_takes_back_the_older_one_that_is_not_sent_yet(session: Session) -> None:
    set_duty(session, account_id=1)
    a_case(session)
    sweep(session, NOW)

    assert sweep(session, NOW + 30 * MINUTE) == 1

    states = [row.state for row in session.exec(select(Message).order_by(col(Message.id)))]
    assert states == ["withdrawn", "queued"]


def test_two_clocks_tell_a_case_once(store: Store) -> None:
    with store.write() as session:
        set_duty(session, account_id=1)
        a_case(session)

    def tick(_: int) -> int:
        with store.write() as session:
            return sweep(session, NOW)

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(tick, range(2))) == 1


def test_the_auditor_sees_a_case_that_nobody_moves(session: Session) -> None:
    case = a_case(session)

    assert stalled(session, now=NOW + MINUTE) == []
    assert stalled(session, now=NOW + 2 * MINUTE) == [case.id]
