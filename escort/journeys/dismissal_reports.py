"""今天提前放学: a school says so at its gate, the person on duty confirms or refuses, and only then the day changes.

A second report of the same school or class changes the first while nobody has answered: one question, one answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from escort import wording
from escort.access import audit
from escort.cases.models import CaseKind
from escort.cases.service import close_because, open_case
from escort.errors import Conflict, NotFound, Refused
from escort.families.models import Child
from escort.journeys.models import DismissalReport, ReportState
from escort.rota.early import call_early_dismissal
from escort.rota.models import Direction, Leg, LegState
from escort.schools.models import School
from escort.schools.service import Scope, get_school
from escort.sentences import Sentence, mark


@dataclass(frozen=True)
class ReportPage:
    """One report as the person on duty reads it before answering."""

    report_id: int
    version: int
    school: str
    on: date
    at: time
    class_name: str  # "": the whole school
    note: str
    state: str
    reported_at: datetime
    answer: str
    children: tuple[str, ...]  # by 小名: whose ride home it would move
    last_at: datetime | None  # the latest of their present times


def report_early_dismissal(
    session: Session,
    *,
    school_id: int,
    at: time,
    class_name: str,
    note: str,
    by: str,
    now: datetime,
    zone: ZoneInfo,
) -> int:
    """Note a school's word and open a case for the person on duty; return the report, the one that waits if there is.

    Raises Refused for a time that is over, before the bell or not before the children's present time, and where
    nobody is to be fetched.
    """
    school = get_school(session, school_id)
    on = now.astimezone(zone).date()
    _check(session, school, on=on, at=at, class_name=class_name, now=now, zone=zone)
    report_id = _keep(
        session, school_id=school_id, on=on, at=at, class_name=class_name, note=note, by=by, now=now
    )
    open_case(
        session,
        kind=CaseKind.EARLY_DISMISSAL,
        about=about(report_id),
        sentence=wording.case_early_dismissal(school.name, at, class_name, note),
        needed_by=datetime.combine(on, at, zone),
        by=by,
        now=now,
    )
    audit.record(session, actor=by, action="dismissal.reported", subject=about(report_id), now=now)
    return report_id


def withdraw_report(session: Session, *, report_id: int, school_id: int, by: str, now: datetime) -> None:
    """Take a mistaken report back before it is answered. Raises NotFound for another school's, Conflict if answered."""
    report = session.get(DismissalReport, report_id)
    if report is None or report.school_id != school_id:
        raise NotFound("没有这一条，请回到门口名单再看一眼。")
    _settle(session, report_id, None, ReportState.WITHDRAWN, "", by=by, now=now)
    _close_case(session, report_id, reason=mark("学校撤回了"), by=by, now=now)


def confirm_report(
    session: Session, *, report_id: int, version: int, by: str, now: datetime, zone: ZoneInfo
) -> None:
    """Let the children out early, as reported: their legs follow, and whoever had said yes is asked again.

    Raises Conflict if it was answered, or changed by the school since `version` was read; Refused as
    `call_early_dismissal` does.
    """
    _settle(session, report_id, version, ReportState.CONFIRMED, "", by=by, now=now)
    report = session.get_one(DismissalReport, report_id, populate_existing=True)
    for scope in _scopes(session, report):
        call_early_dismissal(
            session, on=report.on, at=report.at, scope=scope, note=report.note, by=by, now=now, zone=zone
        )
    reason = Sentence("按 %(at)s 提前放学办了", at=f"{report.at:%H:%M}")
    _close_case(session, report_id, reason=reason, by=by, now=now)


def refuse_report(
    session: Session, *, report_id: int, version: int, answer: str, by: str, now: datetime
) -> None:
    """Leave the day as it is, with a word that the school reads. Raises Refused without one, Conflict as above."""
    if not answer:
        raise Refused("请给学校回一句为什么，例如：司机来不及，还是 16:00。")
    _settle(session, report_id, version, ReportState.REFUSED, answer, by=by, now=now)
    _close_case(session, report_id, reason=Sentence("没有提前：%(answer)s", answer=answer), by=by, now=now)


def reports_of(session: Session, *, school_id: int, on: date) -> list[DismissalReport]:
    """Return what a school has reported for that day and not taken back, in the order of the times."""
    rows = select(DismissalReport).where(
        DismissalReport.school_id == school_id,
        DismissalReport.on == on,
        DismissalReport.state != ReportState.WITHDRAWN,
    )
    return list(session.exec(rows.order_by(col(DismissalReport.at), col(DismissalReport.id))))


def report_page(session: Session, *, report_id: int) -> ReportPage:
    """Return one report with whom it would concern. Raises NotFound."""
    report = session.get(DismissalReport, report_id)
    if report is None:
        raise NotFound("没有这份报告，请回到“今天”再看一眼。")
    concerned = _legs_home(session, report.school_id, report.on, report.class_name)
    return ReportPage(
        report_id=report_id,
        version=report.version,
        school=get_school(session, report.school_id).name,
        on=report.on,
        at=report.at,
        class_name=report.class_name,
        note=report.note,
        state=report.state,
        reported_at=report.reported_at,
        answer=report.answer,
        children=tuple(row.short_name for row in concerned),
        last_at=max((row.pickup_at for row in concerned), default=None),
    )


def classes_today(session: Session, *, school_id: int, on: date) -> list[str]:
    """Return the classes of a school whose children are to be fetched home that day, as the gate's list says them."""
    names = {row.class_name for row in _legs_home(session, school_id, on, "") if row.class_name}
    return sorted(names, key=lambda name: ([NUMERALS.find(letter) for letter in name], name))


def about(report_id: int) -> str:
    return f"dismissal:{report_id}"


@dataclass(frozen=True)
class _LegHome:
    child_id: int
    short_name: str
    class_name: str
    pickup_at: datetime


def _check(
    session: Session, school: School, *, on: date, at: time, class_name: str, now: datetime, zone: ZoneInfo
) -> None:
    concerned = _legs_home(session, school.id or 0, on, class_name)
    if not concerned:
        raise Refused("今天这里没有要接回家的孩子，不用报。有别的事请打值班电话。")
    moment = datetime.combine(on, at, zone)
    if moment <= now:
        raise Refused(Sentence("%(at)s 已经过了。孩子已经出来的，请马上打值班电话。", at=f"{at:%H:%M}"))
    last = max(row.pickup_at for row in concerned)
    if moment >= last:
        raise Refused(
            Sentence(
                "这些孩子本来就是 %(last)s 放学，提前放学的时间要更早，请核对。",
                last=f"{last.astimezone(zone):%H:%M}",
            )
        )
    if at <= school.bell:
        raise Refused(
            Sentence("%(bell)s 才到校，放学要更晚，请核对上午还是下午。", bell=f"{school.bell:%H:%M}")
        )


def _keep(
    session: Session,
    *,
    school_id: int,
    on: date,
    at: time,
    class_name: str,
    note: str,
    by: str,
    now: datetime,
) -> int:
    """Return the one report that waits for this school, day and class: changed, or new."""
    what = {"at": at, "note": note}
    who = {"reported_by": by, "reported_at": now}
    changed = session.scalars(
        update(DismissalReport)
        .where(
            col(DismissalReport.school_id) == school_id,
            col(DismissalReport.on) == on,
            col(DismissalReport.class_name) == class_name,
            col(DismissalReport.state) == ReportState.WAITING,
        )
        .values(**what, **who, version=DismissalReport.version + 1)
        .returning(col(DismissalReport.id))
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if changed is not None:
        return changed
    insert: Any = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    row = {"school_id": school_id, "on": on, "class_name": class_name, **what, **who}
    statement = insert(DismissalReport).values(
        row | {"state": str(ReportState.WAITING), "version": 1, "answer": ""}
    )
    statement = statement.on_conflict_do_nothing(
        index_elements=["school_id", "on", "class_name"], index_where=text("state = 'waiting'")
    )
    new: int | None = session.scalars(statement.returning(DismissalReport.id)).one_or_none()
    if new is None:
        raise Conflict("刚刚有人报过了。请回到门口名单看一眼，不对再改。")
    return new


def _settle(
    session: Session,
    report_id: int,
    version: int | None,
    state: ReportState,
    answer: str,
    *,
    by: str,
    now: datetime,
) -> None:
    """Move a waiting report on, once. `version` is what the reader saw; None: whatever it says now."""
    chosen = [col(DismissalReport.id) == report_id, col(DismissalReport.state) == ReportState.WAITING]
    if version is not None:
        chosen.append(col(DismissalReport.version) == version)
    settled = session.exec(
        update(DismissalReport)
        .where(*chosen)
        .values(state=str(state), answered_by=by, answered_at=now, answer=answer)
        .execution_options(synchronize_session=False)
    )
    if settled.rowcount == 0:
        report = session.get(DismissalReport, report_id, populate_existing=True)
        if report is None:
            raise NotFound("没有这份报告，请回到“今天”再看一眼。")
        if report.state == ReportState.WAITING:
            raise Conflict("学校刚刚改了这份报告，请再看一遍，再点。")
        raise Conflict("这份报告已经有人答复，或者学校撤回了。")
    audit.record(session, actor=by, action=f"dismissal.{state}", subject=about(report_id), now=now)


def _close_case(session: Session, report_id: int, *, reason: str, by: str, now: datetime) -> None:
    close_because(
        session, kinds=[CaseKind.EARLY_DISMISSAL], abouts=[about(report_id)], by=by, reason=reason, now=now
    )


def _scopes(session: Session, report: DismissalReport) -> list[Scope]:
    """Return for whom a report holds, as the calendar says it: the school, a class, or else child by child.

    The gate's list says grade and class in one word; the calendar's class is not told apart by grade.
    """
    if not report.class_name:
        return [Scope(report.school_id)]
    mates = session.exec(
        select(Child.id, Child.grade, Child.class_name).where(Child.school_id == report.school_id)
    ).all()
    named = {class_name for _, grade, class_name in mates if f"{grade}{class_name}" == report.class_name}
    of_same_class = {f"{grade}{class_name}" for _, grade, class_name in mates if class_name in named}
    if of_same_class == {report.class_name} and "" not in named:
        return [Scope(report.school_id, class_name) for class_name in sorted(named)]
    concerned = _legs_home(session, report.school_id, report.on, report.class_name)
    return [Scope(child_id=row.child_id) for row in concerned]


def _legs_home(session: Session, school_id: int, on: date, class_name: str) -> Sequence[_LegHome]:
    """Return the legs home that somebody is to drive that day, of one class or ("") of the school."""
    columns: tuple[Any, ...] = (
        Child.id,
        Child.short_name,
        Child.grade,
        Child.class_name,
        Leg.pickup_at,
    )
    rows: Any = (
        select(*columns)
        .join(Leg, col(Leg.child_id) == col(Child.id))
        .where(
            Leg.school_id == school_id,
            Leg.on == on,
            Leg.direction == Direction.HOME,
            Leg.state == LegState.WANTED,
        )
        .order_by(col(Leg.pickup_at), col(Child.id))
    )
    found = [
        _LegHome(child_id, short_name, f"{grade}{class_}", pickup_at)
        for child_id, short_name, grade, class_, pickup_at in session.exec(rows)
    ]
    return [row for row in found if class_name in ("", row.class_name)]


NUMERALS = "一二三四五六七八九"  # so that 三年级 comes before 五年级
