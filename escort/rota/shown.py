"""What somebody who was asked is shown of a run: date, half-day, time, areas, kilometres, equipment. No names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

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
