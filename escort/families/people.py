"""Whom to tell, who may receive the child, who never may; three roles that nobody must mix up."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col, func, select

from escort.access import audit
from escort.access.numbers import change_number
from escort.errors import Conflict, NotFound, Refused
from escort.families.forms import PersonNamed
from escort.families.models import BarredPerson, Child, Family, Guardian, Receiver, TellBy
from escort.typed_values import read_name
from notifications.addresses import prefer_by_hand, prefer_machine, set_phone


def add_guardian(
    session: Session,
    *,
    child_id: int,
    name: str,
    phone: str,
    relation: str = "",
    gets_messages: bool = True,
    is_proxy: bool = False,
    now: datetime,
    by: str,
) -> int:
    """Add somebody to tell, such as a second parent, or a neighbour as the proxy of a family that cannot read."""
    child = session.get(Child, child_id)
    if child is None:
        raise NotFound("没有这个孩子，请回到列表重新选择。")
    guardian = Guardian(
        family_id=child.family_id,
        name=read_name(name),
        relation=relation[:20],
        gets_messages=gets_messages,
        is_proxy=is_proxy,
        created_at=now,
    )
    session.add(guardian)
    session.flush()
    assert guardian.id is not None
    set_phone(session, party=f"guardian:{guardian.id}", phone=phone, now=now)
    audit.record(session, actor=by, action="guardian.add", subject=f"guardian:{guardian.id}", now=now)
    return guardian.id


def guardians_of(session: Session, child_id: int) -> list[Guardian]:
    """Return everybody of the child's family, in the order in which they came."""
    family = select(Child.family_id).where(col(Child.id) == child_id).scalar_subquery()
    rows = select(Guardian).where(col(Guardian.family_id) == family).order_by(col(Guardian.id))
    return list(session.exec(rows))


def set_roles(
    session: Session, *, guardian_id: int, gets_messages: bool, is_proxy: bool, now: datetime, by: str
) -> None:
    """Say whether a guardian gets the messages, and whether as a proxy. Somebody must always get them."""
    guardian = session.get(Guardian, guardian_id)
    if guardian is None:
        raise NotFound("没有这位联系人，请刷新页面。")
    others = session.exec(
        select(func.count())
        .select_from(Guardian)
        .where(
            Guardian.family_id == guardian.family_id,
            col(Guardian.id) != guardian_id,
            col(Guardian.gets_messages).is_(True),
        )
    ).one()
    if not gets_messages and others == 0:
        raise Refused("至少要有一个人收消息，请先加上另一位，再改这一位。")
    session.exec(
        update(Guardian)
        .where(col(Guardian.id) == guardian_id)
        .values(gets_messages=gets_messages, is_proxy=is_proxy)
    )
    audit.record(session, actor=by, action="guardian.roles", subject=f"guardian:{guardian_id}", now=now)


def set_telling(
    session: Session, *, child_id: int, tell_by: TellBy, confirms_arrival: bool, now: datetime, by: str
) -> None:
    """Say how the child's family hears from us, and whether it says itself that the child has come home.

    A family that is rung, or reads a sheet, gets no texts: whoever gets its messages is told by hand.
    """
    family = session.exec(
        select(Family).join(Child, col(Child.family_id) == col(Family.id)).where(Child.id == child_id)
    ).one()
    if (family.tell_by, family.confirms_arrival) == (tell_by, confirms_arrival):
        return
    family.tell_by, family.confirms_arrival = tell_by, confirms_arrival
    for guardian in guardians_of(session, child_id):
        party = f"guardian:{guardian.id}"
        if tell_by in BY_HAND:
            prefer_by_hand(session, party=party, now=now)
        else:
            prefer_machine(session, party=party)
    session.flush()
    audit.record(session, actor=by, action="family.telling", subject=f"child:{child_id}", now=now)


def change_guardian_phone(session: Session, *, guardian_id: int, phone: str, now: datetime, by: str) -> None:
    """Give a guardian a new number: told to the old one, and used after a day (`access.numbers`)."""
    party = f"guardian:{guardian_id}"
    try:
        change_number(session, party=party, phone=phone, by=by, now=now)
    except ValueError as wrong:
        raise Refused("手机号不对，请填 11 位大陆手机号。") from wrong
    audit.record(session, actor=by, action="guardian.phone", subject=party, now=now)


def set_receivers(session: Session, *, child_id: int, people: Sequence[PersonNamed], now: datetime) -> None:
    """Let exactly these people receive the child at the door. A name without a phone is "to be completed"."""
    wanted = {one.name: one for one in people}
    live = session.exec(
        select(Receiver).where(Receiver.child_id == child_id, col(Receiver.removed_at).is_(None))
    ).all()
    for receiver in live:
        person = wanted.pop(receiver.name, None)
        if person is None:
            receiver.removed_at = now
        elif person.phone is not None and person.phone != receiver.phone:
            receiver.phone, receiver.is_complete = person.phone, True
    session.add_all(
        Receiver(child_id=child_id, name=one.name, phone=one.phone, is_complete=one.phone is not None)
        for one in wanted.values()
    )
    session.flush()


def complete_receiver(session: Session, *, receiver_id: int, phone: str, now: datetime, by: str) -> None:
    """Add the number that was missing."""
    receiver = session.get(Receiver, receiver_id)
    if receiver is None or receiver.removed_at is not None:
        raise NotFound("这位接收人已经去掉了，请刷新页面。")
    person = PersonNamed.read({"name": receiver.name, "phone": phone})
    if person.phone is None:
        raise Refused("手机号没填，请填 11 位手机号。")
    receiver.phone, receiver.is_complete = person.phone, True
    session.flush()
    audit.record(session, actor=by, action="receiver.complete", subject=f"child:{receiver.child_id}", now=now)


def remove_receiver(session: Session, *, receiver_id: int, now: datetime, by: str) -> None:
    """Take a receiver off the list. Raises Conflict if somebody did so before."""
    removed = session.exec(
        update(Receiver)
        .where(col(Receiver.id) == receiver_id, col(Receiver.removed_at).is_(None))
        .values(removed_at=now)
    )
    if removed.rowcount == 0:
        raise Conflict("这位接收人已经去掉了，请刷新页面。")
    audit.record(session, actor=by, action="receiver.remove", subject=f"receiver:{receiver_id}", now=now)


def bar_people(session: Session, *, child_id: int, names: Sequence[str], now: datetime) -> None:
    """Bar exactly these people; those barred as volunteers by `bar_volunteer` stay barred."""
    wanted = set(names)
    live = session.exec(
        select(BarredPerson).where(
            BarredPerson.child_id == child_id,
            col(BarredPerson.removed_at).is_(None),
            col(BarredPerson.volunteer_id).is_(None),
        )
    ).all()
    for person in live:
        if person.name in wanted:
            wanted.discard(person.name)
        else:
            person.removed_at = now
    session.add_all(BarredPerson(child_id=child_id, name=name, created_at=now) for name in sorted(wanted))
    session.flush()


def bar_volunteer(
    session: Session, *, child_id: int, volunteer_id: int, name: str, now: datetime, by: str
) -> int:
    """Bar a barred person who is a volunteer from ever driving this child; said twice it is one row."""
    known = session.exec(
        select(BarredPerson.id).where(
            BarredPerson.child_id == child_id,
            BarredPerson.volunteer_id == volunteer_id,
            col(BarredPerson.removed_at).is_(None),
        )
    ).first()
    if known is not None:
        return known
    person = BarredPerson(child_id=child_id, name=name, volunteer_id=volunteer_id, created_at=now)
    session.add(person)
    session.flush()
    assert person.id is not None
    audit.record(session, actor=by, action="child.bar_volunteer", subject=f"child:{child_id}", now=now)
    return person.id


def unbar(session: Session, *, barred_id: int, now: datetime, by: str) -> None:
    """Lift a ban. Raises Conflict if somebody did so before."""
    lifted = session.exec(
        update(BarredPerson)
        .where(col(BarredPerson.id) == barred_id, col(BarredPerson.removed_at).is_(None))
        .values(removed_at=now)
    )
    if lifted.rowcount == 0:
        raise Conflict("这条限制已经去掉了，请刷新页面。")
    audit.record(session, actor=by, action="child.unbar", subject=f"barred:{barred_id}", now=now)


BY_HAND = (TellBy.CALL, TellBy.PAPER)
"""Families that no machine writes to."""
