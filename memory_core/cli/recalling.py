"""``recall`` and ``context``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from memory_core.cli.opening import open_scope
from memory_core.cli.options import Filters, Scope, instant
from memory_core.cli.output import answer, margin, print_json


def recall(
    scope: Scope,
    filters: Filters,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="A question or a task in plain words.")],
    limit: Annotated[int, typer.Option(help="Most hits.")] = 10,
    explain: Annotated[bool, typer.Option("--explain", help="Say why: arms, scores, and what was left out.")] = False,
    as_of: Annotated[str | None, typer.Option(help="What was valid then, instead of now.", metavar="DATE")] = None,
    now: Annotated[str | None, typer.Option(help="What 'yesterday' in the query counts from.", metavar="DATE")] = None,
) -> None:
    """Find what bears on a question, best first."""
    from memory_core.cli.documents import hit_document
    from memory_core.cli.views import explained_view, hits_view

    conditions = filters.conditions() | {"as_of": instant(as_of, "--as-of"), "now": instant(now, "--now")}
    with open_scope(scope) as memory:
        if explain:
            found = memory.explain(query, limit=limit, **conditions)
            document = {
                "query": query,
                "understood": found.query,
                "hits": [hit_document(hit) for hit in found.hits],
                "cut": [hit_document(hit) for hit in found.cut],
            }
            answer(scope.json, document, *explained_view(found))
        else:
            hits = memory.recall(query, limit=limit, **conditions)
            answer(scope.json, {"query": query, "hits": [hit_document(hit) for hit in hits]}, hits_view(hits))


def context(
    scope: Scope,
    task: Annotated[str, typer.Argument(metavar="TASK", help="What is about to be done, in plain words.")],
    budget: Annotated[int, typer.Option(help="Most tokens of the block.", metavar="TOKENS")] = 800,
    kind: Annotated[list[str] | None, typer.Option(help="Only this kind. Repeatable.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only with this tag. Repeatable.")] = None,
    as_of: Annotated[str | None, typer.Option(help="What was valid then, instead of now.", metavar="DATE")] = None,
    now: Annotated[str | None, typer.Option(help="What 'yesterday' in the task counts from.", metavar="DATE")] = None,
) -> None:
    """Print the block of recalled records to put into a prompt."""
    from memory_core.cli.documents import hit_document
    from memory_core.cli.text import counted, printable

    then, counted_from = instant(as_of, "--as-of"), instant(now, "--now")
    with open_scope(scope) as memory:
        block = memory.context(
            task, budget_tokens=budget, kind=kind or None, tags=tag or None, as_of=then, now=counted_from
        )
    if scope.json:
        hits = [hit_document(hit) for hit in block.hits]
        print_json(
            {"text": block.text, "tokens": block.tokens, "tokenizer": block.tokenizer, "budget": budget, "hits": hits}
        )
        return
    if block.text:
        print(printable(block.text) if sys.stdout.isatty() else block.text)
    facts = f"{counted(len(block.hits), 'record')}, {block.tokens} of {budget} tokens ({block.tokenizer})"
    margin().print(facts if block.text else "Nothing found.", style="dim")
