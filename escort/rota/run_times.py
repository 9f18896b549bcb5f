"""When the children of one car are met: the school's side of each leg holds, the homes are reckoned from it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from escort.rota.models import Leg
from escort.rota.problems import has_point
from scheduling.problem import Direction, Problem, Run

PICKUP_STEP_MINUTES = 5  # times are told in whole five minutes, rounded to the earlier
STOP_MINUTES = 1  # at a home; a wheelchair takes longer
WHEELCHAIR_STOP_MINUTES = 4


def run_times(problem: Problem, run: Run, legs: Sequence[Leg]) -> list[tuple[datetime, datetime]]:
    """Return (pick-up, due) of each leg in visiting order.

    A child alone in a car keeps the times of its own leg: typed by hand, or reckoned from its own kilometres.
    """
    if len(legs) == 1:
        return [_alone(legs[0], run.direction)]
    minutes = _minutes_between(problem, run)
    if run.direction is Direction.TO_SCHOOL:
        due_at = min(leg.due_at for leg in legs)
        left = 0.0
        moments = []
        for order in reversed(range(len(legs))):
            left += minutes[order] + (0 if order == len(legs) - 1 else _stop(problem, run.legs[order + 1]))
            moments.append((floor_to_step(due_at - timedelta(minutes=left)), legs[order].due_at))
        return moments[::-1]
    gone = 0.0
    moments = []
    for order, leg in enumerate(legs):
        gone += minutes[order] + (0 if order == 0 else _stop(problem, run.legs[order - 1]))
        moments.append((leg.pickup_at, leg.pickup_at + timedelta(minutes=round(gone))))
    return moments


def run_length(run: Run, legs: Sequence[Leg]) -> tuple[float, int]:
    """Return a car's kilometres and minutes; those typed in where the way cannot be measured."""
    if all(has_point(leg) for leg in legs):
        return round(run.km, 1), round(run.minutes)
    return round(sum(leg.km for leg in legs), 1), sum(leg.minutes for leg in legs)


def floor_to_step(moment: datetime) -> datetime:
    return moment.replace(minute=moment.minute - moment.minute % PICKUP_STEP_MINUTES, second=0, microsecond=0)


def _alone(leg: Leg, direction: Direction) -> tuple[datetime, datetime]:
    minutes = timedelta(minutes=leg.minutes)
    if direction is not Direction.TO_SCHOOL:
        return leg.pickup_at, leg.pickup_at + minutes
    return leg.pickup_at if leg.by_hand else floor_to_step(leg.due_at - minutes), leg.due_at


def _minutes_between(problem: Problem, run: Run) -> list[float]:
    """Return the driving minutes after each stop (to school) or before each stop (home)."""
    points = [problem.leg_point(leg) for leg in run.legs]
    stops = [*points, run.end] if run.direction is Direction.TO_SCHOOL else [run.start, *points]
    km = problem.travel.km(np.array(stops[:-1]), np.array(stops[1:])).diagonal()
    return [float(minutes) for minutes in problem.travel.minutes(km)]


def _stop(problem: Problem, leg: int) -> int:
    return WHEELCHAIR_STOP_MINUTES if problem.children[problem.legs[leg].child].wheelchair else STOP_MINUTES
