"""Text for a terminal."""

from __future__ import annotations

import pytest

from memory_core.cli.text import found_by, one_line, ordinal, printable, reasons, score_parts, size
from memory_core.model.hits import Explanation

WHY = Explanation(
    {"lexical": 2, "vector": 1},
    {"bm25": 9.918, "cosine": 0.57},
    {"lexical": 4.0, "cosine": 3.0, "statement": 1.2, "subject": 1.5, "question": -0.5, "confidence": 0.0},
)


def test_escape_sequences_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in printable("\x1b[31mred\x1b[0m \x9b1m bell\x07")
    assert printable("two\nlines\tand a tab") == "two\nlines\tand a tab"
    assert one_line(" two\n lines ") == "two lines"


@pytest.mark.parametrize(
    ("number", "text"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (22, "22nd")]
)
def test_ordinals(number: int, text: str) -> None:
    assert ordinal(number) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 bytes"), (999, "999 bytes"), (15_459, "15.5 kB"), (9.3e6, "9.3 MB")]
)
def test_sizes(number: float, text: str) -> None:
    assert size(number) == text


def test_a_hit_says_which_arms_found_it() -> None:
    assert found_by(WHY) == "words (place 2, bm25 9.92) · meaning (place 1, cosine 0.57)"
    assert found_by(Explanation({"key": 1}, {"bm25": 0.0}, {})) == "key"


def test_a_score_is_told_by_its_parts() -> None:
    assert score_parts(WHY) == (
        "words 4.00 + meaning 3.00 + says much 1.20 + said by the one asked about 1.50 - only asks 0.50"
    )
    assert score_parts(Explanation({}, {}, {})) == "0"


def test_reasons_are_the_three_strongest() -> None:
    assert reasons(WHY) == "words (2nd) · meaning (1st) · said by the one asked about"
