"""What a human must close: opened once, told until somebody takes it, closed by a deed and never by time."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from escort.cases.models import Case, CaseEvent, CaseKind, CaseState
from escort.errors import Conflict, NotFound, Refused
from notifications import outbox


def open_case(
    session: Session,
    *,
    kind: CaseKind,
    about: str,
    sentence: str,
    now: datetime,
    is_urgent: bool = True,
    needed_by: datetime | None = None,
    by: str = "system",
) -> Case:
    """Return the live case of this kind about this thing, opened if there is none.

    A live one that was not urgent becomes urgent when it is opened so, and its sentence is kept up to date.
    `needed_by` is the moment that the case is about, usually T.
    """
    row = {
        "kind": str(kind),
        "about": about,
        "sentence": sentence[:SENTENCE],
        "is_urgent": is_urgent,
        "needed_by": needed_by,
        "state": str(CaseState.OPEN),
        "opened_at": now,
        "next_step_at": now if is_urgent else _quiet_step(now, needed_by),
        "times_told": 0,
        "close_reason": "",
    }
    statement = _insert(session).values(row)
    statement = statement.on_conflict_do_nothing(
        index_elements=["kind", "about"], index_where=text("state <> 'closed'")
    )
    new: int | None = session.scalars(statement.returning(Case.id)).one_or_none()
    if new is not None:
        note(session, [new], at=now, by=by, what="opened")
        return _case(session, new)
    live = _live(session, kind=kind, about=about)
    if live is None:  # closed by somebody between the two statements
        raise Conflict("这件急事刚刚有人办完了，请再看一遍。")
    _refresh(session, live, row, now=now, by=by)
    return _case(session, live.id)


def acknowledge(session: Session, *, case_id: int, by: str, now: datetime) -> Case:
    """Take a case: nobody is told again until the taking lapses. The same person again renews it.

    It lapses after 10 minutes within an hour of the moment it is about, else after an hour (a day where it is not
    urgent). Raises Conflict if somebody else has it, or if it is closed.
    """
    case = _case(session, case_id)
    lapses_at = _lapse_of(case, now)
    taken = session.execute(
        update(Case)
        .where(
            col(Case.id) == case_id,
            (col(Case.state) == CaseState.OPEN)
            | ((col(Case.state) == CaseState.ACKNOWLEDGED) & (col(Case.acknowledged_by) == by)),
        )
        .values(
            state=str(CaseState.ACKNOWLEDGED),
            acknowledged_by=by,
            acknowledged_at=now,
            ack_lapses_at=lapses_at,
            next_step_at=lapses_at,
        )
        .execution_options(synchronize_session=False)
    )
    case = _case(session, case_id)
    if taken.rowcount == 0:  # type: ignore[attr-defined]  # an UPDATE's result has it
        raise Conflict(_why_not_yours(case))
    note(session, [case_id], at=now, by=by, what="taken")
    outbox.acknowledge(session, about=f"cases:{by}", now=now)
    return case


def close(session: Session, *, case_id: int, by: str, reason: str, now: datetime) -> None:
    """Close a case by a human's word. Raises Refused without a reason, Conflict if it is closed, NotFound."""
    reason = reason.strip()
    if not reason:
        raise Refused("请写一句是怎么办好的，再点“办完了”。")
    if not _close(session, [col(Case.id) == case_id], by=by, reason=reason, now=now):
        _case(session, case_id)
        raise Conflict("这件急事已经有人办完了。")


def close_because(
    session: Session,
    *,
    kinds: Collection[CaseKind] | None,
    abouts: Collection[str],
    by: str,
    reason: str,
    now: datetime,
) -> int:
    """Close the live cases whose cause somebody's deed has removed; return how many. `kinds` None: of every kind."""
    if not abouts:
        return 0
    chosen = [col(Case.about).in_(list(abouts))]
    if kinds is not None:
        chosen.append(col(Case.kind).in_([str(kind) for kind in kinds]))
    return _close(session, chosen, by=by, reason=reason, now=now)


def open_cases(session: Session) -> list[Case]:
    """Return every live case: urgent ones first, then by the moment they are about."""
    cases = session.exec(select(Case).where(col(Case.state) != CaseState.CLOSED))
    return sorted(cases, key=rank)


def live_cases_about(session: Session, abouts: Collection[str]) -> list[Case]:
    """Return the live cases about any of these things."""
    rows = select(Case).where(col(Case.about).in_(list(abouts)), col(Case.state) != CaseState.CLOSED)
    return list(session.exec(rows.order_by(col(Case.id))))


def live_cases_of(session: Session, kinds: Collection[CaseKind]) -> list[Case]:
    """Return the live cases of these kinds, the oldest first."""
    rows = select(Case).where(col(Case.state).in_(LIVE), col(Case.kind).in_([str(kind) for kind in kinds]))
    return list(session.exec(rows.order_by(col(Case.id))))


def events_of(session: Session, case_id: int) -> list[CaseEvent]:
    """Return the way of a case, from its opening."""
    return list(
        session.exec(select(CaseEvent).where(CaseEvent.case_id == case_id).order_by(col(CaseEvent.id)))
    )


def next_due_at(session: Session) -> datetime | None:
    """Return the instant of the next step of any live case, perhaps in the past; None if there is none."""
    return session.exec(select(func.min(Case.next_step_at)).where(col(Case.state).in_(LIVE))).one()


def rank(case: Case) -> tuple[bool, bool, float, int]:
    """The order of the queue: urgent before the rest, then by the moment a case is about."""
    at = case.needed_by.timestamp() if case.needed_by else case.opened_at.timestamp()
    return (not case.is_urgent, case.needed_by is None, at, case.id or 0)


def note(
    session: Session, case_ids: Sequence[int], *, at: datetime, by: str, what: str, detail: str = ""
) -> None:
    """Write down one step on the way of these cases."""
    rows = [
        {"case_id": case_id, "at": at, "by": by, "what": what, "detail": detail[:200]} for case_id in case_ids
    ]
    if rows:
        session.execute(insert(CaseEvent), rows)


def becomes_urgent_at(needed_by: datetime | None) -> datetime | None:
    """Return when a case that can wait can wait no longer: an hour before the moment it is about."""
    return needed_by - CLOSE_TO_T if needed_by else None


def _refresh(session: Session, live: Case, row: dict[str, Any], *, now: datetime, by: str) -> None:
    turns_urgent = bool(row["is_urgent"]) and not live.is_urgent
    changed: dict[str, Any] = {
        name: row[name] for name in ("sentence", "needed_by") if getattr(live, name) != row[name]
    }
    if turns_urgent:
        changed["is_urgent"] = True
        if live.state == CaseState.OPEN:
            changed["next_step_at"] = now
    if not changed:
        return
    session.execute(
        update(Case)
        .where(col(Case.id) == live.id, col(Case.state) != CaseState.CLOSED)
        .values(**changed)
        .execution_options(synchronize_session=False)
    )
    if turns_urgent and live.id is not None:
        note(session, [live.id], at=now, by=by, what="urgent")


def _close(session: Session, chosen: list[Any], *, by: str, reason: str, now: datetime) -> int:
    closed = session.scalars(
        update(Case)
        .where(*chosen, col(Case.state).in_(LIVE))
        .values(
            state=str(CaseState.CLOSED),
            closed_at=now,
            closed_by=by,
            close_reason=reason[:REASON],
            next_step_at=None,
        )
        .returning(col(Case.id))
        .execution_options(synchronize_session=False)
    ).all()
    ids = [case_id for case_id in closed if case_id is not None]
    note(session, ids, at=now, by=by, what="closed", detail=reason)
    return len(ids)


def _lapse_of(case: Case, now: datetime) -> datetime:
    if case.needed_by is None:
        return now + (ACK_HOLDS if case.is_urgent else QUIET_ACK_HOLDS)
    if abs(case.needed_by - now) <= CLOSE_TO_T:
        return now + ACK_HOLDS_CLOSE
    holds = ACK_HOLDS if case.is_urgent else QUIET_ACK_HOLDS
    if case.needed_by < now:
        return now + holds
    return min(now + holds, max(case.needed_by - CLOSE_TO_T, now + ACK_HOLDS_CLOSE))


def _quiet_step(now: datetime, needed_by: datetime | None) -> datetime:
    urgent_at = becomes_urgent_at(needed_by)
    return max(now, min(now + QUIET_STEP, urgent_at)) if urgent_at else now + QUIET_STEP


def _why_not_yours(case: Case) -> str:
    if case.state == CaseState.CLOSED:
        return "这件急事已经有人办完了。"
    return "这件急事刚才已有人接手。请看一眼是谁，再一起商量。"


def _case(session: Session, case_id: int | None) -> Case:
    case = session.get(Case, case_id, populate_existing=True)
    if case is None:
        raise NotFound("没有这件急事。")
    return case


def _live(session: Session, *, kind: CaseKind, about: str) -> Case | None:
    rows = select(Case).where(
        Case.kind == str(kind), Case.about == about, col(Case.state) != CaseState.CLOSED
    )
    return session.exec(rows.execution_options(populate_existing=True)).one_or_none()


def _insert(session: Session) -> Any:
    """Return an insert that can say "do nothing if it is there": each database has its own."""
    return sqlite.insert(Case) if session.get_bind().dialect.name == "sqlite" else postgresql.insert(Case)


LIVE = (str(CaseState.OPEN), str(CaseState.ACKNOWLEDGED))
CLOSE_TO_T = timedelta(minutes=60)
ACK_HOLDS_CLOSE = timedelta(minutes=10)
ACK_HOLDS = timedelta(minutes=60)
QUIET_ACK_HOLDS = timedelta(hours=24)
QUIET_STEP = timedelta(hours=24)
SENTENCE, REASON = 400, 200
