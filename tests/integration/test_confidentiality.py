"""What is remembered is told to those who may read it, and to nobody else: not to errors, not to logs, neither those of
Python nor those of Postgres."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from memory_core import AsyncMemory, AsyncScopedMemory, ConflictError, MemoryCoreError
from memory_core.database.embedded import EmbeddedServer

CANARY = "canary" + uuid4().hex


@pytest.fixture
def logged() -> Iterator[Callable[[], str]]:
    """Everything any logger says during the test, at the lowest level."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    root, keep = logging.getLogger(), Keep()
    level = root.level
    known = {
        name: logging.getLogger(name).level for name in ("memory_core", "asyncio", "asyncpg", "sqlalchemy", "alembic")
    }
    root.addHandler(keep)
    root.setLevel(logging.DEBUG)
    for name in known:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield lambda: "\n".join(lines)
    root.removeHandler(keep)
    root.setLevel(level)
    for name, before in known.items():
        logging.getLogger(name).setLevel(before)


@pytest.fixture
def server_log(server: EmbeddedServer) -> Callable[[], str]:
    """What the Postgres server has written into its log files so far."""

    def read() -> str:
        files = [path for path in server.data_dir.rglob("*") if path.is_file() and "log" in path.name.lower()]
        texts = [path.read_text("utf-8", "replace") for path in files if "pg_wal" not in str(path)]
        assert any("database system is ready" in text for text in texts), f"no server log among {files}"
        return "\n".join(texts)

    return read


@asynccontextmanager
async def broken_off(scope: AsyncScopedMemory) -> AsyncIterator[None]:
    """A failing run, whose task and outcome say the canary."""
    async with scope.run(f"do {CANARY}") as run:
        run.outcome = CANARY
        yield


def failing_calls(scope: AsyncScopedMemory) -> list[Any]:
    """Calls that fail, each with the canary where memory may be: contents, values, metadata, keys, questions."""
    secret: dict[str, Any] = {"content": CANARY, "metadata": {"m": CANARY}, "value": CANARY, "key": CANARY}
    naive = datetime(2026, 1, 1)
    return [
        scope.remember(**secret, occurred_at=naive),
        scope.remember(**secret, tier="no such tier"),
        scope.remember(**secret, importance=7),
        scope.remember(**secret | {"content": f"{CANARY}\x00"}),
        scope.remember(**secret | {"content": CANARY * 10_000}),
        scope.remember(**secret | {"metadata": {"m": [CANARY, float("nan")]}}),
        scope.remember(**secret | {"metadata": {"m": CANARY + "\ud800"}}),
        scope.remember(**secret | {"metadata": {"m": CANARY, "o": object()}}),
        scope.remember(**secret | {"key": CANARY * 100}),
        scope.remember(CANARY, thread="t", seq=0, metadata={"m": CANARY}),
        scope.remember(CANARY, thread="t", seq=0, tier="session"),
        scope.remember(CANARY, thread="t", key=f"taken {CANARY}"),
        scope.update("plain", content=f"taken {CANARY}"),
        scope.update("hot", content=f"{CANARY}", if_version=7),
        scope.update("plain", content=CANARY, metadata={"m": CANARY}, if_version=7),
        scope.update(CANARY, content=CANARY),
        scope.update(uuid4(), content=CANARY),
        scope.get(CANARY),
        scope.recall(CANARY, since=naive),
        scope.recall(CANARY, where={CANARY: {"$gt": None}}),
        scope.recall(CANARY, where={"m": {"$in": CANARY}}),
        scope.list(where={"m": {"$eq": CANARY, "x": 1}}),
        scope.context(CANARY, budget_tokens=0),
        scope.explain(CANARY, kind="no such kind"),
    ]


async def stored(scope: AsyncScopedMemory) -> None:
    """What the failing calls meet."""
    await scope.remember("first turn", thread="t", seq=0)
    await scope.remember("first turn", thread="t", seq=0, tier="session")
    await scope.remember("a keyed turn", thread="other", key=f"taken {CANARY}")
    await scope.remember(f"taken {CANARY}")
    plain = await scope.remember("plain words")
    await scope.remember("key", key="plain")
    await scope.remember("hot", key="hot", tier="session")
    await scope.forget("plain")
    await scope.update(plain.id, metadata={})


async def test_errors_and_logs_do_not_tell(
    alice: AsyncScopedMemory, logged: Callable[[], str], server_log: Callable[[], str]
) -> None:
    await stored(alice)
    plain = next(record for record in await alice.list() if record.content == "plain words")
    with pytest.raises(ConflictError) as conflict:
        await alice.update(plain.id, content=f"taken {CANARY}")
    errors: list[BaseException] = [conflict.value]
    for call in failing_calls(alice):
        with pytest.raises(MemoryCoreError) as caught:
            await call
        errors.append(caught.value)
    with pytest.raises(RuntimeError):
        async with broken_off(alice):
            raise RuntimeError
    for result in await alice.remember_many([{"content": CANARY, "lable": CANARY}, {"content": CANARY, "seq": CANARY}]):
        assert result.error is not None
        errors.append(result.error)
    for error in errors:
        told = f"{error} {error!r} {getattr(error, 'details', '')} {''.join(traceback.format_exception_only(error))}"
        assert CANARY not in told, type(error)
        assert error.__suppress_context__ or error.__context__ is None, "a cause may quote the row"
    assert CANARY not in logged()
    assert CANARY not in server_log()


async def test_a_failing_database_does_not_tell(
    empty_database_url: str, logged: Callable[[], str], server_log: Callable[[], str]
) -> None:
    """Even when statements break half-way: the table is gone, the connection is cut, a constraint is not met."""
    failed: list[BaseException] = []
    async with AsyncMemory.session(empty_database_url) as memory:
        scope = memory.scope(user="u")
        await scope.remember(f"first {CANARY}", key=CANARY, metadata={"m": CANARY})
        owner = await asyncpg.connect(empty_database_url)
        try:
            for damage in (
                "ALTER TABLE memory_core.records ALTER COLUMN source SET NOT NULL",
                "ALTER TABLE memory_core.records ADD CONSTRAINT never CHECK (false) NOT VALID",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid()",
                "ALTER TABLE memory_core.postings RENAME TO gone",
            ):
                with suppress(asyncpg.PostgresError):
                    await owner.execute(damage)
                for call in (
                    scope.remember(f"more {CANARY}", metadata={"m": CANARY}),
                    scope.remember(f"more {CANARY}", key=CANARY),
                    scope.update(CANARY, content=f"other {CANARY}"),
                    scope.recall(CANARY),
                ):
                    (outcome,) = await asyncio.gather(call, return_exceptions=True)
                    if isinstance(outcome, BaseException):
                        failed.append(outcome)
        finally:
            await owner.close()
    assert len(failed) >= 8, "the damage is felt"
    for error in failed:
        assert isinstance(error, MemoryCoreError), repr(error)
        assert CANARY not in f"{error} {error!r} {error.details}"
        assert error.__suppress_context__
    assert CANARY not in logged()
    assert CANARY not in server_log()
