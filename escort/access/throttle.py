"""Counting tries in rows: exact over threads, processes and nodes, because one statement counts and answers."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from escort.access.models import Throttle


def hit(session: Session, *, key: str, window: timedelta, now: datetime) -> int:
    """Count one try and return how many there were in its window, which begins with its first try (real time)."""
    insert: Any = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    is_over = col(Throttle.until) <= now
    counted = (
        insert(Throttle)
        .values(key=key, since=now, until=now + window, hits=1)
        .on_conflict_do_update(
            index_elements=["key"],
            set_={
                "hits": case((is_over, 1), else_=col(Throttle.hits) + 1),
                "since": case((is_over, now), else_=col(Throttle.since)),
                "until": case((is_over, now + window), else_=col(Throttle.until)),
            },
        )
        .returning(col(Throttle.hits))
    )
    return int(session.execute(counted).scalar_one())


def hits(session: Session, *, key: str, now: datetime) -> int:
    """Return how many tries the running window holds."""
    row = session.exec(select(Throttle.hits).where(Throttle.key == key, Throttle.until > now)).first()
    return row or 0


def forget(session: Session, *, key: str) -> None:
    """Start again from zero, after a success."""
    row = session.get(Throttle, key)
    if row is not None:
        session.delete(row)
        session.flush()
