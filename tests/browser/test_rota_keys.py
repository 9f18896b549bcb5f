"""林老师 works through the week without a mouse."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlmodel import SQLModel, select

from escort.db import Store
from escort.rota.models import Direction, Offer, OfferState
from notifications.sealed import Keyring
from tests.browser.phones import chromium, served
from tests.builders import TODAY, a_child
from tests.cast import the_cast
from tests.escort.web.coordinator.conftest import Desk, a_desk
from tests.escort.web.coordinator.days import a_leg, a_run, a_shift

pytestmark = pytest.mark.browser
TOMORROW = TODAY + timedelta(days=1)
WEEK = f"/rota?week={TODAY}&show=all"
FOCUSED = "document.activeElement.innerText.trim().split(/\\s+/)[0]"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """小雨 and 小杰, tomorrow both ways: 王师傅 drives 小雨 there and back, 小杰's way home has nobody."""
    store = Store(f"sqlite:///{tmp_path / 'dujuan.db'}", Keyring.fresh())
    SQLModel.metadata.create_all(store.engine)
    desk = a_desk(store)
    with store.write() as session:
        cast = the_cast(session)
        xiaojie = a_child(session, "小杰", school=cast.school)
        for direction in Direction:
            a_shift(
                session,
                a_run(session, a_leg(session, cast.xiaoyu, on=TOMORROW, direction=direction)),
                cast.wang.id,
            )
        a_shift(session, a_run(session, a_leg(session, xiaojie, on=TOMORROW)), cast.chen.id)
        a_run(session, a_leg(session, xiaojie, on=TOMORROW, direction=Direction.HOME))
    return desk


@pytest.fixture
def page(desk: Desk, browser: Browser) -> Iterator[Page]:
    with served(desk.client.app) as address:
        context = browser.new_context(base_url=address, viewport={"width": 1280, "height": 800})
        context.add_cookies(
            [{"name": "dj_office", "value": desk.client.cookies["dj_office"], "url": address}]
        )
        yield context.new_page()
        context.close()


def press(page: Page, *keys: str) -> str:
    """Press these keys and return what has the focus then."""
    for key in keys:
        page.keyboard.press(key)
    found: str = page.evaluate(FOCUSED)
    return found


def test_the_week_is_one_tab_stop_with_arrows_inside(page: Page) -> None:
    page.goto(WEEK)
    page.locator(".week-frame").focus()

    assert press(page, "Tab") == "小雨"  # the first child; its school is open and has no link
    assert press(page, "ArrowRight") == "王师傅"
    assert press(page, "ArrowDown") == "陈姐"
    assert press(page, "ArrowRight") == "待派"
    assert press(page, "Home") == "小杰"
    assert page.locator(".week").get_attribute("role") == "grid"
    assert page.locator('.week tbody [tabindex="0"]').count() == 1
    page.keyboard.press("Tab")
    assert not page.evaluate("document.querySelector('.week').contains(document.activeElement)")


def test_from_a_hole_to_a_question_and_back(page: Page, desk: Desk) -> None:
    page.goto(WEEK)

    assert press(page, "n") == "待派"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="可以问谁")).to_be_visible()
    page.keyboard.press("1")
    expect(page.get_by_role("status")).to_contain_text("问了")
    page.keyboard.press("u")
    expect(page.get_by_role("status")).to_have_count(0)

    with desk.house.store.read() as session:
        assert session.exec(select(Offer.state)).one() == OfferState.WITHDRAWN
    page.keyboard.press("Escape")
    page.wait_for_url(f"**/rota?week={TODAY - timedelta(days=TODAY.weekday())}")
    assert press(page) == "待派"  # where she was


def test_search_by_key_and_single_keys_that_can_be_turned_off(page: Page) -> None:
    page.goto(WEEK)

    page.keyboard.press("/")
    page.keyboard.type("xj")
    page.keyboard.press("Enter")
    expect(page.locator(".week .who")).to_have_count(1)

    page.get_by_role("button", name="关掉单键快捷键").click()
    page.keyboard.press("n")
    assert page.evaluate("document.activeElement.classList.contains('cell-hole')") is False
    page.reload()
    expect(page.get_by_role("button", name="打开单键快捷键")).to_be_visible()


def test_what_has_the_focus_is_never_under_the_head_or_the_first_column(page: Page, desk: Desk) -> None:
    with desk.house.store.write() as session:
        school = a_child(session, "另一校的孩子").school
        for number in range(30):
            leg = a_leg(session, a_child(session, f"娃{number}", school=school), on=TOMORROW)
            a_run(session, leg)
    page.set_viewport_size({"width": 480, "height": 600})
    page.goto(WEEK)
    page.locator(".week-frame").focus()
    page.keyboard.press("Tab")

    for key in ["ArrowDown"] * 25 + ["ArrowUp"] * 20 + ["ArrowRight"] * 4 + ["ArrowUp"] * 4:
        page.keyboard.press(key)
        assert page.evaluate("""() => {
            const box = document.activeElement.getBoundingClientRect();
            const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
            return document.activeElement.contains(top);
        }"""), key
