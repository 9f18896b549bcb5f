"""The demonstration lets nothing out of this machine, and a store stays what it was stamped."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from escort import app as wiring
from escort.db import Store
from escort.demo import setup
from escort.demo.models import DemoState
from escort.demo.world import DemoClock
from escort.errors import NotConfigured
from escort.settings import Settings

NOW = datetime(2021, 4, 5, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "settings",
    [
        {"host": "0.0.0.0"},  # others in the office could open it
        {"sms_url": "https://sms.example.org", "sms_secret": "whsec_" + "YWJj" * 10, "callback_token": "x"},
        {
            "webhook_url": "http://127.0.0.1.example.org/in",
            "webhook_secret": "whsec_" + "YWJj" * 10,
        },  # only looks like loopback
        {"heartbeat_url": "https://example.org/ping"},
    ],
)
def test_nothing_leaves_the_demonstration(settings: dict[str, str]) -> None:
    with pytest.raises(NotConfigured, match="演示区"):
        setup.check_demonstration(Settings(**settings))  # type: ignore[arg-type]


def test_a_loopback_webhook_is_allowed() -> None:
    setup.check_demonstration(
        Settings(webhook_url="http://127.0.0.1:9000/in", webhook_secret="whsec_" + "YWJj" * 10)
    )  # type: ignore[arg-type]


@pytest.mark.parametrize("first", [True, False])
def test_a_store_is_stamped_for_good(store: Store, first: bool) -> None:
    with store.write() as session:
        setup.stamp(session, is_demo=first, now=NOW)
    with store.write() as session:
        setup.stamp(session, is_demo=first, now=NOW)

    with store.write() as session, pytest.raises(NotConfigured, match="不能改作他用"):
        setup.stamp(session, is_demo=not first, now=NOW)


def test_a_real_district_does_not_serve_with_an_invented_duty_number(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="DUJUAN_DUTY_PHONE"):
        wiring.check_ready_to_serve(Settings(data_dir=tmp_path))

    wiring.check_ready_to_serve(Settings(data_dir=tmp_path, duty_phone="028 8700 0000"))


def test_a_clock_that_dies_on_the_way_goes_on_from_near_it(store: Store) -> None:
    with store.write() as session:
        session.add(DemoState(offset_seconds=0.0, seed=1, sms_secret="s", callback_token="t"))
    clock = DemoClock(store)
    there = datetime(2021, 4, 6, 10, 0, tzinfo=UTC)

    clock.freeze(there)  # and the process dies here

    after_restart = DemoClock(store)
    assert abs((after_restart.moved(datetime.now(UTC)) - there).total_seconds()) < 60
