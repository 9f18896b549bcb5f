"""One flaw in an otherwise right book: its verdict, its column, and the words that mend it."""

from datetime import date
from typing import Any

import pytest

from escort.geocoding import Box, wgs84_to_gcj02
from escort.roster_book.book import Receiver
from escort.roster_book.verdicts import BookRules
from scheduling.travel import Point
from tests.escort.roster_book.books import AS_OF, RIGHT, a_book, read, report, with_row


def test_the_right_book_has_nothing_to_say() -> None:
    book = read(RIGHT)

    assert {entry.verdict for entry in book.reports if entry.row > 1} == {"accepted"}


@pytest.mark.parametrize(
    ("cells", "verdict", "column", "words"),
    [
        ({"姓名": "  "}, "rejected", "姓名", "姓名没填"),
        ({"姓名": "=cmd"}, "rejected", "姓名", "不是文字"),
        ({"姓名": "王"}, "warning", "姓名", "只有一个字"),
        ({"手机号": ""}, "rejected", "手机号", "手机号没填"),
        ({"手机号": "1.99E+10"}, "rejected", "手机号", "四舍五入"),
        ({"手机号": "+852 9123 4567"}, "rejected", "手机号", "大陆以外"),
        ({"所属志愿队": ""}, "rejected", "所属志愿队", "没填"),
        ({"所属志愿队": "不存在的车队"}, "rejected", "所属志愿队", "不在“志愿队”表"),
        ({"纬度": 103.84, "经度": 30.91}, "rejected", "纬度", "写反了"),
        ({"纬度": 39.9, "经度": 116.4}, "rejected", "纬度", "不在本区"),
        ({"纬度": "", "经度": ""}, "warning", "纬度", "没有经纬度"),
        ({"经度": ""}, "warning", "经度", "只填了一个"),
        ({"纬度": "村口"}, "warning", "纬度", "不是数字"),
        ({"座位数(含司机)": 0}, "rejected", "座位数(含司机)", "应在 2 到 9"),
        ({"座位数(含司机)": 1}, "rejected", "座位数(含司机)", "应在 2 到 9"),
        ({"座位数(含司机)": 55}, "rejected", "座位数(含司机)", "应在 2 到 9"),
        ({"座位数(含司机)": "大"}, "rejected", "座位数(含司机)", "不是整数"),
        ({"座位数(含司机)": ""}, "warning", "座位数(含司机)", "没填"),
        ({"儿童座椅数": 5}, "rejected", "儿童座椅数", "超过乘客座位"),
        ({"车牌号": "川A1234学"}, "warning", "车牌号", "教练车"),
        ({"车牌号": "川AO1234"}, "warning", "车牌号", "字母 I 或 O"),
        ({"车牌号": ""}, "warning", "车牌号", "没填"),
        ({"可载轮椅": "也许"}, "warning", "可载轮椅", "“是”或“否”"),
        ({"可出车时间": "看情况"}, "warning", "可出车时间", "看不懂"),
        ({"可出车时间": ""}, "warning", "可出车时间", "没填"),
        ({"每周最多次数": 0}, "warning", "每周最多次数", "应在 1 到 14"),
        ({"每周最多次数": "若干"}, "warning", "每周最多次数", "不是整数"),
        ({"无犯罪记录查询日期": ""}, "warning", "无犯罪记录查询日期", "没有无犯罪记录查询日期"),
        ({"无犯罪记录查询日期": date(2020, 4, 5)}, "warning", "无犯罪记录查询日期", "已超过一年"),  # 366 days
        ({"无犯罪记录查询日期": date(2021, 4, 7)}, "rejected", "无犯罪记录查询日期", "在将来"),
        ({"无犯罪记录查询日期": "去年"}, "warning", "无犯罪记录查询日期", "看不懂日期"),
        ({"驾驶证有效期至": date(2021, 4, 5)}, "warning", "驾驶证有效期至", "到期"),
        ({"驾驶证有效期至": ""}, "warning", "驾驶证有效期至", "没有驾驶证有效期"),
        ({"座位险有效期至": date(2021, 4, 5)}, "warning", "座位险有效期至", "到期"),
        ({"座位险有效期至": ""}, "warning", "座位险有效期至", "没有座位险有效期"),
        ({"性别": ""}, "warning", "性别", "没填"),
        ({"性别": "保密"}, "warning", "性别", "看不懂"),
    ],
)
def test_a_flaw_of_a_volunteer(cells: dict[str, Any], verdict: str, column: str, words: str) -> None:
    book = read(a_book(志愿者=cells))

    entry = report(book, "志愿者")
    assert (entry.verdict, entry.column) == (verdict, column)
    assert words in str(entry.reason)
    assert len(book.volunteers) == (0 if verdict == "rejected" else 1)


@pytest.mark.parametrize(
    ("cells", "column", "words"),
    [
        ({"姓名": "王 师傅\u00a0"}, "姓名", "空格"),
        ({"手机号": "+86 199-0000-1111"}, "手机号", "已整理"),
        ({"手机号": 19900001111.0}, None, None),
        ({"车牌号": "川ａ·12345"}, "车牌号", "川A12345"),
        ({"每周最多次数": "2次"}, "每周最多次数", "数字 2"),
        ({"每周最多次数": ""}, "每周最多次数", "先按 2 次"),
        ({"无犯罪记录查询日期": "2020.4.6"}, None, None),  # 365 days: still good
        ({"驾驶证有效期至": "长期"}, None, None),
        ({"座位险有效期至": AS_OF}, None, None),  # holds to the end of the day
        ({"座位数(含司机)": 7}, None, None),
        ({"儿童座椅数": ""}, None, None),
    ],
)
def test_tidied_spelling_is_accepted_and_shown(
    cells: dict[str, Any], column: str | None, words: str | None
) -> None:
    entry = report(read(a_book(志愿者=cells)), "志愿者")

    assert (entry.verdict, entry.column) == ("accepted", column)
    assert (words is None and entry.reason is None) or str(words) in str(entry.reason)


def test_the_same_phone_twice_leaves_the_first_row_standing() -> None:
    book = read(with_row(a_book(), "志愿者", 姓名="李师傅"))

    assert [volunteer.name for volunteer in book.volunteers] == ["王师傅"]
    assert "与第 2 行（王师傅）相同" in str(report(book, "志愿者", 3).reason)


def test_a_rejected_first_row_does_not_block_a_right_second_one() -> None:
    book = read(with_row(a_book(志愿者={"所属志愿队": "没有"}), "志愿者", 所属志愿队="唐昌古镇车队"))

    assert [volunteer.row for volunteer in book.volunteers] == [3]


def test_foreign_numbers_are_let_in_by_a_switch() -> None:
    book = read(a_book(志愿者={"手机号": "+852 9123 4567"}), rules=BookRules(foreign_phones=True))

    assert book.volunteers[0].phone == "+85291234567"


def test_the_worst_finding_comes_first_and_the_others_follow() -> None:
    book = read(a_book(志愿者={"性别": "", "手机号": "", "车牌号": "川ａ12345", "驾驶证有效期至": ""}))

    entry = report(book, "志愿者")
    assert (entry.verdict, entry.column) == ("rejected", "手机号")
    assert [(finding.verdict, finding.column) for finding in entry.also] == [
        ("warning", "性别"),
        ("warning", "驾驶证有效期至"),
        ("accepted", "车牌号"),
    ]


@pytest.mark.parametrize(
    ("cells", "verdict", "column", "words"),
    [
        ({"姓名": ""}, "rejected", "姓名", "姓名没填"),
        ({"出生日期": ""}, "rejected", "出生日期", "没填"),
        ({"出生日期": date(2021, 10, 18)}, "rejected", "出生日期", "在将来"),
        ({"出生日期": "2012-02-30"}, "rejected", "出生日期", "没有"),
        ({"出生日期": date(1999, 1, 1)}, "warning", "出生日期", "22 岁"),
        ({"学校": ""}, "rejected", "学校", "没填"),
        ({"学校": "第九十九小学"}, "rejected", "学校", "不在“学校”表"),
        ({"纬度": 103.83, "经度": 30.92}, "rejected", "纬度", "写反了"),
        ({"纬度": 39.9, "经度": 116.4}, "rejected", "纬度", "不在本区"),
        ({"监护人": ""}, "warning", "监护人", "没填"),
        ({"监护人电话": ""}, "rejected", "监护人电话", "没填"),
        ({"监护人电话": "028-87654321"}, "rejected", "监护人电话", "座机"),
        ({"上学": "否", "放学": "否"}, "rejected", "上学", "都没有选"),
        ({"上学": "", "放学": ""}, "rejected", "上学", "都没有选"),
        ({"上学": "也许"}, "rejected", "上学", "“是”或“否”"),
        ({"接送日": ""}, "warning", "接送日", "先按周一至周五"),
        ({"接送日": "看情况"}, "warning", "接送日", "看不懂"),
        ({"接送日": "周一至周五早上"}, "warning", "接送日", "不一致"),
        ({"开始日期": ""}, "warning", "开始日期", "没填"),
        ({"开始日期": date(2026, 4, 1), "结束日期": ""}, "rejected", "开始日期", "一年以后"),
        ({"结束日期": date(2021, 3, 22)}, "rejected", "结束日期", "早于开始日期"),
        ({"开始日期": date(2021, 3, 1), "结束日期": date(2021, 4, 1)}, "warning", "结束日期", "已于"),
        ({"监护人同意书日期": ""}, "warning", "监护人同意书日期", "不会安排护送"),
        ({"监护人同意书日期": date(2021, 5, 1)}, "rejected", "监护人同意书日期", "在将来"),
        ({"接送地点": "老地方"}, "warning", "接送地点", "不在“常用地点”表的唐昌街道里"),
        ({"接送地点": "竹林村委会门口", "所在街道": "犀浦街道"}, "warning", "接送地点", "唐昌街道有同名地点"),
        ({"纬度": "", "经度": ""}, "warning", "接送地点", "住址没有经纬度"),
        ({"备注": "怕" * 301}, "warning", "备注", "超过 300 个字"),
        ({"可接回人": "爷爷 1990000"}, "warning", "可接回人", "电话有误"),
    ],
)
def test_a_flaw_of_a_child(cells: dict[str, Any], verdict: str, column: str, words: str) -> None:
    book = read(a_book(儿童=cells))

    entry = report(book, "儿童")
    assert (entry.verdict, entry.column) == (verdict, column)
    assert words in str(entry.reason)
    assert len(book.children) == (0 if verdict == "rejected" else 1)


def test_the_same_child_twice_leaves_the_first_row_standing() -> None:
    book = read(with_row(a_book(), "儿童", 监护人电话="19900009999", 监护人="另一人"))

    assert [child.row for child in book.children] == [2]
    assert "与第 2 行是同一名儿童" in str(report(book, "儿童", 3).reason)


def test_children_of_one_name_are_told_apart_by_the_birth_date() -> None:
    book = read(with_row(a_book(), "儿童", 出生日期=date(2013, 1, 1)))

    assert len(book.children) == 2
    assert report(book, "儿童", 3).verdict == "accepted"


def test_simplified_and_traditional_twins_of_a_name_are_doubted() -> None:
    book = read(with_row(a_book(儿童={"姓名": "张丽"}), "儿童", 姓名="張麗"))

    assert report(book, "儿童", 3).verdict == "warning"
    assert "读音也相同" in str(report(book, "儿童", 3).reason)
    assert [child.name for child in book.children] == ["张丽", "張麗"]


def test_one_phone_with_two_guardians_names_is_doubted() -> None:
    book = read(with_row(a_book(), "儿童", 姓名="小云", 监护人="另一人"))

    assert report(book, "儿童", 3).column == "监护人电话"
    assert len(book.children) == 2


def test_receivers_without_a_phone_are_to_be_completed() -> None:
    book = read(a_book(儿童={"可接回人": "奶奶、邻居张婶(199 0000 3333)"}))

    assert book.children[0].receivers == (Receiver("奶奶"), Receiver("邻居张婶", "+8619900003333"))
    assert [receiver.is_complete for receiver in book.children[0].receivers] == [False, True]


def test_a_pasted_place_is_a_pickup_too() -> None:
    book = read(a_book(儿童={"接送地点": "村口 30.9251,103.8422"}))

    child = book.children[0]
    assert (child.pickup, child.pickup_is_known, child.pickup_name) == ((30.9251, 103.8422), False, "村口")


def test_a_child_with_a_known_place_needs_no_home_coordinates() -> None:
    book = read(a_book(儿童={"接送地点": "竹林村委会门口", "纬度": "", "经度": ""}))

    assert report(book, "儿童").verdict == "accepted"
    assert book.children[0].pickup == (30.9221, 103.8412)


def test_text_is_kept_as_text() -> None:
    book = read(a_book(儿童={"备注": "<img onerror=alert(1)> {{7*7}} ; DROP TABLE child\x7f\u202e"}))

    assert "<img onerror=alert(1)> {{7*7}}" in book.children[0].handling_note
    assert "\u202e" not in book.children[0].handling_note


@pytest.mark.parametrize(
    ("sheet", "cells", "column", "words"),
    [
        ("常用地点", {"地点名称": ""}, "地点名称", "没填"),
        ("常用地点", {"纬度": ""}, "经度", ""),
        ("常用地点", {"纬度": 103.84, "经度": 30.92}, "纬度", "写反了"),
        ("常用地点", {"纬度": 30.2, "经度": 103.84}, "纬度", "不在本区"),
        ("学校", {"学校名称": ""}, "学校名称", "没填"),
        ("学校", {"到校时间": ""}, "到校时间", "没填"),
        ("学校", {"到校时间": "19:20"}, "到校时间", "不在早上"),
        ("学校", {"到校时间": "24:00"}, "到校时间", "没有"),
        ("学校", {"到校时间": "25:61"}, "到校时间", "没有"),
        ("学校", {"放学时间": "08:00"}, "放学时间", "不合理"),
        ("学校", {"到校时间": "10:50", "放学时间": "11:00", "周五放学时间": ""}, "放学时间", "晚"),
        ("学校", {"纬度": 39.9}, "纬度", "不在本区"),
        ("志愿队", {"车队名称": ""}, "车队名称", "没填"),
        ("校历", {"事项": "春游"}, "事项", "不认识事项"),
        ("校历", {"开始日期": ""}, "开始日期", "没填"),
        ("校历", {"开始日期": "2021-02-29"}, "开始日期", "没有"),
        ("校历", {"结束日期": date(2021, 2, 1)}, "结束日期", "早于"),
        ("校历", {"结束日期": date(2023, 2, 1)}, "结束日期", "超过一年"),
        ("校历", {"开始日期": date(2026, 3, 1), "结束日期": date(2026, 7, 1)}, "开始日期", "超过两年"),
        ("校历", {"事项": "停课", "说明": "运动会(不存在的小学)"}, "说明", "不在“学校”表"),
        ("校历", {"事项": "提前放学", "说明": "期末"}, "说明", "没有写几点放学"),
        ("校历", {"事项": "提前放学", "说明": "25:00放学"}, "说明", "没有"),
    ],
)
def test_a_flaw_of_a_place_school_team_or_calendar(
    sheet: str, cells: dict[str, Any], column: str, words: str
) -> None:
    entry = report(read(a_book(**{sheet: cells})), sheet)

    assert entry.verdict == "rejected"
    if words:
        assert entry.column == column
        assert words in str(entry.reason)


@pytest.mark.parametrize("sheet", ["常用地点", "学校", "志愿队", "校历"])
def test_the_same_thing_twice_leaves_the_first_row_standing(sheet: str) -> None:
    book = read(with_row(a_book(), sheet))

    assert report(book, sheet, 2).verdict == "accepted"
    assert report(book, sheet, 3).verdict == "rejected"
    assert "第 2 行已保留" in str(report(book, sheet, 3).reason)


def test_places_of_one_name_in_two_streets_are_two_places() -> None:
    book = read(with_row(a_book(), "常用地点", 所在街道="犀浦街道"))

    assert len(book.places) == 2


def test_overlapping_terms_are_refused() -> None:
    book = read(with_row(a_book(), "校历", 开始日期=date(2021, 7, 1), 结束日期=date(2021, 7, 20)))

    assert "重叠" in str(report(book, "校历", 3).reason)


@pytest.mark.parametrize(
    ("note", "at"), [("12:00放学", "12:00"), ("中午12点放学", "12:00"), ("下午3点半放学(古镇小学)", "15:30")]
)
def test_the_hour_of_an_early_day_is_in_its_note(note: str, at: str) -> None:
    book = read(a_book(校历={"事项": "提前放学", "说明": note}))

    assert book.calendar[0].at is not None
    assert book.calendar[0].at.strftime("%H:%M") == at
    assert book.calendar[0].school == ("古镇小学" if "古镇" in note else None)


def test_a_make_up_day_says_whose_timetable_it_follows() -> None:
    book = read(
        a_book(校历={"事项": "补课", "开始日期": "2021-04-25", "结束日期": "", "说明": "上周三的课(全区)"})
    )

    entry = book.calendar[0]
    assert (entry.kind, entry.starts_on, entry.ends_on) == ("make_up", date(2021, 4, 25), date(2021, 4, 25))
    assert (entry.as_weekday, entry.school) == (2, None)


def test_a_leader_without_a_number_is_a_doubt() -> None:
    book = read(a_book(志愿队={"队长电话": ""}))

    assert report(book, "志愿队").verdict == "warning"
    assert book.teams[0].leader_phone is None


def test_the_district_is_a_setting() -> None:
    rules = BookRules(bounds=Box(south=39.0, north=41.0, west=115.0, east=118.0))

    book = read(a_book(志愿者={"纬度": 39.9, "经度": 116.4}), rules=rules)

    assert len(book.volunteers) == 1


def test_coordinates_follow_the_system_that_the_header_names() -> None:
    shown = wgs84_to_gcj02(Point(30.91, 103.84))
    sheets = a_book(志愿者={"纬度": shown.lat, "经度": shown.lon})
    header = sheets["志愿者"][0]
    header[header.index("纬度")], header[header.index("经度")] = "纬度（GCJ-02）", "经度(火星坐标)"

    book = read(sheets)

    assert book.volunteers[0].home == pytest.approx((30.91, 103.84), abs=1e-6)
    assert any("GCJ-02" in str(finding.reason) for finding in report(book, "志愿者", 1).also)
