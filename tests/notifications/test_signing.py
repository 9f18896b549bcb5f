from datetime import timedelta

import pytest

from notifications.signing import SignatureError, make_secret, sign, verify

from .builders import EVENING

SECRET = make_secret(bytes(range(24)))
BODY = '{"text": "好"}'.encode()


def test_the_vector_of_the_standards_own_library() -> None:
    """From standard-webhooks' specification, "Signature scheme"."""
    from datetime import UTC, datetime

    headers = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        body=b'{"test": 2432232314}',
        now=datetime.fromtimestamp(1614265330, UTC),
    )

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_was_signed_is_verified_also_while_a_secret_is_turned() -> None:
    headers = sign(SECRET, message_id="m", body=BODY, now=EVENING)

    assert verify(SECRET, headers=headers, body=BODY, now=EVENING + timedelta(minutes=5)) == "m"
    assert verify([make_secret(b"n" * 32), SECRET], headers=headers, body=BODY, now=EVENING) == "m"


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "other"},
        {"webhook-id": ""},
        {"webhook-timestamp": "1617703201"},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "²"},
        {"webhook-timestamp": ""},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,名"},
        {"webhook-signature": "v2,abc"},
    ],
)
def test_anything_changed_is_refused(change: dict[str, str]) -> None:
    headers = sign(SECRET, message_id="m", body=BODY, now=EVENING) | change

    with pytest.raises(SignatureError):
        verify(SECRET, headers=headers, body=BODY, now=EVENING)


def test_a_changed_body_another_secret_and_an_old_message_are_refused() -> None:
    headers = sign(SECRET, message_id="m", body=BODY, now=EVENING)

    with pytest.raises(SignatureError):
        verify(SECRET, headers=headers, body=BODY + b" ", now=EVENING)
    with pytest.raises(SignatureError):
        verify(make_secret(b"n" * 32), headers=headers, body=BODY, now=EVENING)
    with pytest.raises(SignatureError):
        verify(SECRET, headers=headers, body=BODY, now=EVENING + timedelta(minutes=6))


@pytest.mark.parametrize("key", [b"short", b"x" * 65])
def test_a_secret_has_a_decent_length(key: bytes) -> None:
    with pytest.raises(ValueError):
        make_secret(key)
