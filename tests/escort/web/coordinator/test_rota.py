"""The week's page: what opens, asking, recording what was said on the phone, and publishing."""

import re
from datetime import date, timedelta

from sqlmodel import select

from escort.access.models import AuditEvent
from escort.families.models import BarredPerson, Child
from escort.journeys.models import Step
from escort.journeys.told_by_phone import record_told_step
from escort.roster.models import Volunteer
from escort.rota.models import (
    Leg,
    LegState,
    Offer,
    OfferState,
    PlanRecord,
    PlanState,
    Refusal,
    Run,
    RunLeg,
    Shift,
    ShiftState,
)
from escort.web.leader import routes as leader_routes
from notifications.models import Message
from tests.builders import NOW, TODAY, a_child, a_volunteer
from tests.cast import Cast, the_cast
from tests.escort.journeys.rides import a_ride
from tests.escort.web.coordinator.conftest import Desk
from tests.escort.web.coordinator.days import a_full_day, a_leg, a_run, a_shift, at
from tests.queries import count_queries

ON = date(2021, 4, 8)  # the Thursday after the first evening
WEEK = "/rota?week=2021-04-08"


def a_hole(desk: Desk) -> tuple[Cast, int]:
    """小雨's Thursday morning has a published run and nobody drives it."""
    with desk.house.store.write() as session:
        cast = the_cast(session)
        run = a_run(session, a_leg(session, cast.xiaoyu, on=ON))
        run.published_at = NOW
        session.add(run)
        assert run.id is not None
        return cast, run.id


def a_draft(desk: Desk) -> tuple[Cast, int]:
    """A plan that proposes 王师傅; the plan's id."""
    with desk.house.store.write() as session:
        cast = the_cast(session)
        run = a_run(session, a_leg(session, cast.xiaoyu, on=ON))
        plan = PlanRecord(
            from_on=date(2021, 4, 5),
            until_on=date(2021, 4, 11),
            made_at=NOW,
            seed=1,
            legs=1,
            uncovered=0,
            proven_uncovered=0,
            parts={"better_percent": 4},
            seconds=0.1,
        )
        session.add(plan)
        session.flush()
        shift = a_shift(session, run, cast.wang.id, ShiftState.DRAFT)
        shift.plan_id = plan.id
        session.add(shift)
        assert plan.id is not None
        return cast, plan.id


def test_a_hole_opens_its_school_and_leads_to_the_people_who_could_go(desk: Desk) -> None:
    _, run_id = a_hole(desk)

    week = desk.get(WEEK)
    panel = desk.get(f"/rota/runs/{run_id}")

    assert f'href="/rota/runs/{run_id}"' in week
    assert "待派" in week
    for words in ("小雨 · 周四上学", "王师傅", "陈姐", "离起点", "本周 0/5 趟", "谁先答应谁去"):
        assert words in panel


def test_asking_writes_to_that_person_and_the_cell_waits(desk: Desk) -> None:
    cast, run_id = a_hole(desk)

    desk.post(f"/rota/runs/{run_id}/ask", {"volunteer_ids": [str(cast.wang.id)]})

    with desk.house.store.read() as session:
        assert session.exec(select(Offer.volunteer_id)).all() == [cast.wang.id]
        assert session.exec(select(Message.party)).all() == [f"volunteer:{cast.wang.id}"]
    assert "等回话" in desk.get(f"/rota/runs/{run_id}")
    assert "待确认" in desk.get(f"{WEEK}&show=asked")


def test_a_yes_on_the_phone_is_recorded_with_who_wrote_it_down(desk: Desk) -> None:
    cast, run_id = a_hole(desk)
    desk.post(f"/rota/runs/{run_id}/ask", {"volunteer_ids": [str(cast.wang.id)]})

    desk.post(f"/rota/runs/{run_id}/record", {"volunteer_id": str(cast.wang.id), "answer": "yes"})

    with desk.house.store.read() as session:
        shift = session.exec(select(Shift)).one()
        assert session.exec(select(Offer.state)).one() == OfferState.ACCEPTED
    assert shift.state == ShiftState.CONFIRMED
    assert shift.confirmed_how.startswith("phone")
    assert "电话里说能去" in desk.get(f"/rota/runs/{run_id}")


def test_a_yes_on_the_phone_that_cannot_be_taken_is_kept_and_told_with_why(desk: Desk) -> None:
    cast, run_id = a_hole(desk)
    desk.post(f"/rota/runs/{run_id}/ask", {"volunteer_ids": [str(cast.wang.id)]})
    with desk.house.store.write() as session:
        session.get_one(Volunteer, cast.wang.id).seats = 0

    desk.post(f"/rota/runs/{run_id}/record", {"volunteer_id": str(cast.wang.id), "answer": "yes"})

    shown = desk.get(f"/rota/runs/{run_id}?turned_away={cast.wang.id}")
    assert "王师傅：这个回答不能算，他的车座位不够。" in shown
    with desk.house.store.read() as session:
        assert session.exec(select(Offer.state)).one() == OfferState.WITHDRAWN


def test_whoever_rings_to_say_that_he_cannot_after_all_is_free_and_others_are_asked(desk: Desk) -> None:
    cast, run_id = a_hole(desk)
    desk.post(f"/rota/runs/{run_id}/ask", {"volunteer_ids": [str(cast.wang.id)]})
    desk.post(f"/rota/runs/{run_id}/record", {"volunteer_id": str(cast.wang.id), "answer": "yes"})

    for _ in range(2):  # pressed twice: written down once
        desk.post(f"/rota/runs/{run_id}/record", {"volunteer_id": str(cast.wang.id), "answer": "no"})

    with desk.house.store.read() as session:
        shift = session.exec(select(Shift)).one()
        assert (shift.state, shift.end_reason) == (ShiftState.FREED, "given_back:account:1")
        assert session.exec(select(Offer.state)).one() == OfferState.DECLINED
        assert session.exec(select(Refusal.volunteer_id)).all() == [cast.wang.id]
        assert session.get_one(Run, run_id).search_at == desk.clock.at
        told = session.exec(select(Message).where(Message.template == "driver.stand_down")).one()
        assert "您说去不了，我们另外找人" in told.text
    assert "王师傅：换下来了（打电话说去不了）" in desk.get(f"/rota/runs/{run_id}")


def test_while_a_child_is_in_the_car_nobody_is_taken_from_the_wheel(desk: Desk) -> None:
    cast, run_id = a_hole(desk)
    desk.post(f"/rota/runs/{run_id}/ask", {"volunteer_ids": [str(cast.wang.id)]})
    desk.post(f"/rota/runs/{run_id}/record", {"volunteer_id": str(cast.wang.id), "answer": "yes"})
    with desk.house.store.write() as session:
        leg = session.exec(select(RunLeg.leg_id).where(RunLeg.run_id == run_id)).one()
        for step in (Step.STARTED, Step.ON_BOARD):
            record_told_step(session, leg_id=leg, step=step, by="account:1", now=at(ON, "07:40"))

    said = desk.post(
        f"/rota/runs/{run_id}/record", {"volunteer_id": str(cast.wang.id), "answer": "no"}, expect=409
    )

    assert "孩子已经在车上" in said
    with desk.house.store.read() as session:
        assert session.exec(select(Shift.state)).one() == ShiftState.CONFIRMED


def test_who_was_never_asked_cannot_be_written_down(desk: Desk) -> None:
    cast, run_id = a_hole(desk)

    said = desk.post(
        f"/rota/runs/{run_id}/record", {"volunteer_id": str(cast.chen.id), "answer": "yes"}, expect=400
    )

    assert "请先点“问”" in said


def test_a_draft_says_what_publishing_brings_before_it_is_done(desk: Desk) -> None:
    _, plan_id = a_draft(desk)

    assert "草稿里有 1 趟" in desk.get(WEEK)
    page = desk.get("/rota/publish?week=2021-04-08")
    assert "问 1 名志愿者" in page
    assert "这份排班最多还能再好 4%" in page

    desk.post("/rota/publish", {"plan_id": str(plan_id), "week": "2021-04-08"})

    with desk.house.store.read() as session:
        assert session.exec(select(Shift.state)).one() == ShiftState.OPEN
        assert session.exec(select(PlanRecord.state)).one() == PlanState.PUBLISHED
    assert "草稿里有" not in desk.get(WEEK)


def test_the_week_costs_at_most_ten_queries_and_leaves_one_line_in_the_trail(desk: Desk) -> None:
    with desk.house.store.write() as session:
        a_full_day(session, ON, children=30)

    with count_queries(desk.house.store.engine) as counted:
        desk.get(f"{WEEK}&show=all")

    assert len(counted) <= 10
    with desk.house.store.read() as session:
        reads = session.exec(select(AuditEvent).where(AuditEvent.action == "read")).all()
    assert [read.subject for read in reads] == ["week:2021-04-08"]


def test_publishing_twice_is_told_that_it_is_done(desk: Desk) -> None:
    _, plan_id = a_draft(desk)
    form: dict[str, str | list[str]] = {"plan_id": str(plan_id), "week": "2021-04-08"}
    desk.post("/rota/publish", form)

    assert "已经公布过" in desk.post("/rota/publish", form, expect=409)


def test_planning_a_week_that_needs_nobody_says_so(desk: Desk) -> None:
    with desk.house.store.write() as session:
        the_cast(session)

    assert "没有要排的行程" in desk.post("/rota/plan", {"week": "2021-04-08"}, expect=400)


def test_a_planned_week_is_a_draft_on_the_screen(desk: Desk) -> None:
    with desk.house.store.write() as session:
        cast = the_cast(session)
        a_leg(session, cast.xiaoyu, on=ON)

    assert desk.post("/rota/plan", {"week": "2021-04-08"}) == "/rota?week=2021-04-05&show=draft"

    assert "草稿里有 1 趟" in desk.get(WEEK)


def test_a_leg_cancelled_by_phone_keeps_who_said_it(desk: Desk) -> None:
    cast, run_id = a_hole(desk)

    where = desk.post("/legs/1/cancel", {"reason": "外婆来电：发烧"})

    assert where == f"/children/{cast.xiaoyu.id}"
    with desk.house.store.read() as session:
        leg = session.exec(select(Leg)).one()
        assert session.get_one(Run, run_id).state == "dissolved"
    assert (leg.state, leg.cancel_reason, leg.cancelled_by) == (
        LegState.CANCELLED,
        "外婆来电：发烧",
        "account:1",
    )


def test_the_panel_says_why_this_driver_and_why_not_whoever_is_typed(desk: Desk) -> None:
    with desk.house.store.write() as session:
        cast = the_cast(session)
        run = a_run(session, a_leg(session, cast.xiaoyu, on=TODAY + timedelta(days=2)))
        a_shift(session, run, cast.wang.id)
        session.get_one(Volunteer, cast.chen.id).insured_until = TODAY

    plain = desk.get(f"/rota/runs/{run.id}")
    explained = desk.get(f"/rota/runs/{run.id}?why=true&who=cj")

    assert "为什么是王师傅" not in plain
    assert "为什么是王师傅" in explained
    assert "上一个服务日不是这位" in explained
    assert "座位险当天已过期" in explained


def test_a_question_just_put_can_be_taken_back_from_the_panel(desk: Desk) -> None:
    with desk.house.store.write() as session:
        cast = the_cast(session)
        run = a_run(session, a_leg(session, cast.xiaoyu, on=TODAY + timedelta(days=2)))

    asked = desk.post(f"/rota/runs/{run.id}/ask", {"volunteer_ids": str(cast.chen.id)})
    assert "问了陈姐。" in desk.get(asked)
    desk.post(f"/rota/runs/{run.id}/unask", {"volunteer_ids": str(cast.chen.id)})

    with desk.house.store.read() as session:
        assert session.exec(select(Offer.state)).one() == OfferState.WITHDRAWN
    assert "已经回过话了" in desk.post(
        f"/rota/runs/{run.id}/unask", {"volunteer_ids": str(cast.chen.id)}, expect=409
    )


def test_a_child_is_found_in_the_week_by_pinyin(desk: Desk) -> None:
    with desk.house.store.write() as session:
        for name in ("小雨", "石头"):
            leg = a_leg(session, a_child(session, name), on=TODAY + timedelta(days=1))
            a_shift(session, a_run(session, leg), a_volunteer(session, f"{name}的司机").id)

    page = desk.get(f"/rota?week={TODAY}&q=xy")

    assert "小雨的司机" in page
    assert "石头的司机" not in page


def test_the_week_from_the_volunteers_side(desk: Desk) -> None:
    with desk.house.store.write() as session:
        cast = the_cast(session)
        a_shift(session, a_run(session, a_leg(session, cast.xiaoyu, on=TODAY)), cast.wang.id, ShiftState.OPEN)

    page = desk.get(f"/rota/people?week={TODAY}")

    assert "王师傅" in page
    assert "小雨" in page
    assert "0 / " in page


def test_a_driver_who_would_hand_his_turn_on_is_seen_as_its_driver_until_somebody_says_yes(
    desk: Desk,
) -> None:
    with desk.house.store.write() as session:
        wang, chen = a_volunteer(session, "王师傅"), a_volunteer(session, "陈姐")
        ride = a_ride(session, a_child(session), driver=wang, on=ON)
        run_id, shift_id, chen_id = ride.run_id, ride.shift_id, chen.id

    wrong = desk.post(f"/shifts/{shift_id}/relief/name", {"who": "张三"}, expect=409)
    desk.post(f"/shifts/{shift_id}/relief")
    searched = desk.get(f"/rota/runs/{run_id}")
    desk.post(f"/shifts/{shift_id}/relief/keep")
    desk.post(f"/shifts/{shift_id}/relief/name", {"who": "陈姐"})
    named = desk.get(f"/rota/runs/{run_id}")
    desk.post(f"/rota/runs/{run_id}/record", {"volunteer_id": str(chen_id), "answer": "yes"})
    done = desk.get(f"/rota/runs/{run_id}")

    assert "没有找到这位志愿者" in wrong
    assert 'value="张三"' in wrong
    assert "王师傅想找人替，正在问别人；有人答应以前还是他去" in searched
    assert "可以问谁" in searched
    assert "王师傅请陈姐替这一趟，等他回话" in named
    assert "王师傅：换下来了" in done
    assert "别人顶班" in done
    with desk.house.store.read() as session:
        shifts = session.exec(
            select(Shift).where(Shift.run_id == run_id, Shift.state == ShiftState.CONFIRMED)
        )
        assert [shift.volunteer_id for shift in shifts] == [chen_id]


def test_a_swap_told_on_the_phone_asks_the_other(desk: Desk) -> None:
    with desk.house.store.write() as session:
        wang, chen = a_volunteer(session, "王师傅"), a_volunteer(session, "陈姐")
        mine = a_ride(session, a_child(session), driver=wang, on=ON)
        a_ride(session, a_child(session, "小禾"), driver=chen, on=date(2021, 4, 9))

    desk.post(
        f"/shifts/{mine.shift_id}/relief/swap",
        {"who": "陈姐", "on": "2021-04-09", "half_day": "to_school"},
    )

    assert "王师傅想用自己的一趟跟陈姐换" in desk.get(f"/rota/runs/{mine.run_id}")


def test_another_car_told_on_the_phone_is_written_down(desk: Desk) -> None:
    with desk.house.store.write() as session:
        ride = a_ride(session, a_child(session), driver=a_volunteer(session), on=date(2021, 4, 7))
    car = {"plate": "川AD88888", "colour": "红", "seats": "4"}

    wrong = desk.post(f"/shifts/{ride.shift_id}/car", {**car}, expect=409)
    desk.post(f"/shifts/{ride.shift_id}/car", {**car, "is_insured": "1"})
    shown = desk.get(f"/rota/runs/{ride.run_id}")
    desk.post(f"/shifts/{ride.shift_id}/car/known")

    assert "没有座位险的车不能接送" in wrong
    assert 'value="川AD88888"' in wrong
    assert "川A·D88888" in shown
    assert "川A·D88888" not in desk.get(f"/rota/runs/{ride.run_id}")


def test_whatever_became_of_a_question_has_words(desk: Desk) -> None:
    cast, run_id = a_hole(desk)
    desk.post(f"/rota/runs/{run_id}/ask", {"volunteer_ids": str(cast.wang.id)})

    for state in OfferState:
        with desk.house.store.write() as session:
            session.exec(select(Offer)).one().state = state
        assert "问了王师傅" in desk.get(f"/rota/runs/{run_id}"), state
    assert {*leader_routes.OFFER_WORDS} == {*OfferState}


def a_chain(desk: Desk) -> tuple[Cast, int, int]:
    """小雨's Thursday morning has nobody, and her family does not want 陈姐; 王师傅, who could come, has promised 小杰."""
    cast, run_id = a_hole(desk)
    with desk.house.store.write() as session:
        other = a_run(session, a_leg(session, a_child(session, "小杰", school=cast.school), on=ON))
        other.published_at = NOW
        a_shift(session, other, cast.wang.id)
        session.add(
            BarredPerson(child_id=cast.xiaoyu.id, name="陈姐", volunteer_id=cast.chen.id, created_at=NOW)
        )
        return cast, run_id, other.id or 0


def test_where_nobody_is_free_the_least_change_is_proposed_with_what_it_asks_and_a_button(desk: Desk) -> None:
    cast, run_id, other = a_chain(desk)

    assert 'data-load="repairs"' in desk.get(f"/rota/runs/{run_id}")
    shown = desk.get(f"/rota/runs/{run_id}?repairs=true")

    for words in (
        "至少要动 1 趟别的车，已经算到底。",
        "本人没答应以前，谁的班都不变。",
        "对 1 个孩子是新面孔",
        "王师傅肯换：去问陈姐",
    ):
        assert words in shown

    moves = {"other_run_id": str(other), "mover_id": str(cast.wang.id), "colleague_id": str(cast.chen.id)}
    desk.post(f"/rota/runs/{run_id}/repair", moves)

    with desk.house.store.read() as session:
        assert session.exec(select(Offer.volunteer_id)).all() == [cast.chen.id]
        assert session.exec(select(Shift.state)).all() == [ShiftState.CONFIRMED]
    assert "请陈姐替这一趟" in desk.get(f"/rota/runs/{other}")


def test_the_fewest_rules_that_leave_nobody_are_named(desk: Desk) -> None:
    _, run_id = a_hole(desk)
    with desk.house.store.write() as session:
        for volunteer in session.exec(select(Volunteer)):
            volunteer.pattern = "0" * 14

    shown = desk.get(f"/rota/runs/{run_id}")

    assert "只看这一样就没有人" in shown
    assert "这个时段在的有 0 人" in shown
    assert "把这一周别的车都换一遍，也补不上这一趟" in desk.get(f"/rota/runs/{run_id}?repairs=true")


def test_a_driver_is_tried_out_in_a_draft_changed_and_taken_back(desk: Desk) -> None:
    cast, _ = a_draft(desk)
    with desk.house.store.read() as session:
        run_id = session.exec(select(Run.id)).one()

    tried = desk.get(f"/rota/runs/{run_id}?try={cast.chen.id}")
    assert "试一试：陈姐代替王师傅" in tried
    assert "就这样改" in tried
    with desk.house.store.read() as session:
        assert session.exec(select(Shift.volunteer_id)).all() == [cast.wang.id]

    went = desk.post(f"/rota/runs/{run_id}/driver", {"volunteer_id": str(cast.chen.id)})
    assert went == f"/rota/runs/{run_id}?undo_run={run_id}&undo={cast.wang.id}"
    assert "改好了，还没告诉任何人。" in desk.get(went)
    with desk.house.store.read() as session:
        assert session.exec(select(Shift.volunteer_id)).all() == [cast.chen.id]
        assert "draft.driver" in session.exec(select(AuditEvent.action)).all()

    desk.post(f"/rota/runs/{run_id}/driver", {"volunteer_id": str(cast.wang.id), "is_undo": "true"})
    with desk.house.store.read() as session:
        assert session.exec(select(Shift.volunteer_id)).all() == [cast.wang.id]


def test_another_run_s_driver_is_tried_out_and_a_promise_is_only_asked_about(desk: Desk) -> None:
    _, run_id, other = a_chain(desk)

    shown = desk.get(f"/rota/runs/{run_id}?from_run={other}")

    assert "试一试：王师傅开这一趟" in shown
    assert "这位在这半天已经有一趟，问过了。要换，先问本人。" in shown
    assert "就这样改" not in shown


def test_the_driver_is_compared_with_the_next_best(desk: Desk) -> None:
    cast, _ = a_hole(desk)
    with desk.house.store.write() as session:
        run = session.exec(select(Run)).one()
        a_shift(session, run, cast.wang.id)
        session.get_one(Volunteer, cast.chen.id).lat = 30.95
        run_id = run.id

    shown = desk.get(f"/rota/runs/{run_id}?why=true&who=陈姐")

    assert "和第二人选陈姐比" in shown
    assert "来回少开" in shown
    assert "开得了，但按排班的账不如" in shown


def test_where_nobody_can_drive_the_family_is_one_press_away(desk: Desk) -> None:
    with desk.house.store.write() as session:
        child = a_child(session, "小麦")
        session.get_one(Child, child.id).only_familiar = True
        run = a_run(session, a_leg(session, child, on=ON))
        run_id, child_id = run.id, child.id

    panel = desk.get(f"/rota/runs/{run_id}")

    assert "现在没有人开得了这一趟" in panel
    assert re.search(rf'href="/children/{child_id}">.*?问家里', panel)


def test_a_day_without_legs_is_not_called_a_day_without_school(desk: Desk) -> None:
    a_hole(desk)

    week = desk.get(WEEK)

    assert "没有接送" in week
    assert "不上学" not in week
    assert "没有接送" in desk.get("/today")


def test_the_week_is_grouped_by_team_and_keeps_that_from_link_to_link(desk: Desk) -> None:
    a_hole(desk)

    week = desk.get(f"{WEEK}&by=team&show=all")

    assert "按住处的车队" in week
    assert "show=swap&amp;by=team" in week
