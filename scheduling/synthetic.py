"""Invented districts in the file format, for measuring planners: the same size and seed give the same file.

A district is 344 children at 12 schools and 1,118 volunteers in 12 towns, 20 school days, with cars that are fixed
beforehand: children of one school who live on each other's way share one, at most three. A street is one town's part
of it. Ten districts lie side by side, so that people near a border may drive on either side of it. Needs, wishes and
half-days are drawn so that some legs cannot be driven at all: wheelchairs want more cars than there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from scheduling.problem import Point, Weights
from scheduling.problem_file import FORMAT
from scheduling.travel import Floats, km_between, minutes_between

Entry = dict[str, Any]


class Size(StrEnum):
    STREET = "street"
    DISTRICT = "district"
    TEN_DISTRICTS = "ten-districts"


class Shape(NamedTuple):
    """What to invent. `width_km`, `height_km`: the side of the rectangle in which the towns lie."""

    districts: int
    children: int
    volunteers: int
    schools: int
    teams: int
    width_km: float
    height_km: float
    days: int = 20


SIZES = {
    Size.STREET: Shape(1, 30, 100, 2, 1, 5.0, 4.0),
    Size.DISTRICT: Shape(1, 344, 1118, 12, 12, 26.0, 20.0),
    Size.TEN_DISTRICTS: Shape(10, 344, 1118, 12, 12, 26.0, 20.0),
}


def make_problem(size: Size | Shape, *, seed: int = 0, with_runs: bool = True) -> Entry:
    """Return the document of an invented problem; without `with_runs` the planner pools the cars itself."""
    shape = SIZES[size] if isinstance(size, Size) else size
    parts = [_district(shape, seed, number) for number in range(shape.districts)]
    document: Entry = {
        "format": FORMAT,
        "days": shape.days,
        "teams": [],
        "schools": [],
        "children": [],
        "volunteers": [],
        "absences": [],
        "standby": True,
        "weights": {
            name: getattr(Weights(), name) for name in Weights.__dataclass_fields__ if name in FILE_WEIGHTS
        },
    }
    for part in parts:
        _append(document, part)
    if with_runs:
        document["runs"] = _runs(document)
    return document


def _append(document: Entry, part: Entry) -> None:
    """Add one district's part: its numbers count on from what the document has."""
    children, people = len(document["children"]), len(document["volunteers"])
    schools, teams = len(document["schools"]), len(document["teams"])
    for child in part["children"]:
        child["school"] += schools
        child["team"] += teams
        child["familiar"] = [people + volunteer for volunteer in child["familiar"]]
        child["banned"] = [people + volunteer for volunteer in child["banned"]]
    for volunteer in part["volunteers"]:
        volunteer["team"] += teams
    for name in ("teams", "schools", "children", "volunteers"):
        document[name].extend(part[name])
    document["absences"].extend([children + child, day, leg] for child, day, leg in part["absences"])


def _district(shape: Shape, seed: int, number: int) -> Entry:
    """Invent one district: towns, schools in them, and people round the towns."""
    dice = np.random.default_rng([seed, number])
    centre = Point(
        30.8 + (number % 2) * shape.height_km * NORTH, 103.7 + (number // 2) * shape.width_km * EAST
    )
    towns = [_beside(centre, shape.width_km * x, shape.height_km * y) for x, y in _spread(dice, shape.teams)]
    crowd = dice.dirichlet(np.full(shape.teams, 6.0))
    schools = [
        _school(dice, towns[index % shape.teams], special=index % 6 == 5) for index in range(shape.schools)
    ]
    volunteers = [_volunteer(dice, towns, crowd, shape.days) for _ in range(shape.volunteers)]
    people = np.array([(v["lat"], v["lon"]) for v in volunteers])
    children = [_child(dice, towns, crowd, schools, volunteers, people) for _ in range(shape.children)]
    absences = [
        [child, day, leg]
        for child in range(shape.children)
        for day in np.flatnonzero(dice.random(shape.days) < ABSENT).tolist()
        for leg in (0, 1)
    ]
    return {
        "teams": [_entry(town) for town in towns],
        "schools": schools,
        "children": children,
        "volunteers": volunteers,
        "absences": absences,
    }


def _spread(dice: np.random.Generator, towns: int) -> Floats:
    """Return places in the unit square, none too near another."""
    found = [dice.random(2)]
    apart = 0.6 / np.sqrt(towns)
    while len(found) < towns:
        place = dice.random(2)
        if min(np.hypot(*(place - other)) for other in found) > apart:
            found.append(place)
    return np.array(found)


def _school(dice: np.random.Generator, town: Point, *, special: bool) -> Entry:
    begins, ends = 480 + 5 * int(dice.integers(0, 7)), 950 + 10 * int(dice.integers(0, 9))
    return {
        **_entry(_near(dice, town, 0.8)),
        "special": special,
        "am": [begins - 30, begins - 10],
        "pm": [ends, ends + 20],
    }


def _volunteer(dice: np.random.Generator, towns: list[Point], crowd: Floats, days: int) -> Entry:
    team = int(dice.choice(len(towns), p=crowd))
    cap = int(dice.choice([1, 2, 3, 4], p=[0.30, 0.38, 0.23, 0.09]))
    # mornings suit some and afternoons others; nobody has offered less than his limit
    likes = np.tile(dice.choice([0.25, 0.55], size=2), 5)
    offered = dice.random(10) < likes
    while offered.sum() < cap:
        offered[dice.integers(10)] = True
    return {
        **_entry(_near(dice, towns[team], 1.9)),
        "team": team,
        "gender": "F" if dice.random() < 0.46 else "M",
        "seats": int(dice.choice([2, 3, 4], p=[0.06, 0.24, 0.70])),
        "child_seats": int(dice.choice([0, 1, 2], p=[0.55, 0.33, 0.12])),
        "wheelchair": bool(dice.random() < 0.09),
        "cap_week": cap,
        "pledge_week": max(1, cap - int(dice.random() < 0.2)),
        "avail": "".join("1" if mark else "0" for mark in offered),
        "blockouts": np.flatnonzero(dice.random(days) < 0.04).tolist(),
        "vetted_until": int(dice.integers(0, days)) if dice.random() < 0.04 else 2 * days,
        "max_approach_km": round(float(dice.choice([3.0, 5.0, 8.0, 12.0], p=[0.20, 0.40, 0.30, 0.10])), 1),
    }


def _child(
    dice: np.random.Generator,
    towns: list[Point],
    crowd: Floats,
    schools: list[Entry],
    volunteers: list[Entry],
    people: Floats,
) -> Entry:
    """Invent a child who goes to one of the three nearest schools and knows a few people who live near."""
    team = int(dice.choice(len(towns), p=crowd))
    home = _near(dice, towns[team], 1.6)
    ways = np.argsort([km_between(home, Point(s["lat"], s["lon"])) for s in schools])
    school = int(ways[min(int(dice.choice([0, 1, 2], p=[0.72, 0.20, 0.08])), len(ways) - 1)])
    wheelchair = bool(dice.random() < 0.05)
    only_women = bool(dice.random() < 0.07)
    near = np.argsort(np.hypot(*((people - np.array(home)) / [NORTH, EAST]).T))[:40].tolist()
    fits = [
        v
        for v in near
        if (volunteers[v]["gender"] == "F" or not only_women)
        and (volunteers[v]["wheelchair"] or not wheelchair)
    ]
    known = dice.permutation(fits)[: int(dice.integers(0, 6))].tolist()
    return {
        **_entry(home),
        "school": school,
        "team": team,
        "wheelchair": wheelchair,
        "child_seat": bool(dice.random() < 0.14),
        "gender_pref": "F" if only_women else None,
        "special": bool(schools[school]["special"]),
        "circle_target": int(dice.integers(6, 9)),
        "familiar": sorted(known),
        "banned": sorted(set(near[:12]) - set(known))[:1] if dice.random() < 0.05 else [],
    }


def _runs(document: Entry) -> list[Entry]:
    """Return fixed cars: lines per school and direction, an absent child dropped on his day."""
    absent = {tuple(absence) for absence in document["absences"]}
    lines: list[tuple[int, list[int]]] = []
    for leg in (0, 1):
        for school in range(len(document["schools"])):
            riders = [c for c, child in enumerate(document["children"]) if child["school"] == school]
            lines.extend((leg, line) for line in _lines(document, school, riders))
    return [
        _run(document, day, leg, number, riding)
        for day in range(document["days"])
        for leg in (0, 1)
        for number, (way, line) in enumerate(lines)
        if way == leg and (riding := [c for c in line if (c, day, leg) not in absent])
    ]


def _lines(document: Entry, school: int, riders: list[int]) -> Iterable[list[int]]:
    """Yield lines, farthest child first: each takes in who costs least detour while everybody's ride stays short.

    Children are listed as they are fetched in the morning.
    """
    gate = _point(document["schools"][school])
    home = {child: _point(document["children"][child]) for child in riders}
    left = sorted(riders, key=lambda child: -km_between(home[child], gate))
    while left:
        line = [left.pop(0)]
        while len(line) < MOST_CHILDREN and not document["children"][line[0]]["wheelchair"]:
            way = [home[child] for child in line]
            detour = {
                child: km_between(way[-1], home[child])
                + km_between(home[child], gate)
                - km_between(way[-1], gate)
                for child in left
                if not document["children"][child]["wheelchair"]
                and _rides_are_short([*way, home[child]], gate)
            }
            mate = min(detour, key=lambda child: (detour[child], child), default=None)
            if mate is None or detour[mate] > MOST_DETOUR_KM:
                break
            line.append(mate)
            left.remove(mate)
        yield line


def _rides_are_short(way: list[Point], gate: Point) -> bool:
    minutes, here = 0.0, gate
    for home in reversed(way):
        minutes += minutes_between(home, here)
        if minutes > 1.5 * minutes_between(home, gate) + 10:
            return False
        minutes, here = minutes + 1, home
    return True


def _run(document: Entry, day: int, leg: int, line: int, riding: list[int]) -> Entry:
    order = riding if leg == 0 else riding[::-1]
    gate = _point(document["schools"][document["children"][riding[0]]["school"]])
    homes = [_point(document["children"][child]) for child in order]
    stops = [*homes, gate] if leg == 0 else [gate, *homes]
    return {
        "day": day,
        "leg": leg,
        "line": line,
        "children": order,
        "start": list(stops[0]),
        "end": list(stops[-1]),
        "km": round(sum(km_between(a, b) for a, b in pairwise(stops)), 3),
    }


def _near(dice: np.random.Generator, place: Point, spread_km: float) -> Point:
    east, north = dice.normal(0.0, spread_km, 2)
    return _beside(place, float(east), float(north))


def _beside(place: Point, east_km: float, north_km: float) -> Point:
    return Point(round(place.lat + north_km * NORTH, 5), round(place.lon + east_km * EAST, 5))


def _point(entry: Entry) -> Point:
    return Point(entry["lat"], entry["lon"])


def _entry(place: Point) -> Entry:
    return {"lat": place.lat, "lon": place.lon}


NORTH = 1 / 111.2  # degrees to one km as the crow flies, near 31 degrees north
EAST = 1 / 95.4
ABSENT = 0.021
MOST_CHILDREN = 3
MOST_DETOUR_KM = 0.5
FILE_WEIGHTS = {
    "uncovered_child_leg",
    "uncovered_standby",
    "km",
    "load",
    "repeat",
    "pair_new",
    "pair_known",
    "circle_over",
}
