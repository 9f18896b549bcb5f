"""The clock pokes its jobs, keeps who failed, and can be moved."""

import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduling.clock import Clock

ZONE = ZoneInfo("Asia/Shanghai")
INSTANT = datetime(2021, 4, 6, 10, 0, tzinfo=UTC)


class Counter:
    """A job that says when it was run for the nth time, and fails as often as it is told."""

    def __init__(self, fails: int = 0) -> None:
        self.runs = 0
        self.fails = fails
        self.ran = threading.Semaphore(0)

    def __call__(self) -> None:
        self.runs += 1
        self.ran.release()
        if self.runs <= self.fails:
            raise ZeroDivisionError("the row is broken")

    def wait(self, times: int = 1) -> bool:
        return all(self.ran.acquire(timeout=5) for _ in range(times))


def until(condition: threading.Event, check: object) -> bool:
    """Wait until a listener in another thread has done its work."""
    return any(check() or condition.wait(0.02) for _ in range(250))  # type: ignore[operator]  # any callable


def test_the_time_of_the_store_is_the_real_time_and_its_offset() -> None:
    ahead = timedelta(hours=13)

    clock = Clock(ZONE, moved=lambda real: real + ahead, reads=lambda: INSTANT)

    assert clock.now() == INSTANT + ahead


def test_a_heartbeat_runs_its_jobs_again_and_again() -> None:
    job = Counter()
    clock = Clock(ZONE)

    clock.start({"deliver": job}, heartbeat_seconds=0.02)
    ran = job.wait(times=3)
    clock.stop()

    assert ran
    assert clock.last_done_at("deliver") is not None


def test_a_daily_job_does_not_run_at_a_heartbeat_but_can_be_poked() -> None:
    heart, evening = Counter(), Counter()
    clock = Clock(ZONE)

    clock.start({"deliver": heart}, daily={"rotate": evening}, heartbeat_seconds=0.02)
    heart.wait(times=2)
    runs_before = evening.runs
    clock.poke("rotate")
    ran = evening.wait()
    clock.stop()

    assert runs_before == 0
    assert ran


def test_a_job_that_fails_raises_the_flag_and_lowers_it_when_it_works_again() -> None:
    job = Counter(fails=1)
    clock = Clock(ZONE)

    clock.start({"deliver": job}, heartbeat_seconds=0.3)
    job.wait()
    flagged = until(threading.Event(), lambda: not clock.is_well)
    failure = clock.failures[0]
    job.wait()
    healed = until(threading.Event(), lambda: clock.is_well)
    clock.stop()

    assert flagged
    assert (failure.job, "the row is broken" in failure.error) == ("deliver", True)
    assert healed


def test_a_failing_job_stops_no_other() -> None:
    bad, good = Counter(fails=1000), Counter()
    clock = Clock(ZONE)

    clock.start({"bad": bad, "good": good}, heartbeat_seconds=0.02)
    ran = good.wait(times=3) and bad.wait(times=3)
    clock.stop()

    assert ran


def test_a_job_that_is_still_running_is_not_started_twice() -> None:
    release, started = threading.Event(), Counter()

    def slow() -> None:
        started()
        release.wait(5)

    other = Counter()
    clock = Clock(ZONE)
    clock.start({"slow": slow, "other": other}, heartbeat_seconds=0.02)
    started.wait()
    other.wait(times=5)
    runs = started.runs
    release.set()
    clock.stop()

    assert runs == 1


def test_an_unknown_job_cannot_be_poked() -> None:
    clock = Clock(ZONE)

    with pytest.raises(KeyError):
        clock.poke("nobody")


def test_a_clock_is_started_once_and_may_be_stopped_twice() -> None:
    clock = Clock(ZONE)
    clock.start({})

    with pytest.raises(RuntimeError):
        clock.start({})
    clock.stop()
    clock.stop()

    assert not clock.is_running
