"""What our own export would say if it were read again: by that an exported book is known for no change at all.

Not all that people type in the app fits the office's columns: "周三、周四" in a remark comes back as "周三，周四", a
pick-up whose kilometres were typed comes back as a name alone. A book that says just this has not moved.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from escort.roster_book.book import BookRow, RosterBook, SheetKind
from escort.roster_book.known import rules_of
from escort.roster_book.opening import Grid, RawBook, RawSheet
from escort.roster_book.reader import judge_sheets
from escort.roster_book.shelf import Said, Shelf, Thing
from escort.roster_book.written import as_grid, written


def echo_of(shelf: Shelf[Any], things: Mapping[int, Thing], *, as_of: date) -> dict[int, Said]:
    """Return by id what a book would say of each thing that was exported as it is now and not touched."""
    sheet = written(shelf.sheet, things)
    grid: Grid = [["" if cell is None else cell for cell in row] for row in as_grid(sheet)]
    raw = RawBook((RawSheet(shelf.sheet.value, grid, is_hidden=False),), from_1904=False)
    book = judge_sheets(raw, as_of=as_of, rules=rules_of(shelf.session))
    return {sheet.ids[row.row - 2]: shelf.says(row) for row in _rows(book, shelf.sheet)}


def _rows(book: RosterBook, kind: SheetKind) -> tuple[BookRow, ...]:
    rows: dict[SheetKind, tuple[BookRow, ...]] = {
        SheetKind.PLACES: book.places,
        SheetKind.SCHOOLS: book.schools,
        SheetKind.TEAMS: book.teams,
        SheetKind.VOLUNTEERS: book.volunteers,
        SheetKind.CHILDREN: book.children,
        SheetKind.CALENDAR: book.calendar,
    }
    return rows[kind]
