"""What a family, a guard or a driver says that a human must hear at once: each opens an urgent case."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Session, col, select

from escort import wording
from escort.access import audit
from escort.cases.models import Case, CaseKind
from escort.cases.service import open_case
from escort.errors import NotFound
from escort.families.models import Child, Guardian
from escort.roster.models import Volunteer
from escort.rota.models import Leg, Run, RunLeg, Shift, ShiftState


class Trouble(StrEnum):
    """What a driver can say with one tap."""

    LATE = "late"  # 会晚 10 分钟
    CHILD_MISSING = "child_missing"  # 孩子不在
    CAR_BROKEN = "car_broken"  # 车坏了
    CALL_ME = "call_me"  # 找值班


IN_WORDS = {
    Trouble.LATE: "会晚10分钟",
    Trouble.CHILD_MISSING: "孩子不在",
    Trouble.CAR_BROKEN: "车坏了",
    Trouble.CALL_ME: "请值班回个电话",
}


def not_this_person(session: Session, *, leg_id: int, by: str, now: datetime) -> Case:
    """A family says that this is not the person who should come. Raises NotFound unless it is their child's leg."""
    leg, child = _leg(session, leg_id)
    role, _, number = by.partition(":")
    if role == "guardian":
        guardian = session.get(Guardian, int(number))
        if guardian is None or guardian.family_id != child.family_id:
            raise NotFound("没有这趟接送，请打开最新的短信。")
    return _alarm(
        session,
        kind=CaseKind.WRONG_PERSON,
        about=f"leg:{leg_id}",
        sentence=wording.case_wrong_person(child.short_name, "家里"),
        needed_by=leg.pickup_at,
        by=by,
        now=now,
    )


def hold_at_gate(
    session: Session, *, school_id: int, leg_id: int | None, note: str, by: str, now: datetime
) -> Case:
    """A guard holds a child back, or somebody who is on no list. Raises NotFound for another school's child."""
    if leg_id is None:
        return _alarm(
            session,
            kind=CaseKind.HELD_AT_GATE,
            about=f"gate:{school_id}:{now:%Y%m%dT%H%M}",
            sentence=wording.case_held_at_gate(None, note.strip()[:NOTE]),
            needed_by=now,
            by=by,
            now=now,
        )
    leg, child = _leg(session, leg_id)
    if leg.school_id != school_id:
        raise NotFound("这名学生不是本校的，请核对名单。")
    return _alarm(
        session,
        kind=CaseKind.HELD_AT_GATE,
        about=f"leg:{leg_id}",
        sentence=wording.case_held_at_gate(child.short_name, note.strip()[:NOTE]),
        needed_by=leg.pickup_at,
        by=by,
        now=now,
    )


def report_trouble(
    session: Session, *, run_id: int, volunteer_id: int, what: Trouble, by: str, now: datetime
) -> Case:
    """A driver says that something is wrong. Raises NotFound unless they have promised this run."""
    shift = session.exec(
        select(Shift).where(
            Shift.run_id == run_id,
            Shift.volunteer_id == volunteer_id,
            col(Shift.state).in_((ShiftState.CONFIRMED, ShiftState.SERVED)),
        )
    ).first()
    if shift is None:
        raise NotFound("这趟现在不是您的了。有事请打值班电话。")
    run = session.get_one(Run, run_id)
    driver = session.get_one(Volunteer, volunteer_id)
    return _alarm(
        session,
        kind=CaseKind.TROUBLE_ON_ROAD,
        about=f"shift:{shift.id}",
        sentence=wording.case_trouble(driver.name, children_of(session, run_id), IN_WORDS[what]),
        needed_by=run.starts_at,
        by=by,
        now=now,
    )


def children_of(session: Session, run_id: int) -> list[str]:
    """Return the 小名 of the children in a run, in the order of the drive."""
    rows = (
        select(Child.short_name)
        .join(Leg, col(Leg.child_id) == col(Child.id))
        .join(RunLeg, col(RunLeg.leg_id) == col(Leg.id))
        .where(RunLeg.run_id == run_id, col(RunLeg.is_live))
        .order_by(col(RunLeg.position))
    )
    return list(session.exec(rows))


def _alarm(
    session: Session,
    *,
    kind: CaseKind,
    about: str,
    sentence: str,
    needed_by: datetime,
    by: str,
    now: datetime,
) -> Case:
    case = open_case(session, kind=kind, about=about, sentence=sentence, needed_by=needed_by, now=now, by=by)
    audit.record(session, actor=by, action=f"alarm.{kind}", subject=about, now=now)
    return case


def _leg(session: Session, leg_id: int) -> tuple[Leg, Child]:
    found = session.exec(
        select(Leg, Child).join(Child, col(Child.id) == col(Leg.child_id)).where(Leg.id == leg_id)
    ).first()
    if found is None:
        raise NotFound("没有这趟接送，请打开最新的短信。")
    return found[0], found[1]


NOTE = 60  # characters of a guard's note
