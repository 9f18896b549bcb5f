"""SMS by a generic HTTP gateway: a small JSON service in front of any provider, and the phone simulator.

Send: POST {url} {"id", "to", "template", "parameters", "text", "language", "urgent"}, signed as in `signing`; `id` is
our key and the webhook id, and the gateway sends one id once. It answers 2xx {"status": "accepted", "id": ...} or
{"status": "refused", "code", "permanent"}. Ask: GET {url}/{id} answers the same, or 404 if it never came.
The gateway calls us back, signed alike: replies {"id", "from", "to", "text", "sent_at"} and receipts {"id",
"message", "status", "code"}.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx

from notifications import signing
from notifications.channels import Accepted, Finding, OutgoingMessage, Refused, Unknown, Unseen
from notifications.channels.http import time_limits, unanswered, unwelcome
from notifications.models import ReceiptStatus


class SmsGateway:
    """The channel "sms". The client is handed in: `httpx.Client(trust_env=False)`; its redirects stay off."""

    needs_address = True

    def __init__(
        self,
        client: httpx.Client,
        *,
        url: str,
        secret: str,
        now: Callable[[], datetime],
        is_keyed: bool = True,
        sends_receipts: bool = True,
    ) -> None:
        """`now` is real time: it stands in the signature."""
        self._client = client
        self._url = url.rstrip("/")
        self._secret = secret
        self._now = now
        self.is_keyed = is_keyed
        self.sends_receipts = sends_receipts

    def send(self, message: OutgoingMessage) -> Accepted | Refused | Unknown:
        """Send once. A time-out after the request went out is Unknown."""
        body = json.dumps(
            {
                "id": message.key,
                "to": message.to,
                "template": message.template,
                "parameters": dict(message.parameters),
                "text": message.text,
                "language": message.language,
                "urgent": message.urgent,
            },
            ensure_ascii=False,
        ).encode()
        headers = signing.sign(self._secret, message_id=message.key, body=body, now=self._now())
        headers["content-type"] = "application/json; charset=utf-8"
        try:
            answer = self._client.post(
                self._url,
                content=body,
                headers=headers,
                timeout=time_limits(message.timeout_seconds),
                follow_redirects=False,
            )
        except httpx.HTTPError as error:
            return unanswered(error)
        return unwelcome(answer.status_code) or _verdict(answer)

    def look_up(self, key: str, *, timeout_seconds: float) -> Finding:
        """Ask what became of a key. A gateway that cannot say leaves it Unknown."""
        headers = signing.sign(self._secret, message_id=key, body=b"", now=self._now())
        try:
            answer = self._client.get(
                f"{self._url}/{quote(key, safe='')}",
                headers=headers,
                timeout=time_limits(timeout_seconds),
                follow_redirects=False,
            )
        except httpx.HTTPError as error:
            return Unknown(type(error).__name__)
        if answer.status_code == 404:
            return Unseen()
        if not answer.is_success:
            return Unknown(f"HTTP {answer.status_code}")
        return _verdict(answer)


@dataclass(frozen=True)
class GatewayReply:
    """What somebody wrote back."""

    provider_message_id: str
    sender: str
    text: str
    sent_at: datetime | None


@dataclass(frozen=True)
class GatewayReceipt:
    """What became of a message after it was accepted."""

    provider_id: str
    send_key: str | None
    status: ReceiptStatus
    code: str | None


def parse_reply(body: bytes) -> GatewayReply:
    """Read a reply callback. Raises ValueError; the caller has stored the raw body before."""
    fields = _object(body)
    sent_at = fields.get("sent_at")
    return GatewayReply(
        provider_message_id=_text(fields, "id", MAX_ID),
        sender=_text(fields, "from", MAX_ID),
        text=_text(fields, "text", MAX_TEXT, may_be_empty=True),
        sent_at=None if sent_at is None else _instant(sent_at),
    )


def parse_receipt(body: bytes) -> GatewayReceipt:
    """Read a receipt callback. Raises ValueError."""
    fields = _object(body)
    key = fields.get("message")
    return GatewayReceipt(
        provider_id=_text(fields, "id", MAX_ID),
        send_key=key if isinstance(key, str) and key else None,
        status=ReceiptStatus(_text(fields, "status", MAX_ID)),
        code=str(fields["code"])[:MAX_ID] if fields.get("code") else None,
    )


def _verdict(answer: httpx.Response) -> Accepted | Refused | Unknown:
    """Read the gateway's JSON; 200 alone is no acceptance."""
    try:
        fields = _object(answer.content)
        status = _text(fields, "status", MAX_ID)
        if status == "accepted":
            return Accepted(_text(fields, "id", MAX_ID))
        if status == "refused":
            return Refused(_text(fields, "code", MAX_ID), permanent=fields.get("permanent") is True)
    except ValueError as unreadable:
        return Unknown(f"unreadable answer: {unreadable}")
    return Unknown("the answer says neither accepted nor refused")


def _object(body: bytes) -> dict[str, Any]:
    if len(body) > MAX_BODY:
        raise ValueError("the body is too long")
    try:
        fields = json.loads(body)
    except RecursionError as nested:
        raise ValueError("nested too deeply") from nested
    if not isinstance(fields, dict):
        raise ValueError("not a JSON object")
    return fields


def _text(fields: dict[str, Any], name: str, longest: int, *, may_be_empty: bool = False) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or len(value) > longest or not (value or may_be_empty):
        raise ValueError(f"{name} is missing or malformed")
    return value


def _instant(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError("sent_at is malformed")
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise ValueError("sent_at has no offset")
    try:
        return at.astimezone(UTC)
    except OverflowError as out_of_range:
        raise ValueError("sent_at is out of range") from out_of_range


MAX_BODY = 64 * 1024
MAX_ID = 200
MAX_TEXT = 10_000
