"""The thin wrapper on APScheduler: it decides when it is worth trying a job, and nothing else.

Due times are rows, and jobs decide from rows and `now`. Whatever a dead process missed, the next heartbeat makes
up; so the job store is memory, a job that is still running is not started twice, and many missed pokes are one.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

Job = Callable[[], object]


def real_now() -> datetime:
    """Return the aware UTC instant. The only place that reads the machine's clock for a decision."""
    return datetime.now(UTC)


def as_it_is(real: datetime) -> datetime:
    """The store's time of a real district."""
    return real


@dataclass(frozen=True, slots=True)
class Failure:
    """The last time that a job raised or was missed."""

    job: str
    error: str
    at: datetime


class Clock:
    """Says what time it is for this store, and pokes its jobs.

    `moved` turns every reading into the store's time: a demonstration runs ahead of the machine, or stands still.
    Leases, signatures and cookies use `real_now`, never this.
    """

    def __init__(
        self,
        zone: ZoneInfo,
        *,
        moved: Callable[[datetime], datetime] = as_it_is,
        reads: Callable[[], datetime] = real_now,
    ) -> None:
        self._zone, self._moved, self._reads = zone, moved, reads
        self._scheduler: BackgroundScheduler | None = None
        self._guard = threading.Lock()
        self._failing: dict[str, Failure] = {}
        self._done_at: dict[str, datetime] = {}

    def now(self) -> datetime:
        """Return the store's time as an aware UTC instant."""
        return self._moved(self._reads())

    @property
    def zone(self) -> ZoneInfo:
        return self._zone

    def start(
        self,
        jobs: Mapping[str, Job],
        *,
        daily: Mapping[str, Job] | None = None,
        heartbeat_seconds: float = 1,
        daily_at_hour: int = 18,
    ) -> None:
        """Run `jobs` at every heartbeat and `daily` ones each evening, in threads of their own, until `stop`.

        The evening too is only a poke by the machine's own time: a demonstration's jobs must also be called when
        its clock is moved. Raises RuntimeError if the clock runs already.
        """
        if self._scheduler is not None:
            raise RuntimeError("this clock is running already")
        scheduler = BackgroundScheduler(
            logger=_logger(),
            timezone=self._zone,
            # By default a job that starts a second late is dropped for good, with a line in the log.
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        for name, job in jobs.items():
            scheduler.add_job(job, IntervalTrigger(seconds=heartbeat_seconds, timezone=self._zone), id=name)
        for name, job in (daily or {}).items():
            evening = CronTrigger(day_of_week="mon-sun", hour=daily_at_hour, minute=0, timezone=self._zone)
            scheduler.add_job(job, evening, id=name)
        scheduler.add_listener(self._heard, EVENT_JOB_ERROR | EVENT_JOB_MISSED | EVENT_JOB_EXECUTED)
        scheduler.start()
        self._scheduler = scheduler

    def poke(self, name: str) -> None:
        """Run a job as soon as a thread is free, besides its usual times; a job that is running is not run again.

        Raises KeyError for an unknown name.
        """
        if self._scheduler is None or self._scheduler.get_job(name) is None:
            raise KeyError(name)
        self._scheduler.modify_job(name, next_run_time=self._reads())

    def stop(self, *, wait: bool = True) -> None:
        """Stop poking; with `wait`, return when the running jobs have ended. Stopping twice is harmless."""
        scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None:
            scheduler.shutdown(wait=wait)

    @property
    def is_running(self) -> bool:
        return self._scheduler is not None

    @property
    def failures(self) -> list[Failure]:
        """Return the jobs whose last try failed, the latest first; a job that works again is well again."""
        with self._guard:
            return sorted(self._failing.values(), key=lambda failure: failure.at, reverse=True)

    @property
    def is_well(self) -> bool:
        return not self.failures

    def last_done_at(self, name: str) -> datetime | None:
        """Return when a job last ended without an error, by the machine's clock; None if it never did."""
        with self._guard:
            return self._done_at.get(name)

    def _heard(self, event: JobExecutionEvent) -> None:
        at = self._reads()
        with self._guard:
            if event.code == EVENT_JOB_EXECUTED:
                self._failing.pop(event.job_id, None)
                self._done_at[event.job_id] = at
            else:
                error = repr(event.exception) if event.exception else "missed"
                self._failing[event.job_id] = Failure(job=event.job_id, error=error, at=at)


def _logger() -> logging.Logger:
    """Return a logger without the warning, every second, that a long job is still running."""
    logger = logging.getLogger("dujuan.clock")
    logger.setLevel(logging.ERROR)
    return logger
