"""What a result means, without a network or a store."""

from dataclasses import replace
from datetime import timedelta

import pytest

from notifications.channels import Accepted, Handed, Refused, Unknown
from notifications.models import HandKind, MessageState, Urgency
from notifications.settlement import (
    CheckFailed,
    NoWay,
    Outcome,
    Released,
    Standing,
    TooLate,
    Withdrawn,
    move_to,
    settle,
)

from .builders import EVENING

HELD = Standing(
    state="claimed",
    next_attempt_at=EVENING,
    channel="sms",
    channel_is_spent=False,
    in_doubt=False,
    tries=0,
    doubts=0,
    losses=0,
    attempts=0,
    provider_id=None,
    accepted_at=None,
    failed_code=None,
    withdrawn_reason=None,
)
ACCEPTED_BEFORE = replace(HELD, accepted_at=EVENING, channel_is_spent=True)


def _settle(
    standing: Standing, outcome: Outcome, *, urgency: Urgency = Urgency.ROUTINE, keyed: bool = True
) -> Standing:
    return settle(
        standing,
        outcome,
        urgency=urgency,
        now=EVENING,
        is_keyed=keyed,
        waits_for_receipt=urgency is Urgency.URGENT,
        give_up_at=EVENING + timedelta(hours=1),
    )


@pytest.mark.parametrize(
    ("standing", "outcome", "state", "code"),
    [
        (HELD, Accepted("p"), "accepted", None),
        (replace(HELD, failed_code="busy"), Accepted("p"), "accepted", None),  # the old refusal is forgotten
        (HELD, Refused("busy"), "queued", "busy"),
        (HELD, Unknown("timeout"), "unknown", "unknown"),
        (HELD, Handed(HandKind.CALL), "by_hand", None),
        (HELD, Withdrawn("x"), "withdrawn", None),
        (HELD, TooLate(), "failed", "too_late"),
        (replace(HELD, in_doubt=True), TooLate(), "failed", "unknown"),  # it may have arrived
        (HELD, NoWay(), "failed", "no_way"),
        (replace(HELD, failed_code="blocked"), NoWay(), "failed", "blocked"),  # the last reason
        (HELD, CheckFailed(), "queued", None),
        (HELD, Released(), "queued", None),
        (ACCEPTED_BEFORE, Withdrawn("x"), "accepted", None),  # what was accepted stays accepted
        (ACCEPTED_BEFORE, TooLate(), "accepted", None),
        (ACCEPTED_BEFORE, NoWay(), "failed", "no_receipt"),  # urgent, and nobody says that it arrived
    ],
)
def test_where_a_message_stands_after_an_outcome(
    standing: Standing, outcome: Outcome, state: str, code: str | None
) -> None:
    after = _settle(standing, outcome)

    assert (after.state, after.failed_code) == (state, code)
    ended = after.state in (MessageState.ACCEPTED, MessageState.WITHDRAWN, MessageState.FAILED)
    assert (after.next_attempt_at is None) is ended


def test_only_what_is_urgent_waits_for_a_receipt() -> None:
    urgent = _settle(HELD, Accepted("p"), urgency=Urgency.URGENT)
    routine = _settle(HELD, Accepted("p"))

    assert urgent.next_attempt_at == EVENING + timedelta(seconds=90)
    assert routine.next_attempt_at is None


def test_lost_claims_count_as_sends_that_may_have_gone_out() -> None:
    once = _settle(replace(HELD, losses=1), Refused("busy"), keyed=False)
    twice = _settle(replace(HELD, losses=2), Unknown("?"), keyed=False)

    assert (once.doubts, once.losses) == (1, 0)
    assert (twice.doubts, twice.channel_is_spent) == (3, True)


def test_counts_start_anew_on_another_channel_but_a_doubt_of_this_claim_stays() -> None:
    standing = replace(HELD, channel_is_spent=True, tries=3, doubts=2, in_doubt=True, losses=1)

    moved = move_to(standing, "by_hand")

    assert (moved.channel, moved.tries, moved.doubts, moved.losses, moved.in_doubt) == (
        "by_hand",
        0,
        0,
        1,
        True,
    )
    assert move_to(moved, "by_hand") == moved
