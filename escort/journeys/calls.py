"""The evening's calls: who must be told by voice, what to say, what became of it.

The list is a view of the office's by-hand tasks. Each is a message that no channel could carry to a family, or one
that somebody passes on to it; what is said on the phone is read from the truth as it is at that moment, since a
message may lie on the list for hours. A change makes a new task and takes the old one off, so a line that was ticked
comes back by itself.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func
from sqlmodel import Session, col, or_, select

from escort import spoken, wording
from escort.access import audit
from escort.access.models import Account
from escort.cases.models import Case, CaseKind, CaseState
from escort.cases.service import close_because, live_cases_of, open_case
from escort.errors import Conflict, Refused
from escort.families.models import Child, Guardian
from escort.journeys import windows
from escort.journeys.arrivals import ARRIVAL, say_arrived, say_not_home
from escort.journeys.family_view import tell_by
from escort.journeys.leg_facts import DriverShift, LegFacts, facts_of
from escort.journeys.models import Step
from escort.journeys.taken_back import WHO_COMES, legs_in
from escort.rota.models import Leg, LegState
from escort.sentences import Sentence
from escort.spoken import Half, Way
from notifications.addresses import phones_of
from notifications.channels.by_hand import mark_told, note_unanswered_call, take_back_told
from notifications.models import HandTask, Message


@dataclass(frozen=True)
class CallEntry:
    """One person to ring about one day, or who was rung."""

    party: str
    on: date
    who: Sentence  # 小雨的外婆
    phone: str | None  # E.164; pages mask it
    first_at: datetime  # the earliest departure that the call is about
    sentence: str  # what to say, without the words
    has_words: bool  # a word pair may be read aloud now
    task_ids: tuple[int, ...]
    is_changed: bool  # this person was told something else before
    tries: int  # calls that nobody answered
    try_again_at: datetime | None
    told_at: datetime | None = None
    told_by: str = ""  # a name


@dataclass(frozen=True)
class ArrivalCall:
    """A family to be asked whether its child is at home: the driver says so, and nobody there has yet."""

    party: str
    who: Sentence
    phone: str | None
    sentence: str
    task_ids: tuple[int, ...]
    tries: int
    told_at: datetime | None = None  # as an entry's: None while it waits


@dataclass(frozen=True)
class CallList:
    arrivals: tuple[ArrivalCall, ...]  # before everything else
    waiting: tuple[CallEntry, ...]  # earliest departure first
    told: tuple[CallEntry, ...]  # today

    @property
    def to_ring(self) -> int:
        return len(self.arrivals) + len(self.waiting)


def call_list(
    session: Session, *, now: datetime, zone: ZoneInfo, words: Mapping[int, str] | None = None
) -> CallList:
    """Return whom to ring and who was rung today. `words`, by leg, are those that may be read aloud this once."""
    midnight = datetime.combine(now.astimezone(zone).date(), time(), zone)
    told_today = (col(HandTask.outcome) == TOLD) & (col(HandTask.done_at) >= midnight)
    rows = session.exec(_tasks().where(or_(col(HandTask.done_at).is_(None), told_today))).all()
    legs = _legs(session, {leg for _, message in rows for leg in legs_in(message.about)})
    facts = {fact.leg.id: fact for fact in facts_of(session, [leg for leg, _ in legs.values()])}
    groups: dict[tuple[str, date], list[tuple[HandTask, Message]]] = defaultdict(list)
    asked: dict[str, list[tuple[HandTask, Message]]] = defaultdict(list)
    for task, message in rows:
        if message.template == ARRIVAL:
            asked[message.party] += [(task, message)] if task.done_at is None else []
            continue
        on = min((legs[leg][0].on for leg in legs_in(message.about) if leg in legs), default=None)
        if on is not None:
            groups[message.party, on].append((task, message))
    people = _people(session, {party for party, _ in groups} | asked.keys())
    sight = _Sight(
        facts=facts,
        names={leg_id: name for leg_id, (_, name) in legs.items()},
        people=people,
        phones=phones_of(session, people),
        accounts=dict(session.exec(select(Account.id, Account.name)).all()),
        words=words or {},
        now=now,
        zone=zone,
    )
    entries = [_entry(party, on, group, sight) for (party, on), group in groups.items() if party in people]
    return CallList(
        arrivals=tuple(_arrival(party, group, sight) for party, group in sorted(asked.items()) if group),
        waiting=tuple(sorted((one for one in entries if one.told_at is None), key=_by_departure)),
        told=tuple(sorted((one for one in entries if one.told_at is not None), key=_by_departure)),
    )


def tell(session: Session, *, task_ids: Collection[int], by: str, now: datetime, zone: ZoneInfo) -> None:
    """Record that `by` has said it on the phone. Raises Conflict if it is not the newest truth any more."""
    if not all(mark_told(session, task_id=one, by=by, now=now) for one in sorted(set(task_ids))):
        raise Conflict("这一条刚刚变了，或者已经有人告知了。请看新的一句，再打一次。")
    sweep_calls(session, now=now, zone=zone, by=by)


def take_back(session: Session, *, task_ids: Collection[int], now: datetime) -> None:
    """Put a line that was ticked by mistake back on the list. Raises Conflict if its moment is over."""
    if not all(take_back_told(session, task_id=one, now=now) for one in sorted(set(task_ids))):
        raise Conflict("这一条已经过了时间，不能再改回没告知。")


def note_unanswered(session: Session, *, task_ids: Collection[int], now: datetime) -> None:
    """Record a call that nobody answered. Raises Conflict if somebody has told it meanwhile."""
    if not all(note_unanswered_call(session, task_id=one, now=now) for one in sorted(set(task_ids))):
        raise Conflict("这一条刚刚变了，或者已经有人告知了。请看新的一句，再打一次。")


def answer_arrival(
    session: Session, *, task_ids: Collection[int], is_home: bool, by: str, now: datetime
) -> None:
    """Record what a family said on the phone about its child's arrival. Raises Conflict if it was said meanwhile."""
    _, legs = legs_of_tasks(session, task_ids)
    if not all(mark_told(session, task_id=one, by=by, now=now) for one in sorted(set(task_ids))):
        raise Conflict("家里刚刚说过了，或者已经有人问过了。请刷新再看。")
    if is_home:
        say_arrived(session, leg_ids=legs, by=by, now=now)
        return
    for leg_id in legs:
        say_not_home(session, leg_id=leg_id, by=by, who="家里", now=now)


def legs_of_tasks(session: Session, task_ids: Collection[int]) -> tuple[set[str], list[int]]:
    """Return whom these open calls are for, and the legs they are about."""
    rows = session.exec(
        _tasks().where(col(HandTask.id).in_(list(task_ids)), col(HandTask.done_at).is_(None))
    ).all()
    legs = sorted({leg for _, message in rows for leg in legs_in(message.about)})
    return {message.party for _, message in rows}, legs


def open_words(
    session: Session, *, leg_ids: Collection[int], by: str, now: datetime, zone: ZoneInfo
) -> dict[int, int]:
    """Return, by leg, the driver's shift whose word pair may be read aloud to the family: in W-duty alone.

    Writes a line into the trail for each. Raises Refused where there is none: no driver yet, too early, or the child
    has arrived.
    """
    legs = [leg for leg, _ in _legs(session, leg_ids).values()]
    found = {
        fact.leg.id or 0: held.shift.id or 0
        for fact in facts_of(session, legs)
        if (held := _on_duty(fact, now, zone)) is not None and fact.finished_at is None
    }
    if not found:
        raise Refused("现在没有暗号可念：人还没定，或者还没到前一天17:00，或者孩子已经送到了。")
    for leg_id in found:
        audit.record(session, actor=by, action="read", subject=f"leg:{leg_id}", fields=["word"], now=now)
    return found


def sweep_calls(session: Session, *, now: datetime, zone: ZoneInfo, by: str = "system") -> int:
    """Keep one case a day for what nobody has been told in time; return how many were opened or closed."""
    late, gone = _cases_to_move(session, now, zone)
    for on, calls in late.items():
        open_case(
            session,
            kind=CaseKind.NOT_TOLD,
            about=f"date:{on.isoformat()}",
            sentence=_case_sentence(on, calls),
            now=now,
            needed_by=min(call.first_at for call in calls),
        )
    close_because(session, kinds=[CaseKind.NOT_TOLD], abouts=gone, by=by, reason=ALL_TOLD, now=now)
    return len(late) + len(gone)


def next_due_at(session: Session, *, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when a call that nobody has made next becomes a case; `now` where one is to be opened or closed."""
    late, gone = _cases_to_move(session, now, zone)
    if late or gone:
        return now
    return min((due for call in _waiting(session, zone) if (due := call.due_at) > now), default=None)


def is_a_call(party: str, template: str) -> bool:
    """Say whether a by-hand message belongs on this list and not on the board's."""
    return (template in CALLED or template == ARRIVAL) and party.startswith("guardian:")


# ---- what is said ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Sight:
    """What every line needs."""

    facts: Mapping[int | None, LegFacts]
    names: Mapping[int, str]  # 小名 by leg
    people: Mapping[str, tuple[str, str, bool]]  # child, relation, proxy; by party
    phones: Mapping[str, str]
    accounts: Mapping[int | None, str]
    words: Mapping[int, str]
    now: datetime
    zone: ZoneInfo


def _entry(party: str, on: date, group: Sequence[tuple[HandTask, Message]], sight: _Sight) -> CallEntry:
    waiting = [row for row in group if row[0].done_at is None]
    chosen = waiting or group
    legs = sorted(
        {leg for _, message in chosen for leg in legs_in(message.about) if leg in sight.names},
        key=lambda leg: (sight.facts[leg].leg.pickup_at, leg),
    )
    news = {leg: message for _, message in chosen for leg in legs_in(message.about)}
    ways = [_way(sight.facts[leg], news.get(leg), sight) for leg in legs]
    *_, is_proxy = sight.people[party]
    last_told = max(chosen, key=lambda row: row[0].done_at or sight.now)[0] if not waiting else None
    tries = max(task.tries for task, _ in chosen)
    tried_at = max((task.last_tried_at for task, _ in chosen if task.last_tried_at), default=None)
    first_at = min(sight.facts[leg].leg.pickup_at for leg in legs)
    return CallEntry(
        party=party,
        on=on,
        who=_who(party, sight),
        phone=sight.phones.get(party),
        first_at=first_at,
        sentence=wording.call_to_family(ways, is_proxy=is_proxy, now=sight.now, zone=sight.zone),
        has_words=any(_may_hear_word(sight.facts[leg], sight) for leg in legs),
        task_ids=tuple(task.id or 0 for task, _ in chosen),
        is_changed=bool(waiting) and len(waiting) < len(group),
        tries=tries,
        try_again_at=_try_again_at(tried_at, first_at) if tried_at and waiting else None,
        told_at=last_told.done_at if last_told else None,
        told_by=_name_of(last_told.done_by, sight) if last_told else "",
    )


def _arrival(party: str, group: Sequence[tuple[HandTask, Message]], sight: _Sight) -> ArrivalCall:
    legs = sorted({leg for _, message in group for leg in legs_in(message.about) if leg in sight.names})
    reported = min((at for leg in legs if (at := sight.facts[leg].when(Step.DELIVERED))), default=sight.now)
    return ArrivalCall(
        party=party,
        who=_who(party, sight),
        phone=sight.phones.get(party),
        sentence=wording.call_about_arrival([sight.names[leg] for leg in legs], reported, zone=sight.zone),
        task_ids=tuple(task.id or 0 for task, _ in group),
        tries=max(task.tries for task, _ in group),
    )


def _who(party: str, sight: _Sight) -> Sentence:
    child, relation, _ = sight.people[party]
    return Sentence("%(child)s的%(who)s", child=child, who=Sentence(relation or "家里"))


def _way(fact: LegFacts, news: Message | None, sight: _Sight) -> Way:
    leg, held = fact.leg, _on_duty(fact, sight.now, sight.zone)
    car = held.car if held else None
    return Way(
        child=sight.names[leg.id or 0],
        half=Half(
            leg.pickup_at,
            leg.direction,
            spoken.surname_of(car.name) if car else "",
            spoken.plate_tail(car.plate) if car else "",
            sight.words.get(leg.id or 0, ""),
            None if car else tell_by(leg.pickup_at, sight.now, sight.zone),
        ),
        car=f"{car.colour.removesuffix('色')}色{car.model}"
        if car and car.colour
        else car.model
        if car
        else "",
        is_off=leg.state != LegState.WANTED,
        is_settled=fact.confirmed is not None,
        gone=news.parameters.get("gone", "") if news else "",
        is_moved=news is not None and news.template == "family.time_changed",
    )


def _on_duty(fact: LegFacts, now: datetime, zone: ZoneInfo) -> DriverShift | None:
    """The driver whose name a family may hear at this moment."""
    held = fact.confirmed
    if held is None or fact.leg.state != LegState.WANTED:
        return None
    is_on = windows.is_in_duty(
        on=fact.leg.on,
        confirmed_at=held.shift.confirmed_at,
        finished_at=fact.finished_at,
        now=now,
        zone=zone,
    )
    return held if is_on else None


def _may_hear_word(fact: LegFacts, sight: _Sight) -> bool:
    return fact.finished_at is None and _on_duty(fact, sight.now, sight.zone) is not None


def _try_again_at(tried_at: datetime, first_at: datetime) -> datetime:
    """Twenty minutes later; sooner where the car comes within the hour, but never at once."""
    return max(tried_at + SOONEST_AGAIN, min(tried_at + TRY_AGAIN, first_at - LAST_HOUR))


def _name_of(subject: str | None, sight: _Sight) -> str:
    number = (subject or "").partition(":")[2]
    return sight.accounts.get(int(number), "") if number.isdecimal() else ""


def _by_departure(entry: CallEntry) -> tuple[datetime, str]:
    return entry.first_at, entry.party


# ---- what nobody has been told in time ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Waiting:
    """One open by-hand task as the clock sees it."""

    on: date
    child: str
    first_at: datetime
    due_at: datetime


def _waiting(session: Session, zone: ZoneInfo) -> list[_Waiting]:
    rows = session.exec(_open_tasks()).all()
    legs = _legs(session, {leg for *_, about in rows for leg in legs_in(about)})
    found = []
    for created_at, tries, tried_at, about in rows:
        mine = [legs[leg] for leg in legs_in(about) if leg in legs]
        if not mine:
            continue
        first, child = min(mine, key=lambda one: one[0].pickup_at)
        due_at = _must_be_told_by(first, created_at, zone)
        if tries >= MOST_TRIES and tried_at is not None:
            due_at = min(due_at, tried_at)
        found.append(_Waiting(first.on, child, first.pickup_at, due_at))
    return found


def _must_be_told_by(leg: Leg, created_at: datetime, zone: ZoneInfo) -> datetime:
    """19:00 of the evening before; a quarter of an hour for what came later, at once in the last hour."""
    evening = datetime.combine(leg.on - timedelta(days=1), UNTICKED, zone)
    return min(max(evening, created_at + TIME_TO_RING), max(created_at, leg.pickup_at - LAST_HOUR))


def _cases_to_move(
    session: Session, now: datetime, zone: ZoneInfo
) -> tuple[dict[date, list[_Waiting]], list[str]]:
    """Return the calls, by date, whose case is to be opened or brought up to date, and the cases to close."""
    late: dict[date, list[_Waiting]] = defaultdict(list)
    for call in _waiting(session, zone):
        if call.due_at <= now:
            late[call.on].append(call)
    live = {case.about: case for case in live_cases_of(session, [CaseKind.NOT_TOLD])}
    gone = [about for about in live if date.fromisoformat(about.removeprefix("date:")) not in late]
    closed = _closed_by_the_office(session, late)
    return {
        on: calls
        for on, calls in late.items()
        if not _is_known(live.get(f"date:{on.isoformat()}"), on, calls)
        and not (on in closed and f"date:{on.isoformat()}" not in live and _is_old(calls, closed[on]))
    }, gone


def _is_known(case: Case | None, on: date, calls: Sequence[_Waiting]) -> bool:
    return case is not None and case.sentence == _case_sentence(on, calls)


def _is_old(calls: Iterable[_Waiting], closed_at: datetime) -> bool:
    return all(call.due_at <= closed_at for call in calls)


def _closed_by_the_office(session: Session, days: Collection[date]) -> dict[date, datetime]:
    """When a human has closed the case of a day with a sentence: the same calls do not open it again."""
    if not days:
        return {}
    rows = session.exec(
        select(Case.about, func.max(Case.closed_at))
        .where(
            Case.kind == CaseKind.NOT_TOLD,
            Case.state == CaseState.CLOSED,
            Case.close_reason != ALL_TOLD,
            col(Case.about).in_([f"date:{on.isoformat()}" for on in days]),
        )
        .group_by(Case.about)
    )
    return {
        date.fromisoformat(about.removeprefix("date:")): closed_at for about, closed_at in rows if closed_at
    }


def _case_sentence(on: date, calls: Sequence[_Waiting]) -> str:
    first = sorted(calls, key=lambda call: (call.first_at, call.child))
    return wording.case_not_told(on, list(dict.fromkeys(call.child for call in first)))


# ---- rows -----------------------------------------------------------------------------------------------------


def _tasks() -> Any:
    return (
        select(HandTask, Message)
        .join(Message, col(Message.id) == col(HandTask.message_id))
        .where(col(Message.template).in_({*CALLED, ARRIVAL}), _OF_FAMILIES)
        .order_by(col(HandTask.id))
        .execution_options(populate_existing=True)
    )


def _open_tasks() -> Any:
    """The columns that the clock needs, without opening a text."""
    return (
        select(HandTask.created_at, HandTask.tries, HandTask.last_tried_at, Message.about)
        .join(Message, col(Message.id) == col(HandTask.message_id))
        .where(col(HandTask.done_at).is_(None), col(Message.template).in_(CALLED), _OF_FAMILIES)
    )


def _legs(session: Session, leg_ids: Collection[int]) -> dict[int, tuple[Leg, str]]:
    """These legs with their child's 小名."""
    if not leg_ids:
        return {}
    rows = (
        select(Leg, Child.short_name)
        .join(Child, col(Child.id) == col(Leg.child_id))
        .where(col(Leg.id).in_(list(leg_ids)))
    )
    return {leg.id: (leg, name) for leg, name in session.exec(rows) if leg.id is not None}


def _people(session: Session, parties: Collection[str]) -> dict[str, tuple[str, str, bool]]:
    """By party: the family's first child, what this person is to it, and whether they pass it on."""
    ids = [int(party.partition(":")[2]) for party in parties]
    rows = session.exec(
        select(Guardian.id, Child.short_name, Guardian.relation, Guardian.is_proxy)
        .join(Child, col(Child.family_id) == col(Guardian.family_id))
        .where(col(Guardian.id).in_(ids))
        .order_by(col(Child.id))
    )
    found: dict[str, tuple[str, str, bool]] = {}
    for guardian_id, name, relation, is_proxy in rows:
        found.setdefault(f"guardian:{guardian_id}", (name, relation, is_proxy))
    return found


CALLED = WHO_COMES | {"family.not_coming", "family.office_cancelled"}
"""By-hand messages to families that are said on the phone: their texts hold a word, so no page shows them."""

_OF_FAMILIES = col(Message.party).startswith("guardian:")
TOLD = "told"
ALL_TOLD = "都告知了，或者不用再说了"
UNTICKED = time(19, 0)
TIME_TO_RING = timedelta(minutes=15)
LAST_HOUR = timedelta(minutes=60)
TRY_AGAIN = timedelta(minutes=20)
SOONEST_AGAIN = timedelta(minutes=5)
MOST_TRIES = 3  # then somebody must go there, or find another way
