"""The application behind a reverse proxy, as the pilot kit sets it up: a real one, that does what Caddy does by default."""

import re
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse
from pwdlib.hashers.argon2 import Argon2Hasher

from escort.access import accounts
from escort.access.clock import real_now
from escort.access.models import Role, SecondFactor
from escort.access.passwords import Passwords
from escort.app import WebServer, build_house, create_app, server_config
from escort.db import Store
from escort.settings import Settings
from escort.upkeep.address import AddressWatch
from escort.upkeep.readiness import Lack
from escort.web.policy import public
from tests.browser.phones import listening, running

ROOT = Path(__file__).parent.parent
NAME = "https://jiesong.example"
PASSWORD = "a long enough sentence of the tests"
OUTSIDE = "203.0.113.7"
ASKED_AS = {"host": "jiesong.example"}  # the browser typed the name; the proxy hands it on
BAD_GATEWAY = 502
OFFICE = "__Host-dj_office"


@dataclass
class Site:
    """The application on one port, the proxy on another."""

    app: str
    proxy: str
    server: WebServer
    store: Store

    def stop(self) -> None:
        self.server.should_exit = True


def a_proxy(to: str) -> FastAPI:
    """Hand everything on as it comes; say who asked, and let nobody else say it. (Caddy trusts no client's headers.)"""
    app = FastAPI(openapi_url=None)
    client = httpx.AsyncClient(base_url=to, trust_env=False, timeout=None)

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def hand_on(request: Request) -> Response:
        kept = [(k, v) for k, v in request.headers.items() if not k.startswith("x-forwarded-")]
        said = [("x-forwarded-for", OUTSIDE), ("x-forwarded-proto", "https")]
        onward = client.build_request(
            request.method, str(request.url.path), headers=[*kept, *said], content=await request.body()
        )
        try:
            answer = await client.send(onward, stream=True)
        except httpx.ConnectError:
            return Response("Bad Gateway", status_code=BAD_GATEWAY)

        async def body() -> AsyncIterator[bytes]:
            async for piece in answer.aiter_raw():
                yield piece
            await answer.aclose()

        out = StreamingResponse(body(), status_code=answer.status_code)
        out.raw_headers = [(k, v) for k, v in answer.headers.raw if k.lower() != b"transfer-encoding"]
        return out

    return app


@pytest.fixture
def site(store: Store) -> Iterator[Site]:
    settings = Settings(database_url=store.url, base_url=NAME)
    passwords = Passwords(Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    house = replace(build_house(settings, store, is_demo=False), passwords=passwords)
    with store.write() as session:
        accounts.create_account(
            session,
            login="lin",
            name="林老师",
            role=Role.COORDINATOR,
            password=PASSWORD,
            by="system",
            now=real_now(),
            passwords=passwords,
        )

    def add(app: FastAPI) -> None:
        def who(request: Request) -> list[str]:
            return [request.client.host if request.client else "", request.url.scheme]

        app.add_api_route("/who", who, dependencies=[public("says who asks, for this test")])

    server = WebServer(server_config(create_app(house, extra=add), settings))
    with listening() as (inner, app_address), listening() as (outer, proxy_address):
        proxy = uvicorn.Server(uvicorn.Config(a_proxy(app_address), log_level="error"))
        with running(server, inner), running(proxy, outer):
            yield Site(app_address, proxy_address, server, store)


def test_the_application_learns_from_the_proxy_who_asks_and_from_nobody_else(site: Site) -> None:
    spoofed = {"x-forwarded-for": "198.51.100.1", **ASKED_AS}

    said = httpx.get(f"{site.proxy}/who", headers=spoofed, trust_env=False).json()

    assert said == [OUTSIDE, "https"]


def test_only_a_proxy_on_this_machine_is_believed(store: Store) -> None:
    config = server_config(FastAPI(), Settings(database_url=store.url, host="0.0.0.0"))

    assert config.proxy_headers
    assert config.forwarded_allow_ips == "127.0.0.1,::1"


def test_a_coordinator_signs_in_through_it_with_a_cookie_for_https_alone(site: Site) -> None:
    with httpx.Client(base_url=site.proxy, trust_env=False, headers=ASKED_AS) as browser:
        shown = browser.get("/sign-in")
        before = {cookie.split("=")[0]: cookie for cookie in shown.headers.get_list("set-cookie")}
        cookies = "; ".join(cookie.split(";")[0] for cookie in before.values())
        token = re.findall(r'name="csrf_token" value="([^"]+)"', shown.text)[0]
        answer = browser.post(
            "/sign-in",
            data={"login": "lin", "password": PASSWORD, "csrf_token": token},
            headers={"cookie": cookies, "origin": NAME, "sec-fetch-site": "same-origin"},
        )

    assert answer.status_code == 303, answer.text
    (kept,) = [one for one in answer.headers.get_list("set-cookie") if one.startswith(OFFICE)]
    assert "Secure" in kept
    assert "HttpOnly" in kept
    assert "max-age=" in answer.headers["strict-transport-security"]


def test_a_stream_comes_through_without_waiting_for_its_end(site: Site) -> None:
    with site.store.write() as session:
        session.add(SecondFactor(account_id=1, secret="x", begun_at=real_now(), confirmed_at=real_now()))
        entered = accounts.open_sign_in(session, account_id=1, now=real_now())
    cookie = {"cookie": f"{OFFICE}={entered.secret}"}
    begun = time.monotonic()

    with (
        httpx.Client(trust_env=False, timeout=10) as browser,
        browser.stream("GET", f"{site.proxy}/today/live", headers=ASKED_AS | cookie) as answer,
    ):
        first = next(answer.iter_text())

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "event: change" in first
    assert time.monotonic() - begun < 5, "the stream itself never ends"


def test_links_work_through_it_and_are_dead_when_the_application_is(site: Site) -> None:
    at = [real_now()]

    def fetch(url: str) -> httpx.Response:
        return httpx.get(url.replace(NAME, site.proxy), headers=ASKED_AS, trust_env=False)

    watch = AddressWatch(NAME, keyring=site.store.keyring, real_now=lambda: at[0], fetch=fetch)
    assert watch.fault() is None

    site.stop()
    while True:
        try:
            httpx.get(f"{site.app}/livez", trust_env=False)
        except httpx.HTTPError:
            break
        time.sleep(0.05)
    at[0] = real_now().replace(year=at[0].year + 1)

    assert watch.fault() == Lack.LINKS_DEAD


def test_the_caddyfile_of_the_pilot_kit_hands_on_to_where_the_application_listens() -> None:
    page = (ROOT / "docs" / "pilot-kit.md").read_text("utf-8")
    (caddyfile,) = re.findall(r"```caddyfile\n(.*?)```", page, re.DOTALL)
    (unit,) = re.findall(r"```ini\n(.*?)```", page, re.DOTALL)
    listens = f"{Settings.model_fields['host'].default}:{Settings.model_fields['port'].default}"

    assert f"reverse_proxy {listens}" in caddyfile
    assert caddyfile.count("{") == caddyfile.count("}")
    assert "flush_interval -1" in caddyfile
    assert "trusted_proxies" not in caddyfile, "nothing stands before Caddy: no client may say who it is"
    assert "log" not in re.findall(r"^\s*(\w+)", caddyfile, re.MULTILINE), "addresses hold capabilities"
    assert "dujuan serve" in unit
    assert "Restart=always" in unit
