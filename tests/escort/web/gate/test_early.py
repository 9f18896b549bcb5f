"""今天提前放学 on the gate's page, and its answer at the desk."""

import re
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from escort.db import Store
from escort.journeys.models import DismissalReport, ReportState
from escort.rota.models import Leg
from escort.web.coordinator import dismissals
from tests.builders import ZONE, a_school
from tests.escort.web.visitors import GateBrowser, Site, Wednesday, a_site, a_wednesday

MORNING = datetime(2021, 4, 7, 9, 0, tzinfo=ZONE)


@pytest.fixture
def site(store: Store) -> Site:
    site = a_site(store, MORNING)
    site.app.include_router(dismissals.router)
    return site


@pytest.fixture
def day(store: Store) -> Wednesday:
    return a_wednesday(store)


@pytest.fixture
def tablet(site: Site, day: Wednesday) -> GateBrowser:
    return site.tablet(day.cast.school.id or 0)


def report_of(site: Site) -> DismissalReport:
    with site.store.read() as session:
        return session.exec(select(DismissalReport)).one()


def test_form_offers_the_whole_school_and_todays_classes_without_a_name(tablet: GateBrowser) -> None:
    page = tablet.get("/gate/early").text

    assert "全校" in page
    assert "三年级" in page
    assert "小雨" not in page


def test_reported_is_said_on_the_list_and_changes_nothing(
    site: Site, day: Wednesday, tablet: GateBrowser
) -> None:
    answer = tablet.press("/gate/early", at="11:00", class_name="", note="停水")

    page = tablet.get(answer.headers["location"]).text

    assert (answer.status_code, answer.headers["location"]) == (303, "/gate")
    assert "全校 11:00 提前放学：已报告，等协调员确认。" in page
    with site.store.read() as session:
        assert session.get_one(Leg, day.afternoon.id).pickup_at.astimezone(ZONE).hour == 16


def test_mistake_is_one_sentence_at_the_field_and_the_form_keeps_what_was_typed(tablet: GateBrowser) -> None:
    answer = tablet.press("/gate/early", at="16:30", class_name="三年级", note="停水")

    assert answer.status_code == 400
    assert "这些孩子本来就是 16:00 放学" in answer.text
    for kept in ('value="16:30"', 'value="停水"', 'value="三年级" checked'):
        assert kept in answer.text


@pytest.mark.parametrize(
    ("at", "sentence"), [("", "请写今天几点放学"), ("25:99", "没有“25:99”这个时间"), ("早点", "看不懂时间")]
)
def test_unreadable_time_is_said_so(tablet: GateBrowser, at: str, sentence: str) -> None:
    answer = tablet.press("/gate/early", at=at)

    assert answer.status_code == 400
    assert sentence in answer.text


def test_confirmed_at_the_desk_is_said_at_the_gate(site: Site, tablet: GateBrowser) -> None:
    tablet.press("/gate/early", at="11:00", class_name="三年级", note="停水")
    office = site.office()
    asked = office.get(f"/dismissals/{report_of(site).id}").text
    assert "停水" in asked
    assert "小雨" in asked

    # 小雨's Wednesday of this test has no timetable behind it: her legs are the builder's own, changed by hand
    answer = office.press(f"/dismissals/{report_of(site).id}/confirm", version="1")

    assert (answer.status_code, answer.headers["location"]) == (303, "/today")
    assert "三年级 11:00 提前放学：协调员已确认。" in tablet.get("/gate").text
    assert "已确认" in office.get(f"/dismissals/{report_of(site).id}").text


def test_refused_at_the_desk_tells_the_gate_why(site: Site, tablet: GateBrowser) -> None:
    tablet.press("/gate/early", at="11:00")
    office, address = site.office(), f"/dismissals/{report_of(site).id}/refuse"

    bare = office.press(address, version="1", answer=" ")
    told = office.press(address, version="1", answer="司机来不及")

    assert bare.status_code == 400
    assert "请给学校回一句为什么" in bare.text
    assert told.status_code == 303
    assert "协调员没有同意，时间不变。回话：司机来不及" in tablet.get("/gate").text


def test_stale_desk_page_confirms_nothing(site: Site, tablet: GateBrowser) -> None:
    tablet.press("/gate/early", at="11:00")
    tablet.press("/gate/early", at="10:30")

    answer = site.office().press(f"/dismissals/{report_of(site).id}/confirm", version="1")

    assert answer.status_code == 409
    assert "学校刚刚改了这份报告" in answer.text
    assert report_of(site).state == ReportState.WAITING


def test_report_is_taken_back_on_the_list(site: Site, tablet: GateBrowser) -> None:
    tablet.press("/gate/early", at="11:00")
    withdraw = re.search(r'action="(/gate/early/\d+/withdraw)"', tablet.get("/gate").text)
    assert withdraw

    assert tablet.press(withdraw[1]).status_code == 303

    assert "等协调员确认" not in tablet.get("/gate").text
    assert report_of(site).state == ReportState.WITHDRAWN


def test_another_schools_gate_sees_and_takes_back_nothing(site: Site, tablet: GateBrowser) -> None:
    tablet.press("/gate/early", at="11:00")
    with site.store.write() as session:
        other = a_school(session, "团结小学")
    elsewhere = site.tablet(other.id or 0)

    assert "11:00" not in elsewhere.get("/gate").text
    assert elsewhere.press(f"/gate/early/{report_of(site).id}/withdraw").status_code == 404


def test_gate_answers_no_report_itself(site: Site, tablet: GateBrowser) -> None:
    tablet.press("/gate/early", at="11:00")

    for path in ("confirm", "refuse"):
        assert tablet.press(f"/dismissals/{report_of(site).id}/{path}", version="1").status_code in (401, 403)
    assert report_of(site).state == ReportState.WAITING


def test_yesterdays_report_is_not_on_todays_list(site: Site, tablet: GateBrowser) -> None:
    tablet.press("/gate/early", at="11:00")
    site.clock.at = MORNING + timedelta(days=1)

    assert "11:00" not in tablet.get("/gate").text
