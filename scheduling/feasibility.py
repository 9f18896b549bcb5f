"""The hard rules, one small function each.

Every rule answers for a block: rows of a RunTable x all volunteers -> array (rows, V), True where the
volunteer keeps the rule. STANDING rules depend on nobody else's duties; the others ask a `Bookings`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from scheduling.plan import Rule
from scheduling.problem import Direction, Problem, Run, StandbySlot
from scheduling.tables import Bools, Ints, RunTable, Tables

StandingRule = Callable[[Tables, RunTable, Ints], Bools]


def eligible(tables: Tables, runs: RunTable, rows: Ints, *, second: bool = False) -> Bools:
    """Return who may drive (or, with `second`, ride along in) the runs as far as standing rules say: (rows, V)."""
    mask = np.ones((len(rows), len(tables.home)), dtype=bool)
    for rule in SECOND_RULES if second else STANDING:
        mask &= STANDING[rule](tables, runs, rows)
    return mask


class Bookings:
    """Who is already spoken for: slots taken (V, S), duties per week (V, W) and per month (V, M)."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.taken: Bools = tables.busy.copy()
        self.week: Ints = tables.week_used.copy()
        self.month: Ints = tables.month_used.copy()

    def book(self, volunteers: Ints, slots: Ints) -> None:
        """Add one duty for each volunteer in each slot."""
        self.taken[volunteers, slots] = True
        np.add.at(self.week, (volunteers, self.tables.week_of_day[slots // 2]), 1)
        np.add.at(self.month, (volunteers, self.tables.month_of_day[slots // 2]), 1)

    def free(self, volunteers: Ints, slots: Ints) -> None:
        """Take those duties back."""
        self.taken[volunteers, slots] = False
        np.subtract.at(self.week, (volunteers, self.tables.week_of_day[slots // 2]), 1)
        np.subtract.at(self.month, (volunteers, self.tables.month_of_day[slots // 2]), 1)

    def free_slot(self, slot: int) -> Bools:
        """Return who has no duty in the slot yet (H8), shape (V,)."""
        return np.asarray(~self.taken[:, slot], dtype=bool)

    def below_cap(self, slot: int) -> Bools:
        """Return who may take one more duty in the slot's week (H9), shape (V,)."""
        week = self.tables.week_of_day[slot // 2]
        return np.asarray(self.week[:, week] < self.tables.cap_week, dtype=bool)

    def below_month_cap(self, slot: int) -> Bools:
        """Return who may take one more duty in the slot's calendar month, shape (V,)."""
        month = self.tables.month_of_day[slot // 2]
        return np.asarray(self.month[:, month] < self.tables.cap_month, dtype=bool)

    def has_room(self, slot: int) -> Bools:
        """Return who is below both caps, shape (V,)."""
        return self.below_cap(slot) & self.below_month_cap(slot)

    def no_kin(self, slot: int) -> Bools:
        """Return whose household has nobody on duty in the slot (H16), shape (V,)."""
        mask = np.ones(len(self.taken), dtype=bool)
        for a, b in self.tables.household:
            mask[b] &= not self.taken[a, slot]
            mask[a] &= not self.taken[b, slot]
        return mask

    def open(self, slot: int) -> Bools:
        """Return who may still take a duty in the slot, shape (V,)."""
        return self.free_slot(slot) & self.has_room(slot) & self.no_kin(slot)


def promised_bookings(problem: Problem, *, without: int | None = None) -> Bookings:
    """Return what is spoken for by bookings and promises.

    `without`: a run whose people count as free, and so do the standbys who stand by for it.
    """
    bookings, cars = Bookings(problem.tables), problem.runs or ()
    promised = [
        (volunteer, 2 * cars[run].day + cars[run].direction)
        for promises in (problem.promised, problem.promised_second)
        for run, volunteer in promises.items()
        if run != without
    ]
    calling = set() if without is None else set(standbys_of(problem, cars[without]))
    promised += [
        (volunteer, 2 * slot.day + slot.direction)
        for slot, volunteer in problem.promised_standby.items()
        if slot not in calling
    ]
    volunteers, slots = np.array(promised, dtype=np.int64).reshape(-1, 2).T
    bookings.book(volunteers, slots)
    return bookings


def standbys_of(problem: Problem, run: Run) -> list[StandbySlot]:
    """Return the standby slots that serve a run: its children's own, then their teams' (H11)."""
    riders = problem.run_children(run)
    direction = Direction(run.direction)
    own = [StandbySlot(run.day, direction, None, child) for child in riders]
    teams = [StandbySlot(run.day, direction, problem.children[child].team) for child in riders]
    return list(dict.fromkeys([*own, *(slot for slot in teams if slot.team is not None)]))


def promised_counts(problem: Problem, *, without: int | None = None) -> Ints:
    """Return the duties promised per volunteer, shape (V,)."""
    people = [
        volunteer
        for promises in (problem.promised, problem.promised_second)
        for run, volunteer in promises.items()
        if run != without
    ]
    people += problem.promised_standby.values()
    return np.bincount(np.array(people, dtype=np.int64), minlength=len(problem.volunteers))


def beside_partner(problem: Problem, people: Iterable[int | None]) -> Bools:
    """Return who drives alone, or whose partner is one of these people: a run's others. Shape (V,)."""
    together = problem.tables.together
    return np.asarray((together < 0) | np.isin(together, [who for who in people if who is not None]))


def in_rotation(tables: Tables, runs: RunTable, rows: Ints) -> Bools:
    """Has joined the rotation by that date, and not left it."""
    on = tables.ordinal[runs.day[rows]][:, None]
    return np.asarray((tables.from_on <= on) & (on <= tables.until_on), dtype=bool)


def seats_for_two(tables: Tables, runs: RunTable, rows: Ints) -> Bools:
    """Who drives only together with somebody needs a run with a second adult; that both get it is the flow's."""
    return np.asarray((tables.together < 0) | runs.second_adult[rows][:, None], dtype=bool)


def available(tables: Tables, runs: RunTable, rows: Ints) -> Bools:
    """H2: has offered that weekday and half-day."""
    half_day = 2 * tables.weekday[runs.day[rows]] + runs.direction[rows]
    return np.asarray(tables.avail[:, half_day].T, dtype=bool)


def not_blocked_out(tables: Tables, runs: RunTable, rows: Ints) -> Bools:
    """H3: has no blockout on that date."""
    return np.asarray(~tables.blocked[:, runs.day[rows]].T, dtype=bool)


def vetted(tables: Tables, runs: RunTable, rows: Ints) -> Bools:
    """H4: the vetting is valid on that day."""
    return np.asarray(tables.vetted_until >= tables.ordinal[runs.day[rows]][:, None], dtype=bool)


def licensed(tables: Tables, runs: RunTable, rows: Ints) -> Bools:
    """The driving licence is valid on that day."""
    return np.asarray(tables.licence_until >= tables.ordinal[runs.day[rows]][:, None], dtype=bool)


def insured(tables: Tables, runs: RunTable, rows: Ints) -> Bools:
    """H14: the passengers are insured on that day."""
    return np.asarray(tables.insured_until >= tables.ordinal[runs.day[rows]][:, None], dtype=bool)


def enough_seats(tables: Tables, runs: RunTable, rows: Ints) -> Bools:
    """H5: every child has a seat, and so has the second adult."""
    return np.asarray(tables.seats >= runs.seats[rows][:, None], dtype=bool)


def enough_child_seats(tables: Tables, runs: RunTable, rows: Ints) -> Bools:
    """H5: every small child has a child seat."""
    return np.asarray(tables.child_seats >= runs.child_seats[rows][:, None], dtype=bool)


def carries_wheelchair(tables: Tables, runs: RunTable, rows: Ints) -> Bools:
    """H5: a wheelchair goes into the car."""
    return np.asarray(tables.wheelchair | ~runs.wheelchair[rows][:, None], dtype=bool)


def gender_fits(tables: Tables, runs: RunTable, rows: Ints) -> Bools:
    """H6: a woman, where the child is to be escorted by women."""
    return np.asarray(tables.female | ~runs.female_driver[rows][:, None], dtype=bool)


def near_enough(tables: Tables, runs: RunTable, rows: Ints) -> Bools:
    """H7: the way between home and the child's end of the run is within the volunteer's limit."""
    return np.asarray(runs.approach_km(rows) <= tables.max_approach_km + KM_TOLERANCE, dtype=bool)


def not_banned(tables: Tables, runs: RunTable, rows: Ints) -> Bools:
    """H10: no child of the run is closed to this volunteer."""
    mask = np.ones((len(rows), len(tables.home)), dtype=bool)
    for seat in range(runs.children.shape[1]):
        child = runs.children[rows, seat]
        mask &= ~(tables.banned[child] & (child >= 0)[:, None])
    return mask


def takes_boys(tables: Tables, runs: RunTable, rows: Ints) -> Bools:
    """H13: who drives girls only gets girls only."""
    return np.asarray(~tables.girls_only | ~runs.has_boy[rows][:, None], dtype=bool)


def of_the_circle(tables: Tables, runs: RunTable, rows: Ints) -> Bools:
    """H15: a child with only familiar faces is driven by its circle alone."""
    mask = np.ones((len(rows), len(tables.home)), dtype=bool)
    for seat in range(runs.children.shape[1]):
        mask &= tables.circle[runs.children[rows, seat]] | ~runs.familiar_child[rows, seat][:, None]
    return mask


def has_not_declined(tables: Tables, runs: RunTable, rows: Ints) -> Bools:
    """Whoever said no to a leg is not asked for it again."""
    mask = np.ones((len(rows), len(tables.home)), dtype=bool)
    if runs.declined:
        position = {row: place for place, row in enumerate(rows.tolist())}
        for row, volunteer in runs.declined:
            if row in position:
                mask[position[row], volunteer] = False
    return mask


STANDING: dict[Rule, StandingRule] = {  # in the order in which they are told to a human
    Rule.BANNED: not_banned,
    Rule.DECLINED: has_not_declined,
    Rule.NOT_IN_ROTA: in_rotation,
    Rule.ONLY_FAMILIAR: of_the_circle,
    Rule.VETTING: vetted,
    Rule.LICENCE: licensed,
    Rule.INSURANCE: insured,
    Rule.WHEELCHAIR: carries_wheelchair,
    Rule.CHILD_SEATS: enough_child_seats,
    Rule.SEATS: enough_seats,
    Rule.FEMALE_DRIVER: gender_fits,
    Rule.GIRLS_ONLY: takes_boys,
    Rule.TOGETHER: seats_for_two,
    Rule.UNAVAILABLE: available,
    Rule.BLOCKOUT: not_blocked_out,
    Rule.TOO_FAR: near_enough,
}
BOOKED: dict[Rule, Callable[[Bookings, int], Bools]] = {  # what depends on a slot's other duties
    Rule.SAME_HALF_DAY: Bookings.free_slot,
    Rule.HOUSEHOLD: Bookings.no_kin,
    Rule.WEEK_CAP: Bookings.below_cap,
    Rule.MONTH_CAP: Bookings.below_month_cap,
}
# The second adult rides along: no car of theirs is used, all that protects the child holds.
SECOND_RULES = tuple(
    rule
    for rule in STANDING
    if rule not in {Rule.LICENCE, Rule.INSURANCE, Rule.WHEELCHAIR, Rule.CHILD_SEATS, Rule.SEATS}
)
KM_TOLERANCE = 1e-9  # a home exactly on the limit is within it, whatever the rounding
