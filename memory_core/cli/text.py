"""Text for a terminal. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from memory_core.model.hits import Explanation

# Escape sequences in what somebody remembered must not reach the terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

ARMS = {"lexical": "words", "vector": "meaning", "key": "key", "hot": "hot tier"}
"""What a person reads for the arms of recall."""

_RAW = {"lexical": "bm25", "vector": "cosine"}

PARTS = {
    "lexical": "words",
    "cosine": "meaning",
    "subject": "said by the one asked about",
    "own_voice": "speaks of oneself",
    "answer_time": "names a time",
    "answer_number": "holds a number",
    "answer_name": "names something",
    "time": "from the time asked about",
    "statement": "says much",
    "question": "only asks",
    "key": "is the key",
    "importance": "importance",
    "confidence": "confidence",
    "evidence": "said often",
}
"""What a person reads for the parts of a score."""


def printable(text: str) -> str:
    """The text with control characters made visible; line breaks and tabs stay."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """The text on one line."""
    return printable(" ".join(text.split()))


def day(instant: datetime) -> str:
    """The date, in UTC as in contexts."""
    return f"{instant:%Y-%m-%d}"


def long_day(instant: datetime) -> str:
    """The date in words, such as ``3 February 2025``."""
    return f"{instant.day} {instant:%B %Y}"


def size(of_bytes: float) -> str:
    """A size such as ``9.3 MB``."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if of_bytes < 1000:
            return f"{of_bytes:.0f} {unit}" if unit == "bytes" else f"{of_bytes:.1f} {unit}"
        of_bytes /= 1000
    return f"{of_bytes:.1f} TB"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """``1 turn``, ``220 turns``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(counts: Mapping[str, int]) -> str:
    """Counts by name, largest first: ``conversation 220 · fact 3``."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return " · ".join(f"{name} {number:,}" for name, number in ordered) or "-"


def found_by(explanation: Explanation) -> str:
    """Which arms found a candidate: ``words (place 2, bm25 9.92) · meaning (place 1, cosine 0.57)``."""
    return " · ".join(_arm(name, place, explanation.raw) for name, place in explanation.arms.items()) or "nothing"


def _arm(name: str, place: int, raw: Mapping[str, float]) -> str:
    facts = [] if name == "key" else [f"place {place}"]
    if (score := raw.get(_RAW.get(name, ""))) is not None:
        facts.append(f"{_RAW[name]} {score:.2f}")
    return f"{ARMS.get(name, name)} ({', '.join(facts)})" if facts else ARMS.get(name, name)


def reasons(explanation: Explanation) -> str:
    """The three things that speak most for a hit, in words: ``meaning (1st) · said by the one asked about``."""
    parts = {name: value for name, value in explanation.parts.items() if value >= 0.25 and name != "statement"}
    names = {"lexical": "lexical", "cosine": "vector"}
    told = []
    for name in sorted(parts, key=lambda name: -parts[name])[:3]:
        place = explanation.arms.get(names.get(name, ""))
        told.append(PARTS.get(name, name) + (f" ({ordinal(place)})" if place is not None else ""))
    return " · ".join(told)


def ordinal(number: int) -> str:
    """``1st``, ``2nd``, ``3rd``, ``11th``."""
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def score_parts(explanation: Explanation) -> str:
    """What the score is made of: ``words 4.00 + meaning 3.00 - only asks 0.50``."""
    return _sum((PARTS.get(name, name), value) for name, value in explanation.parts.items())


def _sum(parts: Iterable[tuple[str, float]]) -> str:
    shown = [(name, value) for name, value in parts if abs(value) >= 0.005]
    text = "".join(f" {'-' if value < 0 else '+'} {name} {abs(value):.2f}" for name, value in shown)
    return text.removeprefix(" + ").strip() or "0"
