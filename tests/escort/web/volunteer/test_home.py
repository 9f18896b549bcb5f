"""The volunteer's own page: one ask with all turns, the shifts, and who may read what."""

from datetime import date, datetime, timedelta

import pytest
from sqlmodel import Session, select

from escort.access.models import Device
from escort.db import Store
from escort.families.models import Child
from escort.roster.models import Blockout, Volunteer
from escort.rota.models import AskKind, Direction, Offer, OfferState, Refusal, Run, Shift, ShiftState
from notifications.models import Message
from tests.builders import NOW, ZONE
from tests.escort.web.visitors import (
    Site,
    Wednesday,
    a_leg,
    a_run,
    a_shift,
    a_site,
    a_wednesday,
    an_ask,
)
from tests.queries import count_queries

BEFORE_FIVE = datetime(2021, 4, 6, 16, 59, tzinfo=ZONE)


@pytest.fixture
def site(store: Store) -> Site:
    return a_site(store)


@pytest.fixture
def wednesday(store: Store) -> Wednesday:
    return a_wednesday(store)


def ask_wang(store: Store, wednesday: Wednesday, *, kind: str = AskKind.ROUTINE, turns: int = 2) -> list[int]:
    """Ask 王师傅 about Thursday's and Friday's ways; returns the offers."""
    with store.write() as session:
        shifts = []
        for day, direction in ((8, Direction.TO_SCHOOL), (9, Direction.HOME))[:turns]:
            leg = a_leg(session, wednesday.cast.xiaoyu, on=date(2021, 4, day), direction=direction)
            run = a_run(session, leg)
            shifts.append(
                a_shift(session, run, wednesday.cast.wang, state=ShiftState.OPEN, confirmed_at=None)
            )
        ask = an_ask(session, wednesday.cast.wang, *shifts, kind=kind)
        return [
            offer.id or 0
            for offer in session.exec(select(Offer).where(Offer.ask_id == ask.id).order_by(Offer.id))  # type: ignore[arg-type]
        ]


def states(session: Session, offers: list[int]) -> list[str]:
    return [session.get_one(Offer, offer).state for offer in offers]


def test_phone_that_is_not_bound_sees_time_and_area_and_no_name(site: Site, wednesday: Wednesday) -> None:
    ask_wang(site.store, wednesday)

    shown = site.browser().get(site.link(wednesday.wang)).text

    assert "唐昌街道" in shown
    assert "上学 07:40" in shown
    for secret in ("王师傅", "小雨", "杨小雨", "190号", "家门口"):
        assert secret not in shown


def test_bound_phone_before_five_sees_date_and_area_of_a_promised_shift(
    site: Site, wednesday: Wednesday
) -> None:
    browser, address = site.bound(wednesday.wang)
    site.clock.at = BEFORE_FIVE

    shown = browser.get(address).text

    assert "4月7日 上学" in shown
    assert "小雨" not in shown
    assert "07:40" not in shown
    assert f"/run/{wednesday.morning_run.id}" not in shown


def test_bound_phone_from_five_the_day_before_sees_who_and_when(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(wednesday.wang)
    site.clock.at = BEFORE_FIVE + timedelta(minutes=1)

    shown = browser.get(address).text

    assert "明天上学 07:40" in shown
    assert "小雨" in shown
    assert f"/run/{wednesday.morning_run.id}" in shown


def test_ask_lists_every_turn_with_way_distance_and_equipment(site: Site, wednesday: Wednesday) -> None:
    with site.store.write() as session:
        session.get_one(Child, wednesday.cast.xiaoyu.id).child_seat = True
    offers = ask_wang(site.store, wednesday)

    shown = site.browser().get(site.link(wednesday.wang)).text

    assert "这周 2 趟" in shown
    assert "2 趟都能去" in shown
    assert shown.count("15 公里") == 2
    assert shown.count("要儿童座椅") == 2
    for offer in offers:
        assert f'name="no" value="{offer}"' in shown
    assert "今天 20:00 前" in shown
    assert "没回，我们会先问别人" in shown


def test_one_tap_says_yes_to_all_and_binds_the_phone(site: Site, wednesday: Wednesday) -> None:
    offers = ask_wang(site.store, wednesday)
    browser, address = site.browser(), site.link(wednesday.wang)

    answer = browser.post(f"{address}/answer", data={"answer": "yes"})

    assert answer.status_code == 303
    with site.store.read() as session:
        assert states(session, offers) == [OfferState.ACCEPTED, OfferState.ACCEPTED]
        assert len(session.exec(select(Device)).all()) == 1
        told = session.exec(select(Message.party).where(Message.template == "device.bound")).all()
    assert told == [wednesday.wang], (
        "whoever holds the registered number reads that a phone was taken for his"
    )
    assert "王师傅" in browser.get(address).text
    assert "记下了，能去：周四上学、周五放学" in browser.get(answer.headers["location"]).text


@pytest.mark.parametrize("answer", ["yes", "no"])
def test_a_forwarded_link_answers_for_nobody_once_its_owner_has_bound_a_phone(
    site: Site, wednesday: Wednesday, answer: str
) -> None:
    offers = ask_wang(site.store, wednesday)
    site.bound(wednesday.wang)
    browser, address = site.browser(), site.link(wednesday.wang)

    refused = browser.post(f"{address}/answer", data={"answer": answer})

    assert refused.status_code == 403
    assert "先点“这是我的手机”" in refused.text
    with site.store.read() as session:
        assert states(session, offers) == [OfferState.OPEN, OfferState.OPEN]


def test_a_further_phone_is_led_to_the_code_before_it_can_answer(site: Site, wednesday: Wednesday) -> None:
    ask_wang(site.store, wednesday)
    first, _ = site.bound(wednesday.wang)
    browser, address = site.browser(), site.link(wednesday.wang)

    shown = browser.get(address).text

    assert 'name="answer"' not in shown
    assert "先认这部手机" in shown
    assert "请填短信里的 6 位数" in browser.post(f"{address}/bind").text
    assert 'name="answer"' in first.get(address).text


def test_a_revoked_phone_is_no_reason_to_answer_without_a_code(site: Site, wednesday: Wednesday) -> None:
    offers = ask_wang(site.store, wednesday)
    site.bound(wednesday.wang)
    with site.store.write() as session:
        session.exec(select(Device)).one().revoked_at = NOW

    assert (
        site.browser().post(f"{site.link(wednesday.wang)}/answer", data={"answer": "yes"}).status_code == 403
    )
    with site.store.read() as session:
        assert states(session, offers) == [OfferState.OPEN, OfferState.OPEN]


def test_a_no_is_not_taken_back_on_a_phone_that_was_never_bound(site: Site, wednesday: Wednesday) -> None:
    offer = declined_by_wang(site, wednesday)
    site.bound(wednesday.wang)
    browser, address = site.browser(), site.link(wednesday.wang)

    assert AGAIN not in browser.get(address).text
    assert browser.post(f"{address}/take-back", data={"offer": str(offer)}).status_code == 403


def test_a_turn_that_cannot_be_taken_is_told_with_why(site: Site, wednesday: Wednesday) -> None:
    ask_wang(site.store, wednesday)
    with site.store.write() as session:
        session.get_one(Volunteer, wednesday.cast.wang.id).cap_week = 3  # two of Wednesday, and Thursday
    browser, address = site.browser(), site.link(wednesday.wang)

    answer = browser.post(f"{address}/answer", data={"answer": "yes"})

    said = browser.get(answer.headers["location"]).text
    assert "记下了，能去：周四上学" in said
    assert "周五放学这次不用您跑：您登记的每周趟数已经满了。" in said
    assert "已经有人去了" not in said


def test_yes_to_all_but_one(site: Site, wednesday: Wednesday) -> None:
    offers = ask_wang(site.store, wednesday)
    browser, address = site.browser(), site.link(wednesday.wang)

    answer = browser.post(f"{address}/answer", data={"answer": "yes", "no": str(offers[1])})

    with site.store.read() as session:
        assert states(session, offers) == [OfferState.ACCEPTED, OfferState.DECLINED]
    said = browser.get(answer.headers["location"]).text
    assert "能去：周四上学" in said
    assert "去不了：周五放学" in said


def test_no_to_all_binds_nothing(site: Site, wednesday: Wednesday) -> None:
    offers = ask_wang(site.store, wednesday)
    browser, address = site.browser(), site.link(wednesday.wang)

    browser.post(f"{address}/answer", data={"answer": "no"})

    with site.store.read() as session:
        assert states(session, offers) == [OfferState.DECLINED, OfferState.DECLINED]
        assert session.exec(select(Device)).all() == []


def test_answer_given_twice_is_one_answer(site: Site, wednesday: Wednesday) -> None:
    offers = ask_wang(site.store, wednesday)
    browser, address = site.browser(), site.link(wednesday.wang)
    with site.store.read() as session:
        ask = str(session.get_one(Offer, offers[0]).ask_id)

    first = browser.post(f"{address}/answer", data={"answer": "yes", "ask": ask})
    second = browser.post(f"{address}/answer", data={"answer": "yes", "ask": ask})

    assert (first.status_code, second.status_code) == (303, 303)
    with site.store.read() as session:
        confirmed = session.exec(select(Shift).where(Shift.state == ShiftState.CONFIRMED)).all()
    assert len(confirmed) == 4  # Wednesday's two and the two asked about


AGAIN = "我又能去了"


def declined_by_wang(site: Site, wednesday: Wednesday) -> int:
    """王师傅 has said no to Thursday's way to school; returns the offer."""
    [offer] = ask_wang(site.store, wednesday, turns=1)
    site.browser().post(f"{site.link(wednesday.wang)}/answer", data={"answer": "no"})
    return offer


def said_yes_instead(site: Site, wednesday: Wednesday, offer: int) -> None:
    with site.store.write() as session:
        run = session.get_one(Run, session.get_one(Offer, offer).run_id)
        a_shift(session, run, wednesday.cast.chen)


def test_a_no_is_taken_back_with_one_tap_while_nobody_else_has_said_yes(
    site: Site, wednesday: Wednesday
) -> None:
    offer = declined_by_wang(site, wednesday)
    browser, address = site.browser(), site.link(wednesday.wang)
    assert AGAIN in browser.get(address).text

    answer = browser.post(f"{address}/take-back", data={"offer": str(offer)})

    shown = browser.get(answer.headers["location"]).text
    assert "记下了，能去：周四上学" in shown
    assert AGAIN not in shown
    with site.store.read() as session:
        run = session.get_one(Offer, offer).run_id
        driving = session.exec(select(Shift.volunteer_id, Shift.state).where(Shift.run_id == run)).all()
        assert (wednesday.cast.wang.id, ShiftState.CONFIRMED) in driving
        assert session.exec(select(Refusal.taken_back_at)).one() == NOW
        assert len(session.exec(select(Device)).all()) == 1


def test_a_no_cannot_be_taken_back_once_somebody_else_has_said_yes(site: Site, wednesday: Wednesday) -> None:
    offer = declined_by_wang(site, wednesday)
    said_yes_instead(site, wednesday, offer)
    browser, address = site.browser(), site.link(wednesday.wang)

    assert AGAIN not in browser.get(address).text

    answer = browser.post(f"{address}/take-back", data={"offer": str(offer)})  # from a page opened before
    assert "已经有人去了：周四上学，不用您跑" in browser.get(answer.headers["location"]).text
    with site.store.read() as session:
        assert states(session, [offer]) == [OfferState.TAKEN]


@pytest.mark.parametrize("why", ["it has begun", "he cannot that day", "his papers have run out"])
def test_a_no_is_not_offered_back_where_a_yes_could_not_hold(
    site: Site, wednesday: Wednesday, why: str
) -> None:
    declined_by_wang(site, wednesday)
    address = site.link(wednesday.wang)
    on = date(2021, 4, 8)
    if why == "it has begun":
        site.clock.at = datetime(2021, 4, 8, 7, 40, tzinfo=ZONE)
    with site.store.write() as session:
        wang = session.get_one(Volunteer, wednesday.cast.wang.id)
        if why == "he cannot that day":
            session.add(Blockout(volunteer_id=wang.id, from_on=on, until_on=on, created_at=NOW))
        if why == "his papers have run out":
            wang.insured_until = date(2021, 4, 7)

    assert AGAIN not in site.browser().get(address).text


def test_somebody_elses_no_cannot_be_taken_back(site: Site, wednesday: Wednesday) -> None:
    offer = declined_by_wang(site, wednesday)
    stranger = site.link(f"volunteer:{wednesday.cast.stranger.id}")

    answer = site.browser().post(f"{stranger}/take-back", data={"offer": str(offer)})

    assert answer.status_code == 404
    with site.store.read() as session:
        assert states(session, [offer]) == [OfferState.DECLINED]


def test_somebody_elses_ask_cannot_be_answered(site: Site, wednesday: Wednesday) -> None:
    offers = ask_wang(site.store, wednesday)
    with site.store.read() as session:
        ask = session.get_one(Offer, offers[0]).ask_id
    stranger = site.link(f"volunteer:{wednesday.cast.stranger.id}")

    answer = site.browser().post(f"{stranger}/answer", data={"answer": "yes", "ask": str(ask)})

    assert answer.status_code == 404
    with site.store.read() as session:
        assert states(session, offers) == [OfferState.OPEN, OfferState.OPEN]


def test_stand_in_ask_stands_before_the_weeks_ask(site: Site, wednesday: Wednesday) -> None:
    ask_wang(site.store, wednesday)
    with site.store.write() as session:
        leg = a_leg(session, wednesday.cast.xiaoyu, on=date(2021, 4, 12))
        shift = a_shift(session, a_run(session, leg), wednesday.cast.wang, state="open", confirmed_at=None)
        an_ask(session, wednesday.cast.wang, shift, kind=AskKind.STAND_IN)

    shown = site.browser().get(site.link(wednesday.wang)).text

    assert 0 < shown.index("能不能顶一趟") < shown.index("这周 2 趟")


def test_blockout_frees_the_promised_shift(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(wednesday.wang)

    answer = browser.post(f"{address}/blockouts", data={"from_on": "2021-04-07", "half_day": "to_school"})

    assert answer.status_code == 303
    with site.store.read() as session:
        assert session.get_one(Shift, wednesday.morning_shift.id).state == ShiftState.FREED
        assert session.get_one(Shift, wednesday.afternoon_shift.id).state == ShiftState.CONFIRMED
        assert len(session.exec(select(Blockout)).all()) == 1


def test_blockout_with_its_end_before_its_beginning_keeps_what_was_typed(
    site: Site, wednesday: Wednesday
) -> None:
    browser, address = site.bound(wednesday.wang)

    answer = browser.post(f"{address}/blockouts", data={"from_on": "2021-04-09", "until_on": "2021-04-08"})

    assert answer.status_code == 400
    assert 'value="2021-04-09"' in answer.text
    assert 'value="2021-04-08"' in answer.text
    with site.store.read() as session:
        assert session.exec(select(Blockout)).all() == []


def test_blockout_needs_a_bound_phone(site: Site, wednesday: Wednesday) -> None:
    address = site.link(wednesday.wang)

    answer = site.browser().post(f"{address}/blockouts", data={"from_on": "2021-04-07"})

    assert answer.status_code == 403


def test_second_phone_needs_a_code(site: Site, wednesday: Wednesday) -> None:
    site.bound(wednesday.wang)
    second, address = site.browser(), site.link(wednesday.wang)

    page = second.post(f"{address}/bind")
    wrong = second.post(f"{address}/bind", data={"code": "000000"})

    assert "请填短信里的 6 位数" in page.text
    assert wrong.status_code == 400
    assert "这个数不对" in wrong.text
    assert "王师傅" not in second.get(address).text


def test_expired_link_says_what_to_do(site: Site, wednesday: Wednesday) -> None:
    address = site.link(wednesday.wang)
    site.clock.at = NOW + timedelta(days=31)

    page = site.browser().get(address)

    assert page.status_code == 404
    assert "这个链接已经失效" in page.text
    assert "199 0000 0001" in page.text


def test_home_costs_at_most_ten_queries(site: Site, wednesday: Wednesday) -> None:
    offers = ask_wang(site.store, wednesday)
    browser, address = site.bound(wednesday.wang)
    browser.post(f"{address}/answer", data={"answer": "yes", "no": str(offers[1])})
    with site.store.read() as session:
        ask = session.get_one(Offer, offers[0]).ask_id

    with count_queries(site.store.engine) as queries:
        assert AGAIN in browser.get(f"{address}?answered={ask}").text

    assert len(queries) <= 10, "\n".join(queries.statements)
