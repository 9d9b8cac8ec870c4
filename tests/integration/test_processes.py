"""Several processes on one store: kills, forks, spawned workers, and who stops the embedded server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="fork and SIGKILL are not Windows's")

CRASH = Path(__file__).parents[1] / "benchmarks" / "crash.py"


def test_a_killed_writer_loses_nothing_it_was_told_and_leaves_nothing_by_halves(data_dir: Path) -> None:
    command = [sys.executable, str(CRASH), "--rounds", "5", "--seconds", "0.5", "--data-dir", str(data_dir)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=180)
    report = json.loads(finished.stdout)
    assert finished.returncode == 0, report
    assert report["rounds"] == 5
    assert report["acknowledged"] > 10
    assert report["lost"] == report["incomplete"] == report["left_over"] == report["miscounted"] == 0


SHARING = """
import sys
from memory_core import Memory
memory = Memory.open(data_dir=sys.argv[1])
scope = memory.scope(user="alice")
print("open", flush=True)
for line in sys.stdin:
    if line == "close\\n":
        memory.close()
        print("closed", flush=True)
        break
    scope.remember(line.strip())
    print(" | ".join(sorted(record.content for record in scope.list())), flush=True)
"""


def test_processes_share_a_folder_and_the_last_one_stops_the_server(
    data_dir: Path, start_script: Callable[..., Any]
) -> None:
    first, second = start_script(SHARING, str(data_dir)), start_script(SHARING, str(data_dir))
    assert (first.says(), second.says()) == ("open", "open")
    first.tell("from the first")
    assert first.says() == "from the first"
    second.tell("from the second")
    assert second.says() == "from the first | from the second"
    first.tell("close")
    assert first.says() == "closed"
    first.end()
    assert (data_dir / "pg" / "postmaster.pid").exists()
    second.tell("alone now")
    assert second.says() == "alone now | from the first | from the second"
    second.tell("close")
    assert second.says() == "closed"
    assert not (data_dir / "pg" / "postmaster.pid").exists()
    second.end()


FORKING = """
import os, sys
from memory_core import Memory, UsageError
memory = Memory.open(data_dir=sys.argv[1])
alice = memory.scope(user="alice")
alice.remember("written by the parent")
alice.recall("written")  # leaves access counts to be written
sys.stdout.flush()
if os.fork() == 0:
    for call in (lambda: alice.remember("too late"), alice.list, memory.health, lambda: memory.maintain()):
        try:
            call()
        except UsageError as error:
            assert "opened before a fork; open it again" in str(error)
        else:
            raise AssertionError
    memory.close()  # the parent's: nothing happens
    with Memory.open(data_dir=sys.argv[1]) as own:
        own.scope(user="alice").remember("written by the child")
        print(sorted(record.content for record in own.scope(user="alice").list()), flush=True)
    sys.exit()  # with the exit hooks it has inherited
assert os.wait()[1] == 0
print(sorted(record.content for record in alice.list()))
memory.close()
"""


def test_a_forked_child_is_refused_its_parents_memory_and_opens_its_own(
    data_dir: Path, start_script: Callable[..., Any]
) -> None:
    both = "['written by the child', 'written by the parent']"
    lines, errors = start_script(FORKING, str(data_dir)).end()
    assert lines == [both, both]
    assert errors == ""
    assert not (data_dir / "pg" / "postmaster.pid").exists()


ASYNC_FORKING = """
import asyncio, os, sys
from memory_core import AsyncMemory, UsageError
async def main():
    memory = await AsyncMemory.open(data_dir=sys.argv[1])
    alice = memory.scope(user="alice")
    await alice.remember("written by the parent")
    if os.fork() == 0:
        try:
            await alice.list()
        except UsageError as error:
            print("refused" if "fork" in str(error) else error, flush=True)
        os._exit(0)
    assert os.wait()[1] == 0
    print(len(await alice.list()))
    await memory.close()
asyncio.run(main())
"""


def test_a_forked_child_is_refused_its_parents_async_memory(data_dir: Path, start_script: Callable[..., Any]) -> None:
    assert start_script(ASYNC_FORKING, str(data_dir)).end() == (["refused", "1"], "")


def test_a_forked_pool_of_workers_as_web_servers_use_it(data_dir: Path, start_script: Callable[..., Any]) -> None:
    """Imported and used before the fork, opened in each worker after it."""
    script = """
import multiprocessing, sys
from memory_core import Memory
def work(number):
    with Memory.open(data_dir=sys.argv[1]) as own:
        return own.scope(user="alice").remember(f"by worker {number}").content
if __name__ == "__main__":
    with Memory.open(data_dir=sys.argv[1]) as memory:
        with multiprocessing.get_context("fork").Pool(3) as pool:
            print(*pool.map(work, range(6), chunksize=1), sep=", ")
        print(len(memory.scope(user="alice").list()))
"""
    lines, _ = start_script(script, str(data_dir)).end()
    assert lines == [", ".join(f"by worker {number}" for number in range(6)), "6"]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_multiprocessing_starts_workers_that_open_the_store(data_dir: Path, tmp_path: Path, method: str) -> None:
    script = tmp_path / "main.py"
    script.write_text(f"""
import multiprocessing, sys
from memory_core import Memory
def work(number):
    with Memory.open(data_dir=sys.argv[1]) as own:
        return own.scope(user="alice").remember(f"by worker {{number}}").content
if __name__ == "__main__":
    with Memory.open(data_dir=sys.argv[1]) as memory:
        with multiprocessing.get_context("{method}").Pool(2) as pool:
            print(*pool.map(work, range(2), chunksize=1), sep=", ")
        print(len(memory.scope(user="alice").list()))
""")
    command = [sys.executable, "-W", "error", str(script), str(data_dir)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (finished.stdout, finished.stderr) == ("by worker 0, by worker 1\n2\n", "")
