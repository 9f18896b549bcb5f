"""What the office's book last said, and what a coordinator must decide about it."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from notifications.sealed import Keyring, Sealed, SealedJson


class Question(StrEnum):
    """Why a coordinator is asked before a book's value is taken over."""

    CONFLICT = "conflict"  # changed in the app and in the book
    PHONE = "phone"  # a new number: codes and links would go to it
    IDENTITY = "identity"  # another name, birth date or school for what seems the same person


class Decision(StrEnum):
    TAKEN = "taken"  # the book's value was taken over
    KEPT = "kept"  # the app's value stands


class BookValue(SQLModel, table=True):
    """What the book last said about one thing, column by column: equal to the app's value, it may be updated.

    `key` is the HMAC of the row's natural key, `said` the columns' values as JSON texts: both can hold a
    child's name, so the one is hashed and the other sealed.
    """

    __tablename__ = "book_value"
    __table_args__ = (UniqueConstraint("sheet", "key", name="uq_book_value_sheet_key"),)
    id: int | None = Field(default=None, primary_key=True)
    sheet: str = Field(max_length=16)
    key: str = Field(max_length=64)
    subject_id: int  # of the place, school, team, volunteer, child or calendar entry
    said: dict[str, str] = Field(sa_type=SealedJson("book_value.said"))
    missing_since: datetime | None = None  # the first import whose book no longer had the row


def book_key(keyring: Keyring, sheet: str, key: str) -> str:
    """Return `BookValue.key` of a row: what it is known by, as a keyed hash."""
    return keyring.index(f"book|{sheet}|{key}")


class BookChange(SQLModel, table=True):
    """A change that waits for a coordinator, or how it was decided."""

    __tablename__ = "book_change"
    __table_args__ = (
        Index(
            "uq_book_change_open",
            "sheet",
            "key",
            "column",
            unique=True,
            sqlite_where=text("decided_at IS NULL"),
            postgresql_where=text("decided_at IS NULL"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    sheet: str = Field(max_length=16)
    key: str = Field(max_length=64)  # of the book's row
    column: str = Field(max_length=40)
    subject_id: int
    question: str = Field(max_length=16)
    value: str = Field(sa_type=Sealed("book_change.value"))  # what the book says, as a JSON text
    raised_at: datetime
    decided_at: datetime | None = None
    decided_by: str = Field(default="", max_length=40)
    decision: str | None = Field(default=None, max_length=16)


class WaitingBook(SQLModel, table=True):
    """A book that a coordinator looks at and has not taken over yet. It is full of names: sealed, and soon gone."""

    __tablename__ = "waiting_book"
    __table_args__ = (UniqueConstraint("kept_by", name="uq_waiting_book_kept_by"),)
    id: int | None = Field(default=None, primary_key=True)
    kept_by: str = Field(max_length=40)  # "account:1"
    name: str = Field(max_length=80)  # of the file
    content: str = Field(sa_type=Sealed("waiting_book.content"))  # base64
    kept_at: datetime
