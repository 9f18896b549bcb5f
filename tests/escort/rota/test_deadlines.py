"""The less time is left, the more people are asked at once and the shorter they have; the night answers nothing."""

from datetime import datetime, timedelta

import pytest

from escort.rota.deadlines import look_again_at, routine_terms, terms_of
from tests.builders import ZONE

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2021, 4, day, hour, minute, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("left", "people", "within"),
    [
        (25 * MINUTE, 3, 3 * MINUTE),  # five minutes beyond what a stand-in needs to get going
        (50 * MINUTE, 3, 5 * MINUTE),
        (80 * MINUTE, 3, 5 * MINUTE),  # the last hour: several at once
        (2 * HOUR, 3, 17 * MINUTE),
        (4 * HOUR, 3, 30 * MINUTE),
        (9 * HOUR, 2, 65 * MINUTE),
        (24 * HOUR, 2, 2 * HOUR),
        (72 * HOUR, 2, 3 * HOUR),
    ],
)
def test_deadlines_shrink_with_the_time_left(left: timedelta, people: int, within: timedelta) -> None:
    now = at(7, 9)

    terms = terms_of(now, now + left, ZONE)

    assert terms.people == people
    assert abs(terms.deadline_at - now - within) < MINUTE


def test_a_distant_run_asked_about_in_the_evening_has_until_the_next_morning() -> None:
    assert terms_of(at(7, 20), at(12, 7, 45), ZONE).deadline_at == at(8, 8, 30)


def test_whoever_is_asked_late_for_the_morning_may_sleep_over_it() -> None:
    terms = terms_of(at(7, 22, 10), at(8, 7, 45), ZONE)

    assert terms.deadline_at == at(8, 6, 30)
    assert terms.people == 3
    assert terms.not_before is None


def test_the_answer_of_a_night_comes_early_enough_to_ask_others() -> None:
    terms = terms_of(at(7, 23), at(8, 6, 50), ZONE)

    assert terms.deadline_at <= at(8, 6, 50) - 65 * MINUTE


def test_nobody_is_woken_for_the_afternoon() -> None:
    terms = terms_of(at(7, 23), at(8, 16), ZONE)

    assert terms.not_before == at(8, 6, 30)
    assert at(8, 7) <= terms.deadline_at <= at(8, 9)


def test_a_run_within_hours_wakes_people() -> None:
    assert terms_of(at(7, 5), at(7, 7, 45), ZONE).not_before is None


def test_the_weekly_ask_of_thursday_evening_holds_until_friday_evening() -> None:
    assert routine_terms(at(8, 18), at(12, 7, 45), ZONE).deadline_at == at(9, 20)


def test_an_ask_for_tomorrow_morning_ends_the_evening_before() -> None:
    assert routine_terms(at(6, 18), at(7, 7, 45), ZONE).deadline_at == at(6, 21, 45)
    assert routine_terms(at(6, 18), at(7, 9), ZONE).deadline_at == at(6, 22, 30)  # and not at 23:00


def test_an_ask_in_the_late_evening_lasts_until_morning() -> None:
    assert routine_terms(at(6, 22, 10), at(7, 7, 45), ZONE).deadline_at == at(7, 6, 30)


def test_an_ask_on_short_notice_gives_half_an_hour() -> None:
    assert routine_terms(at(7, 9), at(7, 12), ZONE).deadline_at == at(7, 9, 30)


def test_a_search_that_found_nobody_looks_again_more_often_as_t_comes_nearer() -> None:
    assert look_again_at(at(6, 9), at(8, 9)) == at(6, 10)
    assert look_again_at(at(8, 8), at(8, 9)) == at(8, 8, 10)
    assert look_again_at(at(8, 8, 56), at(8, 9)) is None
