"""Answers for a person, made to fit 80 columns. Pure functions from data to renderables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from memory_core.cli.text import counted, day, found_by, listed, one_line, printable, score_parts, size
from memory_core.importing.pipeline import place_of
from memory_core.model.hits import Hit, Recall
from memory_core.model.record import Record
from memory_core.recall.context import citation

if TYPE_CHECKING:
    from memory_core.cli.diagnosis import Check
    from memory_core.importing.pipeline import ImportReport

_SPEAKER_WIDTH = 12
_CUT_SHOWN = 10


def records_view(records: Sequence[Record]) -> Table | Text:
    """A line per record: short id, day, speaker or kind, text."""
    if not records:
        return Text("Nothing here. Store something: memory-core remember TEXT", style="dim")
    table = _lines("id", "date", "who", "text")
    for record in records:
        table.add_row(citation(record), day(record.occurred_at), _who(record), _what(record))
    return table


def hits_view(hits: Sequence[Hit]) -> Table | Text:
    """A line per hit: score, short id, day, speaker or kind, text."""
    if not hits:
        return Text("Nothing found.", style="dim")
    table = _lines("score", "id", "date", "who", "text")
    for hit in hits:
        record = hit.record
        row = (f"{hit.score:.2f}", citation(record), day(record.occurred_at), _who(record), _what(record))
        table.add_row(*row)
    return table


def explained_view(recall: Recall) -> list[Any]:
    """Each hit with the reasons for its place, then what was left out."""
    views: list[Any] = []
    if understood := _understood(recall.query):
        views += [Text(understood, style="dim"), Text()]
    for place, hit in enumerate(recall.hits, 1):
        record = hit.record
        head = Text.assemble(
            (f"{place:>2}. ", "bold"), (f"{hit.score:.2f}", "bold green"), "  ", (citation(record), "cyan"), "  ",
            (f"{day(record.occurred_at)}  {_who(record)}", "dim"),
        )  # fmt: skip
        views += [head, Padding(Text(one_line(record.content)), (0, 0, 0, 4))]
        if hit.explanation is not None:
            reasons = Table.grid(padding=(0, 1))
            reasons.add_row(Text("found by", style="dim"), Text(found_by(hit.explanation)))
            reasons.add_row(Text("score", style="dim"), Text(score_parts(hit.explanation)))
            views += [Padding(reasons, (0, 0, 1, 4))]
    if not recall.hits:
        views.append(Text("Nothing found.", style="dim"))
    if recall.cut:
        views += [Text(f"Left out: {counted(len(recall.cut), 'candidate')}", style="bold"), _cut_table(recall.cut)]
        if len(recall.cut) > _CUT_SHOWN:
            views.append(Text(f"… and {len(recall.cut) - _CUT_SHOWN} more; --json has them all.", style="dim"))
    return views


def record_view(record: Record) -> list[Any]:
    """Everything about one record; fields at rest are left out."""
    facts: dict[str, Any] = {
        "id": record.id,
        "key": record.key,
        "scope": " ".join(f"{name}={label}" for name, label in scope_labels(record).items()) or "global",
        "kind": record.kind.value,
        "kept": record.tier.value + (f", until {record.expires_at:%Y-%m-%d %H:%M} UTC" if record.expires_at else ""),
        "tags": ", ".join(record.tags),
        "source": record.source,
        "said by": record.actor and record.actor + (f" ({record.role})" if record.role else ""),
        "thread": record.thread and f"{record.thread}, turn {record.seq}",
        "occurred": f"{record.occurred_at:%Y-%m-%d %H:%M} UTC",
        "recorded": f"{record.recorded_at:%Y-%m-%d %H:%M} UTC",
        "weight": f"importance {record.importance:g}, confidence {record.confidence:g}, boost {record.boost:g}"
        + (", pinned" if record.pinned else ""),
        "said": counted(record.evidence_count, "time"),
        "version": record.version,
        "metadata": dict(record.metadata) or None,
        "value": record.value,
    }
    return [Text(printable(record.content)), Text(), facts_view(facts)]


def facts_view(facts: Mapping[str, Any]) -> Table:
    """Names and values in two columns; empty values are left out."""
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        if value not in (None, "", ()):
            table.add_row(Text(name, style="dim"), Text(one_line(str(value))))
    return table


def import_view(report: ImportReport, seconds: float) -> list[Any]:
    """What an import did, and the first bad entries."""
    created, there = counted(report.created, "turn"), f"{report.already_there:,} already there"
    views: list[Any] = [Text(f"Imported {created}, {there} ({report.format}, {seconds:.1f} s)")]
    if report.bad:
        views.append(Text(f"Skipped {counted(report.bad, 'bad entry', 'bad entries')}:", style="yellow"))
        for entry in report.bad_entries:
            parts = (place_of(entry, report.format), one_line(entry.reason))
            views.append(Text("  " + ": ".join(part for part in parts if part)))
        if report.bad > len(report.bad_entries):
            views.append(Text(f"  … and {report.bad - len(report.bad_entries):,} more"))
    return views


def statistics_view(numbers: Mapping[str, Any]) -> Table:
    """What a scope holds."""
    spans = [day(instant) for name in ("first_at", "last_at") if (instant := numbers[name]) is not None]
    return facts_view(
        {
            "records": f"{numbers['records']:,}",
            "turns": f"{counted(numbers['turns'], 'turn')} in {counted(numbers['threads'], 'conversation')}",
            "from, to": " to ".join(spans),
            "text": size(numbers["content_bytes"]),
            "kinds": listed(numbers["by_kind"]),
            "tiers": listed(numbers["by_tier"]),
            "levels": listed(numbers["by_level"]),
        }
    )


def health_view(report: Mapping[str, Any]) -> list[Any]:
    """Whether the store is well."""
    well = report["status"] == "ok"
    head = Text(f"● {report['status']}", style="bold green" if well else "bold red")
    facts = {
        "problem": report.get("message"),
        "Postgres": f"{report.get('postgres_version', '?')} ({report['mode']})",
        "pgvector": report.get("vector_version"),
        "schema": report["schema_version"],
        "embedder": f"{report['embedder']} ({report['dimensions']} dimensions)",
        "language": report["language"],
        "database": size(report["database_bytes"]) if "database_bytes" in report else None,
        "round trip": f"{report['round_trip_ms']:.1f} ms" if "round_trip_ms" in report else None,
        "connections": f"{report['pool']['in_use']} in use, {report['pool']['max_size']} at most",
    }
    return [head, facts_view(facts)]


def checks_view(checks: Sequence[Check]) -> list[Any]:
    """A mark, a name and a finding per check, with the remedy below."""
    marks = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "bad": ("✗", "bold red"), "skipped": ("-", "dim")}
    table = Table.grid(padding=(0, 2, 0, 0))
    for check in checks:
        mark, style = marks[check.state]
        found = Text(one_line(check.found))
        if check.remedy:
            found.append(f"\n→ {one_line(check.remedy)}", style=style)
        table.add_row(Text(mark, style=style), Text(check.name), found)
    bad = sum(check.state == "bad" for check in checks)
    notes = sum(check.state == "warning" for check in checks)
    verdict = f"{counted(bad, 'thing')} to put right." if bad else "All is well."
    if notes:
        verdict += f" {counted(notes, 'note')}."
    return [table, Text(), Text(verdict, style="bold red" if bad else "bold green")]


def scope_labels(record: Record) -> dict[str, str]:
    """The labels of a record's scope that are set."""
    names = ("tenant", "user", "team", "agent", "session")
    return {name: label for name in names if (label := getattr(record.scope, name))}


def _lines(*titles: str) -> Table:
    """A table whose last column takes the room that is left and never wraps."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", expand=False)
    for title in titles:
        style = {"id": "cyan", "date": "dim", "score": "green"}.get(title, "")
        width = _SPEAKER_WIDTH if title == "who" else None
        is_last = title == titles[-1]  # the only one that gives way; its cells say themselves that they do not wrap
        table.add_column(title, style=style, no_wrap=not is_last, overflow="ellipsis", max_width=width)
    return table


def _cut_table(cut: Iterable[Hit]) -> Table:
    table = _lines("score", "id", "date", "why", "text")
    for hit in list(cut)[:_CUT_SHOWN]:
        why = hit.explanation.cut if hit.explanation is not None else None
        record = hit.record
        table.add_row(f"{hit.score:.2f}", citation(record), day(record.occurred_at), why or "", _what(record))
    return table


def _understood(query: Mapping[str, object]) -> str:
    """How the question was read: whom it is about, and which times it names."""
    actors, times = query.get("actors"), query.get("times")
    parts = []
    if isinstance(actors, list) and actors:
        parts.append(f"about {', '.join(one_line(str(actor)) for actor in actors)}")
    elif query.get("about_user"):
        parts.append("about the user")
    if isinstance(times, list) and times:
        parts.append(f"time: {', '.join(one_line(str(time)) for time in times)}")
    return f"Read as a question {'; '.join(parts)}" if parts else ""


def _who(record: Record) -> str:
    return one_line(record.actor or record.kind.value)


def _what(record: Record) -> Text:
    """The text, after its key if it has one. Far longer than a line is never of use."""
    text = Text(one_line(record.content[:400]))
    if record.key is not None:
        text = Text.assemble((f"{one_line(record.key)}: ", "bold"), text)
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
