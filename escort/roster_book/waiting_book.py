"""A book between the two steps of its import: looked at, not yet taken over. Sealed, and kept for an hour."""

import base64
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, select

from escort.roster_book.models import WaitingBook

KEPT_FOR = timedelta(hours=1)


def keep_book(session: Session, *, by: str, name: str, content: bytes, now: datetime) -> None:
    """Keep the book that somebody is looking at, in place of the one before; what is older than an hour goes."""
    drop_book(session, by=by)
    forget_old_books(session, now=now)
    sealed = base64.b64encode(content).decode("ascii")
    session.add(WaitingBook(kept_by=by, name=name[:80], content=sealed, kept_at=now))
    session.flush()


def kept_book(session: Session, *, by: str, now: datetime) -> tuple[str, bytes] | None:
    """Return the name and content of the book that somebody is looking at, or None."""
    book = session.exec(
        select(WaitingBook).where(WaitingBook.kept_by == by, WaitingBook.kept_at > now - KEPT_FOR)
    ).first()
    return (book.name, base64.b64decode(book.content)) if book else None


def drop_book(session: Session, *, by: str) -> None:
    session.exec(delete(WaitingBook).where(col(WaitingBook.kept_by) == by))


def forget_old_books(session: Session, *, now: datetime) -> int:
    """Delete what nobody took over within the hour; return how many books that were."""
    return session.exec(delete(WaitingBook).where(col(WaitingBook.kept_at) <= now - KEPT_FOR)).rowcount
