"""The gate's list on paper: numbered, with what differs from the sheet before, and void in the evening.

It shows who may take which child home, and no live states: what is true for an hour does not belong on paper. A
word stands on it only where the guard must compare one, in the column that is folded back.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from escort.access import audit
from escort.errors import Refused
from escort.families.models import Child
from escort.journeys import windows
from escort.journeys.gate_view import (
    WordReason,
    WordsOf,
    children_of,
    held_legs,
    known_pairs,
    school_and_legs,
    word_reason,
)
from escort.journeys.leg_facts import Car, LegFacts, facts_of
from escort.journeys.printed_sheets import LastSheet, ShownLeg, count_up, last_sheet
from escort.rota.models import Direction, Leg, LegState


@dataclass(frozen=True)
class SheetRow:
    number: int
    leg_id: int
    child_id: int
    at: datetime
    full_name: str
    class_name: str
    car: Car | None  # None: nobody has said yes, or the family fetches
    shift_id: int | None  # of the driver
    second: str  # the second adult in the car
    word_reason: WordReason | None
    words: str  # only with a reason
    by_family: bool
    is_held: bool  # the person on duty is looking into it: not to be let go before he rings


class Change(StrEnum):
    """What differs from the sheet before."""

    NEW = "new"  # was not on it
    GONE = "gone"  # is on it no longer
    BY_FAMILY = "by_family"  # the family fetches it now
    NOT_BY_FAMILY = "not_by_family"  # a volunteer comes again
    HELD = "held"
    RELEASED = "released"
    NOBODY = "nobody"  # the one who was on it does not come, and nobody else
    FOUND = "found"  # there was nobody
    DRIVER = "driver"
    CAR = "car"  # the same driver in another car
    WORD = "word"  # the same driver with another word
    TIME = "time"


@dataclass(frozen=True)
class SheetChange:
    number: int | None  # of its row on this sheet; None: it has none any more
    child: str  # full name
    what: tuple[Change, ...]
    at: datetime | None  # the time now


@dataclass(frozen=True)
class GateSheet:
    school: str
    school_id: int
    on: date
    number: int  # counted from 1 each day
    printed_at: datetime
    void_at: datetime
    rows: tuple[SheetRow, ...]
    changes: tuple[SheetChange, ...]  # from sheet `number` - 1
    spare: tuple[int, ...]  # numbers of the empty rows
    later: int  # children whose W-gate has not opened: not on it by name
    later_opens_at: datetime | None


def gate_sheet(
    session: Session,
    *,
    school_id: int,
    words_of: WordsOf,
    now: datetime,
    zone: ZoneInfo,
    whole_day: bool = False,
) -> GateSheet:
    """Return the list as it would be printed now. `whole_day`: for the office, which sees names at any hour."""
    on = now.astimezone(zone).date()
    school, legs, _ = school_and_legs(session, school_id, on)
    home = [leg for leg in legs if leg.direction == Direction.HOME]
    shown = [leg for leg in home if whole_day or windows.is_in_gate(leg.pickup_at, now)]
    closed = [
        leg for leg in home if leg not in shown and now < leg.pickup_at and leg.state == LegState.WANTED
    ]
    before = last_sheet(session, school_id=school_id, on=on)
    rows = _rows(session, shown, words_of, zone)
    return GateSheet(
        school=school.name,
        school_id=school_id,
        on=on,
        number=before.number + 1 if before else 1,
        printed_at=now,
        void_at=_void_at(on, shown, zone),
        rows=tuple(rows),
        changes=tuple(_changes(session, rows, before, home)) if before else (),
        spare=tuple(range(len(rows) + 1, len(rows) + 1 + SPARE_ROWS)),
        later=len(closed),
        later_opens_at=min((leg.pickup_at - windows.GATE_BEFORE for leg in closed), default=None),
    )


def print_sheet(
    session: Session,
    *,
    school_id: int,
    words_of: WordsOf,
    by: str,
    now: datetime,
    zone: ZoneInfo,
    whole_day: bool = False,
) -> GateSheet:
    """Return the list and count it: the ones before are void. Names and words on it are read, and logged.

    Raises Refused where there is nobody to print, Conflict if somebody prints at the same moment.
    """
    sheet = gate_sheet(
        session, school_id=school_id, words_of=words_of, now=now, zone=zone, whole_day=whole_day
    )
    if not sheet.rows:
        if whole_day:
            raise Refused("今天这所学校没有要接回家的孩子，没有名单可以打印。")
        raise Refused("现在没有要放学的孩子，没有名单可以打印。放学前 30 分钟再来。")
    count_up(
        session,
        school_id=school_id,
        on=sheet.on,
        number=sheet.number,
        shown={row.leg_id: _said(row) for row in sheet.rows},
        by=by,
        now=now,
    )
    fields = [f"child:{row.child_id}.full_name" for row in sheet.rows]
    fields += [f"leg:{row.leg_id}.word" for row in sheet.rows if row.words]
    audit.record(
        session,
        actor=by,
        action="gate_sheet.printed",
        subject=f"gate_sheet:{school_id}:{sheet.on}:{sheet.number}",
        fields=fields,
        now=now,
    )
    return sheet


def note_taken_out(session: Session, sheet: GateSheet, *, by: str, now: datetime) -> None:
    """Write into the trail that a counted list was taken out as a file; what stands on it is in the line before."""
    audit.record(
        session,
        actor=by,
        action="gate_sheet.exported",
        subject=f"gate_sheet:{sheet.school_id}:{sheet.on}:{sheet.number}",
        fields=[f"rows: {len(sheet.rows)}"],
        now=now,
    )


def _rows(session: Session, legs: Sequence[Leg], words_of: WordsOf, zone: ZoneInfo) -> list[SheetRow]:
    if not legs:
        return []
    facts = facts_of(session, legs)
    children = children_of(session, {leg.child_id for leg in legs})
    known = known_pairs(session, facts)
    held = held_legs(session, [leg.id or 0 for leg in legs])
    facts.sort(key=lambda fact: _order(fact, children))
    return [
        _row(number, fact, children[fact.leg.child_id], known, held, words_of, zone)
        for number, fact in enumerate(facts, start=1)
    ]


def _row(
    number: int,
    fact: LegFacts,
    child: Child,
    known: Collection[tuple[int, int]],
    held: Collection[int],
    words_of: WordsOf,
    zone: ZoneInfo,
) -> SheetRow:
    leg = fact.leg
    by_family = leg.state == LegState.CANCELLED
    driver = None if by_family else fact.confirmed
    reason = word_reason(fact, known, zone) if driver else None
    return SheetRow(
        number=number,
        leg_id=leg.id or 0,
        child_id=leg.child_id,
        at=leg.pickup_at,
        full_name=child.full_name or child.short_name,
        class_name=f"{child.grade}{child.class_name}",
        car=driver.car if driver else None,
        shift_id=driver.shift.id if driver else None,
        second=fact.second.car.name if driver and fact.second else "",
        word_reason=reason,
        words=words_of(driver.shift.id or 0, leg.id or 0) if driver and reason else "",
        by_family=by_family,
        is_held=leg.id in held,
    )


def _said(row: SheetRow) -> ShownLeg:
    return ShownLeg(
        at=row.at.isoformat(),
        volunteer_id=row.car.volunteer_id if row.car else None,
        shift_id=row.shift_id,
        plate=row.car.plate if row.car else "",
        by_family=row.by_family,
        is_held=row.is_held,
    )


def _changes(
    session: Session, rows: Sequence[SheetRow], before: LastSheet, home: Sequence[Leg]
) -> list[SheetChange]:
    found = [
        SheetChange(row.number, row.full_name, what, row.at)
        for row in rows
        if (what := _differences(row, before.shown.get(row.leg_id)))
    ]
    gone = before.shown.keys() - {leg.id for leg in home}  # what is only past its window is not gone
    return found + [SheetChange(None, name, (Change.GONE,), None) for name in _names(session, gone)]


def _differences(row: SheetRow, was: ShownLeg | None) -> tuple[Change, ...]:
    if was is None:
        return (Change.NEW,)
    now = _said(row)
    found = []
    if now.by_family != was.by_family:
        found.append(Change.BY_FAMILY if now.by_family else Change.NOT_BY_FAMILY)
    elif now.volunteer_id != was.volunteer_id:
        found.append(_of_drivers(was.volunteer_id, now.volunteer_id))
    elif now.plate != was.plate:
        found.append(Change.CAR)
    elif now.shift_id != was.shift_id and row.words:
        found.append(Change.WORD)
    if now.is_held != was.is_held:
        found.append(Change.HELD if now.is_held else Change.RELEASED)
    if datetime.fromisoformat(now.at) != datetime.fromisoformat(was.at):
        found.append(Change.TIME)
    return tuple(found)


def _of_drivers(was: int | None, now: int | None) -> Change:
    if now is None:
        return Change.NOBODY
    return Change.FOUND if was is None else Change.DRIVER


def _names(session: Session, leg_ids: Collection[int]) -> list[str]:
    if not leg_ids:
        return []
    rows = (
        select(Child.full_name, Child.short_name)
        .join(Leg, col(Leg.child_id) == col(Child.id))
        .where(col(Leg.id).in_(leg_ids))
        .order_by(col(Leg.id))
    )
    return [full_name or short_name for full_name, short_name in session.exec(rows)]


def _order(fact: LegFacts, children: Mapping[int, Child]) -> tuple[bool, datetime, str]:
    child = children[fact.leg.child_id]
    return (
        fact.leg.state == LegState.CANCELLED,
        fact.leg.pickup_at,
        child.full_name or child.short_name,
    )


def _void_at(on: date, legs: Sequence[Leg], zone: ZoneInfo) -> datetime:
    """17:00, or when the last child's W-gate ends: a sheet must not be void while somebody on it still waits."""
    evening = datetime.combine(on, VOID_AFTER, zone)
    return max([evening, *(leg.pickup_at + windows.GATE_AFTER for leg in legs)])


VOID_AFTER = time(17, 0)
SPARE_ROWS = 3
