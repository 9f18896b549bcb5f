"""A grandmother's phone, without scripts: she opens the link, says that it is hers, and sees who comes."""

from datetime import timedelta

import pytest
from sqlmodel import select

from escort.cases.models import Case, CaseKind
from escort.db import Store
from escort.rota.models import Leg, LegState
from tests.browser.phones import a_phone, axe_violations, chromium, fits, served, smallest_target
from tests.builders import NOW
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


@pytest.mark.parametrize("dark", [False, True])
def test_pages_are_large_and_clean(store: Store, dark: bool) -> None:
    site, day = a_site(store, NOW + timedelta(minutes=1)), a_wednesday(store)
    with served(site.app) as base, chromium() as browser:
        page = a_phone(browser, width=320, dark=dark).new_page()
        address = base + site.link(day.grandmother)
        for step in ("unbound", "bound", "cancel"):
            if step == "unbound":
                page.goto(address)
            elif step == "bound":
                page.get_by_role("button", name="这是我的手机").click()
            else:
                page.goto(f"{address}/cancel")
            assert axe_violations(page) == []
            assert fits(page)
            assert smallest_target(page) >= 68
            sizes = page.eval_on_selector_all(
                "main *",
                "all => all.filter(e => e.innerText).map(e => parseFloat(getComputedStyle(e).fontSize))",
            )
            assert min(sizes) >= 18
