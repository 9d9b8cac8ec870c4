"""From a file to stored turns: read, check, write in batches. Knows no store; the caller passes in how to write."""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from memory_core.errors import InvalidRequestError
from memory_core.importing.detection import checked_format, detect_format
from memory_core.importing.reading import read_turns
from memory_core.importing.source import checked_file
from memory_core.importing.turns import BadEntry, Format, ImportedTurn
from memory_core.model.record import MAX_SEQUENCE, RememberResult
from memory_core.model.text import MAX_CONTENT_CHARACTERS, check_label, check_text, content_hash

Write = Callable[[Sequence[Mapping[str, Any]]], Awaitable[Sequence[RememberResult]]]
Stored = Callable[[str], Awaitable[Mapping[int, str]]]
Progress = Callable[[int, int | None], None]

BATCH_TURNS = 1000
"""Turns written at once: what the store writes in one transaction."""

KEPT_BAD_ENTRIES = 20
"""So many bad entries are named in a report; all are counted."""

_BATCH_CHARACTERS = 4_000_000

_THREADS_KEPT = 64
"""Conversations whose stored turns are remembered while checking; files hold one conversation after another."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did.

    Attributes:
        format: The file's format.
        turns: Turns read.
        created: Turns that are new in the store.
        already_there: Turns that had been stored before.
        bad: Entries that were skipped: unreadable, unfit to be stored, or in conflict with what is stored.
        bad_entries: The first ``KEPT_BAD_ENTRIES`` of these.
    """

    format: Format
    turns: int
    created: int
    already_there: int
    bad: int
    bad_entries: tuple[BadEntry, ...]


@dataclass(frozen=True, slots=True)
class _Item:
    """A turn that can be stored: the arguments of ``remember``, and its line in the file."""

    draft: Mapping[str, Any]
    line: int | None


class _Bad:
    """Counts bad entries, keeps the first."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[BadEntry] = []

    def add(self, entry: BadEntry) -> None:
        self.count += 1
        if len(self.first) < KEPT_BAD_ENTRIES:
            self.first.append(entry)


async def import_conversations(
    path: str | os.PathLike[str],
    write: Write,
    stored: Stored,
    *,
    format: str | None = None,
    strict: bool = False,
    session_prefix: str = "",
    progress: Progress | None = None,
) -> ImportReport:
    """Stores the turns of a file. Memory is bounded by a batch and the longest conversation, not by the file.

    Args:
        path: See ``read_turns``.
        write: Stores items (arguments of ``remember``) and returns a result for each.
        stored: Hashes of a thread's stored turns, by their place. Asked only if ``strict``.
        format: The file's format; None detects it.
        strict: True to write nothing at all if any entry is bad: the file is read twice.
        session_prefix: Put before each session's name.
        progress: Called with the number of turns done, and of all turns if that is known.

    Raises:
        InvalidRequestError: The file cannot be read; or ``strict`` and an entry is bad (``details["entries"]``).
    """
    file = checked_file(path)
    chosen = checked_format(format) if format is not None else detect_format(file)
    undated = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    source = file.name.encode("utf-8", "replace").decode()

    def entries() -> Iterator[_Item | BadEntry]:
        for entry in read_turns(file, chosen):
            yield entry if isinstance(entry, BadEntry) else _item(entry, session_prefix, source, undated)

    total = await _check(entries(), stored, chosen) if strict else None
    bad, turns, created, there = _Bad(), 0, 0, 0
    reading = entries()
    while batch := await asyncio.to_thread(_next_batch, reading):
        items = [entry for entry in batch if isinstance(entry, _Item)]
        results = iter(await write([item.draft for item in items]) if items else ())
        for entry in batch:
            if isinstance(entry, BadEntry):
                bad.add(entry)
                continue
            result = next(results)
            turns += 1
            created += result.status == "created"
            there += result.status == "duplicate"
            if result.error is not None:
                bad.add(_placed(entry, str(result.error)))
        if progress is not None:
            progress(turns, total)
    return ImportReport(chosen, turns, created, there, bad.count, tuple(bad.first))


async def _check(entries: Iterator[_Item | BadEntry], stored: Stored, format: Format) -> int:
    """Reads everything and writes nothing; returns the number of turns.

    Raises:
        InvalidRequestError: An entry is bad.
    """
    turns, bad = 0, _Bad()
    threads: OrderedDict[str, dict[int, str]] = OrderedDict()
    while batch := await asyncio.to_thread(_next_batch, entries):
        for entry in batch:
            if isinstance(entry, BadEntry):
                bad.add(entry)
                continue
            turns += 1
            thread, seq = entry.draft["thread"], entry.draft["seq"]
            if thread not in threads:
                threads[thread] = dict(await stored(thread))
                if len(threads) > _THREADS_KEPT:
                    threads.popitem(last=False)
            threads.move_to_end(thread)
            fingerprint = content_hash(entry.draft["content"], None)
            if threads[thread].setdefault(seq, fingerprint) != fingerprint:
                bad.add(_placed(entry, "this place of the session is taken by other content"))
    if bad.count:
        raise _refusal(bad, format)
    return turns


def _next_batch(entries: Iterator[_Item | BadEntry]) -> list[_Item | BadEntry]:
    batch: list[_Item | BadEntry] = []
    characters = 0
    for entry in entries:
        batch.append(entry)
        characters += len(entry.draft["content"]) if isinstance(entry, _Item) else 0
        if len(batch) == BATCH_TURNS or characters >= _BATCH_CHARACTERS:
            break
    return batch


def _item(turn: ImportedTurn, prefix: str, source: str, undated: datetime) -> _Item | BadEntry:
    """A turn as the arguments of ``remember``, or why it cannot be stored."""
    metadata = {"title": turn.title, "external_id": turn.external_id, "undated": turn.said_at is None or None}
    draft = {
        "content": turn.text,
        "thread": prefix + turn.session,
        "seq": turn.seq,
        "actor": turn.speaker,
        "role": turn.role,
        "occurred_at": turn.said_at or undated,
        "source": source,
        "metadata": {name: value for name, value in metadata.items() if value is not None},
    }
    item = _Item(draft, turn.source_line)
    try:
        check_text(turn.text, "the text", limit=MAX_CONTENT_CHARACTERS)
        check_label(draft["thread"], "the session")
        check_label(turn.speaker, "the speaker")
    except InvalidRequestError as error:
        return _placed(item, str(error))
    if turn.seq > MAX_SEQUENCE:
        return _placed(item, f"the session has more than {MAX_SEQUENCE + 1} turns")
    return item


def _placed(item: _Item, reason: str) -> BadEntry:
    """A bad entry that says where it stands: by its line, or by its place in the session."""
    if item.line is not None:
        return BadEntry(item.line, reason)
    return BadEntry(None, f"session {item.draft['thread'][:60]}, turn {item.draft['seq']}: {reason}")


def place_of(entry: BadEntry, format: Format) -> str:
    """Where a bad entry stands, for a person: ``line 7``, ``conversation 3``, or nothing if its reason says it."""
    if entry.line is None:
        return ""
    return f"{'line' if format == 'jsonl' else 'conversation'} {entry.line}"


def _refusal(bad: _Bad, format: Format) -> InvalidRequestError:
    entries = [{"line": entry.line, "place": place_of(entry, format), "reason": entry.reason} for entry in bad.first]
    return InvalidRequestError(
        f"nothing was written: {bad.count} {'entry is' if bad.count == 1 else 'entries are'} bad. Repair the file, "
        "or import it without strict to skip them.",
        field="path",
        bad=bad.count,
        entries=entries,
    )
