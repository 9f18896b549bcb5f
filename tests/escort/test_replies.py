"""What was understood is done and repeated; the rest goes to a human, never guessed."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from escort import replies
from escort.cases.models import Case, CaseKind
from escort.families.models import Family
from escort.roster.models import Volunteer
from escort.rota import asks, standins
from escort.rota.models import AskState, Leg, LegState, Shift, ShiftState
from notifications.addresses import live_addresses, phone_of, set_phone
from notifications.inbound import record_inbound
from notifications.models import Inbound, InboundOutcome, Message, MessageState, Urgency
from notifications.outbox import enqueue
from notifications.wording import Wording
from tests.builders import NOW, ZONE, EscortedChild, a_child, a_volunteer
from tests.escort.journeys.rides import Ride, a_leg, a_ride, a_shift, tap
from tests.escort.rota.weeks import HOUR, MINUTE, TOMORROW, asks_to, letters_to, links, offers_to, told

DUTY = "19900000001"


def reply(
    session: Session,
    party: str,
    text: str,
    *,
    now: datetime = NOW + MINUTE,
    number: str | None = None,
    sent_at: datetime | None = None,
) -> InboundOutcome:
    """A text comes from this party's phone, and is read."""
    for message in session.exec(select(Message).where(Message.state == MessageState.QUEUED)):
        message.state, message.next_attempt_at = MessageState.ACCEPTED, None
        message.accepted_at = message.created_at
    session.flush()
    row = record_inbound(
        session,
        provider="test",
        provider_message_id=f"{party}:{text}:{now}",
        sender=number or phone_of(session, party) or "",
        text=text,
        raw="{}",
        now=now,
        sent_at=sent_at,
    )
    assert row is not None
    replies.handle(session, inbound_id=row.id or 0, desk=replies.Desk(now, ZONE, DUTY, links))
    row = session.exec(
        select(Inbound).where(Inbound.id == row.id).execution_options(populate_existing=True)
    ).one()
    assert row.handled_at == now
    return InboundOutcome(row.outcome or "")


def asked(session: Session, *rides: tuple[int, str], name: str = "王师傅") -> tuple[Volunteer, list[Ride]]:
    """A volunteer with one open ask: rides as (days from tomorrow, direction); tomorrow's morning by default."""
    wang = a_volunteer(session, name)
    made = [
        a_ride(
            session,
            a_child(session),
            driver=wang,
            on=TOMORROW + timedelta(days=days),
            direction=direction,
            shift_state=ShiftState.OPEN,
        )
        for days, direction in rides or ((0, "to_school"),)
    ]
    asks.send_asks(session, now=NOW, zone=ZONE, links=links)
    return wang, made


def party_of(volunteer: Volunteer) -> str:
    return f"volunteer:{volunteer.id}"


def state(session: Session, ride: Ride) -> str:
    assert ride.shift is not None
    session.refresh(ride.shift)
    return ride.shift.state


def unclear(session: Session) -> list[Case]:
    return list(session.exec(select(Case).where(Case.kind == CaseKind.REPLY_UNCLEAR)))


def last_text(session: Session, party: str) -> str:
    return letters_to(session, party)[-1].text


# ---- volunteers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["1", "１", "1。", "好", "可以"])
def test_a_yes_confirms_and_repeats_what_was_understood(session: Session, text: str) -> None:
    wang, [ride] = asked(session)

    assert reply(session, party_of(wang), text) is InboundOutcome.APPLIED

    assert state(session, ride) == ShiftState.CONFIRMED
    assert last_text(session, party_of(wang)).startswith("【杜鹃鸟】记下了，您能去：明天07:45上学")
    assert letters_to(session, party_of(wang))[0].acknowledged_at == NOW + MINUTE


@pytest.mark.parametrize("text", ["2", "２", "不行", "去不了"])
def test_a_no_declines_and_repeats_it(session: Session, text: str) -> None:
    wang, [ride] = asked(session)

    reply(session, party_of(wang), text)

    assert state(session, ride) == ShiftState.DECLINED
    assert "您去不了：明天07:45上学" in last_text(session, party_of(wang))


def test_two_with_a_weekday_is_yes_to_the_others(session: Session) -> None:
    wang, [wednesday, thursday] = asked(session, (0, "to_school"), (1, "to_school"))

    reply(session, party_of(wang), "2 周三")

    assert (state(session, wednesday), state(session, thursday)) == ("declined", "confirmed")
    assert "能去：周四07:45上学；去不了：明天07:45上学" in last_text(session, party_of(wang))


@pytest.mark.parametrize("text", ["收到", "2 周六"])
def test_neither_yes_nor_no_asks_back(session: Session, text: str) -> None:
    wang, [ride] = asked(session)

    reply(session, party_of(wang), text)

    assert state(session, ride) == ShiftState.OPEN
    assert told(session, party_of(wang)) == ["ask.routine_one_day", "reply.ask_back"]
    assert unclear(session) == []


def test_thanks_to_an_open_ask_is_stored_and_opens_nothing(session: Session) -> None:
    wang, [ride] = asked(session)

    assert reply(session, party_of(wang), "谢谢") is InboundOutcome.NOTED

    assert state(session, ride) == ShiftState.OPEN
    assert told(session, party_of(wang)) == ["ask.routine_one_day"]


@pytest.mark.parametrize("text", ["是", "不", "", "👍", "我" * 300, "周三要晚十分钟可以吗"])
def test_what_is_not_understood_goes_to_the_coordinator_and_is_answered(session: Session, text: str) -> None:
    wang, [ride] = asked(session)

    assert reply(session, party_of(wang), text) is InboundOutcome.FORWARDED

    assert state(session, ride) == ShiftState.OPEN
    [case] = unclear(session)
    assert case.sentence == "王师傅回了一句话，系统没看懂，请您看一下"
    assert DUTY in last_text(session, party_of(wang))


def test_handling_a_reply_twice_changes_nothing_more(session: Session) -> None:
    wang, _ = asked(session)
    reply(session, party_of(wang), "1")
    before = told(session, party_of(wang))
    row = session.exec(select(Inbound)).one()

    replies.handle(session, inbound_id=row.id or 0, desk=replies.Desk(NOW, ZONE, DUTY, links))

    assert told(session, party_of(wang)) == before
    assert unclear(session) == []


def test_with_two_open_asks_a_bare_one_is_not_guessed(session: Session) -> None:
    wang, [ride] = asked(session)
    other = a_ride(session, a_child(session), direction="home")
    standins.ask_people(
        session, run_id=other.run_id, volunteer_ids=[wang.id or 0], now=NOW, zone=ZONE, links=links
    )

    reply(session, party_of(wang), "1")

    assert state(session, ride) == ShiftState.OPEN
    assert told(session, party_of(wang))[-1] == "reply.which"


def test_two_people_on_one_phone_answer_for_the_one_who_was_asked(session: Session) -> None:
    wang, [ride] = asked(session)
    wife = a_volunteer(session, "王师母", phone=phone_of(session, party_of(wang)))

    reply(session, party_of(wife), "1")

    assert state(session, ride) == ShiftState.CONFIRMED
    assert told(session, party_of(wife)) == []


def test_two_people_on_one_phone_who_were_both_asked_are_asked_which(session: Session) -> None:
    wang = a_volunteer(session)
    wife = a_volunteer(session, "王师母", phone=phone_of(session, party_of(wang)))
    rides = [
        a_ride(session, a_child(session), driver=who, shift_state=ShiftState.OPEN) for who in (wang, wife)
    ]
    asks.send_asks(session, now=NOW, zone=ZONE, links=links)

    reply(session, party_of(wang), "1")

    assert [state(session, ride) for ride in rides] == [ShiftState.OPEN] * 2
    assert told(session, party_of(wang))[-1] == told(session, party_of(wife))[-1] == "reply.which"
    assert f"https://dujuan.test/{party_of(wife)}" in last_text(session, party_of(wife))


def test_an_unknown_number_is_put_before_a_human(session: Session) -> None:
    assert reply(session, "", "1", number="19900009999") is InboundOutcome.FORWARDED

    assert unclear(session)[0].sentence.startswith("陌生号码")
    assert reply(session, "", "谢谢", number="19900009998") is InboundOutcome.NOTED


def test_who_says_that_he_is_a_stranger_gets_nothing_more(session: Session) -> None:
    wang, _ = asked(session)

    reply(session, party_of(wang), "打错了")

    [case] = unclear(session)
    assert case.is_urgent
    assert live_addresses(session, [party_of(wang)]) == {}


def lapse(session: Session, wang: Volunteer) -> datetime:
    deadline = asks_to(session, wang)[-1].deadline_at
    asks.lapse_asks(session, now=deadline)
    return deadline


def test_a_late_yes_counts_while_nobody_else_drives(session: Session) -> None:
    wang, [ride] = asked(session)
    late = lapse(session, wang) + HOUR

    reply(session, party_of(wang), "1", now=late)

    shifts = session.exec(select(Shift).where(Shift.run_id == ride.run_id).order_by(col(Shift.id))).all()
    assert [shift.state for shift in shifts] == [ShiftState.LAPSED, ShiftState.CONFIRMED]
    assert told(session, party_of(wang))[-1] == "ask.yes"


def test_a_late_yes_is_told_the_truth_if_somebody_else_drives(session: Session) -> None:
    wang, [ride] = asked(session)
    late = lapse(session, wang) + HOUR
    a_shift(session, ride.run, a_volunteer(session, "陈姐"), confirmed_at=late)
    session.flush()

    reply(session, party_of(wang), "1", now=late)

    assert told(session, party_of(wang))[-1] == "offer.late"


def test_a_late_no_is_a_no(session: Session) -> None:
    wang, _ = asked(session)
    late = lapse(session, wang) + HOUR

    reply(session, party_of(wang), "2", now=late)

    assert offers_to(session, wang)[0].state == "declined"
    assert told(session, party_of(wang))[-1] == "ask.no"


def test_a_late_yes_to_a_run_that_is_over_is_thanked(session: Session) -> None:
    wang, [ride] = asked(session)
    lapse(session, wang)

    reply(session, party_of(wang), "1", now=ride.run.ends_at + MINUTE)

    assert told(session, party_of(wang))[-1] == "reply.late_thanks"


def test_a_one_right_after_a_two_takes_the_no_back(session: Session) -> None:
    wang, [ride] = asked(session)
    reply(session, party_of(wang), "2")

    reply(session, party_of(wang), "1", now=NOW + 2 * MINUTE)

    live = session.exec(select(Shift).where(Shift.run_id == ride.run_id, Shift.state == "confirmed")).all()
    assert [shift.volunteer_id for shift in live] == [wang.id]
    assert told(session, party_of(wang))[-2:] == ["ask.no", "ask.yes"]


def test_a_two_after_the_yes_needs_a_human_at_once(session: Session) -> None:
    wang, [ride] = asked(session)
    reply(session, party_of(wang), "1")

    assert reply(session, party_of(wang), "2", now=NOW + 2 * MINUTE) is InboundOutcome.FORWARDED

    assert state(session, ride) == ShiftState.CONFIRMED  # never freed by guessing
    assert unclear(session)[0].is_urgent  # he drives tomorrow morning


def remind(session: Session, wang: Volunteer, at: datetime) -> None:
    enqueue(
        session,
        to=party_of(wang),
        wording=Wording("driver.evening", {}, "明天请您接送"),
        about="shift:1",
        dedup_key=f"evening:{at}",
        now=at,
    )


def test_an_ok_to_a_reminder_is_no_answer_to_an_old_ask(session: Session) -> None:
    wang, [ride] = asked(session)
    late = lapse(session, wang) + HOUR
    remind(session, wang, late)

    assert reply(session, party_of(wang), "好的", now=late + MINUTE) is InboundOutcome.NOTED

    assert state(session, ride) == ShiftState.LAPSED
    assert letters_to(session, party_of(wang))[-1].acknowledged_at == late + MINUTE


def test_a_no_to_a_reminder_is_urgent(session: Session) -> None:
    wang = a_volunteer(session)
    ride = a_ride(session, a_child(session), driver=wang)
    remind(session, wang, NOW)

    reply(session, party_of(wang), "不行")

    assert unclear(session)[0].is_urgent
    assert state(session, ride) == ShiftState.CONFIRMED


def test_a_yes_out_of_the_blue_opens_no_old_ask(session: Session) -> None:
    wang, _ = asked(session)
    late = lapse(session, wang) + timedelta(days=8)

    assert reply(session, party_of(wang), "1", now=late) is InboundOutcome.NOTED
    assert asks_to(session, wang)[0].state == AskState.LAPSED


def test_a_reply_that_breaks_is_set_aside_for_a_human(session: Session) -> None:
    row = record_inbound(
        session, provider="t", provider_message_id="1", sender="19900000007", text="1", raw="{}", now=NOW
    )
    assert row is not None

    replies.set_aside(session, inbound_id=row.id or 0, now=NOW)

    assert unclear(session)[0].is_urgent


# ---- families -------------------------------------------------------------------------------------


def a_family(session: Session, name: str = "小雨", **child: object) -> tuple[EscortedChild, list[Leg]]:
    """A child with both ways tomorrow and the day after."""
    made = a_child(session, name, **child)  # type: ignore[arg-type]
    legs = [
        a_leg(session, made, on=on, direction=direction)
        for on in (TOMORROW, TOMORROW + timedelta(days=1))
        for direction in ("to_school", "home")
    ]
    return made, legs


def tell(
    session: Session,
    child: EscortedChild,
    legs: list[Leg],
    *,
    template: str = "family.tomorrow",
    to: str | None = None,
    at: datetime = NOW,
) -> None:
    """The evening's text about these legs."""
    ids = ",".join(str(leg.id) for leg in legs)
    enqueue(
        session,
        to=to or child.guardian_subject,
        wording=Wording(template, {}, "明天"),
        about=f"leg:{ids}" if len(legs) == 1 else f"legs:{ids}",
        dedup_key=f"family:{template}:{ids}:{at}",
        now=at,
        urgency=Urgency.ROUTINE,
    )


def leg_states(session: Session, legs: list[Leg]) -> list[str]:
    for leg in legs:
        session.refresh(leg)
    return [leg.state for leg in legs]


W, C = LegState.WANTED, LegState.CANCELLED


@pytest.mark.parametrize("text", ["2", "２", "不用接", "不用接了。"])
def test_a_family_s_two_cancels_both_ways_of_the_day_it_was_told_about(session: Session, text: str) -> None:
    child, legs = a_family(session)
    tell(session, child, legs[:2])

    assert reply(session, child.guardian_subject, text) is InboundOutcome.APPLIED

    assert leg_states(session, legs) == [C, C, W, W]
    assert legs[0].cancelled_by == child.guardian_subject
    assert "杨同学明天早上7点45、下午4点放学不用接" in last_text(session, child.guardian_subject)


def test_the_same_two_again_is_answered_and_cancels_no_further_day(session: Session) -> None:
    child, legs = a_family(session)
    tell(session, child, legs[:2])
    reply(session, child.guardian_subject, "2")

    reply(session, child.guardian_subject, "2", now=NOW + 2 * MINUTE)

    assert leg_states(session, legs) == [C, C, W, W]
    assert told(session, child.guardian_subject)[-2:] == ["family.cancelled", "family.cancelled"]
    assert unclear(session) == []


def test_a_two_about_the_way_home_leaves_what_is_over(session: Session) -> None:
    child, legs = a_family(session)
    tell(session, child, legs[:2])

    reply(session, child.guardian_subject, "2", now=legs[0].pickup_at + HOUR)

    assert leg_states(session, legs) == [W, C, W, W]


def test_a_two_when_everything_is_under_way_goes_to_a_human(session: Session) -> None:
    child, legs = a_family(session)
    tell(session, child, legs[:2])

    reply(session, child.guardian_subject, "2", now=legs[1].pickup_at + MINUTE)

    assert leg_states(session, legs) == [W, W, W, W]
    assert unclear(session)[0].is_urgent


def test_a_two_after_the_child_was_taken_aboard_goes_to_a_human(session: Session) -> None:
    child = a_child(session)
    ride = a_ride(session, child, driver=a_volunteer(session))
    tell(session, child, ride.legs)
    early = ride.starts_at - 5 * MINUTE
    tap(session, ride, "on_board", at=early)

    reply(session, child.guardian_subject, "2", now=early + MINUTE)

    assert leg_states(session, ride.legs) == [W]
    assert unclear(session)[0].is_urgent


def test_only_the_child_that_the_text_was_about_stays_at_home(session: Session) -> None:
    child, legs = a_family(session)
    brother = a_child(session, "小明", family=session.get_one(Family, child.child.family_id))
    theirs = [a_leg(session, brother, on=TOMORROW + timedelta(days=1))]
    tell(session, child, legs[:2])

    reply(session, child.guardian_subject, "2")

    assert leg_states(session, [*legs, *theirs]) == [C, C, W, W, W]


def test_texts_about_two_children_side_by_side_are_a_question_for_a_human(session: Session) -> None:
    child, legs = a_family(session)
    brother = a_child(session, "小明", family=session.get_one(Family, child.child.family_id))
    theirs = [a_leg(session, brother)]
    tell(session, child, legs[:2])
    tell(session, brother, theirs, to=child.guardian_subject)

    assert reply(session, child.guardian_subject, "2") is InboundOutcome.FORWARDED

    assert leg_states(session, [*legs, *theirs]) == [W] * 5
    assert unclear(session)[0].is_urgent


def test_once_one_of_two_children_is_answered_for_the_next_two_is_the_other_s(session: Session) -> None:
    child, legs = a_family(session)
    brother = a_child(session, "小明", family=session.get_one(Family, child.child.family_id))
    theirs = [a_leg(session, brother)]
    tell(session, child, legs[:2])
    reply(session, child.guardian_subject, "2")
    tell(session, brother, theirs, to=child.guardian_subject, at=NOW + 2 * MINUTE)

    reply(session, child.guardian_subject, "2", now=NOW + 3 * MINUTE)

    assert leg_states(session, theirs) == [C]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("family.changed", "2"),  # the text did not ask for a 2
        ("family.tomorrow", "不行"),  # what is not possible?
        ("family.tomorrow", "明天晚点来"),
    ],
)
def test_what_a_family_may_mean_otherwise_goes_to_a_human_at_once(
    session: Session, template: str, text: str
) -> None:
    child, legs = a_family(session)
    tell(session, child, legs[:2], template=template)

    assert reply(session, child.guardian_subject, text) is InboundOutcome.FORWARDED

    assert leg_states(session, legs) == [W, W, W, W]
    [case] = unclear(session)
    assert case.is_urgent
    assert case.sentence.startswith("小雨的外婆")
    assert told(session, child.guardian_subject)[-1] == "reply.passed_on"


def test_a_two_without_any_text_before_it_cancels_nothing(session: Session) -> None:
    child, legs = a_family(session)

    reply(session, child.guardian_subject, "2")

    assert leg_states(session, legs) == [W, W, W, W]
    assert len(unclear(session)) == 1


@pytest.mark.parametrize("text", ["好", "收到", "谢谢", "1"])
def test_a_family_s_thanks_are_stored_and_change_nothing(session: Session, text: str) -> None:
    child, legs = a_family(session)
    tell(session, child, legs[:2])

    assert reply(session, child.guardian_subject, text) is InboundOutcome.NOTED
    assert leg_states(session, legs) == [W, W, W, W]


def test_a_cancellation_by_text_tells_the_driver(session: Session) -> None:
    wang = a_volunteer(session)
    child = a_child(session)
    ride = a_ride(session, child, driver=wang)
    tell(session, child, ride.legs)

    reply(session, child.guardian_subject, "2")

    assert state(session, ride) == ShiftState.FREED
    assert told(session, party_of(wang)) == ["driver.family_cancelled"]


def test_a_two_written_before_the_newer_text_came_answers_no_text_that_it_had_not_seen(
    session: Session,
) -> None:
    child, legs_of = a_family(session)
    tell(session, child, legs_of, at=NOW + 2 * MINUTE)

    outcome = reply(session, child.guardian_subject, "2", now=NOW + 3 * MINUTE, sent_at=NOW + MINUTE)

    assert outcome is InboundOutcome.FORWARDED
    assert set(leg_states(session, legs_of)) == {"wanted"}
    assert len(unclear(session)) == 1


def test_a_yes_that_crossed_an_ask_on_its_way_goes_to_a_human(session: Session) -> None:
    wang, [ride] = asked(session)
    for message in letters_to(session, party_of(wang)):
        message.state, message.next_attempt_at = MessageState.ACCEPTED, None
        message.accepted_at = NOW + 2 * MINUTE
    session.flush()

    crossed = reply(session, party_of(wang), "1", now=NOW + 3 * MINUTE, sent_at=NOW + MINUTE)
    assert (crossed, state(session, ride)) == (InboundOutcome.FORWARDED, ShiftState.OPEN)
    after = reply(session, party_of(wang), "1", now=NOW + 9 * MINUTE, sent_at=NOW + 4 * MINUTE)

    assert (after, state(session, ride)) == (InboundOutcome.APPLIED, ShiftState.CONFIRMED)


def test_a_volunteer_who_is_also_a_mother_answers_the_text_that_came_last(session: Session) -> None:
    child, legs = a_family(session)
    wang, [ride] = asked(session)
    set_phone(session, party=child.guardian_subject, phone=phone_of(session, party_of(wang)) or "", now=NOW)
    tell(session, child, legs[:2], at=NOW + timedelta(seconds=30))

    reply(session, party_of(wang), "2")

    assert leg_states(session, legs) == [C, C, W, W]
    assert state(session, ride) == ShiftState.OPEN
