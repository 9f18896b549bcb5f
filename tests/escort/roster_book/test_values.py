"""What offices write in one cell, and what we read."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from escort.roster_book.values import (
    UnreadableError,
    read_count,
    read_date,
    read_degrees,
    read_gender,
    read_name,
    read_phone,
    read_plate,
    read_text,
    read_time,
    read_yes,
)


@pytest.mark.parametrize(
    ("cell", "phone"),
    [
        ("19900007998", "+8619900007998"),
        (19900007998.0, "+8619900007998"),  # a number, as Excel keeps it
        (8619900007998.0, "+8619900007998"),
        ("199 0000 7998", "+8619900007998"),
        ("199-0000-7998", "+8619900007998"),
        ("+8619900007998", "+8619900007998"),
        ("+86 199-0000-7998", "+8619900007998"),
        ("0086 19900007998", "+8619900007998"),
        ("８６１９９００００７９９８", "+8619900007998"),  # full-width digits
        ("'19900007998", "+8619900007998"),  # Excel's mark for text
        ("\u202a19900007998\u202c", "+8619900007998"),  # pasted from a contact card
        ("手机：19900007998", "+8619900007998"),
        ("19900007998(妈妈)", "+8619900007998"),
        ("", None),
        (" \u00a0", None),
    ],
)
def test_a_mobile_number_is_read_however_it_is_spelled(cell: Any, phone: str | None) -> None:
    assert read_phone(cell) == phone


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("1990000641", "只有 10 位"),
        ("199000064123", "有 12 位"),
        ("1.99E+10", "四舍五入"),
        ("1.39123e+10", "四舍五入"),
        (19900000000.0, "四舍五入"),  # what 1.99E+10 becomes when it is opened again
        ("028-87654321", "座机"),
        ("87654321", "座机"),
        ("12345678901", "13 至 19 开头"),
        ("19900001111/19900002222", "两个号码"),
        ("19900001111、19900002222", "两个号码"),
        ("+852 9123 4567", "大陆以外"),
        ("+886 912 345 678", "大陆以外"),
        ("没有电话", "数字以外"),
        ("=HYPERLINK(1)", "数字以外"),
        (date(2021, 4, 6), "11 位数字"),
        (True, "11 位数字"),
        (1990000.5, "小数"),
    ],
)
def test_a_number_that_cannot_be_rung_is_explained(cell: Any, words: str) -> None:
    with pytest.raises(UnreadableError, match=words):
        read_phone(cell)


def test_foreign_numbers_need_the_switch() -> None:
    assert read_phone("+852 9123 4567", foreign=True) == "+85291234567"
    with pytest.raises(UnreadableError, match="无效"):
        read_phone("+852 12", foreign=True)


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("夏伟 ", "夏伟"),
        ("\u00a0夏伟\u3000", "夏伟"),
        ("张 三", "张三"),  # two characters spaced to look like three
        ("张\u200b三", "张三"),  # zero width
        ("张三\u202e", "张三"),  # right-to-left override
        ("张三\x00", "张三"),
        ("张三\ud800", "张三"),  # a lone surrogate
        ("阿依古丽•买买提", "阿依古丽·买买提"),
        ("阿依古丽．买买提", "阿依古丽·买买提"),
        ("阿依古丽.买买提", "阿依古丽·买买提"),
        ("𬭎𠮷", "𬭎𠮷"),  # rare Han, Ext-B and later
        ("Anna Müller", "Anna Müller"),
        ("小杰", "小杰"),
        ("小杰（化名）", "小杰(化名)"),
        ("張三", "張三"),  # never converted
    ],
)
def test_a_name_is_trimmed_but_never_converted(cell: str, name: str) -> None:
    assert read_name(cell) == name


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "   ",
        "=HYPERLINK(1)",
        "+cmd",
        "@SUM",
        "<img onerror=1>",
        "{{7*7}}",
        "张三'; DROP TABLE child;--",
        "1118人",
        "·",
        "😀",
        "王" * 41,
        "\t\r",
    ],
)
def test_what_is_no_name_is_refused(cell: str) -> None:
    with pytest.raises(UnreadableError, match="姓名"):
        read_name(cell)


@pytest.mark.parametrize(
    "cell",
    [
        date(2021, 4, 6),
        datetime(2021, 4, 6, 8, 30),  # noqa: DTZ001 - a cell has no zone
        44292.0,  # a serial that lost its format
        "44292",
        "2021.4.6",
        "2021-04-06",
        "2021/4/6",
        "2021年4月6日",
        "2021年04月06号",
        "２０２１年４月６日",
        "20210406",
        20210406.0,
        "2021-04-06 00:00:00",
        "二〇二一年四月六日",
    ],
)
def test_a_date_is_read_however_it_is_spelled(cell: Any) -> None:
    assert read_date(cell) == date(2021, 4, 6)


def test_serial_dates_of_old_macs_count_from_1904() -> None:
    assert read_date(42830.0, from_1904=True) == date(2021, 4, 6)


def test_chinese_numerals_go_up_to_the_thirty_first() -> None:
    assert read_date("二零二一年十二月三十一日") == date(2021, 12, 31)
    assert read_date("二〇二一年十月二十日") == date(2021, 10, 20)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("2021-02-29", "没有"),
        ("2021.9.31", "没有"),
        ("2021-13-01", "没有"),
        ("21.4.6", "看不懂"),  # which century, which order
        ("6/4/2021", "看不懂"),
        ("2021年4月", "看不懂"),
        ("下周一", "看不懂"),
        (3.0, "看不懂"),
        (999.0, "日期"),
        ("3021-01-01", "年份"),
        (time(8, 30), "日期"),
        (True, "日期"),
    ],
)
def test_a_date_that_is_none_is_explained(cell: Any, words: str) -> None:
    with pytest.raises(UnreadableError, match=words):
        read_date(cell)


@pytest.mark.parametrize(
    ("cell", "at"),
    [
        ("7:20", time(7, 20)),
        ("07：20", time(7, 20)),
        ("上午7:20", time(7, 20)),
        ("上午七点二十", time(7, 20)),
        ("7点20分", time(7, 20)),
        ("七点半", time(7, 30)),
        ("下午4:30", time(16, 30)),
        ("16时", time(16, 0)),
        ("8.15", time(8, 15)),
        ("19:20", time(19, 20)),
        ("08:30:00", time(8, 30)),
        (time(8, 29, 59, 999000), time(8, 30)),  # how Excel's fractions come out
        (0.3541666666, time(8, 30)),
        (timedelta(hours=8, minutes=30), time(8, 30)),
        (datetime(1900, 1, 1, 8, 30), time(8, 30)),  # noqa: DTZ001 - a cell has no zone
    ],
)
def test_a_time_is_read_however_it_is_spelled(cell: Any, at: time) -> None:
    assert read_time(cell) == at


@pytest.mark.parametrize("cell", ["24:00", "25:61", "早上", "7:2x", 8.3, 830.0, True, timedelta(days=1)])
def test_a_time_that_is_none_is_refused(cell: Any) -> None:
    with pytest.raises(UnreadableError, match="时间"):
        read_time(cell)


@pytest.mark.parametrize(
    ("cell", "count"), [(5.0, 5), ("5座", 5), ("2次", 2), ("两次", 2), ("４", 4), ("十二", 12), ("", None)]
)
def test_a_count_is_read_with_its_measure_word(cell: Any, count: int | None) -> None:
    assert read_count(cell) == count


@pytest.mark.parametrize("cell", [2.5, "若干", "-1", "2-3次"])
def test_a_count_that_is_none_is_refused(cell: Any) -> None:
    with pytest.raises(UnreadableError, match="整数"):
        read_count(cell)


@pytest.mark.parametrize(
    ("cell", "yes"),
    [
        ("是", True),
        ("有", True),
        ("√", True),
        ("Y", True),
        (True, True),
        (1.0, True),
        ("否", False),
        ("无", False),
    ],
)
def test_yes_and_no_have_many_spellings(cell: Any, yes: bool) -> None:
    assert read_yes(cell) is yes


def test_maybe_is_neither_yes_nor_no() -> None:
    with pytest.raises(UnreadableError, match="“是”或“否”"):
        read_yes("看情况")


@pytest.mark.parametrize(("cell", "gender"), [("男", "M"), ("女性", "F"), ("f", "F"), ("", None)])
def test_gender_is_read(cell: str, gender: str | None) -> None:
    assert read_gender(cell) == gender


def test_an_unknown_gender_is_refused() -> None:
    with pytest.raises(UnreadableError, match="性别"):
        read_gender("保密")


@pytest.mark.parametrize(
    ("cell", "degrees"),
    [(30.8214, 30.8214), ("30.8214", 30.8214), ("30.8214°N", 30.8214), ("30°49'17\"", 30.8214)],
)
def test_degrees_are_read(cell: Any, degrees: float) -> None:
    assert read_degrees(cell) == pytest.approx(degrees, abs=1e-4)


def test_degrees_in_words_are_refused() -> None:
    with pytest.raises(UnreadableError, match="经纬度"):
        read_degrees("村口")


@pytest.mark.parametrize(
    ("cell", "plate"),
    [
        ("川A12345", "川A12345"),
        ("川Ｇ9ＧＷＥ9", "川G9GWE9"),
        ("川a·12345", "川A12345"),
        ("粤B·12345", "粤B12345"),
        ("川 A 1234 5", "川A12345"),
        ("川AD12345", "川AD12345"),  # new energy: eight characters
        ("川A12345D", "川A12345D"),  # large new energy
        ("粤Z1234港", "粤Z1234港"),
        ("", ""),
    ],
)
def test_a_plate_is_read_however_it_is_spelled(cell: str, plate: str) -> None:
    assert read_plate(cell) == plate


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("川A1234学", "教练车"),
        ("川A1234挂", "挂车"),
        ("川AI2345", "字母 I 或 O"),
        ("川AO2345", "字母 I 或 O"),
        ("A12345", "不完整"),
        ("川A123", "不完整"),
        ("川A123456", "不完整"),  # eight characters without the new-energy letter
    ],
)
def test_a_plate_that_is_none_is_explained(cell: str, words: str) -> None:
    with pytest.raises(UnreadableError, match=words):
        read_plate(cell)


def test_text_keeps_what_somebody_wrote_and_drops_what_nobody_sees() -> None:
    assert read_text("  怕\u200b鸣笛\x00\n请 轻声  ") == "怕鸣笛 请 轻声"
    assert read_text("<img onerror=alert(1)> {{7*7}}") == "<img onerror=alert(1)> {{7*7}}"
