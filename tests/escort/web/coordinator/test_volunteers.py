"""Volunteers at the desk."""

from datetime import date

from sqlmodel import select

from escort.access.models import AuditEvent
from escort.roster.models import Blockout, Volunteer
from escort.rota.models import Shift, ShiftState, StandingYes
from notifications.models import Message
from tests.builders import NOW, a_volunteer
from tests.cast import the_cast
from tests.escort.rota.test_standing import a_usual_week
from tests.escort.web.coordinator.conftest import Desk
from tests.escort.web.coordinator.days import a_leg, a_run, a_shift

ON = date(2021, 4, 8)
Typed = dict[str, str | list[str]]


def the_form(**changed: str | list[str]) -> Typed:
    return {
        "name": "周敏",
        "phone": "199 0000 0888",
        "gender": "女",
        "team_id": "1",
        "address": "唐昌街道1号",
        "home": "30.9010,103.8430",
        "plate": "川A55555",
        "car_model": "哈弗H6",
        "car_colour": "红",
        "seats": "5",
        "child_seats": "1",
        "max_approach_km": "10",
        "vetted_on": "2021-03-01",
        "licence_until": "2025-01-01",
        "insured_until": "2021-12-31",
        "pattern": ["0", "1", "4"],
        "cap_week": "3",
        "remark": "",
        **changed,
    }


def the_people(desk: Desk) -> None:
    with desk.house.store.write() as session:
        the_cast(session)


def test_numbers_are_masked_in_the_list_and_the_person(desk: Desk) -> None:
    the_people(desk)

    for path in ("/volunteers", "/volunteers/1"):
        shown = desk.get(path).split("<main")[1]
        assert "199 **** **01" in shown
        assert "19900010001" not in shown


def test_somebody_added_by_hand_may_drive(desk: Desk) -> None:
    the_people(desk)

    assert desk.post("/volunteers/new", the_form()) == "/volunteers/4"

    shown = desk.get("/volunteers/4")
    for words in ("周敏", "可以开", "川A·55555", "周一早上", "周一下午", "周三早上"):
        assert words in shown


def test_a_mistake_keeps_the_form(desk: Desk) -> None:
    the_people(desk)

    shown = desk.post("/volunteers/new", the_form(phone="12", plate="不是车牌"), expect=400)

    assert "有 2 处要改" in shown
    assert 'value="不是车牌"' in shown
    assert 'value="周敏"' in shown


def test_saving_the_form_unchanged_changes_nothing(desk: Desk) -> None:
    the_people(desk)
    with desk.house.store.read() as session:
        before = session.get_one(Volunteer, 1).model_dump()

    desk.get("/volunteers/1/edit")
    desk.post(
        "/volunteers/1/edit",
        the_form(
            version="1",
            name="王师傅",
            phone="",
            gender="M",
            address="唐昌街道65号",
            plate="川A12345",
            car_model="长安欧尚",
            car_colour="白",
            vetted_on="2021-02-01",
            licence_until="2025-12-31",
            pattern=[str(place) for place in range(10)],
            cap_week="5",
        ),
    )

    with desk.house.store.read() as session:
        after = session.get_one(Volunteer, 1).model_dump()
        reads = session.exec(select(AuditEvent).where(AuditEvent.action == "read")).all()
    assert {name for name, value in before.items() if after[name] != value} <= {"version", "seats"}
    assert [read.fields for read in reads] == [["volunteer:1.address"]]


def test_a_paper_that_has_run_out_shuts_the_gate_and_says_which(desk: Desk) -> None:
    with desk.house.store.write() as session:
        a_volunteer(session, "唐大勇", papers="insurance expired")

    shown = desk.get("/volunteers/1")

    for words in ("现在不能开", "座位险当天已过期", "已过期"):
        assert words in shown
    assert "唐大勇" in desk.get("/volunteers?gate=insurance_expired")


def the_driver(**changed: str | list[str]) -> Typed:
    """王师傅 as the form shows him."""
    as_he_is: Typed = {
        "version": "1",
        "name": "王师傅",
        "phone": "",
        "gender": "M",
        "address": "唐昌街道65号",
        "plate": "川A12345",
        "pattern": [str(place) for place in range(10)],
        "cap_week": "5",
    }
    return the_form(**{**as_he_is, **changed})


def a_turn_of_the_driver(desk: Desk, *, needs: tuple[str, ...] = ()) -> None:
    with desk.house.store.write() as session:
        cast = the_cast(session)
        for need in needs:
            setattr(cast.xiaoyu.child, need, True)
        run = a_run(session, a_leg(session, cast.xiaoyu, on=ON))
        run.published_at = NOW
        a_shift(session, run, cast.wang.id, ShiftState.CONFIRMED)


def test_a_paper_that_is_corrected_frees_his_turns_at_once(desk: Desk) -> None:
    a_turn_of_the_driver(desk)

    desk.post("/volunteers/1/edit", the_driver(insured_until="2021-04-07"))

    with desk.house.store.read() as session:
        shift = session.exec(select(Shift)).one()
        told = session.exec(select(Message.party)).all()
    assert (shift.state, shift.end_reason.split(":")[0]) == (ShiftState.FREED, "unfit")
    assert told == ["volunteer:1"]


def test_a_car_that_lost_its_child_seat_frees_the_turn_that_needs_it_and_an_unchanged_one_keeps_it(
    desk: Desk,
) -> None:
    a_turn_of_the_driver(desk, needs=("child_seat",))

    desk.post("/volunteers/1/edit", the_driver())
    with desk.house.store.read() as session:
        assert session.exec(select(Shift.state)).all() == [ShiftState.CONFIRMED]
        version = session.get_one(Volunteer, 1).version
    desk.post("/volunteers/1/edit", the_driver(version=str(version), child_seats="0"))

    with desk.house.store.read() as session:
        assert session.exec(select(Shift.state)).all() == [ShiftState.FREED]


def test_suspending_frees_every_turn_and_says_so_beforehand(desk: Desk) -> None:
    with desk.house.store.write() as session:
        cast = the_cast(session)
        run = a_run(session, a_leg(session, cast.xiaoyu, on=ON))
        a_shift(session, run, cast.wang.id)
    assert "放开以后 1 趟" in desk.get("/volunteers/1")

    desk.post("/volunteers/1/suspend", {"reason": "他自己不想来了"})

    with desk.house.store.read() as session:
        assert session.exec(select(Shift.state)).one() == ShiftState.FREED
        assert session.get_one(Volunteer, 1).suspended_reason == "他自己不想来了"
    assert "已停用" in desk.get("/volunteers/1")


def test_days_off_said_on_the_phone_free_what_lies_under_them(desk: Desk) -> None:
    with desk.house.store.write() as session:
        cast = the_cast(session)
        a_shift(session, a_run(session, a_leg(session, cast.xiaoyu, on=ON)), cast.wang.id)

    desk.post("/volunteers/1/blockouts", {"from_on": "2021-04-08", "until_on": "2021-04-09", "half_day": ""})

    with desk.house.store.read() as session:
        assert session.exec(select(Shift.state)).one() == ShiftState.FREED
        assert session.exec(select(Blockout.from_on)).one() == ON
    assert "4月8日" in desk.get("/volunteers/1")


def test_a_standing_yes_said_on_the_phone_is_written_down_with_who_did_it(desk: Desk) -> None:
    with desk.house.store.write() as session:
        wang = a_usual_week(session).wang.id

    shown = desk.get(f"/volunteers/{wang}")
    desk.post(f"/volunteers/{wang}/standing", {"turn": "2.to_school.0745"})
    after = desk.get(f"/volunteers/{wang}")

    assert "记下电话里说的“固定来”" in shown
    assert "每周三上学 07:45" in after
    assert "电话里说的，办公室记的" in after
    with desk.house.store.read() as session:
        standing = session.exec(select(StandingYes)).one()
        assert standing.given_how.startswith("phone:account:")
        standing_id = str(standing.id)
    desk.post(f"/volunteers/{wang}/standing/end", {"standing": standing_id})
    assert "没有说定的" in desk.get(f"/volunteers/{wang}")
