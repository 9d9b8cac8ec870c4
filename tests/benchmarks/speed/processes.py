"""What a fresh process costs: importing, the first recall, memory."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter

from memory_core import AsyncMemory
from memory_core.database.embedded import acquire_embedded
from memory_core.database.opening import EMBEDDED_DATABASE
from tests.benchmarks.speed.arena import PEER, TENANT, Arena, peer_store
from tests.benchmarks.speed.measure import Line, Times, compare
from tests.benchmarks.speed.stores import _fill_peer, filled
from tests.benchmarks.speed.texts import Texts

IMPORT_BAR = 2.5
COLD_BAR = 1.0
TOTAL_BAR_SECONDS = 1.5
MEMORY_BAR_MB = 150.0

_IMPORT = "from time import perf_counter as t; s = t(); {}; print(t() - s)"

_OURS = """
import asyncio, sys
from memory_core import AsyncMemory
async def main():
    async with AsyncMemory.session({where}) as memory:
        hits = await memory.scope(tenant={tenant!r}, user="u0").recall(sys.argv[1])
        print(len(hits), flush=True)
asyncio.run(main())
"""
_PEER = """
import asyncio, sys
from memory_core.inference.embedder import load_embedder
from tests.benchmarks.speed.arena import peer_store
async def main():
    async with peer_store({url!r}, await load_embedder()) as store:
        print(len(await store.asearch(({tenant!r}, "u0"), query=sys.argv[1], limit=10)), flush=True)
asyncio.run(main())
"""
_EMBEDDER = """
import asyncio, psutil
from memory_core.inference.embedder import load_embedder
async def main():
    embedder = await load_embedder()
    await embedder.embed(["to map the weights"])
asyncio.run(main())
print(psutil.Process().memory_info().rss / 1e6)
"""
_WORKING = """
import asyncio, psutil
from memory_core import AsyncMemory
from tests.benchmarks.speed.texts import Texts
async def main():
    async with AsyncMemory.session({url!r}) as memory:
        texts = Texts(99)
        for number in range(200):
            await memory.scope(tenant={tenant!r}, user=f"u{{number}}").recall(texts.question(texts.sentence()))
        await memory.scope(tenant={tenant!r}, user="u0").remember_many(texts.sentences(1000))
        print(psutil.Process().memory_info().rss / 1e6, flush=True)
asyncio.run(main())
"""


async def imports(arena: Arena) -> list[Line]:
    """Importing the package, and its main class, against importing the driver."""
    statements = {
        "ours": "import memory_core",
        "import asyncpg": "import asyncpg",
        "class": "from memory_core import AsyncMemory",
    }
    times: dict[str, list[list[float]]] = {name: [] for name in statements}
    for _ in range(arena.sized(5, 3)):
        for one in times.values():
            one.append([])
        for _ in range(3):
            for name, statement in statements.items():
                times[name][-1].append(float(_child(_IMPORT.format(statement))))
    whole: Times = {"ours": times["class"], "import asyncpg": times["import asyncpg"]}
    return [
        compare("import memory_core", times, "import asyncpg", IMPORT_BAR),
        compare("from memory_core import AsyncMemory", whole, "import asyncpg", None),
    ]


async def cold(arena: Arena) -> list[Line]:
    """From starting Python to the first hits on an existing store, and the same with the server's start."""
    texts = Texts()
    sentences = texts.sentences(1_000)
    question = texts.question(sentences[0])
    if arena.folder is None:
        async with filled(arena, "cold", scopes=1, per_scope=1_000):
            return [_cold(arena, repr(arena.database_url("cold")), arena.database_url("cold_peer"), question)]
    folder = arena.folder.parent / "cold"
    where = f"data_dir=__import__('pathlib').Path({str(folder)!r})"
    async with AsyncMemory.session(data_dir=folder) as memory:
        await memory.scope(tenant=TENANT, user="u0").remember_many(sentences)
        server = await asyncio.to_thread(acquire_embedded, folder)
        # the peer beside it, on the same server
        peer_arena = Arena(folder, server.dsn(), arena.embedder, arena.quick, arena.full)
        peer_url = await peer_arena.create("cold_peer")
        async with peer_store(peer_url, arena.embedder) as peer:
            await _fill_peer(peer_arena, "cold_peer", peer, [sentences])
        await peer_arena.settle(EMBEDDED_DATABASE, "cold_peer")
    try:
        lines = [_cold(arena, where, peer_url, question)]
    finally:
        await asyncio.to_thread(server.release)
    total = [_first_line(_OURS.format(where=where, tenant=TENANT), question) for _ in range(arena.sized(5, 3))]
    lines.append(Line("cold process and server to first recall", median(total), "s", bar=TOTAL_BAR_SECONDS))
    return lines


def _cold(arena: Arena, where: str, peer_url: str, question: str) -> Line:
    codes = {
        "ours": _OURS.format(where=where, tenant=TENANT),
        PEER: _PEER.format(url=peer_url, tenant=TENANT),
    }
    times: dict[str, list[list[float]]] = {name: [] for name in codes}
    for code in codes.values():  # brings both from disk
        _first_line(code, question)
    for _ in range(arena.sized(7, 3)):
        for name, code in codes.items():
            times[name].append([_first_line(code, question)])
    return compare("cold process to first recall", times, PEER, COLD_BAR)


async def memory(arena: Arena) -> list[Line]:
    """Resident memory of a client at work on a store of 100,000 records, above that of the embedder alone."""
    scopes = arena.sized(1_000, 20)
    async with filled(arena, "memory", scopes=scopes, per_scope=100, fill_peer=False):
        pass_url = arena.database_url("memory")
        grown = [
            float(_child(_WORKING.format(url=pass_url, tenant=TENANT))) - float(_child(_EMBEDDER)) for _ in range(3)
        ]
    what = f"client memory at {scopes * 100:,} records"
    return [Line(what, median(grown), "MB", bar=MEMORY_BAR_MB)]


def _child(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=_root())
    return done.stdout


def _first_line(code: str, argument: str) -> float:
    """Seconds from starting Python to its first line of output."""
    start = perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", code, argument], stdout=subprocess.PIPE, text=True, cwd=_root()
    ) as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        took = perf_counter() - start
        child.stdout.read()
    assert child.returncode == 0, "the child failed"
    assert int(line) == 10, f"{line.strip()} rows instead of 10"
    return took


def _root() -> Path:
    return Path(__file__).parents[3]
