"""The accompanied first ride: planned, agreed by both, told to the family, ticked, and decided by the coordinator."""

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from sqlmodel import Session, select

from escort.access import audit
from escort.db import Store
from escort.errors import Conflict, NotFound, Refused
from escort.families.models import BarredPerson
from escort.journeys import introductions
from escort.journeys.introductions import Side
from escort.messages import still_wanted
from escort.roster.models import Volunteer
from escort.rota.models import (
    CircleMember,
    CircleState,
    HowSaid,
    Introduction,
    IntroductionState,
    ShiftState,
)
from tests.builders import NOW, ZONE, a_child, a_team, a_volunteer
from tests.cast import LIN
from tests.escort.journeys.rides import Ride, a_ride
from tests.escort.rota.test_races import at_once
from tests.escort.rota.weeks import HOUR, letters_to, told
from tests.escort.teams import LedTeam, a_led_team, knows, lead

UNTIL = date(2021, 4, 18)
DUTY = "199 0000 0001"


@dataclass(frozen=True)
class First:
    """高思齐, new in 石桥车队, and a ride of tomorrow morning that 苏明远 drives for 小禾, who knows him."""

    led: LedTeam
    newcomer: Volunteer
    ride: Ride

    @property
    def after(self):  # type: ignore[no-untyped-def]
        return self.ride.starts_at + HOUR


def a_first(session: Session, *, papers: str = "in order", needs: tuple[str, ...] = ()) -> First:
    led = a_led_team(session, needs=needs)
    knows(session, led.su, led.child)
    newcomer = a_volunteer(session, "高思齐", team=led.team, papers=papers)
    newcomer.brought_by = led.leader.subject
    return First(led, newcomer, a_ride(session, led.child, driver=led.su))


def plan(session: Session, first: First, ride: Ride | None = None, who: int | None = None) -> int:
    return introductions.plan_introduction(
        session,
        leader=first.led.leader,
        newcomer_id=who or first.newcomer.id or 0,
        run_id=(ride or first.ride).run_id,
        now=NOW,
        until_on=UNTIL,
    )


def yes(session: Session, first: First, introduction_id: int, *sides: Side) -> None:
    for side in sides or (Side.NEWCOMER, Side.DRIVER):
        introductions.record_yes(
            session,
            leader=first.led.leader,
            introduction_id=introduction_id,
            side=side,
            how=HowSaid.PHONE,
            now=NOW,
            zone=ZONE,
            duty_phone=DUTY,
        )


def tick(session: Session, first: First, introduction_id: int) -> None:
    introductions.tick_introduction(
        session, leader=first.led.leader, introduction_id=introduction_id, now=first.after
    )


def decide(session: Session, introduction_id: int, takes_in: bool = True) -> int:
    return introductions.decide_introduction(
        session,
        introduction_id=introduction_id,
        takes_in=takes_in,
        by=LIN,
        now=NOW + 24 * HOUR,
        duty_phone=DUTY,
    )


def joinable(session: Session, first: First) -> list[int]:
    rides = introductions.rides_to_join(
        session, team_id=first.led.team_id, now=NOW, until_on=UNTIL, newcomer_id=first.newcomer.id or 0
    )
    return [ride.run_id for ride in rides]


def circle(session: Session, first: First) -> dict[int, str]:
    rows = session.exec(
        select(CircleMember)
        .where(CircleMember.child_id == first.led.child.id)
        .execution_options(populate_existing=True)
    )
    return {row.volunteer_id: row.state for row in rows}


def test_a_newcomer_may_ride_with_a_driver_of_the_team_whom_every_child_of_the_car_knows(
    session: Session,
) -> None:
    first = a_first(session)
    led = first.led
    other = a_child(session, "小石", team=led.team)
    a_ride(session, led.child, other, driver=led.su, on=date(2021, 4, 8))  # 小石 does not know him
    a_ride(session, led.child, driver=led.su, on=date(2021, 4, 9), shift_state=ShiftState.OPEN)  # asked only
    a_ride(session, led.child, driver=led.stranger, on=date(2021, 4, 12))  # another team's driver
    a_ride(session, led.child, on=date(2021, 4, 13))  # nobody

    assert joinable(session, first) == [first.ride.run_id]


def test_a_full_car_takes_no_newcomer(session: Session) -> None:
    first = a_first(session)
    first.led.su.seats = 1
    session.flush()

    assert joinable(session, first) == []
    with pytest.raises(Conflict):
        plan(session, first)


def test_the_two_and_then_the_family_are_told(session: Session) -> None:
    first = a_first(session)
    introduction_id = plan(session, first)

    yes(session, first, introduction_id, Side.NEWCOMER)
    assert told(session, first.led.child.guardian_subject) == []
    yes(session, first, introduction_id, Side.DRIVER)

    assert told(session, f"volunteer:{first.newcomer.id}") == ["introduction.newcomer"]
    assert told(session, f"volunteer:{first.led.su.id}") == ["introduction.driver"]
    [letter] = letters_to(session, first.led.child.guardian_subject)
    assert letter.text == (
        "【杜鹃鸟】杨同学明天早上7点45，还是姓苏的志愿者开车，另有一位姓高的新志愿者同车认路。"
        "不愿意请打199 0000 0001。"
    )
    row = session.get_one(Introduction, introduction_id)
    assert row.driver_how == f"phone:volunteer:{first.led.he.id}"


def test_a_yes_written_down_twice_is_told_once(session: Session) -> None:
    first = a_first(session)
    introduction_id = plan(session, first)

    yes(session, first, introduction_id)
    yes(session, first, introduction_id)

    assert told(session, f"volunteer:{first.newcomer.id}") == ["introduction.newcomer"]
    assert len(letters_to(session, first.led.child.guardian_subject)) == 1


def test_after_the_ride_the_newcomer_is_proposed_and_counts_as_no_familiar_face_yet(
    session: Session,
) -> None:
    first = a_first(session)
    introduction_id = plan(session, first)
    yes(session, first, introduction_id)

    tick(session, first, introduction_id)

    row = session.get_one(Introduction, introduction_id)
    assert (row.state, row.ended_at, row.ended_by) == (
        IntroductionState.DONE,
        first.after,
        first.led.leader.subject,
    )
    assert session.scalar(select(introductions.undecided())) == 1
    assert circle(session, first) == {first.led.su.id: CircleState.KNOWN}


def test_the_coordinators_word_lets_him_into_the_circle_and_the_family_is_told(session: Session) -> None:
    first = a_first(session)
    introduction_id = plan(session, first)
    yes(session, first, introduction_id)
    tick(session, first, introduction_id)

    assert decide(session, introduction_id) == 1

    assert circle(session, first)[first.newcomer.id or 0] == CircleState.PUBLISHED
    assert told(session, first.led.child.guardian_subject) == ["family.accompanied", "family.new_face"]
    line = audit.trail(session, actor=LIN)[0]
    assert (line.action, line.fields) == ("introduction.taken_in", [f"child:{first.led.child.id}"])
    with pytest.raises(Conflict, match="定过了"):
        decide(session, introduction_id)


def test_the_coordinator_may_leave_him_out(session: Session) -> None:
    first = a_first(session)
    introduction_id = plan(session, first)
    yes(session, first, introduction_id)
    tick(session, first, introduction_id)

    assert decide(session, introduction_id, takes_in=False) == 0

    assert circle(session, first) == {first.led.su.id: CircleState.KNOWN}
    assert session.scalar(select(introductions.undecided())) == 0


def test_who_was_barred_since_comes_into_no_circle(session: Session) -> None:
    first = a_first(session)
    introduction_id = plan(session, first)
    yes(session, first, introduction_id)
    tick(session, first, introduction_id)
    session.add(
        BarredPerson(
            child_id=first.led.child.id, name="高思齐", volunteer_id=first.newcomer.id, created_at=NOW
        )
    )

    assert decide(session, introduction_id) == 0
    assert circle(session, first) == {first.led.su.id: CircleState.KNOWN}


def test_it_is_not_ticked_before_both_have_said_yes_or_before_its_time(session: Session) -> None:
    first = a_first(session)
    introduction_id = plan(session, first)
    yes(session, first, introduction_id, Side.NEWCOMER)
    with pytest.raises(Refused, match="两位都说能去"):
        tick(session, first, introduction_id)

    yes(session, first, introduction_id, Side.DRIVER)
    with pytest.raises(Refused, match="还没到时间"):
        introductions.tick_introduction(
            session,
            leader=first.led.leader,
            introduction_id=introduction_id,
            now=first.ride.starts_at - timedelta(minutes=1),
        )


def test_a_ride_that_another_drove_does_not_count(session: Session) -> None:
    first = a_first(session)
    introduction_id = plan(session, first)
    yes(session, first, introduction_id)
    assert first.ride.shift is not None
    first.ride.shift.state = ShiftState.FREED
    session.flush()

    with pytest.raises(Conflict, match="不能算陪过"):
        tick(session, first, introduction_id)


def test_who_has_no_vetting_rides_nowhere(session: Session) -> None:
    first = a_first(session, papers="not vetted")

    with pytest.raises(Refused, match="无犯罪记录"):
        plan(session, first)


def test_missing_licence_and_insurance_do_not_keep_him_from_riding_along(session: Session) -> None:
    first = a_first(session)
    first.newcomer.licence_until = first.newcomer.insured_until = None
    session.flush()

    assert plan(session, first) > 0


def test_a_child_with_familiar_faces_only_is_just_what_the_ride_is_for(session: Session) -> None:
    first = a_first(session, needs=("only_familiar",))

    assert plan(session, first) > 0


@pytest.mark.parametrize("needs", [("female_driver",)])
def test_what_protects_the_child_stands_and_is_not_explained(
    session: Session, needs: tuple[str, ...]
) -> None:
    first = a_first(session, needs=needs)

    with pytest.raises(Refused) as refused:
        plan(session, first)

    assert refused.value.sentence == "高思齐：这趟由协调员定人，请另选一趟。"


def test_another_teams_newcomer_and_introduction_are_not_his(session: Session) -> None:
    first = a_first(session)
    introduction_id = plan(session, first)
    with pytest.raises(NotFound):
        plan(session, first, who=first.led.stranger.id)
    other_team = a_team(session, "望溪车队")
    other = lead(session, other_team, first.led.stranger)

    with pytest.raises(NotFound):
        introductions.record_yes(
            session,
            leader=other,
            introduction_id=introduction_id,
            side=Side.NEWCOMER,
            how=HowSaid.PHONE,
            now=NOW,
            zone=ZONE,
            duty_phone=DUTY,
        )


def test_called_off_is_told_to_whoever_had_agreed_and_the_run_is_free_for_another(session: Session) -> None:
    first = a_first(session)
    introduction_id = plan(session, first)
    yes(session, first, introduction_id)
    [accompanied] = letters_to(session, first.led.child.guardian_subject)

    introductions.call_off(
        session, introduction_id=introduction_id, leader=None, by=LIN, now=NOW, zone=ZONE, duty_phone=DUTY
    )

    assert told(session, f"volunteer:{first.newcomer.id}")[-1] == "introduction.off"
    assert told(session, f"volunteer:{first.led.su.id}")[-1] == "introduction.off"
    assert told(session, first.led.child.guardian_subject)[-1] == "family.not_accompanied"
    assert still_wanted(session, accompanied) == "called_off"
    assert joinable(session, first) == [first.ride.run_id]
    with pytest.raises(Conflict):
        introductions.call_off(
            session, introduction_id=introduction_id, leader=None, by=LIN, now=NOW, zone=ZONE, duty_phone=DUTY
        )


def test_a_run_takes_one_newcomer_at_a_time_even_planned_at_once(store: Store) -> None:
    with store.write() as session:
        first = a_first(session)
        second = a_volunteer(session, "田野", team=first.led.team)

    def deed(who: int | None):  # type: ignore[no-untyped-def]
        def do(session: Session) -> bool:
            try:
                return plan(session, first, who=who) > 0
            except Conflict:
                return False

        return do

    assert sorted(at_once(store, deed(first.newcomer.id), deed(second.id))) == [False, True]


def test_two_ticks_at_once_are_one(store: Store) -> None:
    with store.write() as session:
        first = a_first(session)
        introduction_id = plan(session, first)
        yes(session, first, introduction_id)

    def do(session: Session) -> bool:
        try:
            tick(session, first, introduction_id)
        except Conflict:
            return False
        return True

    assert sorted(at_once(store, do, do)) == [False, True]
