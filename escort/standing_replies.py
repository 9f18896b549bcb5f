"""每周固定来 by text, for whoever has no smartphone: 固定 周三上学 says a standing yes, 不固定 周三上学 ends it.

The very turn must be named; a bare 固定 is answered with what could be named, and with the words for it.
"""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from escort import wording
from escort.errors import Conflict, Refused
from escort.messages import last_sent
from escort.reply_grammar import Meaning, Reply
from escort.roster.models import Volunteer
from escort.rota.answers import end_standing
from escort.rota.models import StandingYes
from escort.rota.standing import Choice, choices_for, give_standing, resting_on, standing_of
from escort.spoken import every_week
from notifications.wording import Wording

STANDING_WORDS = frozenset({Meaning.STANDING, Meaning.STANDING_END})


def answer_standing(
    session: Session,
    *,
    reply: Reply,
    parties: Sequence[str],
    received_at: datetime,
    now: datetime,
    zone: ZoneInfo,
    duty_phone: str,
) -> list[tuple[str, Wording]] | None:
    """Give or end the standing yes that was named; return what to say to whom, None if a human must look.

    On a phone that two volunteers share a human asks whose word it is.
    """
    if len(parties) != 1:
        return None
    (party,) = parties
    volunteer_id = int(party.partition(":")[2])
    if session.get_one(Volunteer, volunteer_id).suspended_at is not None:
        return None
    held = standing_of(session, volunteer_id)
    mine = next((one for one in held if _is_named(one, reply)), None)
    if reply.meaning == Meaning.STANDING_END:
        return [(party, _end(session, mine, held, party, now=now, duty_phone=duty_phone))]
    if mine is not None:  # the same words again: the same answer
        return [(party, wording.standing_said(mine.weekday, mine.direction, mine.usual_at))]
    choices = choices_for(session, volunteer_id=volunteer_id, held=held, now=now, zone=zone)
    choice = next((one for one in choices if _is_named(one, reply)), None)
    if choice is None or not _was_so(session, choice, party, received_at):
        return [(party, _could_say(choices, duty_phone))]
    try:
        row = give_standing(
            session, volunteer_id=volunteer_id, chosen=choice.key, by=party, how="sms", now=now, zone=zone
        )
    except (Conflict, Refused):
        return None
    return [(party, wording.standing_said(row.weekday, row.direction, row.usual_at))]


def _end(
    session: Session,
    mine: StandingYes | None,
    held: Sequence[StandingYes],
    party: str,
    *,
    now: datetime,
    duty_phone: str,
) -> Wording:
    """What rests on it alone is given back: to be said yes to again it takes a human, or the page."""
    if mine is None and held:
        return wording.standing_held([(one.weekday, one.direction, one.usual_at) for one in held])
    if mine is None:
        return wording.standing_not_held(duty_phone=duty_phone)
    standing_id = mine.id or 0
    resting = resting_on(session, [standing_id], now=now).get(standing_id, [])
    given_back = end_standing(
        session,
        volunteer_id=mine.volunteer_id,
        standing_id=standing_id,
        kept=(),
        by=party,
        how="sms",
        now=now,
    )
    return wording.standing_stopped(
        mine.weekday,
        mine.direction,
        mine.usual_at,
        given_back=[turn.on for turn in resting if turn.shift_id in given_back],
        duty_phone=duty_phone,
    )


def _could_say(choices: Sequence[Choice], duty_phone: str) -> Wording:
    if not choices:
        return wording.standing_none_yet(duty_phone=duty_phone)
    return wording.standing_choices([(one.weekday, one.direction, one.usual_at) for one in choices])


def _is_named(one: StandingYes | Choice, reply: Reply) -> bool:
    return one.weekday in reply.weekdays and one.direction == reply.way


def _was_so(session: Session, choice: Choice, party: str, received_at: datetime) -> bool:
    """Whether the time is the one that was shown, where the last text showed times to choose from."""
    last = last_sent(session, [party], before=received_at)
    if last is None or last.template != wording.STANDING_CHOICES:
        return True
    return every_week(choice.weekday, choice.direction, choice.usual_at) in last.parameters.get("turns", "")
