"""A ride that nobody is free for: whose turn would change, what it asks of whom, and nobody moved without a yes."""

from datetime import date, datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from escort.errors import Conflict, Refused
from escort.families.models import BarredPerson
from escort.roster.models import Volunteer
from escort.rota import standins
from escort.rota.answers import answer_ask
from escort.rota.models import (
    Ask,
    AskState,
    Direction,
    Offer,
    OfferState,
    Refusal,
    Relief,
    Run,
    RunLeg,
    Shift,
    ShiftState,
)
from escort.rota.repairing import Repairs, repairs_of, start_repair
from notifications.models import Message
from tests.builders import NOW, ZONE, a_child, a_volunteer
from tests.escort.rota.weeks import links
from tests.escort.web.coordinator.days import a_leg, a_run, a_shift

THURSDAY = date(2021, 4, 8)


class Chain:
    """小雨 has nobody on Thursday morning. 王师傅, who drives 小杰 then, could come if 陈姐 drove 小杰; 小雨's family
    does not want her."""

    def __init__(self, session: Session, state: ShiftState = ShiftState.CONFIRMED) -> None:
        rain, jie = a_child(session), a_child(session, "小杰")
        self.hole = a_run(session, a_leg(session, rain, on=THURSDAY))
        self.other = a_run(session, a_leg(session, jie, on=THURSDAY))
        self.hole.published_at = NOW
        self.other.published_at = None if state is ShiftState.DRAFT else NOW
        self.wang, self.chen = a_volunteer(session), a_volunteer(session, "陈姐")
        self.shift = a_shift(session, self.other, self.wang.id, state)
        session.add(BarredPerson(child_id=rain.id, name="陈姐", volunteer_id=self.chen.id, created_at=NOW))
        session.flush()

    def repairs(self, session: Session, now: datetime = NOW) -> Repairs | None:
        return repairs_of(session, run_id=self.hole.id or 0, now=now, zone=ZONE)

    def start(self, session: Session, now: datetime = NOW) -> None:
        start_repair(
            session,
            run_id=self.hole.id or 0,
            other_run_id=self.other.id or 0,
            mover_id=self.wang.id or 0,
            colleague_id=self.chen.id or 0,
            by="account:1",
            now=now,
            zone=ZONE,
            links=links,
        )


def driver_of(session: Session, run: Run) -> tuple[int, str] | None:
    shift = session.exec(
        select(Shift)
        .where(Shift.run_id == run.id, col(Shift.ended_at).is_(None))
        .execution_options(populate_existing=True)
    ).first()
    return (shift.volunteer_id, shift.state) if shift is not None else None


def say_yes(session: Session, volunteer: Volunteer) -> None:
    ask = session.exec(select(Ask).where(Ask.volunteer_id == volunteer.id, Ask.state == AskState.OPEN)).one()
    answer_ask(
        session,
        ask_id=ask.id or 0,
        declined=(),
        by=f"volunteer:{volunteer.id}",
        how="page",
        now=NOW,
        zone=ZONE,
    )


def test_the_least_change_is_told_with_what_it_asks_of_whom(session: Session) -> None:
    chain = Chain(session)

    found = chain.repairs(session)

    assert found is not None
    assert (found.least, found.is_proven, found.is_nobody) == (1, True, False)
    [proposal] = found.proposals
    wang, chen = proposal.people
    assert (wang.name, wang.given_state, wang.gives[0].children) == ("王师傅", "confirmed", ("小杰",))
    assert (chen.name, chen.takes[0].run_id, chen.gives) == ("陈姐", chain.other.id, ())
    assert (wang.new_faces, wang.duties_week) == (1, 1)
    assert proposal.can_be_started
    assert proposal.needs_a_call


def test_where_no_change_helps_that_is_proved(session: Session) -> None:
    chain = Chain(session)
    chain.chen.suspended_at = NOW
    session.flush()

    found = chain.repairs(session)

    assert found is not None
    assert (found.proposals, found.is_nobody) == ((), True)


def test_who_has_said_no_to_the_ride_is_not_asked_for_another_one_then(session: Session) -> None:
    chain = Chain(session)
    leg = session.exec(select(RunLeg.leg_id).where(RunLeg.run_id == chain.hole.id)).one()
    session.add(Refusal(leg_id=leg, volunteer_id=chain.chen.id or 0, at=NOW))
    session.flush()

    found = chain.repairs(session)

    assert found is not None
    assert found.proposals == ()


def test_a_turn_that_begins_soon_or_is_being_handed_on_is_left_alone(session: Session) -> None:
    chain = Chain(session)
    soon = chain.other.starts_at - timedelta(hours=2)

    found = chain.repairs(session, soon)

    assert found is not None
    assert found.proposals == ()
    chain.start(session)
    again = chain.repairs(session)
    assert again is not None
    assert again.proposals == ()


def test_a_run_that_is_over_or_gone_has_no_repairs(session: Session) -> None:
    chain = Chain(session)

    assert chain.repairs(session, chain.hole.starts_at) is None
    assert repairs_of(session, run_id=999, now=NOW, zone=ZONE) is None


def test_who_has_promised_keeps_his_turn_until_the_colleague_says_yes_and_comes_only_with_his_own(
    session: Session,
) -> None:
    chain = Chain(session)

    chain.start(session)

    assert driver_of(session, chain.other) == (chain.wang.id, ShiftState.CONFIRMED)
    assert session.exec(select(Offer.volunteer_id)).all() == [chain.chen.id]

    say_yes(session, chain.chen)
    session.expire_all()
    assert driver_of(session, chain.other) == (chain.chen.id, ShiftState.CONFIRMED)
    assert driver_of(session, chain.hole) is None

    standins.search(session, on=THURSDAY, now=NOW, zone=ZONE, links=links)
    asked = session.exec(select(Offer).where(Offer.run_id == chain.hole.id)).all()
    assert [(one.volunteer_id, one.state) for one in asked] == [(chain.wang.id, OfferState.OPEN)]

    say_yes(session, chain.wang)
    assert driver_of(session, chain.hole) == (chain.wang.id, ShiftState.CONFIRMED)


def test_he_is_asked_once_for_the_ride_he_would_take_instead(session: Session) -> None:
    chain = Chain(session)
    chain.start(session)
    say_yes(session, chain.chen)
    session.expire_all()

    for _ in range(2):
        standins.search(session, on=THURSDAY, now=NOW, zone=ZONE, links=links)

    assert len(session.exec(select(Offer).where(Offer.run_id == chain.hole.id)).all()) == 1


def test_the_colleague_s_no_leaves_everything_as_it_is(session: Session) -> None:
    chain = Chain(session)
    chain.start(session)
    ask = session.exec(select(Ask)).one()
    answer_ask(
        session,
        ask_id=ask.id or 0,
        declined=None,
        by=f"volunteer:{chain.chen.id}",
        how="page",
        now=NOW,
        zone=ZONE,
    )
    session.expire_all()

    assert driver_of(session, chain.other) == (chain.wang.id, ShiftState.CONFIRMED)
    assert driver_of(session, chain.hole) is None


def test_a_question_without_answer_is_put_anew_for_both(session: Session) -> None:
    chain = Chain(session, ShiftState.OPEN)

    chain.start(session)

    offers = session.exec(select(Offer).order_by(col(Offer.id))).all()
    assert [(one.run_id, one.volunteer_id) for one in offers] == [
        (chain.other.id, chain.chen.id),
        (chain.hole.id, chain.wang.id),
    ]
    assert session.get_one(Shift, chain.shift.id, populate_existing=True).state == ShiftState.FREED


def test_a_draft_is_just_changed_and_nobody_hears_of_it(session: Session) -> None:
    chain = Chain(session, ShiftState.DRAFT)

    chain.start(session)

    assert driver_of(session, chain.other) == (chain.chen.id, ShiftState.DRAFT)
    assert session.exec(select(Message.party)).all() == [f"volunteer:{chain.wang.id}"]


def test_started_twice_or_too_late_it_says_so(session: Session) -> None:
    chain = Chain(session)
    chain.start(session)

    with pytest.raises(Conflict):
        chain.start(session)
    assert len(session.exec(select(Relief)).all()) == 1

    say_yes(session, chain.chen)
    with pytest.raises(Conflict):
        chain.start(session)


def test_a_colleague_who_may_not_is_refused_at_the_start(session: Session) -> None:
    chain = Chain(session)
    chain.chen.insured_until = date(2021, 4, 1)
    session.flush()

    with pytest.raises(Refused):
        chain.start(session)


def test_the_ways_of_a_whole_week_are_looked_at(session: Session) -> None:
    """王师傅 has said that he drives once a week, and drives on Friday; 陈姐 may take that turn."""
    rain = a_child(session)
    hole = a_run(session, a_leg(session, rain, on=THURSDAY))
    friday = a_run(
        session,
        a_leg(session, a_child(session, "小杰"), on=THURSDAY + timedelta(days=1), direction=Direction.HOME),
    )
    hole.published_at = friday.published_at = NOW
    wang, chen = a_volunteer(session, cap_week=1), a_volunteer(session, "陈姐")
    a_shift(session, friday, wang.id)
    session.add(BarredPerson(child_id=rain.id, name="陈姐", volunteer_id=chen.id, created_at=NOW))
    session.flush()

    found = repairs_of(session, run_id=hole.id or 0, now=NOW, zone=ZONE)

    assert found is not None
    assert [one.gives[0].on for one in found.proposals[0].people if one.gives] == [
        THURSDAY + timedelta(days=1)
    ]
