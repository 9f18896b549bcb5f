"""Today: what needs a human now, and the little that is done about it from here."""

from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlmodel import Session

from escort.access import audit
from escort.cases import service as cases
from escort.cases.models import CaseKind
from escort.errors import Conflict
from escort.journeys.board import board
from escort.journeys.first_steps import first_steps
from escort.journeys.models import Step
from escort.journeys.told_by_phone import record_told_step, undo_told_step
from escort.revision import revision_and
from escort.sentences import mark
from escort.web import live
from escort.web.coordinator.bars import parts_of
from escort.web.coordinator.numbers import number_of_hand_task, number_to_ring
from escort.web.coordinator.quiet_notes import quiet_counts, quiet_notes
from escort.web.deps import (
    CurrentCoordinator,
    House,
    HouseDep,
    NowDep,
    ReadSessionDep,
    SessionDep,
    current_coordinator,
    may_go_on,
)
from escort.web.forms import FormModel, Line200, OptionalRowId, RowId
from escort.web.render import page
from notifications.channels.by_hand import mark_told, note_unanswered_call, take_back_told

router = APIRouter()
TOLD_ALREADY = mark("这一条已经有人告知过了，或者已经不用说了。")
MOST_SHOWN = 7  # more at once is a list, not a queue
ON_TIME_SHOWN = 5
MOST_BOXES = 24  # of a bar that counts answers; more are only a number
KIND_WORDS = {
    CaseKind.NO_DRIVER: mark("没人开车"),
    CaseKind.CHANGED: mark("改了时间，等人答应"),
    CaseKind.NO_ANSWER: mark("到点没人答应"),
    CaseKind.RELIEF: mark("想找人替，还没找到"),
    CaseKind.UNFILLABLE: mark("现在没有人开得了"),
    CaseKind.NOT_DEPARTED: mark("还没出发"),
    CaseKind.NOT_ABOARD: mark("还没接到"),
    CaseKind.NOT_DELIVERED: mark("还没送到"),
    CaseKind.WRONG_PERSON: mark("家里说不是这个人"),
    CaseKind.HELD_AT_GATE: mark("校门先不放人"),
    CaseKind.EARLY_DISMISSAL: mark("学校说今天提前放学"),
    CaseKind.SUSPENDED_ON_ROAD: mark("停用的人正在路上"),
    CaseKind.MESSAGE_FAILED: mark("消息没送到"),
    CaseKind.NOT_HOME: mark("还没说到家"),
    CaseKind.NOT_TOLD: mark("还没打通知电话"),
    CaseKind.REPLY_UNCLEAR: mark("回的话没看懂"),
    CaseKind.TROUBLE_ON_ROAD: mark("司机说有事"),
    CaseKind.STUCK_WORK: mark("系统有一步办不下去"),
    CaseKind.AFTERNOON: mark("下午要不要，还没说"),
    CaseKind.TO_CONFIRM: mark("要您确认"),
}


class CloseForm(FormModel):
    reason: Line200


class StepForm(FormModel):
    step: Step
    run: OptionalRowId = None  # whose panel to return to; none: the board


class UnstepForm(FormModel):
    run: OptionalRowId = None


class Did(StrEnum):
    """What was just done on the board and can be undone from it."""

    TOOK = "took"
    CLOSED = "closed"
    TOLD = "told"
    STEP = "step"


@router.get("/today")
def show_today(
    request: Request,
    _me: CurrentCoordinator,
    session: ReadSessionDep,
    house: HouseDep,
    now: NowDep,
    whole: bool = False,
    did: Did | None = None,
    n: OptionalRowId = None,
) -> HTMLResponse:
    undo = (DID_WORDS[did], UNDO[did].format(n)) if did is not None and n is not None else None
    return _board(request, session, house, now, whole=whole, undo=undo)


def _board(
    request: Request,
    session: Session,
    house: House,
    now: datetime,
    *,
    whole: bool = False,
    undo: tuple[str, str] | None = None,
    first: Conflict | None = None,
) -> HTMLResponse:
    """Return the board; after somebody was `first`, with what happened above it."""
    revision, *counted = revision_and(session, *quiet_counts(now.astimezone(house.zone).date()))
    shown = board(session, now=now, zone=house.zone)
    waiting = [case for case in shown.queue if not case.is_long_past]
    queue = waiting if whole else waiting[:MOST_SHOWN]
    is_new = not shown.queue and not shown.today.legs and not shown.done
    return page(
        request,
        "coordinator/today.html",
        first.status if first else 200,
        first=first.sentence if first else None,
        undo=undo,
        steps=first_steps(session) if is_new else None,
        live_mark=live.mark_of_revision(revision, now),
        board=shown,
        queue=queue,
        more=len(waiting) - len(queue),
        past=[case for case in shown.queue if case.is_long_past],
        parts=parts_of(shown.today),
        parts_tomorrow=parts_of(shown.tomorrow) if shown.tomorrow else [],
        on_time_shown=ON_TIME_SHOWN,
        most_boxes=MOST_BOXES,
        kind_words=KIND_WORDS,
        quiet=quiet_notes(counted),
    )


@router.get("/today/live", response_class=EventSourceResponse, include_in_schema=False)
async def follow_today(
    request: Request, _me: CurrentCoordinator, house: HouseDep
) -> AsyncIterator[ServerSentEvent]:
    def look() -> str | None:
        if not may_go_on(request, house, current_coordinator):
            return None
        with house.store.read() as session:
            return live.mark_of_store(session, house.clock.now())

    async for event in live.events(look, is_closing=house.closing.is_set):
        yield event


@router.post("/cases/{case_id}/take")
def take_case(
    request: Request,
    case_id: RowId,
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    try:
        cases.acknowledge(session, case_id=case_id, by=me.subject, now=now)
    except Conflict as first:
        return _board(request, session, house, now, first=first)
    return _done(Did.TOOK, case_id)


@router.post("/cases/{case_id}/let-go")
def let_go_of_case(case_id: RowId, me: CurrentCoordinator, session: SessionDep, now: NowDep) -> Response:
    cases.let_go(session, case_id=case_id, by=me.subject, now=now)
    return RedirectResponse("/today", status_code=303)


@router.post("/cases/{case_id}/close")
def close_case(
    request: Request,
    case_id: RowId,
    form: Annotated[CloseForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    try:
        cases.close(session, case_id=case_id, by=me.subject, reason=form.reason, now=now)
    except Conflict as first:
        return _board(request, session, house, now, first=first)
    return _done(Did.CLOSED, case_id)


@router.post("/cases/{case_id}/reopen")
def reopen_case(case_id: RowId, me: CurrentCoordinator, session: SessionDep, now: NowDep) -> Response:
    cases.reopen(session, case_id=case_id, by=me.subject, now=now)
    return RedirectResponse("/today", status_code=303)


@router.post("/legs/{leg_id}/step")
def record_step(
    leg_id: RowId, form: Annotated[StepForm, Form()], me: CurrentCoordinator, session: SessionDep, now: NowDep
) -> Response:
    """A driver without signal, or one who rings instead of tapping: his step as he told it."""
    record_told_step(session, leg_id=leg_id, step=form.step, by=me.subject, now=now)
    if form.run:
        return RedirectResponse(f"/rota/runs/{form.run}?told={leg_id}", status_code=303)
    return _done(Did.STEP, leg_id)


@router.post("/legs/{leg_id}/unstep")
def take_step_back(
    leg_id: RowId,
    form: Annotated[UnstepForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    now: NowDep,
) -> Response:
    undo_told_step(session, leg_id=leg_id, by=me.subject, now=now)
    return RedirectResponse(f"/rota/runs/{form.run}" if form.run else "/today", status_code=303)


@router.post("/hand/{task_id}/done")
def tell_by_hand(
    request: Request,
    task_id: RowId,
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    if not mark_told(session, task_id=task_id, by=me.subject, now=now):
        return _board(request, session, house, now, first=Conflict(TOLD_ALREADY))
    return _done(Did.TOLD, task_id, "#by-hand")


@router.post("/hand/{task_id}/untell")
def take_back_telling(task_id: RowId, _me: CurrentCoordinator, session: SessionDep, now: NowDep) -> Response:
    if not take_back_told(session, task_id=task_id, now=now):
        raise Conflict("这一条撤不回来了：还没告知，或者时间已经过了。")
    return RedirectResponse("/today#by-hand", status_code=303)


@router.post("/hand/{task_id}/unanswered")
def note_no_answer(task_id: RowId, _me: CurrentCoordinator, session: SessionDep, now: NowDep) -> Response:
    if not note_unanswered_call(session, task_id=task_id, now=now):
        raise Conflict(TOLD_ALREADY)
    return RedirectResponse("/today#by-hand", status_code=303)


@router.post("/hand/{task_id}/phone")
def show_number_of_hand_task(
    request: Request, task_id: RowId, me: CurrentCoordinator, session: SessionDep, now: NowDep
) -> HTMLResponse:
    """Show one number, with an entry in the trail: a POST, so that no preview and no scanner reads it."""
    ring = number_of_hand_task(session, task_id=task_id)
    audit.record(session, actor=me.subject, action="read", subject=ring.party, fields=["phone"], now=now)
    return page(request, "coordinator/ring.html", ring=ring, back="/today#by-hand")


@router.post("/volunteers/{volunteer_id}/phone")
def show_number_of_volunteer(
    request: Request, volunteer_id: RowId, me: CurrentCoordinator, session: SessionDep, now: NowDep
) -> HTMLResponse:
    ring = number_to_ring(session, party=f"volunteer:{volunteer_id}")
    audit.record(session, actor=me.subject, action="read", subject=ring.party, fields=["phone"], now=now)
    return page(request, "coordinator/ring.html", ring=ring, back="/today")


def _done(what: Did, number: int, place: str = "") -> Response:
    return RedirectResponse(f"/today?did={what}&n={number}{place}", status_code=303)


DID_WORDS = {
    Did.TOOK: mark("您接手了。"),
    Did.CLOSED: mark("结案了。"),
    Did.TOLD: mark("记下了：已告知。"),
    Did.STEP: mark("记下了这一步。"),
}
UNDO = {
    Did.TOOK: "/cases/{}/let-go",
    Did.CLOSED: "/cases/{}/reopen",
    Did.TOLD: "/hand/{}/untell",
    Did.STEP: "/legs/{}/unstep",
}
