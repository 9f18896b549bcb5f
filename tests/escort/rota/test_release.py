"""Taking back: blockouts, papers, families' vetoes. Who had promised is told, and others are looked for."""

from datetime import date, timedelta

import pytest
from sqlmodel import Session

from escort.cases.models import CaseKind
from escort.cases.service import live_cases_about
from escort.errors import Refused
from escort.families.models import BarredPerson
from escort.roster.models import Volunteer
from escort.rota import asks, availability, release, standins
from escort.rota.models import AskState, OfferState, ShiftState
from escort.rota.service import record_service, times_driven
from tests.builders import NOW, TODAY, ZONE, a_child, a_volunteer
from tests.cast import LIN
from tests.escort.journeys.rides import MINUTE, Ride, a_ride, a_shift, tap
from tests.escort.rota.weeks import (
    TOMORROW,
    asks_to,
    extend,
    letters_to,
    links,
    offers_to,
    search,
    shifts_of,
    told,
)


def block_out(
    session: Session,
    who: Volunteer,
    *,
    half_day: str | None = None,
    by: str | None = None,
    on: date = TOMORROW,
) -> int:
    return availability.block_out(
        session,
        volunteer_id=who.id or 0,
        from_on=on,
        until_on=on,
        half_day=half_day,
        by=by or f"volunteer:{who.id}",
        now=NOW,
        zone=ZONE,
    )


def states(session: Session, ride: Ride) -> list[str]:
    return [shift.state for shift in shifts_of(session, ride.run)]


def test_a_blockout_after_a_yes_frees_the_shift_and_looks_for_somebody(session: Session) -> None:
    wang = a_volunteer(session)
    ride = a_ride(session, a_child(session), driver=wang)

    assert block_out(session, wang) == 1

    assert states(session, ride) == [ShiftState.FREED]
    session.refresh(ride.run)
    assert ride.run.search_at == NOW
    assert told(session, f"volunteer:{wang.id}") == []  # he said it himself
    chen = a_volunteer(session, "陈姐")
    search(session)
    assert offers_to(session, wang) == []
    assert len(offers_to(session, chen)) == 1


def test_a_blockout_noted_by_the_office_is_told_to_the_volunteer(session: Session) -> None:
    wang = a_volunteer(session)
    a_ride(session, a_child(session), driver=wang)

    block_out(session, wang, by=LIN)

    assert told(session, f"volunteer:{wang.id}") == ["driver.stand_down"]


def test_a_half_day_off_leaves_the_other_half(session: Session) -> None:
    wang = a_volunteer(session)
    morning = a_ride(session, a_child(session), driver=wang)
    home = a_ride(session, a_child(session, "小禾"), driver=wang, direction="home")

    assert block_out(session, wang, half_day="to_school") == 1

    assert (states(session, morning), states(session, home)) == ([ShiftState.FREED], [ShiftState.CONFIRMED])


def test_a_blockout_withdraws_what_is_still_asked(session: Session) -> None:
    wang = a_volunteer(session)
    a_ride(session, a_child(session), driver=wang, shift_state=ShiftState.OPEN)
    asks.send_asks(session, now=NOW, zone=ZONE, links=links)

    block_out(session, wang)

    assert offers_to(session, wang)[0].state == OfferState.WITHDRAWN
    assert asks_to(session, wang)[0].state == AskState.WITHDRAWN


def test_a_blockout_ends_a_stand_in_question_and_the_next_one_is_asked(session: Session) -> None:
    ride = a_ride(session, a_child(session))
    wang, chen = a_volunteer(session), a_volunteer(session, "陈姐", home=(30.85, 103.85))
    standins.ask_people(
        session, run_id=ride.run_id, volunteer_ids=[wang.id or 0], now=NOW, zone=ZONE, links=links
    )

    block_out(session, wang)
    search(session)

    assert offers_to(session, wang)[0].state == OfferState.WITHDRAWN
    assert len(offers_to(session, chen)) == 1


def test_the_same_blockout_twice_frees_once(session: Session) -> None:
    wang = a_volunteer(session)
    a_ride(session, a_child(session), driver=wang)

    assert (block_out(session, wang), block_out(session, wang)) == (1, 0)


def test_days_that_are_over_cannot_be_blocked(session: Session) -> None:
    wang = a_volunteer(session)

    with pytest.raises(Refused):
        block_out(session, wang, on=TODAY - timedelta(days=1))


def test_papers_that_run_out_before_the_day_end_the_promise(session: Session) -> None:
    wang = a_volunteer(session)
    ride = a_ride(session, a_child(session), driver=wang)
    wang.insured_until = TODAY
    session.flush()

    assert release.free_unfit(session, from_on=TODAY, now=NOW, zone=ZONE) == 1
    assert release.free_unfit(session, from_on=TODAY, now=NOW, zone=ZONE) == 0

    assert states(session, ride) == [ShiftState.FREED]
    assert told(session, f"volunteer:{wang.id}") == ["driver.stand_down"]


def test_a_family_s_veto_ends_the_promise_at_once(session: Session) -> None:
    wang = a_volunteer(session)
    ride = a_ride(session, a_child(session), driver=wang)
    other = a_ride(session, a_child(session, "小禾"), driver=wang, direction="home")
    session.add(
        BarredPerson(child_id=ride.legs[0].child_id, name="王师傅", volunteer_id=wang.id, created_at=NOW)
    )
    session.flush()

    assert release.free_barred(session, now=NOW, zone=ZONE) == 1

    assert (states(session, ride), states(session, other)) == ([ShiftState.FREED], [ShiftState.CONFIRMED])


def test_freeing_twice_tells_once(session: Session) -> None:
    wang = a_volunteer(session)
    ride = a_ride(session, a_child(session), driver=wang)
    for _ in range(2):
        release.free_shifts(
            session,
            shift_ids=[ride.shift_id],
            reason=release.Reason.BLOCKOUT,
            by=LIN,
            now=NOW,
            zone=ZONE,
        )

    assert len(letters_to(session, f"volunteer:{wang.id}")) == 1


def test_a_draft_ends_without_a_word(session: Session) -> None:
    wang = a_volunteer(session)
    ride = a_ride(session, a_child(session), driver=wang, shift_state=ShiftState.DRAFT, is_published=False)

    release.free_shifts(session, shift_ids=[ride.shift_id], reason="blockout", by=LIN, now=NOW, zone=ZONE)

    assert told(session, f"volunteer:{wang.id}") == []
    session.refresh(ride.run)
    assert ride.run.search_at is None  # a draft is searched once it is published


@pytest.mark.parametrize("state", [ShiftState.DRAFT, ShiftState.OPEN, ShiftState.CONFIRMED])
def test_a_leg_taken_out_of_its_run_leaves_no_live_shift(session: Session, state: ShiftState) -> None:
    wang = a_volunteer(session)
    ride = a_ride(session, a_child(session), driver=wang, shift_state=state)
    asks.send_asks(session, now=NOW, zone=ZONE, links=links)

    release.take_legs_out(session, leg_ids=[ride.leg_id], reason="cancelled", by=LIN, now=NOW, zone=ZONE)

    assert states(session, ride) == [ShiftState.FREED]
    assert {offer.state for offer in offers_to(session, wang)} <= {OfferState.WITHDRAWN}
    assert (
        told(session, f"volunteer:{wang.id}")[-1:]
        == {
            ShiftState.CONFIRMED: ["driver.stand_down"],
            ShiftState.OPEN: ["ask.routine_one_day"],
            ShiftState.DRAFT: [],
        }[state]
    )


def test_a_second_adult_whom_no_child_needs_any_more_stands_down(session: Session) -> None:
    wang, chen = a_volunteer(session), a_volunteer(session, "陈姐")
    with_second, other = a_child(session, needs=("second_adult",)), a_child(session, "小禾")
    ride = a_ride(session, with_second, other, driver=wang)
    a_shift(session, ride.run, chen, confirmed_at=NOW, role="second")
    session.flush()

    release.take_legs_out(session, leg_ids=[ride.leg_id], reason="cancelled", by=LIN, now=NOW, zone=ZONE)

    assert states(session, ride) == [ShiftState.CONFIRMED, ShiftState.FREED]
    assert told(session, f"volunteer:{chen.id}") == ["driver.stand_down"]
    assert told(session, f"volunteer:{wang.id}") == ["driver.fewer_children"]


def test_a_turn_is_counted_once(session: Session) -> None:
    child, wang = a_child(session), a_volunteer(session)
    ride = a_ride(session, child, driver=wang)

    assert record_service(session, leg_id=ride.leg_id, volunteer_id=wang.id or 0, now=NOW)
    assert not record_service(session, leg_id=ride.leg_id, volunteer_id=wang.id or 0, now=NOW)

    assert times_driven(session, child_id=child.id, volunteer_id=wang.id or 0) == 1
    extend(session)


def test_a_blockout_takes_no_car_away_in_which_a_child_sits(session: Session) -> None:
    wang = a_volunteer(session)
    ride = a_ride(session, a_child(session), driver=wang)
    tap(session, ride, "on_board", at=ride.starts_at - 5 * MINUTE)

    assert block_out(session, wang) == 0

    assert states(session, ride) == [ShiftState.CONFIRMED]
    (case,) = live_cases_about(session, [f"leg:{ride.leg_id}"])
    assert (case.kind, case.is_urgent) == (CaseKind.TROUBLE_ON_ROAD, True)


def test_after_the_child_has_arrived_a_blockout_frees_as_always(session: Session) -> None:
    wang = a_volunteer(session)
    ride = a_ride(session, a_child(session), a_child(session, "石头"), driver=wang)
    tap(session, ride, "on_board", at=ride.starts_at - 5 * MINUTE)
    tap(session, ride, "delivered", at=ride.starts_at - 4 * MINUTE)

    assert block_out(session, wang) == 1

    assert states(session, ride) == [ShiftState.FREED]
