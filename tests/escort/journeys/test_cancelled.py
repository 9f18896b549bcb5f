"""A cancellation given to the office by phone: driver and family hear of it, once."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from escort.errors import Conflict
from escort.journeys.cancelled import cancel_for_family
from escort.rota.models import Direction, Leg, LegState
from notifications.models import Message, MessageState, Urgency
from notifications.outbox import enqueue
from notifications.wording import Wording
from tests.builders import NOW, TODAY, ZONE
from tests.cast import LIN, the_cast
from tests.escort.web.coordinator.days import a_leg, a_run, a_shift, at

TOMORROW = TODAY + timedelta(days=1)
DUTY = "199 0000 0001"


def cancel(session: Session, leg: Leg, **at_: object) -> Leg:
    given = {"by": LIN, "reason": "外婆来电话", "duty_phone": DUTY, "now": NOW, "zone": ZONE} | at_
    return cancel_for_family(session, leg_id=leg.id or 0, **given)  # type: ignore[arg-type]  # a test's defaults


def messages_to(session: Session, party: str) -> list[Message]:
    return list(session.exec(select(Message).where(Message.party == party).order_by(Message.id)))  # type: ignore[arg-type]


def test_the_family_hears_that_nobody_comes(session: Session) -> None:
    cast = the_cast(session)
    leg = a_leg(session, cast.xiaoyu, on=TOMORROW, direction=Direction.HOME)
    shift = a_shift(session, a_run(session, leg), cast.wang.id)
    assert shift.id

    done = cancel(session, leg)

    assert done.state == LegState.CANCELLED
    (told,) = messages_to(session, cast.xiaoyu.guardian_subject)
    assert (told.template, told.state) == ("family.office_cancelled", MessageState.QUEUED)
    assert "明天下午4点放学不用接" in told.text
    assert DUTY in told.text
    assert messages_to(session, f"volunteer:{cast.wang.id}"), "and so does the driver"


def test_what_would_have_said_who_comes_is_not_sent_any_more(session: Session) -> None:
    cast = the_cast(session)
    leg = a_leg(session, cast.xiaoyu, on=TOMORROW)
    who_comes = enqueue(
        session,
        to=cast.xiaoyu.guardian_subject,
        wording=Wording("family.found", {}, "找到人了。"),
        about=f"leg:{leg.id}",
        dedup_key="who comes",
        now=NOW,
    )
    assert who_comes is not None

    cancel(session, leg)

    session.refresh(who_comes)
    assert who_comes.state == MessageState.WITHDRAWN


def test_shortly_before_the_pick_up_it_waits_for_no_quiet_hours(session: Session) -> None:
    cast = the_cast(session)
    leg = a_leg(session, cast.xiaoyu, on=TOMORROW)

    cancel(session, leg, now=at(TOMORROW, "06:00"))

    (told,) = messages_to(session, cast.xiaoyu.guardian_subject)
    assert told.urgency == Urgency.URGENT
    assert told.not_before == at(TOMORROW, "06:00")


def test_far_ahead_nobody_is_woken(session: Session) -> None:
    cast = the_cast(session)
    leg = a_leg(session, cast.xiaoyu, on=TOMORROW + timedelta(days=2))

    cancel(session, leg, now=at(TOMORROW, "23:00"))

    (told,) = messages_to(session, cast.xiaoyu.guardian_subject)
    assert told.urgency == Urgency.ROUTINE
    assert told.not_before == at(TOMORROW + timedelta(days=1), "06:30")


def test_twice_is_told_once(session: Session) -> None:
    cast = the_cast(session)
    leg = a_leg(session, cast.xiaoyu, on=TOMORROW)
    cancel(session, leg)

    with pytest.raises(Conflict):
        cancel(session, leg)

    assert len(messages_to(session, cast.xiaoyu.guardian_subject)) == 1
