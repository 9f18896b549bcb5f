"""What a human must close."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel


class CaseState(StrEnum):
    OPEN = "open"  # nobody has taken it; told again and again
    ACKNOWLEDGED = "acknowledged"  # a named human has it, until `ack_lapses_at`
    CLOSED = "closed"  # by a human, with a reason; or the cause is gone, with who removed it


class CaseKind(StrEnum):
    NO_DRIVER = "no_driver"  # a leg without a driver
    CHANGED = "changed"  # a changed time or place that not every driver has said yes to; one grouped item
    NO_ANSWER = "no_answer"  # nobody said yes by the deadline
    UNFILLABLE = "unfillable"  # proved: nobody can drive these; one grouped item
    NOT_DEPARTED = "not_departed"
    NOT_ABOARD = "not_aboard"
    NOT_DELIVERED = "not_delivered"
    WRONG_PERSON = "wrong_person"  # a family or a guard says: this is not the person
    HELD_AT_GATE = "held_at_gate"
    EARLY_DISMISSAL = "early_dismissal"  # a school says that it lets children out early today
    SUSPENDED_ON_ROAD = "suspended_on_road"
    MESSAGE_FAILED = "message_failed"
    NOT_HOME = "not_home"  # the driver says delivered; the family says no, or nothing
    NOT_TOLD = "not_told"  # families that must be rung about a day, and nobody has ticked them
    REPLY_UNCLEAR = "reply_unclear"
    TROUBLE_ON_ROAD = "trouble_on_road"  # the driver says so
    RELIEF = "relief"  # a driver looks for a stand-in, and none was found in time: he still drives
    STUCK_WORK = "stuck_work"  # a row that keeps failing was set aside
    AFTERNOON = "afternoon"  # the morning is off, and nobody has said whether the way home is wanted
    TO_CONFIRM = "to_confirm"  # an assumption that the coordinator should confirm


class Case(SQLModel, table=True):
    """`about` is an opaque string such as `leg:12`: cases know nothing of legs."""

    __tablename__ = "case"
    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(max_length=24)
    about: str = Field(max_length=80, index=True)
    is_urgent: bool = True
    needed_by: datetime | None = None  # the moment that it is about, usually T
    sentence: str = Field(max_length=400)  # what happened, in the office's words
    state: str = Field(default=CaseState.OPEN, max_length=16)
    opened_at: datetime
    next_step_at: datetime | None = None  # when the duty person is told again
    times_told: int = 0
    acknowledged_by: str | None = Field(default=None, max_length=40)
    acknowledged_at: datetime | None = None
    ack_lapses_at: datetime | None = None
    closed_at: datetime | None = None
    closed_by: str | None = Field(default=None, max_length=40)
    close_reason: str = Field(default="", max_length=200)

    __table_args__ = (
        CheckConstraint("state = 'closed' OR next_step_at IS NOT NULL", name="live_has_next_step"),
        Index(
            "uq_case_live_kind_about",
            "kind",
            "about",
            unique=True,
            sqlite_where=text("state <> 'closed'"),
            postgresql_where=text("state <> 'closed'"),
        ),
        Index("ix_case_state_next_step_at", "state", "next_step_at"),
    )


class CaseEvent(SQLModel, table=True):
    """The way of a case: opened, told, taken, lapsed, closed; never changed afterwards."""

    __tablename__ = "case_event"
    id: int | None = Field(default=None, primary_key=True)
    case_id: int = Field(foreign_key="case.id", index=True)
    at: datetime
    by: str = Field(max_length=40)
    what: str = Field(max_length=24)
    detail: str = Field(default="", max_length=200)

    __table_args__ = (Index("ix_case_event_what_at", "what", "at"),)


class Duty(SQLModel, table=True):
    """Who is on duty for urgent cases. The row without weekday and hours holds always."""

    __tablename__ = "duty"
    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(index=True)
    weekday: int | None = None
    from_minute: int = 0  # minutes of the local day, half-open
    until_minute: int = 1440
