"""Making the demonstration district: the office's book, a plan, and people who live through the first day.

Made once and stamped for good. It is made over its own web server, because its people use the public routes.
"""

import logging
import secrets
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from importlib import resources
from urllib.parse import urlsplit

from pydantic import SecretStr
from sqlmodel import Session, select

from escort.access import accounts
from escort.access.clock import real_now
from escort.access.models import Role
from escort.cases.service import set_duty
from escort.db import Store
from escort.demo import phones
from escort.demo.models import DemoState, Stamp
from escort.demo.office import Rounds
from escort.demo.people import Mix, People
from escort.demo.world import SHORTEST_STEP, World
from escort.errors import NotConfigured
from escort.jobs import PLAN_SEED
from escort.roster_book.apply import apply_book
from escort.roster_book.reader import read_book
from escort.rota import legs, planning
from escort.schools.models import School
from escort.settings import LOOPBACK, Settings
from escort.web.deps import House
from notifications import signing
from notifications.addresses import set_phone

log = logging.getLogger(__name__)

BOOK = "roster-2021-spring.xlsx"
SEED = 20210406
FIRST_ON = date(2021, 4, 5)  # a holiday: the office plans and asks in peace
OPENS_AT = time(9, 0)
VISIT_AT = (date(2021, 4, 6), time(18, 0))
COORDINATOR = "林老师"
GATE_ROUNDS = (-8, 9)  # minutes around bell and dismissal at which a guard looks at the list
MINUTE = timedelta(minutes=1)
LOOKS_EVERY = timedelta(minutes=15)
NOTHING_GOES_OUT = "这是演示区：只能用控制台、手机模拟器和本机的 webhook，只能在 127.0.0.1 上打开。"


def check_demonstration(settings: Settings) -> None:
    """Raise NotConfigured for anything that could carry an invented message out of this machine."""
    if settings.host != "127.0.0.1":
        raise NotConfigured(NOTHING_GOES_OUT + "请去掉 DUJUAN_HOST。")
    for name, is_set in (("SMS_URL", settings.sms_url), ("ALIYUN_KEY_ID", settings.uses_aliyun)):
        if is_set:
            raise NotConfigured(NOTHING_GOES_OUT + f"请去掉 DUJUAN_{name}。")
    for name, url in (("WEBHOOK_URL", settings.webhook_url), ("HEARTBEAT_URL", settings.heartbeat_url)):
        if url and urlsplit(url).hostname not in LOOPBACK:
            raise NotConfigured(NOTHING_GOES_OUT + f"DUJUAN_{name} 只能是 http://127.0.0.1…。")


def stamp(session: Session, *, is_demo: bool, now: datetime) -> None:
    """Say once and for all what kind of store this is. Raises NotConfigured if it was stamped otherwise."""
    found = session.get(Stamp, 1)
    if found is None:
        session.add(Stamp(is_demo=is_demo, made_at=now))
    elif found.is_demo != is_demo:
        kind = "演示区" if found.is_demo else "真实的区"
        raise NotConfigured(f"这个库是{kind}的，不能改作他用。请另选 DUJUAN_DATA_DIR。")


def demo_state(store: Store, settings: Settings) -> DemoState:
    """Return the demonstration's state, made at its first start."""
    with store.write() as session:
        stamp(session, is_demo=True, now=real_now())
        state = session.get(DemoState, 1)
        if state is None:
            begins = datetime.combine(FIRST_ON, OPENS_AT, settings.tz)
            state = DemoState(
                offset_seconds=(begins - real_now()).total_seconds(),
                seed=SEED,
                sms_secret=signing.make_secret(secrets.token_bytes(32)),
                callback_token=secrets.token_urlsafe(24),
            )
            session.add(state)
            session.flush()
        return state


def with_simulator(settings: Settings, state: DemoState) -> Settings:
    """Return the settings with the phone simulator as the SMS provider."""
    base_url = f"http://{settings.host}:{settings.port}"
    return settings.model_copy(
        update={
            "base_url": base_url,
            "sms_url": f"{base_url}/demo/gateway/sms",
            "sms_receipts": False,
            "sms_secret": SecretStr(state.sms_secret),
            "callback_token": SecretStr(state.callback_token),
        }
    )


def make_people(state: DemoState, settings: Settings) -> People:
    return People(seed=state.seed, zone=settings.tz, mix=Mix())


def make_district(house: House, *, say: Callable[[str], None] = log.info) -> None:
    """Import the book, make accounts, plan four weeks and publish them. What an earlier try has done is kept."""
    now = house.clock.now()
    say("正在导入名册……")
    book = read_book((resources.files("escort.demo") / "data" / BOOK).read_bytes(), as_of=FIRST_ON)
    with house.store.write() as session:
        is_new = not accounts.has_coordinator(session)
        apply_book(session, book, now=now, by="system")
        if is_new:
            open_office(session, house, now=now)
            open_gates(session, house, now=now)
    say("正在排四周的班……")
    plan_ahead(house, now=now)
    with house.store.write() as session:
        today = now.astimezone(house.zone).date()
        planning.publish_between(session, from_on=today, until_on=today + legs.HORIZON, now=now)


def plan_ahead(house: House, *, now: datetime) -> None:
    """Keep legs for four weeks, choose circles, and plan."""
    today = now.astimezone(house.zone).date()
    until_on = today + legs.HORIZON - timedelta(days=1)
    with house.store.write() as session:
        legs.extend_calendar(session, now=now, zone=house.zone)
    planning.propose_missing_circles(house.store, now=now, zone=house.zone, from_on=today, until_on=until_on)
    planning.make_plan(
        house.store, now=now, zone=house.zone, from_on=today, until_on=until_on, seed=PLAN_SEED
    )


def open_office(session: Session, house: House, *, now: datetime) -> None:
    """Make the coordinator's account, and put her on duty."""
    account_id = accounts.create_account(
        session,
        login="lin",
        name=COORDINATOR,
        role=Role.COORDINATOR,
        password=secrets.token_urlsafe(24),
        by="system",
        now=now,
        passwords=house.passwords,
    )
    set_duty(session, account_id=_id(account_id))
    set_phone(session, party=f"account:{_id(account_id)}", phone=house.settings.duty_phone, now=now)


def open_gates(session: Session, house: House, *, now: datetime) -> None:
    """Make one account for each school's gate, and let its guard begin his rounds."""
    people = People(seed=SEED, zone=house.zone)
    for school in session.exec(select(School).order_by(School.name)):
        assert school.id is not None
        accounts.create_account(
            session,
            login=f"gate{school.id}",
            name=f"{school.name}门卫",
            role=Role.GATE,
            password=secrets.token_urlsafe(24),
            by="system",
            now=now,
            passwords=house.passwords,
            school_id=school.id,
        )
        minutes = [
            at.hour * 60 + at.minute + around
            for at, around in (
                (school.bell, GATE_ROUNDS[0]),
                (school.dismissal, GATE_ROUNDS[1]),
                *([(school.friday_dismissal, GATE_ROUNDS[1])] if school.friday_dismissal else []),
            )
        ]
        phones.intend(session, people.gate_rounds(school_id=school.id, on=now, minutes=minutes))


def live_first_day(
    world: World, house: House, *, office: Rounds, say: Callable[[str], None] = log.info
) -> None:
    """Let the people live until the visitor's first evening; the office looks at its board every quarter of an hour."""
    visit_at = house.settings.now or datetime.combine(*VISIT_AT, house.zone)
    say(f"人们正在过第一天，到 {visit_at:%m月%d日 %H:%M}……")
    at = house.clock.now()
    steps = 0
    world.shortest_step = MINUTE  # nobody watches yet: what falls due within a minute is done together
    while at < visit_at:
        at = min(visit_at, at + LOOKS_EVERY)
        steps += world.move_to(at)
        office(at)
    with house.store.write() as session:
        state = session.get_one(DemoState, 1)
        state.is_ready = True
    world.shortest_step = SHORTEST_STEP
    say(f"演示区准备好了（走了 {steps} 步）。")


def _id(account: object) -> int:
    found = account if isinstance(account, int) else getattr(account, "id", None)
    if not isinstance(found, int):
        raise TypeError("an account without id")
    return found
