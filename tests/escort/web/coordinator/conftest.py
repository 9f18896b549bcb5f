"""The desk with 林老师 signed in, over a store with the cast; the clock stands still until a test moves it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlmodel import Session
from starlette.testclient import TestClient

from escort.access import accounts
from escort.access.models import Role
from escort.access.passwords import Passwords
from escort.access.secret import form_token
from escort.db import Store
from escort.settings import Settings
from escort.web import policy, render, security, session_routes
from escort.web.coordinator import routes
from escort.web.deps import House
from tests.builders import NOW, ZONE
from tests.cast import COORDINATOR_NAME


class StillClock:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def forward(self, step: timedelta) -> None:
        self.at += step


class Desk:
    """A browser at the desk; every form is sent with its token."""

    def __init__(self, client: TestClient, house: House, clock: StillClock, secret: str) -> None:
        self.client = client
        self.house = house
        self.clock = clock
        self._token = form_token(secret)

    def get(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, path: str, data: dict[str, str | list[str]] | None = None, *, expect: int = 303) -> str:
        answer = self.client.post(path, data={"csrf_token": self._token, **(data or {})})
        assert answer.status_code == expect, answer.text
        return answer.headers.get("location", answer.text)


def desk_app(house: House) -> FastAPI:
    app = FastAPI(openapi_url=None, **security.LIMITS)
    app.state.house = house
    app.state.links = lambda session, subjects: no_links(session, subjects)
    app.include_router(session_routes.router)
    app.include_router(routes.router)
    app.mount("/static", StaticFiles(directory=render.STATIC))
    security.install(app, house)
    policy.check_declared(app)
    return app


def no_links(_session: Session, subjects: Sequence[str]) -> dict[str, str]:
    return dict.fromkeys(subjects, "http://127.0.0.1:8000/v/link")


def a_desk(store: Store, at: datetime = NOW) -> Desk:
    clock = StillClock(at)
    passwords = Passwords(Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    settings = Settings(data_dir="unused")
    house = House(
        store=store,
        settings=settings,
        clock=clock,
        zone=ZONE,
        is_demo=False,
        real_now=lambda: at,
        passwords=passwords,
    )
    with store.write() as session:
        account = accounts.create_account(
            session,
            login="lin",
            name=COORDINATOR_NAME,
            role=Role.COORDINATOR,
            password="四只小燕子 在 电线上 看雨下",
            by="system",
            now=at,
            passwords=passwords,
        )
        entered = accounts.open_sign_in(session, account_id=account.id or 0, now=at)
    client = TestClient(desk_app(house), follow_redirects=False)
    client.cookies.set("dj_office", entered.secret)
    return Desk(client, house, clock, entered.secret)


@pytest.fixture
def desk(store: Store) -> Desk:
    return a_desk(store)
