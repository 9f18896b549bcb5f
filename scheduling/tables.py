"""A problem as numpy arrays: what the rules and costs are computed on.

Shapes: V volunteers, C children, D days, S = 2 D slots, W weeks, M months, R runs. `Tables` belongs to a problem and
is built once; `RunTable` belongs to a list of runs, which changes when runs are pooled or halved.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from scheduling.problem import Direction, Point, Problem, Run, month_number
from scheduling.travel import Floats, as_array

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


class Tables:
    """Volunteers, children and days of a problem as arrays."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._read_days(problem)
        self._read_volunteers(problem)
        self._read_children(problem)
        self._read_bookings(problem)

    def _read_days(self, problem: Problem) -> None:
        weeks = sorted({day.week for day in problem.days})
        self.week_position = {week: position for position, week in enumerate(weeks)}
        self.week_of_day = np.array([self.week_position[day.week] for day in problem.days], dtype=np.int64)
        self.weekday = np.array([day.weekday for day in problem.days], dtype=np.int64)
        self.ordinal = np.array([day.on.toordinal() for day in problem.days], dtype=np.int64)
        self.weeks = len(weeks)
        months = sorted({month_number(day.on) for day in problem.days})
        self.month_position = {month: position for position, month in enumerate(months)}
        self.month_of_day = np.array(
            [self.month_position[month_number(day.on)] for day in problem.days], dtype=np.int64
        )
        self.months = len(months)

    def _read_volunteers(self, problem: Problem) -> None:
        people = problem.volunteers
        self.home = as_array([v.point for v in people])
        self.team = np.array([-1 if v.team is None else v.team for v in people], dtype=np.int64)
        self.female = np.array([v.is_female for v in people], dtype=bool)
        self.seats = np.array([v.seats for v in people], dtype=np.int64)
        self.child_seats = np.array([v.child_seats for v in people], dtype=np.int64)
        self.wheelchair = np.array([v.wheelchair for v in people], dtype=bool)
        self.girls_only = np.array([v.girls_only for v in people], dtype=bool)
        self.max_approach_km = np.array([v.max_approach_km for v in people], dtype=np.float64)
        self.cap_week = np.array([v.cap_week for v in people], dtype=np.int64)
        self.cap_month = np.array(
            [NO_CAP if v.cap_month is None else v.cap_month for v in people], dtype=np.int64
        )
        self.together = np.array([-1 if v.together is None else v.together for v in people], dtype=np.int64)
        self.from_on = _ordinals([v.from_on for v in people])
        self.until_on = _ordinals([v.until_on or date.max for v in people])
        self.avail = np.array([v.avail for v in people], dtype=bool).reshape(-1, 14)
        self.vetted_until = _ordinals([v.vetted_until for v in people])
        self.licence_until = _ordinals([v.licence_until for v in people])
        self.insured_until = _ordinals([v.insured_until for v in people])
        self.blocked = np.zeros((len(people), len(problem.days)), dtype=bool)
        position = {day.on: index for index, day in enumerate(problem.days)}
        for index, volunteer in enumerate(people):
            for on in volunteer.blockouts & position.keys():
                self.blocked[index, position[on]] = True
        self._read_pledges(problem)
        self.household = sorted(
            {(min(i, j), max(i, j)) for i, volunteer in enumerate(people) for j in volunteer.household}
        )
        self.couples = [(i, int(j)) for i, j in enumerate(self.together) if i < j]

    def _read_pledges(self, problem: Problem) -> None:
        """Count the weeks for which each one's pledge stands: those in which he is in the rotation.

        `pledged`: duties in these weeks, and what he still owes of the past ones.
        """
        present = (self.from_on[:, None] <= self.ordinal) & (self.ordinal <= self.until_on[:, None])
        weeks = np.zeros((len(present), self.weeks), dtype=bool)
        for day, week in enumerate(self.week_of_day):
            weeks[:, week] |= present[:, day]
        since = (self.ordinal[0] - self.from_on + 6) // 7 if len(self.ordinal) else self.from_on
        past = np.clip(since, 0, problem.past_weeks)
        pledge: Ints = np.array([v.pledge_week for v in problem.volunteers], dtype=np.int64)
        owed = pledge * past - np.array([v.served for v in problem.volunteers], dtype=np.int64)
        self.pledged: Ints = pledge * weeks.sum(axis=1) + np.maximum(owed, 0)
        self.load_unit: Floats = problem.weights.load / (
            np.maximum(pledge, 1) * np.maximum(weeks.sum(axis=1) + past, 1)
        )

    def _read_children(self, problem: Problem) -> None:
        children, people = problem.children, len(problem.volunteers)
        self.known = np.zeros((len(children), people), dtype=bool)
        self.circle = np.zeros((len(children), people), dtype=bool)
        self.banned = np.zeros((len(children), people), dtype=bool)
        for index, child in enumerate(children):
            self.known[index, list(child.familiar + child.circle)] = True
            self.circle[index, list(child.circle)] = True
            self.banned[index, list(child.banned)] = True
        strict = [index for index, child in enumerate(children) if child.only_familiar]
        self.in_strict_circle: Bools = np.asarray(self.circle[strict].any(axis=0), dtype=bool)
        for index, turns in problem.last_served.items():
            self.known[index, [turn.volunteer for turn in turns]] = True
        self.circle_target = np.array([child.circle_target for child in children], dtype=np.int64)
        weights = {"any": 0, "wish": problem.weights.repeat, "rule": problem.weights.repeat_rule}
        self.repeat_cost = np.array([weights[child.turning] for child in children], dtype=np.int64)
        self._read_turns(problem)

    def _read_turns(self, problem: Problem) -> None:
        """Lay out, per child, which day comes before and after: shifted by one, day 0 is the past."""
        children, days = len(problem.children), len(problem.days)
        rides = np.zeros((children, days), dtype=bool)
        for leg in problem.legs:
            rides[leg.child, leg.day] = True
        if problem.turns_by_school_day:
            rides[:] = True
        self.day_before = np.zeros((children, days + 1), dtype=np.int64)
        self.day_after = np.zeros((children, days + 1), dtype=np.int64)
        before, after = np.zeros(children, dtype=np.int64), np.zeros(children, dtype=np.int64)
        for day in range(days):
            self.day_before[:, day + 1] = before
            before = np.where(rides[:, day], day + 1, before)
        for day in reversed(range(days)):
            self.day_after[:, day + 1] = after
            after = np.where(rides[:, day], day + 1, after)
        self.past_drivers = np.full((children, 2), -1, dtype=np.int64)
        for child, turns in problem.last_served.items():
            last = max((turn.on for turn in turns), default=None)
            drivers = sorted({turn.volunteer for turn in turns if turn.on == last})[:2]
            self.past_drivers[child, : len(drivers)] = drivers

    def _read_bookings(self, problem: Problem) -> None:
        """Lay out what is spoken for before anything is planned: slots taken, duties a week, a month, in all."""
        people = len(problem.volunteers)
        self.busy = np.zeros((people, problem.slots), dtype=bool)
        self.week_used = np.zeros((people, self.weeks), dtype=np.int64)
        self.month_used = np.zeros((people, self.months), dtype=np.int64)
        self.served = np.array([v.served for v in problem.volunteers], dtype=np.int64)
        for booking in problem.busy:
            self.busy[booking.volunteer, 2 * booking.day + booking.direction] = True
            self.week_used[booking.volunteer, self.week_of_day[booking.day]] += 1
            self.month_used[booking.volunteer, self.month_of_day[booking.day]] += 1
            self.served[booking.volunteer] += 1
        for (volunteer, week), duties in problem.week_used.items():
            self.served[volunteer] += duties
            if week in self.week_position:
                self.week_used[volunteer, self.week_position[week]] += duties
        for (volunteer, month), duties in problem.month_used.items():
            if month in self.month_position:
                self.month_used[volunteer, self.month_position[month]] += duties


class RunTable:
    """Runs as arrays. `children` is (R, most children in a run), filled up with -1."""

    def __init__(self, problem: Problem, runs: Sequence[Run]) -> None:
        self.runs = tuple(runs)
        tables = problem.tables
        self.day = np.array([run.day for run in runs], dtype=np.int64)
        self.direction = np.array([run.direction for run in runs], dtype=np.int64)
        self.slot = 2 * self.day + self.direction
        self.week = tables.week_of_day[self.day] if len(self.runs) else self.day
        self.size = np.array([len(run.legs) for run in runs], dtype=np.int64)
        self.children = np.full((len(self.runs), int(self.size.max(initial=1))), -1, dtype=np.int64)
        for row, run in enumerate(runs):
            self.children[row, : len(run.legs)] = problem.run_children(run)
        self._sum_needs(problem)
        self._measure(problem)
        declined: dict[int, list[int]] = {}
        for leg, volunteer in problem.declined:
            declined.setdefault(leg, []).append(volunteer)
        self.declined = [
            (row, volunteer)
            for row, run in enumerate(runs)
            for leg in run.legs
            for volunteer in declined.get(leg, ())
        ]

    def _sum_needs(self, problem: Problem) -> None:
        """A run needs what its children need together."""
        children = problem.children
        flags = np.array(
            [
                (c.wheelchair, c.child_seat, c.female_driver, c.is_girl, c.second_adult, c.only_familiar)
                for c in children
            ],
            dtype=bool,
        ).reshape(-1, 6)
        flags = np.vstack([flags, np.zeros((1, 6), dtype=bool)])  # row -1: nobody
        present = self.children >= 0
        self.wheelchair = flags[self.children, 0].any(axis=1)
        self.child_seats = flags[self.children, 1].sum(axis=1)
        self.female_driver = flags[self.children, 2].any(axis=1)
        self.has_boy = (present & ~flags[self.children, 3]).any(axis=1)
        self.second_adult = flags[self.children, 4].any(axis=1)
        self.only_familiar = flags[self.children, 5].any(axis=1)
        self.familiar_child = present & flags[self.children, 5]
        self.seats = self.size + self.second_adult

    def _measure(self, problem: Problem) -> None:
        """Measure every volunteer to every different end of a run; a run knows only the row."""
        tables, travel = problem.tables, problem.travel
        near, self.near_row = _unique_points([run.approach for run in self.runs])
        far, self.far_row = _unique_points(
            [run.end if run.direction is Direction.TO_SCHOOL else run.start for run in self.runs]
        )
        self.near_km = travel.km(near, tables.home)
        self.far_km = travel.km(far, tables.home)

    def approach_km(self, rows: Ints) -> Floats:
        """Return the km from every volunteer's home to the child's end of the runs, shape (rows, V)."""
        return self.near_km[self.near_row[rows]]

    def detour_km(self, rows: Ints, volunteers: Ints) -> Floats:
        """Return approach + return in km for pairs of run and volunteer, shape (pairs,)."""
        near = self.near_km[self.near_row[rows], volunteers]
        return np.asarray(near + self.far_km[self.far_row[rows], volunteers], dtype=np.float64)


def _unique_points(points: list[Point]) -> tuple[Floats, Ints]:
    position: dict[Point, int] = {}
    rows = [position.setdefault(point, len(position)) for point in points]
    return as_array(list(position)), np.array(rows, dtype=np.int64)


def _ordinals(dates: list[date | None]) -> Ints:
    return np.array([0 if on is None else on.toordinal() for on in dates], dtype=np.int64)


NO_CAP = 1 << 30  # more duties than any month has
