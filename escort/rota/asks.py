"""Asking volunteers for their coming week, and what they answer.

An ask is one message to one person about all their shifts of one week. Nobody is assigned: a shift is
open until its volunteer says yes, and after a no that person is never asked again for those legs.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from escort import wording
from escort.errors import Conflict, NotFound, Refused
from escort.rota.models import (
    Ask,
    AskKind,
    AskState,
    Offer,
    OfferState,
    Refusal,
    Run,
    RunLeg,
    RunState,
    Shift,
    ShiftState,
)
from escort.rota.problems import week_of
from escort.rota.shown import RunShown, shown_runs
from notifications.models import Urgency
from notifications.outbox import Letter, enqueue_many, withdraw

LinkMaker = Callable[[Session, Sequence[str]], Mapping[str, str]]
"""Turns subjects such as `volunteer:12` into addresses that only they should open."""

ASK_WEEKDAY, ASK_TIME = 3, time(18, 0)  # Thursday 18:00, for the week after
ANSWER_WITHIN = timedelta(hours=26)  # Friday 20:00
ANSWER_BEFORE_START = timedelta(hours=10)
SHORTEST_ANSWER = timedelta(minutes=30)
LATEST_ASK_BEFORE_START = timedelta(minutes=45)  # later than this the stand-in search takes over


@dataclass(frozen=True)
class Answered:
    """What an answer came to, by offer."""

    accepted: list[Offer] = field(default_factory=list)
    declined: list[Offer] = field(default_factory=list)
    gone: list[Offer] = field(default_factory=list)  # taken by somebody else, or changed meanwhile


def ask_moment(week_on: date, zone: ZoneInfo) -> datetime:
    """Return when the week that begins on this Monday is asked about."""
    return datetime.combine(week_on - timedelta(days=7 - ASK_WEEKDAY), ASK_TIME, zone)


def next_ask_moment(now: datetime, zone: ZoneInfo) -> datetime:
    """Return the next moment at which a new week opens for asking."""
    week_on = week_of(now.astimezone(zone).date()) + timedelta(days=7)
    moment = ask_moment(week_on, zone)
    return moment if moment > now else ask_moment(week_on + timedelta(days=7), zone)


def send_asks(session: Session, *, now: datetime, zone: ZoneInfo, links: LinkMaker) -> int:
    """Ask every volunteer with published shifts nobody has asked about; return the number of asks.

    This week's are asked at once, next week's from Thursday 18:00. Whoever has an ask open is left alone.
    """
    turns = _unasked_shifts(session, now=now, zone=zone)
    if not turns:
        return 0
    first_week: dict[int, list[Shift]] = {}
    for volunteer_id, shifts in turns.items():
        week_on = week_of(shifts[0].on)
        first_week[volunteer_id] = [shift for shift in shifts if week_of(shift.on) == week_on]
    shown = shown_runs(
        session, [shift.run_id for rows in first_week.values() for shift in rows if shift.run_id]
    )
    rows = [
        {
            "volunteer_id": volunteer_id,
            "kind": AskKind.ROUTINE,
            "state": AskState.OPEN,
            "week_on": week_of(shifts[0].on),
            "asked_at": now,
            "deadline_at": _deadline(now, shown[_run(shifts[0])].starts_at),
            "answer": "",
        }
        for volunteer_id, shifts in first_week.items()
    ]
    ask_ids = (
        session.execute(insert(Ask).returning(col(Ask.id), sort_by_parameter_order=True), rows)
        .scalars()
        .all()
    )
    _insert_offers(session, zip(ask_ids, first_week.values(), strict=True), shown)
    _tell(session, rows, ask_ids, first_week, shown, now=now, zone=zone, links=links)
    session.expire_all()
    return len(rows)


def answer_ask(
    session: Session,
    *,
    ask_id: int,
    declined: Iterable[int] | None,
    by: str,
    how: str,
    now: datetime,
    zone: ZoneInfo,
) -> Answered:
    """Record one person's answer: yes to every open offer but the `declined` ones; None declines all.

    Raises NotFound for an unknown ask. What somebody else has taken meanwhile comes back as `gone`.
    """
    ask = session.get(Ask, ask_id)
    if ask is None:
        raise NotFound("这条询问已经不在了。请打开最新的一条短信。")
    offers = list(session.exec(select(Offer).where(Offer.ask_id == ask_id).order_by(col(Offer.on))))
    no = {offer.id for offer in offers} if declined is None else set(declined)
    answered = Answered()
    for offer in offers:
        if offer.state not in {OfferState.OPEN, OfferState.LAPSED}:
            (answered.gone if offer.state in {OfferState.TAKEN, OfferState.WITHDRAWN} else []).append(offer)
        elif offer.id in no:
            _decline(session, offer, now=now)
            answered.declined.append(offer)
        elif _accept(session, offer, by=by, how=how, now=now, zone=zone):
            answered.accepted.append(offer)
        else:
            answered.gone.append(offer)
    session.execute(
        update(Ask)
        .where(col(Ask.id) == ask_id, col(Ask.state).in_((AskState.OPEN, AskState.LAPSED)))
        .values(state=AskState.ANSWERED, answered_at=now, answer=how)
    )
    withdraw(session, about=f"ask:{ask_id}", reason="answered", now=now)
    session.flush()
    return answered


def answer_offer(
    session: Session, *, offer_id: int, yes: bool, by: str, how: str, now: datetime, zone: ZoneInfo
) -> bool:
    """Record yes or no to one offer of an ask; False if somebody else was first. Raises NotFound."""
    offer = session.get(Offer, offer_id)
    if offer is None:
        raise NotFound("这趟车的询问已经不在了。请打开最新的一条短信。")
    if yes:
        done = _accept(session, offer, by=by, how=how, now=now, zone=zone)
    else:
        done = _decline(session, offer, now=now)
    still_open = session.exec(
        select(col(Offer.id)).where(Offer.ask_id == offer.ask_id, Offer.state == OfferState.OPEN)
    )
    if still_open.first() is None:
        session.execute(
            update(Ask)
            .where(col(Ask.id) == offer.ask_id, col(Ask.state) == AskState.OPEN)
            .values(state=AskState.ANSWERED, answered_at=now, answer=how)
        )
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
) -> bool:
    """Record an answer given by telephone, with who took it down; False if somebody else drives already."""
    offer = session.exec(
        select(Offer)
        .where(Offer.run_id == run_id, Offer.volunteer_id == volunteer_id)
        .where(col(Offer.state).in_((OfferState.OPEN, OfferState.LAPSED)))
        .order_by(col(Offer.id).desc())
    ).first()
    if offer is None:
        raise Refused("还没有问过这位志愿者。请先点“问”，再记下电话里的回答。")
    assert offer.id is not None
    return answer_offer(session, offer_id=offer.id, yes=yes, by=by, how=how, now=now, zone=zone)


def lapse_asks(session: Session, *, now: datetime) -> int:
    """Close every ask whose deadline has passed; free what it held, and let the stand-in search look."""
    due = [
        ask_id
        for ask_id in session.exec(
            select(col(Ask.id)).where(Ask.state == AskState.OPEN, col(Ask.deadline_at) <= now)
        )
        if ask_id is not None
    ]
    if not due:
        return 0
    offers = list(
        session.exec(select(Offer).where(col(Offer.ask_id).in_(due), Offer.state == OfferState.OPEN))
    )
    shifts = [offer.shift_id for offer in offers if offer.shift_id is not None]
    runs = {offer.run_id for offer in offers if offer.run_id is not None}
    session.execute(
        update(Ask).where(col(Ask.id).in_(due), col(Ask.state) == AskState.OPEN).values(state=AskState.LAPSED)
    )
    session.execute(
        update(Offer)
        .where(col(Offer.ask_id).in_(due), col(Offer.state) == OfferState.OPEN)
        .values(state=OfferState.LAPSED)
    )
    session.execute(
        update(Shift)
        .where(col(Shift.id).in_(shifts), col(Shift.state) == ShiftState.OPEN)
        .values(state=ShiftState.LAPSED, ended_at=now, end_reason="no_answer")
    )
    search_now(session, runs, now=now)
    session.expire_all()
    return len(due)


def search_now(session: Session, run_ids: Iterable[int], *, now: datetime) -> None:
    """Let the stand-in search look at these runs at the next heartbeat."""
    session.execute(
        update(Run)
        .where(
            col(Run.id).in_(list(run_ids)),
            col(Run.state) == RunState.LIVE,
            col(Run.published_at).is_not(None),
        )
        .values(search_at=now, version=Run.version + 1)
    )


def next_deadline(session: Session) -> datetime | None:
    """Return the earliest deadline of an open ask."""
    return session.exec(select(func.min(Ask.deadline_at)).where(Ask.state == AskState.OPEN)).one()


def open_asks_of(session: Session, volunteer_id: int) -> list[Ask]:
    """Return a volunteer's open asks, the oldest first."""
    return list(
        session.exec(
            select(Ask)
            .where(Ask.volunteer_id == volunteer_id, Ask.state == AskState.OPEN)
            .order_by(col(Ask.id))
        )
    )


def last_lapsed_ask_of(session: Session, volunteer_id: int, *, since: datetime) -> Ask | None:
    """Return the newest ask that this volunteer did not answer in time."""
    return session.exec(
        select(Ask)
        .where(Ask.volunteer_id == volunteer_id, Ask.state == AskState.LAPSED, col(Ask.asked_at) >= since)
        .order_by(col(Ask.id).desc())
    ).first()


def offers_of(session: Session, ask_id: int) -> list[Offer]:
    """Return an ask's offers in the order of their dates."""
    return list(
        session.exec(
            select(Offer).where(Offer.ask_id == ask_id).order_by(col(Offer.on), col(Offer.direction).desc())
        )
    )


def _accept(session: Session, offer: Offer, *, by: str, how: str, now: datetime, zone: ZoneInfo) -> bool:
    """Turn an offer into a promise, if its run still wants one; the database decides who was first."""
    run = session.get(Run, offer.run_id)
    if run is None or run.state != RunState.LIVE or run.ends_at <= now:
        _settle(session, offer, OfferState.WITHDRAWN, now)
        return False
    if offer.shift_id is not None and _confirm(session, offer.shift_id, by=by, how=how, now=now):
        _settle(session, offer, OfferState.ACCEPTED, now)
        return True
    if not _take(session, offer, run, how=how, now=now):
        _settle(session, offer, OfferState.TAKEN, now)
        return False
    _settle(session, offer, OfferState.ACCEPTED, now)
    tell_the_others(session, offer, now=now, zone=zone)
    return True


def _confirm(session: Session, shift_id: int, *, by: str, how: str, now: datetime) -> bool:
    moved = session.execute(
        update(Shift)
        .where(col(Shift.id) == shift_id, col(Shift.state) == ShiftState.OPEN)
        .values(state=ShiftState.CONFIRMED, confirmed_at=now, confirmed_how=f"{how}:{by}"[:40])
    )
    return bool(moved.rowcount)  # type: ignore[attr-defined]


def _take(session: Session, offer: Offer, run: Run, *, how: str, now: datetime) -> bool:
    """Insert a confirmed shift unless the run or the volunteer's half-day is taken: two unique indexes decide."""
    taken = session.exec(
        select(col(Shift.id)).where(
            col(Shift.state).in_((ShiftState.DRAFT, ShiftState.OPEN, ShiftState.CONFIRMED)),
            ((Shift.run_id == run.id) & (Shift.role == offer.role))
            | (
                (Shift.volunteer_id == offer.volunteer_id)
                & (Shift.on == run.on)
                & (Shift.direction == run.direction)
            ),
        )
    ).first()
    if taken is not None:
        return False
    shift = Shift(
        run_id=run.id,
        volunteer_id=offer.volunteer_id,
        on=run.on,
        direction=run.direction,
        role=offer.role,
        state=ShiftState.CONFIRMED,
        created_at=now,
        published_at=now,
        confirmed_at=now,
        confirmed_how=how[:40],
        shown_starts_at=run.starts_at,
    )
    try:
        with session.begin_nested():
            session.add(shift)
    except IntegrityError:  # PostgreSQL let two look at once: the index says who was first
        return False
    offer.shift_id = shift.id
    session.execute(update(Run).where(col(Run.id) == run.id).values(search_at=None, version=Run.version + 1))
    return True


def _decline(session: Session, offer: Offer, *, now: datetime) -> bool:
    if not _settle(session, offer, OfferState.DECLINED, now):
        return False
    legs = session.exec(
        select(col(RunLeg.leg_id)).where(RunLeg.run_id == offer.run_id, col(RunLeg.is_live))
    ).all()
    remember_refusal(session, leg_ids=legs, volunteer_id=offer.volunteer_id, now=now)
    if offer.shift_id is not None:
        session.execute(
            update(Shift)
            .where(col(Shift.id) == offer.shift_id, col(Shift.state) == ShiftState.OPEN)
            .values(state=ShiftState.DECLINED, ended_at=now, end_reason="declined")
        )
    if offer.run_id is not None:
        search_now(session, [offer.run_id], now=now)
    return True


def remember_refusal(session: Session, *, leg_ids: Iterable[int], volunteer_id: int, now: datetime) -> None:
    """Note that this person is never to be asked again for these legs."""
    known = set(
        session.exec(
            select(col(Refusal.leg_id)).where(
                Refusal.volunteer_id == volunteer_id, col(Refusal.leg_id).in_(list(leg_ids))
            )
        )
    )
    session.add_all(
        Refusal(leg_id=leg_id, volunteer_id=volunteer_id, at=now) for leg_id in leg_ids if leg_id not in known
    )


def _settle(session: Session, offer: Offer, state: OfferState, now: datetime) -> bool:
    """Move an offer that is open, or that lapsed and is answered late, to its end; False if it was elsewhere."""
    moved = session.execute(
        update(Offer)
        .where(col(Offer.id) == offer.id, col(Offer.state).in_((OfferState.OPEN, OfferState.LAPSED)))
        .values(state=state, answered_at=now, shift_id=offer.shift_id)
    )
    return bool(moved.rowcount)  # type: ignore[attr-defined]


def tell_the_others(session: Session, winner: Offer, *, now: datetime, zone: ZoneInfo) -> None:
    """Close the run's other open offers and tell those people that somebody was first."""
    others = list(
        session.exec(
            select(Offer).where(
                Offer.run_id == winner.run_id,
                Offer.role == winner.role,
                Offer.state == OfferState.OPEN,
                Offer.id != winner.id,
            )
        )
    )
    if not others:
        return
    session.execute(
        update(Offer)
        .where(col(Offer.id).in_([offer.id for offer in others]), col(Offer.state) == OfferState.OPEN)
        .values(state=OfferState.TAKEN, answered_at=now)
    )
    shown = shown_runs(session, [winner.run_id] if winner.run_id else [])
    letters = []
    for offer in others:
        ask = session.get_one(Ask, offer.ask_id)
        if ask.kind == AskKind.STAND_IN:
            session.execute(
                update(Ask)
                .where(col(Ask.id) == ask.id, col(Ask.state) == AskState.OPEN)
                .values(state=AskState.WITHDRAWN, answered_at=now, answer="taken")
            )
        withdrawn = withdraw(session, about=f"ask:{ask.id}", reason="taken", now=now)
        if not withdrawn and winner.run_id in shown:
            letters.append(
                Letter(
                    to=f"volunteer:{offer.volunteer_id}",
                    wording=wording.offer_taken(shown[winner.run_id].turn, now=now, zone=zone),
                    about=f"run:{winner.run_id}",
                    dedup_key=f"offer-taken:{offer.id}",
                    urgency=Urgency.URGENT,
                )
            )
    enqueue_many(session, letters, now=now)


def _unasked_shifts(session: Session, *, now: datetime, zone: ZoneInfo) -> dict[int, list[Shift]]:
    """Return, by volunteer, the open shifts of weeks that may be asked about now, in the order of their dates."""
    today = now.astimezone(zone).date()
    this_week = week_of(today)
    next_week = this_week + timedelta(days=7)
    until = next_week + timedelta(days=7) if now >= ask_moment(next_week, zone) else next_week
    busy = select(col(Ask.volunteer_id)).where(Ask.state == AskState.OPEN, Ask.kind == AskKind.ROUTINE)
    shifts = session.exec(
        select(Shift)
        .join(Run, col(Run.id) == Shift.run_id)
        .where(
            Shift.state == ShiftState.OPEN,
            Shift.on >= today,
            Shift.on < until,
            Run.state == RunState.LIVE,
            col(Run.starts_at) > now + LATEST_ASK_BEFORE_START,
            ~col(Shift.id).in_(
                select(col(Offer.shift_id)).where(col(Offer.shift_id).is_not(None), Offer.on >= today)
            ),
            ~col(Shift.volunteer_id).in_(busy),
        )
        .order_by(col(Shift.volunteer_id), col(Shift.on), col(Shift.direction).desc())
    )
    turns: dict[int, list[Shift]] = defaultdict(list)
    for shift in shifts:
        turns[shift.volunteer_id].append(shift)
    return turns


def _insert_offers(
    session: Session, asks: Iterable[tuple[int | None, list[Shift]]], shown: Mapping[int, RunShown]
) -> None:
    offers, promises = [], []
    for ask_id, shifts in asks:
        for shift in shifts:
            offers.append(
                {
                    "ask_id": ask_id,
                    "volunteer_id": shift.volunteer_id,
                    "run_id": shift.run_id,
                    "shift_id": shift.id,
                    "role": shift.role,
                    "on": shift.on,
                    "direction": shift.direction,
                    "state": OfferState.OPEN,
                }
            )
            run = shown[_run(shift)]
            promises.append({"id": shift.id, "shown_starts_at": run.starts_at, "shown_legs": run.legs})
    session.execute(insert(Offer), offers)
    session.execute(update(Shift), promises)


def _tell(
    session: Session,
    rows: Sequence[Mapping[str, object]],
    ask_ids: Sequence[int | None],
    shifts: Mapping[int, list[Shift]],
    shown: Mapping[int, RunShown],
    *,
    now: datetime,
    zone: ZoneInfo,
    links: LinkMaker,
) -> None:
    link = links(session, [f"volunteer:{volunteer_id}" for volunteer_id in shifts])
    letters = []
    for row, ask_id, (volunteer_id, turns) in zip(rows, ask_ids, shifts.items(), strict=True):
        deadline = row["deadline_at"]
        assert isinstance(deadline, datetime)
        letters.append(
            Letter(
                to=f"volunteer:{volunteer_id}",
                wording=wording.routine_ask(
                    [shown[_run(shift)].turn for shift in turns],
                    deadline=deadline,
                    link=link[f"volunteer:{volunteer_id}"],
                    now=now,
                    zone=zone,
                ),
                about=f"ask:{ask_id}",
                dedup_key=f"ask:{ask_id}",
                urgency=Urgency.URGENT if deadline - now < timedelta(hours=3) else Urgency.ROUTINE,
                do_not_send_after=deadline,
            )
        )
    enqueue_many(session, letters, now=now)


def _deadline(now: datetime, first_start: datetime) -> datetime:
    return max(min(now + ANSWER_WITHIN, first_start - ANSWER_BEFORE_START), now + SHORTEST_ANSWER)


def _run(shift: Shift) -> int:
    if shift.run_id is None:
        raise Conflict("候补班次不在每周询问里。")
    return shift.run_id
