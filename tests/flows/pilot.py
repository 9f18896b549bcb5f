"""A pilot without a provider: one office, twelve volunteers, paper and two phones, in a real browser on a virtual clock.

Every message goes by hand: it stands on the office's list until somebody says 已告知. Whoever has one of the two
phones gets the text forwarded and opens its link; the others are rung up, and the office records what they say.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page
from sqlmodel import select

from escort import app as wiring
from escort.access.accounts import issue_setup_link
from escort.db import Store
from escort.demo.people import People
from escort.demo.world import World
from escort.rota.models import Direction, Run, RunState
from escort.settings import Settings
from escort.web.deps import House
from notifications.channels.by_hand import ByHand
from tests.browser.phones import a_phone, chromium, listening, served_at
from tests.escort.roster_book.books import Sheets, a_book, as_xlsx
from tests.flows.village import ZONE, HeapPlans, VirtualClock

DUTY_PHONE = "028 8700 0000"
NAMES = [
    "王建国",
    "陈玉芳",
    "李红梅",
    "赵志强",
    "周大勇",
    "吴秀英",
    "郑文斌",
    "孙小兵",
    "冯丽华",
    "蒋国庆",
    "沈学军",
    "韩春燕",
]
"""The twelve."""


@dataclass(frozen=True)
class Told:
    """One message that the office passed on by hand: when, to whom, what."""

    at: datetime
    who: str
    text: str

    @property
    def path(self) -> str:
        """The path of its link, empty if it has none."""
        found = re.search(r"https?://[^/]+(/[vf]/\S+)", self.text)
        return found[1] if found else ""


@dataclass
class Pilot:
    """The office's desk, two phones, and the clock."""

    house: House
    world: World
    clock: VirtualClock
    browser: Browser
    desk: Page
    film: Path | None
    told: list[Told] = field(default_factory=list)
    phones: dict[str, Page] = field(default_factory=dict)
    _scene: int = 0

    def at(self, on: date, clock: str) -> datetime:
        return datetime.combine(on, datetime.strptime(clock, "%H:%M").time(), ZONE)  # noqa: DTZ007

    def until(self, on: date, clock: str, *, by_hand: bool = True) -> None:
        """Let the time come; the office passes on what stands on its list whenever something is there."""
        self.world.tick()  # what was done at the desk and on the phones since
        self.world.move_to(self.at(on, clock))
        if by_hand:
            self.pass_on()

    def pass_on(self) -> None:
        """Forward what is to be forwarded, ring whom the evening list names, and tick it."""
        self.desk.goto("/today")
        while (row := self.desk.locator("#by-hand li:has(.said)").first).count():
            who, text = row.locator("b").first.inner_text(), row.locator(".said").inner_text()
            self.told.append(Told(self.clock.now(), who, text))
            self.press(row, "已告知")
        self.desk.goto("/calls")
        while (row := self.desk.locator("li.call:not(.call-told)").first).count():
            who, text = row.locator("b").first.inner_text(), row.locator(".said").inner_text()
            self.told.append(Told(self.clock.now(), who, text))
            self.press(row, "已告知")
        self.desk.goto("/today")

    def press(self, where: Page | Locator, name: str) -> None:
        """Press a form's button, wherever it is folded away, and wait for the page that comes back."""
        button = where.get_by_role("button", name=name, include_hidden=True).first
        button.evaluate("one => { const fold = one.closest('details'); if (fold) fold.open = true }")
        page = where if isinstance(where, Page) else where.page
        with page.expect_navigation():
            button.click()

    def note_answer(self, who: str) -> None:
        """Somebody rings: he can. The office writes it down."""
        self.desk.goto("/asks")
        self.press(self.desk.locator("section", has=self.desk.get_by_role("link", name=who)), "能去")

    def note_step(self, step: str) -> None:
        """The driver of this half-day rings with a step, and the office writes it down."""
        now = self.clock.now()
        direction = Direction.TO_SCHOOL if now.hour < NOON else Direction.HOME
        with self.house.store.read() as session:
            run = session.exec(
                select(Run.id).where(
                    Run.on == now.date(), Run.direction == direction, Run.state == RunState.LIVE
                )
            ).one()
        self.desk.goto(f"/rota/runs/{run}")
        self.press(self.desk, step)

    def last_told(self, who: str, having: str = "") -> Told:
        """Return the newest message to somebody, of those that hold these words."""
        return next(one for one in reversed(self.told) if who in one.who and having in one.text)

    def phone_of(self, who: str, **kind: Any) -> Page:
        """Return the phone of one of the two who have one; the link is the newest that was forwarded."""
        if who not in self.phones:
            page = a_phone(self.browser, **kind).new_page()
            page.goto(self.told_link(who))
            page.get_by_role("button", name="这是我的手机").click()
            self.phones[who] = page
        return self.phones[who]

    def told_link(self, who: str) -> str:
        path = next(one.path for one in reversed(self.told) if who in one.who and one.path)
        return f"{self.house.settings.base_url}{path}"

    def scene(self, page: Page, name: str) -> None:
        """Take a picture for the film, in order."""
        if self.film is not None:
            self._scene += 1
            page.screenshot(path=self.film / f"{self._scene:02d}-{name}.png", full_page=page is not self.desk)


@contextmanager
def pilot(store: Store, *, begins: datetime, film: Path | None = None) -> Iterator[Pilot]:
    """Yield an office whose coordinator has just made her account, with the roster of twelve taken over from Excel."""
    with listening() as (socket, base), chromium() as browser, wiring.http_client() as client:
        settings = Settings(base_url=base, database_url=store.url, duty_phone=DUTY_PHONE)
        clock = VirtualClock(begins)
        house = replace(wiring.build_house(settings, store, is_demo=False), clock=clock)
        jobs = wiring.build_jobs(house, client=client)
        jobs.channels = {"by_hand": ByHand()}
        jobs.real_now = clock.now
        world = World(
            jobs=jobs,
            people=People(seed=1, zone=ZONE),
            clock=clock,
            hands=NOBODY,
            plans=HeapPlans(),
        )
        with served_at(wiring.create_app(house), socket):
            context = browser.new_context(
                base_url=base, viewport={"width": 1440, "height": 900}, locale="zh-CN"
            )
            desk = context.new_page()
            here = Pilot(house, world, clock, browser, desk, film)
            make_account(here)
            yield here


def make_account(here: Pilot) -> None:
    with here.house.store.write() as session:
        token = issue_setup_link(session, now=here.clock.now())
    here.desk.goto(f"/setup/{token}")
    fill(
        here.desk, name="林老师", login="lin", phone="19900000001", password="白塔下面有三棵老银杏树，很好看"
    )
    here.desk.get_by_role("button", name="新建账号并登录").click()
    here.desk.wait_for_url("**/today")


def take_over_roster(here: Pilot) -> None:
    here.desk.goto("/import")
    here.desk.set_input_files(
        "#book", {"name": "名册.xlsx", "mimeType": XLSX, "buffer": as_xlsx(the_twelve())}
    )
    here.desk.get_by_role("button", name="看看册子").click()
    here.scene(here.desk, "import")
    here.desk.get_by_role("button", name="导入能用的").click()
    here.desk.get_by_text("导入好了").wait_for()


def the_twelve() -> Sheets:
    """The office's book: one school, one team, twelve volunteers around 唐昌, no child yet."""
    book = a_book(
        学校={
            "学校名称": "银杏特殊教育学校",
            "所在街道": "郫筒街道",
            "纬度": 30.8062,
            "经度": 103.8935,
            "到校时间": "08:30",
            "放学时间": "16:00",
        }
    )
    book["儿童"] = book["儿童"][:1]
    titles = book["志愿者"][0]
    first = dict(zip(titles, book["志愿者"][1], strict=True))
    book["志愿者"] = [titles]
    for number, name in enumerate(NAMES):
        row = first | {
            "姓名": name,
            "性别": "女" if number in WOMEN else "男",
            "手机号": f"1990000{1100 + number}",
            "住址": f"唐昌街道{20 + number}号",
            "纬度": round(30.900 + number / 1000, 4),
            "经度": round(103.838 + number / 1500, 4),
            "车牌号": f"川A1{number:02d}45",
            "颜色": "白黑银灰红蓝"[number % 6],
            "可出车时间": PATTERNS[number % len(PATTERNS)],
        }
        book["志愿者"].append([row[title] for title in titles])
    return book


def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.locator(f"[name={name}]").first.fill(value)


NOON = 12
WOMEN = {1, 2, 5, 8, 11}
PATTERNS = ("工作日均可", "周一、周三、周五", "周二、周四", "工作日均可")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NOBODY: Any = object()
