"""What a new book wants to change and a coordinator decides: the book's value beside the app's, one at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ScalarSelect
from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from escort.roster_book.apply import decide_change, open_changes, subject_of_sheet, things_of
from escort.roster_book.book import SheetKind
from escort.roster_book.headers import COLUMNS
from escort.roster_book.models import BookChange
from escort.roster_book.shelf import Thing, value_of
from escort.rota.follow import follow_book
from escort.sentences import mark


@dataclass(frozen=True, slots=True)
class WaitingChange:
    """One question. `kept` is what the app holds, `says` what the book says: plain values, perhaps personal."""

    change_id: int
    sheet: str
    subject: str  # "child:5"
    who: str
    column: str
    word: str  # what the office calls the column
    question: str
    kept: object
    says: object
    raised_at: datetime


def waiting_changes(session: Session) -> list[WaitingChange]:
    """Return what waits for a coordinator, the oldest first."""
    rows = open_changes(session)
    things = {sheet: things_of(session, SheetKind(sheet)) for sheet in {row.sheet for row in rows}}
    return [_waiting(row, things[row.sheet].get(row.subject_id)) for row in rows]


def count_waiting(session: Session) -> int:
    """Return how many changes wait for a coordinator."""
    return session.exec(_number_waiting()).one()


def waiting_number() -> ScalarSelect[int]:
    """Return the same as a part of another query."""
    return _number_waiting().scalar_subquery()


def _number_waiting() -> SelectOfScalar[int]:
    return select(func.count()).select_from(BookChange).where(col(BookChange.decided_at).is_(None))


def settle_change(
    session: Session, *, change_id: int, take: bool, by: str, now: datetime, zone: ZoneInfo
) -> None:
    """Decide one change; what the book's value means for the coming legs follows at once.

    Raises NotFound, and Conflict if it was decided before.
    """
    decide_change(session, change_id=change_id, take=take, by=by, now=now)
    if take:
        follow_book(session, now=now, zone=zone)


def _waiting(row: BookChange, thing: Thing | None) -> WaitingChange:
    kind = SheetKind(row.sheet)
    return WaitingChange(
        change_id=row.id or 0,
        sheet=row.sheet,
        subject=f"{subject_of_sheet(kind)}:{row.subject_id}",
        who=thing.label if thing else "",
        column=row.column,
        word=WORDS.get(row.column) or COLUMNS[kind].get(row.column, (row.column,))[0],
        question=row.question,
        kept=_held(thing, row.column),
        says=value_of(row.value),
        raised_at=row.raised_at,
    )


def _held(thing: Thing | None, column: str) -> object:
    if thing is None:
        return None
    if column == "identity":
        return [thing.shared[part] for part in ("name", "born", "school")]
    if column in thing.holds:
        return value_of(thing.holds[column])
    return thing.key  # the number that makes a volunteer


WORDS: Mapping[str, str] = {
    "identity": mark("姓名、出生日期、学校"),
    "home": mark("住址的坐标"),
    "point": mark("坐标"),
    "pattern": mark("可出车时间"),
    "pattern_understood": mark("可出车时间看懂了没有"),
    "girls_only": mark("仅限女童"),
    "diagnosis": mark("诊断"),
    "handling_note": mark("路上要注意什么"),
    "wheelchair": mark("轮椅"),
    "child_seat": mark("儿童座椅"),
    "female_driver": mark("只要女司机"),
    "only_familiar": mark("只要熟面孔"),
    "alone": mark("单独一车"),
    "second_adult": mark("要第二个大人"),
    "at": mark("时间"),
    "as_weekday": mark("按星期几的课表"),
    "note": mark("说明"),
}
"""Columns that no sheet has under one title: they are read out of others."""
