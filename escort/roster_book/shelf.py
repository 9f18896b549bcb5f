"""What every kind of thing in the store offers to the book: what is there, what the book says, how to change it."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import ClassVar, Generic, TypeVar

from sqlmodel import Session

from escort.roster_book.book import BookRow, SheetKind
from escort.roster_book.models import Question
from notifications.sealed import Keyring, keyring_of
from scheduling.travel import Point

Row = TypeVar("Row", bound=BookRow)
Said = dict[str, str]  # column -> value as a JSON text: equal texts are equal values


@dataclass(frozen=True, slots=True)
class Writing:
    """Who takes a book over, and when."""

    by: str
    now: datetime


@dataclass(slots=True)
class Thing:
    """Something in the store, in the book's columns."""

    id: int
    label: str  # what a coordinator may see in a list
    holds: Said
    key: str = ""  # its natural key, where the store knows it
    shared: dict[str, str] = field(default_factory=dict)  # what tells a renamed thing from another


class Shelf(ABC, Generic[Row]):
    """One kind of thing. `load` reads all of it in a few queries; `add` writes many in a few statements."""

    sheet: ClassVar[SheetKind]
    asked_first: ClassVar[Mapping[str, Question]] = {}  # every change of these a coordinator approves singly

    def __init__(self, session: Session, writing: Writing | None = None) -> None:
        self.session = session
        self.keyring: Keyring = keyring_of(session.get_bind().dialect)
        self._writing = writing

    @property
    def writing(self) -> Writing:
        if self._writing is None:
            raise RuntimeError("this shelf was opened to be read")
        return self._writing

    @abstractmethod
    def load(self) -> dict[int, Thing]:
        """Return everything of this kind by id."""

    @abstractmethod
    def key_of(self, row: Row) -> str:
        """Return the natural key as `Thing.key` holds it."""

    @abstractmethod
    def says(self, row: Row) -> Said:
        """Return what the book says of this row."""

    @abstractmethod
    def add(self, rows: Sequence[Row]) -> list[int]:
        """Store the rows and return their ids, in order."""

    @abstractmethod
    def change(self, subject_id: int, values: Said) -> None:
        """Give a stored thing these values."""

    def renamed(self, row: Row, candidates: Iterable[Thing]) -> tuple[Thing, str, str] | None:
        """Return (thing, column, value) where the row is a stored thing under another key; else None.

        `candidates` are the stored things that this book no longer names.
        """
        del row, candidates
        return None

    def rename(self, subject_id: int, value: str) -> str:
        """Take over an approved new key and return it."""
        raise NotImplementedError(f"{self.sheet} {subject_id} cannot be renamed to {value}")


def text_of(value: object) -> str:
    """Return a value as the JSON text by which it is kept and compared."""
    return json.dumps(_plain(value), ensure_ascii=False)


def value_of(text: str) -> object:
    return json.loads(text)


def point_of(text: str) -> tuple[float | None, float | None]:
    pair = json.loads(text)
    return (pair[0], pair[1]) if pair else (None, None)


def date_of(text: str) -> date | None:
    value = json.loads(text)
    return date.fromisoformat(value) if value else None


def time_of(text: str) -> time | None:
    value = json.loads(text)
    return time.fromisoformat(value) if value else None


def pair(lat: float | None, lon: float | None) -> list[float] | None:
    return None if lat is None or lon is None else [round(lat, 6), round(lon, 6)]


def is_blank(text: str) -> bool:
    """True where the store holds nothing yet: the book may fill it without asking."""
    return text in ('""', "null", "[]")


def _plain(value: object) -> object:
    if isinstance(value, Point):
        return pair(value.lat, value.lon)
    if isinstance(value, date | time):
        return value.isoformat()
    return value
