"""What the office changes about a child by hand: the edit form, pauses, the next term, one day."""

from datetime import timedelta

from sqlmodel import Session, col, select

from escort.families.models import Child, Escort, EscortPause, Guardian
from escort.rota.legs import extend_calendar
from escort.rota.models import Direction, Leg, LegState, Run, RunLeg, Shift, ShiftState
from notifications.addresses import phone_of
from notifications.holds import numbers_on_file
from tests.builders import NOW, TODAY, ZONE, a_child
from tests.cast import the_cast
from tests.escort.web.coordinator.conftest import Desk
from tests.escort.web.coordinator.days import a_run, a_shift
from tests.queries import count_queries

TOMORROW = TODAY + timedelta(days=1)
Typed = dict[str, str | list[str]]


def with_legs(desk: Desk) -> None:
    with desk.house.store.write() as session:
        the_cast(session)
        extend_calendar(session, now=NOW, zone=ZONE)


def promised_tomorrow(desk: Desk) -> None:
    """王师傅 has said yes to tomorrow morning."""
    with_legs(desk)
    with desk.house.store.write() as session:
        run = a_run(session, _leg(session, Direction.TO_SCHOOL))
        run.published_at = NOW
        a_shift(session, run, 1, ShiftState.CONFIRMED)


def as_it_is(desk: Desk, **changed: str | list[str]) -> Typed:
    """The form as the page gives it, with what the office changes in it."""
    with desk.house.store.read() as session:
        child = session.get_one(Child, 1)
        escort = session.exec(select(Escort).where(Escort.child_id == 1)).one()
    form: Typed = {
        "version": str(child.version),
        "escort_version": str(escort.version),
        "weekdays": [str(day) for day in range(7) if escort.weekdays[day] == "1"],
        "to_school": "on",
        "home_again": "on",
        "from_on": escort.from_on.isoformat(),
        "until_on": escort.until_on.isoformat() if escort.until_on else "",
        "pickup": "",
        "dropoff": "",
        "guardian_ids": ["1"],
        "phones": [""],
        "gets": ["1"],
        "new_name": "",
        "new_relation": "",
        "new_phone": "",
    }
    if child.wheelchair:
        form["wheelchair"] = "on"
    return {**form, **changed}


def _leg(session: Session, direction: Direction) -> Leg:
    return session.exec(
        select(Leg).where(Leg.child_id == 1, Leg.on == TOMORROW, Leg.direction == direction)
    ).one()


def test_saving_the_form_unchanged_changes_nothing(desk: Desk) -> None:
    promised_tomorrow(desk)
    before = as_it_is(desk)

    assert desk.post("/children/1/edit", before) == "/children/1"

    assert as_it_is(desk) == before
    with desk.house.store.read() as session:
        assert session.exec(select(Shift.state)).all() == [ShiftState.CONFIRMED]


def test_days_ways_and_places_reach_the_legs_at_once(desk: Desk) -> None:
    with_legs(desk)

    form = as_it_is(desk, weekdays=["2"], pickup="柳树村口 30.9100,103.8500", home_again="on")
    del form["to_school"]
    desk.post("/children/1/edit", form)

    with desk.house.store.read() as session:
        left = session.exec(select(Leg).where(Leg.child_id == 1, Leg.state == LegState.WANTED)).all()
        escort = session.exec(select(Escort).where(Escort.child_id == 1)).one()
    assert {(leg.on.weekday(), leg.direction) for leg in left} == {(2, Direction.HOME)}
    assert (escort.pickup_name, escort.pickup_lat, escort.to_school) == ("柳树村口", 30.91, False)


def test_a_yes_that_does_not_meet_the_new_needs_ends_at_once_and_one_that_does_stands(desk: Desk) -> None:
    promised_tomorrow(desk)

    desk.post("/children/1/edit", as_it_is(desk, second_adult="on"))
    with desk.house.store.read() as session:
        assert session.exec(select(Shift.state)).one() == ShiftState.CONFIRMED
        assert session.exec(select(Run.search_at)).one() is not None  # a second adult is looked for
    desk.post("/children/1/edit", as_it_is(desk, female_driver="on"))

    with desk.house.store.read() as session:
        shift = session.exec(select(Shift)).one()
    assert (shift.state, shift.end_reason.split(":")[0]) == (ShiftState.FREED, "changed")


def test_a_child_that_must_ride_alone_leaves_a_shared_car(desk: Desk) -> None:
    with desk.house.store.write() as session:
        cast = the_cast(session)
        other = a_child(session, "小满", school=cast.school, needs=())
        extend_calendar(session, now=NOW, zone=ZONE)
        theirs = session.exec(
            select(Leg).where(
                col(Leg.child_id).in_((1, other.id)), Leg.on == TOMORROW, Leg.direction == Direction.TO_SCHOOL
            )
        ).all()
        a_run(session, *theirs)

    desk.post("/children/1/edit", as_it_is(desk, alone="on"))

    with desk.house.store.read() as session:
        riding = session.exec(
            select(Leg.child_id).join(RunLeg, col(RunLeg.leg_id) == col(Leg.id)).where(col(RunLeg.is_live))
        ).all()
    assert riding == [other.id]


def test_mistakes_stand_at_their_fields_and_nothing_is_saved(desk: Desk) -> None:
    with_legs(desk)

    wrong = as_it_is(
        desk, weekdays=[], until_on="2020-01-01", new_name="外公", new_phone="123", wheelchair="on"
    )
    shown = desk.post("/children/1/edit", wrong, expect=400)

    for words in ("请至少勾选一天。", "结束日期早于开始日期", "手机号只有 3 位", 'value="外公"'):
        assert words in shown
    with desk.house.store.read() as session:
        assert not session.get_one(Child, 1).female_driver
        assert len(session.exec(select(Guardian)).all()) == 1


def test_an_empty_form_comes_back_with_what_is_missing(desk: Desk) -> None:
    with_legs(desk)

    assert "请至少勾选一天。" in desk.post("/children/1/edit", {}, expect=400)


def test_an_older_form_is_told_that_somebody_was_first_and_keeps_what_was_typed(desk: Desk) -> None:
    with_legs(desk)
    older = as_it_is(desk, new_name="外公杨", new_phone="19900000018", female_driver="on")
    desk.post("/children/1/edit", as_it_is(desk, only_familiar="on"))

    shown = desk.post("/children/1/edit", older, expect=409)

    assert "刚刚被别人改过" in shown
    assert 'value="外公杨"' in shown
    with desk.house.store.read() as session:
        child = session.get_one(Child, 1)
    assert (child.only_familiar, child.female_driver) == (True, False)


def test_somebody_to_tell_is_added_and_another_let_go_in_one_form(desk: Desk) -> None:
    with_legs(desk)

    nobody = desk.post("/children/1/edit", as_it_is(desk, gets=[]), expect=400)
    assert "至少要有一个人收消息" in nobody
    desk.post(
        "/children/1/edit",
        as_it_is(
            desk, gets=[], new_name="杨大山", new_relation="外公", new_phone="19900000018", new_is_proxy="on"
        ),
    )
    desk.post(
        "/children/1/edit", as_it_is(desk, guardian_ids=["1", "2"], phones=["", "19900000019"], gets=["2"])
    )

    with desk.house.store.read() as session:
        roles = session.exec(
            select(Guardian.gets_messages, Guardian.is_proxy).order_by(col(Guardian.id))
        ).all()
        numbers = phone_of(session, "guardian:2"), numbers_on_file(session, ["guardian:2"])
    assert roles == [(False, False), (True, False)]
    assert numbers == ("+8619900000018", {"guardian:2": "+8619900000019"})
    shown = desk.get("/children/1")
    assert "新号码 199 **** **19" in shown
    assert 'href="/people/guardian:2/phones"' in shown


def test_somebody_of_another_family_cannot_be_changed_from_here(desk: Desk) -> None:
    with_legs(desk)
    with desk.house.store.write() as session:
        other = a_child(session, "小满")

    desk.post(
        "/children/1/edit",
        as_it_is(desk, guardian_ids=[str(other.guardian.id)], phones=["19900000018"], gets=[]),
        expect=404,
    )

    with desk.house.store.read() as session:
        assert session.get_one(Guardian, other.guardian.id).gets_messages


def test_a_pause_is_lifted_and_the_legs_come_back(desk: Desk) -> None:
    with_legs(desk)
    dates: Typed = {"from_on": TOMORROW.isoformat(), "until_on": TOMORROW.isoformat(), "reason": "发烧"}

    desk.post("/children/1/pause", dates)
    with desk.house.store.read() as session:
        assert _leg(session, Direction.HOME).state == LegState.WITHDRAWN
        pause_id = session.exec(select(EscortPause.id)).one()
    desk.post(f"/children/1/pauses/{pause_id}/lift")

    with desk.house.store.read() as session:
        assert _leg(session, Direction.HOME).state == LegState.WANTED
    desk.post(f"/children/1/pauses/{pause_id}/lift", expect=409)


def test_a_pause_with_a_mistake_comes_back_as_it_was_typed(desk: Desk) -> None:
    with_legs(desk)

    shown = desk.post(
        "/children/1/pause", {"from_on": "2021-04-09", "until_on": "2021-04-08", "reason": "发烧"}, expect=400
    )
    blank = desk.post("/children/1/pause", {"from_on": "", "until_on": "", "reason": ""}, expect=400)

    assert "最后一天早于第一天" in shown
    assert 'value="2021-04-09"' in shown
    assert 'id="m-pause-from_on"' in blank


def test_an_arrangement_ends_after_its_last_day_and_is_renewed_for_the_next_term(desk: Desk) -> None:
    with_legs(desk)

    desk.post("/children/1/end", {"until_on": "2021-04-09"})
    with desk.house.store.read() as session:
        left = session.exec(select(Leg).where(Leg.state == LegState.WANTED)).all()
    assert max(leg.on.isoformat() for leg in left) == "2021-04-09"
    too_early = desk.post("/children/1/renew", {"from_on": "2021-04-09", "until_on": ""}, expect=400)
    assert "还没有结束" in too_early
    desk.post("/children/1/renew", {"from_on": "2021-04-12", "until_on": ""})

    with desk.house.store.read() as session:
        live = session.exec(select(Escort).where(col(Escort.ended_at).is_(None))).one()
    assert live.from_on.isoformat() == "2021-04-12"


def test_a_cancelled_leg_is_restored(desk: Desk) -> None:
    with_legs(desk)
    with desk.house.store.read() as session:
        leg_id = _leg(session, Direction.HOME).id

    desk.post(f"/legs/{leg_id}/cancel", {"reason": "外婆说不用"})
    assert f'action="/legs/{leg_id}/restore"' in desk.get("/children/1")
    assert desk.post(f"/legs/{leg_id}/restore") == "/children/1"

    with desk.house.store.read() as session:
        assert _leg(session, Direction.HOME).state == LegState.WANTED
    desk.post(f"/legs/{leg_id}/restore", expect=409)


def test_one_day_gets_another_time_and_place_and_the_calendar_leaves_it(desk: Desk) -> None:
    with_legs(desk)
    with desk.house.store.read() as session:
        leg_id = _leg(session, Direction.HOME).id

    desk.post(f"/legs/{leg_id}/change", {"at": "15:00", "place": "外婆家 30.9000,103.8600"})

    with desk.house.store.read() as session:
        leg = _leg(session, Direction.HOME)
    assert (leg.pickup_at.astimezone(ZONE).strftime("%H:%M"), leg.lat, leg.by_hand) == ("15:00", 30.9, True)


def test_a_day_that_cannot_be_changed_so_is_said_at_the_form(desk: Desk) -> None:
    with_legs(desk)
    with desk.house.store.read() as session:
        leg_id = _leg(session, Direction.HOME).id

    nothing = desk.post(f"/legs/{leg_id}/change", {"at": "", "place": ""}, expect=400)
    by_hand = desk.post(f"/legs/{leg_id}/change", {"at": "", "place": "村口 15公里32分"}, expect=400)

    assert f'id="m-leg-{leg_id}-at"' in nothing
    assert f'id="m-leg-{leg_id}-place"' in by_hand
    assert "村口 15公里32分" in by_hand


def test_the_pages_take_few_queries_however_many_days_are_ahead(desk: Desk) -> None:
    promised_tomorrow(desk)

    for path in ("/children/1", "/children/1/edit"):
        desk.get(path)
        with count_queries(desk.house.store.engine) as asked:
            desk.get(path)
        own = [one for one in asked.statements if "sign_in" not in one and "audit" not in one]
        assert len(own) <= 10, "\n".join(own)
