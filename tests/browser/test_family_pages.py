"""A grandmother's phone, without scripts: she opens the link, says that it is hers, and sees who comes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from sqlmodel import select
from starlette.testclient import TestClient

from escort.cases.models import Case, CaseKind
from escort.db import Store
from escort.rota.models import Leg, LegState
from notifications.sealed import Keyring
from tests.browser.family_states import STATES, PageState
from tests.browser.phones import a_phone, axe_violations, chromium, fits, let_in, served, smallest_target
from tests.escort.web.visitors import a_site, a_wednesday

pytestmark = pytest.mark.browser


def test_grandmother_binds_cancels_tomorrow_and_raises_the_alarm_without_scripts(store: Store) -> None:
    site, day = a_site(store), a_wednesday(store)
    with served(site.app) as base, chromium() as browser:
        page = a_phone(browser, width=320, scripts=False).new_page()
        page.goto(base + site.link(day.grandmother))
        assert page.get_by_text("王师傅").count() == 0

        page.get_by_role("button", name="这是我的手机").click()
        assert "王师傅来接小雨" in page.locator("h1").inner_text().replace("\n", "")
        assert page.get_by_role("button", name="念给我听").count() == 0  # needs a script: not there

        page.get_by_role("link", name="明天不用接").click()
        page.get_by_label("明天早上不用接小雨去学校").uncheck()
        page.get_by_label("明天下午不用送小雨回家").check()
        page.get_by_role("button", name="就这样，不用接").click()
        assert "王师傅来接小雨" in page.locator("h1").inner_text().replace("\n", "")

        page.get_by_role("button", name="不是这个人").click()
        assert "不要把孩子交给他" in page.locator("h1").inner_text()

    with store.read() as session:
        assert session.get_one(Leg, day.morning.id).state == LegState.WANTED
        assert session.get_one(Leg, day.afternoon.id).state == LegState.CANCELLED
        assert [case.kind for case in session.exec(select(Case))] == [CaseKind.WRONG_PERSON]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def district(sqlite_template: Path, keyring: Keyring, tmp_path: Path) -> Iterator[Store]:
    """A store on a file: what a page looks like does not depend on the database."""
    path = tmp_path / "family.db"
    path.write_bytes(sqlite_template.read_bytes())
    store = Store(f"sqlite:///{path}", keyring)
    yield store
    store.dispose()


@contextmanager
def a_family_at(district: Store, state: PageState) -> Iterator[tuple[TestClient | None, str]]:
    """Serve the day in this state; yields the family's phone, where it is bound, and the address to open."""
    site, day = a_site(district, state.at), a_wednesday(district)
    with district.write() as session:
        state.prepare(session, day)
    phone = site.bound(day.grandmother)[0] if state.bound else None
    with served(site.app) as base:
        yield phone, base + site.link(day.grandmother) + state.path


def opened(context: BrowserContext, phone: TestClient | None, address: str, state: PageState) -> Page:
    if phone is not None:
        let_in(context, phone, address)
    page = context.new_page()
    page.goto(address)
    if state.posts:
        page.locator(f'form[action$="{state.posts}"] button').first.click()
    return page


def sizes(page: Page) -> list[float]:
    """The sizes of whatever is written in the main part."""
    found: list[float] = page.eval_on_selector_all(
        "main *", "all => all.filter(e => e.innerText).map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    return found


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_each_state_is_clean_in_three_languages_and_two_themes(
    district: Store, browser: Browser, state: PageState
) -> None:
    with a_family_at(district, state) as (phone, address):
        for language in ("zh-Hans", "zh-Hant", "en"):
            context = a_phone(browser)
            page = opened(context, phone, f"{address}?lang={language}", state)
            assert axe_violations(page) == [], language
            page.emulate_media(color_scheme="dark")
            assert axe_violations(page) == [], f"{language}, dark"
            assert page.eval_on_selector("body", "e => getComputedStyle(e).backgroundColor") == DARK_PAPER
            context.close()


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_each_state_is_large_and_fits_a_narrow_phone_without_scripts_and_with_larger_letters(
    district: Store, browser: Browser, state: PageState
) -> None:
    with a_family_at(district, state) as (phone, address):
        for language in ("zh-Hans", "en"):
            context = a_phone(browser, width=320, scripts=False)
            page = opened(context, phone, f"{address}?lang={language}", state)
            assert fits(page), language
            assert smallest_target(page, PRESSED) >= 68
            assert min(sizes(page)) >= 18
            assert page.eval_on_selector("body", "e => parseFloat(getComputedStyle(e).fontSize)") == 22
            assert page.locator("#read-aloud:visible").count() == 0  # needs a script
            page.evaluate(LARGER)  # WeChat's 关怀模式: every size by 1.4
            assert fits(page), f"{language}, 1.4 times"
            context.close()


def test_the_page_that_asks_a_second_phone_for_a_code_is_clean_and_large(
    district: Store, browser: Browser
) -> None:
    site, day = a_site(district), a_wednesday(district)
    site.bound(day.grandmother)
    with served(site.app) as base:
        page = a_phone(browser, width=320).new_page()
        page.goto(base + site.link(day.grandmother))
        page.get_by_role("button", name="这是我的手机").click()

        assert page.get_by_label("6 位数验证码").bounding_box()["height"] >= 68  # type: ignore[index]
        assert smallest_target(page, PRESSED) >= 68
        assert fits(page)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            assert axe_violations(page) == [], scheme


def test_the_page_reads_itself_aloud_in_words_for_the_ear(district: Store, browser: Browser) -> None:
    state = next(one for one in STATES if one.name == "going-home")
    with a_family_at(district, state) as (phone, address):
        context = a_phone(browser)
        context.add_init_script(SPOKEN)
        page = opened(context, phone, address, state)
        page.get_by_role("button", name="念给我听").click()
        [said] = page.evaluate("window.said")

    assert said["rate"] == 0.85
    assert said["lang"] == "zh-CN"
    words = "".join(said["text"].split())
    assert words.startswith("小雨上车了，王师傅送回家。下午4点35左右到家。白色长安欧尚，车牌川A12345。暗号是")
    assert words.endswith("请司机先说，您来对。对不上，不交接，马上打电话。")
    assert "川 A 1 2 3 4 5" in said["text"]


def test_without_a_voice_the_button_is_not_there(district: Store, browser: Browser) -> None:
    state = next(one for one in STATES if one.name == "confirmed")
    with a_family_at(district, state) as (phone, address):
        context = a_phone(browser)
        context.add_init_script("delete window.speechSynthesis")
        page = opened(context, phone, address, state)
        assert page.get_by_role("button", name="念给我听").count() == 0


def test_the_whole_page_is_light(district: Store, browser: Browser) -> None:
    """All that a family's phone fetches for it, as it comes over the line."""
    state = next(one for one in STATES if one.name == "going-home")
    with a_family_at(district, state) as (phone, address):
        page = opened(a_phone(browser), phone, address, state)
        fetched = page.evaluate(
            "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
            ".map(one => [one.name.split('/').pop().split('?')[0].slice(0, 12), one.transferSize])"
        )

    assert sum(size for _, size in fetched) <= 30 * 1024, fetched
    assert not [name for name, _ in fetched if name.endswith(".css")]


def test_the_family_says_on_the_page_that_its_child_is_at_home(district: Store, browser: Browser) -> None:
    state = next(one for one in STATES if one.name == "reported")
    with a_family_at(district, state) as (phone, address):
        page = opened(a_phone(browser, width=320, scripts=False), phone, address, state)
        assert "司机报已送到" in page.locator(".status").first.inner_text()

        page.get_by_role("button", name="小雨到家了").click()

        assert "小雨到家了" in page.locator("h1").inner_text()
        assert "已送达" in page.locator(".status").first.inner_text()


PRESSED = "main button:visible, main a.button:visible, main label.pick:visible, main a.back:visible"
DARK_PAPER = "rgb(18, 24, 22)"
LARGER = """() => {
  const all = [...document.querySelectorAll('body, body *')];
  const sizes = all.map(one => parseFloat(getComputedStyle(one).fontSize));
  all.forEach((one, n) => { one.style.fontSize = sizes[n] * 1.4 + 'px'; });
}"""
SPOKEN = """
window.said = [];
window.SpeechSynthesisUtterance = function (text) { this.text = text; };
Object.defineProperty(window, 'speechSynthesis', { value: {
  cancel() {}, speak(one) { window.said.push({ text: one.text, rate: one.rate, lang: one.lang }); } } });
"""
