"""Conversations with annotated questions: LoCoMo and LongMemEval, read one conversation at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from memory_core.errors import InvalidRequestError
from memory_core.importing.arrays import objects_of
from memory_core.importing.locomo import locomo_turns
from memory_core.importing.turns import ImportedTurn

UNANSWERABLE = frozenset({"adversarial", "abstention"})
"""Categories whose answer is that there is none; they are reported on their own."""

# Numbered so in the data; the names are those of the paper (Maharana et al. 2024).
_LOCOMO_CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
_LOCOMO_ID = re.compile(r"D:?(\d+):(\d+)")  # some entries hold several, some a colon too many
_LONGMEMEVAL_DATE = re.compile(r"(\d{4})/(\d\d)/(\d\d) \(\w{3}\) (\d\d):(\d\d)")
_MAX_CONTENT_CHARACTERS = 100_000  # the most that memory-core takes


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing said. ``id`` is unique in the data set; ``seq`` counts from 0 in the session."""

    id: str
    session: str
    seq: int
    speaker: str
    role: str
    said_at: datetime | None
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the ids of the turns that hold its answer, never none."""

    id: str
    text: str
    category: str
    evidence_ids: frozenset[str]
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """What two people, or a person and an assistant, said, and what is asked about it."""

    id: str
    turns: tuple[Turn, ...]
    questions: tuple[Question, ...]


def read_conversations(path: Path) -> Iterator[Conversation]:
    """Yields the conversations of a file in either format, which is told by its fields.

    Questions without evidence among the turns are left out: nothing can be found for them.

    Raises:
        InvalidRequestError: The file is in neither format, or empty.
    """
    found = False
    with path.open("rb") as file:
        for index, entry in enumerate(objects_of(file)):
            if isinstance(entry, str):
                raise InvalidRequestError(f"entry {index} of {path}: {entry}", field="data")
            found = True
            yield _conversation(entry, index)
    if not found:
        raise InvalidRequestError(f"{path} holds no conversations", field="data")


def _conversation(entry: Mapping[str, Any], index: int) -> Conversation:
    if "conversation" in entry:
        return _locomo(entry, index)
    if "haystack_sessions" in entry:
        return _longmemeval(entry)
    raise InvalidRequestError(f"entry {index} is neither LoCoMo's nor LongMemEval's", field="data")


def _locomo(sample: Mapping[str, Any], index: int) -> Conversation:
    conversation_id = str(sample["sample_id"])
    roles = {sample["conversation"].get("speaker_a"): "user", sample["conversation"].get("speaker_b"): "assistant"}
    read = [turn for turn in locomo_turns(dict(sample), index) if isinstance(turn, ImportedTurn)]
    turns = tuple(
        Turn(
            f"{conversation_id}/{turn.external_id}",
            turn.session,
            turn.seq,
            turn.speaker,
            roles.get(turn.speaker, "other"),
            turn.said_at,
            turn.text,
        )
        for turn in read
    )
    known = {turn.id for turn in turns}
    questions = []
    for number, entry in enumerate(sample["qa"]):
        named = _LOCOMO_ID.findall(" ".join(entry.get("evidence", [])))
        evidence = frozenset(f"{conversation_id}/D{int(session)}:{int(turn)}" for session, turn in named) & known
        if evidence:
            category = _LOCOMO_CATEGORIES[int(entry["category"])]
            questions.append(Question(f"{conversation_id}/q{number}", entry["question"], category, evidence))
    return Conversation(conversation_id, turns, tuple(questions))


def _longmemeval(entry: Mapping[str, Any]) -> Conversation:
    """One question with its own haystack. Evidence is marked per turn, where it is; else it is the whole session."""
    question_id = str(entry["question_id"])
    answers = set(entry.get("answer_session_ids", ()))
    turns: list[Turn] = []
    marked: set[str] = set()
    of_answers: set[str] = set()
    sessions = zip(entry["haystack_session_ids"], entry["haystack_dates"], entry["haystack_sessions"], strict=True)
    for number, (session_id, said_at, session) in enumerate(sessions):
        for seq, turn in enumerate(session):
            text = turn["content"].replace("\x00", " ").strip()[:_MAX_CONTENT_CHARACTERS]
            if not text:
                continue
            turn_id = f"{question_id}/{number}:{seq}"  # a session may stand in a haystack twice
            thread = f"{question_id}/{number}"
            turns.append(Turn(turn_id, thread, seq, turn["role"], turn["role"], _longmemeval_date(said_at), text))
            if session_id in answers:
                of_answers.add(turn_id)
            if turn.get("has_answer"):
                marked.add(turn_id)
    category = "abstention" if question_id.endswith("_abs") else str(entry["question_type"])
    asked_at = _longmemeval_date(entry.get("question_date"))
    question = Question(question_id, entry["question"], category, frozenset(marked or of_answers), asked_at)
    return Conversation(question_id, tuple(turns), (question,) if question.evidence_ids else ())


def _longmemeval_date(text: str | None) -> datetime | None:
    """Reads ``2023/05/20 (Sat) 02:21``, taken as UTC."""
    found = _LONGMEMEVAL_DATE.fullmatch(text.strip()) if text else None
    return datetime(*map(int, found.groups()), tzinfo=UTC) if found else None  # type: ignore[misc,arg-type]
