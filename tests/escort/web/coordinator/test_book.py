"""The office's workbook at the desk: looked at, taken over, and decided where it wants to change something."""

import io
from datetime import timedelta
from urllib.parse import unquote

import openpyxl
import pytest
from sqlmodel import select

from escort.access.models import AuditEvent
from escort.roster.models import Volunteer
from escort.roster_book.models import BookChange, WaitingBook
from escort.roster_book.waiting_book import forget_old_books
from escort.rota.models import Leg
from notifications.addresses import phone_of
from notifications.holds import numbers_on_file
from tests.builders import NOW
from tests.escort.roster_book.books import Sheets, a_book, as_ods, as_xlsx, with_row
from tests.escort.web.coordinator.conftest import Desk
from tests.queries import count_queries


def upload(
    desk: Desk, content: bytes, *, expect: int = 303, name: str = "名册.xlsx", token: bool = True
) -> str:
    data = {"csrf_token": desk._token} if token else {}
    answer = desk.client.post("/import", data=data, files={"book": (name, content)})
    assert answer.status_code == expect, answer.text
    return str(answer.headers.get("location", answer.text))


def take_over(desk: Desk, sheets: Sheets) -> str:
    upload(desk, as_xlsx(sheets))
    return desk.post("/import/apply")


def volunteers(desk: Desk) -> list[Volunteer]:
    with desk.house.store.read() as session:
        return list(session.exec(select(Volunteer)))


def flawed() -> Sheets:
    sheets = with_row(a_book(), "志愿者", 姓名="缺号码", 手机号="")
    return with_row(sheets, "志愿者", 姓名="陈姐", 手机号="19900004444", 无犯罪记录查询日期="")


def test_a_book_is_looked_at_before_anything_is_taken_over(desk: Desk) -> None:
    assert upload(desk, as_xlsx(flawed())) == "/import"

    shown = desk.get("/import")
    rejected, warning = shown.index('id="h-rejected"'), shown.index('id="h-warning"')
    assert "不能用 <b>1</b>" in shown
    assert rejected < warning, "the worst first"
    assert "手机号" in shown[rejected:warning]
    assert "无犯罪记录查询日期" in shown[warning:]
    assert volunteers(desk) == []


def test_all_accepted_rows_are_taken_over_and_legs_follow_at_once(desk: Desk) -> None:
    assert take_over(desk, flawed()) == "/import?done=yes"

    assert "导入好了" in desk.get("/import?done=yes")
    assert sorted(person.name for person in volunteers(desk)) == ["王师傅", "陈姐"]
    with desk.house.store.read() as session:
        assert session.exec(select(Leg)).first() is not None
        assert session.exec(select(WaitingBook)).all() == [], "the file is gone"


def test_the_same_book_again_changes_nothing(desk: Desk) -> None:
    take_over(desk, a_book())

    upload(desk, as_ods(a_book()), name="名册.ods")

    assert "没有要改的" in desk.get("/import")


def test_pressing_twice_takes_over_once(desk: Desk) -> None:
    take_over(desk, a_book())

    assert "没有等着导入的册子" in desk.post("/import/apply", expect=409)


def test_a_book_waits_for_an_hour_only_and_lies_sealed(desk: Desk) -> None:
    upload(desk, as_xlsx(a_book()))
    with desk.house.store.read() as session:
        raw = session.connection().exec_driver_sql("SELECT content FROM waiting_book").scalar_one()
    assert str(raw).startswith("a1."), "sealed"

    desk.clock.forward(timedelta(minutes=61))

    assert 'id="h-verdict"' not in desk.get("/import")
    desk.post("/import/apply", expect=409)
    with desk.house.store.write() as session:
        assert forget_old_books(session, now=NOW + timedelta(minutes=61)) == 1


def test_a_look_can_be_dropped(desk: Desk) -> None:
    upload(desk, as_xlsx(a_book()))

    assert desk.post("/import/drop") == "/import"

    assert 'id="h-verdict"' not in desk.get("/import")


def test_a_file_that_is_no_workbook_is_refused_with_a_sentence(desk: Desk) -> None:
    answer = upload(desk, b"not a workbook", expect=400)

    assert 'role="alert"' in answer
    with desk.house.store.read() as session:
        assert session.exec(select(WaitingBook)).all() == []


@pytest.mark.parametrize(("size", "status"), [(11_000_000, 400), (13_000_000, 413)])
def test_a_file_that_is_too_large_is_refused(desk: Desk, size: int, status: int) -> None:
    said = upload(desk, b"0" * size, expect=status)

    assert 'role="alert"' in said or "太大" in said
    with desk.house.store.read() as session:
        assert session.exec(select(WaitingBook)).all() == []


def test_an_upload_without_the_forms_token_is_refused(desk: Desk) -> None:
    upload(desk, as_xlsx(a_book()), expect=403, token=False)

    with desk.house.store.read() as session:
        assert session.exec(select(WaitingBook)).all() == []


def test_a_changed_number_is_taken_over_only_when_the_coordinator_says_so(desk: Desk) -> None:
    take_over(desk, a_book())
    assert take_over(desk, a_book(志愿者={"手机号": "19900007777"})) == "/import/changes"
    (person,) = volunteers(desk)
    party = f"volunteer:{person.id}"

    shown = desk.get("/import/changes")

    assert "换了手机号" in shown
    assert "199****1111" in shown.replace(" ", "") or "1111" not in shown
    assert "19900007777" not in shown, "numbers are masked"
    with desk.house.store.read() as session:
        assert phone_of(session, party) == "+8619900001111"
        (change,) = session.exec(select(BookChange)).all()
        seen = session.exec(select(AuditEvent).where(AuditEvent.action == "read")).all()
    assert [event.subject for event in seen] == [party]

    desk.post(f"/import/changes/{change.id}", {"take": "yes"})

    with desk.house.store.read() as session:
        assert phone_of(session, party) == "+8619900001111", "for a day, and the old number is told"
        assert numbers_on_file(session, [party]) == {party: "+8619900007777"}
        held = session.exec(select(AuditEvent).where(AuditEvent.action == "number.held")).all()
    assert [event.subject for event in held] == [party]
    assert "没有要您定的" in desk.get("/import/changes")


def test_the_apps_value_stands_where_the_coordinator_says_so(desk: Desk) -> None:
    take_over(desk, a_book())
    with desk.house.store.write() as session:
        session.exec(select(Volunteer)).one().cap_week = 4
    take_over(desk, a_book(志愿者={"每周最多次数": 1}))
    assert "有 1 处要您定" in desk.get("/import")
    with desk.house.store.read() as session:
        (change,) = session.exec(select(BookChange)).all()
    shown = desk.get("/import/changes")
    assert "每周最多次数" in shown
    assert "册子和系统里都改过" in shown

    desk.post(f"/import/changes/{change.id}", {"take": "no"})

    assert volunteers(desk)[0].cap_week == 4
    desk.post(f"/import/changes/{change.id}", {"take": "yes"}, expect=409)
    desk.post("/import/changes/999999", {"take": "yes"}, expect=404)


def test_every_kind_of_question_can_be_read(desk: Desk) -> None:
    take_over(desk, a_book())
    take_over(desk, a_book(儿童={"监护人电话": "19900005555"}, 志愿者={"姓名": "李师傅"}))
    take_over(desk, a_book(儿童={"姓名": "小玉"}))

    shown = desk.get("/import/changes")

    assert "像是同一个人" in shown
    assert "李师傅" in shown
    assert "小玉、2012-06-01、古镇小学" in shown


def test_the_pages_of_the_book_keep_to_ten_queries(desk: Desk) -> None:
    take_over(desk, a_book())
    take_over(desk, a_book(志愿者={"手机号": "19900007777"}))

    with count_queries(desk.house.store.engine) as changes:
        desk.get("/import/changes")
    with count_queries(desk.house.store.engine) as empty:
        desk.get("/import")

    assert len(changes) <= 10
    assert len(empty) <= 10


def test_the_lists_lead_to_the_import(desk: Desk) -> None:
    for path in ("/children", "/volunteers"):
        assert 'href="/import"' in desk.get(path)


def test_the_roster_is_downloaded_and_read_again_without_a_change(desk: Desk) -> None:
    take_over(desk, a_book())
    assert 'action="/import/export"' in desk.get("/import")

    answer = desk.client.post("/import/export", data={"csrf_token": desk._token})

    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == (
        "attachment; filename*=UTF-8''%E5%90%8D%E5%86%8C-2021-04-06.xlsx"
    )
    assert answer.headers["cache-control"] == "no-store"
    upload(desk, answer.content)
    assert "没有要改的" in desk.get("/import")
    with desk.house.store.read() as session:
        (line,) = session.exec(select(AuditEvent).where(AuditEvent.action == "roster_book.exported")).all()
    assert line.actor.startswith("account:")
    assert "guardian.phone" in line.fields


def test_nobody_downloads_the_roster_by_a_link(desk: Desk) -> None:
    assert desk.client.get("/import/export").status_code == 405
    assert desk.client.post("/import/export").status_code == 403
    desk.client.cookies.clear()
    assert desk.client.post("/import/export").status_code == 401


def test_a_book_with_flaws_is_handed_back_with_a_column_that_names_them(desk: Desk) -> None:
    upload(desk, as_xlsx(flawed()), name="春季名册.xlsx")
    assert 'action="/import/marked"' in desk.get("/import")

    answer = desk.client.post("/import/marked", data={"csrf_token": desk._token})

    assert answer.status_code == 200
    assert unquote(answer.headers["content-disposition"]).endswith("''春季名册-问题.xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content))["志愿者"]
    assert "不能用" in str(sheet.cell(3, sheet.max_column).value)
    with desk.house.store.read() as session:
        action = "marked_book.exported"
        assert len(session.exec(select(AuditEvent).where(AuditEvent.action == action)).all()) == 1
    assert 'id="h-verdict"' in desk.get("/import"), "it still waits"


def test_a_book_without_flaws_is_not_offered_back(desk: Desk) -> None:
    upload(desk, as_xlsx(a_book()))

    assert "/import/marked" not in desk.get("/import")
    desk.post("/import/drop")
    desk.post("/import/marked", expect=409)
