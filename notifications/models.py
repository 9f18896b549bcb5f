"""What is kept of addresses, messages, tries, receipts and replies. Texts and addresses are sealed."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from notifications.sealed import Sealed, SealedJson

_DUE = text("next_attempt_at IS NOT NULL")
_FAILED = text("state = 'failed' AND escalated_at IS NULL")
_UNMATCHED = text("message_id IS NULL")
_UNHANDLED = text("handled_at IS NULL")
_OPEN = text("done_at IS NULL")
_WAITING = text("settled_at IS NULL")


class ChannelName(StrEnum):
    """The kinds of way to a person. A person has at most one live address of each kind."""

    SMS = "sms"  # the value is a phone number in E.164
    WEBHOOK = "webhook"  # the value is a URL
    BY_HAND = "by_hand"  # needs no address: somebody of the office forwards or calls
    CONSOLE = "console"  # needs no address: printed where the server runs


class Urgency(StrEnum):
    ROUTINE = "routine"  # may wait for the morning
    URGENT = "urgent"  # a child may be waiting: never held by quiet hours, undo or a queue


class MessageState(StrEnum):
    QUEUED = "queued"  # to be sent at `next_attempt_at`
    CLAIMED = "claimed"  # a worker holds it until `lease_until`; after that anyone may take it
    UNKNOWN = "unknown"  # sent, and nobody can say whether it went out; looked up or resent once
    ACCEPTED = "accepted"  # a provider took it; nobody has it in hand yet
    BY_HAND = "by_hand"  # on somebody's list, to be told by a human
    DELIVERED = "delivered"  # a receipt, or the human who told it, says that it arrived
    FAILED = "failed"  # given up on every channel, or too late: escort must open a case
    WITHDRAWN = "withdrawn"  # no longer true before it was sent; the reason is kept


LIVE_STATES = (MessageState.QUEUED, MessageState.CLAIMED, MessageState.UNKNOWN, MessageState.BY_HAND)


class AttemptOutcome(StrEnum):
    ACCEPTED = "accepted"  # the provider took it
    REFUSED = "refused"  # the provider, or the way to it, said no: it did not go out
    UNKNOWN = "unknown"  # no answer, or the sender died: it may have gone out


class ReceiptStatus(StrEnum):
    """What a provider reports afterwards. A status moves a message only upwards (`inbound.RANK`)."""

    SENT = "sent"  # handed to the carrier
    FAILED = "failed"  # the carrier could not deliver
    DELIVERED = "delivered"  # on the phone
    READ = "read"  # opened by a human


class InboundOutcome(StrEnum):
    UNREADABLE = "unreadable"  # kept as it came; a human reads it
    APPLIED = "applied"  # understood and done
    NOTED = "noted"  # thanks, or nothing was open: kept, nothing to do
    FORWARDED = "forwarded"  # not understood: a human answers


class HandKind(StrEnum):
    FORWARD = "forward"  # 请您转发: copy the text into a chat
    CALL = "call"  # 请您打电话: tell it by phone


class TemplateState(StrEnum):
    """Where a template stands with the SMS provider."""

    DRAFT = "draft"  # not handed in yet
    PENDING = "pending"  # handed in, no verdict yet
    APPROVED = "approved"  # may be sent
    REJECTED = "rejected"  # to be changed, or handed in again


class Address(SQLModel, table=True):
    """One way to reach a party. Who or what a party is, only escort knows."""

    __tablename__ = "address"
    __table_args__ = (
        UniqueConstraint("party", "channel", name="uq_address_party_channel"),
        Index("ix_address_value_index", "value_index"),
    )

    id: int | None = Field(default=None, primary_key=True)
    party: str
    channel: str
    value: str = Field(sa_type=Sealed("address.value"))
    value_index: str
    language: str = "zh-Hans"
    is_preferred: bool = False
    created_at: datetime
    changed_at: datetime
    frozen_at: datetime | None = None
    frozen_reason: str | None = None


class HeldNumber(SQLModel, table=True):
    """A new number that waits, and what became of it."""

    __tablename__ = "held_number"
    __table_args__ = (
        Index(
            "uq_held_number_waiting", "party", unique=True, sqlite_where=_WAITING, postgresql_where=_WAITING
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    party: str = Field(index=True)
    value: str = Field(sa_type=Sealed("held_number.value"))
    asked_at: datetime
    asked_by: str = Field(max_length=40)
    starts_at: datetime
    told_at: datetime | None = None  # the old number
    settled_at: datetime | None = None
    settled_by: str | None = Field(default=None, max_length=40)
    outcome: str | None = Field(default=None, max_length=16)  # `holds.HoldOutcome`
    spoken_with: str | None = Field(
        default=None, sa_type=Sealed("held_number.spoken_with")
    )  # on ringing back


class Message(SQLModel, table=True):
    """One intent to tell one party one thing: an outbox row. It ends accepted, delivered, failed or withdrawn.

    `next_attempt_at` alone makes a row due, whatever its state; NULL means that nothing is to be done.
    `fence` rises with every claim and every decision from elsewhere: who writes with an old one writes nothing.
    """

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("dedup_key", name="uq_message_dedup_key"),
        UniqueConstraint("send_key", name="uq_message_send_key"),
        Index("ix_message_due", "next_attempt_at", sqlite_where=_DUE, postgresql_where=_DUE),
        Index(
            "ix_message_due_by_urgency",
            "urgency",
            "next_attempt_at",
            sqlite_where=_DUE,
            postgresql_where=_DUE,
        ),
        Index("ix_message_about", "about"),
        Index("ix_message_party", "party", "created_at"),
        Index("ix_message_failed", "id", sqlite_where=_FAILED, postgresql_where=_FAILED),
    )

    id: int | None = Field(default=None, primary_key=True)
    party: str
    template: str  # the key of the registered wording
    parameters: dict[str, str] = Field(sa_type=SealedJson("message.parameters"))
    text: str = Field(sa_type=Sealed("message.text"))
    language: str
    about: str  # opaque to us: escort says with it what the message is about, and withdraws by it
    dedup_key: str  # one intent, one row
    send_key: str  # what providers see: the same at every try, and it says nothing
    urgency: str
    created_at: datetime
    not_before: datetime
    do_not_send_after: datetime | None = None

    state: str
    next_attempt_at: datetime | None
    lease_until: datetime | None = None  # real time, also where the due times are a demonstration's
    fence: int = 0
    owner: str | None = None
    in_doubt: bool = False  # an earlier send may have gone out: look it up before sending again

    channel: str | None = None  # None until the first try chooses one
    channel_is_spent: bool = False  # the next claim moves on to the next channel
    tries: int = 0  # on this channel
    doubts: int = 0  # sends on this channel that may have gone out, without an answer
    losses: int = 0  # claims since the last record whose worker never came back: each may have sent it
    attempts: int = 0  # on all channels

    provider_id: str | None = None
    accepted_at: datetime | None = None
    delivered_at: datetime | None = None
    acknowledged_at: datetime | None = None  # a human answered it or tapped it: only this is "known"
    failed_code: str | None = None
    withdrawn_reason: str | None = None
    escalated_at: datetime | None = None  # escort has opened its case for this failure


class Attempt(SQLModel, table=True):
    """One try to send one message, kept for good. Its number is the fence of its claim."""

    __tablename__ = "attempt"
    __table_args__ = (
        UniqueConstraint("message_id", "number", name="uq_attempt_message_id_number"),
        Index("ix_attempt_provider_id", "provider_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    message_id: int = Field(foreign_key="message.id")
    number: int
    channel: str
    started_at: datetime | None  # None: the sender died and took it along
    ended_at: datetime
    outcome: str
    provider_id: str | None = None
    code: str | None = None
    detail: str | None = None


class Receipt(SQLModel, table=True):
    """What a provider reported once; the same report again is no second row. Without a message: quarantined."""

    __tablename__ = "receipt"
    __table_args__ = (
        UniqueConstraint("provider", "provider_id", "status", name="uq_receipt_provider_provider_id_status"),
        Index("ix_receipt_unmatched", "provider_id", sqlite_where=_UNMATCHED, postgresql_where=_UNMATCHED),
    )

    id: int | None = Field(default=None, primary_key=True)
    provider: str
    provider_id: str
    status: str
    code: str | None = None
    received_at: datetime
    message_id: int | None = Field(default=None, foreign_key="message.id")


class Inbound(SQLModel, table=True):
    """A reply as it came, stored before anyone tries to understand it."""

    __tablename__ = "inbound"
    __table_args__ = (
        UniqueConstraint("provider", "provider_message_id", name="uq_inbound_provider_message_id"),
        Index("ix_inbound_unhandled", "id", sqlite_where=_UNHANDLED, postgresql_where=_UNHANDLED),
        Index("ix_inbound_sender_index", "sender_index"),
    )

    id: int | None = Field(default=None, primary_key=True)
    provider: str
    provider_message_id: str
    sender: str = Field(sa_type=Sealed("inbound.sender"))
    sender_index: str
    text: str = Field(sa_type=Sealed("inbound.text"))
    raw: str = Field(sa_type=Sealed("inbound.raw"))
    received_at: datetime
    sent_at: datetime | None = None
    handled_at: datetime | None = None
    outcome: str | None = None


class HandTask(SQLModel, table=True):
    """A message that a human must tell: on the office's list until done."""

    __tablename__ = "hand_task"
    __table_args__ = (
        UniqueConstraint("message_id", name="uq_hand_task_message_id"),
        Index("ix_hand_task_open", "created_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
    )

    id: int | None = Field(default=None, primary_key=True)
    message_id: int = Field(foreign_key="message.id")
    kind: str
    created_at: datetime
    tries: int = 0  # calls that nobody answered
    last_tried_at: datetime | None = None
    done_at: datetime | None = None
    done_by: str | None = None  # opaque: who told it, or "system" where it was overtaken
    outcome: str | None = None  # told | withdrawn | too_late


class RegisteredTemplate(SQLModel, table=True):
    """What the SMS provider calls one of our templates, and whether it may be sent."""

    __tablename__ = "registered_template"

    key: str = Field(primary_key=True, max_length=60)  # ours
    provider_id: str = Field(default="", max_length=60)  # theirs, "SMS_123456789"
    state: str = Field(default=TemplateState.DRAFT, max_length=16)
    noted_at: datetime
    noted_by: str = Field(default="", max_length=40)
