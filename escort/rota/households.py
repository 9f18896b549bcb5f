"""What a household link means for shifts: of two at once one is freed, and nobody of a couple drives alone.

Found by a sweep, whatever led there: a link made late, two yeses at once, a partner's no.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from escort.roster import households as roster
from escort.roster.models import LinkKind
from escort.rota.models import LIVE_SHIFT, Run, Shift, ShiftState
from escort.rota.release import Reason, free_shifts


@dataclass(frozen=True)
class LinkEffect:
    """What a link would free at once: promises and open questions; drafts nobody has seen do not count."""

    promised: int
    asked: int


def link_people(
    session: Session,
    *,
    volunteer_id: int,
    other_id: int,
    kind: LinkKind,
    by: str,
    now: datetime,
    zone: ZoneInfo,
) -> None:
    """Link two volunteers, and free what breaks the link at once. Raises Refused or Conflict."""
    roster.link(session, volunteer_id=volunteer_id, other_id=other_id, kind=kind, now=now, by=by)
    keep_links(session, now=now, zone=zone)


def effect_of_link(
    session: Session, *, volunteer_id: int, other_id: int, kind: LinkKind, now: datetime
) -> LinkEffect:
    """Return what linking these two now would free."""
    pair = [(min(volunteer_id, other_id), max(volunteer_id, other_id))]
    ids = (_at_once if kind == LinkKind.APART else _without_partner)(session, pair, now)
    states = list(session.exec(select(Shift.state).where(col(Shift.id).in_(ids))))
    return LinkEffect(states.count(ShiftState.CONFIRMED), states.count(ShiftState.OPEN))


def keep_links(session: Session, *, now: datetime, zone: ZoneInfo) -> int:
    """Free the coming shifts that break a household link; return how many. One query where there are no links."""
    links = roster.live_links(session)
    freed = 0
    for kind, reason, broken_by in (
        (LinkKind.APART, Reason.APART, _at_once),
        (LinkKind.TOGETHER, Reason.PARTED, _without_partner),
    ):
        pairs = [(one, other) for one, other, its_kind in links if its_kind == kind]
        ids = broken_by(session, pairs, now) if pairs else []
        if ids:
            free_shifts(session, shift_ids=ids, reason=reason, by="system", now=now, zone=zone)
            freed += len(ids)
    return freed


def _at_once(session: Session, pairs: Sequence[tuple[int, int]], now: datetime) -> list[int]:
    """Return, where two who must not be out at once have the same half-day, the shift that is worth less: a promise
    stands before a question, the earlier before the later."""
    others = aliased(Shift)
    columns: Any = (Shift.volunteer_id, others.volunteer_id, Shift.id, Shift.state, others.id, others.state)
    rows = session.exec(
        select(*columns)
        .select_from(Shift)
        .join(others, (col(others.on) == col(Shift.on)) & (col(others.direction) == col(Shift.direction)))
        .join(Run, col(Run.id) == col(Shift.run_id))
        .where(
            col(Shift.volunteer_id).in_([one for one, _ in pairs]),
            col(others.volunteer_id).in_([other for _, other in pairs]),
            col(Shift.state).in_(LIVE_SHIFT),
            col(others.state).in_(LIVE_SHIFT),
            col(Run.starts_at) > now,
        )
    )
    wanted = set(pairs)
    return [
        max((WORTH[state], shift_id), (WORTH[its_state], other_id))[1]
        for one, other, shift_id, state, other_id, its_state in rows
        if (one, other) in wanted
    ]


def _without_partner(session: Session, pairs: Sequence[tuple[int, int]], now: datetime) -> list[int]:
    """Return the shifts of couples in whose run the other seat is not the partner's."""
    partner = {who: whom for one, other in pairs for who, whom in ((one, other), (other, one))}
    columns: Any = (Shift.id, Shift.volunteer_id, Shift.run_id)
    rows = session.exec(
        select(*columns)
        .join(Run, col(Run.id) == col(Shift.run_id))
        .where(
            col(Shift.volunteer_id).in_(partner), col(Shift.state).in_(LIVE_SHIFT), col(Run.starts_at) > now
        )
    ).all()
    held = {(who, run_id) for _, who, run_id in rows}
    return [shift_id for shift_id, who, run_id in rows if (partner[who], run_id) not in held]


WORTH = {ShiftState.CONFIRMED: 0, ShiftState.OPEN: 1, ShiftState.DRAFT: 2}
