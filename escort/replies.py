"""All replies by text message: what was understood is done and repeated; the rest goes to a human, never guessed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from escort import wording
from escort.cases import service as cases
from escort.cases.models import CaseKind
from escort.families.models import Child, Guardian
from escort.reply_grammar import Meaning, Reply, read_reply
from escort.roster.models import Volunteer
from escort.rota import asks, legs
from escort.rota.models import Ask, Leg, LegState, Offer, OfferState
from escort.rota.shown import shown_runs
from notifications.addresses import freeze_phone, party_by_phone
from notifications.inbound import mark_handled
from notifications.models import Inbound, InboundOutcome, Message, Urgency
from notifications.outbox import acknowledge, enqueue
from notifications.wording import Wording


@dataclass(frozen=True)
class Desk:
    """What every answer needs to know of the office."""

    now: datetime
    zone: ZoneInfo
    duty_phone: str
    links: asks.LinkMaker


LATE_ANSWER_COUNTS_FOR = timedelta(days=7)
URGENT_BEFORE = timedelta(minutes=60)


def handle(session: Session, *, inbound_id: int, desk: Desk) -> None:
    """Act on one reply that came in, or put it before a human. Doing it twice changes nothing more."""
    row = session.get_one(Inbound, inbound_id)
    if row.handled_at is not None:
        return
    parties = party_by_phone(session, row.sender)
    reply = read_reply(row.text)
    now = desk.now
    outcome = InboundOutcome.FORWARDED
    if reply.meaning == Meaning.STRANGER:
        _stranger(session, row, parties, now)
    elif volunteers := [party for party in parties if party.startswith("volunteer:")]:
        outcome = _volunteer(session, row, reply, volunteers, desk)
    elif guardians := [party for party in parties if party.startswith("guardian:")]:
        outcome = _guardian(session, row, reply, guardians[0], desk)
    elif reply.meaning not in {Meaning.THANKS, Meaning.RECEIVED}:
        _forward(session, row, "陌生号码", now=now, is_urgent=False)
    else:
        outcome = InboundOutcome.NOTED
    mark_handled(session, inbound_id=inbound_id, outcome=outcome, now=now)


def set_aside(session: Session, *, inbound_id: int, now: datetime) -> None:
    """Put a reply that could not be handled before a human, with nothing lost."""
    row = session.get_one(Inbound, inbound_id)
    _forward(session, row, "系统没能处理", now=now, is_urgent=True)
    mark_handled(session, inbound_id=inbound_id, outcome=InboundOutcome.FORWARDED, now=now)


def failed_sentence(session: Session, message: Message) -> str:
    """Say whom a message could not reach."""
    return wording.case_message_failed(_name_of(session, message.party), message.failed_code or "")


def _volunteer(
    session: Session, row: Inbound, reply: Reply, parties: Sequence[str], desk: Desk
) -> InboundOutcome:
    """Answer the one open ask of whoever wrote. A number that two people share answers for the one that was asked."""
    now = desk.now
    open_asks = [(party, ask) for party in parties for ask in asks.open_asks_of(session, _number(party))]
    if not open_asks:
        return _volunteer_with_nothing_open(session, row, reply, parties[0], desk)
    party, ask = open_asks[0]
    if reply.meaning == Meaning.THANKS:
        return InboundOutcome.NOTED
    if reply.meaning == Meaning.UNCLEAR:
        _forward(session, row, _name_of(session, party), now=now, is_urgent=_is_soon(ask, now))
        _say(session, party, wording.reply_passed_on(duty_phone=desk.duty_phone), row, now)
        return InboundOutcome.FORWARDED
    if len(open_asks) > 1 and reply.meaning != Meaning.RECEIVED:
        link = desk.links(session, [party])[party]
        words = wording.reply_which_ask(len(open_asks), duty_phone=desk.duty_phone, link=link)
        _say(session, party, words, row, now)
        return InboundOutcome.APPLIED
    _answer(session, row, reply, party, ask, desk)
    return InboundOutcome.APPLIED


def _answer(session: Session, row: Inbound, reply: Reply, party: str, ask: Ask, desk: Desk) -> None:
    assert ask.id is not None
    now = desk.now
    offers = [offer for offer in asks.offers_of(session, ask.id) if offer.state == OfferState.OPEN]
    declined = {offer.id for offer in offers if offer.on.weekday() in reply.weekdays and offer.id is not None}
    if reply.meaning == Meaning.RECEIVED or (reply.meaning == Meaning.NO_ON and not declined):
        turns = _turns(session, offers)
        _say(session, party, wording.reply_ask_back(turns, now=now, zone=desk.zone), row, now)
        return
    answered = asks.answer_ask(
        session,
        ask_id=ask.id,
        declined=None if reply.meaning == Meaning.NO else declined,
        by=party,
        how="sms",
        now=now,
        zone=desk.zone,
    )
    acknowledge(session, about=f"ask:{ask.id}", now=now)
    words = understood(session, answered, desk)
    if words is not None:
        _say(session, party, words, row, now)


def _volunteer_with_nothing_open(
    session: Session, row: Inbound, reply: Reply, party: str, desk: Desk
) -> InboundOutcome:
    """Thanks opens nothing; a late yes or no is answered with the truth of now."""
    if reply.meaning in {Meaning.THANKS, Meaning.RECEIVED}:
        return InboundOutcome.NOTED
    now = desk.now
    late = asks.last_lapsed_ask_of(session, _number(party), since=now - LATE_ANSWER_COUNTS_FOR)
    if late is None or reply.meaning in {Meaning.UNCLEAR, Meaning.NO_ON}:
        _forward(session, row, _name_of(session, party), now=now, is_urgent=False)
        _say(session, party, wording.reply_passed_on(duty_phone=desk.duty_phone), row, now)
        return InboundOutcome.FORWARDED
    assert late.id is not None
    answered = asks.answer_ask(
        session,
        ask_id=late.id,
        declined=None if reply.meaning == Meaning.NO else set(),
        by=party,
        how="sms late",
        now=now,
        zone=desk.zone,
    )
    words = understood(session, answered, desk)
    if words is not None:
        _say(session, party, words, row, now)
    return InboundOutcome.APPLIED


def understood(session: Session, answered: asks.Answered, desk: Desk) -> Wording | None:
    """Return the answer that repeats what was understood; None if there is nothing to say."""
    yes, no, gone = (_turns(session, rows) for rows in (answered.accepted, answered.declined, answered.gone))
    if yes and no:
        return wording.ask_understood_partly(yes, no, now=desk.now, zone=desk.zone)
    if yes:
        return wording.ask_understood_yes(yes, now=desk.now, zone=desk.zone)
    if no:
        return wording.ask_understood_no(no, now=desk.now, zone=desk.zone)
    return wording.driver_late_reply_truth(gone[0], now=desk.now, zone=desk.zone) if gone else None


def _guardian(session: Session, row: Inbound, reply: Reply, party: str, desk: Desk) -> InboundOutcome:
    """A family's 2 cancels the next day that still has legs, both ways, and says so."""
    now = desk.now
    if reply.meaning in {Meaning.THANKS, Meaning.RECEIVED, Meaning.YES}:
        return InboundOutcome.NOTED
    coming = _next_legs(session, _number(party), now)
    if reply.meaning != Meaning.NO or not coming:
        _forward(session, row, _name_of(session, party), now=now, is_urgent=True)
        _say(session, party, wording.reply_passed_on(duty_phone=desk.duty_phone), row, now)
        return InboundOutcome.FORWARDED
    for leg in coming:
        assert leg.id is not None
        legs.cancel_leg(session, leg_id=leg.id, by=party, reason="family", now=now, zone=desk.zone)
    by_child: dict[int, list[wording.Half]] = {}
    for leg in coming:
        by_child.setdefault(leg.child_id, []).append(wording.Half(leg.pickup_at, leg.direction))
    for number, (child_id, halves) in enumerate(by_child.items()):
        child = session.get_one(Child, child_id)
        words = wording.family_cancel_understood(
            wording.child_in_message(child.full_name, child.short_name),
            halves,
            duty_phone=desk.duty_phone,
            now=now,
            zone=desk.zone,
        )
        _say(session, party, words, row, now, number=number)
    return InboundOutcome.APPLIED


def _turns(session: Session, offers: Sequence[Offer]) -> list[wording.Turn]:
    shown = shown_runs(session, [offer.run_id for offer in offers if offer.run_id is not None])
    return [shown[offer.run_id].turn for offer in offers if offer.run_id in shown]


def _next_legs(session: Session, guardian_id: int, now: datetime) -> list[Leg]:
    """Return the legs not yet begun of the family's next day that has any."""
    rows = list(
        session.exec(
            select(Leg)
            .join(Child, col(Child.id) == Leg.child_id)
            .join(Guardian, col(Guardian.family_id) == Child.family_id)
            .where(Guardian.id == guardian_id, Leg.state == LegState.WANTED, col(Leg.pickup_at) > now)
            .order_by(col(Leg.on), col(Leg.pickup_at))
            .limit(20)
        )
    )
    return [leg for leg in rows if leg.on == rows[0].on]


def _stranger(session: Session, row: Inbound, parties: Sequence[str], now: datetime) -> None:
    """Somebody else may have this number now: nothing more is sent to it until a human has looked."""
    freeze_phone(session, phone=row.sender, reason="stranger", now=now)
    _forward(session, row, "、".join(_name_of(session, party) for party in parties), now=now, is_urgent=True)


def _forward(session: Session, row: Inbound, who: str, *, now: datetime, is_urgent: bool) -> None:
    cases.open_case(
        session,
        kind=CaseKind.REPLY_UNCLEAR,
        about=f"inbound:{row.id}",
        sentence=wording.case_reply_unclear(who or "陌生号码"),
        now=now,
        is_urgent=is_urgent,
        needed_by=None,
    )


def _say(
    session: Session, party: str, text: Wording, row: Inbound, now: datetime, *, number: int = 0
) -> None:
    enqueue(
        session,
        to=party,
        wording=text,
        about=f"inbound:{row.id}",
        dedup_key=f"answer:{row.id}:{number}",
        now=now,
        urgency=Urgency.URGENT,
    )


def _is_soon(ask: Ask, now: datetime) -> bool:
    return ask.deadline_at - now < URGENT_BEFORE


def _name_of(session: Session, party: str) -> str:
    kind, _, number = party.partition(":")
    if kind == "volunteer":
        volunteer = session.get(Volunteer, int(number))
        return volunteer.name if volunteer else party
    if kind == "guardian":
        row = session.exec(
            select(col(Child.short_name), col(Guardian.relation))
            .join(Guardian, col(Guardian.family_id) == Child.family_id)
            .where(Guardian.id == int(number))
        ).first()
        return f"{row[0]}的{row[1] or '家里'}" if row else party
    return "值班人" if kind == "account" else party


def _number(party: str) -> int:
    return int(party.partition(":")[2])
