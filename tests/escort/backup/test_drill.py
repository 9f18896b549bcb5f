"""The drill: a lived-in store is backed up, its machine is lost, and a copy stands again that sends nothing yet."""

import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text, update
from sqlmodel import Session, SQLModel, col, select

from escort.access import audit
from escort.backup import files, snapshot
from escort.backup.container import Cost
from escort.backup.files import check_backup, make_backup, restore_backup
from escort.cases.service import open_cases
from escort.db import Store
from escort.errors import Conflict, Refused
from escort.families.models import Child
from escort.migrations import migrate
from escort.upkeep.channels import are_closed, open_channels
from escort.upkeep.models import Backup
from notifications.addresses import phone_of
from notifications.models import HandTask, Message, MessageState
from notifications.outbox import enqueue
from notifications.sealed import Keyring
from notifications.wording import Wording
from tests.builders import NOW, ZONE, a_child, a_volunteer

PASSPHRASE = "春天 的 杜鹃 在 叫 呢 听见 了"
CHEAP = Cost(n=2**4)
CANARIES = ("周小禾禾", "唐昌街道一百九十号", "孤独症谱系", "19900007701")


@pytest.fixture
def live(empty_store: Store) -> Store:
    """A store that was made as a district makes it, with a child, a volunteer and a message that waits."""
    migrate(empty_store)
    with empty_store.write() as session:
        child = a_child(session, "小禾", phone=CANARIES[3])
        kept = session.get_one(Child, child.id)
        kept.full_name, kept.address, kept.diagnosis = CANARIES[:3]
        a_volunteer(session, "王师傅")
        enqueue(
            session,
            to=child.guardian_subject,
            wording=Wording("family.not_coming", {"child": "小禾"}, "【杜鹃鸟】小禾今天不用接"),
            about="legs:1",
            dedup_key="history",
            now=NOW,
        )
        audit.record(session, actor="account:1", action="child.set_up", subject="child:1", now=NOW)
    return empty_store


def backed_up(store: Store, folder: Path, name: str = "stick.backup") -> Path:
    made = make_backup(
        store,
        folder / name,
        folder=folder,
        passphrase=PASSPHRASE,
        district="郫都区",
        by="console",
        now=NOW,
        cost=CHEAP,
    )
    return made.path


def restored(file: Path, folder: Path) -> Store:
    restore_backup(file, folder / "again", passphrase=PASSPHRASE, now=NOW)
    return Store(f"sqlite:///{folder / 'again' / 'dujuan.db'}", Keyring.load(folder / "again" / "dujuan.key"))


def rows_of(session: Session) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table, opened."""
    return {
        table.name: sorted((tuple(row) for row in session.execute(table.select())), key=repr)
        for table in SQLModel.metadata.sorted_tables
    }


def test_a_restored_copy_holds_every_row_and_can_read_it(live: Store, tmp_path: Path) -> None:
    with live.read() as session:
        before = rows_of(session)

    copy = restored(backed_up(live, tmp_path), tmp_path)

    with copy.read() as session:
        after = rows_of(session)
        assert audit.verify_chain(session) is None
        assert phone_of(session, "guardian:1") == f"+86{CANARIES[3]}"
    marks = ("audit_event", "restored_store", "backup", "revision")
    assert {name: rows for name, rows in after.items() if name not in marks} == {
        name: rows for name, rows in before.items() if name not in marks
    }
    assert after["audit_event"][: len(before["audit_event"])] == before["audit_event"]
    copy.dispose()


def test_a_stolen_file_says_nothing(live: Store, tmp_path: Path) -> None:
    taken = backed_up(live, tmp_path).read_bytes()

    assert [canary for canary in (*CANARIES, "小禾", "王师傅", "SQLite") if canary.encode() in taken] == []


def test_nothing_is_left_beside_the_file(live: Store, tmp_path: Path) -> None:
    room = tmp_path / "stick"
    room.mkdir()

    backed_up(live, room)

    assert [path.name for path in room.iterdir()] == ["stick.backup"]


def test_a_folder_gets_a_file_with_the_time_in_its_name(live: Store, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()

    assert backed_up(live, tmp_path, "stick").name == f"dujuan-{NOW:%Y%m%d-%H%M}.backup"


def test_a_check_compares_everything_and_the_store_remembers_it(live: Store, tmp_path: Path) -> None:
    file = backed_up(live, tmp_path)

    found = check_backup(
        file, folder=tmp_path, passphrase=PASSPHRASE, now=NOW + timedelta(hours=1), proves=live
    )

    with live.read() as session:
        made = session.exec(select(Backup)).one()
        assert made.proven_at == NOW + timedelta(hours=1)
        assert [line.action for line in audit.trail(session, subject="store")] == [
            "backup.proven",
            "backup.made",
        ]
    assert found.is_ours
    assert found.manifest.rows["child"] == 1
    assert found.rows == made.rows
    assert found.audit_hash == found.manifest.audit_hash
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("restore-")] == []


def test_a_file_of_another_store_proves_nothing(live: Store, store: Store, tmp_path: Path) -> None:
    file = backed_up(live, tmp_path)

    found = check_backup(file, folder=tmp_path, passphrase=PASSPHRASE, now=NOW, proves=store)

    assert not found.is_ours


def test_a_restored_copy_sends_nothing_until_somebody_says_so(live: Store, tmp_path: Path) -> None:
    copy = restored(backed_up(live, tmp_path), tmp_path)
    with copy.read() as session:
        assert are_closed(session)

    with copy.write() as session:
        dropped = open_channels(session, by="console", now=NOW, zone=ZONE)

    with copy.read() as session:
        message = session.exec(select(Message)).one()
        case = open_cases(session)[0]
        assert not are_closed(session)
        assert (message.state, message.next_attempt_at) == (MessageState.WITHDRAWN, None)
        assert "没发出的1条消息" in case.sentence
    assert dropped == 1
    with copy.write() as session, pytest.raises(Conflict):
        open_channels(session, by="console", now=NOW, zone=ZONE)
    copy.dispose()


def test_what_a_dead_worker_held_and_what_was_on_a_list_is_dropped_too(live: Store, tmp_path: Path) -> None:
    with live.write() as session:
        for number, state in enumerate((MessageState.CLAIMED, MessageState.BY_HAND)):
            enqueue(
                session,
                to="guardian:1",
                wording=Wording("family.not_coming", {}, "x"),
                about="legs:1",
                dedup_key=f"more:{number}",
                now=NOW,
            )
            session.exec(
                update(Message).where(col(Message.dedup_key) == f"more:{number}").values(state=str(state))
            )
        held = session.exec(select(Message.id).where(Message.dedup_key == "more:1")).one()
        session.add(HandTask(message_id=held or 0, kind="call", created_at=NOW))

    copy = restored(backed_up(live, tmp_path), tmp_path)
    with copy.write() as session:
        dropped = open_channels(session, by="console", now=NOW, zone=ZONE)

    with copy.read() as session:
        assert set(session.exec(select(Message.state))) == {MessageState.WITHDRAWN}
        assert session.exec(select(HandTask.outcome)).one() == "withdrawn"
    assert dropped == 3
    copy.dispose()


def test_the_keys_of_a_restored_store_are_its_owners_alone(live: Store, tmp_path: Path) -> None:
    restored(backed_up(live, tmp_path), tmp_path).dispose()

    assert stat.S_IMODE((tmp_path / "again" / "dujuan.key").stat().st_mode) == 0o600


def test_nothing_that_is_there_is_overwritten(live: Store, tmp_path: Path) -> None:
    file = backed_up(live, tmp_path)
    full = tmp_path / "full"
    full.mkdir()
    (full / "dujuan.db").write_text("somebody's store")

    with pytest.raises(Refused, match="不是空的文件夹"):
        restore_backup(file, full, passphrase=PASSPHRASE, now=NOW)
    with pytest.raises(Refused, match="已经有了"):
        backed_up(live, tmp_path)

    assert (full / "dujuan.db").read_text() == "somebody's store"


def test_a_place_that_cannot_be_written_is_one_sentence(live: Store, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="写不进去"):
        backed_up(live, tmp_path, "nowhere/stick.backup")


def test_a_store_of_an_older_shape_is_not_backed_up_by_halves(empty_store: Store, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="dujuan migrate"):
        backed_up(empty_store, tmp_path)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda manifest: replace(manifest, rows=manifest.rows | {"child": 2}), "child"),
        (lambda manifest: replace(manifest, audit_hash="0" * 64), "操作记录少了"),
        (lambda manifest: replace(manifest, revision="9999"), "更新的版本"),
        (lambda manifest: replace(manifest, keys=Keyring.fresh().as_text()), "密钥打不开"),
    ],
)
def test_a_copy_that_is_not_what_it_says_is_refused(
    live: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil,  # type: ignore[no-untyped-def]
    sentence: str,
) -> None:
    honest = files.describe
    monkeypatch.setattr(files, "describe", lambda *args, **named: spoil(honest(*args, **named)))
    file = backed_up(live, tmp_path)

    with pytest.raises(Refused, match=sentence):
        check_backup(file, folder=tmp_path, passphrase=PASSPHRASE, now=NOW)


def test_a_trail_that_was_changed_in_the_copy_is_found(
    live: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = files.take_snapshot

    def forged(store: Store, path: Path) -> None:
        honest(store, path)
        with snapshot._opened(path) as copy:
            copy.execute("DROP TRIGGER audit_event_no_update")
            copy.execute("UPDATE audit_event SET actor = 'somebody else' WHERE seq = 1")
            copy.commit()

    monkeypatch.setattr(files, "take_snapshot", forged)
    file = backed_up(live, tmp_path)

    with pytest.raises(Refused, match="第 1 条起"):
        check_backup(file, folder=tmp_path, passphrase=PASSPHRASE, now=NOW)


def test_a_copy_may_stand_again_in_a_database_of_its_own(
    live: Store, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    from tests.conftest import _database

    url = _database(request.getfixturevalue("postgres_server"), f"again_{id(live):x}")
    file = backed_up(live, tmp_path)

    restore_backup(file, tmp_path / "again", passphrase=PASSPHRASE, now=NOW, database_url=url)

    copy = Store(url, Keyring.load(tmp_path / "again" / "dujuan.key"))
    with copy.write() as session:
        assert are_closed(session)
        assert session.get_one(Child, 1).full_name == CANARIES[0]
        assert a_volunteer(session, "陈姐").id == 2  # counting goes on
        assert session.execute(text("SELECT count(*) FROM backup")).scalar_one() == 0
    assert not (tmp_path / "again" / "dujuan.db").exists()
    copy.dispose()
    with pytest.raises(Refused, match="空的 PostgreSQL"):
        restore_backup(file, tmp_path / "third", passphrase=PASSPHRASE, now=NOW, database_url=url)
