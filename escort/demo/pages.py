"""The demonstration's own pages: who can look in as whom, its clock, and everybody's phone."""

import re
from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup, escape
from pydantic import Field

from escort.demo.views import Demo, Leap
from escort.web import cookies
from escort.web.deps import HouseDep
from escort.web.forms import FormModel, Line200, OptionalLine40
from escort.web.policy import demo_only
from escort.web.render import page

INVENTED = demo_only("everybody is invented; whoever sits at this computer may play everybody")

router = APIRouter(include_in_schema=False, dependencies=[INVENTED])

Party = Annotated[str, Field(pattern=r"^(volunteer|guardian|account):\d{1,9}$")]
Parties = Annotated[list[Party], Field(max_length=6)]


class PhoneForm(FormModel):
    phone: Parties = Field(default_factory=list)  # the phones side by side, to come back to


class ReplyForm(PhoneForm):
    text: Line200


class ClockForm(PhoneForm):
    leap: Leap
    to: Annotated[str, Field(pattern="^(start|phones)$")] = "start"


def show_start(request: Request) -> Response:
    """Return the start page; `/` shows it in a demonstration."""
    return page(request, "demo/start.html", view=_demo(request).start(), leap=Leap)


@router.get("/demo/phones")
def show_phones(
    request: Request,
    phone: Annotated[Parties, Query()] = [],  # noqa: B006  # FastAPI copies it
    q: OptionalLine40 = "",
) -> Response:
    view = _demo(request).phones(parties=phone, query=q)
    shown = [one.party for one in view.phones]
    return page(request, "demo/phones.html", view=view, shown=shown, linked=linked, leap=Leap)


@router.get("/demo/phones/{party}")
def show_phone(party: Party) -> Response:
    return _to_phones([party])


@router.post("/demo/phones/{party}/take")
def take(request: Request, party: Party, form: Annotated[PhoneForm, Form()]) -> Response:
    _demo(request).take(party=party)
    return _to_phones(form.phone)


@router.post("/demo/phones/{party}/release")
def release(request: Request, party: Party, form: Annotated[PhoneForm, Form()]) -> Response:
    _demo(request).release(party=party)
    return _to_phones(form.phone)


@router.post("/demo/phones/{party}/reply")
def reply(request: Request, party: Party, form: Annotated[ReplyForm, Form()]) -> Response:
    _demo(request).reply(party=party, text=form.text)
    return _to_phones(form.phone)


@router.post("/demo/clock")
def move_clock(request: Request, form: Annotated[ClockForm, Form()]) -> Response:
    _demo(request).move_clock(leap=form.leap)
    return _to_phones(form.phone) if form.to == "phones" else RedirectResponse("/", status_code=303)


@router.post("/demo/look-as/{who}")
def look_as(request: Request, house: HouseDep, who: OptionalLine40) -> Response:
    entrance = _demo(request).look_as(who=who)
    response = RedirectResponse(entrance.address, status_code=303)
    if entrance.entered is not None:
        cookies.set_session(
            response,
            is_https=house.is_https,
            role=entrance.entered.role,
            secret=entrance.entered.secret,
            lasts=entrance.entered.lasts,
        )
    return response


def linked(text: str) -> Markup:
    """Return a message with its addresses as links, everything else escaped."""
    parts = LINK.split(text)
    return Markup("").join(
        Markup('<a href="{0}">{0}</a>').format(part) if LINK.fullmatch(part) else escape(part)
        for part in parts
    )


def _to_phones(parties: Sequence[str]) -> RedirectResponse:
    chosen = urlencode([("phone", party) for party in parties])
    return RedirectResponse(f"/demo/phones?{chosen}" if chosen else "/demo/phones", status_code=303)


def _demo(request: Request) -> Demo:
    demo: Demo = request.app.state.demo
    return demo


LINK = re.compile(r"(https?://[^\s，。；、]+)")
