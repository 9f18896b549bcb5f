"""What every page of a volunteer asks of whoever opened the link."""

from fastapi.responses import RedirectResponse

from escort.errors import NotAllowed
from escort.web.deps import VolunteerHere


def must_be_bound(visitor: VolunteerHere) -> None:
    if not visitor.bound:
        raise NotAllowed("这部手机还没认过。请打开链接，先点“这是我的手机”。")


def back(visitor: VolunteerHere, to: str = "") -> RedirectResponse:
    return RedirectResponse(f"/v/{visitor.token}{to}", status_code=303)
