"""All SQL of the library fits the schema and is used; the statements that run all day use their indexes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from memory_core import AsyncMemory, AsyncScopedMemory
from memory_core.database.queries import load_queries
from memory_core.database.vectors import pack_vector

PACKAGE = Path(str(files("memory_core")))
QUERY_FILES = [path for path in sorted(PACKAGE.rglob("*.sql")) if "migrations" not in path.parts]
SEVERAL_STATEMENTS = {("migrate.sql", "prepare")}
"""Scripts, which run before there is a schema; every migration test runs them."""


def named_queries() -> Iterator[tuple[Path, str, str]]:
    for path in QUERY_FILES:
        package = ".".join(("memory_core", *path.relative_to(PACKAGE).parent.parts))
        for name, sql in load_queries(package, path.name).items():
            yield path, name, sql


QUERIES = list(named_queries())


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """The owner's connection to a migrated database."""
    opened = await asyncpg.connect(database_url, statement_cache_size=0)
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    ("file", "name", "sql"), QUERIES, ids=[f"{path.parent.name}/{path.stem}:{name}" for path, name, _ in QUERIES]
)
async def test_every_named_query_can_be_prepared(
    connection: asyncpg.Connection, file: Path, name: str, sql: str
) -> None:
    if (file.name, name) not in SEVERAL_STATEMENTS:
        await connection.prepare(sql)


@pytest.mark.parametrize("file", QUERY_FILES, ids=[f"{path.parent.name}/{path.stem}" for path in QUERY_FILES])
def test_every_named_query_is_used_by_its_room(file: Path) -> None:
    code = "".join(path.read_text("utf-8") for path in file.parent.glob("*.py"))
    used = set(re.findall(r'\[\s*"(\w+)"\s*\]', code))
    assert {name for path, name, _ in QUERIES if path == file} <= used


async def test_every_function_of_the_schema_is_called_by_a_query_or_another_function(
    connection: asyncpg.Connection,
) -> None:
    functions = dict(
        await connection.fetch(
            "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'memory_core'::regnamespace ORDER BY 1"
        )
    )
    policies = await connection.fetchval(
        "SELECT string_agg(qual, ' ') FROM pg_policies WHERE schemaname = 'memory_core'"
    )
    statements = " ".join(sql for _, _, sql in QUERIES)
    for name in functions:
        callers = " ".join([statements, policies, *(body for other, body in functions.items() if other != name)])
        assert re.search(rf"\b{name}\(", callers), f"nothing calls {name}()"


class Watched:
    """A transaction bound to a scope that tells which tables and indexes were scanned in it, and how."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def scans(self, sql: str, *arguments: Any) -> dict[str, int]:
        """Scans per index, and per table ``TABLE read whole`` and ``TABLE fetched`` (rows fetched through an index)."""
        before = await self._counters()
        await self._connection.fetch(sql, *arguments)
        after = await self._counters()
        return {name: count - before[name] for name, count in after.items() if count != before[name]}

    async def _counters(self) -> dict[str, int]:
        rows = await self._connection.fetch("""
            SELECT relname || ' read whole' AS name, seq_scan AS count FROM pg_stat_xact_all_tables
            WHERE schemaname = 'memory_core'
            UNION ALL SELECT relname || ' fetched', idx_tup_fetch FROM pg_stat_xact_all_tables
            WHERE schemaname = 'memory_core' AND idx_tup_fetch IS NOT NULL
            UNION ALL SELECT relname, pg_stat_get_xact_numscans(oid) FROM pg_class
            WHERE relnamespace = 'memory_core'::regnamespace AND relkind = 'i'""")
        return dict(rows)


BIG = ("records", "postings", "embeddings")
REPEATS = 8
"""A function's statements get a plan for any parameters after five runs: both kinds of plan have to be good."""


@pytest.fixture
async def filled(memory: AsyncMemory, tenant: str, database_url: str) -> AsyncIterator[tuple[asyncpg.Connection, Any]]:
    """A connection bound to one of 20 scopes of 100 records each, and their tenant; one more has 1,000 records."""
    words = ["theme", "garden", "invoice", "travel", "guitar", "kitchen", "harbour", "novel", "vaccine", "bicycle"]
    for user in range(20):
        texts = [f"note {n} of user {user} about the {words[n % 10]} and the {words[n // 10]}" for n in range(100)]
        await memory.scope(tenant=tenant, user=f"u{user}").remember_many(
            [{"content": text, "key": f"k{n}"} for n, text in enumerate(texts)]
        )
    await memory.scope(tenant=tenant, user="big").remember_many([f"item {n} in the garden" for n in range(1000)])
    owner = await asyncpg.connect(database_url)
    vacuum = "VACUUM ANALYZE memory_core.records, memory_core.postings, memory_core.embeddings, memory_core.scope_stats"
    await owner.execute(vacuum)
    await take_vectors(owner)
    async with owner.transaction():
        await owner.execute("SET LOCAL jit = off")
        await owner.fetch("SELECT memory_core.bind($1, 'u7', NULL, NULL, NULL)", tenant)
        yield owner, tenant
    await owner.close()


def assert_only_by_index(scans: dict[str, int]) -> None:
    assert not [table for table in BIG if f"{table} read whole" in scans], scans


async def test_the_vector_arm_of_a_small_scope_reads_nothing_but_the_covering_key(
    filled: tuple[asyncpg.Connection, str],
) -> None:
    connection, _ = filled
    vector = pack_vector([1.0] + [0.0] * 255)
    model = await connection.fetchval("SELECT model_id FROM memory_core.embedding_models WHERE state = 'active'")
    for _ in range(REPEATS):
        scans = await Watched(connection).scans(
            "SELECT pos FROM memory_core.nearest($1, 256, $2, 50, NULL)", model, vector
        )
        assert_only_by_index(scans)
        assert scans["embeddings_pkey"] >= 1
        assert "embeddings fetched" not in scans, f"not an index-only scan: {scans}"


async def test_the_filtered_vector_arm_takes_each_record_once_even_without_statistics(
    empty_database_url: str,
) -> None:
    count = 500
    async with AsyncMemory.session(empty_database_url) as memory:
        for user in ("alice", "bob"):
            await memory.scope(tenant="t", user=user).remember_many([f"note {n} of the garden" for n in range(count)])
        model = memory._indexing.model_id
    connection = await asyncpg.connect(empty_database_url)
    try:
        await take_vectors(connection)
        async with connection.transaction():
            await connection.fetch("SELECT memory_core.bind('t', 'alice', NULL, NULL, NULL)")
            for _ in range(REPEATS):
                scans = await Watched(connection).scans(
                    'SELECT pos FROM memory_core.nearest($1, 256, $2, 50, \'{"kinds": ["semantic"]}\')',
                    model,
                    pack_vector([1.0] + [0.0] * 255),
                )
                assert scans.get("records fetched", 0) <= count, scans
                assert scans.get("embeddings fetched", 0) <= count, scans
                assert "embeddings read whole" not in scans, scans
    finally:
        await connection.close()


async def take_vectors(connection: asyncpg.Connection) -> None:
    """Lets the connection take packed vectors as parameters."""
    schema = await connection.fetchval(
        "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'vector'"
    )
    await connection.set_type_codec("halfvec", schema=schema, encoder=bytes, decoder=bytes, format="binary")


async def statements_of(
    memory: AsyncMemory, scope: AsyncScopedMemory, monkeypatch: pytest.MonkeyPatch, **conditions: Any
) -> list[tuple[str, tuple[Any, ...]]]:
    """The statements a recall sends, with their parameters."""
    database = memory._opened.database
    call, sent = database.call, []

    async def noting(sql: str, *arguments: Any, **options: Any) -> Any:
        sent.append((sql, arguments))
        return await call(sql, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(database, "call", noting)
        await scope.recall("what about the guitar in the garden?", **conditions)
    return sent


@pytest.mark.parametrize("common_from", [0, 1_000_000], ids=["large scopes", "small scopes"])
@pytest.mark.parametrize("user", ["u7", "big"])
async def test_a_recall_reads_by_index_and_only_its_candidates_however_big_the_scope(
    filled: tuple[asyncpg.Connection, str],
    memory: AsyncMemory,
    monkeypatch: pytest.MonkeyPatch,
    user: str,
    common_from: int,
) -> None:
    connection, tenant = filled
    memory._services.engine._weights = replace(memory._services.engine._weights, common_from=common_from, pool=40)
    scope = memory.scope(tenant=tenant, user=user)
    words, candidates = await statements_of(memory, scope, monkeypatch)
    for _ in range(REPEATS):
        scans = await Watched(connection).scans(words[0], *words[1])
        assert_only_by_index(scans)
        assert scans["postings_pkey"] >= 1
        assert "postings fetched" not in scans, f"not an index-only scan: {scans}"
        scans = await Watched(connection).scans(candidates[0], *candidates[1])
        assert_only_by_index(scans)
        assert scans["records_position"] >= 1
        assert scans["records_key"] >= 1
        assert 40 <= scans["records fetched"] <= 300, scans


@pytest.mark.parametrize(
    ("call", "index"),
    [
        ("get_by_key($1, 'u7', NULL, NULL, NULL, 'k42')", "records_key"),
        ("get_records($1, 'u7', NULL, NULL, NULL, ARRAY[gen_random_uuid()])", "records_pkey"),
        ("forget($1, 'u7', NULL, NULL, NULL, ARRAY[gen_random_uuid()])", "records_pkey"),
        ("touch($1, 'u7', NULL, NULL, NULL, ARRAY[gen_random_uuid()], ARRAY[1], now())", "records_pkey"),
        ("purge_expired($1, 'u7', NULL, NULL, NULL, 100)", "records_expiry"),
    ],
    ids=lambda value: value.partition("(")[0],
)
async def test_single_records_are_found_by_index(filled: tuple[asyncpg.Connection, str], call: str, index: str) -> None:
    connection, tenant = filled
    for _ in range(REPEATS):
        scans = await Watched(connection).scans(f"SELECT * FROM memory_core.{call}", tenant)
        assert_only_by_index(scans)
        assert scans.get("records fetched", 0) <= 2, scans  # what counts: no record is fetched in vain
        assert any(name.startswith("records_") for name in scans), f"expected {index}, saw {scans}"
