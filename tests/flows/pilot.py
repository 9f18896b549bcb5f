"""A pilot without a provider: one office, twelve volunteers, paper and two phones, in a real browser on a virtual clock.

Every message goes by hand: it stands on the office's list until somebody says 已告知. Whoever has one of the two
phones gets the text forwarded and opens its link; the others are rung up, and the office records what they say.
"""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import APIResponse, Browser, Locator, Page
from sqlmodel import col, select

from escort import app as wiring
from escort.access.accounts import issue_setup_link
from escort.db import Store
from escort.demo.people import People
from escort.demo.world import World
from escort.roster.models import Volunteer
from escort.rota.models import Direction, Run, RunLeg, RunState, Shift, ShiftState
from escort.settings import Settings
from escort.web.deps import House
from notifications.channels.by_hand import ByHand
from tests.browser.phones import a_phone, chromium, listening, served_at
from tests.escort.roster_book.books import Sheets, a_book, as_xlsx
from tests.flows.pilot_oracle import promise_of, untrue_words
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
        found = re.search(r"https?://[^/]+(/[vft]/\S+)", self.text)
        return found[1] if found else ""


@dataclass(frozen=True)
class Deed:
    """What somebody did, and which words of the product had asked for it."""

    at: datetime
    who: str
    what: str
    because: str  # a message that was passed on, or the page that he had before him


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
    untrue: list[str] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
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

    def evening(self, on: date) -> None:
        """The calls of half past five, and what stands on the list later."""
        self.until(on, "17:35")
        self.until(on, "20:30")

    def read(self, path: str) -> str:
        """Return a page of the office's, without drawing it."""
        answer = self.desk.request.get(f"{self.house.settings.base_url}{path}")
        assert answer.ok, f"{path}: {answer.status}"
        return answer.text()

    def post(self, path: str, **form: str | float | bool) -> APIResponse:
        """Send one of the office's forms, and let the page come back."""
        token = CSRF.search(self.read("/month"))
        assert token is not None
        answer = self.desk.request.post(
            f"{self.house.settings.base_url}{path}", form={**form, "csrf_token": token[1]}
        )
        assert answer.ok, f"{path}: {answer.status} {answer.text()}"
        return answer

    def pass_on(self) -> None:
        """Forward what is to be forwarded, ring whom the evening list names, and tick it."""
        while rows := HAND.findall(self.read("/today")):
            for number, row in rows:
                self._hear(row)
                self.post(f"/hand/{number}/done")
        for row in CALL.findall(self.read("/calls")):
            self._hear(row)
            self.post("/calls/told", task=re.findall(r'name="task" value="(\d+)"', row)[0])

    def _hear(self, row: str) -> None:
        who, text = (html.unescape(found[1]) for found in (WHO.search(row), SAID.search(row)) if found)
        told = Told(self.clock.now(), who, text)
        self.told.append(told)
        with self.house.store.read() as session:
            self.untrue += untrue_words(session, text, who=who, now=told.at)

    def press(self, where: Page | Locator, name: str) -> None:
        """Press a form's button, wherever it is folded away, and wait for the page that comes back."""
        button = where.get_by_role("button", name=name, include_hidden=True).first
        button.evaluate("one => { const fold = one.closest('details'); if (fold) fold.open = true }")
        page = where if isinstance(where, Page) else where.page
        with page.expect_navigation():
            button.click()

    def note_answer(self, who: str, *, yes: bool = True) -> None:
        """Somebody who was asked rings: he can, or he cannot. The office writes it down."""
        asked = next(told for told in reversed(self.told) if told.who == who and ASKED.search(told.text))
        found = re.search(rf'">{who}</a></h2>.*?action="(/asks/\d+/told)"', self.read("/asks"), re.S)
        assert found is not None, f"nobody waits for {who}"
        self.post(found[1], answer="yes" if yes else "no")
        self._did(who, "yes" if yes else "no", asked.text)

    def all_can(self) -> None:
        """Everybody who was asked rings back and can."""
        while waiting := re.findall(r'<h2 id="ask-\d+"><a [^>]*>(.*?)</a>', self.read("/asks")):
            self.note_answer(waiting[0])

    def note_step(self, step: str) -> None:
        """The driver of this half-day rings with a step, and the office writes it down."""
        now = self.clock.now()
        direction = Direction.TO_SCHOOL if now.hour < NOON else Direction.HOME
        with self.house.store.read() as session:
            run, leg, driver = session.exec(
                select(Run.id, RunLeg.leg_id, Volunteer.name)
                .join(RunLeg, (col(RunLeg.run_id) == col(Run.id)) & col(RunLeg.is_live))
                .join(Shift, col(Shift.run_id) == col(Run.id))
                .join(Volunteer, col(Volunteer.id) == col(Shift.volunteer_id))
                .where(
                    Run.on == now.date(),
                    Run.direction == direction,
                    Run.state == RunState.LIVE,
                    col(Shift.state).in_((ShiftState.CONFIRMED, ShiftState.SERVED)),
                )
            ).one()
        half = "上学" if direction == Direction.TO_SCHOOL else "放学"
        due = (told for told in reversed(self.told) if told.who == driver and names(told, now.date(), half))
        self.post(f"/legs/{leg}/step", step=step, run=str(run))
        self._did(driver, step, next(due).text)

    def _did(self, who: str, what: str, because: str) -> None:
        self.deeds.append(Deed(self.clock.now(), who, what, because))

    def tap(self, who: str, button: str) -> None:
        """Press a button on a phone: the page before the eyes asks for it."""
        phone = self.phones[who]
        self._did(who, button, phone.url)
        self.press(phone, button)

    def drive(self, on: date, *ways: tuple[str, str, str]) -> None:
        """Let the drivers ring with their three steps: (out, aboard, there) of each way."""
        for way in ways:
            for clock, step in zip(way, STEPS, strict=True):
                self.until(on, clock)
                self.note_step(step)

    def asked_since(self, on: date, clock: str) -> list[str]:
        """Return who was asked to stand in since then, in order."""
        return [told.who for told in self.told if told.at >= self.at(on, clock) and "先答应的去" in told.text]

    def driver_of(self, on: date, direction: Direction) -> str:
        """Return who has promised a half-day; "" if nobody has."""
        with self.house.store.read() as session:
            held = promise_of(session, on, direction)
        return held.name if held else ""

    def run_of(self, on: date, direction: Direction) -> int:
        with self.house.store.read() as session:
            found = session.exec(
                select(Run.id).where(Run.on == on, Run.direction == direction, Run.state == RunState.LIVE)
            ).one()
        return found or 0

    def gate_paper(self) -> str:
        """Print the gate's list at the office, and read what the guard reads."""
        return self.post("/accounts/gates/1/sheet").text()

    def last_told(self, who: str, having: str = "") -> Told:
        """Return the newest message to somebody, of those that hold these words."""
        return next(one for one in reversed(self.told) if who in one.who and having in one.text)

    def phone_of(self, who: str, purpose: str = "f", **kind: Any) -> Page:
        """Return the phone of one of the two who have one; the link is the newest that was forwarded."""
        if who not in self.phones:
            page = a_phone(self.browser, **kind).new_page()
            page.goto(self.told_link(who, purpose))
            self.phones[who] = page
            self.tap(who, "这是我的手机")
        return self.phones[who]

    def told_link(self, who: str, purpose: str) -> str:
        path = next(
            one.path for one in reversed(self.told) if who in one.who and one.path.startswith(f"/{purpose}/")
        )
        return f"{self.house.settings.base_url}{path}"

    def scene(self, page: Page, name: str) -> None:
        """Take a picture for the film, in order."""
        if self.film is not None:
            self._scene += 1
            page.screenshot(path=self.film / f"{self._scene:02d}-{name}.png", full_page=page is not self.desk)


def names(told: Told, on: date, half: str) -> bool:
    """Whether a message is about this day's half: by its date, or as today or tomorrow."""
    day = {0: "今天", 1: "明天"}.get((on - told.at.astimezone(ZONE).date()).days)
    dated = f"{on.month}月{on.day}日"
    return half in told.text and (dated in told.text or (day is not None and day in told.text))


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
STEPS = ("started", "on_board", "delivered")
CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
HAND = re.compile(r'<li class="stack-tight" data-row="hand-(\d+)">(.*?)</li>', re.S)
CALL = re.compile(r'<li class="call">(.*?)</li>', re.S)
WHO = re.compile(r"<b>(.*?)</b>", re.S)
SAID = re.compile(r'<p class="said">(.*?)</p>', re.S)
ASKED = re.compile("能去回1|不用回")
WOMEN = {1, 2, 5, 8, 11}
PATTERNS = ("工作日均可", "周一、周三、周五", "周二、周四", "工作日均可")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NOBODY: Any = object()
