"""What a short reply means. Strict: whatever is not listed here goes to a human and is never guessed."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum


class Meaning(StrEnum):
    YES = "yes"
    NO = "no"
    NO_ON = "no_on"  # yes to all but the named weekdays
    NOTHING = "nothing"  # 没有: no day of the month that was asked about is bad
    DATES = "dates"  # named days, on which the writer cannot
    CANCEL = "cancel"  # 不用接: only families say it
    ARRIVED = "arrived"  # 到家了: only families say it
    NOT_ARRIVED = "not_arrived"  # 没到家
    STANDING = "standing"  # 固定 周三上学: only volunteers say it; without a turn it asks what could be named
    STANDING_END = "standing_end"  # 不固定 周三上学
    PAUSE = "pause"  # 病了到周五, 请假到4月9日: only families say it
    RECEIVED = "received"  # 收到: read, but neither yes nor no
    THANKS = "thanks"
    NOT_ME = "not_me"  # 不是我: the old number objects to a new one
    STRANGER = "stranger"  # "I do not know you": the number may have a new owner
    UNCLEAR = "unclear"


MonthDay = tuple[int, int]  # month and day as they were written, in whatever year


@dataclass(frozen=True)
class Reply:
    meaning: Meaning
    weekdays: frozenset[int] = frozenset()  # 0 = Monday; only for NO_ON, STANDING, STANDING_END, PAUSE
    way: str = ""  # "to_school", "home"; only for STANDING and STANDING_END
    dates: tuple[tuple[MonthDay, MonthDay], ...] = ()  # first and last of each; only for DATES, PAUSE
    is_sick: bool = False  # only for PAUSE
    is_digit: bool = False  # the very 1 or 2 that our texts ask for


def read_reply(text: str) -> Reply:
    """Return what a text message says. Full-width digits, spaces and closing punctuation do not matter."""
    plain = _plain(text)
    for meaning, words in WORDS.items():
        if plain in words:
            return Reply(meaning, is_digit=plain in {"1", "2"})
    match = NO_ON.fullmatch(plain)
    if match:
        named = match["days"] or match["days2"]
        days = frozenset(WEEKDAYS[day] for day in re.findall(r"[一二三四五六日天]", named))
        return Reply(Meaning.NO_ON, days)
    match = PAUSE.fullmatch(plain)
    if match:
        return _pause(match)
    for meaning, pattern in ((Meaning.STANDING, STANDING), (Meaning.STANDING_END, STANDING_END)):
        match = pattern.fullmatch(plain)
        if match:
            return _about_turn(meaning, match)
    if DATES.fullmatch(plain):
        return Reply(Meaning.DATES, dates=tuple(_span(found) for found in SPAN.finditer(plain)))
    return Reply(Meaning.UNCLEAR)


def _pause(match: re.Match[str]) -> Reply:
    is_sick = "病" in match["why"]
    if match["weekday"]:
        return Reply(Meaning.PAUSE, weekdays=frozenset({WEEKDAYS[match["weekday"]]}), is_sick=is_sick)
    day = (int(match["month"]), int(match["day"]))
    return Reply(Meaning.PAUSE, dates=((day, day),), is_sick=is_sick)


def _about_turn(meaning: Meaning, match: re.Match[str]) -> Reply:
    weekday, half = match["weekday"] or match["weekday2"], match["half"] or match["half2"]
    return Reply(meaning, weekdays=frozenset({WEEKDAYS[weekday]}), way=WAYS[half])


def _span(found: re.Match[str]) -> tuple[MonthDay, MonthDay]:
    first = (int(found["month"]), int(found["day"]))
    return first, (int(found["month2"]), int(found["day2"])) if found["month2"] else first


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).lower()
    kept = "".join(char for char in folded if unicodedata.category(char)[0] not in "CZ")
    return kept.strip(".。,，!！~、;；:：?？")


WEEKDAYS = {"一": 0, "二": 1, "三": 2, "四": 3, "五": 4, "六": 5, "日": 6, "天": 6}
DAYS = r"(?P<days>(?:周|星期|礼拜)[一二三四五六日天](?:[、,和及]?(?:周|星期|礼拜)?[一二三四五六日天])*)"
NO_ON = re.compile(rf"(?:2{DAYS}|{DAYS.replace('?P<days>', '?P<days2>')}(?:不行|去不了|不能去|没空))")
SPAN = re.compile(
    r"(?P<month>\d{1,2})月(?P<day>\d{1,2})[日号]"
    r"(?:[到至~-](?P<month2>\d{1,2})月(?P<day2>\d{1,2})[日号])?"
)
_ONE = re.sub(r"\?P<\w+>", "?:", SPAN.pattern)
DATES = re.compile(rf"{_ONE}(?:[、,;和及]?{_ONE})*(?:不行|去不了|不能去|没空|不方便)?")
PAUSE = re.compile(
    r"(?P<why>生病请假|生病|病了|请假|去外婆家|去奶奶家|回老家)"
    r"(?:到|休息到|住到)(?:(?:周|星期|礼拜)(?P<weekday>[一二三四五六日天])|(?P<month>\d{1,2})月(?P<day>\d{1,2})[日号]?)"
)
WAYS = {"上学": "to_school", "早上": "to_school", "放学": "home", "下午": "home"}
TURN = r"每?(?:周|星期|礼拜)(?P<weekday>[一二三四五六日天])(?P<half>上学|早上|放学|下午)"
_AFTER = TURN.replace("P<weekday>", "P<weekday2>").replace("P<half>", "P<half2>")
STANDING = re.compile(rf"(?:固定来?{TURN}|{_AFTER}固定来?)")
STANDING_END = re.compile(rf"(?:不固定来?了?{TURN}|{_AFTER}不固定来?了?)")
WORDS = {
    Meaning.STANDING: {"固定", "固定来", "每周固定来"},
    Meaning.STANDING_END: {"不固定", "不固定了", "不固定来了"},
    Meaning.YES: {"1", "好", "好的", "可以", "行", "能", "能去", "都能去", "没问题", "ok", "可以去"},
    Meaning.NO: {"2", "不行", "去不了", "都去不了", "不能", "不能去", "没空", "不去", "来不了"},
    Meaning.NOTHING: {"没有", "都没有", "没有不方便", "没有不方便的", "没有不行的", "没有不行的日子"},
    Meaning.CANCEL: {"不用接", "不用接了", "都不用接", "都不用接了", "不用来接", "不用来接了"},
    Meaning.ARRIVED: {"到了", "到家了", "已到家", "到家", "已经到家", "已经到家了", "孩子到家了", "到屋了"},
    Meaning.NOT_ARRIVED: {"没到", "没到家", "还没到", "还没到家", "没有到", "没有到家", "没回来", "还没回来"},
    Meaning.RECEIVED: {
        "收到",
        "已收到",
        "知道了",
        "收到了",
        "晓得了",
        "嗯",
        "嗯嗯",
        "好的收到",
        "好的,收到",
        "收到,好的",
    },
    Meaning.THANKS: {
        "谢谢",
        "谢谢您",
        "多谢",
        "辛苦了",
        "感谢",
        "收到谢谢",
        "收到,谢谢",
        "好的谢谢",
        "好的,谢谢",
    },
    Meaning.NOT_ME: {"不是我", "不是我改的", "不是我换的", "不是我要换的", "我没换号码", "我没有换号码"},
    Meaning.STRANGER: {"不认识", "打错了", "发错了", "你是谁", "您是谁", "不是本人"},
}
