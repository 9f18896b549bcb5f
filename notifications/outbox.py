"""What is to be told, written down in the caller's own transaction: it exists exactly if the reason for it does."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select, update

from notifications.inserts import insert_if_new
from notifications.models import LIVE_STATES, HandTask, Message, MessageState, Urgency
from notifications.sealed import Keyring, keyring_of
from notifications.wording import Wording


@dataclass(frozen=True)
class Letter:
    """One message to be enqueued, for `enqueue_many`; the fields are those of `enqueue`."""

    to: str
    wording: Wording
    about: str
    dedup_key: str
    urgency: Urgency = Urgency.ROUTINE
    not_before: datetime | None = None
    do_not_send_after: datetime | None = None
    channel: str | None = None


def enqueue(
    session: Session,
    *,
    to: str,
    wording: Wording,
    about: str,
    dedup_key: str,
    now: datetime,
    urgency: Urgency = Urgency.ROUTINE,
    not_before: datetime | None = None,
    do_not_send_after: datetime | None = None,
    channel: str | None = None,
) -> Message | None:
    """Put one message for one party into the outbox and return it; None if the dedup key is there already.

    `about` is opaque here and is what `withdraw` takes. A message still unsent at `do_not_send_after` fails as
    "too_late". `channel` names the first channel to try; without it the party's preferred address decides.
    """
    letter = Letter(to, wording, about, dedup_key, urgency, not_before, do_not_send_after, channel)
    row = _row(letter, now, keyring_of(session.get_bind().dialect))
    statement = insert_if_new(session, Message)
    return session.scalars(statement.returning(Message), row).one_or_none()


def enqueue_many(session: Session, letters: Iterable[Letter], *, now: datetime) -> set[str]:
    """Put many messages into the outbox in a few statements. Returns the dedup keys that were new."""
    keyring = keyring_of(session.get_bind().dialect)
    rows = [_row(letter, now, keyring) for letter in letters]
    if not rows:
        return set()
    statement = insert_if_new(session, Message)
    return set(session.scalars(statement.returning(Message.dedup_key), rows))


def withdraw(
    session: Session,
    *,
    about: str | None = None,
    dedup_key: str | None = None,
    templates: Collection[str] | None = None,
    reason: str,
    now: datetime,
) -> int:
    """Take back what is not sent yet, by `about` or `dedup_key`, and return how many messages that stopped.

    `templates` narrows it to some wordings. What a worker holds at this moment is marked: it is stopped at the
    worker's last check, or was too late to stop. What is on somebody's list is taken off it.
    """
    if (about is None) == (dedup_key is None):
        raise ValueError("withdraw by about or by dedup_key")
    chosen = [col(Message.about) == about if about is not None else col(Message.dedup_key) == dedup_key]
    if templates is not None:
        chosen.append(col(Message.template).in_(list(templates)))
    _close_hand_tasks(session, chosen, now)
    session.exec(
        update(Message)
        .where(*chosen, col(Message.state) == MessageState.CLAIMED, col(Message.withdrawn_reason).is_(None))
        .values(withdrawn_reason=reason)
        .execution_options(synchronize_session=False)
    )
    stopped = session.exec(
        update(Message)
        .where(*chosen, col(Message.state).in_(_STOPPABLE))
        .values(
            state=str(MessageState.WITHDRAWN),
            withdrawn_reason=reason,
            next_attempt_at=None,
            fence=Message.fence + 1,
        )
        .execution_options(synchronize_session=False)
    )
    return stopped.rowcount


def withdraw_unsent(session: Session, *, reason: str, now: datetime) -> int:
    """Take back everything that is not sent yet, whoever held it, and return how many messages that stopped.

    For a store whose workers are gone: a restored copy. What a provider has accepted is not asked after any more.
    """
    unsent: list[ColumnElement[bool]] = [col(Message.state).in_([str(state) for state in LIVE_STATES])]
    _close_hand_tasks(session, unsent, now)
    ends = {"next_attempt_at": None, "lease_until": None, "owner": None, "fence": Message.fence + 1}
    stopped = session.exec(
        update(Message)
        .where(*unsent)
        .values(state=str(MessageState.WITHDRAWN), withdrawn_reason=reason, **ends)
        .execution_options(synchronize_session=False)
    )
    session.exec(
        update(Message)
        .where(col(Message.next_attempt_at).is_not(None))
        .values(ends)
        .execution_options(synchronize_session=False)
    )
    return stopped.rowcount


def acknowledge(
    session: Session, *, about: str | None = None, message_id: int | None = None, now: datetime
) -> int:
    """Record that a human answered or tapped: the only state that means *known*. Returns how many were new."""
    if (about is None) == (message_id is None):
        raise ValueError("acknowledge by about or by message_id")
    chosen = col(Message.about) == about if about is not None else col(Message.id) == message_id
    known = session.exec(
        update(Message)
        .where(chosen, col(Message.acknowledged_at).is_(None))
        .values(acknowledged_at=now)
        .execution_options(synchronize_session=False)
    )
    return known.rowcount


def messages_about(session: Session, about: str) -> list[Message]:
    """Return every message about something, the oldest first."""
    return list(session.exec(select(Message).where(Message.about == about).order_by(col(Message.id))))


def messages_to(session: Session, party: str, *, limit: int = 50) -> list[Message]:
    """Return a party's messages, the newest first."""
    rows = select(Message).where(Message.party == party)
    return list(
        session.exec(rows.order_by(col(Message.created_at).desc(), col(Message.id).desc()).limit(limit))
    )


def next_due_at(session: Session) -> datetime | None:
    """Return the instant at which the outbox next has something to do, perhaps in the past; None if never."""
    due_at: datetime | None = session.scalars(_next_attempt()).one()
    return due_at


@cache
def _next_attempt() -> Any:
    """Put together once: every heartbeat asks it."""
    return select(func.min(Message.next_attempt_at)).where(col(Message.next_attempt_at).is_not(None))


def overdue(session: Session, *, now: datetime, grace: timedelta = timedelta(seconds=60)) -> int:
    """Return how many messages have waited longer than `grace` past their time: an auditor's alarm if not 0."""
    late = select(func.count()).select_from(Message).where(col(Message.next_attempt_at) < now - grace)
    return session.exec(late).one()


def failed_messages(session: Session, *, limit: int = 100) -> list[Message]:
    """Return messages that were given up and that escort has not yet made a case of, the oldest first."""
    rows = select(Message).where(
        col(Message.state) == MessageState.FAILED, col(Message.escalated_at).is_(None)
    )
    return list(session.exec(rows.order_by(col(Message.id)).limit(limit)))


def mark_escalated(session: Session, *, message_id: int, now: datetime) -> bool:
    """Record that a human was told of this failure. Returns False if that was recorded before."""
    marked = session.exec(
        update(Message)
        .where(
            col(Message.id) == message_id,
            col(Message.state) == MessageState.FAILED,
            col(Message.escalated_at).is_(None),
        )
        .values(escalated_at=now)
    )
    return marked.rowcount == 1


def respect_quiet_hours(
    now: datetime, *, urgency: Urgency, zone: ZoneInfo, start: time = time(22, 0), end: time = time(6, 30)
) -> datetime:
    """Return when a message may go out (UTC): now, or the end of the quiet hours. Never holds what is urgent.

    The quiet hours are local wall time, [start, end), and may pass midnight.
    """
    local = now.astimezone(zone)
    clock = local.timetz().replace(tzinfo=None)
    quiet = start <= clock < end if start <= end else clock >= start or clock < end
    if urgency is Urgency.URGENT or not quiet:
        return now
    morning = local.date() if clock < end else local.date() + timedelta(days=1)
    return datetime.combine(morning, end, tzinfo=zone).astimezone(now.tzinfo)


def _row(letter: Letter, now: datetime, keyring: Keyring) -> dict[str, Any]:
    not_before = max(now, letter.not_before or now)
    return {
        "party": letter.to,
        "template": letter.wording.key,
        "parameters": dict(letter.wording.parameters),
        "text": letter.wording.text,
        "language": letter.wording.language,
        "about": letter.about,
        "dedup_key": letter.dedup_key,
        "send_key": keyring.index("message:" + letter.dedup_key)[:32],
        "urgency": str(letter.urgency),
        "created_at": now,
        "not_before": not_before,
        "do_not_send_after": letter.do_not_send_after,
        "state": str(MessageState.QUEUED),
        "next_attempt_at": not_before,
        "channel": letter.channel,
        "fence": 0,
        "in_doubt": False,
        "channel_is_spent": False,
        "tries": 0,
        "doubts": 0,
        "losses": 0,
        "attempts": 0,
    }


def _close_hand_tasks(session: Session, chosen: list[ColumnElement[bool]], now: datetime) -> None:
    waiting = select(Message.id).where(*chosen, col(Message.state) == MessageState.BY_HAND)
    session.exec(
        update(HandTask)
        .where(col(HandTask.message_id).in_(waiting), col(HandTask.done_at).is_(None))
        .values(done_at=now, done_by="system", outcome="withdrawn")
        .execution_options(synchronize_session=False)
    )


_STOPPABLE = [str(state) for state in LIVE_STATES if state is not MessageState.CLAIMED]
