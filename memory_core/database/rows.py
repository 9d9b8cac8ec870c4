"""From a row of the table ``records`` to a record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from memory_core.model.kinds import Kind
from memory_core.model.record import Record
from memory_core.model.scope import Scope
from memory_core.model.tiers import Tier


def record_from_row(row: Mapping[str, Any]) -> Record:
    """The record in ``row``, which has the columns of the table by name."""
    value = row["value"]
    return Record(
        id=row["id"],
        scope=Scope(
            row["tenant_id"],
            row["user_id"] or None,
            row["agent_id"] or None,
            row["session_id"] or None,
            row["team_id"] or None,
        ),
        content=row["content"],
        value=None if value is None else orjson.loads(value),
        key=row["key"],
        kind=Kind(row["kind"]),
        tier=Tier(row["tier"]),
        policy=row["policy"],
        tags=tuple(row["tags"]),
        source=row["source"],
        importance=round(row["importance"], 6),
        confidence=round(row["confidence"], 6),
        boost=round(row["boost"], 6),
        pinned=row["pinned"],
        evidence_count=row["evidence_count"],
        metadata=orjson.loads(row["metadata"]),
        thread=row["thread"],
        seq=row["seq"],
        actor=row["actor"],
        role=row["role"],
        session=row["origin_session"],
        occurred_at=row["occurred_at"],
        recorded_at=row["recorded_at"],
        updated_at=row["updated_at"],
        expires_at=row["expires_at"],
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
        last_accessed_at=row["last_accessed_at"],
        access_count=row["access_count"],
        version=row["version"],
    )
