"""Files that the office takes out: door sheets, the pile, the week for the wall, the picture; each is in the trail."""

import io
from datetime import timedelta

import pytest
from httpx2 import Response
from PIL import Image
from sqlmodel import Session, select

from escort.access.models import AuditEvent
from escort.families.models import Child, Family, TellBy
from escort.rota.models import CircleMember, CircleState
from tests.builders import NOW, TODAY
from tests.cast import Cast, the_cast
from tests.escort.journeys.rides import a_leg, a_ride, local
from tests.escort.web.coordinator.conftest import Desk
from tests.escort.web.paper.reading import lacks, pages_of
from tests.queries import count_queries

WEEK = {"week": TODAY.isoformat()}
DAYS = {"first": TODAY.isoformat(), "last": (TODAY + timedelta(days=6)).isoformat()}


@pytest.fixture
def cast(desk: Desk) -> Cast:
    """小雨 rides with 王师傅, whom she knows, and nobody brings her home; her family is rung."""
    with desk.house.store.write() as session:
        cast = the_cast(session)
        session.add(
            CircleMember(
                child_id=cast.xiaoyu.id,
                volunteer_id=cast.wang.id or 0,
                state=CircleState.KNOWN,
                proposed_at=NOW,
            )
        )
        a_ride(session, cast.xiaoyu, driver=cast.wang)
        a_leg(session, cast.xiaoyu, on=TODAY, at=local(TODAY, 16, 0), direction="home")
        told_by(session, cast, TellBy.CALL)
    return cast


def told_by(session: Session, cast: Cast, how: TellBy) -> None:
    child = session.get_one(Child, cast.xiaoyu.id)
    session.get_one(Family, child.family_id).tell_by = how


def take(desk: Desk, path: str, data: dict[str, str]) -> Response:
    return desk.client.post(path, data={"csrf_token": desk._token, **data})


def exported(desk: Desk) -> list[tuple[str, str, list[str]]]:
    with desk.house.store.read() as session:
        lines = session.exec(select(AuditEvent).where(AuditEvent.action.endswith(".exported")))  # type: ignore[attr-defined]
        return [(line.action, line.subject, list(line.fields)) for line in lines]


def test_a_door_sheet_has_the_surname_and_the_tail_and_no_more(desk: Desk, cast: Cast) -> None:
    answer = take(desk, f"/children/{cast.xiaoyu.id}/sheet/pdf", WEEK)

    pages = pages_of(answer.content)
    assert answer.headers["content-type"] == "application/pdf"
    assert "attachment" in answer.headers["content-disposition"]
    assert len(pages) == 1
    assert "王师傅" in pages[0]
    assert "尾号345" in pages[0]
    assert lacks(pages, "杨小雨", cast.wang.plate, cast.school.name)
    assert exported(desk) == [
        ("door_sheet.exported", f"child:{cast.xiaoyu.id}", [f"child:{cast.xiaoyu.id}.timetable"])
    ]


def test_the_pile_has_a_page_for_each_family_that_does_not_read_texts(desk: Desk, cast: Cast) -> None:
    pages = pages_of(take(desk, "/sheets/pdf", WEEK).content)

    assert len(pages) == 1
    assert "小雨·谁来接" in pages[0]
    assert [line[:2] for line in exported(desk)] == [("door_sheet.exported", "door_sheets")]


@pytest.mark.parametrize("chosen", [{"school_id": "9999"}, {"team_id": "9999"}])
def test_the_pile_of_another_school_or_team_is_empty_and_says_so(
    desk: Desk, cast: Cast, chosen: dict[str, str]
) -> None:
    answer = take(desk, "/sheets/pdf", WEEK | chosen)

    assert answer.status_code == 400
    assert "没有要贴单子的家庭" in answer.text
    assert exported(desk) == []


def test_a_family_that_reads_texts_is_not_in_the_pile(desk: Desk, cast: Cast) -> None:
    with desk.house.store.write() as session:
        told_by(session, cast, TellBy.SMS)

    assert take(desk, "/sheets/pdf", WEEK).status_code == 400


def test_a_rare_name_stops_the_pile_and_offers_the_browser(desk: Desk, cast: Cast) -> None:
    with desk.house.store.write() as session:
        session.get_one(Child, cast.xiaoyu.id).short_name = "小𠮷"

    answer = take(desk, "/sheets/pdf", WEEK)

    assert answer.status_code == 400
    assert "打印字库里没有这几个字：𠮷" in answer.text
    assert f'href="/children/{cast.xiaoyu.id}/sheet?week=' in answer.text
    assert exported(desk) == []
    assert (
        take(desk, "/sheets/pdf", WEEK | {"without": str(cast.xiaoyu.id)}).status_code == 400
    )  # nobody is left


def test_the_page_of_calls_offers_the_pile(desk: Desk, cast: Cast) -> None:
    with count_queries(desk.house.store.engine) as counted:
        page = desk.get("/calls")

    assert 'action="/sheets/pdf"' in page
    assert len(counted) <= 10


def test_the_week_for_the_wall_names_drivers_and_says_what_is_open(desk: Desk, cast: Cast) -> None:
    pages = pages_of(take(desk, "/rota/pdf", WEEK).content)

    assert len(pages) == 1
    assert cast.wang.name in pages[0]
    assert "待派" in pages[0]
    assert "林老师" in pages[0]
    assert "请勿外传" in pages[0]
    assert lacks(pages, "杨小雨", cast.wang.plate)
    assert [line[0] for line in exported(desk)] == ["rota.exported"]


def test_a_week_with_no_school_open_says_what_to_do(desk: Desk, cast: Cast) -> None:
    answer = take(desk, "/rota/pdf", WEEK | {"show": "draft"})

    assert answer.status_code == 400
    assert "没有打开的学校" in answer.text


def test_the_picture_shows_times_and_areas_alone(desk: Desk, cast: Cast) -> None:
    with desk.house.store.write() as session:
        a_ride(session, cast.xiaoyu, on=TODAY + timedelta(days=2), driver=None)

    answer = take(desk, "/rota/picture", DAYS)

    picture = Image.open(io.BytesIO(answer.content))
    assert answer.headers["content-type"] == "image/png"
    assert picture.width == 810
    assert [line[0] for line in exported(desk)] == ["rota_picture.exported"]


def test_with_nobody_missing_there_is_no_picture(desk: Desk, cast: Cast) -> None:
    answer = take(desk, "/rota/picture", DAYS)

    assert answer.status_code == 400
    assert "都有人了" in answer.text
