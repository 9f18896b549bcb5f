"""The command `dujuan`: what a person types, what it prints, and one sentence where it will not."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from escort import cli as command
from escort.access import audit, second_factor
from escort.access.clock import real_now
from escort.access.models import Account
from escort.db import Store
from escort.demo import setup
from escort.demo.models import Stamp
from escort.errors import NotConfigured
from escort.migrations import is_current, migrate
from escort.roster.models import Volunteer
from escort.settings import Settings
from notifications import signing
from notifications.sealed import Keyring
from tests.escort.roster_book.books import a_book, as_xlsx, with_row
from tests.scheduling.test_plan_file import a_file

ROOT = Path(__file__).parent.parent.parent
BOOK = ROOT / "escort" / "demo" / "data" / "roster-2021-spring.xlsx"
AS_OF = "2021-04-05"
SECRET = signing.make_secret(b"a secret of a gateway in tests")
SHORT = "whsec_c2VjcmV0"
ENTRY = {"sheet", "row", "verdict", "column", "reason", "also"}


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("DUJUAN_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def dujuan(*words: str) -> tuple[int, str]:
    """Return the exit code and what was printed, as the installed command does it."""
    answer = subprocess.run(
        [sys.executable, "-c", "from escort.cli import main; main()", *words],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    return answer.returncode, answer.stdout + answer.stderr


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The same in this process."""
    monkeypatch.setattr(sys, "argv", ["dujuan", *words])
    with pytest.raises(SystemExit) as ended:
        command.main()
    said = capsys.readouterr()
    return int(str(ended.value.code or 0)), said.out + said.err


def test_checking_the_book_prints_the_json_that_others_rely_on() -> None:
    code, printed = dujuan("import", str(BOOK), "--check", "--json", "--as-of", AS_OF)

    report = json.loads(printed)
    assert code == 0
    assert set(report) == {"rows", "counts"}
    assert {frozenset(row) for row in report["rows"]} == {frozenset(ENTRY)}
    assert sum(report["counts"].values()) == len(report["rows"])
    verdicts = {row["verdict"] for row in report["rows"]}
    assert verdicts == {"accepted", "warning", "rejected", "ignored"} == set(report["counts"])


def test_with_a_store_the_check_says_what_would_change_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DUJUAN_DATA_DIR", str(tmp_path / "store"))
    book = tmp_path / "book.xlsx"
    book.write_bytes(as_xlsx(a_book()))
    runner = CliRunner()
    first = runner.invoke(command.cli, ["import", str(book), "--as-of", AS_OF])
    assert first.exit_code == 0, first.output

    answer = runner.invoke(command.cli, ["import", str(book), "--check", "--json", "--as-of", AS_OF])

    report = json.loads(answer.output)
    assert set(report) == {"rows", "counts", "changes"}
    assert report["changes"] == {"added": [], "changed": [], "asked": [], "missing": []}
    again = runner.invoke(command.cli, ["import", str(book), "--as-of", AS_OF])
    assert again.output.splitlines() == ["added: 0", "changed: 0", "asked: 0", "missing: 0"]
    assert sorted(path.name for path in (tmp_path / "store").iterdir())[:1] == ["dujuan.db"]


def test_an_import_says_row_by_row_what_it_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DUJUAN_DATA_DIR", str(tmp_path / "store"))
    book = tmp_path / "book.xlsx"
    book.write_bytes(as_xlsx(with_row(a_book(), "志愿者", 姓名="要走的人", 手机号="19900004444")))
    runner = CliRunner()
    assert runner.invoke(command.cli, ["import", str(book), "--as-of", AS_OF]).exit_code == 0

    book.write_bytes(as_xlsx(with_row(a_book(), "志愿者", 姓名="缺号码", 手机号="")))
    said = runner.invoke(command.cli, ["import", str(book), "--as-of", AS_OF]).output.splitlines()

    assert any(line.startswith("志愿者 第") and "没有导入：" in line for line in said), said
    assert "志愿者 要走的人：上一本里有，这一本里没有，没有删。请核对。" in said
    assert said[-4:] == ["added: 0", "changed: 0", "asked: 0", "missing: 1"]


def test_the_day_defaults_to_the_settings_now(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    book = tmp_path / "book.xlsx"
    book.write_bytes(as_xlsx(a_book()))
    monkeypatch.setenv("DUJUAN_NOW", "2021-04-05T10:00:00+08:00")

    by_now = CliRunner().invoke(command.cli, ["import", str(book), "--check", "--json"])
    by_day = CliRunner().invoke(command.cli, ["import", str(book), "--check", "--json", "--as-of", AS_OF])

    assert by_now.output == by_day.output


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("ZONE", "Asia/Pidu", "Asia/Pidu"),
        ("NOW", "2021-04-06T18:00:00", "zone"),  # whose eighteen o'clock
        ("PORT", "http", "DUJUAN_PORT"),
        ("BASE_URL", "jiesong.example", "http"),
        ("SMS_URL", "https://sms.example", "DUJUAN_SMS_SECRET"),  # an address without its secret
        ("WEBHOOK_URL", "https://hook.example", "DUJUAN_WEBHOOK_SECRET"),
        ("SMS_SECRET", SHORT, "DUJUAN_SMS_SECRET: a webhook secret has 24 to 64 bytes"),
        ("WEBHOOK_SECRET", "geheim!", "DUJUAN_WEBHOOK_SECRET: a webhook secret is base64"),
        ("DUTY_PHONE", "请问值班室", "DUJUAN_DUTY_PHONE"),
        ("DUTY_PHONE", "199 0000 001", "DUJUAN_DUTY_PHONE"),  # a digit is missing
        ("PRT", "8001", "DUJUAN_PRT（是不是 DUJUAN_PORT？）"),
        ("COLOUR", "red", "不认识这些设置：DUJUAN_COLOUR。"),
        ("DATABASE_URL", "mysql://db/x", "DUJUAN_DATABASE_URL"),
        ("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/x", "DUJUAN_KEY_FILE"),  # keys under var/demo
    ],
)
def test_a_wrong_setting_is_one_sentence(
    setting: str,
    value: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv(f"DUJUAN_{setting}", value)

    code, said = run(monkeypatch, capsys, "migrate")

    assert code == 2
    assert says in said
    assert len(said.splitlines()) == 1
    assert "Traceback" not in said
    assert not (tmp_path / "var").exists(), "no key was left behind"


def test_a_database_that_does_not_answer_is_one_sentence_without_its_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("DUJUAN_DATABASE_URL", "postgresql://nobody:geheim@127.0.0.1:1/x")
    monkeypatch.setenv("DUJUAN_KEY_FILE", str(tmp_path / "keys" / "dujuan.key"))

    code, said = run(monkeypatch, capsys, "migrate")

    assert (code, len(said.splitlines())) == (2, 1)
    assert "cannot be opened" in said
    assert "geheim" not in said


def test_a_key_file_that_others_may_read_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    Keyring.load_or_create(tmp_path / "dujuan.key")
    (tmp_path / "dujuan.key").chmod(0o644)
    monkeypatch.setenv("DUJUAN_DATA_DIR", str(tmp_path))

    code, said = run(monkeypatch, capsys, "migrate")

    assert (code, len(said.splitlines())) == (2, 1)
    assert "0600" in said


def test_a_real_district_refuses_the_demonstrations_now(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("DUJUAN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DUJUAN_NOW", "2021-04-06T18:00:00+08:00")
    monkeypatch.setenv("DUJUAN_DUTY_PHONE", "028 0000 0000")

    code, said = run(monkeypatch, capsys, "serve")

    assert code == 2
    assert "DUJUAN_NOW" in said


def test_a_real_district_is_not_served_with_an_invented_duty_phone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("DUJUAN_DATA_DIR", str(tmp_path))

    code, said = run(monkeypatch, capsys, "serve")

    assert (code, len(said.splitlines())) == (2, 1)
    assert "DUJUAN_DUTY_PHONE" in said


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("HOST", "0.0.0.0"),
        ("WEBHOOK_URL", "https://hook.example"),
        ("SMS_URL", "https://sms.example"),
    ],
)
def test_the_demonstration_reaches_nobody_and_is_reached_by_nobody(
    setting: str,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv(f"DUJUAN_{setting}", value)
    for name in ("SMS_SECRET", "CALLBACK_TOKEN", "WEBHOOK_SECRET"):
        monkeypatch.setenv(f"DUJUAN_{name}", SECRET)

    code, said = run(monkeypatch, capsys, "serve")

    assert (code, len(said.splitlines())) == (2, 1)
    assert setting in said
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("is_demo", [True, False])
def test_a_port_in_use_is_told_before_anybody_is_sent_there(
    is_demo: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("DUJUAN_PORT", str(port))
        if not is_demo:
            monkeypatch.setenv("DUJUAN_DATA_DIR", str(tmp_path))
            monkeypatch.setenv("DUJUAN_DUTY_PHONE", "12349")

        code, said = run(monkeypatch, capsys, "serve")

    assert (code, len(said.splitlines())) == (2, 1)
    assert f"端口 {port} 已经有程序在用" in said


@pytest.mark.parametrize("host", ["nowhere.invalid", "203.0.113.7"])
def test_a_host_that_is_not_this_machine_is_told(
    host: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("DUJUAN_HOST", host)
    monkeypatch.setenv("DUJUAN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DUJUAN_DUTY_PHONE", "028 8700 0000")

    code, said = run(monkeypatch, capsys, "serve")

    assert (code, len(said.splitlines())) == (2, 1)
    assert f"这台电脑没有“{host}”这个地址" in said


def test_a_store_never_changes_sides(empty_store: Store) -> None:
    migrate(empty_store)
    with empty_store.write() as session:
        setup.stamp(session, is_demo=True, now=real_now())

    with pytest.raises(NotConfigured, match="演示区"), empty_store.write() as session:
        setup.stamp(session, is_demo=False, now=real_now())

    with empty_store.read() as session:
        assert session.exec(select(Stamp.is_demo)).all() == [True]


def test_the_demonstration_is_not_made_in_a_real_districts_store(empty_store: Store) -> None:
    migrate(empty_store)
    with empty_store.write() as session:
        setup.stamp(session, is_demo=False, now=real_now())

    with pytest.raises(NotConfigured, match="真实的区"):
        setup.demo_state(empty_store, Settings())


def test_a_real_command_refuses_the_demonstrations_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    store = Store(f"sqlite:///{tmp_path / 'dujuan.db'}", Keyring.load_or_create(tmp_path / "dujuan.key"))
    migrate(store)
    setup.demo_state(store, Settings())
    store.dispose()
    monkeypatch.setenv("DUJUAN_DATA_DIR", str(tmp_path))

    code, said = run(monkeypatch, capsys, "setup-link")

    assert code == 2
    assert "演示区" in said


def test_the_first_coordinators_link_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("DUJUAN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DUJUAN_BASE_URL", "https://jiesong.example")

    code, said = run(monkeypatch, capsys, "setup-link")

    assert code == 0
    assert "https://jiesong.example/setup/" in said


def test_migrate_makes_the_store_and_may_be_said_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("DUJUAN_DATA_DIR", str(tmp_path / "new"))

    codes = [run(monkeypatch, capsys, "migrate")[0] for _ in range(2)]

    assert codes == [0, 0]
    store = Store(
        f"sqlite:///{tmp_path / 'new' / 'dujuan.db'}", Keyring.load(tmp_path / "new" / "dujuan.key")
    )
    assert is_current(store)
    with store.read() as session:
        assert session.exec(select(Volunteer)).all() == []
    store.dispose()


def test_migrate_brings_a_postgresql_store_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], empty_store: Store, tmp_path: Path
) -> None:
    monkeypatch.setenv("DUJUAN_DATABASE_URL", empty_store.url)
    monkeypatch.setenv("DUJUAN_KEY_FILE", str(tmp_path / "keys" / "dujuan.key"))

    code, said = run(monkeypatch, capsys, "migrate")

    assert code == 0, said
    assert is_current(empty_store)
    assert (tmp_path / "keys" / "dujuan.key").exists()


def test_the_machine_takes_a_second_factor_off_whoever_lost_the_phone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("DUJUAN_DATA_DIR", str(tmp_path))
    run(monkeypatch, capsys, "migrate")
    store = Store(f"sqlite:///{tmp_path / 'dujuan.db'}", Keyring.load(tmp_path / "dujuan.key"))
    with store.write() as session:
        session.add(
            Account(
                id=1, login="lin", name="林老师", role="coordinator", password_hash="", created_at=real_now()
            )
        )
        session.flush()
        second_factor.begin(session, account_id=1, now=real_now())

    done, said = run(monkeypatch, capsys, "reset-second-factor", "Lin")
    again = run(monkeypatch, capsys, "reset-second-factor", "lin")
    nobody = run(monkeypatch, capsys, "reset-second-factor", "somebody")

    assert (done, "林老师" in said) == (0, True)
    assert [(code, len(told.splitlines())) for code, told in (again, nobody)] == [(2, 1)] * 2
    with store.read() as session:
        lines = [(line.actor, line.action) for line in audit.trail(session, subject="account:1")]
    assert ("console", "second_factor.reset") in lines
    store.dispose()


def test_a_backup_is_made_checked_and_restored_and_the_copy_sends_nothing_at_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("DUJUAN_DATA_DIR", str(tmp_path / "live"))
    monkeypatch.setenv("DUJUAN_BACKUP_PASSPHRASE", "春天 的 杜鹃 在 叫 呢 听见 了")
    file, again = tmp_path / "stick.backup", tmp_path / "again"
    run(monkeypatch, capsys, "import", str(BOOK), "--as-of", AS_OF)

    made = run(monkeypatch, capsys, "backup", str(file))
    checked = run(monkeypatch, capsys, "restore", str(file), "--check")
    restored = run(monkeypatch, capsys, "restore", str(file), "--into", str(again))
    monkeypatch.setenv("DUJUAN_DATA_DIR", str(again))
    elsewhere = run(monkeypatch, capsys, "restore", str(file), "--check")
    opened = run(monkeypatch, capsys, "open-channels", "--yes")
    twice = run(monkeypatch, capsys, "open-channels", "--yes")

    assert [code for code, _ in (made, checked, restored, elsewhere, opened)] == [0] * 5
    assert "孩子 330，志愿者 1102" in checked[1]
    assert "可以恢复，已记下" in checked[1]
    assert "什么消息也不会发" in restored[1]
    assert "没有记下" in elsewhere[1]
    assert "发送开了" in opened[1]
    assert (twice[0], len(twice[1].splitlines())) == (2, 1)


def test_what_cannot_be_backed_up_or_restored_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("DUJUAN_DATA_DIR", str(tmp_path / "live"))
    monkeypatch.setenv("DUJUAN_BACKUP_PASSPHRASE", "too short")
    (tmp_path / "other").write_text("not a backup")
    where = str(tmp_path / "stick.backup")
    run(monkeypatch, capsys, "migrate")

    answers = [
        run(monkeypatch, capsys, "backup", where),
        run(monkeypatch, capsys, "restore", where),
        run(monkeypatch, capsys, "restore", where, "--check"),
        run(monkeypatch, capsys, "restore", where, "--check", "--into", str(tmp_path / "again")),
        run(monkeypatch, capsys, "restore", str(tmp_path / "other"), "--check"),
        run(
            monkeypatch,
            capsys,
            "restore",
            where,
            "--into",
            str(tmp_path / "again"),
            "--database",
            "mysql://x",
        ),
    ]

    assert [(code, len(said.splitlines())) for code, said in answers] == [(2, 1)] * 6
    assert [path.name for path in tmp_path.iterdir() if "stick" in path.name] == []


def test_a_book_that_is_none_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "book.xlsx").write_text("not a workbook")

    answers = [
        run(monkeypatch, capsys, "import", str(tmp_path / "book.xlsx"), "--check"),
        run(monkeypatch, capsys, "import", str(tmp_path / "nowhere.xlsx"), "--check"),
        run(monkeypatch, capsys, "import", str(tmp_path / "book.xlsx"), "--check", "--as-of", "gestern"),
    ]

    assert [(code, len(said.splitlines())) for code, said in answers] == [(2, 1)] * 3


def test_a_problem_file_is_planned_into_a_plan_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    problem, result = tmp_path / "problem.json", tmp_path / "plan.json"
    problem.write_text(json.dumps(a_file()))

    code, said = run(monkeypatch, capsys, "plan-file", str(problem), str(result), "--seed", "3")

    plan = json.loads(result.read_text("utf-8"))
    assert code == 0, said
    assert plan["seed"] == 3
    assert len(plan["driver"]) == len(plan["pooling"])


def test_an_invented_street_is_planned_and_its_plan_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    problem, result = str(tmp_path / "problem.json"), tmp_path / "plan.json"
    run(monkeypatch, capsys, "make-problem", "street", problem, "--seed", "1")
    run(monkeypatch, capsys, "plan-file", problem, str(result))

    kept, said = run(monkeypatch, capsys, "check-plan", problem, str(result))
    plan = json.loads(result.read_text("utf-8"))
    plan["driver"][0] = plan["driver"][1] = next(who for who in plan["driver"] if who is not None)
    result.write_text(json.dumps(plan))
    broken, complaints = run(monkeypatch, capsys, "check-plan", problem, str(result))
    result.write_text("[]")
    no_plan = run(monkeypatch, capsys, "check-plan", problem, str(result))

    assert (kept, "keeps every rule" in said) == (0, True)
    assert (broken, "H8: volunteer" in complaints) == (2, True)
    assert (no_plan[0], len(no_plan[1].splitlines())) == (2, 1)


def test_planning_a_broken_file_names_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    broken, no_json = tmp_path / "problem.json", tmp_path / "no.json"
    broken.write_text(json.dumps({name: value for name, value in a_file().items() if name != "volunteers"}))
    no_json.write_text("{")
    result = str(tmp_path / "plan.json")

    code, said = run(monkeypatch, capsys, "plan-file", str(broken), result)
    others = [
        run(monkeypatch, capsys, "plan-file", str(name), result) for name in (no_json, tmp_path / "x.json")
    ]

    assert (code, len(said.splitlines())) == (2, 1)
    assert "volunteers" in said
    assert [(code, len(said.splitlines())) for code, said in others] == [(2, 1)] * 2
    assert not Path(result).exists()
