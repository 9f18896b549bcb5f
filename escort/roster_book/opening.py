"""From a file to plain grids of cells, and no further than is safe.

What a file claims is measured before the reader (calamine) sees it: size, real unpacked size, how far its
cells reach (one cell in the last corner would make a dense grid of 17 thousand million). Macros and
document types are refused; formulas are never evaluated, only the value that Excel saved with them is read.
"""

import io
import json
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from escort.roster_book.book import BookRefused
from escort.roster_book.values import Cell
from escort.sentences import Sentence, mark
from escort.spreadsheet import as_written

Grid = list[list[Cell]]


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a book may be. A whole district's book is 0.2 MB, 1.5 MB unpacked, 1,500 rows."""

    file_bytes: int = 10_000_000
    unpacked_bytes: int = 100_000_000
    unpacked_ratio: int = 200  # of any part above a megabyte
    parts: int = 1_000
    sheets: int = 50
    rows: int = 20_000  # in one sheet
    columns: int = 200
    cells: int = 2_000_000  # in all sheets together
    seconds: int = 60  # for reading it


@dataclass(frozen=True, slots=True)
class RawSheet:
    """One sheet as a grid from A1. Cells of a merged block that spans rows carry its value in each row."""

    name: str
    grid: Grid
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class RawBook:
    sheets: tuple[RawSheet, ...]
    from_1904: bool  # serial dates count from 1904, as old Macs did


def open_book(path_or_bytes: str | Path | bytes, limits: Limits) -> RawBook:
    """Return the sheets of an .xlsx, .xls or .ods file, whatever its name says. Raises BookRefused."""
    content = _content(path_or_bytes, limits)
    if content[:4] == b"PK\x03\x04":
        facts = _measure_zip(content, limits)
    elif content[:8] == _OLE:
        facts = _measure_ole(content, limits)
    else:
        raise BookRefused(
            "这不是 Excel 工作簿（.xlsx、.xls 或 .ods）。如果是 CSV 或网页另存的表格，请用 Excel 打开后另存为 .xlsx 再导入。"
        )
    return RawBook(tuple(_read_sheets(content, limits, facts)), facts.from_1904)


_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_CORRUPT = mark("文件已损坏或不完整，请用 Excel 打开后另存为 .xlsx 再导入。")
_MACROS = mark("文件里有宏。请另存为不含宏的 .xlsx 再导入。")
_PASSWORD = mark("文件有打开密码。请先取消密码，另存后再导入。")
_TOO_BIG = mark("文件解开后太大，不像花名册。请只保留名册各表，另存为 .xlsx 再导入。")
_TOO_MANY_SHEETS = mark("工作表超过 %(sheets)s 个，不像花名册。请只保留名册各表再导入。")
_TOO_FAR = mark("表格超过 %(rows)s 行或 %(columns)s 列。请删掉名册以外的内容（包括很远处的空格子）再导入。")


@dataclass(slots=True)
class _Facts:
    from_1904: bool = False
    ods_merges: dict[str, list[tuple[int, int, int]]] | None = None  # sheet -> (row, column, rows spanned)


def _content(path_or_bytes: str | Path | bytes, limits: Limits) -> bytes:
    if isinstance(path_or_bytes, bytes):
        content = path_or_bytes
    else:
        try:
            with Path(path_or_bytes).open("rb") as file:
                content = file.read(limits.file_bytes + 1)
        except OSError as error:
            raise BookRefused("打不开这个文件，请检查文件是否存在、是否有权读取。") from error
    if len(content) > limits.file_bytes:
        raise BookRefused(
            Sentence(
                "文件超过 %(n)s MB，不像花名册。请只保留名册各表再导入。", n=limits.file_bytes // 1_000_000
            )
        )
    return content


def _measure_zip(content: bytes, limits: Limits) -> _Facts:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise BookRefused(_CORRUPT) from error
    names = {entry.filename for entry in entries}
    if len(entries) > limits.parts or len(names) < len(entries):
        raise BookRefused(_CORRUPT)
    _refuse_other_kinds(names)
    facts = _Facts()
    total = 0
    for entry in entries:
        part = _unpack(content, entry, limits, limits.unpacked_bytes - total)
        total += len(part)
        if entry.filename.endswith((".xml", ".rels", ".vml")):
            _refuse_dangerous_xml(part)
        _note_facts(entry.filename, part, facts, limits)
    return facts


def _refuse_other_kinds(names: set[str]) -> None:
    lowered = {name.lower() for name in names}
    if any(name.endswith(("vbaproject.bin", "xl4.xml")) or "macrosheets/" in name for name in lowered):
        raise BookRefused(_MACROS)
    if any(re.match(r"(basic|scripts)/.+\.(xml|xlb|py|js|bsh)$", name) for name in lowered):
        raise BookRefused(_MACROS)
    if "xl/workbook.bin" in lowered:
        raise BookRefused("这是二进制工作簿（.xlsb）。请另存为 .xlsx 再导入。")
    if not ("xl/workbook.xml" in lowered or {"mimetype", "content.xml"} <= lowered):
        raise BookRefused("这个文件不是 Excel 工作簿。请用 Excel 或 WPS 另存为 .xlsx 再导入。")


def _unpack(content: bytes, entry: zipfile.ZipInfo, limits: Limits, room: int) -> bytes:
    """Return a part's real content: what a header claims is checked against what comes out."""
    if entry.flag_bits & 1:
        raise BookRefused(_PASSWORD)
    start = entry.header_offset
    if content[start : start + 4] != b"PK\x03\x04":
        raise BookRefused(_CORRUPT)
    name_length, extra_length = struct.unpack_from("<HH", content, start + 26)
    begin = start + 30 + name_length + extra_length
    packed = content[begin : begin + entry.compress_size]
    if entry.compress_type == zipfile.ZIP_STORED:
        data = packed
    elif entry.compress_type == zipfile.ZIP_DEFLATED:
        try:
            data = zlib.decompressobj(-15).decompress(packed, max(1, min(room, _allowed(packed, limits)) + 1))
        except zlib.error as error:
            raise BookRefused(_CORRUPT) from error
    else:
        raise BookRefused(_CORRUPT)
    if len(data) > min(room, _allowed(packed, limits)):
        raise BookRefused(_TOO_BIG)
    if len(data) != entry.file_size:
        raise BookRefused(_CORRUPT)
    return data


def _allowed(packed: bytes, limits: Limits) -> int:
    return max(1_000_000, len(packed) * limits.unpacked_ratio)


def _refuse_dangerous_xml(part: bytes) -> None:
    head = part[:200]
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in head:
        raise BookRefused(_CORRUPT)  # UTF-16 could hide what is searched for below; Excel writes UTF-8
    if b"<!DOCTYPE" in part or b"<!ENTITY" in part:
        raise BookRefused("文件里有不该出现的外部引用。请用 Excel 打开后另存为 .xlsx 再导入。")


def _note_facts(name: str, part: bytes, facts: _Facts, limits: Limits) -> None:
    lowered = name.lower()
    if lowered == "[content_types].xml" and b"macroenabled" in part.lower():
        raise BookRefused(_MACROS)
    if lowered == "xl/workbook.xml":
        facts.from_1904 = re.search(rb"date1904=[\"'](?:1|true)[\"']", part) is not None
    elif lowered.startswith("xl/worksheets/") and lowered.endswith(".xml"):
        _refuse_far_cells(part, limits)
    elif lowered == "meta-inf/manifest.xml" and b"encryption-data" in part:
        raise BookRefused(_PASSWORD)
    elif lowered == "content.xml":
        facts.from_1904 = re.search(rb'null-date[^>]*"1904-01-01', part) is not None
        facts.ods_merges = _walk_ods(part, limits)


_XLSX_CELL = re.compile(rb"<(?:\w+:)?(?:c|row)\b[^>]*?\sr=[\"']([A-Z]{0,4})(\d{1,8})[\"']")


def _refuse_far_cells(part: bytes, limits: Limits) -> None:
    columns: set[bytes] = set()
    last_row = 0
    for match in _XLSX_CELL.finditer(part):
        columns.add(match.group(1))
        last_row = max(last_row, int(match.group(2)))
    last_column = max((_column_number(letters) for letters in columns), default=0)
    if last_row > limits.rows or last_column > limits.columns:
        raise BookRefused(Sentence(_TOO_FAR, rows=limits.rows, columns=limits.columns))


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


_ODS_TAG = re.compile(rb"<(/?)table:(table-row|table-cell|covered-table-cell|table)\b([^>]*)>")


def _walk_ods(part: bytes, limits: Limits) -> dict[str, list[tuple[int, int, int]]]:
    """Return merged blocks that span rows. Raises BookRefused where cells with content reach too far.

    calamine reads neither; empty cells "repeated" to the sheet's last row are normal and cost nothing.
    """
    merges: dict[str, list[tuple[int, int, int]]] = {}
    sheet, row, column, repeat = "", 0, 0, 1
    for match in _ODS_TAG.finditer(part):
        closing, tag, attributes = match.groups()
        if tag == b"table" and not closing:
            sheet, row = _ods_name(attributes), 0
        elif tag == b"table-row":
            if closing:
                row += repeat
            else:
                repeat, column = _ods_number(attributes, b"number-rows-repeated"), 0
                row += repeat if attributes.endswith(b"/") else 0
        elif tag in (b"table-cell", b"covered-table-cell") and not closing:
            width = _ods_number(attributes, b"number-columns-repeated")
            if b"value-type=" in attributes:
                if row + repeat > limits.rows or column + width > limits.columns:
                    raise BookRefused(Sentence(_TOO_FAR, rows=limits.rows, columns=limits.columns))
                if (spanned := _ods_number(attributes, b"number-rows-spanned")) > 1:
                    merges.setdefault(sheet, []).append((row, column, spanned))
            column += width
    return merges


def _ods_number(attributes: bytes, name: bytes) -> int:
    match = re.search(name + rb"=[\"'](\d{1,9})[\"']", attributes)
    return int(match.group(1)) if match else 1


def _ods_name(attributes: bytes) -> str:
    match = re.search(rb"table:name=\"([^\"]*)\"", attributes)
    return match.group(1).decode("utf-8", "replace") if match else ""


def _measure_ole(content: bytes, limits: Limits) -> _Facts:
    """Look into an old .xls for what must not be there, and at how far its cells reach."""
    for name in ("_VBA_PROJECT_CUR", "_VBA_PROJECT"):
        if name.encode("utf-16-le") in content:
            raise BookRefused(_MACROS)
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise BookRefused(_PASSWORD)
    facts = _Facts()
    for kind, body in _biff_records(content):
        if kind == _BIFF_DATE_MODE and len(body) >= 2:
            facts.from_1904 = body[0] == 1
        elif kind in _BIFF_CELLS and len(body) >= 4:
            row, column = struct.unpack_from("<HH", body)
            if row >= limits.rows or column >= limits.columns:
                raise BookRefused(Sentence(_TOO_FAR, rows=limits.rows, columns=limits.columns))
        elif kind == _BIFF_PASSWORD:
            raise BookRefused(_PASSWORD)
    return facts


_BIFF_DATE_MODE = 0x0022
_BIFF_PASSWORD = 0x002F
_BIFF_CELLS = {0x0006, 0x00BD, 0x00FD, 0x0203, 0x0204, 0x0205, 0x027E}


def _biff_records(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The records of the workbook stream, as long as it lies in one piece (it does as Excel and WPS save it)."""
    at = content.find(b"\x09\x08\x10\x00\x00\x06\x05\x00")  # BOF of the globals, BIFF8
    while 0 <= at <= len(content) - 4:
        kind, size = struct.unpack_from("<HH", content, at)
        if kind == 0 and size == 0:
            return
        yield kind, content[at + 4 : at + 4 + size]
        at += 4 + size


def _read_sheets(content: bytes, limits: Limits, facts: _Facts) -> Iterator[RawSheet]:
    for sheet in _ask_calamine(content, limits):
        merges = facts.ods_merges
        blocks = sheet["blocks"] if merges is None else merges.get(sheet["name"], [])
        _fill_merged(sheet["grid"], blocks)
        yield RawSheet(sheet["name"], [_as_written(row) for row in sheet["grid"]], sheet["hidden"])


def _as_written(row: list[Cell]) -> list[Cell]:
    return [as_written(cell) if isinstance(cell, str) else cell for cell in row]


def _ask_calamine(content: bytes, limits: Limits) -> list[dict[str, Any]]:
    """Return what calamine reads, in a process of its own: a damaged file can abort it (see calamine_child)."""
    numbers = [str(number) for number in (limits.sheets, limits.rows, limits.columns, limits.cells)]
    command = [sys.executable, "-I", str(Path(__file__).with_name("calamine_child.py")), *numbers]
    try:
        child = subprocess.run(
            command, input=content, capture_output=True, timeout=limits.seconds, check=True
        )
        answer = json.loads(child.stdout, object_hook=_untagged)
    except (subprocess.SubprocessError, ValueError) as error:
        raise BookRefused(_CORRUPT) from error
    if "refused" in answer:
        sentences = {"password": _PASSWORD, "sheets": _TOO_MANY_SHEETS, "far": _TOO_FAR}
        sentence = sentences[answer["refused"]]
        raise BookRefused(Sentence(sentence, rows=limits.rows, columns=limits.columns, sheets=limits.sheets))
    sheets: list[dict[str, Any]] = answer["sheets"]
    return sheets


def _untagged(value: dict[str, Any]) -> Any:
    """Give a date or time of the child's answer its type back."""
    match value:
        case {"datetime": str(text)}:
            return datetime.fromisoformat(text)
        case {"date": str(text)}:
            return date.fromisoformat(text)
        case {"time": str(text)}:
            return time.fromisoformat(text)
        case {"seconds": float(seconds) | int(seconds)}:
            return timedelta(seconds=seconds)
    return value


def _fill_merged(grid: Grid, blocks: list[tuple[int, int, int]]) -> None:
    for top, left, spanned in blocks:
        for row in grid[top + 1 : top + spanned]:
            if left < len(row):
                row[left] = grid[top][left]
