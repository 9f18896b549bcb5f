"""停用 ends at once everything that a volunteer may do."""

from datetime import date

import pytest
from sqlmodel import Session, select

from escort.access.links import issue_link, resolve
from escort.access.models import Purpose
from escort.cases.models import Case
from escort.errors import Conflict, NotFound
from escort.journeys.suspension import Suspended, suspend_volunteer
from escort.rota.models import Ask, AskKind, AskState, Offer, OfferState, Shift, ShiftState
from notifications.models import Message
from tests.builders import NOW, ZONE
from tests.cast import LIN, Cast, the_cast
from tests.escort.journeys.rides import MINUTE, TOMORROW, a_ride, local, tap

DUTY = "199 0000 0001"


def suspend(session: Session, cast: Cast, now=NOW) -> Suspended:  # type: ignore[no-untyped-def]
    return suspend_volunteer(
        session,
        volunteer_id=cast.wang.id or 0,
        by=LIN,
        reason="审核过期",
        now=now,
        zone=ZONE,
        duty_phone=DUTY,
    )


def test_one_click_frees_every_coming_run_and_tells_the_volunteer(session: Session) -> None:
    cast = the_cast(session)
    rides = [
        a_ride(session, cast.xiaoyu, driver=cast.wang),
        a_ride(session, cast.xiaoyu, driver=cast.wang, direction="home"),
    ]

    done = suspend(session, cast)

    assert sorted(done.freed_runs) == sorted(ride.run_id for ride in rides)
    assert done.runs_on_road == ()
    assert {shift.state for shift in session.exec(select(Shift))} == {ShiftState.FREED}
    texts = session.exec(select(Message).where(Message.party == f"volunteer:{cast.wang.id}")).all()
    assert [message.text for message in texts] == [
        f"【杜鹃鸟】您的接送先暂停，已答应的2趟不用去了，原来的链接也停用。有疑问请打{DUTY}。"
    ]


def test_links_die_with_it(session: Session) -> None:
    cast = the_cast(session)
    subject = f"volunteer:{cast.wang.id}"
    token = issue_link(session, subject=subject, purpose=Purpose.VOLUNTEER, now=NOW)

    suspend(session, cast)

    with pytest.raises(NotFound):
        resolve(session, token=token, purpose=Purpose.VOLUNTEER, now=NOW)


def test_a_run_with_a_child_in_the_car_is_followed_by_a_human(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu, driver=cast.wang)
    later = a_ride(session, cast.xiaoyu, driver=cast.wang, direction="home")
    at = local(TOMORROW, 7, 50)
    tap(session, ride, "on_board", at=at)

    done = suspend(session, cast, now=at + MINUTE)

    assert (done.freed_runs, done.runs_on_road) == ((later.run_id,), (ride.run_id,))
    [case] = session.exec(select(Case)).all()
    assert (case.kind, case.about, case.is_urgent) == ("suspended_on_road", f"shift:{ride.shift_id}", True)
    assert case.sentence == "姓王的司机已停用，但正带着小雨在路上，请打电话跟到送达"


def test_what_he_was_asked_is_no_longer_open(session: Session) -> None:
    cast = the_cast(session)
    ride = a_ride(session, cast.xiaoyu)
    ask = Ask(
        volunteer_id=cast.wang.id or 0,
        kind=AskKind.STAND_IN,
        week_on=date(2021, 4, 5),
        asked_at=NOW,
        deadline_at=NOW + 30 * MINUTE,
    )
    session.add(ask)
    session.flush()
    offer = Offer(
        ask_id=ask.id or 0,
        volunteer_id=cast.wang.id or 0,
        run_id=ride.run_id,
        on=TOMORROW,
        direction="to_school",
    )
    session.add(offer)
    session.flush()

    suspend(session, cast)

    session.refresh(offer)
    session.refresh(ask)
    assert (offer.state, ask.state) == (OfferState.WITHDRAWN, AskState.WITHDRAWN)


def test_a_second_click_says_that_it_was_done(session: Session) -> None:
    cast = the_cast(session)
    suspend(session, cast)

    with pytest.raises(Conflict):
        suspend(session, cast)
