"""Doctor, migrate, reembed, worker."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from memory_core import AsyncMemory, AsyncScopedMemory, Memory
from memory_core.cli.app import run

Shown = pytest.CaptureFixture[str]


def answer(capsys: Shown, *arguments: str, code: int = 0) -> Any:
    assert run([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def states(report: Any) -> dict[str, str]:
    return {check["name"]: check["state"] for check in report["checks"]}


def test_a_healthy_store_is_all_green(memory: AsyncMemory, database_url: str, capsys: Shown) -> None:
    report = answer(capsys, "doctor", "--database-url", database_url)
    assert report["healthy"]
    assert set(states(report).values()) == {"ok"}
    assert {"Python", "embedder", "tokenizer", "database", "schema", "isolation", "embedding model"} <= set(
        states(report)
    )


def test_the_doctor_migrates_nothing(empty_database_url: str, capsys: Shown) -> None:
    report = answer(capsys, "doctor", "--database-url", empty_database_url)
    assert states(report)["schema"] == "warning"
    assert states(report)["isolation"] == "skipped"
    assert answer(capsys, "migrate", "status", "--database-url", empty_database_url)["version"] is None


def test_the_doctor_sees_a_table_that_is_not_protected(empty_database_url: str, capsys: Shown) -> None:
    async def spoil() -> None:
        connection = await asyncpg.connect(empty_database_url)
        await connection.execute("ALTER TABLE memory_core.events NO FORCE ROW LEVEL SECURITY")
        await connection.close()

    answer(capsys, "migrate", "up", "--database-url", empty_database_url)
    asyncio.run(spoil())
    report = answer(capsys, "doctor", "--database-url", empty_database_url, code=1)
    assert not report["healthy"]
    bad = next(check for check in report["checks"] if check["state"] == "bad")
    assert (bad["name"], "events" in bad["found"], bool(bad["remedy"])) == ("isolation", True, True)


def test_the_doctor_names_what_is_wrong_with_settings_and_server(
    monkeypatch: pytest.MonkeyPatch, capsys: Shown
) -> None:
    gone = ["--database-url", "postgresql://u@127.0.0.1:1/x"]
    assert states(answer(capsys, "doctor", *gone, code=1))["database"] == "bad"
    assert states(answer(capsys, "doctor", *gone, "--embedder", "nonsense", code=1))["embedder"] == "bad"
    monkeypatch.setenv("MEMORY_CORE_REDIS_URL", "redis://localhost")
    assert states(answer(capsys, "doctor", *gone, code=1))["Redis"] == "warning"
    monkeypatch.setenv("MEMORY_CORE_POOL_MAX_SIZE", "many")
    report = answer(capsys, "doctor", *gone, code=1)
    assert states(report) == {"Python": "ok", "settings": "bad"}


def test_migrations_go_up_and_down_again(empty_database_url: str, capsys: Shown) -> None:
    where = ["--database-url", empty_database_url]
    up = answer(capsys, "migrate", "up", *where)
    assert (up["before"], answer(capsys, "migrate", "up", *where)["before"]) == (None, up["after"])
    status = answer(capsys, "migrate", "status", *where)
    assert status["up_to_date"]
    assert all(revision["applied"] for revision in status["revisions"])
    first = status["revisions"][0]["revision"]

    assert "--yes" in answer(capsys, "migrate", "down", "--to", "base", *where, code=2)["error"]["message"]
    assert answer(capsys, "migrate", "down", "--to", first, "--yes", *where)["after"] == first
    assert run(["migrate", "down", "--to", up["after"], "--yes", *where]) == 2
    assert answer(capsys, "migrate", "down", "--to", "base", "--yes", *where)["after"] is None
    assert answer(capsys, "migrate", "status", *where)["version"] is None


def test_the_status_of_no_store_makes_none(tmp_path: Path, capsys: Shown) -> None:
    folder = tmp_path / "none"
    assert answer(capsys, "migrate", "status", "--data-dir", str(folder))["version"] is None
    assert not folder.exists()


def test_reembedding_does_not_need_the_old_model(empty_database_url: str, capsys: Shown) -> None:
    def toy(texts: list[str]) -> list[list[float]]:
        return [[float(len(text)), 1.0, 0.5] for text in texts]

    where = ["--database-url", empty_database_url]
    with Memory.open(empty_database_url, embedder=toy) as memory:
        memory.scope(user="me").remember_many(["Tea in the evening", "Coffee in the morning"])
    assert answer(capsys, "list", *where, code=1)["error"]["code"] == "data"
    report = answer(capsys, "reembed", "--embedder", "wordllama", *where)
    assert (report["vectors"], report["dimensions"]) == (2, 256)
    assert answer(capsys, "reembed", "--embedder", "wordllama", *where)["vectors"] == 0
    hits = answer(capsys, "recall", "morning coffee", *where)["hits"]
    assert hits[0]["record"]["content"] == "Coffee in the morning"


async def test_a_round_of_the_worker_removes_what_has_expired(
    alice: AsyncScopedMemory, database_url: str, capsys: Shown
) -> None:
    await alice.remember("soon gone", tier="short_term", time_to_live=timedelta(milliseconds=20))
    await asyncio.sleep(0.1)
    report = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "memory_core", "worker", "--once", "--json", "--database-url", database_url],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert json.loads(report.stdout)["expired"] >= 1


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_the_worker_ends_quietly_and_at_once(memory: AsyncMemory, database_url: str, ending: signal.Signals) -> None:
    command = [sys.executable, "-m", "memory_core", "worker", "--interval", "30", "--database-url", database_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "expired" in process.stdout.readline()
        start = time.monotonic()
        process.send_signal(ending)
        _, messages = process.communicate(timeout=30)
        assert (process.returncode, messages) == (0, "")
        assert time.monotonic() - start < 5  # one second on an idle machine


INTERRUPTED = """
import os, signal, sys, time
from memory_core.cli import main

class Keyboard:
    def read(self):
        os.kill(os.getpid(), signal.SIGINT)  # Ctrl-C while the text is typed
        time.sleep(30)

sys.stdin, sys.argv = Keyboard(), ["memory-core", "remember", "-"]
main()
"""


def test_an_interrupted_command_ends_quietly() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
