"""The demonstration's world: its clock steps through every due instant, and its people act in between.

Moving the clock forward is never a clock fault: each instant at which a job or a person has something to do is
visited in order, jobs first, and what they send is waited for.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import httpx
from sqlmodel import Session

from escort.access.clock import real_now
from escort.db import Store
from escort.demo import phones
from escort.demo.models import DemoState
from escort.demo.people import Action, Hands, People
from escort.jobs import Jobs
from notifications import signing

log = logging.getLogger(__name__)

OFFSET_READ_EVERY = (
    0.2  # real seconds: the offset row is shared by processes, but need not be read at every look
)
SHORTEST_STEP = timedelta(seconds=1)
LONGEST_STEP = timedelta(hours=1)  # look again even if nothing is in sight
PASSES = 4  # what one job did may make another one due at the same instant


class DemoClock:
    """How far the demonstration runs ahead of the machine, from its row; the same in every process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read_at = -OFFSET_READ_EVERY
        self._offset = timedelta(0)
        self._frozen_at: datetime | None = None

    def offset(self) -> timedelta:
        """Return what to add to real time."""
        if self._frozen_at is not None:
            return self._frozen_at - real_now()
        if time.monotonic() - self._read_at > OFFSET_READ_EVERY:
            with self._store.read() as session:
                self._offset = timedelta(seconds=session.get_one(DemoState, 1).offset_seconds)
            self._read_at = time.monotonic()
        return self._offset

    def freeze(self, at: datetime) -> None:
        """Stand still at an instant while its work is done."""
        self._frozen_at = at

    def run_on(self, from_now: datetime) -> None:
        """Go on from this instant at the machine's pace, and tell the other processes."""
        offset = from_now - real_now()
        with self._store.write() as session:
            state = session.get_one(DemoState, 1)
            state.offset_seconds = offset.total_seconds()
            session.add(state)
        self._offset, self._read_at, self._frozen_at = offset, time.monotonic(), None


class Plans(Protocol):
    """What people are about to do."""

    def intend(self, actions: Iterable[Action]) -> None: ...

    def take_due(self, now: datetime) -> list[Action]: ...

    def next_at(self) -> datetime | None: ...


class StoredPlans:
    """Plans in the demonstration's store: they outlive a restart."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def intend(self, actions: Iterable[Action]) -> None:
        with self._store.write() as session:
            phones.intend(session, actions)

    def take_due(self, now: datetime) -> list[Action]:
        with self._store.write() as session:
            return phones.take_due(session, now=now)

    def next_at(self) -> datetime | None:
        with self._store.read() as session:
            return phones.next_action_at(session)


class MovableClock(Protocol):
    """A clock that stands still at an instant, and can be let run from it."""

    def freeze(self, at: datetime) -> None: ...

    def run_on(self, from_now: datetime) -> None: ...


@dataclass
class World:
    """People, phones and jobs of one demonstration, moved forward together."""

    jobs: Jobs
    people: People
    clock: MovableClock
    hands: Hands
    plans: Plans
    shortest_step: timedelta = SHORTEST_STEP
    on_step: Callable[[datetime], None] = lambda _at: None
    _moving: threading.Lock = field(default_factory=threading.Lock)

    def tick(self) -> None:
        """Do what is due now; the heartbeat of a running demonstration. Does nothing while the clock is moved."""
        if not self._moving.acquire(blocking=False):
            return
        try:
            self._do_due(self.jobs.now())
        finally:
            self._moving.release()

    def move_to(self, target: datetime) -> int:
        """Step through every due instant until `target`; return how many steps it took."""
        steps = 0
        with self._moving:
            at = self.jobs.now()
            self.clock.freeze(at)
            while True:
                later = self._do_due(at)
                steps += 1
                if at >= target:
                    break
                at = min(target, max(later, at + self.shortest_step))
                self.clock.freeze(at)
                self.on_step(at)
            self.clock.run_on(target)
        return steps

    def _do_due(self, now: datetime) -> datetime:
        """Let people act, then run the jobs that have something to do; return the next instant with anything due."""
        actions = self.plans.take_due(now)
        for action in actions:
            self._act(action, now)
        due = self.jobs.due_moments()
        for _ in range(PASSES):
            names = {name for name, moment in due.items() if moment <= now}
            if not names:
                break
            self.jobs.run_due({*names, "deliver"})
            due = self.jobs.due_moments()
        later = [
            moment for moment in (*due.values(), self.plans.next_at()) if moment is not None and moment > now
        ]
        return min(later, default=now + LONGEST_STEP)

    def _act(self, action: Action, now: datetime) -> None:
        try:
            following = self.people.perform(action, self.hands, now)
        except (httpx.HTTPError, LookupError):
            log.exception("%s could not do %s", action.who, action.kind)
            return
        if following:
            self.plans.intend(following)


class WebHands:
    """People's hands on the real web: each person has cookies of their own; texts go through the provider's callback."""

    def __init__(
        self,
        client: httpx.Client,
        *,
        store: Store,
        base_url: str,
        sms_secret: str,
        callback_token: str,
        now: Callable[[], datetime],
        enter_gate: Callable[[Session, int], dict[str, str]],
    ) -> None:
        self._client = client
        self._store = store
        self._base_url = base_url
        self._sms_secret = sms_secret
        self._callback_token = callback_token
        self._now = now
        self._enter_gate = enter_gate
        self._cookies: dict[str, dict[str, str]] = {}

    def get(self, who: str, path: str) -> str:
        return self._send(who, "GET", path)

    def post(self, who: str, path: str, form: dict[str, str | list[str]]) -> str:
        return self._send(who, "POST", path, data=form)

    def post_json(self, who: str, path: str, body: object) -> str:
        return self._send(who, "POST", path, json=body)

    def write(self, number: str, text: str) -> None:
        """Write a text to the office: kept on the phone, and brought to us as the gateway would."""
        with self._store.write() as session:
            message = phones.written(session, number=number, text=text, now=self._now())
        reply = {
            "id": f"demo-{message.id}",
            "from": number,
            "to": "",
            "text": text,
            "sent_at": self._now().isoformat(),
        }
        body = httpx.Request("POST", self._base_url, json=reply).content
        headers = signing.sign(
            self._sms_secret, message_id=f"demo-{message.id}", body=body, now=datetime.now(UTC)
        )
        answer = self._client.post(
            f"{self._base_url}/callbacks/{self._callback_token}/reply",
            content=body,
            headers={**headers, "content-type": "application/json"},
        )
        answer.raise_for_status()

    def _send(self, who: str, method: str, path: str, **body: object) -> str:
        cookies = self._cookies_of(who)
        headers = (
            {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
        )
        if method == "POST":
            headers["origin"] = self._base_url
        answer = self._client.request(method, f"{self._base_url}{path}", headers=headers, **body)  # type: ignore[arg-type]
        self._client.cookies.clear()
        fresh = {cookie.name: cookie.value or "" for cookie in answer.cookies.jar}
        if fresh:
            self._cookies[who] = {**cookies, **fresh}
            with self._store.write() as session:
                phones.keep_cookies(session, who, self._cookies[who])
        return answer.text

    def _cookies_of(self, who: str) -> dict[str, str]:
        if who not in self._cookies:
            with self._store.write() as session:
                found = phones.cookies_of(session, who)
                kind, _, number = who.partition(":")
                if not found and kind == "gate":
                    found = self._enter_gate(session, int(number))
                    phones.keep_cookies(session, who, found)
            self._cookies[who] = found
        return self._cookies[who]
