"""林老师 at her desk, in a real browser: each walk ends in a state read back from the store."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from sqlmodel import SQLModel, select

from escort.cases import service as cases
from escort.cases.models import Case, CaseKind, CaseState
from escort.db import Store
from escort.families.models import Child
from escort.rota.models import Direction, PlanRecord, PlanState, Shift, ShiftState
from notifications.sealed import Keyring
from tests.browser.phones import axe_violations, chromium, fits, served
from tests.builders import NOW, TODAY
from tests.cast import the_cast
from tests.escort.web.coordinator.conftest import Desk, a_desk
from tests.escort.web.coordinator.days import a_leg, a_run, a_shift, at

pytestmark = pytest.mark.browser

TOMORROW = TODAY + timedelta(days=1)
PAGES = (
    "/today",
    "/rota?week=2021-04-07&show=all",
    "/rota/runs/2",
    "/rota/publish?week=2021-04-07",
    "/children",
    "/children/new",
    "/children/1",
    "/children/1/complete",
    "/children/1/edit",
    "/volunteers",
    "/volunteers/1",
    "/volunteers/1/edit",
    "/calendar",
    "/sign-in",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def lived_in(tmp_path: Path) -> Desk:
    """Tomorrow morning: one child's driver is silent, the way home has nobody, Thursday is a draft."""
    store = Store(f"sqlite:///{tmp_path / 'dujuan.db'}", Keyring.fresh())
    SQLModel.metadata.create_all(store.engine)
    desk = a_desk(store, NOW)
    with store.write() as session:
        cast = the_cast(session)
        morning = a_run(session, a_leg(session, cast.xiaoyu, on=TOMORROW))
        shift = a_shift(session, morning, cast.wang.id)
        home = a_run(session, a_leg(session, cast.xiaoyu, on=TOMORROW, direction=Direction.HOME))
        thursday = a_run(session, a_leg(session, cast.xiaoyu, on=TOMORROW + timedelta(days=1)))
        morning.published_at = home.published_at = NOW
        plan = PlanRecord(
            from_on=TOMORROW,
            until_on=TOMORROW + timedelta(days=4),
            made_at=NOW,
            seed=1,
            legs=1,
            uncovered=0,
            proven_uncovered=0,
            seconds=0.1,
        )
        session.add(plan)
        session.flush()
        a_shift(session, thursday, cast.chen.id, ShiftState.DRAFT).plan_id = plan.id
        cases.open_case(
            session,
            kind=CaseKind.NOT_DEPARTED,
            about=f"shift:{shift.id}",
            sentence="姓王的司机还没有出发。",
            now=NOW,
            needed_by=at(TOMORROW, "07:40"),
        )
        cases.open_case(
            session,
            kind=CaseKind.NO_DRIVER,
            about=f"run:{home.id}",
            sentence="小雨放学没有人接。",
            now=NOW,
            needed_by=at(TOMORROW, "16:00"),
        )
    desk.clock.at = at(TOMORROW, "07:31")
    return desk


@pytest.fixture
def page(lived_in: Desk, browser: Browser) -> Iterator[Page]:
    with served(lived_in.client.app) as address:
        context = browser.new_context(
            base_url=address, viewport={"width": 1440, "height": 900}, locale="zh-CN", reduced_motion="reduce"
        )
        context.add_cookies(
            [{"name": "dj_office", "value": lived_in.client.cookies["dj_office"], "url": address}]
        )
        shown = context.new_page()
        shown.set_default_timeout(10_000)
        yield shown
        context.close()


def test_she_takes_a_case_and_closes_it_with_a_reason(page: Page, lived_in: Desk) -> None:
    page.goto("/today")
    assert "2 件急事" in page.inner_text("h1")

    row = page.locator(".case").first
    row.get_by_role("button", name="我来接手").click()
    page.locator(".case").first.locator("summary").click()
    page.get_by_label("怎么办好的").first.fill("打通了，他在路上")
    page.get_by_role("button", name="结案").first.click()
    page.wait_for_url("**/today")

    with lived_in.house.store.read() as session:
        case = session.exec(select(Case).where(Case.kind == CaseKind.NOT_DEPARTED)).one()
    assert (case.state, case.acknowledged_by, case.close_reason) == (
        CaseState.CLOSED,
        "account:1",
        "打通了，他在路上",
    )


def test_she_fills_a_hole_from_the_board(page: Page, lived_in: Desk) -> None:
    page.goto("/today")
    page.get_by_role("link", name="看谁能去").click()
    page.get_by_role("button", name="问 陈姐").click()
    page.locator("summary", has_text="记一个电话里的回答").click()
    page.get_by_role("button", name="能去", exact=True).click()
    page.wait_for_selector("text=电话里说能去")

    with lived_in.house.store.read() as session:
        shift = session.exec(select(Shift).where(Shift.run_id == 2)).one()
    assert (shift.state, shift.volunteer_id) == (ShiftState.CONFIRMED, 2)


def test_she_publishes_the_draft(page: Page, lived_in: Desk) -> None:
    page.goto("/rota?week=2021-04-07")
    page.get_by_role("link", name="公布").click()
    page.get_by_role("button", name="公布 1 趟").click()
    page.wait_for_url("**/rota?week=2021-04-05")

    with lived_in.house.store.read() as session:
        assert session.exec(select(PlanRecord.state)).one() == PlanState.PUBLISHED
        assert session.exec(select(Shift.state).where(Shift.run_id == 3)).one() == ShiftState.OPEN


def test_she_sets_up_a_child_with_the_verdict_coming_alive(page: Page, lived_in: Desk) -> None:
    page.goto("/children/new")
    page.get_by_label("1 小名").fill("小禾")
    page.get_by_label("2 学校").select_option("1")
    page.get_by_label("3 接的地方").fill("家门口 30.9071,103.8402")
    page.get_by_label("5 谁收消息").fill("杨桂芳")
    page.wait_for_selector("text=每趟都有替班")  # nothing was pressed
    page.get_by_label("6 手机").fill("199 0000 0177")
    page.get_by_role("button", name="存好，去填姓名和同意书").click()
    page.get_by_label("全名").fill("杨小禾")
    page.get_by_label("出生日期").fill("2012-05-08")
    page.get_by_label("同意书哪天签的").fill("2021-04-07")
    page.get_by_role("button", name="存好").click()
    page.wait_for_url("**/children/2")

    with lived_in.house.store.read() as session:
        child = session.get_one(Child, 2)
    assert (child.short_name, child.full_name) == ("小禾", "杨小禾")
    assert "在排" in page.inner_text("h1")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_an_axe_violation_or_scrolls_sideways(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    found: list[str] = []
    for path in PAGES:
        for width in (1440, 1024):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(path)
            if not fits(page):
                found.append(f"{path} at {width} px scrolls sideways")
        found += [f"{path}: {violation}" for violation in axe_violations(page)]

    assert found == []


def test_pages_send_nothing_that_the_policy_blocks(page: Page) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))

    for path in PAGES:
        page.goto(path)

    assert said == []
