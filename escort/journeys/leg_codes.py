"""The one code that a leg has on the boards, from its row, its shift and its taps."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from escort.journeys.board_rows import LegRow, ShiftRow, TapRow
from escort.journeys.models import Step
from escort.journeys.windows import is_only_reported
from escort.rota.models import Direction, LegState, ShiftState


class LegCode(StrEnum):
    """The codes of the status vocabulary that a leg can have."""

    NO_RIDE = "no_ride"  # cancelled by somebody entitled
    UNASSIGNED = "unassigned"  # nobody drives
    DRAFT = "draft"  # the office's own proposal, not published
    ASKED = "asked"  # somebody was asked and has not said yes
    CONFIRMED = "confirmed"
    STARTED = "started"
    AT_PICKUP = "at_pickup"
    ON_BOARD = "on_board"
    REPORTED = "reported"  # the driver says delivered; this family says so too before it counts
    DELIVERED = "delivered"
    LATE = "late"  # past its time plus grace, with no word
    SETTLED = "settled"  # no word, and a human closed its case with a reason


def code_of(
    leg: LegRow,
    drivers: Mapping[int, ShiftRow],
    taps: Mapping[int, list[TapRow]],
    settled: frozenset[str],
    now: datetime,
) -> LegCode:
    """Return the code of this leg: `taps` by leg, `drivers` by run, `settled` = what a human has closed today."""
    if leg.state == LegState.CANCELLED:
        return LegCode.NO_RIDE
    shift = drivers.get(leg.run_id or 0)
    code = _from_taps(leg, taps.get(leg.leg_id, [])) or _from_shift(leg, shift)
    if code in (LegCode.CONFIRMED, *ON_THE_ROAD) and minutes_late(leg, code, now) > 0:
        abouts = {f"leg:{leg.leg_id}", f"run:{leg.run_id}", f"shift:{shift.shift_id}" if shift else ""}
        return LegCode.SETTLED if abouts & settled else LegCode.LATE
    return code


def _from_taps(leg: LegRow, taps: Iterable[TapRow]) -> LegCode | None:
    """The furthest step that anybody tapped; at the gate a handover ends the way to school and begins the other."""
    taps = list(taps)
    if leg.confirms_arrival and is_only_reported(leg.direction, taps):
        return LegCode.REPORTED
    reached: LegCode | None = None
    for tap in taps:
        at_gate = tap.by.startswith("gate:")
        if tap.step == Step.DELIVERED or (
            tap.step == Step.HANDED_OVER and at_gate == (leg.direction == Direction.TO_SCHOOL)
        ):
            return LegCode.DELIVERED
        code = LegCode.ON_BOARD if tap.step == Step.HANDED_OVER else STEP_CODES.get(Step(tap.step))
        if code is not None and (reached is None or ON_THE_ROAD.index(code) > ON_THE_ROAD.index(reached)):
            reached = code
    return reached


def _from_shift(leg: LegRow, shift: ShiftRow | None) -> LegCode:
    if shift is None:
        return LegCode.ASKED if leg.is_asked else LegCode.UNASSIGNED
    return SHIFT_CODES[ShiftState(shift.state)]


def minutes_late(leg: LegRow, code: LegCode, now: datetime) -> int:
    """Return the minutes past the next expected moment, once its grace is over; else 0."""
    expected, grace = (
        (leg.due_at, GRACE_TO_DELIVER) if code is LegCode.ON_BOARD else (leg.pickup_at, GRACE_ABOARD)
    )
    return int((now - expected).total_seconds() // 60) if now >= expected + grace else 0


GRACE_ABOARD = timedelta(minutes=5)
GRACE_TO_DELIVER = timedelta(minutes=10)
ON_THE_ROAD = (LegCode.STARTED, LegCode.AT_PICKUP, LegCode.ON_BOARD)
STEP_CODES = {
    Step.STARTED: LegCode.STARTED,
    Step.AT_PICKUP: LegCode.AT_PICKUP,
    Step.ON_BOARD: LegCode.ON_BOARD,
}
SHIFT_CODES = {
    ShiftState.DRAFT: LegCode.DRAFT,
    ShiftState.OPEN: LegCode.ASKED,
    ShiftState.CONFIRMED: LegCode.CONFIRMED,
    ShiftState.SERVED: LegCode.DELIVERED,
}
