"""End of term: each family whose arrangement ends is asked whether it goes on, and the office sees what it said."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select, update

from escort import spoken, wording
from escort.access import audit
from escort.errors import Conflict
from escort.families.models import Child, Consent, Escort, TermAnswer, TermQuestion
from escort.families.queries import parties_to_tell
from escort.schools.models import CalendarEntry, CalendarKind, School
from notifications.inserts import insert_if_new
from notifications.models import Urgency
from notifications.outbox import Letter, enqueue_many, respect_quiet_hours, withdraw

NEXT_TERM = "family.next_term"
"""The text that asks."""

LinkMaker = Callable[[Session, Sequence[str]], Mapping[str, str]]
ASK_BEFORE = timedelta(days=14)
ENDS_WITH_TERM = timedelta(days=7)  # an arrangement that ends earlier was ended for its own reason
STILL_MATTERS = timedelta(days=70)  # the summer holidays, and the first weeks of the term


@dataclass(frozen=True)
class TermLine:
    """One child whose arrangement ends, and what its family said to going on."""

    child_id: int
    child: str
    school: str
    ends_on: date
    asked_at: datetime
    answer: str
    answered_at: datetime | None
    answered_by: str
    how: str


def ask_next_term(
    session: Session, *, now: datetime, zone: ZoneInfo, links: LinkMaker, duty_phone: str
) -> int:
    """Ask each family once, from 14 days before the end on; return how many children were asked about."""
    today = now.astimezone(zone).date()
    due = _due(session, today)
    if not due:
        return 0
    rows = [
        {
            "escort_id": escort.id,
            "child_id": escort.child_id,
            "ends_on": escort.until_on,
            "asked_at": now,
            "answer": TermAnswer.OPEN,
            "answered_by": "",
            "how": "",
        }
        for escort, _ in due
    ]
    session.execute(insert_if_new(session, TermQuestion), rows)  # asked twice at once, it is one question
    parties = parties_to_tell(session, [escort.child_id for escort, _ in due])
    everybody = sorted({party for told in parties.values() for party in told})
    link = links(session, everybody) if everybody else {}
    letters = [
        Letter(
            to=party,
            wording=wording.family_next_term(
                spoken.child_in_message(child.full_name, child.short_name),
                escort.until_on or today,
                duty_phone=duty_phone,
                link=link[party],
            ),
            about=f"term:{escort.id}",
            dedup_key=f"term:{escort.id}:{escort.until_on}:{party}",
            not_before=respect_quiet_hours(now, urgency=Urgency.ROUTINE, zone=zone),
        )
        for escort, child in due
        for party in parties[escort.child_id]
    ]
    enqueue_many(session, letters, now=now)
    return len(due)


def record_answer(
    session: Session, *, child_id: int, wants: bool, by: str, how: str, now: datetime
) -> TermQuestion:
    """Write down what a family says, who took it down and how; a later word replaces an earlier one.

    Raises Conflict if it was not asked, or if its arrangement has been renewed or ended since.
    """
    question = open_question(session, child_id, now=now)
    if question is None:
        raise Conflict("现在没有要问的，或者下学期已经安排好了。请刷新页面再看。")
    session.exec(
        update(TermQuestion)
        .where(col(TermQuestion.id) == question.id)
        .values(
            answer=str(TermAnswer.YES if wants else TermAnswer.NO),
            answered_at=now,
            answered_by=by[:40],
            how=how[:16],
        )
    )
    withdraw(session, about=f"term:{question.escort_id}", templates={NEXT_TERM}, reason="answered", now=now)
    audit.record(session, actor=by, action="term.answer", subject=f"child:{child_id}", fields=[how], now=now)
    session.refresh(question)
    return question


def open_question(session: Session, child_id: int, *, now: datetime) -> TermQuestion | None:
    """Return the question about a child's arrangement, while that has not been renewed, ended or prolonged."""
    found: TermQuestion | None = session.exec(_open(now).where(TermQuestion.child_id == child_id)).first()
    return found


def asked_families(session: Session, *, now: datetime) -> list[TermLine]:
    """Return every question that still matters: those who go on first, then the silent, by the last day."""
    rows = session.execute(
        _open(now)
        .join(Child, col(Child.id) == col(TermQuestion.child_id))
        .join(School, col(School.id) == col(Child.school_id))
        .add_columns(col(Child.short_name), col(School.name))
        .order_by(col(TermQuestion.ends_on), col(TermQuestion.id))
    )
    lines = [
        TermLine(
            one.child_id,
            child,
            school,
            one.ends_on,
            one.asked_at,
            one.answer,
            one.answered_at,
            one.answered_by,
            one.how,
        )
        for one, child, school in rows
    ]
    order = [TermAnswer.YES, TermAnswer.OPEN, TermAnswer.NO]
    return sorted(lines, key=lambda line: order.index(TermAnswer(line.answer)))


def _open(now: datetime) -> Any:
    """Questions about arrangements that end as they did when the family was asked, not long ago."""
    return (
        select(TermQuestion)
        .join(Escort, col(Escort.id) == col(TermQuestion.escort_id))
        .where(
            col(Escort.ended_at).is_(None),
            col(Escort.until_on) == col(TermQuestion.ends_on),
            col(TermQuestion.ends_on) >= now.date() - STILL_MATTERS,
        )
    )


def _due(session: Session, today: date) -> list[tuple[Escort, Child]]:
    """Return the live arrangements that end with their school's term within two weeks, and were not asked about."""
    asked = select(TermQuestion.id).where(
        col(TermQuestion.escort_id) == col(Escort.id), col(TermQuestion.ends_on) == col(Escort.until_on)
    )
    agreed = select(Consent.id).where(
        col(Consent.child_id) == col(Child.id), col(Consent.withdrawn_at).is_(None)
    )
    rows = session.exec(
        select(Escort, Child)
        .join(Child, col(Child.id) == col(Escort.child_id))
        .where(
            col(Escort.ended_at).is_(None),
            col(Escort.until_on) >= today,
            col(Escort.until_on) <= today + ASK_BEFORE,
            col(Child.full_name).is_not(None),
            ~asked.exists(),
            agreed.exists(),
        )
        .order_by(col(Escort.id))
    ).all()
    if not rows:
        return []
    ends = _term_ends(session, today)
    return [(escort, child) for escort, child in rows if _ends_with_term(escort, ends, child.school_id)]


def _ends_with_term(escort: Escort, ends: Mapping[int | None, list[date]], school_id: int) -> bool:
    """Where no term is known the arrangement's own end is all there is."""
    until_on = escort.until_on
    of_school = ends.get(school_id) or ends.get(None) or []
    return until_on is not None and (
        not of_school or any(end - ENDS_WITH_TERM <= until_on for end in of_school)
    )


def _term_ends(session: Session, today: date) -> dict[int | None, list[date]]:
    ends: dict[int | None, list[date]] = defaultdict(list)
    columns: Any = (CalendarEntry.school_id, CalendarEntry.until_on)
    for school_id, until_on in session.exec(
        select(*columns).where(
            CalendarEntry.kind == CalendarKind.TERM,
            col(CalendarEntry.removed).is_(False),
            CalendarEntry.from_on <= today + ASK_BEFORE,
            CalendarEntry.until_on >= today,
        )
    ):
        ends[school_id].append(until_on)
    return ends
