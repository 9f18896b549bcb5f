"""The planner's table: goal and measured side by side (`make bench`; with CP-SAT at the district: `make bench-full`).

Every size is an invented district of `scheduling/synthetic.py`. Ratios are of one run on one machine; each time says
whether it includes the bound.
"""

import argparse
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib import metadata
from resource import RUSAGE_SELF, getrusage

import numpy as np
from ortools.sat.python import cp_model

from scheduling.cost import load_price, pair_price, value_of
from scheduling.feasibility import promised_bookings
from scheduling.flow import Arcs, Duties, list_arcs, list_duties
from scheduling.plan import Limits, Parts, Plan
from scheduling.planner import plan
from scheduling.problem import Problem
from scheduling.problem_file import read_problem
from scheduling.synthetic import Size, make_problem
from scheduling.tables import RunTable

SEED = 3
PACKAGES = ("numpy", "scipy", "ortools", "numba")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--full", action="store_true", help="with CP-SAT at the district, for 300 seconds")
    parser.add_argument(
        "--memory-of", type=Size, help="plan this size alone, and print its figures and memory"
    )
    wanted = parser.parse_args()
    if wanted.memory_of:
        say_alone(wanted.memory_of, wanted.seed)
        return
    measure_planner(wanted.seed, is_full=wanted.full)


def measure_planner(seed: int, *, is_full: bool = False) -> None:
    """Print the table."""
    versions = " · ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    print(f"planner: problem seed {seed} · Python {platform.python_version()} · {versions}")
    begun = time.perf_counter()
    plan(read_problem(make_problem(Size.STREET, seed=seed)))
    say("first plan of a process, compiled code read or made", f"{time.perf_counter() - begun:.1f} s")
    district = read_problem(make_problem(Size.DISTRICT, seed=seed))
    measure_district(district, is_full=is_full)
    measure_street(read_problem(make_problem(Size.STREET, seed=seed)))
    for size in (Size.DISTRICT, Size.TEN_DISTRICTS):
        command = [sys.executable, "-m", "tests.planner_bench", "--memory-of", size, "--seed", str(seed)]
        print(subprocess.run(command, check=True, capture_output=True, text=True).stdout, end="", flush=True)


def measure_district(problem: Problem, *, is_full: bool) -> None:
    flow = plan(problem, limits=Limits(sweeps=0, moves_per_duty=0, bound_rounds=0))
    say(
        "district: legs without a driver",
        f"{flow.uncovered_legs}",
        f"{flow.least_uncovered}, the proven least",
    )
    say("district: that, with the flow's bound", f"{flow.seconds:.1f} s", "3 s without it")
    rounds, greedy = baseline(problem, by_load=True), baseline(problem, by_load=False)
    say("district: round-robin by least load", f"uncovered {legs(problem, rounds)}, soft {rounds.soft:,}")
    say("district: cheapest first", f"uncovered {legs(problem, greedy)}, soft {greedy.soft:,}")
    usual = plan(problem)
    say_gap("district: the app's plan, with the flow's bound", usual)
    long = plan(problem, limits=Limits(moves_per_duty=4_000, most_moves=30_000_000, bound_rounds=330))
    say_gap("district: 30 M moves, 330 rounds of the bound", long, "7 % (moonshot 5 %)")
    say("district: soft against round-robin", f"{long.parts.soft / rounds.soft:.2f}", "0.50")
    say_fairness(problem, long)
    if is_full:
        five = plan(problem, limits=Limits(seconds=8, bound_rounds=0))
        found = solve_by_cp_sat(problem, seconds=300)
        say(
            "district: CP-SAT after 300 s",
            "no plan" if found is None else f"uncovered {legs(problem, found)}",
        )
        say("district: ours after 5 s of search", f"uncovered {five.uncovered_legs}", "better than CP-SAT")


def measure_street(problem: Problem) -> None:
    begun = time.perf_counter()
    quick = plan(problem, limits=Limits(bound_rounds=0))
    took = time.perf_counter() - begun
    same = sum(plan(problem, limits=Limits(bound_rounds=0)).driver == quick.driver for _ in range(20))
    say("street: the same plan again", f"{same} of 20", "20 of 20")
    found = solve_by_cp_sat(problem, seconds=120)
    theirs = "no plan" if found is None else f"uncovered {legs(problem, found)}, soft {found.soft:,}"
    say("street: CP-SAT after 120 s", theirs)
    ours = f"uncovered {quick.uncovered_legs}, soft {quick.parts.soft:,} in {took:.1f} s without bound"
    say("street: ours", ours)
    if found is not None and legs(problem, found) == quick.uncovered_legs:
        say("street: ours against CP-SAT", f"{quick.parts.soft / found.soft:.2f}", "0.85")


def say_alone(size: Size, seed: int) -> None:
    """Plan one size in a process of its own: its highest memory is then its own."""
    problem = read_problem(make_problem(size, seed=seed))
    many = 10 if size is Size.TEN_DISTRICTS else 1
    found = plan(problem, limits=Limits(most_moves=60_000_000, bound_rounds=0))
    unit = 1 if sys.platform == "darwin" else 1024
    memory = getrusage(RUSAGE_SELF).ru_maxrss * unit // 1024 // 1024
    say(
        f"{size}: soft a district", f"{found.parts.soft // many:,}", "1.10 of one alone" if many > 1 else None
    )
    say(
        f"{size}: legs without a driver",
        f"{found.uncovered_legs}",
        f"{found.least_uncovered}, one joint flow",
    )
    say(
        f"{size}: time without bound, memory",
        f"{found.seconds:.0f} s, {memory} MB",
        f"{1100 if many > 1 else 500} MB",
    )


def say_gap(what: str, found: Plan, goal: str | None = None) -> None:
    lowest = found.bound - found.parts.uncovered_child_leg
    gap = f"{found.parts.soft / lowest - 1:.1%} above the proven bound {lowest:,}"
    missing = len(found.standby_missing)
    say(
        what,
        f"{gap}, soft {found.parts.soft:,}, {missing} standbys missing, {found.seconds:.0f} s in all",
        goal,
    )


def say_fairness(problem: Problem, found: Plan) -> None:
    done = np.bincount([*[v for v in found.driver if v is not None], *[s.volunteer for s in found.standby]])
    done = np.pad(done, (0, len(problem.volunteers) - len(done)))
    over = done > problem.tables.pledged
    scarce = problem.tables.wheelchair | (problem.tables.child_seats > 0)
    say(
        "district: beyond their pledge, cars not scarce",
        f"{int((over & ~scarce).sum())} of {len(done)} people",
        "0",
    )
    say("district: beyond their pledge, scarce cars", f"{int((over & scarce).sum())} people")
    say("district: never asked", f"{int((done == 0).sum())} people", "0")
    rides = len(problem.legs) - found.uncovered_legs
    say("district: same driver two days running", f"{len(found.repeats) / rides:.1%} of rides", "1 %")
    faces: dict[int, set[int]] = {}
    for run, who in zip(found.runs, found.driver, strict=True):
        for child in problem.run_children(run) if who is not None else ():
            faces.setdefault(child, set()).add(who)
    sizes = [len(circle) for circle in faces.values()]
    say("district: circles, mean and largest", f"{np.mean(sizes):.1f}, {max(sizes)}", "7.3, 10")


def baseline(problem: Problem, *, by_load: bool) -> Parts:
    """Fill the runs day by day: with whoever drove least so far, or whoever is cheapest at the moment."""
    runs, bookings = RunTable(problem, problem.runs or ()), promised_bookings(problem)
    duties = list_duties(problem, runs)
    arcs = list_arcs(problem, runs, duties, bookings)
    count, driver = problem.tables.served.copy(), [None] * len(duties)
    met = problem.tables.known.copy()
    for duty in range(len(duties)):
        mine = slice(arcs.start[duty], arcs.start[duty + 1])
        free = bookings.open(int(duties.slot[duty]))[arcs.volunteer[mine]]
        people, price = arcs.volunteer[mine][free], arcs.price[mine][free].copy()
        if not len(people):
            continue
        riders = duties.children[duty][duties.children[duty] >= 0]
        price += load_price(problem.tables, people, count[people] + 1)
        price += sum(
            np.where(met[child, people], 0, pair_price(problem, np.full(len(people), child), people))
            for child in riders
        )
        who = int(people[np.argmin(count[people] if by_load else price)])
        driver[int(duties.run[duty])] = who  # type: ignore[call-overload]
        count[who] += 1
        met[riders, who] = True
        bookings.book(np.array([who]), duties.slot[duty : duty + 1])
    return value_of(problem, runs, driver, [None] * len(driver), (), 0)[0]


def legs(problem: Problem, parts: Parts) -> int:
    return parts.uncovered_child_leg // problem.weights.uncovered_child_leg


def solve_by_cp_sat(problem: Problem, *, seconds: float) -> Parts | None:
    """Return what CP-SAT makes of the whole model in so many seconds, drivers without standbys."""
    runs, bookings = RunTable(problem, problem.runs or ()), promised_bookings(problem)
    duties = list_duties(problem, runs)
    arcs = list_arcs(problem, runs, duties, bookings)
    model, take, costs = cp_model.CpModel(), [], []
    take = [model.new_bool_var("") for _ in range(len(arcs.duty))]
    costs += [int(price) * var for price, var in zip(arcs.price, take, strict=True)]
    of_duty, of_slot, of_week, of_person = grouped(problem, duties, arcs, take)
    for duty in range(len(duties)):
        undone = model.new_bool_var("")
        model.add(sum(of_duty.get(duty, [])) + undone == 1)
        costs.append(int(duties.price[duty]) * undone)
    for variables in of_slot.values():
        model.add_at_most_one(variables)
    for (who, _), variables in of_week.items():
        model.add(sum(variables) <= int(problem.tables.cap_week[who]))
    for who, variables in of_person.items():
        most = min(len(variables), int(problem.tables.cap_week[who]) * problem.tables.weeks)
        steps = [model.new_bool_var("") for _ in range(most)]
        model.add(sum(steps) == sum(variables))
        nth = np.arange(1, most + 1) + problem.tables.served[who]
        prices = load_price(problem.tables, np.full(most, who), nth).tolist()
        costs += [price * step for price, step in zip(prices, steps, strict=True)]
    add_faces(model, problem, duties, arcs, take, costs)
    model.minimize(sum(costs))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds, solver.parameters.num_workers = seconds, 2
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    driver: list[int | None] = [None] * len(duties)
    for arc, var in enumerate(take):
        if solver.value(var):
            driver[int(duties.run[arcs.duty[arc]])] = int(arcs.volunteer[arc])
    return value_of(problem, runs, driver, [None] * len(driver), (), 0)[0]


Groups = dict[object, list[cp_model.IntVar]]


def grouped(
    problem: Problem, duties: Duties, arcs: Arcs, take: Sequence[cp_model.IntVar]
) -> tuple[Groups, ...]:
    groups: tuple[Groups, ...] = ({}, {}, {}, {})
    for arc, var in enumerate(take):
        duty, who = int(arcs.duty[arc]), int(arcs.volunteer[arc])
        slot = int(duties.slot[duty])
        keys = (duty, (who, slot), (who, int(problem.tables.week_of_day[slot // 2])), who)
        for group, key in zip(groups, keys, strict=True):
            group.setdefault(key, []).append(var)
    return groups


def add_faces(
    model: cp_model.CpModel,
    problem: Problem,
    duties: Duties,
    arcs: Arcs,
    take: Sequence[cp_model.IntVar],
    costs: list[object],
) -> None:
    """Add pairs, circles and repeats."""
    on_day: dict[tuple[int, int, int], list[cp_model.IntVar]] = {}
    for arc, var in enumerate(take):
        duty, who = int(arcs.duty[arc]), int(arcs.volunteer[arc])
        for child in duties.children[duty][duties.children[duty] >= 0].tolist():
            on_day.setdefault((child, who, int(duties.slot[duty]) // 2), []).append(var)
    meets: dict[tuple[int, int], cp_model.IntVar] = {}
    for (child, who, day), variables in on_day.items():
        met = meets.setdefault((child, who), model.new_bool_var(""))
        for var in variables:
            model.add_implication(var, met)
        for earlier in on_day.get((child, who, day - 1), []):
            for var in variables:
                again = model.new_bool_var("")
                model.add(again >= earlier + var - 1)
                costs.append(int(problem.tables.repeat_cost[child]) * again)
    for (child, who), met in meets.items():
        costs.append(int(pair_price(problem, np.array([child]), np.array([who]))[0]) * met)
    for child in {child for child, _ in meets}:
        beyond = model.new_int_var(0, len(problem.volunteers), "")
        model.add(
            beyond
            >= sum(met for (one, _), met in meets.items() if one == child)
            - int(problem.tables.circle_target[child])
        )
        costs.append(problem.weights.circle_over * beyond)


def say(what: str, figure: str, goal: str | None = None) -> None:
    print(f"{what:<52} {figure}" + (f"   (goal ≤ {goal})" if goal else ""), flush=True)


if __name__ == "__main__":
    main()
