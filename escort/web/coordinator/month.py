"""The month: one sentence, its figures with their definitions, and the sheet to be taken to Excel."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import Field

from escort.hours.month import month_of
from escort.hours.month_sheet import DEFINITIONS, DUTIES, month_sheets, note_month_sheet, sentence
from escort.spreadsheet import workbook
from escort.web.deps import CurrentCoordinator, HouseDep, NowDep, ReadSessionDep
from escort.web.downloads import footer, xlsx
from escort.web.forms import FormModel
from escort.web.render import page

router = APIRouter()
YEAR_MONTH = r"^20\d\d-(0[1-9]|1[0-2])$"


class MonthForm(FormModel):
    month: Annotated[str, Field(pattern=YEAR_MONTH)]


@router.get("/month")
def show_month(
    request: Request,
    _me: CurrentCoordinator,
    session: ReadSessionDep,
    house: HouseDep,
    now: NowDep,
    month: Annotated[str, Query(pattern=YEAR_MONTH)] = "",
) -> HTMLResponse:
    first = _first(month) if month else now.astimezone(house.zone).date().replace(day=1)
    figures = month_of(session, year=first.year, month=first.month, now=now, zone=house.zone)
    return page(
        request,
        "coordinator/month.html",
        month=figures,
        sentence=sentence(figures),
        definitions=DEFINITIONS,
        duties=DUTIES,
        before=(first - timedelta(days=1)).replace(day=1),
        after=(first + timedelta(days=31)).replace(day=1),
    )


@router.post("/month/sheet")
def take_sheet(
    me: CurrentCoordinator, house: HouseDep, now: NowDep, form: Annotated[MonthForm, Form()]
) -> Response:
    """Hand out the month as a workbook. That somebody took it is in the trail before the file goes out."""
    first = _first(form.month)
    with house.store.read() as session:
        figures = month_of(session, year=first.year, month=first.month, now=now, zone=house.zone)
    with house.store.write() as session:
        note_month_sheet(session, by=me.subject, now=now, month=figures)
    content = workbook(month_sheets(figures), footer=footer(me, house, now))
    return xlsx(content, f"月报-{form.month}")


def _first(month: str) -> date:
    year, number = month.split("-")
    return date(int(year), int(number), 1)
