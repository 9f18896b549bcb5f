"""What a team's leader may do about the rota: see his team's open turns, ask his own people, write down what they say.

The same asks, stand-in rules and hard rules as the office's. He gives way in nothing but what people said of
themselves, where their yes decides; a child's circle is widened by the coordinator alone.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from escort import wording
from escort.access import audit
from escort.errors import Conflict, NotFound, Refused
from escort.families.models import Child
from escort.roster.leaders import Leader
from escort.roster.models import Volunteer
from escort.rota import standins
from escort.rota.answers import record_answer
from escort.rota.asks import LinkMaker
from escort.rota.fitness import TEAM_LEADER
from escort.rota.models import HowSaid, Leg, LegState, Offer, OfferState, Role, Run, RunLeg, RunState
from escort.rota.problems import week_of
from escort.rota.seats import lock_runs, open_seats
from escort.rota.shown import shown_runs
from escort.sentences import mark
from notifications.models import Urgency
from notifications.outbox import enqueue, respect_quiet_hours


@dataclass(frozen=True)
class Hole:
    """A published run with a seat that nobody holds."""

    run_id: int
    team_id: int
    starts_at: datetime
    seats: tuple[Role, ...]


def until_next_sunday(today: date) -> date:
    """Return the last day of next week: how far a leader looks ahead."""
    return week_of(today) + timedelta(days=13)


def holes_of(
    session: Session, *, teams: Collection[int], now: datetime, until: datetime | None = None, until_on: date
) -> list[Hole]:
    """Return the open seats of these teams' children's runs, in order of time, in three queries.

    `until` leaves out runs that begin later. A run with children of two teams is a hole of both.
    """
    columns: Any = (Run.id, Run.starts_at, Child.team_id)
    rows = (
        select(*columns)
        .join(RunLeg, (col(RunLeg.run_id) == col(Run.id)) & col(RunLeg.is_live))
        .join(Leg, (col(Leg.id) == col(RunLeg.leg_id)) & (col(Leg.state) == LegState.WANTED))
        .join(Child, col(Child.id) == col(Leg.child_id))
        .where(
            col(Child.team_id).in_(list(teams)),
            Run.state == RunState.LIVE,
            col(Run.published_at).is_not(None),
            col(Run.starts_at) > now,
            Run.on <= until_on,
            *([col(Run.starts_at) <= until] if until is not None else []),
        )
        .distinct()
        .order_by(col(Run.starts_at), col(Run.id))
    )
    found = [(run_id or 0, starts_at, team_id or 0) for run_id, starts_at, team_id in session.exec(rows)]
    seats = open_seats(session, {run_id for run_id, _, _ in found})
    return [
        Hole(run_id, team_id, starts_at, tuple(seats[run_id]))
        for run_id, starts_at, team_id in found
        if seats[run_id]
    ]


def require_own_run(session: Session, *, leader: Leader, run_id: int) -> Run:
    """Return a published run that carries a child of the leader's team. Raises NotFound for any other."""
    rows = (
        select(Run)
        .join(RunLeg, (col(RunLeg.run_id) == col(Run.id)) & col(RunLeg.is_live))
        .join(Leg, col(Leg.id) == col(RunLeg.leg_id))
        .join(Child, col(Child.id) == col(Leg.child_id))
        .where(
            Run.id == run_id,
            Run.state == RunState.LIVE,
            col(Run.published_at).is_not(None),
            Child.team_id == leader.team_id,
        )
    )
    run = session.exec(rows.limit(1).execution_options(populate_existing=True)).first()
    if run is None:
        raise NotFound(NOT_OURS)
    return run


def require_own_people(
    session: Session, *, leader: Leader, volunteer_ids: Collection[int]
) -> list[Volunteer]:
    """Return these volunteers of the leader's team. Raises NotFound if one of them is not."""
    own = select(Volunteer).where(
        col(Volunteer.id).in_(list(volunteer_ids)), Volunteer.team_id == leader.team_id
    )
    found = list(session.exec(own))
    if len(found) != len(set(volunteer_ids)):
        raise NotFound(NOT_OURS_PERSON)
    return found


def ask_own_people(
    session: Session,
    *,
    leader: Leader,
    run_id: int,
    volunteer_ids: Collection[int],
    now: datetime,
    zone: ZoneInfo,
    links: LinkMaker,
) -> int:
    """Ask some of the leader's own people for a run of his team, as the office asks; return how many.

    Raises NotFound for a run or people that are not his, Conflict and Refused as `standins.ask_people`.
    """
    if not volunteer_ids:
        raise Refused("还没有选人。请先点要问的队员。")
    run = require_own_run(session, leader=leader, run_id=run_id)
    require_own_people(session, leader=leader, volunteer_ids=volunteer_ids)
    if run.starts_at <= now:
        raise Conflict("这趟的时间已经到了，请打值班电话。")
    asked = standins.ask_people(
        session,
        run_id=run_id,
        volunteer_ids=volunteer_ids,
        now=now,
        zone=zone,
        links=links,
        asker=TEAM_LEADER,
    )
    audit.record(
        session,
        actor=leader.subject,
        action="rota.asked",
        subject=f"run:{run_id}",
        fields=[f"volunteer:{one}" for one in sorted(set(volunteer_ids))],
        now=now,
    )
    return asked


def record_for_own(
    session: Session,
    *,
    leader: Leader,
    run_id: int,
    volunteer_id: int,
    yes: bool,
    how: HowSaid,
    now: datetime,
    zone: ZoneInfo,
    duty_phone: str,
) -> str:
    """Record what one of the leader's people told him about a run; return "" or the rule that a yes breaks.

    Whoever was never asked in writing was asked by word: for a run of the leader's own team that is enough. The
    volunteer is told what was written down in his name. Raises NotFound, Conflict or Refused.
    """
    require_own_people(session, leader=leader, volunteer_ids=[volunteer_id])
    lock_runs(session, [run_id])
    before = _last_offer(session, run_id, volunteer_id)
    if before is None:
        run = require_own_run(session, leader=leader, run_id=run_id)
        if run.starts_at <= now:
            raise Conflict("这趟的时间已经到了，请打值班电话。")
        standins.note_asked_by_word(
            session,
            run=run,
            volunteer_id=volunteer_id,
            asker=TEAM_LEADER,
            is_judged=yes,
            now=now,
            zone=zone,
        )
    elif before.state == OfferState.ACCEPTED and not yes:
        raise Refused("他已经答应了这趟。现在去不了，请马上打值班电话，好另外找人。")
    elif before.state == (OfferState.ACCEPTED if yes else OfferState.DECLINED):
        return ""  # said and written down before
    reason = record_answer(
        session,
        run_id=run_id,
        volunteer_id=volunteer_id,
        yes=yes,
        by=leader.subject,
        how=str(how),
        now=now,
        zone=zone,
    )
    audit.record(
        session,
        actor=leader.subject,
        action="rota.recorded",
        subject=f"volunteer:{volunteer_id}",
        fields=[
            f"run:{run_id}",
            "yes" if yes else "no",
            str(how),
            *([f"not taken: {reason}"] if reason else []),
        ],
        now=now,
    )
    if not reason:
        _tell(session, leader, run_id, volunteer_id, yes=yes, how=how, now=now, zone=zone, phone=duty_phone)
    return reason


def _tell(
    session: Session,
    leader: Leader,
    run_id: int,
    volunteer_id: int,
    *,
    yes: bool,
    how: HowSaid,
    now: datetime,
    zone: ZoneInfo,
    phone: str,
) -> None:
    turn = shown_runs(session, [run_id])[run_id].turn
    calm_at = respect_quiet_hours(now, urgency=Urgency.ROUTINE, zone=zone)
    is_urgent = turn.starts_at - calm_at <= LAST_HOUR
    enqueue(
        session,
        to=f"volunteer:{volunteer_id}",
        wording=wording.answer_recorded(
            leader.name, turn, yes=yes, how=str(how), duty_phone=phone, now=now, zone=zone
        ),
        about=f"run:{run_id}",
        dedup_key=f"recorded:{run_id}:{volunteer_id}:{now.isoformat()}",
        now=now,
        urgency=Urgency.URGENT if is_urgent else Urgency.ROUTINE,
        not_before=None if is_urgent else calm_at,
    )


def _last_offer(session: Session, run_id: int, volunteer_id: int) -> Offer | None:
    rows = select(Offer).where(Offer.run_id == run_id, Offer.volunteer_id == volunteer_id)
    return session.exec(
        rows.order_by(col(Offer.id).desc()).limit(1).execution_options(populate_existing=True)
    ).first()


NOT_OURS = mark("这趟不在您的车队里，或者已经改过了。请回到本队的页面再看。")
NOT_OURS_PERSON = mark("这位不在您的车队里，请回到本队的页面再选。")
LAST_HOUR = timedelta(hours=1)  # before the start what was written down is told at any hour
