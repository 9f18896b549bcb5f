"""Whether somebody may drive a run at the moment of the yes, whatever was true when they were asked."""

from sqlmodel import Session, col, select

from escort.errors import Refused
from escort.families.models import BarredPerson
from escort.roster.gates import gates_on, may_drive, sentences
from escort.roster.models import Blockout, Volunteer
from escort.rota.models import LIVE_SHIFT, Leg, Run, RunLeg, Shift, ShiftState


def is_fit(session: Session, *, run: Run, volunteer_id: int) -> bool:
    """Return whether papers, families and their own calendar let this volunteer drive the run."""
    volunteer = session.get(Volunteer, volunteer_id)
    if volunteer is None or not may_drive(volunteer, run.on):
        return False
    return not is_barred(session, run, volunteer_id) and not is_blocked_out(session, run, volunteer_id)


def require_fit(session: Session, *, run: Run, volunteer_id: int) -> None:
    """Raise Refused, with the name and what is wrong, unless this volunteer may be asked for the run."""
    volunteer = session.get(Volunteer, volunteer_id)
    if volunteer is None:
        raise Refused("没有这位志愿者，请刷新页面再选。")
    if shut := gates_on(volunteer, run.on):
        raise Refused(f"{volunteer.name}：{sentences(shut)[0]}")
    if is_barred(session, run, volunteer_id):
        raise Refused(f"{volunteer.name}：这趟车里有家庭不让他接，请另外选人。")
    if is_blocked_out(session, run, volunteer_id):
        raise Refused(f"{volunteer.name}：这天他说过不方便，请另外选人。")
    if _is_promised(session, run, volunteer_id):
        raise Refused(f"{volunteer.name}：这半天已经有别的车次，请另外选人。")


def is_barred(session: Session, run: Run, volunteer_id: int) -> bool:
    rows = (
        select(BarredPerson.id)
        .join(Leg, col(Leg.child_id) == col(BarredPerson.child_id))
        .join(RunLeg, col(RunLeg.leg_id) == col(Leg.id))
        .where(
            RunLeg.run_id == run.id,
            col(RunLeg.is_live),
            BarredPerson.volunteer_id == volunteer_id,
            col(BarredPerson.removed_at).is_(None),
        )
    )
    return session.exec(rows.limit(1)).first() is not None


def is_blocked_out(session: Session, run: Run, volunteer_id: int) -> bool:
    rows = select(Blockout.id).where(
        Blockout.volunteer_id == volunteer_id,
        Blockout.from_on <= run.on,
        Blockout.until_on >= run.on,
        col(Blockout.removed_at).is_(None),
        col(Blockout.half_day).is_(None) | (col(Blockout.half_day) == run.direction),
    )
    return session.exec(rows.limit(1)).first() is not None


def _is_promised(session: Session, run: Run, volunteer_id: int) -> bool:
    rows = select(Shift.id).where(
        Shift.volunteer_id == volunteer_id,
        Shift.on == run.on,
        Shift.direction == run.direction,
        Shift.run_id != run.id,
        col(Shift.state).in_(LIVE_SHIFT),
        Shift.state != ShiftState.DRAFT,
    )
    return session.exec(rows.limit(1)).first() is not None
