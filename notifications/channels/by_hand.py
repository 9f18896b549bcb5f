"""What no machine can carry, on somebody's list: 请您转发 / 请您打电话, until somebody says 已告知."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select, update

from notifications.addresses import phones_of
from notifications.channels import Handed, OutgoingMessage
from notifications.models import HandKind, HandTask, Message, MessageState, Urgency


class ByHand:
    """The channel "by_hand", the last of every list: it takes everything, and a human does it."""

    needs_address = False
    is_keyed = True
    sends_receipts = False

    def send(self, message: OutgoingMessage) -> Handed:
        """Hand it to the office: what is urgent by phone, the rest as a text to forward."""
        return Handed(HandKind.CALL if message.urgent else HandKind.FORWARD)


@dataclass(frozen=True)
class HandItem:
    """One line of the list."""

    task: HandTask
    message: Message
    phone: str | None  # E.164, where the party has a number


def open_hand_tasks(session: Session, *, limit: int = 100) -> list[HandItem]:
    """Return what humans still have to tell, the urgent first, then the oldest."""
    rows = session.exec(
        select(HandTask, Message)
        .join(Message, col(Message.id) == col(HandTask.message_id))
        .where(col(HandTask.done_at).is_(None))
        .order_by((col(Message.urgency) == Urgency.URGENT).desc(), col(HandTask.created_at), col(HandTask.id))
        .limit(limit)
    ).all()
    phones = phones_of(session, {message.party for _, message in rows})
    return [HandItem(task, message, phones.get(message.party)) for task, message in rows]


def mark_told(session: Session, *, task_id: int, by: str, now: datetime) -> bool:
    """Record that `by` has told it (已告知): the message is delivered. Returns False if it was done already."""
    told = session.exec(
        update(HandTask)
        .where(col(HandTask.id) == task_id, col(HandTask.done_at).is_(None))
        .values(done_at=now, done_by=by, outcome="told")
        .returning(col(HandTask.message_id))
    ).first()
    if told is None:
        return False
    session.exec(
        update(Message)
        .where(col(Message.id) == told[0], col(Message.state) != MessageState.WITHDRAWN)
        .values(
            state=str(MessageState.DELIVERED),
            delivered_at=now,
            next_attempt_at=None,
            lease_until=None,
            fence=Message.fence + 1,
            failed_code=None,
        )
        .execution_options(synchronize_session=False)
    )
    return True


def take_back_told(session: Session, *, task_id: int, now: datetime) -> bool:
    """Put a task that was ticked by mistake back on the list. Returns False if it is open, or its moment is over."""
    message_id = session.exec(
        select(HandTask.message_id)
        .join(Message, col(Message.id) == col(HandTask.message_id))
        .where(
            col(HandTask.id) == task_id,
            col(HandTask.outcome) == "told",
            Message.state == MessageState.DELIVERED,
            col(Message.do_not_send_after).is_(None) | (col(Message.do_not_send_after) > now),
        )
    ).first()
    if message_id is None:
        return False
    opened = session.exec(
        update(HandTask)
        .where(col(HandTask.id) == task_id, col(HandTask.outcome) == "told")
        .values(done_at=None, done_by=None, outcome=None)
    )
    if opened.rowcount == 0:
        return False
    session.exec(
        update(Message)
        .where(col(Message.id) == message_id, col(Message.state) == MessageState.DELIVERED)
        .values(
            state=str(MessageState.BY_HAND),
            delivered_at=None,
            next_attempt_at=Message.do_not_send_after,
            fence=Message.fence + 1,
        )
        .execution_options(synchronize_session=False)
    )
    return True


def note_unanswered_call(session: Session, *, task_id: int, now: datetime) -> bool:
    """Record a call that nobody answered; the task stays on the list. Returns False if it is done already."""
    noted = session.exec(
        update(HandTask)
        .where(col(HandTask.id) == task_id, col(HandTask.done_at).is_(None))
        .values(tries=HandTask.tries + 1, last_tried_at=now)
    )
    return noted.rowcount == 1
