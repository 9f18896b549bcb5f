"""A first start that fails is told on the page, and one that was interrupted goes on where it was."""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import cast

import httpx
import pytest
from fastapi import FastAPI
from sqlmodel import func, select
from starlette.testclient import TestClient

from escort.access import accounts
from escort.db import Store
from escort.demo import pages, serving, setup
from escort.demo.models import DemoState
from escort.demo.showing import FAILED, Showing
from escort.demo.world import World
from escort.roster.models import Volunteer
from escort.settings import Settings
from escort.web import security
from escort.web.deps import House
from escort.web.policy import public
from tests.builders import NOW, ZONE
from tests.escort.web.visitors import FixedClock, a_wednesday

VISIT_AT = datetime.combine(*setup.VISIT_AT, ZONE)


@dataclass
class StillWorld:
    """A world without people: it notes where it is moved, and `breaks` before it moves at all."""

    clock_of_house: FixedClock
    breaks: bool = False
    stops: list[datetime] = field(default_factory=list)
    jobs: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(owner="here"))
    shortest_step: timedelta = timedelta(0)

    @property
    def clock(self) -> "StillWorld":
        return self

    def freeze(self, _at: datetime) -> None:
        if self.breaks:
            raise RuntimeError("the disk is full")

    def move_to(self, target: datetime) -> int:
        self.stops.append(target)
        self.clock_of_house.at = target
        return 1


def a_showing(store: Store, *, at: datetime, breaks: bool = False) -> tuple[Showing, StillWorld]:
    """A demonstration in the middle of its first start."""
    with store.write() as session:
        session.add(DemoState(offset_seconds=0.0, seed=1, sms_secret="s", callback_token="t"))
    clock = FixedClock(at)
    house = House(store=store, settings=Settings(), clock=clock, zone=ZONE, is_demo=True)
    world = StillWorld(clock, breaks)
    return Showing(house, cast(World, world)), world


def start(showing: Showing) -> None:
    anything = httpx.MockTransport(lambda _request: httpx.Response(200, text="<html></html>"))
    with httpx.Client(transport=anything) as client:
        serving.live(showing, client, threading.Event())


def a_browser(showing: Showing) -> TestClient:
    app = FastAPI(**security.LIMITS)
    app.state.house, app.state.demo = showing.house, showing
    app.add_api_route("/", pages.show_start, dependencies=[public("the demonstration's front door")])
    app.include_router(pages.router)
    security.install(app, showing.house)
    return TestClient(app)


def test_a_first_start_that_fails_is_told_on_the_page(store: Store) -> None:
    showing, _ = a_showing(store, at=NOW, breaks=True)

    with pytest.raises(RuntimeError):
        start(showing)

    browser = a_browser(showing)
    assert FAILED in browser.get("/").text
    assert "data-going" not in browser.get("/").text
    assert FAILED in browser.post("/demo/look-as/family").text


def test_until_it_is_made_the_start_page_counts_nobody_and_moves_no_time(store: Store) -> None:
    showing, world = a_showing(store, at=NOW)
    browser = a_browser(showing)

    shown = browser.get("/").text
    browser.post("/demo/clock", data={"leap": "morning"})

    assert "0 位志愿者" not in shown
    assert "仅供演示" in shown
    assert 'name="leap"' not in shown
    assert world.stops == []
    with store.write() as session:
        session.get_one(DemoState, 1).is_ready = True
    assert 'name="leap"' in browser.get("/").text


def test_a_start_that_was_interrupted_in_the_first_day_goes_on_from_there(store: Store) -> None:
    a_wednesday(store)  # the book is imported, and runs are published
    showing, world = a_showing(store, at=VISIT_AT - timedelta(minutes=40))
    with store.write() as session:
        setup.open_office(session, showing.house, now=NOW)

    start(showing)

    assert world.stops == [VISIT_AT - timedelta(minutes=left) for left in (25, 10, 0)]
    with store.read() as session:
        assert session.get_one(DemoState, 1).is_ready
        assert session.exec(select(func.count()).select_from(Volunteer)).one() == 3  # no second import
        assert accounts.has_coordinator(session)
