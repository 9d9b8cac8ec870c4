"""The command line: arguments in, tables or JSON out."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from memory_core import AsyncMemory
from memory_core.errors import MemoryCoreError
from tests.benchmarks.retrieval.ablation import ablate
from tests.benchmarks.retrieval.evaluation import Evaluation
from tests.benchmarks.retrieval.systems import SYSTEMS

DEFAULT_SYSTEMS = ["full", "bm25", "vector"]
COLUMNS = {
    "questions": "n",
    "recall@5": "R@5",
    "recall@10": "R@10",
    "recall@20": "R@20",
    "all@10": "All@10",
    "mrr": "MRR",
    "ndcg@10": "nDCG",
    "recall@500t": "500t",
    "recall@1000t": "1000t",
    "recall@2000t": "2000t",
    "tokens_to_cover": "cover",
    "query_ms_p50": "p50 ms",
    "query_ms_p95": "p95 ms",
}


def main() -> None:
    """Runs the evaluation the arguments ask for."""
    arguments = parse()
    try:
        report = asyncio.run(evaluate(arguments))
    except MemoryCoreError as error:
        raise SystemExit(f"error: {error}") from error
    if arguments.json:
        print(json.dumps(report, indent=2))
    elif arguments.ablation:
        show_ablation(report)
    else:
        show(report)


def parse() -> argparse.Namespace:
    """The arguments, checked."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.retrieval", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="LoCoMo's or LongMemEval's JSON file")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--limit-conversations", type=int, metavar="N", help="only the first N conversations")
    parser.add_argument(
        "--only", default=",".join(DEFAULT_SYSTEMS), metavar="NAMES", help=f"some of {', '.join(SYSTEMS)}"
    )
    parser.add_argument("--embedder", metavar="SPEC", help="as for AsyncMemory.open; the default one if left out")
    parser.add_argument("--unscoped", action="store_true", help="all conversations in one scope")
    parser.add_argument(
        "--ablation", action="store_true", help="the engine without each of its parts, in one scope per conversation"
    )
    arguments = parser.parse_args()
    arguments.only = arguments.only.split(",")
    unknown = [name for name in arguments.only if name not in SYSTEMS]
    if unknown:
        parser.error(f"no such system: {', '.join(unknown)}; possible are {', '.join(SYSTEMS)}")
    if arguments.ablation and arguments.unscoped:
        parser.error("--ablation asks in one scope per conversation")
    if not arguments.data.is_file():
        parser.error(f"there is no file {arguments.data}")
    if arguments.limit_conversations is not None and arguments.limit_conversations < 1:
        parser.error("--limit-conversations must be at least 1")
    return arguments


async def evaluate(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs in a new embedded store in a temporary folder, which goes away afterwards."""
    os.environ.pop("MEMORY_CORE_DATABASE_URL", None)  # never fill a store of the user's
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("starting", total=None)

        def advance(what: str, answered: int, known: int) -> None:
            progress.update(task, description=what, completed=answered, total=known)

        if arguments.ablation:
            return await ablate(arguments.data, arguments.limit_conversations, arguments.embedder, advance)
        with tempfile.TemporaryDirectory(prefix="memory-core-bench-") as folder:
            async with AsyncMemory.session(data_dir=folder, embedder=arguments.embedder) as memory:
                evaluation = Evaluation(memory, arguments.only, unscoped=arguments.unscoped)
                await evaluation.run(arguments.data, arguments.limit_conversations, advance)
    return {"data": arguments.data.name, "embedder": arguments.embedder or "default", **evaluation.report()}


def show(report: Mapping[str, Any]) -> None:
    """Prints a table over all answerable questions and one for each category."""
    console = Console()
    console.print(
        f"{report['data']}: {report['turns']} turns indexed in {report['index_seconds']:.1f} s, "
        f"embedder {report['embedder']}, tokens by {report['tokenizer']}"
    )
    systems = report["systems"]
    console.print(_table("all answerable questions", systems))
    for category in dict.fromkeys(name for system in systems.values() for name in system["categories"]):
        console.print(_table(category, {name: system["categories"][category] for name, system in systems.items()}))


def show_ablation(report: Mapping[str, Any]) -> None:
    """Prints what is found without each part, and how much less that is."""
    table = Table("without", title=f"{report['questions']} answerable questions", title_justify="left")
    for header in ("R@10", "less", "MRR", "less"):
        table.add_column(header, justify="right")
    full = report["without"]["full"]
    for name, row in report["without"].items():
        cells = ((row[figure], full[figure] - row[figure]) for figure in ("recall@10", "mrr"))
        table.add_row(name, *(f"{value:.1f}" for pair in cells for value in pair))
    Console().print(table)


def _table(title: str, rows: Mapping[str, Mapping[str, float | None]]) -> Table:
    shown = [name for name in COLUMNS if any(name in row for row in rows.values())]
    table = Table("system", title=title, title_justify="left")
    for name in shown:
        table.add_column(COLUMNS[name], justify="right", no_wrap=True)
    for system, row in rows.items():
        table.add_row(system, *(_cell(name, row.get(name)) for name in shown))
    return table


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if name in ("questions", "tokens_to_cover") else f"{value:.1f}"


if __name__ == "__main__":
    main()
