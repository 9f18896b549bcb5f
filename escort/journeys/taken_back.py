"""What families were told and is not true any more: unsent words are taken back, and no family waits for a car."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam
from sqlmodel import Session, col, delete, select

from escort.journeys.models import ToldFamily
from escort.rota.models import Leg, LegState
from notifications.models import LIVE_STATES, Message
from notifications.outbox import withdraw

WHO_COMES = frozenset(
    {
        "family.tomorrow",
        "family.tomorrow_open",
        "family.searching",
        "family.lost_driver",
        "family.asked_again",
        "family.nobody",
        "family.nobody_home",
        "family.changed",
        "family.found",
        "family.time_changed",
        "family.car_changed",
    }
)
"""Texts that say who comes, or that nobody does: a newer one makes an older one untrue."""


@dataclass(frozen=True)
class Ended:
    """A leg that a family was told about and that nobody drives any more."""

    leg: Leg
    by: str  # who cancelled it and knows; "" where nobody of the family did


def take_back(session: Session, leg_ids: Collection[int], *, now: datetime) -> int:
    """Withdraw what has not been told yet about who comes for these legs, in the outbox or by hand; return how many.

    The other half of a text about two legs counts as not told: the next sweep tells it again.
    """
    if not leg_ids:
        return 0
    stopped = 0
    halves: set[int] = set()
    for about in sorted(_unsent_abouts(session, leg_ids)):
        stopped += withdraw(session, about=about, templates=WHO_COMES, reason="no longer true", now=now)
        halves |= legs_in(about)
    forget(session, halves - set(leg_ids))
    return stopped


def forget(session: Session, leg_ids: Collection[int]) -> set[int]:
    """Forget that families were told about these legs; return those that somebody had been told about."""
    if not leg_ids:
        return set()
    gone = (
        delete(ToldFamily).where(col(ToldFamily.leg_id).in_(list(leg_ids))).returning(col(ToldFamily.leg_id))
    )
    return set(session.scalars(gone.execution_options(synchronize_session=False)))


def ended_legs(session: Session, *, now: datetime, child: int | None = None) -> list[Ended]:
    """Claim the coming legs that a family was told about and that were cancelled or withdrawn since."""
    legs = {leg.id: leg for leg in told_and_ended(session, now=now) if child in (None, leg.child_id)}
    claimed = forget(session, [leg_id for leg_id in legs if leg_id is not None])
    take_back(session, claimed, now=now)
    return [Ended(legs[leg_id], legs[leg_id].cancelled_by or "") for leg_id in sorted(claimed)]


def told_and_ended(session: Session, *, now: datetime) -> list[Leg]:
    """Return coming legs that are not wanted any more and of which a family was told."""
    return list(session.scalars(_told_and_ended(), {"today": now.date(), "now": now}))


@cache
def _told_and_ended() -> Any:
    """Put together once: every heartbeat asks it."""
    return (
        select(Leg)
        .join(ToldFamily, col(ToldFamily.leg_id) == col(Leg.id))
        .where(
            ToldFamily.on >= bindparam("today"),
            Leg.state != LegState.WANTED,
            col(Leg.pickup_at) > bindparam("now"),
        )
        .execution_options(populate_existing=True)
    )


def legs_in(about: str) -> set[int]:
    """Return the legs that a message is about: "leg:12" or "legs:12,13"."""
    kind, _, numbers = about.partition(":")
    return {int(one) for one in numbers.split(",") if one.isdecimal()} if kind in {"leg", "legs"} else set()


def _unsent_abouts(session: Session, leg_ids: Collection[int]) -> list[str]:
    """Return the `about` of each text about who comes for any of these legs that nobody has been told yet.

    What waits on the office's list counts too: it would be read out to the family as it stands.
    """
    rows = select(Message.about).where(
        col(Message.state).in_(LIVE_STATES),
        col(Message.template).in_(WHO_COMES),
    )
    wanted = set(leg_ids)
    return [about for about in session.exec(rows.distinct()) if wanted & legs_in(about)]
