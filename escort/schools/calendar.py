"""What the school days are, from the rows; and what of them a coordinator should still confirm."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session, col, or_, select

from escort.schools.models import CalendarEntry, CalendarKind, School
from escort.sentences import Sentence, mark
from scheduling.school_days import (
    Fact,
    FactKind,
    FactSource,
    NationalNotice,
    SchoolCalendar,
    SchoolDay,
    SchoolTimes,
    national_notice,
)


@dataclass(frozen=True, slots=True)
class Assumption:
    """A day that the rota counts on and that nobody has confirmed, for the schools that share it."""

    on: date
    timetable_weekday: int
    is_make_up: bool  # else an early or late day without a time
    school_ids: tuple[int, ...]
    is_for_all_schools: bool
    sentence: str


def calendar_of(session: Session, *, from_on: date, until_on: date) -> dict[int, SchoolCalendar]:
    """Return each school's compiled days between the dates, both included. Two queries for the whole district.

    Ask `calendar_of(...)[school_id].day(on, class_name=child.class_name or None, child=child.id)`.
    """
    notice = national_notice(from_on.year, until_on.year)
    facts = _facts(session, from_on, until_on)
    schools = session.exec(select(School).order_by(col(School.id)))
    return {
        school.id: _compile(school, school.id, facts, notice, from_on, until_on)
        for school in schools
        if school.id is not None
    }


def assumptions_to_confirm(session: Session, *, from_on: date, until_on: date) -> list[Assumption]:
    """Return the days that are guessed, in order of date; schools that share a guess share one line."""
    calendars = calendar_of(session, from_on=from_on, until_on=until_on)
    shared: dict[tuple[date, int, bool], list[int]] = defaultdict(list)
    for school_id, calendar in calendars.items():
        for day in calendar.days():
            if day.is_assumption:
                shared[(day.on, day.timetable_weekday, _is_make_up(day))].append(school_id)
    return [
        Assumption(
            on=on,
            timetable_weekday=weekday,
            is_make_up=is_make_up,
            school_ids=tuple(ids),
            is_for_all_schools=len(ids) == len(calendars),
            sentence=_assumed(on, weekday, is_make_up),
        )
        for (on, weekday, is_make_up), ids in sorted(shared.items())
    ]


def not_yet_known(session: Session, *, from_on: date, until_on: date) -> list[str]:
    """Return one sentence for each thing that is still missing to know the days: a notice, or a term."""
    names = dict(session.exec(select(School.id, School.name)).all())
    sentences: dict[str, None] = {}
    for school_id, calendar in calendar_of(session, from_on=from_on, until_on=until_on).items():
        unknown = [day.on for day in calendar.days() if not day.is_known]
        unplanned = [on for on in unknown if on.year in calendar.published_years]
        for year in sorted({on.year for on in unknown} - calendar.published_years):
            sentences[
                Sentence(
                    "%(year)s 年的放假调休安排还没有公布，先按平常的周一至周五估计，公布后请核对。", year=year
                )
            ] = None
        if unplanned:
            since = Sentence(
                "%(year)s年%(month)s月%(day)s日",
                year=unplanned[0].year,
                month=unplanned[0].month,
                day=unplanned[0].day,
            )
            sentences[
                Sentence(
                    "%(school)s从%(since)s起没有学期安排，请在校历里补上学期的起止日期。",
                    school=names[school_id],
                    since=since,
                )
            ] = None
    return list(sentences)


def entries_between(session: Session, *, from_on: date, until_on: date) -> list[CalendarEntry]:
    """Return every entry that touches the dates and was not removed, in order of date."""
    rows = select(CalendarEntry).where(
        col(CalendarEntry.removed).is_(False),
        CalendarEntry.from_on <= until_on,
        CalendarEntry.until_on >= from_on,
    )
    return list(session.exec(rows.order_by(col(CalendarEntry.from_on), col(CalendarEntry.id))))


def fact_of(entry: CalendarEntry) -> Fact:
    """Return the row as a statement that `scheduling` understands."""
    return Fact(
        kind=FactKind(entry.kind),
        source=FactSource(entry.source),
        from_on=entry.from_on,
        until_on=entry.until_on,
        at=entry.at,
        as_weekday=entry.as_weekday,
        school=entry.school_id,
        class_name=entry.class_name if entry.school_id is not None else None,
        child=entry.child_id,
        note=entry.note,
        key=entry.id or 0,
    )


def day_words(on: date) -> str:
    """Return "5月8日（星期六）"."""
    return Sentence(
        "%(month)s月%(day)s日（%(weekday)s）",
        month=on.month,
        day=on.day,
        weekday=Sentence(WEEKDAY_NAMES[on.weekday()]),
    )


WEEKDAY_NAMES = (
    mark("星期一"),
    mark("星期二"),
    mark("星期三"),
    mark("星期四"),
    mark("星期五"),
    mark("星期六"),
    mark("星期日"),
)


def _facts(session: Session, from_on: date, until_on: date) -> list[Fact]:
    """Every term, since the next or last one tells whether a date is known; of the rest what touches the dates."""
    rows = select(CalendarEntry).where(
        col(CalendarEntry.removed).is_(False),
        or_(
            CalendarEntry.kind == CalendarKind.TERM,
            (col(CalendarEntry.from_on) <= until_on) & (col(CalendarEntry.until_on) >= from_on),
        ),
    )
    return [fact_of(entry) for entry in session.exec(rows.order_by(col(CalendarEntry.id)))]


def _compile(
    school: School, school_id: int, facts: list[Fact], notice: NationalNotice, from_on: date, until_on: date
) -> SchoolCalendar:
    times = SchoolTimes(school.bell, school.dismissal, school.friday_dismissal)
    return SchoolCalendar(
        school=school_id, times=times, facts=facts, national=notice, from_on=from_on, until_on=until_on
    )


def _is_make_up(day: SchoolDay) -> bool:
    return any(fact.kind is FactKind.MAKE_UP for fact in day.why)


def _assumed(on: date, weekday: int, is_make_up: bool) -> str:
    if is_make_up:
        return Sentence(
            "%(day)s调休上课，暂按%(weekday)s的课表和出车时间安排，请确认。",
            day=day_words(on),
            weekday=Sentence(WEEKDAY_NAMES[weekday]),
        )
    return Sentence(
        "%(day)s要提前放学或推迟到校，但没有写几点，暂按平常时间安排，请补上时间。", day=day_words(on)
    )
