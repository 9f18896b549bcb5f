"""All replies by text message: what was understood is done and repeated; the rest goes to a human, never guessed.

A short word means what the last text asked. So each reply is read against what that phone was sent before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from escort import wording
from escort.access import numbers
from escort.cases import service as cases
from escort.cases.models import CaseKind
from escort.families.models import Child, Guardian
from escort.family_replies import ASKING, answer_family
from escort.messages import last_sent, sent_to
from escort.reply_grammar import Meaning, Reply, read_reply
from escort.roster.models import Volunteer
from escort.rota import asks, month_question
from escort.rota.availability import block_out
from escort.rota.models import (
    CAN_SAY_NO,
    LIVE_SHIFT,
    Ask,
    AskState,
    Offer,
    OfferState,
    Role,
    Run,
    RunState,
    Shift,
    ShiftState,
)
from escort.rota.shown import shown_runs
from escort.standing_replies import STANDING_WORDS, answer_standing
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


@dataclass(frozen=True)
class Outcome:
    """What became of a reply: what to say to whom, and whether a human must look."""

    kind: InboundOutcome
    say: tuple[tuple[str, Wording], ...] = ()
    who: str = ""  # whose words a human must look at
    is_urgent: bool = False


LATE_ANSWER_COUNTS_FOR = timedelta(days=7)
URGENT_BEFORE = timedelta(minutes=60)
SOON = timedelta(hours=24)  # a driver's "no" about a shift so near is urgent
FOR_A_HUMAN = {
    Meaning.UNCLEAR,
    Meaning.CANCEL,
    Meaning.ARRIVED,
    Meaning.NOT_ARRIVED,
    Meaning.PAUSE,
}
"""What families say, and what nobody has agreed on: from a volunteer it answers no question."""
MONTH_ANSWERS = {Meaning.NOTHING, Meaning.DATES}
ANSWERS = {
    Meaning.YES,
    Meaning.NO,
    Meaning.NO_ON,
    Meaning.CANCEL,
    Meaning.ARRIVED,
    Meaning.NOT_ARRIVED,
}
MONTH_TEXTS = {"month.none", "month.dates"}
OWN_ANSWERS = {"ask.yes", "ask.no", "ask.partly", "ask.not_taken", "ask.again"}


def handle(session: Session, *, inbound_id: int, desk: Desk) -> None:
    """Act on one reply that came in, or put it before a human. Doing it twice changes nothing more."""
    row = session.exec(
        select(Inbound)
        .where(Inbound.id == inbound_id)
        .with_for_update()  # another node waits here, and then finds it handled
        .execution_options(populate_existing=True)
    ).one()
    if row.handled_at is not None:
        return
    parties = party_by_phone(session, row.sender)
    outcome = _outcome(session, row, read_reply(row.text), parties, desk)
    for number, (party, words) in enumerate(outcome.say):
        enqueue(
            session,
            to=party,
            wording=words,
            about=f"inbound:{row.id}",
            dedup_key=f"answer:{row.id}:{number}",
            now=desk.now,
            urgency=Urgency.URGENT,
        )
    if outcome.kind is InboundOutcome.FORWARDED:
        _forward(session, row, outcome.who, now=desk.now, is_urgent=outcome.is_urgent)
    mark_handled(session, inbound_id=inbound_id, outcome=outcome.kind, now=desk.now)


def set_aside(session: Session, *, inbound_id: int, now: datetime) -> None:
    """Put a reply that could not be handled before a human, with nothing lost."""
    row = session.get_one(Inbound, inbound_id)
    _forward(session, row, "系统没能处理", now=now, is_urgent=True)
    mark_handled(session, inbound_id=inbound_id, outcome=InboundOutcome.FORWARDED, now=now)


def failed_sentence(session: Session, message: Message) -> str:
    """Say whom a message could not reach."""
    return wording.case_message_failed(_name_of(session, message.party), message.failed_code or "")


def understood(session: Session, answered: asks.Answered, desk: Desk) -> list[Wording]:
    """Return the answer that repeats what was understood; none if a human must say what is true."""
    yes, no = _turns(session, answered.accepted), _turns(session, answered.declined)
    turned_away = _turned_away(session, answered.gone, desk)
    waiting = _turns(session, answered.waiting)
    if waiting:
        turned_away = [wording.couple_waits(waiting, now=desk.now, zone=desk.zone), *turned_away]
    if yes and no:
        return [wording.ask_understood_partly(yes, no, now=desk.now, zone=desk.zone), *turned_away]
    if yes:
        return [wording.ask_understood_yes(yes, now=desk.now, zone=desk.zone), *turned_away]
    if no:
        return [wording.ask_understood_no(no, now=desk.now, zone=desk.zone), *turned_away]
    if turned_away:
        return turned_away
    for offer in answered.gone:
        if _is_driven_by_another(session, offer):
            turn = _turns(session, [offer])[0]
            return [wording.driver_late_reply_truth(turn, now=desk.now, zone=desk.zone)]
    if answered.gone and all(_is_over(session, offer, desk.now) for offer in answered.gone):
        return [wording.late_thanks()]
    return []


def _turned_away(session: Session, gone: Sequence[Offer], desk: Desk) -> list[Wording]:
    """Say of each yes that could not be taken why."""
    reasons = dict.fromkeys(offer.end_reason for offer in gone if offer.end_reason)
    return [
        wording.yes_not_taken(
            _turns(session, [offer for offer in gone if offer.end_reason == reason]),
            reason,
            now=desk.now,
            zone=desk.zone,
        )
        for reason in reasons
    ]


def _outcome(session: Session, row: Inbound, reply: Reply, parties: Sequence[str], desk: Desk) -> Outcome:
    if reply.meaning == Meaning.STRANGER:
        return _stranger(session, row, parties, desk.now)
    if reply.meaning == Meaning.NOT_ME:
        return _not_me(session, row, parties, desk)
    volunteers = [party for party in parties if party.startswith("volunteer:")]
    guardians = [party for party in parties if party.startswith("guardian:")]
    if volunteers and guardians:  # one phone, two hats: the last text says which
        last = last_sent(session, [*volunteers, *guardians], before=_said_at(row))
        if last is not None and last.party in guardians:
            volunteers = []
    known = [*volunteers, *guardians]
    if known and reply.meaning in ANSWERS and _crossed_a_question(session, row, known):
        return _to_human(session, known[0], desk, is_urgent=True)
    if volunteers:
        return _volunteer(session, row, reply, volunteers, desk)
    if guardians:
        said = answer_family(
            session,
            reply=reply,
            parties=guardians,
            received_at=_said_at(row),
            now=desk.now,
            zone=desk.zone,
            duty_phone=desk.duty_phone,
        )
        if said is None:
            return _to_human(session, guardians[0], desk, is_urgent=True)
        return Outcome(InboundOutcome.APPLIED if said else InboundOutcome.NOTED, tuple(said))
    if reply.meaning in {Meaning.THANKS, Meaning.RECEIVED}:
        return Outcome(InboundOutcome.NOTED)
    who = "、".join(_name_of(session, party) for party in parties)
    return Outcome(InboundOutcome.FORWARDED, who=who or "陌生号码")


def _said_at(row: Inbound) -> datetime:
    """Return when a reply was written: it may reach us hours later, and answers what its phone held then."""
    return min(row.sent_at or row.received_at, row.received_at)


def _crossed_a_question(session: Session, row: Inbound, parties: Sequence[str]) -> bool:
    """Whether a text that asks for an answer went out after this reply was written, and before it came."""
    said_at = _said_at(row)
    if said_at == row.received_at:
        return False
    return any(
        (message.accepted_at or message.created_at) > said_at
        and (message.template in ASKING or message.about.startswith("ask:"))
        for message in sent_to(session, parties, before=row.received_at)
    )


def _volunteer(session: Session, row: Inbound, reply: Reply, parties: Sequence[str], desk: Desk) -> Outcome:
    """Answer the one open ask of whoever wrote. A number that two people share answers for the one that was asked."""
    if reply.meaning in MONTH_ANSWERS:
        return _about_month(session, row, reply, parties, desk)
    if reply.meaning in STANDING_WORDS:
        return _about_standing(session, row, reply, parties, desk)
    open_asks = [(party, ask) for party in parties for ask in asks.open_asks_of(session, _number(party))]
    if not open_asks:
        return _volunteer_with_nothing_open(session, row, reply, parties, desk)
    party, ask = open_asks[0]
    if reply.meaning == Meaning.THANKS:
        return Outcome(InboundOutcome.NOTED)
    if reply.meaning in FOR_A_HUMAN:
        is_soon = ask.deadline_at - desk.now < URGENT_BEFORE or _drives_soon(session, parties, desk.now)
        return _to_human(session, party, desk, is_urgent=is_soon)
    if len(open_asks) > 1:
        return _which_ask(session, open_asks, desk)
    offers = [offer for offer in asks.offers_of(session, ask.id or 0) if offer.state in CAN_SAY_NO]
    declined = _named(offers, reply)
    if reply.meaning == Meaning.RECEIVED or (reply.meaning == Meaning.NO_ON and not declined):
        words = wording.reply_ask_back(_turns(session, offers), now=desk.now, zone=desk.zone)
        return Outcome(InboundOutcome.APPLIED, ((party, words),))
    return _answer(session, party, ask, reply, declined, desk, how="sms")


def _about_standing(
    session: Session, row: Inbound, reply: Reply, parties: Sequence[str], desk: Desk
) -> Outcome:
    """It answers no open ask: whatever is asked meanwhile waits for its own answer."""
    said = answer_standing(
        session,
        reply=reply,
        parties=parties,
        received_at=_said_at(row),
        now=desk.now,
        zone=desk.zone,
        duty_phone=desk.duty_phone,
    )
    if said is None:
        return _to_human(session, parties[0], desk, is_urgent=_drives_soon(session, parties, desk.now))
    return Outcome(InboundOutcome.APPLIED, tuple(said))


def _about_month(session: Session, row: Inbound, reply: Reply, parties: Sequence[str], desk: Desk) -> Outcome:
    """Record 没有 or dates for the month, if that is what the last text asked about; else a human reads it."""
    today = desk.now.astimezone(desk.zone).date()
    last = last_sent(session, parties, before=_said_at(row))
    question = None
    if last is not None and (last.about.startswith("month:") or last.template in MONTH_TEXTS):
        waiting = month_question.unanswered_of(session, [_number(party) for party in parties], today=today)
        if len({one.volunteer_id for one in waiting}) > 1:  # a phone that two people share
            people = [f"volunteer:{one.volunteer_id}" for one in waiting]
            return _which(session, people, len(people), desk)
        question = month_question.open_question(session, _number(last.party), today=today)
    spans = _days_of(reply, question.month_on, today) if question is not None else None
    if last is None or question is None or spans is None or (question.answer and not spans):
        return _to_human(session, parties[0], desk, is_urgent=_drives_soon(session, parties, desk.now))
    if last.id is not None:
        acknowledge(session, about=f"month:{question.id}", now=desk.now)
    party, who = last.party, question.volunteer_id
    if not spans:
        month_on = month_question.answer_none(
            session, volunteer_id=who, how=f"sms:{party}", now=desk.now, today=today
        )
        words = wording.month_none_understood(month_on, duty_phone=desk.duty_phone)
        return Outcome(InboundOutcome.APPLIED, ((party, words),))
    freed = sum(
        block_out(
            session,
            volunteer_id=who,
            from_on=first,
            until_on=last_on,
            half_day=None,
            by=party,
            how="sms",
            now=desk.now,
            zone=desk.zone,
        )
        for first, last_on in spans
    )
    words = wording.month_dates_understood(spans, freed=freed, duty_phone=desk.duty_phone)
    return Outcome(InboundOutcome.APPLIED, ((party, words),))


def _days_of(reply: Reply, month_on: date, today: date) -> list[tuple[date, date]] | None:
    """Return the days that a reply names, [] for 没有; None if one is not a day to come of the month asked about."""
    days = []
    for first, last in reply.dates:
        try:
            span = tuple(date(month_on.year, month, day) for month, day in (first, last))
        except ValueError:  # 5月32日
            return None
        if not today <= span[0] <= span[1] or any(on.month != month_on.month for on in span):
            return None
        days.append((span[0], span[1]))
    return days


def _which(session: Session, people: Sequence[str], questions: int, desk: Desk) -> Outcome:
    link = desk.links(session, people)
    say = [
        (party, wording.reply_which_ask(questions, duty_phone=desk.duty_phone, link=link[party]))
        for party in people
    ]
    return Outcome(InboundOutcome.APPLIED, tuple(say))


def _which_ask(session: Session, open_asks: Sequence[tuple[str, Ask]], desk: Desk) -> Outcome:
    """A bare word while several asks are open is never guessed: each is answered behind its person's link."""
    people = list(dict.fromkeys(party for party, _ in open_asks))
    return _which(session, people, len(open_asks), desk)


def _answer(
    session: Session, party: str, ask: Ask, reply: Reply, declined: set[int], desk: Desk, *, how: str
) -> Outcome:
    answered = asks.answer_ask(
        session,
        ask_id=ask.id or 0,
        declined=None if reply.meaning == Meaning.NO else declined,
        by=party,
        how=how,
        now=desk.now,
        zone=desk.zone,
        takes_back=ask.state == AskState.ANSWERED,
    )
    acknowledge(session, about=f"ask:{ask.id}", now=desk.now)
    words = understood(session, answered, desk)
    if not words:
        return _to_human(session, party, desk, is_urgent=False)
    return Outcome(InboundOutcome.APPLIED, tuple((party, one) for one in words))


def _volunteer_with_nothing_open(
    session: Session, row: Inbound, reply: Reply, parties: Sequence[str], desk: Desk
) -> Outcome:
    """Thanks opens nothing; a late answer to an ask gets the truth of now; a driver who cannot come needs a human."""
    if reply.meaning in {Meaning.THANKS, Meaning.RECEIVED}:
        return Outcome(InboundOutcome.NOTED)
    last = last_sent(session, parties, before=_said_at(row))
    party = last.party if last is not None else parties[0]
    ask = _ask_of(session, last, desk.now) if last is not None else None
    if ask is not None and reply.meaning in {Meaning.YES, Meaning.NO, Meaning.NO_ON}:
        offers = asks.offers_of(session, ask.id or 0)
        declined = _named(offers, reply)
        takes_yes_back = reply.meaning != Meaning.YES and any(
            offer.state == OfferState.ACCEPTED for offer in offers
        )
        if not takes_yes_back and (declined or reply.meaning != Meaning.NO_ON):
            return _answer(session, party, ask, reply, declined, desk, how="sms late")
    elif reply.meaning == Meaning.YES and last is not None and last.id is not None:
        acknowledge(session, message_id=last.id, now=desk.now)  # "好的" to a reminder
        return Outcome(InboundOutcome.NOTED)
    return _to_human(session, party, desk, is_urgent=_drives_soon(session, parties, desk.now))


def _ask_of(session: Session, last: Message, now: datetime) -> Ask | None:
    """Return the ask that the last text was about: the ask itself, or our answer to what was said to it."""
    kind, _, number = last.about.partition(":")
    ask = None
    if kind == "ask":
        ask = session.get(Ask, int(number))
    elif last.template in OWN_ANSWERS:
        ask = session.exec(
            select(Ask)
            .where(Ask.volunteer_id == _number(last.party), col(Ask.answered_at).is_not(None))
            .order_by(col(Ask.answered_at).desc(), col(Ask.id).desc())
            .limit(1)
        ).first()
    return ask if ask is not None and ask.asked_at >= now - LATE_ANSWER_COUNTS_FOR else None


def _named(offers: Sequence[Offer], reply: Reply) -> set[int]:
    return {offer.id for offer in offers if offer.on.weekday() in reply.weekdays and offer.id is not None}


def _turns(session: Session, offers: Sequence[Offer]) -> list[wording.Turn]:
    shown = shown_runs(session, [offer.run_id for offer in offers if offer.run_id is not None])
    return [shown[offer.run_id].turn for offer in offers if offer.run_id in shown]


def _is_driven_by_another(session: Session, offer: Offer) -> bool:
    held = select(Shift.id).where(
        Shift.run_id == offer.run_id,
        Shift.role == Role(offer.role),
        Shift.volunteer_id != offer.volunteer_id,
        col(Shift.state).in_((ShiftState.CONFIRMED, ShiftState.SERVED)),
    )
    return session.exec(held.limit(1)).first() is not None


def _is_over(session: Session, offer: Offer, now: datetime) -> bool:
    run = session.get(Run, offer.run_id) if offer.run_id is not None else None
    return run is None or run.state != RunState.LIVE or run.ends_at <= now


def _drives_soon(session: Session, parties: Sequence[str], now: datetime) -> bool:
    rows = (
        select(Shift.id)
        .join(Run, col(Run.id) == col(Shift.run_id))
        .where(
            col(Shift.volunteer_id).in_([_number(party) for party in parties]),
            col(Shift.state).in_(LIVE_SHIFT),
            Shift.state != ShiftState.DRAFT,
            col(Run.ends_at) > now,
            col(Run.starts_at) <= now + SOON,
        )
    )
    return session.exec(rows.limit(1)).first() is not None


def _not_me(session: Session, row: Inbound, parties: Sequence[str], desk: Desk) -> Outcome:
    """The old number objects to a new one: nothing goes there, and a human looks who wanted it."""
    kept = [party for party in parties if numbers.object_to_number(session, party=party, now=desk.now)]
    if not kept:
        return (
            _to_human(session, parties[0], desk, is_urgent=True)
            if parties
            else Outcome(InboundOutcome.FORWARDED)
        )
    cases.open_case(
        session,
        kind=CaseKind.REPLY_UNCLEAR,
        about=f"inbound:{row.id}",
        sentence=wording.case_number_objected("、".join(_name_of(session, party) for party in kept)),
        now=desk.now,
    )
    words = wording.number_kept(duty_phone=desk.duty_phone)
    return Outcome(InboundOutcome.APPLIED, tuple((party, words) for party in kept))


def _stranger(session: Session, row: Inbound, parties: Sequence[str], now: datetime) -> Outcome:
    """Somebody else may have this number now: nothing more is sent to it until a human has looked."""
    freeze_phone(session, phone=row.sender, reason="stranger", now=now)
    who = "、".join(_name_of(session, party) for party in parties)
    return Outcome(InboundOutcome.FORWARDED, who=who or "陌生号码", is_urgent=bool(parties))


def _to_human(session: Session, party: str, desk: Desk, *, is_urgent: bool) -> Outcome:
    words = wording.reply_passed_on(duty_phone=desk.duty_phone)
    who = _name_of(session, party)
    return Outcome(InboundOutcome.FORWARDED, ((party, words),), who=who, is_urgent=is_urgent)


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


def _name_of(session: Session, party: str) -> str:
    kind, _, number = party.partition(":")
    if kind == "volunteer":
        name = session.exec(select(Volunteer.name).where(Volunteer.id == int(number))).first()
        return name or party
    if kind == "guardian":
        row = session.exec(
            select(Child.short_name, Guardian.relation)
            .join(Guardian, col(Guardian.family_id) == col(Child.family_id))
            .where(Guardian.id == int(number))
        ).first()
        return f"{row[0]}的{row[1] or '家里'}" if row else party
    return "值班人" if kind == "account" else party


def _number(party: str) -> int:
    return int(party.partition(":")[2])
