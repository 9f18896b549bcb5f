"""What every answer carries, and what a reader sees when something goes wrong."""

import logging
import secrets
import traceback
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from escort.errors import DujuanError, SecondFactorNeeded, SignInNeeded
from escort.sentences import mark
from escort.web import languages
from escort.web.deps import House, get_house

log = structlog.wrap_logger(
    logging.getLogger("escort.web"),
    # Said here, since structlog's default draws each frame with its local values: names, tokens, a minute of printing.
    processors=[
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ],
)


def install(app: FastAPI, house: House) -> None:
    """Put headers, request ids and error pages on an app. Call it last, when everything else is added."""
    app.add_exception_handler(DujuanError, _known)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_middleware(Guard, house=house)


class Guard:
    """The outermost layer: names the request, sets the headers, and answers for what nobody else caught."""

    def __init__(self, app: ASGIApp, house: House) -> None:
        self.app = app
        self.house = house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        state["request_id"] = secrets.token_hex(6)
        state["csp_nonce"] = secrets.token_urlsafe(12)
        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _set_headers(MutableHeaders(scope=message), scope, self.house)
            await send(message)

        try:
            await self.app(scope, _limited(receive, _most_bytes(scope)), send_guarded)
        except Exception as error:
            _log(error, scope, self.house)
            if started:
                raise
            await _unexpected(Request(scope))(scope, receive, send_guarded)
        if "after_answer" in state:
            await run_in_threadpool(state["after_answer"])


def _most_bytes(scope: Scope) -> int:
    return next((most for prefix, most in BODY_BYTES.items() if scope["path"].startswith(prefix)), FORM_BYTES)


def _limited(receive: Receive, most: int) -> Receive:
    """Return a `receive` that refuses a body beyond `most` bytes, whatever its header says about its length."""
    taken = 0

    async def take() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise HTTPException(413)
        return message

    return take


def _set_headers(headers: MutableHeaders, scope: Scope, house: House) -> None:
    nonce = scope["state"]["csp_nonce"]
    headers["Content-Security-Policy"] = (
        f"default-src 'self'; style-src 'self' 'nonce-{nonce}'; script-src 'self' 'nonce-{nonce}'; "
        "img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    headers["Referrer-Policy"] = "no-referrer"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"  # for WebViews that do not know frame-ancestors
    headers["X-Robots-Tag"] = "noindex, nofollow"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["X-Request-ID"] = scope["state"]["request_id"]
    if not scope["path"].startswith(STATIC):
        headers["Cache-Control"] = "no-store"
        headers.add_vary_header("Cookie")  # whoever keeps a page against that: not for another language
    elif scope["query_string"]:  # its address changes with its content
        headers["Cache-Control"] = "public, max-age=31536000, immutable"
    if house.is_https:
        headers["Strict-Transport-Security"] = "max-age=31536000"


async def _known(request: Request, error: Exception) -> Response:
    """Answer an error that has a sentence of its own."""
    if not isinstance(error, DujuanError):
        raise TypeError("only errors with a sentence come here") from error
    is_page = request.method in ("GET", "HEAD") and not _wants_json(request)
    if isinstance(error, SecondFactorNeeded) and is_page:
        return RedirectResponse("/second-factor", status_code=303)
    if isinstance(error, SignInNeeded) and is_page:
        asked = request.url.path + ("?" + request.url.query if request.url.query else "")
        where = "/" if get_house(request).is_demo else f"/sign-in?next={quote(asked, safe='/')}"
        return RedirectResponse(where, status_code=303)
    return _answer(request, error.status, error.sentence)


async def _malformed(request: Request, error: Exception) -> Response:
    """Answer a form that we cannot read. The log names the fields, never what was typed; the reader has no use for names."""
    if not isinstance(error, RequestValidationError):
        raise TypeError("only malformed requests come here") from error
    mistakes = [mistake["loc"] for mistake in error.errors()]
    if any(where[0] == "path" for where in mistakes):
        return _answer(request, 404, SENTENCES[404])  # an address that was never ours
    names = sorted({str(where[-1]) for where in mistakes})
    log.info("malformed", path=_route(request.scope), fields=names, request_id=request.state.request_id)
    return _answer(request, 422, mark("有一项没有填对，请返回改一改。您填的其他内容都还在。"))


async def _http(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses: no such page, wrong method, too large."""
    if not isinstance(error, HTTPException):
        raise TypeError("only HTTP errors come here") from error
    sentence = SENTENCES.get(error.status_code, mark("这个请求办不了。请返回上一页再试。"))
    return _answer(request, error.status_code, sentence, headers=dict(error.headers or {}))


def _unexpected(request: Request) -> Response:
    return _answer(
        request, 500, mark("系统出了问题，刚才这一步没有办成。请再试一次；着急的事请直接打电话给值班室。")
    )


def _answer(request: Request, status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    """Return the sentence as a page or as JSON, with the number by which we find the case in our logs."""
    reference = request.state.request_id
    house = get_house(request)
    lang = languages.language_of(request, is_https=house.is_https)
    sentence = languages.say(lang, sentence)
    if _wants_json(request):
        return JSONResponse({"error": sentence, "reference": reference}, status, headers)
    try:
        page = house.templates.get_template("errors/error.html").render(
            lang=lang,
            sentence=sentence,
            reference=reference,
            status=status,
            duty_phone=house.settings.duty_phone,
            nonce=request.state.csp_nonce,
            sign_in_at="/" if house.is_demo else "/sign-in",
        )
    except Exception as broken:  # the last resort must not depend on a template
        _log(broken, request.scope, house)
        page = f"<!doctype html><meta charset=utf-8><p>{sentence}</p><p>{house.settings.duty_phone}</p><p>{reference}</p>"
    return HTMLResponse(page, status, headers)


def _wants_json(request: Request) -> bool:
    if request.url.path.startswith(JSON_PATHS):
        return True
    sends_json = request.headers.get("content-type", "").startswith("application/json")
    return sends_json or request.headers.get("accept", "").startswith("application/json")


def _log(error: Exception, scope: Scope, house: House) -> None:
    """Write where it broke, not with what: messages of errors may hold names and numbers of people."""
    frames = traceback.extract_tb(error.__traceback__)
    log.error(
        "unexpected",
        error=type(error).__name__,
        at=[f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames[-12:]],
        method=scope["method"],
        path=_route(scope),
        request_id=scope["state"]["request_id"],
        exc_info=error if house.is_demo else None,  # there, everybody is invented
    )


def _route(scope: Scope) -> str:
    """Return the route's pattern: the path itself may hold somebody's link."""
    return str(getattr(scope.get("route"), "path", "?"))


STATIC = "/static/"
JSON_PATHS = ("/api/", "/callbacks/", "/livez", "/readyz", "/healthz")
SENTENCES = {
    404: mark("没有这一页。请从消息里的链接或首页重新进来。"),
    405: mark("这一页不能这样打开。请返回上一页再试。"),
    413: mark("文件太大了。请分成几份，或去掉里面的图片再传。"),
}
FORM_BYTES = 256 * 1024
UPLOAD_BYTES = 12 * 1024 * 1024
BODY_BYTES = {"/import": UPLOAD_BYTES, "/callbacks/": 64 * 1024}  # by path; elsewhere FORM_BYTES
LIMITS: dict[str, Any] = {"form_limits": {"max_fields": 1500, "max_files": 2, "max_part_size": FORM_BYTES}}
