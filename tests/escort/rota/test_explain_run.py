"""Why this driver, why not that one; and a question taken back before it is answered."""

from datetime import date

import pytest
from sqlmodel import Session, col, select

from escort.errors import Conflict
from escort.rota.models import Ask, AskState, Offer, OfferState, Shift
from escort.rota.release import stop_asking
from escort.rota.standins import ask_people, explain_run
from scheduling.plan import Rule
from tests.builders import NOW, ZONE, a_child, a_volunteer
from tests.escort.rota.weeks import links
from tests.escort.web.coordinator.days import a_leg, a_run, a_shift

THURSDAY = date(2021, 4, 8)


def test_the_driver_is_explained_as_if_he_were_asked_now(session: Session) -> None:
    child = a_child(session)
    run = a_run(session, a_leg(session, child, on=THURSDAY))
    wang = a_volunteer(session)
    a_shift(session, run, wang.id)

    explained = explain_run(session, run_id=run.id or 0, zone=ZONE, driver_id=wang.id)

    assert explained.driver is not None
    assert (explained.driver.name, explained.driver.duties_week, explained.nearer) == ("王师傅", 0, 0)
    assert not explained.driver.drove_last


def test_each_person_asked_about_has_the_first_rule_in_the_way(session: Session) -> None:
    child = a_child(session)
    run = a_run(session, a_leg(session, child, on=THURSDAY))
    free, expired, busy = (a_volunteer(session, name) for name in ("王师傅", "陈姐", "外人"))
    expired.insured_until = date(2021, 4, 1)
    a_shift(session, a_run(session, a_leg(session, a_child(session, "小杰"), on=THURSDAY)), busy.id)
    session.flush()

    about = [one.id or 0 for one in (free, expired, busy)]
    refusals = explain_run(session, run_id=run.id or 0, zone=ZONE, about=about).refusals

    assert refusals[about[0]] is None
    assert [refusals[who].rule for who in about[1:]] == [Rule.INSURANCE, Rule.SAME_HALF_DAY]  # type: ignore[union-attr]


def test_a_question_is_taken_back_and_may_be_put_again(session: Session) -> None:
    run, wang = an_asked_run(session)

    assert stop_asking(session, run_id=run, volunteer_ids=[wang], now=NOW) == 1

    session.expire_all()
    assert session.exec(select(Offer.state)).one() == OfferState.WITHDRAWN
    assert session.exec(select(Ask.state)).one() == AskState.WITHDRAWN
    assert [one.is_asked for one in explain_run(session, run_id=run, zone=ZONE).candidates] == [False]


def test_a_question_that_is_answered_or_taken_back_already_stays_as_it_is(session: Session) -> None:
    run, wang = an_asked_run(session)
    stop_asking(session, run_id=run, volunteer_ids=[wang], now=NOW)

    with pytest.raises(Conflict):
        stop_asking(session, run_id=run, volunteer_ids=[wang], now=NOW)

    assert session.exec(select(Shift).where(col(Shift.run_id) == run)).all() == []


def an_asked_run(session: Session) -> tuple[int, int]:
    run = a_run(session, a_leg(session, a_child(session), on=THURSDAY))
    wang = a_volunteer(session)
    ask_people(session, run_id=run.id or 0, volunteer_ids=[wang.id or 0], now=NOW, zone=ZONE, links=links)
    return run.id or 0, wang.id or 0
