"""Today's page: what it says, and the little that is done from it."""

from datetime import timedelta

from sqlmodel import col, select, update

from escort.access.models import AuditEvent
from escort.cases import service as cases
from escort.cases.models import Case, CaseKind, CaseState
from escort.journeys.models import Tap
from escort.roster_book.apply import apply_book
from escort.rota.models import Shift, ShiftState
from notifications.models import HandKind, HandTask, Message, MessageState
from tests.builders import NOW, TODAY
from tests.cast import the_cast
from tests.escort.roster_book.books import a_book, read
from tests.escort.web.coordinator.conftest import Desk
from tests.escort.web.coordinator.days import a_full_day, a_leg, a_run, a_shift, at
from tests.queries import count_queries

TOMORROW = TODAY + timedelta(days=1)


def a_late_driver(desk: Desk) -> int:
    """小雨's driver of tomorrow morning has not departed; the case's id."""
    with desk.house.store.write() as session:
        cast = the_cast(session)
        run = a_run(session, a_leg(session, cast.xiaoyu, on=TOMORROW))
        shift = a_shift(session, run, cast.wang.id)
        case = cases.open_case(
            session,
            kind=CaseKind.NOT_DEPARTED,
            about=f"shift:{shift.id}",
            sentence="王师傅 07:10 还没有出发。",
            now=NOW,
            needed_by=at(TOMORROW, "07:40"),
        )
        assert case.id is not None
    desk.clock.at = at(TOMORROW, "07:30")
    return case.id


def a_hand_task(desk: Desk) -> int:
    with desk.house.store.write() as session:
        cast = the_cast(session)
        message = Message(
            party=cast.xiaoyu.guardian_subject,
            template="who_comes",
            parameters={},
            text="小雨明天由姓王的师傅来接。",
            language="zh-Hans",
            about="leg:1",
            dedup_key="one",
            send_key="one",
            urgency="routine",
            created_at=NOW,
            not_before=NOW,
            state=MessageState.BY_HAND,
            next_attempt_at=None,
        )
        session.add(message)
        session.flush()
        task = HandTask(message_id=message.id or 0, kind=HandKind.CALL, created_at=NOW)
        session.add(task)
        session.flush()
        assert task.id is not None
        return task.id


def test_a_quiet_day_says_so_and_when_to_look_next(desk: Desk) -> None:
    with desk.house.store.write() as session:
        cast = the_cast(session)
        a_shift(session, a_run(session, a_leg(session, cast.xiaoyu, on=TOMORROW)), cast.wang.id)

    shown = desk.get("/today")

    assert "没有要处理的事" in shown
    assert "下一个要看的时间：明天 07:40" in shown


def test_an_urgent_case_names_child_way_driver_and_minutes_left(desk: Desk) -> None:
    a_late_driver(desk)

    shown = desk.get("/today")

    assert "1 件急事" in shown
    for words in (
        "小雨 · 家 → 银杏特殊教育学校",
        "王师傅 07:10 还没有出发。",
        "10 分",
        "还没人接手",
        "打给王师傅",
    ):
        assert words in shown


def test_taking_a_case_puts_a_name_on_it(desk: Desk) -> None:
    case_id = a_late_driver(desk)

    assert desk.post(f"/cases/{case_id}/take") == f"/today?did=took&n={case_id}"

    assert "接手：林老师 07:30" in desk.get("/today")


def test_a_taking_that_lapsed_can_be_renewed_on_the_page(desk: Desk) -> None:
    case_id = a_late_driver(desk)
    desk.post(f"/cases/{case_id}/take")
    assert "我来接手" not in desk.get("/today")
    with desk.house.store.write() as session:
        session.execute(update(Case).values(state=CaseState.OPEN, ack_lapses_at=None))

    lapsed = desk.get("/today")

    assert "没人接手：林老师 07:30 接过，到时没办完" in lapsed
    assert f'action="/cases/{case_id}/take"' in lapsed


def test_rides_long_past_stand_apart_and_take_no_place_in_the_queue(desk: Desk) -> None:
    case_id = a_late_driver(desk)
    with desk.house.store.write() as session:
        session.execute(update(Case).values(kind=CaseKind.NO_DRIVER, needed_by=NOW - timedelta(hours=20)))

    shown = " ".join(desk.get("/today").split())

    assert "时间已过、还差一句怎么办好的：1 件" in shown
    assert shown.index("时间已过") < shown.index(f"/cases/{case_id}/close")


def test_a_case_is_closed_with_a_reason_and_never_without(desk: Desk) -> None:
    case_id = a_late_driver(desk)

    desk.post(f"/cases/{case_id}/close", {"reason": ""}, expect=422)
    desk.post(f"/cases/{case_id}/close", {"reason": "打通了，他正在路上"})

    with desk.house.store.read() as session:
        case = session.exec(select(Case)).one()
    assert (case.state, case.close_reason) == (CaseState.CLOSED, "打通了，他正在路上")
    assert "打通了，他正在路上" in desk.get("/today")


def test_a_number_is_shown_once_with_an_entry_in_the_trail(desk: Desk) -> None:
    a_late_driver(desk)

    assert "199 0001" not in desk.get("/today")
    shown = desk.post("/volunteers/1/phone", expect=200)

    assert "199 0001 0001" in shown
    with desk.house.store.read() as session:
        reads = session.exec(select(AuditEvent).where(AuditEvent.action == "read")).all()
    assert [(read.subject, read.fields) for read in reads] == [("volunteer:1", ["phone"])]


def test_what_was_told_by_hand_leaves_the_list(desk: Desk) -> None:
    task_id = a_hand_task(desk)
    assert "小雨的外婆" in desk.get("/today")

    desk.post(f"/hand/{task_id}/unanswered")
    assert "没打通 1 次" in desk.get("/today")

    desk.post(f"/hand/{task_id}/done")
    assert "没有要转告的。" in desk.get("/today")
    assert "已经有人告知过了" in desk.post(f"/hand/{task_id}/done", expect=409)


def test_the_whole_page_costs_at_most_ten_queries(desk: Desk) -> None:
    a_late_driver(desk)
    with desk.house.store.write() as session:
        a_full_day(session, TOMORROW, children=30)

    with count_queries(desk.house.store.engine) as counted:
        desk.get("/today")

    assert len(counted) <= 10


def test_changes_of_the_book_that_wait_are_one_quiet_line_until_they_are_decided(desk: Desk) -> None:
    with desk.house.store.write() as session:
        apply_book(session, read(a_book()), now=NOW, by="account:1")
        new_number = read(a_book(志愿者={"手机号": "19900007777"}))
        apply_book(session, new_number, now=NOW, by="account:1")

    assert '名册里有 1 处改动等您定。<a href="/import/changes">' in desk.get("/today")

    desk.post("/import/changes/1", {"take": "no"})
    assert "等您定" not in desk.get("/today")


def test_without_anybody_on_duty_the_board_says_so_and_leads_to_the_accounts(desk: Desk) -> None:
    strip = "现在没有人值班"
    assert strip in desk.get("/today")
    assert 'href="/accounts"' in desk.get("/today")

    desk.post("/accounts/1/phone", {"phone": "19900000015"})
    desk.post("/accounts/1/duty")

    assert strip not in desk.get("/today")


def a_promised_drive(desk: Desk) -> tuple[int, int]:
    """王师傅 has said yes to tomorrow morning; leg and run, at 07:30."""
    with desk.house.store.write() as session:
        cast = the_cast(session)
        leg = a_leg(session, cast.xiaoyu, on=TOMORROW)
        run = a_run(session, leg)
        run.published_at = NOW
        a_shift(session, run, cast.wang.id, ShiftState.CONFIRMED)
        ids = leg.id or 0, run.id or 0
    desk.clock.at = at(TOMORROW, "07:30")
    return ids


def test_a_step_told_on_the_phone_counts_like_a_tap_and_is_in_the_trail(desk: Desk) -> None:
    leg_id, run_id = a_promised_drive(desk)
    assert f'action="/legs/{leg_id}/step"' in desk.get(f"/rota/runs/{run_id}")

    assert desk.post(f"/legs/{leg_id}/step", {"step": "started"}) == f"/today?did=step&n={leg_id}"
    assert f'action="/legs/{leg_id}/step"' in desk.get("/today")
    on_board: dict[str, str | list[str]] = {"step": "on_board", "run": str(run_id)}
    assert desk.post(f"/legs/{leg_id}/step", on_board) == f"/rota/runs/{run_id}?told={leg_id}"
    desk.post(f"/legs/{leg_id}/step", {"step": "delivered"})

    with desk.house.store.read() as session:
        assert session.exec(select(Shift.state)).all() == [ShiftState.SERVED]
        assert session.exec(select(Tap.by).distinct()).all() == ["account:1"]
        trail = session.exec(select(AuditEvent).where(AuditEvent.action == "leg.step")).all()
    assert [(line.subject, line.fields) for line in trail] == [
        (f"leg:{leg_id}", [step]) for step in ("started", "on_board", "delivered")
    ]


def test_a_step_is_written_down_once_and_only_one_that_a_driver_tells(desk: Desk) -> None:
    leg_id, _ = a_promised_drive(desk)
    desk.post(f"/legs/{leg_id}/step", {"step": "started"})

    desk.post(f"/legs/{leg_id}/step", {"step": "started"}, expect=409)
    desk.post(f"/legs/{leg_id}/step", {"step": "handed_over"}, expect=400)
    desk.post("/legs/999/step", {"step": "started"}, expect=404)
    desk.clock.at = NOW
    desk.post(f"/legs/{leg_id}/step", {"step": "on_board"}, expect=400)

    with desk.house.store.read() as session:
        assert session.exec(select(Tap.step)).all() == ["started"]


def test_a_step_told_on_the_phone_is_taken_back_within_ten_seconds_and_may_be_told_again(desk: Desk) -> None:
    leg_id, run_id = a_promised_drive(desk)
    desk.post(f"/legs/{leg_id}/step", {"step": "started"})
    board = desk.post(f"/legs/{leg_id}/step", {"step": "delivered"})
    assert f'action="/legs/{leg_id}/unstep"' in desk.get(board)

    desk.post(f"/legs/{leg_id}/unstep")

    with desk.house.store.read() as session:
        live = session.exec(select(Tap.step).where(col(Tap.undone_at).is_(None))).all()
        assert live == ["started"]
        assert session.exec(select(Shift.state)).all() == [ShiftState.CONFIRMED]
    again: dict[str, str | list[str]] = {"step": "delivered", "run": str(run_id)}
    panel = desk.post(f"/legs/{leg_id}/step", again)
    assert f'action="/legs/{leg_id}/unstep"' in desk.get(panel)
    desk.clock.at += timedelta(seconds=11)
    assert "撤不了了" in desk.post(f"/legs/{leg_id}/unstep", expect=409)


def test_what_was_just_done_can_be_undone_for_a_moment_and_from_the_list_of_the_day(desk: Desk) -> None:
    case_id = an_open_case(desk)

    taken = desk.post(f"/cases/{case_id}/take")
    assert f'action="/cases/{case_id}/let-go"' in desk.get(taken)
    closed = desk.post(f"/cases/{case_id}/close", {"reason": "办好了"})
    assert "结案了。" in desk.get(closed)
    assert f'action="/cases/{case_id}/reopen"' in desk.get("/today")
    desk.post(f"/cases/{case_id}/reopen")

    with desk.house.store.read() as session:
        assert session.get_one(Case, case_id).state == CaseState.ACKNOWLEDGED


def test_whoever_comes_second_sees_the_board_as_it_is_and_who_was_first(desk: Desk) -> None:
    case_id = an_open_case(desk)
    with desk.house.store.write() as session:
        cases.acknowledge(session, case_id=case_id, by="account:9", now=NOW)

    page = desk.post(f"/cases/{case_id}/take", expect=409)

    assert "刚才已有人接手" in page
    assert "下面是现在的样子。" in page
    assert "现在要人处理" in page


def test_an_office_with_nothing_in_it_is_shown_the_first_three_steps(desk: Desk) -> None:
    page = desk.get("/today")
    assert "刚开始用，三步就能排班" in page
    assert page.count("做好了") == 0

    with desk.house.store.write() as session:
        the_cast(session)
    assert desk.get("/today").count("做好了") == 2


def an_open_case(desk: Desk) -> int:
    with desk.house.store.write() as session:
        case = cases.open_case(
            session, kind=CaseKind.STUCK_WORK, about="x:1", sentence="有一步办不下去。", now=NOW
        )
        assert case is not None
        return case.id or 0
