"""The same driver on two service days running: allowed where it must be, and then with its reason."""

from collections.abc import Iterable
from datetime import date, timedelta

from sqlmodel import Session, col, select

from escort.rota.models import Leg, LegState, Run, RunLeg, Shift, ShiftState


def repeat_reason(session: Session, *, run: Run, volunteer_id: int) -> str:
    """Return why a stand-in may come though he drives one of these children on the service day before or after.

    A draft of his counts: it will be published as it stands. "" if he does not: then there is nothing to explain.
    """
    riding = select(Leg.child_id).join(RunLeg, col(RunLeg.leg_id) == col(Leg.id))
    riding = riding.where(RunLeg.run_id == run.id, col(RunLeg.is_live))
    around = (
        col(Leg.child_id).in_(riding),
        Leg.state == LegState.WANTED,
        Leg.on >= run.on - BREAK,
        Leg.on <= run.on + BREAK,
        Leg.on != run.on,
    )
    own = set(
        session.exec(
            select(col(Leg.child_id), col(Leg.on))
            .join(RunLeg, col(RunLeg.leg_id) == col(Leg.id))
            .join(Shift, col(Shift.run_id) == col(RunLeg.run_id))
            .where(
                *around,
                col(RunLeg.is_live),
                Shift.volunteer_id == volunteer_id,
                col(Shift.state).in_(
                    (ShiftState.DRAFT, ShiftState.OPEN, ShiftState.CONFIRMED, ShiftState.SERVED)
                ),
            )
        )
    )
    if not own:
        return ""
    days = session.exec(select(col(Leg.child_id), col(Leg.on)).where(*around).distinct()).all()
    return STAND_IN if own & _next_to(run.on, days) else ""


def _next_to(on: date, days: Iterable[tuple[int, date]]) -> set[tuple[int, date]]:
    """Return each child's last service day before a date, and its first one after."""
    near: dict[tuple[int, bool], date] = {}
    for child_id, day in days:
        key = (child_id, day < on)
        near[key] = max(near.get(key, day), day) if day < on else min(near.get(key, day), day)
    return {(child_id, day) for (child_id, _), day in near.items()}


BREAK = timedelta(days=14)  # after a longer break nobody counts it as running
STAND_IN = "stand_in"  # the first who said yes when somebody had to be found
