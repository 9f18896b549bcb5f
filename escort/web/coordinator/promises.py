"""What volunteers say on the telephone about their promises, written down by the office: who, when and how."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import Field
from sqlmodel import Session

from escort.access import audit
from escort.errors import Conflict, NotFound, Refused
from escort.journeys.changed_car import change_car, known_car_again
from escort.rota import handing_on
from escort.rota.answers import end_standing
from escort.rota.models import Shift
from escort.rota.run_panel import panel_of
from escort.rota.standing import give_standing
from escort.web.car_form import CarForm
from escort.web.coordinator.rota import run_page
from escort.web.deps import CurrentCoordinator, House, HouseDep, NowDep, SessionDep
from escort.web.forms import Day, FormModel, Ids, Line40, OptionalLine40, RowId

router = APIRouter()


class StandingForm(FormModel):
    turn: Line40  # the key of a choice


class EndStandingForm(FormModel):
    standing: RowId
    keep: Ids = Field(default_factory=list)  # shifts that the volunteer still drives


class NameForm(FormModel):
    who: OptionalLine40 = ""  # a full name, or a number


class SwapForm(FormModel):
    who: OptionalLine40 = ""
    on: Day
    half_day: Literal["to_school", "home"]


@router.post("/volunteers/{volunteer_id}/standing")
def record_standing(
    volunteer_id: RowId,
    form: Annotated[StandingForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    give_standing(
        session,
        volunteer_id=volunteer_id,
        chosen=form.turn,
        by=me.subject,
        how="phone",
        now=now,
        zone=house.zone,
    )
    return RedirectResponse(f"/volunteers/{volunteer_id}#h-standing", status_code=303)


@router.post("/volunteers/{volunteer_id}/standing/end")
def record_end_of_standing(
    volunteer_id: RowId,
    form: Annotated[EndStandingForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    now: NowDep,
) -> Response:
    end_standing(
        session,
        volunteer_id=volunteer_id,
        standing_id=form.standing,
        kept=form.keep,
        by=me.subject,
        how="phone",
        now=now,
    )
    return RedirectResponse(f"/volunteers/{volunteer_id}#h-standing", status_code=303)


@router.post("/shifts/{shift_id}/relief")
def record_search(
    request: Request,
    shift_id: RowId,
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    """He would rather not, and asks for somebody: until one says yes it stays his."""
    shift = _shift(session, shift_id)
    try:
        handing_on.look_for_stand_in(
            session,
            shift_id=shift_id,
            volunteer_id=shift.volunteer_id,
            by=me.subject,
            how="phone",
            now=now,
            zone=house.zone,
        )
    except MISTAKES as wrong:
        return _mistaken(request, session, house, now, me, shift, wrong.sentence)
    return _to_run(shift)


@router.post("/shifts/{shift_id}/relief/name")
def record_colleague(
    request: Request,
    shift_id: RowId,
    form: Annotated[NameForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    """He has found a colleague, who is asked and must say yes himself."""
    shift = _shift(session, shift_id)
    try:
        handing_on.name_colleague(
            session,
            shift_id=shift_id,
            volunteer_id=shift.volunteer_id,
            said=form.who,
            by=me.subject,
            how="phone",
            now=now,
            zone=house.zone,
            links=request.app.state.links,
        )
    except MISTAKES as wrong:
        return _mistaken(request, session, house, now, me, shift, wrong.sentence, form.who)
    return _to_run(shift)


@router.post("/shifts/{shift_id}/relief/swap")
def record_swap(
    request: Request,
    shift_id: RowId,
    form: Annotated[SwapForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    shift = _shift(session, shift_id)
    try:
        handing_on.propose_swap(
            session,
            shift_id=shift_id,
            volunteer_id=shift.volunteer_id,
            said=form.who,
            their_on=form.on,
            their_direction=form.half_day,
            by=me.subject,
            how="phone",
            now=now,
            zone=house.zone,
            links=request.app.state.links,
        )
    except MISTAKES as wrong:
        return _mistaken(request, session, house, now, me, shift, wrong.sentence, form.who)
    return _to_run(shift)


@router.post("/shifts/{shift_id}/relief/keep")
def record_keep(shift_id: RowId, me: CurrentCoordinator, session: SessionDep, now: NowDep) -> Response:
    shift = _shift(session, shift_id)
    handing_on.withdraw_relief(
        session, shift_id=shift_id, volunteer_id=shift.volunteer_id, by=me.subject, now=now
    )
    return _to_run(shift)


@router.post("/shifts/{shift_id}/car")
def record_car(
    request: Request,
    shift_id: RowId,
    form: Annotated[CarForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    """He rings: today he comes in another car."""
    shift = _shift(session, shift_id)
    try:
        change_car(
            session,
            shift_id=shift_id,
            volunteer_id=shift.volunteer_id,
            car=form.car(),
            by=me.subject,
            how="phone",
            now=now,
            zone=house.zone,
        )
    except MISTAKES as wrong:
        return _shown_again(
            request, session, house, now, me, shift, car_mistake=wrong.sentence, car_typed=form.model_dump()
        )
    return _to_run(shift)


@router.post("/shifts/{shift_id}/car/known")
def record_known_car(
    shift_id: RowId, me: CurrentCoordinator, session: SessionDep, house: HouseDep, now: NowDep
) -> Response:
    shift = _shift(session, shift_id)
    known_car_again(
        session,
        shift_id=shift_id,
        volunteer_id=shift.volunteer_id,
        by=me.subject,
        now=now,
        zone=house.zone,
    )
    return _to_run(shift)


def _shift(session: Session, shift_id: int) -> Shift:
    shift = session.get(Shift, shift_id)
    if shift is None or shift.run_id is None:
        raise NotFound("没有这一班，请回到周排班再看。")
    return shift


def _to_run(shift: Shift) -> Response:
    return RedirectResponse(f"/rota/runs/{shift.run_id}", status_code=303)


def _mistaken(
    request: Request,
    session: Session,
    house: House,
    now: datetime,
    me: CurrentCoordinator,
    shift: Shift,
    sentence: str,
    who: str = "",
) -> Response:
    return _shown_again(
        request, session, house, now, me, shift, relief_mistake=sentence, relief_typed={"who": who}
    )


def _shown_again(
    request: Request,
    session: Session,
    house: House,
    now: datetime,
    me: CurrentCoordinator,
    shift: Shift,
    **mistake: Any,
) -> Response:
    """Return the run with what is to be mended. The read is recorded in this very transaction."""
    panel = panel_of(session, run_id=shift.run_id or 0)
    shown = f"week:{panel.on}"
    audit.record(
        session, actor=me.subject, action="read", subject=shown, fields=[f"{shown}.timetables"], now=now
    )
    return run_page(request, session, house, now, panel, status_code=409, **mistake)


MISTAKES = (Refused, Conflict)
