"""Which dates are school days, whose timetable holds, and who decided it."""

from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escort.schools.models import CalendarKind, CalendarSource
from scheduling.school_days import (
    Fact,
    FactKind,
    FactSource,
    SchoolCalendar,
    SchoolDay,
    SchoolTimes,
    national_notice,
)

TIMES = SchoolTimes(bell=time(8, 30), dismissal=time(16, 0), friday_dismissal=time(15, 0))
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)


def fact(kind: str, from_on: str, until_on: str | None = None, source: str = "book", **more: object) -> Fact:
    first = date.fromisoformat(from_on)
    last = date.fromisoformat(until_on) if until_on else first
    return Fact(kind=FactKind(kind), source=FactSource(source), from_on=first, until_on=last, **more)  # type: ignore[arg-type]  # a test's shorthand


TERM = fact("term", "2021-03-01", "2021-07-09")


def calendar(*facts: Fact, first: str = "2021-03-01", last: str = "2021-07-31") -> SchoolCalendar:
    from_on, until_on = date.fromisoformat(first), date.fromisoformat(last)
    notice = national_notice(from_on.year, until_on.year)
    return SchoolCalendar(
        school=1, times=TIMES, facts=facts, national=notice, from_on=from_on, until_on=until_on
    )


def day(on: str, *facts: Fact, child: int | None = None, class_name: str | None = None) -> SchoolDay:
    wanted = date.fromisoformat(on)
    compiled = SchoolCalendar(
        school=1,
        times=TIMES,
        facts=facts,
        national=national_notice(wanted.year, wanted.year),
        from_on=wanted,
        until_on=wanted,
    )
    return compiled.day(wanted, child=child, class_name=class_name)


@pytest.mark.parametrize(
    ("on", "is_school"),
    [
        ("2021-04-06", True),  # a Tuesday in term
        ("2021-04-05", False),  # 清明, observed on Monday
        ("2021-04-10", False),  # a Saturday
        ("2021-02-20", False),  # a make-up Saturday before the term begins
        ("2021-02-26", False),  # a Friday before the term
        ("2021-05-03", False),  # 五一
        ("2021-05-05", False),  # a day off paid for by 05-08
        ("2021-06-14", False),  # 端午
        ("2021-07-09", True),  # the last day of term is a school day
        ("2021-07-12", False),  # the summer
    ],
)
def test_a_date_is_a_school_day_or_not(on: str, is_school: bool) -> None:
    assert day(on, TERM).is_school is is_school


@pytest.mark.parametrize(("on", "weekday"), [("2021-04-25", TUE), ("2021-05-08", WED)])
def test_a_make_up_day_has_the_timetable_of_the_day_off_it_pays_for(on: str, weekday: int) -> None:
    made_up = day(on, TERM)

    assert made_up.is_school
    assert made_up.timetable_weekday == weekday
    assert made_up.is_assumption  # the notice swaps days, it names no timetable
    assert made_up.is_known


def test_the_spring_of_2021_has_the_school_days_of_the_notice() -> None:
    school_days = [
        one.on for one in calendar(TERM, first="2021-04-06", last="2021-07-09").days() if one.is_school
    ]

    # 69 weekdays, less 05-03, 05-04, 05-05 and 06-14, and the two make-up days
    assert len(school_days) == 69 - 4 + 2
    assert {one for one in school_days if one.weekday() >= SAT} == {date(2021, 4, 25), date(2021, 5, 8)}


def test_a_confirmed_make_up_day_is_no_assumption() -> None:
    confirmed = fact("make_up", "2021-05-08", source="coordinator", as_weekday=FRI)

    made_up = day("2021-05-08", TERM, confirmed)

    assert (made_up.timetable_weekday, made_up.is_assumption) == (FRI, False)
    assert made_up.dismissal == time(15, 0)  # Friday's timetable ends at Friday's time
    assert made_up.why == (confirmed,)


def test_a_school_that_rests_on_the_make_up_day_is_believed() -> None:
    rests = fact("closure", "2021-05-08", source="school", school=1)

    assert not day("2021-05-08", TERM, rests).is_school


def test_a_make_up_day_that_nobody_explained_takes_the_nearest_weekday_as_an_assumption() -> None:
    saturday = day("2021-06-19", TERM, fact("make_up", "2021-06-19", source="school", school=1))

    assert saturday.is_school
    assert (saturday.timetable_weekday, saturday.is_assumption) == (FRI, True)


def test_narrower_scope_wins_over_better_source() -> None:
    closed = fact("closure", "2021-06-07", source="coordinator")
    open_for_child = fact("make_up", "2021-06-07", source="book", school=1, child=7)

    assert not day("2021-06-07", TERM, closed, open_for_child).is_school
    assert day("2021-06-07", TERM, closed, open_for_child, child=7).is_school


def test_within_a_scope_the_better_source_wins_and_then_the_later_word() -> None:
    book = fact("closure", "2021-06-07", source="book", school=1, key=9)
    school = fact("make_up", "2021-06-07", source="school", school=1, key=1)
    later = fact("closure", "2021-06-07", source="school", school=1, key=2)

    assert day("2021-06-07", TERM, book, school).is_school
    assert not day("2021-06-07", TERM, book, school, later).is_school


def test_facts_of_another_school_do_not_count() -> None:
    assert day("2021-06-07", TERM, fact("closure", "2021-06-07", school=2)).is_school


def test_an_early_day_and_a_late_start_move_the_times_of_their_class_alone() -> None:
    early = fact("early_day", "2021-06-25", at=time(12, 0), school=1, class_name="四年级1班")
    late = fact("late_start", "2021-06-25", at=time(9, 30), school=1)

    of_class = day("2021-06-25", TERM, early, late, class_name="四年级1班")
    of_school = day("2021-06-25", TERM, early, late, class_name="二年级1班")

    assert (of_class.bell, of_class.dismissal) == (time(9, 30), time(12, 0))
    assert (of_school.bell, of_school.dismissal) == (time(9, 30), time(15, 0))


def test_an_early_day_without_a_time_is_to_be_confirmed() -> None:
    early = day("2021-06-24", TERM, fact("early_day", "2021-06-24"))

    assert early.is_assumption
    assert early.dismissal == time(16, 0)


def test_a_schools_own_term_replaces_the_districts() -> None:
    later = fact("term", "2021-03-08", "2021-07-02", school=1)

    assert not day("2021-03-03", TERM, later).is_school
    assert not day("2021-07-05", TERM, later).is_school
    assert day("2021-03-09", TERM, later).is_school


def test_overlapping_terms_of_one_source_count_once() -> None:
    again = fact("term", "2021-06-01", "2021-07-16", key=2)

    assert day("2021-06-02", TERM, again).is_school
    assert day("2021-07-14", TERM, again).is_school


def test_after_the_last_term_nothing_is_known_yet() -> None:
    autumn = day("2021-09-06", TERM)

    assert (autumn.is_school, autumn.is_known) == (False, False)


def test_without_any_term_weekdays_are_taken_as_school_days_and_said_to_be_unknown() -> None:
    assert (day("2021-04-06").is_school, day("2021-04-06").is_known) == (True, False)
    assert not day("2021-04-10").is_school


def test_a_year_without_a_notice_is_not_yet_known() -> None:
    term = fact("term", "2027-02-22", "2027-07-02")

    guessed = day("2027-04-07", term)

    assert (guessed.is_school, guessed.is_known) == (True, False)
    assert 2027 not in national_notice(2026, 2027).published_years
    assert 2026 in national_notice(2026, 2027).published_years


def test_a_word_of_the_school_makes_a_day_of_an_unpublished_year_known() -> None:
    term = fact("term", "2027-02-22", "2027-07-02")
    rests = fact("closure", "2027-04-07", source="school", school=1)

    assert day("2027-04-07", term, rests).is_known


def test_a_notice_that_the_coordinator_typed_in_makes_the_year_known() -> None:
    term = fact("term", "2027-02-22", "2027-07-02")
    notice = fact("closure", "2027-05-06", source="national", key=5)

    assert day("2027-04-07", term, notice).is_known


def test_the_notice_holds_only_the_years_asked_for() -> None:
    dates = [one.from_on for one in national_notice(2021, 2021).facts]

    assert {on.year for on in dates} == {2021}
    assert sum(one.kind is FactKind.MAKE_UP for one in national_notice(2021, 2021).facts) == 7


def test_every_fact_that_can_be_stored_is_known_here() -> None:
    assert [kind.value for kind in CalendarKind] == [kind.value for kind in FactKind]
    assert [source.value for source in CalendarSource] == [source.value for source in FactSource]


@pytest.mark.parametrize(
    "more",
    [
        {"until_on": "2021-04-05"},  # ends before it begins
        {"as_weekday": 7},  # no such weekday
        {"class_name": "四年级1班"},  # a class of which school?
    ],
)
def test_a_fact_that_cannot_be_meant_is_refused(more: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        fact("closure", "2021-04-06", **more)  # type: ignore[arg-type]  # a test's shorthand


@given(st.integers(min_value=2008, max_value=2026), st.integers(min_value=0, max_value=364))
def test_a_published_year_within_a_term_agrees_with_the_state_councils_calendar(
    year: int, offset: int
) -> None:
    import holidays

    on = date.fromordinal(date(year, 1, 1).toordinal() + offset)
    term = fact("term", f"{year}-01-01", f"{year}-12-31")

    assert day(on.isoformat(), term).is_school == holidays.country_holidays("CN", years=year).is_working_day(
        on
    )
