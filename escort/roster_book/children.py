"""The rows of 儿童, judged one by one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from pypinyin import lazy_pinyin

from escort.geocoding import CoordinateSystem, parse_shared_place
from escort.roster_book.book import ChildRow, Receiver, Verdict, place_key
from escort.roster_book.needs import LONGEST_NOTE, SplitNeeds, split_needs
from escort.roster_book.values import UnreadableError, half_width, read_phone, read_text, read_yes
from escort.roster_book.verdicts import RowJudge
from escort.roster_book.volunteers import read_day, read_mobile, read_person, read_sex
from escort.roster_book.weekdays import read_weekdays
from escort.sentences import Sentence, mark
from scheduling.travel import Point

SCHOOL_DAYS = "1111100"
YOUNGEST, OLDEST = 3, 20  # years; outside, a birth date is doubted


@dataclass(slots=True)
class Children:
    """The children accepted so far, and what later rows are compared with."""

    schools: frozenset[str]
    places: Mapping[str, Point]  # by place_key
    accepted: dict[str, ChildRow] = field(default_factory=dict)
    _guardians: dict[str, ChildRow] = field(default_factory=dict)  # first child of each phone
    _born_at: dict[tuple[date, str], list[ChildRow]] = field(default_factory=dict)

    def add(self, child: ChildRow) -> None:
        self.accepted[child.key] = child
        self._guardians.setdefault(child.guardian_phone, child)
        self._born_at.setdefault((child.born_on, child.school), []).append(child)

    def same_guardian(self, phone: str) -> ChildRow | None:
        return self._guardians.get(phone)

    def sounds_like(self, name: str, born_on: date, school: str) -> ChildRow | None:
        """Return a child of that birth date and school whose name is read the same: 张三 and 張三."""
        for other in self._born_at.get((born_on, school), ()):
            if other.name != name and lazy_pinyin(other.name) == lazy_pinyin(name):
                return other
        return None


def judge_child(judge: RowJudge, children: Children) -> None:
    name = read_person(judge, "name")
    gender = read_sex(judge)
    born_on = _born_on(judge)
    school = _school(judge, children.schools)
    home = judge.point("住址")
    guardian_name = _guardian_name(judge)
    phone = read_mobile(judge, "guardian_phone", mark("监护人电话没填，请填能联系到家里的 11 位手机号。"))
    weekdays, to_school, home_again = _legs(judge)
    starts_on, ends_on = _dates(judge)
    split = _needs(judge)
    consent_on = _consent_on(judge)
    street = judge.label("street", 40)
    pickup_name, at_home, pickup = _pickup(judge, street, home, children.places)
    receivers = _receivers(judge)
    if judge.is_rejected or name is None or born_on is None or phone is None or starts_on is None:
        return
    child = ChildRow(
        sheet=judge.row.sheet,
        row=judge.row.row,
        name=name,
        gender=gender,
        born_on=born_on,
        school=school,
        grade=judge.text("grade", 20),
        street=street,
        address=judge.text("address"),
        home=home,
        guardian_name=guardian_name,
        relation=judge.text("relation", 20),
        guardian_phone=phone,
        weekdays=weekdays,
        to_school=to_school,
        home_again=home_again,
        starts_on=starts_on,
        ends_on=ends_on,
        needs=split.needs,
        diagnosis=split.diagnosis,
        handling_note=split.handling_note,
        consent_on=consent_on,
        pickup_name=pickup_name,
        pickup_at_home=at_home,
        pickup_is_known=place_key(pickup_name, street) in children.places,
        pickup=pickup,
        receivers=receivers,
    )
    _compare_with_others(judge, child, children)
    if not judge.is_rejected:
        children.add(child)


def _compare_with_others(judge: RowJudge, child: ChildRow, children: Children) -> None:
    first = children.accepted.get(child.key)
    if first is not None:
        judge.reject(
            "name",
            Sentence(
                "与第 %(row)s 行是同一名儿童（姓名、出生日期、学校都相同），第 %(row)s 行已保留。如确是两名儿童，请核对出生日期；否则请删去本行。",
                row=first.row,
            ),
        )
        return
    twin = children.sounds_like(child.name, child.born_on, child.school)
    if twin is not None:
        judge.warn(
            "name",
            Sentence(
                "与第 %(row)s 行出生日期、学校相同，姓名读音也相同，请核对是否同一名儿童（繁简或错字）。",
                row=twin.row,
            ),
        )
    sibling = children.same_guardian(child.guardian_phone)
    if sibling is not None and sibling.guardian_name != child.guardian_name:
        judge.warn(
            "guardian_phone",
            Sentence("监护人电话与第 %(row)s 行相同，监护人姓名却不同，请核对。", row=sibling.row),
        )


def _born_on(judge: RowJudge) -> date | None:
    as_of = judge.setting.as_of
    born_on = read_day(judge, "born_on", Verdict.REJECTED)
    if born_on is None:
        if not judge.said("born_on"):
            judge.reject("born_on", "出生日期没填，请补上。")
    elif born_on > as_of:
        judge.reject("born_on", Sentence("出生日期 %(born_on)s 在将来，请核对年份。", born_on=born_on))
    elif not YOUNGEST <= as_of.year - born_on.year <= OLDEST:
        judge.warn(
            "born_on",
            Sentence(
                "按出生日期 %(born_on)s 推算为 %(n)s 岁，请核对。",
                born_on=born_on,
                n=as_of.year - born_on.year,
            ),
        )
    return born_on


def _school(judge: RowJudge, schools: frozenset[str]) -> str:
    school = judge.label("school")
    if not school:
        judge.reject("school", "学校没填，请填“学校”表里的名称。")
    elif school not in schools:
        judge.reject(
            "school",
            Sentence(
                "“%(school)s”不在“学校”表里，请改成表中的名称，或先在“学校”表补上这所学校。", school=school
            ),
        )
    return school


def _guardian_name(judge: RowJudge) -> str:
    if not read_text(judge.cell("guardian_name")):
        judge.warn("guardian_name", "监护人姓名没填，请补上。")
        return ""
    return read_person(judge, "guardian_name", Verdict.WARNING) or ""


def _legs(judge: RowJudge) -> tuple[str, bool, bool]:
    to_school = judge.read("to_school", read_yes, otherwise=Verdict.REJECTED) or False
    home_again = judge.read("home_again", read_yes, otherwise=Verdict.REJECTED) or False
    if not (to_school or home_again) and not (judge.said("to_school") or judge.said("home_again")):
        judge.reject("to_school", "上学、放学都没有选“是”，请至少选一项；不再需要护送请删去本行。")
    phrase = judge.text("weekdays", 100)
    if not phrase:
        judge.warn("weekdays", "接送日没填，先按周一至周五安排，请核对。")
        return SCHOOL_DAYS, to_school, home_again
    read = read_weekdays(phrase)
    if read is None:
        judge.warn(
            "weekdays",
            Sentence(
                "看不懂接送日“%(phrase)s”，暂不能排班，请改成“周一、周三、周五”这样的写法。",
                phrase=phrase[:30],
            ),
        )
        return "0000000", to_school, home_again
    weekdays, (morning, afternoon) = read
    if (to_school and not morning) or (home_again and not afternoon):
        judge.warn(
            "weekdays",
            Sentence(
                "接送日“%(phrase)s”与上学、放学两列不一致，按接送日的早上或下午安排，请核对。",
                phrase=phrase[:30],
            ),
        )
        to_school, home_again = to_school and morning, home_again and afternoon
        if not (to_school or home_again):
            judge.reject("weekdays", "接送日写的半天与上学、放学两列对不上，请改成一致。")
    return weekdays, to_school, home_again


def _dates(judge: RowJudge) -> tuple[date | None, date | None]:
    as_of = judge.setting.as_of
    starts_on = read_day(judge, "starts_on", Verdict.REJECTED)
    ends_on = read_day(judge, "ends_on", Verdict.REJECTED)
    if starts_on is None and not judge.said("starts_on"):
        judge.warn("starts_on", Sentence("开始日期没填，先按 %(as_of)s 开始，请核对。", as_of=as_of))
        starts_on = as_of
    if starts_on is not None and starts_on - as_of > timedelta(days=366):
        judge.reject(
            "starts_on", Sentence("开始日期 %(starts_on)s 在一年以后，请核对年份。", starts_on=starts_on)
        )
    if starts_on is not None and ends_on is not None and ends_on < starts_on:
        judge.reject(
            "ends_on",
            Sentence(
                "结束日期 %(ends_on)s 早于开始日期 %(starts_on)s，请核对。",
                ends_on=ends_on,
                starts_on=starts_on,
            ),
        )
    elif ends_on is not None and ends_on < as_of:
        judge.warn("ends_on", Sentence("护送已于 %(ends_on)s 结束，不会再安排，请核对。", ends_on=ends_on))
    return starts_on, ends_on


def _needs(judge: RowJudge) -> SplitNeeds:
    split = split_needs(judge.text("needs", 10_000), judge.text("remark", 10_000))
    diagnosis = "，".join(filter(None, (split.diagnosis, judge.text("diagnosis", 10_000))))
    split = SplitNeeds(split.needs, diagnosis, split.handling_note)
    if len(split.handling_note) <= LONGEST_NOTE:
        return split
    column = (
        "needs" if len(read_text(judge.cell("needs"))) > len(read_text(judge.cell("remark"))) else "remark"
    )
    judge.warn(
        column,
        Sentence(
            "照护提示超过 %(longest_note)s 个字，没有导入。请只写护送时要注意的事，不写病情，再重新导入。",
            longest_note=LONGEST_NOTE,
        ),
    )
    return SplitNeeds(split.needs, split.diagnosis, "")


def _consent_on(judge: RowJudge) -> date | None:
    consent_on = read_day(judge, "consent_on", Verdict.WARNING)
    if consent_on is None:
        if not judge.said("consent_on"):
            judge.warn("consent_on", "没有监护人同意书日期，签署前不会安排护送，请补签后填上。")
    elif consent_on > judge.setting.as_of:
        judge.reject(
            "consent_on", Sentence("监护人同意书日期 %(consent_on)s 在将来，请核对。", consent_on=consent_on)
        )
    return consent_on


def _pickup(
    judge: RowJudge, street: str, home: Point | None, places: Mapping[str, Point]
) -> tuple[str, bool, Point | None]:
    """Return (name, whether it is the home, point). A place is found by its name and the child's street."""
    name = judge.label("pickup")
    if not name:
        judge.tidied("pickup", "接送地点没填，按家门口处理。")
    if not name or name in _HOME:
        if home is None and not judge.is_rejected:
            judge.warn("pickup", "接送地点是家门口，但住址没有经纬度，暂不能排班，请补上经纬度。")
        return "家门口", True, home
    if (known := places.get(place_key(name, street))) is not None:
        return name, False, known
    system = judge.table.header.system or CoordinateSystem.WGS84
    pasted = parse_shared_place(read_text(judge.cell("pickup")), default=system)
    if pasted is not None and judge.setting.rules.bounds.contains(pasted):
        return re.sub(r"[\d.,，;\s°]+", "", name)[:40] or "指定地点", False, pasted
    elsewhere = [key.partition("|")[2] for key in places if key.partition("|")[0] == name]
    hint = Sentence("（%(streets)s有同名地点）", streets="、".join(elsewhere[:3])) if elsewhere else ""
    judge.warn(
        "pickup",
        Sentence(
            "“%(name)s”不在“常用地点”表的%(street)s里%(hint)s，没有坐标，暂不能排班。请改成表中的地点，或先在“常用地点”表补上。",
            name=name[:30],
            street=street or Sentence("该街道"),
            hint=hint,
        ),
    )
    return name, False, None


_HOME = {
    "家门口",
    "家",
    "家里",
    "家中",
    "住址",
    "住家",
    "家门前",
    "自家门口",
    "本人家",
    "家庭住址",
    "住址门口",
}


def _receivers(judge: RowJudge) -> tuple[Receiver, ...]:
    """Return who may take the child over. Without a phone a receiver is "to be completed"."""
    receivers: list[Receiver] = []
    for piece in re.split(r"[、,，;；/\n]|和|及", judge.text("receivers")):
        text = half_width(piece).strip()
        if not text or text in {"无", "没有", "-"}:
            continue
        match = re.search(r"[(:：]?\s*(\+?[\d][\d\s\-]{6,})\)?", text)
        name = (text.replace(match.group(), "") if match else text).strip(" ()")
        phone = None
        if match is not None:
            try:
                phone = read_phone(match.group(1), foreign=judge.setting.rules.foreign_phones)
            except UnreadableError as error:
                judge.warn(
                    "receivers",
                    Sentence(
                        "可接回人“%(name)s”的电话有误：%(error)s", name=name[:10], error=Sentence(str(error))
                    ),
                )
        receivers.append(Receiver(name[:40] or "未写姓名", phone))
    return tuple(receivers)
