"""What the demo shows, in 80 columns. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.rule import Rule
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from memory_core.cli.demo_steps import BUDGET_TOKENS, LABELS, LIMIT, Answered, Block, Imported, Reopened
from memory_core.cli.text import counted, day, long_day, one_line, printable, reasons

if TYPE_CHECKING:
    from memory_core.model.hits import Hit

_SHOWN = 3

CODE = """\
from memory_core import Memory
alice = Memory.open().scope(user="alice")
with alice.run(task) as run: run.outcome = my_agent(task, run.context.text)"""


def opening_view() -> list[Any]:
    """What this is."""
    return [
        Text.assemble(("memory-core", "bold"), "  durable memory for AI agents"),
        Text("No key, no server, no download, no language model: Postgres in a folder.", style="dim"),
    ]


def import_view(imported: Imported) -> list[Any]:
    """What was imported."""
    report, health = imported.report, imported.health
    there = f" ({report.already_there:,} were already there)" if report.already_there else ""
    return [
        *_title("1  A conversation of nine months"),
        _line(
            f"Maya, who does user research, talks with her planning assistant Theo: "
            f"{counted(report.turns, 'turn')} in {counted(imported.sessions, 'session')}, "
            f"{long_day(imported.first)} to {long_day(imported.last)}."
        ),
        _line(
            f"Stored in {imported.seconds:.2f} s{there}. Postgres {health['postgres_version']} with pgvector "
            f"{health['vector_version']} was ready in {imported.opening_seconds:.1f} s.",
            "dim",
        ),
    ]


def questions_view(answered: Sequence[Answered]) -> list[Any]:
    """The ten questions with their best hits, and how many could be answered from them."""
    views: list[Any] = [
        *_title("2  Ten questions, asked the day after"),
        _line(
            f"The best {_SHOWN} of {LIMIT} hits for each, with score and reasons. ● marks a turn that holds the "
            "answer. People marked these beforehand; recall knows nothing of it.",
            "dim",
        ),
    ]
    for number, item in enumerate(answered, 1):
        views += [Text(), *_question_view(number, item)]
    times = sorted(item.milliseconds for item in answered)
    summary = Table.grid(padding=(0, 2))
    summary.add_row("Answer among the hits", _score([(len(item.evidence), item.needed) for item in answered]))
    summary.add_row("Answer in the context block", _score([(item.in_context, item.needed) for item in answered]))
    summary.add_row("Time for one recall", f"{times[len(times) // 2]:.0f} ms (median)")
    return [*views, Text(), _indented(summary)]


def _score(found: Sequence[tuple[int, int]]) -> Text:
    """How many questions have all of their answer, and how many a part of it."""
    full = sum(there >= needed for there, needed in found)
    part = sum(0 < there < needed for there, needed in found)
    return Text.assemble((f"{full} of {len(found)}", "bold"), f", and {part} in part" if part else "")


def _question_view(number: int, item: Answered) -> list[Any]:
    places = list(range(min(_SHOWN, len(item.hits))))
    if not any(place in item.evidence for place in places):
        places += item.evidence[:1]
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(justify="right", style="dim", min_width=3)
    table.add_column(style="bold green")
    table.add_column(style="green")
    table.add_column(ratio=1)
    for place in places:
        hit = item.hits[place]
        holds_answer = place in item.evidence
        said = _said(hit, in_full=holds_answer)
        table.add_row(f"{place + 1}.", "●" if holds_answer else " ", f"{hit.score:.2f}", said)
        table.add_row("", "", "", Text(_why(hit), style="dim", no_wrap=True, overflow="ellipsis"))
    return [Text(f"{number:>2} {item.question}", style="bold"), table, _indented(_verdict(item))]


def _verdict(item: Answered) -> Text:
    """Where the evidence was, and what a person answers."""
    if item.evidence:
        full = len(item.evidence) >= item.needed
        mark, style = ("✓", "green") if full else ("◐", "yellow")
        where = _places(item) if full else f"{_places(item)}, {len(item.evidence)} of {item.needed} parts"
    elif item.in_context:
        mark, style, where = "○", "yellow", f"not among the {LIMIT} hits, but in the context block"
    else:
        mark, style, where = "✗", "red", "not found"
    return Text.assemble((f"{mark} {where}: ", style), one_line(item.answer))


def _places(item: Answered) -> str:
    numbers = [str(place + 1) for place in item.evidence]
    if len(numbers) == 1:
        return f"hit {numbers[0]}"
    return f"hits {', '.join(numbers[:-1])} and {numbers[-1]}"


def _said(hit: Hit, *, in_full: bool) -> Text:
    record = hit.record
    said = Text.assemble((f"{day(record.occurred_at)} {record.actor}: ", "dim"), one_line(record.content))
    if not in_full:
        said.no_wrap, said.overflow = True, "ellipsis"
    return said


def _why(hit: Hit) -> str:
    return "" if hit.explanation is None else reasons(hit.explanation)


def context_view(block: Block) -> list[Any]:
    """One context block in full, and what it saves."""
    saving = Table.grid(padding=(0, 2))
    saving.add_column()
    saving.add_column(justify="right")
    saving.add_row("The whole conversation as plain text", f"{block.history_tokens:,} tokens")
    saving.add_row("The context block, average of the ten", f"{block.tokens:,} tokens")
    saving.add_row("", Text(f"{block.history_tokens / block.tokens:.1f} times fewer", style="bold"))
    return [
        *_title("3  The block for the prompt"),
        _line("What an agent is given for question 6: dated, cited by record id, fenced as data.", "dim"),
        Text(),
        _indented(Text(printable(block.answered.context.text))),
        Text(),
        _indented(saving),
        _line(f"Counted with {block.tokenizer}; {BUDGET_TOKENS} tokens were allowed.", "dim"),
    ]


def reopened_view(reopened: Reopened, imported: Imported) -> list[Any]:
    """What the new processes found."""
    all_there = reopened.records == imported.report.turns
    facts = Table.grid(padding=(0, 1))
    facts.add_row(_mark(all_there), f"process {reopened.processes[0]} counts {counted(reopened.records, 'record')}")
    facts.add_row(_mark(reopened.same), Text(f"process {reopened.processes[1]} answers: {one_line(reopened.hit)}"))
    return [
        *_title("4  Closed, and opened again"),
        _line(
            "The store was closed and its Postgres stopped. Two new processes opened it at the same moment "
            f"({reopened.seconds:.1f} s).",
            "dim",
        ),
        _indented(facts),
    ]


def closing_view(kept: Path | None) -> list[Any]:
    """How to go on."""
    views: list[Any] = [*_title("Three lines for your own code"), _indented(_code()), Text()]
    if kept is None:
        hint = "This store was temporary. memory-core demo --data-dir DIR keeps it, for your own questions."
        return [*views, _line(hint, "dim")]
    options = " ".join(f"--{name} {label}" for name, label in LABELS.items())
    return [
        *views,
        _line("Ask this store yourself:", "dim"),
        _indented(Text(f'memory-core recall "Where does Maya live?" \\\n  --data-dir {kept} {options}')),
    ]


def _code() -> Syntax:
    return Syntax(CODE, "python", theme="ansi_dark", background_color="default")


def _title(text: str) -> list[Any]:
    return [Text(), Rule(Text(text, style="bold"), align="left", style="dim")]


def _line(text: str, style: str = "") -> Padding:
    return _indented(Text(text, style=style))


def _indented(view: Any) -> Padding:
    return Padding(view, (0, 0, 0, 3), expand=False)


def _mark(good: bool) -> Text:
    return Text("✓", style="green") if good else Text("✗", style="bold red")
