"""Who has been asked and has not answered: the list by which the office writes down what people say on the phone."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from escort import pinyin
from escort.families.models import Child
from escort.roster.models import Volunteer
from escort.rota.models import CAN_SAY_NO, Ask, AskKind, AskState, Leg, Offer, OfferState, Run, RunLeg
from notifications.models import HandTask, Message


@dataclass(frozen=True)
class AskedTurn:
    """One run that somebody was asked about."""

    offer_id: int
    run_id: int
    on: date
    direction: str
    starts_at: datetime
    children: tuple[str, ...]  # short names, in the order of the stops
    is_standing: bool = False  # told, not asked


@dataclass(frozen=True)
class OpenAsk:
    """One open ask with its turns by date. `waits_for_us`: the office has not passed the question on yet."""

    ask_id: int
    volunteer_id: int
    name: str
    is_routine: bool
    deadline_at: datetime
    waits_for_us: bool
    turns: tuple[AskedTurn, ...]


def list_open_asks(session: Session, *, text: str = "") -> list[OpenAsk]:
    """Return the open asks, the first deadline first; `text` keeps the people whose name it may mean.

    Three queries, for any number of asks.
    """
    rows = session.exec(
        select(Ask, Volunteer.name, Offer, Run.starts_at)
        .join(Offer, col(Offer.ask_id) == col(Ask.id))
        .join(Volunteer, col(Volunteer.id) == col(Ask.volunteer_id))
        .join(Run, col(Run.id) == col(Offer.run_id))
        .where(Ask.state == AskState.OPEN, col(Offer.state).in_(CAN_SAY_NO))
        .order_by(col(Ask.deadline_at), col(Ask.id), col(Run.starts_at))
    ).all()
    asking = {ask.id for ask, _, offer, _ in rows if offer.state == OfferState.OPEN}
    rows = [row for row in rows if row[0].id in asking and pinyin.matches(row[1], text)]
    children = _children(session, {offer.run_id for _, _, offer, _ in rows})
    untold = _untold(session, {ask.id for ask, *_ in rows})
    asks: dict[int | None, tuple[Ask, str]] = {}
    turns: dict[int | None, list[AskedTurn]] = defaultdict(list)
    for ask, name, offer, starts_at in rows:
        asks[ask.id] = (ask, name)
        names = children.get(offer.run_id, ())
        turns[ask.id].append(
            AskedTurn(
                offer.id or 0,
                offer.run_id or 0,
                offer.on,
                offer.direction,
                starts_at,
                names,
                is_standing=offer.state == OfferState.STANDING,
            )
        )
    return [
        OpenAsk(
            ask_id=ask.id or 0,
            volunteer_id=ask.volunteer_id,
            name=name,
            is_routine=ask.kind == AskKind.ROUTINE,
            deadline_at=ask.deadline_at,
            waits_for_us=ask.id in untold,
            turns=tuple(turns[ask.id]),
        )
        for ask, name in asks.values()
    ]


def _children(session: Session, run_ids: set[int | None]) -> dict[int | None, tuple[str, ...]]:
    rows = session.exec(
        select(RunLeg.run_id, Child.short_name)
        .join(Leg, col(Leg.id) == col(RunLeg.leg_id))
        .join(Child, col(Child.id) == col(Leg.child_id))
        .where(col(RunLeg.run_id).in_(run_ids), col(RunLeg.is_live))
        .order_by(col(RunLeg.run_id), col(RunLeg.position))
    ).all()
    names: dict[int | None, tuple[str, ...]] = {}
    for run_id, name in rows:
        names[run_id] = (*names.get(run_id, ()), name)
    return names


def _untold(session: Session, ask_ids: set[int | None]) -> set[int]:
    """Return the asks whose message still waits on somebody's list."""
    about = session.exec(
        select(Message.about)
        .join(HandTask, col(HandTask.message_id) == col(Message.id))
        .where(col(HandTask.done_at).is_(None), col(Message.about).in_(f"ask:{ask_id}" for ask_id in ask_ids))
    )
    return {int(name.removeprefix("ask:")) for name in about}
