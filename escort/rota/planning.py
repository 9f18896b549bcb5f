"""Which legs share a car and who drives: read, solve without a transaction, write what still holds, publish.

A plan never moves what a person has been asked for or has promised: it fills what is free. What changed
between reading and writing is left out when writing; the next evening's plan takes it up again.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, insert, update
from sqlmodel import Session, col, func, select

from escort.db import Store
from escort.rota import models as rota
from escort.rota.known_lines import with_known_lines
from escort.rota.models import (
    CircleMember,
    CircleState,
    Leg,
    LegState,
    Offer,
    PlanRecord,
    PlanState,
    Role,
    Run,
    RunLeg,
    RunState,
    Shift,
    ShiftState,
)
from escort.rota.problems import PROMISED, KeyedProblem, ordered_legs, problem_of
from escort.rota.publishing import Draft as Draft
from escort.rota.publishing import Published as Published
from escort.rota.publishing import draft_changes as draft_changes
from escort.rota.publishing import hold_drafts
from escort.rota.publishing import look_again as look_again
from escort.rota.publishing import publish_between as publish_between
from escort.rota.publishing import publish_plan as publish_plan
from escort.rota.publishing import published_until as published_until
from escort.rota.run_times import run_length, run_times
from scheduling.circles import propose_circles
from scheduling.plan import Limits, Plan, Unfilled
from scheduling.planner import plan as solve
from scheduling.problem import Direction
from scheduling.problem import Run as PlannedRun

# Runs so near to a free leg are shown to the planner: they tell turns, known faces and the duties of the week.
KEPT_AROUND = timedelta(days=7)


@dataclass(frozen=True)
class Span:
    """Which dates (inclusive) to plan, and whether drafts are planned anew."""

    from_on: date
    until_on: date
    replan_drafts: bool = True


def make_plan(
    store: Store,
    *,
    now: datetime,
    zone: ZoneInfo,
    from_on: date,
    until_on: date,
    seed: int,
    replan_drafts: bool = True,
    limits: Limits | None = None,
) -> int | None:
    """Fill all free legs between the dates (inclusive) as a draft; return the plan's id, None if there are none.

    With `replan_drafts`, what nobody outside the office has seen is planned anew too; without, only what has no car.
    """
    span = Span(from_on, until_on, replan_drafts)
    with store.read() as session:
        keyed = _read(session, span, now=now, zone=zone)
    if keyed is None:
        return None
    plan = solve(keyed.problem, limits=limits or Limits(), seed=seed)
    with store.write() as session:
        return _write(session, keyed, plan, span, now=now)


def propose_missing_circles(
    store: Store, *, now: datetime, zone: ZoneInfo, from_on: date, until_on: date
) -> int:
    """Give every child that must have known faces a circle, where it has none; return how many members were added.

    Proposed from the child's own legs between the dates: chosen so that its week can be covered and turned.
    """
    with store.read() as session:
        keyed = _read(session, Span(from_on, until_on), now=now, zone=zone)
        have = set(
            session.exec(
                select(col(CircleMember.child_id)).where(col(CircleMember.state) != CircleState.LEFT)
            )
        )
    if keyed is None:
        return 0
    circles = propose_circles(keyed.problem)
    rows = [
        {
            "child_id": keyed.child_ids[child],
            "volunteer_id": keyed.volunteer_ids[volunteer],
            "state": CircleState.PROPOSED,
            "proposed_at": now,
        }
        for child, members in circles.items()
        for volunteer in members
        if keyed.child_ids[child] not in have
    ]
    if rows:
        with store.write() as session:
            session.execute(insert(CircleMember), rows)
    return len(rows)


def free_span(
    session: Session, *, from_on: date, until_on: date, starts_after: datetime
) -> tuple[date, date] | None:
    """Return the first and last date (inclusive) of wanted legs that no run carries, or None if there are none."""
    first, last = session.exec(
        select(func.min(Leg.on), func.max(Leg.on)).where(
            *_plannable(from_on, until_on, starts_after), ~_riding(drafts_too=True)
        )
    ).one()
    return None if first is None or last is None else (first, last)


def forget_past_drafts(session: Session, *, before: date) -> None:
    """Forget drafts of days that are over: nobody was asked, and nobody's week is used up by them."""
    _delete(session, (col(Run.published_at).is_(None), col(Run.on) < before))
    session.expire_all()


def _read(session: Session, span: Span, *, now: datetime, zone: ZoneInfo) -> KeyedProblem | None:
    free = list(
        session.exec(
            select(Leg)
            .where(*_plannable(span.from_on, span.until_on, now), ~_riding(drafts_too=not span.replan_drafts))
            .order_by(col(Leg.on), col(Leg.id))
        )
    )
    if not free:
        return None
    counted = PROMISED if span.replan_drafts else (ShiftState.DRAFT, *PROMISED)
    kept = _kept_runs(session, (free[0].on - KEPT_AROUND, free[-1].on + KEPT_AROUND), counted, now)
    keyed = problem_of(session, legs=free, kept_runs=ordered_legs(session, kept), counted=counted, zone=zone)
    return with_known_lines(session, keyed)


def _plannable(from_on: date, until_on: date, starts_after: datetime) -> tuple[Any, ...]:
    """Wanted legs whose place is known, by coordinates or by kilometres that were typed in."""
    return (
        Leg.on >= from_on,
        Leg.on <= until_on,
        Leg.state == LegState.WANTED,
        col(Leg.pickup_at) > starts_after,
        col(Leg.lat).is_not(None) | (col(Leg.km) > 0),
    )


def _riding(*, drafts_too: bool) -> Any:
    """Legs that a run carries already; a dissolved run carries none."""
    carried = select(RunLeg.id).where(col(RunLeg.leg_id) == col(Leg.id), col(RunLeg.is_live)).correlate(Leg)
    if drafts_too:
        return carried.exists()
    return (
        carried.join(Run, col(Run.id) == col(RunLeg.run_id))
        .where(col(Run.published_at).is_not(None))
        .exists()
    )


def _kept_runs(
    session: Session, around: tuple[date, date], counted: Collection[str], now: datetime
) -> list[int]:
    """Return coming runs that somebody has promised, is asked for, or (where drafts stay) is meant to drive."""
    kept = session.exec(
        select(Run.id)
        .join(Shift, col(Shift.run_id) == col(Run.id))
        .where(
            Run.on >= around[0],
            Run.on <= around[1],
            Run.state == RunState.LIVE,
            col(Run.starts_at) > now,
            Shift.role == Role.DRIVER,
            col(Shift.state).in_(counted),
        )
        .order_by(col(Run.id))
    )
    return [run_id for run_id in kept if run_id is not None]


def _write(session: Session, keyed: KeyedProblem, plan: Plan, span: Span, *, now: datetime) -> int:
    hold_drafts(session)
    if span.replan_drafts:
        _delete_drafts(session, span.from_on, span.until_on)
    record = PlanRecord(
        from_on=span.from_on,
        until_on=span.until_on,
        made_at=now,
        seed=plan.seed,
        legs=sum(len(run.legs) for run in plan.runs[len(keyed.run_ids) :]),
        uncovered=plan.uncovered_legs,
        proven_uncovered=plan.least_uncovered,
        parts=_parts(plan),
        seconds=plan.seconds,
    )
    session.add(record)
    session.flush()
    assert record.id is not None
    fresh = _still_free(session, keyed, range(len(keyed.run_ids), len(plan.runs)), plan)
    _insert_runs(session, keyed, plan, fresh, plan_id=record.id, now=now)
    return record.id


def _delete_drafts(session: Session, from_on: date, until_on: date) -> None:
    """Forget earlier drafts: nobody outside the office has seen them. A plan that reaches further keeps the rest."""
    _delete(session, (col(Run.published_at).is_(None), col(Run.on) >= from_on, col(Run.on) <= until_on))
    session.execute(
        update(PlanRecord)
        .where(
            col(PlanRecord.state) == PlanState.DRAFT,
            col(PlanRecord.from_on) >= from_on,
            col(PlanRecord.until_on) <= until_on,
        )
        .values(state=PlanState.DISCARDED)
    )


def _delete(session: Session, runs: tuple[Any, ...]) -> None:
    """Delete runs that were never published, with what hangs on them; one that somebody was asked for stays."""
    asked = select(Offer.id).where(col(Offer.run_id) == col(Run.id)).correlate(Run).exists()
    doomed = select(Run.id).where(*runs, ~asked)
    session.execute(delete(Shift).where(col(Shift.run_id).in_(doomed)))
    session.execute(delete(RunLeg).where(col(RunLeg.run_id).in_(doomed)))
    session.execute(delete(Run).where(*runs, ~asked))


def _still_free(session: Session, keyed: KeyedProblem, positions: Iterable[int], plan: Plan) -> list[int]:
    """Leave out new runs whose legs or drivers were taken, or changed, while we were solving."""
    dates = [day.on for day in keyed.problem.days]
    span = (Leg.on >= dates[0], Leg.on <= dates[-1])
    wanted = {
        leg_id
        for leg_id, generation in session.exec(
            select(Leg.id, Leg.generation).where(*span, Leg.state == LegState.WANTED)
        )
        if leg_id is not None and keyed.generations.get(leg_id) == generation
    }
    riding = set(
        session.exec(
            select(col(RunLeg.leg_id))
            .join(Leg, col(Leg.id) == RunLeg.leg_id)
            .where(*span, col(RunLeg.is_live))
        )
    )
    busy = {
        (volunteer, on, direction)
        for volunteer, on, direction in session.exec(
            select(col(Shift.volunteer_id), col(Shift.on), col(Shift.direction)).where(
                Shift.on >= dates[0], Shift.on <= dates[-1], col(Shift.state).in_(rota.LIVE_SHIFT)
            )
        )
    }
    free = []
    for position in positions:
        run = plan.runs[position]
        legs = [keyed.leg_ids[leg] for leg in run.legs]
        slot = (dates[run.day], _direction(run))
        people = [
            keyed.volunteer_ids[v] for v in (plan.driver[position], plan.second[position]) if v is not None
        ]
        if all(leg in wanted and leg not in riding for leg in legs) and not any(
            (p, *slot) in busy for p in people
        ):
            free.append(position)
    return free


def _insert_runs(
    session: Session,
    keyed: KeyedProblem,
    plan: Plan,
    positions: Sequence[int],
    *,
    plan_id: int,
    now: datetime,
) -> None:
    if not positions:
        return
    legs = _legs_by_id(
        session, [keyed.leg_ids[leg] for position in positions for leg in plan.runs[position].legs]
    )
    carried = [[legs[keyed.leg_ids[leg]] for leg in plan.runs[position].legs] for position in positions]
    times = [
        run_times(keyed.problem, plan.runs[position], mine)
        for position, mine in zip(positions, carried, strict=True)
    ]
    unfilled = {row.run: row for row in plan.unfilled}
    repeats: dict[int, set[int]] = defaultdict(set)
    for repeat in plan.repeats:
        repeats[repeat.run].add(repeat.volunteer)
    run_rows = [
        _run_row(keyed, plan.runs[position], mine, moments, unfilled.get(position))
        for position, mine, moments in zip(positions, carried, times, strict=True)
    ]
    run_ids = (
        session.execute(insert(Run).returning(col(Run.id), sort_by_parameter_order=True), run_rows)
        .scalars()
        .all()
    )
    run_legs = [
        {"run_id": run_id, "leg_id": leg.id, "position": order, "is_live": True}
        for run_id, mine in zip(run_ids, carried, strict=True)
        for order, leg in enumerate(mine)
    ]
    moved = [
        {"id": leg.id, "pickup_at": pickup_at, "due_at": due_at}
        for mine, moments in zip(carried, times, strict=True)
        for leg, (pickup_at, due_at) in zip(mine, moments, strict=True)
        if (leg.pickup_at, leg.due_at) != (pickup_at, due_at)
    ]
    shifts = [
        row
        for position, run_id in zip(positions, run_ids, strict=True)
        for row in _shift_rows(keyed, plan, position, run_id, repeats[position], plan_id, now)
    ]
    session.execute(insert(RunLeg), run_legs)
    if moved:
        session.execute(update(Leg), moved)
    if shifts:
        session.execute(insert(Shift), shifts)
    session.expire_all()


def _run_row(
    keyed: KeyedProblem,
    run: PlannedRun,
    legs: Sequence[Leg],
    moments: Sequence[tuple[datetime, datetime]],
    unfilled: Unfilled | None,
) -> dict[str, Any]:
    km, minutes = run_length(run, legs)
    return {
        "school_id": legs[0].school_id,
        "on": keyed.problem.days[run.day].on,
        "direction": _direction(run),
        "line": str(run.line),
        "state": RunState.LIVE,
        "starts_at": min(pickup_at for pickup_at, _ in moments),
        "ends_at": max(due_at for _, due_at in moments),
        "km": km,
        "minutes": minutes,
        "unfilled_code": unfilled.code.value if unfilled else None,
        "unfilled_detail": _reason(unfilled) if unfilled else None,
        "is_proved_unfillable": unfilled is not None and unfilled.proven,
        "search_round": 0,
        "version": 1,
    }


def _shift_rows(
    keyed: KeyedProblem,
    plan: Plan,
    position: int,
    run_id: int | None,
    repeats: Collection[int],
    plan_id: int,
    now: datetime,
) -> Iterable[dict[str, Any]]:
    run = plan.runs[position]
    for role, people in ((Role.DRIVER, plan.driver), (Role.SECOND, plan.second)):
        volunteer = people[position]
        if volunteer is not None:
            yield {
                "run_id": run_id,
                "volunteer_id": keyed.volunteer_ids[volunteer],
                "on": keyed.problem.days[run.day].on,
                "direction": _direction(run),
                "role": role,
                "state": ShiftState.DRAFT,
                "plan_id": plan_id,
                "created_at": now,
                "repeat_reason": "nobody_else" if volunteer in repeats else "",
            }


def _legs_by_id(session: Session, ids: Sequence[int]) -> dict[int, Leg]:
    found: dict[int, Leg] = {}
    for start in range(0, len(ids), 900):
        for leg in session.exec(select(Leg).where(col(Leg.id).in_(ids[start : start + 900]))):
            assert leg.id is not None
            found[leg.id] = leg
    return found


def _direction(run: PlannedRun) -> rota.Direction:
    return rota.Direction.TO_SCHOOL if run.direction is Direction.TO_SCHOOL else rota.Direction.HOME


def _parts(plan: Plan) -> dict[str, Any]:
    parts = plan.parts
    return {
        "km": parts.km,
        "load": parts.load,
        "repeat": parts.repeat,
        "pair": parts.pair,
        "circle_over": parts.circle_over,
        "soft": parts.soft,
        "bound": plan.bound,
        "better_percent": math.ceil(100 * plan.could_be_better_by),
        "floor_uncovered": plan.floor_uncovered,
        "repeats": len(plan.repeats),
        "shortages": [
            {
                "code": row.code.value,
                "need": row.need.value,
                "weekday": row.weekday,
                "direction": int(row.direction),
                "runs": len(row.runs),
                "proven": row.proven,
            }
            for row in plan.shortages
        ],
    }


def _reason(row: Unfilled) -> dict[str, Any]:
    return {
        "blocked": {rule.value: count for rule, count in row.blocked},
        "relax": [{"rule": r.rule.value, "amount": r.amount, "people": r.people} for r in row.relaxations],
        "group": row.group,
    }
