"""The evening's calls and the sheet for a family's door, with people on them, as they look and as they print."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from escort.db import Store
from escort.journeys import calls
from escort.rota.models import CircleMember
from notifications.sealed import Keyring
from tests.browser.phones import axe_violations, chromium, fits, let_in, served, smallest_target
from tests.builders import NOW, ZONE, a_child
from tests.cast import LIN, the_cast
from tests.escort.journeys.evenings import CALLS, Evening, is_rung, lose_driver
from tests.escort.journeys.rides import TOMORROW, a_ride
from tests.escort.web.coordinator.conftest import Desk, a_desk

pytestmark = pytest.mark.browser

LANGUAGES = ("zh-Hans", "zh-Hant", "en")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def desk(sqlite_template: Path, keyring: Keyring, tmp_path: Path) -> Iterator[Desk]:
    """One family waits, one was told, and one was told something that is no longer true."""
    path = tmp_path / "calls.db"
    path.write_bytes(sqlite_template.read_bytes())
    store = Store(f"sqlite:///{path}", keyring)
    made = a_desk(store, CALLS)
    evening = Evening(store, has_office=True)
    with store.write() as session:
        cast = the_cast(session)
        told, changed = (a_child(session, name, school=cast.school) for name in ("石头", "豆豆"))
        for child in (cast.xiaoyu, told, changed):
            is_rung(session, child)
        a_ride(session, cast.xiaoyu, driver=cast.wang)
        a_ride(session, cast.xiaoyu, driver=cast.wang, direction="home")
        a_ride(session, told, driver=cast.chen)
        ride = a_ride(session, changed, driver=cast.stranger)
        session.add(
            CircleMember(
                child_id=cast.xiaoyu.id, volunteer_id=cast.wang.id or 0, state="known", proposed_at=NOW
            )
        )
    evening.tick()
    with store.write() as session:
        for call in evening.calls().waiting[1:]:
            calls.tell(session, task_ids=call.task_ids, by=LIN, now=CALLS, zone=ZONE)
        lose_driver(session, ride, CALLS)
    evening.tick(CALLS + timedelta(minutes=1))
    made.clock.at = evening.at
    yield made
    store.dispose()


def test_calls_and_sheet_are_clean_in_three_languages_two_themes_and_a_narrow_window(
    desk: Desk, browser: Browser
) -> None:
    with served(desk.client.app) as base:  # type: ignore[arg-type]
        for path in ("/calls", f"/children/1/sheet?week={TOMORROW}"):
            for language in LANGUAGES:
                context = browser.new_context(
                    viewport={"width": 1180, "height": 800}, reduced_motion="reduce"
                )
                let_in(context, desk.client, base)
                page = context.new_page()
                page.goto(f"{base}{path}{'&' if '?' in path else '?'}lang={language}")
                assert axe_violations(page) == [], (path, language)
                page.emulate_media(color_scheme="dark")
                assert axe_violations(page) == [], (path, language, "dark")
                page.set_viewport_size({"width": 320, "height": 700})
                assert fits(page), (path, language)
                if path == "/calls":
                    assert page.locator(".call").count() == 3
                    assert smallest_target(page) >= 36
                context.close()


def test_the_sheet_prints_on_one_upright_page(desk: Desk, browser: Browser) -> None:
    with served(desk.client.app) as base:  # type: ignore[arg-type]
        context = browser.new_context(reduced_motion="reduce")
        let_in(context, desk.client, base)
        page = context.new_page()
        page.goto(f"{base}/children/1/sheet?week={TOMORROW}")
        assert page.locator("tbody").inner_text().count("王师傅") == 2
        printed = page.pdf(prefer_css_page_size=True)

    assert printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") <= 1
    assert b"/MediaBox [0 0 594.95996 841.91998]" in printed or b"/MediaBox [0 0 595" in printed
