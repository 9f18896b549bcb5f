"""What a volunteer's own page may show: asks by area, shifts by date and area.

DESIGN section 8, the columns "assigned volunteer" and "asked, not yet accepted". A phone that is not bound
sees time and area only; names and places come with W-duty, on a bound one.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from escort.errors import NotFound
from escort.journeys import windows
from escort.journeys.leg_facts import facts_of
from escort.journeys.turns import KnownRun, Turn, known_runs, turn_of
from escort.roster.models import Blockout, Volunteer
from escort.rota.models import (
    Ask,
    AskKind,
    AskState,
    Direction,
    Offer,
    OfferState,
    Role,
    Shift,
    ShiftState,
)


@dataclass(frozen=True)
class OfferedTurn:
    offer_id: int
    turn: Turn


@dataclass(frozen=True)
class AskView:
    ask_id: int
    is_routine: bool
    week_on: date
    last_on: date
    deadline_at: datetime
    turns: tuple[OfferedTurn, ...]


@dataclass(frozen=True)
class ShiftView:
    """A shift that the volunteer has promised."""

    shift_id: int
    turn: Turn  # before W-duty its time is not shown
    is_open: bool  # W-duty and a bound phone: the run page may be opened
    opens_at: datetime
    children: tuple[str, ...]  # short names, in W-duty only


@dataclass(frozen=True)
class BlockoutView:
    blockout_id: int
    from_on: date
    until_on: date
    half_day: str | None


@dataclass(frozen=True)
class HomeView:
    name: str | None  # None on a phone that is not bound
    is_bound: bool
    asks: tuple[AskView, ...]
    shifts: tuple[ShiftView, ...]
    declined: tuple[OfferedTurn, ...]  # said no, nobody else has said yes: may be taken back
    blockouts: tuple[BlockoutView, ...]
    served_this_month: int
    cap_week: int


def home_view(
    session: Session, *, volunteer_id: int, is_bound: bool, now: datetime, zone: ZoneInfo
) -> HomeView:
    """Return the volunteer's own page. Raises NotFound if there is no such volunteer."""
    volunteer = session.get(Volunteer, volunteer_id, options=[defer(_ADDRESS, raiseload=True)])
    if volunteer is None:
        raise NotFound("没有找到这位志愿者,请打值班电话。")
    today = now.astimezone(zone).date()
    asks = _open_asks(session, volunteer_id)
    offers = _offers(session, volunteer_id, {ask.id or 0 for ask in asks}, today)
    shifts = _promised(session, volunteer_id, today)
    offered = {offer.run_id for offer in offers}
    promised = {shift.run_id for shift in shifts}
    runs = known_runs(session, {run_id for run_id in offered | promised if run_id is not None})
    driven = _driven_runs(session, [offer.run_id for offer in offers if offer.state == OfferState.DECLINED])
    finished = _finished_runs(session, runs, today)
    return HomeView(
        name=volunteer.name if is_bound else None,
        is_bound=is_bound,
        asks=tuple(asked for ask in asks if (asked := _ask_view(ask, offers, runs)).turns),
        shifts=tuple(
            view
            for shift in shifts
            if (view := _shift_view(shift, runs, finished, is_bound, now, zone)) is not None
        ),
        declined=tuple(
            OfferedTurn(offer.id or 0, turn_of(offer, runs))
            for offer in _newest_per_run(offers)
            if offer.state == OfferState.DECLINED and offer.run_id in runs and offer.run_id not in driven
        ),
        blockouts=_blockouts(session, volunteer_id, today),
        served_this_month=_served_this_month(session, volunteer_id, today),
        cap_week=volunteer.cap_week,
    )


def _ask_view(ask: Ask, offers: Sequence[Offer], runs: dict[int, KnownRun]) -> AskView:
    mine = [offer for offer in offers if offer.ask_id == ask.id and offer.state == OfferState.OPEN]
    turns = tuple(
        OfferedTurn(offer.id or 0, turn_of(offer, runs))
        for offer in mine
        if offer.run_id is None or offer.run_id in runs
    )
    return AskView(
        ask_id=ask.id or 0,
        is_routine=ask.kind == AskKind.ROUTINE,
        week_on=ask.week_on,
        last_on=max((turn.turn.on for turn in turns), default=ask.week_on),
        deadline_at=ask.deadline_at,
        turns=tuple(sorted(turns, key=_by_time)),
    )


def _by_time(offered: OfferedTurn) -> tuple[date, bool]:
    return (offered.turn.on, offered.turn.direction == Direction.HOME)


def _shift_view(
    shift: Shift,
    runs: dict[int, KnownRun],
    finished: dict[int, datetime],
    is_bound: bool,
    now: datetime,
    zone: ZoneInfo,
) -> ShiftView | None:
    confirmed_at = shift.confirmed_at or shift.created_at
    if shift.run_id is not None and shift.run_id not in runs:
        return None
    over = finished.get(shift.run_id or 0)
    if over is not None and now >= over + windows.AFTER_HANDOVER:
        return None
    is_open = (
        is_bound
        and shift.run_id is not None
        and windows.is_in_duty(on=shift.on, confirmed_at=confirmed_at, finished_at=over, now=now, zone=zone)
    )
    legs = runs[shift.run_id].legs if is_open and shift.run_id is not None else ()
    return ShiftView(
        shift_id=shift.id or 0,
        turn=turn_of(shift, runs),
        is_open=is_open,
        opens_at=windows.duty_opens_at(shift.on, confirmed_at, zone),
        children=tuple(one.short_name for one in legs),
    )


def _open_asks(session: Session, volunteer_id: int) -> list[Ask]:
    """Stand-in asks first: their time runs out first."""
    rows = select(Ask).where(Ask.volunteer_id == volunteer_id, Ask.state == AskState.OPEN)
    asks = session.exec(rows.order_by(col(Ask.deadline_at), col(Ask.id)))
    return sorted(asks, key=lambda ask: ask.kind == AskKind.ROUTINE)


def _offers(session: Session, volunteer_id: int, ask_ids: Collection[int], today: date) -> list[Offer]:
    rows = select(Offer).where(
        Offer.volunteer_id == volunteer_id,
        col(Offer.ask_id).in_(ask_ids)
        | ((col(Offer.state) == OfferState.DECLINED) & (col(Offer.on) >= today)),
    )
    return list(session.exec(rows.order_by(col(Offer.on), col(Offer.direction).desc(), col(Offer.id))))


def _newest_per_run(offers: Sequence[Offer]) -> list[Offer]:
    newest = {offer.run_id: offer for offer in sorted(offers, key=lambda offer: offer.id or 0)}
    return sorted(newest.values(), key=lambda offer: (offer.on, offer.id or 0))


def _promised(session: Session, volunteer_id: int, today: date) -> list[Shift]:
    rows = select(Shift).where(
        Shift.volunteer_id == volunteer_id,
        col(Shift.state).in_((ShiftState.CONFIRMED, ShiftState.SERVED)),
        col(Shift.on) >= today,
    )
    return list(session.exec(rows.order_by(col(Shift.on), col(Shift.direction).desc())))


def _driven_runs(session: Session, run_ids: Collection[int | None]) -> set[int | None]:
    """Return the runs for which somebody has said yes."""
    rows = select(Shift.run_id).where(
        col(Shift.run_id).in_([run_id for run_id in run_ids if run_id is not None]),
        Shift.role == Role.DRIVER,
        col(Shift.state).in_((ShiftState.CONFIRMED, ShiftState.SERVED)),
    )
    return set(session.exec(rows))


def _finished_runs(session: Session, runs: dict[int, KnownRun], today: date) -> dict[int, datetime]:
    """Return when each of today's runs was over; a run that is not over is absent."""
    todays = [known for known in runs.values() if known.run.on == today]
    if not todays:
        return {}
    facts = facts_of(session, [one.leg for known in todays for one in known.legs])
    ends = {fact.leg.id: fact.finished_at for fact in facts}
    over: dict[int, datetime] = {}
    for known in todays:
        of_run = [ends[one.leg.id] for one in known.legs]
        finished = [at for at in of_run if at is not None]
        if len(finished) == len(of_run):
            over[known.run.id or 0] = max(finished)
    return over


def _blockouts(session: Session, volunteer_id: int, today: date) -> tuple[BlockoutView, ...]:
    rows = select(Blockout).where(
        Blockout.volunteer_id == volunteer_id,
        col(Blockout.removed_at).is_(None),
        col(Blockout.until_on) >= today,
    )
    return tuple(
        BlockoutView(row.id or 0, row.from_on, row.until_on, row.half_day)
        for row in session.exec(rows.order_by(col(Blockout.from_on)))
    )


def _served_this_month(session: Session, volunteer_id: int, today: date) -> int:
    first = today.replace(day=1)
    after = (first + timedelta(days=32)).replace(day=1)
    return session.exec(
        select(func.count())
        .select_from(Shift)
        .where(
            Shift.volunteer_id == volunteer_id,
            col(Shift.state).in_((ShiftState.CONFIRMED, ShiftState.SERVED)),
            col(Shift.on) >= first,
            col(Shift.on) < after,
        )
    ).one()


_ADDRESS: Any = Volunteer.address  # SQLModel types its columns as values
