"""Which sheet is what, where its header stands, which rows are data."""

import openpyxl
import pytest

from escort.roster_book.book import Verdict
from escort.roster_book.reader import read_book
from tests.escort.roster_book.books import AS_OF, Sheets, a_book, as_xlsx, read, report, with_row


def renamed(sheets: Sheets, sheet: str, old: str, new: str) -> Sheets:
    header = sheets[sheet][0]
    header[header.index(old)] = new
    return sheets


def test_titles_and_blank_rows_may_stand_above_the_header() -> None:
    sheets = a_book()
    sheets["志愿者"] = [["郫都区志愿者名册"], [], ["制表日期：2021年4月1日"], *sheets["志愿者"]]

    book = read(sheets)

    assert [report(book, "志愿者", row).reason for row in (1, 2, 3, 4)] == [
        "标题行",
        "空行",
        "标题行",
        "表头行",
    ]
    assert book.volunteers[0].row == 5


@pytest.mark.parametrize(
    "row",
    [
        ["合计", "1人"],
        ["总计：1118人"],
        ["", "", "小计", 5],
        ["共1118人"],
        ["合计", "", "", "", "", "", "", "", "", "", 12345],
    ],
)
def test_a_totals_row_is_ignored(row: list[object]) -> None:
    sheets = a_book()
    sheets["志愿者"].append(row)

    assert report(read(sheets), "志愿者", 3).reason == "合计行"


def test_a_person_beside_the_word_total_is_still_a_person() -> None:
    sheets = with_row(a_book(), "志愿者", 姓名="李师傅", 手机号="19900003333", 备注="合计")

    assert len(read(sheets).volunteers) == 2


@pytest.mark.parametrize(
    ("text", "reason"), [("注：以上均为虚构", "说明行"), ("填表人：林老师", "说明行"), ("   ", "空行")]
)
def test_a_footer_is_ignored(text: str, reason: str) -> None:
    sheets = a_book()
    sheets["儿童"].append([text])
    sheets["儿童"].append(["结束"])  # keeps a blank last row from being cut off

    assert report(read(sheets), "儿童", 3).reason == reason


def test_a_header_repeated_on_the_next_page_is_ignored() -> None:
    sheets = a_book()
    sheets["志愿者"] += [list(sheets["志愿者"][0])]

    assert report(read(sheets), "志愿者", 3).reason == "重复的表头行"


def test_a_sheet_is_known_by_its_headers_where_its_name_says_nothing() -> None:
    sheets = a_book()
    sheets["Sheet1"] = sheets.pop("志愿者")
    sheets["2021年春季儿童"] = sheets.pop("儿童")

    book = read(sheets)

    assert (len(book.volunteers), len(book.children)) == (1, 1)
    assert book.volunteers[0].sheet == "Sheet1"


def test_two_sheets_of_volunteers_are_one_roster() -> None:
    sheets = a_book()
    sheets["志愿者2"] = [list(row) for row in sheets["志愿者"]]
    sheets["志愿者2"][1][0] = "李师傅"

    book = read(sheets)

    assert len(book.volunteers) == 1
    assert report(book, "志愿者2").verdict == "rejected"  # the same phone as on the first


def test_an_unknown_sheet_is_ignored_and_said_so() -> None:
    sheets = a_book()
    sheets["食堂菜单"] = [["周一", "周二"], ["面", "饭"]]

    book = read(sheets)

    assert report(book, "食堂菜单").verdict == "ignored"
    assert "不认识" in str(report(book, "食堂菜单").reason)


def test_a_hidden_sheet_is_not_taken_over_in_silence() -> None:
    def hide(workbook: openpyxl.Workbook) -> None:
        workbook["志愿者"].sheet_state = "hidden"

    book = read_book(as_xlsx(a_book(), hide), as_of=AS_OF)

    assert book.volunteers == ()
    assert "隐藏" in str(report(book, "志愿者").reason)


def test_a_sheet_without_a_needed_column_says_which_and_rejects_its_rows() -> None:
    book = read(renamed(a_book(), "志愿者", "手机号", "微信"))

    entry = report(book, "志愿者")
    assert (entry.verdict, entry.column) == ("rejected", "手机号")
    assert "缺少“手机号”列" in str(entry.reason)
    assert len(book.children) == 1


def test_a_known_sheet_without_any_header_says_what_to_write() -> None:
    sheets = a_book()
    sheets["志愿者"] = sheets["志愿者"][1:]

    entry = report(read(sheets), "志愿者", 1)

    assert entry.verdict == "rejected"
    assert "没有找到表头" in str(entry.reason)


def test_a_column_that_nobody_knows_is_named_and_left_out() -> None:
    sheets = a_book()
    sheets["志愿者"][0].append("身份证号")
    sheets["志愿者"][1].append("110101199003071234")

    book = read(sheets)

    header = report(book, "志愿者", 1)
    assert (header.verdict, header.also[0].column) == (Verdict.IGNORED, "身份证号")
    assert "110101199003071234" not in repr(book)


def test_a_doubled_column_counts_where_only_one_is_filled_or_both_agree() -> None:
    sheets = a_book()
    sheets["志愿者"][0].append("联系电话")
    sheets["志愿者"][1].append("")

    assert len(read(sheets).volunteers) == 1


def test_a_doubled_column_with_two_values_is_refused() -> None:
    sheets = a_book()
    sheets["志愿者"][0].append("联系电话")
    sheets["志愿者"][1].append("19900005555")

    entry = report(read(sheets), "志愿者")

    assert (entry.verdict, entry.column) == ("rejected", "手机号")
    assert "两列" in str(entry.reason)


def test_contradicting_coordinate_systems_are_refused() -> None:
    sheets = renamed(renamed(a_book(), "儿童", "纬度", "纬度(WGS-84)"), "儿童", "经度", "经度(GCJ-02)")

    assert "坐标系不一样" in str(report(read(sheets), "儿童").reason)


def test_seats_without_the_drivers_are_counted_with_it() -> None:
    book = read(
        renamed(a_book(志愿者={"座位数(含司机)": 4}), "志愿者", "座位数(含司机)", "座位数（不含司机）")
    )

    assert book.volunteers[0].seats == 4


def test_headers_with_line_breaks_stars_and_hints_are_known() -> None:
    sheets = renamed(a_book(), "志愿者", "手机号", "*手机\n号码（必填）：")

    assert len(read(sheets).volunteers) == 1


def test_an_empty_workbook_says_nothing_and_breaks_nothing() -> None:
    book = read({"Sheet1": []})

    assert book.reports == ()
    assert book.volunteers == ()
