"""`dujuan-problem/1` -> Problem. Whatever is wrong is said in one sentence that names the field.

The format numbers days without dates. Only this file knows that day d is weekday d % 5 of week d // 5 where
no calendar is given; the Problem that it makes carries dates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from scheduling.problem import (
    Child,
    Day,
    Direction,
    Leg,
    Line,
    Point,
    Problem,
    Run,
    School,
    Team,
    Turning,
    Volunteer,
    Weights,
)
from scheduling.routes import MOST_IN_A_CAR, PoolRules
from scheduling.travel import km_between

FORMAT = "dujuan-problem/1"
Object = Mapping[str, Any]  # an object of the file, as json reads it
Legs = Mapping[tuple[int, int, int], int]  # (child, day, leg) -> position in Problem.legs


def read_problem(document: Any) -> Problem:
    """Return the problem of a file. Raises ValueError, naming the field, for what is missing or cannot be."""
    if not isinstance(document, dict):
        raise ValueError("The file must hold one object.")
    if document.get("format", FORMAT) != FORMAT:
        raise ValueError(f"format must be {FORMAT}.")
    top = _Entry(document, "")
    days = _read_days(top)
    schools = top.entries("schools")
    teams = top.entries("teams", default=[])
    people = len(top.entries("volunteers"))
    size = len(top.entries("children"))
    children = tuple(_read_child(entry, len(schools), people, size) for entry in top.entries("children"))
    volunteers = tuple(_read_volunteer(entry, days, people) for entry in top.entries("volunteers"))
    legs, position = _read_legs(top, children, len(days))
    runs = _read_runs(top, position, len(days))
    declined = _read_declined(top, runs, people)
    problem = Problem(
        days=days,
        schools=tuple(_read_school(entry) for entry in schools),
        children=children,
        volunteers=volunteers,
        legs=legs,
        teams=tuple(Team(entry.point()) for entry in teams),
        runs=runs,
        lines=tuple(_read_line(entry, len(children)) for entry in top.entries("lines", default=[])),
        declined=frozenset((leg, who) for run, who in declined for leg in (runs or ())[run].legs),
        past_weeks=top.whole("past_weeks", default=0),
        standby=top.flag("standby"),
        turns_by_school_day=True,
        weights=_read_weights(top),
    )
    _look_for_strays(problem)
    promised = _read_pins(top, problem, declined)
    return replace(problem, promised=promised) if promised else problem


def read_pool_rules(document: Any) -> PoolRules:
    """Return who may share a car by the file's `pooling`; near schools do, unless it says otherwise."""
    entry = _Entry(_Entry(document, "").value("pooling", {}), "pooling")
    most = entry.whole("max_children", most=MOST_IN_A_CAR, default=PoolRules().max_children)
    if most < 1:
        raise ValueError(f"{entry.at('max_children')} must be at least 1.")
    return PoolRules(
        max_children=most, across_schools_km=entry.number("across_schools_km", ACROSS_SCHOOLS_KM)
    )


class _Entry:
    """One object of the file and where it stands, so that every complaint can name its field."""

    def __init__(self, raw: Any, name: str) -> None:
        if not isinstance(raw, dict):
            raise ValueError(f"{name} must be an object.")
        self.raw: Object = raw
        self.name = name

    def at(self, key: str) -> str:
        return f"{self.name}.{key}" if self.name else key

    def has(self, key: str) -> bool:
        return self.raw.get(key) is not None

    def value(self, key: str, default: Any = ...) -> Any:
        if self.raw.get(key) is None:
            if default is ...:
                raise ValueError(f"{self.at(key)} is missing.")
            return default
        return self.raw[key]

    def items(self, key: str, default: Any = ...) -> list[Any]:
        found = self.value(key, default)
        if not isinstance(found, list):
            raise ValueError(f"{self.at(key)} must be a list.")
        return found

    def entries(self, key: str, default: Any = ...) -> list[_Entry]:
        return [_Entry(raw, f"{self.at(key)}[{n}]") for n, raw in enumerate(self.items(key, default))]

    def flag(self, key: str) -> bool:
        found = self.value(key, False)
        if found not in (0, 1):  # true and false, or as numbers
            raise ValueError(f"{self.at(key)} must be true or false.")
        return bool(found)

    def whole(self, key: str, *, most: int = 1_000_000, default: Any = ...) -> int:
        return _whole(self.value(key, default), self.at(key), most)

    def number(self, key: str, default: Any = ...) -> float:
        found = _number(self.value(key, default), self.at(key))
        if found < 0:
            raise ValueError(f"{self.at(key)} must not be negative.")
        return found

    def position(self, key: str, size: int, of: str) -> int:
        return _position(self.value(key), self.at(key), size, of)

    def optional(self, key: str, size: int, of: str) -> int | None:
        return self.position(key, size, of) if self.has(key) else None

    def positions(self, key: str, size: int, of: str) -> tuple[int, ...]:
        found = self.items(key, [])
        return tuple(_position(item, f"{self.at(key)}[{n}]", size, of) for n, item in enumerate(found))

    def word(self, key: str, words: Sequence[str | None], default: Any = ...) -> str | None:
        found = self.raw.get(key) if None in words else self.value(key, default)
        if found not in words:
            known = ", ".join("null" if word is None else word for word in words)
            raise ValueError(f"{self.at(key)} must be one of: {known}.")
        return str(found) if found is not None else None

    def point(self, key: str | None = None) -> Point:
        """Return the entry's own lat and lon, or those of a pair of numbers in it."""
        name = self.name if key is None else self.at(key)
        if key is None:
            numbers = [_number(self.value(axis), self.at(axis)) for axis in ("lat", "lon")]
        else:
            pair = self.items(key)
            if len(pair) != 2:
                raise ValueError(f"{name} must be latitude and longitude.")
            numbers = [_number(found, name) for found in pair]
        if not (-90 <= numbers[0] <= 90 and -180 <= numbers[1] <= 180):
            raise ValueError(
                f"{name}: {numbers[0]:g}, {numbers[1]:g} is not latitude and longitude in degrees; are they swapped?"
            )
        return Point(*numbers)

    def window(self, key: str) -> tuple[int, int]:
        pair = self.items(key)
        if len(pair) != 2:
            raise ValueError(f"{self.at(key)} must be two minutes of the day.")
        low, high = (_whole(found, self.at(key), 1439) for found in pair)
        if low > high:
            raise ValueError(f"{self.at(key)} ends before it begins.")
        return low, high


def _read_days(top: _Entry) -> tuple[Day, ...]:
    if not top.has("calendar"):
        return tuple(
            Day(FIRST_MONDAY + timedelta(weeks=day // 5, days=day % 5), day % 5, day // 5)
            for day in range(top.whole("days", most=MOST_DAYS))
        )
    calendar = top.entries("calendar")
    days: list[Day] = []
    for entry in calendar:
        try:
            on = date.fromisoformat(str(entry.value("date")))
        except ValueError as error:
            raise ValueError(f"{entry.at('date')} must be a date such as 2021-04-25.") from error
        days.append(Day(on, entry.whole("weekday", most=6), entry.whole("week")))
        if len(days) > 1 and (days[-2].on >= on or days[-2].week > days[-1].week):
            raise ValueError(f"{entry.name} must come after the day before it, in date and week.")
    return tuple(days)


def _read_school(entry: _Entry) -> School:
    morning, afternoon = entry.window("am"), entry.window("pm")
    if morning[1] >= afternoon[0]:
        raise ValueError(f"{entry.at('am')} and {entry.at('pm')} overlap.")
    return School(entry.point(), entry.flag("special"), morning, afternoon)


def _read_child(entry: _Entry, schools: int, people: int, children: int) -> Child:
    known = entry.positions("familiar", people, "volunteers")
    strict = entry.flag("only_familiar")
    turning = entry.word("turning", [str(turning) for turning in Turning], default=str(Turning.WISH))
    target = entry.whole("circle_target", default=7)
    if target < 1:
        raise ValueError(f"{entry.at('circle_target')} must be at least 1.")
    return Child(
        point=entry.point(),
        school=entry.position("school", schools, "schools"),
        team=entry.optional("team", MOST_POSITIONS, "teams"),
        wheelchair=entry.flag("wheelchair"),
        child_seat=entry.flag("child_seat"),
        female_driver=entry.word("gender_pref", [None, "F"]) == "F",
        is_girl=entry.word("gender", [None, "F", "M"]) == "F",
        alone=entry.flag("alone"),
        second_adult=entry.flag("second_adult"),
        only_familiar=strict,
        turning=Turning(str(turning)),
        circle_target=target,
        circle=known if strict else (),
        familiar=known,
        banned=entry.positions("banned", people, "volunteers"),
        family=entry.whole("family") if entry.has("family") else None,
        not_with=entry.positions("not_with", children, "children"),
    )


def _read_volunteer(entry: _Entry, days: tuple[Day, ...], people: int) -> Volunteer:
    marks = entry.value("avail")
    if not isinstance(marks, str) or set(marks) - {"0", "1"} or len(marks) not in (10, 14):
        raise ValueError(
            f"{entry.at('avail')} must be ten (or, with a calendar, fourteen) characters 0 and 1."
        )
    return Volunteer(
        point=entry.point(),
        team=entry.optional("team", MOST_POSITIONS, "teams"),
        is_female=entry.word("gender", [None, "F", "M"]) == "F",
        seats=entry.whole("seats", most=60),
        child_seats=entry.whole("child_seats", most=60, default=0),
        wheelchair=entry.flag("wheelchair"),
        cap_week=entry.whole("cap_week"),
        pledge_week=entry.whole("pledge_week"),
        avail=tuple(mark == "1" for mark in marks.ljust(14, "0")),
        blockouts=frozenset(
            days[day].on for day in entry.positions("blockouts", MOST_DAYS, "days") if day < len(days)
        ),
        vetted_until=_last_valid(entry, "vetted_until", days, missing=None),
        licence_until=_last_valid(entry, "licence_until", days, missing=date.max),
        insured_until=_last_valid(entry, "insured_until", days, missing=date.max),
        max_approach_km=entry.number("max_approach_km"),
        girls_only=entry.flag("girls_only"),
        served=entry.whole("served", default=0),
        household=entry.positions("household", people, "volunteers"),
        together=entry.optional("together", people, "volunteers"),
        cap_month=entry.whole("cap_month") if entry.has("cap_month") else None,
        from_on=days[entry.position("from_day", len(days), "days")].on if entry.has("from_day") else None,
        until_on=_last_valid(entry, "until_day", days, missing=None) if entry.has("until_day") else None,
    )


def _last_valid(entry: _Entry, key: str, days: tuple[Day, ...], *, missing: date | None) -> date | None:
    """Return the date of a last valid day, which may lie before or after the file's days."""
    if not entry.has(key):
        return missing
    day = entry.raw[key]
    if isinstance(day, bool) or not isinstance(day, int):
        raise ValueError(f"{entry.at(key)} must be a whole number.")
    if day < 0:
        return days[0].on - timedelta(days=1) if days else None
    return days[day].on if day < len(days) else date.max


def _read_legs(
    top: _Entry, children: Sequence[Child], days: int
) -> tuple[tuple[Leg, ...], dict[tuple[int, int, int], int]]:
    """Return every child's legs but the absent ones, and their positions by (child, day, direction)."""
    sizes = ((len(children), "children"), (days, "days"), (2, "legs"))
    absent = {_numbers(raw, f"absences[{n}]", sizes) for n, raw in enumerate(top.items("absences", []))}
    legs = tuple(
        Leg(child, day, direction)
        for day in range(days)
        for direction in Direction
        for child in range(len(children))
        if (child, day, int(direction)) not in absent
    )
    return legs, {(leg.child, leg.day, int(leg.direction)): index for index, leg in enumerate(legs)}


def _read_runs(top: _Entry, position: Legs, days: int) -> tuple[Run, ...] | None:
    if not top.has("runs"):
        return None
    runs: list[Run] = []
    riding: dict[int, str] = {}
    for entry in top.entries("runs"):
        day, way = entry.position("day", days, "days"), entry.position("leg", 2, "legs")
        legs = []
        for child in entry.items("children"):
            leg = position.get((child, day, way)) if isinstance(child, int) else None
            if leg is None:
                raise ValueError(f"{entry.at('children')}: {child!r} does not ride on that day and leg.")
            if leg in riding:
                raise ValueError(f"{entry.at('children')}: {child} rides in {riding[leg]} already.")
            riding[leg] = entry.name
            legs.append(leg)
        if not legs:
            raise ValueError(f"{entry.at('children')} must not be empty.")
        km = entry.number("km")
        start, end = entry.point("start"), entry.point("end")
        line = entry.whole("line", default=len(runs))
        runs.append(Run(day, Direction(way), tuple(legs), start, end, km, 2 * km, line))
    for (child, day, way), leg in position.items():
        if leg not in riding:
            raise ValueError(f"runs: child {child} rides in none on day {day}, leg {way}, and is not absent.")
    return tuple(runs)


def _read_line(entry: _Entry, children: int) -> Line:
    members = entry.positions("children", children, "children")
    if not members or len(set(members)) < len(members):
        raise ValueError(f"{entry.at('children')} must name children, each once.")
    return Line(Direction(entry.position("leg", 2, "legs")), members, entry.flag("pinned"))


def _read_declined(top: _Entry, runs: tuple[Run, ...] | None, people: int) -> set[tuple[int, int]]:
    sizes = ((len(runs or ()), "runs"), (people, "volunteers"))
    return {
        (found[0], found[1])
        for n, raw in enumerate(top.items("declined", []))
        for found in [_numbers(raw, f"declined[{n}]", sizes)]
    }


def _read_pins(top: _Entry, problem: Problem, declined: set[tuple[int, int]]) -> dict[int, int]:
    """Return who holds which run already. A pin that cannot hold is told with the pin that it fights."""
    previous = top.items("previous", [])
    runs = problem.runs or ()
    if previous and len(previous) != len(runs):
        raise ValueError(f"previous must have one entry per run: {len(runs)}, not {len(previous)}.")
    pins: dict[int, int] = {}
    at: dict[tuple[int, int, int], int] = {}  # (volunteer, day, leg) -> run
    in_week: dict[tuple[int, int], list[int]] = {}
    for run, raw in enumerate(previous):
        if raw is None:
            continue
        who = _position(raw, f"previous[{run}]", len(problem.volunteers), "volunteers")
        if (run, who) in declined:
            continue
        car = runs[run]
        for other in (who, *problem.volunteers[who].household):
            if (other, car.day, int(car.direction)) in at:
                fights = at[other, car.day, int(car.direction)]
                kin = f"volunteer {who}" if other == who else f"{who} and {other} of one household"
                raise ValueError(
                    f"previous[{run}] fights previous[{fights}]: both book {kin} on day {car.day}."
                )
        at[who, car.day, int(car.direction)] = run
        mine = in_week.setdefault((who, problem.days[car.day].week), [])
        mine.append(run)
        cap = problem.volunteers[who].cap_week
        if len(mine) > cap:
            others = ", ".join(f"previous[{other}]" for other in mine[:-1])
            before = f" fights {others}:" if others else ":"
            raise ValueError(f"previous[{run}]{before} volunteers[{who}].cap_week allows {cap} in that week.")
        pins[run] = who
    return pins


def _read_weights(top: _Entry) -> Weights:
    entry = _Entry(top.value("weights", {}), "weights")
    known = {name: entry.whole(name, most=10**9) for name in Weights.__dataclass_fields__ if entry.has(name)}
    return Weights(**{"reserve": 0, **known})


def _look_for_strays(problem: Problem) -> None:
    """Refuse a place far from all others: most often latitude and longitude of some other order."""
    if not problem.schools:
        return
    centre = problem.schools[0].point
    for name in ("teams", "schools", "children", "volunteers"):
        for index, entry in enumerate(getattr(problem, name)):
            if (
                abs(entry.point.lat - centre.lat) + abs(entry.point.lon - centre.lon) > 1
            ):  # spare the arithmetic
                km = km_between(entry.point, centre)
                if km > MOST_KM:
                    raise ValueError(
                        f"{name}[{index}].lat, lon lies {km:,.0f} km from the first school; are they swapped?"
                    )


def _number(found: Any, name: str) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise ValueError(f"{name} must be a number, not {found!r}.")
    return float(found)


def _whole(found: Any, name: str, most: int) -> int:
    if isinstance(found, bool) or not isinstance(found, int):
        raise ValueError(f"{name} must be a whole number, not {found!r}.")
    if found < 0:
        raise ValueError(f"{name} must not be negative.")
    if found > most:
        raise ValueError(f"{name} must be at most {most:,}.")
    return found


def _position(found: Any, name: str, size: int, of: str) -> int:
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found < size:
        raise ValueError(f"{name}: {found!r} is not a position in {of}.")
    return found


def _numbers(raw: Any, name: str, sizes: Sequence[tuple[int, str]]) -> tuple[int, ...]:
    if not isinstance(raw, list) or len(raw) != len(sizes):
        raise ValueError(f"{name} must be a list of {len(sizes)} numbers.")
    return tuple(_position(found, name, size, of) for found, (size, of) in zip(raw, sizes, strict=True))


FIRST_MONDAY = date(2001, 1, 1)  # for files without calendar: any Monday will do
MOST_DAYS = 400
MOST_POSITIONS = 1_000_000  # teams are checked by Problem itself
MOST_KM = 500
ACROSS_SCHOOLS_KM = 4.0
