"""今天提前放学: a school reports it, the person on duty answers, and nothing changes before the answer."""

from datetime import datetime, time, timedelta

import pytest
from sqlmodel import Session, select

from escort.access.audit import trail
from escort.cases.models import Case, CaseKind, CaseState
from escort.cases.service import acknowledge
from escort.db import Store
from escort.errors import Conflict, NotFound, Refused
from escort.families.models import Child
from escort.journeys.dismissal_reports import (
    classes_today,
    confirm_report,
    refuse_report,
    report_early_dismissal,
    report_page,
    reports_of,
    withdraw_report,
)
from escort.journeys.models import DismissalReport, ReportState
from escort.rota.legs import extend_calendar
from escort.rota.models import Direction, Leg
from escort.schools.models import CalendarEntry
from tests.builders import ZONE, EscortedChild, a_child, a_school
from tests.cast import LIN

MORNING = datetime(2021, 4, 7, 9, 0, tzinfo=ZONE)  # a Wednesday; school ends at 16:00
TODAY = MORNING.date()
ELEVEN = time(11, 0)
OTHER_OFFICE = "account:2"


def a_school_day(session: Session, *names: str) -> list[EscortedChild]:
    """Children of one school, with their legs: the first in 三年级, the others in 四年级."""
    school = a_school(session)
    children = [a_child(session, name, school=school) for name in names]
    for number, one in enumerate(children):
        session.get_one(Child, one.id).grade = "四年级" if number else "三年级"
    extend_calendar(session, now=MORNING - timedelta(days=2), zone=ZONE)
    return children


def report(
    session: Session,
    school_id: int,
    at: time = ELEVEN,
    class_name: str = "",
    note: str = "",
    now: datetime = MORNING,
) -> int:
    return report_early_dismissal(
        session,
        school_id=school_id,
        at=at,
        class_name=class_name,
        note=note,
        by=f"gate:{school_id}",
        now=now,
        zone=ZONE,
    )


def times_home(session: Session) -> list[time]:
    legs = select(Leg).where(Leg.on == TODAY, Leg.direction == Direction.HOME).order_by(Leg.child_id)  # type: ignore[arg-type]
    return [leg.pickup_at.astimezone(ZONE).time() for leg in session.exec(legs)]


def test_report_is_an_urgent_case_and_changes_no_time(session: Session) -> None:
    (xiaoyu,) = a_school_day(session, "小雨")

    report_id = report(session, xiaoyu.school.id or 0, note="停水")

    (case,) = session.exec(select(Case).where(Case.kind == CaseKind.EARLY_DISMISSAL)).all()
    assert case.about == f"dismissal:{report_id}"
    assert case.is_urgent
    assert case.needed_by == datetime(2021, 4, 7, 11, 0, tzinfo=ZONE)
    assert case.sentence == "学校报：银杏特殊教育学校全校今天11:00提前放学，等您确认（停水）"
    assert times_home(session) == [time(16, 0)]
    assert session.exec(select(CalendarEntry).where(CalendarEntry.kind == "early_day")).all() == []


def test_second_report_changes_the_first_and_never_doubles(session: Session) -> None:
    (xiaoyu,) = a_school_day(session, "小雨")
    school_id = xiaoyu.school.id or 0

    first = report(session, school_id)
    second = report(session, school_id, at=time(11, 30), note="改了")

    assert first == second
    (kept,) = reports_of(session, school_id=school_id, on=TODAY)
    assert (kept.at, kept.note, kept.version) == (time(11, 30), "改了", 2)
    (case,) = session.exec(select(Case).where(Case.kind == CaseKind.EARLY_DISMISSAL)).all()
    assert "11:30" in case.sentence


def test_two_classes_are_two_reports(session: Session) -> None:
    xiaoyu, *_ = a_school_day(session, "小雨", "小禾")
    school_id = xiaoyu.school.id or 0

    report(session, school_id, class_name="三年级")
    report(session, school_id, class_name="四年级", at=time(11, 30))

    kept = reports_of(session, school_id=school_id, on=TODAY)
    assert [(one.class_name, one.at) for one in kept] == [("三年级", ELEVEN), ("四年级", time(11, 30))]


def test_confirmed_report_moves_the_legs_home_and_closes_its_case(session: Session) -> None:
    xiaoyu, *_ = a_school_day(session, "小雨", "小禾")
    report_id = report(session, xiaoyu.school.id or 0)

    confirm_report(session, report_id=report_id, version=1, by=LIN, now=MORNING, zone=ZONE)

    assert times_home(session) == [ELEVEN, ELEVEN]
    (case,) = session.exec(select(Case).where(Case.kind == CaseKind.EARLY_DISMISSAL)).all()
    assert (case.state, case.closed_by, case.close_reason) == (CaseState.CLOSED, LIN, "按 11:00 提前放学办了")
    assert report_page(session, report_id=report_id).state == ReportState.CONFIRMED
    lines = [line.action for line in trail(session, subject=f"dismissal:{report_id}")]
    assert lines == ["dismissal.confirmed", "dismissal.reported"]


def test_confirmed_report_of_a_class_moves_that_class_alone(session: Session) -> None:
    xiaoyu, *_ = a_school_day(session, "小雨", "小禾")
    report_id = report(session, xiaoyu.school.id or 0, class_name="三年级")

    confirm_report(session, report_id=report_id, version=1, by=LIN, now=MORNING, zone=ZONE)

    assert times_home(session) == [ELEVEN, time(16, 0)]


def test_class_of_its_own_name_is_said_to_the_calendar_as_a_class(session: Session) -> None:
    xiaoyu, *_ = a_school_day(session, "小雨", "小禾")
    session.get_one(Child, xiaoyu.id).class_name = "向日葵班"
    session.flush()
    report_id = report(session, xiaoyu.school.id or 0, class_name="三年级向日葵班")

    confirm_report(session, report_id=report_id, version=1, by=LIN, now=MORNING, zone=ZONE)

    (entry,) = session.exec(select(CalendarEntry).where(CalendarEntry.kind == "early_day")).all()
    assert (entry.class_name, entry.child_id) == ("向日葵班", None)
    assert times_home(session) == [ELEVEN, time(16, 0)]


def test_class_name_that_two_grades_share_is_said_child_by_child(session: Session) -> None:
    xiaoyu, xiaohe = a_school_day(session, "小雨", "小禾")
    for one in (xiaoyu, xiaohe):
        session.get_one(Child, one.id).class_name = "一班"
    session.flush()
    report_id = report(session, xiaoyu.school.id or 0, class_name="三年级一班")

    confirm_report(session, report_id=report_id, version=1, by=LIN, now=MORNING, zone=ZONE)

    assert times_home(session) == [ELEVEN, time(16, 0)]


def test_what_the_school_changed_meanwhile_is_not_confirmed(session: Session) -> None:
    (xiaoyu,) = a_school_day(session, "小雨")
    report_id = report(session, xiaoyu.school.id or 0)
    report(session, xiaoyu.school.id or 0, at=time(10, 30))

    with pytest.raises(Conflict, match="刚刚改了"):
        confirm_report(session, report_id=report_id, version=1, by=LIN, now=MORNING, zone=ZONE)

    assert times_home(session) == [time(16, 0)]
    assert report_page(session, report_id=report_id).state == ReportState.WAITING


def test_a_report_is_answered_once(session: Session) -> None:
    (xiaoyu,) = a_school_day(session, "小雨")
    report_id = report(session, xiaoyu.school.id or 0)
    refuse_report(session, report_id=report_id, version=1, answer="司机来不及", by=LIN, now=MORNING)

    with pytest.raises(Conflict, match="已经有人答复"):
        confirm_report(session, report_id=report_id, version=1, by=OTHER_OFFICE, now=MORNING, zone=ZONE)
    with pytest.raises(Conflict):
        withdraw_report(
            session, report_id=report_id, school_id=xiaoyu.school.id or 0, by="gate:1", now=MORNING
        )

    assert times_home(session) == [time(16, 0)]


def test_refusal_needs_a_word_and_closes_the_case_with_it(session: Session) -> None:
    (xiaoyu,) = a_school_day(session, "小雨")
    report_id = report(session, xiaoyu.school.id or 0)

    with pytest.raises(Refused, match="回一句为什么"):
        refuse_report(session, report_id=report_id, version=1, answer="", by=LIN, now=MORNING)
    refuse_report(session, report_id=report_id, version=1, answer="司机来不及", by=LIN, now=MORNING)

    (case,) = session.exec(select(Case).where(Case.kind == CaseKind.EARLY_DISMISSAL)).all()
    assert (case.state, case.close_reason) == (CaseState.CLOSED, "没有提前：司机来不及")


def test_after_an_answer_the_school_may_report_anew(session: Session) -> None:
    (xiaoyu,) = a_school_day(session, "小雨")
    school_id = xiaoyu.school.id or 0
    first = report(session, school_id)
    confirm_report(session, report_id=first, version=1, by=LIN, now=MORNING, zone=ZONE)

    second = report(session, school_id, at=time(10, 30))
    confirm_report(session, report_id=second, version=1, by=LIN, now=MORNING, zone=ZONE)

    assert first != second
    assert times_home(session) == [time(10, 30)]


def test_mistaken_report_is_taken_back_by_its_school_alone(session: Session) -> None:
    (xiaoyu,) = a_school_day(session, "小雨")
    school_id = xiaoyu.school.id or 0
    report_id = report(session, school_id)

    with pytest.raises(NotFound):
        withdraw_report(session, report_id=report_id, school_id=school_id + 1, by="gate:9", now=MORNING)
    withdraw_report(session, report_id=report_id, school_id=school_id, by=f"gate:{school_id}", now=MORNING)

    assert reports_of(session, school_id=school_id, on=TODAY) == []
    (case,) = session.exec(select(Case).where(Case.kind == CaseKind.EARLY_DISMISSAL)).all()
    assert case.state == CaseState.CLOSED
    with pytest.raises(Conflict):
        confirm_report(session, report_id=report_id, version=1, by=LIN, now=MORNING, zone=ZONE)


@pytest.mark.parametrize(
    ("at", "class_name", "sentence"),
    [
        (time(8, 59), "", "已经过了"),  # it is nine
        (time(9, 0), "", "已经过了"),
        (time(16, 0), "", "本来就是 16:00 放学"),
        (time(17, 0), "", "本来就是 16:00 放学"),
        (ELEVEN, "九年级", "没有要接回家的孩子"),  # no such class today
    ],
)
def test_a_time_that_cannot_be_is_refused_with_what_to_mend(
    session: Session, at: time, class_name: str, sentence: str
) -> None:
    (xiaoyu,) = a_school_day(session, "小雨")

    with pytest.raises(Refused, match=sentence):
        report(session, xiaoyu.school.id or 0, at=at, class_name=class_name)

    assert session.exec(select(DismissalReport)).all() == []


def test_afternoon_taken_for_a_morning_is_noticed(session: Session) -> None:
    (xiaoyu,) = a_school_day(session, "小雨")
    early = datetime(2021, 4, 7, 2, 0, tzinfo=ZONE)

    with pytest.raises(Refused, match="上午还是下午"):
        report(session, xiaoyu.school.id or 0, at=time(3, 0), now=early)


def test_taken_case_is_still_confirmed_only_as_it_reads_now(session: Session) -> None:
    (xiaoyu,) = a_school_day(session, "小雨")
    report_id = report(session, xiaoyu.school.id or 0)
    (case,) = session.exec(select(Case).where(Case.kind == CaseKind.EARLY_DISMISSAL)).all()
    acknowledge(session, case_id=case.id or 0, by=LIN, now=MORNING)
    report(session, xiaoyu.school.id or 0, at=time(10, 30))

    seen = report_page(session, report_id=report_id)
    confirm_report(session, report_id=report_id, version=seen.version, by=LIN, now=MORNING, zone=ZONE)

    assert times_home(session) == [time(10, 30)]


def test_page_names_the_children_it_would_move(session: Session) -> None:
    xiaoyu, *_ = a_school_day(session, "小雨", "小禾")
    report_id = report(session, xiaoyu.school.id or 0, class_name="四年级")

    seen = report_page(session, report_id=report_id)

    assert seen.children == ("小禾",)
    assert classes_today(session, school_id=xiaoyu.school.id or 0, on=TODAY) == ["三年级", "四年级"]


def test_two_reports_at_once_are_one(store: Store) -> None:
    with store.write() as session:
        (xiaoyu,) = a_school_day(session, "小雨")
        school_id = xiaoyu.school.id or 0

    for _ in range(2):
        with store.write() as session:
            report(session, school_id)

    with store.read() as session:
        assert len(session.exec(select(DismissalReport)).all()) == 1
        assert len(session.exec(select(Case).where(Case.kind == CaseKind.EARLY_DISMISSAL)).all()) == 1
