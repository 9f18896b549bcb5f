"""What volunteers say of themselves, at the desk: seen first, then written down."""

import io
from datetime import date, timedelta

from python_calamine import CalamineWorkbook
from sqlmodel import col, select

from escort.access.models import AuditEvent
from escort.roster.models import HouseholdLink, MonthQuestion, Volunteer
from escort.rota import month_question
from escort.rota.models import Shift, ShiftState
from notifications.models import Message
from tests.builders import NOW, TODAY, ZONE
from tests.cast import Cast, the_cast
from tests.escort.rota.weeks import links
from tests.escort.web.coordinator.conftest import Desk
from tests.escort.web.coordinator.days import a_leg, a_run, a_shift

ON = date(2021, 4, 8)


def the_people(desk: Desk) -> Cast:
    with desk.house.store.write() as session:
        cast = the_cast(session)
        run = a_run(session, a_leg(session, cast.xiaoyu, on=ON))
        a_shift(session, run, cast.wang.id)
        return cast


def asked_about_may(desk: Desk) -> None:
    with desk.house.store.write() as session:
        month_question.send_month_questions(session, now=NOW, zone=ZONE, day=1, links=links)


def test_leaving_says_first_what_it_takes_back_and_changes_nothing(desk: Desk) -> None:
    the_people(desk)

    shown = desk.get(f"/volunteers/1/rotation?leaves_on={TODAY}")

    assert "答应过的 1 趟放开，马上另外找人。" in shown
    assert "会发消息告诉本人。" in shown
    with desk.house.store.read() as session:
        assert session.get_one(Volunteer, 1).leaves_on is None


def test_leaving_frees_the_promises_and_tells_the_volunteer(desk: Desk) -> None:
    the_people(desk)

    desk.post("/volunteers/1/rotation", {"joins_on": "", "leaves_on": str(TODAY)})

    with desk.house.store.read() as session:
        assert session.exec(select(Shift.state)).one() == ShiftState.FREED
        assert session.exec(select(Message.template)).all() == ["driver.rotation"]
    assert "已退出轮值" in desk.get("/volunteers")
    assert "4月6日起退出" in desk.get("/volunteers/1")


def test_dates_that_cannot_be_are_given_back_with_what_to_mend(desk: Desk) -> None:
    the_people(desk)

    answer = desk.client.get("/volunteers/1/rotation?joins_on=2021-05-01&leaves_on=2021-04-20")

    assert answer.status_code == 400
    assert "退出的日子应在加入的日子之后" in answer.text
    assert 'value="2021-05-01"' in answer.text


def test_two_are_linked_after_a_look_at_what_it_frees(desk: Desk) -> None:
    the_people(desk)

    found = desk.get("/volunteers/1/links?text=陈&kind=together")
    shown = desk.get("/volunteers/1/links?other=2&kind=together")
    desk.post("/volunteers/1/links", {"other": "2", "kind": "together"})

    assert "/volunteers/1/links?other=2&amp;kind=together" in found
    assert "和这条不合的 1 趟放开" in shown
    for path, other in (("/volunteers/1", "陈姐"), ("/volunteers/2", "王师傅")):
        assert f"{other}</a> 只一起出车" in desk.get(path)
    with desk.house.store.read() as session:
        assert session.exec(select(Shift.state)).one() == ShiftState.FREED

    desk.post("/volunteers/2/links/1/end")

    with desk.house.store.read() as session:
        assert session.exec(select(HouseholdLink.ended_at)).one() is not None


def test_the_office_sees_who_has_not_answered_and_notes_what_it_hears(desk: Desk) -> None:
    the_people(desk)
    asked_about_may(desk)
    assert "问了 3 位，回了 0 位" in desk.get("/volunteers")

    desk.post("/volunteers/1/no-blockouts")
    desk.post("/volunteers/2/blockouts", {"from_on": "2021-05-03", "until_on": "2021-05-04", "half_day": ""})

    silent = desk.get("/volunteers?gate=silent").split("<tbody>")[1]
    assert "外人" in silent
    assert "王师傅" not in silent
    assert "陈姐" not in silent
    assert "5月：说没有不行的日子" in desk.get("/volunteers/1")
    with desk.house.store.read() as session:
        how = list(session.exec(select(MonthQuestion.how).order_by(col(MonthQuestion.id))))
        assert how == ["phone:account:1", "phone:account:1", ""]


def test_papers_that_run_out_are_one_row_of_the_board_and_a_filter_of_the_list(desk: Desk) -> None:
    the_people(desk)
    assert "证件快到期" not in desk.get("/today")
    with desk.house.store.write() as session:
        session.get_one(Volunteer, 1).insured_until = TODAY + timedelta(days=5)
        session.get_one(Volunteer, 2).licence_until = TODAY + timedelta(days=20)

    board = desk.get("/today")

    assert board.count("证件快到期") == 1
    assert "7 天内 1 位 · 30 天内 1 位 · 60 天内 0 位" in board
    soon = desk.get("/volunteers?gate=soon").split("<tbody>")[1]
    assert "座位险还有 5 天" in soon
    assert "外人" not in soon
    assert "座位险还有 5 天到期。" in desk.get("/volunteers/1")


def test_the_list_for_the_yearly_batch_is_a_workbook_and_in_the_trail(desk: Desk) -> None:
    the_people(desk)
    with desk.house.store.write() as session:
        session.get_one(Volunteer, 1).insured_until = TODAY + timedelta(days=5)
        session.get_one(Volunteer, 2).name = "=SUM(A1)"
        session.get_one(Volunteer, 2).vetted_on = None

    answer = desk.client.post("/volunteers/papers", data={"csrf_token": desk._token})

    rows = CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_index(0).to_python()
    assert [row[0] for row in rows] == ["姓名", "'=SUM(A1)", "王师傅"]
    assert rows[2][2:6] == ["座位险（还有5天）", date(2022, 2, 1), date(2025, 12, 31), date(2021, 4, 11)]
    with desk.house.store.read() as session:
        assert "papers.exported" in set(session.exec(select(AuditEvent.action)))


def test_suspending_says_how_much_it_ends(desk: Desk) -> None:
    the_people(desk)

    shown = desk.get("/volunteers/1")

    assert "放开以后 1 趟，各自去问别人（其中答应过的 1 趟）" in shown
    assert "现在没有在路上的" in shown
