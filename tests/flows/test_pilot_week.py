"""A week of the pilot: 小杰, twelve volunteers, by hand, paper and two phones. Nobody needs a private message."""

import os
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import load_workbook

from escort.db import Store
from escort.rota.models import Direction
from tests.flows.pilot import Pilot, fill, pilot, take_over_roster
from tests.flows.pilot_oracle import assumed_yeses, silent_legs
from tests.flows.village import ZONE

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FAMILY, LEADER, NEWCOMER = "小杰的家里", "王建国", "罗永强"
MON, TUE, WED, THU, FRI, SUN = (date(2021, 4, day) for day in (19, 20, 21, 22, 23, 25))


@pytest.fixture
def office(store: Store) -> Iterator[Pilot]:
    film = os.environ.get("DUJUAN_FILM")
    with pilot(
        store, begins=datetime.combine(MON, time(9, 0), ZONE), film=Path(film) if film else None
    ) as here:
        yield here


def test_a_week_goes_by_without_a_private_message(office: Pilot) -> None:
    set_up_monday(office)
    sick_tuesday(office)
    ill_at_dawn_on_wednesday(office)
    early_on_thursday(office)
    first_ride_on_friday(office)
    make_up_sunday(office)
    the_month(office)
    nothing_was_silent_assumed_or_private(office)


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
    here.post("/teams/1/leader", volunteer_id=1)
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


def first_ride_on_friday(here: Pilot) -> None:
    """王建国, who leads the team, brings 罗永强 in; he rides along with a driver whom 小杰 knows."""
    desk = here.desk
    phone = here.phone_of(LEADER, "t")
    own_page = phone.url
    driver = here.driver_of(FRI, Direction.TO_SCHOOL)
    phone.get_by_role("link", name="带一位新人进来").click()
    fill(phone, name=NEWCOMER, phone="19900001199", plate="川A88888")
    phone.get_by_label("周五").check()
    here.scene(phone, "newcomer")
    here.tap(LEADER, "登记")
    newcomer_page = phone.url
    here.until(THU, "20:40")
    assert here.last_told(NEWCOMER, "不会请您出车")

    desk.goto("/teams")
    desk.get_by_role("link", name=f"登记 {NEWCOMER}").click()
    fill(desk, vetted_on="2021-04-20", licence_until="2025-04-20", insured_until="2022-04-20")
    here.press(desk, "存好")

    phone.goto(newcomer_page)
    phone.locator(f"input[name=run_id][value='{here.run_of(FRI, Direction.TO_SCHOOL)}']").check()
    here.tap(LEADER, "约这一趟")
    here.tap(LEADER, f"记下{NEWCOMER}能去")
    here.tap(LEADER, f"记下{driver}能去")
    here.scene(phone, "first-ride")
    here.until(THU, "20:50")
    assert here.last_told(NEWCOMER, "的车认路")
    assert here.last_told(driver, "新志愿者同车认路")
    assert here.last_told(FAMILY, "姓罗的新志愿者同车认路")

    here.drive(FRI, ("07:15", "07:46", "08:18"), ("14:30", "15:23", "16:00"))
    phone.goto(own_page)
    here.tap(LEADER, "陪过了")
    desk.goto("/teams")
    here.scene(desk, "ridden")
    here.press(desk, "放进熟人圈")
    here.until(FRI, "16:20")
    assert "姓罗" in here.last_told(FAMILY, "添了一位").text


def make_up_sunday(here: Pilot) -> None:
    """School on a Sunday, with the timetable of a weekday that the office confirms; its drivers were asked for it."""
    here.desk.goto("/calendar")
    assert "4月25日" in here.desk.locator("main").inner_text()
    here.scene(here.desk, "make-up-sunday")
    here.press(here.desk, "上学，就这样")
    here.until(FRI, "16:30")
    here.all_can()
    for direction, half in ((Direction.TO_SCHOOL, "上学"), (Direction.HOME, "放学")):
        driver = here.driver_of(SUN, direction)
        assert half in here.last_told(driver, "周日").text
    here.evening(SUN - timedelta(days=1))
    here.drive(SUN, ("07:15", "07:46", "08:18"), ("15:10", "16:03", "16:40"))
    here.evening(SUN)


def the_month(here: Pilot) -> None:
    """The sheet that a spreadsheet reader other than ours reads says what phones and paper saw."""
    driven = sum(deed.what == "delivered" for deed in here.deeds)
    cancelled = 2  # Tuesday, by the grandmother on her phone
    book = load_workbook(BytesIO(here.post("/month/sheet", month="2021-04").body()))
    figures = {row[0]: row[1] for row in book["本月"].iter_rows(values_only=True, max_col=2)}

    assert (figures["该接送"], figures["送到"], figures["家里取消"]) == (10, driven, cancelled)
    assert (figures["没有人开"], figures["没有报送到"]) == (0, 0)
    here.desk.goto("/month")
    here.scene(here.desk, "month")
    said = here.desk.locator(".page-head").inner_text()
    assert f"该接送 10 段，送到 {driven} 段，家里取消 {cancelled} 段，没有人开 0 段" in said


def nothing_was_silent_assumed_or_private(here: Pilot) -> None:
    with here.house.store.read() as session:
        assert silent_legs(session, now=here.clock.now()) == []
        assert assumed_yeses(session) == []
    assert here.untrue == []
    assert [deed for deed in here.deeds if not deed.because] == []
    assert sum(deed.what == "delivered" for deed in here.deeds) == 8
