"""今天提前放学, as the school says it. The office answers; until then the list stays as it is."""

from datetime import datetime, time
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from escort.errors import Refused
from escort.journeys import dismissal_reports
from escort.journeys.models import ReportState
from escort.typed_values import UnreadableError, read_time
from escort.web.deps import CurrentGate, Gate, House, HouseDep, NowDep, ReadSessionDep, SessionDep
from escort.web.forms import FormModel, OptionalLine20, OptionalLine80, RowId
from escort.web.render import page

router = APIRouter(include_in_schema=False)


class EarlyForm(FormModel):
    at: OptionalLine20 = ""
    class_name: OptionalLine80 = ""
    note: OptionalLine80 = ""


@router.get("/gate/early")
def ask(
    request: Request, gate: CurrentGate, session: ReadSessionDep, house: HouseDep, now: NowDep
) -> Response:
    return _form(request, session, gate, house, now, EarlyForm())


@router.post("/gate/early")
def report(
    request: Request,
    gate: CurrentGate,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    form: Annotated[EarlyForm, Form()],
) -> Response:
    try:
        dismissal_reports.report_early_dismissal(
            session,
            school_id=gate.school_id,
            at=_clock(form.at),
            class_name=form.class_name,
            note=form.note,
            by=gate.subject,
            now=now,
            zone=house.zone,
        )
    except Refused as wrong:
        return _form(request, session, gate, house, now, form, wrong)
    return RedirectResponse("/gate", status_code=303)


@router.post("/gate/early/{report_id}/withdraw")
def withdraw(gate: CurrentGate, session: SessionDep, now: NowDep, report_id: RowId) -> Response:
    dismissal_reports.withdraw_report(
        session, report_id=report_id, school_id=gate.school_id, by=gate.subject, now=now
    )
    return RedirectResponse("/gate", status_code=303)


def _form(
    request: Request,
    session: Session,
    gate: Gate,
    house: House,
    now: datetime,
    form: EarlyForm,
    wrong: Refused | None = None,
) -> Response:
    today = now.astimezone(house.zone).date()
    return page(
        request,
        "gate/early.html",
        wrong.status if wrong else 200,
        form=form,
        mistake=wrong.sentence if wrong else "",
        classes=dismissal_reports.classes_today(session, school_id=gate.school_id, on=today),
        waiting=[
            report
            for report in dismissal_reports.reports_of(session, school_id=gate.school_id, on=today)
            if report.state == ReportState.WAITING
        ],
    )


def _clock(text: str) -> time:
    try:
        at = read_time(text)
    except UnreadableError as unreadable:
        raise Refused(str(unreadable)) from unreadable
    if at is None:
        raise Refused("请写今天几点放学，例如 11:00。")
    return at
