"""Files that are too large, too clever, broken, or no workbook at all: one sentence, and nothing is opened."""

import io
import random
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from escort.roster_book.book import BookRefused
from escort.roster_book.opening import Limits, open_book
from escort.roster_book.reader import read_book
from tests.escort.roster_book.books import (
    AS_OF,
    REAL_BOOK,
    RIGHT,
    a_book,
    a_zip,
    as_ods,
    as_xls,
    as_xlsx,
    read,
    report,
    unzipped,
)

ROSTER_CSV = "姓名,手机号\n王师傅,19900001111\n"


@pytest.mark.parametrize("write", [as_xlsx, as_ods, as_xls], ids=["xlsx", "ods", "xls"])
def test_a_book_is_read_in_each_format_whatever_its_name(write, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "名册.bin"
    path.write_bytes(write(RIGHT))

    book = read_book(path, as_of=AS_OF)

    assert [entry.reason for entry in book.reports if entry.verdict in ("warning", "rejected")] == []
    assert (book.volunteers[0].name, book.children[0].name) == ("王师傅", "小雨")
    assert len(book.schools) == len(book.places) == len(book.calendar) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "不是 Excel"),
        (ROSTER_CSV.encode("gbk"), "CSV"),
        (ROSTER_CSV.encode("utf-8-sig"), "CSV"),
        (ROSTER_CSV.encode("utf-16"), "CSV"),
        (b"%PDF-1.7", "不是 Excel"),
        (b"<html><table></table></html>", "网页"),
        (b"PK\x03\x04 and then nothing", "损坏"),
        (as_xlsx(RIGHT)[:2000], "损坏"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "损坏"),
        (a_zip({"word/document.xml": b"<w/>"}), "不是 Excel"),
        (a_zip({"xl/workbook.bin": b"x"}), ".xlsb"),
    ],
)
def test_what_is_no_workbook_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(BookRefused, match=words) as refusal:
        read_book(content, as_of=AS_OF)

    assert refusal.value.status == 400
    assert str(refusal.value).endswith("。")


def test_a_missing_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BookRefused, match="打不开"):
        read_book(tmp_path / "no.xlsx", as_of=AS_OF)


def test_a_file_beyond_the_limit_is_not_even_read_whole() -> None:
    with pytest.raises(BookRefused, match="MB"):
        read_book(REAL_BOOK, as_of=AS_OF, limits=Limits(file_bytes=100_000))


def with_part(name: str, part: bytes, content: bytes | None = None) -> bytes:
    return a_zip({**unzipped(content or as_xlsx(RIGHT)), name: part})


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("xl/vbaProject.bin", b"x"),
        ("xl/macrosheets/sheet1.xml", b"<x/>"),
        (
            "[Content_Types].xml",
            b'<Types><Override ContentType="application/vnd.ms-excel.sheet.macroEnabled.main+xml"/></Types>',
        ),
    ],
)
def test_a_macro_file_is_refused_though_its_name_says_xlsx(name: str, part: bytes) -> None:
    with pytest.raises(BookRefused, match="宏"):
        open_book(with_part(name, part), Limits())


def test_macros_are_refused_in_ods_and_xls_too() -> None:
    with pytest.raises(BookRefused, match="宏"):
        open_book(with_part("Basic/Standard/Module1.xml", b"<x/>", as_ods(RIGHT)), Limits())
    with pytest.raises(BookRefused, match="宏"):
        open_book(as_xls(RIGHT) + "_VBA_PROJECT_CUR".encode("utf-16-le"), Limits())


def test_a_password_is_named() -> None:
    with pytest.raises(BookRefused, match="密码"):
        open_book(as_xls(RIGHT) + "EncryptedPackage".encode("utf-16-le"), Limits())


def test_document_types_and_entities_are_refused() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'

    with pytest.raises(BookRefused, match="外部引用"):
        open_book(with_part("xl/sharedStrings.xml", bomb), Limits())
    with pytest.raises(BookRefused, match="损坏"):
        open_book(with_part("xl/sharedStrings.xml", bomb.decode().encode("utf-16")), Limits())


def test_a_zip_bomb_is_refused_by_what_comes_out_of_it() -> None:
    with pytest.raises(BookRefused, match="太大"):
        open_book(with_part("xl/bomb.xml", b" " * 50_000_000), Limits())
    with pytest.raises(BookRefused, match="太大"):
        open_book(as_xlsx(RIGHT), replace(Limits(), unpacked_bytes=5_000))


def test_a_part_larger_than_its_header_says_is_refused() -> None:
    content = bytearray(with_part("xl/bomb.xml", b" " * 900_000))
    at = content.rfind(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", 10)

    with pytest.raises(BookRefused, match="损坏"):
        open_book(bytes(content), Limits())


def test_a_part_that_stands_twice_is_refused() -> None:
    file = io.BytesIO(as_xlsx(RIGHT))
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("xl/workbook.xml", b"<x/>")

    with pytest.raises(BookRefused, match="损坏"):
        open_book(file.getvalue(), Limits())


def far_cell(workbook: openpyxl.Workbook) -> None:
    workbook["儿童"]["XFD1048576"] = "x"


def test_one_cell_in_the_last_corner_does_not_make_a_dense_grid() -> None:
    with pytest.raises(BookRefused, match="20000 行或 200 列"):
        open_book(as_xlsx(RIGHT, far_cell), Limits())


def test_a_million_repeated_rows_with_content_are_refused_in_ods() -> None:
    content = as_ods(RIGHT)
    parts = unzipped(content)
    parts["content.xml"] = parts["content.xml"].replace(
        b'<table:table-cell table:number-columns-repeated="1024"/>',
        b'<table:table-cell office:value-type="float" office:value="1"/>',
        1,
    )

    with pytest.raises(BookRefused, match="行"):
        open_book(a_zip(parts), Limits())


def test_too_many_rows_are_refused() -> None:
    sheets = {"志愿者": RIGHT["志愿者"] + [RIGHT["志愿者"][1]] * 50}

    for content in (as_xlsx(sheets), as_ods(sheets), as_xls(sheets)):
        with pytest.raises(BookRefused, match="40 行"):
            open_book(content, replace(Limits(), rows=40))


def test_too_many_sheets_are_refused() -> None:
    with pytest.raises(BookRefused, match="工作表超过 5 个"):
        open_book(as_xlsx(RIGHT), replace(Limits(), sheets=5))


def test_a_formula_is_never_evaluated_only_its_saved_value_is_read() -> None:
    def with_formulas(workbook: openpyxl.Workbook) -> None:
        sheet = workbook["志愿者"]
        sheet["A2"] = '=HYPERLINK("http://evil.example","王师傅")'
        sheet["C2"] = '=CONCATENATE("199","00001111")'

    book = read_book(as_xlsx(RIGHT, with_formulas), as_of=AS_OF)

    assert report(book, "志愿者").verdict == "rejected"  # openpyxl saves no values: both cells are blank
    assert book.volunteers == ()


def test_serial_dates_follow_the_files_own_epoch() -> None:
    def as_old_mac(workbook: openpyxl.Workbook) -> None:
        workbook.epoch = CALENDAR_MAC_1904
        workbook["儿童"]["C2"] = 39599  # 2012-06-01 counted from 1904, without a date's format

    book = read_book(as_xlsx(RIGHT, as_old_mac), as_of=AS_OF)

    assert book.children[0].born_on == RIGHT["儿童"][1][2]
    assert read(a_book(儿童={"出生日期": 41061})).children[0].born_on == RIGHT["儿童"][1][2]


def test_merged_cells_hold_for_every_row_that_they_span() -> None:
    def with_merged_guardian(workbook: openpyxl.Workbook) -> None:
        sheet = workbook["儿童"]
        second = ["小云", *RIGHT["儿童"][1][1:]]
        sheet.append(second)
        for column in ("J", "K", "L"):  # 监护人, 与儿童关系, 监护人电话
            sheet.merge_cells(f"{column}2:{column}3")

    book = read_book(as_xlsx(RIGHT, with_merged_guardian), as_of=AS_OF)

    assert [child.guardian_phone for child in book.children] == ["+8619900002222"] * 2


def test_merged_cells_hold_in_ods_too() -> None:
    sheets = a_book()
    sheets["儿童"].append(["小云", *sheets["儿童"][1][1:]])
    parts = unzipped(as_ods(sheets))
    phone = b'<table:table-cell office:value-type="string"><text:p>19900002222</text:p></table:table-cell>'
    merged = phone.replace(b"<table:table-cell", b'<table:table-cell table:number-rows-spanned="2"')
    before, _, after = parts["content.xml"].partition(phone)
    parts["content.xml"] = before + merged + after.replace(phone, b"<table:covered-table-cell/>", 1)

    book = read_book(a_zip(parts), as_of=AS_OF)

    assert [child.guardian_phone for child in book.children] == ["+8619900002222"] * 2


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_file_is_read_or_refused_and_never_takes_the_server_along(seed: int) -> None:
    """Old .xls files that were damaged made calamine abort its process; ours must not be that process."""
    chance = random.Random(seed)
    for content in (as_xls(RIGHT), as_xlsx(RIGHT), as_ods(RIGHT)):
        damaged = bytearray(content)
        for _ in range(chance.choice([1, 5, 20])):
            damaged[chance.randrange(8, len(damaged))] = chance.randrange(256)
        assert is_read_or_refused(bytes(damaged))


def is_read_or_refused(content: bytes) -> bool:
    try:
        return bool(read_book(content, as_of=AS_OF).reports)
    except BookRefused as refusal:
        return refusal.sentence.endswith("。")
