"""The rows of 志愿者, judged one by one, and what they share with the rows of 儿童."""

from datetime import date, timedelta
from functools import partial

from escort.roster.forms import DEFAULT_CAP, FEWEST_SEATS, HIGHEST_CAP, MOST_SEATS
from escort.roster_book.book import Gender, Verdict, VolunteerRow
from escort.roster_book.needs import split_remark
from escort.roster_book.values import (
    FOREVER,
    half_width,
    read_count,
    read_date,
    read_gender,
    read_name,
    read_phone,
    read_plate,
    read_text,
    read_yes,
)
from escort.roster_book.verdicts import RowJudge
from escort.roster_book.weekdays import NEVER, read_pattern
from escort.sentences import Sentence, mark

VETTING_DAYS = 365  # 未成年人保护法 art. 62: queried every year


def judge_volunteer(judge: RowJudge, accepted: dict[str, VolunteerRow], teams: frozenset[str]) -> None:
    name = read_person(judge, "name")
    gender = read_sex(judge)
    phone = read_mobile(judge, "phone", mark("手机号没填，请填 11 位手机号。"))
    team = _team(judge, teams)
    home = judge.point("住址")
    if home is None and not (judge.said("lat") or judge.said("lon")):
        judge.warn("lat", "住址没有经纬度，排班时无法估算路程，请补上。")
    seats, child_seats = _seats(judge)
    plate = _plate(judge)
    wheelchair = judge.read("wheelchair", read_yes, otherwise=Verdict.WARNING) or False
    pattern = _pattern(judge)
    cap_week = _cap(judge)
    vetted_on = _vetted_on(judge)
    licence_until = _until(judge, "licence_until", mark("驾驶证"))
    insured_until = _until(judge, "insured_until", mark("座位险"))
    girls_only, remark = split_remark(judge.text("remark"))
    if phone is not None and (first := accepted.get(phone)) is not None:
        judge.reject(
            "phone",
            Sentence(
                "手机号与第 %(row)s 行（%(name)s）相同，一个号码只能登记一名志愿者，第 %(row)s 行已保留。请给本行换成本人的号码，或删去本行。",
                row=first.row,
                name=first.name,
            ),
        )
    if judge.is_rejected or name is None or phone is None:
        return
    accepted[phone] = VolunteerRow(
        sheet=judge.row.sheet,
        row=judge.row.row,
        name=name,
        gender=gender,
        phone=phone,
        team=team,
        address=judge.text("address"),
        home=home,
        plate=plate,
        car_model=judge.text("car_model", 40),
        car_colour=judge.text("car_colour", 10),
        seats=seats,
        child_seats=child_seats,
        wheelchair=wheelchair,
        pattern=pattern or NEVER,
        pattern_understood=pattern is not None,
        cap_week=cap_week,
        vetted_on=vetted_on,
        licence_until=licence_until,
        insured_until=insured_until,
        girls_only=girls_only,
        remark=remark,
    )


def read_person(judge: RowJudge, column: str, verdict: Verdict = Verdict.REJECTED) -> str | None:
    """Return a person's name; says so where it was tidied or is suspiciously short."""
    name = judge.read(column, read_name, otherwise=verdict)
    if name is None:
        return None
    if len(name) == 1:
        judge.warn(column, "姓名只有一个字，请核对是否漏填。")
    if name != str(judge.cell(column)):
        judge.tidied(column, "姓名里多余的空格或看不见的字符已去掉。")
    return name


def read_sex(judge: RowJudge) -> Gender | None:
    gender = judge.read("gender", read_gender, otherwise=Verdict.WARNING)
    if gender is None and not judge.said("gender"):
        judge.warn("gender", "性别没填，有性别要求的接送安排不了，请补上。")
    return gender


def read_mobile(judge: RowJudge, column: str, when_missing: str) -> str | None:
    """Return a phone as E.164. A row without one is rejected: nobody could be told anything."""
    reader = partial(read_phone, foreign=judge.setting.rules.foreign_phones)
    phone = judge.read(column, reader, otherwise=Verdict.REJECTED)
    if phone is None:
        if not judge.said(column):
            judge.reject(column, when_missing)
        return None
    written = read_text(judge.cell(column))
    if written != phone.removeprefix("+86"):
        judge.tidied(column, "号码写法已整理（去掉空格、短横线、+86 或全角数字）。")
    return phone


def read_day(judge: RowJudge, column: str, verdict: Verdict) -> date | None:
    return judge.read(column, partial(read_date, from_1904=judge.setting.from_1904), otherwise=verdict)


def _team(judge: RowJudge, teams: frozenset[str]) -> str:
    team = judge.label("team", 40)
    if not team:
        judge.reject("team", "所属志愿队没填，请填“志愿队”表里的名称。")
    elif team not in teams:
        judge.reject(
            "team",
            Sentence(
                "“%(team)s”不在“志愿队”表里，请改成表中的名称，或先在“志愿队”表补上这支车队。", team=team
            ),
        )
    return team


def _seats(judge: RowJudge) -> tuple[int, int]:
    """Return (seats for passengers, child seats). The book counts the driver's seat unless its header says not."""
    column = "seats" if "seats" in judge.table.header.places else "passenger_seats"
    seats = judge.read(column, read_count, otherwise=Verdict.REJECTED)
    child_seats = judge.read("child_seats", read_count, otherwise=Verdict.WARNING) or 0
    if seats is None:
        if not judge.said(column):
            judge.warn(column, "座位数没填，暂不能出车，请补上。")
        return 0, 0
    if column == "passenger_seats":
        seats += 1
    if not FEWEST_SEATS <= seats <= MOST_SEATS:
        judge.reject(
            column,
            Sentence(
                "座位数（含司机）为 %(seats)s，应在 %(fewest_seats)s 到 %(most_seats)s 之间，请按行驶证填写。",
                seats=seats,
                fewest_seats=FEWEST_SEATS,
                most_seats=MOST_SEATS,
            ),
        )
    elif child_seats > seats - 1:
        judge.reject(
            "child_seats",
            Sentence(
                "儿童座椅 %(child_seats)s 个，超过乘客座位 %(n)s 个，请核对。",
                child_seats=child_seats,
                n=seats - 1,
            ),
        )
    return max(seats - 1, 0), child_seats


def _plate(judge: RowJudge) -> str:
    plate = judge.read("plate", read_plate, otherwise=Verdict.WARNING) or ""
    if not plate:
        if not judge.said("plate"):
            judge.warn("plate", "车牌号没填，家里和门卫无法认车，暂不能出车，请补上。")
    elif plate != str(judge.cell("plate")):
        judge.tidied("plate", Sentence("车牌写法已整理为 %(plate)s。", plate=plate))
    return plate


def _pattern(judge: RowJudge) -> str | None:
    phrase = judge.text("availability", 100)
    pattern = read_pattern(phrase) if phrase else None
    if not phrase:
        judge.warn("availability", "可出车时间没填，暂不能排班，请补上，如“周一至周三早上”。")
    elif pattern is None:
        judge.warn(
            "availability",
            Sentence(
                "看不懂可出车时间“%(phrase)s”，暂不能排班，请改成“周一至周三早上”“工作日均可”这样的写法。",
                phrase=phrase[:30],
            ),
        )
    return pattern


def _cap(judge: RowJudge) -> int:
    cap = judge.read("cap_week", read_count, otherwise=Verdict.WARNING)
    if cap is None:
        if not judge.said("cap_week"):
            judge.tidied(
                "cap_week", Sentence("每周最多次数没填，先按 %(default_cap)s 次。", default_cap=DEFAULT_CAP)
            )
        return DEFAULT_CAP
    if not 1 <= cap <= HIGHEST_CAP:
        judge.warn(
            "cap_week",
            Sentence(
                "每周最多次数为 %(cap)s，应在 1 到 %(highest_cap)s 之间，暂按 %(n)s 次，请核对。",
                cap=cap,
                highest_cap=HIGHEST_CAP,
                n=min(cap, HIGHEST_CAP),
            ),
        )
    elif isinstance(judge.cell("cap_week"), str) and read_text(judge.cell("cap_week")) != str(cap):
        judge.tidied("cap_week", Sentence("已整理为数字 %(cap)s。", cap=cap))
    return min(cap, HIGHEST_CAP)


def _vetted_on(judge: RowJudge) -> date | None:
    as_of = judge.setting.as_of
    vetted_on = read_day(judge, "vetted_on", Verdict.WARNING)
    if vetted_on is None:
        if not judge.said("vetted_on"):
            judge.warn("vetted_on", "没有无犯罪记录查询日期，查询前不能出车，请安排查询后补上。")
    elif vetted_on > as_of:
        judge.reject(
            "vetted_on",
            Sentence("无犯罪记录查询日期 %(vetted_on)s 在将来，请核对年份。", vetted_on=vetted_on),
        )
    elif as_of - vetted_on > timedelta(days=VETTING_DAYS):
        judge.warn(
            "vetted_on",
            Sentence("无犯罪记录查询已超过一年（%(vetted_on)s），重新查询前不能出车。", vetted_on=vetted_on),
        )
    return vetted_on


def _until(judge: RowJudge, column: str, what: str) -> date | None:
    if half_width(read_text(judge.cell(column))) in {"长期", "长期有效", "永久"}:
        return FOREVER
    until = read_day(judge, column, Verdict.WARNING)
    if until is None:
        if not judge.said(column):
            judge.warn(column, Sentence("没有%(what)s有效期，暂不能出车，请补上。", what=Sentence(what)))
    elif until < judge.setting.as_of:
        judge.warn(
            column,
            Sentence("%(what)s已于 %(until)s 到期，更新前不能出车。", what=Sentence(what), until=until),
        )
    return until
