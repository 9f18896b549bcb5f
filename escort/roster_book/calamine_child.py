"""Read a workbook with calamine in a process of its own: standard input to JSON on standard output.

A damaged .xls makes calamine ask for more memory than there is, and Rust then aborts the whole process: that
must not be the server's. Run by file name, isolated, so it may import nothing but the standard library and
python_calamine. Its answer is {"sheets": [...]} or {"refused": why}; anything else means a broken file.
"""

import io
import json
import resource
import sys
from datetime import date, datetime, time, timedelta
from typing import Any

from python_calamine import CalamineSheet, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

MEMORY_BYTES = 1_500_000_000
CPU_SECONDS = 60


def main() -> None:
    """Arguments: the most sheets, rows, columns and cells."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most_sheets, most_rows, most_columns, most_cells = (int(argument) for argument in sys.argv[1:5])
    answer = _read(sys.stdin.buffer.read(), most_sheets, most_rows, most_columns, most_cells)
    json.dump(answer, sys.stdout, ensure_ascii=True, separators=(",", ":"), default=_tagged)


def _read(
    content: bytes, most_sheets: int, most_rows: int, most_columns: int, most_cells: int
) -> dict[str, Any]:
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    except PasswordError:
        return {"refused": "password"}
    if len(workbook.sheets_metadata) > most_sheets:
        return {"refused": "sheets"}
    sheets: list[dict[str, Any]] = []
    cells = 0
    for number, about in enumerate(workbook.sheets_metadata):
        if about.typ is not SheetTypeEnum.WorkSheet:
            continue  # a chart has no rows
        sheet = workbook.get_sheet_by_index(number)
        cells += sheet.total_height * sheet.total_width
        if sheet.total_height > most_rows or sheet.total_width > most_columns or cells > most_cells:
            return {"refused": "far"}
        hidden = about.visible is not SheetVisibleEnum.Visible
        grid = sheet.to_python(skip_empty_area=False)
        sheets.append({"name": about.name, "hidden": hidden, "grid": grid, "blocks": _blocks(sheet)})
    return {"sheets": sheets}


def _blocks(sheet: CalamineSheet) -> list[tuple[int, int, int]]:
    """Return (row, column, rows spanned) of the merged cells that span rows."""
    ranges = sheet.merged_cell_ranges or []
    return [(top, left, bottom - top + 1) for (top, left), (bottom, _) in ranges if bottom > top]


def _tagged(cell: object) -> dict[str, Any]:
    if isinstance(cell, datetime):
        return {"datetime": cell.isoformat()}
    if isinstance(cell, date):
        return {"date": cell.isoformat()}
    if isinstance(cell, time):
        return {"time": cell.isoformat()}
    if isinstance(cell, timedelta):
        return {"seconds": cell.total_seconds()}
    raise TypeError(f"a cell of type {type(cell).__name__}")


if __name__ == "__main__":
    main()
