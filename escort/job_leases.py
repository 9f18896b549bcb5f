"""One row a job: who runs it just now, and when it was last done. Keeps clocks on several nodes apart."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, Session, SQLModel, col

from escort.db import Store


class JobLease(SQLModel, table=True):
    __tablename__ = "job_lease"
    name: str = Field(primary_key=True, max_length=40)
    owner: str = Field(default="", max_length=80)
    until_at: datetime | None = None  # real time
    done_at: datetime | None = None  # the store's time
    done_for_on: date | None = None  # for jobs that are due once a day


LONGEST_JOB = timedelta(minutes=10)


@contextmanager
def lease(store: Store, name: str, *, owner: str, real_now: datetime) -> Iterator[bool]:
    """Yield True if this process may run the job now; another that holds it keeps it until its lease ends."""
    with store.write() as session:
        _ensure(session, name)
        taken = session.execute(
            update(JobLease)
            .where(
                col(JobLease.name) == name,
                col(JobLease.until_at).is_(None)
                | (col(JobLease.until_at) <= real_now)
                | (col(JobLease.owner) == owner),
            )
            .values(owner=owner, until_at=real_now + LONGEST_JOB)
        ).rowcount  # type: ignore[attr-defined]
    if not taken:
        yield False
        return
    try:
        yield True
    finally:
        with store.write() as session:
            session.execute(
                update(JobLease)
                .where(col(JobLease.name) == name, col(JobLease.owner) == owner)
                .values(until_at=None)
            )


def done_for(session: Session, name: str) -> date | None:
    """Return the date for which a daily job was last done."""
    row = session.get(JobLease, name)
    return row.done_for_on if row else None


def mark_done(session: Session, name: str, *, on: date, now: datetime) -> None:
    """Note that a daily job has been done for a date."""
    _ensure(session, name)
    session.execute(update(JobLease).where(col(JobLease.name) == name).values(done_at=now, done_for_on=on))


def _ensure(session: Session, name: str) -> None:
    if session.get(JobLease, name) is not None:
        return
    try:
        with session.begin_nested():
            session.add(JobLease(name=name))
    except IntegrityError:
        session.expire_all()  # another node made it first
