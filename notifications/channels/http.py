"""What the answers and failures of HTTP mean: what certainly did not go out, and what may have."""

import httpx

from notifications.channels import Refused, Unknown


def unanswered(error: httpx.HTTPError) -> Refused | Unknown:
    """Return what a failed exchange means. Only if no connection came about is it sure that nothing went out."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return Refused("unreachable", detail=type(error).__name__)
    return Unknown(type(error).__name__)


def unwelcome(status: int) -> Refused | Unknown | None:
    """Return what a status code means, or None for 2xx.

    429 and 503 are refusals by a server that will take it later; other 5xx may come after it was taken; redirects
    are never followed, since they would carry the message to an address that nobody approved.
    """
    if 200 <= status < 300:
        return None
    if status in (429, 503):
        return Refused("overloaded", detail=f"HTTP {status}")
    if status >= 500:
        return Unknown(f"HTTP {status}")
    if status in (408, 425):
        return Refused("try_later", detail=f"HTTP {status}")
    return Refused(f"http_{status}", permanent=True)


def time_limits(seconds: float) -> httpx.Timeout:
    """Return limits that together stay within `seconds`: httpx counts connecting, writing and reading each alone."""
    return httpx.Timeout(seconds * 0.7, connect=seconds * 0.3, pool=seconds * 0.3)
