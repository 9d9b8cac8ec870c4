"""``python -m tests.benchmarks.speed``: all bars in one table."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.speed import processes, reads, writes
from tests.benchmarks.speed.arena import Arena
from tests.benchmarks.speed.measure import Line

BENCHMARKS: dict[str, Callable[[Arena], Awaitable[list[Line]]]] = {
    "import": processes.imports,
    "cold": processes.cold,
    "remember": writes.single,
    "batch": writes.batch,
    "get": reads.get,
    "recall-1k": reads.recall_1k,
    "recall-10k": reads.recall_10k,
    "recall-scopes": reads.recall_scopes,
    "recall-100k": reads.recall_100k,
    "memory": processes.memory,
}


def main() -> int:
    """Runs what was asked for; 1 if a bar was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.speed", description=__doc__)
    parser.add_argument("--only", help=f"some of {', '.join(BENCHMARKS)}, with commas")
    parser.add_argument("--database-url", help="a server of your own, whose login may create databases")
    parser.add_argument("--quick", action="store_true", help="small numbers: shows that everything works, no more")
    parser.add_argument("--full", action="store_true", help="100,000 records in one scope too (takes minutes)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.error(f"unknown benchmark {', '.join(unknown)}")
    folder = Path(tempfile.mkdtemp(prefix="memory-core-bench-"))
    try:
        lines = asyncio.run(_run(names, folder, options))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        print(json.dumps([asdict(line) | {"met": line.met} for line in lines], indent=2))
    else:
        Console(width=max(Console().width, 110)).print(_table(lines))
    return int(any(line.met is False for line in lines))


async def _run(names: list[str], folder: Path, options: argparse.Namespace) -> list[Line]:
    console = Console(stderr=True)
    lines: list[Line] = []
    async with Arena.open(folder / "server", options.database_url, quick=options.quick, full=options.full) as arena:
        for name in names:
            console.print(f"{name} …", style="dim")
            lines += await BENCHMARKS[name](arena)
    return lines


def _table(lines: list[Line]) -> Table:
    table = Table(title="Speed: medians; ratios within one run")
    for title in ("what", "ours", "reference", "its", "ratio", "spread", "bar", ""):
        table.add_column(title, justify="left" if title in ("what", "reference") else "right")
    for line in lines:
        figures = [
            "" if line.theirs is None else f"{line.theirs:,.2f} {line.unit}",
            "" if line.ratio is None else f"{line.ratio:.2f}",
            "" if line.spread is None else f"{line.spread[0]:.2f}-{line.spread[1]:.2f}",
            "" if line.bar is None else f"<= {line.bar:g}" + ("" if line.ratio is not None else f" {line.unit}"),
            {True: "[green]met", False: "[red]missed", None: ""}[line.met],
        ]
        table.add_row(line.what, f"{line.ours:,.2f} {line.unit}", line.reference or "", *figures)
    return table


if __name__ == "__main__":
    raise SystemExit(main())
