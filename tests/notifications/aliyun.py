"""Alibaba Cloud SMS, played by a real HTTP server that checks the signature from the bytes that it got."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

KEY_ID, KEY_SECRET = "LTAI-of-the-tests", "the secret of the tests"


@dataclass
class FakeAliyun:
    """Answers by `script`, one a request, then OK. `silent`: no answer within a second."""

    script: list[tuple[int, dict[str, Any] | None]] = field(default_factory=list)
    sent: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "FakeAliyun":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, query: dict[str, str], is_signed: bool) -> tuple[int, dict[str, Any] | None]:
        if not is_signed:
            return 403, {"Code": "SignatureDoesNotMatch", "Message": "…"}
        self.sent.append(query)
        if self.script:
            return self.script.pop(0)
        return 200, {"Code": "OK", "Message": "OK", "BizId": f"biz-{len(self.sent)}", "RequestId": "r"}


def is_signed(target: str, headers: Iterable[tuple[str, str]], body: bytes) -> bool:
    """Return whether a request carries the signature that its own bytes call for: the provider's half, written apart."""
    sent = {name.lower(): value.strip() for name, value in headers}
    algorithm, _, rest = sent["authorization"].partition(" ")
    parts = dict(part.split("=", 1) for part in rest.split(","))
    pairs = sorted(parse_qsl(urlsplit(target).query, keep_blank_values=True))
    query = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)
    names = parts["SignedHeaders"].split(";")
    must = {name for name in sent if name.startswith("x-acs-")} | {"host"}
    lines = "".join(f"{name}:{sent[name]}\n" for name in names)
    canonical = "\n".join(
        ["POST", urlsplit(target).path, query, lines, ";".join(names), hashlib.sha256(body).hexdigest()]
    )
    text = f"{algorithm}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    expected = hmac.new(KEY_SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    return (
        algorithm == "ACS3-HMAC-SHA256"
        and parts["Credential"] == KEY_ID
        and must <= set(names)
        and sent["x-acs-content-sha256"] == hashlib.sha256(body).hexdigest()
        and hmac.compare_digest(expected, parts["Signature"])
    )


def _handler_for(provider: FakeAliyun) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            query = dict(parse_qsl(urlsplit(self.path).query))
            status, said = provider.answer(query, is_signed(self.path, self.headers.items(), body))
            if said == {"silent": True}:
                threading.Event().wait(1.0)
                self.close_connection = True
                return
            content = b"<html>" if said is None else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class says so)
            """Say nothing."""

    return Handler
