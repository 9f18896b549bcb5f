"""The month in figures: what became of each leg that was due; the parts always add up."""

import io
from datetime import date, datetime, timedelta

import openpyxl
import pytest
from sqlmodel import Session

from escort.hours.month import OTHERS, WHOLE_DISTRICT, Count, Month, merge_small, month_of
from escort.hours.month_sheet import DEFINITIONS, month_sheets, sentence
from escort.rota.legs import cancel_leg
from escort.rota.models import LegState, ShiftState
from escort.spreadsheet import workbook
from tests.builders import NOW, ZONE, a_child, a_school
from tests.cast import the_cast
from tests.escort.journeys.rides import TOMORROW, a_leg, a_ride, local, tap

MAY = datetime(2021, 5, 3, 9, 0, tzinfo=ZONE)


def april(session: Session, now: datetime = MAY) -> Month:
    return month_of(session, year=2021, month=4, now=now, zone=ZONE)


def a_mixed_month(session: Session) -> None:
    """小雨: delivered to school; home cancelled by the family; next day nobody drove her, and nobody reported back."""
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    tap(session, ride, "delivered", at=ride.starts_at)
    home = a_leg(session, cast.xiaoyu, direction="home")
    cancel_leg(
        session, leg_id=home.id or 0, by=cast.xiaoyu.guardian_subject, reason="family", now=NOW, zone=ZONE
    )
    next_day = TOMORROW + timedelta(days=1)
    a_ride(session, cast.xiaoyu, driver=cast.wang, on=next_day, shift_state=ShiftState.DECLINED)
    a_ride(session, cast.xiaoyu, driver=cast.wang, on=next_day, direction="home")


def test_every_leg_that_was_due_is_counted_once(session: Session) -> None:
    a_mixed_month(session)

    total = april(session).total

    assert total == Count(
        due=4, driven=1, cancelled=1, unfilled=1, not_reported=1, days_due=2, days_reached=1
    )
    assert total.due == total.driven + total.cancelled + total.unfilled + total.not_reported


def test_the_days_and_the_schools_add_up_to_the_month(session: Session) -> None:
    a_mixed_month(session)

    month = april(session)

    days, schools = Count(), Count()
    for count in month.by_day.values():
        days.add(count)
    for _, count in month.by_school:
        schools.add(count)
    assert days == schools == month.total
    assert list(month.by_day) == [TOMORROW, TOMORROW + timedelta(days=1)]


def test_a_leg_counts_once_the_child_should_have_arrived(session: Session) -> None:
    cast = the_cast(session)
    a_ride(session, cast.xiaoyu, driver=cast.wang)

    assert april(session, local(TOMORROW, 8, 14)).total.due == 0
    assert april(session, local(TOMORROW, 8, 15)).total == Count(due=1, not_reported=1, days_due=1)


def test_what_the_calendar_took_away_was_never_due(session: Session) -> None:
    cast = the_cast(session)
    a_leg(session, cast.xiaoyu, state=LegState.WITHDRAWN)
    a_leg(session, cast.xiaoyu, on=date(2021, 3, 31))
    a_leg(session, cast.xiaoyu, on=date(2021, 5, 1))

    assert april(session).total == Count()
    assert sentence(april(session)) == "2021年4月没有到点的行程。"


def test_a_ride_that_a_cancellation_crossed_is_a_ride(session: Session) -> None:
    """The car was there first: what was delivered is never counted as cancelled."""
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    tap(session, ride, "delivered", at=ride.starts_at)
    ride.legs[0].state = LegState.CANCELLED
    session.flush()

    assert april(session).total == Count(due=1, driven=1, days_due=1, days_reached=1)


def test_who_drove_how_often(session: Session) -> None:
    cast = the_cast(session)
    for offset, driver in enumerate((cast.wang, cast.wang, cast.chen)):
        ride = a_ride(session, cast.xiaoyu, driver=driver, on=TOMORROW + timedelta(days=offset))
        tap(session, ride, "delivered", at=ride.starts_at)

    month = april(session)

    assert [(one.name, one.duties) for one in month.drivers] == [(cast.wang.name, 2), (cast.chen.name, 1)]
    assert month.how_often() == [(1, 1), (2, 1)]


def test_the_month_in_one_sentence(session: Session) -> None:
    a_mixed_month(session)

    assert sentence(april(session)) == (
        "2021年4月该接送 4 段，送到 1 段，家里取消 1 段，没有人开 1 段，没有报送到 1 段；"
        "该到校 2 人次，到了 1 人次；1 位志愿者出车 1 趟。"
    )
    running = april(session, local(TOMORROW, 12))
    assert sentence(running).startswith("2021年4月（到4月7日为止）该接送 1 段，送到 1 段")


@pytest.mark.parametrize(
    ("children", "shown"),
    [
        ([], []),
        ([10, 8], ["甲", "乙"]),  # nothing to hide
        ([10, 8, 3, 4], ["甲", "乙", OTHERS]),  # seven together
        ([10, 8, 3], ["甲", OTHERS]),  # three alone could be read by subtraction: the next smallest joins
        ([3, 2], [WHOLE_DISTRICT]),
        ([7, 3], [WHOLE_DISTRICT]),
        ([6], ["甲"]),
        ([5], [WHOLE_DISTRICT]),
    ],
)
def test_small_schools_are_merged_and_never_revealed_by_subtraction(
    children: list[int], shown: list[str]
) -> None:
    groups = [(name, number, Count(due=number)) for name, number in zip("甲乙丙丁", children, strict=False)]

    merged = merge_small(groups)

    assert sorted(name for name, _ in merged) == sorted(shown)
    assert sum(count.due for _, count in merged) == sum(children)


def test_another_reader_reads_the_sheet_and_it_names_no_child(session: Session) -> None:
    a_mixed_month(session)
    school = a_school(session, "青禾小学")
    for number in range(7):
        a_leg(session, a_child(session, f"孩子{number}", school=school))

    book = openpyxl.load_workbook(io.BytesIO(workbook(month_sheets(april(session)))))

    assert book.sheetnames == ["本月", "按天", "按学校", "志愿者"]
    figures = {row[0]: row[1] for row in book["本月"].iter_rows(min_row=3, values_only=True)}
    assert figures["该接送"] == 11
    assert [cell.value for cell in book["按学校"][1]] == ["学校", *(word for word, _ in DEFINITIONS.values())]
    everything = str([[cell.value for cell in row] for sheet in book for row in sheet.iter_rows()])
    assert "孩子0" not in everything
    assert "小雨" not in everything
