"""The week's sheets for families' doors: who comes on which day, in very large print, and never a word pair.

DESIGN section 8: a week ahead, on paper, a family reads the surname and the plate's tail of drivers whom the child
knows. Of every other half-day the sheet says that it is open and that the family is told on the day before.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from escort import spoken
from escort.access import audit
from escort.errors import NotFound
from escort.families.models import Child, Family, TellBy
from escort.roster.models import Volunteer
from escort.rota.models import (
    CircleMember,
    CircleState,
    Direction,
    Leg,
    LegState,
    Role,
    RunLeg,
    Shift,
    ShiftState,
)


@dataclass(frozen=True)
class FridgeHalf:
    """One way of one day. Without a surname it is open: nobody is found yet, or nobody whom the child knows."""

    at: time  # to school: when the car comes; home: when the child is expected there
    surname: str
    plate_tail: str
    is_off: bool  # the family, or the office, has said that nobody need come


@dataclass(frozen=True)
class FridgeDay:
    on: date
    to_school: FridgeHalf | None
    home: FridgeHalf | None


@dataclass(frozen=True)
class FridgeSheet:
    child_id: int
    child: str  # 小名
    monday: date
    days: tuple[FridgeDay, ...]  # those with a ride; may be empty
    is_rung: bool  # changes come by phone; else by text message
    printed_at: datetime

    @property
    def usual_to_school(self) -> time | None:
        """The one time of the week, or None where the days differ."""
        return _only(day.to_school for day in self.days)

    @property
    def usual_home(self) -> time | None:
        return _only(day.home for day in self.days)


def fridge_sheet(
    session: Session, *, child_id: int, week_on: date, now: datetime, zone: ZoneInfo
) -> FridgeSheet:
    """Return the sheet of the week that holds `week_on`. Raises NotFound where there is no such child."""
    sheets = _sheets(session, Child.id == child_id, week_on=week_on, now=now, zone=zone)
    if not sheets:
        raise NotFound("没有这个孩子，请回到列表重新选择。")
    return sheets[0]


def fridge_sheets(
    session: Session,
    *,
    school_id: int | None = None,
    team_id: int | None = None,
    without: Collection[int] = (),
    week_on: date,
    now: datetime,
    zone: ZoneInfo,
) -> list[FridgeSheet]:
    """Return the sheets of all children with rides in that week whose families do not read texts, in two queries.

    Of one school or one team's streets where one is named; school by school, so that the pile can be handed out.
    """
    chosen: list[Any] = [col(Family.tell_by) != TellBy.SMS, col(Child.id).not_in(list(without))]
    if school_id is not None:
        chosen.append(Child.school_id == school_id)
    if team_id is not None:
        chosen.append(Child.team_id == team_id)
    sheets = _sheets(session, *chosen, week_on=week_on, now=now, zone=zone)
    return [sheet for sheet in sheets if sheet.days]


def note_taken_out(
    session: Session, sheets: Sequence[FridgeSheet], *, by: str, subject: str, now: datetime
) -> None:
    """Write into the trail whose sheets somebody took out as a file."""
    fields = [f"child:{sheet.child_id}.timetable" for sheet in sheets]
    audit.record(session, actor=by, action="door_sheet.exported", subject=subject, fields=fields, now=now)


def week_to_print(today: date) -> date:
    """Return the Monday of the week that a sheet is wanted for: from Thursday on the next one."""
    monday = today - timedelta(days=today.weekday())
    return monday + timedelta(days=7) if today.weekday() >= NEXT_WEEK_FROM else monday


def _sheets(
    session: Session, *chosen: Any, week_on: date, now: datetime, zone: ZoneInfo
) -> list[FridgeSheet]:
    monday = week_on - timedelta(days=week_on.weekday())
    children: Any = (
        select(Child.id, Child.short_name, Family.tell_by)
        .join(Family, col(Family.id) == col(Child.family_id))
        .where(*chosen)
        .order_by(col(Child.school_id), col(Child.id))
    )
    found = list(session.exec(children))
    halves: dict[tuple[int, date], dict[str, FridgeHalf]] = defaultdict(dict)
    for leg, name, plate in _legs(session, [child_id for child_id, _, _ in found], monday):
        halves[leg.child_id, leg.on][leg.direction] = _half(leg, name or "", plate or "", zone)
    days: dict[int, list[FridgeDay]] = defaultdict(list)
    for (child_id, on), of_day in sorted(halves.items()):
        days[child_id].append(FridgeDay(on, of_day.get(Direction.TO_SCHOOL), of_day.get(Direction.HOME)))
    return [
        FridgeSheet(child_id, name, monday, tuple(days[child_id]), tell_by != TellBy.SMS, now)
        for child_id, name, tell_by in found
    ]


def _legs(
    session: Session, children: Sequence[int], monday: date
) -> Sequence[tuple[Leg, str | None, str | None]]:
    """The children's rides of one week, each with its driver where he has said yes and the child knows him."""
    rows: Any = (
        select(Leg, Volunteer.name, Volunteer.plate)
        .outerjoin(RunLeg, (col(RunLeg.leg_id) == col(Leg.id)) & col(RunLeg.is_live))
        .outerjoin(
            Shift,
            (col(Shift.run_id) == col(RunLeg.run_id))
            & (col(Shift.role) == Role.DRIVER)
            & col(Shift.state).in_((ShiftState.CONFIRMED, ShiftState.SERVED)),
        )
        .outerjoin(
            CircleMember,
            (col(CircleMember.child_id) == col(Leg.child_id))
            & (col(CircleMember.volunteer_id) == col(Shift.volunteer_id))
            & (col(CircleMember.state) == CircleState.KNOWN),
        )
        .outerjoin(Volunteer, col(Volunteer.id) == col(CircleMember.volunteer_id))
        .where(
            col(Leg.child_id).in_(children),
            col(Leg.on) >= monday,
            col(Leg.on) < monday + timedelta(days=7),
            col(Leg.state).in_((LegState.WANTED, LegState.CANCELLED)),
        )
        .order_by(col(Leg.pickup_at))
    )
    return list(session.exec(rows))


def _half(leg: Leg, name: str, plate: str, zone: ZoneInfo) -> FridgeHalf:
    is_off = leg.state == LegState.CANCELLED
    at = leg.pickup_at if leg.direction == Direction.TO_SCHOOL else leg.due_at
    return FridgeHalf(
        at=at.astimezone(zone).time(),
        surname="" if is_off else spoken.surname_of(name),
        plate_tail="" if is_off else spoken.plate_tail(plate),
        is_off=is_off,
    )


def _only(halves: Iterable[FridgeHalf | None]) -> time | None:
    times = {half.at for half in halves if half is not None and not half.is_off}
    return times.pop() if len(times) == 1 else None


NEXT_WEEK_FROM = 3  # Thursday
