"""Who may come in: accounts and their sign-ins, links, devices, one-time codes; and the audit trail.

Of every secret only a hash is kept. Subjects and actors are the strings of the whole house: "account:7",
"volunteer:12", "guardian:3", "gate:2", "system". Schools lie in a room above, so `school_id` has no foreign key.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, Index, Text, text
from sqlmodel import Field, SQLModel

from escort.access import audit_ddl
from notifications.sealed import Sealed


class Role(StrEnum):
    """What an account opens. Volunteers, team leaders and families have no account: they come by links."""

    COORDINATOR = "coordinator"  # the district office
    GATE = "gate"  # one account a school, for its guards


class Purpose(StrEnum):
    """What a link opens; a link of one purpose is worth nothing elsewhere."""

    VOLUNTEER = "volunteer"
    LEADER = "leader"  # a team's page, for the volunteer or the person who leads it
    FAMILY = "family"
    CALENDAR = "calendar"  # a volunteer's feed, for a calendar program
    SETUP = "setup"  # makes the first coordinator, once
    GATE = "gate"  # the QR that binds one tablet to a school's gate, once


class Account(SQLModel, table=True):
    __tablename__ = "account"
    id: int | None = Field(default=None, primary_key=True)
    login: str = Field(unique=True, max_length=64)  # casefolded
    name: str = Field(max_length=40)
    role: str = Field(max_length=16)
    school_id: int | None = Field(default=None, index=True)  # gate accounts only
    password_hash: str = Field(max_length=200)
    created_at: datetime
    disabled_at: datetime | None = None

    __table_args__ = (
        Index(
            "uq_account_gate_school",
            "school_id",
            unique=True,
            sqlite_where=text("role = 'gate' AND disabled_at IS NULL"),
            postgresql_where=text("role = 'gate' AND disabled_at IS NULL"),
        ),
    )


class SignIn(SQLModel, table=True):
    """One browser signed in to one account. Times are real ones, also in a demonstration."""

    __tablename__ = "sign_in"
    id: int | None = Field(default=None, primary_key=True)
    secret_hash: str = Field(unique=True, max_length=64)
    account_id: int = Field(foreign_key="account.id", index=True)
    created_at: datetime
    seen_at: datetime
    ends_at: datetime  # whatever happens
    ended_at: datetime | None = None  # signed out
    is_half: bool = False  # the password was right, the code is still to come: it opens no page


class SecondFactor(SQLModel, table=True):
    """What an account's authenticator makes its codes from. Times are real ones."""

    __tablename__ = "second_factor"
    account_id: int = Field(
        primary_key=True, foreign_key="account.id", sa_column_kwargs={"autoincrement": False}
    )
    secret: str = Field(sa_type=Sealed("second_factor.secret"))
    begun_at: datetime
    confirmed_at: datetime | None = None  # None: shown, and not yet proved by a code
    last_step: int = 0  # of the newest code that was used: it and older ones are refused


class RecoveryCode(SQLModel, table=True):
    """A word that stands for one code, on paper, for the day when the phone is gone."""

    __tablename__ = "recovery_code"
    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    code_hash: str = Field(max_length=64)
    used_at: datetime | None = None


class Link(SQLModel, table=True):
    """A long random address in a message, bound to a person and a purpose. Times are the house's."""

    __tablename__ = "access_link"
    id: int | None = Field(default=None, primary_key=True)
    token_hash: str = Field(unique=True, max_length=64)
    subject: str = Field(index=True, max_length=40)
    purpose: str = Field(max_length=16)
    created_at: datetime
    expires_at: datetime = Field(index=True)
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


class Device(SQLModel, table=True):
    """A phone that its owner has tied to himself, or a school's tablet at the gate. Times are real ones."""

    __tablename__ = "device"
    id: int | None = Field(default=None, primary_key=True)
    subject: str = Field(index=True, max_length=40)
    secret_hash: str = Field(unique=True, max_length=64)
    is_first: bool  # bound by a tap alone; every later one by a code, a gate's by its QR
    label: str = Field(default="", max_length=20)  # a gate's tablet: where it stands
    bound_at: datetime
    seen_at: datetime | None = None  # a gate's tablet
    expires_at: datetime
    revoked_at: datetime | None = None
    revoked_by: str | None = Field(default=None, max_length=40)

    __table_args__ = (
        Index(
            "uq_device_first_of_subject",
            "subject",
            unique=True,
            sqlite_where=text("is_first"),
            postgresql_where=text("is_first"),
        ),
    )


class OneTimeCode(SQLModel, table=True):
    """Six digits sent to the registered number, good for the link that asked. Times are real ones."""

    __tablename__ = "one_time_code"
    id: int | None = Field(default=None, primary_key=True)
    subject: str = Field(index=True, max_length=40)
    link_id: int = Field(foreign_key="access_link.id", index=True)
    code_hash: str = Field(max_length=64)
    sent_at: datetime
    expires_at: datetime
    tries: int = 0
    ended_at: datetime | None = None  # used, or replaced by a newer one


class Throttle(SQLModel, table=True):
    """How often something was tried since its window began: a row a key, so it counts over processes."""

    __tablename__ = "throttle"
    key: str = Field(primary_key=True, max_length=120)
    since: datetime
    until: datetime = Field(index=True)
    hits: int


class AuditEvent(SQLModel, table=True):
    """One line of the trail: who did or read what. Never changed, never deleted: `audit_ddl` sees to it."""

    __tablename__ = "audit_event"
    seq: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime
    actor: str = Field(index=True, max_length=40)
    action: str = Field(index=True, max_length=60)
    subject: str = Field(index=True, max_length=60)
    fields: list[str] = Field(sa_type=JSON)  # names, and from -> to where neither says who somebody is
    request_id: str = Field(default="", max_length=32)
    prev_hash: str = Field(sa_type=Text)
    hash: str = Field(sa_type=Text, unique=True)


audit_ddl.guard(AuditEvent.__table__)  # type: ignore[attr-defined]  # SQLModel adds it to table models
