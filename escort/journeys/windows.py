"""The two windows of DESIGN section 8: W-duty and W-gate. Outside them names, places and cars are masked."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from escort.journeys.models import Step, Tap
from escort.rota.models import Direction


class Tapped(Protocol):
    """A tap, or the two columns of one that say what it proves."""

    @property
    def step(self) -> str: ...

    @property
    def by(self) -> str: ...


def duty_opens_at(on: date, confirmed_at: datetime, zone: ZoneInfo) -> datetime:
    """Return when W-duty of a shift begins: 17:00 the day before, or the acceptance if that is later."""
    evening_before = datetime.combine(on - timedelta(days=1), DUTY_OPENS, zone)
    return max(evening_before, confirmed_at)


def is_in_duty(
    *,
    on: date,
    confirmed_at: datetime | None,
    finished_at: datetime | None,
    now: datetime,
    zone: ZoneInfo,
) -> bool:
    """Say whether W-duty holds. Without a handover it ends with the local day: no name stays for ever."""
    if confirmed_at is None or now < duty_opens_at(on, confirmed_at, zone):
        return False
    if finished_at is not None:
        return now < finished_at + AFTER_HANDOVER
    return now < datetime.combine(on + timedelta(days=1), time(0), zone)


def is_in_gate(pickup_at: datetime, now: datetime) -> bool:
    """Say whether W-gate holds: from T - 30 minutes to T + 60 minutes, half-open."""
    return pickup_at - GATE_BEFORE <= now < pickup_at + GATE_AFTER


def finished_at(direction: str, taps: Iterable[Tap]) -> datetime | None:
    """Return when the child came into the hands at the end of the way; None while it has not.

    At the school's gate a handover ends the way to school and begins the way home.
    """
    ends = [tap.tapped_at for tap in taps if _ends(direction, tap)]
    return min(ends, default=None)


def is_said_at_home(tap: Tapped) -> bool:
    """Say whether with this tap the family's side, or the office for it, says that the child is at home."""
    return tap.step == Step.HANDED_OVER and not tap.by.startswith("gate:")


def is_only_reported(direction: str, taps: Iterable[Tapped]) -> bool:
    """Say whether a driver's word alone has brought the child home: for families that say so themselves."""
    taps = list(taps)
    is_delivered = direction == Direction.HOME and any(tap.step == Step.DELIVERED for tap in taps)
    return is_delivered and not any(is_said_at_home(tap) for tap in taps)


def _ends(direction: str, tap: Tap) -> bool:
    if tap.undone_at is not None:
        return False
    if tap.step == Step.DELIVERED:
        return True
    at_gate = tap.by.startswith("gate:")
    return tap.step == Step.HANDED_OVER and at_gate == (direction == Direction.TO_SCHOOL)


DUTY_OPENS = time(17, 0)
AFTER_HANDOVER = timedelta(minutes=30)
GATE_BEFORE = timedelta(minutes=30)
GATE_AFTER = timedelta(minutes=60)
