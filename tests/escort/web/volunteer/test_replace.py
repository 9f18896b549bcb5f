"""找人替，或跟人换 on the volunteer's phone: he sees that the turn stays his until somebody else has said yes."""

from dataclasses import dataclass
from datetime import date

import pytest
from sqlmodel import select

from escort.db import Store
from escort.rota.models import Relief, ReliefState, Shift, ShiftState
from tests.builders import a_child, a_volunteer
from tests.escort.journeys.rides import Ride, a_ride
from tests.escort.web.visitors import Site, a_site
from tests.queries import count_queries

THURSDAY, FRIDAY = date(2021, 4, 8), date(2021, 4, 9)


@dataclass
class Two:
    """王师傅 drives on Thursday morning, 陈姐 on Friday."""

    wang: str
    chen: str
    mine: Ride
    theirs: Ride


@pytest.fixture
def site(store: Store) -> Site:
    return a_site(store)


@pytest.fixture
def two(site: Site) -> Two:
    with site.store.write() as session:
        wang, chen = a_volunteer(session, "王师傅"), a_volunteer(session, "陈姐")
        mine = a_ride(session, a_child(session), driver=wang, on=THURSDAY)
        theirs = a_ride(session, a_child(session, "小禾"), driver=chen, on=FRIDAY)
        return Two(f"volunteer:{wang.id}", f"volunteer:{chen.id}", mine, theirs)


def drivers(site: Site, ride: Ride) -> list[int]:
    with site.store.read() as session:
        return list(
            session.exec(
                select(Shift.volunteer_id).where(
                    Shift.run_id == ride.run_id, Shift.state == ShiftState.CONFIRMED
                )
            )
        )


def test_he_picks_a_turn_and_asks_us_to_look_for_somebody(site: Site, two: Two) -> None:
    browser, address = site.bound(two.wang)

    listed = browser.get(f"{address}/replace").text
    one = browser.get(f"{address}/replace/{two.mine.shift_id}").text
    browser.post(f"{address}/replace/{two.mine.shift_id}/search")
    after = browser.get(f"{address}/replace/{two.mine.shift_id}").text

    assert "4月8日 上学" in listed
    assert "小雨" not in listed + one  # names come with W-duty
    assert "有人答应以前，这趟还是您的" in one
    assert "正在替您问别人" in after
    assert "现在还是您去" in after
    assert "明天 19:00还没有结果，会发短信告诉您，也告诉值班老师" in after
    assert drivers(site, two.mine) == [1]


def test_the_colleague_reads_who_asks_and_says_yes_on_his_own_page(site: Site, two: Two) -> None:
    browser, address = site.bound(two.wang)
    browser.post(f"{address}/replace/{two.mine.shift_id}/name", data={"who": "陈姐"})
    other, there = site.bound(two.chen)

    asked = other.get(there).text
    other.post(f"{there}/answer", data={"answer": "yes"})

    assert "姓王的志愿者想请您替" in asked
    assert "能不能替一趟" in asked
    assert drivers(site, two.mine) == [2]
    assert browser.get(f"{address}/replace/{two.mine.shift_id}").status_code == 404


def test_a_swap_shows_both_turns_to_whoever_is_asked(site: Site, two: Two) -> None:
    browser, address = site.bound(two.wang)
    browser.post(
        f"{address}/replace/{two.mine.shift_id}/swap",
        data={"who": "陈姐", "on": "2021-04-09", "half_day": "to_school"},
    )
    other, there = site.bound(two.chen)

    mine = browser.get(f"{address}/replace/{two.mine.shift_id}").text
    asked = other.get(there).text
    hers = other.get(f"{there}/replace/{two.theirs.shift_id}").text
    other.post(f"{there}/answer", data={"answer": "yes"})

    assert "在等陈姐回话：愿不愿意换" in mine
    assert "换成以后，您去：4月9日上学" in mine
    assert "愿不愿意换一趟" in asked
    assert "您的这趟给他：" in asked
    assert "有人想用他的一趟换您这趟" in hers
    assert (drivers(site, two.mine), drivers(site, two.theirs)) == ([2], [1])


def test_a_mistake_keeps_what_was_typed_and_says_what_to_mend(site: Site, two: Two) -> None:
    browser, address = site.bound(two.wang)

    name = browser.post(f"{address}/replace/{two.mine.shift_id}/name", data={"who": "张三"})
    swap = browser.post(
        f"{address}/replace/{two.mine.shift_id}/swap",
        data={"who": "陈姐", "on": "2021-04-10", "half_day": "home"},
    )
    nonsense = browser.post(f"{address}/replace/{two.mine.shift_id}/swap", data={"who": "陈姐", "on": "明天"})

    assert (name.status_code, swap.status_code, nonsense.status_code) == (409, 409, 409)
    assert "没有找到这位志愿者" in name.text
    assert 'value="张三"' in name.text
    assert "他那半天没有说定的班" in swap.text
    assert 'value="2021-04-10"' in swap.text
    assert "日期没有看懂" in nonsense.text


def test_he_keeps_it_after_all(site: Site, two: Two) -> None:
    browser, address = site.bound(two.wang)
    browser.post(f"{address}/replace/{two.mine.shift_id}/search")

    browser.post(f"{address}/replace/{two.mine.shift_id}/keep")

    with site.store.read() as session:
        assert session.exec(select(Relief.state)).one() == ReliefState.WITHDRAWN
    assert "请你们找人替" in browser.get(f"{address}/replace/{two.mine.shift_id}").text


def test_nobody_hands_on_anothers_turn(site: Site, two: Two) -> None:
    browser, address = site.bound(two.chen)
    here = f"{address}/replace/{two.mine.shift_id}"

    assert browser.get(here).status_code == 404
    assert browser.post(f"{here}/search").status_code == 404
    assert browser.post(f"{here}/name", data={"who": "王师傅"}).status_code == 404
    browser.post(f"{here}/keep")

    assert drivers(site, two.mine) == [1]


def test_a_phone_that_is_not_bound_hands_on_nothing(site: Site, two: Two) -> None:
    stranger, address = site.browser(), site.link(two.wang)

    assert stranger.get(f"{address}/replace").status_code == 403
    assert stranger.post(f"{address}/replace/{two.mine.shift_id}/search").status_code == 403


def test_a_phone_that_is_not_bound_does_not_read_who_asks(site: Site, two: Two) -> None:
    browser, address = site.bound(two.wang)
    browser.post(f"{address}/replace/{two.mine.shift_id}/name", data={"who": "陈姐"})

    shown = site.browser().get(site.link(two.chen)).text

    assert "能不能替一趟" in shown
    assert "姓王" not in shown


def test_the_pages_cost_few_queries(site: Site, two: Two) -> None:
    browser, address = site.bound(two.wang)
    other, there = site.bound(two.chen)
    browser.post(
        f"{address}/replace/{two.mine.shift_id}/swap",
        data={"who": "陈姐", "on": "2021-04-09", "half_day": "to_school"},
    )

    for client, page in ((browser, f"{address}/replace"), (browser, address), (other, there)):
        with count_queries(site.store.engine) as counted:
            client.get(page)
        assert len(counted) <= 10, page
