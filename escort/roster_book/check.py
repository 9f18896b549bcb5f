"""`dujuan import FILE --check`: what a book says, and what it would do to a store. Changes nothing."""

from datetime import date
from pathlib import Path
from typing import Any

from sqlmodel import Session

from escort.roster_book.apply import Change, Differences, Line, compare
from escort.roster_book.book import RosterBook
from escort.roster_book.known import rules_of
from escort.roster_book.reader import read_book
from escort.roster_book.report import report_of


def check_report(path_or_bytes: str | Path | bytes, as_of: date, session: Session | None) -> dict[str, Any]:
    """Return {"rows", "counts"}; with a store also "changes". Raises BookRefused for the file as a whole.

    Without a session the book is read alone; with one it may name schools, teams and places that the store
    knows, and is compared with what is there.
    """
    if session is None:
        return report_of(read_book(path_or_bytes, as_of=as_of))
    book = read_for_store(session, path_or_bytes, as_of=as_of)
    return {**report_of(book), "changes": changes_of(compare(session, book))}


def read_for_store(session: Session, path_or_bytes: str | Path | bytes, *, as_of: date) -> RosterBook:
    """Read a book that may lack sheets which the store already has."""
    return read_book(path_or_bytes, as_of=as_of, rules=rules_of(session))


def changes_of(differences: Differences) -> dict[str, Any]:
    """Return the differences as data: names of columns, never a value, which may be personal."""
    return {
        "added": [_line(line) for line in differences.added],
        "changed": [_change(change) for change in differences.changed],
        "asked": [_change(change) for change in differences.asked],
        "missing": [_line(line) for line in differences.missing],
    }


def _line(line: Line) -> dict[str, Any]:
    return {"sheet": line.sheet, "row": line.row, "who": line.who}


def _change(change: Change) -> dict[str, Any]:
    question = change.question.value if change.question else None
    return {
        "sheet": change.sheet,
        "row": change.row,
        "who": change.who,
        "column": change.column,
        "question": question,
    }
