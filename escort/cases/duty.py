"""Who is on duty, and telling them: at once, and again until somebody takes the case."""

import logging
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, update
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from escort import wording
from escort.cases.models import Case, CaseEvent, CaseState, Duty
from escort.cases.service import CLOSE_TO_T, becomes_urgent_at, note, rank
from notifications.models import Urgency
from notifications.outbox import enqueue

log = logging.getLogger(__name__)


def on_duty(session: Session, now: datetime, zone: ZoneInfo) -> int | None:
    """Return the account of the person on duty at this moment; the narrowest entry wins. None: nobody is set."""
    local = now.astimezone(zone)
    minute = local.hour * 60 + local.minute
    fitting = [
        duty
        for duty in session.exec(select(Duty))
        if duty.weekday in (None, local.weekday()) and duty.from_minute <= minute < duty.until_minute
    ]
    chosen = min(
        fitting,
        key=lambda duty: (duty.weekday is None, duty.until_minute - duty.from_minute, -(duty.id or 0)),
        default=None,
    )
    return chosen.account_id if chosen else None


def set_duty(
    session: Session,
    *,
    account_id: int,
    weekday: int | None = None,
    from_minute: int = 0,
    until_minute: int = 1440,
) -> None:
    """Put a person on duty, always or for one weekday's hours (minutes of the local day, half-open)."""
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
    waiting = sorted(session.exec(_waiting().execution_options(populate_existing=True)), key=rank)
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
    message = enqueue(
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
