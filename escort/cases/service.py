"""What a human must close: opened once, told until somebody takes it, closed by a deed and never by time."""

import logging
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, insert, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, delete, select
from sqlmodel.sql.expression import SelectOfScalar

from escort import wording
from escort.cases.models import Case, CaseEvent, CaseKind, CaseState, Duty
from escort.errors import Conflict, NotFound, Refused
from escort.sentences import mark
from notifications import outbox
from notifications.models import Urgency

log = logging.getLogger(__name__)


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


def let_go(session: Session, *, case_id: int, by: str, now: datetime) -> None:
    """Give a case that one has taken back: it is told again at once. Raises Conflict if one has it no more."""
    given = session.execute(
        update(Case)
        .where(
            col(Case.id) == case_id,
            col(Case.state) == CaseState.ACKNOWLEDGED,
            col(Case.acknowledged_by) == by,
        )
        .values(
            state=str(CaseState.OPEN),
            acknowledged_by=None,
            acknowledged_at=None,
            ack_lapses_at=None,
            next_step_at=now,
        )
        .execution_options(synchronize_session=False)
    )
    if given.rowcount == 0:  # type: ignore[attr-defined]  # an UPDATE's result has it
        _case(session, case_id)
        raise Conflict("这件急事已经不在您手上了。")
    note(session, [case_id], at=now, by=by, what="let_go")


def reopen(session: Session, *, case_id: int, by: str, now: datetime) -> None:
    """Open a case again that a human closed within a day; whoever does it has it.

    Raises Conflict if it is open, closed by the deed that settled it, too old, or if the same has come up anew.
    """
    case = _case(session, case_id)
    try:
        with session.begin_nested():
            opened = session.execute(
                update(Case)
                .where(
                    col(Case.id) == case_id,
                    col(Case.state) == CaseState.CLOSED,
                    col(Case.closed_by).startswith(HUMAN),
                    col(Case.closed_at) > now - CAN_REOPEN,
                )
                .values(
                    state=str(CaseState.ACKNOWLEDGED),
                    acknowledged_by=by,
                    acknowledged_at=now,
                    ack_lapses_at=_lapse_of(case, now),
                    next_step_at=_lapse_of(case, now),
                    closed_at=None,
                    closed_by=None,
                    close_reason="",
                )
                .execution_options(synchronize_session=False)
            ).rowcount  # type: ignore[attr-defined]
    except IntegrityError:
        opened = 0  # the same has come up anew
    if opened == 0:
        raise Conflict("这件急事撤不回来了：已经开着，或者过了一天，或者又出了新的一件。")
    note(session, [case_id], at=now, by=by, what="reopened")


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
    return list(session.scalars(_live_about(), {"abouts": list(abouts)}))


@cache
def _live_about() -> Any:
    """Put together once: every tap asks it."""
    rows = select(Case).where(
        col(Case.about).in_(bindparam("abouts", expanding=True)), col(Case.state) != CaseState.CLOSED
    )
    return rows.order_by(col(Case.id))


def live_cases_of(session: Session, kinds: Collection[CaseKind]) -> list[Case]:
    """Return the live cases of these kinds, the oldest first."""
    return list(session.scalars(_live_of(), {"kinds": [str(kind) for kind in kinds]}))


@cache
def _live_of() -> Any:
    """Put together once, like the one above: every heartbeat asks it."""
    rows = select(Case).where(
        col(Case.state).in_(LIVE), col(Case.kind).in_(bindparam("kinds", expanding=True))
    )
    return rows.order_by(col(Case.id))


def events_of(session: Session, case_id: int) -> list[CaseEvent]:
    """Return the way of a case, from its opening."""
    return list(
        session.exec(select(CaseEvent).where(CaseEvent.case_id == case_id).order_by(col(CaseEvent.id)))
    )


def next_due_at(session: Session) -> datetime | None:
    """Return the instant of the next step of any live case, perhaps in the past; None if there is none."""
    due_at: datetime | None = session.scalars(_next_step()).one()
    return due_at


@cache
def _next_step() -> Any:
    return select(func.min(Case.next_step_at)).where(col(Case.state).in_(LIVE))


def stalled(session: Session, *, now: datetime) -> list[int]:
    """Return live cases whose next step is more than a minute overdue: an auditor's alarm."""
    rows = select(Case.id).where(
        col(Case.state).in_(LIVE),
        col(Case.next_step_at).is_(None) | (col(Case.next_step_at) < now - OVERDUE),
    )
    return [case_id for case_id in session.exec(rows) if case_id is not None]


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


def on_duty(session: Session, now: datetime, zone: ZoneInfo) -> int | None:
    """Return the account of the person on duty at this moment; the narrowest entry wins. None: nobody is set."""
    chosen = narrowest(session.exec(select(Duty)), now, zone)
    return chosen.account_id if chosen else None


def narrowest(duties: Iterable[Duty], now: datetime, zone: ZoneInfo) -> Duty | None:
    """Return the entry that holds at this moment: one weekday's before one for always, the shorter before the longer."""
    local = now.astimezone(zone)
    minute = local.hour * 60 + local.minute
    fitting = [
        duty
        for duty in duties
        if duty.weekday in (None, local.weekday()) and duty.from_minute <= minute < duty.until_minute
    ]
    return min(
        fitting,
        key=lambda duty: (duty.weekday is None, duty.until_minute - duty.from_minute, -(duty.id or 0)),
        default=None,
    )


def set_duty(
    session: Session,
    *,
    account_id: int,
    weekday: int | None = None,
    from_minute: int = 0,
    until_minute: int = 1440,
) -> None:
    """Put a person on duty, always or for one weekday's hours (minutes of the local day, half-open).

    Whoever had the very same hours has them no longer.
    """
    session.exec(
        delete(Duty).where(
            col(Duty.weekday).is_not_distinct_from(weekday),
            col(Duty.from_minute) == from_minute,
            col(Duty.until_minute) == until_minute,
        )
    )
    session.add(
        Duty(account_id=account_id, weekday=weekday, from_minute=from_minute, until_minute=until_minute)
    )
    session.flush()


def sweep_cases(session: Session, *, now: datetime, zone: ZoneInfo, board_link: str) -> int:
    """Bring every live case to its next step; return how many messages that put into the outbox.

    What was taken and not closed lapses and is told again. What is not urgent is only looked at again, and turns
    urgent an hour before its moment. What is urgent and open is told to the person on duty, in one message.
    """
    _lapse(session, now)
    _look_again(session, now, zone)
    return _tell(session, now, zone, board_link)


def anything_to_tell(session: Session) -> bool:
    """Say whether an urgent case still waits for somebody to take it: else a message about it is not wanted."""
    return session.exec(_waiting().limit(1)).first() is not None


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


def is_long_past(case: Case, now: datetime) -> bool:
    """Return whether only a word is still missing: how a ride went that nobody was found for, two hours ago or more.

    A child who was not fetched, not delivered or held back is never a mere word.
    """
    only_a_word = case.kind in {CaseKind.NO_DRIVER, CaseKind.NO_ANSWER, CaseKind.UNFILLABLE, CaseKind.CHANGED}
    return only_a_word and case.needed_by is not None and case.needed_by <= now - LONG_PAST


def _lapse_of(case: Case, now: datetime) -> datetime:
    if is_long_past(case, now):
        return now + QUIET_ACK_HOLDS
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
        return mark("这件急事已经有人办完了。")
    return mark("这件急事刚才已有人接手。请看一眼是谁，再一起商量。")


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


def _lapse(session: Session, now: datetime) -> None:
    lapsed = session.scalars(
        update(Case)
        .where(col(Case.state) == CaseState.ACKNOWLEDGED, col(Case.ack_lapses_at) <= now)
        .values(state=str(CaseState.OPEN), next_step_at=now, ack_lapses_at=None)
        .returning(col(Case.id))
        .execution_options(synchronize_session=False)
    ).all()
    note(session, [case_id for case_id in lapsed if case_id is not None], at=now, by="system", what="lapsed")


def _look_again(session: Session, now: datetime, zone: ZoneInfo) -> None:
    due = session.exec(
        select(Case).where(
            col(Case.state) == CaseState.OPEN, col(Case.is_urgent).is_(False), col(Case.next_step_at) <= now
        )
    ).all()
    for case in due:
        urgent_at = becomes_urgent_at(case.needed_by)
        is_urgent = urgent_at is not None and urgent_at <= now
        next_at = _next_evening(now, zone)
        session.execute(
            update(Case)
            .where(
                col(Case.id) == case.id,
                col(Case.state) == CaseState.OPEN,
                col(Case.is_urgent).is_(False),
            )
            .values(
                is_urgent=is_urgent,
                next_step_at=now if is_urgent else min(next_at, urgent_at) if urgent_at else next_at,
            )
            .execution_options(synchronize_session=False)
        )
        if is_urgent and case.id is not None:
            note(session, [case.id], at=now, by="system", what="urgent")


def _tell(session: Session, now: datetime, zone: ZoneInfo, board_link: str) -> int:
    # the one that is named is one that can still be helped: what is long past hides nothing that is to come
    waiting = sorted(
        session.exec(_waiting().execution_options(populate_existing=True)),
        key=lambda case: (is_long_past(case, now), *rank(case)),
    )
    due = [case for case in waiting if case.next_step_at is not None and case.next_step_at <= now]
    if not due:
        return 0
    account_id = on_duty(session, now, zone)
    if account_id is None:
        log.error("nobody is on duty: %d urgent cases wait on the board alone", len(waiting))
        _postpone(session, due, now + NOBODY_STEP, now)
        return 0
    party = f"account:{account_id}"
    may_at = _may_tell_at(session, party, due, now)
    if may_at > now:
        for case in due:
            _postpone(session, [case], min(may_at, now + _step(case, now)), now)
        return 0
    told = _claim(session, due, now)
    if not told:
        return 0
    note(session, told, at=now, by="system", what="told", detail=party)
    first = waiting[0]
    left = round((first.needed_by - now).total_seconds() / 60) if first.needed_by else None
    said = (
        wording.case_to_duty(first.sentence, minutes_left=left, link=board_link)
        if len(waiting) == 1
        else wording.cases_to_duty(len(waiting), first.sentence, minutes_left=left, link=board_link)
    )
    outbox.withdraw(session, about=f"cases:{party}", reason="told anew", now=now)
    message = outbox.enqueue(
        session,
        to=party,
        wording=said,
        about=f"cases:{party}",
        dedup_key=f"cases:{party}:{now:%Y%m%dT%H%M%S}",
        now=now,
        urgency=Urgency.URGENT,
        do_not_send_after=now + STALE_AFTER,
    )
    return int(message is not None)


def _may_tell_at(session: Session, party: str, due: list[Case], now: datetime) -> datetime:
    """Return when this person may be told: one message a minute, and one in 15 minutes after a case's first two.

    Gateways allow a number only so many messages a day: on a bad day the cap must not be spent in an hour.
    """
    last = session.exec(
        select(func.max(CaseEvent.at)).where(CaseEvent.what == "told", CaseEvent.detail == party)
    ).one()
    if last is None:
        return now
    has_new = any(case.times_told < FIRST_TELLINGS for case in due)
    at: datetime = last + (APART_AT_FIRST if has_new else APART)
    return at


def _claim(session: Session, due: list[Case], now: datetime) -> list[int]:
    """Move the due cases to their next step; whoever moves them tells them."""
    claimed: list[int] = []
    for step in {_step(case, now) for case in due}:
        ids = [case.id for case in due if _step(case, now) == step]
        rows = session.scalars(
            update(Case)
            .where(col(Case.id).in_(ids), col(Case.state) == CaseState.OPEN, col(Case.next_step_at) <= now)
            .values(times_told=Case.times_told + 1, next_step_at=now + step)
            .returning(col(Case.id))
            .execution_options(synchronize_session=False)
        )
        claimed += [case_id for case_id in rows if case_id is not None]
    return sorted(claimed)


def _postpone(session: Session, cases: list[Case], until: datetime, now: datetime) -> None:
    session.execute(
        update(Case)
        .where(
            col(Case.id).in_([case.id for case in cases]),
            col(Case.state) == CaseState.OPEN,
            col(Case.next_step_at) <= now,
        )
        .values(next_step_at=until)
        .execution_options(synchronize_session=False)
    )


def _step(case: Case, now: datetime) -> timedelta:
    """Return how long until an open case is told again: at most 3 minutes within an hour of its moment."""
    if case.needed_by is None:
        return STEP_WITHOUT_T
    if abs(case.needed_by - now) <= CLOSE_TO_T:
        return STEP_CLOSE
    if case.needed_by < now:
        return STEP_AFTER
    return min(STEP_FAR, case.needed_by - CLOSE_TO_T - now)


def _next_evening(now: datetime, zone: ZoneInfo) -> datetime:
    local = now.astimezone(zone)
    evening = datetime.combine(local.date(), LOOK_AGAIN, zone)
    if evening <= local:
        evening = datetime.combine(local.date() + timedelta(days=1), LOOK_AGAIN, zone)
    return evening.astimezone(now.tzinfo)


def _waiting() -> SelectOfScalar[Case]:
    return select(Case).where(col(Case.state) == CaseState.OPEN, col(Case.is_urgent))


HUMAN = "account:"
CAN_REOPEN = timedelta(hours=24)
LIVE = (str(CaseState.OPEN), str(CaseState.ACKNOWLEDGED))
CLOSE_TO_T = timedelta(minutes=60)
LONG_PAST = timedelta(hours=2)
ACK_HOLDS_CLOSE = timedelta(minutes=10)
ACK_HOLDS = timedelta(minutes=60)
QUIET_ACK_HOLDS = timedelta(hours=24)
QUIET_STEP = timedelta(hours=24)
SENTENCE, REASON = 400, 200
OVERDUE = timedelta(minutes=1)
LOOK_AGAIN = time(18, 0)
FIRST_TELLINGS = 2
APART_AT_FIRST = timedelta(minutes=1)
APART = timedelta(minutes=15)
STALE_AFTER = timedelta(minutes=10)
STEP_CLOSE = timedelta(minutes=3)
STEP_FAR = timedelta(minutes=15)
STEP_AFTER = timedelta(minutes=30)
STEP_WITHOUT_T = timedelta(minutes=15)
NOBODY_STEP = timedelta(minutes=1)
