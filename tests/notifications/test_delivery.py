"""From the outbox to a provider: what is sent, what is not, and what is written down."""

from datetime import timedelta

import pytest
from sqlmodel import Session, col, update

from notifications.addresses import freeze_phone, prefer_by_hand, set_address
from notifications.channels import Accepted, DeliveryError, OutgoingMessage, Refused, Result, Unknown
from notifications.channels.by_hand import ByHand, mark_told, open_hand_tasks
from notifications.models import Attempt, ChannelName, HandTask, Message, Urgency
from notifications.outbox import failed_messages, mark_escalated, withdraw
from notifications.testing import RecordingChannel

from .builders import DRIVER, EVENING, PHONE, Office


def test_a_due_message_is_sent_once_and_its_acceptance_is_kept(office: Office) -> None:
    asked = office.ask(1)

    assert office.deliver() == 1
    assert office.deliver() == 0

    message = office.message(asked)
    assert [sent.to for sent in office.sms.sent] == [PHONE]
    assert (message.state, message.provider_id, message.accepted_at) == ("accepted", "recorded-1", EVENING)
    assert message.next_attempt_at is None
    assert [(a.outcome, a.channel, a.number) for a in office.rows(Attempt)] == [("accepted", "sms", 1)]


def test_what_a_provider_sees_says_nothing_and_is_the_same_at_every_try(office: Office) -> None:
    office.sms = RecordingChannel([Refused("busy")])
    office.channels = {"sms": office.sms}
    office.ask(1, dedup_key="shift:12:ask")

    office.deliver()
    office.clock.pass_by(minutes=2)
    office.deliver()

    first, second = office.sms.sent
    assert first.key == second.key
    assert "shift" not in first.key
    assert (first.template, dict(first.parameters), first.text) == ("ask", {"n": "1"}, "第1条")


def test_a_message_waits_for_its_moment(office: Office) -> None:
    office.ask(1, not_before=EVENING + timedelta(hours=1))

    assert office.deliver() == 0
    office.clock.pass_by(hours=1)

    assert office.deliver() == 1


def test_what_is_urgent_goes_before_what_has_waited_longer(office: Office) -> None:
    office.ask(1, now=EVENING - timedelta(hours=1))
    office.ask(2, urgency=Urgency.URGENT)

    office.deliver()

    assert office.sms.texts == ["第2条", "第1条"]


def test_one_worker_may_serve_only_what_is_urgent(office: Office) -> None:
    office.ask(1)
    office.ask(2, urgency=Urgency.URGENT)

    office.deliver(urgencies=(Urgency.URGENT,))

    assert office.sms.texts == ["第2条"]


def test_what_is_no_longer_true_is_not_sent_and_the_reason_is_kept(office: Office) -> None:
    asked = office.ask(1)
    office.unwanted["ask:1"] = "已由他人接送"

    office.deliver()

    message = office.message(asked)
    assert office.sms.sent == []
    assert (message.state, message.withdrawn_reason) == ("withdrawn", "已由他人接送")


def test_the_truth_is_asked_again_where_the_first_check_has_grown_old(office: Office) -> None:
    class SlowChannel(RecordingChannel):
        def send(self, message: OutgoingMessage) -> Result:
            office.clock.pass_by(seconds=5)
            office.unwanted["ask:2"] = "changed meanwhile"
            return super().send(message)

    slow = SlowChannel()
    office.ask(1)
    second = office.ask(2)

    office.deliver(channels={"sms": slow})

    assert slow.texts == ["第1条"]
    assert office.message(second).state == "withdrawn"


def test_what_comes_too_late_is_a_failure_that_a_human_must_see(office: Office) -> None:
    asked = office.ask(1, do_not_send_after=EVENING + timedelta(minutes=5))
    office.clock.pass_by(minutes=5)

    office.deliver()

    assert office.sms.sent == []
    assert (office.message(asked).state, office.message(asked).failed_code) == ("failed", "too_late")
    with office.store.write() as session:
        assert [message.id for message in failed_messages(session)] == [asked]
        assert mark_escalated(session, message_id=asked, now=EVENING)
        assert not mark_escalated(session, message_id=asked, now=EVENING)
        assert failed_messages(session) == []


def test_a_refusal_is_tried_again_later_and_then_given_to_a_human(office: Office) -> None:
    office.channels = {"sms": RecordingChannel([Refused("busy")] * 9), "by_hand": ByHand()}
    asked = office.ask(1, urgency=Urgency.URGENT)

    waits = []
    while office.message(asked).state == "queued":
        office.deliver()
        due_at = office.message(asked).next_attempt_at
        waits.append(0.0 if due_at is None else (due_at - office.clock()).total_seconds())
        office.clock.pass_by(seconds=waits[-1])

    assert waits == [2.0, 5.0, 0.0]
    assert office.message(asked).state == "by_hand"
    assert [a.outcome for a in office.rows(Attempt)] == ["refused"] * 3


def test_a_permanent_refusal_moves_on_at_once(office: Office) -> None:
    office.channels = {"sms": RecordingChannel([Refused("blocked", permanent=True)]), "by_hand": ByHand()}
    asked = office.ask(1)

    office.deliver()

    assert office.message(asked).state == "by_hand"
    assert [task.kind for task in office.rows(HandTask)] == ["forward"]


def test_without_any_way_left_it_fails_with_the_last_reason(office: Office) -> None:
    office.channels = {"sms": RecordingChannel([Refused("blocked", permanent=True)])}
    asked = office.ask(1)
    unreachable = office.ask(2, to="volunteer:nobody", channel=None)
    office.channels = {"sms": RecordingChannel([Refused("blocked", permanent=True)], needs_address=True)}

    office.deliver()

    assert (office.message(asked).state, office.message(asked).failed_code) == ("failed", "blocked")
    assert (office.message(unreachable).state, office.message(unreachable).failed_code) == (
        "failed",
        "no_way",
    )


def test_a_frozen_number_gets_nothing(office: Office) -> None:
    office.channels = {"sms": office.sms, "by_hand": ByHand()}
    with office.store.write() as session:
        assert freeze_phone(session, phone=PHONE, reason="不认识", now=EVENING) == 1
    asked = office.ask(1)

    office.deliver()

    assert office.sms.sent == []
    assert office.message(asked).state == "by_hand"


def test_a_party_without_a_smartphone_is_told_by_a_human_and_that_is_recorded(office: Office) -> None:
    office.channels = {"sms": office.sms, "by_hand": ByHand()}
    with office.store.write() as session:
        prefer_by_hand(session, party=DRIVER, now=EVENING)
    asked = office.ask(1, urgency=Urgency.URGENT)
    office.deliver()

    with office.store.write() as session:
        (item,) = open_hand_tasks(session)
        assert (item.task.kind, item.message.text, item.phone) == ("call", "第1条", PHONE)
        assert item.task.id is not None
        assert mark_told(session, task_id=item.task.id, by="coordinator:1", now=office.clock())
        assert not mark_told(session, task_id=item.task.id, by="coordinator:2", now=office.clock())
        assert open_hand_tasks(session) == []

    assert office.message(asked).state == "delivered"
    assert office.rows(HandTask)[0].done_by == "coordinator:1"


def test_what_a_human_did_not_tell_in_time_fails(office: Office) -> None:
    office.channels = {"by_hand": ByHand()}
    asked = office.ask(1, do_not_send_after=EVENING + timedelta(hours=1))
    office.deliver()
    office.clock.pass_by(hours=1)

    office.deliver()

    assert (office.message(asked).state, office.message(asked).failed_code) == ("failed", "too_late")
    assert [task.outcome for task in office.rows(HandTask)] == ["too_late"]


def test_a_question_whose_time_is_over_leaves_the_list_of_what_humans_tell(office: Office) -> None:
    office.channels = {"by_hand": ByHand()}
    asked = office.ask(do_not_send_after=EVENING + timedelta(hours=1))
    office.deliver()
    office.unwanted["ask:1"] = "ask_closed"

    office.clock.pass_by(hours=1)
    office.deliver()

    assert (office.message(asked).state, office.message(asked).withdrawn_reason) == (
        "withdrawn",
        "ask_closed",
    )
    assert [task.outcome for task in office.rows(HandTask)] == ["withdrawn"]


def test_a_preferred_address_goes_first(office: Office) -> None:
    webhook = RecordingChannel(needs_address=True)
    office.channels = {"sms": office.sms, "webhook": webhook}
    with office.store.write() as session:
        set_address(
            session,
            party=DRIVER,
            channel=ChannelName.WEBHOOK,
            value="https://x.example",
            now=EVENING,
            preferred=True,
        )
    office.ask(1)

    office.deliver()

    assert (len(webhook.sent), len(office.sms.sent)) == (1, 0)


def test_a_message_may_name_its_first_channel(office: Office) -> None:
    console = RecordingChannel()
    office.channels = {"sms": office.sms, "console": console}
    office.ask(1, channel="console")

    office.deliver()

    assert (len(console.sent), len(office.sms.sent)) == (1, 0)


def test_an_ambiguous_answer_is_sent_again_once_and_then_given_to_a_human(office: Office) -> None:
    unkeyed = RecordingChannel([Unknown("timeout")] * 9, is_keyed=False)
    office.channels = {"sms": unkeyed, "by_hand": ByHand()}
    asked = office.ask(1, urgency=Urgency.URGENT)

    for _ in range(6):
        office.deliver()
        office.clock.pass_by(seconds=3)

    assert len(unkeyed.sent) == 2
    assert office.message(asked).state == "by_hand"


def test_urgent_acceptance_without_a_receipt_moves_to_the_next_channel(office: Office) -> None:
    office.channels = {"sms": RecordingChannel(sends_receipts=True), "by_hand": ByHand()}
    asked = office.ask(1, urgency=Urgency.URGENT)
    office.deliver()
    assert office.message(asked).state == "accepted"

    office.clock.pass_by(seconds=90)
    office.deliver()

    assert office.message(asked).state == "by_hand"


def test_a_withdrawal_while_it_is_held_stops_the_send(office: Office) -> None:
    asked = office.ask(1)

    def take_back(point: str) -> None:
        if point == "outbox.after_claim":
            with office.store.write() as session:
                withdraw(session, about="ask:1", reason="取消", now=office.clock())

    office.deliver(crash_point=take_back)

    assert office.sms.sent == []
    assert office.message(asked).state == "withdrawn"


def test_a_withdrawal_after_the_send_leaves_the_acceptance_standing(office: Office) -> None:
    asked = office.ask(1)

    def take_back(point: str) -> None:
        if point == "delivery.before_record":
            with office.store.write() as session:
                withdraw(session, about="ask:1", reason="取消", now=office.clock())

    office.deliver(crash_point=take_back)

    message = office.message(asked)
    assert (message.state, message.withdrawn_reason) == ("accepted", "取消")


def test_one_row_that_cannot_be_checked_stops_no_other(office: Office) -> None:
    bad = office.ask(1)
    good = office.ask(2)

    def check(session: Session, message: Message) -> str | None:
        if message.about == "ask:1":
            raise LookupError("a broken row")
        return None

    for _ in range(5):
        office.deliver(still_wanted=check)
        office.clock.pass_by(hours=2)

    assert office.message(good).state == "accepted"
    assert (office.message(bad).state, office.message(bad).failed_code) == ("failed", "check_failed")


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (DeliveryError("not set up", permanent=True), "by_hand"),  # nothing will help: the next channel
        (DeliveryError("not now", permanent=False), "queued"),  # later again
        (RuntimeError("a bug"), "unknown"),  # it may have gone out before it broke
    ],
)
def test_a_channel_that_raises_loses_nothing(office: Office, error: Exception, state: str) -> None:
    class Raising(RecordingChannel):
        def send(self, message: OutgoingMessage) -> Result:
            raise error

    office.channels = {"sms": Raising(), "by_hand": ByHand()}
    asked = office.ask(1)

    office.deliver()

    assert office.message(asked).state == state


def test_after_three_failures_in_a_row_the_rest_does_not_wait_for_the_provider(office: Office) -> None:
    down = RecordingChannel([Refused("unreachable")] * 20)
    for number in range(10):
        office.ask(number)

    office.deliver(channels={"sms": down})

    assert len(down.sent) == 3
    assert {message.state for message in office.rows(Message)} == {"queued"}


def test_a_slow_provider_uses_up_the_lease_and_the_rest_is_put_back(office: Office) -> None:
    class Slow(RecordingChannel):
        def send(self, message: OutgoingMessage) -> Result:
            office.clock.pass_by(seconds=4)
            return super().send(message)

    slow = Slow()
    for number in range(6):
        office.ask(number, urgency=Urgency.URGENT)

    moved = office.deliver(channels={"sms": slow})

    assert moved == 6
    assert len(slow.sent) == 6
    assert len(office.rows(Attempt)) == 6


def test_a_stale_worker_writes_nothing_over_its_successor(office: Office) -> None:
    asked = office.ask(1)

    def pause_past_the_lease(point: str) -> None:
        if point == "delivery.before_record":
            office.clock.pass_by(minutes=2)
            office.deliver(owner="node-b")

    office.deliver(crash_point=pause_past_the_lease)

    message = office.message(asked)
    assert message.provider_id == "recorded-2"  # the successor's
    assert len({sent.key for sent in office.sms.sent}) == 1
    attempts = [(a.number, a.outcome, a.provider_id) for a in office.rows(Attempt)]
    assert attempts == [(1, "accepted", "recorded-1"), (2, "accepted", "recorded-2")]


def test_a_batch_is_recorded_together_but_never_for_a_provider_without_keys(office: Office) -> None:
    points: list[str] = []
    for number in range(6):
        office.ask(number)
    office.deliver(batch=3, record_every=3, crash_point=points.append)
    together = points.count("delivery.before_record")
    for number in range(10, 16):
        office.ask(number)
    points.clear()

    office.deliver(channels={"sms": RecordingChannel(is_keyed=False)}, crash_point=points.append)

    assert together == 2
    assert points.count("delivery.before_record") == 6


def test_due_times_follow_the_demonstrations_clock_and_leases_real_time(office: Office) -> None:
    asked = office.ask(1)
    with office.store.write() as session:
        session.exec(
            update(Message)
            .where(col(Message.id) == asked)
            .values(state="claimed", lease_until=EVENING + timedelta(seconds=30))
        )
    virtual = office.clock.at + timedelta(days=30)

    held = office.deliver(clock=lambda: virtual, real_clock=lambda: EVENING)
    freed = office.deliver(clock=lambda: virtual, real_clock=lambda: EVENING + timedelta(seconds=31))

    assert (held, freed) == (0, 1)


def test_the_number_at_the_moment_of_sending_counts(office: Office) -> None:
    office.ask(1)
    with office.store.write() as session:
        set_address(session, party=DRIVER, channel=ChannelName.SMS, value="+8613900139000", now=EVENING)

    office.deliver()

    assert [sent.to for sent in office.sms.sent] == ["+8613900139000"]


def test_a_look_up_settles_what_was_in_doubt(office: Office) -> None:
    class Remembering(RecordingChannel):
        def look_up(self, key: str, *, timeout_seconds: float) -> Accepted:
            return Accepted("found-1")

    channel = Remembering([Unknown("timeout")])
    asked = office.ask(1)

    office.deliver(channels={"sms": channel})
    office.clock.pass_by(minutes=1)
    office.deliver(channels={"sms": channel})

    assert len(channel.sent) == 1
    assert (office.message(asked).state, office.message(asked).provider_id) == ("accepted", "found-1")
