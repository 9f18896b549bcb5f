"""The stacked bar of a day's legs: where each colour begins and how wide it is. Drawn as SVG, without inline styles."""

from dataclasses import dataclass

from escort.journeys.board import DayCount
from escort.journeys.leg_codes import LegCode
from escort.sentences import mark

WIDTH = 1000  # units of the drawing
NARROWEST = 4  # so that one leg among 688 is still seen


@dataclass(frozen=True)
class Part:
    """One colour of the bar, with its word and number in the legend."""

    name: str  # CSS: bar-<name>
    word: str  # 简体; the page hands it to gettext
    number: int
    x: float
    width: float


def parts_of(day: DayCount) -> list[Part]:
    """Return the parts of a day's bar, the finished first, those that want a human last; empty parts are left out."""
    numbers = [(name, word, sum(day.by_code.get(code, 0) for code in codes)) for name, word, codes in PARTS]
    shown = [(name, word, number) for name, word, number in numbers if number]
    total = sum(number for *_, number in shown)
    if total == 0:
        return []
    raw = [max(NARROWEST, WIDTH * number / total) for *_, number in shown]
    scale = WIDTH / sum(raw)
    parts: list[Part] = []
    x = 0.0
    for (name, word, number), width in zip(shown, raw, strict=True):
        parts.append(Part(name, word, number, round(x, 2), round(width * scale, 2)))
        x += width * scale
    return parts


PARTS = (
    ("done", mark("已送达"), (LegCode.DELIVERED,)),
    ("run", mark("路上"), (LegCode.STARTED, LegCode.AT_PICKUP, LegCode.ON_BOARD)),
    ("wait", mark("司机报已送到"), (LegCode.REPORTED,)),
    ("confirmed", mark("已确认，未到点"), (LegCode.CONFIRMED,)),
    ("off", mark("停送、已了结"), (LegCode.NO_RIDE, LegCode.SETTLED)),
    ("draft", mark("草稿，还没公布"), (LegCode.DRAFT,)),
    ("wait", mark("待确认"), (LegCode.ASKED,)),
    ("now", mark("没人"), (LegCode.UNASSIGNED,)),
    ("late", mark("晚点"), (LegCode.LATE,)),
)
