"""What was really served: the turn counter that journeys tells us about."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select, update

from escort.rota.models import CircleMember, CircleState, Leg, Service


def record_service(session: Session, *, leg_id: int, volunteer_id: int, now: datetime) -> bool:
    """Count a delivered leg as this volunteer's turn with this child; False if it was counted before."""
    return record_services(session, [(session.get_one(Leg, leg_id), volunteer_id)], now=now) == 1


def record_services(session: Session, turns: Iterable[tuple[Leg, int]], *, now: datetime) -> int:
    """Count delivered legs as turns of those who drove them; return how many had not been counted before."""
    rows = [
        {
            "leg_id": leg.id,
            "child_id": leg.child_id,
            "volunteer_id": volunteer_id,
            "on": leg.on,
            "direction": leg.direction,
        }
        for leg, volunteer_id in turns
    ]
    if not rows:
        return 0
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    statement: Any = sqlite.insert(Service) if is_sqlite else postgresql.insert(Service)
    statement = statement.on_conflict_do_nothing(index_elements=["leg_id"]).returning(Service.leg_id)
    counted = set(session.scalars(statement, rows))
    drove = {(row["child_id"], row["volunteer_id"]) for row in rows if row["leg_id"] in counted}
    if drove:
        session.exec(
            update(CircleMember)
            .where(
                tuple_(col(CircleMember.child_id), col(CircleMember.volunteer_id)).in_(drove),
                col(CircleMember.known_at).is_(None),
            )
            .values(state=str(CircleState.KNOWN), known_at=now)
            .execution_options(synchronize_session=False)
        )
    return len(counted)


def times_driven(session: Session, *, child_id: int, volunteer_id: int) -> int:
    """Return how often this volunteer has brought this child."""
    return len(
        session.exec(
            select(col(Service.id)).where(Service.child_id == child_id, Service.volunteer_id == volunteer_id)
        ).all()
    )
