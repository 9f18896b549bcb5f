"""When somebody said no, or nothing at all: a few eligible people are asked, and the first yes wins.

Each search round asks the next best people, with a deadline that shrinks with the time left; a no brings the next one
at once. Nobody is asked twice for the same run, and nobody who said no to one of its legs.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select, update

from escort import wording
from escort.errors import Conflict, NotFound
from escort.roster.models import Volunteer
from escort.rota.asks import LinkMaker
from escort.rota.couples import best_couple
from escort.rota.deadlines import look_again_at, terms_of
from escort.rota.fitness import OFFICE, OWN_WISHES, Asker, require_fit
from escort.rota.models import (
    LIVE_SHIFT,
    Ask,
    AskKind,
    AskState,
    Offer,
    OfferState,
    Refusal,
    Relief,
    ReliefState,
    Role,
    Run,
    RunLeg,
    RunState,
    Shift,
)
from escort.rota.problems import PROMISED, KeyedProblem, ordered_legs, problem_of, week_of
from escort.rota.seats import lock_runs, searched_reliefs, seats_to_search
from escort.rota.shown import CHANGED, RunShown, is_near, shown_runs
from escort.spoken import Turn
from notifications.models import Urgency
from notifications.outbox import Letter, enqueue_many
from notifications.wording import Wording
from scheduling.explain import Candidate, WhyNobody, candidates, why_nobody, why_not
from scheduling.explain import Refusal as Hurdle
from scheduling.plan import Rule
from scheduling.repair import stand_ins


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
    due = (col(Run.search_at) <= now, col(Run.on) == on, col(Run.state) == RunState.LIVE)
    lock_runs(session, session.exec(select(Run.id).where(*due)).all())
    runs = session.exec(
        select(Run)
        .where(*due)
        .order_by(col(Run.starts_at), col(Run.id))
        .execution_options(populate_existing=True)
    ).all()
    seats = seats_to_search(session, [_id(run.id) for run in runs])
    looking = [run for run in runs if seats[_id(run.id)] and run.starts_at > now]
    for run in runs:
        if run not in looking:  # filled, empty, or T has come: the case goes on, the search ends
            _settle(session, run, search_at=None)
    if not looking:
        return 0
    round_ = _Round(session, looking, now=now, zone=zone, links=links)
    asked = sum(round_.take(run, seats[_id(run.id)]) for run in looking)
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
    asker: Asker = OFFICE,
) -> int:
    """Ask people whom a human picked; return how many. What is still a draft counts as published by that.

    Raises NotFound, Conflict if the run needs nobody or all were asked before, Refused if somebody may not drive it.
    """
    lock_runs(session, [run_id])
    run = session.get(Run, run_id, populate_existing=True)
    if run is None or run.state != RunState.LIVE:
        raise NotFound("这趟车已经取消了，不用再问。")
    seats = seats_to_search(session, [run_id])[run_id]
    if not seats:
        raise Conflict("这趟车已经有人答应，或者正在等他回话，不用再问。")
    passed = {
        *_asked_before(session, run_id, (OfferState.OPEN, OfferState.DECLINED)),
        *_refused(session, run_id),
    }
    chosen = [volunteer for volunteer in dict.fromkeys(volunteer_ids) if volunteer not in passed]
    if not chosen:
        raise Conflict("这几位都问过了：有的还没回，有的已经说去不了。")
    gave_way = {
        volunteer_id: require_fit(session, run=run, volunteer_id=volunteer_id, role=seats[0], asker=asker)
        for volunteer_id in chosen
    }
    if run.published_at is None:
        run.published_at = now
    relief = searched_reliefs(session, [run_id]).get((run_id, seats[0]))
    deadline = _ask(
        session, run, seats[0], chosen, now=now, zone=zone, links=links, gave_way=gave_way, relief=relief
    )
    _settle(session, run, search_at=deadline, rounds=1)
    session.flush()
    return len(chosen)


def note_asked_by_word(
    session: Session,
    *,
    run: Run,
    volunteer_id: int,
    asker: Asker,
    is_judged: bool,
    now: datetime,
    zone: ZoneInfo,
) -> None:
    """Write down that somebody was asked for a run by word of mouth: nothing is sent, the answer is recorded next.

    The caller holds the run. A no needs no judging. Raises Conflict if the run needs nobody, Refused as `ask_people`.
    """
    seats = seats_to_search(session, [_id(run.id)])[_id(run.id)]
    if not seats:
        raise Conflict("这趟车已经有人答应，或者正在等他回话，不用再问。")
    gave_way = (
        require_fit(session, run=run, volunteer_id=volunteer_id, role=seats[0], asker=asker)
        if is_judged
        else frozenset()
    )
    terms = terms_of(now, run.starts_at, zone)
    relief = searched_reliefs(session, [_id(run.id)]).get((_id(run.id), seats[0]))
    _open_asks(
        session,
        run,
        seats[0],
        [volunteer_id],
        terms.deadline_at,
        now=now,
        gave_way={volunteer_id: gave_way},
        relief=relief,
    )
    session.flush()


def ask_colleague(
    session: Session, relief: Relief, run: Run, *, who: str, now: datetime, zone: ZoneInfo, links: LinkMaker
) -> None:
    """Ask the one colleague whom a driver named; `who` is the driver. His own wishes are his to give way in."""
    seat = Role(session.get_one(Shift, relief.shift_id).role)
    _ask(
        session,
        run,
        seat,
        [_id(relief.to_volunteer_id)],
        now=now,
        zone=zone,
        links=links,
        gave_way={_id(relief.to_volunteer_id): OWN_WISHES},
        relief=relief,
        who=who,
    )


class _Round:
    """One round of the search over the runs of one date."""

    def __init__(
        self, session: Session, runs: Sequence[Run], *, now: datetime, zone: ZoneInfo, links: LinkMaker
    ) -> None:
        self.session, self.now, self.zone, self.links = session, now, zone, links
        self.waiting = _waiting(session, [_id(run.id) for run in runs])
        self.answering = set(session.exec(select(Ask.volunteer_id).where(Ask.state == AskState.OPEN)))
        self.eager = _eager(session, [_id(run.id) for run in runs])
        self.willing = _willing(session, [_id(run.id) for run in runs])
        self.reliefs = searched_reliefs(session, [_id(run.id) for run in runs])
        self.runs = runs
        self._keyed: KeyedProblem | None = None  # of those who can be free, near and in order
        self._everybody: KeyedProblem | None = None

    @property
    def keyed(self) -> KeyedProblem:
        if self._keyed is None:
            self._keyed = _problem(self.session, self.runs, self.zone, only_likely=True)
        return self._keyed

    def take(self, run: Run, seats: Sequence[Role]) -> int:
        """Ask the next people for each open seat of a run; return how many."""
        terms = terms_of(self.now, run.starts_at, self.zone)
        asked, deadlines = 0, []
        couple = self._next_couple(run, seats)
        if couple:
            deadlines.append(self._ask_couple(run, couple))
            asked += len(couple)
        for seat in seats:
            waiting = self.waiting[_id(run.id), seat]
            deadlines += waiting
            eager = self.eager[_id(run.id), seat]
            first = list(dict.fromkeys([*eager, *self.willing[_id(run.id), seat]]))
            others = terms.people - len(waiting) - len(first)
            chosen = [*first, *self._next_people(run, others, besides=first)]
            if chosen:
                deadlines.append(
                    _ask(
                        self.session,
                        run,
                        seat,
                        chosen,
                        now=self.now,
                        zone=self.zone,
                        links=self.links,
                        was=eager,
                        relief=self.reliefs.get((_id(run.id), seat)),
                    )
                )
                self.answering.update(chosen)
                asked += len(chosen)
        if deadlines:
            _settle(self.session, run, search_at=min(deadlines), rounds=1 if asked else 0)
        elif any(
            (_id(run.id), seat) in self.reliefs for seat in seats
        ):  # its driver keeps it: nothing is unfilled
            _settle(self.session, run, search_at=look_again_at(self.now, run.starts_at))
        else:
            self._note_why_nobody(run)
        return asked

    def _next_couple(self, run: Run, seats: Sequence[Role]) -> dict[Role, int]:
        """Return who of a couple that drives only together would take which seat, where both stand open; else nobody.

        They are asked beside the others: it takes two yeses, and the others need only one each.
        """
        is_kept = any((_id(run.id), seat) in self.reliefs for seat in seats)
        if is_kept or {*seats} != {*COUPLE_SEATS} or not self.keyed.problem.tables.couples:
            return {}
        at = self.keyed.volunteer_at
        tried = self._tried(run) | self.answering
        found = best_couple(
            self.keyed.problem,
            self.keyed.run_ids.index(_id(run.id)),
            passed={at[volunteer] for volunteer in tried if volunteer in at},
        )
        if found is None:
            return {}
        return dict(zip(COUPLE_SEATS, (self.keyed.volunteer_ids[one] for one in found), strict=True))

    def _ask_couple(self, run: Run, couple: Mapping[Role, int]) -> datetime:
        names = _names(self.session, list(couple.values()))
        deadlines = [
            _ask(
                self.session,
                run,
                seat,
                [volunteer],
                now=self.now,
                zone=self.zone,
                links=self.links,
                beside=next(names[one] for one in couple.values() if one != volunteer),
            )
            for seat, volunteer in couple.items()
        ]
        self.answering.update(couple.values())
        return min(deadlines)

    def _tried(self, run: Run) -> set[int]:
        return {
            *_asked_about(self.session, run),
            *_refused(self.session, _id(run.id)),
            *_people_of(self.session, _id(run.id)),
        }

    def _note_why_nobody(self, run: Run) -> None:
        """Keep what blocked when the search first found nobody, and look again later: somebody may become free.

        The run's page works out what blocks now; every hour for every such run would be dear.
        """
        if run.unfilled_code != NOBODY_LEFT:
            if self._everybody is None:
                self._everybody = _problem(self.session, self.runs, self.zone)
            why = why_nobody(self._everybody.problem, self._everybody.run_ids.index(_id(run.id)))
            run.unfilled_code = NOBODY_LEFT
            run.unfilled_detail = {
                "blocked": {rule.value: count for rule, count in why.blocked},
                "relax": [
                    {"rule": r.rule.value, "amount": r.amount, "people": r.people} for r in why.relaxations
                ],
            }
            self.session.add(run)
        _settle(self.session, run, search_at=look_again_at(self.now, run.starts_at))

    def _next_people(self, run: Run, limit: int, *, besides: Collection[int]) -> list[int]:
        """Return whom to ask next; who has another question open comes only if there is nobody else."""
        if limit <= 0:
            return []
        tried = {*besides, *self._tried(run)}
        position = self.keyed.run_ids.index(_id(run.id))
        at = self.keyed.volunteer_at
        passed = {at[volunteer] for volunteer in tried if volunteer in at}
        found = stand_ins(self.keyed.problem, position, asked=passed)
        people = [self.keyed.volunteer_ids[one.volunteer] for one in found]
        free = [volunteer for volunteer in people if volunteer not in self.answering]
        return (free or people)[:limit]


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
    drove_last: bool  # the children's last service day: taking turns, it should be somebody else
    cost: Candidate = field(repr=False)  # each of the plan's wishes with this person


@dataclass(frozen=True)
class ExplainedRun:
    """Why this driver, why not those, why nobody."""

    candidates: list[RankedCandidate]
    why: WhyNobody
    driver: (
        RankedCandidate | None
    )  # who holds the seat, as if he were asked now; None: nobody, or a rule is broken
    nearer: int  # how many who may drive live nearer to the start than the driver
    refusals: Mapping[int, Hurdle | None]  # of the people asked about; None: may drive
    able: Mapping[int, Candidate]  # of the people asked about, those who may


def candidates_for_run(
    session: Session, *, run_id: int, zone: ZoneInfo, limit: int = 8
) -> tuple[list[RankedCandidate], WhyNobody]:
    """Return who may drive a run, best first, and what keeps the others. Raises NotFound."""
    explained = explain_run(session, run_id=run_id, zone=zone, limit=limit)
    return explained.candidates, explained.why


def explain_run(
    session: Session,
    *,
    run_id: int,
    zone: ZoneInfo,
    limit: int = 8,
    driver_id: int | None = None,
    about: Collection[int] = (),
) -> ExplainedRun:
    """Return who may drive a run, best first, why its driver, why not each of `about`. Raises NotFound."""
    keyed = _problem(session, [_live_run(session, run_id)], zone)
    position = keyed.run_ids.index(run_id)
    free = _who_may(session, run_id, keyed)
    driver, nearer = _driver(keyed, position, driver_id)
    return ExplainedRun(
        candidates=_ranked(session, run_id, keyed, free[:limit]),
        why=why_nobody(keyed.problem, position),
        driver=_ranked(session, run_id, keyed, [driver])[0] if driver else None,
        nearer=nearer,
        refusals={
            who: why_not(keyed.problem, position, keyed.volunteer_at[who])
            for who in about
            if who in keyed.volunteer_at
        },
        able={
            keyed.volunteer_ids[one.volunteer]: one
            for one in free
            if keyed.volunteer_ids[one.volunteer] in about
        },
    )


def candidates_of(
    session: Session, *, run_id: int, among: Collection[int], zone: ZoneInfo
) -> list[RankedCandidate]:
    """Return who of these volunteers may drive a run, best first. Raises NotFound."""
    keyed = _problem(session, [_live_run(session, run_id)], zone, only_likely=True)
    found = [one for one in _who_may(session, run_id, keyed) if keyed.volunteer_ids[one.volunteer] in among]
    return _ranked(session, run_id, keyed, found)


def _live_run(session: Session, run_id: int) -> Run:
    run = session.get(Run, run_id)
    if run is None or run.state != RunState.LIVE:
        raise NotFound("没有这趟车，或者它已经取消了。")
    return run


def _who_may(session: Session, run_id: int, keyed: KeyedProblem) -> Sequence[Candidate]:
    """Return who may drive, best first, without those who said no to one of its legs."""
    refused = {keyed.volunteer_at[v] for v in _refused(session, run_id) if v in keyed.volunteer_at}
    return stand_ins(keyed.problem, keyed.run_ids.index(run_id), asked=refused)


def _driver(keyed: KeyedProblem, position: int, driver_id: int | None) -> tuple[Candidate | None, int]:
    """Return the driver of a run among those who may drive it, and how many of them live nearer."""
    if driver_id not in keyed.volunteer_at:
        return None, 0
    free = candidates(keyed.problem, position)
    found = next((one for one in free if one.volunteer == keyed.volunteer_at[driver_id]), None)
    return found, sum(1 for one in free if found is not None and one.approach_km < found.approach_km)


def _ranked(
    session: Session, run_id: int, keyed: KeyedProblem, found: Sequence[Candidate]
) -> list[RankedCandidate]:
    open_with = set(_asked_before(session, run_id, (OfferState.OPEN,)))
    ids = [keyed.volunteer_ids[one.volunteer] for one in found]
    names = _names(session, ids)
    return [
        RankedCandidate(
            volunteer_id=volunteer_id,
            name=names[volunteer_id],
            approach_km=one.approach_km,
            rides_before=one.rides_before,
            is_known=one.is_known,
            duties_week=one.duties_week,
            cap_week=one.cap_week,
            price=one.price,
            is_asked=volunteer_id in open_with,
            drove_last=one.repeat > 0,
            cost=one,
        )
        for one, volunteer_id in zip(found, ids, strict=True)
    ]


def _ask(
    session: Session,
    run: Run,
    role: Role,
    people: Sequence[int],
    *,
    now: datetime,
    zone: ZoneInfo,
    links: LinkMaker,
    gave_way: Mapping[int, Collection[Rule]] | None = None,
    was: Mapping[int, datetime] | None = None,
    relief: Relief | None = None,
    who: str = "",
    beside: str = "",
) -> datetime:
    """Send one stand-in ask to each; return their common deadline. `was`: who said yes to which moment before.

    `relief`: the wish of whoever holds the seat meanwhile; `who`: his name, where he asks for himself. `beside`: the
    name of the other, where a couple is asked.
    """
    terms = terms_of(now, run.starts_at, zone)
    if relief is not None:
        deadline = relief.deadline_at if who else min(terms.deadline_at, relief.deadline_at)
        terms = replace(terms, deadline_at=deadline)
    ask_ids, shown = _open_asks(
        session,
        run,
        role,
        people,
        terms.deadline_at,
        now=now,
        gave_way=gave_way or {},
        relief=relief,
        was=was,
    )
    theirs = (
        shown_runs(session, [relief.their_run_id])[relief.their_run_id]
        if relief and relief.their_run_id
        else None
    )
    link = links(session, [f"volunteer:{volunteer}" for volunteer in people])
    enqueue_many(
        session,
        [
            Letter(
                to=f"volunteer:{volunteer}",
                wording=_question(
                    shown,
                    was=(was or {}).get(volunteer),
                    relief=relief,
                    who=who,
                    beside=(beside, role),
                    theirs=theirs.turn if theirs else None,
                    deadline=terms.deadline_at,
                    link=link[f"volunteer:{volunteer}"],
                    now=terms.not_before or now,
                    zone=zone,
                ),
                about=f"ask:{ask_id}",
                dedup_key=f"ask:{ask_id}",
                urgency=Urgency.URGENT,
                not_before=terms.not_before,
                do_not_send_after=terms.deadline_at,
            )
            for ask_id, volunteer in zip(ask_ids, people, strict=True)
        ],
        now=now,
    )
    return terms.deadline_at


def _open_asks(
    session: Session,
    run: Run,
    role: Role,
    people: Sequence[int],
    deadline_at: datetime,
    *,
    now: datetime,
    gave_way: Mapping[int, Collection[Rule]],
    relief: Relief | None = None,
    was: Mapping[int, datetime] | None = None,
) -> tuple[Sequence[int | None], RunShown]:
    """Open a stand-in ask with its one offer for each person; return their ids and what is shown."""
    run_id = _id(run.id)
    shown = shown_runs(session, [run_id])[run_id]
    rows = [
        {
            "volunteer_id": volunteer,
            "kind": AskKind.STAND_IN,
            "state": AskState.OPEN,
            "week_on": week_of(run.on),
            "asked_at": now,
            "deadline_at": deadline_at,
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
            shown_starts_at=shown.starts_at,
            shown_legs=shown.legs,
            was_starts_at=(was or {}).get(volunteer),
            gave_way=",".join(sorted(gave_way.get(volunteer, ()))),
            relief_id=relief.id if relief is not None else None,
        )
        for ask_id, volunteer in zip(ask_ids, people, strict=True)
    )
    return ask_ids, shown


def _question(
    shown: RunShown,
    *,
    was: datetime | None,
    relief: Relief | None,
    who: str,
    beside: tuple[str, Role],
    theirs: Turn | None,
    deadline: datetime,
    link: str,
    now: datetime,
    zone: ZoneInfo,
) -> Wording:
    if was is not None:
        change = wording.Changed(shown.turn, was, is_elsewhere=is_near(was, shown.starts_at))
        return wording.asked_again([change], deadline=deadline, link=link, now=now, zone=zone)
    if theirs is not None:
        return wording.swap_ask(shown.turn, theirs, who=who, deadline=deadline, link=link, now=now, zone=zone)
    partner, role = beside
    ask = wording.stand_in_ask if relief is None else partial(wording.relief_ask, who=who)
    if partner:
        ask = partial(wording.couple_ask, who=partner, drives=role == Role.DRIVER)
    return ask(
        shown.turn,
        to_area=shown.to_area,
        km=shown.km,
        equipment=shown.equipment,
        deadline=deadline,
        link=link,
        now=now,
        zone=zone,
    )


def _problem(
    session: Session, runs: Sequence[Run], zone: ZoneInfo, *, only_likely: bool = False
) -> KeyedProblem:
    """Return the problem of one or more runs that each want somebody, everything else as it is promised."""
    legs = ordered_legs(session, [_id(run.id) for run in runs])
    kept = {_id(run.id): legs[_id(run.id)] for run in runs if _id(run.id) in legs}
    return problem_of(session, legs=[], kept_runs=kept, zone=zone, counted=PROMISED, only_likely=only_likely)


def _waiting(session: Session, run_ids: Sequence[int]) -> dict[tuple[int, str], list[datetime]]:
    """Return, by run and seat, until when each of those who were asked may still answer."""
    waiting: dict[tuple[int, str], list[datetime]] = defaultdict(list)
    for run_id, role, deadline_at in session.exec(
        select(Offer.run_id, Offer.role, Ask.deadline_at)
        .join(Ask, col(Ask.id) == col(Offer.ask_id))
        .where(col(Offer.run_id).in_(run_ids), Offer.state == OfferState.OPEN, Ask.state == AskState.OPEN)
    ):
        waiting[_id(run_id), role].append(deadline_at)
    return waiting


def _asked_before(session: Session, run_id: int, states: Collection[str]) -> list[int]:
    """Return who was asked; not whom a driver had asked who kept his turn before they could answer."""
    asked_in_vain = col(Offer.relief_id).is_not(None) & (col(Offer.state) == OfferState.WITHDRAWN)
    return list(
        session.exec(
            select(Offer.volunteer_id).where(
                Offer.run_id == run_id, col(Offer.state).in_(list(states)), ~asked_in_vain
            )
        )
    )


def _asked_about(session: Session, run: Run) -> list[int]:
    """Return who was asked for the run as it is now: another time is another question, but to a no."""
    asked_in_vain = col(Offer.relief_id).is_not(None) & (col(Offer.state) == OfferState.WITHDRAWN)
    rows = session.exec(
        select(Offer.volunteer_id, Offer.shown_starts_at, Offer.state).where(
            Offer.run_id == run.id, ~asked_in_vain
        )
    )
    return [
        volunteer_id
        for volunteer_id, shown_at, state in rows
        if state == OfferState.OPEN or is_near(shown_at, run.starts_at)
    ]


def _eager(session: Session, run_ids: Sequence[int]) -> dict[tuple[int, str], dict[int, datetime]]:
    """Return, by run and seat, who said yes to what the run was before, and when it began then.

    They are asked again whatever the plan's prices say, once for each change.
    """
    later = aliased(Offer)
    asked_since = select(later.id).where(
        col(later.run_id) == col(Offer.run_id),
        col(later.volunteer_id) == col(Offer.volunteer_id),
        col(later.id) > col(Offer.id),
    )
    eager: dict[tuple[int, str], dict[int, datetime]] = defaultdict(dict)
    columns: Any = (Offer.run_id, Offer.role, Offer.volunteer_id, Offer.shown_starts_at)
    for run_id, role, volunteer_id, shown_at in session.exec(
        select(*columns).where(
            col(Offer.run_id).in_(list(run_ids)),
            Offer.end_reason == CHANGED,
            col(Offer.shown_starts_at).is_not(None),
            ~asked_since.exists(),
        )
    ):
        eager[run_id, role][volunteer_id] = shown_at
    return eager


def _willing(session: Session, run_ids: Sequence[int]) -> dict[tuple[int, str], list[int]]:
    """Return, by run and seat, who gave another turn on so as to take this one, and has not been asked for it yet."""
    asked = select(Offer.id).where(
        col(Offer.run_id) == col(Relief.then_run_id), col(Offer.volunteer_id) == col(Relief.volunteer_id)
    )
    refused = (
        select(Refusal.id)
        .join(RunLeg, col(RunLeg.leg_id) == col(Refusal.leg_id))
        .where(
            col(RunLeg.run_id) == col(Relief.then_run_id),
            col(RunLeg.is_live),
            col(Refusal.volunteer_id) == col(Relief.volunteer_id),
            col(Refusal.taken_back_at).is_(None),
        )
    )
    willing: dict[tuple[int, str], list[int]] = defaultdict(list)
    for run_id, volunteer_id in session.exec(
        select(Relief.then_run_id, Relief.volunteer_id).where(
            col(Relief.then_run_id).in_(list(run_ids)),
            Relief.state == ReliefState.DONE,
            ~asked.exists(),
            ~refused.exists(),
        )
    ):
        willing[_id(run_id), Role.DRIVER].append(volunteer_id)
    return willing


def _refused(session: Session, run_id: int) -> set[int]:
    return set(
        session.exec(
            select(Refusal.volunteer_id)
            .join(RunLeg, col(RunLeg.leg_id) == col(Refusal.leg_id))
            .where(RunLeg.run_id == run_id, col(RunLeg.is_live), col(Refusal.taken_back_at).is_(None))
        )
    )


def _people_of(session: Session, run_id: int) -> list[int]:
    """Return who holds a seat of the run: a driver is not his own second adult."""
    return list(
        session.exec(
            select(Shift.volunteer_id).where(Shift.run_id == run_id, col(Shift.state).in_(LIVE_SHIFT))
        )
    )


def _names(session: Session, ids: Sequence[int]) -> dict[int, str]:
    rows = session.exec(
        select(col(Volunteer.id), col(Volunteer.name)).where(col(Volunteer.id).in_(list(ids)))
    ).all()
    return {volunteer_id: name for volunteer_id, name in rows if volunteer_id is not None}


def _settle(session: Session, run: Run, *, search_at: datetime | None, rounds: int = 0) -> None:
    session.flush()
    session.exec(
        update(Run)
        .where(col(Run.id) == run.id)
        .values(search_at=search_at, search_round=Run.search_round + rounds, version=Run.version + 1)
    )


def _id(value: int | None) -> int:
    assert value is not None
    return value


NOBODY_LEFT = "nobody_left"
COUPLE_SEATS = (Role.DRIVER, Role.SECOND)  # as `best_couple` names them
