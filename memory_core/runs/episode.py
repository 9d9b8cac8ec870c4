"""What is stored of a run. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from memory_core.model.hits import Context
from memory_core.model.record import Record

MAX_PART_CHARACTERS = 20_000
"""So much of a task and of an outcome is kept in an episode; the rest is marked as cut."""


@dataclass(slots=True)
class Run:
    """A piece of work in progress, between recall and the stored episode.

    Attributes:
        task: What is to be done.
        context: What was recalled for it, before anything else.
        outcome: Set it to what came of the work; any object, stored as text.
        success: Set it to False if the work failed without an exception.
        metadata: Add what the episode should carry.
        episode: The stored record, once the run has ended.
    """

    task: str
    context: Context
    outcome: Any = None
    success: bool = True
    metadata: dict[str, Any] = field(default_factory=dict)
    episode: Record | None = None


def episode_text(task: str, outcome: str | None, error: str | None) -> str:
    """The episode in words."""
    lines = [f"Task: {shorten(task)}"]
    if outcome:
        lines.append(f"Outcome: {shorten(outcome)}")
    lines.append("Result: success" if error is None else f"Result: failed ({error})")
    return "\n".join(lines)


def episode_metadata(run: Run, error: str | None, seconds: float) -> dict[str, Any]:
    """The episode in facts: success, the type of the exception (never its message), duration, what was recalled."""
    return {
        **run.metadata,
        "success": error is None,
        "error": error,
        "duration_seconds": round(seconds, 3),
        "recalled": ids_of([hit.record.id for hit in run.context.hits]),
    }


def ids_of(ids: Sequence[UUID]) -> list[str]:
    """At most 50 ids as texts."""
    return [str(record_id) for record_id in ids[:50]]


def shorten(text: str) -> str:
    """The text, cut at ``MAX_PART_CHARACTERS``; NULs and lone surrogates, which no store takes, are replaced."""
    clean = text.replace("\x00", "�").encode("utf-8", "replace").decode("utf-8")
    return clean if len(clean) <= MAX_PART_CHARACTERS else clean[:MAX_PART_CHARACTERS] + " [cut]"
