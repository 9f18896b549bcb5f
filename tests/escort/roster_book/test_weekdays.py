"""Which half-days a phrase means; index weekday * 2 + half-day, Monday first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escort.roster_book.weekdays import ALWAYS, read_pattern, read_weekdays


@pytest.mark.parametrize(
    ("phrase", "pattern"),
    [
        ("周一至周三", "11 11 11 00 00 00 00"),
        ("周二、周四", "00 11 00 11 00 00 00"),
        ("周一、周三、周五早上", "10 00 10 00 10 00 00"),  # the word holds for the whole list before it
        ("周一早上,周四下午", "10 00 00 01 00 00 00"),
        ("周一早上，周四下午", "10 00 00 01 00 00 00"),
        ("周二至周四早上", "00 10 10 10 00 00 00"),
        ("周一至周三早上、周四下午", "10 10 10 01 00 00 00"),
        ("周一早上、下午", "11 00 00 00 00 00 00"),
        ("周五", "00 00 00 00 11 00 00"),
        ("周三下午", "00 00 01 00 00 00 00"),
        ("工作日均可", "11 11 11 11 11 00 00"),
        ("工作日早上", "10 10 10 10 10 00 00"),
        ("工作日下午", "01 01 01 01 01 00 00"),
        ("均可", "11 11 11 11 11 11 11"),  # weekends too: school Sundays exist
        ("都可以", "11 11 11 11 11 11 11"),
        ("每天上午", "10 10 10 10 10 10 10"),
        ("周末", "00 00 00 00 00 11 11"),
        ("星期一到星期五", "11 11 11 11 11 00 00"),
        ("礼拜天", "00 00 00 00 00 00 11"),
        ("周1-5", "11 11 11 11 11 00 00"),
        ("周一三五", "11 00 11 00 11 00 00"),
        ("一三五早上", "10 00 10 00 10 00 00"),
        ("周一、二、四下午", "01 01 00 01 00 00 00"),
        ("周一至周五（上午）", "10 10 10 10 10 00 00"),
        ("周一上午和周五全天", "10 00 00 00 11 00 00"),
        ("周一至周五均可，周六早上", "11 11 11 11 11 10 00"),
        ("工作日早上均可", "10 10 10 10 10 00 00"),
        ("每周二 全天", "00 11 00 00 00 00 00"),
    ],
)
def test_a_phrase_means_these_half_days(phrase: str, pattern: str) -> None:
    assert read_pattern(phrase) == pattern.replace(" ", "")


@pytest.mark.parametrize(
    "phrase",
    [
        "看情况",
        "",
        "早上",
        "除周三外",
        "周五至周一",
        "周八",
        "有空就来",
        "看情况，周一",
        "单周周一",
        "周一至",
        "?",
        "周一 13点后",
    ],
)
def test_a_phrase_with_any_doubt_is_not_understood(phrase: str) -> None:
    assert read_pattern(phrase) is None


def test_a_childs_days_are_weekdays_with_the_same_half_days() -> None:
    assert read_weekdays("周一、周三、周五") == ("1010100", (True, True))
    assert read_weekdays("周一至周五早上") == ("1111100", (True, False))
    assert read_weekdays("周一早上,周四下午") is None
    assert read_weekdays("看情况") is None


@given(st.text(max_size=40))
def test_any_text_is_read_or_not_understood(text: str) -> None:
    pattern = read_pattern(text)

    assert pattern is None or (len(pattern) == len(ALWAYS) and set(pattern) <= {"0", "1"} and "1" in pattern)
