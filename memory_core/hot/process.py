"""The hot tier of one process: a bounded dictionary whose records expire."""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from memory_core.errors import ConflictError, InvalidRequestError
from memory_core.inference.indexing import IndexedText, Indexing
from memory_core.model.record import Draft, Record, RememberResult
from memory_core.model.scope import Scope

JITTER = 0.05
"""A record leaves up to this share of its time to live early, so that what came together does not go together."""

RECORD_OVERHEAD_BYTES = 2_000
"""Measured memory of a record without its texts, vector and term counts (CPython 3.11, sys.getsizeof summed)."""

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class HotRecord:
    """A record of the hot tier with what recall knows of it."""

    record: Record
    hash: str
    indexed: IndexedText
    indexed_by_policy: bool
    size_bytes: int


class ProcessHotTier:
    """Hot records of this process, at most ``max_bytes`` of them; the least recently used leave first.

    What is here is lost with the process: that is what the tiers ``ephemeral`` and ``session`` promise.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._size_bytes = 0
        self._evicted = 0
        self._first_expiry = _NEVER
        self._records: OrderedDict[UUID, HotRecord] = OrderedDict()
        self._by_scope: dict[Scope, dict[UUID, None]] = {}
        self._by_name: dict[tuple[Scope, str, object], UUID] = {}

    def remember(self, draft: Draft, indexed: IndexedText) -> RememberResult:
        """Takes a draft, by the same rules as the durable store: keys replace, repeated content counts, turns stay."""
        now = datetime.now(UTC)
        draft = self._with_sequence(draft)
        name = _name(draft, draft.hash)
        existing = self._alive(self._by_name.get(name), now)
        if existing is not None:
            old = existing.record
            if existing.hash == draft.hash:
                self._records.move_to_end(old.id)
                if draft.thread is None:
                    existing.record = replace(old, evidence_count=old.evidence_count + 1, updated_at=now)
                    if _later(draft.expires_at, old.expires_at):
                        existing.record = replace(
                            existing.record, tier=draft.tier, policy=draft.policy, expires_at=draft.expires_at
                        )
                return RememberResult("duplicate", old.id, old.version)
            if draft.thread is not None:
                error = ConflictError("this turn (thread and seq) is taken by other content", id=str(old.id))
                return RememberResult("error", None, None, error)
            if draft.history:
                return self._succeed(existing, draft, indexed, now)
            record = replace(_record(draft, now), id=old.id, recorded_at=old.recorded_at, version=old.version + 1)
            self._store(HotRecord(record, draft.hash, indexed, draft.indexed, _size(record, indexed)))
            return RememberResult("updated", record.id, record.version)
        record = _record(draft, now)
        self._store(HotRecord(record, draft.hash, indexed, draft.indexed, _size(record, indexed)))
        return RememberResult("created", record.id, 1)

    def get(self, viewer: Scope, record_id: UUID) -> HotRecord | None:
        """The visible record with this id."""
        found = self._alive(record_id, datetime.now(UTC))
        if found is None or not viewer.sees(found.record.scope):
            return None
        self._records.move_to_end(record_id)
        return found

    def get_by_key(self, viewer: Scope, key: str) -> HotRecord | None:
        """The record with this key in the narrowest visible scope that has one."""
        found = [hot for hot in self.visible(viewer) if hot.record.key == key]
        return max(found, key=lambda hot: narrowness(hot.record.scope), default=None)

    def visible(self, viewer: Scope) -> Iterator[HotRecord]:
        """All records the viewer sees."""
        now = datetime.now(UTC)
        for scope in viewer.visible() if self._records else ():
            for record_id in list(self._by_scope.get(scope, ())):
                found = self._alive(record_id, now)
                if found is not None:
                    yield found

    def replace(self, record_id: UUID, record: Record, content_hash: str, indexed: IndexedText) -> None:
        """Puts a new state in the place of a record.

        Raises:
            ConflictError: Another record of the scope has this content.
        """
        old = self._records[record_id]
        taken = self._alive(self._by_name.get(_name(record, content_hash)), datetime.now(UTC))
        if taken is not None and taken.record.id != record_id:
            raise ConflictError("another record of the scope has this content", id=str(taken.record.id))
        self._store(HotRecord(record, content_hash, indexed, old.indexed_by_policy, _size(record, indexed)))

    def forget(self, viewer: Scope, record_id: UUID) -> bool:
        """Removes a visible record of the viewer's tenant; False if there is none."""
        found = self.get(viewer, record_id)
        if found is None or found.record.scope.tenant != viewer.tenant:
            return False
        self._remove(record_id)
        return True

    def touch(self, record_id: UUID, count: int, at: datetime) -> None:
        """Adds to the access count of a record that is still there."""
        found = self._records.get(record_id)
        if found is not None:
            self._records.move_to_end(record_id)
            record = found.record
            found.record = replace(record, access_count=record.access_count + count, last_accessed_at=at)

    async def reindex(self, indexing: Indexing) -> None:
        """Gives all records vectors of another model. Requests in flight keep the records as they found them."""
        before = [hot for hot in self._records.values() if hot.indexed_by_policy]
        indexed = await indexing.index([hot.record.content for hot in before]) if before else []
        for hot, text in zip(before, indexed, strict=True):
            if self._records.get(hot.record.id) is hot:  # else it has left or changed meanwhile
                changed = replace(hot, indexed=text, size_bytes=_size(hot.record, text))
                self._records[hot.record.id] = changed
                self._size_bytes += changed.size_bytes - hot.size_bytes
        self._make_room(0)

    def statistics(self) -> dict[str, int]:
        """Number of records, their memory, its limit, and how many had to leave for it before their time."""
        self._drop_expired()
        return {
            "records": len(self._records),
            "size_bytes": self._size_bytes,
            "max_bytes": self._max_bytes,
            "evicted": self._evicted,
        }

    def _succeed(self, former: HotRecord, draft: Draft, indexed: IndexedText, now: datetime) -> RememberResult:
        """The new value of a key whose former value is kept, without the key and no longer valid."""
        record, old = _record(draft, now), former.record
        successor = HotRecord(record, draft.hash, indexed, draft.indexed, _size(record, indexed))
        self._check_size(successor)
        ended = now if old.valid_to is None else min(old.valid_to, now)
        old = replace(old, key=None, valid_to=ended, updated_at=now, version=old.version + 1)
        self._store(replace(former, record=old))
        self._store(successor)
        return RememberResult("updated", record.id, record.version)

    def _with_sequence(self, draft: Draft) -> Draft:
        if draft.thread is None or draft.seq is not None:
            return draft
        taken = [
            hot.record.seq
            for record_id in self._by_scope.get(draft.scope, ())
            if (hot := self._records[record_id]).record.thread == draft.thread and hot.record.seq is not None
        ]
        return replace(draft, seq=max(taken, default=-1) + 1)

    def _alive(self, record_id: UUID | None, now: datetime) -> HotRecord | None:
        found = None if record_id is None else self._records.get(record_id)
        if found is None:
            return None
        if found.record.expires_at is not None and found.record.expires_at <= now:
            self._remove(found.record.id)
            return None
        return found

    def _store(self, hot: HotRecord) -> None:
        """Puts a record in, in place of its former state, which stays if there is no room for the new one."""
        self._check_size(hot)
        if hot.record.id in self._records:
            self._remove(hot.record.id)
        self._make_room(hot.size_bytes)
        record = hot.record
        self._first_expiry = min(self._first_expiry, record.expires_at or _NEVER)
        self._records[record.id] = hot
        self._size_bytes += hot.size_bytes
        self._by_scope.setdefault(record.scope, {})[record.id] = None
        self._by_name[_name(record, hot.hash)] = record.id

    def _make_room(self, size_bytes: int) -> None:
        if self._size_bytes + size_bytes > self._max_bytes:
            self._drop_expired()
        while self._size_bytes + size_bytes > self._max_bytes:
            self._remove(next(iter(self._records)))
            self._evicted += 1

    def _drop_expired(self) -> None:
        """Looks at all records, but not before the first of them can have expired."""
        now = datetime.now(UTC)
        if now < self._first_expiry:
            return
        for record_id in list(self._records):
            self._alive(record_id, now)
        ends = [hot.record.expires_at for hot in self._records.values() if hot.record.expires_at is not None]
        self._first_expiry = min(ends, default=_NEVER)

    def _check_size(self, hot: HotRecord) -> None:
        if hot.size_bytes > self._max_bytes:
            raise InvalidRequestError(
                "the record is larger than the whole hot tier; raise MEMORY_CORE_HOT_MAX_BYTES or use a durable tier",
                size_bytes=hot.size_bytes,
            )

    def _remove(self, record_id: UUID) -> None:
        hot = self._records.pop(record_id)
        record = hot.record
        self._size_bytes -= hot.size_bytes
        del self._by_scope[record.scope][record_id]
        if not self._by_scope[record.scope]:
            del self._by_scope[record.scope]
        self._by_name.pop(_name(record, hot.hash), None)


def _name(item: Draft | Record, content_hash: str) -> tuple[Scope, str, object]:
    """What a record is unique by: its turn, its key, or its content and the end of its validity."""
    if item.thread is not None:
        return item.scope, "turn", (item.thread, item.seq)
    if item.key is not None:
        return item.scope, "key", item.key
    return item.scope, "content", (content_hash, item.valid_to)


def _later(expires_at: datetime | None, other: datetime | None) -> bool:
    """True if the first instant is later; None is never."""
    return other is not None and (expires_at is None or expires_at > other)


def narrowness(scope: Scope) -> tuple[bool, ...]:
    """Greater for a narrower scope."""
    return tuple(bool(label) for label in (scope.session, scope.agent, scope.team, scope.user, scope.tenant))


def _size(record: Record, indexed: IndexedText) -> int:
    vector = 0 if indexed.vector is None else indexed.vector.nbytes
    texts = len(record.content.encode()) + len(str(record.value or "")) + len(str(record.metadata or ""))
    return RECORD_OVERHEAD_BYTES + texts + vector + 100 * len(indexed.frequencies)


def _record(draft: Draft, now: datetime) -> Record:
    expires_at = draft.expires_at
    if expires_at is not None:
        expires_at -= (expires_at - now) * JITTER * random.random()
    return draft.as_record(now, expires_at)
