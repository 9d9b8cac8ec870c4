"""Which embedding model a store's vectors come from."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from memory_core.database.pool import Database
from memory_core.database.queries import load_queries
from memory_core.database.vectors import pack_vector
from memory_core.errors import ConflictError, DataError, InvalidRequestError
from memory_core.model.scope import GLOBAL_SCOPE

_SQL = load_queries("memory_core.database", "models.sql")

REEMBED_BATCH = 500


async def use_model(database: Database, name: str, dimensions: int) -> int:
    """The number of the store's model, which must be the given one; a new store takes it.

    Raises:
        DataError: The store's vectors come from another model; the message names the command that re-embeds.
    """
    async with database.transaction(GLOBAL_SCOPE) as connection:
        active = await connection.fetchrow(_SQL["active_model"])
    if active is None:
        async with database.owner() as connection:
            await connection.fetch(_SQL["lock_models"])
            active = await connection.fetchrow(_SQL["active_model"])
            if active is None:
                active = await connection.fetchrow(_SQL["add_model"], name, dimensions, "active")
                await connection.fetch(_SQL["create_vector_index"], active["model_id"], dimensions)
    if (active["name"], active["dimensions"]) != (name, dimensions):
        raise DataError(
            f"the store's vectors come from {active['name']} ({active['dimensions']} dimensions), not from {name} "
            f"({dimensions}). Open it with that embedder, or change the store: memory-core reembed --embedder ...",
            stored=active["name"],
            given=name,
        )
    return int(active["model_id"])


async def reembed(
    database: Database,
    name: str,
    dimensions: int,
    wide: bool,
    embed: Callable[[Sequence[str]], Awaitable[Any]],
    progress: Callable[[int, int], None],
) -> int:
    """Gives every record a vector of another model, while the old vectors go on serving; then switches at once.

    Stopped at any point, it continues where it was when called again.

    Args:
        database: The store.
        name: The new model's name.
        dimensions: Its dimensions.
        wide: True if its vectors belong into the column ``wide``.
        embed: Texts to vectors of the new model.
        progress: Called with (done, total) after each batch.

    Returns:
        How many vectors were made; 0 if the store has that model already.

    Raises:
        ConflictError: A third model is being built.
    """
    async with database.owner() as connection:
        await connection.fetch(_SQL["lock_models"])
        old = await connection.fetchrow(_SQL["active_model"])
        if old is None:
            raise InvalidRequestError("the store is empty: open it with the embedder you want")
        if old["name"] == name:
            return 0
        new = await connection.fetchrow(_SQL["building_model"])
        if new is None:
            new = await connection.fetchrow(_SQL["add_model"], name, dimensions, "building")
            await connection.fetch(_SQL["create_vector_index"], new["model_id"], dimensions)
        elif new["name"] != name:
            raise ConflictError(f"the store is being re-embedded with {new['name']}; let that finish first")
    pair = old["model_id"], new["model_id"]
    async with database.administration() as connection:
        total = await connection.fetchval(_SQL["count_vectors"], old["model_id"])
        made = await connection.fetchval(_SQL["count_vectors"], new["model_id"])
    after = "", -1
    more = True
    while more:
        async with database.administration() as connection:
            rows = await connection.fetch(_SQL["missing_vectors"], *pair, *after, REEMBED_BATCH)
        more = len(rows) == REEMBED_BATCH  # fewer: only what was just written is left, or others would keep us for ever
        if rows:
            columns = await _embedded(rows, embed)
            async with database.administration() as connection:
                await connection.fetch(_SQL["add_vectors"], new["model_id"], wide, *columns)
            made += len(rows)
            after = rows[-1]["tenant_id"], rows[-1]["pos"]
            progress(min(made, total), total)
    async with database.owner() as connection:
        await connection.fetch(_SQL["lock_models"])  # writers wait here, for what was written since the loop ended
        await connection.fetch(_SQL["act_as_admin"])
        while rows := await connection.fetch(_SQL["missing_vectors"], *pair, "", -1, REEMBED_BATCH):
            await connection.fetch(_SQL["add_vectors"], new["model_id"], wide, *await _embedded(rows, embed))
            made += len(rows)
        await connection.fetch(_SQL["switch_model"], *pair)
        await connection.fetch(_SQL["act_as_owner"])
        await connection.fetch(_SQL["drop_vector_index"], old["model_id"])
    progress(total, total)
    return int(made)


async def _embedded(
    rows: Sequence[Any], embed: Callable[[Sequence[str]], Awaitable[Any]]
) -> tuple[list[str], list[int], list[bytes | None], list[str]]:
    """What ``add_vectors`` takes: tenants, positions, vectors (None if the model saw no token), hashes of contents."""
    contents = [row["content"] for row in rows]
    vectors = [pack_vector(vector) if vector.any() else None for vector in await embed(contents)]
    hashes = [hashlib.md5(content.encode(), usedforsecurity=False).hexdigest() for content in contents]
    return [row["tenant_id"] for row in rows], [row["pos"] for row in rows], vectors, hashes
