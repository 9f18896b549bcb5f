"""The month sheet: one sentence, each figure with its definition, and the tables that add up to it."""

from datetime import datetime

from sqlmodel import Session

from escort.access import audit
from escort.hours.month import Count, Month
from escort.sentences import Sentence, mark
from escort.spreadsheet import Sheet, Value

DEFINITIONS = {
    "due": (
        mark("该接送"),
        mark(
            "这个月里到了点的行程。一个孩子一天上学算一段，放学算一段；校历、暂停、没签同意书不用接的不算。"
        ),
    ),
    "driven": (mark("送到"), mark("司机、门卫或家里报了送到的段数。")),
    "cancelled": (mark("家里取消"), mark("家里自己取消，或者打电话请办公室取消的段数。")),
    "unfilled": (mark("没有人开"), mark("到点时没有一位志愿者答应的段数，没有取消，也没有送到。")),
    "not_reported": (mark("没有报送到"), mark("有志愿者答应，但是没有人报送到的段数。")),
    "days_due": (mark("该到校"), mark("孩子的上学日：那天要接送上学、家里没有取消。一个孩子一天算一次。")),
    "days_reached": (mark("到了校"), mark("其中上学那一段报了送到的次数。")),
}
"""Of each figure its word and what it counts. 送到 + 家里取消 + 没有人开 + 没有报送到 = 该接送."""

DUTIES = (mark("出车"), mark("一辆车一个半天算一趟，车上几个孩子都算一趟；只算送到了的。"))


def sentence(month: Month) -> str:
    """Return the month in one sentence."""
    total = month.total
    when = Sentence("%(year)s年%(month)s月", year=month.first.year, month=month.first.month)
    if not month.is_over and month.by_day:
        until = max(month.by_day)
        when = Sentence("%(when)s（到%(month)s月%(day)s日为止）", when=when, month=until.month, day=until.day)
    if total.due == 0:
        return Sentence("%(when)s没有到点的行程。", when=when)
    silent = Sentence("，没有报送到 %(n)s 段", n=total.not_reported) if total.not_reported else ""
    return Sentence(
        "%(when)s该接送 %(due)s 段，送到 %(driven)s 段，家里取消 %(cancelled)s 段，没有人开 %(unfilled)s 段%(silent)s；"
        "该到校 %(days_due)s 人次，到了 %(days_reached)s 人次；%(drivers)s 位志愿者出车 %(duties)s 趟。",
        when=when,
        due=total.due,
        driven=total.driven,
        cancelled=total.cancelled,
        unfilled=total.unfilled,
        silent=silent,
        days_due=total.days_due,
        days_reached=total.days_reached,
        drivers=len(month.drivers),
        duties=month.duties,
    )


def month_sheets(month: Month) -> list[Sheet]:
    """Return the workbook's sheets: figures, days, schools, and who drove how often. No child is named."""
    titles = [word for word, _ in DEFINITIONS.values()]
    figures: list[list[Value]] = [[sentence(month)], ["项目", "数", "怎么算的"]]
    figures += [[word, getattr(month.total, name), how] for name, (word, how) in DEFINITIONS.items()]
    figures.append([DUTIES[0], month.duties, DUTIES[1]])
    days: list[list[Value]] = [["日期", *titles]]
    days += [[on, *_numbers(count)] for on, count in month.by_day.items()]
    schools: list[list[Value]] = [["学校", *titles]]
    schools += [[name, *_numbers(count)] for name, count in month.by_school]
    drivers: list[list[Value]] = [["姓名", "车队", "出车趟数", "接送段数", "开车分钟（按预计）"]]
    drivers += [[one.name, one.team, one.duties, one.legs, one.minutes] for one in month.drivers]
    total: list[Value] = ["合计", *_numbers(month.total)]
    return [
        Sheet("本月", figures, header_row=1),
        Sheet("按天", [*days, total]),
        Sheet("按学校", [*schools, total]),
        Sheet("志愿者", drivers),
    ]


def note_month_sheet(session: Session, *, by: str, now: datetime, month: Month) -> None:
    """Write into the trail that somebody took the month sheet out."""
    fields = [f"month: {month.first:%Y-%m}", f"volunteers: {len(month.drivers)}"]
    audit.record(
        session, actor=by, action="month_sheet.exported", subject="month_sheet", fields=fields, now=now
    )


def _numbers(count: Count) -> list[Value]:
    return [getattr(count, name) for name in DEFINITIONS]
