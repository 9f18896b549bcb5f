"""Throwing away what nobody can use any more."""

from datetime import datetime, timedelta

from sqlalchemy import delete, or_
from sqlmodel import Session, col, select

from escort.access.models import Link, OneTimeCode, SignIn, Throttle


def purge_expired(session: Session, *, now: datetime, real_now: datetime) -> int:
    """Delete links, codes, sign-ins and counters a week after their end; returns how many rows went.

    `now` is the house's clock, which links go by; `real_now` the real one. Devices stay: that there ever was one
    decides whether a tap is enough.
    """
    house, real = now - KEPT_FOR, real_now - KEPT_FOR
    old_links = select(Link.id).where(or_(col(Link.expires_at) < house, col(Link.revoked_at) < house))
    gone = [
        delete(OneTimeCode).where(
            or_(col(OneTimeCode.expires_at) < real, col(OneTimeCode.link_id).in_(old_links))
        ),
        delete(Link).where(col(Link.id).in_(old_links)),
        delete(SignIn).where(col(SignIn.ends_at) < real),
        delete(Throttle).where(col(Throttle.until) < real_now),
    ]
    return sum(session.exec(statement).rowcount for statement in gone)


KEPT_FOR = timedelta(days=7)
