"""What volunteers say on the telephone about their promises, written down by the office: who, when and how."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response
from pydantic import Field

from escort.rota.answers import end_standing
from escort.rota.standing import give_standing
from escort.web.deps import CurrentCoordinator, HouseDep, NowDep, SessionDep
from escort.web.forms import FormModel, Ids, Line40, RowId

router = APIRouter()


class StandingForm(FormModel):
    turn: Line40  # the key of a choice


class EndStandingForm(FormModel):
    standing: RowId
    keep: Ids = Field(default_factory=list)  # shifts that the volunteer still drives


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
