"""Who is ready to plan, and what lists show."""

from datetime import date, timedelta

from sqlalchemy import event, update
from sqlmodel import Session, col, select

from escort.families.models import Child, Consent, Escort, EscortPause, PlaceKind
from escort.families.queries import (
    Missing,
    is_ready_to_plan,
    list_children,
    missing_of,
    plannable_escorts,
    siblings_of,
)
from tests.builders import HOME_POINT, NOW, TODAY, a_child, a_school

APRIL = {"from_on": date(2021, 4, 5), "until_on": date(2021, 5, 2)}


def test_a_child_with_everything_is_planned_as_one_flat_row(session: Session) -> None:
    child = a_child(session, needs=("wheelchair",), escorted="Mon,Wed to school")

    [escort] = plannable_escorts(session, **APRIL)

    assert (escort.child_id, escort.escort_id) == (child.id, child.escort.id)
    assert (escort.weekdays, escort.to_school, escort.home) == ("1010000", True, False)
    assert (escort.pickup.lat, escort.pickup.lon) == HOME_POINT
    assert escort.wheelchair
    assert escort.is_planned_on(TODAY)


def test_the_district_is_read_in_three_queries(session: Session) -> None:
    for number in range(5):
        a_child(session, f"孩子{number}")
    statements: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *said: statements.append(said[2]))

    assert len(plannable_escorts(session, **APRIL)) == 5
    assert len(statements) == 3


def test_without_consent_nobody_is_planned(session: Session) -> None:
    child = a_child(session, with_consent=False)

    assert plannable_escorts(session, **APRIL) == []
    assert missing_of(session, [child.id], on=TODAY)[child.id] == (Missing.FULL_NAME, Missing.CONSENT)


def test_withdrawn_consent_ends_planning_with_the_next_call(session: Session) -> None:
    child = a_child(session)

    session.exec(update(Consent).where(col(Consent.child_id) == child.id).values(withdrawn_at=NOW))

    assert plannable_escorts(session, **APRIL) == []
    assert not is_ready_to_plan(session, child.id, TODAY)


def test_consent_counts_from_the_day_it_was_given(session: Session) -> None:
    child = a_child(session)
    given_on = TODAY + timedelta(days=3)
    session.exec(update(Consent).where(col(Consent.child_id) == child.id).values(given_on=given_on))

    [escort] = plannable_escorts(session, **APRIL)

    assert not escort.is_planned_on(TODAY)
    assert escort.is_planned_on(given_on)


def test_a_pause_and_the_ends_of_the_arrangement_include_both_days(session: Session) -> None:
    child = a_child(session, from_on=date(2021, 4, 6), until_on=date(2021, 4, 30))
    session.add(
        EscortPause(escort_id=child.escort.id or 0, from_on=date(2021, 4, 12), until_on=date(2021, 4, 14))
    )
    session.flush()

    [escort] = plannable_escorts(session, **APRIL)

    planned = [on for on in (date(2021, 4, day) for day in range(5, 31)) if escort.is_planned_on(on)]
    assert planned[0] == date(2021, 4, 6)
    assert planned[-1] == date(2021, 4, 30)
    assert date(2021, 4, 11) in planned
    assert not {date(2021, 4, 12), date(2021, 4, 14)} & set(planned)
    assert date(2021, 4, 15) in planned


def test_a_place_without_coordinates_is_planned_only_with_km_by_hand(session: Session) -> None:
    child = a_child(session, home=None)
    assert plannable_escorts(session, **APRIL) == []
    assert missing_of(session, [child.id], on=TODAY)[child.id] == (
        Missing.PICKUP_PLACE,
        Missing.DROPOFF_PLACE,
    )

    child.escort.km_by_hand, child.escort.minutes_by_hand = 15.0, 32
    session.flush()

    assert len(plannable_escorts(session, **APRIL)) == 1


def test_only_the_place_that_is_used_must_be_known(session: Session) -> None:
    child = a_child(session, escorted="Mon-Fri to school")
    child.escort.dropoff_kind, child.escort.dropoff_lat = PlaceKind.POINT, None
    session.flush()

    assert len(plannable_escorts(session, **APRIL)) == 1


def test_an_escort_that_ended_is_no_longer_planned(session: Session) -> None:
    child = a_child(session)
    session.exec(update(Escort).where(col(Escort.child_id) == child.id).values(ended_at=NOW))

    assert plannable_escorts(session, **APRIL) == []
    assert missing_of(session, [child.id], on=TODAY)[child.id] == (Missing.NO_ESCORT,)


def test_children_are_found_by_short_name_pinyin_and_school(session: Session) -> None:
    a_child(session, "小雨", school=a_school(session, "青禾小学"))
    a_child(session, "小杰", with_consent=False)

    def found(text: str) -> list[str]:
        return [line.short_name for line in list_children(session, on=TODAY, text=text)]

    assert found("") == ["小杰", "小雨"]
    assert found("xiaoy") == ["小雨"]
    assert found("xj") == ["小杰"]
    assert found("青禾") == ["小雨"]
    assert found("杨小雨") == []  # a full name is sealed: nobody finds a child by it


def test_a_line_says_what_is_missing(session: Session) -> None:
    a_child(session, "小雨", with_consent=False, needs=("child_seat",))

    [line] = list_children(session, on=TODAY)

    assert (line.is_ready, line.missing) == (False, (Missing.FULL_NAME, Missing.CONSENT))
    assert line.needs == ("child_seat",)


def test_siblings_are_the_other_children_of_the_family(session: Session) -> None:
    first = a_child(session, "小雨")
    family = session.exec(select(Child)).one().family_id
    second = a_child(session, "小雪")
    second.child.family_id = family
    session.flush()

    assert siblings_of(session, first.id) == [second.id]
