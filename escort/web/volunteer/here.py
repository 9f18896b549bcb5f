"""What every page of a volunteer asks of whoever opened the link."""

from fastapi.responses import RedirectResponse
from sqlmodel import Session

from escort.access import devices
from escort.errors import NotAllowed
from escort.web.deps import VolunteerHere


def needs_code(session: Session, visitor: VolunteerHere) -> bool:
    """Whether this phone is a further one of somebody whose first is known: a forwarded link says yes for nobody."""
    return not visitor.bound and devices.has_ever_bound(session, subject=visitor.subject)


def must_not_need_code(session: Session, visitor: VolunteerHere) -> None:
    if needs_code(session, visitor):
        raise NotAllowed(
            "这部手机还没认过，不能替您回答。请打开链接，先点“这是我的手机”，填短信里的验证码；也可以直接回短信。"
        )


def must_be_bound(visitor: VolunteerHere) -> None:
    if not visitor.bound:
        raise NotAllowed("这部手机还没认过。请打开链接，先点“这是我的手机”。")


def back(visitor: VolunteerHere, to: str = "") -> RedirectResponse:
    return RedirectResponse(f"/v/{visitor.token}{to}", status_code=303)
