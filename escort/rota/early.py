"""School is out earlier than usual: called on the day itself, for a school, a class or one child."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from escort.errors import Refused
from escort.families.models import Child
from escort.families.service import get_child
from escort.rota.aboard import boarded
from escort.rota.legs import change_leg, extend_calendar
from escort.rota.models import Cause, Direction, Leg, LegState
from escort.schools import service as schools
from escort.schools.calendar import entries_between
from escort.schools.models import CalendarEntry, CalendarKind, CalendarSource, School
from escort.schools.service import Scope
from escort.sentences import Sentence


@dataclass(frozen=True)
class EarlyChoice:
    """For whom an early dismissal can be called today: whoever still goes home by one of our cars."""

    key: str  # "school:1", "class:1:二班", "child:7"
    scope: Scope
    school: str
    name: str  # of the class or the child; "" for the whole school
    children: int
    usual_at: datetime


def early_choices(session: Session, *, now: datetime, zone: ZoneInfo) -> list[EarlyChoice]:
    """Return the schools, classes and children with a way home still ahead today, school by school. One statement."""
    columns: Any = (School.id, School.name, Child.id, Child.short_name, Child.class_name, Leg.pickup_at)
    rows = session.exec(
        select(*columns)
        .select_from(Leg)
        .join(Child, col(Child.id) == col(Leg.child_id))
        .join(School, col(School.id) == col(Leg.school_id))
        .where(
            Leg.on == now.astimezone(zone).date(),
            Leg.direction == Direction.HOME,
            Leg.state == LegState.WANTED,
            col(Leg.pickup_at) > now,
        )
        .order_by(col(School.id), col(Child.class_name), col(Child.id))
    ).all()
    schools_: dict[tuple[int, str], list[datetime]] = defaultdict(list)
    classes: dict[tuple[int, str, str], list[datetime]] = defaultdict(list)
    alone: list[EarlyChoice] = []
    for school_id, school, child_id, child, class_name, at in rows:
        schools_[school_id, school].append(at)
        if class_name:
            classes[school_id, school, class_name].append(at)
        alone.append(EarlyChoice(f"child:{child_id}", Scope(school_id, None, child_id), school, child, 1, at))
    whole = [
        EarlyChoice(f"school:{school_id}", Scope(school_id), school, "", len(times), min(times))
        for (school_id, school), times in schools_.items()
    ]
    of_class = [
        EarlyChoice(f"class:{school_id}:{name}", Scope(school_id, name), school, name, len(times), min(times))
        for (school_id, school, name), times in classes.items()
    ]
    return [*whole, *of_class, *alone]


def call_early_dismissal(
    session: Session,
    *,
    on: date,
    at: time,
    scope: Scope,
    note: str = "",
    by: str,
    now: datetime,
    zone: ZoneInfo,
) -> int:
    """Let a school, one of its classes or one child out at `at` (local) on that day; return the calendar's entry.

    The legs home follow in this transaction, those that a human has changed before too where they lie later: whoever
    had said yes to another time is asked again. What was said before for the same day gives way, in narrower scopes
    where it lies later. A scope of one child needs no school.

    Raises NotFound for a school or child that is not there. Refused without a school, on a day without school, for a
    time that is over, not after the bell, or not before the usual dismissal.
    """
    scope = _complete(session, scope)
    school = schools.get_school(session, scope.school_id or 0)
    _check_time(school, on=on, at=at, now=now, zone=zone)
    for entry in _earlier_words(session, on, scope, at):
        if entry.source == CalendarSource.COORDINATOR and entry.from_on == entry.until_on:
            schools.remove_entry(session, entry_id=entry.id or 0, by=by, now=now)
        elif (of_entry := _scope_of(entry)) != scope:
            _say(session, on=on, at=at, scope=of_entry, note=note, by=by, now=now)
    entry_id = _say(session, on=on, at=at, scope=scope, note=note, by=by, now=now)
    _move_what_was_changed_by_hand(session, on=on, at=at, scope=scope, by=by, now=now, zone=zone)
    extend_calendar(session, now=now, zone=zone)
    return entry_id


def _complete(session: Session, scope: Scope) -> Scope:
    if scope.child_id is not None:
        return Scope(get_child(session, scope.child_id).school_id, None, scope.child_id)
    if scope.school_id is None:
        raise Refused("请先选是哪所学校提前放学。")
    return scope


def _check_time(school: School, *, on: date, at: time, now: datetime, zone: ZoneInfo) -> None:
    if datetime.combine(on, at, zone) <= now:
        raise Refused(
            Sentence(
                "%(at)s 已经过了，来不及问司机。孩子已经出来的，请写一个接得到的时间，并马上打电话给司机和家里。",
                at=f"{at:%H:%M}",
            )
        )
    usual = (
        school.friday_dismissal if on.weekday() == FRIDAY and school.friday_dismissal else school.dismissal
    )
    if at >= usual:
        raise Refused(
            Sentence(
                "%(school)s平常 %(usual)s 放学，提前放学的时间要更早，请核对。",
                school=school.name,
                usual=f"{usual:%H:%M}",
            )
        )


def _earlier_words(session: Session, on: date, scope: Scope, at: time) -> list[CalendarEntry]:
    """Return what was said of this very scope, and what holds for part of it and would let it out later."""
    children = _children_of(session, scope)
    return [
        entry
        for entry in entries_between(session, from_on=on, until_on=on)
        if entry.kind == CalendarKind.EARLY_DAY
        and (
            _scope_of(entry) == scope
            or ((entry.at is None or entry.at > at) and _is_within(entry, scope, children))
        )
    ]


def _is_within(entry: CalendarEntry, scope: Scope, children: set[int]) -> bool:
    """Whether the entry holds for a part of the scope: a child of it, or a class of the school."""
    if entry.child_id is not None:
        return entry.child_id in children
    return (
        scope.child_id is None
        and scope.class_name is None
        and entry.school_id == scope.school_id
        and entry.class_name is not None
    )


def _children_of(session: Session, scope: Scope) -> set[int]:
    if scope.child_id is not None:
        return {scope.child_id}
    rows = select(Child.id).where(Child.school_id == scope.school_id)
    if scope.class_name is not None:
        rows = rows.where(Child.class_name == scope.class_name)
    return {child_id for child_id in session.exec(rows) if child_id is not None}


def _scope_of(entry: CalendarEntry) -> Scope:
    return Scope(entry.school_id, entry.class_name, entry.child_id)


def _say(session: Session, *, on: date, at: time, scope: Scope, note: str, by: str, now: datetime) -> int:
    return schools.add_days(
        session,
        kind=CalendarKind.EARLY_DAY,
        from_on=on,
        until_on=on,
        at=at,
        scope=scope,
        note=note,
        by=by,
        now=now,
    )


def _move_what_was_changed_by_hand(
    session: Session, *, on: date, at: time, scope: Scope, by: str, now: datetime, zone: ZoneInfo
) -> None:
    """The generator leaves alone what a human changed in a day; but nobody waits in a school that is out."""
    moment = datetime.combine(on, at, zone)
    later = session.exec(
        select(Leg.id).where(
            col(Leg.child_id).in_(_children_of(session, scope)),
            Leg.on == on,
            Leg.direction == Direction.HOME,
            Leg.state == LegState.WANTED,
            col(Leg.by_hand),
            col(Leg.pickup_at) > moment,
        )
    ).all()
    leg_ids = [leg_id for leg_id in later if leg_id is not None]
    aboard = boarded(session, leg_ids)
    for leg_id in leg_ids:
        if leg_id not in aboard:
            change_leg(session, leg_id=leg_id, by=by, now=now, zone=zone, pickup_at=moment, cause=Cause.TIMES)


FRIDAY = 4
