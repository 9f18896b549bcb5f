"""What keeps real children out of a store: each thing by itself, and nothing once all are there."""

from datetime import timedelta

import pytest
from sqlmodel import Session

from escort.access.models import Account, SecondFactor
from escort.upkeep.channels import mark_restored
from escort.upkeep.models import Backup
from escort.upkeep.readiness import Lack, safety_of, what_is_missing
from tests.builders import NOW

DAY = timedelta(days=1)


def a_ready_store(session: Session, *, backup_age: timedelta = DAY, proof_age: timedelta = DAY) -> None:
    """One coordinator with a second factor, a backup and a proof."""
    session.add(
        Account(id=1, login="lin", name="林老师", role="coordinator", password_hash="", created_at=NOW)
    )
    session.flush()
    session.add(SecondFactor(account_id=1, secret="x", begun_at=NOW, confirmed_at=NOW))
    session.add(Backup(fingerprint="new", made_at=NOW - backup_age, by="console", bytes=1, rows=1))
    session.add(
        Backup(
            fingerprint="proven",
            made_at=NOW - proof_age,
            by="console",
            bytes=1,
            rows=1,
            proven_at=NOW - proof_age,
        )
    )
    session.flush()


def missing(session: Session, *, needs_second_factor: bool = True) -> list[Lack]:
    return what_is_missing(safety_of(session), needs_second_factor=needs_second_factor, real_now=NOW)


def test_an_empty_store_lacks_backup_and_proof(session: Session) -> None:
    assert missing(session) == [Lack.BACKUP, Lack.PROVEN_RESTORE]


def test_a_store_with_all_of_them_lacks_nothing(session: Session) -> None:
    a_ready_store(session)

    assert missing(session) == []


@pytest.mark.parametrize(
    ("backup_age", "proof_age", "lacks"),
    [
        (7 * DAY, 30 * DAY, []),  # to the day
        (8 * DAY, 30 * DAY, [Lack.BACKUP]),
        (DAY, 35 * DAY, []),
        (DAY, 36 * DAY, [Lack.PROVEN_RESTORE]),
        (40 * DAY, 40 * DAY, [Lack.BACKUP, Lack.PROVEN_RESTORE]),
    ],
)
def test_backups_and_proofs_grow_old(
    session: Session, backup_age: timedelta, proof_age: timedelta, lacks: list[Lack]
) -> None:
    a_ready_store(session, backup_age=backup_age, proof_age=proof_age)

    assert missing(session) == lacks


def test_one_coordinator_without_a_second_factor_is_enough_to_say_so(session: Session) -> None:
    a_ready_store(session)
    session.add(
        Account(id=2, login="he", name="何老师", role="coordinator", password_hash="", created_at=NOW)
    )
    session.flush()

    assert missing(session) == [Lack.SECOND_FACTOR]
    assert missing(session, needs_second_factor=False) == []


@pytest.mark.parametrize("role", ["gate", "disabled"])
def test_gates_and_closed_accounts_need_none(session: Session, role: str) -> None:
    a_ready_store(session)
    closed_at = NOW if role == "disabled" else None
    session.add(
        Account(
            id=2,
            login="x",
            name="x",
            role="gate" if role == "gate" else "coordinator",
            school_id=1 if role == "gate" else None,
            password_hash="",
            created_at=NOW,
            disabled_at=closed_at,
        )
    )
    session.flush()

    assert missing(session) == []


def test_a_second_factor_that_was_only_begun_does_not_count(session: Session) -> None:
    a_ready_store(session)
    session.get_one(SecondFactor, 1).confirmed_at = None
    session.flush()

    assert missing(session) == [Lack.SECOND_FACTOR]


def test_a_restored_copy_that_sends_nothing_says_so_first(session: Session) -> None:
    a_ready_store(session)
    mark_restored(session, backup_made_at=NOW - DAY, now=NOW)

    assert missing(session) == [Lack.CHANNELS_CLOSED]
