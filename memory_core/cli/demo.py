"""``demo``: an agent's memory at work, on a conversation of nine months, without a model, a key or a download."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from memory_core.cli.options import Output
from memory_core.cli.output import print_json, screen, waiting


def demo(
    output: Output,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Keep the demo's store in this folder. By default it is temporary.", metavar="DIR"),
    ] = None,
) -> None:
    """Watch an agent remember months of conversation.

    Imports a conversation into a store of its own, answers ten questions by recall and says why, shows the block for
    a prompt, and opens the store again in new processes. Your own memory is not touched.
    """
    from memory_core.cli import demo_view
    from memory_core.cli.demo_steps import Demo
    from memory_core.cli.documents import demo_document

    folder = data_dir or Path(tempfile.mkdtemp(prefix="memory-core-demo-"))
    console = screen()

    def show(*views: object) -> None:
        if not output.json:
            console.print(*views, sep="\n")

    try:
        show(*demo_view.opening_view())
        with Demo(folder) as steps:
            with waiting(output.json, "Starting Postgres …"):
                steps.open()
            imported = steps.import_conversation()
            show(*demo_view.import_view(imported))
            answered = steps.ask_all()
            show(*demo_view.questions_view(answered))
            block = steps.make_context(answered)
            show(*demo_view.context_view(block))
        with waiting(output.json, "Opening the store in new processes …"):
            reopened = steps.reopen(answered)
        show(*demo_view.reopened_view(reopened, imported))
        show(*demo_view.closing_view(data_dir))
        if output.json:
            print_json(demo_document(imported, answered, block, reopened, data_dir))
    finally:
        if data_dir is None:
            shutil.rmtree(folder, ignore_errors=True)
