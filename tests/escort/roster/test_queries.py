"""Finding volunteers and teams."""

from sqlalchemy import event
from sqlmodel import Session

from escort.roster.gates import Gate
from escort.roster.queries import half_days_of, list_teams, list_volunteers, search, volunteers_named
from tests.builders import TODAY, a_team, a_volunteer


def names(session: Session, text: str) -> list[str]:
    return [line.name for line in search(session, text, on=TODAY)]


def test_people_are_found_by_name_pinyin_initials_and_surname_reading(session: Session) -> None:
    for name in ("曾浩然", "单国庆", "吕志强", "王师傅"):
        a_volunteer(session, name, plate="")

    assert names(session, "浩然") == ["曾浩然"]
    assert names(session, "zenghaoran") == ["曾浩然"]  # the surname's own reading
    assert names(session, "ceng") == ["曾浩然"]  # and what a search box's users may type
    assert names(session, "shan") == ["单国庆"]
    assert names(session, "sgq") == ["单国庆"]
    assert names(session, "lvzhi") == names(session, "lyuzhi") == ["吕志强"]
    assert names(session, "") == []


def test_people_are_found_by_plate_tail_and_by_phone(session: Session) -> None:
    a_volunteer(session, "王师傅", plate="川A4068X", phone="19900007998")
    a_volunteer(session, "陈姐", plate="川AD67890")

    assert names(session, "68x") == ["王师傅"]
    assert names(session, "川A·D678") == ["陈姐"]
    assert names(session, "199 0000 7998") == ["王师傅"]


def test_a_list_is_sorted_by_pinyin_and_paged(session: Session) -> None:
    for name in ("王师傅", "曾浩然", "单国庆", "陈姐"):
        a_volunteer(session, name)

    first = list_volunteers(session, on=TODAY, limit=2)
    second = list_volunteers(session, on=TODAY, limit=2, offset=2)

    assert first.total == 4
    assert [line.name for line in (*first.lines, *second.lines)] == ["陈姐", "单国庆", "王师傅", "曾浩然"]


def test_a_list_may_show_one_team_or_one_gate(session: Session) -> None:
    other = a_team(session, "犀浦暖阳车队")
    a_volunteer(session, "王师傅")
    a_volunteer(session, "陈姐", team=other, papers="insurance expired")

    of_team = list_volunteers(session, on=TODAY, team_id=other.id)
    uninsured = list_volunteers(session, on=TODAY, only_gate=Gate.INSURANCE_EXPIRED)

    assert [line.name for line in of_team.lines] == [line.name for line in uninsured.lines] == ["陈姐"]
    assert not of_team.lines[0].may_drive


def test_a_list_takes_at_most_three_queries(session: Session) -> None:
    for number in range(5):
        a_volunteer(session, f"王{number}")
    session.expunge_all()
    statements: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *said: statements.append(said[2]))

    list_volunteers(session, on=TODAY, text="19900010001")

    assert len(statements) <= 3


def test_teams_are_listed_with_those_who_drive(session: Session) -> None:
    team = a_team(session, "唐昌古镇车队")
    a_volunteer(session, "王师傅", team=team)
    a_volunteer(session, "陈姐", team=team, suspended=True)
    a_team(session, "友爱车队")

    assert [(line.name, line.volunteers) for line in list_teams(session)] == [
        ("唐昌古镇车队", 1),
        ("友爱车队", 0),
    ]


def test_people_of_one_name_are_all_found(session: Session) -> None:
    ids = [a_volunteer(session, "王芳").id for _ in range(2)]

    assert volunteers_named(session, " 王芳 ") == ids


def test_a_pattern_is_shown_by_weekday(session: Session) -> None:
    assert half_days_of("10" + "01" + "00" * 5)[:2] == [(True, False), (False, True)]
