"""A book taken over into the store, again and again, beside people who change things in the app."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import Session, SQLModel, col, func, select

from escort.db import Store
from escort.errors import Conflict, NotFound
from escort.families.models import Child, Consent, Escort, Family, Guardian, PlaceKind, Receiver
from escort.roster.models import Team, Volunteer
from escort.roster_book.apply import Differences, apply_book, compare, decide_change, open_changes
from escort.roster_book.book import RosterBook
from escort.roster_book.check import check_report, read_for_store
from escort.roster_book.models import BookChange, BookValue
from escort.roster_book.reader import read_book
from escort.schools.models import CalendarEntry, Place, School
from notifications.addresses import phone_of
from notifications.holds import numbers_on_file
from tests.escort.roster_book.books import AS_OF, REAL_BOOK, Sheets, a_book, as_xlsx, read, with_row

NOW = datetime(2021, 4, 6, 18, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
LIN = "account:1"


def take_over(session: Session, sheets: Sheets) -> Differences:
    return apply_book(session, read(sheets), now=NOW, by=LIN)


def the(session: Session, model: type[SQLModel]) -> Any:
    return session.exec(select(model)).one()


def count(session: Session, model: type[SQLModel]) -> int:
    return session.exec(select(func.count()).select_from(model)).one()


@pytest.fixture(scope="module")
def real_book() -> RosterBook:
    return read_book(REAL_BOOK, as_of=AS_OF)


def test_the_whole_district_is_taken_over_and_the_same_book_again_changes_nothing(
    session: Session, real_book: RosterBook
) -> None:
    first = apply_book(session, real_book, now=NOW, by=LIN)
    second = apply_book(session, real_book, now=NOW + timedelta(days=1), by=LIN)

    assert len(first.added) == 66 + 12 + 11 + 1102 + 330 + 3
    assert second.are_none
    assert compare(session, real_book).are_none
    assert (count(session, Volunteer), count(session, Child), count(session, Escort)) == (1102, 330, 330)
    assert count(session, Consent) == 330 - 2
    assert (
        count(session, Guardian)
        == count(session, Family)
        == len({c.guardian_phone for c in real_book.children})
    )
    assert count(session, BookChange) == 0
    assert session.exec(select(func.count()).where(col(Team.lat).is_(None))).one() == 0


def test_everything_of_one_row_arrives(session: Session) -> None:
    sheets = a_book(
        儿童={
            "特殊需求": "自闭症,轮椅,怕鸣笛",
            "可接回人": "爷爷、邻居张婶 19900003333",
            "接送地点": "竹林村委会门口",
        }
    )

    take_over(session, sheets)

    child, escort, guardian = the(session, Child), the(session, Escort), the(session, Guardian)
    assert (child.full_name, child.short_name, child.born_on) == ("小雨", "小雨", "2012-06-01")
    assert (child.wheelchair, child.diagnosis, child.handling_note) == (True, "自闭症", "怕鸣笛")
    assert (child.street, child.address, child.home_lat) == ("唐昌街道", "唐昌街道2号", 30.92)
    assert child.team_id == the(session, Team).id
    assert (escort.weekdays, escort.to_school, escort.home) == ("1111100", True, True)
    assert (escort.from_on, escort.until_on) == (date(2021, 4, 1), date(2021, 7, 9))
    assert (escort.pickup_kind, escort.pickup_lat, escort.dropoff_lat) == (PlaceKind.KNOWN, 30.9221, 30.9221)
    assert (guardian.name, guardian.relation) == ("杨桂芳", "奶奶")
    assert phone_of(session, f"guardian:{guardian.id}") == "+8619900002222"
    assert the(session, Consent).given_on == date(2021, 3, 20)
    receivers = session.exec(select(Receiver).order_by(col(Receiver.id))).all()
    assert [(r.name, r.phone, r.is_complete) for r in receivers] == [
        ("爷爷", None, False),
        ("邻居张婶", "+8619900003333", True),
    ]
    volunteer, team = the(session, Volunteer), the(session, Team)
    assert (volunteer.name, volunteer.seats, volunteer.pattern) == ("王师傅", 4, "1" * 10 + "0" * 4)
    assert (volunteer.team_id, volunteer.vetted_on, volunteer.wheelchair) == (team.id, date(2021, 3, 1), True)
    assert phone_of(session, f"volunteer:{volunteer.id}") == "+8619900001111"
    assert phone_of(session, f"team:{team.id}") == "+8619900006082"
    assert the(session, School).bell == time(8, 15)
    assert the(session, Place).name == "竹林村委会门口"
    assert the(session, CalendarEntry).source == "book"


def test_a_home_pickup_leaves_the_point_with_the_child(session: Session) -> None:
    take_over(session, a_book())

    escort = the(session, Escort)
    assert (escort.pickup_kind, escort.pickup_lat) == (PlaceKind.HOME, None)


def test_two_children_of_one_phone_are_a_family_also_across_two_books(session: Session) -> None:
    take_over(session, a_book())
    take_over(session, with_row(a_book(), "儿童", 姓名="小云"))

    children = session.exec(select(Child)).all()
    assert len(children) == 2
    assert len({child.family_id for child in children}) == 1
    assert count(session, Guardian) == 1


def test_a_rejected_row_blocks_no_other(session: Session) -> None:
    sheets = with_row(with_row(a_book(), "志愿者", 手机号=""), "志愿者", 姓名="陈姐", 手机号="19900004444")

    done = take_over(session, sheets)

    assert {line.who for line in done.added if line.sheet == "志愿者"} == {"王师傅", "陈姐"}


def test_an_error_on_the_way_leaves_nothing_behind(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    book = read(a_book())
    twice = replace(
        book, children=(book.children[0], replace(book.children[0], born_on=date(2011, 1, 1), school="没有"))
    )

    with pytest.raises(KeyError), store.write() as session:
        apply_book(session, twice, now=NOW, by=LIN)

    with store.read() as session:
        assert count(session, Volunteer) == count(session, School) == count(session, BookValue) == 0


def test_a_new_value_of_the_book_is_taken_over_where_the_app_still_holds_the_old_one(
    session: Session,
) -> None:
    take_over(session, a_book())

    done = take_over(
        session,
        a_book(
            志愿者={"可出车时间": "周二、周四", "座位数(含司机)": 7, "座位险有效期至": date(2022, 1, 1)},
            儿童={
                "接送日": "周一、周三",
                "特殊需求": "儿童座椅",
                "可接回人": "爷爷",
                "接送地点": "竹林村委会门口",
            },
            学校={"到校时间": "08:30"},
            志愿队={"队长": "李队"},
            常用地点={"纬度": 30.923},
            校历={"说明": "春季"},
        ),
    )

    volunteer, child, escort = the(session, Volunteer), the(session, Child), the(session, Escort)
    assert (volunteer.pattern, volunteer.seats) == ("00110011000000", 6)
    assert volunteer.insured_until == date(2022, 1, 1)
    assert (escort.weekdays, escort.pickup_name, escort.dropoff_name) == ("1010000", *["竹林村委会门口"] * 2)
    assert child.child_seat
    assert [r.name for r in session.exec(select(Receiver).where(col(Receiver.removed_at).is_(None)))] == [
        "爷爷"
    ]
    assert the(session, School).bell == time(8, 30)
    assert the(session, Team).leader_name == "李队"
    assert the(session, Place).lat == 30.923
    assert the(session, CalendarEntry).note == "春季"
    assert not done.asked
    assert not done.added


def test_a_value_changed_in_the_app_stands_while_the_book_says_the_same(session: Session) -> None:
    take_over(session, a_book())
    the(session, Volunteer).cap_week = 4

    done = take_over(session, a_book())

    assert done.are_none
    assert the(session, Volunteer).cap_week == 4


def test_a_value_changed_on_both_sides_waits_for_the_coordinator(session: Session) -> None:
    take_over(session, a_book())
    the(session, Volunteer).cap_week = 4

    done = take_over(session, a_book(志愿者={"每周最多次数": 1}))

    assert [(change.column, change.question) for change in done.asked] == [("cap_week", "conflict")]
    assert the(session, Volunteer).cap_week == 4
    assert take_over(session, a_book(志愿者={"每周最多次数": 1})).are_none
    [change] = open_changes(session)
    decide_change(session, change_id=change.id or 0, take=True, by=LIN, now=NOW)
    assert the(session, Volunteer).cap_week == 1
    assert open_changes(session) == []


def test_the_apps_value_stays_where_the_coordinator_says_so(session: Session) -> None:
    take_over(session, a_book())
    the(session, Volunteer).cap_week = 4
    take_over(session, a_book(志愿者={"每周最多次数": 1}))
    [change] = open_changes(session)

    decide_change(session, change_id=change.id or 0, take=False, by=LIN, now=NOW)

    assert the(session, Volunteer).cap_week == 4
    assert take_over(session, a_book(志愿者={"每周最多次数": 1})).are_none


def test_a_change_is_decided_once(session: Session) -> None:
    take_over(session, a_book())
    take_over(session, a_book(儿童={"监护人电话": "19900005555"}))
    [change] = open_changes(session)
    decide_change(session, change_id=change.id or 0, take=True, by=LIN, now=NOW)

    with pytest.raises(Conflict):
        decide_change(session, change_id=change.id or 0, take=False, by=LIN, now=NOW)
    with pytest.raises(NotFound):
        decide_change(session, change_id=999_999, take=True, by=LIN, now=NOW)


def test_a_guardians_new_number_is_approved_singly(session: Session) -> None:
    take_over(session, a_book())
    party = f"guardian:{the(session, Guardian).id}"

    done = take_over(session, a_book(儿童={"监护人电话": "19900005555"}))

    assert [(change.column, change.question) for change in done.asked] == [("guardian_phone", "phone")]
    assert phone_of(session, party) == "+8619900002222"
    [change] = open_changes(session)
    decide_change(session, change_id=change.id or 0, take=True, by=LIN, now=NOW)
    assert phone_of(session, party) == "+8619900002222"  # for a day
    assert numbers_on_file(session, [party]) == {party: "+8619900005555"}
    assert take_over(session, a_book(儿童={"监护人电话": "19900005555"})).are_none


def test_a_volunteers_new_number_is_approved_singly_and_makes_no_second_person(session: Session) -> None:
    take_over(session, a_book())
    changed = a_book(志愿者={"手机号": "19900007777"})

    done = take_over(session, changed)

    assert [(change.column, change.question, change.who) for change in done.asked] == [
        ("phone", "phone", "王师傅")
    ]
    assert not done.added
    assert not done.missing
    assert count(session, Volunteer) == 1
    [change] = open_changes(session)
    decide_change(session, change_id=change.id or 0, take=True, by=LIN, now=NOW)
    party = f"volunteer:{the(session, Volunteer).id}"
    assert phone_of(session, party) == "+8619900001111"  # for a day
    assert numbers_on_file(session, [party]) == {party: "+8619900007777"}
    assert take_over(session, changed).are_none


def test_a_volunteer_who_is_another_person_after_all_is_added_with_the_next_book(session: Session) -> None:
    take_over(session, a_book())
    changed = a_book(志愿者={"手机号": "19900007777"})
    take_over(session, changed)
    [change] = open_changes(session)
    decide_change(session, change_id=change.id or 0, take=False, by=LIN, now=NOW)

    done = take_over(session, changed)

    assert [line.who for line in done.added] == ["王师傅"]
    assert [line.who for line in done.missing] == ["王师傅"]
    assert count(session, Volunteer) == 2


def test_another_name_on_a_known_number_is_asked_first(session: Session) -> None:
    take_over(session, a_book())

    done = take_over(session, a_book(志愿者={"姓名": "李师傅"}))

    assert [(change.column, change.question) for change in done.asked] == [("name", "identity")]
    assert the(session, Volunteer).name == "王师傅"


@pytest.mark.parametrize("corrected", [{"出生日期": date(2012, 6, 2)}, {"姓名": "小玉"}])
def test_a_corrected_child_is_not_a_second_child(session: Session, corrected: dict[str, Any]) -> None:
    take_over(session, a_book())

    done = take_over(session, a_book(儿童=corrected))

    assert [(change.column, change.question) for change in done.asked] == [("identity", "identity")]
    assert count(session, Child) == count(session, Escort) == 1
    [change] = open_changes(session)
    decide_change(session, change_id=change.id or 0, take=True, by=LIN, now=NOW)
    child = the(session, Child)
    assert (child.full_name, child.born_on) in {("小雨", "2012-06-02"), ("小玉", "2012-06-01")}
    assert take_over(session, a_book(儿童=corrected)).are_none


def test_a_row_missing_from_a_new_book_is_listed_and_not_deleted(session: Session) -> None:
    both = with_row(a_book(), "志愿者", 姓名="陈姐", 手机号="19900004444")
    take_over(session, both)

    done = take_over(session, a_book())

    assert [(line.sheet, line.row, line.who) for line in done.missing] == [("志愿者", None, "陈姐")]
    assert count(session, Volunteer) == 2
    records = session.exec(select(BookValue).where(col(BookValue.missing_since).is_not(None))).all()
    assert len(records) == 1
    take_over(session, both)
    assert session.exec(select(BookValue).where(col(BookValue.missing_since).is_not(None))).all() == []


def test_a_withdrawn_consent_is_never_filled_again_by_a_book(session: Session) -> None:
    take_over(session, a_book())
    the(session, Consent).withdrawn_at = NOW

    same = take_over(session, a_book())
    newer = take_over(session, a_book(儿童={"监护人同意书日期": date(2021, 4, 5)}))

    assert same.are_none
    assert [change.column for change in newer.asked] == ["consent_on"]
    assert count(session, Consent) == 1


def test_an_escort_ended_in_the_app_is_not_opened_again_by_a_book(session: Session) -> None:
    take_over(session, a_book())
    the(session, Escort).ended_at = NOW

    done = take_over(session, a_book(儿童={"接送日": "周一"}))

    assert [change.column for change in done.asked] == ["weekdays"]
    [change] = open_changes(session)
    with pytest.raises(Conflict, match="重新开始护送"):
        decide_change(session, change_id=change.id or 0, take=True, by=LIN, now=NOW)


def test_a_volunteer_added_by_hand_is_found_by_the_phone_and_only_blanks_are_filled(session: Session) -> None:
    take_over(session, a_book())
    for record in session.exec(select(BookValue)):
        session.delete(record)
    volunteer = the(session, Volunteer)
    volunteer.address, volunteer.cap_week = None, 5
    session.flush()

    done = take_over(session, a_book())

    assert count(session, Volunteer) == 1
    assert volunteer.address == "唐昌街道1号"
    assert [(change.column, change.question) for change in done.asked] == [("cap_week", "conflict")]


def test_a_book_of_one_sheet_may_name_what_the_store_knows(session: Session) -> None:
    take_over(session, a_book())
    sheets = a_book(儿童={"姓名": "小云", "监护人电话": "19900003333", "接送地点": "竹林村委会门口"})
    alone = {"儿童": sheets["儿童"]}

    book = read_for_store(session, as_xlsx(alone), as_of=AS_OF)
    done = apply_book(session, book, now=NOW, by=LIN)

    assert [line.who for line in done.added] == ["小云"]
    assert [line.who for line in done.missing] == ["小雨"]
    assert book.children[0].pickup == (30.9221, 103.8412)


def test_check_compares_with_a_store_and_changes_nothing(session: Session) -> None:
    take_over(session, a_book())
    content = as_xlsx(
        with_row(a_book(志愿者={"每周最多次数": 1}), "志愿者", 姓名="陈姐", 手机号="19900004444")
    )

    report = check_report(content, AS_OF, session)

    assert report["changes"]["added"] == [{"sheet": "志愿者", "row": 3, "who": "陈姐"}]
    assert [change["column"] for change in report["changes"]["changed"]] == ["cap_week"]
    assert report["counts"]["rejected"] == 0
    assert count(session, Volunteer) == 1
    assert the(session, Volunteer).cap_week == 2


def test_check_without_a_store_has_the_two_parts_alone() -> None:
    report = check_report(REAL_BOOK, AS_OF, None)

    assert report.keys() == {"rows", "counts"}
    assert report["rows"][0].keys() == {"sheet", "row", "verdict", "column", "reason", "also"}


def test_no_name_phone_or_diagnosis_lies_open_in_the_books_own_tables(session: Session) -> None:
    take_over(session, a_book(儿童={"特殊需求": "自闭症"}))
    take_over(session, a_book(儿童={"特殊需求": "自闭症", "监护人电话": "19900005555"}))
    connection = session.connection()

    dump = "".join(
        str(row)
        for table in ("book_value", "book_change")
        for row in connection.exec_driver_sql(f"SELECT * FROM {table}")
    )

    assert dump
    assert not any(secret in dump for secret in ("小雨", "2012-06-01", "自闭症", "9900005555", "王师傅"))
