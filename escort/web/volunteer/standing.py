"""每周固定来: what this volunteer has said for every week, what could be said, and the end of it."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import Field
from sqlmodel import Session

from escort.errors import Refused
from escort.rota.answers import end_standing
from escort.rota.standing import a_date_of, choices_for, give_standing, resting_on, standing_of
from escort.web.deps import CurrentVolunteer, House, HouseDep, NowDep, ReadSessionDep, SessionDep
from escort.web.deps import VolunteerHere as Visitor
from escort.web.forms import FormModel, Ids, Line40, RowId
from escort.web.render import page
from escort.web.volunteer.here import back, must_be_bound

router = APIRouter(include_in_schema=False)


class GiveForm(FormModel):
    turn: Line40  # the key of a choice, with the time that was shown


class EndForm(FormModel):
    standing: RowId
    keep: Ids = Field(default_factory=list)  # shifts that are said yes to all the same


@router.get("/v/{token}/standing")
def show_standing(
    request: Request, visitor: CurrentVolunteer, session: ReadSessionDep, house: HouseDep, now: NowDep
) -> Response:
    must_be_bound(visitor)
    return _page(request, visitor, session, house, now)


@router.post("/v/{token}/standing")
def give(
    request: Request,
    visitor: CurrentVolunteer,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    form: Annotated[GiveForm, Form()],
) -> Response:
    must_be_bound(visitor)
    try:
        give_standing(
            session,
            volunteer_id=visitor.id,
            chosen=form.turn,
            by=visitor.subject,
            how="page",
            now=now,
            zone=house.zone,
        )
    except Refused as refused:
        return _page(request, visitor, session, house, now, mistake=refused.sentence, status_code=409)
    return back(visitor, "/standing?said=given")


@router.post("/v/{token}/standing/end")
def end(
    visitor: CurrentVolunteer, session: SessionDep, now: NowDep, form: Annotated[EndForm, Form()]
) -> Response:
    must_be_bound(visitor)
    end_standing(
        session,
        volunteer_id=visitor.id,
        standing_id=form.standing,
        kept=form.keep,
        by=visitor.subject,
        how="page",
        now=now,
    )
    return back(visitor, "/standing?said=ended")


def _page(
    request: Request,
    visitor: Visitor,
    session: Session,
    house: House,
    now: datetime,
    *,
    mistake: str = "",
    status_code: int = 200,
) -> Response:
    held = standing_of(session, visitor.id)
    return page(
        request,
        "volunteer/standing.html",
        status_code,
        token=visitor.token,
        held=held,
        resting=resting_on(session, [one.id or 0 for one in held], now=now),
        choices=choices_for(session, volunteer_id=visitor.id, held=held, now=now, zone=house.zone),
        a_date_of=a_date_of,
        said=request.query_params.get("said", ""),
        mistake=mistake,
    )
