"""A step on a case that was not meant is taken back, and the case is told again."""

from datetime import timedelta

import pytest
from sqlmodel import Session

from escort.cases import service as cases
from escort.cases.models import Case, CaseKind, CaseState
from escort.db import Store
from escort.errors import Conflict
from tests.builders import NOW
from tests.cast import LIN

OTHER = "account:2"
SOON = NOW + timedelta(seconds=8)


def test_a_case_let_go_is_told_again_at_once(session: Session) -> None:
    case = a_case(session)
    cases.acknowledge(session, case_id=case, by=LIN, now=NOW)

    cases.let_go(session, case_id=case, by=LIN, now=SOON)

    found = again(session, case)
    assert (found.state, found.acknowledged_by, found.next_step_at) == (CaseState.OPEN, None, SOON)


def test_nobody_lets_go_of_what_somebody_else_has(session: Session) -> None:
    case = a_case(session)
    cases.acknowledge(session, case_id=case, by=OTHER, now=NOW)

    with pytest.raises(Conflict):
        cases.let_go(session, case_id=case, by=LIN, now=SOON)

    assert again(session, case).acknowledged_by == OTHER


def test_whoever_opens_a_case_again_has_it(session: Session) -> None:
    case = a_case(session)
    cases.close(session, case_id=case, by=LIN, reason="点错了", now=NOW)

    cases.reopen(session, case_id=case, by=LIN, now=SOON)

    found = again(session, case)
    assert (found.state, found.acknowledged_by) == (CaseState.ACKNOWLEDGED, LIN)
    assert (found.closed_at, found.close_reason) == (None, "")
    assert [event.what for event in cases.events_of(session, case)][-2:] == ["closed", "reopened"]


def test_twice_is_once(session: Session) -> None:
    case = a_case(session)
    cases.close(session, case_id=case, by=LIN, reason="点错了", now=NOW)
    cases.reopen(session, case_id=case, by=LIN, now=SOON)

    with pytest.raises(Conflict):
        cases.reopen(session, case_id=case, by=OTHER, now=SOON)

    assert again(session, case).acknowledged_by == LIN


@pytest.mark.parametrize(
    ("by", "later"),
    [
        ("system", timedelta(0)),  # closed by the deed that settled it
        (LIN, timedelta(hours=24)),  # too old
    ],
)
def test_what_a_deed_closed_or_a_day_ago_stays_closed(session: Session, by: str, later: timedelta) -> None:
    case = a_case(session)
    cases.close(session, case_id=case, by=by, reason="有人答应了", now=NOW)

    with pytest.raises(Conflict):
        cases.reopen(session, case_id=case, by=LIN, now=NOW + later)


def test_what_has_come_up_anew_is_not_opened_beside_it(store: Store) -> None:
    with store.write() as session:
        old = a_case(session)
        cases.close(session, case_id=old, by=LIN, reason="办好了", now=NOW)
        session.add(
            Case(
                kind=CaseKind.STUCK_WORK,
                about="x:1",
                sentence="又来了。",
                opened_at=SOON,
                next_step_at=SOON,
            )
        )

    with store.write() as session, pytest.raises(Conflict):
        cases.reopen(session, case_id=old, by=LIN, now=SOON)

    with store.read() as session:
        assert session.get_one(Case, old).state == CaseState.CLOSED


def a_case(session: Session) -> int:
    case = cases.open_case(
        session, kind=CaseKind.STUCK_WORK, about="x:1", sentence="有一步办不下去。", now=NOW
    )
    assert case is not None
    return case.id or 0


def again(session: Session, case_id: int) -> Case:
    return session.get_one(Case, case_id, populate_existing=True)
