"""The demonstration's own rows: its stamp and clock, the invented people's phones, and what they are about to do."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from notifications.sealed import Sealed


class Stamp(SQLModel, table=True):
    """One row, for good: whether this store is a demonstration or a real district."""

    __tablename__ = "store_stamp"
    id: int = Field(default=1, primary_key=True)
    is_demo: bool
    made_at: datetime


class DemoState(SQLModel, table=True):
    """One row: how far the demonstration's clock runs ahead of the machine's, and its secrets."""

    __tablename__ = "demo_state"
    id: int = Field(default=1, primary_key=True)
    offset_seconds: float
    going_to: datetime | None = None  # while the clock is being moved forward
    seed: int
    is_ready: bool = False
    sms_secret: str = Field(sa_type=Sealed("demo_state.sms_secret"))
    callback_token: str = Field(sa_type=Sealed("demo_state.callback_token"))


class PhoneMessage(SQLModel, table=True):
    """One text on an invented person's phone, received or written."""

    __tablename__ = "demo_phone_message"
    id: int | None = Field(default=None, primary_key=True)
    number: str = Field(index=True, max_length=20)
    key: str | None = Field(
        default=None, unique=True, max_length=80
    )  # ours: the same key again is the same text
    is_written: bool = False  # by the person
    template: str = Field(default="", max_length=40)
    text: str
    at: datetime = Field(index=True)


class PersonAction(SQLModel, table=True):
    """Something that an invented person will do at an instant of the demonstration's clock."""

    __tablename__ = "demo_person_action"
    id: int | None = Field(default=None, primary_key=True)
    due_at: datetime = Field(index=True)
    who: str = Field(max_length=40)  # a number, or "gate:<school id>"
    kind: str = Field(max_length=20)
    data: str = Field(default="{}")


class TakenPhone(SQLModel, table=True):
    """A phone that the visitor works himself: its person does nothing of his own accord."""

    __tablename__ = "demo_taken_phone"
    number: str = Field(primary_key=True, max_length=20)
    at: datetime


class PersonCookie(SQLModel, table=True):
    """The cookies of one invented person's browser."""

    __tablename__ = "demo_person_cookie"
    who: str = Field(primary_key=True, max_length=40)
    cookies: str = Field(default="{}")
