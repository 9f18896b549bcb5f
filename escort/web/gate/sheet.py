"""Printing the gate's list: each print is a new number, so it is a POST, and its page is the sheet."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from escort.journeys import words
from escort.journeys.gate_sheet import Change, GateSheet, print_sheet
from escort.journeys.gate_view import WordReason, WordsOf
from escort.sentences import mark
from escort.web.deps import CurrentCoordinator, CurrentGate, House, HouseDep, NowDep, SessionDep
from escort.web.forms import RowId
from escort.web.render import page

router = APIRouter(include_in_schema=False)


@router.post("/gate/sheet")
def print_list(
    request: Request, gate: CurrentGate, session: SessionDep, house: HouseDep, now: NowDep
) -> Response:
    sheet = print_sheet(
        session,
        school_id=gate.school_id,
        words_of=words_of(house),
        by=gate.subject,
        now=now,
        zone=house.zone,
    )
    return _page(request, sheet, back="/gate")


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
    sheet = print_sheet(
        session,
        school_id=school_id,
        words_of=words_of(house),
        by=me.subject,
        now=now,
        zone=house.zone,
        whole_day=True,
    )
    return _page(request, sheet, back="/accounts#gates")


def words_of(house: House) -> WordsOf:
    keyring = house.store.keyring
    return lambda shift_id, leg_id: " ".join(words.word_pair(keyring, shift_id, leg_id))


def _page(request: Request, sheet: GateSheet, *, back: str) -> Response:
    return page(
        request,
        "gate/sheet.html",
        sheet=sheet,
        back=back,
        change_words=CHANGE_WORDS,
        reason_words=REASON_WORDS,
    )


CHANGE_WORDS = {
    Change.NEW: mark("新加的"),
    Change.GONE: mark("不在名单上了"),
    Change.BY_FAMILY: mark("改成家里自己接"),
    Change.NOT_BY_FAMILY: mark("改成志愿者接"),
    Change.HELD: mark("先不放人"),
    Change.RELEASED: mark("可以放人了"),
    Change.NOBODY: mark("没有人来接了"),
    Change.FOUND: mark("有人来接了"),
    Change.DRIVER: mark("换人"),
    Change.CAR: mark("换车"),
    Change.WORD: mark("换暗号"),
    Change.TIME: mark("换时间"),
}
REASON_WORDS = {
    WordReason.NEW: mark("新来的"),
    WordReason.REPLACED: mark("换人"),
    WordReason.CAR: mark("换车"),
}
