"""A small district where everything belongs to somebody, and everybody who might come to look at it.

杨小雨 goes to 银杏 and 王师傅 drives her; 石磊 goes to 泡桐树 and 陈姐 drives him. 外人 is a volunteer with nothing
to do. Each has a word that stands in no page but those that may show it.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, time

from fastapi import FastAPI
from sqlalchemy import select
from sqlmodel import Session, SQLModel
from starlette.testclient import TestClient

from escort.access import accounts, devices, links
from escort.access.models import Purpose, Role
from escort.cases.models import Case, CaseKind
from escort.db import Store
from escort.journeys.models import DismissalReport, Step, Tap
from escort.journeys.words import word_pair
from escort.roster.leaders import make_leader_of_volunteer
from escort.roster.models import Volunteer
from escort.rota.models import Direction, Introduction, Leg, Offer, Run, Shift, StandingYes
from escort.web import csrf
from escort.web.deps import House
from notifications.models import HandKind, HandTask, Message, MessageState
from tests.builders import EscortedChild, a_child, a_school, a_team, a_volunteer
from tests.escort.web.coordinator.days import a_leg, a_run, a_shift, an_open_offer, at

ON = date(2021, 4, 7)  # a Wednesday in term
BEFORE = date(2021, 4, 6)
NOON = at(ON, "12:00")
PASSWORD = "四只小燕子 在 电线上 看雨下"


@dataclass(frozen=True)
class Ride:
    """One child's leg with its run, its driver and all that must not be seen by others."""

    child: EscortedChild
    driver: Volunteer
    leg: Leg
    run: Run
    shift: Shift

    def secrets_of_child(self) -> list[str]:
        child = self.child.child
        texts = (
            child.full_name,
            child.address,
            child.diagnosis,
            child.handling_note,
            self.child.guardian.name,
        )
        return [text for text in texts if text]

    def secrets_of_driver(self) -> list[str]:
        return [self.driver.plate[-5:], self.driver.name, self.driver.address or ""]

    def words(self, store: Store) -> list[str]:
        """Return the word pair as pages and texts write it: one word alone may stand in anybody's pair."""
        pair = word_pair(store.keyring, self.shift.id or 0, self.leg.id or 0)
        return [" ".join(pair), "".join(pair)]


@dataclass(frozen=True)
class Visitor:
    """Somebody with a browser. `reader` is the kind of door that is his."""

    name: str
    reader: str
    client: TestClient
    token: str = "nobodyknowsthistoken00"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    yang: Ride
    shi: Ride
    tomorrow: Ride  # 石磊's way on the next day: 陈姐 is asked
    offer: Offer
    case: Case
    task: HandTask
    tap: Tap
    accounts: dict[str, int]
    phones: dict[str, int]  # ids of bound devices by subject
    secrets: dict[str, str]  # of those devices
    tokens: dict[str, str]
    team_id: int  # of 杨小雨 and her driver; "lead" leads it, "lead_far" another
    introduction: Introduction  # 外人 rides along with 王师傅
    standing: StandingYes  # 王师傅 comes every Monday
    report: DismissalReport  # of 杨小雨's school

    def secrets_of_all(self, store: Store) -> list[str]:
        rides = (self.yang, self.shi)
        own = [text for ride in rides for text in ride.secrets_of_child() + ride.secrets_of_driver()]
        return own + list(PHONES.values()) + self.yang.words(store) + self.shi.words(store)


PHONES = {"yang": "19900005501", "shi": "19900005502", "wang": "19900005503", "chen": "19900005504"}


def make_world(session: Session, house: House) -> World:
    """Write the district down and bind everybody's phone."""
    gingko, paulownia = a_school(session), a_school(session, "泡桐树小学")
    xiaoyu = a_child(session, "小雨", school=gingko, guardian="杨桂芳芳", phone=PHONES["yang"])
    shitou = a_child(session, "石头", school=paulownia, guardian="石大娘娘", phone=PHONES["shi"], gender="M")
    _fill(session, xiaoyu, "杨小雨雨", "唐昌街道一百九十号", "孤独症谱系", "怕喇叭声")
    _fill(session, shitou, "石磊磊", "犀浦街道七十七号", "癫痫病史", "坐左边")
    wang = a_volunteer(session, "王建国师傅", plate="川A7Q7Q1", phone=PHONES["wang"])
    chen = a_volunteer(session, "陈秀英大姐", plate="川A8W8W2", phone=PHONES["chen"], gender="F")
    stranger = a_volunteer(session, "外人某某", plate="川A9Z9Z3", phone="19900005505")
    leaders = _leaders(session, xiaoyu)
    yang = _ride(session, xiaoyu, wang, ON)
    shi = _ride(session, shitou, chen, ON)
    leg = a_leg(session, shitou, on=date(2021, 4, 8))
    run = a_run(session, leg)
    offer = an_open_offer(session, run, chen.id)
    case = Case(
        kind=CaseKind.NOT_ABOARD,
        about=f"leg:{yang.leg.id}",
        sentence="还没有接到。",
        opened_at=NOON,
        next_step_at=NOON,
    )
    tap = Tap(
        uuid="0a0a0a0a-tap-of-wang",
        leg_id=yang.leg.id or 0,
        shift_id=yang.shift.id,
        step=Step.STARTED,
        by=f"volunteer:{wang.id}",
        tapped_at=at(ON, "07:00"),
        arrived_at=at(ON, "07:00"),
    )
    session.add_all([case, tap])
    session.flush()
    subjects = {
        "wang": f"volunteer:{wang.id}",
        "chen": f"volunteer:{chen.id}",
        "stranger": f"volunteer:{stranger.id}",
        "yang": xiaoyu.guardian_subject,
        "shi": shitou.guardian_subject,
        **leaders,
    }
    phones, secrets, tokens = _bind(session, subjects)
    stranger.brought_by = leaders["lead"]
    introduction = Introduction(
        newcomer_id=stranger.id or 0,
        driver_id=wang.id or 0,
        run_id=yang.run.id or 0,
        planned_at=NOON,
        planned_by=leaders["lead"],
    )
    standing = StandingYes(
        volunteer_id=wang.id or 0,
        weekday=0,
        direction="to_school",
        usual_at=time(7, 40),
        given_at=NOON,
        given_how="page",
    )
    report = DismissalReport(
        school_id=gingko.id or 0, on=ON, at=time(14, 30), reported_by="account:1", reported_at=NOON
    )
    session.add_all([introduction, standing, report])
    session.flush()
    return World(
        yang=yang,
        shi=shi,
        tomorrow=Ride(shitou, chen, leg, run, shi.shift),
        offer=offer,
        case=case,
        task=_task(session, xiaoyu.guardian_subject),
        tap=tap,
        accounts=_accounts(session, house, gingko.id or 0, paulownia.id or 0),
        phones=phones,
        secrets=secrets,
        tokens=tokens,
        team_id=wang.team_id or 0,
        introduction=introduction,
        standing=standing,
        report=report,
    )


def visitors(app: FastAPI, house: House, world: World) -> dict[str, Visitor]:
    """Return everybody who might come, each with a browser that carries what is his and nothing else."""
    found = {"nobody": Visitor("nobody", "", _browser(app))}
    for name, role in (("office", Role.COORDINATOR), ("gate_yang", Role.GATE), ("gate_shi", Role.GATE)):
        with house.store.write() as session:
            entered = accounts.open_sign_in(session, account_id=world.accounts[name], now=house.real_now())
        client = _browser(app)
        client.cookies.set("dj_office" if role is Role.COORDINATOR else "dj_gate", entered.secret)
        # The strongest stranger: his own secret shown at both doors, with the token that belongs to it.
        client.cookies.set("dj_gate" if role is Role.COORDINATOR else "dj_office", entered.secret)
        headers = {"x-csrf-token": csrf.token_for(entered.secret)}
        found[name] = Visitor(name, str(role), client, headers=headers)
    for name, token in world.tokens.items():
        reader = READERS.get(name, "volunteer")
        bound = _browser(app)
        bound.cookies.set(_phone_cookie(world, name), world.secrets[name])
        found[name] = Visitor(name, reader, bound, token=token)
        found[f"{name}_elsewhere"] = Visitor(f"{name}_elsewhere", reader, _browser(app), token=token)
    return found


def snapshot(store: Store) -> dict[str, list[str]]:
    """Return everything that the store holds, but for what every visit may write: sign-ins, counters, the trail."""
    with store.read() as session:
        return {
            table.name: sorted(repr(tuple(row)) for row in session.execute(select(table)))
            for table in SQLModel.metadata.sorted_tables
            if table.name not in WRITTEN_BY_VISITS
        }


def move_clock(house: House, when: datetime) -> None:
    """Set the still clock of a test's house."""
    house.clock.at = when  # type: ignore[attr-defined]  # tests hand in a StillClock


def _leaders(session: Session, xiaoyu: EscortedChild) -> dict[str, str]:
    """Let 杨小雨 be brought by the team of 王师傅 and 陈姐; return whom leads it, and another, by name."""
    subjects = {}
    for name, who, team in (
        ("lead", "何青松", a_team(session)),
        ("lead_far", "马远山", a_team(session, "犀浦暖阳车队")),
    ):
        leader = a_volunteer(session, who, team=team, plate=f"川A1F{len(subjects)}G1")
        made = make_leader_of_volunteer(
            session,
            team_id=team.id or 0,
            volunteer_id=leader.id or 0,
            links=lambda _session, doors: dict.fromkeys(doors, "https://dujuan.test/t/link"),
            by="account:1",
            now=NOON,
        )
        subjects[name] = made.subject
    xiaoyu.child.team_id = a_team(session).id
    session.add(xiaoyu.child)
    return subjects


def _fill(
    session: Session, child: EscortedChild, full_name: str, address: str, diagnosis: str, note: str
) -> None:
    row = child.child
    row.full_name, row.address, row.diagnosis, row.handling_note = full_name, address, diagnosis, note
    session.add(row)
    session.flush()


def _ride(session: Session, child: EscortedChild, driver: Volunteer, on: date) -> Ride:
    leg = a_leg(session, child, on=on)
    run = a_run(session, leg)
    home = a_run(session, a_leg(session, child, on=on, direction=Direction.HOME))
    a_shift(session, home, driver.id)
    return Ride(child, driver, leg, run, a_shift(session, run, driver.id))


def _task(session: Session, party: str) -> HandTask:
    message = Message(
        party=party,
        template="family_tomorrow",
        parameters={},
        text="明早有车来接。",
        language="zh-Hans",
        about="leg:1",
        dedup_key="matrix",
        send_key="matrix",
        urgency="routine",
        created_at=NOON,
        not_before=NOON,
        state=MessageState.BY_HAND,
        next_attempt_at=None,
        channel="by_hand",
    )
    session.add(message)
    session.flush()
    task = HandTask(message_id=message.id or 0, kind=HandKind.CALL, created_at=NOON)
    session.add(task)
    session.flush()
    return task


def _accounts(session: Session, house: House, gingko: int, paulownia: int) -> dict[str, int]:
    made = {}
    for name, role, school in (
        ("office", Role.COORDINATOR, None),
        ("gate_yang", Role.GATE, gingko),
        ("gate_shi", Role.GATE, paulownia),
    ):
        account = accounts.create_account(
            session,
            login=name,
            name="某某",
            role=role,
            password=PASSWORD,
            school_id=school,
            by="system",
            now=NOON,
            passwords=house.passwords,
        )
        made[name] = account.id or 0
    return made


def _bind(
    session: Session, subjects: dict[str, str]
) -> tuple[dict[str, int], dict[str, str], dict[str, str]]:
    phones, secrets, tokens = {}, {}, {}
    for name, subject in subjects.items():
        purpose = PURPOSES[READERS.get(name, "volunteer")]
        issued = at(date(2021, 4, 1), "12:00")
        tokens[name] = links.issue_link(session, subject=subject, purpose=purpose, now=issued)
        link = links.resolve(session, token=tokens[name], purpose=purpose, now=issued)
        device = devices.bind_first(session, link=link, now=issued)
        assert device is not None
        phones[name], secrets[name] = device.device_id, device.secret
    return phones, secrets, tokens


def _phone_cookie(world: World, name: str) -> str:
    from escort.web.cookies import _device_name

    return _device_name(subject_of(world, name))


def subject_of(world: World, name: str) -> str:
    people = {
        "wang": f"volunteer:{world.yang.driver.id}",
        "chen": f"volunteer:{world.shi.driver.id}",
        "stranger": f"volunteer:{(world.shi.driver.id or 0) + 1}",
        "yang": world.yang.child.guardian_subject,
        "shi": world.shi.child.guardian_subject,
        "lead": f"volunteer:{(world.shi.driver.id or 0) + 2}",
        "lead_far": f"volunteer:{(world.shi.driver.id or 0) + 3}",
    }
    return people[name]


def _browser(app: FastAPI) -> TestClient:
    return TestClient(app, follow_redirects=False)


READERS = {"yang": "guardian", "shi": "guardian", "lead": "leader", "lead_far": "leader"}
PURPOSES = {"volunteer": Purpose.VOLUNTEER, "guardian": Purpose.FAMILY, "leader": Purpose.LEADER}
WRITTEN_BY_VISITS = {"sign_in", "throttle", "audit_event", "access_link"}
