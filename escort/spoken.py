"""How we say times, days, turns and names: the words that all sentences are made of.

Families read 12-hour words, volunteers and the office the 24-hour clock. Instants come as aware UTC and are said in
the district's zone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

TO_SCHOOL, HOME = "to_school", "home"


@dataclass(frozen=True)
class Turn:
    """One run as a volunteer reads it: when, which way, and around where; never who."""

    starts_at: datetime
    direction: str
    area: str = ""


@dataclass(frozen=True)
class Changed:
    """A run that is not what its volunteer knew: as it is now, when it began before, and whether the place changed."""

    turn: Turn
    was: datetime
    is_elsewhere: bool = False


@dataclass(frozen=True)
class Half:
    """One half of a child's day as its family reads it. Without `surname` nobody is found yet."""

    at: datetime  # the leg's pick-up
    direction: str
    surname: str = ""  # the driver's
    plate_tail: str = ""
    word: str = ""  # 蓝色风筝
    told_by: datetime | None = None  # while nobody is found: by when we say more


@dataclass(frozen=True)
class Way:
    """One way of one child as it is said to its family on the phone; there the 小名 is the name."""

    child: str
    half: Half
    car: str = ""  # 白色长安欧尚
    is_off: bool = False  # nobody need come
    is_settled: bool = False  # somebody has said yes; who may be said later
    gone: str = ""  # the surname of him who was named before and does not come
    is_moved: bool = False  # the same driver at another time


def clock(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%H:%M}"


def day(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Return 今天, 明天, 周四 (this week), 下周四 (next week), else 4月12日."""
    on = at.astimezone(zone).date()
    days = (on - now.astimezone(zone).date()).days
    if days in (0, 1):
        return "今天" if days == 0 else "明天"
    if days > 1 and (ahead := _weeks_ahead(at, now, zone)) in (0, 1):
        return ("下" if ahead else "") + WEEKDAYS[on.weekday()]
    return f"{on.month}月{on.day}日"


def span(first: date, last: date) -> str:
    """Return 5月3日, or 5月3日到5月6日."""
    begins = f"{first.month}月{first.day}日"
    return begins if first == last else f"{begins}到{last.month}月{last.day}日"


def week(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Return 本周, 下周, else 4月12日那周."""
    on = at.astimezone(zone).date()
    monday = on - timedelta(days=on.weekday())
    return {0: "本周", 1: "下周"}.get(_weeks_ahead(at, now, zone), f"{monday.month}月{monday.day}日那周")


def moment(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Return a deadline: 20:00 where it is today, else with its day."""
    on = day(at, now, zone)
    return clock(at, zone) if on == "今天" else on + clock(at, zone)


def half(turn: Turn, zone: ZoneInfo) -> str:
    """Return 07:45上学."""
    return clock(turn.starts_at, zone) + DIRECTIONS[turn.direction]


def said(turn: Turn, now: datetime, zone: ZoneInfo) -> str:
    """Return 明天07:45上学."""
    return day(turn.starts_at, now, zone) + half(turn, zone)


def changed(change: Changed, now: datetime, zone: ZoneInfo) -> str:
    """Return 今天放学改到14:30（原来16:30）, or 今天16:30放学换了地方: what was stands beside what is."""
    turn = change.turn
    if change.was == turn.starts_at:
        return said(turn, now, zone) + "换了地方"
    when = f"改到{clock(turn.starts_at, zone)}（原来{clock(change.was, zone)}）"
    place = "，地方也换了" if change.is_elsewhere else ""
    return day(turn.starts_at, now, zone) + DIRECTIONS[turn.direction] + when + place


def dated(turn: Turn, zone: ZoneInfo) -> str:
    """Return 4月9日07:45上学: true whenever it is read."""
    on = turn.starts_at.astimezone(zone).date()
    return f"{on.month}月{on.day}日{half(turn, zone)}"


def said_all(turns: Iterable[Turn], now: datetime, zone: ZoneInfo) -> str:
    """Return 下周一07:45上学、周三16:00放学: the week is said once where it is one."""
    ordered = sorted(turns, key=lambda turn: turn.starts_at)
    words = [said(turn, now, zone) for turn in ordered]
    if all(word.startswith("下周") for word in words):
        words[1:] = [word.removeprefix("下") for word in words[1:]]
    return "、".join(words)


def weekdays(turns: Iterable[Turn], zone: ZoneInfo) -> list[str]:
    """Return the weekdays of the turns, in order, each once."""
    return [
        WEEKDAYS[on.weekday()] for on in sorted({turn.starts_at.astimezone(zone).date() for turn in turns})
    ]


def by_weekday(turns: Iterable[Turn], zone: ZoneInfo) -> str:
    """Return 周一07:45上学、16:00放学，周三16:00放学: in order, each weekday once."""
    of_day: dict[date, list[Turn]] = {}
    for turn in sorted(turns, key=lambda turn: turn.starts_at):
        of_day.setdefault(turn.starts_at.astimezone(zone).date(), []).append(turn)
    return "，".join(WEEKDAYS[on.weekday()] + halves(mine, zone) for on, mine in of_day.items())


def every_week(weekday: int, direction: str, usual_at: time) -> str:
    """Return 每周三07:45上学."""
    return f"每{WEEKDAYS[weekday]}{usual_at:%H:%M}{DIRECTIONS[direction]}"


def weekly(weekday: int, direction: str) -> str:
    """Return 周三上学."""
    return WEEKDAYS[weekday] + DIRECTIONS[direction]


def halves(turns: Iterable[Turn], zone: ZoneInfo) -> str:
    return "、".join(half(turn, zone) for turn in sorted(turns, key=lambda turn: turn.starts_at))


def areas(turns: Iterable[Turn]) -> str:
    """Return ，望溪镇、石桥村一带; nothing where there are too many for a text."""
    found = list(dict.fromkeys(turn.area for turn in turns if turn.area))
    return f"，{'、'.join(found)}一带" if 0 < len(found) <= MAX_AREAS else ""


def from_to(area: str, to_area: str) -> str:
    if area and to_area:
        return f"{area}一带到{to_area}"
    return f"{area or to_area}一带" if area or to_area else ""


def family_clock(at: datetime, zone: ZoneInfo) -> str:
    """Return 12-hour words: 早上7点45, 下午4点."""
    local = at.astimezone(zone)
    part = next(word for until, word in PARTS_OF_DAY if local.hour < until)
    hour = local.hour if local.hour <= 12 else local.hour - 12
    return f"{part}{hour}点" + (f"{local.minute:02d}" if local.minute else "")


def family_moment(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    on = day(at, now, zone)
    return ("" if on == "今天" else on) + family_clock(at, zone)


def family_half(half: Half, zone: ZoneInfo) -> str:
    """Return 早上7点45, or 下午4点放学."""
    return family_clock(half.at, zone) + ("" if half.direction == TO_SCHOOL else "放学")


def family_changed(half: Half, was: datetime, zone: ZoneInfo) -> str:
    """Return 放学改到下午2点30（原来下午4点）, 改到早上8点45来接（原来早上7点45）, or 下午4点放学的安排有变."""
    if was == half.at:
        return family_half(half, zone) + "的安排有变"
    new, old = family_clock(half.at, zone), family_clock(was, zone)
    if half.direction == TO_SCHOOL:
        return f"改到{new}来接（原来{old}）"
    return f"放学改到{new}（原来{old}）"


def told_by(half: Half, now: datetime, zone: ZoneInfo) -> str:
    """Return ，最晚下午2点10告诉您谁来; nothing where no moment is left to promise."""
    return f"，最晚{family_moment(half.told_by, now, zone)}告诉您谁来" if half.told_by else ""


def who_comes(half: Half, now: datetime, zone: ZoneInfo) -> str:
    """Return the truth about one half: who comes, in which car, with which word; or by when we say more."""
    when = family_half(half, zone)
    if not half.surname:
        by = f"，{family_moment(half.told_by, now, zone)}前告诉您" if half.told_by else ""
        return f"{when}谁来还没定{by}"
    does = "来接" if half.direction == TO_SCHOOL else "送回家"
    tail = f"，车牌尾号{half.plate_tail}" if half.plate_tail else ""
    word = f"，暗号{half.word}" if half.word else ""
    return f"{when}，姓{half.surname}的志愿者{does}{tail}{word}"


def way_said(way: Way, day_word: str, now: datetime, zone: ZoneInfo) -> str:
    """Return one way as whole sentences, with its day in front: nothing of it needs a page or a text."""
    half = way.half
    when = day_word + family_half(half, zone)
    fetch = f"接{way.child}" if half.direction == TO_SCHOOL else f"送{way.child}回家"
    lost = f"姓{way.gone}的不来了，不要再把孩子交给他。" if way.gone else ""
    if way.is_off:
        return f"{when}，{way.child}不用{'接' if half.direction == TO_SCHOOL else '送'}，不会有车来。"
    if half.surname:
        comes = f"{'来' if half.direction == TO_SCHOOL else ''}{fetch}"
        car = "，".join(
            part for part in (way.car, f"车牌尾号{half.plate_tail}" if half.plate_tail else "") if part
        )
        said = f"姓{half.surname}的志愿者{comes}{'，' + car if car else ''}。"
        word = f"暗号是“{half.word}”，请司机先说，对不上不上车。" if half.word else ""
        if way.gone:
            return f"{when}换人了：{lost}改由{said}{word}"
        return f"{when + '，时间改过了，' if way.is_moved else when + '，'}{said}{word}"
    if way.is_settled:
        return f"{when}，{fetch}的人定好了，前一天再告诉您是谁。"
    by = f"最晚{family_moment(half.told_by, now, zone)}再打给您" if half.told_by else "值班老师会再打给您"
    return f"{when}，{lost}{fetch}的人还没找到，{by}。没接到电话，不要把孩子交给任何人。"


def nobody_yet(halves: Sequence[Half], now: datetime, zone: ZoneInfo) -> str:
    """Return that nobody is found for these halves, and by when we say more of each."""
    stop = "。" if len(halves) == 1 else "，"
    return "；".join(
        f"{family_half(half, zone)}还没找到人，正在找"
        + (f"{stop}最晚{family_moment(half.told_by, now, zone)}再告诉您" if half.told_by else "")
        for half in halves
    )


def left(minutes: int | None) -> str:
    """Return how long is left, as a clause: by the minute, and from two hours on by the hour."""
    if minutes is None:
        return ""
    if minutes >= BY_THE_HOUR:
        return f"，还有{minutes // 60}小时"
    return f"，还有{minutes}分钟" if minutes > 0 else f"，已过{-minutes}分钟" if minutes < 0 else "，现在"


def names(children: Sequence[str]) -> str:
    shown = "、".join(children[:MAX_NAMES])
    return shown if len(children) <= MAX_NAMES else f"{shown}等{len(children)}人"


def child_in_message(full_name: str | None, short_name: str) -> str:
    """Return 杨同学 for a child whose full name is known, else its 小名; so too where the book has only that."""
    return f"{surname_of(full_name)}同学" if full_name and full_name != short_name else short_name


def surname_of(name: str) -> str:
    """Return the family name of a Chinese name; two characters where it is a compound one."""
    name = name.strip()
    compound = len(name) > 2 and name[:2] in COMPOUND_SURNAMES
    return name[:2] if compound else name[:1]


def plate_tail(plate: str) -> str:
    """Return the last three characters of a plate, enough to tell cars apart in a text; "" without one."""
    return plate.replace("·", "").strip()[-3:]


def _weeks_ahead(at: datetime, now: datetime, zone: ZoneInfo) -> int:
    on, today = at.astimezone(zone).date(), now.astimezone(zone).date()
    return ((on - timedelta(days=on.weekday())) - (today - timedelta(days=today.weekday()))).days // 7


WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
DIRECTIONS = {TO_SCHOOL: "上学", HOME: "放学"}
PARTS_OF_DAY = ((5, "凌晨"), (9, "早上"), (12, "上午"), (13, "中午"), (18, "下午"), (24, "晚上"))
MAX_AREAS = 2
MAX_NAMES = 3
_COMPOUND = (
    "欧阳司马上官诸葛东方皇甫尉迟公孙慕容令狐长孙宇文司徒司空夏侯轩辕端木百里东郭南宫西门"
    "独孤申屠濮阳淳于太史闻人钟离澹台公冶宗政呼延完颜拓跋赫连万俟"
)
COMPOUND_SURNAMES = frozenset(_COMPOUND[start : start + 2] for start in range(0, len(_COMPOUND), 2))
BY_THE_HOUR = 120  # minutes
