"""Reading annotated conversations, with their known blemishes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from memory_core.errors import InvalidRequestError
from tests.benchmarks.retrieval.datasets import Conversation, read_conversations


def read(tmp_path: Path, *entries: Any) -> list[Conversation]:
    file = tmp_path / "data.json"
    file.write_text(json.dumps(entries))
    return list(read_conversations(file))


def locomo(*questions: dict[str, Any]) -> dict[str, Any]:
    return {
        "sample_id": "conv-1",
        "conversation": {
            "speaker_a": "Ann",
            "speaker_b": "Bob",
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": [
                {"speaker": "Ann", "dia_id": "D1:1", "text": "Hello"},
                {"speaker": "Bob", "dia_id": "D1:2", "text": "Look", "blip_caption": "a red boat"},
            ],
            "session_2_date_time": "9:00 am on 9 May, 2023",
            "session_2": [{"speaker": "Ann", "dia_id": "D2:1", "text": "Nice"}],
        },
        "qa": list(questions),
    }


def longmemeval(question_id: str, *, marked: bool) -> dict[str, Any]:
    mark = {"has_answer": True} if marked else {}
    return {
        "question_id": question_id,
        "question_type": "temporal-reasoning",
        "question": "When did I buy the bike?",
        "question_date": "2023/05/30 (Tue) 23:40",
        "haystack_session_ids": ["noise", "answer_1"],
        "haystack_dates": ["2023/05/20 (Sat) 02:21", "2023/05/21 (Sun) 10:00"],
        "haystack_sessions": [
            [{"role": "user", "content": "Hi"}],
            [
                {"role": "user", "content": "I bought a bike today", **mark},
                {"role": "assistant", "content": " "},
                {"role": "assistant", "content": "Great"},
            ],
        ],
        "answer_session_ids": ["answer_1"],
    }


def test_locomo_turns_know_speaker_role_place_and_time(tmp_path: Path) -> None:
    (conversation,) = read(tmp_path, locomo())
    assert [(turn.id, turn.session, turn.seq, turn.speaker, turn.role) for turn in conversation.turns] == [
        ("conv-1/D1:1", "conv-1/session_1", 0, "Ann", "user"),
        ("conv-1/D1:2", "conv-1/session_1", 1, "Bob", "assistant"),
        ("conv-1/D2:1", "conv-1/session_2", 0, "Ann", "user"),
    ]
    assert conversation.turns[0].said_at == datetime(2023, 5, 8, 13, 56, tzinfo=UTC)
    assert "a red boat" in conversation.turns[1].text


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (["D1:1"], {"conv-1/D1:1"}),
        (["D1:1; D2:1"], {"conv-1/D1:1", "conv-1/D2:1"}),
        (["D:2:1"], {"conv-1/D2:1"}),
        (["D01:02"], {"conv-1/D1:2"}),
        (["D9:9", "D1:2"], {"conv-1/D1:2"}),
    ],
)
def test_locomo_evidence_is_read_in_all_its_spellings(tmp_path: Path, evidence: list[str], expected: set[str]) -> None:
    (conversation,) = read(tmp_path, locomo({"question": "?", "evidence": evidence, "category": 2}))
    (question,) = conversation.questions
    assert question.evidence_ids == expected
    assert question.category == "temporal"


def test_locomo_questions_without_evidence_are_left_out(tmp_path: Path) -> None:
    questions = [{"question": "?", "evidence": evidence, "category": 5} for evidence in ([], ["D"], ["D9:9"], ["D1:1"])]
    (conversation,) = read(tmp_path, locomo(*questions))
    assert [(question.id, question.category) for question in conversation.questions] == [("conv-1/q3", "adversarial")]


def test_longmemeval_evidence_is_the_marked_turn(tmp_path: Path) -> None:
    (conversation,) = read(tmp_path, longmemeval("q1", marked=True))
    assert [(turn.id, turn.role) for turn in conversation.turns] == [
        ("q1/0:0", "user"),
        ("q1/1:0", "user"),
        ("q1/1:2", "assistant"),
    ]
    (question,) = conversation.questions
    assert question.evidence_ids == {"q1/1:0"}
    assert question.asked_at == datetime(2023, 5, 30, 23, 40, tzinfo=UTC)
    assert conversation.turns[1].said_at == datetime(2023, 5, 21, 10, tzinfo=UTC)


def test_longmemeval_evidence_without_marks_is_the_session(tmp_path: Path) -> None:
    plain, abstention = read(tmp_path, longmemeval("q1", marked=False), longmemeval("q1_abs", marked=False))
    assert plain.questions[0].evidence_ids == {"q1/1:0", "q1/1:2"}
    assert plain.questions[0].category == "temporal-reasoning"
    assert abstention.questions[0].category == "abstention"


def test_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="neither LoCoMo's nor LongMemEval's"):
        read(tmp_path, {"messages": []})


@pytest.mark.parametrize(
    ("text", "reason"),
    [("[", "ends in the middle"), ("[3]", "not a JSON object"), ("[]", "no conversations"), ("{}", "not a JSON array")],
)
def test_a_broken_or_empty_file_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "data.json"
    file.write_text(text)
    with pytest.raises(InvalidRequestError, match=reason):
        list(read_conversations(file))
