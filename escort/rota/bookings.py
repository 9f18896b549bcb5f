"""What already holds volunteers on which half-days: promises, duties of the week, and their days off."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session, col, func, select

from escort.roster.models import Blockout
from escort.rota import models as rota
from escort.rota.models import Shift
from scheduling.problem import Booking, Direction, month_number

LOAD_WEEKS = 4  # duties of so many past weeks count as load


def week_of(on: date) -> date:
    """Return the Monday of a date's week."""
    return on - timedelta(days=on.weekday())


def direction_of(direction: str) -> Direction:
    """Return the planner's word for ours."""
    return Direction.TO_SCHOOL if direction == rota.Direction.TO_SCHOOL else Direction.HOME


_ShiftRow = tuple[int | None, int, date, str, str]


def shifts_around(session: Session, dates: list[date], states: Collection[str]) -> list[_ShiftRow]:
    """Return (run, volunteer, date, direction, role) of what is promised or done in the dates' weeks."""
    columns: Any = (Shift.run_id, Shift.volunteer_id, Shift.on, Shift.direction, Shift.role)
    rows = session.exec(
        select(*columns).where(
            Shift.on >= week_of(dates[0]),
            Shift.on < week_of(dates[-1]) + timedelta(days=7),
            col(Shift.state).in_([*states, rota.ShiftState.SERVED]),
        )
    )
    return [(run_id, volunteer_id, on, way, role) for run_id, volunteer_id, on, way, role in rows]


def bookings(
    shifts: Iterable[_ShiftRow],
    kept_runs: Mapping[int, object],
    volunteer_at: Mapping[int, int],
    day_at: Mapping[date, int],
    half_days_off: Iterable[tuple[Booking, date]],
) -> tuple[dict[int, int], dict[int, int], frozenset[Booking], dict[tuple[int, int], int]]:
    """Return promised drivers and second adults of the kept runs, other bookings, and duties per week.

    The planner counts each booking as a duty of its week. A half-day off is a booking without a duty, so it is
    taken off that week's duties again; where somebody has promised a run all the same, the promise holds.
    """
    promised: dict[int, int] = {}
    seconds: dict[int, int] = {}
    held: set[Booking] = set()
    busy: set[Booking] = set()
    used: Counter[tuple[int, int]] = Counter()
    for run_id, volunteer_id, on, direction, role in shifts:
        volunteer = volunteer_at.get(volunteer_id)
        if volunteer is None:
            continue
        if run_id is not None and run_id in kept_runs:
            (seconds if role == rota.Role.SECOND else promised)[run_id] = volunteer
            held.add(Booking(volunteer, day_at[on], direction_of(direction)))
            continue
        booking = Booking(volunteer, day_at[on], direction_of(direction)) if on in day_at else None
        if booking is None or booking in busy:
            used[volunteer, week_number(on)] += 1
        else:
            busy.add(booking)
    for booking in (
        busy & held
    ):  # one served early that half-day, and promised another run: the promise is told
        used[booking.volunteer, week_number(_on(day_at, booking))] += 1
    for booking, on in half_days_off:
        if booking not in busy and booking not in held:
            busy.add(booking)
            used[booking.volunteer, week_number(on)] -= 1
    return promised, seconds, frozenset(busy - held), dict(used)


def month_used(
    session: Session,
    dates: list[date],
    states: Collection[str],
    capped: Mapping[int, int],
    planned: Iterable[tuple[int, date]],
) -> dict[tuple[int, int], int]:
    """Return the duties of each calendar month beside the bookings, of those who keep to a number a month.

    `capped`: their ids and positions. `planned`: what the planner books and counts itself, by position and date, a
    half-day off included.
    """
    if not capped:
        return {}
    rows = session.exec(
        select(col(Shift.volunteer_id), col(Shift.on)).where(
            col(Shift.volunteer_id).in_(list(capped)),
            Shift.on >= dates[0].replace(day=1),
            Shift.on < next_month(dates[-1]),
            col(Shift.state).in_([*states, rota.ShiftState.SERVED]),
        )
    )
    used = Counter((capped[who], month_number(on)) for who, on in rows)
    used.subtract((volunteer, month_number(on)) for volunteer, on in planned)
    return dict(used)


def next_month(on: date) -> date:
    """Return the first day of the month after a date's."""
    return (on.replace(day=1) + timedelta(days=31)).replace(day=1)


def week_number(on: date) -> int:
    return week_of(on).toordinal() // 7


def _on(day_at: Mapping[date, int], booking: Booking) -> date:
    return next(on for on, day in day_at.items() if day == booking.day)


def served_counts(session: Session, first_on: date) -> dict[int, int]:
    rows = session.exec(
        select(col(Shift.volunteer_id), func.count())
        .where(
            Shift.on >= first_on - timedelta(weeks=LOAD_WEEKS),
            Shift.on < first_on,
            Shift.state == rota.ShiftState.SERVED,
        )
        .group_by(col(Shift.volunteer_id))
    )
    return dict(rows.all())


def blockouts(
    session: Session, dates: list[date]
) -> tuple[dict[int, frozenset[date]], list[tuple[int, date, str]]]:
    """Return whole days off per volunteer, and single half-days off."""
    days: dict[int, set[date]] = defaultdict(set)
    halves: list[tuple[int, date, str]] = []
    for volunteer_id, from_on, until_on, half_day in session.exec(
        select(
            col(Blockout.volunteer_id), col(Blockout.from_on), col(Blockout.until_on), col(Blockout.half_day)
        ).where(
            col(Blockout.removed_at).is_(None), Blockout.until_on >= dates[0], Blockout.from_on <= dates[-1]
        )
    ):
        within = [on for on in dates if from_on <= on <= until_on]
        if half_day:
            halves += [(volunteer_id, on, half_day) for on in within]
        else:
            days[volunteer_id].update(within)
    return {volunteer: frozenset(off) for volunteer, off in days.items()}, halves
