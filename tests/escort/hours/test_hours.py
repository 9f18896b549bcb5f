"""Duties and minutes really served."""

from datetime import date, timedelta

from sqlmodel import Session

from escort.hours.queries import ServedMonth, served_by, served_in_month
from tests.builders import a_child
from tests.cast import the_cast
from tests.escort.journeys.rides import TOMORROW, a_ride, tap


def test_a_car_with_two_children_is_one_duty(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, a_child(session, "石头"), driver=cast.wang)
    for leg in (0, 1):
        tap(session, ride, "delivered", at=ride.starts_at, leg=leg)

    assert served_in_month(session, year=2021, month=4) == [
        ServedMonth(cast.wang.id or 0, 2021, 4, duties=1, legs=2, minutes=30)
    ]


def test_only_what_was_delivered_counts(session: Session) -> None:
    cast = the_cast(session)
    a_ride(session, cast.xiaoyu, driver=cast.wang)

    assert served_in_month(session, year=2021, month=4) == []


def test_the_months_of_one_volunteer(session: Session) -> None:
    cast = the_cast(session)
    may = date(2021, 5, 6)
    for on in (TOMORROW, TOMORROW + timedelta(days=1), may):
        for direction in ("to_school", "home"):
            ride = a_ride(session, cast.xiaoyu, driver=cast.wang, on=on, direction=direction)
            tap(session, ride, "delivered", at=ride.starts_at)

    months = served_by(
        session, volunteer_id=cast.wang.id or 0, from_on=date(2021, 4, 1), until_on=date(2021, 12, 31)
    )

    assert [(one.month, one.duties, one.minutes) for one in months] == [(4, 4, 120), (5, 2, 60)]
    assert served_in_month(session, year=2021, month=12) == []
