"""What is left of a child whose family withdrew its consent: numbers without a name. Case closed, family told.

Two steps. First everything about the child goes, and the family is told that it went. When it has been told, what was
needed to tell it goes too: the last child of a family takes its guardians' names and numbers along.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, update
from sqlmodel import Session, col, delete, select

from escort import spoken, wording
from escort.access import audit
from escort.access.models import Device, Link, OneTimeCode
from escort.cases.models import Case, CaseEvent, CaseKind, CaseState
from escort.cases.service import close_because, live_cases_about, live_cases_of, open_case
from escort.families.consent import ERASE_AFTER, withdrawn_children
from escort.families.models import (
    BarredPerson,
    Child,
    Consent,
    Erasure,
    Escort,
    EscortPause,
    Guardian,
    Receiver,
    Why,
)
from escort.families.queries import NEEDS, parties_to_tell
from escort.roster_book.book import SheetKind, child_key
from escort.roster_book.models import BookChange, BookValue, book_key
from escort.rota.models import CircleMember, Leg, LegState, RunLeg, Shift
from escort.schools.models import CalendarEntry, School
from notifications.addresses import forget, phones_of
from notifications.models import LIVE_STATES, HeldNumber, Inbound, Message
from notifications.outbox import enqueue, withdraw
from notifications.sealed import keyring_of


def due(session: Session, *, now: datetime) -> list[int]:
    """Return the children whose last consent was withdrawn long enough ago, the oldest withdrawal first."""
    return [child_id for child_id, _ in withdrawn_children(session, until=now - ERASE_AFTER)]


def untold(session: Session) -> list[int]:
    """Return the children that are erased and whose family may not know it yet."""
    rows = select(Erasure.child_id).where(col(Erasure.finished_at).is_(None))
    return list(session.exec(rows.order_by(col(Erasure.child_id))))


def erase(session: Session, *, child_id: int, duty_phone: str, now: datetime) -> bool:
    """Erase what is kept of a child and tell its family. Returns False, and changes nothing, while a case is open.

    Where that lasts beyond the fifteenth day a case says so. Doing it twice erases nothing more.
    """
    child = session.get_one(Child, child_id)
    consented = select(Consent.id).where(Consent.child_id == child_id, col(Consent.withdrawn_at).is_(None))
    if child.erased_at is not None or session.exec(consented.limit(1)).first() is not None:
        return False
    parties = _parties_of(session, child.family_id)
    if _is_open(session, child, parties, now):
        _say_if_overdue(session, child_id, now)
        return False
    names = [name for name in (child.short_name, child.full_name) if name]
    is_last = _is_last_of_family(session, child)
    called = spoken.child_in_message(child.full_name, child.short_name)
    told = parties_to_tell(session, [child_id])[child_id]
    legs = list(session.exec(select(Leg.id).where(Leg.child_id == child_id)))
    counted = {
        "messages": _erase_messages(session, parties, legs, names, is_last=is_last, now=now),
        "replies": _erase_replies(session, parties, names, is_last=is_last),
        "legs": _erase_journeys(session, child_id),
    }
    _erase_cases(session, legs, child_id, names)
    _erase_family_papers(session, child_id)
    _erase_book(session, child)
    session.exec(
        update(Child)
        .where(col(Child.id) == child_id)
        .values(**BLANK_CHILD, **dict.fromkeys(NEEDS, False), erased_at=now, version=child.version + 1)
    )
    session.add(Erasure(child_id=child_id, erased_at=now))
    for party in told:
        enqueue(
            session,
            to=party,
            wording=wording.family_erased(called, duty_phone=duty_phone),
            about=f"erasure:{child_id}",
            dedup_key=f"erased:{child_id}:{party}",
            now=now,
        )
    fields = [f"{what}: {number}" for what, number in counted.items()]
    audit.record(
        session, actor="system", action="child.erased", subject=f"child:{child_id}", fields=fields, now=now
    )
    session.flush()
    session.expire_all()
    return True


def finish(session: Session, *, child_id: int, now: datetime) -> bool:
    """Erase what was needed to tell the family, once it is told. Returns False while a message is on its way."""
    about = f"erasure:{child_id}"
    messages = list(session.exec(select(Message).where(Message.about == about)))
    failed = [f"message:{message.id}" for message in messages]
    if any(message.state in LIVE_STATES for message in messages) or live_cases_about(session, failed):
        _say_if_overdue(session, child_id, now)
        return False
    _blank_messages(session, [message.id or 0 for message in messages])
    child = session.get_one(Child, child_id)
    if _is_last_of_family(session, child):
        for party in _parties_of(session, child.family_id):
            _forget_person(session, party)
        session.exec(
            update(Guardian)
            .where(col(Guardian.family_id) == child.family_id)
            .values(name=ERASED, relation="", gets_messages=False)
        )
    session.exec(update(Erasure).where(col(Erasure.child_id) == child_id).values(finished_at=now))
    close_because(session, kinds=[CaseKind.STUCK_WORK], abouts=[about], by="system", reason="删完了", now=now)
    audit.record(session, actor="system", action="child.erasure_told", subject=f"child:{child_id}", now=now)
    session.flush()
    session.expire_all()
    return True


def _is_open(session: Session, child: Child, parties: Sequence[str], now: datetime) -> bool:
    """Whether a case about the child or its family is open, or a leg of it lies ahead."""
    ahead = select(Leg.id).where(
        Leg.child_id == child.id, Leg.state == LegState.WANTED, col(Leg.due_at) > now
    )
    if session.exec(ahead.limit(1)).first() is not None:
        return True
    legs = select(Leg.id).where(Leg.child_id == child.id)
    runs = list(session.exec(select(RunLeg.run_id).where(col(RunLeg.leg_id).in_(legs)).distinct()))
    shifts = list(session.exec(select(Shift.id).where(col(Shift.run_id).in_(runs))))
    abouts = [
        f"child:{child.id}",
        *parties,
        *(f"leg:{leg}" for leg in session.exec(legs)),
        *(f"run:{run}" for run in runs),
        *(f"shift:{shift}" for shift in shifts),
    ]
    if any(live_cases_about(session, part) for part in _parts(abouts)):
        return True
    return any(
        _is_of_family(session, case, parties)
        for case in live_cases_of(session, (CaseKind.MESSAGE_FAILED, CaseKind.REPLY_UNCLEAR))
    )


def _is_of_family(session: Session, case: Case, parties: Sequence[str]) -> bool:
    kind, _, number = case.about.partition(":")
    if kind == "message":
        message = session.get(Message, int(number))
        return message is not None and message.party in parties
    reply = session.get(Inbound, int(number)) if kind == "inbound" else None
    return reply is not None and reply.sender in phones_of(session, parties).values()


def _say_if_overdue(session: Session, child_id: int, now: datetime) -> None:
    ended = session.exec(
        select(func.max(col(Consent.withdrawn_at))).where(col(Consent.child_id) == child_id)
    ).one()
    if ended is not None and now >= ended + ERASE_BY:
        open_case(
            session,
            kind=CaseKind.STUCK_WORK,
            about=f"erasure:{child_id}",
            sentence=wording.case_erasure_overdue(child_id),
            is_urgent=False,
            now=now,
        )


def _is_last_of_family(session: Session, child: Child) -> bool:
    others = select(Child.id).where(
        Child.family_id == child.family_id, col(Child.id) != child.id, col(Child.erased_at).is_(None)
    )
    return session.exec(others.limit(1)).first() is None


def _parties_of(session: Session, family_id: int) -> list[str]:
    rows = select(Guardian.id).where(Guardian.family_id == family_id).order_by(col(Guardian.id))
    return [f"guardian:{guardian_id}" for guardian_id in session.exec(rows)]


def _erase_messages(
    session: Session,
    parties: Sequence[str],
    legs: Sequence[int | None],
    names: Sequence[str],
    *,
    is_last: bool,
    now: datetime,
) -> int:
    """Blank the texts about this child: all to a family whose last child it is, else those that name it or its legs."""
    own = {f"leg:{leg}" for leg in legs}
    ids = []
    for message in session.exec(select(Message).where(col(Message.party).in_(parties))):
        kind, _, rest = message.about.partition(":")
        is_about = message.about in own or (
            kind == "legs" and {f"leg:{leg}" for leg in rest.split(",")} <= own
        )
        if is_last or is_about or any(name in message.text for name in names):
            ids.append(message.id or 0)
            if message.state in LIVE_STATES:
                withdraw(session, dedup_key=message.dedup_key, reason="erased", now=now)
    for part in _parts(sorted(own)):
        rows = select(Message.id).where(col(Message.about).in_(part), col(Message.party).not_in(parties))
        ids += [message_id or 0 for message_id in session.exec(rows)]
    alarms = select(Message).where(
        col(Message.template).in_(("case.one", "case.many")), col(Message.state).not_in(LIVE_STATES)
    )
    ids += [alarm.id or 0 for alarm in session.exec(alarms) if any(name in alarm.text for name in names)]
    _blank_messages(session, ids)
    return len(set(ids))


def _blank_messages(session: Session, ids: Collection[int]) -> None:
    for part in _parts(sorted(set(ids))):
        session.exec(
            update(Message)
            .where(col(Message.id).in_(part))
            .values(text="", parameters={})
            .execution_options(synchronize_session=False)
        )


def _erase_replies(session: Session, parties: Sequence[str], names: Sequence[str], *, is_last: bool) -> int:
    """Blank what the family wrote: everything with its last child, else what names this one."""
    keyring = keyring_of(session.get_bind().dialect)
    senders = [keyring.index(phone) for phone in phones_of(session, parties).values()]
    answered = select(Message.about).where(
        col(Message.party).in_(parties), col(Message.about).startswith("inbound:")
    )
    ids = [int(about.removeprefix("inbound:")) for about in session.exec(answered)]
    rows = select(Inbound).where(col(Inbound.sender_index).in_(senders) | col(Inbound.id).in_(ids))
    chosen = [
        reply.id or 0 for reply in session.exec(rows) if is_last or any(name in reply.text for name in names)
    ]
    for part in _parts(chosen):
        session.exec(
            update(Inbound)
            .where(col(Inbound.id).in_(part))
            .values(sender="", sender_index="", text="", raw="")
            .execution_options(synchronize_session=False)
        )
    return len(chosen)


def _erase_journeys(session: Session, child_id: int) -> int:
    """Leave legs with their times and numbers, without places and reasons; and nobody in a circle."""
    session.exec(delete(CircleMember).where(col(CircleMember.child_id) == child_id))
    legs = session.exec(
        update(Leg)
        .where(col(Leg.child_id) == child_id)
        .values(place_name="", area="", lat=None, lon=None, cancel_reason="")
        .execution_options(synchronize_session=False)
    )
    return legs.rowcount


def _erase_cases(session: Session, legs: Sequence[int | None], child_id: int, names: Sequence[str]) -> None:
    """Take the child's own cases their words, and its name out of what other closed cases say."""
    closed = select(Case.id).where(Case.state == CaseState.CLOSED)
    own = [f"child:{child_id}", *(f"leg:{leg}" for leg in legs)]
    for part in _parts(own):
        ids = list(session.exec(closed.where(col(Case.about).in_(part))))
        session.exec(update(Case).where(col(Case.id).in_(ids)).values(sentence=ERASED, close_reason=""))
        session.exec(update(CaseEvent).where(col(CaseEvent.case_id).in_(ids)).values(detail=""))
    for name in names:
        for model, column in (
            (Case, Case.sentence),
            (Case, Case.close_reason),
            (CaseEvent, CaseEvent.detail),
        ):
            key = col(Case.id) if model is Case else col(CaseEvent.case_id)
            session.exec(
                update(model)
                .where(key.in_(closed), col(column).contains(name, autoescape=True))
                .values({column.key: func.replace(col(column), name, SOMEBODY)})  # type: ignore[attr-defined]  # a column
                .execution_options(synchronize_session=False)
            )


def _erase_family_papers(session: Session, child_id: int) -> None:
    session.exec(delete(Receiver).where(col(Receiver.child_id) == child_id))
    session.exec(delete(BarredPerson).where(col(BarredPerson.child_id) == child_id))
    session.exec(delete(CalendarEntry).where(col(CalendarEntry.child_id) == child_id))
    escorts = select(Escort.id).where(Escort.child_id == child_id)
    session.exec(
        update(EscortPause).where(col(EscortPause.escort_id).in_(escorts)).values(reason="", why=Why.OTHER)
    )
    session.exec(update(Escort).where(col(Escort.child_id) == child_id).values(**BLANK_ESCORT))


def _erase_book(session: Session, child: Child) -> None:
    """Empty what the book said. The row's hashed key stays: the next import knows it and brings nobody back.

    A child that was set up by hand gets such a key here, should a later book still name it.
    """
    sheet, child_id = str(SheetKind.CHILDREN), child.id or 0
    if child.full_name and child.born_on:
        school = session.get_one(School, child.school_id).name
        key = child_key(child.full_name, child.born_on, school)
        hashed = book_key(keyring_of(session.get_bind().dialect), sheet, key)
        known = select(BookValue.id).where(BookValue.sheet == sheet, BookValue.key == hashed)
        if session.exec(known).first() is None:
            session.add(BookValue(sheet=sheet, key=hashed, subject_id=child_id, said={}))
            session.flush()
    session.exec(
        update(BookValue)
        .where(col(BookValue.sheet) == sheet, col(BookValue.subject_id) == child_id)
        .values(said={})
    )
    session.exec(
        delete(BookChange).where(col(BookChange.sheet) == sheet, col(BookChange.subject_id) == child_id)
    )


def _forget_person(session: Session, party: str) -> None:
    forget(session, party=party)
    session.exec(delete(HeldNumber).where(col(HeldNumber.party) == party))
    session.exec(delete(OneTimeCode).where(col(OneTimeCode.subject) == party))
    session.exec(delete(Link).where(col(Link.subject) == party))
    session.exec(delete(Device).where(col(Device.subject) == party))


def _parts(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[start : start + IN_LIST] for start in range(0, len(values), IN_LIST))


ERASE_BY = timedelta(days=15)
ERASED = "（已删除）"
SOMEBODY = "某同学"
IN_LIST = 500
BLANK_CHILD: Mapping[str, object] = {
    "short_name": ERASED,
    "team_id": None,
    "grade": "",
    "class_name": "",
    "gender": None,
    "full_name": None,
    "born_on": None,
    "natural_key": None,
    "street": "",
    "address": None,
    "home_lat": None,
    "home_lon": None,
    "diagnosis": None,
    "handling_note": None,
    "note_for_gate": False,
    "photo": None,
}
BLANK_ESCORT: Mapping[str, object] = {
    "pickup_name": "",
    "pickup_lat": None,
    "pickup_lon": None,
    "dropoff_name": "",
    "dropoff_lat": None,
    "dropoff_lon": None,
    "km_by_hand": None,
    "minutes_by_hand": None,
}
