"""Today's board: what needs a human, who is on the road, what must be told by hand, what went by itself.

Every leg of the day has exactly one code of the status vocabulary; the board counts them, so that nothing
falls out of sight. Seven queries, however many legs there are.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlmodel import Session

from escort.cases.models import Case, CaseKind, CaseState
from escort.cases.service import CAN_REOPEN as LATELY
from escort.cases.service import HUMAN, is_long_past
from escort.journeys import board_rows
from escort.journeys.board_rows import HandRow, LegRow, OfficeRow, ShiftRow, StandInRow
from escort.journeys.changed_days import Change, ChangedCar, changes_from
from escort.journeys.leg_codes import GRACE_TO_DELIVER, ON_THE_ROAD, LegCode, code_of
from escort.rota.models import LegState
from escort.sentences import Sentence


class Action(StrEnum):
    """What a row recommends; the page has the words and the addresses."""

    CALL_DRIVER = "call_driver"
    FIND_DRIVER = "find_driver"  # candidates of the run
    SEE_WEEK = "see_week"  # the rota of that day, with why nobody can drive
    SEE_HAND_LIST = "see_hand_list"
    SEE_CALLS = "see_calls"  # the evening's calls
    SEE_CALENDAR = "see_calendar"
    ANSWER_SCHOOL = "answer_school"  # confirm an early dismissal, or refuse it
    SEE_PERSON = "see_person"
    SAY_ARRIVED = "say_arrived"  # the family said so on the phone
    CALL_FAMILY = "call_family"  # the child's page, where the number is
    SEE_CHANGE = "see_change"  # the rota of the school whose time changed
    CLOSE = "close"


@dataclass(frozen=True)
class CaseLine:
    """One case as the queue shows it."""

    case_id: int
    kind: str
    about: str
    is_urgent: bool
    needed_by: datetime | None
    sentence: str
    children: tuple[str, ...]
    child_id: int | None  # the first of them
    school: str
    direction: str | None
    code: str | None  # of its leg, from the status vocabulary
    run_id: int | None
    driver: str
    driver_id: int | None
    day: date | None  # of a grouped case
    report_id: int | None  # of a school's early dismissal
    is_long_past: bool  # only a word about how it went is missing
    taken_by: str | None  # a name; None: nobody has it
    lapsed_from: str | None  # a name: somebody had it, and their taking has lapsed
    taken_at: datetime | None
    told_again_at: datetime | None
    action: Action
    second: Action | None
    change: Change | None = None  # of a grouped case about a changed time


@dataclass(frozen=True)
class RunLine:
    """One car on the road, or one that should be."""

    run_id: int
    children: tuple[str, ...]
    driver: str
    school: str
    direction: str
    place: str
    has_started: bool
    has_all_aboard: bool
    expected_at: datetime  # the next pick-up, or the end once all are aboard
    minutes_late: int  # 0: within its grace
    legs: tuple[tuple[int, str], ...]  # leg and child, in the order of `children`
    changed_plate: str = ""  # he drives another car than the one we know

    @property
    def is_late(self) -> bool:
        return self.minutes_late > 0


@dataclass(frozen=True)
class HandLine:
    """One message that a human forwards or tells by phone."""

    task_id: int
    kind: str  # forward | call
    who: str
    text: str
    created_at: datetime
    calls_unanswered: int


@dataclass(frozen=True)
class DoneLine:
    """One thing that is settled, with its reason."""

    at: datetime
    sentence: str
    by_system: bool
    run_id: int | None
    case_id: int | None  # that a human closed, and can open again


@dataclass(frozen=True)
class DayCount:
    """One day's legs by code; every leg is in exactly one."""

    on: date
    by_code: Mapping[str, int]
    children: int
    cars: int

    @property
    def legs(self) -> int:
        return sum(self.by_code.values())

    @property
    def not_safe(self) -> int:
        """How many legs nobody has said yes to: told is not agreed, and a draft is nobody's promise."""
        return sum(self.by_code.get(code, 0) for code in (LegCode.UNASSIGNED, LegCode.DRAFT, LegCode.ASKED))


@dataclass(frozen=True)
class Board:
    on: date
    today: DayCount
    tomorrow: DayCount | None  # from the evening on
    urgent: int
    due_today: int
    later: int
    queue: tuple[CaseLine, ...]
    on_the_road: tuple[RunLine, ...]  # late ones first
    by_hand: tuple[HandLine, ...]
    calls: int  # families to be rung: a list of their own
    done: tuple[DoneLine, ...]
    on_duty: str | None
    next_on_duty: str | None
    next_duty_at: time | None
    next_look_at: datetime | None  # the next pick-up that has not happened


def board(session: Session, *, now: datetime, zone: ZoneInfo) -> Board:
    """Return the board of the local day that holds `now`."""
    today = now.astimezone(zone).date()
    tomorrow = today + timedelta(days=1)
    midnight = datetime.combine(today, time(), zone)
    cases = board_rows.cases(session, closed_since=now - LATELY)
    live = [case for case in cases if case.state != CaseState.CLOSED]
    closed = [case for case in cases if case.state == CaseState.CLOSED]
    closed_today = [case for case in closed if case.closed_at is not None and case.closed_at >= midnight]
    abouts = [case.about for case in live]
    drivers, run_of = board_rows.drivers(session, days=(today, tomorrow), abouts=abouts)
    runs = {*run_of.values(), *board_rows.ids_in(abouts, "run:")}
    legs = board_rows.legs(session, days=(today, tomorrow), run_ids=runs, abouts=abouts)
    taps = board_rows.taps(session, on=today)
    office = board_rows.office(session)
    settled = _settled_by_hand(live, closed_today)
    changes = _changes(session, live, today)
    codes = {leg.leg_id: code_of(leg, drivers, taps, settled, now) for leg in legs}
    queue = sorted(
        (
            _case_line(case, _legs_about(case.about, legs, run_of), codes, drivers, office, now, changes)
            for case in live
        ),
        key=lambda line: _rank(line, now),
    )
    urgent = sum(line.is_urgent for line in queue)
    due_today = sum(not line.is_urgent and _is_due_on(line, today, zone) for line in queue)
    on_duty, next_on_duty, next_duty_at = _duty(office, now.astimezone(zone))
    hand_rows, calls = board_rows.by_hand(session)
    shows_tomorrow = now.astimezone(zone).time() >= EVENING
    return Board(
        on=today,
        today=_count(today, legs, codes, drivers),
        tomorrow=_count(tomorrow, legs, codes, drivers) if shows_tomorrow else None,
        urgent=urgent,
        due_today=due_today,
        later=len(queue) - urgent - due_today,
        queue=tuple(queue),
        on_the_road=_on_the_road([leg for leg in legs if leg.on == today], codes, drivers, now),
        by_hand=tuple(_hand_line(row) for row in hand_rows),
        calls=calls,
        done=_done(closed, board_rows.stand_ins(session, since=now - LATELY), legs),
        on_duty=on_duty,
        next_on_duty=next_on_duty,
        next_duty_at=next_duty_at,
        next_look_at=_next_look_at(legs, codes, now),
    )


def _changes(session: Session, live: Iterable[Case], today: date) -> dict[str, Change]:
    """Return the changes that live cases are about, by what they are about; no statement where there is none."""
    abouts = {case.about for case in live if case.kind == CaseKind.CHANGED}
    if not abouts:
        return {}
    from_on = min(today, *(date.fromisoformat(about.split(":")[1]) for about in abouts))
    return {change.about: change for change in changes_from(session, from_on) if change.about in abouts}


def _settled_by_hand(live: list[Case], closed: list[Case]) -> frozenset[str]:
    """What a human has closed today and nothing has opened again."""
    still = {case.about for case in live}
    return frozenset(case.about for case in closed if case.closed_by != SYSTEM and case.about not in still)


def _count(
    on: date, legs: Iterable[LegRow], codes: Mapping[int, LegCode], drivers: Mapping[int, ShiftRow]
) -> DayCount:
    of_day = [leg for leg in legs if leg.on == on]
    cars = {leg.run_id for leg in of_day if leg.run_id in drivers and leg.state == LegState.WANTED}
    return DayCount(
        on=on,
        by_code=Counter(str(codes[leg.leg_id]) for leg in of_day),
        children=len({leg.child_id for leg in of_day}),
        cars=len(cars),
    )


def _legs_about(about: str, legs: Iterable[LegRow], run_of: Mapping[int, int]) -> list[LegRow]:
    """The legs that a case's `leg:<id>`, `run:<id>` or `shift:<id>` stands for."""
    kind, _, number = about.partition(":")
    if kind == "leg":
        return [leg for leg in legs if str(leg.leg_id) == number]
    run_id = run_of.get(int(number)) if kind == "shift" else int(number) if kind == "run" else None
    return [leg for leg in legs if run_id is not None and leg.run_id == run_id]


def _case_line(
    case: Case,
    about: Sequence[LegRow],
    codes: Mapping[int, LegCode],
    drivers: Mapping[int, ShiftRow],
    office: Iterable[OfficeRow],
    now: datetime,
    changes: Mapping[str, Change],
) -> CaseLine:
    assert case.id is not None
    change = changes.get(case.about)
    silent = change.silent[0] if change and change.silent else None
    run_id = about[0].run_id if about else None
    shift = drivers.get(run_id or 0)
    names = {f"account:{row.account_id}": row.name for row in office}
    taker = names.get(case.acknowledged_by or "", case.acknowledged_by)
    is_taken = case.state == CaseState.ACKNOWLEDGED
    wished = ACTIONS.get(CaseKind(case.kind), (Action.CLOSE,))
    if about and about[0].pickup_at <= now and Action.FIND_DRIVER in wished and shift is None:
        wished = (Action.CALL_FAMILY,)  # nobody can be found for a time that is over: ask how the child fares
    possible = [
        action
        for action in wished
        if _is_possible(action, case.about, run_id, shift) or (action is Action.CALL_DRIVER and silent)
    ]
    return CaseLine(
        case_id=case.id,
        kind=case.kind,
        about=case.about,
        is_urgent=case.is_urgent,
        needed_by=case.needed_by,
        sentence=case.sentence,
        children=tuple(leg.child for leg in about),
        child_id=about[0].child_id if about else None,
        school=about[0].school if about else change.school if change else "",
        direction=about[0].direction if about else change.direction if change else None,
        code=str(codes[about[0].leg_id]) if about else None,
        run_id=run_id,
        driver=shift.name if shift else silent.first if silent else "",
        driver_id=_driver_id(case.about, shift, silent),
        day=change.on if change else _day_in(case.about),
        report_id=_number_in(case.about, "dismissal"),
        is_long_past=is_long_past(case, now),
        taken_by=taker if is_taken else None,
        lapsed_from=None if is_taken else taker,
        taken_at=case.acknowledged_at,
        told_again_at=case.next_step_at,
        action=possible[0] if possible else Action.CLOSE,
        second=possible[1] if len(possible) > 1 else None,
        change=change,
    )


def _driver_id(about: str, shift: ShiftRow | None, silent: ChangedCar | None) -> int | None:
    """Whom the row speaks of: who drives, or who has not answered, or the volunteer whom the case names."""
    if shift is not None:
        return shift.volunteer_id
    return silent.first_id if silent is not None else _number_in(about, "volunteer")


def _is_possible(action: Action, about: str, run_id: int | None, shift: ShiftRow | None) -> bool:
    match action:
        case Action.CALL_DRIVER:
            return shift is not None
        case Action.FIND_DRIVER:
            return run_id is not None
        case Action.SEE_WEEK:
            return _day_in(about) is not None
        case Action.SEE_PERSON:
            return _number_in(about, "volunteer") is not None
        case _:
            return True


def _number_in(about: str, wanted: str) -> int | None:
    kind, _, number = about.partition(":")
    return int(number) if kind == wanted and number.isdecimal() else None


def _day_in(about: str) -> date | None:
    kind, _, day = about.partition(":")
    return date.fromisoformat(day) if kind == "date" else None


def _rank(line: CaseLine, now: datetime) -> tuple[bool, datetime, int, int]:
    """Least time left first; at equal time by how bad it is."""
    far = now + timedelta(days=365)
    return (
        not line.is_urgent and line.needed_by is None,
        line.needed_by or far,
        RANK[line.kind],
        line.case_id,
    )


def _is_due_on(line: CaseLine, today: date, zone: ZoneInfo) -> bool:
    return line.needed_by is not None and line.needed_by.astimezone(zone).date() <= today


def _on_the_road(
    legs: Iterable[LegRow], codes: Mapping[int, LegCode], drivers: Mapping[int, ShiftRow], now: datetime
) -> tuple[RunLine, ...]:
    by_run: dict[int, list[LegRow]] = defaultdict(list)
    for leg in legs:
        if leg.run_id is not None and codes[leg.leg_id] is not LegCode.NO_RIDE:
            by_run[leg.run_id].append(leg)
    lines = [
        _run_line(run_id, of_run, codes, drivers[run_id], now)
        for run_id, of_run in by_run.items()
        if run_id in drivers and any(codes[leg.leg_id] in (*ON_THE_ROAD, LegCode.LATE) for leg in of_run)
    ]
    return tuple(sorted(lines, key=lambda line: (-line.minutes_late, line.expected_at, line.run_id)))


def _run_line(
    run_id: int, legs: list[LegRow], codes: Mapping[int, LegCode], driver: ShiftRow, now: datetime
) -> RunLine:
    waiting = [
        leg for leg in legs if codes[leg.leg_id] in (LegCode.STARTED, LegCode.AT_PICKUP, LegCode.CONFIRMED)
    ]
    late = [leg for leg in legs if codes[leg.leg_id] is LegCode.LATE]
    aboard = [leg for leg in late if now >= leg.due_at + GRACE_TO_DELIVER]
    unfinished = waiting or late or [leg for leg in legs if codes[leg.leg_id] is LegCode.ON_BOARD] or legs
    expected = min(leg.pickup_at for leg in waiting) if waiting else max(leg.due_at for leg in unfinished)
    if late and not waiting:
        expected = min(leg.due_at if leg in aboard else leg.pickup_at for leg in late)
    return RunLine(
        run_id=run_id,
        children=tuple(leg.child for leg in sorted(legs, key=lambda leg: leg.position)),
        driver=driver.name,
        school=legs[0].school,
        direction=legs[0].direction,
        place=legs[0].area or legs[0].place_name,
        has_started=any(
            codes[leg.leg_id] in (*ON_THE_ROAD, LegCode.REPORTED, LegCode.DELIVERED) for leg in legs
        ),
        has_all_aboard=not waiting and not late,
        expected_at=expected,
        minutes_late=int((now - expected).total_seconds() // 60) if late else 0,
        legs=tuple((leg.leg_id, leg.child) for leg in sorted(legs, key=lambda leg: leg.position)),
        changed_plate=driver.changed_plate,
    )


def _hand_line(row: HandRow) -> HandLine:
    return HandLine(
        task_id=row.task_id,
        kind=row.kind,
        who=row.who,
        text=row.text,
        created_at=row.created_at,
        calls_unanswered=row.tries,
    )


def _done(
    closed: Iterable[Case], stand_ins: Iterable[StandInRow], legs: Iterable[LegRow]
) -> tuple[DoneLine, ...]:
    children: dict[int, list[str]] = defaultdict(list)
    for leg in legs:
        if leg.run_id is not None:
            children[leg.run_id].append(leg.child)
    lines = [
        DoneLine(
            at=case.closed_at or case.opened_at,
            sentence=f"{case.sentence} → {case.close_reason}" if case.close_reason else case.sentence,
            by_system=case.closed_by == SYSTEM,
            run_id=None,
            case_id=case.id if (case.closed_by or "").startswith(HUMAN) else None,
        )
        for case in closed
    ]
    lines += [
        DoneLine(
            at=row.at,
            sentence=Sentence(
                "%(for_whom)s：%(name)s答应顶班。",
                for_whom="、".join(children.get(row.run_id, [])) or row.school,
                name=row.name,
            ),
            by_system=True,
            run_id=row.run_id,
            case_id=None,
        )
        for row in stand_ins
    ]
    return tuple(sorted(lines, key=lambda line: line.at, reverse=True))


def _duty(office: Iterable[OfficeRow], local: datetime) -> tuple[str | None, str | None, time | None]:
    """Who is on duty now, who follows today, and from when. A row for a weekday wins over the one for always."""
    minute = local.hour * 60 + local.minute
    listed = [(row.hours, row.name) for row in office if row.hours is not None]
    todays = [(hours, name) for hours, name in listed if hours.weekday in (None, local.weekday())]
    todays.sort(key=lambda one: (one[0].weekday is None, one[0].from_minute))
    holding = next((name for hours, name in todays if hours.from_minute <= minute < hours.until_minute), None)
    following = [(hours.from_minute, name) for hours, name in todays if hours.from_minute > minute]
    if not following:
        return holding, None, None
    begins, name = min(following)
    return holding, name, time(begins // 60, begins % 60)


def _next_look_at(legs: Iterable[LegRow], codes: Mapping[int, LegCode], now: datetime) -> datetime | None:
    ahead = (leg.pickup_at for leg in legs if leg.pickup_at > now and codes[leg.leg_id] in WAITED_FOR)
    return min(ahead, default=None)


SYSTEM = "system"
EVENING = time(18, 0)  # from here on the board also shows tomorrow
WAITED_FOR = (LegCode.CONFIRMED, LegCode.ASKED, LegCode.UNASSIGNED, LegCode.DRAFT)
ACTIONS: dict[CaseKind, tuple[Action, ...]] = {
    CaseKind.NOT_DEPARTED: (Action.CALL_DRIVER, Action.FIND_DRIVER),
    CaseKind.NOT_ABOARD: (Action.CALL_DRIVER, Action.FIND_DRIVER),
    CaseKind.NOT_DELIVERED: (Action.CALL_DRIVER,),
    CaseKind.NOT_HOME: (Action.CALL_FAMILY, Action.SAY_ARRIVED),
    CaseKind.WRONG_PERSON: (Action.CALL_DRIVER,),
    CaseKind.HELD_AT_GATE: (Action.CALL_DRIVER,),
    CaseKind.EARLY_DISMISSAL: (Action.ANSWER_SCHOOL,),
    CaseKind.SUSPENDED_ON_ROAD: (Action.CALL_DRIVER, Action.FIND_DRIVER),
    CaseKind.TROUBLE_ON_ROAD: (Action.CALL_DRIVER, Action.FIND_DRIVER),
    CaseKind.NO_DRIVER: (Action.FIND_DRIVER, Action.SEE_WEEK),
    CaseKind.CHANGED: (Action.CALL_DRIVER, Action.SEE_CHANGE),
    CaseKind.NO_ANSWER: (Action.FIND_DRIVER,),
    CaseKind.RELIEF: (Action.CALL_DRIVER, Action.FIND_DRIVER),
    CaseKind.UNFILLABLE: (Action.SEE_WEEK,),
    CaseKind.NOT_TOLD: (Action.SEE_CALLS,),
    CaseKind.MESSAGE_FAILED: (Action.SEE_HAND_LIST,),
    CaseKind.REPLY_UNCLEAR: (Action.SEE_PERSON,),
    CaseKind.AFTERNOON: (Action.CALL_FAMILY,),
    CaseKind.TO_CONFIRM: (Action.SEE_CALENDAR,),
    CaseKind.STUCK_WORK: (),
}
"""In the order of how bad they are: of what a row recommends, the first two that are possible are shown."""
RANK = {str(kind): place for place, kind in enumerate(ACTIONS)}
