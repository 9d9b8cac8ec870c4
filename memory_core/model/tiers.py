"""How long a record is kept, and where."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from memory_core.errors import InvalidRequestError


class Tier(StrEnum):
    """Retention tiers, shortest first.

    ``EPHEMERAL`` and ``SESSION`` live in the hot tier (process memory, or Redis where one is configured) and may be
    lost with it. ``SHORT_TERM``, ``LONG_TERM`` and ``PERMANENT`` are durable: acknowledged means committed.
    """

    EPHEMERAL = "ephemeral"
    SESSION = "session"
    SHORT_TERM = "short_term"
    LONG_TERM = "long_term"
    PERMANENT = "permanent"

    @property
    def is_hot(self) -> bool:
        """True if records of this tier live in the hot tier and not in the database."""
        return self in (Tier.EPHEMERAL, Tier.SESSION)


DEFAULT_TIME_TO_LIVE: Mapping[Tier, timedelta | None] = MappingProxyType(
    {
        Tier.EPHEMERAL: timedelta(minutes=5),
        Tier.SESSION: timedelta(hours=24),
        Tier.SHORT_TERM: timedelta(days=30),
        Tier.LONG_TERM: timedelta(days=365),
        Tier.PERMANENT: None,
    }
)
"""Requirement R2: seconds to minutes, hours, 30 days, months, never. Every record and policy can set its own."""


def parse_tier(value: str) -> Tier:
    """The tier of this name.

    Raises:
        InvalidRequestError: No tier has this name; the message lists them.
    """
    try:
        return Tier(value)
    except ValueError:
        names = ", ".join(tier.value for tier in Tier)
        raise InvalidRequestError(f"unknown tier {value!r}; use one of: {names}", field="tier") from None
