"""Taking back what was planned or promised: shifts are freed, runs dissolved, and the people told."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlmodel import Session, col, select

from escort import wording
from escort.rota.asks import search_now
from escort.rota.models import (
    LIVE_SHIFT,
    Ask,
    AskState,
    Offer,
    OfferState,
    Role,
    Run,
    RunLeg,
    RunState,
    Shift,
    ShiftState,
)
from escort.rota.shown import shown_runs
from notifications.models import Urgency
from notifications.outbox import Letter, enqueue_many, withdraw
from notifications.wording import Wording


class Reason(StrEnum):
    """Why a promise was taken back; kept with the shift."""

    CANCELLED = "cancelled"  # the family or the office cancelled the leg
    CALENDAR = "calendar"  # not a school day any more, or the escort ended
    CHANGED = "changed"  # time or place is not what was promised
    BLOCKOUT = "blockout"  # the volunteer cannot that day
    SUSPENDED = "suspended"
    STOOD_IN = "stood_in"  # somebody else drives


IN_WORDS = {
    Reason.CALENDAR: "这天不用接送了",
    Reason.CHANGED: "时间或地点改了，要重新问",
    Reason.BLOCKOUT: "记下了您这天不方便",
    Reason.SUSPENDED: "您的接送先暂停",
    Reason.STOOD_IN: "已由他人接送",
}


def free_shifts(
    session: Session,
    *,
    shift_ids: Collection[int],
    reason: str,
    by: str,
    now: datetime,
    zone: ZoneInfo,
    tell: bool = True,
) -> list[int]:
    """End live shifts with a reason and let the search look for somebody else; return the runs set free.

    Whoever had said yes, or was being asked, is told to stand down. Drafts end without a word.
    """
    shifts = list(
        session.exec(
            select(Shift).where(col(Shift.id).in_(list(shift_ids)), col(Shift.state).in_(LIVE_SHIFT))
        )
    )
    if not shifts:
        return []
    _end(session, shifts, reason=reason, by=by, now=now, zone=zone, tell=tell)
    runs = [shift.run_id for shift in shifts if shift.run_id is not None]
    search_now(session, runs, now=now)
    session.expire_all()
    return runs


def dissolve_runs(
    session: Session, *, run_ids: Collection[int], reason: str, by: str, now: datetime, zone: ZoneInfo
) -> None:
    """End runs whose legs were cancelled or must be planned anew. Their drivers are told; the legs are free."""
    if not run_ids:
        return
    shifts = list(
        session.exec(
            select(Shift).where(col(Shift.run_id).in_(list(run_ids)), col(Shift.state).in_(LIVE_SHIFT))
        )
    )
    _end(session, shifts, reason=reason, by=by, now=now, zone=zone, tell=True)
    offers = (col(Offer.run_id).in_(list(run_ids)), col(Offer.state) == OfferState.OPEN)
    _withdraw_offers(session, list(session.exec(select(Offer).where(*offers))), now=now, reason=reason)
    session.execute(
        update(Run)
        .where(col(Run.id).in_(list(run_ids)), col(Run.state) == RunState.LIVE)
        .values(state=RunState.DISSOLVED, search_at=None, version=Run.version + 1)
    )
    session.execute(update(RunLeg).where(col(RunLeg.run_id).in_(list(run_ids))).values(is_live=False))
    session.expire_all()


def take_legs_out(
    session: Session, *, leg_ids: Collection[int], reason: str, by: str, now: datetime, zone: ZoneInfo
) -> None:
    """Take legs out of their runs: an empty run is dissolved, otherwise the driver is told that it is one child fewer."""
    rows = list(
        session.exec(select(RunLeg).where(col(RunLeg.leg_id).in_(list(leg_ids)), col(RunLeg.is_live)))
    )
    if not rows:
        return
    run_ids = {row.run_id for row in rows}
    remaining = set(
        session.exec(
            select(col(RunLeg.run_id)).where(
                col(RunLeg.run_id).in_(run_ids), col(RunLeg.is_live), ~col(RunLeg.leg_id).in_(list(leg_ids))
            )
        )
    )
    dissolve_runs(session, run_ids=run_ids - remaining, reason=reason, by=by, now=now, zone=zone)
    session.execute(
        update(RunLeg).where(col(RunLeg.leg_id).in_(list(leg_ids)), col(RunLeg.is_live)).values(is_live=False)
    )
    session.execute(update(Run).where(col(Run.id).in_(remaining)).values(version=Run.version + 1))
    session.expire_all()
    shown = shown_runs(session, list(remaining))
    drivers = session.exec(
        select(Shift).where(col(Shift.run_id).in_(remaining), Shift.state == ShiftState.CONFIRMED)
    )
    enqueue_many(
        session,
        [
            Letter(
                to=f"volunteer:{shift.volunteer_id}",
                wording=wording.fewer_children(
                    shown[shift.run_id].turn, left=shown[shift.run_id].children, now=now, zone=zone
                ),
                about=f"shift:{shift.id}",
                dedup_key=f"run-changed:{shift.id}:{','.join(str(leg) for leg in sorted(leg_ids))}"[:120],
                urgency=Urgency.URGENT,
                do_not_send_after=shown[shift.run_id].starts_at,
            )
            for shift in drivers
            if shift.run_id is not None and shift.run_id in shown
        ],
        now=now,
    )


def _end(
    session: Session, shifts: list[Shift], *, reason: str, by: str, now: datetime, zone: ZoneInfo, tell: bool
) -> None:
    ids = [shift.id for shift in shifts]
    shown = shown_runs(session, [shift.run_id for shift in shifts if shift.run_id is not None])
    letters = [
        Letter(
            to=f"volunteer:{shift.volunteer_id}",
            wording=_stand_down(shown[shift.run_id].turn, reason, now, zone),
            about=f"shift:{shift.id}",
            dedup_key=f"stand-down:{shift.id}",
            urgency=Urgency.URGENT,
            do_not_send_after=shown[shift.run_id].starts_at,
        )
        for shift in shifts
        if tell
        and shift.state == ShiftState.CONFIRMED
        and shift.run_id in shown
        and f"volunteer:{shift.volunteer_id}" != by
    ]
    session.execute(
        update(Shift)
        .where(col(Shift.id).in_(ids), col(Shift.state).in_(LIVE_SHIFT))
        .values(state=ShiftState.FREED, ended_at=now, end_reason=f"{reason}:{by}"[:80])
    )
    offers = session.exec(select(Offer).where(col(Offer.shift_id).in_(ids), Offer.state == OfferState.OPEN))
    _withdraw_offers(session, list(offers), now=now, reason=reason)
    enqueue_many(session, letters, now=now)


def _stand_down(turn: wording.Turn, reason: str, now: datetime, zone: ZoneInfo) -> Wording:
    if reason == Reason.CANCELLED:
        return wording.shift_cancelled_by_family(turn, now=now, zone=zone)
    return wording.stand_down(turn, reason=IN_WORDS[Reason(reason)], now=now, zone=zone)


def _withdraw_offers(session: Session, offers: list[Offer], *, now: datetime, reason: str) -> None:
    """Withdraw offers; an ask with nothing left to answer is withdrawn too, and its unsent message with it."""
    if not offers:
        return
    session.execute(
        update(Offer)
        .where(col(Offer.id).in_([offer.id for offer in offers]), col(Offer.state) == OfferState.OPEN)
        .values(state=OfferState.WITHDRAWN, answered_at=now)
    )
    asks = {offer.ask_id for offer in offers}
    alive = set(
        session.exec(
            select(col(Offer.ask_id)).where(col(Offer.ask_id).in_(asks), Offer.state == OfferState.OPEN)
        )
    )
    for ask_id in asks - alive:
        session.execute(
            update(Ask)
            .where(col(Ask.id) == ask_id, col(Ask.state) == AskState.OPEN)
            .values(state=AskState.WITHDRAWN, answered_at=now, answer=reason[:80])
        )
        withdraw(session, about=f"ask:{ask_id}", reason=reason, now=now)


def drivers_of(session: Session, run_ids: Collection[int]) -> dict[int, Shift]:
    """Return the live driver's shift of each run that has one."""
    shifts = session.exec(
        select(Shift).where(
            col(Shift.run_id).in_(list(run_ids)), col(Shift.state).in_(LIVE_SHIFT), Shift.role == Role.DRIVER
        )
    )
    return {shift.run_id: shift for shift in shifts if shift.run_id is not None}
