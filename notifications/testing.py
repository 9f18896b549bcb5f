"""Stand-ins at the seam: a channel that remembers, and a provider that is a real HTTP server with bad habits.

`python -m notifications.testing` serves the provider as a process of its own (its address is the first line that it
prints), so that it can kill its caller from inside a handler and live on to tell what it saw.
"""

import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from notifications.channels import Accepted, OutgoingMessage, Result

PID_HEADER = "x-worker-pid"  # whom "kill_before" and "kill_after" kill


class RecordingChannel:
    """A channel that remembers what it was given and answers as told, then "accepted"."""

    def __init__(
        self,
        answers: Iterable[Result] = (),
        *,
        needs_address: bool = False,
        is_keyed: bool = True,
        sends_receipts: bool = False,
    ) -> None:
        self.needs_address = needs_address
        self.is_keyed = is_keyed
        self.sends_receipts = sends_receipts
        self.sent: list[OutgoingMessage] = []
        self._answers = list(answers)

    def send(self, message: OutgoingMessage) -> Result:
        self.sent.append(message)
        return self._answers.pop(0) if self._answers else Accepted(f"recorded-{len(self.sent)}")

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.sent]


@dataclass
class GatewayLog:
    """What a provider saw: requests and acceptances, counted by key. A phone gets one message per accepted key."""

    requests: Counter[str] = field(default_factory=Counter)
    accepted: dict[str, str] = field(default_factory=dict)  # key -> provider id
    workers: Counter[str] = field(
        default_factory=Counter
    )  # requests by the caller's process id, where it says it
    kills: int = 0
    bodies: list[dict[str, Any]] = field(default_factory=list)


class FakeGateway:
    """An SMS gateway over real HTTP. Behaviours are taken from `script`, one a request; after it, "accept".

    accept | refuse | refuse_for_good | overloaded | error | garbage | redirect | silent_before and silent_after
    (accepting: no answer within `silence_seconds`) | drop_before and drop_after (the connection ends unanswered) |
    kill_before and kill_after (SIGKILL to the process named in the PID header, before or after accepting).
    """

    def __init__(
        self, script: Iterable[str] = (), *, silence_seconds: float = 1.0, answers_look_ups: bool = True
    ) -> None:
        self.log = GatewayLog()
        self.silence_seconds = silence_seconds
        self.answers_look_ups = answers_look_ups
        self._script = list(script)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/messages"

    def __enter__(self) -> "FakeGateway":
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def play(self, script: Iterable[str]) -> None:
        """Let these behaviours come next."""
        with self._lock:
            self._script.extend(script)

    def next_behaviour(self, body: dict[str, Any], worker: str | None) -> str:
        with self._lock:
            if worker is not None:
                self.log.workers[worker] += 1
            self.log.requests[str(body.get("id"))] += 1
            self.log.bodies.append(body)
            return self._script.pop(0) if self._script else "accept"

    def accept(self, key: str) -> str:
        """Take a message once and return its id; the same key again changes nothing."""
        with self._lock:
            return self.log.accepted.setdefault(key, f"gw-{len(self.log.accepted) + 1}")

    def seen(self) -> dict[str, Any]:
        """Return the log as JSON: what a test of another process asks for."""
        with self._lock:
            return {
                "requests": dict(self.log.requests),
                "accepted": dict(self.log.accepted),
                "workers": dict(self.log.workers),
                "kills": self.log.kills,
                "script_left": len(self._script),
            }

    def kill(self, pid: int) -> None:
        with self._lock:
            self.log.kills += 1
        os.kill(pid, signal.SIGKILL)


class _Drop(Exception):
    """The connection ends without an answer."""


def _handler_for(gateway: FakeGateway) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if urlsplit(self.path).path == "/script":
                gateway.play(body["script"])
                self._answer(200, {})
                return
            try:
                self._answer(
                    *self._behave(gateway.next_behaviour(body, self.headers[PID_HEADER]), str(body["id"]))
                )
            except _Drop:
                self.close_connection = True

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            key = path.rpartition("/")[2]
            if path == "/seen":
                self._answer(200, gateway.seen())
            elif not gateway.answers_look_ups:
                self._answer(501, {})
            elif key in gateway.log.accepted:
                self._answer(200, {"status": "accepted", "id": gateway.log.accepted[key]})
            else:
                self._answer(404, {})

        def _behave(self, behaviour: str, key: str) -> tuple[int, dict[str, Any] | None]:
            action, _, moment = behaviour.partition("_")
            if moment == "after":
                gateway.accept(key)
            match action:
                case "accept":
                    return 200, {"status": "accepted", "id": gateway.accept(key)}
                case "refuse":
                    permanent = moment == "for_good"
                    return 200, {"status": "refused", "code": "not_allowed", "permanent": permanent}
                case "overloaded":
                    return 503, {}
                case "error":
                    return 500, {}
                case "garbage":
                    return 200, None
                case "redirect":
                    return 307, {}
                case "silent":
                    threading.Event().wait(gateway.silence_seconds)
                case "kill":
                    gateway.kill(int(self.headers[PID_HEADER]))
                case "drop":
                    pass
                case _:
                    raise ValueError(f"unknown behaviour: {behaviour}")
            raise _Drop

        def _answer(self, status: int, fields: dict[str, Any] | None) -> None:
            content = b"<html>" if fields is None else json.dumps(fields).encode()
            self.send_response(status)
            if status == 307:
                self.send_header("location", gateway.url)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class says so)
            """Say nothing: tests read the log instead."""

    return Handler


def _serve_until_closed() -> None:
    """Print the address, then serve until standard input closes: with its parent the provider ends too."""
    with FakeGateway() as gateway:
        print(gateway.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    _serve_until_closed()
