"""A team leader's pages: his own team only, offers and notes with one thumb, newcomers, and nothing of a child."""

from collections.abc import Callable
from datetime import date

import pytest
from httpx2 import Response
from sqlmodel import Session, select
from starlette.testclient import TestClient

from escort.access import audit
from escort.db import Store
from escort.roster import leaders, service
from escort.roster.gates import gates_on
from escort.roster.models import Volunteer
from escort.rota.models import Introduction, Offer
from tests.builders import NOW, TODAY, a_child, a_volunteer
from tests.cast import LIN
from tests.escort.journeys.rides import Ride, a_ride
from tests.escort.rota.weeks import told
from tests.escort.teams import LedTeam, a_led_team, knows
from tests.escort.web.visitors import Site, a_site
from tests.queries import count_queries

MOST = 10
CANDIDATES = 18  # what finding people adds, as on the office's page of a run


class Phone:
    """何青松's bound phone."""

    def __init__(self, store: Store, fill: Callable[[Session, LedTeam], Ride | None] | None = None) -> None:
        self.site: Site = a_site(store)
        with store.write() as session:
            self.led = a_led_team(session)
            self.hole = a_ride(session, self.led.child)
            self.more = fill(session, self.led) if fill else None
        self.browser: TestClient
        self.browser, self.address = self.site.bound_leader(self.led.leader.subject)

    def get(self, path: str = "", expect: int = 200) -> str:
        answer = self.browser.get(self.address + path)
        assert answer.status_code == expect, answer.text
        return answer.text

    def post(self, path: str, data: dict[str, object] | None = None, expect: int = 303) -> Response:
        answer = self.browser.post(self.address + path, data=data or {})
        assert answer.status_code == expect, answer.text
        return answer

    def follow(self, answer: Response) -> str:
        return self.browser.get(answer.headers["location"]).text


def test_the_first_tap_binds_the_phone_and_a_further_one_needs_a_code(store: Store) -> None:
    phone = Phone(store)
    stranger = phone.site.browser()

    assert "这周还缺 1 趟" in phone.get()
    answer = stranger.post(f"{phone.address}/bind")

    assert "请填短信里的 6 位数" in answer.text
    with store.read() as session:
        assert {"device.bound", "device.code"} <= set(told(session, phone.led.leader.subject))


def test_an_unbound_phone_sees_time_and_area_and_nobody(store: Store) -> None:
    phone = Phone(store)
    stranger = phone.site.browser()

    shown = stranger.get(phone.address).text

    assert "07:45" in shown
    assert "唐昌街道" in shown
    assert [word for word in ("何青松", "苏明远", "人</", "小禾", "问我的队员") if word in shown] == []
    for path in ("/people", "/newcomers/new", f"/runs/{phone.hole.run_id}"):
        assert stranger.get(phone.address + path).status_code == 403
    for path in (f"/runs/{phone.hole.run_id}/ask", f"/people/{phone.led.su.id}/phone"):
        assert stranger.post(phone.address + path, data={"volunteer_ids": "1"}).status_code == 403


def test_the_page_shows_holes_by_area_and_equipment_and_no_childs_name_or_address(store: Store) -> None:
    def fill(session: Session, led: LedTeam) -> None:
        child = a_child(session, "小石头", team=led.team, needs=("child_seat", "wheelchair"))
        a_ride(session, child, on=date(2021, 4, 13), direction="home")

    phone = Phone(store, fill)

    pages = phone.get() + phone.get(f"/runs/{phone.hole.run_id}") + phone.get("/people")

    for words in ("这周还缺 1 趟", "下周还缺 1 趟", "要儿童座椅", "有轮椅", "15 公里", "2 人"):
        assert words in pages
    assert [word for word in ("小禾", "小石头", "杨小雨", "190号", "家门口", "外人某") if word in pages] == []


def test_asking_one_of_his_people_is_an_offer(store: Store) -> None:
    phone = Phone(store)
    shown = phone.get(f"/runs/{phone.hole.run_id}")
    assert "您队里 2 位开得了" in shown

    answer = phone.post(f"/runs/{phone.hole.run_id}/ask", {"volunteer_ids": [phone.led.su.id]})

    home = phone.follow(answer)
    assert "问了 1 位，谁先答应谁去。" in home
    assert "问了苏明远，还没回" in home
    assert "还没回话的 1 位" in home


def test_nobody_chosen_is_told_on_the_same_page(store: Store) -> None:
    phone = Phone(store)

    answer = phone.post(f"/runs/{phone.hole.run_id}/ask", expect=400)

    assert "还没有选人" in answer.text
    assert "您队里 2 位开得了" in answer.text


def test_an_answer_by_phone_is_noted_and_the_hole_is_gone(store: Store) -> None:
    phone = Phone(store)
    note = {"volunteer_id": phone.led.su.id, "answer": "yes", "how": "phone"}

    home = phone.follow(phone.post(f"/runs/{phone.hole.run_id}/record", note))

    assert "记下了，本人会收到一条消息。" in home
    assert "这周不缺人" in home
    assert "苏明远答应了" in phone.get(f"/runs/{phone.hole.run_id}")


def test_a_note_that_cannot_be_taken_keeps_what_was_typed(store: Store) -> None:
    def fill(session: Session, led: LedTeam) -> None:
        led.su.vetted_on = None

    phone = Phone(store, fill)
    note = {"volunteer_id": phone.led.su.id, "answer": "yes", "how": "wechat"}

    shown = phone.post(f"/runs/{phone.hole.run_id}/record", note, expect=400).text

    assert "苏明远：没有无犯罪记录查询日期" in shown
    assert f'<option value="{phone.led.su.id}" selected>' in shown
    assert 'value="wechat" checked' in shown
    with store.read() as session:
        assert session.exec(select(Offer)).all() == []


def test_a_yes_that_the_rules_turn_away_is_told_with_why(store: Store) -> None:
    phone = Phone(store)
    phone.post(f"/runs/{phone.hole.run_id}/ask", {"volunteer_ids": [phone.led.su.id]})
    with store.write() as session:
        session.get_one(Volunteer, phone.led.su.id).insured_until = None

    note = {"volunteer_id": phone.led.su.id, "answer": "yes"}
    shown = phone.follow(phone.post(f"/runs/{phone.hole.run_id}/record", note))

    assert "苏明远：这个回答不能算，座位险当天无效。" in shown


def test_numbers_are_masked_and_seeing_one_stands_in_the_trail(store: Store) -> None:
    phone = Phone(store)
    listed = phone.get("/people")
    assert "199 **** **02" in listed
    assert "0001 0002" not in listed

    shown = phone.post(f"/people/{phone.led.su.id}/phone", expect=200).text

    assert "199 0001 0002" in shown
    with store.read() as session:
        line = audit.trail(session, subject=f"volunteer:{phone.led.su.id}")[0]
        assert (line.actor, line.action, line.fields) == (phone.led.leader.subject, "read", ["phone"])
    phone.post(f"/people/{phone.led.stranger.id}/phone", expect=404)


NEWCOMER = {
    "name": "田野",
    "phone": "199 0000 0555",
    "plate": "川A11111",
    "seats": "5",
    "weekdays": ["0", "2"],
    "halves": "to_school",
}


def test_a_newcomer_is_entered_told_and_asked_for_nothing(store: Store) -> None:
    phone = Phone(store)

    page = phone.follow(phone.post("/newcomers/new", NEWCOMER))

    assert "没有无犯罪记录查询日期" in page
    assert "协调员登记了无犯罪记录查询以后，才能约跟车。" in page
    assert "还有 3 样没登记，由协调员登记" in phone.get()
    with store.read() as session:
        newcomer = session.exec(select(Volunteer).where(Volunteer.name == "田野")).one()
        assert (newcomer.team_id, newcomer.pattern) == (phone.led.team_id, "10001000000000")
        assert newcomer.brought_by == phone.led.leader.subject
        assert len(gates_on(newcomer, TODAY)) == 3
        assert told(session, f"volunteer:{newcomer.id}") == ["volunteer.brought_in"]
        lines = audit.trail(session, subject=f"volunteer:{newcomer.id}")
        assert [(line.actor, line.action) for line in lines] == [(phone.led.leader.subject, "volunteer.add")]
    refused = phone.post(f"/runs/{phone.hole.run_id}/ask", {"volunteer_ids": [newcomer.id]}, expect=400)
    assert "无犯罪记录" in refused.text


def test_a_mistake_keeps_the_newcomers_form(store: Store) -> None:
    phone = Phone(store)

    shown = phone.post("/newcomers/new", {**NEWCOMER, "phone": "12", "plate": "没有"}, expect=400).text

    assert "有 2 处要改" in shown
    assert 'value="田野"' in shown
    assert 'value="0" checked' in shown
    assert 'value="to_school" checked' in shown


def test_whose_number_it_is_already_is_not_said(store: Store) -> None:
    def fill(session: Session, _led: LedTeam) -> None:
        a_volunteer(session, "远方人", phone="19900000555")

    phone = Phone(store, fill)

    shown = phone.post("/newcomers/new", NEWCOMER, expect=400).text

    assert "这个手机号已经登记过了" in shown
    assert "远方人" not in shown


def a_first_ride(session: Session, led: LedTeam) -> Ride:
    knows(session, led.su, led.child)
    newcomer = a_volunteer(session, "高思齐", team=led.team)
    newcomer.brought_by = led.leader.subject
    return a_ride(session, led.child, direction="home", driver=led.su)


def test_an_accompanied_first_ride_from_plan_to_tick(store: Store) -> None:
    phone = Phone(store, a_first_ride)
    assert phone.more is not None
    with store.read() as session:
        newcomer = session.exec(select(Volunteer.id).where(Volunteer.name == "高思齐")).one()

    page = phone.get(f"/newcomers/{newcomer}")
    assert f'value="{phone.more.run_id}"' in page
    page = phone.follow(phone.post(f"/newcomers/{newcomer}/rides", {"run_id": phone.more.run_id}))
    with store.read() as session:
        ride = session.exec(select(Introduction.id)).one()
    for side in ("newcomer", "driver"):
        page = phone.follow(phone.post(f"/rides/{ride}/yes", {"side": side, "how": "in_person"}))
    assert "两位都说能去，家里也收到消息了" in page
    phone.post(f"/rides/{ride}/done", expect=400)
    phone.site.clock.at = phone.more.run.ends_at

    assert "陪过了" in phone.get()
    home = phone.follow(phone.post(f"/rides/{ride}/done"))

    assert "记下了。放不放进熟人圈，由协调员定。" in home
    assert "陪过了，等协调员定" in home


def test_a_planned_ride_can_be_called_off(store: Store) -> None:
    phone = Phone(store, a_first_ride)
    assert phone.more is not None
    with store.read() as session:
        newcomer = session.exec(select(Volunteer.id).where(Volunteer.name == "高思齐")).one()
    phone.post(f"/newcomers/{newcomer}/rides", {"run_id": phone.more.run_id})
    with store.read() as session:
        ride = session.exec(select(Introduction.id)).one()

    home = phone.follow(phone.post(f"/rides/{ride}/call-off"))

    assert "取消了" in home
    assert "还没约第一趟" in home


def test_who_leads_no_more_finds_the_link_over(store: Store) -> None:
    phone = Phone(store)
    with store.write() as session:
        service.suspend(session, volunteer_id=phone.led.he.id or 0, reason="", now=NOW, by=LIN)

    assert "这个链接已经失效" in phone.get(expect=404)

    with store.write() as session:
        service.lift(session, volunteer_id=phone.led.he.id or 0, now=NOW, by=LIN)
        leaders.end_leader(session, team_id=phone.led.team_id, duty_phone="1", by=LIN, now=NOW)
    phone.get(expect=404)


def test_his_own_phones_can_be_untied(store: Store) -> None:
    phone = Phone(store)
    phone.get("/phones")

    phone.post("/phones/1/revoke")

    assert "先认这部手机" in phone.get()


def test_another_teams_run_is_not_there_for_him(store: Store) -> None:
    phone = Phone(store)
    with store.write() as session:
        child = a_child(session, "别队的孩子")
        foreign = a_ride(session, child)
    said = phone.get(f"/runs/{foreign.run_id}", expect=404)

    assert "别队的孩子" not in said


@pytest.mark.parametrize("people", [1, 25])
def test_what_the_pages_cost_in_statements(store: Store, people: int) -> None:
    def fill(session: Session, led: LedTeam) -> Ride:
        for number in range(people):
            a_volunteer(session, f"队员{number}", team=led.team)
            a_ride(session, a_child(session, f"娃{number}", team=led.team), on=date(2021, 4, 8))
        return a_first_ride(session, led)

    phone = Phone(store, fill)
    phone.post(f"/runs/{phone.hole.run_id}/ask", {"volunteer_ids": [phone.led.su.id, phone.led.he.id]})
    with store.read() as session:
        newcomer = session.exec(select(Volunteer.id).where(Volunteer.name == "高思齐")).one()

    for path, most in (
        ("", MOST),
        ("/people", MOST),
        ("/newcomers/new", MOST),
        (f"/newcomers/{newcomer}", MOST),
        (f"/runs/{phone.hole.run_id}", MOST + CANDIDATES),
    ):
        with count_queries(store.engine) as counted:
            phone.get(path)
        assert len(counted) <= most, f"{path}: " + "\n".join(counted.statements)
