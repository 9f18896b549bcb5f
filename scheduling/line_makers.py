"""The seam to whoever groups the children of one school and one time into cars: VROOM, or nobody.

A maker sees only numbers, and proposes; what it proposes is checked, mended and merged further by
`scheduling.pooling`. Without a maker each child starts alone and savings do all the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import vroom

from scheduling.tables import Ints
from scheduling.travel import Floats


@dataclass(frozen=True)
class Task:
    """Parties of children who all go from their door to one school, or the other way round.

    `minutes` is (n + 1, n + 1) from row to column; the school is row 0, party i is row i + 1. The other arrays
    have one entry a party.
    """

    minutes: Floats
    to_school: bool
    size: Ints
    child_seats: Ints
    stay: Floats  # minutes at the door
    longest: Floats  # minutes that a ride may take
    max_children: int
    max_child_seats: int
    max_minutes: float
    car_minutes: float  # one car less is worth so many minutes of driving


class LineMaker(Protocol):
    def __call__(self, task: Task) -> list[tuple[int, ...]]:
        """Return cars as positions of parties: every party once. The same task always gives the same cars."""
        ...


def each_alone(task: Task) -> list[tuple[int, ...]]:
    """Leave everything to the savings."""
    return [(party,) for party in range(len(task.size))]


def by_vroom(task: Task) -> list[tuple[int, ...]]:
    """Return VROOM's cars. It knows no limit on rides; with one school, windows at the doors are exactly that:
    who must not ride longer than r is fetched at most r before the car is at school, or brought within r.
    """
    parties = len(task.size)
    if parties < 2:
        return each_alone(task)
    horizon = int(60 * task.max_minutes)
    plan = vroom.Input()
    plan.set_durations_matrix("car", np.ceil(60 * task.minutes).astype(np.uint32))
    end = {"end": 0} if task.to_school else {"start": 0}
    plan.add_vehicle(
        [
            vroom.Vehicle(
                car,
                **end,
                capacity=[task.max_children, task.max_child_seats],
                costs=vroom.VehicleCosts(fixed=round(60 * task.car_minutes)),
                time_window=(0, horizon),
                max_travel_time=horizon,
            )
            for car in range(parties)
        ]
    )
    for party in range(parties):
        load = [int(task.size[party]), int(task.child_seats[party])]
        stay = int(np.ceil(60 * task.stay[party]))
        plan.add_job(
            vroom.Job(
                party,
                location=party + 1,
                default_service=stay,
                time_windows=[_window(60 * float(task.longest[party]), stay, horizon, task.to_school)],
                **{"pickup" if task.to_school else "delivery": load},
            )
        )
    found = plan.solve(exploration_level=EXPLORATION, nb_threads=1).to_dict()
    cars = [
        tuple(sorted(step["id"] for step in route["steps"] if step["type"] == "job"))
        for route in found["routes"]
    ]
    # which of its equal cars drives which line changes from call to call: the order says nothing
    return sorted(cars + [(left["id"],) for left in found["unassigned"]])


def _window(longest: float, stay: int, horizon: int, to_school: bool) -> vroom.TimeWindow:
    if to_school:
        return vroom.TimeWindow(max(0, int(np.ceil(horizon - longest - stay))), horizon)
    return vroom.TimeWindow(0, min(horizon, int(longest)))


EXPLORATION = 1  # of VROOM's 0-5: more takes twice as long for half a per cent of the driving
