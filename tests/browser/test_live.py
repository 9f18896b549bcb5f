"""林老师's board keeps itself up to date: what changes in the store is on the screen, and what stops is said."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlmodel import SQLModel

from escort.access import accounts
from escort.cases import service as cases
from escort.cases.models import CaseKind
from escort.db import Store
from notifications.sealed import Keyring
from tests.browser.phones import chromium, served
from tests.builders import NOW, TODAY
from tests.escort.web.coordinator.conftest import Desk, a_desk
from tests.escort.web.coordinator.days import at

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    store = Store(f"sqlite:///{tmp_path / 'dujuan.db'}", Keyring.fresh())
    SQLModel.metadata.create_all(store.engine)
    desk = a_desk(store, NOW)
    desk.clock.at = at(TODAY, "07:41")
    a_case(desk, "leg:1", "小雨还没有接到。")
    return desk


def a_case(desk: Desk, about: str, sentence: str) -> None:
    with desk.house.store.write() as session:
        cases.open_case(
            session,
            kind=CaseKind.STUCK_WORK,
            about=about,
            sentence=sentence,
            now=desk.clock.at,
            needed_by=at(TODAY, "08:00"),
        )


def seated(browser: Browser, desk: Desk, address: str) -> BrowserContext:
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900}, locale="zh-CN")
    context.add_cookies([{"name": "dj_office", "value": desk.client.cookies["dj_office"], "url": address}])
    return context


@pytest.fixture
def page(desk: Desk, browser: Browser) -> Iterator[Page]:
    with served(desk.client.app) as address:
        context = seated(browser, desk, address)
        shown = context.new_page()
        yield shown
        context.close()


def test_a_change_in_the_store_is_on_the_screen_without_a_reload(page: Page, desk: Desk) -> None:
    page.goto("/today")
    expect(page.get_by_text("实时", exact=True)).to_be_visible()
    page.evaluate("window.isTheSamePage = true")

    a_case(desk, "leg:2", "小杰还没有接到。")

    expect(page.get_by_text("小杰还没有接到。")).to_be_visible()
    assert page.evaluate("window.isTheSamePage")
    assert "2 件" in page.inner_text("#live-count")


def test_nothing_moves_under_her_hand(page: Page, desk: Desk) -> None:
    page.goto("/today")
    expect(page.get_by_text("实时", exact=True)).to_be_visible()
    page.locator(".case summary").click()
    page.get_by_label("怎么办好的").fill("打通了")

    a_case(desk, "leg:2", "小杰还没有接到。")

    expect(page.get_by_role("button", name="有 1 件新的")).to_be_visible()
    assert page.locator(".case").count() == 1
    page.get_by_role("button", name="有 1 件新的").click()
    expect(page.locator(".case")).to_have_count(2)
    assert (
        page.get_by_label("怎么办好的").first.input_value() == "打通了"
    )  # it was the first row, and still is


def test_a_server_that_is_gone_is_said_with_the_time_of_the_picture(browser: Browser, desk: Desk) -> None:
    with served(desk.client.app) as address:
        context = seated(browser, desk, address)
        page = context.new_page()
        page.clock.install()
        page.goto("/today")
        page.clock.run_for(1000)
        expect(page.get_by_text("实时", exact=True)).to_be_visible()
    page.clock.run_for(45_000)

    expect(page.get_by_text("这是 07:41 的情况，正在重连")).to_be_visible()
    expect(page.get_by_text("实时", exact=True)).to_be_hidden()
    expect(page.get_by_text("没连上", exact=True)).to_be_visible()
    assert page.locator(".case").count() == 1
    context.close()


def test_whoever_is_signed_out_is_told_so(page: Page, desk: Desk) -> None:
    page.goto("/today")
    expect(page.get_by_text("实时", exact=True)).to_be_visible()

    with desk.house.store.write() as session:
        accounts.end_all_sign_ins(session, account_id=1, by="account:1", now=NOW)

    expect(page.get_by_text("您已经退出，这一页停在 07:41。")).to_be_visible()
    a_case(desk, "leg:2", "小杰还没有接到。")
    page.wait_for_timeout(1500)
    assert page.get_by_text("小杰还没有接到。").count() == 0


def test_without_a_stream_the_page_asks_every_fifteen_seconds(browser: Browser, desk: Desk) -> None:
    with served(desk.client.app) as address:
        context = seated(browser, desk, address)
        page = context.new_page()
        page.route("**/today/live", lambda _route: None)  # a proxy that swallows it
        page.clock.install()
        page.goto("/today")
        a_case(desk, "leg:2", "小杰还没有接到。")
        page.clock.run_for(41_000)

        expect(page.get_by_text("小杰还没有接到。")).to_be_visible()
        expect(page.locator("#live-stale")).to_be_hidden()
        context.close()
