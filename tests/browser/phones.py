"""The phone and gate pages behind a real server, and a real Chromium that looks at them."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from axe_playwright_python.sync_playwright import Axe
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from starlette.testclient import TestClient

from escort.app import WebServer

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve an app on a free port of this machine; yields its address."""
    with listening() as (port, address), served_at(app, port):
        yield address


@contextmanager
def listening() -> Iterator[tuple[socket.socket, str]]:
    """Yield a free port of this machine and its address, for an app that must know where it will be."""
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        yield port, f"http://127.0.0.1:{port.getsockname()[1]}"


@contextmanager
def served_at(app: FastAPI, port: socket.socket) -> Iterator[None]:
    with running(WebServer(uvicorn.Config(app, log_level="error", lifespan="off")), port):
        yield


@contextmanager
def running(server: uvicorn.Server, port: socket.socket) -> Iterator[None]:
    """Let a server listen at this port until the end of the block."""
    thread = threading.Thread(target=server.run, kwargs={"sockets": [port]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield
    server.should_exit = True
    thread.join(timeout=10)


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def a_phone(
    browser: Browser, *, width: int = 390, height: int = 844, dark: bool = False, scripts: bool = True
) -> BrowserContext:
    return browser.new_context(
        viewport={"width": width, "height": height},
        is_mobile=width < 700,
        has_touch=True,
        reduced_motion="reduce",  # a colour that is still changing has no contrast yet
        color_scheme="dark" if dark else "light",
        java_script_enabled=scripts,
        locale="zh-CN",
    )


def let_in(phone: BrowserContext, visitor: TestClient, base: str) -> None:
    """Give a real browser the cookies of one that was let in already."""
    cookies: Any = [{"name": name, "value": value, "url": base} for name, value in visitor.cookies.items()]
    phone.add_cookies(cookies)


def fits(page: Page) -> bool:
    """Say whether nothing stands out to the side."""
    size: list[int] = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    return size[0] <= size[1]


def smallest_target(page: Page, selector: str = "main button:visible, main a.button:visible") -> float:
    """Return the least height of what is to be pressed, in CSS pixels."""
    heights: list[float] = page.eval_on_selector_all(
        selector.replace(":visible", ""),
        "all => all.filter(e => e.offsetParent).map(e => e.getBoundingClientRect().height)",
    )
    return min(heights)


def axe_violations(page: Page) -> list[Any]:
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    violations: list[Any] = found.response["violations"]
    return [(one["id"], [node["target"] for node in one["nodes"]]) for one in violations]
