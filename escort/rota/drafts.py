"""A coordinator's own hand in a draft: another driver for a run that nobody outside the office has seen."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from escort.access import audit
from escort.errors import Conflict, NotFound, Refused
from escort.rota.fitness import OFFICE_WORDS, Asker, require_fit
from escort.rota.models import LIVE_SHIFT, Role, Run, RunState, Shift, ShiftState
from escort.rota.publishing import hold_drafts
from escort.rota.seats import lock_runs


@dataclass(frozen=True)
class Undo:
    """What takes a change back: this driver (None: nobody) for this run."""

    run_id: int
    volunteer_id: int | None


def put_in_draft(session: Session, *, run_id: int, volunteer_id: int | None, by: str, now: datetime) -> Undo:
    """Let somebody (None: nobody) drive a draft run; return what takes it back.

    Who has another draft run on that half-day leaves it, and its driver's place goes to whoever drove this one.
    Nobody is told: drafts are asked about when they are published. Raises NotFound, Conflict where the run is no
    draft, Refused where a rule stands against one of them.
    """
    hold_drafts(session)
    run = session.get(Run, run_id)
    if run is None or run.state != RunState.LIVE:
        raise NotFound("没有这趟车，可能已经改过了。请回到周排班再看。")
    other = _elsewhere(session, run, volunteer_id)
    lock_runs(session, sorted({run_id, *([other.run_id] if other and other.run_id else [])}))
    session.refresh(run)
    _require_draft(run, now)
    held = _driver(session, run_id)
    if held is not None and held.volunteer_id == volunteer_id:
        return Undo(run_id, volunteer_id)
    before = held.volunteer_id if held is not None else None
    if other is not None and (other.state != ShiftState.DRAFT or other.run_id is None):
        raise Refused("这半天这位志愿者另有一趟，已经问过了。要换，先问本人。")
    _judge(session, run, volunteer_id)
    left = session.get(Run, other.run_id) if other is not None else None
    if left is not None:
        _require_draft(left, now)
        _judge(session, left, before)
    for shift in (held, other):
        if shift is not None:
            session.delete(shift)
    session.flush()
    _seat(session, run, volunteer_id, now)
    if left is not None:
        _seat(session, left, before, now)
    audit.record(
        session,
        actor=by,
        action="draft.driver",
        subject=f"run:{run_id}",
        fields=[f"was: {before}", f"is: {volunteer_id}", *([f"with: run:{left.id}"] if left else [])],
        now=now,
    )
    if left is not None and before is None:
        return Undo(left.id or 0, volunteer_id)
    return Undo(run_id, before)


def _require_draft(run: Run, now: datetime) -> None:
    if run.published_at is not None:
        raise Conflict("这趟已经公布了，不能直接换人。要换，先问本人。")
    if run.starts_at <= now:
        raise Conflict("这趟的时间已经过了。")


def _driver(session: Session, run_id: int) -> Shift | None:
    return session.exec(
        select(Shift)
        .where(Shift.run_id == run_id, Shift.role == Role.DRIVER, col(Shift.state).in_(LIVE_SHIFT))
        .execution_options(populate_existing=True)
    ).first()


def _elsewhere(session: Session, run: Run, volunteer_id: int | None) -> Shift | None:
    """Return what this person has on the run's half-day besides."""
    return session.exec(
        select(Shift)
        .where(
            Shift.volunteer_id == volunteer_id,
            Shift.on == run.on,
            Shift.direction == run.direction,
            col(Shift.state).in_(LIVE_SHIFT),
            Shift.run_id != run.id,
        )
        .execution_options(populate_existing=True)
    ).first()


def _judge(session: Session, run: Run, volunteer_id: int | None) -> None:
    if volunteer_id is not None:
        require_fit(session, run=run, volunteer_id=volunteer_id, role=Role.DRIVER, asker=STRICT)


def _seat(session: Session, run: Run, volunteer_id: int | None, now: datetime) -> None:
    run.version += 1
    if volunteer_id is not None:
        run.unfilled_code, run.unfilled_detail, run.is_proved_unfillable = None, None, False
        session.add(
            Shift(
                run_id=run.id,
                volunteer_id=volunteer_id,
                on=run.on,
                direction=run.direction,
                role=Role.DRIVER,
                state=ShiftState.DRAFT,
                created_at=now,
            )
        )
    session.add(run)
    session.flush()


STRICT = Asker(frozenset(), OFFICE_WORDS)  # a draft gives way in nothing: its yes is judged by every rule
