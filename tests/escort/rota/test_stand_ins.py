"""After a no: a few people are asked, the first yes wins, and the others are told."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, select

from escort.errors import Conflict, NotFound, Refused
from escort.families.models import BarredPerson
from escort.roster.models import Volunteer
from escort.rota import asks, standins
from escort.rota.models import (
    Ask,
    AskKind,
    AskState,
    CircleMember,
    CircleState,
    OfferState,
    Refusal,
    Role,
    RunState,
    ShiftState,
)
from notifications.models import MessageState
from tests.builders import NOW, TODAY, ZONE, a_child, a_volunteer
from tests.escort.journeys.rides import Ride, a_ride, a_shift
from tests.escort.rota.weeks import (
    HOUR,
    MINUTE,
    TOMORROW,
    asks_to,
    at,
    letters_to,
    links,
    offers_to,
    search,
    shifts_of,
    told,
)


def a_hole(session: Session, *, needs: tuple[str, ...] = (), search_at: datetime = NOW) -> Ride:
    """A published run of tomorrow morning, 07:45, that nobody drives."""
    ride = a_ride(session, a_child(session, needs=needs))
    ride.run.search_at = search_at
    session.flush()
    return ride


def people(session: Session, count: int) -> list[Volunteer]:
    """Volunteers who live further and further from the child's door."""
    return [
        a_volunteer(session, f"第{n}位", home=(30.9010 - n * 0.002, 103.8430), cap_week=5)
        for n in range(count)
    ]


def asked(session: Session) -> list[int]:
    """Who has an open question, in the order of asking."""
    return list(
        session.exec(select(Ask.volunteer_id).where(Ask.state == AskState.OPEN).order_by(Ask.id))  # type: ignore[arg-type]
    )


def say(session: Session, volunteer: Volunteer, yes: bool, now: datetime = NOW) -> bool:
    """Answer the newest offer."""
    return asks.answer_offer(
        session,
        offer_id=offers_to(session, volunteer)[-1].id or 0,
        yes=yes,
        by=f"volunteer:{volunteer.id}",
        how="sms",
        now=now,
        zone=ZONE,
    )


def sent(session: Session, volunteer: Volunteer) -> None:
    """His question has reached his phone."""
    for letter in letters_to(session, f"volunteer:{volunteer.id}"):
        letter.state, letter.accepted_at, letter.next_attempt_at = MessageState.ACCEPTED, NOW, None
    session.flush()


def test_the_best_few_are_asked_with_a_common_deadline(session: Session) -> None:
    ride = a_hole(session)
    first, second, _ = people(session, 3)

    assert search(session) == 2

    assert asked(session) == [first.id, second.id]
    [ask] = asks_to(session, first)
    assert (ask.kind, ask.state) == (AskKind.STAND_IN, AskState.OPEN)
    session.refresh(ride.run)
    assert ride.run.search_at == ask.deadline_at
    assert told(session, f"volunteer:{first.id}") == ["ask.stand_in"]


def test_searching_again_before_the_deadline_asks_nobody(session: Session) -> None:
    ride = a_hole(session)
    people(session, 5)
    search(session)
    ride.run.search_at = NOW
    session.flush()

    assert search(session) == 0


def test_a_no_brings_the_next_person_at_once(session: Session) -> None:
    a_hole(session)
    first, second, third = people(session, 3)
    search(session)

    say(session, first, yes=False)
    assert search(session) == 1

    assert asked(session) == [second.id, third.id]


def test_silence_brings_the_next_ones_who_have_less_time(session: Session) -> None:
    a_hole(session)
    people_ = people(session, 5)
    search(session)
    deadline = asks_to(session, people_[0])[0].deadline_at

    asks.lapse_asks(session, now=deadline)
    search(session, now=deadline)

    assert asked(session) == [person.id for person in people_[2:4]]
    assert asks_to(session, people_[2])[0].deadline_at - deadline < deadline - NOW


def test_within_the_last_hour_several_are_asked_for_a_few_minutes(session: Session) -> None:
    ride = a_hole(session)
    people_ = people(session, 4)
    now = ride.starts_at - 70 * MINUTE

    search(session, now=now)

    assert len(asked(session)) == 3
    assert 3 * MINUTE <= asks_to(session, people_[0])[0].deadline_at - now <= 5 * MINUTE


def test_the_first_yes_wins_and_the_others_are_told(session: Session) -> None:
    ride = a_hole(session)
    first, second, _ = people(session, 3)
    search(session)
    sent(session, first)

    assert say(session, second, yes=True)

    [shift] = shifts_of(session, ride.run)
    assert (shift.volunteer_id, shift.state, shift.role) == (second.id, ShiftState.CONFIRMED, Role.DRIVER)
    assert offers_to(session, first)[0].state == OfferState.TAKEN
    assert asks_to(session, first)[0].state == AskState.WITHDRAWN
    assert told(session, f"volunteer:{first.id}") == ["ask.stand_in", "offer.taken"]
    session.refresh(ride.run)
    assert ride.run.search_at is None


def test_whoever_was_not_told_of_it_yet_is_not_told_that_it_is_taken(session: Session) -> None:
    a_hole(session)
    first, second, _ = people(session, 3)
    search(session)

    say(session, second, yes=True)

    assert told(session, f"volunteer:{first.id}") == ["ask.stand_in"]
    assert letters_to(session, f"volunteer:{first.id}")[0].accepted_at is None


def test_second_acceptance_is_told_the_offer_is_taken(session: Session) -> None:
    ride = a_hole(session)
    first, second, _ = people(session, 3)
    search(session)
    say(session, first, yes=True)

    assert say(session, second, yes=True) is False
    assert say(session, second, yes=True) is False  # and again
    assert say(session, first, yes=True) is True  # his own, twice

    assert [shift.volunteer_id for shift in shifts_of(session, ride.run)] == [first.id]


def test_nobody_is_asked_twice_and_nobody_who_refused_a_leg(session: Session) -> None:
    ride = a_hole(session)
    first, second, third = people(session, 3)
    session.add(Refusal(leg_id=ride.leg_id, volunteer_id=first.id or 0, at=NOW))
    session.flush()

    search(session)

    assert asked(session) == [second.id, third.id]


def test_one_person_is_not_asked_about_two_runs_at_once_while_others_are_there(session: Session) -> None:
    a_hole(session)
    a_hole(session)
    people_ = people(session, 4)

    assert search(session) == 4

    assert sorted(asked(session)) == [person.id for person in people_]


def test_a_circle_of_one_is_asked_although_another_question_is_open(session: Session) -> None:
    ride = a_hole(session, needs=("only_familiar",))
    known, other = people(session, 2)
    session.add(
        CircleMember(
            child_id=ride.legs[0].child_id,
            volunteer_id=known.id or 0,
            state=CircleState.PUBLISHED,
            proposed_at=NOW,
        )
    )
    session.add(
        Ask(
            volunteer_id=known.id or 0,
            kind=AskKind.STAND_IN,
            week_on=TOMORROW,
            asked_at=NOW,
            deadline_at=NOW + HOUR,
        )
    )
    session.flush()

    search(session)

    assert [offer.volunteer_id for offer in offers_to(session, known)] == [known.id]
    assert offers_to(session, other) == []


def test_a_published_member_of_the_circle_is_known_from_the_first_yes_on(session: Session) -> None:
    ride = a_hole(session, needs=("only_familiar",))
    known = a_volunteer(session)
    member = CircleMember(
        child_id=ride.legs[0].child_id,
        volunteer_id=known.id or 0,
        state=CircleState.PUBLISHED,
        proposed_at=NOW,
    )
    session.add(member)
    session.flush()
    search(session)

    say(session, known, yes=True)

    session.refresh(member)
    assert (member.state, member.known_at) == (CircleState.KNOWN, NOW)


def test_when_nobody_is_left_it_says_why_and_looks_again(session: Session) -> None:
    ride = a_hole(session, needs=("wheelchair",))
    people(session, 3)

    assert search(session) == 0

    session.refresh(ride.run)
    assert ride.run.unfilled_code == "nobody_left"
    assert ride.run.unfilled_detail is not None
    assert ride.run.unfilled_detail["blocked"]["wheelchair"] == 3
    assert ride.run.search_at == NOW + HOUR
    a_volunteer(session, "轮椅车", wheelchair=True)
    assert search(session, now=NOW + HOUR) == 1


def test_at_t_the_search_ends(session: Session) -> None:
    ride = a_hole(session)
    people(session, 3)

    assert search(session, now=ride.starts_at) == 0

    session.refresh(ride.run)
    assert ride.run.search_at is None


def test_a_run_that_somebody_drives_is_not_searched(session: Session) -> None:
    ride = a_hole(session)
    first, second = people(session, 2)
    a_shift(session, ride.run, first, confirmed_at=NOW)
    session.flush()

    assert search(session) == 0
    assert offers_to(session, second) == []


def test_a_second_adult_is_looked_for_besides_the_driver(session: Session) -> None:
    ride = a_hole(session, needs=("second_adult",))
    first, second, third = people(session, 3)

    search(session)
    seats = {offers_to(session, person)[0].role for person in (first, second) if offers_to(session, person)}
    assert Role.DRIVER in seats
    for person in (first, second, third):
        for offer in offers_to(session, person):
            if offer.state == OfferState.OPEN and offer.role == Role.DRIVER:
                assert say(session, person, yes=True)
    session.refresh(ride.run)
    drivers = {shift.volunteer_id for shift in shifts_of(session, ride.run)}
    asks.lapse_asks(session, now=NOW + 3 * HOUR)
    search(session, now=NOW + 3 * HOUR)

    open_seconds = [
        offer
        for person in (first, second, third)
        for offer in offers_to(session, person)
        if offer.state in {OfferState.OPEN, OfferState.LAPSED} and offer.role == Role.SECOND
    ]
    assert open_seconds
    assert drivers.isdisjoint(offer.volunteer_id for offer in open_seconds if offer.state == OfferState.OPEN)
    session.refresh(ride.run)
    assert ride.run.search_at is not None  # a driver alone is not enough for this child


def test_the_coordinator_asks_whom_she_picked(session: Session) -> None:
    ride = a_hole(session)
    _, second = people(session, 2)

    assert pick(session, ride, [second.id or 0, second.id or 0]) == 1
    assert asked(session) == [second.id]
    with pytest.raises(Conflict):
        pick(session, ride, [second.id or 0])


def test_picking_publishes_a_run_that_was_a_draft(session: Session) -> None:
    ride = a_ride(session, a_child(session), is_published=False)
    [first] = people(session, 1)

    pick(session, ride, [first.id or 0])

    session.refresh(ride.run)
    assert ride.run.published_at == NOW


UNFIT: dict[str, Callable[[Session, Ride, Volunteer], object]] = {
    "座位险": lambda _session, _ride, who: setattr(who, "insured_until", NOW.date()),
    "停用": lambda _session, _ride, who: setattr(who, "suspended_at", NOW),
    "不让他接": lambda session, ride, who: session.add(
        BarredPerson(child_id=ride.legs[0].child_id, name="某人", volunteer_id=who.id, created_at=NOW)
    ),
    "别的车次": lambda session, _ride, who: a_ride(session, a_child(session, "小禾"), driver=who),
}


@pytest.mark.parametrize("why", UNFIT)
def test_nobody_who_may_not_drive_is_asked_even_if_picked(session: Session, why: str) -> None:
    ride = a_hole(session)
    [first] = people(session, 1)
    UNFIT[why](session, ride, first)
    session.flush()

    with pytest.raises(Refused, match=why):
        pick(session, ride, [first.id or 0])


def test_picking_for_a_run_that_is_driven_or_gone_is_refused(session: Session) -> None:
    ride = a_hole(session)
    first, second = people(session, 2)
    a_shift(session, ride.run, first, confirmed_at=NOW)
    session.flush()
    with pytest.raises(Conflict):
        pick(session, ride, [second.id or 0])
    ride.run.state = RunState.DISSOLVED
    session.flush()
    with pytest.raises(NotFound):
        pick(session, ride, [second.id or 0])


def test_candidates_come_with_what_speaks_for_them_and_who_is_asked(session: Session) -> None:
    ride = a_hole(session)
    first, second = people(session, 2)
    pick(session, ride, [first.id or 0])

    found, why = standins.candidates_for_run(session, run_id=ride.run_id, zone=ZONE)

    assert [(one.volunteer_id, one.is_asked) for one in found] == [(first.id, True), (second.id, False)]
    assert why.free == 2


def test_a_promise_counts_more_than_a_draft_of_the_office(session: Session) -> None:
    ride = a_hole(session)
    [first] = people(session, 1)
    draft = a_ride(
        session, a_child(session, "小禾"), driver=first, shift_state=ShiftState.DRAFT, is_published=False
    )
    search(session)

    assert say(session, first, yes=True)

    assert [shift.state for shift in shifts_of(session, draft.run)] == [ShiftState.FREED]
    assert [shift.state for shift in shifts_of(session, ride.run)] == [ShiftState.CONFIRMED]


def test_two_runs_in_one_half_day_are_not_promised_by_one_person(session: Session) -> None:
    ride, other = a_hole(session), a_hole(session)
    [first] = people(session, 1)
    pick(session, ride, [first.id or 0])
    pick(session, other, [first.id or 0])
    for offer in offers_to(session, first):
        asks.answer_offer(
            session, offer_id=offer.id or 0, yes=True, by="volunteer:1", how="sms", now=NOW, zone=ZONE
        )

    assert len(shifts_of(session, ride.run)) + len(shifts_of(session, other.run)) == 1


def test_for_the_afternoon_nobody_is_woken(session: Session) -> None:
    ride = a_ride(session, a_child(session), direction="home", at=at(TOMORROW, 16))
    night = at(TOMORROW, 1)
    ride.run.search_at = night
    session.flush()
    [first] = people(session, 1)

    search(session, now=night)

    [letter] = letters_to(session, f"volunteer:{first.id}")
    assert letter.not_before == at(TOMORROW, 6, 30)
    assert asks_to(session, first)[0].deadline_at > letter.not_before + timedelta(minutes=29)


def pick(session: Session, ride: Ride, volunteer_ids: list[int]) -> int:
    return standins.ask_people(
        session, run_id=ride.run_id, volunteer_ids=volunteer_ids, now=NOW, zone=ZONE, links=links
    )


def test_stand_in_who_drives_the_child_the_service_day_before_too_has_the_reason_kept(
    session: Session,
) -> None:
    child = a_child(session)
    [wang] = people(session, 1)
    a_ride(session, child, driver=wang, on=TODAY)
    hole = a_ride(session, child)
    hole.run.search_at = NOW
    session.flush()
    search(session)

    say(session, wang, yes=True)

    assert [shift.repeat_reason for shift in shifts_of(session, hole.run)] == ["stand_in"]


def test_a_draft_of_the_day_beside_is_a_reason_too(session: Session) -> None:
    child = a_child(session)
    [wang] = people(session, 1)
    planned = a_ride(session, child, driver=wang, on=TODAY)
    [draft] = shifts_of(session, planned.run)
    draft.state = ShiftState.DRAFT
    hole = a_ride(session, child)
    hole.run.search_at = NOW
    session.flush()
    search(session)

    say(session, wang, yes=True)

    assert [shift.repeat_reason for shift in shifts_of(session, hole.run)] == ["stand_in"]


def test_stand_in_after_somebody_else_s_day_needs_no_reason(session: Session) -> None:
    child = a_child(session)
    [wang] = people(session, 1)
    zhao = a_volunteer(session, "赵师傅", home=(30.95, 103.9), cap_week=1)
    a_ride(session, child, driver=wang, on=TODAY - timedelta(days=1))
    a_ride(session, child, driver=zhao, on=TODAY)
    hole = a_ride(session, child)
    hole.run.search_at = NOW
    session.flush()
    search(session)

    say(session, wang, yes=True)

    assert [shift.repeat_reason for shift in shifts_of(session, hole.run)] == [""]
