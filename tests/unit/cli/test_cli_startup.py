"""The command line answers at once: help and version need nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "numpy",
    "asyncpg",
    "alembic",
    "sqlalchemy",
    "pydantic_settings",
    "tokenizers",
    "wordllama",
    "orjson",
    "psutil",
}
PROBE = f"""
import sys
from memory_core.cli.app import run
code = run(sys.argv[1:])
print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["recall", "--help"], ["migrate", "up", "--help"], []]
)
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stderr.strip().splitlines()[-1] == "[]"
    assert "memory-core" in done.stdout


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "memory_core", "--version"], capture_output=True, text=True, timeout=60
    )
    from memory_core import __version__

    assert (done.returncode, done.stdout.strip()) == (0, f"memory-core {__version__}")
