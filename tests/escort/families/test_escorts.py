"""Pausing, ending, renewing and changing an arrangement; consent and the people around a child."""

from datetime import date, timedelta

import pytest
from sqlmodel import Session, select

from escort.errors import Conflict, NotFound, Refused
from escort.families import consent, escorts, people, service
from escort.families.models import Escort, EscortPause, PlaceKind
from escort.families.places import ChosenPlace
from escort.families.queries import PlannableEscort, children_of_guardian, plannable_escorts
from escort.families.sealed_reads import open_guardians, open_receivers
from notifications.addresses import phone_of
from notifications.holds import held_number
from scheduling.travel import Point
from tests.builders import NOW, TODAY, a_child, a_volunteer
from tests.cast import LIN

BY = {"now": NOW, "by": LIN}
AT = {"today": TODAY, **BY}
MONTH = {"from_on": TODAY, "until_on": TODAY + timedelta(days=28)}


def planned(session: Session) -> PlannableEscort:
    [escort] = plannable_escorts(session, **MONTH)
    return escort


def test_a_pause_ends_legs_until_it_is_lifted(session: Session) -> None:
    child = a_child(session)
    days = {"from_on": TODAY + timedelta(days=1), "until_on": TODAY + timedelta(days=3)}

    pause_id = escorts.pause_escort(session, child_id=child.id, **days, **AT)  # type: ignore[arg-type]  # shorthand
    again = escorts.pause_escort(session, child_id=child.id, **days, **AT)  # type: ignore[arg-type]  # shorthand
    assert not planned(session).is_planned_on(TODAY + timedelta(days=2))
    escorts.lift_pause(session, child_id=child.id, pause_id=pause_id, **BY)  # type: ignore[arg-type]  # shorthand

    assert again == pause_id
    assert planned(session).is_planned_on(TODAY + timedelta(days=2))
    assert len(session.exec(select(EscortPause)).all()) == 1
    with pytest.raises(Conflict):
        escorts.lift_pause(session, child_id=child.id, pause_id=pause_id, **BY)  # type: ignore[arg-type]  # shorthand


@pytest.mark.parametrize(
    ("days", "said"), [((1, 0), "早于第一天"), ((-9, -1), "已经过去"), ((0, 300), "半年")]
)
def test_a_pause_that_cannot_be_meant_is_refused(session: Session, days: tuple[int, int], said: str) -> None:
    child = a_child(session)

    with pytest.raises(Refused, match=said):
        escorts.pause_escort(
            session,
            child_id=child.id,
            from_on=TODAY + timedelta(days=days[0]),
            until_on=TODAY + timedelta(days=days[1]),
            **AT,  # type: ignore[arg-type]  # shorthand
        )


def test_an_escort_ends_after_its_last_day_or_at_once(session: Session) -> None:
    child = a_child(session)
    last_on = TODAY + timedelta(days=5)

    escorts.end_escort(session, child_id=child.id, last_on=last_on, **AT)  # type: ignore[arg-type]  # shorthand
    assert planned(session).is_planned_on(last_on)
    assert not planned(session).is_planned_on(last_on + timedelta(days=1))
    escorts.end_escort(session, child_id=child.id, **AT)  # type: ignore[arg-type]  # shorthand

    assert plannable_escorts(session, **MONTH) == []
    with pytest.raises(NotFound):
        escorts.end_escort(session, child_id=child.id, **AT)  # type: ignore[arg-type]  # shorthand


def test_the_next_term_begins_with_the_last_ones_days_and_places(session: Session) -> None:
    child = a_child(session, escorted="Mon,Wed to school", until_on=date(2021, 7, 9))
    autumn = {"from_on": date(2021, 9, 1), "until_on": date(2022, 1, 14)}

    renewed = escorts.renew_escort(session, child_id=child.id, **autumn, **BY)  # type: ignore[arg-type]  # shorthand

    escort = session.get_one(Escort, renewed)
    assert (escort.weekdays, escort.home, escort.pickup_lat) == ("1010000", False, child.escort.pickup_lat)
    assert child.escort.ended_at == NOW
    with pytest.raises(Refused, match="还没有结束"):
        escorts.renew_escort(session, child_id=child.id, **autumn, **BY)  # type: ignore[arg-type]  # shorthand


def test_changed_days_are_planned_and_an_old_form_is_refused(session: Session) -> None:
    child = a_child(session)
    days = {"weekdays": "0100000", "to_school": True, "home": False, "from_on": TODAY, "until_on": None}

    escorts.change_days(session, child_id=child.id, version=1, **days, **BY)  # type: ignore[arg-type]  # shorthand

    assert (planned(session).weekdays, planned(session).home) == ("0100000", False)
    with pytest.raises(Conflict):
        escorts.change_days(session, child_id=child.id, version=1, **days, **BY)  # type: ignore[arg-type]  # shorthand


def test_a_changed_place_replaces_km_by_hand(session: Session) -> None:
    child = a_child(session, home=None)
    child.escort.km_by_hand, child.escort.minutes_by_hand = 15.0, 32
    session.flush()
    place = ChosenPlace(PlaceKind.KNOWN, "梨园社区", point=Point(30.82, 103.88))

    escorts.change_place(session, child_id=child.id, end="pickup", place=place, version=1, **BY)  # type: ignore[arg-type]  # shorthand
    assert planned(session).km_by_hand == 15.0  # the way home has no point yet
    escorts.change_place(session, child_id=child.id, end="dropoff", place=place, version=2, **BY)  # type: ignore[arg-type]  # shorthand

    assert planned(session).km_by_hand is None
    assert planned(session).pickup.name == "梨园社区"


def test_withdrawn_consent_stops_planning_and_a_new_one_starts_it_again(session: Session) -> None:
    child = a_child(session)

    consent.withdraw_consent(session, child_id=child.id, **BY)  # type: ignore[arg-type]  # shorthand
    assert plannable_escorts(session, **MONTH) == []
    with pytest.raises(Conflict):
        consent.withdraw_consent(session, child_id=child.id, **BY)  # type: ignore[arg-type]  # shorthand
    consent.record_consent(session, child_id=child.id, version="3", given_on=TODAY, **AT)  # type: ignore[arg-type]  # shorthand

    assert planned(session).consent_on == TODAY
    assert [one.version for one in consent.consents_of(session, child.id)] == ["3", "2"]


def test_a_consent_of_tomorrow_is_refused(session: Session) -> None:
    child = a_child(session, with_consent=False)

    with pytest.raises(Refused, match="将来"):
        consent.record_consent(
            session,
            child_id=child.id,
            version="2",
            given_on=TODAY + timedelta(days=1),
            **AT,  # type: ignore[arg-type]  # shorthand
        )


def test_somebody_always_gets_the_messages(session: Session) -> None:
    child = a_child(session)
    first = child.guardian.id or 0
    roles = {"gets_messages": False, "is_proxy": False, **BY}

    with pytest.raises(Refused, match="至少要有一个人"):
        people.set_roles(session, guardian_id=first, **roles)  # type: ignore[arg-type]  # shorthand
    proxy = people.add_guardian(
        session, child_id=child.id, name="邻居张婶", phone="19900005555", is_proxy=True, now=NOW, by=LIN
    )
    people.set_roles(session, guardian_id=first, **roles)  # type: ignore[arg-type]  # shorthand

    assert [(one.id, one.gets_messages, one.is_proxy) for one in open_guardians(session, child.id)] == [
        (first, False, False),
        (proxy, True, True),
    ]
    assert children_of_guardian(session, proxy) == [child.id]


def test_a_guardians_new_number_is_checked_and_waits(session: Session) -> None:
    child = a_child(session)

    people.change_guardian_phone(
        session, guardian_id=child.guardian.id or 0, phone="199 0000 6666", now=NOW, by=LIN
    )
    with pytest.raises(Refused, match="11 位"):
        people.change_guardian_phone(
            session, guardian_id=child.guardian.id or 0, phone="110", now=NOW, by=LIN
        )

    held = held_number(session, child.guardian_subject)
    assert held is not None
    assert held.value == "+8619900006666"
    assert phone_of(session, child.guardian_subject) != held.value


def test_a_receiver_to_be_completed_is_completed_and_removed_once(session: Session) -> None:
    child = a_child(session, receivers=("邻居张婶",))
    [receiver] = open_receivers(session, child.id)

    people.complete_receiver(session, receiver_id=receiver.id, phone="199 0000 7777", now=NOW, by=LIN)
    assert open_receivers(session, child.id)[0].phone == "+8619900007777"
    people.remove_receiver(session, receiver_id=receiver.id, now=NOW, by=LIN)

    assert open_receivers(session, child.id) == []
    with pytest.raises(Conflict):
        people.remove_receiver(session, receiver_id=receiver.id, now=NOW, by=LIN)


def test_a_volunteer_is_barred_once_and_survives_the_forms_list(session: Session) -> None:
    child, driver = a_child(session), a_volunteer(session)
    ban = {"child_id": child.id, "volunteer_id": driver.id, "name": "王师傅", **BY}

    barred_id = people.bar_volunteer(session, **ban)  # type: ignore[arg-type]  # shorthand
    assert people.bar_volunteer(session, **ban) == barred_id  # type: ignore[arg-type]  # shorthand
    people.bar_people(session, child_id=child.id, names=[], now=NOW)
    people.unbar(session, barred_id=barred_id, now=NOW, by=LIN)

    with pytest.raises(Conflict):
        people.unbar(session, barred_id=barred_id, now=NOW, by=LIN)


def test_needs_are_set_as_a_whole(session: Session) -> None:
    child = a_child(session, needs=("wheelchair",))

    service.change_needs(
        session, child_id=child.id, needs=["only_familiar", "rotate"], version=1, now=NOW, by=LIN
    )

    escort = planned(session)
    assert (escort.wheelchair, escort.only_familiar, escort.rotate) == (False, True, True)
    with pytest.raises(Refused):
        service.change_needs(session, child_id=child.id, needs=["is_admin"], version=2, now=NOW, by=LIN)
