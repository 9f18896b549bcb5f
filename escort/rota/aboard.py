"""Children who are in a car now: no click takes their run away, a human follows it by telephone until they arrive.

Taps are journeys' table, a room above this one: only the columns that are read are named here.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import column, table
from sqlmodel import Session, col, select

from escort import wording
from escort.cases.models import CaseKind
from escort.cases.service import open_case
from escort.families.models import Child
from escort.rota.models import Direction, Leg, RunLeg


def boarded(session: Session, leg_ids: Collection[int]) -> dict[int, bool]:
    """Return the legs whose child has been taken aboard: True while it is in the car, False once it has arrived."""
    if not leg_ids:
        return {}
    rows = session.execute(
        select(col(Leg.id), col(Leg.direction), TAP.c.step, TAP.c.by)
        .join(TAP, TAP.c.leg_id == col(Leg.id))
        .where(col(Leg.id).in_(list(leg_ids)), TAP.c.undone_at.is_(None), TAP.c.step.in_(ABOARD))
    )
    in_car: dict[int, bool] = {}
    for leg_id, direction, step, by in rows:
        at_gate_home = step == "handed_over" and by.startswith("gate:") and direction == Direction.HOME
        in_car[leg_id] = in_car.get(leg_id, True) and (step == "on_board" or at_gate_home)
    return in_car


def legs_in_cars(session: Session, run_ids: Collection[int]) -> dict[int, list[int]]:
    """Return, by run, the legs whose child is in that run's car now; runs without one are left out."""
    riding = session.exec(
        select(RunLeg.leg_id, RunLeg.run_id).where(col(RunLeg.run_id).in_(list(run_ids)), col(RunLeg.is_live))
    ).all()
    now_in_car = boarded(session, [leg_id for leg_id, _ in riding])
    found: dict[int, list[int]] = {}
    for leg_id, run_id in riding:
        if now_in_car.get(leg_id):
            found.setdefault(run_id, []).append(leg_id)
    return found


def follow_by_phone(session: Session, leg_ids: Collection[int], *, by: str, now: datetime) -> None:
    """Open an urgent case for each of these legs: something should have taken its run away, and did not."""
    rows = session.exec(
        select(Leg, Child.short_name)
        .join(Child, col(Child.id) == col(Leg.child_id))
        .where(col(Leg.id).in_(list(leg_ids)))
    ).all()
    for leg, child in rows:
        open_case(
            session,
            kind=CaseKind.TROUBLE_ON_ROAD,
            about=f"leg:{leg.id}",
            sentence=wording.case_kept_on_road(child),
            needed_by=leg.due_at,
            now=now,
            by=by,
        )


TAP = table("tap", column("leg_id"), column("step"), column("by"), column("undone_at"))
ABOARD = ("on_board", "delivered", "handed_over")
