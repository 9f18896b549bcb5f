"""The turns that nobody has, as they may be told to a whole group: time and areas, nothing of a child or a school."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from escort.rota.models import Direction, Run, RunState
from escort.rota.seats import open_seats
from escort.rota.shown import shown_runs


@dataclass(frozen=True)
class OpenRuns:
    """Turns with the same start and the same areas, and how many people they lack together."""

    starts_at: datetime
    direction: Direction
    from_area: str
    to_area: str
    missing: int


def open_runs(session: Session, *, from_on: date, until_on: date, now: datetime) -> list[OpenRuns]:
    """Return the published turns between the dates that still begin and lack somebody, in order of time."""
    rows = select(Run.id).where(
        Run.state == RunState.LIVE,
        col(Run.published_at).is_not(None),
        col(Run.starts_at) > now,
        Run.on >= from_on,
        Run.on <= until_on,
    )
    seats = open_seats(session, {run_id or 0 for run_id in session.exec(rows)})
    shown = shown_runs(session, [run_id for run_id, open_ones in seats.items() if open_ones])
    missing: Counter[tuple[datetime, Direction, str, str]] = Counter()
    for run_id, run in shown.items():
        if run.children:
            turn = run.turn
            missing[turn.starts_at, Direction(turn.direction), turn.area, run.to_area] += len(seats[run_id])
    return [OpenRuns(*key, number) for key, number in sorted(missing.items())]
