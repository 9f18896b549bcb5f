"""What a family's short reply does: a 2 cancels that one child's legs of the day that the last text was about.

To the question whether the child is at home a 1 says so, and a 2 opens a case.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from escort import spoken, wording
from escort.errors import Conflict, NotFound, Refused
from escort.families import next_term
from escort.families.models import Child, Escort, Why
from escort.families.next_term import NEXT_TERM
from escort.families.queries import children_by_name
from escort.journeys.afternoons import AFTERNOON
from escort.journeys.arrivals import ARRIVAL, say_arrived, say_not_home
from escort.journeys.taken_back import legs_in
from escort.messages import sent_to
from escort.reply_grammar import Meaning, Reply
from escort.rota.aboard import boarded
from escort.rota.afternoons import keep_afternoon
from escort.rota.legs import cancel_leg
from escort.rota.models import Leg, LegState
from escort.rota.pauses import pause_child
from notifications.models import Message
from notifications.outbox import acknowledge
from notifications.wording import Wording

INVITING = {
    "family.tomorrow",
    "family.tomorrow_open",
    "family.searching",
    "family.asked_again",
    AFTERNOON,
}
"""Texts that say: 不用接请回2."""

ASKING = INVITING | {ARRIVAL, NEXT_TERM}
"""Texts to a family that want an answer."""
LONGEST_BY_TEXT = timedelta(days=31)


def answer_family(
    session: Session,
    *,
    reply: Reply,
    parties: Sequence[str],
    received_at: datetime,
    now: datetime,
    zone: ZoneInfo,
    duty_phone: str,
) -> list[tuple[str, Wording]] | None:
    """Return what to say to whom, nothing for what needs no answer; None if a human must look.

    Only a plain 2 or 不用接 cancels, and only if the last text about a ride asked for it and names one child. Texts
    about two children that lie side by side unanswered are a question for a human.
    """
    if reply.meaning == Meaning.PAUSE:
        return _pause(
            session, reply, parties, received_at=received_at, now=now, zone=zone, duty_phone=duty_phone
        )
    sent = sent_to(session, parties, before=received_at)
    if sent and sent[0].template == NEXT_TERM and reply.is_digit:
        return _next_term(session, sent, wants=reply.meaning == Meaning.YES, now=now, duty_phone=duty_phone)
    about_rides = [message for message in sent if message.about.startswith(("leg:", "legs:"))]
    if about_rides and about_rides[0].template == ARRIVAL:
        return _about_arrival(session, about_rides[0], reply, now=now, duty_phone=duty_phone)
    if about_rides and about_rides[0].template == AFTERNOON and reply.meaning == Meaning.YES:
        return _keep(session, about_rides, reply, now=now, zone=zone, duty_phone=duty_phone)
    if reply.meaning in {Meaning.THANKS, Meaning.RECEIVED, Meaning.YES}:
        return []
    if not about_rides or not _is_cancellation(reply) or about_rides[0].template not in INVITING:
        return None
    day = _day_of(session, about_rides[0])
    if day is None or _is_ambiguous(session, about_rides, *day):
        return None
    child_id, on = day
    return _cancel(session, about_rides[0], child_id, on, now=now, zone=zone, duty_phone=duty_phone)


def _about_arrival(
    session: Session, message: Message, reply: Reply, *, now: datetime, duty_phone: str
) -> list[tuple[str, Wording]] | None:
    """The text asked whether the child is at home. Only a plain 1 or 到家了 says so; a 收到 leaves the question open."""
    is_home = reply.meaning == Meaning.ARRIVED or (reply.meaning == Meaning.YES and reply.is_digit)
    is_not = reply.meaning == Meaning.NOT_ARRIVED or (reply.meaning == Meaning.NO and reply.is_digit)
    if not is_home and not is_not:
        return [] if reply.meaning in {Meaning.THANKS, Meaning.RECEIVED, Meaning.YES} else None
    legs = sorted(legs_in(message.about))
    rows = session.exec(
        select(Child).join(Leg, col(Leg.child_id) == col(Child.id)).where(col(Leg.id).in_(legs))
    ).all()
    names = [spoken.child_in_message(child.full_name, child.short_name) for child in rows]
    if message.id is not None:
        acknowledge(session, message_id=message.id, now=now)
    if is_home:
        say_arrived(session, leg_ids=legs, by=message.party, now=now)
        return [(message.party, wording.family_arrived(names))]
    for leg_id in legs:
        say_not_home(session, leg_id=leg_id, by=message.party, who="家里", now=now)
    return [(message.party, wording.family_not_home(names, duty_phone=duty_phone))]


def _keep(
    session: Session,
    messages: Sequence[Message],
    reply: Reply,
    *,
    now: datetime,
    zone: ZoneInfo,
    duty_phone: str,
) -> list[tuple[str, Wording]] | None:
    """The text asked whether the way home is wanted. Only a plain 1 says so; a 好的 says neither, and the case goes on."""
    if not reply.is_digit:
        return []
    message = messages[0]
    (leg_id,) = legs_in(message.about)
    leg = session.get_one(Leg, leg_id)
    if _is_ambiguous(session, messages, leg.child_id, leg.on):
        return None
    try:
        keep_afternoon(session, leg_id=leg_id, by=message.party, now=now)
    except Conflict:
        return None
    if message.id is not None:
        acknowledge(session, message_id=message.id, now=now)
    leg, child = session.get_one(Leg, leg_id), session.get_one(Child, leg.child_id)
    words = wording.family_afternoon_kept(
        spoken.child_in_message(child.full_name, child.short_name),
        wording.Half(leg.pickup_at, leg.direction),
        duty_phone=duty_phone,
        zone=zone,
    )
    return [(message.party, words)]


def _pause(
    session: Session,
    reply: Reply,
    parties: Sequence[str],
    *,
    received_at: datetime,
    now: datetime,
    zone: ZoneInfo,
    duty_phone: str,
) -> list[tuple[str, Wording]] | None:
    """Only where this phone speaks for one child, and the day is near enough to be meant; else a human looks."""
    whose = {
        child_id: party
        for party in parties
        for child_id, _ in children_by_name(session, int(party.partition(":")[2]))
    }
    today = now.astimezone(zone).date()
    until_on = _last_day(reply, received_at.astimezone(zone).date())
    if len(whose) != 1 or until_on is None or not today <= until_on <= today + LONGEST_BY_TEXT:
        return None
    ((child_id, party),) = whose.items()
    child = session.get_one(Child, child_id)
    try:
        pause_child(
            session,
            child_id=child_id,
            why=Why.SICK if reply.is_sick else Why.AWAY,
            from_on=today,
            until_on=until_on,
            by=party,
            now=now,
            zone=zone,
        )
    except (Refused, NotFound):
        return None
    words = wording.family_paused(
        spoken.child_in_message(child.full_name, child.short_name),
        until_on,
        back_on=until_on + timedelta(days=1),
        duty_phone=duty_phone,
    )
    return [(party, words)]


def _last_day(reply: Reply, said_on: date) -> date | None:
    """Return the named weekday from the day of the text on, or the named date of that year or, in winter, the next."""
    if reply.weekdays:
        (weekday,) = reply.weekdays
        return said_on + timedelta(days=(weekday - said_on.weekday()) % 7)
    ((month, day), _) = reply.dates[0]
    for year in (said_on.year, said_on.year + 1):
        try:
            found = date(year, month, day)
        except ValueError:
            return None
        if found >= said_on:
            return found
    return None


def _next_term(
    session: Session, sent: Sequence[Message], *, wants: bool, now: datetime, duty_phone: str
) -> list[tuple[str, Wording]] | None:
    """Record the digit for the child that the last text asked about; of two children asked about, a human asks."""
    message = sent[0]
    asked = {one.about for one in sent if one.template == NEXT_TERM and one.acknowledged_at is None}
    if asked - {message.about}:
        return None
    escort = session.get_one(Escort, int(message.about.partition(":")[2]))
    try:
        next_term.record_answer(
            session, child_id=escort.child_id, wants=wants, by=message.party, how="sms", now=now
        )
    except Conflict:
        return None
    if message.id is not None:
        acknowledge(session, message_id=message.id, now=now)
    child = session.get_one(Child, escort.child_id)
    name = spoken.child_in_message(child.full_name, child.short_name)
    return [(message.party, wording.family_next_term_understood(name, wants=wants, duty_phone=duty_phone))]


def _is_cancellation(reply: Reply) -> bool:
    return reply.meaning == Meaning.CANCEL or (reply.meaning == Meaning.NO and reply.is_digit)


def _cancel(
    session: Session,
    message: Message,
    child_id: int,
    on: date,
    *,
    now: datetime,
    zone: ZoneInfo,
    duty_phone: str,
) -> list[tuple[str, Wording]] | None:
    legs = session.exec(
        select(Leg).where(Leg.child_id == child_id, Leg.on == on).order_by(col(Leg.pickup_at))
    ).all()
    coming = [leg for leg in legs if leg.state == LegState.WANTED and leg.pickup_at > now]
    if boarded(session, [leg.id for leg in coming if leg.id is not None]):
        return None  # the child is in the car already: a human rings
    for leg in coming:
        assert leg.id is not None
        cancel_leg(session, leg_id=leg.id, by=message.party, reason="family", now=now, zone=zone)
    told = coming or [
        leg for leg in legs if leg.state == LegState.CANCELLED
    ]  # the same 2 again: the same answer
    if not told:
        return None
    if message.id is not None:
        acknowledge(session, message_id=message.id, now=now)
    child = session.get_one(Child, child_id)
    words = wording.family_cancel_understood(
        spoken.child_in_message(child.full_name, child.short_name),
        [wording.Half(leg.pickup_at, leg.direction) for leg in told],
        duty_phone=duty_phone,
        now=now,
        zone=zone,
    )
    return [(message.party, words)]


def _is_ambiguous(session: Session, messages: Sequence[Message], child_id: int, on: date) -> bool:
    """Whether another child's text of that day, or a later one, waits for its 2 as well."""
    for message in messages[1:]:
        if message.template not in INVITING or message.acknowledged_at is not None:
            continue
        other = _day_of(session, message)
        if other is not None and other[0] != child_id and other[1] >= on:
            wanted = select(Leg.id).where(
                Leg.child_id == other[0], Leg.on == other[1], Leg.state == LegState.WANTED
            )
            if session.exec(wanted.limit(1)).first() is not None:
                return True
    return False


def _day_of(session: Session, message: Message) -> tuple[int, date] | None:
    """Return the child and the date that a text was about."""
    first = message.about.partition(":")[2].partition(",")[0]
    leg = session.get(Leg, int(first)) if first.isdecimal() else None
    return (leg.child_id, leg.on) if leg is not None else None
