"""Taking a seat that stood open: the first yes wins, and the others hear of it."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select, update

from escort import wording
from escort.rota.models import Ask, AskState, Offer, OfferState, Run, Shift, ShiftState
from escort.rota.repeats import repeat_reason
from escort.rota.seats import open_seats
from escort.rota.shown import shown_runs
from notifications.models import Urgency
from notifications.outbox import Letter, enqueue_many, withdraw


def take_seat(session: Session, offer: Offer, run: Run, *, how: str, now: datetime) -> bool:
    """Give an offer's seat to whoever said yes, unless somebody else has it."""
    shift_id = promise_seat(
        session,
        run,
        volunteer_id=offer.volunteer_id,
        role=offer.role,
        shown_starts_at=offer.shown_starts_at,
        shown_legs=offer.shown_legs,
        how=how,
        now=now,
    )
    if shift_id is None:
        return False
    offer.shift_id = shift_id
    return True


def promise_seat(
    session: Session,
    run: Run,
    *,
    volunteer_id: int,
    role: str,
    shown_starts_at: datetime | None,
    shown_legs: str,
    how: str,
    now: datetime,
) -> int | None:
    """Insert a confirmed shift and return its id; None if the run or the half-day is taken: two unique indexes decide."""
    assert run.id is not None
    _free_own_draft(session, volunteer_id, run, now)
    shown = shown_runs(session, [run.id])
    shift = Shift(
        run_id=run.id,
        volunteer_id=volunteer_id,
        on=run.on,
        direction=run.direction,
        role=role,
        state=ShiftState.CONFIRMED,
        created_at=now,
        published_at=now,
        confirmed_at=now,
        confirmed_how=how,
        shown_starts_at=shown_starts_at or run.starts_at,
        shown_legs=shown_legs or (shown[run.id].legs if run.id in shown else ""),
        repeat_reason=repeat_reason(session, run=run, volunteer_id=volunteer_id),
    )
    try:
        with session.begin_nested():
            session.add(shift)
    except IntegrityError:  # somebody else was first: the index says who
        return None
    session.exec(
        update(Run)
        .where(col(Run.id) == run.id)
        .values(
            search_at=now if open_seats(session, [run.id])[run.id] else None,
            unfilled_code=None,
            unfilled_detail=None,
            is_proved_unfillable=False,
            version=Run.version + 1,
        )
    )
    return shift.id


def tell_the_others(session: Session, winner: Offer, *, now: datetime, zone: ZoneInfo) -> None:
    """Close the run's other open offers and tell those people that somebody was first."""
    others = session.exec(
        select(Offer, Ask)
        .join(Ask, col(Ask.id) == col(Offer.ask_id))
        .where(
            Offer.run_id == winner.run_id,
            Offer.role == winner.role,
            col(Offer.state).in_(UNDECIDED),
            Offer.id != winner.id,
        )
    ).all()
    if not others:
        return
    session.exec(
        update(Offer)
        .where(col(Offer.id).in_([offer.id for offer, _ in others]), col(Offer.state).in_(UNDECIDED))
        .values(state=str(OfferState.TAKEN), answered_at=now)
    )
    shown = shown_runs(session, [winner.run_id] if winner.run_id else [])
    with_more = set(
        session.exec(
            select(Offer.ask_id).where(
                col(Offer.ask_id).in_([ask.id for _, ask in others]), col(Offer.state).in_(UNDECIDED)
            )
        )
    )
    letters = []
    for offer, ask in others:
        unread = 0
        if ask.id not in with_more:  # else it goes on with its other turns
            session.exec(
                update(Ask)
                .where(col(Ask.id) == ask.id, col(Ask.state) == AskState.OPEN)
                .values(state=str(AskState.WITHDRAWN), answered_at=now, answer="taken")
            )
            unread = withdraw(session, about=f"ask:{ask.id}", reason="taken", now=now)
        if not unread and winner.run_id in shown:
            letters.append(
                Letter(
                    to=f"volunteer:{offer.volunteer_id}",
                    wording=wording.offer_taken(shown[winner.run_id].turn, now=now, zone=zone),
                    about=f"run:{winner.run_id}",
                    dedup_key=f"offer-taken:{offer.id}",
                    urgency=Urgency.URGENT,
                )
            )
    enqueue_many(session, letters, now=now)


UNDECIDED = (OfferState.OPEN, OfferState.WAITING)


def _free_own_draft(session: Session, volunteer_id: int, run: Run, now: datetime) -> None:
    """What the office only thought of gives way to what its volunteer says."""
    session.exec(
        update(Shift)
        .where(
            col(Shift.volunteer_id) == volunteer_id,
            col(Shift.on) == run.on,
            col(Shift.direction) == run.direction,
            col(Shift.state) == ShiftState.DRAFT,
        )
        .values(state=str(ShiftState.FREED), ended_at=now, end_reason="promised_elsewhere")
    )
