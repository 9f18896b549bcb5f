"""One cell or form field at a time: what an office writes, turned into what we mean, or into a sentence that mends it.

Every reader returns a value, or None for a blank cell, or raises `UnreadableError`. Nothing is guessed: what
could mean two things is unreadable.
"""

import re
import unicodedata
from datetime import date, datetime, time, timedelta
from enum import StrEnum

import phonenumbers

from escort.sentences import Sentence, mark

Cell = str | float | int | bool | date | datetime | time | timedelta


class Gender(StrEnum):
    FEMALE = "F"
    MALE = "M"


class UnreadableError(ValueError):
    """A cell that cannot be read; the text is one sentence for the office that says how to mend it."""


FOREVER = date(2099, 12, 31)  # 长期


def read_text(cell: Cell) -> str:
    """Return the cell as clean text: no hidden or control characters, single spaces, trimmed."""
    if isinstance(cell, str):
        return " ".join(_without_hidden(cell).split())
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="minutes")
    if isinstance(cell, time):
        return cell.strftime("%H:%M")
    return str(cell)


def half_width(text: str) -> str:
    """Return the text with full-width letters, digits and punctuation as ordinary ones."""
    return text.translate(_HALF_WIDTH)


def read_name(cell: Cell) -> str:
    """Return a person's name. Rare characters are kept as they are; no name is ever converted."""
    text = half_width(read_text(cell)).lstrip("'").strip()
    text = _MIDDLE_DOTS.sub("·", text)
    text = _SPACE_BETWEEN_HAN.sub("", text)
    if not text:
        raise UnreadableError("姓名没填，请补上姓名。")
    if len(text) > LONGEST_NAME:
        raise UnreadableError(
            Sentence(
                "姓名超过 %(longest_name)s 个字，请只填姓名，其他内容写到备注。", longest_name=LONGEST_NAME
            )
        )
    if text[0] in "=+-@" or not all(_may_stand_in_a_name(letter) for letter in text):
        raise UnreadableError("姓名里有不是文字的符号或数字，请只写姓名。")
    if not unicodedata.category(text[0]).startswith("L"):
        raise UnreadableError("姓名要以文字开头，请检查是否多了符号。")
    return text


def read_phone(cell: Cell, *, foreign: bool = False) -> str | None:
    """Return a mobile number as E.164, or None for a blank cell.

    `foreign` lets numbers from outside the mainland in; they must be written with + and country code.
    """
    text = _phone_text(cell)
    if not text:
        return None
    if len(_MOBILE_ANYWHERE.findall(re.sub(r"[\s\-—–]", "", text))) > 1:
        raise UnreadableError("一格里有两个号码，请只留本人常用的一个，另一个写到备注。")
    bare = re.sub(r"[\s\-—–.·()]", "", _PHONE_LABEL.sub("", text))
    number = re.sub(r"^(?:\+86|0086|86(?=1\d{10}$))", "", bare)
    if re.fullmatch(r"1[3-9]\d{9}", number):
        return "+86" + number
    if bare.startswith(("+", "00")) and not bare.startswith(("+86", "0086")):
        return _foreign_phone("+" + bare.lstrip("+0"), allowed=foreign)
    raise UnreadableError(_what_is_wrong_with(number))


def read_date(cell: Cell, *, from_1904: bool = False) -> date | None:
    """Return a date from a real date, a serial number, or any of the ways offices write it."""
    if isinstance(cell, datetime):
        return _plausible(cell.date())
    if isinstance(cell, date):
        return _plausible(cell)
    if isinstance(cell, bool | time | timedelta):
        raise UnreadableError("这里应填日期，请写成 2021-04-06 这样。")
    text = half_width(read_text(cell)).replace(" ", "")
    if not text:
        return None
    if re.fullmatch(r"\d{3,5}(\.\d+)?", text):
        return _from_serial(float(text), from_1904=from_1904)
    match = _DATE.fullmatch(text) or _COMPACT_DATE.fullmatch(text) or _CHINESE_DATE.fullmatch(text)
    if match is None:
        raise UnreadableError(
            Sentence("看不懂日期“%(text)s”，请写成 2021-04-06 这样（年份四位，年月日齐全）。", text=text[:20])
        )
    year, month, day = (_number(part) for part in match.groups())
    try:
        return _plausible(date(year, month, day))
    except ValueError as error:
        if isinstance(error, UnreadableError):
            raise
        raise UnreadableError(Sentence("日历上没有“%(text)s”这一天，请核对。", text=text[:20])) from error


def read_time(cell: Cell) -> time | None:
    """Return a wall time to the minute. 24:00, 25:61 and bare numbers such as 8.3 are unreadable."""
    if isinstance(cell, datetime):
        return _minute_of(cell.hour * 60 + cell.minute + round(cell.second / 60))
    if isinstance(cell, time):
        return _minute_of(cell.hour * 60 + cell.minute + round((cell.second + cell.microsecond / 1e6) / 60))
    if isinstance(cell, timedelta):
        return _minute_of(round(cell.total_seconds() / 60))
    if isinstance(cell, float) and 0 < cell < 1:
        return _minute_of(round(cell * 1440))
    text = half_width(read_text(cell)).replace(" ", "")
    if not text:
        return None
    match = _TIME.fullmatch(text)
    if match is None or isinstance(cell, bool | int | float):
        raise UnreadableError(Sentence("看不懂时间“%(text)s”，请写成 07:20 这样。", text=text[:20]))
    half_day, hour_text, half_hour, minute_text = match.group("half", "hour", "half_past", "minute")
    hour, minute = _number(hour_text), 30 if half_hour else _number(minute_text or "0")
    if half_day in {"下午", "傍晚"} and hour < 12:
        hour += 12
    if hour > 23 or minute > 59:
        raise UnreadableError(Sentence("没有“%(text)s”这个时间，请写成 07:20 这样。", text=text[:20]))
    return time(hour, minute)


def read_count(cell: Cell) -> int | None:
    """Return a whole number: 5, "5座", "2次", "两次", "４"."""
    text = half_width(read_text(cell)).replace(" ", "")
    if not text:
        return None
    match = re.fullmatch(r"([0-9]{1,4}|[〇零一二两三四五六七八九十]{1,3})(?:座|次|个|人|辆|位|趟)?", text)
    if match is None:
        raise UnreadableError(Sentence("“%(text)s”不是整数，请只填数字。", text=text[:20]))
    return _number(match.group(1))


def read_yes(cell: Cell) -> bool | None:
    text = half_width(read_text(cell)).lower()
    if not text:
        return None
    if text in _YES:
        return True
    if text in _NO:
        return False
    raise UnreadableError(Sentence("“%(text)s”不是“是”或“否”，请改成其中一个。", text=text[:20]))


def read_gender(cell: Cell) -> Gender | None:
    text = half_width(read_text(cell)).upper()
    if not text:
        return None
    if text in {"男", "男性", "男生", "男孩", "M", "MALE"}:
        return Gender.MALE
    if text in {"女", "女性", "女生", "女孩", "F", "FEMALE"}:
        return Gender.FEMALE
    raise UnreadableError(Sentence("性别“%(text)s”看不懂，请填“男”或“女”。", text=text[:20]))


def read_degrees(cell: Cell) -> float | None:
    """Return decimal degrees from a number, "30.82°N" or 30°49'17"."""
    if isinstance(cell, bool | date | time | timedelta):
        raise UnreadableError("经纬度应为数字，请写成 30.8214 这样。")
    if isinstance(cell, int | float):
        return float(cell)
    text = half_width(read_text(cell)).replace(" ", "").upper()
    if not text:
        return None
    match = _DEGREES.fullmatch(text)
    if match is None:
        raise UnreadableError(Sentence("经纬度“%(text)s”不是数字，请写成 30.8214 这样。", text=text[:20]))
    degrees, minutes, seconds = (float(part) if part else 0.0 for part in match.groups())
    return degrees + minutes / 60 + seconds / 3600


def read_plate(cell: Cell) -> str:
    """Return a mainland number plate of a car that may carry children, or "" for a blank cell."""
    text = re.sub(r"[\s·.\-•・]", "", half_width(read_text(cell)).upper())
    if not text:
        return ""
    if text[-1] in "挂学":
        raise UnreadableError(
            Sentence(
                "“%(text)s”是%(kind)s号牌，不能用来接送儿童，请换车。",
                text=text,
                kind=Sentence("挂车") if text[-1] == "挂" else Sentence("教练车"),
            )
        )
    if re.search(r"[IO]", text[1:]):
        raise UnreadableError(
            Sentence("车牌“%(text)s”里有字母 I 或 O，号牌不用这两个字母，请核对是否为数字 1、0。", text=text)
        )
    if not (_PLATE.fullmatch(text) or _GREEN_PLATE.fullmatch(text) or _BORDER_PLATE.fullmatch(text)):
        raise UnreadableError(
            Sentence("车牌“%(text)s”不完整，请按行驶证填写，如 川A12345 或 川AD12345。", text=text[:12])
        )
    return text


LONGEST_NAME = 40
_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn"}
_MIDDLE_DOTS = re.compile(r"\s*[·•‧∙⋅・･﹒．●]\s*|(?<=[^\W\d_])\.(?=[^\W\d_])")
_HAN = r"[\u2e80-\u2fdf\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
_SPACE_BETWEEN_HAN = re.compile(rf"(?<={_HAN}) +(?={_HAN})")
_MOBILE_ANYWHERE = re.compile(r"(?<!\d)(?:\+?86)?1[3-9]\d{9}(?!\d)")
_PHONE_LABEL = re.compile(r"^(?:手机|电话|联系电话|tel)[号码]*:?|\([^()\d]*\)$", re.IGNORECASE)
_DATE = re.compile(r"(\d{4})[年./\-](\d{1,2})[月./\-](\d{1,2})[日号]?(?:\d{1,2}:\d{2}(?::\d{2})?)?")
_COMPACT_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_CHINESE_DIGITS = "〇零一二三四五六七八九"
_CHINESE_DATE = re.compile(
    rf"([{_CHINESE_DIGITS}]{{4}})年([{_CHINESE_DIGITS}十]{{1,2}})月([{_CHINESE_DIGITS}十]{{1,3}})[日号]"
)
_TIME = re.compile(
    r"(?P<half>上午|早上|早晨|下午|傍晚)?(?P<hour>\d{1,2}|[〇零一二两三四五六七八九十]{1,3})"
    r"(?:[:.点时](?:(?P<half_past>半)|(?P<minute>\d{1,2}|[〇零一二三四五六七八九十]{1,3})分?)?整?)"
    r"(?::00)?"
)
_DEGREES = re.compile(
    r"[NE北东]?纬?经?(\d{1,3}(?:\.\d+)?)[°度]?(?:(\d{1,2}(?:\.\d+)?)['′分])?(?:(\d{1,2}(?:\.\d+)?)[\"″秒])?[NE]?"
)
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_PLATE = re.compile(rf"[{_PROVINCES}][A-HJ-NP-Z][A-HJ-NP-Z0-9]{{5}}")
_GREEN_PLATE = re.compile(rf"[{_PROVINCES}][A-HJ-NP-Z](?:[A-HJK][A-HJ-NP-Z0-9]\d{{4}}|\d{{5}}[A-HJK])")
_BORDER_PLATE = re.compile(r"粤Z[A-HJ-NP-Z0-9]{4}[港澳]")
_YES = {"是", "有", "能", "可", "可以", "要", "需要", "√", "✓", "✔", "y", "yes", "true", "1", "对"}
_NO = {
    "否",
    "无",
    "没有",
    "不",
    "不能",
    "不可",
    "不可以",
    "不要",
    "不需要",
    "×",
    "✗",
    "x",
    "n",
    "no",
    "false",
    "0",
    "-",
    "—",
    "/",
}


def _without_hidden(text: str) -> str:
    """Drop NUL, direction overrides, zero-width characters and lone surrogates; keep rare Han and variants."""
    if text.isprintable():
        return text
    spaced = "".join(" " if letter.isspace() else letter for letter in text)
    return "".join(letter for letter in spaced if unicodedata.category(letter) not in _HIDDEN)


def _may_stand_in_a_name(letter: str) -> bool:
    return letter in "·' -()" or unicodedata.category(letter)[0] in "LM"


def _phone_text(cell: Cell) -> str:
    if isinstance(cell, bool | date | time | timedelta):
        raise UnreadableError("这里应填手机号，请填 11 位数字。")
    if isinstance(cell, int | float):
        if cell != int(cell):
            raise UnreadableError("手机号带小数，请把该列设为“文本”，重新填写 11 位号码。")
        digits = str(int(cell))
        if len(digits) == 11 and digits.endswith("00000"):
            raise UnreadableError(_ROUNDED)
        return digits
    text = half_width(read_text(cell)).lstrip("'")
    if re.fullmatch(r"\d(?:\.\d+)?E\+?\d{1,2}", text, re.IGNORECASE):
        raise UnreadableError(_ROUNDED)
    return text


_ROUNDED = mark("手机号被 Excel 四舍五入，后几位已丢失；请把该列设为“文本”，重新填写完整的 11 位号码。")


def _foreign_phone(text: str, *, allowed: bool) -> str:
    if not allowed:
        raise UnreadableError(
            "这是中国大陆以外的号码，本区只收大陆手机号；如确需使用，请联系管理员打开设置。"
        )
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException as error:
        raise UnreadableError("号码无效，请写成 +852 9123 4567 这样。") from error
    kind = phonenumbers.number_type(number)
    mobile = {phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE}
    if not phonenumbers.is_valid_number(number) or kind not in mobile:
        raise UnreadableError("号码无效或不是手机号，请核对。")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _what_is_wrong_with(number: str) -> str:
    if not number.isascii() or not number.isdigit():
        return mark("手机号里有数字以外的内容，请只填 11 位号码，其他写到备注。")
    if re.fullmatch(r"0\d{9,11}|[2-8]\d{6,7}|400\d{7}", number):
        return mark("这是座机号，收不到短信，请填 11 位手机号。")
    if len(number) != 11:
        return (
            Sentence("手机号只有 %(n)s 位，应为 11 位，请补全。", n=len(number))
            if len(number) < 11
            else Sentence("手机号有 %(n)s 位，应为 11 位，请核对。", n=len(number))
        )
    return mark("不是大陆手机号（应以 13 至 19 开头），请核对。")


def _from_serial(serial: float, *, from_1904: bool) -> date:
    if not 1000 <= serial < 80000:
        raise UnreadableError("这里应填日期，请写成 2021-04-06 这样。")
    first = date(1904, 1, 1) if from_1904 else date(1899, 12, 30)  # 1900 counts a 29 February that never was
    return _plausible(first + timedelta(days=int(serial)))


def _plausible(day: date) -> date:
    if not 1900 <= day.year <= 2100:
        raise UnreadableError(Sentence("年份 %(year)s 不合理，请核对。", year=day.year))
    return day


def _minute_of(minutes: int) -> time:
    if not 0 <= minutes < 1440:
        raise UnreadableError("时间应在 00:00 到 23:59 之间，请写成 07:20 这样。")
    return time(minutes // 60, minutes % 60)


def _number(text: str) -> int:
    """Return a number written in digits, or in Chinese up to 99; 二〇二一 is read digit by digit."""
    if text.isascii():
        return int(text)
    text = text.replace("两", "二").replace("零", "〇")
    if "十" in text:
        tens, _, ones = text.partition("十")
        return (_digit(tens) if tens else 1) * 10 + (_digit(ones) if ones else 0)
    return int("".join(str(_digit(letter)) for letter in text))


def _digit(letter: str) -> int:
    if len(letter) != 1:
        raise UnreadableError("数字看不懂，请用阿拉伯数字填写。")
    return "〇一二三四五六七八九".index(letter)
