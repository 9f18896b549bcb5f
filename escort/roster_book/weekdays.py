"""Phrases such as 周一、周三、周五早上: which half-days of a week they mean, or that we cannot tell.

A half-day word holds for the whole list before it; days without one mean both half-days. Anything with a
word that is not in the small grammar below is not understood: a guess would send a child's car to nobody.
"""

import re

from escort.roster_book.values import half_width

HALF_DAYS = 14  # weekday * 2 + half-day, Monday first; 0 = to school, 1 = home
NEVER = "0" * HALF_DAYS
ALWAYS = "1" * HALF_DAYS


def read_pattern(phrase: str) -> str | None:
    """Return fourteen 0/1 characters, or None where the phrase is not understood."""
    tokens = _tokens(phrase)
    if not tokens:
        return None
    wanted: set[int] = set()
    waiting: list[int] = []  # days whose half-day word has not come yet
    latest: list[int] = []  # days that the latest half-day word was for
    for kind, value in tokens:
        if kind == "days":
            waiting += _days(value)
        elif kind == "half" or waiting:  # 均可 after 早上 adds nothing
            days = waiting or latest
            if not days:
                return None
            wanted |= {day * 2 + half for day in days for half in _HALVES[value]}
            waiting, latest = [], days
    wanted |= {day * 2 + half for day in waiting for half in (0, 1)}
    if not wanted:
        return None
    return "".join("1" if slot in wanted else "0" for slot in range(HALF_DAYS))


def read_weekdays(phrase: str) -> tuple[str, tuple[bool, bool]] | None:
    """Return (seven 0/1 characters, (to school, home)) where every day has the same half-days; else None."""
    pattern = read_pattern(phrase)
    if pattern is None:
        return None
    halves = {pattern[day * 2 : day * 2 + 2] for day in range(7)} - {"00"}
    if len(halves) != 1:
        return None
    both = halves.pop()
    days = "".join("1" if pattern[day * 2 : day * 2 + 2] == both else "0" for day in range(7))
    return days, (both[0] == "1", both[1] == "1")


def say_pattern(pattern: str) -> str:
    """Return fourteen marks as a phrase that `read_pattern` understands as the same; "" for none."""
    parts = []
    for marks, word in (("11", "全天"), ("10", "早上"), ("01", "下午")):
        days = "".join(str(int(pattern[2 * day : 2 * day + 2] == marks)) for day in range(7))
        if "1" in days:
            parts.append(say_weekdays(days) + word)
    return "，".join(parts)


def say_weekdays(marks: str) -> str:
    """Return seven marks as 周一至周五 or 周一、周三; "" for none."""
    days = [day for day, mark in enumerate(marks) if mark == "1"]
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"周{_ORDER[days[0]]}至周{_ORDER[days[-1]]}"
    return "、".join(f"周{_ORDER[day]}" for day in days)


_ORDER = "一二三四五六日"
_MORNING = "早上|上午|早晨|清晨|早|上学"
_AFTERNOON = "下午|午后|傍晚|放学"
_HALVES = {"am": (0,), "pm": (1,), "both": (0, 1)}
_GRAMMAR = (
    ("half", re.compile(r"上下午|早晚|全天|整天|上下学"), "both"),
    ("half", re.compile(_MORNING), "am"),
    ("half", re.compile(_AFTERNOON), "pm"),
    ("days", re.compile(r"周?工作日|平日"), "一二三四五"),
    ("days", re.compile(r"周末|双休日?"), "六日"),
    ("days", re.compile(r"每天|天天|每日|任何时间|随时"), _ORDER),
    ("days", re.compile(rf"周?([{_ORDER}])至周?([{_ORDER}])"), None),
    ("days", re.compile(rf"周([{_ORDER}](?:、?[{_ORDER}])*)(?!至)"), None),
    ("days", re.compile(rf"([{_ORDER}]+)(?!至)"), None),
    ("any", re.compile(r"均可以?|都可以?|皆可|都行|都有空"), "both"),
    ("fill", re.compile(r"[、,和及与;的时段]+|可以|可|有空"), None),
)
_ALL_BY_ITSELF = re.compile(r"均可以?|都可以?|皆可|都行|不限|全部")


def _tokens(phrase: str) -> list[tuple[str, str]] | None:
    text = _normal(phrase)
    if _ALL_BY_ITSELF.fullmatch(text):
        return [("days", _ORDER)]  # 均可: weekends too
    tokens: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        for kind, pattern, meaning in _GRAMMAR:
            match = pattern.match(text, at)
            if match is None:
                continue
            days = meaning or _spelled_days(match)
            if kind == "days" and not days:
                return None
            if kind != "fill":
                tokens.append((kind, days))
            at = match.end()
            break
        else:
            return None
    return tokens


def _normal(phrase: str) -> str:
    text = re.sub(r"\s", "", half_width(phrase)).rstrip("。.")
    text = re.sub(r"每?(?:星期|礼拜|周)", "周", text)
    text = re.sub(r"(?<=周)[天7]|(?<=[至\-~到])天", "日", text)
    text = re.sub(r"[1-6]", lambda match: _ORDER[int(match.group()) - 1], text)
    text = re.sub(r"[\-~—–～到]+", "至", text)
    return re.sub(r"[/;；，]", ",", re.sub(r"[()]", "", text))


def _spelled_days(match: re.Match[str]) -> str:
    if not match.groups():
        return ""
    if len(match.groups()) == 2:
        first, last = _ORDER.index(match.group(1)), _ORDER.index(match.group(2))
        return _ORDER[first : last + 1]  # 周五至周一 gives nothing: not understood
    return match.group(1).replace("、", "")


def _days(letters: str) -> list[int]:
    return [_ORDER.index(letter) for letter in letters]
