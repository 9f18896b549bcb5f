"""每周固定来: a standing yes, and which turns it covers.

It is given for one weekday's half-day at about the time that was shown, and covers a turn only where everything is as
usual: every child in the car knows this person, is met where this person met it last, and rode on its last school day.
Make-up days, early and late days, what a hand has changed, and the first day after a break are asked afresh.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select, update

from escort import wording
from escort.access import audit
from escort.errors import Conflict, NotFound, Refused
from escort.families.models import Escort
from escort.rota.models import (
    CircleMember,
    CircleState,
    Leg,
    LegState,
    Role,
    Run,
    RunLeg,
    Shift,
    ShiftState,
    StandingYes,
)
from escort.rota.shown import is_near
from escort.schools.models import CalendarEntry, CalendarKind, School
from notifications.models import Urgency
from notifications.outbox import enqueue


@dataclass(frozen=True)
class Choice:
    """A turn that this volunteer knows from driving it, and could say a standing yes to."""

    weekday: int
    direction: str
    usual_at: time
    areas: tuple[str, ...]
    school_area: str

    @property
    def key(self) -> str:
        return f"{self.weekday}.{self.direction}.{self.usual_at:%H%M}"


@dataclass(frozen=True)
class Resting:
    """A coming turn that is promised by a standing yes alone."""

    shift_id: int
    run_id: int
    on: date
    direction: str
    starts_at: datetime


def a_date_of(weekday: int) -> date:
    """Return some date of a weekday: pages say weekdays of dates."""
    return A_MONDAY + timedelta(days=weekday)


def standing_of(session: Session, volunteer_id: int) -> list[StandingYes]:
    """Return the standing yeses that hold, Monday first."""
    return list(
        session.exec(
            select(StandingYes)
            .where(StandingYes.volunteer_id == volunteer_id, col(StandingYes.ended_at).is_(None))
            .order_by(col(StandingYes.weekday), col(StandingYes.direction).desc())
        )
    )


def choices_for(
    session: Session, *, volunteer_id: int, held: Sequence[StandingYes], now: datetime, zone: ZoneInfo
) -> list[Choice]:
    """Return what this volunteer could come for every week: turns of late and soon with children who know them.

    Not what they have said a standing yes to already: `held`.
    """
    today = now.astimezone(zone).date()
    columns: Any = (
        Shift.on,
        Shift.direction,
        Run.id,
        Run.starts_at,
        School.street,
        Leg.area,
        CircleMember.state,
        Leg.timetable_weekday,
    )
    rows = session.exec(
        select(*columns)
        .select_from(Shift)
        .join(Run, col(Run.id) == col(Shift.run_id))
        .join(School, col(School.id) == col(Run.school_id))
        .join(RunLeg, (col(RunLeg.run_id) == col(Run.id)) & col(RunLeg.is_live))
        .join(Leg, col(Leg.id) == col(RunLeg.leg_id))
        .outerjoin(CircleMember, _membership(col(Leg.child_id), col(Shift.volunteer_id)))
        .where(
            Shift.volunteer_id == volunteer_id,
            Shift.role == Role.DRIVER,
            col(Shift.state).in_(_SAID_YES),
            Shift.on >= today - LATELY,
        )
        .order_by(col(Shift.on), col(RunLeg.position))
    )
    turns: dict[int, Choice] = {}
    strange: set[int] = set()
    for on, direction, run_id, starts_at, street, area, circle, weekday in rows:
        before = turns.get(run_id)
        areas = (*(before.areas if before else ()), *([area] if area else []))
        usual_at = starts_at.astimezone(zone).time()
        turns[run_id] = Choice(on.weekday(), direction, usual_at, tuple(dict.fromkeys(areas)), street)
        if circle != CircleState.KNOWN or weekday != on.weekday():
            strange.add(run_id)
    latest = {(one.weekday, one.direction): one for run_id, one in turns.items() if run_id not in strange}
    taken = {(one.weekday, one.direction) for one in held}
    return [latest[key] for key in sorted(latest, key=lambda k: (k[0], k[1] == "home")) if key not in taken]


def give_standing(
    session: Session, *, volunteer_id: int, chosen: str, by: str, how: str, now: datetime, zone: ZoneInfo
) -> StandingYes:
    """Record a standing yes to one of the choices. Said twice it is one.

    Raises Refused where the turn is not what was shown any more.
    """
    weekday, direction, clock = _parts(chosen)
    standing = standing_of(session, volunteer_id)
    found = choices_for(session, volunteer_id=volunteer_id, held=standing, now=now, zone=zone)
    choices = {one.key: one for one in found}
    if chosen not in choices:
        held = _live(session, volunteer_id, weekday, direction)
        if held is None or f"{held.usual_at:%H%M}" != clock:
            raise Refused("这个时间和刚才看到的不一样了，请刷新页面，再选一次。")
        return held
    choice = choices[chosen]
    row = StandingYes(
        volunteer_id=volunteer_id,
        weekday=choice.weekday,
        direction=choice.direction,
        usual_at=choice.usual_at,
        given_at=now,
        given_how=f"{how}:{by}"[:40],
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as twice:  # the same press on another connection
        held = _live(session, volunteer_id, weekday, direction)
        if held is None:
            raise Conflict("刚刚有变化，请刷新页面，再选一次。") from twice
        return held
    audit.record(session, actor=by, action="standing.give", subject=f"volunteer:{volunteer_id}", now=now)
    if by != f"volunteer:{volunteer_id}":
        enqueue(
            session,
            to=f"volunteer:{volunteer_id}",
            wording=wording.standing_given(choice.weekday, choice.direction, choice.usual_at),
            about=f"standing:{row.id}",
            dedup_key=f"standing-given:{row.id}",
            now=now,
            urgency=Urgency.ROUTINE,
        )
    return row


def close_standing(
    session: Session, *, volunteer_id: int, standing_id: int, by: str, how: str, now: datetime
) -> bool:
    """End a standing yes for the future; False if it had ended. Raises NotFound if it is not this volunteer's."""
    row = session.get(StandingYes, standing_id)
    if row is None or row.volunteer_id != volunteer_id:
        raise NotFound("没有这一条“每周固定来”，请刷新页面再看。")
    ended = session.exec(
        update(StandingYes)
        .where(col(StandingYes.id) == standing_id, col(StandingYes.ended_at).is_(None))
        .values(ended_at=now, ended_how=f"{how}:{by}"[:40])
    )
    if ended.rowcount == 0:
        return False
    audit.record(session, actor=by, action="standing.end", subject=f"volunteer:{volunteer_id}", now=now)
    if by != f"volunteer:{volunteer_id}":
        enqueue(
            session,
            to=f"volunteer:{volunteer_id}",
            wording=wording.standing_ended(row.weekday, row.direction, row.usual_at),
            about=f"standing:{row.id}",
            dedup_key=f"standing-ended:{row.id}",
            now=now,
            urgency=Urgency.ROUTINE,
        )
    return True


def resting_on(session: Session, standing_ids: Collection[int], *, now: datetime) -> dict[int, list[Resting]]:
    """Return, by standing yes, the coming turns that are promised by it alone."""
    if not standing_ids:
        return {}
    columns: Any = (Shift.confirmed_how, Shift.id, Run.id, Shift.on, Shift.direction, Run.starts_at)
    found: dict[int, list[Resting]] = defaultdict(list)
    for how, *resting in session.exec(
        select(*columns)
        .select_from(Shift)
        .join(Run, col(Run.id) == col(Shift.run_id))
        .where(
            Shift.state == ShiftState.CONFIRMED,
            col(Shift.confirmed_how).in_([how_of(one) for one in standing_ids]),
            col(Run.starts_at) > now,
        )
        .order_by(col(Run.starts_at))
    ):
        found[int(how.partition(":")[2])].append(Resting(*resting))
    return found


def how_of(standing_id: int) -> str:
    """Return how a shift says that it was confirmed by a standing yes."""
    return f"{STANDING}{standing_id}"


def covered_by(
    session: Session, shifts: Sequence[Shift], *, told_at: Mapping[int, datetime], zone: ZoneInfo
) -> dict[int, int]:
    """Return, by shift, the standing yes that covers it. `told_at`: by volunteer, when the message goes out.

    Whoever is told less than a day ahead is asked: nobody is counted on who may not have heard of it.
    """
    standing = _standing_by_half_day(session, {shift.volunteer_id for shift in shifts})
    hopeful = {
        shift.run_id: (shift, one)
        for shift in shifts
        if shift.role == Role.DRIVER
        and (one := standing.get((shift.volunteer_id, shift.on.weekday(), shift.direction))) is not None
    }
    if not hopeful:
        return {}
    rides = _rides(session, [run_id for run_id in hopeful if run_id is not None])
    usual = _Usual(session, rides, {shift.volunteer_id for shift, _ in hopeful.values()})
    covered = {}
    for run_id, (shift, one) in hopeful.items():
        riding = rides.get(run_id or 0, [])
        in_time = bool(riding) and riding[0].starts_at >= told_at[shift.volunteer_id] + NOTICE
        if in_time and all(usual.is_usual(ride, shift.volunteer_id, one, zone) for ride in riding):
            covered[shift.id or 0] = one.id or 0
    return covered


@dataclass(frozen=True)
class _Ride:
    """One child's leg in a run, with what its standing arrangement says."""

    leg: Leg
    starts_at: datetime  # of the run
    weekdays: str  # of the escort

    @property
    def last_school_day(self) -> date:
        """Return the date before this leg on which the child rides by its weekly arrangement."""
        days = [self.leg.on - timedelta(days=back) for back in range(1, 8)]
        return next((on for on in days if self.weekdays[on.weekday()] == "1"), days[-1])


class _Usual:
    """What is usual for some rides and some volunteers: five queries, however many."""

    def __init__(
        self, session: Session, rides: Mapping[int, list[_Ride]], volunteers: Collection[int]
    ) -> None:
        every = [ride for riding in rides.values() for ride in riding]
        self.children = {ride.leg.child_id for ride in every}
        self.known = set(
            session.exec(
                select(col(CircleMember.child_id), col(CircleMember.volunteer_id)).where(
                    col(CircleMember.child_id).in_(self.children),
                    col(CircleMember.volunteer_id).in_(list(volunteers)),
                    CircleMember.state == CircleState.KNOWN,
                )
            )
        )
        self.rode = set(
            session.exec(
                select(col(Leg.child_id), col(Leg.on)).where(
                    col(Leg.child_id).in_(self.children),
                    col(Leg.on).in_({ride.last_school_day for ride in every}),
                    Leg.state == LegState.WANTED,
                )
            )
        )
        self.met = _where_met(session, self.children, volunteers)
        self.odd_days = _odd_days(session, {ride.leg.on for ride in every})

    def is_usual(self, ride: _Ride, volunteer_id: int, standing: StandingYes, zone: ZoneInfo) -> bool:
        leg = ride.leg
        as_said = datetime.combine(leg.on, standing.usual_at, zone)
        return (
            leg.timetable_weekday == leg.on.weekday()
            and not leg.by_hand
            and is_near(as_said, ride.starts_at)
            and (leg.child_id, volunteer_id) in self.known
            and (leg.child_id, ride.last_school_day) in self.rode
            and self._is_met_there(leg, volunteer_id)
            and not any(odd.covers(leg) for odd in self.odd_days)
        )

    def _is_met_there(self, leg: Leg, volunteer_id: int) -> bool:
        before = [
            place
            for on, place in self.met.get((leg.child_id, volunteer_id, leg.direction), ())
            if on < leg.on
        ]
        return bool(before) and before[-1] == (leg.place_name, leg.lat, leg.lon)


@dataclass(frozen=True)
class _OddDay:
    """Dates with another bell or dismissal, for whom they hold."""

    from_on: date
    until_on: date
    school_id: int | None
    child_id: int | None

    def covers(self, leg: Leg) -> bool:
        return (
            self.from_on <= leg.on <= self.until_on
            and self.school_id in (None, leg.school_id)
            and self.child_id in (None, leg.child_id)
        )


def _standing_by_half_day(
    session: Session, volunteers: Collection[int]
) -> dict[tuple[int, int, str], StandingYes]:
    """Return what holds, and keep it from being ended until what rests on it is written."""
    rows = session.exec(
        select(StandingYes)
        .where(col(StandingYes.volunteer_id).in_(list(volunteers)), col(StandingYes.ended_at).is_(None))
        .order_by(col(StandingYes.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {(row.volunteer_id, row.weekday, row.direction): row for row in rows}


def _rides(session: Session, run_ids: Sequence[int]) -> dict[int, list[_Ride]]:
    rides: dict[int, list[_Ride]] = defaultdict(list)
    columns: Any = (RunLeg.run_id, Leg, Run.starts_at, Escort.weekdays)
    for run_id, leg, starts_at, weekdays in session.exec(
        select(*columns)
        .select_from(RunLeg)
        .join(Run, col(Run.id) == col(RunLeg.run_id))
        .join(Leg, col(Leg.id) == col(RunLeg.leg_id))
        .join(Escort, col(Escort.id) == col(Leg.escort_id))
        .where(col(RunLeg.run_id).in_(list(run_ids)), col(RunLeg.is_live))
    ):
        rides[run_id].append(_Ride(leg, starts_at, weekdays))
    return rides


def _where_met(
    session: Session, children: Collection[int], volunteers: Collection[int]
) -> dict[tuple[int, int, str], list[tuple[date, tuple[str, float | None, float | None]]]]:
    """Return, by child, volunteer and way, where they met on each date that was promised or driven, in order."""
    columns: Any = (Leg.child_id, Shift.volunteer_id, Leg.direction, Leg.on, Leg.place_name, Leg.lat, Leg.lon)
    met: dict[tuple[int, int, str], list[tuple[date, tuple[str, float | None, float | None]]]]
    met = defaultdict(list)
    for child_id, volunteer_id, direction, on, name, lat, lon in session.exec(
        select(*columns)
        .select_from(Shift)
        .join(RunLeg, (col(RunLeg.run_id) == col(Shift.run_id)) & col(RunLeg.is_live))
        .join(Leg, col(Leg.id) == col(RunLeg.leg_id))
        .where(
            col(Shift.volunteer_id).in_(list(volunteers)),
            col(Shift.state).in_(_SAID_YES),
            col(Leg.child_id).in_(list(children)),
        )
        .order_by(col(Leg.on))
    ):
        met[child_id, volunteer_id, direction].append((on, (name, lat, lon)))
    return met


def _odd_days(session: Session, dates: Collection[date]) -> list[_OddDay]:
    columns: Any = (
        CalendarEntry.from_on,
        CalendarEntry.until_on,
        CalendarEntry.school_id,
        CalendarEntry.child_id,
    )
    rows = session.exec(
        select(*columns).where(
            col(CalendarEntry.kind).in_((CalendarKind.EARLY_DAY, CalendarKind.LATE_START)),
            col(CalendarEntry.removed).is_(False),
            CalendarEntry.from_on <= max(dates),
            CalendarEntry.until_on >= min(dates),
        )
    )
    return [_OddDay(*row) for row in rows]


def _live(session: Session, volunteer_id: int, weekday: int, direction: str) -> StandingYes | None:
    return session.exec(
        select(StandingYes)
        .where(
            StandingYes.volunteer_id == volunteer_id,
            StandingYes.weekday == weekday,
            StandingYes.direction == direction,
            col(StandingYes.ended_at).is_(None),
        )
        .execution_options(populate_existing=True)
    ).first()


def _parts(chosen: str) -> tuple[int, str, str]:
    weekday, _, rest = chosen.partition(".")
    direction, _, clock = rest.partition(".")
    if weekday not in "0123456" or len(weekday) != 1:
        raise Refused("请先选一个固定的时间。")
    return int(weekday), direction, clock


def _membership(child: Any, volunteer: Any) -> Any:
    return (col(CircleMember.child_id) == child) & (col(CircleMember.volunteer_id) == volunteer)


A_MONDAY = date(2021, 3, 1)
STANDING = "standing:"
NOTICE = timedelta(hours=24)
LATELY = timedelta(days=35)
_SAID_YES = (ShiftState.CONFIRMED, ShiftState.SERVED)
