"""The gate's tablet: hand over one child, compare words for the next, hold a third."""

from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect
from sqlmodel import select

from escort.cases.models import Case, CaseKind
from escort.cases.service import close_because
from escort.db import Store
from escort.journeys.models import Step, Tap
from escort.rota.models import Shift, ShiftState
from tests.browser.phones import a_phone, axe_violations, chromium, fits, let_in, served, smallest_target
from tests.builders import ZONE
from tests.cast import LIN
from tests.escort.web.visitors import a_shift, a_site, a_wednesday

pytestmark = pytest.mark.browser
DISMISSAL = datetime(2021, 4, 7, 16, 0, tzinfo=ZONE)


def test_guard_compares_words_holds_and_hands_over(store: Store) -> None:
    site, day = a_site(store, DISMISSAL), a_wednesday(store)
    with store.write() as session:
        old = session.get_one(Shift, day.afternoon_shift.id)
        old.state, old.ended_at = ShiftState.FREED, DISMISSAL - timedelta(hours=3)
        session.flush()
        a_shift(session, day.afternoon_run, day.cast.chen, confirmed_at=DISMISSAL - timedelta(hours=3))
    tablet = site.gate(day.cast.school.id or 0)
    with served(site.app) as base, chromium() as browser:
        screen = a_phone(browser, width=1080, height=810, scripts=False)
        let_in(screen, tablet, base)
        page = screen.new_page()
        page.goto(f"{base}/gate")

        page.get_by_role("button", name="看暗号").click()
        expect(page.get_by_text("司机说的，应该是")).to_be_visible()
        page.get_by_role("link", name="收起").click()
        expect(page.get_by_text("司机说的，应该是")).to_have_count(0)

        page.get_by_role("button", name="先不放人", exact=True).click()
        expect(page.get_by_role("status")).to_contain_text("值班的人知道了")

        expect(page.get_by_role("button", name="交接")).to_have_count(0)
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

        page.get_by_role("button", name="交接").click()
        expect(page.get_by_text("已交接", exact=False).first).to_be_visible()

    with store.read() as session:
        assert [case.kind for case in session.exec(select(Case))] == [CaseKind.HELD_AT_GATE]
        assert [tap.step for tap in session.exec(select(Tap))] == [Step.HANDED_OVER]


@pytest.mark.parametrize(("width", "dark"), [(1080, False), (1080, True), (390, False)])
def test_list_is_large_and_clean(store: Store, width: int, dark: bool) -> None:
    site, day = a_site(store, DISMISSAL), a_wednesday(store, known=False)
    tablet = site.gate(day.cast.school.id or 0)
    with served(site.app) as base, chromium() as browser:
        screen = a_phone(browser, width=width, height=810, dark=dark)
        let_in(screen, tablet, base)
        page = screen.new_page()
        page.goto(f"{base}/gate")

        assert axe_violations(page) == []
        assert fits(page)
        assert smallest_target(page) >= 64
