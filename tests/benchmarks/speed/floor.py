"""The floor: the very rows that our write made, written by a good engineer with nothing in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

GENERATED = {"events": ("event_no",)}
TABLES = ("records", "embeddings", "postings", "events")


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows by table, without what the database generates, and what they add to the counters of their scope."""

    columns: Mapping[str, list[str]]
    values: Mapping[str, list[tuple[Any, ...]]]
    counts: tuple[Any, ...]


async def rows_of(connection: asyncpg.Connection, ids: Sequence[UUID]) -> Rows:
    """Reads everything that storing these records made."""
    found = {
        "records": await connection.fetch("SELECT * FROM memory_core.records WHERE id = ANY ($1)", ids),
        "embeddings": await connection.fetch(
            "SELECT e.* FROM memory_core.records r JOIN memory_core.embeddings e USING (tenant_id, scope_id, pos) "
            "WHERE r.id = ANY ($1) ORDER BY pos", ids,
        ),
        "postings": await connection.fetch(
            "SELECT p.* FROM memory_core.records r CROSS JOIN unnest(r.lexemes) AS l (term) "
            "JOIN memory_core.postings p USING (tenant_id, scope_id, term, pos) "
            "WHERE r.id = ANY ($1) ORDER BY p.term, p.pos", ids,
        ),
        "events": await connection.fetch("SELECT * FROM memory_core.events WHERE record_id = ANY ($1)", ids),
    }  # fmt: skip
    columns = {
        table: [name for name in rows[0].keys() if name not in GENERATED.get(table, ())]  # noqa: SIM118
        for table, rows in found.items()
    }
    values = {table: [tuple(row[name] for name in columns[table]) for row in rows] for table, rows in found.items()}
    first = found["records"][0]
    terms = sum(row["terms"] for row in found["records"])
    return Rows(columns, values, (first["tenant_id"], first["scope_id"], 0, len(found["records"]), 0, terms, 0))


class RawWriter:
    """Writes rows on one connection."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._prepared: dict[str, Any] = {}

    async def prepare(self, rows: Rows) -> None:
        """Prepares the statements once, not counted."""
        if self._prepared:
            return
        for table in ("records", "embeddings", "events"):
            names = rows.columns[table]
            places = ", ".join(f"${place}" for place in range(1, len(names) + 1))
            self._prepared[table] = await self._connection.prepare(
                f"INSERT INTO memory_core.{table} ({', '.join(names)}) VALUES ({places})"
            )
        self._prepared["postings"] = await self._connection.prepare(
            "INSERT INTO memory_core.postings (tenant_id, scope_id, term, pos, tf, terms) "
            "SELECT $1, $2, t.term, $4, t.tf, $6 FROM unnest($3::bigint[], $5::smallint[]) AS t (term, tf)"
        )
        self._prepared["counts"] = await self._connection.prepare(
            "INSERT INTO memory_core.scope_stats AS s (tenant_id, scope_id, slot, records, turns, terms, capped) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant_id, scope_id, slot) DO UPDATE SET "
            "records = s.records + excluded.records, turns = s.turns + excluded.turns, "
            "terms = s.terms + excluded.terms, capped = s.capped + excluded.capped"
        )

    async def insert(self, rows: Rows) -> None:
        """One record: BEGIN, an INSERT per table, COMMIT."""
        postings = rows.values["postings"]
        tenant, scope, _, pos, _, terms = postings[0]
        async with self._connection.transaction():
            await self._prepared["records"].fetch(*rows.values["records"][0])
            await self._prepared["embeddings"].fetch(*rows.values["embeddings"][0])
            await self._prepared["postings"].fetch(
                tenant, scope, [row[2] for row in postings], pos, [row[4] for row in postings], terms
            )
            await self._prepared["events"].fetch(*rows.values["events"][0])
            await self._prepared["counts"].fetch(*rows.counts)

    async def copy(self, rows: Rows) -> None:
        """Many records: BEGIN, a COPY per table, COMMIT."""
        async with self._connection.transaction():
            for table in TABLES:
                await self._connection.copy_records_to_table(
                    table, schema_name="memory_core", columns=rows.columns[table], records=rows.values[table]
                )
            await self._prepared["counts"].fetch(*rows.counts)
