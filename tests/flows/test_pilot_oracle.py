"""The pilot's oracle can fail: planted faults are found, and what is in order is not."""

from datetime import timedelta

import pytest
from sqlmodel import Session

from escort.cases.models import CaseKind
from escort.cases.service import acknowledge, open_case
from escort.journeys.models import Step, Tap
from escort.rota.models import Leg, LegState, Run, Shift, ShiftState
from tests.builders import NOW, TODAY, a_child, a_volunteer
from tests.cast import LIN
from tests.escort.web.visitors import a_leg, a_run, a_shift
from tests.flows.pilot_oracle import assumed_yeses, silent_legs, untrue_words

LATER = NOW + timedelta(days=30)


def a_ride(session: Session) -> tuple[Leg, Run, Shift]:
    """小雨's morning, promised by 王师傅 on the phone and delivered."""
    leg = a_leg(session, a_child(session, "小雨"), on=TODAY)
    run = a_run(session, leg)
    shift = a_shift(session, run, a_volunteer(session, "王师傅"))
    shift.confirmed_how = "phone:account:1"
    session.add(
        Tap(
            uuid="u" * 12,
            leg_id=leg.id or 0,
            step=Step.DELIVERED,
            by=LIN,
            tapped_at=leg.due_at,
            arrived_at=leg.due_at,
        )
    )
    session.flush()
    return leg, run, shift


def test_a_ride_promised_and_delivered_is_in_order(session: Session) -> None:
    a_ride(session)

    assert silent_legs(session, now=LATER) == []
    assert assumed_yeses(session) == []


@pytest.mark.parametrize("fault", ["nobody", "not delivered", "cancelled by the system"])
def test_a_leg_that_fell_silent_is_found(session: Session, fault: str) -> None:
    leg, _, shift = a_ride(session)
    if fault == "nobody":
        shift.state = ShiftState.FREED
    elif fault == "not delivered":
        session.get_one(Tap, "u" * 12).undone_at = LATER
    else:
        leg.state, leg.cancelled_by = LegState.CANCELLED, "system"
    session.flush()

    assert silent_legs(session, now=LATER) == [f"{TODAY} to_school"]


def test_a_leg_that_a_human_has_taken_is_not_silent(session: Session) -> None:
    leg, _, shift = a_ride(session)
    shift.state = ShiftState.FREED
    case = open_case(
        session,
        kind=CaseKind.NO_DRIVER,
        about=f"leg:{leg.id}",
        sentence="小雨还没有人",
        is_urgent=True,
        needed_by=leg.pickup_at,
        now=NOW,
    )
    session.flush()
    assert silent_legs(session, now=LATER) != [], "an open case that nobody took is silence"

    acknowledge(session, case_id=case.id or 0, by=LIN, now=NOW)

    assert silent_legs(session, now=LATER) == []


@pytest.mark.parametrize("how", ["", "system", "phone"])
def test_a_yes_that_nobody_gave_is_found(session: Session, how: str) -> None:
    _, _, shift = a_ride(session)
    shift.confirmed_how = how
    session.flush()

    assert len(assumed_yeses(session)) == 1


def test_a_message_read_out_too_late_is_found(session: Session) -> None:
    leg, _, shift = a_ride(session)
    text = "今天07:40上学，唐昌街道一带。出发前点一下链接里的“出发”"
    now = leg.pickup_at - timedelta(hours=1)
    assert untrue_words(session, text, who="王师傅", now=now) == []

    shift.state = ShiftState.FREED
    session.flush()

    assert len(untrue_words(session, text, who="王师傅", now=now)) == 1
