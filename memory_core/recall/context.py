"""Recalled records as a block for a prompt: dated, cited, fenced as data, within a token budget. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from memory_core.model.fence import CLOSING, OPENING
from memory_core.model.hits import Hit
from memory_core.model.record import Record

_FENCE = re.compile(r"<(?=\s*/?\s*memory\b)", re.IGNORECASE)
CITATION_CHARACTERS = 8
"""Digits of a record's id in its citation, from the random end: one in 2^32 collides."""


def citation(record: Record) -> str:
    """The short form of a record's id."""
    return record.id.hex[-CITATION_CHARACTERS:]


def render_line(record: Record) -> str:
    """One record on one line. Line breaks become spaces and the fence cannot be closed from inside."""
    text = _FENCE.sub("‹", " ".join(record.content.split()))
    speaker = "" if record.actor is None else f" {_FENCE.sub('‹', ' '.join(record.actor.split()))}"
    key = "" if record.key is None else f" ({_FENCE.sub('‹', ' '.join(record.key.split()))})"
    return f"[{citation(record)}] {record.occurred_at:%Y-%m-%d}{speaker}{key}: {text}"


def render_block(records: Sequence[Record]) -> str:
    """The fenced block, oldest record first; empty without records."""
    if not records:
        return ""
    ordered = sorted(records, key=lambda record: (record.occurred_at, record.thread or "", record.seq or 0))
    return "\n".join((OPENING, *(render_line(record) for record in ordered), CLOSING))


def pack(hits: Sequence[Hit], budget_tokens: int, count: Callable[[str], int]) -> tuple[list[Hit], list[Hit]]:
    """Chooses hits for a block of at most ``budget_tokens`` tokens: pinned first, then the best; what is too long for
    the room left is passed over for shorter ones.

    Returns:
        The chosen hits, best first, and those left out.
    """
    left = budget_tokens - count(f"{OPENING}\n{CLOSING}\n")
    chosen: list[Hit] = []
    left_out: list[Hit] = []
    for hit in sorted(hits, key=lambda hit: (not hit.record.pinned, -hit.score)):
        cost = count(render_line(hit.record) + "\n")
        if cost <= left:
            chosen.append(hit)
            left -= cost
        else:
            left_out.append(hit)
    while chosen and count(render_block([hit.record for hit in chosen])) > budget_tokens:
        left_out.insert(0, chosen.pop())  # a tokenizer may count a whole as more than its parts
    return sorted(chosen, key=lambda hit: -hit.score), left_out
