"""Writing down what became of claimed messages, under the fence of each claim."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, update
from sqlmodel import Session, col, select

from notifications.channels import Accepted, Handed, Refused, Unknown
from notifications.claims import Claim
from notifications.inbound import match_quarantined
from notifications.inserts import insert_if_new
from notifications.models import Attempt, AttemptOutcome, HandTask, Message, MessageState
from notifications.settlement import Outcome, Standing, TooLate, Withdrawn, settle

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Done:
    """One claimed message with its outcome, to be written down."""

    claim: Claim
    standing: Standing  # before the outcome
    outcome: Outcome
    urgency: str
    give_up_at: datetime | None
    is_keyed: bool
    waits_for_receipt: bool
    started_at: datetime | None
    at: datetime

    def settled(self) -> Standing:
        """Return where the message stands now."""
        return settle(
            self.standing,
            self.outcome,
            urgency=self.urgency,
            now=self.at,
            is_keyed=self.is_keyed,
            waits_for_receipt=self.waits_for_receipt,
            give_up_at=self.give_up_at,
        )


def record(session: Session, done: list[Done]) -> None:
    """Write the outcomes of claims that still hold; keep what a stale claim learned as a try, and only that.

    One message stands at most once in `done`. Locks the rows first, so that a withdrawal or a receipt comes either
    before (and is seen) or after.
    """
    held = _lock(session, done)
    fresh = [one for one in done if one.claim.message_id in held]
    stale = [one for one in done if one.claim.message_id not in held]
    if fresh:
        settled = {one.claim.message_id: _respect(held[one.claim.message_id], one.settled()) for one in fresh}
        session.connection().execute(
            _UPDATE, [_row(one.claim, settled[one.claim.message_id]) for one in fresh]
        )
        _keep_attempts(session, fresh)
        _keep_hand_tasks(session, fresh, settled)
        _apply_early_receipts(session, fresh)
    for one in stale:
        _keep_late(session, one)


def _lock(session: Session, done: list[Done]) -> dict[int, str | None]:
    """Return the ids of claims that still hold, each with the withdrawal asked for meanwhile, if any."""
    fences = {one.claim.message_id: one.claim.fence for one in done}
    rows = session.exec(
        select(Message.id, Message.fence, Message.state, Message.withdrawn_reason)
        .where(col(Message.id).in_(list(fences)))
        .order_by(col(Message.id))
        .with_for_update()
    )
    return {
        message_id: reason
        for message_id, fence, state, reason in rows
        if message_id is not None and fence == fences[message_id] and state == MessageState.CLAIMED
    }


def _respect(reason: str | None, standing: Standing) -> Standing:
    """A withdrawal that came while it was held: it holds, unless a provider already has the message."""
    if reason is None or standing.state == MessageState.ACCEPTED:
        return replace(standing, withdrawn_reason=reason or standing.withdrawn_reason)
    return replace(standing, state=MessageState.WITHDRAWN, next_attempt_at=None, withdrawn_reason=reason)


def _row(claim: Claim, standing: Standing) -> dict[str, Any]:
    row = {f"new_{name}": getattr(standing, name) for name in _COLUMNS}
    return row | {"new_state": str(standing.state), **_held_by(claim)}


def _held_by(claim: Claim) -> dict[str, Any]:
    return {"claimed_id": claim.message_id, "claimed_fence": claim.fence}


def _keep_attempts(session: Session, done: list[Done]) -> None:
    attempts = [_attempt(one) for one in done if isinstance(one.outcome, Accepted | Refused | Unknown)]
    if attempts:
        session.connection().execute(insert(Attempt), attempts)


def _attempt(one: Done) -> dict[str, Any]:
    outcome = one.outcome
    kind = AttemptOutcome.UNKNOWN
    if isinstance(outcome, Accepted):
        kind = AttemptOutcome.ACCEPTED
    elif isinstance(outcome, Refused):
        kind = AttemptOutcome.REFUSED
    return {
        "message_id": one.claim.message_id,
        "number": one.claim.fence,
        "channel": one.standing.channel,
        "started_at": one.started_at,
        "ended_at": one.at,
        "outcome": str(kind),
        "provider_id": outcome.provider_id if isinstance(outcome, Accepted) else None,
        "code": outcome.code if isinstance(outcome, Refused) else None,
        "detail": outcome.detail if isinstance(outcome, Refused | Unknown) else None,
    }


def _keep_hand_tasks(session: Session, done: list[Done], settled: dict[int, Standing]) -> None:
    """Put on the list what a human must tell, and take off it what is no longer true or has come too late."""
    tasks = [
        {"message_id": one.claim.message_id, "kind": str(one.outcome.kind), "created_at": one.at, "tries": 0}
        for one in done
        if isinstance(one.outcome, Handed) and settled[one.claim.message_id].state == MessageState.BY_HAND
    ]
    if tasks:
        session.connection().execute(insert_if_new(session, HandTask), tasks)
    for ended, outcome in ((TooLate, "too_late"), (Withdrawn, "withdrawn")):
        over = [one for one in done if isinstance(one.outcome, ended)]
        if over:
            session.connection().execute(
                update(HandTask)
                .where(
                    col(HandTask.message_id).in_([one.claim.message_id for one in over]),
                    col(HandTask.done_at).is_(None),
                )
                .values(done_at=over[0].at, done_by="system", outcome=outcome)
            )


def _apply_early_receipts(session: Session, done: list[Done]) -> None:
    sent: dict[str, dict[str, int]] = {}
    for one in done:
        if isinstance(one.outcome, Accepted) and one.waits_for_receipt:
            sent.setdefault(one.standing.channel or "", {})[one.outcome.provider_id] = one.claim.message_id
    for provider, by_id in sent.items():
        match_quarantined(session, provider=provider, sent=by_id)


def _keep_late(session: Session, one: Done) -> None:
    """A worker that paused past its lease: its message is in other hands; what it learned is kept as a try."""
    if not isinstance(one.outcome, Accepted | Refused | Unknown):
        return
    log.warning("message %s: result of a stale claim %s", one.claim.message_id, one.claim.fence)
    row = _attempt(one)
    late = session.exec(
        update(Attempt)
        .where(
            col(Attempt.message_id) == one.claim.message_id,
            col(Attempt.number) == one.claim.fence,
            col(Attempt.outcome) == AttemptOutcome.UNKNOWN,
        )
        .values(
            {
                name: row[name]
                for name in ("channel", "started_at", "outcome", "provider_id", "code", "detail")
            }
        )
    )
    if late.rowcount == 0:
        session.connection().execute(insert_if_new(session, Attempt), [row])


_COLUMNS = tuple(Standing.__dataclass_fields__)
_UPDATE = (
    update(Message.__table__)  # type: ignore[attr-defined]  # SQLModel does not declare it
    .where(
        col(Message.id) == bindparam("claimed_id"),
        col(Message.fence) == bindparam("claimed_fence"),
        col(Message.state) == str(MessageState.CLAIMED),
    )
    .values({name: bindparam(f"new_{name}") for name in _COLUMNS} | {"lease_until": None, "owner": None})
)
