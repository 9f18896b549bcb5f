"""Legs for the coming four weeks, kept as the calendar, the escorts and the families want them.

The generator inserts by the natural key (escort, date, direction), withdraws what is not wanted any more,
and never comes back over a leg that a human has cancelled or changed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import select as select_columns
from sqlalchemy import update as bulk_update
from sqlmodel import Session, col, select, update

from escort.errors import Conflict, NotFound, Refused
from escort.families.models import PlaceKind
from escort.families.queries import PlannableEscort, plannable_escorts
from escort.rota.aboard import boarded, follow_by_phone
from escort.rota.models import (
    LIVE_SHIFT,
    Direction,
    Leg,
    LegState,
    Run,
    RunLeg,
    Shift,
)
from escort.rota.release import Reason, free_shifts, retime_runs, take_legs_out
from escort.rota.run_times import floor_to_step
from escort.rota.shown import YES_HOLDS_FOR, is_near
from escort.schools.calendar import calendar_of
from escort.schools.models import School
from escort.sentences import mark
from notifications.inserts import insert_if_new
from scheduling.school_days import SchoolCalendar, SchoolDay
from scheduling.travel import EstimatedTravel

HORIZON = timedelta(weeks=4)
BEFORE_BELL = timedelta(minutes=10)
ALREADY_ABOARD = mark("孩子已经在车上，这趟不能取消，也不能改。请打电话给司机，跟到送达。")
Key = tuple[int, date, str]
Way = tuple[float, int]  # road km, minutes


@dataclass(frozen=True)
class Extended:
    """What bringing the calendar up to date changed, in legs."""

    added: int = 0
    withdrawn: int = 0
    revived: int = 0
    retimed: int = 0


def extend_calendar(
    session: Session, *, now: datetime, zone: ZoneInfo, horizon: timedelta = HORIZON
) -> Extended:
    """Bring the legs from today to the horizon up to date; the same again changes nothing."""
    today = now.astimezone(zone).date()
    until_on = today + horizon - timedelta(days=1)
    escorts = plannable_escorts(session, from_on=today, until_on=until_on)
    wanted = _wanted(session, escorts, zone=zone, from_on=today, until_on=until_on)
    existing = {_key(leg): leg for leg in _legs_between(session, today, until_on)}
    missing = [row for key, row in wanted.items() if key not in existing and row["pickup_at"] > now]
    added = _insert(session, missing)
    ahead = [leg for leg in existing.values() if leg.pickup_at > now]
    untouched = [leg for leg in ahead if not leg.by_hand]
    covered = {escort.escort_id: escort for escort in escorts}
    gone = [leg for leg in untouched if leg.state == LegState.WANTED and _key(leg) not in wanted]
    gone += [leg for leg in ahead if leg.by_hand and leg.state == LegState.WANTED and _is_over(leg, covered)]
    aboard = boarded(session, [_id(leg) for leg in gone])
    follow_by_phone(session, aboard.keys(), by="system", now=now)
    gone = [leg for leg in gone if leg.id not in aboard]
    back = [leg for leg in ahead if leg.state == LegState.WITHDRAWN and _key(leg) in wanted]
    standing = [leg for leg in untouched if leg.state == LegState.WANTED and _key(leg) in wanted]
    moved = [leg for leg in standing if _is_another(leg, wanted[_key(leg)])]
    aboard = boarded(session, [_id(leg) for leg in moved])
    moved = [leg for leg in moved if leg.id not in aboard]
    standing = [leg for leg in standing if leg.id not in aboard]
    nudged = [leg for leg in standing if leg not in moved and _is_nudged(leg, wanted[_key(leg)])]
    withdraw_legs(session, gone, by="system", now=now, zone=zone)
    _renew(session, [*back, *moved], wanted, now=now, zone=zone)
    _nudge(
        session, {_id(leg): _later(leg, wanted[_key(leg)]) for leg in nudged}, by="system", now=now, zone=zone
    )
    session.expire_all()
    return Extended(added, len(gone), len(back), len(moved) + len(nudged))


def withdraw_legs(session: Session, legs: Iterable[Any], *, by: str, now: datetime, zone: ZoneInfo) -> None:
    """Withdraw legs that are not wanted any more; drivers who had promised them are told."""
    ids = [_id(leg) for leg in legs]
    if not ids:
        return
    take_legs_out(session, leg_ids=ids, reason=Reason.CALENDAR, by=by, now=now, zone=zone)
    session.exec(
        update(Leg)
        .where(col(Leg.id).in_(ids), col(Leg.state) == LegState.WANTED)
        .values(state=str(LegState.WITHDRAWN), generation=Leg.generation + 1)
    )


def cancel_leg(session: Session, *, leg_id: int, by: str, reason: str, now: datetime, zone: ZoneInfo) -> None:
    """Cancel one leg: its driver is told, and the series never comes back over it.

    Raises NotFound; Conflict if it has been cancelled before; Refused once the child is aboard, or should have
    been delivered.
    """
    leg = session.get(Leg, leg_id)
    if leg is None:
        raise NotFound("没有这趟接送。")
    if leg.due_at <= now:
        raise Refused("这趟接送的时间已经过了，不能再取消。")
    if boarded(session, [leg_id]):
        raise Refused(ALREADY_ABOARD)
    moved = session.exec(
        update(Leg)
        .where(col(Leg.id) == leg_id, col(Leg.state) == LegState.WANTED)
        .values(
            state=str(LegState.CANCELLED),
            cancelled_at=now,
            cancelled_by=by,
            cancel_reason=reason[:80],
            generation=Leg.generation + 1,
        )
    )
    if moved.rowcount == 0:
        raise Conflict("这趟接送已经取消过了。")
    take_legs_out(session, leg_ids=[leg_id], reason=Reason.CANCELLED, by=by, now=now, zone=zone)


def restore_leg(session: Session, *, leg_id: int, by: str, now: datetime) -> None:
    """Take a cancellation back; the leg is planned afresh. Raises Conflict if it is too late or not cancelled."""
    moved = session.exec(
        update(Leg)
        .where(col(Leg.id) == leg_id, col(Leg.state) == LegState.CANCELLED, col(Leg.pickup_at) > now)
        .values(state=str(LegState.WANTED), cancelled_at=None, cancelled_by=by, generation=Leg.generation + 1)
    )
    if moved.rowcount == 0:
        raise Conflict("这趟接送没有取消，或者时间已经过了。")
    session.expire_all()


def change_leg(
    session: Session,
    *,
    leg_id: int,
    by: str,
    now: datetime,
    zone: ZoneInfo,
    pickup_at: datetime | None = None,
    place_name: str | None = None,
    point: tuple[float, float] | None = None,
) -> None:
    """Change one day's time or place. A yes that was given for something else ends; the leg is planned afresh.

    Up to ten minutes the yes holds. Raises NotFound, or Refused for a moment that is over or on another day.
    """
    leg = session.get(Leg, leg_id, populate_existing=True)
    if leg is None or leg.state != LegState.WANTED:
        raise NotFound("没有这趟接送，或者它已经取消了。")
    if leg.pickup_at <= now:
        raise Refused("已经到了接的时间，不能再改。请给值班电话打电话。")
    if boarded(session, [leg_id]):
        raise Refused(ALREADY_ABOARD)
    new_at = pickup_at or leg.pickup_at
    if new_at <= now or new_at.astimezone(zone).date() != leg.on:
        raise Refused("新的时间已经过了，或者不在同一天。请再核对。")
    later = new_at - leg.pickup_at
    if point is None and abs(later) <= YES_HOLDS_FOR:
        _nudge(session, {leg_id: later}, by=by, now=now, zone=zone, by_hand=True)
        return
    take_legs_out(session, leg_ids=[leg_id], reason=Reason.CHANGED, by=by, now=now, zone=zone)
    leg = session.get_one(Leg, leg_id)
    leg.pickup_at += later
    leg.due_at += later
    leg.by_hand = True
    leg.generation += 1
    if point is not None:
        _meet_elsewhere(session, leg, point, place_name or "", is_time_given=pickup_at is not None)
    session.flush()


def missing_on(session: Session, *, on: date, zone: ZoneInfo, now: datetime) -> int:
    """Return how many legs of a date should exist and do not: for the auditor."""
    escorts = plannable_escorts(session, from_on=on, until_on=on)
    wanted = _wanted(session, escorts, zone=zone, from_on=on, until_on=on)
    existing = {_key(leg) for leg in session.exec(select(Leg).where(Leg.on == on))}
    return sum(key not in existing and row["pickup_at"] > now for key, row in wanted.items())


def _legs_between(session: Session, from_on: date, until_on: date) -> Sequence[Any]:
    """Return the legs of these days as plain rows: thousands, nearly all of which stay as they are."""
    return session.execute(
        select_columns(*_COMPARED).where(col(Leg.on) >= from_on, col(Leg.on) <= until_on)
    ).all()


def _wanted(
    session: Session, escorts: Sequence[PlannableEscort], *, zone: ZoneInfo, from_on: date, until_on: date
) -> dict[Key, dict[str, Any]]:
    """Return every leg that calendar and escorts ask for, whether its time has come or not."""
    calendars = calendar_of(session, from_on=from_on, until_on=until_on)
    schools = {school.id: school for school in session.exec(select(School))}
    ways = _ways(escorts, schools)
    wanted: dict[Key, dict[str, Any]] = {}
    for escort, (way_to, way_home) in zip(escorts, ways, strict=True):
        calendar = calendars[escort.school_id]
        for offset in range((until_on - from_on).days + 1):
            on = from_on + timedelta(days=offset)
            day = _ride_day(escort, calendar, on)
            if day is None:
                continue
            if escort.to_school:
                row = _leg_row(escort, on, day, Direction.TO_SCHOOL, way_to, zone)
                wanted[escort.escort_id, on, Direction.TO_SCHOOL] = row
            if escort.home:
                row = _leg_row(escort, on, day, Direction.HOME, way_home, zone)
                wanted[escort.escort_id, on, Direction.HOME] = row
    return wanted


def _insert(session: Session, rows: Sequence[dict[str, Any]]) -> int:
    """Insert legs by their natural key; those that another node has just made stay as they are."""
    if rows:
        session.execute(insert_if_new(session, Leg), list(rows))
    return len(rows)


def _ride_day(escort: PlannableEscort, calendar: SchoolCalendar, on: date) -> SchoolDay | None:
    if not escort.is_planned_on(on):
        return None
    day = calendar.day(on, class_name=escort.class_name or None, child=escort.child_id)
    return day if day.is_school and escort.weekdays[day.timetable_weekday] == "1" else None


def _leg_row(
    escort: PlannableEscort, on: date, day: SchoolDay, direction: Direction, way: Way, zone: ZoneInfo
) -> dict[str, Any]:
    km, minutes = way
    place = escort.pickup if direction == Direction.TO_SCHOOL else escort.dropoff
    if direction == Direction.TO_SCHOOL:
        due_at = _instant(on, day.bell, zone) - BEFORE_BELL
        pickup_at = floor_to_step(due_at - timedelta(minutes=minutes))
    else:
        pickup_at = _instant(on, day.dismissal, zone)
        due_at = pickup_at + timedelta(minutes=minutes)
    return {
        "escort_id": escort.escort_id,
        "child_id": escort.child_id,
        "school_id": escort.school_id,
        "on": on,
        "direction": direction,
        "timetable_weekday": day.timetable_weekday,
        "state": LegState.WANTED,
        "pickup_at": pickup_at,
        "due_at": due_at,
        "place_kind": place.kind,
        "place_name": place.name,
        "area": escort.street,
        "lat": place.lat,
        "lon": place.lon,
        "km": round(km, 1),
        "minutes": minutes,
        "by_hand": False,
        "cancel_reason": "",
        "generation": 1,
    }


def _ways(escorts: Sequence[PlannableEscort], schools: Mapping[int | None, School]) -> list[tuple[Way, Way]]:
    """Return the ways (to school, home) of each escort; 0 km where no coordinates and no typed km are known."""
    travel = EstimatedTravel()
    found = []
    for escort in escorts:
        school = schools[escort.school_id]
        end = np.array([[school.lat, school.lon]])
        both = []
        for place in (escort.pickup, escort.dropoff):
            if escort.km_by_hand is not None:
                both.append(escort.km_by_hand)
            elif place.lat is None or place.lon is None:
                both.append(0.0)
            else:
                both.append(float(travel.km(np.array([[place.lat, place.lon]]), end)[0, 0]))
        minutes = [escort.minutes_by_hand or round(float(one)) for one in travel.minutes(np.array(both))]
        found.append(((both[0], minutes[0]), (both[1], minutes[1])))
    return found


def _is_over(leg: Any, escorts: Mapping[int, PlannableEscort]) -> bool:
    """Whether the family does not want, or allow, anything on this day any more, whatever a human changed in it."""
    escort = escorts.get(leg.escort_id)
    return escort is None or not escort.is_planned_on(leg.on)


def _later(leg: Any, row: Mapping[str, Any]) -> timedelta:
    """By how much the school's side moved: bell in the morning, dismissal in the afternoon."""
    moment = "due_at" if leg.direction == Direction.TO_SCHOOL else "pickup_at"
    later: timedelta = row[moment] - getattr(leg, moment)
    return later


def _is_another(leg: Any, row: Mapping[str, Any]) -> bool:
    """Whether the leg is not what was promised: another place, another way, or more than ten minutes."""
    place = (leg.lat, leg.lon, leg.km, leg.minutes)
    return (
        place != (row["lat"], row["lon"], row["km"], row["minutes"]) or abs(_later(leg, row)) > YES_HOLDS_FOR
    )


def _is_nudged(leg: Any, row: Mapping[str, Any]) -> bool:
    return _later(leg, row) != timedelta(0)


def _nudge(
    session: Session,
    later: Mapping[int, timedelta],
    *,
    by: str,
    now: datetime,
    zone: ZoneInfo,
    by_hand: bool = False,
) -> None:
    """Move legs a little within their runs. A yes ends only once it is more than ten minutes from what was shown."""
    for leg_id, span in later.items():
        leg = session.get_one(Leg, leg_id)
        leg.pickup_at += span
        leg.due_at += span
        leg.by_hand = leg.by_hand or by_hand
        leg.generation += 1
    session.flush()
    run_ids = set(
        session.exec(select(RunLeg.run_id).where(col(RunLeg.leg_id).in_(list(later)), col(RunLeg.is_live)))
    )
    retime_runs(session, run_ids)
    shown = session.exec(
        select(Shift.id, Shift.shown_starts_at, Run.starts_at)
        .join(Run, col(Run.id) == col(Shift.run_id))
        .where(
            col(Run.id).in_(run_ids),
            col(Shift.state).in_(LIVE_SHIFT),
            col(Shift.shown_starts_at).is_not(None),
        )
    ).all()
    ended = [
        shift_id
        for shift_id, shown_at, starts_at in shown
        if shift_id is not None and not is_near(shown_at, starts_at)
    ]
    free_shifts(session, shift_ids=ended, reason=Reason.CHANGED, by=by, now=now, zone=zone)


def _meet_elsewhere(
    session: Session, leg: Leg, point: tuple[float, float], name: str, *, is_time_given: bool
) -> None:
    """Another place for one day: the way is measured anew, and with it the pick-up, unless a human said when."""
    school = session.get_one(School, leg.school_id)
    travel = EstimatedTravel()
    km = travel.km(np.array([point]), np.array([[school.lat, school.lon]]))[:, 0]
    leg.lat, leg.lon = point
    leg.place_kind, leg.place_name = PlaceKind.POINT, name
    leg.km, leg.minutes = round(float(km[0]), 1), round(float(travel.minutes(km)[0]))
    if leg.direction == Direction.HOME:
        leg.due_at = leg.pickup_at + timedelta(minutes=leg.minutes)
    elif not is_time_given:
        leg.pickup_at = floor_to_step(leg.due_at - timedelta(minutes=leg.minutes))


def _renew(
    session: Session,
    legs: Sequence[Any],
    wanted: Mapping[Key, dict[str, Any]],
    *,
    now: datetime,
    zone: ZoneInfo,
) -> None:
    """Give legs the calendar's new values; a run that was planned for the old ones is given up."""
    if not legs:
        return
    rows = [{"id": leg.id, **wanted[_key(leg)], "generation": leg.generation + 1} for leg in legs]
    take_legs_out(
        session, leg_ids=[_id(leg) for leg in legs], reason=Reason.CHANGED, by="system", now=now, zone=zone
    )
    session.execute(bulk_update(Leg), rows)


def _key(leg: Any) -> Key:
    return (leg.escort_id, leg.on, leg.direction)


def _id(leg: Any) -> int:
    assert leg.id is not None
    return int(leg.id)


def _instant(on: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(on, at, zone)


_COMPARED: tuple[Any, ...] = (
    Leg.id,
    Leg.escort_id,
    Leg.on,
    Leg.direction,
    Leg.state,
    Leg.by_hand,
    Leg.generation,
    Leg.pickup_at,
    Leg.due_at,
    Leg.lat,
    Leg.lon,
    Leg.km,
    Leg.minutes,
)
