"""Weeks in one line: legs, a published plan, and what was said to whom."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta

from sqlmodel import Session, col, select

from escort.db import Store
from escort.roster.models import Volunteer
from escort.rota import asks, legs, planning, standins
from escort.rota.models import Ask, Leg, Offer, Run, RunLeg, RunState, Shift
from notifications.models import Message
from tests.builders import NOW, TODAY, ZONE, EscortedChild

TOMORROW = TODAY + timedelta(days=1)  # Wednesday, 7 April 2021
SUNDAY = date(2021, 4, 11)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def links(_session: Session, subjects: Sequence[str]) -> Mapping[str, str]:
    return {subject: f"https://dujuan.test/{subject}" for subject in subjects}


def at(on: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(on, time(hour, minute), ZONE)


def extend(session: Session, now: datetime = NOW) -> legs.Extended:
    return legs.extend_calendar(session, now=now, zone=ZONE)


def plan(
    store: Store, *, from_on: date = TOMORROW, until_on: date = SUNDAY, now: datetime = NOW
) -> int | None:
    """Legs and a draft for the dates."""
    with store.write() as session:
        extend(session, now)
    return planning.make_plan(store, now=now, zone=ZONE, from_on=from_on, until_on=until_on, seed=1)


def publish(store: Store, *, from_on: date = TOMORROW, until_on: date = SUNDAY, now: datetime = NOW) -> None:
    """Legs, a plan for the dates, published and asked."""
    plan_id = plan(store, from_on=from_on, until_on=until_on, now=now)
    assert plan_id is not None
    with store.write() as session:
        planning.publish_plan(session, plan_id=plan_id, by="account:1", now=now)
        asks.send_asks(session, now=now, zone=ZONE, links=links)


def say_yes(session: Session, volunteer: Volunteer, now: datetime = NOW) -> asks.Answered:
    """This volunteer answers the open ask with 1."""
    return answer(session, volunteer, set(), now)


def say_no(session: Session, volunteer: Volunteer, now: datetime = NOW) -> asks.Answered:
    return answer(session, volunteer, None, now)


def answer(
    session: Session, volunteer: Volunteer, declined: set[int] | None, now: datetime = NOW
) -> asks.Answered:
    ask = asks.open_asks_of(session, id_of(volunteer))[0]
    return asks.answer_ask(
        session,
        ask_id=id_of(ask),
        declined=declined,
        by=f"volunteer:{volunteer.id}",
        how="sms",
        now=now,
        zone=ZONE,
    )


def search(session: Session, on: date = TOMORROW, now: datetime = NOW) -> int:
    return standins.search(session, on=on, now=now, zone=ZONE, links=links)


def leg_of(session: Session, child: EscortedChild, on: date = TOMORROW, direction: str = "to_school") -> Leg:
    return session.exec(
        select(Leg)
        .where(Leg.child_id == child.id, Leg.on == on, Leg.direction == direction)
        .execution_options(populate_existing=True)
    ).one()


def run_of(session: Session, leg: Leg) -> Run:
    """The live run that carries a leg."""
    return session.exec(
        select(Run)
        .join(RunLeg, col(RunLeg.run_id) == col(Run.id))
        .where(RunLeg.leg_id == leg.id, col(RunLeg.is_live), Run.state == RunState.LIVE)
        .execution_options(populate_existing=True)
    ).one()


def shifts_of(session: Session, run: Run) -> list[Shift]:
    return list(
        session.exec(
            select(Shift)
            .where(Shift.run_id == run.id)
            .order_by(col(Shift.id))
            .execution_options(populate_existing=True)
        )
    )


def states_of(session: Session, run: Run) -> dict[int, str]:
    """The state of each volunteer's newest shift of a run."""
    return {shift.volunteer_id: shift.state for shift in shifts_of(session, run)}


def offers_to(session: Session, volunteer: Volunteer) -> list[Offer]:
    return list(
        session.exec(
            select(Offer)
            .where(Offer.volunteer_id == volunteer.id)
            .order_by(col(Offer.id))
            .execution_options(populate_existing=True)
        )
    )


def asks_to(session: Session, volunteer: Volunteer) -> list[Ask]:
    return list(
        session.exec(
            select(Ask)
            .where(Ask.volunteer_id == volunteer.id)
            .order_by(col(Ask.id))
            .execution_options(populate_existing=True)
        )
    )


def told(session: Session, party: str) -> list[str]:
    """The templates of what was written to a party, the oldest first."""
    return [message.template for message in letters_to(session, party)]


def letters_to(session: Session, party: str) -> list[Message]:
    return list(session.exec(select(Message).where(Message.party == party).order_by(col(Message.id))))


def id_of(row: Volunteer | Ask | Run | Leg | Offer | Shift) -> int:
    assert row.id is not None
    return row.id
