"""Children at the desk: six fields, the verdict beside them, name and consent, and what stays closed."""

import re
from datetime import date

import pytest
from sqlmodel import select

from escort.access.models import AuditEvent
from escort.families.models import Child, Consent, Escort
from escort.rota.models import Leg
from escort.schools.models import Place
from notifications.models import Message
from tests.builders import a_child, a_volunteer
from tests.cast import the_cast
from tests.escort.web.coordinator.conftest import Desk

Typed = dict[str, str | list[str]]


def six(**changed: str | list[str]) -> Typed:
    """The six fields as the office types them, and the boxes as the page ticks them."""
    return {
        "short_name": "小禾",
        "school_id": "1",
        "pickup": "家门口 30.9071,103.8402",
        "dropoff": "",
        "tell_name": "杨桂芳",
        "phone": "199 0000 0177",
        "weekdays": ["0", "1", "2", "3", "4"],
        "to_school": "on",
        "home_again": "on",
        "tell_by": "sms",
        **changed,
    }


def a_staffed_school(desk: Desk) -> None:
    with desk.house.store.write() as session:
        the_cast(session)


def test_the_form_comes_filled_but_for_six_fields(desk: Desk) -> None:
    a_staffed_school(desk)

    shown = desk.get("/children/new")

    empty = re.findall(
        r'<input type="(?:text|tel)" id="f-(\w+)" name="\w+" value=""', shown.split("<details")[0]
    )
    assert empty == ["short_name", "pickup", "dropoff", "tell_name", "phone"]  # and the school, a list
    assert shown.count(" checked") == 5 + 2 + 1


def test_looking_shows_who_could_go_and_the_very_message(desk: Desk) -> None:
    a_staffed_school(desk)

    shown = desk.post("/children/new", {**six(), "do": "look"}, expect=200)

    for words in (
        "排得开",
        "每趟都有替班",
        "07:45 出门",
        "王师傅",
        "每趟都能去",
        "小禾明天",
        "姓王",
        "条计费",
    ):
        assert words in shown
    assert "银杏" not in shown.split('id="h-sms"')[1]  # no school in a message
    with desk.house.store.read() as session:
        assert len(session.exec(select(Child.id)).all()) == 1  # 小雨 alone: looking keeps nothing


def test_a_street_left_blank_is_shown_as_an_assumption_and_asked_for_where_nothing_is_near(
    desk: Desk,
) -> None:
    a_staffed_school(desk)

    near = desk.post("/children/new", {**six(), "do": "look"}, expect=200)
    own = desk.post("/children/new", {**six(street="三道堰镇"), "do": "look"}, expect=200)
    far = desk.post("/children/new", {**six(pickup="30.7100,103.7200"), "do": "look"}, expect=200)
    refused = desk.post("/children/new", {**six(pickup="30.7100,103.7200"), "do": "save"}, expect=400)

    assert "问志愿者时说的地区：唐昌街道" in near
    assert "按附近推断" in near
    assert "问志愿者时说的地区：三道堰镇" in own
    assert "按附近推断" not in own
    assert "附近没有可以参照的地点" in far
    assert '<details class="close-box" open>' in refused


@pytest.mark.parametrize(
    ("pasted", "is_told"),
    [
        ("103.8402,30.9071", True),
        ("家门口 103.8402, 30.9071", True),
        ("30.9071,103.8402", False),
        ("经度103.8402 纬度30.9071", False),  # it says which is which
        ("103.8402E 30.9071N", False),
        ("https://uri.amap.com/marker?position=103.8427,30.9047", False),  # that is how 高德 writes
    ],
)
def test_coordinates_turned_round_are_read_and_it_is_said(desk: Desk, pasted: str, is_told: bool) -> None:
    a_staffed_school(desk)

    shown = desk.post("/children/new", {**six(pickup=pasted), "do": "look"}, expect=200)

    assert "排得开" in shown
    said = "接的地方的经纬度看来写反了，已按纬度 30.9071、经度 103.8402 理解，请核对。"
    assert shown.count(said) == is_told


def test_nobody_for_a_wheelchair_is_said_with_its_cause(desk: Desk) -> None:
    a_staffed_school(desk)

    shown = desk.post("/children/new", {**six(wheelchair="on"), "do": "look"}, expect=200)

    assert "现在没有人能接" in shown
    assert "车放不下轮椅" in shown


def test_saving_makes_a_child_that_waits_for_consent_and_asks_nobody(desk: Desk) -> None:
    a_staffed_school(desk)

    where = desk.post("/children/new", {**six(), "do": "save"})

    assert where == "/children/2/complete"
    with desk.house.store.read() as session:
        child = session.exec(select(Child).where(Child.id == 2)).one()
        assert (child.short_name, child.full_name) == ("小禾", None)
        assert session.exec(select(Message)).all() == []
        assert session.exec(select(Leg)).all() == []
    assert "待同意" in desk.get("/children/2")


def test_mistakes_stand_at_their_fields_and_in_a_summary_and_keep_what_was_typed(desk: Desk) -> None:
    a_staffed_school(desk)

    shown = desk.post("/children/new", {**six(short_name="", phone="123"), "do": "save"}, expect=400)

    assert "有 2 处要改" in shown
    assert shown.count("手机号只有 3 位") == 2
    assert 'value="123"' in shown
    assert 'value="家门口 30.9071,103.8402"' in shown


def test_a_name_that_stands_for_two_places_offers_both(desk: Desk) -> None:
    a_staffed_school(desk)
    with desk.house.store.write() as session:
        session.add_all(
            [
                Place(name="柳树 3 组", street="望溪镇", lat=30.9, lon=103.84),
                Place(name="柳树 3 组", street="柳荫街道", lat=30.82, lon=103.9),
            ]
        )

    shown = desk.post("/children/new", {**six(pickup="柳树 3 组"), "do": "save"}, expect=400)
    assert "望溪镇 柳树 3 组" in shown
    assert "柳荫街道 柳树 3 组" in shown

    desk.post("/children/new", {**six(pickup="柳树 3 组", pickup_id="1"), "do": "save"})
    with desk.house.store.read() as session:
        escort = session.exec(select(Escort).order_by(Escort.id.desc())).first()  # type: ignore[union-attr]
    assert escort is not None
    assert (escort.pickup_name, escort.pickup_lat) == ("柳树 3 组", 30.9)


def test_km_and_minutes_by_hand_are_enough_to_begin(desk: Desk) -> None:
    a_staffed_school(desk)

    shown = desk.post("/children/new", {**six(pickup="柳树村口 15公里32分"), "do": "look"}, expect=200)

    assert "没有坐标" in shown
    assert "15.0 公里，约 32 分" in shown


def test_the_script_gets_the_right_half_alone(desk: Desk) -> None:
    a_staffed_school(desk)

    shown = desk.post("/children/new/verdict", six(), expect=200)

    assert shown.lstrip().startswith("<section")
    assert "排得开" in shown


def test_name_and_consent_make_legs(desk: Desk) -> None:
    a_staffed_school(desk)
    desk.post("/children/new", {**six(), "do": "save"})

    form: Typed = {
        "version": "1",
        "full_name": "杨小禾",
        "born_on": "2012-05-08",
        "consent_on": "2021-04-06",
        "receivers": "外婆 19900000017\n邻居张婶",
        "barred": "",
        "address": "",
        "diagnosis": "",
        "handling_note": "先打招呼再开车门",
    }
    assert desk.post("/children/2/complete", form) == "/children/2"

    with desk.house.store.read() as session:
        assert session.exec(select(Consent.given_on).where(Consent.child_id == 2)).one() == date(2021, 4, 6)
        assert session.exec(select(Leg).where(Leg.child_id == 2)).first() is not None


def test_names_and_numbers_stay_closed_until_they_are_opened_and_that_is_written_down(desk: Desk) -> None:
    a_staffed_school(desk)

    closed = desk.get("/children/1")
    opened = desk.post("/children/1/open", expect=200)

    for secret in ("杨小雨", "唐昌街道190号", "199 0000 0001"):
        assert (secret in closed.split("<main")[1], secret in opened.split("<main")[1]) == (False, True)
    with desk.house.store.read() as session:
        reads = session.exec(select(AuditEvent).where(AuditEvent.action == "read")).all()
    assert [(read.subject, "full_name" in str(read.fields)) for read in reads] == [
        ("child:1", False),
        ("child:1", True),
    ]


def test_the_way_to_its_page_is_sent_to_the_family_once_and_is_in_the_trail(desk: Desk) -> None:
    with desk.house.store.write() as session:
        child = the_cast(session).xiaoyu

    for _ in range(2):  # pressed twice
        where = desk.post(f"/children/{child.id}/link")

    assert "链接交出去了" in desk.get(where)
    with desk.house.store.read() as session:
        sent = session.exec(select(Message)).one()
        assert (sent.party, sent.template) == (child.guardian_subject, "family.page")
        assert "杨同学的接送页面" in sent.text
        assert session.exec(
            select(AuditEvent.subject).where(AuditEvent.action == "family_link.sent")
        ).first() == (f"child:{child.id}")


def test_no_link_goes_out_before_the_consent(desk: Desk) -> None:
    with desk.house.store.write() as session:
        child = a_child(session, with_consent=False)

    said = desk.post(f"/children/{child.id}/link", expect=400)

    assert "同意书签好" in said
    assert "把页面链接发给家里" not in desk.get(f"/children/{child.id}")


def test_withdrawn_consent_stops_the_legs_at_once(desk: Desk) -> None:
    a_staffed_school(desk)
    desk.post("/children/1/pause", {"from_on": "2021-04-07", "until_on": "2021-04-09", "reason": "住院"})
    with desk.house.store.read() as session:
        before = session.exec(select(Leg).where(Leg.state == "wanted")).all()

    desk.post("/children/1/withdraw")

    with desk.house.store.read() as session:
        after = session.exec(select(Leg).where(Leg.state == "wanted")).all()
    assert before
    assert not after


def test_the_list_finds_by_short_name_and_shows_who_cannot_be_planned(desk: Desk) -> None:
    a_staffed_school(desk)
    desk.post("/children/new", {**six(), "do": "save"})
    with desk.house.store.write() as session:
        a_volunteer(session, "无关的人")

    assert "小雨" not in desk.get("/children?only=missing").split("<main")[1]
    assert "小禾" in desk.get("/children?text=小禾")
    assert "没有找到" in desk.get("/children?text=没有这个人")


def test_a_lost_phone_is_reached_from_the_child_and_from_the_volunteer(desk: Desk) -> None:
    a_staffed_school(desk)

    child, volunteer = desk.get("/children/1"), desk.get("/volunteers/1")

    for page, subject in ((child, "guardian:1"), (volunteer, "volunteer:1")):
        assert f'href="/people/{subject}/phones"' in page
        assert "认得的手机" in desk.get(f"/people/{subject}/phones")


def test_a_cancelled_leg_is_told_to_the_family(desk: Desk) -> None:
    a_staffed_school(desk)
    desk.post("/children/1/pause", {"from_on": "2021-04-12", "until_on": "2021-04-12", "reason": "复查"})
    with desk.house.store.read() as session:
        leg = session.exec(select(Leg).where(Leg.state == "wanted").limit(1)).one()

    assert desk.post(f"/legs/{leg.id}/cancel", {"reason": "外婆来电话"}) == "/children/1"

    with desk.house.store.read() as session:
        told = session.exec(select(Message.template).where(Message.party == "guardian:1")).all()
    assert told == ["family.office_cancelled", "family.afternoon"]  # nobody said anything of the way home
