"""What the watch sees of the runs that it must look at now: a handful of queries, however many runs."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import bindparam, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from escort.cases.models import Case
from escort.families.models import Child
from escort.journeys.models import WatchedRun
from escort.journeys.progress import Progress, Rank, leg_progress
from escort.roster.models import Volunteer
from escort.rota.models import (
    Ask,
    AskState,
    Direction,
    Leg,
    LegState,
    Offer,
    OfferState,
    Role,
    Run,
    RunLeg,
    RunState,
    Shift,
    ShiftState,
)
from escort.schools.models import School
from scheduling.travel import Point, minutes_between


@dataclass(frozen=True)
class WatchedLeg:
    leg: Leg
    child: str  # 小名
    progress: Progress

    @property
    def leg_id(self) -> int:
        return self.leg.id or 0


@dataclass
class Watched:
    """One run as it is now."""

    run: Run
    shift: Shift | None  # the confirmed driver's
    driver: str
    depart_by: datetime | None
    legs: list[WatchedLeg] = field(default_factory=list)
    asked: int = 0  # people asked so far
    asked_until: datetime | None = None  # somebody may still answer until then

    @property
    def run_id(self) -> int:
        return self.run.id or 0

    @property
    def children(self) -> list[str]:
        return [one.child for one in self.legs]

    @property
    def has_started(self) -> bool:
        return any(one.progress.rank >= Rank.STARTED for one in self.legs)


def keep_rows(session: Session, *, now: datetime) -> None:
    """Give every run of the coming day a row; one whose driver or time has changed is looked at at once."""
    days = {"from_on": (now - LOOK_BACK).date(), "until_on": (now + LOOK_AHEAD).date()}
    changed = session.execute(_changed(), days).all()
    rows = [
        {
            "run_id": run.id,
            "shift_id": shift.id if shift else None,
            "starts_at": run.starts_at,
            "depart_by": None,
            "next_look_at": now,
        }
        for run, shift in changed
    ]
    if not rows:
        return
    departs = _departures(session, [run for run, shift in changed if shift])
    for row in rows:
        row["depart_by"] = departs.get(row["run_id"] or 0)
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    for start in range(0, len(rows), ROWS_AT_ONCE):
        insert: Any = sqlite.insert(WatchedRun) if is_sqlite else postgresql.insert(WatchedRun)
        insert = insert.values(rows[start : start + ROWS_AT_ONCE])
        session.execute(
            insert.on_conflict_do_update(
                index_elements=["run_id"],
                set_={
                    name: insert.excluded[name]
                    for name in ("shift_id", "starts_at", "depart_by", "next_look_at")
                },
            )
        )


def due_runs(session: Session, *, now: datetime, only: int | None = None) -> list[Watched]:
    """Return the runs that are to be looked at now, or one of them, with their legs, taps and open asks."""
    due = _due() if only is None else _due().where(col(WatchedRun.run_id) == only)
    rows = session.execute(due, {"now": now}).all()
    watched = {
        run.id: Watched(run, shift, name or "", depart_by)
        for depart_by, run, shift, name in rows
        if run.id is not None
    }
    if watched:
        _add_legs(session, watched)
        _add_asks(session, [one for one in watched.values() if one.shift is None], now)
    return list(watched.values())


def cases_about(session: Session, watched: Collection[Watched]) -> dict[str, list[Case]]:
    """Return every case, live or closed, about these runs, their shifts and legs."""
    abouts = [f"run:{one.run_id}" for one in watched]
    abouts += [f"shift:{one.shift.id}" for one in watched if one.shift]
    abouts += [f"leg:{leg.leg_id}" for one in watched for leg in one.legs]
    found: dict[str, list[Case]] = defaultdict(list)
    for case in session.scalars(_cases(), {"abouts": abouts}):
        found[case.about].append(case)
    return found


# The sweep's own statements are put together once: it asks them at every heartbeat.


@cache
def _due() -> Any:
    return (
        select(WatchedRun.depart_by, Run, Shift, Volunteer.name)
        .join(Run, col(Run.id) == col(WatchedRun.run_id))
        .outerjoin(
            Shift,
            (col(Shift.run_id) == col(Run.id))
            & (col(Shift.role) == Role.DRIVER)
            & col(Shift.state).in_(_YES),
        )
        .outerjoin(Volunteer, col(Volunteer.id) == col(Shift.volunteer_id))
        .where(col(WatchedRun.next_look_at) <= bindparam("now"), Run.state == RunState.LIVE)
        .execution_options(populate_existing=True)
    )


@cache
def _cases() -> Any:
    return select(Case).where(col(Case.about).in_(bindparam("abouts", expanding=True)))


@cache
def _legs() -> Any:
    return (
        select(RunLeg.run_id, Leg, Child.short_name)
        .join(Leg, col(Leg.id) == col(RunLeg.leg_id))
        .join(Child, col(Child.id) == col(Leg.child_id))
        .where(
            col(RunLeg.run_id).in_(bindparam("runs", expanding=True)),
            col(RunLeg.is_live),
            Leg.state == LegState.WANTED,
        )
        .order_by(col(RunLeg.position))
        .execution_options(populate_existing=True)
    )


@cache
def _changed() -> Any:
    """Runs of yesterday to tomorrow whose row is missing, or was written for another driver or another time."""
    return (
        select(Run, Shift)
        .outerjoin(
            Shift,
            (col(Shift.run_id) == col(Run.id))
            & (col(Shift.role) == Role.DRIVER)
            & col(Shift.state).in_(_YES),
        )
        .outerjoin(WatchedRun, col(WatchedRun.run_id) == col(Run.id))
        .where(
            Run.state == RunState.LIVE,
            col(Run.on) >= bindparam("from_on"),
            col(Run.on) <= bindparam("until_on"),
            col(WatchedRun.run_id).is_(None)
            | (col(WatchedRun.starts_at) != col(Run.starts_at))
            | (func.coalesce(col(WatchedRun.shift_id), 0) != func.coalesce(col(Shift.id), 0)),
        )
    )


def _departures(session: Session, runs: list[Run]) -> dict[int, datetime]:
    """Return by when each run's driver must have left: start - approach - margin, but give a new yes a moment."""
    run: Any = (Run.id, Run.direction, Run.starts_at, Shift.confirmed_at)
    points: Any = (Volunteer.lat, Volunteer.lon, School.lat, School.lon, Leg.lat, Leg.lon)
    rows = session.exec(
        select(*run, *points)
        .select_from(Run)
        .join(School, col(School.id) == col(Run.school_id))
        .join(
            Shift,
            (col(Shift.run_id) == col(Run.id))
            & (col(Shift.role) == Role.DRIVER)
            & col(Shift.state).in_(_YES),
        )
        .join(Volunteer, col(Volunteer.id) == col(Shift.volunteer_id))
        .join(RunLeg, (col(RunLeg.run_id) == col(Run.id)) & col(RunLeg.is_live))
        .join(Leg, col(Leg.id) == col(RunLeg.leg_id))
        .where(col(Run.id).in_([run.id for run in runs]))
        .order_by(col(Run.id), col(RunLeg.position))
    )
    found: dict[int, datetime] = {}
    for run_id, direction, starts_at, yes_at, lat, lon, school_lat, school_lon, leg_lat, leg_lon in rows:
        if run_id in found:
            continue  # a later stop
        to_lat, to_lon = (leg_lat, leg_lon) if direction == Direction.TO_SCHOOL else (school_lat, school_lon)
        known = None not in (lat, lon, to_lat, to_lon)
        approach = (
            timedelta(minutes=round(minutes_between(Point(lat, lon), Point(to_lat, to_lon))))
            if known
            else UNKNOWN_APPROACH
        )
        leave = starts_at - approach - MARGIN
        found[run_id] = min(starts_at, max(leave, yes_at + NEW_YES)) if yes_at else leave
    return found


def _add_legs(session: Session, watched: dict[int, Watched]) -> None:
    rows = session.execute(_legs(), {"runs": list(watched)}).all()
    progress = leg_progress(session, [leg.id for _, leg, _ in rows if leg.id is not None])
    for run_id, leg, child in rows:
        watched[run_id].legs.append(WatchedLeg(leg, child, progress[leg.id or 0]))


def _add_asks(session: Session, without_driver: list[Watched], now: datetime) -> None:
    of_run = {one.run_id: one for one in without_driver}
    if not of_run:
        return
    rows = session.exec(
        select(Offer.run_id, Offer.state, Ask.state, Ask.deadline_at)
        .join(Ask, col(Ask.id) == col(Offer.ask_id))
        .where(col(Offer.run_id).in_(list(of_run)), Offer.role == Role.DRIVER)
    )
    for run_id, offer_state, ask_state, deadline_at in rows:
        one = of_run[run_id or 0]
        one.asked += 1
        if offer_state == OfferState.OPEN and ask_state == AskState.OPEN and deadline_at > now:
            one.asked_until = max(one.asked_until or deadline_at, deadline_at)


_YES = (ShiftState.CONFIRMED, ShiftState.SERVED)
LOOK_BACK = timedelta(hours=12)
LOOK_AHEAD = timedelta(hours=36)
MARGIN = timedelta(minutes=10)
NEW_YES = timedelta(minutes=5)
UNKNOWN_APPROACH = timedelta(minutes=20)
ROWS_AT_ONCE = 200
