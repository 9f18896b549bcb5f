"""The trail: who changed what, who read which bold field. Append-only, each line chained to the one before.

Lines are gathered in the session and written just before its commit, in one go: the chain's lock is taken last and
held for a moment, so that no two transactions can wait for each other over it.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import event, insert, text
from sqlalchemy.orm import Session as AnySession
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session, col, select

from escort.access.models import AuditEvent


@dataclass(frozen=True)
class _Line:
    at: datetime
    actor: str
    action: str
    subject: str
    fields: list[str]
    request_id: str


def record(
    session: Session,
    *,
    actor: str,
    action: str,
    subject: str,
    fields: Sequence[str] = (),
    now: datetime,
    request_id: str = "",
) -> None:
    """Write one line with the caller's transaction: it stands if that commits, and only then.

    `fields` are names of fields, or "state: offered -> accepted"; never a name, number or address of a person.
    """
    line = _Line(
        at=now.astimezone(UTC),
        actor=actor[:40],
        action=action[:60],
        subject=subject[:60],
        fields=[str(field) for field in fields],
        request_id=(request_id or str(session.info.get(REQUEST_ID, "")))[:32],
    )
    if _GATHERED not in session.info:
        session.info[_GATHERED] = []
        event.listen(session, "before_commit", _before_commit)
        event.listen(session, "after_soft_rollback", _forget_rolled_back)
    session.info[_GATHERED].append((line, session.get_nested_transaction() or session.get_transaction()))


def write_gathered(session: AnySession) -> None:
    """Write the lines gathered so far. The commit does it by itself; readers of the trail do it before they read."""
    gathered = session.info.get(_GATHERED)
    if not gathered:
        return
    session.flush()
    lines = [line for line, _ in gathered]
    gathered.clear()
    seq, prev_hash = _lock_head(session)
    rows = []
    for line in lines:
        seq += 1
        row = {**vars(line), "seq": seq, "prev_hash": prev_hash}
        row["hash"] = prev_hash = _hash(row)
        rows.append(row)
    session.execute(insert(AuditEvent), rows)


def trail(
    session: Session, *, subject: str | None = None, actor: str | None = None, limit: int = 200
) -> list[AuditEvent]:
    """Return the newest lines about a subject or by an actor, the newest first."""
    write_gathered(session)
    lines = select(AuditEvent).order_by(col(AuditEvent.seq).desc()).limit(limit)
    if subject is not None:
        lines = lines.where(AuditEvent.subject == subject)
    if actor is not None:
        lines = lines.where(AuditEvent.actor == actor)
    return list(session.exec(lines))


def fields_read(session: Session, *, actor: str, since: datetime, most: int = 100) -> set[str]:
    """Return the fields that this reader's newest lines say he has seen since then: "child:5.full_name"."""
    lines = (
        select(AuditEvent.fields)
        .where(AuditEvent.actor == actor, AuditEvent.action == "read", AuditEvent.at >= since)
        .order_by(col(AuditEvent.seq).desc())
        .limit(most)
    )
    return {field for fields in session.exec(lines) for field in fields}


def exports(session: Session, *, limit: int = 200) -> list[AuditEvent]:
    """Return who took which file out and when, the newest first: every action that ends with ".exported"."""
    write_gathered(session)
    lines = select(AuditEvent).where(col(AuditEvent.action).endswith(EXPORTED))
    return list(session.exec(lines.order_by(col(AuditEvent.seq).desc()).limit(limit)))


def verify_chain(session: Session) -> int | None:
    """Return the first line that is missing, changed or out of order, or None if the whole chain holds."""
    write_gathered(session)
    expected, prev_hash = 1, GENESIS
    lines = select(AuditEvent).order_by(col(AuditEvent.seq)).execution_options(yield_per=1000)
    for line in session.exec(lines):
        if line.seq != expected or line.prev_hash != prev_hash or line.hash != _hash(vars(line)):
            return expected
        expected, prev_hash = expected + 1, line.hash
    return None


def head(session: Session) -> tuple[int, str]:
    """Return the number and hash of the last line: what is printed and kept elsewhere to prove the trail whole."""
    last = session.execute(
        select(col(AuditEvent.seq), col(AuditEvent.hash)).order_by(col(AuditEvent.seq).desc()).limit(1)
    ).first()
    return (last[0], last[1]) if last else (0, GENESIS)


def _lock_head(session: AnySession) -> tuple[int, str]:
    """Wait for our turn to write, and return the head. SQLite has one writer anyway.

    Not a row lock: the lock must hold also for the first line. It ends with the transaction, and other schemas of
    the same database (other districts) have their own.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(hashtext('audit_event:' || current_schema()))"))
    last = session.execute(text("SELECT seq, hash FROM audit_event ORDER BY seq DESC LIMIT 1")).first()
    return (last[0], last[1]) if last else (0, GENESIS)


def _hash(row: dict[str, object]) -> str:
    at = row["at"]
    if not isinstance(at, datetime):
        raise TypeError("an audit line has an instant")
    kept = {name: row[name] for name in HASHED}
    kept["at"] = at.astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(json.dumps(kept, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _before_commit(session: AnySession) -> None:
    write_gathered(session)


def _forget_rolled_back(session: AnySession, ended: SessionTransaction) -> None:
    """Drop the lines of a savepoint or transaction that was rolled back."""
    gathered = session.info[_GATHERED]
    gathered[:] = [(line, inside) for line, inside in gathered if not _is_within(inside, ended)]


def _is_within(transaction: SessionTransaction | None, outer: SessionTransaction) -> bool:
    while transaction is not None:
        if transaction is outer:
            return True
        transaction = transaction.parent
    return False


GENESIS = "0" * 64
HASHED = ("seq", "at", "actor", "action", "subject", "fields", "request_id", "prev_hash")
REQUEST_ID = "request_id"  # in session.info: the request that a web session serves
_GATHERED = "audit_gathered"
EXPORTED = ".exported"  # how the action of a file that leaves the house ends
