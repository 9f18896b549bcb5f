"""The school calendar: what is assumed and should be confirmed, what is set, and setting it by hand."""

from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import Field

from escort.errors import Refused
from escort.rota import legs
from escort.schools import calendar, service
from escort.schools.models import CalendarKind, CalendarSource
from escort.schools.service import Scope
from escort.sentences import mark
from escort.typed_values import UnreadableError, read_time
from escort.web.deps import CurrentCoordinator, House, HouseDep, NowDep, ReadSessionDep, SessionDep
from escort.web.forms import (
    Day,
    FormModel,
    OptionalLine20,
    OptionalLine40,
    OptionalLine80,
    OptionalRowId,
    RowId,
)
from escort.web.render import page

router = APIRouter()
AHEAD = timedelta(days=120)
UNKNOWN_AHEAD = timedelta(days=60)
BEHIND = timedelta(days=14)
KIND_WORDS = {
    CalendarKind.TERM: mark("学期"),
    CalendarKind.CLOSURE: mark("不上学"),
    CalendarKind.EARLY_DAY: mark("提前放学"),
    CalendarKind.MAKE_UP: mark("调休上课"),
    CalendarKind.LATE_START: mark("推迟到校"),
}
SOURCE_WORDS = {
    CalendarSource.NATIONAL: mark("国务院通知"),
    CalendarSource.BOOK: mark("名册"),
    CalendarSource.SCHOOL: mark("学校报的"),
    CalendarSource.COORDINATOR: mark("您定的"),
}


class MakeUpForm(FormModel):
    on: Day
    as_weekday: Annotated[int, Field(ge=0, le=6)]
    is_school: Literal["yes", "no"] = "yes"
    note: OptionalLine80 = ""


class DaysForm(FormModel):
    kind: Literal["closure", "early_day", "late_start", "term"]
    from_on: Day
    until_on: Day
    at: OptionalLine20 = ""  # HH:MM, for early days and late starts
    school_id: OptionalRowId = None
    class_name: OptionalLine40 = ""  # of that school alone
    note: OptionalLine80 = ""


@router.get("/calendar")
def show_calendar(
    request: Request, _me: CurrentCoordinator, session: ReadSessionDep, house: HouseDep, now: NowDep
) -> HTMLResponse:
    today = _today(house, now)
    until_on = today + AHEAD
    return page(
        request,
        "coordinator/calendar.html",
        assumptions=calendar.assumptions_to_confirm(session, from_on=today, until_on=until_on),
        unknown=calendar.not_yet_known(session, from_on=today, until_on=today + UNKNOWN_AHEAD),
        entries=calendar.entries_between(session, from_on=today - BEHIND, until_on=until_on),
        schools={school.id: school for school in service.list_schools(session)},
        kind_words=KIND_WORDS,
        source_words=SOURCE_WORDS,
        today=today,
    )


@router.post("/calendar/make-up")
def settle_make_up(
    form: Annotated[MakeUpForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    """Say whether there is school on a guessed day, and whose weekday's timetable holds."""
    service.override_day(
        session,
        on=form.on,
        is_school=form.is_school == "yes",
        as_weekday=form.as_weekday if form.is_school == "yes" else None,
        note=form.note,
        by=me.subject,
        now=now,
    )
    legs.extend_calendar(session, now=now, zone=house.zone)
    return RedirectResponse("/calendar", status_code=303)


@router.post("/calendar/days")
def add_days(
    form: Annotated[DaysForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    """Enter a term, a closure, early days or late starts; the legs follow at once."""
    service.add_days(
        session,
        kind=CalendarKind(form.kind),
        from_on=form.from_on,
        until_on=form.until_on,
        at=_clock(form.at),
        scope=Scope(form.school_id, form.class_name or None),
        note=form.note,
        by=me.subject,
        now=now,
    )
    legs.extend_calendar(session, now=now, zone=house.zone)
    return RedirectResponse("/calendar", status_code=303)


@router.post("/calendar/entries/{entry_id}/remove")
def remove_entry(
    entry_id: RowId, me: CurrentCoordinator, session: SessionDep, house: HouseDep, now: NowDep
) -> Response:
    service.remove_entry(session, entry_id=entry_id, by=me.subject, now=now)
    legs.extend_calendar(session, now=now, zone=house.zone)
    return RedirectResponse("/calendar", status_code=303)


def _clock(text: str) -> time | None:
    try:
        return read_time(text)
    except UnreadableError as unreadable:
        raise Refused(str(unreadable)) from unreadable


def _today(house: House, now: datetime) -> date:
    return now.astimezone(house.zone).date()
