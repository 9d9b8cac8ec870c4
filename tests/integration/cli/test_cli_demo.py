"""The demo runs as a newcomer runs it, keeps its promises, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from memory_core.cli.app import run
from memory_core.cli.demo_steps import demo_file


def demo(*arguments: str, temporary: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "TMPDIR": str(temporary),
        "MEMORY_CORE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x",
    }
    return subprocess.run(
        [sys.executable, "-m", "memory_core", "demo", *arguments],
        capture_output=True, encoding="utf-8", env=environment, timeout=120,
    )  # fmt: skip


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder with a short path: a socket's name must fit into some 100 bytes."""
    with tempfile.TemporaryDirectory(prefix="mc-") as folder:
        yield Path(folder)


def test_most_questions_are_answered_from_the_hits(temporary: Path) -> None:
    done = demo("--json", temporary=temporary)
    assert (done.returncode, done.stderr) == (0, "")
    shown = json.loads(done.stdout)
    assert (shown["import"]["turns"], shown["import"]["created"], shown["import"]["bad"]) == (220, 220, 0)
    assert len(shown["questions"]) == 10
    assert sum(bool(question["evidence_places"]) for question in shown["questions"]) >= 8
    assert sum(bool(question["evidence_in_context"]) for question in shown["questions"]) >= 8
    assert all(question["context_tokens"] <= 800 for question in shown["questions"])
    assert shown["tokens"]["history"] > 5 * shown["tokens"]["context"]
    assert shown["reopened"]["records"] == 220
    assert shown["reopened"]["same"]
    assert not any(name.startswith("memory-core-demo-") for name in os.listdir(temporary))


def test_it_is_shown_in_eighty_columns_and_can_be_kept(temporary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = temporary / "kept"
    done = demo("--data-dir", str(kept), temporary=temporary)
    assert (done.returncode, done.stderr) == (0, "")
    assert max(len(line.rstrip()) for line in done.stdout.splitlines()) <= 80
    assert "\x1b" not in done.stdout
    for promised in (
        "Ten questions",
        "●",
        "<memory",
        "times fewer",
        "counts 220 records",
        "from memory_core import Memory",
    ):
        assert promised in done.stdout
    assert run(["stats", "--data-dir", str(kept), "--tenant", "memory-core-demo", "--user", "maya", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["records"] == 220


def test_its_files_are_there() -> None:
    assert demo_file("conversation.jsonl").is_file()
    assert len(json.loads(demo_file("questions.json").read_text("utf-8"))) == 10
