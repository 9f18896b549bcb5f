"""A district whose texts go by Alibaba Cloud: approved templates, receipts, replies, and what to do without one."""

import json
from collections.abc import Iterator

import httpx
import pytest
from pydantic import ValidationError
from sqlmodel import select
from starlette.testclient import TestClient

from escort import app as wiring
from escort.app import build_jobs, create_app
from escort.db import Store
from escort.errors import NotConfigured
from escort.settings import Settings
from escort.web.deps import House
from notifications.addresses import set_phone
from notifications.models import HandTask, Inbound, Message, MessageState, TemplateState
from notifications.outbox import enqueue
from notifications.registry import note_template
from notifications.wording import Wording
from tests.builders import NOW, ZONE
from tests.notifications.aliyun import KEY_ID, KEY_SECRET, FakeAliyun
from tests.test_app import StillClock

TOKEN = "secret-path-of-the-provider"
ALIYUN = {
    "aliyun_key_id": KEY_ID,
    "aliyun_key_secret": KEY_SECRET,
    "aliyun_sign_name": "杜鹃鸟",
    "callback_token": TOKEN,
}


@pytest.fixture
def provider() -> Iterator[FakeAliyun]:
    with FakeAliyun() as playing:
        yield playing


def a_house(store: Store, provider: FakeAliyun) -> House:
    settings = Settings.model_validate({"database_url": store.url, "aliyun_endpoint": provider.url, **ALIYUN})
    return House(
        store=store, settings=settings, clock=StillClock(), zone=ZONE, is_demo=False, real_now=lambda: NOW
    )


def send(house: House, template: str) -> int:
    with house.store.write() as session:
        set_phone(session, party="volunteer:1", phone="+8619900001111", now=NOW)
        message = enqueue(
            session,
            to="volunteer:1",
            wording=Wording(template, {"link": "https://dj/v/x"}, "您好"),
            about="x",
            dedup_key=template,
            now=NOW,
        )
        assert message is not None
        number = message.id or 0
    with httpx.Client(trust_env=False, verify=False) as client:
        build_jobs(house, client=client).deliver()
    return number


def approve(store: Store, key: str, state: TemplateState = TemplateState.APPROVED) -> None:
    with store.write() as session:
        note_template(session, key=key, provider_id="SMS_1", state=state, by="account:1", now=NOW)


def test_an_approved_text_goes_out_and_its_receipt_says_that_it_arrived(
    store: Store, provider: FakeAliyun
) -> None:
    house = a_house(store, provider)
    approve(store, "ask.routine")
    number = send(house, "ask.routine")
    browser = TestClient(create_app(house))

    receipts = [{"biz_id": "biz-1", "phone_number": "19900001111", "success": True, "err_code": "DELIVERED"}]
    for _ in range(2):  # pushed again: once
        answer = browser.post(f"/callbacks/{TOKEN}/aliyun/receipts", content=json.dumps(receipts))
        assert answer.json() == {"code": 0, "msg": "接收成功"}

    with store.read() as session:
        assert session.get_one(Message, number).state == MessageState.DELIVERED
    assert provider.sent[0]["TemplateCode"] == "SMS_1"


def test_a_text_that_did_not_arrive_comes_to_somebody_s_list(store: Store, provider: FakeAliyun) -> None:
    house = a_house(store, provider)
    approve(store, "ask.routine")
    number = send(house, "ask.routine")
    receipts = [{"biz_id": "biz-1", "phone_number": "19900001111", "success": False, "err_code": "MK:0001"}]

    TestClient(create_app(house)).post(f"/callbacks/{TOKEN}/aliyun/receipts", content=json.dumps(receipts))
    with httpx.Client(trust_env=False, verify=False) as client:
        build_jobs(house, client=client).deliver()

    with store.read() as session:
        assert session.get_one(Message, number).state == MessageState.BY_HAND
        assert session.exec(select(HandTask)).one().message_id == number
    assert len(provider.sent) == 1


@pytest.mark.parametrize("state", [None, TemplateState.PENDING, TemplateState.REJECTED])
def test_a_text_that_is_not_approved_is_told_by_hand(
    store: Store, provider: FakeAliyun, state: TemplateState | None
) -> None:
    if state is not None:
        approve(store, "ask.stand_in", state)

    number = send(a_house(store, provider), "ask.stand_in")

    with store.read() as session:
        assert session.get_one(Message, number).state == MessageState.BY_HAND
    assert provider.sent == []


def test_replies_are_kept_once_and_what_has_no_shape_too(store: Store, provider: FakeAliyun) -> None:
    browser = TestClient(create_app(a_house(store, provider)))
    pushed = [
        {"phone_number": "19900001111", "content": "1", "send_time": "2021-04-06 18:00:00", "sequence_id": 7}
    ]

    for body in (json.dumps(pushed), json.dumps(pushed), "<html>"):
        answer = browser.post(f"/callbacks/{TOKEN}/aliyun/replies", content=body)
        assert answer.json()["code"] == 0

    with store.read() as session:
        kept = session.exec(select(Inbound)).all()
        assert [(one.sender, one.text) for one in kept] == [("+8619900001111", "1"), ("", "")]


def test_the_callbacks_are_there_for_nobody_else(store: Store, provider: FakeAliyun) -> None:
    browser = TestClient(create_app(a_house(store, provider)))
    elsewhere = Settings.model_validate({"database_url": store.url, "callback_token": TOKEN})
    other = House(store=store, settings=elsewhere, clock=StillClock(), zone=ZONE, is_demo=False)

    assert browser.post("/callbacks/wrong/aliyun/replies", content="[]").status_code == 404
    assert browser.post(f"/callbacks/{TOKEN}/aliyun/receipts", content="[7]").status_code == 400
    for what in ("replies", "receipts"):
        answer = TestClient(create_app(other)).post(f"/callbacks/{TOKEN}/aliyun/{what}", content="[]")
        assert answer.status_code == 404


@pytest.mark.parametrize("missing", sorted(ALIYUN))
def test_the_settings_go_together(missing: str) -> None:
    with pytest.raises(ValidationError, match="go together"):
        Settings.model_validate({name: value for name, value in ALIYUN.items() if name != missing})


def test_two_providers_at_once_are_refused() -> None:
    gateway = {"sms_url": "https://sms.example", "sms_secret": "whsec_" + "YWJj" * 10}

    with pytest.raises(ValidationError, match="not both"):
        Settings.model_validate({**ALIYUN, **gateway})


def test_nothing_goes_out_in_the_clear() -> None:
    with pytest.raises(NotConfigured, match="ALIYUN_ENDPOINT must begin with https"):
        wiring.check_real(Settings.model_validate({**ALIYUN, "aliyun_endpoint": "http://sms.example"}))
