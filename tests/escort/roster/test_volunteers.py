"""Adding and editing volunteers by hand; every bad input is one plain sentence."""

from datetime import date, timedelta

import pytest
from sqlmodel import Session, select

from escort.errors import Conflict, NotFound, Refused
from escort.filled_form import FormMistakes
from escort.roster import service
from escort.roster.forms import ChangedVolunteer, NewVolunteer, form_of
from escort.roster.models import Blockout, Volunteer
from escort.roster.queries import blockouts_of
from notifications.addresses import party_by_phone, phone_of
from notifications.holds import held_number
from tests.builders import NOW, TODAY, a_child, a_team, a_volunteer
from tests.cast import LIN

AT = {"now": NOW, "by": LIN}
GOOD = {
    "name": "唐大勇",
    "phone": "199 0000 7998",
    "gender": "男",
    "home": "30.8214,103.8648",
    "plate": "川a·12345",
    "seats": "5",
    "child_seats": "1",
    "pattern": ["0", "2", "9"],
    "cap_week": "2次",
    "vetted_on": "2021.2.16",
    "licence_until": "2024年6月15日",
    "insured_until": "2021-08-11",
}


def add(session: Session, **typed: object) -> service.Saved:
    return service.add_volunteer(session, form=NewVolunteer.read(GOOD | typed), today=TODAY, **AT)  # type: ignore[arg-type]  # shorthand


def changed_form(volunteer: Volunteer, **typed: object) -> ChangedVolunteer:
    return ChangedVolunteer.read(form_of(volunteer) | typed)


def test_a_volunteer_added_by_hand_is_tidied_and_can_be_reached(session: Session) -> None:
    team = a_team(session)

    saved = add(session, team_id=str(team.id), name=" 唐　大勇 ")

    volunteer = session.get_one(Volunteer, saved.volunteer_id)
    assert (volunteer.name, volunteer.gender, volunteer.plate) == ("唐大勇", "M", "川A12345")
    assert volunteer.seats == 4  # the driver's own does not count
    assert volunteer.pattern == "10100000010000"  # Monday and Tuesday to school, Friday home
    assert volunteer.vetted_on == date(2021, 2, 16)
    assert phone_of(session, f"volunteer:{volunteer.id}") == "+8619900007998"
    assert saved.notes == ()


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("phone", "028-8786 0000", "座机号"),
        ("phone", "1990000799", "10 位"),
        ("phone", "+852 9123 4567", "大陆以外"),
        ("phone", "", "没填"),
        ("name", "", "姓名没填"),
        ("name", "王" * 41, "40 个字"),
        ("name", "<img onerror=alert(1)>", "符号"),
        ("name", "=HYPERLINK(1)", "符号"),
        ("home", "村口", "看不懂这个地点"),
        ("home", "39.9,116.4", "不在本区"),  # 北京
        ("plate", "川A1234挂", "挂车"),
        ("plate", "川A1234学", "教练车"),
        ("plate", "川AI2345", "I 或 O"),
        ("plate", "12345", "不完整"),
        ("seats", "0", "2 到 9"),
        ("seats", "1", "2 到 9"),
        ("seats", "55", "2 到 9"),
        ("seats", "很多", "不是整数"),
        ("child_seats", "5", "超过乘客座位"),
        ("pattern", ["14"], "重新勾选"),
        ("cap_week", "0", "1 到 14"),
        ("vetted_on", "2021-02-30", "没有"),
        ("vetted_on", "2021-04-07", "在将来"),
        ("licence_until", "下个月", "看不懂日期"),
        ("team_id", "999", "没有这支车队"),
        ("team_id", "9" * 20, "重新选择"),
        ("remark", "长" * 201, "200 个字"),
        ("suspended_at", "2021-04-06", "多了一项"),  # a forged hidden field
    ],
)
def test_bad_input_is_refused_at_its_field_in_one_sentence(
    session: Session, field: str, typed: object, said: str
) -> None:
    with pytest.raises(FormMistakes) as refused:
        add(session, **{field: typed})

    assert list(refused.value.fields) == [field]
    assert said in refused.value.fields[field]
    assert session.exec(select(Volunteer)).all() == []


def test_several_mistakes_are_said_together(session: Session) -> None:
    with pytest.raises(FormMistakes) as refused:
        add(session, name="", phone="123", seats="55")

    assert set(refused.value.fields) == {"name", "phone", "seats"}


@pytest.mark.parametrize(
    ("typed", "noted"),
    [
        ({"vetted_on": "2020-04-05"}, "365 天"),  # 366 days before today
        ({"licence_until": "2021-04-05"}, "驾驶证当天已过期"),
        ({"insured_until": ""}, "没有座位险"),
        ({"seats": "7"}, "校车"),
        ({"plate": ""}, "车牌号没填"),
        ({"home": ""}, "没有坐标"),
        ({"pattern": []}, "没有勾选"),
    ],
)
def test_what_is_no_mistake_but_keeps_somebody_from_driving_is_noted(
    session: Session, typed: dict[str, object], noted: str
) -> None:
    saved = add(session, **typed)

    assert any(noted in note for note in saved.notes)


def test_rare_characters_and_middle_dots_in_names_are_kept(session: Session) -> None:
    for phone, name in (("19900000001", "𬭎䶮"), ("19900000002", "阿依古丽•买买提"), ("19900000003", "王")):
        add(session, name=name, phone=phone, plate="")

    assert {volunteer.name for volunteer in session.exec(select(Volunteer))} == {
        "𬭎䶮",
        "阿依古丽·买买提",
        "王",
    }


def test_a_number_that_is_known_needs_a_word_from_the_office(session: Session) -> None:
    a_volunteer(session, "王师傅", phone="19900007998")

    with pytest.raises(FormMistakes, match="已经登记给王师傅"):
        add(session)
    saved = add(session, shares_phone="on")  # a couple with one phone

    assert len(party_by_phone(session, "19900007998")) == 2
    assert saved.volunteer_id


def test_the_same_person_is_not_added_twice_even_with_that_word(session: Session) -> None:
    a_volunteer(session, "唐大勇", phone="19900007998")

    with pytest.raises(FormMistakes, match="已经登记过"):
        add(session, shares_phone="on")


def test_a_guardians_number_is_noted(session: Session) -> None:
    a_child(session, phone="19900007998")

    assert any("家长" in note for note in add(session).notes)


def test_a_form_sent_back_unchanged_changes_nothing(session: Session) -> None:
    volunteer = session.get_one(Volunteer, add(session).volunteer_id)

    saved = service.edit_volunteer(
        session,
        volunteer_id=volunteer.id or 0,
        form=changed_form(volunteer),
        version=1,
        today=TODAY,
        **AT,  # type: ignore[arg-type]  # shorthand
    )

    assert saved.changed == ()


def test_an_edit_says_which_columns_have_changed(session: Session) -> None:
    volunteer = session.get_one(Volunteer, add(session).volunteer_id)

    saved = service.edit_volunteer(
        session,
        volunteer_id=volunteer.id or 0,
        form=changed_form(volunteer, seats="7", plate="川AD12345"),
        version=1,
        today=TODAY,
        **AT,  # type: ignore[arg-type]  # shorthand
    )

    assert set(saved.changed) == {"seats", "plate"}
    assert (volunteer.seats, volunteer.plate, volunteer.version) == (6, "川AD12345", 2)


def test_of_two_people_who_edit_one_volunteer_the_second_is_told(session: Session) -> None:
    volunteer = session.get_one(Volunteer, add(session).volunteer_id)
    form = changed_form(volunteer, cap_week="3")
    service.edit_volunteer(session, volunteer_id=volunteer.id or 0, form=form, version=1, today=TODAY, **AT)  # type: ignore[arg-type]  # shorthand

    with pytest.raises(Conflict, match="刷新"):
        service.edit_volunteer(
            session, volunteer_id=volunteer.id or 0, form=form, version=1, today=TODAY, **AT
        )  # type: ignore[arg-type]  # shorthand


def test_a_new_number_waits_and_everything_goes_on_to_the_old_one(session: Session) -> None:
    volunteer = session.get_one(Volunteer, add(session).volunteer_id)

    saved = service.edit_volunteer(
        session,
        volunteer_id=volunteer.id or 0,
        form=changed_form(volunteer, phone="19900000002"),
        version=1,
        today=TODAY,
        **AT,  # type: ignore[arg-type]  # shorthand
    )

    assert saved.changed == ("phone",)
    held = held_number(session, f"volunteer:{volunteer.id}")
    assert held is not None
    assert held.value == "+8619900000002"
    assert party_by_phone(session, "19900007998") == [f"volunteer:{volunteer.id}"]


def test_a_volunteer_is_suspended_once_and_lifted_once(session: Session) -> None:
    volunteer = a_volunteer(session)
    who = {"volunteer_id": volunteer.id, **AT}

    service.suspend(session, reason="证件过期", **who)  # type: ignore[arg-type]  # shorthand
    with pytest.raises(Conflict):
        service.suspend(session, reason="证件过期", **who)  # type: ignore[arg-type]  # shorthand
    assert (volunteer.suspended_at, volunteer.suspended_reason) == (NOW, "证件过期")

    service.lift(session, **who)  # type: ignore[arg-type]  # shorthand
    with pytest.raises(Conflict):
        service.lift(session, **who)  # type: ignore[arg-type]  # shorthand
    assert volunteer.suspended_at is None


def test_a_blockout_said_twice_is_one(session: Session) -> None:
    who = {"volunteer_id": a_volunteer(session).id, "today": TODAY, **AT}
    dates = {"from_on": TODAY, "until_on": TODAY + timedelta(days=2)}

    first = service.add_blockout(session, **dates, **who)  # type: ignore[arg-type]  # shorthand
    again = service.add_blockout(session, **dates, **who)  # type: ignore[arg-type]  # shorthand
    mornings = service.add_blockout(session, **dates, half_day="to_school", **who)  # type: ignore[arg-type]  # shorthand

    assert first == again != mornings
    assert len(session.exec(select(Blockout)).all()) == 2


@pytest.mark.parametrize(
    ("from_on", "until_on", "half_day", "said"),
    [
        (TODAY, TODAY - timedelta(days=1), None, "早于第一天"),
        (TODAY - timedelta(days=9), TODAY - timedelta(days=1), None, "已经过去"),
        (TODAY, TODAY + timedelta(days=400), None, "一年以内"),
        (TODAY, TODAY, "night", "早上、下午"),
    ],
)
def test_a_blockout_that_cannot_be_meant_is_refused(
    session: Session, from_on: date, until_on: date, half_day: str | None, said: str
) -> None:
    volunteer = a_volunteer(session)

    with pytest.raises(Refused, match=said):
        service.add_blockout(
            session,
            volunteer_id=volunteer.id or 0,
            from_on=from_on,
            until_on=until_on,
            half_day=half_day,
            today=TODAY,
            **AT,  # type: ignore[arg-type]  # shorthand
        )


def test_nobody_takes_back_anothers_blockout(session: Session) -> None:
    mine, other = a_volunteer(session), a_volunteer(session, "陈姐")
    blockout_id = service.add_blockout(
        session, volunteer_id=mine.id or 0, from_on=TODAY, until_on=TODAY, today=TODAY, now=NOW, by=LIN
    )

    with pytest.raises(NotFound):
        service.remove_blockout(session, blockout_id=blockout_id, volunteer_id=other.id, now=NOW, by=LIN)
    service.remove_blockout(session, blockout_id=blockout_id, volunteer_id=mine.id, now=NOW, by=LIN)

    assert blockouts_of(session, mine.id or 0, from_on=TODAY) == []


def test_the_weekly_pattern_is_fourteen_marks(session: Session) -> None:
    volunteer = a_volunteer(session)

    service.set_pattern(
        session, volunteer_id=volunteer.id or 0, pattern="1" * 14, cap_week=3, now=NOW, by=LIN
    )
    with pytest.raises(Refused):
        service.set_pattern(session, volunteer_id=volunteer.id or 0, pattern="1111100", now=NOW, by=LIN)

    assert (volunteer.pattern, volunteer.cap_week) == ("1" * 14, 3)
