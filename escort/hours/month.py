"""A district's month in figures: what was due, what became of it, who drove how often, which school days were reached.

Everything is counted from legs and from what was delivered, never from the plan. The parts of a count always add up
to what was due. Nothing here names a child.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from escort.hours.queries import served_in_month
from escort.roster.models import Team, Volunteer
from escort.rota.models import Direction, Leg, LegState, Role, RunLeg, Service, Shift, ShiftState
from escort.schools.models import School
from escort.sentences import mark

FEWEST_CHILDREN = 6  # a smaller group is merged: a number about it would be a number about somebody
OTHERS = mark("其他学校")
WHOLE_DISTRICT = mark("全区")


@dataclass(slots=True)
class Count:
    """What became of the legs that were due: the other four add up to `due`."""

    due: int = 0
    driven: int = 0  # delivered
    cancelled: int = 0  # by the family, itself or by a call to the office
    unfilled: int = 0  # nobody had said yes
    not_reported: int = 0  # somebody had said yes; nobody reported a delivery
    days_due: int = 0  # children times school days with a ride to school that was not cancelled
    days_reached: int = 0

    def add(self, other: "Count") -> None:
        for name in Count.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True)
class Driven:
    """How often one volunteer drove. A duty is one car on one half-day, however many children sat in it."""

    volunteer_id: int
    name: str
    team: str
    duties: int
    legs: int
    minutes: int


@dataclass(frozen=True, slots=True)
class Month:
    """One month, or as much of it as is over."""

    first: date
    last: date
    is_over: bool
    total: Count
    by_day: dict[date, Count] = field(default_factory=dict)
    by_school: list[tuple[str, Count]] = field(default_factory=list)  # adds up to `total`
    drivers: list[Driven] = field(default_factory=list)  # the most duties first

    @property
    def duties(self) -> int:
        return sum(driver.duties for driver in self.drivers)

    def how_often(self) -> list[tuple[int, int]]:
        """Return (duties, how many volunteers drove just so often), the fewest duties first."""
        often: dict[int, int] = defaultdict(int)
        for driver in self.drivers:
            often[driver.duties] += 1
        return sorted(often.items())


def month_of(session: Session, *, year: int, month: int, now: datetime, zone: ZoneInfo) -> Month:
    """Return the figures of a month. A leg counts from when the child should have arrived."""
    first = date(year, month, 1)
    last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    by_day: dict[date, Count] = {}
    by_school: dict[int, Count] = defaultdict(Count)
    children: dict[int, set[int]] = defaultdict(set)
    total = Count()
    for on, school_id, child_id, count in _legs(session, first, last, now):
        total.add(count)
        by_day.setdefault(on, Count()).add(count)
        by_school[school_id].add(count)
        children[school_id].add(child_id)
    names = dict(session.exec(select(School.id, School.name)).all())
    groups = [(names.get(id_) or "", len(children[id_]), count) for id_, count in by_school.items()]
    return Month(
        first=first,
        last=last,
        is_over=now.astimezone(zone).date() > last,
        total=total,
        by_day=dict(sorted(by_day.items())),
        by_school=merge_small(groups),
        drivers=_drivers(session, year, month),
    )


def merge_small(groups: Iterable[tuple[str, int, Count]]) -> list[tuple[str, Count]]:
    """Return (name, count) with every group below six children merged into one that has at least six.

    If those below are themselves fewer than six together, the next smallest joins them: else whoever subtracts the
    others from the total would read them after all.
    """
    waiting = sorted(groups, key=lambda group: (group[1], group[0]))
    merged, inside, number = Count(), 0, 0
    while waiting and (waiting[0][1] < FEWEST_CHILDREN or 0 < inside < FEWEST_CHILDREN):
        _, children, count = waiting.pop(0)
        merged.add(count)
        inside, number = inside + children, number + 1
    shown = [(name, count) for name, _, count in sorted(waiting, key=lambda group: group[0])]
    if number:
        shown.append((OTHERS if shown else WHOLE_DISTRICT, merged))
    return shown


def _legs(session: Session, first: date, last: date, now: datetime) -> Iterator[tuple[date, int, int, Count]]:
    """Yield (date, school, child, what became of it) of each leg that was due by now."""
    promised = set(
        session.exec(
            select(RunLeg.leg_id)
            .join(Shift, col(Shift.run_id) == col(RunLeg.run_id))
            .where(
                col(RunLeg.is_live),
                Shift.role == Role.DRIVER,
                col(Shift.state).in_((ShiftState.CONFIRMED, ShiftState.SERVED)),
                Shift.on >= first,
                Shift.on <= last,
            )
        )
    )
    legs = (
        columns(
            *(col(Leg.id), col(Leg.on), col(Leg.direction), col(Leg.state), col(Leg.school_id)),
            *(col(Leg.child_id), col(Service.id)),
        )
        .outerjoin(Service, col(Service.leg_id) == col(Leg.id))
        .where(col(Leg.on) >= first, col(Leg.on) <= last, col(Leg.due_at) <= now)
        .where(col(Leg.state).in_((LegState.WANTED, LegState.CANCELLED)))
    )
    for leg_id, on, direction, state, school_id, child_id, service_id in session.execute(legs):
        yield on, school_id, child_id, _count(direction, state, service_id is not None, leg_id in promised)


def _count(direction: str, state: str, is_driven: bool, is_promised: bool) -> Count:
    is_cancelled = state == LegState.CANCELLED and not is_driven
    is_open = not is_driven and not is_cancelled
    is_school_day = direction == Direction.TO_SCHOOL and not is_cancelled
    return Count(
        due=1,
        driven=int(is_driven),
        cancelled=int(is_cancelled),
        unfilled=int(is_open and not is_promised),
        not_reported=int(is_open and is_promised),
        days_due=int(is_school_day),
        days_reached=int(is_school_day and is_driven),
    )


def _drivers(session: Session, year: int, month: int) -> list[Driven]:
    served = served_in_month(session, year=year, month=month)
    people = {
        id_: (name, team or "")
        for id_, name, team in session.exec(
            select(Volunteer.id, Volunteer.name, Team.name)
            .outerjoin(Team, col(Team.id) == col(Volunteer.team_id))
            .where(col(Volunteer.id).in_([one.volunteer_id for one in served]))
        )
    }
    return [
        Driven(one.volunteer_id, *people[one.volunteer_id], one.duties, one.legs, one.minutes)
        for one in served
    ]
