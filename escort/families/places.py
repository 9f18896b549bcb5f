"""Where a child is met: its own door, a known place, a pasted point, or km and minutes typed by hand."""

import re
from dataclasses import dataclass

from sqlmodel import Session

from escort.families.models import PlaceKind
from escort.filled_form import FormMistakes
from escort.geocoding import PIDU, Box, is_turned_round, parse_shared_place
from escort.schools.models import Place
from escort.schools.places import get_place, search_places
from escort.sentences import Sentence, mark
from escort.typed_values import half_width, read_text
from scheduling.travel import Point


class AmbiguousPlace(FormMistakes):
    """Several known places may be meant: the reader picks one."""

    def __init__(self, field: str, text: str, places: list[Place]) -> None:
        super().__init__(
            {field: Sentence("有 %(n)s 个“%(text)s”，请在下面选一个。", n=len(places), text=text)}
        )
        self.places = places


@dataclass(frozen=True, slots=True)
class ChosenPlace:
    """One end of the way. Either `point`, or `km` and `minutes` by hand."""

    kind: PlaceKind
    name: str
    point: Point | None = None
    km: float | None = None
    minutes: int | None = None
    note: str = ""  # what was understood otherwise than it was written


def read_place(
    session: Session,
    text: str,
    *,
    home: Point | None = None,
    place_id: int | None = None,
    field: str = "pickup",
    box: Box = PIDU,
) -> ChosenPlace:
    """Return what the office typed or picked: a known place by id or name, a pasted point, "家门口", or
    "15 公里 32 分". Raises AmbiguousPlace, or FormMistakes at `field` with a sentence that says what would help.
    """
    if place_id is not None:
        return _known(get_place(session, place_id))
    words = read_text(text)
    if not words:
        raise FormMistakes(
            {field: Sentence("%(place)s没填，请选常用地点，或粘贴坐标。", place=Sentence(_LABELS[field]))}
        )
    by_hand = _BY_HAND.search(half_width(words))
    if by_hand is not None:
        return _typed(by_hand, words, field)
    point = parse_shared_place(words)
    if point is not None:
        return _pasted(point, words, field, box)
    if words in HOME_WORDS:
        if home is None:
            raise FormMistakes(
                {
                    field: Sentence(
                        "%(place)s选了家门口，但还没有住址的坐标，请粘贴坐标，或填公里和分钟。",
                        place=Sentence(_LABELS[field]),
                    )
                }
            )
        return ChosenPlace(PlaceKind.HOME, HOME_NAME, point=home)
    return _by_name(session, words, field)


_LABELS = {"pickup": mark("接的地方"), "dropoff": mark("送到的地方")}
HOME_NAME = "家门口"
HOME_WORDS = {"家门口", "家", "家里", "住址", "自己家", "本人家"}
FARTHEST_KM, LONGEST_MINUTES = 60, 120  # one way, inside one district


def _by_name(session: Session, words: str, field: str) -> ChosenPlace:
    found = search_places(session, words)
    exact = [place for place in found if place.name == words]
    if len(exact) == 1 or len(found) == 1:
        return _known((exact or found)[0])
    if found:
        raise AmbiguousPlace(field, words, exact or found)
    raise FormMistakes(
        {
            field: Sentence(
                "%(place)s“%(words)s”不是常用地点，请粘贴“30.8214,103.8648”这样的坐标，或填“15 公里 32 分”先用着。",
                place=Sentence(_LABELS[field]),
                words=words[:20],
            )
        }
    )


def _known(place: Place) -> ChosenPlace:
    return ChosenPlace(PlaceKind.KNOWN, place.name, point=Point(place.lat, place.lon))


def _pasted(point: Point, words: str, field: str, box: Box) -> ChosenPlace:
    if not box.contains(point):
        raise FormMistakes(
            {field: Sentence("%(place)s不在本区范围内，请核对坐标。", place=Sentence(_LABELS[field]))}
        )
    name = _NOT_A_NAME.sub(" ", words).strip(" ,，;；:：。")
    is_home = not HOME_WORDS.isdisjoint(re.split(r"\W+", name))
    return ChosenPlace(
        PlaceKind.HOME if is_home else PlaceKind.POINT,
        HOME_NAME if is_home else " ".join(name.split())[:40] or "地图上的点",
        point=point,
        note=_turned_round(point, field) if is_turned_round(words) else "",
    )


def _turned_round(point: Point, field: str) -> str:
    return Sentence(
        "%(place)s的经纬度看来写反了，已按纬度 %(lat)s、经度 %(lon)s 理解，请核对。",
        place=Sentence(_LABELS[field]),
        lat=f"{point.lat:.4f}",
        lon=f"{point.lon:.4f}",
    )


def _typed(by_hand: re.Match[str], words: str, field: str) -> ChosenPlace:
    km, minutes = float(by_hand["km"]), int(by_hand["minutes"])
    if not 0 < km <= FARTHEST_KM:
        raise FormMistakes(
            {
                field: Sentence(
                    "%(place)s写了 %(km)s 公里，应大于 0、不超过 %(farthest_km)s 公里，请核对。",
                    place=Sentence(_LABELS[field]),
                    km=by_hand["km"][:20],
                    farthest_km=FARTHEST_KM,
                )
            }
        )
    if not 0 < minutes <= LONGEST_MINUTES:
        raise FormMistakes(
            {
                field: Sentence(
                    "%(place)s写了 %(minutes)s 分钟，应在 1 到 %(longest_minutes)s 分钟之间，请核对。",
                    place=Sentence(_LABELS[field]),
                    minutes=by_hand["minutes"][:20],
                    longest_minutes=LONGEST_MINUTES,
                )
            }
        )
    name = half_width(words).replace(by_hand[0], "").strip(" ,，;；:：。()")
    return ChosenPlace(PlaceKind.BY_HAND, name[:40] or "未标地点", km=km, minutes=minutes)


_BY_HAND = re.compile(
    r"(?P<km>(?:(?<!\w)-)?\d+(?:\.\d+)?)\s*(?:公里|千米|km)[\s,，、。约]*(?P<minutes>-?\d+)\s*(?:分钟?|min)",
    re.IGNORECASE,
)
_NOT_A_NAME = re.compile(r"https?://\S+|geo:\S+|[-+]?\d{1,3}\.\d+|纬度|经度|[°NE](?![a-z])", re.IGNORECASE)
