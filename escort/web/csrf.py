"""No other site can act in our reader's name: where a request comes from, and a token in every form.

Browsers say where a request comes from in Sec-Fetch-Site; old WebViews do not, and our Referrer-Policy makes them
send "Origin: null": then the form's token decides alone.
"""

import hmac
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from escort.access.secret import form_token as token_for
from escort.errors import NotAllowed
from escort.sentences import mark

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FIELD = "csrf_token"
HEADER = "x-csrf-token"
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
SENTENCE = mark("这一页开得太久了，或不是从我们的页面点来的。请刷新页面再试一次。")


async def posted_token(request: Request) -> str:
    """Return the token of a posted form, or of the header of a script's request; "" if there is none."""
    if request.method in SAFE_METHODS:
        return ""
    if header := request.headers.get(HEADER):
        return header
    if request.headers.get("content-type", "").startswith(FORM_TYPES):
        value = (await request.form()).get(FIELD)
        return value if isinstance(value, str) else ""
    return ""


PostedToken = Annotated[str, Depends(posted_token)]


def check(request: Request, base_url: str, *, cookie: str, posted: str) -> None:
    """Raise NotAllowed unless a changing request comes from our own page with the browser's own token.

    JSON needs no token where the browser says that it comes from us: no other site can send it without asking first.
    """
    if request.method in SAFE_METHODS:
        return
    said = check_origin(request, base_url)
    is_json = request.headers.get("content-type", "").startswith("application/json")
    if is_json and said:
        return
    if not hmac.compare_digest(token_for(cookie).encode(), posted.encode()):
        raise NotAllowed(SENTENCE)


def check_origin(request: Request, base_url: str) -> bool:
    """Return whether the browser said that a changing request is our own; raise NotAllowed if it said otherwise."""
    if request.method in SAFE_METHODS:
        return True
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise NotAllowed(SENTENCE)
        return site == "same-origin"
    origin = request.headers.get("origin")
    if origin is None or origin == "null":
        return False
    if _origin(origin) not in (_origin(base_url), _origin(str(request.base_url))):
        raise NotAllowed(SENTENCE)
    return True


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


__all__ = ["FIELD", "HEADER", "PostedToken", "check", "check_origin", "token_for"]
