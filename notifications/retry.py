"""When to try again, and when to stop trying: by urgency, on one channel at a time."""

from dataclasses import dataclass
from datetime import timedelta

from notifications.models import Urgency


@dataclass(frozen=True)
class RetryPolicy:
    """How one urgency is sent. After the last delay the message moves to the next channel, at last to a human."""

    delays: tuple[timedelta, ...]  # after the first refusal, the second, ...
    doubt_delay: timedelta  # how long to wait for a receipt before an ambiguous send is looked up or resent
    lease: timedelta  # real time; longer than the time-out, so that a slow send is not taken for a dead one
    timeout_seconds: float  # of one send
    receipt_within: (
        timedelta | None
    )  # accepted but no receipt in this time: the next channel; None: do not wait


def policy_for(urgency: str) -> RetryPolicy:
    """Return the policy of an urgency."""
    return POLICIES[Urgency(urgency)]


def next_try(urgency: str, *, tries: int) -> timedelta | None:
    """Return how long to wait after `tries` refusals on one channel, or None: give this channel up."""
    delays = policy_for(urgency).delays
    return delays[tries - 1] if tries <= len(delays) else None


RESUBMITS = 1  # sends after one that may have gone out, to a provider that does not know a repeated key
KEYED_RESUBMITS = 5  # ... to one that sends a repeated key only once: it costs nobody anything

POLICIES = {
    # A child may be waiting: about 20 seconds on one channel (4 s time-outs included), then the next.
    Urgency.URGENT: RetryPolicy(
        delays=(timedelta(seconds=2), timedelta(seconds=5)),
        doubt_delay=timedelta(seconds=3),
        lease=timedelta(seconds=12),
        timeout_seconds=4.0,
        receipt_within=timedelta(seconds=90),
    ),
    Urgency.ROUTINE: RetryPolicy(
        delays=(timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=20), timedelta(minutes=60)),
        doubt_delay=timedelta(minutes=1),
        lease=timedelta(seconds=60),
        timeout_seconds=10.0,
        receipt_within=None,
    ),
}
