"""今天换车: the driver gives plate and colour of another car before departure, on the page of his run."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from escort.errors import Conflict, Refused
from escort.journeys.changed_car import change_car, known_car_again
from escort.web.car_form import CarForm
from escort.web.deps import CurrentVolunteer, HouseDep, NowDep, SessionDep
from escort.web.forms import RowId
from escort.web.volunteer.here import back, must_be_bound
from escort.web.volunteer.run_page import a_run, run_page

router = APIRouter(include_in_schema=False)


@router.post("/v/{token}/run/{run_id}/car")
def change(
    request: Request,
    visitor: CurrentVolunteer,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    run_id: RowId,
    form: Annotated[CarForm, Form()],
) -> Response:
    must_be_bound(visitor)
    view = a_run(session, visitor, house, now, run_id)
    try:
        change_car(
            session,
            shift_id=view.shift_id,
            volunteer_id=visitor.id,
            car=form.car(),
            by=visitor.subject,
            how="page",
            now=now,
            zone=house.zone,
        )
    except (Refused, Conflict) as wrong:
        return run_page(
            request,
            visitor,
            view,
            now,
            car_mistake=wrong.sentence,
            car_typed=form.model_dump(),
            status_code=409,
        )
    return back(visitor, f"/run/{run_id}")


@router.post("/v/{token}/run/{run_id}/car/known")
def change_back(
    visitor: CurrentVolunteer, session: SessionDep, house: HouseDep, now: NowDep, run_id: RowId
) -> Response:
    must_be_bound(visitor)
    view = a_run(session, visitor, house, now, run_id)
    known_car_again(
        session,
        shift_id=view.shift_id,
        volunteer_id=visitor.id,
        by=visitor.subject,
        now=now,
        zone=house.zone,
    )
    return back(visitor, f"/run/{run_id}")
