"""What a month's plan shows from afar: who drives more than pledged, whose circle is too wide, what more people would do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from scheduling.explain import need_of
from scheduling.feasibility import Bookings, eligible, promised_bookings
from scheduling.flow import cover, list_arcs, list_duties, undone_legs
from scheduling.plan import Rule
from scheduling.problem import Problem, Run, Weights
from scheduling.tables import Bools, RunTable


@dataclass(frozen=True, slots=True)
class Busy:
    """Somebody's duties in the horizon beside what he pledged for it, and why they are his.

    `only_his`: duties that nobody else could take over who is free then and below his own pledge. `need`: what most
    of those ask for that others lack; None where others are just needed elsewhere.
    """

    volunteer: int
    duties: int
    pledged: int
    only_his: int
    need: Rule | None


@dataclass(frozen=True, slots=True)
class WideCircle:
    """A child that meets more drivers than its circle should have. `strangers`: of them not known before."""

    child: int
    faces: int
    target: int
    strangers: int
    rides: int


@dataclass(frozen=True, slots=True)
class MorePeople:
    """What more volunteers of one team would change: child legs that must stay without a driver, by the flow's proof.

    `like`: whom of the team they are taken to be like. `runs`: the open runs for which there would be somebody.
    """

    like: tuple[int, ...]
    before: int
    after: int
    runs: tuple[int, ...]


def busiest(problem: Problem, *, limit: int | None = None) -> tuple[Busy, ...]:
    """Return who is promised most of what they pledged for the horizon, fullest first; above 1 it is more than pledged."""
    tables = problem.tables
    runs = RunTable(problem, problem.runs or ())
    held = [*problem.promised.items(), *problem.promised_second.items()]
    duties = Counter(volunteer for _, volunteer in held)
    duties.update(problem.promised_standby.values())
    pledged = {who: max(problem.volunteers[who].pledge_week, 1) * max(tables.weeks, 1) for who in duties}
    fullest = sorted(duties, key=lambda who: (-duties[who] / pledged[who], who))[:limit]
    below = np.array(
        [duties[who] < pledged.get(who, 1) for who in range(len(problem.volunteers))], dtype=bool
    )
    bookings = promised_bookings(problem)
    return tuple(
        Busy(who, duties[who], pledged[who], *_why_his(problem, runs, who, below, bookings))
        for who in fullest
    )


def wide_circles(problem: Problem) -> tuple[WideCircle, ...]:
    """Return the children with more drivers than their circle should have, the widest first."""
    drivers: dict[int, Counter[int]] = {}
    for run, volunteer in problem.promised.items():
        for child in problem.run_children((problem.runs or ())[run]):
            drivers.setdefault(child, Counter())[volunteer] += 1
    known = problem.tables.known
    found = [
        WideCircle(
            child=child,
            faces=len(faces),
            target=problem.children[child].circle_target,
            strangers=sum(1 for volunteer in faces if not known[child, volunteer]),
            rides=sum(faces.values()),
        )
        for child, faces in drivers.items()
        if len(faces) > problem.children[child].circle_target
    ]
    return tuple(sorted(found, key=lambda one: (one.target - one.faces, one.child)))


def more_volunteers(problem: Problem, team: int, *, people: int = 10) -> MorePeople | None:
    """Return what so many more volunteers like those of a team would change, or None if the team has nobody.

    A flow over the weeks that have an open run, nothing in them taken as promised: who drives now may be asked to
    change. Household, calendar month and couples are left out, before and after alike.
    """
    like = _every_nth(problem, team, people)
    if not like:
        return None
    newcomers = [
        replace(problem.volunteers[one], household=(), together=None, served=0, blockouts=frozenset())
        for one in like
    ]
    today = _weeks_with_holes(problem)
    if not today.legs:
        return MorePeople(like, 0, 0, ())
    before, open_before = _least_open(today)
    after, open_after = _least_open(replace(today, volunteers=(*today.volunteers, *newcomers)))
    position = [run for run in range(len(problem.runs or ())) if _is_in(problem, run, today)]
    won = sorted(open_before - open_after)
    return MorePeople(like, before, after, tuple(position[run] for run in won))


def _every_nth(problem: Problem, team: int, people: int) -> tuple[int, ...]:
    """Return people of the team who stand for all of it: evenly spaced from those who do least to those who do most."""
    members = sorted(
        (v.cap_week, sum(v.avail), who) for who, v in enumerate(problem.volunteers) if v.team == team
    )
    if not members:
        return ()
    return tuple(members[(2 * nth + 1) * len(members) // (2 * people)][2] for nth in range(people))


def _weeks_with_holes(problem: Problem) -> Problem:
    """Return the weeks in which a run is open, nobody promised, and no price but that of a leg left undone."""
    holes = {problem.days[run.day].week for run in _open_runs(problem)}
    runs = [run for run in problem.runs or () if problem.days[run.day].week in holes]
    kept = sorted({leg for run in runs for leg in run.legs})
    at = {leg: index for index, leg in enumerate(kept)}
    only_coverage = {name: 0 for name in Weights.__dataclass_fields__ if not name.startswith("uncovered")}
    return replace(
        problem,
        legs=tuple(problem.legs[leg] for leg in kept),
        runs=tuple(replace(run, legs=tuple(at[leg] for leg in run.legs)) for run in runs),
        promised={},
        promised_second={},
        promised_standby={},
        declined=frozenset((at[leg], who) for leg, who in problem.declined if leg in at),
        weights=replace(problem.weights, **only_coverage),
    )


def _open_runs(problem: Problem) -> list[Run]:
    return [run for at, run in enumerate(problem.runs or ()) if at not in problem.promised]


def _is_in(problem: Problem, run: int, part: Problem) -> bool:
    """Whether a run lies in the weeks that a part of the problem was made of."""
    week = problem.days[(problem.runs or ())[run].day].week
    return any(part.days[car.day].week == week for car in part.runs or ())


def _least_open(problem: Problem) -> tuple[int, set[int]]:
    """Return how many child legs no choice of drivers can cover, and the runs that one such choice leaves open."""
    runs, bookings = RunTable(problem, problem.runs or ()), Bookings(problem.tables)
    duties = list_duties(problem, runs)
    arcs = list_arcs(problem, runs, duties, bookings)
    found = cover(problem, duties, arcs, bookings, problem.tables.served)
    left = set(duties.run[found.volunteer < 0].tolist())
    return undone_legs(duties, runs, found.volunteer), left


def _why_his(
    problem: Problem, runs: RunTable, who: int, below: Bools, bookings: Bookings
) -> tuple[int, Rule | None]:
    """Return how many of somebody's runs no one else could take who is below his pledge, and what they ask for."""
    rows = np.array([run for run, driver in problem.promised.items() if driver == who], dtype=np.int64)
    may = eligible(problem.tables, runs, rows) if len(rows) else np.zeros((0, len(below)), dtype=bool)
    needs: Counter[Rule] = Counter()
    for place, row in enumerate(rows.tolist()):
        others = may[place] & below & bookings.open(int(runs.slot[row]))
        others[who] = False
        if not others.any():
            needs[need_of(problem, runs, row, bookings)] += 1
    return needs.total(), needs.most_common(1)[0][0] if needs else None
