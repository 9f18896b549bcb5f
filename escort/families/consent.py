"""A guardian's signed yes: versioned, dated, and ended the moment it is withdrawn."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import func, update
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from escort.access import audit
from escort.errors import Conflict, Refused
from escort.families.models import Child, Consent


def record_consent(
    session: Session, *, child_id: int, version: str, given_on: date, today: date, now: datetime, by: str
) -> int:
    """Write down a signed consent; the same one again is the same row. Raises Refused for a date to come."""
    if given_on > today:
        raise Refused("同意书日期在将来，请填签字那天的日期。")
    known = session.exec(
        select(Consent.id).where(
            Consent.child_id == child_id,
            Consent.version == version,
            Consent.given_on == given_on,
            col(Consent.withdrawn_at).is_(None),
        )
    ).first()
    if known is not None:
        return known
    consent = Consent(child_id=child_id, version=version, given_on=given_on, recorded_at=now, recorded_by=by)
    session.add(consent)
    session.flush()
    assert consent.id is not None
    audit.record(
        session,
        actor=by,
        action="consent.record",
        subject=f"child:{child_id}",
        fields=[f"version {version}"],
        now=now,
    )
    return consent.id


def withdraw_consent(session: Session, *, child_id: int, now: datetime, by: str) -> None:
    """End every consent of the child: from the next look on nothing is planned, asked or sent for it.

    Raises Conflict if there is none. Legs that are promised already are withdrawn by `rota.legs.extend_calendar`.
    """
    ended = session.exec(
        update(Consent)
        .where(col(Consent.child_id) == child_id, col(Consent.withdrawn_at).is_(None))
        .values(withdrawn_at=now)
    )
    if ended.rowcount == 0:
        raise Conflict("这个孩子没有有效的同意书，不用撤回。")
    audit.record(session, actor=by, action="consent.withdraw", subject=f"child:{child_id}", now=now)


def withdrawn_children(session: Session, *, until: datetime) -> list[tuple[int, datetime]]:
    """Return the children all of whose consents were withdrawn, the last of them by then, and when; erased ones not."""
    last = func.max(col(Consent.withdrawn_at))
    rows = session.execute(
        columns(col(Consent.child_id), last)
        .join(Child, col(Child.id) == col(Consent.child_id))
        .where(col(Child.erased_at).is_(None))
        .group_by(col(Consent.child_id))
        .having(func.count() == func.count(col(Consent.withdrawn_at)), last <= until)
        .order_by(last, col(Consent.child_id))
    )
    return [(child_id, at) for child_id, at in rows]


def erased_from(consents: Sequence[Consent]) -> datetime | None:
    """Return when a child's data are to be erased, given all its consents; None while one is live."""
    ends = [consent.withdrawn_at for consent in consents]
    return max(end for end in ends if end) + ERASE_AFTER if ends and all(ends) else None


def consents_of(session: Session, child_id: int) -> list[Consent]:
    """Return every consent ever recorded, the latest first."""
    rows = select(Consent).where(Consent.child_id == child_id).order_by(col(Consent.id).desc())
    return list(session.exec(rows))


ERASE_AFTER = timedelta(days=7)  # a slip of the hand can be mended until then
