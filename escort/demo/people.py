"""How invented people behave: what they do with a text, and how they do it, by public routes only.

All chance comes from a seed and from what happened, never from a shared stream: the same district on the same
day does the same, whatever order the machine takes.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import unescape
from typing import Protocol
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Action:
    """Something that somebody will do: `who` is a phone number or `gate:<school id>`."""

    due_at: datetime
    who: str
    kind: str
    data: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Mix:
    """How often people do what, as shares of one. What is left over is prompt, by text message."""

    by_page: float = 0.14
    late: float = 0.05
    declining: float = 0.04
    partly: float = 0.03
    received_first: float = 0.03
    silent: float = 0.03
    stand_in_declines: float = 0.25
    stand_in_silent: float = 0.2
    departs_late: float = 0.03
    forgets_to_tap: float = 0.03
    family_cancels: float = 0.006
    family_binds: float = 0.25
    guard_taps: float = 0.9


ALL_PROMPT = Mix(
    by_page=0.1,
    late=0.0,
    declining=0.0,
    partly=0.0,
    received_first=0.0,
    silent=0.0,
    stand_in_declines=0.0,
    stand_in_silent=0.0,
    departs_late=0.0,
    forgets_to_tap=0.0,
    family_cancels=0.0,
    family_binds=0.0,
    guard_taps=0.0,
)


class Hands(Protocol):
    """What a person can do: look at a page, send a form, send what the page's script would, write a text."""

    def get(self, who: str, path: str) -> str: ...

    def post(self, who: str, path: str, form: dict[str, str | list[str]]) -> str: ...

    def post_json(self, who: str, path: str, body: object) -> str: ...

    def write(self, number: str, text: str) -> None: ...


@dataclass(frozen=True)
class Behaviour:
    """What chance has made somebody do: about an ask that came at this moment, or a turn that starts then."""

    number: str
    name: str  # a field of Mix, or "prompt"
    at: datetime


@dataclass(frozen=True)
class People:
    """The invented people of one demonstration or simulation."""

    seed: int
    zone: ZoneInfo
    mix: Mix = Mix()
    notice: Callable[[Behaviour], None] = lambda _behaviour: None  # a simulation keeps the score

    def react(self, *, number: str, template: str, text: str, now: datetime) -> list[Action]:
        """Return what the owner of a phone will do about a text that has just come."""
        if template in ASKS:
            return self._about_ask(number, text, now)
        if template in {"ask.stand_in", "ask.couple", "ask.relief", "ask.colleague"}:
            return self._about_stand_in(number, text, now)
        if template == "reply.ask_back":
            return [Action(now + timedelta(minutes=3), number, "write", {"text": "1"})]
        if template == "reply.which":
            return [Action(now + timedelta(minutes=2), number, "answer", {"path": _path(text)})]
        if template in {"driver.morning", "ask.yes", "ask.partly"}:
            return self._about_today(number, text, now)
        if template == "driver.not_departed":
            return [
                Action(
                    now + timedelta(minutes=2), number, "depart", {"path": _path(text), "at": _times(text)[0]}
                )
            ]
        if template in {"family.tomorrow", "family.tomorrow_open"}:
            return self._about_tomorrow(number, text, now)
        return []

    def perform(self, action: Action, hands: Hands, now: datetime) -> list[Action]:
        """Do it now, by public routes; return what follows from what the person saw."""
        if action.kind == "write":
            hands.write(action.who, action.data["text"])
        elif action.kind == "answer":
            self._answer_on_page(action, hands)
        elif action.kind == "depart":
            return self._depart(action, hands, now)
        elif action.kind == "taps":
            steps = action.data["steps"].split(",")
            legs = action.data["legs"].split(",")
            self._tap(
                hands, action.who, action.data["path"], [(leg, step) for leg in legs for step in steps], now
            )
        elif action.kind == "bind":
            hands.post(action.who, f"{action.data['path']}/bind", {})
        elif action.kind == "gate":
            return self._round_at_gate(action, hands)
        return []

    def gate_rounds(self, *, school_id: int, on: datetime, minutes: Iterable[int]) -> list[Action]:
        """Return a guard's rounds of one day, at these minutes of the local day."""
        midnight = on.astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        return [
            Action(midnight + timedelta(minutes=minute), f"gate:{school_id}", "gate", {"minute": str(minute)})
            for minute in minutes
        ]

    def _about_ask(self, number: str, text: str, now: datetime) -> list[Action]:
        mix, draw = self.mix, self._chance("ask", number, now.date())
        minutes = 2 + 40 * self._chance("when", number, now.date())
        soon = now + timedelta(minutes=minutes)
        example = re.search(r"回“(2周.)”", text)
        path = _path(text)
        shares = (
            ("by_page", Action(soon, number, "answer", {"path": path})),
            (
                "late",
                Action(now + timedelta(hours=20, minutes=20 * minutes), number, "write", {"text": "1"}),
            ),
            ("declining", Action(soon, number, "write", {"text": "2"})),
            ("partly", Action(soon, number, "write", {"text": example[1] if example else "2"})),
            ("received_first", Action(soon, number, "write", {"text": "收到"})),
            ("silent", None),
        )
        for name, action in shares:
            if draw < (share := getattr(mix, name)):
                self.notice(Behaviour(number, name, now))
                return [action] if action else []
            draw -= share
        self.notice(Behaviour(number, "prompt", now))
        word = ("1", "１", "好的", "可以")[int(4 * self._chance("word", number, now.date()))]
        return [Action(soon, number, "write", {"text": word})]

    def _about_stand_in(self, number: str, text: str, now: datetime) -> list[Action]:
        draw = self._chance("stand-in", number, now)
        after = now + timedelta(seconds=40 + 110 * self._chance("when", number, now))
        if draw < self.mix.stand_in_declines:
            return [Action(after, number, "write", {"text": "2"})]
        if draw < self.mix.stand_in_declines + self.mix.stand_in_silent:
            return []
        return [Action(after, number, "answer", {"path": _path(text)})]

    def _about_today(self, number: str, text: str, now: datetime) -> list[Action]:
        """Set out about half an hour before each turn of today that begins within the next hour and a quarter."""
        path = _path(text)
        actions = []
        for at in _times(text if "今天" in text else ""):
            starts_at = self._instant(now, at)
            if not timedelta(0) < starts_at - now <= timedelta(minutes=75):
                continue
            draw = self._chance("depart", number, starts_at)
            if draw < self.mix.forgets_to_tap:
                self.notice(Behaviour(number, "forgets_to_tap", starts_at))
                continue  # until he is asked
            late = draw < self.mix.forgets_to_tap + self.mix.departs_late
            if late:
                self.notice(Behaviour(number, "departs_late", starts_at))
            before = timedelta(minutes=8 if late else 32 + 6 * self._chance("early", number, starts_at))
            due_at = max(now + timedelta(minutes=1), starts_at - before)
            actions.append(Action(due_at, number, "depart", {"path": path, "at": at}))
        return actions

    def _about_tomorrow(self, number: str, text: str, now: datetime) -> list[Action]:
        if self._chance("cancel", number, now.date()) < self.mix.family_cancels:
            return [Action(now + timedelta(minutes=6), number, "write", {"text": "2"})]
        if self._chance("bind", number) < self.mix.family_binds:
            return [Action(now + timedelta(minutes=9), number, "bind", {"path": _path(text)})]
        return []

    def _answer_on_page(self, action: Action, hands: Hands) -> None:
        page = hands.get(action.who, action.data["path"])
        for ask in dict.fromkeys(re.findall(r'name="ask" value="(\d+)"', page)):
            hands.post(action.who, f"{action.data['path']}/answer", {"ask": ask, "answer": "yes"})

    def _depart(self, action: Action, hands: Hands, now: datetime) -> list[Action]:
        """Open the run, by its own link or from the list, say that one is on the way, and note when to tap next."""
        path, run = _split(action.data["path"])
        if not path:
            return []
        page = hands.get(action.who, run or path)
        if f'action="{path}/bind"' in page:
            hands.post(action.who, f"{path}/bind", {})
            page = hands.get(action.who, run or path)
        if not run:
            run = _run_at(page, action.data["at"]) or ""
            if not run:
                return []  # stood down, or already on the way
            page = hands.get(action.who, run)
        legs = list(dict.fromkeys(re.findall(r'name="leg" value="(\d+)"', page)))
        step = re.search(r'name="step" value="started"', page)
        children = page.split('<section class="child">')[1:]
        if not legs or not step:
            return []
        self._tap(hands, action.who, path, [(leg, "started") for leg in legs], now)
        return self._next_taps(action.who, path, legs, children, now)

    def _next_taps(
        self, who: str, path: str, legs: list[str], children: list[str], now: datetime
    ) -> list[Action]:
        """Nobody taps while driving: of stops close together a phone tells at the last."""
        pickups, deliveries = {}, {}
        for leg, child in zip(legs, children, strict=False):
            moments = re.findall(r"\b(\d\d:\d\d)\b", re.sub(r"<[^>]+>", " ", child))
            pickups[leg], deliveries[leg] = self._instant(now, moments[0]), self._instant(now, moments[1])
        actions, soonest = [], now + timedelta(minutes=1)
        for last, group in _close_together(pickups, timedelta(minutes=2)):
            at = max(last + timedelta(minutes=-1 + 1.25 * self._chance("aboard", group[0])), soonest)
            data = {"path": path, "legs": ",".join(group), "steps": "at_pickup,on_board"}
            actions.append(Action(at, who, "taps", data))
            soonest = at + timedelta(minutes=1)
        for last, group in _close_together(deliveries, timedelta(minutes=6)):
            at = max(last + timedelta(minutes=-2 + 3 * self._chance("arrive", group[0])), soonest)
            data = {"path": path, "legs": ",".join(group), "steps": "delivered"}
            actions.append(Action(at, who, "taps", data))
        return actions

    def _tap(self, hands: Hands, who: str, path: str, taps: list[tuple[str, str]], now: datetime) -> None:
        body = [
            {"uuid": self._uuid(leg, step, who), "leg": int(leg), "step": step, "at": now.isoformat()}
            for leg, step in taps
        ]
        hands.post_json(who, f"{path}/taps", body)

    def _round_at_gate(self, action: Action, hands: Hands) -> list[Action]:
        """Hand over whoever stands in the list, now and then forgetting one; come again at the same time tomorrow."""
        page = hands.get(action.who, "/gate")
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        for leg in dict.fromkeys(re.findall(r"/gate/legs/(\d+)/handover", page)):
            if self._chance("guard", leg) < self.mix.guard_taps:
                hands.post(
                    action.who, f"/gate/legs/{leg}/handover", {"csrf_token": token[1] if token else ""}
                )
        return [Action(action.due_at + timedelta(days=1), action.who, "gate", action.data)]

    def _instant(self, now: datetime, at: str) -> datetime:
        hour, minute = at.split(":")
        return now.astimezone(self.zone).replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)

    def _chance(self, *about: object) -> float:
        digest = hashlib.sha256(json.dumps([self.seed, *map(str, about)]).encode()).digest()
        return int.from_bytes(digest[:7], "big") / (1 << 56)

    def _uuid(self, *about: object) -> str:
        digest = hashlib.sha256(json.dumps([self.seed, *map(str, about)]).encode()).hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"


ASKS = {"ask.routine", "ask.routine_one_day", "ask.changed"}


def _path(text: str) -> str:
    """Return the path of the link at the end of a text; "" without one."""
    found = re.search(r"https?://[^/\s]+(/\S+)$", text)
    return found[1] if found else ""


def _split(path: str) -> tuple[str, str]:
    """Return the part of a link that is its person's, and the whole if it leads to a run."""
    own, run, _ = path.partition("/run/")
    return own, path if run else ""


def _times(text: str) -> list[str]:
    return re.findall(r"(\d\d:\d\d)(?=上学|放学)", text)


def _close_together(moments: Mapping[str, datetime], span: timedelta) -> Iterator[tuple[datetime, list[str]]]:
    """Yield the legs in groups that begin within `span` of each other, with the last moment of each group."""
    group: list[str] = []
    for leg in sorted(moments, key=lambda leg: (moments[leg], leg)):
        if group and moments[leg] - moments[group[0]] > span:
            yield moments[group[-1]], group
            group = []
        group.append(leg)
    if group:
        yield moments[group[-1]], group


def _run_at(page: str, at: str) -> str | None:
    """Return the address of today's run at a time, as the volunteer's page lists it."""
    for path, words in re.findall(r'href="(/v/[^"]+/run/\d+)"[^>]*>(.*?)</a>', page, re.DOTALL):
        if "今天" in words and at in unescape(words):
            return str(path)
    return None
