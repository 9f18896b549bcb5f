"""Several days off, said by the family on its own page; and whether it goes on next term."""

from datetime import timedelta

import pytest
from sqlmodel import select

from escort.db import Store
from escort.families.models import EscortPause, TermQuestion
from escort.rota.models import Leg, LegState
from tests.builders import NOW, TODAY
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
    assert "都不用接送，第二天起照常" in browser.get(address).text

    browser.post(f"{address}/pause/lift", data={"child": child})
    with site.store.read() as session:
        assert session.exec(select(EscortPause.lifted_at)).one() is not None


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"until_on": ""}, "到哪天止没填"),
        ({"until_on": "2021-04-05"}, "最后一天早于第一天"),
        ({"until_on": "2021-12-31"}, "这么久不用接送"),
        ({"until_on": "周五"}, "日期"),
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


def test_next_term_is_one_tap(site: Site, wednesday: Wednesday) -> None:
    with site.store.write() as session:
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
