"""Records in Postgres. Acknowledged means committed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import UUID

import orjson

from memory_core.database.pool import Database, scope_arguments
from memory_core.database.queries import load_queries
from memory_core.database.rows import record_from_row
from memory_core.database.vectors import pack_vector
from memory_core.errors import ConflictError
from memory_core.inference.indexing import NOT_INDEXED, IndexedText, Indexing
from memory_core.model.filters import Filter
from memory_core.model.record import Draft, Record, RememberResult
from memory_core.model.scope import Scope
from memory_core.records.drafts import draft_as_json

_SQL = load_queries("memory_core.records")

BATCH = 1000
"""Drafts written in one transaction; each such part of a larger batch is stored whole or not at all."""


class DurableRecords:
    """Reads and writes records of the durable tiers."""

    def __init__(self, database: Database, indexing: Indexing) -> None:
        self._database = database
        self._indexing = indexing

    async def remember(self, viewer: Scope, drafts: Sequence[Draft]) -> list[RememberResult]:
        """Stores drafts and says what became of each, in their order.

        Args:
            viewer: The scope of the caller, which must see each draft's scope.
            drafts: Any number; parts of ``BATCH`` with one target scope are one transaction each.
        """
        by_target: dict[Scope, list[Draft]] = {}
        for draft in drafts:
            by_target.setdefault(draft.scope, []).append(draft)
        results: dict[UUID, RememberResult] = {}
        for target, same_target in by_target.items():
            for start in range(0, len(same_target), BATCH):
                part = same_target[start : start + BATCH]
                stored = await self._remember_part(viewer, target, part)
                results.update((draft.id, result) for draft, result in zip(part, stored, strict=True))
        return [results[draft.id] for draft in drafts]

    async def _remember_part(self, viewer: Scope, target: Scope, drafts: list[Draft]) -> list[RememberResult]:
        texts = [draft.content for draft in drafts if draft.indexed]
        ready = iter(await self._indexing.index(texts) if texts else [])
        indexed = [next(ready) if draft.indexed else NOT_INDEXED for draft in drafts]
        owners = chain.from_iterable([number] * len(text.frequencies) for number, text in enumerate(indexed, 1))
        rows = await self._database.call(
            _SQL["remember"],
            *scope_arguments(viewer),
            target.user,
            target.agent,
            target.team,
            target.session,
            self._indexing.model_id,
            self._indexing.wide,
            orjson.dumps([draft_as_json(d, text.terms) for d, text in zip(drafts, indexed, strict=True)]).decode(),
            [_packed(text) for text in indexed],
            list(owners),
            list(chain.from_iterable(text.frequencies for text in indexed)),
            [min(count, 32767) for text in indexed for count in text.frequencies.values()],
        )
        return [_result(row) for row in sorted(rows, key=lambda row: row["ord"])]

    async def get(self, viewer: Scope, ids: Sequence[UUID]) -> list[Record]:
        """The visible records with these ids, in no order; those that are not there are left out."""
        rows = await self._database.call(_SQL["get_records"], *scope_arguments(viewer), list(ids))
        return [record_from_row(row) for row in rows]

    async def get_by_key(self, viewer: Scope, key: str) -> Record | None:
        """The record with this key in the narrowest visible scope that has one."""
        rows = await self._database.call(_SQL["get_by_key"], *scope_arguments(viewer), key)
        return record_from_row(rows[0]) if rows else None

    async def revise(
        self,
        viewer: Scope,
        record_id: UUID,
        patch: Mapping[str, Any],
        *,
        if_version: int | None,
        content: tuple[str, str, bool] | None,
    ) -> Record | None:
        """Changes one record.

        Args:
            viewer: The scope of the caller.
            record_id: Which record.
            patch: The fields that change, checked.
            if_version: The version it must have, or None.
            content: New text, its hash, and whether it is indexed; None if the content stays.

        Returns:
            The new state, or None if there is no such record.

        Raises:
            ConflictError: It has another version, or the new content exists already.
        """
        text, content_hash, is_indexed = content or ("", None, False)
        indexed: IndexedText = (await self._indexing.index([text]))[0] if is_indexed else NOT_INDEXED
        rows = await self._database.call(
            _SQL["revise"],
            *scope_arguments(viewer),
            record_id,
            if_version,
            orjson.dumps(patch).decode(),
            content_hash,
            indexed.terms,
            is_indexed,
            self._indexing.model_id,
            self._indexing.wide,
            _packed(indexed),
            list(indexed.frequencies),
            [min(count, 32767) for count in indexed.frequencies.values()],
        )
        if rows:
            return record_from_row(rows[0])
        found = await self.get(viewer, [record_id]) if if_version is not None else []
        if not found:
            return None
        raise ConflictError(
            f"the record has version {found[0].version}, not {if_version}; read it again",
            id=str(record_id),
            version=found[0].version,
        )

    async def forget(self, viewer: Scope, ids: Sequence[UUID]) -> list[UUID]:
        """Deletes visible records of the viewer's tenant; returns the ids that were there."""
        rows = await self._database.call(_SQL["forget"], *scope_arguments(viewer), list(ids))
        return [row["id"] for row in rows]

    async def touch(self, viewer: Scope, counts: Mapping[UUID, int], at: datetime) -> None:
        """Adds to access counts."""
        await self._database.call(_SQL["touch"], *scope_arguments(viewer), list(counts), list(counts.values()), at)

    async def purge_expired(self, viewer: Scope, limit: int = BATCH) -> int:
        """Deletes up to ``limit`` expired records that the viewer could have seen; returns how many."""
        rows = await self._database.call(_SQL["purge_expired"], *scope_arguments(viewer), limit)
        return int(rows[0]["purged"])

    # last in the class: from here on the name "list" means this method
    async def list(
        self, viewer: Scope, condition: Filter, *, limit: int, offset: int = 0, superseded: bool = False
    ) -> list[Record]:
        """Visible records that pass ``condition``, newest first by ``occurred_at``."""
        rows = await self._database.call(
            _SQL["list_records"],
            *scope_arguments(viewer),
            None if condition.is_empty else orjson.dumps(condition.as_json()).decode(),
            limit,
            offset,
            superseded,
        )
        return [record_from_row(row) for row in rows]


def _packed(indexed: IndexedText) -> bytes | None:
    return None if indexed.vector is None else pack_vector(indexed.vector)


def _result(row: Mapping[str, Any]) -> RememberResult:
    if row["status"] == "conflict":
        error = ConflictError(
            "this turn (thread and seq) or key is taken by other content",
            id=None if row["id"] is None else str(row["id"]),
        )
        return RememberResult("error", None, None, error)
    return RememberResult(row["status"], row["id"], row["version"])
