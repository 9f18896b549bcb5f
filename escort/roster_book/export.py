"""The district's roster out of the store as the office's workbook, in its own sheets and columns.

Imported again it changes nothing. Everything in it is personal: each export is one line of the trail.
"""

from datetime import datetime

from sqlmodel import Session

from escort.access import audit
from escort.roster_book.apply import things_of
from escort.roster_book.book import SheetKind
from escort.roster_book.written import LeftOut, as_grid, written
from escort.spreadsheet import Sheet, Value

LEFT_OUT = "没有列入的"


def roster_sheets(session: Session) -> list[Sheet]:
    """Return the whole roster: a sheet a kind under the office's titles, and one that names what is left out."""
    sheets: list[Sheet] = []
    left_out: list[LeftOut] = []
    for kind, title in _TITLES.items():
        sheet = written(kind, things_of(session, kind))
        left_out += sheet.left_out
        sheets.append(Sheet(kind.value, [[title], *as_grid(sheet)], header_row=1))
    if left_out:
        rows: list[list[Value]] = [["哪张表", "谁", "为什么"]]
        rows += [[line.sheet, line.who, line.why] for line in left_out]
        sheets.append(Sheet(LEFT_OUT, rows))
    return sheets


def note_export(session: Session, *, by: str, now: datetime, sheets: list[Sheet]) -> None:
    """Write into the trail that somebody took the roster out: how many rows, and which bold fields."""
    counts = [f"{sheet.name}: {len(sheet.rows) - 2}" for sheet in sheets if sheet.name != LEFT_OUT]
    audit.record(
        session,
        actor=by,
        action="roster_book.exported",
        subject="roster_book",
        fields=[*counts, *BOLD_FIELDS],
        now=now,
    )


BOLD_FIELDS = (
    "child.full_name",
    "child.born_on",
    "child.address",
    "child.diagnosis",
    "child.handling_note",
    "child.timetable",
    "guardian.name",
    "guardian.phone",
    "receiver.name",
    "receiver.phone",
    "volunteer.address",
    "volunteer.phone",
    "team.leader_phone",
)
_TITLES = {
    SheetKind.PLACES: "接送常用地点",
    SheetKind.SCHOOLS: "接送学校一览表",
    SheetKind.TEAMS: "志愿车队一览表",
    SheetKind.VOLUNTEERS: "“杜鹃鸟”爱心助学护送行动志愿者名册",
    SheetKind.CHILDREN: "护送对象登记表(保密)",
    SheetKind.CALENDAR: "学年校历",
}
