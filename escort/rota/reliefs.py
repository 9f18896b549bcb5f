"""A promise that its driver would hand on: the search, a colleague whom he names, or a swap of two turns.

Until somebody else says yes he stays the driver, and everybody sees him. Then his shift ends and the other's begins in
one transaction: authority and word pair change hands with it. Plan and final are two layers: the old shifts stay.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select, update

from escort import wording
from escort.rota.fitness import OWN_WISHES, Scene, Seat, scene_of, what_breaks
from escort.rota.models import (
    Offer,
    Relief,
    ReliefKind,
    ReliefState,
    Run,
    RunState,
    Shift,
    ShiftState,
)
from escort.rota.release import IN_WORDS, Reason
from escort.rota.seats import search_now
from escort.rota.shown import shown_runs
from escort.rota.taking import promise_seat, take_seat
from notifications.models import Urgency
from notifications.outbox import Letter, enqueue_many


def reliefs_by_id(session: Session, relief_ids: Collection[int | None]) -> dict[int, Relief]:
    """Return these wishes as they are now. Their runs must be held by the caller."""
    ids = [relief_id for relief_id in relief_ids if relief_id is not None]
    if not ids:
        return {}
    rows = session.exec(
        select(Relief).where(col(Relief.id).in_(ids)).execution_options(populate_existing=True)
    )
    return {relief.id or 0: relief for relief in rows}


def without_given(scene: Scene, reliefs: Collection[Relief]) -> Scene:
    """Return the scene without the turns that change hands with a yes: they hold nobody back."""
    given = {
        shift
        for one in reliefs
        if one.state == ReliefState.OPEN
        for shift in (one.shift_id, one.their_shift_id)
    }
    return replace(scene, held=tuple(one for one in scene.held if one.shift_id not in given))


def is_to_be_handed_on(session: Session, relief: Relief, now: datetime) -> bool:
    """Whether its driver still has the turn, and wishes to hand it on; else the seat is free or his for good.

    Not after the deadline, though no clock has swept: he may have left with the child by then.
    """
    held = session.exec(select(Shift.state).where(Shift.id == relief.shift_id)).one()
    return relief.state == ReliefState.OPEN and held == ShiftState.CONFIRMED and now <= relief.deadline_at


def is_off(session: Session, relief: Relief) -> bool:
    """Whether a swap cannot be: over, or one of its two turns is not what both agreed to."""
    if relief.state != ReliefState.OPEN:
        return True
    promised = session.exec(
        select(Shift.id).where(
            col(Shift.id).in_([relief.shift_id, relief.their_shift_id]), Shift.state == ShiftState.CONFIRMED
        )
    ).all()
    if len(promised) != 2:
        return True
    shown = shown_runs(session, [relief.run_id, relief.their_run_id or 0])
    mine, theirs = shown.get(relief.run_id), shown.get(relief.their_run_id or 0)
    if mine is None or theirs is None:
        return True
    return (mine.starts_at, mine.legs, theirs.starts_at, theirs.legs) != (
        relief.shown_starts_at,
        relief.shown_legs,
        relief.their_shown_starts_at,
        relief.their_shown_legs,
    ) or _breaks_giver(session, relief) is not None


def hand_over(
    session: Session, relief: Relief, offer: Offer, run: Run, *, how: str, now: datetime, zone: ZoneInfo
) -> bool:
    """End the giver's shift and give his seat to whoever said yes; in a swap the other way round too.

    All or nothing. False if one of the shifts had ended meanwhile, or a half-day was taken.
    """
    by = f"volunteer:{offer.volunteer_id}"
    reason = Reason.SWAPPED if relief.kind == ReliefKind.SWAP else Reason.STOOD_IN
    whole = session.begin_nested()
    ended = [relief.shift_id] + ([relief.their_shift_id] if relief.their_shift_id else [])
    done = (
        _end(session, ended, f"{reason}:{by}", now)
        and take_seat(session, offer, run, how=how, now=now)
        and (relief.kind != ReliefKind.SWAP or _take_theirs(session, relief, now))
        and settle_relief(session, relief, ReliefState.DONE, now=now)
    )
    if not done:
        whole.rollback()
        return False
    whole.commit()
    search_now(session, [relief.then_run_id], now=now)
    _tell(session, relief, offer, now=now, zone=zone)
    return True


def settle_relief(
    session: Session, relief: Relief, state: ReliefState, *, now: datetime, reason: str = ""
) -> bool:
    """Move an open wish to its end; False if it had ended."""
    moved = session.exec(
        update(Relief)
        .where(col(Relief.id) == relief.id, col(Relief.state) == ReliefState.OPEN)
        .values(state=str(state), ended_at=now, end_reason=reason[:40])
    )
    return moved.rowcount == 1


def why_not_theirs(
    session: Session, *, run: Run, volunteer_id: int, role: str, given_shift_id: int | None = None
) -> str | None:
    """Return the rule that keeps somebody from a seat that a colleague would hand on, or None.

    Their own wishes (how far, how often) are theirs to give way in; a no to one of the legs stands.
    """
    scene = scene_of(session, volunteer_id=volunteer_id, runs=[run])
    handed_on = (one for one in scene.held if one.run_id == run.id and one.role == role)
    given = {given_shift_id, *(one.shift_id for one in handed_on)}
    scene = replace(scene, held=tuple(one for one in scene.held if one.shift_id not in given))
    if any(leg.has_refused for leg in scene.riding.get(run.id or 0, ())):
        return REFUSED
    return what_breaks(session, scene, [Seat(run.id or 0, role, OWN_WISHES)]).get(run.id or 0)


def _breaks_giver(session: Session, relief: Relief) -> str | None:
    """Judge whoever proposed a swap for the turn that he would get: his proposal was his yes."""
    run = session.get(Run, relief.their_run_id, populate_existing=True)
    shift = session.get(Shift, relief.their_shift_id)
    if run is None or shift is None or run.state != RunState.LIVE:
        return REFUSED
    broken = why_not_theirs(
        session,
        run=run,
        volunteer_id=relief.volunteer_id,
        role=shift.role,
        given_shift_id=relief.shift_id,
    )
    return None if broken == REFUSED else broken


def _end(session: Session, shift_ids: Sequence[int | None], reason: str, now: datetime) -> bool:
    ended = session.exec(
        update(Shift)
        .where(col(Shift.id).in_(list(shift_ids)), col(Shift.state) == ShiftState.CONFIRMED)
        .values(state=str(ShiftState.FREED), ended_at=now, end_reason=reason[:80])
    )
    return ended.rowcount == len(shift_ids)


def _take_theirs(session: Session, relief: Relief, now: datetime) -> bool:
    """Promise the other's turn to whoever proposed the swap: his proposal was his yes to it."""
    run = session.get_one(Run, relief.their_run_id)
    theirs = session.get_one(Shift, relief.their_shift_id)
    taken = promise_seat(
        session,
        run,
        volunteer_id=relief.volunteer_id,
        role=theirs.role,
        shown_starts_at=relief.their_shown_starts_at,
        shown_legs=relief.their_shown_legs,
        how=relief.asked_how,
        now=now,
    )
    return taken is not None


def _tell(session: Session, relief: Relief, offer: Offer, *, now: datetime, zone: ZoneInfo) -> None:
    shown = shown_runs(session, [relief.run_id, relief.their_run_id or 0])
    mine = shown[relief.run_id]
    about, dedup = f"shift:{relief.shift_id}", f"stand-down:{relief.shift_id}"
    if relief.kind != ReliefKind.SWAP:
        words = wording.stand_down(mine.turn, reason=IN_WORDS[Reason.STOOD_IN], now=now, zone=zone)
        letters = [Letter(f"volunteer:{relief.volunteer_id}", words, about, dedup, Urgency.URGENT)]
    else:
        theirs = shown[relief.their_run_id or 0]
        letters = [
            Letter(
                f"volunteer:{who}",
                wording.swap_done(away.turn, instead.turn, now=now, zone=zone),
                f"shift:{shift_id}",
                f"swapped:{relief.id}:{who}",
                Urgency.URGENT,
            )
            for who, shift_id, away, instead in (
                (relief.volunteer_id, relief.shift_id, mine, theirs),
                (offer.volunteer_id, relief.their_shift_id, theirs, mine),
            )
        ]
    enqueue_many(session, letters, now=now)


REFUSED = "refused"  # he said no to one of these legs: he is not asked again
