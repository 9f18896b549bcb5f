"""每周固定来 on the volunteer's phone: what can be said, what was said, and its end."""

import pytest
from sqlmodel import Session, select

from escort.db import Store
from escort.rota import asks
from escort.rota.models import Shift, ShiftState, StandingYes
from tests.builders import ZONE
from tests.escort.rota.test_standing import THURSDAY_SIX, a_usual_week
from tests.escort.rota.weeks import links
from tests.escort.web.visitors import Site, a_site
from tests.queries import count_queries


@pytest.fixture
def site(store: Store) -> Site:
    return a_site(store)


@pytest.fixture
def wang(site: Site) -> str:
    with site.store.write() as session:
        return f"volunteer:{a_usual_week(session).wang.id}"


def told(site: Site) -> None:
    """The week's message has gone out."""
    site.clock.at = THURSDAY_SIX
    with site.store.write() as session:
        asks.send_asks(session, now=THURSDAY_SIX, zone=ZONE, links=links)


def wednesday(session: Session) -> Shift:
    return session.exec(select(Shift).order_by(Shift.id.desc())).first()  # type: ignore[return-value, union-attr]


def test_he_says_it_with_one_press_and_sees_it_with_its_date(site: Site, wang: str) -> None:
    browser, address = site.bound(wang)

    shown = browser.get(f"{address}/standing").text
    answer = browser.post(f"{address}/standing", data={"turn": "2.to_school.0745"})
    after = browser.get(answer.headers["location"]).text

    assert "每周三上学" in shown
    assert "小雨" not in shown
    assert answer.status_code == 303
    assert "记下了，谢谢您" in after
    assert "每周三上学 07:45" in after
    assert "4月6日说的" in after


def test_a_time_that_has_moved_since_is_not_taken(site: Site, wang: str) -> None:
    browser, address = site.bound(wang)

    answer = browser.post(f"{address}/standing", data={"turn": "2.to_school.0700"})

    assert answer.status_code == 409
    assert "和刚才看到的不一样了" in answer.text
    with site.store.read() as session:
        assert session.exec(select(StandingYes)).all() == []


def test_the_week_goes_on_as_usual_and_one_press_ends_a_turn(site: Site, wang: str) -> None:
    browser, address = site.bound(wang)
    browser.post(f"{address}/standing", data={"turn": "2.to_school.0745"})
    told(site)

    shown = browser.get(address).text
    with site.store.read() as session:
        before = wednesday(session).state
    browser.post(f"{address}/answer", data={"answer": "no"})

    assert "1 趟照常" in shown
    assert "没回也算照常" in shown
    assert before == ShiftState.CONFIRMED
    with site.store.read() as session:
        assert wednesday(session).state == ShiftState.DECLINED
    assert "您说去不了的" in browser.get(address).text


def test_he_ends_it_and_says_which_turns_he_still_drives(site: Site, wang: str) -> None:
    browser, address = site.bound(wang)
    browser.post(f"{address}/standing", data={"turn": "2.to_school.0745"})
    told(site)
    with site.store.read() as session:
        shift_id, standing_id = wednesday(session).id, session.exec(select(StandingYes.id)).one()

    shown = browser.get(f"{address}/standing").text
    browser.post(f"{address}/standing/end", data={"standing": standing_id, "keep": [shift_id]})

    assert "4月14日还去" in shown
    with site.store.read() as session:
        assert (wednesday(session).state, wednesday(session).confirmed_how) == ("confirmed", f"page:{wang}")
        assert session.exec(select(StandingYes.ended_how)).one() == f"page:{wang}"


def test_a_phone_that_is_not_bound_says_nothing_for_every_week(site: Site, wang: str) -> None:
    stranger, address = site.browser(), site.link(wang)

    assert stranger.get(f"{address}/standing").status_code == 403
    assert stranger.post(f"{address}/standing", data={"turn": "2.to_school.0745"}).status_code == 403


def test_the_page_costs_few_queries(site: Site, wang: str) -> None:
    browser, address = site.bound(wang)
    browser.post(f"{address}/standing", data={"turn": "2.to_school.0745"})

    with count_queries(site.store.engine) as counted:
        browser.get(f"{address}/standing")

    assert len(counted) <= 10
