"""Which records a caller asks for. The same rules run in the database (``matches`` in its SQL) and on hot records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from memory_core.errors import InvalidRequestError
from memory_core.model.kinds import Kind, parse_kind
from memory_core.model.record import Record, check_instant
from memory_core.model.text import check_json, check_label
from memory_core.model.tiers import Tier, parse_tier

OPERATORS = ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in")


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that must all hold.

    Attributes:
        kinds: Any of these kinds.
        tiers: Any of these tiers.
        tags: All of these tags.
        since: ``occurred_at`` at or after this instant.
        until: ``occurred_at`` before this instant.
        metadata: Top-level metadata keys with a plain value (equality) or operators (``{"price": {"$gte": 10}}``).
            Comparison is typed: numbers with numbers, texts with texts; a missing key or another type does not match,
            except that ``$ne`` matches it. ``None`` equals JSON null only.
        thread: Only turns of this thread.
        actor: Only what this actor said.
    """

    kinds: tuple[Kind, ...] = ()
    tiers: tuple[Tier, ...] = ()
    tags: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    metadata: Mapping[str, Any] | None = None
    thread: str | None = None
    actor: str | None = None

    @property
    def is_empty(self) -> bool:
        """True if every record passes."""
        return self == Filter()

    def as_json(self) -> dict[str, Any]:
        """The form the database's ``matches`` function reads: only the conditions that are set."""
        conditions: dict[str, Any] = {
            "kinds": [kind.value for kind in self.kinds],
            "tiers": [tier.value for tier in self.tiers],
            "tags": list(self.tags),
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
            "thread": self.thread,
            "actor": self.actor,
            "metadata": {key: _operators(condition) for key, condition in (self.metadata or {}).items()},
        }
        return {name: value for name, value in conditions.items() if value}

    def matches(self, record: Record) -> bool:
        """True if the record passes every condition."""
        return (
            (not self.kinds or record.kind in self.kinds)
            and (not self.tiers or record.tier in self.tiers)
            and set(self.tags) <= set(record.tags)
            and (self.since is None or record.occurred_at >= self.since)
            and (self.until is None or record.occurred_at < self.until)
            and (self.thread is None or record.thread == self.thread)
            and (self.actor is None or record.actor == self.actor)
            and matches_metadata(record.metadata, self.metadata or {})
        )


def make_filter(
    *,
    kind: str | Iterable[str] | None = None,
    tier: str | Iterable[str] | None = None,
    tags: str | Iterable[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    where: Mapping[str, Any] | None = None,
    thread: str | None = None,
    actor: str | None = None,
) -> Filter:
    """A filter from what a caller typed.

    Raises:
        InvalidRequestError: An unknown kind, tier or operator, a naive instant, or an operand that is not JSON.
    """
    return Filter(
        kinds=tuple(parse_kind(name) for name in _several(kind, "kind")),
        tiers=tuple(parse_tier(name) for name in _several(tier, "tier")),
        tags=tuple(check_label(tag, "tags") for tag in _several(tags, "tags")),
        since=None if since is None else check_instant(since, "since"),
        until=None if until is None else check_instant(until, "until"),
        metadata=None if where is None else check_metadata_filter(where),
        thread=None if thread is None else check_label(thread, "thread"),
        actor=None if actor is None else check_label(actor, "actor"),
    )


def check_metadata_filter(where: Mapping[str, Any]) -> Mapping[str, Any]:
    """``where`` if every key is a text, every operator known and every operand of a type that operator compares."""
    if not isinstance(where, Mapping):
        raise InvalidRequestError("where must be a mapping of metadata keys to conditions", field="where")
    checked: dict[str, Any] = {}
    for key, condition in where.items():
        check_label(key, "where key")
        checked[key] = check_json(condition, "where")
        if isinstance(condition, Mapping) and 0 < sum(name.startswith("$") for name in condition) < len(condition):
            raise InvalidRequestError("a condition is either operators or one value to equal, not both", field="where")
        for operator, operand in _operators(condition).items():
            if operator not in OPERATORS:
                raise InvalidRequestError(
                    f"unknown operator {operator!r}; use one of: {', '.join(OPERATORS)}", field="where"
                )
            if operator == "$in" and not isinstance(operand, list | tuple):
                raise InvalidRequestError("$in needs a list", field="where")
            if operator in ("$gt", "$gte", "$lt", "$lte") and not (_is_number(operand) or isinstance(operand, str)):
                raise InvalidRequestError(f"{operator} needs a number or a text", field="where")
    return checked


def matches_metadata(metadata: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    """True if ``metadata`` passes every condition of ``where``."""
    return all(
        _compare(operator, key in metadata, metadata.get(key), operand)
        for key, condition in where.items()
        for operator, operand in _operators(condition).items()
    )


def _operators(condition: Any) -> dict[str, Any]:
    if isinstance(condition, Mapping) and condition and all(str(key).startswith("$") for key in condition):
        return dict(condition)
    return {"$eq": condition}


def _compare(operator: str, present: bool, value: Any, operand: Any) -> bool:
    if operator == "$ne":
        return not (present and _equal(value, operand))
    if not present:
        return False
    if operator == "$eq":
        return _equal(value, operand)
    if operator == "$in":
        return any(_equal(value, item) for item in operand)
    both_numbers = _is_number(value) and _is_number(operand)
    if not both_numbers and not (isinstance(value, str) and isinstance(operand, str)):
        return False
    if operator == "$gt":
        return bool(value > operand)
    if operator == "$gte":
        return bool(value >= operand)
    if operator == "$lt":
        return bool(value < operand)
    return bool(value <= operand)


def _equal(value: Any, operand: Any) -> bool:
    if isinstance(value, bool) or isinstance(operand, bool):
        return value is operand
    if isinstance(value, list | tuple) and isinstance(operand, list | tuple):
        return len(value) == len(operand) and all(map(_equal, value, operand))
    if isinstance(value, Mapping) and isinstance(operand, Mapping):
        return value.keys() == operand.keys() and all(_equal(value[key], operand[key]) for key in value)
    return bool(value == operand)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _several(value: str | Iterable[str] | None, field: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, Iterable) or isinstance(value, bytes | Mapping):
        raise InvalidRequestError(f"{field} must be a text or a list of texts", field=field)
    return (value,) if isinstance(value, str) else tuple(value)
