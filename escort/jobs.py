"""All timed work. Each job compares what should be with what is; any of them may run at any time, on any node.

APScheduler only pokes. Whether there is anything to do is decided here, from rows and the store's `now`.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import httpx
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from escort import erasure, job_leases, replies, wording
from escort.access.numbers import sweep_numbers
from escort.access.purge import purge_expired
from escort.cases import service as cases
from escort.cases.models import CaseKind
from escort.db import Store
from escort.families import next_term
from escort.journeys import arrivals, calls, reminders, team_reminders, watch
from escort.journeys.printed_sheets import forget_printed_sheets
from escort.journeys.watched import keep_rows
from escort.messages import still_wanted
from escort.replies import Desk
from escort.roster.papers import tell_of_papers
from escort.roster_book.waiting_book import forget_old_books
from escort.rota import (
    asked_again,
    asks,
    couples,
    handing_on,
    households,
    legs,
    month_question,
    planning,
    release,
    standins,
)
from escort.rota.problems import week_of
from escort.upkeep import channels as upkeep_channels
from escort.upkeep.address import TOLD_AFTER, AddressWatch
from notifications import delivery, holds, inbound, outbox
from notifications.channels import Channel
from notifications.models import Urgency

log = logging.getLogger(__name__)

EVENING = time(18, 0)
PLAN_SEED = 20210401
REST = timedelta(minutes=1)  # after a heavy job that failed, or could not do everything
LINKS = "store:links"  # what the case about a dead address of links is about
STUCK = timedelta(seconds=60)  # no job may go undone for longer
PATIENT_JOBS = {
    "deliver": job_leases.LONGEST_JOB,
    "gaps": job_leases.LONGEST_JOB,
    "evening": job_leases.LONGEST_JOB,
}


class Pulse(Protocol):
    """What the auditor asks of the clock that runs the jobs."""

    def last_done_at(self, name: str) -> datetime | None:
        """Return when a job last ended without an error, in real time; None if it never did."""


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
    blockout_day: int = 20  # of each month: from 18:00 on people are asked which days of the next they cannot
    address: AddressWatch | None = None  # of the links in messages
    ping: Callable[[], None] | None = None  # the outside dead-man's switch
    crash_point: Callable[[str], None] = field(default=delivery.no_crash)
    pulse: Pulse | None = None  # of the clock that runs these jobs, where one does
    _audited: datetime | None = None
    _since: datetime | None = None  # the first audit of this process
    _resting: dict[str, datetime] = field(default_factory=dict)  # heavy jobs, until when in real time

    def heartbeat(self) -> Mapping[str, Callable[[], object]]:
        """Return what is worth trying every second, in the order in which effects follow each other."""
        return {
            "replies": self.replies,
            "numbers": self.numbers,
            "asks": self.asks,
            "months": self.months,
            "gaps": self.gaps,
            "searches": self.searches,
            "reminders": self.reminders,
            "leaders": self.leaders,
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

    def due_moments(
        self, names: Collection[str] | None = None, *, now: datetime | None = None
    ) -> dict[str, datetime]:
        """Return when each of these jobs, or of all, may next have something to do, perhaps in the past.

        What is due at once has the moment `now` (the store's, unless the caller has read it before). Jobs with
        nothing in sight are left out.
        """
        now = now or self.now()
        ask: dict[str, Callable[[Session], datetime | None]] = {
            "replies": lambda session: now if inbound.unhandled(session, limit=1) else None,
            "numbers": holds.next_due_at,
            "asks": lambda session: self._next_ask(session, now),
            "months": lambda session: month_question.next_due_at(
                session, now=now, zone=self.zone, day=self.blockout_day
            ),
            "gaps": lambda session: now if self._gap(session, now) else None,
            "searches": standins.next_search_at,
            "reminders": lambda session: reminders.next_due_at(session, now=now, zone=self.zone),
            "leaders": lambda session: team_reminders.next_due_at(session, now=now, zone=self.zone),
            "watch": lambda session: _earliest(
                watch.next_due_at(session, now, self.zone), arrivals.next_due_at(session, now=now)
            ),
            "cases": lambda session: _earliest(
                cases.next_due_at(session), calls.next_due_at(session, now=now, zone=self.zone)
            ),
            "deliver": outbox.next_due_at,
            "evening": lambda session: (
                None if self._is_resting("evening") else self._next_evening(session, now)
            ),
        }
        with self.store.read() as session:
            moments = {
                name: next_of(session) for name, next_of in ask.items() if names is None or name in names
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
            if inbound_id is not None:
                self._read_reply(inbound_id)
        return len(waiting)

    def _read_reply(self, inbound_id: int) -> None:
        try:
            with self.store.write() as session:
                replies.handle(session, inbound_id=inbound_id, desk=self._desk())
        except OperationalError:
            log.exception(
                "reply %s will be tried again", inbound_id
            )  # a lock, a lost connection: it stays due
        except Exception:
            log.exception("reply %s could not be handled", inbound_id)
            with self.store.write() as session:
                replies.set_aside(session, inbound_id=inbound_id, now=self.now())

    def numbers(self) -> int:
        """Tell old numbers that they are to be replaced; use new ones whose day has passed."""
        with self.store.read() as session:
            due_at = holds.next_due_at(session)
        if due_at is None or due_at > self.now():
            return 0
        with self.store.write() as session:
            return sweep_numbers(session, now=self.now(), zone=self.zone, duty_phone=self.duty_phone)

    def asks(self) -> int:
        """Let asks lapse whose time is over; ask those who have not been asked."""
        now = self.now()
        with self.store.write() as session:
            release.free_barred(session, now=now, zone=self.zone)
            households.keep_links(session, now=now, zone=self.zone)
            lapsed = asks.lapse_asks(session, now=now)
            lapsed += couples.end_lone_halves(session, now=now, zone=self.zone)
            lapsed += handing_on.sweep_reliefs(session, now=now, zone=self.zone, duty_phone=self.duty_phone)
        lapsed += self._ask_again(now)
        try:
            with self.store.write() as session:
                return lapsed + asks.send_asks(session, now=now, zone=self.zone, links=self.links)
        except Exception:
            log.exception("the asks could not be sent together; each is tried alone")
        return lapsed + self._ask_one_by_one(now)

    def _ask_again(self, now: datetime) -> int:
        """Ask those again whose run is not what they said yes to, one transaction a person."""
        with self.store.read() as session:
            waiting = asked_again.to_ask_again(session, now=now, zone=self.zone)
        asked = 0
        for volunteer_id in waiting:
            what = self._set_aside(f"volunteer:{volunteer_id}", "时间变了，重新问一位志愿者")
            with what, self.store.write() as session:
                asked += asked_again.ask_again(
                    session, now=now, zone=self.zone, links=self.links, only=volunteer_id
                )
        return asked

    def _next_ask(self, session: Session, now: datetime) -> datetime | None:
        if asked_again.to_ask_again(session, now=now, zone=self.zone) or couples.lone_halves(session):
            return now
        moments = (
            asks.next_due_at(session, now=now, zone=self.zone),
            handing_on.next_relief_at(session, now=now),
        )
        return min((moment for moment in moments if moment is not None), default=None)

    def _ask_one_by_one(self, now: datetime) -> int:
        with self.store.read() as session:
            waiting = asks.volunteers_to_ask(session, now=now, zone=self.zone)
        asked = 0
        for volunteer_id in waiting:
            what = self._set_aside(f"volunteer:{volunteer_id}", "给一位志愿者发询问")
            with what, self.store.write() as session:
                asked += asks.send_asks(session, now=now, zone=self.zone, links=self.links, only=volunteer_id)
        return asked

    def months(self) -> int:
        """Ask about next month's bad days, from one day of each month on."""
        with self.store.write() as session:
            return month_question.send_month_questions(
                session, now=self.now(), zone=self.zone, day=self.blockout_day, links=self.links
            )

    def searches(self) -> int:
        """Look for stand-ins, one transaction a date; a date that cannot be searched stops no other."""
        found = 0
        with self.store.read() as session:
            dates = standins.dates_to_search(session, now=self.now())
        for on in dates:
            what = self._set_aside(f"date:{on.isoformat()}", f"{on.month}月{on.day}日找人顶班")
            with what, self.store.write() as session:
                found += standins.search(session, on=on, now=self.now(), zone=self.zone, links=self.links)
        return found

    def gaps(self) -> None:
        """Plan and publish legs that appeared, or lost their car, in weeks that are published already."""
        now = self.now()
        with self.store.read() as session:
            span = self._gap(session, now)
        if span is None:
            return
        self._rest("gaps")  # what cannot be closed, or fails, is tried again a minute later
        with job_leases.lease(self.store, "plan", owner=self.owner, real_now=self.real_now()) as mine:
            if mine:
                self._plan(*span, now=now)
                with self.store.write() as session:
                    planning.publish_between(session, from_on=span[0], until_on=span[1], now=now)
        self._resting.pop("gaps")
        with self.store.read() as session:
            if self._gap(session, now) is not None:
                self._rest("gaps")

    def reminders(self) -> int:
        """Tell drivers and families; should that fail together, each alone, so that one bad row stops no other."""
        now = self.now()
        try:
            with self.store.write() as session:
                return self._remind(session, now)
        except OperationalError:
            raise  # a lock, a lost connection: all of it stays due
        except Exception:
            log.exception("the reminders could not be sent together; each is tried alone")
        if self._is_resting("reminders"):
            return 0
        self._rest("reminders")
        with self.store.read() as session:
            subjects = reminders.waiting(session, now=now, zone=self.zone)
        told = 0
        for subject in subjects:
            with self._set_aside(subject, "给一家人或一位司机发提醒"), self.store.write() as session:
                told += self._remind(session, now, only=subject)
        return told

    def _remind(self, session: Session, now: datetime, only: str | None = None) -> int:
        return reminders.sweep_reminders(
            session, now=now, zone=self.zone, links=self.links, duty_phone=self.duty_phone, only=only
        )

    def leaders(self) -> int:
        """Tell team leaders of open turns in the next two days, once a day."""
        with self.store.read() as session:
            due_at = team_reminders.next_due_at(session, now=self.now(), zone=self.zone)
        if due_at is None or due_at > self.now():
            return 0
        with self.store.write() as session:
            return team_reminders.remind_leaders(session, now=self.now(), zone=self.zone, links=self.links)

    def watch(self) -> int:
        """Look at every run that is due; should that fail together, at each alone: no bad row stops the alarms."""
        now = self.now()
        self._arrivals(now)
        try:
            with self.store.write() as session:
                return self._watch(session, now)
        except OperationalError:
            raise  # a lock, a lost connection: all of it stays due
        except Exception:
            log.exception("the watch could not look at everything together; it looks at each alone")
        if self._is_resting("watch"):
            return 0
        self._rest("watch")
        with self._set_aside("watch:rows", "看住新排的车"), self.store.write() as session:
            keep_rows(session, now=now)
        with self.store.read() as session:
            runs = watch.waiting(session, now=now)
        looked = 0
        for run_id in runs:
            with self._set_aside(f"run:{run_id}", "看住一趟车"), self.store.write() as session:
                looked += self._watch(session, now, only=run_id)
        with self._set_aside("watch:days", "看住没排的行程"), self.store.write() as session:
            looked += self._watch(session, now, only=0)
        return looked

    def _arrivals(self, now: datetime) -> None:
        """Ask families about children whom their driver reported at home; what fails here stops no other alarm."""
        with self.store.read() as session:
            due_at = arrivals.next_due_at(session, now=now)
        if due_at is None or due_at > now:
            return
        with self._set_aside("watch:arrivals", "问家里孩子到没到家"), self.store.write() as session:
            arrivals.sweep_arrivals(
                session, now=now, zone=self.zone, links=self.links, duty_phone=self.duty_phone
            )

    def _watch(self, session: Session, now: datetime, only: int | None = None) -> int:
        return watch.sweep_watch(
            session, now=now, zone=self.zone, duty_phone=self.duty_phone, links=self.links, only=only
        )

    def cases(self) -> None:
        """Tell the person on duty what nobody has taken; failed messages and calls not made become cases."""
        with self.store.write() as session:
            self._cases_of_failed_messages(session)
            calls.sweep_calls(session, now=self.now(), zone=self.zone)
            cases.sweep_cases(session, now=self.now(), zone=self.zone, board_link=self.board_link)

    def deliver_urgent(self) -> int:
        """Send what is urgent, beside `deliver`: it never waits behind a slow batch of routine messages."""
        return self.deliver((Urgency.URGENT,))

    def deliver(self, urgencies: Sequence[Urgency] = (Urgency.URGENT, Urgency.ROUTINE)) -> int:
        """Send everything that is due, urgent first, until nothing is left or nothing moves any more.

        A restored copy sends nothing until somebody says that it is the real one now.
        """
        with self.store.read() as session:
            if upkeep_channels.are_closed(session):
                return 0
        sent = 0
        while moved := (
            delivery.deliver_due(
                self.store.write,
                channels=self.channels,
                still_wanted=still_wanted,
                clock=self.now,
                real_clock=self.real_now,
                owner=self.owner,
                urgencies=urgencies,
                batch=self.batch,
                record_every=self.batch,
                reading=self.store.read,
                crash_point=self.crash_point,
            )
        ):
            sent += moved
        return sent

    def evening(self) -> None:
        """Once a day from 18:00: legs for four weeks, circles, the coming weeks' drivers, publishing on Thursdays."""
        now = self.now()
        today = now.astimezone(self.zone).date()
        if now.astimezone(self.zone).time() < EVENING or self._evening_done(today):
            return
        if self._is_resting("evening"):
            return
        self._rest("evening")  # should it fail: planning is heavy, and is not tried every second
        with job_leases.lease(self.store, "evening", owner=self.owner, real_now=self.real_now()) as mine:
            if mine and not self._evening_done(today):
                self.rotate(now=now)
                with self._set_aside("papers:soon", "提醒证件快到期"), self.store.write() as session:
                    tell_of_papers(session, today=today, now=now, duty_phone=self.duty_phone)
                with self._set_aside("term:soon", "问家里下学期还要吗"), self.store.write() as session:
                    next_term.ask_next_term(
                        session, now=now, zone=self.zone, links=self.links, duty_phone=self.duty_phone
                    )
                with self.store.write() as session:
                    purge_expired(session, now=now, real_now=self.real_now())
                    forget_old_books(session, now=now)
                    forget_printed_sheets(session, today=today)
                    job_leases.mark_done(session, "evening", on=today, now=now)
                self._erase(now)
        if mine:
            self._resting.pop("evening")

    def _erase(self, now: datetime) -> None:
        """Erase children whose families withdrew their consent, and whom to tell once they were told; each alone."""
        with self.store.read() as session:
            due, untold = erasure.due(session, now=now), erasure.untold(session)
        for child_id in due:
            with self._set_aside(f"child:{child_id}", "删除一个孩子的资料"), self.store.write() as session:
                erasure.erase(session, child_id=child_id, duty_phone=self.duty_phone, now=now)
        for child_id in untold:
            with self._set_aside(f"child:{child_id}", "删除一家人的资料"), self.store.write() as session:
                erasure.finish(session, child_id=child_id, now=now)

    def rotate(self, *, now: datetime) -> None:
        """Extend the calendar and plan whatever has no car or driver yet; publish what is due to be asked."""
        today = now.astimezone(self.zone).date()
        until_on = today + legs.HORIZON - timedelta(days=1)
        with self.store.write() as session:
            planning.forget_past_drafts(session, before=today)
            legs.extend_calendar(session, now=now, zone=self.zone)
            release.free_unfit(session, from_on=today, now=now, zone=self.zone)
        planning.propose_missing_circles(
            self.store, now=now, zone=self.zone, from_on=today, until_on=until_on
        )
        with self.store.read() as session:
            has_free = planning.free_span(session, from_on=today, until_on=until_on, starts_after=now)
        if has_free:
            self._plan(today, until_on, now=now)
        with self.store.write() as session:
            publish_until = self._publish_until(session, now)
            if publish_until is not None:
                planning.publish_between(session, from_on=today, until_on=publish_until, now=now)
            planning.look_again(session, now=now)

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
            if upkeep_channels.are_closed(session):
                wrong.append("this is a restored copy: it sends nothing until `dujuan open-channels`")
            if cases.anything_to_tell(session) and cases.on_duty(session, now, self.zone) is None:
                wrong.append("urgent cases wait and nobody is on duty")
        wrong += [f"job {job} has not been done" for job in self._note_stuck_jobs(now)]
        if self._note_dead_address(now):
            wrong.append("the address of links in messages does not lead here")
        if not wrong and self.ping is not None:
            try:
                self.ping()
            except httpx.HTTPError as error:
                log.warning("the dead-man's switch did not answer: %r", error)
        return wrong

    def _note_dead_address(self, now: datetime) -> bool:
        """Return whether the address of links has been dead for a while, with a case; close that of a live one."""
        if self.address is None or self.address.is_malformed:
            return False  # a wrong setting is no accident: every page says so
        self.address.fault()
        dead_since = self.address.dead_since
        is_dead = dead_since is not None and self.real_now() - dead_since >= TOLD_AFTER
        with self.store.write() as session:
            if is_dead:
                cases.open_case(
                    session,
                    kind=CaseKind.STUCK_WORK,
                    about=LINKS,
                    sentence=wording.case_dead_links(),
                    now=now,
                )
            elif dead_since is None:
                cases.close_because(
                    session,
                    kinds=[CaseKind.STUCK_WORK],
                    abouts=[LINKS],
                    by="system",
                    reason="又打得开了",
                    now=now,
                )
        return is_dead

    def _note_stuck_jobs(self, now: datetime) -> list[str]:
        """Return the jobs that have not ended well for too long, each with a case; close those of the well ones."""
        if self.pulse is None:
            return []
        real = self.real_now()
        self._since = self._since or real
        names = [*self.heartbeat(), "deliver urgent"]
        stuck = [
            name
            for name in names
            if real - (self.pulse.last_done_at(name) or self._since) > PATIENT_JOBS.get(name, STUCK)
        ]
        with self.store.write() as session:
            cases.close_because(
                session,
                kinds=[CaseKind.STUCK_WORK],
                abouts=[f"job:{name}" for name in names if name not in stuck],
                by="system",
                reason="又办得成了",
                now=now,
            )
            for name in stuck:
                cases.open_case(
                    session,
                    kind=CaseKind.STUCK_WORK,
                    about=f"job:{name}",
                    sentence=wording.case_stuck_work(f"系统的定时工作 {name}"),
                    now=now,
                )
        return stuck

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
        last = planning.published_until(session)
        if last is None or self._is_resting("gaps"):
            return None
        return planning.free_span(
            session,
            from_on=now.astimezone(self.zone).date(),
            until_on=_sunday(last),
            starts_after=now + asks.LATEST_ASK_BEFORE_START,
        )

    def _publish_until(self, session: Session, now: datetime) -> date | None:
        """Until when drafts are published of themselves: the week that may be asked about, or was published before."""
        next_week = week_of(now.astimezone(self.zone).date()) + timedelta(days=7)
        if now >= asks.ask_moment(next_week, self.zone):
            return max(_sunday(next_week), _sunday(planning.published_until(session) or next_week))
        last = planning.published_until(session)
        return _sunday(last) if last is not None else None

    def _rest(self, job: str) -> None:
        self._resting[job] = self.real_now() + REST

    def _is_resting(self, job: str) -> bool:
        return job in self._resting and self.real_now() < self._resting[job]

    @contextmanager
    def _set_aside(self, about: str, what: str) -> Iterator[None]:
        """Let one item fail alone: it stays due, and a human is told."""
        try:
            yield
        except OperationalError:
            log.exception("%s will be tried again", about)  # a lock, a lost connection
        except Exception:
            log.exception("%s could not be done", about)
            with self.store.write() as session:
                cases.open_case(
                    session,
                    kind=CaseKind.STUCK_WORK,
                    about=about,
                    sentence=wording.case_stuck_work(what),
                    now=self.now(),
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
            if message.about.startswith("cases:"):
                continue  # it is told again anyway: a case about it would only make more of them
            cases.open_case(
                session,
                kind=CaseKind.MESSAGE_FAILED,
                about=f"message:{message.id}",
                sentence=replies.failed_sentence(session, message),
                now=self.now(),
                is_urgent=message.urgency == Urgency.URGENT,
                needed_by=message.do_not_send_after,
            )


def _earliest(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _sunday(on: date) -> date:
    return week_of(on) + timedelta(days=6)
