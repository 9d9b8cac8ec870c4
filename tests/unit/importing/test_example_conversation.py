"""The example conversation keeps its promises, so that the examples and their questions work."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from memory_core.importing import ImportedTurn, read_turns

DATA = Path(__file__).parents[3] / "examples" / "data"


def turns() -> list[ImportedTurn]:
    entries = list(read_turns(DATA / "conversation.jsonl"))
    read = [entry for entry in entries if isinstance(entry, ImportedTurn)]
    assert read == entries
    return read


def test_it_is_a_long_conversation_of_two_over_months() -> None:
    read = turns()
    assert 180 <= len(read) <= 220
    assert {(turn.speaker, turn.role) for turn in read} == {("Maya", "user"), ("Theo", "assistant")}
    assert len({turn.session for turn in read}) >= 8
    times = [turn.said_at for turn in read if turn.said_at is not None]
    assert len(times) == len(read)
    assert times == sorted(set(times))
    assert times[-1] - times[0] > timedelta(days=270)


def test_each_session_is_one_sitting_on_the_day_it_is_named_for() -> None:
    read = turns()
    sessions = dict.fromkeys(turn.session for turn in read)
    order = [session for session in sessions for turn in read if turn.session == session]
    assert order == [turn.session for turn in read]
    assert all(turn.said_at is not None and turn.session.startswith(turn.said_at.date().isoformat()) for turn in read)


def test_two_turns_say_the_same() -> None:
    assert sum(turn.text == "Yes, exactly." for turn in turns()) == 2


def test_the_questions_have_their_evidence_spread_over_the_sessions() -> None:
    places = {(turn.session, turn.seq) for turn in turns()}
    questions = json.loads((DATA / "questions.json").read_text(encoding="utf-8"))
    evidence = [[tuple(place) for place in question["expected_sessions_lines"]] for question in questions]
    assert len(questions) == 10
    assert all(question["question"].endswith("?") and question["answer"] for question in questions)
    assert all(found and places.issuperset(found) for found in evidence)
    assert len({session for found in evidence for session, _ in found}) >= 6
