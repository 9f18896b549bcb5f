"""Which legs share a car and who drives: read, solve without a transaction, write what still holds, publish.

A plan never moves what a person has been asked for or has promised: it fills what is free. What changed
between reading and writing is left out when writing; the next evening's plan takes it up again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import delete, func, insert, update
from sqlmodel import Session, col, select

from escort.db import Store
from escort.errors import Conflict
from escort.rota import models as rota
from escort.rota.models import (
    CircleMember,
    CircleState,
    Leg,
    LegState,
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
from scheduling.circles import propose_circles
from scheduling.plan import Limits, Plan, Unfilled
from scheduling.planner import plan as solve
from scheduling.problem import Direction, Problem
from scheduling.problem import Run as PlannedRun

PICKUP_STEP_MINUTES = 5  # times are told in whole five minutes, rounded to the earlier
STOP_MINUTES = 1  # at a home; a wheelchair takes longer
WHEELCHAIR_STOP_MINUTES = 4


KEPT_AROUND = timedelta(
    days=7
)  # runs so near to a free leg are shown to the planner: turns, known faces, caps


@dataclass(frozen=True)
class Span:
    """Which dates (inclusive) to plan, and whether drafts are planned anew."""

    from_on: date
    until_on: date
    replan_drafts: bool = True


@dataclass(frozen=True)
class Published:
    """What publishing brought: whom it will ask, and what stays open."""

    runs: int
    volunteers: int
    without_driver: int


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


def publish_plan(session: Session, *, plan_id: int, by: str, now: datetime) -> Published:
    """Make a draft binding: its shifts will be asked for. Raises Conflict if it is no draft any more."""
    plan = session.get(PlanRecord, plan_id)
    moved = session.execute(
        update(PlanRecord)
        .where(col(PlanRecord.id) == plan_id, col(PlanRecord.state) == PlanState.DRAFT)
        .values(state=PlanState.PUBLISHED, published_at=now, published_by=by)
    )
    if plan is None or moved.rowcount == 0:  # type: ignore[attr-defined]
        raise Conflict("这份草稿已经公布过，或者已经有了新的草稿。请刷新页面再看。")
    session.refresh(plan)
    return publish_between(session, from_on=plan.from_on, until_on=plan.until_on, now=now)


def publish_between(session: Session, *, from_on: date, until_on: date, now: datetime) -> Published:
    """Publish every draft run between the dates (inclusive) that has not begun, with its circles."""
    drafts = (
        col(Run.published_at).is_(None),
        Run.on >= from_on,
        Run.on <= until_on,
        Run.state == RunState.LIVE,
        col(Run.starts_at) > now,
    )
    run_ids = list(session.exec(select(col(Run.id)).where(*drafts)))
    in_runs = col(Shift.run_id).in_(select(col(Run.id)).where(*drafts))
    shifts = list(
        session.exec(
            select(col(Shift.run_id), col(Shift.volunteer_id)).where(in_runs, Shift.state == ShiftState.DRAFT)
        )
    )
    children = (
        select(col(Leg.child_id))
        .join(RunLeg, col(RunLeg.leg_id) == Leg.id)
        .join(Run, col(Run.id) == RunLeg.run_id)
    )
    session.execute(
        update(CircleMember)
        .where(
            col(CircleMember.state) == CircleState.PROPOSED,
            col(CircleMember.child_id).in_(children.where(*drafts)),
        )
        .values(state=CircleState.PUBLISHED, published_at=now)
    )
    session.execute(
        update(Shift)
        .where(in_runs, col(Shift.state) == ShiftState.DRAFT)
        .values(state=ShiftState.OPEN, published_at=now)
    )
    with_driver = {run_id for run_id, _ in shifts}
    session.execute(
        update(Run)
        .where(*drafts, ~col(Run.id).in_(select(col(Shift.run_id)).where(Shift.state == ShiftState.OPEN)))
        .where(col(Run.is_proved_unfillable).is_(False))
        .values(search_at=now)
    )
    session.execute(update(Run).where(*drafts).values(published_at=now))
    session.expire_all()
    return Published(
        len(run_ids), len({volunteer for _, volunteer in shifts}), len(run_ids) - len(with_driver)
    )


@dataclass(frozen=True)
class Draft:
    """What waits to be published between the dates."""

    plan: PlanRecord | None
    runs: int
    volunteers: int
    children: int


def draft_changes(session: Session, *, from_on: date, until_on: date) -> Draft:
    """Return what publishing would bring, and the newest draft plan that it belongs to."""
    drafts = (
        col(Run.published_at).is_(None),
        Run.state == RunState.LIVE,
        Run.on >= from_on,
        Run.on <= until_on,
    )
    runs = session.exec(select(func.count()).select_from(Run).where(*drafts)).one()
    volunteers = session.exec(
        select(func.count(col(Shift.volunteer_id).distinct()))
        .join(Run, col(Run.id) == Shift.run_id)
        .where(*drafts, Shift.state == ShiftState.DRAFT)
    ).one()
    children = session.exec(
        select(func.count(col(Leg.child_id).distinct()))
        .join(RunLeg, col(RunLeg.leg_id) == Leg.id)
        .join(Run, col(Run.id) == RunLeg.run_id)
        .where(*drafts, col(RunLeg.is_live))
    ).one()
    plan = session.exec(
        select(PlanRecord)
        .where(PlanRecord.state == PlanState.DRAFT)
        .order_by(col(PlanRecord.id).desc())
        .limit(1)
    ).first()
    return Draft(plan, runs, volunteers, children)


def _read(session: Session, span: Span, *, now: datetime, zone: ZoneInfo) -> KeyedProblem | None:
    kept = ordered_legs(session, _kept_runs(session, span, now))
    bound = {leg.id for ordered in kept.values() for leg in ordered}
    free = [leg for leg in _plannable_legs(session, span, now) if leg.id not in bound]
    if not free:
        return None
    counted = PROMISED if span.replan_drafts else (ShiftState.DRAFT, *PROMISED)
    around = (free[0].on - KEPT_AROUND, free[-1].on + KEPT_AROUND)
    with_driver = set(
        session.exec(
            select(col(Shift.run_id)).where(
                Shift.on >= around[0],
                Shift.on <= around[1],
                col(Shift.state).in_(counted),
                Shift.role == Role.DRIVER,
            )
        )
    )
    kept = {run_id: ordered for run_id, ordered in kept.items() if run_id in with_driver}
    return problem_of(session, legs=free, kept_runs=kept, counted=counted, zone=zone)


def _plannable_legs(session: Session, span: Span, now: datetime) -> list[Leg]:
    """Return wanted legs whose place is known, by coordinates or by kilometres that were typed in."""
    return list(
        session.exec(
            select(Leg)
            .where(
                Leg.on >= span.from_on,
                Leg.on <= span.until_on,
                Leg.state == LegState.WANTED,
                col(Leg.pickup_at) > now,
                col(Leg.lat).is_not(None) | (Leg.km > 0),
            )
            .order_by(col(Leg.on), col(Leg.id))
        )
    )


def _kept_runs(session: Session, span: Span, now: datetime) -> list[int]:
    kept = [
        Run.on >= span.from_on - KEPT_AROUND,
        Run.on <= span.until_on + KEPT_AROUND,
        Run.state == RunState.LIVE,
        col(Run.starts_at) > now,
    ]
    if span.replan_drafts:
        kept.append(col(Run.published_at).is_not(None))
    return [run_id for run_id in session.exec(select(col(Run.id)).where(*kept)) if run_id is not None]


def _write(session: Session, keyed: KeyedProblem, plan: Plan, span: Span, *, now: datetime) -> int:
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
    """Forget earlier drafts: nobody outside the office has seen them."""
    drafts = select(col(Run.id)).where(col(Run.published_at).is_(None), Run.on >= from_on, Run.on <= until_on)
    session.execute(delete(Shift).where(col(Shift.run_id).in_(drafts)))
    session.execute(delete(RunLeg).where(col(RunLeg.run_id).in_(drafts)))
    session.execute(
        delete(Run).where(col(Run.published_at).is_(None), col(Run.on) >= from_on, col(Run.on) <= until_on)
    )
    session.execute(
        update(PlanRecord)
        .where(col(PlanRecord.state) == PlanState.DRAFT, col(PlanRecord.from_on) <= until_on)
        .where(col(PlanRecord.until_on) >= from_on)
        .values(state=PlanState.DISCARDED)
    )


def _still_free(session: Session, keyed: KeyedProblem, positions: Iterable[int], plan: Plan) -> list[int]:
    """Leave out new runs whose legs or drivers were taken while we were solving."""
    dates = [day.on for day in keyed.problem.days]
    span = (Leg.on >= dates[0], Leg.on <= dates[-1])
    wanted = set(session.exec(select(col(Leg.id)).where(*span, Leg.state == LegState.WANTED)))
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
    problem = keyed.problem
    ids = [keyed.leg_ids[leg] for position in positions for leg in plan.runs[position].legs]
    legs = _legs_by_id(session, ids)
    unfilled = {row.run: row for row in plan.unfilled}
    repeats = {(row.run, row.volunteer) for row in plan.repeats}
    times = [
        _times(problem, plan.runs[position], [legs[keyed.leg_ids[leg]] for leg in plan.runs[position].legs])
        for position in positions
    ]
    run_rows = [
        {
            "school_id": legs[keyed.leg_ids[plan.runs[position].legs[0]]].school_id,
            "on": problem.days[plan.runs[position].day].on,
            "direction": _direction(plan.runs[position]),
            "line": str(plan.runs[position].line),
            "state": RunState.LIVE,
            "starts_at": moments[0][0],
            "ends_at": max(due for _, due in moments),
            "km": round(plan.runs[position].km, 1),
            "minutes": round(plan.runs[position].minutes),
            "unfilled_code": unfilled[position].code.value if position in unfilled else None,
            "unfilled_detail": _reason(unfilled[position]) if position in unfilled else None,
            "is_proved_unfillable": position in unfilled and unfilled[position].proven,
            "search_round": 0,
            "version": 1,
        }
        for position, moments in zip(positions, times, strict=True)
    ]
    run_ids = (
        session.execute(insert(Run).returning(col(Run.id), sort_by_parameter_order=True), run_rows)
        .scalars()
        .all()
    )
    run_legs, leg_times, shifts = [], [], []
    for position, run_id, moments in zip(positions, run_ids, times, strict=True):
        run = plan.runs[position]
        for order, (leg, (pickup_at, due_at)) in enumerate(zip(run.legs, moments, strict=True)):
            run_legs.append(
                {"run_id": run_id, "leg_id": keyed.leg_ids[leg], "position": order, "is_live": True}
            )
            leg_times.append({"id": keyed.leg_ids[leg], "pickup_at": pickup_at, "due_at": due_at})
        for role, people in ((Role.DRIVER, plan.driver), (Role.SECOND, plan.second)):
            if (volunteer := people[position]) is None:
                continue
            shifts.append(
                {
                    "run_id": run_id,
                    "volunteer_id": keyed.volunteer_ids[volunteer],
                    "on": problem.days[run.day].on,
                    "direction": _direction(run),
                    "role": role,
                    "state": ShiftState.DRAFT,
                    "plan_id": plan_id,
                    "created_at": now,
                    "repeat_reason": "nobody_else" if (position, volunteer) in repeats else "",
                }
            )
    session.execute(insert(RunLeg), run_legs)
    session.execute(update(Leg), [row for row in leg_times if _differs(legs[row["id"]], row)])
    if shifts:
        session.execute(insert(Shift), shifts)
    session.expire_all()


def _differs(leg: Leg, row: dict[str, Any]) -> bool:
    return leg.pickup_at != row["pickup_at"] or leg.due_at != row["due_at"]


def _times(problem: Problem, run: PlannedRun, legs: Sequence[Leg]) -> list[tuple[datetime, datetime]]:
    """Return (pick-up, due) of each leg in visiting order: school times hold, homes are reckoned from them."""
    minutes = _minutes_between(problem, run)
    if run.direction is Direction.TO_SCHOOL:
        due_at = min(leg.due_at for leg in legs)
        left = 0.0
        moments = []
        for order in reversed(range(len(legs))):
            left += minutes[order] + (0 if order == len(legs) - 1 else _stop(problem, run.legs[order + 1]))
            moments.append((_floor(due_at - timedelta(minutes=left)), legs[order].due_at))
        return moments[::-1]
    gone = 0.0
    moments = []
    for order, leg in enumerate(legs):
        gone += minutes[order] + (0 if order == 0 else _stop(problem, run.legs[order - 1]))
        moments.append((leg.pickup_at, leg.pickup_at + timedelta(minutes=round(gone))))
    return moments


def _minutes_between(problem: Problem, run: PlannedRun) -> list[float]:
    """Return the driving minutes after each stop (to school) or before each stop (home)."""
    points = [problem.leg_point(leg) for leg in run.legs]
    stops = [*points, run.end] if run.direction is Direction.TO_SCHOOL else [run.start, *points]
    km = problem.travel.km(np.array(stops[:-1]), np.array(stops[1:])).diagonal()
    return [float(minutes) for minutes in problem.travel.minutes(km)]


def _stop(problem: Problem, leg: int) -> int:
    return WHEELCHAIR_STOP_MINUTES if problem.children[problem.legs[leg].child].wheelchair else STOP_MINUTES


def _floor(moment: datetime) -> datetime:
    return moment.replace(minute=moment.minute - moment.minute % PICKUP_STEP_MINUTES, second=0, microsecond=0)


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
