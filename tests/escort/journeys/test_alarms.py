"""What a family, a guard or a driver says that a human must hear at once."""

from datetime import datetime

import pytest
from sqlmodel import Session

from escort.cases.models import Case
from escort.cases.service import next_due_at
from escort.errors import NotFound
from escort.journeys.alarms import Trouble, hold_at_gate, not_this_person, report_trouble
from tests.builders import a_child, a_school
from tests.cast import the_cast
from tests.escort.journeys.rides import TOMORROW, a_ride, local

AT = local(TOMORROW, 7, 40)


def said(case: Case) -> tuple[str, str, str, bool]:
    return case.kind, case.about, case.sentence, case.is_urgent


def test_not_this_person_is_urgent_at_once(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)

    case = not_this_person(session, leg_id=ride.leg_id, by=cast.xiaoyu.guardian_subject, now=AT)

    assert said(case) == (
        "wrong_person",
        f"leg:{ride.leg_id}",
        "家里说：来接小雨的不是这个人。先不交接，马上核实",
        True,
    )
    assert next_due_at(session) == AT


def test_another_family_cannot_raise_it(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)

    with pytest.raises(NotFound):
        not_this_person(session, leg_id=ride.leg_id, by=a_child(session, "石头").guardian_subject, now=AT)
    with pytest.raises(NotFound):
        not_this_person(session, leg_id=4711, by=cast.xiaoyu.guardian_subject, now=AT)


def test_a_guard_holds_a_child_of_his_own_school(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    gate = f"gate:{cast.school.id}"

    case = hold_at_gate(
        session, school_id=cast.school.id or 0, leg_id=ride.leg_id, note="车牌不对", by=gate, now=AT
    )

    assert said(case) == ("held_at_gate", f"leg:{ride.leg_id}", "门卫：小雨先不放（车牌不对）", True)
    other = a_school(session, "青禾小学").id or 0
    with pytest.raises(NotFound):
        hold_at_gate(session, school_id=other, leg_id=ride.leg_id, note="", by=f"gate:{other}", now=AT)


def test_a_guard_holds_somebody_who_is_on_no_list(session: Session) -> None:
    school_id = the_cast(session).school.id or 0

    case = hold_at_gate(session, school_id=school_id, leg_id=None, note="", by=f"gate:{school_id}", now=AT)

    assert case.sentence == "门卫：有名单上没有的人来接，先不放"
    assert case.about == f"gate:{school_id}:{datetime.strftime(AT, '%Y%m%dT%H%M')}"


def test_a_driver_reports_trouble_on_his_own_run(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    wang = cast.wang.id or 0

    case = report_trouble(
        session,
        run_id=ride.run_id,
        volunteer_id=wang,
        what=Trouble.CAR_BROKEN,
        by=f"volunteer:{wang}",
        now=AT,
    )

    assert said(case) == (
        "trouble_on_road",
        f"shift:{ride.shift_id}",
        "姓王的司机报有事：车坏了（小雨）",
        True,
    )
    chen = cast.chen.id or 0
    with pytest.raises(NotFound):
        report_trouble(
            session, run_id=ride.run_id, volunteer_id=chen, what=Trouble.LATE, by=f"volunteer:{chen}", now=AT
        )
