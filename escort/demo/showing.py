"""What stands behind the demonstration's pages: who can look in, the phones, and the clock's buttons."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlmodel import Session, col, func, select

from escort.access import accounts, links
from escort.access.models import Account, Purpose, Role
from escort.cases.models import Case, CaseState
from escort.demo import phones
from escort.demo.models import DemoState, TakenPhone
from escort.demo.models import PhoneMessage as StoredMessage
from escort.demo.setup import COORDINATOR
from escort.demo.views import (
    DayFigures,
    Entrance,
    Leap,
    Person,
    Phone,
    PhoneFound,
    PhoneMessage,
    PhonesView,
    StartView,
)
from escort.demo.world import World
from escort.errors import NotFound
from escort.families.models import Child, Guardian
from escort.roster.models import Volunteer
from escort.rota.models import Leg, LegState, RunLeg, Shift, ShiftState
from escort.rota.models import Role as Seat
from escort.schools.models import School
from escort.sentences import Sentence, mark
from escort.web.deps import House
from notifications.addresses import parties_by_phone, phone_of, phones_of

MORNING = time(7, 0)
BEFORE_DISMISSAL = timedelta(minutes=10)
SHOWN_CHILD = "小杰"
SHOWN_TEXTS = 30
MOST_FOUND = 8
FAILED = mark("演示区没有准备好。请到运行 make run 的窗口按 Ctrl+C，再运行一次 make run，会接着做。")


@dataclass
class Showing:
    """The demonstration as its pages know it (`escort.demo.views.Demo`)."""

    house: House
    world: World
    has_failed: bool = False  # the district could not be made

    def start(self) -> StartView:
        now = self.house.clock.now()
        with self.house.store.read() as session:
            child = _shown_child(session)
            return StartView(
                now=now,
                going_to=self._going_to(session, now),
                failed=FAILED if self.has_failed else "",
                is_ready=session.get_one(DemoState, 1).is_ready,
                volunteers=session.exec(select(func.count()).select_from(Volunteer)).one(),
                children=session.exec(select(func.count()).select_from(Child)).one(),
                people=tuple(self._people(session, child, now)),
                day=self._next_day(session, now),
                open_cases=session.exec(
                    select(func.count()).select_from(Case).where(Case.state != CaseState.CLOSED)
                ).one(),
                next_dismissal=self._next_dismissal(session, now),
            )

    def phones(self, *, parties: Sequence[str], query: str) -> PhonesView:
        now = self.house.clock.now()
        with self.house.store.read() as session:
            shown = list(parties) or self._interesting(session, now)
            return PhonesView(
                now=now,
                going_to=self._going_to(session, now),
                failed=FAILED if self.has_failed else "",
                phones=tuple(_phone(session, party) for party in shown),
                query=query,
                found=tuple(_found(session, query.strip())) if query.strip() else (),
            )

    def take(self, *, party: str) -> None:
        with self.house.store.write() as session:
            phones.take_over(session, number=_number_of(session, party), now=self.house.clock.now())

    def release(self, *, party: str) -> None:
        with self.house.store.write() as session:
            phones.give_back(session, number=_number_of(session, party))

    def reply(self, *, party: str, text: str) -> None:
        with self.house.store.read() as session:
            number = _number_of(session, party)
        self.world.hands.write(number, text)

    def move_clock(self, *, leap: Leap) -> None:
        now = self.house.clock.now()
        with self.house.store.write() as session:
            target = self._target(session, leap, now)
            state = session.get_one(DemoState, 1)
            if not state.is_ready or (state.going_to is not None and state.going_to > now):
                return  # one leap at a time, and none before there is somewhere to leap
            state.going_to = target
        threading.Thread(target=self._leap, args=(target,), name="leap", daemon=True).start()

    def look_as(self, *, who: str) -> Entrance:
        now = self.house.clock.now()
        with self.house.store.write() as session:
            child = _shown_child(session)
            if child is None:
                raise NotFound(self._not_ready)
            if who == "coordinator":
                account = session.exec(select(Account).where(Account.role == Role.COORDINATOR)).first()
                return Entrance("/today", self._sign_in(session, account))
            if who == "gate":
                account = session.exec(
                    select(Account).where(Account.role == Role.GATE, Account.school_id == child.school_id)
                ).first()
                return Entrance("/gate", self._sign_in(session, account))
            if who == "volunteer":
                driver = self._driver(session, child, now)
                token = links.issue_link(
                    session, subject=f"volunteer:{driver}", purpose=Purpose.VOLUNTEER, now=now
                )
                return Entrance(f"/v/{token}")
            if who == "family":
                guardian = _guardian(session, child)
                token = links.issue_link(
                    session, subject=f"guardian:{guardian}", purpose=Purpose.FAMILY, now=now
                )
                return Entrance(f"/f/{token}")
        raise NotFound("没有这个人。")

    def _leap(self, target: datetime) -> None:
        try:
            self.world.move_to(target)
        finally:
            with self.house.store.write() as session:
                session.get_one(DemoState, 1).going_to = None

    def _sign_in(self, session: Session, account: Account | None) -> accounts.Entered:
        if account is None or account.id is None:
            raise NotFound(self._not_ready)
        return accounts.open_sign_in(session, account_id=account.id, now=self.house.real_now())

    @property
    def _not_ready(self) -> str:
        return FAILED if self.has_failed else mark("演示区还在准备，请过一会儿再来。")

    def _going_to(self, session: Session, now: datetime) -> datetime | None:
        state = session.get_one(DemoState, 1)
        if not state.is_ready:
            return None if self.has_failed else state.going_to or now
        return state.going_to if state.going_to and state.going_to > now else None

    def _people(self, session: Session, child: Child | None, now: datetime) -> list[Person]:
        if child is None:
            return []
        school = session.get_one(School, child.school_id)
        driver = session.get(Volunteer, self._driver(session, child, now))
        return [
            Person(
                "coordinator",
                COORDINATOR,
                mark("协调员"),
                mark("区里的办公室，电脑"),
                mark("今天有什么要人处理"),
            ),
            Person(
                "volunteer",
                driver.name if driver else mark("志愿者"),
                mark("志愿者"),
                mark("手机，一拇指"),
                mark("我的班，哪天不行"),
            ),
            Person(
                "family",
                Sentence("%(name)s家里", name=child.short_name),
                mark("家里"),
                mark("旧手机，大字"),
                mark("明天谁来、什么车"),
            ),
            Person("gate", mark("门卫"), school.name, mark("平板"), mark("今天谁可以接走谁")),
        ]

    def _driver(self, session: Session, child: Child, now: datetime) -> int:
        """Return who drives the shown child next, or, before anybody said yes, anyone."""
        found = session.exec(
            select(col(Shift.volunteer_id))
            .join(RunLeg, col(RunLeg.run_id) == Shift.run_id)
            .join(Leg, col(Leg.id) == RunLeg.leg_id)
            .where(
                Leg.child_id == child.id,
                Leg.due_at > now,
                col(RunLeg.is_live),
                Shift.state == ShiftState.CONFIRMED,
                Shift.role == Seat.DRIVER,
            )
            .order_by(col(Leg.pickup_at))
        ).first()
        return found or session.exec(select(func.min(Volunteer.id))).one() or 0

    def _next_day(self, session: Session, now: datetime) -> DayFigures | None:
        today = now.astimezone(self.house.zone).date()
        on = session.exec(select(func.min(Leg.on)).where(Leg.on > today, Leg.state == LegState.WANTED)).one()
        if on is None:
            return None
        rows = session.exec(
            select(Shift.state, func.count())
            .join(RunLeg, col(RunLeg.run_id) == Shift.run_id)
            .where(
                Shift.on == on,
                col(RunLeg.is_live),
                Shift.role == Seat.DRIVER,
                col(Shift.state).in_((ShiftState.OPEN, ShiftState.CONFIRMED)),
            )
            .group_by(Shift.state)
        ).all()
        by_state = dict(rows)
        legs = session.exec(
            select(func.count()).select_from(Leg).where(Leg.on == on, Leg.state == LegState.WANTED)
        ).one()
        confirmed, asked = by_state.get(ShiftState.CONFIRMED, 0), by_state.get(ShiftState.OPEN, 0)
        return DayFigures(on, legs, confirmed, asked, legs - confirmed - asked)

    def _next_dismissal(self, session: Session, now: datetime) -> datetime | None:
        return session.exec(
            select(func.min(Leg.pickup_at)).where(
                Leg.direction == "home", Leg.state == LegState.WANTED, Leg.pickup_at > now + BEFORE_DISMISSAL
            )
        ).one()

    def _target(self, session: Session, leap: Leap, now: datetime) -> datetime:
        if leap == Leap.TEN_MINUTES:
            return now + timedelta(minutes=10)
        if leap == Leap.ONE_HOUR:
            return now + timedelta(hours=1)
        if leap == Leap.DISMISSAL:
            dismissal = self._next_dismissal(session, now)
            return dismissal - BEFORE_DISMISSAL if dismissal else now + timedelta(hours=1)
        local = now.astimezone(self.house.zone)
        morning = datetime.combine(local.date(), MORNING, self.house.zone)
        return morning if morning > now else morning + timedelta(days=1)

    def _interesting(self, session: Session, now: datetime) -> list[str]:
        """Return a driver, the shown child's family, and whoever was written to last."""
        child = _shown_child(session)
        if child is None:
            return []
        last = session.exec(
            select(StoredMessage.number)
            .where(col(StoredMessage.template).in_(("ask.stand_in", "reply.ask_back", "ask.partly")))
            .order_by(col(StoredMessage.id).desc())
            .limit(1)
        ).first()
        others = parties_by_phone(session, [last]).get(last, []) if last else []
        wanted = [
            f"volunteer:{self._driver(session, child, now)}",
            f"guardian:{_guardian(session, child)}",
            *others[:1],
        ]
        return list(dict.fromkeys(wanted))


def _shown_child(session: Session) -> Child | None:
    child = session.exec(select(Child).where(Child.short_name == SHOWN_CHILD)).first()
    return child or session.exec(select(Child).order_by(col(Child.id)).limit(1)).first()


def _guardian(session: Session, child: Child) -> int:
    found = session.exec(select(func.min(Guardian.id)).where(Guardian.family_id == child.family_id)).one()
    if found is None:
        raise NotFound("这个孩子家里还没有登记手机。")
    return found


def _number_of(session: Session, party: str) -> str:
    number = phone_of(session, party)
    if number is None:
        raise NotFound("这个人没有登记手机。")
    return number


def _phone(session: Session, party: str) -> Phone:
    number = _number_of(session, party)
    name, role, _ = _who(session, party)
    texts = phones.texts_of(session, number, limit=SHOWN_TEXTS)
    return Phone(
        party=party,
        name=name,
        role=role,
        number=number,
        is_taken=session.get(TakenPhone, number) is not None,
        messages=tuple(PhoneMessage(text.at, text.text, text.is_written) for text in texts),
    )


def _who(session: Session, party: str) -> tuple[str, str, str]:
    """Return name, role and what tells two people of one name apart."""
    kind, _, number = party.partition(":")
    if kind == "volunteer":
        volunteer = session.get(Volunteer, int(number))
        if volunteer is not None:
            return volunteer.name, mark("志愿者"), volunteer.plate
    if kind == "guardian":
        row = session.exec(
            select(col(Child.short_name), col(Guardian.relation), col(Child.street))
            .join(Guardian, col(Guardian.family_id) == Child.family_id)
            .where(Guardian.id == int(number))
        ).first()
        if row is not None:
            return (
                Sentence("%(child)s的%(who)s", child=row[0], who=Sentence(row[1] or "家里")),
                mark("家里"),
                row[2],
            )
    if kind == "account":
        return COORDINATOR, mark("协调员"), ""
    raise NotFound("没有这个人。")


def _found(session: Session, query: str) -> list[PhoneFound]:
    volunteers = session.exec(
        select(col(Volunteer.id), col(Volunteer.name), col(Volunteer.plate))
        .where(col(Volunteer.name).contains(query) | col(Volunteer.plate).contains(query))
        .limit(MOST_FOUND)
    ).all()
    guardians = session.exec(
        select(col(Guardian.id), col(Child.short_name), col(Child.street))
        .join(Child, col(Child.family_id) == Guardian.family_id)
        .where(col(Child.short_name).contains(query))
        .limit(MOST_FOUND)
    ).all()
    found = [PhoneFound(f"volunteer:{key}", name, plate) for key, name, plate in volunteers]
    found += [
        PhoneFound(f"guardian:{key}", Sentence("%(name)s家里", name=name), street)
        for key, name, street in guardians
    ]
    reachable = phones_of(session, [one.party for one in found])
    return [one for one in found if one.party in reachable]
