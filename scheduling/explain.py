"""Why this driver, why not that one, why nobody. Codes and numbers; the sentences are escort's."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from scheduling.cost import km_price, reserve_price
from scheduling.feasibility import (
    BOOKED,
    SECOND_RULES,
    STANDING,
    Bookings,
    beside_partner,
    promised_bookings,
    promised_counts,
    standbys_of,
)
from scheduling.flow import Duties
from scheduling.plan import Cause, Plan, Relaxation, Rule, Shortage, Unfilled
from scheduling.problem import Direction, Problem
from scheduling.slots import Ledger
from scheduling.tables import Bools, Ints, RunTable


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may drive a run, and what speaks for and against, in the plan's prices."""

    volunteer: int
    price: int  # the sum of the seven below; candidates are ranked by it
    km: int
    load: int
    repeat: int
    pair: int
    circle_over: int
    reserve: int
    detour_km: float  # approach + return
    approach_km: float
    rides_before: int  # promised or just served rides with children of this run
    is_known: bool  # to every child of the run
    is_standby: bool  # stands by for this very run
    duties_week: int  # that week, without this one
    cap_week: int
    pledge_week: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """The first hard rule that a volunteer breaks: `has` against `needs`, in km, seats, duties or date ordinals."""

    rule: Rule
    has: float | None = None
    needs: float | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody who would take a seat of a run: its driver's, or its second adult's."""

    run: int
    volunteer: int
    is_second: bool = False
    waived: frozenset[Rule] = frozenset()  # what somebody gave way in for this very seat


@dataclass(frozen=True, slots=True)
class Two:
    """What giving way in two rules at once would bring, where one is not enough."""

    rules: tuple[Rule, Rule]
    people: int


@dataclass(frozen=True, slots=True)
class WhyNobody:
    """How many volunteers fall to which rule first, and what giving way in one rule alone would bring.

    `barrier`: where nobody is free, the fewest rules that leave nobody between them, each with how many people it
    lets through by itself. `pairs`: where no single rule helps, which two do.
    """

    blocked: tuple[tuple[Rule, int], ...]
    relaxations: tuple[Relaxation, ...]
    free: int  # who may drive after all
    barrier: tuple[tuple[Rule, int], ...] = ()
    pairs: tuple[Two, ...] = ()


@dataclass(frozen=True, slots=True)
class Weighed:
    """One wish's price with two people: of whom it is told, and of whom he is compared with."""

    wish: str  # a field of Candidate
    price: int
    other: int


def settle(problem: Problem, plan: Plan, *, open_runs: Collection[int] = ()) -> Problem:
    """Return the problem with the plan's runs, and its people as promised but for the open runs."""
    return replace(
        problem,
        runs=plan.runs,
        promised={run: v for run, v in enumerate(plan.driver) if v is not None and run not in open_runs},
        promised_second={
            run: v for run, v in enumerate(plan.second) if v is not None and run not in open_runs
        },
        promised_standby={entry.slot: entry.volunteer for entry in plan.standby},
    )


def candidates(problem: Problem, run: int, *, limit: int | None = None) -> tuple[Candidate, ...]:
    """Return who may drive a run of the problem, cheapest first, everything promised left as it is.

    Whoever is promised to this very run, or stands by for it, is ranked with the others.
    """
    desk = _Desk(problem, run)
    free = np.flatnonzero(desk.hurdles.breaks == 0)
    found = desk.price(free)
    found.sort(key=lambda candidate: (candidate.price, candidate.volunteer))
    return tuple(found[:limit])


def why_not(problem: Problem, run: int, volunteer: int) -> Refusal | None:
    """Return the first hard rule that the volunteer would break by driving the run, or None if he may."""
    desk = _Desk(problem, run)
    broken = np.flatnonzero(~desk.hurdles.keeps[:, volunteer])
    return desk.refusal(desk.hurdles.rules[broken[0]], volunteer) if len(broken) else None


def weigh(one: Candidate, other: Candidate) -> tuple[Weighed, ...]:
    """Return the wishes that tell two people apart, what speaks most strongly for or against the first on top."""
    found = [Weighed(wish, getattr(one, wish), getattr(other, wish)) for wish in WISHES]
    differing = [row for row in found if row.price != row.other]
    return tuple(sorted(differing, key=lambda row: -abs(row.price - row.other)))


def broken_by_claims(problem: Problem, claims: Sequence[Claim]) -> list[tuple[Rule, ...]]:
    """Return, claim by claim, the hard rules that it breaks and that are not waived.

    In the order given: a claim that breaks none counts as promised for those after it.
    """
    cars = problem.runs or ()
    runs = RunTable(problem, [cars[claim.run] for claim in claims])
    bookings = promised_bookings(problem)
    found: list[tuple[Rule, ...]] = []
    keeps: dict[Rule, Bools] = {}
    for row, claim in enumerate(claims):
        if row % CLAIMS_AT_ONCE == 0:
            rows = np.arange(row, min(row + CLAIMS_AT_ONCE, len(claims)))
            keeps = {rule: holds(problem.tables, runs, rows) for rule, holds in STANDING.items()}
        slot = int(runs.slot[row])
        standing = SECOND_RULES if claim.is_second else STANDING
        broken = [rule for rule in standing if not keeps[rule][row % CLAIMS_AT_ONCE, claim.volunteer]]
        other = (problem.promised if claim.is_second else problem.promised_second).get(claim.run)
        if Rule.TOGETHER not in broken and not beside_partner(problem, [other])[claim.volunteer]:
            broken.append(Rule.TOGETHER)
        broken += [rule for rule, is_free in BOOKED.items() if not is_free(bookings, slot)[claim.volunteer]]
        found.append(tuple(rule for rule in broken if rule not in claim.waived))
        if not found[-1]:
            bookings.book(np.array([claim.volunteer]), np.array([slot]))
    return found


def why_nobody(problem: Problem, run: int) -> WhyNobody:
    """Return how many fall to which rule, which rules leave nobody, and what relaxing one or two gives."""
    hurdles = _Desk(problem, run).hurdles
    why = hurdles.answer()
    if why.free:
        return why
    return replace(why, barrier=hurdles.barrier(), pairs=() if why.relaxations else hurdles.pairs())


def need_of(problem: Problem, runs: RunTable, row: int, bookings: Bookings) -> Rule:
    """Return the rule that keeps most people from a run who break no other."""
    return _Hurdles(problem, runs, row, bookings).need()


class _Desk:
    """One run before the whole list of volunteers, with all that is promised besides."""

    def __init__(self, problem: Problem, run: int) -> None:
        cars = problem.runs or ()
        riders = set(problem.run_children(cars[run]))
        theirs = [
            row
            for row in problem.promised
            if row != run and not riders.isdisjoint(problem.run_children(cars[row]))
        ]
        self.problem, self.run = problem, cars[run]
        self.runs = RunTable(problem, [cars[run], *(cars[row] for row in theirs)])
        bookings = promised_bookings(problem, without=run)
        people = (problem.promised.get(run), problem.promised_second.get(run))
        self.hurdles = _Hurdles(problem, self.runs, 0, bookings, beside_partner(problem, people))
        counts = problem.tables.served + promised_counts(problem, without=run)
        promised = problem.promised_standby
        self.standbys = {promised[slot] for slot in standbys_of(problem, cars[run]) if slot in promised}
        row = np.array([0])
        self.ledger = Ledger(
            problem,
            Duties(row, np.array([False]), self.runs.slot[row], row, self.runs.children[row]),
            bookings,
            counts,
        )
        self.ledger.remember(self.runs, {at: problem.promised[row] for at, row in enumerate(theirs, start=1)})

    def price(self, people: Ints) -> list[Candidate]:
        """Return the people with what each would cost, in their order."""
        problem, tables, ledger = self.problem, self.problem.tables, self.ledger
        rows = np.zeros(len(people), dtype=np.int64)
        slot = int(self.runs.slot[0])
        children = np.array(problem.run_children(self.run))
        wishes = ledger.wishes(slot, rows, people)
        km = km_price(problem, self.runs, rows, people)
        reserve = reserve_price(problem, self.runs, rows, people)
        rides = ledger.rides[children][:, people].sum(axis=0)
        rides += sum(
            (tables.past_drivers[child][:, None] == people).any(axis=0) for child in children.tolist()
        )
        known = (tables.known[children][:, people] | (ledger.rides[children][:, people] > 0)).all(axis=0)
        detour = self.runs.detour_km(rows, people)
        approach = self.runs.approach_km(np.array([0]))[0][people]
        week = ledger.bookings.week[people, tables.week_of_day[slot // 2]]
        return [
            Candidate(
                volunteer=volunteer,
                price=int(km[at] + reserve[at] + sum(part[at] for part in wishes.values())),
                km=int(km[at]),
                load=int(wishes["load"][at]),
                repeat=int(wishes["repeat"][at]),
                pair=int(wishes["pair"][at]),
                circle_over=int(wishes["circle_over"][at]),
                reserve=int(reserve[at]),
                detour_km=round(float(detour[at]), 3),
                approach_km=round(float(approach[at]), 3),
                rides_before=int(rides[at]),
                is_known=bool(known[at]),
                is_standby=volunteer in self.standbys,
                duties_week=int(week[at]),
                cap_week=problem.volunteers[volunteer].cap_week,
                pledge_week=problem.volunteers[volunteer].pledge_week,
            )
            for at, volunteer in enumerate(people.tolist())
        ]

    def refusal(self, rule: Rule, volunteer: int) -> Refusal:
        """Return the rule with the figures that it compares."""
        person, tables, day = self.problem.volunteers[volunteer], self.problem.tables, self.run.day
        today = float(tables.ordinal[day])
        match rule:
            case Rule.TOO_FAR:
                return Refusal(
                    rule, float(self.runs.approach_km(np.array([0]))[0, volunteer]), person.max_approach_km
                )
            case Rule.SEATS:
                return Refusal(rule, person.seats, float(self.runs.seats[0]))
            case Rule.CHILD_SEATS:
                return Refusal(rule, person.child_seats, float(self.runs.child_seats[0]))
            case Rule.WEEK_CAP:
                week = self.ledger.bookings.week[volunteer, tables.week_of_day[day]]
                return Refusal(rule, float(week), person.cap_week)
            case Rule.MONTH_CAP:
                month = self.ledger.bookings.month[volunteer, tables.month_of_day[day]]
                return Refusal(rule, float(month), person.cap_month)
            case Rule.VETTING:
                return Refusal(rule, float(tables.vetted_until[volunteer]), today)
            case Rule.LICENCE:
                return Refusal(rule, float(tables.licence_until[volunteer]), today)
            case Rule.INSURANCE:
                return Refusal(rule, float(tables.insured_until[volunteer]), today)
            case _:
                return Refusal(rule)


def explain_unfilled(
    problem: Problem,
    runs: RunTable,
    driver: Sequence[int | None],
    second: Sequence[int | None],
    bookings: Bookings,
    *,
    proven: int,
) -> tuple[tuple[Unfilled, ...], tuple[Shortage, ...]]:
    """Return every run without driver with its reason, and the groups that have one cause between them.

    `proven`: legs of which the flow has shown that they, or as many others, must stay open.
    """
    rows = [
        row
        for row in range(len(runs.runs))
        if driver[row] is None or (runs.second_adult[row] and second[row] is None)
    ]
    is_proven = int(runs.size[rows].sum()) == proven
    groups: dict[tuple[Cause, Rule, int, Direction], list[int]] = {}
    reasons: list[tuple[int, tuple[Cause, Rule, int, Direction], WhyNobody]] = []
    for row in rows:
        hurdles = _Hurdles(problem, runs, row, bookings)
        run = runs.runs[row]
        cause = _cause(hurdles, runs, row)
        key = (cause, hurdles.need(), problem.days[run.day].weekday, Direction(run.direction))
        groups.setdefault(key, []).append(row)
        reasons.append((row, key, hurdles.answer()))
    order = {key: place for place, key in enumerate(sorted(groups))}
    unfilled = tuple(
        Unfilled(row, key[0], why.blocked, why.relaxations, is_proven, order[key])
        for row, key, why in reasons
    )
    shortages = tuple(Shortage(*key, tuple(groups[key]), is_proven) for key in sorted(groups))
    return unfilled, shortages


def _cause(hurdles: _Hurdles, runs: RunTable, row: int) -> Cause:
    if not hurdles.standing_pass().any():
        return Cause.NOBODY
    return Cause.NO_SECOND if runs.second_adult[row] else Cause.SHORTAGE


class _Hurdles:
    """One run against every volunteer: which rules each one breaks."""

    def __init__(
        self,
        problem: Problem,
        runs: RunTable,
        row: int,
        bookings: Bookings,
        beside: Bools | None = None,  # who has the partner there already, where one seat is looked at
    ) -> None:
        self.problem, self.runs, self.row, self.bookings = problem, runs, row, bookings
        self.slot = int(runs.slot[row])
        rows = np.array([row])
        keeps = {rule: STANDING[rule](problem.tables, runs, rows) for rule in STANDING}
        if beside is not None:
            keeps[Rule.TOGETHER] = keeps[Rule.TOGETHER] & beside[None]
        keeps |= {rule: is_free(bookings, self.slot)[None] for rule, is_free in BOOKED.items()}
        people = len(problem.volunteers)
        self.rules = tuple(keeps)
        self.keeps: Bools = np.vstack([np.broadcast_to(kept, (1, people)) for kept in keeps.values()])
        self.breaks: Ints = (~self.keeps).sum(axis=0)

    def standing_pass(self) -> Bools:
        return np.asarray(self.keeps[: len(STANDING)].all(axis=0), dtype=bool)

    def only_breaks(self, rule: Rule) -> Bools:
        """Return who would be free if this one rule did not stand."""
        return np.asarray(~self.keeps[self.rules.index(rule)] & (self.breaks == 1), dtype=bool)

    def need(self) -> Rule:
        """Return the rule that, if it did not stand, would free most people."""
        return max(self.rules, key=lambda rule: int(self.only_breaks(rule).sum()))

    def answer(self) -> WhyNobody:
        first = np.argmax(~self.keeps, axis=0)
        counts = np.bincount(first[self.breaks > 0], minlength=len(self.rules))
        blocked = tuple((rule, int(n)) for rule, n in zip(self.rules, counts, strict=True) if n)
        relaxations = tuple(found for rule in RELAXABLE for found in self._relax(rule))
        return WhyNobody(blocked, relaxations, int((self.breaks == 0).sum()))

    def barrier(self) -> tuple[tuple[Rule, int], ...]:
        """Return the fewest rules of which everybody breaks one: a smallest hitting set, tried size by size.

        Of equally few the ones that let most people through by themselves: they say most about what is rare together.
        """
        lets_through = self.keeps.sum(axis=1)
        bits = np.left_shift(1, np.arange(len(self.rules)))
        breaks = np.unique((~self.keeps).T @ bits)
        broken = [row for row in range(len(self.rules)) if not self.keeps[row].all()]
        for size in range(1, MOST_RULES + 1):
            sets = list(combinations(broken, size))
            masks = np.array([bits[list(one)].sum() for one in sets], dtype=np.int64)
            hits = np.flatnonzero(((breaks[None] & masks[:, None]) != 0).all(axis=1)).tolist()
            if hits:
                best = max(hits, key=lambda at: (int(lets_through[list(sets[at])].min()), -at))
                return tuple((self.rules[row], int(lets_through[row])) for row in sets[best])
        return ()

    def pairs(self) -> tuple[Two, ...]:
        """Return which two rules to give way in, those that help most people first."""
        rows = [self.rules.index(rule) for rule in RELAXABLE]
        found = []
        for one, other in combinations(rows, 2):
            people = ~self.keeps[one] & ~self.keeps[other] & (self.breaks == 2)
            if people.any():
                found.append(Two((self.rules[one], self.rules[other]), int(people.sum())))
        return tuple(sorted(found, key=lambda two: -two.people)[:MOST_PAIRS])

    def _relax(self, rule: Rule) -> list[Relaxation]:
        people = self.only_breaks(rule)
        if not people.any():
            return []
        if rule is not Rule.TOO_FAR:
            return [Relaxation(rule, 1.0 if rule in CAPS else None, int(people.sum()))]
        tables = self.problem.tables
        excess = (self.runs.approach_km(np.array([self.row]))[0] - tables.max_approach_km)[people]
        steps = [km for km in KM_STEPS if (excess <= km).any()]
        return [Relaxation(rule, km, int((excess <= km).sum())) for km in steps[:1]]


RELAXABLE = (
    Rule.TOO_FAR,
    Rule.WEEK_CAP,
    Rule.MONTH_CAP,
    Rule.ONLY_FAMILIAR,
    Rule.UNAVAILABLE,
    Rule.CHILD_SEATS,
    Rule.WHEELCHAIR,
    Rule.FEMALE_DRIVER,
    Rule.VETTING,
    Rule.LICENCE,
    Rule.INSURANCE,
)
WISHES = ("km", "load", "repeat", "pair", "circle_over", "reserve")
MOST_RULES = 4  # together they are the reason; more is a list that nobody reads
MOST_PAIRS = 3
CAPS = (Rule.WEEK_CAP, Rule.MONTH_CAP)
CLAIMS_AT_ONCE = 256  # each against every volunteer of the problem: so many fit into the processor's memory
KM_STEPS = (1.0, 2.0, 3.0, 5.0, 8.0, 12.0)
