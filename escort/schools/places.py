"""The places that everybody knows by name, and finding one."""

from datetime import datetime

from sqlmodel import Session, col, or_, select

from escort.access import audit
from escort.errors import NotFound, Refused
from escort.geocoding import PIDU, Box
from escort.schools.models import Place
from escort.sentences import Sentence
from escort.typed_values import read_text
from scheduling.travel import Point


def search_places(session: Session, text: str, *, limit: int = 20) -> list[Place]:
    """Return the places whose name and street hold every word of the text; two of one name are both returned."""
    rows = select(Place)
    for word in read_text(text).split():
        rows = rows.where(
            or_(
                col(Place.name).contains(word, autoescape=True),
                col(Place.street).contains(word, autoescape=True),
            )
        )
    return list(session.exec(rows.order_by(col(Place.street), col(Place.name)).limit(limit)))


def place_by_name(session: Session, name: str, street: str) -> Place | None:
    """Return the place of that name in that street: a name alone may stand for several."""
    return session.exec(
        select(Place).where(Place.name == read_text(name), Place.street == read_text(street))
    ).first()


def get_place(session: Session, place_id: int) -> Place:
    place = session.get(Place, place_id)
    if place is None:
        raise NotFound("没有这个地点，请重新选择。")
    return place


def add_place(
    session: Session, *, name: str, street: str, point: Point, by: str, now: datetime, box: Box = PIDU
) -> int:
    """Add a known place. Raises Refused for one outside the district or known already in that street."""
    name, street = read_text(name), read_text(street)
    if not 2 <= len(name) <= 80:
        raise Refused("地点名称请写 2 到 80 个字，让大家一看就知道在哪。")
    if not box.contains(point):
        raise Refused("这个地点不在本区范围内，请核对经纬度有没有写反。")
    if place_by_name(session, name, street) is not None:
        raise Refused(
            Sentence("%(street)s已经有“%(name)s”了，请换个名称或直接使用它。", street=street, name=name)
        )
    place = Place(name=name, street=street, lat=point.lat, lon=point.lon)
    session.add(place)
    session.flush()
    assert place.id is not None
    audit.record(session, actor=by, action="place.add", subject=f"place:{place.id}", now=now)
    return place.id
