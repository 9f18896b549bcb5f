"""The generic gateway, over real HTTP against a provider with bad habits."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx
import pytest

from notifications import signing
from notifications.channels import Accepted, OutgoingMessage, Refused, Unknown, Unseen
from notifications.channels.sms_gateway import SmsGateway, parse_receipt, parse_reply
from notifications.models import ReceiptStatus
from notifications.testing import FakeGateway

from .builders import EVENING, PHONE

SECRET = signing.make_secret(b"the secret of a gateway in tests")
MESSAGE = OutgoingMessage("key-1", PHONE, "ask", {"n": "1"}, "明天请您", "zh-Hans", True, 0.5)


@pytest.fixture
def provider() -> Iterator[FakeGateway]:
    with FakeGateway(silence_seconds=1.0) as gateway:
        yield gateway


@pytest.fixture
def channel(provider: FakeGateway) -> Iterator[SmsGateway]:
    with httpx.Client(trust_env=False, verify=False) as client:
        yield SmsGateway(client, url=provider.url, secret=SECRET, now=lambda: EVENING)


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ("accept", Accepted("gw-1")),
        ("refuse", Refused("not_allowed")),  # HTTP 200, and yet a refusal
        ("refuse_for_good", Refused("not_allowed", permanent=True)),
        ("overloaded", Refused("overloaded", detail="HTTP 503")),  # certainly not taken
        ("error", Unknown("HTTP 500")),  # may have been taken before it broke
        ("redirect", Refused("http_307", permanent=True)),  # never followed
        ("silent_before", Unknown("ReadTimeout")),
        ("silent_after", Unknown("ReadTimeout")),
        ("drop_after", Unknown("RemoteProtocolError")),
    ],
)
def test_what_an_answer_means(
    provider: FakeGateway, channel: SmsGateway, behaviour: str, expected: object
) -> None:
    provider.play([behaviour])

    assert channel.send(MESSAGE) == expected


def test_an_answer_that_is_no_json_is_unknown(provider: FakeGateway, channel: SmsGateway) -> None:
    provider.play(["garbage"])

    assert isinstance(channel.send(MESSAGE), Unknown)


def test_a_gateway_that_does_not_listen_certainly_took_nothing() -> None:
    with httpx.Client(trust_env=False, verify=False) as client:
        channel = SmsGateway(client, url="http://127.0.0.1:9/messages", secret=SECRET, now=lambda: EVENING)

        result = channel.send(MESSAGE)

    assert result == Refused("unreachable", detail="ConnectError")


def test_the_same_key_again_gets_the_first_answer(provider: FakeGateway, channel: SmsGateway) -> None:
    assert channel.send(MESSAGE) == channel.send(MESSAGE)
    assert provider.log.requests["key-1"] == 2
    assert len(provider.log.accepted) == 1


def test_a_look_up_tells_what_became_of_a_key(provider: FakeGateway, channel: SmsGateway) -> None:
    provider.play(["silent_before", "silent_after"])

    channel.send(MESSAGE)
    never = channel.look_up("key-1", timeout_seconds=1)
    channel.send(MESSAGE)
    taken = channel.look_up("key-1", timeout_seconds=1)
    provider.answers_look_ups = False
    unsure = channel.look_up("key-1", timeout_seconds=1)

    assert (never, taken, unsure) == (Unseen(), Accepted("gw-1"), Unknown("HTTP 501"))


def test_what_goes_over_the_wire_is_signed_and_complete() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"status": "accepted", "id": "x"})

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        SmsGateway(client, url="https://gw.example/send/", secret=SECRET, now=lambda: EVENING).send(MESSAGE)

    (request,) = seen
    assert str(request.url) == "https://gw.example/send"
    assert signing.verify(SECRET, headers=request.headers, body=request.content, now=EVENING) == "key-1"
    assert json.loads(request.content) == {
        "id": "key-1",
        "to": PHONE,
        "template": "ask",
        "parameters": {"n": "1"},
        "text": "明天请您",
        "language": "zh-Hans",
        "urgent": True,
    }


def test_callbacks_are_read() -> None:
    reply = parse_reply(
        '{"id": "r1", "from": "+86138", "to": "1069", "text": "好", "sent_at": "2021-04-06T18:00:00+08:00"}'.encode()
    )
    receipt = parse_receipt(b'{"id": "gw-1", "message": "key-1", "status": "failed", "code": "MK:0001"}')

    assert (reply.provider_message_id, reply.text, reply.sent_at) == (
        "r1",
        "好",
        datetime(2021, 4, 6, 10, tzinfo=UTC),
    )
    assert (receipt.send_key, receipt.status, receipt.code) == ("key-1", ReceiptStatus.FAILED, "MK:0001")


@pytest.mark.parametrize("parse", [parse_reply, parse_receipt])
@pytest.mark.parametrize(
    "body",
    [
        b"",  # nothing
        b"\xff\xfe",  # not UTF-8
        b"[]",  # no object
        b"{}",  # nothing in it
        b'{"id": 7, "from": "1", "text": "1", "status": "sent"}',  # an id that is no text
        b'{"id": "", "from": "1", "text": "1", "status": "sent"}',  # an empty id
        b'{"id": "1", "from": "1", "text": "1", "sent_at": "2021-04-06", "status": "eaten"}',  # a date, a new status
        b'{"id": "1", "from": "1", "text": "1", "sent_at": "0001-01-01T00:00:00+14:00", "status": ""}',  # out of range
        b'{"id": "' + b"1" * 300 + b'", "from": "1", "text": "1", "status": "sent"}',  # an endless id
        b'{"id": "1", "pad": "' + b"x" * 70_000 + b'"}',  # more than 64 kB
        b"[" * 20_000,  # nested without end
    ],
)
def test_a_malformed_callback_is_a_value_error(parse: Callable[[bytes], object], body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
