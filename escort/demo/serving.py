"""Serving the demonstration: the web first, then the district is made over it, then its clock runs."""

import logging
import threading
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie

import httpx
from fastapi import FastAPI, Response
from sqlmodel import Session, col, select

from escort import app as wiring
from escort.access import accounts
from escort.access.models import Account, Role
from escort.db import Store
from escort.demo import setup
from escort.demo.gateway import gateway_router
from escort.demo.hands import HttpWeb, StoredPockets, WebHands
from escort.demo.models import DemoState
from escort.demo.office import Office, Rounds
from escort.demo.pages import INVENTED, show_start
from escort.demo.pages import router as demo_pages
from escort.demo.showing import Showing
from escort.demo.world import DemoClock, StoredPlans, World
from escort.migrations import migrate
from escort.rota.models import Run
from escort.settings import Settings
from escort.web import cookies
from escort.web.deps import House
from notifications.delivery import release_claims
from scheduling.clock import Clock as StoreClock

log = logging.getLogger(__name__)
BATCH = 100


@dataclass
class Demonstration:
    """Everything of a running demonstration."""

    house: House
    world: World
    app: FastAPI
    state: DemoState


@contextmanager
def open_demonstration(settings: Settings, *, store: Store, client: httpx.Client) -> Iterator[Demonstration]:
    """Put the demonstration together over a migrated store; whoever opens it starts web and clock."""
    state = setup.demo_state(store, settings)
    settings = setup.with_simulator(settings, state)
    clock = DemoClock(store)
    house = wiring.build_house(settings, store, is_demo=True, moved=clock.moved)
    people = setup.make_people(state, settings)
    jobs = wiring.build_jobs(house, client=client, batch=BATCH)
    hands = WebHands(
        HttpWeb(client, settings.base_url),
        StoredPockets(store, lambda session, school_id: gate_cookies(session, school_id, house)),
        base_url=settings.base_url,
        sms_secret=state.sms_secret,
        callback_token=state.callback_token,
        now=house.clock.now,
    )
    world = World(jobs=jobs, people=people, clock=clock, hands=hands, plans=StoredPlans(store))
    app = wiring.create_app(
        house,
        lifespan=lambda app: _living(app.state.demo, client),
        extra=lambda app: _add_demo_routes(app, world),
    )
    app.state.demo = Showing(house, world)
    yield Demonstration(house, world, app, state)


def serve(settings: Settings) -> None:
    """Serve the demonstration district on 127.0.0.1 until it is stopped."""
    setup.check_demonstration(settings)
    wiring.check_address(settings)
    store = wiring.open_store(settings)
    migrate(store)
    with (
        httpx.Client(trust_env=False, timeout=120.0) as client,
        open_demonstration(settings, store=store, client=client) as demo,
    ):
        print(f"杜鹃鸟演示区：http://{settings.host}:{settings.port}/ （只在这台电脑上打得开）", flush=True)
        wiring.serve(demo.app, settings)
    store.dispose()


@asynccontextmanager
async def _living(showing: Showing, client: httpx.Client):  # type: ignore[no-untyped-def]
    """Make the district if it is not there yet, then let its clock run, in a thread beside the web."""
    stopping, clock = threading.Event(), showing.house.clock
    thread = threading.Thread(
        target=live, args=(showing, client, stopping), name="demonstration", daemon=True
    )
    thread.start()
    yield
    stopping.set()
    if isinstance(clock, StoreClock):
        clock.stop(wait=False)


def live(showing: Showing, client: httpx.Client, stopping: threading.Event) -> None:
    """Make what of the district is missing, and start the clock. The pages say so if it cannot be made."""
    world, house = showing.world, showing.house
    if stopping.wait(0.5):  # the socket opens after the lifespan has begun
        return
    try:
        release_claims(house.store.write, owner=world.jobs.owner)
        with house.store.read() as session:
            state = session.get_one(DemoState, 1)
        if not state.is_ready:
            world.clock.freeze(house.clock.now())
            if not has_district(house.store):
                setup.make_district(house, say=_say)
            setup.live_first_day(world, house, office=_office_at_its_board(house, client), say=_say)
    except Exception:
        showing.has_failed = True
        log.exception("the demonstration could not be made")
        _say("演示区没有准备好，请看上面的错误；再运行一次 make run 会接着做。")
        raise
    if not stopping.is_set() and isinstance(house.clock, StoreClock):
        house.clock.start({"demonstration": world.tick}, daily={})


def has_district(store: Store) -> bool:
    """Return whether the book has been imported, planned and published already."""
    with store.read() as session:
        return (
            session.exec(select(Run.id).where(col(Run.published_at).is_not(None)).limit(1)).first()
            is not None
        )


def gate_cookies(session: Session, school_id: int, house: House) -> dict[str, str]:
    """Sign a school's guard in, as the simulator's tablet is; return the cookies of his browser."""
    return _cookies(session, house, Account.role == Role.GATE, Account.school_id == school_id)


def _office_at_its_board(house: House, client: httpx.Client) -> Rounds:
    """Return what lets the coordinator look at her board, signed in like anybody."""
    with house.store.write() as session:
        inside = _cookies(session, house, Account.role == Role.COORDINATOR)
    return Office(client, base_url=house.settings.base_url, cookies=inside, zone=house.zone).look_at_board


def _cookies(session: Session, house: House, *who: bool) -> dict[str, str]:
    account = session.exec(select(Account).where(*who).order_by(col(Account.id))).first()
    if account is None or account.id is None:
        raise LookupError("the demonstration has no such account")
    entered = accounts.open_sign_in(session, account_id=account.id, now=house.real_now())
    response = Response()
    cookies.set_session(
        response, is_https=house.is_https, role=entered.role, secret=entered.secret, lasts=entered.lasts
    )
    jar = SimpleCookie(response.headers["set-cookie"])
    return {name: morsel.value for name, morsel in jar.items()}


def _add_demo_routes(app: FastAPI, world: World) -> None:
    app.include_router(gateway_router(lambda: world.people))
    app.include_router(demo_pages)
    app.add_api_route("/", show_start, dependencies=[INVENTED], include_in_schema=False, response_model=None)


def _say(sentence: str) -> None:
    print(sentence, flush=True)
