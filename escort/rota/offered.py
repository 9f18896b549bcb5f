"""One offer as it is answered, with its run and its shift: how it is read, and how it is moved to its end.

Every move is conditional: what somebody else has ended meanwhile stays as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy import update as core_update
from sqlalchemy.orm import aliased
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Session, col, select, update

from escort.rota.fitness import Seat, rules_in
from escort.rota.models import (
    Ask,
    AskState,
    Offer,
    OfferState,
    Relief,
    Run,
    RunState,
    Shift,
    ShiftState,
)
from escort.rota.standing import STANDING


@dataclass(eq=False)
class Asked:
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
        return self.offer.state in ANSWERABLE and self.offer.state != OfferState.TAKEN

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


def read_asked(session: Session, statement: Any, which: Mapping[str, Any]) -> list[Asked]:
    fresh = {"populate_existing": True}
    return [Asked(*row) for row in session.execute(statement, which, execution_options=fresh)]


def lock_runs_of_ask(session: Session, ask_id: int) -> None:
    if session.get_bind().dialect.name != "sqlite":  # which holds the whole store already
        session.execute(_runs_of_ask(), {"ask_id": ask_id}).all()


def settle(
    session: Session, asked: Sequence[Asked], state: OfferState, now: datetime, *, reason: str = ""
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


def settle_told(session: Session, told: Sequence[Asked], state: OfferState, now: datetime) -> set[int]:
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


def end_shifts(
    session: Session, asked: Sequence[Asked], state: ShiftState, reason: str, now: datetime
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
def of_ask() -> Any:
    return (
        _asked()
        .where(col(Offer.ask_id) == bindparam("ask_id"))
        .order_by(col(Offer.on), col(Offer.direction).desc())
    )


@cache
def of_offer() -> Any:
    return _asked().where(col(Offer.id) == bindparam("offer_id"))


@cache
def of_shifts() -> Any:
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
def confirm_shifts() -> Any:
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
            offers.c.state.in_([str(state) for state in ANSWERABLE]),
            offers.c.state != bindparam("to_state"),
        )
        .values(state=bindparam("to_state"), answered_at=bindparam("now"), end_reason=bindparam("reason"))
        .returning(offers.c.id)
    )


@cache
def close_ask() -> Any:
    rows: Any = Ask.__table__  # type: ignore[attr-defined]
    return (
        core_update(rows)
        .where(
            rows.c.id == bindparam("ask_id"),
            rows.c.state.in_([AskState.OPEN.value, AskState.LAPSED.value]),
        )
        .values(state=AskState.ANSWERED.value, answered_at=bindparam("now"), answer=bindparam("how"))
    )


def _id(value: int | None) -> int:
    assert value is not None
    return value


ANSWERABLE = (
    OfferState.OPEN,
    OfferState.WAITING,
    OfferState.LAPSED,
    OfferState.DECLINED,
    OfferState.TAKEN,
)
_TOLD = (OfferState.STANDING, OfferState.ACCEPTED)
_KEPT = (ShiftState.CONFIRMED, ShiftState.SERVED)
