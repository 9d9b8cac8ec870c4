"""Who may see a record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product

from memory_core.errors import InvalidRequestError
from memory_core.model.text import check_label

GLOBAL_TENANT = ""
DEFAULT_TENANT = "default"


class Level(StrEnum):
    """Breadth of a scope, broadest first."""

    GLOBAL = "global"
    TENANT = "tenant"
    USER = "user"
    TEAM = "team"
    AGENT = "agent"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Scope:
    """A place in the hierarchy: a tenant, and within it any of user, team, agent and session.

    A scope sees every record whose own labels are a subset of its labels: what lies above it, never what lies beside
    it. ``Scope("acme", user="alice", agent="support")`` sees what was stored for the tenant, for Alice, for the agent
    ``support``, and for that agent with Alice; it does not see Bob's records, nor those of another agent with Alice.
    """

    tenant: str = DEFAULT_TENANT
    user: str | None = None
    agent: str | None = None
    session: str | None = None
    team: str | None = None

    def __post_init__(self) -> None:
        if self.tenant != GLOBAL_TENANT:
            check_label(self.tenant, "tenant")
        elif any((self.user, self.agent, self.session, self.team)):
            raise InvalidRequestError("the global scope has no user, agent, session or team", field="tenant")
        for field in ("user", "agent", "session", "team"):
            value = getattr(self, field)
            if value is not None:
                check_label(value, field)

    @property
    def level(self) -> Level:
        """The narrowest label that is set."""
        if self.tenant == GLOBAL_TENANT:
            return Level.GLOBAL
        for level in (Level.SESSION, Level.AGENT, Level.TEAM, Level.USER):
            if getattr(self, level.value) is not None:
                return level
        return Level.TENANT

    def at(self, level: Level) -> Scope:
        """The scope above (or at) this one where a record of ``level`` is stored.

        ``AGENT`` and ``SESSION`` keep the user, so that what an agent learned with Alice is not told to Bob; ``TEAM``
        keeps the user too and drops the agent, so that the whole team sees it.

        Raises:
            InvalidRequestError: This scope has no label of that level.
        """
        if level is Level.GLOBAL:
            return GLOBAL_SCOPE
        if level is Level.TENANT:
            return Scope(self.tenant)
        if getattr(self, level.value) is None:
            raise InvalidRequestError(f"level {level.value!r} needs a scope with a {level.value}", field="level")
        if level is Level.USER:
            return Scope(self.tenant, user=self.user)
        if level is Level.TEAM:
            return Scope(self.tenant, user=self.user, team=self.team)
        if level is Level.AGENT:
            return Scope(self.tenant, user=self.user, agent=self.agent)
        return replace(self, team=None)

    def durable(self) -> Scope:
        """Where durable records go by default: this scope without its session.

        A session says where something was heard; what is kept longer than a session must not vanish from view with it.
        A scope that has only a session is kept as it is.
        """
        without_session = replace(self, session=None, team=None if self.agent else self.team)
        return self if without_session == Scope(self.tenant) and self.session else without_session

    def private(self) -> Scope:
        """Where records of the hot tier go by default: this scope with its session."""
        return replace(self, team=None) if self.agent or self.session else self

    def visible(self) -> Iterator[Scope]:
        """Every scope that could hold a record seen from here: the global one, and each choice of this scope's labels.

        At most 17; ``sees`` is true for these and no others.
        """
        yield GLOBAL_SCOPE
        if self.tenant != GLOBAL_TENANT:
            labels = [(None, label) if label else (None,) for label in (self.user, self.agent, self.session, self.team)]
            yield from (Scope(self.tenant, *chosen) for chosen in product(*labels))

    def sees(self, other: Scope) -> bool:
        """True if a record stored in ``other`` is visible from this scope. The database enforces the same rule."""
        if other.tenant == GLOBAL_TENANT:
            return True
        return self.tenant == other.tenant and all(
            getattr(other, field) in (None, getattr(self, field)) for field in ("user", "agent", "session", "team")
        )


GLOBAL_SCOPE = Scope(GLOBAL_TENANT)
"""Readable by every tenant; written only through ``memory.global_scope()``."""


def make_scope(
    *,
    tenant: str | None = None,
    user: str | None = None,
    agent: str | None = None,
    session: str | None = None,
    team: str | None = None,
) -> Scope:
    """A scope from labels a caller typed.

    Raises:
        InvalidRequestError: No label at all, or a bad one. A scope is never implied.
    """
    if tenant is None and user is None and agent is None and session is None and team is None:
        raise InvalidRequestError(
            "a scope needs at least one of tenant, user, agent, session, team (memory.scope(user='alice'))",
            field="scope",
        )
    if tenant == GLOBAL_TENANT:
        raise InvalidRequestError("tenant is empty; use memory.global_scope() for the global scope", field="tenant")
    return Scope(DEFAULT_TENANT if tenant is None else tenant, user, agent, session, team)


def parse_level(value: str) -> Level:
    """The level of this name.

    Raises:
        InvalidRequestError: No level has this name; the message lists them.
    """
    try:
        return Level(value)
    except ValueError:
        names = ", ".join(level.value for level in Level)
        raise InvalidRequestError(f"unknown level {value!r}; use one of: {names}", field="level") from None
