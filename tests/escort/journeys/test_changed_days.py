"""A change that touches several cars: one case, its answers counted, and each car covered by it until its yes."""

from datetime import datetime, time, timedelta

from sqlmodel import Session, select

from escort.cases.models import Case, CaseState
from escort.cases.service import close
from escort.journeys.board import Action, board
from escort.journeys.changed_days import changes_from
from escort.journeys.gate_view import gate_view
from escort.journeys.watch import next_due_at, sweep_watch
from escort.roster.models import Volunteer
from escort.rota import asks, legs
from escort.schools.service import Scope
from tests.builders import ZONE, EscortedChild, a_child, a_volunteer
from tests.cast import LIN
from tests.escort.rota.changes import ELEVEN, ON, a_way_home, ask_all_again, call_early
from tests.escort.rota.weeks import HOUR, MINUTE, at, leg_of, links, say_no, say_yes, search
from tests.queries import count_queries

ABOUT = "changed:2021-04-07:1:home:times"


def three_cars(session: Session) -> tuple[list[EscortedChild], list[Volunteer]]:
    children = [a_child(session, name, escorted="Mon-Fri home") for name in ("小雨", "小禾", "阿宁")]
    drivers = [a_volunteer(session, name) for name in ("王师傅", "陈姐", "老李")]
    for child, driver in zip(children, drivers, strict=True):
        a_way_home(session, child, driver=driver)
    return children, drivers


def watch(session: Session, now: datetime) -> None:
    sweep_watch(session, now=now, zone=ZONE, duty_phone="199 0000 0001", links=links)


def live(session: Session) -> list[tuple[str, str, bool, str]]:
    rows = session.exec(
        select(Case).where(Case.state != CaseState.CLOSED).execution_options(populate_existing=True)
    )
    return [(case.kind, case.about, case.is_urgent, case.sentence) for case in rows]


def called(session: Session, now: datetime = ELEVEN, to: time = time(14, 30)) -> list[Volunteer]:
    children, drivers = three_cars(session)
    call_early(session, Scope(children[0].school.id), now=now, to=to)
    ask_all_again(session, now)
    return drivers


def test_one_case_counts_the_answers_as_they_come(session: Session) -> None:
    drivers = called(session)

    watch(session, ELEVEN)
    assert live(session) == [("changed", ABOUT, False, "4月7日14:30提前放学：已回0/3，还有3趟没人答应")]

    say_yes(session, drivers[0], ELEVEN + MINUTE)
    say_no(session, drivers[1], ELEVEN + MINUTE)
    watch(session, ELEVEN + MINUTE)

    assert live(session)[0][3] == "4月7日14:30提前放学：已回2/3，还有2趟没人答应"


def test_a_clock_that_waits_for_what_is_due_looks_at_once_and_after_each_answer(session: Session) -> None:
    children, drivers = three_cars(session)
    watch(session, ELEVEN)

    def is_due(now: datetime) -> bool:
        return next_due_at(session, now, ZONE) == now

    assert not is_due(ELEVEN)
    call_early(session, Scope(children[0].school.id), now=ELEVEN)
    assert is_due(ELEVEN)
    ask_all_again(session, ELEVEN)
    watch(session, ELEVEN)
    assert not is_due(ELEVEN)
    for driver in drivers:
        say_yes(session, driver, ELEVEN + MINUTE)
    assert is_due(ELEVEN + MINUTE)
    watch(session, ELEVEN + MINUTE)
    assert not is_due(ELEVEN + MINUTE)


def test_it_closes_when_every_car_has_its_yes(session: Session) -> None:
    drivers = called(session)
    watch(session, ELEVEN)

    for driver in drivers:
        say_yes(session, driver, ELEVEN + MINUTE)
    watch(session, ELEVEN + MINUTE)

    assert live(session) == []
    (case,) = session.exec(select(Case)).all()
    assert case.close_reason == "都重新答应了"


def test_a_ride_that_nobody_wants_any_more_is_no_hole(session: Session) -> None:
    children, drivers = three_cars(session)
    call_early(session, Scope(children[0].school.id))
    ask_all_again(session)
    for driver in drivers[:2]:
        say_yes(session, driver, ELEVEN)
    legs.cancel_leg(
        session,
        leg_id=leg_of(session, children[2], ON, "home").id or 0,
        by=children[2].guardian_subject,
        reason="",
        now=ELEVEN,
        zone=ZONE,
    )

    watch(session, ELEVEN)

    assert live(session) == []


def test_in_a_rush_the_person_on_duty_has_one_urgent_case_and_not_one_a_car(session: Session) -> None:
    now = at(ON, 13, 50)  # 40 minutes before
    called(session, now)
    search(session, ON, now)

    watch(session, now)

    assert live(session) == [("changed", ABOUT, True, "4月7日14:30提前放学：已回0/3，还有3趟没人答应")]
    watch(session, now + 20 * MINUTE)
    assert [kind for kind, *_ in live(session)] == ["changed"]


def test_it_turns_urgent_when_nobody_can_answer_any_more(session: Session) -> None:
    drivers = called(session)
    watch(session, ELEVEN)
    for driver in drivers:
        say_no(session, driver, ELEVEN + MINUTE)
    search(session, ON, ELEVEN + MINUTE)  # everybody near has said no, or drives another of the three

    for minutes in (2, 60, 100):
        asks.lapse_asks(session, now=ELEVEN + minutes * MINUTE)
    watch(session, ELEVEN + 100 * MINUTE)

    assert [(kind, urgent) for kind, _, urgent, _ in live(session)] == [("changed", True)]


def test_once_the_office_has_closed_it_each_car_speaks_for_itself(session: Session) -> None:
    now = at(ON, 13, 50)
    called(session, now)
    watch(session, now)
    (case,) = session.exec(select(Case)).all()
    close(session, case_id=case.id or 0, by=LIN, reason="都打过电话了", now=now + MINUTE)

    watch(session, now + 4 * MINUTE)

    assert {kind for kind, *_ in live(session)} == {"no_answer"}
    assert len(live(session)) == 3


def test_time_alone_never_closes_it(session: Session) -> None:
    called(session)
    watch(session, ELEVEN)

    watch(session, ELEVEN + 30 * HOUR)

    assert ("changed", ABOUT) in [(kind, about) for kind, about, *_ in live(session)]


def test_a_far_change_waits_for_its_day(session: Session) -> None:
    children, _ = three_cars(session)
    call_early(session, Scope(children[0].school.id), now=at(ON - timedelta(days=1), 9))

    watch(session, at(ON - timedelta(days=1), 9))
    assert ABOUT not in [about for _, about, *_ in live(session)]
    watch(session, at(ON - timedelta(days=1), 15))
    assert ABOUT in [about for _, about, *_ in live(session)]


def test_the_board_shows_it_as_one_row_with_who_is_silent(session: Session) -> None:
    drivers = called(session)
    say_yes(session, drivers[0], ELEVEN + MINUTE)
    watch(session, ELEVEN + MINUTE)

    shown = board(session, now=ELEVEN + MINUTE, zone=ZONE)

    (line,) = [line for line in shown.queue if line.change]
    change = line.change
    assert change is not None
    assert (change.answered, change.agreed, len(change.cars)) == (1, 1, 3)
    assert [car.first for car in change.silent] == ["陈姐", "老李"]
    assert (change.was_at, change.starts_at) == (at(ON, 16), at(ON, 14, 30))
    assert (line.action, line.driver, line.second) == (Action.CALL_DRIVER, "陈姐", Action.SEE_CHANGE)
    assert shown.today.not_safe == 2


def test_a_change_costs_the_board_one_statement(session: Session) -> None:
    called(session)
    watch(session, ELEVEN)

    with count_queries(session.get_bind().engine) as counted:  # type: ignore[union-attr]  # a connection or its engine
        board(session, now=ELEVEN, zone=ZONE)

    assert len(counted) <= 9


def test_the_guard_s_list_follows_the_new_time_and_knows_no_driver_until_he_says_yes(
    session: Session,
) -> None:
    children, drivers = three_cars(session)
    call_early(session, Scope(children[0].school.id))
    ask_all_again(session)
    say_yes(session, drivers[0], ELEVEN)

    view = gate_view(
        session,
        school_id=children[0].school.id or 0,
        words_of=lambda *_of: "",
        now=at(ON, 14, 10),
        zone=ZONE,
    )

    assert {row.at for row in view.rows} == {at(ON, 14, 30)}
    assert sorted(row.car.name if row.car else "" for row in view.rows) == ["", "", "王师傅"]


def test_counting_twice_is_the_same(session: Session) -> None:
    called(session)

    watch(session, ELEVEN)
    before = live(session)
    watch(session, ELEVEN)

    assert live(session) == before
    assert len(changes_from(session, ON)) == 1
