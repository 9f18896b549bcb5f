"""The gate's list, as values for `gate.typ`. The words are those of the page."""

import base64
from typing import Any

from escort.journeys.gate_sheet import Change, GateSheet, SheetChange, SheetRow
from escort.journeys.gate_view import WordReason
from escort.sentences import mark
from escort.web.paper.words import Words
from escort.web.render import plate


def values(sheet: GateSheet, words: Words, *, duty_phone: str) -> dict[str, Any]:
    times, number = words.times, words(mark("第 %(n)s 张"), n=sheet.number)
    under = [
        f"{times.day(sheet.printed_at)} {times.weekday(sheet.printed_at)}",
        words.number(mark("一共 %(num)s 名"), mark("一共 %(num)s 名"), len(sheet.rows)),
    ]
    if sheet.later and sheet.later_opens_at:
        later = mark("另有 %(num)s 名 %(at)s 起才能打印")
        under.append(words.number(later, later, sheet.later, at=times.clock(sheet.later_opens_at)))
    printed = [words(mark("%(at)s 打印"), at=times.clock(sheet.printed_at))]
    if sheet.number == 2:
        printed.append(words(mark("第 1 张作废")))
    elif sheet.number > 2:
        printed.append(words(mark("前 %(n)s 张作废"), n=sheet.number - 1))
    return {
        "title": f"{words(mark('放学名单'))} {number}",
        "lang": words.language[:2],
        "heading": f"{sheet.school} · {words(mark('放学名单'))}",
        "under": " · ".join(under),
        "number": number,
        "page": number,
        "printed": " · ".join(printed),
        "changes": _changes(sheet, words),
        "columns": [words(name) for name in COLUMNS],
        "rows": [_row(row, words) for row in sheet.rows],
        "spare": list(sheet.spare),
        "foot": words(mark("有一样不对，先不放人，打 %(phone)s。"), phone=duty_phone),
        "foot_more": words(
            mark(
                "只有新来的、换人、换车的要对暗号：让司机先说。空行手写临时来的，先打电话问。%(at)s 后作废，交回办公室销毁。"
            ),
            at=times.clock(sheet.void_at),
        ),
    }


def _changes(sheet: GateSheet, words: Words) -> dict[str, Any]:
    if sheet.number == 1:
        return {"heading": "", "list": [""]}
    before = sheet.number - 1
    if not sheet.changes:
        return {"heading": words(mark("和第 %(n)s 张比，没有变。"), n=before), "list": [""]}
    return {
        "heading": words(mark("和第 %(n)s 张比，变了："), n=before),
        "list": [_change(change, words) for change in sheet.changes],
    }


def _change(change: SheetChange, words: Words) -> str:
    said = [
        words(CHANGE_WORDS[what])
        + (f" {words.times.clock(change.at)}" if what == Change.TIME and change.at else "")
        for what in change.what
    ]
    number = f"{change.number} " if change.number else ""
    return f"{number}{change.child} {words(mark('、')).join(said)}"


def _row(row: SheetRow, words: Words) -> dict[str, Any]:
    said = {
        "number": row.number,
        "at": words.times.clock(row.at),
        "child": row.full_name,
        "class": row.class_name,
        "name": "",
        "words": row.words,
    }
    if row.by_family:
        return said | {"nobody": words(mark("家里自己接")), "nobody_more": words(mark("，不交给志愿者"))}
    if row.car is None:
        return said | {
            "nobody": words(mark("还没有人")),
            "nobody_more": words(mark("，先不放人，打值班电话")),
        }
    second = words(mark("和 %(who)s"), who=row.second) if row.second else ""
    return said | {
        "name": row.car.name,
        "mark": words(REASON_WORDS[row.word_reason]) if row.word_reason else "",
        "car": " ".join(part for part in (second, words.paint(row.car.colour), row.car.model) if part),
        "held": words(mark("先不放人，等值班电话")) if row.is_held else "",
        "plate": plate(row.car.plate),
        "photo": _picture(row.car.photo),
    }


def _picture(photo: str | None) -> list[int]:
    """Return the bytes of a photo that is kept as a data address; none where it is of another kind."""
    head, _, content = (photo or "").partition(";base64,")
    return list(base64.b64decode(content)) if head in PICTURES else []


PICTURES = ("data:image/jpeg", "data:image/png", "data:image/webp")
COLUMNS = (
    mark("号"),
    mark("时间"),
    mark("孩子"),
    mark("谁来接"),
    mark("车牌"),
    mark("交了"),
    mark("签名"),
    mark("暗号（折到背面）"),
)
CHANGE_WORDS = {
    Change.NEW: mark("新加的"),
    Change.GONE: mark("不在名单上了"),
    Change.BY_FAMILY: mark("改成家里自己接"),
    Change.NOT_BY_FAMILY: mark("改成志愿者接"),
    Change.HELD: mark("先不放人"),
    Change.RELEASED: mark("可以放人了"),
    Change.NOBODY: mark("没有人来接了"),
    Change.FOUND: mark("有人来接了"),
    Change.DRIVER: mark("换人"),
    Change.CAR: mark("换车"),
    Change.WORD: mark("换暗号"),
    Change.TIME: mark("换时间"),
}
REASON_WORDS = {
    WordReason.NEW: mark("新来的"),
    WordReason.REPLACED: mark("换人"),
    WordReason.CAR: mark("换车"),
}
