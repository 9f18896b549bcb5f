"""Cases close by deeds: a yes, a tap, a cancellation. What somebody has mended is closed in their name."""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, col, select

from escort.cases.models import Case, CaseKind
from escort.cases.service import close_because, live_cases_of
from escort.journeys.models import Step
from escort.journeys.progress import Progress, Rank, leg_progress
from escort.rota.models import Leg, LegState, Role, Run, RunLeg, RunState, Shift, ShiftState


def close_cases_whose_cause_is_gone(session: Session, *, now: datetime) -> int:
    """Close the live cases of the watch whose run has a driver, whose leg is cancelled, whose child is aboard."""
    cases = live_cases_of(session, WATCHED_KINDS)
    if not cases:
        return 0
    gone = {
        **_with_a_driver(session, _numbers(cases, "run")),
        **_without_a_shift(session, _numbers(cases, "shift")),
    }
    gone_legs = _moved_legs(session, [case for case in cases if case.about.startswith("leg:")])
    closed = 0
    for case in cases:
        deed = gone_legs.get((case.kind, case.about)) or gone.get(case.about)
        if deed is not None:
            by, reason = deed
            closed += close_because(
                session, kinds=[CaseKind(case.kind)], abouts=[case.about], by=by, reason=reason, now=now
            )
    return closed


def _with_a_driver(session: Session, run_ids: set[int]) -> dict[str, tuple[str, str]]:
    """Return who removed the cause of each run that no longer wants a driver."""
    if not run_ids:
        return {}
    rows = session.exec(
        select(Run.id, Run.state, Shift.volunteer_id)
        .outerjoin(
            Shift,
            (col(Shift.run_id) == col(Run.id))
            & (col(Shift.role) == Role.DRIVER)
            & col(Shift.state).in_((ShiftState.CONFIRMED, ShiftState.SERVED)),
        )
        .where(col(Run.id).in_(run_ids))
    ).all()
    riding = set(
        session.exec(
            select(RunLeg.run_id)
            .join(Leg, col(Leg.id) == col(RunLeg.leg_id))
            .where(col(RunLeg.run_id).in_(run_ids), col(RunLeg.is_live), Leg.state == LegState.WANTED)
        )
    )
    gone: dict[str, tuple[str, str]] = {}
    for run_id, state, volunteer_id in rows:
        if volunteer_id is not None:
            gone[f"run:{run_id}"] = (f"volunteer:{volunteer_id}", "答应去了")
        elif state != RunState.LIVE or run_id not in riding:
            gone[f"run:{run_id}"] = ("system", "这趟取消了，或重新排了")
    return gone


def _without_a_shift(session: Session, shift_ids: set[int]) -> dict[str, tuple[str, str]]:
    if not shift_ids:
        return {}
    rows = session.exec(
        select(Shift.id, Shift.state).where(
            col(Shift.id).in_(shift_ids), col(Shift.state) != ShiftState.CONFIRMED
        )
    )
    return {f"shift:{shift_id}": ("system", "这趟已换人、取消或送完") for shift_id, _ in rows}


def _moved_legs(session: Session, cases: list[Case]) -> dict[tuple[str, str], tuple[str, str]]:
    leg_ids = _numbers(cases, "leg")
    if not leg_ids:
        return {}
    legs = {leg.id: leg for leg in session.exec(select(Leg).where(col(Leg.id).in_(leg_ids)))}
    progress = leg_progress(session, leg_ids)
    gone: dict[tuple[str, str], tuple[str, str]] = {}
    for case in cases:
        leg_id = int(case.about.removeprefix("leg:"))
        leg = legs.get(leg_id)
        if leg is None or leg.state != LegState.WANTED:
            gone[case.kind, case.about] = ((leg and leg.cancelled_by) or "system", "这趟取消了")
        elif progress[leg_id].rank >= ENOUGH[CaseKind(case.kind)]:
            gone[case.kind, case.about] = (_who(progress[leg_id]), "已经报上来了")
    return gone


def _who(progress: Progress) -> str:
    steps = (Step.DELIVERED, Step.HANDED_OVER, Step.ON_BOARD, Step.SELF_COLLECTED)
    return next((progress.by[step] for step in steps if step in progress.by), "system")


def _numbers(cases: Iterable[Case], kind: str) -> set[int]:
    prefix = kind + ":"
    return {int(case.about.removeprefix(prefix)) for case in cases if case.about.startswith(prefix)}


ENOUGH = {CaseKind.NOT_ABOARD: Rank.ON_BOARD, CaseKind.NOT_DELIVERED: Rank.DELIVERED}
WATCHED_KINDS = (CaseKind.NO_DRIVER, CaseKind.NO_ANSWER, CaseKind.RELIEF, CaseKind.NOT_DEPARTED, *ENOUGH)
