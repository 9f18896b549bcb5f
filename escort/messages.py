"""What messages need from us: the links they carry, whether they are still true, and what a reply answers."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, col, func, or_, select

from escort.access import links
from escort.access.models import Purpose
from escort.cases import service as cases
from escort.journeys import arrivals
from escort.journeys.arrivals import ARRIVAL
from escort.journeys.models import ToldFamily
from escort.journeys.taken_back import WHO_COMES
from escort.roster.models import MonthQuestion
from escort.rota.models import (
    Ask,
    AskState,
    Introduction,
    IntroductionState,
    Leg,
    LegState,
    Shift,
    ShiftState,
)
from escort.rota.seats import open_seats
from notifications.models import Message, MessageState

PATHS = {
    "volunteer": (Purpose.VOLUNTEER, "v"),
    "guardian": (Purpose.FAMILY, "f"),
    "lead": (Purpose.LEADER, "t"),  # "lead:volunteer:12": the same person, as a team's leader
}
REMINDERS = {"driver.evening", "driver.morning", "driver.not_departed"}
WENT_OUT = (MessageState.CLAIMED, MessageState.UNKNOWN, MessageState.ACCEPTED, MessageState.DELIVERED)


def link_maker(
    base_url: str, now: Callable[[], datetime]
) -> Callable[[Session, Sequence[str]], Mapping[str, str]]:
    """Return what turns `volunteer:12` into an address only that person should open."""

    def make(session: Session, subjects: Sequence[str]) -> Mapping[str, str]:
        by_kind: dict[str, list[str]] = defaultdict(list)
        for subject in subjects:
            by_kind[subject.partition(":")[0]].append(subject)
        made: dict[str, str] = {}
        for kind, group in by_kind.items():
            if kind not in PATHS:
                made.update((subject, f"{base_url}/today") for subject in group)
                continue
            purpose, path = PATHS[kind]
            people = {subject: subject.removeprefix("lead:") for subject in group}
            tokens = links.issue_links(session, subjects=people.values(), purpose=purpose, now=now())
            made.update((subject, f"{base_url}/{path}/{tokens[who]}") for subject, who in people.items())
        return made

    return make


def still_wanted(session: Session, message: Message) -> str | None:
    """Return why a message is no longer true, or None: asked at the moment of sending."""
    kind, _, rest = message.about.partition(":")
    if kind == "cases":
        return None if cases.anything_to_tell(session) else "nothing_open"
    numbers = [int(number) for number in rest.split(",") if number.isdecimal()]
    if not numbers:
        return None
    if kind == "ask":
        ask = session.exec(select(Ask.state).where(Ask.id == numbers[0])).first()
        return None if ask == AskState.OPEN else "ask_closed"
    if kind == "month":
        answered = session.exec(select(MonthQuestion.answered_at).where(MonthQuestion.id == numbers[0]))
        return None if answered.first() is None else "answered"
    if kind == "holes":
        return None if any(open_seats(session, numbers).values()) else "nothing_open"
    if kind == "introduction" and message.template == "family.accompanied":
        planned = select(Introduction.id).where(
            Introduction.id == numbers[0], Introduction.state == IntroductionState.PLANNED
        )
        return None if session.exec(planned).first() is not None else "called_off"
    if kind in {"shift", "shifts"} and message.template in REMINDERS:
        promised = select(Shift.id).where(col(Shift.id).in_(numbers), Shift.state == ShiftState.CONFIRMED)
        return None if session.exec(promised.limit(1)).first() is not None else "shift_ended"
    if message.template == ARRIVAL:
        return None if arrivals.is_waiting(session, numbers) else "said"
    if kind in {"leg", "legs"} and message.template in WHO_COMES:
        wanted = select(Leg.id).where(col(Leg.id).in_(numbers), Leg.state == LegState.WANTED)
        if session.exec(wanted.limit(1)).first() is None:
            return "leg_cancelled"
        newer = select(ToldFamily.leg_id).where(
            col(ToldFamily.leg_id).in_(numbers), col(ToldFamily.told_at) > message.created_at
        )
        return None if session.exec(newer.limit(1)).first() is None else "told_anew"
    return None


def last_sent(session: Session, parties: Collection[str], *, before: datetime) -> Message | None:
    """Return the newest message that had gone out to one of these parties by then."""
    return next(iter(sent_to(session, parties, before=before, limit=1)), None)


def sent_to(
    session: Session, parties: Collection[str], *, before: datetime, limit: int = 20
) -> Sequence[Message]:
    """Return what had gone out to these parties by then, the newest first."""
    sent_at = func.coalesce(col(Message.accepted_at), col(Message.created_at))
    return session.exec(
        select(Message)
        .where(
            col(Message.party).in_(list(parties)),
            or_(col(Message.accepted_at).is_not(None), col(Message.state).in_(WENT_OUT)),
            sent_at <= before,
        )
        .order_by(sent_at.desc(), col(Message.id).desc())
        .limit(limit)
    ).all()
