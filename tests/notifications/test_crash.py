"""The provider kills us from inside its handler, before and after accepting. Nothing may be lost."""

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel import select

from escort.db import Store
from notifications.addresses import set_phone
from notifications.models import Attempt, HandTask, Message
from notifications.outbox import Letter, enqueue_many
from notifications.sealed import Keyring
from notifications.wording import Wording

from .builders import DRIVER, EVENING, PHONE

RUNS = 50
KILLED_RUNS = 40
MESSAGES_A_RUN = 4


@pytest.fixture
def key_file(keyring: Keyring, tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    keyring._write_new(path)
    return path


@pytest.fixture
def provider() -> Iterator[str]:
    """A provider in a process of its own; yields its address."""
    with _process("notifications.testing") as process:
        yield _line(process)


@pytest.mark.slow
def test_nothing_is_lost_when_the_provider_kills_us_before_or_after_accepting(
    store: Store, key_file: Path, provider: str
) -> None:
    chance = random.Random(20210406)
    kills = ["kill_before", "kill_after"] * (KILLED_RUNS // 2) + [""] * (RUNS - KILLED_RUNS)
    chance.shuffle(kills)

    with _worker(store, key_file, provider, owner="node-a", batch=2) as worker:
        killed_runs = 0
        for run, kill in enumerate(kills):
            _enqueue(store, run)
            if kill:
                _script(provider, ["accept"] * chance.randrange(MESSAGES_A_RUN) + [kill])
            killed_runs += _run(worker) > 1

    seen = httpx.get(_base(provider) + "/seen", trust_env=False).json()
    with store.read() as session:
        messages = session.exec(select(Message.state, Message.send_key)).all()
        by_hand = session.exec(select(HandTask.id)).all()
        lost = session.exec(select(Attempt.detail).where(Attempt.outcome == "unknown")).all()
    repeated = sum(count - 1 for count in seen["requests"].values())
    print(f"{killed_runs} of {RUNS} runs killed, {len(messages)} messages, {repeated} requests repeated")
    assert killed_runs >= 30
    assert seen["kills"] == KILLED_RUNS
    assert {state for state, _ in messages} == {"accepted"}
    assert set(seen["accepted"]) == {key for _, key in messages}  # each intent once on a phone, none twice
    assert len(messages) == RUNS * MESSAGES_A_RUN
    assert by_hand == []
    assert repeated <= KILLED_RUNS * 2  # a death repeats at most what its batch had not recorded
    assert len(lost) >= KILLED_RUNS  # every death is kept as a try of unknown outcome


def test_two_workers_on_one_store_send_each_message_once(store: Store, key_file: Path, provider: str) -> None:
    _enqueue(store, 1, count=400)

    with (
        _worker(store, key_file, provider, owner="node-a", batch=5) as first,
        _worker(store, key_file, provider, owner="node-b", batch=5) as second,
    ):
        for worker in (first, second):
            _tell(worker)
        assert [_line(first), _line(second)] == ["1", "1"]

    seen = httpx.get(_base(provider) + "/seen", trust_env=False).json()
    assert sorted(seen["requests"].values()) == [1] * 400
    assert len(seen["workers"]) == 2


def _enqueue(store: Store, run: int, *, count: int = MESSAGES_A_RUN) -> None:
    with store.write() as session:
        if run < 2:
            set_phone(session, party=DRIVER, phone=PHONE, now=EVENING)
        letters = [_letter(f"run:{run}:{number}") for number in range(count)]
        assert len(enqueue_many(session, letters, now=EVENING)) == count


def _letter(about: str) -> Letter:
    return Letter(DRIVER, Wording("ask", {"n": about}, "明天早上您能来吗"), about, about)


def _script(provider: str, behaviours: list[str]) -> None:
    httpx.post(_base(provider) + "/script", json={"script": behaviours}, trust_env=False).raise_for_status()


def _base(provider: str) -> str:
    return provider.removesuffix("/messages")


@contextmanager
def _worker(
    store: Store, key_file: Path, provider: str, *, owner: str, batch: int
) -> Iterator["subprocess.Popen[str]"]:
    arguments = [str(key_file), store.url, provider, owner, str(batch)]
    with _process("tests.notifications.crashing_worker", *arguments) as process:
        assert _line(process) == "ready"
        yield process


@contextmanager
def _process(module: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait(timeout=20)
        process.stdout.close()


def _run(worker: "subprocess.Popen[str]") -> int:
    """Let it work until nothing is due and return how many lives that cost."""
    _tell(worker)
    return int(_line(worker))


def _tell(worker: "subprocess.Popen[str]") -> None:
    assert worker.stdin is not None
    worker.stdin.write("go\n")
    worker.stdin.flush()


def _line(process: "subprocess.Popen[Any]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line, "the process ended without a word"
    return str(line)
