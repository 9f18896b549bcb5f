"""What handlers ask for by type: the house, the instant, a session, and who is asking.

A reader's type is also the route's declared policy: `CurrentCoordinator` in a handler's arguments lets in
coordinators and nobody else, and `policy.check_declared` refuses to start with a route that declares no reader.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, partial
from threading import Event
from typing import Annotated, Protocol
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from jinja2 import Environment
from sqlmodel import Session

from escort.access import accounts, audit, devices, gate_devices, links
from escort.access.clock import real_now
from escort.access.models import Link, Purpose, Role
from escort.access.passwords import Passwords
from escort.db import Store
from escort.errors import DujuanError, NotAllowed, NotFound, SecondFactorNeeded, SignInNeeded
from escort.roster.leaders import Leader, leader_of
from escort.settings import Settings
from escort.upkeep.address import AddressWatch
from escort.web import cookies, csrf
from escort.web.render import environment


class Clock(Protocol):
    """The house's clock: in a demonstration it can be moved forward."""

    def now(self) -> datetime:
        """Return the instant (aware UTC)."""


@dataclass(frozen=True)
class House:
    """One district as the handlers see it; `request.app.state.house`."""

    store: Store
    settings: Settings
    clock: Clock
    zone: ZoneInfo
    is_demo: bool
    real_now: Callable[[], datetime] = real_now  # cookies, codes and sign-ins go by real time
    passwords: Passwords = field(default_factory=Passwords)
    closing: Event = field(
        default_factory=Event
    )  # set when the server stops: answers that go on for ever end
    links: AddressWatch | None = (
        None  # whether the address in messages leads here; a demonstration sends none
    )
    lacks: Callable[[], Sequence[str]] = tuple  # what keeps real children out of this store, in sentences

    @cached_property
    def templates(self) -> Environment:
        return environment(self.zone)

    @property
    def needs_second_factor(self) -> bool:
        """Whether coordinators must have one: wherever others than this machine's own browser can come in."""
        return not self.is_demo and not self.settings.stays_on_this_machine

    @property
    def is_https(self) -> bool:
        return self.settings.base_url.startswith("https://")


@dataclass(frozen=True)
class Coordinator:
    """Somebody of the district office, signed in."""

    account_id: int
    name: str
    subject: str  # "account:<id>"


@dataclass(frozen=True)
class CoordinatorAtTheDoor(Coordinator):
    """A coordinator who may still have to set up the second factor, and can do nothing else until then."""

    sign_in_id: int


@dataclass(frozen=True)
class Gate:
    """A school's guards, at a tablet that is bound to the gate or signed in with the school's account."""

    school_id: int
    name: str
    subject: str  # "gate:<school id>"


@dataclass(frozen=True)
class VolunteerHere:
    """Whoever opened a volunteer's link. Unless `bound`, he sees time and area only."""

    id: int
    subject: str  # "volunteer:<id>"
    bound: bool
    link: Link
    token: str


@dataclass(frozen=True)
class GuardianHere:
    """Whoever opened a family's link. Unless `bound`, he sees time and area only."""

    id: int
    subject: str  # "guardian:<id>"
    bound: bool
    link: Link
    token: str


@dataclass(frozen=True)
class LeaderHere:
    """Whoever opened the link of a team's leader. Unless `bound`, he sees time and area only."""

    leader: Leader
    subject: str  # "volunteer:<id>", or "leader:<id>" for one who is no volunteer
    bound: bool
    link: Link
    token: str


@dataclass(frozen=True)
class Feed:
    """A calendar program that asks for a volunteer's promises."""

    volunteer_id: int


def get_house(request: Request) -> House:
    house = request.app.state.house
    if not isinstance(house, House):
        raise TypeError("app.state.house is not a House")
    return house


async def _house(request: Request) -> House:
    return get_house(request)


# These two wait for nothing: as coroutines they spare every request a trip to the thread pool and back.
HouseDep = Annotated[House, Depends(_house)]


async def get_now(house: HouseDep) -> datetime:
    return house.clock.now()


NowDep = Annotated[datetime, Depends(get_now)]


def write_session(request: Request, house: HouseDep) -> Iterator[Session]:
    with house.store.write() as session:
        session.info[audit.REQUEST_ID] = getattr(request.state, "request_id", "")
        yield session


def read_session(house: HouseDep) -> Iterator[Session]:
    with house.store.read() as session:
        yield session


# "function": what follows the yield, the commit, happens before the answer goes out.
SessionDep = Annotated[Session, Depends(write_session, scope="function")]
ReadSessionDep = Annotated[Session, Depends(read_session, scope="function")]


def current_coordinator(request: Request, house: HouseDep, form_token: csrf.PostedToken) -> Coordinator:
    inside = _inside(request, house, Role.COORDINATOR, form_token)
    if house.needs_second_factor and not inside.has_second_factor:
        raise SecondFactorNeeded("请先开两步登录：这里有孩子的资料，只凭密码不能进。")
    coordinator = Coordinator(inside.account_id, inside.name, f"account:{inside.account_id}")
    request.state.account = coordinator
    request.state.actor = coordinator.subject
    return coordinator


def coordinator_at_the_door(
    request: Request, house: HouseDep, form_token: csrf.PostedToken
) -> CoordinatorAtTheDoor:
    """Let in a coordinator to the page on which the second factor is set up, whether or not there is one."""
    inside = _inside(request, house, Role.COORDINATOR, form_token)
    coordinator = CoordinatorAtTheDoor(
        inside.account_id, inside.name, f"account:{inside.account_id}", inside.sign_in_id
    )
    request.state.account = coordinator
    request.state.actor = coordinator.subject
    return coordinator


def current_gate(request: Request, house: HouseDep, form_token: csrf.PostedToken) -> Gate:
    try:
        gate = _at_signed_in_gate(request, house, form_token)
    except SignInNeeded:
        gate = _at_bound_tablet(request, house, form_token)
    request.state.account = gate
    request.state.actor = gate.subject
    return gate


def _at_bound_tablet(request: Request, house: House, form_token: str) -> Gate:
    """Return the gate that this tablet is bound to. Raises SignInNeeded: the password is the way that is left."""
    secret = cookies.gate_device_secret(request, house.is_https)
    if secret is None:
        raise SignInNeeded("请先登录。")
    now = house.real_now()
    with house.store.read() as session:
        tablet = gate_devices.which_gate(session, secret=secret, now=now)
    if tablet is None:
        raise SignInNeeded("这台平板不再认得了。请协调员再出一张码，或用学校的门卫账号登录。")
    _check_form(request, house, secret, form_token)
    if now - tablet.seen_at >= accounts.SEEN_EVERY and not is_by_itself(request):
        request.state.after_answer = partial(_note_tablet_seen, house, tablet.device_id, now)
    return Gate(tablet.school_id, tablet.label, gate_devices.subject_of(tablet.school_id))


def _at_signed_in_gate(request: Request, house: House, form_token: str) -> Gate:
    inside = _inside(request, house, Role.GATE, form_token)
    if inside.school_id is None:
        raise NotAllowed("这个门卫账号没有学校。请协调员看一下账号。")
    return Gate(inside.school_id, inside.name, gate_devices.subject_of(inside.school_id))


def current_volunteer(request: Request, token: str, house: HouseDep, now: NowDep) -> VolunteerHere:
    link, who, bound = _by_link(request, house, token, Purpose.VOLUNTEER, "volunteer", now)
    return VolunteerHere(id=who, subject=link.subject, bound=bound, link=link, token=token)


def current_guardian(request: Request, token: str, house: HouseDep, now: NowDep) -> GuardianHere:
    link, who, bound = _by_link(request, house, token, Purpose.FAMILY, "guardian", now)
    return GuardianHere(id=who, subject=link.subject, bound=bound, link=link, token=token)


def current_leader(request: Request, token: str, house: HouseDep, now: NowDep) -> LeaderHere:
    csrf.check_origin(request, house.settings.base_url)
    with house.store.read() as session:
        link = links.resolve(session, token=token, purpose=Purpose.LEADER, now=now)
        leader = leader_of(session, link.subject)
        if leader is None:  # another leads the team by now, or nobody
            raise NotFound(links.OVER)
        secret = cookies.device_secret(request, house.is_https, link.subject)
        bound = devices.is_bound(session, subject=link.subject, secret=secret, now=house.real_now())
    request.state.actor = link.subject
    return LeaderHere(leader=leader, subject=link.subject, bound=bound, link=link, token=token)


def current_feed(token: str, house: HouseDep, now: NowDep) -> Feed:
    """Let in a calendar program with the address of a feed: it has no cookies and opens nothing else."""
    with house.store.read() as session:
        link = links.resolve(session, token=token, purpose=Purpose.CALENDAR, now=now)
    kind, _, number = link.subject.partition(":")
    if kind != "volunteer" or not number.isdecimal():
        raise NotFound(links.OVER)
    return Feed(volunteer_id=int(number))


CurrentFeed = Annotated[Feed, Depends(current_feed)]
CurrentCoordinator = Annotated[Coordinator, Depends(current_coordinator)]
AtTheDoor = Annotated[CoordinatorAtTheDoor, Depends(coordinator_at_the_door)]
CurrentGate = Annotated[Gate, Depends(current_gate)]
CurrentVolunteer = Annotated[VolunteerHere, Depends(current_volunteer)]
CurrentGuardian = Annotated[GuardianHere, Depends(current_guardian)]
CurrentLeader = Annotated[LeaderHere, Depends(current_leader)]


class ReadLog:
    """Gathers which bold fields a page shows; written as one line before the page goes out."""

    def __init__(self) -> None:
        self._seen: dict[str, list[str]] = {}

    def saw(self, subject: str, *fields: str) -> None:
        """Say that the reader is shown these fields of somebody: `saw("child:5", "full_name", "photo")`."""
        known = self._seen.setdefault(subject, [])
        known.extend(name for name in fields if name not in known)

    def forget(self, known: Collection[str]) -> None:
        """Drop the fields of which the trail says already that this reader saw them: "child:5.full_name"."""
        for subject, names in list(self._seen.items()):
            if left := [name for name in names if f"{subject}.{name}" not in known]:
                self._seen[subject] = left
            else:
                del self._seen[subject]

    def write(self, session: Session, *, actor: str, page: str, now: datetime) -> None:
        subjects = list(self._seen)
        audit.record(
            session,
            actor=actor,
            action="read",
            subject=subjects[0] if len(subjects) == 1 else page,
            fields=[f"{subject}.{name}" for subject, names in self._seen.items() for name in names],
            now=now,
        )

    def __bool__(self) -> bool:
        return bool(self._seen)


def read_log(request: Request, house: HouseDep, now: NowDep) -> Iterator[ReadLog]:
    """Yield a log for this request; if it cannot be written, the page is not shown.

    A page that keeps itself up to date shows the same names all day: they are written once an hour.
    """
    log = ReadLog()
    yield log
    if log and is_by_itself(request):
        with house.store.read() as session:
            actor = getattr(request.state, "actor", "unknown")
            log.forget(audit.fields_read(session, actor=actor, since=now - SAME_READING))
    if log:
        route = request.scope.get("route")
        with house.store.write() as session:
            session.info[audit.REQUEST_ID] = getattr(request.state, "request_id", "")
            actor = getattr(request.state, "actor", "unknown")
            log.write(session, actor=actor, page=getattr(route, "path", request.url.path), now=now)


# For GET pages, with `ReadSessionDep`. A handler with `SessionDep` records in its own transaction:
# on SQLite a second writer would wait for the first.
ReadLogDep = Annotated[ReadLog, Depends(read_log, scope="function")]


BY_ITSELF = "x-by-itself"  # live.js sends it while nobody touches the page
SAME_READING = timedelta(hours=1)


def _inside(request: Request, house: House, role: Role, form_token: str) -> accounts.Inside:
    """Return who is signed in, with the form's token checked. Raises SignInNeeded or NotAllowed."""
    secret = cookies.session_secret(request, house.is_https, role)
    now = house.real_now()
    inside = None
    if secret:
        with house.store.read() as session:
            inside = accounts.who_is_inside(session, secret=secret, now=now)
    if inside is None or secret is None:
        raise SignInNeeded("请先登录。")
    if inside.role != role:
        raise NotAllowed("这个账号不能看这一页。")
    _check_form(request, house, secret, form_token)
    if now - inside.seen_at >= accounts.SEEN_EVERY and not is_by_itself(request):
        request.state.after_answer = partial(_note_seen, house, inside.sign_in_id, now)
    return inside


def _check_form(request: Request, house: House, secret: str, form_token: str) -> None:
    csrf.check(request, house.settings.base_url, cookie=secret, posted=form_token)
    request.state.csrf_token = csrf.token_for(secret)


def _note_tablet_seen(house: House, device_id: int, now: datetime) -> None:
    with house.store.write() as session:
        gate_devices.note_seen(session, device_id=device_id, now=now)


def may_go_on(request: Request, house: House, reader: Callable[[Request, House, str], object]) -> bool:
    """Return whether the reader of an answer that goes on would still be let in: `current_coordinator`, `current_gate`."""
    try:
        reader(request, house, "")
    except DujuanError:
        return False
    return True


def is_by_itself(request: Request) -> bool:
    """Return whether a page asks because something has changed, with nobody touching it: that is not being there."""
    return request.headers.get("accept") == "text/event-stream" or BY_ITSELF in request.headers


def _note_seen(house: House, sign_in_id: int, now: datetime) -> None:
    """After the answer (`security.Guard`): during it, the handler's own session may hold SQLite's only pen."""
    with house.store.write() as session:
        accounts.note_seen(session, sign_in_id=sign_in_id, now=now)


def _by_link(
    request: Request, house: House, token: str, purpose: Purpose, kind: str, now: datetime
) -> tuple[Link, int, bool]:
    """Return the link, whose it is, and whether this browser is one of that person's devices."""
    csrf.check_origin(request, house.settings.base_url)
    with house.store.read() as session:
        link = links.resolve(session, token=token, purpose=purpose, now=now)
        named, _, number = link.subject.partition(":")
        if named != kind or not number.isdecimal():
            raise NotFound(links.OVER)
        secret = cookies.device_secret(request, house.is_https, link.subject)
        bound = devices.is_bound(session, subject=link.subject, secret=secret, now=house.real_now())
    request.state.actor = link.subject
    return link, int(number), bound
