"""A volunteer cannot on some dates: what they had promised, or were asked, for them is freed and looked for anew."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from escort.roster.service import add_blockout
from escort.rota.models import LIVE_SHIFT, Offer, OfferState, Shift
from escort.rota.month_question import note_dates
from escort.rota.release import Reason, free_shifts, withdraw_offers
from escort.rota.seats import lock_runs, search_now


def block_out(
    session: Session,
    *,
    volunteer_id: int,
    from_on: date,
    until_on: date,
    half_day: str | None,
    by: str,
    now: datetime,
    zone: ZoneInfo,
    how: str = "page",
) -> int:
    """Record a blockout and free the shifts under it; return how many were freed. Raises Refused for bad dates.

    It also answers the question about its month. `how` it was said: page, sms or phone.

    A drive with a child in the car is not freed: a human follows it.
    """
    add_blockout(
        session,
        volunteer_id=volunteer_id,
        from_on=from_on,
        until_on=until_on,
        half_day=half_day,
        today=now.astimezone(zone).date(),
        now=now,
        by=by,
    )
    note_dates(
        session, volunteer_id=volunteer_id, from_on=from_on, until_on=until_on, how=f"{how}:{by}", now=now
    )
    hit = [Shift.volunteer_id == volunteer_id, Shift.on >= from_on, Shift.on <= until_on]
    if half_day is not None:
        hit.append(Shift.direction == half_day)
    shifts = list(session.exec(select(Shift.id).where(*hit, col(Shift.state).in_(LIVE_SHIFT))))
    freed = free_shifts(
        session,
        shift_ids=[shift for shift in shifts if shift is not None],
        reason=Reason.BLOCKOUT,
        by=by,
        now=now,
        zone=zone,
    )
    _withdraw_stand_in_asks(
        session, volunteer_id=volunteer_id, from_on=from_on, until_on=until_on, half_day=half_day, now=now
    )
    return len(freed)


def _withdraw_stand_in_asks(
    session: Session,
    *,
    volunteer_id: int,
    from_on: date,
    until_on: date,
    half_day: str | None,
    now: datetime,
) -> None:
    """Whoever cannot need not answer any more, and others are asked at once."""
    asked = [
        Offer.volunteer_id == volunteer_id,
        Offer.on >= from_on,
        Offer.on <= until_on,
        Offer.state == OfferState.OPEN,
    ]
    if half_day is not None:
        asked.append(Offer.direction == half_day)
    offers = session.exec(select(Offer).where(*asked)).all()
    lock_runs(session, [offer.run_id for offer in offers])
    withdraw_offers(session, offers, now=now, reason=Reason.BLOCKOUT)
    search_now(session, [offer.run_id for offer in offers], now=now)
