"""Papers counted down: 60, 30 and 7 days before one runs out its owner is told, each step once.

Whether somebody may drive on a day is `gates`' business, on the day of T; here it is said in time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ScalarSelect
from sqlmodel import Session, col, func, or_, select

from escort import pinyin, wording
from escort.access import audit
from escort.roster.gates import VETTING_VALID
from escort.roster.models import PaperNotice, Team, Volunteer
from escort.sentences import mark
from escort.spreadsheet import Sheet, Value
from notifications.inserts import insert_if_new
from notifications.outbox import Letter, enqueue_many


class Paper(StrEnum):
    VETTING = "vetting"
    LICENCE = "licence"
    INSURANCE = "insurance"


@dataclass(frozen=True, slots=True)
class PaperLeft:
    """One paper as of a day: until when it is valid, that day included, and how many days that is."""

    paper: Paper
    until: date | None  # None: there is none
    days_left: int  # negative once it is over, and for a missing one

    @property
    def step(self) -> int | None:
        """The step of the countdown that it has reached; None before the first, and once it is over."""
        return next((step for step in reversed(STEPS) if 0 <= self.days_left <= step), None)

    @property
    def share(self) -> float:
        """How much of a year is left, 0 to 1."""
        return min(1.0, max(0.0, self.days_left / 365))


def papers_left(volunteer: Any, today: date) -> list[PaperLeft]:
    """Return the three papers of a volunteer, or of a row with these dates, in the order in which they are shown."""
    vetted = volunteer.vetted_on + VETTING_VALID if volunteer.vetted_on else None
    return [
        PaperLeft(paper, until, (until - today).days if until is not None else -1)
        for paper, until in (
            (Paper.VETTING, vetted),
            (Paper.LICENCE, volunteer.licence_until),
            (Paper.INSURANCE, volunteer.insured_until),
        )
    ]


def nearest(papers: Iterable[PaperLeft]) -> PaperLeft | None:
    """Return the paper of the countdown that runs out first."""
    counted = [paper for paper in papers if paper.step is not None]
    return min(counted, key=lambda paper: paper.days_left, default=None)


def people_within(today: date, days: int) -> ScalarSelect[int]:
    """Return, as a part of another query, the number of volunteers with a paper that runs out within so many days."""
    return (
        select(func.count())
        .select_from(Volunteer)
        .where(col(Volunteer.suspended_at).is_(None), *_in_rotation(today), _runs_out(today, days))
        .scalar_subquery()
    )


def tell_of_papers(session: Session, *, today: date, now: datetime, duty_phone: str) -> int:
    """Say each step of each countdown once to its owner, all that is new in one message; return how many people."""
    known = {
        (row.volunteer_id, row.paper, row.until_on, row.step)
        for row in session.exec(select(PaperNotice).where(PaperNotice.until_on >= today))
    }
    fresh: dict[int, list[PaperLeft]] = {}
    for row in _in_countdown(session, today):
        for paper in papers_left(row, today):
            if paper.step is not None and (row.id, paper.paper, paper.until, paper.step) not in known:
                fresh.setdefault(row.id, []).append(paper)
    if not fresh:
        return 0
    session.execute(
        insert_if_new(session, PaperNotice),
        [
            {
                "volunteer_id": volunteer_id,
                "paper": str(paper.paper),
                "until_on": paper.until,
                "step": paper.step,
                "told_at": now,
            }
            for volunteer_id, papers in fresh.items()
            for paper in papers
        ],
    )
    letters = [
        Letter(
            to=f"volunteer:{volunteer_id}",
            wording=wording.papers_soon(
                [(WORDS[one.paper], one.until, one.days_left) for one in papers if one.until],
                duty_phone=duty_phone,
            ),
            about=f"volunteer:{volunteer_id}",
            dedup_key=f"papers:{volunteer_id}:{today}",
        )
        for volunteer_id, papers in fresh.items()
    ]
    enqueue_many(session, letters, now=now)
    return len(fresh)


def yearly_batch(session: Session, *, today: date) -> list[Sheet]:
    """Return the list for the yearly batch: whose papers run out within the countdown, are over, or are missing."""
    teams = dict(session.exec(select(Team.id, Team.name)).all())
    rows: list[tuple[int, list[Value]]] = []
    for row in session.exec(
        select(*_COLUMNS).where(col(Volunteer.suspended_at).is_(None), *_in_rotation(today))
    ):
        papers = papers_left(row, today)
        due = [paper for paper in papers if paper.step is not None or paper.days_left < 0]
        if due:
            first = min(paper.days_left if paper.until else MISSING for paper in due)
            what = "、".join(WORDS[paper.paper] + _state(paper) for paper in due)
            rows.append((first, [row.name, teams.get(row.team_id, ""), what, *(one.until for one in papers)]))
    rows.sort(key=lambda row: (row[0], pinyin.sort_key(str(row[1][0]))))
    head: list[Value] = ["姓名", "车队", "要办的", *(f"{word}到期" for word in WORDS.values())]
    return [Sheet("年审名单", [head, *(row for _, row in rows)])]


def note_yearly_batch(session: Session, *, by: str, people: int, now: datetime) -> None:
    """Write into the trail that somebody took the list out."""
    audit.record(
        session,
        actor=by,
        action="papers.exported",
        subject="papers",
        fields=[f"volunteers: {people}"],
        now=now,
    )


def _state(paper: PaperLeft) -> str:
    if paper.until is None:
        return "（没登记）"
    return "（已过期）" if paper.days_left < 0 else f"（还有{paper.days_left}天）"


def _in_countdown(session: Session, today: date) -> list[Any]:
    rows = select(*_COLUMNS).where(
        col(Volunteer.suspended_at).is_(None), *_in_rotation(today), _runs_out(today, STEPS[0])
    )
    return list(session.exec(rows.order_by(col(Volunteer.id))))


def _runs_out(today: date, days: int) -> Any:
    last = today + timedelta(days=days)
    return or_(
        *(
            col(column).between(today - valid, last - valid)
            for column, valid in (
                (Volunteer.vetted_on, VETTING_VALID),
                (Volunteer.licence_until, timedelta()),
                (Volunteer.insured_until, timedelta()),
            )
        )
    )


def _in_rotation(today: date) -> list[Any]:
    return [or_(col(Volunteer.leaves_on).is_(None), col(Volunteer.leaves_on) > today)]


STEPS = (60, 30, 7)  # days before
WORDS = {
    Paper.VETTING: mark("无犯罪记录查询"),
    Paper.LICENCE: mark("驾驶证"),
    Paper.INSURANCE: mark("座位险"),
}
MISSING = -100_000  # first of all in the list
_COLUMNS: tuple[Any, ...] = (
    Volunteer.id,
    Volunteer.name,
    Volunteer.team_id,
    Volunteer.vetted_on,
    Volunteer.licence_until,
    Volunteer.insured_until,
)
