"""Finding a place that everybody knows by name."""

import pytest
from sqlmodel import Session

from escort.errors import Refused
from escort.schools.models import Place
from escort.schools.places import add_place, place_by_name, search_places
from scheduling.travel import Point
from tests.builders import NOW
from tests.cast import LIN

DOOR = Point(30.8214, 103.8648)


def test_two_places_of_one_name_are_told_apart_by_their_street(session: Session) -> None:
    add_place(session, name="柳树3组公交站", street="唐昌街道", point=DOOR, by=LIN, now=NOW)
    add_place(session, name="柳树3组公交站", street="友爱镇", point=DOOR, by=LIN, now=NOW)

    assert len(search_places(session, "柳树3组")) == 2
    assert [place.street for place in search_places(session, "柳树 友爱")] == ["友爱镇"]
    found = place_by_name(session, "柳树3组公交站", "唐昌街道")
    assert found is not None
    assert found.street == "唐昌街道"


def test_a_percent_sign_in_a_search_is_an_ordinary_letter(session: Session) -> None:
    session.add(Place(name="梨园社区", street="郫筒街道", lat=30.8, lon=103.8))
    session.flush()

    assert search_places(session, "%") == []


@pytest.mark.parametrize(
    ("name", "point", "said"),
    [
        ("村口", Point(103.8648, 30.8214), "写反"),  # latitude and longitude swapped
        ("村", DOOR, "2 到 80 个字"),
    ],
)
def test_a_place_that_helps_nobody_is_refused(session: Session, name: str, point: Point, said: str) -> None:
    with pytest.raises(Refused, match=said):
        add_place(session, name=name, street="唐昌街道", point=point, by=LIN, now=NOW)


def test_a_place_is_entered_once(session: Session) -> None:
    add_place(session, name="梨园社区", street="郫筒街道", point=DOOR, by=LIN, now=NOW)

    with pytest.raises(Refused, match="已经有"):
        add_place(session, name="梨园社区", street="郫筒街道", point=DOOR, by=LIN, now=NOW)
