"""想找人替, 我找了人替, 想跟人换: the driver keeps his promise until somebody else has said yes; then both move at once."""

from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlmodel import Session, select

from escort.cases.models import Case, CaseKind, CaseState
from escort.db import Store
from escort.errors import Conflict, NotFound, Refused, TooMany
from escort.journeys.deeds import close_cases_whose_cause_is_gone
from escort.journeys.leg_facts import facts_of
from escort.roster.models import Volunteer
from escort.rota import asks, handing_on
from escort.rota.availability import block_out
from escort.rota.models import (
    CircleMember,
    CircleState,
    Offer,
    OfferState,
    Refusal,
    Relief,
    ReliefState,
    Shift,
    ShiftState,
)
from tests.builders import NOW, ZONE, EscortedChild, a_child, a_team, a_volunteer
from tests.escort.journeys.rides import Ride, a_ride, tap
from tests.escort.rota.test_races import accept, at_once
from tests.escort.rota.weeks import (
    HOUR,
    MINUTE,
    at,
    letters_to,
    links,
    offers_to,
    say_no,
    say_yes,
    search,
    shifts_of,
    told,
)
from tests.escort.texts import reply

THURSDAY, FRIDAY = date(2021, 4, 8), date(2021, 4, 9)
DUTY = "199 0000 0001"


def phone(who: Volunteer) -> str:
    return f"1990001{who.id:04d}"


def me(who: Volunteer) -> str:
    return f"volunteer:{who.id}"


def look(session: Session, ride: Ride, who: Volunteer, now: datetime = NOW) -> Relief:
    return handing_on.look_for_stand_in(
        session, shift_id=ride.shift_id, volunteer_id=who.id or 0, by=me(who), how="page", now=now, zone=ZONE
    )


def name(
    session: Session, ride: Ride, who: Volunteer, said: str, *, by: str = "", now: datetime = NOW
) -> Relief:
    return handing_on.name_colleague(
        session,
        shift_id=ride.shift_id,
        volunteer_id=who.id or 0,
        said=said,
        by=by or me(who),
        how="page",
        now=now,
        zone=ZONE,
        links=links,
    )


def propose(
    session: Session, ride: Ride, who: Volunteer, said: str, on: date = FRIDAY, direction: str = "to_school"
) -> Relief:
    return handing_on.propose_swap(
        session,
        shift_id=ride.shift_id,
        volunteer_id=who.id or 0,
        said=said,
        their_on=on,
        their_direction=direction,
        by=me(who),
        how="page",
        now=NOW,
        zone=ZONE,
        links=links,
    )


def sweep(session: Session, now: datetime = NOW) -> int:
    return handing_on.sweep_reliefs(session, now=now, zone=ZONE, duty_phone=DUTY)


def holders(session: Session, ride: Ride) -> dict[int, tuple[str, str]]:
    """Each volunteer's newest shift of a run, with why it ended."""
    return {one.volunteer_id: (one.state, one.end_reason) for one in shifts_of(session, ride.run)}


def state_of(session: Session, relief: Relief) -> str:
    session.refresh(relief)
    return relief.state


@pytest.fixture
def wang(session: Session) -> Volunteer:
    return a_volunteer(session, "王师傅")


@pytest.fixture
def chen(session: Session) -> Volunteer:
    return a_volunteer(session, "陈姐", gender="F")


@pytest.fixture
def ride(session: Session, wang: Volunteer) -> Ride:
    """Thursday morning, promised by 王师傅."""
    return a_ride(session, a_child(session), driver=wang, on=THURSDAY)


@pytest.fixture
def friday(session: Session, chen: Volunteer) -> Ride:
    """Friday morning, promised by 陈姐."""
    return a_ride(session, a_child(session, "小禾"), driver=chen, on=FRIDAY)


# ---- 想找人替 ------------------------------------------------------------------------------------


def test_the_search_asks_others_and_he_stays_the_driver(
    session: Session, ride: Ride, wang: Volunteer, chen: Volunteer
) -> None:
    look(session, ride, wang)

    assert search(session, THURSDAY) == 1

    [letter] = letters_to(session, me(chen))
    assert letter.template == "ask.relief"
    assert "有人想请人替一趟" in letter.text
    assert holders(session, ride) == {wang.id: (ShiftState.CONFIRMED, "")}
    [fact] = facts_of(session, ride.legs)
    assert fact.confirmed is not None
    assert fact.confirmed.car.volunteer_id == wang.id


def test_the_first_yes_moves_authority_in_one_step_and_he_is_told(
    session: Session, ride: Ride, wang: Volunteer, chen: Volunteer
) -> None:
    relief = look(session, ride, wang)
    search(session, THURSDAY)

    answered = say_yes(session, chen, NOW + MINUTE)

    assert len(answered.accepted) == 1
    assert holders(session, ride) == {
        wang.id: (ShiftState.FREED, f"stood_in:volunteer:{chen.id}"),
        chen.id: (ShiftState.CONFIRMED, ""),
    }
    assert state_of(session, relief) == ReliefState.DONE
    assert told(session, me(wang)) == ["driver.stand_down"]
    [fact] = facts_of(session, ride.legs)
    assert fact.former is not None
    assert (fact.former.car.volunteer_id, fact.driver and fact.driver.car.volunteer_id) == (wang.id, chen.id)


def test_a_no_brings_the_next_one(session: Session, ride: Ride, wang: Volunteer, chen: Volunteer) -> None:
    look(session, ride, wang)
    search(session, THURSDAY)
    zhou = a_volunteer(session, "周敏")

    say_no(session, chen, NOW + MINUTE)
    search(session, THURSDAY, NOW + MINUTE)

    assert [offer.state for offer in offers_to(session, zhou)] == [OfferState.OPEN]
    assert holders(session, ride) == {wang.id: (ShiftState.CONFIRMED, "")}


def test_nobody_found_by_the_deadline_is_told_to_him_and_to_the_office_in_time(
    session: Session, ride: Ride, wang: Volunteer, chen: Volunteer
) -> None:
    relief = look(session, ride, wang)
    search(session, THURSDAY)

    assert relief.deadline_at == at(date(2021, 4, 7), 19)
    assert sweep(session, relief.deadline_at - MINUTE) == 0
    assert sweep(session, relief.deadline_at) == 1

    [letter] = letters_to(session, me(wang))
    assert (
        letter.text
        == "【杜鹃鸟】明天07:45上学这趟还没找到人替，现在还是您去。真去不了，请马上打199 0000 0001。"
    )
    case = session.exec(select(Case).where(Case.kind == CaseKind.RELIEF)).one()
    assert (case.about, case.needed_by) == (f"shift:{ride.shift_id}", ride.starts_at)
    assert holders(session, ride) == {wang.id: (ShiftState.CONFIRMED, "")}
    assert [offer.state for offer in offers_to(session, chen)] == [OfferState.WITHDRAWN]


def test_the_offices_case_closes_when_the_turn_is_not_his_any_more(
    session: Session, ride: Ride, wang: Volunteer
) -> None:
    relief = look(session, ride, wang)
    sweep(session, relief.deadline_at)

    block_out(
        session,
        volunteer_id=wang.id or 0,
        from_on=THURSDAY,
        until_on=THURSDAY,
        half_day=None,
        by=me(wang),
        now=relief.deadline_at + MINUTE,
        zone=ZONE,
    )
    close_cases_whose_cause_is_gone(session, now=relief.deadline_at + MINUTE)

    assert session.exec(select(Case.state).where(Case.kind == CaseKind.RELIEF)).one() == CaseState.CLOSED


def test_he_can_take_the_wish_back_and_nobody_is_asked_any_more(
    session: Session, ride: Ride, wang: Volunteer, chen: Volunteer
) -> None:
    relief = look(session, ride, wang)
    search(session, THURSDAY)

    assert handing_on.withdraw_relief(
        session, shift_id=ride.shift_id, volunteer_id=wang.id or 0, by=me(wang), now=NOW + MINUTE
    )

    assert state_of(session, relief) == ReliefState.WITHDRAWN
    assert [offer.state for offer in offers_to(session, chen)] == [OfferState.WITHDRAWN]
    assert search(session, THURSDAY, NOW + 2 * HOUR) == 0


def test_it_is_too_late_for_a_wish_shortly_before_the_start(
    session: Session, ride: Ride, wang: Volunteer
) -> None:
    with pytest.raises(Refused, match="离出发太近"):
        look(session, ride, wang, ride.starts_at - 2 * HOUR)


def test_nobody_hands_on_anothers_turn_or_one_under_way(
    session: Session, ride: Ride, wang: Volunteer, chen: Volunteer
) -> None:
    with pytest.raises(NotFound):
        look(session, ride, chen)
    tap(session, ride, "on_board", at=ride.starts_at - 5 * MINUTE)
    with pytest.raises(Refused, match="已经开始"):
        look(session, ride, wang, ride.starts_at - 4 * MINUTE)


def test_a_seat_given_up_meanwhile_is_an_ordinary_hole(
    session: Session, ride: Ride, wang: Volunteer, chen: Volunteer
) -> None:
    relief = look(session, ride, wang)
    search(session, THURSDAY)
    block_out(
        session,
        volunteer_id=wang.id or 0,
        from_on=THURSDAY,
        until_on=THURSDAY,
        half_day=None,
        by=me(wang),
        now=NOW + MINUTE,
        zone=ZONE,
    )

    say_yes(session, chen, NOW + 2 * MINUTE)
    sweep(session, NOW + 2 * MINUTE)

    assert holders(session, ride)[chen.id or 0] == (ShiftState.CONFIRMED, "")
    assert state_of(session, relief) == ReliefState.VOID
    assert told(session, me(wang)) == []  # he said himself that he cannot


def test_whoever_was_asked_in_vain_is_asked_again_when_the_seat_is_really_empty(
    session: Session, ride: Ride, wang: Volunteer, chen: Volunteer
) -> None:
    relief = look(session, ride, wang)
    search(session, THURSDAY)
    sweep(session, relief.deadline_at)
    then = relief.deadline_at + HOUR

    block_out(
        session,
        volunteer_id=wang.id or 0,
        from_on=THURSDAY,
        until_on=THURSDAY,
        half_day=None,
        by=me(wang),
        now=then,
        zone=ZONE,
    )
    search(session, THURSDAY, then)

    assert [offer.state for offer in offers_to(session, chen)] == [OfferState.WITHDRAWN, OfferState.OPEN]


def test_a_yes_after_the_deadline_moves_nothing_though_no_clock_has_swept(
    session: Session, ride: Ride, wang: Volunteer, chen: Volunteer
) -> None:
    relief = look(session, ride, wang)
    search(session, THURSDAY)
    [offer] = offers_to(session, chen)

    said = asks.answer_offer(
        session,
        offer_id=offer.id or 0,
        yes=True,
        by=me(chen),
        how="page",
        now=relief.deadline_at + MINUTE,
        zone=ZONE,
    )

    assert not said
    assert holders(session, ride) == {wang.id: (ShiftState.CONFIRMED, "")}


# ---- 我找了人替 ----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["name", "number"])
def test_the_colleague_is_asked_and_must_say_yes_himself(
    session: Session, ride: Ride, wang: Volunteer, chen: Volunteer, how: str
) -> None:
    relief = name(session, ride, wang, "陈姐" if how == "name" else phone(chen))

    [letter] = letters_to(session, me(chen))
    assert "姓王的志愿者想请您替一趟" in letter.text
    assert "您答应以前还是他去" in letter.text
    assert holders(session, ride) == {wang.id: (ShiftState.CONFIRMED, "")}
    assert sweep(session) == 0

    reply(session, me(chen), "1")

    assert holders(session, ride)[chen.id or 0] == (ShiftState.CONFIRMED, "")
    assert state_of(session, relief) == ReliefState.DONE


def test_his_no_leaves_the_turn_where_it_is_and_the_driver_hears_of_it(
    session: Session, ride: Ride, wang: Volunteer, chen: Volunteer
) -> None:
    relief = name(session, ride, wang, "陈姐")

    reply(session, me(chen), "2")
    sweep(session, NOW + 2 * MINUTE)

    assert holders(session, ride) == {wang.id: (ShiftState.CONFIRMED, "")}
    assert state_of(session, relief) == ReliefState.DECLINED
    assert told(session, me(wang)) == ["relief.colleague_cannot"]
    with pytest.raises(Refused, match="不再问他"):  # after a no nobody is asked again for that leg
        name(session, ride, wang, "陈姐", now=NOW + 3 * MINUTE)


def test_a_no_taken_back_still_counts_while_the_driver_would_hand_it_on(
    session: Session, ride: Ride, wang: Volunteer, chen: Volunteer
) -> None:
    look(session, ride, wang)
    search(session, THURSDAY)
    say_no(session, chen, NOW + MINUTE)
    [offer] = offers_to(session, chen)

    assert asks.answer_offer(
        session, offer_id=offer.id or 0, yes=True, by=me(chen), how="page", now=NOW + HOUR, zone=ZONE
    )

    assert holders(session, ride)[chen.id or 0] == (ShiftState.CONFIRMED, "")
    assert session.exec(select(Refusal.taken_back_at)).one() == NOW + HOUR


def test_a_no_cannot_be_taken_back_once_the_driver_keeps_his_turn(
    session: Session, ride: Ride, wang: Volunteer, chen: Volunteer
) -> None:
    look(session, ride, wang)
    search(session, THURSDAY)
    say_no(session, chen, NOW + MINUTE)
    handing_on.withdraw_relief(
        session, shift_id=ride.shift_id, volunteer_id=wang.id or 0, by=me(wang), now=NOW + 2 * MINUTE
    )
    [offer] = offers_to(session, chen)

    said = asks.answer_offer(
        session, offer_id=offer.id or 0, yes=True, by=me(chen), how="page", now=NOW + HOUR, zone=ZONE
    )

    assert not said
    assert holders(session, ride) == {wang.id: (ShiftState.CONFIRMED, "")}


def without_wheelchair(session: Session, ride: Ride, chen: Volunteer, child: EscortedChild) -> None:
    child.child.wheelchair = True


def busy_that_morning(session: Session, ride: Ride, chen: Volunteer, child: EscortedChild) -> None:
    a_ride(session, a_child(session, "小禾"), driver=chen, on=THURSDAY)


def with_expired_papers(session: Session, ride: Ride, chen: Volunteer, child: EscortedChild) -> None:
    chen.insured_until = NOW.date()


def for_whom_only_familiar_faces_will_do(
    session: Session, ride: Ride, chen: Volunteer, child: EscortedChild
) -> None:
    child.child.only_familiar = True


@pytest.mark.parametrize(
    ("unfit", "sentence"),
    [
        (without_wheelchair, "能载轮椅的车"),
        (busy_that_morning, "那半天已经有别的安排"),
        (with_expired_papers, "原因请他自己问值班老师"),  # a colleague's papers are not the driver's affair
        (for_whom_only_familiar_faces_will_do, "孩子认识的志愿者"),
    ],
)
def test_whoever_may_not_drive_it_is_not_asked_and_he_is_told_why(
    session: Session,
    wang: Volunteer,
    chen: Volunteer,
    unfit: Callable[[Session, Ride, Volunteer, EscortedChild], None],
    sentence: str,
) -> None:
    child = a_child(session)
    ride = a_ride(session, child, driver=wang, on=THURSDAY)
    unfit(session, ride, chen, child)
    session.flush()

    with pytest.raises(Refused, match=sentence):
        name(session, ride, wang, "陈姐")

    assert letters_to(session, me(chen)) == []
    assert session.exec(select(Relief)).all() == []


def test_he_finds_by_name_only_whom_he_may_know(session: Session, ride: Ride, wang: Volunteer) -> None:
    far = a_volunteer(session, "外人", team=a_team(session, "犀浦暖阳车队"))

    with pytest.raises(Refused, match="没有找到"):
        name(session, ride, wang, "外人")
    session.add(
        CircleMember(
            child_id=ride.legs[0].child_id, volunteer_id=far.id or 0, state=CircleState.KNOWN, proposed_at=NOW
        )
    )
    session.flush()

    assert name(session, ride, wang, "外人").to_volunteer_id == far.id


def test_a_name_that_two_bear_wants_the_number(
    session: Session, ride: Ride, wang: Volunteer, chen: Volunteer
) -> None:
    a_volunteer(session, "陈姐")

    with pytest.raises(Refused, match="不止一位"):
        name(session, ride, wang, "陈姐")
    with pytest.raises(Refused, match="这是您自己"):
        name(session, ride, wang, phone(wang))


def test_nobody_tries_out_numbers(session: Session, ride: Ride, wang: Volunteer) -> None:
    for number in range(12):
        with pytest.raises(Refused):
            name(session, ride, wang, f"199000088{number:02d}")

    with pytest.raises(TooMany):
        name(session, ride, wang, "19900008899")


def test_one_wish_at_a_time(session: Session, ride: Ride, wang: Volunteer, chen: Volunteer) -> None:
    name(session, ride, wang, "陈姐")

    with pytest.raises(Conflict, match="已经在找人替"):
        look(session, ride, wang)


# ---- 想跟人换 ------------------------------------------------------------------------------------


def test_a_swap_needs_both_and_keeps_the_old_layer(
    session: Session, ride: Ride, friday: Ride, wang: Volunteer, chen: Volunteer
) -> None:
    relief = propose(session, ride, wang, "陈姐")

    [letter] = letters_to(session, me(chen))
    assert "您去周四07:45上学（唐昌街道一带），他去您的周五07:45上学" in letter.text
    assert holders(session, ride) == {wang.id: (ShiftState.CONFIRMED, "")}

    reply(session, me(chen), "1")

    assert holders(session, ride) == {
        wang.id: (ShiftState.FREED, f"swapped:volunteer:{chen.id}"),
        chen.id: (ShiftState.CONFIRMED, ""),
    }
    assert holders(session, friday) == {
        chen.id: (ShiftState.FREED, f"swapped:volunteer:{chen.id}"),
        wang.id: (ShiftState.CONFIRMED, ""),
    }
    assert state_of(session, relief) == ReliefState.DONE
    assert "swap.done" in told(session, me(wang))
    assert "swap.done" in told(session, me(chen))


def test_two_turns_of_one_half_day_can_be_swapped(
    session: Session, ride: Ride, wang: Volunteer, chen: Volunteer
) -> None:
    theirs = a_ride(session, a_child(session, "小禾"), driver=chen, on=THURSDAY)

    propose(session, ride, wang, "陈姐", THURSDAY)
    say_yes(session, chen, NOW + MINUTE)

    assert holders(session, ride)[chen.id or 0] == (ShiftState.CONFIRMED, "")
    assert holders(session, theirs)[wang.id or 0] == (ShiftState.CONFIRMED, "")


def test_a_no_to_a_swap_changes_nothing_and_is_told(
    session: Session, ride: Ride, friday: Ride, wang: Volunteer, chen: Volunteer
) -> None:
    propose(session, ride, wang, "陈姐")

    say_no(session, chen, NOW + MINUTE)
    sweep(session, NOW + MINUTE)

    assert holders(session, ride) == {wang.id: (ShiftState.CONFIRMED, "")}
    assert holders(session, friday) == {chen.id: (ShiftState.CONFIRMED, "")}
    assert told(session, me(wang)) == ["swap.off"]
    assert told(session, me(chen)) == ["ask.swap"]


def my_run_moves(session: Session, mine: Ride, theirs: Ride, chen: Volunteer) -> None:
    mine.run.starts_at += 3 * MINUTE


def their_run_moves(session: Session, mine: Ride, theirs: Ride, chen: Volunteer) -> None:
    theirs.run.starts_at += 3 * MINUTE


def their_leg_changes(session: Session, mine: Ride, theirs: Ride, chen: Volunteer) -> None:
    theirs.legs[0].generation += 1


def their_shift_ends(session: Session, mine: Ride, theirs: Ride, chen: Volunteer) -> None:
    assert theirs.shift is not None
    theirs.shift.state = ShiftState.FREED


@pytest.mark.parametrize("change", [my_run_moves, their_run_moves, their_leg_changes, their_shift_ends])
@pytest.mark.parametrize("swept", [True, False])
def test_a_change_of_either_run_makes_it_void(
    session: Session,
    ride: Ride,
    friday: Ride,
    wang: Volunteer,
    chen: Volunteer,
    change: Callable[[Session, Ride, Ride, Volunteer], None],
    swept: bool,
) -> None:
    relief = propose(session, ride, wang, "陈姐")
    offer = offers_to(session, chen)[0]
    change(session, ride, friday, chen)
    session.flush()

    if swept:
        sweep(session, NOW + MINUTE)
    said = asks.answer_offer(
        session, offer_id=offer.id or 0, yes=True, by=me(chen), how="sms", now=NOW + 2 * MINUTE, zone=ZONE
    )
    sweep(session, NOW + 3 * MINUTE)

    assert not said
    assert holders(session, ride) == {wang.id: (ShiftState.CONFIRMED, "")}
    assert wang.id not in holders(session, friday)
    assert state_of(session, relief) == ReliefState.VOID


def test_a_swap_is_judged_for_both_cars(
    session: Session, ride: Ride, wang: Volunteer, chen: Volunteer
) -> None:
    a_ride(session, a_child(session, "小禾", needs=("wheelchair",)), driver=chen, on=FRIDAY)

    with pytest.raises(Refused, match="您的车不行"):
        propose(session, ride, wang, "陈姐")


def test_a_half_day_without_a_turn_of_his_says_so(
    session: Session, ride: Ride, friday: Ride, wang: Volunteer, chen: Volunteer
) -> None:
    with pytest.raises(Refused, match="没有说定的班"):
        propose(session, ride, wang, "陈姐", FRIDAY, "home")


def test_a_turn_that_is_offered_for_a_swap_is_not_offered_twice(
    session: Session, ride: Ride, friday: Ride, wang: Volunteer, chen: Volunteer
) -> None:
    zhou = a_volunteer(session, "周敏")
    other = a_ride(session, a_child(session, "小石"), driver=zhou, on=THURSDAY, direction="home")
    propose(session, ride, wang, "陈姐")

    with pytest.raises(Conflict):
        propose(session, other, zhou, "陈姐")


# ---- at once -------------------------------------------------------------------------------------


def a_wish(store: Store) -> tuple[int, int, int]:
    """A turn that 王师傅 would hand on, and two who were asked: the run and their offers."""
    with store.write() as session:
        wang = a_volunteer(session)
        ride = a_ride(session, a_child(session), driver=wang, on=THURSDAY)
        for nth in ("甲", "乙"):
            a_volunteer(session, f"{nth}师傅")
        look(session, ride, wang)
        search(session, THURSDAY)
        first, second = session.exec(select(Offer.id).order_by(Offer.id)).all()  # type: ignore[arg-type]
        return ride.run_id, first or 0, second or 0


def confirmed(store: Store, run_id: int) -> list[int]:
    with store.read() as session:
        return list(
            session.exec(
                select(Shift.volunteer_id).where(Shift.run_id == run_id, Shift.state == ShiftState.CONFIRMED)
            )
        )


def test_of_two_who_accept_at_once_one_takes_over(store: Store) -> None:
    run_id, first, second = a_wish(store)

    assert sorted(at_once(store, accept(first), accept(second))) == [False, True]

    [driver] = confirmed(store, run_id)
    assert driver != 1


def test_a_yes_and_the_wish_taken_back_at_once_leave_one_driver(store: Store) -> None:
    run_id, first, _ = a_wish(store)
    with store.read() as session:
        shift_id = session.exec(select(Relief.shift_id)).one()

    def keep(session: Session) -> bool:
        return handing_on.withdraw_relief(
            session, shift_id=shift_id, volunteer_id=1, by="volunteer:1", now=NOW
        )

    took_over, kept = at_once(store, accept(first), keep)

    assert took_over != kept
    assert (confirmed(store, run_id) == [1]) == kept


def test_a_yes_and_the_deadline_at_once_leave_one_driver(store: Store) -> None:
    run_id, first, _ = a_wish(store)
    with store.read() as session:
        deadline = session.exec(select(Relief.deadline_at)).one()

    took_over, lapsed = at_once(store, accept(first), lambda session: bool(sweep(session, deadline)))

    assert took_over != lapsed
    assert (confirmed(store, run_id) == [1]) == lapsed


def test_two_wishes_pressed_at_once_are_one(store: Store) -> None:
    with store.write() as session:
        wang = a_volunteer(session)
        ride = a_ride(session, a_child(session), driver=wang, on=THURSDAY)
        shift_id = ride.shift_id

    def press(session: Session) -> bool:
        try:
            handing_on.look_for_stand_in(
                session, shift_id=shift_id, volunteer_id=1, by="volunteer:1", how="page", now=NOW, zone=ZONE
            )
        except Conflict:
            return False
        return True

    assert sorted(at_once(store, press, press)) == [False, True]


def test_two_who_propose_the_same_swap_to_each_other_at_once_make_one(store: Store) -> None:
    with store.write() as session:
        wang, chen = a_volunteer(session, "王师傅"), a_volunteer(session, "陈姐")
        mine = a_ride(session, a_child(session), driver=wang, on=THURSDAY).shift_id
        theirs = a_ride(session, a_child(session, "小禾"), driver=chen, on=FRIDAY).shift_id

    def offer(shift_id: int, who: int, said: str, on: date) -> Callable[[Session], bool]:
        def deed(session: Session) -> bool:
            try:
                handing_on.propose_swap(
                    session,
                    shift_id=shift_id,
                    volunteer_id=who,
                    said=said,
                    their_on=on,
                    their_direction="to_school",
                    by=f"volunteer:{who}",
                    how="page",
                    now=NOW,
                    zone=ZONE,
                    links=links,
                )
            except Conflict:
                return False
            return True

        return deed

    made = at_once(store, offer(mine, 1, "陈姐", FRIDAY), offer(theirs, 2, "王师傅", THURSDAY))

    assert sorted(made) == [False, True]


def test_a_swap_and_a_day_off_at_once_leave_each_run_one_driver(store: Store) -> None:
    with store.write() as session:
        wang, chen = a_volunteer(session, "王师傅"), a_volunteer(session, "陈姐")
        mine = a_ride(session, a_child(session), driver=wang, on=THURSDAY)
        theirs = a_ride(session, a_child(session, "小禾"), driver=chen, on=FRIDAY)
        propose(session, mine, wang, "陈姐")
        [offer] = offers_to(session, chen)
        offer_id, runs = offer.id or 0, (mine.run_id, theirs.run_id)

    def leave(session: Session) -> bool:
        return bool(
            block_out(
                session,
                volunteer_id=2,
                from_on=FRIDAY,
                until_on=FRIDAY,
                half_day=None,
                by="volunteer:2",
                now=NOW,
                zone=ZONE,
            )
        )

    at_once(store, accept(offer_id), leave)

    thursday, friday = (confirmed(store, run_id) for run_id in runs)
    assert (thursday, friday) in (([2], [1]), ([1], []))  # the swap, or her day off: never half of one
