"""Capability links: the address in a message is the key. GET never changes anything behind one."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import bindparam, insert, update
from sqlmodel import Session, col, select

from escort.access import audit
from escort.access.models import Device, Link, OneTimeCode
from escort.access.secret import hash_of, new_token
from escort.errors import NotFound
from escort.sentences import mark


def issue_link(
    session: Session, *, subject: str, purpose: str, now: datetime, expires_at: datetime | None = None
) -> str:
    """Return a new token for one person and one purpose. Older ones go on working until they expire."""
    return issue_links(session, subjects=[subject], purpose=purpose, now=now, expires_at=expires_at)[subject]


def issue_links(
    session: Session,
    *,
    subjects: Iterable[str],
    purpose: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> dict[str, str]:
    """Return a new token for each subject, written in one statement."""
    tokens = {subject: new_token() for subject in subjects}
    rows = [
        {
            "token_hash": hash_of(token),
            "subject": subject,
            "purpose": str(purpose),
            "created_at": now,
            "expires_at": expires_at or now + GOOD_FOR,
        }
        for subject, token in tokens.items()
    ]
    if rows:
        session.exec(insert(Link), params=rows)
    return tokens


def resolve(session: Session, *, token: str, purpose: str, now: datetime) -> Link:
    """Return the live link of this token. Raises NotFound alike if it is unknown, another's, over or revoked."""
    known = {"token_hash": hash_of(token), "purpose": str(purpose), "now": now}
    link: Link | None = session.scalars(_live_link(), known).first()
    if link is None:
        raise NotFound(OVER)
    return link


def touch(session: Session, *, link: Link, now: datetime) -> None:
    """Note that a link was used. Called where something is changed anyway, never by a GET."""
    session.exec(update(Link).where(col(Link.id) == link.id).values(last_used_at=now))


def use_up(session: Session, *, link: Link, now: datetime) -> bool:
    """End a link that works once. Returns False if somebody was first."""
    used = session.exec(
        update(Link)
        .where(col(Link.id) == link.id, col(Link.revoked_at).is_(None))
        .values(revoked_at=now, last_used_at=now)
    )
    return used.rowcount == 1


def revoke_links(session: Session, *, subject: str, now: datetime, purpose: str | None = None) -> int:
    """End every link of a person, or those of one purpose; returns how many were live."""
    links = update(Link).where(col(Link.subject) == subject, col(Link.revoked_at).is_(None))
    if purpose is not None:
        links = links.where(col(Link.purpose) == purpose)
    return session.exec(links.values(revoked_at=now)).rowcount


def revoke_all(session: Session, subject: str, now: datetime, by: str = "system") -> None:
    """End every link, device and open code of a person (停用, a changed number): effective with the next request."""
    revoke_links(session, subject=subject, now=now)
    session.exec(
        update(Device)
        .where(col(Device.subject) == subject, col(Device.revoked_at).is_(None))
        .values(revoked_at=now, revoked_by=by)
    )
    session.exec(
        update(OneTimeCode)
        .where(col(OneTimeCode.subject) == subject, col(OneTimeCode.ended_at).is_(None))
        .values(ended_at=now)
    )
    audit.record(session, actor=by, action="access.revoked", subject=subject, now=now)


@cache
def _live_link() -> Any:
    """Put together once: every request of a volunteer or family asks it."""
    return select(Link).where(
        Link.token_hash == bindparam("token_hash"),
        Link.purpose == bindparam("purpose"),
        col(Link.revoked_at).is_(None),
        Link.expires_at > bindparam("now"),
    )


GOOD_FOR = timedelta(days=30)
OVER = mark("这个链接已经失效。请打开我们最近发给您的那条消息，或打电话给值班室。")
