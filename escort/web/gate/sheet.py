"""Printing the gate's list: each print is a new number, so it is a POST, and its page is the sheet."""

from collections.abc import Callable
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from escort.access import audit
from escort.journeys import words
from escort.journeys.gate_sheet import GateSheet, note_taken_out, print_sheet
from escort.journeys.gate_view import WordsOf
from escort.web.deps import (
    Coordinator,
    CurrentCoordinator,
    CurrentGate,
    Gate,
    House,
    HouseDep,
    NowDep,
    SessionDep,
)
from escort.web.downloads import pdf, unprintable, words_for
from escort.web.forms import RowId
from escort.web.paper import gate as paper
from escort.web.paper import press
from escort.web.render import page

router = APIRouter(include_in_schema=False)


@router.post("/gate/sheet")
def print_list(
    request: Request, gate: CurrentGate, session: SessionDep, house: HouseDep, now: NowDep
) -> Response:
    return _page(request, _at_the_gate(session, gate, house, now), back="/gate")


@router.post("/gate/sheet/pdf")
def print_list_as_file(request: Request, gate: CurrentGate, house: HouseDep, now: NowDep) -> Response:
    """The same list as a file. One that cannot be printed whole takes no number."""
    return _file(
        request, house, lambda session: _at_the_gate(session, gate, house, now), instead="/gate/sheet"
    )


@router.post("/accounts/gates/{school_id}/sheet")
def print_for_school(
    request: Request,
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    school_id: RowId,
) -> Response:
    """The whole day's list, for a school whose tablet or printer fails: the office carries it there."""
    return _page(request, _at_the_office(session, me, school_id, house, now), back="/accounts#gates")


@router.post("/accounts/gates/{school_id}/sheet/pdf")
def print_for_school_as_file(
    request: Request, me: CurrentCoordinator, house: HouseDep, now: NowDep, school_id: RowId
) -> Response:
    return _file(
        request,
        house,
        lambda session: _at_the_office(session, me, school_id, house, now),
        instead=f"/accounts/gates/{school_id}/sheet",
    )


def words_of(house: House) -> WordsOf:
    keyring = house.store.keyring
    return lambda shift_id, leg_id: " ".join(words.word_pair(keyring, shift_id, leg_id))


def _at_the_gate(session: Session, gate: Gate, house: House, now: datetime) -> GateSheet:
    return print_sheet(
        session,
        school_id=gate.school_id,
        words_of=words_of(house),
        by=gate.subject,
        now=now,
        zone=house.zone,
    )


def _at_the_office(
    session: Session, me: Coordinator, school_id: int, house: House, now: datetime
) -> GateSheet:
    return print_sheet(
        session,
        school_id=school_id,
        words_of=words_of(house),
        by=me.subject,
        now=now,
        zone=house.zone,
        whole_day=True,
    )


def _file(
    request: Request, house: House, printed: Callable[[Session], GateSheet], *, instead: str
) -> Response:
    words = words_for(request)
    try:
        with house.store.write() as session:
            session.info[audit.REQUEST_ID] = getattr(request.state, "request_id", "")
            sheet = printed(session)
            made = paper.values(sheet, words, duty_phone=house.settings.duty_phone)
            press.check(made)  # before the number counts
            note_taken_out(session, sheet, by=request.state.actor, now=sheet.printed_at)
    except press.Unprintable as mistake:
        return unprintable(request, mistake, post_to=instead)
    return pdf(press.pdf("gate", made), f"放学名单-{sheet.on}-{sheet.number}")


def _page(request: Request, sheet: GateSheet, *, back: str) -> Response:
    return page(
        request,
        "gate/sheet.html",
        sheet=sheet,
        back=back,
        change_words=paper.CHANGE_WORDS,
        reason_words=paper.REASON_WORDS,
    )
