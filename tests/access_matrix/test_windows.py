"""Who sees what, when: W-duty and W-gate of DESIGN section 8, through the pages themselves."""

from datetime import date

import pytest
from sqlmodel import Session

from escort.access import audit
from escort.journeys.models import Step, Tap
from escort.rota.models import ShiftState
from escort.web.deps import House
from tests.access_matrix.world import BEFORE, ON, Visitor, World, at, move_clock

NAME, ADDRESS, DIAGNOSIS, NOTE = "杨小雨雨", "唐昌街道一百九十号", "孤独症谱系", "怕喇叭声"
GUARDIANS_PHONE = "19900005501"
PLATE = "7Q7Q1"


def page_of(house: House, visitor: Visitor, path: str, on: date, clock: str) -> str:
    move_clock(house, at(on, clock))
    answer = visitor.client.get(path)
    assert answer.status_code in (200, 404), answer.text
    return str(answer.text)


@pytest.mark.parametrize(
    ("who", "on", "clock", "is_open"),
    [
        (
            "wang",
            BEFORE,
            "16:59",
            False,
        ),  # the evening before has not begun (he said yes at 18:00: see below)
        ("wang", BEFORE, "18:00", True),  # from his yes
        ("wang", ON, "07:00", True),
        ("wang", date(2021, 4, 8), "00:00", False),  # without a handover, the day's end
        ("wang_elsewhere", ON, "07:00", False),  # a phone that is not bound
        ("stranger", ON, "07:00", False),  # not his run
        ("chen", ON, "07:00", False),  # another child's driver
    ],
)
def test_a_driver_sees_name_and_address_in_w_duty_on_his_own_phone(
    house: House, world: World, people: dict[str, Visitor], who: str, on: date, clock: str, is_open: bool
) -> None:
    visitor = people[who]

    shown = page_of(house, visitor, f"/v/{visitor.token}/run/{world.yang.run.id}", on, clock)

    assert (NAME in shown) is is_open
    assert (NOTE in shown) is is_open
    assert (world.yang.words(house.store)[0] in shown) is is_open
    if not is_open:
        assert ADDRESS not in shown
    assert DIAGNOSIS not in shown
    assert GUARDIANS_PHONE[-8:] not in shown.replace(" ", "")


@pytest.mark.parametrize(("clock", "is_open"), [("08:44", True), ("08:45", False)])
def test_w_duty_ends_half_an_hour_after_the_handover(
    house: House, world: World, people: dict[str, Visitor], clock: str, is_open: bool
) -> None:
    visitor = people["wang"]
    with house.store.write() as session:
        hand_over(session, world, "08:15")

    shown = page_of(house, visitor, f"/v/{visitor.token}/run/{world.yang.run.id}", ON, clock)

    assert (NAME in shown) is is_open


def test_a_replaced_driver_sees_nothing_from_that_moment(
    house: House, world: World, people: dict[str, Visitor]
) -> None:
    visitor = people["wang"]
    path = f"/v/{visitor.token}/run/{world.yang.run.id}"
    assert NAME in page_of(house, visitor, path, ON, "07:00")
    with house.store.write() as session:
        shift = session.merge(world.yang.shift)
        shift.state = ShiftState.FREED
        session.add(shift)

    shown = page_of(house, visitor, path, ON, "07:00")

    assert NAME not in shown
    assert world.yang.words(house.store)[0] not in shown


@pytest.mark.parametrize(
    ("who", "on", "clock", "is_open"),
    [
        ("yang", BEFORE, "16:59", False),
        ("yang", BEFORE, "18:00", True),
        ("yang", ON, "07:00", True),
        ("yang_elsewhere", ON, "07:00", False),
        ("shi", ON, "07:00", False),
    ],
)
def test_a_family_sees_the_driver_in_w_duty_on_its_own_phone(
    house: House, world: World, people: dict[str, Visitor], who: str, on: date, clock: str, is_open: bool
) -> None:
    visitor = people[who]

    shown = page_of(house, visitor, f"/f/{visitor.token}", on, clock)

    assert (PLATE in shown) is is_open
    assert (world.yang.words(house.store)[0] in shown) is is_open
    assert "19900005503"[-8:] not in shown.replace(" ", "")  # the driver's number: never


def test_an_unbound_familys_page_names_nobody(house: House, world: World, people: dict[str, Visitor]) -> None:
    visitor = people["yang_elsewhere"]

    shown = page_of(house, visitor, f"/f/{visitor.token}", ON, "07:00")

    hidden = [*world.yang.secrets_of_child(), *world.yang.secrets_of_driver(), "小雨", "家门口"]
    assert [secret for secret in hidden if secret in shown] == []


@pytest.mark.parametrize(
    ("who", "clock", "is_open"),
    [
        ("gate_yang", "07:09", False),  # T is 07:40
        ("gate_yang", "07:10", True),
        ("gate_yang", "08:39", True),
        ("gate_yang", "08:40", False),
        ("gate_shi", "07:40", False),  # another school
    ],
)
def test_a_guard_sees_the_child_and_the_car_in_w_gate_at_his_own_school(
    house: House, world: World, people: dict[str, Visitor], who: str, clock: str, is_open: bool
) -> None:
    shown = page_of(house, people[who], "/gate", ON, clock)

    assert (NAME in shown) is is_open
    assert (PLATE in shown.replace("·", "")) is is_open
    assert [secret for secret in (ADDRESS, DIAGNOSIS, NOTE) if secret in shown] == []
    assert GUARDIANS_PHONE[-8:] not in shown.replace(" ", "")


def test_what_a_guard_reads_stands_in_the_trail_once_a_request(
    house: House, world: World, people: dict[str, Visitor]
) -> None:
    page_of(house, people["gate_yang"], "/gate", ON, "07:40")

    with house.store.read() as session:
        reads = [line for line in audit.trail(session) if line.action == "read"]
    assert [(line.actor, line.fields) for line in reads] == [
        (f"gate:{world.yang.child.school.id}", [f"child:{world.yang.child.id}.full_name"])
    ]


def test_what_a_driver_reads_stands_in_the_trail(
    house: House, world: World, people: dict[str, Visitor]
) -> None:
    visitor = people["wang"]
    page_of(house, visitor, f"/v/{visitor.token}/run/{world.yang.run.id}", ON, "07:00")

    with house.store.read() as session:
        (line,) = [line for line in audit.trail(session) if line.action == "read"]
    assert line.actor == f"volunteer:{world.yang.driver.id}"
    assert f"child:{world.yang.child.id}.full_name" in line.fields


def test_the_board_holds_no_full_name_address_diagnosis_or_number(
    house: House, world: World, people: dict[str, Visitor]
) -> None:
    shown = page_of(house, people["office"], "/today", ON, "07:00")

    hidden = [NAME, ADDRESS, DIAGNOSIS, NOTE, GUARDIANS_PHONE, "19900005503"]
    assert [secret for secret in hidden if secret in shown.replace(" ", "")] == []


def hand_over(session: Session, world: World, clock: str) -> None:
    session.add(
        Tap(
            uuid="44444444-gate",
            leg_id=world.yang.leg.id or 0,
            shift_id=world.yang.shift.id,
            step=Step.HANDED_OVER,
            by=f"gate:{world.yang.child.school.id}",
            tapped_at=at(ON, clock),
            arrived_at=at(ON, clock),
        )
    )
