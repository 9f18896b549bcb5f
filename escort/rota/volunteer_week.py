"""The week from the volunteers' side: who drives whom on which half-day, who cannot, and how full the month is."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import load_only
from sqlmodel import Session, col, func, or_, select

from escort import pinyin
from escort.families.models import Child
from escort.roster.models import Blockout, Team, Volunteer
from escort.rota.models import LIVE_SHIFT, Leg, LegState, RunLeg, Shift, ShiftState
from escort.rota.week import CODES, HALF_DAYS, CellCode


@dataclass(frozen=True, slots=True)
class Turn:
    """One half-day of a volunteer: a car with children, or a day on which he cannot."""

    code: CellCode | None  # None: cannot
    children: tuple[str, ...]
    run_id: int | None


@dataclass(frozen=True, slots=True)
class Person:
    volunteer_id: int
    name: str
    turns: Mapping[tuple[date, str], Turn]
    trips_of_month: int  # said yes to, or driven, in the month of the week's Monday
    trips_at_most: int  # in a month, by what he said


@dataclass(frozen=True, slots=True)
class TeamGroup:
    """One team. Closed groups have numbers and no rows."""

    team_id: int  # 0: no team
    name: str
    people: int  # who have something in this week
    asked: int
    is_open: bool
    rows: tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class VolunteerWeek:
    monday: date
    days: tuple[date, ...]
    groups: tuple[TeamGroup, ...]
    asked: int


def volunteer_week(
    session: Session, *, week_on: date, teams: Collection[int] = (), only_asked: bool = False, find: str = ""
) -> VolunteerWeek:
    """Return who does something, or cannot, in the week that holds `week_on`. Five queries.

    Open are the named teams, those where somebody has not answered, and whatever a text to find may mean.
    """
    monday = week_on - timedelta(days=week_on.weekday())
    sunday = monday + timedelta(days=6)
    people = _people(session, monday, sunday)
    turns = _turns(session, monday, sunday)
    for who, on, half in _blocked(session, monday, sunday):
        turns.setdefault(who, {}).setdefault((on, half), Turn(None, (), None))
    trips = _trips(session, monday)
    names = {team.id or 0: team.name for team in session.exec(select(Team))}
    by_team: dict[int, list[Person]] = defaultdict(list)
    for volunteer in people:
        who = volunteer.id or 0
        by_team[volunteer.team_id or 0].append(
            Person(who, volunteer.name, turns.get(who, {}), trips.get(who, 0), _at_most(volunteer))
        )
    groups = [
        _group(team_id, names.get(team_id, ""), rows, teams, only_asked, find)
        for team_id, rows in by_team.items()
    ]
    days = {monday + timedelta(days=offset) for offset in range(5)}
    days |= {on for mine in turns.values() for (on, _), turn in mine.items() if turn.code is not None}
    groups.sort(key=lambda group: (not group.is_open, -group.asked, group.team_id))
    return VolunteerWeek(monday, tuple(sorted(days)), tuple(groups), sum(group.asked for group in groups))


def _group(
    team_id: int, name: str, rows: list[Person], teams: Collection[int], only_asked: bool, find: str
) -> TeamGroup:
    waiting = [row for row in rows if any(turn.code is CellCode.ASKED for turn in row.turns.values())]
    if find:
        shown = [row for row in rows if pinyin.matches(row.name, find)]
    elif only_asked:
        shown = waiting
    else:
        shown = rows if team_id in teams or waiting else []
    shown = sorted(shown, key=lambda row: (pinyin.sort_key(row.name), row.volunteer_id))
    return TeamGroup(team_id, name, len(rows), len(waiting), bool(shown), tuple(shown))


def _people(session: Session, monday: date, sunday: date) -> list[Volunteer]:
    drives = select(Shift.volunteer_id).where(Shift.on >= monday, Shift.on <= sunday, _held())
    away = select(Blockout.volunteer_id).where(*_away(monday, sunday))
    return list(
        session.exec(
            select(Volunteer)
            .where(or_(col(Volunteer.id).in_(drives), col(Volunteer.id).in_(away)))
            .options(load_only(*_SHOWN))
        )
    )


def _turns(session: Session, monday: date, sunday: date) -> dict[int, dict[tuple[date, str], Turn]]:
    columns: Any = (
        Shift.volunteer_id,
        Shift.on,
        Shift.direction,
        Shift.state,
        Shift.run_id,
        Child.short_name,
    )
    rows = session.exec(
        select(*columns)
        .outerjoin(RunLeg, (col(RunLeg.run_id) == col(Shift.run_id)) & col(RunLeg.is_live).is_(True))
        .outerjoin(Leg, (col(Leg.id) == col(RunLeg.leg_id)) & (col(Leg.state) == LegState.WANTED))
        .outerjoin(Child, col(Child.id) == col(Leg.child_id))
        .where(Shift.on >= monday, Shift.on <= sunday, _held())
        .order_by(col(Shift.id), col(RunLeg.position))
    )
    found: dict[int, dict[tuple[date, str], Turn]] = defaultdict(dict)
    for who, on, direction, state, run_id, child in rows:
        before = found[who].get((on, direction))
        children = before.children if before and before.run_id == run_id else ()
        code = CODES[ShiftState(state)]
        found[who][on, direction] = Turn(code, (*children, child) if child else children, run_id)
    return found


def _blocked(session: Session, monday: date, sunday: date) -> list[tuple[int, date, str]]:
    rows = session.exec(select(Blockout).where(*_away(monday, sunday)))
    return [
        (row.volunteer_id, on, half)
        for row in rows
        for on in _days(max(row.from_on, monday), min(row.until_on, sunday))
        for half in ((row.half_day,) if row.half_day else HALF_DAYS)
    ]


def _trips(session: Session, monday: date) -> dict[int, int]:
    first = monday.replace(day=1)
    after = (first + timedelta(days=32)).replace(day=1)
    counted: Any = (Shift.volunteer_id, func.count())
    rows = session.exec(
        select(*counted)
        .where(Shift.on >= first, Shift.on < after, col(Shift.state).in_(COUNTED))
        .group_by(col(Shift.volunteer_id))
    )
    return dict(rows.all())


def _at_most(volunteer: Volunteer) -> int:
    return volunteer.cap_month if volunteer.cap_month is not None else volunteer.cap_week * WEEKS_OF_MONTH


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def _away(monday: date, sunday: date) -> tuple[Any, ...]:
    return Blockout.from_on <= sunday, Blockout.until_on >= monday, col(Blockout.removed_at).is_(None)


def _held() -> Any:
    return col(Shift.state).in_((*LIVE_SHIFT, ShiftState.SERVED))


COUNTED = (ShiftState.CONFIRMED, ShiftState.SERVED)
WEEKS_OF_MONTH = 4
_SHOWN: Any = (  # nothing sealed
    Volunteer.id,
    Volunteer.name,
    Volunteer.team_id,
    Volunteer.cap_week,
    Volunteer.cap_month,
)
