"""A change that touches several cars at once: one case, and its answers counted as they come.

Until somebody has said yes to what a leg is now, it counts as nobody's. The case covers its cars: no other is opened
about them while it is live. It closes when each has its yes, and never because time has passed.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from escort import wording
from escort.cases.models import Case, CaseKind, CaseState
from escort.cases.service import close_because, live_cases_of, open_case
from escort.families.models import Child
from escort.roster.models import Volunteer
from escort.rota.models import (
    Ask,
    AskState,
    Cause,
    ChangedLeg,
    Direction,
    Leg,
    LegState,
    Offer,
    OfferState,
    Role,
    RunLeg,
    Shift,
)
from escort.schools.models import School


@dataclass(frozen=True)
class ChangedCar:
    """One car of a change: what it was and is, and what its driver says to that."""

    run_id: int | None  # None: not even planned
    children: tuple[str, ...]
    starts_at: datetime
    was_at: datetime
    changed_at: datetime
    is_agreed: bool  # somebody has said yes to what it is now
    has_answered: bool  # or at least whoever was asked again has said something
    first_id: int | None  # who was asked again
    first: str
    asked_until: datetime | None  # while somebody may still answer


@dataclass(frozen=True)
class Change:
    """Everything that changed on one day, of one school, one way, for one kind of cause."""

    on: date
    school_id: int
    school: str
    direction: str
    cause: str
    cars: tuple[ChangedCar, ...]

    @property
    def about(self) -> str:
        return f"changed:{self.on.isoformat()}:{self.school_id}:{self.direction}:{self.cause}"

    @property
    def is_early(self) -> bool:
        return (
            self.cause == Cause.TIMES
            and self.direction == Direction.HOME
            and all(car.starts_at < car.was_at for car in self.cars)
        )

    @property
    def open_cars(self) -> list[ChangedCar]:
        return [car for car in self.cars if not car.is_agreed]

    @property
    def answered(self) -> int:
        return sum(car.has_answered for car in self.cars)

    @property
    def agreed(self) -> int:
        return sum(car.is_agreed for car in self.cars)

    @property
    def starts_at(self) -> datetime:
        return min(car.starts_at for car in self.open_cars or self.cars)

    @property
    def was_at(self) -> datetime:
        return min(car.was_at for car in self.open_cars or self.cars)

    @property
    def silent(self) -> list[ChangedCar]:
        """Cars whose driver was asked again and has said nothing yet, the nearest first."""
        return [car for car in self.open_cars if not car.has_answered and car.first_id is not None]


def changes_from(session: Session, from_on: date) -> list[Change]:
    """Return what changed on these dates and later, by its day. One statement."""
    cars: dict[tuple[date, int, str, str, str], dict[object, list[Any]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for row in session.execute(_changed(), {"from_on": from_on}):
        key = (row.on, row.school_id, row.school, row.direction, row.cause)
        cars[key][row.run_id or f"leg:{row.leg_id}"].append(row)
    return [
        Change(
            *key, tuple(sorted((_car(rows) for rows in of_change.values()), key=lambda car: car.starts_at))
        )
        for key, of_change in cars.items()
    ]


@dataclass(frozen=True)
class Step:
    """What is to be done about one change, or about a case whose change is gone."""

    case: Case | None
    change: Change | None = None  # to be kept in a case; None: the case closes
    reason: str = ""  # why it closes


def sweep_changes(session: Session, *, now: datetime, zone: ZoneInfo) -> None:
    """Keep one case for each change of the coming day whose cars have not all their yes."""
    for step in _steps(session, now=now, zone=zone):
        if step.change is not None:
            _keep(session, step.change, now=now, zone=zone)
        else:
            _close(session, step.case, step.reason, now)


def is_due(session: Session, *, now: datetime, zone: ZoneInfo) -> bool:
    """Say whether the sweep would do anything now."""
    return bool(_steps(session, now=now, zone=zone))


def _steps(session: Session, *, now: datetime, zone: ZoneInfo) -> list[Step]:
    today = now.astimezone(zone).date()
    live = {case.about: case for case in live_cases_of(session, [CaseKind.CHANGED])}
    changes = changes_from(session, min([today, *(_day_of(about) for about in live)]))
    settled = _settled_by_office(session, [change.about for change in changes])
    steps: list[Step] = []
    for change in changes:
        case = live.pop(change.about, None)
        if not change.open_cars:
            steps += [Step(case, reason="都重新答应了")] if case is not None else []
        elif case is not None:
            steps += [] if _is_said(change, case, now, zone) else [Step(case, change)]
        elif (
            change.on >= today
            and change.starts_at <= now + DAY_AHEAD
            and settled.get(change.about, NEVER) < max(car.changed_at for car in change.open_cars)
        ):
            steps.append(Step(None, change))
    return steps + [Step(case, reason="又改了，或不用接送了") for case in live.values()]


def covered_runs(session: Session, run_ids: Collection[int], *, today: date) -> set[int]:
    """Return which of these runs a live case about a whole change speaks of."""
    if not run_ids:
        return set()
    live = {case.about for case in live_cases_of(session, [CaseKind.CHANGED])}
    if not live:
        return set()
    return {
        car.run_id
        for change in changes_from(session, today)
        if change.about in live
        for car in change.open_cars
        if car.run_id in run_ids and car.run_id is not None
    }


def _car(rows: Sequence[Any]) -> ChangedCar:
    first = rows[0]
    is_agreed = all(row.is_agreed for row in rows)
    said = first.first_state is not None and first.first_state not in (OfferState.OPEN, OfferState.LAPSED)
    return ChangedCar(
        run_id=first.run_id,
        children=tuple(row.child for row in rows),
        starts_at=min(row.pickup_at for row in rows),
        was_at=min(row.was_pickup_at for row in rows),
        changed_at=max(row.changed_at for row in rows),
        is_agreed=is_agreed,
        has_answered=is_agreed or said,
        first_id=first.first_id,
        first=first.first_name or "",
        asked_until=first.asked_until,
    )


def _keep(session: Session, change: Change, *, now: datetime, zone: ZoneInfo) -> None:
    open_case(
        session,
        kind=CaseKind.CHANGED,
        about=change.about,
        sentence=_sentence(change, zone),
        is_urgent=_is_urgent(change, now, zone),
        needed_by=change.starts_at,
        now=now,
    )


def _is_said(change: Change, case: Case, now: datetime, zone: ZoneInfo) -> bool:
    return case.sentence == _sentence(change, zone) and case.is_urgent >= _is_urgent(change, now, zone)


def _sentence(change: Change, zone: ZoneInfo) -> str:
    return wording.case_changed(
        change.on,
        change.starts_at,
        change.direction,
        is_early=change.is_early,
        answered=change.answered,
        cars=len(change.cars),
        missing=len(change.open_cars),
        zone=zone,
    )


def _is_urgent(change: Change, now: datetime, zone: ZoneInfo) -> bool:
    """In the last hour at once. From the evening before where nobody can answer any more, and for a morning at nine."""
    if change.starts_at - now <= LAST_HOUR:
        return True
    evening = datetime.combine(change.on - timedelta(days=1), EVENING, zone)
    if now < evening:
        return False
    is_morning = change.direction == Direction.TO_SCHOOL and now >= evening + ASKED_IN_VAIN
    in_vain = any(
        (car.asked_until is None or car.asked_until <= now) and now - car.changed_at > GIVE_IT_A_MOMENT
        for car in change.open_cars
    )
    return is_morning or in_vain


def _settled_by_office(session: Session, abouts: Collection[str]) -> dict[str, datetime]:
    """Return when somebody of the office last closed the case of each change: it is not opened for the same again."""
    if not abouts:
        return {}
    rows = session.exec(
        select(Case.about, func.max(Case.closed_at))
        .where(
            col(Case.about).in_(list(abouts)),
            Case.kind == CaseKind.CHANGED,
            Case.state == CaseState.CLOSED,
            col(Case.closed_by) != SYSTEM,
        )
        .group_by(col(Case.about))
    )
    return {about: closed_at for about, closed_at in rows if closed_at is not None}


def _close(session: Session, case: Case | None, reason: str, now: datetime) -> None:
    if case is not None:
        close_because(
            session, kinds=[CaseKind.CHANGED], abouts=[case.about], by=SYSTEM, reason=reason, now=now
        )


def _day_of(about: str) -> date:
    return date.fromisoformat(about.split(":")[1])


@cache
def _changed() -> Any:
    """Put together once: every heartbeat asks it."""
    agreed = (
        select(Shift.id)
        .where(
            col(Shift.run_id) == col(RunLeg.run_id),
            Shift.role == Role.DRIVER,
            col(Shift.confirmed_at) >= col(ChangedLeg.changed_at),
        )
        .correlate(RunLeg, ChangedLeg)
        .exists()
    )
    asked_until = (
        select(func.max(Ask.deadline_at))
        .join(Offer, col(Offer.ask_id) == col(Ask.id))
        .where(
            col(Offer.run_id) == col(RunLeg.run_id),
            Offer.role == Role.DRIVER,
            Offer.state == OfferState.OPEN,
            Ask.state == AskState.OPEN,
        )
        .correlate(RunLeg)
        .scalar_subquery()
    )
    again = aliased(Offer)
    newest = (
        select(func.max(again.id))
        .join(Ask, col(Ask.id) == col(again.ask_id))
        .where(
            col(again.run_id) == col(RunLeg.run_id),
            col(again.role) == Role.DRIVER,
            col(again.was_starts_at).is_not(None),
            col(Ask.asked_at) >= col(ChangedLeg.changed_at),
        )
        .correlate(RunLeg, ChangedLeg)
        .scalar_subquery()
    )
    first = aliased(Offer)
    columns: Any = (
        col(ChangedLeg.leg_id).label("leg_id"),
        col(ChangedLeg.on).label("on"),
        col(ChangedLeg.cause).label("cause"),
        col(ChangedLeg.was_pickup_at).label("was_pickup_at"),
        col(ChangedLeg.changed_at).label("changed_at"),
        col(Leg.direction).label("direction"),
        col(Leg.school_id).label("school_id"),
        col(Leg.pickup_at).label("pickup_at"),
        col(Child.short_name).label("child"),
        col(School.name).label("school"),
        col(RunLeg.run_id).label("run_id"),
        agreed.label("is_agreed"),
        asked_until.label("asked_until"),
        col(first.state).label("first_state"),
        col(first.volunteer_id).label("first_id"),
        col(Volunteer.name).label("first_name"),
    )
    return (
        select(*columns)
        .select_from(ChangedLeg)
        .join(Leg, col(Leg.id) == col(ChangedLeg.leg_id))
        .join(Child, col(Child.id) == col(Leg.child_id))
        .join(School, col(School.id) == col(Leg.school_id))
        .outerjoin(RunLeg, (col(RunLeg.leg_id) == col(Leg.id)) & col(RunLeg.is_live))
        .outerjoin(first, col(first.id) == newest)
        .outerjoin(Volunteer, col(Volunteer.id) == col(first.volunteer_id))
        .where(ChangedLeg.on >= bindparam("from_on"), Leg.state == LegState.WANTED)
        .order_by(col(Leg.pickup_at), col(Leg.id))
    )


SYSTEM = "system"
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
DAY_AHEAD = timedelta(hours=24)
LAST_HOUR = timedelta(minutes=60)
EVENING = time(20, 0)
ASKED_IN_VAIN = timedelta(hours=1)
GIVE_IT_A_MOMENT = timedelta(minutes=2)  # the first message is put together within a heartbeat
