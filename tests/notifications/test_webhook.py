"""Standard Webhooks out of the house, and no way in."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from escort.db import Store
from notifications import signing
from notifications.addresses import prefer_by_hand
from notifications.channels import Accepted, OutgoingMessage, Refused
from notifications.channels.by_hand import ByHand
from notifications.channels.webhook import Webhook
from notifications.models import MessageState

from .builders import DRIVER, EVENING, PHONE, Office

SECRET = signing.make_secret(b"0123456789012345678901234567")
URL = "https://bureau.example:8443/hooks?x=1"


def _send(
    url: str, *, ips: list[str], allow_private: bool = False, status: int = 204
) -> tuple[object, list[httpx.Request]]:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status, headers={"location": "https://elsewhere.example"})

    def resolve(_host: str, _port: int) -> list[str]:
        if not ips:
            raise OSError("no such name")
        return ips

    message = OutgoingMessage("key-1", url, "shift.offered", {"n": "1"}, "请您", "zh-Hans", False, 5)
    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        channel = Webhook(
            client, secret=SECRET, now=lambda: EVENING, allow_private=allow_private, resolve=resolve
        )
        return channel.send(message), seen


def test_it_is_signed_and_goes_to_the_address_that_was_checked() -> None:
    result, (request,) = _send(URL, ips=["93.184.216.34"])

    assert result == Accepted("key-1")
    assert str(request.url) == "https://93.184.216.34:8443/hooks?x=1"
    assert request.headers["host"] == "bureau.example:8443"
    assert request.extensions["sni_hostname"] == "bureau.example"
    assert signing.verify(SECRET, headers=request.headers, body=request.content, now=EVENING) == "key-1"


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "::1",
        "fe80::1%eth0",
        "::ffff:127.0.0.1",
        "0.0.0.0",
    ],
)
def test_our_own_network_is_refused(ip: str) -> None:
    result, seen = _send(URL, ips=["93.184.216.34", ip])

    assert result == Refused("private_address", permanent=True)
    assert seen == []


@pytest.mark.parametrize(
    "url", ["http://bureau.example/", "ftp://x", "https://", "https://u:p@bureau.example/", "x"]
)
def test_only_plain_https_is_taken(url: str) -> None:
    result, seen = _send(url, ips=["93.184.216.34"])

    assert result == Refused("bad_url", permanent=True)
    assert seen == []


def test_a_redirect_is_not_followed() -> None:
    result, seen = _send(URL, ips=["93.184.216.34"], status=302)

    assert result == Refused("http_302", permanent=True)
    assert len(seen) == 1


def test_a_name_that_does_not_resolve_may_do_so_later() -> None:
    result, _ = _send(URL, ips=[])

    assert isinstance(result, Refused)
    assert not result.permanent


def test_a_demonstrations_loopback_may_be_allowed() -> None:
    result, _ = _send("http://localhost:9000/hook", ips=["127.0.0.1"], allow_private=True)

    assert result == Accepted("key-1")


Received = list[tuple[dict[str, str], bytes]]


@contextmanager
def a_machine_of_the_bureau() -> Iterator[tuple[str, Received]]:
    """Yield a real HTTP server's address, and what it has received."""
    received: Received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append((dict(self.headers.items()), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class says so
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_with_a_url_of_its_own_every_message_goes_there_with_party_and_number(store: Store) -> None:
    with a_machine_of_the_bureau() as (url, received), httpx.Client(trust_env=False) as client:
        webhook = Webhook(client, secret=SECRET, now=lambda: EVENING, url=url, allow_private=True)
        office = Office(store, {"webhook": webhook, "by_hand": ByHand()})
        known, unknown = office.ask(1), office.ask(2, to="guardian:3")

        office.deliver()

    assert [office.message(number).state for number in (known, unknown)] == [MessageState.ACCEPTED] * 2
    assert len(received) == 2
    for headers, body in received:
        assert (
            signing.verify(SECRET, headers=headers, body=body, now=EVENING) == json.loads(body)["data"]["id"]
        )
    said = [json.loads(body) for _, body in received]
    assert [(one["data"]["party"], one["data"]["phone"]) for one in said] == [
        (DRIVER, PHONE),
        ("guardian:3", ""),
    ]
    assert (said[0]["type"], said[0]["data"]["parameters"], said[0]["data"]["text"]) == (
        "ask",
        {"n": "1"},
        "第1条",
    )


def test_whoever_is_told_by_a_human_is_not_told_by_the_machine(store: Store) -> None:
    with a_machine_of_the_bureau() as (url, received), httpx.Client(trust_env=False) as client:
        webhook = Webhook(client, secret=SECRET, now=lambda: EVENING, url=url, allow_private=True)
        office = Office(store, {"webhook": webhook, "by_hand": ByHand()})
        with store.write() as session:
            prefer_by_hand(session, party=DRIVER, now=EVENING)
        number = office.ask()

        office.deliver()

    assert office.message(number).state == MessageState.BY_HAND
    assert received == []


def test_without_a_url_of_its_own_it_needs_one_of_the_party() -> None:
    with httpx.Client() as client:
        assert Webhook(client, secret=SECRET, now=lambda: EVENING).needs_address
        assert not Webhook(client, secret=SECRET, now=lambda: EVENING, url=URL).needs_address
