"""Several days off, said by the family on its own page; and whether it goes on next term."""

from datetime import timedelta

import pytest
from sqlmodel import select

from escort.db import Store
from escort.families.models import Escort, EscortPause, TermQuestion
from escort.rota.legs import cancel_leg
from escort.rota.models import Leg, LegState
from tests.builders import NOW, TODAY, ZONE
from tests.cast import LIN
from tests.escort.web.visitors import Site, Wednesday, a_site, a_wednesday


@pytest.fixture
def site(store: Store) -> Site:
    return a_site(store)


@pytest.fixture
def wednesday(store: Store) -> Wednesday:
    return a_wednesday(store)


def test_sick_until_friday_and_well_again_sooner(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(wednesday.grandmother)
    child = str(wednesday.morning.child_id)
    friday = TODAY + timedelta(days=3)

    assert "病了或出门，好几天不用接" in browser.get(address).text
    assert 'name="until_on"' in browser.get(f"{address}/pause").text
    form = {"child": child, "why": "sick", "until_on": friday.isoformat()}
    assert browser.post(f"{address}/pause", data=form, follow_redirects=False).status_code == 303

    with site.store.read() as session:
        pause = session.exec(select(EscortPause)).one()
        assert (pause.why, pause.until_on, pause.said_by) == ("sick", friday, wednesday.grandmother)
        wanted = session.exec(
            select(Leg.id).where(Leg.on >= TODAY, Leg.on <= friday, Leg.state == LegState.WANTED)
        )
        assert wanted.all() == []
    assert "不用接送，第二天起照常" in browser.get(address).text

    browser.post(f"{address}/pause/lift", data={"child": child, "pause": str(pause.id)})
    with site.store.read() as session:
        assert session.exec(select(EscortPause.lifted_at)).one() is not None


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"until_on": ""}, "到哪天止没填"),
        ({"until_on": "2021-04-05"}, "最后一天早于第一天"),
        ({"until_on": "2021-12-31"}, "这么久不用接送"),
        ({"until_on": "周五"}, "日期"),
        ({"from_on": "2021-04-01", "until_on": "2021-04-09"}, "第一天已经过去了"),
    ],
)
def test_a_day_that_cannot_be_is_said_and_the_form_stays(
    site: Site, wednesday: Wednesday, typed: dict[str, str], sentence: str
) -> None:
    browser, address = site.bound(wednesday.grandmother)

    form = {"child": str(wednesday.morning.child_id), "why": "away", **typed}
    answer = browser.post(f"{address}/pause", data=form)

    assert answer.status_code == 400
    assert sentence in answer.text
    assert 'value="away" checked' in answer.text


def test_an_afternoon_that_nobody_has_spoken_for_is_kept_with_one_tap(
    site: Site, wednesday: Wednesday
) -> None:
    with site.store.write() as session:
        cancel_leg(session, leg_id=wednesday.morning.id or 0, by=LIN, reason="外婆来电话", now=NOW, zone=ZONE)
    browser, address = site.bound(wednesday.grandmother)
    assert "放学还要接小雨吗" in browser.get(address).text

    browser.post(f"{address}/keep", data={"leg": str(wednesday.afternoon.id)})

    with site.store.read() as session:
        leg = session.get_one(Leg, wednesday.afternoon.id)
        assert (leg.state, leg.kept_by) == (LegState.WANTED, wednesday.grandmother)
    assert "放学还要接小雨吗" not in browser.get(address).text


def test_next_term_is_one_tap(site: Site, wednesday: Wednesday) -> None:
    with site.store.write() as session:
        session.get_one(Escort, wednesday.morning.escort_id).until_on = TODAY
        session.add(
            TermQuestion(
                escort_id=wednesday.morning.escort_id,
                child_id=wednesday.morning.child_id,
                ends_on=TODAY,
                asked_at=NOW,
            )
        )
    browser, address = site.bound(wednesday.grandmother)
    assert "下学期还要接送小雨吗" in browser.get(address).text

    browser.post(f"{address}/next-term", data={"child": str(wednesday.morning.child_id), "answer": "yes"})

    with site.store.read() as session:
        said = session.exec(select(TermQuestion)).one()
        assert (said.answer, said.answered_by, said.how) == ("yes", wednesday.grandmother, "page")
    assert "记下了：还要" in browser.get(address).text
