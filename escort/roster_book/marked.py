"""The office's own book handed back, with what is to be said of each row in a last column 问题.

Sheets, rows and cells stand where they stood; only values come back, since only values were read. A column 问题 of
an earlier round gives way to the new one, and the reader passes over it: the mended book is imported as it is.
"""

from datetime import datetime

from sqlmodel import Session

from escort.access import audit
from escort.roster_book.book import Finding, RosterBook, RowReport, Verdict
from escort.roster_book.export import BOLD_FIELDS
from escort.roster_book.headers import PROBLEMS
from escort.roster_book.opening import Grid, RawBook, RawSheet
from escort.roster_book.sheets import HEADER
from escort.roster_book.values import Cell, read_text
from escort.spreadsheet import Mark, Sheet, Value


def marked_sheets(raw: RawBook, book: RosterBook) -> list[Sheet]:
    """Return every sheet of the file with its 问题 column. `book` is what was read from `raw`."""
    reports: dict[str, dict[int, RowReport]] = {sheet.name: {} for sheet in raw.sheets}
    for report in book.reports:
        reports[report.sheet][report.row - 1] = report
    return [_marked(sheet, reports[sheet.name]) for sheet in raw.sheets]


def note_handed_back(session: Session, *, by: str, now: datetime, book: RosterBook) -> None:
    """Write into the trail that somebody took a book full of names out again."""
    audit.record(
        session,
        actor=by,
        action="marked_book.exported",
        subject="roster_book",
        fields=[f"rows: {len(book.reports)}", *BOLD_FIELDS],
        now=now,
    )


def _marked(sheet: RawSheet, reports: dict[int, RowReport]) -> Sheet:
    header_row = next((row for row, report in reports.items() if report.reason == HEADER), None)
    grid = _without_old_problems(sheet.grid, header_row)
    width = max((_length(row) for row in grid), default=0)
    rows: list[list[Value]] = []
    marks: dict[int, Mark] = {}
    for at, cells in enumerate(grid):
        report = reports.get(at)
        said = PROBLEMS if at == header_row else _sentences(report)
        rows.append([*_padded(cells, width), said] if said else list(cells))
        if report is not None and report.verdict in _MARKS:
            marks[at] = _MARKS[report.verdict]
    return Sheet(sheet.name, rows, header_row=header_row, marks=marks, is_hidden=sheet.is_hidden)


def _sentences(report: RowReport | None) -> str:
    """Return what a row's cell says, the worst first: 不能用：【手机号】手机号没填，请填 11 位手机号。"""
    if report is None or report.verdict not in _WORDS:
        return ""
    worst = Finding(report.sheet, report.row, report.verdict, report.column, report.reason)
    doubts = [finding for finding in (worst, *report.also) if finding.verdict in _WORDS]
    return "\n".join(f"{_WORDS[one.verdict]}：{_column(one)}{one.reason or ''}" for one in doubts)


def _column(finding: Finding) -> str:
    return f"【{finding.column}】" if finding.column else ""


def _without_old_problems(grid: Grid, header_row: int | None) -> Grid:
    if header_row is None:
        return grid
    old = {column for column, cell in enumerate(grid[header_row]) if read_text(cell) == PROBLEMS}
    return [[cell for column, cell in enumerate(row) if column not in old] for row in grid] if old else grid


def _length(row: list[Cell]) -> int:
    return max((column + 1 for column, cell in enumerate(row) if read_text(cell)), default=0)


def _padded(row: list[Cell], width: int) -> list[Cell]:
    return [*row[:width], *[""] * (width - len(row))]


_WORDS = {Verdict.REJECTED: "不能用", Verdict.WARNING: "能用，但要看一眼"}
_MARKS = {Verdict.REJECTED: Mark.WRONG, Verdict.WARNING: Mark.DOUBTFUL}
