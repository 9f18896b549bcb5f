"""Read the office's workbook: from a file to typed rows, with a verdict on every row. Touches no store."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from escort.roster_book.book import (
    CalendarRow,
    Finding,
    PlaceRow,
    RosterBook,
    RowReport,
    SchoolRow,
    SheetKind,
    TeamRow,
    VolunteerRow,
)
from escort.roster_book.children import Children, judge_child
from escort.roster_book.opening import Limits, RawBook, open_book
from escort.roster_book.places import judge_calendar_row, judge_place, judge_school, judge_team
from escort.roster_book.sheets import Sorted, sort_sheets
from escort.roster_book.verdicts import BookRules, RowJudge, Setting, report_row
from escort.roster_book.volunteers import judge_volunteer


def read_book(
    path_or_bytes: str | Path | bytes,
    *,
    as_of: date,
    limits: Limits | None = None,
    rules: BookRules | None = None,
) -> RosterBook:
    """Return the book's accepted rows and a report for every row. Raises BookRefused for a file as a whole.

    `as_of` decides what lies in the future and what has expired. Sheets are judged in the order in which
    they name each other, whatever their order in the file.
    """
    return judge_sheets(open_book(path_or_bytes, limits or Limits()), as_of=as_of, rules=rules)


def judge_sheets(raw: RawBook, *, as_of: date, rules: BookRules | None = None) -> RosterBook:
    """Return what sheets say that are open already."""
    rules = rules or BookRules()
    found = sort_sheets(raw.sheets)
    setting = Setting(as_of, rules, raw.from_1904)
    reports: list[RowReport] = []

    def judge(kind: SheetKind, judge_row: Callable[[RowJudge], None]) -> None:
        for table in found.tables:
            if table.kind is kind:
                for row in table.rows:
                    judge = RowJudge(table, row, setting)
                    judge_row(judge)
                    reports.append(judge.report())

    places: dict[str, PlaceRow] = {}
    schools: dict[str, SchoolRow] = {}
    teams: dict[str, TeamRow] = {}
    volunteers: dict[str, VolunteerRow] = {}
    calendar: dict[str, CalendarRow] = {}
    judge(SheetKind.PLACES, lambda row: judge_place(row, places))
    judge(SheetKind.SCHOOLS, lambda row: judge_school(row, schools))
    judge(SheetKind.TEAMS, lambda row: judge_team(row, teams))
    known_schools = rules.known_schools | schools.keys()
    known_teams = rules.known_teams | teams.keys()
    judge(SheetKind.VOLUNTEERS, lambda row: judge_volunteer(row, volunteers, known_teams))
    points = {**rules.known_places, **{key: place.point for key, place in places.items()}}
    children = Children(known_schools, points)
    judge(SheetKind.CHILDREN, lambda row: judge_child(row, children))
    judge(SheetKind.CALENDAR, lambda row: judge_calendar_row(row, calendar, known_schools))
    return RosterBook(
        as_of=as_of,
        places=tuple(places.values()),
        schools=tuple(schools.values()),
        teams=tuple(teams.values()),
        volunteers=tuple(volunteers.values()),
        children=tuple(children.accepted.values()),
        calendar=tuple(calendar.values()),
        reports=_in_file_order(reports, found),
    )


def _in_file_order(judged: list[RowReport], found: Sorted) -> tuple[RowReport, ...]:
    others: dict[tuple[str, int], list[Finding]] = {}
    for finding in found.findings:
        others.setdefault((finding.sheet, finding.row), []).append(finding)
    reports = judged + [report_row(sheet, row, findings) for (sheet, row), findings in others.items()]
    return tuple(sorted(reports, key=lambda report: (found.order[report.sheet], report.row)))
