"""What somebody who was asked says, and what it comes to: a promise, a refusal, or the news that it is too late.

Nobody is assigned: a shift is a promise only after its volunteer's yes. After a no that person is never asked again for
those legs; only they can take it back, while nobody else has said yes.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select, update

from escort.errors import Conflict, NotFound, Refused
from escort.roster.households import lock_household
from escort.rota.aboard import legs_in_cars
from escort.rota.fitness import Seat, scene_of, what_breaks
from escort.rota.models import (
    CAN_SAY_NO,
    Ask,
    Offer,
    OfferState,
    Relief,
    Run,
    RunLeg,
    Shift,
    ShiftState,
)
from escort.rota.offered import (
    ANSWERABLE,
    close_ask,
    confirm_shifts,
    lock_runs_of_ask,
    of_ask,
    of_offer,
    of_shifts,
    read_asked,
)
from escort.rota.release import Reason, free_shifts
from escort.rota.seats import lock_runs
from escort.rota.standing import close_standing, covered_by, how_of, resting_on
from escort.rota.yes_and_no import affirm, remember_refusal, say_no, say_yes
from notifications.outbox import withdraw


@dataclass(frozen=True)
class Answered:
    """What an answer came to, by offer."""

    accepted: list[Offer] = field(default_factory=list)
    declined: list[Offer] = field(default_factory=list)
    waiting: list[Offer] = field(default_factory=list)  # a yes that counts with the partner's
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
    lock_runs_of_ask(session, ask_id)
    asked = read_asked(session, of_ask(), {"ask_id": ask_id})
    if not asked and session.get(Ask, ask_id) is None:
        raise NotFound("这条询问已经不在了。请打开最新的一条短信。")
    no = {one.id for one in asked} if declined is None else set(declined)
    refused = [
        one
        for one in asked
        if (
            one.is_answerable
            and (one.id in no or (one.offer.state == OfferState.DECLINED and not takes_back))
        )
        or (one.is_standing and one.id in no)
    ]
    wanted = [one for one in asked if one.is_answerable and one not in refused]
    say_no(session, refused, now=now)
    promised = say_yes(session, wanted, how=_confirmed_how(how, by), now=now, zone=zone)
    affirm(
        session,
        [one for one in asked if one.is_standing and one not in refused],
        _confirmed_how(how, by),
        now,
    )
    answered = Answered()
    for one in asked:
        if one in refused:
            answered.declined.append(one.offer)
        elif one.id in promised or one.is_kept:
            answered.accepted.append(one.offer)
        elif one.offer.state == OfferState.WAITING:
            answered.waiting.append(one.offer)
        else:
            answered.gone.append(one.offer)
    if not answered.waiting:
        session.execute(close_ask(), {"ask_id": ask_id, "now": now, "how": how})
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
    lock_runs(session, [offer.run_id, *_runs_given_for(session, offer)])
    [one] = read_asked(session, of_offer(), {"offer_id": offer_id})
    if not yes:
        done = offer_id in say_no(session, [one], now=now)
    elif one.rests_on_standing:
        affirm(session, [one], _confirmed_how(how, by), now)
        done = True
    elif one.offer.state in ANSWERABLE:
        promised = say_yes(session, [one], how=_confirmed_how(how, by), now=now, zone=zone)
        done = offer_id in promised or one.offer.state == OfferState.WAITING
    else:
        done = one.is_kept
    still_open = session.exec(
        select(Offer.id).where(Offer.ask_id == offer.ask_id, col(Offer.state).in_(CAN_SAY_NO)).limit(1)
    )
    if still_open.first() is None:
        session.execute(close_ask(), {"ask_id": offer.ask_id, "now": now, "how": how})
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
) -> str:
    """Record an answer given by telephone, with who took it down; return "" or why a yes could not be taken.

    A no also gives a promise back: whoever falls ill rings, and others are asked at once. Raises Refused if this
    volunteer was never asked for the run, Conflict if it is too late for the answer.
    """
    offer = session.exec(
        select(Offer)
        .where(Offer.run_id == run_id, Offer.volunteer_id == volunteer_id)
        .order_by(col(Offer.id).desc())
        .limit(1)
    ).first()
    if offer is None:
        raise Refused("还没有问过这位志愿者。请先点“问”，再记下电话里的回答。")
    is_said_already = offer.state == OfferState.DECLINED
    if not yes and (is_said_already or _give_back(session, offer, by=by, now=now, zone=zone)):
        return ""
    if answer_offer(session, offer_id=_id(offer.id), yes=yes, by=by, how=how, now=now, zone=zone):
        return ""
    session.refresh(offer)
    if not offer.end_reason:
        raise Conflict("这个回答来晚了：已经有别人开，或者这趟车变了。请看一下现在是谁。")
    return offer.end_reason


def confirm_standing(
    session: Session,
    shifts: Sequence[Shift],
    *,
    told_at: Mapping[int, datetime],
    now: datetime,
    zone: ZoneInfo,
) -> set[int]:
    """Confirm the open shifts that a standing yes covers and whose volunteer may drive; return them.

    For the caller who tells them in this transaction: what nobody is told is not confirmed.
    """
    covered = covered_by(session, shifts, told_at=told_at, zone=zone)
    if not covered:
        return set()
    mine = [shift for shift in shifts if shift.id in covered]
    lock_runs(session, [shift.run_id for shift in mine])
    confirmed: set[int] = set()
    for volunteer_id in sorted({shift.volunteer_id for shift in mine}):
        own = [shift for shift in mine if shift.volunteer_id == volunteer_id]
        runs = session.exec(select(Run).where(col(Run.id).in_([shift.run_id for shift in own]))).all()
        lock_household(session, volunteer_id)
        scene = scene_of(session, volunteer_id=volunteer_id, runs=runs)
        refused = {
            run_id for run_id, riding in scene.riding.items() if any(leg.has_refused for leg in riding)
        }
        broken = what_breaks(session, scene, [Seat(_id(shift.run_id), shift.role) for shift in own])
        for shift in own:
            if shift.run_id not in refused and shift.run_id not in broken:
                which = {"ids": [shift.id], "now": now, "how": how_of(covered[_id(shift.id)])}
                confirmed.update(session.execute(confirm_shifts(), which).scalars())
    return confirmed


def settle_standing(session: Session, ask_ids: Collection[int], *, now: datetime) -> None:
    """Close what was told and not asked as promised: its ask is over, and nobody said no."""
    session.exec(
        update(Offer)
        .where(col(Offer.ask_id).in_(list(ask_ids)), col(Offer.state) == OfferState.STANDING)
        .values(state=str(OfferState.ACCEPTED), answered_at=now)
        .execution_options(synchronize_session=False)
    )


def end_standing(
    session: Session,
    *,
    volunteer_id: int,
    standing_id: int,
    kept: Collection[int],
    by: str,
    how: str,
    now: datetime,
) -> list[int]:
    """End a standing yes; return the coming shifts that are given back with it.

    What rests on it alone is promised no more, but for the shifts named in `kept`: those are said yes to now, each for
    itself. Raises NotFound.
    """
    if not close_standing(
        session, volunteer_id=volunteer_id, standing_id=standing_id, by=by, how=how, now=now
    ):
        return []
    resting = resting_on(session, [standing_id], now=now).get(standing_id, [])
    lock_runs(session, [one.run_id for one in resting])
    which: dict[str, Any] = {"shift_ids": [one.shift_id for one in resting]}
    told = read_asked(session, of_shifts(), which)
    affirm(session, [one for one in told if one.offer.shift_id in kept], _confirmed_how(how, by), now)
    given_back = [one for one in told if one.offer.shift_id not in kept]
    moved = say_no(session, given_back, now=now)
    session.flush()
    return [_id(one.offer.shift_id) for one in given_back if one.id in moved]


def _give_back(session: Session, offer: Offer, *, by: str, now: datetime, zone: ZoneInfo) -> bool:
    """Free the promise that came of an offer, as for a no before it; False if there is none that can be freed."""
    promised = session.exec(
        select(Shift.id).where(
            Shift.run_id == offer.run_id,
            Shift.volunteer_id == offer.volunteer_id,
            Shift.state == ShiftState.CONFIRMED,
        )
    ).all()
    legs = session.exec(select(RunLeg.leg_id).where(RunLeg.run_id == offer.run_id, col(RunLeg.is_live))).all()
    shift_ids = [_id(shift_id) for shift_id in promised]
    if promised and legs_in_cars(session, [offer.run_id or 0]):
        raise Conflict("孩子已经在车上，这趟现在不能换人。请马上打给司机，问清楚到了哪里、要不要别人去接。")
    if not free_shifts(session, shift_ids=shift_ids, reason=Reason.GIVEN_BACK, by=by, now=now, zone=zone):
        return False
    remember_refusal(session, leg_ids=legs, volunteer_id=offer.volunteer_id, now=now)
    session.exec(
        update(Offer)
        .where(col(Offer.id) == offer.id)
        .values(state=str(OfferState.DECLINED), answered_at=now, end_reason="")
    )
    return True


def _runs_given_for(session: Session, offer: Offer) -> list[int | None]:
    """Return the run that a swap gives for the offered one: both are held before either is judged."""
    if offer.relief_id is None:
        return []
    return list(session.exec(select(Relief.their_run_id).where(Relief.id == offer.relief_id)))


def _confirmed_how(how: str, by: str) -> str:
    return f"{how}:{by}"[:40]


def _id(value: int | None) -> int:
    assert value is not None
    return value
