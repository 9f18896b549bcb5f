"""Every page of every reader, as the walk over the routes finds them: axe, targets, sizes of type, 320 px.

No server and no waiting: Chromium's requests are answered by the application in this process. A page that looks as
one before it (the same tags, classes and attributes) is judged once a language.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from fastapi import FastAPI
from httpx2 import Response
from playwright.sync_api import Browser, Page, Route
from sqlmodel import SQLModel
from starlette.testclient import TestClient

from escort.access import accounts
from escort.access.models import Role
from escort.app import create_app
from escort.db import Store
from escort.demo.showing import FAILED
from escort.web import cookies
from escort.web.deps import House
from notifications.sealed import Keyring
from tests.access_matrix.conftest import a_house
from tests.access_matrix.test_languages import ANSWERED_BY_A_PAGE
from tests.access_matrix.test_routes import _doors, _filled
from tests.access_matrix.world import BEFORE, ON, PASSWORD, Visitor, World, make_world, move_clock, visitors
from tests.browser.phones import chromium, fits
from tests.escort.demo.test_pages import PHONE, PretendDemo, a_browser
from tests.escort.web.coordinator.days import at

pytestmark = pytest.mark.browser

SITE = "http://dujuan.test"
LANGUAGES = ("zh-Hans", "zh-Hant", "en")
MOMENTS = {
    "a morning at the gate": at(ON, "07:20"),
    "noon": at(ON, "12:00"),
    "the evening before": at(BEFORE, "18:00"),
    "years later, when all is over": at(ON + timedelta(days=800), "12:00"),
}
AXE = {
    "resultTypes": ["violations"],
    "rules": {"target-size": {"enabled": True}},  # WCAG 2.2, not among the defaults
}
IN_THE_OTHER_THEME = {"resultTypes": ["violations"], "runOnly": ["color-contrast", "link-in-text-block"]}
SMALLEST_TARGET = {"desk": 36, "volunteer": 52, "gate": 64, "family": 68}
SMALLEST_TYPE = {"desk": 12, "volunteer": 14, "gate": 14, "family": 18}


@dataclass
class Found:
    """What is wrong, by page."""

    pages: int = 0
    axe: list[str] = field(default_factory=list)
    narrow: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    type_sizes: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module", params=LANGUAGES)
def found(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Found:
    """Walk once through everything in one language and note all that is wrong."""
    found = Found()
    with Walk(browser, tmp_path_factory.mktemp("walk"), request.param) as walk:
        for moment, when in MOMENTS.items():
            for name in walk.pages(when):
                look(walk.page, f"{name}, {moment}", found)
    with Walk(browser, tmp_path_factory.mktemp("empty"), request.param, is_empty=True) as walk:
        for name in walk.pages(MOMENTS["noon"]):
            look(walk.page, f"{name}, nothing imported yet", found)
        for name in walk.demonstration():
            look(walk.page, name, found)
    return found


def look(page: Page, name: str, found: Found) -> None:
    found.pages += 1
    found.axe += [f"{name}: {one}" for one in axe(page, AXE)]
    page.emulate_media(color_scheme="dark")
    found.axe += [f"{name}, dark: {one}" for one in axe(page, IN_THE_OTHER_THEME)]
    page.emulate_media(color_scheme="light")
    voice = page.evaluate("document.documentElement.className.replace('voice-', '')") or "desk"
    for what, height in page.evaluate(BUTTONS):
        if height < SMALLEST_TARGET.get(voice, 0) - 0.5:
            found.targets.append(f"{name}: {what} is {height:.0f} px high")
    for what, size in page.evaluate(TEXTS):
        if size < SMALLEST_TYPE.get(voice, 0):
            found.type_sizes.append(f"{name}: {what} is set in {size:.0f} px")
    page.set_viewport_size({"width": 320, "height": 640})
    if not fits(page) and not page.query_selector(PAPER):
        found.narrow.append(name)
    page.set_viewport_size(DESK)


def axe(page: Page, options: dict[str, Any]) -> list[str]:
    answer = page.evaluate("options => axe.run(document, options)", options)
    return [f"{one['id']} {[node['target'] for node in one['nodes']]}" for one in answer["violations"]]


def test_no_page_has_an_axe_violation_in_either_theme(found: Found) -> None:
    assert found.axe == []
    assert found.pages >= 40


def test_every_page_fits_a_window_of_320_pixels(found: Found) -> None:
    assert found.narrow == []


def test_what_is_pressed_is_as_high_as_its_readers_need(found: Found) -> None:
    assert found.targets == []


def test_no_page_is_set_smaller_than_its_readers_read(found: Found) -> None:
    assert found.type_sizes == []


class Walk:
    """One browser that visits every page, in one language, as everybody whose page it is."""

    def __init__(self, browser: Browser, folder: Path, language: str, *, is_empty: bool = False) -> None:
        store = Store(f"sqlite:///{folder / 'dujuan.db'}", Keyring.fresh())
        SQLModel.metadata.create_all(store.engine)
        self.house: House = a_house(store)
        self.house.closing.set()
        self.app: FastAPI = create_app(self.house)
        self.world: World | None = None
        if is_empty:
            self.people = {"office": the_office(self.app, self.house)}
        else:
            with store.write() as session:
                self.world = make_world(session, self.house)
            self.people = visitors(self.app, self.house, self.world)
        self.files = TestClient(self.app)
        self.language = language
        self.seen: set[str] = set()
        self.visitor: Visitor = next(iter(self.people.values()))
        self.answer: Response | None = None
        self.context = browser.new_context(viewport=DESK, reduced_motion="reduce")
        self.context.add_init_script(path=AXE_FILE_PATH)
        self.page: Page = self.context.new_page()
        self.page.route("**/*", self._answer)

    def __enter__(self) -> "Walk":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()
        self.house.store.dispose()

    def pages(self, when: datetime) -> Iterator[str]:
        """Yield the name of each page while the browser shows it."""
        move_clock(self.house, when)
        for visitor in self.people.values():
            self.visitor = visitor
            self.visitor.client.cookies.set("dj_language", self.language)
            for path, method, reader in _doors(self.app):
                if path in MACHINES or reader not in (visitor.reader, "public"):
                    continue
                if self.world is None and "{" in path:
                    continue
                if method == "POST" and not path.endswith(ANSWERED_BY_A_PAGE):
                    continue
                address = _filled(path, self.world, self.visitor.token) if self.world else path
                self.answer = self._ask(method, address)
                if "text/html" in self.answer.headers.get("content-type", "") and self._is_new():
                    self.page.goto(SITE + address)
                    yield f"{self.visitor.name} {method} {path} {self.answer.status_code}"

    def demonstration(self) -> Iterator[str]:
        """Yield the demonstration's own pages: ready, on the way to another hour, not made yet, failed, taken over."""
        for state, demo in DEMONSTRATIONS.items():
            self.visitor = Visitor("whoever tries it", "demonstration", a_browser(self.house.store, demo))
            self.visitor.client.cookies.set("dj_language", self.language)
            for path in ("/", "/demo/phones", "/demo/phones?q=王", "/demo/phones?q=nobody"):
                self.answer = self._ask("GET", path)
                self.page.goto(SITE + path)
                yield f"{path} of a demonstration that is {state}"

    def _ask(self, method: str, address: str) -> Response:
        form = {"csrf_token": self.visitor.headers.get("x-csrf-token", "")} if method == "POST" else None
        return self.visitor.client.request(method, address, headers=self.visitor.headers, data=form)

    def _is_new(self) -> bool:
        assert self.answer is not None
        shape = " ".join(SHAPE.findall(self.answer.text))
        is_new = shape not in self.seen
        self.seen.add(shape)
        return is_new

    def _answer(self, route: Route) -> None:
        """Give the page that the walk has asked for, or a file; nothing else is there."""
        path = urlsplit(route.request.url)
        if route.request.is_navigation_request() and self.answer is not None:
            route.fulfill(status=200, headers=dict(self.answer.headers), body=self.answer.content)
        elif path.path.startswith("/static/"):
            file = self.files.get(f"{path.path}?{path.query}")
            route.fulfill(status=200, headers=dict(file.headers), body=file.content)
        else:
            route.abort()


def the_office(app: FastAPI, house: House) -> Visitor:
    """A coordinator on her first day."""
    with house.store.write() as session:
        account = accounts.create_account(
            session,
            login="office",
            name="某某",
            role=Role.COORDINATOR,
            password=PASSWORD,
            by="system",
            now=house.real_now(),
            passwords=house.passwords,
        )
        entered = accounts.open_sign_in(session, account_id=account.id or 0, now=house.real_now())
    client = TestClient(app, follow_redirects=False)
    client.cookies.set(cookies.SESSION_NAMES[Role.COORDINATOR], entered.secret)
    return Visitor("office", str(Role.COORDINATOR), client)


DEMONSTRATIONS = {
    "ready": PretendDemo(),
    "on its way to another hour": PretendDemo(going_to=True),
    "not made yet": PretendDemo(is_ready=False),
    "broken": PretendDemo(failed=FAILED),
    "played by whoever tries it": PretendDemo(phone=replace(PHONE, is_taken=True)),
}
DESK: Any = {"width": 1280, "height": 900}
MACHINES = ("/livez", "/livez/{word}", "/readyz", "/healthz/dispatch", "/api/openapi.json", "/static")
PAPER = "html.paper"  # drawn for a sheet of A4, not for a window
SHAPE = re.compile(r"<\w+|(?<=\s)(?:class|role|type|lang)=\"[^\"]*\"|\saria-\w+")
BUTTONS = """[...document.querySelectorAll("main button, main a.button")]
    .filter(e => e.offsetParent).map(e => [e.innerText.slice(0, 20), e.getBoundingClientRect().height])"""
TEXTS = """[...document.querySelectorAll("main *")].filter(e => e.offsetParent
    && !e.closest(".vh, svg") && [...e.childNodes].some(n => n.nodeType === 3 && n.nodeValue.trim()))
    .map(e => [e.innerText.slice(0, 20), parseFloat(getComputedStyle(e).fontSize)])"""
