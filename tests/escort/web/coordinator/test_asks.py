"""Open asks at the desk: who has not answered, and an answer that somebody gave on the telephone."""

from datetime import timedelta

from sqlmodel import col, select

from escort.rota.models import Offer, OfferState, Refusal, Shift, ShiftState
from notifications.models import HandKind, HandTask
from notifications.outbox import enqueue
from notifications.wording import Wording
from tests.builders import NOW, TODAY, a_volunteer
from tests.cast import the_cast
from tests.escort.web.coordinator.conftest import Desk
from tests.escort.web.visitors import a_leg, a_run, a_shift, an_ask
from tests.queries import count_queries


def ask_wang(desk: Desk, days: int = 2) -> int:
    """王师傅 is asked about so many of 小雨's mornings; return the ask."""
    with desk.house.store.write() as session:
        cast = the_cast(session)
        shifts = [
            a_shift(
                session,
                a_run(session, a_leg(session, cast.xiaoyu, on=TODAY + timedelta(days=1 + day))),
                cast.wang,
                state=ShiftState.OPEN,
                confirmed_at=None,
            )
            for day in range(days)
        ]
        return an_ask(session, cast.wang, *shifts).id or 0


def offers(desk: Desk) -> list[tuple[int, str]]:
    with desk.house.store.read() as session:
        return list(session.exec(select(Offer.id, Offer.state).order_by(col(Offer.on))))  # type: ignore[arg-type]


def test_whoever_has_not_answered_is_listed_with_his_turns(desk: Desk) -> None:
    ask_wang(desk)

    shown = desk.get("/asks")

    assert "王师傅" in shown
    assert "4月7日" in shown
    assert "小雨" in shown
    assert "20:00 前回" in shown


def test_a_yes_on_the_telephone_covers_all_but_what_was_declined(desk: Desk) -> None:
    ask = ask_wang(desk)
    thursday = offers(desk)[1][0]

    assert desk.post(f"/asks/{ask}/told", {"answer": "yes", "no": [str(thursday)]}) == "/asks"

    assert [state for _, state in offers(desk)] == [OfferState.ACCEPTED, OfferState.DECLINED]
    with desk.house.store.read() as session:
        wednesday = session.exec(select(Shift).order_by(col(Shift.on))).first()
        assert wednesday is not None
        assert (wednesday.state, wednesday.confirmed_how) == (ShiftState.CONFIRMED, "phone:account:1")
        assert len(session.exec(select(Refusal)).all()) == 1
    assert "没有等回话的人" in desk.get("/asks")


def test_a_no_on_the_telephone_frees_every_turn(desk: Desk) -> None:
    ask = ask_wang(desk)

    desk.post(f"/asks/{ask}/told", {"answer": "no"})

    assert {state for _, state in offers(desk)} == {OfferState.DECLINED}


def test_an_answer_written_down_twice_counts_once(desk: Desk) -> None:
    ask = ask_wang(desk, days=1)

    for _ in range(2):
        desk.post(f"/asks/{ask}/told", {"answer": "yes"})

    with desk.house.store.read() as session:
        assert [shift.state for shift in session.exec(select(Shift))] == [ShiftState.CONFIRMED]


def test_a_yes_that_comes_too_late_is_said_to_the_office(desk: Desk) -> None:
    ask = ask_wang(desk, days=1)
    with desk.house.store.write() as session:
        session.exec(select(Offer)).one().state = OfferState.TAKEN
        session.exec(select(Shift)).one().state = ShiftState.FREED

    where = desk.post(f"/asks/{ask}/told", {"answer": "yes"})

    assert where == "/asks?turned_away=1"
    assert "有 1 趟已经不用他去" in desk.get(where)


def test_a_question_that_nobody_has_passed_on_yet_is_marked(desk: Desk) -> None:
    ask = ask_wang(desk)
    with desk.house.store.write() as session:
        message = enqueue(
            session,
            to="volunteer:1",
            wording=Wording("ask.routine", {}, "【杜鹃鸟】您好"),
            about=f"ask:{ask}",
            dedup_key=f"ask:{ask}",
            now=NOW,
        )
        assert message is not None
        session.add(HandTask(message_id=message.id or 0, kind=HandKind.FORWARD, created_at=NOW))

    assert "问的话还没转给他" in desk.get("/asks")


def test_people_are_found_by_name_and_pinyin(desk: Desk) -> None:
    ask_wang(desk)

    assert "王师傅" in desk.get("/asks?text=wang")
    assert "没有等他回话的事" in desk.get("/asks?text=chen")


def test_an_unknown_ask_is_said_plainly(desk: Desk) -> None:
    assert "这条询问已经不在了" in desk.post("/asks/99/told", {"answer": "yes"}, expect=404)


def test_the_list_costs_at_most_ten_queries(desk: Desk) -> None:
    ask_wang(desk)
    with desk.house.store.write() as session:
        for number in range(20):
            cast_again = the_cast(session)
            shift = a_shift(
                session,
                a_run(session, a_leg(session, cast_again.xiaoyu, on=TODAY + timedelta(days=9 + number))),
                a_volunteer(session, f"司机{number}"),
                state=ShiftState.OPEN,
                confirmed_at=None,
            )
            an_ask(session, session.get_one(type(cast_again.wang), shift.volunteer_id), shift)

    with count_queries(desk.house.store.engine) as counted:
        desk.get("/asks")

    assert len(counted) <= 10
