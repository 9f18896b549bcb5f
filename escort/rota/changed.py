"""Runs that are not what was shown: every yes to what they were ends at once, and what moved is written down.

Legs that move together, by the same span, stay together in their run, and so does a child who rides alone: the run is
the same car with the same children, only later, sooner or elsewhere. Its people are asked again in `asked_again.py`.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select, update

from escort.rota.models import (
    Cause,
    ChangedLeg,
    Direction,
    Leg,
    LegState,
    Offer,
    OfferState,
    Run,
    RunLeg,
    RunState,
    Shift,
    ShiftState,
)
from escort.rota.release import Reason, withdraw_offers
from escort.rota.seats import lock_runs
from escort.rota.shown import CHANGED, is_near


@dataclass(frozen=True)
class Move:
    """How one leg changes: by how much its school's side moves, and whether it is met elsewhere."""

    later: timedelta
    is_elsewhere: bool = False


def published_runs(session: Session, leg_ids: Collection[int]) -> dict[int, int]:
    """Return, by leg, the published run that carries it; legs without one are left out."""
    rows = session.exec(
        select(RunLeg.leg_id, RunLeg.run_id)
        .join(Run, col(Run.id) == col(RunLeg.run_id))
        .where(
            col(RunLeg.leg_id).in_(list(leg_ids)),
            col(RunLeg.is_live),
            Run.state == RunState.LIVE,
            col(Run.published_at).is_not(None),
        )
    )
    return dict(rows.all())


def runs_that_stay(session: Session, moves: Mapping[int, Move]) -> dict[int, list[int]]:
    """Return, by published run, its legs where all of them move as one; any other leg leaves its run.

    One child alone may be met elsewhere too; of two in a car only the time may change.
    """
    run_ids = set(published_runs(session, moves).values())
    riding: dict[int, list[int]] = defaultdict(list)
    for run_id, leg_id in session.exec(
        select(RunLeg.run_id, RunLeg.leg_id).where(col(RunLeg.run_id).in_(run_ids), col(RunLeg.is_live))
    ):
        riding[run_id].append(leg_id)
    return {run_id: leg_ids for run_id, leg_ids in riding.items() if _move_as_one(leg_ids, moves)}


def end_what_was_shown(
    session: Session,
    run_ids: Collection[int],
    *,
    was: Mapping[int, datetime],
    elsewhere: Collection[int] = (),
    by: str,
    now: datetime,
) -> None:
    """End every yes and every question of these runs that was about something else than they are now.

    `was`: when each run began before it moved. Nobody is told here: each is asked again, once, with both times, before
    anybody else is searched. Drafts, and shifts that nobody has been asked about, stay as they are.
    """
    lock_runs(session, run_ids)
    runs = session.exec(
        select(Run)
        .where(col(Run.id).in_(list(run_ids)), Run.state == RunState.LIVE)
        .execution_options(populate_existing=True)
    ).all()
    starts = {run.id: run.starts_at for run in runs if run.id is not None}
    shifts = session.exec(
        select(Shift)
        .where(col(Shift.run_id).in_(starts), col(Shift.state).in_((ShiftState.OPEN, ShiftState.CONFIRMED)))
        .execution_options(populate_existing=True)
    ).all()
    ended: list[Shift] = []
    for shift in shifts:
        run_id = shift.run_id or 0
        shown_at = shift.shown_starts_at or (was.get(run_id) if shift.state == ShiftState.CONFIRMED else None)
        if shown_at is not None and (run_id in elsewhere or not is_near(shown_at, starts[run_id])):
            shift.state, shift.ended_at = ShiftState.FREED, now
            what = ELSEWHERE if run_id in elsewhere else Reason.CHANGED
            shift.end_reason, shift.shown_starts_at = f"{what}:{by}"[:80], shown_at
            ended.append(shift)
    session.flush()
    _withdraw_questions(session, starts, elsewhere, {shift.id for shift in ended}, now=now)
    asked_again = {shift.run_id for shift in ended}
    driven = {shift.run_id for shift in shifts if shift not in ended}
    for run in runs:
        run.version += 1
        if run.id in driven - asked_again:
            continue
        run.search_at = None if run.id in asked_again else now
        run.unfilled_code, run.unfilled_detail, run.is_proved_unfillable = None, None, False
    session.flush()
    session.expire_all()


def note_changed(session: Session, was: Mapping[int, Any], *, cause: Cause, now: datetime) -> None:
    """Write down that these published legs, as they were, are not what was shown; the last change of a leg counts."""
    rows = [
        {
            "leg_id": leg_id,
            "on": leg.on,
            "cause": str(cause),
            "was_pickup_at": leg.pickup_at,
            "changed_at": now,
        }
        for leg_id, leg in was.items()
    ]
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    for start in range(0, len(rows), ROWS_AT_ONCE):
        insert: Any = sqlite.insert(ChangedLeg) if is_sqlite else postgresql.insert(ChangedLeg)
        insert = insert.values(rows[start : start + ROWS_AT_ONCE])
        renewed = {name: insert.excluded[name] for name in ("cause", "was_pickup_at", "changed_at")}
        session.execute(insert.on_conflict_do_update(index_elements=["leg_id"], set_=renewed))


def drive_apart(session: Session, left: Mapping[int, int], *, now: datetime) -> None:
    """Give legs that left their runs a run of their own where the planner would come too late: they are searched at once.

    `left`: by leg, the run it left. Children of one car who move together still share one.
    """
    legs = session.exec(
        select(Leg)
        .where(
            col(Leg.id).in_(list(left)),
            Leg.state == LegState.WANTED,
            col(Leg.pickup_at) > now,
            col(Leg.pickup_at) <= now + TOO_NEAR_TO_PLAN,
        )
        .order_by(col(Leg.pickup_at), col(Leg.id))
        .execution_options(populate_existing=True)
    ).all()
    together: dict[tuple[int, datetime], list[Leg]] = defaultdict(list)
    for leg in legs:
        same = leg.pickup_at if leg.direction == Direction.HOME else leg.due_at
        together[left[leg.id or 0], same].append(leg)
    for mine in together.values():
        run = Run(
            school_id=mine[0].school_id,
            on=mine[0].on,
            direction=mine[0].direction,
            starts_at=min(leg.pickup_at for leg in mine),
            ends_at=max(leg.due_at for leg in mine),
            km=max(leg.km for leg in mine),
            minutes=max(leg.minutes for leg in mine),
            published_at=now,
            search_at=now,
        )
        session.add(run)
        session.flush()
        session.add_all(
            RunLeg(run_id=run.id or 0, leg_id=leg.id or 0, position=position)
            for position, leg in enumerate(mine)
        )
    session.flush()


def _move_as_one(leg_ids: Sequence[int], moves: Mapping[int, Move]) -> bool:
    mine = [moves[leg_id] for leg_id in leg_ids if leg_id in moves]
    if len(mine) < len(leg_ids) or len({move.later for move in mine}) > 1:
        return False
    return len(mine) == 1 or not any(move.is_elsewhere for move in mine)


def _withdraw_questions(
    session: Session,
    starts: Mapping[int, datetime],
    elsewhere: Collection[int],
    ended_shifts: Collection[int | None],
    *,
    now: datetime,
) -> None:
    """Nobody is left with a question about what was. Who was asked to stand in is asked again, first of all."""
    offers = session.exec(
        select(Offer).where(
            col(Offer.run_id).in_(list(starts)),
            col(Offer.state).in_((OfferState.OPEN, OfferState.WAITING)),
        )
    ).all()
    stale = [
        offer
        for offer in offers
        if offer.shift_id in ended_shifts
        or offer.run_id in elsewhere
        or not is_near(offer.shown_starts_at, starts[offer.run_id or 0])
    ]
    stand_ins = [offer.id for offer in stale if offer.shift_id is None]
    session.exec(update(Offer).where(col(Offer.id).in_(stand_ins)).values(end_reason=CHANGED))
    withdraw_offers(session, stale, now=now, reason=CHANGED)
    if elsewhere:  # a late yes to the old place is no yes to the new one
        session.exec(
            update(Offer)
            .where(
                col(Offer.run_id).in_(list(elsewhere)),
                col(Offer.state).in_((OfferState.LAPSED, OfferState.DECLINED, OfferState.TAKEN)),
            )
            .values(state=str(OfferState.WITHDRAWN))
        )


ELSEWHERE = f"{Reason.CHANGED}:place"  # why a shift ended: the place is another one
TOO_NEAR_TO_PLAN = timedelta(hours=24)
ROWS_AT_ONCE = 200
