"""Drop-in, durable, fast memory for AI agents.

``Memory`` is the synchronous face, ``AsyncMemory`` the same with ``await``. The names below are the public ones; they
are loaded when first used, so that ``import memory_core`` costs almost nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memory_core.client import AsyncMemory as AsyncMemory
    from memory_core.errors import AccessDeniedError as AccessDeniedError
    from memory_core.errors import ConflictError as ConflictError
    from memory_core.errors import DataError as DataError
    from memory_core.errors import InvalidRequestError as InvalidRequestError
    from memory_core.errors import MemoryCoreError as MemoryCoreError
    from memory_core.errors import MissingDependencyError as MissingDependencyError
    from memory_core.errors import NotFoundError as NotFoundError
    from memory_core.errors import UnavailableError as UnavailableError
    from memory_core.errors import UsageError as UsageError
    from memory_core.importing.pipeline import ImportReport as ImportReport
    from memory_core.model.events import Event as Event
    from memory_core.model.hits import Context as Context
    from memory_core.model.hits import Explanation as Explanation
    from memory_core.model.hits import Hit as Hit
    from memory_core.model.hits import Recall as Recall
    from memory_core.model.kinds import Kind as Kind
    from memory_core.model.policies import BUILT_IN_POLICIES as BUILT_IN_POLICIES
    from memory_core.model.policies import Policy as Policy
    from memory_core.model.record import Record as Record
    from memory_core.model.record import RememberResult as RememberResult
    from memory_core.model.scope import Level as Level
    from memory_core.model.scope import Scope as Scope
    from memory_core.model.tiers import Tier as Tier
    from memory_core.runs.episode import Run as Run
    from memory_core.scoped import AsyncScopedMemory as AsyncScopedMemory
    from memory_core.settings import Settings as Settings
    from memory_core.sync import Memory as Memory
    from memory_core.sync import ScopedMemory as ScopedMemory

_HOMES = {
    "AsyncMemory": "client",
    "AsyncScopedMemory": "scoped",
    "Memory": "sync",
    "ScopedMemory": "sync",
    "Settings": "settings",
    "Run": "runs.episode",
    "Event": "model.events",
    "ImportReport": "importing.pipeline",
    "Kind": "model.kinds",
    "Tier": "model.tiers",
    "Level": "model.scope",
    "Scope": "model.scope",
    "Policy": "model.policies",
    "BUILT_IN_POLICIES": "model.policies",
    "Record": "model.record",
    "RememberResult": "model.record",
    **dict.fromkeys(("Context", "Explanation", "Hit", "Recall"), "model.hits"),
    **dict.fromkeys(
        (
            "AccessDeniedError",
            "ConflictError",
            "DataError",
            "InvalidRequestError",
            "MemoryCoreError",
            "MissingDependencyError",
            "NotFoundError",
            "UnavailableError",
            "UsageError",
        ),
        "errors",
    ),
}

__version__ = "0.1.0"
__all__ = [
    "BUILT_IN_POLICIES",
    "AccessDeniedError",
    "AsyncMemory",
    "AsyncScopedMemory",
    "ConflictError",
    "Context",
    "DataError",
    "Event",
    "Explanation",
    "Hit",
    "ImportReport",
    "InvalidRequestError",
    "Kind",
    "Level",
    "Memory",
    "MemoryCoreError",
    "MissingDependencyError",
    "NotFoundError",
    "Policy",
    "Recall",
    "Record",
    "RememberResult",
    "Run",
    "Scope",
    "ScopedMemory",
    "Settings",
    "Tier",
    "UnavailableError",
    "UsageError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'memory_core' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"memory_core.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
