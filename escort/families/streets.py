"""The street of a point, guessed from what is near it: an area is all that somebody who is asked is shown."""

from typing import Any

from sqlmodel import Session, col, select

from escort.families.models import Child
from escort.schools.models import Place, School
from scheduling.travel import Point, km_between

NEAR_KM = 3.0  # by road; farther away it would be a guess at random
BOX_DEGREES = (
    0.035  # a little more than that: three kilometres of latitude are 0.027, of longitude here 0.031
)


def guess_street(session: Session, point: Point | None) -> str:
    """Return the street of the nearest known place, child's home or school within NEAR_KM, or "" without one."""
    if point is None:
        return ""
    found = [
        (km_between(point, Point(lat, lon)), street)
        for columns in (
            (Place.street, Place.lat, Place.lon),
            (Child.street, Child.home_lat, Child.home_lon),
            (School.street, School.lat, School.lon),
        )
        for street, lat, lon in _around(session, point, columns)
    ]
    km, street = min(found, default=(NEAR_KM, ""))
    return street if km < NEAR_KM else ""


def _around(session: Session, point: Point, columns: tuple[Any, Any, Any]) -> list[tuple[str, float, float]]:
    street, lat, lon = columns
    rows: Any = select(street, lat, lon).where(
        col(street) != "",
        col(lat).between(point.lat - BOX_DEGREES, point.lat + BOX_DEGREES),
        col(lon).between(point.lon - BOX_DEGREES, point.lon + BOX_DEGREES),
    )
    return [(row[0], row[1], row[2]) for row in session.exec(rows)]
