"""What a result means for a message: pure, so that every combination can be tested without a network."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from notifications.channels import Accepted, Handed, Refused, Result, Unknown
from notifications.models import MessageState
from notifications.retry import KEYED_RESUBMITS, RESUBMITS, next_try, policy_for


@dataclass(frozen=True)
class Standing:
    """Where one message stands: the columns of its row that delivery may write."""

    state: str
    next_attempt_at: datetime | None
    channel: str | None
    channel_is_spent: bool
    in_doubt: bool
    tries: int
    doubts: int
    losses: int
    attempts: int
    provider_id: str | None
    accepted_at: datetime | None
    failed_code: str | None
    withdrawn_reason: str | None


@dataclass(frozen=True)
class Withdrawn:
    """The truth has changed: there is nothing to tell any more."""

    reason: str


@dataclass(frozen=True)
class TooLate:
    """Its moment has passed: a human must know, since nobody was told."""


@dataclass(frozen=True)
class NoWay:
    """Every channel is used up, or the party has no address."""


@dataclass(frozen=True)
class CheckFailed:
    """Whether it is still wanted could not be found out."""


@dataclass(frozen=True)
class Released:
    """Not tried in this round: the lease was too short for it."""


Outcome = Result | Withdrawn | TooLate | NoWay | CheckFailed | Released


def move_to(standing: Standing, channel: str) -> Standing:
    """Return the standing on a channel: counts start anew where it is another one than before."""
    if standing.channel == channel and not standing.channel_is_spent:
        return standing
    return replace(standing, channel=channel, channel_is_spent=False, tries=0, doubts=0, provider_id=None)


def may_send_again(standing: Standing, *, is_keyed: bool) -> bool:
    """Whether a message that may have gone out may be sent once more on this channel."""
    return standing.doubts + standing.losses <= (KEYED_RESUBMITS if is_keyed else RESUBMITS)


def settle(
    standing: Standing,
    outcome: Outcome,
    *,
    urgency: str,
    now: datetime,
    is_keyed: bool,
    waits_for_receipt: bool,
    give_up_at: datetime | None,
) -> Standing:
    """Return where a message stands after one outcome. `give_up_at` is its `do_not_send_after`."""
    standing = replace(standing, doubts=standing.doubts + standing.losses, losses=0)
    match outcome:
        case Accepted(provider_id):
            return _accepted(standing, provider_id, urgency, now, waits_for_receipt)
        case Refused():
            return _refused(standing, outcome, urgency, now)
        case Unknown():
            return _unknown(standing, urgency, now, is_keyed)
        case Handed():
            return replace(
                standing,
                state=MessageState.BY_HAND,
                next_attempt_at=give_up_at,
                in_doubt=False,
                attempts=standing.attempts + 1,
            )
        case Withdrawn(reason):
            return _ended(standing, MessageState.WITHDRAWN, reason=reason)
        case TooLate():
            return _ended(standing, MessageState.FAILED, code=_lateness(standing))
        case NoWay():
            return _no_way(standing)
        case CheckFailed():
            return _check_failed(standing, urgency, now)
        case Released():
            return replace(standing, state=MessageState.QUEUED)


def _accepted(
    standing: Standing, provider_id: str, urgency: str, now: datetime, waits_for_receipt: bool
) -> Standing:
    patience = policy_for(urgency).receipt_within if waits_for_receipt else None
    return replace(
        standing,
        state=MessageState.ACCEPTED,
        next_attempt_at=None if patience is None else now + patience,
        provider_id=provider_id,
        accepted_at=now,
        in_doubt=False,
        attempts=standing.attempts + 1,
        failed_code=None,
    )


def _refused(standing: Standing, refusal: Refused, urgency: str, now: datetime) -> Standing:
    tries = standing.tries + 1
    wait = None if refusal.permanent else next_try(urgency, tries=tries)
    return replace(
        standing,
        state=MessageState.QUEUED,
        next_attempt_at=now + (wait or timedelta()),
        channel_is_spent=wait is None,
        in_doubt=standing.in_doubt and wait is not None,
        tries=tries,
        attempts=standing.attempts + 1,
        failed_code=refusal.code,
    )


def _unknown(standing: Standing, urgency: str, now: datetime, is_keyed: bool) -> Standing:
    """Wait for a receipt, then look it up or send it again; in the end the next channel."""
    doubted = replace(standing, doubts=standing.doubts + 1, tries=standing.tries + 1)
    goes_on = (
        may_send_again(doubted, is_keyed=is_keyed) and next_try(urgency, tries=doubted.tries) is not None
    )
    return replace(
        doubted,
        state=MessageState.UNKNOWN,
        next_attempt_at=now + policy_for(urgency).doubt_delay,
        in_doubt=goes_on,
        channel_is_spent=not goes_on,
        attempts=standing.attempts + 1,
        failed_code="unknown",
    )


def _lateness(standing: Standing) -> str:
    return "unknown" if standing.in_doubt or standing.failed_code == "unknown" else "too_late"


def _ended(
    standing: Standing, state: MessageState, *, code: str | None = None, reason: str | None = None
) -> Standing:
    """End it; but what a provider once accepted stays accepted, since it may well have arrived."""
    if standing.accepted_at is not None:
        state, code = MessageState.ACCEPTED, None
    return replace(
        standing,
        state=state,
        next_attempt_at=None,
        failed_code=code,
        withdrawn_reason=reason or standing.withdrawn_reason,
    )


def _no_way(standing: Standing) -> Standing:
    code = "no_receipt" if standing.accepted_at is not None else standing.failed_code or "no_way"
    return replace(standing, state=MessageState.FAILED, next_attempt_at=None, failed_code=code)


def _check_failed(standing: Standing, urgency: str, now: datetime) -> Standing:
    tries = standing.tries + 1
    wait = next_try(urgency, tries=tries)
    if wait is None:
        return _ended(standing, MessageState.FAILED, code="check_failed")
    return replace(standing, state=MessageState.QUEUED, next_attempt_at=now + wait, tries=tries)
