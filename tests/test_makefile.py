"""`make install` on a machine where an earlier one was interrupted: the half-made environment is made anew."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PYTHON = """#!/bin/sh
# stands for `python3 -m venv --clear DIR`: an environment whose pip installs nothing
echo "$@" >> asked
rm -rf "$4" && mkdir -p "$4/bin" && printf '#!/bin/sh\\n' > "$4/bin/pip" && chmod +x "$4/bin/pip"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    return tmp_path


def install(checkout: Path) -> list[str]:
    """Run `make install`; return what was asked of python so far."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    subprocess.run(
        ["make", "install", "PYTHON=./python"], cwd=checkout, env=plain, check=True, capture_output=True
    )
    asked = checkout / "asked"
    return asked.read_text().splitlines() if asked.exists() else []


def test_a_fresh_checkout_gets_its_environment_once(checkout: Path) -> None:
    assert install(checkout) == ["-m venv --clear .venv"]
    assert install(checkout) == ["-m venv --clear .venv"]


def test_an_environment_without_pip_is_made_anew(checkout: Path) -> None:
    left_over = checkout / ".venv" / "bin" / "python"
    left_over.parent.mkdir(parents=True)
    left_over.touch()

    assert install(checkout) == ["-m venv --clear .venv"]

    assert not left_over.exists()
    assert (checkout / ".venv" / ".installed").exists()


def test_an_environment_whose_packages_were_interrupted_is_kept_and_completed(checkout: Path) -> None:
    install(checkout)
    (checkout / ".venv" / ".installed").unlink()

    assert install(checkout) == ["-m venv --clear .venv"]

    assert (checkout / ".venv" / ".installed").exists()
