"""A house with cheap passwords, a still clock and the forms of signing in; no other pages."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import pytest
from fastapi import APIRouter, FastAPI, Form
from pwdlib.hashers.argon2 import Argon2Hasher
from starlette.testclient import TestClient

from escort.access.passwords import Passwords
from escort.db import Store
from escort.settings import Settings
from escort.web import policy, security, session_routes
from escort.web.binding import bind_by_code, bind_by_tap, send_code
from escort.web.deps import (
    CurrentCoordinator,
    CurrentGate,
    CurrentVolunteer,
    House,
    HouseDep,
    ReadLogDep,
    SessionDep,
)

NOW = datetime(2021, 4, 6, 10, 0, tzinfo=UTC)


@dataclass
class StillClock:
    """A clock that moves when a test says so."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    def forward(self, step: timedelta) -> None:
        self.at += step


@pytest.fixture(scope="session")
def passwords() -> Passwords:
    return Passwords(Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def house(store: Store, clock: StillClock, passwords: Passwords) -> House:
    return House(
        store=store,
        settings=Settings(data_dir="unused", callback_token="provider-secret"),
        clock=clock,
        zone=ZoneInfo("Asia/Shanghai"),
        is_demo=False,
        real_now=clock.now,
        passwords=passwords,
    )


def small_app(house: House) -> FastAPI:
    """One route of every kind, and the pages of signing in."""
    app = FastAPI(openapi_url=None, **security.LIMITS)
    app.state.house = house
    router = APIRouter()

    @router.get("/today")
    def today(me: CurrentCoordinator, reads: ReadLogDep) -> dict[str, str]:
        reads.saw("child:5", "full_name", "photo")
        return {"me": me.subject}

    @router.post("/cases/{case_id}/take")
    def take(session: SessionDep, case_id: int, me: CurrentCoordinator) -> dict[str, int]:
        return {"taken": case_id}

    @router.get("/gate")
    def gate(me: CurrentGate) -> dict[str, int]:
        return {"school": me.school_id}

    @router.get("/v/{token}")
    def home(me: CurrentVolunteer) -> dict[str, object]:
        return {"id": me.id, "bound": me.bound}

    @router.post("/v/{token}/bind")
    def bind(
        me: CurrentVolunteer,
        house: HouseDep,
        session: SessionDep,
        request: session_routes.Request,
        response: session_routes.Response,
    ) -> dict[str, object]:
        device = bind_by_tap(response, request, session, me)
        if device is not None or me.bound:
            return {"bound": True}
        return {"bound": False, "code": send_code(session, house, me)}

    @router.post("/v/{token}/code")
    def code(
        me: CurrentVolunteer,
        session: SessionDep,
        request: session_routes.Request,
        response: session_routes.Response,
        code: Annotated[str, Form()],
    ) -> dict[str, object]:
        outcome = bind_by_code(response, request, session, me, code)
        return {"outcome": str(getattr(outcome, "value", "right"))}

    @router.post("/callbacks/{token}/reply", dependencies=[policy.FOR_PROVIDER])
    def reply() -> dict[str, str]:
        return {"ok": "ok"}

    @router.get("/demo/phones", dependencies=[policy.demo_only("invented phones")])
    def phones() -> dict[str, str]:
        return {"ok": "ok"}

    @router.get("/broken", dependencies=[policy.public("breaks")])
    def broken() -> None:
        raise RuntimeError("小雨 199 0000 7998")

    app.include_router(router)
    app.include_router(session_routes.router)
    security.install(app, house)
    policy.check_declared(app)
    return app


@pytest.fixture
def client(house: House) -> TestClient:
    return TestClient(small_app(house), follow_redirects=False)
