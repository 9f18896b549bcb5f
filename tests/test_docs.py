"""What the documents say exists: commands, settings, words, files."""

import json
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer.main
from starlette.testclient import TestClient
from typer.testing import CliRunner

from escort import app as wiring
from escort.cli import cli
from escort.db import Store
from escort.settings import Settings

ROOT = Path(__file__).parent.parent
DOCS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
HOW_TO = sorted((ROOT / "docs" / "how-to").glob("*.md"))
BOOK = ROOT / "escort" / "demo" / "data" / "roster-2021-spring.xlsx"


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", DOCS, ids=named)
def test_relative_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))

    lost = [link for link in links if "://" not in link and not (page.parent / link).exists()]

    assert lost == []


@pytest.mark.parametrize("page", DOCS, ids=named)
def test_files_named_in_backticks_exist(page: Path) -> None:
    files = re.findall(
        r"`((?:tests|escort|scheduling|notifications|docs)/[\w./-]+)`", page.read_text("utf-8")
    )

    lost = [file for file in files if not (ROOT / file).exists()]

    assert lost == []


@pytest.mark.parametrize("page", DOCS, ids=named)
def test_commands_that_a_page_names_exist(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    commands = typer.main.get_command(cli).commands  # type: ignore[attr-defined]

    for program, name, options in commands_in(page):
        if program == "make":
            assert name in targets, f"make {name}"
        else:
            known = {option for parameter in commands[name].params for option in parameter.opts}
            assert options <= known, f"dujuan {name} {options - known}"


def commands_in(page: Path) -> Iterator[tuple[str, str, set[str]]]:
    """Yield (program, command, options) of every `make x` and `dujuan x` that stands as code."""
    text = page.read_text("utf-8")
    blocks = [
        line for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL) for line in block.splitlines()
    ]
    for line in [*blocks, *re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))]:
        words = line.split() if "'" in line else shlex.split(line)
        if len(words) > 1 and words[0].rpartition("/")[2] in {"make", "dujuan"}:
            options = {word for word in words[2:] if word.startswith("--")}
            yield words[0].rpartition("/")[2], words[1], options


def test_every_setting_is_documented_and_no_other() -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")

    listed = set(re.findall(r"^\| `DUJUAN_(\w+)`", page, re.MULTILINE))

    assert listed == {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("page", DOCS, ids=named)
def test_settings_that_a_page_names_exist(page: Path) -> None:
    named_settings = set(re.findall(r"DUJUAN_([A-Z_]+[A-Z])", page.read_text("utf-8")))

    assert named_settings <= {name.upper() for name in Settings.model_fields}


def test_every_decision_is_listed_and_has_its_four_parts() -> None:
    index = (ROOT / "docs" / "adr" / "README.md").read_text("utf-8")

    for page in sorted((ROOT / "docs" / "adr").glob("0*.md")):
        text = page.read_text("utf-8")
        missing = [
            part
            for part in ("Context", "Decision", "Consequences", "Alternatives")
            if f"**{part}" not in text
        ]
        assert missing == [], page.name
        assert f"({page.name})" in index, page.name
        assert len(text.splitlines()) <= 65, f"{page.name} is longer than a page"


def glossary() -> list[tuple[str, str, str, str]]:
    """Return (word, what readers see, meaning, code) of each line of the glossary."""
    lines = (ROOT / "docs" / "glossary.md").read_text("utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return [(row[0], row[2], row[3], row[4]) for row in cells if row[0] != "word"]


def test_glossary_words_stand_in_the_code() -> None:
    sources = "\n".join(read_all("*.py"))

    lost = [
        (word, name)
        for word, _, _, code in glossary()
        for name in re.findall(r"`([^`]+)`", code)
        if not re.search(rf"\b{re.escape(name)}\b", sources)
    ]

    assert lost == []


def test_glossary_words_stand_on_pages_or_in_messages() -> None:
    seen = shown_to_readers()

    lost = [
        (word, part)
        for word, readers_see, _, _ in glossary()
        for part in readers_see.split("、")
        if part != "–" and part not in seen
    ]

    assert lost == []


@pytest.mark.parametrize("page", HOW_TO, ids=named)
def test_words_that_a_how_to_quotes_stand_on_pages_or_in_messages(page: Path) -> None:
    seen = shown_to_readers()

    quoted = re.findall(r"“([^”]+)”", page.read_text("utf-8"))

    assert quoted
    assert [words for words in quoted if words not in seen and words not in WORDS_OF_OTHERS] == []


WORDS_OF_OTHERS = {"收到", "分享", "蓝色风筝"}
"""What people write, what a map app's button says, an example of a word pair."""


def test_the_readme_example_judges_the_book(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DUJUAN_DATA_DIR", str(tmp_path))

    answer = CliRunner().invoke(cli, ["import", str(BOOK), "--check", "--json", "--as-of", "2021-04-05"])

    assert answer.exit_code == 0, answer.output
    report = json.loads(answer.output)
    assert set(report) == {"rows", "counts"}
    assert set(report["counts"]) == {"accepted", "warning", "rejected", "ignored"}
    assert set(report["rows"][0]) == {"sheet", "row", "verdict", "column", "reason", "also"}
    assert not list(tmp_path.iterdir()), "checking leaves nothing behind"


def test_the_interface_page_lists_every_operation_and_loads_nothing_from_elsewhere(store: Store) -> None:
    settings = Settings(database_url=store.url)
    app = wiring.create_app(wiring.build_house(settings, store, is_demo=False))

    page = TestClient(app).get("/api/docs")

    assert page.status_code == 200
    assert "<script" not in page.text
    assert re.findall(r'(?:src|href)="https?:', page.text) == []
    for path, operations in app.openapi()["paths"].items():
        for method in operations:
            assert f"{method.upper()} {path}" in page.text


def read_all(pattern: str) -> Iterator[str]:
    for package in ("escort", "scheduling", "notifications"):
        yield from (path.read_text("utf-8") for path in sorted((ROOT / package).rglob(pattern)))


@cache
def shown_to_readers() -> str:
    """Return templates and all Chinese that code holds, with the marks of parameters taken out."""
    return re.sub(r"%\(\w+\)s|\{\w+\}", "", "\n".join([*read_all("*.html"), *read_all("*.py")]))
