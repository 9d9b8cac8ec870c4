"""Where threads, event loops and the ends of processes meet: everything works, or says why not; nothing hangs."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from memory_core import AsyncMemory, AsyncScopedMemory, Context, Memory, ScopedMemory, UsageError

PATIENCE = 20
"""Seconds after which something is said to hang."""


@pytest.fixture
def store(database_url: str) -> Iterator[Memory]:
    with Memory.open(database_url, embedder=letters) as opened:
        yield opened


@pytest.fixture
def scope(store: Memory, tenant: str) -> ScopedMemory:
    return store.scope(tenant=tenant, user="alice", session="s-1")


def letters(texts: list[str]) -> list[list[float]]:
    """The smallest embedder there is: how often each letter occurs, and something of the rest."""
    return [[*(float(text.lower().count(letter)) for letter in "abcdefghijklmnopqrstuvwxyz"), 1.0] for text in texts]


@pytest.fixture(scope="module")
def database_url(server: Any, worker_id: str) -> Iterator[str]:
    """A database of this module, as its embedder is its own."""
    import asyncpg

    async def admin(sql: str) -> None:
        connection = await asyncpg.connect(server.dsn())
        await connection.execute(sql)
        await connection.close()

    name = f"bridge_{worker_id}"
    asyncio.run(admin(f"CREATE DATABASE {name}"))
    yield server.dsn(database=name)
    asyncio.run(admin(f"DROP DATABASE {name} WITH (FORCE)"))


def in_thread(work: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_many_threads_use_one_memory(store: Memory, tenant: str) -> None:
    def use(number: int) -> int:
        own = store.scope(tenant=tenant, user=f"user {number}")
        for turn in range(5):
            own.remember(f"thought {turn} of user {number}")
            assert all(f"user {number}" in hit.record.content for hit in own.recall("thought"))
        return len(own.list())

    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(use, range(16))) == [5] * 16


async def test_it_works_inside_a_running_loop(scope: ScopedMemory) -> None:
    record = scope.remember("said in the middle of a coroutine")
    assert scope.get(record.id).content == record.content
    assert await asyncio.to_thread(scope.get, record.id) == scope.get(record.id)


def test_it_works_in_nested_loops_as_in_a_notebook(scope: ScopedMemory) -> None:
    async def cell() -> str:
        def inner_cell() -> str:
            async def inner() -> str:
                return scope.remember("from a cell in a cell").content

            return asyncio.run(inner())

        return await asyncio.to_thread(inner_cell)

    assert asyncio.run(cell()) == "from a cell in a cell"


@pytest.mark.parametrize("asynchronous", [True, False])
def test_an_embedder_that_calls_the_memory_it_serves(database_url: str, tenant: str, asynchronous: bool) -> None:
    """From the memory's own thread it would wait for itself; from a thread of the embedder it may."""
    inside: list[Memory] = []

    class Nested:
        name = "test_bridge.letters-27"
        dimensions = 27

        async def embed(self, texts: list[str]) -> list[list[float]]:
            if inside and "ask" in texts[0]:
                if asynchronous:
                    inside[0].scope(tenant=tenant, user="alice").list()
                else:
                    await asyncio.to_thread(inside[0].scope(tenant=tenant, user="alice").list)
            return letters(texts)

    with Memory.open(database_url, embedder=named_like_the_store(Nested(), database_url)) as memory:
        inside.append(memory)
        alice = memory.scope(tenant=tenant, user="alice")
        if asynchronous:
            with pytest.raises(UsageError, match="AsyncMemory"):
                alice.remember("ask yourself")
        else:
            alice.remember("ask yourself")
        assert alice.remember("and go on").version == 1


def named_like_the_store(embedder: Any, url: str) -> Any:
    with Memory.open(url, embedder=letters) as memory:
        embedder.name = memory.health()["embedder"]
    return embedder


def test_an_async_memory_belongs_to_its_loop(database_url: str, tenant: str) -> None:
    async def opening() -> AsyncMemory:
        return await AsyncMemory.open(database_url, embedder=letters)

    with asyncio.Runner() as runner:
        memory = runner.run(opening())
        alice = memory.scope(tenant=tenant, user="alice")

        async def elsewhere() -> None:
            for call in (alice.remember("from elsewhere"), alice.recall("anything"), memory.maintain(), memory.close()):
                with pytest.raises(UsageError, match="another event loop"):
                    await call
            assert (await memory.health())["status"] == "unavailable"

        thread = in_thread(lambda: asyncio.run(elsewhere()))
        thread.join(PATIENCE)
        assert not thread.is_alive()
        assert runner.run(alice.list()) == []
        runner.run(memory.close())


def test_after_close_every_call_says_so(database_url: str, tenant: str) -> None:
    memory = Memory.open(database_url, embedder=letters)
    alice = memory.scope(tenant=tenant, user="alice")
    memory.close()
    memory.close()
    for call in (
        lambda: alice.remember("too late"),
        lambda: alice.recall("too late"),
        lambda: alice.run("too late").__enter__(),
        lambda: memory.health(),
        lambda: memory.scope(user="alice"),
    ):
        with pytest.raises(UsageError, match="closed"):
            call()


async def test_after_close_every_call_says_so_in_async_code_too(database_url: str, tenant: str) -> None:
    memory = await AsyncMemory.open(database_url, embedder=letters)
    alice = memory.scope(tenant=tenant, user="alice")
    await asyncio.gather(memory.close(), memory.close())
    await memory.close()
    with pytest.raises(UsageError, match="closed"):
        memory.scope(user="alice")
    for call in (alice.remember("too late"), alice.recall("too late"), alice.list(), memory.health()):
        with pytest.raises(UsageError, match="closed"):
            await call


def test_closing_from_many_threads_at_once_closes_once(database_url: str) -> None:
    memory = Memory.open(database_url, embedder=letters)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: memory.close(), range(8)))
    with pytest.raises(UsageError, match="closed"):
        memory.health()


def test_calls_in_other_threads_end_when_the_memory_is_closed(database_url: str, tenant: str) -> None:
    release, embedding = threading.Event(), threading.Event()

    def slow(texts: list[str]) -> list[list[float]]:
        if "slowly" in texts[0]:
            embedding.set()
            release.wait(PATIENCE)
        return letters(texts)

    memory = Memory.open(database_url, embedder=renamed(slow))
    outcome: list[object] = []

    def work() -> None:
        try:
            outcome.append(memory.scope(tenant=tenant, user="alice").remember("embedded slowly"))
        except UsageError as error:
            outcome.append(error)

    thread = in_thread(work)
    assert embedding.wait(PATIENCE)
    closing = in_thread(memory.close)
    thread.join(PATIENCE)
    assert not thread.is_alive(), "the call hangs"
    release.set()
    closing.join(PATIENCE)
    assert not closing.is_alive(), "close() hangs"
    assert isinstance(outcome[0], UsageError)


def renamed(function: Any) -> Any:
    """A function the store takes for the one it was made with: functions are known by their names."""
    function.__module__, function.__qualname__ = letters.__module__, letters.__qualname__
    return function


def test_ctrl_c_ends_the_call_and_the_memory_goes_on(database_url: str, tenant: str) -> None:
    cancelled = threading.Event()

    async def slow(texts: list[str]) -> list[list[float]]:
        if "slowly" in texts[0]:
            threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT]).start()
            try:
                await asyncio.sleep(PATIENCE)
            except asyncio.CancelledError:
                cancelled.set()
                raise
        return letters(texts)

    with Memory.open(database_url, embedder=renamed(slow)) as memory:
        alice = memory.scope(tenant=tenant, user="alice")
        with pytest.raises(KeyboardInterrupt):
            alice.remember("embedded slowly")
        assert cancelled.wait(PATIENCE), "the work went on behind the caller's back"
        with pytest.raises(KeyboardInterrupt), alice.run("work until interrupted") as run:
            raise KeyboardInterrupt
        assert run.episode is not None
        assert run.episode.metadata["error"] == "KeyboardInterrupt"
        assert [record.kind.value for record in alice.list()] == ["task_outcome"]


@pytest.mark.parametrize("error", [ValueError, StopIteration, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_what_is_raised_inside_a_run_is_stored_and_goes_on(scope: ScopedMemory, error: type[BaseException]) -> None:
    with pytest.raises(error) as caught, scope.run("try something") as run:
        raise error("with a secret in it")
    assert caught.type is error
    assert run.episode is not None
    assert run.episode.metadata["success"] is False
    assert run.episode.metadata["error"] == error.__name__
    assert "secret" not in run.episode.content


async def test_with_memory_on_functions_of_both_kinds(store: Memory, scope: ScopedMemory) -> None:
    scope.remember("The dashboard needs the wizard")

    @scope.with_memory
    def plain(task: str, context: Context) -> str:
        """Its own documentation."""
        return f"{task}: {len(context.hits)}"

    @scope.with_memory(budget_tokens=100)  # type: ignore[untyped-decorator]
    async def coroutine(task: str, times: int, *, context: Context | None = None) -> str:
        await asyncio.sleep(0)
        assert context is not None
        return task * times

    @scope.with_memory
    def failing(task: str) -> None:
        raise LookupError(task)

    assert plain("set up the dashboard") == "set up the dashboard: 1"
    assert plain.__doc__ == "Its own documentation."
    assert await coroutine("again", 2) == "againagain"
    assert await asyncio.gather(*(coroutine(f"task {n}", 1) for n in range(5))) == [f"task {n}" for n in range(5)]
    with pytest.raises(LookupError):
        failing("hopeless")
    outcomes = [record.metadata["success"] for record in scope.list(kind="task_outcome")]
    assert sorted(outcomes) == [False] + [True] * 7


async def test_with_memory_on_async_functions_of_an_async_memory(database_url: str, tenant: str) -> None:
    async with AsyncMemory.session(database_url, embedder=letters) as memory:
        alice: AsyncScopedMemory = memory.scope(tenant=tenant, user="alice")

        @alice.with_memory
        async def agent(task: str, context: Context) -> int:
            return len(context.hits)

        assert await agent("first") == 0
        assert await agent("first again") == 1
        with pytest.raises(asyncio.TimeoutError):
            async with asyncio.timeout(0.05), alice.run("too slow") as run:
                await asyncio.sleep(PATIENCE)
        assert run.episode is not None
        assert run.episode.metadata["error"] == "CancelledError"


SCRIPT = """
import sys
from memory_core import Memory
memory = Memory.open(data_dir=sys.argv[1])
alice = memory.scope(user="alice")
if sys.argv[2] == "write":
    alice.remember("The spare key is under the blue pot", key="spare key")
    assert alice.recall("where is the spare key?")
if sys.argv[2] == "read":
    print(alice.get("spare key").access_count)
if sys.argv[2] == "raise":
    raise SystemExit(3)
"""


def test_a_script_that_does_not_close_leaves_nothing_behind(data_dir: Path, start_script: Callable[..., Any]) -> None:
    """It exits without a warning, its access counts are written, and the embedded server is stopped."""
    for step, expected in (("write", []), ("read", ["1"])):
        lines, errors = start_script(SCRIPT, str(data_dir), step, strict=True).end()
        assert lines == expected
        assert errors == ""
        assert not (data_dir / "pg" / "postmaster.pid").exists()
    script = start_script(SCRIPT, str(data_dir), "raise", strict=True)
    assert script.outcome() == (3, [], "")
    assert not (data_dir / "pg" / "postmaster.pid").exists()


ASYNC_SCRIPT = """
import asyncio, sys
from memory_core import AsyncMemory
async def main():
    async with AsyncMemory.session(data_dir=sys.argv[1]) as memory:
        alice = memory.scope(user="alice")
        await alice.remember("Clean code leaves no warnings")
        async with alice.run("say so") as run:
            run.outcome = "said"
        print(len(await alice.recall("clean warnings")))
asyncio.run(main())
"""


def test_an_async_script_ends_without_a_warning(data_dir: Path, start_script: Callable[..., Any]) -> None:
    assert start_script(ASYNC_SCRIPT, str(data_dir), strict=True).end() == (["2"], "")


INTERRUPTED = """
import sys
from memory_core import Memory
memory = Memory.open(data_dir=sys.argv[1])
alice = memory.scope(user="alice")
print("writing", flush=True)
number = 0
while True:
    number += 1
    alice.remember(f"thing {number}")
"""


def test_ctrl_c_in_a_script_ends_it_in_order(data_dir: Path, start_script: Callable[..., Any]) -> None:
    script = start_script(INTERRUPTED, str(data_dir), strict=True)
    assert script.says() == "writing"
    time.sleep(0.3)
    script.process.send_signal(signal.SIGINT)
    code, _, errors = script.outcome()
    assert code == -signal.SIGINT
    assert errors.strip().endswith("KeyboardInterrupt")
    assert errors.count("Traceback") == 1
    assert "Warning" not in errors
    assert not (data_dir / "pg" / "postmaster.pid").exists()
