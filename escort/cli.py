"""The command `dujuan`."""

import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from datetime import date, datetime, timedelta
from json import JSONDecodeError
from pathlib import Path
from typing import Annotated

import typer
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy.exc import OperationalError

from escort import app as wiring
from escort.access import accounts
from escort.access.accounts import has_coordinator, issue_setup_link
from escort.access.clock import real_now
from escort.backup import files
from escort.db import Store
from escort.demo import serving
from escort.demo.setup import stamp
from escort.errors import DujuanError, NotConfigured, Refused
from escort.jobs import PLAN_SEED, Jobs
from escort.migrations import is_current, migrate
from escort.roster_book.apply import Differences, apply_book
from escort.roster_book.book import BookRefused, RosterBook
from escort.roster_book.check import check_report, read_for_store
from escort.roster_book.headers import COLUMNS
from escort.roster_book.report import report_of
from escort.rota import legs, planning
from escort.rota.follow import follow_book
from escort.settings import Settings, check_names
from escort.upkeep import channels
from escort.upkeep.readiness import WORDS
from escort.web.deps import House
from scheduling import check_plan, plan_file, synthetic
from scheduling.clock import Clock as StoreClock

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="杜鹃鸟: escort dispatch.")
AUDIT_SECONDS = 60


def main() -> None:
    """Run a command; what the person can mend is said in one sentence, without a traceback."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    try:
        cli()
    except (NotConfigured, DujuanError, BookRefused) as error:
        typer.echo(str(error), err=True)
        sys.exit(2)
    except ValidationError as error:
        for mistake in error.errors():
            name = "_".join(str(part) for part in mistake["loc"]).upper()
            sentence = mistake["msg"].removeprefix("Value error, ")
            says_which = not name or sentence.startswith("DUJUAN_")
            typer.echo(sentence if says_which else f"DUJUAN_{name}: {sentence}", err=True)
        sys.exit(2)


@cli.command()
def serve() -> None:
    """Serve the pages and run the clock. Without settings: the demonstration district."""
    settings = _settings()
    if settings.is_demonstration:
        serving.serve(settings)
        return
    wiring.check_ready_to_serve(settings)
    with _real_house(settings) as house:
        wiring.check_address(settings)
        _welcome_first_coordinator(house)
        for lack in house.lacks():
            typer.echo(f"还不能用于真实孩子：{lack}。")
        with wiring.http_client() as client:
            jobs = wiring.build_jobs(house, client=client)

            @asynccontextmanager
            async def lifespan(_app: FastAPI):  # type: ignore[no-untyped-def]
                clock = _start_clock(house, jobs)
                yield
                clock.stop(wait=False)

            web = wiring.create_app(house, lifespan=lifespan)
            wiring.serve(web, settings, when_listening=lambda: _say_whether_links_work(house))


@cli.command()
def clock() -> None:
    """Run the clock alone, beside any number of `dujuan serve` on the same store."""
    import threading

    settings = _settings()
    wiring.check_ready_to_serve(settings)
    with _real_house(settings) as house, wiring.http_client() as client:
        for lack in house.lacks():
            typer.echo(f"还不能用于真实孩子：{lack}。")
        running = _start_clock(house, wiring.build_jobs(house, client=client))
        typer.echo("钟在走。Ctrl-C 停下。")
        _say_whether_links_work(house)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            running.stop()


@cli.command(name="migrate")
def migrate_store() -> None:
    """Bring the store to this version's shape."""
    store = _migrated(_settings())
    store.dispose()
    typer.echo("库已经是最新的样子。")


@cli.command(name="import")
def import_book(
    file: Annotated[Path, typer.Argument(help="the office's workbook: .xlsx, .xls or .ods")],
    check: Annotated[bool, typer.Option("--check", help="only say what would happen")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the verdicts as JSON")] = False,
    as_of: Annotated[str | None, typer.Option("--as-of", help="the day that dates are judged by")] = None,
) -> None:
    """Read the office's workbook; with --check change nothing."""
    settings = _settings()
    day = _day(as_of) if as_of else (settings.now or real_now()).astimezone(settings.tz).date()
    if check:
        _check_book(settings, file, day, as_json)
        return
    with _real_house(settings) as house:
        with house.store.read() as session:
            book = read_for_store(session, file, as_of=day)
        with house.store.write() as session:
            now = house.clock.now()
            differences = apply_book(session, book, now=now, by="system")
            follow_book(session, now=now, zone=house.zone)
    _say_what_needs_a_look(book, differences)
    for word in ("added", "changed", "asked", "missing"):
        typer.echo(f"{word}: {len(getattr(differences, word))}")


@cli.command()
def plan(weeks: Annotated[int, typer.Option(min=1, max=4)] = 4) -> None:
    """Bring legs up to date and plan the coming weeks as a draft."""
    settings = _settings()
    with _real_house(settings) as house:
        now = house.clock.now()
        today = now.astimezone(house.zone).date()
        until_on = today + timedelta(weeks=weeks, days=-1)
        with house.store.write() as session:
            legs.extend_calendar(session, now=now, zone=house.zone)
        planning.propose_missing_circles(
            house.store, now=now, zone=house.zone, from_on=today, until_on=until_on
        )
        plan_id = planning.make_plan(
            house.store, now=now, zone=house.zone, from_on=today, until_on=until_on, seed=PLAN_SEED
        )
    typer.echo(
        "没有要排的行程。" if plan_id is None else f"草稿 {plan_id} 排好了，请在“周排班”里看过再公布。"
    )


@cli.command(name="plan-file")
def plan_a_file(
    problem: Path,
    result: Path,
    seconds: Annotated[float | None, typer.Option(min=0.1)] = None,
    seed: int = 0,
) -> None:
    """Plan a `dujuan-problem/1` file; needs no store."""
    with _file_faults(problem):
        plan_file.run(problem, result, seconds, seed)


@cli.command(name="check-plan")
def check_a_plan(problem: Path, plan: Path) -> None:
    """Check a plan file against its problem file: every hard rule, and the objective added up anew."""
    with _file_faults(plan):
        report = check_plan.check_files(problem, plan)
    for sentence in report.broken:
        typer.echo(sentence)
    typer.echo(", ".join(f"{name} {amount:,}" for name, amount in report.parts.items()))
    if report.broken:
        raise Refused(f"{plan}: {len(report.broken)} rules are broken.")
    typer.echo(f"{plan}: keeps every rule; {report.uncovered_legs} legs without a driver.")


@cli.command(name="make-problem")
def make_a_problem(
    size: Annotated[synthetic.Size, typer.Argument(help="how large a district to invent")],
    problem: Path,
    seed: int = 0,
    with_runs: Annotated[bool, typer.Option(help="fix the cars, or leave pooling to the planner")] = True,
) -> None:
    """Invent a district as a `dujuan-problem/1` file; the same size and seed give the same file."""
    document = synthetic.make_problem(size, seed=seed, with_runs=with_runs)
    with _file_faults(problem):
        problem.write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def _file_faults(path: Path) -> Iterator[None]:
    """Tell what is wrong with a file in one sentence."""
    try:
        yield
    except OSError as error:
        raise Refused(f"{error.filename}: {error.strerror}.") from error
    except JSONDecodeError as error:
        raise Refused(f"{path}: this is not JSON ({error}).") from error
    except ValueError as error:
        raise Refused(f"{path}: {error}") from error


@cli.command(name="setup-link")
def setup_link() -> None:
    """Print the one-time link that makes a coordinator's account."""
    with _real_house(_settings()) as house:
        _welcome_first_coordinator(house)


@cli.command()
def backup(
    target: Annotated[Path, typer.Argument(help="a new file, or a folder such as that of a stick")],
) -> None:
    """Write the whole store with its keys into one file that only the passphrase opens."""
    settings = _settings()
    with _real_house(settings) as house:
        made = files.make_backup(
            house.store,
            target,
            folder=settings.folder,
            passphrase=_passphrase(settings, is_new=True),
            district=settings.district,
            by="console",
            now=real_now(),
        )
    typer.echo(f"备份好了：{made.path}，{made.bytes / 1e6:.1f} MB，{made.rows} 行。")
    typer.echo(f"操作记录到第 {made.audit_seq} 条，{made.audit_hash[:16]}。请抄在备份本上，和盘分开放。")


@cli.command()
def restore(
    file: Annotated[Path, typer.Argument(help="what `dujuan backup` wrote")],
    check: Annotated[bool, typer.Option("--check", help="restore it aside, compare, throw away")] = False,
    into: Annotated[Path | None, typer.Option("--into", help="an empty folder for store and keys")] = None,
    database: Annotated[
        str | None,
        typer.Option("--database", help="an empty postgresql://… for the store; keys go to --into"),
    ] = None,
) -> None:
    """Restore a backup file: aside, to see that it can be, or for good. A restored copy sends nothing at first."""
    if check == (into is not None) or (check and database is not None):
        raise Refused("请写 --check（只试一试，什么也不留），或 --into 文件夹（真的恢复）。")
    settings = _settings()
    passphrase = _passphrase(settings, is_new=False)
    if into is not None:
        found = files.restore_backup(
            file, into, passphrase=passphrase, now=real_now(), database_url=_with_driver(database)
        )
        _say_what_was_found(found, settings)
        typer.echo(
            f"恢复到了 {into}。什么消息也不会发，确认这就是真正在用的库以后，执行 dujuan open-channels。"
        )
        return
    has_store = settings.database_url or (settings.data_dir and (settings.folder / "dujuan.db").exists())
    with _real_house(settings) if has_store else nullcontext() as house:
        found = files.check_backup(
            file,
            folder=settings.folder if house else Path(tempfile.gettempdir()),
            passphrase=passphrase,
            now=real_now(),
            proves=house.store if house else None,
        )
    _say_what_was_found(found, settings)
    typer.echo("可以恢复，已记下。" if found.is_ours else "可以恢复。它不是这里的库做的备份，所以没有记下。")


@cli.command(name="open-channels")
def open_channels(
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Let a restored copy send from now on: it is the real store now."""
    settings = _settings()
    with _real_house(settings) as house:
        if not yes:
            typer.confirm("原来的库确实停了，从现在起由这一个给志愿者和家里发消息？", abort=True)
        with house.store.write() as session:
            dropped = channels.open_channels(session, by="console", now=house.clock.now(), zone=house.zone)
    typer.echo(f"发送开了。备份里没发出的 {dropped} 条不会再发，“今天”上有一件急事说怎么核对。")


@cli.command(name="reset-second-factor")
def reset_second_factor(login: Annotated[str, typer.Argument(help="the login of the account")]) -> None:
    """Take the second factor off an account whose phone and paper codes are gone. It is kept in the trail."""
    with _real_house(_settings()) as house, house.store.write() as session:
        account = accounts.account_by_login(session, login)
        accounts.reset_second_factor(
            session,
            account_id=account.id or 0,
            by="console",
            duty_phone=house.settings.duty_phone,
            now=house.clock.now(),
            real_now=real_now(),
        )
        name = account.name
    typer.echo(f"{name}的两步登录已经取消，所有电脑上的登录也已结束。请本人马上用密码登录，再开一次。")


def _passphrase(settings: Settings, *, is_new: bool) -> str:
    if settings.backup_passphrase is not None:
        return settings.backup_passphrase.get_secret_value()
    return str(typer.prompt("备份口令", hide_input=True, confirmation_prompt=is_new))


def _with_driver(url: str | None) -> str | None:
    if url is not None and not url.startswith("postgresql"):
        raise Refused("--database 要以 postgresql:// 开头。不写它，就恢复成 --into 文件夹里的一个文件。")
    return url


def _say_what_was_found(found: files.Found, settings: Settings) -> None:
    held = found.manifest
    made_at = datetime.fromisoformat(held.made_at).astimezone(settings.tz)
    children, volunteers = held.rows.get("child", 0), held.rows.get("volunteer", 0)
    typer.echo(
        f"{held.district}，{made_at:%Y-%m-%d %H:%M} 的备份，{found.rows} 行：孩子 {children}，志愿者 {volunteers}。"
    )
    typer.echo(f"行数、密钥、操作记录都对得上，到第 {found.audit_seq} 条，{found.audit_hash[:16]}。")


def _settings() -> Settings:
    check_names(os.environ)
    return Settings()


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError as error:
        raise Refused(f"--as-of {written}: a day is written like 2021-04-06.") from error


def _check_book(settings: Settings, file: Path, day: date, as_json: bool) -> None:
    """Compare with the store if there is one; read the book alone if there is none."""
    report = None
    has_store = settings.database_url or (settings.folder / "dujuan.db").exists()
    if has_store:
        store = wiring.open_store(settings)
        if is_current(store):
            with store.read() as session:
                report = check_report(file, day, session)
    report = report or check_report(file, day, None)
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, default=str))
        return
    for row in report["rows"]:
        if row["verdict"] in {"rejected", "warning"}:
            typer.echo(f"{row['sheet']} 第{row['row']}行 {row['column'] or ''} {row['reason']}")
    typer.echo(json.dumps(report["counts"], ensure_ascii=False))


def _say_what_needs_a_look(book: RosterBook, differences: Differences) -> None:
    """Print each row that was not taken over, waits for a decision, or is not in the book any more."""
    for row in report_of(book)["rows"]:
        if row["verdict"] == "rejected":
            typer.echo(f"{row['sheet']} 第{row['row']}行 没有导入：{row['reason']}")
    words = {name: said[0] for columns in COLUMNS.values() for name, said in columns.items()}
    for change in differences.asked:
        word = words.get(change.column, change.column)
        typer.echo(
            f"{change.sheet} 第{change.row}行 {change.who}：{word}和系统里的不一样，没有改。请在“导入”里定。"
        )
    for line in differences.missing:
        typer.echo(f"{line.sheet} {line.who}：上一本里有，这一本里没有，没有删。请核对。")


@contextmanager
def _real_house(settings: Settings) -> Iterator[House]:
    if settings.is_demonstration:
        raise NotConfigured("请设 DUJUAN_DATA_DIR 或 DUJUAN_DATABASE_URL：没有它们的是演示区。")
    wiring.check_real(settings)
    store = _migrated(settings)
    with store.write() as session:
        stamp(session, is_demo=False, now=real_now())
    try:
        yield wiring.build_house(settings, store, is_demo=False)
    finally:
        store.dispose()


def _migrated(settings: Settings) -> Store:
    """Return the store in this version's shape. Raises NotConfigured where there is no such store."""
    store = wiring.open_store(settings)
    try:
        migrate(store)
    except OperationalError as unreachable:
        raise NotConfigured(
            f"The store at {store.engine.url.render_as_string(hide_password=True)} cannot be opened: "
            "check DUJUAN_DATABASE_URL or DUJUAN_DATA_DIR, and that the database runs."
        ) from unreachable
    return store


def _start_clock(house: House, jobs: Jobs) -> StoreClock:
    clock = house.clock
    if not isinstance(clock, StoreClock):
        raise TypeError("the house has no clock that can be started")
    from notifications.delivery import release_claims

    release_claims(house.store.write, owner=jobs.owner)
    jobs.pulse = clock
    clock.start(
        {**jobs.heartbeat(), "deliver urgent": jobs.deliver_urgent, "audit": jobs.audit_every_minute},
        daily={"evening rotation": jobs.evening},
    )
    return clock


def _say_whether_links_work(house: House) -> None:
    """Look through the address itself; only once the server listens can it answer."""
    if house.links is None or house.links.is_malformed:
        return  # that was said among what is missing
    if (fault := house.links.fault()) is not None:
        typer.echo(f"{house.settings.base_url}：{WORDS[fault]}。")


def _welcome_first_coordinator(house: House) -> None:
    with house.store.write() as session:
        token = None if has_coordinator(session) else issue_setup_link(session, now=house.clock.now())
    if token:
        typer.echo(f"第一位协调员请打开（只能用一次）：{house.settings.base_url}/setup/{token}")
