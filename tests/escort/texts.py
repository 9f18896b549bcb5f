"""People's short texts, and what came of them: for the tests of replies."""

from datetime import datetime, timedelta

from sqlmodel import Session, select

from escort import replies
from escort.cases.models import Case, CaseKind
from escort.roster.models import Volunteer
from escort.rota import asks
from escort.rota.models import ShiftState
from notifications.addresses import phone_of
from notifications.inbound import record_inbound
from notifications.models import Inbound, InboundOutcome, Message, MessageState
from tests.builders import NOW, ZONE, a_child, a_volunteer
from tests.escort.journeys.rides import Ride, a_ride
from tests.escort.rota.weeks import MINUTE, TOMORROW, letters_to, links

DUTY = "19900000001"


def reply(
    session: Session,
    party: str,
    text: str,
    *,
    now: datetime = NOW + MINUTE,
    number: str | None = None,
    sent_at: datetime | None = None,
) -> InboundOutcome:
    """A text comes from this party's phone, and is read."""
    for message in session.exec(select(Message).where(Message.state == MessageState.QUEUED)):
        message.state, message.next_attempt_at = MessageState.ACCEPTED, None
        message.accepted_at = message.created_at
    session.flush()
    row = record_inbound(
        session,
        provider="test",
        provider_message_id=f"{party}:{text}:{now}",
        sender=number or phone_of(session, party) or "",
        text=text,
        raw="{}",
        now=now,
        sent_at=sent_at,
    )
    assert row is not None
    replies.handle(session, inbound_id=row.id or 0, desk=replies.Desk(now, ZONE, DUTY, links))
    row = session.exec(
        select(Inbound).where(Inbound.id == row.id).execution_options(populate_existing=True)
    ).one()
    assert row.handled_at == now
    return InboundOutcome(row.outcome or "")


def asked(session: Session, *rides: tuple[int, str], name: str = "王师傅") -> tuple[Volunteer, list[Ride]]:
    """A volunteer with one open ask: rides as (days from tomorrow, direction); tomorrow's morning by default."""
    wang = a_volunteer(session, name)
    made = [
        a_ride(
            session,
            a_child(session),
            driver=wang,
            on=TOMORROW + timedelta(days=days),
            direction=direction,
            shift_state=ShiftState.OPEN,
        )
        for days, direction in rides or ((0, "to_school"),)
    ]
    asks.send_asks(session, now=NOW, zone=ZONE, links=links)
    return wang, made


def party_of(volunteer: Volunteer) -> str:
    return f"volunteer:{volunteer.id}"


def state(session: Session, ride: Ride) -> str:
    assert ride.shift is not None
    session.refresh(ride.shift)
    return ride.shift.state


def unclear(session: Session) -> list[Case]:
    return list(session.exec(select(Case).where(Case.kind == CaseKind.REPLY_UNCLEAR)))


def last_text(session: Session, party: str) -> str:
    return letters_to(session, party)[-1].text
