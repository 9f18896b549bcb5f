import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from notifications.addresses import set_phone
from notifications.models import Address
from notifications.outbox import enqueue
from notifications.sealed import Keyring, SealError
from notifications.wording import Wording

from .builders import DRIVER, EVENING, PHONE


def test_what_is_sealed_opens_again_and_never_looks_the_same(keyring: Keyring) -> None:
    first, second = keyring.seal("小雨", "child.full_name"), keyring.seal("小雨", "child.full_name")

    assert first != second
    assert keyring.open(first, "child.full_name") == "小雨"


def test_a_value_moved_to_another_column_does_not_open(keyring: Keyring) -> None:
    sealed = keyring.seal("小雨", "child.full_name")

    with pytest.raises(SealError):
        keyring.open(sealed, "child.address")


@pytest.mark.parametrize(
    "damage",
    [
        lambda sealed: sealed[:-2] + ("A=" if sealed[-2:] != "A=" else "B="),  # changed at the end
        lambda sealed: "a2" + sealed[2:],  # a suite that we do not know
        lambda sealed: sealed.replace(".k", ".x", 1),  # a key that we do not hold
        lambda sealed: sealed[:20],  # cut off
        lambda _sealed: "",  # nothing
        lambda _sealed: "小雨",  # never sealed
    ],
)
def test_a_damaged_seal_says_so(keyring: Keyring, damage) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SealError):
        keyring.open(damage(keyring.seal("小雨", "child.full_name")), "child.full_name")


def test_old_keys_still_open_after_the_active_one_was_turned() -> None:
    old, index = os.urandom(32), os.urandom(32)
    before = Keyring(active="k1", keys={"k1": old}, index_key=index)
    after = Keyring(active="k2", keys={"k1": old, "k2": os.urandom(32)}, index_key=index)

    assert after.open(before.seal("a", "t.c"), "t.c") == "a"
    assert after.seal("a", "t.c").startswith("a1.k2.")


def test_the_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "keys.json"

    with ThreadPoolExecutor(8) as pool:
        keyrings = list(pool.map(lambda _: Keyring.load_or_create(path), range(8)))

    assert len({keyring.index("x") for keyring in keyrings}) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    Keyring.load_or_create(path)
    path.chmod(0o640)

    with pytest.raises(SealError, match="0600"):
        Keyring.load(path)


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"active": "k", "keys": {"k": "YQ=="}, "index_key": "YQ=="}']
)
def test_a_damaged_key_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.touch(0o600)
    path.write_text(content)

    with pytest.raises(SealError):
        Keyring.load(path)


def test_derived_keys_differ_by_purpose(keyring: Keyring) -> None:
    assert keyring.derive("word pair") == keyring.derive("word pair")
    assert keyring.derive("word pair") != keyring.derive("link")


def test_a_sealed_column_cannot_be_searched_by_its_value() -> None:
    with pytest.raises(TypeError, match="blind index"):
        select(Address).where(Address.value == PHONE)


def test_the_store_holds_neither_number_nor_text(session: Session) -> None:
    set_phone(session, party=DRIVER, phone=PHONE, now=EVENING)
    enqueue(
        session,
        to=DRIVER,
        wording=Wording("ask", {"who": "雨同学"}, "明天请您"),
        about="a",
        dedup_key="a",
        now=EVENING,
    )
    session.flush()

    stored = repr(session.connection().execute(text("SELECT * FROM address")).all())
    stored += repr(session.connection().execute(text("SELECT * FROM message")).all())
    assert "13800138000" not in stored
    assert "明天" not in stored
    assert "雨" not in stored
