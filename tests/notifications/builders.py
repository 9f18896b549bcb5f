"""Sensible messages, so that a test says only what matters to it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from escort.db import Store
from notifications.addresses import set_phone
from notifications.channels import Channel
from notifications.delivery import deliver_due
from notifications.models import Message
from notifications.outbox import enqueue
from notifications.testing import RecordingChannel
from notifications.wording import Wording

EVENING = datetime(2021, 4, 6, 10, 0, tzinfo=UTC)  # 18:00 in Chengdu
DRIVER = "volunteer:1"
PHONE = "+8613800138000"


class Clock:
    """A clock that moves when told."""

    def __init__(self, at: datetime = EVENING) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **span: float) -> None:
        self.at += timedelta(**span)


class Office:
    """A store with one reachable driver, a clock for both times, and one call that delivers."""

    def __init__(self, store: Store, channels: Mapping[str, Channel] | None = None) -> None:
        self.store = store
        self.clock = Clock()
        self.sms = RecordingChannel(needs_address=True)
        self.channels: Mapping[str, Channel] = {"sms": self.sms} if channels is None else channels
        self.unwanted: dict[str, str] = {}  # about -> reason
        with store.write() as session:
            set_phone(session, party=DRIVER, phone=PHONE, now=EVENING)

    def ask(self, number: int = 1, **details: Any) -> int:
        """Enqueue one message and return its id."""
        given: dict[str, Any] = {
            "to": DRIVER,
            "wording": Wording("ask", {"n": str(number)}, f"第{number}条"),
            "about": f"ask:{number}",
            "dedup_key": f"ask:{number}",
            "now": self.clock(),
        } | details
        with self.store.write() as session:
            message = enqueue(session, **given)
            assert message is not None
            assert message.id is not None
            return message.id

    def still_wanted(self, _session: Session, message: Message) -> str | None:
        return self.unwanted.get(message.about)

    def deliver(self, **options: Any) -> int:
        given: dict[str, Any] = {
            "channels": self.channels,
            "still_wanted": self.still_wanted,
            "clock": self.clock,
            "real_clock": self.clock,
            "owner": "node-a",
            "reading": self.store.read,
        } | options
        sessions: Callable[[], AbstractContextManager[Session]] = given.pop("sessions", self.store.write)
        return deliver_due(sessions, **given)

    def message(self, message_id: int) -> Message:
        with self.store.read() as session:
            message = session.exec(select(Message).where(col(Message.id) == message_id)).one()
            session.expunge_all()
            return message

    def rows(self, table: type[Any]) -> list[Any]:
        with self.store.read() as session:
            rows = list(session.exec(select(table).order_by(table.id)))
            session.expunge_all()
            return rows
