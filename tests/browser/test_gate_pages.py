"""The gate's tablet: bound once, a car found by its plate, words compared, one child handed over and another held."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlmodel import select

from escort.access import gate_devices
from escort.cases.models import Case, CaseKind
from escort.cases.service import close_because
from escort.db import Store
from escort.families.models import Child
from escort.journeys.models import DismissalReport, Step, Tap
from escort.rota.models import Direction, LegState, Shift, ShiftState
from escort.web.coordinator import dismissals
from tests.browser.phones import a_phone, axe_violations, chromium, fits, let_in, served, smallest_target
from tests.builders import ZONE, a_child, a_volunteer
from tests.cast import LIN
from tests.escort.web.visitors import (
    Site,
    Wednesday,
    a_leg,
    a_run,
    a_shift,
    a_site,
    a_wednesday,
    brought_before,
)

pytestmark = pytest.mark.browser
DISMISSAL = datetime(2021, 4, 7, 16, 0, tzinfo=ZONE)
TABLET, PHONE = 1080, 360


@pytest.fixture
def site(store: Store) -> Site:
    site = a_site(store, DISMISSAL)
    site.app.include_router(dismissals.router)
    return site


@pytest.fixture
def day(store: Store) -> Wednesday:
    """小雨 with a replaced driver, 小禾 with a known one at the gate, 团团 whom the family fetches."""
    day = a_wednesday(store)
    with store.write() as session:
        old = session.get_one(Shift, day.afternoon_shift.id)
        old.state, old.ended_at = ShiftState.FREED, DISMISSAL - timedelta(hours=3)
        session.flush()
        a_shift(session, day.afternoon_run, day.cast.chen, confirmed_at=DISMISSAL - timedelta(hours=3))
        for name, plate in (("小禾", "川A3I86Z"), ("团团", "")):
            who = a_child(session, name, school=day.cast.school)
            child = session.get_one(Child, who.id)
            child.full_name, child.grade = f"叶{name}", "一年级"
            leg = a_leg(
                session,
                who,
                direction=Direction.HOME,
                state=LegState.WANTED if plate else LegState.CANCELLED,
            )
            if plate:
                driver = a_volunteer(session, "周敏", plate=plate)
                brought_before(session, who, driver)
                a_shift(session, a_run(session, leg), driver)
    return day


@contextmanager
def the_tablet(
    site: Site, day: Wednesday, *, width: int = TABLET, dark: bool = False, scripts: bool = True
) -> Iterator[tuple[Page, str]]:
    """Yield a page of a bound tablet or phone, and the server's address."""
    bound = site.tablet(day.cast.school.id or 0)
    with served(site.app) as base, chromium() as browser:
        screen = a_phone(browser, width=width, height=810, dark=dark, scripts=scripts)
        let_in(screen, bound, base)
        page = screen.new_page()
        page.goto(f"{base}/gate")
        yield page, base


def first_row(page: Page) -> str:
    return page.locator(".gate-row .gate-child b").first.inner_text()


def test_tablet_is_bound_with_the_keyboard_alone_and_without_a_script(site: Site, day: Wednesday) -> None:
    with site.store.write() as session:
        token = gate_devices.issue_gate_code(
            session, school_id=day.cast.school.id or 0, by=LIN, now=DISMISSAL
        )
    with served(site.app) as base, chromium() as browser:
        page = a_phone(browser, width=TABLET, height=810, scripts=False).new_page()
        page.goto(f"{base}/gate/bind/{token}")

        page.get_by_label("这台放在哪里").focus()
        page.keyboard.type("东门")
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="就用这台")).to_be_focused()
        page.keyboard.press("Enter")

        expect(page.get_by_role("heading", name="银杏特殊教育学校")).to_be_visible()
        expect(page.get_by_text("杨小雨").first).to_be_visible()


def test_guard_compares_words_holds_and_hands_over_without_a_script(
    store: Store, site: Site, day: Wednesday
) -> None:
    with the_tablet(site, day, scripts=False) as (page, base):
        page.get_by_role("button", name="看暗号").click()
        expect(page.get_by_text("司机说的，应该是")).to_be_visible()
        page.get_by_role("link", name="收起").click()
        expect(page.get_by_text("司机说的，应该是")).to_have_count(0)

        page.get_by_role("button", name="先不放人 杨小雨").click()
        expect(page.get_by_role("status").first).to_contain_text("值班的人知道了")
        expect(page.get_by_role("button", name="交接 杨小雨")).to_have_count(0)
        with store.write() as session:
            close_because(
                session,
                kinds=None,
                abouts=[f"leg:{day.afternoon.id}"],
                by=LIN,
                reason="核对过了",
                now=DISMISSAL,
            )
        page.goto(f"{base}/gate")

        page.get_by_role("button", name="交接 杨小雨").click()
        expect(page.get_by_text("已交接", exact=False).first).to_be_visible()

    with store.read() as session:
        assert [case.kind for case in session.exec(select(Case))] == [CaseKind.HELD_AT_GATE]
        assert [tap.step for tap in session.exec(select(Tap))] == [Step.HANDED_OVER]


def test_keys_find_a_car_at_once_and_put_its_row_first(site: Site, day: Wednesday) -> None:
    with the_tablet(site, day) as (page, base):
        before = first_row(page)
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))

        for key in ("8", "9", "0"):
            page.get_by_role("button", name=key, exact=True).click()

        expect(page.locator("#find").get_by_role("status")).to_contain_text("找到 1 辆，排在最前面。")
        assert (before, first_row(page)) == ("叶小禾", "杨小雨")
        expect(page.locator(".gate-row").first).to_contain_text("尾号对上")

        page.get_by_role("button", name="字母").click()
        page.get_by_role("button", name="Z", exact=True).click()
        expect(page.locator("#find").get_by_role("status")).to_contain_text("名单上没有这辆车。不要放人。")
        assert requests == []

        for _ in range(4):
            page.locator("[data-keys]:visible").get_by_role("button", name="删一个").click()
        assert first_row(page) == before
        expect(page.get_by_text("尾号对上").first).to_be_hidden()
        assert page.url == f"{base}/gate"


@pytest.mark.parametrize("width", [TABLET, PHONE])
def test_keys_find_a_car_without_a_script_too(site: Site, day: Wednesday, width: int) -> None:
    with the_tablet(site, day, width=width, scripts=False) as (page, _):
        for key in ("8", "6"):
            page.get_by_role("button", name=key, exact=True).click()
        page.get_by_role("button", name="字母").click()
        page.get_by_role("button", name="Z", exact=True).click()

        expect(page.locator("#find").get_by_role("status")).to_contain_text("找到 1 辆，排在最前面。")
        assert first_row(page) == "叶小禾"

        page.get_by_role("button", name="A", exact=True).click()
        expect(page.locator("#find").get_by_role("status")).to_contain_text("名单上没有这辆车。不要放人。")


@pytest.mark.parametrize("scripts", [True, False])
def test_enter_in_the_field_searches_and_adds_no_key(site: Site, day: Wednesday, scripts: bool) -> None:
    with the_tablet(site, day, scripts=scripts) as (page, _):
        page.get_by_label("看车牌尾号找人").fill("86z")
        page.keyboard.press("Enter")

        expect(page.locator("#find").get_by_role("status")).to_contain_text("找到 1 辆")
        assert first_row(page) == "叶小禾"


def test_word_stands_there_only_while_the_button_is_held(site: Site, day: Wednesday) -> None:
    with the_tablet(site, day) as (page, _):
        button, word = page.get_by_role("button", name="按住看暗号"), page.locator("[data-word]")
        expect(word).to_be_empty()

        button.hover()
        page.mouse.down()
        expect(word).to_have_text(re.compile(r"^\S\S \S\S$"))
        page.mouse.up()
        expect(word).to_be_empty()

        button.focus()
        page.keyboard.down(" ")
        expect(word).to_have_text(re.compile(r"^\S\S \S\S$"))
        page.keyboard.up(" ")
        expect(word).to_be_empty()
        expect(page.get_by_text("司机说的，应该是")).to_have_count(0)  # no page was loaded for it


def test_held_word_without_a_network_says_so(site: Site, day: Wednesday) -> None:
    with the_tablet(site, day) as (page, _):
        page.context.set_offline(True)

        page.get_by_role("button", name="按住看暗号").hover()
        page.mouse.down()

        expect(page.locator("[data-word]")).to_contain_text("没有网，看不了。")


def test_one_press_holds_somebody_who_is_not_on_the_list(store: Store, site: Site, day: Wednesday) -> None:
    with the_tablet(site, day, scripts=False) as (page, _):
        page.get_by_role("button", name="先不放人", exact=True).click()

        expect(page.get_by_role("status").first).to_contain_text("值班的人知道了")

    with store.read() as session:
        (case,) = session.exec(select(Case)).all()
        assert (case.kind, case.is_urgent) == (CaseKind.HELD_AT_GATE, True)


def test_early_dismissal_is_reported_with_the_keyboard_alone(
    store: Store, site: Site, day: Wednesday
) -> None:
    site.clock.at = DISMISSAL - timedelta(hours=6)
    with the_tablet(site, day, scripts=False) as (page, _):
        page.get_by_role("link", name="今天提前放学").press("Enter")
        page.get_by_label("几点放学").fill("11:00")
        page.get_by_label("全校").focus()
        page.keyboard.press("ArrowRight")
        page.get_by_label("为什么").focus()
        page.keyboard.type("停水")
        page.keyboard.press("Enter")

        expect(page.get_by_text("一年级 11:00 提前放学：已报告，等协调员确认。")).to_be_visible()

    with store.read() as session:
        assert session.exec(select(DismissalReport)).one().note == "停水"


def test_sheet_is_one_page_black_on_white_also_on_a_dark_screen(site: Site, day: Wednesday) -> None:
    with the_tablet(site, day, dark=True) as (page, _):
        page.get_by_role("button", name="打印第 1 张").click()
        expect(page.get_by_role("button", name="打印", exact=True)).to_be_visible()

        colours = page.eval_on_selector(
            ".sheet", "e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
        )
        printed = page.pdf(prefer_css_page_size=True, print_background=True)

        assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
        page.emulate_media(media="print")
        expect(page.get_by_role("button", name="打印", exact=True)).to_be_hidden()


LANGUAGES = ("zh-Hans", "zh-Hant", "en")


@pytest.mark.parametrize("width", [TABLET, PHONE])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
def test_gates_pages_are_large_and_clean(
    site: Site, day: Wednesday, language: str, dark: bool, width: int
) -> None:
    with the_tablet(site, day, width=width, dark=dark) as (page, base):
        page.goto(f"{base}/gate?lang={language}&tail=999")  # with data, with no hit
        check(page)
        page.goto(f"{base}/gate?tail=86Z&letters=true")
        check(page)
        page.locator(f"form[action='/gate/legs/{day.afternoon.id}/hold'] button").click()
        check(page)
        page.goto(f"{base}/gate")
        page.locator("form[action='/gate/sheet'] button").click()
        check(page)
        site.clock.at = DISMISSAL - timedelta(hours=6)
        page.goto(f"{base}/gate/early")
        page.locator("#at").fill("17:00")
        page.locator(".gate-big").click()  # with an error
        check(page)
        page.locator("#at").fill("11:00")
        page.locator(".gate-big").click()  # the list is empty, a report waits
        check(page)
        page.goto(f"{base}/gate/early")
        check(page)
        check(bind_page(page.context, site, day, base))


def bind_page(context: BrowserContext, site: Site, day: Wednesday, base: str) -> Page:
    with site.store.write() as session:
        token = gate_devices.issue_gate_code(
            session, school_id=day.cast.school.id or 0, by=LIN, now=site.clock.at
        )
    page = context.new_page()
    page.goto(f"{base}/gate/bind/{token}")
    return page


def check(page: Page) -> None:
    assert axe_violations(page) == [], page.url
    assert fits(page), page.url
    assert (
        smallest_target(page, "main button, main a.button, main input:not([type=hidden]):not([type=radio])")
        >= 64
    )


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
def test_desks_pages_about_the_gate_are_clean(site: Site, day: Wednesday, language: str, dark: bool) -> None:
    site.clock.at = DISMISSAL - timedelta(hours=6)
    site.tablet(day.cast.school.id or 0, "东门").press("/gate/early", at="11:00", note="停水")
    office = site.office()
    with site.store.read() as session:
        report = session.exec(select(DismissalReport)).one()
    with served(site.app) as base, chromium() as browser:
        screen = a_phone(browser, width=1280, height=900, dark=dark)
        let_in(screen, office, base)
        page = screen.new_page()
        page.goto(f"{base}/accounts?lang={language}")
        assert axe_violations(page) == []
        page.locator("form[action$='/code'] button").click()
        assert axe_violations(page) == []
        page.goto(f"{base}/dismissals/{report.id}")
        assert axe_violations(page) == []
        page.locator("form[action$='/refuse'] button").click()  # without a word
        assert axe_violations(page) == []
        page.locator("#answer").fill("司机来不及")
        page.locator("form[action$='/refuse'] button").click()
        page.goto(f"{base}/dismissals/{report.id}")
        assert axe_violations(page) == []
        assert fits(page)
