"""What a record is about."""

from __future__ import annotations

from enum import StrEnum

from memory_core.errors import InvalidRequestError


class Kind(StrEnum):
    """The three classic kinds of memory and the finer ones agents use. Filter by them; ranking ignores them."""

    EPISODIC = "episodic"
    SEMANTIC = "semantic"
    PROCEDURAL = "procedural"
    FACT = "fact"
    ANALYSIS = "analysis"
    RECOMMENDATION = "recommendation"
    HYPOTHESIS = "hypothesis"
    INSIGHT = "insight"
    CONVERSATION = "conversation"
    DECISION = "decision"
    KNOWLEDGE = "knowledge"
    PREFERENCE = "preference"
    TASK_OUTCOME = "task_outcome"


def parse_kind(value: str) -> Kind:
    """The kind of this name.

    Raises:
        InvalidRequestError: No kind has this name; the message lists them.
    """
    try:
        return Kind(value)
    except ValueError:
        names = ", ".join(kind.value for kind in Kind)
        raise InvalidRequestError(f"unknown kind {value!r}; use one of: {names}", field="kind") from None
