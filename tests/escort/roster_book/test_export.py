"""The roster handed out in the office's own columns: read again it is the same, and changes nothing."""

import io
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
from sqlmodel import Session, SQLModel, select

from escort.access import audit
from escort.access.models import AuditEvent
from escort.db import Store
from escort.families.models import Child, Escort, Receiver
from escort.roster.models import Volunteer
from escort.roster_book.apply import apply_book, compare
from escort.roster_book.book import Needs, RosterBook
from escort.roster_book.check import read_for_store
from escort.roster_book.export import BOLD_FIELDS, LEFT_OUT, note_export, roster_sheets
from escort.roster_book.needs import SplitNeeds, say_needs, split_needs
from escort.roster_book.reader import read_book
from escort.roster_book.weekdays import NEVER, read_pattern, read_weekdays, say_pattern, say_weekdays
from escort.schools.models import CalendarEntry
from escort.spreadsheet import workbook
from notifications.sealed import Keyring
from tests.builders import NOW
from tests.escort.roster_book.books import AS_OF, REAL_BOOK, a_book, as_xlsx


def take_over(session: Session, content: bytes, *, now: datetime = NOW) -> None:
    apply_book(session, read_for_store(session, content, as_of=AS_OF), now=now, by="account:1")


def exported(session: Session) -> bytes:
    return workbook(roster_sheets(session), footer="林老师")


def as_read_again(session: Session) -> RosterBook:
    return read_for_store(session, exported(session), as_of=AS_OF)


def verdicts(book: RosterBook) -> list[tuple[str, str, str | None]]:
    return sorted(
        (entry.sheet, entry.verdict.value, entry.reason)
        for entry in book.reports
        if entry.verdict in ("warning", "rejected")
    )


def test_a_roster_comes_back_in_the_sheets_and_columns_of_the_districts_book(session: Session) -> None:
    take_over(session, as_xlsx(a_book()))

    out = openpyxl.load_workbook(io.BytesIO(exported(session)), read_only=True)
    theirs = openpyxl.load_workbook(REAL_BOOK, read_only=True)

    assert out.sheetnames == theirs.sheetnames
    for name in theirs.sheetnames:
        assert row(out[name], 2) == row(theirs[name], 2), name


def row(sheet: object, number: int) -> tuple[object, ...]:
    (cells,) = sheet.iter_rows(min_row=number, max_row=number, values_only=True)  # type: ignore[attr-defined]
    return tuple(cells)


def test_the_whole_districts_book_read_again_has_the_warnings_it_had_and_changes_nothing(
    session: Session,
) -> None:
    take_over(session, REAL_BOOK.read_bytes())
    first = read_book(REAL_BOOK, as_of=AS_OF)

    again = as_read_again(session)

    had = [entry for entry in verdicts(first) if entry[1] == "warning"]
    has = verdicts(again)
    assert [entry[:2] for entry in has] == [entry[:2] for entry in had], "no row is worse than it was"
    assert len(again.volunteers) == len(first.volunteers)
    assert len(again.children) == len(first.children)
    difference = compare(session, again)
    assert difference.are_none, difference
    apply_book(session, again, now=NOW, by="account:1")
    assert compare(session, as_read_again(session)).are_none


def test_an_export_read_into_an_empty_store_makes_the_same_district(
    session: Session, tmp_path: Path, keyring: Keyring
) -> None:
    take_over(
        session, as_xlsx(a_book(儿童={"特殊需求": "癫痫,轮椅,怕生", "可接回人": "爷爷、奶奶19900003333"}))
    )
    mine = roster_sheets(session)
    elsewhere = Store(f"sqlite:///{tmp_path / 'elsewhere.db'}", keyring)
    SQLModel.metadata.create_all(elsewhere.engine)

    with elsewhere.write() as other:
        take_over(other, workbook(mine))
        theirs = roster_sheets(other)

    assert theirs == mine


def test_what_people_changed_in_the_app_comes_back_as_no_change(session: Session) -> None:
    """Each of these would come back otherwise: punctuation, a name with 和 in it, typed kilometres."""
    take_over(session, as_xlsx(a_book()))
    child = session.exec(select(Child)).one()
    child.handling_note = "先打招呼。轮椅折起来、放后备箱"
    child.diagnosis = "脊柱侧弯；怕生"
    session.exec(select(Escort)).one().pickup_kind = "by_hand"
    session.exec(select(Escort)).one().pickup_name = "老地方"
    session.add(Receiver(child_id=child.id or 0, name="李和平", phone="+8619900003333", is_complete=True))
    volunteer = session.exec(select(Volunteer)).one()
    volunteer.remark, volunteer.pattern = "周三、周四有事", NEVER
    session.flush()

    again = as_read_again(session)

    assert compare(session, again).are_none, compare(session, again)
    apply_book(session, again, now=NOW, by="account:1")
    assert (child.diagnosis, volunteer.remark) == ("脊柱侧弯；怕生", "周三、周四有事")
    assert not child.wheelchair


def test_a_cell_that_the_office_changes_in_an_export_is_a_change(session: Session) -> None:
    take_over(session, as_xlsx(a_book()))
    session.exec(select(Volunteer)).one().remark = "周三、周四有事"
    book = openpyxl.load_workbook(io.BytesIO(exported(session)))
    sheet = book["志愿者"]
    sheet.cell(3, 20, "周五有事")
    file = io.BytesIO()
    book.save(file)

    difference = compare(session, read_for_store(session, file.getvalue(), as_of=AS_OF))

    assert [(one.column, one.after) for one in difference.asked] == [("remark", '"周五有事"')]


def test_a_typed_diagnosis_never_comes_back_as_a_note_for_drivers(session: Session) -> None:
    take_over(session, as_xlsx(a_book()))
    session.exec(select(Child)).one().diagnosis = "脊柱侧弯"
    session.flush()

    (child,) = as_read_again(session).children

    assert (child.diagnosis, child.handling_note) == ("脊柱侧弯", "")


def test_what_the_columns_cannot_say_is_left_out_and_named(session: Session) -> None:
    take_over(session, as_xlsx(a_book()))
    child = session.exec(select(Child)).one()
    session.exec(select(Escort)).one().ended_at = NOW
    session.exec(select(CalendarEntry)).one().removed = True
    session.add(Volunteer(name="没号码的", created_at=NOW))
    session.flush()

    sheets = {sheet.name: sheet for sheet in roster_sheets(session)}

    assert len(sheets["儿童"].rows) == 2, "title and header alone"
    assert list(sheets[LEFT_OUT].rows[1:]) == [
        ["志愿者", "没号码的", "没有手机号"],
        ["儿童", child.short_name, "护送已结束"],
        ["校历", "2021-03-01 term", "已经在校历里去掉"],
    ]
    again = as_read_again(session)
    assert verdicts(again) == []


def test_an_export_is_one_line_of_the_trail_with_the_bold_fields(session: Session) -> None:
    take_over(session, as_xlsx(a_book()))

    note_export(session, by="account:1", now=NOW, sheets=roster_sheets(session))

    audit.write_gathered(session)
    lines = session.exec(select(AuditEvent).where(AuditEvent.action == "roster_book.exported")).all()
    assert len(lines) == 1
    assert {"儿童: 1", "志愿者: 1", *BOLD_FIELDS} <= set(lines[0].fields)


def test_every_week_is_said_so_that_it_is_read_the_same() -> None:
    patterns = [f"{number:014b}" for number in range(1, 1 << 14)]

    assert [one for one in patterns if read_pattern(say_pattern(one)) != one] == []


def test_every_choice_of_days_is_said_so_that_it_is_read_the_same() -> None:
    days = [f"{number:07b}" for number in range(1, 1 << 7)]

    assert [one for one in days if read_weekdays(say_weekdays(one)) != (one, (True, True))] == []


@pytest.mark.parametrize("chosen", range(1 << 6))
def test_every_set_of_needs_is_said_so_that_it_is_read_the_same(chosen: int) -> None:
    names = list(Needs.__dataclass_fields__)
    needs = Needs(**{name: bool(chosen >> at & 1) for at, name in enumerate(names)})

    assert split_needs("，".join(say_needs(needs))) == SplitNeeds(needs, "", "")
