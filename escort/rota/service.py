"""What was really served: the turn counter that journeys tells us about."""

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from escort.rota.models import CircleMember, CircleState, Leg, Service


def record_service(session: Session, *, leg_id: int, volunteer_id: int, now: datetime) -> bool:
    """Count a delivered leg as this volunteer's turn with this child; False if it was counted before."""
    if session.exec(select(col(Service.id)).where(Service.leg_id == leg_id)).first() is not None:
        return False
    leg = session.get_one(Leg, leg_id)
    turn = Service(
        leg_id=leg_id, child_id=leg.child_id, volunteer_id=volunteer_id, on=leg.on, direction=leg.direction
    )
    try:
        with session.begin_nested():
            session.add(turn)
    except IntegrityError:  # another node counted it at this moment
        return False
    member = session.exec(
        select(CircleMember).where(
            CircleMember.child_id == leg.child_id,
            CircleMember.volunteer_id == volunteer_id,
            col(CircleMember.known_at).is_(None),
        )
    ).first()
    if member is not None:
        member.state = CircleState.KNOWN
        member.known_at = now
    session.flush()
    return True


def times_driven(session: Session, *, child_id: int, volunteer_id: int) -> int:
    """Return how often this volunteer has brought this child."""
    return len(
        session.exec(
            select(col(Service.id)).where(Service.child_id == child_id, Service.volunteer_id == volunteer_id)
        ).all()
    )
