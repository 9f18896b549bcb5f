"""Whether the address that links in messages begin with leads people to this very store.

A link that nobody can open is worse than none: the one who waits for an answer does not know that nobody could give it.
The form of the address is judged once. Whether it answers is asked through the name itself, as a phone would, with a
random word that only this store's keys can countersign.
"""

import hmac
import ipaddress
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Lock
from urllib.parse import urlsplit

import httpx

from escort.access.secret import new_token
from escort.upkeep.readiness import Lack
from notifications.channels import AnswersLookUps, Channel, Finding, OutgoingMessage, Refused, Result
from notifications.sealed import Keyring

Fetch = Callable[[str], httpx.Response]


def fault_of_form(base_url: str) -> Lack | None:
    """Return what is wrong with an address before anybody has tried it; None: it may be tried."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    try:
        stays_here = not ipaddress.ip_address(host).is_global
    except ValueError:  # a name
        stays_here = "." not in host or host.endswith((".localhost", ".local", ".lan", ".internal"))
    if stays_here:
        return Lack.LINKS_STAY_HERE
    return None if parts.scheme == "https" else Lack.LINKS_NOT_HTTPS


def countersign(keyring: Keyring, word: str) -> str:
    """Return what proves that this store's keys have seen the word."""
    return hmac.new(keyring.derive("address proof"), word.encode(), sha256).hexdigest()


def fetch(url: str) -> httpx.Response:
    """Ask as a stranger would: no proxy, no redirect, the certificate checked. Connecting is tried a second time."""
    with httpx.Client(
        transport=httpx.HTTPTransport(retries=1),
        timeout=LOOK_SECONDS,
        follow_redirects=False,
        trust_env=False,
    ) as client:
        return client.get(url)


class AddressWatch:
    """What is known of one address; looked at anew only once in a while, and one look at a time."""

    def __init__(
        self,
        base_url: str,
        *,
        keyring: Keyring,
        real_now: Callable[[], datetime],
        fetch: Fetch = fetch,
        word: Callable[[], str] = new_token,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._keyring = keyring
        self._real_now = real_now
        self._fetch = fetch
        self._word = word
        self._form = fault_of_form(base_url)
        self._lock = Lock()
        self._known = self._form
        self._looked_at: datetime | None = None
        self._dead_since: datetime | None = None

    @property
    def known(self) -> Lack | None:
        """What the last look said, without looking: pages ask, and the answer may be their own server's."""
        return self._known

    @property
    def is_malformed(self) -> bool:
        """Whether trying again will not help: only another setting does."""
        return self._form is not None

    @property
    def dead_since(self) -> datetime | None:
        """Since when every look has failed; None where the last one was well, or its form needs no look."""
        return self._dead_since

    def fault(self) -> Lack | None:
        """Return what keeps links from working, None where they do. Looks if the last look is old."""
        if self._form is not None:
            return self._form
        with self._lock:
            now = self._real_now()
            every = LOOKS_EVERY if self._known is None else LOOKS_EVERY_WHILE_DEAD
            if self._looked_at is None or now - self._looked_at >= every:
                self._known, self._looked_at = self._look(), now
                self._dead_since = (self._dead_since or now) if self._known else None
            return self._known

    def _look(self) -> Lack | None:
        word = self._word()
        try:
            answer = self._fetch(f"{self.base_url}/livez/{word}")
        except (httpx.HTTPError, httpx.InvalidURL):
            return Lack.LINKS_DEAD
        if answer.status_code >= 500:
            return Lack.LINKS_DEAD  # a proxy that waits for us
        try:
            proof = str(json.loads(answer.content)["proof"]) if answer.is_success else ""
        except (ValueError, KeyError, TypeError):
            proof = ""
        is_ours = hmac.compare_digest(proof.encode(), countersign(self._keyring, word).encode())
        return None if is_ours else Lack.LINKS_ELSEWHERE


def only_working_links(channel: Channel, watch: AddressWatch) -> Channel:
    """Return the channel with a doorkeeper: a text with a link that nobody can open is refused.

    So the next channel takes it, in the end a human of the office, as with a provider that is down.
    """
    kind = _AskedDoorkeeper if isinstance(channel, AnswersLookUps) else _Doorkeeper
    return kind(channel, watch)


class _Doorkeeper:
    def __init__(self, channel: Channel, watch: AddressWatch) -> None:
        self.channel = channel
        self._watch = watch
        self.needs_address = channel.needs_address
        self.is_keyed = channel.is_keyed
        self.sends_receipts = channel.sends_receipts

    def send(self, message: OutgoingMessage) -> Result:
        if f"{self._watch.base_url}/" in message.text and (fault := self._watch.fault()) is not None:
            return Refused(fault.value, permanent=self._watch.is_malformed)
        return self.channel.send(message)


class _AskedDoorkeeper(_Doorkeeper):
    def look_up(self, key: str, *, timeout_seconds: float) -> Finding:
        if not isinstance(self.channel, AnswersLookUps):
            raise TypeError("this channel answers no look-ups")
        return self.channel.look_up(key, timeout_seconds=timeout_seconds)


LOOK_SECONDS = 3.0  # shorter than an urgent send's lease
LOOKS_EVERY = timedelta(minutes=1)
LOOKS_EVERY_WHILE_DEAD = timedelta(seconds=2)
"""An urgent message is tried three times within some seconds: a server that has just started must not cost it its way."""
TOLD_AFTER = timedelta(minutes=1)
"""A shorter outage opens no case: what it held up is tried again by itself."""
