"""What somebody who was asked says, and what it comes to: a promise, a refusal, or the news that it is too late.

Nobody is assigned: a shift is a promise only after its volunteer's yes. After a no that person is never asked again for
those legs; only they can take it back, while nobody else has said yes.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam
from sqlalchemy import update as core_update
from sqlalchemy.orm import aliased
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Session, col, select, update

from escort.errors import Conflict, NotFound, Refused
from escort.roster.households import lock_household
from escort.rota.aboard import legs_in_cars
from escort.rota.couples import other_halves, tell_they_go, tell_they_stay
from escort.rota.fitness import PARTNER, SWAP_OFF, Scene, Seat, rules_in, scene_of, what_breaks
from escort.rota.models import (
    CAN_SAY_NO,
    Ask,
    AskState,
    CircleMember,
    CircleState,
    Offer,
    OfferState,
    Refusal,
    Relief,
    ReliefKind,
    Run,
    RunLeg,
    RunState,
    Shift,
    ShiftState,
)
from escort.rota.release import Reason, free_shifts
from escort.rota.reliefs import hand_over, is_off, is_to_be_handed_on, reliefs_by_id, without_given
from escort.rota.seats import lock_runs, search_now
from escort.rota.shown import CHANGED, still_holds
from escort.rota.standing import STANDING, close_standing, covered_by, how_of, resting_on
from escort.rota.taking import take_seat, tell_the_others
from notifications.outbox import withdraw


@dataclass(frozen=True)
class Answered:
    """What an answer came to, by offer."""

    accepted: list[Offer] = field(default_factory=list)
    declined: list[Offer] = field(default_factory=list)
    waiting: list[Offer] = field(
        default_factory=list
    )  # a yes that counts once the other of the couple said it too
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
    _lock_runs_of_ask(session, ask_id)
    asked = _read(session, _of_ask(), {"ask_id": ask_id})
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
    _say_no(session, refused, now=now)
    promised = _say_yes(session, wanted, how=_confirmed_how(how, by), now=now, zone=zone)
    _affirm(
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
        session.execute(_close_ask(), {"ask_id": ask_id, "now": now, "how": how})
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
    [one] = _read(session, _of_offer(), {"offer_id": offer_id})
    if not yes:
        done = offer_id in _say_no(session, [one], now=now)
    elif one.rests_on_standing:
        _affirm(session, [one], _confirmed_how(how, by), now)
        done = True
    elif one.offer.state in _ANSWERABLE:
        promised = _say_yes(session, [one], how=_confirmed_how(how, by), now=now, zone=zone)
        done = offer_id in promised or one.offer.state == OfferState.WAITING
    else:
        done = one.is_kept
    still_open = session.exec(
        select(Offer.id).where(Offer.ask_id == offer.ask_id, col(Offer.state).in_(CAN_SAY_NO)).limit(1)
    )
    if still_open.first() is None:
        session.execute(_close_ask(), {"ask_id": offer.ask_id, "now": now, "how": how})
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
                confirmed.update(session.execute(_confirm_shifts(), which).scalars())
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
    told = _read(session, _of_shifts(), which)
    _affirm(session, [one for one in told if one.offer.shift_id in kept], _confirmed_how(how, by), now)
    given_back = [one for one in told if one.offer.shift_id not in kept]
    moved = _say_no(session, given_back, now=now)
    session.flush()
    return [_id(one.offer.shift_id) for one in given_back if one.id in moved]


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


@dataclass(eq=False)
class _Asked:
    """One offer as it is answered, with its run and the shift that it asks for."""

    offer: Offer
    run: Run | None
    shift_state: str | None
    confirmed_how: str | None  # of that shift
    gave_way: str | None  # rules that the office gave way in when it asked this person for this run

    @property
    def id(self) -> int:
        return _id(self.offer.id)

    @property
    def run_id(self) -> int:
        return _id(self.offer.run_id)

    @property
    def is_answerable(self) -> bool:
        """Whether an answer to the whole ask covers it: what somebody else has taken is not asked any more."""
        return self.offer.state in _ANSWERABLE and self.offer.state != OfferState.TAKEN

    @property
    def is_kept(self) -> bool:
        return self.offer.state == OfferState.ACCEPTED and self.shift_state in _KEPT

    @property
    def rests_on_standing(self) -> bool:
        """Whether a standing yes alone holds it."""
        return self.shift_state == ShiftState.CONFIRMED and (self.confirmed_how or "").startswith(STANDING)

    @property
    def is_standing(self) -> bool:
        """Whether it was told and not asked, and its ask is still open for a no."""
        return self.offer.state == OfferState.STANDING and self.rests_on_standing

    @property
    def seat(self) -> Seat:
        return Seat(self.run_id, self.offer.role, rules_in(self.gave_way))

    def is_wanted(self, now: datetime) -> bool:
        return self.run is not None and self.run.state == RunState.LIVE and self.run.ends_at > now


def _say_yes(
    session: Session, asked: Sequence[_Asked], *, how: str, now: datetime, zone: ZoneInfo
) -> set[int]:
    """Turn offers into promises, where their runs still want one and this person may drive; return those offers."""
    wanted = [one for one in asked if one.is_wanted(now)]
    _settle(session, [one for one in asked if one not in wanted], OfferState.WITHDRAWN, now)
    if not wanted:
        return set()
    runs = [one.run for one in wanted if one.run is not None]
    lock_household(session, wanted[0].offer.volunteer_id)
    scene = scene_of(session, volunteer_id=wanted[0].offer.volunteer_id, runs=runs)
    reliefs = reliefs_by_id(session, [one.offer.relief_id for one in wanted])
    scene = without_given(scene, reliefs.values())
    halves = (
        other_halves(session, partner_id=scene.partner_id, run_ids=list(scene.runs))
        if scene.partner_id
        else {}
    )
    scene = replace(scene, beside={run_id: half.role for run_id, half in halves.items()})
    held = [one for one in wanted if not _is_own(one) and scene.holder(one.run_id, one.offer.role)]
    _settle(session, held, OfferState.TAKEN, now)
    free = [one for one in wanted if one not in held]
    broken = what_breaks(session, scene, [one.seat for one in free])
    broken |= {
        one.run_id: SWAP_OFF for one in free if _is_swap(one, reliefs) and is_off(session, _of(one, reliefs))
    }
    broken |= {one.run_id: CHANGED for one in free if one.run_id not in broken and not _holds(one, scene)}
    _turn_away(session, [one for one in free if one.run_id in broken], broken, now)
    fit = [one for one in free if one.run_id not in broken]
    of_couple = [one for one in fit if one.run_id in halves and not _is_own(one)]
    fit = [one for one in fit if one not in of_couple]
    both_go = [
        one for one in of_couple if _agree(session, one, halves[one.run_id], how=how, now=now, zone=zone)
    ]
    confirmed = _confirm(session, [one for one in fit if _is_own(one)], how=how, now=now)
    taken = [
        one
        for one in fit
        if one not in confirmed and one.run is not None and _take(session, one, reliefs, how, now, zone)
    ]
    _settle(session, [one for one in fit if one not in confirmed and one not in taken], OfferState.TAKEN, now)
    accepted = [*confirmed, *taken, *both_go]
    if len(_settle(session, accepted, OfferState.ACCEPTED, now)) != len(accepted):
        raise Conflict("这几趟刚刚有变化，请刷新页面再答一次。")
    for one in (*taken, *both_go):
        tell_the_others(session, one.offer, now=now, zone=zone)
    _take_back_refusals(session, scene, accepted, now)
    _join_circles(session, scene, accepted, now)
    return {one.id for one in accepted}


def _agree(session: Session, one: _Asked, half: Offer, *, how: str, now: datetime, zone: ZoneInfo) -> bool:
    """Keep the first yes of a couple until the other says it too; with the second take both seats, or neither.

    Return whether both go. What became of the first one's question is settled here, and he is told.
    """
    assert one.run is not None
    if half.state != OfferState.WAITING:
        _settle(session, [one], OfferState.WAITING, now)
        session.exec(update(Ask).where(col(Ask.id) == one.offer.ask_id).values(answer=how))
        return False
    [first] = _read(session, _of_offer(), {"offer_id": half.id})
    scene = scene_of(session, volunteer_id=half.volunteer_id, runs=[one.run])
    scene = replace(scene, beside={one.run_id: one.offer.role})
    broken = what_breaks(session, scene, [first.seat])
    if not broken and not _holds(first, scene):
        broken = {one.run_id: CHANGED}
    if broken:
        _turn_away(session, [first], broken, now)
        _turn_away(session, [one], {one.run_id: PARTNER}, now)
        tell_they_stay(session, [first.offer], now=now, zone=zone)
        return False
    if not _take_both(session, one, first, how=how, now=now):
        _settle(session, [one, first], OfferState.TAKEN, now)
        tell_they_stay(session, [first.offer], now=now, zone=zone)
        return False
    _settle(session, [first], OfferState.ACCEPTED, now)
    tell_the_others(session, first.offer, now=now, zone=zone)
    _take_back_refusals(session, scene, [first], now)
    _join_circles(session, scene, [first], now)
    session.execute(_close_ask(), {"ask_id": first.offer.ask_id, "now": now, "how": "couple"})
    tell_they_go(session, first.offer, now=now, zone=zone)
    return True


def _take_both(session: Session, one: _Asked, first: _Asked, *, how: str, now: datetime) -> bool:
    assert one.run is not None
    said = session.exec(select(Ask.answer).where(Ask.id == first.offer.ask_id)).one()
    both = session.begin_nested()
    if take_seat(session, one.offer, one.run, how=how, now=now) and take_seat(
        session, first.offer, one.run, how=said, now=now
    ):
        both.commit()
        return True
    both.rollback()
    return False


def _take(
    session: Session, one: _Asked, reliefs: Mapping[int, Relief], how: str, now: datetime, zone: ZoneInfo
) -> bool:
    """Take an open seat, or take it over from whoever keeps it until somebody says yes."""
    assert one.run is not None
    relief = reliefs.get(one.offer.relief_id or 0)
    if relief is not None and is_to_be_handed_on(session, relief, now):
        return hand_over(session, relief, one.offer, one.run, how=how, now=now, zone=zone)
    return take_seat(session, one.offer, one.run, how=how, now=now)


def _is_swap(one: _Asked, reliefs: Mapping[int, Relief]) -> bool:
    relief = reliefs.get(one.offer.relief_id or 0)
    return relief is not None and relief.kind == ReliefKind.SWAP


def _of(one: _Asked, reliefs: Mapping[int, Relief]) -> Relief:
    return reliefs[one.offer.relief_id or 0]


def _runs_given_for(session: Session, offer: Offer) -> list[int | None]:
    """Return the run that a swap gives for the offered one: both are held before either is judged."""
    if offer.relief_id is None:
        return []
    return list(session.exec(select(Relief.their_run_id).where(Relief.id == offer.relief_id)))


def _is_own(one: _Asked) -> bool:
    """Whether the seat is held open for whoever answers."""
    return one.offer.shift_id is not None and one.shift_state == ShiftState.OPEN


def _holds(one: _Asked, scene: Scene) -> bool:
    """Whether the run is still what the offer showed. Else the search asks this person again, first of all."""
    return still_holds(
        one.offer.shown_starts_at,
        one.offer.shown_legs,
        starts_at=scene.runs[one.run_id].starts_at,
        leg_ids=[leg.leg_id for leg in scene.riding.get(one.run_id, ())],
    )


def _turn_away(session: Session, unfit: Sequence[_Asked], broken: Mapping[int, str], now: datetime) -> None:
    """A yes that cannot be taken: the seat is free for others, and the offer keeps why."""
    if not unfit:
        return
    for reason in sorted(set(broken.values())):
        those = [one for one in unfit if broken[one.run_id] == reason]
        _settle(session, those, OfferState.WITHDRAWN, now, reason=reason)
    _end_shifts(session, unfit, ShiftState.FREED, "unfit", now)
    search_now(session, [one.run_id for one in unfit], now=now)


def _confirm(session: Session, asked: Sequence[_Asked], *, how: str, now: datetime) -> list[_Asked]:
    """Confirm the shifts that wait for this very yes; return those that did."""
    if not asked:
        return []
    ids = [one.offer.shift_id for one in asked]
    moved = set(session.execute(_confirm_shifts(), {"ids": ids, "now": now, "how": how}).scalars())
    return [one for one in asked if one.offer.shift_id in moved]


def _say_no(session: Session, asked: Sequence[_Asked], *, now: datetime) -> set[int]:
    """Record noes and let others be asked; return the offers that were not declined before.

    What a standing yes alone holds can be said no to as well, unless a child is in the car.
    """
    told = [one for one in asked if one.rests_on_standing]
    aboard = legs_in_cars(session, [one.run_id for one in told]) if told else {}
    given_back = [one for one in told if one.run_id not in aboard]
    moved = _settle(session, [one for one in asked if one not in told], OfferState.DECLINED, now)
    moved |= _settle_told(session, given_back, OfferState.DECLINED, now)
    declined = [one for one in asked if one.id in moved]
    if declined:
        run_ids = [one.offer.run_id for one in declined if one.offer.run_id is not None]
        legs = session.exec(
            select(RunLeg.leg_id).where(col(RunLeg.run_id).in_(run_ids), col(RunLeg.is_live))
        ).all()
        remember_refusal(session, leg_ids=legs, volunteer_id=declined[0].offer.volunteer_id, now=now)
        _end_shifts(session, declined, ShiftState.DECLINED, "declined", now)
        search_now(session, run_ids, now=now)
    return moved


def _settle_told(session: Session, told: Sequence[_Asked], state: OfferState, now: datetime) -> set[int]:
    """Move offers that were told and not asked, while or after their ask is open; return those that moved."""
    if not told:
        return set()
    moved = session.scalars(
        update(Offer)
        .where(col(Offer.id).in_([one.id for one in told]), col(Offer.state).in_(_TOLD))
        .values(state=str(state), answered_at=now)
        .returning(col(Offer.id))
        .execution_options(synchronize_session=False)
    ).all()
    for one in told:
        if one.id in moved:
            set_committed_value(one.offer, "state", str(state))
            set_committed_value(one.offer, "answered_at", now)
    return {_id(offer_id) for offer_id in moved}


def _affirm(session: Session, told: Sequence[_Asked], how: str, now: datetime) -> None:
    """Make what a standing yes held a yes of its own: its volunteer has spoken for this very turn."""
    if not told:
        return
    session.exec(
        update(Shift)
        .where(
            col(Shift.id).in_([one.offer.shift_id for one in told]),
            col(Shift.state) == ShiftState.CONFIRMED,
            col(Shift.confirmed_how).startswith(STANDING),
        )
        .values(confirmed_how=how)
        .execution_options(synchronize_session=False)
    )
    _settle_told(session, told, OfferState.ACCEPTED, now)


def _end_shifts(
    session: Session, asked: Sequence[_Asked], state: ShiftState, reason: str, now: datetime
) -> None:
    session.exec(
        update(Shift)
        .where(
            col(Shift.id).in_([one.offer.shift_id for one in asked if one.offer.shift_id is not None]),
            (col(Shift.state) == ShiftState.OPEN)
            | ((col(Shift.state) == ShiftState.CONFIRMED) & col(Shift.confirmed_how).startswith(STANDING)),
        )
        .values(state=str(state), ended_at=now, end_reason=reason)
    )


def _settle(
    session: Session, asked: Sequence[_Asked], state: OfferState, now: datetime, *, reason: str = ""
) -> set[int]:
    """Move offers that are open, or are answered late or anew, to their end; return those that moved."""
    if not asked:
        return set()
    values = {"ids": [one.id for one in asked], "to_state": str(state), "now": now, "reason": reason}
    moved = set(session.execute(_settle_offers(), values).scalars())
    for one in asked:
        if one.id in moved:
            for name, value in (("state", str(state)), ("answered_at", now), ("end_reason", reason)):
                set_committed_value(one.offer, name, value)
    return moved


def _take_back_refusals(session: Session, scene: Scene, asked: Sequence[_Asked], now: datetime) -> None:
    legs = [leg.leg_id for one in asked for leg in scene.riding.get(one.run_id, ()) if leg.has_refused]
    if legs:
        session.exec(
            update(Refusal)
            .where(
                col(Refusal.volunteer_id) == scene.volunteer_id,
                col(Refusal.leg_id).in_(legs),
                col(Refusal.taken_back_at).is_(None),
            )
            .values(taken_back_at=now)
        )


def _join_circles(session: Session, scene: Scene, asked: Sequence[_Asked], now: datetime) -> None:
    """A published member of a child's circle is known from the first yes on."""
    riding = [leg for one in asked for leg in scene.riding.get(one.run_id, ())]
    children = [leg.row.id for leg in riding if leg.circle == CircleState.PUBLISHED]
    if children:
        session.exec(
            update(CircleMember)
            .where(
                col(CircleMember.volunteer_id) == scene.volunteer_id,
                col(CircleMember.state) == CircleState.PUBLISHED,
                col(CircleMember.child_id).in_(children),
            )
            .values(state=str(CircleState.KNOWN), known_at=now)
        )


def _read(session: Session, statement: Any, which: Mapping[str, Any]) -> list[_Asked]:
    fresh = {"populate_existing": True}
    return [_Asked(*row) for row in session.execute(statement, which, execution_options=fresh)]


def _lock_runs_of_ask(session: Session, ask_id: int) -> None:
    if session.get_bind().dialect.name != "sqlite":  # which holds the whole store already
        session.execute(_runs_of_ask(), {"ask_id": ask_id}).all()


def _confirmed_how(how: str, by: str) -> str:
    return f"{how}:{by}"[:40]


def _id(value: int | None) -> int:
    assert value is not None
    return value


@cache
def _runs_of_ask() -> Any:
    offered = select(Offer.run_id).where(col(Offer.ask_id) == bindparam("ask_id"))
    given = (
        select(Relief.their_run_id)
        .join(Offer, col(Offer.relief_id) == col(Relief.id))
        .where(col(Offer.ask_id) == bindparam("ask_id"), col(Relief.their_run_id).is_not(None))
    )
    held = col(Run.id).in_(offered) | col(Run.id).in_(given)
    return select(Run.id).where(held).order_by(col(Run.id)).with_for_update()


@cache
def _of_ask() -> Any:
    return (
        _asked()
        .where(col(Offer.ask_id) == bindparam("ask_id"))
        .order_by(col(Offer.on), col(Offer.direction).desc())
    )


@cache
def _of_offer() -> Any:
    return _asked().where(col(Offer.id) == bindparam("offer_id"))


@cache
def _of_shifts() -> Any:
    return _asked().where(col(Offer.shift_id).in_(bindparam("shift_ids", expanding=True)))


def _asked() -> Any:
    """What the office gave way in once stands for every later ask of the same person for the same run."""
    by_hand = aliased(Offer)
    gave_way = (
        select(by_hand.gave_way)
        .where(
            col(by_hand.run_id) == col(Offer.run_id),
            col(by_hand.volunteer_id) == col(Offer.volunteer_id),
            col(by_hand.gave_way) != "",
        )
        .order_by(col(by_hand.id).desc())
        .limit(1)
    )
    columns: Any = (Offer, Run, col(Shift.state), col(Shift.confirmed_how), gave_way.scalar_subquery())
    return (
        select(*columns)
        .select_from(Offer)
        .outerjoin(Run, col(Run.id) == col(Offer.run_id))
        .outerjoin(Shift, col(Shift.id) == col(Offer.shift_id))
    )


@cache
def _confirm_shifts() -> Any:
    shifts: Any = Shift.__table__  # type: ignore[attr-defined]
    return (
        core_update(shifts)
        .where(shifts.c.id.in_(bindparam("ids", expanding=True)), shifts.c.state == ShiftState.OPEN.value)
        .values(
            state=ShiftState.CONFIRMED.value, confirmed_at=bindparam("now"), confirmed_how=bindparam("how")
        )
        .returning(shifts.c.id)
    )


@cache
def _settle_offers() -> Any:
    offers: Any = Offer.__table__  # type: ignore[attr-defined]
    return (
        core_update(offers)
        .where(
            offers.c.id.in_(bindparam("ids", expanding=True)),
            offers.c.state.in_([str(state) for state in _ANSWERABLE]),
            offers.c.state != bindparam("to_state"),
        )
        .values(state=bindparam("to_state"), answered_at=bindparam("now"), end_reason=bindparam("reason"))
        .returning(offers.c.id)
    )


@cache
def _close_ask() -> Any:
    rows: Any = Ask.__table__  # type: ignore[attr-defined]
    return (
        core_update(rows)
        .where(
            rows.c.id == bindparam("ask_id"),
            rows.c.state.in_([AskState.OPEN.value, AskState.LAPSED.value]),
        )
        .values(state=AskState.ANSWERED.value, answered_at=bindparam("now"), answer=bindparam("how"))
    )


_ANSWERABLE = (
    OfferState.OPEN,
    OfferState.WAITING,
    OfferState.LAPSED,
    OfferState.DECLINED,
    OfferState.TAKEN,
)
_TOLD = (OfferState.STANDING, OfferState.ACCEPTED)
_KEPT = (ShiftState.CONFIRMED, ShiftState.SERVED)
