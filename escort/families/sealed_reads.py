"""The only functions that open a child's sealed columns. Whoever calls one writes the read into the audit trail."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlmodel import Session, col, select

from escort.errors import NotFound
from escort.families.models import BarredPerson, Child, Guardian, Receiver
from notifications.addresses import phones_of


@dataclass(frozen=True, slots=True)
class OpenedPerson:
    """A guardian, receiver or barred person with the name in clear. `phone` is E.164."""

    id: int
    name: str
    relation: str = ""
    phone: str | None = None
    gets_messages: bool = False
    is_proxy: bool = False
    volunteer_id: int | None = None


def open_identity(session: Session, child_id: int) -> tuple[str | None, str | None]:
    """Return full name and birth date (ISO), either None while unknown."""
    row = session.exec(select(Child.full_name, Child.born_on).where(col(Child.id) == child_id)).first()
    if row is None:
        raise NotFound("没有这个孩子，请回到列表重新选择。")
    return row[0], row[1]


def open_full_names(session: Session, child_ids: Collection[int]) -> dict[int, str | None]:
    """Return the full names of several children in one query."""
    rows = session.exec(select(Child.id, Child.full_name).where(col(Child.id).in_(list(child_ids))))
    return {child_id: name for child_id, name in rows if child_id is not None}


def open_address(session: Session, child_id: int) -> str | None:
    return session.exec(select(Child.address).where(col(Child.id) == child_id)).first()


def open_diagnosis(session: Session, child_id: int) -> str | None:
    return session.exec(select(Child.diagnosis).where(col(Child.id) == child_id)).first()


def open_handling_note(session: Session, child_id: int) -> str | None:
    return session.exec(select(Child.handling_note).where(col(Child.id) == child_id)).first()


def open_guardians(session: Session, child_id: int, *, with_phones: bool = False) -> list[OpenedPerson]:
    """Return the people to tell; their numbers only where asked for, since that is a read of its own."""
    family = select(Child.family_id).where(col(Child.id) == child_id).scalar_subquery()
    rows = session.exec(
        select(Guardian).where(col(Guardian.family_id) == family).order_by(col(Guardian.id))
    ).all()
    phones = phones_of(session, [f"guardian:{row.id}" for row in rows]) if with_phones else {}
    return [
        OpenedPerson(
            id=row.id or 0,
            name=row.name,
            relation=row.relation,
            phone=phones.get(f"guardian:{row.id}"),
            gets_messages=row.gets_messages,
            is_proxy=row.is_proxy,
        )
        for row in rows
    ]


def open_receivers(session: Session, child_id: int) -> list[OpenedPerson]:
    """Return who may receive the child; `phone` None: to be completed."""
    rows = select(Receiver).where(Receiver.child_id == child_id, col(Receiver.removed_at).is_(None))
    found = session.exec(rows.order_by(col(Receiver.id)))
    return [OpenedPerson(id=row.id or 0, name=row.name, phone=row.phone) for row in found]


def open_barred(session: Session, child_id: int) -> list[OpenedPerson]:
    """Return who must never get the child."""
    rows = select(BarredPerson).where(
        BarredPerson.child_id == child_id, col(BarredPerson.removed_at).is_(None)
    )
    found = session.exec(rows.order_by(col(BarredPerson.id)))
    return [OpenedPerson(id=row.id or 0, name=row.name, volunteer_id=row.volunteer_id) for row in found]
