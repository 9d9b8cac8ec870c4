"""What ``update`` may change, checked before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from memory_core.errors import InvalidRequestError
from memory_core.model.kinds import parse_kind
from memory_core.model.record import check_instant
from memory_core.model.text import check_fraction, check_json, check_label
from memory_core.model.tiers import DEFAULT_TIME_TO_LIVE, check_lifetime, parse_tier
from memory_core.records.drafts import check_boost, check_content, check_flag, check_metadata, check_tags


class Unset(Enum):
    """Stands for an argument that was not given, where None means something."""

    UNSET = "unset"


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "content": check_content,
    "value": lambda value: None if value is None else check_json(value, "value"),
    "kind": parse_kind,
    "tier": parse_tier,
    "tags": check_tags,
    "source": lambda value: None if value is None else check_label(value, "source"),
    "importance": lambda value: check_fraction(value, "importance"),
    "confidence": lambda value: check_fraction(value, "confidence"),
    "boost": check_boost,
    "pinned": lambda value: check_flag(value, "pinned"),
    "metadata": check_metadata,
    "occurred_at": lambda value: check_instant(value, "occurred_at"),
    "expires_at": lambda value: None if value is None else check_instant(value, "expires_at"),
    "valid_from": lambda value: check_instant(value, "valid_from"),
    "valid_to": lambda value: None if value is None else check_instant(value, "valid_to"),
}


def check_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes with their checked values; ``time_to_live`` becomes ``expires_at``, a tier brings its own.

    Raises:
        InvalidRequestError: Nothing to change, an unknown field, or a value that does not fit.
    """
    given = {name: value for name, value in changes.items() if value is not Unset.UNSET}
    checked: dict[str, Any] = {}
    for name, value in given.items():
        if name == "time_to_live":
            if "expires_at" in given:
                raise InvalidRequestError("give time_to_live or expires_at, not both", field="time_to_live")
            checked["expires_at"] = None if value is None else datetime.now(UTC) + check_lifetime(value)
        elif name in _CHECKS:
            checked[name] = _CHECKS[name](value)
        else:
            raise InvalidRequestError(
                f"{name!r} cannot be updated; use {', '.join((*_CHECKS, 'time_to_live'))}", field=name
            )
    if not checked:
        raise InvalidRequestError("nothing to update", field="changes")
    if "tier" in checked and "expires_at" not in checked:
        lifetime = DEFAULT_TIME_TO_LIVE[checked["tier"]]
        checked["expires_at"] = None if lifetime is None else datetime.now(UTC) + lifetime
    return checked


def patch_of(checked: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON form the database's ``revise`` reads."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in checked.items()}
