"""林老师 carries a driver to another cell and takes it back, asks why, publishes; 王师傅 says no, and the repair is seen."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlmodel import SQLModel, col, select

from escort.access.links import issue_link
from escort.access.models import Purpose
from escort.db import Store
from escort.families.models import BarredPerson
from escort.roster.models import Volunteer
from escort.rota import asks, standins
from escort.rota.models import Offer, PlanRecord, Run, Shift, ShiftState
from escort.web.volunteer import routes as volunteer_pages
from notifications.sealed import Keyring
from tests.browser.phones import a_phone, axe_violations, chromium, served
from tests.builders import NOW, TODAY, ZONE, a_child, a_volunteer
from tests.cast import Cast, the_cast
from tests.escort.rota.weeks import links
from tests.escort.web.coordinator.conftest import Desk, a_desk
from tests.escort.web.coordinator.days import a_leg, a_run, a_shift

pytestmark = pytest.mark.browser
THURSDAY = TODAY + timedelta(days=2)
WEEK = f"/rota?week={TODAY}&show=all"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    store = Store(f"sqlite:///{tmp_path / 'dujuan.db'}", Keyring.fresh())
    SQLModel.metadata.create_all(store.engine)
    desk = a_desk(store)
    cast(FastAPI, desk.client.app).include_router(volunteer_pages.router)
    return desk


@pytest.fixture
def cast_of(desk: Desk) -> Cast:
    """A draft for Thursday morning: 王师傅 drives 小雨, 陈姐 drives 小杰."""
    with desk.house.store.write() as session:
        people = the_cast(session)
        plan = PlanRecord(
            from_on=date(2021, 4, 5),
            until_on=date(2021, 4, 11),
            made_at=NOW,
            seed=1,
            legs=2,
            uncovered=0,
            proven_uncovered=0,
            seconds=0.1,
        )
        session.add(plan)
        session.flush()
        xiaojie = a_child(session, "小杰", school=people.school)
        for child, driver in ((people.xiaoyu, people.wang), (xiaojie, people.chen)):
            shift = a_shift(
                session, a_run(session, a_leg(session, child, on=THURSDAY)), driver.id, ShiftState.DRAFT
            )
            shift.plan_id = plan.id
            session.add(shift)
        return people


@pytest.fixture
def context(desk: Desk, browser: Browser) -> Iterator[BrowserContext]:
    with served(desk.client.app) as address:
        context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 1000})
        cookie: Any = {"name": "dj_office", "value": desk.client.cookies["dj_office"], "url": address}
        context.add_cookies([cookie])
        yield context
        context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def drivers(desk: Desk) -> list[str]:
    """Who drives 小雨 and 小杰, by name."""
    with desk.house.store.read() as session:
        rows = session.exec(
            select(Volunteer.name)
            .join(Shift, col(Shift.volunteer_id) == col(Volunteer.id))
            .where(col(Shift.ended_at).is_(None))
            .order_by(col(Shift.run_id))
        )
        return list(rows)


def test_a_driver_is_carried_to_another_cell_the_cost_is_seen_and_it_is_taken_back(
    page: Page, desk: Desk, cast_of: Cast
) -> None:
    page.goto(WEEK)

    page.locator(".cell", has_text="陈姐").drag_to(page.locator(".cell", has_text="王师傅"))

    trial = page.locator("#trial")
    expect(trial.get_by_role("heading")).to_have_text("试一试：陈姐代替王师傅")
    expect(trial).to_contain_text("合起来和现在一样")
    assert drivers(desk) == ["王师傅", "陈姐"]  # nothing is done by letting go
    assert axe_violations(page) == []

    trial.get_by_role("button", name="就这样改").click()
    expect(page.locator(".toast")).to_contain_text("改好了，还没告诉任何人。")
    assert drivers(desk) == ["陈姐", "王师傅"]

    page.get_by_role("button", name="撤销").click()
    expect(page.locator(".toast")).to_have_count(0)
    assert drivers(desk) == ["王师傅", "陈姐"]


def test_the_same_by_keyboard(page: Page, desk: Desk, cast_of: Cast) -> None:
    page.goto(WEEK)
    page.locator(".cell", has_text="陈姐").focus()

    page.keyboard.press("m")
    expect(page.locator(".is-carried")).to_contain_text("陈姐")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("m")
    expect(page.locator("#trial")).to_contain_text("陈姐代替王师傅")

    page.locator("#trial").get_by_role("button", name="就这样改").press("Enter")
    expect(page.locator(".toast")).to_be_visible()
    assert drivers(desk) == ["陈姐", "王师傅"]
    page.keyboard.press("u")
    expect(page.locator(".toast")).to_have_count(0)
    assert drivers(desk) == ["王师傅", "陈姐"]


def test_ask_why_publish_and_see_the_repair_when_a_volunteer_says_no_on_the_phone(
    page: Page, desk: Desk, cast_of: Cast, browser: Browser, context: BrowserContext
) -> None:
    """Nobody may drive 小雨 now but 陈姐, and she drives 小杰, whom 李师傅 could take over."""
    page.goto(WEEK)
    page.locator(".cell", has_text="王师傅").click()
    page.get_by_label("为什么不是").fill("陈姐")
    page.get_by_label("为什么不是").press("Enter")
    expect(page.locator("#panel")).to_contain_text("陈姐")
    expect(page.locator("#panel .why").first).to_contain_text("开得了")

    page.get_by_role("link", name="关上").click()
    page.get_by_role("link", name="公布").click()
    page.get_by_role("button", name="公布").click()
    page.wait_for_url("**/rota?week=*")
    with desk.house.store.write() as session:
        asks.send_asks(session, now=desk.clock.at, zone=ZONE, links=links)
        for shift in session.exec(select(Shift).where(Shift.volunteer_id == cast_of.chen.id)):
            shift.state, shift.confirmed_at = ShiftState.CONFIRMED, desk.clock.at
        li = a_volunteer(session, "李师傅").id or 0
        session.add(BarredPerson(child_id=cast_of.xiaoyu.id, name="李师傅", volunteer_id=li, created_at=NOW))
        token = issue_link(
            session, subject=f"volunteer:{cast_of.wang.id}", purpose=Purpose.VOLUNTEER, now=desk.clock.at
        )

    phone = a_phone(browser).new_page()
    phone.goto(f"{page.url.split('/rota')[0]}/v/{token}")
    phone.locator("button[value=no]").click()
    expect(phone.get_by_role("status").first).to_be_visible()
    with desk.house.store.write() as session:
        standins.search(session, on=THURSDAY, now=desk.clock.at, zone=ZONE, links=links)

    with desk.house.store.read() as session:
        run_id = session.exec(select(Run.id).order_by(col(Run.id))).first()
    page.goto(f"/rota/runs/{run_id}")
    expect(page.get_by_role("heading", name="怎么补上")).to_be_visible()
    expect(page.locator("#repairs")).to_contain_text("至少要动 1 趟别的车，已经算到底。")
    page.get_by_role("button", name="陈姐肯换：去问李师傅").click()
    page.wait_for_url(f"**/rota/runs/{run_id}")
    with desk.house.store.read() as session:
        assert session.exec(select(Offer.volunteer_id).order_by(col(Offer.id).desc())).first() == li
        assert drivers(desk) == ["陈姐"]  # she keeps her turn until he has said yes
