"""The record: one remembered thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from memory_core.errors import InvalidRequestError, MemoryCoreError
from memory_core.model.kinds import Kind
from memory_core.model.scope import Scope
from memory_core.model.tiers import Tier

MAX_SEQUENCE = (1 << 24) - 4
"""Highest sequence number of a turn in its thread: positions keep 24 bits for it, and room for two neighbours."""


@dataclass(frozen=True, slots=True)
class Record:
    """One remembered thing, as stored.

    Attributes:
        id: Unique for good; sorts by creation.
        scope: Where it is stored, which decides who sees it.
        content: The text as it was given.
        value: Optional JSON value.
        key: Optional name, unique in its scope.
        kind: What it is about.
        tier: How long it is kept.
        policy: The named policy it was stored under.
        tags: Labels to filter by.
        source: Where it came from (a file, a tool, a URL), or None.
        importance: 0 to 1; 0.5 if nobody said. At 0.8 or more it is never lost by decay.
        confidence: 0 to 1; 0.7 if nobody said. At 0.9 or more it is never lost by decay.
        boost: Factor on its place in recall, 0.1 to 10; 1 changes nothing.
        pinned: True if it is never lost by decay and always first in context.
        evidence_count: How often this content was stated.
        metadata: The caller's own JSON.
        thread: The conversation it is a turn of, or None.
        seq: Its place in the thread, from 0.
        actor: Who said it.
        role: ``user``, ``assistant``, ``system``, ``tool`` or ``other``; None outside conversations.
        session: The session in which it was heard. Provenance only, it hides nothing.
        occurred_at: When it was said or happened.
        recorded_at: When the store took it.
        updated_at: When it last changed.
        expires_at: When it leaves every read, or None.
        valid_from: From when it is true in the world.
        valid_to: Until when it is true, or None.
        last_accessed_at: When it was last recalled or read, to within some seconds.
        access_count: How often it was recalled or read, to within some seconds.
        version: Rises by one with each change; the first is 1.
    """

    id: UUID
    scope: Scope
    content: str
    value: Any
    key: str | None
    kind: Kind
    tier: Tier
    policy: str
    tags: tuple[str, ...]
    source: str | None
    importance: float
    confidence: float
    boost: float
    pinned: bool
    evidence_count: int
    metadata: Mapping[str, Any]
    thread: str | None
    seq: int | None
    actor: str | None
    role: str | None
    session: str | None
    occurred_at: datetime
    recorded_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    valid_from: datetime
    valid_to: datetime | None
    last_accessed_at: datetime | None
    access_count: int
    version: int

    @property
    def created_at(self) -> datetime:
        """The same instant as ``recorded_at``."""
        return self.recorded_at


@dataclass(frozen=True, slots=True)
class RememberResult:
    """What became of one item of ``remember_many``, in the order of the items.

    Attributes:
        status: ``created``; ``updated`` (its key existed, a new version was written); ``duplicate`` (this content was
            there: its evidence count was raised; a repeated turn changes nothing); ``error`` (nothing was written).
        id: The record's id, None on error.
        version: The record's version, None on error.
        error: The typed error, only if ``status`` is ``error``.
    """

    status: str
    id: UUID | None
    version: int | None = None
    error: MemoryCoreError | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A checked record on its way to the store. Made by ``memory_core.records.drafts``."""

    id: UUID
    scope: Scope
    content: str
    value: Any
    key: str | None
    kind: Kind
    tier: Tier
    policy: str
    tags: tuple[str, ...]
    source: str | None
    importance: float
    confidence: float
    boost: float
    pinned: bool
    metadata: Mapping[str, Any]
    thread: str | None
    seq: int | None
    actor: str | None
    role: str | None
    session: str | None
    occurred_at: datetime
    expires_at: datetime | None
    valid_from: datetime
    valid_to: datetime | None
    indexed: bool
    history: bool
    hash: str

    def as_record(self, now: datetime, expires_at: datetime | None) -> Record:
        """The record this draft becomes when it is stored at ``now`` for the first time."""
        fields: dict[str, Any] = {
            name: getattr(self, name) for name in Draft.__slots__ if name not in ("hash", "indexed", "history")
        }
        return Record(
            **{**fields, "expires_at": expires_at},
            evidence_count=1,
            recorded_at=now,
            updated_at=now,
            last_accessed_at=None,
            access_count=0,
            version=1,
        )


def check_instant(value: object, name: str) -> datetime:
    """``value`` in UTC.

    Raises:
        InvalidRequestError: Not a datetime, one without a time zone, or one outside the years 1 to 9999 in UTC.
    """
    if not isinstance(value, datetime):
        raise InvalidRequestError(f"{name} must be a datetime, not {type(value).__name__}", field=name)
    if value.tzinfo is None or value.utcoffset() is None:
        raise InvalidRequestError(
            f"{name} has no time zone; use datetime(..., tzinfo=timezone.utc) or .astimezone()", field=name
        )
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise InvalidRequestError(f"{name} is outside the years 1 to 9999", field=name) from None
