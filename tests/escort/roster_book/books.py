"""Workbooks for tests: a small right one to be bent, and writers for .xlsx, .ods and old .xls."""

import copy
import io
import struct
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import openpyxl

from escort.roster_book.book import RosterBook, RowReport
from escort.roster_book.reader import read_book
from escort.roster_book.verdicts import BookRules

REAL_BOOK = Path(__file__).parents[3] / "escort" / "demo" / "data" / "roster-2021-spring.xlsx"
AS_OF = date(2021, 4, 6)

Sheets = dict[str, list[list[Any]]]

RIGHT: Sheets = {
    "常用地点": [
        ["地点名称", "所在街道", "纬度", "经度"],
        ["竹林村委会门口", "唐昌街道", 30.9221, 103.8412],
    ],
    "学校": [
        ["学校名称", "所在街道", "纬度", "经度", "到校时间", "放学时间", "周五放学时间"],
        ["古镇小学", "唐昌街道", 30.9232, 103.8363, "08:15", "16:20", "15:20"],
    ],
    "志愿队": [
        ["车队名称", "所属街道", "队长", "队长电话"],
        ["唐昌古镇车队", "唐昌街道", "贾浩然", "19900006082"],
    ],
    "志愿者": [
        [
            *["姓名", "性别", "手机号", "所属志愿队", "住址", "纬度", "经度", "车牌号", "车型", "颜色"],
            *["座位数(含司机)", "儿童座椅数", "可载轮椅", "可出车时间", "每周最多次数"],
            *["无犯罪记录查询日期", "驾驶证有效期至", "座位险有效期至", "备注"],
        ],
        [
            *[
                "王师傅",
                "男",
                "19900001111",
                "唐昌古镇车队",
                "唐昌街道1号",
                30.91,
                103.84,
                "川A12345",
                "大众朗逸",
                "白",
            ],
            *[5, 1, "是", "工作日均可", 2],
            *[date(2021, 3, 1), date(2025, 1, 1), date(2021, 12, 31), ""],
        ],
    ],
    "儿童": [
        [
            *[
                "姓名",
                "性别",
                "出生日期",
                "学校",
                "年级",
                "所在街道",
                "住址",
                "纬度",
                "经度",
                "监护人",
                "与儿童关系",
            ],
            *["监护人电话", "上学", "放学", "接送日", "开始日期", "结束日期", "特殊需求", "监护人同意书日期"],
            *["接送地点", "可接回人", "备注"],
        ],
        [
            *["小雨", "女", date(2012, 6, 1), "古镇小学", "三年级", "唐昌街道", "唐昌街道2号", 30.92, 103.83],
            *["杨桂芳", "奶奶", "19900002222", "是", "是", "周一至周五", date(2021, 4, 1), date(2021, 7, 9)],
            *["", date(2021, 3, 20), "家门口", "", ""],
        ],
    ],
    "校历": [
        ["事项", "开始日期", "结束日期", "说明"],
        ["学期", date(2021, 3, 1), date(2021, 7, 9), "2021年春季学期"],
    ],
}


def a_book(**changes: Any) -> Sheets:
    """The right book with cells of the first data row changed: a_book(志愿者={"手机号": ""})."""
    sheets = copy.deepcopy(RIGHT)
    for sheet, cells in changes.items():
        for title, value in cells.items():
            column = sheets[sheet][0].index(title)
            sheets[sheet][1][column] = value
    return sheets


def with_row(sheets: Sheets, sheet: str, **cells: Any) -> Sheets:
    """The same with a further row: a copy of the first data row with these cells changed."""
    row = list(sheets[sheet][1])
    for title, value in cells.items():
        row[sheets[sheet][0].index(title)] = value
    sheets[sheet].append(row)
    return sheets


def read(sheets: Sheets, *, as_of: date = AS_OF, rules: BookRules | None = None) -> RosterBook:
    return read_book(as_xlsx(sheets), as_of=as_of, rules=rules)


def report(book: RosterBook, sheet: str, row: int = 2) -> RowReport:
    return next(entry for entry in book.reports if (entry.sheet, entry.row) == (sheet, row))


def as_xlsx(sheets: Sheets, change: Callable[[openpyxl.Workbook], None] | None = None) -> bytes:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(
                ["'" + cell if isinstance(cell, str) and cell.startswith("=") else cell for cell in row]
            )
    if change is not None:
        change(workbook)
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


def as_ods(sheets: Sheets) -> bytes:
    """An OpenDocument spreadsheet, written by hand as LibreOffice would: typed cells, empty rows to the end."""
    tables = "".join(
        f"<table:table table:name={quoteattr(name)}>"
        + "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>" for row in rows)
        + '<table:table-row table:number-rows-repeated="1048000"><table:table-cell'
        + ' table:number-columns-repeated="1024"/></table:table-row></table:table>'
        for name, rows in sheets.items()
    )
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content'
        ' xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
        ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
        ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.2">'
        f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>"
    )
    manifest = (
        '<?xml version="1.0" encoding="UTF-8"?><manifest:manifest'
        ' xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    )
    return a_zip(
        {
            "mimetype": b"application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": manifest.encode(),
            "content.xml": content.encode(),
        }
    )


def _ods_cell(cell: Any) -> str:
    if cell is None or cell == "":
        return "<table:table-cell/>"
    if isinstance(cell, bool):
        return f'<table:table-cell office:value-type="boolean" office:boolean-value="{str(cell).lower()}"/>'
    if isinstance(cell, int | float):
        return f'<table:table-cell office:value-type="float" office:value="{cell!r}"/>'
    if isinstance(cell, datetime | date):
        return f'<table:table-cell office:value-type="date" office:date-value="{cell.isoformat()}"/>'
    if isinstance(cell, time):
        return f'<table:table-cell office:value-type="time" office:time-value="PT{cell:%H}H{cell:%M}M{cell:%S}S"/>'
    return f'<table:table-cell office:value-type="string"><text:p>{escape(cell)}</text:p></table:table-cell>'


def a_zip(parts: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return file.getvalue()


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def as_xls(sheets: Sheets) -> bytes:
    """A minimal BIFF8 workbook in an OLE container, as Excel 97-2003 and old WPS save: text and numbers."""
    bound = sum(4 + 8 + len(name.encode("utf-16-le")) for name in sheets)
    head = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 1997, 0, 6))
    at = len(head) + bound + len(_record(0x000A))
    index, bodies = b"", b""
    for name, rows in sheets.items():
        body = _xls_sheet(rows)
        name_bytes = name.encode("utf-16-le")
        index += _record(0x0085, struct.pack("<IBBBB", at, 0, 0, len(name), 1) + name_bytes)
        bodies += body
        at += len(body)
    return _ole(head + index + _record(0x000A) + bodies)


def _record(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def _xls_sheet(rows: list[list[Any]]) -> bytes:
    body = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 1997, 0, 6))
    for at, row in enumerate(rows):
        for column, cell in enumerate(row):
            if isinstance(cell, date):
                cell = cell.isoformat()
            if isinstance(cell, int | float):
                body += _record(0x0203, struct.pack("<HHHd", at, column, 0, cell))
            elif cell:
                text = str(cell).encode("utf-16-le")
                body += _record(0x0204, struct.pack("<HHHHB", at, column, 0, len(text) // 2, 1) + text)
    return body + _record(0x000A)


def _ole(stream: bytes) -> bytes:
    """One stream named Workbook in 512-byte sectors: allocation table, directory, stream."""
    stream = stream.ljust(max(4096, -(-len(stream) // 512) * 512), b"\0")
    sectors = len(stream) // 512
    tables = -(-(sectors + 2) // 127)
    chain = [0xFFFFFFFD] * tables + [0xFFFFFFFE]
    first = tables + 1
    chain += [first + at + 1 for at in range(sectors - 1)] + [0xFFFFFFFE]
    chain += [0xFFFFFFFF] * (tables * 128 - len(chain))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16
    header += struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 6
    header += struct.pack("<IIIIIIIII", 0, tables, tables, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    header += struct.pack("<109I", *range(tables), *[0xFFFFFFFF] * (109 - tables))
    directory = _entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + _entry(
        "Workbook", 2, 0xFFFFFFFF, first, len(stream)
    )
    return header + struct.pack(f"<{len(chain)}I", *chain) + directory.ljust(512, b"\0") + stream


def _entry(name: str, kind: int, child: int, first: int, size: int) -> bytes:
    text = (name + "\0").encode("utf-16-le")
    body = text.ljust(64, b"\0") + struct.pack("<HBBIII", len(text), kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child)
    return body + b"\0" * 36 + struct.pack("<III", first, size, 0)
