"""The first phone is bound by a tap, every further one by a code to the registered number."""

import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlmodel import Session, select

from escort.access import devices, links
from escort.access.devices import BoundDevice, CodeVerdict
from escort.access.models import Link, OneTimeCode, Purpose
from escort.db import Store
from escort.errors import TooMany

NOW = datetime(2021, 4, 6, 10, 0, tzinfo=UTC)
WANG = "volunteer:12"


def a_link(session: Session, subject: str = WANG) -> Link:
    token = links.issue_link(session, subject=subject, purpose=Purpose.VOLUNTEER, now=NOW)
    return links.resolve(session, token=token, purpose=Purpose.VOLUNTEER, now=NOW)


def a_first_device(session: Session) -> BoundDevice:
    device = devices.bind_first(session, link=a_link(session), now=NOW)
    assert device is not None
    return device


def test_the_first_tap_binds(session: Session) -> None:
    device = a_first_device(session)

    assert devices.is_bound(session, subject=WANG, secret=device.secret, now=NOW)


def test_a_second_tap_needs_a_code(session: Session) -> None:
    a_first_device(session)

    assert devices.bind_first(session, link=a_link(session), now=NOW) is None


def test_whoever_finds_a_revoked_phone_cannot_bind_it_by_a_tap(session: Session) -> None:
    device = a_first_device(session)
    devices.revoke_device(session, device_id=device.device_id, subject=WANG, by="account:1", now=NOW)

    assert not devices.is_bound(session, subject=WANG, secret=device.secret, now=NOW)
    assert devices.bind_first(session, link=a_link(session), now=NOW) is None


def test_a_cookie_of_one_person_is_worth_nothing_for_another(session: Session) -> None:
    device = a_first_device(session)

    assert not devices.is_bound(session, subject="volunteer:13", secret=device.secret, now=NOW)


def test_a_binding_ends_after_half_a_year(session: Session) -> None:
    device = a_first_device(session)

    assert not devices.is_bound(session, subject=WANG, secret=device.secret, now=NOW + devices.BOUND_FOR)


def test_the_right_code_binds_a_second_phone_once(session: Session) -> None:
    a_first_device(session)
    link = a_link(session)
    code = devices.request_code(session, link=link, now=NOW)

    second = devices.redeem_code(session, link=link, code=code, now=NOW)

    assert isinstance(second, BoundDevice)
    assert not second.is_first
    assert devices.redeem_code(session, link=link, code=code, now=NOW) is CodeVerdict.SPENT
    assert len(devices.live_devices(session, subject=WANG, now=NOW)) == 2


def test_a_code_is_good_only_for_the_link_that_asked(session: Session) -> None:
    asked, other = a_link(session), a_link(session)
    code = devices.request_code(session, link=asked, now=NOW)

    assert devices.redeem_code(session, link=other, code=code, now=NOW) is CodeVerdict.SPENT


def test_a_code_lasts_ten_minutes(session: Session) -> None:
    link = a_link(session)
    code = devices.request_code(session, link=link, now=NOW)

    late = devices.redeem_code(session, link=link, code=code, now=NOW + timedelta(minutes=10))

    assert late is CodeVerdict.SPENT


def test_after_five_wrong_tries_the_right_code_is_worth_nothing(session: Session) -> None:
    link = a_link(session)
    code = devices.request_code(session, link=link, now=NOW)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"

    verdicts = [devices.redeem_code(session, link=link, code=wrong, now=NOW) for _ in range(5)]

    assert verdicts == [CodeVerdict.WRONG] * 4 + [CodeVerdict.SPENT]
    assert devices.redeem_code(session, link=link, code=code, now=NOW) is CodeVerdict.SPENT


def test_the_store_keeps_no_code(session: Session) -> None:
    code = devices.request_code(session, link=a_link(session), now=NOW)

    kept = session.exec(select(OneTimeCode)).one()

    assert code not in kept.code_hash


def test_a_new_code_ends_the_old_one(session: Session) -> None:
    link = a_link(session)
    old = devices.request_code(session, link=link, now=NOW)
    new = devices.request_code(session, link=link, now=NOW + timedelta(minutes=1))

    at = NOW + timedelta(minutes=2)
    outcomes = [type(devices.redeem_code(session, link=link, code=code, now=at)) for code in (old, new)]

    assert outcomes == [CodeVerdict, BoundDevice] or old == new


def test_codes_are_sent_once_a_minute_five_an_hour_ten_a_day(session: Session) -> None:
    link = a_link(session)
    sent = []
    for minute in range(24 * 60):
        try:
            with session.begin_nested():
                devices.request_code(session, link=link, now=NOW + timedelta(minutes=minute / 2))
            sent.append(minute / 2)
        except TooMany:
            continue

    assert all(later - earlier >= 1 for earlier, later in pairwise(sent))
    assert sum(minute < 60 for minute in sent) == 5
    assert len(sent) == 10


def test_two_first_taps_at_once_bind_one_phone(store: Store) -> None:
    with store.write() as session:
        link = a_link(session)
    bound: list[BoundDevice | None] = []
    together = threading.Barrier(4)

    def tap() -> None:
        together.wait()
        with store.write() as session:
            bound.append(devices.bind_first(session, link=link, now=NOW))

    threads = [threading.Thread(target=tap) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(bound) == 4
    assert sum(device is not None for device in bound) == 1


def test_one_code_tried_many_times_at_once_binds_one_phone(store: Store) -> None:
    with store.write() as session:
        link = a_link(session)
        code = devices.request_code(session, link=link, now=NOW)
    outcomes: list[object] = []
    together = threading.Barrier(5)

    def redeem() -> None:
        together.wait()
        with store.write() as session:
            outcomes.append(devices.redeem_code(session, link=link, code=code, now=NOW))

    threads = [threading.Thread(target=redeem) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(isinstance(outcome, BoundDevice) for outcome in outcomes) == 1


@pytest.mark.parametrize("subject", ["volunteer:12", "guardian:12"])
def test_suspension_ends_links_devices_and_codes_at_once(session: Session, subject: str) -> None:
    link = a_link(session, subject)
    device = devices.bind_first(session, link=link, now=NOW)
    assert device is not None
    code = devices.request_code(session, link=link, now=NOW)

    links.revoke_all(session, subject, NOW)

    assert not devices.is_bound(session, subject=subject, secret=device.secret, now=NOW)
    assert devices.redeem_code(session, link=link, code=code, now=NOW) is CodeVerdict.SPENT
