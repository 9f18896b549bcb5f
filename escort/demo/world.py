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

from escort.access.clock import real_now
from escort.db import Store
from escort.demo import phones
from escort.demo.models import DemoState
from escort.demo.people import Action, Hands, People
from escort.jobs import Jobs

log = logging.getLogger(__name__)

OFFSET_READ_EVERY = (
    0.2  # real seconds: the offset row is shared by processes, but need not be read at every look
)
OFFSET_KEPT_EVERY = 1.0  # real seconds, while the clock is moved forward
SHORTEST_STEP = timedelta(seconds=1)
LONGEST_STEP = timedelta(hours=1)  # look again even if nothing is in sight
QUICK = frozenset({"replies", "watch", "cases", "deliver"})  # what people on the road can make due
ANSWERS = frozenset(
    {"asks", "months", "searches", "reminders", "evening"}
)  # what answers can make due besides
ON_THE_ROAD = frozenset({"depart", "taps", "gate", "bind"})
STANDS_FOR = timedelta(minutes=20)  # then every job is asked anew when it is due
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
PASSES = 4  # what one job did may make another one due at the same instant


class DemoClock:
    """How far the demonstration runs ahead of the machine, from its row; the same in every process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read_at = -OFFSET_READ_EVERY
        self._offset = timedelta(0)
        self._kept_at = -OFFSET_KEPT_EVERY
        self._frozen_at: datetime | None = None

    def moved(self, real: datetime) -> datetime:
        """Return the demonstration's time for a real instant: exactly the same one as long as it stands still."""
        if self._frozen_at is not None:
            return self._frozen_at
        if time.monotonic() - self._read_at > OFFSET_READ_EVERY:
            with self._store.read() as session:
                self._offset = timedelta(seconds=session.get_one(DemoState, 1).offset_seconds)
            self._read_at = time.monotonic()
        return real + self._offset

    def freeze(self, at: datetime) -> None:
        """Stand still at an instant while its work is done; a process that dies on the way goes on from near it."""
        self._frozen_at = at
        if time.monotonic() - self._kept_at > OFFSET_KEPT_EVERY:
            self._keep(at - real_now())

    def run_on(self, from_now: datetime) -> None:
        """Go on from this instant at the machine's pace, and tell the other processes."""
        offset = from_now - real_now()
        self._keep(offset)
        self._offset, self._read_at, self._frozen_at = offset, time.monotonic(), None

    def _keep(self, offset: timedelta) -> None:
        with self._store.write() as session:
            session.get_one(DemoState, 1).offset_seconds = offset.total_seconds()
        self._kept_at = time.monotonic()


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
    _due: dict[str, datetime] = field(default_factory=dict)  # when jobs are due, as far as was seen
    _stirred: set[str] = field(default_factory=set)  # of these it may have changed since
    _look_by: datetime = LONG_AGO  # by then at the latest every job is asked

    def tick(self) -> None:
        """Do what is due now; the heartbeat of a running demonstration. Does nothing while the clock is moved."""
        if not self._moving.acquire(blocking=False):
            return
        try:
            self._look_by = LONG_AGO  # visitors act too, and nobody tells us
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
        if any(action.kind not in ON_THE_ROAD for action in actions):
            self._stirred |= ANSWERS
        due = self._due_moments(now)
        for _ in range(PASSES):
            names = {name for name, moment in due.items() if moment <= now}
            if not names:
                break
            if not names <= QUICK:
                self._stirred |= ANSWERS | names
            self.jobs.run_due({*names, "deliver"})
            due = self._due_moments(now)
        later = [
            moment for moment in (*due.values(), self.plans.next_at()) if moment is not None and moment > now
        ]
        return min(later, default=now + LONGEST_STEP)

    def _due_moments(self, now: datetime) -> dict[str, datetime]:
        """Return when the jobs are due. Of those that nothing has stirred, what was seen holds for a while."""
        names = QUICK | self._stirred
        if now >= self._look_by:
            names = frozenset(self.jobs.heartbeat())
            self._look_by = now + STANDS_FOR
        known = {name: at for name, at in self._due.items() if name not in names}
        self._due = known | self.jobs.due_moments(names, now=now)
        self._stirred.clear()
        return self._due

    def _act(self, action: Action, now: datetime) -> None:
        try:
            following = self.people.perform(action, self.hands, now)
        except (httpx.HTTPError, LookupError):
            log.exception("%s could not do %s", action.who, action.kind)
            return
        if following:
            self.plans.intend(following)
