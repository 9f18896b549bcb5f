"""What the office tells families by voice and on paper: the evening's calls, one word read aloud, the week's sheet."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import Field
from sqlmodel import Session

from escort.access import audit
from escort.errors import NotFound
from escort.journeys import arrivals, calls, fridge
from escort.journeys.words import spoken_pair, word_pair
from escort.rota.models import Leg
from escort.sentences import mark
from escort.web.deps import (
    CurrentCoordinator,
    House,
    HouseDep,
    NowDep,
    ReadLogDep,
    ReadSessionDep,
    SessionDep,
)
from escort.web.forms import Day, FormModel, Ids, RowId
from escort.web.render import page

router = APIRouter()


class CallForm(FormModel):
    task: Ids = Field(default_factory=list)  # the open tasks of one line, as its reader saw them


@router.get("/calls")
def show_calls(
    request: Request, _me: CurrentCoordinator, session: ReadSessionDep, house: HouseDep, now: NowDep
) -> HTMLResponse:
    return _calls_page(request, session, house, now)


@router.post("/calls/told")
def told(
    form: Annotated[CallForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    calls.tell(session, task_ids=form.task, by=me.subject, now=now, zone=house.zone)
    return _back()


@router.post("/calls/not-told")
def not_told(
    form: Annotated[CallForm, Form()], _me: CurrentCoordinator, session: SessionDep, now: NowDep
) -> Response:
    calls.take_back(session, task_ids=form.task, now=now)
    return _back()


@router.post("/calls/unanswered")
def unanswered(
    form: Annotated[CallForm, Form()], _me: CurrentCoordinator, session: SessionDep, now: NowDep
) -> Response:
    calls.note_unanswered(session, task_ids=form.task, now=now)
    return _back()


@router.post("/calls/arrived")
def arrived(
    form: Annotated[CallForm, Form()], me: CurrentCoordinator, session: SessionDep, now: NowDep
) -> Response:
    calls.answer_arrival(session, task_ids=form.task, is_home=True, by=me.subject, now=now)
    return _back()


@router.post("/calls/not-home")
def not_home(
    form: Annotated[CallForm, Form()], me: CurrentCoordinator, session: SessionDep, now: NowDep
) -> Response:
    calls.answer_arrival(session, task_ids=form.task, is_home=False, by=me.subject, now=now)
    return RedirectResponse("/today", status_code=303)


@router.post("/legs/{leg_id}/arrived")
def said_on_the_phone(leg_id: RowId, me: CurrentCoordinator, session: SessionDep, now: NowDep) -> Response:
    """The family says on the phone that its child is at home; the arrival's case closes by it."""
    arrivals.say_arrived(session, leg_ids=[leg_id], by=me.subject, now=now)
    audit.record(
        session, actor=me.subject, action="leg.step", subject=f"leg:{leg_id}", fields=["arrived"], now=now
    )
    return RedirectResponse("/today", status_code=303)


@router.post("/calls/phone")
def show_number(
    request: Request,
    form: Annotated[CallForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> HTMLResponse:
    """Show one number on the list, with an entry in the trail."""
    parties, _ = calls.legs_of_tasks(session, form.task)
    for party in sorted(parties):
        audit.record(session, actor=me.subject, action="read", subject=party, fields=["phone"], now=now)
    return _calls_page(request, session, house, now, numbers=parties)


@router.post("/calls/word")
def read_words(
    request: Request,
    form: Annotated[CallForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> HTMLResponse:
    """Put the words of one line into its sentence, this once, with an entry in the trail for each."""
    _, legs = calls.legs_of_tasks(session, form.task)
    keyring = house.store.keyring
    shifts = calls.open_words(session, leg_ids=legs, by=me.subject, now=now, zone=house.zone) if legs else {}
    words = {leg_id: spoken_pair(keyring, shift_id, leg_id) for leg_id, shift_id in shifts.items()}
    return _calls_page(request, session, house, now, words=words)


@router.post("/legs/{leg_id}/word")
def read_word(
    request: Request,
    leg_id: RowId,
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> HTMLResponse:
    """A family that rings: its word, this once, to be read to the number that we know."""
    leg = session.get(Leg, leg_id)
    if leg is None:
        raise NotFound("没有这趟接送。")
    shifts = calls.open_words(session, leg_ids=[leg_id], by=me.subject, now=now, zone=house.zone)
    words = " ".join(word_pair(house.store.keyring, shifts[leg_id], leg_id))
    return page(request, "coordinator/word.html", words=words, leg=leg)


@router.get("/children/{child_id}/sheet")
def show_sheet(
    request: Request,
    child_id: RowId,
    _me: CurrentCoordinator,
    session: ReadSessionDep,
    house: HouseDep,
    now: NowDep,
    reads: ReadLogDep,
    week: Day | None = None,
) -> HTMLResponse:
    today = now.astimezone(house.zone).date()
    reads.saw(f"child:{child_id}", "timetable")
    sheet = fridge.fridge_sheet(
        session, child_id=child_id, week_on=week or fridge.week_to_print(today), now=now, zone=house.zone
    )
    return page(
        request,
        "coordinator/fridge.html",
        sheet=sheet,
        weeks=_weeks(today),
    )


def _calls_page(
    request: Request,
    session: Session,
    house: House,
    now: datetime,
    *,
    numbers: set[str] | None = None,
    words: Mapping[int, str] | None = None,
) -> HTMLResponse:
    shown = calls.call_list(session, now=now, zone=house.zone, words=words)
    return page(
        request,
        "coordinator/calls.html",
        calls=shown,
        numbers=numbers or set(),
        has_read=bool(words),
        week=fridge.week_to_print(now.astimezone(house.zone).date()),
        weeks=_weeks(now.astimezone(house.zone).date()),
    )


def _weeks(today: date) -> list[tuple[date, str]]:
    this_week = today - timedelta(days=today.weekday())
    return [(this_week, mark("这周")), (this_week + timedelta(days=7), mark("下周"))]


def _back() -> RedirectResponse:
    return RedirectResponse("/calls", status_code=303)
