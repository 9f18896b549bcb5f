"""Standard Webhooks out of the house, and no way in."""

import httpx
import pytest

from notifications import signing
from notifications.channels import Accepted, OutgoingMessage, Refused
from notifications.channels.webhook import Webhook

from .builders import EVENING

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
