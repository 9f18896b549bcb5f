"""What is told about a book, as data: one entry a row, its worst finding first."""

from collections import Counter
from typing import Any

from escort.roster_book.book import RosterBook, RowReport, Verdict


def report_of(book: RosterBook) -> dict[str, Any]:
    """Return {"rows": [...], "counts": {...}} as `dujuan import --check --json` prints it."""
    counts = Counter(report.verdict for report in book.reports)
    return {
        "rows": [_entry(report) for report in book.reports],
        "counts": {verdict.value: counts[verdict] for verdict in Verdict},
    }


def _entry(report: RowReport) -> dict[str, Any]:
    return {
        "sheet": report.sheet,
        "row": report.row,
        "verdict": report.verdict.value,
        "column": report.column,
        "reason": report.reason,
        "also": [
            {"verdict": finding.verdict.value, "column": finding.column, "reason": finding.reason}
            for finding in report.also
        ],
    }
