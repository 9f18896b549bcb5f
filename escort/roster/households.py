"""Two volunteers of one household: never at once, or only together. What follows for shifts lies in rota."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select, update

from escort.access import audit
from escort.errors import Conflict, NotFound, Refused
from escort.roster.models import HouseholdLink, LinkKind, Volunteer
from escort.roster.service import get_volunteer, subject_of
from escort.sentences import Sentence


@dataclass(frozen=True, slots=True)
class Kin:
    """Whom a volunteer is linked with."""

    link_id: int
    volunteer_id: int
    name: str
    kind: str


def link(
    session: Session, *, volunteer_id: int, other_id: int, kind: LinkKind, now: datetime, by: str
) -> None:
    """Link two volunteers. Raises Refused or Conflict, with why, where that cannot be.

    Who drives only together with one person cannot be linked with another besides.
    """
    if volunteer_id == other_id:
        raise Refused("请选另一位志愿者。")
    _lock(session, (volunteer_id, other_id))
    people = {who: get_volunteer(session, who) for who in (volunteer_id, other_id)}
    for who, person in people.items():
        for kin in kin_of(session, who):
            if LinkKind.TOGETHER in (kind, kin.kind) or kin.volunteer_id in people:
                raise Conflict(
                    Sentence(
                        "%(name)s已经和%(other)s关联了，请先解除再关联。", name=person.name, other=kin.name
                    )
                )
    row = HouseholdLink(
        volunteer_id=min(volunteer_id, other_id), other_id=max(volunteer_id, other_id), kind=kind, made_at=now
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as taken:
        raise Conflict("这两位刚刚已经关联了，请刷新页面。") from taken
    for who in people:
        audit.record(
            session, actor=by, action="volunteer.link", subject=subject_of(who), fields=[kind], now=now
        )


def unlink(session: Session, *, link_id: int, volunteer_id: int, now: datetime, by: str) -> None:
    """End one of a volunteer's links. Raises NotFound if there is none such any more."""
    ended = session.exec(
        update(HouseholdLink)
        .where(
            col(HouseholdLink.id) == link_id,
            or_(col(HouseholdLink.volunteer_id) == volunteer_id, col(HouseholdLink.other_id) == volunteer_id),
            col(HouseholdLink.ended_at).is_(None),
        )
        .values(ended_at=now)
    )
    if ended.rowcount == 0:
        raise NotFound("这个关联已经解除了，请刷新页面。")
    audit.record(session, actor=by, action="volunteer.unlink", subject=subject_of(volunteer_id), now=now)


def kin_of(session: Session, volunteer_id: int) -> list[Kin]:
    """Return whom a volunteer is linked with now, in one query."""
    other = (col(HouseholdLink.volunteer_id) + col(HouseholdLink.other_id)) - volunteer_id
    rows = session.exec(
        select(HouseholdLink, Volunteer.name)
        .join(Volunteer, col(Volunteer.id) == other)
        .where(
            col(HouseholdLink.ended_at).is_(None),
            or_(col(HouseholdLink.volunteer_id) == volunteer_id, col(HouseholdLink.other_id) == volunteer_id),
        )
        .order_by(col(HouseholdLink.id))
    )
    return [
        Kin(row.id or 0, row.volunteer_id + row.other_id - volunteer_id, name, row.kind) for row, name in rows
    ]


def live_links(session: Session) -> list[tuple[int, int, str]]:
    """Return every live link as (smaller, greater, kind)."""
    rows = session.exec(
        select(HouseholdLink.volunteer_id, HouseholdLink.other_id, HouseholdLink.kind)
        .where(col(HouseholdLink.ended_at).is_(None))
        .order_by(col(HouseholdLink.id))
    )
    return list(rows)


def lock_household(session: Session, volunteer_id: int) -> None:
    """Let the yeses of one household come one after another. On SQLite the whole store is held already."""
    if session.get_bind().dialect.name != "sqlite":
        session.exec(
            select(HouseholdLink.id)
            .where(
                col(HouseholdLink.ended_at).is_(None),
                or_(
                    col(HouseholdLink.volunteer_id) == volunteer_id,
                    col(HouseholdLink.other_id) == volunteer_id,
                ),
            )
            .order_by(col(HouseholdLink.id))
            .with_for_update()
        ).all()


def _lock(session: Session, people: Collection[int]) -> None:
    """Two links of one person are judged one after the other."""
    if session.get_bind().dialect.name != "sqlite":
        session.exec(
            select(Volunteer.id)
            .where(col(Volunteer.id).in_(list(people)))
            .order_by(col(Volunteer.id))
            .with_for_update()
        ).all()
