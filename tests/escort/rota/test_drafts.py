"""The coordinator's hand in a draft: tried out, changed, taken back; nothing that anybody was told of is touched."""

from datetime import date, timedelta

import pytest
from sqlmodel import Session, col, select

from escort.errors import Conflict, NotFound, Refused
from escort.rota.drafts import Undo, put_in_draft
from escort.rota.models import Run, Shift, ShiftState
from escort.rota.trial import try_driver
from notifications.models import Message
from scheduling.plan import Rule
from tests.builders import NOW, ZONE, a_child, a_volunteer
from tests.escort.web.coordinator.days import a_leg, a_run, a_shift

THURSDAY = date(2021, 4, 8)


def a_draft(session: Session, name: str, driver: int | None) -> Run:
    run = a_run(session, a_leg(session, a_child(session, name), on=THURSDAY))
    if driver is not None:
        a_shift(session, run, driver, ShiftState.DRAFT)
    return run


def put(session: Session, run: Run, volunteer_id: int | None) -> Undo:
    undo = put_in_draft(session, run_id=run.id or 0, volunteer_id=volunteer_id, by="account:1", now=NOW)
    session.expire_all()
    return undo


def drivers(session: Session, *runs: Run) -> list[int | None]:
    held = dict(session.exec(select(Shift.run_id, Shift.volunteer_id).order_by(col(Shift.id))).all())
    return [held.get(run.id) for run in runs]


def test_another_driver_is_put_in_and_taken_back(session: Session) -> None:
    wang, chen = a_volunteer(session), a_volunteer(session, "陈姐")
    run = a_draft(session, "小雨", wang.id)

    undo = put(session, run, chen.id)

    assert drivers(session, run) == [chen.id]
    put(session, run, undo.volunteer_id)
    assert drivers(session, run) == [wang.id]
    assert session.exec(select(Message)).all() == []


def test_two_who_drive_then_change_places_and_back(session: Session) -> None:
    wang, chen = a_volunteer(session), a_volunteer(session, "陈姐")
    rain, jie = a_draft(session, "小雨", wang.id), a_draft(session, "小杰", chen.id)

    undo = put(session, rain, chen.id)

    assert drivers(session, rain, jie) == [chen.id, wang.id]
    put(session, rain, undo.volunteer_id)
    assert drivers(session, rain, jie) == [wang.id, chen.id]


def test_who_is_taken_from_another_run_for_one_without_driver_goes_back_where_he_was(
    session: Session,
) -> None:
    wang = a_volunteer(session)
    rain, jie = a_draft(session, "小雨", None), a_draft(session, "小杰", wang.id)

    undo = put(session, rain, wang.id)

    assert drivers(session, rain, jie) == [wang.id, None]
    assert undo == Undo(jie.id or 0, wang.id)
    put(session, jie, undo.volunteer_id)
    assert drivers(session, rain, jie) == [None, wang.id]


def test_nobody_can_be_put_in_too(session: Session) -> None:
    wang = a_volunteer(session)
    run = a_draft(session, "小雨", wang.id)

    put(session, run, None)

    assert drivers(session, run) == [None]


def test_what_people_were_told_of_is_not_changed_by_hand(session: Session) -> None:
    wang, chen = a_volunteer(session), a_volunteer(session, "陈姐")
    told = a_draft(session, "小雨", None)
    told.published_at = NOW
    elsewhere, draft = a_draft(session, "小杰", None), a_draft(session, "小满", wang.id)
    a_shift(session, elsewhere, chen.id)
    session.flush()

    with pytest.raises(Conflict):
        put(session, told, chen.id)
    with pytest.raises(Refused):
        put(session, draft, chen.id)  # has promised the other one
    with pytest.raises(NotFound):
        put_in_draft(session, run_id=999, volunteer_id=wang.id, by="account:1", now=NOW)
    assert drivers(session, draft) == [wang.id]


def test_a_rule_is_not_given_way_in(session: Session) -> None:
    chen = a_volunteer(session, "陈姐")
    chen.insured_until = THURSDAY - timedelta(days=1)
    run = a_draft(session, "小雨", None)

    with pytest.raises(Refused, match="陈姐"):
        put(session, run, chen.id)


def test_a_trial_says_what_it_costs_and_does_nothing(session: Session) -> None:
    wang, far = a_volunteer(session), a_volunteer(session, "陈姐", home=(30.95, 103.84))
    run = a_draft(session, "小雨", wang.id)

    trial = try_driver(session, run_id=run.id or 0, volunteer_id=far.id or 0, zone=ZONE)

    assert trial is not None
    assert (trial.name, trial.was, trial.is_possible) == ("陈姐", "王师傅", True)
    assert trial.price != 0
    assert [row.wish for row in trial.weighed] == ["km"]
    assert drivers(session, run) == [wang.id]


def test_a_trial_says_which_rule_is_in_the_way(session: Session) -> None:
    wang, chen = a_volunteer(session), a_volunteer(session, "陈姐")
    chen.insured_until = THURSDAY - timedelta(days=1)
    run = a_draft(session, "小雨", wang.id)

    trial = try_driver(session, run_id=run.id or 0, volunteer_id=chen.id or 0, zone=ZONE)

    assert trial is not None
    assert trial.refusal is not None
    assert (trial.refusal.rule, trial.is_possible) == (Rule.INSURANCE, False)


def test_a_trial_of_two_who_drive_then_adds_both_changes_up(session: Session) -> None:
    wang, chen = a_volunteer(session), a_volunteer(session, "陈姐", home=(30.95, 103.84))
    rain, jie = a_draft(session, "小雨", wang.id), a_draft(session, "小杰", chen.id)

    trial = try_driver(session, run_id=rain.id or 0, volunteer_id=chen.id or 0, zone=ZONE)

    assert trial is not None
    assert (trial.other_run_id, trial.other_state, trial.is_possible) == (jie.id, "draft", True)
    assert trial.price == 0  # both children live at the same place


def test_nobody_and_nothing_cannot_be_tried(session: Session) -> None:
    run = a_draft(session, "小雨", None)

    assert try_driver(session, run_id=run.id or 0, volunteer_id=999, zone=ZONE) is None
    assert try_driver(session, run_id=999, volunteer_id=1, zone=ZONE) is None
