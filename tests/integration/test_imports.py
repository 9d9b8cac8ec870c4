"""What importing and opening load, and what the wheel carries."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("numpy", "asyncpg", "alembic", "sqlalchemy", "pydantic", "typer", "rich", "tokenizers", "psutil", "Stemmer")
FRAMEWORKS = ("langchain_core", "langgraph", "llama_index", "crewai", "redis", "torch")


def loaded_after(code: str) -> set[str]:
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded_after("import memory_core") & {*HEAVY, *FRAMEWORKS}
    assert not loaded_after("from memory_core import MemoryCoreError, Tier, Kind, Scope") & {*HEAVY, *FRAMEWORKS}


@pytest.mark.usefixtures("memory")
def test_opening_a_store_that_is_up_to_date_loads_no_migration_tool(database_url: str) -> None:
    work = "with Memory.open(url) as memory: memory.scope(user='u').recall('x')"
    code = f"from memory_core import Memory\nurl = {database_url!r}\n{work}"
    assert not loaded_after(code) & {"alembic", "sqlalchemy", "typer", "wordllama", *FRAMEWORKS}


def test_every_public_name_is_there() -> None:
    import memory_core

    for name in memory_core.__all__:
        assert getattr(memory_core, name) is not None
    with pytest.raises(AttributeError):
        _ = memory_core.no_such_name  # type: ignore[attr-defined]


def test_the_wheel_carries_all_data_files(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="the build backend is not installed here")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        check=True, capture_output=True, cwd=ROOT,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    data = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "memory_core").rglob("*")
        if path.is_file()
        and path.suffix in (".py", ".sql", ".txt", ".conf", ".typed", ".md")
        and "__pycache__" not in path.parts
    }
    assert data, "nothing to compare"
    assert data <= packed, sorted(data - packed)
    assert any(name.endswith("conversation.jsonl") for name in packed)
    assert not [name for name in packed if name.startswith(("tests/", "docs/"))]
