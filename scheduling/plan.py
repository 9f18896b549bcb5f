"""What the planner answers: who drives which run, what stays unfilled and why, and what every wish cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from time import perf_counter

from scheduling.problem import Direction, Run, StandbySlot
from scheduling.routes import PoolRules


class Rule(StrEnum):
    """The hard rules, in the order in which they are told to a human (H numbers: docs of the planner)."""

    BANNED = "banned"  # H10
    DECLINED = "declined"  # has said no to one of these legs
    NOT_IN_ROTA = "not_in_rota"  # has not joined the rotation yet on that day, or has left it
    ONLY_FAMILIAR = "only_familiar"  # H15: not of the child's circle
    VETTING = "vetting"  # H4: not valid on that day
    LICENCE = "licence"  # not valid on that day
    INSURANCE = "insurance"  # H14: not valid on that day
    WHEELCHAIR = "wheelchair"  # H5
    CHILD_SEATS = "child_seats"  # H5
    SEATS = "seats"  # H5
    FEMALE_DRIVER = "female_driver"  # H6
    GIRLS_ONLY = "girls_only"  # H13
    TOGETHER = "together"  # drives only as one of a couple, and the other seat is not theirs
    UNAVAILABLE = "unavailable"  # H2: not on that weekday and half-day
    BLOCKOUT = "blockout"  # H3
    TOO_FAR = "too_far"  # H7
    OTHER_TEAM = "other_team"  # H11: standbys only
    SAME_HALF_DAY = "same_half_day"  # H8: already has a duty then
    HOUSEHOLD = "household"  # H16: somebody of the household has a duty then
    WEEK_CAP = "week_cap"  # H9
    MONTH_CAP = "month_cap"  # the same for a calendar month


class Cause(StrEnum):
    """Why a run has no driver."""

    NOBODY = "nobody"  # no volunteer passes the hard rules
    SHORTAGE = "shortage"  # those who could are all needed for other runs
    NO_SECOND = "no_second"  # a driver, but no second adult


@dataclass(frozen=True, slots=True)
class Relaxation:
    """What giving way in one rule would bring. `amount` is km for too_far, duties for week_cap."""

    rule: Rule
    amount: float | None
    people: int


@dataclass(frozen=True, slots=True)
class Unfilled:
    """A run without driver. `blocked` counts volunteers by the first rule that each one breaks."""

    run: int
    code: Cause
    blocked: tuple[tuple[Rule, int], ...]
    relaxations: tuple[Relaxation, ...]
    proven: bool  # the flow proves that this or as many other legs must stay uncovered
    group: int  # position in Plan.shortages


@dataclass(frozen=True, slots=True)
class Shortage:
    """Unfilled runs with one cause between them: `need` names the rule that leaves fewest volunteers."""

    code: Cause
    need: Rule
    weekday: int
    direction: Direction
    runs: tuple[int, ...]
    proven: bool


@dataclass(frozen=True, slots=True)
class Repeat:
    """A child has a driver whom it also had on its service day before."""

    run: int
    child: int
    volunteer: int


@dataclass(frozen=True, slots=True)
class Standby:
    slot: StandbySlot
    volunteer: int


@dataclass(frozen=True, slots=True)
class Parts:
    """The value of each wish, weighed (PLANNER section 3). Smaller is better."""

    uncovered_child_leg: int = 0
    uncovered_standby: int = 0
    km: int = 0
    load: int = 0
    repeat: int = 0
    pair: int = 0
    circle_over: int = 0
    reserve: int = 0

    @property
    def soft(self) -> int:
        """Return all but the two uncovered terms."""
        return self.km + self.load + self.repeat + self.pair + self.circle_over + self.reserve

    @property
    def total(self) -> int:
        return self.soft + self.uncovered_child_leg + self.uncovered_standby


@dataclass(frozen=True, slots=True)
class Limits:
    """How hard to try. Without `seconds` the same problem and seed always give the same plan."""

    sweeps: int = 8
    halvings: int = 3
    pooling: PoolRules = field(default_factory=PoolRules)
    moves_per_duty: int = 800  # of the annealing, where no `seconds` are given
    most_moves: int = 6_000_000
    bound_rounds: int = (
        0  # of a better proof of how near the plan is to the best one; 0: the flow's bound alone
    )
    seconds: float | None = None  # the search stops when as many are used; the flow is never cut short
    clock: Callable[[], float] = perf_counter


class PinFault(StrEnum):
    """Why a line cannot be driven as the coordinator pinned it."""

    TAKEN = "taken"  # one of its children is pinned to another line
    TOO_MANY = "too_many"
    CHILD_SEATS = "child_seats"
    RIDES_ALONE = "rides_alone"  # wheelchair, second adult, or the child's rule
    FAMILIAR_ONLY = "familiar_only"  # only familiar faces, and not the same ones
    NOT_WITH = "not_with"  # two who may not ride together
    OTHER_TIMES = "other_times"
    SCHOOLS_APART = "schools_apart"
    TOO_LONG = "too_long"  # no way keeps everybody's ride short enough


@dataclass(frozen=True, slots=True)
class BrokenPin:
    """A pinned line (position in Problem.lines) that was not kept; `other` is the pin that it fights."""

    line: int
    fault: PinFault
    children: tuple[int, ...]
    other: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Runs (those of the problem first, unchanged, then pooled ones) and who does them.

    `driver`, `second`: per run a position in the problem's volunteers, or None.
    `least_uncovered`: child legs that no choice of drivers for these runs can cover (the flow's proof).
    `floor_uncovered`: the same for any pooling at all. `bound`: proven least of `parts.total`.
    """

    runs: tuple[Run, ...]
    driver: tuple[int | None, ...]
    second: tuple[int | None, ...]
    standby: tuple[Standby, ...]
    standby_missing: tuple[StandbySlot, ...]
    unfilled: tuple[Unfilled, ...]
    shortages: tuple[Shortage, ...]
    repeats: tuple[Repeat, ...]
    parts: Parts
    uncovered_legs: int
    least_uncovered: int
    floor_uncovered: int
    bound: int
    seed: int
    seconds: float
    broken_pins: tuple[BrokenPin, ...] = ()

    @property
    def could_be_better_by(self) -> float:
        """Return by which part of its wishes' price a better plan could be cheaper at most: 0.04 is 4 %."""
        return (self.parts.total - self.bound) / self.parts.soft if self.parts.soft else 0.0

    @property
    def is_proven_best(self) -> bool:
        """Return whether no choice of drivers for these runs covers more legs."""
        return self.uncovered_legs == self.least_uncovered
