"""The gate's printed list: numbered, says what differs from the sheet before, holds a word only where one is compared."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import Session, select

from escort.access.audit import trail
from escort.cases.models import CaseKind
from escort.cases.service import open_case
from escort.db import Store
from escort.errors import Conflict, Refused
from escort.families.models import Child
from escort.journeys import printed_sheets
from escort.journeys.gate_sheet import Change, GateSheet, gate_sheet, print_sheet
from escort.journeys.models import PrintedSheet, Step, Tap
from escort.roster.models import Volunteer
from escort.rota.models import Direction, Leg, LegState, RunLeg, Shift, ShiftState
from tests.builders import ZONE, a_child, a_volunteer
from tests.escort.web.visitors import (
    Wednesday,
    a_leg,
    a_run,
    a_shift,
    a_wednesday,
    brought_before,
)
from tests.queries import count_queries

DISMISSAL = datetime(2021, 4, 7, 16, 0, tzinfo=ZONE)
NOW = DISMISSAL - timedelta(minutes=20)
GATE = "gate:1"


@pytest.fixture
def day(store: Store) -> Wednesday:
    return a_wednesday(store)


def words_of(shift_id: int, leg_id: int) -> str:
    return f"蓝色 风筝{shift_id}.{leg_id}"


def sheet_of(session: Session, day: Wednesday, now: datetime = NOW, whole_day: bool = False) -> GateSheet:
    return gate_sheet(
        session,
        school_id=day.cast.school.id or 0,
        words_of=words_of,
        now=now,
        zone=ZONE,
        whole_day=whole_day,
    )


def printed(store: Store, day: Wednesday, now: datetime = NOW) -> GateSheet:
    with store.write() as session:
        return print_sheet(
            session,
            school_id=day.cast.school.id or 0,
            words_of=words_of,
            by=GATE,
            now=now,
            zone=ZONE,
        )


def replace_wang(store: Store, day: Wednesday) -> None:
    with store.write() as session:
        old = session.get_one(Shift, day.afternoon_shift.id)
        old.state, old.ended_at = ShiftState.FREED, DISMISSAL - timedelta(hours=4)
        session.flush()
        a_shift(session, day.afternoon_run, day.cast.chen, confirmed_at=old.ended_at)


def test_sheet_names_who_may_take_whom_home(store: Store, day: Wednesday) -> None:
    with store.read() as session:
        sheet = sheet_of(session, day)

    (row,) = sheet.rows
    assert (row.number, row.full_name, row.class_name) == (1, "杨小雨", "三年级")
    assert row.car is not None
    assert (row.car.name, row.car.plate) == ("王师傅", "川A12345")
    assert (row.word_reason, row.words) == (None, "")
    assert (sheet.number, sheet.changes, sheet.spare) == (1, (), (2, 3, 4))


def test_numbers_are_counted_up_at_each_print_and_begin_anew_each_day(store: Store, day: Wednesday) -> None:
    with store.write() as session:
        tomorrow = a_leg(
            session, day.cast.xiaoyu, on=DISMISSAL.date() + timedelta(days=1), direction=Direction.HOME
        )
        a_shift(session, a_run(session, tomorrow), day.cast.wang)

    numbers = [printed(store, day).number for _ in range(3)]
    next_day = printed(store, day, NOW + timedelta(days=1))

    assert numbers == [1, 2, 3]
    assert next_day.number == 1


def test_looking_counts_nothing(store: Store, day: Wednesday) -> None:
    with store.read() as session:
        assert [sheet_of(session, day).number for _ in range(2)] == [1, 1]


def test_two_prints_at_once_get_two_numbers_or_a_plain_sentence(store: Store, day: Wednesday) -> None:
    first = printed(store, day)
    with store.write() as session, pytest.raises(Conflict, match="再打印一次"):
        printed_sheets.count_up(
            session,
            school_id=first.school_id,
            on=first.on,
            number=first.number,
            shown={},
            by="gate:1",
            now=NOW,
        )


def test_replaced_driver_is_said_with_his_word_in_its_column(store: Store, day: Wednesday) -> None:
    printed(store, day)
    replace_wang(store, day)

    sheet = printed(store, day)

    (change,) = sheet.changes
    assert (change.number, change.child, change.what) == (1, "杨小雨", (Change.DRIVER,))
    assert sheet.rows[0].words.startswith("蓝色 风筝")


def test_every_kind_of_change_is_said_in_its_own_word(store: Store, day: Wednesday) -> None:
    cases = ("family", "car", "time", "nobody", "held", "gone")
    legs: dict[str, int] = {}
    with store.write() as session:
        for name in cases:
            who = a_child(session, name, school=day.cast.school)
            session.get_one(Child, who.id).full_name = name
            leg = a_leg(session, who, direction=Direction.HOME)
            driver = a_volunteer(session, f"{name}的司机")
            brought_before(session, who, driver)
            a_shift(session, a_run(session, leg), driver)
            legs[name] = leg.id or 0
    printed(store, day)
    with store.write() as session:
        session.get_one(Leg, legs["family"]).state = LegState.CANCELLED
        session.get_one(Leg, legs["time"]).pickup_at = DISMISSAL - timedelta(minutes=15)
        session.get_one(Leg, legs["gone"]).state = LegState.WITHDRAWN
        place = session.exec(select(RunLeg).where(RunLeg.leg_id == legs["nobody"])).one()
        shift = session.exec(select(Shift).where(Shift.run_id == place.run_id)).one()
        shift.state, shift.ended_at = ShiftState.FREED, DISMISSAL - timedelta(hours=30)
        open_case(
            session, kind=CaseKind.HELD_AT_GATE, about=f"leg:{legs['held']}", sentence="不是他", now=NOW
        )
        new = a_child(session, "new", school=day.cast.school)
        session.get_one(Child, new.id).full_name = "new"
        a_leg(session, new, direction=Direction.HOME)
        session.get_one(Volunteer, day.cast.wang.id).plate = "川A54321"  # 小雨's driver

    with store.read() as session:
        found = {change.child: change.what for change in sheet_of(session, day).changes}

    assert found == {
        "杨小雨": (Change.CAR,),
        "family": (Change.BY_FAMILY,),
        "time": (Change.TIME,),
        "nobody": (Change.NOBODY,),
        "held": (Change.HELD,),
        "gone": (Change.GONE,),
        "new": (Change.NEW,),
    }


def test_nothing_changed_is_said_too(store: Store, day: Wednesday) -> None:
    printed(store, day)

    assert printed(store, day).changes == ()


def test_child_that_the_family_fetches_stays_on_it_last_and_unnamed_to_any_driver(
    store: Store, day: Wednesday
) -> None:
    with store.write() as session:
        early = a_child(session, "小禾", school=day.cast.school)
        leg = a_leg(session, early, direction=Direction.HOME, state=LegState.CANCELLED)
        leg.pickup_at = DISMISSAL - timedelta(minutes=10)

    with store.read() as session:
        rows = sheet_of(session, day).rows

    assert [row.by_family for row in rows] == [False, True]
    assert rows[1].car is None


def test_no_live_state_is_on_paper(store: Store, day: Wednesday) -> None:
    with store.read() as session:
        before = sheet_of(session, day).rows
    with store.write() as session:
        session.add(
            Tap(
                uuid="here",
                leg_id=day.afternoon.id or 0,
                step=Step.AT_PICKUP,
                by="volunteer:1",
                tapped_at=NOW,
                arrived_at=NOW,
            )
        )

    with store.read() as session:
        assert sheet_of(session, day).rows == before


def test_names_outside_w_gate_are_counted_and_not_printed_but_for_the_office(
    store: Store, day: Wednesday
) -> None:
    noon = DISMISSAL - timedelta(hours=4)
    with store.read() as session:
        at_gate, at_office = sheet_of(session, day, noon), sheet_of(session, day, noon, whole_day=True)

    assert (at_gate.rows, at_gate.later) == ((), 1)
    assert at_gate.later_opens_at == DISMISSAL - timedelta(minutes=30)
    assert [row.full_name for row in at_office.rows] == ["杨小雨"]
    with pytest.raises(Refused, match="放学前 30 分钟"):
        printed(store, day, noon)


@pytest.mark.parametrize(
    ("minutes", "void"),
    [(0, "17:00"), (-60, "17:00"), (25, "17:25")],  # the last T is 16:00, 15:00, 16:25
)
def test_sheet_is_void_at_five_or_when_the_last_window_ends(
    store: Store, day: Wednesday, minutes: int, void: str
) -> None:
    with store.write() as session:
        session.get_one(Leg, day.afternoon.id).pickup_at = DISMISSAL + timedelta(minutes=minutes)

    with store.read() as session:
        sheet = sheet_of(session, day, whole_day=True)

    assert f"{sheet.void_at.astimezone(ZoneInfo('Asia/Shanghai')):%H:%M}" == void


def test_print_is_in_the_trail_with_names_and_words_and_the_store_keeps_no_name(
    store: Store, day: Wednesday
) -> None:
    replace_wang(store, day)
    printed(store, day)

    with store.read() as session:
        (line,) = [line for line in trail(session) if line.action == "gate_sheet.printed"]
        sheet = session.exec(select(PrintedSheet)).one()
    assert line.actor == GATE
    assert line.subject == f"gate_sheet:{day.cast.school.id}:2021-04-07:1"
    assert line.fields == [f"child:{day.cast.xiaoyu.id}.full_name", f"leg:{day.afternoon.id}.word"]
    assert "小雨" not in str(sheet.shown)
    assert "风筝" not in str(sheet.shown)


def test_old_sheets_are_forgotten_and_new_ones_kept(store: Store, day: Wednesday) -> None:
    printed(store, day)

    with store.write() as session:
        assert printed_sheets.forget_printed_sheets(session, today=NOW.date() + timedelta(days=30)) == 0
        assert printed_sheets.forget_printed_sheets(session, today=NOW.date() + timedelta(days=31)) == 1


def test_sheet_costs_at_most_ten_queries_however_many_children(store: Store, day: Wednesday) -> None:
    with store.write() as session:
        for number in range(12):
            leg = a_leg(
                session,
                a_child(session, f"孩子{number}", school=day.cast.school),
                direction=Direction.HOME,
            )
            a_run(session, leg)
    printed(store, day)

    with store.read() as session, count_queries(store.engine) as queries:
        sheet = sheet_of(session, day)

    assert len(sheet.rows) == 13
    assert len(queries) <= 10, "\n".join(queries.statements)
