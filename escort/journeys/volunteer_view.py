"""What a volunteer's own page may show: asks by area, shifts by date and area.

DESIGN section 8, the columns "assigned volunteer" and "asked, not yet accepted". A phone that is not bound
sees time and area only; names and places come with W-duty, on a bound one.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from escort import wording
from escort.errors import NotFound, Refused
from escort.journeys import windows
from escort.journeys.models import Tap
from escort.journeys.turns import KnownRun, Turn, known_runs, turn_in, turn_of
from escort.roster.gates import may_drive
from escort.roster.households import kin_of
from escort.roster.models import Blockout, LinkKind, Volunteer
from escort.rota.models import (
    CAN_SAY_NO,
    LIVE_SHIFT,
    Ask,
    AskKind,
    AskState,
    Direction,
    Offer,
    OfferState,
    Relief,
    ReliefKind,
    ReliefState,
    Run,
    RunState,
    Shift,
    ShiftState,
)
from escort.rota.month_question import open_question
from escort.spoken import surname_of


@dataclass(frozen=True)
class OfferedTurn:
    offer_id: int
    turn: Turn
    is_standing: bool = False  # told, not asked: a standing yes covers it
    is_waiting: bool = False  # said yes, and the other of the couple has not yet
    was_at: datetime | None = None  # asked again: when it began as this person knew it
    is_elsewhere: bool = False  # asked again: another place


@dataclass(frozen=True)
class AskView:
    ask_id: int
    is_routine: bool
    is_changed: bool  # what they said yes to, or were asked, is not what it was
    week_on: date
    last_on: date
    deadline_at: datetime
    turns: tuple[OfferedTurn, ...]
    is_kept: bool = False  # its driver keeps the turn until somebody says yes
    colleague: str = ""  # the surname of whoever asks for himself; "" on a phone that is not bound
    give: Turn | None = None  # of a swap: which of his own turns he would give for it
    is_for_both: bool = False  # asked with the one with whom alone he drives: it takes both yeses

    @property
    def asks_nothing(self) -> bool:
        """Whether every turn goes on as usual: silence is no loss."""
        return all(offered.is_standing for offered in self.turns)

    @property
    def is_waiting(self) -> bool:
        """Whether he has said yes, and it counts once the other of the couple has."""
        return all(offered.is_waiting for offered in self.turns)


@dataclass(frozen=True)
class Answered:
    """One ask after its answer, as (date, direction) pairs."""

    yes: tuple[tuple[date, str], ...]
    no: tuple[tuple[date, str], ...]
    gone: tuple[tuple[date, str], ...]  # somebody else was first, or the run is no more
    turned_away: tuple[
        tuple[str, tuple[tuple[date, str], ...]], ...
    ]  # why the yes could not be taken, and for what


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

    def covers(self, offer: Offer) -> bool:
        return self.from_on <= offer.on <= self.until_on and self.half_day in (None, offer.direction)


@dataclass(frozen=True)
class HomeView:
    name: str | None  # None on a phone that is not bound
    is_bound: bool
    asks: tuple[AskView, ...]
    shifts: tuple[ShiftView, ...]
    declined: tuple[OfferedTurn, ...]  # nobody else has said yes yet: the no can be taken back
    answered: Answered | None  # what the answer given a moment ago came to
    blockouts: tuple[BlockoutView, ...]
    served_this_month: int
    cap_week: int
    cap_month: int | None
    month_asked: date | None  # whose bad days nobody has heard of yet


def home_view(
    session: Session,
    *,
    volunteer_id: int,
    is_bound: bool,
    answered: int | None = None,
    now: datetime,
    zone: ZoneInfo,
) -> HomeView:
    """Return the volunteer's own page. `answered` is the ask answered a moment ago. Raises NotFound."""
    volunteer = session.get(Volunteer, volunteer_id, options=[defer(_ADDRESS, raiseload=True)])
    if volunteer is None:
        raise NotFound("没有找到这位志愿者，请打值班电话。")
    today = now.astimezone(zone).date()
    asked, wishes = _asked(session, volunteer_id, answered)
    promised = _promised(session, volunteer_id, today.replace(day=1))
    coming = [shift for shift in promised if shift.on >= today]
    blockouts = _blockouts(session, volunteer_id, today)
    question = open_question(session, volunteer_id, today=today)
    declined = [
        offer
        for offer in _declined(session, volunteer_id, now)
        if may_drive(volunteer, offer.on) and not any(one.covers(offer) for one in blockouts)
    ]
    offers = [*(offer for _, offer in asked), *declined]
    wanted = {offer.run_id for offer in offers} | {shift.run_id for shift in coming}
    wanted |= {relief.their_run_id for relief, _ in wishes.values()}
    runs = known_runs(session, {run_id for run_id in wanted if run_id is not None})
    finished = _finished_runs(session, runs, today)
    return HomeView(
        name=volunteer.name if is_bound else None,
        is_bound=is_bound,
        asks=_for_both(session, volunteer_id, _ask_views(asked, runs, wishes, is_bound=is_bound)),
        shifts=tuple(
            view
            for shift in coming
            if (view := _shift_view(shift, runs, finished, is_bound, now, zone)) is not None
        ),
        declined=tuple(
            OfferedTurn(offer.id or 0, turn_of(offer, runs)) for offer in declined if offer.run_id in runs
        ),
        answered=_answered([offer for ask, offer in asked if ask.id == answered]),
        blockouts=blockouts,
        served_this_month=sum(
            1 for shift in promised if (shift.on.year, shift.on.month) == (today.year, today.month)
        ),
        cap_week=volunteer.cap_week,
        cap_month=volunteer.cap_month,
        month_asked=question.month_on if question and not question.answer else None,
    )


def own_ask(session: Session, *, volunteer_id: int, ask_id: int | None) -> int:
    """Return the ask that this volunteer answers: the named one if it is theirs, else the only open one.

    Raises NotFound where there is none, Refused where it is not clear which.
    """
    which = col(Ask.state) == AskState.OPEN if ask_id is None else col(Ask.id) == ask_id
    rows = select(Ask.id).where(Ask.volunteer_id == volunteer_id, which)
    found = [one for one in session.exec(rows) if one is not None]
    if not found:
        raise NotFound("这次询问已经过去了。请打开最近的一条消息，或打值班电话。")
    if len(found) > 1:
        raise Refused("您有几条没有回的询问。请在页面上分别回答。")
    return found[0]


def ask_of_own_offer(session: Session, *, volunteer_id: int, offer_id: int) -> int:
    """Return the ask to which this volunteer's offer belongs. Raises NotFound if it is not theirs."""
    rows = select(Offer.ask_id).where(Offer.id == offer_id, Offer.volunteer_id == volunteer_id)
    found = session.exec(rows).first()
    if found is None:
        raise NotFound("这一趟已经过去了。请打开最近的一条消息，或打值班电话。")
    return found


def _ask_views(
    asked: Sequence[tuple[Ask, Offer]],
    runs: dict[int, KnownRun],
    wishes: dict[int, tuple[Relief, str]],
    *,
    is_bound: bool,
) -> tuple[AskView, ...]:
    """Return the open asks with what is still open in them; those for a stand-in first: their time runs out first."""
    offered: dict[int, list[OfferedTurn]] = defaultdict(list)
    asks: dict[int, Ask] = {}
    for ask, offer in asked:
        is_there = offer.run_id is None or offer.run_id in runs
        if ask.state == AskState.OPEN and offer.state in CAN_SAY_NO and is_there:
            asks[ask.id or 0] = ask
            offered[ask.id or 0].append(
                OfferedTurn(
                    offer.id or 0,
                    turn_of(offer, runs),
                    is_standing=offer.state == OfferState.STANDING,
                    is_waiting=offer.state == OfferState.WAITING,
                    was_at=offer.was_starts_at,
                    is_elsewhere=offer.is_elsewhere,
                )
            )
    ordered = sorted(asks.values(), key=lambda ask: (ask.kind == AskKind.ROUTINE, ask.deadline_at, ask.id))
    wish_of = {ask.id: wishes[offer.relief_id] for ask, offer in asked if offer.relief_id in wishes}
    return tuple(
        _of_wish(
            _ask_view(ask, sorted(offered[ask.id or 0], key=_by_time)), wish_of.get(ask.id), runs, is_bound
        )
        for ask in ordered
    )


def _for_both(session: Session, volunteer_id: int, views: tuple[AskView, ...]) -> tuple[AskView, ...]:
    """Say of a stand-in question where it takes the yes of the one with whom alone this volunteer drives as well."""
    alone = [view for view in views if not view.is_routine and not view.is_kept]
    if not alone or all(kin.kind != LinkKind.TOGETHER for kin in kin_of(session, volunteer_id)):
        return views
    return tuple(replace(view, is_for_both=view in alone) for view in views)


def _of_wish(
    view: AskView, wish: tuple[Relief, str] | None, runs: dict[int, KnownRun], is_bound: bool
) -> AskView:
    """Say whose turn it is until somebody says yes, where a colleague asks himself, and what a swap would give."""
    if wish is None:
        return view
    relief, name = wish
    asks_himself = is_bound and relief.kind != ReliefKind.SEARCH
    their_run = runs.get(relief.their_run_id or 0)
    return replace(
        view,
        is_kept=True,
        colleague=surname_of(name) if asks_himself else "",
        give=turn_in(their_run, view.turns[0].turn.role) if their_run else None,
    )


def _ask_view(ask: Ask, turns: Sequence[OfferedTurn]) -> AskView:
    return AskView(
        ask_id=ask.id or 0,
        is_routine=ask.kind == AskKind.ROUTINE,
        is_changed=ask.kind == AskKind.CHANGED or any(one.was_at for one in turns),
        week_on=ask.week_on,
        last_on=turns[-1].turn.on,
        deadline_at=ask.deadline_at,
        turns=tuple(turns),
    )


def _answered(offers: Sequence[Offer]) -> Answered | None:
    if not any(offer.state in (*_GONE, OfferState.ACCEPTED, OfferState.DECLINED) for offer in offers):
        return None

    def those(*states: OfferState, reason: str = "") -> tuple[tuple[date, str], ...]:
        found = (offer for offer in offers if offer.state in states and offer.end_reason == reason)
        return tuple((offer.on, offer.direction) for offer in found)

    reasons = dict.fromkeys(offer.end_reason for offer in offers if offer.end_reason)
    return Answered(
        those(OfferState.ACCEPTED),
        those(OfferState.DECLINED),
        those(*_GONE),
        tuple((wording.WHY_NOT_TAKEN[reason], those(*_GONE, reason=reason)) for reason in reasons),
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


def _asked(
    session: Session, volunteer_id: int, answered: int | None
) -> tuple[list[tuple[Ask, Offer]], dict[int, tuple[Relief, str]]]:
    """Return what is asked, and the open wishes of those who would hand their turns on, with their names."""
    rows = (
        select(Ask, Offer, Relief, Volunteer.name)
        .join(Offer, col(Offer.ask_id) == col(Ask.id))
        .outerjoin(Relief, (col(Relief.id) == col(Offer.relief_id)) & (col(Relief.state) == ReliefState.OPEN))
        .outerjoin(Volunteer, col(Volunteer.id) == col(Relief.volunteer_id))
        .where(
            Ask.volunteer_id == volunteer_id, (col(Ask.state) == AskState.OPEN) | (col(Ask.id) == answered)
        )
        .order_by(col(Offer.on), col(Offer.direction).desc(), col(Offer.id))
    )
    found = session.exec(rows).all()
    wishes = {relief.id or 0: (relief, name) for _, _, relief, name in found if relief is not None}
    return [(ask, offer) for ask, offer, _, _ in found], wishes


def _declined(session: Session, volunteer_id: int, now: datetime) -> list[Offer]:
    """Return what this person declined and could still take: not begun, the seat and their half-day free."""
    seat = (col(Shift.run_id) == col(Run.id)) & (col(Shift.role) == col(Offer.role))
    own_half_day = (
        (col(Shift.volunteer_id) == volunteer_id)
        & (col(Shift.on) == col(Offer.on))
        & (col(Shift.direction) == col(Offer.direction))
        & (col(Shift.state) != ShiftState.DRAFT)
    )
    handed_on = select(Relief.id).where(
        col(Relief.id) == col(Offer.relief_id),
        col(Relief.shift_id) == col(Shift.id),
        col(Relief.state) == ReliefState.OPEN,
    )
    is_held = select(Shift.id).where(
        col(Shift.state).in_(LIVE_SHIFT), (seat & ~handed_on.correlate(Shift, Offer).exists()) | own_half_day
    )
    rows = (
        select(Offer)
        .join(Run, col(Run.id) == col(Offer.run_id))
        .where(
            Offer.volunteer_id == volunteer_id,
            Offer.state == OfferState.DECLINED,
            Run.state == RunState.LIVE,
            col(Run.starts_at) > now,
            ~is_held.correlate(Run, Offer).exists(),
        )
        .order_by(col(Run.starts_at), col(Offer.id))
    )
    return list({offer.run_id: offer for offer in session.exec(rows)}.values())


def _promised(session: Session, volunteer_id: int, since: date) -> list[Shift]:
    rows = select(Shift).where(
        Shift.volunteer_id == volunteer_id,
        col(Shift.state).in_((ShiftState.CONFIRMED, ShiftState.SERVED)),
        col(Shift.on) >= since,
    )
    return list(session.exec(rows.order_by(col(Shift.on), col(Shift.direction).desc())))


def _finished_runs(session: Session, runs: dict[int, KnownRun], today: date) -> dict[int, datetime]:
    """Return when each of today's runs was over; a run that is not over is absent."""
    todays = [known for known in runs.values() if known.run.on == today]
    taps: dict[int, list[Tap]] = defaultdict(list)
    if todays:
        legs = {one.leg.id for known in todays for one in known.legs}
        for tap in session.exec(select(Tap).where(col(Tap.leg_id).in_(legs), col(Tap.undone_at).is_(None))):
            taps[tap.leg_id].append(tap)
    over: dict[int, datetime] = {}
    for known in todays:
        ends = [windows.finished_at(known.run.direction, taps[one.leg.id or 0]) for one in known.legs]
        finished = [at for at in ends if at is not None]
        if len(finished) == len(ends):
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


_GONE = (OfferState.TAKEN, OfferState.WITHDRAWN)
_ADDRESS: Any = Volunteer.address  # SQLModel types its columns as values
