"""The accompanied first ride: a newcomer gets to know a child beside a driver whom that child knows.

The leader plans it, both volunteers say yes, the family is told before, the leader ticks it afterwards. The child's
circle is widened by nobody but the coordinator: until then the newcomer counts as no familiar face.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ScalarSelect, func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select, update

from escort import spoken, wording
from escort.access import audit
from escort.errors import Conflict, NotFound, Refused
from escort.families.models import BarredPerson, Child
from escort.journeys.told_families import people_to_tell
from escort.roster.gates import gates_on, may_ride_along, sentences
from escort.roster.leaders import Leader, live_leaders
from escort.roster.models import Volunteer
from escort.rota.fitness import OWN_WISHES, PAPERS, TEAM_LEADER, Seat, scene_of, what_breaks
from escort.rota.models import (
    CircleMember,
    CircleState,
    HowSaid,
    Introduction,
    IntroductionState,
    Leg,
    LegState,
    Role,
    Run,
    RunLeg,
    RunState,
    Shift,
    ShiftState,
)
from escort.rota.shown import shown_runs
from escort.rota.team import require_own_people
from escort.sentences import Sentence, mark
from escort.spoken import Half
from notifications.models import Urgency
from notifications.outbox import Letter, enqueue_many, respect_quiet_hours
from notifications.wording import Wording
from scheduling.plan import Rule


class Side(StrEnum):
    NEWCOMER = "newcomer"
    DRIVER = "driver"


@dataclass(frozen=True)
class RideToJoin:
    """A promised run whose driver is of the leader's team, known to all its children, with a seat to spare."""

    run_id: int
    starts_at: datetime
    driver_id: int
    driver: str


@dataclass(frozen=True)
class IntroductionLine:
    """One accompanied ride as a leader or the office sees it; the run is shown as to somebody who was asked."""

    introduction_id: int
    newcomer_id: int
    newcomer: str
    team_id: int | None
    driver_id: int
    driver: str
    run_id: int
    on: date
    direction: str
    starts_at: datetime
    state: str
    newcomer_said_yes: bool
    driver_said_yes: bool
    is_kept: bool  # the run is there, and the same driver drives it

    @property
    def is_agreed(self) -> bool:
        return self.newcomer_said_yes and self.driver_said_yes

    def can_be_ticked(self, now: datetime) -> bool:
        return self.state == IntroductionState.PLANNED and self.is_agreed and self.starts_at <= now


def rides_to_join(
    session: Session,
    *,
    team_id: int | None,
    now: datetime,
    until_on: date,
    newcomer_id: int,
    run_id: int | None = None,
) -> list[RideToJoin]:
    """Return the runs that this newcomer may ride along on, in order of time, in one query; `team_id` is the driver's."""
    planned = select(Introduction.id).where(
        col(Introduction.run_id) == col(Run.id), Introduction.state == IntroductionState.PLANNED
    )
    known = (
        (col(CircleMember.child_id) == col(Leg.child_id))
        & (col(CircleMember.volunteer_id) == col(Shift.volunteer_id))
        & (col(CircleMember.state) == CircleState.KNOWN)
    )
    columns: Any = (Run.id, Run.starts_at, Volunteer.id, Volunteer.name)
    rows = (
        select(*columns)
        .select_from(Shift)
        .join(Run, col(Run.id) == col(Shift.run_id))
        .join(Volunteer, col(Volunteer.id) == col(Shift.volunteer_id))
        .join(RunLeg, (col(RunLeg.run_id) == col(Run.id)) & col(RunLeg.is_live))
        .join(Leg, (col(Leg.id) == col(RunLeg.leg_id)) & (col(Leg.state) == LegState.WANTED))
        .outerjoin(CircleMember, known)
        .where(
            Shift.role == Role.DRIVER,
            Shift.state == ShiftState.CONFIRMED,
            *([Volunteer.team_id == team_id] if team_id is not None else []),
            Volunteer.id != newcomer_id,
            Run.state == RunState.LIVE,
            col(Run.starts_at) > now,
            Run.on <= until_on,
            *([Run.id == run_id] if run_id is not None else []),
            ~planned.exists(),
        )
        .group_by(*columns, col(Volunteer.seats))
        .having(
            func.count(col(Leg.id)) == func.count(col(CircleMember.id)),
            func.count(col(Leg.id)) < col(Volunteer.seats),
        )
        .order_by(col(Run.starts_at), col(Run.id))
    )
    return [RideToJoin(*row) for row in session.execute(rows)]


def plan_introduction(
    session: Session, *, leader: Leader, newcomer_id: int, run_id: int, now: datetime, until_on: date
) -> int:
    """Plan that a newcomer rides along on a run. Both must still say yes.

    Raises NotFound for somebody of another team, Conflict for a run that is none to join, Refused where a rule that
    protects the children stands against it.
    """
    [newcomer] = require_own_people(session, leader=leader, volunteer_ids=[newcomer_id])
    rides = rides_to_join(
        session, team_id=leader.team_id, now=now, until_on=until_on, newcomer_id=newcomer_id, run_id=run_id
    )
    return _plan(session, newcomer, rides, run_id=run_id, by=leader.subject, now=now)


def plan_by_office(
    session: Session, *, newcomer_id: int, run_id: int, by: str, now: datetime, until_on: date
) -> int:
    """Plan what the planner has proposed for a child with a narrow circle, whatever the driver's team.

    The newcomer's leader finds it on his page and notes what both say. Raises like `plan_introduction`, and Refused if
    the newcomer's team has no leader.
    """
    newcomer = session.get(Volunteer, newcomer_id)
    if newcomer is None or newcomer.suspended_at is not None:
        raise NotFound("没有这位志愿者，或者已经停用。")
    if newcomer.team_id not in {leader.team_id for leader in live_leaders(session)}:
        raise Refused("这位志愿者的车队还没有队长，没有人记两位的回答。请先定一位队长。")
    rides = rides_to_join(
        session, team_id=None, now=now, until_on=until_on, newcomer_id=newcomer_id, run_id=run_id
    )
    return _plan(session, newcomer, rides, run_id=run_id, by=by, now=now)


def _plan(
    session: Session, newcomer: Volunteer, rides: Sequence[RideToJoin], *, run_id: int, by: str, now: datetime
) -> int:
    newcomer_id = newcomer.id or 0
    if not rides:
        raise Conflict("这趟现在不能跟车：可能换了人、变了时间，或者已经有新队员跟车。请另选一趟。")
    _require_fit(session, newcomer, session.get_one(Run, run_id))
    row = Introduction(
        newcomer_id=newcomer_id,
        driver_id=rides[0].driver_id,
        run_id=run_id,
        planned_at=now,
        planned_by=by,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as taken:
        raise Conflict("这趟刚刚约了另一位新队员跟车，请另选一趟。") from taken
    audit.record(
        session,
        actor=by,
        action="introduction.planned",
        subject=f"volunteer:{newcomer_id}",
        fields=[f"run:{run_id}", f"driver: volunteer:{row.driver_id}"],
        now=now,
    )
    return row.id or 0


def record_yes(
    session: Session,
    *,
    leader: Leader,
    introduction_id: int,
    side: Side,
    how: HowSaid,
    now: datetime,
    zone: ZoneInfo,
    duty_phone: str,
) -> int:
    """Write down that the newcomer, or the driver, said yes; tell that person, and the families after the second yes.

    Return whose first ride it is. Raises Conflict if the ride is not as it was planned, or over.
    """
    row = _own(session, leader, introduction_id)
    if not _is_kept(session, row) or session.get_one(Run, row.run_id).starts_at <= now:
        raise Conflict("这趟已经换了人、变了，或者时间已过。请取消，另约一趟。")
    column = {Side.NEWCOMER: Introduction.newcomer_yes_at, Side.DRIVER: Introduction.driver_yes_at}[side]
    said = session.exec(
        update(Introduction)
        .where(
            col(Introduction.id) == introduction_id,
            col(Introduction.state) == IntroductionState.PLANNED,
            col(column).is_(None),
        )
        .values({f"{side}_yes_at": now, f"{side}_how": f"{how}:{leader.subject}"[:40]})
    )
    if said.rowcount == 0:
        return row.newcomer_id  # written down before
    session.refresh(row)
    audit.record(
        session,
        actor=leader.subject,
        action="introduction.yes",
        subject=f"volunteer:{row.newcomer_id if side is Side.NEWCOMER else row.driver_id}",
        fields=[f"introduction:{introduction_id}", str(how)],
        now=now,
    )
    names = _names(session, row)
    is_newcomer = side is Side.NEWCOMER
    words = wording.introduction_recorded(
        leader.name,
        shown_runs(session, [row.run_id])[row.run_id].turn,
        other=names[row.driver_id if is_newcomer else row.newcomer_id],
        is_newcomer=is_newcomer,
        how=str(how),
        duty_phone=duty_phone,
        now=now,
        zone=zone,
    )
    told = _letter(row.newcomer_id if is_newcomer else row.driver_id, row, words)
    letters = [told]
    if row.newcomer_yes_at is not None and row.driver_yes_at is not None:
        letters += _to_families(session, row, names, goes=True, duty_phone=duty_phone, now=now, zone=zone)
    enqueue_many(session, letters, now=now)
    return row.newcomer_id


def call_off(
    session: Session,
    *,
    introduction_id: int,
    leader: Leader | None,
    by: str,
    now: datetime,
    zone: ZoneInfo,
    duty_phone: str,
) -> None:
    """Take a planned ride back; whoever had said yes, and the families who were told, hear of it.

    `leader` None: the office does it. Raises Conflict if it was ridden or called off before.
    """
    row = _own(session, leader, introduction_id)
    if not _move(
        session, row, IntroductionState.PLANNED, IntroductionState.CALLED_OFF, ended_at=now, ended_by=by
    ):
        raise Conflict(OVER)
    audit.record(
        session,
        actor=by,
        action="introduction.called_off",
        subject=f"volunteer:{row.newcomer_id}",
        fields=[f"introduction:{introduction_id}"],
        now=now,
    )
    turn = shown_runs(session, [row.run_id])[row.run_id].turn
    if turn.starts_at <= now:
        return  # nobody need be told of what has passed
    words = wording.introduction_off(turn, duty_phone=duty_phone, now=now, zone=zone)
    said_yes = [
        person
        for person, at in (
            (row.newcomer_id, row.newcomer_yes_at),
            (row.driver_id, row.driver_yes_at),
        )
        if at is not None
    ]
    letters = [_letter(person, row, words, key="off") for person in said_yes]
    if len(said_yes) == len(Side):
        letters += _to_families(
            session, row, _names(session, row), goes=False, duty_phone=duty_phone, now=now, zone=zone
        )
    enqueue_many(session, letters, now=now)


def tick_introduction(session: Session, *, leader: Leader, introduction_id: int, now: datetime) -> None:
    """Write down that they rode together: the newcomer is proposed for the children's circles.

    Raises Refused while somebody has not said yes or the ride has not begun, Conflict if it did not come about so.
    """
    row = _own(session, leader, introduction_id)
    run = session.get_one(Run, row.run_id)
    if row.newcomer_yes_at is None or row.driver_yes_at is None:
        raise Refused("两位都说能去以后才算数。请先记下他们的话。")
    if run.starts_at > now:
        raise Refused("这趟还没到时间，跑完了再点“陪过了”。")
    newcomer = session.get_one(Volunteer, row.newcomer_id)
    if not _is_kept(session, row) or not may_ride_along(newcomer, run.on):
        raise Conflict("这趟后来换了人、取消了，或者新队员的审核那天无效，不能算陪过。请取消，另约一趟。")
    if not _move(
        session, row, IntroductionState.PLANNED, IntroductionState.DONE, ended_at=now, ended_by=leader.subject
    ):
        raise Conflict(OVER)
    audit.record(
        session,
        actor=leader.subject,
        action="introduction.done",
        subject=f"volunteer:{row.newcomer_id}",
        fields=[f"introduction:{introduction_id}"],
        now=now,
    )


def decide_introduction(
    session: Session, *, introduction_id: int, takes_in: bool, by: str, now: datetime, duty_phone: str
) -> int:
    """Let the newcomer into the circles of the children he rode with, or not; return into how many.

    Each such family is told. Raises Conflict if somebody decided before.
    """
    row = _own(session, None, introduction_id)
    state = IntroductionState.TAKEN_IN if takes_in else IntroductionState.LEFT_OUT
    if not _move(session, row, IntroductionState.DONE, state, decided_at=now, decided_by=by):
        raise Conflict("这一条刚刚有人定过了，请刷新页面再看。")
    children = _children_to_join(session, row) if takes_in else []
    _join(session, row, children, now)
    audit.record(
        session,
        actor=by,
        action=f"introduction.{state}",
        subject=f"volunteer:{row.newcomer_id}",
        fields=[f"child:{child_id}" for child_id in children],
        now=now,
    )
    name = _names(session, row)[row.newcomer_id]
    enqueue_many(
        session,
        [
            Letter(
                to=f"guardian:{guardian}",
                wording=wording.family_new_face(child, newcomer=name, duty_phone=duty_phone),
                about=f"introduction:{row.id}",
                dedup_key=f"new-face:{row.id}:{guardian}:{child_id}",
            )
            for child_id, (child, guardians) in people_to_tell(session, children).items()
            for guardian in guardians
        ],
        now=now,
    )
    return len(children)


def introductions(
    session: Session, *, states: Sequence[IntroductionState], team_id: int | None = None
) -> list[IntroductionLine]:
    """Return accompanied rides in these states, of one team's newcomers or of all, in order of time; one query."""
    newcomer, driver = aliased(Volunteer), aliased(Volunteer)
    columns: Any = (Introduction, Run, newcomer.name, newcomer.team_id, driver.name, _still_drives().exists())
    rows = (
        select(*columns)
        .join(Run, col(Run.id) == col(Introduction.run_id))
        .join(newcomer, col(newcomer.id) == col(Introduction.newcomer_id))
        .join(driver, col(driver.id) == col(Introduction.driver_id))
        .where(col(Introduction.state).in_(list(states)))
        .order_by(col(Run.starts_at), col(Introduction.id))
    )
    if team_id is not None:
        rows = rows.where(col(newcomer.team_id) == team_id)
    return [
        IntroductionLine(
            introduction_id=row.id or 0,
            newcomer_id=row.newcomer_id,
            newcomer=newcomer_name,
            team_id=team,
            driver_id=row.driver_id,
            driver=driver_name,
            run_id=row.run_id,
            on=run.on,
            direction=run.direction,
            starts_at=run.starts_at,
            state=row.state,
            newcomer_said_yes=row.newcomer_yes_at is not None,
            driver_said_yes=row.driver_yes_at is not None,
            is_kept=still and run.state == RunState.LIVE,
        )
        for row, run, newcomer_name, team, driver_name, still in session.execute(rows)
    ]


def children_riding(session: Session, run_ids: Collection[int]) -> dict[int, list[tuple[int, str]]]:
    """Return, by run, the children in the car by id and 小名: for the office alone."""
    rows = session.execute(
        select(col(RunLeg.run_id), col(Child.id), col(Child.short_name))
        .join(Leg, col(Leg.id) == col(RunLeg.leg_id))
        .join(Child, col(Child.id) == col(Leg.child_id))
        .where(col(RunLeg.run_id).in_(list(run_ids)), col(RunLeg.is_live), Leg.state == LegState.WANTED)
        .order_by(col(RunLeg.run_id), col(RunLeg.position))
    )
    riding: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for run_id, child_id, name in rows:
        riding[run_id].append((child_id or 0, name))
    return riding


def undecided() -> ScalarSelect[int]:
    """Return how many accompanied rides wait for the coordinator's word, as a part of another query."""
    waiting = (
        select(func.count()).select_from(Introduction).where(Introduction.state == IntroductionState.DONE)
    )
    return waiting.scalar_subquery()


def _own(session: Session, leader: Leader | None, introduction_id: int) -> Introduction:
    """Return an introduction as it is now; with a leader, one of his own team's newcomers."""
    rows = (
        select(Introduction)
        .join(Volunteer, col(Volunteer.id) == col(Introduction.newcomer_id))
        .where(Introduction.id == introduction_id)
        .execution_options(populate_existing=True)
    )
    if leader is not None:
        rows = rows.where(Volunteer.team_id == leader.team_id)
    row = session.exec(rows).first()
    if row is None:
        raise NotFound("没有这次跟车，可能已经取消了。请回到本队的页面再看。")
    return row


def _move(
    session: Session, row: Introduction, was: IntroductionState, to: IntroductionState, **values: object
) -> bool:
    moved = session.exec(
        update(Introduction)
        .where(col(Introduction.id) == row.id, col(Introduction.state) == was)
        .values(state=str(to), **values)
    )
    return moved.rowcount == 1


def _require_fit(session: Session, newcomer: Volunteer, run: Run) -> None:
    """Raise Refused where a rule that protects the children stands against the newcomer's sitting in the car."""
    scene = scene_of(session, volunteer_id=newcomer.id or 0, runs=[run])
    seat = Seat(run.id or 0, Role.SECOND, OWN_WISHES | {Rule.ONLY_FAMILIAR})
    broken = what_breaks(session, scene, [seat]).get(run.id or 0)
    if broken is None:
        return
    shut = sentences(gates_on(newcomer, run.on))
    wrong = (
        shut[0]
        if broken in PAPERS and shut
        else Sentence("%(why)s，请另选一趟。", why=Sentence(TEAM_LEADER.words[broken]))
    )
    raise Refused(Sentence("%(name)s：%(wrong)s", name=newcomer.name, wrong=Sentence(wrong)))


def _is_kept(session: Session, row: Introduction) -> bool:
    still = (
        _still_drives()
        .join(Introduction, col(Introduction.run_id) == col(Shift.run_id))
        .join(Run, col(Run.id) == col(Shift.run_id))
        .where(Introduction.id == row.id, Run.state == RunState.LIVE)
    )
    return session.exec(still.limit(1)).first() is not None


def _still_drives() -> Any:
    return select(Shift.id).where(
        col(Shift.run_id) == col(Introduction.run_id),
        col(Shift.volunteer_id) == col(Introduction.driver_id),
        Shift.role == Role.DRIVER,
        col(Shift.state).in_((ShiftState.CONFIRMED, ShiftState.SERVED)),
    )


def _names(session: Session, row: Introduction) -> dict[int, str]:
    ids = [row.newcomer_id, row.driver_id]
    rows = session.exec(select(col(Volunteer.id), col(Volunteer.name)).where(col(Volunteer.id).in_(ids)))
    return {volunteer_id or 0: name for volunteer_id, name in rows}


def _letter(volunteer_id: int, row: Introduction, words: Wording, *, key: str = "yes") -> Letter:
    return Letter(
        to=f"volunteer:{volunteer_id}",
        wording=words,
        about=f"introduction:{row.id}",
        dedup_key=f"introduction:{key}:{row.id}:{volunteer_id}",
    )


def _legs(session: Session, row: Introduction) -> list[Leg]:
    rows = (
        select(Leg)
        .join(RunLeg, col(RunLeg.leg_id) == col(Leg.id))
        .where(RunLeg.run_id == row.run_id, col(RunLeg.is_live), Leg.state == LegState.WANTED)
        .order_by(col(RunLeg.position))
    )
    return list(session.exec(rows))


def _to_families(
    session: Session,
    row: Introduction,
    names: dict[int, str],
    *,
    goes: bool,
    duty_phone: str,
    now: datetime,
    zone: ZoneInfo,
) -> list[Letter]:
    legs = _legs(session, row)
    people = people_to_tell(session, [leg.child_id for leg in legs])
    calm_at = respect_quiet_hours(now, urgency=Urgency.ROUTINE, zone=zone)
    letters = []
    for leg in legs:
        is_urgent = leg.pickup_at - calm_at <= LAST_HOUR
        child, guardians = people.get(leg.child_id, ("", []))
        half = Half(leg.pickup_at, leg.direction, surname=spoken.surname_of(names[row.driver_id]))
        say = wording.family_accompanied if goes else wording.family_not_accompanied
        words = say(child, half, newcomer=names[row.newcomer_id], duty_phone=duty_phone, now=now, zone=zone)
        letters += [
            Letter(
                to=f"guardian:{guardian}",
                wording=words,
                about=f"introduction:{row.id}",
                dedup_key=f"accompanied:{goes}:{row.id}:{leg.id}:{guardian}",
                urgency=Urgency.URGENT if is_urgent else Urgency.ROUTINE,
                not_before=None if is_urgent else calm_at,
                do_not_send_after=leg.due_at,
            )
            for guardian in guardians
        ]
    return letters


def _children_to_join(session: Session, row: Introduction) -> list[int]:
    """Return the children of the run whose families have not barred the newcomer since."""
    children = list(dict.fromkeys(leg.child_id for leg in _legs(session, row)))
    barred = set(
        session.exec(
            select(BarredPerson.child_id).where(
                col(BarredPerson.child_id).in_(children),
                BarredPerson.volunteer_id == row.newcomer_id,
                col(BarredPerson.removed_at).is_(None),
            )
        )
    )
    return [child_id for child_id in children if child_id not in barred]


def _join(session: Session, row: Introduction, children: Sequence[int], now: datetime) -> None:
    members = {
        member.child_id: member
        for member in session.exec(
            select(CircleMember).where(
                col(CircleMember.child_id).in_(list(children)), CircleMember.volunteer_id == row.newcomer_id
            )
        )
    }
    for child_id in children:
        member = members.get(child_id)
        if member is None:
            member = CircleMember(
                child_id=child_id, volunteer_id=row.newcomer_id, proposed_at=row.ended_at or now
            )
        if member.state in (CircleState.PROPOSED, CircleState.LEFT):
            member.state, member.published_at = str(CircleState.PUBLISHED), now
        session.add(member)
    session.flush()


OVER = mark("这次跟车已经办过或者取消了，请刷新页面再看。")
LAST_HOUR = timedelta(hours=1)  # who must know so soon is told at any hour
