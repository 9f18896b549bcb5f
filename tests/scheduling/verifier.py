"""The hard rules once more, in plain Python without arrays: what a plan must keep, told as broken sentences."""

from __future__ import annotations

from collections import Counter

from scheduling.plan import Plan
from scheduling.problem import Direction, Point, Problem, Run, month_number
from scheduling.travel import km_between, minutes_between


def broken_rules(problem: Problem, plan: Plan, *, most: int = 3) -> list[str]:
    """Return a sentence for every hard rule that the plan breaks; promised people are not questioned."""
    broken = _pooling(problem, plan, most)
    booked: Counter[tuple[int, int]] = Counter()
    weeks: Counter[tuple[int, int]] = Counter(problem.week_used)
    for booking in problem.busy:
        booked[booking.volunteer, 2 * booking.day + booking.direction] += 1
        weeks[booking.volunteer, problem.days[booking.day].week] += 1
    months: Counter[tuple[int, int]] = Counter(problem.month_used)
    for booking in problem.busy:
        months[booking.volunteer, month_number(problem.days[booking.day].on)] += 1
    for row, run in enumerate(plan.runs):
        driver, second = plan.driver[row], plan.second[row]
        for one, other in ((driver, second), (second, driver)):
            if one is not None and problem.volunteers[one].together not in (None, other):
                broken.append(f"run {row}: {one} without the one whom he drives with")
        for volunteer in (driver, second):
            if volunteer is not None:
                booked[volunteer, 2 * run.day + run.direction] += 1
                weeks[volunteer, problem.days[run.day].week] += 1
                months[volunteer, month_number(problem.days[run.day].on)] += 1
        if driver is not None and problem.promised.get(row) != driver:
            broken += [f"run {row}: {rule}" for rule in _person(problem, run, driver, drives=True)]
        if second is not None and problem.promised_second.get(row) != second:
            broken += [f"run {row} second: {rule}" for rule in _person(problem, run, second, drives=False)]
        needs_second = any(problem.children[child].second_adult for child in problem.run_children(run))
        if driver is not None and needs_second and second is None and row not in problem.promised:
            broken.append(f"run {row}: no second adult")
    for entry in plan.standby:
        booked[entry.volunteer, 2 * entry.slot.day + entry.slot.direction] += 1
        weeks[entry.volunteer, problem.days[entry.slot.day].week] += 1
        months[entry.volunteer, month_number(problem.days[entry.slot.day].on)] += 1
        if problem.volunteers[entry.volunteer].together is not None:
            broken.append(f"standby {entry}: drives only with another")
        if entry.slot.team is not None and problem.volunteers[entry.volunteer].team != entry.slot.team:
            broken.append(f"standby {entry}: other team")
        if entry.slot.child is not None and entry.volunteer not in problem.children[entry.slot.child].circle:
            broken.append(f"standby {entry}: not of the circle")
    broken += [f"{who} has {n} duties in one half-day" for who, n in booked.items() if n > 1]
    broken += [
        f"{volunteer} above cap in week {week}"
        for (volunteer, week), n in weeks.items()
        if n > problem.volunteers[volunteer].cap_week
    ]
    broken += [
        f"{volunteer} above cap in month {month}"
        for (volunteer, month), n in months.items()
        if problem.volunteers[volunteer].cap_month is not None
        and n > (problem.volunteers[volunteer].cap_month or 0)
    ]
    for (volunteer, slot), _ in booked.items():
        kin = problem.volunteers[volunteer].household
        broken += [f"household {volunteer} and {other}" for other in kin if booked[other, slot]]
    return broken


def may_drive(problem: Problem, run: Run, volunteer: int) -> bool:
    """Return whether nothing but other duties could keep the volunteer from driving."""
    return not _person(problem, run, volunteer, drives=True)


def _person(problem: Problem, run: Run, index: int, *, drives: bool) -> list[str]:
    who, day = problem.volunteers[index], problem.days[run.day]
    riders = [problem.children[child] for child in problem.run_children(run)]
    home_end = run.start if run.direction is Direction.TO_SCHOOL else run.end
    seats = len(riders) + any(child.second_adult for child in riders)
    rules = {
        "not available": not who.avail[2 * day.weekday + run.direction],
        "blockout": day.on in who.blockouts,
        "not in the rotation": not (who.from_on or day.on) <= day.on <= (who.until_on or day.on),
        "only together": who.together is not None and not any(child.second_adult for child in riders),
        "vetting": who.vetted_until is None or who.vetted_until < day.on,
        "gender": any(child.female_driver for child in riders) and not who.is_female,
        "too far": km_between(who.point, home_end) > who.max_approach_km + 1e-6,
        "banned": any(index in child.banned for child in riders),
        "girls only": who.girls_only and not all(child.is_girl for child in riders),
        "circle": any(child.only_familiar and index not in child.circle for child in riders),
        "declined": any((leg, index) in problem.declined for leg in run.legs),
        "licence": drives and (who.licence_until is None or who.licence_until < day.on),
        "insurance": drives and (who.insured_until is None or who.insured_until < day.on),
        "seats": drives and who.seats < seats,
        "child seats": drives and who.child_seats < sum(child.child_seat for child in riders),
        "wheelchair": drives and any(child.wheelchair for child in riders) and not who.wheelchair,
    }
    return [rule for rule, is_broken in rules.items() if is_broken]


def _pooling(problem: Problem, plan: Plan, most: int) -> list[str]:
    broken = []
    riding = Counter(leg for run in plan.runs for leg in run.legs)
    if riding != Counter(range(len(problem.legs))):
        broken.append("a leg rides not once")
    for row, run in enumerate(plan.runs):
        if problem.runs is not None and row < len(problem.runs):
            if run != problem.runs[row]:
                broken.append(f"run {row} was changed")
            continue
        broken += [f"run {row}: {sentence}" for sentence in car_faults(problem, run, most=most)]
    return broken


def car_faults(problem: Problem, run: Run, *, most: int = 3, across_km: float = 0.0) -> list[str]:
    """Return what P1-P6 have against a pooled car of several children, each as a sentence."""
    riders = [problem.children[child] for child in problem.run_children(run)]
    if len(riders) == 1:
        return []
    broken = []
    if len(riders) > most or sum(child.child_seat for child in riders) > 1:
        broken.append("holds too many")
    if any(c.wheelchair or c.alone or c.second_adult for c in riders):
        broken.append("does not leave a child alone")
    if any(c.only_familiar for c in riders) and len({(c.only_familiar, c.circle) for c in riders}) > 1:
        broken.append("mixes circles")
    children = set(problem.run_children(run))
    if any(children & set(problem.children[child].not_with) for child in children):
        broken.append("holds two who may not ride together")
    minutes_of: dict[int, set[int | None]] = {}
    for leg, child in zip(run.legs, riders, strict=True):
        minutes_of.setdefault(child.school, set()).add(problem.legs[leg].minute)
    if any(len(times) > 1 for times in minutes_of.values()):
        broken.append("mixes bells")
    gates = [problem.schools[school].point for school in minutes_of]
    if any(km_between(a, b) > across_km for a in gates for b in gates if a != b):
        broken.append("mixes schools that are far apart")
    broken += ["a ride too long" for ride, limit in _rides(problem, run) if ride > limit + 1e-6]
    if run.minutes > 60.1:
        broken.append("a duty too long")
    if not _windows_meet(problem, run):
        broken.append("outside a school's window")
    return broken


def _stops(problem: Problem, run: Run) -> tuple[list[float], dict[int, float]]:
    """Return when the car comes to each home (in visiting order) and each school, in minutes after its start."""
    schools = run.schools or (problem.children[problem.legs[run.legs[0]].child].school,)
    homes = [problem.leg_point(leg) for leg in run.legs]
    gates = [problem.schools[school].point for school in schools]
    at_home: list[float] = []
    at_school: dict[int, float] = {}
    minute = 0.0
    here: Point | None = None

    def visit_homes() -> None:
        nonlocal minute, here
        for leg, home in zip(run.legs, homes, strict=True):
            minute += minutes_between(here, home) if here is not None else 0.0
            at_home.append(minute)
            minute, here = minute + (4 if problem.children[problem.legs[leg].child].wheelchair else 1), home

    def visit_schools() -> None:
        nonlocal minute, here
        for school, gate in zip(schools, gates, strict=True):
            minute += minutes_between(here, gate) if here is not None else 0.0
            at_school[school], here = minute, gate

    for visit in (visit_homes, visit_schools) if run.direction == 0 else (visit_schools, visit_homes):
        visit()
    return at_home, at_school


def _windows_meet(problem: Problem, run: Run) -> bool:
    """Return whether one start lets the car be at every school when it may."""
    _, at_school = _stops(problem, run)
    low, high = -1e9, 1e9
    for leg in run.legs:
        row = problem.legs[leg]
        school = problem.children[row.child].school
        window = problem.schools[school].am if run.direction == 0 else problem.schools[school].pm
        if row.minute is not None:
            window = (row.minute - 10, row.minute) if run.direction == 0 else (row.minute, row.minute + 10)
        if window is not None:
            low, high = max(low, window[0] - at_school[school]), min(high, window[1] - at_school[school])
    return low <= high + 1e-6


def _rides(problem: Problem, run: Run) -> list[tuple[float, float]]:
    """Return each child's ride in minutes and its limit."""
    at_home, at_school = _stops(problem, run)
    rides = []
    for leg, at in zip(run.legs, at_home, strict=True):
        child = problem.children[problem.legs[leg].child]
        gate = problem.schools[child.school].point
        ride = at_school[child.school] - at - 1 if run.direction == 0 else at - at_school[child.school]
        rides.append((ride, 1.5 * minutes_between(gate, problem.leg_point(leg)) + 10))
    return rides
