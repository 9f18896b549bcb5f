"""What somebody who was asked says, and what it comes to: a promise, a refusal, or the news that it is too late.

Nobody is assigned: a shift is a promise only after its volunteer's yes. After a no that person is never asked again for
those legs; only they can take it back, while nobody else has said yes.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select, update

from escort import wording
from escort.errors import NotFound, Refused
from escort.rota.fitness import is_fit
from escort.rota.models import (
    LIVE_SHIFT,
    Ask,
    AskKind,
    AskState,
    CircleMember,
    CircleState,
    Leg,
    Offer,
    OfferState,
    Refusal,
    Run,
    RunLeg,
    RunState,
    Shift,
    ShiftState,
)
from escort.rota.repeats import repeat_reason
from escort.rota.seats import lock_runs, open_seats, search_now
from escort.rota.shown import shown_runs
from notifications.models import Urgency
from notifications.outbox import Letter, enqueue_many, withdraw


@dataclass(frozen=True)
class Answered:
    """What an answer came to, by offer."""

    accepted: list[Offer] = field(default_factory=list)
    declined: list[Offer] = field(default_factory=list)
    gone: list[Offer] = field(default_factory=list)  # taken by somebody else, or changed meanwhile


def answer_ask(
    session: Session,
    *,
    ask_id: int,
    declined: Iterable[int] | None,
    by: str,
    how: str,
    now: datetime,
    zone: ZoneInfo,
    takes_back: bool = False,
) -> Answered:
    """Record one person's answer: yes to every offer but the `declined` ones; None declines all.

    What was answered before stays as it was and comes back with the rest; with `takes_back` a yes also covers what
    this person has declined. What somebody else has taken meanwhile, or what is no more, comes back as `gone`.
    Raises NotFound for an unknown ask.
    """
    if session.get(Ask, ask_id) is None:
        raise NotFound("这条询问已经不在了。请打开最新的一条短信。")
    lock_runs(session, session.exec(select(Offer.run_id).where(Offer.ask_id == ask_id)).all())
    offers = session.exec(
        select(Offer)
        .where(Offer.ask_id == ask_id)
        .order_by(col(Offer.on), col(Offer.direction).desc())
        .execution_options(populate_existing=True)
    ).all()
    no = {offer.id for offer in offers} if declined is None else set(declined)
    answered = Answered()
    for offer in offers:
        if offer.state == OfferState.ACCEPTED:
            (answered.accepted if _still_drives(session, offer) else answered.gone).append(offer)
        elif offer.state in {OfferState.TAKEN, OfferState.WITHDRAWN}:
            answered.gone.append(offer)
        elif offer.id in no or (offer.state == OfferState.DECLINED and not takes_back):
            _decline(session, offer, now=now)
            answered.declined.append(offer)
        elif _accept(session, offer, by=by, how=how, now=now, zone=zone):
            answered.accepted.append(offer)
        else:
            answered.gone.append(offer)
    session.exec(
        update(Ask)
        .where(col(Ask.id) == ask_id, col(Ask.state).in_((AskState.OPEN, AskState.LAPSED)))
        .values(state=str(AskState.ANSWERED), answered_at=now, answer=how)
    )
    withdraw(session, about=f"ask:{ask_id}", reason="answered", now=now)
    session.flush()
    return answered


def answer_offer(
    session: Session, *, offer_id: int, yes: bool, by: str, how: str, now: datetime, zone: ZoneInfo
) -> bool:
    """Record yes or no to one offer of an ask; False if it is too late for that. Raises NotFound.

    A yes takes an earlier no back, while nobody else has said yes.
    """
    offer = session.get(Offer, offer_id)
    if offer is None:
        raise NotFound("这趟车的询问已经不在了。请打开最新的一条短信。")
    lock_runs(session, [offer.run_id])
    session.refresh(offer)
    if yes:
        done = _accept(session, offer, by=by, how=how, now=now, zone=zone)
    else:
        done = _decline(session, offer, now=now)
    still_open = session.exec(
        select(Offer.id).where(Offer.ask_id == offer.ask_id, Offer.state == OfferState.OPEN).limit(1)
    )
    if still_open.first() is None:
        session.exec(
            update(Ask)
            .where(col(Ask.id) == offer.ask_id, col(Ask.state) == AskState.OPEN)
            .values(state=str(AskState.ANSWERED), answered_at=now, answer=how)
        )
        withdraw(session, about=f"ask:{offer.ask_id}", reason="answered", now=now)
    session.flush()
    return done


def record_answer(
    session: Session,
    *,
    run_id: int,
    volunteer_id: int,
    yes: bool,
    by: str,
    how: str,
    now: datetime,
    zone: ZoneInfo,
) -> bool:
    """Record an answer given by telephone, with who took it down; False if it is too late for that.

    Raises Refused if this volunteer was never asked for the run.
    """
    offer = session.exec(
        select(Offer)
        .where(Offer.run_id == run_id, Offer.volunteer_id == volunteer_id)
        .order_by(col(Offer.id).desc())
        .limit(1)
    ).first()
    if offer is None or offer.id is None:
        raise Refused("还没有问过这位志愿者。请先点“问”，再记下电话里的回答。")
    return answer_offer(session, offer_id=offer.id, yes=yes, by=by, how=how, now=now, zone=zone)


def remember_refusal(session: Session, *, leg_ids: Collection[int], volunteer_id: int, now: datetime) -> None:
    """Note that this person is never to be asked again for these legs."""
    known = {
        refusal.leg_id: refusal
        for refusal in session.exec(
            select(Refusal).where(
                Refusal.volunteer_id == volunteer_id, col(Refusal.leg_id).in_(list(leg_ids))
            )
        )
    }
    for leg_id in leg_ids:
        if leg_id not in known:
            session.add(Refusal(leg_id=leg_id, volunteer_id=volunteer_id, at=now))
        elif known[leg_id].taken_back_at is not None:
            known[leg_id].at, known[leg_id].taken_back_at = now, None


def tell_the_others(session: Session, winner: Offer, *, now: datetime, zone: ZoneInfo) -> None:
    """Close the run's other open offers and tell those people that somebody was first."""
    others = session.exec(
        select(Offer, Ask)
        .join(Ask, col(Ask.id) == col(Offer.ask_id))
        .where(
            Offer.run_id == winner.run_id,
            Offer.role == winner.role,
            Offer.state == OfferState.OPEN,
            Offer.id != winner.id,
        )
    ).all()
    if not others:
        return
    session.exec(
        update(Offer)
        .where(col(Offer.id).in_([offer.id for offer, _ in others]), col(Offer.state) == OfferState.OPEN)
        .values(state=str(OfferState.TAKEN), answered_at=now)
    )
    shown = shown_runs(session, [winner.run_id] if winner.run_id else [])
    letters = []
    for offer, ask in others:
        unread = 0
        if ask.kind == AskKind.STAND_IN:  # a week's ask goes on with its other turns
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


def _accept(session: Session, offer: Offer, *, by: str, how: str, now: datetime, zone: ZoneInfo) -> bool:
    """Turn an offer into a promise, if its run still wants one and this person may drive it."""
    if offer.state == OfferState.ACCEPTED:
        return _still_drives(session, offer)
    if offer.state == OfferState.WITHDRAWN:
        return False
    run = session.get(Run, offer.run_id, populate_existing=True)
    if run is None or run.state != RunState.LIVE or run.ends_at <= now:
        _settle(session, offer, OfferState.WITHDRAWN, now)
        return False
    if not is_fit(session, run=run, volunteer_id=offer.volunteer_id):
        _settle(session, offer, OfferState.WITHDRAWN, now)
        if offer.shift_id is not None:
            _end_open_shift(session, offer.shift_id, ShiftState.FREED, "unfit", now)
        search_now(session, [run.id], now=now)
        return False
    confirmed_how = f"{how}:{by}"[:40]
    if offer.shift_id is not None and _confirm(session, offer.shift_id, how=confirmed_how, now=now):
        _settle(session, offer, OfferState.ACCEPTED, now)
    elif _take(session, offer, run, how=confirmed_how, now=now):
        _settle(session, offer, OfferState.ACCEPTED, now)
        tell_the_others(session, offer, now=now, zone=zone)
    else:
        _settle(session, offer, OfferState.TAKEN, now)
        return False
    _take_back_refusals(session, offer, now)
    _join_circles(session, offer, now)
    return True


def _confirm(session: Session, shift_id: int, *, how: str, now: datetime) -> bool:
    moved = session.exec(
        update(Shift)
        .where(col(Shift.id) == shift_id, col(Shift.state) == ShiftState.OPEN)
        .values(state=str(ShiftState.CONFIRMED), confirmed_at=now, confirmed_how=how)
    )
    return moved.rowcount == 1


def _take(session: Session, offer: Offer, run: Run, *, how: str, now: datetime) -> bool:
    """Insert a confirmed shift unless the run or the volunteer's half-day is taken: two unique indexes decide."""
    if _is_taken(session, offer, run):
        return False
    _free_own_draft(session, offer, now)
    shown = shown_runs(session, [run.id] if run.id else [])
    shift = Shift(
        run_id=run.id,
        volunteer_id=offer.volunteer_id,
        on=run.on,
        direction=run.direction,
        role=offer.role,
        state=ShiftState.CONFIRMED,
        created_at=now,
        published_at=now,
        confirmed_at=now,
        confirmed_how=how,
        shown_starts_at=run.starts_at,
        shown_legs=shown[run.id].legs if run.id in shown else "",
        repeat_reason=repeat_reason(session, run=run, volunteer_id=offer.volunteer_id),
    )
    try:
        with session.begin_nested():
            session.add(shift)
    except IntegrityError:  # somebody else was first: the index says who
        return False
    offer.shift_id = shift.id
    assert run.id is not None
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
    return True


def _is_taken(session: Session, offer: Offer, run: Run) -> bool:
    own_half_day = (
        (col(Shift.volunteer_id) == offer.volunteer_id)
        & (col(Shift.on) == run.on)
        & (col(Shift.direction) == run.direction)
        & (col(Shift.state) != ShiftState.DRAFT)
    )
    seat = (col(Shift.run_id) == run.id) & (col(Shift.role) == offer.role)
    found = session.exec(
        select(Shift.id).where(col(Shift.state).in_(LIVE_SHIFT), seat | own_half_day).limit(1)
    )
    return found.first() is not None


def _free_own_draft(session: Session, offer: Offer, now: datetime) -> None:
    """What the office only thought of gives way to what its volunteer says."""
    session.exec(
        update(Shift)
        .where(
            col(Shift.volunteer_id) == offer.volunteer_id,
            col(Shift.on) == offer.on,
            col(Shift.direction) == offer.direction,
            col(Shift.state) == ShiftState.DRAFT,
        )
        .values(state=str(ShiftState.FREED), ended_at=now, end_reason="promised_elsewhere")
    )


def _decline(session: Session, offer: Offer, *, now: datetime) -> bool:
    if not _settle(session, offer, OfferState.DECLINED, now):
        return False
    legs = session.exec(select(RunLeg.leg_id).where(RunLeg.run_id == offer.run_id, col(RunLeg.is_live))).all()
    remember_refusal(session, leg_ids=legs, volunteer_id=offer.volunteer_id, now=now)
    if offer.shift_id is not None:
        _end_open_shift(session, offer.shift_id, ShiftState.DECLINED, "declined", now)
    search_now(session, [offer.run_id], now=now)
    return True


def _end_open_shift(session: Session, shift_id: int, state: ShiftState, reason: str, now: datetime) -> None:
    session.exec(
        update(Shift)
        .where(col(Shift.id) == shift_id, col(Shift.state) == ShiftState.OPEN)
        .values(state=str(state), ended_at=now, end_reason=reason)
    )


def _settle(session: Session, offer: Offer, state: OfferState, now: datetime) -> bool:
    """Move an offer that is open, or is answered late or anew, to its end; False if there is nothing to move."""
    moved = session.exec(
        update(Offer)
        .where(col(Offer.id) == offer.id, col(Offer.state).in_(_ANSWERABLE), col(Offer.state) != state)
        .values(state=str(state), answered_at=now, shift_id=offer.shift_id)
    )
    return moved.rowcount == 1


def _still_drives(session: Session, offer: Offer) -> bool:
    shift = session.get(Shift, offer.shift_id, populate_existing=True) if offer.shift_id else None
    return shift is not None and shift.state in {ShiftState.CONFIRMED, ShiftState.SERVED}


def _take_back_refusals(session: Session, offer: Offer, now: datetime) -> None:
    riding = select(RunLeg.leg_id).where(RunLeg.run_id == offer.run_id, col(RunLeg.is_live))
    session.exec(
        update(Refusal)
        .where(
            col(Refusal.volunteer_id) == offer.volunteer_id,
            col(Refusal.leg_id).in_(riding),
            col(Refusal.taken_back_at).is_(None),
        )
        .values(taken_back_at=now)
        .execution_options(synchronize_session=False)
    )


def _join_circles(session: Session, offer: Offer, now: datetime) -> None:
    """A published member of a child's circle is known from the first yes on."""
    children = (
        select(Leg.child_id)
        .join(RunLeg, col(RunLeg.leg_id) == col(Leg.id))
        .where(RunLeg.run_id == offer.run_id, col(RunLeg.is_live))
    )
    session.exec(
        update(CircleMember)
        .where(
            col(CircleMember.volunteer_id) == offer.volunteer_id,
            col(CircleMember.state) == CircleState.PUBLISHED,
            col(CircleMember.child_id).in_(children),
        )
        .values(state=str(CircleState.KNOWN), known_at=now)
        .execution_options(synchronize_session=False)
    )


_ANSWERABLE = (OfferState.OPEN, OfferState.LAPSED, OfferState.DECLINED, OfferState.TAKEN)
