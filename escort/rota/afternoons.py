"""The afternoon of a child that is not fetched in the morning: asked for, never assumed.

Without an answer it stays wanted, the driver comes, and the office sees that nobody has said so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select, update

from escort.errors import Conflict
from escort.families.models import Child
from escort.rota.legs import cancel_leg
from escort.rota.models import Direction, Leg, LegState


@dataclass(frozen=True)
class OpenAfternoon:
    """A way home that is still wanted though the morning is off, and nobody has said whether it is."""

    leg_id: int
    child_id: int
    child: str
    on: date
    pickup_at: datetime


def keep_afternoon(session: Session, *, leg_id: int, by: str, now: datetime) -> None:
    """Write down that the way home is wanted all the same. Raises Conflict if it is cancelled, or over."""
    kept = session.exec(
        update(Leg)
        .where(
            col(Leg.id) == leg_id,
            col(Leg.direction) == Direction.HOME,
            col(Leg.state) == LegState.WANTED,
            col(Leg.pickup_at) > now,
        )
        .values(kept_at=now, kept_by=by[:40])
    )
    if kept.rowcount == 0:
        raise Conflict("这趟放学接送已经取消，或者时间已经过了。请刷新页面再看。")
    session.expire_all()


def afternoon_of(session: Session, leg: Leg, *, now: datetime) -> Leg | None:
    """Return the way home of the same day that is still wanted and ahead, of a leg to school; else None."""
    if leg.direction != Direction.TO_SCHOOL:
        return None
    return session.exec(
        select(Leg).where(
            Leg.escort_id == leg.escort_id,
            Leg.on == leg.on,
            Leg.direction == Direction.HOME,
            Leg.state == LegState.WANTED,
            col(Leg.pickup_at) > now,
        )
    ).first()


def cancel_rides(
    session: Session, *, legs: Sequence[Leg], by: str, reason: str, now: datetime, zone: ZoneInfo
) -> None:
    """Cancel what the family chose of the rides that it was shown; an afternoon it did not choose is wanted by its word.

    Raises what `cancel_leg` raises.
    """
    chosen = [leg.id or 0 for leg in legs]
    homes = [afternoon_of(session, leg, now=now) for leg in legs]
    kept = {home.id or 0 for home in homes if home is not None} - set(chosen)
    for leg_id in chosen:
        cancel_leg(session, leg_id=leg_id, by=by, reason=reason, now=now, zone=zone)
    for leg_id in kept:
        keep_afternoon(session, leg_id=leg_id, by=by, now=now)


def open_afternoons(session: Session, *, from_on: date, until_on: date) -> list[OpenAfternoon]:
    """Return the afternoons of these days that nobody has spoken for, by their time."""
    morning = aliased(Leg)
    columns: Any = (Leg.id, Leg.child_id, Child.short_name, Leg.on, Leg.pickup_at)
    rows = session.exec(
        select(*columns)
        .select_from(Leg)
        .join(Child, col(Child.id) == col(Leg.child_id))
        .join(
            morning,
            (col(morning.escort_id) == col(Leg.escort_id))
            & (col(morning.on) == col(Leg.on))
            & (col(morning.direction) == Direction.TO_SCHOOL),
        )
        .where(
            col(morning.state) == LegState.CANCELLED,
            col(Leg.on) >= from_on,
            col(Leg.on) <= until_on,
            Leg.direction == Direction.HOME,
            Leg.state == LegState.WANTED,
            col(Leg.kept_at).is_(None),
        )
        .order_by(col(Leg.pickup_at), col(Leg.id))
    )
    return [OpenAfternoon(*row) for row in rows]
