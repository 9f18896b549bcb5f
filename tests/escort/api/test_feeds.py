"""The calendar feed of a volunteer: what he promised, by time and area, and nothing that a stranger may not see."""

from datetime import UTC, timedelta

import pytest
import vobject  # type: ignore[import-untyped]
from icalendar import Calendar
from sqlmodel import Session, select
from starlette.testclient import TestClient

from escort.access.links import revoke_all
from escort.access.models import AuditEvent
from escort.api import feeds
from escort.db import Store
from escort.families.models import Child
from escort.roster.models import Volunteer
from escort.rota.models import Direction, Run, Shift, ShiftState
from tests.builders import NOW
from tests.escort.web.visitors import Site, Wednesday, a_leg, a_run, a_shift, a_site, a_wednesday
from tests.queries import count_queries


@pytest.fixture
def site(store: Store) -> Site:
    made = a_site(store)
    made.app.include_router(feeds.router)
    return made


@pytest.fixture
def wednesday(store: Store) -> Wednesday:
    return a_wednesday(store)


def subscribe(site: Site, who: str) -> str:
    """Ask for a calendar address on a bound phone; returns its path."""
    phone, home = site.bound(who)
    shown = phone.post(f"{home}/calendar")
    assert shown.status_code == 200, shown.text
    address = shown.text.split('id="feed" value="')[1].split('"')[0]
    return "/feeds/" + address.split("/feeds/")[1]


def entries(site: Site, path: str) -> dict[str, dict[str, object]]:
    """Fetch the feed as a calendar program would, without cookies; returns its events by UID."""
    answer = site.browser().get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert max(len(line) for line in answer.content.split(b"\r\n")) <= 75, "folded as RFC 5545 wants it"
    read = Calendar.from_ical(answer.content)
    return {
        str(event["uid"]): {
            "starts": event.decoded("dtstart"),
            "ends": event.decoded("dtend"),
            "status": str(event["status"]),
            "sequence": int(event["sequence"]),
            "summary": str(event["summary"]),
        }
        for event in read.walk("VEVENT")
    }


def end_shift(session: Session, shift: Shift, state: ShiftState = ShiftState.FREED) -> None:
    kept = session.get_one(Shift, shift.id)
    kept.state, kept.ended_at = state, NOW
    session.flush()


def test_what_was_promised_stands_in_the_calendar_by_time_and_area(site: Site, wednesday: Wednesday) -> None:
    found = sorted(
        entries(site, subscribe(site, wednesday.wang)).values(), key=lambda one: str(one["starts"])
    )

    assert [one["status"] for one in found] == ["CONFIRMED", "CONFIRMED"]
    assert found[0]["starts"] == wednesday.morning_run.starts_at.astimezone(UTC)
    assert found[0]["ends"] == wednesday.morning_run.ends_at.astimezone(UTC)
    assert [one["summary"] for one in found] == [
        "上学接送 唐昌街道一带到郫筒街道",
        "放学接送 郫筒街道一带到唐昌街道",
    ]


def test_a_calendar_parser_other_than_ours_reads_the_same(
    site: Site, wednesday: Wednesday, store: Store
) -> None:
    path = subscribe(site, wednesday.wang)
    with store.write() as session:
        end_shift(session, wednesday.afternoon_shift)
    ours = entries(site, path)

    theirs = vobject.readOne(site.browser().get(path).content.decode())

    assert {
        event.uid.value: {
            "starts": event.dtstart.value.astimezone(UTC),
            "ends": event.dtend.value.astimezone(UTC),
            "status": event.status.value,
            "sequence": int(event.sequence.value),
            "summary": event.summary.value,
        }
        for event in theirs.vevent_list
    } == ours
    assert {one["status"] for one in ours.values()} == {"CONFIRMED", "CANCELLED"}
    assert theirs.validate(raiseException=True)


def test_no_name_place_or_number_is_in_the_feed(site: Site, wednesday: Wednesday, store: Store) -> None:
    path = subscribe(site, wednesday.wang)
    with store.read() as session:
        child = session.get_one(Child, wednesday.cast.xiaoyu.id)
        driver = session.get_one(Volunteer, wednesday.cast.wang.id)
        secrets = [child.short_name, child.full_name, child.address, child.handling_note]
        secrets += [wednesday.cast.xiaoyu.guardian.name, wednesday.cast.xiaoyu.school.name, driver.name]
        secrets += [driver.plate, "家门口", wednesday.wang]

    text = Calendar.from_ical(site.browser().get(path).content).to_ical().decode().replace("\r\n ", "")

    assert [secret for secret in secrets if secret and secret in text] == []


def test_a_cancelled_turn_stays_with_its_uid_and_a_higher_sequence(
    site: Site, wednesday: Wednesday, store: Store
) -> None:
    path = subscribe(site, wednesday.wang)
    before = entries(site, path)
    with store.write() as session:
        end_shift(session, wednesday.morning_shift)

    after = entries(site, path)

    assert after.keys() == before.keys()
    (uid,) = [uid for uid, one in after.items() if one["status"] == "CANCELLED"]
    assert int(str(after[uid]["sequence"])) > int(str(before[uid]["sequence"]))
    assert after[uid]["summary"] == "不用去了：上学接送"


def test_a_turn_given_again_is_the_same_entry(site: Site, wednesday: Wednesday, store: Store) -> None:
    path = subscribe(site, wednesday.wang)
    with store.write() as session:
        end_shift(session, wednesday.morning_shift)
    cancelled = entries(site, path)
    with store.write() as session:
        driver = session.get_one(Volunteer, wednesday.cast.wang.id)
        a_shift(session, session.get_one(Run, wednesday.morning_run.id), driver)

    again = entries(site, path)

    assert again.keys() == cancelled.keys()
    assert {one["status"] for one in again.values()} == {"CONFIRMED"}
    assert all(int(str(again[uid]["sequence"])) >= int(str(cancelled[uid]["sequence"])) for uid in again)


def test_a_changed_time_is_a_higher_sequence(site: Site, wednesday: Wednesday, store: Store) -> None:
    path = subscribe(site, wednesday.wang)
    before = entries(site, path)
    with store.write() as session:
        run = session.get_one(Run, wednesday.morning_run.id)
        run.starts_at, run.version = run.starts_at - timedelta(minutes=5), run.version + 1

    after = entries(site, path)

    (moved,) = [uid for uid in after if after[uid]["starts"] != before[uid]["starts"]]
    assert int(str(after[moved]["sequence"])) > int(str(before[moved]["sequence"]))


def test_what_was_only_asked_and_what_others_promised_is_not_there(
    site: Site, wednesday: Wednesday, store: Store
) -> None:
    with store.write() as session:
        thursday = wednesday.morning.on + timedelta(days=1)
        for direction, driver, confirmed_at in (
            (Direction.TO_SCHOOL, wednesday.cast.wang, None),
            (Direction.HOME, wednesday.cast.chen, NOW),
        ):
            run = a_run(session, a_leg(session, wednesday.cast.xiaoyu, on=thursday, direction=direction))
            state = ShiftState.CONFIRMED if confirmed_at else ShiftState.OPEN
            a_shift(session, run, driver, state=state, confirmed_at=confirmed_at)

    assert len(entries(site, subscribe(site, wednesday.wang))) == 2


def test_a_new_address_ends_the_old_one_and_stopping_ends_both(site: Site, wednesday: Wednesday) -> None:
    first = subscribe(site, wednesday.wang)
    second = subscribe(site, wednesday.wang)
    assert site.browser().get(first).status_code == 404
    assert site.browser().get(second).status_code == 200
    phone, home = site.bound(wednesday.wang)
    assert "停掉日历" in phone.get(home).text

    assert phone.post(f"{home}/calendar/stop").status_code == 303

    assert site.browser().get(second).status_code == 404
    assert "停掉日历" not in phone.get(home).text
    assert phone.get(home).status_code == 200, "his own link goes on"
    with site.store.read() as session:
        actions = session.exec(select(AuditEvent.action).where(AuditEvent.subject == wednesday.wang)).all()
    assert [one for one in actions if one.startswith("calendar.")] == [
        "calendar.issued",
        "calendar.issued",
        "calendar.stopped",
    ]


def test_suspension_and_a_lost_phone_end_the_feed(site: Site, wednesday: Wednesday, store: Store) -> None:
    path = subscribe(site, wednesday.wang)
    with store.write() as session:
        revoke_all(session, wednesday.wang, NOW)

    assert site.browser().get(path).status_code == 404


def test_an_address_is_over_after_half_a_year(site: Site, wednesday: Wednesday) -> None:
    path = subscribe(site, wednesday.wang)

    site.clock.at = NOW + timedelta(days=181)

    assert site.browser().get(path).status_code == 404


def test_one_link_never_opens_what_another_is_for(site: Site, wednesday: Wednesday) -> None:
    feed = subscribe(site, wednesday.wang).split("/")[2]
    own = site.link(wednesday.wang).removeprefix("/v/")
    family = site.link(wednesday.grandmother).removeprefix("/f/")

    for path in (f"/v/{feed}", f"/f/{feed}", f"/feeds/{own}/shifts.ics", f"/feeds/{family}/shifts.ics"):
        assert site.browser().get(path).status_code == 404, path


def test_only_a_bound_phone_gets_an_address(site: Site, wednesday: Wednesday) -> None:
    home = site.link(wednesday.wang)
    stranger: TestClient = site.browser()

    assert stranger.post(f"{home}/calendar").status_code == 403
    assert stranger.post(f"{home}/calendar/stop").status_code == 403
    assert "放进手机日历" not in stranger.get(home).text


def test_the_feed_costs_four_queries_however_many_turns(site: Site, wednesday: Wednesday) -> None:
    path = subscribe(site, wednesday.wang)

    with count_queries(site.store.engine) as counted:
        entries(site, path)

    assert len(counted) <= 4
