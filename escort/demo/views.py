"""What the start page and the phone simulator show, and what the demonstration must be able to do for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from escort.access.accounts import Entered


@dataclass(frozen=True)
class Person:
    """Somebody through whose eyes one can look."""

    who: str  # the word in the address: "coordinator", "volunteer", "family", "gate"
    name: str  # 林老师
    role: str  # 协调员
    device: str  # 区里的办公室，电脑
    invitation: str  # 今天有什么要人处理


@dataclass(frozen=True)
class DayFigures:
    """How one day stands, in legs."""

    on: date
    legs: int
    confirmed: int
    asked: int
    without_driver: int


@dataclass(frozen=True)
class StartView:
    now: datetime
    going_to: datetime | None  # the clock is being moved forward to here; the page looks again by itself
    failed: str  # what to do where the district could not be made; "" if it could
    is_ready: bool  # until then there is nothing to count, and no time to move
    volunteers: int
    children: int
    people: tuple[Person, ...]
    day: DayFigures | None  # tomorrow, or the next school day
    open_cases: int
    next_dismissal: datetime | None


@dataclass(frozen=True)
class PhoneMessage:
    at: datetime
    text: str
    is_own: bool = False  # written on this phone, not received


@dataclass(frozen=True)
class Phone:
    party: str  # "volunteer:12", "guardian:3"
    name: str
    role: str  # 志愿者, 家里
    number: str  # E.164
    is_taken: bool  # the visitor holds it; otherwise its owner answers by himself
    messages: tuple[PhoneMessage, ...]  # oldest first


@dataclass(frozen=True)
class PhoneFound:
    party: str
    name: str
    detail: str  # team, street or child: what tells two people of one name apart


@dataclass(frozen=True)
class PhonesView:
    now: datetime
    going_to: datetime | None  # as on the start page
    failed: str
    phones: tuple[Phone, ...]
    query: str
    found: tuple[PhoneFound, ...]


class Leap(StrEnum):
    """How far the demonstration's clock is moved."""

    MORNING = "morning"  # to 07:00 of the next morning
    DISMISSAL = "dismissal"  # to ten minutes before the next dismissal
    TEN_MINUTES = "ten_minutes"
    ONE_HOUR = "one_hour"


@dataclass(frozen=True)
class Entrance:
    """Where somebody looks in: an address, and for those with an account a sign-in."""

    address: str
    entered: Entered | None = None


class Demo(Protocol):
    """The demonstration behind its pages: `request.app.state.demo`."""

    def start(self) -> StartView:
        """Return what the start page shows."""

    def phones(self, *, parties: Sequence[str], query: str) -> PhonesView:
        """Return these phones, three interesting ones if none are named, and who is found by a search."""

    def take(self, *, party: str) -> None:
        """Let the visitor answer for this phone. Raises NotFound."""

    def release(self, *, party: str) -> None:
        """Let the phone answer by itself again. Raises NotFound."""

    def reply(self, *, party: str, text: str) -> None:
        """Send a text from this phone to us, by way of the gateway. Raises NotFound."""

    def move_clock(self, *, leap: Leap) -> None:
        """Step forward through every due instant. May return before it is done: `going_to` says so."""

    def look_as(self, *, who: str) -> Entrance:
        """Return where this person looks in. Raises NotFound."""
