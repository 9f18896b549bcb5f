"""Figures of one district on this machine: `make bench`, or `python -m tests.bench [--seed N]`.

Times are only printed: a slow machine is not a broken build. What can be counted (queries, bytes) is asserted in
tests. `docs/figures.md` says what each line means.
"""

import argparse
import os
import platform
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from importlib import metadata, resources
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from zoneinfo import ZoneInfo

from pydantic import SecretStr
from sqlalchemy import text
from sqlmodel import Session, col, func, select
from starlette.testclient import TestClient

import escort.tables  # noqa: F401
from escort import app as wiring
from escort.access import accounts, audit, links
from escort.access.models import Purpose, Role
from escort.backup import files
from escort.cases.models import CaseKind
from escort.cases.service import open_case
from escort.db import Store
from escort.demo.setup import BOOK
from escort.hours.month import month_of
from escort.hours.month_sheet import month_sheets
from escort.jobs import Jobs
from escort.journeys.board import board
from escort.migrations import migrate
from escort.roster_book.apply import apply_book
from escort.roster_book.reader import read_book
from escort.roster_book.report import report_of
from escort.rota import asks, legs, planning, standins
from escort.rota.models import Ask, AskState, Leg, LegState, PlanRecord, Run, RunState
from escort.rota.week import Show, week_matrix
from escort.settings import Settings
from escort.spreadsheet import workbook
from escort.web import cookies
from escort.web.deps import House
from notifications import signing
from notifications.addresses import phones_of
from notifications.inbound import record_inbound
from notifications.models import Message
from notifications.sealed import Keyring
from notifications.testing import RecordingChannel
from scheduling.bench_repairs import measure_repairs
from scheduling.plan import Limits
from scheduling.planner import plan
from scheduling.problem import Weights
from scheduling.problem_file import read_problem
from scheduling.synthetic import SIZES, make_problem
from tests.browser.phones import chromium, served
from tests.builders import NOW as BUILT_AT
from tests.escort.web.coordinator.days import a_full_day
from tests.queries import count_queries

ZONE = ZoneInfo("Asia/Shanghai")
MONDAY = date(2021, 4, 5)  # a holiday: the office plans in peace
OFFICE_OPENS = datetime(2021, 4, 5, 9, 0, tzinfo=ZONE)
TUESDAY_EVENING = datetime(2021, 4, 6, 18, 30, tzinfo=ZONE)
THURSDAY_EVENING = datetime(2021, 4, 8, 18, 0, tzinfo=ZONE)
FULL_DAY = date(2021, 4, 7)
PEOPLE_WHO_SAY_NO = 40
LOOKS = 20
FAMILIES = 20
PACKAGES = ("fastapi", "sqlalchemy", "sqlmodel", "numpy", "scipy", "ortools", "python-calamine")


PASSPHRASE = "a passphrase of the bench alone"
AUDIT_LINES = 100_000
A_YEAR = (
    # the week's legs on 40 weeks; then what hangs on each leg
    """INSERT INTO leg (escort_id, child_id, school_id, "on", direction, timetable_weekday, state, pickup_at, due_at,
         place_kind, place_name, area, km, minutes, by_hand, cancel_reason, generation)
       WITH RECURSIVE week(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM week WHERE n < 39)
       SELECT escort_id, child_id, school_id, date("on", (-7 * n) || ' days'), direction, timetable_weekday, state,
         pickup_at, due_at, place_kind, place_name, area, km, minutes, by_hand, cancel_reason, generation
       FROM leg, week WHERE state = 'wanted'""",
    """INSERT INTO tap (uuid, leg_id, step, "by", tapped_at, arrived_at)
       SELECT hex(randomblob(16)), leg.id, step, 'volunteer:1', pickup_at, pickup_at
       FROM leg, (SELECT 'started' AS step UNION SELECT 'at_pickup' UNION SELECT 'on_board' UNION SELECT 'delivered')""",
    """INSERT INTO message (party, template, parameters, text, language, about, dedup_key, send_key, urgency, created_at,
         not_before, state, fence, in_doubt, channel_is_spent, tries, doubts, losses, attempts)
       SELECT 'guardian:' || child_id, 'family.tomorrow', :parameters, :text, 'zh-Hans',
         'leg:' || leg.id, hex(randomblob(16)), hex(randomblob(16)), 'routine', pickup_at, pickup_at, 'delivered',
         1, 0, 0, 1, 0, 0, 1
       FROM leg, (SELECT 1 UNION SELECT 2)""",
    """INSERT INTO attempt (message_id, number, channel, ended_at, outcome, provider_id)
       SELECT id, 1, 'sms', created_at, 'accepted', hex(randomblob(8)) FROM message""",
)


@dataclass
class StandingClock:
    """Stands where it was put."""

    at: datetime

    def now(self) -> datetime:
        return self.at


@dataclass
class District:
    """One store with everything over it."""

    house: House
    clock: StandingClock
    jobs: Jobs
    sent: RecordingChannel
    browser: TestClient

    @property
    def store(self) -> Store:
        return self.house.store


def main() -> None:
    """Make two districts in a temporary folder, measure them, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seed", type=int, default=20210401, help="of the plan; the same seed gives the same plan"
    )
    seed = parser.parse_args().seed
    say_versions(seed)
    with tempfile.TemporaryDirectory(prefix="dujuan-bench-") as folder:
        with district(Path(folder) / "book.db", at=OFFICE_OPENS) as here:
            measure_import_and_plan(here, seed)
            measure_asks(here)
            measure_no(here)
            measure_stand_in_search(here)
            measure_families(here)
            measure_evening(here)
        with district(Path(folder) / "full.db", at=TUESDAY_EVENING) as here:
            measure_desk(here)
            measure_backup(here, Path(folder))
    measure_noes_in_memory(seed)
    say("whole bench, highest memory", f"{memory_mb()} MB", aim="1,024 MB")


def say_versions(seed: int) -> None:
    print(
        f"seed {seed} · Python {platform.python_version()} · SQLite {sqlite3.sqlite_version} · {os.cpu_count()} cores"
    )
    print(" · ".join(f"{name} {metadata.version(name)}" for name in PACKAGES))


@contextmanager
def district(path: Path, *, at: datetime) -> Iterator[District]:
    """Yield an empty district: real application, real jobs, SQLite; messages end in memory."""
    settings = Settings(
        database_url=f"sqlite:///{path}",
        sms_url="http://127.0.0.1:9/nowhere",
        sms_secret=SecretStr(signing.make_secret(b"b" * 32)),
        callback_token=SecretStr("bench"),
    )
    store, clock = Store(settings.url, Keyring.fresh()), StandingClock(at)
    migrate(store)
    house = replace(wiring.build_house(settings, store, is_demo=True), clock=clock)
    with wiring.http_client() as client, TestClient(wiring.create_app(house)) as browser:
        sent = RecordingChannel(needs_address=True)
        jobs = wiring.build_jobs(house, client=client, batch=200)
        jobs.channels = {"sms": sent}
        yield District(house, clock, jobs, sent, browser)
    store.dispose()


def measure_import_and_plan(here: District, seed: int) -> None:
    """The book with its report, then four weeks: legs, circles, cars, drivers."""
    store = here.store
    content = (resources.files("escort.demo") / "data" / BOOK).read_bytes()
    begun = time.perf_counter()
    with timed("import: read the book"):
        book = read_book(content, as_of=MONDAY)
    with timed("import: report"):
        counts = report_of(book)["counts"]
    with timed("import: apply"), store.write() as session:
        apply_book(session, book, now=here.clock.at, by="system")
    say("import: rows", ", ".join(f"{name} {number}" for name, number in counts.items()))
    until_on = MONDAY + legs.HORIZON - timedelta(days=1)
    with timed("plan: legs of four weeks"), store.write() as session:
        added = legs.extend_calendar(session, now=here.clock.at, zone=ZONE).added
    with timed("plan: first circles"):
        members = planning.propose_missing_circles(
            store, now=here.clock.at, zone=ZONE, from_on=MONDAY, until_on=until_on
        )
    with timed("plan: cars and drivers, read and written"):
        plan_id = planning.make_plan(
            store, now=here.clock.at, zone=ZONE, from_on=MONDAY, until_on=until_on, seed=seed
        )
    say("import and plan", f"{time.perf_counter() - begun:.1f} s", aim="60 s")
    say("import and plan, highest memory", f"{memory_mb()} MB", aim="1,024 MB")
    say("plan: legs, places in circles", f"{added}, {members}")
    with store.read() as session:
        say_plan(session.get_one(PlanRecord, plan_id))


def say_plan(record: PlanRecord) -> None:
    """Coverage first, with what is proved; then each cost, and how far all of them are above their bound."""
    parts = record.parts
    say("plan: legs without a driver", f"{record.uncovered} of {record.legs}")
    say("plan: proved least for these cars", str(record.proven_uncovered))
    say("plan: proved least for any cars", str(parts["floor_uncovered"]))
    for name in ("km", "load", "repeat", "pair", "circle_over"):
        say(f"plan: cost {name}", f"{parts[name]:,}")
    least = parts["bound"] - Weights().uncovered_child_leg * record.proven_uncovered
    above = f", {parts['soft'] / least - 1:.0%} above its proved bound {least:,.0f}" if least > 0 else ""
    say("plan: all wishes together", f"{parts['soft']:,}{above}")
    say("plan: same driver two service days running", str(parts["repeats"]))
    say("plan: the solver alone", f"{record.seconds:.1f} s")


def measure_asks(here: District) -> None:
    """Publish this week and ask: one message a person."""
    with timed("publish one week"), here.store.write() as session:
        published = planning.publish_between(
            session, from_on=MONDAY, until_on=MONDAY + timedelta(days=6), now=here.clock.at
        )
    with timed("ask everybody of one week"):
        asked = here.jobs.asks()
    with timed("deliver these messages, provider in memory"):
        here.jobs.deliver()
    say("asks: cars, people, messages", f"{published.runs}, {asked}, {len(here.sent.sent)}")


def measure_no(here: District) -> None:
    """A text message that says no, read and repaired: until the next people's messages are in the outbox."""
    with here.store.read() as session:
        open_asks = session.exec(
            select(Ask).where(Ask.state == AskState.OPEN).order_by(col(Ask.id)).limit(PEOPLE_WHO_SAY_NO)
        ).all()
        phones = phones_of(session, [f"volunteer:{ask.volunteer_id}" for ask in open_asks])
    looks, asked = [], 0
    for ask in open_asks:
        with here.store.write() as session:
            record_inbound(
                session,
                provider="sms",
                provider_message_id=f"bench-{ask.id}",
                sender=phones[f"volunteer:{ask.volunteer_id}"],
                text="2",
                raw="{}",
                now=here.clock.at,
            )
        before = messages(here.store, "ask.stand_in")
        looks.append(stopwatch(lambda: (here.jobs.replies(), here.jobs.searches())))
        asked += messages(here.store, "ask.stand_in") - before
    say_times("no by text, until the next people are asked", looks, aim=200)
    say("stand-ins asked after these noes", f"{asked} by {len(looks)} noes")
    with here.store.write() as session:  # everybody else says yes
        for ask_id in session.exec(select(Ask.id).where(Ask.state == AskState.OPEN)).all():
            asks.answer_ask(
                session,
                ask_id=ask_id or 0,
                declined=(),
                by="system",
                how="bench",
                now=here.clock.at,
                zone=ZONE,
            )


def measure_noes_in_memory(seed: int) -> None:
    """Two hundred noes to the plan of an invented district with its standbys: the least change, proved each time."""
    problem = read_problem(make_problem(SIZES["district"], seed=seed % 1000))
    figures = measure_repairs(problem, plan(problem, limits=Limits(sweeps=1)), seed=seed)
    say("repair in memory: p99 of the processor", f"{figures.p99_ms:.2f} ms", aim="1 ms")
    for line in figures.lines():
        say("repair in memory", line)


def measure_stand_in_search(here: District) -> None:
    """Who may drive this run, with reasons: what a coordinator's click on a hole costs."""
    with here.store.read() as session:
        run_ids = session.exec(
            select(Run.id)
            .where(Run.state == RunState.LIVE, col(Run.published_at).is_not(None), Run.on == FULL_DAY)
            .order_by(col(Run.id))
            .limit(LOOKS)
        ).all()
    looks = []
    for run_id in run_ids:
        with here.store.read() as session:
            look = partial(standins.candidates_for_run, session, run_id=run_id or 0, zone=ZONE)
            looks.append(stopwatch(look))
    say_times("candidates of one run, with reasons", looks)


def measure_families(here: District) -> None:
    """The family's page on a bound phone, through the whole application."""
    here.clock.at = TUESDAY_EVENING
    looks, sizes, queries = [], [], []
    for guardian in guardians_who_ride(here.store, FULL_DAY):
        with here.store.write() as session:
            token = links.issue_link(
                session, subject=f"guardian:{guardian}", purpose=Purpose.FAMILY, now=here.clock.at
            )
        here.browser.post(f"/f/{token}/bind")
        here.browser.get(f"/f/{token}")  # the first look compiles the template
        with count_queries(here.store.engine) as counted:
            page = here.browser.get(f"/f/{token}")
        assert page.status_code == 200, page.status_code
        queries.append(len(counted))
        sizes.append(len(page.content))
        looks.append(stopwatch(partial(here.browser.get, f"/f/{token}")))
    say_times("family page", looks, aim=20)
    say(
        "family page, largest, style included",
        f"{max(sizes) / 1024:.1f} KB, {max(queries)} queries",
        aim="30 KB",
    )


def measure_evening(here: District) -> None:
    """Thursday 18:00: three more days of legs and drivers, next week published; then its asks."""
    here.clock.at = THURSDAY_EVENING
    with timed("evening job, Thursday"):
        here.jobs.evening()
    with timed("evening job again, nothing to do"):
        here.jobs.evening()
    with timed("ask everybody of next week"):
        asked = here.jobs.asks()
    say("asks of next week", str(asked))


def measure_desk(here: District) -> None:
    """Today's board and the week's matrix on a full day: 344 children, both ways, every school day of the week."""
    with here.store.write() as session:
        a_full_day(session, MONDAY, days=5)
        legs_a_day = session.exec(
            select(func.count()).select_from(Leg).where(Leg.on == MONDAY, Leg.state == LegState.WANTED)
        ).one()
        secret = sign_in(session, here.house)
    here.clock.at = datetime(2021, 4, 5, 7, 46, tzinfo=ZONE)  # every child should have been aboard at 07:45
    here.browser.cookies.set(cookies.SESSION_NAMES[Role.COORDINATOR], secret)
    now = here.clock.at

    def week(session: Session) -> object:
        return week_matrix(session, week_on=MONDAY, show=Show.ALL)

    say_query(
        here,
        f"today's board, {legs_a_day} legs: the query",
        lambda session: board(session, now=now, zone=ZONE),
    )
    say_page(here, "today's board: the page", "/today")
    with timed("the watch looks at every car of the morning"):
        here.jobs.watch()
    say_page(here, "today's board, when no driver has reported", "/today")
    say_query(here, f"week matrix, {5 * legs_a_day} legs: the query", week)
    say_page(here, "week matrix: the page, holes", f"/rota?week={MONDAY}")
    say_page(here, "week matrix: the page, every child", f"/rota?week={MONDAY}&show=all")
    measure_live(here, secret)
    say_query(here, f"month sheet, {5 * legs_a_day} legs: .xlsx", month_sheet, aim=5_000)


def measure_live(here: District, secret: str) -> None:
    """From the commit of a new case to its sentence on the screen of a real browser, with a full day behind it."""
    looks = []
    with served(here.browser.app) as address, chromium() as browser:
        context = browser.new_context(base_url=address)
        context.add_cookies(
            [{"name": cookies.SESSION_NAMES[Role.COORDINATOR], "value": secret, "url": address}]
        )
        page = context.new_page()
        page.goto("/today?whole=true")
        for number in range(LOOKS):
            sentence = f"第 {number} 件新的急事"
            with here.store.write() as session:
                open_case(
                    session,
                    kind=CaseKind.STUCK_WORK,
                    about=f"bench:{number}",
                    sentence=sentence,
                    now=here.clock.at,
                    needed_by=here.clock.at,
                )
            looks.append(stopwatch(page.get_by_text(sentence).wait_for))
        context.close()
    say_times("live board: from the commit to the screen", looks, aim=2_000)


def measure_backup(here: District, folder: Path) -> None:
    """A year of a district: 200 school days, four taps and two messages a leg, a hundred thousand lines of trail."""
    with here.store.write() as session:
        sealed = {
            name: here.store.keyring.seal("{" + " " * 100 + "}", f"message.{name}")
            for name in ("parameters", "text")
        }
        for statement in A_YEAR:
            session.connection().execute(text(statement), sealed if ":text" in statement else {})
        for number in range(AUDIT_LINES):
            audit.record(
                session, actor="account:1", action="read", subject=f"child:{number % 344}", now=BUILT_AT
            )
    named = {"folder": folder, "passphrase": PASSPHRASE}
    begun = time.perf_counter()
    made = files.make_backup(
        here.store, folder / "year.backup", district="", by="bench", now=BUILT_AT, **named
    )
    took = time.perf_counter() - begun
    say("backup of a year", f"{took:.1f} s, {made.rows:,} rows, {made.bytes / 1e6:.0f} MB")
    begun = time.perf_counter()
    files.check_backup(made.path, now=BUILT_AT, proves=here.store, **named)
    checked = time.perf_counter() - begun
    say("its restoring aside, compared", f"{checked:.1f} s; both {took + checked:.1f} s", aim="120 s")


def month_sheet(session: Session) -> object:
    after = datetime(2021, 5, 3, tzinfo=ZONE)
    return workbook(month_sheets(month_of(session, year=2021, month=4, now=after, zone=ZONE)))


def say_query(here: District, what: str, ask: Callable[[Session], object], *, aim: int = 200) -> None:
    looks = []
    for _ in range(LOOKS):
        with here.store.read() as session, count_queries(here.store.engine) as counted:
            looks.append(stopwatch(lambda: ask(session)))
    say_times(what, looks, aim=aim, also=f"{len(counted)} queries")


def say_page(here: District, what: str, address: str) -> None:
    page = here.browser.get(address)
    assert page.status_code == 200, f"{address}: {page.status_code}"
    looks = [stopwatch(lambda: here.browser.get(address)) for _ in range(LOOKS)]
    say_times(what, looks, aim=200, also=f"{len(page.content) / 1024:.0f} KB")


def sign_in(session: Session, house: House) -> str:
    """Return the cookie of a coordinator who has signed in."""
    account = accounts.create_account(
        session,
        login="lin",
        name="林老师",
        role=Role.COORDINATOR,
        password="a long password of the office",
        by="system",
        now=BUILT_AT,
        passwords=house.passwords,
    )
    return accounts.open_sign_in(session, account_id=account.id or 0, now=house.real_now()).secret


def guardians_who_ride(store: Store, on: date) -> list[int]:
    from escort.families.models import Child, Guardian

    with store.read() as session:
        rows = session.exec(
            select(Guardian.id)
            .join(Child, col(Child.family_id) == col(Guardian.family_id))
            .join(Leg, col(Leg.child_id) == col(Child.id))
            .where(Leg.on == on, Leg.state == LegState.WANTED)
            .distinct()
            .order_by(col(Guardian.id))
            .limit(FAMILIES)
        )
        return [guardian for guardian in rows if guardian is not None]


def messages(store: Store, template: str) -> int:
    with store.read() as session:
        return session.exec(
            select(func.count()).select_from(Message).where(Message.template == template)
        ).one()


@dataclass(frozen=True)
class Took:
    """One piece of work: by the clock on the wall, and of the processor. The second is the same on a busy machine."""

    seconds: float
    cpu_seconds: float


def stopwatch(work: Callable[[], object]) -> Took:
    begun, cpu_begun = time.perf_counter(), time.process_time()
    work()
    return Took(time.perf_counter() - begun, time.process_time() - cpu_begun)


@contextmanager
def timed(what: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    say(what, f"{time.perf_counter() - begun:.2f} s")


def say_times(what: str, looks: list[Took], *, aim: int | None = None, also: str = "") -> None:
    """Print medians and the slowest in milliseconds, and the median's share of the aim."""
    middle = 1000 * statistics.median(took.seconds for took in looks)
    cpu = 1000 * statistics.median(took.cpu_seconds for took in looks)
    slowest = 1000 * max(took.seconds for took in looks)
    share = f", {middle / aim:.2f} of the aim" if aim else ""
    times = f"median {middle:.1f} ms (processor {cpu:.1f}), slowest of {len(looks)} {slowest:.1f} ms{share}"
    say(what, times + (f", {also}" if also else ""), aim=f"{aim} ms" if aim else None)


def say(what: str, figure: str, *, aim: str | None = None) -> None:
    print(f"{what:<48} {figure}" + (f"   (aim ≤ {aim})" if aim else ""), flush=True)


def memory_mb() -> int:
    """Return the highest memory of this process so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return getrusage(RUSAGE_SELF).ru_maxrss * unit // 1024 // 1024


if __name__ == "__main__":
    main()
