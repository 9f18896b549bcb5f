"""Drafts: who drives what is free. Nothing that a person was asked for or has promised is moved."""

from datetime import date, timedelta

import pytest
from sqlmodel import Session, col, select

from escort.db import Store
from escort.errors import Conflict
from escort.families.models import Escort
from escort.roster.models import Blockout
from escort.rota import asks, planning, release
from escort.rota.models import (
    CircleMember,
    CircleState,
    Leg,
    PlanRecord,
    PlanState,
    Refusal,
    Run,
    RunLeg,
    Shift,
    ShiftState,
)
from tests.builders import HOME_POINT, NOW, TODAY, ZONE, a_child, a_volunteer
from tests.cast import Cast, the_cast
from tests.escort.rota.weeks import (
    SUNDAY,
    TOMORROW,
    at,
    extend,
    leg_of,
    links,
    plan,
    publish,
    run_of,
    say_no,
    say_yes,
    shifts_of,
)

FARTHER_ON = (30.9150, 103.8402)


def cast_of(store: Store) -> Cast:
    with store.write() as session:
        return the_cast(session)


def drafts(session: Session) -> list[Run]:
    return list(session.exec(select(Run).where(col(Run.published_at).is_(None))))


def drivers(session: Session, *states: ShiftState) -> dict[tuple[date, str], int]:
    return {
        (shift.on, shift.direction): shift.volunteer_id
        for shift in session.exec(select(Shift).where(col(Shift.state).in_(states)))
    }


def test_a_draft_covers_every_leg_and_asks_nobody(store: Store) -> None:
    cast_of(store)

    plan(store)

    with store.read() as session:
        assert len(drafts(session)) == 6  # Wednesday to Friday, both ways
        assert len(drivers(session, ShiftState.DRAFT)) == 6
        assert asks.volunteers_to_ask(session, now=NOW, zone=ZONE) == []


def test_nothing_to_plan_makes_no_plan(store: Store) -> None:
    cast_of(store)

    assert plan(store, from_on=date(2021, 4, 10)) is None  # a weekend


def test_planning_again_replaces_the_draft_alone(store: Store) -> None:
    cast_of(store)
    first = plan(store)

    second = plan(store)

    with store.read() as session:
        assert session.get_one(PlanRecord, first).state == PlanState.DISCARDED
        assert session.get_one(PlanRecord, second).state == PlanState.DRAFT
        assert len(drafts(session)) == 6


def test_planning_one_week_anew_keeps_the_draft_of_the_others(store: Store) -> None:
    cast_of(store)
    wide = plan(store, until_on=SUNDAY + timedelta(days=7))

    plan(store)

    with store.read() as session:
        assert session.get_one(PlanRecord, wide).state == PlanState.DRAFT
        assert len(drafts(session)) == 16


def test_a_plan_never_moves_what_was_asked_or_promised(store: Store) -> None:
    cast = cast_of(store)
    publish(store)
    with store.write() as session:
        say_yes(session, cast.wang)
        before = drivers(session, ShiftState.OPEN, ShiftState.CONFIRMED)

    assert plan(store) is None  # nothing is free

    with store.write() as session:
        a_child(session, "小禾", school=cast.school)
        for _ in range(3):
            a_volunteer(session, "更近", home=(30.9071, 103.8402))
    plan(store)
    with store.read() as session:
        assert drivers(session, ShiftState.OPEN, ShiftState.CONFIRMED) == before
        assert len(drafts(session)) == 6  # the new child's


def test_drafts_stay_where_only_what_is_free_is_planned(store: Store) -> None:
    cast = cast_of(store)
    plan(store)
    with store.write() as session:
        before = {run.id for run in drafts(session)}
        a_child(session, "小禾", school=cast.school)
        extend(session)

    planning.make_plan(
        store, now=NOW, zone=ZONE, from_on=TOMORROW, until_on=SUNDAY, seed=1, replan_drafts=False
    )

    with store.read() as session:
        assert before < {run.id for run in drafts(session)}


def test_after_a_no_a_new_plan_of_the_leg_asks_somebody_else(store: Store) -> None:
    cast = cast_of(store)
    publish(store)
    with store.write() as session:
        run = run_of(session, leg_of(session, cast.xiaoyu))
        asked = shifts_of(session, run)[0].volunteer_id
        refuser = cast.wang if asked == cast.wang.id else cast.chen
        say_no(session, refuser)
        release.dissolve_runs(
            session, run_ids=[run.id or 0], reason="changed", by="system", now=NOW, zone=ZONE
        )

    plan(store)

    with store.read() as session:
        leg = leg_of(session, cast.xiaoyu)
        again = shifts_of(session, run_of(session, leg))
        assert again
        assert all(shift.volunteer_id != refuser.id for shift in again)
        assert session.exec(select(Refusal).where(Refusal.leg_id == leg.id)).one().volunteer_id == refuser.id


def test_a_half_day_off_blocks_that_half_day_and_not_the_week(store: Store) -> None:
    cast = cast_of(store)
    with store.write() as session:
        chen = session.get_one(type(cast.chen), cast.chen.id)
        chen.pattern = "0" * 14
        wang = session.get_one(type(cast.wang), cast.wang.id)
        wang.cap_week = 5
        session.add(
            Blockout(
                volunteer_id=cast.wang.id or 0,
                from_on=TOMORROW,
                until_on=TOMORROW,
                half_day="to_school",
                created_at=NOW,
            )
        )

    plan(store)

    with store.read() as session:
        drive = drivers(session, ShiftState.DRAFT)
        assert (TOMORROW, "to_school") not in drive
        assert len(drive) == 5  # his five duties of the week: the morning off is none of them


def test_whoever_is_off_for_a_half_day_that_they_promised_breaks_no_plan(store: Store) -> None:
    cast = cast_of(store)
    publish(store)
    with store.write() as session:
        for who in (cast.wang, cast.chen):
            say_yes(session, who)
            session.add(
                Blockout(
                    volunteer_id=who.id or 0,
                    from_on=TOMORROW,
                    until_on=SUNDAY,
                    half_day="to_school",
                    created_at=NOW,
                )
            )
        a_child(session, "小禾", school=cast.school)

    assert plan(store) is not None


def test_duties_of_the_week_count_once(store: Store) -> None:
    cast = cast_of(store)
    with store.write() as session:
        session.get_one(type(cast.chen), cast.chen.id).pattern = "0" * 14
        session.get_one(type(cast.wang), cast.wang.id).cap_week = 6
    publish(store, until_on=TOMORROW)  # two duties
    with store.write() as session:
        say_yes(session, cast.wang)

    publish(store)

    with store.read() as session:
        assert len(drivers(session, ShiftState.OPEN, ShiftState.CONFIRMED)) == 6


def test_on_a_make_up_sunday_the_substituted_weekdays_people_drive(store: Store) -> None:
    sunday = date(2021, 4, 25)
    with store.write() as session:
        a_child(session)
        tuesday = a_volunteer(session, "周二师傅", drives="Tue both ways")
        a_volunteer(session, "周日师傅", drives="Sun both ways")

    plan(store, from_on=sunday, until_on=sunday)

    with store.read() as session:
        assert set(drivers(session, ShiftState.DRAFT).values()) == {tuesday.id}


def test_a_child_whose_way_is_typed_in_rides_alone_and_is_met_in_time(store: Store) -> None:
    with store.write() as session:
        child = a_child(session, home=None)
        other = a_child(session, "小禾", home=None)
        for escort in session.exec(select(Escort)):
            escort.km_by_hand, escort.minutes_by_hand = 12.0, 40
        a_volunteer(session)
        a_volunteer(session, "陈姐")

    plan(store)

    with store.read() as session:
        leg = leg_of(session, child)
        assert leg.pickup_at == at(TOMORROW, 7, 40)
        assert (run_of(session, leg).km, run_of(session, leg).minutes) == (12.0, 40)
        assert run_of(session, leg).starts_at == leg.pickup_at
        assert run_of(session, leg).id != run_of(session, leg_of(session, other)).id


def test_neighbours_share_a_car_and_are_met_one_after_the_other(store: Store) -> None:
    cast = cast_of(store)
    with store.write() as session:
        other = a_child(session, "小禾", school=cast.school, home=(30.9000, 103.8420))

    plan(store)

    with store.read() as session:
        legs = [leg_of(session, cast.xiaoyu), leg_of(session, other)]
        runs = {run_of(session, leg).id for leg in legs}
        assert len(runs) == 1
        assert run_of(session, legs[0]).starts_at == min(leg.pickup_at for leg in legs)
        assert len({leg.pickup_at for leg in legs}) == 2


def test_a_week_planned_again_leaves_a_child_with_the_mates_it_has(store: Store) -> None:
    cast = cast_of(store)
    with store.write() as session:
        others = [a_child(session, name, school=cast.school, home=FARTHER_ON) for name in ("小禾", "小麦")]
    plan(store)
    with store.write() as session:
        newcomers = [a_child(session, name, school=cast.school, home=HOME_POINT) for name in ("小溪", "小满")]

    def mates(session: Session) -> set[int | None]:
        return {run_of(session, leg_of(session, child)).id for child in (cast.xiaoyu, *others)}

    plan(store)

    with store.read() as session:
        assert len(mates(session)) == 1
        assert not mates(session) & {run_of(session, leg_of(session, child)).id for child in newcomers}


def test_what_changed_while_we_were_solving_is_left_out(store: Store) -> None:
    cast = cast_of(store)
    with store.write() as session:
        extend(session)
    span = planning.Span(TOMORROW, SUNDAY)
    with store.read() as session:
        keyed = planning._read(session, span, now=NOW, zone=ZONE)
    assert keyed is not None
    solved = planning.solve(keyed.problem, seed=1)
    with store.write() as session:
        leg_of(session, cast.xiaoyu).generation += 1

    with store.write() as session:
        planning._write(session, keyed, solved, span, now=NOW)

    with store.read() as session:
        assert len(drafts(session)) == 5


def test_publishing_opens_shifts_and_circles_and_looks_for_what_nobody_drives(store: Store) -> None:
    with store.write() as session:
        child = a_child(session, needs=("only_familiar",))
        a_volunteer(session, drives="Wed,Thu both ways")
    with store.write() as session:
        extend(session)
    planning.propose_missing_circles(store, now=NOW, zone=ZONE, from_on=TOMORROW, until_on=SUNDAY)
    plan_id = plan(store)

    with store.write() as session:
        published = planning.publish_plan(session, plan_id=plan_id or 0, by="account:1", now=NOW)

    assert (published.runs, published.volunteers, published.without_driver) == (6, 1, 2)
    with store.read() as session:
        assert len(drivers(session, ShiftState.OPEN)) == 4
        assert session.exec(select(CircleMember.state).where(CircleMember.child_id == child.id)).all() == [
            CircleState.PUBLISHED
        ]
        friday = run_of(session, leg_of(session, child, date(2021, 4, 9)))
        assert friday.unfilled_code is not None
        assert friday.search_at is None  # proved: nobody can
        with store.write() as later:
            assert planning.look_again(later, now=NOW) == 2  # the evening's second thought


def test_publishing_twice_is_a_conflict(store: Store) -> None:
    cast_of(store)
    plan_id = plan(store) or 0
    with store.write() as session:
        planning.publish_plan(session, plan_id=plan_id, by="account:1", now=NOW)

    with pytest.raises(Conflict), store.write() as session:
        planning.publish_plan(session, plan_id=plan_id, by="account:1", now=NOW)


def test_a_run_that_has_begun_is_not_published_and_its_draft_is_forgotten(store: Store) -> None:
    cast_of(store)
    plan_id = plan(store) or 0
    noon = at(TOMORROW, 12)

    with store.write() as session:
        published = planning.publish_plan(session, plan_id=plan_id, by="account:1", now=noon)

    assert published.runs == 5
    with store.write() as session:
        assert [run.on for run in drafts(session)] == [TOMORROW]
        planning.forget_past_drafts(session, before=TOMORROW + timedelta(days=1))
        assert drafts(session) == []


def test_two_drafts_are_published_one_after_the_other(store: Store) -> None:
    cast_of(store)
    monday = date(2021, 4, 12)
    this_week = plan(store) or 0
    next_week = plan(store, from_on=monday, until_on=monday + timedelta(days=6)) or 0

    with store.write() as session:
        planning.publish_plan(session, plan_id=next_week, by="account:1", now=NOW)

    with store.write() as session:
        waiting = planning.draft_changes(session, from_on=TODAY, until_on=SUNDAY)
        assert waiting.plan is not None
        assert (waiting.plan.id, waiting.runs, waiting.volunteers, waiting.children) == (this_week, 6, 2, 1)
        planning.publish_plan(session, plan_id=this_week, by="account:1", now=NOW)
        assert planning.draft_changes(session, from_on=TODAY, until_on=SUNDAY).plan is None


def test_a_plan_whose_drafts_were_published_otherwise_is_no_draft_any_more(store: Store) -> None:
    cast_of(store)
    plan_id = plan(store)

    with store.write() as session:
        planning.publish_between(session, from_on=TOMORROW, until_on=SUNDAY, now=NOW)

    with store.read() as session:
        assert session.get_one(PlanRecord, plan_id).state == PlanState.PUBLISHED


def test_every_live_leg_has_at_most_one_run(store: Store) -> None:
    cast_of(store)
    publish(store)
    publish_again = plan(store)

    with store.read() as session:
        legs = session.exec(select(RunLeg.leg_id).where(col(RunLeg.is_live))).all()
        assert publish_again is None
        assert len(legs) == len(set(legs)) == len(session.exec(select(Leg).where(Leg.on <= SUNDAY)).all())
        assert links(session, ["volunteer:1"])
