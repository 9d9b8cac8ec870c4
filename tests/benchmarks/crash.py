"""Kills writing processes at random moments and looks at what is left: ``python tests/benchmarks/crash.py``.

Each round starts a process that writes in every way there is and notes what was acknowledged, kills it with SIGKILL, in
every second round the embedded Postgres too, opens the store again, and checks that every acknowledged write is there,
whole, and that nothing is there by halves. Prints one line of JSON; exits with 1 if anything was lost or broken.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg

from memory_core import AsyncMemory

WRITER = """
import asyncio, sys, uuid
from memory_core import AsyncMemory

def acknowledged(*words):
    sys.stdout.write(" ".join(str(word) for word in words) + "\\n")
    sys.stdout.flush()

async def main(data_dir, round_):
    async with AsyncMemory.session(data_dir=data_dir) as memory:
        scope = memory.scope(tenant="crash", user="alice", session=f"round {round_}")
        acknowledged("ready")

        async def singles():
            while True:
                record = await scope.remember(f"a single thought {uuid.uuid4()}")
                acknowledged("stored", record.id)

        async def batches():
            while True:
                results = await scope.remember_many([f"one of many {uuid.uuid4()}" for _ in range(50)])
                acknowledged("stored", *(result.id for result in results))

        async def keys():
            number = 0
            while True:
                record = await scope.remember(f"value {number} {uuid.uuid4()}", key=f"key {round_}")
                acknowledged("version", record.id, record.version)
                number += 1

        async def turns():
            while True:
                record = await scope.add_turn(f"a turn {uuid.uuid4()}", actor="Ann")
                acknowledged("stored", record.id)

        async def changes():
            while True:
                record = await scope.remember(f"soon gone {uuid.uuid4()}")
                record = await scope.update(record.id, content=f"changed {uuid.uuid4()}")
                acknowledged("version", record.id, record.version)
                await scope.forget(record.id)
                acknowledged("gone", record.id)

        await asyncio.gather(singles(), batches(), keys(), turns(), changes())

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""

INCOMPLETE = """
SELECT count(*) FROM memory_core.records r WHERE r.tenant_id = 'crash' AND (
    (SELECT count(*) FROM memory_core.postings p WHERE p.tenant_id = r.tenant_id AND p.scope_id = r.scope_id
     AND p.pos = r.pos AND p.term = ANY (r.lexemes)) <> cardinality(r.lexemes)
    OR cardinality(r.lexemes) = 0
    OR (SELECT count(*) FROM memory_core.embeddings e WHERE e.tenant_id = r.tenant_id AND e.scope_id = r.scope_id
        AND e.pos = r.pos AND e.embedding IS NOT NULL) <> 1
    OR NOT EXISTS (SELECT FROM memory_core.events v WHERE v.tenant_id = r.tenant_id AND v.record_id = r.id
                   AND v.type = 'stored'))"""

LEFT_OVER = """
SELECT (SELECT count(*) FROM memory_core.embeddings e WHERE NOT EXISTS (
            SELECT FROM memory_core.records r
            WHERE r.tenant_id = e.tenant_id AND r.scope_id = e.scope_id AND r.pos = e.pos))
     + (SELECT count(*) FROM memory_core.postings p WHERE NOT EXISTS (
            SELECT FROM memory_core.records r
            WHERE r.tenant_id = p.tenant_id AND r.scope_id = p.scope_id AND r.pos = p.pos
              AND p.term = ANY (r.lexemes)))"""

MISCOUNTED = """
SELECT count(*) FROM
    (SELECT tenant_id, scope_id, sum(records) AS records, sum(turns) AS turns, sum(terms) AS terms
     FROM memory_core.scope_stats GROUP BY 1, 2) s
    FULL JOIN (SELECT tenant_id, scope_id, count(*) AS records, count(thread) AS turns, sum(terms) AS terms
               FROM memory_core.records GROUP BY 1, 2) r USING (tenant_id, scope_id)
WHERE (s.records, s.turns, s.terms) IS DISTINCT FROM (r.records, r.turns, r.terms)"""


def main() -> int:
    """Runs the rounds the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--data-dir", type=Path, help="a new folder by default")
    parser.add_argument("--seconds", type=float, default=1.0, help="longest time until a writer is killed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mc-crash-", ignore_cleanup_errors=True) as folder:
        report = asyncio.run(run(options.data_dir or Path(folder, "data"), options.rounds, options.seconds))
    print(json.dumps(report))
    return 1 if any(report[name] for name in ("lost", "incomplete", "left_over", "miscounted")) else 0


async def run(data_dir: Path, rounds: int, seconds: float) -> dict[str, Any]:
    """Some rounds on one store; every round checks what all rounds before have written, too."""
    total = {"rounds": 0, "acknowledged": 0, "lost": 0, "incomplete": 0, "left_over": 0, "miscounted": 0}
    versions: dict[str, int] = {}
    gone: set[str] = set()
    slowest = 0.0
    for number in range(rounds):
        lines = _killed_writer(data_dir, number, random.uniform(0, seconds))
        for kind, *words in lines:
            if kind == "stored":
                versions.update(dict.fromkeys(words, 1))
            elif kind == "version":
                versions[words[0]] = int(words[1])
            else:
                gone.add(words[0])
        if number % 2:
            os.kill(int((data_dir / "pg" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        start = time.perf_counter()
        async with AsyncMemory.session(data_dir=data_dir) as memory:
            slowest = max(slowest, time.perf_counter() - start)
            connection = await asyncpg.connect(memory._opened.server.dsn(database="memory_core"))  # type: ignore[union-attr]
            total["lost"] += await _lost(connection, versions, gone)
            for name, sql in (("incomplete", INCOMPLETE), ("left_over", LEFT_OVER), ("miscounted", MISCOUNTED)):
                total[name] += await connection.fetchval(sql)
            await connection.close()
        total["rounds"] += 1
        total["acknowledged"] += sum(len(words) if words[0] != "version" else 1 for words in lines)
    return {**total, "slowest_open_seconds": round(slowest, 2)}


def _killed_writer(data_dir: Path, number: int, seconds: float) -> list[list[str]]:
    """What a writer acknowledged before it was killed, ``seconds`` after it was ready to write."""
    command = [sys.executable, "-c", WRITER, str(data_dir), str(number)]
    with tempfile.TemporaryFile("w+") as noted:  # a pipe would fill up and stop the writer
        with subprocess.Popen(command, stdout=noted) as process:
            while os.fstat(noted.fileno()).st_size == 0 and process.poll() is None:
                time.sleep(0.01)
            time.sleep(seconds)
            process.kill()
        assert process.returncode == -signal.SIGKILL
        noted.seek(0)
        return [line.split() for line in noted if line.endswith("\n")][1:]


async def _lost(connection: asyncpg.Connection, versions: dict[str, int], gone: set[str]) -> int:
    """How many acknowledged records are missing, older than acknowledged, or back though they were forgotten."""
    there = dict(await connection.fetch("SELECT id::text, version FROM memory_core.records"))
    # forgetting may have been committed and its acknowledgement lost with the process
    deleted = await connection.fetch("SELECT record_id::text FROM memory_core.events WHERE type = 'deleted'")
    gone = gone | {row[0] for row in deleted}
    missing = [key for key, version in versions.items() if key not in gone and there.get(key, 0) < version]
    return len(missing) + len(gone & there.keys())


if __name__ == "__main__":
    sys.exit(main())
