"""停用: one click ends everything that a volunteer may do, at once."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlmodel import Session, col, select

from escort import wording
from escort.access import links
from escort.cases.models import CaseKind
from escort.cases.service import open_case
from escort.journeys.alarms import children_of
from escort.journeys.progress import Rank, leg_progress
from escort.roster import service as roster
from escort.rota.models import (
    CAN_SAY_NO,
    LIVE_SHIFT,
    Ask,
    AskState,
    Offer,
    OfferState,
    Run,
    RunLeg,
    Shift,
    ShiftState,
)
from escort.rota.release import Reason, free_shifts
from notifications.models import Urgency
from notifications.outbox import enqueue, withdraw


@dataclass(frozen=True)
class Suspended:
    """What a suspension did."""

    freed_runs: tuple[int, ...]
    runs_on_road: tuple[int, ...]  # left as they are, each with an urgent case


def suspend_volunteer(
    session: Session,
    *,
    volunteer_id: int,
    by: str,
    reason: str,
    now: datetime,
    zone: ZoneInfo,
    duty_phone: str,
) -> Suspended:
    """Suspend a volunteer: their coming runs are free, their links and devices dead, their words with their shifts.

    A run with a child in the car cannot be taken back by a click: it stays theirs, and a human follows it by
    telephone until the child is delivered. Raises Conflict if they are suspended already.
    """
    roster.suspend(session, volunteer_id=volunteer_id, reason=reason, now=now, by=by)
    shifts = list(
        session.exec(
            select(Shift)
            .where(Shift.volunteer_id == volunteer_id, col(Shift.state).in_(LIVE_SHIFT))
            .order_by(col(Shift.on), col(Shift.id))
        )
    )
    on_road = _on_road(session, shifts)
    promised = sum(shift.state == ShiftState.CONFIRMED for shift in shifts if shift.id not in on_road)
    freed = free_shifts(
        session,
        shift_ids=[shift.id for shift in shifts if shift.id is not None and shift.id not in on_road],
        reason=Reason.SUSPENDED,
        by=by,
        now=now,
        zone=zone,
        tell=False,
    )
    _withdraw_asks(session, volunteer_id, now)
    links.revoke_all(session, f"volunteer:{volunteer_id}", now, by=by)
    name = roster.get_volunteer(session, volunteer_id).name
    for shift_id, run_id in on_road.items():
        open_case(
            session,
            kind=CaseKind.SUSPENDED_ON_ROAD,
            about=f"shift:{shift_id}",
            sentence=wording.case_suspended_on_road(name, children_of(session, run_id)),
            needed_by=session.get_one(Run, run_id).ends_at,
            now=now,
            by=by,
        )
    enqueue(
        session,
        to=f"volunteer:{volunteer_id}",
        wording=wording.suspended_notice(promised, duty_phone=duty_phone),
        about=f"volunteer:{volunteer_id}",
        dedup_key=f"suspended:{volunteer_id}:{now:%Y%m%dT%H%M%S}",
        now=now,
        urgency=Urgency.URGENT,
    )
    return Suspended(tuple(freed), tuple(on_road.values()))


def _withdraw_asks(session: Session, volunteer_id: int, now: datetime) -> None:
    """Nobody who is suspended can still say yes to a stand-in ask."""
    asks = session.scalars(
        update(Ask)
        .where(col(Ask.volunteer_id) == volunteer_id, col(Ask.state) == AskState.OPEN)
        .values(state=str(AskState.WITHDRAWN), answered_at=now, answer="suspended")
        .returning(col(Ask.id))
    ).all()
    session.execute(
        update(Offer)
        .where(
            col(Offer.volunteer_id) == volunteer_id,
            col(Offer.state).in_((*CAN_SAY_NO, OfferState.LAPSED)),
        )
        .values(state=str(OfferState.WITHDRAWN), answered_at=now)
    )
    for ask_id in asks:
        withdraw(session, about=f"ask:{ask_id}", reason="suspended", now=now)


def _on_road(session: Session, shifts: list[Shift]) -> dict[int, int]:
    """Return, by shift, the runs in which a child is in this volunteer's car now."""
    of_run = {shift.run_id: shift.id for shift in shifts if shift.state == ShiftState.CONFIRMED}
    legs = session.exec(
        select(RunLeg.leg_id, RunLeg.run_id).where(
            col(RunLeg.run_id).in_([run_id for run_id in of_run if run_id]), col(RunLeg.is_live)
        )
    ).all()
    progress = leg_progress(session, [leg_id for leg_id, _ in legs])
    aboard = {run_id for leg_id, run_id in legs if progress[leg_id].rank is Rank.ON_BOARD}
    return {
        shift_id: run_id
        for run_id, shift_id in of_run.items()
        if run_id in aboard and run_id is not None and shift_id is not None
    }
