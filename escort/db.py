"""One district, one store: an engine with its keys, and the only two ways to open a session."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlmodel import Session, SQLModel

from escort.revision import count_changes
from notifications.sealed import Keyring

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

BUSY_TIMEOUT_MS = 10_000
WRITES = "dujuan_begin"  # how a connection begins; only a writer's says so


class Store:
    """The store of one district. `read()` never blocks a writer; `write()` commits or rolls back whole."""

    def __init__(self, url: str, keyring: Keyring, *, hides_values: bool = False) -> None:
        """`hides_values`: errors and logs name no value of a statement; they may be somebody's name or number."""
        self.url = url
        self.keyring = keyring
        self.engine = _engine(url, hides_values)
        keyring.attach(self.engine)
        count_changes(self.engine, in_writes=WRITES)
        self._writer = self.engine.execution_options(**{WRITES: "BEGIN IMMEDIATE"})

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads; what it changed by mistake is rolled back.

        Closing rolls back and lets go of the rows as they are; `rollback()` would leave them unreadable outside.
        """
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session in one write transaction: committed at the end, rolled back on any error."""
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    def dispose(self) -> None:
        self.engine.dispose()


def _engine(url: str, hides_values: bool) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(
            parsed,
            connect_args={"check_same_thread": False},
            pool_size=20,
            max_overflow=40,
            hide_parameters=hides_values,
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return create_engine(
        parsed, pool_size=20, max_overflow=30, pool_pre_ping=True, hide_parameters=hides_values
    )


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver opens no transaction by itself: we say BEGIN
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(WRITES, "BEGIN"))
