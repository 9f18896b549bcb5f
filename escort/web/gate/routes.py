"""The gate's list: who may take which child today, and what the guard says about it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import Field
from sqlmodel import Session

from escort.access import audit
from escort.errors import Conflict, NotFound
from escort.journeys import alarms, taps
from escort.journeys.gate_view import GateRow, GateView, WordReason, gate_view
from escort.journeys.models import Step
from escort.journeys.taps import TapIn, TapOutcome
from escort.sentences import mark
from escort.web import live
from escort.web.deps import (
    CurrentGate,
    Gate,
    House,
    HouseDep,
    NowDep,
    ReadLog,
    ReadLogDep,
    ReadSessionDep,
    SessionDep,
    current_gate,
    may_go_on,
)
from escort.web.forms import FormModel, OptionalLine20, OptionalLine80, RowId
from escort.web.gate import binding, early, sheet
from escort.web.gate.plates import Search, search
from escort.web.gate.sheet import words_of
from escort.web.paper.gate import REASON_WORDS
from escort.web.render import page

router = APIRouter(include_in_schema=False)
for part in (binding, early, sheet):
    router.include_router(part.router)


class PressedForm(FormModel):
    uuid: Annotated[str, Field(min_length=8, max_length=36)]


class HoldForm(FormModel):
    what: OptionalLine80 = ""


@dataclass(frozen=True)
class Said:
    """What the strip above the list says."""

    sentence: str
    colour: str = "ok"
    icon: str = "check"


@router.get("/gate")
def show(
    request: Request,
    gate: CurrentGate,
    session: ReadSessionDep,
    house: HouseDep,
    now: NowDep,
    reads: ReadLogDep,
    tail: OptionalLine20 = "",
    key: OptionalLine20 = "",
    letters: bool = False,
    held: bool = False,
) -> Response:
    view = _view(session, gate, house, now)
    _log(reads, view)
    found = search(view, tail=tail, key=key, letters=letters)
    return _page(
        request, view, found=found, said=HELD if held else None, live_mark=live.mark_of_view(view, now)
    )


@router.get("/gate/live", response_class=EventSourceResponse)
async def follow(request: Request, gate: CurrentGate, house: HouseDep) -> AsyncIterator[ServerSentEvent]:
    mark_of = live.ViewMark(lambda session, now: _view(session, gate, house, now))

    def look() -> str | None:
        if not may_go_on(request, house, current_gate):
            return None
        with house.store.read() as session:
            return mark_of.at(session, house.clock.now())

    async for event in live.events(look, is_closing=house.closing.is_set):
        yield event


@router.post("/gate/legs/{leg_id}/word")
def reveal_word(
    request: Request, gate: CurrentGate, session: SessionDep, house: HouseDep, now: NowDep, leg_id: RowId
) -> Response:
    """Show one leg's words on this one page, or alone to a script that shows them while a finger holds the button."""
    view = _view(session, gate, house, now, opened_leg=leg_id)
    pair = next((row.words for row in view.rows if row.words), "")
    if not pair:
        raise NotFound("这个孩子现在没有要对的暗号。")
    audit.record(
        session, actor=gate.subject, action="read", subject=f"leg:{leg_id}", fields=["word"], now=now
    )
    if request.headers.get("accept", "").startswith("text/plain"):
        return PlainTextResponse(pair)
    _record_names(session, gate, view, now)
    return _page(request, view)


@router.post("/gate/legs/{leg_id}/handover")
def hand_over(
    gate: CurrentGate,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    leg_id: RowId,
    form: Annotated[PressedForm, Form()],
) -> Response:
    row = _row(session, gate, house, now, leg_id)
    if row.is_held:
        raise Conflict("先等值班电话。值班的人说可以放人、把这件急事办完了，才能点“交接”。")
    if row.car is None:
        raise Conflict("这个孩子现在没有人答应来接，不能交接。请打值班电话。")
    return _tap(session, gate, now, leg_id, Step.HANDED_OVER, form.uuid)


@router.post("/gate/legs/{leg_id}/collected")
def collected(
    gate: CurrentGate,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    leg_id: RowId,
    form: Annotated[PressedForm, Form()],
) -> Response:
    if not _row(session, gate, house, now, leg_id).is_cancelled:
        raise Conflict("这个孩子今天有志愿者来接。家里人来领，请先打值班电话。")
    return _tap(session, gate, now, leg_id, Step.SELF_COLLECTED, form.uuid)


@router.post("/gate/legs/{leg_id}/hold")
def hold(gate: CurrentGate, session: SessionDep, house: HouseDep, now: NowDep, leg_id: RowId) -> Response:
    row = _row(session, gate, house, now, leg_id)
    alarms.hold_at_gate(
        session, school_id=gate.school_id, leg_id=row.leg_id, note="", by=gate.subject, now=now
    )
    return RedirectResponse("/gate?held=1", status_code=303)


@router.post("/gate/hold")
def hold_somebody(
    gate: CurrentGate, session: SessionDep, now: NowDep, form: Annotated[HoldForm, Form()]
) -> Response:
    """Call the office about somebody who is not on the list."""
    alarms.hold_at_gate(
        session, school_id=gate.school_id, leg_id=None, note=form.what, by=gate.subject, now=now
    )
    return RedirectResponse("/gate?held=1", status_code=303)


@router.post("/gate/undo")
def undo(
    request: Request,
    gate: CurrentGate,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    form: Annotated[PressedForm, Form()],
) -> Response:
    if taps.undo_tap(session, uuid=form.uuid, by=gate.subject, now=now):
        return RedirectResponse("/gate", status_code=303)
    view = _view(session, gate, house, now)
    _record_names(session, gate, view, now)
    return _page(request, view, said=TOO_LATE, status_code=409)


def _tap(session: Session, gate: Gate, now: datetime, leg_id: int, step: Step, uuid: str) -> Response:
    pressed = TapIn(uuid, leg_id, step, now)
    (result,) = taps.record_taps(session, by=gate.subject, taps=[pressed], now=now)
    if result.outcome == TapOutcome.REFUSED:
        raise Conflict(result.sentence)
    return RedirectResponse("/gate", status_code=303)


def _view(
    session: Session, gate: Gate, house: House, now: datetime, *, opened_leg: int | None = None
) -> GateView:
    return gate_view(
        session,
        school_id=gate.school_id,
        words_of=words_of(house),
        opened_leg=opened_leg,
        now=now,
        zone=house.zone,
    )


def _row(session: Session, gate: Gate, house: House, now: datetime, leg_id: int) -> GateRow:
    """Return this leg as it stands on the list. Raises NotFound for another school's, or outside W-gate."""
    view = _view(session, gate, house, now)
    row = next((row for row in view.rows if row.leg_id == leg_id), None)
    if row is None:
        raise NotFound("名单上现在没有这个孩子。请回到门口名单，或打值班电话。")
    return row


def _page(
    request: Request,
    view: GateView,
    *,
    found: Search | None = None,
    said: Said | None = None,
    status_code: int = 200,
    live_mark: str = "",
) -> Response:
    return page(
        request,
        "gate/page.html",
        status_code,
        view=view,
        search=found or search(view),
        said=said,
        word_badges=WORD_BADGES,
        word_asks=WORD_ASKS,
        live_mark=live_mark,
    )


def _log(reads: ReadLog, view: GateView) -> None:
    for row in view.rows:
        reads.saw(f"child:{row.child_id}", "full_name")


def _record_names(session: Session, gate: Gate, view: GateView, now: datetime) -> None:
    fields = [f"child:{row.child_id}.full_name" for row in view.rows]
    audit.record(session, actor=gate.subject, action="read", subject="/gate", fields=fields, now=now)


WORD_BADGES = {
    WordReason.NEW: ("asked", REASON_WORDS[WordReason.NEW]),
    WordReason.REPLACED: ("swap", REASON_WORDS[WordReason.REPLACED]),
    WordReason.CAR: ("swap", REASON_WORDS[WordReason.CAR]),
}
WORD_ASKS = {
    WordReason.NEW: mark("头一回来接，先听司机说暗号，再对一下"),
    WordReason.REPLACED: mark("换人了，先听司机说暗号，再对一下"),
    WordReason.CAR: mark("换了车，先听司机说暗号，再对一下"),
}
HELD = Said(mark("先不放人。值班的人知道了，马上打电话来。"), "now", "alert")
TOO_LATE = Said(mark("过了 10 秒，撤不了了。点错了请打值班电话，我们帮您改。"), "wait", "clock")
