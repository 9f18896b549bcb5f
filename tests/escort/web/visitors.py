"""A small house with the phone and gate pages, a day of the cast in it, and browsers that visit."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from httpx2 import Response
from sqlmodel import Session
from starlette.testclient import TestClient

from escort.access import accounts, gate_devices, links
from escort.access.models import Purpose, Role
from escort.access.passwords import Passwords
from escort.db import Store
from escort.families.models import Child, PlaceKind
from escort.messages import link_maker
from escort.roster.models import Volunteer
from escort.rota.models import (
    Ask,
    AskKind,
    Direction,
    Leg,
    LegState,
    Offer,
    Run,
    RunLeg,
    Service,
    Shift,
    ShiftState,
)
from escort.settings import Settings
from escort.web import cookies, csrf, render, security, session_routes
from escort.web.deps import House
from escort.web.family.routes import router as family_router
from escort.web.gate.routes import router as gate_router
from escort.web.leader.routes import router as leader_router
from escort.web.volunteer.routes import router as volunteer_router
from tests.builders import NOW, ZONE, EscortedChild
from tests.cast import Cast, the_cast

WEDNESDAY = date(2021, 4, 7)  # the day after NOW


@dataclass
class FixedClock:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


class GateBrowser(TestClient):
    """A tablet of the gate, or another browser whose forms carry the token of its one cookie."""

    def __init__(self, app: FastAPI, secret: str, cookie: str = cookies.SESSION_NAMES[Role.GATE]) -> None:
        super().__init__(app, follow_redirects=False)
        self.token = csrf.token_for(secret)
        self.cookies.set(cookie, secret)

    def press(self, address: str, **form: str) -> Response:
        return self.post(address, data={"csrf_token": self.token, **form})


@dataclass
class Site:
    """One district with its pages, a clock that tests set, and links made on demand."""

    store: Store
    app: FastAPI
    clock: FixedClock
    phones: dict[str, TestClient] = field(default_factory=dict)
    passwords: Passwords = field(default_factory=lambda: Passwords())

    def browser(self) -> TestClient:
        return TestClient(self.app, follow_redirects=False)

    def link(self, subject: str) -> str:
        """Return the address of a new link for this person."""
        kind = subject.split(":", maxsplit=1)[0]
        purpose = Purpose.VOLUNTEER if kind == "volunteer" else Purpose.FAMILY
        return f"/{'v' if kind == 'volunteer' else 'f'}/{self._token(subject, purpose)}"

    def leads(self, subject: str) -> str:
        """Return the address of a new link of the team that this person leads."""
        return f"/t/{self._token(subject, Purpose.LEADER)}"

    def _token(self, subject: str, purpose: Purpose) -> str:
        with self.store.write() as session:
            return links.issue_link(session, subject=subject, purpose=purpose, now=NOW - timedelta(hours=1))

    def bound_leader(self, subject: str) -> tuple[TestClient, str]:
        """Return the browser bound to a team's leader, and the address of the team's page."""
        address = self.leads(subject)
        if subject not in self.phones:
            self.phones[subject] = self.browser()
            assert self.phones[subject].post(f"{address}/bind").status_code == 303
        return self.phones[subject], address

    def bound(self, subject: str) -> tuple[TestClient, str]:
        """Return the browser bound to this person, and its address."""
        address = self.link(subject)
        if subject not in self.phones:
            self.phones[subject] = self.browser()
            assert self.phones[subject].post(f"{address}/bind").status_code == 303
        return self.phones[subject], address

    def gate(self, school_id: int) -> GateBrowser:
        """Return a browser signed in as a school's gate; `post` fills the form's token."""
        with self.store.write() as session:
            account = accounts.create_account(
                session,
                login=f"gate{school_id}",
                name="门卫",
                role="gate",
                password="a long password of the gate",
                by="account:1",
                now=NOW,
                passwords=self.passwords,
                school_id=school_id,
            )
            entered = accounts.open_sign_in(
                session, account_id=account.id or 0, now=self.app.state.house.real_now()
            )
        return GateBrowser(self.app, entered.secret)

    def tablet(self, school_id: int, label: str = "") -> GateBrowser:
        """Return a tablet that was bound to a school's gate by its QR."""
        with self.store.write() as session:
            token = gate_devices.issue_gate_code(
                session, school_id=school_id, by="account:1", now=self.clock.at
            )
        browser = self.browser()
        assert browser.post(f"/gate/bind/{token}", data={"label": label}).status_code == 303
        return GateBrowser(self.app, browser.cookies[cookies.GATE_DEVICE], cookies.GATE_DEVICE)

    def office(self) -> GateBrowser:
        """Return a browser in which 林老师 is signed in; `press` fills the form's token."""
        with self.store.write() as session:
            account = accounts.create_account(
                session,
                login="lin",
                name="林老师",
                role=Role.COORDINATOR,
                password="four small swallows on a wire",
                by="system",
                now=NOW,
                passwords=self.passwords,
            )
            entered = accounts.open_sign_in(
                session, account_id=account.id or 0, now=self.app.state.house.real_now()
            )
        return GateBrowser(self.app, entered.secret, cookies.SESSION_NAMES[Role.COORDINATOR])


def a_site(store: Store, now: datetime = NOW) -> Site:
    clock = FixedClock(now)
    house = House(store=store, settings=Settings(), clock=clock, zone=ZONE, is_demo=False)
    app = FastAPI(**security.LIMITS)
    app.state.house = house
    app.state.links = link_maker("https://dujuan.test", clock.now)
    for router in (volunteer_router, family_router, gate_router, leader_router, session_routes.router):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=render.STATIC), name="static")
    security.install(app, house)
    return Site(store, app, clock)


def a_leg(
    session: Session,
    who: EscortedChild,
    *,
    on: date = WEDNESDAY,
    direction: str = Direction.TO_SCHOOL,
    at_home: bool = True,
    state: str = LegState.WANTED,
) -> Leg:
    """07:40 to school, 16:00 home."""
    to_school = direction == Direction.TO_SCHOOL
    pickup = datetime(on.year, on.month, on.day, 7 if to_school else 16, 40 if to_school else 0, tzinfo=ZONE)
    leg = Leg(
        escort_id=who.escort.id or 0,
        child_id=who.id,
        school_id=who.school.id or 0,
        on=on,
        direction=direction,
        timetable_weekday=on.weekday(),
        state=state,
        pickup_at=pickup,
        due_at=pickup + timedelta(minutes=35),
        place_kind=PlaceKind.HOME if at_home else PlaceKind.KNOWN,
        place_name="家门口" if at_home else "柳树村村委会门口",
        area="唐昌街道",
        km=15.0,
        minutes=35,
    )
    session.add(leg)
    session.flush()
    return leg


def a_run(session: Session, *legs: Leg) -> Run:
    run = Run(
        school_id=legs[0].school_id,
        on=legs[0].on,
        direction=legs[0].direction,
        starts_at=min(leg.pickup_at for leg in legs),
        ends_at=max(leg.due_at for leg in legs),
        km=15.0,
        minutes=35,
        published_at=NOW - timedelta(days=2),
    )
    session.add(run)
    session.flush()
    for position, leg in enumerate(legs):
        session.add(RunLeg(run_id=run.id or 0, leg_id=leg.id or 0, position=position))
    session.flush()
    return run


def a_shift(
    session: Session,
    run: Run,
    volunteer: Volunteer,
    *,
    state: str = ShiftState.CONFIRMED,
    confirmed_at: datetime | None = NOW - timedelta(days=1),
    ended_at: datetime | None = None,
    role: str = "driver",
) -> Shift:
    shift = Shift(
        run_id=run.id,
        volunteer_id=volunteer.id or 0,
        on=run.on,
        direction=run.direction,
        role=role,
        state=state,
        created_at=NOW - timedelta(days=3),
        published_at=NOW - timedelta(days=3),
        confirmed_at=confirmed_at,
        ended_at=ended_at,
    )
    session.add(shift)
    session.flush()
    return shift


def an_ask(session: Session, volunteer: Volunteer, *shifts: Shift, kind: str = AskKind.ROUTINE) -> Ask:
    """An open ask with one open offer a shift."""
    ask = Ask(
        volunteer_id=volunteer.id or 0,
        kind=kind,
        week_on=date(2021, 4, 5),
        asked_at=NOW - timedelta(hours=1),
        deadline_at=NOW + timedelta(hours=2),
    )
    session.add(ask)
    session.flush()
    for shift in shifts:
        session.add(
            Offer(
                ask_id=ask.id or 0,
                volunteer_id=volunteer.id or 0,
                run_id=shift.run_id,
                shift_id=shift.id,
                on=shift.on,
                direction=shift.direction,
            )
        )
    session.flush()
    return ask


def brought_before(session: Session, who: EscortedChild, volunteer: Volunteer, times: int = 3) -> None:
    """Note that this driver has brought this child on earlier days."""
    for day in range(times):
        leg = a_leg(session, who, on=date(2021, 3, 1) + timedelta(days=day))
        session.add(
            Service(
                leg_id=leg.id or 0,
                child_id=who.id,
                volunteer_id=volunteer.id or 0,
                on=leg.on,
                direction=leg.direction,
            )
        )
    session.flush()


@dataclass
class Wednesday:
    """小雨's Wednesday: 王师傅 has said yes to both ways."""

    cast: Cast
    morning: Leg
    afternoon: Leg
    morning_run: Run
    afternoon_run: Run
    morning_shift: Shift
    afternoon_shift: Shift

    @property
    def wang(self) -> str:
        return f"volunteer:{self.cast.wang.id}"

    @property
    def grandmother(self) -> str:
        return self.cast.xiaoyu.guardian_subject


def a_wednesday(store: Store, *, known: bool = True) -> Wednesday:
    with store.write() as session:
        cast = the_cast(session)
        child = session.get_one(Child, cast.xiaoyu.id)
        child.handling_note = "怕生，先叫一声“小雨”"
        child.grade = "三年级"
        if known:
            brought_before(session, cast.xiaoyu, cast.wang)
        morning = a_leg(session, cast.xiaoyu)
        afternoon = a_leg(session, cast.xiaoyu, direction=Direction.HOME)
        morning_run, afternoon_run = a_run(session, morning), a_run(session, afternoon)
        return Wednesday(
            cast,
            morning,
            afternoon,
            morning_run,
            afternoon_run,
            a_shift(session, morning_run, cast.wang),
            a_shift(session, afternoon_run, cast.wang),
        )
