"""What no run shows: legs that nobody has planned or published, and legs that are proved to have no driver.

Both are one grouped case per school day, so that the queue stays short and honest.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from escort import wording
from escort.cases.models import CaseKind
from escort.cases.service import close_because, live_cases_about, open_case
from escort.journeys.models import WatchedDay
from escort.rota.models import LIVE_SHIFT, Leg, LegState, Run, RunLeg, Shift


@dataclass
class _Day:
    unfillable: int = 0
    unplanned: int = 0
    unfillable_from: datetime | None = None
    unplanned_from: datetime | None = None


def sweep_days(session: Session, *, now: datetime, zone: ZoneInfo) -> int:
    """Count what is unplanned tomorrow and what is unfillable this week; return how many days were looked at."""
    today = now.astimezone(zone).date()
    due = _due_days(session, today, now)
    if not due:
        return 0
    days = _count(session, due, now)
    live = {case.about for case in live_cases_about(session, [_about(on) for on in due])}
    for on in due:
        if on >= today and (days[on] != _Day() or _about(on) in live):
            _judge_unfillable(session, on, days[on], now)
            _judge_unplanned(session, on, days[on], now, zone)
    looks = [
        {"on": on, "next_look_at": _next_look(on, days[on], now, zone) if on >= today else None} for on in due
    ]
    session.execute(update(WatchedDay), looks)
    return len(due)


def _due_days(session: Session, today: date, now: datetime) -> list[date]:
    """Return the days to be looked at; every day of the coming week gets its row.

    A day on which a leg of this hour has no car is looked at at once, whenever it was to be looked at.
    """
    rows = {row.on: row.next_look_at for row in session.scalars(_rows_of_days(), {"since": today - WEEK})}
    missing = [day for n in range(WEEK.days + 1) if (day := today + timedelta(days=n)) not in rows]
    if missing:
        is_sqlite = session.get_bind().dialect.name == "sqlite"
        insert: Any = sqlite.insert(WatchedDay) if is_sqlite else postgresql.insert(WatchedDay)
        session.execute(
            insert.values([{"on": day, "next_look_at": now} for day in missing]).on_conflict_do_nothing()
        )
    lost = {
        on for on in _with_lost_legs(session, today, now) if (at := rows.get(on)) is None or at > now + SOON
    }
    return sorted({*missing, *lost, *(on for on, at in rows.items() if at is not None and at <= now)})


def _with_lost_legs(session: Session, today: date, now: datetime) -> set[date]:
    """Return the days with a wanted leg that no car fetches, an hour before its time until two hours after it."""
    span = {
        "today": today,
        "tomorrow": today + timedelta(days=1),
        "missed_since": now - JUST_MISSED,
        "within": now + LAST_HOUR,
    }
    return set(session.scalars(_lost_legs(), span))


@cache
def _rows_of_days() -> Any:
    return select(WatchedDay).where(WatchedDay.on >= bindparam("since"))


@cache
def _lost_legs() -> Any:
    day: Any = Leg.on
    return (
        select(day)
        .outerjoin(RunLeg, (col(RunLeg.leg_id) == col(Leg.id)) & col(RunLeg.is_live))
        .where(
            Leg.on >= bindparam("today"),
            Leg.on <= bindparam("tomorrow"),
            Leg.state == LegState.WANTED,
            col(Leg.pickup_at) > bindparam("missed_since"),
            col(Leg.pickup_at) <= bindparam("within"),
            col(RunLeg.leg_id).is_(None),
        )
    )


def _count(session: Session, due: list[date], now: datetime) -> dict[date, _Day]:
    columns: Any = (Leg.on, Leg.pickup_at, Run.id, Run.published_at, Run.is_proved_unfillable, Shift.id)
    rows = session.exec(
        select(*columns)
        .select_from(Leg)
        .outerjoin(RunLeg, (col(RunLeg.leg_id) == col(Leg.id)) & col(RunLeg.is_live))
        .outerjoin(Run, col(Run.id) == col(RunLeg.run_id))
        .outerjoin(Shift, (col(Shift.run_id) == col(Run.id)) & col(Shift.state).in_(LIVE_SHIFT))
        .where(
            col(Leg.on).in_(due),
            Leg.state == LegState.WANTED,
            col(Leg.pickup_at) > now - JUST_MISSED,
            col(Run.id).is_(None) | col(Run.published_at).is_(None) | col(Run.is_proved_unfillable),
        )
    )
    days: dict[date, _Day] = defaultdict(_Day)
    for on, pickup_at, run_id, published_at, is_proved, shift_id in rows:
        day = days[on]
        if is_proved and shift_id is None and pickup_at > now + DAY_AHEAD:
            day.unfillable += 1
            day.unfillable_from = min(day.unfillable_from or pickup_at, pickup_at)
        elif (run_id is None or published_at is None) and pickup_at <= now + DAY_AHEAD:
            day.unplanned += 1
            day.unplanned_from = min(day.unplanned_from or pickup_at, pickup_at)
    return days


def _judge_unfillable(session: Session, on: date, day: _Day, now: datetime) -> None:
    about = _about(on)
    if day.unfillable:
        open_case(
            session,
            kind=CaseKind.UNFILLABLE,
            about=about,
            sentence=wording.case_unfillable(day.unfillable, on),
            is_urgent=False,
            needed_by=day.unfillable_from,
            now=now,
        )
        return
    close_because(
        session,
        kinds=[CaseKind.UNFILLABLE],
        abouts=[about],
        by="system",
        reason="都有人了，或已到前一天，逐趟另列",
        now=now,
    )


def _judge_unplanned(session: Session, on: date, day: _Day, now: datetime, zone: ZoneInfo) -> None:
    about = _about(on)
    if day.unplanned and day.unplanned_from is not None:
        evening = datetime.combine(on - timedelta(days=1), EVENING, zone)
        open_case(
            session,
            kind=CaseKind.NO_DRIVER,
            about=about,
            sentence=wording.case_not_planned(day.unplanned, on),
            is_urgent=now >= min(evening, day.unplanned_from - LAST_HOUR),
            needed_by=day.unplanned_from,
            now=now,
        )
        return
    close_because(
        session,
        kinds=[CaseKind.NO_DRIVER],
        abouts=[about],
        by="system",
        reason="都排好、公布了，没人的逐趟另列",
        now=now,
    )


def _next_look(on: date, day: _Day, now: datetime, zone: ZoneInfo) -> datetime:
    """While something is open: every five minutes. Today and tomorrow: by the hour, by day. Else each evening."""
    if day.unplanned:
        return now + SOON
    local = now.astimezone(zone)
    if on <= local.date() + timedelta(days=1) and FIRST_LOOK <= local.time() < LAST_LOOK:
        return now + HOURLY
    at = FIRST_LOOK if on <= local.date() + timedelta(days=2) else LAST_LOOK
    moment = datetime.combine(local.date(), at, zone)
    return moment if moment > now else datetime.combine(local.date() + timedelta(days=1), at, zone)


def _about(on: date) -> str:
    return f"date:{on.isoformat()}"


WEEK = timedelta(days=7)
DAY_AHEAD = timedelta(hours=24)
LAST_HOUR = timedelta(minutes=60)
JUST_MISSED = timedelta(hours=2)  # a child may still stand at the roadside
EVENING = time(20, 0)
FIRST_LOOK, LAST_LOOK = time(5, 0), time(21, 0)
SOON = timedelta(minutes=5)
HOURLY = timedelta(hours=1)
