"""``import``."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from memory_core.cli.opening import open_scope
from memory_core.cli.options import Scope
from memory_core.cli.output import answer, progress_bar


def import_file(
    scope: Scope,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSONL, a ChatGPT or Claude export, or LoCoMo's JSON.")],
    format: Annotated[str | None, typer.Option(help="jsonl, chatgpt, claude or locomo; detected by default.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Write nothing at all if any entry is bad.")] = False,
    session_prefix: Annotated[
        str, typer.Option(help="Put before each conversation's name, to tell files apart.", metavar="TEXT")
    ] = "",
    tag: Annotated[list[str] | None, typer.Option(help="A label for all turns. Repeatable.")] = None,
) -> None:
    """Store the conversations of a file, with their dates and speakers.

    Importing a file again adds nothing. Bad entries are skipped and reported.
    """
    import dataclasses

    from memory_core.cli.views import import_view

    with open_scope(scope) as memory, progress_bar(scope.json, "Importing") as progress:
        start = perf_counter()
        report = memory.import_file(
            file, format=format, strict=strict, session_prefix=session_prefix, tags=tag or (), progress=progress
        )
        seconds = perf_counter() - start
    document = {"file": str(file), **dataclasses.asdict(report), "seconds": round(seconds, 3)}
    answer(scope.json, document, *import_view(report, seconds))
    if report.bad and not report.created + report.already_there:
        raise typer.Exit(2)
