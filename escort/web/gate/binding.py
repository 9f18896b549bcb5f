"""Binding a tablet to a school's gate: the QR is the key, and one deliberate tap uses it up."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from escort.access import accounts, gate_devices
from escort.access.models import Role
from escort.schools.service import get_school
from escort.web import cookies
from escort.web.deps import HouseDep, NowDep, ReadSessionDep, SessionDep
from escort.web.forms import FormModel, OptionalLine20
from escort.web.policy import public
from escort.web.render import page

router = APIRouter(include_in_schema=False)


class BindForm(FormModel):
    label: OptionalLine20 = ""


@router.get("/gate/bind/{token}", dependencies=[public("the one-time QR from the office is the key")])
def ask(request: Request, session: ReadSessionDep, token: str, now: NowDep) -> Response:
    """Say which gate this would be. Nothing is bound: previews and cameras open links."""
    school_id = gate_devices.school_of_code(session, token=token, now=now)
    return page(request, "gate/bind.html", school=get_school(session, school_id))


@router.post("/gate/bind/{token}", dependencies=[public("the one-time QR from the office is the key")])
def bind(
    request: Request,
    session: SessionDep,
    house: HouseDep,
    token: str,
    form: Annotated[BindForm, Form()],
    now: NowDep,
) -> Response:
    real_now = house.real_now()
    bound = gate_devices.bind_gate_device(
        session,
        token=token,
        label=form.label,
        replaced=cookies.gate_device_secret(request, house.is_https),
        now=now,
        real_now=real_now,
    )
    response = RedirectResponse("/gate", status_code=303)
    cookies.set_gate_device(
        response, is_https=house.is_https, secret=bound.secret, lasts=gate_devices.BOUND_FOR
    )
    signed_in = cookies.session_secret(request, house.is_https, Role.GATE)
    if signed_in is not None:  # perhaps at another school: what was bound just now is what holds
        accounts.end_sign_in(session, secret=signed_in, now=real_now)
        cookies.clear_session(response, is_https=house.is_https, role=Role.GATE)
    return response
