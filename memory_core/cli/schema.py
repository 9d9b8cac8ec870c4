"""``migrate`` and ``reembed``: changes of a store's structure."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from memory_core.cli.opening import database_url, pool_options, schema_state, settings_of, url_of
from memory_core.cli.options import Store
from memory_core.cli.output import answer, progress_bar, waiting
from memory_core.errors import InvalidRequestError, UsageError

if TYPE_CHECKING:
    from memory_core.settings import Settings


def up(store: Store) -> None:
    """Bring the schema up to date. Opening a store does the same, unless MEMORY_CORE_MIGRATE is off."""
    from rich.text import Text

    from memory_core.database.opening import open_database

    async def work(settings: Settings) -> tuple[str | None, str]:
        before = (await schema_state(settings))[0]
        options = pool_options(settings)
        opened = await open_database(
            url_of(settings), settings.data_dir, options, apply_migrations=True, start_timeout=settings.start_timeout
        )
        await opened.close()
        return before, opened.schema_version

    settings = settings_of(store)
    with waiting(store.json, "Migrating …"):
        before, after = asyncio.run(work(settings))
    line = f"The schema is up to date: {after}" if before == after else f"{before or 'nothing'} → {after}"
    answer(store.json, {"before": before, "after": after}, Text(line))


def down(
    store: Store,
    to: Annotated[str, typer.Option(help="The revision to go back to; base leaves nothing.", metavar="REVISION")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take migrations back. This deletes what they hold; with base, the whole memory."""
    from rich.text import Text

    from memory_core.database.migrate import migrate, revisions

    known = revisions()
    if to not in ("base", *known):
        raise InvalidRequestError(f"unknown revision {to}; use base or {', '.join(known)}", field="--to")
    settings = settings_of(store)
    before, _ = asyncio.run(schema_state(settings))
    if before is None or (to != "base" and known.index(to) > known.index(before)):
        raise InvalidRequestError(f"the schema is at {before or 'nothing'}; there is no way down to {to}", field="--to")
    if not yes:
        if store.json or not sys.stdin.isatty():
            raise UsageError("migrate down deletes stored memory; confirm with --yes")
        typer.confirm(f"Go back from {before} to {to} and delete what lies between?", abort=True, err=True)
    with database_url(settings) as url:
        before, after = asyncio.run(migrate(url, to))
    answer(store.json, {"before": before, "after": after}, Text(f"{before} → {after or 'nothing'}"))


def status(store: Store) -> None:
    """Show which revisions are applied. Changes nothing."""
    from rich.text import Text

    from memory_core.database.migrate import revisions

    version, where = asyncio.run(schema_state(settings_of(store)))
    known = revisions()
    applied = 0 if version is None else known.index(version) + 1
    document = {
        "version": version,
        "head": known[-1],
        "up_to_date": version == known[-1],
        "database": where,
        "revisions": [{"revision": name, "applied": place < applied} for place, name in enumerate(known)],
    }
    lines = [Text(f"{'●' if place < applied else '○'} {name}") for place, name in enumerate(known)]
    verdict = "up to date" if version == known[-1] else "behind; run: memory-core migrate up"
    answer(store.json, document, Text(where, style="dim"), *lines, Text(verdict))


def reembed(
    store: Store,
    embedder: Annotated[
        str,
        typer.Option(
            help="wordllama, openai:MODEL[@URL], fastembed:MODEL or sentence-transformers:MODEL.", metavar="SPEC"
        ),
    ],
) -> None:
    """Change the store's embedding model while it is in use.

    Old vectors serve reads until all new ones are there. Stopped at any point, it continues when called again.
    """
    from rich.text import Text

    settings = settings_of(store, embedder=embedder)
    with progress_bar(store.json, "Re-embedding") as progress:
        name, dimensions, made = asyncio.run(_reembed(settings, progress))
    text = f"{made:,} vectors made; the store's model is {name} ({dimensions} dimensions)"
    if not made:
        text = f"Nothing to do: the store's model is {name} ({dimensions} dimensions)"
    answer(store.json, {"embedder": name, "dimensions": dimensions, "vectors": made}, Text(text))


async def _reembed(settings: Settings, progress: Callable[[int, int], None]) -> tuple[str, int, int]:
    """Works below ``Memory``, which would first want the old model: it may be gone."""
    from memory_core.database.models import reembed as reembed_vectors
    from memory_core.database.opening import open_database
    from memory_core.inference.embedder import load_embedder
    from memory_core.inference.indexing import MAX_COVERED_DIMENSIONS, embed_contents

    loaded = await load_embedder(settings.embedder, api_key=settings.embedder_key)
    opened = await open_database(
        url_of(settings),
        settings.data_dir,
        pool_options(settings),
        apply_migrations=settings.migrate,
        start_timeout=settings.start_timeout,
    )
    try:
        wide = loaded.dimensions > MAX_COVERED_DIMENSIONS
        made = await reembed_vectors(
            opened.database,
            loaded.name,
            loaded.dimensions,
            wide,
            lambda texts: embed_contents(loaded, texts),
            progress,
        )
    finally:
        await loaded.close()
        await opened.close()
    return loaded.name, loaded.dimensions, made
