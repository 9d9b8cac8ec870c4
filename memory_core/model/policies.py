"""Named uses of memory: which tier, how long, how indexed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from memory_core.errors import InvalidRequestError
from memory_core.model.scope import Level, parse_level
from memory_core.model.text import check_label
from memory_core.model.tiers import DEFAULT_TIME_TO_LIVE, Tier, check_lifetime, parse_tier


@dataclass(frozen=True, slots=True)
class Policy:
    """How records of one use are kept.

    Attributes:
        name: What a caller passes as ``policy=``.
        tier: The retention tier, or its name.
        time_to_live: Overrides the tier's default; None keeps it.
        indexed: True if words and meaning are indexed for recall; False leaves lookup by key and list.
        history: True if writing a key again keeps the former value as a record of its own.
        level: Where records go if the caller does not say; None means by tier (see ``Scope.durable``).
    """

    name: str
    tier: Tier
    time_to_live: timedelta | None = None
    indexed: bool = True
    history: bool = False
    level: Level | None = None

    def __post_init__(self) -> None:
        check_label(self.name, "policy name")
        object.__setattr__(self, "tier", parse_tier(self.tier))
        if self.level is not None:
            object.__setattr__(self, "level", parse_level(self.level))
        if self.time_to_live is not None:
            check_lifetime(self.time_to_live)

    @property
    def default_time_to_live(self) -> timedelta | None:
        """The time a record lives if the caller does not say; None is for ever."""
        return self.time_to_live if self.time_to_live is not None else DEFAULT_TIME_TO_LIVE[self.tier]


DEFAULT_POLICY = "user"

BUILT_IN_POLICIES: Mapping[str, Policy] = MappingProxyType(
    {
        policy.name: policy
        for policy in (
            Policy("conversation", Tier.SESSION, timedelta(hours=1)),
            Policy("user", Tier.PERMANENT),
            Policy("agent", Tier.SESSION, timedelta(hours=24), level=Level.AGENT),
            Policy("system", Tier.PERMANENT, level=Level.TENANT),
            Policy("ephemeral", Tier.EPHEMERAL, timedelta(minutes=1)),
            Policy("device", Tier.PERMANENT, history=True),
            Policy("experiment", Tier.PERMANENT),
            Policy("workflow", Tier.SHORT_TERM, timedelta(days=7)),
        )
    }
)
"""Requirement R5."""


def merge_policies(extra: Iterable[Policy]) -> Mapping[str, Policy]:
    """The built-in policies and the user's; a user's policy may replace a built-in one of the same name."""
    given = list(extra) if isinstance(extra, Iterable) else [extra]
    if not all(isinstance(policy, Policy) for policy in given):
        raise InvalidRequestError("policies must be a list of Policy objects", field="policies")
    return MappingProxyType({**BUILT_IN_POLICIES, **{policy.name: policy for policy in given}})


def find_policy(policies: Mapping[str, Policy], name: str) -> Policy:
    """The policy of this name.

    Raises:
        InvalidRequestError: No policy has this name; the message lists them.
    """
    try:
        return policies[check_label(name, "policy")]
    except KeyError:
        raise InvalidRequestError(
            f"unknown policy {name!r}; use one of: {', '.join(sorted(policies))}", field="policy"
        ) from None
