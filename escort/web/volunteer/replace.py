"""想找人替, 我找了人替, 想跟人换: on the volunteer's phone. He keeps the turn until somebody else has said yes."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import Field, TypeAdapter, ValidationError
from sqlmodel import Session

from escort.errors import Conflict, Refused, TooMany
from escort.journeys.handing_on_view import replace_view
from escort.rota import handing_on
from escort.web.deps import CurrentVolunteer, HouseDep, NowDep, ReadSessionDep, SessionDep
from escort.web.deps import VolunteerHere as Visitor
from escort.web.forms import Day, FormModel, OptionalLine20, OptionalLine40, RowId
from escort.web.render import page
from escort.web.volunteer.here import back, must_be_bound

router = APIRouter(include_in_schema=False)
HALF_DAYS = "^(to_school|home)$"


class NameForm(FormModel):
    who: OptionalLine40 = ""  # a full name, or a number


class SwapForm(FormModel):
    who: OptionalLine40 = ""
    on: OptionalLine20 = ""
    half_day: Annotated[str, Field(pattern=HALF_DAYS)] = "to_school"


@router.get("/v/{token}/replace")
def show_turns(request: Request, visitor: CurrentVolunteer, session: ReadSessionDep, now: NowDep) -> Response:
    must_be_bound(visitor)
    turns = replace_view(session, volunteer_id=visitor.id, now=now)
    return page(request, "volunteer/replace.html", token=visitor.token, turns=turns)


@router.get("/v/{token}/replace/{shift_id}")
def show_turn(
    request: Request,
    visitor: CurrentVolunteer,
    session: ReadSessionDep,
    now: NowDep,
    shift_id: RowId,
) -> Response:
    must_be_bound(visitor)
    return _page(request, visitor, session, now, shift_id)


@router.post("/v/{token}/replace/{shift_id}/search")
def search(
    request: Request,
    visitor: CurrentVolunteer,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    shift_id: RowId,
) -> Response:
    must_be_bound(visitor)
    try:
        handing_on.look_for_stand_in(
            session,
            shift_id=shift_id,
            volunteer_id=visitor.id,
            by=visitor.subject,
            how="page",
            now=now,
            zone=house.zone,
        )
    except MISTAKES as wrong:
        return _page(request, visitor, session, now, shift_id, mistake=wrong.sentence, status_code=409)
    return back(visitor, f"/replace/{shift_id}")


@router.post("/v/{token}/replace/{shift_id}/name")
def name(
    request: Request,
    visitor: CurrentVolunteer,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    shift_id: RowId,
    form: Annotated[NameForm, Form()],
) -> Response:
    must_be_bound(visitor)
    try:
        handing_on.name_colleague(
            session,
            shift_id=shift_id,
            volunteer_id=visitor.id,
            said=form.who,
            by=visitor.subject,
            how="page",
            now=now,
            zone=house.zone,
            links=request.app.state.links,
        )
    except MISTAKES as wrong:
        return _page(
            request,
            visitor,
            session,
            now,
            shift_id,
            mistake=wrong.sentence,
            at="name",
            typed=form,
            status_code=409,
        )
    return back(visitor, f"/replace/{shift_id}")


@router.post("/v/{token}/replace/{shift_id}/swap")
def swap(
    request: Request,
    visitor: CurrentVolunteer,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    shift_id: RowId,
    form: Annotated[SwapForm, Form()],
) -> Response:
    must_be_bound(visitor)
    try:
        handing_on.propose_swap(
            session,
            shift_id=shift_id,
            volunteer_id=visitor.id,
            said=form.who,
            their_on=_day(form.on),
            their_direction=form.half_day,
            by=visitor.subject,
            how="page",
            now=now,
            zone=house.zone,
            links=request.app.state.links,
        )
    except MISTAKES as wrong:
        return _page(
            request,
            visitor,
            session,
            now,
            shift_id,
            mistake=wrong.sentence,
            at="swap",
            typed=form,
            status_code=409,
        )
    return back(visitor, f"/replace/{shift_id}")


@router.post("/v/{token}/replace/{shift_id}/keep")
def keep(visitor: CurrentVolunteer, session: SessionDep, now: NowDep, shift_id: RowId) -> Response:
    """He drives after all."""
    must_be_bound(visitor)
    handing_on.withdraw_relief(
        session, shift_id=shift_id, volunteer_id=visitor.id, by=visitor.subject, now=now
    )
    return back(visitor, f"/replace/{shift_id}")


def _page(
    request: Request,
    visitor: Visitor,
    session: Session,
    now: datetime,
    shift_id: int,
    *,
    mistake: str = "",
    at: str = "",
    typed: NameForm | SwapForm | None = None,
    status_code: int = 200,
) -> Response:
    [turn] = replace_view(session, volunteer_id=visitor.id, now=now, shift_id=shift_id)
    return page(
        request,
        "volunteer/replace_turn.html",
        status_code,
        token=visitor.token,
        one=turn,
        mistake=mistake,
        at=at,
        typed=typed.model_dump() if typed else {},
    )


def _day(typed: str) -> date:
    try:
        return DAY.validate_python(typed)
    except ValidationError as unreadable:
        raise Refused("日期没有看懂，请再选一次。") from unreadable


DAY: TypeAdapter[date] = TypeAdapter(Day)
MISTAKES = (Refused, Conflict, TooMany)
