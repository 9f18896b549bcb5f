"""The rows of 常用地点, 学校, 志愿队 and 校历, judged one by one."""

import re
from collections.abc import Callable
from datetime import date, time, timedelta
from functools import partial

from escort.roster_book.book import CalendarRow, PlaceRow, SchoolRow, TeamRow, Verdict, place_key
from escort.roster_book.values import (
    UnreadableError,
    half_width,
    read_date,
    read_name,
    read_phone,
    read_text,
    read_time,
)
from escort.roster_book.verdicts import RowJudge
from escort.roster_book.weekdays import read_weekdays
from escort.schools.models import CalendarKind
from escort.sentences import Sentence, mark


def judge_place(judge: RowJudge, accepted: dict[str, PlaceRow]) -> None:
    name, street = judge.label("name"), judge.label("street", 40)
    if not name:
        judge.reject("name", "地点名称没填，请补上。")
    point = judge.point("地点")
    if point is None and not judge.is_rejected:
        judge.reject("lat", "地点没有完整的经纬度，无法用来接送，请补上。")
    if (first := accepted.get(place_key(name, street))) is not None:
        judge.reject(
            "name",
            Sentence(
                "与第 %(row)s 行是同一街道的同名地点，第 %(row)s 行已保留，请改名或删去本行。", row=first.row
            ),
        )
    if point is None or judge.is_rejected:
        return
    row = PlaceRow(sheet=judge.row.sheet, row=judge.row.row, name=name, street=street, point=point)
    accepted[row.key] = row


def judge_school(judge: RowJudge, accepted: dict[str, SchoolRow]) -> None:
    name = judge.label("name")
    if not name:
        judge.reject("name", "学校名称没填，请补上。")
    point = judge.point("学校")
    if point is None and not judge.is_rejected:
        judge.reject("lat", "学校没有完整的经纬度，请补上。")
    bell = _bell(judge)
    dismissal = _dismissal(judge, "dismissal", required=True)
    friday = _dismissal(judge, "friday_dismissal", required=False)
    for column, leaves in (("dismissal", dismissal), ("friday_dismissal", friday)):
        if bell and leaves and _minutes(leaves) - _minutes(bell) < SHORTEST_DAY_MINUTES:
            judge.reject(column, "放学时间要比到校时间晚，请核对。")
    if name in accepted:
        judge.reject(
            "name",
            Sentence("学校与第 %(row)s 行重复，第 %(row)s 行已保留，请删去本行。", row=accepted[name].row),
        )
    if judge.is_rejected or point is None or bell is None or dismissal is None:
        return
    accepted[name] = SchoolRow(
        sheet=judge.row.sheet,
        row=judge.row.row,
        name=name,
        street=judge.label("street", 40),
        point=point,
        bell=bell,
        dismissal=dismissal,
        friday_dismissal=friday,
    )


def judge_team(judge: RowJudge, accepted: dict[str, TeamRow]) -> None:
    name = judge.label("name", 40)
    if not name:
        judge.reject("name", "车队名称没填，请补上。")
    if name in accepted:
        judge.reject(
            "name",
            Sentence("车队与第 %(row)s 行重复，第 %(row)s 行已保留，请删去本行。", row=accepted[name].row),
        )
    leader = ""
    if read_text(judge.cell("leader_name")):
        leader = judge.read("leader_name", read_name, otherwise=Verdict.WARNING) or ""
    phone = judge.read(
        "leader_phone",
        partial(read_phone, foreign=judge.setting.rules.foreign_phones),
        otherwise=Verdict.WARNING,
    )
    if phone is None and not judge.said("leader_phone"):
        judge.warn("leader_phone", "队长电话没填，有急事时找不到队长，请补上。")
    if judge.is_rejected:
        return
    accepted[name] = TeamRow(
        sheet=judge.row.sheet,
        row=judge.row.row,
        name=name,
        street=judge.label("street", 40),
        leader_name=leader,
        leader_phone=phone,
    )


def judge_calendar_row(judge: RowJudge, accepted: dict[str, CalendarRow], schools: frozenset[str]) -> None:
    note = judge.text("note")
    kind = _calendar_kind(judge)
    starts_on, ends_on = _calendar_dates(judge)
    school = _calendar_school(judge, note, schools)
    at = _calendar_time(judge, kind, note)
    if judge.is_rejected or kind is None or starts_on is None or ends_on is None:
        return
    row = CalendarRow(
        sheet=judge.row.sheet,
        row=judge.row.row,
        kind=kind,
        starts_on=starts_on,
        ends_on=ends_on,
        school=school,
        at=at,
        as_weekday=_as_weekday(note) if kind is CalendarKind.MAKE_UP else None,
        note=note,
    )
    for other in accepted.values():
        same_scope = other.kind is kind and other.school == school
        if same_scope and (row.key == other.key or (kind is CalendarKind.TERM and _overlap(row, other))):
            what = mark("重复") if row.key == other.key else mark("的学期日期重叠")
            judge.reject(
                "starts_on",
                Sentence(
                    "与第 %(row)s 行%(what)s，第 %(row)s 行已保留，请核对或删去本行。",
                    row=other.row,
                    what=Sentence(what),
                ),
            )
            return
    accepted[row.key] = row


SHORTEST_DAY_MINUTES = 60
EARLIEST_BELL, LATEST_BELL = time(6, 0), time(11, 0)
EARLIEST_DISMISSAL, LATEST_DISMISSAL = time(10, 30), time(20, 0)
_FAR = timedelta(days=2 * 366)
_KINDS = {
    "学期": CalendarKind.TERM,
    "开学": CalendarKind.TERM,
    "停课": CalendarKind.CLOSURE,
    "放假": CalendarKind.CLOSURE,
    "假期": CalendarKind.CLOSURE,
    "休息": CalendarKind.CLOSURE,
    "提前放学": CalendarKind.EARLY_DAY,
    "早放学": CalendarKind.EARLY_DAY,
    "补课": CalendarKind.MAKE_UP,
    "调休上课": CalendarKind.MAKE_UP,
    "上课": CalendarKind.MAKE_UP,
    "推迟到校": CalendarKind.LATE_START,
    "晚到校": CalendarKind.LATE_START,
}
_ALL_SCHOOLS = {"", "全区", "全部", "所有学校", "各校", "全体", "全部学校", "各学校"}


def _bell(judge: RowJudge) -> time | None:
    bell = judge.read("bell", read_time, otherwise=Verdict.REJECTED)
    if bell is None:
        if not judge.said("bell"):
            judge.reject("bell", "到校时间没填，请写成 08:20 这样。")
    elif not EARLIEST_BELL <= bell <= LATEST_BELL:
        judge.reject(
            "bell",
            Sentence(
                "到校时间 %(bell)s 不在早上，请核对（应在 06:00 到 11:00 之间）。", bell=f"{bell:%H:%M}"
            ),
        )
    elif _has_wide_colon(judge, "bell"):
        judge.tidied("bell", Sentence("时间已整理为 %(bell)s。", bell=f"{bell:%H:%M}"))
    return bell


def _dismissal(judge: RowJudge, name: str, *, required: bool) -> time | None:
    at = judge.read(name, read_time, otherwise=Verdict.REJECTED)
    if at is None:
        if required and not judge.said(name):
            judge.reject(name, "放学时间没填，请写成 16:30 这样。")
    elif not EARLIEST_DISMISSAL <= at <= LATEST_DISMISSAL:
        judge.reject(
            name, Sentence("放学时间 %(at)s 不合理，请核对（应在 10:30 到 20:00 之间）。", at=f"{at:%H:%M}")
        )
    elif _has_wide_colon(judge, name):
        judge.tidied(name, Sentence("时间已整理为 %(at)s。", at=f"{at:%H:%M}"))
    return at


def _has_wide_colon(judge: RowJudge, name: str) -> bool:
    text = read_text(judge.cell(name))
    return text != half_width(text)


def _calendar_kind(judge: RowJudge) -> CalendarKind | None:
    text = judge.label("kind", 20)
    kind = _KINDS.get(text)
    if kind is None:
        judge.reject(
            "kind", Sentence("不认识事项“%(text)s”，请写学期、停课、提前放学、推迟到校或补课。", text=text)
        )
    return kind


def _calendar_dates(judge: RowJudge) -> tuple[date | None, date | None]:
    reader: Callable[..., date | None] = partial(read_date, from_1904=judge.setting.from_1904)
    starts_on = judge.read("starts_on", reader, otherwise=Verdict.REJECTED)
    ends_on = judge.read("ends_on", reader, otherwise=Verdict.REJECTED)
    if starts_on is None:
        if not judge.said("starts_on"):
            judge.reject("starts_on", "开始日期没填，请补上。")
        return None, ends_on
    if abs(starts_on - judge.setting.as_of) > _FAR:
        judge.reject("starts_on", Sentence("%(starts_on)s 离今天超过两年，请核对年份。", starts_on=starts_on))
    if ends_on is None and not judge.said("ends_on"):
        judge.tidied("ends_on", "结束日期没填，按只有开始那一天处理。")
        ends_on = starts_on
    if ends_on is not None and ends_on < starts_on:
        judge.reject("ends_on", "结束日期早于开始日期，请核对。")
    if ends_on is not None and ends_on - starts_on > timedelta(days=366):
        judge.reject("ends_on", "前后超过一年，请核对年份。")
    return starts_on, ends_on


def _calendar_school(judge: RowJudge, note: str, schools: frozenset[str]) -> str | None:
    """A closure must never widen to every school because one school's name was misspelled."""
    name = judge.label("school")
    column = "school"
    if not name and (match := re.search(r"[(（]([^()（）]+)[)）]", note)):
        name, column = half_width(match.group(1)).replace(" ", ""), "note"
    if name in _ALL_SCHOOLS:
        return None
    if name in schools:
        return name
    judge.reject(
        column,
        Sentence("“%(name)s”不在“学校”表里，请改成表中的名称；适用全部学校请写“全区”。", name=name[:20]),
    )
    return None


def _calendar_time(judge: RowJudge, kind: CalendarKind | None, note: str) -> time | None:
    if kind not in (CalendarKind.EARLY_DAY, CalendarKind.LATE_START):
        return None
    if read_text(judge.cell("at")):
        return judge.read("at", read_time, otherwise=Verdict.REJECTED)
    what = "放学" if kind is CalendarKind.EARLY_DAY else "到校"
    match = re.search(r"(?:上午|下午|中午)?\d{1,2}(?:[:点时](?:\d{1,2}|半)?分?)", half_width(note))
    if match is None:
        judge.reject(
            "note", Sentence("没有写几点%(what)s，请在说明里写上，如“12:00%(what)s”。", what=Sentence(what))
        )
        return None
    try:
        return read_time(match.group().replace("中午", ""))
    except UnreadableError as error:
        judge.reject("note", str(error))
        return None


def _as_weekday(note: str) -> int | None:
    match = re.search(r"(?:周|星期)([一二三四五])", note)
    read = read_weekdays(f"周{match.group(1)}") if match else None
    return read[0].index("1") if read else None


def _overlap(one: CalendarRow, other: CalendarRow) -> bool:
    return one.starts_on <= other.ends_on and other.starts_on <= one.ends_on


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute
