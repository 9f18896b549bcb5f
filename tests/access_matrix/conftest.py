"""The whole application over a small district, with a clock that stands where a test puts it."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from fastapi import FastAPI
from pwdlib.hashers.argon2 import Argon2Hasher

from escort.access.passwords import Passwords
from escort.app import create_app
from escort.db import Store
from escort.settings import Settings
from escort.web.deps import House
from tests.access_matrix.world import NOON, Visitor, World, make_world, visitors


class StillClock:
    at: datetime = NOON

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def house(store: Store) -> House:
    return a_house(store)


def a_house(store: Store) -> House:
    return House(
        store=store,
        settings=Settings(data_dir="unused", callback_token="provider-secret"),
        clock=StillClock(),
        zone=ZoneInfo("Asia/Shanghai"),
        is_demo=False,
        real_now=lambda: NOON,
        passwords=Passwords(Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)),
    )


@pytest.fixture
def app(house: House) -> FastAPI:
    house.closing.set()  # a stream is one event: the walks go through every door
    return create_app(house)


@pytest.fixture
def world(house: House) -> World:
    with house.store.write() as session:
        return make_world(session, house)


@pytest.fixture
def people(app: FastAPI, house: House, world: World) -> dict[str, Visitor]:
    return visitors(app, house, world)
