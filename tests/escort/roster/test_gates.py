"""Which papers keep a volunteer from driving on the day of the leg."""

from datetime import UTC, date, datetime, timedelta

import pytest

from escort.roster.gates import SENTENCES, Gate, gates_on, good_until, may_drive, sentences
from escort.roster.models import Volunteer

DAY = date(2021, 4, 7)


def volunteer(**papers: object) -> Volunteer:
    given = {"vetted_on": DAY, "licence_until": DAY, "insured_until": DAY} | papers
    return Volunteer(name="王师傅", created_at=datetime(2021, 1, 1, tzinfo=UTC), **given)


@pytest.mark.parametrize(
    ("papers", "expected"),
    [
        ({}, []),  # everything valid on this very day
        ({"vetted_on": DAY - timedelta(days=365)}, []),  # the 365th day counts
        ({"vetted_on": DAY - timedelta(days=366)}, [Gate.VETTING_EXPIRED]),
        ({"vetted_on": DAY + timedelta(days=1)}, [Gate.VETTING_EXPIRED]),  # it has not happened yet
        ({"vetted_on": None}, [Gate.NOT_VETTED]),
        ({"licence_until": DAY - timedelta(days=1)}, [Gate.LICENCE_EXPIRED]),  # expired yesterday
        ({"licence_until": None}, [Gate.NO_LICENCE]),
        ({"insured_until": DAY - timedelta(days=1)}, [Gate.INSURANCE_EXPIRED]),  # a gap of one day
        ({"insured_until": None}, [Gate.NO_INSURANCE]),
        ({"suspended_at": datetime(2021, 4, 1, tzinfo=UTC)}, [Gate.SUSPENDED]),
    ],
)
def test_a_gate_shuts_on_the_day_of_the_leg(papers: dict[str, object], expected: list[Gate]) -> None:
    driver = volunteer(**papers)

    assert gates_on(driver, DAY) == expected
    assert may_drive(driver, DAY) is (expected == [])


def test_papers_that_run_out_between_planning_and_the_leg_shut_the_gate_then() -> None:
    driver = volunteer()

    assert may_drive(driver, DAY)
    assert gates_on(driver, DAY + timedelta(days=1)) == [Gate.LICENCE_EXPIRED, Gate.INSURANCE_EXPIRED]


def test_all_that_is_wrong_is_said_at_once_each_in_one_sentence() -> None:
    driver = volunteer(vetted_on=None, insured_until=None)

    assert sentences(gates_on(driver, DAY)) == [SENTENCES[Gate.NOT_VETTED], SENTENCES[Gate.NO_INSURANCE]]
    assert set(SENTENCES) == set(Gate)


def test_the_last_good_day_is_that_of_the_first_paper_to_run_out() -> None:
    driver = volunteer(licence_until=date(2024, 1, 1), insured_until=date(2021, 8, 11))

    assert good_until(driver) == date(2021, 8, 11)
    assert good_until(volunteer(insured_until=None)) is None
