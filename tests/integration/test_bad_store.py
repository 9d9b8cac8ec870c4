"""Stores that cannot be opened, embedders that cannot be used: what is wrong, what to do, and nothing left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import asyncpg
import numpy as np
import pytest

from memory_core import (
    AccessDeniedError,
    AsyncMemory,
    DataError,
    InvalidRequestError,
    MemoryCoreError,
    UnavailableError,
    UsageError,
)
from memory_core.database.embedded import EmbeddedServer, acquire_embedded

SCHEMA = "SELECT count(*) FROM pg_namespace WHERE nspname = 'memory_core'"


async def run(url: str, *statements: str) -> Any:
    """Runs statements with the owner's login; returns what the last one says."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


async def refusal(kind: type[MemoryCoreError], *args: Any, **options: Any) -> str:
    """The message with which opening fails."""
    with pytest.raises(kind) as caught:
        await AsyncMemory.open(*args, **{"connect_timeout": 5.0, **options})
    assert type(caught.value) is kind
    return str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        *("", "  ", "not a url", "mysql://localhost/x", "http://localhost/x", "postgresql://localhost:port/x"),
        *("postgresql://user:secret@[::1:5/x", "postgresql://localhost/x?sslmode=banana", "postgresql://\x00/x", 5),
    ],
    ids=repr,
)
async def test_what_is_not_a_url(url: Any) -> None:
    message = await refusal(InvalidRequestError, url)
    assert "postgresql://user:password@host" in message or "MEMORY_CORE_DATABASE_URL" in message
    assert "secret" not in message


async def test_nobody_listens_there(tmp_path: Path) -> None:
    for url in ("postgresql://localhost:1/x", f"postgresql:///x?host={tmp_path}"):
        assert "cannot be reached" in await refusal(UnavailableError, url)


async def test_no_such_database(server: EmbeddedServer) -> None:
    assert "does not exist; create it" in await refusal(InvalidRequestError, server.dsn(database="no_such_database"))


@pytest.mark.parametrize(
    "options",
    [
        *(
            {"pool_max_size": 0},
            {"pool_min_size": -1},
            {"command_timeout": 0},
            {"hot_max_bytes": 5},
            {"log_level": "loud"},
        ),
        *({"language": "klingon"}, {"no_such_option": 1}, {"embedder": 5}, {"embedder": "no-such-model"}),
        *({"policies": 5}, {"policies": ["user"]}, {"connect_timeout": "soon"}),
    ],
    ids=repr,
)
async def test_bad_settings(database_url: str, options: dict[str, Any]) -> None:
    message = await refusal(InvalidRequestError, database_url, **options)
    assert any(name in message for name in (*options, "no embedder", "klingon"))


async def test_a_schema_of_a_newer_release(empty_database_url: str) -> None:
    async with AsyncMemory.session(empty_database_url):
        pass
    newer = "UPDATE memory_core.schema_version SET version_num = '9999_future'"
    await run(empty_database_url, newer, "SELECT 1")
    assert "Upgrade memory-core" in await refusal(DataError, empty_database_url)
    assert await run(empty_database_url, "SELECT version_num FROM memory_core.schema_version") == "9999_future"


async def test_a_schema_that_must_not_be_migrated(empty_database_url: str) -> None:
    assert "memory-core migrate up" in await refusal(DataError, empty_database_url, migrate=False)
    assert await run(empty_database_url, SCHEMA) == 0


async def test_pgvector_too_old(empty_database_url: str) -> None:
    old = "UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'"
    await run(empty_database_url, "CREATE EXTENSION vector", old, "SELECT 1")
    message = await refusal(DataError, empty_database_url)
    assert "found 0.7.4" in message
    assert "ALTER EXTENSION vector UPDATE" in message
    assert await run(empty_database_url, SCHEMA) == 0


async def test_another_embedder(empty_database_url: str) -> None:
    async with AsyncMemory.session(empty_database_url) as memory:
        await memory.scope(user="u").remember("words")
    message = await refusal(DataError, empty_database_url, embedder=lambda texts: [[1.0, 0.0] for _ in texts])
    assert "memory-core reembed" in message
    assert await run(empty_database_url, "SELECT count(*) FROM memory_core.embedding_models") == 1
    async with AsyncMemory.session(empty_database_url) as memory:
        assert len(await memory.scope(user="u").recall("words")) == 1


class Embedder:
    """Good vectors until told otherwise."""

    name, dimensions = "moody", 3

    def __init__(self) -> None:
        self.answer: Any = None

    async def embed(self, texts: Any, *, query: bool = False) -> Any:
        del query
        answer = self.answer(texts) if callable(self.answer) else self.answer
        if isinstance(answer, Exception):
            raise answer
        return np.ones((len(texts), 3)) if answer is None else answer


BAD_VECTORS: dict[str, Any] = {
    "NaN": lambda texts: [[1.0, float("nan"), 0.0]] * len(texts),
    "infinite": lambda texts: [[1.0, float("inf"), 0.0]] * len(texts),
    "too long": lambda texts: [[1.0] * 4] * len(texts),
    "too short": lambda texts: [[1.0] * 2] * len(texts),
    "ragged": lambda texts: [[1.0] * n for n in range(1, len(texts) + 1)],
    "too many": lambda texts: [[1.0] * 3] * (len(texts) + 1),
    "none": [],
    "text": lambda texts: ["abc"] * len(texts),
    "nothing": "",
}


@pytest.mark.parametrize("bad", BAD_VECTORS)
async def test_an_embedder_that_returns_nonsense(empty_database_url: str, bad: str) -> None:
    embedder = Embedder()
    async with AsyncMemory.session(empty_database_url, embedder=embedder) as memory:
        scope = memory.scope(user="u")
        kept = await scope.remember("good", key="k")
        hot = await scope.remember("hot", tier="session", key="h")
        embedder.answer = BAD_VECTORS[bad]
        for call in (
            scope.remember("bad"),
            scope.remember("bad", tier="session"),
            scope.remember("bad", key="k"),
            scope.remember_many(["bad", "worse"]),
            scope.update("k", content="bad"),
            scope.update("h", content="bad"),
            scope.recall("bad"),
        ):
            with pytest.raises(DataError, match="embedder"):
                await call
        embedder.answer = None
        assert {record.id for record in await scope.list()} == {kept.id, hot.id}
        assert [(record.content, record.version) for record in await scope.list()] == [("hot", 1), ("good", 1)]
    assert await run(empty_database_url, "SELECT count(*) FROM memory_core.events") == 1


async def test_an_embedder_whose_service_is_down(empty_database_url: str) -> None:
    embedder = Embedder()
    async with AsyncMemory.session(empty_database_url, embedder=embedder) as memory:
        scope = memory.scope(user="u")
        embedder.answer = UnavailableError("the embedding service is down")
        with pytest.raises(UnavailableError):
            await scope.remember("words")
        assert await scope.list() == []
        embedder.answer = None
        await scope.remember("words")


async def test_vectors_beside_the_longest_labels(empty_database_url: str) -> None:
    """What is covered by the index fits into its rows whatever the tenant is called."""
    names = {label: (label + token_hex(256))[:512] for label in ("tenant", "user", "agent", "session")}
    for dimensions in (1024, 1025):
        rng = np.random.default_rng(1)

        def embed(texts: list[str], size: int = dimensions, rng: Any = rng) -> Any:
            return rng.normal(size=(len(texts), size))

        async with AsyncMemory.session(empty_database_url, embedder=None) as memory:
            await memory.reembed(embed)
            scope = memory.scope(**names)
            await scope.remember(f"words of {dimensions}")
            assert await scope.recall(f"words of {dimensions}", arms=["vector"])
            await memory.reembed("wordllama")


async def test_a_closed_store(database_url: str) -> None:
    memory = await AsyncMemory.open(database_url)
    scope = memory.scope(user="u")
    await memory.close()
    await memory.close()
    with pytest.raises(UsageError, match="open it again"):
        memory.scope(user="u")
    for call in (scope.remember("x"), scope.recall("x"), scope.list(), scope.events()):
        with pytest.raises(UsageError):
            await call


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A server of its own, whose rules for logging in the test may change."""
    lease = acquire_embedded(tmp_path / "server")
    yield lease
    lease.release()


def ask_for_password(rules: Path, role: str) -> None:
    """Puts a rule for a role before all others."""
    rules.write_text(f"local all {role} scram-sha-256\n{rules.read_text()}")


async def test_logins(own_server: EmbeddedServer) -> None:
    url = own_server.dsn()
    await asyncio.to_thread(ask_for_password, Path(await run(url, "SHOW hba_file")), "guest")
    await run(
        url,
        "CREATE ROLE guest LOGIN PASSWORD 'right'",
        "CREATE ROLE plain LOGIN",
        "CREATE DATABASE theirs",
        "SELECT pg_reload_conf()",
    )

    def login(user: str, password: str = "") -> str:
        name = f"{user}:{password}" if password else user
        return own_server.dsn(database="theirs").replace("://postgres@", f"://{name}@")

    for password in ("wrong-password", ""):
        message = await refusal(AccessDeniedError, login("guest", password))
        assert "user and password" in message
        assert "wrong-password" not in message
    assert "user and password" in await refusal(AccessDeniedError, login("nobody-like-that"))
    message = await refusal(AccessDeniedError, login("plain"))
    assert "memory-core migrate up" in message
    assert await run(own_server.dsn(database="theirs"), SCHEMA) == 0
