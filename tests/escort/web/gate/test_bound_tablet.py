"""A tablet is bound to a school's gate by one QR and one tap; it needs no password, and a lost one is out at once."""

import re
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from escort.access import accounts, gate_devices, links
from escort.access.audit import trail
from escort.access.models import Device, Link, Purpose, Role
from escort.db import Store
from escort.errors import NotFound
from escort.journeys.models import Step, Tap
from escort.web import cookies, csrf
from tests.builders import ZONE, a_school
from tests.cast import LIN
from tests.escort.web.visitors import GateBrowser, Site, Wednesday, a_site, a_wednesday

DISMISSAL = datetime(2021, 4, 7, 16, 0, tzinfo=ZONE)


@pytest.fixture
def site(store: Store) -> Site:
    return a_site(store, DISMISSAL)


@pytest.fixture
def day(store: Store) -> Wednesday:
    return a_wednesday(store)


def code_of(site: Site, school_id: int) -> str:
    with site.store.write() as session:
        return gate_devices.issue_gate_code(session, school_id=school_id, by=LIN, now=site.clock.at)


def test_one_tap_opens_the_list_without_a_password(site: Site, day: Wednesday) -> None:
    token = code_of(site, day.cast.school.id or 0)
    tablet = site.browser()
    assert tablet.get("/gate").status_code == 303  # to the sign-in

    asked = tablet.get(f"/gate/bind/{token}").text
    bound = tablet.post(f"/gate/bind/{token}", data={"label": "东门"})

    assert "银杏特殊教育学校" in asked
    assert "杨小雨" not in asked
    assert (bound.status_code, bound.headers["location"]) == (303, "/gate")
    assert "杨小雨" in tablet.get("/gate").text


def test_bound_tablet_is_masked_outside_w_gate(site: Site, day: Wednesday) -> None:
    tablet = site.tablet(day.cast.school.id or 0)
    site.clock.at = DISMISSAL - timedelta(minutes=31)

    page = tablet.get("/gate").text

    assert [name for name in ("杨小雨", "王师傅", "12345") if name in page] == []
    assert "1 名" in page


def test_bound_tablet_hands_over_with_its_own_token_and_not_without(site: Site, day: Wednesday) -> None:
    tablet = site.tablet(day.cast.school.id or 0)
    address = f"/gate/legs/{day.afternoon.id}/handover"

    bare = tablet.post(address, data={"uuid": "0" * 36})
    pressed = tablet.press(address, uuid="0" * 36)

    assert (bare.status_code, pressed.status_code) == (403, 303)
    with site.store.read() as session:
        (tap,) = session.exec(select(Tap)).all()
        assert (tap.step, tap.by) == (Step.HANDED_OVER, f"gate:{day.cast.school.id}")


def test_looking_at_the_qr_changes_nothing(site: Site, day: Wednesday) -> None:
    token = code_of(site, day.cast.school.id or 0)

    for _ in range(3):  # a camera's preview, a scanner, the guard
        assert site.browser().get(f"/gate/bind/{token}").status_code == 200

    with site.store.read() as session:
        assert session.exec(select(Device)).all() == []
        assert session.exec(select(Link)).one().revoked_at is None


@pytest.mark.parametrize(
    "what", ["used", "over", "replaced by a newer one", "a volunteer's link", "invented"]
)
def test_a_qr_that_is_no_good_is_one_plain_sentence(site: Site, day: Wednesday, what: str) -> None:
    school_id = day.cast.school.id or 0
    token = code_of(site, school_id)
    if what == "used":
        assert site.browser().post(f"/gate/bind/{token}").status_code == 303
    elif what == "over":
        site.clock.at += gate_devices.CODE_GOOD_FOR
    elif what == "replaced by a newer one":
        code_of(site, school_id)
    elif what == "a volunteer's link":
        with site.store.write() as session:
            token = links.issue_link(session, subject=day.wang, purpose=Purpose.VOLUNTEER, now=site.clock.at)
    else:
        token = "x" * 22

    looked = site.browser().get(f"/gate/bind/{token}")
    tapped = site.browser().post(f"/gate/bind/{token}")

    for answer in (looked, tapped):
        assert answer.status_code == 404
        assert "这张码用过了、过期了，或者不是校门的码。" in answer.text
    assert "set-cookie" not in tapped.headers


def test_two_taps_on_one_qr_bind_one_tablet(site: Site, day: Wednesday) -> None:
    token = code_of(site, day.cast.school.id or 0)

    answers = sorted(site.browser().post(f"/gate/bind/{token}").status_code for _ in range(2))

    assert answers == [303, 404]
    with site.store.read() as session:
        assert len(session.exec(select(Device)).all()) == 1


def test_second_tap_loses_when_the_link_is_used_up_in_between(site: Site, day: Wednesday) -> None:
    token = code_of(site, day.cast.school.id or 0)
    with site.store.write() as session:
        link = links.resolve(session, token=token, purpose=Purpose.GATE, now=site.clock.at)
        assert links.use_up(session, link=link, now=site.clock.at)

        with pytest.raises(NotFound):
            gate_devices.bind_gate_device(
                session, token=token, label="", replaced=None, now=site.clock.at, real_now=site.clock.at
            )


def test_tablet_bound_at_another_school_opens_that_school_only(site: Site, day: Wednesday) -> None:
    with site.store.write() as session:
        other = a_school(session, "团结小学")
    tablet = site.tablet(other.id or 0)

    page = tablet.get("/gate").text
    pressed = tablet.press(f"/gate/legs/{day.afternoon.id}/handover", uuid="0" * 36)

    assert "团结小学" in page
    assert "杨小雨" not in page
    assert pressed.status_code == 404


def test_tablet_that_moves_to_another_school_leaves_the_first(site: Site, day: Wednesday) -> None:
    with site.store.write() as session:
        other = a_school(session, "团结小学")
    tablet = site.tablet(day.cast.school.id or 0)

    assert tablet.post(f"/gate/bind/{code_of(site, other.id or 0)}").status_code == 303

    assert "团结小学" in tablet.get("/gate").text
    with site.store.read() as session:
        live = gate_devices.gate_devices(session, now=site.app.state.house.real_now())
    assert [(school, len(found)) for school, found in live.items()] == [(other.id, 1)]


def test_binding_ends_the_sign_in_of_the_same_browser(site: Site, day: Wednesday) -> None:
    with site.store.write() as session:
        other = a_school(session, "团结小学")
    guard = site.gate(other.id or 0)
    secret = guard.cookies[cookies.SESSION_NAMES[Role.GATE]]

    guard.post(f"/gate/bind/{code_of(site, day.cast.school.id or 0)}")

    assert "银杏特殊教育学校" in guard.get("/gate").text
    with site.store.read() as session:
        inside = accounts.who_is_inside(session, secret=secret, now=site.app.state.house.real_now())
    assert inside is None


def test_password_still_opens_the_gate_where_a_binding_is_over(site: Site, day: Wednesday) -> None:
    school_id = day.cast.school.id or 0
    tablet, guard = site.tablet(school_id), site.gate(school_id)
    with site.store.write() as session:
        (device,) = session.exec(select(Device)).all()
        gate_devices.revoke_gate_device(
            session, device_id=device.id or 0, by=LIN, now=site.app.state.house.real_now()
        )
    assert tablet.get("/gate").status_code == 303

    tablet.cookies.set(
        cookies.SESSION_NAMES[Role.GATE],
        guard.cookies[cookies.SESSION_NAMES[Role.GATE]],
        domain="testserver.local",
    )

    assert "杨小雨" in tablet.get("/gate").text


def test_lost_tablet_is_out_at_its_next_request(site: Site, day: Wednesday) -> None:
    tablet, office = site.tablet(day.cast.school.id or 0, label="东门"), site.office()
    listed = office.get("/accounts").text
    revoke = re.search(r'action="(/accounts/tablets/\d+/revoke)"', listed)
    assert revoke
    assert "东门" in listed
    assert "上次看是" in listed

    assert office.press(revoke[1]).status_code == 303

    assert tablet.get("/gate").headers["location"].startswith("/sign-in")
    answer = tablet.press(f"/gate/legs/{day.afternoon.id}/handover", uuid="0" * 36)
    assert answer.status_code == 401
    assert "这台平板不再认得了" in answer.text
    assert "东门" not in office.get("/accounts").text
    assert office.press(revoke[1]).status_code == 303  # twice is once


def test_somebodys_own_phone_is_not_untied_as_a_tablet(site: Site, day: Wednesday) -> None:
    phone, address = site.bound(day.wang)
    with site.store.read() as session:
        device = session.exec(select(Device)).one()

    answer = site.office().press(f"/accounts/tablets/{device.id}/revoke")

    assert answer.status_code == 404
    assert phone.get(address).status_code == 200
    with site.store.read() as session:
        assert session.exec(select(Device)).one().revoked_at is None


def test_closing_a_schools_account_closes_its_tablets_and_its_qr(site: Site, day: Wednesday) -> None:
    school_id = day.cast.school.id or 0
    tablet, _ = site.tablet(school_id), site.gate(school_id)
    token = code_of(site, school_id)
    with site.store.write() as session:
        account = next(one for one in accounts.accounts(session) if one.school_id == school_id)
        accounts.disable_account(session, account_id=account.id or 0, by=LIN, now=DISMISSAL)

    assert tablet.get("/gate").status_code == 303
    assert site.browser().post(f"/gate/bind/{token}").status_code == 404


def test_office_shows_the_qr_once_and_keeps_its_hash_alone(site: Site, day: Wednesday) -> None:
    shown = site.office().press(f"/accounts/gates/{day.cast.school.id}/code")

    assert shown.status_code == 200
    assert "<svg" in shown.text
    assert "只能用一次" in shown.text
    assert "4月10日 16:00 前有效" in shown.text
    with site.store.read() as session:
        link = session.exec(select(Link)).one()
        (line,) = trail(session, subject=f"gate:{day.cast.school.id}")
    assert (link.purpose, link.subject) == (Purpose.GATE, f"gate:{day.cast.school.id}")
    assert link.token_hash not in shown.text
    assert (line.action, line.actor.split(":")[0]) == ("gate_code.issued", "account")


def test_qr_for_a_school_that_is_not_there_is_refused(site: Site, day: Wednesday) -> None:
    assert site.office().press("/accounts/gates/999/code").status_code == 404


def test_tablet_in_use_is_seen_once_a_minute(site: Site, day: Wednesday) -> None:
    tablet = site.tablet(day.cast.school.id or 0)
    with site.store.write() as session:
        device = session.exec(select(Device)).one()
        bound_at = device.bound_at
        device.seen_at = bound_at - timedelta(hours=3)

    tablet.get("/gate")

    with site.store.read() as session:
        seen_at = session.exec(select(Device)).one().seen_at
    assert seen_at is not None
    assert seen_at >= bound_at


def test_binding_and_untying_stand_in_the_trail(site: Site, day: Wednesday) -> None:
    subject = f"gate:{day.cast.school.id}"
    site.tablet(day.cast.school.id or 0)
    with site.store.write() as session:
        device = session.exec(select(Device)).one()
        gate_devices.revoke_gate_device(session, device_id=device.id or 0, by=LIN, now=DISMISSAL)

        lines = [(line.actor, line.action) for line in trail(session, subject=subject)]

    assert lines == [
        (LIN, "device.revoked"),
        (subject, "device.bound"),
        (LIN, "gate_code.issued"),
    ]


def test_form_token_is_the_tablets_own(site: Site, day: Wednesday) -> None:
    tablet = site.tablet(day.cast.school.id or 0)
    assert isinstance(tablet, GateBrowser)

    assert f'value="{csrf.token_for(tablet.cookies[cookies.GATE_DEVICE])}"' in tablet.get("/gate").text
