"""An afternoon in one line: the calendar's own legs home, in one published car, with its driver's yes."""

from datetime import datetime, time, timedelta

from sqlmodel import Session

from escort.roster.models import Volunteer
from escort.rota.asked_again import ask_again
from escort.rota.early import call_early_dismissal
from escort.rota.models import Run, RunLeg
from escort.schools.service import Scope
from tests.builders import ZONE, EscortedChild
from tests.cast import LIN
from tests.escort.journeys.rides import Ride, a_shift
from tests.escort.rota.weeks import TOMORROW, at, extend, leg_of, links

ON = TOMORROW  # Wednesday, 7 April 2021
MORNING = at(ON, 9)
ELEVEN = at(ON, 11)
HALF_PAST_TWO = time(14, 30)
SAID_YES = at(ON - timedelta(days=2), 13)


def a_way_home(session: Session, *children: EscortedChild, driver: Volunteer | None = None) -> Ride:
    """These children's legs home at four, together, with what the driver was shown and said yes to."""
    extend(session)
    legs = [leg_of(session, child, ON, "home") for child in children]
    run = Run(
        school_id=legs[0].school_id,
        on=ON,
        direction="home",
        starts_at=legs[0].pickup_at,
        ends_at=max(leg.due_at for leg in legs),
        km=legs[0].km,
        minutes=legs[0].minutes,
        published_at=SAID_YES,
    )
    session.add(run)
    session.flush()
    session.add_all(
        RunLeg(run_id=run.id or 0, leg_id=leg.id or 0, position=position) for position, leg in enumerate(legs)
    )
    shift = a_shift(session, run, driver, confirmed_at=SAID_YES) if driver else None
    if shift is not None:
        shift.shown_starts_at = run.starts_at
        shift.shown_legs = ",".join(f"{leg.id}.{leg.generation}" for leg in legs)
    session.flush()
    return Ride(run, legs, shift)


def call_early(session: Session, scope: Scope, *, to: time = HALF_PAST_TWO, now: datetime = ELEVEN) -> int:
    return call_early_dismissal(session, on=ON, at=to, scope=scope, by=LIN, now=now, zone=ZONE)


def ask_all_again(session: Session, now: datetime = ELEVEN) -> int:
    return ask_again(session, now=now, zone=ZONE, links=links)
