"""A new number waits before it receives anything: until then everything goes on to the old one.

Whoever has somebody's number changed gets that person's links and codes. So the old number is told at once, and the
new one is used only when a day has passed, or somebody of the office has rung and knows who answered.
"""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session, col, func, select, update

from notifications.addresses import normalise_phone, phone_of, phones_of, set_phone
from notifications.models import HeldNumber


class HoldOutcome(StrEnum):
    STARTED = "started"  # its time had come
    CONFIRMED = "confirmed"  # earlier: somebody rang and knows who answered
    OBJECTED = "objected"  # the old number said: that was not me
    CANCELLED = "cancelled"  # the office took it back
    REPLACED = "replaced"  # by another new number, which waits from its own beginning


def hold_phone(
    session: Session, *, party: str, phone: str, starts_at: datetime, by: str, now: datetime
) -> HeldNumber | None:
    """Let a number of this party wait until `starts_at` and return it; the same again goes on waiting as it did.

    None where the party has this number already. Raises ValueError for what is no mobile number.
    """
    e164 = normalise_phone(phone)
    if phone_of(session, party) == e164:
        return None
    waiting = held_number(session, party)
    if waiting is not None and waiting.value == e164:
        return waiting
    if waiting is not None:
        settle_hold(session, hold_id=waiting.id or 0, outcome=HoldOutcome.REPLACED, by=by, now=now)
    held = HeldNumber(party=party, value=e164, asked_at=now, asked_by=by[:40], starts_at=starts_at)
    session.add(held)
    session.flush()
    return held


def held_number(session: Session, party: str) -> HeldNumber | None:
    """Return the number of this party that waits, if there is one."""
    return session.exec(
        select(HeldNumber).where(HeldNumber.party == party, col(HeldNumber.settled_at).is_(None))
    ).one_or_none()


def numbers_on_file(session: Session, parties: Collection[str]) -> dict[str, str]:
    """Return what the office has written down for these parties: the number that waits, else the one in use."""
    waiting = select(HeldNumber).where(col(HeldNumber.settled_at).is_(None))
    wanted = set(parties)
    held = {row.party: row.value for row in session.exec(waiting) if row.party in wanted}
    return phones_of(session, parties) | held


def untold_holds(session: Session) -> list[HeldNumber]:
    """Return the changes of which the old number has not been told."""
    rows = select(HeldNumber).where(col(HeldNumber.settled_at).is_(None), col(HeldNumber.told_at).is_(None))
    return list(session.exec(rows.order_by(col(HeldNumber.id))))


def due_holds(session: Session, *, now: datetime) -> list[HeldNumber]:
    """Return the numbers whose time has come and whose old number was told."""
    rows = select(HeldNumber).where(
        col(HeldNumber.settled_at).is_(None),
        col(HeldNumber.told_at).is_not(None),
        HeldNumber.starts_at <= now,
    )
    return list(session.exec(rows.order_by(col(HeldNumber.id))))


def note_told(session: Session, *, hold_id: int, now: datetime) -> None:
    session.exec(update(HeldNumber).where(col(HeldNumber.id) == hold_id).values(told_at=now))


def settle_hold(
    session: Session, *, hold_id: int, outcome: HoldOutcome, by: str, now: datetime, spoken_with: str = ""
) -> bool:
    """End the waiting. Returns False if somebody was first. A number that may start is in use from now on."""
    ended = session.exec(
        update(HeldNumber)
        .where(col(HeldNumber.id) == hold_id, col(HeldNumber.settled_at).is_(None))
        .values(settled_at=now, outcome=str(outcome), settled_by=by[:40], spoken_with=spoken_with or None)
        .execution_options(synchronize_session="fetch")
    )
    if ended.rowcount == 0:
        return False
    if outcome in (HoldOutcome.STARTED, HoldOutcome.CONFIRMED):
        held = session.get_one(HeldNumber, hold_id)
        set_phone(session, party=held.party, phone=held.value, now=now)
    return True


def next_due_at(session: Session) -> datetime | None:
    """Return the instant at which a change is next to be told of or to start, perhaps in the past; None if never."""
    told = select(func.min(HeldNumber.starts_at)).where(
        col(HeldNumber.settled_at).is_(None), col(HeldNumber.told_at).is_not(None)
    )
    untold = select(func.min(HeldNumber.asked_at)).where(
        col(HeldNumber.settled_at).is_(None), col(HeldNumber.told_at).is_(None)
    )
    moments = [moment for moment in (session.exec(told).one(), session.exec(untold).one()) if moment]
    return min(moments, default=None)
