"""A district on a virtual clock: the real application, jobs and store; invented people; phones in memory.

People act through the real routes of the real application, in this process. What the oracle knows, it knows from
here: the texts that reached phones, and the taps that people sent.
"""

import heapq
import itertools
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from escort import app as wiring
from escort.db import Store
from escort.demo import serving, setup
from escort.demo.hands import WebHands
from escort.demo.people import Action, Behaviour, Mix, People
from escort.demo.world import World
from escort.settings import Settings
from escort.web.deps import House
from notifications import signing
from notifications.channels import Accepted, OutgoingMessage
from notifications.channels.by_hand import ByHand
from tests.flows.inside import inside

ZONE = ZoneInfo("Asia/Shanghai")
BASE = "http://127.0.0.1:8000"
SHORTEST_STEP = timedelta(seconds=150)  # nobody in the village does anything that half a step spoils
SECRET = signing.make_secret(b"s" * 32)


class VirtualClock:
    """Stands where it was put."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def freeze(self, at: datetime) -> None:
        self.at = at

    run_on = freeze


@dataclass(frozen=True)
class Text:
    """One text that reached a phone."""

    at: datetime
    number: str
    template: str
    text: str


@dataclass(frozen=True)
class Tapped:
    """One tap that a phone sent: whose, for which leg, when."""

    at: datetime
    who: str
    leg: int
    step: str


class HeapPlans:
    """What people are about to do, in memory."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, Action]] = []
        self._order = itertools.count()

    def intend(self, actions: Iterable[Action]) -> None:
        for action in actions:
            heapq.heappush(self._heap, (action.due_at, next(self._order), action))

    def take_due(self, now: datetime) -> list[Action]:
        due = []
        while self._heap and self._heap[0][0] <= now:
            due.append(heapq.heappop(self._heap)[2])
        return due

    def next_at(self) -> datetime | None:
        return self._heap[0][0] if self._heap else None


@dataclass
class Phones:
    """Every invented person's phone: a channel on our side, a pocket on theirs."""

    people: People
    plans: HeapPlans
    clock: VirtualClock
    texts: list[Text] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    needs_address = True
    is_keyed = True
    sends_receipts = False

    def send(self, message: OutgoingMessage) -> Accepted:
        if message.key not in self.keys:
            self.keys.add(message.key)
            now, number = self.clock.now(), message.to or ""
            self.texts.append(Text(now, number, message.template, message.text))
            self.plans.intend(
                self.people.react(number=number, template=message.template, text=message.text, now=now)
            )
        return Accepted(provider_id=f"v-{message.key}")


class Memory:
    """Pockets in memory: the cookies of people's phones."""

    def __init__(self, enter_gate: Callable[[int], Mapping[str, str]]) -> None:
        self._cookies: dict[str, Mapping[str, str]] = {}
        self._enter_gate = enter_gate
        self._written = itertools.count(1)

    def cookies_of(self, who: str) -> Mapping[str, str]:
        kind, _, number = who.partition(":")
        if kind == "gate" and who not in self._cookies:
            self._cookies[who] = self._enter_gate(int(number))
        return self._cookies.get(who, {})

    def keep_cookies(self, who: str, cookies: Mapping[str, str]) -> None:
        self._cookies[who] = cookies

    def keep_written(self, number: str, text: str, at: datetime) -> str:
        return f"written-{next(self._written)}"


class WatchedHands(WebHands):
    """People's hands, with a record of every tap that counted and of which leg is whose, as the driver's page said."""

    taps: list[Tapped]
    children: dict[int, str]

    def get(self, who: str, path: str) -> str:
        page = super().get(who, path)
        if "/run/" in path:
            legs = list(dict.fromkeys(re.findall(r'name="leg" value="(\d+)"', page)))
            names = re.findall(r"<h2>(\S+) (?:上学|放学)</h2>", page)
            self.children.update((int(leg), name) for leg, name in zip(legs, names, strict=False))
        return page

    def post_json(self, who: str, path: str, body: object) -> str:
        answer = super().post_json(who, path, body)
        assert isinstance(body, list)
        counted = {tap["uuid"] for tap in json.loads(answer) if tap["outcome"] == "recorded"}
        self.taps += [
            Tapped(datetime.fromisoformat(tap["at"]), who, tap["leg"], tap["step"])
            for tap in body
            if tap["uuid"] in counted
        ]
        return answer


@dataclass
class Village:
    """All of it."""

    house: House
    world: World
    phones: Phones
    hands: WatchedHands
    clock: VirtualClock
    behaviours: list[Behaviour]

    def run_until(self, at: datetime) -> None:
        self.world.move_to(at)


@contextmanager
def village(store: Store, *, mix: Mix, seed: int, begins: datetime) -> Iterator[Village]:
    """Yield a district at nine o'clock of its first day, with nothing in its store yet."""
    settings = Settings(
        base_url=BASE,
        database_url=store.url,
        sms_url=f"{BASE}/nowhere",
        sms_secret=SECRET,
        callback_token="callback-token-of-the-village",
    )
    clock = VirtualClock(begins)
    house = replace(wiring.build_house(settings, store, is_demo=True), clock=clock)
    behaviours: list[Behaviour] = []
    people = People(seed=seed, zone=ZONE, mix=mix, notice=behaviours.append)
    plans = HeapPlans()
    phones = Phones(people, plans, clock)
    app = wiring.create_app(house)
    with wiring.http_client() as client, inside(app) as web:
        hands = WatchedHands(
            web,
            Memory(partial(_enter_gate, house)),
            base_url=BASE,
            sms_secret=SECRET,
            callback_token="callback-token-of-the-village",
            now=clock.now,
        )
        hands.taps, hands.children = [], {}
        jobs = wiring.build_jobs(house, client=client, batch=200)
        jobs.channels = {"sms": phones, "by_hand": ByHand()}
        jobs.real_now = clock.now
        world = World(
            jobs=jobs, people=people, clock=clock, hands=hands, plans=plans, shortest_step=SHORTEST_STEP
        )
        yield Village(house, world, phones, hands, clock, behaviours)


def _enter_gate(house: House, school: int) -> Mapping[str, str]:
    with house.store.write() as session:
        return serving.gate_cookies(session, school, house)


def school_days(
    from_on: date, until_on: date, *, off: Callable[[date], bool], extra: set[date]
) -> list[date]:
    """Return school days reckoned here by hand, apart from the product's calendar."""
    days = [from_on + timedelta(days=n) for n in range((until_on - from_on).days + 1)]
    return [on for on in days if on in extra or (on.weekday() < 5 and not off(on))]


def by_leg(taps: Iterable[Tapped]) -> dict[int, dict[str, Tapped]]:
    found: dict[int, dict[str, Tapped]] = defaultdict(dict)
    for tap in taps:
        found[tap.leg].setdefault(tap.step, tap)
    return found


__all__ = ["BASE", "ZONE", "Mix", "Village", "by_leg", "school_days", "setup", "village"]
