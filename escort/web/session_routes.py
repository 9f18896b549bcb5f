"""Signing in and out, and the first coordinator's set-up."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import Session

from escort.access import accounts, links
from escort.access.accounts import Entered
from escort.access.models import Purpose, Role
from escort.access.secret import new_token
from escort.cases import duty
from escort.errors import NotAllowed, Refused, SignInNeeded, TooMany
from escort.web import account_routes, cookies, csrf, safety_routes, second_factor_routes
from escort.web.deps import House, HouseDep, NowDep, ReadSessionDep
from escort.web.forms import FormModel, OptionalLine40, OptionalLine200, Secret
from escort.web.policy import public
from escort.web.render import page

router = APIRouter(include_in_schema=False)
router.include_router(account_routes.router)
router.include_router(second_factor_routes.router)
router.include_router(safety_routes.router)


class SignInForm(FormModel):
    login: OptionalLine200 = ""
    password: Secret = ""
    next: OptionalLine200 = ""


class CodeForm(FormModel):
    code: OptionalLine40 = ""
    next: OptionalLine200 = ""


class SignOutForm(FormModel):
    everywhere: bool = False


class SetupForm(FormModel):
    login: OptionalLine200 = ""
    name: OptionalLine40 = ""
    phone: OptionalLine40 = ""
    password: Secret = ""


@router.get("/sign-in", dependencies=[public("whoever signs in is not yet anybody")])
def show_sign_in(request: Request, house: HouseDep, next: str = "") -> Response:  # noqa: A002  # the URL's word
    return _form(request, house, "session/sign_in.html", login="", next=next, sentence="")


@router.post("/sign-in", dependencies=[public("whoever signs in is not yet anybody")])
def sign_in(
    request: Request, house: HouseDep, form: Annotated[SignInForm, Form()], posted: csrf.PostedToken
) -> Response:
    _check_form(request, house, posted)
    now = house.real_now()
    try:
        entered = accounts.sign_in(
            house.store,
            login=form.login,
            password=form.password,
            source=_source(request),
            is_known=_is_known(request, house, form.login),
            passwords=house.passwords,
            now=now,
        )
    except (SignInNeeded, TooMany) as refused:
        return _form(
            request,
            house,
            "session/sign_in.html",
            refused.status,
            login=form.login,
            next=form.next,
            sentence=refused.sentence,
        )
    if entered.is_half:
        return _ask_for_code(house, entered, next=form.next)
    _end_replaced(request, house, entered)
    response = _enter(house, entered, where=_landing(entered.role, form.next))
    _remember_browser(response, house, form.login)
    return response


@router.get("/sign-in/code", dependencies=[public("whoever signs in is not yet anybody")])
def show_code(request: Request, house: HouseDep, next: str = "") -> Response:  # noqa: A002  # the URL's word
    if cookies.plain(request, house.is_https, HALF_COOKIE) is None:
        return RedirectResponse("/sign-in", status_code=303)
    return _form(request, house, "session/code.html", next=next, sentence="")


@router.post("/sign-in/code", dependencies=[public("whoever signs in is not yet anybody")])
def enter_code(
    request: Request, house: HouseDep, form: Annotated[CodeForm, Form()], posted: csrf.PostedToken
) -> Response:
    _check_form(request, house, posted)
    half, now = cookies.plain(request, house.is_https, HALF_COOKIE) or "", house.real_now()
    login = accounts.login_of_half(house.store, secret=half, now=now)
    try:
        entered = accounts.enter_code(
            house.store,
            secret=half,
            code=form.code,
            source=_source(request),
            is_known=_is_known(request, house, login),
            now=now,
        )
    except (SignInNeeded, TooMany) as refused:
        return _form(
            request, house, "session/code.html", refused.status, next=form.next, sentence=refused.sentence
        )
    _end_replaced(request, house, entered)
    response = _enter(house, entered, where=_landing(entered.role, form.next))
    cookies.clear_plain(response, is_https=house.is_https, name=HALF_COOKIE)
    _remember_browser(response, house, login)
    return response


@router.post(
    "/sign-out", dependencies=[public("a browser ends what it began; the form's token names the sign-in")]
)
def sign_out(
    request: Request, house: HouseDep, form: Annotated[SignOutForm, Form()], posted: csrf.PostedToken
) -> Response:
    response = RedirectResponse("/" if house.is_demo else "/sign-in", status_code=303)
    now = house.real_now()
    for role in cookies.SESSION_NAMES:
        secret = cookies.session_secret(request, house.is_https, role)
        if secret is None or not hmac.compare_digest(csrf.token_for(secret), posted):
            continue
        with house.store.write() as session:
            inside = accounts.who_is_inside(session, secret=secret, now=now)
            accounts.end_sign_in(session, secret=secret, now=now)
            if inside is not None and form.everywhere:
                accounts.end_all_sign_ins(
                    session, account_id=inside.account_id, by=f"account:{inside.account_id}", now=now
                )
        cookies.clear_session(response, is_https=house.is_https, role=role)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'  # not "cookies": a bound phone stays bound
    return response


@router.get("/setup/{token}", dependencies=[public("the one-time link on the console is the key")])
def show_setup(
    request: Request, house: HouseDep, session: ReadSessionDep, token: str, now: NowDep
) -> Response:
    links.resolve(session, token=token, purpose=Purpose.SETUP, now=now)
    return _form(request, house, "session/setup.html", login="", name="", phone="", sentence="")


@router.post("/setup/{token}", dependencies=[public("the one-time link on the console is the key")])
def set_up(
    request: Request,
    house: HouseDep,
    token: str,
    form: Annotated[SetupForm, Form()],
    posted: csrf.PostedToken,
    now: NowDep,
) -> Response:
    _check_form(request, house, posted)
    try:
        with house.store.write() as session:
            entered = _make_first_coordinator(session, house, token, form, now)
    except Refused as refused:
        return _form(
            request,
            house,
            "session/setup.html",
            refused.status,
            login=form.login,
            name=form.name,
            phone=form.phone,
            sentence=refused.sentence,
        )
    response = _enter(house, entered, where=_landing(entered.role, ""))
    _remember_browser(response, house, form.login)
    return response


def _make_first_coordinator(
    session: Session, house: House, token: str, form: SetupForm, now: datetime
) -> Entered:
    """Make the account, keep its number, and put its owner on duty: from the first hour somebody is."""
    account = accounts.create_first_coordinator(
        session,
        link=links.resolve(session, token=token, purpose=Purpose.SETUP, now=now),
        login=form.login,
        name=form.name,
        password=form.password,
        now=now,
        passwords=house.passwords,
    )
    account_id = account.id or 0
    duty.keep_phone(session, account_id=account_id, phone=form.phone, by="system", now=now)
    duty.put_on_duty(session, account_id=account_id, by="system", now=now)
    return accounts.open_sign_in(session, account_id=account_id, now=house.real_now())


def _ask_for_code(house: House, entered: Entered, *, next: str) -> RedirectResponse:  # noqa: A002
    response = RedirectResponse(f"/sign-in/code?next={quote(next, safe='/')}", status_code=303)
    cookies.set_plain(
        response, is_https=house.is_https, name=HALF_COOKIE, value=entered.secret, lasts=entered.lasts
    )
    return response


def _source(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _form(
    request: Request, house: House, template: str, status_code: int = 200, **context: str
) -> HTMLResponse:
    """Return a form for somebody who has no sign-in yet, tied to his browser by a cookie of its own."""
    secret = cookies.plain(request, house.is_https, FORM_COOKIE)
    fresh = secret is None
    secret = secret or new_token()
    request.state.csrf_token = csrf.token_for(secret)
    response = page(request, template, status_code, **context)
    if fresh:
        cookies.set_plain(response, is_https=house.is_https, name=FORM_COOKIE, value=secret, lasts=FORM_LASTS)
    return response


def _check_form(request: Request, house: House, posted: str) -> None:
    secret = cookies.plain(request, house.is_https, FORM_COOKIE)
    if secret is None:
        raise NotAllowed(csrf.SENTENCE)
    csrf.check(request, house.settings.base_url, cookie=secret, posted=posted)


def _end_replaced(request: Request, house: House, entered: Entered) -> None:
    """End what this browser was signed in to in the same role: the new sign-in has a new secret."""
    old = cookies.session_secret(request, house.is_https, Role(entered.role))
    if old is not None:
        with house.store.write() as session:
            accounts.end_sign_in(session, secret=old, now=house.real_now())


def _enter(house: House, entered: Entered, *, where: str) -> RedirectResponse:
    response = RedirectResponse(where, status_code=303)
    cookies.set_session(
        response, is_https=house.is_https, role=entered.role, secret=entered.secret, lasts=entered.lasts
    )
    return response


def _landing(role: str, asked: str) -> str:
    """Return where somebody goes after signing in: the page he asked for if it is ours and his, else his first one."""
    is_ours = asked.startswith("/") and not asked.startswith(("//", "/\\"))
    if role == Role.GATE:
        return asked if is_ours and asked.startswith("/gate") else "/gate"
    return asked if is_ours and not asked.startswith(("/gate", "/sign-")) else "/today"


def _remember_browser(response: Response, house: House, login: str) -> None:
    """Note in the browser that this login was right here once: its tries are then counted apart from strangers'."""
    nonce = secrets.token_hex(8)
    cookies.set_plain(
        response,
        is_https=house.is_https,
        name=KNOWN_COOKIE,
        value=f"{nonce}.{_known_mark(house, login, nonce)}",
        lasts=KNOWN_LASTS,
    )


def _is_known(request: Request, house: House, login: str) -> bool:
    nonce, _, mark = (cookies.plain(request, house.is_https, KNOWN_COOKIE) or "").partition(".")
    return hmac.compare_digest(mark.encode(), _known_mark(house, login, nonce).encode())


def _known_mark(house: House, login: str, nonce: str) -> str:
    key = house.store.keyring.derive("known browser")
    return hmac.new(key, f"{nonce}:{login.strip().casefold()}".encode(), hashlib.sha256).hexdigest()


HALF_COOKIE = "dj_half"
FORM_COOKIE = "dj_form"
FORM_LASTS = timedelta(hours=12)
KNOWN_COOKIE = "dj_known"
KNOWN_LASTS = timedelta(days=365)
