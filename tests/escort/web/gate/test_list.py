"""The gate's list: who may take which child now, what the guard can say, and that nothing stands there longer."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from escort.access.audit import trail
from escort.access.models import Account
from escort.cases.models import Case, CaseKind
from escort.cases.service import close, open_case, set_duty
from escort.db import Store
from escort.families.models import Child
from escort.journeys.models import Step, Tap
from escort.roster.models import Volunteer
from escort.rota.models import Direction, Leg, LegState, Shift, ShiftState
from tests.builders import NOW, ZONE, a_child, a_school
from tests.escort.web.visitors import (
    GateBrowser,
    Site,
    Wednesday,
    a_leg,
    a_run,
    a_shift,
    a_site,
    a_wednesday,
)
from tests.queries import count_queries

DISMISSAL = datetime(2021, 4, 7, 16, 0, tzinfo=ZONE)


@dataclass
class Gate:
    site: Site
    day: Wednesday
    tablet: GateBrowser

    def page(self, **query: str) -> str:
        return self.tablet.get("/gate", params=query).text

    def uuid(self, leg: Leg) -> str:
        """Return what this row's button would send."""
        row = re.search(rf'id="leg-{leg.id}".*?name="uuid" value="([^"]+)"', self.page(), re.S)
        assert row
        return row[1]


@pytest.fixture
def gate(store: Store) -> Gate:
    site, day = a_site(store, DISMISSAL), a_wednesday(store)
    return Gate(site, day, site.gate(day.cast.school.id or 0))


def replace_wang(gate: Gate) -> None:
    """陈姐 takes over at noon."""
    with gate.site.store.write() as session:
        old = session.get_one(Shift, gate.day.afternoon_shift.id)
        old.state, old.ended_at = ShiftState.FREED, DISMISSAL - timedelta(hours=4)
        session.flush()
        a_shift(session, gate.day.afternoon_run, gate.day.cast.chen, confirmed_at=old.ended_at)


def test_list_names_child_class_driver_and_plate(gate: Gate) -> None:
    page = gate.page()

    for fact in ("杨小雨", "三年级", "王师傅", "白色 长安欧尚", "川A·12345", "交接", "先不放人"):
        assert fact in page
    assert "唐昌街道190号" not in page
    assert "怕生" not in page  # the note is not marked for the gate


@pytest.mark.parametrize(
    ("minutes", "is_open"),
    [(-31, False), (-30, True), (59, True), (60, False)],  # from T - 30 to T + 60
)
def test_names_stand_there_in_w_gate_only(gate: Gate, minutes: int, is_open: bool) -> None:
    gate.site.clock.at = DISMISSAL + timedelta(minutes=minutes)

    page = gate.page()

    assert ("杨小雨" in page) == is_open
    assert ("川A·12345" in page) == is_open
    assert ("1 名" in page.split("今天其他时间")[-1]) or is_open


def test_another_schools_children_are_not_there(gate: Gate) -> None:
    with gate.site.store.write() as session:
        other = a_school(session, "团结小学")
    tablet = gate.site.gate(other.id or 0)

    page = tablet.get("/gate").text
    answer = tablet.press(f"/gate/legs/{gate.day.afternoon.id}/handover", uuid="0" * 36)

    assert "杨小雨" not in page
    assert answer.status_code == 404


def test_who_stands_at_the_gate_comes_first(gate: Gate) -> None:
    with gate.site.store.write() as session:
        late = a_child(session, "小禾", school=gate.day.cast.school)
        session.get_one(Child, late.id).full_name = "叶小禾"
        leg = a_leg(session, late, direction=Direction.HOME)
        a_shift(session, a_run(session, leg), gate.day.cast.chen)
        tap = Tap(
            uuid="here",
            leg_id=leg.id or 0,
            step=Step.AT_PICKUP,
            by="volunteer:2",
            tapped_at=DISMISSAL,
            arrived_at=DISMISSAL,
        )
        session.add(tap)

    page = gate.page()

    assert page.index("叶小禾") < page.index("杨小雨")
    assert "到门口" in page


def test_full_names_that_were_shown_are_in_the_trail(gate: Gate) -> None:
    gate.page()

    with gate.site.store.read() as session:
        reads = list(trail(session, actor=f"gate:{gate.day.cast.school.id}"))
    assert [event.action for event in reads] == ["read"]
    assert reads[0].fields == [f"child:{gate.day.cast.xiaoyu.id}.full_name"]


def test_known_driver_needs_no_word(gate: Gate) -> None:
    assert "看暗号" not in gate.page()
    assert gate.tablet.press(f"/gate/legs/{gate.day.afternoon.id}/word").status_code == 404


def test_word_of_a_replaced_driver_is_shown_on_one_page_and_logged(gate: Gate) -> None:
    replace_wang(gate)
    listed = gate.page()

    opened = gate.tablet.press(f"/gate/legs/{gate.day.afternoon.id}/word").text

    word = re.search(r"应该是 <b>(.*?)</b>", opened)
    assert word
    assert "换人了，先听司机说暗号" in listed
    assert word[1] not in listed
    assert word[1] not in gate.page()
    with gate.site.store.read() as session:
        said = list(trail(session, subject=f"leg:{gate.day.afternoon.id}"))
    assert [(event.action, event.fields) for event in said] == [("read", ["word"])]


def test_new_driver_is_marked(store: Store) -> None:
    site, day = a_site(store, DISMISSAL), a_wednesday(store, known=False)

    page = site.gate(day.cast.school.id or 0).get("/gate").text

    assert "新来的" in page
    assert "头一回来接" in page


def test_note_is_there_where_it_is_marked_for_the_gate(gate: Gate) -> None:
    with gate.site.store.write() as session:
        session.get_one(Child, gate.day.cast.xiaoyu.id).note_for_gate = True

    assert "怕生" in gate.page()


def test_handover_is_recorded_once_and_can_be_taken_back(gate: Gate) -> None:
    uuid = gate.uuid(gate.day.afternoon)
    address = f"/gate/legs/{gate.day.afternoon.id}/handover"

    answers = [gate.tablet.press(address, uuid=uuid).status_code for _ in range(2)]

    assert answers == [303, 303]
    assert "已交接" in gate.page()
    with gate.site.store.read() as session:
        (tap,) = session.exec(select(Tap)).all()
        assert (tap.step, tap.by) == (Step.HANDED_OVER, f"gate:{gate.day.cast.school.id}")
    assert gate.tablet.press("/gate/undo", uuid=uuid).status_code == 303
    assert gate.uuid(gate.day.afternoon) != uuid


def test_handover_cannot_be_taken_back_after_ten_seconds(gate: Gate) -> None:
    uuid = gate.uuid(gate.day.afternoon)
    gate.tablet.press(f"/gate/legs/{gate.day.afternoon.id}/handover", uuid=uuid)
    gate.site.clock.at += timedelta(seconds=11)

    answer = gate.tablet.press("/gate/undo", uuid=uuid)

    assert answer.status_code == 409
    assert "过了 10 秒" in answer.text


def test_child_without_a_driver_is_handed_to_nobody(gate: Gate) -> None:
    with gate.site.store.write() as session:
        shift = session.get_one(Shift, gate.day.afternoon_shift.id)
        shift.state, shift.ended_at = ShiftState.FREED, NOW

    page = gate.page()
    answer = gate.tablet.press(f"/gate/legs/{gate.day.afternoon.id}/handover", uuid="0" * 36)

    assert "没有人答应来" in page
    assert "王师傅" not in page
    assert answer.status_code == 409
    with gate.site.store.read() as session:
        assert session.exec(select(Tap)).all() == []


def test_hold_opens_an_urgent_case_and_marks_the_row(gate: Gate) -> None:
    answer = gate.tablet.press(f"/gate/legs/{gate.day.afternoon.id}/hold")

    page = gate.tablet.get(answer.headers["location"]).text

    assert "值班的人知道了" in page
    assert "等他电话" in page
    with gate.site.store.read() as session:
        (case,) = session.exec(select(Case)).all()
        assert (case.kind, case.about) == (CaseKind.HELD_AT_GATE, f"leg:{gate.day.afternoon.id}")


@pytest.mark.parametrize("kind", [CaseKind.HELD_AT_GATE, CaseKind.WRONG_PERSON])
def test_while_somebody_is_in_doubt_the_child_is_handed_to_nobody(gate: Gate, kind: CaseKind) -> None:
    leg = gate.day.afternoon
    uuid = gate.uuid(leg)
    with gate.site.store.write() as session:
        case = open_case(session, kind=kind, about=f"leg:{leg.id}", sentence="不是他", now=DISMISSAL)
        case_id = case.id or 0

    assert f"/gate/legs/{leg.id}/handover" not in gate.page()
    refused = gate.tablet.press(f"/gate/legs/{leg.id}/handover", uuid=uuid)
    assert refused.status_code == 409
    assert "先等值班电话" in refused.text
    with gate.site.store.write() as session:
        assert session.exec(select(Tap)).all() == []
        close(session, case_id=case_id, by="account:1", reason="核对过了", now=DISMISSAL)

    assert gate.tablet.press(f"/gate/legs/{leg.id}/handover", uuid=uuid).status_code == 303


def test_hold_for_somebody_who_is_not_on_the_list(gate: Gate) -> None:
    answer = gate.tablet.press("/gate/hold", what="男的，黑车，要接杨小雨")

    assert answer.status_code == 303
    with gate.site.store.read() as session:
        (case,) = session.exec(select(Case)).all()
        assert case.kind == CaseKind.HELD_AT_GATE
        assert "黑车" in case.sentence


def test_cancelled_child_stays_on_the_list_for_the_family(gate: Gate) -> None:
    with gate.site.store.write() as session:
        session.get_one(Leg, gate.day.afternoon.id).state = LegState.CANCELLED
    address = f"/gate/legs/{gate.day.afternoon.id}"

    page = gate.page()
    to_driver = gate.tablet.press(f"{address}/handover", uuid="1" * 36)
    to_family = gate.tablet.press(f"{address}/collected", uuid=gate.uuid(gate.day.afternoon))

    assert "家里自己接" in page
    assert "王师傅" not in page
    assert to_driver.status_code == 409
    assert to_family.status_code == 303
    with gate.site.store.read() as session:
        assert [tap.step for tap in session.exec(select(Tap))] == [Step.SELF_COLLECTED]


def test_family_may_not_take_a_child_that_a_driver_comes_for(gate: Gate) -> None:
    answer = gate.tablet.press(f"/gate/legs/{gate.day.afternoon.id}/collected", uuid="0" * 36)

    assert answer.status_code == 409


HIT, NO_HIT = 'class="strong">找到 1 辆', 'class="urgent strong">名单上没有这辆车。不要放人。'


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"tail": "345"}, HIT),
        ({"tail": "川a·12345"}, HIT),
        ({"tail": "３４５"}, HIT),  # full width, as an input method writes it
        ({"tail": "999"}, NO_HIT),
        ({"tail": "34", "key": "5"}, HIT),  # a key, as the plain form sends it
        ({"tail": "3459", "key": "back"}, HIT),
        ({"tail": "345", "key": "letters"}, HIT),  # which keys to show is no letter
        ({"tail": "345", "key": "<b>"}, HIT),
    ],
)
def test_plate_is_found_by_its_tail(gate: Gate, query: dict[str, str], sentence: str) -> None:
    assert sentence in gate.page(**query)


def test_row_of_a_found_plate_is_marked_in_words_and_moved_up(gate: Gate) -> None:
    with gate.site.store.write() as session:
        other = a_child(session, "阿树", school=gate.day.cast.school)
        session.get_one(Child, other.id).full_name = "阿树"
        leg = a_leg(session, other, direction=Direction.HOME)
        leg.pickup_at = DISMISSAL - timedelta(minutes=10)
        a_shift(session, a_run(session, leg), gate.day.cast.chen)

    listed, found = gate.page(), gate.page(tail="345")

    assert listed.index("阿树") < listed.index("杨小雨")
    assert found.index("杨小雨") < found.index("阿树")
    assert re.search(rf'gate-hit" id="leg-{gate.day.afternoon.id}"', found)


def test_keys_are_buttons_of_a_plain_form_and_letters_a_second_board(gate: Gate) -> None:
    digits, letters = gate.page(), gate.page(tail="34", key="letters")

    assert digits.count('name="key"') == 12 + 28
    assert re.search(r'data-keys="letters" hidden', digits)
    assert re.search(r'data-keys="digits" hidden', letters)
    assert 'value="34"' in letters


def test_word_alone_goes_to_the_script_that_shows_it_while_held_and_is_logged(gate: Gate) -> None:
    replace_wang(gate)

    answer = gate.tablet.post(
        f"/gate/legs/{gate.day.afternoon.id}/word",
        data={"csrf_token": gate.tablet.token},
        headers={"accept": "text/plain"},
    )

    assert answer.headers["content-type"].startswith("text/plain")
    assert re.fullmatch(r"\S\S \S\S", answer.text)
    with gate.site.store.read() as session:
        assert [e.fields for e in trail(session, subject=f"leg:{gate.day.afternoon.id}")] == [["word"]]


@pytest.mark.parametrize(("minutes", "is_late"), [(4, False), (5, True)])
def test_driver_who_is_not_at_the_gate_after_the_grace_is_late(
    gate: Gate, minutes: int, is_late: bool
) -> None:
    gate.site.clock.at = DISMISSAL + timedelta(minutes=minutes)

    assert (f"晚 {minutes} 分" in gate.page()) == is_late


def test_photo_of_the_driver_is_there_in_w_gate(gate: Gate) -> None:
    with gate.site.store.write() as session:
        session.get_one(Volunteer, gate.day.cast.wang.id).photo = "data:image/jpeg;base64,AAAA"

    shown = gate.page()
    gate.site.clock.at = DISMISSAL + timedelta(hours=1)

    assert 'src="data:image/jpeg;base64,AAAA"' in shown
    assert "base64" not in gate.page()


def test_form_without_its_token_is_refused(gate: Gate) -> None:
    answer = gate.tablet.post(f"/gate/legs/{gate.day.afternoon.id}/handover", data={"uuid": "0" * 36})

    assert answer.status_code == 403


def test_list_costs_at_most_ten_queries_besides_its_trail(gate: Gate) -> None:
    with gate.site.store.write() as session:
        for number in range(12):
            leg = a_leg(
                session,
                a_child(session, f"孩子{number}", school=gate.day.cast.school),
                direction=Direction.HOME,
            )
            run = a_run(session, leg)
            if number % 2:
                continue
            session.add(
                Tap(
                    uuid=f"t{number}",
                    leg_id=leg.id or 0,
                    step=Step.STARTED,
                    by="volunteer:1",
                    tapped_at=DISMISSAL,
                    arrived_at=DISMISSAL,
                )
            )
            assert run.id

    with count_queries(gate.site.store.engine) as queries:
        gate.page()

    reading = [statement for statement in queries.statements if "audit" not in statement]
    assert len(reading) <= 10, "\n".join(reading)


def test_the_guard_sees_who_answers_at_the_duty_number(gate: Gate) -> None:
    with gate.site.store.write() as session:
        office = Account(login="lin", name="林老师", role="coordinator", password_hash="x", created_at=NOW)
        session.add(office)
        session.flush()
        set_duty(session, account_id=office.id or 0)

    page = gate.page()

    assert "值班电话 林老师" in page
    assert 'id="live-sign"' in page
