"""A week of the pilot: 小杰, twelve volunteers, by hand, paper and two phones. Nobody needs a private message."""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from escort.db import Store
from tests.flows.pilot import NAMES, Pilot, fill, pilot, take_over_roster
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


def set_up_monday(here: Pilot) -> None:
    take_over_roster(here)
    desk = here.desk
    desk.goto("/children/new")
    fill(desk, short_name="小杰", pickup="30.9071, 103.8402", tell_name="杨桂芳", phone="19900002001")
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
    answer_by_telephone(here)
    here.until(MON, "20:30")
    here.until(MON, "21:30")


def sick_tuesday(here: Pilot) -> None:
    """小杰 has a fever: his grandmother cancels the morning on her phone, and is asked about the afternoon."""
    here.until(TUE, "06:50")
    phone = here.phone_of(FAMILY)
    here.scene(phone, "family")
    phone.get_by_role("link", name="今天不用接").click()
    here.scene(phone, "family-cancel")
    phone.get_by_label("今天早上不用接小杰去学校").check()
    phone.get_by_label("今天下午不用送小杰回家").check()
    phone.get_by_label("孩子病了").check()
    phone.get_by_role("button", name="就这样，不用接").click()
    here.until(TUE, "06:55")
    for driver in ("李红梅", "郑文斌"):
        assert "不用去" in here.last_told(driver).text
    here.scene(here.desk, "tuesday")
    here.until(TUE, "20:30")


def ill_at_dawn_on_wednesday(here: Pilot) -> None:
    """The morning's driver rings at 06:40: the office writes it down, rings others, and one of them can."""
    desk = here.desk
    here.until(WED, "06:40")
    desk.goto("/rota?show=all")
    desk.locator("td a", has_text="吴秀英").first.click()
    here.press(desk, "吴秀英去不了")
    here.scene(desk, "ill-at-dawn")
    here.until(WED, "06:41")
    asked = {told.who for told in here.told if told.at >= here.at(WED, "06:40") and "顶班" not in told.text}
    assert len(asked & {*NAMES}) >= 3
    stand_in = next(name for name in asked if name != "吴秀英")
    here.note_answer(stand_in)
    here.until(WED, "06:44")
    told = here.last_told(FAMILY).text
    assert "换人了" in told
    assert f"姓{stand_in[0]}" in told
    here.until(WED, "07:15")
    here.note_step("出发了")
    here.scene(desk, "on-the-road")
    here.until(WED, "07:46")
    here.note_step("接到了")
    here.until(WED, "08:18")
    here.note_step("送到了")
    here.until(WED, "15:30")
    here.note_step("出发了")
    here.until(WED, "16:03")
    here.note_step("接到了")
    here.until(WED, "16:40")
    here.note_step("送到了")
    here.until(WED, "20:30")


def answer_by_telephone(here: Pilot) -> None:
    """Everybody who was asked rings back and can; the office notes it."""
    desk = here.desk
    desk.goto("/asks")
    here.scene(desk, "asks")
    while (row := desk.locator("section:has(form[action$='/told'])").first).count():
        here.press(row, "能去")
