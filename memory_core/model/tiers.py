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


MAX_LIFETIME = timedelta(days=365_000)
"""Some thousand years: an expiry must stay within the years a datetime can hold."""


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


def check_lifetime(time_to_live: object) -> timedelta:
    """``time_to_live`` if it is a positive duration of at most ``MAX_LIFETIME``."""
    if not isinstance(time_to_live, timedelta) or not timedelta(0) < time_to_live <= MAX_LIFETIME:
        raise InvalidRequestError(
            f"time_to_live must be a positive timedelta of at most {MAX_LIFETIME.days} days; "
            'to keep a record for good use tier="permanent"',
            field="time_to_live",
        )
    return time_to_live
