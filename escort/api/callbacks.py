"""What the SMS gateway tells us: replies and receipts. Stored first, understood later, the same one twice is one."""

import hashlib
import logging
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlmodel import Session

from escort.errors import NotAllowed, NotFound, Refused
from escort.web.deps import House, HouseDep, NowDep, SessionDep
from escort.web.policy import FOR_PROVIDER
from notifications import signing
from notifications.channels import aliyun_sms
from notifications.channels.sms_gateway import GatewayReply, parse_receipt, parse_reply
from notifications.inbound import record_inbound, record_receipt

log = logging.getLogger(__name__)
router = APIRouter(prefix="/callbacks", tags=["provider"])
PROVIDER = "sms"


async def raw_body(request: Request) -> bytes:
    """Providers send JSON without saying so: the body is read as it came."""
    return await request.body()


Body = Annotated[bytes, Depends(raw_body)]


@router.post("/{token}/reply", dependencies=[FOR_PROVIDER])
def reply(request: Request, body: Body, session: SessionDep, house: HouseDep, now: NowDep) -> dict[str, str]:
    """Store what somebody wrote back. It is read at the next heartbeat; what has no shape, by a human."""
    _check(request, body, house)
    try:
        came = parse_reply(body)
    except ValueError as error:
        log.warning("a signed reply cannot be read: %s", error)
        came = _unreadable(body)
    _store(session, came, raw=body, now=now)
    return {"status": "ok"}


@router.post("/{token}/receipt", dependencies=[FOR_PROVIDER])
def receipt(
    request: Request, body: Body, session: SessionDep, house: HouseDep, now: NowDep
) -> dict[str, str]:
    """Store what became of a message."""
    _check(request, body, house)
    try:
        came = parse_receipt(body)
    except ValueError as error:
        raise Refused(f"回执读不懂：{error}") from error
    record_receipt(
        session,
        provider=PROVIDER,
        provider_id=came.provider_id,
        status=came.status,
        now=now,
        send_key=came.send_key,
        code=came.code,
    )
    return {"status": "ok"}


@router.post("/{token}/aliyun/replies", dependencies=[FOR_PROVIDER])
def aliyun_replies(body: Body, session: SessionDep, house: HouseDep, now: NowDep) -> dict[str, object]:
    """Store what people wrote back (SmsUp). Unsigned: the secret path is the key, and nobody is known by it alone."""
    _must_use_aliyun(house)
    try:
        came = aliyun_sms.parse_replies(body)
    except ValueError as error:
        log.warning("a push of replies cannot be read: %s", error)
        came = [_unreadable(body)]
    for one in came:
        _store(session, one, raw=body, now=now)
    return dict(aliyun_sms.ANSWER)


@router.post("/{token}/aliyun/receipts", dependencies=[FOR_PROVIDER])
def aliyun_receipts(body: Body, session: SessionDep, house: HouseDep, now: NowDep) -> dict[str, object]:
    """Store what became of messages (SmsReport)."""
    _must_use_aliyun(house)
    try:
        came = aliyun_sms.parse_receipts(body)
    except ValueError as error:
        raise Refused(f"回执读不懂：{error}") from error
    for one in came:
        record_receipt(
            session,
            provider=PROVIDER,
            provider_id=one.provider_id,
            status=one.status,
            now=now,
            send_key=one.send_key,
            code=one.code,
        )
    return dict(aliyun_sms.ANSWER)


def _unreadable(body: bytes) -> GatewayReply:
    """Stand for a reply that has no shape: kept as it came, for a human."""
    key = f"unreadable-{hashlib.sha256(body).hexdigest()[:40]}"
    return GatewayReply(key, sender="", text="", sent_at=None)


def _store(session: Session, came: GatewayReply, *, raw: bytes, now: datetime) -> None:
    record_inbound(
        session,
        provider=PROVIDER,
        provider_message_id=came.provider_message_id,
        sender=came.sender,
        text=came.text,
        raw=raw.decode("utf-8", "replace"),
        now=now,
        sent_at=came.sent_at,
    )


def _must_use_aliyun(house: House) -> None:
    if not house.settings.uses_aliyun:
        raise NotFound("没有这一页。")


def _check(request: Request, body: bytes, house: House) -> None:
    secret = house.settings.sms_secret
    if secret is None:
        raise NotAllowed("没有设置短信网关。")
    try:
        signing.verify(secret.get_secret_value(), headers=request.headers, body=body, now=house.real_now())
    except signing.SignatureError as error:
        raise NotAllowed("签名不对。") from error
