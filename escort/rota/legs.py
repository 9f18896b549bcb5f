"""Legs for the coming four weeks, kept as the calendar, the escorts and the families want them.

The generator inserts by the natural key (escort, date, direction), withdraws what is not wanted any more,
and never comes back over a leg that a human has cancelled or changed.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
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
from escort.rota.changed import (
    Move,
    drive_apart,
    end_what_was_shown,
    note_changed,
    published_runs,
    runs_that_stay,
)
from escort.rota.models import Cause, Direction, Leg, LegState, Run, RunLeg
from escort.rota.release import Reason, retime_runs, take_legs_out
from escort.rota.run_times import floor_to_step
from escort.rota.shown import YES_HOLDS_FOR
from escort.schools.calendar import calendar_of
from escort.schools.models import School
from escort.sentences import mark
from notifications.inserts import insert_if_new
from scheduling.school_days import SchoolCalendar, SchoolDay
from scheduling.travel import EstimatedTravel

HORIZON = timedelta(weeks=4)
LEGS_AT_ONCE = 500
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
    _revive(session, back, wanted)
    _move(
        session,
        {_id(leg): leg for leg in moved},
        {_id(leg): wanted[_key(leg)] for leg in moved},
        by="system",
        now=now,
        zone=zone,
    )
    _nudge(session, {_id(leg): _later(leg, wanted[_key(leg)]) for leg in nudged}, by="system", now=now)
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
        .values(
            state=str(LegState.WANTED),
            cancelled_at=None,
            cancelled_by=by,
            kept_at=now,  # a word of its own: nobody asks whether this ride is wanted
            kept_by=by,
            generation=Leg.generation + 1,
        )
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
    cause: Cause = Cause.CHILD,
) -> None:
    """Change one day's time or place. A yes that was given for something else ends, and is asked for again.

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
        _nudge(session, {leg_id: later}, by=by, now=now, by_hand=True)
        return
    values = {"pickup_at": new_at, "due_at": leg.due_at + later, "by_hand": True}
    if point is not None:
        values |= _met_elsewhere(session, leg, point, place_name or "", values, pickup_at is not None)
    _move(session, {leg_id: leg}, {leg_id: values}, cause=cause, by=by, now=now, zone=zone)


def get_leg(session: Session, leg_id: int) -> Leg:
    """Return one leg. Raises NotFound."""
    leg = session.get(Leg, leg_id)
    if leg is None:
        raise NotFound("没有这趟接送。")
    return leg


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
    was = _starts_of(session, run_ids)
    retime_runs(session, run_ids)
    end_what_was_shown(session, run_ids, was=was, by=by, now=now)


def _move(
    session: Session,
    legs: Mapping[int, Any],
    values: Mapping[int, Mapping[str, Any]],
    *,
    cause: Cause | None = None,
    by: str,
    now: datetime,
    zone: ZoneInfo,
) -> None:
    """Give legs another time or place: those of one car that move as one stay in it, the others leave it.

    `values`: what each leg is where it rides alone. Whoever had said yes, or was asked, is asked again.
    """
    if not legs:
        return
    moves = {leg_id: _as_move(leg, values[leg_id]) for leg_id, leg in legs.items()}
    runs = published_runs(session, moves)
    _note(session, {leg_id: legs[leg_id] for leg_id in runs}, moves, cause, now)
    stay = runs_that_stay(session, moves)
    was = _starts_of(session, stay)
    staying = {leg_id for leg_ids in stay.values() for leg_id in leg_ids}
    leaving = moves.keys() - staying
    take_legs_out(session, leg_ids=leaving, reason=Reason.CHANGED, by=by, now=now, zone=zone)
    together = {leg_id for leg_ids in stay.values() if len(leg_ids) > 1 for leg_id in leg_ids}
    _write(session, moves, values, together)
    _measure_alone(session, [run_id for run_id, leg_ids in stay.items() if len(leg_ids) == 1])
    retime_runs(session, stay)
    elsewhere = {run_id for run_id, leg_ids in stay.items() if moves[leg_ids[0]].is_elsewhere}
    end_what_was_shown(session, stay, was=was, elsewhere=elsewhere, by=by, now=now)
    drive_apart(session, {leg_id: runs[leg_id] for leg_id in leaving if leg_id in runs}, now=now)


def _note(
    session: Session, legs: Mapping[int, Any], moves: Mapping[int, Move], cause: Cause | None, now: datetime
) -> None:
    for one in Cause:
        of_cause = {leg_id: leg for leg_id, leg in legs.items() if (cause or _cause_of(moves[leg_id])) is one}
        note_changed(session, of_cause, cause=one, now=now)


def _write(
    session: Session,
    moves: Mapping[int, Move],
    values: Mapping[int, Mapping[str, Any]],
    together: Collection[int],
) -> None:
    """Children of one car keep their order and their ways: only the time moves."""
    ids = list(moves)
    for start in range(0, len(ids), LEGS_AT_ONCE):
        for leg in session.exec(select(Leg).where(col(Leg.id).in_(ids[start : start + LEGS_AT_ONCE]))):
            leg_id, later = _id(leg), moves[_id(leg)].later
            new = values[leg_id]
            if leg_id in together:
                new = {"pickup_at": leg.pickup_at + later, "due_at": leg.due_at + later}
            for name, value in new.items():
                setattr(leg, name, value)
            leg.generation = leg.generation + 1
    session.flush()


def _measure_alone(session: Session, run_ids: Sequence[int]) -> None:
    """A child alone in a car gives the run its way."""
    rows = session.exec(
        select(Run, Leg.km, Leg.minutes)
        .join(RunLeg, (col(RunLeg.run_id) == col(Run.id)) & col(RunLeg.is_live))
        .join(Leg, col(Leg.id) == col(RunLeg.leg_id))
        .where(col(Run.id).in_(run_ids))
    )
    for run, km, minutes in rows.all():
        run.km, run.minutes = km, minutes
    session.flush()


def _as_move(leg: Any, row: Mapping[str, Any]) -> Move:
    place = ("lat", "lon", "km", "minutes")
    return Move(
        later=_later(leg, row),
        is_elsewhere=any(name in row and row[name] != getattr(leg, name) for name in place),
    )


def _cause_of(move: Move) -> Cause:
    return Cause.CHILD if move.is_elsewhere else Cause.TIMES


def _starts_of(session: Session, run_ids: Collection[int]) -> dict[int, datetime]:
    rows = session.exec(select(Run.id, Run.starts_at).where(col(Run.id).in_(list(run_ids))))
    return {run_id: starts_at for run_id, starts_at in rows if run_id is not None}


def _met_elsewhere(
    session: Session,
    leg: Leg,
    point: tuple[float, float],
    name: str,
    values: Mapping[str, Any],
    is_time_given: bool,
) -> dict[str, Any]:
    """Another place for one day: the way is measured anew, and with it the pick-up, unless a human said when."""
    school = session.get_one(School, leg.school_id)
    travel = EstimatedTravel()
    km = travel.km(np.array([point]), np.array([[school.lat, school.lon]]))[:, 0]
    minutes = round(float(travel.minutes(km)[0]))
    place = {
        "lat": point[0],
        "lon": point[1],
        "place_kind": PlaceKind.POINT,
        "place_name": name,
        "km": round(float(km[0]), 1),
        "minutes": minutes,
    }
    if leg.direction == Direction.HOME:
        return place | {"due_at": values["pickup_at"] + timedelta(minutes=minutes)}
    if is_time_given:
        return place
    return place | {"pickup_at": floor_to_step(values["due_at"] - timedelta(minutes=minutes))}


def _revive(session: Session, legs: Sequence[Any], wanted: Mapping[Key, dict[str, Any]]) -> None:
    """Want legs again that had been withdrawn, as the calendar has them now."""
    if legs:
        rows = [{"id": leg.id, **wanted[_key(leg)], "generation": leg.generation + 1} for leg in legs]
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
