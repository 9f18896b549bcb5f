"""A child that does not ride for some days: sick, away, or for another reason; said by the office or the family."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from escort.families import escorts
from escort.families.models import Why
from escort.rota.aboard import boarded
from escort.rota.legs import cancel_leg, extend_calendar
from escort.rota.models import Leg, LegState

IN_WORDS = {Why.SICK: "孩子病了", Why.AWAY: "去外婆家或外地", Why.OTHER: "暂停接送"}


def pause_child(
    session: Session,
    *,
    child_id: int,
    why: Why,
    from_on: date,
    until_on: date,
    note: str = "",
    by: str,
    now: datetime,
    zone: ZoneInfo,
) -> int:
    """Let a child pause between the dates, both included; its legs follow in this transaction. Return the pause.

    What still lies ahead today is cancelled by name, so that the guard's list keeps the child as one that is fetched
    by its family; what comes later is withdrawn. A child in the car is brought home. Raises what `pause_escort` raises.
    """
    today = now.astimezone(zone).date()
    pause_id = escorts.pause_escort(
        session,
        child_id=child_id,
        from_on=from_on,
        until_on=until_on,
        why=why,
        reason=note,
        today=today,
        now=now,
        by=by,
    )
    if from_on <= today:
        for leg_id in _ahead_today(session, child_id, today, now):
            cancel_leg(session, leg_id=leg_id, by=by, reason=note or IN_WORDS[why], now=now, zone=zone)
    extend_calendar(session, now=now, zone=zone)
    return pause_id


def lift_pause(
    session: Session, *, child_id: int, pause_id: int, by: str, now: datetime, zone: ZoneInfo
) -> None:
    """End a pause of this child: its legs are wanted again, but for those cancelled by name.

    Raises NotFound if it is not this child's, Conflict if it was lifted before.
    """
    escorts.lift_pause(session, child_id=child_id, pause_id=pause_id, now=now, by=by)
    extend_calendar(session, now=now, zone=zone)


def _ahead_today(session: Session, child_id: int, today: date, now: datetime) -> list[int]:
    """Return the legs of today whose child can still be spared the ride, also where its car is late."""
    rows = session.exec(
        select(Leg.id).where(
            Leg.child_id == child_id,
            Leg.on == today,
            Leg.state == LegState.WANTED,
            col(Leg.due_at) > now,
        )
    ).all()
    leg_ids = [leg_id for leg_id in rows if leg_id is not None]
    aboard = boarded(session, leg_ids)
    return [leg_id for leg_id in leg_ids if leg_id not in aboard]
