"""``remember``, ``list``, ``get``, ``forget``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from memory_core.cli.opening import find, open_scope
from memory_core.cli.options import Filters, Scope, instant, json_object
from memory_core.cli.output import answer
from memory_core.errors import InvalidRequestError


def remember(
    scope: Scope,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to remember; - reads it from standard input.")],
    key: Annotated[str | None, typer.Option(help="A name, unique in the scope; given again, it replaces.")] = None,
    kind: Annotated[str | None, typer.Option(help="preference, fact, decision, … (semantic by default).")] = None,
    policy: Annotated[str | None, typer.Option(help="A named use, such as user, device, workflow.")] = None,
    tier: Annotated[str | None, typer.Option(help="short_term, long_term or permanent.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A label. Repeatable.")] = None,
    source: Annotated[str | None, typer.Option(help="Where it comes from.")] = None,
    importance: Annotated[float, typer.Option(help="0 to 1.")] = 0.5,
    confidence: Annotated[float, typer.Option(help="0 to 1.")] = 0.7,
    pin: Annotated[bool, typer.Option("--pin", help="Put it first into every context.")] = False,
    actor: Annotated[str | None, typer.Option(help="Who said it.")] = None,
    role: Annotated[str | None, typer.Option(help="user, assistant, system, tool or other.")] = None,
    thread: Annotated[str | None, typer.Option(help="The conversation it is a turn of.")] = None,
    occurred_at: Annotated[
        str | None, typer.Option(help="When it was said or happened; now by default.", metavar="DATE")
    ] = None,
    metadata: Annotated[str | None, typer.Option(help="A JSON object to keep with it.", metavar="JSON")] = None,
) -> None:
    """Store one thing."""
    from memory_core.cli.documents import record_document
    from memory_core.cli.views import records_view

    when, extra = instant(occurred_at, "--occurred-at"), json_object(metadata, "--metadata")
    content = sys.stdin.read() if text == "-" else text
    with open_scope(scope) as memory:
        record = memory.remember(
            content, key=key, kind=kind, policy=policy, tier=tier, tags=tag or (), source=source, importance=importance,
            confidence=confidence, pinned=pin, actor=actor, role=role, thread=thread, occurred_at=when, metadata=extra,
        )  # fmt: skip
    if record.tier.is_hot:
        raise InvalidRequestError(
            f"nothing was stored: records of tier {record.tier.value} live in the memory of a process, and this one "
            "ends now. Use a tier that lasts: short_term, long_term or permanent.",
            field="tier",
        )
    answer(scope.json, record_document(record), records_view([record]))


def list_records(
    scope: Scope,
    filters: Filters,
    limit: Annotated[int, typer.Option(help="Most records.")] = 20,
    offset: Annotated[int, typer.Option(help="Records to pass over.")] = 0,
    history: Annotated[bool, typer.Option("--history", help="Also what is not valid any more.")] = False,
) -> None:
    """Show what is stored, newest first."""
    from memory_core.cli.documents import record_document
    from memory_core.cli.views import records_view

    conditions = filters.conditions()
    with open_scope(scope) as memory:
        records = memory.list(limit=limit, offset=offset, include_history=history, **conditions)
    answer(scope.json, {"records": [record_document(record) for record in records]}, records_view(records))


def get(
    scope: Scope,
    name: Annotated[str, typer.Argument(metavar="ID|KEY", help="A record's id, its short form, or its key.")],
) -> None:
    """Show one record with all it carries."""
    from memory_core.cli.documents import record_document
    from memory_core.cli.views import record_view

    with open_scope(scope) as memory:
        record = find(memory, name)
    answer(scope.json, record_document(record), *record_view(record))


def forget(
    scope: Scope,
    names: Annotated[list[str], typer.Argument(metavar="ID|KEY...", help="Ids, their short forms, or keys.")],
) -> None:
    """Delete records for good.

    If one of them is not there, none is deleted.
    """
    from rich.text import Text

    from memory_core.cli.text import counted
    from memory_core.cli.views import records_view

    with open_scope(scope) as memory:
        records = list({record.id: record for record in (find(memory, name) for name in names)}.values())
        gone = memory.forget_many([record.id for record in records])
    forgotten = [record for record in records if record.id in gone]
    answer(
        scope.json,
        {"forgotten": [record.id for record in forgotten]},
        Text(f"Forgotten: {counted(len(forgotten), 'record')}"),
        *([records_view(forgotten)] if forgotten else []),
    )
