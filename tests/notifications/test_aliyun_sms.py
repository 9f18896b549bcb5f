"""Alibaba Cloud SMS over real HTTP: what is signed, what an answer means, what its callbacks say."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from notifications.channels import Accepted, OutgoingMessage, Refused, Unknown
from notifications.channels.aliyun_sms import AliyunSms, parse_receipts, parse_replies, registered_text
from notifications.models import ReceiptStatus

from .aliyun import KEY_ID, KEY_SECRET, FakeAliyun, is_signed
from .builders import EVENING, PHONE

CODES = {"ask.routine": "SMS_100001"}
MESSAGE = OutgoingMessage(
    "key-1",
    PHONE,
    "ask.routine",
    {"turns": "周一 07:45~上学*", "link": "https://dj/v/x"},
    "…",
    "zh-Hans",
    True,
    0.5,
)


@pytest.fixture
def provider() -> Iterator[FakeAliyun]:
    with FakeAliyun() as playing:
        yield playing


@pytest.fixture
def channel(provider: FakeAliyun) -> Iterator[AliyunSms]:
    numbers = count(1)
    with httpx.Client(trust_env=False, verify=False) as client:
        yield AliyunSms(
            client,
            key_id=KEY_ID,
            key_secret=KEY_SECRET,
            sign_name="杜鹃鸟",
            template_code=CODES.get,
            now=lambda: EVENING,
            nonce=lambda: f"n-{next(numbers)}",
            endpoint=provider.url,
        )


def test_what_is_sent_is_what_was_signed_and_the_number_is_a_national_one(
    provider: FakeAliyun, channel: AliyunSms
) -> None:
    assert channel.send(MESSAGE) == Accepted("biz-1")

    (sent,) = provider.sent
    assert sent == {
        "PhoneNumbers": "13800138000",
        "SignName": "杜鹃鸟",
        "TemplateCode": "SMS_100001",
        "TemplateParam": json.dumps(dict(MESSAGE.parameters), ensure_ascii=False),
        "OutId": "key-1",
    }


def test_a_changed_byte_breaks_the_signature(channel: AliyunSms, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"Code": "OK", "BizId": "b"})

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        monkeypatch.setattr(channel, "_client", client)
        channel.send(MESSAGE)

    target = seen[0].url.raw_path.decode()
    headers = [(name, value) for name, value in seen[0].headers.items()]
    assert is_signed(target, headers, b"")
    assert not is_signed(target.replace("13800138000", "13800138001"), headers, b"")
    assert not is_signed(target, [(n, v.replace("n-1", "n-2")) for n, v in headers], b"")
    assert quote("周一 07:45~上学*", safe="~") in target  # %20 and %2A, never + or *


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (200, {"Code": "isv.BUSINESS_LIMIT_CONTROL"}, Refused("isv.BUSINESS_LIMIT_CONTROL")),  # later
        (200, {"Code": "Throttling.User"}, Refused("Throttling.User")),
        (
            200,
            {"Code": "isv.MOBILE_NUMBER_ILLEGAL", "Message": "非法手机号"},
            Refused("isv.MOBILE_NUMBER_ILLEGAL", permanent=True, detail="非法手机号"),
        ),
        (200, {"Code": "isv.AMOUNT_NOT_ENOUGH"}, Refused("isv.AMOUNT_NOT_ENOUGH", permanent=True)),
        (
            404,
            {"Code": "InvalidAccessKeyId.NotFound"},
            Refused("InvalidAccessKeyId.NotFound", permanent=True),
        ),
        (200, {"Code": "isp.SYSTEM_ERROR"}, Unknown("isp.SYSTEM_ERROR")),  # may have gone out
        (200, {"Code": "OK"}, Unknown("accepted without BizId")),
        (200, {"Code": 7}, Unknown("unreadable answer: TypeError")),
        (200, None, Unknown("unreadable answer: JSONDecodeError")),
        (503, {"Code": "ServiceUnavailable"}, Refused("overloaded", detail="HTTP 503")),
        (500, None, Unknown("HTTP 500")),
        (200, {"silent": True}, Unknown("ReadTimeout")),
    ],
)
def test_what_an_answer_means(
    provider: FakeAliyun, channel: AliyunSms, status: int, said: dict[str, Any] | None, expected: object
) -> None:
    provider.script.append((status, said))

    assert channel.send(MESSAGE) == expected


def test_a_wrong_secret_is_refused_for_good(provider: FakeAliyun, channel: AliyunSms) -> None:
    channel._key_secret = "another"

    assert channel.send(MESSAGE) == Refused("SignatureDoesNotMatch", permanent=True, detail="…")
    assert provider.sent == []


def test_a_text_that_the_provider_has_not_approved_is_left_to_the_next_channel(
    provider: FakeAliyun, channel: AliyunSms
) -> None:
    result = channel.send(replace(MESSAGE, template="ask.stand_in"))

    assert result == Refused("template_not_approved", permanent=True, detail="ask.stand_in")
    assert provider.sent == []


def test_receipts_come_in_lists() -> None:
    delivered, failed = parse_receipts(
        json.dumps(
            [
                {
                    "biz_id": "b1",
                    "out_id": "key-1",
                    "phone_number": "138",
                    "success": True,
                    "err_code": "DELIVERED",
                },
                {"biz_id": "b2", "phone_number": "138", "success": False, "err_code": "MK:0001"},
            ]
        ).encode()
    )

    assert (delivered.provider_id, delivered.send_key, delivered.status) == (
        "b1",
        "key-1",
        ReceiptStatus.DELIVERED,
    )
    assert (failed.send_key, failed.status, failed.code) == (None, ReceiptStatus.FAILED, "MK:0001")


@pytest.mark.parametrize("sequence", [123, "123"])
def test_replies_carry_beijing_times_and_numbers_of_either_kind(sequence: object) -> None:
    row = {
        "phone_number": "13800138000",
        "content": "1",
        "send_time": "2021-04-06 18:00:00",
        "sequence_id": sequence,
    }

    (reply,) = parse_replies(json.dumps(row).encode())

    assert (reply.provider_message_id, reply.sender, reply.text) == ("123", "13800138000", "1")
    assert reply.sent_at == datetime(2021, 4, 6, 10, tzinfo=UTC)


def test_a_reply_without_a_number_of_its_own_is_known_by_what_it_says() -> None:
    row = {"phone_number": "138", "content": "2", "send_time": "2021-04-06 18:00:00"}

    once, again = (parse_replies(json.dumps([row]).encode())[0] for _ in range(2))

    assert once.provider_message_id == again.provider_message_id


@pytest.mark.parametrize("parse", [parse_receipts, parse_replies])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"7",
        b"[]",
        b"[7]",
        b"[{}]",
        b'[{"biz_id": "", "phone_number": 138, "content": "1"}]',
        b'[{"biz_id": 1, "phone_number": "1", "content": "1", "send_time": "yesterday"}]',
        b'[{"pad": "' + b"x" * 70_000 + b'"}]',
        b"[" * 20_000,
    ],
)
def test_a_malformed_push_is_a_value_error(parse: Callable[[bytes], object], body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)


def test_a_text_is_handed_in_without_its_signature_and_with_named_variables() -> None:
    assert registered_text("【杜鹃鸟】{turn}这趟，{at}。") == "${turn}这趟，${at}。"
