"""From grids to tables: which sheet is what, where its header stands, which rows are data."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from escort.geocoding import CoordinateSystem
from escort.roster_book.book import Finding, SheetKind, Verdict
from escort.roster_book.headers import COLUMNS, Header, read_header, sheet_kind_by_name
from escort.roster_book.opening import RawSheet
from escort.roster_book.values import Cell, half_width, read_text
from escort.sentences import Sentence, mark

HEADER_WITHIN = 30  # rows
HEADER = "表头行"  # the finding of the row that was read as the header


@dataclass(frozen=True, slots=True)
class DataRow:
    """One row of a table: `row` counts as Excel does; cells by our column names."""

    sheet: str
    row: int
    cells: dict[str, Cell]
    doubled: tuple[str, ...]  # columns that stand twice in the header and differ in this row


@dataclass(frozen=True, slots=True)
class Table:
    kind: SheetKind
    sheet: str
    header: Header
    rows: tuple[DataRow, ...]


@dataclass(frozen=True, slots=True)
class Sorted:
    """Tables to be judged, and what is to be said of every other row of the file."""

    tables: tuple[Table, ...]
    findings: tuple[Finding, ...]
    order: dict[str, int]  # sheet -> position in the file


def sort_sheets(sheets: tuple[RawSheet, ...]) -> Sorted:
    """Return the tables of a book. A sheet is known by its name, else by its headers."""
    tables: list[Table] = []
    findings: list[Finding] = []
    for sheet in sheets:
        if sheet.is_hidden:
            findings += _ignore_all(sheet, mark("隐藏的工作表，没有导入。需要导入请先取消隐藏。"))
            continue
        found = _find_header(sheet)
        if found is None:
            known = sheet_kind_by_name(sheet.name) is not None
            findings += (
                _reject_all(sheet) if known else _ignore_all(sheet, mark("不认识这张工作表，没有导入。"))
            )
            continue
        kind, header = found
        missing = header.missing(kind)
        if missing or header.system is None:
            findings += _refuse_table(sheet, header, missing)
            continue
        rows, others = _data_rows(sheet, kind, header)
        findings += others
        tables.append(Table(kind, sheet.name, header, rows))
    return Sorted(tuple(tables), tuple(findings), {sheet.name: at for at, sheet in enumerate(sheets)})


def _find_header(sheet: RawSheet) -> tuple[SheetKind, Header] | None:
    named = sheet_kind_by_name(sheet.name)
    best: tuple[int, SheetKind, Header] | None = None
    for kind in [named] if named else list(SheetKind):
        for row, cells in enumerate(sheet.grid[:HEADER_WITHIN]):
            header = read_header(kind, row, cells)
            if not named and header.missing(kind):
                continue
            score = len(header.places)
            if score >= 2 and (best is None or score > best[0]):
                best = (score, kind, header)
    return (best[1], best[2]) if best else None


def _data_rows(sheet: RawSheet, kind: SheetKind, header: Header) -> tuple[tuple[DataRow, ...], list[Finding]]:
    rows: list[DataRow] = []
    findings = [_above_header(sheet, row) for row in range(header.row)]
    findings += _header_findings(sheet, header, kind)
    for at in range(header.row + 1, len(sheet.grid)):
        cells = sheet.grid[at]
        why = _why_ignored(kind, header, cells)
        if why is not None:
            findings.append(Finding(sheet.name, at + 1, Verdict.IGNORED, None, why))
            continue
        values, doubled = _by_name(header, cells)
        rows.append(DataRow(sheet.name, at + 1, values, doubled))
    return tuple(rows), findings


def _above_header(sheet: RawSheet, row: int) -> Finding:
    blank = not any(read_text(cell) for cell in sheet.grid[row])
    return Finding(sheet.name, row + 1, Verdict.IGNORED, None, "空行" if blank else "标题行")


def _header_findings(sheet: RawSheet, header: Header, kind: SheetKind) -> Iterator[Finding]:
    row = header.row + 1
    yield Finding(sheet.name, row, Verdict.IGNORED, None, HEADER)
    for title in header.unknown:
        yield Finding(
            sheet.name,
            row,
            Verdict.IGNORED,
            title,
            Sentence("不认识“%(title)s”这一列，没有导入。", title=title[:20]),
        )
    for name, columns in header.places.items():
        if len(columns) > 1:
            title = header.title(kind, name)
            yield Finding(
                sheet.name,
                row,
                Verdict.IGNORED,
                title,
                Sentence("“%(title)s”出现了 %(n)s 列，取有内容的一列。", title=title, n=len(columns)),
            )
    if "lat" in header.places:
        system = header.system or CoordinateSystem.WGS84
        said = mark("按表头") if header.states_system else mark("表头没有注明坐标系，")
        yield Finding(
            sheet.name,
            row,
            Verdict.IGNORED,
            header.title(kind, "lat"),
            Sentence("%(said)s按 %(system)s 读取经纬度。", said=Sentence(said), system=system),
        )


def _why_ignored(kind: SheetKind, header: Header, cells: list[Cell]) -> str | None:
    texts = [read_text(cell) for cell in cells]
    filled = [half_width(text) for text in texts if text]
    if not filled:
        return "空行"
    if any(_TOTAL.fullmatch(text) for text in filled) and not _names_somebody(kind, header, texts):
        return "合计行"
    if len(filled) == 1 and _FOOTER.match(filled[0]):
        return "说明行"
    if all(read_text(cells[header.places[name][0]]) == title for name, title in header.titles.items()):
        return "重复的表头行"
    return None


_TOTAL = re.compile(r"(合计|总计|小计|共计|总数|总人数|人数合计|汇总|累计)[:]?.{0,12}|共\d+(人|名|行|条|个)")
_FOOTER = re.compile(r"(注|备注|说明|填表|制表|审核|单位|联系人|日期|第\s*\d+\s*页|以下空白|\*|※)")
_PERSONAL = ("phone", "guardian_phone", "born_on", "leader_phone")


def _names_somebody(kind: SheetKind, header: Header, texts: list[str]) -> bool:
    """A total's row carries no phone or birth date, whatever else it says."""
    if kind not in (SheetKind.VOLUNTEERS, SheetKind.CHILDREN, SheetKind.TEAMS):
        return any(texts[column] for name in ("lat", "starts_on") for column in header.places.get(name, ()))
    personal = (texts[column] for name in _PERSONAL for column in header.places.get(name, ()))
    return any(sum(letter.isdigit() for letter in text) > 5 for text in personal)


def _by_name(header: Header, cells: list[Cell]) -> tuple[dict[str, Cell], tuple[str, ...]]:
    values: dict[str, Cell] = {}
    doubled: list[str] = []
    for name, columns in header.places.items():
        filled = [cells[column] for column in columns if column < len(cells) and read_text(cells[column])]
        values[name] = filled[0] if filled else ""
        if len({read_text(cell) for cell in filled}) > 1:
            doubled.append(name)
    return values, tuple(doubled)


def _ignore_all(sheet: RawSheet, reason: str) -> Iterator[Finding]:
    for at in range(len(sheet.grid)):
        yield Finding(sheet.name, at + 1, Verdict.IGNORED, None, reason)


def _reject_all(sheet: RawSheet) -> Iterator[Finding]:
    kind = sheet_kind_by_name(sheet.name) or SheetKind.CHILDREN
    expected = "、".join(
        titles[0] for name, titles in COLUMNS[kind].items() if name not in ("number", "diagnosis")
    )
    reason = Sentence("没有找到表头，整张表没有导入。请在表头行写上：%(expected)s。", expected=expected)
    yield from _reject_filled(sheet, 0, None, reason)


def _refuse_table(sheet: RawSheet, header: Header, missing: tuple[str, ...]) -> Iterator[Finding]:
    if missing:
        column: str | None = missing[0]
        reason: str = Sentence(
            "缺少%(titles)s列，整张表没有导入。请补上后重新导入。",
            titles="、".join(f"“{title}”" for title in missing),
        )
    else:
        column = header.titles.get("lat")
        reason = mark("纬度和经度两列写的坐标系不一样，整张表没有导入。请改成同一个坐标系。")
    yield from _reject_filled(sheet, header.row, column, reason)


def _reject_filled(sheet: RawSheet, first: int, column: str | None, reason: str) -> Iterator[Finding]:
    for at, cells in enumerate(sheet.grid):
        if at < first or not any(read_text(cell) for cell in cells):
            yield Finding(sheet.name, at + 1, Verdict.IGNORED, None, "标题行" if at < first else "空行")
        else:
            yield Finding(sheet.name, at + 1, Verdict.REJECTED, column, reason)
