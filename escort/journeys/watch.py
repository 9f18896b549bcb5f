"""Nobody waits unnoticed: silence about a leg becomes a case while there is still time to do something.

Each run has a row with the moment of its next look. A look reads the truth, opens what must be opened, and moves the
row to the next moment at which something can have gone wrong. Cases close when somebody's deed has removed the cause.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, or_, update
from sqlmodel import Session, col, select

from escort import wording
from escort.cases.models import Case, CaseKind, CaseState
from escort.cases.service import close_because, open_case
from escort.journeys import changed_days, deeds, watched_days
from escort.journeys.afternoons import sweep_afternoons
from escort.journeys.changed_days import covered_runs, sweep_changes
from escort.journeys.models import WatchedDay, WatchedRun
from escort.journeys.progress import Rank
from escort.journeys.told_families import LAST_WORD, tell_nobody
from escort.journeys.watched import Watched, WatchedLeg, cases_about, due_runs, keep_rows
from escort.rota.asks import LinkMaker
from escort.rota.models import ChangedLeg, Direction, Shift, ShiftState
from escort.spoken import Turn
from notifications.models import Urgency
from notifications.outbox import Letter, enqueue_many


def sweep_watch(
    session: Session,
    *,
    now: datetime,
    zone: ZoneInfo,
    duty_phone: str,
    links: LinkMaker,
    only: int | None = None,
) -> int:
    """Look at every run and school day whose moment has come; return how many were looked at.

    `only` looks at one run and nothing else, or, with 0, at the days and at cases whose cause is gone.
    """
    watched: Sequence[Watched] = []
    if only is None:
        keep_rows(session, now=now)
    if not only:
        sweep_changes(session, now=now, zone=zone)
    if only != 0:
        watched = due_runs(session, now=now, only=only)
    if watched:
        _look_at_all(session, watched, _Eye(now, zone, duty_phone, links))
    if only:
        return len(watched)
    if only == 0:
        return _sweep_rest(session, now, zone)
    _forget_dissolved(session, now)
    return len(watched) + _sweep_rest(session, now, zone)


def waiting(session: Session, *, now: datetime) -> list[int]:
    """Return the runs that are to be looked at now."""
    due = select(WatchedRun.run_id).where(col(WatchedRun.next_look_at) <= now)
    return sorted(session.exec(due))


def _sweep_rest(session: Session, now: datetime, zone: ZoneInfo) -> int:
    days = watched_days.sweep_days(session, now=now, zone=zone)
    sweep_afternoons(session, now=now, zone=zone)
    deeds.close_cases_whose_cause_is_gone(session, now=now)
    return days


def next_due_at(session: Session, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the next instant at which the watch may have something to do, perhaps in the past."""
    *looks, has_changes = session.execute(_next_looks(), {"today": now.astimezone(zone).date()}).one()
    if has_changes and changed_days.is_due(session, now=now, zone=zone):
        return now
    return min((moment for moment in looks if moment is not None), default=now)


@cache
def _next_looks() -> Any:
    """Put together once: every heartbeat asks it."""
    runs = select(func.min(WatchedRun.next_look_at)).scalar_subquery()
    days = select(func.min(WatchedDay.next_look_at)).scalar_subquery()
    changed = select(ChangedLeg.leg_id).where(ChangedLeg.on >= bindparam("today"))
    counted = select(Case.id).where(Case.kind == CaseKind.CHANGED, Case.state != CaseState.CLOSED)
    return select(runs, days, or_(changed.exists(), counted.exists()))


@dataclass(frozen=True)
class _Eye:
    """The moment of a look, and what its messages need."""

    now: datetime
    zone: ZoneInfo
    duty_phone: str
    links: LinkMaker


@dataclass
class _Found:
    """What a look at one run found: cases to open, whom to tell, and when to look again."""

    alarms: list["_Alarm"] = field(default_factory=list)
    nag: bool = False  # ask the driver himself
    nobody: bool = False  # tell the families that nobody is found
    served: bool = False
    replaced: list[str] = field(default_factory=list)  # NOT_DEPARTED that has become NOT_ABOARD
    next_at: datetime | None = None

    def leave_to_the_change(self, now: datetime) -> None:
        """One case speaks of all cars that changed together: no other about the same, as long as it is live."""
        self.alarms = [alarm for alarm in self.alarms if alarm.kind not in NOBODY_DRIVES]
        soon = now + COVERED_AGAIN
        self.next_at = min(self.next_at or soon, soon)


@dataclass(frozen=True)
class _Alarm:
    kind: CaseKind
    about: str
    sentence: str
    needed_by: datetime
    since: datetime  # a case closed by the office after this moment is not opened again
    is_urgent: bool = True


def _look_at_all(session: Session, watched: Sequence[Watched], eye: _Eye) -> None:
    cases = cases_about(session, watched)
    without = [one.run_id for one in watched if one.shift is None]
    covered = covered_runs(session, without, today=eye.now.astimezone(eye.zone).date())
    nagged, nobody, served, looked = [], [], [], []
    for one in watched:
        found = _look(one, cases, eye)
        if one.run_id in covered:
            found.leave_to_the_change(eye.now)
        for alarm in found.alarms:
            _open(session, alarm, cases, eye)
        if found.replaced:
            close_because(
                session,
                kinds=[CaseKind.NOT_DEPARTED],
                abouts=found.replaced,
                by="system",
                reason="已过接的时间，另列为“没接到”",
                now=eye.now,
            )
        nagged += [one] if found.nag else []
        nobody += [one] if found.nobody else []
        served += [one.run_id] if found.served else []
        looked.append({"run_id": one.run_id, "next_look_at": found.next_at})
    session.execute(update(WatchedRun), looked)
    if served:
        session.execute(
            update(Shift)
            .where(col(Shift.run_id).in_(served), col(Shift.state) == ShiftState.CONFIRMED)
            .values(state=str(ShiftState.SERVED), ended_at=eye.now)
        )
    _ask_drivers(session, nagged, eye)
    tell_nobody(
        session,
        [leg.leg for one in nobody for leg in one.legs if leg.progress.rank < Rank.ON_BOARD],
        duty_phone=eye.duty_phone,
        now=eye.now,
        zone=eye.zone,
    )


def _look(one: Watched, cases: Mapping[str, list[Case]], eye: _Eye) -> _Found:
    unfinished = [leg for leg in one.legs if leg.progress.rank < Rank.DELIVERED]
    if not one.legs:
        return _Found()
    if not unfinished:
        return _Found(served=one.shift is not None and one.shift.state == ShiftState.CONFIRMED)
    if one.shift is None:
        return _look_without_driver(one, cases, eye)
    return _look_with_driver(one, unfinished, cases, eye)


def _look_without_driver(one: Watched, cases: Mapping[str, list[Case]], eye: _Eye) -> _Found:
    """A child in the car of somebody who is not the driver any more is the office's at once; others wait for one."""
    waiting = any(leg.progress.rank < Rank.ON_BOARD for leg in one.legs)
    found = _look_for_driver(one, cases, eye) if waiting else _Found()
    for leg in one.legs:
        if leg.progress.rank is not Rank.ON_BOARD:
            continue
        sentence = wording.case_aboard_without_driver(leg.child, leg.leg.due_at, zone=eye.zone)
        about, due_at = f"leg:{leg.leg_id}", leg.leg.due_at
        since = leg.progress.on_board_at or one.run.starts_at
        found.alarms.append(_Alarm(CaseKind.TROUBLE_ON_ROAD, about, sentence, due_at, since))
        late_at = due_at + DELIVERED_WITHIN
        if late_at <= eye.now:
            found.alarms.append(_Alarm(CaseKind.NOT_DELIVERED, about, sentence, due_at, late_at))
        else:
            found.next_at = min(found.next_at or late_at, late_at)
    return found


def _look_for_driver(one: Watched, cases: Mapping[str, list[Case]], eye: _Eye) -> _Found:
    """Who can wait while others are still asked; not in the last hour, and not on the evening before a morning."""
    now, starts_at = eye.now, one.run.starts_at
    if one.run.published_at is None:
        return _Found(next_at=now + DRAFT_AGAIN)  # counted with its day until it is published
    evening = _evening_before(one, eye.zone)
    stages = [starts_at - DAY_AHEAD, evening, starts_at - LAST_HOUR, starts_at]
    if one.run.direction == Direction.TO_SCHOOL:
        stages.append(evening + ASKED_IN_VAIN)
    is_urgent = now >= starts_at - LAST_HOUR or (
        now >= evening
        and (
            one.asked_until is None
            or (one.run.direction == Direction.TO_SCHOOL and now >= evening + ASKED_IN_VAIN)
        )
    )
    found = _Found()
    if is_urgent or (now >= starts_at - DAY_AHEAD and one.asked_until is None):
        reached = [stage for stage in stages if stage <= now]
        found.alarms.append(_nobody_drives(one, cases, is_urgent, max(reached, default=now), eye))
    found.nobody = starts_at - LAST_WORD <= now <= starts_at + ABOARD_WITHIN
    later = [*stages, starts_at - LAST_WORD, *([one.asked_until] if one.asked_until else [])]
    found.next_at = min((moment for moment in later if moment > now), default=None)
    return found


def _nobody_drives(
    one: Watched, cases: Mapping[str, list[Case]], is_urgent: bool, since: datetime, eye: _Eye
) -> _Alarm:
    about = f"run:{one.run_id}"
    turn = Turn(one.run.starts_at, one.run.direction)
    live = [case.kind for case in cases.get(about, []) if case.state != CaseState.CLOSED]
    kind = CaseKind(live[0]) if live else CaseKind.NO_ANSWER if one.asked else CaseKind.NO_DRIVER
    sentence = (
        wording.case_no_answer(one.children, turn, asked=one.asked, zone=eye.zone)
        if one.asked
        else wording.case_no_driver(one.children, turn, zone=eye.zone)
    )
    return _Alarm(kind, about, sentence, one.run.starts_at, since, is_urgent)


def _look_with_driver(
    one: Watched, unfinished: Sequence[WatchedLeg], cases: Mapping[str, list[Case]], eye: _Eye
) -> _Found:
    now, shift_about = eye.now, f"shift:{one.shift.id if one.shift else 0}"
    found, later = _Found(), []
    waiting = [leg for leg in unfinished if leg.progress.rank < Rank.ON_BOARD]
    for leg in waiting:
        late_at = leg.leg.pickup_at + ABOARD_WITHIN
        later.append(late_at)
        if late_at <= now:
            found.alarms.append(_not_aboard(one, leg, late_at, eye))
    for leg in unfinished:
        late_at = leg.leg.due_at + DELIVERED_WITHIN
        later.append(late_at)
        if late_at <= now and not (leg in waiting and _is_live(cases, CaseKind.NOT_ABOARD, leg)):
            found.alarms.append(_not_delivered(one, leg, late_at, eye))
    if any(alarm.kind is CaseKind.NOT_ABOARD for alarm in found.alarms):
        found.replaced = [shift_about]
    elif one.depart_by is not None and not one.has_started:
        later += [one.depart_by, one.depart_by + RUNG]
        found.nag = one.depart_by <= now
        if one.depart_by + RUNG <= now:
            turn = Turn(one.run.starts_at, one.run.direction)
            sentence = wording.case_not_departed(one.driver, one.children, turn, zone=eye.zone)
            since = one.depart_by + RUNG
            found.alarms.append(
                _Alarm(CaseKind.NOT_DEPARTED, shift_about, sentence, one.run.starts_at, since)
            )
    found.next_at = min((moment for moment in later if moment > now), default=None)
    return found


def _not_aboard(one: Watched, leg: WatchedLeg, since: datetime, eye: _Eye) -> _Alarm:
    turn = Turn(leg.leg.pickup_at, leg.leg.direction)
    sentence = wording.case_not_aboard(one.driver, leg.child, turn, zone=eye.zone)
    return _Alarm(CaseKind.NOT_ABOARD, f"leg:{leg.leg_id}", sentence, leg.leg.pickup_at, since)


def _not_delivered(one: Watched, leg: WatchedLeg, since: datetime, eye: _Eye) -> _Alarm:
    sentence = wording.case_not_delivered(one.driver, leg.child, leg.leg.due_at, zone=eye.zone)
    return _Alarm(CaseKind.NOT_DELIVERED, f"leg:{leg.leg_id}", sentence, leg.leg.due_at, since)


def _is_live(cases: Mapping[str, list[Case]], kind: CaseKind, leg: WatchedLeg) -> bool:
    about = cases.get(f"leg:{leg.leg_id}", [])
    return any(case.kind == kind and case.state != CaseState.CLOSED for case in about)


def _open(session: Session, alarm: _Alarm, cases: Mapping[str, list[Case]], eye: _Eye) -> None:
    """Open a case, unless the office has closed this very one since its cause began.

    A deed that closed it suppresses nothing: it may have been undone.
    """
    for case in cases.get(alarm.about, []):
        by_office = case.state == CaseState.CLOSED and (case.closed_by or "").startswith("account:")
        if case.kind == alarm.kind and by_office and case.closed_at and case.closed_at >= alarm.since:
            return
    open_case(
        session,
        kind=alarm.kind,
        about=alarm.about,
        sentence=alarm.sentence,
        now=eye.now,
        is_urgent=alarm.is_urgent,
        needed_by=alarm.needed_by,
    )


def _ask_drivers(session: Session, late: Sequence[Watched], eye: _Eye) -> None:
    """The first rung: the driver himself is asked, once."""
    shifts = [(one, one.shift) for one in late if one.shift is not None]
    if not shifts:
        return
    parties = sorted({f"volunteer:{shift.volunteer_id}" for _, shift in shifts})
    link = eye.links(session, parties)
    letters = [
        Letter(
            to=f"volunteer:{shift.volunteer_id}",
            wording=wording.driver_not_departed(
                Turn(one.run.starts_at, one.run.direction),
                duty_phone=eye.duty_phone,
                link=f"{link[f'volunteer:{shift.volunteer_id}']}/run/{one.run_id}",
                zone=eye.zone,
            ),
            about=f"shift:{shift.id}",
            dedup_key=f"not-departed:{shift.id}:{one.run.starts_at.astimezone(eye.zone):%H%M}",
            urgency=Urgency.URGENT,
            do_not_send_after=one.run.starts_at + ABOARD_WITHIN,
        )
        for one, shift in shifts
    ]
    enqueue_many(session, letters, now=eye.now)


def _forget_dissolved(session: Session, now: datetime) -> None:
    """Rows of runs that went away are due and never found: they stop being due."""
    session.connection().execute(_forget(), {"now": now})


@cache
def _forget() -> Any:
    return (
        update(WatchedRun)
        .where(col(WatchedRun.next_look_at) <= bindparam("now"))
        .values(next_look_at=bindparam("never", None))
    )


def _evening_before(one: Watched, zone: ZoneInfo) -> datetime:
    on = one.run.starts_at.astimezone(zone).date() - timedelta(days=1)
    return datetime.combine(on, EVENING, zone)


EVENING = time(20, 0)  # by then a family of tomorrow's child is promised the truth
ASKED_IN_VAIN = timedelta(
    hours=1
)  # a morning without a driver at 21:00 is urgent even while somebody is asked
DAY_AHEAD = timedelta(hours=24)
LAST_HOUR = timedelta(minutes=60)
RUNG = timedelta(minutes=5)
ABOARD_WITHIN = timedelta(minutes=5)
DELIVERED_WITHIN = timedelta(minutes=10)
NOBODY_DRIVES = (CaseKind.NO_DRIVER, CaseKind.NO_ANSWER)
COVERED_AGAIN = timedelta(minutes=3)
DRAFT_AGAIN = timedelta(minutes=30)
