"""The whole district's first week: no leg falls silent, and no child goes with somebody who did not say yes."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time
from importlib import resources
from pathlib import Path

import pytest
from sqlmodel import col, select

from escort.db import Store
from escort.demo.people import Mix
from escort.families.models import Child, Guardian
from escort.roster_book.reader import read_book
from escort.rota.models import Leg, LegState, Refusal, RunLeg, Shift
from notifications.addresses import phones_of
from notifications.sealed import Keyring
from tests.flows.village import ZONE, Village, by_leg, setup, village

BEGINS = datetime(2021, 4, 5, 9, 0, tzinfo=ZONE)
FIRST, LAST = date(2021, 4, 6), date(2021, 4, 9)  # Monday is the holiday on which the office plans
WARNINGS = {"family.searching", "family.tomorrow_open", "family.lost_driver", "family.nobody"}


@pytest.fixture(scope="module")
def week(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, keyring: Keyring
) -> Iterator[Village]:
    """The district lives from the Monday of the first week to its Friday evening; on SQLite."""
    path = tmp_path_factory.mktemp("week") / "dujuan.db"
    path.write_bytes(sqlite_template.read_bytes())
    store = Store(f"sqlite:///{path}", keyring)
    with village(store, mix=Mix(guard_taps=0.2), seed=20210406, begins=BEGINS) as here:
        setup.make_district(here.house)
        here.run_until(datetime.combine(LAST, time(20, 0), ZONE))
        yield here
    store.dispose()


@pytest.mark.season
def test_no_leg_of_the_first_week_falls_silent(week: Village) -> None:
    legs = legs_of(week)
    taps, warned = by_leg(week.hands.taps), warned_about(week)

    driven = {leg.id for leg, _ in legs if {"on_board", "delivered"} <= taps.get(leg.id or 0, {}).keys()}
    told = {
        leg.id
        for leg, child in legs
        if leg.id not in driven and any(at < leg.pickup_at for at in warned[child, leg.on])
    }
    silent = [(leg.on, leg.direction, child) for leg, child in legs if leg.id not in driven | told]

    print(f"\n{len(legs)} legs: {len(driven)} driven, {len(told)} told before T, {len(silent)} silent")
    print(dict(Counter(text.template for text in week.phones.texts)))
    assert silent == []
    assert len(driven) > 0.97 * len(legs)


@pytest.mark.season
def test_every_driver_of_the_first_week_had_said_yes_and_never_no(week: Village) -> None:
    book = read_book((resources.files("escort.demo") / "data" / setup.BOOK).read_bytes(), as_of=FIRST)
    vetted_on = {row.phone: row.vetted_on for row in book.volunteers}
    with week.house.store.read() as session:
        promises = session.exec(
            select(RunLeg.leg_id, Shift.volunteer_id, Shift.confirmed_at)
            .join(Shift, col(Shift.run_id) == col(RunLeg.run_id))
            .where(col(Shift.confirmed_at).is_not(None), col(RunLeg.is_live))
        ).all()
        refused = set(
            session.exec(
                select(Refusal.leg_id, Refusal.volunteer_id).where(col(Refusal.taken_back_at).is_(None))
            )
        )
        phones = phones_of(session, sorted({f"volunteer:{volunteer}" for _, volunteer, _ in promises}))
    said_yes: dict[tuple[int, str], datetime] = {}
    for leg, volunteer, at in promises:
        assert at is not None
        said_yes[leg, phones[f"volunteer:{volunteer}"]] = at
    said_no = {(leg, phones.get(f"volunteer:{volunteer}")) for leg, volunteer in refused}

    for leg, steps in by_leg(week.hands.taps).items():
        tap = steps.get("on_board")
        if tap is not None:
            assert said_yes[leg, tap.who] <= tap.at
            assert (leg, tap.who) not in said_no
            vetted = vetted_on[tap.who]
            assert vetted is not None
            assert (tap.at.date() - vetted).days <= 365


def legs_of(here: Village) -> list[tuple[Leg, str]]:
    with here.house.store.read() as session:
        rows = session.exec(
            select(Leg, Child.short_name)
            .join(Child, col(Child.id) == col(Leg.child_id))
            .where(Leg.on >= FIRST, Leg.on <= LAST, Leg.state == LegState.WANTED)
        ).all()
        session.expunge_all()
    return list(rows)


def warned_about(here: Village) -> dict[tuple[str, date], list[datetime]]:
    """Return when somebody was told that a child's ride of a day is not sure: from the phones alone."""
    with here.house.store.read() as session:
        rows = session.exec(
            select(Guardian.id, Child.short_name).join(Child, col(Child.family_id) == col(Guardian.family_id))
        ).all()
        phones = phones_of(session, [f"guardian:{guardian}" for guardian, _ in rows])
    children: dict[str, set[str]] = defaultdict(set)
    for guardian, child in rows:
        if f"guardian:{guardian}" in phones:
            children[phones[f"guardian:{guardian}"]].add(child)
    days = [date(2021, 4, day) for day in range(FIRST.day, LAST.day + 1)]
    warned: dict[tuple[str, date], list[datetime]] = defaultdict(list)
    everybody = {child for of_phone in children.values() for child in of_phone}
    for text in here.phones.texts:
        if text.template in WARNINGS:
            named = children.get(text.number, set())
        elif text.template in {"case.one", "case.many"}:
            named = {child for child in everybody if child in text.text}
        else:
            continue
        at = text.at.astimezone(ZONE)
        about = [on for on in days if f"{on.month}月{on.day}日" in text.text]
        for child in named:
            for on in about or [on for on in days if 0 <= (on - at.date()).days <= 1]:
                warned[child, on].append(text.at)
    return warned
