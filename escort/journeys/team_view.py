"""What a team leader's page shows: his own team's people, and of children what somebody who is asked may see."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from escort import pinyin
from escort.errors import NotFound
from escort.journeys.introductions import IntroductionLine, introductions, rides_to_join
from escort.journeys.turns import Turn, known_runs, turn_in
from escort.roster.gates import OF_THE_CAR, Gate, gates_on
from escort.roster.leaders import Leader
from escort.roster.models import Volunteer
from escort.rota.models import (
    Ask,
    AskState,
    IntroductionState,
    Offer,
    OfferState,
    Role,
    Shift,
    ShiftState,
)
from escort.rota.seats import open_seats
from escort.rota.standins import RankedCandidate, candidates_of
from escort.rota.team import NOT_OURS, NOT_OURS_PERSON, Hole, holes_of, require_own_run, until_next_sunday


@dataclass(frozen=True)
class Said:
    """What one person was asked about a run, and where it stands."""

    volunteer_id: int
    name: str  # "" for somebody of another team
    state: str
    end_reason: str

    @property
    def is_open(self) -> bool:
        return self.state == OfferState.OPEN


@dataclass(frozen=True)
class TeamHole:
    turn: Turn
    said: tuple[Said, ...]

    @property
    def waiting(self) -> list[str]:
        """Return the names of the team's own people who have not answered."""
        return [one.name for one in self.said if one.is_open and one.name]

    @property
    def others_waiting(self) -> int:
        return sum(one.is_open and not one.name for one in self.said)

    @property
    def code(self) -> str:
        """Return the code of the status vocabulary."""
        return "asked" if any(one.is_open for one in self.said) else "unassigned"


@dataclass(frozen=True)
class Unanswered:
    """One of the team's people with an open question."""

    volunteer_id: int
    name: str
    deadline_at: datetime
    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class Person:
    volunteer_id: int
    name: str
    gates: tuple[Gate, ...]
    plate: str
    seats: int
    child_seats: int
    wheelchair: bool
    pattern: str
    cap_week: int
    is_newcomer: bool
    created_at: datetime


@dataclass(frozen=True)
class TeamHome:
    people: int
    this_week: tuple[TeamHole, ...]
    next_week: tuple[TeamHole, ...]
    unanswered: tuple[Unanswered, ...]
    newcomers: tuple[Person, ...]
    rides: tuple[IntroductionLine, ...]

    def rides_of(self, volunteer_id: int) -> list[IntroductionLine]:
        return [ride for ride in self.rides if ride.newcomer_id == volunteer_id]


@dataclass(frozen=True)
class TeamRun:
    """One run before the leader: who of his people could drive it, who was asked, what may be written down."""

    turn: Turn
    seats: tuple[Role, ...]  # that nobody holds
    is_own: bool  # of a child of the team; else only its own people's answers can be written down
    is_past: bool
    candidates: tuple[RankedCandidate, ...]
    said: tuple[Said, ...]
    driver: str  # of the own team; "" for nobody, or for somebody of another
    has_driver: bool
    people: tuple[tuple[int, str], ...]  # whose answer may be written down

    @property
    def can_ask(self) -> bool:
        return self.is_own and bool(self.seats) and not self.is_past


@dataclass(frozen=True)
class Joinable:
    """A run on which a newcomer may ride along."""

    turn: Turn
    driver: str


@dataclass(frozen=True)
class NewcomerView:
    person: Person
    rides: tuple[IntroductionLine, ...]  # planned, ridden, decided
    turns: dict[int, Turn]  # of the rides, by run
    to_join: tuple[Joinable, ...]  # none while a paper that protects the children is missing


def team_home(session: Session, *, leader: Leader, now: datetime, zone: ZoneInfo) -> TeamHome:
    """Return the leader's page, in seven statements however many runs and people there are."""
    today = now.astimezone(zone).date()
    until_on = until_next_sunday(today)
    holes = holes_of(session, teams=[leader.team_id], now=now, until_on=until_on)
    asked = _asked(session, leader, [hole.run_id for hole in holes])
    wanted = {hole.run_id for hole in holes} | {offer.run_id for _, offer, _ in asked if offer.run_id}
    runs = known_runs(session, {run_id for run_id in wanted if run_id is not None})
    turns = {run_id: turn_in(known) for run_id, known in runs.items()}
    people = team_people(session, leader=leader, today=today)
    shown = [_hole(hole, turns[hole.run_id], asked) for hole in holes if hole.run_id in turns]
    sunday = until_on.toordinal() - 7
    return TeamHome(
        people=len(people),
        this_week=tuple(one for one in shown if one.turn.on.toordinal() <= sunday),
        next_week=tuple(one for one in shown if one.turn.on.toordinal() > sunday),
        unanswered=_unanswered(asked, turns),
        newcomers=tuple(person for person in people if person.is_newcomer),
        rides=tuple(
            introductions(
                session,
                states=(IntroductionState.PLANNED, IntroductionState.DONE),
                team_id=leader.team_id,
            )
        ),
    )


def team_run(session: Session, *, leader: Leader, run_id: int, now: datetime, zone: ZoneInfo) -> TeamRun:
    """Return one run of the team, or one about which its people were asked. Raises NotFound for any other."""
    known = known_runs(session, [run_id]).get(run_id)
    said = _said(session, leader, run_id)
    if known is None:
        raise NotFound(NOT_OURS)
    own_asked = tuple((one.volunteer_id, one.name) for one in said if one.name)
    is_own = _is_own(session, leader, run_id)
    if not is_own and not own_asked:
        raise NotFound(NOT_OURS)
    seats = tuple(open_seats(session, [run_id])[run_id])
    is_past = known.run.starts_at <= now
    everybody = _names(session, leader) if is_own else dict(own_asked)
    can_ask = is_own and seats and not is_past
    driver = _driver(session, leader, run_id)
    return TeamRun(
        turn=turn_in(known),
        seats=seats,
        is_own=is_own,
        is_past=is_past,
        candidates=tuple(candidates_of(session, run_id=run_id, among=everybody, zone=zone))
        if can_ask
        else (),
        said=said,
        driver=driver or "",
        has_driver=driver is not None,
        people=tuple(sorted(everybody.items(), key=lambda one: pinyin.sort_key(one[1]))),
    )


def newcomer_view(
    session: Session, *, leader: Leader, volunteer_id: int, now: datetime, zone: ZoneInfo
) -> NewcomerView:
    """Return one newcomer of the team with his accompanied rides, and on which he could go. Raises NotFound."""
    today = now.astimezone(zone).date()
    found = team_people(session, leader=leader, today=today, only=volunteer_id)
    if not found:
        raise NotFound(NOT_OURS_PERSON)
    [person] = found
    rides = [
        ride
        for ride in introductions(session, states=STILL_SHOWN, team_id=leader.team_id)
        if ride.newcomer_id == volunteer_id
    ]
    is_waiting = any(ride.state == IntroductionState.PLANNED for ride in rides)
    free = (
        []
        if is_waiting or set(person.gates) - OF_THE_CAR
        else rides_to_join(
            session,
            team_id=leader.team_id,
            now=now,
            until_on=until_next_sunday(today),
            newcomer_id=volunteer_id,
        )
    )
    wanted = {ride.run_id for ride in rides} | {ride.run_id for ride in free}
    runs = known_runs(session, wanted)
    turns = {run_id: turn_in(known) for run_id, known in runs.items()}
    return NewcomerView(
        person,
        tuple(rides),
        turns,
        tuple(Joinable(turns[ride.run_id], ride.driver) for ride in free if ride.run_id in turns),
    )


def team_people(session: Session, *, leader: Leader, today: date, only: int | None = None) -> list[Person]:
    """Return the team's people who are not suspended, sorted by pinyin, in one query."""
    drove = select(Shift.id).where(
        col(Shift.volunteer_id) == col(Volunteer.id),
        Shift.state == ShiftState.SERVED,
        Shift.role == Role.DRIVER,
    )
    columns: Any = (Volunteer, drove.exists())
    rows = session.execute(
        select(*columns)
        .where(
            Volunteer.team_id == leader.team_id,
            col(Volunteer.suspended_at).is_(None),
            *([Volunteer.id == only] if only is not None else []),
        )
        .options(defer(_ADDRESS), defer(_PHOTO))
    )
    people = [
        Person(
            volunteer_id=one.id or 0,
            name=one.name,
            gates=tuple(gates_on(one, today)),
            plate=one.plate,
            seats=one.seats,
            child_seats=one.child_seats,
            wheelchair=one.wheelchair,
            pattern=one.pattern,
            cap_week=one.cap_week,
            is_newcomer=one.brought_by is not None and not has_driven,
            created_at=one.created_at,
        )
        for one, has_driven in rows
    ]
    return sorted(people, key=lambda person: (pinyin.sort_key(person.name), person.volunteer_id))


def _is_own(session: Session, leader: Leader, run_id: int) -> bool:
    try:
        require_own_run(session, leader=leader, run_id=run_id)
    except NotFound:
        return False
    return True


def _hole(hole: Hole, turn: Turn, asked: Sequence[tuple[Ask, Offer, str]]) -> TeamHole:
    of_run = [(offer, name) for _, offer, name in asked if offer.run_id == hole.run_id]
    return TeamHole(turn, tuple(Said(offer.volunteer_id, name, offer.state, "") for offer, name in of_run))


def _unanswered(asked: Sequence[tuple[Ask, Offer, str]], turns: dict[int, Turn]) -> tuple[Unanswered, ...]:
    """Return the team's own people with an open question, the nearest deadline first."""
    mine: dict[int, list[tuple[Ask, Offer, str]]] = defaultdict(list)
    for ask, offer, name in asked:
        if name and offer.state == OfferState.OPEN and offer.run_id in turns:
            mine[offer.volunteer_id].append((ask, offer, name))
    found = [
        Unanswered(
            volunteer_id=volunteer_id,
            name=rows[0][2],
            deadline_at=min(ask.deadline_at for ask, _, _ in rows),
            turns=tuple(
                sorted(
                    (turns[offer.run_id] for _, offer, _ in rows if offer.run_id is not None),
                    key=lambda turn: (turn.on, not turn.to_school),
                )
            ),
        )
        for volunteer_id, rows in mine.items()
    ]
    return tuple(sorted(found, key=lambda one: (one.deadline_at, one.volunteer_id)))


def _asked(session: Session, leader: Leader, runs: Collection[int]) -> list[tuple[Ask, Offer, str]]:
    """Return the open questions about these runs and those to the team's people; a stranger's name stays away."""
    rows = session.execute(
        _offers().where(
            Offer.state == OfferState.OPEN,
            Ask.state == AskState.OPEN,
            col(Offer.run_id).in_(list(runs)) | (col(Volunteer.team_id) == leader.team_id),
        )
    )
    return [(ask, offer, name if team == leader.team_id else "") for ask, offer, name, team in rows]


def _said(session: Session, leader: Leader, run_id: int) -> tuple[Said, ...]:
    """Return the newest question to each person about a run."""
    newest = {
        offer.volunteer_id: Said(
            offer.volunteer_id, name if team == leader.team_id else "", offer.state, offer.end_reason
        )
        for _, offer, name, team in session.execute(_offers().where(Offer.run_id == run_id))
    }
    return tuple(newest.values())


def _offers() -> Any:
    columns: Any = (Ask, Offer, Volunteer.name, Volunteer.team_id)
    return (
        select(*columns)
        .join(Offer, col(Offer.ask_id) == col(Ask.id))
        .join(Volunteer, col(Volunteer.id) == col(Offer.volunteer_id))
        .order_by(col(Offer.id))
    )


def _driver(session: Session, leader: Leader, run_id: int) -> str | None:
    """Return the driver's name if he is of the team, "" if of another; None if nobody has promised."""
    row = session.exec(
        select(Volunteer.name, Volunteer.team_id)
        .join(Shift, col(Shift.volunteer_id) == col(Volunteer.id))
        .where(
            Shift.run_id == run_id,
            Shift.role == Role.DRIVER,
            col(Shift.state).in_((ShiftState.CONFIRMED, ShiftState.SERVED)),
        )
    ).first()
    if row is None:
        return None
    return row[0] if row[1] == leader.team_id else ""


def _names(session: Session, leader: Leader) -> dict[int, str]:
    rows = session.exec(
        select(col(Volunteer.id), col(Volunteer.name)).where(
            Volunteer.team_id == leader.team_id, col(Volunteer.suspended_at).is_(None)
        )
    )
    return {volunteer_id or 0: name for volunteer_id, name in rows}


STILL_SHOWN = tuple(state for state in IntroductionState if state != IntroductionState.CALLED_OFF)
_ADDRESS: Any = Volunteer.address  # SQLModel types its columns as values
_PHOTO: Any = Volunteer.photo
