"""The hard rules once more, in plain Python without arrays: what a plan must keep, told as broken sentences."""

from __future__ import annotations

from collections import Counter

from scheduling.plan import Plan
from scheduling.problem import Direction, Problem, Run, month_number
from scheduling.travel import km_between, minutes_between


def broken_rules(problem: Problem, plan: Plan) -> list[str]:
    """Return a sentence for every hard rule that the plan breaks; promised people are not questioned."""
    broken = _pooling(problem, plan)
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


def _pooling(problem: Problem, plan: Plan) -> list[str]:
    broken = []
    riding = Counter(leg for run in plan.runs for leg in run.legs)
    if riding != Counter(range(len(problem.legs))):
        broken.append("a leg rides not once")
    for row, run in enumerate(plan.runs):
        if problem.runs is not None and row < len(problem.runs):
            if run != problem.runs[row]:
                broken.append(f"run {row} was changed")
            continue
        riders = [problem.children[child] for child in problem.run_children(run)]
        if len(riders) > 3 or sum(child.child_seat for child in riders) > 1:
            broken.append(f"run {row} holds too many")
        if len(riders) > 1 and any(c.wheelchair or c.alone or c.second_adult for c in riders):
            broken.append(f"run {row} does not leave a child alone")
        if len({problem.legs[leg].minute for leg in run.legs}) > 1 or len({c.school for c in riders}) > 1:
            broken.append(f"run {row} mixes schools or bells")
        broken += [f"run {row}: a ride too long" for ride in _rides(problem, run) if ride[0] > ride[1] + 1e-6]
    return broken


def _rides(problem: Problem, run: Run) -> list[tuple[float, float]]:
    """Return each child's ride in minutes and its limit, in a run of several children."""
    if len(run.legs) == 1:
        return []
    gate = problem.schools[problem.children[problem.legs[run.legs[0]].child].school].point
    homes = [problem.leg_point(leg) for leg in run.legs]
    from_gate = homes if run.direction is Direction.HOME else homes[::-1]
    rides, minutes, at = [], 0.0, gate
    for stop in from_gate:
        minutes += minutes_between(at, stop)
        rides.append((minutes, 1.5 * minutes_between(gate, stop) + 10))
        minutes, at = minutes + 1, stop
    return rides
