"""After a child's needs or a car have changed: whoever said yes to other needs and cannot meet these is set free at once."""

from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from escort.families.models import Child
from escort.rota.fitness import given_way
from escort.rota.models import LIVE_SHIFT, Leg, Role, Run, RunLeg, RunState, Shift
from escort.rota.problems import ordered_legs, problem_of
from escort.rota.release import Reason, free_needless, free_shifts, take_legs_out
from escort.rota.seats import open_seats, search_now
from scheduling.explain import Claim, broken_by_claims
from scheduling.plan import Rule

MEETS_CAR = frozenset({Rule.WHEELCHAIR, Rule.SEATS, Rule.CHILD_SEATS, Rule.FEMALE_DRIVER, Rule.GIRLS_ONLY})
MEETS_NEEDS = MEETS_CAR | {Rule.ONLY_FAMILIAR}


def fit_to_needs(session: Session, *, child_id: int, by: str, now: datetime, zone: ZoneInfo) -> int:
    """Bring a child's coming runs in line with its needs; return how many shifts were freed."""
    _ride_alone(session, child_id, by=by, now=now, zone=zone)
    run_ids = _coming_runs(session, child_id, now)
    if not run_ids:
        return 0
    unfit = _unfit(session, run_ids, MEETS_NEEDS, zone)
    free_shifts(session, shift_ids=unfit, reason=Reason.CHANGED, by=by, now=now, zone=zone)
    free_needless(session, run_ids, by=by, now=now, zone=zone)
    search_now(session, run_ids, now=now)  # a second adult may be wanted now; full runs are left alone
    session.expire_all()
    return len(unfit)


def fit_to_car(session: Session, *, volunteer_id: int, by: str, now: datetime, zone: ZoneInfo) -> int:
    """After a volunteer's car or wishes have changed: free the coming shifts that they cannot serve; say how many."""
    rows = (
        select(Shift.id, Shift.run_id)
        .join(Run, col(Run.id) == col(Shift.run_id))
        .where(Shift.volunteer_id == volunteer_id, col(Shift.state).in_(LIVE_SHIFT), col(Run.starts_at) > now)
    )
    own = {shift_id: run_id for shift_id, run_id in session.exec(rows) if shift_id and run_id}
    unfit = [
        shift_id for shift_id in _unfit(session, sorted(own.values()), MEETS_CAR, zone) if shift_id in own
    ]
    free_shifts(session, shift_ids=unfit, reason=Reason.UNFIT, by=by, now=now, zone=zone)
    return len(unfit)


def fit_everything(session: Session, *, by: str, now: datetime, zone: ZoneInfo) -> int:
    """After a book, which may have changed any child and any car: what a change by hand does, for all at once.

    Return how many shifts were freed.
    """
    for child_id in session.exec(select(Child.id).where(col(Child.alone).is_(True))).all():
        if child_id is not None:
            _ride_alone(session, child_id, by=by, now=now, zone=zone)
    run_ids = _held_runs(session, now)
    unfit = _unfit(session, run_ids, MEETS_NEEDS, zone)
    free_shifts(session, shift_ids=unfit, reason=Reason.CHANGED, by=by, now=now, zone=zone)
    free_needless(session, run_ids, by=by, now=now, zone=zone)
    wanting = [run_id for run_id, seats in open_seats(session, run_ids).items() if seats]
    search_now(session, wanting, now=now)  # a second adult may be wanted now
    session.expire_all()
    return len(unfit)


def _held_runs(session: Session, now: datetime) -> list[int]:
    """Return the coming runs that somebody has promised, or is asked or meant to drive."""
    rows = (
        select(Shift.run_id)
        .join(Run, col(Run.id) == col(Shift.run_id))
        .where(col(Shift.state).in_(LIVE_SHIFT), Run.state == RunState.LIVE, col(Run.starts_at) > now)
    )
    return sorted({run_id for run_id in session.exec(rows) if run_id is not None})


def _coming_runs(session: Session, child_id: int, now: datetime) -> list[int]:
    rows = (
        select(RunLeg.run_id)
        .join(Leg, col(Leg.id) == col(RunLeg.leg_id))
        .join(Run, col(Run.id) == col(RunLeg.run_id))
        .where(
            Leg.child_id == child_id,
            col(RunLeg.is_live),
            Run.state == RunState.LIVE,
            col(Run.starts_at) > now,
        )
    )
    return sorted(set(session.exec(rows)))


def _ride_alone(session: Session, child_id: int, *, by: str, now: datetime, zone: ZoneInfo) -> None:
    """Take the legs of a child that must ride alone out of cars with others; they are planned afresh."""
    if not session.get_one(Child, child_id).alone:
        return
    riding = ordered_legs(session, _coming_runs(session, child_id, now))
    shared = [
        leg.id
        for ordered in riding.values()
        if len({leg.child_id for leg in ordered}) > 1
        for leg in ordered
        if leg.child_id == child_id and leg.id is not None
    ]
    take_legs_out(session, leg_ids=shared, reason=Reason.CHANGED, by=by, now=now, zone=zone)


def _unfit(session: Session, run_ids: list[int], rules: Collection[Rule], zone: ZoneInfo) -> list[int]:
    """Return the live shifts of these runs whose people break one of the rules."""
    riding = ordered_legs(session, run_ids)
    shifts = session.exec(
        select(Shift).where(col(Shift.run_id).in_(list(riding)), col(Shift.state).in_(LIVE_SHIFT))
    ).all()
    if not shifts or not riding:
        return []
    keyed = problem_of(session, legs=[], kept_runs=riding, zone=zone)
    gave_way = given_way(session, list(riding))
    position = {run_id: at for at, run_id in enumerate(keyed.run_ids)}
    judged = [shift for shift in shifts if shift.volunteer_id in keyed.volunteer_at]
    claims = [
        Claim(
            position[shift.run_id],
            keyed.volunteer_at[shift.volunteer_id],
            shift.role == Role.SECOND,
            gave_way.get((shift.run_id, shift.volunteer_id), frozenset()),
        )
        for shift in judged
        if shift.run_id is not None
    ]
    broken = broken_by_claims(keyed.problem, claims)
    return [
        shift.id
        for shift, found in zip(judged, broken, strict=True)
        if shift.id is not None and not set(rules).isdisjoint(found)
    ]
