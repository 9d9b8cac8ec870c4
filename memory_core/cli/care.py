"""``stats``, ``health``, ``doctor``."""

from __future__ import annotations

import asyncio

import typer

from memory_core.cli.opening import open_memory, open_scope
from memory_core.cli.options import Model, Scope
from memory_core.cli.output import answer, waiting


def stats(scope: Scope) -> None:
    """Count what the scope sees."""
    from memory_core.cli.views import statistics_view

    with open_scope(scope) as memory:
        numbers = memory.statistics()
    answer(scope.json, {"scope": scope.labels(), **numbers}, statistics_view(numbers))


def health(store: Model) -> None:
    """Ask the store whether it is well.

    Exits with 1 if it is not.
    """
    from memory_core.cli.views import health_view

    with open_memory(store) as memory:
        report = memory.health()
    answer(store.json, report, *health_view(report))
    if report["status"] != "ok":
        raise typer.Exit(1)


def doctor(store: Model) -> None:
    """Check all that memory-core needs, and name remedies.

    Changes nothing: without a store, the embedded Postgres is tried out in a temporary folder. Exits with 1 if
    something is wrong.
    """
    from memory_core.cli.diagnosis import diagnose
    from memory_core.cli.views import checks_view

    with waiting(store.json, "Examining …"):
        checks = asyncio.run(diagnose(store))
    healthy = all(check.state != "bad" for check in checks)
    answer(store.json, {"healthy": healthy, "checks": checks}, *checks_view(checks))
    if not healthy:
        raise typer.Exit(1)
