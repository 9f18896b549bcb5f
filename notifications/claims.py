"""Who holds which message, until when: a lease and a fencing number, so that no two send the same one."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, or_
from sqlmodel import Session, col, select, update

from notifications.models import Attempt, AttemptOutcome, Message, MessageState
from notifications.retry import policy_for

Sessions = Callable[[], AbstractContextManager[Session]]


@dataclass(frozen=True)
class Claim:
    """One message held by one worker. Whoever writes its result shows the fence."""

    message_id: int
    fence: int
    lease_until: datetime  # real time


def due_urgencies(session: Session, *, due_by: datetime, real_now: datetime) -> set[str]:
    """Return which urgencies have a message that could be claimed now."""
    return set(session.scalars(_due_urgencies(), {"due_by": due_by, "real_now": real_now}))


@cache
def _due_urgencies() -> Any:
    """Put together once: every heartbeat asks it."""
    return (
        select(Message.urgency)
        .where(
            col(Message.next_attempt_at) <= bindparam("due_by"),
            or_(col(Message.lease_until).is_(None), col(Message.lease_until) < bindparam("real_now")),
        )
        .distinct()
    )


def claim_due(
    session: Session, *, urgency: str, due_by: datetime, real_now: datetime, owner: str, limit: int
) -> list[Claim]:
    """Claim up to `limit` due messages of one urgency, the longest waiting first.

    Due: `next_attempt_at <= due_by` and nobody's lease runs (in real time). PostgreSQL's workers skip the rows that
    others are claiming; SQLite has one writer, and the repeated condition keeps it right even without BEGIN
    IMMEDIATE. A message found claimed was lost by a worker that died: it may have gone out.
    """
    is_free = or_(col(Message.lease_until).is_(None), col(Message.lease_until) < real_now)
    due = session.exec(
        select(Message.id, Message.state, Message.fence, Message.channel)
        .where(Message.urgency == urgency, col(Message.next_attempt_at) <= due_by, is_free)
        .order_by(col(Message.next_attempt_at), col(Message.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if not due:
        return []
    lease_until = real_now + policy_for(urgency).lease
    claimed = _hold(session, [row[0] for row in due], is_free, owner, lease_until)
    session.add_all(
        _lost_attempt(message_id, fence, channel, due_by)
        for message_id, state, fence, channel in due
        if state == MessageState.CLAIMED and message_id in claimed
    )
    return [Claim(row[0], claimed[row[0]], lease_until) for row in due if row[0] in claimed]


def _hold(
    session: Session, ids: list[int | None], is_free: ColumnElement[bool], owner: str, lease_until: datetime
) -> dict[int, int]:
    """Return the fence of every message that this update really took."""
    state = col(Message.state)
    held = session.exec(
        update(Message)
        .where(col(Message.id).in_(ids), is_free)
        .values(
            state=str(MessageState.CLAIMED),
            owner=owner,
            lease_until=lease_until,
            fence=Message.fence + 1,
            in_doubt=or_(col(Message.in_doubt), state == MessageState.CLAIMED),
            losses=Message.losses + case((state == MessageState.CLAIMED, 1), else_=0),
            channel_is_spent=or_(col(Message.channel_is_spent), state == MessageState.ACCEPTED),
        )
        .returning(col(Message.id), col(Message.fence))
        .execution_options(synchronize_session=False)
    )
    return {int(message_id): int(fence) for message_id, fence in held}


def _lost_attempt(message_id: int | None, fence: int, channel: str | None, now: datetime) -> Attempt:
    assert message_id is not None
    return Attempt(
        message_id=message_id,
        number=fence,
        channel=channel or "",
        started_at=None,
        ended_at=now,
        outcome=str(AttemptOutcome.UNKNOWN),
        detail="the sender did not come back",
    )
