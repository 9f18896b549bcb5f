"""What the SMS gateway tells us: replies and receipts. Stored first, understood later, the same one twice is one."""

import hashlib
import logging
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from escort.errors import NotAllowed, Refused
from escort.web.deps import House, HouseDep, NowDep, SessionDep
from escort.web.policy import FOR_PROVIDER
from notifications import signing
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
        came = GatewayReply(
            f"unreadable-{hashlib.sha256(body).hexdigest()[:40]}", sender="", text="", sent_at=None
        )
    record_inbound(
        session,
        provider=PROVIDER,
        provider_message_id=came.provider_message_id,
        sender=came.sender,
        text=came.text,
        raw=body.decode("utf-8", "replace"),
        now=now,
        sent_at=came.sent_at,
    )
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


def _check(request: Request, body: bytes, house: House) -> None:
    secret = house.settings.sms_secret
    if secret is None:
        raise NotAllowed("没有设置短信网关。")
    try:
        signing.verify(secret.get_secret_value(), headers=request.headers, body=body, now=house.real_now())
    except signing.SignatureError as error:
        raise NotAllowed("签名不对。") from error
