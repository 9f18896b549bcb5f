"""Printing from the gate's page and from the desk."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from escort.access.models import AuditEvent
from escort.db import Store
from escort.families.models import Child
from escort.rota.models import Leg, LegState, Shift, ShiftState
from tests.builders import ZONE, a_school
from tests.escort.web.paper.reading import pages_of
from tests.escort.web.visitors import GateBrowser, Site, Wednesday, a_shift, a_site, a_wednesday

DISMISSAL = datetime(2021, 4, 7, 16, 0, tzinfo=ZONE)


@pytest.fixture
def site(store: Store) -> Site:
    return a_site(store, DISMISSAL - timedelta(minutes=20))


@pytest.fixture
def day(store: Store) -> Wednesday:
    return a_wednesday(store)


@pytest.fixture
def tablet(site: Site, day: Wednesday) -> GateBrowser:
    return site.tablet(day.cast.school.id or 0)


def test_each_print_has_the_next_number_and_says_what_changed(
    site: Site, day: Wednesday, tablet: GateBrowser
) -> None:
    assert "打印第 1 张" in tablet.get("/gate").text
    first = tablet.press("/gate/sheet").text
    with site.store.write() as session:
        session.get_one(Leg, day.afternoon.id).state = LegState.CANCELLED

    second = tablet.press("/gate/sheet").text

    assert "第 1 张" in first
    assert "和第" not in first
    assert "川A·12345" in first
    assert "和第 1 张比，变了：" in second
    assert "1 杨小雨 改成家里自己接" in second
    assert "第 1 张作废" in second
    assert "打印第 3 张" in tablet.get("/gate").text


def test_sheet_says_what_to_do_and_when_it_is_void(tablet: GateBrowser) -> None:
    page = tablet.press("/gate/sheet").text

    assert "有一样不对，先不放人，打 199 0000 0001。" in page
    assert "17:00 后作废" in page
    assert "15:40 打印" in page
    for live in ("到门口", "在路上", "已交接"):
        assert live not in page


def test_word_stands_on_it_only_for_a_replaced_driver(
    site: Site, day: Wednesday, tablet: GateBrowser
) -> None:
    from escort.journeys.words import word_pair

    known = tablet.press("/gate/sheet").text
    with site.store.write() as session:
        old = session.get_one(Shift, day.afternoon_shift.id)
        old.state, old.ended_at = ShiftState.FREED, DISMISSAL - timedelta(hours=4)
        session.flush()
        new = a_shift(session, day.afternoon_run, day.cast.chen, confirmed_at=old.ended_at)
        pair = " ".join(word_pair(site.store.keyring, new.id or 0, day.afternoon.id or 0))
        former = " ".join(word_pair(site.store.keyring, old.id or 0, day.afternoon.id or 0))

    replaced = tablet.press("/gate/sheet").text

    assert former not in known
    assert pair in replaced
    assert former not in replaced
    assert "换人" in replaced


def test_outside_w_gate_nothing_is_printed_and_no_number_used(site: Site, tablet: GateBrowser) -> None:
    site.clock.at = DISMISSAL - timedelta(hours=2)

    listed, answer = tablet.get("/gate").text, tablet.press("/gate/sheet")

    assert "/gate/sheet" not in listed  # no button that could only be refused
    assert answer.status_code == 400
    assert "放学前 30 分钟再来" in answer.text
    site.clock.at = DISMISSAL
    assert "打印第 1 张" in tablet.get("/gate").text


def test_printing_is_no_link(tablet: GateBrowser) -> None:
    assert tablet.get("/gate/sheet").status_code in (404, 405)
    assert tablet.post("/gate/sheet").status_code == 403  # without the form's token


def test_office_prints_a_schools_whole_day_under_the_same_count(
    site: Site, day: Wednesday, tablet: GateBrowser
) -> None:
    site.clock.at = DISMISSAL - timedelta(hours=9)
    with site.store.write() as session:
        empty = a_school(session, "团结小学")

    office = site.office()
    page = office.press(f"/accounts/gates/{day.cast.school.id}/sheet").text
    nothing = office.press(f"/accounts/gates/{empty.id}/sheet")

    assert "杨小雨" in page
    assert nothing.status_code == 400
    site.clock.at = DISMISSAL - timedelta(minutes=20)
    assert "和第 1 张比，没有变。" in tablet.press("/gate/sheet").text


def test_the_list_as_a_file_takes_the_next_number_and_is_in_the_trail(
    site: Site, day: Wednesday, tablet: GateBrowser
) -> None:
    tablet.press("/gate/sheet")

    answer = tablet.press("/gate/sheet/pdf")

    (page,) = pages_of(answer.content)
    assert answer.headers["content-type"] == "application/pdf"
    for said in (
        "第2张",
        "第1张作废",
        "和第1张比，没有变。",
        "杨小雨",
        "川A·12345",
        "17:00后作废",
        "15:40打印",
    ):
        assert said in page
    assert "绿色" not in page
    assert "打印第 3 张" in tablet.get("/gate").text
    with site.store.read() as session:
        (line,) = session.exec(select(AuditEvent).where(AuditEvent.action == "gate_sheet.exported"))
    assert line.subject.endswith(":2")


def test_a_list_that_cannot_be_printed_takes_no_number_and_offers_the_browser(
    site: Site, day: Wednesday, tablet: GateBrowser
) -> None:
    with site.store.write() as session:
        session.get_one(Child, day.afternoon.child_id).full_name = "杨小𠮷"

    answer = tablet.press("/gate/sheet/pdf")

    assert answer.status_code == 400
    assert "打印字库里没有这几个字：𠮷" in answer.text
    assert 'action="/gate/sheet"' in answer.text
    assert "打印第 1 张" in tablet.get("/gate").text


def test_the_office_takes_the_whole_day_as_a_file(site: Site, day: Wednesday) -> None:
    answer = site.office().press(f"/accounts/gates/{day.cast.school.id}/sheet/pdf")

    (page,) = pages_of(answer.content)
    assert "第1张" in page
    assert "杨小雨" in page
