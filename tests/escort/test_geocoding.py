"""Known answers for the coordinate systems, and what people paste."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escort.geocoding import (
    PIDU,
    CoordinateSystem,
    bd09_to_gcj02,
    gcj02_to_wgs84,
    parse_shared_place,
    to_wgs84,
    wgs84_to_gcj02,
)
from scheduling.travel import Point


@pytest.mark.parametrize(
    ("wgs84", "gcj02"),
    [
        (Point(31.1774276, 121.5272106), Point(31.17530398364597, 121.531541859215)),  # Shanghai
        (Point(22.543847, 113.912316), Point(22.540796131694766, 113.9171764808363)),  # Shenzhen
        (Point(39.911954, 116.377817), Point(39.91334545536069, 116.38404722455657)),  # Beijing
    ],
)
def test_known_places_convert_both_ways(wgs84: Point, gcj02: Point) -> None:
    assert wgs84_to_gcj02(wgs84) == pytest.approx(gcj02, abs=1e-7)
    assert gcj02_to_wgs84(gcj02) == pytest.approx(wgs84, abs=1e-7)


def as_baidu_draws(gcj02: Point) -> Point:
    """百度's published forward formula, which ours inverts."""
    turn = math.pi * 3000.0 / 180.0
    z = math.hypot(gcj02.lon, gcj02.lat) + 0.00002 * math.sin(gcj02.lat * turn)
    theta = math.atan2(gcj02.lat, gcj02.lon) + 0.000003 * math.cos(gcj02.lon * turn)
    return Point(z * math.sin(theta) + 0.006, z * math.cos(theta) + 0.0065)


@pytest.mark.parametrize("place", [Point(30.821493, 103.864839), Point(39.911954, 116.377817)])
def test_baidu_converts_by_way_of_gcj02(place: Point) -> None:
    drawn = as_baidu_draws(wgs84_to_gcj02(place))

    assert tuple(to_wgs84(drawn, CoordinateSystem.BD09)) == pytest.approx(tuple(place), abs=1e-5)


@given(st.floats(20, 50), st.floats(80, 130))
def test_there_and_back_is_the_same_place(lat: float, lon: float) -> None:
    back = gcj02_to_wgs84(wgs84_to_gcj02(Point(lat, lon)))

    assert math.isclose(back.lat, lat, abs_tol=1e-6)
    assert math.isclose(back.lon, lon, abs_tol=1e-6)


@pytest.mark.parametrize(
    "point",
    [Point(25.0330, 121.5654), Point(22.2988, 114.1722), Point(48.8566, 2.3522)],  # 台北, 香港, Paris
)
def test_nothing_is_shifted_outside_the_mainland(point: Point) -> None:
    assert wgs84_to_gcj02(point) == point
    assert gcj02_to_wgs84(point) == point


HERE = Point(30.821493, 103.864839)


@pytest.mark.parametrize(
    "text",
    [
        "30.821493,103.864839",
        "30.821493，103.864839",  # full-width comma
        "103.864839, 30.821493",  # longitude first, as 高德 writes it
        " 30.821493 103.864839 ",
        "纬度：30.821493 经度：103.864839",
        "经度 103.864839 纬度 30.821493",
        "geo:30.821493,103.864839?z=17",
        "https://uri.amap.com/marker?position=103.864839,30.821493&name=村口&coordinate=wgs84",
        "https://uri.amap.com/marker?position=103.864839%2C30.821493&coordinate=wgs84",
    ],
)
def test_pasted_places_in_wgs84_are_read(text: str) -> None:
    assert parse_shared_place(text) == pytest.approx(HERE)


@pytest.mark.parametrize(
    "text",
    [
        "竹林社区村委会门口 https://uri.amap.com/marker?position={lon},{lat}&name=%E6%9D%91",
        "https://apis.map.qq.com/uri/v1/marker?marker=coord:{lat},{lon};title:村口",
        "http://api.map.baidu.com/marker?location={lat},{lon}&coord_type=gcj02&title=x",
        "https://maps.apple.com/?ll={lat},{lon}&q=x",
        "https://www.google.com/maps/@{lat},{lon},17z",
    ],
)
def test_links_of_chinese_maps_are_converted(text: str) -> None:
    shown = wgs84_to_gcj02(HERE)

    assert parse_shared_place(text.format(lat=shown.lat, lon=shown.lon)) == pytest.approx(HERE, abs=1e-6)


def test_a_baidu_link_without_a_system_is_bd09() -> None:
    drawn = as_baidu_draws(wgs84_to_gcj02(HERE))

    point = parse_shared_place(f"http://api.map.baidu.com/marker?location={drawn.lat},{drawn.lon}")

    assert point == pytest.approx(HERE, abs=1e-5)


def test_bare_numbers_follow_the_stated_default() -> None:
    shown = wgs84_to_gcj02(HERE)

    point = parse_shared_place(f"{shown.lat},{shown.lon}", default=CoordinateSystem.GCJ02)

    assert point == pytest.approx(HERE, abs=1e-6)


@pytest.mark.parametrize(
    "text",
    ["", "村口", "https://surl.amap.com/1abCdEf", "13900000000", "30.82", "0.5,0.7", "1,2", "x" * 100_000],
)
def test_text_without_a_place_gives_none(text: str) -> None:
    assert parse_shared_place(text) is None


def test_the_district_box_includes_its_edges() -> None:
    assert PIDU.contains(Point(30.70, 103.70))
    assert not PIDU.contains(Point(39.9, 116.4))


def test_baidu_offset_is_a_few_hundred_metres() -> None:
    moved = bd09_to_gcj02(Point(30.8, 103.9))

    assert 0.004 < 30.8 - moved.lat < 0.008
