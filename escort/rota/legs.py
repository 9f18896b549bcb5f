"""Legs for the coming four weeks, kept as the calendar, the escorts and the families want them.

The generator inserts by the natural key (escort, date, direction), withdraws what is not wanted any more,
and never comes back over a leg that a human has cancelled or changed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import insert, update
from sqlmodel import Session, col, select

from escort.errors import Conflict, NotFound, Refused
from escort.families.models import PlaceKind
from escort.families.queries import PlannableEscort, plannable_escorts
from escort.rota.models import Direction, Leg, LegState
from escort.rota.release import Reason, take_legs_out
from escort.schools.calendar import calendar_of
from escort.schools.models import School
from scheduling.school_days import SchoolCalendar, SchoolDay
from scheduling.travel import EstimatedTravel

HORIZON = timedelta(weeks=4)
BEFORE_BELL = timedelta(minutes=10)
PICKUP_STEP_MINUTES = 5
YES_HOLDS_FOR = timedelta(minutes=10)  # a change of more than this ends a yes
Key = tuple[int, date, str]


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
    wanted = _wanted(session, now=now, zone=zone, from_on=today, until_on=until_on)
    existing = {
        (leg.escort_id, leg.on, leg.direction): leg
        for leg in session.exec(select(Leg).where(Leg.on >= today, Leg.on <= until_on))
    }
    missing = [row for key, row in wanted.items() if key not in existing]
    if missing:
        session.execute(insert(Leg), missing)
    untouched = [leg for leg in existing.values() if not leg.by_hand and leg.pickup_at > now]
    gone = [leg for leg in untouched if leg.state == LegState.WANTED and _key(leg) not in wanted]
    back = [leg for leg in untouched if leg.state == LegState.WITHDRAWN and _key(leg) in wanted]
    moved = [
        leg
        for leg in untouched
        if leg.state == LegState.WANTED and _key(leg) in wanted and _has_moved(leg, wanted[_key(leg)])
    ]
    withdraw_legs(session, gone, by="system", now=now, zone=zone)
    _renew(session, [*back, *moved], wanted, now=now, zone=zone)
    session.expire_all()
    return Extended(len(missing), len(gone), len(back), len(moved))


def withdraw_legs(session: Session, legs: Iterable[Leg], *, by: str, now: datetime, zone: ZoneInfo) -> None:
    """Withdraw legs that are not wanted any more; drivers who had promised them are told."""
    ids = [leg.id for leg in legs if leg.id is not None]
    if not ids:
        return
    take_legs_out(session, leg_ids=ids, reason=Reason.CALENDAR, by=by, now=now, zone=zone)
    session.execute(
        update(Leg)
        .where(col(Leg.id).in_(ids), col(Leg.state) == LegState.WANTED)
        .values(state=LegState.WITHDRAWN, generation=Leg.generation + 1)
    )


def cancel_leg(session: Session, *, leg_id: int, by: str, reason: str, now: datetime, zone: ZoneInfo) -> None:
    """Cancel one leg: its driver is told, and the series never comes back over it.

    Raises NotFound; Conflict if it has been cancelled before; Refused once the child should have been delivered.
    """
    leg = session.get(Leg, leg_id)
    if leg is None:
        raise NotFound("没有这趟接送。")
    if leg.due_at <= now:
        raise Refused("这趟接送的时间已经过了，不能再取消。")
    moved = session.execute(
        update(Leg)
        .where(col(Leg.id) == leg_id, col(Leg.state) == LegState.WANTED)
        .values(
            state=LegState.CANCELLED,
            by_hand=True,
            cancelled_at=now,
            cancelled_by=by,
            cancel_reason=reason[:80],
            generation=Leg.generation + 1,
        )
    )
    if moved.rowcount == 0:  # type: ignore[attr-defined]
        raise Conflict("这趟接送已经取消过了。")
    take_legs_out(session, leg_ids=[leg_id], reason=Reason.CANCELLED, by=by, now=now, zone=zone)


def restore_leg(session: Session, *, leg_id: int, by: str, now: datetime) -> None:
    """Take a cancellation back; the leg is planned afresh. Raises Conflict if it is too late or not cancelled."""
    moved = session.execute(
        update(Leg)
        .where(col(Leg.id) == leg_id, col(Leg.state) == LegState.CANCELLED, col(Leg.pickup_at) > now)
        .values(state=LegState.WANTED, cancelled_at=None, cancelled_by=by, generation=Leg.generation + 1)
    )
    if moved.rowcount == 0:  # type: ignore[attr-defined]
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
    """Change one day's time or place. A yes that was given for something else ends; the leg is planned afresh."""
    leg = session.get(Leg, leg_id)
    if leg is None or leg.state != LegState.WANTED:
        raise NotFound("没有这趟接送，或者它已经取消了。")
    if leg.pickup_at <= now:
        raise Refused("已经到了接的时间，不能再改。请给值班电话打电话。")
    later = timedelta(0) if pickup_at is None else pickup_at - leg.pickup_at
    if point is not None or abs(later) > YES_HOLDS_FOR:
        take_legs_out(session, leg_ids=[leg_id], reason=Reason.CHANGED, by=by, now=now, zone=zone)
    leg = session.get_one(Leg, leg_id)
    leg.pickup_at += later
    leg.due_at += later
    leg.by_hand = True
    leg.generation += 1
    if point is not None:
        leg.lat, leg.lon = point
        leg.place_kind = PlaceKind.POINT
        leg.place_name = place_name or ""
    session.flush()


def _wanted(
    session: Session, *, now: datetime, zone: ZoneInfo, from_on: date, until_on: date
) -> dict[Key, dict[str, object]]:
    calendars = calendar_of(session, from_on=from_on, until_on=until_on)
    schools = {school.id: school for school in session.exec(select(School))}
    escorts = plannable_escorts(session, from_on=from_on, until_on=until_on)
    distances = _distances(escorts, schools)
    wanted: dict[Key, dict[str, object]] = {}
    for escort, (km_to, km_home) in zip(escorts, distances, strict=True):
        calendar = calendars[escort.school_id]
        for offset in range((until_on - from_on).days + 1):
            on = from_on + timedelta(days=offset)
            day = _ride_day(escort, calendar, on)
            if day is None:
                continue
            for direction, km in ((Direction.TO_SCHOOL, km_to), (Direction.HOME, km_home)):
                if (direction == Direction.TO_SCHOOL and not escort.to_school) or (
                    direction == Direction.HOME and not escort.home
                ):
                    continue
                row = _leg_row(escort, on, day, direction, km, zone)
                if row["pickup_at"] > now:  # type: ignore[operator]
                    wanted[escort.escort_id, on, direction] = row
    return wanted


def _ride_day(escort: PlannableEscort, calendar: SchoolCalendar, on: date) -> SchoolDay | None:
    if not escort.is_planned_on(on):
        return None
    day = calendar.day(on, class_name=escort.class_name or None, child=escort.child_id)
    return day if day.is_school and escort.weekdays[day.timetable_weekday] == "1" else None


def _leg_row(
    escort: PlannableEscort, on: date, day: SchoolDay, direction: Direction, km: float, zone: ZoneInfo
) -> dict[str, object]:
    minutes = escort.minutes_by_hand or round(float(EstimatedTravel().minutes(np.array([km]))[0]))
    place = escort.pickup if direction == Direction.TO_SCHOOL else escort.dropoff
    if direction == Direction.TO_SCHOOL:
        due_at = _instant(on, day.bell, zone) - BEFORE_BELL
        pickup_at = _floor(due_at - timedelta(minutes=minutes))
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


def _distances(
    escorts: list[PlannableEscort], schools: dict[int | None, School]
) -> list[tuple[float, float]]:
    """Return road km (to school, home) of each escort; 0 where no coordinates and no typed km are known."""
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
        found.append((both[0], both[1]))
    return found


def _has_moved(leg: Leg, row: dict[str, object]) -> bool:
    """The school's side of a leg decides: bell in the morning, dismissal in the afternoon; and the place."""
    moment = "due_at" if leg.direction == Direction.TO_SCHOOL else "pickup_at"
    return getattr(leg, moment) != row[moment] or (leg.lat, leg.lon) != (row["lat"], row["lon"])


def _renew(
    session: Session, legs: list[Leg], wanted: dict[Key, dict[str, object]], *, now: datetime, zone: ZoneInfo
) -> None:
    """Give legs the calendar's new values; a run that was planned for the old ones is given up."""
    if not legs:
        return
    rows = [{"id": leg.id, **wanted[_key(leg)], "generation": leg.generation + 1} for leg in legs]
    ids = [leg.id for leg in legs if leg.id is not None]
    take_legs_out(session, leg_ids=ids, reason=Reason.CHANGED, by="system", now=now, zone=zone)
    session.execute(update(Leg), rows)


def _key(leg: Leg) -> Key:
    return (leg.escort_id, leg.on, leg.direction)


def _instant(on: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(on, at, zone)


def _floor(moment: datetime) -> datetime:
    return moment.replace(minute=moment.minute - moment.minute % PICKUP_STEP_MINUTES, second=0, microsecond=0)


def missing_on(session: Session, *, on: date, zone: ZoneInfo, now: datetime) -> int:
    """Return how many legs of a date should exist and do not: for the auditor."""
    wanted = _wanted(session, now=now, zone=zone, from_on=on, until_on=on)
    existing = {_key(leg) for leg in session.exec(select(Leg).where(Leg.on == on))}
    return len(wanted.keys() - existing)
