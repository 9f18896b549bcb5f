"""Asking again whoever had said yes, or was asked, before the time or the place of a run changed.

One message a person, with the old time beside the new. While there is time the seat is kept for them; with less than an
hour left they have a few minutes, and others are asked beside them: the first yes wins.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select, update

from escort import wording
from escort.rota.asks import URGENT_WITHIN, LinkMaker
from escort.rota.changed import ELSEWHERE
from escort.rota.deadlines import Terms, routine_terms, terms_of
from escort.rota.fitness import Seat, given_way, scene_of, what_breaks
from escort.rota.models import (
    LIVE_SHIFT,
    Ask,
    AskKind,
    Offer,
    Run,
    RunState,
    Shift,
    ShiftState,
)
from escort.rota.problems import week_of
from escort.rota.release import Reason, tell_to_stand_down
from escort.rota.seats import lock_runs, search_now
from escort.rota.shown import RunShown, shown_runs
from notifications.models import Urgency
from notifications.outbox import Letter, enqueue_many


def to_ask_again(session: Session, *, now: datetime, zone: ZoneInfo) -> list[int]:
    """Return the volunteers who have lost a yes to a change and have not been asked again."""
    return sorted({shift.volunteer_id for shift in session.exec(_waiting(now, zone))})


def ask_again(
    session: Session, *, now: datetime, zone: ZoneInfo, links: LinkMaker, only: int | None = None
) -> int:
    """Ask everybody (or `only` one volunteer) again whose run has changed; return how many were asked.

    Who could not drive what it is now is told so, and others are searched at once.
    """
    rows = _waiting(now, zone)
    if only is not None:
        rows = rows.where(Shift.volunteer_id == only)
    lock_runs(session, [shift.run_id for shift in session.exec(rows)])
    lost: dict[int, list[Shift]] = defaultdict(list)
    for shift in session.exec(rows.execution_options(populate_existing=True)):
        lost[shift.volunteer_id].append(shift)
    asked = 0
    for volunteer_id, shifts in lost.items():
        runs = _runs_of(session, shifts)
        fit = _those_who_may(session, volunteer_id, shifts, runs, now=now, zone=zone)
        for hurry in (True, False):
            mine = [shift for shift in fit if _is_rush(runs[shift.run_id or 0], now) is hurry]
            mine = mine if hurry else _keep_seats(session, mine, now)
            if mine:
                _ask(session, volunteer_id, mine, runs, hurry, now=now, zone=zone, links=links)
                asked += 1
    session.flush()
    session.expire_all()
    return asked


@dataclass(frozen=True)
class _Again:
    """One run as it is asked about again."""

    shift: Shift  # the one that has ended
    run: Run
    shown: RunShown

    @property
    def was(self) -> datetime:
        return self.shift.shown_starts_at or self.shown.starts_at

    @property
    def is_elsewhere(self) -> bool:
        return self.shift.end_reason.startswith(ELSEWHERE)


def _waiting(now: datetime, zone: ZoneInfo) -> Any:
    """Shifts that a change has ended, of runs that still want somebody, whose people have not been asked since."""
    other = aliased(Shift)
    held = select(other.id).where(
        col(other.run_id) == col(Shift.run_id),
        col(other.role) == col(Shift.role),
        col(other.state).in_(LIVE_SHIFT),
    )
    since = (
        select(Offer.id)
        .join(Ask, col(Ask.id) == col(Offer.ask_id))
        .where(
            col(Offer.run_id) == col(Shift.run_id),
            col(Offer.volunteer_id) == col(Shift.volunteer_id),
            col(Ask.asked_at) >= col(Shift.ended_at),
        )
    )
    return (
        select(Shift)
        .join(Run, col(Run.id) == col(Shift.run_id))
        .where(
            Shift.on >= now.astimezone(zone).date(),
            Shift.state == ShiftState.FREED,
            col(Shift.end_reason).startswith(f"{Reason.CHANGED}:"),
            Run.state == RunState.LIVE,
            col(Run.published_at).is_not(None),
            col(Run.starts_at) > now,
            ~held.exists(),
            ~since.exists(),
        )
        .order_by(col(Shift.volunteer_id), col(Shift.on), col(Shift.direction).desc(), col(Shift.id))
    )


def _runs_of(session: Session, shifts: Sequence[Shift]) -> dict[int, Run]:
    rows = session.exec(select(Run).where(col(Run.id).in_([shift.run_id for shift in shifts])))
    return {run.id: run for run in rows if run.id is not None}


def _those_who_may(
    session: Session,
    volunteer_id: int,
    shifts: Sequence[Shift],
    runs: Mapping[int, Run],
    *,
    now: datetime,
    zone: ZoneInfo,
) -> list[Shift]:
    """Return the shifts that this volunteer may still drive; of the others he is told, and somebody else is searched."""
    scene = scene_of(session, volunteer_id=volunteer_id, runs=list(runs.values()))
    gave_way = given_way(session, list(runs))
    seats = [
        Seat(shift.run_id or 0, shift.role, gave_way.get((shift.run_id or 0, volunteer_id), frozenset()))
        for shift in shifts
    ]
    broken = what_breaks(session, scene, seats)
    unfit = [shift for shift in shifts if shift.run_id in broken]
    if unfit:
        _settle_ended(session, unfit, Reason.UNFIT)
        tell_to_stand_down(session, unfit, reason=Reason.UNFIT, now=now, zone=zone)
        search_now(session, [shift.run_id for shift in unfit], now=now)
    return [shift for shift in shifts if shift.run_id not in broken]


def _keep_seats(session: Session, ended: Sequence[Shift], now: datetime) -> list[Shift]:
    """Hold each seat open for its own volunteer while he thinks; return those that could be held."""
    held = []
    for shift in ended:
        again = Shift(
            run_id=shift.run_id,
            volunteer_id=shift.volunteer_id,
            on=shift.on,
            direction=shift.direction,
            role=shift.role,
            state=ShiftState.OPEN,
            plan_id=shift.plan_id,
            created_at=now,
            published_at=now,
            repeat_reason=shift.repeat_reason,
        )
        try:
            with session.begin_nested():
                session.add(again)
        except IntegrityError:  # the seat or the half-day is taken meanwhile: the index says so
            _settle_ended(session, [shift], Reason.STOOD_IN)
            continue
        held.append(shift)
    return held


def _settle_ended(session: Session, shifts: Sequence[Shift], reason: Reason) -> None:
    """Nobody is to be asked again for these."""
    session.exec(
        update(Shift)
        .where(col(Shift.id).in_([shift.id for shift in shifts]), col(Shift.state) == ShiftState.FREED)
        .values(end_reason=f"{reason}:system")
    )


def _ask(
    session: Session,
    volunteer_id: int,
    ended: Sequence[Shift],
    runs: Mapping[int, Run],
    hurry: bool,
    *,
    now: datetime,
    zone: ZoneInfo,
    links: LinkMaker,
) -> None:
    shown = shown_runs(session, [shift.run_id or 0 for shift in ended])
    again = [_Again(shift, runs[shift.run_id or 0], shown[shift.run_id or 0]) for shift in ended]
    terms = _terms(again, hurry, now, zone)
    ask = Ask(
        volunteer_id=volunteer_id,
        kind=AskKind.CHANGED,
        week_on=week_of(again[0].run.on),
        asked_at=now,
        deadline_at=terms.deadline_at,
    )
    session.add(ask)
    session.flush()
    held = _held_open(session, volunteer_id, list(shown))
    for one in again:
        seat = None if hurry else held.get((one.shown.run_id, one.shift.role))
        if seat is not None:
            seat.shown_starts_at, seat.shown_legs = one.shown.starts_at, one.shown.legs
        session.add(
            Offer(
                ask_id=ask.id or 0,
                volunteer_id=volunteer_id,
                run_id=one.shown.run_id,
                shift_id=seat.id if seat else None,
                role=one.shift.role,
                on=one.run.on,
                direction=one.run.direction,
                shown_starts_at=one.shown.starts_at,
                shown_legs=one.shown.legs,
                was_starts_at=one.was,
                is_elsewhere=one.is_elsewhere,
            )
        )
        one.run.search_at = now if hurry else None
        one.run.version += 1
    session.flush()
    enqueue_many(session, [_letter(session, ask, again, terms, now, zone, links)], now=now)


def _letter(
    session: Session,
    ask: Ask,
    again: Sequence[_Again],
    terms: Terms,
    now: datetime,
    zone: ZoneInfo,
    links: LinkMaker,
) -> Letter:
    party, told_at = f"volunteer:{ask.volunteer_id}", terms.not_before or now
    return Letter(
        to=party,
        wording=wording.asked_again(
            [wording.Changed(one.shown.turn, one.was, one.is_elsewhere) for one in again],
            deadline=terms.deadline_at,
            link=links(session, [party])[party],
            now=told_at,
            zone=zone,
        ),
        about=f"ask:{ask.id}",
        dedup_key=f"ask:{ask.id}",
        urgency=Urgency.URGENT if terms.deadline_at - told_at < URGENT_WITHIN else Urgency.ROUTINE,
        not_before=terms.not_before,
        do_not_send_after=terms.deadline_at,
    )


def _held_open(session: Session, volunteer_id: int, run_ids: Sequence[int]) -> dict[tuple[int, str], Shift]:
    rows = session.exec(
        select(Shift).where(
            Shift.volunteer_id == volunteer_id,
            col(Shift.run_id).in_(run_ids),
            Shift.state == ShiftState.OPEN,
        )
    )
    return {(shift.run_id or 0, shift.role): shift for shift in rows}


def _terms(again: Sequence[_Again], hurry: bool, now: datetime, zone: ZoneInfo) -> Terms:
    first = min(one.shown.starts_at for one in again)
    return terms_of(now, first, zone) if hurry else routine_terms(now, first, zone)


def _is_rush(run: Run, now: datetime) -> bool:
    return run.starts_at - now < RUSH


RUSH = timedelta(minutes=60)  # with less left, others are asked beside the one who is asked again
