"""The builders make what they say, on both databases."""

from sqlmodel import Session

from notifications.addresses import phone_of
from tests.builders import a_pattern
from tests.cast import the_cast


def test_the_cast_can_be_made_and_reached(session: Session) -> None:
    cast = the_cast(session)

    assert cast.xiaoyu.escort.weekdays == "1111100"
    assert cast.xiaoyu.school.id == cast.school.id
    assert phone_of(session, cast.xiaoyu.guardian_subject)
    assert phone_of(session, f"volunteer:{cast.wang.id}")


def test_a_pattern_is_read_from_a_phrase() -> None:
    assert a_pattern("Mon-Fri both ways") == "11" * 5 + "0000"
    assert a_pattern("Tue,Thu to school") == "00100010000000"
    assert a_pattern("Sun home") == "0" * 13 + "1"
