"""Every school's days, from the rows; and what is still guessed."""

from datetime import date, time

import pytest
from sqlalchemy import event
from sqlmodel import Session

from escort.errors import Conflict, NotFound, Refused
from escort.schools import service
from escort.schools.calendar import assumptions_to_confirm, calendar_of, entries_between, not_yet_known
from escort.schools.models import CalendarEntry, CalendarKind, CalendarSource, School
from escort.schools.service import Scope
from tests.builders import NOW, a_school
from tests.cast import LIN

SATURDAY = date(2021, 5, 8)  # a make-up day for Wednesday 05-05


def is_school(session: Session, school: School, on: date, **of: object) -> bool:
    calendar = calendar_of(session, from_on=on, until_on=on)[school.id]  # type: ignore[index]  # flushed: it has an id
    return calendar.day(on, **of).is_school  # type: ignore[arg-type]  # a test's shorthand


def test_the_whole_district_is_read_in_two_queries(session: Session) -> None:
    for name in ("青禾小学", "锦水小学", "晨光小学"):
        a_school(session, name)
    statements: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *said: statements.append(said[2]))

    calendars = calendar_of(session, from_on=date(2021, 4, 1), until_on=date(2021, 4, 30))

    assert len(calendars) == 3
    assert len(statements) == 2


def test_a_closure_of_one_school_leaves_the_others_open(session: Session) -> None:
    closed, other = a_school(session, "青禾小学"), a_school(session, "锦水小学")

    service.add_days(
        session,
        kind=CalendarKind.CLOSURE,
        from_on=date(2021, 6, 7),
        until_on=date(2021, 6, 8),
        scope=Scope(closed.id),
        note="高考考点",
        by=LIN,
        now=NOW,
    )

    assert not is_school(session, closed, date(2021, 6, 8))
    assert is_school(session, other, date(2021, 6, 8))
    assert is_school(session, closed, date(2021, 6, 9))


def test_a_closure_of_one_child_leaves_its_class_mates_in_school(session: Session) -> None:
    school = a_school(session)

    service.add_days(
        session,
        kind=CalendarKind.CLOSURE,
        from_on=date(2021, 4, 7),
        until_on=date(2021, 4, 7),
        scope=Scope(child_id=7),
        by=LIN,
        now=NOW,
    )

    assert not is_school(session, school, date(2021, 4, 7), child=7)
    assert is_school(session, school, date(2021, 4, 7), child=8)


def test_the_make_up_days_of_may_2021_are_shown_to_be_confirmed(session: Session) -> None:
    a_school(session, "青禾小学")
    a_school(session, "锦水小学")

    waiting = assumptions_to_confirm(session, from_on=date(2021, 4, 6), until_on=date(2021, 5, 31))

    assert [(one.on, one.timetable_weekday, one.is_for_all_schools) for one in waiting] == [
        (date(2021, 4, 25), 1, True),
        (SATURDAY, 2, True),
    ]
    assert waiting[1].sentence == "5月8日（星期六）调休上课，暂按星期三的课表和出车时间安排，请确认。"


def test_a_confirmed_make_up_day_leaves_the_list_for_that_school_alone(session: Session) -> None:
    confirmed, other = a_school(session, "青禾小学"), a_school(session, "锦水小学")

    service.override_day(
        session, on=SATURDAY, is_school=True, as_weekday=4, scope=Scope(confirmed.id), by=LIN, now=NOW
    )

    waiting = assumptions_to_confirm(session, from_on=SATURDAY, until_on=SATURDAY)
    assert [(one.school_ids, one.is_for_all_schools) for one in waiting] == [((other.id,), False)]
    calendar = calendar_of(session, from_on=SATURDAY, until_on=SATURDAY)[confirmed.id or 0]
    assert calendar.day(SATURDAY).timetable_weekday == 4


def test_the_coordinators_hand_wins_over_what_the_school_said(session: Session) -> None:
    school = a_school(session)
    day = date(2021, 4, 9)
    session.add(
        CalendarEntry(
            kind=CalendarKind.CLOSURE,
            source=CalendarSource.SCHOOL,
            from_on=day,
            until_on=day,
            school_id=school.id,
        )
    )

    service.override_day(session, on=day, is_school=True, scope=Scope(school.id), by=LIN, now=NOW)

    assert is_school(session, school, day)


def test_a_removed_entry_holds_no_more_and_is_removed_once(session: Session) -> None:
    school = a_school(session)
    day = date(2021, 4, 9)
    entry_id = service.add_days(
        session, kind=CalendarKind.CLOSURE, from_on=day, until_on=day, by=LIN, now=NOW
    )

    service.remove_entry(session, entry_id=entry_id, by=LIN, now=NOW)

    assert is_school(session, school, day)
    assert [entry.id for entry in entries_between(session, from_on=day, until_on=day)] != [entry_id]
    with pytest.raises(Conflict):
        service.remove_entry(session, entry_id=entry_id, by=LIN, now=NOW)


def test_an_early_day_moves_the_dismissal(session: Session) -> None:
    school = a_school(session)
    day = date(2021, 6, 25)

    service.add_days(
        session, kind=CalendarKind.EARLY_DAY, from_on=day, until_on=day, at=time(12, 0), by=LIN, now=NOW
    )

    calendar = calendar_of(session, from_on=day, until_on=day)[school.id or 0]
    assert calendar.day(day).dismissal == time(12, 0)


@pytest.mark.parametrize(
    ("from_on", "until_on", "said"),
    [
        (date(2021, 4, 9), date(2021, 4, 8), "结束日期早于开始日期"),
        (date(2020, 4, 9), date(2020, 4, 9), "已经过去"),
        (date(2026, 4, 9), date(2026, 4, 9), "两年以后"),
        (date(2021, 4, 9), date(2022, 4, 9), "相隔太久"),
    ],
)
def test_dates_that_cannot_be_meant_are_refused_in_one_sentence(
    session: Session, from_on: date, until_on: date, said: str
) -> None:
    with pytest.raises(Refused, match=said):
        service.add_days(
            session, kind=CalendarKind.CLOSURE, from_on=from_on, until_on=until_on, by=LIN, now=NOW
        )


@pytest.mark.parametrize(
    ("on", "at", "said"),
    [
        (date(2021, 4, 9), time(8, 0), "才到校"),  # would end before it begins: 20:00 was meant, or 12:00
        (date(2021, 4, 10), time(12, 0), "本来就不上课"),  # a Saturday without 调休
    ],
)
def test_an_early_day_that_cannot_be_is_refused(session: Session, on: date, at: time, said: str) -> None:
    a_school(session)

    with pytest.raises(Refused, match=said):
        service.add_days(
            session, kind=CalendarKind.EARLY_DAY, from_on=on, until_on=on, at=at, by=LIN, now=NOW
        )


def test_a_late_start_after_the_end_is_refused(session: Session) -> None:
    a_school(session)

    with pytest.raises(Refused, match="放学"):
        service.add_days(
            session,
            kind=CalendarKind.LATE_START,
            from_on=date(2021, 4, 8),
            until_on=date(2021, 4, 8),
            at=time(19, 20),
            by=LIN,
            now=NOW,
        )


def test_a_weekend_day_with_school_needs_its_timetable(session: Session) -> None:
    with pytest.raises(Refused, match="星期几的课表"):
        service.override_day(session, on=date(2021, 6, 19), is_school=True, by=LIN, now=NOW)


@pytest.mark.parametrize("school_id", [None, 1])
def test_a_term_that_overlaps_another_of_its_scope_is_refused_with_what_to_do(
    session: Session, school_id: int | None
) -> None:
    a_school(session, term=None)
    term = (date(2021, 3, 1), date(2021, 7, 9))
    session.add(  # the book's own
        CalendarEntry(
            kind=CalendarKind.TERM,
            source=CalendarSource.BOOK,
            from_on=term[0],
            until_on=term[1],
            school_id=school_id,
        )
    )
    longer = {"kind": CalendarKind.TERM, "until_on": date(2021, 7, 20), "scope": Scope(school_id)}

    with pytest.raises(Refused, match=r"2021年3月1日至2021年7月9日）重叠.*要延长，请从2021年7月10日写起"):
        service.add_days(session, from_on=date(2021, 7, 9), by=LIN, now=NOW, **longer)  # type: ignore[arg-type]  # shorthand

    service.add_days(session, from_on=date(2021, 7, 10), by=LIN, now=NOW, **longer)  # type: ignore[arg-type]  # shorthand


def test_a_schools_own_term_may_lie_over_the_districts(session: Session) -> None:
    school = a_school(session, term=None)
    term = {"kind": CalendarKind.TERM, "until_on": date(2021, 7, 9), "by": LIN, "now": NOW}
    service.add_days(session, from_on=date(2021, 3, 1), **term)  # type: ignore[arg-type]  # shorthand

    service.add_days(session, from_on=date(2021, 4, 19), scope=Scope(school.id), **term)  # type: ignore[arg-type]  # shorthand

    assert not is_school(session, school, date(2021, 4, 16))
    assert is_school(session, school, date(2021, 4, 19))


def test_a_term_with_its_end_before_its_beginning_is_told_so_and_not_of_an_overlap(session: Session) -> None:
    a_school(session)

    with pytest.raises(Refused, match="结束日期早于开始日期"):
        service.add_days(
            session,
            kind=CalendarKind.TERM,
            from_on=date(2021, 6, 30),
            until_on=date(2021, 5, 1),
            by=LIN,
            now=NOW,
        )


def test_a_class_needs_its_school_and_a_school_must_exist(session: Session) -> None:
    day = date(2021, 4, 9)

    with pytest.raises(Refused, match="先选学校"):
        service.add_days(
            session,
            kind=CalendarKind.CLOSURE,
            from_on=day,
            until_on=day,
            scope=Scope(class_name="1班"),
            by=LIN,
            now=NOW,
        )
    with pytest.raises(NotFound):
        service.add_days(
            session,
            kind=CalendarKind.CLOSURE,
            from_on=day,
            until_on=day,
            scope=Scope(school_id=999),
            by=LIN,
            now=NOW,
        )


def test_what_is_not_known_yet_is_said(session: Session) -> None:
    a_school(session, "青禾小学")

    said = not_yet_known(session, from_on=date(2021, 7, 1), until_on=date(2021, 9, 10))

    assert said == ["青禾小学从2021年7月10日起没有学期安排，请在校历里补上学期的起止日期。"]


def test_a_year_without_a_notice_is_said_once_for_all_schools(session: Session) -> None:
    term = (date(2027, 2, 22), date(2027, 7, 2))
    a_school(session, "青禾小学", term=term)
    a_school(session, "锦水小学", term=term)

    said = not_yet_known(session, from_on=date(2027, 3, 1), until_on=date(2027, 3, 28))

    assert said == ["2027 年的放假调休安排还没有公布，先按平常的周一至周五估计，公布后请核对。"]


def test_two_people_who_change_a_schools_times_do_not_overwrite_each_other(session: Session) -> None:
    school = a_school(session)
    times = {"bell": time(8, 0), "dismissal": time(16, 30), "friday_dismissal": None, "by": LIN, "now": NOW}

    service.change_times(session, school_id=school.id or 0, version=1, **times)  # type: ignore[arg-type]  # shorthand

    assert (school.bell, school.version) == (time(8, 0), 2)
    with pytest.raises(Conflict):
        service.change_times(session, school_id=school.id or 0, version=1, **times)  # type: ignore[arg-type]  # shorthand
