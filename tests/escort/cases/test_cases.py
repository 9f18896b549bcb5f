"""A case is opened once, taken by one person, and closed only by a deed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, select

from escort.cases.models import Case, CaseKind, CaseState
from escort.cases.service import (
    acknowledge,
    close,
    close_because,
    events_of,
    next_due_at,
    open_case,
    open_cases,
)
from escort.db import Store
from escort.errors import Conflict, NotFound, Refused
from tests.builders import NOW
from tests.cast import LIN

OTHER = "account:2"
MINUTE = timedelta(minutes=1)


def a_case(session: Session, *, about: str = "run:1", now: datetime = NOW, **values: object) -> Case:
    values = {"is_urgent": True, "needed_by": NOW + 30 * MINUTE} | values
    return open_case(
        session,
        kind=CaseKind.NO_DRIVER,
        about=about,
        sentence="小雨4月6日18:30放学还没有人",
        now=now,
        **values,  # type: ignore[arg-type]  # a test's shorthand
    )


def test_opening_again_finds_the_live_case(session: Session) -> None:
    first = a_case(session)

    again = a_case(session, now=NOW + MINUTE)

    assert again.id == first.id
    assert [event.what for event in events_of(session, first.id or 0)] == ["opened"]


def test_a_closed_case_does_not_stop_a_new_one(session: Session) -> None:
    first = a_case(session)
    close(session, case_id=first.id or 0, by=LIN, reason="王师傅去了", now=NOW)

    again = a_case(session, now=NOW + MINUTE)

    assert again.id != first.id


def test_a_waiting_case_becomes_urgent_when_opened_so(session: Session) -> None:
    case = a_case(session, is_urgent=False, needed_by=NOW + timedelta(hours=20))
    assert case.next_step_at == NOW + timedelta(hours=19)

    again = a_case(session, now=NOW + MINUTE, needed_by=NOW + timedelta(hours=20))

    assert again.id == case.id
    assert again.is_urgent
    assert again.next_step_at == NOW + MINUTE
    assert [event.what for event in events_of(session, case.id or 0)] == ["opened", "urgent"]


def test_the_sentence_is_kept_up_to_date(session: Session) -> None:
    a_case(session)

    again = open_case(session, kind=CaseKind.NO_DRIVER, about="run:1", sentence="小雨、石头还没有人", now=NOW)

    assert again.sentence == "小雨、石头还没有人"


def test_close_to_its_moment_a_case_is_held_for_ten_minutes(session: Session) -> None:
    case = acknowledge(session, case_id=a_case(session).id or 0, by=LIN, now=NOW)

    assert case.acknowledged_by == LIN
    assert case.next_step_at == case.ack_lapses_at == NOW + 10 * MINUTE


def test_far_from_its_moment_a_case_is_held_for_an_hour(session: Session) -> None:
    case = a_case(session, needed_by=NOW + timedelta(hours=12))

    assert acknowledge(session, case_id=case.id or 0, by=LIN, now=NOW).ack_lapses_at == NOW + 60 * MINUTE


def test_taking_never_reaches_into_the_last_hour(session: Session) -> None:
    case = a_case(session, needed_by=NOW + 80 * MINUTE)

    assert acknowledge(session, case_id=case.id or 0, by=LIN, now=NOW).ack_lapses_at == NOW + 20 * MINUTE


def test_second_person_is_told_that_somebody_has_it(session: Session) -> None:
    case = a_case(session)
    acknowledge(session, case_id=case.id or 0, by=LIN, now=NOW)

    with pytest.raises(Conflict, match="已有人接手"):
        acknowledge(session, case_id=case.id or 0, by=OTHER, now=NOW)


def test_taking_again_renews(session: Session) -> None:
    case = a_case(session)
    acknowledge(session, case_id=case.id or 0, by=LIN, now=NOW)

    again = acknowledge(session, case_id=case.id or 0, by=LIN, now=NOW + 5 * MINUTE)

    assert again.ack_lapses_at == NOW + 15 * MINUTE


def test_closing_needs_a_reason(session: Session) -> None:
    with pytest.raises(Refused):
        close(session, case_id=a_case(session).id or 0, by=LIN, reason="  ", now=NOW)


def test_closing_twice_says_that_it_was_done(session: Session) -> None:
    case = a_case(session)
    close(session, case_id=case.id or 0, by=LIN, reason="王师傅去了", now=NOW)

    with pytest.raises(Conflict):
        close(session, case_id=case.id or 0, by=OTHER, reason="我也办了", now=NOW)
    session.refresh(case)
    assert (case.state, case.closed_by, case.close_reason) == (CaseState.CLOSED, LIN, "王师傅去了")


def test_a_closed_case_cannot_be_taken(session: Session) -> None:
    case = a_case(session)
    close(session, case_id=case.id or 0, by=LIN, reason="王师傅去了", now=NOW)

    with pytest.raises(Conflict, match="办完"):
        acknowledge(session, case_id=case.id or 0, by=OTHER, now=NOW)


def test_an_unknown_case_is_not_found(session: Session) -> None:
    with pytest.raises(NotFound):
        acknowledge(session, case_id=404, by=LIN, now=NOW)
    with pytest.raises(NotFound):
        close(session, case_id=404, by=LIN, reason="?", now=NOW)


def test_a_deed_closes_what_it_mends_and_keeps_who_did_it(session: Session) -> None:
    case, other = a_case(session), a_case(session, about="run:2")

    closed = close_because(
        session,
        kinds=[CaseKind.NO_DRIVER],
        abouts=["run:1"],
        by="volunteer:7",
        reason="答应去了",
        now=NOW + MINUTE,
    )

    assert closed == 1
    session.refresh(case)
    session.refresh(other)
    assert (case.state, case.closed_by, case.next_step_at) == (CaseState.CLOSED, "volunteer:7", None)
    assert other.state == CaseState.OPEN


def test_a_deed_closes_only_the_kinds_it_mends(session: Session) -> None:
    a_case(session)

    assert (
        close_because(
            session, kinds=[CaseKind.NOT_ABOARD], abouts=["run:1"], by="volunteer:7", reason="到了", now=NOW
        )
        == 0
    )
    assert close_because(session, kinds=None, abouts=[], by="volunteer:7", reason="到了", now=NOW) == 0


def test_the_queue_begins_with_what_is_needed_first(session: Session) -> None:
    later = a_case(session, about="run:1", needed_by=NOW + 50 * MINUTE)
    first = a_case(session, about="run:2", needed_by=NOW + 5 * MINUTE)
    waiting = a_case(session, about="run:3", is_urgent=False, needed_by=NOW + timedelta(hours=20))

    assert [case.id for case in open_cases(session)] == [first.id, later.id, waiting.id]


def test_next_due_is_the_earliest_step_of_a_live_case(session: Session) -> None:
    assert next_due_at(session) is None
    case = a_case(session, needed_by=NOW + timedelta(hours=12))
    taken = acknowledge(session, case_id=case.id or 0, by=LIN, now=NOW)
    assert next_due_at(session) == taken.ack_lapses_at

    close(session, case_id=case.id or 0, by=LIN, reason="好了", now=NOW)

    assert next_due_at(session) is None


def test_of_two_who_take_a_case_at_once_one_gets_it(store: Store) -> None:
    with store.write() as session:
        case_id = a_case(session).id or 0

    def take(by: str) -> str:
        try:
            with store.write() as session:
                acknowledge(session, case_id=case_id, by=by, now=NOW)
                return by
        except Conflict:
            return ""

    with ThreadPoolExecutor(2) as pool:
        winners = [who for who in pool.map(take, (LIN, OTHER)) if who]

    with store.read() as session:
        assert [session.get_one(Case, case_id).acknowledged_by] == winners


def test_of_two_who_open_a_case_at_once_one_case_remains(store: Store) -> None:
    def open_it(_: int) -> None:
        with store.write() as session:
            a_case(session)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(open_it, range(2)))

    with store.read() as session:
        assert len(session.exec(select(Case)).all()) == 1
