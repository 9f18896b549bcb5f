"""The one vocabulary of states: a code, and the icon, word and colour that every page shows for it.

Messages use the same words. A state is never told by colour alone.
"""

from dataclasses import dataclass
from enum import StrEnum

from escort.sentences import mark


class Colour(StrEnum):
    """What a colour asks of the reader; the CSS class is `status-<value>`."""

    OK = "ok"  # nothing to do
    WAIT = "wait"  # somebody must answer
    NOW = "now"  # a human is needed
    HOLE = "hole"  # a human is needed and nobody has it: drawn dashed
    RUN = "run"  # on the road
    OFF = "off"  # not today


@dataclass(frozen=True)
class Status:
    code: str
    icon: str  # a macro's name in macros/icons.html
    word: str  # 简体; pages hand it to gettext
    colour: Colour


STATUSES: dict[str, Status] = {
    status.code: status
    for status in (
        Status("unassigned", "hole", mark("待派"), Colour.HOLE),
        Status("draft", "pencil", mark("草稿"), Colour.RUN),
        Status("asked", "clock", mark("待确认"), Colour.WAIT),
        Status("confirmed", "check", mark("已确认"), Colour.OK),
        Status("swap", "swap", mark("换班中"), Colour.WAIT),
        Status("declined", "cross", mark("去不了"), Colour.NOW),
        Status("started", "arrow", mark("已出发"), Colour.RUN),
        Status("at_pickup", "pin", mark("已到接处"), Colour.RUN),
        Status("on_board", "car", mark("已接到"), Colour.RUN),
        Status("reported", "clock", mark("司机报已送到"), Colour.WAIT),
        Status("delivered", "checks", mark("已送达"), Colour.OK),
        Status("late", "alert", mark("晚点"), Colour.NOW),
        Status("problem", "shield", mark("有事"), Colour.NOW),
        Status("settled", "check", mark("已了结"), Colour.OFF),
        Status("no_ride", "dash", mark("停送"), Colour.OFF),
        Status("queued", "offline", mark("等补报"), Colour.OFF),
        Status("awaiting_consent", "clock", mark("待同意"), Colour.WAIT),
        Status("changed", "swap", mark("换人了"), Colour.NOW),
        Status("suspended", "dash", mark("已停用"), Colour.OFF),
        Status("fit", "check", mark("可以开"), Colour.OK),
        Status("unfit", "alert", mark("现在不能开"), Colour.NOW),
    )
}


def status(code: str) -> Status:
    """Return the status of this code. Raises KeyError for a code that the table does not know."""
    return STATUSES[code]
