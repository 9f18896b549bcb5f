"""School is out earlier than usual: one call, and the legs home follow at once."""

from datetime import date, time

import pytest
from sqlmodel import Session, select

from escort.errors import NotFound, Refused
from escort.rota import legs
from escort.rota.early import call_early_dismissal
from escort.schools import service as schools
from escort.schools.models import CalendarEntry, CalendarKind, CalendarSource
from escort.schools.service import Scope
from tests.builders import ZONE, EscortedChild, a_child, a_school
from tests.cast import LIN
from tests.escort.rota.weeks import TOMORROW, at, extend, leg_of

ON = TOMORROW  # Wednesday, 7 April 2021
ELEVEN = at(ON, 11)
HALF_PAST_TWO = time(14, 30)


def call(session: Session, scope: Scope, *, to: time = HALF_PAST_TWO, on: date = ON) -> int:
    return call_early_dismissal(session, on=on, at=to, scope=scope, by=LIN, now=ELEVEN, zone=ZONE)


def out_at(session: Session, child: EscortedChild) -> time:
    return leg_of(session, child, ON, "home").pickup_at.astimezone(ZONE).time()


def in_class(session: Session, name: str, class_name: str) -> EscortedChild:
    child = a_child(session, name)
    child.child.class_name = class_name
    session.flush()
    return child


def test_a_whole_school_is_out_at_half_past_two(session: Session) -> None:
    child, other = a_child(session), a_child(session, "小禾", school=a_school(session, "青禾小学"))
    extend(session)

    call(session, Scope(child.school.id))

    assert (out_at(session, child), out_at(session, other)) == (HALF_PAST_TWO, time(16))
    assert leg_of(session, child, ON).pickup_at < ELEVEN  # the morning stays as it was


def test_one_class_or_one_child_alone(session: Session) -> None:
    first, second = in_class(session, "小雨", "一班"), in_class(session, "小禾", "二班")
    extend(session)

    call(session, Scope(first.school.id, "一班"))
    assert (out_at(session, first), out_at(session, second)) == (HALF_PAST_TWO, time(16))

    call(session, Scope(child_id=second.id), to=time(13))
    assert (out_at(session, first), out_at(session, second)) == (HALF_PAST_TWO, time(13))


def test_the_newer_word_for_the_same_day_holds(session: Session) -> None:
    child = a_child(session)
    extend(session)

    call(session, Scope(child.school.id))
    call(session, Scope(child.school.id), to=time(15))

    assert out_at(session, child) == time(15)
    kept = select(CalendarEntry).where(
        CalendarEntry.kind == CalendarKind.EARLY_DAY,
        CalendarEntry.removed == False,  # noqa: E712
    )
    assert [entry.at for entry in session.exec(kept)] == [time(15)]


def test_the_school_takes_its_classes_and_children_along_where_they_would_be_out_later(
    session: Session,
) -> None:
    of_class, alone, early = (
        in_class(session, "小雨", "一班"),
        in_class(session, "小禾", "二班"),
        in_class(session, "阿宁", "三班"),
    )
    session.add(
        CalendarEntry(
            kind=CalendarKind.EARLY_DAY,
            source=CalendarSource.BOOK,
            from_on=ON,
            until_on=date(2021, 4, 30),
            at=time(15, 30),
            school_id=of_class.school.id,
            class_name="一班",
        )
    )
    extend(session)
    call(session, Scope(child_id=alone.id), to=time(15))
    call(session, Scope(early.school.id, "三班"), to=time(13))

    call(session, Scope(of_class.school.id))

    assert [out_at(session, one) for one in (of_class, alone, early)] == [
        HALF_PAST_TWO,
        HALF_PAST_TWO,
        time(13),
    ]


def test_a_leg_that_was_changed_by_hand_comes_along_only_where_it_lies_later(session: Session) -> None:
    later, sooner = a_child(session), a_child(session, "小禾")
    extend(session)
    for child, hour in ((later, 17), (sooner, 13)):
        legs.change_leg(
            session,
            leg_id=leg_of(session, child, ON, "home").id or 0,
            by=LIN,
            now=ELEVEN,
            zone=ZONE,
            pickup_at=at(ON, hour),
        )

    call(session, Scope(later.school.id))

    assert (out_at(session, later), out_at(session, sooner)) == (HALF_PAST_TWO, time(13))


@pytest.mark.parametrize(
    ("to", "why"),
    [
        (time(10, 50), "已经过了"),  # the children stand outside already
        (time(16), "平常 16:00 放学"),  # not early at all
        (time(11, 0), "已经过了"),  # this very minute
    ],
)
def test_a_time_that_cannot_be_is_refused(session: Session, to: time, why: str) -> None:
    child = a_child(session)
    extend(session)

    with pytest.raises(Refused, match=why):
        call(session, Scope(child.school.id), to=to)
    assert out_at(session, child) == time(16)


def test_it_needs_a_school_that_is_there_and_a_day_with_school(session: Session) -> None:
    child = a_child(session)

    with pytest.raises(Refused, match="哪所学校"):
        call(session, Scope())
    with pytest.raises(NotFound):
        call(session, Scope(99999))
    with pytest.raises(NotFound):
        call(session, Scope(child_id=99999))
    with pytest.raises(Refused, match="本来就不上课"):
        call(session, Scope(child.school.id), on=date(2021, 4, 10))


def test_calling_it_off_brings_the_usual_time_back(session: Session) -> None:
    child = a_child(session)
    extend(session)
    entry_id = call(session, Scope(child.school.id))

    schools.remove_entry(session, entry_id=entry_id, by=LIN, now=ELEVEN)
    extend(session, ELEVEN)

    assert out_at(session, child) == time(16)
