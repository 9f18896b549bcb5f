"""One spring of 小杰's school, day by day, on both databases: fetched and brought home, or a human knew before T.

The oracle reads the office's book, the texts on the phones and the taps of the people; never our state columns.
"""

import itertools
import time as machine
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from importlib import resources

import pytest
from sqlmodel import col, select, update

from escort.db import Store
from escort.demo.people import ALL_PROMPT, Behaviour
from escort.families.models import Child, Escort
from escort.roster_book.reader import read_book
from escort.rota.models import Ask, CircleMember, Leg, Offer, PlanRecord, Run, RunLeg, Shift
from escort.schools.models import School
from notifications.addresses import phones_of
from tests.flows.village import ZONE, Mix, Village, by_leg, school_days, setup, village

BEGINS = datetime(2021, 4, 5, 9, 0, tzinfo=ZONE)
FIRST, LAST = date(2021, 4, 6), date(2021, 7, 9)
SCHOOL, HE = "银杏特殊教育学校", "小杰"
SEED = 5
HOLIDAYS = {date(2021, 5, 3), date(2021, 5, 4), date(2021, 5, 5), date(2021, 6, 14)}
MAKE_UP = {date(2021, 4, 25), date(2021, 5, 8)}
MIX = Mix(
    by_page=0.15,
    late=0.05,
    declining=0.05,
    partly=0.05,
    received_first=0.05,
    silent=0.04,
    departs_late=0.05,
    forgets_to_tap=0.05,
    guard_taps=0.1,
    family_cancels=0.0,
)
OF_ASKS = {"by_page", "late", "declining", "partly", "received_first", "silent"}
OF_TURNS = {"departs_late", "forgets_to_tap"}
FEW, WHOLE_SCHOOL = 2, 119  # schoolmates: what every `make test` can afford, and what `make spring` drives
MOST_CASES = 0.05  # of his legs

Half = tuple[date, str]


def his_days() -> list[date]:
    return school_days(FIRST, LAST, off=lambda on: on in HOLIDAYS, extra=MAKE_UP)


@pytest.fixture
def district(store: Store) -> Iterator[Village]:
    """The whole book imported and planned, with people who will live through the spring."""
    with village(store, mix=MIX, seed=SEED, begins=BEGINS) as here:
        setup.make_district(here.house)
        yield here


def only(here: Village, *, mates: int = 0) -> None:
    """End the escorts of everybody but 小杰 and so many children of his school, the first in the book."""
    with here.house.store.write() as session:
        of_school = select(Child.id).join(School, col(School.id) == Child.school_id)
        of_school = of_school.where(School.name == SCHOOL).order_by(
            col(Child.short_name) != HE, col(Child.id)
        )
        kept = list(session.exec(of_school.limit(1 + mates)))
        session.execute(
            update(Escort)
            .where(col(Escort.child_id).not_in(kept))
            .values(ended_at=BEGINS, until_on=BEGINS.date() - timedelta(days=1))
        )
    here.world.jobs.rotate(now=BEGINS)


@pytest.mark.slow
def test_he_is_fetched_and_brought_home_every_school_day_of_the_spring(district: Village) -> None:
    check_spring(district, mates=FEW)


@pytest.mark.season
def test_he_is_fetched_and_brought_home_in_the_midst_of_his_whole_school(district: Village) -> None:
    check_spring(district, mates=WHOLE_SCHOOL)


def check_spring(district: Village, *, mates: int) -> None:
    """Live through the spring, then ask the phones and the taps: each half of each school day, or a human knew."""
    with district.house.store.read() as session:
        plan = session.exec(select(PlanRecord)).one()
    assert plan.uncovered == plan.proven_uncovered
    only(district, mates=mates)
    began = machine.monotonic()

    district.run_until(datetime.combine(LAST, time(20, 0), ZONE))

    rides, told = rides_of(district, HE), told_about(district, HE)
    report(district, rides, told, machine.monotonic() - began)
    due = {(on, half) for on in his_days() for half in HALVES}
    assert set(rides) <= due
    for on, half in sorted(due - set(rides)):
        assert (on, half) in told, f"{on} {half}: neither driven nor was anybody told"
        assert told[on, half] < t_of(district, on, half), f"{on} {half}: told too late"
    assert len(told) <= MOST_CASES * len(due)
    assert len({driver for driver, _ in rides.values()}) >= 4
    check_drivers(district, rides)
    check_turns(district, rides)
    assert {one.name for one in behaviours_of_his(district)} >= OF_ASKS | OF_TURNS


@pytest.mark.slow
def test_when_everybody_is_prompt_nobody_is_troubled(district: Village) -> None:
    only(district)
    people = replace(district.world.people, mix=ALL_PROMPT)
    district.world.people = district.phones.people = people

    district.run_until(datetime.combine(LAST, time(20, 0), ZONE))

    rides = rides_of(district, HE)
    report(district, rides, {}, 0.0)
    assert set(rides) == {(on, half) for on in his_days() for half in HALVES}
    assert told_about(district, HE) == {}
    check_drivers(district, rides)


def rides_of(here: Village, name: str) -> dict[Half, tuple[str, datetime]]:
    """Return by date and half-day who brought the child, from the taps alone."""
    rides = {}
    for leg, steps in by_leg(here.hands.taps).items():
        if here.hands.children.get(leg) == name and "on_board" in steps and "delivered" in steps:
            at = steps["delivered"].at.astimezone(ZONE)
            rides[at.date(), HALVES[at.hour >= NOON]] = (steps["delivered"].who, at)
    return rides


def told_about(here: Village, name: str) -> dict[Half, datetime]:
    """Return by date and half-day when a human was first told that something was wrong, from the phones alone.

    The person on duty by a case that names the child and the turn ("小杰4月8日07:40上学…").
    """
    told: dict[Half, datetime] = {}
    for text in here.phones.texts:
        if text.template not in {"case.one", "case.many"} or name not in text.text:
            continue
        at = text.at.astimezone(ZONE)
        named = [on for on in his_days() if f"{on.month}月{on.day}日" in text.text]
        for on in named or [at.date()]:
            half = next((half for half in HALVES if half in text.text), HALVES[at.hour >= NOON])
            told.setdefault((on, half), text.at)
    return told


def t_of(here: Village, on: date, half: str) -> datetime:
    """Return when he stands ready: the school's own times, which the legs follow."""
    with here.house.store.read() as session:
        return session.exec(
            select(Leg.pickup_at)
            .join(Child, col(Child.id) == Leg.child_id)
            .where(
                Child.short_name == HE, Leg.on == on, Leg.direction == ("to_school", "home")[half == "放学"]
            )
        ).one()


def check_drivers(here: Village, rides: dict[Half, tuple[str, datetime]]) -> None:
    """Every driver belongs to his circle, and the office's book says that they were vetted within the year."""
    book = read_book((resources.files("escort.demo") / "data" / setup.BOOK).read_bytes(), as_of=FIRST)
    vetted_on = {row.phone: row.vetted_on for row in book.volunteers}
    with here.house.store.read() as session:
        child = session.exec(select(Child).where(Child.short_name == HE)).one()
        circle = session.exec(select(CircleMember.volunteer_id).where(CircleMember.child_id == child.id))
        phones = set(phones_of(session, [f"volunteer:{volunteer}" for volunteer in circle]).values())
    for (on, half), (number, _) in rides.items():
        assert number in phones, f"{on} {half}: not of his circle"
        vetted = vetted_on[number]
        assert vetted is not None
        assert timedelta(0) <= on - vetted <= timedelta(days=365), f"{on} {half}: not vetted within a year"


def check_turns(here: Village, rides: dict[Half, tuple[str, datetime]]) -> None:
    """Nobody drives him on two service days running, unless the reason was written down on one of the two."""
    days = sorted(his_days())
    drivers = {on: {driver for (day, _), (driver, _) in rides.items() if day == on} for on in days}
    for before, on in itertools.pairwise(days):
        for number in drivers[before] & drivers[on]:
            with here.house.store.read() as session:
                volunteer = volunteer_of(here, number)
                reasons = session.exec(
                    select(Shift.repeat_reason).where(
                        col(Shift.on).in_([before, on]), Shift.volunteer_id == volunteer
                    )
                ).all()
            assert any(reasons), f"{on}: the same driver as the service day before, and nobody wrote down why"


def behaviours_of_his(here: Village) -> list[Behaviour]:
    """Return what chance made people do about his own legs: this only shows that the season was varied enough."""
    with here.house.store.read() as session:
        his = select(RunLeg.run_id).join(Leg, col(Leg.id) == col(RunLeg.leg_id))
        his = his.join(Child, col(Child.id) == col(Leg.child_id)).where(Child.short_name == HE)
        asks = session.exec(
            select(Offer.volunteer_id, Ask.asked_at)
            .join(Ask, col(Ask.id) == col(Offer.ask_id))
            .where(col(Offer.run_id).in_(his))
        ).all()
        turns = session.exec(
            select(Shift.volunteer_id, Run.starts_at)
            .join(Run, col(Run.id) == col(Shift.run_id))
            .where(col(Shift.run_id).in_(his), col(Shift.confirmed_at).is_not(None))
        ).all()
        people = phones_of(session, sorted({f"volunteer:{one}" for one, _ in (*asks, *turns)}))
    by_ask = {(people[f"volunteer:{one}"], at.astimezone(ZONE).date()) for one, at in asks}
    by_turn = {(people[f"volunteer:{one}"], at) for one, at in turns}
    return [
        one
        for one in here.behaviours
        if (one.name in OF_ASKS and (one.number, one.at.astimezone(ZONE).date()) in by_ask)
        or (one.name in OF_TURNS and (one.number, one.at) in by_turn)
    ]


def volunteer_of(here: Village, number: str) -> int:
    with here.house.store.read() as session:
        circle = session.exec(select(CircleMember.volunteer_id).distinct()).all()
        phones = phones_of(session, [f"volunteer:{volunteer}" for volunteer in circle])
    return next(int(party.partition(":")[2]) for party, phone in phones.items() if phone == number)


def report(
    here: Village, rides: dict[Half, tuple[str, datetime]], told: dict[Half, datetime], seconds: float
) -> None:
    turns = Counter(driver[-4:] for driver, _ in rides.values())
    days = his_days()
    whole = [on for on in days if all((on, half) in rides for half in HALVES)]
    print(
        f"\n{HE}: {len(days)} days due, {len(whole)} driven both ways, {len(rides)} of {2 * len(days)} rides"
    )
    print("turns: " + ", ".join(f"…{tail} {count}" for tail, count in turns.most_common()))
    print("cases: " + (", ".join(f"{on} {half}" for on, half in sorted(told)) or "none"))
    print("chance on his legs: " + str(dict(Counter(one.name for one in behaviours_of_his(here)))))
    print(f"texts {len(here.phones.texts)}, taps {len(here.hands.taps)}, {seconds:.0f} s")


HALVES = ("上学", "放学")
NOON = 12
