"""What one volunteer has promised, driven and turned down, as the office sees it."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from escort.rota.models import Run, Shift, ShiftState
from escort.schools.models import School


@dataclass(frozen=True)
class VolunteerTurn:
    on: date
    direction: str
    school: str
    run_id: int
    starts_at: datetime
    ends_at: datetime
    role: str
    state: str
    end_reason: str


def turns_of(session: Session, *, volunteer_id: int, limit: int = 60) -> list[VolunteerTurn]:
    """Return the volunteer's latest shifts, the furthest ahead first; drafts are the office's own and shown too."""
    rows = session.exec(
        select(Shift, Run, School.name)
        .join(Run, col(Run.id) == Shift.run_id)
        .join(School, col(School.id) == Run.school_id)
        .where(Shift.volunteer_id == volunteer_id)
        .order_by(col(Shift.on).desc(), col(Run.starts_at).desc(), col(Shift.id).desc())
        .limit(limit)
    )
    return [
        VolunteerTurn(
            on=shift.on,
            direction=shift.direction,
            school=school,
            run_id=run.id or 0,
            starts_at=run.starts_at,
            ends_at=run.ends_at,
            role=shift.role,
            state=shift.state,
            end_reason=shift.end_reason,
        )
        for shift, run, school in rows
    ]


def is_ahead(turn: VolunteerTurn, now: datetime) -> bool:
    """Say whether a turn is still to come and still held."""
    return turn.starts_at > now and turn.state in (ShiftState.DRAFT, ShiftState.OPEN, ShiftState.CONFIRMED)
