"""Joining or leaving the rotation on a date. Outside it nothing is planned or asked, and what was promised is free."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, or_, select

from escort import wording
from escort.errors import Refused
from escort.roster import service as roster
from escort.rota.models import LIVE_SHIFT, Offer, OfferState, Run, Shift, ShiftState
from escort.rota.release import Reason, free_shifts, withdraw_offers
from escort.rota.seats import lock_runs, search_now
from escort.rota.standing import close_standing, standing_of
from notifications.models import Urgency
from notifications.outbox import enqueue


@dataclass(frozen=True)
class Outside:
    """What lies outside the dates: promises and open questions that would be taken back."""

    promised: int
    asked: int


def what_lies_outside(
    session: Session, *, volunteer_id: int, joins_on: date | None, leaves_on: date | None, now: datetime
) -> Outside:
    """Return what setting these dates would free, in two queries."""
    states = [shift.state for shift in _shifts(session, volunteer_id, joins_on, leaves_on, now)]
    offers = _offers(session, volunteer_id, joins_on, leaves_on)
    return Outside(states.count(ShiftState.CONFIRMED), len(offers))


def set_rotation(
    session: Session,
    *,
    volunteer_id: int,
    joins_on: date | None,
    leaves_on: date | None,
    by: str,
    now: datetime,
    zone: ZoneInfo,
    duty_phone: str,
) -> Outside:
    """Set from when, and until when (the first day no more), a volunteer is in the rotation; return what that freed.

    Leaving ends what was said for every week. Whoever did not say it himself is told. A drive with a child in the car is not freed: a human follows it.
    Raises Refused for dates that cannot be meant.
    """
    today = now.astimezone(zone).date()
    check_dates(joins_on, leaves_on, today=today)
    outside = what_lies_outside(
        session, volunteer_id=volunteer_id, joins_on=joins_on, leaves_on=leaves_on, now=now
    )
    has_changed = roster.set_rotation(
        session, volunteer_id=volunteer_id, joins_on=joins_on, leaves_on=leaves_on, now=now, by=by
    )
    if has_changed and leaves_on is not None:  # whoever comes back is asked afresh
        for held in standing_of(session, volunteer_id):
            close_standing(
                session, volunteer_id=volunteer_id, standing_id=held.id or 0, by=by, how="rotation", now=now
            )
    shifts = _shifts(session, volunteer_id, joins_on, leaves_on, now)
    free_shifts(
        session,
        shift_ids=[shift.id for shift in shifts if shift.id is not None],
        reason=Reason.NOT_IN_ROTA,
        by=by,
        now=now,
        zone=zone,
        tell=False,  # one message says it all
    )
    offers = _offers(session, volunteer_id, joins_on, leaves_on)
    lock_runs(session, [offer.run_id for offer in offers])
    withdraw_offers(session, offers, now=now, reason=Reason.NOT_IN_ROTA)
    search_now(session, [offer.run_id for offer in offers], now=now)
    if has_changed and by != roster.subject_of(volunteer_id):
        enqueue(
            session,
            to=roster.subject_of(volunteer_id),
            wording=wording.rotation_set(
                joins_on if joins_on and joins_on > today else None,
                leaves_on,
                freed=outside.promised,
                duty_phone=duty_phone,
            ),
            about=roster.subject_of(volunteer_id),
            dedup_key=f"rotation:{volunteer_id}:{now:%Y%m%dT%H%M%S}",
            now=now,
            urgency=Urgency.URGENT if outside.promised else Urgency.ROUTINE,
        )
    return outside


def check_dates(joins_on: date | None, leaves_on: date | None, *, today: date) -> None:
    """Raise Refused, with what to mend, for dates that cannot be meant."""
    if joins_on and leaves_on and leaves_on <= joins_on:
        raise Refused("退出的日子应在加入的日子之后，请核对。")
    if leaves_on and leaves_on < today:
        raise Refused("退出的日子已经过去了，请填今天或以后。")
    latest = max((on for on in (joins_on, leaves_on) if on), default=today)
    if latest > today + FURTHEST:
        raise Refused("日子太远了，请填两年以内的日子。")


def _shifts(
    session: Session, volunteer_id: int, joins_on: date | None, leaves_on: date | None, now: datetime
) -> list[Shift]:
    rows = (
        select(Shift)
        .join(Run, col(Run.id) == col(Shift.run_id))
        .where(
            Shift.volunteer_id == volunteer_id,
            col(Shift.state).in_(LIVE_SHIFT),
            col(Run.starts_at) > now,
            _outside(col(Shift.on), joins_on, leaves_on),
        )
    )
    return list(session.exec(rows))


def _offers(
    session: Session, volunteer_id: int, joins_on: date | None, leaves_on: date | None
) -> list[Offer]:
    rows = select(Offer).where(
        Offer.volunteer_id == volunteer_id,
        Offer.state == OfferState.OPEN,
        _outside(col(Offer.on), joins_on, leaves_on),
    )
    return list(session.exec(rows))


def _outside(on: Any, joins_on: date | None, leaves_on: date | None) -> Any:
    return or_(
        on < (joins_on or date.min),
        on >= (leaves_on or date.max),
    )


FURTHEST = timedelta(days=731)
