"""What the demo does, without showing it: import, ask, pack a context, open again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from memory_core.errors import UnavailableError
from memory_core.inference.token_count import load_token_counter
from memory_core.model.hits import Context, Hit
from memory_core.settings import load_settings
from memory_core.sync import Memory, ScopedMemory

if TYPE_CHECKING:
    from typing import Self

    from memory_core.importing.pipeline import ImportReport

LABELS = {"tenant": "memory-core-demo", "user": "maya"}
"""A tenant of its own: even in a folder that holds other memory nothing mixes."""

LIMIT = 10
BUDGET_TOKENS = 800
IN_FULL = "How does Maya drink her coffee these days?"
_TURNS = 10_000
_ALL_NEEDED = ("list", "two-hop")


@dataclass(frozen=True, slots=True)
class Imported:
    """The conversation in the store."""

    report: ImportReport
    seconds: float
    opening_seconds: float
    sessions: int
    first: datetime
    last: datetime
    health: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """A question, what recall found, and whether that holds the answer.

    Attributes:
        question: The question.
        answer: What a person who knows the conversation answers.
        hits: What was recalled, best first, with explanations.
        evidence: Which of the hits hold (a part of) the answer, from 0.
        needed: How many of the turns that do are needed: all of them for a list or where one builds on the other,
            else one.
        in_context: How many of them are in the context block.
        context: The block.
        milliseconds: How long the recall took.
    """

    question: str
    answer: str
    hits: tuple[Hit, ...]
    evidence: tuple[int, ...]
    needed: int
    in_context: int
    context: Context
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Block:
    """One context in full, and what the contexts save: the average of all against the conversation as plain text."""

    answered: Answered
    tokens: int
    history_tokens: int
    tokenizer: str


@dataclass(frozen=True, slots=True)
class Reopened:
    """What two new processes found in the store."""

    processes: tuple[int, ...]
    records: int
    question: str
    hit: str
    same: bool
    seconds: float


def demo_file(name: str) -> Path:
    """A file of ``examples/data``: in the repository, or where the wheel carries it."""
    beside = Path(__file__).parents[2] / "examples" / "data" / name
    return beside if beside.is_file() else Path(str(files("memory_core.cli"))) / "demo_data" / name


class Demo:
    """The demo's steps in their order. A context manager: at its end the store is closed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._memory: Memory | None = None
        self._now = datetime.min

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._memory is not None:
            self._memory.close()

    def open(self) -> None:
        """Opens the demo's own store, whatever the environment says about others."""
        start = perf_counter()
        settings = load_settings(data_dir=self.folder, embedder="wordllama", language="english")
        self._memory = Memory.open(settings=settings.model_copy(update={"database_url": None}))
        self._opening_seconds = perf_counter() - start

    @property
    def _maya(self) -> ScopedMemory:
        assert self._memory is not None
        return self._memory.scope(**LABELS)

    def import_conversation(self) -> Imported:
        """Imports the example."""
        assert self._memory is not None
        start = perf_counter()
        report = self._maya.import_file(demo_file("conversation.jsonl"))
        seconds = perf_counter() - start
        numbers = self._maya.statistics()
        self._now = numbers["last_at"] + timedelta(days=1)
        return Imported(
            report, seconds, self._opening_seconds, numbers["threads"], numbers["first_at"], numbers["last_at"],
            self._memory.health(),
        )  # fmt: skip

    def ask_all(self) -> list[Answered]:
        """Asks the ten questions, as if on the day after the last session."""
        questions = json.loads(demo_file("questions.json").read_text("utf-8"))
        return [self._ask(question) for question in questions]

    def _ask(self, question: dict[str, Any]) -> Answered:
        text = question["question"]
        expected = {(thread, seq) for thread, seq in question["expected_sessions_lines"]}
        start = perf_counter()
        hits = tuple(self._maya.explain(text, limit=LIMIT, now=self._now).hits)
        milliseconds = 1000 * (perf_counter() - start)
        context = self._maya.context(text, budget_tokens=BUDGET_TOKENS, now=self._now)
        return Answered(
            text,
            question["answer"],
            hits,
            tuple(place for place, hit in enumerate(hits) if _turn(hit) in expected),
            len(expected) if question["kind"] in _ALL_NEEDED else 1,
            len({_turn(hit) for hit in context.hits} & expected),
            context,
            milliseconds,
        )

    def make_context(self, answered: list[Answered]) -> Block:
        """The block of one question, and what all save."""
        counter = load_token_counter(load_settings().tokenizer)
        history = "\n".join(f"{turn.actor}: {turn.content}" for turn in self._maya.list(limit=_TURNS))
        shown = next(item for item in answered if item.question == IN_FULL)
        tokens = [item.context.tokens for item in answered]
        return Block(shown, sum(tokens) // len(tokens), counter.count(history), shown.context.tokenizer)

    def reopen(self, answered: list[Answered]) -> Reopened:
        """Counts and asks again, in two new processes at the same time. The store must be closed here."""
        shown = next(item for item in answered if item.question == IN_FULL)
        start = perf_counter()
        options = ["--data-dir", str(self.folder), "--json"]
        options += [part for name, label in LABELS.items() for part in (f"--{name}", label)]
        counting = _start("stats", *options)
        asking = _start("recall", shown.question, "--limit", "1", "--now", self._now.isoformat(), *options)
        numbers, found = _result(counting), _result(asking)
        hit = found["hits"][0]["record"]
        return Reopened(
            (counting.pid, asking.pid),
            numbers["records"],
            shown.question,
            hit["content"],
            hit["id"] == str(shown.hits[0].record.id),
            perf_counter() - start,
        )


def _turn(hit: Hit) -> tuple[str | None, int | None]:
    return hit.record.thread, hit.record.seq


def _start(*arguments: str) -> subprocess.Popen[str]:
    """Starts ``memory-core`` in a new process, with the demo's settings and not those of the environment."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MEMORY_CORE_")}
    command = [sys.executable, "-m", "memory_core", *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=clean | {"PYTHONUTF8": "1"}
    )


def _result(process: subprocess.Popen[str]) -> dict[str, Any]:
    answer, messages = process.communicate(timeout=60)
    if process.returncode != 0:
        raise UnavailableError(f"the store could not be opened again: {(messages or answer).strip()[:300]}")
    document: dict[str, Any] = json.loads(answer)
    return document
