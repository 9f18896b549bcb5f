"""People's hands on the web: each person has cookies of their own; what they write goes through the provider's callback."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import urlencode

import httpx
from sqlmodel import Session

from escort.db import Store
from escort.demo import phones
from notifications import signing


@dataclass(frozen=True)
class Answer:
    """What came back: the page, and the cookies that it set."""

    status: int
    text: str
    cookies: Mapping[str, str]


class Web(Protocol):
    """The way to the application's public routes."""

    def send(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Return the answer to one request; redirects are not followed."""


class Pockets(Protocol):
    """What people keep: the cookies of their phones, and what they wrote."""

    def cookies_of(self, who: str) -> Mapping[str, str]: ...

    def keep_cookies(self, who: str, cookies: Mapping[str, str]) -> None: ...

    def keep_written(self, number: str, text: str, at: datetime) -> str:
        """Keep a text that somebody wrote; return an id of it that nobody else has."""


class HttpWeb:
    """The real web, over a socket."""

    def __init__(self, client: httpx.Client, base_url: str) -> None:
        self._client = client
        self._base_url = base_url

    def send(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        answer = self._client.request(method, f"{self._base_url}{path}", headers=dict(headers), content=body)
        self._client.cookies.clear()
        return Answer(
            answer.status_code,
            answer.text,
            {cookie.name: cookie.value or "" for cookie in answer.cookies.jar},
        )


class StoredPockets:
    """Kept in the demonstration's store: they outlive a restart, and the simulator shows them."""

    def __init__(self, store: Store, enter_gate: Callable[[Session, int], dict[str, str]]) -> None:
        self._store = store
        self._enter_gate = enter_gate
        self._known: dict[str, Mapping[str, str]] = {}

    def cookies_of(self, who: str) -> Mapping[str, str]:
        if who not in self._known:
            with self._store.write() as session:
                found = phones.cookies_of(session, who)
                kind, _, number = who.partition(":")
                if not found and kind == "gate":
                    found = self._enter_gate(session, int(number))
                    phones.keep_cookies(session, who, found)
            self._known[who] = found
        return self._known[who]

    def keep_cookies(self, who: str, cookies: Mapping[str, str]) -> None:
        self._known[who] = cookies
        with self._store.write() as session:
            phones.keep_cookies(session, who, dict(cookies))

    def keep_written(self, number: str, text: str, at: datetime) -> str:
        with self._store.write() as session:
            return f"demo-{phones.written(session, number=number, text=text, now=at).id}"


class WebHands:
    """What everybody's hands do, on whatever way to the web."""

    def __init__(
        self,
        web: Web,
        pockets: Pockets,
        *,
        base_url: str,
        sms_secret: str,
        callback_token: str,
        now: Callable[[], datetime],
    ) -> None:
        self._web = web
        self._pockets = pockets
        self._origin = base_url
        self._sms_secret = sms_secret
        self._callback = f"/callbacks/{callback_token}/reply"
        self._now = now

    def get(self, who: str, path: str) -> str:
        return self._send(who, "GET", path)

    def post(self, who: str, path: str, form: Mapping[str, str | list[str]]) -> str:
        return self._send(who, "POST", path, urlencode(form, doseq=True).encode(), FORM)

    def post_json(self, who: str, path: str, body: object) -> str:
        return self._send(who, "POST", path, json.dumps(body, ensure_ascii=False).encode(), JSON)

    def write(self, number: str, text: str) -> None:
        """Write a text to the office: it comes to us as the gateway would bring it. Raises LookupError if refused."""
        key = self._pockets.keep_written(number, text, self._now())
        reply = {"id": key, "from": number, "to": "", "text": text, "sent_at": self._now().isoformat()}
        body = json.dumps(reply, ensure_ascii=False).encode()
        headers = signing.sign(self._sms_secret, message_id=key, body=body, now=datetime.now(UTC))
        answer = self._web.send("POST", self._callback, headers={**headers, "content-type": JSON}, body=body)
        if answer.status >= REFUSED:
            raise LookupError(f"the callback answered {answer.status}: {answer.text[:200]}")

    def _send(self, who: str, method: str, path: str, body: bytes = b"", kind: str = "") -> str:
        cookies = self._pockets.cookies_of(who)
        headers = (
            {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
        )
        if method == "POST":
            headers |= {"origin": self._origin, "content-type": kind}
        answer = self._web.send(method, path, headers=headers, body=body)
        if answer.cookies:
            self._pockets.keep_cookies(who, {**cookies, **answer.cookies})
        return answer.text


FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
REFUSED = 400
