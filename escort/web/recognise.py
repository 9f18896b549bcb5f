"""Tying a phone to its owner, for both kinds of link: the first by one tap, a further one by a code."""

from datetime import datetime, timedelta

from fastapi import Request, Response
from sqlmodel import Session

from escort import wording
from escort.access.devices import BoundDevice, CodeVerdict
from escort.sentences import mark
from escort.web.binding import Visitor, bind_by_code, bind_by_tap, send_code
from escort.web.deps import get_house
from notifications.models import Urgency
from notifications.outbox import enqueue


def bind_first(
    response: Response, request: Request, session: Session, visitor: Visitor, now: datetime
) -> bool:
    """Bind this phone if it is its owner's first, and tell the registered number. Returns whether it is bound."""
    device = bind_by_tap(response, request, session, visitor)
    if device is not None:
        _tell(request, session, device, now)
    return visitor.bound or device is not None


def ask_for_code(request: Request, session: Session, visitor: Visitor, now: datetime) -> None:
    """Send a one-time code to the registered number. Raises TooMany."""
    house = get_house(request)
    code = send_code(session, house, visitor)
    enqueue(
        session,
        to=visitor.subject,
        wording=wording.one_time_code(code, minutes=CODE_MINUTES),
        about=f"device:{visitor.subject}",
        dedup_key=f"device-code:{visitor.link.id}:{house.real_now().isoformat()}",
        now=now,
        urgency=Urgency.URGENT,
        do_not_send_after=now + timedelta(minutes=CODE_MINUTES),
    )


def redeem(
    response: Response, request: Request, session: Session, visitor: Visitor, code: str, now: datetime
) -> str:
    """Bind this phone by a code; return "" or the sentence that says what to do instead."""
    outcome = bind_by_code(response, request, session, visitor, code)
    if isinstance(outcome, BoundDevice):
        _tell(request, session, outcome, now)
        return ""
    return MISTAKES[outcome]


def _tell(request: Request, session: Session, device: BoundDevice, now: datetime) -> None:
    enqueue(
        session,
        to=device.subject,
        wording=wording.device_bound(duty_phone=get_house(request).settings.duty_phone),
        about=f"device:{device.subject}",
        dedup_key=f"device-bound:{device.device_id}",
        now=now,
    )


CODE_MINUTES = 10
MISTAKES = {
    CodeVerdict.WRONG: mark("这个数不对。请看最新的一条短信，再填一次。"),
    CodeVerdict.SPENT: mark("这个验证码已经不能用了。请回去再点一次“这是我的手机”，我们发新的。"),
}
