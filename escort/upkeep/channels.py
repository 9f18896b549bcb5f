"""A restored copy sends nothing until somebody says that it is the real one now; what lay unsent is never sent."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select as columns
from sqlalchemy import update
from sqlmodel import Session, col

from escort import wording
from escort.access import audit
from escort.cases.models import CaseKind
from escort.cases.service import open_case
from escort.errors import Conflict
from escort.upkeep.models import RestoredStore
from notifications.outbox import withdraw_unsent


def mark_restored(session: Session, *, backup_made_at: datetime, now: datetime) -> None:
    """Close the channels of a store that has just come out of a backup."""
    session.merge(RestoredStore(restored_at=now, backup_made_at=backup_made_at, opened_at=None, opened_by=""))
    session.flush()
    audit.record(session, actor="console", action="store.restored", subject="store", now=now)


def are_closed(session: Session) -> bool:
    """Return whether this store may send nothing yet."""
    waits = columns(col(RestoredStore.id)).where(col(RestoredStore.opened_at).is_(None))
    return session.execute(waits).first() is not None


def open_channels(session: Session, *, by: str, now: datetime, zone: ZoneInfo) -> int:
    """Let a restored store send from now on; return how many messages of before are dropped.

    Nobody knows which of them went out before the loss, and which answers came after the backup: that the office
    must go through by phone, so a case says so. Raises Conflict where the channels are open already.
    """
    opened = session.execute(
        update(RestoredStore)
        .where(col(RestoredStore.opened_at).is_(None))
        .values(opened_at=now, opened_by=by)
    )
    if opened.rowcount == 0:  # type: ignore[attr-defined]  # an UPDATE's result has it
        raise Conflict("这个库的发送本来就是开着的。")
    dropped = withdraw_unsent(session, reason="restored", now=now)
    made_at = session.get_one(RestoredStore, 1).backup_made_at
    open_case(
        session,
        kind=CaseKind.STUCK_WORK,
        about="store:restored",
        sentence=wording.case_restored(made_at, dropped, zone=zone),
        now=now,
        by=by,
    )
    audit.record(
        session, actor=by, action="channels.opened", subject="store", fields=[f"dropped {dropped}"], now=now
    )
    return dropped
