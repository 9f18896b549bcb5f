"""“下个月哪天不行”: one question a month to each who is in the rotation, and what they answer.

Silence says nothing: whoever does not answer is planned by the weekly pattern, and asked for each turn as ever.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, func, or_, select, update

from escort import wording
from escort.errors import Refused
from escort.roster.models import MonthAnswer, MonthQuestion, Volunteer
from escort.rota.asks import LinkMaker
from escort.rota.bookings import next_month
from escort.rota.models import Ask, AskState
from notifications.inserts import insert_if_new
from notifications.models import Urgency
from notifications.outbox import Letter, enqueue_many, respect_quiet_hours

ASK_TIME = time(18, 0)


@dataclass(frozen=True)
class MonthState:
    """How far the question about one month has come."""

    month_on: date
    asked: int
    answered: int

    @property
    def waiting(self) -> int:
        return self.asked - self.answered


def send_month_questions(
    session: Session, *, now: datetime, zone: ZoneInfo, day: int, links: LinkMaker
) -> int:
    """Ask everybody who has not been asked about next month; return how many. From the `day` of a month, 18:00.

    Whoever has an ask open is asked later: one open question at a time.
    """
    month_on = _month_to_ask(now, zone, day)
    if month_on is None:
        return 0
    people = list(session.exec(_unasked(month_on)))
    if not people:
        return 0
    rows = [
        {"volunteer_id": volunteer_id, "month_on": month_on, "asked_at": now, "answer": "", "how": ""}
        for volunteer_id in people
    ]
    statement = insert_if_new(session, MonthQuestion).returning(MonthQuestion.id, MonthQuestion.volunteer_id)
    fresh = {volunteer_id: question_id for question_id, volunteer_id in session.execute(statement, rows)}
    link = links(session, [f"volunteer:{volunteer_id}" for volunteer_id in fresh])
    not_before = respect_quiet_hours(now, urgency=Urgency.ROUTINE, zone=zone)
    enqueue_many(
        session,
        [
            Letter(
                to=f"volunteer:{volunteer_id}",
                wording=wording.month_question(month_on, link=link[f"volunteer:{volunteer_id}"]),
                about=f"month:{question_id}",
                dedup_key=f"month:{question_id}",
                not_before=not_before,
                do_not_send_after=datetime.combine(month_on, time(), zone),
            )
            for volunteer_id, question_id in fresh.items()
        ],
        now=now,
    )
    return len(fresh)


def next_due_at(session: Session, *, now: datetime, zone: ZoneInfo, day: int) -> datetime:
    """Return when somebody can be asked next, perhaps now."""
    month_on = _month_to_ask(now, zone, day)
    if month_on is not None and session.exec(_unasked(month_on).limit(1)).first() is not None:
        return now
    today = now.astimezone(zone).date()
    moment = _moment(today.replace(day=1), zone, day)
    return moment if moment > now else _moment(next_month(today), zone, day)


def open_question(session: Session, volunteer_id: int, *, today: date) -> MonthQuestion | None:
    """Return the newest question put to a volunteer, answered or not; None if its month is over."""
    return session.exec(
        select(MonthQuestion)
        .where(MonthQuestion.volunteer_id == volunteer_id, MonthQuestion.month_on >= today.replace(day=1))
        .order_by(col(MonthQuestion.month_on).desc())
        .limit(1)
    ).first()


def unanswered_of(session: Session, volunteer_ids: Collection[int], *, today: date) -> list[MonthQuestion]:
    """Return the open questions of these volunteers: a phone that two people share may have two."""
    rows = select(MonthQuestion).where(
        col(MonthQuestion.volunteer_id).in_(list(volunteer_ids)),
        MonthQuestion.month_on >= today.replace(day=1),
        col(MonthQuestion.answered_at).is_(None),
    )
    return list(session.exec(rows.order_by(col(MonthQuestion.id))))


def answer_none(session: Session, *, volunteer_id: int, how: str, now: datetime, today: date) -> date:
    """Record 没有 to the open question; return its month. Said twice it stays.

    Raises Refused if nothing was asked, or if dates were said before: those are taken back one by one.
    """
    question = open_question(session, volunteer_id, today=today)
    if question is None:
        raise Refused("还没有问过下个月，到时候会发消息。")
    if question.answer == MonthAnswer.DATES:
        raise Refused("已经记下了几天不行。又能去了，请把那几天一条条撤掉。")
    _answer(
        session,
        [col(MonthQuestion.id) == question.id, col(MonthQuestion.answered_at).is_(None)],
        MonthAnswer.NONE,
        how,
        now,
    )
    return question.month_on


def note_dates(
    session: Session, *, volunteer_id: int, from_on: date, until_on: date, how: str, now: datetime
) -> None:
    """Dates on which somebody cannot are an answer to the question about their month, wherever they were said."""
    _answer(
        session,
        [
            col(MonthQuestion.volunteer_id) == volunteer_id,
            col(MonthQuestion.month_on) >= from_on.replace(day=1),
            col(MonthQuestion.month_on) <= until_on,
            col(MonthQuestion.answer) != MonthAnswer.DATES,
        ],
        MonthAnswer.DATES,
        how,
        now,
    )


def month_state(session: Session, *, today: date) -> MonthState | None:
    """Return how far the newest question is; None if no month from this one on was asked about."""
    row = session.exec(
        select(col(MonthQuestion.month_on), func.count(), func.count(col(MonthQuestion.answered_at)))
        .where(MonthQuestion.month_on >= today.replace(day=1))
        .group_by(col(MonthQuestion.month_on))
        .order_by(col(MonthQuestion.month_on).desc())
        .limit(1)
    ).first()
    return None if row is None else MonthState(*row)


def not_answered(session: Session, *, month_on: date) -> set[int]:
    """Return who was asked about a month and has not answered."""
    return set(
        session.exec(
            select(MonthQuestion.volunteer_id).where(
                MonthQuestion.month_on == month_on, col(MonthQuestion.answered_at).is_(None)
            )
        )
    )


def _answer(session: Session, which: list[Any], answer: MonthAnswer, how: str, now: datetime) -> None:
    session.exec(
        update(MonthQuestion).where(*which).values(answered_at=now, answer=str(answer), how=how[:40])
    )
    session.expire_all()


def _unasked(month_on: date) -> Any:
    """Who is in the rotation in that month, can at all, and has neither been asked nor another question open."""
    asked = select(MonthQuestion.volunteer_id).where(MonthQuestion.month_on == month_on)
    busy = select(Ask.volunteer_id).where(Ask.state == AskState.OPEN)
    return (
        select(Volunteer.id)
        .where(
            col(Volunteer.suspended_at).is_(None),
            col(Volunteer.pattern).contains("1"),
            or_(col(Volunteer.joins_on).is_(None), col(Volunteer.joins_on) < next_month(month_on)),
            or_(col(Volunteer.leaves_on).is_(None), col(Volunteer.leaves_on) > month_on),
            ~col(Volunteer.id).in_(asked),
            ~col(Volunteer.id).in_(busy),
        )
        .order_by(col(Volunteer.id))
    )


def _month_to_ask(now: datetime, zone: ZoneInfo, day: int) -> date | None:
    """Return the month that may be asked about now."""
    today = now.astimezone(zone).date()
    return next_month(today) if now >= _moment(today.replace(day=1), zone, day) else None


def _moment(month_on: date, zone: ZoneInfo, day: int) -> datetime:
    return datetime.combine(month_on + timedelta(days=day - 1), ASK_TIME, zone)
