"""Does a plan keep the rules? Written apart from the planner, in plain Python: it imports nothing of it.

Reads the two files as they are (problem and plan, docs/planner.md), tells every broken rule H1-H16 and P1-P6 in a
sentence, and adds the objective up anew. A promise of `previous` is kept even where a rule has changed since, so
rules about the person are not asked of it.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

Object = dict[str, Any]
Slot = tuple[int, int]  # day, leg


@dataclass
class Report:
    """What is broken, and what the plan costs in the parts of the objective."""

    broken: list[str] = field(default_factory=list)
    parts: dict[str, int] = field(default_factory=dict)
    uncovered_legs: int = 0

    def say(self, sentence: str) -> None:
        self.broken.append(sentence)


def check_files(problem_path: Path, plan_path: Path) -> Report:
    """Return what is broken in a plan file, and its parts. Raises ValueError for what is no plan at all."""
    problem = json.loads(problem_path.read_text(encoding="utf-8"))
    plan = json.loads(plan_path.read_text(encoding="utf-8"))
    try:
        return check(problem, plan)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"This is no plan for {problem_path.name}: {error!r}.") from error


def check(problem: Object, plan: Object) -> Report:
    """Return what is broken in a plan, and its parts."""
    return _Check(problem, plan).report()


class _Check:
    def __init__(self, problem: Object, plan: Object) -> None:
        self.problem, self.plan = problem, plan
        self.children: list[Object] = problem["children"]
        self.people: list[Object] = problem["volunteers"]
        self.found = Report()
        self.days: int = len(problem["calendar"]) if "calendar" in problem else problem["days"]
        calendar = problem.get("calendar") or [{"weekday": d % 5, "week": d // 5} for d in range(self.days)]
        self.weekday = [day["weekday"] for day in calendar]
        self.week = [day["week"] for day in calendar]
        self.month = [_month(day.get("date"), number) for number, day in enumerate(calendar)]
        self.pooled = problem.get("runs") is None
        self.runs: list[Object] = list(self._pooled_runs()) if self.pooled else problem["runs"]
        self.driver: list[int | None] = plan["driver"]
        self.second: list[int | None] = plan.get("second") or [None] * len(self.runs)
        self.previous: list[int | None] = problem.get("previous") or [None] * len(self.runs)
        self.standby: list[list[int]] = plan.get("standby", [])
        self.own_standby: list[list[int]] = plan.get("standby_of_child", [])

    def report(self) -> Report:
        if self._entries_fit():
            self._people_fit()
            self._standbys_fit()
            self._bookings_fit()
            self._add_up()
            if self.pooled:
                self._pooling_fits()
        return self.found

    def _entries_fit(self) -> bool:
        """H1. Whatever else is wrong can only be told of entries that exist."""
        say = self.found.say
        for name, entries in (("driver", self.driver), ("second", self.second)):
            if len(entries) != len(self.runs):
                say(f"H1: {name} has {len(entries)} entries for {len(self.runs)} runs.")
        everybody = [*self.driver, *self.second, *(row[-1] for row in self.standby + self.own_standby)]
        for who in everybody:
            if who is not None and not (isinstance(who, int) and 0 <= who < len(self.people)):
                say(f"H1: {who!r} is no volunteer.")
        for row in self.standby + self.own_standby:
            if len(row) != 4 or not (0 <= row[1] < self.days and row[2] in (0, 1)):
                say(f"H1: standby {row} is not of these days.")
        teams = len(self.problem.get("teams", []))
        self.found.broken += [
            f"H1: standby {row} names no team." for row in self.standby if not 0 <= row[0] < teams
        ]
        return not self.found.broken

    def _people_fit(self) -> None:
        declined = {tuple(pair) for pair in self.problem.get("declined", [])}
        for number, run in enumerate(self.runs):
            driver, second = self.driver[number], self.second[number]
            needs_two = any(self.children[child].get("second_adult") for child in run["children"])
            if needs_two and driver is not None and second is None:
                self.found.say(f"H12: run {number} has no second adult.")
            if second is not None and not needs_two:
                self.found.say(f"H12: run {number} has a second adult whom no child needs.")
            for who, drives in ((driver, True), (second, False)):
                if who is None:
                    continue
                if (number, who) in declined:
                    self.found.say(f"Run {number}: volunteer {who} has declined it.")
                other = second if drives else driver
                if self.people[who].get("together") not in (None, other):
                    self.found.say(f"Run {number}: volunteer {who} takes a seat only beside his partner.")
                if not (drives and self.previous[number] == who):
                    for rule in self._broken_by(who, run, drives=drives):
                        self.found.say(f"{rule}: run {number}, volunteer {who}.")

    def _broken_by(self, who: int, run: Object, *, drives: bool) -> Iterator[str]:
        person, riders = self.people[who], [self.children[child] for child in run["children"]]
        yield from self._broken_by_day(person, run["day"], run["leg"], drives=drives)
        if drives:
            seats = len(riders) + any(rider.get("second_adult") for rider in riders)
            if seats > person["seats"]:
                yield "H5 seats"
            if sum(bool(rider.get("child_seat")) for rider in riders) > person.get("child_seats", 0):
                yield "H5 child seats"
            if any(rider.get("wheelchair") for rider in riders) and not person.get("wheelchair"):
                yield "H5 wheelchair"
        if any(rider.get("gender_pref") == "F" for rider in riders) and person.get("gender") != "F":
            yield "H6 gender"
        home_end = run["start"] if run["leg"] == 0 else run["end"]
        if _km(_home(person), home_end) > person["max_approach_km"] + TINY:
            yield "H7 approach"
        if any(who in rider.get("banned", []) for rider in riders):
            yield "H10 banned"
        if person.get("girls_only") and not all(rider.get("gender") == "F" for rider in riders):
            yield "H13 girls only"
        if any(rider.get("only_familiar") and who not in rider.get("familiar", []) for rider in riders):
            yield "H15 only familiar"

    def _broken_by_day(self, person: Object, day: int, leg: int, *, drives: bool) -> Iterator[str]:
        half_day = 2 * self.weekday[day] + leg
        if half_day >= len(person["avail"]) or person["avail"][half_day] != "1":
            yield "H2 available"
        if day in person.get("blockouts", []):
            yield "H3 blockout"
        if person.get("vetted_until") is None or person["vetted_until"] < day:
            yield "H4 vetting"
        for paper in ("insured_until", "licence_until"):
            if drives and person.get(paper) is not None and person[paper] < day:
                yield "H14 insurance" if paper == "insured_until" else "licence"
        if not person.get("from_day", 0) <= day <= person.get("until_day", day):
            yield "not in the rotation"

    def _standbys_fit(self) -> None:
        """H11: one a slot, of the team's own people; of the circle for a child with only familiar faces."""
        for row in self.standby:
            for rule in self._broken_by_day(self.people[row[3]], row[1], row[2], drives=True):
                self.found.say(f"{rule}: standby {row}.")
            if self.people[row[3]].get("team") != row[0]:
                self.found.say(f"H11 other team: standby {row}.")
        for row in self.own_standby:
            child = self.children[row[0]]
            if not child.get("only_familiar") or row[3] not in child.get("familiar", []):
                self.found.say(f"H11 circle: standby {row} of a child.")
        for rows in (self.standby, self.own_standby):
            for entry, times in Counter(tuple(row[:3]) for row in rows).items():
                if times > 1:
                    self.found.say(f"H11 one per slot: {list(entry)} has {times} standbys.")

    def _booked(self) -> list[tuple[int, int, int]]:
        """Return every duty as (volunteer, day, leg)."""
        seats = [
            (who, run["day"], run["leg"])
            for entries in (self.driver, self.second)
            for run, who in zip(self.runs, entries, strict=True)
            if who is not None
        ]
        return seats + [(row[3], row[1], row[2]) for row in self.standby + self.own_standby]

    def _bookings_fit(self) -> None:
        booked = Counter(self._booked())
        weeks: Counter[tuple[int, int]] = Counter()
        months: Counter[tuple[int, int]] = Counter()
        for (who, day, leg), times in booked.items():
            weeks[who, self.week[day]] += times
            months[who, self.month[day]] += times
            if times > 1:
                self.found.say(f"H8: volunteer {who} has {times} duties on day {day}, leg {leg}.")
            for other in self.people[who].get("household", []):
                if (other, day, leg) in booked:
                    self.found.say(
                        f"H16: volunteers {who} and {other} of one household on day {day}, leg {leg}."
                    )
        for (who, week), duties in weeks.items():
            if duties > self.people[who]["cap_week"]:
                self.found.say(f"H9: volunteer {who} has {duties} duties in week {week}.")
        for (who, _), duties in months.items():
            cap = self.people[who].get("cap_month")
            if cap is not None and duties > cap:
                self.found.say(f"Volunteer {who} has {duties} duties in a month; his limit is {cap}.")

    def _add_up(self) -> None:
        """Add the objective up, and compare with what the plan says of itself."""
        weights = {**WEIGHTS, **self.problem.get("weights", {})}
        open_runs = [
            run
            for run, driver, second in zip(self.runs, self.driver, self.second, strict=True)
            if driver is None
            or (second is None and any(self.children[child].get("second_adult") for child in run["children"]))
        ]
        self.found.uncovered_legs = sum(len(run["children"]) for run in open_runs)
        faces: dict[int, set[int]] = defaultdict(set)
        met: dict[tuple[int, int], set[int]] = defaultdict(set)
        for run, who in zip(self.runs, self.driver, strict=True):
            for child in run["children"] if who is not None else []:
                faces[child].add(who)  # type: ignore[arg-type]
                met[child, run["day"]].add(who)  # type: ignore[arg-type]
        strangers = familiar = beyond = 0
        for child, drivers in faces.items():
            known = len(drivers & set(self.children[child].get("familiar", [])))
            familiar, strangers = familiar + known, strangers + len(drivers) - known
            beyond += max(0, len(drivers) - self.children[child].get("circle_target", 7))
        parts = {
            "uncovered_child_leg": weights["uncovered_child_leg"] * self.found.uncovered_legs,
            "uncovered_standby": weights["uncovered_standby"] * self._missing_standbys(),
            "km": sum(self._km_price(weights["km"])),
            "load": self._load(weights["load"]),
            "repeat": sum(
                self._repeat_weight(child, weights) * len(drivers & met.get((child, day - 1), set()))
                for (child, day), drivers in met.items()
            ),
            "pair": weights["pair_new"] * strangers + weights["pair_known"] * familiar,
            "circle_over": weights["circle_over"] * beyond,
        }
        self.found.parts = parts
        said = self.plan.get("parts", {})
        for name, amount in parts.items():
            if name in said and said[name] != amount:
                self.found.say(f"parts.{name}: the plan says {said[name]}, it is {amount}.")
        bound = self.plan.get("bound")
        if bound is not None and bound > sum(parts.values()) + said.get("reserve", 0):
            self.found.say(f"bound: {bound} is above the plan's own total {sum(parts.values())}.")

    def _km_price(self, weight: int) -> Iterator[int]:
        for run, *people in zip(self.runs, self.driver, self.second, strict=True):
            for who in people:
                if who is not None:
                    home = _home(self.people[who])
                    yield round(weight * (_km(home, run["start"]) + _km(run["end"], home)))

    def _load(self, weight: int) -> int:
        duties = Counter(who for who, _, _ in self._booked())
        weeks = max(len(set(self.week)) + self.problem.get("past_weeks", 0), 1)
        total = 0
        for who, count in duties.items():
            pledged = max(self.people[who]["pledge_week"], 1) * weeks
            before = self.people[who].get("served", 0)
            total += sum(
                round(weight / pledged * (2 * nth - 1)) for nth in range(before + 1, before + count + 1)
            )
        return total

    def _repeat_weight(self, child: int, weights: dict[str, int]) -> int:
        words = {"any": 0, "wish": weights["repeat"], "rule": weights["repeat_rule"]}
        return words[self.children[child].get("turning") or "wish"]

    def _missing_standbys(self) -> int:
        """Return how many are wanted (one per team and half-day on which a child of it rides) and not there."""
        if not self.problem.get("standby"):
            return 0
        teams, own = set(), set()
        for run in self.runs:
            for child in run["children"]:
                if self.children[child].get("only_familiar"):
                    own.add((child, run["day"], run["leg"]))
                elif self.children[child].get("team") is not None:
                    teams.add((self.children[child]["team"], run["day"], run["leg"]))
        there = {tuple(row[:3]) for row in self.standby}
        return len(teams - there) + len(own - {tuple(row[:3]) for row in self.own_standby})

    def _pooled_runs(self) -> Iterator[Object]:
        for part in self.plan["pooling"]:
            for route in part["routes"]:
                stops = route["stops"]
                fetched = [stop["child"] for stop in stops if stop["kind"] == "pickup"]
                brought = [stop["child"] for stop in stops if stop["kind"] == "dropoff"]
                order = fetched if part["leg"] == 0 else brought
                ends = self._place(stops[0], part["leg"]), self._place(stops[-1], part["leg"])
                yield {
                    "day": part["day"],
                    "leg": part["leg"],
                    "children": order,
                    "start": ends[0],
                    "end": ends[1],
                    "route": route,
                }

    def _pooling_fits(self) -> None:
        say = self.found.say
        absent = {tuple(absence) for absence in self.problem.get("absences", [])}
        wanted = {
            (child, day, leg)
            for child in range(len(self.children))
            for day in range(self.days)
            for leg in (0, 1)
            if (child, day, leg) not in absent
        }
        riding = Counter((child, run["day"], run["leg"]) for run in self.runs for child in run["children"])
        for ride in sorted(wanted ^ set(riding)):
            say(f"P1: child {ride[0]} on day {ride[1]}, leg {ride[2]}: rides {riding[ride]} times.")
        for ride, times in riding.items():
            if times > 1:
                say(f"P1: child {ride[0]} on day {ride[1]}, leg {ride[2]}: rides {times} times.")
        for number, run in enumerate(self.runs):
            if run["route"].get("volunteer") != self.driver[number]:
                say(f"H1: route {number} names another volunteer than driver[{number}].")
            for sentence in self._route_faults(run):
                say(f"{sentence}: run {number}.")

    def _route_faults(self, run: Object) -> Iterator[str]:
        stops: list[Object] = run["route"]["stops"]
        when: dict[tuple[int, str], float] = {(stop["child"], stop["kind"]): stop["t"] for stop in stops}
        if len(when) != len(stops) or any((child, "dropoff") not in when for child, _ in when):
            yield "P2 somebody is left in the car, or stops twice"
            return
        place = [self._place(stop, run["leg"]) for stop in stops]
        for here, there, earlier, later in zip(place, place[1:], stops, stops[1:], strict=False):
            least = self._service(earlier, run["leg"]) + 2 * _km(here, there)
            if later["t"] + MINUTES_SLACK < earlier["t"] + least:
                yield "P4 driven faster than the road allows"
        for child in run["children"]:
            rider = self.children[child]
            school = self.problem["schools"][rider["school"]]
            fetched, brought = when.get((child, "pickup"), math.inf), when[child, "dropoff"]
            if fetched > brought:
                yield "P2 brought before fetched"
                continue
            at_school = brought if run["leg"] == 0 else fetched
            low, high = school["am" if run["leg"] == 0 else "pm"]
            if not low - MINUTES_SLACK <= at_school <= high + MINUTES_SLACK:
                yield "P3 outside the school's window"
            direct = 2 * _km(_home(rider), _home(school))
            boarding = self._service({"child": child, "kind": "pickup"}, run["leg"])
            if brought - fetched - boarding > 1.5 * direct + 10 + MINUTES_SLACK:
                yield "P5 a ride too long"
            if len(run["children"]) > 1 and (rider.get("alone") or rider.get("second_adult")):
                yield "P6 a child who rides alone has company"
            if set(rider.get("not_with", [])) & set(run["children"]):
                yield "P6 two who may not ride together do"

    def _place(self, stop: Object, leg: int) -> tuple[float, float]:
        at_home = (stop["kind"] == "pickup") == (leg == 0)
        child = self.children[stop["child"]]
        return _home(child if at_home else self.problem["schools"][child["school"]])

    def _service(self, stop: Object, leg: int) -> float:
        """Return the minutes that a stop takes: at homes, none at the school."""
        if (stop["kind"] == "pickup") != (leg == 0):
            return 0.0
        return 4.0 if self.children[stop["child"]].get("wheelchair") else 1.0


def _home(entry: Object) -> tuple[float, float]:
    return entry["lat"], entry["lon"]


def _km(a: Any, b: Any) -> float:
    """Return 1.3 x haversine."""
    lat_a, lon_a, lat_b, lon_b = (math.radians(angle) for angle in (*a, *b))
    half_chord = (
        math.sin((lat_b - lat_a) / 2) ** 2
        + math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    )
    return 1.3 * 2 * 6371.0088 * math.asin(math.sqrt(min(1.0, half_chord)))


def _month(on: str | None, number: int) -> int:
    """Return a number for the calendar month; files without dates begin in January 2001, a Monday."""
    if on is None:
        found = date.fromordinal(date(2001, 1, 1).toordinal() + 7 * (number // 5) + number % 5)
    else:
        found = date.fromisoformat(on)
    return 12 * found.year + found.month


WEIGHTS = {
    "uncovered_child_leg": 1_000_000,
    "uncovered_standby": 20_000,
    "km": 10,
    "load": 100,
    "repeat": 300,
    "repeat_rule": 20_000,
    "pair_new": 120,
    "pair_known": 40,
    "circle_over": 300,
}
TINY = 1e-6  # km
MINUTES_SLACK = 0.11  # times are written with one decimal
