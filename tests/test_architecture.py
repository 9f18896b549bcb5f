"""Who may import whom (docs/adr/0001): each row only rows below it; chance and the clock only at the edges."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Row, and within a row the order: a later name may import an earlier one of its row only where it says so.
ROWS: list[list[str]] = [
    ["scheduling", "notifications"],
    [
        "escort.sentences",
        "escort.errors",
        "escort.settings",
        "escort.revision",
        "escort.db",
        "escort.geocoding",
        "escort.spreadsheet",
        "escort.typed_values",
        "escort.filled_form",
        "escort.pinyin",
        "escort.spoken",
        "escort.registered_texts",
        "escort.wording",
        "escort.reply_grammar",
        "escort.job_leases",
        "escort.access",
        "escort.cases",
        "escort.upkeep",
    ],
    ["escort.schools", "escort.families", "escort.roster"],
    ["escort.rota", "escort.journeys", "escort.hours"],
    [
        "escort.messages",
        "escort.family_replies",
        "escort.standing_replies",
        "escort.replies",
        "escort.roster_book",
        "escort.erasure",
    ],
    ["escort.jobs", "escort.web", "escort.api"],
    ["escort.tables", "escort.migrations", "escort.backup", "escort.app", "escort.demo", "escort.cli"],
]
STRANGERS = {
    ("scheduling", "notifications"),
    ("escort.families", "escort.roster"),
    ("escort.replies", "escort.roster_book"),
    ("escort.replies", "escort.erasure"),
    ("escort.jobs", "escort.web"),
}
SHARED = {("escort.api", "escort.web"): ("escort.web.deps", "escort.web.policy")}
"""The interface uses the web's readers and policies, nothing else of it (docs/adr/0001)."""

EDGES = {
    "escort/access/clock.py": "the real clock",
    "escort/access/secret.py": "tokens",
    "escort/access/devices.py": "one-time codes",
    "scheduling/clock.py": "the real clock",
    "escort/demo": "invented people",
    "escort/cli.py": "the edge",
    "escort/app.py": "the edge",
    "escort/web": "request ids at the edge",
    "escort/migrations": "not at run time",
    "notifications/testing.py": "a stand-in for a provider",
    "notifications/sealed.py": "keys",
    "escort/backup/container.py": "the salt of a backup file",
    "notifications/outbox.py": "send keys say nothing",
}
FORBIDDEN_CALLS = {
    "datetime.now",
    "datetime.utcnow",
    "date.today",
    "time.time",
    "time.sleep",
    "uuid.uuid4",
    "uuid4",
    "os.urandom",
    "secrets.token_bytes",
    "secrets.token_hex",
    "secrets.token_urlsafe",
    "random.random",
    "random.randint",
    "random.choice",
    "random.shuffle",
}


def test_rooms_import_only_downwards() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {target}: {cure}"
        for path in _sources()
        for target in _imports(path)
        if (cure := _objection(_module_of(path), target))
    ]

    assert wrong == [], "\n".join(wrong)


def test_every_module_has_a_place_in_the_house() -> None:
    homeless = [str(path.relative_to(ROOT)) for path in _sources() if _place(_module_of(path)) is None]

    assert homeless == [], "give these a row in tests/test_architecture.py and docs/adr/0001"


def test_planner_knows_no_database_and_only_the_clock_knows_apscheduler() -> None:
    for path in (ROOT / "scheduling").rglob("*.py"):
        roots = {target.split(".")[0] for target in _imports(path)}
        assert not roots & {"sqlmodel", "sqlalchemy", "fastapi", "httpx"}, path
        assert "apscheduler" not in roots or path.name == "clock.py", path


def test_the_check_of_plans_knows_nothing_of_the_planner() -> None:
    roots = {target.split(".")[0] for target in _imports(ROOT / "scheduling" / "check_plan.py")}

    assert roots <= set(sys.stdlib_module_names)


def test_web_framework_stays_in_web_api_and_wiring() -> None:
    allowed = ("escort/web", "escort/api", "escort/demo", "escort/app.py", "escort/cli.py")
    wrong = [
        str(path.relative_to(ROOT))
        for path in _sources()
        if any(target.split(".")[0] in {"fastapi", "starlette"} for target in _imports(path))
        and not str(path.relative_to(ROOT)).startswith(allowed)
    ]

    assert wrong == []


def test_time_chance_and_sleep_stand_only_at_the_edges() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} calls {call}: take `now`, an id or a number as an argument"
        for path in _sources()
        if not str(path.relative_to(ROOT)).startswith(tuple(EDGES))
        for line, call in _calls(path)
        if call in FORBIDDEN_CALLS
    ]

    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize(
    ("module", "target", "allowed"),
    [
        ("scheduling.plan", "escort.db", False),  # the planner knows nothing of the product
        ("escort.roster.service", "escort.families.models", False),  # neighbours that never meet
        ("escort.rota.asks", "escort.journeys.taps", False),  # upwards within a row
        ("escort.journeys.taps", "escort.rota.models", True),  # downwards within a row
        ("escort.web.gate.routes", "escort.api.health", False),
        ("escort.cases.service", "escort.access.audit", True),
    ],
)
def test_the_rule_itself_can_fail(module: str, target: str, allowed: bool) -> None:
    assert (_objection(module, target) is None) is allowed


def _objection(module: str, target: str) -> str | None:
    here, there = _place(module), _place(target)
    if here is None or there is None or here[2] == there[2]:
        return None
    if target.startswith(SHARED.get((here[2], there[2]), ("nothing",))):
        return None
    if (here[2], there[2]) in STRANGERS or (there[2], here[2]) in STRANGERS:
        return f"{here[2]} and {there[2]} never meet; put what both need into a row below"
    if (there[0], there[1]) > (here[0], here[1]):
        return (
            f"{there[2]} lies above {here[2]}: let the upper room read, or write it down (DESIGN section 3)"
        )
    if here[0] == there[0] == 5:
        return "web and api never import each other"
    return None


def _place(module: str) -> tuple[int, int, str] | None:
    if module == "escort":
        return (0, 0, "escort")
    for row, names in enumerate(ROWS):
        for order, name in enumerate(names):
            if module == name or module.startswith(name + "."):
                return (row, order, name)
    return None


def _module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _sources() -> Iterator[Path]:
    for package in ("escort", "scheduling", "notifications"):
        yield from (path for path in (ROOT / package).rglob("*.py") if "versions" not in path.parts)


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (
                f"{node.module}.{alias.name}" for alias in node.names if _place(f"{node.module}.{alias.name}")
            )


def _calls(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)
