"""A way to the real application without sockets or threads: one request at a time, on the caller's own thread."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.cookies import SimpleCookie
from typing import Any
from unittest import mock
from urllib.parse import unquote

import anyio.to_thread
from fastapi import FastAPI

from escort.demo.hands import Answer

BROKEN = 500


class InsideWeb:
    """The application called as a server would call it. A 500 is nobody's behaviour: it raises AssertionError."""

    def __init__(self, app: FastAPI, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._loop = loop
        self.requests = 0

    def send(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        self.requests += 1
        status, raw, text = self._loop.run_until_complete(self._call(method, path, headers, body))
        assert status < BROKEN, f"{method} {path}: {status} {text}"
        cookies = SimpleCookie()
        for name, value in raw:
            if name == b"set-cookie":
                cookies.load(value.decode("latin-1"))
        return Answer(status, text, {name: morsel.value for name, morsel in cookies.items()})

    async def _call(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, list[tuple[bytes, bytes]], str]:
        plain, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(plain),
            "raw_path": plain.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [
                (b"host", HOST),
                *((name.encode(), value.encode("latin-1")) for name, value in headers.items()),
            ],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        text = b"".join(message.get("body", b"") for message in sent[1:]).decode()
        return sent[0]["status"], sent[0]["headers"], text


@contextmanager
def inside(app: FastAPI) -> Iterator[InsideWeb]:
    """Yield the way in. Handlers run on this thread: with one request at a time a pool would only cost time."""
    loop = asyncio.new_event_loop()
    with mock.patch.object(anyio.to_thread, "run_sync", _here):
        yield InsideWeb(app, loop)
    loop.close()


async def _here(func: Callable[..., Any], *args: Any, **_pool: Any) -> Any:
    return partial(func, *args)()


HOST = b"127.0.0.1:8000"
