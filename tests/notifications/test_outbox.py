from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import select

from notifications.channels.by_hand import ByHand, open_hand_tasks
from notifications.models import HandTask, Message, Urgency
from notifications.outbox import (
    Letter,
    acknowledge,
    enqueue,
    enqueue_many,
    messages_about,
    messages_to,
    next_due_at,
    overdue,
    respect_quiet_hours,
    withdraw,
)
from notifications.wording import Wording

from .builders import DRIVER, EVENING, Office

CHENGDU = ZoneInfo("Asia/Shanghai")


def test_one_dedup_key_is_one_message(office: Office) -> None:
    office.ask(1)

    with office.store.write() as session:
        again = enqueue(
            session, to=DRIVER, wording=Wording("ask", {}, "x"), about="a", dedup_key="ask:1", now=EVENING
        )

    assert again is None
    assert len(office.rows(Message)) == 1


def test_a_rolled_back_reason_leaves_no_message(office: Office) -> None:
    with office.store.write() as session:
        enqueue_many(session, [_letter(1)], now=EVENING)
        session.rollback()

    assert office.rows(Message) == []


def test_many_are_enqueued_at_once_and_only_the_new_ones_again(office: Office) -> None:
    with office.store.write() as session:
        first = enqueue_many(session, [_letter(number) for number in range(700)], now=EVENING)
        again = enqueue_many(session, [_letter(number) for number in range(698, 702)], now=EVENING)
        none = enqueue_many(session, [], now=EVENING)

    assert (len(first), again, none) == (700, {"ask:700", "ask:701"}, set())


def test_a_withdrawal_stops_what_is_not_sent_and_only_that(office: Office) -> None:
    sent = office.ask(1, about="run:1")
    office.deliver()
    waiting = office.ask(2, about="run:1")
    other = office.ask(3, about="run:2")

    with office.store.write() as session:
        stopped = withdraw(session, about="run:1", reason="已取消", now=office.clock())
        again = withdraw(session, about="run:1", reason="已取消", now=office.clock())

    assert (stopped, again) == (1, 0)
    assert office.message(sent).state == "accepted"
    assert (office.message(waiting).state, office.message(waiting).withdrawn_reason) == (
        "withdrawn",
        "已取消",
    )
    assert office.message(other).state == "queued"


def test_a_withdrawal_may_be_narrowed_to_a_wording_or_a_dedup_key(office: Office) -> None:
    office.ask(1, about="run:1")
    office.ask(2, about="run:1", wording=Wording("reminder", {}, "提醒您"))

    with office.store.write() as session:
        by_wording = withdraw(session, about="run:1", templates=["reminder"], reason="x", now=EVENING)
        by_key = withdraw(session, dedup_key="ask:1", reason="x", now=EVENING)

    assert (by_wording, by_key) == (1, 1)


def test_a_withdrawal_takes_it_off_the_hand_list(office: Office) -> None:
    office.channels = {"by_hand": ByHand()}
    office.ask(1)
    office.deliver()

    with office.store.write() as session:
        withdraw(session, about="ask:1", reason="已取消", now=EVENING)
        assert open_hand_tasks(session) == []

    assert [task.outcome for task in office.rows(HandTask)] == ["withdrawn"]


def test_only_a_humans_answer_makes_it_known(office: Office) -> None:
    asked = office.ask(1)
    office.deliver()
    before = office.message(asked).acknowledged_at

    with office.store.write() as session:
        first = acknowledge(session, about="ask:1", now=EVENING)
        again = acknowledge(session, about="ask:1", now=EVENING + timedelta(hours=1))

    assert (before, first, again) == (None, 1, 0)
    assert office.message(asked).acknowledged_at == EVENING


def test_the_next_due_instant_is_the_earliest_of_all(office: Office) -> None:
    with office.store.read() as session:
        assert next_due_at(session) is None
    office.ask(1, not_before=EVENING + timedelta(hours=2))
    office.ask(2, not_before=EVENING + timedelta(hours=1))

    with office.store.read() as session:
        assert next_due_at(session) == EVENING + timedelta(hours=1)


def test_an_auditor_sees_what_waits_past_its_time(office: Office) -> None:
    office.ask(1)
    office.ask(2, not_before=EVENING + timedelta(hours=1))

    with office.store.read() as session:
        assert overdue(session, now=EVENING + timedelta(seconds=60)) == 0
        assert overdue(session, now=EVENING + timedelta(seconds=61)) == 1


def test_messages_are_found_by_subject_and_by_party(office: Office) -> None:
    office.ask(1, about="run:1")
    office.ask(2, about="run:1", now=EVENING + timedelta(minutes=1))

    with office.store.read() as session:
        assert [message.text for message in messages_about(session, "run:1")] == ["第1条", "第2条"]
        assert [message.text for message in messages_to(session, DRIVER)] == ["第2条", "第1条"]
        assert session.exec(select(Message.send_key)).all()[0] != "ask:1"


@pytest.mark.parametrize(
    ("local", "urgency", "allowed"),
    [
        ("21:59", Urgency.ROUTINE, "06 21:59"),  # just before the quiet hours
        ("22:00", Urgency.ROUTINE, "07 06:30"),  # they begin: until tomorrow morning
        ("03:00", Urgency.ROUTINE, "06 06:30"),  # after midnight: the same morning
        ("06:29", Urgency.ROUTINE, "06 06:30"),  # the last minute
        ("06:30", Urgency.ROUTINE, "06 06:30"),  # they are over
        ("23:30", Urgency.URGENT, "06 23:30"),  # what is urgent is never held
    ],
)
def test_quiet_hours(local: str, urgency: Urgency, allowed: str) -> None:
    now = datetime.fromisoformat(f"2021-04-06T{local}:00").replace(tzinfo=CHENGDU).astimezone(UTC)

    may_go = respect_quiet_hours(now, urgency=urgency, zone=CHENGDU)

    assert may_go.utcoffset() == timedelta()
    assert may_go.astimezone(CHENGDU).strftime("%d %H:%M") == allowed


def _letter(number: int) -> Letter:
    return Letter(
        DRIVER, Wording("ask", {"n": str(number)}, f"第{number}条"), f"ask:{number}", f"ask:{number}"
    )
