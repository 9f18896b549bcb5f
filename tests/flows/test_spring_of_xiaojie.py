"""One spring of 小杰's school, day by day, on both databases: fetched and brought home, or a human knew before T.

The oracle reads the office's book, the texts on the phones and the taps of the people; never our state columns.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

import pytest
from sqlmodel import col, select, update

from escort.db import Store
from escort.demo.people import ALL_PROMPT
from escort.families.models import Child, Escort
from escort.roster.models import Volunteer
from escort.rota.models import CircleMember, PlanRecord, Shift
from notifications.addresses import phones_of
from tests.flows.village import ZONE, Mix, Village, by_leg, school_days, setup, village

BEGINS = datetime(2021, 4, 5, 9, 0, tzinfo=ZONE)
FIRST, LAST = date(2021, 4, 6), date(2021, 7, 9)
SCHOOL = "银杏特殊教育学校"
SEED = 5
HOLIDAYS = {date(2021, 5, 3), date(2021, 5, 4), date(2021, 5, 5), date(2021, 6, 14)}
MAKE_UP = {date(2021, 4, 25), date(2021, 5, 8)}
MIX = Mix(guard_taps=0.1, family_cancels=0.0)


def his_days(until_on: date = LAST) -> list[date]:
    return school_days(FIRST, until_on, off=lambda on: on in HOLIDAYS, extra=MAKE_UP)


@pytest.fixture
def district(store: Store) -> Iterator[Village]:
    """The whole book imported and planned; then every other school's escorts end, so that one school is driven."""
    with village(store, mix=MIX, seed=SEED, begins=BEGINS) as here:
        setup.make_district(here.house)
        yield here


def only_school(here: Village, *, child: str | None = None) -> None:
    """End the escorts of all other schools, or of everybody but one child."""
    from escort.schools.models import School

    with here.house.store.write() as session:
        school = session.exec(select(School).where(School.name == SCHOOL)).one()
        others = select(Child.id).where(
            Child.school_id != school.id if child is None else Child.short_name != child
        )
        session.execute(
            update(Escort)
            .where(col(Escort.child_id).in_(others))
            .values(ended_at=BEGINS, until_on=date(2021, 4, 4))
        )
    here.world.jobs.rotate(now=BEGINS)


@pytest.mark.slow
def test_he_is_fetched_and_brought_home_every_school_day(district: Village) -> None:
    with district.house.store.read() as session:
        plan = session.exec(select(PlanRecord)).one()
    assert plan.uncovered == plan.proven_uncovered
    only_school(district)

    district.run_until(datetime.combine(LAST, time(20, 0), ZONE))

    rides = rides_of(district, "小杰")
    cases = told_about(district, "小杰")
    report(rides, cases, district)
    for on in his_days():
        for half in ("上学", "放学"):
            assert (on, half) in rides or (on, half) in cases, (
                f"{on} {half}: neither driven nor was anybody told"
            )
    assert len(cases) <= 0.05 * 2 * len(his_days())
    assert len({driver for driver, _ in rides.values()}) >= 4
    check_drivers(district, rides)
    check_turns(district, rides)


@pytest.mark.slow
def test_when_everybody_is_prompt_nobody_is_troubled(district: Village) -> None:
    only_school(district, child="小杰")
    object.__setattr__(district.world.people, "mix", ALL_PROMPT)

    district.run_until(datetime.combine(LAST, time(20, 0), ZONE))

    rides = rides_of(district, "小杰")
    assert set(rides) == {(on, half) for on in his_days() for half in ("上学", "放学")}
    assert told_about(district, "小杰") == {}


def rides_of(here: Village, name: str) -> dict[tuple[date, str], tuple[str, datetime]]:
    """Return by date and half-day who brought the child, from the taps alone."""
    rides = {}
    for leg, steps in by_leg(here.hands.taps).items():
        if here.hands.children.get(leg) == name and "on_board" in steps and "delivered" in steps:
            at = steps["delivered"].at.astimezone(ZONE)
            rides[at.date(), "上学" if at.hour < 11 else "放学"] = (steps["delivered"].who, at)
    return rides


def told_about(here: Village, name: str) -> dict[tuple[date, str], datetime]:
    """Return by date and half-day when the person on duty was first told about the child, from the phones alone."""
    told: dict[tuple[date, str], datetime] = {}
    for text in here.phones.texts:
        if text.template in {"case.one", "case.many"} and name in text.text:
            at = text.at.astimezone(ZONE)
            half = "上学" if "上学" in text.text else "放学"
            on = at.date() if at.hour < 17 else at.date() + timedelta(days=1)
            told.setdefault((on, half), at)
    return told


def check_drivers(here: Village, rides: dict[tuple[date, str], tuple[str, datetime]]) -> None:
    """Every driver belongs to his circle and had been vetted within a year."""
    numbers = {number for number, _ in rides.values()}
    with here.house.store.read() as session:
        child = session.exec(select(Child).where(Child.short_name == "小杰")).one()
        circle = set(session.exec(select(CircleMember.volunteer_id).where(CircleMember.child_id == child.id)))
        phones = phones_of(session, [f"volunteer:{volunteer}" for volunteer in circle])
        volunteers = {v.id: v for v in session.exec(select(Volunteer).where(col(Volunteer.id).in_(circle)))}
    assert numbers <= set(phones.values())
    by_number = {number: volunteers[int(party.partition(":")[2])] for party, number in phones.items()}
    for (on, _), (number, _) in rides.items():
        vetted_on = by_number[number].vetted_on
        assert vetted_on is not None
        assert (on - vetted_on).days <= 365


def check_turns(here: Village, rides: dict[tuple[date, str], tuple[str, datetime]]) -> None:
    """Nobody drives him on two service days running, unless the reason was written down."""
    days = sorted({on for on, _ in rides})
    drivers = {on: {driver for (day, _), (driver, _) in rides.items() if day == on} for on in days}
    repeats = [
        (b, drivers[a] & drivers[b]) for a, b in zip(days, days[1:], strict=False) if drivers[a] & drivers[b]
    ]
    for on, numbers in repeats:
        with here.house.store.read() as session:
            parties = phones_of(session, [f"volunteer:{v}" for v in session.exec(select(Volunteer.id))])
            ids = {int(party.partition(":")[2]) for party, number in parties.items() if number in numbers}
            reasons = session.exec(
                select(Shift.repeat_reason).where(Shift.on == on, col(Shift.volunteer_id).in_(ids))
            ).all()
        assert any(reasons), f"{on}: the same driver as the service day before, and nobody wrote down why"


def report(rides: dict[tuple[date, str], tuple[str, datetime]], cases: dict, here: Village) -> None:  # type: ignore[type-arg]
    turns = Counter(driver[-4:] for driver, _ in rides.values())
    due = 2 * len(his_days())
    print(f"\n小杰: due {due} rides on {len(his_days())} days, driven {len(rides)}, cases {len(cases)}")
    print("turns: " + ", ".join(f"…{tail} {count}" for tail, count in turns.most_common()))
    print(f"texts {len(here.phones.texts)}, taps {len(here.hands.taps)}")
