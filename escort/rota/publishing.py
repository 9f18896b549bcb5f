"""Making a draft binding: its people may be asked, its circles are known to the office, what has no driver is searched.

Publishing and planning write drafts; on PostgreSQL one waits for the other, so that no plan deletes what is just
being published.
"""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import func, text
from sqlmodel import Session, col, select, update

from escort.errors import Conflict
from escort.rota.models import (
    LIVE_SHIFT,
    CircleMember,
    CircleState,
    Leg,
    PlanRecord,
    PlanState,
    Role,
    Run,
    RunLeg,
    RunState,
    Shift,
    ShiftState,
)


@dataclass(frozen=True)
class Published:
    """What publishing brought: whom it will ask, and what stays open."""

    runs: int
    volunteers: int
    without_driver: int


@dataclass(frozen=True)
class Draft:
    """What waits to be published between the dates."""

    plan: PlanRecord | None
    runs: int
    volunteers: int
    children: int


def publish_plan(session: Session, *, plan_id: int, by: str, now: datetime) -> Published:
    """Make a draft binding: its shifts will be asked for. Raises Conflict if it is no draft any more."""
    hold_drafts(session)
    moved = session.exec(
        update(PlanRecord)
        .where(col(PlanRecord.id) == plan_id, col(PlanRecord.state) == PlanState.DRAFT)
        .values(state=str(PlanState.PUBLISHED), published_at=now, published_by=by)
    )
    if moved.rowcount == 0:
        raise Conflict("这份草稿已经公布过，或者已经有了新的草稿。请刷新页面再看。")
    plan = session.get_one(PlanRecord, plan_id, populate_existing=True)
    return publish_between(session, from_on=plan.from_on, until_on=plan.until_on, now=now, by=by)


def publish_between(
    session: Session, *, from_on: date, until_on: date, now: datetime, by: str = "system"
) -> Published:
    """Publish every draft run between the dates (inclusive) that has not begun, with its circles.

    A plan that has no draft left by that is published too.
    """
    hold_drafts(session)
    run_ids = [
        run_id
        for run_id in session.exec(
            select(Run.id).where(
                col(Run.published_at).is_(None),
                Run.on >= from_on,
                Run.on <= until_on,
                Run.state == RunState.LIVE,
                col(Run.starts_at) > now,
            )
        )
        if run_id is not None
    ]
    asked: set[int] = set()
    without_driver = 0
    for start in range(0, len(run_ids), RUNS_AT_ONCE):
        part = run_ids[start : start + RUNS_AT_ONCE]
        asked |= _publish_runs(session, part, now)
        without_driver += _search_for_the_rest(session, part, now)
    _close_plans(session, now, by)
    session.expire_all()
    return Published(len(run_ids), len(asked), without_driver)


def draft_changes(session: Session, *, from_on: date, until_on: date) -> Draft:
    """Return what publishing would bring, and the newest draft plan that reaches into the dates."""
    drafts = (
        col(Run.published_at).is_(None),
        Run.state == RunState.LIVE,
        Run.on >= from_on,
        Run.on <= until_on,
    )
    runs = session.exec(select(func.count()).select_from(Run).where(*drafts)).one()
    volunteers = session.exec(
        select(func.count(col(Shift.volunteer_id).distinct()))
        .join(Run, col(Run.id) == col(Shift.run_id))
        .where(*drafts, Shift.state == ShiftState.DRAFT)
    ).one()
    children = session.exec(
        select(func.count(col(Leg.child_id).distinct()))
        .join(RunLeg, col(RunLeg.leg_id) == col(Leg.id))
        .join(Run, col(Run.id) == col(RunLeg.run_id))
        .where(*drafts, col(RunLeg.is_live))
    ).one()
    plan = session.exec(
        select(PlanRecord)
        .where(
            PlanRecord.state == PlanState.DRAFT,
            PlanRecord.from_on <= until_on,
            PlanRecord.until_on >= from_on,
        )
        .order_by(col(PlanRecord.id).desc())
        .limit(1)
    ).first()
    return Draft(plan, runs, volunteers, children)


def published_until(session: Session) -> date | None:
    """Return the last date of the weeks whose plan is published, or None if there is none."""
    until_on: date | None = session.scalars(_published()).one()
    return until_on


@cache
def _published() -> Any:
    return select(func.max(Shift.on)).where(
        col(Shift.plan_id).is_not(None), col(Shift.published_at).is_not(None)
    )


def look_again(session: Session, *, now: datetime) -> int:
    """Let the search look once more at every published run that nobody drives; return how many there are.

    Whoever joined, came back or got their papers since may drive what was given up or proved to have nobody.
    """
    looked = session.exec(
        update(Run)
        .where(
            col(Run.published_at).is_not(None),
            col(Run.state) == RunState.LIVE,
            col(Run.starts_at) > now,
            col(Run.search_at).is_(None),
            col(Run.id).not_in(_with_driver()),
        )
        .values(search_at=now)
        .execution_options(synchronize_session=False)
    )
    session.expire_all()
    return looked.rowcount


def hold_drafts(session: Session) -> None:
    """Let nobody else write or publish drafts until this transaction ends. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE plan_record IN SHARE ROW EXCLUSIVE MODE"))


def _publish_runs(session: Session, run_ids: list[int], now: datetime) -> set[int]:
    """Publish the runs, their shifts and circles; return who will be asked."""
    drafts = (col(Shift.run_id).in_(run_ids), col(Shift.state) == ShiftState.DRAFT)
    asked = set(session.exec(select(Shift.volunteer_id).where(*drafts)))
    session.exec(
        update(Shift)
        .where(*drafts)
        .values(state=str(ShiftState.OPEN), published_at=now)
        .execution_options(synchronize_session=False)
    )
    children = (
        select(Leg.child_id)
        .join(RunLeg, col(RunLeg.leg_id) == col(Leg.id))
        .where(col(RunLeg.run_id).in_(run_ids), col(RunLeg.is_live))
    )
    session.exec(
        update(CircleMember)
        .where(col(CircleMember.state) == CircleState.PROPOSED, col(CircleMember.child_id).in_(children))
        .values(state=str(CircleState.PUBLISHED), published_at=now)
        .execution_options(synchronize_session=False)
    )
    session.exec(
        update(Run)
        .where(col(Run.id).in_(run_ids), col(Run.published_at).is_(None))
        .values(published_at=now)
        .execution_options(synchronize_session=False)
    )
    return asked


def _search_for_the_rest(session: Session, run_ids: list[int], now: datetime) -> int:
    """Let the search look at runs without driver, but for what is proved to have nobody; return how many have none."""
    without = set(run_ids) - set(session.exec(_with_driver().where(col(Shift.run_id).in_(run_ids))))
    session.exec(
        update(Run)
        .where(col(Run.id).in_(without), col(Run.is_proved_unfillable).is_(False))
        .values(search_at=now)
        .execution_options(synchronize_session=False)
    )
    return len(without)


def _with_driver() -> Any:
    """Runs whose driver's seat is held."""
    return select(col(Shift.run_id)).where(
        col(Shift.run_id).is_not(None), Shift.role == Role.DRIVER, col(Shift.state).in_(LIVE_SHIFT)
    )


def _close_plans(session: Session, now: datetime, by: str) -> None:
    """A plan without a draft left, because another publication took them, is no draft any more."""
    left = (
        select(Run.id)
        .where(
            col(Run.published_at).is_(None),
            Run.state == RunState.LIVE,
            col(Run.starts_at) > now,
            col(Run.on) >= col(PlanRecord.from_on),
            col(Run.on) <= col(PlanRecord.until_on),
        )
        .correlate(PlanRecord)
        .exists()
    )
    session.exec(
        update(PlanRecord)
        .where(col(PlanRecord.state) == PlanState.DRAFT, ~left)
        .values(state=str(PlanState.PUBLISHED), published_at=now, published_by=by)
        .execution_options(synchronize_session=False)
    )


RUNS_AT_ONCE = 5000
