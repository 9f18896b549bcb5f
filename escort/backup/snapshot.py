"""One moment of a store as one SQLite file, whatever database it lives in.

SQLite is copied by its own backup; from PostgreSQL every table is read in one REPEATABLE READ snapshot. Sealed texts
stay sealed: rows are copied as they lie.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Table, Text, delete, insert, select
from sqlmodel import SQLModel

import escort.tables  # noqa: F401  # the metadata is whole
from escort.access import audit
from escort.db import Store
from escort.errors import Refused
from escort.migrations import is_current, migrate
from notifications.sealed import Keyring, Sealed, SealedJson

BATCH = 2000


@dataclass(frozen=True)
class Manifest:
    """What a copy holds, to be compared when it is restored."""

    made_at: str
    district: str
    database: str
    revision: str
    rows: dict[str, int]
    audit_seq: int
    audit_hash: str
    keys: str  # the key file: a copy without it could not be read

    @property
    def total(self) -> int:
        return sum(self.rows.values())

    def as_json(self) -> bytes:
        return json.dumps(asdict(self), ensure_ascii=False).encode()


def take_snapshot(store: Store, path: Path) -> None:
    """Write the store as it is now into a new SQLite file. Writers are not held up. Raises Refused if it is not current."""
    if not is_current(store):
        raise Refused("库还不是这个版本的样子，请先运行 dujuan migrate。")
    if store.is_sqlite:
        _copy_sqlite(store, path)
        return
    copy = Store(f"sqlite:///{path}", store.keyring)
    try:
        migrate(copy)
        reading = store.engine.execution_options(isolation_level="REPEATABLE READ")
        with reading.connect() as source, copy.engine.begin() as target:
            copy_rows(source, target)
    finally:
        copy.dispose()
    _one_file(path)


def copy_rows(source: Connection, target: Connection) -> None:
    """Copy every row of every table into a new store with the same shape, sealed texts as they lie."""
    tables = bare_tables()
    for table in reversed(tables):
        target.execute(delete(table))  # what migrations put there
    for table in tables:
        rows = source.execution_options(yield_per=BATCH).execute(select(table))
        for part in rows.mappings().partitions(BATCH):
            target.execute(insert(table), [dict(row) for row in part])


def bare_tables() -> list[Table]:
    """Return every table, those pointed at first, with sealed columns as the plain texts that they are in the store."""
    bare = MetaData()
    return [
        Table(table.name, bare, *[Column(column.name, _bare(column)) for column in table.columns])
        for table in SQLModel.metadata.sorted_tables
    ]


def count_rows(path: Path) -> dict[str, int]:
    """Return how many rows each table of a SQLite file has."""
    with _opened(path) as file:
        names = [
            str(name)
            for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
            if not str(name).startswith(("sqlite_", "alembic_"))
        ]
        return {name: file.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}


def revision_of(path: Path) -> str:
    """Return the shape that a SQLite file has."""
    with _opened(path) as file:
        return str(file.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def is_whole(path: Path) -> bool:
    """Return whether SQLite finds nothing wrong with a file, and every row's owner is there."""
    with _opened(path) as file:
        found = file.execute("PRAGMA quick_check(1)").fetchone()[0]
        return found == "ok" and file.execute("PRAGMA foreign_key_check").fetchone() is None


def describe(path: Path, *, made_at: str, district: str, database: str, keyring: Keyring) -> Manifest:
    """Return what a snapshot holds."""
    copy = Store(f"sqlite:///{path}", keyring)
    try:
        with copy.read() as session:
            seq, last = audit.head(session)
    finally:
        copy.dispose()
    _one_file(path)
    return Manifest(
        made_at=made_at,
        district=district,
        database=database,
        revision=revision_of(path),
        rows=count_rows(path),
        audit_seq=seq,
        audit_hash=last,
        keys=keyring.as_text(),
    )


def _copy_sqlite(store: Store, path: Path) -> None:
    raw = store.engine.raw_connection()
    try:
        with _opened(path) as target:
            raw.driver_connection.backup(target)  # type: ignore[union-attr]  # SQLite's own
    finally:
        raw.close()
    _one_file(path)


def _one_file(path: Path) -> None:
    """Let everything stand in the file itself, none of it in a log beside it."""
    with _opened(path) as file:
        file.execute("PRAGMA journal_mode=DELETE")


def _opened(path: Path) -> closing[sqlite3.Connection]:
    """Open a SQLite file for a `with`: its connection's own would only commit."""
    return closing(sqlite3.connect(path))


def _bare(column: Column[Any]) -> Any:
    return Text() if isinstance(column.type, Sealed | SealedJson) else column.type


def parts_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(1024 * 1024):
            yield part
