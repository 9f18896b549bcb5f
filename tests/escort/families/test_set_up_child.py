"""Six fields make a child's escort; full name and consent make it ready."""

from datetime import date, timedelta

import pytest
from sqlmodel import Session, select

from escort.errors import Conflict
from escort.families import service
from escort.families.forms import ChildCompletion, ChildSetUp
from escort.families.models import BarredPerson, Child, Consent, Escort, Family, PlaceKind, Receiver
from escort.families.places import AmbiguousPlace
from escort.families.queries import Missing, is_ready_to_plan, parties_to_tell, plannable_escorts
from escort.families.sealed_reads import open_barred, open_identity, open_receivers
from escort.filled_form import FormMistakes
from escort.schools.models import Place
from notifications.addresses import live_addresses, phone_of
from tests.builders import NOW, TODAY, a_school
from tests.cast import LIN

TOMORROW = TODAY + timedelta(days=1)
AT = {"today": TODAY, "now": NOW, "by": LIN}


def six_fields(session: Session, **typed: object) -> dict[str, object]:
    return {
        "short_name": "小雨",
        "school_id": str(a_school(session).id),
        "pickup": "家门口 30.9071,103.8402",
        "dropoff": "",
        "tell_name": "杨桂芳",
        "phone": "199 0000 7929",
        "street": "唐昌街道",
    } | typed


def set_up(session: Session, **typed: object) -> service.NewChild:
    return service.set_up_child(session, form=ChildSetUp.read(six_fields(session, **typed)), **AT)  # type: ignore[arg-type]  # shorthand


def complete(session: Session, child_id: int, *, version: int = 1, **typed: object) -> service.Completed:
    form = ChildCompletion.read(
        {"full_name": "杨小雨", "born_on": "2012-06-01", "consent_on": "2021.4.6"} | typed
    )
    return service.complete_child(session, child_id=child_id, form=form, version=version, **AT)  # type: ignore[arg-type]  # shorthand


def test_six_fields_are_enough_and_the_rest_is_defaulted(session: Session) -> None:
    new = set_up(session)

    escort = session.get_one(Escort, new.escort_id)
    assert (escort.weekdays, escort.to_school, escort.home) == ("1111100", True, True)
    assert escort.from_on == TOMORROW
    assert (escort.pickup_kind, escort.dropoff_kind) == (PlaceKind.HOME, PlaceKind.HOME)
    assert (escort.dropoff_lat, escort.dropoff_lon) == (30.9071, 103.8402)
    assert phone_of(session, f"guardian:{new.guardian_id}") == "+8619900007929"
    assert parties_to_tell(session, [new.child_id]) == {new.child_id: [f"guardian:{new.guardian_id}"]}


def test_until_name_and_consent_are_there_nobody_is_asked(session: Session) -> None:
    new = set_up(session)

    assert new.missing == (Missing.FULL_NAME, Missing.CONSENT)
    assert plannable_escorts(session, from_on=TODAY, until_on=TODAY + timedelta(days=28)) == []


def test_name_and_consent_make_the_child_ready(session: Session) -> None:
    new = set_up(session)

    done = complete(session, new.child_id, receivers="外婆 19900007930、邻居张婶", barred="赵强")

    assert done.missing == ()
    assert is_ready_to_plan(session, new.child_id, TOMORROW)
    assert open_identity(session, new.child_id) == ("杨小雨", "2012-06-01")
    assert [(one.name, one.phone) for one in open_receivers(session, new.child_id)] == [
        ("外婆", "+8619900007930"),
        ("邻居张婶", None),
    ]
    assert [one.name for one in open_barred(session, new.child_id)] == ["赵强"]
    assert done.notes == ("邻居张婶没有手机号，先记成“待补”。",)


def test_a_name_without_consent_still_waits(session: Session) -> None:
    new = set_up(session)

    assert complete(session, new.child_id, consent_on="").missing == (Missing.CONSENT,)


def test_the_second_form_holds_the_whole_lists(session: Session) -> None:
    new = set_up(session)
    complete(session, new.child_id, receivers="外婆 19900007930、邻居张婶", barred="赵强")

    complete(session, new.child_id, version=2, receivers="邻居张婶 19900007931", barred="")

    assert [(one.name, one.phone) for one in open_receivers(session, new.child_id)] == [
        ("邻居张婶", "+8619900007931")
    ]
    assert open_barred(session, new.child_id) == []
    assert len(session.exec(select(Receiver)).all()) == 2  # who left the list stays in the store
    assert len(session.exec(select(BarredPerson)).all()) == 1
    assert len(session.exec(select(Consent)).all()) == 1


def test_a_guardian_who_is_known_makes_siblings(session: Session) -> None:
    first = set_up(session)
    second = set_up(session, short_name="小雪")

    assert first.guardian_id == second.guardian_id
    assert len(session.exec(select(Family)).all()) == 1
    with pytest.raises(FormMistakes, match="已经有一个孩子叫“小雪”"):
        set_up(session, short_name="小雪")


def test_the_same_child_is_found_again_by_name_birth_and_school(session: Session) -> None:
    complete(session, set_up(session).child_id)
    again = set_up(session, phone="19900000001")

    with pytest.raises(FormMistakes, match="同名同生日"):
        complete(session, again.child_id)
    twin_of_another_year = complete(session, again.child_id, born_on="2013-06-01")

    assert twin_of_another_year.missing == ()


def test_of_two_people_who_complete_a_child_the_second_is_told(session: Session) -> None:
    new = set_up(session)
    complete(session, new.child_id)

    with pytest.raises(Conflict):
        complete(session, new.child_id, version=1)


def test_a_family_without_smartphone_is_told_by_hand(session: Session) -> None:
    new = set_up(session, tell_by="paper")

    party = f"guardian:{new.guardian_id}"
    assert [address.channel for address in live_addresses(session, [party])[party]] == ["by_hand", "sms"]


def test_a_known_place_is_found_by_name_and_by_street(session: Session) -> None:
    session.add(Place(name="柳树3组", street="唐昌街道", lat=30.91, lon=103.84))
    session.add(Place(name="柳树3组", street="友爱镇", lat=30.82, lon=103.81))
    session.flush()

    with pytest.raises(AmbiguousPlace, match="有 2 个“柳树3组”") as asked:
        set_up(session, dropoff="柳树3组")
    new = set_up(session, dropoff="友爱 柳树")

    assert (list(asked.value.fields), len(asked.value.places)) == (["dropoff"], 2)
    escort = session.get_one(Escort, new.escort_id)
    assert (escort.dropoff_kind, escort.dropoff_name, escort.dropoff_lat) == (
        PlaceKind.KNOWN,
        "柳树3组",
        30.82,
    )


def test_a_picked_place_needs_no_words(session: Session) -> None:
    place = Place(name="梨园社区", street="郫筒街道", lat=30.82, lon=103.88)
    session.add(place)
    session.flush()

    new = set_up(session, pickup="", pickup_id=str(place.id))

    assert session.get_one(Escort, new.escort_id).pickup_name == "梨园社区"


def test_km_and_minutes_by_hand_stand_in_for_coordinates(session: Session) -> None:
    new = set_up(session, pickup="柳树村口 15公里、约32分")
    complete(session, new.child_id)

    [escort] = plannable_escorts(session, from_on=TODAY, until_on=TOMORROW)
    assert (escort.km_by_hand, escort.minutes_by_hand, escort.pickup.name) == (15.0, 32, "柳树村口")


def test_a_dash_between_a_place_and_its_km_is_no_minus(session: Session) -> None:
    new = set_up(session, pickup="柳树村口-15公里 32分")

    assert session.get_one(Escort, new.escort_id).km_by_hand == 15.0


def test_a_pasted_map_share_becomes_a_point(session: Session) -> None:
    new = set_up(session, pickup="唐昌国家湿地公园 30.9071,103.8402")

    escort = session.get_one(Escort, new.escort_id)
    assert (escort.pickup_kind, escort.pickup_name) == (PlaceKind.POINT, "唐昌国家湿地公园")
    assert session.get_one(Child, new.child_id).home_lat is None


def test_a_street_left_blank_is_that_of_the_nearest_known_place_or_home(session: Session) -> None:
    session.add(Place(name="梨园社区", street="安德街道", lat=30.9071, lon=103.8200))  # about 2 km west
    near_the_place = set_up(session, street="")
    set_up(session, street="唐昌街道", short_name="小雪", pickup="家门口 30.9080,103.8410")
    near_a_home = set_up(session, street="", short_name="小石")

    streets = [session.get_one(Child, new.child_id).street for new in (near_the_place, near_a_home)]

    assert streets == ["安德街道", "安德街道"]  # the first child's home lies nearest to its brother's


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"street": ""}, "street", "街道没填"),  # nothing known is near
        ({"street": "", "pickup": "柳树村口 15公里32分"}, "street", "街道没填"),
        ({"short_name": ""}, "short_name", "没填"),
        ({"short_name": "小" * 21}, "short_name", "20 个字"),
        ({"school_id": ""}, "school_id", "没选"),
        ({"school_id": "999"}, "school_id", "没有这所学校"),
        ({"pickup": ""}, "pickup", "没填"),
        ({"pickup": "村口"}, "pickup", "不是常用地点"),
        ({"pickup": "家门口"}, "pickup", "还没有住址的坐标"),
        ({"pickup": "39.9042,116.4074"}, "pickup", "不在本区"),
        ({"pickup": "0公里 0分"}, "pickup", "大于 0"),
        ({"pickup": "15公里 840分"}, "pickup", "1 到 120 分钟"),  # 14 hours
        ({"pickup": "村口 -999999 公里 32 分"}, "pickup", "写了 -999999 公里"),
        ({"pickup": "1234567公里 32 分"}, "pickup", "写了 1234567 公里"),
        ({"pickup": "15公里 -32分"}, "pickup", "写了 -32 分钟"),
        ({"phone": "028-87860000"}, "phone", "座机号"),
        ({"tell_name": ""}, "tell_name", "没填"),
        ({"weekdays": []}, "weekdays", "至少勾选一天"),
        ({"weekdays": ["7"]}, "weekdays", "重新勾选"),
        ({"to_school": "否", "home_again": "否"}, "home_again", "至少选一个"),
        ({"from_on": "2021-04-10", "until_on": "2021-04-09"}, "until_on", "早于开始"),
        ({"until_on": "2021-04-01"}, "until_on", "已经过去"),
        ({"from_on": "9月31日"}, "from_on", "看不懂日期"),
        ({"tell_by": "pigeon"}, "tell_by", "怎么告诉"),
        ({"state": "delivered"}, "state", "多了一项"),
    ],
)
def test_bad_input_is_refused_at_its_field(
    session: Session, typed: dict[str, object], field: str, said: str
) -> None:
    with pytest.raises(FormMistakes) as refused:
        set_up(session, **typed)

    assert list(refused.value.fields) == [field]
    assert said in refused.value.fields[field]
    assert session.exec(select(Child)).all() == []


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"full_name": ""}, "full_name", "姓名没填"),
        ({"full_name": "<b>"}, "full_name", "符号"),
        ({"born_on": ""}, "born_on", "没填"),
        ({"born_on": "2022-01-01"}, "born_on", "将来"),
        ({"born_on": "1990-01-01"}, "born_on", "20 岁"),
        ({"consent_on": "2021-04-07"}, "consent_on", "将来"),
        ({"receivers": "外婆 12345"}, "receivers", "外婆：手机号只有 5 位"),
        ({"receivers": "赵强", "barred": "赵强"}, "barred", "同时写在"),
        ({"handling_note": "有癫痫，上车先打招呼"}, "handling_note", "请去掉“癫痫”"),
        ({"handling_note": "慢" * 5000}, "handling_note", "200 个字"),
    ],
)
def test_bad_input_to_the_second_step_is_refused_at_its_field(
    session: Session, typed: dict[str, object], field: str, said: str
) -> None:
    new = set_up(session)

    with pytest.raises(FormMistakes) as refused:
        complete(session, new.child_id, **typed)

    assert list(refused.value.fields) == [field]
    assert said in refused.value.fields[field]
    assert session.get_one(Child, new.child_id).full_name is None


def test_a_child_who_soon_turns_fourteen_is_noted(session: Session) -> None:
    done = complete(session, set_up(session).child_id, born_on="2007-06-01", receivers="外婆 19900007930")

    assert done.notes == ("孩子将在 2021年6月满 14 岁，届时请本人也在同意书上签字。",)


def test_nothing_of_the_child_can_be_read_in_the_store(session: Session) -> None:
    new = set_up(session)
    complete(session, new.child_id, receivers="外婆 19900007930", diagnosis="自闭症", address="唐昌街道190号")

    for table in ("child", "guardian", "receiver", "address"):
        raw = str(session.connection().exec_driver_sql(f'SELECT * FROM "{table}"').all())
        for secret in (
            "杨小雨",
            "杨桂芳",
            "2012-06-01",
            "19900007930",
            "19900007929",
            "自闭症",
            "190号",
            "外婆",
        ):
            assert secret not in raw


def test_the_birthday_of_a_leap_day_is_no_trap(session: Session) -> None:
    assert complete(session, set_up(session).child_id, born_on=date(2008, 2, 29)).missing == ()
