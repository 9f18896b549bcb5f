"""What a page that keeps itself up to date hears: the first mark, every new one, a sign of life, and an end."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from fastapi.sse import ServerSentEvent
from sqlmodel import select

from escort.access import accounts
from escort.access.models import AuditEvent, Role, SignIn
from escort.db import Store
from escort.families.models import Child
from escort.web import live
from tests.builders import NOW, a_child
from tests.cast import COORDINATOR_NAME
from tests.escort.web.coordinator.conftest import Desk, a_desk
from tests.escort.web.coordinator.days import at
from tests.escort.web.visitors import WEDNESDAY, a_site, a_wednesday

BY_ITSELF = {"x-by-itself": "1"}
AT_THE_GATE = at(WEDNESDAY, "15:40")


def heard(
    marks: Iterator[str | None], *, rounds: int = 99, beat_after: float = 15.0
) -> list[ServerSentEvent]:
    """Listen while time passes without waiting; the server closes after so many looks."""
    left = rounds

    def is_closing() -> bool:
        nonlocal left
        left -= 1
        return left <= 0

    async def no_wait(_seconds: float) -> None:
        return

    async def listen() -> list[ServerSentEvent]:
        stream = live.events(lambda: next(marks), is_closing=is_closing, beat_after=beat_after, sleep=no_wait)
        return [event async for event in stream]

    return asyncio.run(listen())


def test_the_first_mark_comes_at_once_and_each_new_one_once() -> None:
    events = heard(iter(["1", "1", "2", "2", "3", None]))

    assert [(event.event, event.id) for event in events] == [
        ("change", "1"),
        ("change", "2"),
        ("change", "3"),
    ]


def test_a_silent_store_gives_a_sign_of_life_every_fifteen_seconds() -> None:
    events = heard(iter(["1"] * 32), rounds=32)

    assert [event.event for event in events] == ["change", "beat", "beat"]
    assert {event.id for event in events} == {"1"}


def test_it_ends_when_the_server_stops() -> None:
    assert len(heard(iter("123456"), rounds=2)) == 2


def test_the_mark_moves_with_the_store_and_with_the_minute(store: Store) -> None:
    def mark(later: timedelta = timedelta(0)) -> str:
        with store.read() as session:
            return live.mark_of_store(session, NOW + later)

    before = mark()
    assert mark() == before
    assert mark(timedelta(minutes=1)) != before

    with store.write() as session:
        a_child(session)

    assert mark() != before


def test_another_schools_day_does_not_move_a_gates_mark(store: Store) -> None:
    day = a_wednesday(store)
    seen: list[str] = []
    mark_of = live.ViewMark(lambda session, _now: session.get_one(Child, day.cast.xiaoyu.id).short_name)

    def look() -> str:
        with store.read() as session:
            return mark_of.at(session, NOW)

    seen.append(look())
    with store.write() as session:
        a_child(session, "别家的孩子", school=day.cast.school)
    seen.append(look())
    with store.write() as session:
        session.get_one(Child, day.cast.xiaoyu.id).short_name = "小雨点"
    seen.append(look())

    assert seen[0] == seen[1] != seen[2]


@pytest.fixture
def closing_desk(store: Store) -> Desk:
    """A desk whose server stops at once, so that a stream is one event."""
    desk = a_desk(store)
    desk.house.closing.set()
    return desk


def test_the_page_and_its_stream_have_the_same_mark(closing_desk: Desk) -> None:
    page = closing_desk.get("/today")

    stream = closing_desk.client.get("/today/live", headers={"accept": "text/event-stream"})

    assert stream.headers["content-type"].startswith("text/event-stream")
    mark = page.split('data-mark="')[1].split('"')[0]
    assert f"event: change\ndata: {mark}\nid: {mark}\n" in stream.text


@pytest.mark.parametrize("how", ["signed out", "disabled"])
def test_whoever_may_not_look_any_more_hears_nothing(closing_desk: Desk, how: str) -> None:
    with closing_desk.house.store.write() as session:
        if how == "signed out":
            accounts.end_all_sign_ins(session, account_id=1, by="account:1", now=NOW)
        else:
            accounts.create_account(
                session,
                login="second",
                name=COORDINATOR_NAME,
                role=Role.COORDINATOR,
                password="a long password of the office",
                by="system",
                now=NOW,
                passwords=closing_desk.house.passwords,
            )
            accounts.disable_account(session, account_id=1, by="account:2", now=NOW)

    answer = closing_desk.client.get("/today/live")

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")


def test_a_stream_ends_within_one_look_when_its_reader_is_signed_out(store: Store) -> None:
    desk = a_desk(store)
    looks = 0

    def sign_out_after_three() -> bool:
        nonlocal looks
        looks += 1
        if looks == 3:
            with store.write() as session:
                accounts.end_all_sign_ins(session, account_id=1, by="account:1", now=NOW)
        return False

    desk.house.closing.is_set = sign_out_after_three  # type: ignore[method-assign]  # the look after the third is the last
    answer = desk.client.get("/today/live")

    assert answer.text.count("event:") == 1
    assert looks == 3


def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(store: Store) -> None:
    desk = a_desk(store)
    later = NOW + timedelta(minutes=5)
    object.__setattr__(desk.house, "real_now", lambda: later)

    desk.client.get("/today", headers=BY_ITSELF)
    assert seen_at(store) == NOW

    desk.client.get("/today")
    assert seen_at(store) == later


def test_a_gates_page_that_asks_by_itself_is_written_down_once_an_hour(store: Store) -> None:
    site, day = a_site(store, AT_THE_GATE), a_wednesday(store)
    tablet = site.gate(day.cast.school.id or 0)

    for _ in range(3):
        assert "小雨" in tablet.get("/gate", headers=BY_ITSELF).text
    assert reads(store) == 1

    site.clock.at += timedelta(minutes=59)
    tablet.get("/gate", headers=BY_ITSELF)
    tablet.get("/gate")  # somebody opened it
    assert reads(store) == 2


def seen_at(store: Store) -> object:
    with store.read() as session:
        return session.exec(select(SignIn.seen_at)).one()


def reads(store: Store) -> int:
    with store.read() as session:
        return len(session.exec(select(AuditEvent).where(AuditEvent.action == "read")).all())
