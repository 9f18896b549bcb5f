"""The whole application: every route declared, its probes, the provider's callbacks, and two clocks on one store."""

import json
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from threading import Barrier

import httpx
import pytest
from fastapi import FastAPI
from httpx2 import Response
from sqlmodel import Session, col, select
from starlette.testclient import TestClient

from escort import app as wiring
from escort.app import build_channels, build_house, build_jobs, check_real, create_app
from escort.cases.models import Case, CaseKind
from escort.cases.service import open_case
from escort.db import Store
from escort.demo.setup import check_demonstration
from escort.errors import NotConfigured
from escort.job_leases import JobLease
from escort.jobs import Jobs
from escort.migrations import migrate
from escort.rota.models import Leg
from escort.settings import Settings
from escort.web import policy
from escort.web.deps import House
from notifications import signing
from notifications.addresses import set_phone
from notifications.models import Inbound, Message, MessageState, Receipt
from notifications.outbox import enqueue
from notifications.testing import RecordingChannel
from notifications.wording import Wording
from tests.builders import NOW, ZONE
from tests.cast import the_cast

SECRET = signing.make_secret(b"0123456789012345678901234567")
TOKEN = "provider-secret"


class StillClock:
    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


def a_house(store: Store) -> House:
    settings = Settings.model_validate(
        {
            "database_url": store.url,
            "sms_url": "https://sms.example",
            "sms_secret": SECRET,
            "callback_token": TOKEN,
        }
    )
    return House(
        store=store, settings=settings, clock=StillClock(), zone=ZONE, is_demo=False, real_now=lambda: NOW
    )


@pytest.fixture
def app(store: Store) -> FastAPI:
    return create_app(a_house(store))


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, follow_redirects=False)


def test_every_route_says_who_may_read_it(app: FastAPI) -> None:
    routes = policy.declared_routes(app)

    assert len(routes) > 60
    assert [route.path for route in routes if not route.readers] == []


def test_a_route_that_says_nothing_stops_the_start(store: Store) -> None:
    def add(app: FastAPI) -> None:
        app.add_api_route("/forgotten", lambda: {})

    with pytest.raises(NotConfigured, match="/forgotten"):
        create_app(a_house(store), extra=add)


def test_the_process_says_that_it_lives(client: TestClient) -> None:
    assert client.get("/livez").json() == {"status": "ok"}


def test_it_is_ready_only_when_the_store_has_this_versions_shape(empty_store: Store) -> None:
    client = TestClient(create_app(build_house(Settings(), empty_store, is_demo=False)))

    before = client.get("/readyz")
    migrate(empty_store)
    after = client.get("/readyz")

    assert (before.status_code, after.status_code) == (503, 200)
    assert "dujuan migrate" in before.json()["status"]


def test_dispatch_is_well_until_a_message_has_been_due_for_more_than_a_minute(
    client: TestClient, app: FastAPI
) -> None:
    house: House = app.state.house
    with house.store.write() as session:
        a_message(session, 1)

    at_once = client.get("/healthz/dispatch")
    house.clock.at += timedelta(minutes=2)  # type: ignore[attr-defined]  # the test's clock
    late = client.get("/healthz/dispatch")

    assert (at_once.status_code, late.status_code) == (200, 503)
    assert late.json()["overdue_messages"] == 1


def test_dispatch_is_not_well_while_a_timed_job_stands(client: TestClient, app: FastAPI) -> None:
    house: House = app.state.house
    with house.store.write() as session:
        open_case(session, kind=CaseKind.STUCK_WORK, about="job:watch", sentence="", now=NOW)

    answer = client.get("/healthz/dispatch")

    assert (answer.status_code, answer.json()["stuck_jobs"]) == (503, ["watch"])


def test_the_front_door_leads_to_the_board(client: TestClient) -> None:
    assert client.get("/").headers["location"] == "/today"


def a_message(session: Session, number: int) -> None:
    set_phone(session, party="volunteer:1", phone="19900000020", now=NOW)
    enqueue(
        session,
        to="volunteer:1",
        wording=Wording("ask.no", {"turns": str(number)}, f"第{number}条"),
        about="test:1",
        dedup_key=f"test:{number}",
        now=NOW,
    )


def reply(**fields: object) -> bytes:
    said = {"id": "r-1", "from": "+8619900000020", "to": "1069", "text": "1", "sent_at": NOW.isoformat()}
    return json.dumps(said | fields).encode()


def call(
    client: TestClient,
    what: str,
    body: bytes,
    *,
    token: str = TOKEN,
    secret: str = SECRET,
    at: datetime = NOW,
    content_type: str | None = "application/json",
) -> Response:
    headers = signing.sign(secret, message_id="w-1", body=body, now=at)
    if content_type:
        headers["content-type"] = content_type
    return client.post(f"/callbacks/{token}/{what}", content=body, headers=headers)


def kept(app: FastAPI) -> list[Inbound]:
    with app.state.house.store.read() as session:
        return list(session.exec(select(Inbound)))


def test_a_signed_reply_is_kept_once_however_often_it_comes(client: TestClient, app: FastAPI) -> None:
    answers = [call(client, "reply", reply()) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert [(row.sender, row.text) for row in kept(app)] == [("+8619900000020", "1")]


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/json; charset=gbk"])
def test_the_body_is_read_whatever_the_provider_calls_it(
    client: TestClient, app: FastAPI, content_type: str | None
) -> None:
    assert call(client, "reply", reply(), content_type=content_type).status_code == 200
    assert len(kept(app)) == 1


@pytest.mark.parametrize("what", ["reply", "receipt"])
def test_what_is_not_signed_by_the_provider_is_not_kept(client: TestClient, app: FastAPI, what: str) -> None:
    stranger = signing.make_secret(b"another-secret-of-28-bytes!!")
    body = reply()

    unsigned = client.post(f"/callbacks/{TOKEN}/{what}", content=body)
    forged = call(client, what, body, secret=stranger)
    old = call(client, what, body, at=NOW - timedelta(minutes=6))
    headers = signing.sign(SECRET, message_id="w-1", body=body, now=NOW)
    changed = client.post(f"/callbacks/{TOKEN}/{what}", content=body + b" ", headers=headers)

    assert [answer.status_code for answer in (unsigned, forged, old, changed)] == [403] * 4
    assert kept(app) == []


@pytest.mark.parametrize("what", ["reply", "receipt"])
def test_without_the_token_there_is_no_such_page(client: TestClient, what: str) -> None:
    assert call(client, what, reply(), token="guessed").status_code == 404


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff\xfe", b'{"id": 7}', b"null"])
def test_a_signed_reply_without_shape_is_kept_for_a_human(
    client: TestClient, app: FastAPI, body: bytes
) -> None:
    assert [call(client, "reply", body).status_code for _ in range(2)] == [200, 200]

    (row,) = kept(app)
    assert row.handled_at is None
    jobs_of(app.state.house).replies()
    with app.state.house.store.read() as session:
        assert [case.kind for case in session.exec(select(Case))] == [CaseKind.REPLY_UNCLEAR]


@pytest.mark.parametrize("body", [b"{", b'{"id": "p-1", "status": "eaten"}', b"[]"])
def test_a_receipt_without_shape_is_refused_with_a_sentence(client: TestClient, body: bytes) -> None:
    answer = call(client, "receipt", body)

    assert answer.status_code == 400
    assert "读不懂" in answer.json()["error"]


def test_a_receipt_moves_its_message_once(client: TestClient, app: FastAPI) -> None:
    house: House = app.state.house
    channel = RecordingChannel()
    with house.store.write() as session:
        a_message(session, 1)
    jobs_of(house, channel=channel).deliver()
    with house.store.read() as session:
        key = session.exec(select(Message.send_key)).one()
    body = json.dumps({"id": "p-1", "message": key, "status": "delivered", "code": ""}).encode()

    answers = [call(client, "receipt", body) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    with house.store.read() as session:
        assert session.exec(select(Message.state)).one() == MessageState.DELIVERED
        assert len(session.exec(select(Receipt)).all()) == 1


@pytest.mark.parametrize(("size", "status"), [(60_000, 200), (70_000, 413)])
def test_a_callback_may_have_64_kilobytes(client: TestClient, size: int, status: int) -> None:
    assert call(client, "reply", reply(note="x" * size)).status_code == status


@pytest.mark.parametrize(
    "path", ["/demo/phones", "/demo/phones/volunteer:1", "/demo/gateway/sms", "/demo/clock"]
)
def test_a_real_district_has_no_simulator(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404
    assert client.post(path, json={}).status_code == 404


def test_a_real_district_refuses_now_and_a_webhook_in_the_clear() -> None:
    with pytest.raises(NotConfigured, match="DUJUAN_NOW"):
        check_real(Settings(data_dir="x", now="2021-04-06T18:00:00+08:00"))
    with pytest.raises(NotConfigured, match="DUJUAN_WEBHOOK_URL"):
        check_real(Settings(data_dir="x", webhook_url="http://hook.example", webhook_secret=SECRET))


def test_text_messages_leave_in_the_clear_only_to_this_machine() -> None:
    gateway = {"data_dir": "x", "sms_secret": SECRET, "callback_token": TOKEN}
    with pytest.raises(NotConfigured, match="DUJUAN_SMS_URL"):
        check_real(Settings.model_validate({**gateway, "sms_url": "http://sms.example"}))

    check_real(Settings.model_validate({**gateway, "sms_url": "http://127.0.0.1:9000/sms"}))
    check_real(Settings.model_validate({**gateway, "sms_url": "https://sms.example"}))


def test_a_demonstration_listens_on_this_machine_only() -> None:
    check_demonstration(Settings())
    with pytest.raises(NotConfigured, match="DUJUAN_HOST"):
        check_demonstration(Settings(host="0.0.0.0"))


def test_channels_stand_in_the_order_in_which_they_are_tried() -> None:
    everything = {
        "data_dir": "x",
        "sms_url": "https://sms.example",
        "sms_secret": SECRET,
        "callback_token": TOKEN,
        "webhook_url": "https://hook.example",
        "webhook_secret": SECRET,
        "console": True,
    }
    with httpx.Client() as client:
        alone = build_channels(Settings(data_dir="x"), client=client, is_demo=False)
        channels = build_channels(Settings.model_validate(everything), client=client, is_demo=False)

    assert list(alone) == ["by_hand"]
    assert list(channels) == ["sms", "webhook", "console", "by_hand"]
    assert not channels["webhook"].needs_address, "every message can go there"


def test_the_heartbeat_tells_the_dead_mans_switch_and_a_silent_switch_stops_nothing(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    rung: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        rung.append(str(request.url))
        return httpx.Response(200 if len(rung) == 1 else 500)

    settings = Settings(database_url=store.url, heartbeat_url="https://switch.example/x")
    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        jobs = build_jobs(build_house(settings, store, is_demo=False), client=client)
        with caplog.at_level(logging.WARNING):
            assert [jobs.audit() for _ in range(2)] == [[], []]

    assert rung == ["https://switch.example/x"] * 2
    assert "did not answer" in caplog.text


def no_links(_session: Session, subjects: Sequence[str]) -> dict[str, str]:
    return dict.fromkeys(subjects, "https://dujuan.test/x")


def jobs_of(house: House, owner: str = "node-a", channel: RecordingChannel | None = None) -> Jobs:
    return Jobs(
        store=house.store,
        now=house.clock.now,
        real_now=house.real_now,
        zone=house.zone,
        channels={"sms": channel or RecordingChannel()},
        links=no_links,
        duty_phone="19900000001",
        board_link="https://dujuan.test/today",
        owner=owner,
        batch=5,
    )


def both(first: Jobs, second: Jobs, work: str) -> None:
    """Let two nodes begin the same work at the same moment, each in its own thread."""
    together = Barrier(2)

    def begin(node: Jobs) -> None:
        together.wait(timeout=10)
        getattr(node, work)()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(begin, node) for node in (first, second)]:
            done.result(timeout=120)


def test_two_clocks_on_one_store_send_each_message_once(store: Store) -> None:
    house = a_house(store)
    with store.write() as session:
        for number in range(60):
            a_message(session, number)
    channel = RecordingChannel()

    both(jobs_of(house, "node-a", channel), jobs_of(house, "node-b", channel), "deliver")

    assert sorted(channel.texts) == sorted(f"第{number}条" for number in range(60))
    with store.read() as session:
        states = session.exec(select(Message.state)).all()
    assert set(states) == {MessageState.ACCEPTED}


def test_two_clocks_on_one_store_do_the_evenings_work_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = a_house(store)
    with store.write() as session:
        the_cast(session)
    rotated: list[str] = []
    rotate = Jobs.rotate

    def counted(node: Jobs, *, now: datetime) -> None:
        rotated.append(node.owner)
        rotate(node, now=now)

    monkeypatch.setattr(Jobs, "rotate", counted)  # counts; the work itself is done

    both(jobs_of(house, "node-a"), jobs_of(house, "node-b"), "evening")

    assert len(rotated) == 1
    with store.read() as session:
        assert session.get_one(JobLease, "evening").done_for_on == date(2021, 4, 6)
        keys = [
            (leg.escort_id, leg.on, leg.direction) for leg in session.exec(select(Leg).order_by(col(Leg.id)))
        ]
    assert keys
    assert len(keys) == len(set(keys))


def test_the_module_wires_the_links_of_its_own_address(store: Store) -> None:
    house = build_house(
        Settings(database_url=store.url, base_url="https://jiesong.example"), store, is_demo=False
    )

    with store.write() as session:
        made = wiring.house_links(house)(session, ["volunteer:1", "guardian:2", "account:3"])

    assert made["volunteer:1"].startswith("https://jiesong.example/v/")
    assert made["guardian:2"].startswith("https://jiesong.example/f/")
    assert made["account:3"] == "https://jiesong.example/today"
