"""All timed work. Each job compares what should be with what is; any of them may run at any time, on any node.

APScheduler only pokes. Whether there is anything to do is decided here, from rows and the store's `now`.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import httpx
from sqlmodel import Session, col, func, select

from escort import job_leases, replies
from escort.access.purge import purge_expired
from escort.cases import service as cases
from escort.cases.models import CaseKind
from escort.db import Store
from escort.journeys import reminders, watch
from escort.messages import still_wanted
from escort.replies import Desk
from escort.rota import asks, legs, planning, standins
from escort.rota.models import Leg, LegState, Run, RunLeg, RunState
from escort.rota.problems import week_of
from notifications import delivery, inbound, outbox
from notifications.channels import Channel
from notifications.models import Urgency

log = logging.getLogger(__name__)

EVENING = time(18, 0)
PUBLISH_WEEKDAY = asks.ASK_WEEKDAY  # what is still a draft is published when its week is asked about
PLAN_SEED = 20210401


@dataclass
class Jobs:
    """The district's timed work over one store. `now` is the store's time, `real_now` the machine's."""

    store: Store
    now: Callable[[], datetime]
    real_now: Callable[[], datetime]
    zone: ZoneInfo
    channels: Mapping[str, Channel]
    links: asks.LinkMaker
    duty_phone: str
    board_link: str
    owner: str
    batch: int = 20
    ping: Callable[[], None] | None = None  # the outside dead-man's switch
    crash_point: Callable[[str], None] = field(default=delivery.no_crash)
    _audited: datetime | None = None

    def heartbeat(self) -> Mapping[str, Callable[[], object]]:
        """Return what is worth trying every second, in the order in which effects follow each other."""
        return {
            "replies": self.replies,
            "asks": self.asks,
            "gaps": self.gaps,
            "searches": self.searches,
            "reminders": self.reminders,
            "watch": self.watch,
            "cases": self.cases,
            "deliver": self.deliver,
            "evening": self.evening,
        }

    def run_due(self, names: Collection[str] | None = None) -> None:
        """Run these jobs, or all, once each and in order: how a demonstration's clock takes one step."""
        for name, job in self.heartbeat().items():
            if names is None or name in names:
                job()

    def due_moments(self) -> dict[str, datetime]:
        """Return when each job may next have something to do, perhaps in the past; jobs with nothing are left out."""
        now = self.now()
        with self.store.read() as session:
            moments = {
                "replies": now if inbound.unhandled(session, limit=1) else None,
                "asks": asks.next_due_at(session, now=now, zone=self.zone),
                "gaps": now if self._gap(session, now) else None,
                "searches": standins.next_search_at(session),
                "reminders": reminders.next_due_at(session, now=now, zone=self.zone),
                "watch": watch.next_due_at(session, now),
                "cases": cases.next_due_at(session),
                "deliver": outbox.next_due_at(session),
                "evening": self._next_evening(session, now),
            }
        return {name: moment for name, moment in moments.items() if moment is not None}

    def next_due_at(self) -> datetime | None:
        """Return the next instant at which any job may have something to do; None if nothing is in sight."""
        return min(self.due_moments().values(), default=None)

    def replies(self) -> int:
        """Read what came in, one transaction a reply; one that cannot be read opens a case and stops no other."""
        with self.store.read() as session:
            waiting = [row.id for row in inbound.unhandled(session, limit=200)]
        for inbound_id in waiting:
            if inbound_id is None:
                continue
            try:
                with self.store.write() as session:
                    replies.handle(session, inbound_id=inbound_id, desk=self._desk())
            except Exception:
                log.exception("reply %s could not be handled", inbound_id)
                with self.store.write() as session:
                    replies.set_aside(session, inbound_id=inbound_id, now=self.now())
        return len(waiting)

    def asks(self) -> int:
        """Let asks lapse whose time is over; ask those who have not been asked."""
        now = self.now()
        with self.store.write() as session:
            lapsed = asks.lapse_asks(session, now=now)
            return lapsed + asks.send_asks(session, now=now, zone=self.zone, links=self.links)

    def searches(self) -> int:
        """Look for stand-ins, one transaction a date."""
        found = 0
        with self.store.read() as session:
            dates = standins.dates_to_search(session, now=self.now())
        for on in dates:
            with self.store.write() as session:
                found += standins.search(session, on=on, now=self.now(), zone=self.zone, links=self.links)
        return found

    def gaps(self) -> None:
        """Plan and publish legs that appeared, or lost their car, in weeks that are published already."""
        now = self.now()
        with self.store.read() as session:
            span = self._gap(session, now)
        if span is None:
            return
        with job_leases.lease(self.store, "plan", owner=self.owner, real_now=self.real_now()) as mine:
            if mine:
                self._plan(*span, now=now)
                with self.store.write() as session:
                    planning.publish_between(session, from_on=span[0], until_on=span[1], now=now)

    def reminders(self) -> int:
        with self.store.write() as session:
            return reminders.sweep_reminders(
                session, now=self.now(), zone=self.zone, links=self.links, duty_phone=self.duty_phone
            )

    def watch(self) -> int:
        with self.store.write() as session:
            return watch.sweep_watch(
                session, now=self.now(), zone=self.zone, duty_phone=self.duty_phone, links=self.links
            )

    def cases(self) -> None:
        """Tell the person on duty what nobody has taken, and turn messages that failed into cases."""
        with self.store.write() as session:
            self._cases_of_failed_messages(session)
            cases.sweep_cases(session, now=self.now(), zone=self.zone, board_link=self.board_link)

    def deliver(self) -> int:
        """Send everything that is due, urgent first, until nothing is left or nothing moves any more."""
        sent = 0
        while moved := delivery.deliver_due(
            self.store.write,
            channels=self.channels,
            still_wanted=still_wanted,
            clock=self.now,
            real_clock=self.real_now,
            owner=self.owner,
            batch=self.batch,
            record_every=self.batch,
            reading=self.store.read,
            crash_point=self.crash_point,
        ):
            sent += moved
        return sent

    def evening(self) -> None:
        """Once a day from 18:00: legs for four weeks, circles, the coming weeks' drivers, publishing on Thursdays."""
        now = self.now()
        today = now.astimezone(self.zone).date()
        if now.astimezone(self.zone).time() < EVENING or self._evening_done(today):
            return
        with job_leases.lease(self.store, "evening", owner=self.owner, real_now=self.real_now()) as mine:
            if not mine or self._evening_done(today):
                return
            self.rotate(now=now)
            with self.store.write() as session:
                purge_expired(session, now=now, real_now=self.real_now())
                job_leases.mark_done(session, "evening", on=today, now=now)

    def rotate(self, *, now: datetime) -> None:
        """Extend the calendar and plan whatever has no car or driver yet; publish what is due to be asked."""
        today = now.astimezone(self.zone).date()
        until_on = today + legs.HORIZON - timedelta(days=1)
        with self.store.write() as session:
            legs.extend_calendar(session, now=now, zone=self.zone)
        planning.propose_missing_circles(
            self.store, now=now, zone=self.zone, from_on=today, until_on=until_on
        )
        if self._has_free_legs(today, until_on, now):
            self._plan(today, until_on, now=now)
        next_week = week_of(today) + timedelta(days=7)
        if now >= asks.ask_moment(next_week, self.zone):
            with self.store.write() as session:
                planning.publish_between(
                    session, from_on=today, until_on=next_week + timedelta(days=6), now=now
                )

    def audit_every_minute(self) -> None:
        """Audit at the first heartbeat of each minute of this process."""
        minute = self.real_now().replace(second=0, microsecond=0)
        if minute != self._audited:
            self._audited = minute
            for sentence in self.audit():
                log.error("%s", sentence)

    def audit(self) -> list[str]:
        """Check the clock's own promises; ping the dead-man's switch only if all hold. Return what is wrong."""
        now = self.now()
        tomorrow = now.astimezone(self.zone).date() + timedelta(days=1)
        with self.store.read() as session:
            wrong = [f"case {case_id} has no next step" for case_id in cases.stalled(session, now=now)]
            if outbox.overdue(session, now=now):
                wrong.append("messages are overdue")
            if legs.missing_on(session, on=tomorrow, zone=self.zone, now=now):
                wrong.append(f"legs of {tomorrow} are missing")
        if not wrong and self.ping is not None:
            try:
                self.ping()
            except httpx.HTTPError as error:
                log.warning("the dead-man's switch did not answer: %r", error)
        return wrong

    def _desk(self) -> Desk:
        return Desk(self.now(), self.zone, self.duty_phone, self.links)

    def _plan(self, from_on: date, until_on: date, *, now: datetime) -> int | None:
        return planning.make_plan(
            self.store,
            now=now,
            zone=self.zone,
            from_on=from_on,
            until_on=until_on,
            seed=PLAN_SEED,
            replan_drafts=False,
        )

    def _gap(self, session: Session, now: datetime) -> tuple[date, date] | None:
        """Return the dates of wanted legs without a car within the published weeks, or None."""
        last = session.exec(select(func.max(Run.on)).where(col(Run.published_at).is_not(None))).one()
        if last is None:
            return None
        first, end = session.exec(
            select(func.min(Leg.on), func.max(Leg.on)).where(
                Leg.state == LegState.WANTED,
                col(Leg.pickup_at) > now + asks.LATEST_ASK_BEFORE_START,
                Leg.on <= week_of(last) + timedelta(days=6),
                col(Leg.lat).is_not(None) | (Leg.km > 0),
                ~col(Leg.id).in_(
                    select(col(RunLeg.leg_id))
                    .join(Run, col(Run.id) == RunLeg.run_id)
                    .where(col(RunLeg.is_live), Run.on >= now.astimezone(self.zone).date())
                ),
            )
        ).one()
        return None if first is None else (first, end)

    def _has_free_legs(self, from_on: date, until_on: date, now: datetime) -> bool:
        published = (
            select(col(RunLeg.leg_id))
            .join(Run, col(Run.id) == RunLeg.run_id)
            .where(col(RunLeg.is_live), Run.state == RunState.LIVE)
        )
        return (
            session_first(
                self.store,
                select(col(Leg.id))
                .where(
                    Leg.on >= from_on,
                    Leg.on <= until_on,
                    Leg.state == LegState.WANTED,
                    col(Leg.pickup_at) > now,
                )
                .where(col(Leg.lat).is_not(None) | (Leg.km > 0), ~col(Leg.id).in_(published))
                .limit(1),
            )
            is not None
        )

    def _evening_done(self, today: date) -> bool:
        with self.store.read() as session:
            done = job_leases.done_for(session, "evening")
        return done is not None and done >= today

    def _next_evening(self, session: Session, now: datetime) -> datetime:
        today = now.astimezone(self.zone).date()
        done = job_leases.done_for(session, "evening")
        on = today + timedelta(days=1) if done is not None and done >= today else today
        return datetime.combine(on, EVENING, self.zone)

    def _cases_of_failed_messages(self, session: Session) -> None:
        for message in outbox.failed_messages(session):
            if message.id is None or not outbox.mark_escalated(
                session, message_id=message.id, now=self.now()
            ):
                continue
            cases.open_case(
                session,
                kind=CaseKind.MESSAGE_FAILED,
                about=f"message:{message.id}",
                sentence=replies.failed_sentence(session, message),
                now=self.now(),
                is_urgent=message.urgency == Urgency.URGENT,
                needed_by=message.do_not_send_after,
            )


def session_first(store: Store, statement):  # type: ignore[no-untyped-def]
    """Return the first row of a query in a session of its own."""
    with store.read() as session:
        return session.exec(statement).first()
