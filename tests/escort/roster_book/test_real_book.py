"""The demonstration district's book: every flaw of it, by row; and the same book dressed otherwise."""

import random
from collections import Counter
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from escort.roster_book.book import RosterBook
from escort.roster_book.reader import read_book
from escort.roster_book.report import report_of
from tests.escort.roster_book.books import AS_OF, REAL_BOOK, Sheets, as_ods, as_xlsx

FLAWS: dict[tuple[str, int], tuple[str, str, str]] = {
    ("志愿者", 70): ("rejected", "姓名", "姓名没填"),
    ("志愿者", 408): ("rejected", "姓名", "姓名没填"),
    ("志愿者", 32): ("rejected", "手机号", "手机号没填"),
    ("志愿者", 844): ("rejected", "手机号", "手机号没填"),
    ("志愿者", 93): ("rejected", "手机号", "只有 10 位"),
    ("志愿者", 1027): ("rejected", "手机号", "只有 10 位"),
    ("志愿者", 209): ("rejected", "手机号", "与第 208 行（江正华）相同"),
    ("志愿者", 864): ("rejected", "手机号", "与第 863 行（陈伟）相同"),
    ("志愿者", 205): ("rejected", "所属志愿队", "“不存在的车队”不在"),
    ("志愿者", 667): ("rejected", "所属志愿队", "“不存在的车队”不在"),
    ("志愿者", 292): ("rejected", "纬度", "写反了"),
    ("志愿者", 560): ("rejected", "纬度", "写反了"),
    ("志愿者", 781): ("rejected", "座位数(含司机)", "座位数（含司机）为 0"),
    ("志愿者", 897): ("rejected", "座位数(含司机)", "座位数（含司机）为 0"),
    ("志愿者", 721): ("rejected", "无犯罪记录查询日期", "在将来"),
    ("志愿者", 1098): ("rejected", "无犯罪记录查询日期", "在将来"),
    ("志愿者", 218): ("warning", "无犯罪记录查询日期", "没有无犯罪记录查询日期"),
    ("志愿者", 887): ("warning", "无犯罪记录查询日期", "没有无犯罪记录查询日期"),
    ("志愿者", 258): ("warning", "无犯罪记录查询日期", "已超过一年"),
    ("志愿者", 268): ("warning", "无犯罪记录查询日期", "已超过一年"),
    ("志愿者", 310): ("warning", "无犯罪记录查询日期", "已超过一年"),
    ("志愿者", 733): ("warning", "无犯罪记录查询日期", "已超过一年"),
    ("志愿者", 876): ("warning", "无犯罪记录查询日期", "已超过一年"),
    ("志愿者", 1055): ("warning", "无犯罪记录查询日期", "已超过一年"),
    ("志愿者", 346): ("warning", "驾驶证有效期至", "2021-03-02 到期"),
    ("志愿者", 1059): ("warning", "驾驶证有效期至", "2021-03-02 到期"),
    ("志愿者", 228): ("warning", "可出车时间", "看情况"),
    ("志愿者", 1056): ("warning", "可出车时间", "看情况"),
    ("儿童", 13): ("rejected", "出生日期", "在将来"),
    ("儿童", 323): ("rejected", "出生日期", "在将来"),
    ("儿童", 64): ("rejected", "纬度", "不在本区范围内"),
    ("儿童", 255): ("rejected", "纬度", "不在本区范围内"),
    ("儿童", 65): ("rejected", "结束日期", "早于开始日期"),
    ("儿童", 288): ("rejected", "结束日期", "早于开始日期"),
    ("儿童", 102): ("rejected", "姓名", "与第 101 行是同一名儿童"),
    ("儿童", 222): ("rejected", "姓名", "与第 221 行是同一名儿童"),
    ("儿童", 142): ("rejected", "学校", "“成都市第九十九小学”不在"),
    ("儿童", 330): ("rejected", "学校", "“成都市第九十九小学”不在"),
    ("儿童", 239): ("rejected", "上学", "都没有选"),
    ("儿童", 345): ("rejected", "上学", "都没有选"),
    ("儿童", 285): ("rejected", "监护人电话", "监护人电话没填"),
    ("儿童", 321): ("rejected", "监护人电话", "监护人电话没填"),
    ("儿童", 32): ("warning", "接送地点", "“老地方”不在"),
    ("儿童", 110): ("warning", "接送地点", "“老地方”不在"),
    ("儿童", 84): ("warning", "监护人同意书日期", "没有监护人同意书日期"),
    ("儿童", 340): ("warning", "监护人同意书日期", "没有监护人同意书日期"),
}
IGNORED = {
    *((sheet, row) for sheet in ("常用地点", "学校", "志愿队", "志愿者", "儿童", "校历") for row in (1, 2)),
    ("志愿者", 1121),  # 合计
    ("儿童", 347),  # blank
    ("儿童", 348),  # 合计
}
COUNTS = {"accepted": 1508, "warning": 16, "rejected": 30, "ignored": 15}

SYNONYMS = {
    "序号": "编号",
    "姓名": "名字",
    "性别": "男/女",
    "年级": "年级班级",
    "手机号": "联系电话",
    "所属志愿队": "所在车队",
    "住址": "家庭住址",
    "纬度": "北纬（WGS-84）",
    "经度": "东经（WGS-84）",
    "车牌号": "车牌号码 *",
    "车型": "品牌型号",
    "颜色": "车身颜色",
    "座位数(含司机)": "核定载人数",
    "儿童座椅数": "儿童安全座椅",
    "可载轮椅": "能载轮椅",
    "可出车时间": "可服务时间",
    "每周最多次数": "每周上限",
    "无犯罪记录查询日期": "无犯罪证明日期",
    "驾驶证有效期至": "驾照到期日",
    "座位险有效期至": "座位险到期日",
    "备注": "其他说明",
    "出生日期": "出生年月日（年/月/日）",
    "学校": "就读学校",
    "所在街道": "镇街",
    "监护人": "家长姓名",
    "与儿童关系": "关系",
    "监护人电话": "家长电话",
    "上学": "送上学",
    "放学": "接放学",
    "接送日": "每周接送日",
    "开始日期": "起始日期",
    "结束日期": "截止日期",
    "特殊需求": "特殊需要",
    "监护人同意书日期": "同意书签署日期",
    "接送地点": "上车地点",
    "可接回人": "接收人",
    "地点名称": "接送点名称",
    "学校名称": "校名",
    "到校时间": "上学时间",
    "放学时间": "离校时间",
    "周五放学时间": "星期五放学时间",
    "车队名称": "志愿队名称",
    "所属街道": "街道/镇",
    "队长": "负责人",
    "队长电话": "队长手机号",
    "事项": "类别",
    "说明": "内容",
}


@pytest.fixture(scope="module")
def book() -> RosterBook:
    return read_book(REAL_BOOK, as_of=AS_OF)


@pytest.fixture(scope="module")
def sheets() -> Sheets:
    workbook = CalamineWorkbook.from_path(REAL_BOOK)
    return {
        name: [list(row) for row in workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)]
        for name in workbook.sheet_names
    }


def dressed_otherwise(sheets: Sheets) -> Sheets:
    """The same book with its sheets and columns in another order and every header renamed."""
    order = random.Random(7)
    changed: Sheets = {}
    for name in sorted(sheets):
        columns = list(range(len(sheets[name][0])))
        order.shuffle(columns)
        rows: list[list[Any]] = [[row[column] for column in columns] for row in sheets[name]]
        rows[1] = [SYNONYMS[title] for title in rows[1]]
        changed[name] = rows
    return changed


def test_every_flaw_is_found_on_its_row(book: RosterBook) -> None:
    found = {
        (entry.sheet, entry.row): (entry.verdict.value, entry.column, entry.reason)
        for entry in book.reports
        if entry.verdict in ("warning", "rejected")
    }

    assert found.keys() == FLAWS.keys()
    for place, (verdict, column, words) in FLAWS.items():
        assert found[place][:2] == (verdict, column)
        assert words in str(found[place][2])


def test_titles_headers_totals_and_blank_rows_are_ignored(book: RosterBook) -> None:
    ignored = {(entry.sheet, entry.row) for entry in book.reports if entry.verdict == "ignored"}

    assert ignored == IGNORED


def test_every_other_row_is_accepted_and_the_totals_hold(book: RosterBook) -> None:
    report = report_of(book)

    assert report["counts"] == COUNTS
    assert Counter(entry["verdict"] for entry in report["rows"]) == COUNTS
    assert len({(entry["sheet"], entry["row"]) for entry in report["rows"]}) == sum(COUNTS.values())
    assert (len(book.volunteers), len(book.children)) == (1118 - 16, 344 - 14)
    assert (len(book.places), len(book.schools), len(book.teams), len(book.calendar)) == (66, 12, 11, 3)


def test_every_refusal_and_doubt_is_a_whole_sentence(book: RosterBook) -> None:
    for entry in book.reports:
        if entry.verdict in ("warning", "rejected"):
            assert str(entry.reason).endswith("。")
            assert "！" not in str(entry.reason)


@pytest.mark.parametrize("write", [as_xlsx, as_ods], ids=["xlsx", "ods"])
def test_the_same_verdicts_with_columns_permuted_and_headers_renamed(
    book: RosterBook, sheets: Sheets, write: Any
) -> None:
    again = read_book(write(dressed_otherwise(sheets)), as_of=AS_OF)

    assert verdicts(again) == verdicts(book)
    for entry in again.reports:
        if (flaw := FLAWS.get((entry.sheet, entry.row))) is not None:
            assert entry.column == SYNONYMS[flaw[1]]
            assert flaw[2] in str(entry.reason)
    assert set(again.volunteers) == set(book.volunteers)
    assert [child.key for child in again.children] == [child.key for child in book.children]
    assert set(again.calendar) == set(book.calendar)


def verdicts(book: RosterBook) -> dict[tuple[str, int], str]:
    return {(entry.sheet, entry.row): entry.verdict for entry in book.reports}


def test_xiaojie_is_read_whole(book: RosterBook) -> None:
    xiaojie = book.children[0]

    assert (xiaojie.name, xiaojie.school, xiaojie.weekdays) == ("小杰", "银杏特殊教育学校", "1111100")
    assert xiaojie.to_school
    assert xiaojie.home_again
    assert xiaojie.needs.only_familiar
    assert xiaojie.handling_note == "怕生"
    assert xiaojie.diagnosis == ""
    assert [(receiver.name, receiver.is_complete) for receiver in xiaojie.receivers] == [("邻居张婶", False)]
    assert xiaojie.pickup == xiaojie.home == (30.9071, 103.8402)


def test_diagnosis_words_are_in_the_sealed_field_alone(book: RosterBook) -> None:
    diagnoses = Counter(child.diagnosis for child in book.children)

    assert diagnoses["自闭症"] == 25
    assert diagnoses["癫痫"] == 12
    assert not any("症" in child.handling_note or "癫" in child.handling_note for child in book.children)
    assert {child.handling_note for child in book.children if child.diagnosis == "癫痫"} == {"需知晓急救"}


def test_places_of_one_name_are_told_apart_by_the_street(book: RosterBook) -> None:
    at = {
        (child.pickup_name, child.street): child.pickup for child in book.children if not child.pickup_at_home
    }
    streets = Counter(name for name, _ in at)
    name = next(name for name, count in streets.items() if count > 1)

    points = {point for (place, _), point in at.items() if place == name}

    assert len(points) == streets[name]


def test_girls_only_is_the_volunteers_own_limit(book: RosterBook) -> None:
    girls_only = [volunteer for volunteer in book.volunteers if volunteer.girls_only]

    assert len(girls_only) > 100
    assert all("女童" not in volunteer.remark for volunteer in girls_only)
