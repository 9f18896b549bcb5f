"""Papers counted down: 60, 30 and 7 days, each step said once to the owner, all of them in one row for the office."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import Session

from escort.roster.gates import VETTING_VALID
from escort.roster.models import Volunteer
from escort.roster.papers import Paper, nearest, papers_left, tell_of_papers, yearly_batch
from escort.web.coordinator.quiet_notes import QuietNotes, quiet_counts, quiet_notes
from tests.builders import NOW, TODAY, a_volunteer
from tests.escort.rota.weeks import letters_to


def in_days(days: int) -> date:
    return TODAY + timedelta(days=days)


def whose(session: Session, name: str = "王师傅", **papers: date | None) -> Volunteer:
    who = a_volunteer(session, name)
    for column, value in papers.items():
        setattr(who, column, value)
    session.flush()
    return who


def tell(session: Session, today: date = TODAY) -> int:
    return tell_of_papers(session, today=today, now=NOW + (today - TODAY), duty_phone="19900000001")


def noted(session: Session) -> QuietNotes:
    return quiet_notes(session.execute(select(*quiet_counts(TODAY))).one())


@pytest.mark.parametrize(
    ("days", "step"),
    [(61, None), (60, 60), (31, 60), (30, 30), (8, 30), (7, 7), (0, 7), (-1, None)],
)
def test_a_step_begins_on_its_day_and_the_last_one_holds_to_the_end(
    session: Session, days: int, step: int | None
) -> None:
    who = whose(session, insured_until=in_days(days))

    left = {paper.paper: paper for paper in papers_left(who, TODAY)}

    assert left[Paper.INSURANCE].step == step


def test_the_vetting_is_valid_for_a_year(session: Session) -> None:
    who = whose(session, vetted_on=in_days(10) - VETTING_VALID)

    first = nearest(papers_left(who, TODAY))

    assert first is not None
    assert (first.paper, first.days_left) == (Paper.VETTING, 10)


def test_each_step_is_said_once_and_the_next_one_again(session: Session) -> None:
    who = whose(session, insured_until=in_days(40))

    said = [tell(session, in_days(days)) for days in (0, 1, 10, 11, 33, 34, 40, 41)]

    assert said == [1, 0, 1, 0, 1, 0, 0, 0]
    texts = [letter.text for letter in letters_to(session, f"volunteer:{who.id}")]
    assert texts[0] == (
        "【杜鹃鸟】您登记的座位险5月16日到期（还有40天）。过了那天就不能请您开车了，"
        "新的办好请告诉值班老师，或打19900000001。"
    )


def test_two_papers_at_once_are_one_message(session: Session) -> None:
    who = whose(session, insured_until=in_days(7), licence_until=in_days(30))

    assert tell(session) == 1

    [letter] = letters_to(session, f"volunteer:{who.id}")
    assert "驾驶证5月6日到期（还有30天），座位险4月13日到期（还有7天）" in letter.text


def test_a_renewed_paper_is_counted_from_the_beginning(session: Session) -> None:
    who = whose(session, insured_until=in_days(7))
    tell(session)
    who.insured_until = in_days(60)
    session.flush()

    assert tell(session) == 1


@pytest.mark.parametrize("gone", [{"suspended_at": NOW}, {"leaves_on": TODAY}], ids=["suspended", "left"])
def test_who_does_not_drive_any_more_hears_nothing(session: Session, gone: dict[str, Any]) -> None:
    whose(session, insured_until=in_days(7), **gone)

    assert tell(session) == 0
    assert noted(session).people == 0


def test_the_board_counts_each_person_once_at_the_nearest_step(session: Session) -> None:
    whose(session, "甲", insured_until=in_days(5), licence_until=in_days(25))
    whose(session, "乙", licence_until=in_days(29))
    whose(session, "丙", licence_until=in_days(61))
    whose(session, "丁", insured_until=in_days(-1))

    notes = noted(session)

    assert notes.papers == {7: 1, 30: 1, 60: 0}
    assert notes.people == 2


def test_the_yearly_list_names_whoever_must_go_the_most_urgent_first(session: Session) -> None:
    whose(session, "甲", licence_until=in_days(29))
    whose(session, "乙", vetted_on=None)
    whose(session, "丙", insured_until=in_days(-3))
    whose(session, "丁")

    [sheet] = yearly_batch(session, today=TODAY)

    assert [row[0] for row in sheet.rows] == ["姓名", "乙", "丙", "甲"]
    assert [row[2] for row in sheet.rows[1:]] == [
        "无犯罪记录查询（没登记）",
        "座位险（已过期）",
        "驾驶证（还有29天）",
    ]
