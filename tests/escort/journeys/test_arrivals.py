"""A child is at home when its family says so: the driver's tap alone is asked about, then rung, then a case."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from escort.cases.models import Case, CaseKind, CaseState
from escort.db import Store
from escort.errors import Conflict
from escort.families.models import Family, Guardian
from escort.journeys import arrivals, calls
from escort.journeys.board import board
from escort.journeys.models import WatchedArrival
from escort.journeys.taps import undo_tap
from notifications.addresses import set_phone
from notifications.models import Message, MessageState
from tests.builders import NOW, ZONE, a_child
from tests.cast import LIN, Cast, the_cast
from tests.escort.journeys.evenings import Evening, is_rung
from tests.escort.journeys.rides import MINUTE, TOMORROW, Ride, a_ride, local, tap

AFTERNOON, HOME_AT = local(TOMORROW, 15), local(TOMORROW, 16, 36)


@dataclass
class Homecoming(Evening):
    """小雨's afternoon; her family wants to say itself that she is at home. Her mother lies in another house."""

    at: datetime = AFTERNOON

    def __post_init__(self) -> None:
        super().__post_init__()
        with self.store.write() as session:
            self.cast: Cast = the_cast(session)
            session.get_one(Family, self.cast.xiaoyu.child.family_id).confirms_arrival = True
            mother = Guardian(family_id=self.cast.xiaoyu.child.family_id, name="妈妈", created_at=NOW)
            session.add(mother)
            session.flush()
            self.mother = f"guardian:{mother.id}"
            set_phone(session, party=self.mother, phone="19900007799", now=NOW)
            self.ride: Ride = a_ride(session, self.cast.xiaoyu, driver=self.cast.wang, direction="home")

    def delivered(self, *, at: datetime = HOME_AT) -> None:
        with self.store.write() as session:
            tap(session, self.ride, "on_board", at=local(TOMORROW, 16, 2))
            tap(session, self.ride, "delivered", at=at)

    def asked(self) -> list[Message]:
        with self.store.read() as session:
            rows = select(Message).where(Message.template == arrivals.ARRIVAL)
            return list(session.exec(rows.order_by(Message.id)))  # type: ignore[arg-type]

    def cases(self) -> list[tuple[str, str]]:
        with self.store.read() as session:
            found = session.exec(select(Case).where(Case.kind == CaseKind.NOT_HOME)).all()
            return [(case.sentence, case.state) for case in found]

    def code(self) -> dict[str, int]:
        with self.store.read() as session:
            return dict(board(session, now=self.at, zone=ZONE).today.by_code)

    def next_look(self) -> datetime | None:
        with self.store.read() as session:
            return arrivals.next_due_at(session, now=self.at)

    def says(self, by: str) -> None:
        with self.store.write() as session:
            arrivals.say_arrived(session, leg_ids=[self.ride.leg_id], by=by, now=self.at)


@pytest.fixture
def homecoming(store: Store) -> Homecoming:
    return Homecoming(store)


def test_a_drivers_tap_alone_is_reported_and_everybody_of_the_family_is_asked(homecoming: Homecoming) -> None:
    homecoming.delivered()

    homecoming.tick(HOME_AT)

    assert homecoming.code() == {"reported": 1}
    grandmother, mother = homecoming.asked()
    assert mother.party == homecoming.mother
    assert mother.text.startswith(
        "【杜鹃鸟】司机报已送到：杨同学，下午4点36。到家了请回1；没到请回2，或马上打199 0000 0001。"
    )
    assert grandmother.state == MessageState.ACCEPTED
    homecoming.tick(HOME_AT + MINUTE)
    assert len(homecoming.asked()) == 2


def test_the_mother_in_another_house_settles_it_by_a_tap(homecoming: Homecoming) -> None:
    homecoming.delivered()
    homecoming.tick(HOME_AT)

    homecoming.says(homecoming.mother)
    homecoming.tick(HOME_AT + MINUTE)

    assert homecoming.code() == {"delivered": 1}
    homecoming.tick(HOME_AT + timedelta(hours=1))
    assert (len(homecoming.asked()), homecoming.cases()) == (2, [])


def test_who_says_nothing_is_rung_after_five_minutes_and_is_a_case_after_ten(homecoming: Homecoming) -> None:
    homecoming.delivered()
    homecoming.tick(HOME_AT)
    assert homecoming.calls().arrivals == ()

    homecoming.tick(HOME_AT + 5 * MINUTE)
    first, _ = homecoming.calls().arrivals
    assert first.sentence == "司机说下午4点36已经把小雨送到家了。小雨到家了吗？现在跟谁在一起？"
    assert homecoming.cases() == []

    homecoming.tick(HOME_AT + 10 * MINUTE)
    assert homecoming.cases() == [("小雨：司机报16:36已送到，家里还没说到家，请打电话问一声", CaseState.OPEN)]
    homecoming.says(homecoming.mother)
    homecoming.tick(HOME_AT + 11 * MINUTE)
    assert [state for _, state in homecoming.cases()] == [CaseState.CLOSED]
    assert homecoming.calls().arrivals == ()


def test_a_family_without_a_phone_is_on_the_list_at_once(homecoming: Homecoming) -> None:
    with homecoming.store.write() as session:
        is_rung(session, homecoming.cast.xiaoyu)
    homecoming.delivered()

    homecoming.tick(HOME_AT)

    assert [call.who for call in homecoming.calls().arrivals] == ["小雨的外婆"]


def test_what_the_family_says_on_the_phone_counts_as_its_word(homecoming: Homecoming) -> None:
    homecoming.delivered()
    homecoming.tick(HOME_AT)
    homecoming.tick(HOME_AT + 5 * MINUTE)
    call = homecoming.calls().arrivals[0]

    with homecoming.store.write() as session:
        calls.answer_arrival(session, task_ids=call.task_ids, is_home=True, by=LIN, now=homecoming.at)
    homecoming.tick()

    assert homecoming.code() == {"delivered": 1}
    assert homecoming.calls().arrivals == ()
    with pytest.raises(Conflict), homecoming.store.write() as session:
        calls.answer_arrival(session, task_ids=call.task_ids, is_home=True, by=LIN, now=homecoming.at)


def test_a_no_on_the_phone_is_a_case_at_once_and_a_later_yes_closes_it(homecoming: Homecoming) -> None:
    homecoming.delivered()
    homecoming.tick(HOME_AT)
    homecoming.tick(HOME_AT + 5 * MINUTE)
    call = homecoming.calls().arrivals[0]

    with homecoming.store.write() as session:
        calls.answer_arrival(session, task_ids=call.task_ids, is_home=False, by=LIN, now=homecoming.at)
    assert homecoming.cases() == [("小雨：司机报已送到，家里说没到家。马上核实孩子在哪里", CaseState.OPEN)]

    homecoming.says(homecoming.mother)
    homecoming.tick()
    assert [state for _, state in homecoming.cases()] == [CaseState.CLOSED]


def test_a_case_that_the_office_closed_with_a_sentence_stays_closed(homecoming: Homecoming) -> None:
    homecoming.delivered()
    homecoming.tick(HOME_AT)
    homecoming.tick(HOME_AT + 10 * MINUTE)
    with homecoming.store.write() as session:
        case = session.exec(select(Case).where(Case.kind == CaseKind.NOT_HOME)).one()
        case.state, case.closed_by, case.closed_at = CaseState.CLOSED, LIN, homecoming.at
        case.next_step_at, case.close_reason = None, "邻居看见她进门了"

    homecoming.tick(HOME_AT + 45 * MINUTE)

    assert [state for _, state in homecoming.cases()] == [CaseState.CLOSED]
    assert homecoming.next_look() is None


def test_a_tap_taken_back_asks_nobody_any_more_and_a_new_one_begins_anew(homecoming: Homecoming) -> None:
    homecoming.delivered()
    homecoming.tick(HOME_AT)
    with homecoming.store.write() as session:
        uuid = session.exec(select(WatchedArrival.tap_uuid)).one()
        assert undo_tap(session, uuid=uuid, by=f"volunteer:{homecoming.cast.wang.id}", now=HOME_AT)
    homecoming.tick(HOME_AT + 6 * MINUTE)
    assert homecoming.calls().arrivals == ()

    homecoming.delivered(at=HOME_AT + 8 * MINUTE)
    homecoming.tick(HOME_AT + 8 * MINUTE)

    assert len(homecoming.asked()) == 4


def test_a_word_said_before_the_drivers_tap_asks_nobody(homecoming: Homecoming) -> None:
    homecoming.at = HOME_AT
    homecoming.says(homecoming.mother)
    homecoming.delivered()

    homecoming.tick(HOME_AT + MINUTE)

    assert homecoming.asked() == []
    assert homecoming.code() == {"delivered": 1}


def test_other_families_are_not_asked(homecoming: Homecoming) -> None:
    with homecoming.store.write() as session:
        other = a_child(session, "石头", school=homecoming.cast.school)
        ride = a_ride(session, other, driver=homecoming.cast.chen, direction="home")
        tap(session, ride, "on_board", at=local(TOMORROW, 16, 2))
        tap(session, ride, "delivered", at=HOME_AT)

    homecoming.tick(HOME_AT)

    assert homecoming.asked() == []
    assert homecoming.code()["delivered"] == 1


def test_two_who_settle_it_at_once_are_one_word(homecoming: Homecoming) -> None:
    homecoming.delivered()
    homecoming.tick(HOME_AT)

    homecoming.says(homecoming.mother)
    homecoming.says(homecoming.mother)
    homecoming.says(homecoming.cast.xiaoyu.guardian_subject)
    homecoming.tick(HOME_AT + MINUTE)

    assert homecoming.next_look() is None


def test_the_clock_looks_again_at_five_and_ten_minutes(homecoming: Homecoming) -> None:
    homecoming.delivered()
    homecoming.tick(HOME_AT)
    assert homecoming.next_look() == HOME_AT + 5 * MINUTE

    homecoming.tick(HOME_AT + 5 * MINUTE)
    assert homecoming.next_look() == HOME_AT + 10 * MINUTE
