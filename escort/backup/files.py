"""Making a backup file, looking whether one can be restored, and restoring it.

A file holds one snapshot and the keys of its sealed columns, under a passphrase of its own: whoever finds the file
reads nothing, whoever has file and passphrase has everything.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import inspect, select, text
from sqlalchemy.engine import make_url
from sqlmodel import Session, SQLModel

from escort.access import audit
from escort.backup.container import Cost, fingerprint_of, read_sealed, write_sealed
from escort.backup.snapshot import (
    Manifest,
    copy_rows,
    count_rows,
    describe,
    is_whole,
    parts_of,
    revision_of,
    take_snapshot,
)
from escort.db import Store
from escort.errors import Refused
from escort.migrations import knows, migrate
from escort.upkeep.channels import mark_restored
from escort.upkeep.models import Backup
from notifications.sealed import Keyring, Sealed, SealedJson, SealError


@dataclass(frozen=True)
class Made:
    """What was written where."""

    path: Path
    bytes: int
    rows: int
    audit_seq: int
    audit_hash: str


@dataclass(frozen=True)
class Found:
    """What a file held when it was restored into a store of its own and compared."""

    manifest: Manifest
    rows: int
    audit_seq: int
    audit_hash: str
    is_ours: bool = False  # made of the store that was asked to remember the proof


def make_backup(
    store: Store,
    target: Path,
    *,
    folder: Path,
    passphrase: str,
    district: str,
    by: str,
    now: datetime,
    cost: Cost | None = None,
) -> Made:
    """Write a backup of the store to `target`, or under a name with the time where that is a folder.

    `folder` takes the snapshot while it is being sealed. Nothing half done is left behind. Raises Refused: the file is
    there already, it cannot be written, the passphrase is too short.
    """
    path = target / f"dujuan-{now:%Y%m%d-%H%M}.backup" if target.is_dir() else target
    if path.exists():
        raise Refused(f"{path} 已经有了，不会盖掉它。请换一个名字，或写一个文件夹。")
    half = path.with_name(path.name + ".part")
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix="backup-") as room:
            copy = Path(room) / "copy.db"
            take_snapshot(store, copy)
            manifest = describe(
                copy,
                made_at=now.isoformat(),
                district=district,
                database=store.engine.dialect.name,
                keyring=store.keyring,
            )
            with half.open("xb") as file:
                fingerprint = write_sealed(file, _payload(manifest, copy), passphrase=passphrase, cost=cost)
                file.flush()
                os.fsync(file.fileno())
        half.rename(path)
    except OSError as unwritable:
        raise Refused(f"{path} 写不进去：{unwritable.strerror}。请看看盘插好没有、够不够大。") from unwritable
    finally:
        half.unlink(missing_ok=True)
    size = path.stat().st_size
    with store.write() as session:
        session.add(Backup(fingerprint=fingerprint, made_at=now, by=by, bytes=size, rows=manifest.total))
        audit.record(
            session,
            actor=by,
            action="backup.made",
            subject="store",
            fields=[f"rows {manifest.total}", f"head {manifest.audit_seq}"],
            now=now,
        )
    return Made(path, size, manifest.total, manifest.audit_seq, manifest.audit_hash)


def check_backup(
    file: Path, *, folder: Path, passphrase: str, now: datetime, proves: Store | None = None
) -> Found:
    """Restore a file into a store of its own, compare everything, and throw that store away.

    `proves` is the live store: if it made this file, it remembers that it can be restored. Raises Refused for
    whatever is wrong with the file.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix="restore-") as room:
        copy = Path(room) / "copy.db"
        manifest = _unpack(file, copy, passphrase)
        store = _compared(copy, manifest)
        try:
            found = _summary(store, manifest)
        finally:
            store.dispose()
    is_ours = proves is not None and _remember_proof(proves, file, now)
    return Found(**{**vars(found), "is_ours": is_ours})


def restore_backup(
    file: Path, into: Path, *, passphrase: str, now: datetime, database_url: str | None = None
) -> Found:
    """Restore a file into an empty folder: store and keys, or the keys alone beside an empty database.

    The restored store sends nothing until `open_channels`. Raises Refused where something is there already.
    """
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise Refused(f"{into} 不是空的文件夹。请写一个新的文件夹，恢复不会盖掉任何东西。")
    try:
        into.mkdir(parents=True, exist_ok=True, mode=0o700)
        copy = into / "dujuan.db"
        manifest = _unpack(file, copy, passphrase)
        store = _compared(copy, manifest)
        keyring = store.keyring
        keyring.save(into / "dujuan.key")
    except OSError as unwritable:
        raise Refused(f"{into} 写不进去：{unwritable.strerror}。") from unwritable
    if database_url is not None:
        store = _moved(store, Store(database_url, keyring))
        copy.unlink()
    try:
        with store.write() as session:
            mark_restored(session, backup_made_at=datetime.fromisoformat(manifest.made_at), now=now)
        return _summary(store, manifest)
    finally:
        store.dispose()


def _payload(manifest: Manifest, copy: Path) -> Iterator[bytes]:
    described = manifest.as_json()
    return chain((len(described).to_bytes(LENGTH_BYTES, "big"), described), parts_of(copy))


def _unpack(file: Path, copy: Path, passphrase: str) -> Manifest:
    """Write the snapshot of a file to `copy` and return what it should hold."""
    try:
        source: BinaryIO
        with file.open("rb") as source, copy.open("xb") as target:
            parts = read_sealed(source, passphrase=passphrase)
            waiting = b""
            manifest: Manifest | None = None
            for part in parts:
                if manifest is not None:
                    target.write(part)
                    continue
                waiting += part
                end = LENGTH_BYTES + int.from_bytes(waiting[:LENGTH_BYTES], "big")
                if len(waiting) >= end:
                    manifest = Manifest(**json.loads(waiting[LENGTH_BYTES:end]))
                    target.write(waiting[end:])
    except FileNotFoundError as nowhere:
        raise Refused(f"没有 {file} 这个文件。") from nowhere
    if manifest is None:
        raise Refused("备份文件不完整，不能用。请换一份。")
    return manifest


def _compared(copy: Path, manifest: Manifest) -> Store:
    """Return the store in a snapshot, in this version's shape, if it holds what it should. Raises Refused."""
    if not knows(manifest.revision) or not knows(revision_of(copy)):
        raise Refused("这份备份是更新的版本做的，请先升级杜鹃鸟再恢复。")
    if not is_whole(copy):
        raise Refused("备份里的库坏了，不能用。请换一份。")
    counted = count_rows(copy)
    differing = sorted(name for name, rows in manifest.rows.items() if counted.get(name) != rows)
    if differing:
        raise Refused(f"备份里这些表的行数不对：{'、'.join(differing)}。请换一份。")
    store = Store(f"sqlite:///{copy}", Keyring.from_text(manifest.keys))
    try:
        migrate(store)
        with store.read() as session:
            broken_at = audit.verify_chain(session)
            if broken_at is not None:
                raise Refused(f"备份里的操作记录从第 {broken_at} 条起对不上，不能当真。请换一份。")
            if audit.head(session) != (manifest.audit_seq, manifest.audit_hash):
                raise Refused("备份里的操作记录少了最后几条。请换一份。")
            _open_one_of_each(session)
    except BaseException:
        store.dispose()
        raise
    return store


def _open_one_of_each(session: Session) -> None:
    """Open one sealed text of each kind: the keys in the file are those of its rows."""
    for table in SQLModel.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, Sealed | SealedJson):
                try:
                    session.execute(select(column).where(column.is_not(None)).limit(1)).first()
                except SealError as locked:
                    raise Refused("备份里的密钥打不开它自己的资料。请换一份。") from locked


def _summary(store: Store, manifest: Manifest) -> Found:
    with store.read() as session:
        seq, last = audit.head(session)
    return Found(manifest, manifest.total, seq, last)


def _remember_proof(live: Store, file: Path, now: datetime) -> bool:
    with file.open("rb") as source:
        fingerprint = fingerprint_of(source)
    with live.write() as session:
        made = session.get(Backup, fingerprint)
        if made is None:
            return False
        made.proven_at = now
        session.add(made)
        audit.record(session, actor="console", action="backup.proven", subject="store", now=now)
    return True


def _moved(store: Store, target: Store) -> Store:
    """Copy a restored store into an empty PostgreSQL database and return that. Raises Refused if it is not empty."""
    try:
        if (
            make_url(target.url).get_backend_name() != "postgresql"
            or inspect(target.engine).get_table_names()
        ):
            raise Refused("请写一个空的 PostgreSQL 数据库，恢复不会盖掉任何东西。")
        migrate(target)
        with store.engine.connect() as source, target.engine.begin() as rows:
            copy_rows(source, rows)
            for table in SQLModel.metadata.sorted_tables:
                _go_on_counting(rows, table.name, [column.name for column in table.primary_key])
    except BaseException:
        target.dispose()
        raise
    finally:
        store.dispose()
    return target


def _go_on_counting(connection, table: str, keys: list[str]) -> None:  # type: ignore[no-untyped-def]
    """Let the next row get a number that no copied row has."""
    for key in keys:
        sequence = connection.execute(
            text("SELECT pg_get_serial_sequence(:table, :key)"), {"table": f'"{table}"', "key": key}
        ).scalar()
        if sequence is not None:
            connection.execute(
                text(
                    f'SELECT setval(:sequence, (SELECT coalesce(max("{key}"), 0) + 1 FROM "{table}"), false)'
                ),
                {"sequence": sequence},
            )


LENGTH_BYTES = 8
