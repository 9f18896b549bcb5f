"""The address of a volunteer's calendar feed: a link of its own purpose, one live at a time, ended at any time.

A calendar program carries no cookie and keeps the address for months: it opens nothing else, and shows what a phone
that is not bound would see.
"""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from escort.access import audit
from escort.access.links import issue_link, revoke_links
from escort.access.models import Link, Purpose

GOOD_FOR = timedelta(days=180)  # as long as a bound phone


def issue_calendar(session: Session, *, subject: str, by: str, now: datetime) -> str:
    """Return a new token for a person's feed; the one before is over with it."""
    revoke_links(session, subject=subject, purpose=Purpose.CALENDAR, now=now)
    token = issue_link(session, subject=subject, purpose=Purpose.CALENDAR, now=now, expires_at=now + GOOD_FOR)
    audit.record(session, actor=by, action="calendar.issued", subject=subject, now=now)
    return token


def stop_calendar(session: Session, *, subject: str, by: str, now: datetime) -> None:
    """End a person's feed; a calendar that still asks is told that the address is over."""
    if revoke_links(session, subject=subject, purpose=Purpose.CALENDAR, now=now):
        audit.record(session, actor=by, action="calendar.stopped", subject=subject, now=now)


def has_calendar(session: Session, *, subject: str, now: datetime) -> bool:
    live = select(Link.id).where(
        Link.subject == subject,
        Link.purpose == Purpose.CALENDAR,
        col(Link.revoked_at).is_(None),
        col(Link.expires_at) > now,
    )
    return session.exec(live.limit(1)).first() is not None
