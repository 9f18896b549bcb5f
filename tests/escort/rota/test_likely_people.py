"""The search reads only those who can do at all; it must leave out nobody whom the hard rules let drive."""

import random

import pytest
from sqlmodel import Session

from escort.rota.problems import PROMISED, KeyedProblem, ordered_legs, problem_of
from scheduling.repair import stand_ins
from tests.builders import PAPERS, ZONE, a_child, a_volunteer
from tests.escort.journeys.rides import a_ride
from tests.escort.rota.weeks import TOMORROW, at

SEED = 7
DRIVES = ("Mon-Fri both ways", "Mon both ways", "Tue-Fri home")
NORTH, EAST = 30.9010, 103.8430  # the child's door


@pytest.mark.parametrize("direction", ["to_school", "home"])
def test_whoever_may_drive_is_among_the_likely(session: Session, direction: str) -> None:
    chance = random.Random(SEED)
    ride = a_ride(
        session, a_child(session), direction=direction, at=at(TOMORROW, 7 if direction == "to_school" else 16)
    )
    for n in range(60):
        home = (NORTH + chance.uniform(-0.1, 0.1), EAST + chance.uniform(-0.1, 0.1))
        papers = chance.choice([*PAPERS, "in order", "in order"])
        one = a_volunteer(session, f"第{n}位", home=home, papers=papers, drives=chance.choice(DRIVES))
        one.max_approach_km = chance.choice([3.0, 6.0, 12.0])
    session.flush()

    everybody, likely = _problem(session, ride.run_id), _problem(session, ride.run_id, only_likely=True)

    assert _people(likely) == _people(everybody)
    assert 0 < len(_people(likely)) < len(likely.volunteer_ids) < len(everybody.volunteer_ids)


def _problem(session: Session, run_id: int, *, only_likely: bool = False) -> KeyedProblem:
    kept = ordered_legs(session, [run_id])
    return problem_of(session, legs=[], kept_runs=kept, zone=ZONE, counted=PROMISED, only_likely=only_likely)


def _people(keyed: KeyedProblem) -> list[int]:
    """Return who may drive, in the order of asking."""
    return [keyed.volunteer_ids[one.volunteer] for one in stand_ins(keyed.problem, 0)]
