"""A volunteer's promises as calendar entries: time and area, never who.

A calendar program is a device that nobody has bound: it gets what DESIGN section 8 lets such a device see. An entry is
one half-day of one volunteer, so that a promise that was freed and given again stays one entry. What was promised
once stays in the feed as cancelled: a calendar forgets only what it is told to forget.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from escort.rota.models import Direction, Leg, LegState, Role, Run, RunLeg, Shift, ShiftState
from escort.schools.models import School
from escort.spoken import from_to

KEPT = timedelta(days=31)  # behind today
_HELD = (ShiftState.CONFIRMED, ShiftState.SERVED)


@dataclass(frozen=True, slots=True)
class Entry:
    """One half-day. `sequence` never falls, and grows with every change of what the entry says."""

    on: date
    direction: str
    starts_at: datetime
    ends_at: datetime
    where: str  # 唐昌街道一带到郫筒街道; "" once it is cancelled
    is_cancelled: bool
    sequence: int
    changed_at: datetime

    @property
    def to_school(self) -> bool:
        return self.direction == Direction.TO_SCHOOL


def feed_of(session: Session, *, volunteer_id: int, now: datetime, zone: ZoneInfo) -> list[Entry]:
    """Return a volunteer's half-days from a month ago on, the earliest first: those with a yes, now or once."""
    since = now.astimezone(zone).date() - KEPT
    rows = session.exec(
        select(Shift, Run, School.street)
        .join(Run, col(Run.id) == col(Shift.run_id))
        .join(School, col(School.id) == col(Run.school_id))
        .where(
            Shift.volunteer_id == volunteer_id,
            col(Shift.on) >= since,
            col(Shift.confirmed_at).is_not(None),
            col(Shift.role).in_((Role.DRIVER, Role.SECOND)),
        )
        .order_by(col(Shift.id))
    )
    half_days: dict[tuple[date, str], list[tuple[Shift, Run, str]]] = defaultdict(list)
    for shift, run, street in rows:
        half_days[shift.on, shift.direction].append((shift, run, street))
    areas = _areas(session, [run.id or 0 for found in half_days.values() for _, run, _ in found])
    entries = [_entry(found, areas) for found in half_days.values()]
    return sorted(entries, key=lambda entry: (entry.starts_at, entry.on))


def _entry(found: list[tuple[Shift, Run, str]], areas: dict[int, str]) -> Entry:
    held = [one for one in found if one[0].state in _HELD]
    shift, run, school_area = (held or found)[-1]
    there = areas.get(run.id or 0, "")
    is_to_school = shift.direction == Direction.TO_SCHOOL
    where = from_to(there, school_area) if is_to_school else from_to(school_area, there)
    changes = [at for one, _, _ in found for at in (one.confirmed_at, one.ended_at) if at is not None]
    return Entry(
        on=shift.on,
        direction=shift.direction,
        starts_at=run.starts_at,
        ends_at=run.ends_at,
        where=where if held else "",
        is_cancelled=not held,
        # shifts are never deleted, versions of runs only grow: so does their sum
        sequence=sum(1 + (one.ended_at is not None) + its.version for one, its, _ in found),
        changed_at=max(changes),
    )


def _areas(session: Session, run_ids: list[int]) -> dict[int, str]:
    """Return the areas of each run's children, in the car's order."""
    rows = session.exec(
        select(RunLeg.run_id, Leg.area)
        .join(Leg, col(Leg.id) == col(RunLeg.leg_id))
        .where(col(RunLeg.run_id).in_(run_ids), col(RunLeg.is_live), Leg.state == LegState.WANTED)
        .order_by(col(RunLeg.run_id), col(RunLeg.position))
    )
    found: dict[int, dict[str, None]] = defaultdict(dict)
    for run_id, area in rows:
        if area:
            found[run_id][area] = None
    return {run_id: "、".join(names) for run_id, names in found.items()}
