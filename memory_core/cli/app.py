"""The command line put together: which commands there are, and what becomes of errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from memory_core.cli import care, demo, importing, recalling, records, schema, worker
from memory_core.cli.failures import INTERRUPTED, CommandLineError, complain, complain_about_command
from memory_core.cli.options import grouped
from memory_core.errors import MemoryCoreError

PROGRAM = "memory-core"

app = typer.Typer(
    name=PROGRAM,
    help="Durable memory for AI agents. Start with: memory-core demo",
    add_completion=False,
    pretty_exceptions_enable=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["--help", "-h"]},
)
_migrate = typer.Typer(help="Look at the database schema, bring it up to date, or take it back.")

_COMMANDS: tuple[tuple[str, Callable[..., None], str], ...] = (
    ("demo", demo.demo, "Start"),
    ("import", importing.import_file, "Start"),
    ("doctor", care.doctor, "Start"),
    ("remember", records.remember, "Memory"),
    ("recall", recalling.recall, "Memory"),
    ("context", recalling.context, "Memory"),
    ("list", records.list_records, "Memory"),
    ("get", records.get, "Memory"),
    ("forget", records.forget, "Memory"),
    ("stats", care.stats, "Care"),
    ("health", care.health, "Care"),
    ("worker", worker.worker, "Care"),
    ("reembed", schema.reembed, "Care"),
)
_MIGRATE: tuple[tuple[str, Callable[..., None]], ...] = (
    ("up", schema.up),
    ("down", schema.down),
    ("status", schema.status),
)

for name, command, panel in _COMMANDS:
    app.command(name, rich_help_panel=panel)(grouped(command))
app.add_typer(_migrate, name="migrate", rich_help_panel="Care")
for name, command in _MIGRATE:
    _migrate.command(name)(grouped(command))


@app.callback()
def _start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from memory_core import __version__

        print(f"{PROGRAM} {__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())
    else:
        return
    raise typer.Exit


def run(arguments: Sequence[str]) -> int:
    """Runs one command line; returns the exit code."""
    as_json = "--json" in arguments
    try:
        code = app(args=list(arguments), prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except MemoryCoreError as error:
        return complain(error, as_json)
    except CommandLineError as error:
        return complain_about_command(error, as_json)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:  # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def main() -> None:
    """The program ``memory-core``."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a letter shows a question mark
    sys.exit(run(sys.argv[1:]))
