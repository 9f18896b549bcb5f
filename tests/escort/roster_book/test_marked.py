"""The uploaded book handed back: what was in it, and a last column that says what is wrong with each row."""

import io
from datetime import date
from typing import Any

import openpyxl
import pytest

from escort.roster_book.book import Verdict
from escort.roster_book.marked import marked_sheets
from escort.roster_book.opening import Limits, open_book
from escort.roster_book.reader import judge_sheets, read_book
from escort.spreadsheet import workbook
from tests.escort.roster_book.books import AS_OF, REAL_BOOK, Sheets, a_book, as_ods, as_xls, as_xlsx, with_row


def handed_back(content: bytes) -> bytes:
    raw = open_book(content, Limits())
    return workbook(
        marked_sheets(raw, judge_sheets(raw, as_of=AS_OF)), footer="林老师", from_1904=raw.from_1904
    )


def opened(content: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(content))


def values(content: bytes) -> dict[str, list[list[Any]]]:
    return {sheet.name: [list(row) for row in sheet.grid] for sheet in open_book(content, Limits()).sheets}


def flawed() -> Sheets:
    sheets = with_row(a_book(), "志愿者", 姓名="缺号码", 手机号="")
    return with_row(sheets, "志愿者", 姓名="陈姐", 手机号="19900004444", 无犯罪记录查询日期="")


def test_each_row_says_in_its_last_column_what_is_wrong_with_it() -> None:
    sheet = opened(handed_back(as_xlsx(flawed())))["志愿者"]

    last = sheet.max_column
    said = [sheet.cell(row, last).value for row in range(1, 5)]
    assert said[0] == "问题"
    assert said[1] is None, "nothing is wrong with 王师傅"
    assert str(said[2]).startswith("不能用：【手机号】手机号没填，请填 11 位手机号。")
    assert str(said[3]).startswith("能用，但要看一眼：【无犯罪记录查询日期】")


def test_a_row_that_cannot_be_used_is_coloured_and_says_so_in_words() -> None:
    sheet = opened(handed_back(as_xlsx(flawed())))["志愿者"]

    fills = [sheet.cell(row, 1).fill.fgColor.rgb for row in (2, 3, 4)]

    assert fills == ["00000000", "FFF8D7D3", "FFFBEBC8"]
    assert "不能用" in str(sheet.cell(3, sheet.max_column).value)


@pytest.mark.parametrize("write", [as_xlsx, as_ods, as_xls])
def test_every_cell_comes_back_as_it_was(write: Any) -> None:
    content = write(flawed())
    before = values(content)

    after = values(handed_back(content))

    assert after.keys() == before.keys()
    for name, rows in before.items():
        for old, new in zip(rows, after[name], strict=True):
            assert new[: len(old)] == old, name


def test_the_whole_districts_book_is_judged_the_same_when_it_comes_in_again() -> None:
    again = read_book(handed_back(REAL_BOOK.read_bytes()), as_of=AS_OF)

    first = read_book(REAL_BOOK, as_of=AS_OF)
    assert again.reports == first.reports
    assert again.volunteers == first.volunteers
    assert again.children == first.children


def test_every_row_of_the_districts_book_that_is_not_accepted_has_its_sentence() -> None:
    book = read_book(REAL_BOOK, as_of=AS_OF)
    sheets = opened(handed_back(REAL_BOOK.read_bytes()))

    for report in book.reports:
        sheet = sheets[report.sheet]
        said = str(sheet.cell(report.row, sheet.max_column).value or "")
        if report.verdict in (Verdict.REJECTED, Verdict.WARNING):
            assert str(report.reason) in said
        else:
            assert said in ("", "问题")


def test_the_column_of_an_earlier_round_gives_way() -> None:
    once = handed_back(as_xlsx(flawed()))

    twice = handed_back(once)

    assert values(twice) == values(once)
    titles = [cell.value for cell in opened(twice)["志愿者"][1]]
    assert titles.count("问题") == 1


def test_a_sheet_that_could_not_be_read_at_all_says_so_on_every_row() -> None:
    sheets = a_book()
    sheets["志愿者"] = [["甲", "乙"], ["王师傅", date(2021, 4, 6)]]

    sheet = opened(handed_back(as_xlsx(sheets)))["志愿者"]

    assert "没有找到表头" in str(sheet.cell(2, 3).value)


def test_a_formula_in_the_offices_book_does_not_come_back_as_one() -> None:
    content = handed_back(as_xlsx(a_book(志愿者={"备注": "=HYPERLINK(1)"})))

    sheet = opened(content)["志愿者"]

    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
