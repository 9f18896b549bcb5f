"""A ride that nobody drives, where nobody is free: whose turn would have to change hands, what it asks of whom, and the
questions that start it.

The planner proves how few promises must change (`scheduling.repair`). Nothing here moves anybody: who has promised
another turn keeps it until a colleague has said yes to that one, and comes to this ride only with a yes of his own.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from escort.errors import Conflict
from escort.families.models import Child
from escort.roster.models import Volunteer
from escort.rota.asks import LinkMaker
from escort.rota.bookings import week_of
from escort.rota.drafts import put_in_draft
from escort.rota.handing_on import move_to_another_run
from escort.rota.models import (
    LIVE_SHIFT,
    Leg,
    LegState,
    Relief,
    ReliefState,
    Role,
    Run,
    RunLeg,
    RunState,
    Shift,
    ShiftState,
)
from escort.rota.problems import PROMISED, KeyedProblem, ordered_legs, problem_of
from escort.rota.release import Reason, free_shifts
from escort.rota.seats import lock_runs
from escort.rota.standins import ask_people
from scheduling.repair import Desk, Repair, Wanted, WhatIf


@dataclass(frozen=True)
class TurnWords:
    """Another run as the office calls it."""

    run_id: int
    on: Any
    direction: str
    starts_at: datetime
    children: tuple[str, ...]


@dataclass(frozen=True)
class AskedOf:
    """What a repair asks of one person."""

    volunteer_id: int
    name: str
    takes: tuple[TurnWords, ...]
    gives: tuple[TurnWords, ...]
    given_state: str  # of the turn that he would give: "draft", "open", "confirmed"; "" where he gives none
    km: float
    new_faces: int
    duties_week: int
    cap_week: int


@dataclass(frozen=True)
class Proposal:
    """One repair; the first person is the one who would come to the ride that has nobody."""

    people: tuple[AskedOf, ...]
    changed: int
    price: int

    @property
    def can_be_started(self) -> bool:
        """One other turn is in question: two people are asked. A longer chain is begun from its end."""
        return self.changed == 1

    @property
    def needs_a_call(self) -> bool:
        """Whoever has promised another turn is rung first: nobody asks a colleague in his name without his word."""
        return any(one.given_state == ShiftState.CONFIRMED for one in self.people)


@dataclass(frozen=True)
class Repairs:
    """Up to three ways, fewest changed turns first. `least`: no way changes fewer; `is_nobody`: proved that none is."""

    proposals: tuple[Proposal, ...]
    least: int
    is_proven: bool
    is_nobody: bool


def repairs_of(session: Session, *, run_id: int, now: datetime, zone: ZoneInfo) -> Repairs | None:
    """Return how a run of the coming days could get a driver by one or more others changing; None if it cannot be asked.

    Looks at the whole week, in which a person's number of turns is counted. Turns that begin soon, or that their
    driver is handing on already, stay as they are.
    """
    run = session.get(Run, run_id)
    if run is None or run.state != RunState.LIVE or run.starts_at <= now:
        return None
    keyed, fixed = _week(session, run, now, zone)
    if run_id not in keyed.run_ids:
        return None
    found = Desk(keyed.problem, fixed=fixed).what_if(Wanted(keyed.run_ids.index(run_id)))
    whole = [one for one in found.repairs if not one.left_open]
    words = _words(session, keyed, whole)
    return Repairs(
        proposals=tuple(_proposal(keyed, one, words, keyed.run_ids.index(run_id)) for one in whole),
        least=found.least,
        is_proven=found.is_proven,
        is_nobody=_is_nobody(found),
    )


def start_repair(
    session: Session,
    *,
    run_id: int,
    other_run_id: int,
    mover_id: int,
    colleague_id: int,
    by: str,
    now: datetime,
    zone: ZoneInfo,
    links: LinkMaker,
) -> None:
    """Put the questions of a repair: `colleague` would drive the other run, `mover`, who has it, this one.

    A promised turn stays its driver's until the colleague has said yes: the office has his word on the phone that he
    would change. One that waits for an answer is asked about anew; a draft is just changed. Raises Conflict if things
    are not so any more, beside what asking raises.
    """
    lock_runs(session, [run_id, other_run_id])
    held = session.exec(
        select(Shift)
        .where(
            Shift.run_id == other_run_id,
            Shift.volunteer_id == mover_id,
            Shift.role == Role.DRIVER,
            col(Shift.state).in_(LIVE_SHIFT),
        )
        .execution_options(populate_existing=True)
    ).first()
    run = session.get(Run, run_id, populate_existing=True)
    if held is None or held.id is None or run is None or run.state != RunState.LIVE:
        raise Conflict("那一趟已经换了人，请刷新页面再看。")
    named: dict[str, Any] = {"now": now, "zone": zone, "links": links}
    if held.state == ShiftState.CONFIRMED:
        move_to_another_run(
            session,
            shift_id=held.id,
            to_volunteer_id=colleague_id,
            then_run_id=run_id,
            by=by,
            how="phone",
            **named,
        )
        return
    if held.state == ShiftState.DRAFT:
        put_in_draft(session, run_id=other_run_id, volunteer_id=colleague_id, by=by, now=now)
    else:
        free_shifts(session, shift_ids=[held.id], reason=Reason.MOVED, by=by, now=now, zone=zone)
        ask_people(session, run_id=other_run_id, volunteer_ids=[colleague_id], **named)
    if run.published_at is None:
        put_in_draft(session, run_id=run_id, volunteer_id=mover_id, by=by, now=now)
    else:
        ask_people(session, run_id=run_id, volunteer_ids=[mover_id], **named)


def _week(session: Session, run: Run, now: datetime, zone: ZoneInfo) -> tuple[KeyedProblem, list[int]]:
    """Return the coming runs of the week as a problem, with the positions of those that must stay."""
    monday = week_of(run.on)
    rows = session.exec(
        select(Run.id, Run.starts_at).where(
            Run.on >= monday,
            Run.on < monday + timedelta(days=7),
            Run.state == RunState.LIVE,
            col(Run.starts_at) > now,
        )
    ).all()
    legs = ordered_legs(session, [run_id for run_id, _ in rows if run_id is not None])
    keyed = problem_of(session, legs=[], kept_runs=legs, zone=zone, counted=(ShiftState.DRAFT, *PROMISED))
    handed_on = set(session.exec(select(Relief.run_id).where(Relief.state == ReliefState.OPEN)))
    stay = {run_id for run_id, at in rows if at - now < LEAST_NOTICE or run_id in handed_on} - {run.id}
    return keyed, [at for at, run_id in enumerate(keyed.run_ids) if run_id in stay]


@dataclass(frozen=True)
class _Words:
    names: Mapping[int, str]
    turns: Mapping[int, TurnWords]
    states: Mapping[tuple[int, int], str]  # (run, volunteer) -> state of the shift


def _words(session: Session, keyed: KeyedProblem, repairs: Sequence[Repair]) -> _Words:
    people = {keyed.volunteer_ids[one.volunteer] for repair in repairs for one in repair.shares}
    runs = {
        keyed.run_ids[run] for repair in repairs for one in repair.shares for run in (*one.takes, *one.gives)
    }
    names = session.exec(
        select(col(Volunteer.id), col(Volunteer.name)).where(col(Volunteer.id).in_(people))
    ).all()
    shifts = session.exec(
        select(Shift.run_id, Shift.volunteer_id, Shift.state).where(
            col(Shift.run_id).in_(runs), col(Shift.state).in_(LIVE_SHIFT), Shift.role == Role.DRIVER
        )
    ).all()
    return _Words(
        names={who: name for who, name in names if who is not None},
        turns=_turns(session, runs),
        states={(run_id, who): state for run_id, who, state in shifts if run_id is not None},
    )


def _turns(session: Session, run_ids: Collection[int]) -> dict[int, TurnWords]:
    riding: dict[int, list[str]] = defaultdict(list)
    runs: dict[int, tuple[Any, str, datetime]] = {}
    columns: Any = (Run.id, Run.on, Run.direction, Run.starts_at, Child.short_name)
    for run_id, on, direction, starts_at, child in session.execute(
        select(*columns)
        .join(RunLeg, (col(RunLeg.run_id) == col(Run.id)) & col(RunLeg.is_live))
        .join(Leg, (col(Leg.id) == col(RunLeg.leg_id)) & (col(Leg.state) == LegState.WANTED))
        .join(Child, col(Child.id) == col(Leg.child_id))
        .where(col(Run.id).in_(list(run_ids)))
        .order_by(col(RunLeg.position))
    ):
        riding[run_id].append(child)
        runs[run_id] = (on, direction, starts_at)
    return {run_id: TurnWords(run_id, *row, tuple(riding[run_id])) for run_id, row in runs.items()}


def _proposal(keyed: KeyedProblem, repair: Repair, words: _Words, wanted: int) -> Proposal:
    ordered = sorted(repair.shares, key=lambda one: wanted not in one.takes)
    people = []
    for one in ordered:
        who = keyed.volunteer_ids[one.volunteer]
        gives = [keyed.run_ids[run] for run in one.gives]
        people.append(
            AskedOf(
                volunteer_id=who,
                name=words.names[who],
                takes=tuple(words.turns[keyed.run_ids[run]] for run in one.takes),
                gives=tuple(words.turns[run_id] for run_id in gives),
                given_state=words.states.get((gives[0], who), "") if gives else "",
                km=one.km,
                new_faces=one.new_faces,
                duties_week=one.duties_week,
                cap_week=one.cap_week,
            )
        )
    return Proposal(tuple(people), repair.changed, repair.price)


def _is_nobody(found: WhatIf) -> bool:
    return found.least_open > 0 and found.is_proven


LEAST_NOTICE = timedelta(hours=3)  # a turn that begins sooner is not asked about again
