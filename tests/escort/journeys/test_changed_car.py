"""今天换车: given until departure, fit for the children, marked for family, gate and board, and told anew."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlmodel import Session, select

from escort.db import Store
from escort.errors import Conflict, NotFound, Refused
from escort.journeys import reminders
from escort.journeys.board import board
from escort.journeys.changed_car import TodaysCar, change_car, known_car_again
from escort.journeys.family_view import family_view
from escort.journeys.gate_view import WordReason, gate_view
from escort.journeys.leg_facts import facts_of
from escort.roster.models import Volunteer
from escort.rota.models import ChangedCar, Service
from tests.builders import NOW, ZONE, EscortedChild, a_child, a_volunteer
from tests.escort.journeys.rides import MINUTE, TOMORROW, Ride, a_ride, local, tap
from tests.escort.rota.test_races import at_once
from tests.escort.rota.weeks import letters_to, links

BORROWED = TodaysCar("川a·d8888·8", "红", seats=4, is_insured=True)
EVENING = local(TOMORROW, 18).replace(day=6)


@pytest.fixture
def child(session: Session) -> EscortedChild:
    return a_child(session)


@pytest.fixture
def wang(session: Session) -> Volunteer:
    return a_volunteer(session)


@pytest.fixture
def ride(session: Session, child: EscortedChild, wang: Volunteer) -> Ride:
    return a_ride(session, child, driver=wang)


def change(
    session: Session, ride: Ride, car: TodaysCar = BORROWED, now: datetime = NOW, who: int = 0
) -> None:
    assert ride.shift is not None
    volunteer_id = who or ride.shift.volunteer_id
    change_car(
        session,
        shift_id=ride.shift_id,
        volunteer_id=volunteer_id,
        car=car,
        by=f"volunteer:{volunteer_id}",
        how="page",
        now=now,
        zone=ZONE,
    )


def words(shift_id: int, leg_id: int) -> str:
    return f"{shift_id}-{leg_id}"


def remind(session: Session, now: datetime) -> None:
    reminders.sweep_reminders(session, now=now, zone=ZONE, links=links, duty_phone="199 0000 0001")


def test_it_is_the_car_of_this_turn_alone(
    session: Session, ride: Ride, child: EscortedChild, wang: Volunteer
) -> None:
    home = a_ride(session, child, driver=wang, direction="home")

    change(session, ride)

    [morning, afternoon] = facts_of(session, [*ride.legs, *home.legs])
    assert morning.driver is not None
    assert (morning.driver.car.plate, morning.driver.car.colour, morning.driver.car.is_changed) == (
        "川AD88888",
        "红",
        True,
    )
    assert afternoon.driver is not None
    assert (afternoon.driver.car.plate, afternoon.driver.car.is_changed) == ("川A12345", False)


def test_the_family_sees_it_marked_and_is_told_anew(
    session: Session, ride: Ride, child: EscortedChild
) -> None:
    remind(session, EVENING)

    change(session, ride, now=EVENING + MINUTE)
    remind(session, EVENING + 2 * MINUTE)
    remind(session, EVENING + 3 * MINUTE)

    letters = letters_to(session, child.guardian_subject)
    assert [letter.template for letter in letters] == ["family.tomorrow", "family.car_changed"]
    assert "换车了，人没有换" in letters[1].text
    assert "车牌尾号888" in letters[1].text
    view = family_view(
        session, guardian_id=child.guardian.id or 0, is_bound=True, words_of=words, now=EVENING, zone=ZONE
    )
    assert view.rides[0].driver is not None
    assert (view.rides[0].driver.plate, view.rides[0].driver.is_changed_car) == ("川AD88888", True)


def test_back_in_the_known_car_is_told_too(session: Session, ride: Ride, child: EscortedChild) -> None:
    remind(session, EVENING)
    change(session, ride, now=EVENING + MINUTE)
    remind(session, EVENING + 2 * MINUTE)

    known_car_again(
        session, shift_id=ride.shift_id, volunteer_id=1, by="volunteer:1", now=EVENING + 3 * MINUTE, zone=ZONE
    )
    remind(session, EVENING + 4 * MINUTE)

    assert [letter.template for letter in letters_to(session, child.guardian_subject)][1:] == [
        "family.car_changed"
    ] * 2
    assert "车牌尾号345" in letters_to(session, child.guardian_subject)[-1].text


def test_the_gate_asks_for_the_word_of_a_driver_it_knows_in_a_car_it_does_not(
    session: Session, child: EscortedChild, wang: Volunteer
) -> None:
    home = a_ride(session, child, driver=wang, direction="home")
    before = a_ride(session, child, driver=wang, on=TOMORROW.replace(day=5))
    session.add(
        Service(
            leg_id=before.leg_id,
            child_id=child.id,
            volunteer_id=wang.id or 0,
            on=before.run.on,
            direction="to_school",
        )
    )
    session.flush()
    then = home.starts_at - 10 * MINUTE

    def reason() -> WordReason | None:
        view = gate_view(session, school_id=child.school.id or 0, words_of=words, now=then, zone=ZONE)
        return view.rows[0].word_reason

    known = reason()
    change(session, home, now=then)

    assert (known, reason()) == (None, WordReason.CAR)


def test_the_board_names_the_other_plate_beside_the_driver(session: Session, ride: Ride) -> None:
    change(session, ride)
    tap(session, ride, "started", at=ride.starts_at - 20 * MINUTE)

    seen = board(session, now=ride.starts_at - 10 * MINUTE, zone=ZONE)

    assert [run.changed_plate for run in seen.on_the_road] == ["川AD88888"]


@pytest.mark.parametrize(
    ("car", "needs", "sentence"),
    [
        (TodaysCar("川A1234", "红", seats=4, is_insured=True), (), "不完整"),
        (TodaysCar("", "红", seats=4, is_insured=True), (), "请填今天这辆车的车牌"),
        (TodaysCar("川AD88888", "彩虹", seats=4, is_insured=True), (), "颜色"),
        (TodaysCar("川AD88888", "红", seats=4), (), "座位险"),
        (TodaysCar("川AD88888", "红", seats=0, is_insured=True), (), "坐不下"),
        (TodaysCar("川AD88888", "红", seats=4, is_insured=True), ("child_seat",), "要 1 个儿童座椅"),
        (TodaysCar("川AD88888", "红", seats=4, is_insured=True), ("wheelchair",), "有轮椅"),
    ],
)
def test_a_car_that_will_not_do_is_refused_with_what_to_mend(
    session: Session, wang: Volunteer, car: TodaysCar, needs: tuple[str, ...], sentence: str
) -> None:
    ride = a_ride(session, a_child(session, needs=needs), driver=wang)

    with pytest.raises(Refused) as refused:
        change(session, ride, car)

    assert sentence in refused.value.sentence % {"n": 1}
    assert session.exec(select(ChangedCar)).all() == []


def test_after_departure_only_the_telephone_changes_it(session: Session, ride: Ride) -> None:
    tap(session, ride, "started", at=ride.starts_at - 20 * MINUTE)

    with pytest.raises(Refused, match="已经出发了"):
        change(session, ride, now=ride.starts_at - 19 * MINUTE)


def test_before_the_evening_before_it_is_too_early(session: Session, ride: Ride) -> None:
    with pytest.raises(Refused, match="17:00 起"):
        change(session, ride, now=local(TOMORROW, 16).replace(day=6))


def test_nobody_changes_anothers_car(session: Session, ride: Ride) -> None:
    chen = a_volunteer(session, "陈姐")

    with pytest.raises(NotFound):
        change(session, ride, who=chen.id or 0)


def test_the_known_plate_takes_the_change_back(session: Session, ride: Ride) -> None:
    change(session, ride)

    change(session, ride, TodaysCar("川A12345", "", seats=0))

    [fact] = facts_of(session, ride.legs)
    assert fact.driver is not None
    assert not fact.driver.car.is_changed


def test_two_cars_said_at_once_are_one(store: Store) -> None:
    with store.write() as session:
        ride = a_ride(session, a_child(session), driver=a_volunteer(session))
        shift_id = ride.shift_id

    def say(plate: str) -> Callable[[Session], bool]:
        def deed(session: Session) -> bool:
            try:
                change_car(
                    session,
                    shift_id=shift_id,
                    volunteer_id=1,
                    car=TodaysCar(plate, "红", seats=4, is_insured=True),
                    by="volunteer:1",
                    how="page",
                    now=NOW,
                    zone=ZONE,
                )
            except Conflict:
                return False
            return True

        return deed

    at_once(store, say("川AD88888"), say("川B66666"))

    with store.read() as session:
        live = session.exec(select(ChangedCar.plate).where(ChangedCar.ended_at.is_(None))).all()  # type: ignore[union-attr]
        assert len(live) == 1
