"""The week as the office sees it: children by school or by team down, school days by half-day across. Two queries."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlmodel import Session, col, func, or_, select

from escort import pinyin
from escort.families.models import Child
from escort.roster.models import Team, Volunteer
from escort.rota.models import (
    LIVE_SHIFT,
    Direction,
    Leg,
    LegState,
    Offer,
    OfferState,
    Relief,
    ReliefState,
    Role,
    Run,
    RunLeg,
    RunState,
    Shift,
    ShiftState,
)
from escort.schools.models import School


class CellCode(StrEnum):
    """The codes of the status vocabulary that a cell of the week can have."""

    NO_RIDE = "no_ride"  # cancelled
    UNASSIGNED = "unassigned"  # nobody drives
    DRAFT = "draft"  # the office's proposal, not published
    ASKED = "asked"  # told is not agreed
    CONFIRMED = "confirmed"
    SWAP = "swap"  # confirmed, and the driver asks somebody else to take it
    DELIVERED = "delivered"  # really driven


@dataclass(frozen=True, slots=True)
class Cell:
    """One leg."""

    leg_id: int
    code: CellCode
    name: str  # of the driver; "" if there is none
    run_id: int | None
    pickup_at: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """One child's week; a cell is None where the child does not ride."""

    child_id: int
    name: str
    cells: Mapping[tuple[date, str], Cell]

    @property
    def codes(self) -> set[CellCode]:
        return {cell.code for cell in self.cells.values()}


@dataclass(frozen=True, slots=True)
class Group:
    """The children of one school, or of one team's street. Closed groups have numbers and no rows."""

    group_id: int  # of the school or the team; 0: no team
    name: str
    children: int
    counts: Mapping[CellCode, int]
    is_open: bool
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class WeekMatrix:
    monday: date
    days: tuple[date, ...]  # with legs; Monday to Friday at least
    groups: tuple[Group, ...]
    by_day: Mapping[date, Mapping[CellCode, int]]

    def count(self, code: CellCode) -> int:
        """Return how many legs of the week have this code."""
        return sum(day.get(code, 0) for day in self.by_day.values())

    @property
    def children(self) -> int:
        return sum(group.children for group in self.groups)


class GroupBy(StrEnum):
    SCHOOL = "school"
    TEAM = "team"  # of the home's street


class Show(StrEnum):
    """Which rows are open."""

    HOLES = "holes"  # groups where a leg has nobody: all their children
    ASKED = "asked"  # children with a leg that waits for an answer
    SWAP = "swap"  # children with a leg whose driver asks somebody else to take it
    DRAFT = "draft"  # children whose week would change with publishing
    ALL = "all"
    SCHOOLS = "schools"  # the named groups alone


def week_matrix(
    session: Session,
    *,
    week_on: date,
    show: Show = Show.HOLES,
    by: GroupBy = GroupBy.SCHOOL,
    opened: Collection[int] = (),
    first: Collection[int] = (),
    find: str = "",
) -> WeekMatrix:
    """Return the week that holds `week_on`. The groups `opened` are so whatever `show` says; children `first` lead.

    With a text to find only the children whom it may mean are shown: a name, its pinyin, a number.
    """
    monday = week_on - timedelta(days=week_on.weekday())
    sunday = monday + timedelta(days=6)
    rows = _legs(session, by, *_between(Leg.on, monday, sunday))
    drivers = _drivers(session, *_between(Shift.on, monday, sunday))
    by_group: dict[tuple[int, str], dict[tuple[str, int], dict[tuple[date, str], Cell]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    by_day: dict[date, Counter[CellCode]] = defaultdict(Counter)
    for row in rows:
        cell = _cell(row, drivers)
        by_group[(row.group_id, row.group)][(row.child, row.child_id)][(row.on, row.direction)] = cell
        by_day[row.on][cell.code] += 1
    groups = [
        _group(group_id, name, children, show, first, is_named=group_id in opened, find=find)
        for (group_id, name), children in by_group.items()
    ]
    days = sorted({monday + timedelta(days=offset) for offset in range(5)} | set(by_day))
    return WeekMatrix(
        monday=monday, days=tuple(days), groups=tuple(sorted(groups, key=_order)), by_day=by_day
    )


def legs_of_child(
    session: Session, *, child_id: int, from_on: date, until_on: date
) -> list[tuple[date, str, Cell]]:
    """Return one child's legs between the dates, both included, in order of time: date, half-day, cell."""
    rows = _legs(session, GroupBy.SCHOOL, *_between(Leg.on, from_on, until_on), Leg.child_id == child_id)
    runs = [row.run_id for row in rows if row.run_id is not None]
    drivers = _drivers(session, col(Shift.run_id).in_(runs))
    return [(row.on, row.direction, _cell(row, drivers)) for row in rows]


@dataclass(frozen=True, slots=True)
class _LegRow:
    leg_id: int
    on: date
    direction: str
    state: str
    pickup_at: datetime
    child_id: int
    child: str
    group_id: int
    group: str
    run_id: int | None
    is_asked: bool


def _cell(row: _LegRow, drivers: Mapping[int, tuple[str, str, bool]]) -> Cell:
    state, name, is_handing_on = drivers.get(row.run_id or 0, ("", "", False))
    if row.state == LegState.CANCELLED:
        code, name = CellCode.NO_RIDE, ""
    elif state:
        code = CellCode.SWAP if is_handing_on else CODES[ShiftState(state)]
    else:
        code = CellCode.ASKED if row.is_asked else CellCode.UNASSIGNED
    return Cell(row.leg_id, code, name, row.run_id, row.pickup_at)


def _group(
    group_id: int,
    name: str,
    children: Mapping[tuple[str, int], Mapping[tuple[date, str], Cell]],
    show: Show,
    first: Collection[int],
    *,
    is_named: bool,
    find: str,
) -> Group:
    rows = [Row(child_id, child, cells) for (child, child_id), cells in children.items()]
    rows.sort(key=lambda row: row.child_id not in first)
    counts = Counter(cell.code for row in rows for cell in row.cells.values())
    shown = rows if is_named else _shown(rows, counts, show)
    if find:
        shown = [row for row in rows if pinyin.matches(row.name, find) or str(row.child_id) == find]
    return Group(group_id, name, len(rows), counts, bool(shown), tuple(shown))


def _shown(rows: list[Row], counts: Mapping[CellCode, int], show: Show) -> list[Row]:
    match show:
        case Show.ALL:
            return rows
        case Show.HOLES:
            return rows if counts.get(CellCode.UNASSIGNED) else []
        case Show.ASKED:
            return [row for row in rows if CellCode.ASKED in row.codes]
        case Show.SWAP:
            return [row for row in rows if CellCode.SWAP in row.codes]
        case Show.DRAFT:
            return [row for row in rows if CellCode.DRAFT in row.codes]
        case Show.SCHOOLS:
            return []


def _order(group: Group) -> tuple[bool, int, int]:
    """Groups with most holes first, then as they were entered."""
    return (not group.is_open, -group.counts.get(CellCode.UNASSIGNED, 0), group.group_id)


def _legs(session: Session, by: GroupBy, *chosen: Any) -> list[_LegRow]:
    asked = (
        select(Offer.id)
        .where(col(Offer.run_id) == col(Run.id), Offer.state == OfferState.OPEN)
        .correlate(Run)
        .exists()
    )
    group_id: Any = School.id if by is GroupBy.SCHOOL else func.coalesce(Team.id, 0)
    group: Any = School.name if by is GroupBy.SCHOOL else func.coalesce(Team.name, "")
    columns: tuple[Any, ...] = (
        Leg.id,
        Leg.on,
        Leg.direction,
        Leg.state,
        Leg.pickup_at,
        Leg.child_id,
        Child.short_name,
        group_id,
        group,
        Run.id,
        asked,
    )
    rows: Any = (
        select(*columns)
        .select_from(Leg)
        .join(Child, col(Child.id) == col(Leg.child_id))
        .join(School, col(School.id) == col(Leg.school_id))
        .outerjoin(Team, col(Team.id) == col(Child.team_id))
        .outerjoin(RunLeg, (col(RunLeg.leg_id) == col(Leg.id)) & col(RunLeg.is_live).is_(True))
        .outerjoin(Run, (col(Run.id) == col(RunLeg.run_id)) & (col(Run.state) == RunState.LIVE))
        .where(*chosen, Leg.state != LegState.WITHDRAWN)
        .order_by(group_id, col(Child.id), col(Leg.pickup_at))
    )
    return [_LegRow(*row) for row in session.exec(rows)]


def _drivers(session: Session, *chosen: Any) -> dict[int, tuple[str, str, bool]]:
    """Return, by run, its one live or served driver's shift: state, name, and whether he would hand it on."""
    handing_on = (
        select(Relief.id)
        .where(
            or_(Relief.shift_id == col(Shift.id), col(Relief.their_shift_id) == col(Shift.id)),
            Relief.state == ReliefState.OPEN,
            Shift.state == ShiftState.CONFIRMED,
        )
        .correlate(Shift)
        .exists()
    )
    rows: Any = (
        select(Shift.run_id, Shift.state, Volunteer.name, handing_on)
        .join(Volunteer, col(Volunteer.id) == col(Shift.volunteer_id))
        .where(
            *chosen,
            col(Shift.state).in_((*LIVE_SHIFT, ShiftState.SERVED)),
            Shift.role == Role.DRIVER,
            col(Shift.run_id).is_not(None),
        )
        .order_by((col(Shift.state) == ShiftState.SERVED).desc(), col(Shift.id))
    )
    return {run_id: (state, name, wish) for run_id, state, name, wish in session.exec(rows)}


def _between(on: Any, from_on: date, until_on: date) -> tuple[Any, Any]:
    return on >= from_on, on <= until_on


CODES = {
    ShiftState.DRAFT: CellCode.DRAFT,
    ShiftState.OPEN: CellCode.ASKED,
    ShiftState.CONFIRMED: CellCode.CONFIRMED,
    ShiftState.SERVED: CellCode.DELIVERED,
}
HALF_DAYS = (Direction.TO_SCHOOL, Direction.HOME)
