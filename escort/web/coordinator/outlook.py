"""The coming four weeks as a whole: circles that are too narrow or too wide, who drives most, what more people would do."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from escort.journeys import introductions
from escort.roster import queries
from escort.rota.outlook import RIDES_WITHIN, outlook_of
from escort.web.coordinator.reasons import WORDS
from escort.web.deps import CurrentCoordinator, HouseDep, NowDep, ReadLogDep, ReadSessionDep, SessionDep
from escort.web.forms import FormModel, OptionalRowId, RowId
from escort.web.render import page

router = APIRouter()


class FirstRideForm(FormModel):
    newcomer_id: RowId
    run_id: RowId


@router.get("/rota/outlook")
def show_outlook(
    request: Request,
    _me: CurrentCoordinator,
    session: ReadSessionDep,
    house: HouseDep,
    now: NowDep,
    reads: ReadLogDep,
    team: OptionalRowId = None,
) -> HTMLResponse:
    reads.saw("outlook", "timetables")
    return page(
        request,
        "coordinator/outlook.html",
        outlook=outlook_of(session, now=now, zone=house.zone, team_id=team),
        teams=queries.list_teams(session),
        chosen=team,
        why_others=WORDS,
    )


@router.post("/introductions")
def plan_first_ride(
    form: Annotated[FirstRideForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    introductions.plan_by_office(
        session,
        newcomer_id=form.newcomer_id,
        run_id=form.run_id,
        by=me.subject,
        now=now,
        until_on=now.astimezone(house.zone).date() + RIDES_WITHIN + timedelta(days=1),
    )
    return RedirectResponse("/teams#h-planned", status_code=303)
