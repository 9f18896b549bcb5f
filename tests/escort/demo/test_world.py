"""The demonstration's world does what is due whether its clock runs or is moved."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlmodel import select

from escort.db import Store
from escort.demo.models import DemoState
from escort.demo.people import People
from escort.demo.world import DemoClock, StoredPlans, World
from escort.jobs import Jobs
from notifications.inbound import record_inbound
from notifications.models import Inbound
from notifications.testing import RecordingChannel
from scheduling.clock import Clock
from tests.builders import NOW, ZONE
from tests.escort.rota.weeks import links


@dataclass
class Hands:
    """Nobody acts."""

    def get(self, who: str, path: str) -> str:
        raise AssertionError((who, path))

    def post(self, who: str, path: str, form: Mapping[str, object]) -> str:
        raise AssertionError((who, path, form))

    def post_json(self, who: str, path: str, body: object) -> str:
        raise AssertionError((who, path, body))

    def write(self, number: str, text: str) -> None:
        raise AssertionError((number, text))


@pytest.fixture
def world(store: Store) -> World:
    """A demonstration whose machine's clock goes on a little at every look."""
    with store.write() as session:
        session.add(DemoState(offset_seconds=0.0, seed=1, sms_secret="s", callback_token="t"))
    ticks = itertools.count()
    demo = DemoClock(store)
    clock = Clock(ZONE, moved=demo.moved, reads=lambda: NOW + next(ticks) * timedelta(milliseconds=1))
    jobs = Jobs(
        store=store,
        now=clock.now,
        real_now=clock.now,
        zone=ZONE,
        channels={"console": RecordingChannel()},
        links=links,
        duty_phone="19900000001",
        board_link="https://dujuan.test/today",
        owner="node-1",
    )
    return World(
        jobs=jobs, people=People(seed=1, zone=ZONE), clock=demo, hands=Hands(), plans=StoredPlans(store)
    )


def a_text(store: Store) -> None:
    with store.write() as session:
        record_inbound(
            session, provider="t", provider_message_id="1", sender="19900000099", text="?", raw="{}", now=NOW
        )


def is_handled(store: Store) -> bool:
    with store.read() as session:
        return session.exec(select(Inbound.handled_at)).one() is not None


def test_a_text_is_answered_while_the_clock_runs(store: Store, world: World) -> None:
    a_text(store)

    world.tick()

    assert is_handled(store)


def test_a_text_is_answered_where_the_clock_is_moved_to(store: Store, world: World) -> None:
    a_text(store)

    world.move_to(NOW + timedelta(minutes=1))

    assert is_handled(store)


def test_a_clock_that_stands_still_says_the_same_instant_at_every_look(store: Store, world: World) -> None:
    world.clock.freeze(NOW)

    assert {world.jobs.now() for _ in range(5)} == {NOW}
