"""每周固定来: explicit, dated, revocable, and for what is as usual; all else is asked afresh."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest
from sqlmodel import Session, col, select, update

from escort.db import Store
from escort.errors import NotFound, Refused
from escort.roster.models import Volunteer
from escort.rota import answers, asks, standing
from escort.rota.availability import block_out
from escort.rota.models import (
    Ask,
    AskState,
    CircleMember,
    CircleState,
    Leg,
    LegState,
    Offer,
    OfferState,
    Refusal,
    Run,
    Shift,
    ShiftState,
    StandingYes,
)
from escort.schools.models import CalendarEntry, CalendarKind, CalendarSource
from tests.builders import NOW, ZONE, EscortedChild, a_child, a_volunteer
from tests.escort.journeys.rides import Ride, a_leg, a_ride
from tests.escort.rota.test_races import at_once
from tests.escort.rota.weeks import (
    HOUR,
    MINUTE,
    asks_to,
    at,
    letters_to,
    links,
    offers_to,
    say_no,
    say_yes,
)
from tests.escort.texts import reply

LAST_WEDNESDAY, TUESDAY, WEDNESDAY = date(2021, 3, 31), date(2021, 4, 13), date(2021, 4, 14)
THURSDAY_SIX = at(date(2021, 4, 8), 18)  # the week of the 14th is asked about


@dataclass
class Usual:
    """小雨 rides every day; 王师傅 knows her, drove her last Wednesday, and is planned for the next."""

    session: Session
    child: EscortedChild
    wang: Volunteer
    ride: Ride

    @property
    def shift(self) -> Shift:
        assert self.ride.shift is not None
        self.session.refresh(self.ride.shift)
        return self.ride.shift

    def send(self, now: datetime = THURSDAY_SIX) -> int:
        return asks.send_asks(self.session, now=now, zone=ZONE, links=links)

    def give(self, now: datetime = NOW, by: str = "") -> StandingYes:
        [choice] = standing.choices_for(
            self.session, volunteer_id=self.wang.id or 0, held=(), now=now, zone=ZONE
        )
        return standing.give_standing(
            self.session,
            volunteer_id=self.wang.id or 0,
            chosen=choice.key,
            by=by or f"volunteer:{self.wang.id}",
            how="phone" if by else "page",
            now=now,
            zone=ZONE,
        )

    def end(self, row: StandingYes, *kept: int, now: datetime = THURSDAY_SIX + HOUR) -> list[int]:
        return answers.end_standing(
            self.session,
            volunteer_id=self.wang.id or 0,
            standing_id=row.id or 0,
            kept=kept,
            by=f"volunteer:{self.wang.id}",
            how="page",
            now=now,
        )


def known_to(session: Session, child: EscortedChild, who: Volunteer, state: str = CircleState.KNOWN) -> None:
    session.add(
        CircleMember(child_id=child.id, volunteer_id=who.id or 0, state=state, proposed_at=NOW, known_at=NOW)
    )
    session.flush()


def a_usual_week(session: Session) -> Usual:
    child, wang = a_child(session), a_volunteer(session)
    known_to(session, child, wang)
    a_ride(session, child, driver=wang, on=LAST_WEDNESDAY, shift_state=ShiftState.SERVED)
    a_leg(session, child, on=TUESDAY)
    ride = a_ride(session, child, driver=wang, on=WEDNESDAY, shift_state=ShiftState.OPEN)
    return Usual(session, child, wang, ride)


@pytest.fixture
def usual(session: Session) -> Usual:
    return a_usual_week(session)


def test_a_turn_that_is_as_usual_is_confirmed_and_told_not_asked(usual: Usual) -> None:
    row = usual.give()

    usual.send()

    assert (usual.shift.state, usual.shift.confirmed_how) == (ShiftState.CONFIRMED, f"standing:{row.id}")
    assert usual.shift.shown_starts_at == usual.ride.starts_at
    [letter] = letters_to(usual.session, f"volunteer:{usual.wang.id}")
    assert letter.template == "ask.as_usual_one_day"
    assert letter.text.startswith("【杜鹃鸟】您好，下周固定的1趟照常：周三07:45上学")
    assert [offer.state for offer in offers_to(usual.session, usual.wang)] == [OfferState.STANDING]


def test_without_a_standing_yes_it_is_asked(usual: Usual) -> None:
    usual.send()

    assert usual.shift.state == ShiftState.OPEN
    assert [letter.template for letter in letters_to(usual.session, f"volunteer:{usual.wang.id}")] == [
        "ask.routine_one_day"
    ]


def test_one_message_asks_for_the_new_turn_and_tells_the_usual_one(usual: Usual) -> None:
    usual.give()
    friday = a_ride(
        usual.session,
        a_child(usual.session, "小禾"),
        driver=usual.wang,
        on=date(2021, 4, 16),
        shift_state=ShiftState.OPEN,
    )

    usual.send()

    [letter] = letters_to(usual.session, f"volunteer:{usual.wang.id}")
    assert "问您1趟：周五07:45上学" in letter.text
    assert "固定的照常：周三07:45上学" in letter.text
    assert "回2是全都不行，固定的也算" in letter.text
    say_no(usual.session, usual.wang, THURSDAY_SIX + HOUR)
    assert usual.shift.state == ShiftState.DECLINED
    assert friday.shift is not None
    usual.session.refresh(friday.shift)
    assert friday.shift.state == ShiftState.DECLINED


def on_a_make_up_day(usual: Usual) -> None:
    usual.ride.legs[0].timetable_weekday = 4


def earlier_by_eleven_minutes(usual: Usual) -> None:
    usual.ride.run.starts_at -= 11 * MINUTE


def on_an_early_day_of_the_school(usual: Usual) -> None:
    usual.session.add(
        CalendarEntry(
            kind=CalendarKind.EARLY_DAY,
            source=CalendarSource.SCHOOL,
            from_on=WEDNESDAY,
            until_on=WEDNESDAY,
            school_id=usual.child.school.id,
        )
    )


def met_elsewhere(usual: Usual) -> None:
    usual.ride.legs[0].place_name = "村委会门口"


def changed_by_hand(usual: Usual) -> None:
    usual.ride.legs[0].by_hand = True


def first_day_after_a_break(usual: Usual) -> None:
    usual.session.exec(
        update(Leg).where(col(Leg.on) == TUESDAY).values(state=LegState.WITHDRAWN)  # no school on Tuesday
    )


def a_child_who_does_not_know_him(usual: Usual) -> None:
    usual.session.exec(update(CircleMember).values(state=CircleState.PUBLISHED))


def after_a_no_to_that_very_leg(usual: Usual) -> None:
    usual.session.add(Refusal(leg_id=usual.ride.leg_id, volunteer_id=usual.wang.id or 0, at=NOW))


def in_the_other_half_of_the_day(usual: Usual) -> None:
    usual.session.exec(update(StandingYes).values(direction="home"))


def papers_run_out_before(usual: Usual) -> None:
    usual.wang.insured_until = WEDNESDAY - timedelta(days=1)


def after_its_end(usual: Usual) -> None:
    usual.session.exec(update(StandingYes).values(ended_at=NOW))


@pytest.mark.parametrize(
    "unusual",
    [
        on_a_make_up_day,
        earlier_by_eleven_minutes,
        on_an_early_day_of_the_school,
        met_elsewhere,
        changed_by_hand,
        first_day_after_a_break,
        a_child_who_does_not_know_him,
        after_a_no_to_that_very_leg,
        in_the_other_half_of_the_day,
        papers_run_out_before,
        after_its_end,
    ],
)
def test_what_is_not_as_usual_is_asked_afresh(usual: Usual, unusual: Callable[[Usual], None]) -> None:
    usual.give()
    unusual(usual)
    usual.session.flush()

    usual.send()

    assert usual.shift.state == ShiftState.OPEN
    assert [offer.state for offer in offers_to(usual.session, usual.wang)] == [OfferState.OPEN]


def test_ten_minutes_either_way_are_the_usual_time(usual: Usual) -> None:
    usual.give()
    usual.ride.run.starts_at += 10 * MINUTE
    usual.session.flush()

    usual.send()

    assert usual.shift.state == ShiftState.CONFIRMED


def test_whoever_hears_of_it_less_than_a_day_ahead_is_asked(usual: Usual) -> None:
    usual.give()

    usual.send(usual.ride.starts_at - 23 * HOUR)

    assert usual.shift.state == ShiftState.OPEN


def test_a_no_while_the_message_is_open_ends_the_turn_and_others_are_asked(usual: Usual) -> None:
    usual.give()
    usual.send()

    answered = say_no(usual.session, usual.wang, THURSDAY_SIX + HOUR)

    assert len(answered.declined) == 1
    assert (usual.shift.state, usual.shift.end_reason) == (ShiftState.DECLINED, "declined")
    usual.session.refresh(usual.ride.run)
    assert usual.ride.run.search_at == THURSDAY_SIX + HOUR
    assert usual.session.exec(select(Refusal.volunteer_id)).all() == [usual.wang.id]


def test_a_text_that_names_the_weekday_ends_it(usual: Usual) -> None:
    usual.give()
    usual.send()

    reply(usual.session, f"volunteer:{usual.wang.id}", "2 周三", now=THURSDAY_SIX + HOUR)

    assert usual.shift.state == ShiftState.DECLINED
    assert "您去不了：下周三07:45上学" in letters_to(usual.session, f"volunteer:{usual.wang.id}")[-1].text


def test_that_no_can_be_taken_back_while_nobody_else_has_said_yes(usual: Usual) -> None:
    usual.give()
    usual.send()
    say_no(usual.session, usual.wang, THURSDAY_SIX + HOUR)
    [offer] = offers_to(usual.session, usual.wang)

    said = asks.answer_offer(
        usual.session,
        offer_id=offer.id or 0,
        yes=True,
        by="volunteer:1",
        how="page",
        now=THURSDAY_SIX + 2 * HOUR,
        zone=ZONE,
    )

    assert said
    live = usual.session.exec(select(Shift).where(Shift.on == WEDNESDAY, Shift.state == ShiftState.CONFIRMED))
    assert [shift.confirmed_how for shift in live] == ["page:volunteer:1"]


def test_an_explicit_yes_no_longer_rests_on_the_standing_one(usual: Usual) -> None:
    row = usual.give()
    usual.send()

    say_yes(usual.session, usual.wang, THURSDAY_SIX + HOUR)

    assert usual.shift.confirmed_how == f"sms:volunteer:{usual.wang.id}"
    assert usual.end(row, now=THURSDAY_SIX + 2 * HOUR) == []
    assert usual.shift.state == ShiftState.CONFIRMED


def test_silence_until_the_deadline_leaves_the_promise_as_it_is(usual: Usual) -> None:
    usual.give()
    usual.send()
    [ask] = asks_to(usual.session, usual.wang)

    asks.lapse_asks(usual.session, now=ask.deadline_at)

    assert usual.shift.state == ShiftState.CONFIRMED
    assert [offer.state for offer in offers_to(usual.session, usual.wang)] == [OfferState.ACCEPTED]
    assert [(one.state, one.answer) for one in asks_to(usual.session, usual.wang)] == [
        (AskState.ANSWERED, "standing")
    ]


def test_a_blockout_frees_it_and_closes_its_message(usual: Usual) -> None:
    usual.give()
    usual.send()

    block_out(
        usual.session,
        volunteer_id=usual.wang.id or 0,
        from_on=WEDNESDAY,
        until_on=WEDNESDAY,
        half_day=None,
        by=f"volunteer:{usual.wang.id}",
        now=THURSDAY_SIX + HOUR,
        zone=ZONE,
    )

    assert usual.shift.state == ShiftState.FREED
    assert [ask.state for ask in asks_to(usual.session, usual.wang)] == [AskState.WITHDRAWN]


def test_its_end_gives_back_what_rests_on_it_alone(usual: Usual) -> None:
    row = usual.give()
    usual.send()

    assert usual.end(row) == [usual.ride.shift_id]

    assert usual.shift.state == ShiftState.DECLINED
    usual.session.refresh(usual.ride.run)
    assert usual.ride.run.search_at == THURSDAY_SIX + HOUR
    assert standing.standing_of(usual.session, usual.wang.id or 0) == []


def test_a_turn_that_he_still_drives_becomes_a_yes_of_its_own(usual: Usual) -> None:
    row = usual.give()
    usual.send()

    assert usual.end(row, usual.ride.shift_id) == []

    assert (usual.shift.state, usual.shift.confirmed_how) == (
        ShiftState.CONFIRMED,
        f"page:volunteer:{usual.wang.id}",
    )


def test_it_ends_once(usual: Usual) -> None:
    row = usual.give()
    usual.send()
    usual.end(row, usual.ride.shift_id)

    assert usual.end(row) == []  # the second press gives nothing back
    assert usual.shift.state == ShiftState.CONFIRMED


def test_nobody_ends_anothers(usual: Usual) -> None:
    row = usual.give()
    chen = a_volunteer(usual.session, "陈姐")

    with pytest.raises(NotFound):
        answers.end_standing(
            usual.session,
            volunteer_id=chen.id or 0,
            standing_id=row.id or 0,
            kept=(),
            by="volunteer:2",
            how="page",
            now=NOW,
        )


def test_only_what_he_knows_from_driving_can_be_said(usual: Usual) -> None:
    wang = usual.wang.id or 0
    [choice] = standing.choices_for(usual.session, volunteer_id=wang, held=(), now=NOW, zone=ZONE)

    assert (choice.weekday, choice.direction, f"{choice.usual_at:%H:%M}") == (2, "to_school", "07:45")
    with pytest.raises(Refused, match="不一样"):
        standing.give_standing(
            usual.session,
            volunteer_id=wang,
            chosen="2.to_school.0700",
            by="volunteer:1",
            how="page",
            now=NOW,
            zone=ZONE,
        )
    a_child_who_does_not_know_him(usual)
    assert standing.choices_for(usual.session, volunteer_id=wang, held=(), now=NOW, zone=ZONE) == []


def test_what_the_office_wrote_down_is_told_to_him(usual: Usual) -> None:
    row = usual.give(by="account:1")

    assert row.given_how == "phone:account:1"
    [letter] = letters_to(usual.session, f"volunteer:{usual.wang.id}")
    assert letter.text.startswith("【杜鹃鸟】值班老师记下了：每周三07:45上学您固定来")


def test_said_twice_at_once_it_is_one(store: Store) -> None:
    with store.write() as session:
        wang = a_usual_week(session).wang.id or 0

    def give(session: Session) -> int | None:
        return standing.give_standing(
            session,
            volunteer_id=wang,
            chosen="2.to_school.0745",
            by="volunteer:1",
            how="page",
            now=NOW,
            zone=ZONE,
        ).id

    first, second = at_once(store, give, give)

    assert first == second
    with store.read() as session:
        assert len(session.exec(select(StandingYes)).all()) == 1


def test_its_end_and_the_weeks_message_at_once_leave_no_promise_that_nobody_knows_of(store: Store) -> None:
    with store.write() as session:
        usual = a_usual_week(session)
        row_id, wang, shift_id = usual.give().id or 0, usual.wang.id or 0, usual.ride.shift_id

    def end(session: Session) -> int:
        return len(
            answers.end_standing(
                session,
                volunteer_id=wang,
                standing_id=row_id,
                kept=(),
                by="volunteer:1",
                how="page",
                now=THURSDAY_SIX,
            )
        )

    at_once(store, end, lambda session: asks.send_asks(session, now=THURSDAY_SIX, zone=ZONE, links=links))

    with store.read() as session:
        shift = session.get_one(Shift, shift_id)
        # either it was given back, or it is an open question: never a promise that rests on an ended word
        assert shift.state in (ShiftState.DECLINED, ShiftState.OPEN)


def test_a_no_and_the_deadline_at_once_are_one_of_the_two(store: Store) -> None:
    with store.write() as session:
        usual = a_usual_week(session)
        usual.give()
        usual.send()
        ask = session.exec(select(Ask)).one()
        ask_id, deadline, shift_id = ask.id or 0, ask.deadline_at, usual.ride.shift_id

    def no(session: Session) -> int:
        answered = asks.answer_ask(
            session, ask_id=ask_id, declined=None, by="volunteer:1", how="sms", now=deadline, zone=ZONE
        )
        return len(answered.declined)

    declined, _ = at_once(store, no, lambda session: asks.lapse_asks(session, now=deadline))

    with store.read() as session:
        shift, offer = session.get_one(Shift, shift_id), session.exec(select(Offer)).one()
        expected = (
            (ShiftState.DECLINED, OfferState.DECLINED)
            if declined
            else (ShiftState.CONFIRMED, OfferState.ACCEPTED)
        )
        assert (shift.state, offer.state) == expected
        assert session.exec(select(Run.search_at).where(Run.id == shift.run_id)).one() == (
            deadline if declined else None
        )
