"""What the store holds, in the office's own columns: the way back of the readers, sheet by sheet.

A row is what our reader would read as the same. What the office's columns cannot say (a child without a name yet, a
number that two volunteers share) is left out, with the reason, rather than written so that it would come back wrong.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time

from escort.families.models import PlaceKind
from escort.roster_book.book import Needs, SheetKind
from escort.roster_book.needs import SplitNeeds, say_needs, split_needs
from escort.roster_book.shelf import Said, Thing, date_of, point_of, time_of, value_of
from escort.roster_book.values import FOREVER
from escort.roster_book.weekdays import say_pattern, say_weekdays
from escort.schools.models import CalendarKind
from escort.spreadsheet import Value

Cells = dict[str, Value]  # column title -> cell


@dataclass(frozen=True, slots=True)
class LeftOut:
    sheet: str
    who: str  # what a list may say
    why: str


@dataclass(frozen=True, slots=True)
class Written:
    """One sheet: titles, rows, and which stored thing each row is."""

    titles: tuple[str, ...]
    rows: list[list[Value]]
    ids: list[int]
    left_out: list[LeftOut]


def written(kind: SheetKind, things: Mapping[int, Thing]) -> Written:
    """Return the things of one kind as rows, the oldest first."""
    titles, cells_of, why_not = _SHEETS[kind]
    rows: list[Cells] = []
    ids: list[int] = []
    left_out: list[LeftOut] = []
    keys: set[str] = set()
    for id_, thing in sorted(things.items()):
        why = why_not(thing) or ("号码或名称和前面的一行相同，名册里只能有一行" if thing.key in keys else "")
        if why:
            left_out.append(LeftOut(kind.value, thing.label, why))
            continue
        keys.add(thing.key)
        rows.append(cells_of(thing))
        ids.append(id_)
    further = [title for title in _FURTHER.get(kind, ()) if any(cells.get(title) for cells in rows)]
    titles = (*titles, *further)
    numbered = [
        {"序号": number, **cells} if "序号" in titles else cells for number, cells in enumerate(rows, 1)
    ]
    return Written(titles, [[cells.get(title) for title in titles] for cells in numbered], ids, left_out)


def _place(thing: Thing) -> Cells:
    name, _, street = thing.key.partition("|")
    return {"地点名称": name, "所在街道": street, **_point(thing.holds["point"])}


def _school(thing: Thing) -> Cells:
    return {
        "学校名称": thing.key,
        "所在街道": _text(thing.holds["street"]),
        **_point(thing.holds["point"]),
        "到校时间": _clock(time_of(thing.holds["bell"])),
        "放学时间": _clock(time_of(thing.holds["dismissal"])),
        "周五放学时间": _clock(time_of(thing.holds["friday_dismissal"])),
    }


def _team(thing: Thing) -> Cells:
    return {
        "车队名称": thing.key,
        "所属街道": _text(thing.holds["street"]),
        "队长": _text(thing.holds["leader_name"]),
        "队长电话": _phone(_text(thing.holds["leader_phone"])),
    }


def _volunteer(thing: Thing) -> Cells:
    holds = thing.holds
    seats = _number(holds["seats"])
    girls_only = "仅限女童" if value_of(holds["girls_only"]) else ""
    return {
        "姓名": _text(holds["name"]),
        "性别": _gender(holds),
        "手机号": _phone(thing.key),
        "所属志愿队": _text(holds["team"]),
        "住址": _text(holds["address"]),
        **_point(holds["home"]),
        "车牌号": _text(holds["plate"]),
        "车型": _text(holds["car_model"]),
        "颜色": _text(holds["car_colour"]),
        "座位数(含司机)": seats + 1 if seats else None,
        "儿童座椅数": _number(holds["child_seats"]),
        "可载轮椅": _yes(holds["wheelchair"]),
        "可出车时间": say_pattern(_text(holds["pattern"])),
        "每周最多次数": _number(holds["cap_week"]),
        "无犯罪记录查询日期": date_of(holds["vetted_on"]),
        "驾驶证有效期至": _until(holds["licence_until"]),
        "座位险有效期至": _until(holds["insured_until"]),
        "备注": _joined(girls_only, _text(holds["remark"])),
    }


def _child(thing: Thing) -> Cells:
    holds, shared = thing.holds, thing.shared
    needs, diagnosis = _needs(holds)
    return {
        "姓名": shared["name"],
        "性别": _gender(holds),
        "出生日期": date.fromisoformat(shared["born"]),
        "学校": shared["school"],
        "年级": _text(holds["grade"]),
        "所在街道": _text(holds["street"]),
        "住址": _text(holds["address"]),
        **_point(holds["home"]),
        "监护人": _text(holds["guardian_name"]),
        "与儿童关系": _text(holds["relation"]),
        "监护人电话": _phone(_text(holds["guardian_phone"])),
        "上学": _yes(holds["to_school"]),
        "放学": _yes(holds["home_again"]),
        "接送日": say_weekdays(_text(holds["weekdays"])) or "待定",
        "开始日期": date_of(holds["starts_on"]),
        "结束日期": date_of(holds["ends_on"]),
        "特殊需求": needs,
        "诊断": diagnosis,
        "监护人同意书日期": date_of(holds["consent_on"]),
        "接送地点": _pickup(holds["pickup"]),
        "可接回人": _receivers(holds["receivers"]),
    }


def _calendar(thing: Thing) -> Cells:
    kind, starts_on, ends_on, school = thing.key.split("|", 3)
    note, at = _text(thing.holds["note"]), time_of(thing.holds["at"])
    return {
        "事项": _KIND_WORDS[CalendarKind(kind)],
        "开始日期": date.fromisoformat(starts_on),
        "结束日期": date.fromisoformat(ends_on),
        "说明": note,
        "学校": school if school and school not in note else None,
        "时间": _clock(at) if at and _clock(at) not in note else None,
    }


_SHEETS: dict[SheetKind, tuple[tuple[str, ...], Callable[[Thing], Cells], Callable[[Thing], str]]]
_KIND_WORDS = {
    CalendarKind.TERM: "学期",
    CalendarKind.CLOSURE: "停课",
    CalendarKind.EARLY_DAY: "提前放学",
    CalendarKind.LATE_START: "推迟到校",
    CalendarKind.MAKE_UP: "补课",
}


def _always(_thing: Thing) -> str:
    return ""


def _why_no_volunteer(thing: Thing) -> str:
    return "" if thing.key else "没有手机号"


def _why_no_child(thing: Thing) -> str:
    if not (thing.shared["name"] and thing.shared["born"]):
        return "姓名或出生日期还没填"
    if value_of(thing.holds["weekdays"]) == "ended":
        return "护送已结束"
    if value_of(thing.holds["consent_on"]) == "withdrawn":
        return "家里撤回了同意"
    return ""


def _why_no_entry(thing: Thing) -> str:
    return thing.shared.get("why", "")


_FURTHER: dict[SheetKind, tuple[str, ...]] = {
    # columns that the office's book does without, as long as nothing needs them
    SheetKind.CHILDREN: ("诊断",),
    SheetKind.CALENDAR: ("学校", "时间"),
}
_SHEETS = {
    SheetKind.PLACES: (("地点名称", "所在街道", "纬度", "经度"), _place, _always),
    SheetKind.SCHOOLS: (
        ("学校名称", "所在街道", "纬度", "经度", "到校时间", "放学时间", "周五放学时间"),
        _school,
        _always,
    ),
    SheetKind.TEAMS: (("车队名称", "所属街道", "队长", "队长电话"), _team, _always),
    SheetKind.VOLUNTEERS: (
        (
            *(
                "序号",
                "姓名",
                "性别",
                "手机号",
                "所属志愿队",
                "住址",
                "纬度",
                "经度",
                "车牌号",
                "车型",
                "颜色",
            ),
            *("座位数(含司机)", "儿童座椅数", "可载轮椅", "可出车时间", "每周最多次数"),
            *("无犯罪记录查询日期", "驾驶证有效期至", "座位险有效期至", "备注"),
        ),
        _volunteer,
        _why_no_volunteer,
    ),
    SheetKind.CHILDREN: (
        (
            *("序号", "姓名", "性别", "出生日期", "学校", "年级", "所在街道", "住址", "纬度", "经度"),
            *("监护人", "与儿童关系", "监护人电话", "上学", "放学", "接送日", "开始日期", "结束日期"),
            *("特殊需求", "监护人同意书日期", "接送地点", "可接回人", "备注"),
        ),
        _child,
        _why_no_child,
    ),
    SheetKind.CALENDAR: (("事项", "开始日期", "结束日期", "说明"), _calendar, _why_no_entry),
}


def _needs(holds: Said) -> tuple[str, str]:
    """Return 特殊需求, and 诊断 where the diagnosis would not come back whole out of the one cell.

    What a coordinator typed as a diagnosis may name no word that the reader knows for one: in 特殊需求 it
    would become a note that drivers read.
    """
    needs = Needs(**{name: bool(value_of(holds[name])) for name in Needs.__dataclass_fields__})
    diagnosis, note = _text(holds["diagnosis"]), _text(holds["handling_note"])
    whole = _joined(*say_needs(needs), diagnosis, note)
    if split_needs(whole) == SplitNeeds(needs, diagnosis, note):
        return whole, ""
    return _joined(*say_needs(needs), note), diagnosis


def _pickup(text: str) -> str:
    spot = value_of(text)
    assert isinstance(spot, list)
    kind, name, point = spot
    if kind == PlaceKind.HOME:
        return "家门口"
    return f"{name} {point[0]},{point[1]}" if kind == PlaceKind.POINT and point else str(name)


def _receivers(text: str) -> str:
    people = value_of(text)
    assert isinstance(people, list)
    return "、".join(f"{name}({_phone(phone)})" if phone else name for name, phone in people)


def _point(text: str) -> Cells:
    lat, lon = point_of(text)
    return {"纬度": lat, "经度": lon}


def _gender(holds: Said) -> str:
    return {"F": "女", "M": "男"}.get(_text(holds["gender"]), "")


def _until(text: str) -> date | str | None:
    until = date_of(text)
    return "长期" if until == FOREVER else until


def _clock(at: time | None) -> str:
    return f"{at:%H:%M}" if at else ""


def _phone(phone: str) -> str:
    return phone.removeprefix("+86")


def _yes(text: str) -> str:
    return "是" if value_of(text) else "否"


def _number(text: str) -> int:
    value = value_of(text)
    return value if isinstance(value, int) else 0


def _text(text: str) -> str:
    value = value_of(text)
    return value if isinstance(value, str) else ""


def _joined(*parts: str) -> str:
    return "，".join(part for part in parts if part)


def as_grid(sheet: Written) -> Sequence[Sequence[Value]]:
    """Return the sheet with its titles on top."""
    return [list(sheet.titles), *sheet.rows]
