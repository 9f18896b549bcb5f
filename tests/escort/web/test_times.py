"""How pages say days and times."""

from datetime import datetime, timedelta

import pytest

from escort.web.times import TimeWords
from tests.builders import ZONE

NOW = datetime(2021, 4, 7, 16, 26, tzinfo=ZONE)  # a Wednesday


def words() -> TimeWords:
    return TimeWords(ZONE, lambda sentence, **values: sentence % values if values else sentence)


@pytest.mark.parametrize(
    ("at", "left"),
    [
        (NOW - timedelta(hours=7, minutes=5), "过了 7 小时"),
        (NOW - timedelta(minutes=9), "过了 9 分"),
        (NOW, "0 分"),
        (NOW + timedelta(minutes=59), "59 分"),
        (NOW + timedelta(minutes=60), "17:26"),
        (datetime(2021, 4, 8, 7, 10, tzinfo=ZONE), "明早"),
        (datetime(2021, 4, 8, 16, 0, tzinfo=ZONE), "明天下午"),
        (datetime(2021, 4, 9, 7, 10, tzinfo=ZONE), "周五"),
        (datetime(2021, 4, 14, 7, 10, tzinfo=ZONE), "4月14日"),  # next week's Wednesday is not "周三"
        (datetime(2021, 4, 6, 7, 10, tzinfo=ZONE), "昨天"),
    ],
)
def test_time_left_is_said_in_the_largest_true_words(at: datetime, left: str) -> None:
    assert words().time_left(at, NOW) == left


def test_a_moment_of_another_day_has_its_day() -> None:
    assert words().moment(NOW, NOW) == "16:26"
    assert words().moment(NOW + timedelta(days=1), NOW) == "明天 16:26"


@pytest.mark.parametrize(
    ("marks", "said"),
    [("1111100", "周一至周五"), ("1010000", "周一、周三"), ("1100000", "周一、周二"), ("0000000", "")],
)
def test_weekdays_in_a_row_are_said_as_a_span(marks: str, said: str) -> None:
    assert words().weekdays(marks) == said


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("11" * 5 + "0000", "周一至周五"),
        ("10" * 3 + "0" * 8, "周一至周三早上"),
        ("11" + "01" + "0" * 10, "周一；周二下午"),
        ("0" * 14, ""),
    ],
)
def test_half_days_that_stand_alone_are_named(pattern: str, said: str) -> None:
    assert words().half_days(pattern) == said
