"""Receipts and replies: once, upwards only, and nothing thrown away."""

import itertools

import pytest

from notifications.channels import OutgoingMessage, Result
from notifications.channels.by_hand import ByHand
from notifications.inbound import mark_handled, quarantined, record_inbound, record_receipt, unhandled
from notifications.models import Inbound, InboundOutcome, Receipt, ReceiptStatus, Urgency
from notifications.testing import RecordingChannel

from .builders import EVENING, PHONE, Office


def test_a_reply_is_stored_once_as_it_came(office: Office) -> None:
    assert _reply(office, "r1", "１") is not None
    assert _reply(office, "r1", "１") is None

    (reply,) = office.rows(Inbound)
    assert (reply.sender, reply.text, reply.raw) == (PHONE, "１", '{"text": "１"}')


def test_a_reply_is_handled_once(office: Office) -> None:
    _reply(office, "r1", "1")
    with office.store.write() as session:
        (waiting,) = unhandled(session)
        assert waiting.id is not None
        assert mark_handled(session, inbound_id=waiting.id, outcome=InboundOutcome.APPLIED, now=EVENING)
        assert not mark_handled(session, inbound_id=waiting.id, outcome=InboundOutcome.NOTED, now=EVENING)
        assert unhandled(session) == []

    assert office.rows(Inbound)[0].outcome == "applied"


def test_a_reply_from_a_number_that_is_none_is_kept_too(office: Office) -> None:
    with office.store.write() as session:
        kept = record_inbound(
            session, provider="sms", provider_message_id="r", sender=" 10086 ", text="", raw="?", now=EVENING
        )
        assert kept is not None
        assert kept.sender == "10086"


def test_a_receipt_moves_its_message_to_delivered_once(office: Office) -> None:
    asked = office.ask(1)
    office.deliver()

    assert _receipt(office, "recorded-1", ReceiptStatus.DELIVERED)
    assert not _receipt(office, "recorded-1", ReceiptStatus.DELIVERED)

    message = office.message(asked)
    assert (message.state, message.delivered_at) == ("delivered", EVENING)
    assert len(office.rows(Receipt)) == 1


@pytest.mark.parametrize("order", list(itertools.permutations(["sent", "failed", "delivered"])))
def test_whatever_the_order_of_receipts_delivered_wins(office: Office, order: tuple[str, ...]) -> None:
    asked = office.ask(1)
    office.deliver()

    for status in order:
        _receipt(office, "recorded-1", ReceiptStatus(status))

    assert office.message(asked).state == "delivered"


def test_what_the_carrier_could_not_deliver_goes_by_the_next_channel(office: Office) -> None:
    office.channels = {"sms": office.sms, "by_hand": ByHand()}
    asked = office.ask(1)
    office.deliver()

    _receipt(office, "recorded-1", ReceiptStatus.FAILED)
    office.deliver()

    assert office.message(asked).state == "by_hand"


def test_a_receipt_for_an_unknown_id_is_quarantined(office: Office) -> None:
    asked = office.ask(1)

    assert _receipt(office, "somebody-elses", ReceiptStatus.DELIVERED)

    assert office.message(asked).state == "queued"
    with office.store.read() as session:
        assert [receipt.provider_id for receipt in quarantined(session)] == ["somebody-elses"]


def test_a_receipt_that_overtakes_our_own_record_is_applied(office: Office) -> None:
    class QuickProvider(RecordingChannel):
        def send(self, message: OutgoingMessage) -> Result:
            _receipt(office, "recorded-1", ReceiptStatus.DELIVERED)
            return super().send(message)

    asked = office.ask(1, urgency=Urgency.URGENT)

    office.deliver(channels={"sms": QuickProvider(sends_receipts=True)})

    assert office.message(asked).state == "delivered"
    with office.store.read() as session:
        assert quarantined(session) == []


def test_a_receipt_with_our_own_id_settles_what_was_in_doubt(office: Office) -> None:
    class QuickProvider(RecordingChannel):
        def send(self, message: OutgoingMessage) -> Result:
            with office.store.write() as session:
                record_receipt(
                    session,
                    provider="sms",
                    provider_id="gw-9",
                    status=ReceiptStatus.DELIVERED,
                    now=EVENING,
                    send_key=message.key,
                )
            raise TimeoutError

    asked = office.ask(1)

    office.deliver(channels={"sms": QuickProvider(is_keyed=False)})
    office.clock.pass_by(hours=1)

    assert office.deliver() == 0
    assert office.message(asked).state == "delivered"


def _receipt(office: Office, provider_id: str, status: ReceiptStatus) -> bool:
    with office.store.write() as session:
        return record_receipt(session, provider="sms", provider_id=provider_id, status=status, now=EVENING)


def _reply(office: Office, provider_id: str, text: str) -> Inbound | None:
    with office.store.write() as session:
        return record_inbound(
            session,
            provider="sms",
            provider_message_id=provider_id,
            sender="138 0013 8000",
            text=text,
            raw=f'{{"text": "{text}"}}',
            now=EVENING,
        )
