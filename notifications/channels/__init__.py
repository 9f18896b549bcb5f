"""One file a channel. What every channel is asked, and the answers that it may give."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from notifications.models import HandKind


class DeliveryError(Exception):
    """A channel is used wrongly or cannot work as it is set up. `permanent`: trying again will not help."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True)
class OutgoingMessage:
    """What a channel gets to see. `key` is the same at every try of one message, and says nothing."""

    key: str
    to: str  # the address: E.164, a URL, or "" where the channel needs none
    template: str
    parameters: Mapping[str, str]
    text: str
    language: str
    urgent: bool
    timeout_seconds: float
    party: str = ""  # whom it is for, as the product calls them
    phone: str = ""  # their number in E.164, where they have one that may be used


@dataclass(frozen=True)
class Accepted:
    """The provider took it. Accepted is not delivered, and delivered is not known."""

    provider_id: str


@dataclass(frozen=True)
class Refused:
    """It certainly did not go out. `permanent`: the same message to the same address will be refused again."""

    code: str
    permanent: bool = False
    detail: str = ""


@dataclass(frozen=True)
class Unknown:
    """Nobody can say whether it went out."""

    detail: str


@dataclass(frozen=True)
class Handed:
    """No machine can carry it: a human of the office must."""

    kind: HandKind


@dataclass(frozen=True)
class Unseen:
    """Answer to a look-up only: the provider never got this key."""


Result = Accepted | Refused | Unknown | Handed
Finding = Accepted | Refused | Unknown | Unseen


class Channel(Protocol):
    """A way to people. `send` never raises for what a provider or a network may do: it answers."""

    @property
    def needs_address(self) -> bool:
        """Whether a party must have an address of this channel."""

    @property
    def is_keyed(self) -> bool:
        """Whether the provider sends a repeated key only once, so that sending again is harmless."""

    @property
    def sends_receipts(self) -> bool:
        """Whether a delivery report follows, so that its absence means something."""

    def send(self, message: OutgoingMessage) -> Result:
        """Send once, within `message.timeout_seconds`."""


@runtime_checkable
class AnswersLookUps(Protocol):
    """A channel whose provider can be asked what became of a key."""

    def look_up(self, key: str, *, timeout_seconds: float) -> Finding:
        """Return what became of an earlier send of this key."""
