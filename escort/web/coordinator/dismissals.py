"""今天提前放学, reported by a school: whom it would move, and yes or no to it."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import Field

from escort.errors import Refused
from escort.journeys import dismissal_reports
from escort.web.deps import CurrentCoordinator, HouseDep, NowDep, ReadSessionDep, SessionDep
from escort.web.forms import LARGEST_ID, FormModel, OptionalLine80, RowId
from escort.web.render import page

router = APIRouter()

Version = Annotated[int, Field(ge=1, le=LARGEST_ID)]


class ConfirmForm(FormModel):
    version: Version  # what the person on duty has read


class RefuseForm(FormModel):
    version: Version
    answer: OptionalLine80 = ""


@router.get("/dismissals/{report_id}")
def show_report(
    request: Request, _me: CurrentCoordinator, session: ReadSessionDep, report_id: RowId
) -> HTMLResponse:
    return page(
        request,
        "coordinator/dismissal.html",
        report=dismissal_reports.report_page(session, report_id=report_id),
        mistake="",
    )


@router.post("/dismissals/{report_id}/confirm")
def confirm(
    report_id: RowId,
    form: Annotated[ConfirmForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    dismissal_reports.confirm_report(
        session, report_id=report_id, version=form.version, by=me.subject, now=now, zone=house.zone
    )
    return RedirectResponse("/today", status_code=303)


@router.post("/dismissals/{report_id}/refuse")
def refuse(
    request: Request,
    report_id: RowId,
    form: Annotated[RefuseForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    now: NowDep,
) -> Response:
    try:
        dismissal_reports.refuse_report(
            session, report_id=report_id, version=form.version, answer=form.answer, by=me.subject, now=now
        )
    except Refused as wrong:
        return page(
            request,
            "coordinator/dismissal.html",
            wrong.status,
            report=dismissal_reports.report_page(session, report_id=report_id),
            mistake=wrong.sentence,
        )
    return RedirectResponse("/today", status_code=303)
