"""The office's workbook: looked at first, then taken over; and what it wants to change, decided one by one."""

from datetime import date, datetime
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from escort.errors import Conflict
from escort.roster_book.apply import apply_book, compare
from escort.roster_book.book import BookRefused, RosterBook
from escort.roster_book.changes import count_waiting, settle_change, waiting_changes
from escort.roster_book.export import note_export, roster_sheets
from escort.roster_book.known import rules_of
from escort.roster_book.marked import marked_sheets, note_handed_back
from escort.roster_book.models import Question
from escort.roster_book.opening import Limits, open_book
from escort.roster_book.reader import judge_sheets, read_book
from escort.roster_book.report import report_of
from escort.roster_book.verdicts import BookRules
from escort.roster_book.waiting_book import drop_book, keep_book, kept_book
from escort.rota.follow import follow_book
from escort.sentences import mark
from escort.spreadsheet import workbook
from escort.web.deps import (
    CurrentCoordinator,
    House,
    HouseDep,
    NowDep,
    ReadLogDep,
    ReadSessionDep,
    SessionDep,
)
from escort.web.downloads import footer, xlsx
from escort.web.forms import FormModel, RowId
from escort.web.render import page

router = APIRouter()
MOST_ROWS = 200  # of each verdict: whoever has more mends these first
VERDICT_WORDS = {
    "accepted": mark("能用"),
    "warning": mark("能用，但要看一眼"),
    "rejected": mark("不能用"),
    "ignored": mark("标题和空行"),
}
QUESTION_WORDS = {
    Question.CONFLICT: mark("册子和系统里都改过"),
    Question.PHONE: mark("换了手机号：验证码和链接会发到新号码"),
    Question.IDENTITY: mark("像是同一个人，但姓名、生日或学校不一样"),
}
NOT_KEPT = "没有等着导入的册子：可能过了一个小时，或者已经导入了。请再选一次文件。"
PHONES = ("phone", "guardian_phone", "leader_phone")


class ChangeForm(FormModel):
    take: bool


@router.get("/import")
def show_import(
    request: Request, me: CurrentCoordinator, house: HouseDep, now: NowDep, done: str = ""
) -> HTMLResponse:
    with house.store.read() as session:
        kept = kept_book(session, by=me.subject, now=now)
    if kept is None:
        return _import_page(request, house, is_done=bool(done))
    name, content = kept
    return _import_page(request, house, name=name, book=_read(house, content, now))


@router.post("/import")
def look_at_book(
    request: Request,
    me: CurrentCoordinator,
    house: HouseDep,
    now: NowDep,
    book: Annotated[UploadFile, File()],
) -> Response:
    """Read the book and keep it for the second step. Nothing is taken over yet."""
    content = book.file.read()
    try:
        _read(house, content, now)
    except BookRefused as refused:
        return _import_page(request, house, sentence=refused.sentence, status_code=refused.status)
    with house.store.write() as session:
        keep_book(session, by=me.subject, name=book.filename or "", content=content, now=now)
    return RedirectResponse("/import", status_code=303)


@router.post("/import/apply")
def take_book_over(me: CurrentCoordinator, house: HouseDep, now: NowDep) -> Response:
    """All accepted rows or none; legs follow at once. The reading is done before the store is held."""
    with house.store.read() as session:
        kept = kept_book(session, by=me.subject, now=now)
    if kept is None:
        raise Conflict(NOT_KEPT)
    book = _read(house, kept[1], now)
    with house.store.write() as session:
        differences = apply_book(session, book, now=now, by=me.subject)
        follow_book(session, now=now, zone=house.zone)
        drop_book(session, by=me.subject)
    return RedirectResponse("/import/changes" if differences.asked else "/import?done=yes", status_code=303)


@router.post("/import/drop")
def drop(me: CurrentCoordinator, session: SessionDep) -> Response:
    drop_book(session, by=me.subject)
    return RedirectResponse("/import", status_code=303)


@router.post("/import/marked")
def hand_back(me: CurrentCoordinator, house: HouseDep, now: NowDep) -> Response:
    """Hand the book that is looked at back, with a column that says what is wrong with which row."""
    with house.store.read() as session:
        kept = kept_book(session, by=me.subject, now=now)
    if kept is None:
        raise Conflict(NOT_KEPT)
    name, content = kept
    raw = open_book(content, Limits())
    book = judge_sheets(raw, as_of=_today(house, now), rules=_rules(house))
    with house.store.write() as session:
        note_handed_back(session, by=me.subject, now=now, book=book)
    marked = workbook(marked_sheets(raw, book), footer=footer(me, house, now), from_1904=raw.from_1904)
    return xlsx(marked, f"{PurePath(name).stem or '名册'}-问题")


@router.post("/import/export")
def export_roster(me: CurrentCoordinator, house: HouseDep, now: NowDep) -> Response:
    """Hand out the whole roster. That somebody took it is in the trail before the file goes out."""
    with house.store.read() as session:
        sheets = roster_sheets(session)
    with house.store.write() as session:
        note_export(session, by=me.subject, now=now, sheets=sheets)
    content = workbook(sheets, footer=footer(me, house, now))
    return xlsx(content, f"名册-{now.astimezone(house.zone):%Y-%m-%d}")


@router.get("/import/changes")
def show_changes(
    request: Request, _me: CurrentCoordinator, session: ReadSessionDep, reads: ReadLogDep
) -> HTMLResponse:
    changes = waiting_changes(session)
    for change in changes:
        reads.saw(change.subject, change.column)
    return page(
        request,
        "coordinator/changes.html",
        changes=changes,
        question_words=QUESTION_WORDS,
        phone_columns=PHONES,
    )


@router.post("/import/changes/{change_id}")
def settle(
    change_id: RowId,
    form: Annotated[ChangeForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    settle_change(session, change_id=change_id, take=form.take, by=me.subject, now=now, zone=house.zone)
    return RedirectResponse("/import/changes", status_code=303)


def _read(house: House, content: bytes, now: datetime) -> RosterBook:
    """Read a book that may name what the store knows. No session is open while another process reads it."""
    return read_book(content, as_of=_today(house, now), rules=_rules(house))


def _rules(house: House) -> BookRules:
    with house.store.read() as session:
        return rules_of(session)


def _today(house: House, now: datetime) -> date:
    return now.astimezone(house.zone).date()


def _import_page(
    request: Request,
    house: House,
    *,
    name: str = "",
    book: RosterBook | None = None,
    sentence: str = "",
    is_done: bool = False,
    status_code: int = 200,
) -> HTMLResponse:
    context: dict[str, Any] = {"counts": {}, "rows": {}, "differences": None}
    with house.store.read() as session:
        waiting = count_waiting(session)
        if book is not None:
            report = report_of(book)
            context = {
                "counts": report["counts"],
                "rows": {
                    verdict: [row for row in report["rows"] if row["verdict"] == verdict]
                    for verdict in ("rejected", "warning")
                },
                "differences": compare(session, book),
            }
    return page(
        request,
        "coordinator/import.html",
        status_code,
        name=name,
        sentence=sentence,
        is_done=is_done,
        waiting=waiting,
        most_rows=MOST_ROWS,
        verdict_words=VERDICT_WORDS,
        **context,
    )
