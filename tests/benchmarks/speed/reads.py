"""Reading: a memory by its key, and recall in scopes of several sizes."""

from __future__ import annotations

import random
from typing import Any

import asyncpg

from tests.benchmarks.speed.arena import FLOOR, PEER, TENANT, Arena
from tests.benchmarks.speed.measure import Line, compare, race, timed
from tests.benchmarks.speed.stores import Stores, filled, namespace

GET_BARS = {FLOOR: 2.0, PEER: 1.0}
RECALL_BAR = 1.0
LIMIT = 10

BIND = (
    "SELECT set_config('role', 'memory_core_runtime', true), set_config('memory_core.tenant', $1, true), "
    "set_config('memory_core.user', $2, true), set_config('memory_core.agent', '', true), "
    "set_config('memory_core.team', '', true), set_config('memory_core.session', '', true), "
    "set_config('memory_core.scopes', $3, true)"
)
READ = (
    "SELECT tenant_id, id, scope_id, user_id, agent_id, team_id, session_id, recorded_at, updated_at, occurred_at, "
    "expires_at, valid_from, valid_to, last_accessed_at, access_count, version, evidence_count, seq, importance, "
    "confidence, boost, pinned, kind, tier, policy, key, thread, actor, role, origin_session, source, tags, metadata, "
    "value, content FROM memory_core.records WHERE tenant_id = $1 AND scope_id = $2 AND key = $3"
)


async def get(arena: Arena) -> list[Line]:
    """A memory by its key, under row-level security."""
    size = arena.sized(10_000, 1_000)
    async with filled(arena, "get", scopes=1, per_scope=size) as stores, arena.raw("get") as connection:
        scope_id = await connection.fetchval("SELECT scope_id FROM memory_core.scopes WHERE user_id = 'u0'")
        bind, read = await connection.prepare(BIND), await connection.prepare(READ)
        keys = [f"m{random.Random(number).randrange(size)}" for number in range(4_000)]
        scope = stores.scope(0)

        async def ours(number: int) -> float:
            return await timed(scope.get(keys[number]))

        async def raw(number: int) -> float:
            return await timed(_read(connection, bind, read, scope_id, keys[number]))

        async def peer(number: int) -> float:
            return await timed(stores.peer.aget(namespace(0), keys[number]))

        times = await race(
            {"ours": ours, FLOOR: raw, PEER: peer}, steps=arena.sized(300, 30), repeats=arena.sized(5, 3), warm_up=50
        )
    return [compare("get by key", times, name, bar) for name, bar in GET_BARS.items()]


async def _read(connection: asyncpg.Connection, bind: Any, read: Any, scope_id: int, key: str) -> Any:
    async with connection.transaction():
        await bind.fetch(f"t:{TENANT}", "u0", f"{{{scope_id}}}")
        return await read.fetch(TENANT, scope_id, key)


async def recall_1k(arena: Arena) -> list[Line]:
    """Recall of ten memories in a scope of 1,000."""
    return await _recall_in(arena, "recall 1k", 1, 1_000)


async def recall_10k(arena: Arena) -> list[Line]:
    """The same in a scope of 10,000."""
    return await _recall_in(arena, "recall 10k", 1, arena.sized(10_000, 2_000))


async def recall_scopes(arena: Arena) -> list[Line]:
    """The same in one of 1,000 scopes of 100."""
    return await _recall_in(arena, "recall 1,000 x 100", arena.sized(1_000, 20), 100)


async def recall_100k(arena: Arena) -> list[Line]:
    """The same in a scope of 100,000, which is found by the approximate index; with ``--full`` only."""
    return await _recall_in(arena, "recall 100k", 1, 100_000) if arena.full else []


async def _recall_in(arena: Arena, what: str, scopes: int, per_scope: int) -> list[Line]:
    async with filled(arena, "recall", scopes=scopes, per_scope=per_scope) as stores:
        if per_scope > 50_000:
            await stores.memory.maintain()
        return await _recall(arena, what, stores)


async def _recall(arena: Arena, what: str, stores: Stores) -> list[Line]:
    returned: dict[str, list[int]] = {"ours": [], PEER: []}
    chosen = random.Random(11)
    asked: list[tuple[int, str]] = []

    async def ours(number: int) -> float:
        place = chosen.randrange(len(stores.contents))
        asked.append((place, stores.texts.question(chosen.choice(stores.contents[place]))))
        scope = stores.scope(place)

        async def search() -> None:
            returned["ours"].append(len(await scope.recall(asked[-1][1], limit=LIMIT)))

        return await timed(search())

    async def peer(number: int) -> float:
        place, question = asked[-1]

        async def search() -> None:
            returned[PEER].append(len(await stores.peer.asearch(namespace(place), query=question, limit=LIMIT)))

        return await timed(search())

    times = await race({"ours": ours, PEER: peer}, steps=arena.sized(100, 10), repeats=arena.sized(5, 3), warm_up=30)
    complete = {name: sum(count == LIMIT for count in counts) / len(counts) for name, counts in returned.items()}
    return [
        compare(f"{what}, p50", times, PEER, RECALL_BAR),
        compare(f"{what}, p95", times, PEER, None, share=0.95),
        Line(
            f"{what}, left short of {LIMIT} rows", 100 * (1 - complete["ours"]), "%", PEER, 100 * (1 - complete[PEER]),
            bar=0.0,
        ),
    ]  # fmt: skip
