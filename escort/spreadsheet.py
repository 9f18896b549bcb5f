"""Workbooks that leave the house: typed cells, a frozen header, and no cell that a spreadsheet would carry out.

A text that a spreadsheet (or the CSV that somebody saves from it) would take for a formula gets an apostrophe in
front. `as_written` takes exactly that apostrophe away again, so that a book that we wrote is read as it was meant.
"""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

Value = str | float | int | bool | date | datetime | time | timedelta | None


class Mark(StrEnum):
    """How a row is coloured; its words must say the same."""

    WRONG = "wrong"
    DOUBTFUL = "doubtful"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet from A1. `header_row` counts from 0; None for a sheet without one."""

    name: str
    rows: Sequence[Sequence[Value]]
    header_row: int | None = 0
    marks: Mapping[int, Mark] = field(default_factory=dict)  # by row, from 0
    is_hidden: bool = False


def harmless(text: str) -> str:
    """Return the text with an apostrophe in front if a spreadsheet would carry it out."""
    return "'" + text if _FORMULA.match(text) else text


def as_written(text: str) -> str:
    """Return what `harmless` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def workbook(sheets: Sequence[Sheet], *, footer: str = "", from_1904: bool = False) -> bytes:
    """Return the sheets as .xlsx. `footer` stands on every printed page: who took it out, and when."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "date_1904": from_1904, "default_date_format": DAY})
    formats = {
        (kind, mark): book.add_format(look | (_FILLS[mark] if mark else {}))
        for kind, look in _LOOKS.items()
        for mark in (None, *Mark)
    }
    taken: set[str] = set()
    for sheet in sheets:
        _write(book.add_worksheet(_name(sheet.name, taken)), sheet, formats, footer)
    book.close()
    return file.getvalue()


DAY = "yyyy-mm-dd"
LONGEST_CELL = 32_767  # characters, Excel's own limit
_FORMULA = re.compile(r"'*(?:\s*[=+\-@＝＋－＠]|[\t\r\n])")
_LOOKS: dict[str, dict[str, object]] = {
    "text": {"valign": "top"},
    "number": {"valign": "top", "num_format": "General"},
    "whole": {"valign": "top", "num_format": "0"},  # a phone kept as a number must not turn into 1.39E+10
    "day": {"valign": "top", "num_format": DAY},
    "minute": {"valign": "top", "num_format": f"{DAY} hh:mm"},
    "time": {"valign": "top", "num_format": "hh:mm"},
    "span": {"valign": "top", "num_format": "[hh]:mm"},
    "header": {"bold": True, "valign": "top", "bottom": 1, "text_wrap": True},
}
_FILLS = {Mark.WRONG: {"bg_color": "#F8D7D3"}, Mark.DOUBTFUL: {"bg_color": "#FBEBC8"}}
_NARROWEST, _WIDEST = 6, 60  # characters
_Formats = Mapping[tuple[str, Mark | None], Format]


def _write(worksheet: Worksheet, sheet: Sheet, formats: _Formats, footer: str) -> None:
    widths: dict[int, int] = {}
    for at, row in enumerate(sheet.rows):
        mark = sheet.marks.get(at)
        for column, value in enumerate(row):
            if value is None or value == "":
                if mark:
                    worksheet.write_blank(at, column, None, formats["text", mark])
                continue
            look = "header" if at == sheet.header_row else _look_of(value)
            _write_cell(worksheet, at, column, value, formats[look, mark])
            if sheet.header_row is None or at >= sheet.header_row:
                widths[column] = max(widths.get(column, 0), _width(value))
    for column, width in widths.items():
        worksheet.set_column(column, column, min(max(width + 2, _NARROWEST), _WIDEST))
    if sheet.header_row is not None:
        worksheet.freeze_panes(sheet.header_row + 1, 0)
        worksheet.repeat_rows(sheet.header_row)
    if footer:
        worksheet.set_footer("&L" + footer.replace("&", "&&") + "&R&P / &N")
    worksheet.set_landscape()
    worksheet.set_paper(9)  # A4
    worksheet.fit_to_pages(1, 0)
    if sheet.is_hidden:
        worksheet.hide()


def _name(wanted: str, taken: set[str]) -> str:
    """Return a name that Excel allows: 31 characters, some forbidden, no two alike."""
    bare = re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", wanted).strip(" '")[:28] or "表"
    name, number = bare, 1
    while name.casefold() in taken:
        number += 1
        name = f"{bare}{number}"
    taken.add(name.casefold())
    return name


def _write_cell(worksheet: Worksheet, row: int, column: int, value: Value, look: Format) -> None:
    if isinstance(value, str):
        worksheet.write_string(row, column, harmless(value)[:LONGEST_CELL], look)
    elif isinstance(value, bool):
        worksheet.write_boolean(row, column, value, look)
    elif isinstance(value, int | float):
        worksheet.write_number(row, column, value, look)
    else:
        worksheet.write_datetime(row, column, value, look)  # dates, times and spans


def _look_of(value: Value) -> str:
    match value:
        case bool() | str():
            return "text"
        case int() | float():
            return "whole" if float(value).is_integer() else "number"
        case datetime():
            return "minute" if value.time() != time() else "day"
        case date():
            return "day"
        case time():
            return "time"
    return "span"


def _width(value: Value) -> int:
    """Return how wide a cell is in digits: a Han character takes two."""
    text = str(value)
    return sum(2 if ord(letter) > 0x2E7F else 1 for letter in text[:_WIDEST])
