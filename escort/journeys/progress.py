"""How far each leg has come, by the word of drivers, guards and families: one query, however many legs.

At the school's gate a handover ends the way to school and begins the way home. A step implies those before it.
`started` and `at_pickup` count only for the driver who is the driver now; that a child is aboard or delivered counts
whoever said it.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from functools import cache
from typing import Any

from sqlalchemy import Integer, bindparam, cast, null, union
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from escort.journeys.models import Step, Tap
from escort.rota.models import Direction, Leg, RunLeg, Shift, ShiftState


class Rank(IntEnum):
    """The stages of a leg in their order."""

    WAITING = 0
    STARTED = 1
    AT_PICKUP = 2
    ON_BOARD = 3
    DELIVERED = 4


@dataclass(frozen=True)
class Progress:
    """When each step of a leg was tapped, and by whom; None while it has not been."""

    rank: Rank = Rank.WAITING
    started_at: datetime | None = None
    at_pickup_at: datetime | None = None
    on_board_at: datetime | None = None
    delivered_at: datetime | None = None
    handed_over_at: datetime | None = None
    self_collected_at: datetime | None = None
    by: Mapping[str, str] = field(default_factory=dict)
    finished_at: datetime | None = None  # delivered, whoever said so

    @property
    def status(self) -> str:
        """The code of UX section 4; "confirmed" while nothing is tapped."""
        return "confirmed" if self.rank is Rank.WAITING else self.rank.name.lower()


def leg_progress(session: Session, leg_ids: Collection[int]) -> dict[int, Progress]:
    """Return the progress of each leg; a leg without taps has one too."""
    if not leg_ids:
        return {}
    taps: dict[int, list[tuple[Tap, str]]] = defaultdict(list)
    for wanted, direction, tap, current in session.execute(_rows(), {"leg_ids": list(leg_ids)}):
        if _counts(tap, current, is_own=tap.leg_id == wanted):
            taps[wanted].append((tap, direction))
    return {leg_id: _progress(taps[leg_id]) for leg_id in leg_ids}


def rank_of(step: str, by: str, direction: str) -> Rank:
    """Return how far a leg has come with this step."""
    if step == Step.HANDED_OVER:
        at_gate = by.startswith("gate:")
        return Rank.ON_BOARD if at_gate and direction == Direction.HOME else Rank.DELIVERED
    return _RANKS[Step(step)]


@cache
def _rows() -> Any:
    """Every tap of these legs, and of the other legs in the same car (a start counts for the whole car)."""
    leg_ids: Any = bindparam("leg_ids", expanding=True)
    mine, other = aliased(RunLeg), aliased(RunLeg)
    together: Any = (
        select(
            col(mine.leg_id).label("wanted"), col(other.leg_id).label("tapped"), col(mine.run_id).label("run")
        )
        .join(other, col(other.run_id) == col(mine.run_id))
        .where(col(mine.leg_id).in_(leg_ids), col(mine.is_live), col(other.is_live))
    )
    alone = select(col(Leg.id), col(Leg.id), cast(null(), Integer)).where(
        col(Leg.id).in_(leg_ids),
        ~col(Leg.id).in_(select(RunLeg.leg_id).where(col(RunLeg.leg_id).in_(leg_ids), col(RunLeg.is_live))),
    )
    pairs = union(together, alone).subquery()
    return (
        select(pairs.c.wanted, Leg.direction, Tap, Shift.id)
        .select_from(pairs)
        .join(Leg, col(Leg.id) == pairs.c.wanted)
        .join(Tap, col(Tap.leg_id) == pairs.c.tapped)
        .outerjoin(
            Shift,
            (col(Shift.id) == col(Tap.shift_id))
            & (col(Shift.run_id) == pairs.c.run)
            & col(Shift.state).in_((ShiftState.CONFIRMED, ShiftState.SERVED)),
        )
        .where(col(Tap.undone_at).is_(None))
        .order_by(col(Tap.tapped_at), col(Tap.uuid))
    )


def _counts(tap: Tap, current: int | None, *, is_own: bool) -> bool:
    """Say whether a tap tells something about the leg: a start of the car does, if its driver is still the driver."""
    if tap.step == Step.STARTED:
        return current is not None
    if tap.step == Step.AT_PICKUP:
        return is_own and current is not None
    return is_own


def _progress(taps: list[tuple[Tap, str]]) -> Progress:
    first: dict[str, Tap] = {}
    rank, finished_at = Rank.WAITING, None
    for tap, direction in taps:
        first.setdefault(tap.step, tap)
        reached = rank_of(tap.step, tap.by, direction)
        rank = max(rank, reached)
        if reached is Rank.DELIVERED and finished_at is None:
            finished_at = tap.tapped_at

    def at(step: Step) -> datetime | None:
        return first[step].tapped_at if step in first else None

    return Progress(
        rank=rank,
        started_at=at(Step.STARTED),
        at_pickup_at=at(Step.AT_PICKUP),
        on_board_at=at(Step.ON_BOARD),
        delivered_at=at(Step.DELIVERED),
        handed_over_at=at(Step.HANDED_OVER),
        self_collected_at=at(Step.SELF_COLLECTED),
        by={step: tap.by for step, tap in first.items()},
        finished_at=finished_at,
    )


_RANKS = {
    Step.STARTED: Rank.STARTED,
    Step.AT_PICKUP: Rank.AT_PICKUP,
    Step.ON_BOARD: Rank.ON_BOARD,
    Step.DELIVERED: Rank.DELIVERED,
    Step.SELF_COLLECTED: Rank.DELIVERED,
}
