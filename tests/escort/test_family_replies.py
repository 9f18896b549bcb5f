"""A family's short text: a two about the day it was told of cancels; everything else goes to a human."""

from datetime import datetime, time, timedelta

import pytest
from sqlmodel import Session, select

from escort.cases.models import Case, CaseKind
from escort.families import next_term
from escort.families.models import EscortPause, Family
from escort.journeys.cancelled import Afternoon, cancel_morning
from escort.journeys.models import Step, Tap
from escort.rota.models import Leg, LegState, ShiftState
from notifications.addresses import phone_of, set_phone
from notifications.models import InboundOutcome, Urgency
from notifications.outbox import enqueue
from notifications.wording import Wording
from tests.builders import NOW, TERM, TODAY, ZONE, EscortedChild, a_child, a_volunteer
from tests.cast import LIN
from tests.escort.journeys.rides import a_leg, a_ride, tap
from tests.escort.rota.weeks import HOUR, MINUTE, TOMORROW, extend, leg_of, links, told
from tests.escort.texts import asked, last_text, party_of, reply, state, unclear

W, C = LegState.WANTED, LegState.CANCELLED


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


def test_a_volunteer_who_is_also_a_mother_answers_the_text_that_came_last(session: Session) -> None:
    child, legs = a_family(session)
    wang, [ride] = asked(session)
    set_phone(session, party=child.guardian_subject, phone=phone_of(session, party_of(wang)) or "", now=NOW)
    tell(session, child, legs[:2], at=NOW + timedelta(seconds=30))

    reply(session, party_of(wang), "2")

    assert leg_states(session, legs) == [C, C, W, W]
    assert state(session, ride) == ShiftState.OPEN


def arrived_question(session: Session) -> tuple[EscortedChild, Leg]:
    """Her family was asked whether she is at home."""
    child = a_child(session)
    ride = a_ride(session, child, driver=a_volunteer(session), direction="home", on=NOW.date())
    tell(session, child, ride.legs, template="family.arrived_ask")
    return child, ride.legs[0]


@pytest.mark.parametrize("text", ["1", "到家了", "１。", "已经到家了"])
def test_a_family_says_by_text_that_its_child_is_at_home(session: Session, text: str) -> None:
    child, leg = arrived_question(session)

    assert reply(session, child.guardian_subject, text) is InboundOutcome.APPLIED

    [said] = session.exec(select(Tap).where(Tap.leg_id == leg.id)).all()
    assert (said.step, said.by) == (Step.HANDED_OVER, child.guardian_subject)
    assert last_text(session, child.guardian_subject) == "【杜鹃鸟】记下了：杨同学已送达。谢谢您说一声。"


@pytest.mark.parametrize("text", ["2", "没到", "还没到家"])
def test_a_family_says_by_text_that_its_child_is_not_there(session: Session, text: str) -> None:
    child, leg = arrived_question(session)

    assert reply(session, child.guardian_subject, text) is InboundOutcome.APPLIED

    [case] = session.exec(select(Case)).all()
    assert (case.kind, case.about, case.is_urgent) == (CaseKind.NOT_HOME, f"leg:{leg.id}", True)
    assert "还没到家" in last_text(session, child.guardian_subject)
    session.refresh(leg)
    assert leg.state == W  # that 2 cancels nothing


@pytest.mark.parametrize("text", ["收到", "好的", "谢谢"])
def test_a_polite_word_does_not_say_that_the_child_is_at_home(session: Session, text: str) -> None:
    child, leg = arrived_question(session)

    assert reply(session, child.guardian_subject, text) is InboundOutcome.NOTED

    assert session.exec(select(Tap).where(Tap.leg_id == leg.id)).all() == []


def test_to_any_other_text_at_home_is_a_word_for_a_human(session: Session) -> None:
    child, legs = a_family(session)
    tell(session, child, legs[:2])

    assert reply(session, child.guardian_subject, "到家了") is InboundOutcome.FORWARDED


@pytest.mark.parametrize(
    ("text", "days_off"),
    [("病了到周四", 2), ("请假到4月8日", 2), ("去外婆家到周三", 1)],  # NOW is Tuesday evening
)
def test_sick_or_away_until_a_day_pauses_the_one_child(session: Session, text: str, days_off: int) -> None:
    child = a_child(session)
    extend(session)
    reply(session, child.guardian_subject, text)

    pause = session.exec(select(EscortPause)).one()
    assert (pause.from_on, pause.until_on) == (TODAY, TODAY + timedelta(days=days_off))
    assert told(session, child.guardian_subject) == ["family.paused"]


def test_with_two_children_a_human_looks(session: Session) -> None:
    child = a_child(session)
    a_child(session, "小禾", family=session.get_one(Family, child.child.family_id))
    reply(session, child.guardian_subject, "病了到周四")

    assert session.exec(select(EscortPause)).all() == []
    assert len(unclear(session)) == 1


@pytest.mark.parametrize(("text", "answer"), [("1", "yes"), ("2", "no")])
def test_next_term_is_answered_by_a_digit(session: Session, text: str, answer: str) -> None:
    child = a_child(session, until_on=TERM[1])
    asked_at = datetime.combine(TERM[1] - timedelta(days=10), time(18), ZONE)
    next_term.ask_next_term(session, now=asked_at, zone=ZONE, links=links, duty_phone="199 0000 0001")
    reply(session, child.guardian_subject, text, now=asked_at + MINUTE)

    assert [line.answer for line in next_term.asked_families(session, now=asked_at)] == [answer]


def test_of_two_children_asked_about_a_human_asks_which(session: Session) -> None:
    child = a_child(session, until_on=TERM[1])
    a_child(session, "小禾", family=session.get_one(Family, child.child.family_id), until_on=TERM[1])
    asked_at = datetime.combine(TERM[1] - timedelta(days=10), time(18), ZONE)
    next_term.ask_next_term(session, now=asked_at, zone=ZONE, links=links, duty_phone="199 0000 0001")

    reply(session, child.guardian_subject, "1", now=asked_at + MINUTE)

    assert {line.answer for line in next_term.asked_families(session, now=asked_at)} == {"open"}
    assert len(unclear(session)) == 1


def test_a_neighbour_s_phone_that_speaks_for_two_families_pauses_nobody(session: Session) -> None:
    child = a_child(session)
    a_child(session, "小禾", phone=phone_of(session, child.guardian_subject) or "")

    reply(session, child.guardian_subject, "病了到周四")

    assert session.exec(select(EscortPause)).all() == []
    assert len(unclear(session)) == 1


def test_a_weekday_is_counted_from_the_day_it_was_written(session: Session) -> None:
    child = a_child(session)
    extend(session)

    reply(session, child.guardian_subject, "病了到周二", sent_at=NOW, now=NOW + timedelta(hours=9))

    assert session.exec(select(EscortPause)).all() == []  # Tuesday is over: did they mean the next one?
    assert len(unclear(session)) == 1


@pytest.mark.parametrize(
    ("text", "state", "kept"),
    [("1", W, True), ("2", C, False), ("不用接", C, False), ("好的", W, False)],
)
def test_the_afternoon_is_wanted_by_a_one_and_off_by_a_two(
    session: Session, text: str, state: LegState, kept: bool
) -> None:
    child = a_child(session)
    extend(session)
    morning, home = leg_of(session, child), leg_of(session, child, direction="home")
    cancel_morning(
        session,
        leg_id=morning.id or 0,
        afternoon=Afternoon.NOT_SAID,
        by=LIN,
        reason="外婆打电话",
        duty_phone="199 0000 0001",
        links=links,
        now=NOW,
        zone=ZONE,
    )

    reply(session, child.guardian_subject, text, now=NOW + MINUTE)

    session.refresh(home)
    assert (home.state, home.kept_by) == (state, child.guardian_subject if kept else None)
    assert unclear(session) == []
