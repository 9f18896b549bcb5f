"""Duties and minutes really served: counted from what was delivered, never from the plan."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from sqlmodel import Session, col, select

from escort.rota.models import Leg, Service


@dataclass(frozen=True)
class ServedMonth:
    """One volunteer's month. A duty is one car on one half-day, however many children sat in it."""

    volunteer_id: int
    year: int
    month: int
    duties: int
    legs: int
    minutes: int  # of driving with children, as the legs were estimated; the longest leg of each duty


def served_in_month(session: Session, *, year: int, month: int) -> list[ServedMonth]:
    """Return what each volunteer served in a month, the most duties first."""
    first = date(year, month, 1)
    last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    months = _months(session, first, last, volunteer_id=None)
    return sorted(months, key=lambda one: (-one.duties, one.volunteer_id))


def served_by(session: Session, *, volunteer_id: int, from_on: date, until_on: date) -> list[ServedMonth]:
    """Return a volunteer's months between two dates (inclusive), the oldest first."""
    months = _months(session, from_on, until_on, volunteer_id=volunteer_id)
    return sorted(months, key=lambda one: (one.year, one.month))


def _months(
    session: Session, from_on: date, until_on: date, *, volunteer_id: int | None
) -> list[ServedMonth]:
    rows = (
        select(Service, Leg.minutes)
        .join(Leg, col(Leg.id) == col(Service.leg_id))
        .where(Service.on >= from_on, Service.on <= until_on)
    )
    if volunteer_id is not None:
        rows = rows.where(Service.volunteer_id == volunteer_id)
    legs: dict[tuple[int, int, int], int] = defaultdict(int)
    longest: dict[tuple[int, int, int], dict[tuple[date, str], int]] = defaultdict(dict)
    for service, minutes in session.exec(rows):
        key = (service.volunteer_id, service.on.year, service.on.month)
        half_day = (service.on, service.direction)
        legs[key] += 1
        longest[key][half_day] = max(longest[key].get(half_day, 0), minutes)
    return [
        ServedMonth(*key, duties=len(duties), legs=legs[key], minutes=sum(duties.values()))
        for key, duties in longest.items()
    ]
