"""A week of the pilot: 小杰, twelve volunteers, by hand, paper and two phones. Nobody needs a private message."""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from escort.db import Store
from escort.rota.models import Direction
from tests.flows.pilot import Pilot, fill, pilot, take_over_roster
from tests.flows.village import ZONE

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FAMILY = "小杰的家里"
MON, TUE, WED, THU, FRI, SUN = (date(2021, 4, day) for day in (19, 20, 21, 22, 23, 25))


@pytest.fixture
def office(store: Store) -> Iterator[Pilot]:
    film = os.environ.get("DUJUAN_FILM")
    from datetime import datetime, time

    with pilot(
        store, begins=datetime.combine(MON, time(9, 0), ZONE), film=Path(film) if film else None
    ) as here:
        yield here


def test_a_week_goes_by_without_a_private_message(office: Pilot) -> None:
    set_up_monday(office)
    sick_tuesday(office)
    ill_at_dawn_on_wednesday(office)
    early_on_thursday(office)


def set_up_monday(here: Pilot) -> None:
    take_over_roster(here)
    desk = here.desk
    desk.goto("/children/new")
    fill(desk, short_name="小杰", pickup="家门口 30.9071, 103.8402", tell_name="杨桂芳", phone="19900002001")
    desk.select_option("#f-school_id", label="银杏特殊教育学校")
    here.scene(desk, "set-up")
    desk.get_by_role("button", name="存好，去填姓名和同意书").click()
    desk.wait_for_url("**/complete")
    fill(desk, full_name="陈小杰", born_on="2010-05-04", consent_on="2021-04-18")
    fill(desk, receivers="外婆 19900002001", address="唐昌街道平乐村3组12号")
    here.press(desk, "存好")
    desk.wait_for_url("**/children/1")
    here.press(desk, "把页面链接发给家里")
    here.scene(desk, "child")
    desk.goto("/rota")
    here.press(desk, "把没人的排一遍")
    here.scene(desk, "draft")
    desk.get_by_role("link", name="公布").click()
    here.scene(desk, "publish")
    here.press(desk, "公布")
    here.until(MON, "09:30")
    here.scene(desk, "rota")
    desk.goto("/asks")
    here.scene(desk, "asks")
    here.all_can()
    here.evening(MON)
    here.until(MON, "21:30")


def sick_tuesday(here: Pilot) -> None:
    """小杰 has a fever: his grandmother cancels the morning on her phone, and is asked about the afternoon."""
    here.until(TUE, "06:50")
    phone = here.phone_of(FAMILY)
    here.scene(phone, "family")
    phone.get_by_role("link", name="今天不用接").click()
    phone.get_by_label("今天早上不用接小杰去学校").check()
    phone.get_by_label("今天下午不用送小杰回家").check()
    phone.get_by_label("孩子病了").check()
    here.scene(phone, "family-cancel")
    here.tap(FAMILY, "就这样，不用接")
    here.until(TUE, "06:55")
    for driver in ("李红梅", "郑文斌"):
        assert "不用去" in here.last_told(driver).text
    here.desk.goto("/today")
    here.scene(here.desk, "tuesday")
    here.evening(TUE)


def ill_at_dawn_on_wednesday(here: Pilot) -> None:
    """The morning's driver rings at 06:40: the office writes it down, rings others, and one of them can."""
    desk = here.desk
    here.until(WED, "06:40")
    desk.goto("/rota?show=all")
    desk.locator("td a", has_text="吴秀英").first.click()
    here.press(desk, "吴秀英去不了")
    here.scene(desk, "ill-at-dawn")
    here.until(WED, "06:41")
    asked = here.asked_since(WED, "06:40")
    assert len(asked) >= 3
    here.note_answer(asked[0])
    here.until(WED, "06:44")
    told = here.last_told(FAMILY).text
    assert "换人了" in told
    assert f"姓{asked[0][0]}" in told
    here.drive(WED, ("07:15", "07:46", "08:18"), ("15:10", "16:03", "16:40"))
    here.evening(WED)


def early_on_thursday(here: Pilot) -> None:
    """The water is off at school: out at 14:00, called at 11:00. The driver cannot so early; somebody else can."""
    desk = here.desk
    here.drive(THU, ("07:15", "07:46", "08:18"))
    here.until(THU, "11:00")
    driver = here.driver_of(THU, Direction.HOME)
    desk.goto("/today")
    desk.get_by_role("link", name="今天提前放学").click()
    fill(desk, at="14:00", note="学校停水")
    here.scene(desk, "early")
    here.press(desk, "就这样，马上问司机")
    here.until(THU, "11:01")

    assert here.driver_of(THU, Direction.HOME) == "", "the yes to 16:00 is no yes to 14:00"
    asked_again = here.last_told(driver).text
    assert "16:00" in asked_again
    assert "14:00" in asked_again
    told = here.last_told(FAMILY).text
    assert "不要把孩子交给任何人" in told
    desk.goto("/today")
    here.scene(desk, "early-asked")
    board = desk.locator("main").inner_text()
    assert "还有 1 趟没人答应" in board
    assert "已回 0 / 1" in board
    assert "没有人" in here.gate_paper()
    here.note_answer(driver, yes=False)
    here.until(THU, "11:06")
    desk.goto("/today")
    here.scene(desk, "early-no")
    stand_in = here.asked_since(THU, "11:02")[0]
    here.note_answer(stand_in)
    here.until(THU, "11:10")
    assert "答应以前都算" not in here.read("/today")
    told = here.last_told(FAMILY).text
    assert f"姓{stand_in[0]}" in told
    assert "下午2点" in told
    assert "有人来接了" in here.gate_paper()
    here.drive(THU, ("13:10", "14:03", "14:40"))
    here.evening(THU)
