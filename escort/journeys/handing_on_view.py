"""The turns that a volunteer has promised and could hand on, and what has become of it: his own view."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, or_, select

from escort.errors import NotFound
from escort.journeys.turns import KnownRun, Turn, known_runs, turn_in, turn_of
from escort.roster.models import Volunteer
from escort.rota.models import Relief, ReliefState, Run, RunState, Shift, ShiftState


@dataclass(frozen=True)
class Wish:
    """What its driver, or a colleague, wishes for a turn."""

    kind: str
    is_mine: bool  # else a colleague would swap for it
    deadline_at: datetime
    who: str  # the colleague whom the driver named; "" where the search asks
    theirs: Turn | None  # of a swap: what he would get


@dataclass(frozen=True)
class OwnTurn:
    shift_id: int
    turn: Turn
    wish: Wish | None


def replace_view(
    session: Session, *, volunteer_id: int, now: datetime, shift_id: int | None = None
) -> list[OwnTurn]:
    """Return the coming promised turns, or one of them. Three queries. Raises NotFound unless it is theirs."""
    which = [] if shift_id is None else [Shift.id == shift_id]
    shifts = session.exec(
        select(Shift)
        .join(Run, col(Run.id) == col(Shift.run_id))
        .where(
            *which,
            Shift.volunteer_id == volunteer_id,
            Shift.state == ShiftState.CONFIRMED,
            Run.state == RunState.LIVE,
            col(Run.starts_at) > now,
        )
        .order_by(col(Run.starts_at))
    ).all()
    if shift_id is not None and not shifts:
        raise NotFound("这趟已经不是您的了，或者已经过去。有疑问请打值班电话。")
    ids = [shift.id for shift in shifts]
    wishes = session.exec(
        select(Relief, Volunteer.name)
        .outerjoin(Volunteer, col(Volunteer.id) == col(Relief.to_volunteer_id))
        .where(
            or_(col(Relief.shift_id).in_(ids), col(Relief.their_shift_id).in_(ids)),
            Relief.state == ReliefState.OPEN,
        )
    ).all()
    runs = known_runs(
        session,
        {
            run_id
            for run_id in (
                *(shift.run_id for shift in shifts),
                *(relief.their_run_id for relief, _ in wishes),
            )
            if run_id is not None
        },
    )
    return [
        OwnTurn(shift.id or 0, turn_of(shift, runs), _wish(shift, wishes, runs))
        for shift in shifts
        if shift.run_id in runs
    ]


def _wish(
    shift: Shift, wishes: Sequence[tuple[Relief, str | None]], runs: dict[int, KnownRun]
) -> Wish | None:
    for relief, name in wishes:
        if relief.shift_id == shift.id:
            theirs = runs.get(relief.their_run_id or 0)
            turn = turn_in(theirs, shift.role) if theirs else None
            return Wish(relief.kind, True, relief.deadline_at, name or "", turn)
        if relief.their_shift_id == shift.id:
            return Wish(relief.kind, False, relief.deadline_at, "", None)
    return None
