"""Answers as plain data, for ``--json``. Pure functions."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory_core.model.hits import Explanation, Hit
from memory_core.model.record import Record

if TYPE_CHECKING:
    from memory_core.cli.demo_steps import Answered, Block, Imported, Reopened


def record_document(record: Record) -> dict[str, Any]:
    """All fields of a record."""
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)} | {
        "scope": {field.name: getattr(record.scope, field.name) for field in dataclasses.fields(record.scope)}
    }


def hit_document(hit: Hit) -> dict[str, Any]:
    """A hit with its record, and its explanation if there is one."""
    document = {"score": hit.score, "record": record_document(hit.record)}
    return document if hit.explanation is None else document | {"explanation": explanation_document(hit.explanation)}


def explanation_document(explanation: Explanation) -> dict[str, Any]:
    """Arms with ranks, raw scores, parts of the score, and why it was cut."""
    return {
        "arms": dict(explanation.arms),
        "raw": dict(explanation.raw),
        "parts": dict(explanation.parts),
        "cut": explanation.cut,
    }


def demo_document(
    imported: Imported, answered: Sequence[Answered], block: Block, reopened: Reopened, kept: Path | None
) -> dict[str, Any]:
    """All that the demo shows."""
    return {
        "import": {**dataclasses.asdict(imported.report), "seconds": round(imported.seconds, 3)},
        "opening_seconds": round(imported.opening_seconds, 3),
        "questions": [
            {
                "question": item.question,
                "answer": item.answer,
                "evidence_places": [place + 1 for place in item.evidence],
                "evidence_needed": item.needed,
                "evidence_in_context": item.in_context,
                "context_tokens": item.context.tokens,
                "milliseconds": round(item.milliseconds, 1),
                "hits": [hit_document(hit) for hit in item.hits],
            }
            for item in answered
        ],
        "answered": {
            "by_hits": sum(len(item.evidence) >= item.needed for item in answered),
            "by_hits_in_part": sum(0 < len(item.evidence) < item.needed for item in answered),
            "by_context": sum(item.in_context >= item.needed for item in answered),
            "by_context_in_part": sum(0 < item.in_context < item.needed for item in answered),
        },
        "context": {"question": block.answered.question, "text": block.answered.context.text},
        "tokens": {"context": block.tokens, "history": block.history_tokens, "tokenizer": block.tokenizer},
        "reopened": dataclasses.asdict(reopened),
        "kept_in": kept,
    }
