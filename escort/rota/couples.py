"""Two who drive only together, asked for both seats of a run at once: each says yes for himself.

The first yes waits (`OfferState.WAITING`): it holds no seat, names nobody to a family and stops no search. With the
second yes both seats are taken in one step; a no, silence or somebody quicker ends the other's question as well.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select, update

from escort import wording
from escort.roster.households import live_links
from escort.roster.models import LinkKind
from escort.rota.fitness import PARTNER
from escort.rota.models import LIVE_SHIFT, Offer, OfferState, Shift
from escort.rota.release import withdraw_offers
from escort.rota.seats import lock_runs, search_now
from escort.rota.shown import shown_runs
from notifications.models import Urgency
from notifications.outbox import Letter, enqueue_many
from scheduling.explain import Claim, broken_by_claims
from scheduling.plan import Rule
from scheduling.problem import Problem
from scheduling.tables import RunTable

IN_QUESTION = (OfferState.OPEN, OfferState.WAITING)


def best_couple(problem: Problem, run: int, *, passed: Collection[int]) -> tuple[int, int] | None:
    """Return who of a couple drives and who sits beside, for a run with both seats open; None if no couple may.

    Positions in `problem.volunteers`. First whom more children of the car know at the wheel, then who lives nearer.
    `passed`: who is not to be asked.
    """
    cars = problem.runs or ()
    children = problem.run_children(cars[run])
    away = RunTable(problem, [cars[run]]).approach_km(np.array([0]))[0]
    known = problem.tables.known[list(children)].sum(axis=0)
    may = [
        (driver, second)
        for couple in problem.tables.couples
        if not {*couple} & {*passed}
        for driver, second in (couple, couple[::-1])
        if _may(problem, run, driver, second)
    ]
    return min(may, key=lambda pair: (-int(known[pair[0]]), float(away[pair[0]]), pair), default=None)


def other_halves(session: Session, *, partner_id: int, run_ids: Collection[int]) -> dict[int, Offer]:
    """Return, by run, the question that was put to the partner as well, while a yes may still come of it."""
    rows = session.exec(
        select(Offer)
        .where(
            Offer.volunteer_id == partner_id,
            col(Offer.run_id).in_(list(run_ids)),
            col(Offer.state).in_(IN_QUESTION),
            *_BY_THE_SEARCH,
        )
        .execution_options(populate_existing=True)
    )
    return {offer.run_id: offer for offer in rows if offer.run_id is not None}


def lone_halves(session: Session) -> list[Offer]:
    """Return the questions to one of a couple of which nothing can come any more: the other's has ended."""
    links = [(one, other) for one, other, kind in live_links(session) if kind == LinkKind.TOGETHER]
    if not links:
        return []
    partner = {who: whom for one, other in links for who, whom in ((one, other), (other, one))}
    theirs, seat = aliased(Offer), aliased(Shift)
    columns: Any = (Offer, theirs.volunteer_id, seat.volunteer_id)
    rows = session.exec(
        select(*columns)
        .outerjoin(
            theirs,
            (col(theirs.run_id) == col(Offer.run_id))
            & (col(theirs.volunteer_id) != col(Offer.volunteer_id))
            & col(theirs.volunteer_id).in_(partner)
            & col(theirs.state).in_(IN_QUESTION),
        )
        .outerjoin(
            seat,
            (col(seat.run_id) == col(Offer.run_id))
            & (col(seat.volunteer_id) != col(Offer.volunteer_id))
            & col(seat.state).in_(LIVE_SHIFT),
        )
        .where(col(Offer.volunteer_id).in_(partner), col(Offer.state).in_(IN_QUESTION), *_BY_THE_SEARCH)
        .order_by(col(Offer.id))
    ).all()
    beside = {offer.id for offer, asked, seated in rows if partner[offer.volunteer_id] in (asked, seated)}
    return list({offer.id: offer for offer, *_ in rows if offer.id not in beside}.values())


def end_lone_halves(session: Session, *, now: datetime, zone: ZoneInfo) -> int:
    """End such questions, tell whoever had said yes, and let others be asked; return how many ended."""
    found = lone_halves(session)
    if not found:
        return 0
    lock_runs(session, [offer.run_id for offer in found])
    lone = lone_halves(session)
    said_yes = [offer for offer in lone if offer.state == OfferState.WAITING]
    session.exec(
        update(Offer)
        .where(col(Offer.id).in_([offer.id for offer in lone]), col(Offer.state).in_(IN_QUESTION))
        .values(end_reason=PARTNER)
    )
    withdraw_offers(session, lone, now=now, reason=PARTNER)
    tell_they_stay(session, said_yes, now=now, zone=zone)
    search_now(session, {offer.run_id for offer in lone}, now=now)
    session.expire_all()
    return len(lone)


def tell_they_go(session: Session, first: Offer, *, now: datetime, zone: ZoneInfo) -> None:
    """Tell whoever had said yes before that it counts now."""
    shown = shown_runs(session, [first.run_id or 0])
    letter = Letter(
        to=f"volunteer:{first.volunteer_id}",
        wording=wording.couple_goes(shown[first.run_id or 0].turn, now=now, zone=zone),
        about=f"run:{first.run_id}",
        dedup_key=f"couple-goes:{first.id}",
        urgency=Urgency.URGENT,
    )
    enqueue_many(session, [letter], now=now)


def tell_they_stay(session: Session, waiting: Collection[Offer], *, now: datetime, zone: ZoneInfo) -> None:
    """Tell whoever had said yes that it comes to nothing: the other cannot, or somebody was quicker."""
    shown = shown_runs(session, [offer.run_id for offer in waiting if offer.run_id is not None])
    enqueue_many(
        session,
        [
            Letter(
                to=f"volunteer:{offer.volunteer_id}",
                wording=wording.couple_stays(shown[offer.run_id].turn, now=now, zone=zone),
                about=f"run:{offer.run_id}",
                dedup_key=f"couple-stays:{offer.id}",
                urgency=Urgency.URGENT,
            )
            for offer in waiting
            if offer.run_id in shown
        ],
        now=now,
    )


def _may(problem: Problem, run: int, driver: int, second: int) -> bool:
    """Every hard rule, but that each wants the other beside."""
    alone: Mapping[str, Any] = {"waived": frozenset({Rule.TOGETHER})}
    claims = [Claim(run, driver, **alone), Claim(run, second, is_second=True, **alone)]
    return not any(broken_by_claims(problem, claims))


_BY_THE_SEARCH = (col(Offer.shift_id).is_(None), col(Offer.relief_id).is_(None))
"""What the plan asks holds its seats open, and `households.keep_links` looks after those."""
