"""The run: masked outside W-duty, everything that the drive needs inside, one button for the next step."""

import re
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from escort.access.audit import trail
from escort.cases.models import Case, CaseKind
from escort.db import Store
from escort.families.models import Child
from escort.journeys.models import Step, Tap
from escort.rota.models import Direction, Leg, LegState, RunLeg, Shift, ShiftState
from tests.builders import NOW, ZONE, a_child
from tests.escort.web.visitors import Site, Wednesday, a_leg, a_run, a_shift, a_site, a_wednesday
from tests.queries import count_queries

SECRETS = ("杨小雨", "190号", "怕生")
DEPARTURE = datetime(2021, 4, 7, 7, 5, tzinfo=ZONE)


@pytest.fixture
def site(store: Store) -> Site:
    return a_site(store)


@pytest.fixture
def wednesday(store: Store) -> Wednesday:
    return a_wednesday(store)


def dock(page: str) -> dict[str, list[str]]:
    """Return what the dock's form would send."""
    form = re.search(r'id="next-tap".*?</form>', page, re.S)
    assert form, "no dock"
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form[0]):
        fields.setdefault(name, []).append(value)
    return fields


def button(page: str) -> str:
    found = re.search(r'id="next-tap".*?<span>(.*?)</span></button>', page, re.S)
    return found[1] if found else ""


def test_phone_that_is_not_bound_sees_no_name(site: Site, wednesday: Wednesday) -> None:
    page = site.browser().get(f"{site.link(wednesday.wang)}/run/{wednesday.morning_run.id}")

    assert page.status_code == 200
    assert not any(secret in page.text for secret in SECRETS)
    assert "这是我的手机" in page.text


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        (datetime(2021, 4, 6, 16, 59, tzinfo=ZONE), False),  # W-duty has not begun
        (datetime(2021, 4, 6, 17, 0, tzinfo=ZONE), True),
        (datetime(2021, 4, 7, 8, 39, tzinfo=ZONE), True),  # delivered at 08:10
        (datetime(2021, 4, 7, 8, 40, tzinfo=ZONE), False),  # handover + 30 minutes
    ],
)
def test_names_stand_on_the_page_in_w_duty_only(
    site: Site, wednesday: Wednesday, at: datetime, is_open: bool
) -> None:
    browser, address = site.bound(wednesday.wang)
    with site.store.write() as session:
        delivered = datetime(2021, 4, 7, 8, 10, tzinfo=ZONE)
        tap = Tap(
            uuid="delivered",
            leg_id=wednesday.morning.id or 0,
            step=Step.DELIVERED,
            by=wednesday.wang,
            tapped_at=delivered,
            arrived_at=delivered,
        )
        if at > delivered:
            session.add(tap)
    site.clock.at = at

    page = browser.get(f"{address}/run/{wednesday.morning_run.id}").text

    assert all((secret in page) == is_open for secret in SECRETS)


def test_open_run_shows_what_the_drive_needs_and_nothing_more(site: Site, wednesday: Wednesday) -> None:
    with site.store.write() as session:
        session.get_one(Child, wednesday.cast.xiaoyu.id).diagnosis = "癫痫"
    browser, address = site.bound(wednesday.wang)

    page = browser.get(f"{address}/run/{wednesday.morning_run.id}").text

    assert "07:40 唐昌街道190号" in page
    assert "08:15 前到 银杏特殊教育学校" in page
    assert "见面时，您先说" in page
    assert "癫痫" not in page
    assert "杨桂芳" not in page
    assert "19900000001" in page  # the duty phone
    assert f"1990000{wednesday.cast.xiaoyu.guardian.id:04d}" not in page.replace("199 0000 0001", "").replace(
        "tel:19900000001", ""
    )


def test_name_and_address_that_were_shown_are_in_the_trail(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(wednesday.wang)

    browser.get(f"{address}/run/{wednesday.morning_run.id}")

    with site.store.read() as session:
        (read,) = [event for event in trail(session, actor=wednesday.wang) if event.action == "read"]
    assert read.subject == f"child:{wednesday.cast.xiaoyu.id}"
    assert {field.rpartition(".")[2] for field in read.fields} == {"full_name", "address"}


def test_driver_who_was_replaced_sees_nothing_any_more(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(wednesday.wang)
    with site.store.write() as session:
        shift = session.get_one(Shift, wednesday.morning_shift.id)
        shift.state, shift.ended_at = ShiftState.FREED, NOW

    page = browser.get(f"{address}/run/{wednesday.morning_run.id}")

    assert page.status_code == 404
    assert not any(secret in page.text for secret in SECRETS)


def test_another_volunteers_run_is_not_there(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(f"volunteer:{wednesday.cast.stranger.id}")

    assert browser.get(f"{address}/run/{wednesday.morning_run.id}").status_code == 404


def test_four_plain_taps_bring_the_child_to_school(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(wednesday.wang)
    run = f"{address}/run/{wednesday.morning_run.id}"
    site.clock.at = DEPARTURE
    labels = []

    for _ in range(4):
        page = browser.get(run).text
        labels.append(button(page))
        answer = browser.post(f"{address}/taps", data=dock(page))
        assert answer.status_code == 303
        assert answer.headers["location"] == run
        site.clock.at += timedelta(minutes=15)

    assert labels == ["出发了", "到了，在等小雨", "接到小雨了", "小雨交给老师了"]
    with site.store.read() as session:
        steps = [tap.step for tap in session.exec(select(Tap).order_by(Tap.tapped_at))]  # type: ignore[arg-type]
        assert steps == [Step.STARTED, Step.AT_PICKUP, Step.ON_BOARD, Step.DELIVERED]
        assert session.get_one(Shift, wednesday.morning_shift.id).state == ShiftState.SERVED
    assert "都送到了，谢谢您" in browser.get(run).text


def test_button_pressed_twice_is_one_tap(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(wednesday.wang)
    site.clock.at = DEPARTURE
    form = dock(browser.get(f"{address}/run/{wednesday.morning_run.id}").text)

    for _ in range(2):
        assert browser.post(f"{address}/taps", data=form).status_code == 303

    with site.store.read() as session:
        assert len(session.exec(select(Tap)).all()) == 1


def test_tap_can_be_taken_back_for_ten_seconds(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(wednesday.wang)
    run = f"{address}/run/{wednesday.morning_run.id}"
    site.clock.at = DEPARTURE
    form = dock(browser.get(run).text)
    browser.post(f"{address}/taps", data=form)
    undo = {"uuid": form["uuid"], "run": str(wednesday.morning_run.id)}

    assert "撤销" in browser.get(run).text
    assert browser.post(f"{address}/undo", data=undo).status_code == 303

    again = dock(browser.get(run).text)
    assert again["step"] == ["started"]
    assert again["uuid"] != form["uuid"]  # a new tap, not the one that was undone
    browser.post(f"{address}/taps", data=again)
    site.clock.at += timedelta(seconds=11)
    assert "撤销" not in browser.get(run).text
    late = browser.post(f"{address}/undo", data={**undo, "uuid": again["uuid"]})
    assert late.status_code == 409
    assert "过了 10 秒" in late.text


def test_taps_of_a_script_are_answered_one_by_one(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(wednesday.wang)
    site.clock.at = DEPARTURE
    started = {
        "uuid": "0" * 36,
        "leg": wednesday.morning.id,
        "step": "started",
        "at": (DEPARTURE - timedelta(minutes=3)).isoformat(),
    }
    others = {"uuid": "1" * 36, "leg": 9999, "step": "started", "at": DEPARTURE.isoformat()}

    answer = browser.post(f"{address}/taps", json=[started, others])

    assert [row["outcome"] for row in answer.json()] == ["recorded", "refused"]
    with site.store.read() as session:
        tap = session.get_one(Tap, "0" * 36)
        assert (tap.tapped_at, tap.arrived_at) == (DEPARTURE - timedelta(minutes=3), DEPARTURE)


@pytest.mark.parametrize("at", ["2021-04-07T07:02:00", "yesterday"])  # without a zone; not a time
def test_a_row_that_nobody_can_read_stops_no_other_of_its_batch(
    site: Site, wednesday: Wednesday, at: str
) -> None:
    browser, address = site.bound(wednesday.wang)
    site.clock.at = DEPARTURE
    row = {"leg": wednesday.morning.id, "step": "started"}
    good, bad = {"uuid": "0" * 36, "at": DEPARTURE.isoformat(), **row}, {"uuid": "1" * 36, "at": at, **row}

    answer = browser.post(f"{address}/taps", json=[bad, good])

    outcomes = {row["uuid"]: row["outcome"] for row in answer.json()}
    assert outcomes == {"0" * 36: "recorded", "1" * 36: "refused"}


def test_a_tap_is_taken_back_by_a_bound_phone_only(site: Site, wednesday: Wednesday) -> None:
    form = {"uuid": "0" * 36, "run": str(wednesday.morning_run.id)}

    assert site.browser().post(f"{site.link(wednesday.wang)}/undo", data=form).status_code == 403


@pytest.mark.parametrize(
    "body",
    ["not json", "[]", '[{"uuid": "short", "leg": 1, "step": "started"}]', '{"uuid": "0"}'],
)
def test_unreadable_taps_are_refused_with_a_sentence(site: Site, wednesday: Wednesday, body: str) -> None:
    browser, address = site.bound(wednesday.wang)

    answer = browser.post(f"{address}/taps", content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 400
    assert "刷新页面再点一次" in answer.json()["error"]


def test_tap_needs_a_bound_phone(site: Site, wednesday: Wednesday) -> None:
    form = {"uuid": "0" * 36, "leg": str(wednesday.morning.id), "step": "started"}

    assert site.browser().post(f"{site.link(wednesday.wang)}/taps", data=form).status_code == 403


def test_children_of_one_car_share_the_schools_taps_and_get_in_one_by_one(
    site: Site, wednesday: Wednesday
) -> None:
    with site.store.write() as session:
        brother = a_child(session, "小禾", school=wednesday.cast.school)
        first = a_leg(session, wednesday.cast.xiaoyu, direction=Direction.HOME, on=NOW.date())
        second = a_leg(session, brother, direction=Direction.HOME, on=NOW.date())
        run = a_run(session, first, second)
        a_shift(session, run, wednesday.cast.wang)
    browser, address = site.bound(wednesday.wang)
    site.clock.at = first.pickup_at - timedelta(minutes=20)
    labels, legs = [], []

    for _ in range(6):
        form_page = browser.get(f"{address}/run/{run.id}").text
        form = dock(form_page)
        labels.append(button(form_page))
        legs.append(len(form["leg"]))
        browser.post(f"{address}/taps", data=form)
        site.clock.at += timedelta(minutes=5)

    assert labels == ["出发了", "到校门口了", "接到小雨了", "接到小禾了", "小雨到家了", "小禾到家了"]
    assert legs == [2, 2, 1, 1, 1, 1]


def test_child_who_needs_no_ride_after_all_is_named_as_such(site: Site, wednesday: Wednesday) -> None:
    with site.store.write() as session:
        brother = a_child(session, "小禾", school=wednesday.cast.school)
        leg = a_leg(session, brother)
        session.add(
            RunLeg(run_id=wednesday.morning_run.id or 0, leg_id=leg.id or 0, position=1, is_live=False)
        )
        session.get_one(Leg, leg.id).state = LegState.CANCELLED
    browser, address = site.bound(wednesday.wang)

    page = browser.get(f"{address}/run/{wednesday.morning_run.id}").text

    assert "小禾今天不用接" in page
    assert len(dock(page)["leg"]) == 1


def test_trouble_reaches_the_office_at_once(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(wednesday.wang)
    site.clock.at = DEPARTURE

    answer = browser.post(
        f"{address}/trouble", data={"run": str(wednesday.morning_run.id), "what": "car_broken"}
    )

    assert "值班的人知道了" in browser.get(answer.headers["location"]).text
    with site.store.read() as session:
        (case,) = session.exec(select(Case)).all()
        assert (case.kind, case.about) == (CaseKind.TROUBLE_ON_ROAD, f"shift:{wednesday.morning_shift.id}")


def test_run_costs_at_most_ten_queries_besides_its_trail(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(wednesday.wang)

    with count_queries(site.store.engine) as queries:
        browser.get(f"{address}/run/{wednesday.morning_run.id}")

    reading = [statement for statement in queries.statements if "audit" not in statement]
    assert len(reading) <= 10, "\n".join(reading)


CAR = {"plate": "川AD88888", "colour": "红", "seats": "4", "is_insured": "1"}


def test_he_comes_in_another_car_today_and_the_family_reads_its_plate(
    site: Site, wednesday: Wednesday
) -> None:
    browser, address = site.bound(wednesday.wang)
    run = f"{address}/run/{wednesday.morning_run.id}"

    before = browser.get(run).text
    answer = browser.post(f"{run}/car", data=CAR)
    after = browser.get(run).text
    phone, family = site.bound(wednesday.grandmother)

    assert "今天换车" in before
    assert answer.status_code == 303
    assert "今天换了车" in after
    assert "川A·D88888" in after
    shown = phone.get(family).text
    assert "今天换了车" in shown
    assert "川A·D88888" in shown
    assert "川A·12345" in shown  # the way home is driven in the known car
    browser.post(f"{run}/car/known")
    assert "今天换了车" not in browser.get(run).text


def test_a_car_that_will_not_do_keeps_what_was_typed(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(wednesday.wang)

    answer = browser.post(
        f"{address}/run/{wednesday.morning_run.id}/car", data={**CAR, "plate": "川A123", "seats": "2"}
    )

    assert answer.status_code == 409
    assert "车牌“川A123”不完整" in answer.text
    assert 'value="川A123"' in answer.text
    assert '<option value="红" selected>' in answer.text


def test_once_he_has_left_the_page_offers_no_other_car(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(wednesday.wang)
    run = f"{address}/run/{wednesday.morning_run.id}"
    site.clock.at = DEPARTURE
    browser.post(f"{address}/taps", data=dock(browser.get(run).text))

    assert "今天换车" not in browser.get(run).text
    refused = browser.post(f"{run}/car", data=CAR)

    assert refused.status_code == 409


def test_a_phone_that_is_not_bound_changes_no_car(site: Site, wednesday: Wednesday) -> None:
    answer = site.browser().post(f"{site.link(wednesday.wang)}/run/{wednesday.morning_run.id}/car", data=CAR)

    assert answer.status_code == 403
