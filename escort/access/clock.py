"""The real clock, for what the demonstration's clock may not move: cookies, one-time codes, throttles."""

from datetime import UTC, datetime


def real_now() -> datetime:
    """Return the real instant (aware UTC)."""
    return datetime.now(UTC)
