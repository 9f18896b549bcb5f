"""Setting up the second factor, and taking it off an account whose phone is gone."""

from typing import Annotated

import segno
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import Session

from escort.access import accounts, second_factor
from escort.errors import Refused, SignInNeeded, TooMany
from escort.web.deps import (
    AtTheDoor,
    CoordinatorAtTheDoor,
    CurrentCoordinator,
    House,
    HouseDep,
    ReadSessionDep,
    SessionDep,
)
from escort.web.forms import FormModel, OptionalLine40, RowId
from escort.web.render import page

router = APIRouter(include_in_schema=False)


class CodeForm(FormModel):
    code: OptionalLine40 = ""


@router.get("/second-factor")
def show(request: Request, session: ReadSessionDep, house: HouseDep, me: AtTheDoor) -> HTMLResponse:
    return _page(request, session, house, me)


@router.post("/second-factor/begin")
def begin(session: SessionDep, house: HouseDep, me: AtTheDoor) -> RedirectResponse:
    second_factor.begin(session, account_id=me.account_id, now=house.real_now())
    return RedirectResponse("/second-factor", status_code=303)


@router.post("/second-factor/confirm")
def confirm(
    request: Request, session: SessionDep, house: HouseDep, me: AtTheDoor, form: Annotated[CodeForm, Form()]
) -> HTMLResponse:
    """Turn it on, end what was signed in elsewhere without it, and show the codes for paper, this once."""
    now = house.real_now()
    try:
        codes = second_factor.confirm(session, account_id=me.account_id, code=form.code, now=now)
    except Refused as refused:
        return _page(request, session, house, me, refused)
    accounts.end_all_sign_ins(session, account_id=me.account_id, by=me.subject, now=now, but=me.sign_in_id)
    return page(request, "session/paper_codes.html", codes=codes)


@router.post("/second-factor/renew")
def renew(request: Request, house: HouseDep, me: AtTheDoor, form: Annotated[CodeForm, Form()]) -> Response:
    """Begin anew, with a new phone or new codes for paper: whoever sits at an open desk must know a code too."""
    now = house.real_now()
    try:
        second_factor.use_code(
            house.store,
            account_id=me.account_id,
            code=form.code,
            source=request.client.host if request.client else "unknown",
            is_known=True,  # he is signed in
            now=now,
        )
    except (SignInNeeded, TooMany) as refused:
        with house.store.read() as session:
            return _page(request, session, house, me, refused)
    with house.store.write() as session:
        second_factor.take_away(session, account_id=me.account_id)
        second_factor.begin(session, account_id=me.account_id, now=now)
    return RedirectResponse("/second-factor", status_code=303)


@router.post("/accounts/{account_id}/second-factor/reset")
def reset(
    session: SessionDep, house: HouseDep, me: CurrentCoordinator, account_id: RowId
) -> RedirectResponse:
    accounts.reset_second_factor(
        session,
        account_id=account_id,
        by=me.subject,
        duty_phone=house.settings.duty_phone,
        now=house.clock.now(),
        real_now=house.real_now(),
    )
    return RedirectResponse("/accounts", status_code=303)


def _page(
    request: Request,
    session: Session,
    house: House,
    me: CoordinatorAtTheDoor,
    refused: Refused | SignInNeeded | TooMany | None = None,
) -> HTMLResponse:
    factor = second_factor.factor_of(session, account_id=me.account_id)
    is_begun = factor is not None and factor.confirmed_at is None
    secret = qr = ""
    if factor is not None and is_begun:
        address = second_factor.address_for_app(
            factor, login=accounts.login_of(session, me.account_id), district=house.settings.district
        )
        secret = " ".join(factor.secret[start : start + 4] for start in range(0, len(factor.secret), 4))
        qr = segno.make(address, error="l").svg_data_uri(scale=5, border=4, light="#fff")
    return page(
        request,
        "session/second_factor.html",
        refused.status if refused else 200,
        since=factor.confirmed_at if factor else None,
        is_begun=is_begun,
        secret=secret,
        qr=qr,
        left=second_factor.codes_left(session, account_id=me.account_id),
        is_needed=house.needs_second_factor,
        sentence=refused.sentence if refused else "",
    )
