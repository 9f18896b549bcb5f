"""Places as numbers: coordinate systems, the district's box, and what a map app shares.

The store keeps WGS-84. Chinese maps show GCJ-02 (高德, 腾讯) or BD-09 (百度): they lie 300 to 800 m off,
which is enough to send a car to the wrong village gate, so everything is converted at the edge.
The formulas are the published approximations (as in `eviltransform`); the inverse is iterated.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote_plus

from scheduling.travel import Point


class CoordinateSystem(StrEnum):
    WGS84 = "WGS-84"  # GPS, OpenStreetMap, 天地图
    GCJ02 = "GCJ-02"  # 高德, 腾讯, Apple's and Google's maps of the mainland
    BD09 = "BD-09"  # 百度


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in WGS-84 degrees, edges included."""

    south: float
    north: float
    west: float
    east: float

    def contains(self, point: Point) -> bool:
        return self.south <= point.lat <= self.north and self.west <= point.lon <= self.east


PIDU = Box(south=30.70, north=31.00, west=103.70, east=104.08)  # 郫都区 with a margin
CHINA = Box(south=3.0, north=54.0, west=73.0, east=136.0)


def to_wgs84(point: Point, system: CoordinateSystem) -> Point:
    """Return the point in WGS-84."""
    if system is CoordinateSystem.BD09:
        return gcj02_to_wgs84(bd09_to_gcj02(point))
    if system is CoordinateSystem.GCJ02:
        return gcj02_to_wgs84(point)
    return point


def wgs84_to_gcj02(point: Point) -> Point:
    """Return where a Chinese map draws this place. Outside the mainland nothing is shifted."""
    if not _is_shifted(point):
        return point
    d_lat, d_lon = _shift(point)
    return Point(point.lat + d_lat, point.lon + d_lon)


def gcj02_to_wgs84(point: Point) -> Point:
    """Return the place that a Chinese map draws here, to within a millimetre (fixed-point iteration)."""
    if not _is_shifted(point):
        return point
    guess = point
    for _ in range(10):
        d_lat, d_lon = _shift(guess)
        guess = Point(point.lat - d_lat, point.lon - d_lon)
    return guess


def bd09_to_gcj02(point: Point) -> Point:
    """Return 百度's coordinates as 高德 and 腾讯 write them."""
    x, y = point.lon - 0.0065, point.lat - 0.006
    z = math.hypot(x, y) - 0.00002 * math.sin(y * _BAIDU_PI)
    theta = math.atan2(y, x) - 0.000003 * math.cos(x * _BAIDU_PI)
    return Point(z * math.sin(theta), z * math.cos(theta))


def parse_shared_place(text: str, *, default: CoordinateSystem = CoordinateSystem.WGS84) -> Point | None:
    """Return the WGS-84 point in a pasted "lat,lng" or in what a map app shares, or None if it holds none.

    Links of 高德, 腾讯, 百度, Apple and Google and `geo:` addresses say, or are known for, their system; bare
    numbers are in `default`. Latitude and longitude may come in either order: in China they never overlap.
    Short links (surl.amap.com, j.map.baidu.com) hold no coordinates: None, never a guess.
    """
    text = unquote_plus(text.strip())[:_LONGEST_TEXT]
    for link, system in _LINKS:
        if link.search(text):
            return _first_point(text, system(text))
    return _first_point(text, default)


def is_turned_round(text: str) -> bool:
    """Return whether bare numbers stand as longitude, latitude: they are read all the same, but by a guess.

    What a map app wrote, or a text that says which number is which, is no guess.
    """
    text = unquote_plus(text.strip())[:_LONGEST_TEXT]
    if any(link.search(text) for link, _ in _LINKS) or _SAYS_WHICH.search(text):
        return False
    for match in _PAIR.finditer(text):
        first, second = float(match.group(1)), float(match.group(2))
        if _in_order(first, second) is not None:
            return not CHINA.contains(Point(first, second))
    return False


_LONGEST_TEXT = 2_000
_BAIDU_PI = math.pi * 3000.0 / 180.0
_AXIS = 6378245.0  # metres, Krasovsky 1940
_ECCENTRICITY_SQUARED = 0.00669342162296594323
_NUMBER = r"[-+]?\d{1,3}(?:\.\d+)"
_PAIR = re.compile(rf"({_NUMBER})\s*°?\s*[NE]?\s*[,，;；\s]\s*({_NUMBER})", re.IGNORECASE)
_SAYS_WHICH = re.compile(r"纬度|经度|latitude|longitude|\bl(?:at|ng|on)\b|\d\s*°?\s*[NE]\b|[NE]\s*\d", re.I)
_LABELLED = re.compile(
    rf"(?:纬度|latitude|lat)\D{{0,4}}?({_NUMBER})\D{{1,12}}?(?:经度|longitude|lng|lon)\D{{0,4}}?({_NUMBER})",
    re.I,
)
_LABELLED_BACK = re.compile(
    rf"(?:经度|longitude|lng|lon)\D{{0,4}}?({_NUMBER})\D{{1,12}}?(?:纬度|latitude|lat)\D{{0,4}}?({_NUMBER})",
    re.I,
)


def _always(system: CoordinateSystem) -> Callable[[str], CoordinateSystem]:
    return lambda _text: system


def _amap(text: str) -> CoordinateSystem:
    return CoordinateSystem.WGS84 if "coordinate=wgs84" in text.lower() else CoordinateSystem.GCJ02


def _baidu(text: str) -> CoordinateSystem:
    lowered = text.lower()
    if "coord_type=wgs84" in lowered:
        return CoordinateSystem.WGS84
    return CoordinateSystem.GCJ02 if "coord_type=gcj02" in lowered else CoordinateSystem.BD09


_LINKS: tuple[tuple[re.Pattern[str], Callable[[str], CoordinateSystem]], ...] = (
    (re.compile(r"\bgeo:", re.I), _always(CoordinateSystem.WGS84)),
    (re.compile(r"amap\.com|gaode\.com|androidamap:|iosamap:", re.I), _amap),
    (re.compile(r"map\.qq\.com|qqmap:", re.I), _always(CoordinateSystem.GCJ02)),
    (re.compile(r"map\.baidu\.com|baidumap:", re.I), _baidu),
    (
        re.compile(r"maps\.apple\.com|google\.[a-z.]+/maps|maps\.google\.", re.I),
        _always(CoordinateSystem.GCJ02),
    ),
)


def _first_point(text: str, system: CoordinateSystem) -> Point | None:
    for pattern in (_LABELLED, _LABELLED_BACK, _PAIR):
        for match in pattern.finditer(text):
            point = _in_order(float(match.group(1)), float(match.group(2)))
            if point is not None:
                return to_wgs84(point, system)
    return None


def _in_order(first: float, second: float) -> Point | None:
    for point in (Point(first, second), Point(second, first)):
        if CHINA.contains(point):
            return point
    return None


def _is_shifted(point: Point) -> bool:
    """Taiwan, Hong Kong and Macao lie inside every published box but are drawn unshifted."""
    return CHINA.contains(point) and not any(box.contains(point) for box in _UNSHIFTED)


_UNSHIFTED = (
    Box(south=21.8, north=25.4, west=119.9, east=122.1),  # Taiwan
    Box(south=22.13, north=22.50, west=113.98, east=114.45),  # Hong Kong, short of Shenzhen
    Box(south=22.10, north=22.21, west=113.52, east=113.60),  # Macao
)


def _shift(point: Point) -> tuple[float, float]:
    x, y = point.lon - 105.0, point.lat - 35.0
    wave = (20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x)) + wave
    north += (20.0 * math.sin(y * math.pi) + 40.0 * math.sin(y / 3.0 * math.pi)) * 2.0 / 3.0
    north += (160.0 * math.sin(y / 12.0 * math.pi) + 320.0 * math.sin(y * math.pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x)) + wave
    east += (20.0 * math.sin(x * math.pi) + 40.0 * math.sin(x / 3.0 * math.pi)) * 2.0 / 3.0
    east += (150.0 * math.sin(x / 12.0 * math.pi) + 300.0 * math.sin(x / 30.0 * math.pi)) * 2.0 / 3.0
    radians = math.radians(point.lat)
    magic = 1 - _ECCENTRICITY_SQUARED * math.sin(radians) ** 2
    d_lat = math.degrees(north / (_AXIS * (1 - _ECCENTRICITY_SQUARED) / (magic * math.sqrt(magic))))
    d_lon = math.degrees(east / (_AXIS / math.sqrt(magic) * math.cos(radians)))
    return d_lat, d_lon
