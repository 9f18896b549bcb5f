"""The trail holds together, also under many writers, and nobody rewrites it."""

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from sqlmodel import Session

from escort.access import audit
from escort.db import Store

NOW = datetime(2021, 4, 6, 10, 0, 0, 123456, tzinfo=UTC)


def write(session: Session, number: int = 0, **changed: str) -> None:
    given = {"actor": "account:1", "action": "leg.cancelled", "subject": f"leg:{number}"}
    audit.record(session, **(given | changed), fields=["state: planned -> cancelled"], now=NOW)  # type: ignore[arg-type]  # a table


def test_a_line_says_who_did_what_to_whom(session: Session) -> None:
    session.info[audit.REQUEST_ID] = "abc123"
    write(session, 7)

    line = audit.trail(session, subject="leg:7")[0]

    assert (line.seq, line.actor, line.action) == (1, "account:1", "leg.cancelled")
    assert line.fields == ["state: planned -> cancelled"]
    assert line.request_id == "abc123"
    assert line.prev_hash == audit.GENESIS


def test_the_chain_of_many_commits_holds(store: Store) -> None:
    for number in range(5):
        with store.write() as session:
            write(session, number)
            write(session, number)

    with store.read() as session:
        assert audit.verify_chain(session) is None
        assert audit.head(session)[0] == 10


def test_what_is_rolled_back_leaves_no_line(store: Store) -> None:
    def fail() -> None:
        with store.write() as session:
            write(session)
            raise LookupError

    with pytest.raises(LookupError):
        fail()

    with store.read() as session:
        assert audit.trail(session) == []


def test_a_savepoint_that_is_rolled_back_takes_its_lines_along(store: Store) -> None:
    with store.write() as session:
        write(session, 1)
        with session.begin_nested():
            write(session, 2)
        outer = session.begin_nested()
        with session.begin_nested():
            write(session, 3)
        outer.rollback()
        write(session, 4)

    with store.read() as session:
        assert [line.subject for line in audit.trail(session)] == ["leg:4", "leg:2", "leg:1"]
        assert audit.verify_chain(session) is None


def test_many_writers_make_one_chain(store: Store) -> None:
    together = threading.Barrier(6)

    def work() -> None:
        together.wait()
        for number in range(10):
            with store.write() as session:
                write(session, number)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with store.read() as session:
        assert audit.head(session)[0] == 60
        assert audit.verify_chain(session) is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_event SET actor = 'account:2' WHERE seq = 2",
        "DELETE FROM audit_event WHERE seq = 2",
        "DELETE FROM audit_event",
    ],
)
def test_the_database_refuses_to_change_the_trail(store: Store, change: str) -> None:
    with store.write() as session:
        for number in range(3):
            write(session, number)

    with pytest.raises(DatabaseError, match="append-only"), store.write() as session:
        session.execute(text(change))


@pytest.mark.parametrize(
    ("change", "broken_at"),
    [
        ("UPDATE audit_event SET actor = 'account:2' WHERE seq = 2", 2),
        ("UPDATE audit_event SET fields = '[]' WHERE seq = 3", 3),
        ("DELETE FROM audit_event WHERE seq = 1", 1),
        ("DELETE FROM audit_event WHERE seq = 2", 2),
    ],
)
def test_whoever_changes_it_all_the_same_is_found_out(store: Store, change: str, broken_at: int) -> None:
    with store.write() as session:
        for number in range(3):
            write(session, number)
    with store.write() as session:
        if store.is_sqlite:
            session.execute(text("DROP TRIGGER audit_event_no_update"))
            session.execute(text("DROP TRIGGER audit_event_no_delete"))
        else:
            session.execute(text("ALTER TABLE audit_event DISABLE TRIGGER ALL"))
        session.execute(text(change))

    with store.read() as session:
        assert audit.verify_chain(session) == broken_at
