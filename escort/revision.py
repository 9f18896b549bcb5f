"""How often the store has changed in a way that somebody could see: one row, raised by the commit itself.

Nobody who writes has to remember it. A page that keeps itself up to date looks at this number and at nothing else.
"""

from typing import Any

from sqlalchemy import DDL, Connection, Delete, Engine, Insert, ScalarSelect, Update, event, select, update
from sqlmodel import Field, Session, SQLModel, col


class Revision(SQLModel, table=True):
    """One row, there from the first migration on; it has no history."""

    __tablename__ = "revision"
    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    number: int = 0


def revision_of(session: Session) -> int:
    """Return the number of visible changes so far."""
    return session.exec(select(Revision.number)).scalar_one()  # type: ignore[call-overload]


def revision_and(session: Session, *counts: ScalarSelect[int]) -> tuple[int, ...]:
    """Return the number of visible changes, and other numbers by the same look: a page has few looks to spend."""
    return tuple(session.execute(select(Revision.number, *counts)).one())  # type: ignore[call-overload]


def count_changes(engine: Engine, *, in_writes: str) -> None:
    """Raise the number with every commit of a transaction that changed a visible table.

    `in_writes` is the execution option that a writer's connection carries: migrations have none, and no table yet.
    The row is touched last of all, at the commit: writers wait there for one another, and never with another row
    still to be locked.
    """

    def begin(connection: Connection) -> None:
        connection.info.pop(_CHANGED, None)

    def note(
        connection: Connection, statement: Any, _many: Any, _values: Any, _options: Any, result: Any
    ) -> None:
        is_change = isinstance(statement, Insert | Update | Delete) and result.rowcount != 0
        if is_change and getattr(statement.table, "name", "") not in UNSEEN:
            connection.info[_CHANGED] = True

    def commit(connection: Connection) -> None:
        if connection.info.pop(_CHANGED, False) and in_writes in connection.get_execution_options():
            connection.execute(update(Revision).values(number=col(Revision.number) + 1))

    event.listen(engine, "begin", begin)
    event.listen(engine, "after_execute", note)
    event.listen(engine, "commit", commit)


UNSEEN = frozenset(
    {
        "access_link",
        "attempt",
        "audit_event",
        "demo_person_action",
        "demo_person_cookie",
        "demo_phone_message",
        "demo_state",
        "demo_taken_phone",
        "device",
        "inbound",
        "job_lease",
        "message",
        "one_time_code",
        "receipt",
        "revision",
        "sign_in",
        "store_stamp",
        "throttle",
        "told_driver",
        "told_family",
        "waiting_book",
        "watched_day",
        "watched_run",
    }
)
"""What stands on no page that keeps itself up to date. A table that is missing here costs a look too many, no more."""
_CHANGED = "dujuan_changed"

event.listen(
    Revision.__table__,  # type: ignore[attr-defined]  # SQLModel adds it to table models
    "after_create",
    DDL("INSERT INTO revision (id, number) VALUES (1, 0)"),  # type: ignore[no-untyped-call]
)
