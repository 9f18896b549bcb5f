"""Another driver for a run, tried out before anything is done: what it would cost, and what becomes of the others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from escort.roster.models import Volunteer
from escort.rota.models import LIVE_SHIFT, Role, Run, RunState, Shift, ShiftState
from escort.rota.problems import PROMISED, KeyedProblem, ordered_legs, problem_of
from scheduling.explain import Candidate, Refusal, Weighed, candidates, weigh, why_not
from scheduling.problem import Problem


@dataclass(frozen=True)
class Trial:
    """One person on one run. `weighed` adds up over both runs where two people change places."""

    volunteer_id: int
    name: str
    was_id: int | None  # who drives the run now
    was: str
    refusal: Refusal | None  # why he may not; None: he may
    other_run_id: int | None  # his own turn on that half-day, which would get who drives this one
    other_refusal: Refusal | None
    other_state: str  # of that turn: a draft can change places, a promise cannot
    one: Candidate | None
    weighed: tuple[Weighed, ...]

    @property
    def price(self) -> int:
        """Return by how much the plan's wishes become dearer; less than 0: better."""
        return sum(row.price - row.other for row in self.weighed)

    @property
    def is_possible(self) -> bool:
        return (
            self.refusal is None and self.other_refusal is None and self.other_state in ("", ShiftState.DRAFT)
        )


def try_driver(session: Session, *, run_id: int, volunteer_id: int, zone: ZoneInfo) -> Trial | None:
    """Return what this person would mean on this run, or None if one of the two is not there any more."""
    run = session.get(Run, run_id)
    volunteer = session.get(Volunteer, volunteer_id)
    if run is None or run.state != RunState.LIVE or volunteer is None:
        return None
    held = _turns(session, run, volunteer_id)
    mine = next((one for one in held if one.run_id == run_id and one.role == Role.DRIVER), None)
    other = next((one for one in held if one.volunteer_id == volunteer_id and one.run_id != run_id), None)
    other_run = other.run_id if other is not None else None
    legs = ordered_legs(session, [run_id, *([other_run] if other_run else [])])
    keyed = problem_of(session, legs=[], kept_runs=legs, zone=zone, counted=(ShiftState.DRAFT, *PROMISED))
    if run_id not in keyed.run_ids or volunteer_id not in keyed.volunteer_at:
        return None
    open_problem = replace(keyed.problem, promised={})  # both seats are in question
    was = mine.volunteer_id if mine is not None else None
    refusal, one, was_one = _meet(open_problem, keyed, run_id, volunteer_id, was)
    pairs = [(one, was_one)]
    other_refusal = None
    if other_run in keyed.run_ids and other_run is not None:
        other_refusal, there, before = _meet(open_problem, keyed, other_run, was, volunteer_id)
        pairs.append((there, before))
    return Trial(
        volunteer_id=volunteer_id,
        name=volunteer.name,
        was_id=was,
        was=_name(session, was),
        refusal=refusal,
        other_run_id=other_run,
        other_refusal=other_refusal,
        other_state=other.state if other is not None else "",
        one=one,
        weighed=_added(pairs),
    )


def driver_of(session: Session, run_id: int) -> int | None:
    """Return who drives a run, promised or not: whoever is taken from its cell."""
    return session.exec(
        select(Shift.volunteer_id).where(
            Shift.run_id == run_id, Shift.role == Role.DRIVER, col(Shift.state).in_(LIVE_SHIFT)
        )
    ).first()


def _turns(session: Session, run: Run, volunteer_id: int) -> Sequence[Shift]:
    return session.exec(
        select(Shift).where(
            Shift.on == run.on,
            Shift.direction == run.direction,
            col(Shift.state).in_(LIVE_SHIFT),
            (col(Shift.run_id) == run.id) | (col(Shift.volunteer_id) == volunteer_id),
        )
    ).all()


def _meet(
    problem: Problem, keyed: KeyedProblem, run_id: int, now_id: int | None, was_id: int | None
) -> tuple[Refusal | None, Candidate | None, Candidate | None]:
    """Return why the new one may not drive the run, what he would cost, and what the old one costs."""
    position = keyed.run_ids.index(run_id)
    by_person = {keyed.volunteer_ids[one.volunteer]: one for one in candidates(problem, position)}
    refusal = why_not(problem, position, keyed.volunteer_at[now_id]) if now_id in keyed.volunteer_at else None
    return refusal, by_person.get(now_id or 0), by_person.get(was_id or 0)


def _added(pairs: Sequence[tuple[Candidate | None, Candidate | None]]) -> tuple[Weighed, ...]:
    """Return each wish's price with the change and without it, over all runs; only what differs."""
    total: dict[str, Weighed] = {}
    for one, other in pairs:
        if one is None or other is None:
            continue
        for row in weigh(one, other):
            so_far = total.get(row.wish, Weighed(row.wish, 0, 0))
            total[row.wish] = Weighed(row.wish, so_far.price + row.price, so_far.other + row.other)
    found = [row for row in total.values() if row.price != row.other]
    return tuple(sorted(found, key=lambda row: -abs(row.price - row.other)))


def _name(session: Session, volunteer_id: int | None) -> str:
    row = session.get(Volunteer, volunteer_id) if volunteer_id is not None else None
    return row.name if row is not None else ""
