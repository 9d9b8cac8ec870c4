"""From what a caller typed to a checked draft. Everything that can be refused is refused here, before any write."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from memory_core.errors import InvalidRequestError
from memory_core.model.fence import strip_injected
from memory_core.model.ids import new_id
from memory_core.model.kinds import Kind, parse_kind
from memory_core.model.policies import DEFAULT_POLICY, Policy, find_policy
from memory_core.model.record import MAX_SEQUENCE, Draft, check_instant
from memory_core.model.scope import Level, Scope, parse_level
from memory_core.model.text import (
    MAX_CONTENT_CHARACTERS,
    check_fraction,
    check_json,
    check_label,
    check_text,
    content_hash,
)
from memory_core.model.tiers import DEFAULT_TIME_TO_LIVE, check_lifetime, parse_tier

ROLES = ("user", "assistant", "system", "tool", "other")
MAX_TAGS = 64


def make_draft(
    scope: Scope,
    policies: Mapping[str, Policy],
    content: str | None = None,
    *,
    value: Any = None,
    key: str | None = None,
    kind: str | None = None,
    policy: str | None = None,
    tier: str | None = None,
    time_to_live: timedelta | None = None,
    level: str | None = None,
    tags: Iterable[str] = (),
    source: str | None = None,
    importance: float = 0.5,
    confidence: float = 0.7,
    boost: float = 1.0,
    pinned: bool = False,
    metadata: Mapping[str, Any] | None = None,
    thread: str | None = None,
    seq: int | None = None,
    actor: str | None = None,
    role: str | None = None,
    occurred_at: datetime | None = None,
    valid_from: datetime | None = None,
    valid_to: datetime | None = None,
) -> Draft:
    """A draft of a new record. See ``AsyncScopedMemory.remember`` for the meaning of each argument.

    Raises:
        InvalidRequestError: Something does not fit; nothing was written.
    """
    rules = find_policy(policies, policy or DEFAULT_POLICY)
    chosen_tier = rules.tier if tier is None else parse_tier(tier)
    if tier is not None and chosen_tier is not rules.tier:
        lifetime = DEFAULT_TIME_TO_LIVE[chosen_tier]
    else:
        lifetime = rules.default_time_to_live
    if time_to_live is not None:
        lifetime = check_lifetime(time_to_live)
    now = datetime.now(UTC)
    said_at = now if occurred_at is None else check_instant(occurred_at, "occurred_at")
    starts = said_at if valid_from is None else check_instant(valid_from, "valid_from")
    ends = None if valid_to is None else check_instant(valid_to, "valid_to")
    check_validity(starts, ends)
    checked_value = None if value is None else check_json(value, "value")
    text = _content(content, checked_value)
    if seq is not None and thread is None:
        raise InvalidRequestError("seq needs a thread", field="seq")
    if seq is not None and (isinstance(seq, bool) or not isinstance(seq, int) or not 0 <= seq <= MAX_SEQUENCE):
        raise InvalidRequestError(f"seq must be a whole number from 0 to {MAX_SEQUENCE}", field="seq")
    if role is not None and role not in ROLES:
        raise InvalidRequestError(f"unknown role {role!r}; use one of: {', '.join(ROLES)}", field="role")
    default_kind = Kind.SEMANTIC if thread is None else Kind.CONVERSATION
    return Draft(
        id=new_id(),
        scope=_target(scope, _level(scope, rules) if level is None else parse_level(level), hot=chosen_tier.is_hot),
        content=text,
        value=checked_value,
        key=None if key is None else check_label(key, "key"),
        kind=default_kind if kind is None else parse_kind(kind),
        tier=chosen_tier,
        policy=rules.name,
        tags=check_tags(tags),
        source=None if source is None else check_label(source, "source"),
        importance=check_fraction(importance, "importance"),
        confidence=check_fraction(confidence, "confidence"),
        boost=check_boost(boost),
        pinned=check_flag(pinned, "pinned"),
        metadata=check_metadata(metadata),
        thread=None if thread is None else check_label(thread, "thread"),
        seq=seq,
        actor=None if actor is None else check_label(actor, "actor"),
        role=role,
        session=scope.session,
        occurred_at=said_at,
        expires_at=None if lifetime is None else now + lifetime,
        valid_from=starts,
        valid_to=ends,
        indexed=rules.indexed,
        history=rules.history and key is not None,
        hash=content_hash(text, checked_value),
    )


FIELDS = frozenset(inspect.signature(make_draft).parameters) - {"scope", "policies"}
"""The arguments of ``remember``."""


def draft_as_json(draft: Draft, terms: int) -> dict[str, Any]:
    """The form the database's ``remember`` reads."""
    return {
        "id": str(draft.id),
        "key": draft.key,
        "content": draft.content,
        "value": draft.value,
        "kind": draft.kind.value,
        "tier": draft.tier.value,
        "policy": draft.policy,
        "tags": draft.tags,
        "source": draft.source,
        "importance": draft.importance,
        "confidence": draft.confidence,
        "boost": draft.boost,
        "pinned": draft.pinned,
        "metadata": draft.metadata,
        "content_hash": draft.hash,
        "thread": draft.thread,
        "seq": draft.seq,
        "actor": draft.actor,
        "role": draft.role,
        "origin_session": draft.session,
        "terms": terms,
        "indexed": draft.indexed,
        "history": draft.history,
        "occurred_at": draft.occurred_at.isoformat(),
        "expires_at": draft.expires_at and draft.expires_at.isoformat(),
        "valid_from": draft.valid_from.isoformat(),
        "valid_to": draft.valid_to and draft.valid_to.isoformat(),
    }


def check_fields(fields: Mapping[str, Any]) -> None:
    """Refuses what ``remember`` does not know: a misspelt field must not be lost in silence."""
    unknown = [name for name in fields if name not in FIELDS]
    if unknown:
        raise InvalidRequestError(
            f"an item has an unknown field {unknown[0]!r}; use {', '.join(sorted(FIELDS))}", field=str(unknown[0])
        )


def check_validity(starts: datetime, ends: datetime | None) -> None:
    """Refuses a validity that ends before it begins."""
    if ends is not None and ends <= starts:
        raise InvalidRequestError("valid_to must be after valid_from", field="valid_to")


def check_content(content: object) -> str:
    """``content`` if it is storable, without any block of recalled text inside it."""
    own = strip_injected(check_text(content, "content", limit=MAX_CONTENT_CHARACTERS))
    if not own:
        raise InvalidRequestError("content is nothing but recalled text, which is not stored again", field="content")
    return own


def check_boost(boost: object) -> float:
    """``boost`` as a float from 0.1 to 10."""
    if isinstance(boost, bool) or not isinstance(boost, int | float) or not 0.1 <= boost <= 10:
        raise InvalidRequestError("boost must be a number from 0.1 to 10", field="boost")
    return float(boost)


def check_flag(value: object, field: str) -> bool:
    """``value`` if it is True or False."""
    if not isinstance(value, bool):
        raise InvalidRequestError(f"{field} must be True or False", field=field)
    return value


def check_tags(tags: object) -> tuple[str, ...]:
    """The tags without repetitions, in their order."""
    if isinstance(tags, str | Mapping) or not isinstance(tags, Iterable):
        raise InvalidRequestError("tags must be a list of texts", field="tags")
    checked = tuple(dict.fromkeys(check_label(tag, "tags") for tag in tags))
    if len(checked) > MAX_TAGS:
        raise InvalidRequestError(f"at most {MAX_TAGS} tags", field="tags", limit=MAX_TAGS)
    return checked


def check_metadata(metadata: object) -> Mapping[str, Any]:
    """``metadata`` if it is a JSON object."""
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise InvalidRequestError("metadata must be a mapping", field="metadata")
    return dict(check_json(dict(metadata), "metadata"))


def _content(content: str | None, value: Any) -> str:
    """The text to store: as given, or the value's JSON if there is only a value."""
    if content is None:
        if value is None:
            raise InvalidRequestError("content is missing (or give value=)", field="content")
        content = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return check_content(content)


def _level(scope: Scope, rules: Policy) -> Level | None:
    """The policy's level, if the scope has a label of that level: a default must not fail where it does not fit."""
    has_it = rules.level in (None, Level.GLOBAL, Level.TENANT) or getattr(scope, rules.level.value) is not None
    return rules.level if has_it else None


def _target(scope: Scope, level: Level | None, *, hot: bool) -> Scope:
    """The scope in which the record is stored."""
    if level is None:
        return scope.private() if hot else scope.durable()
    if level is Level.GLOBAL and scope.level is not Level.GLOBAL:
        raise InvalidRequestError("only memory.global_scope() writes global records", field="level")
    if level is Level.TENANT and scope.level is Level.GLOBAL:
        return scope
    return scope.at(level)
