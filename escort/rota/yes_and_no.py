"""What a yes and a no come to, once the runs are held: a promise where every rule allows it, or a refusal."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select, update

from escort.errors import Conflict
from escort.roster.households import lock_household
from escort.rota.aboard import legs_in_cars
from escort.rota.couples import other_halves, tell_they_go, tell_they_stay
from escort.rota.fitness import PARTNER, SWAP_OFF, Scene, scene_of, what_breaks
from escort.rota.models import (
    Ask,
    CircleMember,
    CircleState,
    Offer,
    OfferState,
    Refusal,
    Relief,
    ReliefKind,
    RunLeg,
    Shift,
    ShiftState,
)
from escort.rota.offered import (
    Asked,
    close_ask,
    confirm_shifts,
    end_shifts,
    of_offer,
    read_asked,
    settle,
    settle_told,
)
from escort.rota.reliefs import hand_over, is_off, is_to_be_handed_on, reliefs_by_id, without_given
from escort.rota.seats import search_now
from escort.rota.shown import CHANGED, still_holds
from escort.rota.standing import STANDING
from escort.rota.taking import take_seat, tell_the_others


def say_yes(session: Session, asked: Sequence[Asked], *, how: str, now: datetime, zone: ZoneInfo) -> set[int]:
    """Turn offers into promises, where their runs still want one and this person may drive; return those offers."""
    wanted = [one for one in asked if one.is_wanted(now)]
    settle(session, [one for one in asked if one not in wanted], OfferState.WITHDRAWN, now)
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
    settle(session, held, OfferState.TAKEN, now)
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
    settle(session, [one for one in fit if one not in confirmed and one not in taken], OfferState.TAKEN, now)
    accepted = [*confirmed, *taken, *both_go]
    if len(settle(session, accepted, OfferState.ACCEPTED, now)) != len(accepted):
        raise Conflict("这几趟刚刚有变化，请刷新页面再答一次。")
    for one in (*taken, *both_go):
        tell_the_others(session, one.offer, now=now, zone=zone)
    _take_back_refusals(session, scene, accepted, now)
    _join_circles(session, scene, accepted, now)
    return {one.id for one in accepted}


def _agree(session: Session, one: Asked, half: Offer, *, how: str, now: datetime, zone: ZoneInfo) -> bool:
    """Keep the first yes of a couple until the other says it too; with the second take both seats, or neither.

    Return whether both go. What became of the first one's question is settled here, and he is told.
    """
    assert one.run is not None
    if half.state != OfferState.WAITING:
        settle(session, [one], OfferState.WAITING, now)
        session.exec(update(Ask).where(col(Ask.id) == one.offer.ask_id).values(answer=how))
        return False
    [first] = read_asked(session, of_offer(), {"offer_id": half.id})
    session.execute(close_ask(), {"ask_id": half.ask_id, "now": now, "how": _said(session, half)})
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
        settle(session, [one, first], OfferState.TAKEN, now)
        tell_they_stay(session, [first.offer], now=now, zone=zone)
        return False
    settle(session, [first], OfferState.ACCEPTED, now)
    tell_the_others(session, first.offer, now=now, zone=zone)
    _take_back_refusals(session, scene, [first], now)
    _join_circles(session, scene, [first], now)
    tell_they_go(session, first.offer, now=now, zone=zone)
    return True


def _take_both(session: Session, one: Asked, first: Asked, *, how: str, now: datetime) -> bool:
    assert one.run is not None
    both = session.begin_nested()
    if take_seat(session, one.offer, one.run, how=how, now=now) and take_seat(
        session, first.offer, one.run, how=_said(session, first.offer), now=now
    ):
        both.commit()
        return True
    both.rollback()
    return False


def _said(session: Session, waiting: Offer) -> str:
    """Return how the yes that waits was said, and by whom."""
    return session.exec(select(Ask.answer).where(Ask.id == waiting.ask_id)).one()


def _take(
    session: Session, one: Asked, reliefs: Mapping[int, Relief], how: str, now: datetime, zone: ZoneInfo
) -> bool:
    """Take an open seat, or take it over from whoever keeps it until somebody says yes."""
    assert one.run is not None
    relief = reliefs.get(one.offer.relief_id or 0)
    if relief is not None and is_to_be_handed_on(session, relief, now):
        return hand_over(session, relief, one.offer, one.run, how=how, now=now, zone=zone)
    return take_seat(session, one.offer, one.run, how=how, now=now)


def _confirm(session: Session, asked: Sequence[Asked], *, how: str, now: datetime) -> list[Asked]:
    """Confirm the shifts that wait for this very yes; return those that did."""
    if not asked:
        return []
    ids = [one.offer.shift_id for one in asked]
    moved = set(session.execute(confirm_shifts(), {"ids": ids, "now": now, "how": how}).scalars())
    return [one for one in asked if one.offer.shift_id in moved]


def say_no(session: Session, asked: Sequence[Asked], *, now: datetime) -> set[int]:
    """Record noes and let others be asked; return the offers that were not declined before.

    What a standing yes alone holds can be said no to as well, unless a child is in the car.
    """
    told = [one for one in asked if one.rests_on_standing]
    aboard = legs_in_cars(session, [one.run_id for one in told]) if told else {}
    given_back = [one for one in told if one.run_id not in aboard]
    moved = settle(session, [one for one in asked if one not in told], OfferState.DECLINED, now)
    moved |= settle_told(session, given_back, OfferState.DECLINED, now)
    declined = [one for one in asked if one.id in moved]
    if declined:
        run_ids = [one.offer.run_id for one in declined if one.offer.run_id is not None]
        legs = session.exec(
            select(RunLeg.leg_id).where(col(RunLeg.run_id).in_(run_ids), col(RunLeg.is_live))
        ).all()
        remember_refusal(session, leg_ids=legs, volunteer_id=declined[0].offer.volunteer_id, now=now)
        end_shifts(session, declined, ShiftState.DECLINED, "declined", now)
        search_now(session, run_ids, now=now)
    return moved


def affirm(session: Session, told: Sequence[Asked], how: str, now: datetime) -> None:
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
    settle_told(session, told, OfferState.ACCEPTED, now)


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


def _turn_away(session: Session, unfit: Sequence[Asked], broken: Mapping[int, str], now: datetime) -> None:
    """A yes that cannot be taken: the seat is free for others, and the offer keeps why."""
    if not unfit:
        return
    for reason in sorted(set(broken.values())):
        those = [one for one in unfit if broken[one.run_id] == reason]
        settle(session, those, OfferState.WITHDRAWN, now, reason=reason)
    end_shifts(session, unfit, ShiftState.FREED, "unfit", now)
    search_now(session, [one.run_id for one in unfit], now=now)


def _take_back_refusals(session: Session, scene: Scene, asked: Sequence[Asked], now: datetime) -> None:
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


def _join_circles(session: Session, scene: Scene, asked: Sequence[Asked], now: datetime) -> None:
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


def _is_swap(one: Asked, reliefs: Mapping[int, Relief]) -> bool:
    relief = reliefs.get(one.offer.relief_id or 0)
    return relief is not None and relief.kind == ReliefKind.SWAP


def _of(one: Asked, reliefs: Mapping[int, Relief]) -> Relief:
    return reliefs[one.offer.relief_id or 0]


def _is_own(one: Asked) -> bool:
    """Whether the seat is held open for whoever answers."""
    return one.offer.shift_id is not None and one.shift_state == ShiftState.OPEN


def _holds(one: Asked, scene: Scene) -> bool:
    """Whether the run is still what the offer showed. Else the search asks this person again, first of all."""
    return still_holds(
        one.offer.shown_starts_at,
        one.offer.shown_legs,
        starts_at=scene.runs[one.run_id].starts_at,
        leg_ids=[leg.leg_id for leg in scene.riding.get(one.run_id, ())],
    )


def _id(value: int | None) -> int:
    assert value is not None
    return value
