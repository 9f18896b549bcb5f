"""When somebody said no, or nothing at all: a few eligible people are asked, and the first yes wins.

Each search round asks the next best people, with a deadline that shrinks with the time left. Nobody is asked
twice for the same run, and nobody who said no to one of its legs.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, update
from sqlmodel import Session, col, select

from escort import wording
from escort.errors import Conflict, NotFound
from escort.families.models import Child
from escort.roster.models import Volunteer
from escort.rota.asks import LinkMaker
from escort.rota.models import (
    LIVE_SHIFT,
    Ask,
    AskKind,
    AskState,
    Leg,
    Offer,
    OfferState,
    Refusal,
    Role,
    Run,
    RunLeg,
    RunState,
    Shift,
)
from escort.rota.problems import PROMISED, KeyedProblem, ordered_legs, problem_of, week_of
from escort.rota.shown import shown_runs
from notifications.models import Urgency
from notifications.outbox import Letter, enqueue_many
from scheduling.explain import Candidate, WhyNobody, why_nobody
from scheduling.repair import stand_ins

READY = timedelta(minutes=20)  # a stand-in needs so long to get going
GIVEN_UP = timedelta(minutes=0)  # at T the search ends; the case goes on
LOOK_AGAIN = timedelta(minutes=60)
NIGHT_FROM, NIGHT_UNTIL = 21, 8  # local hours in which nobody is given a deadline for a distant run


@dataclass(frozen=True)
class Terms:
    """How many people to ask at once, and how long each has."""

    people: int
    deadline_at: datetime


def terms_of(now: datetime, starts_at: datetime, zone: ZoneInfo) -> Terms:
    """Return how to ask for a run that starts then: the less time, the more people at once and the shorter."""
    left = starts_at - READY - now
    if left <= timedelta(minutes=60):
        return Terms(3, now + _between(left / 6, timedelta(minutes=3), timedelta(minutes=5)))
    if left <= timedelta(hours=4):
        return Terms(3, now + _between(left / 6, timedelta(minutes=10), timedelta(minutes=30)))
    if left <= timedelta(hours=24):
        return Terms(2, now + _between(left / 8, timedelta(minutes=30), timedelta(hours=2)))
    return Terms(2, _by_day(now + timedelta(hours=3), zone))


def dates_to_search(session: Session, *, now: datetime) -> list[date]:
    """Return the dates on which a search is due now."""
    rows = session.exec(
        select(col(Run.on)).where(col(Run.search_at) <= now, Run.state == RunState.LIVE).distinct()
    )
    return sorted(rows)


def next_search_at(session: Session) -> datetime | None:
    """Return when the next search is due."""
    return session.exec(
        select(func.min(Run.search_at)).where(col(Run.search_at).is_not(None), Run.state == RunState.LIVE)
    ).one()


def search(session: Session, *, on: date, now: datetime, zone: ZoneInfo, links: LinkMaker) -> int:
    """Take every due search of a date one round further; return how many people were asked."""
    runs = list(
        session.exec(
            select(Run)
            .where(col(Run.search_at) <= now, Run.on == on, Run.state == RunState.LIVE)
            .order_by(col(Run.starts_at), col(Run.id))
        )
    )
    open_roles = _open_roles(session, runs)
    asked_now: set[int] = set()
    keyed = None
    asked = 0
    for run in runs:
        roles = open_roles[_id(run.id)]
        if not roles or run.starts_at - GIVEN_UP <= now:
            _settle(session, run, search_at=None)
            continue
        waiting = _open_deadline(session, _id(run.id))
        if waiting is not None:
            _settle(session, run, search_at=waiting)
            continue
        keyed = keyed or _problem(session, [r for r in runs if open_roles[_id(r.id)]], zone)
        chosen = _next_people(session, keyed, run, asked_now, limit=terms_of(now, run.starts_at, zone).people)
        asked += len(chosen)
        asked_now.update(chosen)
        if chosen:
            deadline = _ask(session, run, roles[0], chosen, now=now, zone=zone, links=links)
            _settle(session, run, search_at=deadline, rounds=1)
        else:
            _note_why_nobody(session, keyed, run, now)
    session.flush()
    session.expire_all()
    return asked


def ask_people(
    session: Session,
    *,
    run_id: int,
    volunteer_ids: Collection[int],
    now: datetime,
    zone: ZoneInfo,
    links: LinkMaker,
) -> int:
    """Ask people whom the coordinator picked. Raises NotFound, or Conflict if the run needs nobody any more."""
    run = session.get(Run, run_id)
    if run is None or run.state != RunState.LIVE:
        raise NotFound("这趟车已经取消了，不用再问。")
    roles = _open_roles(session, [run])[run_id]
    if not roles:
        raise Conflict("已经有人答应了，不用再问。")
    if run.published_at is None:
        run.published_at = now
    asked = set(_asked_before(session, run_id, (OfferState.OPEN, OfferState.DECLINED)))
    refused = _refused(session, run_id)
    chosen = [volunteer for volunteer in volunteer_ids if volunteer not in asked | refused]
    if not chosen:
        raise Conflict("这几位都问过了：有的还没回，有的已经说去不了。")
    deadline = _ask(session, run, roles[0], chosen, now=now, zone=zone, links=links)
    _settle(session, run, search_at=deadline, rounds=1)
    session.flush()
    return len(chosen)


@dataclass(frozen=True)
class RankedCandidate:
    """Somebody who may drive a run, with the reasons for and against as codes."""

    volunteer_id: int
    name: str
    approach_km: float
    rides_before: int
    is_known: bool
    duties_week: int
    cap_week: int
    price: int
    is_asked: bool  # an offer of this run is open with them


def candidates_for_run(
    session: Session, *, run_id: int, zone: ZoneInfo, limit: int = 8
) -> tuple[list[RankedCandidate], WhyNobody]:
    """Return who may drive a run, best first, and what keeps the others. Raises NotFound."""
    run = session.get(Run, run_id)
    if run is None or run.state != RunState.LIVE:
        raise NotFound("没有这趟车，或者它已经取消了。")
    keyed = _problem(session, [run], zone)
    refused = {keyed.volunteer_at[v] for v in _refused(session, run_id) if v in keyed.volunteer_at}
    position = keyed.run_ids.index(run_id)
    found = stand_ins(keyed.problem, position, asked=refused, limit=limit)
    open_with = set(_asked_before(session, run_id, (OfferState.OPEN,)))
    names = _names(session, [keyed.volunteer_ids[one.volunteer] for one in found])
    return [_ranked(one, keyed, names, open_with) for one in found], why_nobody(keyed.problem, position)


def _ranked(
    one: Candidate, keyed: KeyedProblem, names: dict[int, str], open_with: set[int]
) -> RankedCandidate:
    volunteer_id = keyed.volunteer_ids[one.volunteer]
    return RankedCandidate(
        volunteer_id=volunteer_id,
        name=names[volunteer_id],
        approach_km=one.approach_km,
        rides_before=one.rides_before,
        is_known=one.is_known,
        duties_week=one.duties_week,
        cap_week=one.cap_week,
        price=one.price,
        is_asked=volunteer_id in open_with,
    )


def _next_people(
    session: Session, keyed: KeyedProblem, run: Run, asked_now: set[int], *, limit: int
) -> list[int]:
    tried = {
        *_asked_before(session, _id(run.id), tuple(OfferState)),
        *_refused(session, _id(run.id)),
        *asked_now,
    }
    passed = {keyed.volunteer_at[volunteer] for volunteer in tried if volunteer in keyed.volunteer_at}
    found = stand_ins(keyed.problem, keyed.run_ids.index(_id(run.id)), asked=passed, limit=limit)
    return [keyed.volunteer_ids[one.volunteer] for one in found]


def _ask(
    session: Session,
    run: Run,
    role: Role,
    people: Sequence[int],
    *,
    now: datetime,
    zone: ZoneInfo,
    links: LinkMaker,
) -> datetime:
    """Send one stand-in ask to each; return their common deadline."""
    terms = terms_of(now, run.starts_at, zone)
    run_id = _id(run.id)
    shown = shown_runs(session, [run_id])[run_id]
    rows = [
        {
            "volunteer_id": volunteer,
            "kind": AskKind.STAND_IN,
            "state": AskState.OPEN,
            "week_on": week_of(run.on),
            "asked_at": now,
            "deadline_at": terms.deadline_at,
            "answer": "",
        }
        for volunteer in people
    ]
    ask_ids = (
        session.execute(insert(Ask).returning(col(Ask.id), sort_by_parameter_order=True), rows)
        .scalars()
        .all()
    )
    session.add_all(
        Offer(
            ask_id=_id(ask_id),
            volunteer_id=volunteer,
            run_id=run_id,
            role=role,
            on=run.on,
            direction=run.direction,
        )
        for ask_id, volunteer in zip(ask_ids, people, strict=True)
    )
    link = links(session, [f"volunteer:{volunteer}" for volunteer in people])
    enqueue_many(
        session,
        [
            Letter(
                to=f"volunteer:{volunteer}",
                wording=wording.stand_in_ask(
                    shown.turn,
                    to_area=shown.to_area,
                    km=shown.km,
                    equipment=shown.equipment,
                    deadline=terms.deadline_at,
                    link=link[f"volunteer:{volunteer}"],
                    now=now,
                    zone=zone,
                ),
                about=f"ask:{ask_id}",
                dedup_key=f"ask:{ask_id}",
                urgency=Urgency.URGENT,
                do_not_send_after=terms.deadline_at,
            )
            for ask_id, volunteer in zip(ask_ids, people, strict=True)
        ],
        now=now,
    )
    return terms.deadline_at


def _problem(session: Session, runs: Sequence[Run], zone: ZoneInfo) -> KeyedProblem:
    """Return the problem of one or more runs that each want a driver, everything else as it is promised."""
    legs = ordered_legs(session, [_id(run.id) for run in runs])
    kept = {_id(run.id): legs[_id(run.id)] for run in runs if _id(run.id) in legs}
    keyed = problem_of(session, legs=[], kept_runs=kept, zone=zone, counted=PROMISED)
    return replace(keyed, problem=replace(keyed.problem, promised={}))


def _note_why_nobody(session: Session, keyed: KeyedProblem, run: Run, now: datetime) -> None:
    """Keep what blocks, for the coordinator's page, and look again later: somebody may become free."""
    why = why_nobody(keyed.problem, keyed.run_ids.index(_id(run.id)))
    run.unfilled_code = "nobody_left"
    run.unfilled_detail = {
        "blocked": {rule.value: count for rule, count in why.blocked},
        "relax": [{"rule": r.rule.value, "amount": r.amount, "people": r.people} for r in why.relaxations],
    }
    session.add(run)
    again = now + LOOK_AGAIN
    _settle(session, run, search_at=again if again < run.starts_at else None)


def _open_roles(session: Session, runs: Iterable[Run]) -> dict[int, list[Role]]:
    """Return, by run, which seats want somebody: the driver's first, then the second adult's where one is needed."""
    run_ids = [_id(run.id) for run in runs]
    held = set(
        session.exec(
            select(col(Shift.run_id), col(Shift.role)).where(
                col(Shift.run_id).in_(run_ids), col(Shift.state).in_(LIVE_SHIFT)
            )
        ).all()
    )
    riding = session.exec(
        select(col(RunLeg.run_id), col(Child.second_adult))
        .join(Leg, col(Leg.id) == RunLeg.leg_id)
        .join(Child, col(Child.id) == Leg.child_id)
        .where(col(RunLeg.run_id).in_(run_ids), col(RunLeg.is_live))
    ).all()
    wants_second = {run_id for run_id, second in riding if second}
    occupied = {run_id for run_id, _ in riding}
    roles: dict[int, list[Role]] = {}
    for run_id in run_ids:
        wanted = (
            [Role.DRIVER, *([Role.SECOND] if run_id in wants_second else [])] if run_id in occupied else []
        )
        roles[run_id] = [role for role in wanted if (run_id, role) not in held]
    return roles


def _open_deadline(session: Session, run_id: int) -> datetime | None:
    """Return until when somebody who was asked may still answer."""
    return session.exec(
        select(func.max(Ask.deadline_at))
        .join(Offer, col(Offer.ask_id) == Ask.id)
        .where(Offer.run_id == run_id, Offer.state == OfferState.OPEN, Ask.state == AskState.OPEN)
    ).one()


def _asked_before(session: Session, run_id: int, states: Collection[str]) -> list[int]:
    return list(
        session.exec(
            select(col(Offer.volunteer_id)).where(Offer.run_id == run_id, col(Offer.state).in_(list(states)))
        )
    )


def _refused(session: Session, run_id: int) -> set[int]:
    return set(
        session.exec(
            select(col(Refusal.volunteer_id))
            .join(RunLeg, col(RunLeg.leg_id) == Refusal.leg_id)
            .where(RunLeg.run_id == run_id, col(RunLeg.is_live), col(Refusal.taken_back_at).is_(None))
        )
    )


def _names(session: Session, ids: Sequence[int]) -> dict[int, str]:
    rows = session.exec(
        select(col(Volunteer.id), col(Volunteer.name)).where(col(Volunteer.id).in_(list(ids)))
    ).all()
    return {volunteer_id: name for volunteer_id, name in rows if volunteer_id is not None}


def _settle(session: Session, run: Run, *, search_at: datetime | None, rounds: int = 0) -> None:
    session.flush()
    session.execute(
        update(Run)
        .where(col(Run.id) == run.id)
        .values(search_at=search_at, search_round=Run.search_round + rounds, version=Run.version + 1)
    )


def _between(span: timedelta, least: timedelta, most: timedelta) -> timedelta:
    return max(least, min(span, most))


def _by_day(moment: datetime, zone: ZoneInfo) -> datetime:
    """Move a deadline that falls into the night to the next morning."""
    local = moment.astimezone(zone)
    if NIGHT_UNTIL <= local.hour < NIGHT_FROM:
        return moment
    morning = local.replace(hour=NIGHT_UNTIL, minute=30, second=0, microsecond=0)
    return morning if local.hour < NIGHT_UNTIL else morning + timedelta(days=1)


def _id(value: int | None) -> int:
    assert value is not None
    return value
