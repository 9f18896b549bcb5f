"""The coming four weeks as a whole: whose circle is too narrow or too wide, who drives most, what more people would change."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from escort.families.models import Child
from escort.roster.leaders import live_leaders
from escort.roster.models import Team, Volunteer
from escort.rota.models import (
    Introduction,
    IntroductionState,
    Role,
    Run,
    RunState,
    Shift,
    ShiftState,
)
from escort.rota.problems import PROMISED, KeyedProblem, ordered_legs, problem_of
from scheduling.introductions import FirstRide, narrow_circles, propose_first_rides
from scheduling.overview import busiest, more_volunteers, wide_circles
from scheduling.plan import Rule


@dataclass(frozen=True)
class FirstRideLine:
    """A ride on which a newcomer could get to know a child."""

    newcomer_id: int
    newcomer: str
    driver: str
    run_id: int
    direction: str
    starts_at: datetime
    helps: int
    detour_km: float


@dataclass(frozen=True)
class NarrowLine:
    child_id: int
    child: str
    thin: int  # half-days of its week with fewer than three known people
    fewest: int
    ride: FirstRideLine | None


@dataclass(frozen=True)
class WideLine:
    child_id: int
    child: str
    faces: int
    target: int
    strangers: int


@dataclass(frozen=True)
class BusyLine:
    volunteer_id: int
    name: str
    duties: int
    pledged: int
    only_theirs: int
    need: Rule | None

    @property
    def is_over(self) -> bool:
        return self.duties > self.pledged


@dataclass(frozen=True)
class MoreLine:
    team: str
    people: int
    before: int
    after: int


@dataclass(frozen=True)
class Outlook:
    narrow: tuple[NarrowLine, ...]
    narrow_in_all: int
    wide: tuple[WideLine, ...]
    busy: tuple[BusyLine, ...]
    more: MoreLine | None


def outlook_of(
    session: Session, *, now: datetime, zone: ZoneInfo, team_id: int | None = None
) -> Outlook | None:
    """Return the four weeks from now, or None if nothing is planned in them. With a team: what ten more would change."""
    today = now.astimezone(zone).date()
    rows = session.exec(
        select(col(Run.id), col(Run.on)).where(
            Run.on >= today, Run.on < today + HORIZON, Run.state == RunState.LIVE, col(Run.starts_at) > now
        )
    ).all()
    legs = ordered_legs(session, [run_id for run_id, _ in rows if run_id is not None])
    if not legs:
        return None
    keyed = problem_of(session, legs=[], kept_runs=legs, zone=zone, counted=(ShiftState.DRAFT, *PROMISED))
    soon = {run_id for run_id, on in rows if on < today + RIDES_WITHIN and run_id is not None}
    names = _Names(session, keyed)
    narrow = narrow_circles(keyed.problem)
    rides = propose_first_rides(
        keyed.problem,
        joinable=_joinable(session, keyed, soon),
        newcomers=_led(session, keyed),
        limit=MOST_LINES,
    )
    ride_of = {ride.child: ride for ride in rides}
    told = sorted(narrow, key=lambda one: one.child not in ride_of)[:MOST_LINES]
    return Outlook(
        narrow=tuple(
            NarrowLine(
                child_id=keyed.child_ids[one.child],
                child=names.children[keyed.child_ids[one.child]],
                thin=len(one.thin),
                fewest=min(people for _, people in one.thin),
                ride=_ride(session, keyed, names, ride_of.get(one.child)),
            )
            for one in told
        ),
        narrow_in_all=len(narrow),
        wide=tuple(
            WideLine(
                keyed.child_ids[one.child],
                names.children[keyed.child_ids[one.child]],
                one.faces,
                one.target,
                one.strangers,
            )
            for one in wide_circles(keyed.problem)[:MOST_LINES]
        ),
        busy=tuple(
            BusyLine(
                keyed.volunteer_ids[one.volunteer],
                names.volunteers[keyed.volunteer_ids[one.volunteer]],
                one.duties,
                one.pledged,
                one.only_his,
                one.need,
            )
            for one in busiest(keyed.problem, limit=MOST_LINES)
        ),
        more=_more(session, keyed, team_id) if team_id is not None else None,
    )


class _Names:
    def __init__(self, session: Session, keyed: KeyedProblem) -> None:
        people = session.exec(
            select(col(Volunteer.id), col(Volunteer.name)).where(col(Volunteer.suspended_at).is_(None))
        )
        self.volunteers = {who: name for who, name in people if who is not None}
        children = session.exec(
            select(col(Child.id), col(Child.short_name)).where(col(Child.id).in_(keyed.child_ids))
        )
        self.children = {child: name for child, name in children if child is not None}


def _joinable(session: Session, keyed: KeyedProblem, soon: Collection[int]) -> list[int]:
    """Return the promised runs of the next weeks on which nobody is to ride along yet, by position."""
    joined = set(
        session.exec(select(Introduction.run_id).where(Introduction.state == IntroductionState.PLANNED))
    )
    promised = set(
        session.exec(
            select(Shift.run_id).where(
                col(Shift.run_id).is_not(None), Shift.role == Role.DRIVER, Shift.state == ShiftState.CONFIRMED
            )
        )
    )
    return [
        at
        for at, run_id in enumerate(keyed.run_ids)
        if run_id in soon and run_id in promised and run_id not in joined
    ]


def _led(session: Session, keyed: KeyedProblem) -> list[int]:
    """Return the people whose team has a leader, by position: the leader notes what they and the driver say."""
    teams = {leader.team_id for leader in live_leaders(session)}
    rows = session.exec(select(col(Volunteer.id)).where(col(Volunteer.team_id).in_(teams)))
    return [keyed.volunteer_at[who] for who in rows if who in keyed.volunteer_at]


def _ride(
    session: Session, keyed: KeyedProblem, names: _Names, ride: FirstRide | None
) -> FirstRideLine | None:
    if ride is None:
        return None
    run = session.get_one(Run, keyed.run_ids[ride.run])
    return FirstRideLine(
        newcomer_id=keyed.volunteer_ids[ride.newcomer],
        newcomer=names.volunteers[keyed.volunteer_ids[ride.newcomer]],
        driver=names.volunteers[keyed.volunteer_ids[ride.driver]],
        run_id=run.id or 0,
        direction=run.direction,
        starts_at=run.starts_at,
        helps=ride.helps,
        detour_km=ride.detour_km,
    )


def _more(session: Session, keyed: KeyedProblem, team_id: int) -> MoreLine | None:
    teams = list(session.exec(select(Team).order_by(col(Team.id))))
    position = next((at for at, team in enumerate(teams) if team.id == team_id), None)
    if position is None:
        return None
    found = more_volunteers(keyed.problem, position, people=TEN)
    return MoreLine(teams[position].name, TEN, found.before, found.after) if found is not None else None


HORIZON = timedelta(days=28)
RIDES_WITHIN = timedelta(days=14)  # an accompanied ride further off is forgotten
MOST_LINES = 12
TEN = 10
