"""SMS by Alibaba Cloud (dysmsapi SendSms 2017-05-25), signed with ACS3-HMAC-SHA256.

Every business parameter travels in the query, the body is empty. Only templates go out that the provider has approved;
a wording without one is refused here, so that the next channel takes it. The provider knows no repeated key: after
a time-out only its receipt says what became of a message. Its callbacks are unsigned and come to a secret path: JSON
lists of receipts (SmsReport) and of replies (SmsUp), with Beijing times that name no zone.
Source: the provider's documentation of SendSms, of the V3 signature and of the HTTP batch push.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

import httpx

from notifications.channels import Accepted, OutgoingMessage, Refused, Unknown
from notifications.channels.http import time_limits, unanswered, unwelcome
from notifications.channels.sms_gateway import GatewayReceipt, GatewayReply
from notifications.models import ReceiptStatus

ENDPOINT = "https://dysmsapi.aliyuncs.com"
ANSWER = {"code": 0, "msg": "接收成功"}
"""What the provider wants to hear when it has told us something; anything else and it tells us again."""


class AliyunSms:
    """The channel "sms". The client is handed in: `httpx.Client(trust_env=False)`."""

    needs_address = True
    is_keyed = False
    sends_receipts = True

    def __init__(
        self,
        client: httpx.Client,
        *,
        key_id: str,
        key_secret: str,
        sign_name: str,
        template_code: Callable[[str], str | None],
        now: Callable[[], datetime],
        nonce: Callable[[], str],
        endpoint: str = ENDPOINT,
    ) -> None:
        """`template_code`: our key -> the provider's approved id, or None. `now` is real time, `nonce` never repeats."""
        self._client = client
        self._key_id = key_id
        self._key_secret = key_secret
        self._sign_name = sign_name
        self._template_code = template_code
        self._now = now
        self._nonce = nonce
        self._endpoint = endpoint.rstrip("/")

    def send(self, message: OutgoingMessage) -> Accepted | Refused | Unknown:
        """Send once. What the provider refuses is refused, though it says so with HTTP 200."""
        code = self._template_code(message.template)
        if code is None:
            return Refused("template_not_approved", permanent=True, detail=message.template)
        query = {
            "PhoneNumbers": message.to.removeprefix("+86").removeprefix("+"),
            "SignName": self._sign_name,
            "TemplateCode": code,
            "TemplateParam": json.dumps(dict(message.parameters), ensure_ascii=False),
            "OutId": message.key,
        }
        headers = sign_request(
            query,
            host=urlsplit(self._endpoint).netloc,
            key_id=self._key_id,
            key_secret=self._key_secret,
            now=self._now(),
            nonce=self._nonce(),
        )
        try:
            answer = self._client.post(
                f"{self._endpoint}/?{canonical_query(query)}",
                headers=headers,
                timeout=time_limits(message.timeout_seconds),
                follow_redirects=False,
            )
        except httpx.HTTPError as error:
            return unanswered(error)
        return _verdict(answer)


def sign_request(
    query: Mapping[str, str], *, host: str, key_id: str, key_secret: str, now: datetime, nonce: str
) -> dict[str, str]:
    """Return the headers of one signed SendSms request with an empty body. `now` is aware."""
    headers = {
        "host": host,
        "x-acs-action": "SendSms",
        "x-acs-content-sha256": _sha256(b""),
        "x-acs-date": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": nonce,
        "x-acs-version": "2017-05-25",
    }
    signed = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"POST\n/\n{canonical_query(query)}\n{lines}\n{signed}\n{_sha256(b'')}"
    text = f"{ALGORITHM}\n{_sha256(canonical.encode())}"
    signature = hmac.new(key_secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    authorization = f"{ALGORITHM} Credential={key_id},SignedHeaders={signed},Signature={signature}"
    return headers | {"authorization": authorization}


def canonical_query(query: Mapping[str, str]) -> str:
    """Return the query sorted by name, in the letters of RFC 3986: what is signed is what is sent."""
    return "&".join(f"{quote(name, safe='~')}={quote(query[name], safe='~')}" for name in sorted(query))


def parse_receipts(body: bytes) -> list[GatewayReceipt]:
    """Read a push of receipts. Raises ValueError; a row that cannot be read raises too: the provider pushes it again."""
    return [
        GatewayReceipt(
            provider_id=_text(row, "biz_id"),
            send_key=_text(row, "out_id") if row.get("out_id") else None,
            status=ReceiptStatus.DELIVERED if row.get("success") is True else ReceiptStatus.FAILED,
            code=str(row["err_code"])[:LONGEST] if row.get("err_code") else None,
        )
        for row in _rows(body)
    ]


def parse_replies(body: bytes) -> list[GatewayReply]:
    """Read a push of replies. Raises ValueError. The sequence number comes as a number or as text."""
    return [
        GatewayReply(
            provider_message_id=str(row.get("sequence_id") or _fingerprint(row))[:LONGEST],
            sender=_text(row, "phone_number"),
            text=_text(row, "content", may_be_empty=True, longest=LONGEST_TEXT),
            sent_at=_beijing(row["send_time"]) if row.get("send_time") else None,
        )
        for row in _rows(body)
    ]


def registered_text(text: str) -> str:
    """Return one of our texts as it is registered: `${name}` for each variable, without the signature before it."""
    return text.removeprefix("【杜鹃鸟】").replace("{", "${")


def _verdict(answer: httpx.Response) -> Accepted | Refused | Unknown:
    try:
        said = json.loads(answer.content)
        code = said["Code"]
        if not isinstance(code, str):
            raise TypeError("Code is no text")
    except (ValueError, KeyError, TypeError) as unreadable:
        return unwelcome(answer.status_code) or Unknown(f"unreadable answer: {type(unreadable).__name__}")
    if answer.is_success and code == "OK":
        biz_id = said.get("BizId")
        return Accepted(biz_id) if isinstance(biz_id, str) and biz_id else Unknown("accepted without BizId")
    if answer.status_code >= 500:
        return unwelcome(answer.status_code) or Unknown(code)
    if code in MAY_HAVE_GONE_OUT:
        return Unknown(code)
    passes = code in COMES_BACK or code.startswith("Throttling")
    return Refused(code[:LONGEST], permanent=not passes, detail=str(said.get("Message", ""))[:LONGEST])


def _rows(body: bytes) -> Sequence[Mapping[str, Any]]:
    if len(body) > MAX_BODY:
        raise ValueError("the body is too long")
    try:
        pushed = json.loads(body)
    except RecursionError as nested:
        raise ValueError("nested too deeply") from nested
    rows = pushed if isinstance(pushed, list) else [pushed]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise ValueError("neither an object nor a list of objects")
    return rows


def _text(row: Mapping[str, Any], name: str, *, may_be_empty: bool = False, longest: int = 200) -> str:
    value = row.get(name)
    if not isinstance(value, str) or len(value) > longest or not (value or may_be_empty):
        raise ValueError(f"{name} is missing or malformed")
    return value


def _beijing(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError("send_time is malformed")
    return datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING).astimezone(UTC)


def _fingerprint(row: Mapping[str, Any]) -> str:
    return _sha256(json.dumps(row, sort_keys=True, ensure_ascii=False).encode())[:40]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


ALGORITHM = "ACS3-HMAC-SHA256"
BEIJING = ZoneInfo("Asia/Shanghai")
COMES_BACK = frozenset({"isv.BUSINESS_LIMIT_CONTROL"})
"""Refusals that pass: flow control. All others stay the same for this message."""
MAY_HAVE_GONE_OUT = frozenset({"isp.SYSTEM_ERROR"})
"""The provider's own trouble, which does not say how far it had come."""

LONGEST = 200
LONGEST_TEXT = 10_000
MAX_BODY = 64 * 1024
