"""A worker dies at each named point; the next one finishes, with the same key and never a second phone message."""

import pytest

from notifications.models import Attempt, Urgency
from notifications.testing import RecordingChannel

from .builders import Office


class Crash(BaseException):
    """As good as SIGKILL for what is in memory; the real one is in test_crash.py."""


@pytest.mark.parametrize(
    ("point", "sends", "attempts"),
    [
        ("outbox.after_claim", 1, ["unknown", "accepted"]),  # held, not sent
        ("delivery.before_send", 1, ["unknown", "accepted"]),
        ("delivery.after_accept", 2, ["unknown", "accepted"]),  # the same key twice
        ("delivery.before_record", 2, ["unknown", "accepted"]),
        ("delivery.after_record", 1, ["accepted"]),  # nothing was left to do
    ],
)
@pytest.mark.parametrize("urgency", list(Urgency))
def test_whoever_dies_the_message_arrives(
    office: Office, urgency: Urgency, point: str, sends: int, attempts: list[str]
) -> None:
    asked = office.ask(1, urgency=urgency)

    def die(name: str) -> None:
        if name == point:
            raise Crash

    with pytest.raises(Crash):
        office.deliver(crash_point=die)
    office.clock.pass_by(seconds=61)
    office.deliver(owner="node-b")

    assert office.message(asked).state == "accepted"
    assert len(office.sms.sent) == sends
    assert len({message.key for message in office.sms.sent}) == 1
    assert [attempt.outcome for attempt in office.rows(Attempt)] == attempts


def test_a_provider_without_keys_gets_a_message_at_most_twice_however_often_we_die(office: Office) -> None:
    unkeyed = RecordingChannel(is_keyed=False)
    asked = office.ask(1)

    def die(name: str) -> None:
        if name == "delivery.after_accept":
            raise Crash

    for _ in range(2):
        with pytest.raises(Crash):
            office.deliver(channels={"sms": unkeyed}, crash_point=die)
        office.clock.pass_by(seconds=61)
    for _ in range(3):
        office.deliver(channels={"sms": unkeyed}, crash_point=die)
        office.clock.pass_by(minutes=2)

    assert len(unkeyed.sent) == 2
    assert (office.message(asked).state, office.message(asked).failed_code) == ("failed", "unknown")
