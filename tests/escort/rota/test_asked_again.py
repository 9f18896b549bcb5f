"""A changed time or place: the yes ends at once, and its owner is asked again, once, with both times."""

from datetime import time, timedelta

import pytest
from sqlmodel import Session, col, select

from escort.db import Store
from escort.roster.models import Blockout
from escort.rota import asks, legs
from escort.rota.asked_again import to_ask_again
from escort.rota.models import (
    AskKind,
    AskState,
    ChangedLeg,
    Leg,
    OfferState,
    Run,
    RunLeg,
    Shift,
    ShiftState,
)
from escort.schools import service as schools
from escort.schools.service import Scope
from tests.builders import ZONE, a_child, a_volunteer
from tests.cast import LIN
from tests.escort.journeys.rides import tap
from tests.escort.rota.changes import (
    ELEVEN,
    HALF_PAST_TWO,
    MORNING,
    ON,
    a_way_home,
    ask_all_again,
    call_early,
)
from tests.escort.rota.test_races import at_once
from tests.escort.rota.weeks import (
    MINUTE,
    asks_to,
    at,
    extend,
    leg_of,
    letters_to,
    links,
    offers_to,
    run_of,
    say_no,
    say_yes,
    search,
    shifts_of,
    told,
)

LINK = "https://dujuan.test/volunteer:"


def test_the_yes_ends_with_the_call_and_its_owner_is_asked_in_one_message(session: Session) -> None:
    child, wang = a_child(session), a_volunteer(session)
    ride = a_way_home(session, child, driver=wang)

    call_early(session, Scope(child.school.id))
    assert [shift.state for shift in shifts_of(session, ride.run)] == [ShiftState.FREED]  # told is not agreed
    assert ask_all_again(session) == 1

    (letter,) = letters_to(session, f"volunteer:{wang.id}")
    assert letter.text == (
        "【杜鹃鸟】今天放学改到14:30（原来16:00），郫筒街道一带。之前说的不算了，请重新回一次："
        f"能去回1，去不了回2。11:30前回就好。{LINK}{wang.id}"
    )
    (offer,) = offers_to(session, wang)
    assert (offer.was_starts_at, offer.shown_starts_at) == (at(ON, 16), at(ON, 14, 30))


def test_asking_again_twice_asks_once(session: Session) -> None:
    child, wang = a_child(session), a_volunteer(session)
    a_way_home(session, child, driver=wang)
    call_early(session, Scope(child.school.id))

    assert (ask_all_again(session), ask_all_again(session)) == (1, 0)
    assert to_ask_again(session, now=ELEVEN, zone=ZONE) == []


def test_the_same_driver_s_new_yes_is_a_new_promise_in_the_same_car(session: Session) -> None:
    child, wang = a_child(session), a_volunteer(session)
    ride = a_way_home(session, child, driver=wang)
    call_early(session, Scope(child.school.id))
    ask_all_again(session)

    assert len(say_yes(session, wang, ELEVEN).accepted) == 1

    before, now = shifts_of(session, ride.run)
    assert (before.state, before.end_reason) == (ShiftState.FREED, "changed:system")
    assert (now.state, now.shown_starts_at) == (ShiftState.CONFIRMED, at(ON, 14, 30))
    assert run_of(session, leg_of(session, child, ON, "home")).id == ride.run_id


def test_while_there_is_time_the_seat_is_kept_and_nobody_else_is_asked(session: Session) -> None:
    child, wang = a_child(session), a_volunteer(session)
    a_volunteer(session, "陈姐")
    ride = a_way_home(session, child, driver=wang)
    call_early(session, Scope(child.school.id))
    ask_all_again(session)

    assert search(session, ON, ELEVEN + MINUTE) == 0
    assert [shift.state for shift in shifts_of(session, ride.run)] == [ShiftState.FREED, ShiftState.OPEN]


@pytest.mark.parametrize("answer", ["no", "silence"])
def test_after_a_no_or_silence_others_are_asked(session: Session, answer: str) -> None:
    child, wang, chen = a_child(session), a_volunteer(session), a_volunteer(session, "陈姐")
    a_way_home(session, child, driver=wang)
    call_early(session, Scope(child.school.id))
    ask_all_again(session)
    later = ELEVEN + 31 * MINUTE

    if answer == "no":
        say_no(session, wang, later)
    else:
        asks.lapse_asks(session, now=later)

    assert search(session, ON, later) == 1
    assert told(session, f"volunteer:{chen.id}") == ["ask.stand_in"]
    assert to_ask_again(session, now=later, zone=ZONE) == []  # he has been asked


def test_with_less_than_an_hour_left_others_are_asked_beside_him_with_minutes_to_answer(
    session: Session,
) -> None:
    child, wang = a_child(session), a_volunteer(session)
    others = [a_volunteer(session, f"第{n}位") for n in range(4)]
    ride = a_way_home(session, child, driver=wang)
    now = at(ON, 13, 45)  # 45 minutes before
    call_early(session, Scope(child.school.id), now=now)
    ask_all_again(session, now)

    assert search(session, ON, now) == 2
    asked = [one for one in others if asks_to(session, one)]
    assert len(asked) == 2
    for one in (wang, *asked):
        (ask,) = asks_to(session, one)
        assert 3 * MINUTE <= ask.deadline_at - now <= 5 * MINUTE
    assert asks_to(session, wang)[0].kind == AskKind.CHANGED

    assert len(say_yes(session, asked[1], now + MINUTE).accepted) == 1  # the first yes wins
    assert told(session, f"volunteer:{wang.id}") == ["ask.changed"]
    assert asks_to(session, wang)[0].state == AskState.WITHDRAWN
    assert [shift.volunteer_id for shift in shifts_of(session, ride.run)] == [wang.id, asked[1].id]


def test_in_a_rush_the_first_driver_s_own_yes_wins_like_any_other(session: Session) -> None:
    child, wang, chen = a_child(session), a_volunteer(session), a_volunteer(session, "陈姐")
    ride = a_way_home(session, child, driver=wang)
    now = at(ON, 13, 45)
    call_early(session, Scope(child.school.id), now=now)
    ask_all_again(session, now)
    search(session, ON, now)

    assert len(say_yes(session, wang, now + MINUTE).accepted) == 1

    assert [shift.state for shift in shifts_of(session, ride.run)] == [
        ShiftState.FREED,
        ShiftState.CONFIRMED,
    ]
    assert asks.open_asks_of(session, chen.id or 0) == []


def test_up_to_ten_minutes_every_yes_holds(session: Session) -> None:
    child, wang = a_child(session), a_volunteer(session)
    ride = a_way_home(session, child, driver=wang)

    call_early(session, Scope(child.school.id), to=time(15, 50))

    assert [shift.state for shift in shifts_of(session, ride.run)] == [ShiftState.CONFIRMED]
    assert ask_all_again(session) == 0
    assert session.exec(select(ChangedLeg)).all() == []


def test_who_was_only_asked_is_asked_again_too_and_the_old_question_is_gone(session: Session) -> None:
    child, wang = a_child(session), a_volunteer(session)
    ride = a_way_home(session, child, driver=wang)
    assert ride.shift is not None
    ride.shift.state, ride.shift.confirmed_at, ride.shift.shown_starts_at = ShiftState.OPEN, None, None
    session.flush()
    asks.send_asks(session, now=MORNING, zone=ZONE, links=links)

    call_early(session, Scope(child.school.id))
    ask_all_again(session)

    old, new = asks_to(session, wang)
    assert (old.state, new.state, new.kind) == (AskState.WITHDRAWN, AskState.OPEN, AskKind.CHANGED)
    assert [offer.state for offer in offers_to(session, wang)] == [OfferState.WITHDRAWN, OfferState.OPEN]


def test_a_draft_and_a_turn_nobody_was_asked_about_move_without_a_word(session: Session) -> None:
    child, wang = a_child(session), a_volunteer(session)
    ride = a_way_home(session, child, driver=wang)
    assert ride.shift is not None
    ride.shift.state, ride.shift.confirmed_at, ride.shift.shown_starts_at = ShiftState.OPEN, None, None
    session.flush()

    call_early(session, Scope(child.school.id))

    assert ask_all_again(session) == 0
    assert [shift.state for shift in shifts_of(session, ride.run)] == [ShiftState.OPEN]
    asks.send_asks(session, now=ELEVEN, zone=ZONE, links=links)
    assert "14:30放学" in letters_to(session, f"volunteer:{wang.id}")[0].text


def test_stand_ins_who_were_asked_are_asked_again_first_of_all(session: Session) -> None:
    child, chen = a_child(session), a_volunteer(session, "陈姐")
    ride = a_way_home(session, child)
    ride.run.search_at = MORNING
    session.flush()
    search(session, ON, MORNING)

    call_early(session, Scope(child.school.id))
    search(session, ON, ELEVEN)

    old, new = letters_to(session, f"volunteer:{chen.id}")
    assert (old.template, old.state) == ("ask.stand_in", "withdrawn")  # the old question is never sent
    assert new.template == "ask.changed"
    assert [offer.state for offer in offers_to(session, chen)] == [OfferState.WITHDRAWN, OfferState.OPEN]
    assert len(say_yes(session, chen, ELEVEN).accepted) == 1


def test_two_children_of_one_car_stay_together(session: Session) -> None:
    first, second, wang = a_child(session), a_child(session, "小禾"), a_volunteer(session)
    ride = a_way_home(session, first, second, driver=wang)
    span = [leg.due_at - leg.pickup_at for leg in ride.legs]

    call_early(session, Scope(first.school.id))

    moved = [leg_of(session, child, ON, "home") for child in (first, second)]
    assert {leg.pickup_at for leg in moved} == {at(ON, 14, 30)}
    assert [leg.due_at - leg.pickup_at for leg in moved] == span
    assert {run_of(session, leg).id for leg in moved} == {ride.run_id}
    assert ask_all_again(session) == 1


def test_one_class_of_a_shared_car_gets_its_own_and_is_searched_at_once(session: Session) -> None:
    early, usual, wang = a_child(session), a_child(session, "小禾"), a_volunteer(session)
    chen = a_volunteer(session, "陈姐")
    early.child.class_name, usual.child.class_name = "一班", "二班"
    ride = a_way_home(session, early, usual, driver=wang)

    call_early(session, Scope(early.school.id, "一班"))

    own = run_of(session, leg_of(session, early, ON, "home"))
    assert (own.id != ride.run_id, own.starts_at, own.search_at) == (True, at(ON, 14, 30), ELEVEN)
    assert run_of(session, leg_of(session, usual, ON, "home")).id == ride.run_id
    assert told(session, f"volunteer:{wang.id}") == ["driver.fewer_children"]
    assert [shift.state for shift in shifts_of(session, ride.run)] == [ShiftState.CONFIRMED]
    search(session, ON, ELEVEN)
    assert told(session, f"volunteer:{chen.id}") == ["ask.stand_in"]


def test_another_place_at_the_same_time_asks_again_and_says_so(session: Session) -> None:
    child, wang = a_child(session), a_volunteer(session)
    ride = a_way_home(session, child, driver=wang)

    legs.change_leg(
        session,
        leg_id=ride.leg_id,
        by=LIN,
        now=ELEVEN,
        zone=ZONE,
        place_name="外婆家",
        point=(30.90, 103.85),
    )
    ask_all_again(session)

    assert letters_to(session, f"volunteer:{wang.id}")[0].text.startswith(
        "【杜鹃鸟】今天16:00放学换了地方，郫筒街道一带。之前说的不算了"
    )
    (offer,) = offers_to(session, wang)
    assert offer.is_elsewhere
    assert len(say_yes(session, wang, ELEVEN).accepted) == 1


def test_a_late_yes_to_the_old_place_is_no_yes_to_the_new_one(session: Session) -> None:
    child, chen = a_child(session), a_volunteer(session, "陈姐")
    ride = a_way_home(session, child)
    ride.run.search_at = MORNING
    session.flush()
    search(session, ON, MORNING)
    asks.lapse_asks(session, now=ELEVEN)

    legs.change_leg(session, leg_id=ride.leg_id, by=LIN, now=ELEVEN, zone=ZONE, point=(30.90, 103.85))

    (ask,) = asks_to(session, chen)
    answered = asks.answer_ask(
        session, ask_id=ask.id or 0, declined=set(), by="", how="sms", now=ELEVEN, zone=ZONE
    )
    assert answered.accepted == []


def test_who_cannot_drive_it_as_it_is_now_is_told_and_others_are_searched(session: Session) -> None:
    child, wang = a_child(session), a_volunteer(session)
    ride = a_way_home(session, child, driver=wang)
    session.add(Blockout(volunteer_id=wang.id or 0, from_on=ON, until_on=ON, created_at=MORNING))
    session.flush()

    call_early(session, Scope(child.school.id))

    assert ask_all_again(session) == 0
    assert told(session, f"volunteer:{wang.id}") == ["driver.stand_down"]
    assert session.get_one(Run, ride.run_id).search_at == ELEVEN
    assert to_ask_again(session, now=ELEVEN, zone=ZONE) == []


def test_several_days_are_one_message(session: Session) -> None:
    child, wang = a_child(session), a_volunteer(session)
    a_way_home(session, child, driver=wang)
    friday = ON + timedelta(days=2)
    leg = leg_of(session, child, friday, "home")
    run = Run(
        school_id=leg.school_id,
        on=friday,
        direction="home",
        starts_at=leg.pickup_at,
        ends_at=leg.due_at,
        published_at=MORNING,
    )
    session.add(run)
    session.flush()
    session.add(RunLeg(run_id=run.id or 0, leg_id=leg.id or 0, position=0))
    session.add(
        Shift(
            run_id=run.id,
            volunteer_id=wang.id or 0,
            on=friday,
            direction="home",
            state=ShiftState.CONFIRMED,
            created_at=MORNING,
            confirmed_at=MORNING,
            shown_starts_at=run.starts_at,
        )
    )
    schools.add_days(
        session,
        kind=schools.CalendarKind.EARLY_DAY,
        from_on=ON,
        until_on=friday,
        at=HALF_PAST_TWO,
        scope=Scope(child.school.id),
        by=LIN,
        now=ELEVEN,
    )
    extend(session, ELEVEN)

    assert ask_all_again(session) == 1

    (letter,) = letters_to(session, f"volunteer:{wang.id}")
    assert letter.text.startswith(
        "【杜鹃鸟】2趟有变：今天放学改到14:30（原来16:00）；周五放学改到14:30（原来15:00），郫筒街道一带。"
        "之前说的不算了，请重新回一次：都能去回1，都不行回2，只周五不行回“2周五”。"
    )


def test_a_child_in_the_car_keeps_its_run(session: Session) -> None:
    child, wang = a_child(session), a_volunteer(session)
    ride = a_way_home(session, child, driver=wang)
    tap(session, ride, "on_board", at=at(ON, 15, 25))

    call_early(session, Scope(child.school.id), to=time(15, 45), now=at(ON, 15, 30))

    assert [shift.state for shift in shifts_of(session, ride.run)] == [ShiftState.CONFIRMED]
    assert session.get_one(Leg, ride.leg_id).pickup_at == at(ON, 16)


def test_called_off_again_asks_for_the_old_time(session: Session) -> None:
    child, wang = a_child(session), a_volunteer(session)
    ride = a_way_home(session, child, driver=wang)
    entry_id = call_early(session, Scope(child.school.id))
    ask_all_again(session)
    say_yes(session, wang, ELEVEN)

    schools.remove_entry(session, entry_id=entry_id, by=LIN, now=ELEVEN + MINUTE)
    extend(session, ELEVEN + MINUTE)
    ask_all_again(session, ELEVEN + 2 * MINUTE)

    assert "改到16:00（原来14:30）" in letters_to(session, f"volunteer:{wang.id}")[-1].text
    assert [shift.state for shift in shifts_of(session, ride.run)][-1] == ShiftState.OPEN


def test_two_clocks_ask_once(store: Store) -> None:
    with store.write() as session:
        child, wang = a_child(session), a_volunteer(session)
        a_way_home(session, child, driver=wang)
        call_early(session, Scope(child.school.id))

    assert sorted(at_once(store, ask_all_again, ask_all_again)) == [0, 1]
    with store.read() as session:
        assert session.exec(select(col(Shift.state)).order_by(col(Shift.id))).all() == ["freed", "open"]


def test_a_change_and_a_yes_to_what_was_at_the_same_moment(store: Store) -> None:
    with store.write() as session:
        child, wang = a_child(session), a_volunteer(session)
        ride = a_way_home(session, child, driver=wang)
        assert ride.shift is not None
        ride.shift.state, ride.shift.confirmed_at, ride.shift.shown_starts_at = ShiftState.OPEN, None, None
        session.flush()
        asks.send_asks(session, now=MORNING, zone=ZONE, links=links)
        (ask,), scope = asks_to(session, wang), Scope(child.school.id)
        ask_id, run_id = ask.id or 0, ride.run_id

    def yes(session: Session) -> object:
        return asks.answer_ask(
            session, ask_id=ask_id, declined=set(), by="", how="sms", now=ELEVEN, zone=ZONE
        )

    def change(session: Session) -> object:
        return call_early(session, scope)

    at_once(store, yes, change)

    with store.write() as session:
        states = {shift.state for shift in session.exec(select(Shift).where(Shift.run_id == run_id))}
        assert ShiftState.CONFIRMED not in states  # a yes to four o'clock is no yes to half past two
