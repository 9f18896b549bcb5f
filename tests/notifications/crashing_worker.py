"""A delivering process that may be killed: for every line on its input it forks workers until one ends well.

python -m tests.notifications.crashing_worker KEY_FILE DATABASE_URL GATEWAY_URL OWNER BATCH

It answers "ready" once, and to each line with the number of lives that the work cost. Forking spares each life the
seconds of starting Python; each opens its own store and dies by a real SIGKILL.
"""

import gc
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from sqlalchemy.orm import configure_mappers

import escort.tables  # noqa: F401 (the foreign keys of every table)
from escort.db import Store
from notifications.channels.by_hand import ByHand
from notifications.channels.sms_gateway import SmsGateway
from notifications.delivery import deliver_due, release_claims
from notifications.outbox import next_due_at
from notifications.sealed import Keyring
from notifications.signing import make_secret
from notifications.testing import PID_HEADER

SECRET = make_secret(b"the secret of a gateway in tests")


def main(key_file: str, url: str, gateway: str, owner: str, batch: str) -> None:
    configure_mappers()  # once, not in every life
    gc.freeze()
    print("ready", flush=True)
    for _line in sys.stdin:
        lives = 1
        while not _lives_through(key_file, url, gateway, owner, int(batch)):
            lives += 1
        print(lives, flush=True)


def _lives_through(key_file: str, url: str, gateway: str, owner: str, batch: int) -> bool:
    pid = os.fork()
    if pid == 0:
        work(key_file, url, gateway, owner, batch)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def work(key_file: str, url: str, gateway: str, owner: str, batch: int) -> None:
    """Deliver until nothing is due any more; waiting is done by moving the clock."""
    store = Store(url, Keyring.load(Path(key_file)))
    client = httpx.Client(trust_env=False, verify=False, headers={PID_HEADER: str(os.getpid())})
    sms = SmsGateway(client, url=gateway, secret=SECRET, now=lambda: datetime.now(UTC))
    leap = timedelta()

    def clock() -> datetime:
        return datetime.now(UTC) + leap

    release_claims(store.write, owner=owner)
    while True:
        moved = deliver_due(
            store.write,
            channels={"sms": sms, "by_hand": ByHand()},
            still_wanted=lambda _session, _message: None,
            clock=clock,
            real_clock=lambda: datetime.now(UTC),
            owner=owner,
            batch=batch,
            record_every=batch,
            reading=store.read,
        )
        with store.read() as session:
            due_at = next_due_at(session)
        if due_at is None:
            return
        if moved == 0:
            leap = max(leap, due_at - datetime.now(UTC))


if __name__ == "__main__":
    main(*sys.argv[1:])
