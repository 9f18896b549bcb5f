"""Our signature beside the provider's own: vectors that its official SDK made.

How they were made: SDK and signer (named in the file) in a throw-away environment, an invented key. `wire` is what the
SDK's client sent to a server on this machine, `signed` what its signer (`Utils.get_authorization`) answers for the
headers that we sign, at a fixed time and nonce.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from notifications.channels.aliyun_sms import sign_request

from .aliyun import KEY_ID, KEY_SECRET, is_signed

VECTORS: dict[str, Any] = json.loads(Path(__file__).with_name("aliyun_sdk_vectors.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS["signed"], ids=lambda vector: vector["nonce"])
def test_the_sdk_signs_our_request_as_we_do(vector: dict[str, Any]) -> None:
    now = datetime.strptime(vector["date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)

    ours = sign_request(
        vector["query"],
        host=vector["host"],
        key_id=KEY_ID,
        key_secret=KEY_SECRET,
        now=now,
        nonce=vector["nonce"],
    )

    assert ours["authorization"] == vector["authorization"]


@pytest.mark.parametrize("request_sent", VECTORS["wire"], ids=lambda sent: sent["headers"]["x-acs-date"])
def test_the_provider_that_we_play_takes_what_the_sdk_sends_and_nothing_that_was_touched(
    request_sent: dict[str, Any],
) -> None:
    target, headers = request_sent["target"], request_sent["headers"]

    assert is_signed(target, headers.items(), b"")
    assert not is_signed(target.replace("PhoneNumbers=1", "PhoneNumbers=2"), headers.items(), b"")
    assert not is_signed(target, (headers | {"x-acs-signature-nonce": "again"}).items(), b"")


def test_the_sdk_sends_the_parameters_that_we_send() -> None:
    sent = {part.split("=")[0] for part in VECTORS["wire"][0]["target"].removeprefix("/?").split("&")}

    assert sent == {"OutId", "PhoneNumbers", "SignName", "TemplateCode", "TemplateParam"}
