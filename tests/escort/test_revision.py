"""The store says by one number that something to be seen has changed; whoever writes need not think of it."""

from contextlib import suppress
from threading import Thread

from sqlalchemy import update
from sqlmodel import SQLModel, col

from escort.access.models import Throttle
from escort.db import Store
from escort.families.models import Child
from escort.revision import UNSEEN, revision_of
from tests.builders import NOW, a_child


def number(store: Store) -> int:
    with store.read() as session:
        return revision_of(session)


def test_a_commit_that_changed_something_raises_the_number_once(store: Store) -> None:
    before = number(store)

    with store.write() as session:
        a_child(session)
        a_child(session, "小杰")

    assert number(store) == before + 1


def test_what_was_rolled_back_raises_nothing(store: Store) -> None:
    before = number(store)

    with suppress(RuntimeError), store.write() as session:
        a_child(session)
        raise RuntimeError

    assert number(store) == before


def test_an_update_that_met_no_row_raises_nothing(store: Store) -> None:
    before = number(store)

    with store.write() as session:
        session.exec(update(Child).where(col(Child.id) == 7).values(grade="三年级"))

    assert number(store) == before


def test_an_update_without_the_session_knowing_the_row_raises_the_number(store: Store) -> None:
    with store.write() as session:
        child_id = a_child(session).id
    before = number(store)

    with store.write() as session:
        session.exec(update(Child).where(col(Child.id) == child_id).values(grade="三年级"))

    assert number(store) == before + 1


def test_what_nobody_sees_raises_nothing(store: Store) -> None:
    before = number(store)

    with store.write() as session:
        session.add(Throttle(key="sign_in:x", since=NOW, until=NOW, hits=1))

    assert number(store) == before


def test_writers_at_once_lose_no_change(store: Store) -> None:
    with store.write() as session:
        children = [a_child(session, name).id for name in ("小雨", "小杰", "小禾", "石头")]
    before = number(store)

    def write(child_id: int) -> None:
        for grade in range(5):
            with store.write() as session:
                session.exec(update(Child).where(col(Child.id) == child_id).values(grade=str(grade)))

    writers = [Thread(target=write, args=(child_id,)) for child_id in children]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert number(store) == before + 20


def test_every_table_that_is_left_out_exists() -> None:
    assert set(SQLModel.metadata.tables) >= UNSEEN
