"""The week's sheets for families' doors, as values for `fridge.typ`. The words are those of the page."""

from collections.abc import Sequence
from datetime import time
from typing import Any

from escort.journeys.fridge import FridgeHalf, FridgeSheet
from escort.sentences import mark
from escort.web.paper.words import Words


def values(sheets: Sequence[FridgeSheet], words: Words, *, duty_phone: str) -> dict[str, Any]:
    """Return one page a sheet."""
    return {
        "title": words(mark("这周谁来接")),
        "lang": words.language[:2],
        "sheets": [of_sheet(sheet, words, duty_phone) for sheet in sheets],
    }


def of_sheet(sheet: FridgeSheet, words: Words, duty_phone: str) -> dict[str, Any]:
    times = words.times
    morning, home = sheet.usual_to_school, sheet.usual_home
    if sheet.is_rung:
        rule = mark("有变会打电话，以电话为准。没接到电话，来的不是纸上的人、车牌尾号不对、暗号对不上：")
    else:
        rule = mark("有变会发短信，以短信为准。没收到短信，来的不是纸上的人、车牌尾号不对、暗号对不上：")
    return {
        "heading": words(mark("%(child)s · 谁来接"), child=sheet.child),
        "printed": words(
            mark("%(day)s %(time)s 印"), day=times.day(sheet.printed_at), time=times.clock(sheet.printed_at)
        ),
        "span": words.span(sheet.days[0].on, sheet.days[-1].on) if sheet.days else times.day(sheet.monday),
        "columns": [
            words(mark("日子")),
            _spoken(morning, words) if morning else words(mark("去学校")),
            f"{_spoken(home, words)} {words(mark('到家'))}" if home else words(mark("回家")),
        ],
        "days": [
            {
                "weekday": times.weekday(day.on),
                "day": times.day(day.on),
                "to_school": _half(day.to_school, sheet, words, to_school=True),
                "home": _half(day.home, sheet, words, to_school=False),
            }
            for day in sheet.days
        ],
        "none": words(mark("这一周没有接送。")),
        "rule": words(rule),
        "never": words(mark("不上车。")),
        "word": words(mark("暗号前一天告诉您。")),
        "duty": words(mark("值班电话")),
        "phone": duty_phone,
        "when": words(mark("不用接、不是这个人、没有人来，都打这个。")),
    }


def _half(half: FridgeHalf | None, sheet: FridgeSheet, words: Words, *, to_school: bool) -> dict[str, Any]:
    if half is None:
        return {"time": "", "what": words(mark("没有")), "more": "", "big": False}
    if half.is_off:
        what = words(mark("不用接")) if to_school else words(mark("不用送"))
        return {"time": "", "what": what, "more": "", "big": False}
    at = ""
    if (sheet.usual_to_school if to_school else sheet.usual_home) is None:
        at = _spoken(half.at, words) + ("" if to_school else f" {words(mark('到家'))}")
    if not half.surname:
        later = mark("前一天打电话告诉您") if sheet.is_rung else mark("前一天发短信告诉您")
        return {"time": at, "what": words(mark("待定")), "more": words(later), "big": False}
    tail = words(mark("尾号 %(tail)s"), tail=half.plate_tail) if half.plate_tail else ""
    return {
        "time": at,
        "what": words(mark("%(surname)s师傅"), surname=half.surname),
        "more": tail,
        "big": True,
    }


def _spoken(at: time, words: Words) -> str:
    """Return 15:40 as 下午 3:40."""
    part = next(word for until, word in PARTS if at.hour < until)
    return f"{words(part)} {at.hour if at.hour <= 12 else at.hour - 12}:{at.minute:02d}"


PARTS = ((9, mark("早上")), (12, mark("上午")), (13, mark("中午")), (18, mark("下午")), (24, mark("晚上")))
