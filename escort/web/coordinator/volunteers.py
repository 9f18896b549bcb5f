"""Volunteers: the list, one person with papers and turns, the form, when they cannot, and 停用."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import Session

from escort.access import devices
from escort.filled_form import FormMistakes
from escort.journeys.suspension import suspend_volunteer
from escort.roster import queries, service
from escort.roster.forms import ChangedVolunteer, NewVolunteer, form_of
from escort.roster.gates import SENTENCES, Gate, gates_on
from escort.roster.models import Volunteer
from escort.roster.papers import WORDS as PAPER_WORDS
from escort.roster.papers import Paper, papers_left
from escort.rota import availability, month_question, release, standing
from escort.rota.models import ShiftState
from escort.rota.needs import fit_to_car
from escort.rota.volunteer_turns import is_ahead, turns_of
from escort.sentences import mark
from escort.web.coordinator.posted import TypedDep, filled, posted_number
from escort.web.coordinator.rota import REASON_WORDS
from escort.web.coordinator.volunteer_limits import KIND_WORDS
from escort.web.deps import (
    CurrentCoordinator,
    House,
    HouseDep,
    NowDep,
    ReadLogDep,
    ReadSessionDep,
    SessionDep,
)
from escort.web.forms import Day, FormModel, Line200, Offset, RowId
from escort.web.render import page
from notifications.addresses import phone_of, phones_of
from notifications.holds import held_number

router = APIRouter()
PAGE = 50
BOXES = ("wheelchair", "girls_only", "shares_phone")
FRESH: Mapping[str, object] = {
    "seats": "5",
    "child_seats": "0",
    "cap_week": "2",
    "cap_month": "",
    "max_approach_km": "10",
    "pattern": [],
}
GATE_WORDS = {
    Gate.SUSPENDED: mark("已停用"),
    Gate.NOT_JOINED: mark("还没加入"),
    Gate.LEFT: mark("已退出轮值"),
    Gate.NOT_VETTED: mark("没审核"),
    Gate.VETTING_EXPIRED: mark("审核过期"),
    Gate.NO_LICENCE: mark("没登记驾驶证"),
    Gate.LICENCE_EXPIRED: mark("驾驶证过期"),
    Gate.NO_INSURANCE: mark("没登记座位险"),
    Gate.INSURANCE_EXPIRED: mark("座位险过期"),
}
SUSPEND_REASONS = (
    mark("他自己不想来了"),
    mark("证件或审核有问题"),
    mark("家里或学校有意见"),
    mark("搬走了或联系不上"),
    mark("别的原因"),
)
PAPER_HINTS = {
    Paper.VETTING: mark("一年一查"),
    Paper.LICENCE: mark("到期那天还能开"),
    Paper.INSURANCE: mark("到期那天还能开"),
}


class SuspendForm(FormModel):
    reason: Line200


class BlockoutForm(FormModel):
    from_on: Day
    until_on: Day
    half_day: Literal["", "to_school", "home"] = ""


@router.get("/volunteers")
def show_volunteers(
    request: Request,
    _me: CurrentCoordinator,
    session: ReadSessionDep,
    house: HouseDep,
    now: NowDep,
    text: Annotated[str, Query(max_length=40)] = "",
    gate: Gate | Literal["", "soon", "silent"] = "",
    offset: Offset = 0,
) -> HTMLResponse:
    today = _today(house, now)
    month = month_question.month_state(session, today=today)
    silent = (
        month_question.not_answered(session, month_on=month.month_on) if month and gate == "silent" else None
    )
    found = queries.list_volunteers(
        session,
        on=today,
        text=text,
        only_gate=gate if isinstance(gate, Gate) else None,
        only_soon=gate == "soon",
        only_ids=set() if gate == "silent" and silent is None else silent,
        offset=offset,
        limit=PAGE,
    )
    return page(
        request,
        "coordinator/volunteers.html",
        found=found,
        phones=phones_of(session, [f"volunteer:{line.volunteer_id}" for line in found.lines]),
        offset=offset,
        step=PAGE,
        text=text,
        gate=gate,
        gate_words=GATE_WORDS,
        paper_words=PAPER_WORDS,
        month=month,
    )


@router.get("/volunteers/new")
def show_new_volunteer(request: Request, _me: CurrentCoordinator, session: ReadSessionDep) -> HTMLResponse:
    return _form_page(request, session, volunteer=None, fields=FRESH, mistakes={})


@router.post("/volunteers/new")
def add_volunteer(
    request: Request,
    typed: TypedDep,
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    fields = filled(typed, boxes=BOXES, lists=["pattern"])
    try:
        with session.begin_nested():
            saved = service.add_volunteer(
                session, form=NewVolunteer.read(fields), today=_today(house, now), now=now, by=me.subject
            )
    except FormMistakes as wrong:
        return _form_page(
            request, session, volunteer=None, fields=fields, mistakes=wrong.fields, status_code=400
        )
    return RedirectResponse(f"/volunteers/{saved.volunteer_id}", status_code=303)


@router.get("/volunteers/{volunteer_id}")
def show_volunteer(
    request: Request,
    volunteer_id: RowId,
    _me: CurrentCoordinator,
    session: ReadSessionDep,
    house: HouseDep,
    now: NowDep,
) -> HTMLResponse:
    volunteer = service.get_volunteer(session, volunteer_id)
    subject = service.subject_of(volunteer_id)
    today = _today(house, now)
    turns = turns_of(session, volunteer_id=volunteer_id)
    held = standing.standing_of(session, volunteer_id)
    ahead = [turn for turn in reversed(turns) if is_ahead(turn, now)]
    return page(
        request,
        "coordinator/volunteer.html",
        volunteer=volunteer,
        phone_number=phone_of(session, subject),
        held=held_number(session, subject),
        gates=gates_on(volunteer, today),
        gate_sentences=SENTENCES,
        papers=papers_left(volunteer, today),
        paper_words=PAPER_WORDS,
        paper_hints=PAPER_HINTS,
        around=queries.around_volunteer(session, volunteer_id, today=today),
        ahead=ahead,
        promised=sum(turn.state == ShiftState.CONFIRMED for turn in ahead),
        on_road=sum(
            turn.state == ShiftState.CONFIRMED and turn.starts_at <= now <= turn.ends_at for turn in turns
        ),
        this_month=sum(
            turn.state in (ShiftState.CONFIRMED, ShiftState.SERVED)
            and turn.on.replace(day=1) == today.replace(day=1)
            for turn in turns
        ),
        kind_words=KIND_WORDS,
        lately=[turn for turn in turns if not is_ahead(turn, now)][:12],
        blockouts=queries.blockouts_of(session, volunteer_id, from_on=today),
        phones_bound=devices.live_devices(session, subject=subject, now=house.real_now()),
        standing=held,
        resting=standing.resting_on(session, [one.id or 0 for one in held], now=now),
        choices=standing.choices_for(session, volunteer_id=volunteer_id, held=held, now=now, zone=house.zone),
        a_date_of=standing.a_date_of,
        reasons=SUSPEND_REASONS,
        reason_words=REASON_WORDS,
        turn_words=TURN_WORDS,
    )


@router.get("/volunteers/{volunteer_id}/edit")
def show_volunteer_form(
    request: Request, volunteer_id: RowId, _me: CurrentCoordinator, session: ReadSessionDep, reads: ReadLogDep
) -> HTMLResponse:
    volunteer = service.get_volunteer(session, volunteer_id)
    reads.saw(service.subject_of(volunteer_id), "address")
    fields = form_of(volunteer)
    fields["pattern"] = [str(place) for place, mark_ in enumerate(volunteer.pattern) if mark_ == "1"]
    return _form_page(request, session, volunteer=volunteer, fields=fields, mistakes={})


@router.post("/volunteers/{volunteer_id}/edit")
def edit_volunteer(
    request: Request,
    volunteer_id: RowId,
    typed: TypedDep,
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    fields = filled(typed, boxes=BOXES, lists=["pattern"])
    version = posted_number(fields.pop("version", ""))
    try:
        with session.begin_nested():
            service.edit_volunteer(
                session,
                volunteer_id=volunteer_id,
                form=ChangedVolunteer.read(fields),
                version=version,
                today=_today(house, now),
                now=now,
                by=me.subject,
            )
    except FormMistakes as wrong:
        volunteer = service.get_volunteer(session, volunteer_id)
        return _form_page(
            request, session, volunteer=volunteer, fields=fields, mistakes=wrong.fields, status_code=400
        )
    release.free_unfit(session, from_on=_today(house, now), now=now, zone=house.zone)
    fit_to_car(session, volunteer_id=volunteer_id, by=me.subject, now=now, zone=house.zone)
    return RedirectResponse(f"/volunteers/{volunteer_id}", status_code=303)


@router.post("/volunteers/{volunteer_id}/suspend")
def suspend(
    volunteer_id: RowId,
    form: Annotated[SuspendForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    suspend_volunteer(
        session,
        volunteer_id=volunteer_id,
        by=me.subject,
        reason=form.reason,
        now=now,
        zone=house.zone,
        duty_phone=house.settings.duty_phone,
    )
    return RedirectResponse(f"/volunteers/{volunteer_id}", status_code=303)


@router.post("/volunteers/{volunteer_id}/lift")
def lift_suspension(
    volunteer_id: RowId, me: CurrentCoordinator, session: SessionDep, now: NowDep
) -> Response:
    service.lift(session, volunteer_id=volunteer_id, now=now, by=me.subject)
    return RedirectResponse(f"/volunteers/{volunteer_id}", status_code=303)


@router.post("/volunteers/{volunteer_id}/blockouts")
def add_blockout(
    volunteer_id: RowId,
    form: Annotated[BlockoutForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    """Days on which they cannot, as they said on the phone; shifts under it are free at once."""
    availability.block_out(
        session,
        volunteer_id=volunteer_id,
        from_on=form.from_on,
        until_on=form.until_on,
        half_day=form.half_day or None,
        by=me.subject,
        now=now,
        zone=house.zone,
        how="phone",
    )
    return RedirectResponse(f"/volunteers/{volunteer_id}", status_code=303)


@router.post("/volunteers/{volunteer_id}/blockouts/{blockout_id}/remove")
def remove_blockout(
    volunteer_id: RowId, blockout_id: RowId, me: CurrentCoordinator, session: SessionDep, now: NowDep
) -> Response:
    service.remove_blockout(
        session, blockout_id=blockout_id, volunteer_id=volunteer_id, now=now, by=me.subject
    )
    return RedirectResponse(f"/volunteers/{volunteer_id}", status_code=303)


@router.post("/volunteers/{volunteer_id}/devices/{device_id}/revoke")
def revoke_device(
    volunteer_id: RowId, device_id: RowId, me: CurrentCoordinator, session: SessionDep, house: HouseDep
) -> Response:
    devices.revoke_device(
        session,
        device_id=device_id,
        subject=service.subject_of(volunteer_id),
        by=me.subject,
        now=house.real_now(),
    )
    return RedirectResponse(f"/volunteers/{volunteer_id}", status_code=303)


def _form_page(
    request: Request,
    session: Session,
    *,
    volunteer: Volunteer | None,
    fields: Mapping[str, object],
    mistakes: Mapping[str, str],
    status_code: int = 200,
) -> HTMLResponse:
    order = NewVolunteer.model_fields
    number = phone_of(session, service.subject_of(volunteer.id)) if volunteer and volunteer.id else None
    return page(
        request,
        "coordinator/volunteer_form.html",
        status_code,
        volunteer=volunteer,
        fields=fields,
        mistakes={name: mistakes[name] for name in order if name in mistakes},
        teams=queries.list_teams(session),
        phone_number=number,
    )


def _today(house: House, now: datetime) -> date:
    return now.astimezone(house.zone).date()


TURN_WORDS = {
    "draft": mark("草稿"),
    "open": mark("待确认"),
    "confirmed": mark("说能去"),
    "declined": mark("说去不了"),
    "lapsed": mark("到点没回"),
    "freed": mark("换下来了"),
    "served": mark("开过了"),
}
