"""What comes back: replies and receipts. Stored first, once, whatever they mean; understanding them comes later."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam
from sqlmodel import Session, col, select, update

from notifications.addresses import normalise_phone
from notifications.inserts import insert_if_new
from notifications.models import Attempt, HandTask, Inbound, InboundOutcome, Message, MessageState, Receipt
from notifications.models import ReceiptStatus as Status
from notifications.sealed import keyring_of


def record_inbound(
    session: Session,
    *,
    provider: str,
    provider_message_id: str,
    sender: str,
    text: str,
    raw: str,
    now: datetime,
    sent_at: datetime | None = None,
    crash_point: Callable[[str], None] = lambda _name: None,
) -> Inbound | None:
    """Store a reply as it came and return it; None if this provider had brought it before.

    `sender` is normalised for its index where it is a mobile number; anything else is kept as it is.
    """
    try:
        sender = normalise_phone(sender)
    except ValueError:
        sender = sender.strip()
    row = {
        "provider": provider,
        "provider_message_id": provider_message_id,
        "sender": sender,
        "sender_index": keyring_of(session.get_bind().dialect).index(sender),
        "text": text,
        "raw": raw,
        "received_at": now,
        "sent_at": sent_at,
    }
    statement = insert_if_new(session, Inbound).values(row).returning(Inbound)
    stored = session.scalars(statement).one_or_none()
    crash_point("inbound.after_store")
    return stored


def unhandled(session: Session, *, limit: int = 100) -> list[Inbound]:
    """Return replies that nobody has acted on, the oldest first."""
    return list(session.scalars(_unhandled(), {"at_most": limit}))


@cache
def _unhandled() -> Any:
    """Put together once: every heartbeat asks it."""
    rows = select(Inbound).where(col(Inbound.handled_at).is_(None))
    return rows.order_by(col(Inbound.id)).limit(bindparam("at_most"))


def mark_handled(session: Session, *, inbound_id: int, outcome: InboundOutcome, now: datetime) -> bool:
    """Record what became of a reply. Returns False if somebody was first."""
    handled = session.exec(
        update(Inbound)
        .where(col(Inbound.id) == inbound_id, col(Inbound.handled_at).is_(None))
        .values(handled_at=now, outcome=str(outcome))
    )
    return handled.rowcount == 1


def record_receipt(
    session: Session,
    *,
    provider: str,
    provider_id: str,
    status: Status,
    now: datetime,
    send_key: str | None = None,
    code: str | None = None,
) -> bool:
    """Store a delivery report and move its message upwards. Returns False if it was known already.

    `provider` is the channel's name, `send_key` our own id where the provider repeats it. A report for an id that
    we do not know is quarantined: it waits until a send with this id is recorded, and changes nothing.
    """
    row = {
        "provider": provider,
        "provider_id": provider_id,
        "status": str(status),
        "code": code,
        "received_at": now,
        "message_id": _message_of(session, provider, provider_id, send_key),
    }
    statement = insert_if_new(session, Receipt).values(row).returning(Receipt)
    receipt = session.scalars(statement).one_or_none()
    if receipt is None:
        return False
    _apply(session, receipt)
    return True


def match_quarantined(session: Session, *, provider: str, sent: Mapping[str, int]) -> None:
    """Apply receipts that came before their send was recorded. `sent`: provider id -> message id."""
    early = session.exec(
        select(Receipt).where(
            col(Receipt.message_id).is_(None),
            Receipt.provider == provider,
            col(Receipt.provider_id).in_(list(sent)),
        )
    )
    for receipt in early.all():
        receipt.message_id = sent[receipt.provider_id]
        session.flush()
        _apply(session, receipt)


def quarantined(session: Session, *, limit: int = 100) -> list[Receipt]:
    """Return the receipts for ids that we do not know, the oldest first."""
    rows = select(Receipt).where(col(Receipt.message_id).is_(None))
    return list(session.exec(rows.order_by(col(Receipt.id)).limit(limit)))


def _message_of(session: Session, provider: str, provider_id: str, send_key: str | None) -> int | None:
    """The tries are asked, not the message: a late report for an earlier channel still finds its way."""
    sent = select(Attempt.message_id).where(Attempt.provider_id == provider_id, Attempt.channel == provider)
    found = session.exec(sent).first()
    if found is None and send_key is not None:
        found = session.exec(select(Message.id).where(Message.send_key == send_key)).first()
    return found


def _apply(session: Session, receipt: Receipt) -> None:
    """Move the message upwards only: failed < delivered < read, and nothing comes back down."""
    if receipt.message_id is None:
        return
    if receipt.status in (Status.DELIVERED, Status.READ):
        _arrived(session, receipt)
    elif receipt.status == Status.FAILED:
        _undelivered(session, receipt)


def _arrived(session: Session, receipt: Receipt) -> None:
    moved = session.exec(
        update(Message)
        .where(
            col(Message.id) == receipt.message_id,
            col(Message.state).not_in(_FINAL),
            col(Message.delivered_at).is_(None),
        )
        .values(
            state=str(MessageState.DELIVERED),
            delivered_at=receipt.received_at,
            next_attempt_at=None,
            lease_until=None,
            fence=Message.fence + 1,
            failed_code=None,
        )
        .execution_options(synchronize_session=False)
    )
    if moved.rowcount:
        session.exec(
            update(HandTask)
            .where(col(HandTask.message_id) == receipt.message_id, col(HandTask.done_at).is_(None))
            .values(done_at=receipt.received_at, done_by="system", outcome="withdrawn")
        )


def _undelivered(session: Session, receipt: Receipt) -> None:
    """Send it by the next channel at once, unless another try has overtaken this one."""
    session.exec(
        update(Message)
        .where(
            col(Message.id) == receipt.message_id,
            col(Message.state).in_([MessageState.ACCEPTED, MessageState.UNKNOWN]),
            col(Message.channel) == receipt.provider,
        )
        .values(
            state=str(MessageState.QUEUED),
            next_attempt_at=receipt.received_at,
            channel_is_spent=True,
            accepted_at=None,
            in_doubt=False,
            fence=Message.fence + 1,
            failed_code=receipt.code or "receipt_failed",
        )
        .execution_options(synchronize_session=False)
    )


_FINAL = [str(MessageState.DELIVERED), str(MessageState.WITHDRAWN)]
