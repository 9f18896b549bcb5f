"""Every state of the family's page, each with how the day comes to it and when it is looked at."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session, col, update

from escort.families.models import Family
from escort.journeys.models import Step, Tap
from escort.roster.models import Volunteer
from escort.rota.models import Leg, LegState, Shift, ShiftState
from tests.builders import NOW, ZONE
from tests.escort.web.visitors import Wednesday, a_shift

Prepare = Callable[[Session, Wednesday], None]


def _nothing(_session: Session, _day: Wednesday) -> None:
    """The day as it is: 王师傅 has said yes to both ways."""


@dataclass(frozen=True)
class PageState:
    name: str
    at: datetime
    prepare: Prepare = field(default=_nothing)
    path: str = ""
    posts: str = ""  # the form whose answer is the page
    bound: bool = True


def local(hour: int, minute: int = 0, *, day: int = 7) -> datetime:
    return datetime(2021, 4, day, hour, minute, tzinfo=ZONE)


def _tapped(session: Session, leg: Leg, step: str, by: str, at: datetime) -> None:
    uuid = f"{leg.id}:{step}:{by}"
    session.add(Tap(uuid=uuid, leg_id=leg.id or 0, step=step, by=by, tapped_at=at, arrived_at=at))
    session.flush()


def _morning_until(*steps: str) -> Prepare:
    def prepare(session: Session, day: Wednesday) -> None:
        for minute, step in enumerate(steps):
            _tapped(session, day.morning, step, day.wang, local(7, 15 + 10 * minute))

    return prepare


def _afternoon_until(*steps: str, confirms: bool = False, photo: bool = False) -> Prepare:
    def prepare(session: Session, day: Wednesday) -> None:
        _tapped(session, day.morning, Step.DELIVERED, day.wang, day.morning.due_at)
        session.merge(Family(id=day.cast.xiaoyu.child.family_id, confirms_arrival=confirms))
        if photo:
            face = "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHZpZXdCb3g9IjAgMCA2NCA2NCI+PHJlY3Qgd2lkdGg9IjY0IiBoZWlnaHQ9IjY0IiBmaWxsPSIjRjZFM0RDIi8+PGNpcmNsZSBjeD0iMzIiIGN5PSIyOCIgcj0iMTIiIGZpbGw9IiNGM0NEQTkiLz48cGF0aCBkPSJNOCA2NmMwLTE1IDEwLTE5IDI0LTE5czI0IDQgMjQgMTl6IiBmaWxsPSIjQjQ1NzRBIi8+PC9zdmc+"
            session.execute(update(Volunteer).where(col(Volunteer.id) == day.cast.wang.id).values(photo=face))
        for minute, step in enumerate(steps):
            _tapped(session, day.afternoon, step, day.wang, local(16, 1 + 10 * minute))

    return prepare


def _lost(session: Session, day: Wednesday) -> None:
    shift = session.get_one(Shift, day.morning_shift.id)
    shift.state, shift.ended_at = ShiftState.FREED, NOW
    session.flush()


def _changed(session: Session, day: Wednesday) -> None:
    _lost(session, day)
    session.get_one(Volunteer, day.cast.chen.id).car_colour = "黑"
    a_shift(session, day.morning_run, day.cast.chen, confirmed_at=NOW + timedelta(minutes=1))


def _cancelled(session: Session, day: Wednesday) -> None:
    session.get_one(Leg, day.morning.id).state = LegState.CANCELLED


def _no_legs(session: Session, _day: Wednesday) -> None:
    session.execute(update(Leg).values(state=LegState.WITHDRAWN))


EVENING = NOW + timedelta(minutes=5)
STATES = [
    PageState("unbound", EVENING, bound=False),
    PageState("unbound-finding", EVENING, _lost, bound=False),
    PageState("later", local(12, day=6)),
    PageState("finding", EVENING, _lost),
    PageState("nobody", local(7, 30), _lost),
    PageState("confirmed", EVENING),
    PageState("changed", EVENING, _changed),
    PageState("started", local(7, 20), _morning_until(Step.STARTED)),
    PageState("at-pickup", local(7, 30), _morning_until(Step.STARTED, Step.AT_PICKUP)),
    PageState("on-board", local(7, 40), _morning_until(Step.STARTED, Step.AT_PICKUP, Step.ON_BOARD)),
    PageState("at-school", local(7, 50), _morning_until(Step.STARTED, Step.ON_BOARD, Step.DELIVERED)),
    PageState("going-home", local(16, 20), _afternoon_until(Step.STARTED, Step.ON_BOARD, photo=True)),
    PageState(
        "reported",
        local(16, 25),
        _afternoon_until(Step.STARTED, Step.ON_BOARD, Step.DELIVERED, confirms=True),
    ),
    PageState("at-home", local(16, 25), _afternoon_until(Step.STARTED, Step.ON_BOARD, Step.DELIVERED)),
    PageState("no-ride", EVENING, _cancelled),
    PageState("no-days", EVENING, _no_legs),
    PageState("cancel", EVENING, path="/cancel"),
    PageState("wrong-person", EVENING, posts="not-this-person"),
    PageState(
        "not-home",
        local(16, 25),
        _afternoon_until(Step.STARTED, Step.ON_BOARD, Step.DELIVERED, confirms=True),
        posts="not-home",
    ),
]
"""What a family may find when it opens its link."""
