"""With whom the children share a car at present: what a new plan leaves as it is unless a change is worth it."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

from sqlmodel import Session, col, select

from escort.rota.bookings import direction_of
from escort.rota.models import Leg, Run, RunLeg, RunState
from escort.rota.problems import KeyedProblem
from scheduling.problem import Line

LOOKED_BACK = timedelta(days=14)


def with_known_lines(session: Session, keyed: KeyedProblem) -> KeyedProblem:
    """Return the problem with the lines that the runs of its days, and of the two weeks before, show."""
    days = keyed.problem.days
    lines = _lines(session, keyed.child_at, days[0].on - LOOKED_BACK, days[-1].on)
    return replace(keyed, problem=replace(keyed.problem, lines=lines))


def _lines(session: Session, child_at: Mapping[int, int], since: date, until: date) -> tuple[Line, ...]:
    """Return who rode together most often; each child is in one line a direction, by its most frequent company."""
    cars: dict[tuple[int | None, str], set[int]] = defaultdict(set)
    for run_id, way, child_id in session.exec(
        select(col(Run.id), col(Run.direction), col(Leg.child_id))
        .join(RunLeg, col(RunLeg.run_id) == col(Run.id))
        .join(Leg, col(Leg.id) == col(RunLeg.leg_id))
        .where(col(Run.on) >= since, col(Run.on) <= until, Run.state == RunState.LIVE, col(RunLeg.is_live))
    ):
        if child_id in child_at:
            cars[run_id, way].add(child_at[child_id])
    seen = Counter((way, tuple(sorted(riders))) for (_, way), riders in cars.items())
    taken: set[tuple[str, int]] = set()
    lines = []
    for way, riders in sorted(seen, key=lambda car: (-seen[car], -len(car[1]), car)):
        if taken.isdisjoint((way, child) for child in riders):
            taken.update((way, child) for child in riders)
            lines.append(Line(direction_of(way), riders))
    return tuple(lines)
