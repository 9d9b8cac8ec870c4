"""What is asked of recall, checked; and what looks like a key."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import SequenceMatcher

from memory_core.errors import InvalidRequestError
from memory_core.model.filters import Filter
from memory_core.model.scope import Scope

ARMS = ("lexical", "vector", "time", "key", "hot")
MAX_QUERY_CHARACTERS = 4_000
"""So much of a question is used. A longer text is cut, not refused: agents ask with whole tasks."""
MAX_KEY_CHARACTERS = 64
"""A query of one word up to this length is also compared with the scope's keys, spelling mistakes allowed."""
KEY_SIMILARITY = 0.8
"""Least ``difflib`` ratio of a key to such a query: one or two letters of ten may differ."""


@dataclass(frozen=True, slots=True)
class Request:
    """One recall, checked. See ``AsyncScopedMemory.recall``."""

    viewer: Scope
    query: str
    limit: int
    condition: Filter
    as_of: datetime | None
    now: datetime
    arms: Collection[str]
    signals: bool
    explain: bool
    recency: timedelta | None = None
    with_pinned: bool = False


def check_arms(arms: Collection[str] | None) -> Collection[str]:
    """The arms to use; None is all.

    Raises:
        InvalidRequestError: An unknown arm, or none at all.
    """
    if arms is None:
        return ARMS
    if isinstance(arms, str) or not isinstance(arms, Collection) or not arms or not set(arms) <= set(ARMS):
        raise InvalidRequestError(f"arms must be some of {', '.join(ARMS)}", field="arms")
    return frozenset(arms)


def check_half_life(recency: object) -> timedelta:
    """``recency`` if it is a positive duration.

    Raises:
        InvalidRequestError: It is not.
    """
    if not isinstance(recency, timedelta) or recency <= timedelta(0):
        raise InvalidRequestError("recency must be a positive timedelta, the half-life", field="recency")
    return recency


def near_keys(query: str, keys: Iterable[str]) -> dict[str, float]:
    """The query itself, as a key, and the keys spelt almost like it, each with its likeness in [0, 1]."""
    found = {query: 1.0}
    if may_be_key(query):
        folded = query.casefold()
        for key in keys:
            likeness = SequenceMatcher(None, folded, key.casefold(), autojunk=False).ratio()
            if likeness >= KEY_SIMILARITY:
                found.setdefault(key, likeness)
    return found


def may_be_key(query: str) -> bool:
    """True if a query is one short word, as keys are."""
    return len(query.strip()) <= MAX_KEY_CHARACTERS and len(query.split()) == 1
