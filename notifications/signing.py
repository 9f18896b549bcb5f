"""Standard Webhooks signatures: for what we send to machines, and for what they send to us.

https://www.standardwebhooks.com: `webhook-signature: v1,<base64 HMAC-SHA256 of "id.timestamp.body">`, several
separated by spaces while a secret is being turned; the secret is base64 after the prefix "whsec_".
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

TOLERANCE = timedelta(minutes=5)
SECRET_PREFIX = "whsec_"


class SignatureError(ValueError):
    """A callback is not from whom it says, was changed, or is too old."""


def make_secret(key: bytes) -> str:
    """Return a secret in its written form. Raises ValueError unless the key has 24 to 64 bytes."""
    if not 24 <= len(key) <= 64:
        raise ValueError("a webhook secret has 24 to 64 bytes")
    return SECRET_PREFIX + base64.b64encode(key).decode()


def check_secret(secret: str) -> None:
    """Raise ValueError, saying what is expected, unless this is a secret as `make_secret` writes it."""
    if not 24 <= len(_key(secret)) <= 64:
        raise ValueError("a webhook secret has 24 to 64 bytes")


def sign(secret: str, *, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """Return the three headers for a body. Raises ValueError for a secret that is none."""
    timestamp = str(int(now.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1," + _signature(secret, message_id, timestamp, body),
    }


def verify(secrets: str | Sequence[str], *, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """Return the webhook id if one of the secrets signed this body within five minutes. Raises SignatureError."""
    lower = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp = lower.get("webhook-id", ""), lower.get("webhook-timestamp", "")
    if not message_id or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise SignatureError("signature headers are missing or malformed")
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        raise SignatureError("the timestamp is more than five minutes away")
    given = [
        part.removeprefix("v1,")
        for part in lower.get("webhook-signature", "").split()
        if part.startswith("v1,")
    ]
    for secret in [secrets] if isinstance(secrets, str) else secrets:
        expected = _signature(secret, message_id, timestamp, body)
        if any(hmac.compare_digest(expected.encode(), part.encode()) for part in given):
            return message_id
    raise SignatureError("the signature does not match")


def _signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    content = f"{message_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.new(_key(secret), content, hashlib.sha256).digest()).decode()


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError as malformed:
        raise ValueError("a webhook secret is base64 after whsec_") from malformed
