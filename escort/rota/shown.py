"""What somebody who was asked is shown of a run: date, half-day, time, areas, kilometres, equipment. No names."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from escort import wording
from escort.families.models import Child
from escort.rota.models import Direction, Leg, Run, RunLeg
from escort.schools.models import School


@dataclass(frozen=True)
class RunShown:
    """A yes holds for this and nothing else."""

    run_id: int
    starts_at: datetime
    ends_at: datetime
    legs: str  # "leg id.generation" of each child's leg
    turn: wording.Turn
    to_area: str
    km: float
    children: int
    equipment: str  # in words, empty if none is needed


def shown_runs(session: Session, run_ids: Sequence[int]) -> dict[int, RunShown]:
    """Return what is shown of each run, in two queries."""
    if not run_ids:
        return {}
    runs = session.exec(
        select(Run, col(School.street))
        .join(School, col(School.id) == Run.school_id)
        .where(col(Run.id).in_(set(run_ids)))
    ).all()
    legs: dict[int, list[tuple[Leg, bool, bool]]] = {}
    for run_id, leg, seat, wheelchair in session.exec(
        select(col(RunLeg.run_id), Leg, col(Child.child_seat), col(Child.wheelchair))
        .join(Leg, col(Leg.id) == RunLeg.leg_id)
        .join(Child, col(Child.id) == Leg.child_id)
        .where(col(RunLeg.run_id).in_(set(run_ids)), col(RunLeg.is_live))
        .order_by(col(RunLeg.position))
    ):
        legs.setdefault(run_id, []).append((leg, seat, wheelchair))
    return {run.id: _shown(run, street, legs.get(run.id, [])) for run, street in runs if run.id is not None}


def still_holds(
    shown_starts_at: datetime | None, shown_legs: str, *, starts_at: datetime, leg_ids: Collection[int]
) -> bool:
    """Return whether a yes to what was shown is a yes to the run as it is now.

    Not if it starts more than ten minutes away from that, or carries a leg that was not shown: another child, or the
    same one met elsewhere, which always rides in another run then. A child fewer is only told.
    """
    known = {int(leg.partition(".")[0]) for leg in shown_legs.split(",") if leg}
    return is_near(shown_starts_at, starts_at) and (not known or known.issuperset(leg_ids))


def is_near(shown_starts_at: datetime | None, starts_at: datetime) -> bool:
    return shown_starts_at is None or abs(starts_at - shown_starts_at) <= YES_HOLDS_FOR


def _shown(run: Run, school_street: str, legs: list[tuple[Leg, bool, bool]]) -> RunShown:
    assert run.id is not None
    area = legs[0][0].area if legs else ""
    to_school = run.direction == Direction.TO_SCHOOL
    equipment = (["儿童座椅"] if any(seat for _, seat, _ in legs) else []) + (
        ["能载轮椅的车"] if any(chair for _, _, chair in legs) else []
    )
    return RunShown(
        run_id=run.id,
        starts_at=run.starts_at,
        ends_at=run.ends_at,
        legs=",".join(f"{leg.id}.{leg.generation}" for leg, _, _ in legs)[:120],
        turn=wording.Turn(run.starts_at, run.direction, area if to_school else school_street),
        to_area=school_street if to_school else area,
        km=run.km,
        children=len(legs),
        equipment="、".join(equipment),
    )


YES_HOLDS_FOR = timedelta(minutes=10)  # a change of more than this ends a yes
CHANGED = "changed"  # why a yes is not taken: the run is not what was shown
