"""Links lead people to this very store, or they are not sent: by a real server, asked through its name."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from sqlmodel import select

from escort.app import build_channels, create_app
from escort.cases.models import Case, CaseKind, CaseState
from escort.db import Store
from escort.jobs import Jobs
from escort.settings import Settings
from escort.upkeep.address import AddressWatch, fault_of_form, only_working_links
from escort.upkeep.readiness import WORDS, Lack
from escort.web.deps import House
from notifications.addresses import set_phone
from notifications.channels.by_hand import ByHand
from notifications.models import Message, MessageState, Urgency
from notifications.outbox import enqueue
from notifications.sealed import Keyring
from notifications.testing import RecordingChannel
from notifications.wording import Wording
from tests.browser.phones import served
from tests.builders import NOW, ZONE
from tests.escort.rota.weeks import links

NAME = "https://jiesong.example"
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


@dataclass
class Road:
    """What stands for DNS and certificate: the name leads to an address of this machine, or nowhere."""

    to: str = "http://127.0.0.1:9"
    at: datetime = NOW
    asked: list[str] = field(default_factory=list)

    def fetch(self, url: str) -> httpx.Response:
        self.asked.append(url)
        return httpx.get(url.replace(NAME, self.to), timeout=5, trust_env=False)

    def watch(self, store: Store) -> AddressWatch:
        return AddressWatch(NAME, keyring=store.keyring, real_now=lambda: self.at, fetch=self.fetch)


@pytest.fixture
def road() -> Road:
    return Road()


def a_house(store: Store) -> House:
    class Clock:
        def now(self) -> datetime:
            return NOW

    settings = Settings(database_url=store.url, base_url=NAME)
    return House(store=store, settings=settings, clock=Clock(), zone=ZONE, is_demo=False)


@pytest.fixture
def address(store: Store) -> Iterator[str]:
    with served(create_app(a_house(store))) as address:
        yield address


@pytest.mark.parametrize(
    ("base_url", "fault"),
    [
        ("http://127.0.0.1:8000", Lack.LINKS_STAY_HERE),  # what stands there when nobody set anything
        ("https://localhost", Lack.LINKS_STAY_HERE),
        ("https://[::1]:8000", Lack.LINKS_STAY_HERE),
        ("https://[2408:4000::1]", None),  # anybody's; whether it answers is another question
        ("https://[fd00::1]", Lack.LINKS_STAY_HERE),
        ("https://192.168.1.20", Lack.LINKS_STAY_HERE),  # the office's own network
        ("http://10.0.0.5:8000", Lack.LINKS_STAY_HERE),
        ("https://169.254.3.4", Lack.LINKS_STAY_HERE),
        ("https://dujuan", Lack.LINKS_STAY_HERE),  # a computer's name
        ("https://office-pc.local", Lack.LINKS_STAY_HERE),
        ("http://jiesong.example.cn", Lack.LINKS_NOT_HTTPS),
        ("http://121.40.0.1", Lack.LINKS_NOT_HTTPS),
        ("https://jiesong.example.cn", None),
        ("https://jiesong.example.cn:8443/bus", None),
    ],
)
def test_the_form_of_an_address_is_judged_before_anybody_tries_it(base_url: str, fault: Lack | None) -> None:
    assert fault_of_form(base_url) == fault


def test_an_address_that_leads_to_this_store_works_and_is_asked_once_a_minute(
    store: Store, address: str, road: Road
) -> None:
    road.to = address
    watch = road.watch(store)

    assert watch.fault() is None
    road.at += 59 * SECOND
    assert watch.fault() is None
    assert len(road.asked) == 1

    road.at += SECOND
    assert watch.fault() is None
    assert len(set(road.asked)) == 2, "each look has a word of its own"


def test_nobody_there_and_a_proxy_alone_are_dead(store: Store, road: Road) -> None:
    watch = road.watch(store)
    assert watch.fault() == Lack.LINKS_DEAD

    with a_server(502, b"Bad Gateway") as road.to:
        road.at += 2 * SECOND
        assert watch.fault() == Lack.LINKS_DEAD
    assert watch.dead_since == NOW


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>welcome</html>"),  # the provider's parking page
        (200, b'{"status": "ok", "proof": "00"}'),  # another store of ours
        (200, b'["ok"]'),
        (301, b""),  # somewhere else
        (404, b"{}"),
    ],
)
def test_something_else_that_answers_there_is_elsewhere(
    store: Store, road: Road, status: int, body: bytes
) -> None:
    with a_server(status, body) as road.to:
        assert road.watch(store).fault() == Lack.LINKS_ELSEWHERE


def test_another_districts_store_cannot_answer_for_this_one(address: str, road: Road) -> None:
    road.to = address

    watch = AddressWatch(NAME, keyring=Keyring.fresh(), real_now=lambda: NOW, fetch=road.fetch)

    assert watch.fault() == Lack.LINKS_ELSEWHERE


def test_what_comes_back_is_used_again_within_seconds(store: Store, address: str, road: Road) -> None:
    watch = road.watch(store)
    watch.fault()
    assert watch.known == Lack.LINKS_DEAD

    road.to, road.at = address, NOW + 2 * SECOND

    assert watch.fault() is None
    assert (watch.known, watch.dead_since) == (None, None)


def test_a_word_that_is_no_word_is_not_countersigned(address: str) -> None:
    for word in ("short", "a" * 65, "a" * 30 + "%20"):
        assert httpx.get(f"{address}/livez/{word}", trust_env=False).status_code in (400, 404, 422), word


# ---- what becomes of messages --------------------------------------------------------------------


@dataclass
class Post:
    """A store's messages with one number, an SMS channel behind the doorkeeper, and the office's list."""

    store: Store
    road: Road
    base_url: str = NAME
    sms: RecordingChannel = field(default_factory=RecordingChannel)

    def __post_init__(self) -> None:
        self.watch = self.road.watch(self.store)
        if self.base_url != NAME:
            self.watch = AddressWatch(
                self.base_url, keyring=self.store.keyring, real_now=lambda: self.road.at
            )
        self.jobs = Jobs(
            store=self.store,
            now=lambda: self.road.at,
            real_now=lambda: self.road.at,
            zone=ZONE,
            channels={"sms": only_working_links(self.sms, self.watch), "by_hand": ByHand()},
            links=links,
            duty_phone="19900000001",
            board_link=f"{NAME}/today",
            owner="node",
            address=self.watch,
        )

    def write(self, text: str, urgency: Urgency = Urgency.ROUTINE) -> int:
        with self.store.write() as session:
            set_phone(session, party="volunteer:1", phone="19900001111", now=NOW)
            message = enqueue(
                session,
                to="volunteer:1",
                wording=Wording("ask.routine", {"link": text}, text),
                about="x",
                dedup_key=text,
                now=NOW,
                urgency=urgency,
            )
        assert message is not None
        return message.id or 0

    def state(self, message_id: int) -> str:
        with self.store.read() as session:
            return session.get_one(Message, message_id).state

    def live_cases(self) -> list[Case]:
        with self.store.read() as session:
            return list(
                session.exec(
                    select(Case).where(Case.kind == CaseKind.STUCK_WORK, Case.state != CaseState.CLOSED)
                )
            )


def test_a_link_to_this_machine_never_goes_out_and_comes_to_the_offices_list(
    store: Store, road: Road
) -> None:
    post = Post(store, road, base_url="http://127.0.0.1:8000")
    with_link = post.write("请点 http://127.0.0.1:8000/v/abc")
    without = post.write("周三不用来了")

    post.jobs.deliver()

    assert [message.text for message in post.sms.sent] == ["周三不用来了"]
    assert post.state(with_link) == MessageState.BY_HAND
    assert post.state(without) == MessageState.ACCEPTED


def test_while_the_address_is_dead_a_link_waits_and_goes_out_once_it_answers(
    store: Store, address: str, road: Road
) -> None:
    post = Post(store, road)
    waiting = post.write(f"请点 {NAME}/v/abc")
    post.jobs.deliver()
    assert (post.sms.sent, post.state(waiting)) == ([], MessageState.QUEUED)

    road.to, road.at = address, NOW + MINUTE
    post.jobs.deliver()

    assert [message.text for message in post.sms.sent] == [f"请点 {NAME}/v/abc"]


def test_what_is_urgent_waits_seconds_for_a_dead_address_and_then_a_human_tells_it(
    store: Store, road: Road
) -> None:
    post = Post(store, road)
    urgent = post.write(f"请点 {NAME}/v/abc", Urgency.URGENT)

    for _ in range(4):
        post.jobs.deliver()
        road.at += 5 * SECOND

    assert (post.sms.sent, post.state(urgent)) == ([], MessageState.BY_HAND)


def test_an_address_that_stays_dead_is_one_case_that_closes_by_itself(
    store: Store, address: str, road: Road
) -> None:
    post = Post(store, road)
    assert post.jobs.audit() == [], "a minute's patience"
    assert post.live_cases() == []

    road.at += MINUTE
    first = post.jobs.audit()
    road.at += MINUTE
    post.jobs.audit()
    (case,) = post.live_cases()

    assert first == ["the address of links in messages does not lead here"]
    assert "带链接的短信改由办公室打电话" in case.sentence

    road.to, road.at = address, road.at + MINUTE
    assert first[0] not in post.jobs.audit()
    assert post.live_cases() == []


def test_the_doorkeeper_stands_before_every_channel_of_machines(store: Store, road: Road) -> None:
    settings = Settings.model_validate(
        {
            "database_url": store.url,
            "sms_url": "https://sms.example",
            "sms_secret": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nw==",
            "callback_token": "t",
            "webhook_url": "https://hook.example",
            "webhook_secret": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nw==",
        }
    )
    with httpx.Client() as client:
        plain = build_channels(settings, client=client, is_demo=False)
        kept = build_channels(settings, client=client, is_demo=False, address=road.watch(store))

    for name in ("sms", "webhook"):
        assert (kept[name].needs_address, kept[name].is_keyed, kept[name].sends_receipts) == (
            plain[name].needs_address,
            plain[name].is_keyed,
            plain[name].sends_receipts,
        )
        assert hasattr(kept[name], "look_up") == hasattr(plain[name], "look_up")
        assert type(kept[name]) is not type(plain[name])
    assert type(kept["by_hand"]) is ByHand


def test_every_fault_has_its_sentence() -> None:
    for fault in (Lack.LINKS_STAY_HERE, Lack.LINKS_NOT_HTTPS, Lack.LINKS_DEAD, Lack.LINKS_ELSEWHERE):
        assert "带链接的短信不发，改由办公室打电话" in WORDS[fault]


class a_server:  # noqa: N801 (it is read like a function)
    """A server that says the same to everybody."""

    def __init__(self, status: int, body: bytes) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("location", "https://elsewhere.example/")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class says so)
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
