"""The month sheet at the desk."""

import io

import openpyxl
from sqlmodel import select

from escort.access.models import AuditEvent
from escort.hours.month_sheet import DEFINITIONS
from tests.builders import TODAY
from tests.escort.web.coordinator.conftest import Desk
from tests.escort.web.coordinator.days import a_full_day
from tests.queries import count_queries


def test_the_month_is_one_sentence_and_each_figure_has_its_definition(desk: Desk) -> None:
    with desk.house.store.write() as session:
        a_full_day(session, TODAY, children=24)

    shown = desk.get("/month")

    assert "2021年4月（到4月6日为止）该接送 48 段" in shown
    for word, how in DEFINITIONS.values():
        assert word in shown
        assert how in shown
    assert "娃0" not in shown


def test_a_month_is_chosen_by_its_address(desk: Desk) -> None:
    assert "2021年3月没有到点的行程。" in desk.get("/month?month=2021-03")
    for wrong in ("2021-13", "abc", "2021-3", "0000-01"):
        assert desk.client.get(f"/month?month={wrong}").status_code == 422


def test_the_sheet_is_downloaded_and_that_is_in_the_trail(desk: Desk) -> None:
    with desk.house.store.write() as session:
        a_full_day(session, TODAY, children=24)

    answer = desk.client.post("/month/sheet", data={"csrf_token": desk._token, "month": "2021-04"})

    assert answer.status_code == 200
    assert "2021-04.xlsx" in answer.headers["content-disposition"]
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    assert "该接送 48 段" in str(book["本月"]["A1"].value)
    assert "林老师" in str(book["本月"].oddFooter.left.text)
    with desk.house.store.read() as session:
        (line,) = session.exec(select(AuditEvent).where(AuditEvent.action == "month_sheet.exported")).all()
    assert line.fields[0] == "month: 2021-04"


def test_the_page_costs_at_most_ten_queries(desk: Desk) -> None:
    with desk.house.store.write() as session:
        a_full_day(session, TODAY, children=24)

    with count_queries(desk.house.store.engine) as counted:
        desk.get("/month")

    assert len(counted) <= 10
