"""Who may sign in, and which phones are tied to whom: the coordinator's page, and everybody's own."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlmodel import Session, col, select

from escort.access import accounts, devices, gate_devices, links, numbers, second_factor
from escort.access.models import Role
from escort.cases import duty
from escort.errors import NotAllowed, NotFound
from escort.schools.models import School
from escort.schools.service import get_school
from escort.web.deps import (
    CurrentCoordinator,
    CurrentGuardian,
    CurrentLeader,
    CurrentVolunteer,
    GuardianHere,
    House,
    HouseDep,
    LeaderHere,
    NowDep,
    ReadSessionDep,
    SessionDep,
    VolunteerHere,
)
from escort.web.forms import FormModel, OptionalLine40, OptionalLine200, OptionalRowId, RowId, Secret
from escort.web.qr import qr_code
from escort.web.render import page
from notifications import holds
from notifications.addresses import live_addresses

router = APIRouter(include_in_schema=False)


class AccountForm(FormModel):
    role: Role = Role.GATE
    school_id: OptionalRowId = None
    login: OptionalLine200 = ""
    name: OptionalLine40 = ""
    phone: OptionalLine40 = ""
    password: Secret = ""


class PasswordForm(FormModel):
    password: Secret = ""


class RungBackForm(FormModel):
    spoken_with: OptionalLine40 = ""


class PhoneForm(FormModel):
    phone: OptionalLine40 = ""


@router.get("/accounts")
def show_accounts(
    request: Request, session: ReadSessionDep, house: HouseDep, me: CurrentCoordinator
) -> HTMLResponse:
    schools = list(session.exec(select(School).order_by(col(School.id))))
    names = {school.id: school.name for school in schools}
    return page(
        request,
        "session/accounts.html",
        accounts=accounts.accounts(session),
        schools=schools,
        names=names,
        numbers=duty.office_phones(session),
        on_duty=duty.always_on_duty(session),
        tablets=gate_devices.gate_devices(session, now=house.real_now()),
        real_now=house.real_now(),
        with_second=second_factor.accounts_with_one(session),
        my_id=me.account_id,
    )


@router.post("/accounts")
def create_account(
    session: SessionDep,
    house: HouseDep,
    me: CurrentCoordinator,
    form: Annotated[AccountForm, Form()],
    now: NowDep,
) -> RedirectResponse:
    account = accounts.create_account(
        session,
        login=form.login,
        name=form.name,
        role=form.role,
        password=form.password,
        school_id=form.school_id if form.role is Role.GATE else None,
        by=me.subject,
        now=house.real_now(),
        passwords=house.passwords,
    )
    if form.role is Role.COORDINATOR:
        duty.keep_phone(session, account_id=account.id or 0, phone=form.phone, by=me.subject, now=now)
    return RedirectResponse("/accounts", status_code=303)


@router.post("/accounts/{account_id}/phone")
def keep_phone(
    session: SessionDep,
    me: CurrentCoordinator,
    account_id: RowId,
    form: Annotated[PhoneForm, Form()],
    now: NowDep,
) -> RedirectResponse:
    duty.keep_phone(session, account_id=account_id, phone=form.phone, by=me.subject, now=now)
    return RedirectResponse("/accounts", status_code=303)


@router.post("/accounts/{account_id}/duty")
def put_on_duty(
    session: SessionDep, me: CurrentCoordinator, account_id: RowId, now: NowDep
) -> RedirectResponse:
    duty.put_on_duty(session, account_id=account_id, by=me.subject, now=now)
    return RedirectResponse("/accounts", status_code=303)


@router.post("/accounts/{account_id}/password")
def set_password(
    session: SessionDep,
    house: HouseDep,
    me: CurrentCoordinator,
    account_id: RowId,
    form: Annotated[PasswordForm, Form()],
) -> RedirectResponse:
    accounts.set_password(
        session,
        account_id=account_id,
        password=form.password,
        by=me.subject,
        now=house.real_now(),
        passwords=house.passwords,
    )
    return RedirectResponse("/accounts", status_code=303)


@router.post("/accounts/{account_id}/disable")
def disable_account(
    session: SessionDep, house: HouseDep, me: CurrentCoordinator, account_id: RowId
) -> RedirectResponse:
    duty.disable_account(session, account_id=account_id, by=me.subject, now=house.real_now())
    return RedirectResponse("/accounts", status_code=303)


@router.post("/accounts/{account_id}/sign-out")
def sign_out_everywhere(
    session: SessionDep, house: HouseDep, me: CurrentCoordinator, account_id: RowId
) -> RedirectResponse:
    accounts.end_all_sign_ins(session, account_id=account_id, by=me.subject, now=house.real_now())
    return RedirectResponse("/accounts", status_code=303)


@router.post("/accounts/gates/{school_id}/code")
def show_gate_code(
    request: Request,
    session: SessionDep,
    house: HouseDep,
    me: CurrentCoordinator,
    school_id: RowId,
    now: NowDep,
) -> HTMLResponse:
    """Show and print one QR: only its hash is kept, so it stands on this one page and on the paper."""
    school = get_school(session, school_id)
    token = gate_devices.issue_gate_code(session, school_id=school_id, by=me.subject, now=now)
    address = f"{house.settings.base_url}/gate/bind/{token}"
    good_until = now + gate_devices.CODE_GOOD_FOR
    return page(request, "session/gate_code.html", school=school, qr=qr_code(address), good_until=good_until)


@router.post("/accounts/tablets/{device_id}/revoke")
def revoke_tablet(
    session: SessionDep, house: HouseDep, me: CurrentCoordinator, device_id: RowId
) -> RedirectResponse:
    gate_devices.revoke_gate_device(session, device_id=device_id, by=me.subject, now=house.real_now())
    return RedirectResponse("/accounts#gates", status_code=303)


@router.get("/people/{subject}/phones")
def show_phones(
    request: Request, session: ReadSessionDep, house: HouseDep, _me: CurrentCoordinator, subject: str
) -> HTMLResponse:
    return _phones(request, session, house, _known_kind(subject), f"/people/{subject}/phones", is_office=True)


@router.post("/people/{subject}/phones/{device_id}/revoke")
def revoke_phone(
    session: SessionDep, house: HouseDep, me: CurrentCoordinator, subject: str, device_id: RowId
) -> RedirectResponse:
    devices.revoke_device(session, device_id=device_id, subject=subject, by=me.subject, now=house.real_now())
    return RedirectResponse(f"/people/{subject}/phones", status_code=303)


@router.post("/people/{subject}/phones/revoke-all")
def revoke_everything(
    session: SessionDep, me: CurrentCoordinator, subject: str, now: NowDep
) -> RedirectResponse:
    """A lost phone: its links in old messages end too."""
    links.revoke_all(session, _known_kind(subject), now, by=me.subject)
    return RedirectResponse(f"/people/{subject}/phones", status_code=303)


@router.post("/people/{subject}/number/confirm")
def confirm_number(
    session: SessionDep,
    me: CurrentCoordinator,
    subject: str,
    form: Annotated[RungBackForm, Form()],
    now: NowDep,
) -> RedirectResponse:
    """Somebody of the office has rung and knows who answered: the new number is used from now on."""
    numbers.confirm_number(
        session, party=_known_kind(subject), spoken_with=form.spoken_with, by=me.subject, now=now
    )
    return RedirectResponse(f"/people/{subject}/phones", status_code=303)


@router.post("/people/{subject}/number/cancel")
def cancel_number(session: SessionDep, me: CurrentCoordinator, subject: str, now: NowDep) -> RedirectResponse:
    numbers.cancel_number(session, party=_known_kind(subject), by=me.subject, now=now)
    return RedirectResponse(f"/people/{subject}/phones", status_code=303)


@router.post("/people/{subject}/number/dead")
def old_number_is_dead(
    session: SessionDep, me: CurrentCoordinator, subject: str, now: NowDep
) -> RedirectResponse:
    """The old number rings no more: until the new one is used, humans tell this person everything."""
    numbers.old_number_is_dead(session, party=_known_kind(subject), by=me.subject, now=now)
    return RedirectResponse(f"/people/{subject}/phones", status_code=303)


@router.get("/v/{token}/phones")
def volunteers_phones(
    request: Request, session: ReadSessionDep, house: HouseDep, me: CurrentVolunteer
) -> HTMLResponse:
    return _phones(request, session, house, _if_bound(me), f"/v/{me.token}/phones", is_office=False)


@router.post("/v/{token}/phones/{device_id}/revoke")
def volunteer_revokes(
    session: SessionDep, house: HouseDep, me: CurrentVolunteer, device_id: RowId
) -> RedirectResponse:
    devices.revoke_device(
        session, device_id=device_id, subject=_if_bound(me), by=me.subject, now=house.real_now()
    )
    return RedirectResponse(f"/v/{me.token}/phones", status_code=303)


@router.get("/t/{token}/phones")
def leaders_phones(
    request: Request, session: ReadSessionDep, house: HouseDep, me: CurrentLeader
) -> HTMLResponse:
    return _phones(request, session, house, _if_bound(me), f"/t/{me.token}/phones", is_office=False)


@router.post("/t/{token}/phones/{device_id}/revoke")
def leader_revokes(
    session: SessionDep, house: HouseDep, me: CurrentLeader, device_id: RowId
) -> RedirectResponse:
    devices.revoke_device(
        session, device_id=device_id, subject=_if_bound(me), by=me.subject, now=house.real_now()
    )
    return RedirectResponse(f"/t/{me.token}/phones", status_code=303)


@router.get("/f/{token}/phones")
def familys_phones(
    request: Request, session: ReadSessionDep, house: HouseDep, me: CurrentGuardian
) -> HTMLResponse:
    return _phones(request, session, house, _if_bound(me), f"/f/{me.token}/phones", is_office=False)


@router.post("/f/{token}/phones/{device_id}/revoke")
def family_revokes(
    session: SessionDep, house: HouseDep, me: CurrentGuardian, device_id: RowId
) -> RedirectResponse:
    devices.revoke_device(
        session, device_id=device_id, subject=_if_bound(me), by=me.subject, now=house.real_now()
    )
    return RedirectResponse(f"/f/{me.token}/phones", status_code=303)


def _phones(
    request: Request, session: Session, house: House, subject: str, here: str, *, is_office: bool
) -> HTMLResponse:
    """The list of a person's phones. Times are real ones, also in a demonstration."""
    return page(
        request,
        "session/phones.html",
        phones=devices.live_devices(session, subject=subject, now=house.real_now()),
        held=holds.held_number(session, subject) if is_office else None,
        is_old_dead=is_office and not live_addresses(session, [subject]),
        subject=subject,
        here=here,
        is_office=is_office,
    )


def _if_bound(me: VolunteerHere | LeaderHere | GuardianHere) -> str:
    if not me.bound:
        raise NotAllowed("请先在这部手机上点“这是我的手机”，再来看有哪些手机。")
    return me.subject


def _known_kind(subject: str) -> str:
    kind, _, number = subject.partition(":")
    if kind not in ("volunteer", "guardian", "leader") or not number.isdecimal():
        raise NotFound("没有这个人。")
    return subject
