"""Where answers go: JSON or a view on standard output; progress and errors on standard error."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.console import Console, RenderableType


def answer(as_json: bool, document: Any, *views: RenderableType) -> None:
    """Prints the document as JSON, or the views for a person."""
    if as_json:
        print_json(document)
    else:
        screen().print(*views, sep="\n")


def print_json(document: Any, *, indent: int | None = 2) -> None:
    """Prints a JSON document on standard output; as ASCII where the terminal cannot show more."""
    ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    print(json.dumps(document, default=plain_value, ensure_ascii=ascii_only, indent=indent), flush=True)


def plain_value(value: Any) -> Any:
    """What JSON has no form for."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, UUID | Path):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return str(value)


def screen() -> Console:
    """Standard output, for a person. Nothing is coloured by guess, and no text is taken for markup."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def margin() -> Console:
    """Standard error, for a person."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, stderr=True)


def waiting(as_json: bool, what: str) -> AbstractContextManager[Any]:
    """A spinner around something that may take seconds; nothing where nobody looks."""
    console = margin()
    return nullcontext() if as_json or not console.is_terminal else console.status(what)


@contextmanager
def progress_bar(as_json: bool, what: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar around long work; yields the function to report (done, total) to. Nothing where nobody looks."""
    console = margin()
    if as_json or not console.is_terminal:
        yield _unseen
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _unseen(done: int, total: int | None) -> None:
    """Progress where nobody looks."""
