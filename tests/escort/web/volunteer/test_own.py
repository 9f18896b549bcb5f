"""The volunteer's own limits, rotation, month and papers: his to say, on a phone that is his."""

from datetime import date, datetime

import pytest
from sqlmodel import select

from escort.db import Store
from escort.roster.models import MonthQuestion, Volunteer
from escort.rota import month_question
from escort.rota.models import Shift, ShiftState
from notifications.models import Message
from tests.builders import NOW, TODAY, ZONE
from tests.escort.rota.weeks import links
from tests.escort.web.visitors import Site, Wednesday, a_site, a_wednesday
from tests.queries import count_queries


@pytest.fixture
def site(store: Store) -> Site:
    return a_site(store)


@pytest.fixture
def wednesday(store: Store) -> Wednesday:
    return a_wednesday(store)


def wang_of(wednesday: Wednesday) -> str:
    return f"volunteer:{wednesday.cast.wang.id}"


def ask_about_may(store: Store, now: datetime = NOW) -> None:
    with store.write() as session:
        month_question.send_month_questions(session, now=now, zone=ZONE, day=1, links=links)


def fresh(store: Store, wednesday: Wednesday) -> Volunteer:
    with store.read() as session:
        return session.get_one(Volunteer, wednesday.cast.wang.id)


def test_a_phone_that_is_not_bound_sees_nothing_and_changes_nothing(
    site: Site, store: Store, wednesday: Wednesday
) -> None:
    address = site.link(wang_of(wednesday))
    browser = site.browser()

    assert "2021-12-31" not in browser.get(f"{address}/me").text
    assert browser.post(f"{address}/limits", data={"cap_week": "1"}).status_code == 403
    assert browser.get(f"{address}/rotation?leaves_on={TODAY}").status_code == 403
    assert browser.post(f"{address}/rotation", data={"leaves_on": str(TODAY)}).status_code == 403
    assert fresh(store, wednesday).leaves_on is None


def test_papers_are_counted_down_on_the_own_page(site: Site, store: Store, wednesday: Wednesday) -> None:
    with store.write() as session:
        session.get_one(Volunteer, wednesday.cast.wang.id).insured_until = date(2021, 4, 16)
    browser, address = site.bound(wang_of(wednesday))

    with count_queries(store.engine) as counted:
        shown = browser.get(f"{address}/me").text

    assert "还有 10 天" in shown
    assert len([one for one in counted.statements if "audit" not in one]) <= 10


def test_he_sets_his_own_limits(site: Site, store: Store, wednesday: Wednesday) -> None:
    browser, address = site.bound(wang_of(wednesday))

    answer = browser.post(f"{address}/limits", data={"cap_week": "3", "cap_month": "６"})

    assert answer.headers["location"] == f"{address}/me?saved=1"
    wang = fresh(store, wednesday)
    assert (wang.cap_week, wang.cap_month) == (3, 6)
    assert "每周最多 3 趟，每月最多 6 趟" in browser.get(address).text

    browser.post(f"{address}/limits", data={"cap_week": "3", "cap_month": ""})

    assert fresh(store, wednesday).cap_month is None


@pytest.mark.parametrize(
    "form", [{"cap_week": "0"}, {"cap_week": ""}, {"cap_week": "3", "cap_month": "很多"}]
)
def test_a_limit_that_cannot_be_is_given_back(
    site: Site, store: Store, wednesday: Wednesday, form: dict[str, str]
) -> None:
    browser, address = site.bound(wang_of(wednesday))

    answer = browser.post(f"{address}/limits", data=form)

    assert answer.status_code == 400
    assert f'value="{form["cap_week"]}"' in answer.text
    assert fresh(store, wednesday).cap_week == 5


def test_leaving_says_first_what_it_does_and_then_does_it(
    site: Site, store: Store, wednesday: Wednesday
) -> None:
    browser, address = site.bound(wang_of(wednesday))

    shown = browser.get(f"{address}/rotation?leaves_on={TODAY}").text
    with store.read() as session:
        before = set(session.exec(select(Shift.state)))
    answer = browser.post(f"{address}/rotation", data={"joins_on": "", "leaves_on": str(TODAY)})

    assert "趟放开，马上另外找人。" in shown
    assert before == {ShiftState.CONFIRMED}
    assert answer.status_code == 303
    with store.read() as session:
        own = select(Shift.state).where(Shift.volunteer_id == wednesday.cast.wang.id)
        assert set(session.exec(own)) == {ShiftState.FREED}
        assert "driver.rotation" not in set(session.exec(select(Message.template)))
    assert "您已经退出了" in browser.get(f"{address}/me").text


def test_coming_back_needs_nobody_else(site: Site, store: Store, wednesday: Wednesday) -> None:
    browser, address = site.bound(wang_of(wednesday))
    browser.post(f"{address}/rotation", data={"leaves_on": str(TODAY)})

    browser.post(f"{address}/rotation", data={"joins_on": "", "leaves_on": ""})

    assert fresh(store, wednesday).leaves_on is None


def test_a_date_over_is_given_back_with_what_to_mend(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(wang_of(wednesday))

    answer = browser.get(f"{address}/rotation?leaves_on=2021-04-01")

    assert answer.status_code == 400
    assert "已经过去了" in answer.text
    assert 'value="2021-04-01"' in answer.text


def test_nothing_next_month_is_one_tap(site: Site, store: Store, wednesday: Wednesday) -> None:
    ask_about_may(store)
    browser, address = site.bound(wang_of(wednesday))
    assert "5月您哪天不方便？" in browser.get(address).text

    answer = browser.post(f"{address}/month")

    shown = browser.get(answer.headers["location"]).text
    assert "记下了，没有不方便的日子" in shown
    assert "您哪天不方便？" not in shown
    with store.read() as session:
        mine = select(MonthQuestion).where(MonthQuestion.volunteer_id == wednesday.cast.wang.id)
        assert session.exec(mine).one().answer == "none"


def test_dates_on_the_home_page_answer_it_too(site: Site, store: Store, wednesday: Wednesday) -> None:
    ask_about_may(store)
    browser, address = site.bound(wang_of(wednesday))

    browser.post(f"{address}/blockouts", data={"from_on": "2021-05-06", "until_on": "", "half_day": ""})

    assert "您哪天不方便？" not in browser.get(address).text


def test_a_further_phone_does_not_answer_for_him(site: Site, store: Store, wednesday: Wednesday) -> None:
    ask_about_may(store)
    _, address = site.bound(wang_of(wednesday))

    assert site.browser().post(f"{address}/month").status_code == 403
