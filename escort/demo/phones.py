"""Where texts to invented people end, and what these people are about to do: kept in the demonstration's store."""

import json
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, insert
from sqlmodel import Session, col, delete, select

from escort.demo.models import PersonAction, PersonCookie, PhoneMessage, TakenPhone
from escort.demo.people import Action


def receive(session: Session, *, number: str, key: str, template: str, text: str, now: datetime) -> bool:
    """Put a text on a phone; False if this key has come before."""
    if session.exec(select(PhoneMessage.id).where(PhoneMessage.key == key)).first() is not None:
        return False
    session.add(PhoneMessage(number=number, key=key, template=template, text=text, at=now))
    return True


def written(session: Session, *, number: str, text: str, now: datetime) -> PhoneMessage:
    """Keep what a person wrote, for the simulator's page."""
    message = PhoneMessage(number=number, is_written=True, text=text, at=now)
    session.add(message)
    session.flush()
    return message


def has_key(session: Session, key: str) -> bool:
    return session.exec(select(PhoneMessage.id).where(PhoneMessage.key == key)).first() is not None


def texts_of(session: Session, number: str, *, limit: int = 30) -> list[PhoneMessage]:
    """Return the newest texts of a phone, the oldest of them first."""
    rows = session.exec(
        select(PhoneMessage)
        .where(PhoneMessage.number == number)
        .order_by(col(PhoneMessage.id).desc())
        .limit(limit)
    ).all()
    return list(reversed(rows))


def intend(session: Session, actions: Iterable[Action]) -> None:
    """Note what people will do."""
    rows = [
        {
            "due_at": one.due_at,
            "who": one.who,
            "kind": one.kind,
            "data": json.dumps(one.data, ensure_ascii=False),
        }
        for one in actions
    ]
    if rows:
        session.execute(insert(PersonAction), rows)


def next_action_at(session: Session) -> datetime | None:
    return session.exec(select(func.min(PersonAction.due_at))).one()


def take_due(session: Session, *, now: datetime) -> list[Action]:
    """Remove and return what is due, in order, but for phones that a visitor has taken over."""
    rows = session.exec(
        select(PersonAction)
        .where(PersonAction.due_at <= now)
        .order_by(col(PersonAction.due_at), col(PersonAction.id))
    ).all()
    taken = set(session.exec(select(TakenPhone.number)))
    session.exec(delete(PersonAction).where(col(PersonAction.id).in_([row.id for row in rows])))
    return [
        Action(row.due_at, row.who, row.kind, json.loads(row.data)) for row in rows if row.who not in taken
    ]


def is_taken(session: Session, number: str) -> bool:
    return session.get(TakenPhone, number) is not None


def take_over(session: Session, *, number: str, now: datetime) -> None:
    """Hand a phone to the visitor: what its person was about to do is forgotten."""
    if not is_taken(session, number):
        session.add(TakenPhone(number=number, at=now))
    session.exec(delete(PersonAction).where(col(PersonAction.who) == number))


def give_back(session: Session, *, number: str) -> None:
    session.exec(delete(TakenPhone).where(col(TakenPhone.number) == number))


def cookies_of(session: Session, who: str) -> dict[str, str]:
    row = session.get(PersonCookie, who)
    return dict(json.loads(row.cookies)) if row else {}


def keep_cookies(session: Session, who: str, cookies: dict[str, str]) -> None:
    row = session.get(PersonCookie, who)
    if row is None:
        session.add(PersonCookie(who=who, cookies=json.dumps(cookies)))
    else:
        row.cookies = json.dumps(cookies)
