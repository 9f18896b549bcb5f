"""All wiring in one place: a store, its keys and clock, its channels, its jobs, and the web application over them."""

import errno
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import datetime
from functools import partial
from urllib.parse import urlsplit

import httpx
import uvicorn
from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles

from escort.access.clock import real_now
from escort.access.secret import new_token
from escort.api import callbacks, docs_page, feeds, health
from escort.db import Store
from escort.errors import NotConfigured
from escort.jobs import Jobs
from escort.messages import link_maker
from escort.migrations import is_current
from escort.rota.asks import LinkMaker
from escort.settings import LOOPBACK, Settings
from escort.upkeep.address import AddressWatch, only_working_links
from escort.web import policy, render, security, session_routes
from escort.web.coordinator import routes as coordinator
from escort.web.deps import Clock, House
from escort.web.family import routes as family
from escort.web.gate import routes as gate
from escort.web.leader import routes as leader
from escort.web.policy import public
from escort.web.safety_routes import SafetyWatch
from escort.web.volunteer import routes as volunteer
from notifications.channels import Channel
from notifications.channels.aliyun_sms import AliyunSms
from notifications.channels.by_hand import ByHand
from notifications.channels.console import Console
from notifications.channels.sms_gateway import SmsGateway
from notifications.channels.webhook import Webhook
from notifications.registry import approved_id
from notifications.sealed import Keyring, SealError
from scheduling.clock import Clock as StoreClock
from scheduling.clock import as_it_is

CANNOT_START = 3  # the exit code by which uvicorn says so
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def open_store(settings: Settings) -> Store:
    """Open the settings' store with its keys; the key file is made when there is none yet.

    Raises NotConfigured where the keys have no place of their own, or cannot be used.
    """
    if settings.database_url and not (settings.data_dir or settings.key_file):
        raise NotConfigured(
            "DUJUAN_DATABASE_URL also needs DUJUAN_KEY_FILE or DUJUAN_DATA_DIR: the keys of the sealed columns "
            "must lie in a place that you choose and back up."
        )
    try:
        settings.folder.mkdir(parents=True, exist_ok=True)
        keyring = Keyring.load_or_create(settings.keys)
    except SealError as unusable:
        raise NotConfigured(f"{settings.keys}: {unusable}.") from unusable
    except OSError as unwritable:
        raise NotConfigured(f"{settings.keys}: {unwritable.strerror}.") from unwritable
    return Store(settings.url, keyring, hides_values=not settings.is_demonstration)


def build_house(
    settings: Settings,
    store: Store,
    *,
    is_demo: bool,
    moved: Callable[[datetime], datetime] = as_it_is,
) -> House:
    """Put a district together. `moved` turns real time into a demonstration's."""
    clock: Clock = StoreClock(settings.tz, moved=moved)
    links = None
    if not is_demo:
        links = AddressWatch(settings.base_url, keyring=store.keyring, real_now=real_now)
    lacks = SafetyWatch(
        store, needs_second_factor=not settings.stays_on_this_machine, real_now=real_now, links=links
    )
    return House(
        store=store,
        settings=settings,
        clock=clock,
        zone=settings.tz,
        is_demo=is_demo,
        links=links,
        lacks=tuple if is_demo else lacks,
    )


def build_jobs(house: House, *, client: httpx.Client, batch: int = 20) -> Jobs:
    """Return the district's timed work, with the channels that its settings name."""
    return Jobs(
        store=house.store,
        now=house.clock.now,
        real_now=house.real_now,
        zone=house.zone,
        channels=build_channels(
            house.settings,
            client=client,
            is_demo=house.is_demo,
            template_code=partial(_template_code, house.store),
            address=house.links,
        ),
        address=house.links,
        links=house_links(house),
        duty_phone=house.settings.duty_phone,
        board_link=f"{house.settings.base_url}/today",
        owner=f"{socket.gethostname()}:{os.getpid()}",
        batch=batch,
        blockout_day=house.settings.blockout_day,
        ping=partial(_ping, client, house.settings.heartbeat_url) if house.settings.heartbeat_url else None,
    )


def build_channels(
    settings: Settings,
    *,
    client: httpx.Client,
    is_demo: bool,
    template_code: Callable[[str], str | None] = lambda _key: None,
    address: AddressWatch | None = None,
) -> Mapping[str, Channel]:
    """Return the channels in the order in which they are tried; by hand stands last and always works.

    `template_code` says what the SMS provider calls one of our templates, where it has approved it. With `address`
    the machines' channels refuse links that nobody can open.
    """
    channels: dict[str, Channel] = {}
    if settings.sms_url and settings.sms_secret:
        channels["sms"] = SmsGateway(
            client,
            url=settings.sms_url,
            secret=settings.sms_secret.get_secret_value(),
            now=real_now,
            sends_receipts=settings.sms_receipts,
        )
    if settings.aliyun_key_id and settings.aliyun_key_secret and settings.aliyun_sign_name:
        channels["sms"] = AliyunSms(
            client,
            key_id=settings.aliyun_key_id,
            key_secret=settings.aliyun_key_secret.get_secret_value(),
            sign_name=settings.aliyun_sign_name,
            template_code=template_code,
            now=real_now,
            nonce=new_token,
            endpoint=settings.aliyun_endpoint,
        )
    if settings.webhook_url and settings.webhook_secret:
        channels["webhook"] = Webhook(
            client,
            secret=settings.webhook_secret.get_secret_value(),
            now=real_now,
            url=settings.webhook_url,
            allow_private=is_demo,
        )
    if address is not None:
        channels = {name: only_working_links(channel, address) for name, channel in channels.items()}
    if settings.console:
        channels["console"] = Console(sys.stdout)
    channels["by_hand"] = ByHand()
    return channels


def house_links(house: House) -> LinkMaker:
    return link_maker(house.settings.base_url, house.clock.now)


def create_app(
    house: House, *, lifespan: Lifespan | None = None, extra: Callable[[FastAPI], None] | None = None
) -> FastAPI:
    """Return the web application. Raises NotConfigured if a route does not say who may read it."""
    app = FastAPI(
        title="杜鹃鸟",
        description="Escort dispatch: the machine's side. People use the pages.",
        version="0.1.0",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=lifespan,
        **security.LIMITS,
    )
    app.state.house = house
    app.state.links = house_links(house)
    app.state.is_current = partial(is_current, house.store)
    for router in (
        volunteer.router,  # most requests are taps: routes are tried in this order
        family.router,
        leader.router,
        callbacks.router,
        gate.router,
        coordinator.router,
        session_routes.router,
        feeds.router,
        health.router,
        docs_page.router,
    ):
        app.include_router(router)
    if extra is not None:
        extra(app)
    else:
        app.add_api_route("/", to_today, dependencies=[public("leads to the board")], include_in_schema=False)
    app.mount("/static", StaticFiles(directory=render.STATIC), name="static")
    security.install(app, house)
    policy.check_declared(app)
    return app


def to_today() -> RedirectResponse:
    """The office's first page is its board; whoever is not signed in is asked there."""
    return RedirectResponse("/today", status_code=303)


def check_real(settings: Settings) -> None:
    """Raise NotConfigured where a real district's settings belong to a demonstration, or would reach nobody."""
    if settings.now is not None:
        raise NotConfigured(
            "DUJUAN_NOW is for the demonstration only: a real district goes by the real clock."
        )
    if settings.webhook_url and not settings.webhook_url.startswith("https://"):
        raise NotConfigured("DUJUAN_WEBHOOK_URL must begin with https://: it carries names and numbers.")

    for name, url in (("SMS_URL", settings.sms_url), ("ALIYUN_ENDPOINT", settings.aliyun_endpoint)):
        if url and not _stays_here(url):
            raise NotConfigured(f"DUJUAN_{name} must begin with https://: it carries names and numbers.")


def check_address(settings: Settings) -> None:
    """Raise NotConfigured where nothing can listen at the settings' address, before anybody is told to go there."""
    host, port = settings.host, settings.port
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (socket.gaierror, UnicodeError) as unknown:
        raise NotConfigured(f"DUJUAN_HOST：这台电脑没有“{host}”这个地址。") from unknown
    except OSError as refused:
        if refused.errno == errno.EADDRNOTAVAIL:
            raise NotConfigured(f"DUJUAN_HOST：这台电脑没有“{host}”这个地址。") from refused
        why = "系统不让用" if refused.errno == errno.EACCES else "已经有程序在用，也许杜鹃鸟已经开着"
        raise NotConfigured(
            f"{host} 的端口 {port} {why}。请先关掉它，或用 DUJUAN_PORT 换一个端口。"
        ) from refused


def _stays_here(url: str) -> bool:
    """Return whether what is sent to this address is enciphered, or never leaves this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in LOOPBACK


def check_ready_to_serve(settings: Settings) -> None:
    """Raise NotConfigured where families and guards would be given a number that nobody answers."""
    if "duty_phone" not in settings.model_fields_set:
        raise NotConfigured("请设 DUJUAN_DUTY_PHONE：家里和校门有事要打的值班电话，每条短信里都写着它。")


class WebServer(uvicorn.Server):
    """Ends the answers that never end by themselves; else the server would wait for its readers to leave."""

    def __init__(self, config: uvicorn.Config, when_listening: Callable[[], None] = lambda: None) -> None:
        super().__init__(config)
        self._when_listening = when_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            threading.Thread(target=self._when_listening, name="listening", daemon=True).start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        house: House = self.config.app.state.house  # type: ignore[union-attr]  # it was given a FastAPI
        house.closing.set()
        await super().shutdown(sockets)


def server_config(web: FastAPI, settings: Settings) -> uvicorn.Config:
    """Return how the pages are served: who a visitor is, only a proxy on this machine may say."""
    return uvicorn.Config(
        web,
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_level="warning",
        proxy_headers=True,
        forwarded_allow_ips="127.0.0.1,::1",
    )


def serve(web: FastAPI, settings: Settings, *, when_listening: Callable[[], None] = lambda: None) -> None:
    """Serve until Ctrl-C. Ends the process where the address is taken. `when_listening` runs in a thread of its own."""
    server = WebServer(server_config(web, settings), when_listening)
    try:
        server.run()
    except KeyboardInterrupt:
        return
    if not server.started:
        sys.exit(CANNOT_START)


@contextmanager
def http_client() -> Iterator[httpx.Client]:
    """Yield the one outgoing client of this process: no proxies from the environment, no redirects."""
    with httpx.Client(trust_env=False, follow_redirects=False, timeout=10.0) as client:
        yield client


def _template_code(store: Store, key: str) -> str | None:
    with store.read() as session:
        return approved_id(session, key)


def _ping(client: httpx.Client, url: str) -> None:
    client.post(url, timeout=10.0).raise_for_status()
