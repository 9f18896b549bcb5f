"""A changed number: told to the old one, held for a day, stopped by "不是我", and no duty silent meanwhile."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from escort import replies
from escort.access import audit, devices, links, numbers
from escort.access.devices import live_devices
from escort.access.models import Purpose
from escort.access.numbers import Change, change_number
from escort.cases.service import open_cases
from escort.errors import Conflict, Refused
from escort.reply_grammar import Meaning, read_reply
from notifications import holds
from notifications.addresses import live_addresses, phone_of
from notifications.channels.by_hand import open_hand_tasks
from notifications.delivery import deliver_due
from notifications.inbound import record_inbound
from notifications.models import HeldNumber, Message
from notifications.outbox import enqueue
from notifications.testing import RecordingChannel
from notifications.wording import Wording
from tests.builders import NOW, ZONE, a_volunteer
from tests.escort.rota.weeks import links as make_links

OLD, NEW, THIRD = "+8619900001111", "+8619900002222", "+8619900003333"
LIN = "account:1"
DAY = timedelta(hours=24)
DUTY = "199 0000 0001"


@pytest.fixture
def wang(session: Session) -> str:
    return f"volunteer:{a_volunteer(session, '王师傅', phone=OLD).id}"


def change(session: Session, party: str, phone: str = NEW, now=NOW) -> Change:  # type: ignore[no-untyped-def]
    return change_number(session, party=party, phone=phone, by=LIN, now=now)


def sweep(session: Session, now=NOW) -> int:  # type: ignore[no-untyped-def]
    return numbers.sweep_numbers(session, now=now, zone=ZONE, duty_phone=DUTY)


def reply(session: Session, text: str, sender: str = OLD, now=NOW) -> None:  # type: ignore[no-untyped-def]
    row = record_inbound(
        session,
        provider="sms",
        provider_message_id=f"{text}{now}",
        sender=sender,
        text=text,
        raw=text,
        now=now,
    )
    assert row is not None
    replies.handle(session, inbound_id=row.id or 0, desk=replies.Desk(now, ZONE, DUTY, make_links))


def test_the_first_number_of_somebody_is_used_at_once(session: Session) -> None:
    assert change(session, "volunteer:77") is Change.AT_ONCE
    assert phone_of(session, "volunteer:77") == NEW


def test_a_new_number_waits_and_everything_goes_on_to_the_old_one(session: Session, wang: str) -> None:
    assert change(session, wang) is Change.HELD

    assert phone_of(session, wang) == OLD
    assert [one.value for one in live_addresses(session, [wang])[wang]] == [OLD]


def test_the_old_number_is_told_at_once_and_how_to_object(session: Session, wang: str) -> None:
    change(session, wang)

    assert sweep(session) == 1
    assert sweep(session) == 0  # once

    message = session.exec(select(Message)).one()
    assert (message.party, message.urgency) == (wang, "urgent")
    assert "回“不是我”，或打199 0000 0001" in message.text
    assert "明天18:00" in message.text
    assert NEW[-4:] not in message.text


def test_after_a_day_the_new_number_is_used_and_what_the_old_one_held_ends(
    session: Session, wang: str
) -> None:
    token = links.issue_link(session, subject=wang, purpose=Purpose.VOLUNTEER, now=NOW)
    link = links.resolve(session, token=token, purpose=Purpose.VOLUNTEER, now=NOW)
    devices.bind_first(session, link=link, now=NOW)
    change(session, wang)
    sweep(session)

    sweep(session, NOW + DAY - timedelta(seconds=1))
    assert phone_of(session, wang) == OLD
    assert live_devices(session, subject=wang, now=NOW)
    sweep(session, NOW + DAY)

    assert phone_of(session, wang) == NEW
    assert live_devices(session, subject=wang, now=NOW) == []
    assert [line.action for line in audit.trail(session, subject=wang)][:2] == [
        "number.started",
        "access.revoked",
    ]


def test_a_number_is_never_used_before_the_old_one_was_told(session: Session, wang: str) -> None:
    change(session, wang)

    assert holds.due_holds(session, now=NOW + 2 * DAY) == []


def test_the_next_moment_is_known_to_the_clock(session: Session, wang: str) -> None:
    assert holds.next_due_at(session) is None
    change(session, wang)
    assert holds.next_due_at(session) == NOW
    sweep(session)
    assert holds.next_due_at(session) == NOW + DAY


@pytest.mark.parametrize("text", ["不是我", "不是我。", " 不是我 ", "不是我改的"])
def test_the_old_number_stops_it_by_a_word_and_a_human_is_told(
    session: Session, wang: str, text: str
) -> None:
    change(session, wang)
    sweep(session)

    reply(session, text, now=NOW + timedelta(hours=2))
    sweep(session, NOW + 2 * DAY)

    case = open_cases(session)[0]
    assert phone_of(session, wang) == OLD
    assert case.is_urgent
    assert "换号码不是本人的意思" in case.sentence
    assert session.exec(select(HeldNumber.outcome)).one() == "objected"
    assert "号码没有改" in session.exec(select(Message.text).order_by(Message.id.desc())).first()  # type: ignore[union-attr,operator]


def test_not_me_with_nothing_waiting_goes_to_a_human(session: Session, wang: str) -> None:
    reply(session, "不是我")

    assert len(open_cases(session)) == 1
    assert phone_of(session, wang) == OLD


def test_the_word_is_no_yes_and_no_no() -> None:
    assert read_reply("不是我").meaning is Meaning.NOT_ME


def test_of_a_couple_on_one_phone_only_the_one_that_changes_is_stopped(session: Session, wang: str) -> None:
    wife = f"volunteer:{a_volunteer(session, '王嫂', phone=OLD).id}"
    change(session, wang)
    sweep(session)

    reply(session, "不是我")

    assert session.exec(select(HeldNumber.party)).all() == [wang]
    assert phone_of(session, wife) == OLD


def test_the_office_may_ring_and_use_it_earlier_and_who_answered_is_kept(session: Session, wang: str) -> None:
    change(session, wang)
    sweep(session)

    numbers.confirm_number(session, party=wang, spoken_with="王师傅本人", by=LIN, now=NOW)

    held = session.exec(select(HeldNumber)).one()
    assert phone_of(session, wang) == NEW
    assert (held.outcome, held.settled_by, held.settled_at, held.spoken_with) == (
        "confirmed",
        LIN,
        NOW,
        "王师傅本人",
    )
    line = audit.trail(session, subject=wang)[0]
    assert (line.actor, line.action) == (LIN, "number.confirmed")
    assert "王师傅" not in str(line.fields)


def test_confirming_names_who_answered(session: Session, wang: str) -> None:
    change(session, wang)

    with pytest.raises(Refused, match="谁"):
        numbers.confirm_number(session, party=wang, spoken_with="  ", by=LIN, now=NOW)


def test_what_was_settled_is_not_settled_again(session: Session, wang: str) -> None:
    change(session, wang)
    numbers.cancel_number(session, party=wang, by=LIN, now=NOW)

    for again in (
        lambda: numbers.confirm_number(session, party=wang, spoken_with="x", by=LIN, now=NOW),
        lambda: numbers.cancel_number(session, party=wang, by=LIN, now=NOW),
        lambda: numbers.old_number_is_dead(session, party=wang, by=LIN, now=NOW),
    ):
        with pytest.raises(Conflict):
            again()
    assert phone_of(session, wang) == OLD


def test_of_two_who_settle_one_number_the_second_changes_nothing(session: Session, wang: str) -> None:
    change(session, wang)
    held = holds.held_number(session, wang)
    assert held is not None
    assert numbers.object_to_number(session, party=wang, now=NOW)

    moved = holds.settle_hold(
        session, hold_id=held.id or 0, outcome=holds.HoldOutcome.STARTED, by="system", now=NOW
    )

    assert not moved
    assert phone_of(session, wang) == OLD


def test_the_same_number_again_goes_on_waiting(session: Session, wang: str) -> None:
    change(session, wang)

    assert change(session, wang, now=NOW + timedelta(hours=5)) is Change.NONE
    assert [held.starts_at for held in session.exec(select(HeldNumber))] == [NOW + DAY]


def test_another_number_waits_from_its_own_beginning(session: Session, wang: str) -> None:
    change(session, wang)
    sweep(session)

    assert change(session, wang, THIRD, NOW + timedelta(hours=5)) is Change.HELD
    sweep(session, NOW + timedelta(hours=5))
    sweep(session, NOW + DAY)

    assert phone_of(session, wang) == OLD
    sweep(session, NOW + DAY + timedelta(hours=5))
    assert phone_of(session, wang) == THIRD


def test_the_number_that_is_in_use_is_no_change(session: Session, wang: str) -> None:
    assert change(session, wang, OLD) is Change.NONE


def test_what_is_no_number_is_refused(session: Session, wang: str) -> None:
    with pytest.raises(ValueError, match="number"):
        change(session, wang, "12345")


def test_where_the_old_number_is_dead_a_human_tells_it_and_the_new_one_ends_that(
    session: Session, wang: str
) -> None:
    change(session, wang)
    sweep(session)
    numbers.old_number_is_dead(session, party=wang, by=LIN, now=NOW)
    assert live_addresses(session, [wang]) == {}

    sweep(session, NOW + DAY)

    assert [one.value for one in live_addresses(session, [wang])[wang]] == [NEW]


def test_a_duty_is_told_by_hand_while_the_old_number_is_dead(store) -> None:  # type: ignore[no-untyped-def]
    from notifications.channels.by_hand import ByHand

    with store.write() as session:
        wang = f"volunteer:{a_volunteer(session, '王师傅', phone=OLD).id}"
        change(session, wang)
        numbers.old_number_is_dead(session, party=wang, by=LIN, now=NOW)
        enqueue(
            session,
            to=wang,
            wording=Wording("driver.morning", {}, "今天上学"),
            about="",
            dedup_key="duty",
            now=NOW,
        )
    sms = RecordingChannel(needs_address=True)

    deliver_due(
        store.write,
        channels={"sms": sms, "by_hand": ByHand()},
        still_wanted=lambda _session, _message: None,
        clock=lambda: NOW,
        real_clock=lambda: NOW,
        owner="node",
    )

    with store.read() as session:
        assert [item.message.text for item in open_hand_tasks(session)] == ["今天上学"]
    assert sms.sent == []


def test_the_number_that_waits_is_sealed(session: Session, wang: str) -> None:
    change(session, wang)

    raw = session.connection().exec_driver_sql("SELECT value FROM held_number").scalar_one()
    assert NEW not in raw
