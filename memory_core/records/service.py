"""Remember, get, update, list, forget: one face over hot and durable records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from memory_core.errors import ConflictError, InvalidRequestError, MemoryCoreError, NotFoundError
from memory_core.hot.process import ProcessHotTier, narrowness
from memory_core.inference.indexing import NOT_INDEXED, Indexing
from memory_core.model.filters import Filter
from memory_core.model.policies import Policy
from memory_core.model.record import Draft, Record, RememberResult
from memory_core.model.scope import Scope
from memory_core.model.text import check_label, content_hash
from memory_core.records.changes import check_changes, patch_of
from memory_core.records.drafts import check_fields, check_validity, make_draft
from memory_core.records.durable import DurableRecords

MAX_LIMIT = 10_000
MAX_INTEGER = 2**31 - 1
"""Of Postgres's type ``integer``."""
_KEPT_ON_PROMOTION = (
    *("value", "key", "source", "importance", "confidence", "boost", "pinned", "metadata"),
    *("policy", "tags", "thread", "seq", "actor", "role", "occurred_at", "valid_from", "valid_to"),
)
PURGE_INTERVAL = timedelta(minutes=1)
"""A scope that is written to is freed of expired records at most this often; reads never show them."""


class Records:
    """All records a scope can see, wherever their tier puts them."""

    def __init__(
        self, durable: DurableRecords, hot: ProcessHotTier, indexing: Indexing, policies: Mapping[str, Policy]
    ) -> None:
        self._durable = durable
        self._hot = hot
        self._indexing = indexing
        self.policies = policies
        self._purged: dict[Scope, datetime] = {}

    async def remember(self, viewer: Scope, content: str | None, **fields: Any) -> Record:
        """Stores one record and returns it as it now is.

        Raises:
            InvalidRequestError: The draft does not fit.
            ConflictError: The turn is taken by other content.
        """
        draft = make_draft(viewer, self.policies, content, **fields)
        result = (await self._store(viewer, [draft]))[0]
        if result.error is not None:
            raise result.error
        assert result.id is not None
        if result.status == "created" and not draft.tier.is_hot and (draft.thread is None or draft.seq is not None):
            return draft.as_record(datetime.now(UTC), draft.expires_at)  # as stored, to within milliseconds
        found = await self.find(viewer, result.id)
        if found is not None:
            return found
        # stored, and by now forgotten by another task or expired: what was stored
        return replace(draft.as_record(datetime.now(UTC), draft.expires_at), id=result.id, version=result.version or 1)

    async def remember_many(
        self, viewer: Scope, items: Iterable[str | Mapping[str, Any]], **shared: Any
    ) -> list[RememberResult]:
        """Stores many records; see ``AsyncScopedMemory.remember_many``."""
        results: list[RememberResult | None] = []
        drafts: list[Draft] = []
        if isinstance(items, str | bytes | Mapping) or not isinstance(items, Iterable):
            raise InvalidRequestError("items must be a list of texts or mappings", field="items")
        check_fields(shared)
        for item in items:
            try:
                fields = {**shared, **_fields(item)}
                check_fields(fields)
                drafts.append(make_draft(viewer, self.policies, **fields))
                results.append(None)
            except MemoryCoreError as error:
                results.append(RememberResult("error", None, None, error))
        stored = iter(await self._store(viewer, drafts))
        return [next(stored) if result is None else result for result in results]

    async def _store(self, viewer: Scope, drafts: Sequence[Draft]) -> list[RememberResult]:
        durable = [draft for draft in drafts if not draft.tier.is_hot]
        results = {
            draft.id: result
            for draft, result in zip(durable, await self._durable.remember(viewer, durable), strict=True)
        }
        hot = [draft for draft in drafts if draft.tier.is_hot]
        texts = [draft.content for draft in hot if draft.indexed]
        ready = iter(await self._indexing.index(texts) if texts else [])
        for draft in hot:
            indexed = next(ready) if draft.indexed else NOT_INDEXED
            try:
                results[draft.id] = self._hot.remember(draft, indexed)
            except MemoryCoreError as error:
                results[draft.id] = RememberResult("error", None, None, error)
        if durable:
            await self._purge(viewer)
        return [results[draft.id] for draft in drafts]

    async def _purge(self, viewer: Scope) -> None:
        now = datetime.now(UTC)
        if viewer not in self._purged:
            if len(self._purged) >= 10_000:
                self._purged.clear()
            self._purged[viewer] = now
        elif now - self._purged[viewer] >= PURGE_INTERVAL:
            self._purged[viewer] = now
            await self._durable.purge_expired(viewer)

    async def get(self, viewer: Scope, id_or_key: UUID | str) -> Record:
        """The record with this id, or with this key in the narrowest visible scope.

        Raises:
            NotFoundError: Nothing of the kind is visible.
        """
        record = await self.find(viewer, id_or_key)
        if record is None:
            details = {"id": str(id_or_key)} if isinstance(id_or_key, UUID) else {}  # a key may say as much as content
            raise NotFoundError("no record with this id or key is visible in the scope", **details)
        return record

    async def find(self, viewer: Scope, id_or_key: UUID | str) -> Record | None:
        """Like ``get``, but None if there is none. A text that is no key but the text of an id is taken as that id."""
        if isinstance(id_or_key, UUID):
            return await self._find_by_id(viewer, id_or_key)
        record = await self._find_by_key(viewer, id_or_key)
        if record is None and len(id_or_key) == 36:
            with suppress(ValueError):
                return await self._find_by_id(viewer, UUID(id_or_key))
        return record

    async def _find_by_id(self, viewer: Scope, record_id: UUID) -> Record | None:
        hot = self._hot.get(viewer, record_id)
        if hot is not None:
            return hot.record
        found = await self._durable.get(viewer, [record_id])
        return found[0] if found else None

    async def _find_by_key(self, viewer: Scope, id_or_key: str) -> Record | None:
        key = check_label(id_or_key, "key")
        durable, hot = await self._durable.get_by_key(viewer, key), self._hot.get_by_key(viewer, key)
        if hot is None or (durable is not None and narrowness(durable.scope) > narrowness(hot.record.scope)):
            return durable
        return hot.record

    async def update(
        self, viewer: Scope, id_or_key: UUID | str, *, if_version: int | None = None, **changes: Any
    ) -> Record:
        """Changes a record; see ``AsyncScopedMemory.update``."""
        checked = check_changes(changes)
        if if_version is not None:
            check_count(if_version, "if_version", least=1, most=MAX_INTEGER)
        old = await self.get(viewer, id_or_key)
        if old.scope.tenant != viewer.tenant:
            raise InvalidRequestError("global records are changed through memory.global_scope()", field="scope")
        if checked.get("valid_to", old.valid_to) is not None:
            check_validity(checked.get("valid_from", old.valid_from), checked.get("valid_to", old.valid_to))
        if old.tier.is_hot:
            return await self._update_hot(viewer, old.id, checked, if_version)
        if checked.get("tier", old.tier).is_hot:
            raise InvalidRequestError("a durable record cannot be moved to a hot tier", field="tier")
        content = None
        if "content" in checked or "value" in checked:
            text, value = checked.get("content", old.content), checked.get("value", old.value)
            policy = self.policies.get(old.policy)
            content = (text, content_hash(text, value), policy is None or policy.indexed)
        record = await self._durable.revise(viewer, old.id, patch_of(checked), if_version=if_version, content=content)
        if record is None:
            raise NotFoundError("the record is gone", id=str(old.id))
        return record

    async def _update_hot(
        self, viewer: Scope, record_id: UUID, checked: Mapping[str, Any], if_version: int | None
    ) -> Record:
        indexed = (await self._indexing.index([checked["content"]]))[0] if "content" in checked else None
        hot = self._hot.get(viewer, record_id)  # from here to its replacement nothing else runs
        if hot is None:
            raise NotFoundError("the record is gone", id=str(record_id))
        old = hot.record
        if if_version is not None and old.version != if_version:
            raise ConflictError(
                f"the record has version {old.version}, not {if_version}; read it again", version=old.version
            )
        record = replace(old, **checked, version=old.version + 1, updated_at=datetime.now(UTC))
        if indexed is None or not hot.indexed_by_policy:
            indexed = hot.indexed
        if record.tier.is_hot:
            self._hot.replace(old.id, record, content_hash(record.content, record.value), indexed)
            return record
        promoted = await self.remember(
            replace(record.scope, session=record.session),
            record.content,
            **{name: getattr(record, name) for name in _KEPT_ON_PROMOTION},
            level=record.scope.durable().level.value,
            kind=record.kind.value,
            tier=record.tier.value,
            time_to_live=None if record.expires_at is None else record.expires_at - datetime.now(UTC),
        )
        self._hot.forget(viewer, old.id)
        return promoted

    async def forget(self, viewer: Scope, ids: Sequence[UUID]) -> list[UUID]:
        """Deletes records for good, with everything derived from them; returns the ids that were there."""
        gone = [record_id for record_id in ids if self._hot.forget(viewer, record_id)]
        rest = [record_id for record_id in ids if record_id not in gone]
        return gone + (await self._durable.forget(viewer, rest) if rest else [])

    # last in the class: from here on the name "list" means this method
    async def list(
        self, viewer: Scope, condition: Filter, *, limit: int = 100, offset: int = 0, superseded: bool = False
    ) -> list[Record]:
        """Visible records that pass ``condition``, newest first by ``occurred_at``."""
        check_count(limit, "limit", least=0, most=MAX_LIMIT)
        check_count(offset, "offset", least=0, most=MAX_INTEGER)
        now = datetime.now(UTC)
        hot = [
            entry.record
            for entry in self._hot.visible(viewer)
            if condition.matches(entry.record)
            and (superseded or entry.record.valid_to is None or entry.record.valid_to > now)
        ]
        if not hot:
            return await self._durable.list(viewer, condition, limit=limit, offset=offset, superseded=superseded)
        durable = await self._durable.list(
            viewer, condition, limit=min(limit + offset, MAX_INTEGER), superseded=superseded
        )
        both = sorted(hot + durable, key=lambda record: (record.occurred_at, record.id), reverse=True)
        return both[offset : offset + limit]


def check_count(value: object, field: str, *, least: int, most: int) -> int:
    """``value`` if it is a whole number from ``least`` to ``most``."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidRequestError(f"{field} must be a whole number from {least} to {most}", field=field)
    return value


def _fields(item: object) -> Mapping[str, Any]:
    """What an item of a batch says, if it says it in arguments of ``remember``."""
    if isinstance(item, str):
        return {"content": item}
    if not isinstance(item, Mapping):
        raise InvalidRequestError(f"an item must be a text or a mapping, not {type(item).__name__}", field="items")
    return item
