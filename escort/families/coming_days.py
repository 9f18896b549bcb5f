"""What stands over a family's coming days: days off, and whether its children go on next term."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlmodel import Session, col, select

from escort.families.models import Child, Escort, EscortPause, Guardian, TermQuestion
from escort.families.next_term import STILL_MATTERS


@dataclass
class ComingDays:
    """Of one child."""

    pauses: dict[int, EscortPause] = field(default_factory=dict)  # not over yet, in order
    next_term: str = ""  # "open", "yes", "no" where the family was asked


def coming_days_of(session: Session, guardian_id: int, *, on: date) -> dict[int, ComingDays]:
    """Return, by child of a guardian's family, what stands over its days from `on`; in one statement."""
    pause = (
        (col(EscortPause.escort_id) == col(Escort.id))
        & col(EscortPause.lifted_at).is_(None)
        & (col(EscortPause.until_on) >= on)
    )
    question = (
        (col(TermQuestion.escort_id) == col(Escort.id))
        & (col(TermQuestion.ends_on) == col(Escort.until_on))
        & (col(TermQuestion.ends_on) >= on - STILL_MATTERS)
    )
    columns: Any = (Escort.child_id, EscortPause, TermQuestion.answer)
    rows = session.exec(
        select(*columns)
        .select_from(Escort)
        .join(Child, col(Child.id) == col(Escort.child_id))
        .join(Guardian, col(Guardian.family_id) == col(Child.family_id))
        .outerjoin(EscortPause, pause)
        .outerjoin(TermQuestion, question)
        .where(col(Guardian.id) == guardian_id, col(Escort.ended_at).is_(None))
        .order_by(col(EscortPause.from_on))
    )
    found: dict[int, ComingDays] = defaultdict(ComingDays)
    for child_id, one, answer in rows:
        if one is not None:
            found[child_id].pauses[one.id] = one
        found[child_id].next_term = answer or ""
    return found
