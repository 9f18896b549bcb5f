"""A volunteer's phone: one thumb for the week, one button for the drive, also where there is no signal."""

from datetime import date, datetime, timedelta

import pytest
from playwright.sync_api import Page, Route, expect
from sqlmodel import select

from escort.db import Store
from escort.journeys.models import Step, Tap
from escort.rota.models import Offer, OfferState, Shift, ShiftState
from tests.browser.phones import a_phone, axe_violations, chromium, fits, let_in, served, smallest_target
from tests.builders import ZONE
from tests.escort.web.visitors import Site, Wednesday, a_leg, a_run, a_shift, a_site, a_wednesday, an_ask

pytestmark = pytest.mark.browser


def ask_wang(site: Site, day: Wednesday) -> None:
    with site.store.write() as session:
        shifts = [
            a_shift(
                session,
                a_run(session, a_leg(session, day.cast.xiaoyu, on=date(2021, 4, on))),
                day.cast.wang,
                state=ShiftState.OPEN,
                confirmed_at=None,
            )
            for on in (8, 9, 12)
        ]
        an_ask(session, day.cast.wang, *shifts)


@pytest.mark.parametrize("scripts", [True, False])
def test_yes_to_all_but_one_with_two_taps(store: Store, scripts: bool) -> None:
    site, day = a_site(store), a_wednesday(store)
    ask_wang(site, day)
    with served(site.app) as base, chromium() as browser:
        page = a_phone(browser, scripts=scripts).new_page()
        page.goto(base + site.link(day.wang))

        page.get_by_label("周五上学这趟不行").check(force=True)
        if scripts:
            expect(page.get_by_role("button", name="另外 2 趟能去")).to_be_visible()
        page.locator("button[value=yes]").click()

        expect(page.get_by_role("status").first).to_contain_text("能去：周四上学、周一上学")

    with store.read() as session:
        states = [offer.state for offer in session.exec(select(Offer).order_by(Offer.on))]  # type: ignore[arg-type]
        assert states == [OfferState.ACCEPTED, OfferState.DECLINED, OfferState.ACCEPTED]


def test_whole_drive_with_one_button(store: Store) -> None:
    site, day = a_site(store), a_wednesday(store)
    visitor, address = site.bound(day.wang)
    with served(site.app) as base, chromium() as browser:
        phone = a_phone(browser, scripts=False)
        let_in(phone, visitor, base)
        page = phone.new_page()
        site.clock.at = datetime(2021, 4, 7, 7, 5, tzinfo=ZONE)
        page.goto(f"{base}{address}/run/{day.morning_run.id}")
        for label in ("出发了", "到了，在等小雨", "接到小雨了", "小雨交给老师了"):
            page.get_by_role("button", name=label).click()
            expect(page.get_by_role("button", name="撤销")).to_be_visible()
            site.clock.at += timedelta(minutes=10)
        expect(page.get_by_text("都送到了，谢谢您")).to_be_visible()

    with store.read() as session:
        assert session.get_one(Shift, day.morning_shift.id).state == ShiftState.SERVED


def test_taps_without_signal_are_kept_and_reported_with_their_own_times(store: Store) -> None:
    site, day = a_site(store), a_wednesday(store)
    visitor, address = site.bound(day.wang)
    with served(site.app) as base, chromium() as browser:
        phone = a_phone(browser)
        let_in(phone, visitor, base)
        page = phone.new_page()
        site.clock.at = datetime(2021, 4, 7, 7, 5, tzinfo=ZONE)
        page.goto(f"{base}{address}/run/{day.morning_run.id}")
        phone.set_offline(True)
        page.get_by_role("button", name="出发了").click()
        page.get_by_role("button", name="到了，在等小雨").click()
        expect(page.locator("#waiting")).to_contain_text("2 条")

        fails_at_first(page, "**/taps", times=2)
        phone.set_offline(False)

        expect(page.get_by_role("button", name="接到小雨了")).to_be_visible()
        expect(page.locator("#waiting")).to_be_hidden()

    with store.read() as session:
        taps = session.exec(select(Tap).order_by(Tap.tapped_at)).all()  # type: ignore[arg-type]
        assert [tap.step for tap in taps] == [Step.STARTED, Step.AT_PICKUP]
        assert all(abs(tap.tapped_at - site.clock.at) < timedelta(minutes=1) for tap in taps)


def fails_at_first(page: Page, address: str, times: int) -> None:
    """Let a signal that has just come back fail some more times before it holds."""
    failed: list[str] = []

    def answer(route: Route) -> None:
        if len(failed) < times:
            failed.append(route.request.url)
            route.abort("internetdisconnected")
        else:
            route.continue_()

    page.route(address, answer)


@pytest.mark.parametrize("dark", [False, True])
def test_pages_are_usable_with_a_thumb_and_clean(store: Store, dark: bool) -> None:
    site, day = a_site(store), a_wednesday(store)
    ask_wang(site, day)
    visitor, address = site.bound(day.wang)
    with served(site.app) as base, chromium() as browser:
        phone = a_phone(browser, width=320, dark=dark)
        unbound = phone.new_page()
        unbound.goto(base + address)
        assert axe_violations(unbound) == []
        let_in(phone, visitor, base)
        page = phone.new_page()
        for path in (address, f"{address}/run/{day.morning_run.id}"):
            page.goto(base + path)
            assert axe_violations(page) == []
            assert fits(page)
            assert smallest_target(page) >= 52
