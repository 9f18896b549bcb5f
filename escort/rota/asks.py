"""Asking volunteers for their coming week, and what becomes of silence.

An ask is one message to one person about all their shifts of one week. Nobody is assigned: a shift is open until its
volunteer says yes. What they say is in answers.py.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert
from sqlalchemy import update as bulk_update
from sqlmodel import Session, col, select, update

from escort import wording
from escort.errors import Conflict
from escort.rota.answers import Answered as Answered
from escort.rota.answers import answer_ask as answer_ask
from escort.rota.answers import answer_offer as answer_offer
from escort.rota.answers import confirm_standing, settle_standing
from escort.rota.answers import record_answer as record_answer
from escort.rota.deadlines import Terms, routine_terms
from escort.rota.models import (
    Ask,
    AskKind,
    AskState,
    Offer,
    OfferState,
    Run,
    RunState,
    Shift,
    ShiftState,
)
from escort.rota.problems import week_of
from escort.rota.seats import lock_runs, search_now
from escort.rota.shown import RunShown, shown_runs
from notifications.models import Urgency
from notifications.outbox import Letter, enqueue_many

LinkMaker = Callable[[Session, Sequence[str]], Mapping[str, str]]
"""Turns subjects such as `volunteer:12` into addresses that only they should open."""

ASK_WEEKDAY, ASK_TIME = 3, time(18, 0)  # Thursday 18:00, for the week after
LATEST_ASK_BEFORE_START = timedelta(minutes=45)  # later than this the stand-in search takes over
LATEST_WAIT_BEFORE_START = timedelta(hours=12)  # nor does a new shift wait longer behind another open ask
URGENT_WITHIN = timedelta(hours=3)


def ask_moment(week_on: date, zone: ZoneInfo) -> datetime:
    """Return when the week that begins on this Monday is asked about."""
    return datetime.combine(week_on - timedelta(days=7 - ASK_WEEKDAY), ASK_TIME, zone)


def next_ask_moment(now: datetime, zone: ZoneInfo) -> datetime:
    """Return the next moment at which a new week opens for asking."""
    week_on = week_of(now.astimezone(zone).date()) + timedelta(days=7)
    moment = ask_moment(week_on, zone)
    return moment if moment > now else ask_moment(week_on + timedelta(days=7), zone)


def volunteers_to_ask(session: Session, *, now: datetime, zone: ZoneInfo) -> list[int]:
    """Return who has shifts that can be asked about now."""
    return sorted({shift.volunteer_id for shift in session.exec(_unasked(now, zone))})


def send_asks(
    session: Session, *, now: datetime, zone: ZoneInfo, links: LinkMaker, only: int | None = None
) -> int:
    """Ask every volunteer (or `only` one) with published shifts nobody has asked about; return the number of asks.

    This week's are asked at once, next week's from Thursday 18:00. Whoever has an ask open is left alone. What a
    standing yes covers is confirmed by this very message, and told rather than asked.
    """
    turns: dict[int, list[Shift]] = defaultdict(list)
    whose = [] if only is None else [Shift.volunteer_id == only]
    for shift in session.exec(_unasked(now, zone).where(*whose)):
        turns[shift.volunteer_id].append(shift)
    if not turns:
        return 0
    first_week = {volunteer_id: _of_first_week(shifts) for volunteer_id, shifts in turns.items()}
    shown = shown_runs(session, [_run(shift) for shifts in first_week.values() for shift in shifts])
    terms = {
        volunteer_id: routine_terms(now, min(shown[_run(shift)].starts_at for shift in shifts), zone)
        for volunteer_id, shifts in first_week.items()
    }
    told_at = {volunteer_id: one.not_before or now for volunteer_id, one in terms.items()}
    standing = confirm_standing(
        session,
        [one for shifts in first_week.values() for one in shifts],
        told_at=told_at,
        now=now,
        zone=zone,
    )
    rows = [
        {
            "volunteer_id": volunteer_id,
            "kind": AskKind.ROUTINE,
            "state": AskState.OPEN,
            "week_on": week_of(shifts[0].on),
            "asked_at": now,
            "deadline_at": terms[volunteer_id].deadline_at,
            "answer": "",
        }
        for volunteer_id, shifts in first_week.items()
    ]
    ask_ids = (
        session.execute(insert(Ask).returning(col(Ask.id), sort_by_parameter_order=True), rows)
        .scalars()
        .all()
    )
    ask_of = {
        volunteer_id: ask_id
        for volunteer_id, ask_id in zip(first_week, ask_ids, strict=True)
        if ask_id is not None
    }
    _insert_offers(session, ask_of, first_week, shown, standing)
    _tell(session, ask_of, terms, first_week, shown, standing, now=now, zone=zone, links=links)
    session.expire_all()
    return len(rows)


def lapse_asks(session: Session, *, now: datetime) -> int:
    """Close every ask whose deadline has passed; free what it held, and let the stand-in search look.

    What was told and not asked stays promised: nobody said no to it.
    """
    due = [
        ask_id
        for ask_id in session.exec(
            select(Ask.id).where(Ask.state == AskState.OPEN, col(Ask.deadline_at) <= now)
        )
        if ask_id is not None
    ]
    if not due:
        return _lapse_unasked(session, now)
    waiting = (col(Offer.ask_id).in_(due), col(Offer.state) == OfferState.OPEN)
    lock_runs(session, session.exec(select(Offer.run_id).where(*waiting)).all())
    offers = session.exec(select(Offer.run_id, Offer.shift_id).where(*waiting)).all()
    unanswered = select(Offer.id).where(
        col(Offer.ask_id) == col(Ask.id), col(Offer.state).in_((OfferState.OPEN, OfferState.WAITING))
    )
    closing = (col(Ask.id).in_(due), col(Ask.state) == AskState.OPEN)
    session.exec(
        update(Ask)
        .where(*closing, ~unanswered.exists())
        .values(state=str(AskState.ANSWERED), answered_at=now, answer="standing")
        .execution_options(synchronize_session=False)
    )
    session.exec(update(Ask).where(*closing).values(state=str(AskState.LAPSED)))
    settle_standing(session, due, now=now)
    session.exec(update(Offer).where(*waiting).values(state=str(OfferState.LAPSED)))
    session.exec(
        update(Shift)
        .where(
            col(Shift.id).in_([shift_id for _, shift_id in offers if shift_id is not None]),
            col(Shift.state) == ShiftState.OPEN,
        )
        .values(state=str(ShiftState.LAPSED), ended_at=now, end_reason="no_answer")
    )
    search_now(session, {run_id for run_id, _ in offers}, now=now)
    session.expire_all()
    return len(due) + _lapse_unasked(session, now)


def next_deadline(session: Session) -> datetime | None:
    """Return the earliest deadline of an open ask."""
    return session.exec(select(func.min(Ask.deadline_at)).where(Ask.state == AskState.OPEN)).one()


def next_due_at(session: Session, *, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when an ask lapses or somebody can be asked next, perhaps now; None if nothing is in sight."""
    if session.exec(_unasked(now, zone).limit(1)).first() is not None:
        return now
    moments = [next_deadline(session)]
    starts_at = _first_never_asked(session, now, zone)
    if starts_at is not None:
        moments += [
            ask_moment(week_of(starts_at.astimezone(zone).date()), zone),
            starts_at - LATEST_WAIT_BEFORE_START,
            starts_at - LATEST_ASK_BEFORE_START,
        ]
    overdue = moments[0] if moments[0] is not None and moments[0] <= now else None
    return overdue or min((moment for moment in moments if moment is not None and moment > now), default=None)


def open_asks_of(session: Session, volunteer_id: int) -> list[Ask]:
    """Return a volunteer's open asks, the oldest first."""
    return list(
        session.exec(
            select(Ask)
            .where(Ask.volunteer_id == volunteer_id, Ask.state == AskState.OPEN)
            .order_by(col(Ask.id))
        )
    )


def offers_of(session: Session, ask_id: int) -> list[Offer]:
    """Return an ask's offers in the order of their dates."""
    return list(
        session.exec(
            select(Offer).where(Offer.ask_id == ask_id).order_by(col(Offer.on), col(Offer.direction).desc())
        )
    )


def _never_asked() -> tuple[Any, ...]:
    """Open shifts that no ask has named yet."""
    asked = select(Offer.id).where(col(Offer.shift_id) == col(Shift.id)).exists()
    return (col(Shift.state) == ShiftState.OPEN, ~asked)


def _first_never_asked(session: Session, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when the first coming run begins whose volunteer has not been asked; by date first, along the index."""
    today = now.astimezone(zone).date()
    coming = (
        select(col(Shift.on))
        .join(Run, col(Run.id) == col(Shift.run_id))
        .where(*_never_asked(), Shift.on >= today, col(Run.starts_at) > now)
    )
    on = session.exec(coming.order_by(col(Shift.on)).limit(1)).first()
    if on is None:
        return None
    first: datetime | None = session.exec(
        select(func.min(Run.starts_at))
        .select_from(Shift)
        .join(Run, col(Run.id) == col(Shift.run_id))
        .where(*_never_asked(), Shift.on == on, col(Run.starts_at) > now)
    ).one()
    return first


def _unasked(now: datetime, zone: ZoneInfo) -> Any:
    """The open shifts of weeks that may be asked about now, by volunteer in the order of their dates."""
    today = now.astimezone(zone).date()
    next_week = week_of(today) + timedelta(days=7)
    until = next_week + timedelta(days=7) if now >= ask_moment(next_week, zone) else next_week
    busy = select(Ask.volunteer_id).where(Ask.state == AskState.OPEN, Ask.kind == AskKind.ROUTINE)
    return (
        select(Shift)
        .join(Run, col(Run.id) == col(Shift.run_id))
        .where(
            *_never_asked(),
            Shift.on >= today,
            Shift.on < until,
            Run.state == RunState.LIVE,
            col(Run.starts_at) > now + LATEST_ASK_BEFORE_START,
            ~col(Shift.volunteer_id).in_(busy),
        )
        .order_by(col(Shift.volunteer_id), col(Shift.on), col(Shift.direction).desc())
    )


def _lapse_unasked(session: Session, now: datetime) -> int:
    """Give up shifts that their volunteer cannot be asked about in time: others are asked instead, at once.

    Either the run is too near, or the volunteer still has another ask open and the run is on the next day.
    """
    busy = select(Ask.volunteer_id).where(Ask.state == AskState.OPEN, Ask.kind == AskKind.ROUTINE)
    rows = session.exec(
        select(Shift.id, Shift.run_id)
        .join(Run, col(Run.id) == col(Shift.run_id))
        .where(
            *_never_asked(),
            Shift.on >= (now - timedelta(days=7)).date(),
            Shift.on <= (now + timedelta(days=1)).date(),
            (col(Run.starts_at) <= now + LATEST_ASK_BEFORE_START)
            | ((col(Run.starts_at) <= now + LATEST_WAIT_BEFORE_START) & col(Shift.volunteer_id).in_(busy)),
        )
    ).all()
    if not rows:
        return 0
    lock_runs(session, [run_id for _, run_id in rows])
    session.exec(
        update(Shift)
        .where(col(Shift.id).in_([shift_id for shift_id, _ in rows]), *_never_asked())
        .values(state=str(ShiftState.LAPSED), ended_at=now, end_reason="not_asked")
        .execution_options(synchronize_session=False)
    )
    search_now(session, [run_id for _, run_id in rows], now=now)
    session.expire_all()
    return len(rows)


def _of_first_week(shifts: Sequence[Shift]) -> list[Shift]:
    return [shift for shift in shifts if week_of(shift.on) == week_of(shifts[0].on)]


def _insert_offers(
    session: Session,
    ask_of: Mapping[int, int],
    shifts_of: Mapping[int, list[Shift]],
    shown: Mapping[int, RunShown],
    standing: Collection[int],
) -> None:
    offers = [
        {
            "ask_id": ask_of[volunteer_id],
            "volunteer_id": volunteer_id,
            "run_id": shift.run_id,
            "shift_id": shift.id,
            "role": shift.role,
            "on": shift.on,
            "direction": shift.direction,
            "state": OfferState.STANDING if shift.id in standing else OfferState.OPEN,
            "shown_starts_at": shown[_run(shift)].starts_at,
            "shown_legs": shown[_run(shift)].legs,
        }
        for volunteer_id, shifts in shifts_of.items()
        for shift in shifts
    ]
    promises = [
        {
            "id": shift.id,
            "shown_starts_at": shown[_run(shift)].starts_at,
            "shown_legs": shown[_run(shift)].legs,
        }
        for shifts in shifts_of.values()
        for shift in shifts
    ]
    session.execute(insert(Offer), offers)
    session.execute(bulk_update(Shift), promises)


def _tell(
    session: Session,
    ask_of: Mapping[int, int],
    terms: Mapping[int, Terms],
    shifts_of: Mapping[int, list[Shift]],
    shown: Mapping[int, RunShown],
    standing: Collection[int],
    *,
    now: datetime,
    zone: ZoneInfo,
    links: LinkMaker,
) -> None:
    link = links(session, [f"volunteer:{volunteer_id}" for volunteer_id in shifts_of])
    enqueue_many(
        session,
        [
            _letter(
                volunteer_id,
                ask_of[volunteer_id],
                [shown[_run(shift)].turn for shift in shifts if shift.id not in standing],
                [shown[_run(shift)].turn for shift in shifts if shift.id in standing],
                terms[volunteer_id],
                link[f"volunteer:{volunteer_id}"],
                now,
                zone,
            )
            for volunteer_id, shifts in shifts_of.items()
        ],
        now=now,
    )


def _letter(
    volunteer_id: int,
    ask_id: int,
    asked: Sequence[wording.Turn],
    as_usual: Sequence[wording.Turn],
    terms: Terms,
    link: str,
    now: datetime,
    zone: ZoneInfo,
) -> Letter:
    told_at = terms.not_before or now
    return Letter(
        to=f"volunteer:{volunteer_id}",
        wording=wording.week_message(
            asked, as_usual, deadline=terms.deadline_at, link=link, now=told_at, zone=zone
        ),
        about=f"ask:{ask_id}",
        dedup_key=f"ask:{ask_id}",
        urgency=Urgency.URGENT if terms.deadline_at - told_at < URGENT_WITHIN else Urgency.ROUTINE,
        not_before=terms.not_before,
        do_not_send_after=terms.deadline_at,
    )


def _run(shift: Shift) -> int:
    if shift.run_id is None:
        raise Conflict("候补班次不在每周询问里。")
    return shift.run_id
