"""What a person sees when something does not work, and the exit code that says whose turn it is."""

from __future__ import annotations

import sys
from typing import Any

import typer

from memory_core.cli.output import print_json
from memory_core.errors import InvalidRequestError, MemoryCoreError, NotFoundError, UsageError

USERS_MISTAKE = 2
FAILURE = 1
INTERRUPTED = 130  # 128 + SIGINT, as shells report it

# typer brings a click of its own since 0.26 and used the package before: this is the base of either one's complaints.
CommandLineError: type[Exception] = typer.BadParameter.__mro__[1]


def exit_code(error: MemoryCoreError) -> int:
    """2 for what the caller can put right in the command, 1 for what lies elsewhere."""
    return USERS_MISTAKE if isinstance(error, InvalidRequestError | NotFoundError | UsageError) else FAILURE


def complain(error: MemoryCoreError, as_json: bool) -> int:
    """Says what went wrong, on standard error or as JSON; returns the exit code."""
    message = str(error)
    if as_json:
        print_json({"error": {"code": error.code, "message": message, "details": dict(error.details)}})
    else:
        print(f"error: {message}", file=sys.stderr)
        for entry in error.details.get("entries", ()):
            print("  " + ": ".join(part for part in (entry["place"], entry["reason"]) if part), file=sys.stderr)
        if (more := error.details.get("bad", 0) - len(error.details.get("entries", ()))) > 0:
            print(f"  … and {more:,} more", file=sys.stderr)
    return exit_code(error)


def complain_about_command(error: Any, as_json: bool) -> int:
    """The same for a command line that cannot be understood."""
    message = error.format_message()
    command = error.ctx.command_path if error.ctx is not None else "memory-core"
    if as_json:
        print_json({"error": {"code": "usage", "message": message, "details": {"command": command}}})
    else:
        print(f"error: {message}\nTry: {command} --help", file=sys.stderr)
    return USERS_MISTAKE
