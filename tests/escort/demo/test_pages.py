"""The start page and the phones: what they show, what their buttons ask of the demonstration."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from escort.db import Store
from escort.demo import pages
from escort.demo.showing import FAILED
from escort.demo.views import (
    DayFigures,
    Entrance,
    Leap,
    Person,
    Phone,
    PhoneFound,
    PhoneMessage,
    PhonesView,
    StartView,
)
from escort.settings import Settings
from escort.web import security
from escort.web.deps import House
from escort.web.policy import public
from tests.builders import NOW, ZONE
from tests.escort.web.visitors import FixedClock

PHONE = Phone(
    "volunteer:12",
    "周敏",
    "志愿者",
    "+8619900000023",
    is_taken=False,
    messages=(
        PhoneMessage(NOW, "下周请您接送3趟。http://127.0.0.1:8000/v/7Kq2，谢谢您 <b>"),
        PhoneMessage(NOW, "2 周三", is_own=True),
    ),
)


@dataclass
class PretendDemo:
    """A demonstration that writes down what was asked of it."""

    asked: list[tuple[str, ...]] = field(default_factory=list)
    phone: Phone = PHONE
    going_to: bool = False
    failed: str = ""
    is_ready: bool = True

    def start(self) -> StartView:
        return StartView(
            now=NOW,
            going_to=NOW + timedelta(hours=13) if self.going_to else None,
            failed=self.failed,
            is_ready=self.is_ready,
            volunteers=1118,
            children=344,
            people=(Person("coordinator", "林老师", "协调员", "区里的办公室，电脑", "今天有什么要人处理"),),
            day=DayFigures(date(2021, 4, 7), 684, 651, 29, 4),
            open_cases=4,
            next_dismissal=NOW + timedelta(hours=22),
        )

    def phones(self, *, parties: Sequence[str], query: str) -> PhonesView:
        found = (PhoneFound("volunteer:5", "王师傅", "唐昌古镇车队"),) if query == "王" else ()
        return PhonesView(NOW, None, self.failed, (self.phone,), query, found)

    def take(self, *, party: str) -> None:
        self.asked.append(("take", party))

    def release(self, *, party: str) -> None:
        self.asked.append(("release", party))

    def reply(self, *, party: str, text: str) -> None:
        self.asked.append(("reply", party, text))

    def move_clock(self, *, leap: Leap) -> None:
        self.asked.append(("clock", leap))

    def look_as(self, *, who: str) -> Entrance:
        self.asked.append(("look", who))
        return Entrance("/today")


@pytest.fixture
def demo() -> PretendDemo:
    return PretendDemo()


def a_browser(store: Store, demo: PretendDemo, *, is_demo: bool = True) -> TestClient:
    app = FastAPI(**security.LIMITS)
    house = House(store=store, settings=Settings(), clock=FixedClock(), zone=ZONE, is_demo=is_demo)
    app.state.house, app.state.demo = house, demo
    app.include_router(pages.router)
    app.add_api_route("/", pages.show_start, dependencies=[public("the demonstration's front door")])
    security.install(app, house)
    return TestClient(app, follow_redirects=False)


def test_start_page_shows_people_clock_and_tomorrow(store: Store, demo: PretendDemo) -> None:
    page = a_browser(store, demo).get("/").text

    for fact in (
        "1,118 位志愿者",
        "344 名孩子",
        "林老师",
        "18:00",
        "684 段",
        "651",
        "到明早 07:00",
        "仅供演示",
    ):
        assert fact in page


def test_start_page_looks_again_by_itself_while_the_clock_moves(store: Store, demo: PretendDemo) -> None:
    demo.going_to = True

    page = a_browser(store, demo).get("/").text

    assert "data-going" in page
    assert "正在往前走，走到 4月7日 07:00" in page


@pytest.mark.parametrize("path", ["/", "/demo/phones"])
def test_a_failed_start_is_told_in_one_sentence_and_the_page_does_not_wait_for_it(
    store: Store, demo: PretendDemo, path: str
) -> None:
    demo.failed = FAILED

    page = a_browser(store, demo).get(path).text

    assert FAILED in page
    assert "data-going" not in page


def test_phone_shows_texts_with_links_and_nothing_unescaped(store: Store, demo: PretendDemo) -> None:
    page = a_browser(store, demo).get("/demo/phones").text

    assert '<a href="http://127.0.0.1:8000/v/7Kq2">http://127.0.0.1:8000/v/7Kq2</a>，谢谢您 &lt;b&gt;' in page
    assert "自己会回" in page
    assert "我来操作这部手机" in page


def test_phone_that_was_taken_answers_with_one_two_or_words(store: Store, demo: PretendDemo) -> None:
    demo.phone = replace(PHONE, is_taken=True)
    browser = a_browser(store, demo)

    page = browser.get("/demo/phones").text
    answer = browser.post(
        "/demo/phones/volunteer:12/reply", data={"text": "2 周三", "phone": ["volunteer:12", "guardian:3"]}
    )

    assert "由您操作" in page
    assert 'name="text" value="1"' in page
    assert demo.asked == [("reply", "volunteer:12", "2 周三")]
    assert answer.headers["location"] == "/demo/phones?phone=volunteer%3A12&phone=guardian%3A3"


@pytest.mark.parametrize("action", ["take", "release"])
def test_phone_is_taken_and_given_back(store: Store, demo: PretendDemo, action: str) -> None:
    answer = a_browser(store, demo).post(f"/demo/phones/volunteer:12/{action}", data={})

    assert answer.status_code == 303
    assert demo.asked == [(action, "volunteer:12")]


def test_another_phone_is_found_by_name(store: Store, demo: PretendDemo) -> None:
    browser = a_browser(store, demo)

    assert "phone=volunteer%3A5" in browser.get("/demo/phones", params={"q": "王"}).text
    assert "没有找到“李”" in browser.get("/demo/phones", params={"q": "李"}).text


def test_clock_moves_and_comes_back_to_where_it_was_pressed(store: Store, demo: PretendDemo) -> None:
    browser = a_browser(store, demo)

    from_start = browser.post("/demo/clock", data={"leap": "morning"})
    from_phones = browser.post("/demo/clock", data={"leap": "ten_minutes", "to": "phones"})

    assert demo.asked == [("clock", Leap.MORNING), ("clock", Leap.TEN_MINUTES)]
    assert (from_start.headers["location"], from_phones.headers["location"]) == ("/", "/demo/phones")


def test_looking_in_goes_where_the_demonstration_says(store: Store, demo: PretendDemo) -> None:
    assert a_browser(store, demo).post("/demo/look-as/coordinator").headers["location"] == "/today"


def test_real_district_has_none_of_these_pages(store: Store, demo: PretendDemo) -> None:
    browser = a_browser(store, demo, is_demo=False)

    assert browser.get("/demo/phones").status_code == 404
    assert browser.post("/demo/clock", data={"leap": "morning"}).status_code == 404
    assert demo.asked == []
