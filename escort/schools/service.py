"""Changes to the school calendar by hand, and to the schools themselves."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import update
from sqlmodel import Session, col, select

from escort.access import audit
from escort.errors import Conflict, NotFound, Refused
from escort.schools.calendar import calendar_of, day_words
from escort.schools.models import CalendarEntry, CalendarKind, CalendarSource, School
from escort.sentences import Sentence


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom an entry holds: all, one school, one class of a school, or one child."""

    school_id: int | None = None
    class_name: str | None = None
    child_id: int | None = None


DISTRICT = Scope()


def list_schools(session: Session) -> list[School]:
    """Return the schools in the order in which they were entered."""
    return list(session.exec(select(School).order_by(col(School.id))))


def get_school(session: Session, school_id: int) -> School:
    school = session.get(School, school_id)
    if school is None:
        raise NotFound("没有这所学校，请回到列表重新选择。")
    return school


def change_times(
    session: Session,
    *,
    school_id: int,
    bell: time,
    dismissal: time,
    friday_dismissal: time | None,
    version: int,
    by: str,
    now: datetime,
) -> None:
    """Set a school's usual times. Raises Conflict if somebody changed the school since `version` was read."""
    if dismissal <= bell or (friday_dismissal is not None and friday_dismissal <= bell):
        raise Refused("放学时间要晚于到校时间，请核对。")
    changed = session.exec(
        update(School)
        .where(col(School.id) == school_id, col(School.version) == version)
        .values(bell=bell, dismissal=dismissal, friday_dismissal=friday_dismissal, version=version + 1)
    )
    if changed.rowcount == 0:
        get_school(session, school_id)
        raise Conflict("这所学校刚刚被别人改过，请刷新后再改。")
    fields = ["bell", "dismissal", "friday_dismissal"]
    audit.record(
        session, actor=by, action="school.change_times", subject=f"school:{school_id}", fields=fields, now=now
    )


def add_days(
    session: Session,
    *,
    kind: CalendarKind,
    from_on: date,
    until_on: date,
    at: time | None = None,
    scope: Scope = DISTRICT,
    note: str = "",
    by: str,
    now: datetime,
) -> int:
    """Say by hand what holds between the dates, both included. Early and late days have a time, others none.

    Raises Refused for dates in the wrong order or out of reach, for a term that overlaps another, and for a time
    that no day among them can have.
    """
    if kind in TIMED and at is None:
        raise Refused("提前放学、推迟到校都要写几点，例如 15:00。")
    entry = CalendarEntry(
        kind=kind,
        source=CalendarSource.COORDINATOR,
        from_on=from_on,
        until_on=until_on,
        at=at if kind in TIMED else None,
        note=note,
    )
    return _add(session, entry, scope, by=by, now=now)


def override_day(
    session: Session,
    *,
    on: date,
    is_school: bool,
    as_weekday: int | None = None,
    scope: Scope = DISTRICT,
    note: str = "",
    by: str,
    now: datetime,
) -> int:
    """Set one day by the coordinator's hand, whatever the notice, the book and the school say of that scope.

    A weekend day with school needs the weekday whose timetable holds.
    """
    if is_school and as_weekday is None and on.weekday() >= SATURDAY:
        raise Refused(Sentence("%(day)s是周末，请选这天按星期几的课表上课。", day=day_words(on)))
    entry = CalendarEntry(
        kind=CalendarKind.MAKE_UP if is_school else CalendarKind.CLOSURE,
        source=CalendarSource.COORDINATOR,
        from_on=on,
        until_on=on,
        as_weekday=as_weekday if is_school else None,
        note=note,
    )
    return _add(session, entry, scope, by=by, now=now)


def remove_entry(session: Session, *, entry_id: int, by: str, now: datetime) -> None:
    """Take an entry back; the row stays. Raises Conflict if somebody already did."""
    removed = session.exec(
        update(CalendarEntry)
        .where(col(CalendarEntry.id) == entry_id, col(CalendarEntry.removed).is_(False))
        .values(removed=True)
    )
    if removed.rowcount == 0:
        raise Conflict("这一条已经撤下了，请刷新校历。")
    audit.record(session, actor=by, action="calendar.remove", subject=f"calendar:{entry_id}", now=now)


def _add(session: Session, entry: CalendarEntry, scope: Scope, *, by: str, now: datetime) -> int:
    entry.school_id, entry.class_name, entry.child_id = scope.school_id, scope.class_name, scope.child_id
    is_term = entry.kind == CalendarKind.TERM
    _check_dates(entry, today=now.date(), longest=LONGEST_TERM if is_term else LONGEST_ENTRY)
    if scope.class_name is not None and scope.school_id is None:
        raise Refused("只对一个班时，请先选学校。")
    if scope.school_id is not None:
        get_school(session, scope.school_id)
    if is_term:
        _check_overlap(session, entry)
    if entry.at is not None:
        _check_time(session, entry, entry.at)
    session.add(entry)
    session.flush()
    assert entry.id is not None
    audit.record(
        session,
        actor=by,
        action=f"calendar.add_{entry.kind}",
        subject=f"calendar:{entry.id}",
        fields=[f"{entry.from_on}..{entry.until_on}"],
        now=now,
    )
    return entry.id


def _check_dates(entry: CalendarEntry, *, today: date, longest: timedelta) -> None:
    if entry.until_on < entry.from_on:
        raise Refused("结束日期早于开始日期，请核对。")
    if entry.until_on < today - ONE_DAY:  # a day of grace: `today` is of UTC, the dates are local
        raise Refused("这些日期已经过去，不会影响任何行程，请核对年份。")
    if entry.from_on > today + FURTHEST_AHEAD:
        raise Refused("日期在两年以后，请核对年份。")
    if entry.until_on - entry.from_on > longest:
        raise Refused("起止日期相隔太久，请核对年份。")


def _check_overlap(session: Session, term: CalendarEntry) -> None:
    """No two terms of one scope share a day: the later one would replace the whole of the earlier one.

    A school's own term may lie over the district's, which is replaced for that school.
    """
    rows = select(CalendarEntry).where(
        CalendarEntry.kind == CalendarKind.TERM,
        col(CalendarEntry.school_id).is_not_distinct_from(term.school_id),
        col(CalendarEntry.removed).is_(False),
        CalendarEntry.from_on <= term.until_on,
        CalendarEntry.until_on >= term.from_on,
    )
    other = session.exec(rows).first()
    if other is not None:
        raise Refused(
            Sentence(
                "和已有的学期（%(first)s至%(last)s）重叠。要延长，请从%(next)s写起；要缩短，请加一段“不上学”。",
                first=_day(other.from_on),
                last=_day(other.until_on),
                next=_day(other.until_on + ONE_DAY),
            )
        )


def _day(on: date) -> str:
    return Sentence("%(year)s年%(month)s月%(day)s日", year=on.year, month=on.month, day=on.day)


def _check_time(session: Session, entry: CalendarEntry, at: time) -> None:
    """An early end must lie after the bell, a late start before the end, on a day with school."""
    calendars = calendar_of(session, from_on=entry.from_on, until_on=entry.until_on)
    days = [
        day
        for school_id, calendar in calendars.items()
        if entry.school_id in (None, school_id)
        for day in calendar.days(class_name=entry.class_name, child=entry.child_id)
        if day.is_school
    ]
    if not days:
        raise Refused(
            Sentence(
                "%(day)s本来就不上课，请核对日期；如要上课，请先添加补课日。", day=day_words(entry.from_on)
            )
        )
    if entry.kind == CalendarKind.EARLY_DAY and at <= (bell := max(day.bell for day in days)):
        raise Refused(
            Sentence(
                "%(bell)s 才到校，放学时间 %(at)s 要更晚，请核对上午还是下午。",
                bell=f"{bell:%H:%M}",
                at=f"{at:%H:%M}",
            )
        )
    if entry.kind == CalendarKind.LATE_START and at >= (end := min(day.dismissal for day in days)):
        raise Refused(
            Sentence(
                "%(end)s 放学，到校时间 %(at)s 要更早，请核对上午还是下午。",
                end=f"{end:%H:%M}",
                at=f"{at:%H:%M}",
            )
        )


SATURDAY = 5
ONE_DAY = timedelta(days=1)
TIMED = (CalendarKind.EARLY_DAY, CalendarKind.LATE_START)
FURTHEST_AHEAD = timedelta(days=730)
LONGEST_TERM = timedelta(days=220)
LONGEST_ENTRY = timedelta(days=120)
