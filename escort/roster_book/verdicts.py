"""Judging one row: every finding is kept, the worst one is the row's verdict."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from escort.geocoding import CHINA, PIDU, Box, to_wgs84
from escort.roster_book.book import SEVERITY, Finding, RowReport, Verdict
from escort.roster_book.sheets import DataRow, Table
from escort.roster_book.values import Cell, UnreadableError, half_width, read_degrees, read_text
from escort.sentences import Sentence
from scheduling.travel import Point

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class BookRules:
    """What a district decides, and what its store already knows when a book names it without listing it."""

    bounds: Box = PIDU
    foreign_phones: bool = False
    known_schools: frozenset[str] = frozenset()
    known_teams: frozenset[str] = frozenset()
    known_places: Mapping[str, Point] = field(default_factory=dict)  # by place_key


@dataclass(frozen=True, slots=True)
class Setting:
    """What every row is judged by."""

    as_of: date
    rules: BookRules
    from_1904: bool


class RowJudge:
    """Reads the cells of one row and collects what is to be said of them."""

    def __init__(self, table: Table, row: DataRow, setting: Setting) -> None:
        self.table = table
        self.row = row
        self.setting = setting
        self.findings: list[Finding] = []
        for name in row.doubled:
            self.reject(name, "表里有两列都是这一项，内容不一样，请删去不对的一列。")

    def cell(self, name: str) -> Cell:
        return self.row.cells.get(name, "")

    def text(self, name: str, longest: int = 200) -> str:
        """Return a cell's clean text; what is longer is cut, and that is said."""
        text = read_text(self.cell(name))
        if len(text) <= longest:
            return text
        self.warn(
            name,
            Sentence("内容超过 %(longest)s 个字，只保留了前 %(longest)s 个字，请精简。", longest=longest),
        )
        return text[:longest]

    def label(self, name: str, longest: int = 80) -> str:
        """Return the name of a school, team, street or place in its plain spelling."""
        return half_width(self.text(name, longest)).replace(" ", "")

    def read(self, name: str, reader: Callable[[Cell], Value], *, otherwise: Verdict) -> Value | None:
        """Return the cell as `reader` reads it; None, with a finding of that verdict, where it cannot."""
        try:
            return reader(self.cell(name))
        except UnreadableError as error:
            self._say(otherwise, name, str(error))
            return None

    def reject(self, name: str, reason: str) -> None:
        self._say(Verdict.REJECTED, name, reason)

    def warn(self, name: str, reason: str) -> None:
        self._say(Verdict.WARNING, name, reason)

    def tidied(self, name: str, reason: str) -> None:
        self._say(Verdict.ACCEPTED, name, reason)

    def said(self, name: str) -> bool:
        title = self.title(name)
        return any(f.column == title and f.verdict is not Verdict.ACCEPTED for f in self.findings)

    @property
    def is_rejected(self) -> bool:
        return any(finding.verdict is Verdict.REJECTED for finding in self.findings)

    def title(self, name: str) -> str:
        return self.table.header.title(self.table.kind, name)

    def report(self) -> RowReport:
        return report_row(self.row.sheet, self.row.row, self.findings)

    def point(self, whose: str) -> Point | None:
        """Return the row's coordinates in WGS-84. `whose` is the noun in the sentences, such as 住址."""
        lat = self.read("lat", read_degrees, otherwise=Verdict.WARNING)
        lon = self.read("lon", read_degrees, otherwise=Verdict.WARNING)
        if lat is None or lon is None:
            if (lat is None) != (lon is None) and not (self.said("lat") or self.said("lon")):
                missing = "lat" if lat is None else "lon"
                self.warn(
                    missing, Sentence("%(whose)s的纬度和经度只填了一个，请补全。", whose=Sentence(whose))
                )
            return None
        bounds = self.setting.rules.bounds
        point, swapped = Point(lat, lon), Point(lon, lat)
        if not CHINA.contains(point) and CHINA.contains(swapped):
            self.reject(
                "lat",
                Sentence(
                    "%(whose)s的纬度和经度写反了，请把两列的数对调（本区纬度约 %(south)s 度，经度约 %(west)s 度）。",
                    whose=Sentence(whose),
                    south=f"{bounds.south:.0f}",
                    west=f"{bounds.west:.0f}",
                ),
            )
            return None
        system = self.table.header.system
        if system is not None:
            point = to_wgs84(point, system)
        if not bounds.contains(point):
            self.reject(
                "lat",
                Sentence(
                    "%(whose)s的坐标不在本区范围内（纬度 %(south)s–%(north)s，经度 %(west)s–%(east)s），请核对经纬度。",
                    whose=Sentence(whose),
                    south=f"{bounds.south:.2f}",
                    north=f"{bounds.north:.2f}",
                    west=f"{bounds.west:.2f}",
                    east=f"{bounds.east:.2f}",
                ),
            )
            return None
        return Point(round(point.lat, 6), round(point.lon, 6))

    def _say(self, verdict: Verdict, name: str, reason: str) -> None:
        self.findings.append(Finding(self.row.sheet, self.row.row, verdict, self.title(name), reason))


def report_row(sheet: str, row: int, findings: Iterable[Finding]) -> RowReport:
    """Return a row's report: the worst finding is its verdict, findings of one weight keep their order."""
    ordered = sorted(findings, key=lambda finding: -SEVERITY[finding.verdict])
    if not ordered:
        return RowReport(sheet, row, Verdict.ACCEPTED, None, None)
    worst = ordered[0]
    return RowReport(sheet, row, worst.verdict, worst.column, worst.reason, tuple(ordered[1:]))
